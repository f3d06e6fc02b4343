/*
 * A client's connection to a gateway: WebSocket with subprotocol weft.v1.proto, for the load
 * generator and the tools. It moves frames; what they mean is common/client's matter.
 *
 *   CONNECTING ──connected──► UPGRADING ──101──► GREETING ──Welcome──► OPEN
 *       │                         │                 │                    │
 *       └─────────────────────────┴── error, close, deadline ────────────┴──► ENDING ──► closed()
 *
 * Lifetime: conn_open() makes it, and closed() is its last call: when that returns the memory
 * goes. Every connection that was opened gets exactly one closed(), at the end of a turn, so no
 * call here ever frees it.
 *
 * Frames that are sent in one turn of the loop leave in one WebSocket message. While the connection
 * is open a Ping keeps it alive and finds out that the other side has died.
 */
#ifndef WEFT_CONN_H
#define WEFT_CONN_H

#include "conn_url.h"
#include "ev_loop.h"
#include "wire_client.h"
#include "ws_frame.h"

/* What waits for a gateway that does not read; past it the connection ends. */
#define CONN_OUT_BYTES_MAX (4u << 20)
/* A longer message than any document can need ends the connection. */
#define CONN_MESSAGE_BYTES_MAX (WIRE_DOCUMENT_BYTES_MAX + WIRE_FRAME_BYTES_MAX)
/* From connect to Welcome, unless the config says otherwise. */
#define CONN_WELCOME_MS 10000

/* What the connections of one loop share: memory to decode in, keys to mask with, counts. */
struct conn_set;

struct conn_counts {
    uint64_t frames_out, frames_in;     /* of our protocol */
    uint64_t messages_out, messages_in; /* of WebSocket; a message may hold several frames */
    uint64_t bytes_out, bytes_in;       /* payload of these */
};

/* Borrows loop. NULL: no memory. */
struct conn_set *conn_set_new(struct ev_loop *loop);
/* Every connection has been closed(). Returns NULL. */
struct conn_set *conn_set_free(struct conn_set *set);
const struct conn_counts *conn_set_counts(const struct conn_set *set);

struct conn;

/* How a connection ended. */
struct conn_end {
    int error;               /* 0: in order; else a negative errno. -EPROTO: it broke the rules */
    bool welcomed;           /* it had been OPEN */
    uint16_t close_code;     /* in the gateway's close frame; WS_CLOSE_NONE: there was none */
    uint32_t wire_error;     /* code of the last Error about the connection; 0: there was none */
    uint32_t retry_after_ms; /* what that asked for */
    const char *text;        /* all that in words; lent */
};

/* Lives as long as any connection that uses it. */
struct conn_events {
    /* The first frame has come; others may be sent now. Lends welcome. Its server time is never 0:
       where the gateway does not know the time yet (it has just started), it is that of our own
       clock. */
    void (*welcomed)(void *arg, const struct wire_welcome *welcome);
    /* Every other frame. Lends it until the call returns. May send and close. */
    void (*frame)(void *arg, const struct wire_server_frame *frame);
    void (*closed)(void *arg, const struct conn_end *end);
};

struct conn_config {
    struct ev_address to;          /* conn_url_resolve() */
    const struct conn_url *url;    /* for the request; borrowed for the call */
    const struct ev_address *from; /* local address, for more connections than one address has
                                      ports; NULL: the kernel chooses. Borrowed for the call */
    struct slice token;            /* for the Hello; must outlive the connection's Welcome */
    uint32_t welcome_ms;           /* 0: CONN_WELCOME_MS */
};

/* Negative errno when it fails at once (no closed() then); *ret is set only on success. */
MUST_CHECK int conn_open(struct conn_set *set, const struct conn_config *config,
                         const struct conn_events *events, void *arg, struct conn **ret);
/*
 * Queues one frame, in state OPEN. False: the connection is ending and closed() will come, be it
 * that it was, or that this frame was too much for it.
 */
bool conn_send(struct conn *c, const struct wire_client_frame *frame);
bool conn_is_open(const struct conn *c);
/* Sends what is queued, then a close frame; gives the gateway the loop's close_ms to end it. */
void conn_close(struct conn *c, enum ws_close_code code, const char *reason);
/* Ends it without a word, as if the client had died. */
void conn_abort(struct conn *c);

#endif
