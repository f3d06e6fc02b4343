/*
 * One claimed document on its way into PostgreSQL.
 *
 *            no entries, head = P                    ┌──────────── more ────────────┐
 *   LOADING ─► READING ──────────────────────────────┼─► TRIMMING ─► DONE           │
 *     ▲          │  │ folded                         │      ▲                       │
 *     │          │  └─► LOCKING ─► CHECKING ─► COMMITTING ───┘ ─────────────────────┘
 *     │          │        │ P moved    │ gone       │ refused, unknown
 *     │          │        └────────────┴─► UNLOCKING┴─► (attempts left) ─► LOADING
 *     │          │ head behind or beside P
 *     │          ├─► REBASE_LOCKING ─► REBASING ─► UNLOCKING ─► DONE
 *     │          │        │ beside P
 *     │          ├─► LOOKING_BACK ─► (damaged) ─► DONE
 *     │          │ does not follow P
 *     │          │ neither head nor entries
 *     │          └─► UNMARKING ─► DONE
 *     └─ the cached document turned out stale
 *
 * P is PostgreSQL's head, where the document was loaded. Whatever is not OK ends the job: the mark
 * stays and its claim expires, so the document comes back (here or at another archiver).
 *
 * Why CHECKING: between the READ and the lock a worker may have lost and adopted or rebased the
 * document, so under the lock the last folded entry must still be in the stream (I7). A stream is
 * always a chain that ends in head, so if the last one is there the earlier ones are its ancestors.
 *
 * Why REBASING: where PostgreSQL is ahead of or beside Redis' head, Redis has lost what was
 * archived and PostgreSQL wins (I7). P was committed before the READ, so a healthy head cannot be
 * behind it. Where PostgreSQL has nothing there is nothing to win: that is damage.
 *
 * Why LOOKING_BACK: an entry that does not follow P is of another history or damaged, and a rebase
 * would drop it and all behind it. A stream begins at a position that PostgreSQL has (a trim, an
 * adoption, a rebase); so of another history it has an entry too that ends at P's revision with
 * another hash. Without one it is damage.
 */
#include "ar_job.h"

#include <errno.h>
#include <stdlib.h>

#include "ar_core_private.h"

#define ATTEMPTS_MAX 3

struct ar_job *ar_job_new(struct ar_core *core, uint32_t lane, struct slice id, struct doc *doc,
                          struct doc_stored_size since)
{
    struct ar_job *job = calloc(1, sizeof *job);

    if (!job) {
        doc_free(doc);
        return NULL;
    }
    *job = (struct ar_job){.core = core, .lane = lane, .doc = doc, .since = since};
    list_init(&job->link);
    bytes_append_slice(&job->id, id);
    archive_writer_init(&job->writer);
    return job->id.failed ? ar_job_free(job) : job;
}

struct ar_job *ar_job_free(struct ar_job *job)
{
    if (!job)
        return NULL;
    list_remove(&job->link);
    doc_free(job->doc);
    archive_writer_fini(&job->writer);
    bytes_fini(&job->id);
    bytes_fini(&job->segment);
    bytes_fini(&job->snapshot);
    free(job);
    return NULL;
}

static struct storage_call *call_begin(struct ar_job *job, enum ar_job_state state,
                                       enum storage_kind kind)
{
    struct storage_lock *lock = job->call.lock;

    job->state = state;
    job->call = (struct storage_call){
        .kind = kind, .owner = job, .doc = bytes_slice(&job->id), .lane = job->lane, .lock = lock};
    return &job->call;
}

static void call_send(struct ar_job *job)
{
    struct ar_core *core = job->core;

    core->io.storage.call(core->io.storage.ctx, &job->call);
}

static void event(struct ar_job *job, enum ar_event event, uint64_t detail)
{
    struct ar_core *core = job->core;

    core->io.event(core->io.ctx, event, bytes_slice(&job->id), detail);
}

static void document_drop(struct ar_job *job)
{
    job->doc = doc_free(job->doc);
    job->since = (struct doc_stored_size){0};
}

static void job_done(struct ar_job *job)
{
    MUST(!job->call.lock);
    job->state = AR_DONE;
}

static void load_begin(struct ar_job *job)
{
    document_drop(job);
    call_begin(job, AR_LOADING, STORAGE_LOAD);
    call_send(job);
}

static void read_begin(struct ar_job *job)
{
    struct storage_call *call = call_begin(job, AR_READING, STORAGE_READ);

    job->base = doc_position(job->doc);
    call->from_rev = job->base.rev + 1;
    call->count_max = job->core->config.entries_max;
    call_send(job);
}

/* What we hold turned out to be old: once more from PostgreSQL, a bounded number of times. */
static void again(struct ar_job *job)
{
    if (job->attempts++ < ATTEMPTS_MAX)
        load_begin(job);
    else
        job_done(job);
}

static void damaged(struct ar_job *job, uint64_t rev)
{
    job->core->counters.damaged++;
    event(job, AR_EVENT_DAMAGED, rev);
    job_done(job);
}

static void unlock_begin(struct ar_job *job)
{
    document_drop(job);
    call_begin(job, AR_UNLOCKING, STORAGE_UNLOCK);
    call_send(job);
}

static void trim_begin(struct ar_job *job, enum ar_job_state state)
{
    struct storage_call *call = call_begin(job, state, STORAGE_TRIM);

    call->first_rev = doc_entry_first_rev(job->doc);
    call->position = doc_position(job->doc);
    call_send(job);
}

static void lock_begin(struct ar_job *job, enum ar_job_state state)
{
    call_begin(job, state, STORAGE_LOCK);
    call_send(job);
}

/*
 * What Redis has does not follow what PostgreSQL has, which wins. Only at revision 0 it has
 * nothing, and a chain can begin in one way only: there it is damage, and a rebase would drop the
 * log.
 */
static void rebase_begin(struct ar_job *job)
{
    if (job->base.rev > 0) {
        lock_begin(job, AR_REBASE_LOCKING);
        return;
    }
    document_drop(job);
    damaged(job, 1);
}

static void load_done(struct ar_job *job)
{
    struct storage_call *call = &job->call;
    struct ar_core *core = job->core;

    if (call->result != STORAGE_OK) {
        job_done(job);
        return;
    }
    job->doc = doc_new(bytes_slice(&job->id), core->attrs);
    int r = job->doc ? doc_stored_load(job->doc, call->loaded_snapshot, call->segments,
                                       call->segment_count, &job->since)
                     : -ENOMEM;
    struct chain_position at = job->doc ? doc_position(job->doc) : (struct chain_position){0};
    if (r == -ENOMEM) {
        job_done(job);
        return;
    }
    if (r || (call->has_head ? !chain_position_equal(&at, &call->head) : at.rev != 0)) {
        document_drop(job);
        damaged(job, at.rev);
        return;
    }
    job->fresh = true;
    read_begin(job);
}

static void look_back_page(struct ar_job *job, uint64_t from_rev)
{
    struct storage_call *call = call_begin(job, AR_LOOKING_BACK, STORAGE_READ);

    call->from_rev = from_rev;
    call->count_max = job->core->config.entries_max;
    call_send(job);
}

static void look_back_begin(struct ar_job *job, const struct chain_position *unfit)
{
    job->unfit = *unfit;
    job->beside = false;
    look_back_page(job, 1);
}

static void look_back_done(struct ar_job *job)
{
    struct storage_call *call = &job->call;
    uint64_t next = 0;

    if (call->result != STORAGE_OK) {
        job_done(job);
        return;
    }
    for (size_t i = 0; i < call->entry_count; i++) {
        const struct storage_entry *entry = &call->entries[i];
        next = entry->first_rev + 1;
        if (entry->position.rev == job->base.rev)
            job->beside = !chain_position_equal(&entry->position, &job->base);
        if (entry->first_rev != job->base.rev + 1 ||
            !chain_position_equal(&entry->position, &job->unfit))
            continue;
        if (job->beside) {
            job->redis_head = call->head;
            rebase_begin(job);
        } else {
            document_drop(job);
            damaged(job, entry->first_rev);
        }
        return;
    }
    if (call->entry_count > 0 && next <= job->base.rev + 1)
        look_back_page(job, next);
    else
        again(job); /* the stream is another by now */
}

/* 0: goes on with what was folded. Else the job took another way. */
static int entries_fold(struct ar_job *job)
{
    struct storage_call *call = &job->call;

    for (size_t i = 0; i < call->entry_count; i++) {
        struct storage_entry *entry = &call->entries[i];
        if (job->writer.raw.size + entry->payload.size > AR_SEGMENT_BYTES_MAX && i > 0) {
            job->core->counters.limit_segment++;
            job->more = true;
            return 0;
        }
        uint64_t before = doc_position(job->doc).rev;
        int r = doc_entry_apply(job->doc, entry->payload, &entry->position);
        if (r == -ENOMEM) {
            job_done(job);
            return r;
        }
        if (r == DOC_BAD_CHAIN && i == 0) {
            if (!job->fresh)
                again(job);
            else
                look_back_begin(job, &entry->position);
            return r;
        }
        if (r) {
            document_drop(job);
            damaged(job, entry->first_rev);
            return r;
        }
        if (i == 0)
            job->time_ms = doc_time_ms(job->doc);
        job->since.revs += doc_position(job->doc).rev - before;
        job->since.bytes += entry->payload.size;
        archive_writer_add(&job->writer, entry->payload);
    }
    job->more = call->entry_count == job->core->config.entries_max;
    job->core->counters.limit_entries += job->more;
    return 0;
}

/* Compresses what will be committed, before the lock is taken: locks are held briefly. */
static int rows_build(struct ar_job *job)
{
    const struct ar_config *config = &job->core->config;

    bytes_reset(&job->segment);
    bytes_reset(&job->snapshot);
    int r = archive_writer_finish(&job->writer, &job->segment);
    job->wants_snapshot =
        job->since.revs >= config->snapshot_revs || job->since.bytes >= config->snapshot_bytes;
    if (r || !job->wants_snapshot)
        return r;
    struct bytes raw = BYTES_INIT;
    r = doc_snapshot_save(job->doc, &raw);
    if (!r)
        r = archive_compress(bytes_slice(&raw), &job->snapshot);
    bytes_fini(&raw);
    return r;
}

static void read_done(struct ar_job *job)
{
    struct storage_call *call = &job->call;

    if (call->result != STORAGE_OK) {
        job_done(job);
        return;
    }
    if (!call->has_head) {
        /* Nothing to archive: the next opener adopts (I7). The mark is nobody's unless the stream
         * is filled, which is looked at in the step that takes it away. */
        call_begin(job, AR_UNMARKING, STORAGE_REMARK);
        call_send(job);
        return;
    }
    job->redis_head = call->head;
    if (call->head.rev <= job->base.rev) {
        if (chain_position_equal(&call->head, &job->base))
            trim_begin(job, AR_TRIMMING); /* committed before, but not trimmed */
        else if (!job->fresh)
            again(job);
        else
            rebase_begin(job);
        return;
    }
    if (call->entry_count == 0 || call->entries[0].first_rev != job->base.rev + 1) {
        /* Another archiver has committed and trimmed since we loaded; it cannot be so for ever. */
        if (job->attempts < ATTEMPTS_MAX)
            again(job);
        else
            damaged(job, job->base.rev + 1);
        return;
    }
    if (entries_fold(job))
        return;
    if (rows_build(job))
        job_done(job);
    else
        lock_begin(job, AR_LOCKING);
}

static void lock_done(struct ar_job *job)
{
    struct storage_call *call = &job->call;
    struct chain_position start = chain_position_start(bytes_slice(&job->id));
    struct chain_position head = call->has_head ? call->head : start;

    if (call->result != STORAGE_OK) {
        call->lock = NULL;
        job_done(job);
        return;
    }
    if (!chain_position_equal(&head, &job->base)) {
        job->core->counters.lost++;
        event(job, AR_EVENT_LOST, head.rev);
        unlock_begin(job);
        return;
    }
    if (job->state == AR_REBASE_LOCKING) {
        struct storage_call *rebase = call_begin(job, AR_REBASING, STORAGE_REBASE);
        rebase->expect = job->redis_head;
        rebase->position = job->base;
    } else {
        struct storage_call *read = call_begin(job, AR_CHECKING, STORAGE_READ);
        read->from_rev = doc_entry_first_rev(job->doc);
        read->count_max = 1;
    }
    call_send(job);
}

static bool still_there(const struct ar_job *job)
{
    const struct storage_call *call = &job->call;
    struct chain_position at = doc_position(job->doc);

    return call->result == STORAGE_OK && call->entry_count == 1 &&
           call->entries[0].first_rev == doc_entry_first_rev(job->doc) &&
           chain_position_equal(&call->entries[0].position, &at);
}

static void check_done(struct ar_job *job)
{
    struct chain_position at = doc_position(job->doc);

    if (!still_there(job)) {
        unlock_begin(job);
        return;
    }
    struct storage_call *commit = call_begin(job, AR_COMMITTING, STORAGE_COMMIT);
    commit->expect = job->base;
    commit->position = at;
    commit->first_rev = doc_entry_first_rev(job->doc);
    commit->segment_first_rev = job->base.rev + 1;
    commit->segment = bytes_slice(&job->segment);
    commit->snapshot = bytes_slice(&job->snapshot);
    commit->doc_kind = doc_kind(job->doc);
    commit->title = doc_title(job->doc);
    call_send(job);
}

static void committed(struct ar_job *job)
{
    struct ar_core *core = job->core;
    uint64_t wall_ms = core->io.wall_ms(core->io.ctx);

    core->counters.commits++;
    core->counters.bytes += job->segment.size;
    core->counters.revisions += doc_position(job->doc).rev - job->base.rev;
    obs_hist_add(&core->counters.commit_revisions, doc_position(job->doc).rev - job->base.rev);
    core->lag_ms = wall_ms > job->time_ms ? wall_ms - job->time_ms : 0;
    event(job, AR_EVENT_COMMITTED, doc_position(job->doc).rev);
    if (job->wants_snapshot) {
        core->counters.snapshots++;
        event(job, AR_EVENT_SNAPSHOT, doc_position(job->doc).rev);
        job->since = (struct doc_stored_size){0};
    }
    trim_begin(job, AR_TRIMMING);
}

static void commit_done(struct ar_job *job)
{
    struct ar_core *core = job->core;

    job->call.lock = NULL;
    switch (job->call.result) {
    case STORAGE_OK:
        committed(job);
        return;
    case STORAGE_UNKNOWN:
        /* An unknown COMMIT is read again before any trim (I7). */
        core->counters.unknown++;
        event(job, AR_EVENT_UNKNOWN, job->base.rev);
        again(job);
        return;
    case STORAGE_REFUSED:
        core->counters.lost++;
        event(job, AR_EVENT_LOST, job->base.rev);
        again(job);
        return;
    default:
        document_drop(job);
        job_done(job);
    }
}

static void trim_done(struct ar_job *job)
{
    if (job->call.result == STORAGE_OK) {
        job->core->counters.trims++;
        event(job, AR_EVENT_TRIMMED, job->call.entries_left);
        if (job->more) {
            job->more = false;
            read_begin(job);
            return;
        }
    }
    job_done(job);
}

static void rebase_done(struct ar_job *job)
{
    if (job->call.result == STORAGE_OK) {
        job->core->counters.rebases++;
        event(job, AR_EVENT_REBASED, job->base.rev);
    }
    unlock_begin(job);
}

void ar_job_start(struct ar_job *job)
{
    if (job->doc)
        read_begin(job);
    else
        load_begin(job);
}

void ar_job_storage_done(struct ar_job *job)
{
    switch (job->state) {
    case AR_LOADING:
        load_done(job);
        return;
    case AR_READING:
        read_done(job);
        return;
    case AR_LOOKING_BACK:
        look_back_done(job);
        return;
    case AR_LOCKING:
    case AR_REBASE_LOCKING:
        lock_done(job);
        return;
    case AR_CHECKING:
        check_done(job);
        return;
    case AR_COMMITTING:
        commit_done(job);
        return;
    case AR_TRIMMING:
        trim_done(job);
        return;
    case AR_REBASING:
        rebase_done(job);
        return;
    case AR_UNLOCKING:
        job->call.lock = NULL;
        job_done(job);
        return;
    case AR_UNMARKING:
        if (job->call.result == STORAGE_OK)
            job->core->counters.remarked += job->call.count;
        job_done(job);
        return;
    case AR_DONE:
        break;
    }
    MUST(!"a finished job has no call under way");
}
