/*
 * The core's entry points that are not about one connection: start and end, time, the beat, and
 * items of workers. One event per call; every call ends in core_settle().
 */
#include <errno.h>

#include "gw_internal.h"

#define DECODE_BYTES_MAX (16u << 20) /* arena for one item: records of an entry, heads */

/* --- life --- */

static bool strings_copy(struct gw_core *core, const struct gw_config *config)
{
    size_t id = strlen(config->id) + 1, address = strlen(config->address) + 1;

    core->strings = malloc(id + address);
    if (!core->strings)
        return false;
    memcpy(core->strings, config->id, id);
    memcpy(core->strings + id, config->address, address);
    core->config.id = core->strings;
    core->config.address = core->strings + id;
    return true;
}

static bool self_make(struct gw_core *core)
{
    const struct gw_config *c = &core->config;

    return cluster_member_make(slice_str(c->id), slice_str(c->address), c->boot_id, CLUSTER_LIVE,
                               &core->beat_self.self) == 0;
}

static void config_complete(struct gw_config *c)
{
    c->payload_bytes_max = c->payload_bytes_max ? c->payload_bytes_max : PAYLOAD_BYTES_MAX_DEFAULT;
    c->attachments_max = c->attachments_max ? c->attachments_max : ATTACHMENTS_MAX_DEFAULT;
    c->frame_bytes_max = c->frame_bytes_max ? c->frame_bytes_max : WIRE_FRAME_BYTES_MAX;
    c->op_bytes_max = c->op_bytes_max ? c->op_bytes_max : WIRE_OP_BYTES_MAX;
    c->presence_bytes_max = c->presence_bytes_max ? c->presence_bytes_max : WIRE_PRESENCE_BYTES_MAX;
    c->presence_per_s_max = c->presence_per_s_max ? c->presence_per_s_max : WIRE_PRESENCE_PER_S_MAX;
    c->documents_max = c->documents_max ? c->documents_max : WIRE_DOCUMENTS_MAX;
}

struct gw_core *gw_core_new(const struct gw_config *config, const struct gw_io *io)
{
    struct gw_core *core = calloc(1, sizeof *core);

    if (!core)
        return NULL;
    core->config = *config;
    core->io = *io;
    core->auth = config->auth ? config->auth : &gw_auth_open;
    config_complete(&core->config);
    if (!strings_copy(core, config) || !self_make(core)) {
        free(core->strings);
        free(core);
        return NULL;
    }
    core->beat_view.kind = core->beat_self.kind = STORAGE_BEAT;
    core->beat_view.list = STORAGE_WORKERS; /* self.id stays empty: only read */
    core->beat_self.list = STORAGE_GATEWAYS;
    core->beat_view.owner = core->beat_self.owner = core;
    struct list *lists[] = {&core->fresh,     &core->welcomed, &core->leaving,
                            &core->condemned, &core->closed,   &core->due};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        list_init(lists[i]);
    for (size_t i = 0; i < WHEEL_SLOTS; i++)
        list_init(&core->wheel[i]);
    cluster_view_tracker_init(&core->tracker, NULL);
    arena_init(&core->mem, DECODE_BYTES_MAX);
    return core;
}

struct gw_core *gw_core_free(struct gw_core *core)
{
    if (!core)
        return NULL;
    MUST(core->conn_count == 0 && core->att_count == 0 && !core->docs);
    MUST(core->wheel_count == 0 && core->unacked_bytes == 0 && core->payload_bytes == 0);
    routes_free(core);
    cluster_view_tracker_fini(&core->tracker);
    arena_fini(&core->mem);
    bytes_fini(&core->scratch);
    free(core->slots);
    free(core->strings);
    free(core);
    return NULL;
}

void core_settle(struct gw_core *core)
{
    struct gw_conn *conn;

    while ((conn = list_first(&core->condemned, struct gw_conn, link)))
        conn_finish(conn, NULL);
}

/* --- the beat --- */

static void beat_view(struct gw_core *core)
{
    if (core->beat_view_busy)
        return;
    core->beat_view_busy = true;
    core->beat_view.result = STORAGE_PENDING;
    core->io.storage.call(core->io.storage.ctx, &core->beat_view);
}

static void beat_self(struct gw_core *core)
{
    if (core->beat_self_busy || core->left)
        return;
    core->beat_self_busy = true;
    core->beat_self.result = STORAGE_PENDING;
    core->beat_self.self.state = core->draining ? CLUSTER_LEAVING : CLUSTER_LIVE;
    core->beat_self.gone = core->draining && core->conn_count == 0;
    core->io.storage.call(core->io.storage.ctx, &core->beat_self);
}

void core_beat_now(struct gw_core *core)
{
    beat_view(core);
}

uint64_t core_server_time(struct gw_core *core)
{
    return core->server_time_ms ? core->server_time_ms + (core_now(core) - core->server_time_at_ms)
                                : 0;
}

void gw_core_start(struct gw_core *core)
{
    MUST(!core->started);
    core->started = true;
    core->beat_due_ms = core_now(core) + CLUSTER_BEAT_MS;
    beat_view(core);
    beat_self(core);
}

static void view_done(struct gw_core *core, struct storage_call *call)
{
    bool readable = call->result == STORAGE_OK && call->view;

    core->beat_view_busy = false;
    if (readable) {
        core->server_time_ms = call->time_ms;
        core->server_time_at_ms = core_now(core);
    }
    /* No answer is no opinion; an answer that makes no sense is counted by the tracker. */
    if (!readable && call->result != STORAGE_BROKEN)
        return;
    int rc =
        cluster_view_tracker_answer(&core->tracker, readable ? call->view : NULL, core_now(core));
    if (rc == CLUSTER_VIEW_CHANGED)
        routes_view_changed(core);
}

void gw_core_storage_done(struct gw_core *core, struct storage_call *call)
{
    if (call == &core->beat_view) {
        view_done(core, call);
    } else {
        MUST(call == &core->beat_self);
        core->beat_self_busy = false;
        if (call->result == STORAGE_OK)
            core->beat_self_ok_ms = core_now(core);
        /* Who cannot say goodbye is dropped when silent. */
        core->left |= call->gone;
    }
    core_settle(core);
}

void gw_core_storage_reconnected(struct gw_core *core)
{
    cluster_view_tracker_reconnected(&core->tracker, core_now(core));
}

/* --- drain --- */

void gw_core_drain(struct gw_core *core)
{
    if (core->draining)
        return;
    core->draining = true;
    core->drain_start_ms = core_now(core);
    core->drain_total = core->conn_count;
    beat_self(core);
    gw_core_tick(core);
}

bool gw_core_drained(const struct gw_core *core)
{
    return core->draining && core->conn_count == 0 && core->left;
}

bool gw_core_ready(const struct gw_core *core)
{
    return core->started && !core->draining && core->tracker.beaten &&
           cluster_view_owner(&core->tracker.view, 0);
}

/* --- time --- */

void gw_core_tick(struct gw_core *core)
{
    uint64_t now_ms = core_now(core);

    if (core->started && now_ms >= core->beat_due_ms) {
        core->beat_due_ms = now_ms + CLUSTER_BEAT_MS;
        beat_view(core);
        beat_self(core);
    }
    if (core->draining && core->conn_count == 0 && !core->beat_self.gone)
        beat_self(core);
    core->drain_due_ms = now_ms + 50;
    wheel_tick(core, now_ms);
    conns_tick(core, now_ms);
    core_settle(core);
}

uint64_t gw_core_due_ms(const struct gw_core *core)
{
    uint64_t due = core->started ? core->beat_due_ms : UINT64_MAX;
    uint64_t conns = conns_due_ms(core), wheel = wheel_due_ms(core);

    due = conns < due ? conns : due;
    due = wheel < due ? wheel : due;
    if (core->draining && !core->left)
        due = core->drain_due_ms < due ? core->drain_due_ms : due;
    return due;
}

/* --- items of workers --- */

static void item_refused(struct gw_core *core, struct gw_att *att, const struct wire_to_gateway *i)
{
    const struct wire_error_info *info = wire_error_info(i->refused.code);
    uint64_t seq = i->refused.seq;

    /* A code of a later release: whatever it says, to open again later is no mistake. */
    if (!info) {
        att_fail(att, WIRE_E_RETRY_LATER, 0, seq);
        return;
    }

    if (seq == 0 && att->state != ATT_OPENING)
        return;
    if (i->refused.code == WIRE_E_RETRY_LATER) {
        core->counters.retries++;
        if (seq == 0)
            att_wait(att, false);
        else if (att->unacked && att->unacked->seq == seq)
            att_submit_later(att);
        return;
    }
    if (seq == 0 || info->scope != WIRE_SCOPE_OP) {
        att_fail(att, i->refused.code, i->refused.detail, seq);
        return;
    }
    conn_send_error(att->conn, i->refused.code, i->refused.detail, gw_doc_id(att->doc), seq);
    if (att->unacked && att->unacked->seq == seq)
        att_submit_release(att);
}

static void item_accepted(struct gw_att *att, const struct wire_to_gateway *item)
{
    struct wire_server_frame frame = {.type = WIRE_DOWN_ACCEPTED};

    frame.accepted = (struct wire_accepted){
        .doc = gw_doc_id(att->doc), .seq = item->accepted.seq, .rev = item->accepted.rev};
    conn_send_frame(att->conn, &frame);
    if (att->unacked && att->unacked->seq == item->accepted.seq)
        att_submit_acked(att, 0);
}

/* The attachment an item is about, if this worker serves its document now. */
static struct gw_att *item_att(struct gw_core *core, const struct gw_worker *worker,
                               uint64_t number)
{
    struct gw_att *att = att_find(core, number);

    return att && att->doc->worker == worker && conn_live(att->conn) ? att : NULL;
}

static uint64_t item_number(const struct wire_to_gateway *item)
{
    switch (item->type) {
    case WIRE_TO_GATEWAY_OPENED:
        return item->opened.attachment;
    case WIRE_TO_GATEWAY_ACCEPTED:
        return item->accepted.attachment;
    case WIRE_TO_GATEWAY_REFUSED:
        return item->refused.attachment;
    case WIRE_TO_GATEWAY_REPLACED:
        return item->replaced_attachment;
    case WIRE_TO_GATEWAY_DETACHED:
        return item->detached_attachment;
    default:
        return 0;
    }
}

static void att_item_in(struct gw_core *core, struct gw_att *att,
                        const struct wire_to_gateway *item)
{
    switch (item->type) {
    case WIRE_TO_GATEWAY_OPENED:
        att_opened(att, &item->opened.opened);
        break;
    case WIRE_TO_GATEWAY_ACCEPTED:
        item_accepted(att, item);
        break;
    case WIRE_TO_GATEWAY_REFUSED:
        item_refused(core, att, item);
        break;
    case WIRE_TO_GATEWAY_REPLACED:
        att->attached = att->present = false; /* the worker has forgotten it already */
        att_fail(att, WIRE_E_SESSION_REPLACED, 0, 0);
        break;
    case WIRE_TO_GATEWAY_DETACHED:
        att_detached(att);
        break;
    default:
        break;
    }
}

static bool is_waited_for(struct gw_core *core, uint64_t number)
{
    const struct gw_att *att = att_find(core, number);

    return att && (att->attached || att->state == ATT_OPENING);
}

/* An Open was answered that was given up meanwhile (its worker had said MOVED, its client is gone):
 * the number is nobody's, so no later DETACH would name it. 0, or -ENOMEM. */
static int opened_decline(struct gw_core *core, const struct gw_worker *worker, uint64_t number)
{
    struct wire_to_worker item = {.type = WIRE_TO_WORKER_DETACH, .detach_attachment = number};

    bytes_reset(&core->scratch);
    wire_to_worker_encode(&item, &core->scratch);
    if (core->scratch.failed)
        return -ENOMEM;
    (void)core->io.link_send(core->io.ctx, worker->member.boot_id, bytes_slice(&core->scratch));
    return 0;
}

/* 0; WIRE_BAD, -ENOMEM: the link is to be reset. */
static int item_in(struct gw_core *core, struct gw_worker *worker,
                   const struct wire_to_gateway *item)
{
    struct gw_att *att = item_att(core, worker, item_number(item));

    switch (item->type) {
    case WIRE_TO_GATEWAY_ENTRY:
        return gw_doc_entry(core, worker, &item->entry);
    case WIRE_TO_GATEWAY_MOVED:
        gw_doc_moved(core, worker, item->moved.doc, item->moved.owner, item->moved.view);
        return 0;
    case WIRE_TO_GATEWAY_PRESENCE:
        gw_doc_presence(core, worker, &item->presence);
        return 0;
    default:
        if (item->type == WIRE_TO_GATEWAY_OPENED && !is_waited_for(core, item_number(item)))
            return opened_decline(core, worker, item_number(item));
        if (att)
            att_item_in(core, att, item);
        return 0;
    }
}

bool gw_core_item(struct gw_core *core, uint64_t worker_boot, struct slice in)
{
    struct gw_worker *worker = worker_find(core, worker_boot);
    struct wire_to_gateway item;

    arena_reset(&core->mem);
    int rc = wire_to_gateway_decode(&core->mem, in, &item);
    if (!rc && worker) {
        worker->lost_ms = 0;
        rc = item_in(core, worker, &item);
    }
    core_settle(core);
    return rc == 0;
}

bool gw_core_heads(struct gw_core *core, uint64_t worker_boot, struct slice in)
{
    struct gw_worker *worker = worker_find(core, worker_boot);
    struct wire_head *heads;
    size_t count;

    arena_reset(&core->mem);
    int rc = wire_heads_decode(&core->mem, in, &heads, &count);
    if (!rc && worker) {
        worker->lost_ms = 0;
        for (size_t i = 0; i < count; i++)
            gw_doc_head(core, worker, &heads[i]);
    }
    core_settle(core);
    return rc == 0;
}

void gw_core_worker_gone(struct gw_core *core, uint64_t worker_boot)
{
    struct gw_worker *worker = worker_find(core, worker_boot);

    if (worker)
        worker_lost(core, worker);
    core_settle(core);
}

void gw_core_worker_silent(struct gw_core *core, uint64_t worker_boot, bool silent)
{
    struct gw_worker *worker = worker_find(core, worker_boot);

    if (worker) {
        worker->silent = silent;
        if (silent)
            worker_lost(core, worker);
    }
    core_settle(core);
}

/* --- numbers --- */

void gw_core_turn_end(struct gw_core *core)
{
    if (core->turn_forwards == 0)
        return;
    obs_hist_add_many(&core->counters.in_us, core->io.clock_us(core->io.ctx) - core_now_us(core),
                      core->turn_forwards);
    core->turn_forwards = 0;
}

#define ERROR_ROW(constant, number, word, ...)                                                     \
    {OBS_COUNTER, offsetof(struct gw_counters, errors_by_code[number]),                            \
     "weft_gateway_client_errors_total", "error=\"" word "\"", "Errors told to clients."},

const struct obs_table *gw_counters_table(void)
{
    typedef struct gw_counters obs_owner;
    static const struct obs_row rows[] = {GW_COUNTERS(OBS_STATS_ROW) WIRE_ERRORS(ERROR_ROW)};
    static const struct obs_table table = {rows, sizeof rows / sizeof *rows,
                                           sizeof(struct gw_counters)};

    return &table;
}

OBS_STATS_TABLE(gw_gauges, GW_GAUGES)

const struct cluster_view *gw_core_view(const struct gw_core *core)
{
    return &core->tracker.view;
}

const struct gw_counters *gw_core_counters(const struct gw_core *core)
{
    return &core->counters;
}

struct gw_gauges gw_core_gauges(const struct gw_core *core)
{
    return (struct gw_gauges){.connections = (int64_t)core->conn_count,
                              .documents = HASH_COUNT(core->docs),
                              .attachments = (int64_t)core->att_count,
                              .unacked_ops = (int64_t)core->unacked_ops,
                              .view = (int64_t)core->tracker.view.number,
                              .unacked_bytes = (int64_t)core->unacked_bytes,
                              .payload_bytes = (int64_t)core->payload_bytes,
                              .unacked_bytes_max = (int64_t)core->config.unacked_bytes_max,
                              .payload_bytes_max = (int64_t)core->config.payload_bytes_max};
}
