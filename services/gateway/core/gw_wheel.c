/*
 * When attachments try again: a wheel of WHEEL_SLOTS lists, each for WHEEL_SLOT_MS. Delays are
 * shorter than one turn of it. Lost workers can make a million attachments wait at once, so one
 * tick does a bounded number of them and leaves the rest for the next.
 */
#include "gw_internal.h"

void wheel_remove(struct gw_core *core, struct gw_att *att)
{
    if (list_empty(&att->wheel_link))
        return;
    list_remove(&att->wheel_link);
    core->wheel_count--;
}

void wheel_add(struct gw_core *core, struct gw_att *att, uint64_t delay_ms)
{
    uint64_t now_ms = core_now(core);
    uint64_t slot = (now_ms + delay_ms) / WHEEL_SLOT_MS + 1;

    wheel_remove(core, att);
    if (core->wheel_count == 0)
        core->wheel_at = now_ms / WHEEL_SLOT_MS;
    if (slot >= core->wheel_at + WHEEL_SLOTS)
        slot = core->wheel_at + WHEEL_SLOTS - 1;
    list_push_back(&core->wheel[slot % WHEEL_SLOTS], &att->wheel_link);
    core->wheel_count++;
}

void wheel_hurry(struct gw_core *core)
{
    for (size_t i = 0; i < WHEEL_SLOTS; i++)
        list_splice_back(&core->due, &core->wheel[i]);
}

uint64_t wheel_due_ms(const struct gw_core *core)
{
    if (core->wheel_count == 0)
        return UINT64_MAX;
    if (!list_empty(&core->due))
        return 0;
    for (uint64_t slot = core->wheel_at + 1;; slot++) {
        MUST(slot <= core->wheel_at + WHEEL_SLOTS);
        if (!list_empty(&core->wheel[slot % WHEEL_SLOTS]))
            return slot * WHEEL_SLOT_MS;
    }
}

void wheel_tick(struct gw_core *core, uint64_t now_ms)
{
    uint64_t until = now_ms / WHEEL_SLOT_MS;
    unsigned done = 0;

    if (core->wheel_count && until > core->wheel_at + WHEEL_SLOTS)
        core->wheel_at = until - WHEEL_SLOTS; /* all slots are looked at once */
    while (core->wheel_count && core->wheel_at < until) {
        core->wheel_at++;
        list_splice_back(&core->due, &core->wheel[core->wheel_at % WHEEL_SLOTS]);
    }
    while (!list_empty(&core->due) && done++ < OPENS_PER_TICK_MAX) {
        struct gw_att *att = list_first(&core->due, struct gw_att, wheel_link);
        wheel_remove(core, att);
        att_due(core, att);
    }
}
