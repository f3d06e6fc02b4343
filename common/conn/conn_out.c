/*
 * Frames out. A turn's frames are collected behind room for the longest header, so that the header
 * goes right before them and everything is masked and queued as one piece.
 */
#include <errno.h>
#include <string.h>

#include "conn_private.h"
#include "ws_encoder.h"

/* A message of many frames is sent at this size, the turn's end or not. */
#define MESSAGE_BYTES_GOOD (32u << 10)
/* Memory that an idle connection may keep. */
#define OUT_BYTES_KEPT 1024

static void key_draw(struct conn *c, uint8_t ret[4])
{
    uint32_t key = (uint32_t)(rng_u64(&c->set->keys) >> 32);

    memcpy(ret, &key, sizeof key);
}

void conn_raw_send(struct conn *c, struct slice bytes)
{
    int r = ev_stream_send_copy(c->stream, bytes);

    c->sent = true;
    if (r == EV_SEND_FULL)
        conn_fail(c, -ENOBUFS, WS_CLOSE_NONE, "the gateway does not read: %zu bytes wait for it",
                  ev_stream_queued(c->stream));
    else if (r < 0)
        conn_fail(c, r, WS_CLOSE_NONE, "sending: %s", strerror(-r));
    /* Otherwise queued, or the stream has failed and on_closed() is on its way. */
}

void conn_flush(void *arg)
{
    struct conn *c = arg;
    uint8_t key[4];

    if (c->out.size == 0)
        return;
    ev_task_cancel(&c->flush);
    size_t size = c->out.size - WS_HEADER_SIZE_MAX;
    size_t header = ws_encode_header_size(size, true);
    uint8_t *start = c->out.data + WS_HEADER_SIZE_MAX - header;
    key_draw(c, key);
    ws_encode_header(start, WS_BINARY, true, size, key);
    ws_mask(start + header, size, key, 0);
    c->set->counts.messages_out++;
    c->set->counts.bytes_out += size;
    conn_raw_send(c, slice_of(start, header + size));
    bytes_reset(&c->out);
    if (c->out.capacity > OUT_BYTES_KEPT)
        bytes_fini(&c->out);
}

void conn_frame_queue(struct conn *c, const struct wire_client_frame *frame)
{
    static const uint8_t room[WS_HEADER_SIZE_MAX];

    if (c->out.size == 0)
        bytes_append(&c->out, room, sizeof room);
    wire_client_frame_encode(frame, &c->out);
    if (c->out.failed) {
        conn_fail(c, -ENOMEM, WS_CLOSE_NONE, "no memory for a frame to send");
        return;
    }
    c->set->counts.frames_out++;
    if (c->out.size >= MESSAGE_BYTES_GOOD)
        conn_flush(c);
    else
        ev_loop_later(c->set->loop, &c->flush);
}

static void control_queue(struct conn *c)
{
    if (!c->set->control.failed)
        conn_raw_send(c, bytes_slice(&c->set->control));
    bytes_reset(&c->set->control);
}

void conn_pong_send(struct conn *c, struct slice data)
{
    uint8_t key[4];

    key_draw(c, key);
    ws_encode_append(&c->set->control, WS_PONG, data, key);
    control_queue(c);
}

void conn_close_frame_send(struct conn *c, uint16_t code, const char *reason)
{
    uint8_t key[4];

    key_draw(c, key);
    ws_encode_close(&c->set->control, code, slice_str(reason), key);
    control_queue(c);
}
