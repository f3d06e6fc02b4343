/* What the tests share: a loop, waiting for a condition, and both ends of a connection. */
#ifndef WEFT_EV_HELP_TEST_H
#define WEFT_EV_HELP_TEST_H

#include <check.h>

#include "ev_listen.h"
#include "ev_loop.h"
#include "ev_stream.h"

#define DEADLINE_US (20 * 1000000)

/* Turns the loop until cond holds; fails the test after the deadline. */
#define WAIT(loop, cond)                                                                           \
    do {                                                                                           \
        int64_t until_us = ev_clock_us() + DEADLINE_US;                                            \
        while (!(cond)) {                                                                          \
            ck_assert_msg(ev_clock_us() < until_us, "waited too long for " #cond);                 \
            ev_loop_step(loop, 100);                                                               \
        }                                                                                          \
    } while (0)

extern struct ev_loop *loop;

/* One end of a connection under test. */
struct end {
    struct ev_stream *stream;
    struct bytes in;
    size_t in_size;
    bool keep, connected, eof;
    int closed, drained, reason;
    bool close_on_read, close_on_eof;
};

/* With everything; and with as little as a stream may have. */
extern const struct ev_stream_kind end_kind, plain_kind;
extern struct ev_listen *listener;
extern struct ev_address listen_address;
extern struct end *accepting; /* takes the next connection; NULL: it is closed at once */

/* Checked fixtures: a loop, and that nothing is alive at its end. */
void setup(void);
void teardown(void);

/* A listener on a loopback port, for pair_connect(). */
void listen_start(const struct ev_listen_config *config);
void pair_connect(struct end *client, struct end *server);
/* Also the listener. */
void pair_close(struct end *a, struct end *b);
int send_text(struct end *e, const char *text);

#endif
