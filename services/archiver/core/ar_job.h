/* One claimed document on its way into PostgreSQL (ar_job.c). Private to the core. */
#ifndef WEFT_AR_JOB_H
#define WEFT_AR_JOB_H

#include "ar_core.h"
#include "archive_segment.h"
#include "doc_stored.h"
#include "list.h"

enum ar_job_state {
    AR_LOADING,
    AR_READING,
    AR_LOOK_LOCKING,
    AR_LOOKING_BACK,
    AR_LOCKING,
    AR_CHECKING,
    AR_COMMITTING,
    AR_TRIMMING,
    AR_REBASE_LOCKING,
    AR_REBASING,
    AR_UNLOCKING,
    AR_UNMARKING,
    AR_DONE,
};

/* Entries of one segment, before they are compressed. */
#define AR_SEGMENT_BYTES_MAX (4u << 20)

struct ar_job {
    struct list link; /* in ar_core.jobs */
    struct ar_core *core;
    struct storage_call call;
    enum ar_job_state state;
    uint32_t lane;
    struct bytes id; /* owned */
    struct doc *doc; /* owned; at PostgreSQL's head, or ahead of it while a commit is made */
    bool fresh;      /* doc was loaded by this job, not taken from the cache */
    bool more;       /* the stream holds more than was folded */
    bool wants_snapshot;
    unsigned attempts;
    uint64_t time_ms;             /* of the oldest entry folded */
    struct doc_stored_size since; /* behind the newest snapshot, folded ones included */
    struct chain_position base;   /* PostgreSQL's head */
    struct chain_position redis_head;
    struct chain_position unfit; /* behind the entry that does not follow base */
    bool beside;                 /* an entry before it ends at base's revision, elsewhere */
    struct archive_writer writer;
    struct bytes segment, snapshot; /* owned; compressed */
};

/* Takes doc (may be NULL: load it). NULL: no memory; doc is freed. */
struct ar_job *ar_job_new(struct ar_core *core, uint32_t lane, struct slice id, struct doc *doc,
                          struct doc_stored_size since);
struct ar_job *ar_job_free(struct ar_job *job);
void ar_job_start(struct ar_job *job);
/* The job's call is complete; when the state is AR_DONE afterwards the core frees it. */
void ar_job_storage_done(struct ar_job *job);

#endif
