/*
 * Appends that do not win, answers that are lost, tails that a failover loses, other workers: what
 * the chain says is what holds (I1, I2, I3).
 */
#include <stdio.h>
#include <stdlib.h>

#include "wk_cases_test.h"
#include "wk_fake_test.h"

static struct fake f;

static uint64_t appends(void)
{
    return f.store.calls[STORAGE_APPEND];
}

START_TEST(an_unknown_append_is_looked_for_before_anything_else)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1), b = fake_join(&f, 2, FAKE_DOC, 2);

    fake_type(&f, a, 1, 0, "x");
    fake_type(&f, b, 1, 0, "y");
    fake_land_lost(&f, STORAGE_APPEND);
    fake_expect_none(&f);
    fake_land(&f, STORAGE_READ); /* and nothing beside it */
    ck_assert_uint_eq(fake_expect_entry(&f, 1).last_rev, 2);
    fake_land(&f, STORAGE_APPEND);
    ck_assert_str_eq(fake_text(&f, FAKE_DOC), "xy\n");
    ck_assert_uint_eq(wk_core_counters(f.core)->appends_unknown, 1);
    ck_assert_uint_eq(wk_core_counters(f.core)->ops, 2);
}
END_TEST

START_TEST(an_unknown_append_that_did_not_land_goes_again_byte_for_byte)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);

    fake_type(&f, a, 1, 0, "x");
    struct chain_position first = fake_call(&f, STORAGE_APPEND)->position;
    fake_fail(&f, STORAGE_APPEND, STORAGE_UNKNOWN);
    f.now_ms += 1000; /* another time would be another entry */
    fake_land(&f, STORAGE_READ);
    ck_assert(chain_position_equal(&fake_call(&f, STORAGE_APPEND)->position, &first));
    fake_settle(&f);
    fake_expect_entry(&f, 1);
    ck_assert_str_eq(fake_text(&f, FAKE_DOC), "x\n");
    fake_expect_none(&f);
}
END_TEST

/* Of an append that lands late and its repetition one wins, and it is the same. */
START_TEST(an_unknown_append_that_lands_after_the_look_is_no_second_op)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);

    fake_type(&f, a, 1, 0, "x");
    struct storage_call *call = fake_call(&f, STORAGE_APPEND);
    struct storage_call late = *call;
    struct bytes payload = BYTES_INIT;
    bytes_append_slice(&payload, call->payload);
    late.payload = bytes_slice(&payload);
    fake_fail(&f, STORAGE_APPEND, STORAGE_UNKNOWN);
    fake_land(&f, STORAGE_READ);
    store_step(&f.store, &late);
    ck_assert_int_eq(late.result, STORAGE_OK);
    fake_land(&f, STORAGE_APPEND); /* refused */
    fake_settle(&f);
    fake_expect_entry(&f, 1);
    fake_expect_none(&f);
    ck_assert_str_eq(fake_text(&f, FAKE_DOC), "x\n");
    bytes_fini(&payload);
}
END_TEST

START_TEST(of_two_workers_one_append_wins_and_the_other_follows)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);
    uint64_t loads = wk_core_counters(f.core)->loads;

    fake_type(&f, a, 1, 0, "x");
    fake_other(&f, FAKE_DOC, 7, 1, fake_insert(&f, 0, "o"));
    fake_land(&f, STORAGE_APPEND);
    fake_settle(&f);
    struct wire_client_entry other = fake_expect_entry(&f, 1), own = fake_expect_entry(&f, 1);
    ck_assert_uint_eq(other.last_rev, 2);
    ck_assert_uint_eq(own.last_rev, 3);
    ck_assert_uint_eq(own.records[0].seq, 1);
    ck_assert_str_eq(fake_text(&f, FAKE_DOC), "ox\n");
    ck_assert_uint_gt(wk_core_counters(f.core)->loads, loads); /* our draft was no good */
    ck_assert_uint_eq(wk_core_counters(f.core)->appends_refused, 1);
    fake_expect_none(&f);
}
END_TEST

START_TEST(an_op_that_another_worker_admitted_is_not_admitted_again)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);
    struct slice op = fake_insert(&f, 0, "x");
    struct chain_position base = fake_head(&f, FAKE_DOC);

    fake_other(&f, FAKE_DOC, 1, 1, op);
    f.now_ms += 7; /* or both would make the same entry */
    fake_submit(&f, a, 1, base, WIRE_KIND_EDIT, op);
    fake_settle(&f);
    fake_expect_entry(&f, 1);
    ck_assert_uint_eq(fake_expect_accepted(&f, a, 1), 2);
    ck_assert_str_eq(fake_text(&f, FAKE_DOC), "x\n");
}
END_TEST

START_TEST(a_lost_tail_is_appended_again_one_entry_at_a_time)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);

    for (uint64_t seq = 1; seq <= 3; seq++) {
        fake_type(&f, a, seq, 0, "x");
        fake_settle(&f);
    }
    fake_skip(&f);
    struct chain_position head = fake_head(&f, FAKE_DOC);
    store_lose(&f.store, FAKE_DOC, 2);
    fake_run(&f, 300); /* tailing */
    struct chain_position again = fake_head(&f, FAKE_DOC);
    ck_assert(chain_position_equal(&head, &again));
    ck_assert_uint_eq(wk_core_counters(f.core)->reappended, 2);
    fake_expect_none(&f); /* nobody sees anything of it */
    fake_type(&f, a, 4, 0, "y");
    fake_settle(&f);
    ck_assert_str_eq(fake_text(&f, FAKE_DOC), "yxxx\n");
}
END_TEST

START_TEST(a_refused_append_with_an_ancestor_as_head_is_a_lost_tail)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);

    fake_type(&f, a, 1, 0, "x");
    fake_settle(&f);
    fake_skip(&f);
    fake_type(&f, a, 2, 0, "y");
    store_lose(&f.store, FAKE_DOC, 1);
    fake_land(&f, STORAGE_APPEND); /* refused */
    fake_land(&f, STORAGE_READ);
    ck_assert_uint_eq(fake_call(&f, STORAGE_APPEND)->first_rev, 2);
    fake_land(&f, STORAGE_APPEND);
    ck_assert_uint_eq(fake_call(&f, STORAGE_APPEND)->first_rev, 3);
    fake_land(&f, STORAGE_APPEND);
    ck_assert_uint_eq(fake_expect_entry(&f, 1).last_rev, 3);
    fake_expect_none(&f);
    ck_assert_str_eq(fake_text(&f, FAKE_DOC), "yx\n");
}
END_TEST

START_TEST(a_superseded_tail_goes_back_through_admission)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1), b = fake_join(&f, 2, FAKE_DOC, 2);
    struct chain_position base = fake_head(&f, FAKE_DOC);

    fake_submit(&f, a, 1, base, WIRE_KIND_EDIT, fake_insert(&f, 0, "a"));
    fake_settle(&f);
    fake_submit(&f, b, 1, base, WIRE_KIND_EDIT, fake_insert(&f, 0, "b"));
    fake_settle(&f);
    fake_skip(&f);
    /* A failover lost both, and another worker went on, with one of the ops and one of its own. */
    store_lose(&f.store, FAKE_DOC, 2);
    fake_other(&f, FAKE_DOC, 2, 1, fake_insert(&f, 0, "b"));
    fake_other(&f, FAKE_DOC, 7, 1, fake_insert(&f, 0, "o"));
    fake_run(&f, 300);
    ck_assert_uint_eq(f.events[WK_EVENT_TAIL_SUPERSEDED], 1);
    ck_assert_uint_eq(f.event_detail[WK_EVENT_TAIL_SUPERSEDED], 1);
    ck_assert_str_eq(fake_text(&f, FAKE_DOC), "oba\n");
    /* What they were shown is no history: they open again. */
    fake_expect(&f, 1, WIRE_TO_GATEWAY_DETACHED);
    fake_expect(&f, 2, WIRE_TO_GATEWAY_DETACHED);
}
END_TEST

START_TEST(a_told_refusal_is_made_good_in_whatever_history_survives)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1), b = fake_join(&f, 2, FAKE_DOC, 2);
    struct chain_position base = fake_head(&f, FAKE_DOC);
    struct wire_session session = fake_session(&f, 2);

    fake_submit(&f, b, 1, base, WIRE_KIND_EDIT, fake_insert(&f, 9, "b"));
    fake_settle(&f);
    fake_expect_refused(&f, b, 1, WIRE_E_OP_TOO_LONG);
    store_lose(&f.store, FAKE_DOC, 1);
    fake_other(&f, FAKE_DOC, 7, 1, fake_insert(&f, 0, "0123456789"));
    ck_assert(!fake_closed(&f, FAKE_DOC, &session));
    fake_run(&f, 300);
    ck_assert(fake_closed(&f, FAKE_DOC, &session));
    ck_assert_str_eq(fake_text(&f, FAKE_DOC), "0123456789\n");
    ck_assert_uint_gt(b, a);
}
END_TEST

/* An op whose refusal was told is not admitted where it would fit after all. */
START_TEST(a_told_gap_is_no_op_where_the_history_has_what_was_missing)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1), b = fake_join(&f, 2, FAKE_DOC, 2);
    struct wire_session session = fake_session(&f, 2);

    fake_type(&f, b, 2, 0, "b");
    fake_settle(&f);
    fake_expect_refused(&f, b, 2, WIRE_E_SEQ_GAP);
    store_lose(&f.store, FAKE_DOC, 1);
    fake_other(&f, FAKE_DOC, 2, 1, fake_insert(&f, 0, "o"));
    fake_run(&f, 300);
    ck_assert(fake_closed(&f, FAKE_DOC, &session));
    ck_assert_str_eq(fake_text(&f, FAKE_DOC), "o\n");
    ck_assert_uint_gt(b, a);
}
END_TEST

START_TEST(a_refusal_whose_record_lost_is_asked_anew)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);
    struct wire_session session = fake_session(&f, 1);

    fake_submit(&f, a, 1, fake_head(&f, FAKE_DOC), WIRE_KIND_EDIT, fake_insert(&f, 9, "x"));
    fake_other(&f, FAKE_DOC, 7, 1, fake_insert(&f, 0, "o"));
    fake_land(&f, STORAGE_APPEND); /* refused */
    fake_settle(&f);
    fake_expect_entry(&f, 1);
    fake_expect_refused(&f, a, 1, WIRE_E_OP_TOO_LONG);
    ck_assert(fake_closed(&f, FAKE_DOC, &session));
    ck_assert_uint_eq(fake_head(&f, FAKE_DOC).rev, 3);
}
END_TEST

START_TEST(an_unknown_append_that_landed_below_anothers_is_confirmed_once)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);

    fake_type(&f, a, 1, 0, "x");
    fake_land_lost(&f, STORAGE_APPEND);
    fake_other(&f, FAKE_DOC, 7, 1, fake_insert(&f, 0, "o"));
    fake_settle(&f);
    ck_assert_uint_eq(fake_expect_entry(&f, 1).last_rev, 2);
    ck_assert_uint_eq(fake_expect_entry(&f, 1).last_rev, 3);
    fake_expect_none(&f);
    ck_assert_uint_eq(wk_core_counters(f.core)->ops, 1);
    ck_assert_str_eq(fake_text(&f, FAKE_DOC), "ox\n");
}
END_TEST

START_TEST(a_closed_session_refuses_what_a_superseded_tail_had_of_it)
{
    fake_create(&f, 1, FAKE_DOC, 1);
    uint64_t b = fake_join(&f, 2, FAKE_DOC, 2);
    struct wire_record close = {.session = fake_session(&f, 2), .kind = WIRE_KIND_CLOSE};

    fake_type(&f, b, 1, 0, "b");
    fake_settle(&f);
    store_lose(&f.store, FAKE_DOC, 1);
    store_other(&f.store, FAKE_DOC, &close, 1, FAKE_EPOCH_MS + f.now_ms);
    fake_run(&f, 300);
    ck_assert_str_eq(fake_text(&f, FAKE_DOC), "\n");
    ck_assert_uint_eq(fake_head(&f, FAKE_DOC).rev, 2);
}
END_TEST

START_TEST(a_refusal_that_is_not_durable_is_not_told)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);
    struct wire_session session = fake_session(&f, 1);

    fake_submit(&f, a, 1, fake_head(&f, FAKE_DOC), WIRE_KIND_EDIT, fake_insert(&f, 9, "b"));
    fake_fail(&f, STORAGE_APPEND, STORAGE_UNKNOWN);
    fake_fail(&f, STORAGE_READ, STORAGE_DOWN);
    fake_expect_none(&f);
    fake_run(&f, 200);
    fake_expect_refused(&f, a, 1, WIRE_E_OP_TOO_LONG);
    ck_assert(fake_closed(&f, FAKE_DOC, &session));
}
END_TEST

START_TEST(three_refusals_with_nothing_new_quarantine_until_released)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);

    fake_type(&f, a, 1, 0, "x");
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_uint_eq(wk_core_gauges(f.core).quarantined, 0);
        fake_fail(&f, STORAGE_APPEND, STORAGE_REFUSED);
        fake_land(&f, STORAGE_READ);
    }
    ck_assert_uint_eq(wk_core_gauges(f.core).quarantined, 1);
    ck_assert_uint_eq(f.events[WK_EVENT_QUARANTINED], 1);
    fake_no_call(&f);
    fake_expect_refused(&f, a, 1, WIRE_E_QUARANTINED);
    uint64_t b = fake_open(&f, 2, fake_open_of(FAKE_DOC, 2));
    fake_expect_refused(&f, b, 0, WIRE_E_QUARANTINED);
    fake_type(&f, a, 1, 0, "x");
    fake_expect_refused(&f, a, 1, WIRE_E_QUARANTINED);
    ck_assert(!wk_core_release(f.core, slice_str("other")));
    ck_assert(wk_core_release(f.core, FAKE_DOC));
    ck_assert(!wk_core_release(f.core, FAKE_DOC));
    ck_assert_uint_eq(f.events[WK_EVENT_RELEASED], 1);
    fake_settle(&f);
    fake_type(&f, a, 1, 0, "x");
    fake_fail(&f, STORAGE_APPEND, STORAGE_REFUSED); /* counted anew */
    fake_settle(&f);
    fake_expect_entry(&f, 1);
    ck_assert_str_eq(fake_text(&f, FAKE_DOC), "x\n");
}
END_TEST

START_TEST(refusals_with_news_between_quarantine_nobody)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);

    fake_type(&f, a, 1, 0, "x");
    for (uint64_t i = 1; i <= 6; i++) {
        fake_fail(&f, STORAGE_APPEND, STORAGE_REFUSED);
        fake_land(&f, STORAGE_READ); /* nothing new */
        fake_other(&f, FAKE_DOC, 7, i, fake_insert(&f, 0, "o"));
        fake_land(&f, STORAGE_APPEND); /* lost to the other */
        while (f.calls[0]->kind != STORAGE_APPEND)
            fake_land(&f, f.calls[0]->kind);
    }
    fake_settle(&f);
    ck_assert_uint_eq(wk_core_gauges(f.core).quarantined, 0);
    ck_assert_str_eq(fake_text(&f, FAKE_DOC), "oooooox\n");
}
END_TEST

START_TEST(redis_down_loses_nothing_and_goes_on_when_it_is_back)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);

    f.redis_down = true;
    fake_type(&f, a, 1, 0, "x");
    fake_run(&f, 1500);
    fake_expect_none(&f);
    ck_assert_uint_eq(appends(), 1); /* the creation */
    f.redis_down = false;
    fake_run(&f, 2000);
    ck_assert_uint_eq(fake_expect_entry(&f, 1).last_rev, 2);
    ck_assert_str_eq(fake_text(&f, FAKE_DOC), "x\n");
    fake_expect_none(&f);
}
END_TEST

START_TEST(an_append_that_failed_needs_no_postgres_to_go_on)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);

    f.postgres_down = true;
    fake_type(&f, a, 1, 0, "x");
    fake_fail(&f, STORAGE_APPEND, STORAGE_UNKNOWN);
    fake_settle(&f);
    fake_expect_entry(&f, 1);
    fake_other(&f, FAKE_DOC, 7, 1, fake_insert(&f, 0, "o"));
    fake_run(&f, 300);
    ck_assert_uint_eq(fake_expect_entry(&f, 1).last_rev, 3);
}
END_TEST

START_TEST(the_stream_is_tailed_for_a_while_after_a_load_then_now_and_then)
{
    fake_create(&f, 1, FAKE_DOC, 1);
    uint64_t before = f.store.calls[STORAGE_READ];

    fake_run(&f, 2900);
    uint64_t tailing = f.store.calls[STORAGE_READ] - before;
    ck_assert_uint_ge(tailing, 8);
    fake_run(&f, 600);
    before = f.store.calls[STORAGE_READ];
    fake_run(&f, 8000);
    ck_assert_uint_ge(f.store.calls[STORAGE_READ] - before, 1);
    ck_assert_uint_le(f.store.calls[STORAGE_READ] - before, 2);
    fake_skip(&f);
    fake_other(&f, FAKE_DOC, 7, 1, fake_insert(&f, 0, "o"));
    fake_run(&f, 4100);
    fake_expect_entry(&f, 1);
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

TCase *wk_loss_cases(void)
{
    TCase *tc = tcase_create("loss");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, an_unknown_append_is_looked_for_before_anything_else);
    tcase_add_test(tc, an_unknown_append_that_did_not_land_goes_again_byte_for_byte);
    tcase_add_test(tc, an_unknown_append_that_lands_after_the_look_is_no_second_op);
    tcase_add_test(tc, of_two_workers_one_append_wins_and_the_other_follows);
    tcase_add_test(tc, an_op_that_another_worker_admitted_is_not_admitted_again);
    tcase_add_test(tc, a_lost_tail_is_appended_again_one_entry_at_a_time);
    tcase_add_test(tc, a_refused_append_with_an_ancestor_as_head_is_a_lost_tail);
    tcase_add_test(tc, a_superseded_tail_goes_back_through_admission);
    tcase_add_test(tc, a_told_refusal_is_made_good_in_whatever_history_survives);
    tcase_add_test(tc, a_told_gap_is_no_op_where_the_history_has_what_was_missing);
    tcase_add_test(tc, a_refusal_whose_record_lost_is_asked_anew);
    tcase_add_test(tc, an_unknown_append_that_landed_below_anothers_is_confirmed_once);
    tcase_add_test(tc, a_closed_session_refuses_what_a_superseded_tail_had_of_it);
    tcase_add_test(tc, a_refusal_that_is_not_durable_is_not_told);
    tcase_add_test(tc, three_refusals_with_nothing_new_quarantine_until_released);
    tcase_add_test(tc, refusals_with_news_between_quarantine_nobody);
    tcase_add_test(tc, redis_down_loses_nothing_and_goes_on_when_it_is_back);
    tcase_add_test(tc, an_append_that_failed_needs_no_postgres_to_go_on);
    tcase_add_test(tc, the_stream_is_tailed_for_a_while_after_a_load_then_now_and_then);
    return tc;
}
