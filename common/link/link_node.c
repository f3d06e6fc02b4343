/*
 * The loop's side of link.h: what the core wants and what nng's threads bring, in turns.
 *
 *     woken     messages received, sends handed over
 *     tick      every LINK_HEARTBEAT_US
 *     flush     at the end of a turn in which the core wants it
 *     alarm     the same, when a batch has waited long enough
 *
 * Closing: everything stops at once; nng's reaper then wakes the loop a last time, and what remains
 * goes. The node may be closed within a callback of the core, which is therefore freed only then.
 */
#include <errno.h>
#include <stdlib.h>

#include "ev_loop.h"
#include "ev_timer.h"
#include "ev_wake.h"
#include "link.h"
#include "link_frame.h"
#include "link_nng.h"

#define INBOX_DEFAULT (64u * 1024 * 1024)
#define TURN_DEFAULT 64
#define LOOK_TICKS 40 /* 10 s */

struct link_node {
    struct ev_loop *loop; /* borrowed */
    struct link_core core;
    struct link_address_rules rules;
    struct link_nng *nng;   /* owned */
    struct ev_wake *wake;   /* owned */
    struct ev_alarm *alarm; /* owned */
    struct ev_timer *tick;  /* owned */
    int64_t alarm_us;       /* when it fires; INT64_MAX: not running */
    struct ev_task flush;
    struct ev_task gone;
    unsigned ticks;
    int turn_max;
    bool closing;
    void (*closed)(void *arg);
    void *closed_arg;
};

/* ---- the core's io -------------------------------------------------------------------------- */

static void *io_open(void *ctx, struct link_peer *peer, const char *address)
{
    struct link_node *node = ctx;
    enum link_scheme scheme;
    const char *why;

    if (link_address_check(address, &node->rules, &scheme, &why) < 0)
        return NULL;
    return link_way_open(node->nng, address, scheme, peer);
}

static void io_close(void *ctx, void *way)
{
    link_way_close(way);
}

static void io_send(void *ctx, void *way, struct slice message)
{
    link_way_send(way, message);
}

static void io_want_flush(void *ctx)
{
    struct link_node *node = ctx;

    if (!node->closing)
        ev_loop_later(node->loop, &node->flush);
}

static const struct link_io node_io = {
    .open = io_open,
    .close = io_close,
    .send = io_send,
    .want_flush = io_want_flush,
};

/* ---- turns ---------------------------------------------------------------------------------- */

static void flush_run(void *arg)
{
    struct link_node *node = arg;
    int64_t due_us = link_core_flush(&node->core, ev_loop_now_us(node->loop));

    /* One that fires too early costs a look; starting it costs a system call. */
    if (node->closing || due_us >= node->alarm_us)
        return;
    node->alarm_us = due_us;
    ev_alarm_start(node->alarm, due_us - ev_clock_us());
}

static void alarm_fired(void *arg)
{
    struct link_node *node = arg;

    node->alarm_us = INT64_MAX;
    ev_loop_later(node->loop, &node->flush);
}

static void tick_fired(void *arg)
{
    struct link_node *node = arg;

    link_core_tick(&node->core, ev_loop_now_us(node->loop));
    if (++node->ticks % LOOK_TICKS == 0)
        link_nng_look(node->nng);
}

static void sends_take(struct link_node *node)
{
    struct link_peer *peer;

    while ((peer = link_nng_sent(node->nng)))
        link_core_sent(&node->core, peer);
}

static void messages_take(struct link_node *node)
{
    struct list messages;
    struct link_message *m;

    list_init(&messages);
    bool more = link_nng_receive(node->nng, &messages, node->turn_max);
    node->core.stats.limit_connections += link_nng_refused(node->nng);
    while ((m = list_first(&messages, struct link_message, link))) {
        list_remove(&m->link);
        if (!node->closing)
            link_core_receive(&node->core, m->data, ev_loop_now_us(node->loop));
        link_message_free(m);
    }
    if (more && !node->closing)
        ev_wake_send(node->wake);
}

/* ---- life ----------------------------------------------------------------------------------- */

static void node_gone(void *arg)
{
    struct link_node *node = arg;

    if (node->closed)
        node->closed(node->closed_arg);
    free(node);
}

/* No other thread knows the node any more once the reaper was joined. */
static void node_end(struct link_node *node)
{
    node->nng = link_nng_free(node->nng);
    node->wake = ev_wake_free(node->wake);
    link_core_fini(&node->core);
    ev_loop_release(node->loop, &node->gone);
}

static void woken(void *arg)
{
    struct link_node *node = arg;

    if (!node->closing) {
        sends_take(node);
        messages_take(node);
    } else if (link_nng_is_closed(node->nng)) {
        node_end(node);
    }
}

static void stop(struct link_node *node)
{
    node->tick = ev_timer_free(node->tick);
    node->alarm = ev_alarm_free(node->alarm);
    ev_task_cancel(&node->flush);
}

static struct link_node *node_free(struct link_node *node)
{
    stop(node);
    node->wake = ev_wake_free(node->wake);
    free(node);
    return NULL;
}

static struct link_node *node_alloc(struct ev_loop *loop, const struct link_node_config *config)
{
    struct link_node *node = calloc(1, sizeof *node);

    if (!node)
        return NULL;
    node->loop = loop;
    node->rules.plain_tcp = config->allow_plain_tcp;
    node->rules.tls = config->tls.ca_file && config->tls.cert_key_file && config->tls.server_name;
    node->turn_max = config->turn_max ? config->turn_max : TURN_DEFAULT;
    node->alarm_us = INT64_MAX;
    ev_task_init(&node->flush, flush_run, node);
    ev_task_init(&node->gone, node_gone, node);
    node->wake = ev_wake_new(loop, woken, node);
    node->alarm = ev_alarm_new(loop, alarm_fired, node);
    node->tick = ev_timer_new(loop, tick_fired, node);
    if (!node->wake || !node->alarm || !node->tick)
        return node_free(node);
    return node;
}

static int inbox_open(struct link_node *node, const struct link_node_config *config,
                      const char **ret_why)
{
    size_t body_max = config->link.limits.body_max;
    struct link_nng_config c = {
        .address = config->link.address,
        .tls = node->rules.tls ? &config->tls : NULL,
        .message_max =
            LINK_HEAD_SIZE + LINK_ADDRESS_SIZE_MAX + (body_max ? body_max : LINK_BODY_DEFAULT),
        .inbox_max = config->inbox_max ? config->inbox_max : INBOX_DEFAULT,
        .connections_max =
            config->connections_max ? config->connections_max : LINK_CONNECTIONS_DEFAULT,
        .wake = node->wake,
    };
    int r = link_address_check(c.address, &node->rules, &c.scheme, ret_why);

    if (r == 0 && c.scheme == LINK_SCHEME_IPC)
        r = link_address_prepare_directory(c.address, ret_why);
    return r < 0 ? r : link_nng_new(&c, &node->nng, ret_why);
}

int link_node_new(struct ev_loop *loop, const struct link_node_config *config,
                  struct link_node **ret, const char **ret_why)
{
    struct link_config link = config->link;
    struct link_node *node = node_alloc(loop, config);

    if (!node)
        return link_address_why(ret_why, -ENOMEM, "a node of the links: out of memory or files");
    int r = inbox_open(node, config, ret_why);
    if (r < 0)
        goto fail;
    link.address = link_nng_address(node->nng);
    r = link_core_init(&node->core, &link, &node_io, node);
    if (r < 0) {
        link_address_why(ret_why, r, "a node of the links: %s",
                         r == -ENOMEM ? "out of memory" : "no boot id, or an impossible address");
        goto fail_nng;
    }
    ev_timer_start_every(node->tick, LINK_HEARTBEAT_US / 1000);
    *ret = node;
    return 0;

fail_nng:
    link_nng_close(node->nng);
    link_nng_free(node->nng);
fail:
    node_free(node);
    return r;
}

void link_node_close(struct link_node *node, void (*closed)(void *arg), void *arg)
{
    MUST(!node->closing);
    node->closing = true;
    node->closed = closed;
    node->closed_arg = arg;
    link_core_close_peers(&node->core);
    stop(node);
    link_nng_close(node->nng);
}

struct link_core *link_node_core(struct link_node *node)
{
    return &node->core;
}

int link_node_peer_open(struct link_node *node, const char *address, uint64_t boot_id, void *arg,
                        struct link_peer **ret)
{
    enum link_scheme scheme;
    const char *why;
    int r = link_address_check(address, &node->rules, &scheme, &why);

    if (r < 0)
        return r;
    return link_peer_open(&node->core, address, boot_id, ev_loop_now_us(node->loop), arg, ret);
}

const char *link_node_address(const struct link_node *node)
{
    return node->core.config.address;
}
