/*
 * Recorded editing sessions (josephg/editing-traces), plain or gzipped:
 *
 *     {"startContent": "…", "endContent": "…",
 *      "txns": [{"time": …, "patches": [[position, deleted, "inserted"], …]}, …]}
 *
 * Patches apply in order. Positions count code points, which are UTF-16 units as long as there is
 * nothing above U+FFFF; a session with such a character is refused. Other members are skipped.
 */
#ifndef WEFT_LOAD_TRACE_H
#define WEFT_LOAD_TRACE_H

#include "ot_op.h"

/* Of an unpacked file; a larger one is not a recorded session. */
#define TRACE_BYTES_MAX (256u << 20)

struct trace_patch {
    uint32_t position, deleted;
    struct slice inserted;
    uint32_t inserted_units;
};

struct trace {
    struct bytes text; /* owned; strings point into it */
    struct slice start, end;
    struct trace_patch *patches; /* owned */
    size_t count;
    size_t txns;
};

/* Takes text's memory, also on failure. False: *error gets a sentence. */
MUST_CHECK bool trace_parse(struct bytes *text, struct trace *ret, struct bytes *error);
MUST_CHECK bool trace_read(const char *path, struct trace *ret, struct bytes *error);
void trace_fini(struct trace *trace);

/* The patch as an op, in mem; borrows from the trace. 0 or -ENOMEM. */
MUST_CHECK int trace_op(const struct trace_patch *patch, struct arena *mem, struct ot_op *ret);

#endif
