/* What PostgreSQL is asked for; locks; what happens when it dies, stalls, or the backend closes. */
#include "backend_help_test.h"

#include <stdlib.h>

static void setup(void)
{
    help_open(REDIS_LEVEL_FSYNC, true);
}

static struct storage_lock *lock_doc(struct asked *ret)
{
    *ret = help_call(STORAGE_LOCK, DOC);
    ck_assert_int_eq(help_ask(ret), STORAGE_OK);
    ck_assert_ptr_nonnull(ret->call.lock);
    help_drop(ret);
    return ret->call.lock;
}

static void commit_fill(struct storage_call *call, const struct chain_position *at,
                        const char *segment, const char *snapshot)
{
    call->expect = *at;
    call->position = chain_position_after(at, 10, slice_str(segment));
    call->first_rev = at->rev + 8;
    call->segment_first_rev = at->rev + 1;
    call->segment = slice_str(segment);
    call->snapshot = slice_str(snapshot);
    call->doc_kind = 1;
    call->title = slice_str("title");
}

static struct asked commit_of(const struct chain_position *at, const char *segment,
                              const char *snapshot)
{
    struct asked lock, commit = help_call(STORAGE_COMMIT, DOC);

    commit_fill(&commit.call, at, segment, snapshot);
    commit.call.lock = lock_doc(&lock);
    return commit;
}

static struct chain_position committed(const struct chain_position *at, const char *segment,
                                       const char *snapshot)
{
    struct asked commit = commit_of(at, segment, snapshot);

    ck_assert_int_eq(help_ask(&commit), STORAGE_OK);
    ck_assert_ptr_null(commit.call.lock);
    help_drop(&commit);
    return commit.call.position;
}

static enum storage_result unlock(struct storage_lock *lock)
{
    struct asked end = help_call(STORAGE_UNLOCK, DOC);

    end.call.lock = lock;
    enum storage_result result = help_ask(&end);
    ck_assert_ptr_null(end.call.lock);
    help_drop(&end);
    return result;
}

static struct asked load(void)
{
    struct asked asked = help_call(STORAGE_LOAD, DOC);

    AWAIT(help_ask(&asked) == STORAGE_OK || (help_drop(&asked), false));
    return asked;
}

START_TEST(what_is_committed_is_loaded)
{
    struct asked none = load();
    ck_assert(!none.call.has_head && none.call.segment_count == 0);
    ck_assert_uint_eq(none.call.loaded_snapshot.size, 0);
    help_drop(&none);

    struct chain_position zero = chain_position_start(slice_str(DOC));
    struct chain_position a = committed(&zero, "first", "");
    struct chain_position b = committed(&a, "second", "snapshot");
    struct chain_position c = committed(&b, "third", "");
    struct chain_position d = committed(&c, "fourth", "");
    struct asked all = load();
    ck_assert(all.call.has_head && chain_position_equal(&all.call.head, &d));
    ck_assert(help_text_is(all.call.loaded_snapshot, "snapshot"));
    ck_assert_uint_eq(all.call.segment_count, 2);
    ck_assert(help_text_is(all.call.segments[0], "third") &&
              help_text_is(all.call.segments[1], "fourth"));
    help_drop(&all);

    struct asked lock;
    struct storage_lock *held = lock_doc(&lock);
    ck_assert(lock.call.has_head && chain_position_equal(&lock.call.head, &d));
    ck_assert_int_eq(unlock(held), STORAGE_OK);
}
END_TEST

START_TEST(history_tells_where_it_begins)
{
    struct chain_position ends[4] = {chain_position_start(slice_str(DOC))};
    static const char *const texts[] = {"0", "1", "2"};
    for (int i = 0; i < 3; i++)
        ends[i + 1] = committed(&ends[i], texts[i], "");
    static const struct {
        uint64_t from, to;
        size_t first, count;
    } cases[] = {{1, 30, 0, 3}, {10, 11, 0, 2}, {11, 20, 1, 1}, {25, 99, 2, 1}, {31, 99, 0, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct asked asked = help_call(STORAGE_HISTORY, DOC);
        asked.call.from_rev = cases[i].from;
        asked.call.to_rev = cases[i].to;
        ck_assert_int_eq(help_ask(&asked), STORAGE_OK);
        ck_assert_uint_eq(asked.call.segment_count, cases[i].count);
        ck_assert_int_eq(asked.call.has_head, cases[i].count > 0);
        if (cases[i].count)
            ck_assert(chain_position_equal(&asked.call.head, &ends[cases[i].first]));
        for (size_t k = 0; k < cases[i].count; k++)
            ck_assert(help_text_is(asked.call.segments[k], texts[cases[i].first + k]));
        help_drop(&asked);
    }
}
END_TEST

START_TEST(a_commit_on_another_head_is_refused)
{
    struct chain_position zero = chain_position_start(slice_str(DOC));
    struct chain_position a = committed(&zero, "first", "");
    struct asked commit = commit_of(&zero, "again", "");
    ck_assert_int_eq(help_ask(&commit), STORAGE_REFUSED);
    ck_assert(commit.call.has_head && chain_position_equal(&commit.call.head, &a));
    ck_assert_ptr_null(commit.call.lock);
    help_drop(&commit);
    struct asked lock; /* the lock is free again */
    ck_assert_int_eq(unlock(lock_doc(&lock)), STORAGE_OK);
}
END_TEST

START_TEST(documents_are_listed)
{
    struct chain_position zero = chain_position_start(slice_str(DOC));
    struct chain_position head = committed(&zero, "first", "");
    struct asked docs = {.call = {.kind = STORAGE_DOCS, .count_max = 10}};
    ck_assert_int_eq(help_ask(&docs), STORAGE_OK);
    ck_assert(docs.call.doc_count == 1 && help_text_is(docs.call.docs[0], DOC));
    ck_assert(chain_position_equal(&docs.call.heads[0], &head));
    help_drop(&docs);
    docs.call.after = slice_str(DOC);
    ck_assert_int_eq(help_ask(&docs), STORAGE_OK);
    ck_assert_uint_eq(docs.call.doc_count, 0);
    help_drop(&docs);
}
END_TEST

static void sessions_end(void)
{
    AWAIT(help_metric("weft_postgres_connections") == 3);
    uint64_t losses = help_metric("weft_postgres_losses_total");
    (void)support_pg_sql(help.postgres,
                         "select count(pg_terminate_backend(pid)) from pg_stat_activity"
                         " where application_name = 'weft'");
    AWAIT(help_metric("weft_postgres_losses_total") == losses + 3);
}

START_TEST(a_lost_lock_commits_nothing)
{
    struct chain_position zero = chain_position_start(slice_str(DOC));
    struct asked commit = commit_of(&zero, "first", ""), lock;
    sessions_end();
    ck_assert_int_eq(help_ask(&commit), STORAGE_DOWN);
    help_drop(&commit);
    struct asked after = load();
    ck_assert(!after.call.has_head);
    help_drop(&after);
    AWAIT(backend_ready(help.backend));
    struct storage_lock *held = lock_doc(&lock);
    sessions_end();
    ck_assert_int_eq(unlock(held), STORAGE_DOWN);
}
END_TEST

START_TEST(a_dead_postgres_opens_only_its_own_breaker)
{
    struct asked lock, asked;
    struct storage_lock *held = lock_doc(&lock);
    support_server_kill(help.postgres);
    AWAIT(backend_state(help.backend, BACKEND_POSTGRES) == BACKEND_DOWN);
    for (int i = 0; i < 10; i++) {
        asked = help_call(STORAGE_LOAD, DOC);
        ck_assert_int_eq(help_ask(&asked), STORAGE_DOWN);
        help_drop(&asked);
    }
    ck_assert_uint_ge(help.opened, 1);
    ck_assert_int_eq(unlock(held), STORAGE_DOWN); /* an end is always asked for */
    (void)help_adopt(DOC);                        /* Redis is not touched by it */
    support_server_again(help.postgres);
    asked = load();
    help_drop(&asked);
    ck_assert_uint_ge(help.closed_again, 1);
}
END_TEST

START_TEST(a_stalled_postgres_leaves_it_unknown)
{
    help_reopen_short(true);
    struct asked asked = help_call(STORAGE_LOAD, DOC);
    support_server_pause(help.postgres);
    ck_assert_int_eq(help_ask(&asked), STORAGE_UNKNOWN);
    help_drop(&asked);
    support_server_resume(help.postgres);
    asked = load();
    help_drop(&asked);
}
END_TEST

static void set_standby(const char *name)
{
    (void)support_pg_sql(help.postgres, "alter system set synchronous_standby_names = '%s'", name);
    (void)support_pg_sql(help.postgres, "select pg_reload_conf()");
    AWAIT(strcmp(support_pg_sql(help.postgres, "show synchronous_standby_names"), name) == 0);
}

START_TEST(a_commit_whose_answer_is_late_is_unknown)
{
    help_reopen_short(true);
    struct chain_position zero = chain_position_start(slice_str(DOC));
    struct asked commit = commit_of(&zero, "first", "");
    set_standby("nobody"); /* COMMIT waits for a standby that never comes */
    ck_assert_int_eq(help_ask(&commit), STORAGE_UNKNOWN);
    ck_assert_ptr_null(commit.call.lock);
    help_drop(&commit);
    set_standby("");
    struct asked asked;
    AWAIT((asked = load(), help_drop(&asked), asked.call.has_head)); /* it did happen */
}
END_TEST

/* ---- the end ---- */

START_TEST(closing_abandons_calls_and_gives_locks_back)
{
    struct asked lock;
    (void)help_adopt(DOC);
    (void)lock_doc(&lock);
    /* The calls' memory goes before the backend: a core that was freed. */
    struct asked *calls = calloc(6, sizeof *calls);
    ck_assert_ptr_nonnull(calls);
    calls[0] = help_call(STORAGE_READ, DOC);
    calls[1] = help_call(STORAGE_LOAD, DOC);
    calls[2] = help_call(STORAGE_LOCK, DOC); /* waits for the first */
    calls[3] = help_call(STORAGE_LOCK, "another");
    calls[4] = help_call(STORAGE_REMARK, "");
    calls[5] = help_call(STORAGE_BEAT, "");
    for (int i = 0; i < 6; i++)
        help_send(&calls[i]);
    free(calls);
    help_close();
    ck_assert_str_eq(support_pg_sql(help.postgres,
                                    "select count(*) from pg_stat_activity where application_name"
                                    " = 'weft' and state like 'idle in transaction%%'"),
                     "0");
    struct backend_config config;
    help_config(&config, REDIS_LEVEL_FSYNC, true);
    help_open_as(&config);
    AWAIT(backend_ready(help.backend));
    ck_assert_int_eq(unlock(lock_doc(&lock)), STORAGE_OK);
}
END_TEST

static void add(Suite *suite)
{
    TCase *living = help_case(suite, "living", false), *death = help_case(suite, "death", true);
    tcase_add_checked_fixture(living, setup, help_teardown);
    tcase_add_test(living, what_is_committed_is_loaded);
    tcase_add_test(living, history_tells_where_it_begins);
    tcase_add_test(living, a_commit_on_another_head_is_refused);
    tcase_add_test(living, documents_are_listed);
    tcase_add_test(living, a_lost_lock_commits_nothing);
    tcase_add_test(living, a_stalled_postgres_leaves_it_unknown);
    tcase_add_test(living, a_commit_whose_answer_is_late_is_unknown);
    tcase_add_test(living, closing_abandons_calls_and_gives_locks_back);
    tcase_add_checked_fixture(death, setup, help_teardown);
    tcase_add_test(death, a_dead_postgres_opens_only_its_own_breaker);
}

int main(void)
{
    return help_main("backend postgres", add);
}
