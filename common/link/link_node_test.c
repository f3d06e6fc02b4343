/*
 * Nodes over real sockets. Check runs each test in a process of its own, so nng's threads live and
 * end with the test; nng does not survive a fork, so other processes are this program started anew.
 */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ev_loop.h"
#include "link.h"

#define DEADLINE_US (60 * 1000000)

/* Turns the loop until cond holds; fails the test after the deadline. */
#define WAIT(cond)                                                                                 \
    do {                                                                                           \
        int64_t until_us = ev_clock_us() + DEADLINE_US;                                            \
        while (!(cond)) {                                                                          \
            ck_assert_msg(ev_clock_us() < until_us, "waited too long for " #cond);                 \
            ev_loop_step(loop, 100);                                                               \
        }                                                                                          \
    } while (0)

static struct ev_loop *loop;
static char directory[64];

/* ---- an end of links ------------------------------------------------------------------------ */

/* A node and what happened to it. It opens a peer for whoever makes contact. */
struct end {
    struct link_node *node;
    struct link_peer *peer; /* the one that was opened last and not closed */
    char address[128];
    const char *why;   /* of a node that could not be made */
    uint64_t expected; /* number of the next item */
    uint64_t received, contacts, silent, heard;
    uint64_t resets[LINK_RESET_REPLACED + 1];
    bool gap_allowed; /* items may be missing, but none comes late or twice */
    bool closed;
};

static void on_contact(void *arg, uint64_t boot_id, const char *address)
{
    struct end *e = arg;

    e->contacts++;
    ck_assert_int_eq(link_node_peer_open(e->node, address, boot_id, e, &e->peer), 0);
}

/* An item is its number, and more bytes that follow from the number. */
static uint8_t item_byte(uint64_t number, size_t i)
{
    return (uint8_t)(number * 31 + i * 7);
}

static void on_items(void *arg, struct link_peer *peer, const struct slice *items, size_t count)
{
    struct end *e = arg;

    ck_assert_ptr_eq(link_peer_arg(peer), e);
    for (size_t i = 0; i < count; i++) {
        ck_assert_uint_ge(items[i].size, 8);
        uint64_t number = load_be64(items[i].data);
        if (e->gap_allowed)
            ck_assert_uint_ge(number, e->expected);
        else
            ck_assert_uint_eq(number, e->expected);
        for (size_t at = 8; at < items[i].size; at++)
            if (items[i].data[at] != item_byte(number, at))
                ck_abort_msg("item %lu is damaged at %zu", (unsigned long)number, at);
        e->expected = number + 1;
        e->received++;
    }
}

static void on_reset(void *arg, struct link_peer *peer, enum link_reset reason)
{
    struct end *e = arg;

    e->resets[reason]++;
    if (reason != LINK_RESET_REPLACED)
        return;
    link_peer_close(peer);
    if (e->peer == peer)
        e->peer = NULL;
}

static void on_silent(void *arg, struct link_peer *peer)
{
    ((struct end *)arg)->silent++;
}

static void on_heard(void *arg, struct link_peer *peer)
{
    ((struct end *)arg)->heard++;
}

static int send_item(struct end *e, uint64_t number, size_t size)
{
    uint8_t *item = malloc(size);

    ck_assert_ptr_nonnull(item);
    store_be64(item, number);
    for (size_t i = 8; i < size; i++)
        item[i] = item_byte(number, i);
    int r = link_peer_send(e->peer, item, size);
    free(item);
    return r;
}

static struct link_node_config end_config(struct end *e, uint64_t boot_id)
{
    return (struct link_node_config){.link = {.boot_id = boot_id,
                                              .address = e->address,
                                              .callbacks = {.on_contact = on_contact,
                                                            .on_items = on_items,
                                                            .on_reset = on_reset,
                                                            .on_silent = on_silent,
                                                            .on_heard = on_heard},
                                              .arg = e}};
}

static void end_address(struct end *e, const char *name)
{
    snprintf(e->address, sizeof e->address, "ipc://%s/%s", directory, name);
}

static void end_open(struct end *e, const char *name, uint64_t boot_id)
{
    *e = (struct end){.expected = 1};
    end_address(e, name);
    struct link_node_config config = end_config(e, boot_id);
    int r = link_node_new(loop, &config, &e->node, &e->why);
    ck_assert_msg(r == 0, "%s", e->why);
    ck_assert_str_eq(link_node_address(e->node), e->address);
}

static void end_closed(void *arg)
{
    struct end *e = arg;

    e->closed = true;
    e->node = NULL;
}

static void end_close(struct end *e)
{
    link_node_close(e->node, end_closed, e);
    WAIT(e->closed);
    ck_assert_msg(access(e->address + strlen("ipc://"), F_OK) < 0, "the socket's file is left");
}

static struct link_stats *stats(struct end *e)
{
    return &link_node_core(e->node)->stats;
}

/* ---- what is left --------------------------------------------------------------------------- */

static int entries(const char *path)
{
    DIR *d = opendir(path);
    int n = 0;

    ck_assert_ptr_nonnull(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

/* Threads and descriptors once nng has its own: what a test opens must be gone at its end. */
static int threads_before, files_before;

static void setup(void)
{
    struct end e;

    loop = ev_loop_new(NULL);
    ck_assert_ptr_nonnull(loop);
    strcpy(directory, "/tmp/weft-link-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    end_open(&e, "first", 1);
    end_close(&e);
    threads_before = entries("/proc/self/task");
    files_before = entries("/proc/self/fd");
}

static void teardown(void)
{
    ck_assert_int_eq(entries("/proc/self/task"), threads_before);
    ck_assert_int_eq(entries("/proc/self/fd"), files_before);
    /* MUSTs that nothing is alive. */
    loop = ev_loop_free(loop);
    ck_assert_int_eq(rmdir(directory), 0);
}

/* ---- two nodes ------------------------------------------------------------------------------ */

START_TEST(items_arrive_in_order_and_once)
{
    enum { COUNT = 5000 };
    struct end a, b;
    uint64_t back = 0;

    end_open(&a, "a", 101);
    end_open(&b, "b", 102);
    ck_assert_int_eq(link_node_peer_open(a.node, b.address, 102, &a, &a.peer), 0);
    for (uint64_t i = 1; i <= COUNT; i++) {
        ck_assert_int_eq(send_item(&a, i, 8 + i % 300), 0);
        if (b.peer)
            ck_assert_int_eq(send_item(&b, ++back, 8), 0);
        if (i % 37 == 0)
            ev_loop_step(loop, 0);
    }
    WAIT(b.received == COUNT && a.received == back && back > 0);
    ck_assert_uint_eq(b.contacts, 1);
    ck_assert_uint_eq(stats(&a)->items_out, COUNT);
    for (int reason = 0; reason <= LINK_RESET_REPLACED; reason++)
        ck_assert(a.resets[reason] == 0 && b.resets[reason] == 0);
    end_close(&a);
    end_close(&b);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("link_node");
    SRunner *runner = srunner_create(suite);
    TCase *tcase = tcase_create("nodes");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, items_arrive_in_order_and_once);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
