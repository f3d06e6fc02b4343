/*
 * What an op needs before it changes anything: attribute lists in the table, copies of embeds,
 * nodes for the splits that it may cause. After this nothing can fail.
 */
#include <errno.h>
#include <stdlib.h>

#include "rope_private.h"

bool rope_comp_edits(const struct ot_comp *comp)
{
    return comp->kind != OT_RETAIN || comp->attrs.size > 0;
}

static int hold_embed(struct rope_held *held, struct slice value)
{
    struct rope_embed *embed = malloc(sizeof *embed + value.size);

    if (!embed)
        return -ENOMEM;
    embed->size = (uint32_t)value.size;
    embed->refs = 1;
    memcpy(embed->value, value.data, value.size);
    held->embed = embed;
    return 0;
}

static int hold_format(struct ot_rope *rope, struct rope_plan *plan, struct rope_held *held,
                       uint64_t index, const struct ot_comp *comp)
{
    struct ot_rope_iter iter;
    struct ot_run run;
    uint64_t left = comp->length;
    int r = 0;

    held->format.change = comp->attrs;
    rope_iter_at(&iter, rope, index);
    while (!r && left > 0 && ot_rope_iter_next(&iter, &run)) {
        r = rope_format_add(rope, &held->format, run.attrs, &plan->scratch);
        left -= run.units < left ? run.units : left;
    }
    return r;
}

static int hold(struct ot_rope *rope, struct rope_plan *plan, uint64_t index,
                const struct ot_comp *comp)
{
    struct rope_held *held = &plan->held[plan->count++];

    if (comp->kind == OT_RETAIN) {
        plan->additions += ROPE_RUN_ROOM;
        plan->places += 2;
        return hold_format(rope, plan, held, index, comp);
    }
    size_t size = comp->kind == OT_EMBED ? sizeof(void *) : comp->content.size;
    if (size > ROPE_TEXT_SMALL)
        plan->leaves += 2 + size / (ROPE_LEAF_FILL - 3); /* a character is not divided */
    else
        plan->additions += size + ROPE_RUN_ROOM;
    plan->places++;
    held->attrs = ot_attrs_intern(rope->table, comp->attrs);
    if (!held->attrs && comp->attrs.size)
        return -ENOMEM;
    return comp->kind == OT_EMBED ? hold_embed(held, comp->content) : 0;
}

/*
 * How many nodes splits may need. A leaf of u bytes is split for an insert that adds d (at most
 * ROPE_TEXT_SMALL and the runs, 288) if u + d passes the capacity C = 1016; its halves have at most
 * u / 2 + 24 bytes. So before one of them with its share d is split again, at least
 * C - d - (u / 2 + 24 + d), and with u >= C - d at least 484 - 3d / 2, are added beside the d
 * itself: 484 - d / 2 >= 340 in all. Counting one for each 256 is safe. Leaves that are full now
 * come on top: once for their halves, once for a leaf appended to them, for each place at most.
 * Inner nodes alike, with 8 children.
 */
static int nodes_reserve(struct ot_rope *rope, const struct rope_plan *plan)
{
    uint64_t full = plan->places < rope->leaf_count ? plan->places : rope->leaf_count;
    uint64_t leaves = plan->leaves + plan->additions / 256 + 2 * full;
    uint64_t chains = plan->places * (uint64_t)(rope->height + 1);
    uint64_t inners = chains < rope->inner_count ? chains : rope->inner_count;

    inners += leaves / 7 + ROPE_HEIGHT_MAX / 4;
    if (leaves > UINT32_MAX || inners > UINT32_MAX)
        return -ENOMEM;
    return rope_reserve(rope, (uint32_t)leaves, (uint32_t)inners);
}

#define LEAF_GROWTH 8

/* A tree of one leaf holds no more than it needs: makes it larger before anything is put in. */
static int root_leaf_fit(struct ot_rope *rope, const struct rope_plan *plan)
{
    struct rope_leaf *leaf = rope->root;
    size_t want = leaf_used(leaf) + plan->additions, capacity = leaf->capacity;

    if (rope->height > 0 || capacity == ROPE_LEAF_CAPACITY)
        return 0;
    while (capacity < want && capacity < ROPE_LEAF_CAPACITY)
        capacity = 2 * capacity + LEAF_GROWTH; /* 56, 120, 248, 504, 1016 */
    if (plan->leaves)
        capacity = ROPE_LEAF_CAPACITY;
    if (capacity == leaf->capacity)
        return 0;
    leaf = realloc(leaf, sizeof *leaf + capacity);
    if (!leaf)
        return -ENOMEM;
    rope->memory += capacity - leaf->capacity;
    leaf->capacity = (uint16_t)capacity;
    rope->root = leaf;
    return 0;
}

/* Deletes need nothing: they only ever give back. */
int rope_plan_make(struct ot_rope *rope, const struct ot_op *op, struct rope_plan *plan)
{
    uint64_t index = 0;
    int r = 0;

    plan->held = calloc(op->count, sizeof *plan->held);
    if (!plan->held)
        return -ENOMEM;
    for (uint32_t i = 0; i < op->count && !r; i++) {
        const struct ot_comp *comp = &op->comps[i];
        if (rope_comp_edits(comp) && comp->kind != OT_DELETE)
            r = hold(rope, plan, index, comp);
        index += comp->kind < OT_INSERT ? comp->length : 0;
    }
    if (r || plan->count == 0)
        return r;
    r = root_leaf_fit(rope, plan);
    if (r || (rope->height == 0 && plan->leaves == 0 &&
              leaf_used(rope->root) + plan->additions <= ROPE_LEAF_CAPACITY))
        return r;
    return nodes_reserve(rope, plan);
}

void rope_plan_release(struct ot_rope *rope, struct rope_plan *plan)
{
    for (uint32_t i = 0; i < plan->count; i++) {
        struct rope_held *held = &plan->held[i];
        ot_attrs_release(rope->table, held->attrs);
        rope_format_fini(rope, &held->format);
        free(held->embed);
    }
    free(plan->held);
    rope_unreserve(rope);
    arena_fini(&plan->scratch);
}
