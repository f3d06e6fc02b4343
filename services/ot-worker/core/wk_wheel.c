/*
 * When which document is to be looked at again: a wheel of slots, one per tick, so that a tick
 * costs what is due and not what is held. A document is in one slot or in none; what is due beyond
 * the wheel's horizon waits in its last slot and is put further when that comes.
 */
#include "wk_doc.h"

static struct list *slot_of(struct wk_core *core, uint64_t ms)
{
    return &core->wheel[ms / WK_TICK_MS % WK_WHEEL_SLOTS];
}

void wk_doc_at(struct wk_doc *d, uint64_t ms)
{
    struct wk_core *core = d->core;
    uint64_t first = core->wheel_ms + WK_TICK_MS;
    uint64_t last = core->wheel_ms + (WK_WHEEL_SLOTS - 1) * WK_TICK_MS;

    if (!list_empty(&d->due) && d->due_ms <= ms)
        return; /* it comes earlier, and decides then */
    d->due_ms = ms;
    list_remove(&d->due);
    list_push_back(slot_of(core, ms < first ? first : ms < last ? ms : last), &d->due);
}

/* What cannot be loaded is not asked for without end when nobody waits for it any more. */
static bool leaves(const struct wk_doc *d, uint64_t now)
{
    const struct wk_core *core = d->core;

    return wk_doc_idle(d) && (core->draining || now >= d->used_ms + core->config.idle_ms);
}

static void doc_due(struct wk_doc *d, uint64_t now)
{
    if (now < d->due_ms) {
        wk_doc_at(d, d->due_ms);
    } else if (leaves(d, now)) {
        wk_doc_evict(d);
    } else if (d->state == WK_WAITING) {
        if (d->doc)
            wk_follow_begin(d);
        else
            wk_load_begin(d);
    } else if (d->state == WK_LIVE) {
        wk_doc_next(d);
    }
    /* Else a call is under way, and its end says what is next. */
}

void wk_wheel_tick(struct wk_core *core, uint64_t now)
{
    struct list due;

    list_init(&due);
    /* Who was paused for longer than a turn has each slot once. */
    if (now - core->wheel_ms > WK_WHEEL_SLOTS * WK_TICK_MS)
        core->wheel_ms = now - WK_WHEEL_SLOTS * WK_TICK_MS;
    while (core->wheel_ms + WK_TICK_MS <= now) {
        core->wheel_ms += WK_TICK_MS;
        list_splice_back(&due, slot_of(core, core->wheel_ms));
    }
    while (!list_empty(&due)) {
        struct wk_doc *d = list_first(&due, struct wk_doc, due);
        list_remove(&d->due);
        doc_due(d, now);
    }
}

void wk_wheel_init(struct wk_core *core)
{
    for (size_t i = 0; i < WK_WHEEL_SLOTS; i++)
        list_init(&core->wheel[i]);
    core->wheel_ms = wk_now_ms(core) / WK_TICK_MS * WK_TICK_MS;
}
