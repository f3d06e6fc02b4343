/*
 * The laws of docs/algebra.md on everything there is in a small scope: all ops whose inserts are
 * one unit at any point, and whose retains of a unit keep, set or remove one key (or two), on all
 * documents of few units. Prints how many cases there were.
 *
 * With the slow checks the scope is smaller; WEFT_SWEEP=1 (or more) takes the whole of it in any
 * build: pairs up to 3 units, triples up to 2.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "ot_codec.h"
#include "ot_naive.h"
#include "ot_rope.h"

/* What may happen to a unit, and what may be inserted at a point. */
struct alphabet {
    const char *name;
    unsigned keeps;        /* retain with the first so many lists */
    struct slice lists[8]; /* of retains; the first is empty */
    unsigned inserts;      /* nothing, or an insert with the first so many less one */
    struct slice insert_lists[4];
};

#define LIST(bytes)                                                                                \
    {                                                                                              \
        .data = (const uint8_t *)(bytes), .size = sizeof(bytes) - 1                                \
    }

static const struct alphabet plain = {
    .name = "no key", .keeps = 1, .inserts = 2, .lists = {{0}}, .insert_lists = {{0}}};
static const struct alphabet one_key = {
    .name = "one key",
    .keeps = 3,
    .lists = {{0},
              LIST("\1b\1"
                   "1"),
              LIST("\1b\4null")},
    .inserts = 3,
    .insert_lists = {{0},
                     LIST("\1b\1"
                          "1")},
};
static const struct alphabet two_keys = {
    .name = "two keys",
    .keeps = 6,
    .lists = {{0},
              LIST("\1b\1"
                   "1"),
              LIST("\1b\4null"),
              LIST("\4link\1"
                   "1"),
              LIST("\1b\1"
                   "1\4link\1"
                   "1"),
              LIST("\1b\4null\4link\1"
                   "1")},
    .inserts = 3,
    .insert_lists = {{0},
                     LIST("\1b\1"
                          "1\4link\1"
                          "1")},
};

static bool whole_scope(void)
{
#ifdef WEFT_MUST_SLOW
    return getenv("WEFT_SWEEP");
#else
    return true;
#endif
}

static uint64_t power(uint64_t base, unsigned exponent)
{
    return exponent ? base * power(base, exponent - 1) : 1;
}

static uint64_t op_count(const struct alphabet *a, unsigned units)
{
    return power(a->keeps + 1, units) * power(a->inserts, units + 1);
}

/* The op of this number, in mem. */
static void op_make(const struct alphabet *a, unsigned units, uint64_t number, const char *letter,
                    struct arena *mem, struct ot_op *ret)
{
    struct ot_builder b;

    ot_builder_init(&b, mem);
    for (unsigned at = 0; at <= units; at++) {
        unsigned insert = (unsigned)(number % a->inserts);
        number /= a->inserts;
        if (insert)
            ot_builder_insert(&b, slice_str(letter), 1, a->insert_lists[insert - 1]);
        if (at == units)
            break;
        unsigned unit = (unsigned)(number % (a->keeps + 1));
        number /= a->keeps + 1;
        if (unit == a->keeps)
            ot_builder_delete(&b, 1);
        else
            ot_builder_retain(&b, 1, a->lists[unit]);
    }
    MUST(ot_builder_finish(&b, ret) == 0);
}

/* All ops on documents of so many units. */
struct ops {
    struct arena mem;
    struct ot_op *all; /* owned */
    uint64_t count;
};

static struct ops ops_make(const struct alphabet *a, unsigned units, const char *letter)
{
    struct ops ops = {.count = op_count(a, units)};

    arena_init(&ops.mem, SIZE_MAX);
    ops.all = malloc(ops.count * sizeof *ops.all);
    MUST(ops.all);
    for (uint64_t i = 0; i < ops.count; i++)
        op_make(a, units, i, letter, &ops.mem, &ops.all[i]);
    return ops;
}

static void ops_free(struct ops *ops)
{
    arena_fini(&ops->mem);
    free(ops->all);
}

/* A document of `units`: unit i has the first list that is no null, where bit i is set. */
static void document_make(const struct alphabet *a, unsigned units, unsigned bits,
                          struct arena *mem, struct ot_op *ret)
{
    struct ot_builder b;

    ot_builder_init(&b, mem);
    for (unsigned i = 0; i < units; i++)
        ot_builder_insert(&b, slice_of("abc" + i, 1), 1,
                          bits >> i & 1 ? a->lists[1] : (struct slice){0});
    MUST(ot_builder_finish(&b, ret) == 0);
}

static unsigned document_count(const struct alphabet *a, unsigned units)
{
    return a->keeps > 1 ? 1u << units : 1;
}

static void say(const char *law, const struct alphabet *a, unsigned units, uint64_t cases)
{
    printf("%s, %u units, %s: %lu cases\n", law, units, a->name, cases);
}

/* --- one op --- */

static struct ot_rope *rope_of(struct ot_attrs_table *table, const struct ot_op *content)
{
    struct ot_rope *rope = ot_rope_new(table);

    MUST(rope && ot_rope_apply(rope, content) == 0);
    return rope;
}

/* Undone, and written and read. */
static void single_check(struct ot_attrs_table *table, struct arena *mem,
                         const struct ot_op *content, const struct ot_op *op)
{
    struct ot_rope *before = rope_of(table, content), *rope = rope_of(table, content);
    struct ot_op undo, again;
    struct bytes form = BYTES_INIT;

    MUST(ot_rope_invert(rope, op, mem, &undo) == 0);
    MUST(ot_rope_apply(rope, op) == 0);
    MUST(ot_rope_apply(rope, &undo) == 0);
    if (!ot_rope_equal(before, rope))
        ck_abort_msg("invert of %s", naive_describe(op));
    ot_encode(op, &form);
    MUST(ot_decode(mem, bytes_slice(&form), &ot_limits_submit, &again) == 0);
    MUST(ot_op_equal(op, &again));
    bytes_fini(&form);
    ot_rope_free(before);
    ot_rope_free(rope);
}

/* Composed with nothing and transformed over nothing it is itself; nothing transformed is nothing.
 */
static void identity_check(struct arena *mem, const struct ot_op *op)
{
    const struct ot_op id = OT_IDENTITY;
    struct ot_op before, after, over, of;

    MUST(ot_compose(mem, &id, op, &before) == 0 && ot_compose(mem, op, &id, &after) == 0);
    MUST(ot_transform(mem, &id, op, true, &over) == 0 &&
         ot_transform(mem, op, &id, true, &of) == 0);
    if (!ot_op_equal(&before, op) || !ot_op_equal(&after, op) || !ot_op_equal(&over, op) ||
        !ot_op_equal(&of, &id))
        ck_abort_msg("identity: %s", naive_describe(op));
}

/* A cursor at any place is where text inserted there would land. */
static void cursors_check(struct arena *mem, unsigned units, const struct ot_op *op)
{
    for (unsigned index = 0; index <= units; index++) {
        for (int sticks = 0; sticks <= 1; sticks++) {
            struct ot_builder b;
            struct ot_op at, moved;
            ot_builder_init(&b, mem);
            ot_builder_retain(&b, index, (struct slice){0});
            ot_builder_insert(&b, slice_str("|"), 1, (struct slice){0});
            MUST(ot_builder_finish(&b, &at) == 0);
            MUST(ot_transform(mem, op, &at, !sticks, &moved) == 0);
            uint64_t lands = moved.comps[0].kind == OT_RETAIN ? moved.comps[0].length : 0;
            if (ot_cursor_transform(op, index, sticks) != lands)
                ck_abort_msg("cursor %u, %d: %s", index, sticks, naive_describe(op));
        }
    }
}

static void singles_alone(const struct alphabet *alphabet, unsigned units, const struct ops *ops)
{
    struct arena mem;

    arena_init(&mem, SIZE_MAX);
    for (uint64_t i = 0; i < ops->count; i++) {
        arena_reset(&mem);
        identity_check(&mem, &ops->all[i]);
        cursors_check(&mem, units, &ops->all[i]);
    }
    say("identity, and cursors at each place", alphabet, units, ops->count);
    arena_fini(&mem);
}

START_TEST(singles)
{
    const struct alphabet *alphabets[] = {&one_key, &two_keys};
    struct ot_attrs_table *table = ot_attrs_table_new(1 << 20);

    for (unsigned k = 0; k < 2; k++) {
        unsigned units_max = (whole_scope() ? 3 : 2) - k;
        for (unsigned units = 0; units <= units_max; units++) {
            struct ops ops = ops_make(alphabets[k], units, "x");
            struct arena mem;
            singles_alone(alphabets[k], units, &ops);
            arena_init(&mem, SIZE_MAX);
            for (unsigned bits = 0; bits < document_count(alphabets[k], units); bits++) {
                for (uint64_t i = 0; i < ops.count; i++) {
                    struct ot_op content;
                    arena_reset(&mem);
                    document_make(alphabets[k], units, bits, &mem, &content);
                    single_check(table, &mem, &content, &ops.all[i]);
                }
            }
            say("invert and codec", alphabets[k], units,
                ops.count * document_count(alphabets[k], units));
            arena_fini(&mem);
            ops_free(&ops);
        }
    }
    ot_attrs_table_free(table);
}
END_TEST

/* --- pairs: TP1 --- */

/* What both ways do to the document, by ops alone: content, a, b' composed. By associativity and
 * the law of composition (both checked below) this is the document afterwards. */
static void tp1_check(struct arena *mem, const struct ot_op *after_a, const struct ot_op *after_b,
                      const struct ot_op *a, const struct ot_op *b)
{
    for (int first = 0; first <= 1; first++) {
        struct ot_op a2, b2, x, y;
        MUST(ot_transform(mem, a, b, first, &b2) == 0);
        MUST(ot_transform(mem, b, a, !first, &a2) == 0);
        MUST(ot_compose(mem, after_a, &b2, &x) == 0);
        MUST(ot_compose(mem, after_b, &a2, &y) == 0);
        if (!ot_op_equal(&x, &y))
            ck_abort_msg("TP1, first %d: %s", first, naive_describe(a));
    }
}

static void pairs_run(const struct alphabet *alphabet, unsigned units)
{
    struct ops a = ops_make(alphabet, units, "x"), b = ops_make(alphabet, units, "y");
    struct ot_op *after_a = malloc(a.count * sizeof *after_a);
    struct ot_op *after_b = malloc(b.count * sizeof *after_b);
    struct arena mem, kept;
    uint64_t cases = 0;

    arena_init(&mem, SIZE_MAX);
    arena_init(&kept, SIZE_MAX);
    for (unsigned bits = 0; bits < document_count(alphabet, units); bits++) {
        struct ot_op content;
        arena_reset(&kept);
        document_make(alphabet, units, bits, &kept, &content);
        for (uint64_t i = 0; i < a.count; i++) {
            MUST(ot_compose(&kept, &content, &a.all[i], &after_a[i]) == 0);
            MUST(ot_compose(&kept, &content, &b.all[i], &after_b[i]) == 0);
        }
        for (uint64_t i = 0; i < a.count; i++) {
            for (uint64_t k = 0; k < b.count; k++, cases++) {
                arena_reset(&mem);
                tp1_check(&mem, &after_a[i], &after_b[k], &a.all[i], &b.all[k]);
            }
        }
    }
    say("TP1", alphabet, units, cases);
    arena_fini(&mem);
    arena_fini(&kept);
    free(after_a);
    free(after_b);
    ops_free(&a);
    ops_free(&b);
}

START_TEST(pairs)
{
    for (unsigned units = 0; units <= 3; units++)
        pairs_run(&plain, units);
    for (unsigned units = 0; units <= 2; units++)
        pairs_run(&one_key, units);
    for (unsigned units = 0; units <= 1; units++)
        pairs_run(&two_keys, units);
    if (getenv("WEFT_SWEEP")) {
        pairs_run(&one_key, 3);
        pairs_run(&two_keys, 2);
    }
}
END_TEST

/* --- triples: the composition law, associativity, composition is application --- */

static void triple_check(struct arena *mem, const struct ot_op *a, const struct ot_op *b,
                         const struct ot_op *ab, const struct ot_op *c)
{
    struct ot_op whole, step, steps;

    arena_reset(mem);
    MUST(ot_transform(mem, ab, c, true, &whole) == 0);
    MUST(ot_transform(mem, a, c, true, &step) == 0);
    MUST(ot_transform(mem, b, &step, true, &steps) == 0);
    if (!ot_op_equal(&whole, &steps))
        ck_abort_msg("composition law: %s", naive_describe(c));
}

static void associative_check(struct arena *mem, const struct ot_op *content, const struct ot_op *a,
                              const struct ot_op *b, const struct ot_op *ab)
{
    struct ot_op left, right, step;
    struct naive x = {0}, y = {0};

    arena_reset(mem);
    MUST(ot_compose(mem, content, a, &step) == 0);
    MUST(ot_compose(mem, &step, b, &left) == 0);
    MUST(ot_compose(mem, content, ab, &right) == 0);
    if (!ot_op_equal(&left, &right))
        ck_abort_msg("associativity: %s", naive_describe(a));
    MUST(naive_apply(&x, content) == 0 && naive_apply(&x, a) == 0 && naive_apply(&x, b) == 0);
    MUST(naive_apply(&y, &right) == 0);
    if (!naive_equal(&x, &y))
        ck_abort_msg("composition is application: %s", naive_describe(a));
    naive_fini(&x);
    naive_fini(&y);
}

/* A cursor follows a composed run as its steps; by the composition law: not if it sticks left. */
static void run_cursor_check(unsigned units, const struct ot_op *a, const struct ot_op *b,
                             const struct ot_op *ab)
{
    for (unsigned index = 0; index <= units; index++) {
        uint64_t step = ot_cursor_transform(a, index, false);
        if (ot_cursor_transform(b, step, false) != ot_cursor_transform(ab, index, false))
            ck_abort_msg("cursor %u over a run: %s", index, naive_describe(ab));
    }
}

static void triples_run(const struct alphabet *alphabet, unsigned units)
{
    struct ops c = ops_make(alphabet, units, "z"), a = ops_make(alphabet, units, "x");
    struct ops b[2 * 2 + 2] = {0}; /* by the length that a leaves: 2 units and 3 inserts at most */
    uint64_t cases = 0, two = 0;
    struct arena mem, kept;
    struct ot_op content;

    arena_init(&mem, SIZE_MAX);
    arena_init(&kept, SIZE_MAX);
    for (unsigned length = 0; length <= 2 * units + 1; length++)
        b[length] = ops_make(alphabet, length, "y");
    document_make(alphabet, units, 1, &kept, &content);
    for (uint64_t i = 0; i < a.count; i++) {
        struct ot_op after;
        MUST(ot_compose(&mem, &content, &a.all[i], &after) == 0);
        const struct ops *on = &b[after.units_out];
        for (uint64_t k = 0; k < on->count; k++, two++) {
            struct ot_op ab;
            struct arena *of_ab = &kept;
            MUST(ot_compose(of_ab, &a.all[i], &on->all[k], &ab) == 0);
            associative_check(&mem, &content, &a.all[i], &on->all[k], &ab);
            run_cursor_check(units, &a.all[i], &on->all[k], &ab);
            for (uint64_t n = 0; n < c.count; n++, cases++)
                triple_check(&mem, &a.all[i], &on->all[k], &ab, &c.all[n]);
        }
        arena_reset(&kept);
        document_make(alphabet, units, 1, &kept, &content);
    }
    say("associativity, composition is application", alphabet, units, two);
    say("composition law", alphabet, units, cases);
    for (unsigned length = 0; length <= 2 * units + 1; length++)
        ops_free(&b[length]);
    arena_fini(&mem);
    arena_fini(&kept);
    ops_free(&a);
    ops_free(&c);
}

/* --- triples one behind the other: associativity, component by component --- */

#define LENGTH_MAX 4

/* Any a, b, c of which no document that they meet has more than length_max units. */
static void associativity_run(const struct alphabet *alphabet, unsigned units, unsigned length_max)
{
    struct ops on[LENGTH_MAX + 1] = {0};
    uint64_t cases = 0;
    struct arena mem;

    arena_init(&mem, SIZE_MAX);
    for (unsigned length = 0; length <= length_max; length++)
        on[length] = ops_make(alphabet, length, length % 2 ? "x" : "y");
    for (uint64_t i = 0; i < on[units].count; i++) {
        const struct ot_op *a = &on[units].all[i];
        uint64_t then = units - a->units_in + a->units_out;
        for (uint64_t k = 0; then <= length_max && k < on[then].count; k++) {
            const struct ot_op *b = &on[then].all[k];
            uint64_t last = then - b->units_in + b->units_out;
            for (uint64_t n = 0; last <= length_max && n < on[last].count; n++, cases++) {
                const struct ot_op *c = &on[last].all[n];
                struct ot_op ab, bc, left, right;
                arena_reset(&mem);
                MUST(ot_compose(&mem, a, b, &ab) == 0 && ot_compose(&mem, b, c, &bc) == 0);
                MUST(ot_compose(&mem, &ab, c, &left) == 0 && ot_compose(&mem, a, &bc, &right) == 0);
                if (!ot_op_equal(&left, &right))
                    ck_abort_msg("associativity: %s", naive_describe(c));
            }
        }
    }
    say("associativity by component", alphabet, units, cases);
    for (unsigned length = 0; length <= length_max; length++)
        ops_free(&on[length]);
    arena_fini(&mem);
}

START_TEST(associativity)
{
    for (unsigned units = 0; units <= 2; units++)
        associativity_run(&plain, units, whole_scope() ? 3 : 2);
    for (unsigned units = 0; units <= 1; units++) {
        associativity_run(&one_key, units, whole_scope() ? 2 : 1);
        associativity_run(&two_keys, units, 1);
    }
    if (getenv("WEFT_SWEEP")) {
        associativity_run(&plain, 3, LENGTH_MAX);
        associativity_run(&one_key, 2, 2);
        associativity_run(&two_keys, 1, 2);
    }
}
END_TEST

START_TEST(triples)
{
    triples_run(&plain, 0);
    triples_run(&plain, 1);
    if (whole_scope()) {
        triples_run(&plain, 2);
        triples_run(&one_key, 1);
    }
    if (getenv("WEFT_SWEEP"))
        triples_run(&two_keys, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("laws in a small scope");
    TCase *tcase = tcase_create("laws");
    SRunner *runner = srunner_create(suite);

    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, singles);
    tcase_add_test(tcase, pairs);
    tcase_add_test(tcase, triples);
    tcase_add_test(tcase, associativity);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
