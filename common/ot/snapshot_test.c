/*
 * Snapshots of a rope against copies of a document by stupidity: while ops are applied, while
 * memory fails; every edit at every border of leaves; what a snapshot costs. WEFT_SEED=<seed>
 * WEFT_CASES=1 replays a session, WEFT_SWEEP=n runs n times as many.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>

#include "fail_test.h"
#include "session_test.h"

#define INNER_BYTES_MAX 256
#define LEAF_BYTES_MAX 1040
#define COPIES_MAX 64 /* allocations of a large delete: inner nodes, borders, some more */

static void compare_all(struct session *s)
{
    arena_reset(&s->mem);
    session_compare(s, s->rope, &s->doc);
    for (unsigned i = 0; i < SESSION_READERS; i++)
        if (s->readers[i].snapshot)
            session_compare(s, s->readers[i].snapshot, &s->readers[i].then);
}

static void step(struct session *s)
{
    struct reader *r = &s->readers[rng_below(&s->rng, SESSION_READERS)];
    struct ot_op op;

    if (rng_percent(&s->rng, 30)) {
        if (r->snapshot)
            reader_end(r);
        else
            reader_begin(s, r);
    }
    arena_reset(&s->mem);
    naive_random_op(&s->rng, &s->mem, &s->doc, &s->mix, &op);
    EXPECT(s, ot_rope_apply(s->rope, &op) == 0 && naive_apply(&s->doc, &op) == 0);
}

START_TEST(test_snapshots_stay)
{
    uint64_t seed = env_number("WEFT_SEED", 7001);
    uint64_t cases = env_number("WEFT_CASES", 40 * env_number("WEFT_SWEEP", 1));

    printf("snapshots: %lu sessions from seed %lu\n", cases, seed);
    for (uint64_t i = 0; i < cases; i++) {
        struct session s;
        bool large = (seed + i) % 4 == 0;
        session_begin(&s, seed + i, large ? 12000 : (unsigned)((seed + i) * 37 % 900));
        if (rng_percent(&s.rng, 30))
            s.mix.comps_max = 300;
        for (unsigned n = 0; n < 60; n++) {
            step(&s);
            if (!large || n % 12 == 0)
                compare_all(&s);
        }
        compare_all(&s);
        session_end(&s);
    }
}
END_TEST

/* Read bit by bit, with edits of the document between any two runs. */
START_TEST(test_iterators_outlive_edits)
{
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct session s;
        struct ot_rope_iter iter;
        struct bytes text = BYTES_INIT, want = BYTES_INIT;
        struct ot_run run;
        struct ot_op op;
        unsigned edits = 0;
        session_begin(&s, seed, 6000);
        reader_begin(&s, &s.readers[0]);
        ot_rope_text(s.readers[0].snapshot, &want);
        ot_rope_iter_init(&iter, s.readers[0].snapshot);
        while (ot_rope_iter_next(&iter, &run)) {
            bytes_append_slice(&text, run.embed ? slice_str("\xef\xbf\xbc") : run.content);
            if (edits++ % 4)
                continue;
            arena_reset(&s.mem);
            naive_random_op(&s.rng, &s.mem, &s.doc, &s.mix, &op);
            EXPECT(&s, ot_rope_apply(s.rope, &op) == 0 && naive_apply(&s.doc, &op) == 0);
        }
        EXPECT(&s, edits > 4 && slice_equal(bytes_slice(&text), bytes_slice(&want)));
        compare_all(&s);
        bytes_fini(&text);
        bytes_fini(&want);
        session_end(&s);
    }
}
END_TEST

/* A step that fails changes neither the document nor a snapshot. */
START_TEST(test_memory_fails_anywhere)
{
    uint64_t failures = 0;

    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct session s;
        struct ot_op op;
        session_begin(&s, seed, (unsigned)(seed * 97 % 4000));
        naive_random_op(&s.rng, &s.mem, &s.doc, &s.mix, &op);
        reader_begin(&s, &s.readers[0]);
        for (uint64_t n = 0;; n++) {
            allocations_left = n;
            int r = ot_rope_apply(s.rope, &op);
            allocations_left = UINT64_MAX;
            if (r == 0)
                break;
            failures++;
            EXPECT(&s, r == -ENOMEM);
            session_compare(&s, s.rope, &s.doc);
            session_compare(&s, s.readers[0].snapshot, &s.readers[0].then);
        }
        EXPECT(&s, naive_apply(&s.doc, &op) == 0);
        session_compare(&s, s.rope, &s.doc);
        session_compare(&s, s.readers[0].snapshot, &s.readers[0].then);
        allocations_left = 0;
        EXPECT(&s, !ot_rope_snapshot(s.rope));
        allocations_left = UINT64_MAX;
        session_end(&s);
    }
    ck_assert_uint_gt(failures, 200);
}
END_TEST

/* --- everything at the borders of leaves --- */

static void edit_make(struct session *s, uint64_t index, uint64_t remove, uint64_t insert,
                      bool bold, struct ot_op *ret)
{
    static const uint8_t list[] = {1, 'b', 4, 't', 'r', 'u', 'e'};
    struct slice text = slice_of(memset(arena_alloc(&s->mem, insert + 1), 'x', insert + 1), insert);
    struct ot_builder b;

    ot_builder_init(&b, &s->mem);
    ot_builder_retain(&b, index, (struct slice){0});
    if (bold)
        ot_builder_retain(&b, remove, slice_of(list, sizeof list));
    else
        ot_builder_delete(&b, remove);
    ot_builder_insert(&b, text, (uint32_t)insert, (struct slice){0});
    EXPECT(s, ot_builder_finish(&b, ret) == 0);
}

/* What it takes of memory. */
static uint64_t edit(struct session *s, uint64_t index, uint64_t remove, uint64_t insert, bool bold)
{
    struct ot_op op;

    edit_make(s, index, remove, insert, bold, &op);
    size_t before = ot_rope_memory(s->rope);
    EXPECT(s, ot_rope_apply(s->rope, &op) == 0 && naive_apply(&s->doc, &op) == 0);
    return ot_rope_memory(s->rope) - before;
}

/* Typed at the end, as people do: leaves as full as that makes them. */
static void typed_begin(struct session *s, unsigned units)
{
    struct ot_op op;

    session_begin(s, units, 0);
    for (unsigned at = 0; at < units; at += 8) {
        edit_make(s, at, 0, 8, false, &op);
        EXPECT(s, ot_rope_apply(s->rope, &op) == 0);
    }
    edit_make(s, 0, 0, ot_rope_units(s->rope), false, &op);
    EXPECT(s, naive_apply(&s->doc, &op) == 0);
    arena_reset(&s->mem);
}

/* Deletes, formats and inserts between any two places beside borders of leaves, on documents of
 * one to four leaves; each beside a snapshot that stays. */
static uint64_t borders_case(unsigned units, uint64_t from, uint64_t to, unsigned what)
{
    static const uint64_t inserts[] = {0, 1, 200, 3000};
    struct session s;

    typed_begin(&s, units);
    reader_begin(&s, &s.readers[0]);
    edit(&s, from, to - from, inserts[what & 3], what & 4);
    compare_all(&s);
    session_end(&s);
    return 1;
}

/* The ends of the document and the units beside borders of leaves. Runs of one list end there. */
static unsigned places_find(unsigned units, uint64_t places[static 16])
{
    struct session s;
    struct ot_rope_iter iter;
    struct ot_run run;
    unsigned count = 0;

    typed_begin(&s, units);
    places[count++] = 0;
    ot_rope_iter_init(&iter, s.rope);
    while (ot_rope_iter_next(&iter, &run) && iter.index < units) {
        for (int beside = -1; beside <= 1; beside++)
            places[count++] = iter.index + (uint64_t)(int64_t)beside;
        ck_assert_uint_lt(count, 16);
    }
    places[count++] = units;
    session_end(&s);
    return count;
}

START_TEST(test_every_edit_at_borders)
{
    uint64_t cases = 0, places[16];

    for (unsigned units = 800; units <= 3600; units += 900) {
        unsigned count = places_find(units, places);
        ck_assert_uint_ge(count, 2 + units / 1000 * 3);
        for (unsigned i = 0; i < count; i++)
            for (unsigned j = i; j < count; j++)
                for (unsigned what = 0; what < 8; what++)
                    if (i < j || what & 3)
                        cases += borders_case(units, places[i], places[j], what);
    }
    printf("snapshots: %lu edits at borders\n", cases);
    ck_assert_uint_gt(cases, 900);
}
END_TEST

/* --- what it costs --- */

/* A snapshot costs a struct, the first key behind it the way to its leaf, the next there nothing.
 */
START_TEST(test_costs_what_changed)
{
    struct session s;

    typed_begin(&s, 100000);
    size_t alone = ot_rope_memory(s.rope);
    reader_begin(&s, &s.readers[0]);
    ck_assert_uint_le(ot_rope_memory(s.rope) - alone, 256);
    uint64_t first = edit(&s, 50000, 0, 1, false);
    ck_assert_uint_gt(first, 512);
    ck_assert_uint_le(first, 2 * LEAF_BYTES_MAX + 3 * INNER_BYTES_MAX); /* beside a border: two */
    ck_assert_uint_eq(edit(&s, 50001, 0, 1, false), 0);
    reader_begin(&s, &s.readers[1]);
    ck_assert_uint_gt(edit(&s, 50002, 0, 1, false), 512);
    reader_end(&s.readers[0]);
    compare_all(&s);
    reader_end(&s.readers[1]);
    /* The first key divided a full leaf; verify() tells that nothing else is left. */
    ck_assert_uint_le(ot_rope_memory(s.rope), alone + LEAF_BYTES_MAX);
    session_end(&s);
}
END_TEST

/* Leaves that go as a whole are not copied first. */
START_TEST(test_large_delete_copies_ends)
{
    struct session s;

    typed_begin(&s, 100000);
    ck_assert_uint_gt(ot_rope_memory(s.rope), COPIES_MAX * LEAF_BYTES_MAX * 3 / 2);
    reader_begin(&s, &s.readers[0]);
    allocations_left = COPIES_MAX;
    edit(&s, 1500, 97000, 1, false);
    allocations_left = UINT64_MAX;
    compare_all(&s);
    reader_end(&s.readers[0]);
    compare_all(&s);
    session_end(&s);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("snapshot");
    TCase *tcase = tcase_create("snapshot");
    SRunner *runner = srunner_create(suite);

    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, test_snapshots_stay);
    tcase_add_test(tcase, test_iterators_outlive_edits);
    tcase_add_test(tcase, test_memory_fails_anywhere);
    tcase_add_test(tcase, test_every_edit_at_borders);
    tcase_add_test(tcase, test_costs_what_changed);
    tcase_add_test(tcase, test_large_delete_copies_ends);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
