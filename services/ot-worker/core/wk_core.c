/* Life, time and storage: the ways in that are not a gateway's (wk_items.c). See wk_core.h. */
#include "wk_core.h"

#include <errno.h>
#include <stdlib.h>

#include "wk_doc.h"

/* An answer without a payload: the bound of what is kept for when memory is out. */
#define SPARE_BYTES 1024
/* Attribute lists interned for all documents together. */
#define ATTRS_BYTES_MAX (256u << 20)
/* A worker that cannot hand everything over leaves all the same: its documents' gateways ask the
 * next owner when its links end. */
#define DRAIN_MS 5000
/* A heartbeat names the heads that changed this lately; each beat comes several times as often. */
#define HEADS_MS 3000
#define HEADS_MAX 1000

OBS_STATS_TABLE(wk_counters, WK_COUNTERS)
OBS_STATS_TABLE(wk_gauges, WK_GAUGES)

uint64_t wk_now_us(const struct wk_core *core)
{
    return core->io.now_us(core->io.ctx);
}

uint64_t wk_now_ms(const struct wk_core *core)
{
    return wk_now_us(core) / 1000;
}

uint64_t wk_time_ms(const struct wk_core *core)
{
    return core->time_ms + (wk_now_ms(core) - core->time_at_ms);
}

struct wk_core *wk_core_new(const struct wk_config *config, const struct wk_io *io)
{
    struct wk_core *core = calloc(1, sizeof *core);

    if (!core)
        return NULL;
    *core = (struct wk_core){.config = *config, .io = *io, .state = CLUSTER_JOINING};
    list_init(&core->all);
    list_init(&core->changed);
    list_init(&core->ready);
    wk_wheel_init(core);
    core->stale = true;
    cluster_view_tracker_init(&core->tracker, config->id);
    core->attrs = ot_attrs_table_new(ATTRS_BYTES_MAX);
    bytes_init(&core->spare, SPARE_BYTES);
    (void)bytes_reserve(&core->spare, SPARE_BYTES);
    if (!core->attrs || core->spare.failed) {
        ot_attrs_table_free(core->attrs);
        bytes_fini(&core->spare);
        free(core);
        return NULL;
    }
    return core;
}

struct wk_core *wk_core_free(struct wk_core *core)
{
    if (!core)
        return NULL;
    while (!list_empty(&core->all)) {
        struct wk_doc *d = list_first(&core->all, struct wk_doc, all);
        d->busy = false;
        wk_doc_drop(d);
    }
    MUST(core->tail_bytes == 0 && core->tail_revs == 0);
    struct wk_gateway *gateway, *next;
    HASH_ITER(hh, core->gateways, gateway, next)
    {
        wk_gateway_free(core, gateway);
    }
    cluster_view_tracker_fini(&core->tracker);
    ot_attrs_table_free(core->attrs);
    bytes_fini(&core->spare);
    free(core);
    return NULL;
}

void wk_core_start(struct wk_core *core)
{
    core->started = true;
    wk_core_tick(core);
}

void wk_core_drain(struct wk_core *core)
{
    uint64_t now = wk_now_ms(core);

    core->draining = true;
    core->drain_until_ms = now + DRAIN_MS;
    core->beat_due_ms = now;
    list_for_each (node, &core->all)
        wk_doc_at(list_entry(node, struct wk_doc, all), now);
    wk_core_tick(core);
}

bool wk_core_drained(const struct wk_core *core)
{
    return core->draining && core->left;
}

bool wk_core_ready(const struct wk_core *core)
{
    return core->state == CLUSTER_LIVE && !wk_stale(core) && !core->draining;
}

void wk_event_tell(struct wk_doc *d, enum wk_event event, uint64_t detail)
{
    d->core->io.event(d->core->io.ctx, event, bytes_slice(&d->id), detail);
}

void wk_core_gateway_gone(struct wk_core *core, uint64_t gateway_boot)
{
    struct wk_gateway *gateway = wk_gateway_find(core, gateway_boot);

    if (gateway)
        wk_gateway_free(core, gateway);
}

/* --- storage and time --- */

static void call_done(struct wk_doc *d)
{
    d->busy = false;
    switch (d->state) {
    case WK_APPENDING:
        wk_append_done(d);
        return;
    case WK_CHECKING:
        wk_check_done(d);
        return;
    case WK_FOLLOWING:
        wk_follow_done(d);
        return;
    case WK_HISTORY:
        wk_history_done(d);
        return;
    default:
        wk_load_done(d);
    }
}

void wk_core_storage_done(struct wk_core *core, struct storage_call *call)
{
    if (call == &core->beat)
        wk_beat_done(core);
    else
        call_done(call->owner);
    wk_docs_evict(core);
}

void wk_core_storage_reconnected(struct wk_core *core)
{
    cluster_view_tracker_reconnected(&core->tracker, wk_now_ms(core));
}

void wk_core_tick(struct wk_core *core)
{
    uint64_t now = wk_now_ms(core);

    if (!core->started)
        return;
    wk_member_tick(core);
    wk_commit_tick(core, now);
    if (now < core->tick_ms)
        return;
    core->tick_ms = now + WK_TICK_MS;
    wk_wheel_tick(core, now);
    wk_docs_evict(core);
}

uint64_t wk_core_due_ms(const struct wk_core *core)
{
    uint64_t due = core->tick_ms;

    if (!core->started)
        return UINT64_MAX;
    if (!core->beating && !core->left && core->beat_due_ms < due)
        due = core->beat_due_ms;
    if (!list_empty(&core->ready) && core->commit_at_ms < due)
        due = core->commit_at_ms;
    return due;
}

static bool subscribed(const struct wk_doc *d, uint64_t gateway_boot)
{
    list_for_each (node, &d->attachments) {
        const struct wk_attachment *a = list_entry(node, struct wk_attachment, in_doc);
        if (a->joined && a->gateway->boot == gateway_boot)
            return true;
    }
    return false;
}

void wk_core_heads(struct wk_core *core, uint64_t gateway_boot, struct bytes *out)
{
    struct wire_head heads[HEADS_MAX];
    size_t count = 0;
    uint64_t now = wk_now_ms(core);

    list_for_each_safe (node, &core->changed) {
        struct wk_doc *d = list_entry(node, struct wk_doc, changed);
        if (now - d->shown_ms > HEADS_MS)
            list_remove(&d->changed);
        else if (count < HEADS_MAX && subscribed(d, gateway_boot))
            heads[count++] = (struct wire_head){.doc = bytes_slice(&d->id), .position = d->shown};
    }
    wire_heads_encode(heads, count, out);
}

const struct cluster_view *wk_core_view(const struct wk_core *core)
{
    return &core->tracker.view;
}

const struct wk_counters *wk_core_counters(const struct wk_core *core)
{
    return &core->counters;
}

struct wk_gauges wk_core_gauges(const struct wk_core *core)
{
    struct wk_gauges gauges = {.documents = HASH_COUNT(core->docs),
                               .attachments = (int64_t)core->attachment_count,
                               .pending_ops = (int64_t)core->pending_count,
                               .tail_revs = (int64_t)core->tail_revs,
                               .tail_bytes = (int64_t)core->tail_bytes,
                               .bytes = (int64_t)core->bytes,
                               .bytes_max = (int64_t)core->config.documents_bytes_max,
                               .quarantined = (int64_t)core->quarantined,
                               .view = (int64_t)core->tracker.view.number};

    list_for_each (node, &core->all) {
        const struct wk_doc *d = list_entry(node, struct wk_doc, all);
        gauges.handed += d->handed_rev != 0;
        gauges.live += d->doc && d->handed_rev == 0;
    }
    return gauges;
}

bool wk_core_release(struct wk_core *core, struct slice doc)
{
    struct wk_doc *d = wk_doc_find(core, doc);

    if (!d || d->state != WK_QUARANTINED)
        return false;
    core->quarantined--;
    d->attempts = d->refusals = 0;
    wk_event_tell(d, WK_EVENT_RELEASED, 0);
    wk_load_begin(d);
    return true;
}
