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
    f.now_ms += 4;
    fake_land(&f, STORAGE_APPEND);
    ck_assert_uint_eq(fake_expect_entry(&f, 1).last_rev, 2);
    f.now_ms += 5;
    fake_land(&f, STORAGE_APPEND);
    struct wire_client_entry entry = fake_expect_entry(&f, 1);
    ck_assert_uint_eq(entry.first_rev, 3);
    ck_assert_uint_eq(entry.last_rev, 4);
    ck_assert_uint_eq(entry.count, 2);
    ck_assert_str_eq(fake_text(&f, FAKE_DOC), "abc\n");
    const struct wk_counters *n = wk_core_counters(f.core);
    ck_assert_uint_eq(n->entries, 3);
    /* a went at once, b and c waited for a's append; the create is nobody's op */
    ck_assert(n->queue_us.count == 3 && n->queue_us.sum == 2 * 4000);
    ck_assert(n->append_us.count == 3 && n->append_us.sum == 4000 + 2 * 5000);
    ck_assert(n->transform_us.count == 3 && n->entry_ops.count == 3 && n->entry_ops.sum == 4);
    ck_assert_uint_eq(wk_core_gauges(f.core).tail_revs, 4);
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

static void apart(struct wk_config *config)
{
    config->commit_ms = 30;
}

/* --- commits that come together --- */

#define BUSY 8

START_TEST(after_a_commit_of_many_the_next_one_waits_and_takes_all)
{
    struct slice other = slice_str("other");
    uint64_t at[BUSY], a = fake_create(&f, 1, FAKE_DOC, 1), b = fake_create(&f, 2, other, 2);

    for (unsigned i = 0; i < BUSY; i++)
        at[i] = fake_join(&f, 1, FAKE_DOC, 3 + i);
    fake_run(&f, 100);
    for (unsigned i = 0; i < BUSY; i++)
        fake_type(&f, at[i], 1, 0, "-");
    fake_no_call(&f);
    ck_assert_uint_le(wk_core_due_ms(f.core), f.now_ms);
    fake_settle(&f);
    ck_assert_uint_eq(fake_expect_entry(&f, 1).count, BUSY);
    /* Two documents, and two ops of one of them: all in the next commit. */
    fake_type(&f, a, 1, 0, "x");
    fake_type(&f, b, 1, 0, "z");
    ck_assert_uint_eq(wk_core_due_ms(f.core), f.now_ms + BUSY / 4);
    f.now_ms++;
    wk_core_tick(f.core);
    fake_type(&f, at[0], 2, 0, "y");
    fake_no_call(&f);
    f.now_ms++;
    wk_core_tick(f.core);
    ck_assert_uint_eq(f.call_count, 2);
    fake_settle(&f);
    ck_assert_uint_eq(fake_expect_entry(&f, 1).count, 2);
    ck_assert_uint_eq(fake_expect_entry(&f, 2).count, 1);
    ck_assert_str_eq(fake_text(&f, FAKE_DOC), "xy--------\n");
    /* And who is few waits for nothing. */
    fake_type(&f, a, 2, 0, "1");
    ck_assert_uint_le(wk_core_due_ms(f.core), f.now_ms);
}
END_TEST

START_TEST(commits_are_never_farther_apart_than_asked_for)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);
    struct chain_position base;

    for (uint64_t i = 1; i <= 200; i++)
        fake_join(&f, 1, FAKE_DOC, 1 + i);
    base = fake_head(&f, FAKE_DOC);
    for (uint64_t i = 1; i <= 200; i++)
        fake_submit(&f, a + i, 1, base, WIRE_KIND_EDIT, fake_insert(&f, 0, "-"));
    fake_settle(&f);
    fake_type(&f, a, 1, 0, "x");
    ck_assert_uint_eq(wk_core_due_ms(f.core), f.now_ms + 30);
}
END_TEST

START_TEST(a_document_that_goes_leaves_the_next_commit)
{
    fake_view(&f, 1u << FAKE_SELF | 1u << 2);
    struct slice theirs = fake_doc_of(&f, 2, 0);
    fake_view(&f, 1u << FAKE_SELF);
    uint64_t a = fake_create(&f, 1, theirs, 1);
    fake_type(&f, a, 1, 0, "a");
    /* The beat comes before the end of the turn in which the op came. */
    fake_view(&f, 1u << FAKE_SELF | 1u << 2);
    f.now_ms += 1000;
    wk_core_tick(f.core);
    fake_run(&f, 1000);
    ck_assert_int_eq(wk_core_gauges(f.core).live, 0);
    ck_assert_uint_eq(wk_core_gauges(f.core).pending_ops, 0);
}
END_TEST

/* --- a crowd --- */

#define CROWD 40

/* `behind` revisions by others, then an op each of 40 sessions that have seen none of them. */
static void crowd_type(uint64_t behind)
{
    struct chain_position base;
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1), at[CROWD];
    char text[2] = {0};

    for (unsigned i = 0; i < CROWD; i++)
        at[i] = fake_join(&f, 2, FAKE_DOC, 2 + i);
    base = fake_head(&f, FAKE_DOC);
    for (uint64_t seq = 1; seq <= behind; seq++) {
        text[0] = (char)('a' + seq % 26);
        fake_type(&f, a, seq, seq / 2, text);
        fake_settle(&f);
    }
    fake_type(&f, a, behind + 1, 0, "-"); /* its append is under way: the others gather */
    for (unsigned i = 0; i < CROWD; i++) {
        text[0] = (char)('A' + i % 26);
        fake_submit(&f, at[i], 1, base, WIRE_KIND_EDIT, fake_insert(&f, 0, text));
    }
    fake_settle(&f);
}

START_TEST(a_crowd_with_one_base_lands_where_each_would_alone)
{
    static const uint64_t behinds[] = {2, 8, 9, 63, 64, 300};
    uint64_t behind = behinds[_i];

    crowd_type(behind);
    const struct wk_counters *c = wk_core_counters(f.core);
    ck_assert_uint_eq(c->ops, behind + 1 + CROWD);
    ck_assert_uint_eq(c->entries, behind + 3);
    ck_assert_uint_eq(c->transformed, CROWD);
    /* Whoever is first in the history stands left: theirs are all behind what was there. */
    const char *text = fake_text(&f, FAKE_DOC);
    ck_assert_uint_eq(strlen(text), behind + 1 + CROWD + 1);
    for (unsigned i = 0; i < CROWD; i++)
        ck_assert_int_eq(text[behind + 1 + i], 'A' + i % 26);
}
END_TEST

static void setup(void)
{
    fake_start(&f, NULL);
}

static void setup_apart(void)
{
    fake_start(&f, apart);
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
    tcase_add_loop_test(tc, a_crowd_with_one_base_lands_where_each_would_alone, 0, 6);
    return tc;
}

TCase *wk_commits_apart_cases(void)
{
    TCase *tc = tcase_create("commits apart");
    tcase_add_checked_fixture(tc, setup_apart, teardown);
    tcase_set_timeout(tc, 30);
    tcase_add_test(tc, after_a_commit_of_many_the_next_one_waits_and_takes_all);
    tcase_add_test(tc, commits_are_never_farther_apart_than_asked_for);
    tcase_add_test(tc, a_document_that_goes_leaves_the_next_commit);
    return tc;
}
