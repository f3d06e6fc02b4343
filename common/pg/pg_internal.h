/*
 * Inside common/pg:
 *
 *   pg_calls.c      typed reads: parameters, rows
 *   pg_lock.c       lock, commit, unlock
 *   pg_client.c     queue, accounts, answers at the end of the turn, states, closing
 *   pg_conn.c       one connection: connecting, the check, one statement after the other
 *   pg_statements.c all SQL but the migrations
 *
 * A request is queued, or on a connection, or fallen (its outcome is set and waits for the end of
 * the turn).
 */
#ifndef WEFT_PG_INTERNAL_H
#define WEFT_PG_INTERNAL_H

#include <libpq-fe.h>

#include "ev_loop.h"
#include "ev_timer.h"
#include "ev_watch.h"
#include "list.h"
#include "pg_calls.h"
#include "rng.h"

#define PG_PARAMS_MAX 12
#define PG_REASON_MAX 200

enum pg_statement {
    PG_STATEMENT_HEAD,
    PG_STATEMENT_KNOWN,
    PG_STATEMENT_SNAPSHOT,
    PG_STATEMENT_LOAD,
    PG_STATEMENT_HISTORY,
    PG_STATEMENT_DOCS,
    PG_STATEMENT_LOCK,
    PG_STATEMENT_COMMIT,
    PG_STATEMENT_COUNT,
};

struct pg_statement_row {
    const char *name;
    const char *sql;
    unsigned params;
};
extern const struct pg_statement_row pg_statements[PG_STATEMENT_COUNT];

/* Parameters of one statement, all in binary. Slices are borrowed. */
struct pg_params {
    unsigned count;
    struct {
        struct slice bytes; /* data NULL: null */
        uint8_t number[8];
        bool is_number;
        unsigned size;
    } at[PG_PARAMS_MAX];
};

void pg_params_bytes(struct pg_params *p, struct slice bytes); /* never null */
/* bytea[]; `room` holds what it is encoded to and must live as long as p. */
void pg_params_list(struct pg_params *p, const struct slice *list, size_t count,
                    struct bytes *room);
void pg_params_null(struct pg_params *p);
void pg_params_i32(struct pg_params *p, uint32_t v);
/* Revisions end at 2^63 - 1 in PostgreSQL; what is above means "the end" and becomes that. */
void pg_params_i64(struct pg_params *p, uint64_t v);

struct pg_request;

/*
 * Decodes and calls the caller back. result is NULL unless the outcome is OK. -EPROTO (rows of
 * another shape) or -ENOMEM: the caller was not called, and finish comes again with a worse outcome
 * and no result, when it must return 0.
 */
typedef int pg_finish(struct pg_request *request, const struct pg_answer *answer, PGresult *result);

enum pg_kind {
    PG_KIND_READ,   /* one statement */
    PG_KIND_LOCK,   /* begin, lock, head */
    PG_KIND_COMMIT, /* statement, then commit, or (lost) head and rollback */
    PG_KIND_UNLOCK, /* rollback */
};

struct pg_request {
    struct list link;
    enum pg_kind kind;
    unsigned stage; /* statements answered; pg_lock.c gives them meaning */
    enum pg_statement statement;
    struct pg_params params; /* point into room */
    uint8_t *room;           /* owned */
    int64_t deadline_ms;
    pg_finish *finish;
    void (*done)(void); /* the caller's, in its own type */
    void *arg;
    struct pg_lock *lock; /* LOCK: the one being made (owned); COMMIT: the one that ends (owned) */
    bool lost;            /* COMMIT: the head is another */
    enum pg_outcome fallen;
    const char *error; /* static; while fallen */
};

struct pg_lock {
    struct pg_client *client; /* borrowed; it waits for all locks to end */
    struct pg_conn *conn;     /* NULL: lost */
    struct pg_request *end;   /* owned: its COMMIT or UNLOCK to be, so that ending cannot fail */
    size_t size;
    uint8_t doc[];
};

/*
 *   WAITING --- retry_ms ---> CONNECTING ---> CHECKING ---> IDLE <---> BUSY
 *      ^                          |              |            |          |  a lock was taken
 *      +--------------------------+--------------+---- lost --+------- HELD <--> BUSY
 *
 * ROLLING is BUSY on our own account: a failed transaction is undone before the connection is used
 * again. HELD waits for the lock's holder.
 */
enum pg_conn_state {
    PG_CONN_WAITING,
    PG_CONN_CONNECTING,
    PG_CONN_CHECKING,
    PG_CONN_IDLE,
    PG_CONN_BUSY,
    PG_CONN_HELD,
    PG_CONN_ROLLING,
};

struct pg_conn {
    struct pg_client *client; /* borrowed */
    enum pg_conn_state state;
    PGconn *pg;                 /* owned; NULL while WAITING */
    struct ev_watch *watch;     /* owned; as pg */
    struct pg_request *request; /* BUSY; owned */
    struct pg_lock *lock;       /* HELD, and BUSY with its end; borrowed */
    PGresult *result;    /* owned: of the statement in progress, the first error or the last */
    int64_t retry_ms;    /* WAITING: connect then; CHECKING: check then */
    int64_t deadline_ms; /* CONNECTING, CHECKING, HELD, ROLLING */
    unsigned attempts;   /* since it was last IDLE */
    unsigned check;      /* CHECKING: its step */
    bool warned;         /* the server sent a warning since this was cleared */
    bool asked;          /* a statement is in progress */
    bool unfit;          /* the last check's verdict: an operator must act */
    char error[PG_REASON_MAX];
};

struct pg_client {
    struct ev_loop *loop; /* borrowed */
    struct pg_config config;
    char *conninfo; /* owned */
    const struct pg_client_events *events;
    void *arg;
    struct pg_client_stats stats;
    struct pg_conn conns[PG_CONNECTIONS_MAX];
    struct list queue;      /* reads, in order */
    struct list lock_queue; /* locks, in order */
    struct list fallen;
    unsigned pending;
    unsigned locks;        /* queued, being taken, held, being ended */
    struct ev_timer *tick; /* owned */
    struct ev_task deliver, pump, release;
    struct rng rng;
    enum pg_state state;
    char reason[PG_REASON_MAX];
    bool closing;
    void (*closed)(void *arg);
    void *closed_arg;
};

/* pg_client.c */

/* A request with its own copy of params (may be NULL). NULL when memory is out. */
struct pg_request *pg_request_new(enum pg_kind kind, const struct pg_params *params,
                                  pg_finish *finish, void (*done)(void), void *arg);
/* Frees what was never submitted, and the lock it owns. */
void pg_request_free(struct pg_request *request);
/* Queues it, or lets it fall at once. */
void pg_submit(struct pg_client *client, struct pg_request *request);
/* Counts a call that does not queue. */
void pg_accept(struct pg_client *client, struct pg_request *request);
/* Answers and frees. The request is in no list and on no connection. */
void pg_request_end(struct pg_client *client, struct pg_request *request, enum pg_outcome outcome,
                    const char *error, PGresult *result);
void pg_request_fall(struct pg_client *client, struct pg_request *request, enum pg_outcome outcome,
                     const char *error);
/* A connection changed its state; reason NULL: keeps the last one. */
void pg_client_changed(struct pg_client *client, const char *reason);
void pg_client_pump_soon(struct pg_client *client);
/* A lock has ended, or was not got. */
void pg_client_lock_gone(struct pg_client *client);

/* pg_conn.c */
void pg_conn_init(struct pg_conn *conn, struct pg_client *client);
void pg_conn_tick(struct pg_conn *conn, int64_t now);
/* IDLE or HELD: the request goes on its way. Takes it. */
void pg_conn_start(struct pg_conn *conn, struct pg_request *request);
/* Send one statement; false: the connection was lost. */
bool pg_conn_ask(struct pg_conn *conn, enum pg_statement statement, const struct pg_params *params);
bool pg_conn_ask_text(struct pg_conn *conn, const char *sql);
/* The request's end, at this connection: answers it, and the connection is free again (undone
   first, if the transaction stands open). */
void pg_conn_end(struct pg_conn *conn, enum pg_outcome outcome, const char *error,
                 PGresult *result);
void pg_conn_lose(struct pg_conn *conn, const char *reason);

/* pg_lock.c: what the next statement is. result: of the one before, NULL at the start. */
void pg_lock_step(struct pg_conn *conn, PGresult *result);
/* What a lost connection means for the request. */
enum pg_outcome pg_lock_outcome_lost(const struct pg_request *request);

/* pg_calls.c */
bool pg_row_head(const PGresult *result, int row, int first_column, struct pg_head *ret);
/* The outcome that an error result stands for. */
enum pg_outcome pg_outcome_of(const PGresult *result);

#endif
