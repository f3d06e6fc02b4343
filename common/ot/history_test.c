/*
 * The history against stupidity: ops folded from left to right, and transformed over one by one. By
 * associativity and the composition law both must agree component by component, whatever is cached,
 * forgotten, cut or refused memory.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "fail_test.h"
#include "ot_codec.h"
#include "ot_history.h"
#include "ot_naive.h"
#include "seed_test.h"

#define OPS_MAX 2000

struct fixture {
    uint64_t seed;
    struct rng rng;
    struct arena mem, scratch;
    struct naive_mix mix;
    struct ot_history *history;
    uint64_t first;
    struct naive *versions[OPS_MAX + 1]; /* owned; only of every 50th */
    struct naive doc;                    /* behind the last op */
    struct ot_op ops[OPS_MAX];
    struct slice forms[OPS_MAX]; /* the same in binary form */
    size_t count;
};

static struct slice encoded(struct fixture *f, const struct ot_op *op)
{
    struct bytes out = BYTES_INIT;

    ot_encode(op, &out);
    uint8_t *kept = arena_copy(&f->mem, out.data, out.size);
    struct slice form = slice_of(kept, out.size);
    EXPECT(f, kept && !out.failed);
    bytes_fini(&out);
    return form;
}

static void push(struct fixture *f)
{
    EXPECT(f, ot_history_push(f->history, f->forms[f->count]) == 0);
    f->count++;
}

/* One more random op; now and then one that changes nothing. */
static void grow(struct fixture *f)
{
    struct ot_op *op = &f->ops[f->count];

    if (f->count % 50 == 0) {
        f->versions[f->count] = calloc(1, sizeof(struct naive));
        naive_copy(f->versions[f->count], &f->doc);
    }
    *op = OT_IDENTITY;
    if (!rng_percent(&f->rng, 5))
        naive_random_op(&f->rng, &f->mem, &f->doc, &f->mix, op);
    EXPECT(f, naive_apply(&f->doc, op) == 0);
    f->forms[f->count] = encoded(f, op);
    push(f);
}

static struct fixture *fixture_new(uint64_t seed, uint64_t first, size_t count, size_t run_bytes)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct ot_op content;

    f->seed = seed;
    f->first = first;
    rng_init(&f->rng, seed);
    arena_init(&f->mem, SIZE_MAX);
    arena_init(&f->scratch, SIZE_MAX);
    f->mix = (struct naive_mix){.comps_max = 1 + seed % 4,
                                .length_max = 1 + seed % 3,
                                .attrs = seed % 2,
                                .embeds = seed % 5 == 0};
    naive_random_document(&f->rng, &f->mem, 20, &f->mix, &content);
    EXPECT(f, naive_apply(&f->doc, &content) == 0);
    f->history = ot_history_new(run_bytes);
    ot_history_reset(f->history, first);
    while (f->count < count)
        grow(f);
    return f;
}

static void fixture_free(struct fixture *f)
{
    ot_history_verify(f->history);
    ot_history_free(f->history);
    for (size_t i = 0; i <= OPS_MAX; i++) {
        if (f->versions[i])
            naive_fini(f->versions[i]);
        free(f->versions[i]);
    }
    naive_fini(&f->doc);
    arena_fini(&f->mem);
    arena_fini(&f->scratch);
    free(f);
}

static void same_as(struct fixture *f, struct slice form, const struct ot_op *want, size_t from,
                    size_t to)
{
    struct ot_op got;

    EXPECT(f, ot_decode(&f->scratch, form, &ot_limits_stored, &got) == 0);
    if (!ot_op_equal(&got, want))
        ck_abort_msg("seed %lu: ops %zu to %zu: %s", f->seed, from, to, naive_describe(&got));
}

/* All stretches that begin at `from` and end at each `step`-th op behind it. */
static void check_from(struct fixture *f, size_t from, size_t step)
{
    struct ot_op fold = OT_IDENTITY;
    struct bytes out = BYTES_INIT;

    arena_reset(&f->scratch);
    for (size_t to = from + 1; to <= f->count; to++) {
        EXPECT(f, ot_compose(&f->scratch, &fold, &f->ops[to - 1], &fold) == 0);
        if ((to - from) % step && to != f->count)
            continue;
        bytes_reset(&out);
        EXPECT(f, ot_history_compose(f->history, f->first + from, f->first + to, &out) == 0);
        same_as(f, bytes_slice(&out), &fold, from, to);
    }
    bytes_fini(&out);
    ot_history_verify(f->history);
}

START_TEST(all_stretches_of_a_short_one)
{
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct fixture *f = fixture_new(seed, 61 * seed, 150, 1 << 20);
        for (size_t from = 0; from < f->count; from++)
            check_from(f, from, 1);
        fixture_free(f);
    }
}
END_TEST

/* Long enough for three levels; with much room, with little, and with none. */
START_TEST(stretches_of_a_long_one)
{
    static const size_t room[] = {1 << 22, 3000, 0};

    for (size_t i = 0; i < 3; i++) {
        struct fixture *f = fixture_new(10 + i, 1000 * i + 7, 1500, room[i]);
        for (size_t from = 0; from < f->count; from += 131)
            check_from(f, from, 89);
        ck_assert_uint_le(ot_history_run_bytes(f->history), room[i]);
        ck_assert(i != 0 || ot_history_run_bytes(f->history) > 3000);
        fixture_free(f);
    }
}
END_TEST

/* --- transform --- */

/* An op made on version `from`, rewritten by the history and over each op in turn. */
static void check_late(struct fixture *f, size_t from)
{
    struct ot_op late, step, got;
    struct arena mem;

    naive_random_op(&f->rng, &f->mem, f->versions[from], &f->mix, &late);
    arena_reset(&f->scratch);
    step = late;
    for (size_t i = from; i < f->count; i++)
        EXPECT(f, ot_transform(&f->scratch, &f->ops[i], &step, true, &step) == 0);
    arena_init(&mem, SIZE_MAX);
    for (int again = 0; again < 3; again++) { /* parts; then the answer, composed and kept */
        got = late;
        EXPECT(f, ot_history_transform(f->history, f->first + from, &got, &mem, 1 << 20) == 0);
        EXPECT(f, ot_op_equal(&got, &step));
        ot_history_verify(f->history);
    }
    arena_fini(&mem);
}

START_TEST(late_ops_land_where_step_by_step_would)
{
    for (uint64_t seed = 20; seed < 26; seed++) {
        struct fixture *f = fixture_new(seed, seed, 700, seed % 2 ? 1 << 20 : 2000);
        if (seed % 3 == 0)
            f->mix.comps_max = 60; /* an op of many components */
        for (size_t from = 0; from < f->count; from += 50)
            check_late(f, from);
        for (int i = 0; i < 100; i++)
            grow(f);        /* answers are of the past now */
        check_late(f, 650); /* which was asked for last, before */
        for (size_t from = 0; from < f->count; from += 100)
            check_late(f, from);
        fixture_free(f);
    }
}
END_TEST

START_TEST(an_op_may_not_grow_without_bound)
{
    static const uint8_t bold[] = {1, 'b', 1, '1'};
    struct fixture *f = fixture_new(31, 0, 0, 1 << 20);
    struct ot_builder b;
    struct ot_op op;
    struct arena mem;

    /* A format over text that others fill with inserts is cut at each of them. */
    for (int i = 0; i < 40; i++) {
        ot_builder_init(&b, &f->mem);
        for (int k = 0; k < 3000; k++) {
            ot_builder_retain(&b, 1, (struct slice){0});
            ot_builder_insert(&b, slice_str("x"), 1, (struct slice){0});
        }
        EXPECT(f, ot_builder_finish(&b, &f->ops[i]) == 0);
        f->forms[i] = encoded(f, &f->ops[i]);
        push(f);
    }
    arena_init(&mem, SIZE_MAX);
    for (int tight = 1; tight >= 0; tight--) {
        ot_builder_init(&b, &mem);
        ot_builder_retain(&b, 1000000, slice_of(bold, sizeof bold));
        EXPECT(f, ot_builder_finish(&b, &op) == 0);
        int r = ot_history_transform(f->history, 0, &op, &mem, tight ? 1000 : 8 << 20);
        ck_assert_int_eq(r, tight ? OT_TOO_LARGE : 0);
        arena_reset(&mem);
    }
    arena_fini(&mem);
    fixture_free(f);
}
END_TEST

/* --- cuts --- */

struct cutter {
    struct fixture *f;
    uint64_t next; /* the number that is to come */
    unsigned every;
    size_t parts;
    struct ot_op fold;
    size_t stop_at;
};

static bool cuts(void *ctx, uint64_t number)
{
    const struct cutter *c = ctx;

    return c->every && number % c->every == 0;
}

static int part(void *ctx, uint64_t from, uint64_t to, struct slice form, bool cut)
{
    struct cutter *c = ctx;
    struct fixture *f = c->f;
    struct ot_op op;

    EXPECT(f, from == c->next && to > from);
    EXPECT(f, cut == cuts(c, from) && (!cut || to == from + 1));
    for (uint64_t i = from; i < to; i++)
        EXPECT(f, cuts(c, i) == cut);
    form = slice_of(arena_copy(&f->scratch, form.data, form.size), form.size);
    EXPECT(f, ot_decode(&f->scratch, form, &ot_limits_stored, &op) == 0);
    EXPECT(f, ot_compose(&f->scratch, &c->fold, &op, &c->fold) == 0);
    c->next = to;
    return ++c->parts == c->stop_at ? 77 : 0;
}

START_TEST(a_walk_is_cut_where_it_is_asked_to)
{
    struct fixture *f = fixture_new(41, 5, 700, 1 << 20);

    for (unsigned every = 0; every < 300; every = every * 2 + 1) {
        struct cutter c = {.f = f, .next = 9, .every = every};
        struct ot_history_walk walk = {.ctx = &c, .cut = cuts, .part = part};
        struct bytes whole = BYTES_INIT;
        arena_reset(&f->scratch);
        EXPECT(f, ot_history_walk(f->history, 9, 700, &walk) == 0);
        EXPECT(f, c.next == 700);
        EXPECT(f, ot_history_compose(f->history, 9, 700, &whole) == 0);
        same_as(f, bytes_slice(&whole), &c.fold, 4, 695);
        c = (struct cutter){.f = f, .next = 9, .every = every, .stop_at = 1};
        EXPECT(f, ot_history_walk(f->history, 9, 700, &walk) == 77);
        EXPECT(f, c.parts == 1);
        EXPECT(f, ot_history_walk(f->history, 9, 9, &walk) == 0);
        bytes_fini(&whole);
    }
    fixture_free(f);
}
END_TEST

/* --- both ends move --- */

START_TEST(what_is_forgotten_is_gone)
{
    struct fixture *f = fixture_new(51, 0, 600, 1 << 20);
    size_t bytes;

    check_from(f, 0, 50);
    bytes = ot_history_bytes(f->history);
    /* The end was lost: others came in its place. */
    for (size_t end = 599; end > 100; end -= 83) {
        ot_history_truncate(f->history, end);
        EXPECT(f, ot_history_end(f->history) == end);
        f->count = end;
        ot_history_verify(f->history);
        naive_fini(&f->doc);
        size_t at = end - end % 50;
        naive_copy(&f->doc, f->versions[at]);
        for (; at < end; at++)
            EXPECT(f, naive_apply(&f->doc, &f->ops[at]) == 0);
        f->mix.comps_max = 2;
        for (size_t i = 0; i < 20; i++) {
            if (f->count % 50 == 0 && f->versions[f->count]) {
                naive_fini(f->versions[f->count]);
                free(f->versions[f->count]);
            }
            grow(f);
        }
        check_from(f, 0, 40);
        check_late(f, 50);
    }
    while (f->count < 600) {
        if (f->count % 50 == 0 && f->versions[f->count]) {
            naive_fini(f->versions[f->count]);
            free(f->versions[f->count]);
        }
        grow(f);
    }
    check_from(f, 0, 50);
    /* The start is dropped: one by one, and many at once. */
    for (size_t first = 1; first < 600; first += first < 130 ? 1 : 101) {
        ot_history_drop(f->history, first);
        EXPECT(f, ot_history_first(f->history) == first);
        ot_history_verify(f->history);
        check_from(f, first, 97);
    }
    ot_history_drop(f->history, 600);
    EXPECT(f, ot_history_first(f->history) == 600 && ot_history_end(f->history) == 600);
    EXPECT(f, ot_history_run_bytes(f->history) == 0);
    EXPECT(f, ot_history_bytes(f->history) < bytes / 2);
    ot_history_drop(f->history, 601); /* nothing there */
    ot_history_truncate(f->history, 601);
    EXPECT(f, ot_history_first(f->history) == 600 && ot_history_end(f->history) == 600);
    fixture_free(f);
}
END_TEST

/* 100,000 keystrokes are to fit in 10 MB with all their runs. */
START_TEST(keystrokes_cost_little_memory)
{
    struct ot_history *h = ot_history_new(8u << 20);
    struct rng rng;
    struct bytes form = BYTES_INIT;

    rng_init(&rng, 60);
    for (int scattered = 0; scattered < 2; scattered++) {
        ot_history_reset(h, 1);
        for (uint64_t i = 0; i < 100000; i++) {
            struct arena mem;
            struct ot_builder b;
            struct ot_op op;
            arena_init(&mem, 1 << 16);
            ot_builder_init(&b, &mem);
            ot_builder_retain(&b, scattered ? rng_below(&rng, i + 1) : i - i % 100 / 2,
                              (struct slice){0});
            ot_builder_insert(&b, slice_str("x"), 1, (struct slice){0});
            ck_assert_int_eq(ot_builder_finish(&b, &op), 0);
            bytes_reset(&form);
            ot_encode(&op, &form);
            if (ot_history_push(h, bytes_slice(&form)))
                ck_abort_msg("memory");
            arena_fini(&mem);
        }
        bytes_reset(&form);
        ck_assert_int_eq(ot_history_compose(h, 2, 100000, &form), 0);
        printf("100,000 %s keystrokes: %zu bytes, of these runs %zu\n",
               scattered ? "scattered" : "local", ot_history_bytes(h), ot_history_run_bytes(h));
        ck_assert_uint_lt(ot_history_bytes(h), 10000000);
        ot_history_verify(h);
    }
    bytes_fini(&form);
    ot_history_free(h);
}
END_TEST

/* --- memory that fails --- */

START_TEST(memory_fails_anywhere)
{
    uint64_t failures = 0;

    for (uint64_t seed = 70; seed < 76; seed++) {
        struct fixture *f = fixture_new(seed, seed, 400, seed % 2 ? 1 << 20 : 500);
        struct bytes out = BYTES_INIT;
        for (uint64_t n = 0;; n += 1 + n / 8) {
            struct arena mem;
            struct ot_op late = f->ops[0];
            struct slice form = f->forms[0];
            bytes_fini(&out);
            arena_init(&mem, SIZE_MAX);
            allocations_left = n;
            int r = ot_history_compose(f->history, seed + 3, seed + 395, &out);
            if (!r)
                r = ot_history_transform(f->history, seed, &late, &mem, 1 << 20);
            if (!r)
                r = ot_history_push(f->history, form);
            allocations_left = UINT64_MAX;
            arena_fini(&mem);
            ot_history_verify(f->history);
            if (r == 0)
                break;
            EXPECT(f, r == -ENOMEM && ot_history_end(f->history) == seed + 400);
            failures++;
        }
        ot_history_truncate(f->history, seed + 400);
        check_from(f, 0, 77);
        bytes_fini(&out);
        fixture_free(f);
    }
    ck_assert_uint_gt(failures, 60);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("history");
    TCase *tcase = tcase_create("history");
    SRunner *runner = srunner_create(suite);

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, all_stretches_of_a_short_one);
    tcase_add_test(tcase, stretches_of_a_long_one);
    tcase_add_test(tcase, late_ops_land_where_step_by_step_would);
    tcase_add_test(tcase, an_op_may_not_grow_without_bound);
    tcase_add_test(tcase, a_walk_is_cut_where_it_is_asked_to);
    tcase_add_test(tcase, what_is_forgotten_is_gone);
    tcase_add_test(tcase, keystrokes_cost_little_memory);
    tcase_add_test(tcase, memory_fails_anywhere);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
