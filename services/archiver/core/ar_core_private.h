/* What the core's files share. */
#ifndef WEFT_AR_CORE_PRIVATE_H
#define WEFT_AR_CORE_PRIVATE_H

#include "ar_job.h"
#include "hash.h"

struct ar_cached {
    UT_hash_handle hh;
    struct list link; /* in ar_core.cached, least recent first */
    struct doc *doc;  /* owned */
    struct doc_stored_size since;
};

struct ar_head {
    struct slice id;                /* in ar_heads.mem */
    struct chain_position position; /* in PostgreSQL */
};

/* The sweep that compares heads (ar_heads.c). */
struct ar_heads {
    struct storage_call call; /* kind 0: none under way */
    struct arena mem;         /* of the page */
    struct ar_head *page;
    size_t count, at;
    struct bytes after; /* owned; the last that was compared: empty at the beginning */
    bool doubted;       /* the last turn ended before the one behind it, which was not answered */
    uint64_t due_ms;
};

struct ar_core {
    struct ar_config config;
    struct ar_io io;
    struct ar_counters counters;
    struct ot_attrs_table *attrs;
    struct list jobs;
    uint32_t job_count;
    struct ar_cached *cache;
    struct list cached;
    size_t cache_bytes;
    struct storage_call claim; /* kind 0: none under way */
    struct storage_call sweep;
    struct ar_heads heads;
    uint32_t claim_lane, claim_misses; /* lanes in a row that had nothing */
    uint32_t sweep_lane;
    uint64_t sweep_cursor;
    uint64_t claim_due_ms, sweep_due_ms;
    uint64_t lag_ms;             /* of the last commit, while there is work */
    uint64_t failing_since_ms;   /* the first job that failed since one succeeded; 0: none */
    uint64_t failed_ms;          /* the last that failed */
    uint64_t claimless_since_ms; /* no claim is answered; 0: they are */
    bool started, draining;
};

/* False: it is being worked on already, or memory is out. */
bool ar_core_job_begin(struct ar_core *core, uint32_t lane, struct slice id);

void ar_heads_init(struct ar_core *core);
void ar_heads_fini(struct ar_core *core);
/* The next page of documents. */
void ar_heads_begin(struct ar_core *core);
void ar_heads_storage_done(struct ar_core *core);

void ar_cache_put(struct ar_core *core, struct doc *doc, struct doc_stored_size since);
/* Takes it out; NULL: not there. */
struct doc *ar_cache_take(struct ar_core *core, struct slice id, struct doc_stored_size *ret_since);
void ar_cache_clear(struct ar_core *core);

#endif
