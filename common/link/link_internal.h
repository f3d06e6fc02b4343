/*
 * What the three files of the sockets share: link_nng.c (life), link_inbox.c (what comes in) and
 * link_way.c (what goes out). Nobody else includes this.
 *
 * nng's streams are used, not its PUSH and PULL sockets. Those of nng 1.5.2 have three faults that
 * cost us documents, or time: an inbox accepts nobody any more when a connection has ended before
 * it was greeted, as the ones do that wait for a process that was stopped (NNG_ECLOSED of the peer
 * is taken for the listener's own end); closing a socket between two steps of a transfer can hang
 * nng's reaper for ever; and a message takes two reads, each with a change of threads. A stream is
 * bytes in order; what we put on it is a length and a message.
 *
 * Who may start an operation, and when it is safe to stop it. nng_aio_stop() waits for the callback
 * and lets nothing start afterwards; an operation that another thread is just starting it may miss.
 * What was just started then ends at once, with one more call of its callback, and freeing the aio
 * waits for that. So the reaper says first, under the mutex, that all is over (callbacks start
 * nothing from then on), stops everything, then frees.
 */
#ifndef WEFT_LINK_INTERNAL_H
#define WEFT_LINK_INTERNAL_H

#include <nng/nng.h>
#include <nng/supplemental/tls/tls.h>
#include <nng/supplemental/util/platform.h>
#include <pthread.h>

#include "link_nng.h"

/* In front of each message on a stream: its size, big-endian. */
#define LINK_LENGTH_SIZE 4

struct link_nng {
    struct ev_wake *wake;          /* borrowed */
    char *address;                 /* owned */
    nng_stream_listener *listener; /* owned */
    nng_aio *accept;               /* owned */
    nng_tls_config *tls_client;    /* owned; NULL: none */
    size_t message_max;
    size_t inbox_max;
    size_t connections_max;
    size_t ways; /* not closed yet; the loop's own */
    pthread_t reaper;

    pthread_mutex_t mutex; /* guards all below, and the states of ways and connections */
    pthread_cond_t work;   /* of the reaper */
    struct list received;  /* of struct link_message */
    size_t received_bytes;
    struct list reading, paused, ended; /* connections */
    size_t connection_count;            /* of the three lists, and those that are being freed */
    uint64_t connections_refused;       /* since last asked */
    struct list sent;                   /* ways */
    struct list closing;                /* ways, for the reaper */
    size_t closing_count;
    bool resting; /* accept waits before it tries again */
    bool closed;  /* link_nng_close() was called */
    bool gone;    /* the reaper has ended */
};

struct link_connection;

/* link_inbox.c. Listens; accepts from link_inbox_start() on. On failure what was made is freed with
   the rest. */
int link_inbox_open(struct link_nng *n, const struct link_nng_config *config, const char **ret_why);
void link_inbox_start(struct link_nng *n);
/* The reaper's: waits for nng's threads. */
void link_inbox_reap(struct link_nng *n);
void link_connection_free(struct link_connection *connection);
/* Takes one from a list. The mutex is held. NULL: none. */
struct link_connection *link_connection_take(struct list *list);

/* link_way.c: the reaper's. */
void link_way_free(struct link_way *way);
struct link_way *link_way_take(struct list *list);

/* link_nng.c. */
int link_nng_errno(int error);
nng_tls_config *link_nng_tls(const struct link_tls *tls, nng_tls_mode mode, int *ret_error,
                             const char **ret_why);

#endif
