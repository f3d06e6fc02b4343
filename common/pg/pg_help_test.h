/* A private PostgreSQL with a client, calls that are waited for, and a document to commit. */
#ifndef WEFT_PG_HELP_TEST_H
#define WEFT_PG_HELP_TEST_H

#include <check.h>
#include <stdlib.h>

#include "ev_loop.h"
#include "pg_calls.h"
#include "support_migrate.h"
#include "support_server.h"

#define WAIT_MS 20000

struct help {
    struct support_server *server;
    struct ev_loop *loop;
    struct pg_client *client;
    bool closed;
    char conninfo[200], last_reason[200];
};
extern struct help help;

#define AWAIT(condition)                                                                           \
    do {                                                                                           \
        int64_t end_ = ev_loop_now_ms(help.loop) + WAIT_MS;                                        \
        while (!(condition)) {                                                                     \
            ck_assert_msg(ev_loop_now_ms(help.loop) < end_,                                        \
                          "waited in vain for " #condition ": %s", help.last_reason);              \
            ev_loop_step(help.loop, 20);                                                           \
        }                                                                                          \
    } while (0)

/* One per call: what it was answered, copied. */
struct call {
    unsigned answers;
    enum pg_outcome outcome;
    char error[200], sqlstate[6];
    struct pg_head head;
    struct pg_lock *lock;
    enum pg_commit_status status;
    bool has_snapshot;
    struct chain_position snapshot_at;
    char snapshot[64];
    size_t count;
    struct chain_position before;
    struct pg_segment segments[20]; /* bytes: see texts */
    char texts[20][64];
    struct pg_document docs[20];
    bool closes;
};

/* An id that no careless quoting survives. */
#define DOC slice_of("doc\0\xff'\"\\", 9)

/* ---- answers: they copy what they are lent into the call ---- */

void on_closed(void *arg);
void on_head(void *arg, const struct pg_answer *answer, const struct pg_head *reply);
void on_load(void *arg, const struct pg_answer *answer, const struct pg_load_reply *reply);
void on_history(void *arg, const struct pg_answer *answer, const struct pg_history_reply *reply);
void on_docs(void *arg, const struct pg_answer *answer, const struct pg_docs_reply *reply);
void on_lock(void *arg, const struct pg_answer *answer, const struct pg_lock_reply *reply);
void on_commit(void *arg, const struct pg_answer *answer, const struct pg_commit_reply *reply);
void on_unlock(void *arg, const struct pg_answer *answer);

/* ---- the client ---- */

struct pg_config config_of(void);
/* Without waiting; open_ready() waits until all its connections stand. */
void open_client(const struct pg_config *config);
void open_ready(const struct pg_config *config);
void close_client(void);

/* ---- fixtures ---- */

void start_server(void);
void stop_server(void);
/* An error fails the test; returns what the statement printed. */
const char *sql(const char *statement);

void setup_loop(void);
void teardown_loop(void);
/* A schema without documents, and a client. */
void setup(void);
void teardown(void);

/* ---- calls that are waited for ---- */

struct pg_lock *lock_of(struct slice doc);
/* A run of `count` revisions behind `at`; snapshot NULL: none. */
struct pg_commit commit_of(const struct chain_position *at, unsigned count, const char *segment,
                           const char *snapshot);
struct call commit(struct slice doc, const struct pg_commit *c);
/* It must succeed: returns the new head. */
struct chain_position committed(struct slice doc, const struct chain_position *at, unsigned count,
                                const char *segment, const char *snapshot);
struct call head_of(struct slice doc);
struct call load(struct slice doc, uint64_t rev_max);
struct call history(uint64_t from, uint64_t to, size_t bytes);
bool same(const struct chain_position *a, const struct chain_position *b);

/* The server waits for a standby of this name with each commit; "": for none. */
void set_standby(const char *name);

#endif
