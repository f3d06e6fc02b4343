#include "link_batch.h"

#include <errno.h>
#include <stdlib.h>

enum record_kind {
    RECORD_WHOLE,
    RECORD_FIRST,
    RECORD_MIDDLE,
    RECORD_LAST,
};

/* ---- outbound ------------------------------------------------------------------------------- */

void link_out_init(struct link_out *o, size_t prefix, size_t body_max, size_t queued_max)
{
    MUST(prefix > 0 && body_max >= LINK_BODY_MIN);
    *o = (struct link_out){
        .prefix = prefix, .body_max = body_max, .queued_max = queued_max, .left_us = INT64_MIN / 2};
}

struct link_batch *link_batch_free(struct link_batch *batch)
{
    if (batch) {
        bytes_fini(&batch->bytes);
        free(batch);
    }
    return NULL;
}

void link_out_fini(struct link_out *o)
{
    while (o->first) {
        struct link_batch *next = o->first->next;
        link_batch_free(o->first);
        o->first = next;
    }
    o->last = NULL;
    o->queued = 0;
}

static size_t body_size(const struct link_out *o, const struct link_batch *batch)
{
    return batch->bytes.size - o->prefix;
}

static struct link_batch *batch_add(struct link_out *o)
{
    struct link_batch *batch = calloc(1, sizeof *batch);

    if (!batch)
        return NULL;
    bytes_init(&batch->bytes, 0);
    if (!bytes_reserve(&batch->bytes, o->prefix))
        return link_batch_free(batch);
    batch->bytes.size = o->prefix;
    if (o->last)
        o->last->next = batch;
    else
        o->first = batch;
    o->last = batch;
    return batch;
}

/* The batch that has room for `size` more bytes: the last one or a new one. */
static struct link_batch *batch_with_room(struct link_out *o, size_t size)
{
    if (o->last && body_size(o, o->last) + size <= o->body_max)
        return o->last;
    return batch_add(o);
}

static bool record_append(struct link_out *o, struct link_batch *batch, enum record_kind kind,
                          size_t total, struct slice data)
{
    size_t before = batch->bytes.size;

    bytes_append_varint(&batch->bytes, (uint64_t)data.size << 2 | kind);
    if (kind == RECORD_FIRST)
        bytes_append_varint(&batch->bytes, total);
    bytes_append_slice(&batch->bytes, data);
    o->queued += batch->bytes.size - before;
    return !batch->bytes.failed;
}

static bool large_push(struct link_out *o, struct slice item)
{
    struct slice rest = item;
    enum record_kind kind = RECORD_FIRST;

    while (kind != RECORD_LAST) {
        size_t head = VARINT_SIZE_MAX / 2; /* of 32 bits: sizes are below 2^30 */
        if (kind == RECORD_FIRST)
            head += varint_size(item.size);
        size_t size = o->body_max - head;
        if (size >= rest.size && kind == RECORD_MIDDLE) {
            size = rest.size;
            kind = RECORD_LAST;
        }
        struct link_batch *batch = batch_add(o);
        if (!batch || !record_append(o, batch, kind, item.size, slice_of(rest.data, size)))
            return false;
        rest = slice_of(rest.data + size, rest.size - size);
        if (kind == RECORD_LAST)
            batch->count++;
        else
            kind = RECORD_MIDDLE;
    }
    return true;
}

bool link_out_push(struct link_out *o, struct slice item)
{
    size_t whole = varint_size((uint64_t)item.size << 2) + item.size;

    if (item.size >= 1u << 30 || whole > o->queued_max - o->queued)
        return false;
    if (whole > o->body_max)
        return large_push(o, item) && o->queued <= o->queued_max;
    struct link_batch *batch = batch_with_room(o, whole);
    if (!batch || !record_append(o, batch, RECORD_WHOLE, 0, item))
        return false;
    batch->count++;
    return true;
}

int64_t link_out_due_us(const struct link_out *o)
{
    if (!o->first)
        return INT64_MAX;
    if (o->first->next || body_size(o, o->first) >= o->body_max)
        return INT64_MIN;
    return o->left_us + LINK_BATCH_DELAY_US;
}

struct link_batch *link_out_take(struct link_out *o, int64_t now_us)
{
    struct link_batch *batch = o->first;

    MUST(batch);
    o->first = batch->next;
    if (!o->first)
        o->last = NULL;
    batch->next = NULL;
    o->queued -= body_size(o, batch);
    o->left_us = now_us;
    return batch;
}

/* ---- inbound -------------------------------------------------------------------------------- */

void link_in_init(struct link_in *in, size_t item_max)
{
    *in = (struct link_in){0};
    bytes_init(&in->partial, item_max);
}

void link_in_fini(struct link_in *in)
{
    bytes_fini(&in->partial);
    free(in->items);
    in->items = NULL;
    in->item_count = in->item_capacity = 0;
}

void link_in_reset(struct link_in *in)
{
    size_t item_max = in->partial.size_max;

    bytes_fini(&in->partial);
    bytes_init(&in->partial, item_max);
    in->total = 0;
    in->complete = false;
}

static int item_add(struct link_in *in, struct slice item)
{
    if (in->item_count == in->item_capacity) {
        size_t capacity = in->item_capacity ? in->item_capacity * 2 : 64;
        struct slice *items = realloc(in->items, capacity * sizeof *items);
        if (!items)
            return -ENOMEM;
        in->items = items;
        in->item_capacity = capacity;
    }
    in->items[in->item_count++] = item;
    return 0;
}

static int piece_first(struct link_in *in, struct slice *body, size_t size)
{
    uint64_t total;

    if (in->total != 0 || !varint_take(body, &total))
        return -EPROTO;
    if (total > in->partial.size_max || size == 0 || size >= total || size != body->size)
        return -EPROTO;
    in->total = total;
    bytes_append(&in->partial, body->data, size);
    return in->partial.failed ? -ENOMEM : 0;
}

static int piece_next(struct link_in *in, struct slice body, enum record_kind kind, size_t size)
{
    if (in->total == 0 || size > in->total - in->partial.size)
        return -EPROTO;
    bytes_append(&in->partial, body.data, size);
    if (in->partial.failed)
        return -ENOMEM;
    bool whole = in->partial.size == in->total;
    if (kind == RECORD_MIDDLE)
        return whole || size == 0 || size != body.size ? -EPROTO : 0;
    if (!whole)
        return -EPROTO;
    in->total = 0;
    in->complete = true;
    return item_add(in, bytes_slice(&in->partial));
}

static int record_read(struct link_in *in, struct slice *body, bool first)
{
    uint64_t head;

    if (!varint_take(body, &head) || head >> 2 > body->size)
        return -EPROTO;
    size_t size = (size_t)(head >> 2);
    enum record_kind kind = head & 3;
    int r;
    if (kind == RECORD_WHOLE)
        r = in->total == 0 ? item_add(in, slice_of(body->data, size)) : -EPROTO;
    else if (!first)
        r = -EPROTO;
    else if (kind == RECORD_FIRST)
        r = piece_first(in, body, size);
    else
        r = piece_next(in, *body, kind, size);
    if (r == 0)
        *body = slice_of(body->data + size, body->size - size);
    return r;
}

int link_in_batch(struct link_in *in, struct slice body, uint32_t count)
{
    bool first = true;

    if (in->complete)
        link_in_reset(in);
    in->item_count = 0;
    while (body.size > 0) {
        int r = record_read(in, &body, first);
        if (r < 0)
            return r;
        first = false;
    }
    return in->item_count == count ? 0 : -EPROTO;
}
