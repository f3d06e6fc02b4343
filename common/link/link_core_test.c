/*
 * Whole cores over a network that loses, delays and reorders across sockets, with processes that
 * die and are born again.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "link_core.h"
#include "rng.h"
#include "support_seed.h"

/*
 * The upper layer of the test is a small copy of the real one. Node 0 is a worker with topics,
 * whose values count up; the other nodes subscribe to topics. SUB brings VALUE, and from then on
 * each change brings NEXT. A subscriber checks that NEXT is always its value + 1; when all has
 * calmed down, every subscriber must hold every topic's present value. That fails if anything is
 * lost, doubled, reordered or mixed across a reset without both sides dropping what they had.
 */
enum {
    NODES = 3,
    TOPICS = 4,
    MESSAGES_MAX = 4096,
};
enum item_kind {
    ITEM_SUB = 1,
    ITEM_VALUE,
    ITEM_NEXT,
};

struct packet {
    struct list link;
    struct bytes bytes;
};

/* One socket: a queue to an address, kept after its end for what still travels. */
struct way {
    struct list link;
    struct list packets;
    int to;
    struct node *owner; /* NULL: closed */
    struct link_peer *peer;
    bool busy; /* link_core_sent() is owed */
};

struct node {
    struct link_core core;
    bool flush_wanted;
    int index;
    char address[32];
    uint64_t boot_id;
    uint64_t peer_boot; /* subscriber: the worker's that it was told */
    int64_t skew_due_us;
    uint64_t heartbeats;     /* read */
    uint64_t values[TOPICS]; /* worker: the truth; subscriber: what it holds */
    bool has[TOPICS];        /* subscriber: values is valid */
};

/* The worker's view of one subscriber; arg of its peer. */
struct viewer {
    bool subscribed[TOPICS];
};

static struct {
    struct rng rng;
    struct node nodes[NODES];
    struct list ways;
    int64_t now_us;
    uint64_t boot_last;
    unsigned lose_percent;
    unsigned resets, deliveries;
} net;

static const char *node_address(int index)
{
    static const char *const names[NODES] = {"ipc:///worker", "ipc:///gw1", "ipc:///gw2"};

    return names[index];
}

static void *way_open(void *ctx, struct link_peer *peer, const char *address)
{
    if (rng_percent(&net.rng, 2))
        return NULL;
    struct way *way = calloc(1, sizeof *way);
    list_init(&way->packets);
    list_push_back(&net.ways, &way->link);
    way->owner = ctx;
    way->peer = peer;
    for (int i = 0; i < NODES; i++)
        if (strcmp(address, node_address(i)) == 0)
            way->to = i;
    return way;
}

static void way_close(void *ctx, void *arg)
{
    struct way *way = arg;

    ck_assert_ptr_eq(way->owner, ctx);
    way->owner = NULL;
    way->peer = NULL;
}

static void way_send(void *ctx, void *arg, struct slice message)
{
    struct way *way = arg;
    struct packet *packet = calloc(1, sizeof *packet);

    ck_assert(way->owner == ctx && !way->busy);
    way->busy = true;
    bytes_append_slice(&packet->bytes, message);
    list_push_back(&way->packets, &packet->link);
}

static void want_flush(void *ctx)
{
    ((struct node *)ctx)->flush_wanted = true;
}

static const struct link_io net_io = {way_open, way_close, way_send, want_flush};

static void packet_free(struct packet *packet)
{
    list_remove(&packet->link);
    bytes_fini(&packet->bytes);
    free(packet);
}

static void way_free(struct way *way)
{
    list_for_each_safe (p, &way->packets)
        packet_free(list_entry(p, struct packet, link));
    list_remove(&way->link);
    free(way);
}

/* Pads items now and then, so that they are cut into pieces. */
static int item_send(struct link_peer *peer, enum item_kind kind, int topic, uint64_t value)
{
    uint8_t item[400] = {(uint8_t)kind, (uint8_t)topic};

    store_be64(item + 2, value);
    return link_peer_send(peer, item,
                          10 + (rng_percent(&net.rng, 10) ? rng_below(&net.rng, 390) : 0));
}

static struct viewer *viewer_of(struct link_peer *peer)
{
    return link_peer_arg(peer);
}

static void subscribe_all(struct node *node, struct link_peer *peer)
{
    memset(node->has, 0, sizeof node->has);
    for (int t = 0; t < TOPICS; t++)
        (void)!item_send(peer, ITEM_SUB, t, 0);
}

static void worker_item(struct node *node, struct link_peer *peer, const uint8_t *item)
{
    int t = item[1];

    ck_assert_int_eq(item[0], ITEM_SUB);
    viewer_of(peer)->subscribed[t] = true;
    (void)!item_send(peer, ITEM_VALUE, t, node->values[t]);
}

static void subscriber_item(struct node *node, struct link_peer *peer, const uint8_t *item)
{
    int t = item[1];
    uint64_t value = load_be64(item + 2);

    if (link_peer_boot_id(peer) != node->peer_boot)
        return;
    if (item[0] == ITEM_VALUE) {
        node->has[t] = true;
    } else {
        ck_assert_int_eq(item[0], ITEM_NEXT);
        ck_assert_msg(node->has[t], "a change without a subscription");
        ck_assert_uint_eq(value, node->values[t] + 1);
    }
    node->values[t] = value;
}

static void on_items(void *arg, struct link_peer *peer, const struct slice *items, size_t count)
{
    struct node *node = arg;

    for (size_t i = 0; i < count; i++) {
        net.deliveries++;
        ck_assert_uint_ge(items[i].size, 10);
        if (node->index == 0)
            worker_item(node, peer, items[i].data);
        else
            subscriber_item(node, peer, items[i].data);
    }
}

static void worker_close(struct link_peer *peer)
{
    free(viewer_of(peer));
    link_peer_close(peer);
}

static void on_reset(void *arg, struct link_peer *peer, enum link_reset reason)
{
    struct node *node = arg;

    net.resets++;
    if (node->index == 0) {
        memset(viewer_of(peer), 0, sizeof(struct viewer));
        if (reason == LINK_RESET_REPLACED)
            worker_close(peer);
    } else if (reason == LINK_RESET_REPLACED) {
        link_peer_close(peer);
    } else if (link_peer_boot_id(peer) == node->peer_boot) {
        subscribe_all(node, peer);
    }
}

static void on_silent(void *arg, struct link_peer *peer)
{
    struct node *node = arg;

    if (node->index == 0 && rng_percent(&net.rng, 50))
        worker_close(peer);
    else if (rng_percent(&net.rng, 50))
        link_peer_reset(peer);
}

/* An empty one too is a sign of life that an upper layer may wait for. */
static void on_heartbeat_read(void *arg, struct link_peer *peer, struct slice payload)
{
    struct node *node = arg;

    ck_assert_uint_eq(payload.size, 0);
    node->heartbeats++;
}

static void on_contact(void *arg, uint64_t boot_id, const char *address)
{
    struct node *node = arg;
    struct link_peer *peer;

    /* Subscribers open what the view tells them, in node_told(). */
    if (node->index != 0)
        return;
    /* The dead do not come back: a real worker closes them when they stay silent. */
    int i = strcmp(address, node_address(1)) == 0 ? 1 : 2;
    if (net.nodes[i].boot_id != boot_id)
        return;
    struct viewer *viewer = calloc(1, sizeof *viewer);
    ck_assert_int_eq(link_peer_open(&node->core, address, boot_id, net.now_us, viewer, &peer), 0);
}

static void node_start(int index)
{
    struct node *node = &net.nodes[index];

    *node = (struct node){.index = index, .boot_id = ++net.boot_last};
    struct link_config config = {
        .boot_id = node->boot_id,
        .address = node_address(index),
        .limits = {.body_max = 100, .queue_max = 3000, .item_max = 1000, .peers_max = 8},
        .callbacks = {.on_contact = on_contact,
                      .on_items = on_items,
                      .on_reset = on_reset,
                      .on_silent = on_silent,
                      .on_heartbeat_read = on_heartbeat_read},
        .arg = node};
    ck_assert_int_eq(link_core_init(&node->core, &config, &net_io, node), 0);
}

static void node_stop(int index)
{
    struct node *node = &net.nodes[index];
    struct link_peer *p, *next;

    if (index == 0)
        for (int i = 1; i < NODES; i++)
            if ((p = link_peer_find(&node->core, net.nodes[i].boot_id)))
                free(viewer_of(p));
    (void)next;
    link_core_fini(&node->core);
}

/* The view reaches a subscriber: it opens the worker that lives now. */
static void node_told(struct node *node)
{
    struct link_peer *peer = link_peer_find(&node->core, net.nodes[0].boot_id);

    if (peer)
        return;
    node->peer_boot = net.nodes[0].boot_id;
    ck_assert_int_eq(
        link_peer_open(&node->core, node_address(0), node->peer_boot, net.now_us, NULL, &peer), 0);
    subscribe_all(node, peer);
}

static void value_change(struct node *worker)
{
    int t = (int)rng_below(&net.rng, TOPICS);

    worker->values[t]++;
    for (int i = 1; i < NODES; i++) {
        struct link_peer *peer = link_peer_find(&worker->core, net.nodes[i].boot_id);
        if (peer && viewer_of(peer)->subscribed[t])
            (void)!item_send(peer, ITEM_NEXT, t, worker->values[t]);
    }
}

static struct way *way_pick(void)
{
    size_t count = 0;

    list_for_each (l, &net.ways)
        count++;
    if (count == 0)
        return NULL;
    size_t at = rng_below(&net.rng, count);
    list_for_each (l, &net.ways) {
        if (at-- == 0)
            return list_entry(l, struct way, link);
    }
    return NULL;
}

static void way_step(struct way *way)
{
    struct packet *packet = list_first(&way->packets, struct packet, link);

    if (way->busy && way->owner && (!packet || rng_percent(&net.rng, 70))) {
        way->busy = false;
        link_core_sent(&way->owner->core, way->peer);
        return;
    }
    if (packet) {
        if (!rng_percent(&net.rng, net.lose_percent))
            link_core_receive(&net.nodes[way->to].core, bytes_slice(&packet->bytes), net.now_us);
        packet_free(packet);
    } else if (!way->owner) {
        way_free(way);
    }
}

static void flush_wanted(void)
{
    for (int i = 0; i < NODES; i++) {
        struct node *node = &net.nodes[i];
        for (int rounds = 0; node->flush_wanted; rounds++) {
            ck_assert_int_lt(rounds, 50);
            node->flush_wanted = false;
            link_core_flush(&node->core, net.now_us);
        }
    }
}

static int64_t silent_peers(struct link_core *core)
{
    int64_t count = 0;

    for (uint64_t boot_id = 1; boot_id <= net.boot_last; boot_id++) {
        struct link_peer *peer = link_peer_find(core, boot_id);
        count += peer && link_peer_is_silent(peer);
    }
    return count;
}

static void tick_all(void)
{
    net.now_us += LINK_HEARTBEAT_US;
    for (int i = 0; i < NODES; i++) {
        struct link_core *core = &net.nodes[i].core;
        link_core_tick(core, net.now_us);
        ck_assert_int_eq(core->stats.breakers_open + core->stats.breakers_half, silent_peers(core));
    }
}

static void fault(void)
{
    int i = (int)rng_below(&net.rng, NODES);
    struct link_peer *peer;

    switch (rng_below(&net.rng, 6)) {
    case 0:
        peer = link_peer_find(&net.nodes[0].core, net.nodes[1].boot_id);
        if (peer)
            link_peer_reset(peer);
        return;
    case 1:
        peer = link_peer_find(&net.nodes[1].core, net.nodes[0].boot_id);
        if (peer)
            link_peer_reset(peer);
        return;
    case 2:
        /* A worker forgets a viewer that goes on as if nothing had been. */
        peer = link_peer_find(&net.nodes[0].core, net.nodes[2].boot_id);
        if (peer)
            worker_close(peer);
        return;
    case 3:
        peer = link_peer_find(&net.nodes[2].core, net.nodes[0].boot_id);
        if (peer)
            link_peer_close(peer);
        return;
    case 4:
        if (!rng_percent(&net.rng, 10))
            return;
        if (i != 0 && (peer = link_peer_find(&net.nodes[0].core, net.nodes[i].boot_id)) != NULL)
            worker_close(peer);
        node_stop(i);
        node_start(i);
        return;
    case 5:
        for (int k = 0; k < 12; k++)
            value_change(&net.nodes[0]);
        return;
    }
}

static bool calm(void)
{
    struct node *worker = &net.nodes[0];

    for (int i = 1; i < NODES; i++) {
        struct node *node = &net.nodes[i];
        struct link_peer *there = link_peer_find(&node->core, worker->boot_id);
        struct link_peer *back = link_peer_find(&worker->core, node->boot_id);
        if (!there || !back || !link_peer_is_agreed(there) || !link_peer_is_agreed(back))
            return false;
        for (int t = 0; t < TOPICS; t++)
            if (!node->has[t] || node->values[t] != worker->values[t])
                return false;
    }
    return true;
}

static void world_run(uint64_t seed, unsigned steps)
{
    memset(&net, 0, sizeof net);
    rng_init(&net.rng, seed);
    list_init(&net.ways);
    net.lose_percent = (unsigned)rng_below(&net.rng, 4);
    unsigned fault_percent = (unsigned)rng_below(&net.rng, 3);
    for (int i = 0; i < NODES; i++)
        node_start(i);
    for (unsigned step = 0; step < steps; step++) {
        struct way *way = way_pick();
        net.now_us += (int64_t)rng_below(&net.rng, 200);
        if (way)
            way_step(way);
        if (rng_percent(&net.rng, 20))
            value_change(&net.nodes[0]);
        if (rng_percent(&net.rng, 2))
            tick_all();
        if (rng_percent(&net.rng, 5))
            node_told(&net.nodes[rng_between(&net.rng, 1, NODES - 1)]);
        if (rng_percent(&net.rng, fault_percent))
            fault();
        for (int i = 0; i < NODES; i++)
            net.nodes[i].flush_wanted = true;
        flush_wanted();
    }
    /* No more faults: all must agree within some heartbeats. */
    net.lose_percent = 0;
    unsigned ticks = 0;
    while (!calm() && ticks < 40) {
        for (int i = 0; i < 400; i++) {
            struct way *way = way_pick();
            net.now_us += 100;
            if (way)
                way_step(way);
            for (int k = 0; k < NODES; k++)
                net.nodes[k].flush_wanted = true;
            flush_wanted();
        }
        for (int i = 1; i < NODES; i++)
            node_told(&net.nodes[i]);
        tick_all();
        ticks++;
    }
    ck_assert_msg(calm(), "seed %llu: no agreement", (unsigned long long)seed);
    for (int i = 0; i < NODES; i++)
        ck_assert_uint_eq(net.nodes[i].heartbeats, net.nodes[i].core.stats.heartbeats_in);
    for (int i = NODES - 1; i >= 0; i--)
        node_stop(i);
    list_for_each_safe (l, &net.ways)
        way_free(list_entry(l, struct way, link));
}

START_TEST(cores_agree_after_loss_resets_and_restarts)
{
    const char *runs_text = getenv("LINK_TEST_RUNS");
    uint64_t seed = support_seed();
    unsigned runs = runs_text ? (unsigned)atoi(runs_text) : 150, resets = 0, deliveries = 0;

    for (unsigned i = 0; i < runs; i++) {
        if (getenv("LINK_TEST_VERBOSE"))
            printf("run seed %llu\n", (unsigned long long)(seed + i));
        world_run(seed + i, 3000);
        resets += net.resets;
        deliveries += net.deliveries;
    }
    printf("%u runs, %u resets, %u items\n", runs, resets, deliveries);
    ck_assert_uint_gt(resets, runs);
    ck_assert_uint_gt(deliveries, runs * 100);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("link core");
    TCase *tc = tcase_create("all");
    SRunner *runner = srunner_create(suite);

    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, cores_agree_after_loss_resets_and_restarts);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
