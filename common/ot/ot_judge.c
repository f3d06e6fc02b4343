#include "ot_judge.h"

#include "ot_codec.h"
#include "ot_rope.h"

#define CURSORS_MAX 32 /* places at which one is tried, about */

struct judge {
    struct arena mem;
    struct ot_attrs_table *table;
};

static struct slice op_bytes_take(struct slice *in)
{
    size_t size = in->size < 2 ? 0 : (size_t)(in->data[0] << 8 | in->data[1]);
    size_t skip = in->size < 2 ? in->size : 2;

    in->data += skip;
    in->size -= skip;
    size = size < in->size ? size : in->size;
    struct slice op = slice_of(in->data, size);
    in->data += size;
    in->size -= size;
    return op;
}

/* Decodes; what is an op has this one encoding. */
static bool op_take(struct judge *j, struct slice *in, struct ot_op *ret)
{
    struct slice bytes = op_bytes_take(in);
    struct bytes again = BYTES_INIT;
    int r = ot_decode(&j->mem, bytes, &ot_limits_submit, ret);

    MUST(r >= 0);
    if (r) {
        MUST(ot_outcome_name(r)[0]);
        return false;
    }
    ot_encode(ret, &again);
    MUST(slice_equal(bytes, bytes_slice(&again)));
    bytes_fini(&again);
    return true;
}

static void form_must_hold(struct judge *j, const struct ot_op *op)
{
    struct bytes bytes = BYTES_INIT;
    struct ot_op again;

    ot_encode(op, &bytes);
    MUST(ot_decode(&j->mem, bytes_slice(&bytes), &ot_limits_stored, &again) == 0);
    MUST(ot_op_equal(op, &again));
    MUST(op->units_in == again.units_in && op->units_out == again.units_out);
    bytes_fini(&bytes);
}

static struct ot_rope *rope_of(struct judge *j, const struct ot_op *content)
{
    struct ot_rope *rope = ot_rope_new(j->table);

    MUST(rope && ot_rope_apply(rope, content) == 0);
    ot_rope_verify(rope);
    return rope;
}

static void encoding_must_hold(const struct ot_rope *rope, const struct ot_op *content)
{
    struct bytes made = BYTES_INIT, direct = BYTES_INIT;

    ot_encode(content, &made);
    ot_rope_encode(rope, &direct);
    MUST(slice_equal(bytes_slice(&made), bytes_slice(&direct)));
    bytes_fini(&made);
    bytes_fini(&direct);
}

/* Applies op to a copy; NULL if it does not fit: then the copy is as it was. */
static struct ot_rope *rope_after(struct judge *j, const struct ot_rope *rope,
                                  const struct ot_op *op)
{
    struct ot_op content, undo;
    struct ot_rope *after, *back;

    MUST(ot_rope_to_op(rope, &j->mem, &content) == 0);
    form_must_hold(j, &content);
    encoding_must_hold(rope, &content);
    after = rope_of(j, &content);
    MUST(ot_rope_equal(rope, after));
    const struct ot_rope *snapshot = ot_rope_snapshot(after);
    MUST(snapshot);
    int fits = ot_rope_check(rope, op, false);
    MUST(ot_rope_apply(after, op) == fits);
    ot_rope_verify(after);
    ot_rope_verify(snapshot);
    MUST(ot_rope_equal(rope, snapshot));
    ot_rope_snapshot_release(snapshot);
    ot_rope_verify(after);
    if (fits) {
        MUST(ot_rope_equal(rope, after));
        return ot_rope_free(after);
    }
    MUST(ot_rope_units(after) == ot_rope_units(rope) - op->units_in + op->units_out);
    MUST(ot_rope_invert(rope, op, &j->mem, &undo) == 0);
    form_must_hold(j, &undo);
    MUST(ot_rope_to_op(after, &j->mem, &content) == 0);
    back = rope_of(j, &content);
    MUST(ot_rope_apply(back, &undo) == 0);
    ot_rope_verify(back);
    MUST(ot_rope_equal(back, rope));
    ot_rope_free(back);
    return after;
}

static void identity_must_hold(struct judge *j, const struct ot_op *op)
{
    const struct ot_op id = OT_IDENTITY;
    struct ot_op r;

    MUST(ot_compose(&j->mem, &id, op, &r) == 0 && ot_op_equal(&r, op));
    MUST(ot_compose(&j->mem, op, &id, &r) == 0 && ot_op_equal(&r, op));
    MUST(ot_transform(&j->mem, &id, op, true, &r) == 0 && ot_op_equal(&r, op));
    MUST(ot_transform(&j->mem, op, &id, true, &r) == 0 && ot_op_equal(&r, &id));
}

/* A cursor is where text inserted at it would land. */
static void cursors_must_hold(struct judge *j, uint64_t units, const struct ot_op *op)
{
    for (uint64_t index = 0; index <= units; index += 1 + units / CURSORS_MAX) {
        for (int sticks = 0; sticks <= 1; sticks++) {
            struct ot_builder b;
            struct ot_op at, moved;
            ot_builder_init(&b, &j->mem);
            ot_builder_retain(&b, index, (struct slice){0});
            ot_builder_insert(&b, slice_str("|"), 1, (struct slice){0});
            MUST(ot_builder_finish(&b, &at) == 0);
            MUST(ot_transform(&j->mem, op, &at, !sticks, &moved) == 0);
            MUST(ot_cursor_transform(op, index, sticks) ==
                 (moved.comps[0].kind == OT_RETAIN ? moved.comps[0].length : 0));
        }
    }
}

/* b follows a, c follows b. */
static void associativity_must_hold(struct judge *j, const struct ot_op *a, const struct ot_op *b,
                                    const struct ot_op *c)
{
    struct ot_op ab, bc, left, right;

    MUST(ot_compose(&j->mem, a, b, &ab) == 0 && ot_compose(&j->mem, b, c, &bc) == 0);
    MUST(ot_compose(&j->mem, &ab, c, &left) == 0 && ot_compose(&j->mem, a, &bc, &right) == 0);
    MUST(ot_op_equal(&left, &right));
}

static void tp1_must_hold(struct judge *j, const struct ot_rope *after_a,
                          const struct ot_rope *after_b, const struct ot_op *a,
                          const struct ot_op *b)
{
    for (int first = 0; first <= 1; first++) {
        struct ot_op a2, b2;
        MUST(ot_transform(&j->mem, a, b, first, &b2) == 0);
        MUST(ot_transform(&j->mem, b, a, !first, &a2) == 0);
        form_must_hold(j, &a2);
        form_must_hold(j, &b2);
        struct ot_rope *x = rope_after(j, after_a, &b2), *y = rope_after(j, after_b, &a2);
        MUST(x && y && ot_rope_equal(x, y));
        ot_rope_free(x);
        ot_rope_free(y);
    }
}

/* c follows a; b is concurrent to both. */
static void composition_must_hold(struct judge *j, const struct ot_rope *rope,
                                  const struct ot_rope *after_ac, const struct ot_op *a,
                                  const struct ot_op *b, const struct ot_op *c)
{
    struct ot_op ac, whole, step, steps;

    MUST(ot_compose(&j->mem, a, c, &ac) == 0);
    form_must_hold(j, &ac);
    struct ot_rope *after = rope_after(j, rope, &ac);
    MUST(after && ot_rope_equal(after, after_ac));
    ot_rope_free(after);
    MUST(ot_transform(&j->mem, &ac, b, true, &whole) == 0);
    MUST(ot_transform(&j->mem, a, b, true, &step) == 0);
    MUST(ot_transform(&j->mem, c, &step, true, &steps) == 0);
    MUST(ot_op_equal(&whole, &steps));
    associativity_must_hold(j, a, c, &whole);
}

static int judge_ops(struct judge *j, struct slice bytes)
{
    struct ot_op doc, a, b, c;
    struct ot_rope *rope, *after_a = NULL, *after_b = NULL, *after_ac = NULL;
    int reached = 1;

    if (!op_take(j, &bytes, &doc))
        return 0;
    if (doc.units_in) { /* no document: more than inserts */
        rope = ot_rope_new(j->table);
        MUST(rope && ot_rope_apply(rope, &doc) > 0 && ot_rope_units(rope) == 0);
        ot_rope_free(rope);
        return 0;
    }
    rope = rope_of(j, &doc);
    if (op_take(j, &bytes, &a) && (after_a = rope_after(j, rope, &a))) {
        identity_must_hold(j, &a);
        cursors_must_hold(j, ot_rope_units(rope), &a);
        reached = 2;
    }
    if (reached == 2 && op_take(j, &bytes, &b) && (after_b = rope_after(j, rope, &b))) {
        tp1_must_hold(j, after_a, after_b, &a, &b);
        reached = 3;
    }
    if (reached == 3 && op_take(j, &bytes, &c) && (after_ac = rope_after(j, after_a, &c))) {
        composition_must_hold(j, rope, after_ac, &a, &b, &c);
        reached = 4;
    }
    ot_rope_free(rope);
    ot_rope_free(after_a);
    ot_rope_free(after_b);
    ot_rope_free(after_ac);
    return reached;
}

int ot_judge(struct slice bytes)
{
    struct judge j = {.table = ot_attrs_table_new(16 << 20)};

    MUST(j.table);
    arena_init(&j.mem, 256 << 20);
    int reached = judge_ops(&j, bytes);
    arena_fini(&j.mem);
    ot_attrs_table_free(j.table);
    return reached;
}
