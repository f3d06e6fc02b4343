/* What was handed over is kept until it is archived: a tail that Redis loses meanwhile comes back.
 */
#include <stdlib.h>

#include "wk_cases_test.h"
#include "wk_fake_test.h"

static struct fake f;

#define OURS (1u << FAKE_SELF)
#define BOTH (1u << FAKE_SELF | 1u << 2)

/* A document that the second member owns once it is there; ours until then, with one op in it. */
static struct slice typed_doc(uint64_t *ret_attachment)
{
    fake_view(&f, BOTH);
    struct slice doc = fake_doc_of(&f, 2, 0);

    fake_view(&f, OURS);
    fake_run(&f, 600);
    *ret_attachment = fake_create(&f, 1, doc, 1);
    fake_type(&f, *ret_attachment, 1, 0, "a");
    fake_settle(&f);
    fake_skip(&f);
    return doc;
}

static struct slice handed_doc(void)
{
    uint64_t attachment;
    struct slice doc = typed_doc(&attachment);

    fake_view(&f, BOTH);
    fake_run(&f, 600);
    fake_expect(&f, 1, WIRE_TO_GATEWAY_MOVED);
    ck_assert_int_eq(wk_core_gauges(f.core).handed, 1);
    ck_assert_int_eq(wk_core_gauges(f.core).live, 0);
    return doc;
}

static void expect_gone(void)
{
    ck_assert_int_eq(wk_core_gauges(f.core).documents, 0);
    ck_assert_uint_eq(wk_core_counters(f.core)->handoffs, 1);
    fake_expect_none(&f);
}

START_TEST(a_tail_lost_after_the_handoff_comes_back)
{
    struct slice doc = handed_doc();
    struct chain_position head = fake_head(&f, doc);

    store_lose(&f.store, doc, 1); /* before anybody has read it */
    fake_run(&f, 300);
    struct chain_position again = fake_head(&f, doc);
    ck_assert(chain_position_equal(&head, &again));
    ck_assert_uint_eq(wk_core_counters(f.core)->reappended, 1);
    store_archive(&f.store, doc, 0, false);
    fake_run(&f, 300);
    expect_gone();
}
END_TEST

START_TEST(what_is_archived_already_goes_at_once)
{
    uint64_t attachment;
    struct slice doc = typed_doc(&attachment);

    store_archive(&f.store, doc, 0, false);
    fake_run(&f, 300); /* noticed */
    fake_view(&f, BOTH);
    fake_run(&f, 600);
    fake_expect(&f, 1, WIRE_TO_GATEWAY_MOVED);
    expect_gone();
}
END_TEST

/* The next owner's entries are its own to keep: or a busy document would be held for ever. */
START_TEST(it_is_kept_for_its_own_entries_only)
{
    struct slice doc = handed_doc();

    fake_other(&f, doc, 7, 1, fake_insert(&f, 0, "o"));
    fake_run(&f, 300);
    ck_assert_int_eq(wk_core_gauges(f.core).handed, 1);
    store_archive(&f.store, doc, 1, false);
    fake_run(&f, 300);
    expect_gone();
}
END_TEST

/* No look finds the head where the last one left it. */
START_TEST(a_busy_document_goes_when_it_is_archived)
{
    struct slice doc = handed_doc();

    for (uint64_t seq = 1; seq <= 20 && wk_core_gauges(f.core).handed; seq++) {
        fake_other(&f, doc, 7, seq, fake_insert(&f, 0, "o"));
        store_archive(&f.store, doc, 1, false);
        fake_run(&f, 250);
    }
    expect_gone();
}
END_TEST

/* Others' entries come before it is archived: they are no reason to think that it is. */
START_TEST(a_busy_document_stays_until_it_is_archived)
{
    struct slice doc = handed_doc();

    for (uint64_t seq = 1; seq <= 20; seq++) {
        fake_other(&f, doc, 7, seq, fake_insert(&f, 0, "o"));
        fake_run(&f, 250);
    }
    ck_assert_int_eq(wk_core_gauges(f.core).handed, 1);
    store_archive(&f.store, doc, 0, false);
    fake_run(&f, 300);
    expect_gone();
}
END_TEST

/* Who came while it was ours again is told that it moved once more. */
START_TEST(who_joined_meanwhile_is_told)
{
    struct slice doc = handed_doc();

    f.calls_held = true;
    fake_run(&f, 300);
    struct storage_call *look = fake_carry_out(&f, STORAGE_READ);
    fake_view(&f, OURS);
    fake_run(&f, 600);
    fake_open(&f, 2, fake_open_of(doc, 3));
    fake_view(&f, BOTH);
    fake_run(&f, 600);
    f.calls_held = false;
    fake_answer(&f, look);
    fake_settle(&f);
    fake_expect(&f, 2, WIRE_TO_GATEWAY_MOVED);
    store_archive(&f.store, doc, 0, false);
    fake_run(&f, 600);
    ck_assert_int_eq(wk_core_gauges(f.core).documents, 0);
    fake_expect_none(&f);
}
END_TEST

/* An acked op is sent by nobody again: who holds it puts it into the history that survived. */
START_TEST(an_acked_op_that_another_history_lacks_is_put_back)
{
    struct slice doc = handed_doc();

    store_lose(&f.store, doc, 1);
    fake_other(&f, doc, 7, 1, fake_insert(&f, 0, "o"));
    fake_run(&f, 600);
    ck_assert_str_eq(fake_text(&f, doc), "oa\n");
    ck_assert_int_eq(wk_core_gauges(f.core).handed, 1);
    store_archive(&f.store, doc, 0, false);
    fake_run(&f, 300);
    ck_assert_int_eq(wk_core_gauges(f.core).documents, 0);
    fake_expect_none(&f);
}
END_TEST

START_TEST(an_acked_op_that_waits_again_is_put_back_before_the_handoff)
{
    uint64_t attachment;
    struct slice doc = typed_doc(&attachment);

    store_lose(&f.store, doc, 1);
    fake_other(&f, doc, 7, 1, fake_insert(&f, 0, "o"));
    f.calls_held = true;
    fake_run(&f, 300);
    struct storage_call *look = fake_carry_out(&f, STORAGE_READ);
    fake_view(&f, BOTH); /* while the look that finds the loss is on its way */
    fake_run(&f, 600);
    f.calls_held = false;
    fake_answer(&f, look);
    fake_settle(&f);
    ck_assert_str_eq(fake_text(&f, doc), "oa\n");
    ck_assert_int_eq(wk_core_gauges(f.core).live, 0);
}
END_TEST

START_TEST(taken_back_it_shows_what_others_appended)
{
    struct slice doc = handed_doc();

    fake_run(&f, 3500); /* no more tailing */
    fake_other(&f, doc, 7, 1, fake_insert(&f, 0, "o"));
    struct chain_position head = fake_head(&f, doc);
    /* Asked as the runner-up: the view has not changed, so nothing else makes it look. */
    struct wire_link_open open = fake_open_of(doc, 3);
    open.owner_unreachable = true;
    uint64_t a = fake_open(&f, 2, open);
    fake_settle(&f);
    fake_expect_entry(&f, 2); /* for those who joined before: nobody */
    const struct wire_opened *opened = fake_expect_opened(&f, a, WIRE_OPENED_SNAPSHOT);
    ck_assert(chain_position_equal(&opened->position, &head));
    ck_assert_int_eq(wk_core_gauges(f.core).handed, 0);
    ck_assert_int_eq(wk_core_gauges(f.core).live, 1);
}
END_TEST

START_TEST(a_leaving_worker_waits_for_the_archiver)
{
    uint64_t attachment;
    struct slice doc = typed_doc(&attachment);

    fake_view(&f, BOTH);
    wk_core_drain(f.core);
    fake_run(&f, 1200);
    fake_expect(&f, 1, WIRE_TO_GATEWAY_MOVED);
    ck_assert(!wk_core_drained(f.core));
    store_lose(&f.store, doc, 1);
    fake_run(&f, 300);
    ck_assert_uint_eq(wk_core_counters(f.core)->reappended, 1);
    store_archive(&f.store, doc, 0, false);
    fake_run(&f, 800); /* looks, and says in a beat that it is gone */
    ck_assert(wk_core_drained(f.core));
    ck_assert_int_eq(wk_core_gauges(f.core).documents, 0);
}
END_TEST

START_TEST(a_leaving_worker_goes_on_as_soon_as_it_can)
{
    struct slice doc = handed_doc();

    fake_run(&f, 4000); /* looked at seldom by now */
    wk_core_drain(f.core);
    fake_run(&f, 600);
    store_archive(&f.store, doc, 0, false);
    fake_run(&f, 900);
    ck_assert(wk_core_drained(f.core));
}
END_TEST

START_TEST(a_leaving_worker_waits_in_bounded_time)
{
    handed_doc();
    wk_core_drain(f.core);
    fake_run(&f, 4500);
    ck_assert(!wk_core_drained(f.core));
    fake_run(&f, 700);
    ck_assert(wk_core_drained(f.core));
}
END_TEST

/* --- small memory; durability `replica` --- */

START_TEST(for_want_of_memory_the_tail_is_let_go)
{
    static char text[40001];

    memset(text, 'x', sizeof text - 1);
    fake_view(&f, BOTH);
    struct slice theirs = fake_doc_of(&f, 2, 0), ours = fake_doc_of(&f, 1, 0);
    fake_view(&f, OURS);
    fake_run(&f, 600);
    uint64_t a = fake_create(&f, 1, theirs, 1), b = fake_create(&f, 1, ours, 2);
    fake_type(&f, a, 1, 0, text);
    fake_settle(&f);
    fake_view(&f, BOTH);
    fake_run(&f, 600);
    ck_assert_int_eq(wk_core_gauges(f.core).handed, 1);
    fake_type(&f, b, 1, 0, text);
    fake_run(&f, 200);
    ck_assert_int_eq(wk_core_gauges(f.core).handed, 0);
    ck_assert_int_eq(wk_core_gauges(f.core).live, 1); /* who is served goes before */
    ck_assert_uint_eq(wk_core_counters(f.core)->tails_let_go, 1);
    ck_assert_uint_eq(f.events[WK_EVENT_TAIL_LET_GO], 1);
}
END_TEST

START_TEST(what_a_replica_has_confirmed_goes_at_once)
{
    uint64_t attachment;

    typed_doc(&attachment);
    fake_view(&f, BOTH);
    fake_run(&f, 600);
    fake_expect(&f, 1, WIRE_TO_GATEWAY_MOVED);
    expect_gone();
}
END_TEST

static void setup(void)
{
    fake_start(&f, NULL);
}

static void small(struct wk_config *config)
{
    config->documents_bytes_max = 200000;
}

static void setup_small(void)
{
    fake_start(&f, small);
}

static void replica(struct wk_config *config)
{
    config->confirmed_by_replica = true;
}

static void setup_replica(void)
{
    fake_start(&f, replica);
}

static void teardown(void)
{
    fake_stop(&f);
}

static void teardown_left(void)
{
    fake_stop_left(&f);
}

static TCase *cases(const char *name, SFun before, SFun after)
{
    TCase *tc = tcase_create(name);

    tcase_add_checked_fixture(tc, before, after);
    tcase_set_timeout(tc, 60);
    return tc;
}

void wk_handoff_add(Suite *suite)
{
    TCase *tc = cases("handed over", setup, teardown);
    tcase_add_test(tc, a_tail_lost_after_the_handoff_comes_back);
    tcase_add_test(tc, what_is_archived_already_goes_at_once);
    tcase_add_test(tc, it_is_kept_for_its_own_entries_only);
    tcase_add_test(tc, a_busy_document_goes_when_it_is_archived);
    tcase_add_test(tc, a_busy_document_stays_until_it_is_archived);
    tcase_add_test(tc, who_joined_meanwhile_is_told);
    tcase_add_test(tc, an_acked_op_that_another_history_lacks_is_put_back);
    tcase_add_test(tc, an_acked_op_that_waits_again_is_put_back_before_the_handoff);
    tcase_add_test(tc, taken_back_it_shows_what_others_appended);
    suite_add_tcase(suite, tc);
    tc = cases("handed over, leaving", setup, teardown_left);
    tcase_add_test(tc, a_leaving_worker_waits_for_the_archiver);
    tcase_add_test(tc, a_leaving_worker_goes_on_as_soon_as_it_can);
    tcase_add_test(tc, a_leaving_worker_waits_in_bounded_time);
    suite_add_tcase(suite, tc);
    tc = cases("handed over, small", setup_small, teardown);
    tcase_add_test(tc, for_want_of_memory_the_tail_is_let_go);
    suite_add_tcase(suite, tc);
    tc = cases("handed over at replica", setup_replica, teardown);
    tcase_add_test(tc, what_a_replica_has_confirmed_goes_at_once);
    suite_add_tcase(suite, tc);
}
