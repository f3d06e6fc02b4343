/*
 * Inside common/redis:
 *
 *   redis_calls.c    typed calls: encode, submit, decode
 *   redis_client.c   accounts, answers at the end of the turn, states, closing
 *   redis_server.c   one Redis: which connection takes a call, batches behind WAIT
 *   redis_conn.c     one connection: connecting, the checks, questions and answers in order
 *
 * A request is in exactly one list: in flight on a connection, gathered for a batch, held until its
 * WAIT is satisfied, or fallen (its outcome is set and waits for the end of the turn).
 */
#ifndef WEFT_REDIS_INTERNAL_H
#define WEFT_REDIS_INTERNAL_H

#include <hiredis/hiredis.h>

#include "ev_loop.h"
#include "ev_stream.h"
#include "ev_timer.h"
#include "list.h"
#include "redis_calls.h"
#include "redis_check.h"
#include "refbuf.h"
#include "rng.h"

#define REDIS_CONNS_MAX 4
#define REDIS_REASON_MAX 160

extern const char redis_library_code[]; /* weft.lua */
#define REDIS_LIBRARY "weft2"

struct redis_request;

/*
 * Decodes and calls the caller back. reply is NULL unless the outcome is OK. -EPROTO (the answer
 * has another shape) or -ENOMEM: the caller was not called, and finish comes again with a worse
 * outcome and no reply, when it must return 0.
 */
typedef int redis_finish(struct redis_request *request, const struct redis_answer *answer,
                         redisReply *reply);

struct redis_request {
    struct list link;
    struct refbuf *command; /* owned: kept to be repeated after the library was loaded */
    int64_t deadline_ms;
    redis_finish *finish;
    void (*done)(void); /* the caller's, in its own type */
    void *arg;
    redisReply *held; /* owned: the answer while it is not confirmed */
    enum redis_outcome fallen;
    const char *error; /* static; while fallen */
    bool own;          /* ours (checks, WAIT): not in the accounts; arg is the connection */
    bool repeated;
};

enum redis_conn_role {
    REDIS_CONN_PLAIN,
    REDIS_CONN_READ,
    REDIS_CONN_WAITER, /* carries batches, each with a WAIT behind it */
};

/*
 *   WAITING --- retry_ms ---> CONNECTING ---> CHECKING ---> READY
 *      ^                          |              | ^ not yet   |
 *      |                          +--------------+-------------+ lost
 *      +----- stream gone ----- CLOSING <--------+
 *
 * CHECKING stays while the server is not fit, and asks again. A READY connection is checked again
 * every second without leaving READY.
 */
enum redis_conn_state {
    REDIS_CONN_WAITING,
    REDIS_CONN_CONNECTING,
    REDIS_CONN_CHECKING,
    REDIS_CONN_READY,
    REDIS_CONN_CLOSING,
};

struct redis_conn {
    struct redis_server *server; /* borrowed */
    enum redis_conn_role role;
    enum redis_conn_state state;
    struct ev_stream *stream;           /* from CONNECTING to CLOSING */
    redisReader *reader;                /* owned; as stream */
    struct list in_flight;              /* in the order of sending */
    struct list held;                   /* waiter: answered, not confirmed */
    bool wait_out;                      /* waiter: its WAIT is in flight */
    int64_t retry_ms;                   /* WAITING: connect then; CHECKING, READY: check then */
    int64_t deadline_ms;                /* CONNECTING */
    unsigned attempts;                  /* since it was last READY */
    unsigned checks_out;                /* questions of the current check */
    struct redis_facts facts;           /* of the current check; complete when checks_out is 0 */
    char replid[REDIS_REPLID_SIZE + 1]; /* READY: of the server that was found fit */
    bool library_fit, library_loading;
    bool unfit;                   /* the last check's verdict: an operator must act */
    char error[REDIS_REASON_MAX]; /* what went wrong in the check, "" if nothing did */
};

struct redis_server {
    struct redis_client *client; /* borrowed */
    struct redis_conn conns[REDIS_CONNS_MAX];
    unsigned conn_count;
    unsigned waiter_next; /* whose turn it is */
    struct list gathered; /* for the next batch */
    struct ev_task pump;  /* sends batches at the end of the turn */
    char replid[REDIS_REPLID_SIZE + 1];
};

enum redis_route {
    REDIS_ROUTE_PLAIN,
    REDIS_ROUTE_READ,    /* a long answer; confirmed at level `replica` */
    REDIS_ROUTE_CONFIRM, /* confirmed at level `replica` */
};

struct redis_client {
    struct ev_loop *loop; /* borrowed */
    struct redis_config config;
    char *password; /* owned */
    const struct redis_client_events *events;
    void *arg;
    struct redis_client_stats stats;
    struct redis_server server;
    struct ev_timer *tick; /* owned: deadlines, retries, checks */
    struct ev_task deliver, release;
    struct list fallen;
    unsigned pending;
    size_t pending_bytes;
    struct rng rng;
    enum redis_state state;
    char reason[REDIS_REASON_MAX]; /* of the last loss or refusal */
    bool closing;
    void (*closed)(void *arg);
    void *closed_arg;
};

/* redis_client.c */
MUST_CHECK int redis_submit(struct redis_client *client, unsigned lane, enum redis_route route,
                            struct bytes *command, redis_finish *finish, void (*done)(void),
                            void *arg);
/* Takes command, also on failure. NULL when memory is out. */
struct redis_request *redis_request_new(struct refbuf *command, redis_finish *finish);
/* Answers and frees; takes reply (may be NULL). The request is in no list. */
void redis_request_end(struct redis_client *client, struct redis_request *request,
                       enum redis_outcome outcome, const char *error, redisReply *reply);
/* Answers at the end of the turn; takes it out of its list. error is static. */
void redis_request_fall(struct redis_client *client, struct redis_request *request,
                        enum redis_outcome outcome, const char *error);
/* A connection changed its state; reason NULL: keeps the last one. */
void redis_client_changed(struct redis_client *client, const char *reason);
struct redis_server *redis_for(struct redis_client *client, unsigned lane);

/* redis_server.c */
void redis_server_init(struct redis_server *server, struct redis_client *client);
void redis_server_take(struct redis_server *server, struct redis_request *request,
                       enum redis_route route);
void redis_server_tick(struct redis_server *server, int64_t now);
void redis_server_lose(struct redis_server *server, const char *reason);
bool redis_server_gone(const struct redis_server *server);
/* A caller's request was answered. Takes reply. */
void redis_server_answered(struct redis_conn *conn, struct redis_request *request,
                           redisReply *reply);

/* redis_conn.c */
void redis_conn_init(struct redis_conn *conn, struct redis_server *server,
                     enum redis_conn_role role);
void redis_conn_tick(struct redis_conn *conn, int64_t now);
/* In flight now, or fallen. */
void redis_conn_send(struct redis_conn *conn, struct redis_request *request);
/* A question of our own; false when memory is out (the connection is then lost). */
bool redis_conn_ask(struct redis_conn *conn, redis_finish *finish, int64_t deadline_ms,
                    unsigned count, const struct slice *words);
/* Closes; everything in flight falls as UNKNOWN. Harmless when there is no connection. */
void redis_conn_lose(struct redis_conn *conn, const char *reason);
/* Puts the library in place, then repeats the request. */
void redis_conn_load_library(struct redis_conn *conn);

#endif
