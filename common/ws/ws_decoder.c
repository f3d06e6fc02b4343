/*
 * One frame goes HEADER -> PAYLOAD -> HEADER; CONTROL instead of PAYLOAD for control frames, whose
 * payload is needed whole. DONE swallows what comes after a close frame or an error.
 */
#include "ws_decoder.h"

#include <errno.h>
#include <stdlib.h>

enum { HEADER, PAYLOAD, CONTROL, DONE };

void ws_decoder_init(struct ws_decoder *d, enum ws_role role, uint64_t message_size_max)
{
    *d = (struct ws_decoder){.role = (uint8_t)role, .message_size_max = message_size_max};
}

void ws_decoder_fini(struct ws_decoder *d)
{
    free(d->control);
    d->control = NULL;
}

static int bad(struct ws_decoder *d, struct ws_event *e, uint16_t code, const char *reason)
{
    d->state = DONE;
    *e = (struct ws_event){.code = code, .reason = reason};
    return WS_BAD;
}

static size_t header_size_of(uint8_t second)
{
    unsigned length = second & 0x7f;
    return 2 + (length == 126 ? 2 : length == 127 ? 8 : 0) + (second & 0x80 ? 4 : 0);
}

/* The two first bytes: what they may say at this point. NULL, or what is wrong. */
static const char *check_start(const struct ws_decoder *d, uint8_t first, uint8_t second)
{
    uint8_t opcode = first & 0x0f;
    if (first & 0x70)
        return "reserved bits without an extension";
    if ((opcode > WS_BINARY && opcode < WS_CLOSE) || opcode > WS_PONG)
        return "unknown opcode";
    if (opcode >= WS_CLOSE) {
        if (!(first & 0x80))
            return "fragmented control frame";
        if ((second & 0x7f) > WS_CONTROL_SIZE_MAX)
            return "control frame too long";
    } else if (opcode == WS_CONTINUATION) {
        if (!d->in_message)
            return "continuation without a beginning";
    } else if (d->in_message) {
        return "new message inside another";
    }
    if (d->role == WS_SERVER && !(second & 0x80))
        return "unmasked frame from a client";
    if (d->role == WS_CLIENT && (second & 0x80))
        return "masked frame from a server";
    return NULL;
}

/* "the minimal number of bytes MUST be used to encode the length" (5.2). False if it was not. */
static bool take_length(const uint8_t *header, uint64_t *ret)
{
    unsigned length = header[1] & 0x7f;
    if (length < 126) {
        *ret = length;
        return true;
    }
    if (length == 126) {
        *ret = (uint64_t)header[2] << 8 | header[3];
        return *ret >= 126;
    }
    *ret = load_be64(header + 2);
    return *ret > UINT16_MAX && !(*ret >> 63);
}

static int start_data(struct ws_decoder *d, struct ws_event *e)
{
    if (d->opcode != WS_CONTINUATION) {
        d->in_message = true;
        d->text = d->opcode == WS_TEXT;
        d->begun = false;
        d->message_size = 0;
    }
    if (d->frame_left > d->message_size_max - d->message_size)
        return bad(d, e, WS_CLOSE_TOO_BIG, "message too big");
    d->message_size += d->frame_left;
    d->state = PAYLOAD;
    return 0;
}

/* A whole header lies in d->header. */
static int start_frame(struct ws_decoder *d, size_t size, struct ws_event *e)
{
    d->fin = d->header[0] & 0x80;
    d->opcode = d->header[0] & 0x0f;
    d->masked = d->header[1] & 0x80;
    d->phase = 0;
    if (!take_length(d->header, &d->frame_left))
        return bad(d, e, WS_CLOSE_PROTOCOL, "bad frame length");
    if (d->masked)
        memcpy(d->key, d->header + size - 4, 4);
    d->header_size = 0;
    if (d->opcode < WS_CLOSE)
        return start_data(d, e);
    d->control_size = 0;
    d->state = CONTROL;
    return 0;
}

static void consume(struct ws_input *in, size_t size)
{
    in->data += size;
    in->size -= size;
}

static void fill_header(struct ws_decoder *d, struct ws_input *in, size_t size)
{
    size_t part = size - d->header_size;
    if (part > in->size)
        part = in->size;
    memcpy(d->header + d->header_size, in->data, part);
    d->header_size += (uint8_t)part;
    consume(in, part);
}

static int read_header(struct ws_decoder *d, struct ws_input *in, struct ws_event *e)
{
    if (d->header_size < 2) {
        fill_header(d, in, 2);
        if (d->header_size < 2)
            return 0;
        const char *wrong = check_start(d, d->header[0], d->header[1]);
        if (wrong)
            return bad(d, e, WS_CLOSE_PROTOCOL, wrong);
    }
    size_t size = header_size_of(d->header[1]);
    fill_header(d, in, size);
    return d->header_size < size ? 0 : start_frame(d, size, e);
}

static void unmask(struct ws_decoder *d, uint8_t *data, size_t size)
{
    if (!d->masked)
        return;
    ws_mask(data, size, d->key, d->phase);
    d->phase = (uint8_t)((d->phase + size) & 3);
}

static int read_payload(struct ws_decoder *d, struct ws_input *in, struct ws_event *e)
{
    size_t size = d->frame_left < in->size ? (size_t)d->frame_left : in->size;
    struct slice part = slice_of(in->data, size);
    unmask(d, in->data, size);
    consume(in, size);
    d->frame_left -= size;
    bool end = d->frame_left == 0 && d->fin;
    if (d->text &&
        (!ws_utf8_feed(&d->utf8, part.data, size) || (end && !ws_utf8_complete(&d->utf8))))
        return bad(d, e, WS_CLOSE_BAD_DATA, "text is not UTF-8");
    if (d->frame_left == 0)
        d->state = HEADER;
    if (size == 0 && !end)
        return 0; /* an empty fragment says nothing */
    *e = (struct ws_event){.text = d->text, .begin = !d->begun, .end = end, .data = part};
    d->begun = true;
    if (end)
        d->in_message = false;
    return WS_DATA;
}

static int finish_close(struct ws_decoder *d, struct slice data, struct ws_event *e)
{
    if (data.size == 1)
        return bad(d, e, WS_CLOSE_PROTOCOL, "close frame of one byte");
    *e = (struct ws_event){.code = WS_CLOSE_NONE};
    if (data.size >= 2) {
        uint16_t code = (uint16_t)(data.data[0] << 8 | data.data[1]);
        struct slice reason = slice_of(data.data + 2, data.size - 2);
        struct ws_utf8 utf8 = {0};
        if (!ws_close_code_valid(code))
            return bad(d, e, WS_CLOSE_PROTOCOL, "bad close code");
        if (!ws_utf8_feed(&utf8, reason.data, reason.size) || !ws_utf8_complete(&utf8))
            return bad(d, e, WS_CLOSE_BAD_DATA, "close reason is not UTF-8");
        e->code = code;
        e->data = reason;
    }
    d->state = DONE;
    return WS_CLOSED;
}

static int finish_control(struct ws_decoder *d, struct slice data, struct ws_event *e)
{
    d->state = HEADER;
    if (d->opcode == WS_CLOSE)
        return finish_close(d, data, e);
    *e = (struct ws_event){.data = data};
    return d->opcode == WS_PING ? WS_PINGED : WS_PONGED;
}

static int read_control(struct ws_decoder *d, struct ws_input *in, struct ws_event *e)
{
    size_t size = d->frame_left < in->size ? (size_t)d->frame_left : in->size;
    struct slice part = slice_of(in->data, size);
    unmask(d, in->data, size);
    consume(in, size);
    d->frame_left -= size;
    if (d->frame_left == 0 && !d->control)
        return finish_control(d, part, e);
    if (!d->control) {
        d->control = malloc(WS_CONTROL_SIZE_MAX);
        if (!d->control) {
            d->state = DONE;
            return -ENOMEM;
        }
    }
    MUST(d->control_size + size <= WS_CONTROL_SIZE_MAX);
    memcpy(d->control + d->control_size, part.data, size);
    d->control_size += (uint8_t)size;
    if (d->frame_left > 0)
        return 0;
    return finish_control(d, slice_of(d->control, d->control_size), e);
}

int ws_decoder_next(struct ws_decoder *d, struct ws_input *in, struct ws_event *ret_event)
{
    if (d->control && d->state != CONTROL)
        ws_decoder_fini(d); /* the event that lent it is over */
    for (;;) {
        int r = 0;
        /* A frame without payload is finished without further input. */
        if (in->size == 0 && (d->state == HEADER || d->state == DONE || d->frame_left > 0))
            return WS_NEED_MORE;
        switch (d->state) {
        case HEADER:
            r = read_header(d, in, ret_event);
            break;
        case PAYLOAD:
            r = read_payload(d, in, ret_event);
            break;
        case CONTROL:
            r = read_control(d, in, ret_event);
            break;
        default:
            consume(in, in->size);
        }
        if (r != 0)
            return r;
    }
}

void ws_collector_init(struct ws_collector *c)
{
    *c = (struct ws_collector){0};
}

void ws_collector_fini(struct ws_collector *c)
{
    bytes_fini(&c->parts);
}

/* The decoder has bounded the message's size. */
int ws_collector_add(struct ws_collector *c, const struct ws_event *event, struct slice *ret)
{
    if (c->lent) {
        bytes_fini(&c->parts);
        c->lent = false;
    }
    if (event->begin && event->end) {
        *ret = event->data;
        return 1;
    }
    bytes_append_slice(&c->parts, event->data);
    if (c->parts.failed)
        return -ENOMEM;
    if (!event->end)
        return 0;
    c->lent = true;
    *ret = bytes_slice(&c->parts);
    return 1;
}
