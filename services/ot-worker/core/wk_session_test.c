/* Exactly once (I5): names of ops, repeats, gaps, and how sessions end. */
#include <stdlib.h>

#include "wk_cases_test.h"
#include "wk_fake_test.h"

static struct fake f;

START_TEST(a_repeat_of_the_last_gets_the_first_answer_again)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);
    struct chain_position base = fake_head(&f, FAKE_DOC);
    struct slice op = fake_insert(&f, 0, "x");

    fake_submit(&f, a, 1, base, WIRE_KIND_EDIT, op);
    fake_settle(&f);
    fake_expect_entry(&f, 1);
    uint64_t b = fake_open(&f, 2, fake_open_of(FAKE_DOC, 1));
    fake_settle(&f);
    ck_assert_uint_eq(fake_expect_opened(&f, b, WIRE_OPENED_SNAPSHOT)->last_seq, 1);
    fake_skip(&f);
    fake_submit(&f, b, 1, base, WIRE_KIND_EDIT, op);
    fake_settle(&f);
    ck_assert_uint_eq(fake_expect_accepted(&f, b, 1), 2);
    ck_assert_uint_eq(fake_head(&f, FAKE_DOC).rev, 2);
    ck_assert_uint_eq(wk_core_counters(f.core)->repeats, 1);
    fake_expect_none(&f);
}
END_TEST

START_TEST(a_repeat_while_the_first_is_in_flight_is_answered_when_that_is_durable)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);
    struct chain_position base = fake_head(&f, FAKE_DOC);
    struct slice op = fake_insert(&f, 0, "x");

    f.calls_held = true;
    fake_submit(&f, a, 1, base, WIRE_KIND_EDIT, op);
    fake_submit(&f, a, 1, base, WIRE_KIND_EDIT, op);
    fake_submit(&f, a, 1, base, WIRE_KIND_EDIT, op);
    fake_expect_none(&f);
    f.calls_held = false;
    fake_settle(&f);
    fake_expect_entry(&f, 1);
    ck_assert_uint_eq(fake_expect_accepted(&f, a, 1), 2);
    ck_assert_uint_eq(fake_expect_accepted(&f, a, 1), 2);
    ck_assert_uint_eq(fake_head(&f, FAKE_DOC).rev, 2);
}
END_TEST

START_TEST(a_repeat_after_the_session_was_closed_gets_the_first_answer_too)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);
    struct chain_position base = fake_head(&f, FAKE_DOC);
    struct slice op = fake_insert(&f, 0, "x");

    fake_submit(&f, a, 1, base, WIRE_KIND_EDIT, op);
    fake_submit(&f, a, 2, base, WIRE_KIND_EDIT, fake_insert(&f, 9, "x"));
    fake_settle(&f);
    fake_expect_entry(&f, 1);
    fake_expect_refused(&f, a, 2, WIRE_E_OP_TOO_LONG);
    fake_skip(&f);
    fake_submit(&f, a, 1, base, WIRE_KIND_EDIT, op);
    fake_settle(&f);
    ck_assert_uint_eq(fake_expect_accepted(&f, a, 1), 2);
}
END_TEST

/* What is answered here is decided by an entry that is not durable yet. */
START_TEST(nothing_is_answered_by_an_entry_that_is_only_being_made)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1), b = fake_join(&f, 1, FAKE_DOC, 2);
    struct chain_position base = fake_head(&f, FAKE_DOC);

    fake_submit(&f, b, 1, base, WIRE_KIND_EDIT, fake_insert(&f, 0, "b")); /* under way */
    fake_submit(&f, a, 1, base, WIRE_KIND_EDIT, fake_insert(&f, 0, "x"));
    fake_submit(&f, a, 2, base, WIRE_KIND_EDIT, fake_insert(&f, 0, "y"));
    fake_submit(&f, a, 1, base, WIRE_KIND_EDIT, fake_insert(&f, 0, "x")); /* old */
    fake_submit(&f, a, 2, base, WIRE_KIND_EDIT, fake_insert(&f, 0, "z")); /* reused */
    fake_land(&f, STORAGE_APPEND);
    fake_expect_entry(&f, 1);
    fake_expect_none(&f);
    fake_land(&f, STORAGE_APPEND);
    fake_expect_entry(&f, 1);
    ck_assert_uint_eq(fake_expect_accepted(&f, a, 1), 3);
    fake_expect_refused(&f, a, 2, WIRE_E_SEQ_REUSED);
    fake_submit(&f, b, 2, base, WIRE_KIND_EDIT, fake_insert(&f, 9, "b"));
    fake_submit(&f, b, 2, base, WIRE_KIND_EDIT, fake_insert(&f, 9, "b"));
    fake_expect_none(&f);
    fake_settle(&f);
    fake_expect_refused(&f, b, 2, WIRE_E_OP_TOO_LONG);
    fake_expect_entry(&f, 1);
    fake_expect_refused(&f, b, 2, WIRE_E_SESSION_CLOSED);
}
END_TEST

START_TEST(an_older_seq_is_answered_with_its_revision)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);
    struct chain_position base = fake_head(&f, FAKE_DOC);

    for (uint64_t seq = 1; seq <= 3; seq++) {
        fake_submit(&f, a, seq, base, WIRE_KIND_EDIT, fake_insert(&f, 0, "x"));
        fake_settle(&f);
    }
    fake_skip(&f);
    fake_submit(&f, a, 2, base, WIRE_KIND_EDIT, fake_insert(&f, 0, "x"));
    ck_assert_uint_eq(fake_expect_accepted(&f, a, 2), 3);
    fake_submit(&f, a, 2, base, WIRE_KIND_EDIT, fake_insert(&f, 0, "y"));
    fake_expect_refused(&f, a, 2, WIRE_E_SEQ_REUSED);
    fake_no_call(&f);
}
END_TEST

START_TEST(an_older_seq_that_is_archived_is_looked_for_in_postgres)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);
    struct chain_position base = fake_head(&f, FAKE_DOC);

    for (uint64_t seq = 1; seq <= 3; seq++) {
        fake_submit(&f, a, seq, base, WIRE_KIND_EDIT, fake_insert(&f, 0, "x"));
        fake_settle(&f);
    }
    store_archive(&f.store, FAKE_DOC, 0, true);
    wk_core_gateway_gone(f.core, 1);
    fake_run(&f, 12000);
    fake_skip(&f);
    uint64_t b = fake_join(&f, 1, FAKE_DOC, 1);
    fake_submit(&f, b, 2, base, WIRE_KIND_EDIT, fake_insert(&f, 0, "x"));
    fake_land(&f, STORAGE_HISTORY);
    ck_assert_uint_eq(fake_expect_accepted(&f, b, 2), 3);
}
END_TEST

START_TEST(an_older_seq_that_the_log_does_not_tell_any_more_is_old)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);
    struct chain_position base = fake_head(&f, FAKE_DOC);

    for (uint64_t seq = 1; seq <= 3; seq++) {
        fake_submit(&f, a, seq, base, WIRE_KIND_EDIT, fake_insert(&f, 0, "x"));
        fake_settle(&f);
    }
    store_archive(&f.store, FAKE_DOC, 0, true);
    wk_core_gateway_gone(f.core, 1);
    fake_run(&f, 12000);
    fake_skip(&f);
    struct store_doc *d = store_doc(&f.store, FAKE_DOC);
    for (size_t i = 0; i < d->segment_count; i++)
        bytes_fini(&d->segments[i].bytes);
    d->segment_count = 0; /* erased; the snapshot stands */
    uint64_t b = fake_join(&f, 1, FAKE_DOC, 1);
    fake_submit(&f, b, 2, base, WIRE_KIND_EDIT, fake_insert(&f, 0, "x"));
    fake_settle(&f);
    ck_assert_uint_eq(fake_expect_refused(&f, b, 2, WIRE_E_SEQ_OLD), 3);
}
END_TEST

START_TEST(the_same_seq_with_another_digest_is_reused)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);

    fake_type(&f, a, 1, 0, "x");
    fake_settle(&f);
    fake_skip(&f);
    fake_type(&f, a, 1, 0, "y");
    fake_settle(&f);
    fake_expect_refused(&f, a, 1, WIRE_E_SEQ_REUSED);
    ck_assert_str_eq(fake_text(&f, FAKE_DOC), "x\n");
}
END_TEST

START_TEST(a_gap_names_the_expected_seq_and_closes_the_session_first)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);
    struct wire_session session = fake_session(&f, 1);

    fake_type(&f, a, 1, 0, "x");
    fake_settle(&f);
    fake_skip(&f);
    fake_type(&f, a, 3, 0, "z");
    fake_expect_none(&f); /* not before the end of the session is durable */
    fake_settle(&f);
    ck_assert(fake_closed(&f, FAKE_DOC, &session));
    ck_assert_uint_eq(fake_expect_refused(&f, a, 3, WIRE_E_SEQ_GAP), 2);
    fake_skip(&f);
    fake_type(&f, a, 2, 0, "y");
    fake_settle(&f);
    fake_expect_refused(&f, a, 2, WIRE_E_SESSION_CLOSED);
    ck_assert_str_eq(fake_text(&f, FAKE_DOC), "x\n");
}
END_TEST

START_TEST(what_may_not_write_is_denied_after_its_session_is_closed)
{
    fake_create(&f, 1, FAKE_DOC, 1);
    struct wire_link_open open = fake_open_of(FAKE_DOC, 2);
    struct wire_session session = fake_session(&f, 2);

    open.role = WIRE_ROLE_READ;
    uint64_t b = fake_open(&f, 2, open);
    fake_settle(&f);
    fake_expect_opened(&f, b, WIRE_OPENED_SNAPSHOT);
    fake_type(&f, b, 1, 0, "x");
    fake_expect_none(&f);
    fake_land(&f, STORAGE_APPEND);
    ck_assert(fake_closed(&f, FAKE_DOC, &session));
    fake_expect_refused(&f, b, 1, WIRE_E_DENIED);
    ck_assert_str_eq(fake_text(&f, FAKE_DOC), "\n");
}
END_TEST

START_TEST(an_op_that_does_not_fit_is_refused_after_its_session_is_closed)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);

    fake_submit(&f, a, 1, fake_head(&f, FAKE_DOC), WIRE_KIND_EDIT, fake_insert(&f, 7, "x"));
    fake_settle(&f);
    ck_assert_uint_eq(fake_expect_refused(&f, a, 1, WIRE_E_OP_TOO_LONG), 1);
    fake_skip(&f);
    uint64_t b = fake_join(&f, 1, FAKE_DOC, 2);
    fake_submit(&f, b, 1, fake_head(&f, FAKE_DOC), WIRE_KIND_EDIT, fake_delete(&f, 0, 1));
    fake_settle(&f);
    fake_expect_refused(&f, b, 1, WIRE_E_BREAKS_NEWLINE);
}
END_TEST

START_TEST(a_refusal_is_not_told_when_the_op_turns_out_to_be_in)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);
    struct wire_link_open open = fake_open_of(FAKE_DOC, 2);

    /* Another worker admits the op that we, with an older role, would deny. */
    open.role = WIRE_ROLE_READ;
    uint64_t b = fake_open(&f, 2, open);
    fake_settle(&f);
    fake_skip(&f);
    struct slice op = fake_insert(&f, 0, "x");
    struct chain_position base = fake_head(&f, FAKE_DOC);
    fake_other(&f, FAKE_DOC, 2, 1, op);
    fake_submit(&f, b, 1, base, WIRE_KIND_EDIT, op);
    fake_land(&f, STORAGE_APPEND); /* of the close: refused */
    fake_settle(&f);
    fake_expect_entry(&f, 2);
    ck_assert_uint_eq(fake_expect_accepted(&f, b, 1), 2);
    ck_assert_uint_gt(b, a);
}
END_TEST

START_TEST(an_unknown_session_that_is_too_old_is_expired)
{
    fake_create(&f, 1, FAKE_DOC, 1);
    struct wire_link_open open = fake_open_of(FAKE_DOC, 2);
    uint64_t now = FAKE_EPOCH_MS + f.now_ms;

    open.open.session = fake_session_of(now - DOC_SESSION_KEEP_MS - 1000, 2);
    uint64_t b = fake_open(&f, 2, open);
    fake_settle(&f);
    fake_expect_refused(&f, b, 0, WIRE_E_SESSION_EXPIRED);
    ck_assert_uint_eq(wk_core_counters(f.core)->limit_session_age, 1);
    open.attachment = 0;
    open.open.session = fake_session_of(now - DOC_SESSION_KEEP_MS + 1000, 2);
    b = fake_open(&f, 2, open);
    fake_settle(&f);
    fake_expect_opened(&f, b, WIRE_OPENED_SNAPSHOT);
}
END_TEST

START_TEST(an_old_session_that_only_another_worker_knows_is_not_expired)
{
    fake_create(&f, 1, FAKE_DOC, 1);
    struct wire_link_open open = fake_open_of(FAKE_DOC, 2);
    uint64_t now = FAKE_EPOCH_MS + f.now_ms;
    struct slice op = fake_insert(&f, 0, "x");
    struct wire_record record = {.session = fake_session_of(now - DOC_SESSION_KEEP_MS - 1000, 2),
                                 .seq = 1,
                                 .kind = WIRE_KIND_EDIT,
                                 .body = op};

    crypto_digest8(op, record.digest);
    store_other(&f.store, FAKE_DOC, &record, 1, now - 5000); /* in time */
    open.open.session = record.session;
    uint64_t b = fake_open(&f, 2, open);
    fake_settle(&f);
    fake_expect_entry(&f, 2);
    ck_assert_uint_eq(fake_expect_opened(&f, b, WIRE_OPENED_SNAPSHOT)->last_seq, 1);
}
END_TEST

/* The same when it was opened in time, and a copy of its op went in through another worker. */
START_TEST(a_submit_that_has_become_too_old_is_looked_for_first)
{
    fake_create(&f, 1, FAKE_DOC, 1);
    struct wire_link_open open = fake_open_of(FAKE_DOC, 2);
    uint64_t now = FAKE_EPOCH_MS + f.now_ms;
    struct slice op = fake_insert(&f, 0, "x");
    struct chain_position base = fake_head(&f, FAKE_DOC);

    open.open.session = fake_session_of(now - DOC_SESSION_KEEP_MS + 500, 2);
    uint64_t b = fake_open(&f, 2, open);
    fake_settle(&f);
    fake_expect_opened(&f, b, WIRE_OPENED_SNAPSHOT);
    struct wire_record record = {
        .session = open.open.session, .seq = 1, .kind = WIRE_KIND_EDIT, .body = op};
    crypto_digest8(op, record.digest);
    store_other(&f.store, FAKE_DOC, &record, 1, now);
    f.now_ms += 600;
    fake_submit(&f, b, 1, base, WIRE_KIND_EDIT, op);
    fake_settle(&f);
    fake_expect_entry(&f, 2);
    ck_assert_uint_eq(fake_expect_accepted(&f, b, 1), 2);
}
END_TEST

START_TEST(a_submit_when_our_clock_has_gone_back_is_asked_for_later)
{
    fake_create(&f, 1, FAKE_DOC, 1);
    fake_run(&f, 5000); /* the document's own time never goes back */
    struct wire_link_open open = fake_open_of(FAKE_DOC, 2);
    uint64_t now = FAKE_EPOCH_MS + f.now_ms;

    open.open.session = fake_session_of(now + DOC_CLOCK_SKEW_MS, 2);
    uint64_t b = fake_open(&f, 2, open);
    fake_settle(&f);
    fake_expect_opened(&f, b, WIRE_OPENED_SNAPSHOT);
    f.redis_behind_ms = 10000;
    fake_run(&f, 1000); /* a beat brings it */
    fake_submit(&f, b, 1, fake_head(&f, FAKE_DOC), WIRE_KIND_EDIT, fake_insert(&f, 0, "x"));
    fake_settle(&f);
    fake_expect_refused(&f, b, 1, WIRE_E_RETRY_LATER);
    ck_assert_uint_eq(fake_head(&f, FAKE_DOC).rev, 1);
}
END_TEST

START_TEST(a_session_from_the_future_is_clock_skew_and_names_our_time)
{
    fake_create(&f, 1, FAKE_DOC, 1);
    struct wire_link_open open = fake_open_of(FAKE_DOC, 2);
    uint64_t now = FAKE_EPOCH_MS + f.now_ms;

    open.open.session = fake_session_of(now + DOC_CLOCK_SKEW_MS + 1000, 2);
    uint64_t b = fake_open(&f, 2, open);
    fake_settle(&f);
    ck_assert_uint_eq(fake_expect_refused(&f, b, 0, WIRE_E_CLOCK_SKEW), now);
    ck_assert_uint_eq(fake_head(&f, FAKE_DOC).rev, 1);
}
END_TEST

/* More sessions than a document keeps: the oldest go, and nobody as old is new any more. */
START_TEST(the_ten_thousand_and_first_session_evicts_the_first)
{
    static struct wire_record records[500];
    uint64_t now = FAKE_EPOCH_MS + f.now_ms;
    struct slice op = fake_insert(&f, 0, "x");

    fake_create(&f, 1, FAKE_DOC, 9);
    for (unsigned i = 0; i <= DOC_SESSION_COUNT_MAX / 500; i++) {
        for (unsigned n = 0; n < 500; n++) {
            records[n] = (struct wire_record){
                .session = fake_session_of(now - 100000 + i, 1000 + i * 500 + n),
                .seq = 1,
                .kind = WIRE_KIND_TITLE,
                .body = slice_str("t")};
        }
        store_other(&f.store, FAKE_DOC, records, 500, now);
    }
    store_archive(&f.store, FAKE_DOC, 0, true);
    fake_run(&f, 5000);
    fake_skip(&f);
    struct wire_link_open open = fake_open_of(FAKE_DOC, 0);
    open.open.has_session = true;
    open.open.session = fake_session_of(now - 100000, 1000); /* was evicted */
    uint64_t a = fake_open(&f, 2, open);
    fake_settle(&f);
    fake_expect_refused(&f, a, 0, WIRE_E_SESSION_EXPIRED);
    open.open.session = fake_session_of(now - 100000, 77777); /* never seen, but as old */
    uint64_t b = fake_open(&f, 2, open);
    fake_settle(&f);
    fake_expect_refused(&f, b, 0, WIRE_E_SESSION_EXPIRED);
    ck_assert_uint_eq(wk_core_counters(f.core)->limit_session_results, 2);
    open.open.session = fake_session_of(now - 100000 + 20, 1000 + 10000); /* known */
    uint64_t c = fake_open(&f, 2, open);
    fake_settle(&f);
    ck_assert_uint_eq(fake_expect_opened(&f, c, WIRE_OPENED_SNAPSHOT)->last_seq, 1);
    uint64_t d = fake_join(&f, 2, FAKE_DOC, 3);
    fake_submit(&f, d, 1, fake_head(&f, FAKE_DOC), WIRE_KIND_EDIT, op);
    fake_settle(&f);
    fake_expect_entry(&f, 2);
}
END_TEST

START_TEST(the_first_seq_of_an_unknown_session_is_1)
{
    fake_create(&f, 1, FAKE_DOC, 1);
    uint64_t b = fake_join(&f, 2, FAKE_DOC, 2);

    fake_type(&f, b, 4, 0, "x");
    fake_settle(&f);
    ck_assert_uint_eq(fake_expect_refused(&f, b, 4, WIRE_E_SEQ_GAP), 1);
}
END_TEST

START_TEST(a_closed_session_is_not_opened)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);

    fake_type(&f, a, 9, 0, "x");
    fake_settle(&f);
    fake_skip(&f);
    uint64_t b = fake_open(&f, 2, fake_open_of(FAKE_DOC, 1));
    fake_settle(&f);
    fake_expect_refused(&f, b, 0, WIRE_E_SESSION_CLOSED);
}
END_TEST

START_TEST(a_role_that_the_log_takes_away_ends_at_that_revision)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1), b = fake_join(&f, 2, FAKE_DOC, 2);
    struct wire_permission readers = {.role = WIRE_ROLE_READ};
    struct bytes body = BYTES_INIT;
    struct chain_position base = fake_head(&f, FAKE_DOC);

    wire_permission_encode(&readers, &body);
    fake_type(&f, a, 1, 0, "0"); /* under way: the rest is one entry */
    fake_submit(&f, b, 1, base, WIRE_KIND_EDIT, fake_insert(&f, 0, "1"));
    fake_submit(&f, a, 2, base, WIRE_KIND_PERMISSION, bytes_slice(&body));
    fake_submit(&f, b, 2, base, WIRE_KIND_EDIT, fake_insert(&f, 0, "2"));
    fake_settle(&f);
    fake_expect_entry(&f, 2);
    fake_expect_refused(&f, b, 2, WIRE_E_DENIED);
    ck_assert_uint_eq(fake_expect_entry(&f, 2).count, 3);
    ck_assert_str_eq(fake_text(&f, FAKE_DOC), "01\n");
    bytes_fini(&body);
}
END_TEST

START_TEST(of_two_attachments_with_one_session_the_newer_wins)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);
    uint64_t b = fake_open(&f, 2, fake_open_of(FAKE_DOC, 1));

    fake_settle(&f);
    ck_assert_uint_eq(fake_expect(&f, 1, WIRE_TO_GATEWAY_REPLACED)->replaced_attachment, a);
    fake_expect_opened(&f, b, WIRE_OPENED_SNAPSHOT);
    ck_assert_uint_eq(wk_core_gauges(f.core).attachments, 1);
    /* Sessions of others are left alone. */
    fake_join(&f, 1, FAKE_DOC, 2);
    fake_expect_none(&f);
}
END_TEST

START_TEST(an_older_attempt_of_one_session_is_the_one_replaced)
{
    struct wire_link_open open = fake_open_of(FAKE_DOC, 2);

    fake_create(&f, 1, FAKE_DOC, 1);
    open.open.attempt = 2;
    uint64_t b = fake_open(&f, 2, open);
    fake_settle(&f);
    fake_expect_opened(&f, b, WIRE_OPENED_SNAPSHOT);
    open.open.attempt = 1;
    uint64_t a = fake_open(&f, 1, open);
    fake_settle(&f);
    fake_expect_refused(&f, a, 0, WIRE_E_SESSION_REPLACED);
    open.open.attempt = 3;
    uint64_t c = fake_open(&f, 1, open);
    fake_settle(&f);
    ck_assert_uint_eq(fake_expect(&f, 2, WIRE_TO_GATEWAY_REPLACED)->replaced_attachment, b);
    fake_expect_opened(&f, c, WIRE_OPENED_SNAPSHOT);
}
END_TEST

START_TEST(without_a_session_it_is_read_only)
{
    fake_create(&f, 1, FAKE_DOC, 1);
    uint64_t b = fake_join(&f, 2, FAKE_DOC, 0);

    fake_type(&f, b, 1, 0, "x");
    fake_settle(&f);
    fake_expect_refused(&f, b, 1, WIRE_E_READ_ONLY);
    ck_assert_uint_eq(fake_head(&f, FAKE_DOC).rev, 1);
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

TCase *wk_session_cases(void)
{
    TCase *tc = tcase_create("session");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_repeat_of_the_last_gets_the_first_answer_again);
    tcase_add_test(tc, a_repeat_while_the_first_is_in_flight_is_answered_when_that_is_durable);
    tcase_add_test(tc, the_same_seq_with_another_digest_is_reused);
    tcase_add_test(tc, a_gap_names_the_expected_seq_and_closes_the_session_first);
    tcase_add_test(tc, what_may_not_write_is_denied_after_its_session_is_closed);
    tcase_add_test(tc, an_op_that_does_not_fit_is_refused_after_its_session_is_closed);
    tcase_add_test(tc, a_refusal_is_not_told_when_the_op_turns_out_to_be_in);
    tcase_add_test(tc, an_unknown_session_that_is_too_old_is_expired);
    tcase_add_test(tc, an_old_session_that_only_another_worker_knows_is_not_expired);
    tcase_add_test(tc, a_submit_that_has_become_too_old_is_looked_for_first);
    tcase_add_test(tc, a_submit_when_our_clock_has_gone_back_is_asked_for_later);
    tcase_add_test(tc, a_session_from_the_future_is_clock_skew_and_names_our_time);
    tcase_add_test(tc, the_ten_thousand_and_first_session_evicts_the_first);
    tcase_add_test(tc, of_two_attachments_with_one_session_the_newer_wins);
    tcase_add_test(tc, a_repeat_after_the_session_was_closed_gets_the_first_answer_too);
    tcase_add_test(tc, nothing_is_answered_by_an_entry_that_is_only_being_made);
    tcase_add_test(tc, an_older_seq_is_answered_with_its_revision);
    tcase_add_test(tc, an_older_seq_that_is_archived_is_looked_for_in_postgres);
    tcase_add_test(tc, an_older_seq_that_the_log_does_not_tell_any_more_is_old);
    tcase_add_test(tc, the_first_seq_of_an_unknown_session_is_1);
    tcase_add_test(tc, a_closed_session_is_not_opened);
    tcase_add_test(tc, a_role_that_the_log_takes_away_ends_at_that_revision);
    tcase_add_test(tc, an_older_attempt_of_one_session_is_the_one_replaced);
    tcase_add_test(tc, without_a_session_it_is_read_only);
    return tc;
}
