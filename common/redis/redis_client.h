/*
 * A client of Redis on one loop: connections, their checks, deadlines, durability (I4). The typed
 * calls are in redis_calls.h. This folder is the only door to hiredis.
 *
 * Every accepted call is answered exactly once, later, never inside the call itself; also when the
 * connection is lost or the client is closed. The outcomes are four:
 *
 *   OK        Redis answered and, where the level asks for it, the replicas confirmed
 *   ERROR     Redis refused for good, or answered what cannot be: a bug or an operator's doing
 *   UNKNOWN   sent, and no confirmed answer came (connection lost, deadline, WAIT not satisfied):
 *             it may have happened, it may still happen. Read again before anything else
 *   DOWN      it has not happened and will not: never sent, or Redis refuses work for now (out of
 *             memory, loading, became a replica). Try again later
 *
 * A command unanswered at its deadline closes its connection, so every later answer belongs to its
 * question. Nothing waits for a connection to come back: while one is down calls end as DOWN at
 * the end of the turn, and the caller's breaker sees it.
 *
 * Connections. Single commands go over one connection, reads over another (a long answer shall not
 * delay appends). At level `replica` a WAIT blocks its connection, so calls that need confirming
 * take turns on two further ones: what gathers while a WAIT is out becomes the next batch, one WAIT
 * behind it. A Redis function sees no order between connections; nothing here relies on one.
 */
#ifndef WEFT_REDIS_CLIENT_H
#define WEFT_REDIS_CLIENT_H

#include "bytes.h"
#include "ev_address.h"

struct ev_loop;
struct redis_client;

enum redis_outcome {
    REDIS_OUTCOME_OK,
    REDIS_OUTCOME_ERROR,
    REDIS_OUTCOME_UNKNOWN,
    REDIS_OUTCOME_DOWN,
};

/* What "confirmed" means (I4). */
enum redis_level {
    REDIS_LEVEL_MEMORY,  /* Redis replied */
    REDIS_LEVEL_FSYNC,   /* and wrote its log to disk first: appendfsync always */
    REDIS_LEVEL_REPLICA, /* and `replicas` replicas hold it */
};

enum redis_state {
    REDIS_STATE_DOWN,    /* at least one connection is missing; being made again */
    REDIS_STATE_READY,   /* all connections stand and the server was checked */
    REDIS_STATE_REFUSED, /* the server is there but does not give the level, or evicts keys. Looked
                            at again with back-off: at start the process should stop instead */
};

struct redis_config {
    struct ev_address address; /* numeric or unix */
    const char *password;      /* NULL: none. Copied */
    enum redis_level level;
    unsigned replicas;    /* level `replica`: all that may be promoted; at least 1 */
    int64_t command_ms;   /* deadline of each call; 0: 2,000 */
    int64_t retry_ms_max; /* longest pause between two attempts to connect; 0: 1,000 */
    unsigned pending_max; /* calls unanswered at once; 0: 65,536. Beyond: DOWN. Stops a slow Redis
                             from filling our memory */
    size_t pending_bytes_max; /* commands unanswered at once; 0: 256 MiB. Beyond: DOWN */
    uint64_t seed;            /* of the jitter of retries */
};

struct redis_client_events {
    /* May be NULL. Every change; reason: words for the log, lent ("" when ready). */
    void (*on_state)(void *arg, enum redis_state state, const char *reason);
    /* May be NULL. The connection of single commands, beats among them, stands anew; no answer has
       come over it yet. */
    void (*on_connected)(void *arg);
};

/* Counters since the start, for the metrics table. */
struct redis_client_stats {
    uint64_t calls, ok, errors, unknown, down;
    uint64_t connects, losses;   /* attempts to connect; checked connections lost */
    uint64_t waits, waits_short; /* WAITs sent; answered by fewer replicas than asked */
    uint64_t library_loads;
};

/* Starts connecting. `events` must live as long as the client. NULL when memory is out. */
struct redis_client *redis_client_new(struct ev_loop *loop, const struct redis_config *config,
                                      const struct redis_client_events *events, void *arg);
/*
 * Refuses new calls at once (DOWN), answers all that are out (UNKNOWN or DOWN), then calls `closed`
 * (may be NULL) once, and the memory goes. Returns at once. The loop must go on turning until then.
 */
void redis_client_close(struct redis_client *client, void (*closed)(void *arg), void *arg);

enum redis_state redis_client_state(const struct redis_client *client);
/* Why it is not ready, in words; lent until the loop turns. Also while it never was ready, which
   on_state does not tell. */
const char *redis_client_reason(const struct redis_client *client);
const struct redis_client_stats *redis_client_stats(const struct redis_client *client);

#endif
