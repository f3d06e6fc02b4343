/*
 * A client on a raw socket, which can send any bytes. It waits by
 * calling `pump` until what it waits for is there or WAIT_MS have passed, which fails the test.
 */
#ifndef WEFT_SUPPORT_CLIENT_H
#define WEFT_SUPPORT_CLIENT_H

#include "arena.h"
#include "ev_address.h"
#include "support_time.h"
#include "wire_client.h"
#include "ws_frame.h"
#include "ws_handshake.h"

#define SUPPORT_WAIT_MS 20000

struct support_client {
    int fd; /* -1: closed */
    enum ws_protocol protocol;
    void (*pump)(int fd); /* lets the server work, or waits for fd a moment */
    struct bytes in;      /* received and not looked at */
    struct arena mem;     /* of the frame given last */
    uint16_t close_code;  /* after the end; 0: no close frame came */
    char close_reason[WS_CONTROL_SIZE_MAX + 1];
    bool ended; /* the server has closed */
};

void support_client_connect(struct support_client *c, const struct ev_address *to,
                            void (*pump)(int fd));
void support_client_close(struct support_client *c);
/* In full; gives up when the server closes. */
void support_client_send(struct support_client *c, struct slice bytes);
void support_client_send_str(struct support_client *c, const char *text);

/* Reads until the server has said everything and closed, or `until` (may be NULL) has come. The
 * text is lent until the next call. */
const char *support_client_read_text(struct support_client *c, const char *until);

/* The upgrade, which must be accepted. */
void support_client_upgrade(struct support_client *c, enum ws_protocol protocol);
void support_client_ws(struct support_client *c, enum ws_opcode opcode, bool fin,
                       struct slice payload);
/* One frame of the protocol in the client's variant. */
void support_client_up(struct support_client *c, const struct wire_client_frame *frame);
void support_client_hello(struct support_client *c);

enum support_got { SUPPORT_DATA, SUPPORT_PONG, SUPPORT_CLOSE, SUPPORT_END };
/* The next thing that comes; *ret is lent until the next call. */
enum support_got support_client_next(struct support_client *c, struct slice *ret);
/* The next frame of protobuf, which must be of this type. */
struct wire_server_frame support_client_expect(struct support_client *c, enum wire_down_type type);
/* The next message as text must hold `part`. */
void support_client_expect_json(struct support_client *c, const char *part);
/* Error frame with this code, a close frame with this code, and the end. */
void support_client_expect_error(struct support_client *c, uint32_t code, uint16_t close_code);

#endif
