/*
 * All client sockets of this process, and the listener they come from.
 *
 * Bounds and whom they stop: gw_limits.h. Sockets beyond connections_max are told so, as long as
 * there are not too many of them, too.
 */
#ifndef WEFT_GW_SERVER_H
#define WEFT_GW_SERVER_H

#include "ev_address.h"
#include "ev_stream.h"
#include "gw_core.h"
#include "gw_input.h"
#include "gw_page.h"
#include "gw_stats.h"
#include "list.h"
#include "obs_log.h"

struct ev_listen;
struct ev_timer;

struct gw_server_config {
    uint32_t connections_max;
    uint32_t request_ms;
    uint32_t out_bytes_max;
    size_t input_bytes_max;
    uint32_t answer_ms;       /* 0: GW_ANSWER_MS */
    uint32_t frame_bytes_max; /* 0: WIRE_FRAME_BYTES_MAX */
    int backlog;              /* 0: the default of ev_listen */
};

struct gw_server {
    struct gw_server_config config;
    struct ev_loop *loop;       /* borrowed */
    struct obs_log *log;        /* borrowed */
    struct gw_core *core;       /* borrowed: set before listening starts */
    struct gw_page page;        /* owned; zeroed (no page) until gw_page_load() */
    void (*stirred)(void *arg); /* the core may have something due earlier now */
    void *stirred_arg;
    struct ev_stream_kind kind;
    struct ev_listen *listen; /* owned; NULL: not listening */
    struct ev_timer *timer;   /* owned; runs while one of the next two is not empty */
    struct list requests;     /* gw_socket by age of the state: no whole request yet */
    struct list answers;      /* the same: a file is on its way */
    struct list others;       /* gw_socket in any other state */
    struct gw_input input;
    size_t refused_count; /* sockets that are being told 503 */
    uint64_t last_number;
    struct gw_stats stats;
};

/* -ENOMEM. The log and the loop must outlive the server. */
MUST_CHECK int gw_server_init(struct gw_server *server, const struct gw_server_config *config,
                              struct ev_loop *loop, struct obs_log *log);
/* All sockets must be gone. */
void gw_server_fini(struct gw_server *server);
/* Negative errno of ev_listen_new(). */
MUST_CHECK int gw_server_listen(struct gw_server *server, const struct ev_address *address);
/* Where it listens really (port 0 was chosen by the kernel). */
void gw_server_address(const struct gw_server *server, struct ev_address *ret);
/* No new ones: stops listening, and whoever has not asked for anything yet, or waits to be
 * accepted, is told 503. What he sends is read, or his kernel would drop the answer; for 5 s. */
void gw_server_stop(struct gw_server *server);
/* Closes every socket at once, whatever it is doing. */
void gw_server_abort(struct gw_server *server);
bool gw_server_empty(const struct gw_server *server);

#endif
