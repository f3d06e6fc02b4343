/*
 * The gateway's core: sessions of clients, viewers of documents, routing to workers. One event per
 * call, one thread; the way out is struct gw_io. It holds no document: a gateway may die at any
 * moment and nothing is lost.
 */
#ifndef WEFT_GW_CORE_H
#define WEFT_GW_CORE_H

#include "gw_auth.h"
#include "gw_io.h"
#include "wire_link.h"

struct gw_config {
    const char *id;      /* member id */
    const char *address; /* of its link inbox */
    uint64_t boot_id;
    uint32_t heartbeat_ms;     /* a client silent for twice this is closed */
    uint32_t hello_ms;         /* time for the first frame */
    uint32_t frames_per_s_max; /* per connection */
    uint32_t connections_max;
    uint64_t out_bytes_max;     /* of a connection's queue: only to be said in slow-reader */
    uint64_t unacked_bytes_max; /* submits held for all clients; past it: retry-later */
    uint64_t
        payload_bytes_max; /* documents being given in chunks; past it: opens wait. 0: 256 MiB */
    uint32_t drain_ms;     /* clients are told to go within this window */
    const char *const *addresses; /* told to clients on drain; may be NULL */
    size_t address_count;
    const struct gw_auth *auth; /* NULL: gw_auth_open */
};

#define GW_COUNTERS(X)                                                                             \
    X(connections, "connections accepted")                                                         \
    X(closed, "connections ended")                                                                 \
    X(frames_in, "frames received")                                                                \
    X(frames_out, "frames queued to clients")                                                      \
    X(encodes, "frames encoded; fan-out shares them")                                              \
    X(submits, "ops forwarded")                                                                    \
    X(resubmits, "ops forwarded again after a link reset or a move")                               \
    X(entries, "entries received from workers")                                                    \
    X(gaps, "entries that did not follow: the document was opened again")                          \
    X(errors, "errors told to clients")                                                            \
    X(presence_dropped, "presence not forwarded: rate or slow reader")                             \
    X(lagging, "times a slow reader was put on composed catch-up")                                 \
    X(retries, "opens and ops tried again after a worker asked to wait")                           \
    X(moved, "documents that changed their worker")                                                \
    X(worker_lost, "times a worker was lost")

struct gw_counters {
#define X(name, help) uint64_t name;
    GW_COUNTERS(X)
#undef X
    uint64_t errors_by_code[WIRE_ERROR_CODES];
};

struct gw_core;
struct gw_conn;

struct gw_core *gw_core_new(const struct gw_config *config, const struct gw_io *io);
/* All connections must be gone. */
struct gw_core *gw_core_free(struct gw_core *core);
void gw_core_start(struct gw_core *core);
/* SIGTERM: not ready any more, Drain to all clients, closes them spread over drain_ms. */
void gw_core_drain(struct gw_core *core);
bool gw_core_drained(const struct gw_core *core);
bool gw_core_ready(const struct gw_core *core);

/* NULL: no memory, or connections_max is reached (then the shell closes). */
struct gw_conn *gw_conn_new(struct gw_core *core, enum gw_variant variant, void *conn);
/* One decoded frame. After it the connection may be closing: send no more frames of it here. */
void gw_conn_frame(struct gw_conn *conn, const struct wire_client_frame *frame);
/* Any sign of life that is no frame (WebSocket ping or pong). */
void gw_conn_alive(struct gw_conn *conn);
/* The input was not the protocol: an Error, then the end. why (may be NULL) follows the Error's
 * sentence and is told to nobody but this client. */
void gw_conn_bad(struct gw_conn *conn, uint32_t code, uint64_t detail, const char *why);
void gw_conn_drained(struct gw_conn *conn);
/* The socket is gone; frees conn. */
void gw_conn_gone(struct gw_conn *conn);

/* One ToGateway item. False: malformed, reset the link. */
bool gw_core_item(struct gw_core *core, uint64_t worker_boot, struct slice item);
/* Payload of a worker's heartbeat (wire_heads). */
bool gw_core_heads(struct gw_core *core, uint64_t worker_boot, struct slice heads);
/* The link was reset, or the worker is silent: everything there is opened again. */
void gw_core_worker_gone(struct gw_core *core, uint64_t worker_boot);
void gw_core_storage_done(struct gw_core *core, struct storage_call *call);
void gw_core_storage_reconnected(struct gw_core *core);
void gw_core_tick(struct gw_core *core);
uint64_t gw_core_due_ms(const struct gw_core *core);

const struct gw_counters *gw_core_counters(const struct gw_core *core);
struct gw_gauges {
    uint64_t connections, documents, attachments, unacked_bytes, view;
};
struct gw_gauges gw_core_gauges(const struct gw_core *core);

#endif
