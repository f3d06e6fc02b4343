/*
 * An edit belongs to the moment at which it was due, also when the loop comes to it later: so a
 * stall of the servers, or of this program, shows in the latencies of all edits that it held up.
 */
#include "ev_timer.h"
#include "load_editor.h"
#include "load_modes.h"

#define TICK_MS 1

static struct load_editor *editor_choose(struct load_world *w)
{
    struct load_doc *d = &w->docs[rng_below(&w->rng, w->doc_count)];

    return &d->editors[rng_below(&w->rng, w->doc_editors)];
}

static void edit_due(struct load_world *w, struct load_rate *rate)
{
    uint64_t per_s = (uint64_t)w->options->rate;
    uint64_t due = (uint64_t)(ev_clock_us() - rate->start_us) * per_s / 1000000;

    for (; rate->done < due; rate->done++) {
        struct load_editor *e = editor_choose(w);
        int64_t us = rate->start_us + (int64_t)((rate->done + 1) * 1000000 / per_s);
        if (rate->edit(e, us))
            load_editor_pump(e);
    }
}

static void on_timer(void *arg)
{
    struct load_world *w = arg;

    if (w->typing)
        edit_due(w, w->mode_data);
}

void load_rate_begin(struct load_world *w, struct load_rate *rate)
{
    rate->start_us = ev_clock_us();
    rate->timer = ev_timer_new(w->loop, on_timer, w);
    if (rate->timer)
        ev_timer_start_every(rate->timer, TICK_MS);
    else
        load_world_fail(w, "no memory for a timer");
}

void load_rate_end(struct load_rate *rate)
{
    rate->timer = ev_timer_free(rate->timer);
}

static void begin(struct load_world *w)
{
    struct load_rate *rate = w->mode_data;

    rate->edit = load_editor_type_some;
    load_rate_begin(w, rate);
}

static void end(struct load_world *w)
{
    load_rate_end(w->mode_data);
}

static void changed(struct load_editor *e, const struct ot_op *op)
{
    typing_foreign(&e->typing, op);
}

const struct load_mode load_rate = {
    .kind = WIRE_DOC_RICH, .begin = begin, .end = end, .changed = changed};
