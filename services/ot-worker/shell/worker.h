/*
 * The worker's shell: moves bytes between the core (wk_core.h) and the link, Redis, PostgreSQL, the
 * admin port and the log. One loop, one thread; nng's threads end in the link library.
 *
 *     worker_main.c     start and end
 *     worker_config.c   the table of options
 *     worker_links.c    gateways: the inbox and a peer each
 *     worker_events.c   what the core wants an operator to know
 *     worker_metrics.h  the admin port's numbers
 *     worker_command.c  what an operator may have done over the admin port
 */
#ifndef WEFT_WORKER_H
#define WEFT_WORKER_H

#include "link.h"
#include "shell_drive.h"
#include "wk_core.h"
#include "worker_config.h"

struct worker_links {
    struct link_node *node; /* owned */
    struct list gateways;   /* struct worker_gateway */
    uint64_t unanswered;    /* contacts for which no peer could be opened */
    uint64_t dropped;       /* items for gateways that were gone */
};

struct worker {
    struct worker_config config;
    struct shell shell;
    struct shell_drive drive;
    struct wk_core *core; /* owned */
    struct worker_links links;
    uint64_t events[WK_EVENT_COUNT];
    uint64_t view; /* followed; for the log */
};

/* worker_links.c. False, and it has been logged. */
bool worker_links_open(struct worker *w) MUST_CHECK;
void worker_links_close(struct worker *w);
/* wk_io.send */
void worker_links_send(void *ctx, uint64_t gateway_boot, struct slice item);

/* worker_events.c: wk_io.event */
void worker_event(void *ctx, enum wk_event event, struct slice doc, uint64_t detail);

/* worker_command.c: shell_service.command */
int worker_command(void *arg, const char *path, struct slice body, struct bytes *words);

#endif
