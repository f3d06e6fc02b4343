/* Creation: who makes a document, and what the others get. */
#include "wk_cases_test.h"
#include "wk_fake_test.h"

static struct fake f;

START_TEST(an_unknown_document_is_not_made_by_an_open)
{
    uint64_t a = fake_open(&f, 1, fake_open_of(FAKE_DOC, 1));

    fake_settle(&f);
    fake_expect_refused(&f, a, 0, WIRE_E_NO_SUCH_DOCUMENT);
    ck_assert(!store_doc(&f.store, FAKE_DOC)->has_head);
    ck_assert(!store_doc(&f.store, FAKE_DOC)->locked);
    ck_assert_uint_eq(wk_core_gauges(f.core).documents, 0);
}
END_TEST

static struct wire_link_open creation(uint64_t session, const char *text)
{
    struct wire_link_open open = fake_open_of(FAKE_DOC, session);

    open.open.has_create = true;
    open.open.create_kind = WIRE_DOC_RICH;
    open.open.create_content = fake_insert(&f, 0, text);
    return open;
}

START_TEST(of_two_creators_one_wins_and_the_other_gets_that_document)
{
    uint64_t a = fake_open(&f, 1, creation(1, "one\n"));
    uint64_t b = fake_open(&f, 2, creation(2, "two\n"));

    fake_settle(&f);
    fake_expect(&f, 1, WIRE_TO_GATEWAY_ENTRY);
    ck_assert_uint_eq(fake_expect_opened(&f, a, WIRE_OPENED_UP_TO_DATE)->position.rev, 1);
    fake_expect(&f, 2, WIRE_TO_GATEWAY_ENTRY);
    fake_expect_opened(&f, b, WIRE_OPENED_SNAPSHOT);
    ck_assert_str_eq(fake_text(&f, FAKE_DOC), "one\n");
    ck_assert_uint_eq(f.events[WK_EVENT_CREATED], 1);
    fake_expect_none(&f);
}
END_TEST

START_TEST(of_two_creators_at_two_workers_one_wins)
{
    struct wire_record create = {.session = fake_session(&f, 2),
                                 .kind = WIRE_KIND_CREATE,
                                 .doc_kind = WIRE_DOC_RICH,
                                 .body = fake_insert(&f, 0, "two\n")};
    uint64_t a = fake_open(&f, 1, creation(1, "one\n"));

    while (f.calls[0]->kind != STORAGE_APPEND)
        fake_land(&f, f.calls[0]->kind);
    store_other(&f.store, FAKE_DOC, &create, 1, FAKE_EPOCH_MS + f.now_ms);
    fake_settle(&f);
    fake_expect(&f, 1, WIRE_TO_GATEWAY_ENTRY);
    fake_expect_opened(&f, a, WIRE_OPENED_SNAPSHOT);
    ck_assert_str_eq(fake_text(&f, FAKE_DOC), "two\n");
    ck_assert_uint_eq(f.events[WK_EVENT_CREATED], 0);
}
END_TEST

START_TEST(a_creator_that_asks_again_stands_at_revision_1)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);

    uint64_t b = fake_open(&f, 2, creation(1, "\n"));
    fake_settle(&f);
    fake_expect_opened(&f, b, WIRE_OPENED_UP_TO_DATE);
    fake_skip(&f);
    fake_type(&f, b, 1, 0, "x");
    fake_settle(&f);
    fake_skip(&f);
    uint64_t c = fake_open(&f, 1, creation(1, "\n"));
    fake_settle(&f);
    struct slice payload = fake_expect_opened(&f, c, WIRE_OPENED_OPS)->payload;
    struct wire_ops ops;
    ck_assert_int_eq(wire_ops_decode(&f.mem, payload, &ops), 0);
    ck_assert_uint_eq(ops.count, 1);
    ck_assert_uint_eq(ops.records[0].seq, 1);
    ck_assert_uint_gt(b, a);
}
END_TEST

START_TEST(a_creation_that_is_no_document_leaves_the_next_creator_his_turn)
{
    uint64_t a = fake_open(&f, 1, creation(1, "no newline")),
             b = fake_open(&f, 1, creation(2, "\n"));

    fake_settle(&f);
    fake_expect_refused(&f, a, 0, WIRE_E_BAD_CREATE);
    fake_expect(&f, 1, WIRE_TO_GATEWAY_ENTRY);
    fake_expect_opened(&f, b, WIRE_OPENED_UP_TO_DATE);
    fake_expect_none(&f);
    uint64_t c = fake_open(&f, 1, creation(1, "no newline"));
    fake_settle(&f);
    fake_expect_opened(&f, c, WIRE_OPENED_SNAPSHOT); /* it exists: nobody looks at the content */
}
END_TEST

START_TEST(a_creator_that_comes_while_nobody_knows_the_document_is_served)
{
    uint64_t a = fake_open(&f, 1, fake_open_of(FAKE_DOC, 1));

    fake_land(&f, STORAGE_READ);
    fake_land(&f, STORAGE_LOCK);
    uint64_t b = fake_open(&f, 2, creation(2, "\n"));
    fake_settle(&f);
    fake_expect_refused(&f, a, 0, WIRE_E_NO_SUCH_DOCUMENT);
    fake_expect(&f, 2, WIRE_TO_GATEWAY_ENTRY);
    fake_expect_opened(&f, b, WIRE_OPENED_UP_TO_DATE);
}
END_TEST

START_TEST(who_may_not_write_creates_nothing)
{
    struct wire_link_open open = creation(1, "\n");

    open.role = WIRE_ROLE_READ;
    uint64_t a = fake_open(&f, 1, open);
    fake_settle(&f);
    fake_expect_refused(&f, a, 0, WIRE_E_DENIED);
    ck_assert_uint_eq(fake_head(&f, FAKE_DOC).rev, 0);
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

TCase *wk_create_cases(void)
{
    TCase *tc = tcase_create("create");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, an_unknown_document_is_not_made_by_an_open);
    tcase_add_test(tc, of_two_creators_one_wins_and_the_other_gets_that_document);
    tcase_add_test(tc, of_two_creators_at_two_workers_one_wins);
    tcase_add_test(tc, a_creator_that_asks_again_stands_at_revision_1);
    tcase_add_test(tc, a_creation_that_is_no_document_leaves_the_next_creator_his_turn);
    tcase_add_test(tc, a_creator_that_comes_while_nobody_knows_the_document_is_served);
    tcase_add_test(tc, who_may_not_write_creates_nothing);
    return tc;
}
