/* Membership: the function beat against a real Redis. */
#include <errno.h>

#include "redis_functions_help_test.h"

static void beat(const char *id, const char *boot, const char *state, int64_t timeout_ms,
                 uint64_t known)
{
    struct redis_beat b = {.id = id,
                           .address = "127.0.0.1:1",
                           .boot = boot,
                           .state = state,
                           .timeout_ms = timeout_ms,
                           .view_known = known};
    help_wait(redis_beat(help.client, &b, help_on_beat, NULL));
}

START_TEST(the_view_counts_changes)
{
    beat("w2", "b1", "joining", 60000, 0);
    ck_assert_uint_eq(got.beat.view, 1);
    ck_assert_uint_eq(got.beat.count, 1);
    ck_assert_str_eq(got.members[0], "w2 127.0.0.1:1 b1 joining");
    ck_assert_uint_gt(got.beat.now_ms, 1600000000000ull);
    beat("w2", "b1", "joining", 60000, 1);
    ck_assert_uint_eq(got.beat.view, 1); /* nothing changed */
    beat("w2", "b1", "live", 60000, 1);
    ck_assert_uint_eq(got.beat.view, 2);
    beat("w1", "b2", "live", 60000, 2);
    ck_assert_uint_eq(got.beat.view, 3);
    ck_assert_str_eq(got.members[0], "w1 127.0.0.1:1 b2 live"); /* in order */
    ck_assert_str_eq(got.members[1], "w2 127.0.0.1:1 b1 live");
    beat("w1", "b3", "live", 60000, 3); /* restarted */
    ck_assert_uint_eq(got.beat.view, 4);
    beat("w2", "b1", "gone", 60000, 4);
    ck_assert_uint_eq(got.beat.view, 5);
    ck_assert_uint_eq(got.beat.count, 1);
    beat("w2", "b1", "gone", 60000, 5);
    ck_assert_uint_eq(got.beat.view, 5);

    struct redis_beat gateway = {.list = REDIS_LIST_GATEWAYS,
                                 .id = "g1",
                                 .address = "a",
                                 .boot = "b",
                                 .state = "live",
                                 .timeout_ms = 1500};
    help_wait(redis_beat(help.client, &gateway, help_on_beat, NULL)); /* a list of its own */
    ck_assert_uint_eq(got.beat.view, 1);
    ck_assert_uint_eq(got.beat.count, 1);
}
END_TEST

START_TEST(the_silent_are_dropped)
{
    beat("w1", "b1", "live", 60000, 0);
    beat("w2", "b1", "live", 60000, 0);
    ck_assert_uint_eq(got.beat.view, 2);
    int64_t end = ev_loop_now_ms(help.loop) + HELP_WAIT_MS;
    do {
        beat("w2", "b1", "live", 30, 0);
    } while (got.beat.count == 2 && ev_loop_now_ms(help.loop) < end);
    ck_assert_uint_eq(got.beat.count, 1);
    ck_assert_uint_eq(got.beat.view, 3);
    ck_assert_str_eq(got.members[0], "w2 127.0.0.1:1 b1 live");

    support_redis_cli(help.server, "hset weft:members m:w3 '1000 live b1 a'"); /* long silent */
    beat("w2", "b1", "live", 0, 0); /* declares nobody dead */
    ck_assert_uint_eq(got.beat.count, 2);
    support_redis_cli(help.server, "hset weft:members m:w3 nonsense");
    beat("w2", "b1", "live", 0, 0);
    ck_assert_uint_eq(got.beat.count, 1);
}
END_TEST

START_TEST(a_lost_list_keeps_counting)
{
    beat("w1", "b1", "live", 60000, 0);
    support_redis_cli(help.server, "flushall");
    beat("w1", "b1", "live", 60000, 41);
    ck_assert_uint_eq(got.beat.view, 42);
    beat("w2", "b1", "live", 60000, 0);
    ck_assert_uint_eq(got.beat.view, 43);
    beat("w2", "b1", "live", 60000, 50); /* unchanged, but the caller has seen 50 */
    ck_assert_uint_eq(got.beat.view, 51);
}
END_TEST

START_TEST(beats_take_words_only)
{
    struct redis_beat b = {.id = "a b", .address = "x", .boot = "x", .state = "live"};
    ck_assert_int_eq(redis_beat(help.client, &b, help_on_beat, NULL), -EINVAL);
    b.id = "";
    ck_assert_int_eq(redis_beat(help.client, &b, help_on_beat, NULL), -EINVAL);
    beat("w1", "b1", "live", 60000, 0);
    struct redis_beat look = {.list = REDIS_LIST_WORKERS};
    help_wait(redis_beat(help.client, &look, help_on_beat, NULL));
    ck_assert_uint_eq(got.beat.view, 1);
    ck_assert_uint_eq(got.beat.count, 1);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, the_view_counts_changes);
    tcase_add_test(tc, the_silent_are_dropped);
    tcase_add_test(tc, a_lost_list_keeps_counting);
    tcase_add_test(tc, beats_take_words_only);
}

int main(void)
{
    return help_main("redis_beat", add);
}
