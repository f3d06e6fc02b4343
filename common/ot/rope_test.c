/*
 * The rope against a document by stupidity; refusals, and memory that fails at every place where it
 * can. WEFT_SEED=<seed> WEFT_CASES=1 replays a session, WEFT_SWEEP=n runs n times as many.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>

#include "fail_test.h"
#include "ot_codec.h"
#include "rope_private.h"
#include "session_test.h"

#define SEED_DEFAULT 9001

/* --- sessions --- */

static void compare(struct session *s)
{
    session_compare(s, s->rope, &s->doc);
}

/* A document that was said to stay below a size in binary form does. */
static void check_size(struct session *s, const struct ot_op *op)
{
    size_t low = 0, high = 2 * ot_rope_encoded_max(s->rope) + 1000000;
    struct ot_op after;
    struct bytes form = BYTES_INIT;
    struct ot_rope *other = ot_rope_new(s->table);

    EXPECT(s, ot_rope_check_size(s->rope, op, high) == 0);
    while (low + 1 < high) { /* the least size that it says op stays below */
        size_t middle = low + (high - low) / 2;
        *(ot_rope_check_size(s->rope, op, middle) ? &low : &high) = middle;
    }
    EXPECT(s, ot_rope_to_op(s->rope, &s->mem, &after) == 0);
    EXPECT(s, ot_rope_apply(other, &after) == 0 && ot_rope_apply(other, op) == 0);
    EXPECT(s, ot_rope_to_op(other, &s->mem, &after) == 0);
    ot_encode(&after, &form);
    EXPECT(s, form.size <= high);
    EXPECT(s, form.size <= ot_rope_encoded_max(other));
    bytes_fini(&form);
    ot_rope_free(other);
}

/* op, what undoes it, and op again, now and then. */
static void step(struct session *s)
{
    struct ot_op op, undo;
    struct naive before;

    arena_reset(&s->mem);
    naive_random_op(&s->rng, &s->mem, &s->doc, &s->mix, &op);
    EXPECT(s, ot_rope_check(s->rope, &op, false) == 0);
    if (rng_percent(&s->rng, 20)) {
        check_size(s, &op);
        naive_copy(&before, &s->doc);
        EXPECT(s, ot_rope_invert(s->rope, &op, &s->mem, &undo) == 0);
        EXPECT(s, ot_rope_apply(s->rope, &op) == 0);
        EXPECT(s, naive_apply(&s->doc, &op) == 0);
        EXPECT(s, ot_rope_apply(s->rope, &undo) == 0);
        EXPECT(s, naive_apply(&s->doc, &undo) == 0);
        EXPECT(s, naive_equal(&before, &s->doc));
        compare(s);
        naive_fini(&before);
    }
    EXPECT(s, ot_rope_apply(s->rope, &op) == 0);
    EXPECT(s, naive_apply(&s->doc, &op) == 0);
    EXPECT(s, ot_rope_units(s->rope) == s->doc.count);
}

/* Loaded from its own op it is the same document, in another shape. */
static void load_again(struct session *s)
{
    struct ot_attrs_table *table = ot_attrs_table_new(1u << 20);
    struct ot_rope *other = ot_rope_new(table);
    struct ot_op op;

    EXPECT(s, ot_rope_to_op(s->rope, &s->mem, &op) == 0);
    EXPECT(s, ot_rope_apply(other, &op) == 0);
    ot_rope_verify(other);
    EXPECT(s, ot_rope_equal(s->rope, other) && ot_rope_equal(other, s->rope));
    ot_rope_free(other);
    ot_attrs_table_free(table);
}

START_TEST(test_follows_the_naive_document)
{
    uint64_t seed = env_number("WEFT_SEED", SEED_DEFAULT);
    uint64_t cases = env_number("WEFT_CASES", 50 * env_number("WEFT_SWEEP", 1));

    printf("rope: %lu sessions from seed %lu\n", cases, seed);
    for (uint64_t i = 0; i < cases; i++) {
        struct session s;
        bool large = (seed + i) % 6 == 0;
        session_begin(&s, seed + i, large ? 8000 : (unsigned)((seed + i) * 37 % 600));
        for (unsigned n = 0; n < 80; n++) {
            step(&s);
            if (!large || n % 16 == 0)
                compare(&s);
        }
        load_again(&s);
        session_end(&s);
    }
}
END_TEST

/*
 * What splits leaves most: thousands of components on a document whose leaves are full, each at its
 * own place, mixed with deletes that make leaves join. The nodes that were counted must suffice.
 */
START_TEST(test_large_ops)
{
    uint64_t seed = env_number("WEFT_SEED", SEED_DEFAULT);
    uint64_t cases = env_number("WEFT_CASES", 12 * env_number("WEFT_SWEEP", 1));

    for (uint64_t i = 0; i < cases; i++) {
        struct session s;
        session_begin(&s, seed + i, (unsigned)((seed + i) % 4 * 7000));
        for (unsigned n = 0; n < 6; n++) {
            s.mix.comps_max = (unsigned)rng_between(&s.rng, 1, 3000);
            s.mix.length_max = (unsigned)rng_between(&s.rng, 1, rng_percent(&s.rng, 50) ? 4 : 400);
            step(&s);
            compare(&s);
        }
        load_again(&s);
        session_end(&s);
    }
}
END_TEST

/* --- single edits, as people make them --- */

static void edit(struct session *s, uint64_t index, uint32_t remove, struct slice text,
                 uint32_t units, struct slice attrs)
{
    struct ot_builder b;
    struct ot_op op;

    arena_reset(&s->mem);
    ot_builder_init(&b, &s->mem);
    ot_builder_retain(&b, index, (struct slice){0});
    ot_builder_delete(&b, remove);
    ot_builder_insert(&b, text, units, attrs);
    EXPECT(s, ot_builder_finish(&b, &op) == 0);
    EXPECT(s, ot_rope_apply(s->rope, &op) == 0);
    if (!s->alone)
        EXPECT(s, naive_apply(&s->doc, &op) == 0);
}

static void type(struct session *s, unsigned count, unsigned where)
{
    for (unsigned i = 0; i < count; i++) {
        uint64_t units = ot_rope_units(s->rope);
        uint64_t at = where == 0 ? units : where == 1 ? 0 : rng_below(&s->rng, units + 1);
        edit(s, at, 0, slice_str("a"), 1, (struct slice){0});
    }
}

static void erase(struct session *s)
{
    for (uint64_t units; (units = ot_rope_units(s->rope)) > 0;) {
        uint64_t at = rng_below(&s->rng, units), most = units - at < 40 ? units - at : 40;
        edit(s, at, (uint32_t)rng_between(&s->rng, 1, most), (struct slice){0}, 0,
             (struct slice){0});
        if (units % 64 == 0)
            ot_rope_verify(s->rope);
    }
}

/* Typing costs about its bytes, wherever it happens, and emptying a document gives all back. */
START_TEST(test_memory_follows_the_text)
{
    for (unsigned where = 0; where < 3; where++) {
        struct session s;
        struct bytes text = BYTES_INIT;
        session_begin(&s, 1 + where, 0);
        s.alone = true;
        type(&s, 20000, where);
        ot_rope_verify(s.rope);
        ot_rope_text(s.rope, &text);
        ck_assert(text.size == 20000 && text.data[0] == 'a' &&
                  memcmp(text.data, text.data + 1, 19999) == 0);
        ck_assert_uint_eq(ot_rope_bytes(s.rope), 20000);
        ck_assert_uint_lt(ot_rope_memory(s.rope), 20000 * 5 / 2);
        ck_assert_uint_ge(ot_rope_encoded_max(s.rope), 20000);
        ck_assert_uint_lt(ot_rope_encoded_max(s.rope), 21000);
        erase(&s);
        ot_rope_verify(s.rope);
        ck_assert_uint_lt(ot_rope_memory(s.rope), 1500);
        bytes_fini(&text);
        session_end(&s);
    }
}
END_TEST

/* The same in the bytes beside, which are the oracle. */
static void edit_both(struct session *s, struct bytes *text, size_t at, size_t remove,
                      struct slice insert)
{
    size_t behind = text->size - at - remove;

    edit(s, at, (uint32_t)remove, insert, (uint32_t)insert.size, (struct slice){0});
    ck_assert_ptr_nonnull(bytes_reserve(text, insert.size));
    memmove(text->data + at + insert.size, text->data + at + remove, behind);
    if (insert.size)
        memcpy(text->data + at, insert.data, insert.size);
    text->size = at + insert.size + behind;
}

/* Inner nodes that fill, divide, join and empty between others of any fullness; and none is kept
 * for less than it is worth. */
START_TEST(test_inner_nodes_come_and_go)
{
    uint64_t cases = 12 * env_number("WEFT_SWEEP", 1);
    uint8_t letters[256];

    for (uint64_t seed = 1; seed <= cases; seed++) {
        struct session s;
        struct bytes text = BYTES_INIT, now = BYTES_INIT;
        unsigned edits = 0;
        session_begin(&s, seed, 0);
        s.alone = true;
        for (unsigned i = 0; i < sizeof letters; i++)
            letters[i] = (uint8_t)('a' + rng_below(&s.rng, 26));
        while (text.size < 150000)
            edit_both(&s, &text, rng_below(&s.rng, text.size + 1), 0,
                      slice_of(letters, rng_between(&s.rng, 1, sizeof letters)));
        ot_rope_verify(s.rope);
        while (text.size > 0) {
            size_t at = rng_below(&s.rng, text.size), most = text.size - at;
            size_t wanted = seed % 2 ? 600 : text.size / 6 + 1;
            edit_both(&s, &text, at, rng_between(&s.rng, 1, most < wanted ? most : wanted),
                      (struct slice){0});
            if (seed % 2 && edits++ % 16)
                continue;
            ot_rope_verify(s.rope);
            EXPECT(&s, s.rope->leaf_count <= text.size / 320 + 2);
            EXPECT(&s, s.rope->inner_count <= s.rope->leaf_count / 4 + 4);
            bytes_reset(&now);
            ot_rope_text(s.rope, &now);
            EXPECT(&s, slice_equal(bytes_slice(&now), bytes_slice(&text)));
        }
        bytes_fini(&text);
        bytes_fini(&now);
        session_end(&s);
    }
}
END_TEST

/* A random op of inserts whose sizes are just those that decide how leaves are split; oracle:
 * bytes. */
static void sizes_op(struct session *s, const struct bytes *text, struct bytes *ret_after,
                     struct ot_op *ret)
{
    static const uint16_t sizes[] = {1, 12, 44, 100, 200, 224, 255, 256, 257, 300, 880, 1016, 3000};
    struct ot_builder b;
    size_t at = 0;

    uint8_t *letters = arena_alloc(&s->mem, 3000);
    for (unsigned i = 0; i < 3000; i++)
        letters[i] = (uint8_t)('a' + rng_below(&s->rng, 26));
    ot_builder_init(&b, &s->mem);
    for (uint64_t n = rng_between(&s->rng, 1, 200); n > 0; n--) {
        size_t left = text->size - at, size = rng_between(&s->rng, 1, 1500);
        unsigned kind = (unsigned)rng_below(&s->rng, 10);
        if (kind < 7) {
            /* Changing attributes, so that inserts at one place stay many. */
            struct slice attrs = n % 2 ? slice_of("\1b\4true", 7) : (struct slice){0};
            size = sizes[rng_below(&s->rng, rng_percent(&s->rng, 80) ? 9 : 13)];
            ot_builder_insert(&b, slice_of(letters, size), (uint32_t)size, attrs);
            bytes_append(ret_after, letters, size);
            continue;
        }
        size = size < left ? size : left;
        if (kind == 7)
            ot_builder_delete(&b, size);
        else
            ot_builder_retain(&b, size, kind == 8 ? slice_of("\1i\4true", 7) : (struct slice){0});
        if (kind != 7)
            bytes_append(ret_after, text->data + at, size);
        at += size;
    }
    bytes_append(ret_after, text->data + at, text->size - at);
    EXPECT(s, ot_builder_finish(&b, ret) == 0);
}

START_TEST(test_inserts_of_all_sizes)
{
    uint64_t seed = env_number("WEFT_SEED", SEED_DEFAULT);
    uint64_t cases = env_number("WEFT_CASES", 40 * env_number("WEFT_SWEEP", 1));

    for (uint64_t i = 0; i < cases; i++) {
        struct session s;
        struct bytes text = BYTES_INIT;
        session_begin(&s, seed + i, 0);
        for (unsigned n = 0; n < 8; n++) {
            struct bytes after = BYTES_INIT, got = BYTES_INIT;
            struct ot_op op;
            arena_reset(&s.mem);
            sizes_op(&s, &text, &after, &op);
            EXPECT(&s, ot_rope_apply(s.rope, &op) == 0);
            ot_rope_verify(s.rope);
            ot_rope_text(s.rope, &got);
            EXPECT(&s, slice_equal(bytes_slice(&got), bytes_slice(&after)));
            bytes_fini(&got);
            bytes_fini(&text);
            text = after;
        }
        bytes_fini(&text);
        session_end(&s);
    }
}
END_TEST

/* Runs of one character each: 16 bytes for a run beside its text. */
START_TEST(test_memory_of_short_runs)
{
    struct session s;

    session_begin(&s, 1, 0);
    for (unsigned i = 0; i < 6000; i++)
        edit(&s, i, 0, slice_str("a"), 1, i % 2 ? slice_of("\1b\4true", 7) : (struct slice){0});
    compare(&s);
    ck_assert_uint_eq(ot_rope_runs(s.rope), 6000);
    ck_assert_uint_lt(ot_rope_memory(s.rope), 6000 * 17 * 5 / 4);
    ck_assert_uint_ge(ot_rope_encoded_max(s.rope), 3000 * (3 + 7) + 3000 * 2);
    session_end(&s);
}
END_TEST

START_TEST(test_iterates_from_anywhere)
{
    struct session s;
    struct ot_rope_iter iter;
    struct ot_run run;

    session_begin(&s, 77, 3000);
    uint64_t units = 0;
    size_t bytes = 0;
    ot_rope_iter_init(&iter, s.rope);
    while (ot_rope_iter_next(&iter, &run)) {
        units += run.units;
        bytes += run.content.size;
        ck_assert_uint_eq(iter.index, units);
    }
    ck_assert_uint_eq(units, ot_rope_units(s.rope));
    ck_assert_uint_eq(bytes, ot_rope_bytes(s.rope));
    session_end(&s);
}
END_TEST

/* --- refusals --- */

START_TEST(test_refuses_without_a_change)
{
    static const struct {
        uint32_t retain, remove;
        const char *insert;
        int outcome, outcome_rich;
    } cases[] = {
        {2, 1, "", OT_CUTS_PAIR, OT_CUTS_PAIR},
        {1, 1, "", OT_CUTS_PAIR, OT_CUTS_PAIR},
        {2, 0, "x", OT_CUTS_PAIR, OT_CUTS_PAIR},
        {2, 0, "", OT_CUTS_PAIR, OT_CUTS_PAIR},
        {4, 2, "", OT_TOO_LONG, OT_TOO_LONG},
        {6, 0, "x", OT_TOO_LONG, OT_TOO_LONG},
        {6, 0, "", OT_TOO_LONG, OT_TOO_LONG},
        {4, 1, "", 0, OT_BREAKS_NEWLINE},
        {4, 1, "x\n", 0, OT_BREAKS_NEWLINE},
        {5, 0, "x", 0, OT_BREAKS_NEWLINE},
        {5, 0, "", 0, 0}, /* a format of everything */
        {1, 2, "", 0, 0},
        {0, 4, "", 0, 0},
        {4, 0, "x", 0, 0},
    };
    struct slice bold = slice_of("\1b\4true", 7), text = slice_str("a\xf0\x9f\x98\x81z\n");

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct session s;
        struct ot_builder b;
        struct ot_op op;
        session_begin(&s, 1, 0);
        edit(&s, 0, 0, text, 5, (struct slice){0});
        bool format = !cases[i].remove && !cases[i].insert[0];
        ot_builder_init(&b, &s.mem);
        ot_builder_retain(&b, cases[i].retain, format ? bold : (struct slice){0});
        ot_builder_delete(&b, cases[i].remove);
        ot_builder_insert(&b, slice_str(cases[i].insert), (uint32_t)strlen(cases[i].insert), bold);
        ck_assert_int_eq(ot_builder_finish(&b, &op), 0);
        ck_assert_int_eq(ot_rope_check(s.rope, &op, false), cases[i].outcome);
        ck_assert_int_eq(ot_rope_check(s.rope, &op, true), cases[i].outcome_rich);
        compare(&s);
        ck_assert_int_eq(ot_rope_apply(s.rope, &op), cases[i].outcome);
        ck_assert_int_eq(naive_apply(&s.doc, &op), cases[i].outcome);
        compare(&s);
        session_end(&s);
    }
}
END_TEST

/* Every allocation of an op fails once; the document is as it was, and the same op works
 * afterwards. */
START_TEST(test_memory_fails_anywhere)
{
    uint64_t failures = 0;

    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct session s;
        struct ot_op op;
        session_begin(&s, seed, (unsigned)(seed * 61 % 3000));
        s.mix.comps_max = 12;
        naive_random_op(&s.rng, &s.mem, &s.doc, &s.mix, &op);
        for (uint64_t n = 0;; n++) {
            size_t lists = ot_attrs_table_bytes(s.table);
            allocations_left = n;
            int r = ot_rope_apply(s.rope, &op);
            allocations_left = UINT64_MAX;
            if (r == 0)
                break;
            failures++;
            EXPECT(&s, r == -ENOMEM);
            EXPECT(&s, ot_attrs_table_bytes(s.table) == lists);
            compare(&s);
        }
        EXPECT(&s, naive_apply(&s.doc, &op) == 0);
        compare(&s);
        session_end(&s);
    }
    ck_assert_uint_gt(failures, 200);
}
END_TEST

/* The bound of the attribute table is memory that fails. */
START_TEST(test_attribute_bound)
{
    struct session s;
    struct ot_builder b;
    struct ot_op op;
    uint8_t list[4096] = {1, 'b', 0xfc, 0x1f, '"'}; /* {"b": 4,092 bytes} */

    session_begin(&s, 3, 50);
    memset(list + 5, 'x', sizeof list - 5);
    list[4095] = '"';
    struct ot_attrs_table *table = ot_attrs_table_new(2000);
    struct ot_rope *rope = ot_rope_new(table);
    ot_builder_init(&b, &s.mem);
    ot_builder_insert(&b, slice_str("small"), 5, (struct slice){0});
    ck_assert_int_eq(ot_builder_finish(&b, &op), 0);
    ck_assert_int_eq(ot_rope_apply(rope, &op), 0);
    for (int kind = 0; kind < 2; kind++) {
        ot_builder_init(&b, &s.mem);
        if (kind == 0)
            ot_builder_insert(&b, slice_str("x"), 1, slice_of(list, sizeof list));
        else
            ot_builder_retain(&b, 3, slice_of(list, sizeof list));
        ck_assert_int_eq(ot_builder_finish(&b, &op), 0);
        ck_assert_int_eq(ot_rope_apply(rope, &op), -ENOMEM);
        ot_rope_verify(rope);
        ck_assert_uint_eq(ot_rope_units(rope), 5);
    }
    ot_rope_free(rope);
    ot_attrs_table_free(table);
    session_end(&s);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rope");
    TCase *tcase = tcase_create("rope");
    SRunner *runner = srunner_create(suite);

    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, test_follows_the_naive_document);
    tcase_add_test(tcase, test_large_ops);
    tcase_add_test(tcase, test_inserts_of_all_sizes);
    tcase_add_test(tcase, test_memory_follows_the_text);
    tcase_add_test(tcase, test_inner_nodes_come_and_go);
    tcase_add_test(tcase, test_memory_of_short_runs);
    tcase_add_test(tcase, test_iterates_from_anywhere);
    tcase_add_test(tcase, test_refuses_without_a_change);
    tcase_add_test(tcase, test_memory_fails_anywhere);
    tcase_add_test(tcase, test_attribute_bound);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
