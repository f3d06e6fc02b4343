/*
 * A client of PostgreSQL on one loop: a few connections, a queue before them, deadlines. The typed
 * calls are in pg_calls.h. This folder is the only door to libpq.
 *
 * Every accepted call is answered exactly once, later, never inside the call itself:
 *
 *   OK        done; a commit is on disk (synchronous_commit is on, and no timeout of the server
 * ends its wait for standbys) ERROR     PostgreSQL refused for good: sqlstate says why UNKNOWN   no
 * answer came in time. Of a commit: it may have happened; read the head again. Of anything else:
 * nothing was changed DOWN      it has not happened and will not: not connected, no connection free
 * before the deadline, or PostgreSQL refuses for now (shutting down, out of room, a lock not free)
 *
 * A connection does one call at a time. A lock is a transaction that keeps its connection until it
 * ends, so locks may take all connections but one: reads go on beside them.
 *
 * The schema is the archiver's to bring up (pg_migrate.h); until it is there the client is DOWN.
 */
#ifndef WEFT_PG_CLIENT_H
#define WEFT_PG_CLIENT_H

#include "bytes.h"

struct ev_loop;
struct pg_client;

enum pg_outcome {
    PG_OUTCOME_OK,
    PG_OUTCOME_ERROR,
    PG_OUTCOME_UNKNOWN,
    PG_OUTCOME_DOWN,
};

enum pg_state {
    PG_STATE_DOWN,    /* no connection stands; being made again */
    PG_STATE_READY,   /* at least one stands */
    PG_STATE_REFUSED, /* the server is there but not fit (no synchronous standby where one is asked
                         for), or refuses the check. Looked at again with back-off: at start the
                         process should stop instead */
};

struct pg_config {
    /* As libpq reads it ("host=... dbname=..." or a URI); copied. Name lookup would block the loop,
       so each host is a directory of sockets or has its hostaddr (pg_conninfo_check). */
    const char *conninfo;
    unsigned connections;  /* 0: 4; at most PG_CONNECTIONS_MAX */
    int64_t command_ms;    /* deadline of each call, waiting included; 0: 5,000 */
    int64_t lock_ms;       /* how long a lock may be held; 0: 10,000. Then its connection is closed:
                              stops a stalled holder from keeping a document for ever */
    int64_t retry_ms_max;  /* longest pause between two attempts to connect; 0: 1,000 */
    unsigned pending_max;  /* calls unanswered at once; 0: 4,096. Beyond: DOWN */
    bool standby_required; /* where failover is configured: refuse a server that waits for none */
    uint64_t seed;         /* of the jitter of retries */
};

#define PG_CONNECTIONS_MAX 16

struct pg_client_events {
    /* May be NULL. Every change; reason: words for the log, lent ("" when ready). */
    void (*on_state)(void *arg, enum pg_state state, const char *reason);
};

/* Counters since the start, for the metrics table. */
struct pg_client_stats {
    uint64_t calls, ok, errors, unknown, down;
    uint64_t connects, losses; /* attempts to connect; checked connections lost */
    uint64_t locks_expired;    /* held for longer than lock_ms */
    unsigned standing;         /* connections, now */
};

/* 0, or -EINVAL: not readable, or a host is a name without hostaddr; error gets the words. */
MUST_CHECK int pg_conninfo_check(const char *conninfo, char *error, size_t error_size);

/* Starts connecting. The conninfo must have passed pg_conninfo_check. `events` must live as long as
   the client. NULL when memory is out. */
struct pg_client *pg_client_new(struct ev_loop *loop, const struct pg_config *config,
                                const struct pg_client_events *events, void *arg);
/*
 * Refuses new calls at once (DOWN), answers all that are out, then calls `closed` (may be NULL)
 * once, and the memory goes. Returns at once. Locks that are held must still be ended (their calls
 * are answered DOWN): `closed` waits for that too.
 */
void pg_client_close(struct pg_client *client, void (*closed)(void *arg), void *arg);

enum pg_state pg_client_state(const struct pg_client *client);
/* Why it is not ready, in words; lent until the loop turns. Also while it never was ready, which
   on_state does not tell. */
const char *pg_client_reason(const struct pg_client *client);
const struct pg_client_stats *pg_client_stats(const struct pg_client *client);

#endif
