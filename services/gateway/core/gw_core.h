/*
 * The gateway's core: sessions of clients, viewers of documents, routing to workers. One event per
 * call, one thread; the way out is struct gw_io. It holds no document: a gateway may die at any
 * moment and nothing is lost.
 */
#ifndef WEFT_GW_CORE_H
#define WEFT_GW_CORE_H

#include "gw_auth.h"
#include "gw_io.h"
#include "obs_stats.h"
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
        payload_bytes_max;    /* documents being given in chunks; past it: opens wait. 0: 256 MiB */
    uint64_t attachments_max; /* open documents, summed over connections; 0: a million */
    /* Of Welcome; 0: the protocol's (wire_limits.h). */
    uint32_t frame_bytes_max; /* only to be told */
    uint32_t op_bytes_max, presence_bytes_max, presence_per_s_max, documents_max;
    uint32_t drain_ms;            /* clients are told to go within this window */
    const char *const *addresses; /* told to clients on drain; may be NULL */
    size_t address_count;
    const struct gw_auth *auth; /* NULL: gw_auth_open */
};

/*
 * What the shell shows. An op at its gateway:
 *
 *     came -- in --> sent to the worker ....> its entry came -- fan-out --> given to all
 *       `---------------------------------- ack ------------------------------'
 *
 * The clock is read twice for an entry and once for a turn; all else goes by the loop's time.
 */
#define GW_STAGE_HELP                                                                              \
    "What ops (in) and entries (fan-out) spent here; weft_worker_stage_seconds is what lies "      \
    "between."
/* Where an error does not tell by itself which limit it was. */
#define GW_LIMITS_HELP "Times that a limit on what clients do was reached."
#define GW_COUNTERS(X)                                                                             \
    X(COUNTER, connections, "weft_gateway_connections_total", "", "Connections accepted.")         \
    X(COUNTER, closed, "weft_gateway_closed_total", "", "Connections ended.")                      \
    X(COUNTER, frames_in, "weft_gateway_frames_in_total", "", "Frames received.")                  \
    X(COUNTER, frames_out, "weft_gateway_frames_out_total", "", "Frames queued to clients.")       \
    X(COUNTER, encodes, "weft_gateway_encodes_total", "", "Frames encoded; fan-out shares them.")  \
    X(COUNTER, opens, "weft_gateway_opens_total", "from=\"nothing\"",                              \
      "Documents that clients opened, by what they had of them; position: they came back.")        \
    X(COUNTER, reopens, "weft_gateway_opens_total", "from=\"position\"",                           \
      "Documents that clients opened, by what they had of them; position: they came back.")        \
    X(COUNTER, submits, "weft_gateway_submits_total", "", "Ops forwarded.")                        \
    X(COUNTER, resubmits, "weft_gateway_resubmits_total", "",                                      \
      "Ops forwarded again after a link reset or a move.")                                         \
    X(TIMES, ack_us, "weft_gateway_ack_seconds", "",                                               \
      "From an op's arrival to its ack being queued for who sent it.")                             \
    X(TIMES, seen_us, "weft_gateway_seen_seconds", "",                                             \
      "From an op's arrival to its being queued for the other viewers here, each counted.")        \
    X(TIMES, in_us, "weft_gateway_stage_seconds", "stage=\"in\"", GW_STAGE_HELP)                   \
    X(TIMES, fan_out_us, "weft_gateway_stage_seconds", "stage=\"fan-out\"", GW_STAGE_HELP)         \
    X(COUNTER, entries, "weft_gateway_entries_total", "", "Entries received from workers.")        \
    X(COUNTER, gaps, "weft_gateway_gaps_total", "",                                                \
      "Entries that did not follow: the document was opened again.")                               \
    X(COUNTER, presence_dropped, "weft_gateway_presence_dropped_total", "",                        \
      "Presence not forwarded: rate or slow reader.")                                              \
    X(COUNTER, lagging, "weft_gateway_lagging_total", "",                                          \
      "Times a slow reader was put on composed catch-up.")                                         \
    X(COUNTER, retries, "weft_gateway_retries_total", "",                                          \
      "Opens and ops tried again after a worker asked to wait.")                                   \
    X(COUNTER, moved, "weft_gateway_moved_total", "", "Documents that changed their worker.")      \
    X(COUNTER, worker_lost, "weft_gateway_worker_lost_total", "", "Times a worker was lost.")      \
    X(COUNTER, limit_hello, "weft_gateway_limits_total", "limit=\"hello\"", GW_LIMITS_HELP)        \
    X(COUNTER, limit_heartbeat, "weft_gateway_limits_total", "limit=\"heartbeat\"",                \
      GW_LIMITS_HELP)                                                                              \
    X(COUNTER, limit_open_documents, "weft_gateway_limits_total", "limit=\"open-documents-max\"",  \
      GW_LIMITS_HELP)                                                                              \
    X(COUNTER, limit_unacked, "weft_gateway_limits_total", "limit=\"unacked-max\"",                \
      GW_LIMITS_HELP)                                                                              \
    X(COUNTER, limit_payload, "weft_gateway_limits_total", "limit=\"payload-max\"",                \
      GW_LIMITS_HELP)                                                                              \
    X(COUNTER, limit_presence, "weft_gateway_limits_total", "limit=\"presence-per-second\"",       \
      GW_LIMITS_HELP)                                                                              \
    X(COUNTER, limit_op, "weft_gateway_limits_total", "limit=\"op-max\"", GW_LIMITS_HELP)          \
    X(COUNTER, limit_title, "weft_gateway_limits_total", "limit=\"title-max\"", GW_LIMITS_HELP)    \
    X(COUNTER, limit_doc_id, "weft_gateway_limits_total", "limit=\"doc-id-max\"", GW_LIMITS_HELP)  \
    X(COUNTER, views, "weft_gateway_view_changes_total", "", "Changes of the view.")

struct gw_counters {
    GW_COUNTERS(OBS_STATS_FIELD)
    uint64_t errors_by_code[WIRE_ERROR_CODES];
};
/* The rows above, and weft_gateway_client_errors_total by code. */
const struct obs_table *gw_counters_table(void);

/* What is so now. */
#define GW_GAUGES(X)                                                                               \
    X(GAUGE, connections, "weft_gateway_open_connections", "", "Clients connected.")               \
    X(GAUGE, documents, "weft_gateway_documents", "", "Documents with a viewer here.")             \
    X(GAUGE, attachments, "weft_gateway_attachments", "", "Viewers, summed over documents.")       \
    X(GAUGE, unacked_ops, "weft_gateway_unacked_ops", "", "Ops that wait for their ack.")          \
    X(GAUGE, view, "weft_gateway_view", "", "Number of the view that is followed.")

struct gw_gauges {
    GW_GAUGES(OBS_STATS_FIELD)
    /* accounts, and what they may reach */
    int64_t unacked_bytes, unacked_bytes_max;
    int64_t payload_bytes, payload_bytes_max;
};
const struct obs_table *gw_gauges_table(void);

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
/* The link was reset: everything there is opened again. */
void gw_core_worker_gone(struct gw_core *core, uint64_t worker_boot);
/* The worker is silent: what it has goes to the runner-up, until it is not any more. */
void gw_core_worker_silent(struct gw_core *core, uint64_t worker_boot, bool silent);
void gw_core_storage_done(struct gw_core *core, struct storage_call *call);
void gw_core_storage_reconnected(struct gw_core *core);
void gw_core_tick(struct gw_core *core);
uint64_t gw_core_due_ms(const struct gw_core *core);
/* The end of a turn of the loop, when what was forwarded in it leaves: it is measured. */
void gw_core_turn_end(struct gw_core *core);

const struct cluster_view *gw_core_view(const struct gw_core *core);
const struct gw_counters *gw_core_counters(const struct gw_core *core);
struct gw_gauges gw_core_gauges(const struct gw_core *core);

#endif
