/*
 * The WebSocket decoder on arbitrary bytes: whatever is sent, the events are the same however the
 * input is cut, text is UTF-8 and no message is longer than the bound.
 *
 * Input: byte 0 bit 0 is the role, byte 1 seeds the cuts, the rest is the wire.
 */
#include <stdlib.h>

#include "rng.h"
#include "ws_decoder.h"

#define MESSAGE_SIZE_MAX 1000

struct trace {
    struct bytes events; /* results, codes and payloads, parts joined */
    struct bytes message;
};

static void trace_event(struct trace *t, int r, const struct ws_event *e)
{
    if (r == WS_DATA) {
        bytes_append_slice(&t->message, e->data);
        MUST(t->message.size <= MESSAGE_SIZE_MAX);
        if (!e->end)
            return;
    }
    bytes_append_u8(&t->events, (uint8_t)r);
    bytes_append_u8(&t->events, e->text);
    bytes_append_be16(&t->events, e->code);
    bytes_append_slice(&t->events, r == WS_DATA ? bytes_slice(&t->message) : e->data);
    if (r == WS_DATA) {
        struct ws_utf8 u = {0};
        MUST(!e->text ||
             (ws_utf8_feed(&u, t->message.data, t->message.size) && ws_utf8_complete(&u)));
        bytes_reset(&t->message);
    }
}

static struct bytes run(enum ws_role role, const uint8_t *wire, size_t size, struct rng *cuts)
{
    struct ws_decoder d;
    struct trace t = {0};
    ws_decoder_init(&d, role, MESSAGE_SIZE_MAX);
    for (size_t at = 0; at < size;) {
        size_t part = size - at;
        if (cuts)
            part = rng_between(cuts, 1, part < 20 ? part : 20);
        uint8_t *copy = malloc(part); /* its own block: reading past it is seen */
        MUST(copy);
        memcpy(copy, wire + at, part);
        struct ws_input in = {copy, part};
        struct ws_event e;
        int r;
        while ((r = ws_decoder_next(&d, &in, &e)) > 0)
            trace_event(&t, r, &e);
        MUST(r == WS_NEED_MORE && in.size == 0);
        free(copy);
        at += part;
    }
    ws_decoder_fini(&d);
    bytes_fini(&t.message);
    return t.events;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    enum ws_role role = data[0] & 1 ? WS_CLIENT : WS_SERVER;
    struct rng cuts;
    rng_init(&cuts, data[1]);
    struct bytes whole = run(role, data + 2, size - 2, NULL);
    struct bytes pieces = run(role, data + 2, size - 2, &cuts);
    MUST(slice_equal(bytes_slice(&whole), bytes_slice(&pieces)));
    bytes_fini(&whole);
    bytes_fini(&pieces);
    return 0;
}
