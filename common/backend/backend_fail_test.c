/* Redis dies, stalls, is full, is not fit; PostgreSQL is none; the backend ends meanwhile. */
#include "backend_help_test.h"

#include <stdio.h>

static void setup(void)
{
    help_open(REDIS_LEVEL_FSYNC, false);
}

START_TEST(a_dead_redis_opens_the_breaker)
{
    struct chain_position zero = help_adopt(DOC);
    support_server_kill(help.redis);
    AWAIT(backend_state(help.backend, BACKEND_REDIS) == BACKEND_DOWN);
    ck_assert(!backend_ready(help.backend));
    struct asked read;
    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(help_read(&read, 1, 10), STORAGE_DOWN);
        help_drop(&read);
    }
    ck_assert_uint_ge(help.opened, 1);
    ck_assert_uint_ge(help_metric("weft_storage_breaker_refused_total{server=\"redis\"}"), 1);
    ck_assert_uint_eq(help_metric("weft_storage_calls_total{kind=\"read\",result=\"down\"}"), 10);
    ck_assert_uint_eq(help.failures, 10);
    support_server_again(help.redis);
    AWAIT(help_read(&read, 1, 10) == STORAGE_OK);
    ck_assert(chain_position_equal(&read.call.head, &zero));
    help_drop(&read);
    ck_assert_uint_ge(help.closed_again, 1);
    ck_assert_uint_eq(help.reconnects, 2);
    ck_assert(backend_ready(help.backend));
}
END_TEST

START_TEST(a_stalled_redis_leaves_it_unknown)
{
    help_reopen_short(false);
    struct chain_position zero = help_adopt(DOC);
    struct asked append = help_call(STORAGE_APPEND, DOC), read;
    append.call.expect = zero;
    append.call.position = chain_position_after(&zero, 1, slice_str("x"));
    append.call.first_rev = 1;
    append.call.payload = slice_str("x");
    support_server_pause(help.redis);
    ck_assert_int_eq(help_ask(&append), STORAGE_UNKNOWN);
    help_drop(&append);
    ck_assert_uint_eq(help.failures, 1);
    support_server_resume(help.redis);
    AWAIT(help_read(&read, 1, 10) == STORAGE_OK); /* it did happen: this is why one reads again */
    ck_assert(chain_position_equal(&read.call.head, &append.call.position));
    help_drop(&read);
}
END_TEST

START_TEST(no_memory_there_does_not_open_the_breaker)
{
    struct chain_position zero = help_adopt(DOC), one = help_append(DOC, &zero, "x");
    struct asked append = help_call(STORAGE_APPEND, DOC);
    uint64_t left;
    append.call.expect = one;
    append.call.position = chain_position_after(&one, 1, slice_str("y"));
    append.call.first_rev = 2;
    append.call.payload = slice_str("y");
    (void)support_redis_cli(help.redis, "config set maxmemory 1");
    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(help_ask(&append), STORAGE_DOWN);
        help_drop(&append);
    }
    ck_assert_uint_eq(help.opened, 0);
    ck_assert_int_eq(help_trim(1, &one, &left), STORAGE_OK); /* what makes room goes on */
    (void)support_redis_cli(help.redis, "config set maxmemory 0");
    ck_assert_int_eq(help_ask(&append), STORAGE_OK);
    help_drop(&append);
}
END_TEST

/* ---- damage: the same answer for ever, and no other ---- */

/* Runs a script with the keys of head and stream. */
static void script(const char *code)
{
    unsigned lane = cluster_lane_of(slice_str(DOC));
    const char *said = support_redis_cli(help.redis,
                                         "eval '%s return \"done\"' 2 'weft:{%u}:head:doc%%2Fa' "
                                         "'weft:{%u}:log:doc%%2Fa'",
                                         code, lane, lane);

    ck_assert_msg(strncmp(said, "done", 4) == 0, "%s", said);
}

/* Head, and the position that stands beside an entry: its revision becomes another. */
#define HEAD_REV(rev)                                                                              \
    "local h = redis.call(\"GET\", KEYS[1]) "                                                      \
    "redis.call(\"SET\", KEYS[1], h:sub(1, 7) .. string.char(" #rev ") .. h:sub(9))"
#define ENTRY_REV(nth, rev)                                                                        \
    "local all = redis.call(\"XRANGE\", KEYS[2], \"-\", \"+\") "                                   \
    "local p = all[" #nth "][2][4] "                                                               \
    "all[" #nth "][2][4] = p:sub(1, 7) .. string.char(" #rev ") .. p:sub(9) "                      \
    "redis.call(\"DEL\", KEYS[2]) "                                                                \
    "for _, e in ipairs(all) do redis.call(\"XADD\", KEYS[2], e[1], unpack(e[2])) end"

START_TEST(what_can_be_no_stream_is_damaged)
{
    static const char *const damages[] = {
        "redis.call(\"SET\", KEYS[1], \"nonsense\")",
        HEAD_REV(0),
        HEAD_REV(1), /* as from an old backup: behind its stream */
        HEAD_REV(2),
        HEAD_REV(4),
        ENTRY_REV(1, 0),
        ENTRY_REV(1, 2),
        ENTRY_REV(1, 5),
        ENTRY_REV(2, 3),
        ENTRY_REV(3, 1),
        ENTRY_REV(3, 2),
        ENTRY_REV(3, 7),
        "redis.call(\"XDEL\", KEYS[2], \"2-0\")",
        "redis.call(\"XDEL\", KEYS[2], \"3-0\")",
        "redis.call(\"XADD\", KEYS[2], \"4-0\", \"by\", \"hand\")",
    };
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        struct asked read;
        (void)support_redis_cli(help.redis, "flushdb");
        struct chain_position at = help_adopt(DOC);
        for (int n = 0; n < 3; n++)
            at = help_append(DOC, &at, "x");
        script(damages[i]);
        for (int n = 0; n < 3; n++) {
            int result = help_read(&read, 1, 1000000);
            ck_assert_msg(result == STORAGE_DAMAGED, "%s: %d", damages[i], result);
            ck_assert(!read.call.has_head && read.call.entry_count == 0);
            help_drop(&read);
        }
    }
    ck_assert_uint_eq(help.opened, 0); /* the server is as well as ever */
}
END_TEST

/* Where both keys are gone but one: nothing to judge, and what becomes of it is told by PostgreSQL.
 */
START_TEST(a_stream_without_a_head_and_a_head_without_a_stream_are_none)
{
    struct asked read;
    struct chain_position at = help_adopt(DOC);
    at = help_append(DOC, &at, "x");
    script("redis.call(\"RENAME\", KEYS[1], \"aside\")");
    ck_assert_int_eq(help_read(&read, 1, 10), STORAGE_OK);
    ck_assert(!read.call.has_head && read.call.entry_count == 1);
    help_drop(&read);
    script("redis.call(\"RENAME\", \"aside\", KEYS[1]) redis.call(\"DEL\", KEYS[2])");
    ck_assert_int_eq(help_read(&read, 1, 10), STORAGE_OK);
    ck_assert(chain_position_equal(&read.call.head, &at) && read.call.entry_count == 0);
    help_drop(&read);
}
END_TEST

START_TEST(an_answer_that_makes_no_sense_is_broken)
{
    struct asked read;
    (void)support_redis_cli(help.redis, "lpush 'weft:{%u}:head:doc%%2Fa' nonsense",
                            cluster_lane_of(slice_str(DOC)));
    ck_assert_int_eq(help_read(&read, 1, 10), STORAGE_BROKEN);
    help_drop(&read);
}
END_TEST

START_TEST(a_redis_that_does_not_give_the_level_is_refused)
{
    struct backend_config config;
    (void)support_redis_cli(help.redis, "config set appendfsync everysec");
    help_config(&config, REDIS_LEVEL_FSYNC, false);
    help_open_as(&config);
    AWAIT(backend_state(help.backend, BACKEND_REDIS) == BACKEND_REFUSED);
    ck_assert_ptr_nonnull(strstr(help.reason, "appendfsync"));
    ck_assert_str_eq(backend_state_name(backend_state(help.backend, BACKEND_REDIS)), "refused");
    struct asked read;
    ck_assert_int_eq(help_read(&read, 1, 10), STORAGE_DOWN);
    help_drop(&read);
    (void)support_redis_cli(help.redis, "config set appendfsync always");
    AWAIT(backend_ready(help.backend));
}
END_TEST

static struct support_server *replica_start(void)
{
    char port[8], own[8], of[32];

    help.redis = support_server_stop(help.redis);
    snprintf(port, sizeof port, "%d", support_port());
    snprintf(own, sizeof own, "%d", support_port());
    snprintf(of, sizeof of, "127.0.0.1 %s", port);
    const char *options[] = {"--port", port, "--bind", "127.0.0.1", "--repl-diskless-sync-delay",
                             "0",      NULL};
    const char *replica_options[] = {"--port", own, "--bind", "127.0.0.1", "--replicaof", of, NULL};
    help.redis = support_redis_start(options);
    return support_redis_start(replica_options);
}

START_TEST(at_replica_only_what_is_confirmed_is_ok)
{
    struct backend_config config;
    struct asked read;
    help_close();
    struct support_server *replica = replica_start();
    help_config(&config, REDIS_LEVEL_REPLICA, false);
    config.redis.replicas = 1;
    config.redis.command_ms = 1500;
    help_open_as(&config);
    AWAIT(backend_ready(help.backend));
    struct asked adopt = help_call(STORAGE_ADOPT, DOC);
    adopt.call.position = chain_position_start(slice_str(DOC));
    AWAIT(help_ask(&adopt) == STORAGE_OK); /* a new replica may confirm nothing for a while */
    ck_assert_int_eq(help_read(&read, 1, 10), STORAGE_OK);
    help_drop(&read);
    support_server_pause(replica);
    ck_assert_int_eq(help_read(&read, 1, 10), STORAGE_UNKNOWN); /* it could still be lost */
    ck_assert(!read.call.has_head);
    help_drop(&read);
    support_server_resume(replica);
    AWAIT(help_read(&read, 1, 10) == STORAGE_OK);
    help_drop(&read);
    help_close();
    (void)support_server_stop(replica);
}
END_TEST

/* ---- without PostgreSQL; an end within a completion ---- */

START_TEST(without_postgres_its_calls_are_down)
{
    struct asked asked = help_call(STORAGE_LOAD, DOC);
    ck_assert_int_eq(backend_state(help.backend, BACKEND_POSTGRES), BACKEND_ABSENT);
    ck_assert_int_eq(help_ask(&asked), STORAGE_DOWN);
    help_drop(&asked);
    asked = help_call(STORAGE_LOCK, DOC);
    ck_assert_int_eq(help_ask(&asked), STORAGE_DOWN);
    ck_assert_ptr_null(asked.call.lock);
    help_drop(&asked);
    ck_assert_uint_eq(help.opened, 0);
}
END_TEST

static bool closed_within;

static void on_closed_within(void *arg)
{
    closed_within = true;
}

static void close_within(struct asked *asked)
{
    backend_close(help.backend, on_closed_within, NULL);
    help.backend = NULL;
}

/* closer: a call that is sent, or one that is refused; the others are under way then. */
static void close_by(enum storage_kind closer)
{
    struct asked first = help_call(closer, DOC), others[3];

    closed_within = false;
    first.then = close_within;
    help_send(&first);
    for (int i = 0; i < 3; i++) {
        others[i] = help_call(closer, DOC);
        help_send(&others[i]);
    }
    AWAIT(closed_within);
    ck_assert_uint_eq(first.answers, 1);
    ck_assert_uint_eq(others[0].answers + others[1].answers + others[2].answers, 0);
}

START_TEST(a_completion_may_close)
{
    close_by(STORAGE_READ);
    help_open(REDIS_LEVEL_FSYNC, false);
    close_by(STORAGE_LOAD);
}
END_TEST

static void add(Suite *suite)
{
    TCase *living = help_case(suite, "living", false), *bare = help_case(suite, "bare", false);
    TCase *death = help_case(suite, "death", true);
    tcase_add_checked_fixture(living, setup, help_teardown);
    tcase_add_test(living, a_stalled_redis_leaves_it_unknown);
    tcase_add_test(living, no_memory_there_does_not_open_the_breaker);
    tcase_add_test(living, what_can_be_no_stream_is_damaged);
    tcase_add_test(living, a_stream_without_a_head_and_a_head_without_a_stream_are_none);
    tcase_add_test(living, an_answer_that_makes_no_sense_is_broken);
    tcase_add_test(living, without_postgres_its_calls_are_down);
    tcase_add_test(living, a_completion_may_close);
    tcase_add_checked_fixture(bare, NULL, help_teardown);
    tcase_add_test(bare, a_redis_that_does_not_give_the_level_is_refused);
    tcase_add_checked_fixture(death, setup, help_teardown);
    tcase_add_test(death, a_dead_redis_opens_the_breaker);
    tcase_add_test(death, at_replica_only_what_is_confirmed_is_ok);
}

int main(void)
{
    return help_main("backend fail", add);
}
