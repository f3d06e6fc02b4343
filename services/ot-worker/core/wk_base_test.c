/* Ops on a base that is far back, ahead of ours, or nowhere in the history. */
#include "ot_codec.h"
#include "wk_cases_test.h"
#include "wk_fake_test.h"

static struct fake f;

/* Many components over many revisions: composed in blocks, to the same result (the law). */
START_TEST(a_large_op_is_transformed_over_composed_runs_with_the_same_result)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);
    struct ot_builder b;
    struct ot_op small, large;
    struct arena mem;
    struct doc *expected;

    fake_type(&f, a, 1, 0,
              "0123456789012345678901234567890123456789012345678901234567890123456789");
    fake_settle(&f);
    struct chain_position base = fake_head(&f, FAKE_DOC);
    ot_builder_init(&b, &f.mem);
    for (unsigned i = 0; i < 34; i++) {
        ot_builder_retain(&b, 1, (struct slice){0});
        ot_builder_insert(&b, slice_str("L"), 1, (struct slice){0});
        ot_builder_delete(&b, 1);
    }
    ck_assert_int_eq(ot_builder_finish(&b, &large), 0);
    struct bytes body = BYTES_INIT;
    ot_encode(&large, &body);
    for (uint64_t seq = 2; seq <= 600; seq++) {
        uint64_t at = rng_below(&f.rng, 60);
        struct slice op = seq % 3 ? fake_insert(&f, at, "i") : fake_delete(&f, at, 2);
        fake_submit(&f, a, seq, fake_head(&f, FAKE_DOC), WIRE_KIND_EDIT, op);
        fake_settle(&f);
    }
    /* The judge: one revision after the other. */
    arena_init(&mem, 256u << 20);
    expected = store_judge(&f.store, FAKE_DOC);
    struct store_doc *stored = store_doc(&f.store, FAKE_DOC);
    for (size_t i = 2; i < stored->log_count; i++) {
        struct wire_entry entry;
        ck_assert_int_eq(wire_entry_decode(&mem, bytes_slice(&stored->log[i].payload), &entry), 0);
        for (size_t n = 0; n < entry.count; n++) {
            ck_assert_int_eq(ot_decode(&mem, entry.records[n].body, &ot_limits_stored, &small), 0);
            struct ot_op after;
            ck_assert_int_eq(ot_transform(&mem, &small, &large, true, &after), 0);
            large = after;
        }
    }
    struct bytes judged = BYTES_INIT;
    ot_encode(&large, &judged);
    fake_skip(&f);
    uint64_t c = fake_join(&f, 2, FAKE_DOC, 2);
    fake_submit(&f, c, 1, base, WIRE_KIND_EDIT, bytes_slice(&body));
    fake_settle(&f);
    struct wire_client_entry entry = fake_expect_entry(&f, 2);
    ck_assert(slice_equal(entry.records[0].body, bytes_slice(&judged)));
    bytes_fini(&body);
    bytes_fini(&judged);
    doc_free(expected);
    arena_fini(&mem);
}
END_TEST

START_TEST(a_base_that_is_nowhere_is_refused_after_a_look_and_a_close)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);
    struct wire_session session = fake_session(&f, 1);
    struct chain_position ahead = fake_head(&f, FAKE_DOC);

    ahead.rev = 5;
    fake_submit(&f, a, 1, ahead, WIRE_KIND_EDIT, fake_insert(&f, 0, "x"));
    fake_land(&f, STORAGE_READ);
    fake_expect_none(&f);
    fake_land(&f, STORAGE_APPEND);
    ck_assert(fake_closed(&f, FAKE_DOC, &session));
    ck_assert_uint_eq(fake_expect_refused(&f, a, 1, WIRE_E_BAD_BASE), 1);
}
END_TEST

START_TEST(a_base_ahead_of_ours_may_be_news)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);

    fake_run(&f, 7500);
    fake_other(&f, FAKE_DOC, 7, 1, fake_insert(&f, 0, "o"));
    fake_type(&f, a, 1, 1, "x"); /* based on what we have not seen */
    fake_settle(&f);
    fake_expect_entry(&f, 1);
    ck_assert_uint_eq(fake_expect_entry(&f, 1).last_rev, 3);
    ck_assert_str_eq(fake_text(&f, FAKE_DOC), "ox\n");
}
END_TEST

START_TEST(there_is_no_text_at_revision_0_to_base_an_op_on)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);

    fake_submit(&f, a, 1, chain_position_start(FAKE_DOC), WIRE_KIND_EDIT, fake_insert(&f, 0, "x"));
    fake_settle(&f);
    fake_expect_refused(&f, a, 1, WIRE_E_BAD_BASE);
}
END_TEST

START_TEST(a_look_that_fails_decides_nothing)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);
    struct chain_position ahead = fake_head(&f, FAKE_DOC);

    ahead.rev = 5;
    f.redis_down = true;
    fake_submit(&f, a, 1, ahead, WIRE_KIND_EDIT, fake_insert(&f, 0, "x"));
    fake_run(&f, 1500);
    fake_expect_none(&f);
    ck_assert_uint_lt(f.store.calls[STORAGE_READ], 50); /* nor is it tried without pause */
    f.redis_down = false;
    fake_run(&f, 2000);
    fake_expect_refused(&f, a, 1, WIRE_E_BAD_BASE);
}
END_TEST

static void setup(void)
{
    fake_start(&f, NULL);
}

static void teardown(void)
{
    fake_stop(&f);
}

TCase *wk_base_cases(void)
{
    TCase *tc = tcase_create("base");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_large_op_is_transformed_over_composed_runs_with_the_same_result);
    tcase_add_test(tc, a_base_that_is_nowhere_is_refused_after_a_look_and_a_close);
    tcase_add_test(tc, a_base_ahead_of_ours_may_be_news);
    tcase_add_test(tc, there_is_no_text_at_revision_0_to_base_an_op_on);
    tcase_add_test(tc, a_look_that_fails_decides_nothing);
    return tc;
}
