/*
 * Membership: a beat every half second, the view that follows from it, and what a change of the
 * view means for documents. Ownership is for speed: two workers on one document are safe (I2).
 */
#include <errno.h>

#include "wk_doc.h"

bool wk_stale(const struct wk_core *core)
{
    return cluster_view_tracker_stale(&core->tracker, wk_now_ms(core));
}

/* Says once that admission stops. */
static void stale_tell(struct wk_core *core)
{
    struct slice none = {0};
    bool stale = wk_stale(core);

    if (stale && !core->stale && core->tracker.beaten)
        core->io.event(core->io.ctx, WK_EVENT_STALE, none, 0);
    core->stale = stale;
}

void wk_member_tick(struct wk_core *core)
{
    uint64_t now = wk_now_ms(core);

    stale_tell(core);
    if (core->draining && now >= core->drain_until_ms)
        core->left = true;
    if (core->beating || now < core->beat_due_ms || core->left)
        return;
    core->beat_due_ms = now + CLUSTER_BEAT_MS;
    core->beat = (struct storage_call){.kind = STORAGE_BEAT,
                                       .owner = core,
                                       .list = STORAGE_WORKERS,
                                       .gone = core->draining && !core->docs};
    if (cluster_member_make(slice_str(core->config.id), slice_str(core->config.address),
                            core->config.boot_id, core->draining ? CLUSTER_LEAVING : core->state,
                            &core->beat.self))
        MUST(!"id and address were checked at start");
    core->beating = true;
    core->io.storage.call(core->io.storage.ctx, &core->beat);
}

/* Documents that belong to somebody else now go there; all others look whether they are alone. */
static void view_changed(struct wk_core *core)
{
    struct slice none = {0};

    core->counters.views++;
    core->io.event(core->io.ctx, WK_EVENT_VIEW, none, core->tracker.view.number);
    list_for_each_safe (node, &core->all) {
        struct wk_doc *d = list_entry(node, struct wk_doc, all);
        if (d->state != WK_LIVE || wk_handoff(d))
            continue;
        d->check_ms = 0;
        wk_doc_at(d, 0);
    }
}

void wk_beat_done(struct wk_core *core)
{
    struct storage_call *beat = &core->beat;
    struct cluster_view answer;
    bool readable =
        beat->result == STORAGE_OK && beat->view && cluster_view_copy(beat->view, &answer) == 0;

    core->beating = false;
    if (beat->gone && beat->result == STORAGE_OK) {
        core->left = true;
        if (readable)
            cluster_view_fini(&answer);
        return;
    }
    if (!readable)
        return;
    core->time_ms = beat->time_ms;
    core->time_at_ms = wk_now_ms(core);
    int r = cluster_view_tracker_answer(&core->tracker, &answer, wk_now_ms(core));
    stale_tell(core);
    if (core->state == CLUSTER_JOINING) {
        core->state = CLUSTER_LIVE;
        core->beat_due_ms = wk_now_ms(core); /* say so at once */
    }
    if (r == CLUSTER_VIEW_CHANGED)
        view_changed(core);
}

/* The owner by the view; a leaving member's shards already belong to the next. */
bool wk_member_serves(struct wk_core *core, uint16_t shard, bool runner_up)
{
    const struct cluster_view *view = &core->tracker.view;

    if (!view->sealed || view->count == 0)
        return false;
    const struct cluster_member *owner = cluster_view_owner(view, shard);
    const struct cluster_member *second = cluster_view_runner_up(view, shard);
    return (owner && owner->boot_id == core->config.boot_id) ||
           (runner_up && second && second->boot_id == core->config.boot_id);
}

void wk_view_heard(struct wk_core *core, uint64_t view)
{
    if (view > core->tracker.view.number && !core->beating)
        core->beat_due_ms = wk_now_ms(core);
}

void wk_moved_send(struct wk_core *core, uint64_t gateway_boot, struct slice doc, uint16_t shard)
{
    const struct cluster_view *view = &core->tracker.view;
    const struct cluster_member *owner =
        view->sealed && view->count ? cluster_view_owner(view, shard) : NULL;
    struct wire_to_gateway item = {
        .type = WIRE_TO_GATEWAY_MOVED,
        .moved = {.doc = doc,
                  .owner = owner ? slice_str(owner->id) : (struct slice){0},
                  .view = view->number}};

    wk_item_send(core, gateway_boot, &item);
}

/* A session whose end was told has to end in the log, and an op that was acked to stand in it: that
 * is not left to anybody else. */
static bool owes(const struct wk_doc *d)
{
    list_for_each (node, &d->pending) {
        const struct wk_submit *s = list_entry(node, struct wk_submit, link);
        if (s->kind == WIRE_KIND_CLOSE || s->told)
            return true;
    }
    return false;
}

static void hand_over(struct wk_doc *d)
{
    struct wk_core *core = d->core;
    uint64_t last_boot = 0;

    list_for_each (node, &d->attachments) {
        struct wk_attachment *a = list_entry(node, struct wk_attachment, in_doc);
        if (a->gateway->boot == last_boot)
            continue;
        last_boot = a->gateway->boot;
        wk_moved_send(core, last_boot, bytes_slice(&d->id), d->shard);
    }
    core->counters.handoffs++;
    d->handed_rev = doc_position(d->doc).rev;
    wk_event_tell(d, WK_EVENT_HANDOFF, d->handed_rev);
    wk_doc_vacate(d);
    wk_runs_forget(d);
    /* Who reads it next does so about now. */
    d->tail_until_ms = wk_now_ms(core) + WK_TAIL_MS;
    d->check_ms = 0;
}

/* Is something of what was handed over not archived yet, so that Redis could still lose it? */
static bool tail_needed(const struct wk_doc *d)
{
    if (d->core->config.confirmed_by_replica)
        return false;
    for (const struct list *node = d->ring.prev; node != &d->ring; node = node->prev) {
        const struct wk_entry *e = list_entry(node, struct wk_entry, link);
        if (e->before.rev < d->handed_rev)
            return !e->archived;
    }
    return false;
}

bool wk_handoff(struct wk_doc *d)
{
    struct wk_core *core = d->core;
    bool handed = d->handed_rev != 0;

    if (wk_member_serves(core, d->shard, false))
        d->runner_up = false;
    if (wk_stale(core))
        return false;
    if (wk_member_serves(core, d->shard, d->runner_up) || owes(d)) {
        d->handed_rev = 0;
        /* Taken back: nobody is shown what others have gone beyond. */
        if (handed)
            wk_follow_begin(d);
        return handed;
    }
    /* Somebody may have come while we served it again. */
    if (!handed || !list_empty(&d->attachments) || !list_empty(&d->opens))
        hand_over(d);
    if (tail_needed(d))
        return false;
    wk_doc_drop(d);
    return true;
}
