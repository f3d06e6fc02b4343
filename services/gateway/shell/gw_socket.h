/*
 * One client's socket: an HTTP request, then WebSocket frames, then the end.
 *
 *                 upgrade               core closes, peer closes, bad frame
 *   accept ─► REQUEST ─────────► OPEN ───────────────────────────────┐
 *              ▲ │ │ words, a refusal, too late                      ▼
 *     the file │ │ └────────────────────────────────────────────► CLOSING ─► on_closed: freed
 *     is out   │ ▼ a file of the page                                ▲
 *            ANSWERING ──────────────────────────────────────────────┘
 *                         the client takes it too slowly, or wants no other
 *
 * OPEN has a gw_conn. In CLOSING it may still have one: the core has closed it, and is told that it
 * is gone when the stream is. In ANSWERING nothing is read: one request at a time. Where the peer
 * ends the connection the core is told at once, so that nothing is opened again for a client that
 * has left.
 *
 * Idle, it holds no buffer: a request or message that came in part is held until its rest comes,
 * and charged to the server's account.
 */
#ifndef WEFT_GW_SOCKET_H
#define WEFT_GW_SOCKET_H

#include "gw_server.h"
#include "ws_decoder.h"

enum gw_socket_state { GW_SOCKET_REQUEST, GW_SOCKET_ANSWERING, GW_SOCKET_OPEN, GW_SOCKET_CLOSING };

struct gw_socket {
    struct list link;         /* in server->requests, answers or others */
    struct gw_server *server; /* borrowed */
    struct ev_stream *stream; /* owned until on_closed */
    struct gw_conn *conn;     /* owned; NULL in REQUEST, and once gone */
    uint64_t number;          /* for the log */
    uint64_t since_ms;        /* REQUEST, ANSWERING: in this state since */
    struct bytes head;        /* REQUEST: what came of it; empty if nothing or all */
    struct ws_decoder decoder;
    struct ws_collector collector;
    uint32_t held;       /* bytes charged to server->stats.held_bytes */
    uint32_t answer;     /* ANSWERING: bytes charged to server->stats.answer_bytes */
    uint16_t close_code; /* of WebSocket; 0: the one that fits the core's reason */
    uint8_t state;
    uint8_t variant;
    bool full;    /* the core was told FULL: what it sends now are the last words */
    bool refused; /* counted in server->refused_count */
    bool served;  /* has had an answer */
    bool last;    /* ANSWERING: close behind it */
};

/* How the loop reads and writes them. */
void gw_socket_kind(uint32_t out_bytes_max, struct ev_stream_kind *ret);
/* Takes fd. */
void gw_socket_accept(struct gw_server *server, int fd);
/* REQUEST: answers 503 in these words, and closes. */
void gw_socket_unavailable(struct gw_socket *s, const char *why);
/* REQUEST: has had its answer, and nothing of another request has come. */
bool gw_socket_idle(const struct gw_socket *s);
/* Closes at once. */
void gw_socket_abort(struct gw_socket *s);

/* gw_io.send and gw_io.close. */
enum gw_send gw_socket_send(struct gw_socket *s, struct refbuf *frame);
void gw_socket_close(struct gw_socket *s, uint32_t code);
/* gw_io.told: for the log. */
void gw_socket_told(struct gw_socket *s, const struct gw_told *told);

#endif
