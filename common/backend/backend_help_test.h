/* A backend over private servers, and storage calls that are waited for. For the tests. */
#ifndef WEFT_BACKEND_HELP_TEST_H
#define WEFT_BACKEND_HELP_TEST_H

#include <check.h>

#include "arena.h"
#include "backend.h"
#include "ev_loop.h"
#include "support_server.h"

#define HELP_WAIT_MS 30000
#define DOC "doc/a" /* for tests that need only one */

/* Waits for a condition, turning the loop. */
#define AWAIT(condition)                                                                           \
    do {                                                                                           \
        int64_t end_ = ev_loop_now_ms(help.loop) + HELP_WAIT_MS;                                   \
        while (!(condition)) {                                                                     \
            ck_assert_msg(ev_loop_now_ms(help.loop) < end_, "waited in vain for %s (%s)",          \
                          #condition, help.reason);                                                \
            ev_loop_step(help.loop, 20);                                                           \
        }                                                                                          \
    } while (0)

struct help {
    struct support_server *redis, *postgres;
    struct ev_loop *loop;
    struct backend *backend; /* NULL once it is closed */
    char conninfo[200];
    char reason[200]; /* of the last failure or change */
    unsigned reconnects, failures;
    unsigned opened, closed_again; /* breakers */
    void (*on_reconnected)(void);  /* may be NULL */
};
extern struct help help;

/* One call; what it lent is kept until the next help_ask() or help_drop(). */
struct asked {
    struct storage_call call;
    unsigned answers;
    struct arena mem;
    struct cluster_view view;
    void (*then)(struct asked *asked); /* may be NULL: within the completion */
};

/* Redis and PostgreSQL. Unchecked fixtures, unless the test kills one. */
void help_servers_start(void);
/* Without a schema. */
void help_servers_start_bare(void);
void help_servers_stop(void);

/* A loop, and a backend that is ready, over emptied servers. Deadlines are far off, so that no
   result comes from a slow machine; help_open_as() with others where one is to pass. */
void help_open(enum redis_level level, bool with_postgres);
void help_config(struct backend_config *ret, enum redis_level level, bool with_postgres);
void help_open_as(const struct backend_config *config);
/* Again, with deadlines that a test can wait for. */
void help_reopen_short(bool with_postgres);
/* Closes what is open; also the loop. */
void help_close(void);
/* The same, wherever the test has ended. */
void help_teardown(void);

void help_send(struct asked *asked);
/* Sends and waits. Returns the result. */
enum storage_result help_ask(struct asked *asked);
void help_drop(struct asked *asked);
/* An asked of this kind for this document. */
struct asked help_call(enum storage_kind kind, const char *doc);

struct chain_position help_adopt(const char *doc);
/* Appends one entry of one revision; returns where the chain stands then. */
struct chain_position help_append(const char *doc, const struct chain_position *at,
                                  const char *payload);
/* Of DOC. */
enum storage_result help_read(struct asked *asked, uint64_t from_rev, uint64_t count_max);
enum storage_result help_trim(uint64_t first_rev, const struct chain_position *to,
                              uint64_t *ret_left);

/* The value of a series on the metrics page, which must have it. */
uint64_t help_metric(const char *series);
bool help_text_is(struct slice s, const char *text);

/* A case whose tests share their servers, or have each its own, because they kill them. */
TCase *help_case(Suite *suite, const char *name, bool own_servers);
int help_main(const char *name, void (*add)(Suite *suite));

#endif
