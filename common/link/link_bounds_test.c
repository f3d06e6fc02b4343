/* Each limit of a link is reached and counted by itself, and what comes too late is. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "link_core.h"
#include "link_frame.h"

#define ITEM_MAX 1000
#define QUEUE_MAX 3000
#define QUEUE_ALL_MAX 4000
#define PEERS_MAX 3

static struct link_core core;
static enum link_reset told;

/* A way that takes nothing: what is sent waits. */
static void *way_open(void *ctx, struct link_peer *peer, const char *address)
{
    (void)ctx;
    (void)peer;
    (void)address;
    return NULL;
}

static void way_close(void *ctx, void *way)
{
    (void)ctx;
    (void)way;
}

static void way_send(void *ctx, void *way, struct slice message)
{
    (void)ctx;
    (void)way;
    (void)message;
}

static void want_flush(void *ctx)
{
    (void)ctx;
}

static const struct link_io io = {way_open, way_close, way_send, want_flush};

static void on_contact(void *arg, uint64_t boot_id, const char *address)
{
    (void)arg;
    (void)boot_id;
    (void)address;
}

static void on_items(void *arg, struct link_peer *peer, const struct slice *items, size_t count)
{
    (void)arg;
    (void)peer;
    (void)items;
    (void)count;
}

static void on_reset(void *arg, struct link_peer *peer, enum link_reset reason)
{
    (void)arg;
    (void)peer;
    told = reason;
}

static void setup(void)
{
    struct link_config config = {
        .boot_id = 1,
        .address = "ipc:///us",
        .limits = {.item_max = ITEM_MAX,
                   .queue_max = QUEUE_MAX,
                   .queue_all_max = QUEUE_ALL_MAX,
                   .peers_max = PEERS_MAX},
        .callbacks = {.on_contact = on_contact, .on_items = on_items, .on_reset = on_reset}};

    told = LINK_RESET_NONE;
    ck_assert_int_eq(link_core_init(&core, &config, &io, NULL), 0);
}

static void teardown(void)
{
    link_core_fini(&core);
    ck_assert_int_eq(core.stats.peers, 0);
    ck_assert_int_eq(core.stats.queued, 0);
}

static struct link_peer *peer_open(uint64_t boot_id)
{
    char address[32];
    struct link_peer *peer;

    snprintf(address, sizeof address, "ipc:///%llu", (unsigned long long)boot_id);
    ck_assert_int_eq(link_peer_open(&core, address, boot_id, 0, NULL, &peer), 0);
    return peer;
}

/* So many bytes are queued; then one item of `size` is not. */
static void fill(struct link_peer *peer, size_t items)
{
    static const uint8_t item[ITEM_MAX];

    for (size_t i = 0; i < items; i++)
        ck_assert_int_eq(link_peer_send(peer, item, ITEM_MAX - 100), 0);
}

static void expect_full(struct link_peer *peer, size_t size)
{
    static const uint8_t item[ITEM_MAX + 1];

    ck_assert_int_eq(link_peer_send(peer, item, size), LINK_SEND_RESET);
    (void)link_core_flush(&core, 0);
    ck_assert_int_eq(told, LINK_RESET_FULL);
    ck_assert_uint_eq(core.stats.resets_full, 1);
    ck_assert_int_eq(link_peer_send(peer, item, 1), 0);
}

static void expect_limits(uint64_t item, uint64_t queue, uint64_t all, uint64_t peers)
{
    ck_assert_uint_eq(core.stats.limit_item, item);
    ck_assert_uint_eq(core.stats.limit_queue, queue);
    ck_assert_uint_eq(core.stats.limit_all, all);
    ck_assert_uint_eq(core.stats.limit_peers, peers);
}

START_TEST(no_item_larger_than_there_may_be)
{
    expect_full(peer_open(2), ITEM_MAX + 1);
    expect_limits(1, 0, 0, 0);
}
END_TEST

START_TEST(what_waits_for_one_process_is_bounded)
{
    struct link_peer *peer = peer_open(2);

    fill(peer, 3);
    expect_full(peer, ITEM_MAX);
    expect_limits(0, 1, 0, 0);
}
END_TEST

START_TEST(what_waits_for_all_processes_is_bounded)
{
    struct link_peer *one = peer_open(2), *other = peer_open(3);

    fill(one, 3);
    fill(other, 1);
    expect_full(other, ITEM_MAX);
    expect_limits(0, 0, 1, 0);
}
END_TEST

START_TEST(no_more_peers_than_there_may_be)
{
    struct link_peer *peer;

    for (uint64_t i = 0; i < PEERS_MAX; i++)
        peer_open(2 + i);
    ck_assert_int_eq(link_peer_open(&core, "ipc:///more", 99, 0, NULL, &peer), -ENOSPC);
    expect_limits(0, 0, 0, 1);
}
END_TEST

static void batch_come(uint64_t epoch, uint64_t seq)
{
    uint8_t message[LINK_HEAD_SIZE + 8];
    struct link_head head = {.type = LINK_BATCH,
                             .heard_kind = LINK_HEARD_NOTHING,
                             .from = 2,
                             .to = 1,
                             .epoch = epoch,
                             .seq = seq,
                             .address = slice_str("ipc:///2"),
                             .body = {0}};

    link_frame_write(&head, message);
    link_core_receive(&core, slice_of(message, sizeof message), 0);
}

START_TEST(a_batch_that_comes_twice_is_dropped_and_one_that_is_missed_resets)
{
    peer_open(2);
    batch_come(5, 1);
    batch_come(5, 1);
    ck_assert_uint_eq(core.stats.stale, 1);
    ck_assert_uint_eq(core.stats.resets_gap, 0);
    batch_come(5, 3);
    ck_assert_uint_eq(core.stats.resets_gap, 1);
    ck_assert_int_eq(told, LINK_RESET_GAP);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        no_item_larger_than_there_may_be, what_waits_for_one_process_is_bounded,
        what_waits_for_all_processes_is_bounded, no_more_peers_than_there_may_be,
        a_batch_that_comes_twice_is_dropped_and_one_that_is_missed_resets};
    Suite *suite = suite_create("link bounds");
    TCase *tc = tcase_create("bounds");

    tcase_add_checked_fixture(tc, setup, teardown);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(tc, tests[i]);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
