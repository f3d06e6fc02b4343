/* Membership: what BEAT gives, and whom it drops. */
#include "backend_help_test.h"

#include <stdio.h>

#include "cluster_tracker.h"

static void setup(void)
{
    help_open(REDIS_LEVEL_FSYNC, false);
}

static struct asked beat_of(const char *id, uint64_t boot, enum cluster_state state)
{
    struct asked asked = {.call = {.kind = STORAGE_BEAT, .list = STORAGE_WORKERS}};

    if (id)
        ck_assert_int_eq(cluster_member_make(slice_str(id), slice_str("ipc:///x"), boot, state,
                                             &asked.call.self),
                         0);
    return asked;
}

/* A member that is never silent: its stamp is far ahead. */
static void member_put(const char *id, const char *words)
{
    (void)support_redis_cli(help.redis, "hset weft:members 'm:%s' '99999999999999 %s'", id, words);
}

START_TEST(a_beat_gives_the_view)
{
    member_put("w2", "leaving 00000000000000ff tcp://10.0.0.1:7000");
    struct asked beat = beat_of("w1", 0xfedcba9876543210, CLUSTER_LIVE);
    ck_assert_int_eq(help_ask(&beat), STORAGE_OK);
    const struct cluster_view *view = beat.call.view;
    ck_assert(view->sealed && view->count == 2 && beat.call.time_ms > UINT64_C(1600000000000));
    const struct cluster_member *w1 = cluster_view_find(view, "w1");
    const struct cluster_member *w2 = cluster_view_find(view, "w2");
    ck_assert(w1->boot_id == 0xfedcba9876543210 && w1->state == CLUSTER_LIVE);
    ck_assert(w2->boot_id == 0xff && w2->state == CLUSTER_LEAVING);
    ck_assert_str_eq(w2->address, "tcp://10.0.0.1:7000");
    ck_assert_str_eq(support_redis_cli(help.redis, "hget weft:members m:w1") + 14,
                     "live fedcba9876543210 ipc:///x");
    uint64_t number = view->number;
    help_drop(&beat);

    struct asked look = beat_of(NULL, 0, CLUSTER_LIVE); /* only looks */
    ck_assert_int_eq(help_ask(&look), STORAGE_OK);
    ck_assert(look.call.view->count == 2 && look.call.view->number == number);
    help_drop(&look);

    beat.call.gone = true;
    ck_assert_int_eq(help_ask(&beat), STORAGE_OK);
    ck_assert(beat.call.view->count == 1 && beat.call.view->number == number + 1);
    help_drop(&beat);

    /* The list is lost: its number still only rises. */
    (void)support_redis_cli(help.redis, "del weft:members");
    ck_assert_int_eq(help_ask(&look), STORAGE_OK);
    ck_assert(look.call.view->count == 0 && look.call.view->number == number + 2);
    help_drop(&look);
    look.call.list = STORAGE_GATEWAYS; /* a list, and numbers, of their own */
    ck_assert_int_eq(help_ask(&look), STORAGE_OK);
    ck_assert_uint_eq(look.call.view->number, 0);
    help_drop(&look);
}
END_TEST

START_TEST(an_unreadable_member_is_an_alarm)
{
    static const char *const bad[] = {
        "live 00000000000000FF ipc:///x", "live 0ff ipc:///x", "live 00000000000000fg ipc:///x",
        "dead 00000000000000ff ipc:///x", "live 000000000000000ff ipc:///x"};
    struct asked look = beat_of(NULL, 0, CLUSTER_LIVE);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        member_put("w2", bad[i]);
        ck_assert_msg(help_ask(&look) == STORAGE_BROKEN, "%s", bad[i]);
        ck_assert_ptr_null(look.call.view);
        help_drop(&look);
    }
    member_put("w2", "live 00000000000000ff ipc:///x");
    ck_assert_int_eq(help_ask(&look), STORAGE_OK);
    help_drop(&look);
}
END_TEST

static struct asked first_beat;

static void beat_at_once(void)
{
    first_beat = beat_of("w1", 1, CLUSTER_LIVE);
    help_send(&first_beat);
}

START_TEST(a_reconnected_process_drops_nobody)
{
    (void)support_redis_cli(help.redis, "hset weft:members m:old '1 live 00000000000000ff a:1'");
    help.on_reconnected = beat_at_once;
    (void)support_redis_cli(help.redis, "client kill type normal skipme yes");
    AWAIT(first_beat.answers);
    ck_assert_uint_eq(help.reconnects, 2);
    ck_assert_int_eq(first_beat.call.result, STORAGE_OK);
    ck_assert_ptr_nonnull(cluster_view_find(first_beat.call.view, "old"));
    help_drop(&first_beat);
    /* The grace ends, and the silent one is dropped. */
    bool there = true;
    int64_t begun = ev_loop_now_ms(help.loop);
    while (there) {
        struct asked look = beat_of(NULL, 0, CLUSTER_LIVE);
        ck_assert_int_eq(help_ask(&look), STORAGE_OK);
        there = cluster_view_find(look.call.view, "old") != NULL;
        help_drop(&look);
        ck_assert_int_lt(ev_loop_now_ms(help.loop), begun + HELP_WAIT_MS);
        ev_loop_step(help.loop, 20);
    }
}
END_TEST

static void add(Suite *suite)
{
    TCase *beats = help_case(suite, "beats", false);
    tcase_add_checked_fixture(beats, setup, help_teardown);
    tcase_add_test(beats, a_beat_gives_the_view);
    tcase_add_test(beats, an_unreadable_member_is_an_alarm);
    tcase_add_test(beats, a_reconnected_process_drops_nobody);
}

int main(void)
{
    return help_main("backend beat", add);
}
