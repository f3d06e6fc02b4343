/*
 * compose(a, b): one walk over what a leaves, which is what b covers (docs/algebra.md, "The
 * functions").
 */
#include "attrs_pairs.h"
#include "op_reader.h"
#include "ot_op.h"

/* The next n units: a keeps or inserts them, b retains or deletes them. */
static int compose_units(struct ot_builder *out, struct op_reader *a, struct op_reader *b)
{
    uint32_t n = a->rest.length < b->rest.length ? a->rest.length : b->rest.length;
    enum ot_kind over = b->rest.kind;
    struct slice attrs = b->rest.attrs;
    struct ot_comp piece;

    if (!reader_take(a, n, &piece))
        return OT_CUTS_PAIR;
    reader_skip(b, n);
    if (over == OT_DELETE) {
        if (piece.kind == OT_RETAIN)
            ot_builder_delete(out, n);
        return 0;
    }
    int r = attrs_compose(out->mem, piece.attrs, attrs, piece.kind == OT_RETAIN, &piece.attrs);
    if (r < 0)
        return r;
    builder_put(out, &piece);
    return 0;
}

int ot_compose(struct arena *mem, const struct ot_op *a_op, const struct ot_op *b_op,
               struct ot_op *ret)
{
    struct op_reader a = reader_of(a_op), b = reader_of(b_op);
    struct ot_builder out;

    /* Each step ends a component of a or of b, and makes one at most. */
    ot_builder_init_room(&out, mem, a_op->count + b_op->count);
    while (reader_more(&a) && reader_more(&b)) {
        if (reader_inserts(&b)) {
            builder_put(&out, &b.rest);
            reader_next(&b);
        } else if (a.rest.kind == OT_DELETE) {
            builder_put(&out, &a.rest);
            reader_next(&a);
        } else {
            int r = compose_units(&out, &a, &b);
            if (r)
                return r;
        }
    }
    builder_put_rest(&out, &b);
    builder_put_rest(&out, &a);
    return ot_builder_finish(&out, ret);
}
