/*
 * What was folded is committed, and the stream trimmed behind it (ar_job.c has the states).
 *
 * Why CHECKING: between the READ and the lock a worker may have lost and adopted or rebased the
 * document, so under the lock the last folded entry must still be in the stream (I7). A stream is
 * always a chain that ends in head, so if the last one is there the earlier ones are its ancestors.
 */
#include "ar_job_private.h"

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

void ar_commit_begin(struct ar_job *job)
{
    if (rows_build(job))
        ar_job_end(job);
    else
        ar_job_lock_begin(job, AR_LOCKING);
}

void ar_commit_locked(struct ar_job *job)
{
    struct storage_call *read = ar_job_call_begin(job, AR_CHECKING, STORAGE_READ);

    read->from_rev = doc_entry_first_rev(job->doc);
    read->count_max = 1;
    ar_job_call_send(job);
}

static bool still_there(const struct ar_job *job)
{
    const struct storage_call *call = &job->call;
    struct chain_position at = doc_position(job->doc);

    return call->result == STORAGE_OK && call->entry_count == 1 &&
           call->entries[0].first_rev == doc_entry_first_rev(job->doc) &&
           chain_position_equal(&call->entries[0].position, &at);
}

void ar_commit_checked(struct ar_job *job)
{
    struct chain_position at = doc_position(job->doc);

    if (!still_there(job)) {
        ar_job_unlock_begin(job);
        return;
    }
    struct storage_call *commit = ar_job_call_begin(job, AR_COMMITTING, STORAGE_COMMIT);
    commit->expect = job->base;
    commit->position = at;
    commit->first_rev = doc_entry_first_rev(job->doc);
    commit->segment_first_rev = job->base.rev + 1;
    commit->segment = bytes_slice(&job->segment);
    commit->snapshot = bytes_slice(&job->snapshot);
    commit->doc_kind = doc_kind(job->doc);
    commit->title = doc_title(job->doc);
    ar_job_call_send(job);
}

void ar_trim_begin(struct ar_job *job, enum ar_job_state state)
{
    struct storage_call *call = ar_job_call_begin(job, state, STORAGE_TRIM);

    call->first_rev = doc_entry_first_rev(job->doc);
    call->position = doc_position(job->doc);
    ar_job_call_send(job);
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
    ar_job_event(job, AR_EVENT_COMMITTED, doc_position(job->doc).rev);
    if (job->wants_snapshot) {
        core->counters.snapshots++;
        ar_job_event(job, AR_EVENT_SNAPSHOT, doc_position(job->doc).rev);
        job->since = (struct doc_stored_size){0};
    }
    ar_trim_begin(job, AR_TRIMMING);
}

void ar_commit_done(struct ar_job *job)
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
        ar_job_event(job, AR_EVENT_UNKNOWN, job->base.rev);
        ar_job_again(job);
        return;
    case STORAGE_REFUSED:
        core->counters.lost++;
        ar_job_event(job, AR_EVENT_LOST, job->base.rev);
        ar_job_again(job);
        return;
    default:
        ar_job_document_drop(job);
        ar_job_end(job);
    }
}

void ar_trim_done(struct ar_job *job)
{
    if (job->call.result == STORAGE_OK) {
        job->core->counters.trims++;
        ar_job_event(job, AR_EVENT_TRIMMED, job->call.entries_left);
        if (job->more) {
            job->more = false;
            ar_job_read_begin(job);
            return;
        }
    }
    ar_job_end(job);
}
