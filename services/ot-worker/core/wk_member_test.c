/* Who serves what: views, moves, planned handoff, runners-up, and leaving. */
#include <stdio.h>
#include <stdlib.h>

#include "wk_cases_test.h"
#include "wk_fake_test.h"

static struct fake f;

#define BIT(n) (1u << (n))

static const struct wire_to_gateway *expect_moved(uint64_t boot, struct slice doc)
{
    const struct wire_to_gateway *item = fake_expect(&f, boot, WIRE_TO_GATEWAY_MOVED);

    ck_assert(slice_equal(item->moved.doc, doc));
    return item;
}

START_TEST(a_document_of_another_worker_is_moved_with_owner_and_view)
{
    fake_view(&f, BIT(1) | BIT(2));
    fake_run(&f, 600);
    struct slice doc = fake_doc_of(&f, 2, 0);
    fake_open(&f, 1, fake_open_of(doc, 1));
    const struct wire_to_gateway *item = expect_moved(1, doc);
    ck_assert(slice_equal(item->moved.owner, slice_str("w2")));
    ck_assert_uint_eq(item->moved.view, f.view_number);
    fake_no_call(&f);
    ck_assert_uint_eq(wk_core_gauges(f.core).documents, 0);
}
END_TEST

START_TEST(a_gateway_with_a_newer_view_makes_us_beat_at_once)
{
    struct wire_link_open open = fake_open_of(FAKE_DOC, 1);

    fake_run(&f, 100);
    ck_assert_ptr_null(f.beat);
    open.view = f.view_number;
    fake_open(&f, 1, open);
    fake_pass(&f, 50);
    ck_assert_ptr_null(f.beat);
    open.view = f.view_number + 1;
    fake_open(&f, 1, open);
    fake_pass(&f, 50);
    ck_assert_ptr_nonnull(f.beat);
    fake_settle(&f);
    fake_skip(&f);
}
END_TEST

START_TEST(a_change_of_the_view_hands_over_what_is_not_ours_any_more)
{
    fake_view(&f, BIT(1) | BIT(2));
    struct slice theirs = fake_doc_of(&f, 2, 0), ours = fake_doc_of(&f, 1, 0);
    fake_view(&f, BIT(1));
    fake_run(&f, 600);
    uint64_t a = fake_create(&f, 1, theirs, 1), b = fake_create(&f, 2, ours, 2);

    fake_join(&f, 2, theirs, 3);
    fake_view(&f, BIT(1) | BIT(2));
    f.calls_held = true;
    fake_type(&f, a, 1, 0, "x"); /* in flight: finished first */
    fake_run(&f, 600);
    fake_expect_none(&f);
    f.calls_held = false;
    fake_settle(&f);
    fake_expect_entry(&f, 1);
    fake_expect_entry(&f, 2);
    ck_assert(slice_equal(expect_moved(1, theirs)->moved.owner, slice_str("w2")));
    expect_moved(2, theirs);
    ck_assert_int_eq(wk_core_gauges(f.core).live, 1);
    ck_assert_uint_eq(wk_core_counters(f.core)->handoffs, 1);
    fake_type(&f, b, 1, 0, "y");
    fake_settle(&f);
    fake_expect_entry(&f, 2);
    /* What its gateway had sent meanwhile is told to open again. */
    fake_type(&f, a, 2, 0, "z");
    fake_expect(&f, 1, WIRE_TO_GATEWAY_DETACHED);
    fake_expect_none(&f);
}
END_TEST

START_TEST(a_change_of_the_view_looks_at_the_heads_of_what_stays)
{
    fake_view(&f, BIT(1) | BIT(2));
    struct slice ours = fake_doc_of(&f, 1, 0);
    fake_run(&f, 600);
    fake_create(&f, 1, ours, 1);
    fake_run(&f, 7500); /* no more tailing */
    fake_other(&f, ours, 7, 1, fake_insert(&f, 0, "o"));
    fake_run(&f, 100);
    fake_expect_none(&f);
    fake_view(&f, BIT(1));
    fake_run(&f, 700);
    fake_expect_entry(&f, 1);
}
END_TEST

START_TEST(the_runner_up_serves_who_does_not_reach_the_owner)
{
    fake_view(&f, BIT(1) | BIT(2) | BIT(3));
    fake_run(&f, 600);
    struct slice doc = fake_doc_of(&f, 2, 1), other = fake_doc_of(&f, 2, 3);
    struct wire_link_open open = fake_open_of(doc, 1);

    open.owner_unreachable = true;
    open.open.create_kind = WIRE_DOC_TEXT;
    open.open.has_create = true;
    open.open.create_content = fake_insert(&f, 0, "\n");
    uint64_t a = fake_open(&f, 1, open);
    fake_settle(&f);
    fake_expect(&f, 1, WIRE_TO_GATEWAY_ENTRY);
    fake_expect_opened(&f, a, WIRE_OPENED_UP_TO_DATE);
    fake_type(&f, a, 1, 0, "x");
    fake_settle(&f);
    fake_expect_entry(&f, 1);
    /* Only for those who say so, and only as the runner-up. */
    fake_open(&f, 2, fake_open_of(doc, 2));
    expect_moved(2, doc);
    open.open.doc = other;
    fake_open(&f, 2, open);
    expect_moved(2, other);
    /* A view in which it is not even that ends it. */
    fake_run(&f, 1000);
    fake_expect_none(&f);
    fake_view(&f, BIT(1) | BIT(2) | BIT(3));
    f.leaving = BIT(1);
    fake_run(&f, 1000);
    expect_moved(1, doc);
    f.leaving = 0;
    f.view_number++;
}
END_TEST

START_TEST(the_owner_stays_owner_when_asked_as_runner_up)
{
    fake_view(&f, BIT(1) | BIT(2));
    fake_run(&f, 600);
    struct slice doc = fake_doc_of(&f, 1, 2);
    struct wire_link_open open = fake_open_of(doc, 1);

    open.owner_unreachable = true; /* by a view that we do not know yet, or any more */
    open.open.create_kind = WIRE_DOC_TEXT;
    open.open.has_create = true;
    open.open.create_content = fake_insert(&f, 0, "\n");
    fake_open(&f, 1, open);
    fake_settle(&f);
    fake_skip(&f);
    f.leaving = BIT(1);
    f.view_number++;
    fake_run(&f, 1000);
    expect_moved(1, doc);
    f.leaving = 0;
    f.view_number++;
}
END_TEST

START_TEST(after_a_reconnect_nobody_is_declared_dead_for_a_while)
{
    fake_view(&f, BIT(1) | BIT(2));
    fake_run(&f, 600);
    struct slice doc = fake_doc_of(&f, 2, 0);
    wk_core_storage_reconnected(f.core);
    fake_view(&f, BIT(1));
    fake_run(&f, 1000);
    fake_open(&f, 1, fake_open_of(doc, 1));
    ck_assert(slice_equal(expect_moved(1, doc)->moved.owner, slice_str("w2")));
    fake_run(&f, 1100);
    uint64_t a = fake_open(&f, 1, fake_open_of(doc, 1));
    fake_settle(&f);
    fake_expect_refused(&f, a, 0, WIRE_E_NO_SUCH_DOCUMENT); /* ours now */
}
END_TEST

START_TEST(draining_finishes_what_is_in_flight_says_moved_and_leaves)
{
    fake_view(&f, BIT(1) | BIT(2));
    fake_run(&f, 600);
    struct slice doc = fake_doc_of(&f, 1, 2);
    uint64_t a = fake_create(&f, 1, doc, 1);

    f.calls_held = true;
    fake_type(&f, a, 1, 0, "x");
    wk_core_drain(f.core);
    ck_assert(!wk_core_ready(f.core));
    fake_run(&f, 700);
    ck_assert(!wk_core_drained(f.core));
    fake_expect_none(&f);
    f.calls_held = false;
    fake_settle(&f);
    fake_expect_entry(&f, 1);
    ck_assert(slice_equal(expect_moved(1, doc)->moved.owner, slice_str("w2")));
    ck_assert_int_eq(wk_core_gauges(f.core).live, 0);
    store_archive(&f.store, doc, 0, false);
    fake_run(&f, 1100);
    ck_assert(wk_core_drained(f.core));
    ck_assert(f.self_gone);
    /* Nobody is taken in any more. */
    fake_open(&f, 1, fake_open_of(doc, 1));
    expect_moved(1, doc);
}
END_TEST

START_TEST(the_last_worker_leaves_too)
{
    fake_create(&f, 1, FAKE_DOC, 1);
    wk_core_drain(f.core);
    store_archive(&f.store, FAKE_DOC, 0, false);
    fake_run(&f, 1200);
    ck_assert_uint_eq(expect_moved(1, FAKE_DOC)->moved.owner.size, 0);
    ck_assert(wk_core_drained(f.core));
}
END_TEST

START_TEST(draining_ends_in_bounded_time_without_redis)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);

    f.redis_down = f.beats_lost = true;
    fake_type(&f, a, 1, 0, "x");
    fake_run(&f, 100);
    wk_core_drain(f.core);
    fake_run(&f, 6000);
    ck_assert(wk_core_drained(f.core));
}
END_TEST

START_TEST(draining_ends_in_bounded_time_with_a_call_that_is_never_answered)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);

    f.calls_held = true;
    fake_type(&f, a, 1, 0, "x");
    wk_core_drain(f.core);
    fake_run(&f, 6000);
    ck_assert(wk_core_drained(f.core));
}
END_TEST

START_TEST(a_quarantined_document_keeps_nobody_from_leaving)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);

    fake_type(&f, a, 1, 0, "x");
    for (unsigned i = 0; i < 3; i++) {
        fake_fail(&f, STORAGE_APPEND, STORAGE_REFUSED);
        fake_land(&f, STORAGE_READ);
    }
    wk_core_drain(f.core);
    fake_run(&f, 6000);
    ck_assert(wk_core_drained(f.core));
    ck_assert(wk_core_release(f.core, FAKE_DOC));
}
END_TEST

START_TEST(a_session_whose_end_was_told_is_closed_before_a_handoff)
{
    fake_view(&f, BIT(1) | BIT(2));
    struct slice doc = fake_doc_of(&f, 2, 1);
    fake_view(&f, BIT(1));
    fake_run(&f, 600);
    fake_create(&f, 1, doc, 1);
    uint64_t b = fake_join(&f, 2, doc, 2);
    struct wire_session session = fake_session(&f, 2);

    fake_submit(&f, b, 1, fake_head(&f, doc), WIRE_KIND_EDIT, fake_insert(&f, 9, "b"));
    fake_settle(&f);
    fake_expect_refused(&f, b, 1, WIRE_E_OP_TOO_LONG);
    store_lose(&f.store, doc, 1);
    fake_other(&f, doc, 7, 1, fake_insert(&f, 0, "o"));
    f.calls_held = true;
    fake_run(&f, 300);
    struct storage_call *look = fake_carry_out(&f, STORAGE_READ);
    fake_view(&f, BIT(1) | BIT(2)); /* while the look that finds the loss is on its way */
    fake_run(&f, 600);
    f.calls_held = false;
    fake_answer(&f, look);
    fake_settle(&f);
    ck_assert(fake_closed(&f, doc, &session));
    ck_assert_int_eq(wk_core_gauges(f.core).live, 0);
}
END_TEST

START_TEST(each_document_is_looked_at_in_its_time_however_many)
{
    char name[16];

    for (unsigned i = 0; i < 60; i++) {
        snprintf(name, sizeof name, "d%u", i);
        fake_create(&f, 1, slice_str(name), 1);
        fake_run(&f, 70);
    }
    fake_run(&f, 12000);
    uint64_t before = f.store.calls[STORAGE_READ];
    fake_run(&f, 12000); /* three looks each at a revalidation of four seconds */
    ck_assert_uint_ge(f.store.calls[STORAGE_READ] - before, 2 * 60);
    ck_assert_uint_le(f.store.calls[STORAGE_READ] - before, 4 * 60);
    f.now_ms += 3600000; /* a pause longer than any turn of the wheel */
    fake_run(&f, 600);
    before = f.store.calls[STORAGE_READ];
    fake_run(&f, 4100);
    ck_assert_uint_ge(f.store.calls[STORAGE_READ] - before, 60);
}
END_TEST

START_TEST(heads_name_what_changed_lately_to_those_who_look)
{
    struct wire_head *heads;
    struct bytes out = BYTES_INIT;
    size_t count;
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);

    fake_create(&f, 2, slice_str("other"), 2);
    fake_run(&f, 4000);
    wk_core_heads(f.core, 1, &out);
    ck_assert_int_eq(wire_heads_decode(&f.mem, bytes_slice(&out), &heads, &count), 0);
    ck_assert_uint_eq(count, 0);
    fake_type(&f, a, 1, 0, "x");
    fake_settle(&f);
    bytes_reset(&out);
    wk_core_heads(f.core, 1, &out);
    ck_assert_int_eq(wire_heads_decode(&f.mem, bytes_slice(&out), &heads, &count), 0);
    ck_assert_uint_eq(count, 1);
    struct chain_position head = fake_head(&f, FAKE_DOC);
    ck_assert(chain_position_equal(&heads[0].position, &head));
    bytes_reset(&out);
    wk_core_heads(f.core, 2, &out);
    ck_assert_int_eq(wire_heads_decode(&f.mem, bytes_slice(&out), &heads, &count), 0);
    ck_assert_uint_eq(count, 0);
    bytes_fini(&out);
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

static void teardown_left(void)
{
    fake_stop_left(&f);
}

TCase *wk_leaving_cases(void)
{
    TCase *tc = tcase_create("leaving");
    tcase_add_checked_fixture(tc, setup, teardown_left);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, draining_finishes_what_is_in_flight_says_moved_and_leaves);
    tcase_add_test(tc, the_last_worker_leaves_too);
    tcase_add_test(tc, draining_ends_in_bounded_time_without_redis);
    tcase_add_test(tc, draining_ends_in_bounded_time_with_a_call_that_is_never_answered);
    tcase_add_test(tc, a_quarantined_document_keeps_nobody_from_leaving);
    return tc;
}

TCase *wk_member_cases(void)
{
    TCase *tc = tcase_create("member");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_document_of_another_worker_is_moved_with_owner_and_view);
    tcase_add_test(tc, a_gateway_with_a_newer_view_makes_us_beat_at_once);
    tcase_add_test(tc, a_change_of_the_view_hands_over_what_is_not_ours_any_more);
    tcase_add_test(tc, a_change_of_the_view_looks_at_the_heads_of_what_stays);
    tcase_add_test(tc, the_runner_up_serves_who_does_not_reach_the_owner);
    tcase_add_test(tc, the_owner_stays_owner_when_asked_as_runner_up);
    tcase_add_test(tc, after_a_reconnect_nobody_is_declared_dead_for_a_while);
    tcase_add_test(tc, a_session_whose_end_was_told_is_closed_before_a_handoff);
    tcase_add_test(tc, each_document_is_looked_at_in_its_time_however_many);
    tcase_add_test(tc, heads_name_what_changed_lately_to_those_who_look);
    return tc;
}
