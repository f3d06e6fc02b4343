/* For the tests of the client: a server of their own, which they may kill, pause and reconfigure,
 * and a client with deadlines that can be waited for. */
#ifndef WEFT_REDIS_CLIENT_HELP_TEST_H
#define WEFT_REDIS_CLIENT_HELP_TEST_H

#include <check.h>

#include "ev_loop.h"
#include "redis_calls.h"
#include "support_server.h"

#define HELP_WAIT_MS 15000

extern struct help {
    struct support_server *server, *replica; /* replica: NULL unless the test starts one */
    struct ev_loop *loop;
    struct redis_client *client;
    struct redis_doc doc;
    bool closed;
    char last_reason[200];
} help;

/* One per call, so that a second answer, or none, shows. */
struct client_call {
    unsigned answers;
    enum redis_outcome outcome;
    char error[120];
    enum redis_append_status status;
    bool damaged;     /* what was read */
    unsigned *closes; /* > 0: the answer closes the client */
};

/* Waits for a condition, turning the loop. */
#define AWAIT(condition)                                                                           \
    do {                                                                                           \
        int64_t end_ = ev_loop_now_ms(help.loop) + HELP_WAIT_MS;                                   \
        while (!(condition)) {                                                                     \
            ck_assert_msg(ev_loop_now_ms(help.loop) < end_,                                        \
                          "waited in vain for " #condition ": %s", help.last_reason);              \
            ev_loop_step(help.loop, 20);                                                           \
        }                                                                                          \
    } while (0)

/* Deadlines of a moment, for the server as it is. */
struct redis_config client_config(enum redis_level level);
void client_open(const struct redis_config *config);
void client_open_ready(enum redis_level level);
void client_close(void);

/* Sends one; it may not be answered yet. */
void client_append(struct client_call *call, const struct chain_position *at);
/* Sends one and waits. */
enum redis_outcome client_append_outcome(const struct chain_position *at);
struct chain_position client_adopted(void);

/* Callbacks for calls of which nothing but the end is looked at; arg is a struct client_call. */
void client_on_append(void *arg, const struct redis_answer *answer,
                      const struct redis_append_reply *reply);
void client_on_read(void *arg, const struct redis_answer *answer,
                    const struct redis_read_reply *reply);
void client_on_adopt(void *arg, const struct redis_answer *answer,
                     const struct redis_adopt_reply *reply);
void client_on_claim(void *arg, const struct redis_answer *answer,
                     const struct redis_claim_reply *reply);
void client_on_trim(void *arg, const struct redis_answer *answer,
                    const struct redis_trim_reply *reply);

/* Sets help.closed. */
void client_on_closed(void *arg);
int client_main(const char *name, void (*add)(TCase *tc));

#endif
