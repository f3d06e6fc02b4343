/* Walks a whole rope and MUSTs what every function relies on. */
#include "ot_utf.h"
#include "rope_private.h"

struct sums {
    uint64_t units;
    size_t bytes, memory, attrs_bytes;
    uint32_t run_count, leaf_count, inner_count;
    bool shared;
};

static void verify_leaf(const struct ot_rope *rope, const struct rope_leaf *leaf, struct sums *sums)
{
    uint32_t units = 0;
    size_t start = 0;

    MUST(leaf_used(leaf) <= leaf->capacity && leaf->capacity <= ROPE_LEAF_CAPACITY);
    MUST(rope->height == 0 || (leaf->capacity == ROPE_LEAF_CAPACITY && leaf->units > 0));
    for (unsigned i = 0; i < leaf->run_count; i++) {
        const struct rope_run *run = &leaf->runs[i], *last = i ? run - 1 : NULL;
        uint64_t counted = 1;
        MUST(run->units > 0);
        if (run->embed) {
            const struct rope_embed *embed = leaf_embed_at(leaf, start);
            MUST(run->size == sizeof embed);
            sums->bytes += embed->size;
            sums->memory += sizeof *embed + embed->size;
        } else {
            MUST(ot_utf_units(slice_of(leaf_text(leaf) + start, run->size), &counted));
            MUST(!last || last->embed || last->attrs != run->attrs);
            sums->bytes += run->size;
        }
        MUST(counted == run->units);
        units += run->units;
        start += run->size;
        sums->attrs_bytes += ot_attrs_list(run->attrs).size;
    }
    MUST(units == leaf->units && start == leaf->size);
    sums->units += units;
    sums->memory += sizeof *leaf + leaf->capacity;
    sums->shared |= leaf->refs > 1;
    MUST(leaf->refs > 0);
    sums->run_count += leaf->run_count;
    sums->leaf_count++;
}

static void verify_node(const struct ot_rope *rope, const void *node, int level, struct sums *sums)
{
    const struct rope_inner *inner = node;

    if (level == 0) {
        verify_leaf(rope, node, sums);
        return;
    }
    MUST(inner->count > (level == rope->height) && inner->count <= ROPE_FANOUT);
    for (unsigned i = 0; i < inner->count; i++) {
        uint64_t before = sums->units;
        verify_node(rope, inner->children[i], level - 1, sums);
        MUST(sums->units - before == inner->units[i]);
    }
    sums->memory += sizeof *inner;
    sums->shared |= inner->refs > 1;
    MUST(inner->refs > 0);
    sums->inner_count++;
}

/* The finger's way is the one that a walk from the root takes. */
static void verify_finger(const struct ot_rope *rope, const struct rope_finger *finger)
{
    const struct rope_path *path = &finger->path;
    struct rope_path walked;

    MUST(rope->height > 0);
    if (!finger->valid)
        return;
    rope_seek(rope, finger->start, true, &walked);
    MUST(walked.leaf == path->leaf && walked.offset == 0);
    for (int level = 0; level < rope->height; level++)
        MUST(walked.up[level].node == path->up[level].node &&
             walked.up[level].index == path->up[level].index);
}

void ot_rope_verify(const struct ot_rope *rope)
{
    struct sums sums = {.memory = sizeof *rope};

    MUST(rope->height >= 0 && rope->height < ROPE_HEIGHT_MAX);
    verify_node(rope, rope->root, rope->height, &sums);
    if (rope->finger) {
        verify_finger(rope, rope->finger);
        sums.memory += sizeof *rope->finger;
    }
    MUST(sums.units == rope->units && sums.bytes == rope->bytes);
    /* What snapshots hold is in the document's account, too. */
    if (!rope->origin)
        MUST(rope->snapshot_count ? sums.memory < rope->memory : sums.memory == rope->memory);
    MUST(!sums.shared || rope->snapshot_count || rope->origin);
    MUST(sums.attrs_bytes == rope->attrs_bytes && sums.run_count == rope->run_count);
    MUST(sums.leaf_count == rope->leaf_count && sums.inner_count == rope->inner_count);
    MUST(!rope->spare_leaves && !rope->spare_inners);
}
