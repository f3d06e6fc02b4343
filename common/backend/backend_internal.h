/*
 * Inside common/backend:
 *
 *   backend.c          calls under way, breakers, completion, states, closing
 *   backend_redis.c    the calls that Redis answers, but READ
 *   backend_read.c     READ, in pages
 *   backend_postgres.c the calls that PostgreSQL answers; locks
 *   backend_metrics.c  counters
 *
 * A call that goes to a client gets a request, which ends in backend_complete(). One that does not
 * (breaker open, no memory) is only linked into `refused` until the end of the turn: that needs no
 * memory, so it cannot fail.
 */
#ifndef WEFT_BACKEND_INTERNAL_H
#define WEFT_BACKEND_INTERNAL_H

#include "backend.h"
#include "cluster_tracker.h"
#include "ev_loop.h"
#include "list.h"
#include "obs_stats.h"
#include "pg_calls.h"
#include "redis_calls.h"

#define BACKEND_KINDS (STORAGE_DOCS + 1)
#define BACKEND_RESULTS (STORAGE_DAMAGED + 1)

/* The pages that a READ has got before its last one. */
struct backend_pages {
    struct storage_entry *entries; /* owned; payloads point into blocks */
    size_t count, capacity;
    void **blocks; /* owned, one for each page */
    size_t block_count;
    size_t bytes; /* of payload */
};

struct backend_request {
    struct list link; /* in backend.under_way */
    struct backend *backend;
    struct storage_call *call; /* borrowed; NULL: abandoned */
    enum storage_kind kind;
    int64_t began_us;
    /* READ */
    struct backend_pages pages;
    /* REMARK */
    size_t parts_out; /* remarks that are not answered yet */
    enum storage_result parts_result;
    /* LOCK: made before it is asked for. COMMIT, UNLOCK: the one that ends. Owned */
    struct storage_lock *lock;
};

struct storage_lock {
    struct list link; /* in backend.locks while the core has it */
    struct pg_lock *pg;
};

struct backend_stats {
    uint64_t calls[BACKEND_KINDS][BACKEND_RESULTS];
    struct obs_hist took_us[BACKEND_KINDS];
    uint64_t pages; /* of READs that needed more than one */
};

struct backend {
    struct ev_loop *loop; /* borrowed */
    const struct backend_events *events;
    void *arg;
    struct redis_client *redis; /* owned */
    struct pg_client *postgres; /* owned; NULL: none */
    struct cluster_breaker breakers[BACKEND_SERVERS];
    struct rng rng;
    struct list under_way;
    struct list locks;
    struct storage_call *refused_first, *refused_last; /* DOWN; told at the end of the turn */
    struct ev_task deliver;                            /* tells them */
    struct ev_task release;
    uint64_t view_known[2]; /* greatest view number seen, by storage_list */
    int64_t grace_until_ms; /* until then beats drop nobody: Redis was out of reach */
    struct backend_stats stats;
    bool closing;
    unsigned clients_open;
    void (*closed)(void *arg);
    void *closed_arg;
};

/* backend.c */

/*
 * Ends a request: tells breaker, counters and the core, and frees it. The call's outputs have been
 * set where the result has any. alive: the server answered, whatever it said.
 */
void backend_complete(struct backend_request *request, enum storage_result result, bool alive,
                      const char *error);
/* The same with what an answer means that came without a reply. */
void backend_complete_redis(struct backend_request *request, const struct redis_answer *answer);
void backend_complete_postgres(struct backend_request *request, const struct pg_answer *answer);

/* Hand it to the client. -ENOMEM: nothing was sent. */
MUST_CHECK int backend_redis_send(struct backend_request *request);
MUST_CHECK int backend_read_send(struct backend_request *request);
MUST_CHECK int backend_postgres_send(struct backend_request *request);

/* backend_read.c */
void backend_pages_fini(struct backend_pages *pages);

/* backend_postgres.c */
/* Gives the lock back; nobody waits for the answer. Takes it. */
void backend_lock_release(struct storage_lock *lock);

#endif
