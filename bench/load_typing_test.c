#include "load_typing.h"

#include <check.h>
#include <stdlib.h>

#include "ot_codec.h"
#include "ot_rope.h"

static struct arena mem;
static struct ot_attrs_table *table;
static struct ot_rope *rope;

static void setup(void)
{
    arena_init(&mem, 1 << 24);
    table = ot_attrs_table_new(1 << 20);
    rope = ot_rope_new(table);
}

static void teardown(void)
{
    ot_rope_free(rope);
    ot_attrs_table_free(table);
    arena_fini(&mem);
}

static void content_apply(uint64_t seed)
{
    struct ot_op content;
    struct rng rng;

    rng_init(&rng, seed);
    ck_assert_int_eq(typing_content(&rng, TYPING_UNITS_MIN, &mem, &content), 0);
    ck_assert_int_eq(ot_rope_apply(rope, &content), 0);
}

static struct ot_op next(struct typing *t)
{
    struct ot_op op;

    ck_assert_int_eq(typing_next(t, ot_rope_units(rope), &mem, &op), 0);
    return op;
}

START_TEST(content_is_large_and_ends_in_a_newline)
{
    struct bytes text = BYTES_INIT, encoded = BYTES_INIT;
    struct ot_op content, decoded;
    struct rng rng;

    for (uint64_t seed = 1; seed < 50; seed++) {
        rng_init(&rng, seed);
        ck_assert_int_eq(typing_content(&rng, TYPING_UNITS_MIN, &mem, &content), 0);
        bytes_reset(&encoded);
        ot_encode(&content, &encoded);
        ck_assert_int_eq(ot_decode(&mem, bytes_slice(&encoded), &ot_limits_submit, &decoded), 0);
        arena_reset(&mem);
    }
    content_apply(50);
    ck_assert_uint_ge(ot_rope_units(rope), TYPING_UNITS_MIN);
    ck_assert_uint_lt(ot_rope_units(rope), TYPING_UNITS_GOOD);
    ck_assert_uint_gt(ot_rope_runs(rope), 10);
    ot_rope_text(rope, &text);
    ck_assert_uint_eq(text.data[text.size - 1], '\n');
    bytes_fini(&text);
    bytes_fini(&encoded);
}
END_TEST

/* What a long time of typing comes to. */
START_TEST(shares_and_size_are_as_promised)
{
    unsigned count = 200000, inserts = 0, deletes = 0, formats = 0, near = 0;
    uint64_t cursor = 0, longest = 0;
    struct typing t;

    content_apply(1);
    typing_init(&t, 42);
    for (unsigned i = 0; i < count; i++) {
        struct ot_op op = next(&t);
        ck_assert_uint_gt(op.count, 0);
        ck_assert_int_eq(ot_rope_check(rope, &op, true), 0);
        ck_assert_int_eq(ot_rope_apply(rope, &op), 0);
        const struct ot_comp *last = &op.comps[op.count - 1];
        inserts += last->kind == OT_INSERT;
        deletes += last->kind == OT_DELETE;
        formats += last->kind == OT_RETAIN;
        near += last->kind == OT_INSERT && t.cursor == cursor + 1;
        cursor = t.cursor;
        if (ot_rope_units(rope) > longest)
            longest = ot_rope_units(rope);
        ck_assert_uint_ge(ot_rope_units(rope), TYPING_UNITS_MIN);
        arena_reset(&mem);
    }
    ck_assert_uint_eq(inserts + deletes + formats, count);
    ck_assert_msg(formats * 100 > count * 4 && formats * 100 < count * 6, "%u formats", formats);
    ck_assert_msg(deletes * 100 > count * 10 && deletes * 100 < count * 20, "%u deletes", deletes);
    /* Runs of writing: most characters stand behind the one before. */
    ck_assert_msg(near * 100 > inserts * 90, "%u of %u", near, inserts);
    ck_assert_msg(longest < 2 * TYPING_UNITS_GOOD, "%lu units", longest);
    ot_rope_verify(rope);
}
END_TEST

START_TEST(equal_seeds_type_equally)
{
    struct typing a, b, c;
    unsigned different = 0;

    content_apply(3);
    typing_init(&a, 7);
    typing_init(&b, 7);
    typing_init(&c, 8);
    for (unsigned i = 0; i < 1000; i++) {
        struct ot_op op = next(&a), same = next(&b), other = next(&c);
        ck_assert(ot_op_equal(&op, &same));
        different += !ot_op_equal(&op, &other);
        arena_reset(&mem);
    }
    ck_assert_uint_gt(different, 900);
}
END_TEST

START_TEST(the_cursor_stays_with_its_text)
{
    struct ot_builder b;
    struct ot_op op;
    struct typing t;

    content_apply(4);
    typing_init(&t, 9);
    typing_foreign(&t, &OT_IDENTITY); /* before there is a cursor */
    (void)next(&t);
    t.cursor = 100;
    ot_builder_init(&b, &mem);
    ot_builder_insert(&b, slice_str("abc"), 3, (struct slice){0});
    ot_builder_delete(&b, 1);
    ck_assert_int_eq(ot_builder_finish(&b, &op), 0);
    typing_foreign(&t, &op);
    ck_assert_uint_eq(t.cursor, 102);
    /* What others write exactly there does not push it on. */
    ot_builder_init(&b, &mem);
    ot_builder_retain(&b, 102, (struct slice){0});
    ot_builder_insert(&b, slice_str("abc"), 3, (struct slice){0});
    ck_assert_int_eq(ot_builder_finish(&b, &op), 0);
    typing_foreign(&t, &op);
    ck_assert_uint_eq(t.cursor, 102);
}
END_TEST

START_TEST(short_documents)
{
    struct typing t;

    for (uint64_t units = 1; units < 60; units++) {
        typing_init(&t, units);
        for (unsigned i = 0; i < 300; i++) {
            struct ot_op op;
            ck_assert_int_eq(typing_next(&t, units, &mem, &op), 0);
            /* Nothing behind the newline, and no deletion below the least size. */
            ck_assert_uint_lt(op.units_in, units);
            ck_assert_uint_ge(op.units_out, op.units_in);
        }
        arena_reset(&mem);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("load_typing");
    TCase *tc = tcase_create("load_typing");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, content_is_large_and_ends_in_a_newline);
    tcase_add_test(tc, shares_and_size_are_as_promised);
    tcase_add_test(tc, equal_seeds_type_equally);
    tcase_add_test(tc, the_cursor_stays_with_its_text);
    tcase_add_test(tc, short_documents);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
