/*
 * Against a real PostgreSQL: locks exclude and end, and a commit whose end is open is unknown,
 * never taken for done or undone.
 */
#include <stdio.h>

#include "pg_help_test.h"

START_TEST(a_lock_excludes)
{
    struct chain_position zero = chain_position_start(DOC);
    struct pg_lock *held = lock_of(DOC);
    struct call second = {0}, done = {0};
    ck_assert_int_eq(pg_lock(help.client, DOC, on_lock, &second), 0);
    struct call head = head_of(DOC); /* readers are not excluded */
    ck_assert_int_eq(head.outcome, PG_OUTCOME_OK);
    ck_assert_uint_eq(second.answers, 0);
    struct pg_commit c = commit_of(&zero, 3, "x", NULL);
    pg_commit(held, &c, on_commit, &done);
    AWAIT(second.answers && done.answers);
    ck_assert_int_eq(second.outcome, PG_OUTCOME_OK);
    ck_assert(second.head.exists && same(&second.head.at, &c.to)); /* read behind the commit */
    struct call unlocked = {0};
    pg_unlock(second.lock, on_unlock, &unlocked);
    AWAIT(unlocked.answers);
    ck_assert_int_eq(unlocked.outcome, PG_OUTCOME_OK);
}
END_TEST

START_TEST(a_lock_that_is_not_free_is_down)
{
    struct pg_lock *held = lock_of(DOC);
    struct call second = {0}, end = {0};
    ck_assert_int_eq(pg_lock(help.client, DOC, on_lock, &second), 0);
    AWAIT(second.answers);
    ck_assert_int_eq(second.outcome, PG_OUTCOME_DOWN);
    ck_assert_str_eq(second.sqlstate, "55P03");
    pg_unlock(held, on_unlock, &end);
    AWAIT(end.answers);
    held = lock_of(DOC); /* the connections are usable again */
    end = (struct call){0};
    pg_unlock(held, on_unlock, &end);
    AWAIT(end.answers);
    ck_assert_uint_eq(pg_client_stats(help.client)->losses, 0);
}
END_TEST

START_TEST(locks_leave_a_connection_for_reads)
{
    struct call calls[5] = {0}, ends[5] = {0};
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(pg_lock(help.client, slice_of("01234", i + 1), on_lock, &calls[i]), 0);
    AWAIT(calls[0].answers && calls[1].answers);
    struct call head = head_of(DOC);
    ck_assert_int_eq(head.outcome, PG_OUTCOME_OK);
    ck_assert_uint_eq(calls[2].answers, 0);
    for (int i = 0; i < 5; i++) {
        AWAIT(calls[i].answers);
        ck_assert_int_eq(calls[i].outcome, PG_OUTCOME_OK);
        pg_unlock(calls[i].lock, on_unlock, &ends[i]);
    }
    for (int i = 0; i < 5; i++)
        AWAIT(ends[i].answers);
}
END_TEST

START_TEST(a_lock_is_not_held_for_ever)
{
    struct pg_config config = config_of();
    config.lock_ms = 200;
    close_client();
    open_ready(&config);
    struct chain_position zero = chain_position_start(DOC);
    struct pg_lock *held = lock_of(DOC);
    AWAIT(pg_client_stats(help.client)->locks_expired == 1);
    struct pg_commit c = commit_of(&zero, 3, "x", NULL);
    struct call late = {0}, end = {0};
    struct pg_lock *other = lock_of(DOC);
    pg_commit(held, &c, on_commit, &late);
    AWAIT(late.answers);
    ck_assert_int_eq(late.outcome, PG_OUTCOME_DOWN);
    pg_unlock(other, on_unlock, &end);
    AWAIT(end.answers);
    ck_assert(!head_of(DOC).head.exists);
}
END_TEST

/* ---- commits whose end is open ---- */

START_TEST(a_commit_whose_answer_is_late_is_unknown)
{
    struct chain_position zero = chain_position_start(DOC);
    struct pg_commit c = commit_of(&zero, 3, "y", NULL);
    struct pg_lock *held = lock_of(DOC);
    set_standby("nobody"); /* COMMIT waits for a standby that never comes */
    struct call call = {0};
    pg_commit(held, &c, on_commit, &call);
    AWAIT(call.answers);
    ck_assert_int_eq(call.outcome, PG_OUTCOME_UNKNOWN);
    /* No timeout of the server has made it visible without its standby. */
    ck_assert(!head_of(DOC).head.exists);
    set_standby("");
    struct call head;
    AWAIT((head = head_of(DOC)).outcome == PG_OUTCOME_OK && head.head.exists);
    ck_assert(same(&head.head.at, &c.to)); /* it did happen: this is why one re-reads */
}
END_TEST

START_TEST(a_commit_let_go_without_its_standby_is_unknown)
{
    struct chain_position zero = chain_position_start(DOC);
    struct pg_commit c = commit_of(&zero, 3, "y", NULL);
    struct pg_lock *held = lock_of(DOC);
    set_standby("nobody");
    struct call call = {0};
    pg_commit(held, &c, on_commit, &call);
    AWAIT(call.answers || strcmp(sql("select count(pg_cancel_backend(pid)) from pg_stat_activity"
                                     " where wait_event = 'SyncRep'"),
                                 "1") == 0);
    AWAIT(call.answers);
    ck_assert_int_eq(call.outcome, PG_OUTCOME_UNKNOWN); /* a success, with a warning */
    ck_assert_ptr_nonnull(strstr(call.error, "open"));
    set_standby("");
}
END_TEST

START_TEST(a_commit_that_fails_at_its_end_is_unknown)
{
    struct chain_position zero = chain_position_start(DOC);
    struct pg_commit c = commit_of(&zero, 1, "y", NULL);
    sql("create function weft.late() returns trigger language plpgsql as"
        " 'begin raise exception ''too late''; end'");
    sql("create constraint trigger late after insert on weft.segments deferrable"
        " initially deferred for each row execute function weft.late()");
    struct call call = commit(DOC, &c);
    sql("drop function weft.late cascade");
    ck_assert_int_eq(call.outcome, PG_OUTCOME_UNKNOWN);
    ck_assert(!head_of(DOC).head.exists);
}
END_TEST

/* Else the server would end a commit's wait for its standbys, and let the commit stand. */
START_TEST(no_timeout_of_the_server_holds_in_a_lock)
{
    struct chain_position zero = chain_position_start(DOC);
    struct pg_commit c = commit_of(&zero, 1, "y", NULL);
    sql("create function weft.timeout() returns trigger language plpgsql as"
        " 'begin raise exception ''timeout is %'', current_setting(''statement_timeout''); end'");
    sql("create trigger timeout before insert on weft.segments"
        " for each row execute function weft.timeout()");
    struct call call = commit(DOC, &c);
    sql("drop function weft.timeout cascade");
    ck_assert_str_eq(call.error, "timeout is 0");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pg lock");
    TCase *tcase = tcase_create("calls");
    tcase_set_timeout(tcase, 90);
    tcase_add_unchecked_fixture(tcase, start_server, stop_server);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_lock_excludes);
    tcase_add_test(tcase, a_lock_that_is_not_free_is_down);
    tcase_add_test(tcase, locks_leave_a_connection_for_reads);
    tcase_add_test(tcase, a_lock_is_not_held_for_ever);
    tcase_add_test(tcase, a_commit_whose_answer_is_late_is_unknown);
    tcase_add_test(tcase, a_commit_let_go_without_its_standby_is_unknown);
    tcase_add_test(tcase, a_commit_that_fails_at_its_end_is_unknown);
    tcase_add_test(tcase, no_timeout_of_the_server_holds_in_a_lock);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
