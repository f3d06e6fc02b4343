#include <stdio.h>

#include "ev_loop.h"
#include "load_editor.h"
#include "load_modes.h"
#include "load_run.h"
#include "ot_utf.h"

static int content(struct load_world *w, struct arena *mem, struct ot_op *ret)
{
    const struct load_replay *replay = w->mode_data;
    struct slice start = replay->trace.start;
    struct ot_builder b;
    uint64_t units;

    ot_builder_init(&b, mem);
    if (start.size && ot_utf_units(start, &units))
        ot_builder_insert(&b, start, (uint32_t)units, (struct slice){0});
    return ot_builder_finish(&b, ret);
}

static bool type_some(struct load_editor *e, struct load_replay *replay)
{
    struct load_world *w = e->world;
    struct ot_op op;

    for (int64_t i = 0; i < w->options->compose && replay->next < replay->trace.count; i++) {
        arena_reset(&w->mem);
        if (trace_op(&replay->trace.patches[replay->next], &w->mem, &op) ||
            !load_editor_type(e, &op, ev_clock_us())) {
            load_world_fail(w, "patch %zu of the session does not fit", replay->next);
            return false;
        }
        replay->next++;
    }
    return true;
}

/*
 * One op in flight, with as many patches in it as --compose says. Patches that leave nothing to
 * send (typed and deleted again) are followed by the next ones at once.
 */
static void turn(struct load_editor *e)
{
    struct load_replay *replay = e->world->mode_data;

    if (e != e->doc->editors)
        return;
    while (load_editor_idle(e) && replay->next < replay->trace.count) {
        if (!type_some(e, replay))
            return;
    }
    if (load_editor_idle(e))
        load_run_over(e->world);
}

static void check(struct load_world *w, struct load_tally *tally)
{
    const struct load_replay *replay = w->mode_data;
    struct bytes text = BYTES_INIT;

    ot_rope_text(client_doc_rope(load_reader(w->docs)->client), &text);
    if (!slice_equal(bytes_slice(&text), replay->trace.end)) {
        fprintf(stderr, "weft-load: the text at the end is not the session's own\n");
        tally->diverged++;
    }
    bytes_fini(&text);
}

static void progress(struct load_world *w, struct bytes *out)
{
    const struct load_replay *replay = w->mode_data;

    bytes_printf(out, "  %zu of %zu patches", replay->next, replay->trace.count);
}

const struct load_mode load_replay = {
    .kind = WIRE_DOC_TEXT, .content = content, .turn = turn, .check = check, .progress = progress};
