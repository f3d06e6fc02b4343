/*
 * The gateway's shell: moves bytes between the core (gw_core.h) and clients, workers, Redis, the
 * admin port and the log. One loop, one thread; nng's threads end in the link library.
 *
 *     gw_main.c      start, the core's time, drain, stop
 *     gw_config.h    the table of options
 *     gw_server.h    clients: the listener and all sockets
 *     gw_socket.h      one of them
 *     gw_upgrade.h     its HTTP request: a WebSocket, or
 *     gw_page.h        a file of the page
 *     gw_web.h         which lie in memory
 *     gw_input.h       its messages, taken apart into frames
 *     gw_encode.h      frames for it
 *     gw_links.h     workers
 *     gw_beat.h      Redis, for the beat
 *     gw_metrics.h   the admin port's numbers
 *
 *   RUNNING ── SIGTERM, SIGINT ──► DRAINING ── drained, or its time over ──► CLOSING ──► ENDING
 *                                                                sockets gone, core freed │
 *                                                    links and backend closed: the loop stops
 */
#ifndef WEFT_GW_PROCESS_H
#define WEFT_GW_PROCESS_H

#include "gw_beat.h"
#include "gw_config.h"
#include "gw_encode.h"
#include "gw_links.h"
#include "gw_server.h"
#include "shell.h"

#define GW_DRAIN_ADDRESSES_MAX 32

enum gw_phase { GW_RUNNING, GW_DRAINING, GW_CLOSING, GW_ENDING };

struct gw_process {
    struct gw_options options;
    struct shell shell;
    struct gw_beat beat;
    struct gw_links links;
    struct gw_encoder encoder;
    struct gw_server server;
    struct gw_core *core; /* owned */
    enum gw_phase phase;
    struct ev_timer *tick;                        /* owned; the core's time */
    struct ev_timer *drain_end;                   /* owned; the drain's bound */
    struct ev_task settle;                        /* queued when the core was called */
    uint64_t tick_due_ms;                         /* when `tick` fires; 0: never set */
    unsigned open;                                /* of links and backend: not closed yet */
    const char *drain_to[GW_DRAIN_ADDRESSES_MAX]; /* pieces of options.drain_to */
    size_t drain_to_count;
};

/* After each call into the core: its next time, and whether a drain is over, are looked at once in
   this turn. `arg`: the process. */
void gw_process_settle(void *arg);

#endif
