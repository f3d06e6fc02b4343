/* Opens: exactly one of up to date, ops, snapshot, resync; what lies far back. */
#include "wk_cases_test.h"
#include "wk_fake_test.h"

static struct fake f;

/* Opens with this position and settles. */
static uint64_t reopen(uint64_t boot, uint64_t session, struct chain_position at)
{
    struct wire_link_open open = fake_open_of(FAKE_DOC, session);

    open.open.has_position = true;
    open.open.position = at;
    uint64_t attachment = fake_open(&f, boot, open);
    fake_settle(&f);
    return attachment;
}

static struct wire_ops ops_of(const struct wire_opened *opened)
{
    struct wire_ops ops;

    ck_assert_int_eq(wire_ops_decode(&f.mem, opened->payload, &ops), 0);
    return ops;
}

/* `count` ops by session `number`, one entry each; archived so that we hold none of them. */
static void history(uint64_t attachment, unsigned count)
{
    for (uint64_t seq = 1; seq <= count; seq++) {
        char text[2] = {(char)('a' + seq % 26), 0};
        fake_type(&f, attachment, seq, 0, text);
        fake_settle(&f);
    }
    store_archive(&f.store, FAKE_DOC, 0, true);
}

/* Everybody leaves; the document is loaded anew, from its snapshot. */
static void cold(void)
{
    wk_core_gateway_gone(f.core, 1);
    wk_core_gateway_gone(f.core, 2);
    fake_run(&f, 12000);
    ck_assert_uint_eq(wk_core_gauges(f.core).documents, 0);
    fake_skip(&f);
}

START_TEST(who_is_at_the_head_is_up_to_date)
{
    fake_create(&f, 1, FAKE_DOC, 1);
    uint64_t b = reopen(2, 2, fake_head(&f, FAKE_DOC));

    ck_assert_uint_eq(fake_expect_opened(&f, b, WIRE_OPENED_UP_TO_DATE)->position.rev, 1);
}
END_TEST

START_TEST(who_is_behind_gets_one_run_of_what_others_did)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);
    struct chain_position at = fake_head(&f, FAKE_DOC);

    for (uint64_t seq = 1; seq <= 5; seq++) {
        fake_type(&f, a, seq, 0, "x");
        fake_settle(&f);
    }
    fake_skip(&f);
    uint64_t b = reopen(2, 2, at);
    const struct wire_opened *opened = fake_expect_opened(&f, b, WIRE_OPENED_OPS);
    struct wire_ops ops = ops_of(opened);
    ck_assert_uint_eq(ops.count, 1);
    ck_assert_uint_eq(ops.records[0].count, 5);
    struct slice all = fake_insert(&f, 0, "xxxxx");
    ck_assert(slice_equal(ops.records[0].body, all));
    ck_assert_uint_eq(opened->position.rev, 6);
}
END_TEST

START_TEST(a_run_is_cut_at_the_sessions_own_revisions)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1), b = fake_join(&f, 2, FAKE_DOC, 2);
    struct chain_position at = fake_head(&f, FAKE_DOC);

    fake_type(&f, a, 1, 0, "x");
    fake_settle(&f);
    fake_type(&f, a, 2, 0, "x");
    fake_settle(&f);
    fake_type(&f, b, 1, 0, "y");
    fake_settle(&f);
    fake_type(&f, a, 3, 0, "x");
    fake_settle(&f);
    fake_skip(&f);
    uint64_t c = reopen(1, 2, at);
    const struct wire_opened *opened = fake_expect_opened(&f, c, WIRE_OPENED_OPS);
    struct wire_ops ops = ops_of(opened);
    ck_assert_uint_eq(ops.count, 3);
    ck_assert_uint_eq(ops.records[0].count, 2);
    ck_assert_uint_eq(ops.records[1].count, 1);
    ck_assert_uint_eq(ops.records[1].seq, 1);
    ck_assert(ops.records[1].has_author);
    ck_assert_uint_eq(ops.records[2].count, 1);
    ck_assert_uint_eq(opened->last_seq, 1);
}
END_TEST

START_TEST(what_is_archived_comes_back_from_postgres)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);
    struct chain_position at = fake_head(&f, FAKE_DOC);

    history(a, 30);
    cold();
    uint64_t b = reopen(2, 2, at);
    const struct wire_opened *opened = fake_expect_opened(&f, b, WIRE_OPENED_OPS);
    struct wire_ops ops = ops_of(opened);
    ck_assert_uint_eq(ops.count, 1);
    ck_assert_uint_eq(ops.records[0].count, 30);
    ck_assert_uint_eq(f.store.calls[STORAGE_HISTORY], 1);
    /* It is kept for the next. */
    uint64_t c = reopen(2, 3, at);
    fake_expect_opened(&f, c, WIRE_OPENED_OPS);
    ck_assert_uint_eq(f.store.calls[STORAGE_HISTORY], 1);
}
END_TEST

START_TEST(a_submit_based_far_back_is_transformed_over_history)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);
    struct chain_position at = fake_head(&f, FAKE_DOC);

    history(a, 30);
    cold();
    uint64_t b = fake_join(&f, 2, FAKE_DOC, 2);
    fake_submit(&f, b, 1, at, WIRE_KIND_EDIT, fake_insert(&f, 1, "")); /* nothing */
    fake_settle(&f);
    fake_skip(&f);
    uint64_t c = fake_join(&f, 2, FAKE_DOC, 3);
    fake_submit(&f, c, 1, at, WIRE_KIND_EDIT, fake_insert(&f, 0, "Z"));
    fake_settle(&f);
    fake_expect_entry(&f, 2);
    const char *text = fake_text(&f, FAKE_DOC);
    ck_assert_uint_eq(strlen(text), 32);
    /* Everybody was first at that point, and stands left of it. */
    ck_assert_str_eq(text + 30, "Z\n");
}
END_TEST

START_TEST(without_postgres_only_those_far_behind_are_put_off)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);
    struct chain_position at = fake_head(&f, FAKE_DOC);

    history(a, 10);
    cold();
    uint64_t b = fake_join(&f, 1, FAKE_DOC, 2), c = fake_join(&f, 1, FAKE_DOC, 3);
    f.postgres_down = true;
    f.calls_held = true;
    struct wire_link_open open = fake_open_of(FAKE_DOC, 4);
    open.open.has_position = true;
    open.open.position = at;
    uint64_t d = fake_open(&f, 2, open);
    uint64_t e = fake_open(&f, 2, fake_open_of(FAKE_DOC, 5));
    fake_submit(&f, b, 1, at, WIRE_KIND_EDIT, fake_insert(&f, 0, "far"));
    fake_type(&f, c, 1, 0, "near");
    f.calls_held = false;
    fake_settle(&f);
    fake_expect_refused(&f, d, 0, WIRE_E_RETRY_LATER);
    const struct wire_to_gateway *item = fake_next(&f, 2);
    if (item->type == WIRE_TO_GATEWAY_ENTRY)
        item = fake_next(&f, 2);
    ck_assert_int_eq(item->type, WIRE_TO_GATEWAY_OPENED);
    ck_assert_uint_eq(item->opened.attachment, e);
    fake_expect_refused(&f, b, 1, WIRE_E_RETRY_LATER);
    ck_assert_uint_eq(fake_expect_entry(&f, 1).records[0].seq, 1);
    f.postgres_down = false;
    fake_submit(&f, b, 1, at, WIRE_KIND_EDIT, fake_insert(&f, 0, "far"));
    fake_settle(&f);
    fake_expect_entry(&f, 1);
}
END_TEST

START_TEST(opens_far_behind_do_not_keep_submits_from_their_turn)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);
    struct chain_position at = fake_head(&f, FAKE_DOC);

    history(a, 10);
    cold();
    uint64_t b = fake_join(&f, 1, FAKE_DOC, 2);
    f.calls_held = true;
    struct wire_link_open open = fake_open_of(FAKE_DOC, 4);
    open.open.has_position = true;
    open.open.position = at;
    fake_open(&f, 2, open);
    fake_type(&f, b, 1, 0, "x");
    for (uint64_t i = 5; i < 8; i++) {
        open.open.session = fake_session(&f, i);
        open.open.position.rev = 2; /* of no history: each has to be looked for */
        fake_open(&f, 2, open);
    }
    fake_land(&f, STORAGE_HISTORY);
    fake_call(&f, STORAGE_APPEND);
    f.calls_held = false;
    fake_settle(&f);
    fake_skip(&f);
}
END_TEST

START_TEST(a_position_that_is_not_in_the_history_is_a_resync_and_ends_the_session)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);
    struct chain_position at = fake_head(&f, FAKE_DOC);
    struct wire_session session = fake_session(&f, 2);

    fake_type(&f, a, 1, 0, "x");
    fake_settle(&f);
    fake_skip(&f);
    at.hash[0] ^= 1;
    struct wire_link_open open = fake_open_of(FAKE_DOC, 2);
    open.open.has_position = true;
    open.open.position = at;
    uint64_t b = fake_open(&f, 2, open);
    fake_land(&f, STORAGE_READ); /* decided on confirmed state only */
    fake_expect_none(&f);
    fake_land(&f, STORAGE_APPEND);
    ck_assert(fake_closed(&f, FAKE_DOC, &session));
    fake_expect(&f, 2, WIRE_TO_GATEWAY_ENTRY);
    fake_expect_opened(&f, b, WIRE_OPENED_RESYNC);
    ck_assert_uint_eq(wk_core_counters(f.core)->resyncs, 1);
    fake_type(&f, b, 1, 0, "y");
    fake_settle(&f);
    fake_expect_refused(&f, b, 1, WIRE_E_SESSION_CLOSED);
}
END_TEST

START_TEST(a_position_ahead_of_ours_may_be_news)
{
    fake_create(&f, 1, FAKE_DOC, 1);
    fake_run(&f, 7500);
    fake_other(&f, FAKE_DOC, 7, 1, fake_insert(&f, 0, "o"));
    uint64_t b = reopen(2, 2, fake_head(&f, FAKE_DOC));
    fake_expect_entry(&f, 1);
    const struct wire_to_gateway *item = fake_next(&f, 2);
    if (item->type == WIRE_TO_GATEWAY_ENTRY)
        item = fake_next(&f, 2);
    ck_assert_int_eq(item->type, WIRE_TO_GATEWAY_OPENED);
    ck_assert_uint_eq(item->opened.attachment, b);
    ck_assert_int_eq(item->opened.opened.outcome, WIRE_OPENED_UP_TO_DATE);
    ck_assert_uint_eq(wk_core_counters(f.core)->resyncs, 0);
    ck_assert_uint_eq(wk_core_counters(f.core)->loads, 1); /* followed, not loaded */
}
END_TEST

/* Redis had lost it, and another worker puts it back as we are about to close the session of
 * whoever holds it; maybe he leaves meanwhile, or more is written and all is archived. */
enum meanwhile { NOTHING, LEAVES, ARCHIVED };
static uint64_t position_comes_back(enum meanwhile meanwhile)
{
    fake_create(&f, 1, FAKE_DOC, 1);
    struct chain_position before = fake_head(&f, FAKE_DOC);
    fake_other(&f, FAKE_DOC, 7, 1, fake_insert(&f, 0, "o"));
    struct store_doc *d = store_doc(&f.store, FAKE_DOC);
    struct storage_call back = {.kind = STORAGE_APPEND,
                                .doc = FAKE_DOC,
                                .expect = before,
                                .position = d->head,
                                .first_rev = before.rev + 1};
    struct bytes payload = BYTES_INIT;
    bytes_append_slice(&payload, bytes_slice(&d->log[d->log_count - 1].payload));
    back.payload = bytes_slice(&payload);
    store_lose(&f.store, FAKE_DOC, 1);

    f.calls_held = true;
    uint64_t b = reopen(2, 2, back.position);
    fake_land(&f, STORAGE_READ);
    store_step(&f.store, &back);
    ck_assert_int_eq(back.result, STORAGE_OK);
    if (meanwhile == LEAVES)
        fake_detach(&f, b);
    if (meanwhile == ARCHIVED) {
        fake_other(&f, FAKE_DOC, 7, 2, fake_insert(&f, 0, "p"));
        store_archive(&f.store, FAKE_DOC, 0, true);
    }
    fake_land(&f, STORAGE_APPEND); /* of the close: refused */
    f.calls_held = false;
    fake_settle(&f);
    bytes_fini(&payload);
    return b;
}

START_TEST(a_position_that_comes_back_withdraws_the_close)
{
    struct wire_session session = fake_session(&f, 2);
    uint64_t b = position_comes_back(NOTHING);
    const struct wire_to_gateway *item = fake_next(&f, 2);

    if (item->type == WIRE_TO_GATEWAY_ENTRY)
        item = fake_next(&f, 2);
    ck_assert_int_eq(item->type, WIRE_TO_GATEWAY_OPENED);
    ck_assert_uint_eq(item->opened.attachment, b);
    ck_assert_int_eq(item->opened.opened.outcome, WIRE_OPENED_UP_TO_DATE);
    ck_assert(!fake_closed(&f, FAKE_DOC, &session));
    fake_skip(&f);
}
END_TEST

START_TEST(a_position_that_comes_back_closes_nothing_for_who_has_left)
{
    struct wire_session session = fake_session(&f, 2);

    position_comes_back(LEAVES);
    ck_assert(!fake_closed(&f, FAKE_DOC, &session));
    fake_skip(&f);
}
END_TEST

/* Then PostgreSQL has to be asked whether it is in the history. */
START_TEST(a_position_that_comes_back_and_is_archived_withdraws_the_close)
{
    struct wire_session session = fake_session(&f, 2);
    uint64_t b = position_comes_back(ARCHIVED);

    fake_expect_opened(&f, b, WIRE_OPENED_OPS);
    ck_assert(!fake_closed(&f, FAKE_DOC, &session));
    fake_skip(&f);
}
END_TEST

/* A read that was carried out before a position came to be tells nothing about it. */
START_TEST(who_comes_while_a_read_is_on_its_way_asks_again)
{
    struct chain_position wrong;

    fake_create(&f, 1, FAKE_DOC, 1);
    fake_run(&f, 7500);
    wrong = fake_head(&f, FAKE_DOC);
    wrong.rev = 9;
    f.calls_held = true;
    uint64_t b = reopen(2, 0, wrong);
    struct storage_call *call = fake_carry_out(&f, STORAGE_READ);
    fake_other(&f, FAKE_DOC, 7, 1, fake_insert(&f, 0, "o"));
    uint64_t c = reopen(2, 0, fake_head(&f, FAKE_DOC));
    fake_answer(&f, call);
    fake_expect_opened(&f, b, WIRE_OPENED_RESYNC);
    f.calls_held = false;
    fake_settle(&f);
    fake_expect_entry(&f, 2);
    fake_expect_opened(&f, c, WIRE_OPENED_UP_TO_DATE);
}
END_TEST

START_TEST(a_look_that_fails_is_no_resync)
{
    fake_create(&f, 1, FAKE_DOC, 1);
    fake_run(&f, 7500);
    fake_other(&f, FAKE_DOC, 7, 1, fake_insert(&f, 0, "o"));
    f.redis_down = true;
    uint64_t b = reopen(2, 0, fake_head(&f, FAKE_DOC));
    fake_run(&f, 500);
    fake_expect_none(&f);
    f.redis_down = false;
    fake_run(&f, 2000);
    fake_expect_entry(&f, 2);
    fake_expect_opened(&f, b, WIRE_OPENED_UP_TO_DATE);
}
END_TEST

START_TEST(who_may_not_read_is_denied_after_his_session_is_closed)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1), b = fake_join(&f, 2, FAKE_DOC, 2);
    struct wire_permission nobody = {.role = WIRE_ROLE_NONE};
    struct wire_session session = fake_session(&f, 2);
    struct bytes body = BYTES_INIT;

    wire_permission_encode(&nobody, &body);
    fake_submit(&f, a, 1, fake_head(&f, FAKE_DOC), WIRE_KIND_PERMISSION, bytes_slice(&body));
    fake_settle(&f);
    fake_skip(&f);
    uint64_t c = fake_open(&f, 2, fake_open_of(FAKE_DOC, 2));
    fake_land(&f, STORAGE_APPEND);
    ck_assert(fake_closed(&f, FAKE_DOC, &session));
    fake_expect(&f, 2, WIRE_TO_GATEWAY_ENTRY);
    fake_expect_refused(&f, c, 0, WIRE_E_DENIED);
    ck_assert_uint_gt(b, a);
    bytes_fini(&body);
}
END_TEST

START_TEST(an_attachment_that_went_away_gets_no_answer)
{
    fake_create(&f, 1, FAKE_DOC, 1);
    uint64_t a = fake_open(&f, 1, fake_open_of(slice_str("d2"), 1));

    fake_detach(&f, a);
    fake_settle(&f);
    fake_expect_none(&f);
    /* Nor does another one that took its number, at another document. */
    struct wire_link_open open = fake_open_of(slice_str("d3"), 1);
    a = fake_open(&f, 1, open);
    open = fake_open_of(FAKE_DOC, 1);
    open.attachment = a;
    fake_open(&f, 1, open);
    fake_settle(&f);
    fake_expect(&f, 1, WIRE_TO_GATEWAY_REPLACED);
    fake_expect_opened(&f, a, WIRE_OPENED_SNAPSHOT);
    fake_expect_none(&f);
}
END_TEST

START_TEST(an_open_that_is_sent_again_is_answered_once)
{
    fake_create(&f, 1, FAKE_DOC, 1);
    struct wire_link_open open = fake_open_of(slice_str("d2"), 1);

    open.open.has_create = true;
    open.open.create_kind = WIRE_DOC_TEXT;
    open.open.create_content = fake_insert(&f, 0, "x");
    open.attachment = fake_open(&f, 1, open);
    fake_open(&f, 1, open);
    fake_settle(&f);
    fake_expect(&f, 1, WIRE_TO_GATEWAY_ENTRY);
    fake_expect_opened(&f, open.attachment, WIRE_OPENED_UP_TO_DATE);
    fake_expect_none(&f);
}
END_TEST

START_TEST(what_was_erased_before_the_ring_is_nowhere)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);
    struct chain_position at = fake_head(&f, FAKE_DOC);

    history(a, 5);
    cold();
    struct store_doc *d = store_doc(&f.store, FAKE_DOC);
    for (size_t i = 0; i < d->segment_count; i++)
        bytes_fini(&d->segments[i].bytes);
    d->segment_count = 0; /* the snapshot stands */
    uint64_t b = reopen(2, 2, at);
    fake_expect(&f, 2, WIRE_TO_GATEWAY_ENTRY); /* of the close */
    fake_expect_opened(&f, b, WIRE_OPENED_RESYNC);
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

TCase *wk_open_cases(void)
{
    TCase *tc = tcase_create("open");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, who_is_at_the_head_is_up_to_date);
    tcase_add_test(tc, who_is_behind_gets_one_run_of_what_others_did);
    tcase_add_test(tc, a_run_is_cut_at_the_sessions_own_revisions);
    tcase_add_test(tc, what_is_archived_comes_back_from_postgres);
    tcase_add_test(tc, a_submit_based_far_back_is_transformed_over_history);
    tcase_add_test(tc, without_postgres_only_those_far_behind_are_put_off);
    tcase_add_test(tc, opens_far_behind_do_not_keep_submits_from_their_turn);
    tcase_add_test(tc, a_position_that_is_not_in_the_history_is_a_resync_and_ends_the_session);
    tcase_add_test(tc, a_position_ahead_of_ours_may_be_news);
    tcase_add_test(tc, a_position_that_comes_back_withdraws_the_close);
    tcase_add_test(tc, a_position_that_comes_back_and_is_archived_withdraws_the_close);
    tcase_add_test(tc, a_position_that_comes_back_closes_nothing_for_who_has_left);
    tcase_add_test(tc, who_comes_while_a_read_is_on_its_way_asks_again);
    tcase_add_test(tc, a_look_that_fails_is_no_resync);
    tcase_add_test(tc, who_may_not_read_is_denied_after_his_session_is_closed);
    tcase_add_test(tc, an_attachment_that_went_away_gets_no_answer);
    tcase_add_test(tc, an_open_that_is_sent_again_is_answered_once);
    tcase_add_test(tc, what_was_erased_before_the_ring_is_nowhere);
    return tc;
}
