/* What PostgreSQL has against what Redis has: which goes on, and what an older release cannot read.
 */
#include "archive_segment.h"
#include "wk_cases_test.h"
#include "wk_fake_test.h"

static struct fake f;

START_TEST(all_of_redis_lost_is_appended_again_behind_what_is_archived)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);

    fake_type(&f, a, 1, 0, "x");
    fake_settle(&f);
    store_archive(&f.store, FAKE_DOC, 0, true);
    fake_type(&f, a, 2, 0, "y");
    fake_settle(&f);
    struct chain_position head = fake_head(&f, FAKE_DOC);
    fake_skip(&f);
    store_forget(&f.store, FAKE_DOC);
    fake_run(&f, 5000);
    struct chain_position again = fake_head(&f, FAKE_DOC);
    ck_assert(chain_position_equal(&head, &again));
    ck_assert_str_eq(fake_text(&f, FAKE_DOC), "yx\n");
    ck_assert_uint_eq(f.store.calls[STORAGE_ADOPT], 2); /* at PostgreSQL's head: nothing to mend */
    ck_assert_uint_eq(f.store.calls[STORAGE_REBASE], 0);
    fake_expect_none(&f);
}
END_TEST

START_TEST(postgres_ahead_of_redis_wins_under_its_lock)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);
    struct chain_position first = fake_head(&f, FAKE_DOC);

    for (uint64_t seq = 1; seq <= 2; seq++) {
        fake_type(&f, a, seq, 0, "x");
        fake_settle(&f);
    }
    store_archive(&f.store, FAKE_DOC, 0, true);
    struct chain_position head = fake_head(&f, FAKE_DOC);
    fake_run(&f, 500); /* seen to be archived */
    fake_skip(&f);
    store_doc(&f.store, FAKE_DOC)->head = first; /* Redis, from an old backup */
    fake_run(&f, 5000);
    ck_assert_uint_eq(f.store.calls[STORAGE_REBASE], 1);
    ck_assert_uint_eq(f.events[WK_EVENT_REBASED], 1);
    ck_assert(!store_doc(&f.store, FAKE_DOC)->locked);
    struct chain_position again = fake_head(&f, FAKE_DOC);
    ck_assert(chain_position_equal(&head, &again));
    fake_type(&f, a, 3, 0, "y");
    fake_settle(&f);
    ck_assert_str_eq(fake_text(&f, FAKE_DOC), "yxx\n");
}
END_TEST

/* Redis has lost all, and it was created anew from nothing. */
START_TEST(another_history_beside_what_is_archived_is_set_back)
{
    fake_other_create(&f, FAKE_DOC);
    fake_other(&f, FAKE_DOC, 2, 1, fake_insert(&f, 0, "x"));
    store_archive(&f.store, FAKE_DOC, 0, false);
    store_forget(&f.store, FAKE_DOC);
    struct store_doc *d = store_doc(&f.store, FAKE_DOC);
    size_t stored = d->segment_count;
    d->segment_count = 0; /* whoever creates it does not know of PostgreSQL's */
    fake_other_create(&f, FAKE_DOC);
    fake_other(&f, FAKE_DOC, 2, 1, fake_insert(&f, 0, "y"));
    fake_other(&f, FAKE_DOC, 2, 2, fake_insert(&f, 0, "z"));
    d->segment_count = stored;
    fake_join(&f, 1, FAKE_DOC, 1);
    ck_assert_str_eq(fake_text(&f, FAKE_DOC), "x\n");
    ck_assert_uint_eq(f.store.calls[STORAGE_REBASE], 1);
    ck_assert_uint_eq(f.events[WK_EVENT_QUARANTINED], 0);
}
END_TEST

/* Whoever opens it meanwhile is told to come back; nobody is alarmed. */
static void expect_too_old(void)
{
    uint64_t a = fake_open(&f, 1, fake_open_of(FAKE_DOC, 1));
    uint64_t before = f.events[WK_EVENT_NEWER];

    fake_run(&f, 10000);
    fake_expect_refused(&f, a, 0, WIRE_E_RETRY_LATER);
    ck_assert_uint_gt(f.events[WK_EVENT_NEWER], before);
    ck_assert_uint_eq(f.events[WK_EVENT_QUARANTINED], 0);
    ck_assert_uint_eq(wk_core_gauges(f.core).quarantined, 0);
}

/* Of the last entry, and what is hashed over it. */
static void entry_version_set(struct store_doc *d, uint8_t version)
{
    struct store_entry *last = &d->log[d->log_count - 1];
    uint64_t count = last->position.rev - last->before.rev;

    last->payload.data[1] = version; /* behind its tag */
    last->position = chain_position_after(&last->before, count, bytes_slice(&last->payload));
    d->head = last->position;
}

static void segment_version_set(struct store_segment *segment, uint8_t version)
{
    struct bytes raw = BYTES_INIT;

    ck_assert_int_eq(archive_decompress(bytes_slice(&segment->bytes), &raw), 0);
    raw.data[0] = version;
    bytes_reset(&segment->bytes);
    ck_assert_int_eq(archive_compress(bytes_slice(&raw), &segment->bytes), 0);
    bytes_fini(&raw);
}

START_TEST(what_a_newer_release_wrote_is_waited_for)
{
    fake_other_create(&f, FAKE_DOC);
    fake_other(&f, FAKE_DOC, 2, 1, fake_insert(&f, 0, "x"));
    struct store_doc *d = store_doc(&f.store, FAKE_DOC);
    ck_assert_uint_eq(d->log[1].payload.data[1], 1);
    entry_version_set(d, 2);
    expect_too_old();
    entry_version_set(d, 1);
    store_archive(&f.store, FAKE_DOC, 1, false);
    segment_version_set(&d->segments[0], 2);
    expect_too_old();
    segment_version_set(&d->segments[0], 1);
    fake_run(&f, 5000);
    fake_join(&f, 1, FAKE_DOC, 1);
    ck_assert_str_eq(fake_text(&f, FAKE_DOC), "x\n");
}
END_TEST

/* It is asked for as long as somebody waits for it, and a little longer. */
START_TEST(what_cannot_be_loaded_is_let_go_when_nobody_waits)
{
    fake_other_create(&f, FAKE_DOC);
    fake_other(&f, FAKE_DOC, 2, 1, fake_insert(&f, 0, "x"));
    struct store_doc *d = store_doc(&f.store, FAKE_DOC);
    entry_version_set(d, 2);
    for (int drains = 0; drains < 2; drains++) {
        uint64_t a = fake_open(&f, 1, fake_open_of(FAKE_DOC, 1));
        fake_run(&f, 4000);
        fake_expect_refused(&f, a, 0, WIRE_E_RETRY_LATER);
        ck_assert_uint_eq(wk_core_gauges(f.core).documents, 1);
        if (drains)
            wk_core_drain(f.core);
        fake_run(&f, drains ? 2500 : f.config.idle_ms);
        ck_assert_uint_eq(wk_core_gauges(f.core).documents, 0);
        uint64_t reads = f.store.calls[STORAGE_READ];
        fake_run(&f, 10000);
        ck_assert_uint_eq(f.store.calls[STORAGE_READ], reads);
    }
    entry_version_set(d, 1);
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

TCase *wk_stored_cases(void)
{
    TCase *tc = tcase_create("stored");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, all_of_redis_lost_is_appended_again_behind_what_is_archived);
    tcase_add_test(tc, postgres_ahead_of_redis_wins_under_its_lock);
    tcase_add_test(tc, another_history_beside_what_is_archived_is_set_back);
    tcase_add_test(tc, what_a_newer_release_wrote_is_waited_for);
    tcase_add_test(tc, what_cannot_be_loaded_is_let_go_when_nobody_waits);
    return tc;
}
