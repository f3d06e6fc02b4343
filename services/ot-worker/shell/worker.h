/*
 * The worker's shell: moves bytes between the core (wk_core.h) and the link, Redis, PostgreSQL, the
 * admin port and the log. One loop, one thread; nng's threads end in the link library.
 *
 *     worker_main.c     start, storage, time, stop
 *     worker_config.c   the table of options
 *     worker_links.c    gateways: the inbox and a peer each
 *     worker_events.c   what the core wants an operator to know
 *     worker_metrics.c  the admin port's numbers
 */
#ifndef WEFT_WORKER_H
#define WEFT_WORKER_H

#include "link.h"
#include "wk_core.h"
#include "worker_config.h"

struct worker_links {
    struct link_node *node; /* owned */
    struct list gateways;   /* struct worker_gateway */
    uint64_t unanswered;    /* contacts for which no peer could be opened */
    uint64_t dropped;       /* items for gateways that were gone */
};

/*
 *   RUNNING --- SIGTERM, SIGINT ---> DRAINING --- drained, or drain_ms over ---> CLOSING
 *                                                                                   |
 *                                            link and backend closed: the loop stops
 */
enum worker_phase { WORKER_RUNNING, WORKER_DRAINING, WORKER_CLOSING };

struct worker {
    struct worker_config config;
    struct shell shell;
    struct shell_storage storage;
    enum worker_phase phase;
    struct backend *backend; /* owned */
    struct wk_core *core;    /* owned */
    struct worker_links links;
    struct ev_timer *tick;      /* owned; the core's time */
    struct ev_timer *drain_end; /* owned; the drain's bound */
    struct ev_task settle;      /* queued when the core was called */
    unsigned open;              /* of link and backend: not closed yet */
    uint64_t events[WK_EVENT_COUNT];
};

/* After each call into the core: its next time, and whether a drain is over, are looked at once in
   this turn. */
void worker_settle(struct worker *w);

/* worker_links.c. False, and it has been logged. */
bool worker_links_open(struct worker *w) MUST_CHECK;
/* closed: with w. */
void worker_links_close(struct worker *w, void (*closed)(void *arg));
/* wk_io.send */
void worker_links_send(void *ctx, uint64_t gateway_boot, struct slice item);

/* worker_events.c: wk_io.event */
void worker_event(void *ctx, enum wk_event event, struct slice doc, uint64_t detail);

/* worker_metrics.c */
void worker_metrics(void *arg, struct bytes *out);

#endif
