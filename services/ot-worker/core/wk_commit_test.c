/* Group commit and the ack gate: what makes an entry, and when who hears of it. */
#include <stdlib.h>

#include "wk_cases_test.h"
#include "wk_fake_test.h"

static struct fake f;

START_TEST(an_op_is_shown_only_when_its_entry_is_durable)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);
    uint64_t b = fake_join(&f, 2, FAKE_DOC, 2);

    fake_type(&f, a, 1, 0, "x");
    fake_expect_none(&f);
    fake_call(&f, STORAGE_APPEND);
    fake_settle(&f);
    struct wire_client_entry own = fake_expect_entry(&f, 1), seen = fake_expect_entry(&f, 2);
    ck_assert_uint_eq(own.first_rev, 2);
    ck_assert_uint_eq(own.records[0].seq, 1);
    ck_assert_uint_eq(seen.last_rev, 2);
    ck_assert_uint_eq(seen.time_ms, FAKE_EPOCH_MS + f.now_ms);
    ck_assert_str_eq(fake_text(&f, FAKE_DOC), "x\n");
    ck_assert_uint_gt(b, a);
    fake_expect_none(&f);
}
END_TEST

START_TEST(one_append_at_a_time_and_what_gathers_is_the_next_entry)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1), b = fake_join(&f, 1, FAKE_DOC, 2),
             c = fake_join(&f, 2, FAKE_DOC, 3);

    fake_type(&f, a, 1, 0, "a");
    fake_type(&f, b, 1, 0, "b");
    fake_type(&f, c, 1, 0, "c");
    ck_assert_uint_eq(f.call_count, 1);
    fake_land(&f, STORAGE_APPEND);
    ck_assert_uint_eq(fake_expect_entry(&f, 1).last_rev, 2);
    fake_land(&f, STORAGE_APPEND);
    struct wire_client_entry entry = fake_expect_entry(&f, 1);
    ck_assert_uint_eq(entry.first_rev, 3);
    ck_assert_uint_eq(entry.last_rev, 4);
    ck_assert_uint_eq(entry.count, 2);
    ck_assert_str_eq(fake_text(&f, FAKE_DOC), "abc\n");
    ck_assert_uint_eq(wk_core_counters(f.core)->entries, 3);
}
END_TEST

START_TEST(a_gateway_hears_an_entry_once_however_many_attachments)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);

    fake_join(&f, 2, FAKE_DOC, 2);
    fake_join(&f, 1, FAKE_DOC, 3);
    fake_join(&f, 2, FAKE_DOC, 4);
    fake_type(&f, a, 1, 0, "x");
    fake_settle(&f);
    fake_expect_entry(&f, 1);
    fake_expect_entry(&f, 2);
    fake_expect_none(&f);
}
END_TEST

START_TEST(an_open_during_an_append_waits_and_joins_behind_its_entry)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);

    fake_type(&f, a, 1, 0, "x");
    uint64_t b = fake_open(&f, 2, fake_open_of(FAKE_DOC, 2));
    fake_expect_none(&f);
    fake_land(&f, STORAGE_APPEND);
    fake_settle(&f);
    fake_expect_entry(&f, 1);
    /* Its gateway hears the entry too, as nobody there has been answered: it lets that pass. */
    const struct wire_to_gateway *item = fake_next(&f, 2);
    if (item->type == WIRE_TO_GATEWAY_ENTRY)
        item = fake_next(&f, 2);
    ck_assert_int_eq(item->type, WIRE_TO_GATEWAY_OPENED);
    ck_assert_uint_eq(item->opened.attachment, b);
    ck_assert_uint_eq(item->opened.opened.position.rev, 2);
    struct chain_position at = item->opened.opened.position;
    fake_type(&f, a, 2, 0, "y");
    fake_settle(&f);
    item = fake_expect(&f, 2, WIRE_TO_GATEWAY_ENTRY);
    ck_assert(chain_position_equal(&item->entry.before, &at));
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

TCase *wk_commit_cases(void)
{
    TCase *tc = tcase_create("commit");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 30);
    tcase_add_test(tc, an_op_is_shown_only_when_its_entry_is_durable);
    tcase_add_test(tc, one_append_at_a_time_and_what_gathers_is_the_next_entry);
    tcase_add_test(tc, a_gateway_hears_an_entry_once_however_many_attachments);
    tcase_add_test(tc, an_open_during_an_append_waits_and_joins_behind_its_entry);
    return tc;
}
