#include "ev_loop.h"
#include "load_editor.h"
#include "load_modes.h"

static void turn(struct load_editor *e)
{
    if (load_editor_idle(e))
        (void)load_editor_type_some(e, ev_clock_us());
}

static void changed(struct load_editor *e, const struct ot_op *op)
{
    typing_foreign(&e->typing, op);
}

const struct load_mode load_closed = {.kind = WIRE_DOC_RICH, .turn = turn, .changed = changed};
