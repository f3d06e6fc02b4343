/* The rope against a document by stupidity, after every op. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "ot_naive.h"
#include "ot_rope.h"

static const struct naive_mix mix = {
    .comps_max = 6, .length_max = 40, .attrs = true, .embeds = true};

/* The rope as an op, applied to an empty naive document, must be the naive document. */
static void compare(const struct ot_rope *rope, const struct naive *doc, uint64_t seed)
{
    struct arena mem;
    struct ot_op op;
    struct naive back = {0};

    arena_init(&mem, 64u << 20);
    ot_rope_verify(rope);
    ck_assert_int_eq(ot_rope_to_op(rope, &mem, &op), 0);
    ck_assert_int_eq(naive_apply(&back, &op), 0);
    ck_assert_msg(naive_equal(&back, doc), "seed %llu", (unsigned long long)seed);
    naive_fini(&back);
    arena_fini(&mem);
}

static void session(uint64_t seed, unsigned units, unsigned steps)
{
    struct ot_attrs_table *table = ot_attrs_table_new(1u << 20);
    struct ot_rope *rope = ot_rope_new(table), *other = ot_rope_new(table);
    struct naive doc = {0};
    struct rng rng;
    struct arena mem;
    struct ot_op op, undo;

    rng_init(&rng, seed);
    arena_init(&mem, 64u << 20);
    naive_random_document(&rng, &mem, units, &mix, &op);
    ck_assert_int_eq(ot_rope_apply(rope, &op), 0);
    ck_assert_int_eq(naive_apply(&doc, &op), 0);
    for (unsigned i = 0; i < steps; i++) {
        arena_reset(&mem);
        naive_random_op(&rng, &mem, &doc, &mix, &op);
        ck_assert_int_eq(ot_rope_check(rope, &op, false), 0);
        ck_assert_int_eq(ot_rope_invert(rope, &op, &mem, &undo), 0);
        ck_assert_int_eq(ot_rope_apply(rope, &op), 0);
        if (rng_percent(&rng, 20)) {
            ck_assert_int_eq(ot_rope_apply(rope, &undo), 0);
            compare(rope, &doc, seed);
            ck_assert_int_eq(ot_rope_apply(rope, &op), 0);
        }
        ck_assert_int_eq(naive_apply(&doc, &op), 0);
        compare(rope, &doc, seed);
    }
    arena_reset(&mem);
    ck_assert_int_eq(ot_rope_to_op(rope, &mem, &op), 0);
    ck_assert_int_eq(ot_rope_apply(other, &op), 0);
    ck_assert(ot_rope_equal(rope, other));
    naive_fini(&doc);
    arena_fini(&mem);
    ot_rope_free(rope);
    ot_rope_free(other);
    ot_attrs_table_free(table);
}

START_TEST(follows_the_naive_document)
{
    for (uint64_t seed = 1; seed <= 60; seed++)
        session(seed, (unsigned)(seed * 7 % 200), 60);
    for (uint64_t seed = 100; seed <= 106; seed++)
        session(seed, 3000, 100);
}
END_TEST

START_TEST(refuses_without_a_change)
{
    struct ot_attrs_table *table = ot_attrs_table_new(1u << 20);
    struct ot_rope *rope = ot_rope_new(table), *before = ot_rope_new(table);
    struct arena mem;
    struct ot_builder b;
    struct ot_op op;

    arena_init(&mem, 1u << 20);
    ot_builder_init(&b, &mem);
    ot_builder_insert(&b, slice_str("a\xf0\x9f\x98\x81z\n"), 5, (struct slice){0});
    ck_assert_int_eq(ot_builder_finish(&b, &op), 0);
    ck_assert_int_eq(ot_rope_apply(rope, &op), 0);
    ck_assert_int_eq(ot_rope_apply(before, &op), 0);
    static const struct {
        uint32_t retain, remove;
        int outcome;
    } cases[] = {{2, 1, OT_CUTS_PAIR},
                 {1, 1, OT_CUTS_PAIR},
                 {4, 2, OT_TOO_LONG},
                 {4, 1, OT_BREAKS_NEWLINE},
                 {1, 2, 0},
                 {0, 4, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ot_builder_init(&b, &mem);
        ot_builder_retain(&b, cases[i].retain, (struct slice){0});
        ot_builder_delete(&b, cases[i].remove);
        ck_assert_int_eq(ot_builder_finish(&b, &op), 0);
        ck_assert_int_eq(ot_rope_check(rope, &op, true), cases[i].outcome);
        ck_assert(ot_rope_equal(rope, before));
    }
    ot_builder_init(&b, &mem);
    ot_builder_retain(&b, 5, (struct slice){0});
    ot_builder_insert(&b, slice_str("x"), 1, (struct slice){0});
    ck_assert_int_eq(ot_builder_finish(&b, &op), 0);
    ck_assert_int_eq(ot_rope_check(rope, &op, true), OT_BREAKS_NEWLINE);
    ck_assert_int_eq(ot_rope_check(rope, &op, false), 0);
    arena_fini(&mem);
    ot_rope_free(rope);
    ot_rope_free(before);
    ot_attrs_table_free(table);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rope");
    TCase *tc = tcase_create("rope");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, follows_the_naive_document);
    tcase_add_test(tc, refuses_without_a_change);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
