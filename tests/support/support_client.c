#include "support_client.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "json_client.h"
#include "ws_encoder.h"
#include "ws_handshake.h"

#define KEY "AAAAAAAAAAAAAAAAAAAAAA=="

static const uint8_t mask[4] = {0x12, 0x34, 0x56, 0x78};

void support_client_connect(struct support_client *c, const struct ev_address *to,
                            void (*pump)(int fd))
{
    *c = (struct support_client){.pump = pump};
    c->fd = socket(to->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(c->fd, 0);
    ck_assert_msg(connect(c->fd, &to->sa, to->size) == 0, "connect: %s", strerror(errno));
    ck_assert_int_eq(fcntl(c->fd, F_SETFL, O_NONBLOCK), 0);
    arena_init(&c->mem, 64 << 20);
}

void support_client_close(struct support_client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    bytes_fini(&c->in);
    arena_fini(&c->mem);
}

void support_client_send(struct support_client *c, struct slice bytes)
{
    int64_t end = support_now_ms() + SUPPORT_WAIT_MS;

    while (bytes.size) {
        ssize_t n = send(c->fd, bytes.data, bytes.size, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN)
            return;
        if (n > 0)
            bytes = slice_of(bytes.data + n, bytes.size - (size_t)n);
        else
            c->pump(c->fd);
        ck_assert_msg(support_now_ms() < end, "the server does not read");
    }
}

void support_client_send_str(struct support_client *c, const char *text)
{
    support_client_send(c, slice_str(text));
}

/* Waits for more in c->in; false at the end. */
static bool receive(struct support_client *c)
{
    int64_t end = support_now_ms() + SUPPORT_WAIT_MS;

    while (!c->ended) {
        uint8_t *room = bytes_reserve(&c->in, 65536);
        ck_assert(room);
        ssize_t n = recv(c->fd, room, 65536, 0);
        if (n > 0) {
            c->in.size += (size_t)n;
            return true;
        }
        if (n == 0 || errno != EAGAIN)
            c->ended = true;
        else
            c->pump(c->fd);
        ck_assert_msg(support_now_ms() < end, "nothing came in time");
    }
    return false;
}

const char *support_client_read_text(struct support_client *c, const char *until)
{
    for (;;) {
        *bytes_reserve(&c->in, 1) = 0;
        if (until && c->in.size && strstr((char *)c->in.data, until))
            return (char *)c->in.data;
        if (!receive(c))
            break;
    }
    *bytes_reserve(&c->in, 1) = 0;
    return (char *)c->in.data;
}

void support_client_upgrade(struct support_client *c, enum ws_protocol protocol)
{
    struct bytes request = BYTES_INIT;

    c->protocol = protocol;
    ws_client_request(&request, "127.0.0.1", "/", KEY,
                      protocol == WS_PROTOCOL_JSON ? WS_PROTOCOL_JSON : WS_PROTOCOL_PROTO);
    support_client_send(c, bytes_slice(&request));
    bytes_fini(&request);
    const char *head = support_client_read_text(c, "\r\n\r\n");
    const char *end = strstr(head, "\r\n\r\n");
    ck_assert_msg(end && strncmp(head, "HTTP/1.1 101 ", 13) == 0, "not upgraded: %s", head);
    ck_assert(strstr(head, protocol == WS_PROTOCOL_JSON ? "weft.v1.json" : "weft.v1.proto"));
    bytes_consume(&c->in, (size_t)(end + 4 - head));
}

void support_client_ws(struct support_client *c, enum ws_opcode opcode, bool fin,
                       struct slice payload)
{
    struct bytes frame = BYTES_INIT;

    ws_encode_append(&frame, opcode, payload, mask);
    ck_assert(!frame.failed);
    if (!fin)
        frame.data[0] &= 0x7f;
    support_client_send(c, bytes_slice(&frame));
    bytes_fini(&frame);
}

void support_client_up(struct support_client *c, const struct wire_client_frame *frame)
{
    struct bytes out = BYTES_INIT;

    if (c->protocol == WS_PROTOCOL_JSON)
        ck_assert_int_eq(json_client_frame_write(&c->mem, frame, &out), 0);
    else
        wire_client_frame_encode(frame, &out);
    support_client_ws(c, c->protocol == WS_PROTOCOL_JSON ? WS_TEXT : WS_BINARY, true,
                      bytes_slice(&out));
    bytes_fini(&out);
}

void support_client_hello(struct support_client *c)
{
    struct wire_client_frame frame = {.type = WIRE_UP_HELLO, .hello = {.version = 1}};

    support_client_up(c, &frame);
    if (c->protocol == WS_PROTOCOL_JSON)
        support_client_expect_json(c, "{\"type\":\"welcome\",\"version\":1,");
    else
        support_client_expect(c, WIRE_DOWN_WELCOME);
}

/* One frame off the front of c->in, payload to the arena; false: it is not whole. */
static bool frame_take(struct support_client *c, uint8_t *ret_first, struct slice *ret)
{
    const uint8_t *p = c->in.data;
    size_t header = 2;

    if (c->in.size < 2)
        return false;
    uint64_t size = p[1] & 0x7f;
    ck_assert_msg(!(p[1] & 0x80), "a server's frame is not masked");
    if (size >= 126)
        header += size == 126 ? 2 : 8;
    if (c->in.size < header)
        return false;
    if (size == 126)
        size = (uint64_t)p[2] << 8 | p[3];
    else if (size == 127)
        size = load_be64(p + 2);
    if (c->in.size - header < size)
        return false;
    *ret_first = p[0];
    arena_reset(&c->mem);
    *ret = slice_of(arena_copy(&c->mem, p + header, size), size);
    bytes_consume(&c->in, header + size);
    return true;
}

enum support_got support_client_next(struct support_client *c, struct slice *ret)
{
    uint8_t first;

    while (!frame_take(c, &first, ret))
        if (!receive(c))
            return SUPPORT_END;
    switch (first) {
    case 0x80 | WS_PONG:
        return SUPPORT_PONG;
    case 0x80 | WS_CLOSE:
        if (ret->size >= 2) {
            c->close_code = (uint16_t)(ret->data[0] << 8 | ret->data[1]);
            memcpy(c->close_reason, ret->data + 2, ret->size - 2);
            c->close_reason[ret->size - 2] = 0;
        }
        return SUPPORT_CLOSE;
    default:
        ck_assert_int_eq(first, 0x80 | (c->protocol == WS_PROTOCOL_JSON ? WS_TEXT : WS_BINARY));
        return SUPPORT_DATA;
    }
}

struct wire_server_frame support_client_expect(struct support_client *c, enum wire_down_type type)
{
    struct wire_server_frame frame;
    struct slice message;
    enum support_got got = support_client_next(c, &message);

    ck_assert_msg(got == SUPPORT_DATA, "got %d (close %u %s), expected a frame of type %d", got,
                  c->close_code, c->close_reason, type);
    ck_assert_int_eq(wire_server_frame_take(&c->mem, &message, &frame), 0);
    ck_assert_uint_eq(message.size, 0);
    ck_assert_msg(frame.type == type, "frame of type %d, expected %d; error %.*s", frame.type, type,
                  frame.type == WIRE_DOWN_ERROR ? (int)frame.error.message.size : 0,
                  (const char *)frame.error.message.data);
    return frame;
}

void support_client_expect_json(struct support_client *c, const char *part)
{
    struct slice message;
    enum support_got got = support_client_next(c, &message);

    ck_assert_msg(got == SUPPORT_DATA, "got %d (close %u %s), expected %s", got, c->close_code,
                  c->close_reason, part);
    ck_assert_msg(memmem(message.data, message.size, part, strlen(part)), "%.*s does not hold %s",
                  (int)message.size, (const char *)message.data, part);
}

void support_client_expect_error(struct support_client *c, uint32_t code, uint16_t close_code)
{
    char part[64];
    struct slice rest;

    if (c->protocol == WS_PROTOCOL_JSON) {
        snprintf(part, sizeof part, "{\"type\":\"error\",\"code\":%u,", code);
        support_client_expect_json(c, part);
    } else {
        struct wire_server_frame frame = support_client_expect(c, WIRE_DOWN_ERROR);
        ck_assert_uint_eq(frame.error.code, code);
    }
    ck_assert_int_eq(support_client_next(c, &rest), SUPPORT_CLOSE);
    ck_assert_msg(c->close_code == close_code, "closed with %u %s, expected %u", c->close_code,
                  c->close_reason, close_code);
    ck_assert_str_eq(c->close_reason, wire_error_info(code)->word);
    ck_assert_int_eq(support_client_next(c, &rest), SUPPORT_END);
}
