/*
 * For the tests over real sockets: an end of links that checks what arrives, on the loop of the
 * test. Check runs each test in a process of its own, so nng's threads live and end with the test.
 */
#ifndef WEFT_LINK_END_TEST_H
#define WEFT_LINK_END_TEST_H

#include <check.h>
#include <stdio.h>

#include "ev_loop.h"
#include "link.h"

#define DEADLINE_US (60 * 1000000)

/* Turns the loop until cond holds; fails the test after the deadline. */
#define WAIT(cond)                                                                                 \
    do {                                                                                           \
        int64_t until_us = ev_clock_us() + DEADLINE_US;                                            \
        while (!(cond)) {                                                                          \
            ck_assert_msg(ev_clock_us() < until_us, "waited too long for " #cond);                 \
            ev_loop_step(loop, 100);                                                               \
        }                                                                                          \
    } while (0)

extern struct ev_loop *loop;
/* Private, of the test; made and removed by the fixture. */
extern char directory[64];

/*
 * A node and what happened to it. It opens a peer for whoever makes contact. Items are numbered
 * from 1, and what follows the number follows from it.
 */
struct end {
    struct link_node *node;
    struct link_node_config config;
    struct link_peer *peer; /* the one that was opened last and not closed */
    const char *why;        /* of a node that could not be made */
    char address[128];
    uint64_t sent;     /* number of the last item sent */
    uint64_t expected; /* number of the next item */
    uint64_t received, contacts, contacts_refused, silent, heard;
    uint64_t resets[LINK_RESET_REPLACED + 1];
    bool gap_allowed; /* items may be missing, but none comes late or twice */
    bool close_on_item;
    bool closing, closed;
};

/* The configuration, to be changed before end_open(). */
void end_init(struct end *e, const char *name, uint64_t boot_id);
void end_open(struct end *e);
/* The same at once. */
void end_start(struct end *e, const char *name, uint64_t boot_id);
void end_dial(struct end *e, const char *address, uint64_t boot_id);
/* The next item, of `size` bytes (8 at least); link_peer_send()'s answer. */
int end_send(struct end *e, size_t size);
void end_close_begin(struct end *e);
/* Waits for the end, and looks that nothing is left. */
void end_close(struct end *e);
uint64_t end_resets(const struct end *e);
struct link_stats *end_stats(struct end *e);

/* Fixtures: the loop and the directory; at the end no thread, descriptor, object or file is left.
   Checked ones only: nng does not survive a fork. */
void end_setup(void);
void end_teardown(void);

#endif
