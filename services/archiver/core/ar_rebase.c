/*
 * Redis' head, or its first entry behind PostgreSQL's, does not follow PostgreSQL's head (ar_job.c
 * has the states).
 *
 * Why REBASING: where PostgreSQL is ahead of or beside Redis' head, Redis has lost what was
 * archived and PostgreSQL wins (I7). P was committed before the READ, so a healthy head cannot be
 * behind it. Where PostgreSQL has nothing there is nothing to win: that is damage.
 *
 * Why LOOKING_BACK: an entry that does not follow P is of another history or damaged, and a rebase
 * would drop it and all behind it. A stream begins at a position that PostgreSQL has (a trim, an
 * adoption, a rebase); so of another history it has an entry too that spans P's revision, or ends
 * there with another hash. Without one it is damage. The lock is held meanwhile: who commits, sets
 * the head back or adopts would make another stream of it, whose remains look like damage.
 */
#include <errno.h>

#include "ar_job_private.h"
#include "wire_record.h"

/*
 * What Redis has does not follow what PostgreSQL has, which wins. Only at revision 0 it has
 * nothing, and a chain can begin in one way only: there it is damage, and a rebase would drop the
 * log.
 */
void ar_rebase_begin(struct ar_job *job)
{
    if (job->base.rev == 0)
        ar_job_damaged(job, 1);
    else if (job->call.lock)
        ar_rebase_locked(job);
    else
        ar_job_lock_begin(job, AR_REBASE_LOCKING);
}

static void look_back_page(struct ar_job *job, uint64_t from_rev)
{
    struct storage_call *call = ar_job_call_begin(job, AR_LOOKING_BACK, STORAGE_READ);

    call->from_rev = from_rev;
    call->count_max = job->core->config.entries_max;
    ar_job_call_send(job);
}

void ar_rebase_look_back(struct ar_job *job, const struct chain_position *unfit)
{
    job->unfit = *unfit;
    job->beside = false;
    ar_job_lock_begin(job, AR_LOOK_LOCKING);
}

void ar_rebase_look_locked(struct ar_job *job)
{
    look_back_page(job, 1);
}

static void gives_way(struct ar_job *job)
{
    job->redis_head = job->call.head;
    ar_rebase_begin(job);
}

/* An entry that spans P's revision: is there as much in it as it says? */
static void spanning(struct ar_job *job, const struct storage_entry *stored)
{
    struct wire_entry entry;
    struct arena mem;

    arena_init(&mem, SIZE_MAX);
    int r = wire_entry_decode(&mem, stored->payload, &entry);
    arena_fini(&mem);
    if (r == -ENOMEM || r == WIRE_NEWER)
        ar_job_give_up(job); /* it comes again, to one that can read it */
    else if (!r && stored->first_rev == entry.first_rev &&
             stored->position.rev == entry.first_rev + entry.count - 1)
        gives_way(job);
    else
        ar_job_damaged(job, stored->first_rev);
}

/*
 * Looked at all up to P's revision: nothing is of another history. Where nothing followed P, though
 * the head is ahead, and still nothing does, something is missing.
 */
static void look_back_end(struct ar_job *job)
{
    if (job->unfit.rev == 0 && job->call.has_head && job->call.head.rev > job->base.rev)
        ar_job_damaged(job, job->base.rev + 1);
    else
        ar_job_give_up(job); /* the stream was another before the lock: it comes again */
}

/* True: this entry tells what the stream is. */
static bool look_back_at(struct ar_job *job, const struct storage_entry *entry)
{
    uint64_t rev = job->base.rev;

    if (entry->position.rev == rev)
        job->beside = !chain_position_equal(&entry->position, &job->base);
    bool spans = entry->first_rev <= rev && entry->position.rev > rev;
    bool follows = entry->first_rev == rev + 1;
    bool unfit = follows && chain_position_equal(&entry->position, &job->unfit);
    if (spans)
        spanning(job, entry);
    else if (unfit && job->beside)
        gives_way(job);
    else if (unfit)
        ar_job_damaged(job, entry->first_rev);
    else if (follows)
        ar_job_give_up(job); /* by now, or another does */
    return spans || follows;
}

void ar_rebase_looked_back(struct ar_job *job)
{
    struct storage_call *call = &job->call;
    uint64_t next = 0;

    if (call->result == STORAGE_DAMAGED) {
        ar_job_damaged(job, job->base.rev + 1);
        return;
    }
    if (call->result != STORAGE_OK) {
        ar_job_give_up(job);
        return;
    }
    for (size_t i = 0; i < call->entry_count; i++) {
        next = call->entries[i].first_rev + 1;
        if (look_back_at(job, &call->entries[i]))
            return;
    }
    if (call->entry_count > 0 && next <= job->base.rev + 1)
        look_back_page(job, next);
    else
        look_back_end(job);
}

void ar_rebase_locked(struct ar_job *job)
{
    struct storage_call *rebase = ar_job_call_begin(job, AR_REBASING, STORAGE_REBASE);

    rebase->expect = job->redis_head;
    rebase->position = job->base;
    ar_job_call_send(job);
}

void ar_rebase_done(struct ar_job *job)
{
    if (job->call.result == STORAGE_OK) {
        job->core->counters.rebases++;
        ar_job_event(job, AR_EVENT_REBASED, job->base.rev);
    }
    ar_job_unlock_begin(job);
}
