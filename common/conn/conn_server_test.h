/*
 * For the test: a gateway's side of connections, as far as a client can see it: it answers the
 * upgrade and the Hello, keeps what came, and sends what the test tells it to. Made of common/ev
 * and common/ws, so frames pass real sockets.
 */
#ifndef WEFT_CONN_SERVER_TEST_H
#define WEFT_CONN_SERVER_TEST_H

#include "arena.h"
#include "ev_listen.h"
#include "ev_stream.h"
#include "wire_client.h"
#include "ws_decoder.h"

#define SERVER_FRAMES_MAX 64

struct server {
    struct ev_loop *loop;
    struct ev_listen *listen;
    struct ev_stream *stream; /* of the one connection; NULL: none */
    struct ev_address peer;   /* of the last connection */

    /* What the test sets before a connection comes. */
    const char *answer;          /* instead of the proper one */
    bool mute;                   /* takes the connection and says nothing */
    bool no_welcome;             /* upgrades, but does not answer the Hello */
    bool ping_after_answer;      /* a WebSocket ping in the same turn */
    uint64_t pong_after_welcome; /* nonce of a Pong that follows it in the same turn; 0: none */
    size_t allowed;              /* bytes that may be sent; what comes after them is held back */
    struct wire_welcome welcome;

    /* What came. */
    struct bytes head;
    bool upgraded;
    struct ws_decoder decoder;
    struct ws_collector collector;
    struct arena mem;
    struct bytes kept[SERVER_FRAMES_MAX]; /* frames as they came, for their slices */
    struct wire_client_frame frames[SERVER_FRAMES_MAX];
    size_t frame_count, message_count;
    struct bytes pong;
    bool ponged, closed_in;
    uint16_t close_code;
    struct bytes close_reason;

    struct bytes held;
};

void server_start(struct server *s, struct ev_loop *loop);
void server_stop(struct server *s);
/* Forgets what came, for another connection. */
void server_reset(struct server *s);
/* Bytes as they are; a frame of the protocol in a message of its own; several in one. */
void server_send_raw(struct server *s, struct slice bytes);
void server_send(struct server *s, const struct wire_server_frame *frame);
void server_send_both(struct server *s, const struct wire_server_frame *first,
                      const struct wire_server_frame *second);
/* Sends what was held back. */
void server_send_rest(struct server *s);

#endif
