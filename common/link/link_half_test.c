/*
 * Half a link: what one core sends arrives, what the other sends does not. Both must take the other
 * for silent, and both must come back when the other half does.
 */
#include <check.h>
#include <stdlib.h>

#include "link_core.h"

enum { X, Y, ENDS };

struct packet {
    struct list link;
    struct bytes bytes;
};

static struct end {
    struct link_core core;
    struct link_peer *peer;
    struct list inbox; /* packets */
    bool deaf;         /* what comes for it is lost */
    bool flush_wanted;
    struct link_peer *sent; /* link_core_sent() is owed */
    unsigned silent, heard, heartbeats, items;
} ends[ENDS];
static int64_t now_us;

static const char *const addresses[ENDS] = {"ipc:///x", "ipc:///y"};

static struct end *other(struct end *e)
{
    return &ends[e == &ends[X] ? Y : X];
}

/* ---- io and callbacks ----------------------------------------------------------------------- */

static void *way_open(void *ctx, struct link_peer *peer, const char *address)
{
    return peer;
}

static void way_close(void *ctx, void *way)
{
    struct end *e = ctx;

    if (e->sent == way)
        e->sent = NULL;
}

static void way_send(void *ctx, void *way, struct slice message)
{
    struct end *e = ctx;
    struct packet *packet = calloc(1, sizeof *packet);

    e->sent = way;
    bytes_append_slice(&packet->bytes, message);
    list_push_back(&other(e)->inbox, &packet->link);
}

static void want_flush(void *ctx)
{
    ((struct end *)ctx)->flush_wanted = true;
}

static const struct link_io io = {way_open, way_close, way_send, want_flush};

static void on_contact(void *arg, uint64_t boot_id, const char *address)
{
    struct end *e = arg;

    ck_assert_int_eq(link_peer_open(&e->core, address, boot_id, now_us, e, &e->peer), 0);
}

static void on_items(void *arg, struct link_peer *peer, const struct slice *items, size_t count)
{
    ((struct end *)arg)->items += (unsigned)count;
}

static void on_silent(void *arg, struct link_peer *peer)
{
    ((struct end *)arg)->silent++;
}

static void on_heard(void *arg, struct link_peer *peer)
{
    ((struct end *)arg)->heard++;
}

static void on_heartbeat_read(void *arg, struct link_peer *peer, struct slice payload)
{
    ((struct end *)arg)->heartbeats++;
}

/* ---- time ----------------------------------------------------------------------------------- */

static bool end_step(struct end *e)
{
    struct packet *packet = list_first(&e->inbox, struct packet, link);
    bool busy = packet || e->sent || e->flush_wanted;

    if (packet) {
        if (!e->deaf)
            link_core_receive(&e->core, bytes_slice(&packet->bytes), now_us);
        list_remove(&packet->link);
        bytes_fini(&packet->bytes);
        free(packet);
    }
    if (e->sent) {
        struct link_peer *peer = e->sent;
        e->sent = NULL;
        link_core_sent(&e->core, peer);
    }
    if (e->flush_wanted) {
        e->flush_wanted = false;
        link_core_flush(&e->core, now_us);
    }
    return busy;
}

static void pass(int64_t us)
{
    for (int64_t until_us = now_us + us; now_us < until_us; now_us += LINK_HEARTBEAT_US) {
        for (int i = 0; i < ENDS; i++)
            link_core_tick(&ends[i].core, now_us);
        while (end_step(&ends[X]) | end_step(&ends[Y]))
            ;
    }
}

static void setup(void)
{
    now_us = 1000000;
    for (int i = 0; i < ENDS; i++) {
        struct end *e = &ends[i];
        struct link_config config = {.boot_id = 100 + (uint64_t)i,
                                     .address = addresses[i],
                                     .callbacks = {.on_contact = on_contact,
                                                   .on_items = on_items,
                                                   .on_silent = on_silent,
                                                   .on_heard = on_heard,
                                                   .on_heartbeat_read = on_heartbeat_read},
                                     .arg = e};
        *e = (struct end){0};
        list_init(&e->inbox);
        ck_assert_int_eq(link_core_init(&e->core, &config, &io, e), 0);
    }
    ck_assert_int_eq(
        link_peer_open(&ends[X].core, addresses[Y], 100 + Y, now_us, &ends[X], &ends[X].peer), 0);
}

static void teardown(void)
{
    pass(LINK_HEARTBEAT_US);
    for (int i = 0; i < ENDS; i++) {
        ck_assert(list_empty(&ends[i].inbox));
        link_core_fini(&ends[i].core);
    }
}

/* ---- tests ---------------------------------------------------------------------------------- */

START_TEST(both_sides_find_a_half_link_silent)
{
    struct end *x = &ends[X], *y = &ends[Y];

    pass(2 * LINK_SILENT_US);
    ck_assert(link_peer_is_agreed(x->peer) && link_peer_is_agreed(y->peer));
    ck_assert_uint_eq(x->silent + y->silent, 0);
    y->deaf = true;
    pass(2 * LINK_SILENT_US);
    ck_assert(link_peer_is_silent(y->peer));
    unsigned before = x->heartbeats;
    pass(LINK_SILENT_US);
    ck_assert(link_peer_is_silent(x->peer));
    ck_assert_msg(x->heartbeats > before, "what Y sends does arrive");
    y->deaf = false;
    pass(LINK_SILENT_US);
    ck_assert(!link_peer_is_silent(x->peer) && !link_peer_is_silent(y->peer));
    ck_assert(x->silent == 1 && y->silent == 1 && x->heard == 1 && y->heard == 1);
    ck_assert_int_eq(link_peer_send(x->peer, "item", 4), 0);
    pass(LINK_HEARTBEAT_US);
    ck_assert_uint_eq(y->items, 1);
}
END_TEST

/* The worker of the case that this is for: it resets a gateway that it finds silent, and says so to
   an inbox that works; its own does not. */
START_TEST(half_a_link_that_is_reset_stays_silent)
{
    struct end *x = &ends[X], *y = &ends[Y];

    pass(LINK_SILENT_US);
    y->deaf = true;
    pass(2 * LINK_SILENT_US);
    link_peer_reset(y->peer);
    pass(3 * LINK_SILENT_US);
    ck_assert(link_peer_is_silent(x->peer));
    ck_assert(!link_peer_is_agreed(x->peer));
    y->deaf = false;
    pass(LINK_SILENT_US);
    ck_assert(!link_peer_is_silent(x->peer) && !link_peer_is_silent(y->peer));
    ck_assert(link_peer_is_agreed(x->peer) && link_peer_is_agreed(y->peer));
}
END_TEST

/* Each hears nothing for a while, then both do: neither waits for the other to hear first. */
START_TEST(silence_of_both_ends)
{
    struct end *x = &ends[X], *y = &ends[Y];

    pass(LINK_SILENT_US);
    x->deaf = y->deaf = true;
    pass(3 * LINK_SILENT_US);
    ck_assert(link_peer_is_silent(x->peer) && link_peer_is_silent(y->peer));
    x->deaf = y->deaf = false;
    pass(LINK_SILENT_US);
    ck_assert(!link_peer_is_silent(x->peer) && !link_peer_is_silent(y->peer));
}
END_TEST

/* What was heard in the turn before the tick that finds out that we did not run is not heard in the
   future. */
START_TEST(silence_after_a_pause_of_ours)
{
    struct end *x = &ends[X], *y = &ends[Y];

    pass(LINK_SILENT_US);
    now_us += 20 * LINK_SILENT_US;
    link_core_tick(&y->core, now_us);
    while (end_step(x) | end_step(y))
        ;
    x->deaf = true; /* the next word would put the clock right */
    pass(2 * LINK_SILENT_US);
    ck_assert(link_peer_is_silent(x->peer));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("link_half");
    TCase *tcase = tcase_create("half");
    SRunner *runner;

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, both_sides_find_a_half_link_silent);
    tcase_add_test(tcase, half_a_link_that_is_reset_stays_silent);
    tcase_add_test(tcase, silence_of_both_ends);
    tcase_add_test(tcase, silence_after_a_pause_of_ours);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
