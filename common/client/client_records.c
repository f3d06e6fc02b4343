/* The algebra of a client: its pending ops and what others do pass through each other. */
#include <errno.h>

#include "client_private.h"

int client_op_keep(const struct ot_op *op, struct bytes *out)
{
    struct bytes kept = BYTES_INIT;

    ot_encode(op, &kept);
    if (kept.failed) {
        bytes_fini(&kept);
        return -ENOMEM;
    }
    bytes_fini(out);
    *out = kept;
    return 0;
}

/*
 * A foreign op meets one of ours: *foreign is rewritten over it, and *ret is it over *foreign. The
 * foreign one stands in the history already, so it comes first.
 */
static int pass(struct arena *mem, struct ot_op *foreign, struct slice own, struct bytes *ret)
{
    struct ot_op op, op_after, foreign_after;
    int r = ot_decode(mem, own, &ot_limits_stored, &op);

    if (!r)
        r = ot_transform(mem, &op, foreign, false, &foreign_after);
    if (!r)
        r = ot_transform(mem, foreign, &op, true, &op_after);
    if (!r)
        r = client_op_keep(&op_after, ret);
    if (!r)
        *foreign = foreign_after;
    return r;
}

/* All or nothing: what is pending always fits the text, so that it can become a draft. */
static int foreign_apply(struct client_doc *c, struct slice body)
{
    struct bytes flight = BYTES_INIT, buffer = BYTES_INIT;
    struct ot_op op;
    struct arena mem;

    arena_init(&mem, SIZE_MAX);
    int r = ot_decode(&mem, body, &ot_limits_stored, &op);
    if (!r && c->in_flight)
        r = pass(&mem, &op, bytes_slice(&c->flight), &flight);
    if (!r && c->has_buffer)
        r = pass(&mem, &op, bytes_slice(&c->buffer), &buffer);
    if (!r)
        r = ot_rope_apply(c->rope, &op);
    if (!r && c->in_flight) {
        bytes_fini(&c->flight);
        c->flight = bytes_steal(&flight);
        c->transforms++;
    }
    if (!r && c->has_buffer) {
        bytes_fini(&c->buffer);
        c->buffer = bytes_steal(&buffer);
    }
    if (!r && c->events.changed)
        c->events.changed(c->events.ctx, &op);
    bytes_fini(&flight);
    bytes_fini(&buffer);
    arena_fini(&mem);
    return r > 0 ? CLIENT_DIVERGED : r;
}

static int own_apply(struct client_doc *c, const struct wire_client_record *record, uint64_t rev)
{
    if (!c->in_flight || record->seq != c->seq ||
        !slice_equal(record->body, bytes_slice(&c->flight)))
        return CLIENT_DIVERGED;
    c->in_flight = c->submit_due = false;
    bytes_fini(&c->sent);
    bytes_fini(&c->flight);
    if (c->events.acked)
        c->events.acked(c->events.ctx, c->seq, rev);
    return 0;
}

int client_records_apply(struct client_doc *c, const struct wire_client_record *records,
                         size_t count, uint64_t rev)
{
    int r = 0;

    for (size_t i = 0; i < count && !r; i++) {
        const struct wire_client_record *record = &records[i];
        rev += record->count;
        bool own = record->has_author && c->has_session && record->seq > 0 &&
                   memcmp(record->author, c->author, WIRE_AUTHOR_SIZE) == 0;
        if (own)
            r = own_apply(c, record, rev);
        else if (record->kind == WIRE_KIND_EDIT)
            r = foreign_apply(c, record->body);
        else if (record->kind == WIRE_KIND_NONE)
            r = CLIENT_DIVERGED; /* newer than we are: who knows what it did to the text */
    }
    return r;
}

/* *op, then the one in `next`. */
static int then(struct arena *mem, struct ot_op *op, struct slice next)
{
    struct ot_op second, both;
    int r = ot_decode(mem, next, &ot_limits_stored, &second);

    if (!r)
        r = ot_compose(mem, op, &second, &both);
    if (!r)
        *op = both;
    return r;
}

int client_pending_compose(struct client_doc *c, struct bytes *out)
{
    struct ot_op op = OT_IDENTITY;
    struct arena mem;
    int r = 0;

    if (!c->create_kind && !c->in_flight && !c->has_buffer)
        return 0;
    arena_init(&mem, SIZE_MAX);
    if (c->create_kind)
        r = then(&mem, &op, bytes_slice(&c->create_content));
    if (!r && c->in_flight)
        r = then(&mem, &op, bytes_slice(&c->flight));
    if (!r && c->has_buffer)
        r = then(&mem, &op, bytes_slice(&c->buffer));
    if (!r)
        ot_encode(&op, out);
    arena_fini(&mem);
    return !r && out->failed ? -ENOMEM : r;
}

void client_pending_drop(struct client_doc *c)
{
    c->in_flight = c->has_buffer = c->submit_due = false;
    bytes_fini(&c->sent);
    bytes_fini(&c->flight);
    bytes_fini(&c->buffer);
}

int client_text_set(struct client_doc *c, struct slice content)
{
    struct ot_rope *rope = ot_rope_new(c->table);
    struct ot_op op;
    struct arena mem;

    if (!rope)
        return -ENOMEM;
    arena_init(&mem, SIZE_MAX);
    int r = ot_decode(&mem, content, &ot_limits_stored, &op);
    if (!r)
        r = ot_rope_apply(rope, &op);
    arena_fini(&mem);
    if (r) {
        ot_rope_free(rope);
        return r < 0 ? r : CLIENT_DIVERGED;
    }
    ot_rope_free(c->rope);
    c->rope = rope;
    c->has_text = true;
    return 0;
}
