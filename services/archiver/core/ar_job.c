/*
 * One claimed document on its way into PostgreSQL.
 *
 *            no entries, head = P
 *   LOADING ─► READING ─────────────────────────────────────► TRIMMING ─► DONE
 *     ▲          │  │ folded                                   ▲  └─► (more) ─► READING
 *     │          │  └─► LOCKING ─► CHECKING ─► COMMITTING ─────┘
 *     │          │        │ P moved    │ gone       └─► (refused, unknown) ─► LOADING
 *     │          │        └────────────┴─► UNLOCKING ─► DONE
 *     │          │ head behind or beside P
 *     │          ├─► REBASE_LOCKING ─────────► REBASING ─► UNLOCKING ─► DONE
 *     │          │                                ▲ beside P
 *     │          ├─► LOOK_LOCKING ─► LOOKING_BACK ─► (damaged, another by now) ─► UNLOCKING ─► DONE
 *     │          │ does not follow P, or nothing does
 *     │          │ neither head nor entries
 *     │          └─► UNMARKING ─► DONE
 *     └─ refused, unknown, or the cached document turned out stale: a bounded number of times
 *
 * P is PostgreSQL's head, where the document was loaded. Whatever is not OK ends the job: the mark
 * stays and its claim expires, so the document comes back (here or at another archiver).
 *
 * Here: the states, loading and reading. ar_commit.c and ar_rebase.c carry on.
 */
#include <errno.h>
#include <stdlib.h>

#include "ar_job_private.h"

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

struct storage_call *ar_job_call_begin(struct ar_job *job, enum ar_job_state state,
                                       enum storage_kind kind)
{
    struct storage_lock *lock = job->call.lock;

    job->state = state;
    job->call = (struct storage_call){
        .kind = kind, .owner = job, .doc = bytes_slice(&job->id), .lane = job->lane, .lock = lock};
    return &job->call;
}

void ar_job_call_send(struct ar_job *job)
{
    struct ar_core *core = job->core;

    core->io.storage.call(core->io.storage.ctx, &job->call);
}

void ar_job_event(struct ar_job *job, enum ar_event event, uint64_t detail)
{
    struct ar_core *core = job->core;

    core->io.event(core->io.ctx, event, bytes_slice(&job->id), detail);
}

void ar_job_document_drop(struct ar_job *job)
{
    job->doc = doc_free(job->doc);
    job->since = (struct doc_stored_size){0};
}

void ar_job_end(struct ar_job *job)
{
    MUST(!job->call.lock);
    job->state = AR_DONE;
}

void ar_job_give_up(struct ar_job *job)
{
    ar_job_document_drop(job);
    if (job->call.lock)
        ar_job_unlock_begin(job);
    else
        ar_job_end(job);
}

static void load_begin(struct ar_job *job)
{
    ar_job_document_drop(job);
    ar_job_call_begin(job, AR_LOADING, STORAGE_LOAD);
    ar_job_call_send(job);
}

void ar_job_read_begin(struct ar_job *job)
{
    struct storage_call *call = ar_job_call_begin(job, AR_READING, STORAGE_READ);

    job->base = doc_position(job->doc);
    call->from_rev = job->base.rev + 1;
    call->count_max = job->core->config.entries_max;
    ar_job_call_send(job);
}

/* What we hold turned out to be old: once more from PostgreSQL, a bounded number of times. */
void ar_job_again(struct ar_job *job)
{
    if (job->attempts++ < ATTEMPTS_MAX)
        load_begin(job);
    else
        ar_job_end(job);
}

void ar_job_damaged(struct ar_job *job, uint64_t rev)
{
    job->core->counters.damaged++;
    ar_job_event(job, AR_EVENT_DAMAGED, rev);
    ar_job_give_up(job);
}

/* In a rolling upgrade a worker of the new release may have written it already, or an archiver.
 * Nothing is damaged: it comes back, here or at one that can read it. */
static void newer(struct ar_job *job, uint64_t rev)
{
    ar_job_document_drop(job);
    ar_job_event(job, AR_EVENT_NEWER, rev);
    ar_job_end(job);
}

void ar_job_lock_begin(struct ar_job *job, enum ar_job_state state)
{
    ar_job_call_begin(job, state, STORAGE_LOCK);
    ar_job_call_send(job);
}

void ar_job_unlock_begin(struct ar_job *job)
{
    ar_job_document_drop(job);
    ar_job_call_begin(job, AR_UNLOCKING, STORAGE_UNLOCK);
    ar_job_call_send(job);
}

static void load_done(struct ar_job *job)
{
    struct storage_call *call = &job->call;
    struct ar_core *core = job->core;

    if (call->result != STORAGE_OK) {
        ar_job_end(job);
        return;
    }
    job->doc = doc_new(bytes_slice(&job->id), core->attrs);
    int r = job->doc ? doc_stored_load(job->doc, call->loaded_snapshot, call->segments,
                                       call->segment_count, &job->since)
                     : -ENOMEM;
    struct chain_position at = job->doc ? doc_position(job->doc) : (struct chain_position){0};
    if (r == -ENOMEM) {
        ar_job_end(job);
        return;
    }
    if (r == DOC_NEWER) {
        newer(job, at.rev);
        return;
    }
    if (r || (call->has_head ? !chain_position_equal(&at, &call->head) : at.rev != 0)) {
        ar_job_damaged(job, at.rev);
        return;
    }
    job->fresh = true;
    ar_job_read_begin(job);
}

/* The entry is not folded: the job takes another way. */
static void fold_failed(struct ar_job *job, int outcome, const struct storage_entry *entry,
                        bool first)
{
    if (outcome == -ENOMEM) {
        ar_job_end(job);
    } else if (outcome == DOC_NEWER) {
        newer(job, entry->first_rev);
    } else if (outcome != DOC_BAD_CHAIN || !first) {
        ar_job_damaged(job, entry->first_rev);
    } else if (!job->fresh) {
        ar_job_again(job);
    } else {
        ar_rebase_look_back(job, &entry->position);
    }
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
        if (r == DOC_NEWER && i > 0) {
            job->more = true; /* what stands before it is archived first */
            return 0;
        }
        if (r) {
            fold_failed(job, r, entry, i == 0);
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

/*
 * No entry begins behind P. Mostly another archiver has committed and trimmed since we loaded; it
 * cannot be so for ever.
 */
static void nothing_follows(struct ar_job *job)
{
    const struct chain_position none = {0};

    if (job->attempts < ATTEMPTS_MAX)
        ar_job_again(job);
    else
        ar_rebase_look_back(job, &none);
}

static void read_done(struct ar_job *job)
{
    struct storage_call *call = &job->call;

    if (call->result == STORAGE_DAMAGED) {
        ar_job_damaged(job, job->base.rev + 1);
        return;
    }
    if (call->result != STORAGE_OK) {
        ar_job_end(job);
        return;
    }
    if (!call->has_head) {
        /* Nothing to archive: the next opener adopts (I7). The mark is nobody's unless the stream
         * is filled, which is looked at in the step that takes it away. */
        ar_job_call_begin(job, AR_UNMARKING, STORAGE_REMARK);
        ar_job_call_send(job);
        return;
    }
    job->redis_head = call->head;
    if (call->head.rev <= job->base.rev) {
        if (call->entry_count > 0)
            ar_job_damaged(job, call->head.rev); /* a head is never behind the stream */
        else if (chain_position_equal(&call->head, &job->base))
            ar_trim_begin(job, AR_TRIMMING); /* committed before, but not trimmed */
        else if (!job->fresh)
            ar_job_again(job);
        else
            ar_rebase_begin(job);
        return;
    }
    if (call->entry_count == 0 || call->entries[0].first_rev != job->base.rev + 1) {
        nothing_follows(job);
        return;
    }
    if (entries_fold(job))
        return;
    ar_commit_begin(job);
}

static void lock_done(struct ar_job *job)
{
    struct storage_call *call = &job->call;
    struct chain_position start = chain_position_start(bytes_slice(&job->id));
    struct chain_position head = call->has_head ? call->head : start;

    if (call->result != STORAGE_OK) {
        call->lock = NULL;
        ar_job_end(job);
        return;
    }
    if (!chain_position_equal(&head, &job->base)) {
        job->core->counters.lost++;
        ar_job_event(job, AR_EVENT_LOST, head.rev);
        ar_job_unlock_begin(job);
        return;
    }
    if (job->state == AR_REBASE_LOCKING)
        ar_rebase_locked(job);
    else if (job->state == AR_LOOK_LOCKING)
        ar_rebase_look_locked(job);
    else
        ar_commit_locked(job);
}

void ar_job_start(struct ar_job *job)
{
    if (job->doc)
        ar_job_read_begin(job);
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
        ar_rebase_looked_back(job);
        return;
    case AR_LOCKING:
    case AR_REBASE_LOCKING:
    case AR_LOOK_LOCKING:
        lock_done(job);
        return;
    case AR_CHECKING:
        ar_commit_checked(job);
        return;
    case AR_COMMITTING:
        ar_commit_done(job);
        return;
    case AR_TRIMMING:
        ar_trim_done(job);
        return;
    case AR_REBASING:
        ar_rebase_done(job);
        return;
    case AR_UNLOCKING:
        job->call.lock = NULL;
        ar_job_end(job);
        return;
    case AR_UNMARKING:
        if (job->call.result == STORAGE_OK)
            job->core->counters.remarked += job->call.count;
        ar_job_end(job);
        return;
    case AR_DONE:
        break;
    }
    MUST(!"a finished job has no call under way");
}
