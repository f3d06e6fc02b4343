/*
 * weft-archiver as a process, over a real Redis and a real PostgreSQL: what was appended ends in
 * PostgreSQL, whole and in order, whoever is killed meanwhile.
 */
#include <signal.h>
#include <unistd.h>

#include "archiver_help_test.h"

START_TEST(all_that_is_appended_is_archived)
{
    writers_create();
    writers_write(30);
    archiver_start("a1");
    AWAIT(archiver_is_ready());
    writers_await_archived();
    ck_assert_uint_ge(sql_number("select count(*) from weft.snapshots"), DOCS);
    writers_write(5); /* onto documents that it holds */
    writers_await_archived();
    ck_assert(archiver_says("/metrics", "\nweft_archiver_revisions_total 216\n"));
    ck_assert(archiver_says("/metrics", "\nweft_archiver_damaged_total 0\n"));
    ck_assert(
        archiver_says("/metrics", "weft_storage_calls_total{kind=\"commit\",result=\"ok\"} "));
    ck_assert(archiver_says("/metrics", "\nweft_storage_breaker_state{server=\"postgres\"} 0\n"));
    ck_assert(archiver_says("/metrics", "\nweft_redis_calls_total "));
    ck_assert(archiver_says("/metrics", "\nweft_postgres_calls_total "));
    ck_assert(archiver_says("/healthz", " 200 "));
    ck_assert_int_eq(archiver_stop(SIGTERM), 0);
    ck_assert(!archiver_log_has("storage-failed")); /* it waited for the connection */
    ck_assert(access(archiver.admin_file, F_OK) != 0);
    /* Ids give access to documents: no log has one. */
    ck_assert(!archiver_log_has("doc/") && !archiver_log_has("some words"));
    ck_assert(archiver_log_has("segment-committed doc="));
}
END_TEST

/* Nobody's: the sweep, which goes from head to head, does not meet them. */
START_TEST(marks_without_a_head_are_taken_away)
{
    static const char *const strays[] = {"never-was", "known", "filled"};
    struct chain_position zero;

    (void)help_adopt("known");
    zero = help_adopt("filled");
    (void)help_append("filled", &zero, "x");
    for (size_t i = 0; i < 3; i++) {
        unsigned lane = cluster_lane_of(slice_str(strays[i]));
        (void)support_redis_cli(help.redis, "zadd 'weft:{%u}:dirty' 1 '%s'", lane, strays[i]);
        (void)support_redis_cli(help.redis, "del 'weft:{%u}:head:%s'", lane, strays[i]);
    }
    archiver_start("a1");
    AWAIT(archiver_is_ready());
    AWAIT(archiver_says("/metrics", "\nweft_archiver_remarked_total 2\n"));
    /* A stream that lost its head keeps its mark. */
    unsigned lane = cluster_lane_of(slice_str("filled"));
    ck_assert_ptr_nonnull(
        strstr(support_redis_cli(help.redis, "zrange 'weft:{%u}:dirty' 0 -1", lane), "filled"));
    for (size_t i = 0; i < 2; i++) {
        lane = cluster_lane_of(slice_str(strays[i]));
        const char *left = support_redis_cli(help.redis, "zrange 'weft:{%u}:dirty' 0 -1", lane);
        ck_assert_ptr_null(strstr(left, strays[i]));
    }
    ck_assert_int_eq(archiver_stop(SIGTERM), 0);
}
END_TEST

START_TEST(a_killed_one_is_continued)
{
    writers_create();
    for (unsigned round = 0; round < 4; round++) {
        unsigned long before = round ? sql_number("select count(*) from weft.segments") : 0;
        writers_write(25);
        archiver_start("a1");
        /* Its first commit of the round: the other documents are on their way. */
        AWAIT(sql_number("select count(*) from weft.segments") > before);
        ck_assert_int_eq(archiver_stop(SIGKILL), 128 + SIGKILL);
    }
    archiver_start("a1");
    AWAIT(archiver_is_ready());
    writers_await_archived();
    ck_assert_int_eq(archiver_stop(SIGTERM), 0);
}
END_TEST

START_TEST(two_at_once_are_harmless)
{
    writers_create();
    archiver_start("a1");
    AWAIT(archiver_is_ready());
    struct archiver_process first = archiver;
    archiver = (struct archiver_process){0};
    archiver_start("a2");
    AWAIT(archiver_is_ready());
    for (unsigned round = 0; round < 10; round++) {
        writers_write(5);
        AWAIT(writer_is_stored(&writers[round % DOCS]));
    }
    writers_await_archived();
    ck_assert_int_eq(archiver_stop(SIGTERM), 0);
    support_process_stop(archiver.process);
    archiver = first;
    ck_assert_int_eq(archiver_stop(SIGTERM), 0);
}
END_TEST

START_TEST(postgres_and_redis_restart)
{
    writers_create();
    archiver_start("a1");
    AWAIT(archiver_is_ready());
    writers_write(10);
    AWAIT(sql_number("select count(*) from weft.segments") > 0);
    support_server_kill(help.postgres);
    writers_write(10);
    AWAIT(archiver_says("/readyz", "postgres is down"));
    support_server_again(help.postgres);
    writers_await_archived();
    support_server_kill(help.redis);
    AWAIT(archiver_says("/readyz", "redis is down"));
    AWAIT(backend_state(help.backend, BACKEND_REDIS) == BACKEND_DOWN);
    support_server_again(help.redis);
    AWAIT(backend_ready(help.backend));
    writers_write(10);
    writers_await_archived();
    ck_assert(archiver_is_ready());
    ck_assert_int_eq(archiver_stop(SIGTERM), 0);
    ck_assert(archiver_log_has("warn storage-down server=postgres"));
    ck_assert(archiver_log_has("warn storage-down server=redis"));
}
END_TEST

static void add(Suite *suite)
{
    TCase *life = archiver_case(suite, "life", false), *death = archiver_case(suite, "death", true);

    tcase_add_test(life, all_that_is_appended_is_archived);
    tcase_add_test(life, marks_without_a_head_are_taken_away);
    tcase_add_test(life, a_killed_one_is_continued);
    tcase_add_test(life, two_at_once_are_harmless);
    tcase_add_test(death, postgres_and_redis_restart);
    archiver_damage_add(suite);
    archiver_ends_add(suite);
}

int main(int argc, char **argv)
{
    return archiver_main(argc, argv, add);
}
