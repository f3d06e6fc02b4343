/*
 * Inside common/ot: walks the components of an op and takes them in pieces, as the walk over two
 * ops at once needs it.
 */
#ifndef WEFT_OT_OP_READER_H
#define WEFT_OT_OP_READER_H

#include "ot_op.h"
#include "ot_utf.h"

struct op_reader {
    const struct ot_comp *comp, *end;
    struct ot_comp rest; /* what is left of *comp; only while comp < end */
};

static inline void reader_load(struct op_reader *r)
{
    if (r->comp < r->end)
        r->rest = *r->comp;
}

static inline struct op_reader reader_of(const struct ot_op *op)
{
    /* The identity may have no components at all: nothing is added to a null pointer. */
    struct op_reader r = {.comp = op->comps, .end = op->count ? op->comps + op->count : op->comps};

    reader_load(&r);
    return r;
}

static inline bool reader_more(const struct op_reader *r)
{
    return r->comp < r->end;
}

static inline bool reader_inserts(const struct op_reader *r)
{
    return reader_more(r) && r->rest.kind >= OT_INSERT;
}

static inline void reader_next(struct op_reader *r)
{
    r->comp++;
    reader_load(r);
}

/* Moves n units on within what is left; of retains and deletes only. */
static inline void reader_skip(struct op_reader *r, uint32_t n)
{
    r->rest.length -= n;
    if (r->rest.length == 0)
        reader_next(r);
}

/* Takes the first n units of what is left, content included; false if that cuts a pair. */
static inline bool reader_take(struct op_reader *r, uint32_t n, struct ot_comp *ret)
{
    size_t size = 0;

    *ret = r->rest;
    if (n == r->rest.length) {
        reader_next(r);
        return true;
    }
    if (r->rest.kind == OT_INSERT) { /* others have none, and nothing is added to a null pointer */
        if (!ot_utf_offset(r->rest.content, n, &size))
            return false;
        ret->content.size = size;
        r->rest.content = slice_of(r->rest.content.data + size, r->rest.content.size - size);
    }
    ret->length = n;
    r->rest.length -= n;
    return true;
}

static inline void builder_put(struct ot_builder *b, const struct ot_comp *comp)
{
    switch (comp->kind) {
    case OT_RETAIN:
        ot_builder_retain(b, comp->length, comp->attrs);
        break;
    case OT_DELETE:
        ot_builder_delete(b, comp->length);
        break;
    case OT_INSERT:
        ot_builder_insert(b, comp->content, comp->length, comp->attrs);
        break;
    case OT_EMBED:
        ot_builder_embed(b, comp->content, comp->attrs);
        break;
    }
}

static inline void builder_put_rest(struct ot_builder *b, struct op_reader *r)
{
    while (reader_more(r)) {
        builder_put(b, &r->rest);
        reader_next(r);
    }
}

#endif
