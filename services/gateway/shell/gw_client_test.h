/*
 * For the tests of this folder: a client on a raw socket, which can send any bytes. It waits by
 * calling `pump` until what it waits for is there or WAIT_MS have passed, which fails the test.
 */
#ifndef WEFT_GW_CLIENT_TEST_H
#define WEFT_GW_CLIENT_TEST_H

#include "arena.h"
#include "ev_address.h"
#include "gw_io.h"
#include "ws_frame.h"

#define TEST_WAIT_MS 20000

struct test_client {
    int fd; /* -1: closed */
    enum gw_variant variant;
    void (*pump)(int fd); /* lets the server work, or waits for fd a moment */
    struct bytes in;      /* received and not looked at */
    struct arena mem;     /* of the frame given last */
    uint16_t close_code;  /* after the end; 0: no close frame came */
    char close_reason[WS_CONTROL_SIZE_MAX + 1];
    bool ended; /* the server has closed */
};

void test_client_connect(struct test_client *c, const struct ev_address *to, void (*pump)(int fd));
void test_client_close(struct test_client *c);
/* In full; gives up when the server closes. */
void test_client_send(struct test_client *c, struct slice bytes);
void test_client_send_str(struct test_client *c, const char *text);

/* Reads until the server has said everything and closed, or `until` (may be NULL) has come. The
 * text is lent until the next call. */
const char *test_client_read_text(struct test_client *c, const char *until);

/* The upgrade, which must be accepted. */
void test_client_upgrade(struct test_client *c, enum gw_variant variant);
void test_client_ws(struct test_client *c, enum ws_opcode opcode, bool fin, struct slice payload);
/* One frame of the protocol in the client's variant. */
void test_client_up(struct test_client *c, const struct wire_client_frame *frame);
void test_client_hello(struct test_client *c);

enum test_got { TEST_DATA, TEST_PONG, TEST_CLOSE, TEST_END };
/* The next thing that comes; *ret is lent until the next call. */
enum test_got test_client_next(struct test_client *c, struct slice *ret);
/* The next frame of protobuf, which must be of this type. */
struct wire_server_frame test_client_expect(struct test_client *c, enum wire_down_type type);
/* The next message as text must hold `part`. */
void test_client_expect_json(struct test_client *c, const char *part);
/* Error frame with this code, a close frame with this code, and the end. */
void test_client_expect_error(struct test_client *c, uint32_t code, uint16_t close_code);

int64_t test_now_ms(void);

#endif
