/*
 * The storage calls of the cores (storage_call.h) carried out by the real servers: Redis, and
 * PostgreSQL where one is configured. docs/storage.md says what each call does there.
 *
 * One loop. Each call is completed exactly once through `done`, on a later turn of the loop or at
 * the end of this one, never from within the call. Its inputs are copied before the call returns;
 * its results are lent until `done` returns. `done` may make new calls and may close the backend.
 *
 * A circuit breaker stands before each server: while it is open, calls end as DOWN without being
 * sent. COMMIT and UNLOCK pass it, because a lock has to end.
 *
 * Closing abandons what is under way: `done` does not come any more, and neither the calls nor what
 * they point to are looked at again. So the order at the end is: free the core, close the backend,
 * turn the loop until `closed`. Locks that are still held are given back.
 */
#ifndef WEFT_BACKEND_H
#define WEFT_BACKEND_H

#include "cluster_breaker.h"
#include "obs_stats.h"
#include "pg_client.h"
#include "redis_client.h"
#include "storage_call.h"

struct backend;
struct ev_loop;

enum backend_server { BACKEND_REDIS, BACKEND_POSTGRES };
#define BACKEND_SERVERS 2

enum backend_state {
    BACKEND_ABSENT,  /* not configured: its calls are DOWN */
    BACKEND_DOWN,    /* not connected; connecting goes on */
    BACKEND_READY,   /* connected and checked */
    BACKEND_REFUSED, /* there, but it does not give the durability (I4) or is not fit otherwise: an
                        operator must act. At start the process should stop instead of waiting */
};

struct backend_config {
    struct redis_config redis; /* address, password, level, replicas; 0 is a default elsewhere */
    struct pg_config postgres; /* conninfo NULL: none. It has passed pg_conninfo_check */
    uint64_t seed;             /* of all jitter; the two above need none */
    /* The breakers. 0: 5 failures in a row; open for 100 ms, doubling to 1,000 */
    unsigned breaker_failures_max;
    uint64_t breaker_open_ms, breaker_open_ms_max;
};

/* All but done may be NULL. Words are for the log and lent. */
struct backend_events {
    void (*done)(void *arg, struct storage_call *call);
    /* The connection over which BEAT goes is new; comes before the first answer on it. Tell the
       core (xx_core_storage_reconnected): nobody is declared dead for a while. */
    void (*reconnected)(void *arg);
    /* Every change of a server; reason is "" when it is ready. */
    void (*on_state)(void *arg, enum backend_server server, enum backend_state state,
                     const char *reason);
    /* Every change of a breaker; may come from within a call. */
    void (*on_breaker)(void *arg, enum backend_server server, enum cluster_breaker_state state);
    /* A call ended as UNKNOWN, DOWN or BROKEN; comes before its done. */
    void (*on_failure)(void *arg, const struct storage_call *call, const char *reason);
};

/* Starts connecting. `events` must live as long as the backend. NULL when memory is out. */
struct backend *backend_new(struct ev_loop *loop, const struct backend_config *config,
                            const struct backend_events *events, void *arg);
/* See above. `closed` (may be NULL) comes once, on a later turn; the memory is gone then. */
void backend_close(struct backend *backend, void (*closed)(void *arg), void *arg);

/* What a core is given. */
struct storage_io backend_storage(struct backend *backend);

enum backend_state backend_state(const struct backend *backend, enum backend_server server);
/* Whether all configured servers are ready and no breaker is open: for /readyz. */
bool backend_ready(const struct backend *backend);
/* "redis", "postgres"; "absent", "down", "ready", "refused". */
const char *backend_server_name(enum backend_server server);
const char *backend_state_name(enum backend_state state);

/* The tables of the families below; the last for who has PostgreSQL. */
obs_table_fn backend_calls_table, backend_servers_table, backend_redis_table,
    backend_postgres_table;
/* Appends the families weft_storage_*, weft_redis_* and weft_postgres_* in Prometheus' form. */
void backend_metrics_append(const struct backend *backend, struct bytes *out);

#endif
