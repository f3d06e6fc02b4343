/*
 * transform(a, b, first) and the cursor: one walk over the document that both were made on. Both
 * readers stand at the same unit of it always, so two inserts that meet are at the same point, and
 * units that either deletes still divide points.
 */
#include "attrs_pairs.h"
#include "op_reader.h"
#include "ot_op.h"

/* The next n units of the document: each of a and b retains or deletes them. */
static int transform_units(struct ot_builder *out, struct op_reader *a, struct op_reader *b,
                           bool a_first)
{
    uint32_t n = a->rest.length < b->rest.length ? a->rest.length : b->rest.length;
    struct ot_comp theirs = a->rest, ours = b->rest;

    reader_skip(a, n);
    reader_skip(b, n);
    if (theirs.kind == OT_DELETE)
        return 0;
    if (ours.kind == OT_RETAIN && a_first) {
        int r = attrs_without(out->mem, ours.attrs, theirs.attrs, &ours.attrs);
        if (r < 0)
            return r;
    }
    ours.length = n;
    builder_put(out, &ours);
    return 0;
}

int ot_transform(struct arena *mem, const struct ot_op *a_op, const struct ot_op *b_op,
                 bool a_first, struct ot_op *ret)
{
    struct op_reader a = reader_of(a_op), b = reader_of(b_op);
    struct ot_builder out;

    ot_builder_init(&out, mem);
    while (reader_more(&a) && reader_more(&b)) {
        if (reader_inserts(&a) && (a_first || !reader_inserts(&b))) {
            ot_builder_retain(&out, a.rest.length, (struct slice){0});
            reader_next(&a);
        } else if (reader_inserts(&b)) {
            builder_put(&out, &b.rest);
            reader_next(&b);
        } else {
            int r = transform_units(&out, &a, &b, a_first);
            if (r < 0)
                return r;
        }
    }
    builder_put_rest(&out, &b);
    return ot_builder_finish(&out, ret);
}

uint64_t ot_cursor_transform(const struct ot_op *a, uint64_t index, bool sticks_left)
{
    uint64_t point = 0; /* of the document before a */
    uint64_t after = index;

    for (uint32_t i = 0; i < a->count && point <= index; i++) {
        const struct ot_comp *comp = &a->comps[i];
        uint64_t left = index - point;
        switch (comp->kind) {
        case OT_RETAIN:
            point += comp->length;
            break;
        case OT_DELETE:
            after -= comp->length < left ? comp->length : left;
            point += comp->length;
            break;
        case OT_INSERT:
        case OT_EMBED:
            if (point < index || !sticks_left)
                after += comp->length;
            break;
        }
    }
    return after;
}
