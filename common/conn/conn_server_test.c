#include "conn_server_test.h"

#include <check.h>

#include "crypto_hash.h"
#include "http1_head.h"
#include "ws_encoder.h"
#include "ws_handshake.h"

static bool sha1(struct slice in, uint8_t ret_digest[20])
{
    crypto_sha1(in, slice_of(NULL, 0), ret_digest);
    return true;
}

/* ---- out ------------------------------------------------------------------------------------ */

void server_send_raw(struct server *s, struct slice bytes)
{
    size_t now = bytes.size < s->allowed ? bytes.size : s->allowed;

    if (now)
        ck_assert_int_eq(ev_stream_send_copy(s->stream, slice_of(bytes.data, now)), 0);
    s->allowed -= now;
    bytes_append(&s->held, bytes.data + now, bytes.size - now);
}

void server_send_rest(struct server *s)
{
    struct bytes held = bytes_steal(&s->held);

    s->allowed = SIZE_MAX;
    server_send_raw(s, bytes_slice(&held));
    bytes_fini(&held);
}

static void send_message(struct server *s, struct bytes *payload)
{
    struct bytes message = BYTES_INIT;

    ws_encode_append(&message, WS_BINARY, bytes_slice(payload), NULL);
    server_send_raw(s, bytes_slice(&message));
    bytes_fini(&message);
    bytes_fini(payload);
}

void server_send(struct server *s, const struct wire_server_frame *frame)
{
    struct bytes payload = BYTES_INIT;

    wire_server_frame_encode(frame, &payload);
    send_message(s, &payload);
}

void server_send_both(struct server *s, const struct wire_server_frame *first,
                      const struct wire_server_frame *second)
{
    struct bytes payload = BYTES_INIT;

    wire_server_frame_encode(first, &payload);
    wire_server_frame_encode(second, &payload);
    send_message(s, &payload);
}

/* ---- in ------------------------------------------------------------------------------------- */

static void welcome(struct server *s)
{
    struct wire_server_frame frame = {.type = WIRE_DOWN_WELCOME, .welcome = s->welcome};
    struct wire_server_frame pong = {.type = WIRE_DOWN_PONG,
                                     .pong = {.nonce = s->pong_after_welcome}};

    server_send(s, &frame);
    if (s->pong_after_welcome)
        server_send(s, &pong);
}

static void message_in(struct server *s, struct slice message)
{
    s->message_count++;
    ck_assert_uint_lt(s->frame_count, SERVER_FRAMES_MAX);
    struct bytes *kept = &s->kept[s->message_count % SERVER_FRAMES_MAX];
    bytes_reset(kept);
    bytes_append_slice(kept, message);
    struct slice left = bytes_slice(kept);
    while (left.size) {
        struct wire_client_frame *frame = &s->frames[s->frame_count++ % SERVER_FRAMES_MAX];
        ck_assert_int_eq(wire_client_frame_take(&s->mem, &left, frame), 0);
        if (frame->type == WIRE_UP_HELLO && !s->no_welcome)
            welcome(s);
    }
}

static void event_in(struct server *s, int kind, const struct ws_event *event)
{
    struct slice message;

    if (kind == WS_DATA) {
        if (ws_collector_add(&s->collector, event, &message))
            message_in(s, message);
    } else if (kind == WS_PONGED) {
        s->ponged = true;
        bytes_append_slice(&s->pong, event->data);
    } else if (kind == WS_CLOSED) {
        s->closed_in = true;
        s->close_code = event->code;
        bytes_append_slice(&s->close_reason, event->data);
        ev_stream_close_after_flush(s->stream);
    } else {
        ck_abort_msg("the client broke the protocol: %s", event->reason);
    }
}

static void upgrade(struct server *s)
{
    struct http1_request request;
    struct bytes out = BYTES_INIT;
    struct ws_upgrade up;
    int status;

    if (http1_request_parse(bytes_slice(&s->head), &request, &status) == HTTP1_MORE)
        return;
    ws_upgrade_init(&up);
    for (size_t i = 0; i < request.fields.count; i++)
        ws_upgrade_field(&up, request.fields.at[i].name, request.fields.at[i].value);
    ck_assert_int_eq(ws_upgrade_check(&up, true), WS_UPGRADE_OK);
    ck_assert_int_eq(up.protocol, WS_PROTOCOL_PROTO);
    if (s->answer)
        bytes_append_str(&out, s->answer);
    else
        ck_assert(ws_upgrade_accept(&out, &up, sha1));
    if (s->ping_after_answer)
        ws_encode_append(&out, WS_PING, slice_str("!"), NULL);
    s->upgraded = true;
    server_send_raw(s, bytes_slice(&out));
    bytes_fini(&out);
}

static void on_read(struct ev_stream *stream, void *arg, struct slice in)
{
    struct server *s = arg;
    struct ws_input input = {.data = (uint8_t *)in.data, .size = in.size};
    struct ws_event event;
    int kind;

    if (s->mute)
        return;
    if (!s->upgraded) {
        bytes_append_slice(&s->head, in);
        upgrade(s);
        return;
    }
    while ((kind = ws_decoder_next(&s->decoder, &input, &event)) != WS_NEED_MORE)
        event_in(s, kind, &event);
}

static void on_closed(struct ev_stream *stream, void *arg, int reason)
{
    struct server *s = arg;

    s->stream = NULL;
}

static const struct ev_stream_kind kind = {.on_read = on_read, .on_closed = on_closed};

static void on_accept(void *arg, int fd, const struct ev_address *peer)
{
    struct server *s = arg;

    ck_assert_ptr_null(s->stream);
    s->peer = *peer;
    s->stream = ev_stream_open(s->loop, fd, &kind, s);
    ck_assert_ptr_nonnull(s->stream);
}

void server_start(struct server *s, struct ev_loop *loop)
{
    struct ev_address any;

    *s = (struct server){.loop = loop, .welcome = {.version = 1}, .allowed = SIZE_MAX};
    ws_collector_init(&s->collector);
    server_reset(s);
    arena_init(&s->mem, 1 << 20);
    ck_assert(ev_address_parse("127.0.0.1:0", &any));
    ck_assert_int_eq(ev_listen_new(loop, &any, NULL, on_accept, s, &s->listen), 0);
}

void server_reset(struct server *s)
{
    ws_decoder_fini(&s->decoder);
    ws_decoder_init(&s->decoder, WS_SERVER, 1 << 20);
    bytes_reset(&s->head);
    bytes_reset(&s->pong);
    s->upgraded = s->closed_in = s->ponged = false;
    s->frame_count = s->message_count = 0;
}

void server_stop(struct server *s)
{
    ev_listen_free(s->listen);
    if (s->stream)
        ev_stream_close(s->stream);
    ws_decoder_fini(&s->decoder);
    ws_collector_fini(&s->collector);
    arena_fini(&s->mem);
    for (size_t i = 0; i < SERVER_FRAMES_MAX; i++)
        bytes_fini(&s->kept[i]);
    bytes_fini(&s->head);
    bytes_fini(&s->pong);
    bytes_fini(&s->close_reason);
    bytes_fini(&s->held);
}
