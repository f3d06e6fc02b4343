/* A client's state as bytes and back (table in client_doc.h). */
#include <errno.h>

#include "client_private.h"

#define SAVE_VERSION 1

enum { SAVE_TEXT = 1, SAVE_POSITION = 2, SAVE_FLIGHT = 4, SAVE_BUFFER = 8, SAVE_CREATE = 16 };

static void string_put(struct bytes *out, struct slice s)
{
    bytes_append_varint(out, s.size);
    bytes_append_slice(out, s);
}

static void position_put(struct bytes *out, const struct chain_position *position)
{
    uint8_t raw[CHAIN_POSITION_SIZE];

    chain_position_put(raw, position);
    bytes_append(out, raw, sizeof raw);
}

int client_doc_save(const struct client_doc *c, struct bytes *out)
{
    struct bytes text = BYTES_INIT;
    struct ot_op op;
    struct arena mem;

    arena_init(&mem, SIZE_MAX);
    int r = ot_rope_to_op(c->rope, &mem, &op);
    if (!r)
        ot_encode(&op, &text);
    arena_fini(&mem);
    bytes_append_u8(out, SAVE_VERSION);
    bytes_append_u8(
        out, (uint8_t)((c->has_text ? SAVE_TEXT : 0) | (c->has_position ? SAVE_POSITION : 0) |
                       (c->in_flight ? SAVE_FLIGHT : 0) | (c->has_buffer ? SAVE_BUFFER : 0) |
                       (c->create_kind ? SAVE_CREATE : 0)));
    bytes_append_u8(out, (uint8_t)c->kind);
    bytes_append(out, c->session.id, WIRE_SESSION_SIZE);
    position_put(out, &c->position);
    position_put(out, &c->sent_base);
    bytes_append_varint(out, c->seq);
    string_put(out, bytes_slice(&text));
    string_put(out, bytes_slice(&c->sent));
    string_put(out, bytes_slice(&c->flight));
    string_put(out, bytes_slice(&c->buffer));
    string_put(out, bytes_slice(&c->create_content));
    r = r || text.failed || out->failed ? -ENOMEM : 0;
    bytes_fini(&text);
    return r;
}

static bool raw_take(struct slice *in, size_t size, const uint8_t **ret)
{
    if (in->size < size)
        return false;
    *ret = in->data;
    in->data += size;
    in->size -= size;
    return true;
}

static bool string_take(struct slice *in, struct slice *ret)
{
    uint64_t size;

    if (!varint_take(in, &size) || size > in->size)
        return false;
    return raw_take(in, (size_t)size, &ret->data) && ((ret->size = (size_t)size), true);
}

static int bytes_set(struct bytes *b, struct slice s)
{
    bytes_reset(b);
    bytes_append_slice(b, s);
    return b->failed ? -ENOMEM : 0;
}

/* 0, -ENOMEM, -EINVAL: not what client_doc_save wrote. */
int client_doc_restore(struct client_doc *c, struct slice saved)
{
    const uint8_t *head, *session, *position, *base;
    struct slice text, sent, flight, buffer, content;

    MUST(c->state == CLIENT_CLOSED);
    if (!raw_take(&saved, 3, &head) || head[0] != SAVE_VERSION || head[2] > WIRE_DOC_TEXT ||
        !raw_take(&saved, WIRE_SESSION_SIZE, &session) ||
        !raw_take(&saved, CHAIN_POSITION_SIZE, &position) ||
        !raw_take(&saved, CHAIN_POSITION_SIZE, &base) || !varint_take(&saved, &c->seq) ||
        !string_take(&saved, &text) || !string_take(&saved, &sent) ||
        !string_take(&saved, &flight) || !string_take(&saved, &buffer) ||
        !string_take(&saved, &content) || saved.size)
        return -EINVAL;
    memcpy(c->session.id, session, WIRE_SESSION_SIZE);
    crypto_author_id(bytes_slice(&c->id), c->session.id, c->author);
    c->position = chain_position_get(position);
    c->sent_base = chain_position_get(base);
    c->has_position = head[1] & SAVE_POSITION;
    c->in_flight = head[1] & SAVE_FLIGHT;
    c->has_buffer = head[1] & SAVE_BUFFER;
    c->kind = (enum wire_doc_kind)head[2];
    c->create_kind = head[1] & SAVE_CREATE ? c->kind : WIRE_DOC_NONE;
    if (bytes_set(&c->sent, sent) || bytes_set(&c->flight, flight) ||
        bytes_set(&c->buffer, buffer) || bytes_set(&c->create_content, content))
        return -ENOMEM;
    int r = head[1] & SAVE_TEXT ? client_text_set(c, text) : 0;
    if (!r)
        client_doc_open(c);
    return r > 0 ? -EINVAL : r;
}
