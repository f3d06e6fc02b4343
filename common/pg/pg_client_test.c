/*
 * Against a real PostgreSQL: the schema, servers that die, stall or end a session, and every call
 * ends exactly once with the outcome that is true.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include "pg_help_test.h"

/* ---- migrations ---- */

struct migration {
    char conninfo[200];
    struct support_migration end;
};

static void *migrate_in_thread(void *arg)
{
    struct migration *m = arg;
    m->end = support_migrate(m->conninfo);
    return NULL;
}

START_TEST(migrations_are_applied_once)
{
    struct migration m[3] = {0};
    pthread_t threads[3];
    unsigned sum = 0;
    sql("create database once");
    for (int i = 0; i < 3; i++) {
        snprintf(m[i].conninfo, sizeof m[i].conninfo, "host=%s user=postgres dbname=once",
                 support_server_address(help.server));
        ck_assert_int_eq(pthread_create(&threads[i], NULL, migrate_in_thread, &m[i]), 0);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
        ck_assert_msg(m[i].end.outcome == 0, "%s", m[i].end.error);
        sum += m[i].end.applied;
    }
    ck_assert_uint_eq(sum, pg_schema_version());
    migrate_in_thread(&m[0]);
    ck_assert(m[0].end.outcome == 0 && m[0].end.applied == 0);
    snprintf(m[0].conninfo, sizeof m[0].conninfo, "host=/nowhere");
    migrate_in_thread(&m[0]);
    ck_assert_int_eq(m[0].end.outcome, -ENOTCONN);
    ck_assert_ptr_nonnull(strstr(m[0].end.error, "/nowhere"));
}
END_TEST

START_TEST(a_client_waits_for_the_schema)
{
    struct migration m = {0};
    struct pg_config config = config_of();
    sql("create database late");
    snprintf(m.conninfo, sizeof m.conninfo, "host=%s user=postgres dbname=late",
             support_server_address(help.server));
    config.conninfo = m.conninfo;
    open_client(&config);
    AWAIT(strstr(pg_client_reason(help.client), "there is no schema yet"));
    AWAIT(pg_client_stats(help.client)->connects == 3);
    struct call call = head_of(DOC);
    ck_assert_int_eq(call.outcome, PG_OUTCOME_DOWN);
    migrate_in_thread(&m);
    ck_assert_msg(m.end.outcome == 0, "%s", m.end.error);
    AWAIT(pg_client_state(help.client) == PG_STATE_READY);
    ck_assert_str_eq(pg_client_reason(help.client), "");
    ck_assert_uint_eq(pg_client_stats(help.client)->connects, 3); /* they waited, connected */
    close_client();
}
END_TEST

START_TEST(host_names_are_refused)
{
    static const char *const good[] = {"host=/run/x dbname=weft",
                                       "host=127.0.0.1,::1",
                                       "dbname=x",
                                       "host=db.example hostaddr=10.0.0.1",
                                       "postgresql://u:p@[::1]:5432/weft",
                                       ""};
    static const char *const bad[] = {"host=localhost", "host=127.0.0.1,db.example", "nonsense",
                                      "postgresql://u@db.example/weft", "host='"};
    char error[200];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        ck_assert_msg(pg_conninfo_check(good[i], error, sizeof error) == 0, "%s", error);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_int_eq(pg_conninfo_check(bad[i], error, sizeof error), -EINVAL);
}
END_TEST

/* ---- failures ---- */

START_TEST(a_dead_server_is_down_and_comes_back)
{
    struct chain_position zero = chain_position_start(DOC);
    struct chain_position one = committed(DOC, &zero, 3, "x", NULL);
    struct pg_lock *held = lock_of(DOC);
    support_server_kill(help.server);
    AWAIT(pg_client_state(help.client) == PG_STATE_DOWN);
    ck_assert_int_eq(head_of(DOC).outcome, PG_OUTCOME_DOWN);
    struct pg_commit c = commit_of(&one, 3, "y", NULL);
    struct call late = {0};
    pg_commit(held, &c, on_commit, &late);
    AWAIT(late.answers);
    ck_assert_int_eq(late.outcome, PG_OUTCOME_DOWN);
    support_server_again(help.server);
    AWAIT(pg_client_state(help.client) == PG_STATE_READY);
    struct call head = head_of(DOC);
    ck_assert(same(&head.head.at, &one));
}
END_TEST

START_TEST(a_stalled_server_meets_the_deadline)
{
    struct chain_position zero = chain_position_start(DOC);
    struct pg_lock *held = lock_of(DOC);
    struct pg_commit c = commit_of(&zero, 3, "y", NULL);
    struct call commit_call = {0}, read_call = {0}, unread[3] = {0};
    support_server_pause(help.server);
    ck_assert_int_eq(pg_head(help.client, DOC, on_head, &read_call), 0);
    pg_commit(held, &c, on_commit, &commit_call);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(pg_head(help.client, DOC, on_head, &unread[i]), 0);
    AWAIT(read_call.answers && commit_call.answers && unread[2].answers);
    ck_assert_int_eq(read_call.outcome, PG_OUTCOME_UNKNOWN);
    ck_assert_int_eq(commit_call.outcome, PG_OUTCOME_DOWN); /* COMMIT itself was never sent */
    ck_assert_int_eq(unread[2].outcome, PG_OUTCOME_DOWN);
    support_server_resume(help.server);
    AWAIT(pg_client_state(help.client) == PG_STATE_READY);
    struct call head = head_of(DOC);
    ck_assert(head.outcome == PG_OUTCOME_OK && !head.head.exists);
}
END_TEST

START_TEST(a_standby_may_be_required)
{
    struct pg_config config = config_of();
    config.standby_required = true;
    close_client();
    open_client(&config);
    AWAIT(pg_client_state(help.client) == PG_STATE_REFUSED);
    ck_assert_ptr_nonnull(strstr(help.last_reason, "synchronous_standby_names"));
    set_standby("somebody");
    AWAIT(pg_client_state(help.client) == PG_STATE_READY);
    set_standby("");
}
END_TEST

START_TEST(an_ended_session_is_replaced)
{
    struct pg_lock *held = lock_of(DOC);
    struct call end = {0};
    sql("select count(pg_terminate_backend(pid)) from pg_stat_activity"
        " where application_name = 'weft'");
    AWAIT(pg_client_stats(help.client)->losses == 3);
    AWAIT(pg_client_state(help.client) == PG_STATE_READY);
    pg_unlock(held, on_unlock, &end);
    AWAIT(end.answers);
    ck_assert_int_eq(end.outcome, PG_OUTCOME_DOWN);
    ck_assert_int_eq(head_of(DOC).outcome, PG_OUTCOME_OK);
}
END_TEST

START_TEST(a_refused_statement_is_an_error)
{
    struct chain_position zero = chain_position_start(DOC);
    sql("alter table weft.segments add constraint no check (false)");
    struct pg_commit c = commit_of(&zero, 3, "y", NULL);
    struct call call = commit(DOC, &c);
    sql("alter table weft.segments drop constraint no");
    ck_assert_int_eq(call.outcome, PG_OUTCOME_ERROR);
    ck_assert_str_eq(call.sqlstate, "23514");
    ck_assert(!head_of(DOC).head.exists); /* undone as a whole */
    (void)committed(DOC, &zero, 3, "y", NULL);
    ck_assert_uint_eq(pg_client_stats(help.client)->losses, 0);
}
END_TEST

START_TEST(close_answers_everything_first)
{
    struct pg_lock *held = lock_of(DOC);
    struct call calls[6] = {0}, late = {0}, end = {0};
    support_server_pause(help.server);
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(pg_head(help.client, DOC, on_head, &calls[i]), 0);
    ev_loop_step(help.loop, 20);
    pg_client_close(help.client, on_closed, NULL);
    ck_assert_int_eq(pg_head(help.client, DOC, on_head, &late), 0);
    AWAIT(late.answers);
    for (int i = 0; i < 6; i++)
        ck_assert(calls[i].answers == 1 && calls[i].outcome != PG_OUTCOME_OK);
    ck_assert_int_eq(late.outcome, PG_OUTCOME_DOWN);
    ev_loop_step(help.loop, 20);
    ck_assert(!help.closed); /* the lock is still ours to end */
    pg_unlock(held, on_unlock, &end);
    AWAIT(help.closed);
    ck_assert_int_eq(end.outcome, PG_OUTCOME_DOWN);
    support_server_resume(help.server);
}
END_TEST

START_TEST(an_answer_may_close_the_client)
{
    struct call calls[8] = {0};
    calls[0].closes = true;
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(pg_head(help.client, DOC, on_head, &calls[i]), 0);
    AWAIT(help.closed);
    for (int i = 0; i < 8; i++)
        ck_assert_uint_eq(calls[i].answers, 1);
}
END_TEST

START_TEST(unanswered_calls_are_bounded)
{
    struct pg_config config = config_of();
    struct call calls[6] = {0};
    config.pending_max = 5;
    close_client();
    open_ready(&config);
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(pg_head(help.client, DOC, on_head, &calls[i]), 0);
    for (int i = 0; i < 6; i++) {
        AWAIT(calls[i].answers);
        ck_assert_int_eq(calls[i].outcome, i < 5 ? PG_OUTCOME_OK : PG_OUTCOME_DOWN);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pg client");
    TCase *schema = tcase_create("schema");
    tcase_set_timeout(schema, 90);
    tcase_add_unchecked_fixture(schema, start_server, stop_server);
    tcase_add_checked_fixture(schema, setup_loop, teardown_loop);
    tcase_add_test(schema, migrations_are_applied_once);
    tcase_add_test(schema, a_client_waits_for_the_schema);
    tcase_add_test(schema, host_names_are_refused);
    suite_add_tcase(suite, schema);
    TCase *tcase = tcase_create("calls");
    tcase_set_timeout(tcase, 90);
    tcase_add_unchecked_fixture(tcase, start_server, stop_server);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_stalled_server_meets_the_deadline);
    tcase_add_test(tcase, a_standby_may_be_required);
    tcase_add_test(tcase, an_ended_session_is_replaced);
    tcase_add_test(tcase, a_refused_statement_is_an_error);
    tcase_add_test(tcase, close_answers_everything_first);
    tcase_add_test(tcase, an_answer_may_close_the_client);
    tcase_add_test(tcase, unanswered_calls_are_bounded);
    suite_add_tcase(suite, tcase);
    TCase *death =
        tcase_create("death"); /* its server is its own: the fixture forks before it dies */
    tcase_set_timeout(death, 90);
    tcase_add_checked_fixture(death, start_server, stop_server);
    tcase_add_checked_fixture(death, setup, teardown);
    tcase_add_test(death, a_dead_server_is_down_and_comes_back);
    suite_add_tcase(suite, death);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
