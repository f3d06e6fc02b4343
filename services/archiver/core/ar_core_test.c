/* One archiver's core against a fake shell: what it does, and where its limits are. */
#include <stdlib.h>

#include "ar_fake_test.h"

static struct fake f;

static struct ar_counters counters(void)
{
    return *ar_core_counters(f.core);
}

static void setup(void)
{
    fake_init(&f, NULL);
}

static void teardown(void)
{
    fake_fini(&f);
}

/* With one number of its own. */
static void restart(struct ar_config config)
{
    fake_fini(&f);
    fake_init(&f, &config);
}

START_TEST(what_was_written_is_archived_and_trimmed)
{
    fake_create(&f, FAKE_DOC);
    fake_edit(&f, FAKE_DOC, 10);
    fake_run(&f);
    fake_expect_archived(&f, FAKE_DOC);
    ck_assert_uint_eq(counters().claims, 1);
    ck_assert_uint_eq(counters().commits, 1);
    ck_assert_uint_eq(counters().revisions, 2);
    ck_assert_uint_eq(counters().trims, 1);
    ck_assert_uint_eq(counters().snapshots, 0);
    ck_assert_uint_eq(f.events[AR_EVENT_COMMITTED], 1);
    ck_assert_int_eq(ar_core_gauges(f.core).lag_us, 0);
}
END_TEST

START_TEST(a_document_is_loaded_once_while_it_fits_the_cache)
{
    for (unsigned i = 0; i < 3; i++) {
        if (i == 0)
            fake_create(&f, FAKE_DOC);
        fake_edit(&f, FAKE_DOC, 10);
        fake_run(&f);
    }
    fake_expect_archived(&f, FAKE_DOC);
    ck_assert_uint_eq(f.store.calls[STORAGE_LOAD], 1);
    ck_assert_uint_eq(counters().limit_cache, 0);
    ck_assert_int_gt(ar_core_gauges(f.core).cache_bytes, 0);
}
END_TEST

START_TEST(the_least_recently_used_leaves_the_cache)
{
    struct ar_config config = fake_config();

    config.cache_bytes_max = 160 << 10;
    restart(config);
    for (unsigned i = 0; i < 3; i++) {
        char id[] = {'a', (char)('0' + i), 0};
        fake_create(&f, slice_str(id));
        fake_edit(&f, slice_str(id), 60000);
        fake_run(&f);
        ck_assert_int_le(ar_core_gauges(f.core).cache_bytes, (int64_t)config.cache_bytes_max);
    }
    ck_assert_uint_ge(counters().limit_cache, 1);
    uint64_t loads = f.store.calls[STORAGE_LOAD];
    fake_edit(&f, slice_str("a2"), 1);
    fake_run(&f);
    ck_assert_uint_eq(f.store.calls[STORAGE_LOAD], loads);
    fake_edit(&f, slice_str("a0"), 1);
    fake_run(&f);
    ck_assert_uint_eq(f.store.calls[STORAGE_LOAD], loads + 1);
    /* One that is larger than all of it is not kept. */
    fake_edit(&f, slice_str("a0"), 200000);
    fake_edit(&f, slice_str("a0"), 200000);
    uint64_t limit = counters().limit_cache;
    fake_run(&f);
    fake_expect_archived(&f, slice_str("a0"));
    ck_assert_uint_eq(counters().limit_cache, limit + 1);
}
END_TEST

START_TEST(entries_of_one_segment_are_bounded)
{
    struct ar_config config = fake_config();

    config.entries_max = 3;
    restart(config);
    fake_create(&f, FAKE_DOC);
    for (unsigned i = 0; i < 6; i++)
        fake_edit(&f, FAKE_DOC, 1);
    fake_run(&f);
    fake_expect_archived(&f, FAKE_DOC);
    ck_assert_uint_eq(counters().commits, 3); /* 3 + 3 + 1 */
    ck_assert_uint_eq(counters().limit_entries, 2);
    ck_assert_uint_eq(counters().limit_segment, 0);
}
END_TEST

START_TEST(bytes_of_one_segment_are_bounded)
{
    fake_create(&f, FAKE_DOC);
    for (unsigned i = 0; i < AR_SEGMENT_BYTES_MAX / 200000 + 1; i++)
        fake_edit(&f, FAKE_DOC, 200000);
    fake_run(&f);
    fake_expect_archived(&f, FAKE_DOC);
    ck_assert_uint_eq(counters().commits, 2);
    ck_assert_uint_eq(counters().limit_segment, 1);
    ck_assert_uint_eq(counters().limit_entries, 0);
}
END_TEST

START_TEST(documents_at_once_are_bounded)
{
    struct ar_config config = fake_config();

    config.jobs_max = 2;
    restart(config);
    for (unsigned i = 0; i < 5; i++) {
        char id[] = {'b', (char)('0' + i), 0};
        fake_create(&f, slice_str(id));
    }
    /* Claims first: nothing of a job is done before as many run as may. */
    ar_core_tick(f.core);
    while (ar_core_gauges(f.core).jobs < 2) {
        struct storage_call *call = f.calls;
        while (call->kind != STORAGE_CLAIM)
            call = call->next;
        struct storage_call **at = &f.calls;
        while (*at != call)
            at = &(*at)->next;
        *at = call->next;
        ck_assert_uint_le(call->count_max, 2);
        store_step(&f.store, call);
        ar_core_storage_done(f.core, call);
    }
    ck_assert_uint_eq(counters().limit_jobs, 1);
    for (struct storage_call *call = f.calls; call; call = call->next)
        ck_assert_int_ne(call->kind, STORAGE_CLAIM);
    fake_run(&f);
    for (unsigned i = 0; i < 5; i++) {
        char id[] = {'b', (char)('0' + i), 0};
        fake_expect_archived(&f, slice_str(id));
    }
}
END_TEST

START_TEST(a_snapshot_is_due_after_so_many_revisions_or_bytes)
{
    struct ar_config config = fake_config();

    config.snapshot_revs = 4;
    config.snapshot_bytes = 10000;
    restart(config);
    fake_create(&f, FAKE_DOC);
    fake_edit(&f, FAKE_DOC, 1);
    fake_run(&f);
    ck_assert_uint_eq(counters().snapshots, 0);
    fake_edit(&f, FAKE_DOC, 1);
    fake_edit(&f, FAKE_DOC, 1);
    fake_run(&f);
    ck_assert_uint_eq(counters().snapshots, 1);
    ck_assert_uint_eq(f.events[AR_EVENT_SNAPSHOT], 1);
    fake_edit(&f, FAKE_DOC, 20000);
    fake_run(&f);
    ck_assert_uint_eq(counters().snapshots, 2);
    fake_expect_archived(&f, FAKE_DOC);
}
END_TEST

START_TEST(asked_to_stop_it_ends_what_is_under_way)
{
    fake_create(&f, FAKE_DOC);
    ar_core_tick(f.core);
    ar_core_drain(f.core);
    ck_assert(!ar_core_drained(f.core));
    fake_run(&f);
    ck_assert(ar_core_drained(f.core));
    uint64_t claims = f.store.calls[STORAGE_CLAIM];
    fake_run(&f);
    ck_assert_uint_eq(f.store.calls[STORAGE_CLAIM], claims);
    ck_assert_uint_eq(ar_core_due_ms(f.core), UINT64_MAX);
}
END_TEST

START_TEST(marks_are_repaired_lane_by_lane)
{
    f.store.remarked = 3;
    fake_skip_ms(&f, fake_config().sweep_ms);
    fake_run(&f);
    ck_assert_uint_eq(counters().remarked, 3);
    uint64_t sweeps = f.store.calls[STORAGE_REMARK];
    fake_skip_ms(&f, fake_config().sweep_ms);
    fake_run(&f);
    ck_assert_uint_eq(f.store.calls[STORAGE_REMARK], sweeps + 1);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {what_was_written_is_archived_and_trimmed,
                                  a_document_is_loaded_once_while_it_fits_the_cache,
                                  the_least_recently_used_leaves_the_cache,
                                  entries_of_one_segment_are_bounded,
                                  bytes_of_one_segment_are_bounded,
                                  documents_at_once_are_bounded,
                                  a_snapshot_is_due_after_so_many_revisions_or_bytes,
                                  asked_to_stop_it_ends_what_is_under_way,
                                  marks_are_repaired_lane_by_lane};
    Suite *suite = suite_create("archiver core");
    TCase *tc = tcase_create("what it does");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(tc, tests[i]);
    suite_add_tcase(suite, tc);
    suite_add_tcase(suite, ar_wrong_cases());
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
