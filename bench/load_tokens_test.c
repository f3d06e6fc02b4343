#include "load_tokens.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load_typing.h"
#include "ot_rope.h"

static struct arena mem;

static void setup(void)
{
    arena_init(&mem, 1 << 24);
}

static void teardown(void)
{
    arena_fini(&mem);
}

struct list {
    unsigned count;
    uint64_t editors[8], numbers[8];
};

static void found(void *ctx, uint64_t editor, uint64_t number)
{
    struct list *list = ctx;

    ck_assert_uint_lt(list->count, 8);
    list->editors[list->count] = editor;
    list->numbers[list->count++] = number;
}

START_TEST(tokens_are_found)
{
    struct list list = {0};

    ck_assert(tokens_scan(slice_str("ab{0.0}\xe2\x82\xac{k3.1a}{zzzzzzzzzzzz.9}"), found, &list));
    ck_assert_uint_eq(list.count, 3);
    ck_assert_uint_eq(list.editors[0], 0);
    ck_assert_uint_eq(list.numbers[0], 0);
    ck_assert_uint_eq(list.editors[1], 723);
    ck_assert_uint_eq(list.numbers[1], 46);
    ck_assert_uint_eq(list.editors[2], 4738381338321616895u);
    ck_assert(tokens_scan(slice_str(""), found, &list));
}
END_TEST

START_TEST(torn_tokens_are_found_out)
{
    static const char *const bad[] = {
        "{",    "}",    "{1",  "{1.",        "{1.2",   "{1.2 ",
        "{.2}", "{1.}", "{1}", "{1.2{3.4}}", "a{1.A}", "{11111111111111.1}",
        "x}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct list list = {0};
        ck_assert_msg(!tokens_scan(slice_str(bad[i]), found, &list), "%s", bad[i]);
    }
}
END_TEST

/* ---- many writers on one text --------------------------------------------------------------- */

#define WRITERS 4
#define ROUNDS 400

struct writer {
    struct tokens_places places;
    struct ot_rope *rope;
    struct ot_op op;
    uint64_t edits;
};

static unsigned counts[WRITERS][ROUNDS];

static void count(void *ctx, uint64_t editor, uint64_t number)
{
    ck_assert_uint_lt(editor, WRITERS);
    ck_assert_uint_lt(number, ROUNDS);
    counts[editor][number]++;
}

static void apply(struct writer *w, const struct ot_op *op, bool foreign)
{
    ck_assert_int_eq(ot_rope_check(w->rope, op, true), 0);
    ck_assert_int_eq(ot_rope_apply(w->rope, op), 0);
    if (foreign)
        tokens_places_foreign(&w->places, op);
}

/*
 * All of them type at once on the same text; the first one's op comes first in the history, and so
 * on. Each applies its own, then the others' over what it has.
 */
static void round_play(struct writer *writers, struct rng *rng)
{
    for (unsigned i = 0; i < WRITERS; i++) {
        struct writer *w = &writers[i];
        ck_assert_int_eq(tokens_insert(&w->places, rng, i, w->edits++, &mem, &w->op), 0);
        apply(w, &w->op, false);
    }
    struct ot_op history[WRITERS];
    for (unsigned i = 0; i < WRITERS; i++) {
        history[i] = writers[i].op;
        for (unsigned j = 0; j < i; j++)
            ck_assert_int_eq(ot_transform(&mem, &history[j], &history[i], true, &history[i]), 0);
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        struct ot_op own = writers[i].op;
        for (unsigned j = 0; j < WRITERS; j++) {
            struct ot_op theirs, mine;
            if (j == i)
                continue;
            if (j > i) {
                apply(&writers[i], &history[j], true);
                continue;
            }
            ck_assert_int_eq(ot_transform(&mem, &own, &history[j], false, &theirs), 0);
            ck_assert_int_eq(ot_transform(&mem, &history[j], &own, true, &mine), 0);
            apply(&writers[i], &theirs, true);
            own = mine;
        }
    }
}

START_TEST(nobody_tears_anothers_token)
{
    struct ot_attrs_table *table = ot_attrs_table_new(1 << 20);
    struct writer writers[WRITERS] = {0};
    struct bytes text = BYTES_INIT;
    struct ot_op content;
    struct rng rng;

    rng_init(&rng, 11);
    ck_assert_int_eq(typing_content(&rng, TYPING_UNITS_MIN, &mem, &content), 0);
    for (unsigned i = 0; i < WRITERS; i++) {
        writers[i].rope = ot_rope_new(table);
        ck_assert_int_eq(ot_rope_apply(writers[i].rope, &content), 0);
        tokens_places_init(&writers[i].places, &rng, ot_rope_units(writers[i].rope));
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
        if (round % 50 == 49)
            tokens_places_reset(&writers[round % WRITERS].places,
                                ot_rope_units(writers[round % WRITERS].rope));
        round_play(writers, &rng);
        arena_reset(&mem);
    }
    for (unsigned i = 1; i < WRITERS; i++)
        ck_assert(ot_rope_equal(writers[i].rope, writers[0].rope));
    ot_rope_text(writers[0].rope, &text);
    ck_assert(tokens_scan(bytes_slice(&text), count, NULL));
    for (unsigned i = 0; i < WRITERS; i++)
        for (unsigned n = 0; n < ROUNDS; n++)
            ck_assert_uint_eq(counts[i][n], 1);
    for (unsigned i = 0; i < WRITERS; i++)
        ot_rope_free(writers[i].rope);
    bytes_fini(&text);
    ot_attrs_table_free(table);
}
END_TEST

/* After a resync nothing is known of the text but its ends. */
START_TEST(places_begin_anew_at_the_ends)
{
    struct tokens_places places;
    struct ot_op op;
    struct rng rng;

    rng_init(&rng, 5);
    for (unsigned i = 0; i < 100; i++) {
        tokens_places_reset(&places, 12); /* {0.0}{0.1}x and a newline */
        ck_assert_int_eq(tokens_insert(&places, &rng, 1, i, &mem, &op), 0);
        ck_assert(op.units_in == 0 || op.units_in == 11);
    }
    tokens_places_reset(&places, 0);
    ck_assert_int_eq(tokens_insert(&places, &rng, 1, 0, &mem, &op), 0);
    ck_assert_uint_eq(op.units_in, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("load_tokens");
    TCase *tc = tcase_create("load_tokens");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, tokens_are_found);
    tcase_add_test(tc, torn_tokens_are_found_out);
    tcase_add_test(tc, places_begin_anew_at_the_ends);
    tcase_add_test(tc, nobody_tears_anothers_token);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
