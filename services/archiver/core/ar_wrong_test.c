/* What goes wrong with an archiver's stores, and beside it. */
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

static void written(void)
{
    fake_create(&f, FAKE_DOC);
    fake_edit(&f, FAKE_DOC, 10);
}

static void wrong(enum storage_kind kind, enum storage_result result, bool done)
{
    f.wrong_kind = kind;
    f.wrong_result = result;
    f.wrong_done = done;
}

START_TEST(a_commit_whose_answer_was_lost_is_read_again)
{
    for (int done = 0; done < 2; done++) {
        written();
        wrong(STORAGE_COMMIT, STORAGE_UNKNOWN, done);
        fake_run(&f);
        fake_expect_archived(&f, FAKE_DOC);
        ck_assert_uint_eq(counters().unknown, 1);
        ck_assert_uint_eq(f.events[AR_EVENT_UNKNOWN], 1);
        /* Done or not, what it said is in PostgreSQL once. */
        ck_assert_uint_eq(f.store.calls[STORAGE_COMMIT], 1);
        teardown();
        setup();
    }
}
END_TEST

static void another_archives(struct fake *fake)
{
    store_archive(&fake->store, FAKE_DOC, 0, false);
}

START_TEST(another_archiver_that_was_first_is_noticed_under_the_lock)
{
    written();
    f.before_kind = STORAGE_LOCK;
    f.before = another_archives;
    fake_run(&f);
    ck_assert_uint_eq(counters().lost, 1);
    ck_assert_uint_eq(f.events[AR_EVENT_LOST], 1);
    ck_assert_uint_eq(counters().commits, 0);
    fake_expect_archived(&f, FAKE_DOC);
}
END_TEST

START_TEST(a_commit_that_is_refused_is_lost_to_another)
{
    written();
    wrong(STORAGE_COMMIT, STORAGE_REFUSED, false);
    fake_run(&f);
    ck_assert_uint_eq(counters().lost, 1);
    ck_assert_uint_eq(counters().commits, 1);
    fake_expect_archived(&f, FAKE_DOC);
}
END_TEST

static void tail_is_lost(struct fake *fake)
{
    store_lose(&fake->store, FAKE_DOC, 1);
}

START_TEST(what_is_gone_by_the_time_of_the_lock_is_not_committed)
{
    written();
    f.before_kind = STORAGE_LOCK;
    f.before = tail_is_lost;
    fake_run(&f);
    ck_assert_uint_eq(f.store.calls[STORAGE_COMMIT], 0);
    fake_dirty(&f, FAKE_DOC);
    fake_run(&f);
    fake_expect_archived(&f, FAKE_DOC);
    ck_assert_uint_eq(counters().revisions, 1);
}
END_TEST

/* PostgreSQL has revision 2, Redis remembers only 1. */
static void redis_forgets(void)
{
    written();
    struct store_doc *d = store_doc(&f.store, FAKE_DOC);
    struct chain_position first = d->log[0].position;
    fake_run(&f);
    fake_expect_archived(&f, FAKE_DOC);
    d->head = first;
    fake_dirty(&f, FAKE_DOC);
}

START_TEST(a_head_behind_postgres_is_set_back_to_it)
{
    redis_forgets();
    fake_run(&f);
    ck_assert_uint_eq(counters().rebases, 1);
    ck_assert_uint_eq(f.events[AR_EVENT_REBASED], 1);
    fake_expect_archived(&f, FAKE_DOC);
}
END_TEST

START_TEST(a_rebase_that_comes_too_late_changes_nothing)
{
    redis_forgets();
    wrong(STORAGE_REBASE, STORAGE_REFUSED, false);
    fake_run(&f);
    ck_assert_uint_eq(counters().rebases, 0);
    ck_assert(!store_doc(&f.store, FAKE_DOC)->locked);
}
END_TEST

START_TEST(a_damaged_entry_is_kept_and_told)
{
    written();
    struct store_doc *d = store_doc(&f.store, FAKE_DOC);
    d->log[1].payload.data[d->log[1].payload.size - 1] ^= 1;
    fake_run(&f);
    ck_assert_uint_eq(counters().damaged, 1);
    ck_assert_uint_eq(f.events[AR_EVENT_DAMAGED], 1);
    ck_assert_uint_eq(d->log_count, 2);
    ck_assert_uint_eq(counters().commits, 0);
    /* Mended, it is archived when it is claimed again. */
    d->log[1].payload.data[d->log[1].payload.size - 1] ^= 1;
    fake_dirty(&f, FAKE_DOC);
    fake_run(&f);
    fake_expect_archived(&f, FAKE_DOC);
}
END_TEST

/* Redis has lost what PostgreSQL has, and somebody who did not know has written: his entry spans
 * PostgreSQL's head, so that nothing in the stream begins behind it. */
static void another_spans(void)
{
    fake_create(&f, FAKE_DOC);
    store_archive(&f.store, FAKE_DOC, 0, false);
    struct store_doc *d = store_doc(&f.store, FAKE_DOC);
    struct chain_position known = d->stored_head, head;
    fake_edit(&f, FAKE_DOC, 10);
    store_commit(&f.store, FAKE_DOC);
    head = d->stored_head;
    store_lose(&f.store, FAKE_DOC, 1);
    d->stored_head = known;
    d->segment_count--;
    fake_edit_twice(&f, FAKE_DOC, 10);
    d->segment_count++;
    d->stored_head = head;
    fake_dirty(&f, FAKE_DOC);
}

/* Once the archiver has read so often, a worker sets the head back; maybe it has written too. */
static unsigned reads_left;
static bool writes_on;

static void head_is_set_back(struct fake *fake)
{
    if (--reads_left > 0) {
        fake->before = head_is_set_back;
        return;
    }
    struct store_doc *d = store_doc(&fake->store, FAKE_DOC);
    struct storage_call call = {
        .kind = STORAGE_REBASE, .doc = FAKE_DOC, .expect = d->head, .position = d->stored_head};
    if (d->locked)
        return; /* the archiver has it: a worker waits, and will find its work done */
    d->locked = true;
    store_step(&fake->store, &call);
    ck_assert_int_eq(call.result, STORAGE_OK);
    d->locked = false;
    if (writes_on)
        fake_edit(fake, FAKE_DOC, 10);
}

START_TEST(another_history_that_goes_while_it_is_looked_at_is_no_damage)
{
    for (reads_left = 1; reads_left <= 5; reads_left++)
        for (int writes = 0; writes < 2; writes++) {
            unsigned nth = reads_left;
            writes_on = writes;
            another_spans();
            f.before_kind = STORAGE_READ;
            f.before = head_is_set_back;
            fake_run(&f);
            ck_assert_uint_eq(counters().damaged, 0);
            fake_dirty(&f, FAKE_DOC);
            fake_run(&f);
            fake_expect_archived(&f, FAKE_DOC);
            reads_left = nth;
            teardown();
            setup();
        }
}
END_TEST

/* Before each of our READs another commits and trims all but the newest entry. */
static void another_runs_ahead(struct fake *fake)
{
    fake_edit(fake, FAKE_DOC, 10);
    store_archive(&fake->store, FAKE_DOC, 1, false);
    if (--reads_left > 0)
        fake->before = another_runs_ahead;
}

START_TEST(another_archiver_that_runs_ahead_is_no_damage)
{
    for (unsigned reads = 1; reads <= 5; reads++) {
        written();
        reads_left = reads;
        f.before_kind = STORAGE_READ;
        f.before = another_runs_ahead;
        fake_run(&f);
        f.before = NULL;
        ck_assert_uint_eq(counters().damaged, 0);
        fake_dirty(&f, FAKE_DOC);
        fake_run(&f);
        fake_expect_archived(&f, FAKE_DOC);
        ck_assert_uint_eq(counters().rebases, 0);
        teardown();
        setup();
    }
}
END_TEST

/* What can be no stream: told once with each claim, and the servers are not taken to fail. */
START_TEST(a_head_behind_its_stream_is_kept_and_told)
{
    written();
    struct store_doc *d = store_doc(&f.store, FAKE_DOC);
    struct chain_position head = d->head;
    d->head = d->log[0].position;
    fake_run(&f);
    ck_assert_uint_eq(counters().damaged, 1);
    ck_assert_uint_eq(counters().failed, 0);
    ck_assert_uint_eq(f.store.calls[STORAGE_REBASE] + f.store.calls[STORAGE_COMMIT], 0);
    ck_assert_uint_eq(d->log_count, 2);
    d->head = head;
    fake_dirty(&f, FAKE_DOC);
    fake_run(&f);
    fake_expect_archived(&f, FAKE_DOC);
}
END_TEST

START_TEST(without_postgres_it_falls_behind_and_catches_up)
{
    written();
    for (unsigned i = 0; i < 3; i++) {
        wrong(STORAGE_LOAD, STORAGE_DOWN, false);
        fake_dirty(&f, FAKE_DOC);
        fake_run(&f);
        fake_skip_ms(&f, 10000);
    }
    ck_assert_uint_eq(counters().failed, 3);
    ck_assert_int_ge(ar_core_gauges(f.core).lag_us, 30000000);
    fake_dirty(&f, FAKE_DOC);
    fake_run(&f);
    fake_expect_archived(&f, FAKE_DOC);
    ck_assert_int_eq(ar_core_gauges(f.core).lag_us, 0);
}
END_TEST

START_TEST(whatever_call_fails_it_is_archived_later)
{
    const enum storage_kind kinds[] = {STORAGE_LOAD, STORAGE_READ, STORAGE_LOCK, STORAGE_COMMIT,
                                       STORAGE_TRIM};
    const enum storage_result results[] = {STORAGE_DOWN, STORAGE_UNKNOWN, STORAGE_BROKEN};

    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        for (size_t r = 0; r < sizeof results / sizeof *results; r++) {
            written();
            wrong(kinds[k], results[r], false);
            fake_run(&f);
            fake_dirty(&f, FAKE_DOC);
            fake_run(&f);
            fake_expect_archived(&f, FAKE_DOC);
            teardown();
            setup();
        }
    }
}
END_TEST

START_TEST(without_redis_the_lag_grows)
{
    wrong(STORAGE_CLAIM, STORAGE_DOWN, false);
    fake_run(&f);
    fake_skip_ms(&f, 5000);
    ck_assert_int_ge(ar_core_gauges(f.core).lag_us, 5000000);
    fake_run(&f);
    ck_assert_int_eq(ar_core_gauges(f.core).lag_us, 0);
}
END_TEST

START_TEST(a_mark_of_nothing_is_taken_away)
{
    store_doc(&f.store, FAKE_DOC);
    fake_dirty(&f, FAKE_DOC);
    fake_run(&f);
    ck_assert_uint_eq(counters().remarked, 1);
    ck_assert_uint_eq(counters().commits, 0);
}
END_TEST

TCase *ar_wrong_cases(void)
{
    const TTest *const tests[] = {a_commit_whose_answer_was_lost_is_read_again,
                                  another_archiver_that_was_first_is_noticed_under_the_lock,
                                  a_commit_that_is_refused_is_lost_to_another,
                                  what_is_gone_by_the_time_of_the_lock_is_not_committed,
                                  a_head_behind_postgres_is_set_back_to_it,
                                  a_rebase_that_comes_too_late_changes_nothing,
                                  a_damaged_entry_is_kept_and_told,
                                  a_head_behind_its_stream_is_kept_and_told,
                                  another_history_that_goes_while_it_is_looked_at_is_no_damage,
                                  another_archiver_that_runs_ahead_is_no_damage,
                                  without_postgres_it_falls_behind_and_catches_up,
                                  whatever_call_fails_it_is_archived_later,
                                  without_redis_the_lag_grows,
                                  a_mark_of_nothing_is_taken_away};
    TCase *tc = tcase_create("what goes wrong");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(tc, tests[i]);
    return tc;
}
