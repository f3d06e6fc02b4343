#include "link_core.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "link_batch.h"
#include "link_session.h"

/*
 *   OPEN --- another boot id was opened at its address ---> DEAD
 *     |                                                      |
 *     +------------------ link_peer_close() -----------------+--> CLOSED, freed in the next flush
 */
enum peer_state {
    PEER_OPEN,
    PEER_DEAD,
    PEER_CLOSED,
};

struct link_peer {
    UT_hash_handle hh;
    uint64_t boot_id;
    struct link_core *core; /* borrowed */
    void *arg;
    char *address; /* owned */
    struct link_session session;
    struct link_out out;
    struct link_in in;
    void *way;         /* of io; NULL: could not be opened yet, or dead */
    struct list dirty; /* in core->dirty, or core->closed */
    struct link_hearing hearing;
    unsigned silent_ticks;
    enum peer_state state;
    enum link_reset reset_due; /* to be done and told by the next flush */
    bool sending;              /* way has a message of ours */
    bool heartbeat_due;
    bool tell_due;   /* the peer must learn of a change: any message will do */
    bool silent_due; /* on_silent is owed */
};

OBS_STATS_TABLE(link_stats, LINK_STATS)

/* ---- life ----------------------------------------------------------------------------------- */

static void limits_default(struct link_limits *l)
{
    l->body_max = l->body_max ? l->body_max : LINK_BODY_DEFAULT;
    l->item_max = l->item_max ? l->item_max : LINK_ITEM_DEFAULT;
    l->queue_max = l->queue_max ? l->queue_max : LINK_QUEUE_DEFAULT;
    l->queue_all_max = l->queue_all_max ? l->queue_all_max : LINK_QUEUE_ALL_DEFAULT;
    l->peers_max = l->peers_max ? l->peers_max : LINK_PEERS_DEFAULT;
}

int link_core_init(struct link_core *c, const struct link_config *config, const struct link_io *io,
                   void *io_ctx)
{
    if (config->boot_id == 0 || !link_address_is_plain(slice_str(config->address)))
        return -EINVAL;
    MUST(config->callbacks.on_contact && config->callbacks.on_items);
    char *address = strdup(config->address);
    if (!address)
        return -ENOMEM;
    *c = (struct link_core){.config = *config, .io = io, .io_ctx = io_ctx};
    c->config.address = address;
    c->address_size = strlen(address);
    limits_default(&c->config.limits);
    list_init(&c->dirty);
    list_init(&c->closed);
    rng_init(&c->rng, config->boot_id);
    bytes_init(&c->heartbeat, 0);
    return 0;
}

static void closed_free(struct link_core *c)
{
    struct link_peer *p;

    while ((p = list_first(&c->closed, struct link_peer, dirty))) {
        list_remove(&p->dirty);
        link_in_fini(&p->in);
        free(p->address);
        free(p);
    }
}

void link_core_close_peers(struct link_core *c)
{
    struct link_peer *p, *next;

    HASH_ITER(hh, c->peers, p, next)
    link_peer_close(p);
}

void link_core_fini(struct link_core *c)
{
    link_core_close_peers(c);
    closed_free(c);
    bytes_fini(&c->heartbeat);
    free((char *)c->config.address);
    c->config.address = NULL;
}

/* Where the peer is counted, by the state of its breaker. */
static int64_t *breaker_gauge(struct link_peer *p)
{
    struct link_stats *stats = &p->core->stats;
    int64_t *gauges[] = {
        [CLUSTER_CLOSED] = &stats->breakers_closed,
        [CLUSTER_OPEN] = &stats->breakers_open,
        [CLUSTER_HALF_OPEN] = &stats->breakers_half,
    };

    return gauges[p->hearing.breaker.state];
}

static void dirty_mark(struct link_peer *p)
{
    if (p->state == PEER_CLOSED || !list_empty(&p->dirty))
        return;
    list_push_back(&p->core->dirty, &p->dirty);
    p->core->io->want_flush(p->core->io_ctx);
}

static void queue_drop(struct link_peer *p)
{
    p->core->stats.queued -= (int64_t)p->out.queued;
    link_out_fini(&p->out);
}

static void way_open(struct link_peer *p)
{
    p->way = p->core->io->open(p->core->io_ctx, p, p->address);
    p->sending = false;
}

static void way_close(struct link_peer *p)
{
    if (p->way)
        p->core->io->close(p->core->io_ctx, p->way);
    p->way = NULL;
    p->sending = false;
}

/* One inbox, one process: whoever was at this address is gone. */
static void address_take(struct link_core *c, const char *address)
{
    struct link_peer *p, *next;

    HASH_ITER(hh, c->peers, p, next)
    {
        if (p->state != PEER_OPEN || strcmp(p->address, address) != 0)
            continue;
        p->state = PEER_DEAD;
        p->reset_due = LINK_RESET_REPLACED;
        queue_drop(p);
        way_close(p);
        dirty_mark(p);
    }
}

int link_peer_open(struct link_core *c, const char *address, uint64_t boot_id, int64_t now_us,
                   void *arg, struct link_peer **ret)
{
    const struct link_limits *limits = &c->config.limits;

    if (boot_id == 0 || boot_id == c->config.boot_id || !link_address_is_plain(slice_str(address)))
        return -EINVAL;
    if (link_peer_find(c, boot_id))
        return -EEXIST;
    if ((size_t)c->stats.peers >= limits->peers_max) {
        c->stats.limit_peers++;
        return -ENOSPC;
    }
    struct link_peer *p = calloc(1, sizeof *p);
    if (!p)
        return -ENOMEM;
    p->address = strdup(address);
    p->boot_id = boot_id;
    if (p->address)
        HASH_ADD(hh, c->peers, boot_id, sizeof p->boot_id, p);
    if (!p->address || !p->hh.tbl) {
        free(p->address);
        free(p);
        return -ENOMEM;
    }
    c->stats.peers++;
    p->core = c;
    p->arg = arg;
    link_hearing_init(&p->hearing, now_us);
    ++*breaker_gauge(p);
    p->tell_due = true;
    list_init(&p->dirty);
    link_session_init(&p->session, ++c->epoch_last);
    link_out_init(&p->out, link_frame_prefix_size(c->address_size), limits->body_max,
                  limits->queue_max);
    link_in_init(&p->in, limits->item_max);
    p->state = PEER_DEAD; /* not to be found as the address' holder */
    address_take(c, address);
    p->state = PEER_OPEN;
    way_open(p);
    dirty_mark(p);
    *ret = p;
    return 0;
}

struct link_peer *link_peer_close(struct link_peer *p)
{
    if (!p || p->state == PEER_CLOSED)
        return NULL;
    queue_drop(p);
    way_close(p);
    p->state = PEER_CLOSED;
    HASH_DEL(p->core->peers, p);
    p->core->stats.peers--;
    --*breaker_gauge(p);
    list_remove(&p->dirty);
    list_push_back(&p->core->closed, &p->dirty);
    p->core->io->want_flush(p->core->io_ctx);
    return NULL;
}

/* ---- resets --------------------------------------------------------------------------------- */

static void reset_count(struct link_stats *stats, enum link_reset reason)
{
    uint64_t *counters[] = {
        [LINK_RESET_GAP] = &stats->resets_gap,     [LINK_RESET_PEER] = &stats->resets_peer,
        [LINK_RESET_FULL] = &stats->resets_full,   [LINK_RESET_BAD] = &stats->resets_bad,
        [LINK_RESET_ASKED] = &stats->resets_asked, [LINK_RESET_REPLACED] = &stats->resets_replaced,
    };

    ++*counters[reason];
}

const char *link_reset_name(enum link_reset reason)
{
    static const char *const names[] = {
        [LINK_RESET_NONE] = "none",         [LINK_RESET_GAP] = "gap", [LINK_RESET_PEER] = "peer",
        [LINK_RESET_FULL] = "full",         [LINK_RESET_BAD] = "bad", [LINK_RESET_ASKED] = "asked",
        [LINK_RESET_REPLACED] = "replaced",
    };

    return names[reason];
}

/* Does it and tells: the peer may be closed afterwards. */
static void peer_reset(struct link_peer *p, enum link_reset reason)
{
    struct link_core *c = p->core;

    p->reset_due = LINK_RESET_NONE;
    reset_count(&c->stats, reason);
    if (reason != LINK_RESET_REPLACED) {
        link_session_reset(&p->session, ++c->epoch_last);
        link_in_reset(&p->in);
        queue_drop(p);
        p->out.left_us = INT64_MIN / 2;
        /* Batches of the old epoch in the old socket may still arrive: they are refused there. */
        way_close(p);
        way_open(p);
        p->tell_due = true;
        dirty_mark(p);
    }
    if (c->config.callbacks.on_reset)
        c->config.callbacks.on_reset(c->config.arg, p, reason);
}

static void reset_later(struct link_peer *p, enum link_reset reason)
{
    if (p->state != PEER_OPEN || p->reset_due != LINK_RESET_NONE)
        return;
    p->reset_due = reason;
    queue_drop(p);
    dirty_mark(p);
}

void link_peer_reset(struct link_peer *p)
{
    reset_later(p, LINK_RESET_ASKED);
}

/* ---- sending -------------------------------------------------------------------------------- */

static void full_count(struct link_peer *p, size_t size)
{
    const struct link_limits *limits = &p->core->config.limits;
    struct link_stats *stats = &p->core->stats;

    if (size > limits->item_max)
        stats->limit_item++;
    else if (size + (size_t)stats->queued > limits->queue_all_max)
        stats->limit_all++;
    else if (size + p->out.queued > limits->queue_max)
        stats->limit_queue++;
}

int link_peer_send(struct link_peer *p, const void *item, size_t size)
{
    struct link_core *c = p->core;
    size_t before = p->out.queued;

    if (p->state != PEER_OPEN)
        return LINK_SEND_DEAD;
    if (p->reset_due != LINK_RESET_NONE)
        return LINK_SEND_RESET;
    bool fits = size <= c->config.limits.item_max &&
                size <= c->config.limits.queue_all_max - (size_t)c->stats.queued &&
                link_out_push(&p->out, slice_of(item, size));
    c->stats.queued += (int64_t)(p->out.queued - before);
    if (!fits || (size_t)c->stats.queued > c->config.limits.queue_all_max) {
        full_count(p, size);
        reset_later(p, LINK_RESET_FULL);
        return LINK_SEND_RESET;
    }
    c->stats.items_out++;
    dirty_mark(p);
    return 0;
}

static void message_send(struct link_peer *p, struct link_head *head, enum link_type type,
                         struct bytes *message)
{
    struct link_core *c = p->core;
    size_t prefix = link_frame_prefix_size(c->address_size);

    head->from = c->config.boot_id;
    head->to = p->boot_id;
    head->address = slice_of(c->config.address, c->address_size);
    head->body = slice_of(message->data + prefix, message->size - prefix);
    link_session_stamp(&p->session, type, head);
    link_frame_write(head, message->data);
    p->sending = true;
    p->tell_due = false;
    c->stats.bytes_out += message->size;
    c->io->send(c->io_ctx, p->way, bytes_slice(message));
}

static void batch_send(struct link_peer *p, int64_t now_us)
{
    struct link_core *c = p->core;
    size_t before = p->out.queued;
    struct link_batch *batch = link_out_take(&p->out, now_us);
    struct link_head head = {.count = batch->count};

    c->stats.queued -= (int64_t)(before - p->out.queued);
    c->stats.batches_out++;
    obs_hist_add(&c->stats.batch_items, batch->count);
    obs_hist_add(&c->stats.batch_bytes, batch->bytes.size);
    message_send(p, &head, LINK_BATCH, &batch->bytes);
    link_batch_free(batch);
}

/* False if the callback closed the peer, or memory is out. */
static bool heartbeat_build(struct link_peer *p)
{
    struct link_core *c = p->core;
    size_t prefix = link_frame_prefix_size(c->address_size);

    bytes_reset(&c->heartbeat);
    if (!bytes_reserve(&c->heartbeat, prefix))
        return false;
    c->heartbeat.size = prefix;
    if (c->config.callbacks.on_heartbeat_write)
        c->config.callbacks.on_heartbeat_write(c->config.arg, p, &c->heartbeat);
    if (c->heartbeat.failed || c->heartbeat.size > prefix + c->config.limits.body_max)
        c->heartbeat.size = prefix;
    return p->state == PEER_OPEN && p->way && !p->sending;
}

static void heartbeat_send(struct link_peer *p, int64_t now_us)
{
    struct link_head head = {.count = link_hearing_nothing_comes(&p->hearing, now_us)};

    p->heartbeat_due = false;
    if (!heartbeat_build(p))
        return;
    p->core->stats.heartbeats_out++;
    message_send(p, &head, LINK_HEARTBEAT, &p->core->heartbeat);
}

/* Sends the next message if one may go now; else returns when to try again. */
static int64_t peer_pump(struct link_peer *p, int64_t now_us)
{
    if (p->state != PEER_OPEN || !p->way || p->sending)
        return INT64_MAX;
    if (p->heartbeat_due) {
        heartbeat_send(p, now_us);
        return INT64_MAX;
    }
    int64_t due_us = link_out_due_us(&p->out);
    if (due_us <= now_us) {
        batch_send(p, now_us);
        return INT64_MAX;
    }
    if (p->tell_due) {
        heartbeat_send(p, now_us);
        return INT64_MAX;
    }
    return due_us;
}

void link_core_sent(struct link_core *c, struct link_peer *p)
{
    p->sending = false;
    dirty_mark(p);
}

static void peer_tell(struct link_peer *p)
{
    struct link_core *c = p->core;

    if (p->silent_due && p->state == PEER_OPEN) {
        p->silent_due = false;
        if (c->config.callbacks.on_silent)
            c->config.callbacks.on_silent(c->config.arg, p);
    }
    if (p->reset_due != LINK_RESET_NONE && p->state != PEER_CLOSED)
        peer_reset(p, p->reset_due);
}

int64_t link_core_flush(struct link_core *c, int64_t now_us)
{
    int64_t next_us = INT64_MAX;
    struct list now;

    list_init(&now);
    list_splice_back(&now, &c->dirty);
    while (!list_empty(&now)) {
        struct link_peer *p = list_entry(now.next, struct link_peer, dirty);
        list_remove(&p->dirty);
        peer_tell(p);
        if (p->state == PEER_CLOSED)
            continue;
        int64_t due_us = peer_pump(p, now_us);
        if (due_us == INT64_MAX || p->state == PEER_CLOSED)
            continue;
        if (list_empty(&p->dirty))
            list_push_back(&c->dirty, &p->dirty);
        next_us = due_us < next_us ? due_us : next_us;
    }
    closed_free(c);
    return next_us;
}

/* ---- receiving ------------------------------------------------------------------------------ */

/* The peer that sent this, perhaps opened just now. */
static struct link_peer *sender_find(struct link_core *c, const struct link_head *head)
{
    char address[LINK_ADDRESS_SIZE_MAX + 1];
    struct link_peer *p = link_peer_find(c, head->from);

    if (p)
        return p;
    c->stats.contacts++;
    memcpy(address, head->address.data, head->address.size);
    address[head->address.size] = 0;
    c->config.callbacks.on_contact(c->config.arg, head->from, address);
    return link_peer_find(c, head->from);
}

static void batch_take(struct link_peer *p, const struct link_head *head)
{
    struct link_core *c = p->core;

    if (link_in_batch(&p->in, head->body, head->count) < 0) {
        peer_reset(p, LINK_RESET_BAD);
        return;
    }
    c->stats.batches_in++;
    c->stats.items_in += p->in.item_count;
    if (p->in.item_count > 0)
        c->config.callbacks.on_items(c->config.arg, p, p->in.items, p->in.item_count);
    if (p->in.complete) /* a document of the size of link-item is not kept until the next batch */
        link_in_reset(&p->in);
}

static void heartbeat_take(struct link_peer *p, const struct link_head *head)
{
    struct link_core *c = p->core;

    c->stats.heartbeats_in++;
    if (c->config.callbacks.on_heartbeat_read)
        c->config.callbacks.on_heartbeat_read(c->config.arg, p, head->body);
}

static void peer_receive(struct link_peer *p, const struct link_head *head)
{
    enum link_verdict verdict = link_session_receive(&p->session, head);

    if (verdict == LINK_PEER_RESET) {
        peer_reset(p, LINK_RESET_PEER);
        if (p->state != PEER_OPEN)
            return;
        verdict = link_session_receive(&p->session, head);
    }
    switch (verdict) {
    case LINK_TAKE:
        if (head->type == LINK_BATCH)
            batch_take(p, head);
        else
            heartbeat_take(p, head);
        return;
    case LINK_STALE:
        p->core->stats.stale++;
        return;
    case LINK_GAP:
        peer_reset(p, LINK_RESET_GAP);
        return;
    case LINK_PEER_RESET:
        MUST(!"a session that was just reset is told to reset");
    }
}

static bool says_it_hears_us(const struct link_peer *p, const struct link_head *head)
{
    return head->heard_kind == LINK_HEARD && head->heard == p->session.out_epoch &&
           (head->type == LINK_BATCH || head->count == 0);
}

static void peer_heard(struct link_peer *p, int64_t now_us)
{
    struct link_core *c = p->core;

    --*breaker_gauge(p);
    bool closed = link_hearing_answer(&p->hearing, now_us);
    ++*breaker_gauge(p);
    if (!closed)
        return;
    p->silent_due = false;
    if (c->config.callbacks.on_heard)
        c->config.callbacks.on_heard(c->config.arg, p);
}

void link_core_receive(struct link_core *c, struct slice message, int64_t now_us)
{
    struct link_head head;

    if (!link_frame_read(message, &head) || head.from == c->config.boot_id) {
        c->stats.refused++;
        return;
    }
    c->stats.bytes_in += message.size;
    struct link_peer *p = sender_find(c, &head);
    if (!p || p->state != PEER_OPEN) {
        c->stats.wrong_target += head.to != c->config.boot_id;
        return;
    }
    if (head.to != c->config.boot_id) {
        /* It takes us for another: it learns from our boot id who lives here now. */
        c->stats.wrong_target++;
        p->tell_due = true;
        dirty_mark(p);
        return;
    }
    p->hearing.received_us = now_us;
    if (says_it_hears_us(p, &head))
        peer_heard(p, now_us);
    if (p->state == PEER_OPEN)
        peer_receive(p, &head);
}

/* A way to a peer that stays silent may be a connection whose other end has vanished, which takes
   the kernel a quarter of an hour to find out. */
static void way_renew(struct link_peer *p)
{
    p->silent_ticks = link_peer_is_silent(p) ? p->silent_ticks + 1 : 0;
    if (p->way && p->silent_ticks > 0 && p->silent_ticks % LINK_RENEW_TICKS == 0)
        way_close(p);
    if (!p->way)
        way_open(p);
}

static void hearing_tick(struct link_peer *p, int64_t now_us, int64_t asleep_us)
{
    struct link_core *c = p->core;

    --*breaker_gauge(p);
    bool opened = link_hearing_tick(&p->hearing, now_us, asleep_us, &c->rng);
    ++*breaker_gauge(p);
    if (!opened)
        return;
    c->stats.breaker_opened++;
    p->silent_due = true;
}

void link_core_tick(struct link_core *c, int64_t now_us)
{
    struct link_peer *p, *next;
    int64_t asleep_us = 0;

    /* What we did not hear while we did not run says nothing about the others (SIGSTOP, a suspended
       machine): their messages wait in the inbox. */
    if (c->tick_us && now_us - c->tick_us > 2 * LINK_HEARTBEAT_US)
        asleep_us = now_us - c->tick_us - LINK_HEARTBEAT_US;
    c->tick_us = now_us;
    HASH_ITER(hh, c->peers, p, next)
    {
        if (p->state != PEER_OPEN)
            continue;
        hearing_tick(p, now_us, asleep_us);
        way_renew(p);
        p->heartbeat_due = true;
        dirty_mark(p);
    }
}

/* ---- views ---------------------------------------------------------------------------------- */

struct link_peer *link_peer_find(struct link_core *c, uint64_t boot_id)
{
    struct link_peer *p;

    HASH_FIND(hh, c->peers, &boot_id, sizeof boot_id, p);
    return p;
}

uint64_t link_peer_boot_id(const struct link_peer *p)
{
    return p->boot_id;
}

const char *link_peer_address(const struct link_peer *p)
{
    return p->address;
}

void *link_peer_arg(const struct link_peer *p)
{
    return p->arg;
}

void link_peer_set_arg(struct link_peer *p, void *arg)
{
    p->arg = arg;
}

size_t link_peer_queued(const struct link_peer *p)
{
    return p->out.queued;
}

bool link_peer_is_silent(const struct link_peer *p)
{
    return p->hearing.breaker.state != CLUSTER_CLOSED;
}

bool link_peer_is_agreed(const struct link_peer *p)
{
    return p->session.agreed;
}
