/* What the files of a job share. A ..._begin sends the job's next call; its end comes back through
 * ar_job_storage_done. */
#ifndef WEFT_AR_JOB_PRIVATE_H
#define WEFT_AR_JOB_PRIVATE_H

#include "ar_core_private.h"

/* --- ar_job.c --- */

/* Lends the job's call, made anew, to be filled before it is sent. A lock that it has stays. */
struct storage_call *ar_job_call_begin(struct ar_job *job, enum ar_job_state state,
                                       enum storage_kind kind);
void ar_job_call_send(struct ar_job *job);
void ar_job_event(struct ar_job *job, enum ar_event event, uint64_t detail);
void ar_job_document_drop(struct ar_job *job);
void ar_job_read_begin(struct ar_job *job);
void ar_job_lock_begin(struct ar_job *job, enum ar_job_state state);
/* Drops the document: whatever made the lock useless made it useless too. */
void ar_job_unlock_begin(struct ar_job *job);
void ar_job_again(struct ar_job *job);
/* Drops the document too, since it was of no use; gives a lock back. */
void ar_job_damaged(struct ar_job *job, uint64_t rev);
void ar_job_give_up(struct ar_job *job);
/* Without a lock. */
void ar_job_end(struct ar_job *job);

/* --- ar_commit.c --- */

void ar_commit_begin(struct ar_job *job);
void ar_commit_locked(struct ar_job *job);
void ar_commit_checked(struct ar_job *job);
void ar_commit_done(struct ar_job *job);
void ar_trim_begin(struct ar_job *job, enum ar_job_state state);
void ar_trim_done(struct ar_job *job);

/* --- ar_rebase.c --- */

void ar_rebase_begin(struct ar_job *job);
/* Behind PostgreSQL's head stands an entry that leads to `unfit`, and does not follow it; or none
 * (revision 0) though Redis' head is ahead. */
void ar_rebase_look_back(struct ar_job *job, const struct chain_position *unfit);
void ar_rebase_look_locked(struct ar_job *job);
void ar_rebase_looked_back(struct ar_job *job);
void ar_rebase_locked(struct ar_job *job);
void ar_rebase_done(struct ar_job *job);

#endif
