/*
 * The sockets of a node: the one door to nng, and the one bridge from its threads to ours. Three
 * files behind it: link_inbox.c, link_way.c and link_nng.c; link_internal.h has what they share.
 *
 * Three kinds of threads meet here. The loop's calls every function of this header. nng's run our
 * callbacks: those take or put something in a list under the mutex, wake the loop, and touch
 * nothing else. The reaper, one per node, frees what was closed, because that waits for nng's.
 *
 * Only lists and states are shared, under one mutex, and no function of nng is called with the
 * mutex held: nng may call back before it returns.
 */
#ifndef WEFT_LINK_NNG_H
#define WEFT_LINK_NNG_H

#include <stdbool.h>

#include "bytes.h"
#include "link_address.h"
#include "list.h"

struct ev_wake;
struct link_nng;
struct link_tls;
struct link_way;

struct link_nng_config {
    const char *address;
    enum link_scheme scheme;
    const struct link_tls *tls; /* NULL: no tls+tcp:// here */
    size_t message_max;         /* a longer one closes the connection it came on */
    size_t inbox_max;           /* bytes received and not taken; past it reading pauses */
    size_t connections_max;     /* accepted; one more is closed at once, and counted */
    struct ev_wake *wake;       /* borrowed until link_nng_free() */
};

/* Opens the inbox. Negative errno and a sentence, as in link_address.h. */
int link_nng_new(const struct link_nng_config *config, struct link_nng **ret, const char **ret_why)
    __attribute__((warn_unused_result));
/* Where the inbox listens. Valid until link_nng_free(). */
const char *link_nng_address(const struct link_nng *nng);
/* Stops receiving and closes the inbox; returns at once. All ways must have been closed. The loop
   is woken when link_nng_is_closed(). */
void link_nng_close(struct link_nng *nng);
bool link_nng_is_closed(struct link_nng *nng);
/* After link_nng_close(). Waits until it is closed. Returns NULL; NULL is fine. */
struct link_nng *link_nng_free(struct link_nng *nng);

struct link_message {
    struct list link; /* for whoever holds it */
    struct slice data;
};

/* Moves at most `max` received messages, in order, to the end of `out`. True if there are more. */
bool link_nng_receive(struct link_nng *nng, struct list *out, int max);
struct link_message *link_message_free(struct link_message *message);
/* To be called from time to time: ends connections that nothing came on since the last call but
 * one. */
void link_nng_look(struct link_nng *nng);
/* Connections that were one too many, since this was asked last. */
uint64_t link_nng_refused(struct link_nng *nng);

/* Dials one address, again and again until it is closed. NULL if that cannot be now: memory, too
   many that are being closed, or an address that nng refuses. */
struct link_way *link_way_open(struct link_nng *nng, const char *address, enum link_scheme scheme,
                               void *owner);
/* One message at a time: the way must be idle. Copies. */
void link_way_send(struct link_way *way, struct slice message);
/* Forgets it at once; what it carries may arrive or not. */
void link_way_close(struct link_way *way);
/* The owner of a way that has become idle again, each once; NULL: none. */
void *link_nng_sent(struct link_nng *nng);

#endif
