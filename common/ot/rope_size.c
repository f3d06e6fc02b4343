/*
 * How large a document is in binary form, and would be after an op. Upper bounds: runs that are cut
 * at leaves are counted for each leaf.
 */
#include "rope_private.h"

/* A component's header and the size of its list, both below 2^35. */
#define RUN_HEAD_MAX ((size_t)10)

size_t ot_rope_encoded_max(const struct ot_rope *rope)
{
    return 1 + rope->bytes + rope->attrs_bytes + rope->run_count * RUN_HEAD_MAX;
}

/* What the list of the run left of index costs once more where an edit divides the run. */
static size_t run_size_at(const struct ot_rope *rope, uint64_t index)
{
    struct rope_path path;
    unsigned at = 0;

    rope_seek(rope, index, false, &path);
    while (at + 1u < path.leaf->run_count && path.offset > path.leaf->runs[at].units)
        path.offset -= path.leaf->runs[at++].units;
    return RUN_HEAD_MAX +
           (path.leaf->run_count ? ot_attrs_list(path.leaf->runs[at].attrs).size : 0);
}

static size_t format_size(const struct ot_rope *rope, uint64_t index, const struct ot_comp *comp)
{
    size_t size = run_size_at(rope, index) + run_size_at(rope, index + comp->length);
    uint64_t left = comp->length;
    struct ot_rope_iter iter;
    struct ot_run run;

    rope_iter_at(&iter, rope, index);
    while (left > 0 && ot_rope_iter_next(&iter, &run)) {
        size += comp->attrs.size;
        left -= run.units < left ? run.units : left;
    }
    return size;
}

/* With a walk over what the op touches. */
static size_t op_size(const struct ot_rope *rope, const struct ot_op *op)
{
    uint64_t index = 0;
    size_t size = 0;

    for (uint32_t i = 0; i < op->count; i++) {
        const struct ot_comp *comp = &op->comps[i];
        if (comp->kind >= OT_INSERT)
            size += comp->content.size + comp->attrs.size + RUN_HEAD_MAX + run_size_at(rope, index);
        else if (comp->kind == OT_RETAIN && comp->attrs.size)
            size += format_size(rope, index, comp);
        index += comp->kind < OT_INSERT ? comp->length : 0;
    }
    return size;
}

/* Without: no list is larger than all together, no range has more runs than there are. */
static size_t op_size_rough(const struct ot_rope *rope, const struct ot_op *op)
{
    size_t runs = rope->run_count + 2 * (size_t)op->count;
    size_t size = op->count * 2 * (2 * RUN_HEAD_MAX + rope->attrs_bytes);

    for (uint32_t i = 0; i < op->count; i++) {
        const struct ot_comp *comp = &op->comps[i];
        size_t covered = comp->length < runs ? comp->length : runs;
        size += comp->content.size + comp->attrs.size * (comp->kind == OT_RETAIN ? covered : 1);
    }
    return size;
}

int ot_rope_check_size(const struct ot_rope *rope, const struct ot_op *op, size_t size_max)
{
    size_t now = ot_rope_encoded_max(rope);

    if (now + op_size_rough(rope, op) <= size_max || now + op_size(rope, op) <= size_max)
        return 0;
    return OT_TOO_LARGE;
}
