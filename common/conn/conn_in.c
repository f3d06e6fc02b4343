/*
 * WebSocket messages in, each of one or more frames. A callback may end the connection; what is
 * left of the input is then dropped.
 */
#include <errno.h>
#include <string.h>

#include "conn_private.h"

/* The Error that says why the gateway will end the connection. */
static void error_note(struct conn *c, const struct wire_client_error *error)
{
    if (error->scope != WIRE_SCOPE_CONN)
        return;
    c->end.wire_error = error->code;
    c->end.retry_after_ms = error->retry_after_ms;
}

static void frame_in(struct conn *c, const struct wire_server_frame *frame)
{
    c->set->counts.frames_in++;
    if (frame->type == WIRE_DOWN_ERROR)
        error_note(c, &frame->error);
    if (frame->type == WIRE_DOWN_WELCOME && c->state == CONN_GREETING)
        conn_welcome(c, &frame->welcome);
    else if (c->state == CONN_OPEN || frame->type == WIRE_DOWN_ERROR)
        c->events->frame(c->arg, frame);
    else
        conn_fail(c, -EPROTO, WS_CLOSE_PROTOCOL, "the gateway's first frame is no Welcome");
}

static void message_in(struct conn *c, struct slice message)
{
    struct wire_server_frame frame;

    c->set->counts.messages_in++;
    c->set->counts.bytes_in += message.size;
    while (message.size > 0 && c->state != CONN_ENDING) {
        arena_reset(&c->set->mem);
        int r = wire_server_frame_take(&c->set->mem, &message, &frame);
        if (r < 0)
            conn_fail(c, r, WS_CLOSE_NONE, "no memory for a frame that came");
        else if (r)
            conn_fail(c, -EPROTO, WS_CLOSE_BAD_DATA, "the gateway sent a malformed frame");
        else
            frame_in(c, &frame);
    }
}

static void data_in(struct conn *c, const struct ws_event *event)
{
    struct slice message;
    int r = ws_collector_add(&c->collector, event, &message);

    if (r < 0)
        conn_fail(c, r, WS_CLOSE_NONE, "no memory for a message that came");
    else if (r && event->text)
        conn_fail(c, -EPROTO, WS_CLOSE_UNSUPPORTED, "the gateway sent a message of text");
    else if (r)
        message_in(c, message);
}

static void closed_in(struct conn *c, const struct ws_event *event)
{
    const struct wire_error_info *info = wire_error_info(c->end.wire_error);

    c->end.close_code = event->code;
    conn_fail(c, 0, event->code == WS_CLOSE_NONE ? WS_CLOSE_NORMAL : event->code,
              "closed by the gateway: %u%s%s", event->code, info ? ", " : "",
              info ? info->word : "");
}

static void event_in(struct conn *c, int kind, const struct ws_event *event)
{
    switch (kind) {
    case WS_DATA:
        data_in(c, event);
        break;
    case WS_PINGED:
        conn_pong_send(c, event->data);
        break;
    case WS_PONGED:
        break;
    case WS_CLOSED:
        closed_in(c, event);
        break;
    case WS_BAD:
        conn_fail(c, -EPROTO, event->code, "the gateway broke the WebSocket protocol: %s",
                  event->reason);
        break;
    default:
        conn_fail(c, kind, WS_CLOSE_NONE, "reading: %s", strerror(-kind));
        break;
    }
}

void conn_read(struct conn *c, struct slice in)
{
    /* The decoder writes only where it unmasks, and what a server sends is not masked. */
    struct ws_input input = {.data = (uint8_t *)in.data, .size = in.size};
    struct ws_event event;

    while (c->state != CONN_ENDING) {
        int kind = ws_decoder_next(&c->decoder, &input, &event);
        if (kind == WS_NEED_MORE)
            return;
        event_in(c, kind, &event);
    }
}
