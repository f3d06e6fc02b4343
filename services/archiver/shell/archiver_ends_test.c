/* How it begins and ends. */
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "archiver_help_test.h"

START_TEST(it_waits_for_postgres_and_brings_the_schema_up)
{
    support_server_kill(help.postgres);
    archiver_start("a1");
    AWAIT(archiver_log_has("migrate-waiting"));
    ck_assert(archiver_says("/readyz", " 503 "));
    ck_assert(archiver_says("/healthz", " 200 "));
    support_server_again(help.postgres);
    AWAIT(archiver_is_ready());
    ck_assert(archiver_log_has("migrated version="));
    ck_assert_uint_ge(sql_number("select count(*) from weft.migrations"), 1);
    ck_assert_int_eq(archiver_stop(SIGINT), 0);
}
END_TEST

START_TEST(asked_to_stop_while_it_waits_it_stops)
{
    support_server_kill(help.postgres);
    archiver_start("a1");
    AWAIT(archiver_log_has("migrate-waiting"));
    ck_assert_int_eq(archiver_stop(SIGTERM), 0);
    support_server_again(help.postgres);
}
END_TEST

#define MIGRATION_LOCK "pg_locks where locktype = 'advisory' and classid = 0 and granted = "

/* A session that holds the lock of migrations, as another archiver's does meanwhile. */
static pid_t migration_lock_take(void)
{
    pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)support_pg_sql(help.postgres,
                             "select pg_advisory_lock(x'77656674'::int), pg_sleep(1000)");
        _exit(0);
    }
    AWAIT(sql_number("select count(*) from " MIGRATION_LOCK "true") == 1);
    return child;
}

static void migration_lock_release(pid_t child)
{
    (void)support_pg_sql(help.postgres,
                         "select pg_terminate_backend(pid) from " MIGRATION_LOCK "true");
    AWAIT(waitpid(child, NULL, WNOHANG) == child);
}

START_TEST(while_another_migrates_it_answers_and_stops)
{
    pid_t child = migration_lock_take();

    for (unsigned round = 0; round < 2; round++) {
        archiver_start("a1");
        /* A session that waits for a lock does not see that its client has gone. */
        AWAIT(sql_number("select count(*) from " MIGRATION_LOCK "false") == round + 1);
        ck_assert(archiver_says("/readyz", "schema is not there yet"));
        if (round == 0)
            ck_assert_int_eq(archiver_stop(SIGTERM), 0);
    }
    migration_lock_release(child);
    AWAIT(archiver_is_ready());
    ck_assert_int_eq(archiver_stop(SIGTERM), 0);
}
END_TEST

START_TEST(a_drain_is_bounded)
{
    const char *const args[] = {"--id=a1", "--drain=200ms", NULL};

    writers_create();
    archiver_spawn("a1", args);
    AWAIT(archiver_is_ready());
    writers_await_archived();
    support_server_pause(help.postgres);
    writers_write(1);
    AWAIT(!archiver_says("/metrics", "\nweft_archiver_jobs 0\n"));
    ck_assert_int_eq(archiver_stop(SIGTERM), 0);
    ck_assert(archiver_log_has("drain-cut"));
    support_server_resume(help.postgres);
}
END_TEST

START_TEST(a_redis_that_does_not_give_the_level_is_refused)
{
    const char *const fsync[] = {"--id=a1", NULL};
    const char *const replica[] = {"--id=a1", "--durability=replica", NULL};
    const char *const memory[] = {"--id=a1", "--durability=memory", NULL};

    (void)support_redis_cli(help.redis, "config set appendfsync everysec");
    archiver_spawn("a1", fsync);
    ck_assert_int_eq(archiver_ended(), 1);
    ck_assert(archiver_log_has("error storage-unfit server=redis"));
    ck_assert(archiver_log_has("appendfsync"));
    archiver_spawn("a2", replica);
    ck_assert_int_eq(archiver_ended(), 1);
    archiver_spawn("a3", memory);
    AWAIT(archiver_is_ready());
    ck_assert_int_eq(archiver_stop(SIGTERM), 0);
}
END_TEST

START_TEST(what_cannot_be_is_refused_in_words)
{
    static const struct {
        const char *args[4];
        int status;
        const char *words;
    } cases[] = {
        {{"--nonsense"}, 2, "nonsense"},
        {{"--id=a1", "--durability=often"}, 2, "durability"},
        {{NULL}, 1, "--id"},
        {{"--id=a1", "--redis=nowhere"}, 1, "redis"},
        {{"--id=a1", "--postgres=host=name"}, 1, "hostaddr"},
        {{"--id=a1", "--admin=0.0.0.0:0"}, 1, "loopback"},
        {{"--help"}, 0, "--snapshot-revisions"},
        {{"--id=a1", "--print-config"}, 0, "snapshot-revisions = 20"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[16];
        snprintf(name, sizeof name, "c%zu", i);
        archiver_spawn(name, cases[i].args);
        int status = archiver_ended();
        ck_assert_msg(status == cases[i].status, "case %zu: %d", i, status);
        ck_assert_msg(archiver_log_has(cases[i].words), "case %zu", i);
    }
}
END_TEST

void archiver_ends_add(Suite *suite)
{
    TCase *tc = archiver_case(suite, "ends", false), *death = archiver_case(suite, "waits", true);

    tcase_add_test(tc, a_drain_is_bounded);
    tcase_add_test(tc, a_redis_that_does_not_give_the_level_is_refused);
    tcase_add_test(tc, what_cannot_be_is_refused_in_words);
    tcase_add_test(death, it_waits_for_postgres_and_brings_the_schema_up);
    tcase_add_test(death, while_another_migrates_it_answers_and_stops);
    tcase_add_test(death, asked_to_stop_while_it_waits_it_stops);
}
