/* A client's state as bytes and back (table in client_doc.h). */
#include <errno.h>

#include "client_private.h"

#define SAVE_VERSION 1

enum {
    SAVE_TEXT = 1,
    SAVE_POSITION = 2,
    SAVE_FLIGHT = 4,
    SAVE_BUFFER = 8,
    SAVE_CREATE = 16,
    SAVE_UNSURE = 32
};

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

    ot_rope_encode(c->rope, &text);
    bytes_append_u8(out, SAVE_VERSION);
    bytes_append_u8(
        out, (uint8_t)((c->has_text ? SAVE_TEXT : 0) | (c->has_position ? SAVE_POSITION : 0) |
                       (c->in_flight ? SAVE_FLIGHT : 0) | (c->has_buffer ? SAVE_BUFFER : 0) |
                       (c->create_kind ? SAVE_CREATE : 0) | (c->unsure ? SAVE_UNSURE : 0)));
    bytes_append_u8(out, (uint8_t)c->kind);
    bytes_append(out, c->session.id, WIRE_SESSION_SIZE);
    position_put(out, &c->position);
    position_put(out, &c->sent_base);
    bytes_append_varint(out, c->seq);
    bytes_append_varint(out, c->attempt);
    string_put(out, bytes_slice(&text));
    string_put(out, bytes_slice(&c->sent));
    string_put(out, bytes_slice(&c->flight));
    string_put(out, bytes_slice(&c->buffer));
    string_put(out, c->create_kind ? bytes_slice(&c->create_content) : (struct slice){0});
    int r = text.failed || out->failed ? -ENOMEM : 0;
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

/* Keeps the op, if `there`; it must be one. */
static int op_set(struct bytes *b, bool there, struct slice s)
{
    struct ot_op op;
    struct arena mem;

    bytes_reset(b);
    if (!there)
        return s.size ? -EINVAL : 0;
    arena_init(&mem, SIZE_MAX);
    int r = ot_decode(&mem, s, &ot_limits_stored, &op);
    arena_fini(&mem);
    if (r)
        return r < 0 ? r : -EINVAL;
    bytes_append_slice(b, s);
    return b->failed ? -ENOMEM : 0;
}

struct saved {
    const uint8_t *head, *session, *position, *base;
    uint64_t seq, attempt;
    struct slice text, sent, flight, buffer, content;
};

static bool saved_take(struct slice in, struct saved *ret)
{
    return raw_take(&in, 3, &ret->head) && ret->head[0] == SAVE_VERSION &&
           ret->head[2] <= WIRE_DOC_TEXT && raw_take(&in, WIRE_SESSION_SIZE, &ret->session) &&
           raw_take(&in, CHAIN_POSITION_SIZE, &ret->position) &&
           raw_take(&in, CHAIN_POSITION_SIZE, &ret->base) && varint_take(&in, &ret->seq) &&
           varint_take(&in, &ret->attempt) && string_take(&in, &ret->text) &&
           string_take(&in, &ret->sent) && string_take(&in, &ret->flight) &&
           string_take(&in, &ret->buffer) && string_take(&in, &ret->content) && in.size == 0;
}

int client_doc_restore(struct client_doc *c, struct slice saved)
{
    struct saved s;

    MUST(c->state == CLIENT_CLOSED && !c->has_text);
    if (!saved_take(saved, &s))
        return -EINVAL;
    uint8_t bits = s.head[1];
    bool flight = bits & SAVE_FLIGHT;
    enum wire_doc_kind kind = (enum wire_doc_kind)s.head[2];
    int r = op_set(&c->sent, flight, s.sent);
    if (!r)
        r = op_set(&c->flight, flight, s.flight);
    if (!r)
        r = op_set(&c->buffer, bits & SAVE_BUFFER, s.buffer);
    if (!r)
        r = op_set(&c->create_content, bits & SAVE_CREATE, s.content);
    if (!r && (bits & SAVE_TEXT))
        r = client_text_set(c, s.text);
    if (r)
        return r > 0 ? -EINVAL : r;
    memcpy(c->session.id, s.session, WIRE_SESSION_SIZE);
    crypto_author_id(bytes_slice(&c->id), c->session.id, c->author);
    c->seq = s.seq;
    c->attempt = s.attempt;
    c->position = chain_position_get(s.position);
    c->sent_base = chain_position_get(s.base);
    c->has_position = bits & SAVE_POSITION;
    c->in_flight = flight;
    c->has_buffer = bits & SAVE_BUFFER;
    c->unsure = bits & SAVE_UNSURE;
    c->kind = kind;
    c->create_kind = bits & SAVE_CREATE ? kind : WIRE_DOC_NONE;
    client_doc_open(c);
    return 0;
}
