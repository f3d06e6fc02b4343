#include "ctl_run_op.h"

#include "json_delta.h"

const struct ot_limits ctl_run_op_limits = {SIZE_MAX, UINT32_MAX};

void ctl_run_op_init(struct ctl_run_op *run)
{
    bytes_init(&run->op, SIZE_MAX);
}

void ctl_run_op_fini(struct ctl_run_op *run)
{
    bytes_fini(&run->op);
}

void ctl_run_op_reset(struct ctl_run_op *run)
{
    bytes_reset(&run->op);
}

struct ot_op ctl_run_op_get(const struct ctl_run_op *run, struct arena *mem)
{
    struct ot_op op = OT_IDENTITY;

    if (run->op.size)
        MUST(ot_decode(mem, bytes_slice(&run->op), &ctl_run_op_limits, &op) == 0);
    return op;
}

/* The entry was applied to a document: its ops can be read and follow one another. */
void ctl_run_op_add(struct ctl_run_op *run, const struct wire_entry *entry)
{
    struct bytes next = BYTES_INIT;
    struct arena mem;

    arena_init(&mem, SIZE_MAX);
    struct ot_op all = ctl_run_op_get(run, &mem);
    for (size_t i = 0; i < entry->count; i++) {
        const struct wire_record *r = &entry->records[i];
        struct ot_op op;
        if (r->kind != WIRE_KIND_CREATE && r->kind != WIRE_KIND_EDIT)
            continue;
        MUST(ot_decode(&mem, r->body, &ot_limits_stored, &op) == 0);
        MUST(ot_compose(&mem, &all, &op, &all) == 0);
    }
    ot_encode(&all, &next);
    MUST(!next.failed);
    bytes_fini(&run->op);
    run->op = bytes_steal(&next);
    arena_fini(&mem);
}

void ctl_run_op_write(const struct ctl_run_op *run, struct bytes *out)
{
    struct arena mem;

    arena_init(&mem, SIZE_MAX);
    struct ot_op op = ctl_run_op_get(run, &mem);
    json_delta_write(&op, out);
    arena_fini(&mem);
}
