/*
 * Whole documents: making, freeing, and applying an op whole or not at all.
 *
 * The rope is a B+ tree with leaves of 1 KiB (rope_private.h). Why not a skip list, which is less
 * code: its nodes have to be small or carry one attribute list each, and then a rich document costs
 * several times its text; its balance depends on random numbers; and it follows twice as many
 * pointers.
 *
 * An op is applied component by component, each with one walk from the root: O(log n) each. Nothing
 * can fail half-way: ot_rope_apply first checks the op against the document, then gets everything
 * that memory is needed for (attribute lists, embeds, nodes), and only then changes anything.
 */
#include "ot_rope.h"

#include <errno.h>
#include <stdlib.h>

#include "ot_utf.h"
#include "rope_private.h"

#define LEAF_CAPACITY_FIRST 56

struct ot_rope *ot_rope_new(struct ot_attrs_table *table)
{
    struct ot_rope *rope = calloc(1, sizeof *rope);

    if (!rope)
        return NULL;
    rope->table = table;
    rope->memory = sizeof *rope;
    rope->root = leaf_new(rope, LEAF_CAPACITY_FIRST);
    if (!rope->root) {
        free(rope);
        return NULL;
    }
    return rope;
}

struct ot_rope *ot_rope_free(struct ot_rope *rope)
{
    if (rope) {
        MUST(rope->snapshot_count == 0 && !rope->origin);
        rope_unref(rope, rope->root, rope->height);
        free(rope->finger);
    }
    free(rope);
    return NULL;
}

uint64_t ot_rope_units(const struct ot_rope *rope)
{
    return rope->units;
}

size_t ot_rope_bytes(const struct ot_rope *rope)
{
    return rope->bytes;
}

size_t ot_rope_memory(const struct ot_rope *rope)
{
    return rope->memory;
}

uint32_t ot_rope_runs(const struct ot_rope *rope)
{
    return rope->run_count;
}

/* --- does it fit? --- */

static bool leaf_cuts(const struct rope_leaf *leaf, uint32_t offset)
{
    struct rope_spot spot;

    /* All ASCII: every border is one of characters. */
    return leaf->size != leaf->units && !leaf_find(leaf, offset, false, &spot);
}

static bool border_cuts(const struct ot_rope *rope, uint64_t index, struct rope_path *ret)
{
    rope_seek(rope, index, false, ret);
    return leaf_cuts(ret->leaf, ret->offset);
}

int ot_rope_check(const struct ot_rope *rope, const struct ot_op *op, bool final_newline)
{
    struct rope_path path;
    uint64_t index = 0;

    if (op->units_in > rope->units)
        return OT_TOO_LONG;
    if (rope->units - op->units_in + op->units_out > OT_UNITS_MAX)
        return OT_TOO_LARGE;
    for (uint32_t i = 0; i < op->count; i++) {
        const struct ot_comp *comp = &op->comps[i];
        if (comp->kind < OT_INSERT)
            index += comp->length;
        /* Begins and ends of components are ends of retains and deletes. */
        if ((comp->kind < OT_INSERT || i == 0) && border_cuts(rope, index, &path))
            return OT_CUTS_PAIR;
        if (final_newline && comp->kind != OT_RETAIN && index == rope->units)
            return OT_BREAKS_NEWLINE;
    }
    return 0;
}

/* --- the change itself: nothing fails from here on --- */

static void leaf_append_new(struct ot_rope *rope, struct rope_path *path, struct slice text,
                            uint32_t units, const struct ot_attrs *attrs)
{
    struct rope_leaf *leaf = leaf_take_spare(rope);

    leaf_insert_text(rope, leaf, 0, text, units, attrs);
    rope_count(rope, path, units);
    rope_add_leaf(rope, path, leaf);
}

static void leaf_divide(struct ot_rope *rope, struct rope_path *path, uint32_t offset)
{
    struct rope_leaf *right = leaf_take_spare(rope);

    leaf_split(rope, path->leaf, offset, right);
    rope_add_leaf(rope, path, right);
}

/* Whole characters of text that fit in `room`; their units. */
static struct slice text_fit(struct slice text, uint32_t units, size_t room, uint32_t *ret_units)
{
    uint64_t counted = units;

    if (text.size > room) {
        text.size = room;
        while (text.size > 0 && (text.data[text.size] & 0xc0) == 0x80)
            text.size--;
        MUST(ot_utf_units(text, &counted));
    }
    *ret_units = (uint32_t)counted;
    return text;
}

/* As much of the text as one step can place; its units. */
static uint32_t text_step(struct ot_rope *rope, uint64_t index, struct slice *text, uint32_t units,
                          const struct ot_attrs *attrs)
{
    struct rope_path path;
    struct slice part;
    uint32_t part_units;

    rope_seek(rope, index, false, &path);
    size_t used = leaf_used(path.leaf) + ROPE_RUN_ROOM;
    size_t room = used < path.leaf->capacity ? path.leaf->capacity - used : 0;
    bool at_end = path.offset == path.leaf->units;
    if (text->size > room && !at_end) {
        leaf_divide(rope, &path,
                    text->size > ROPE_TEXT_SMALL ? path.offset : leaf_middle(path.leaf));
        return 0;
    }
    if (text->size <= room || (text->size > ROPE_TEXT_SMALL && room >= ROPE_TEXT_SMALL)) {
        part = text_fit(*text, units, room, &part_units);
        leaf_insert_text(rope, path.leaf, path.offset, part, part_units, attrs);
        rope_count(rope, &path, part_units);
    } else {
        part = text_fit(*text, units, ROPE_LEAF_FILL, &part_units);
        leaf_append_new(rope, &path, part, part_units, attrs);
    }
    text->data += part.size;
    text->size -= part.size;
    return part_units;
}

static void text_insert(struct ot_rope *rope, uint64_t index, const struct ot_comp *comp,
                        const struct ot_attrs *attrs)
{
    struct slice text = comp->content;
    uint32_t left = comp->length;
    struct rope_path path;

    while (text.size > 0) {
        uint32_t units = text_step(rope, index, &text, left, attrs);
        index += units;
        left -= units;
    }
    /* Where a long text divided a leaf, its ends may be small. */
    if (comp->content.size > ROPE_TEXT_SMALL) {
        rope_seek(rope, index, false, &path);
        rope_settle(rope, &path);
    }
}

static void embed_insert(struct ot_rope *rope, uint64_t index, struct rope_held *held)
{
    struct rope_path path;

    rope_seek(rope, index, false, &path);
    if (leaf_used(path.leaf) + ROPE_RUN_ROOM + sizeof held->embed > path.leaf->capacity) {
        leaf_divide(rope, &path, leaf_middle(path.leaf));
        rope_seek(rope, index, false, &path);
    }
    leaf_insert_embed(rope, path.leaf, path.offset, held->embed, held->attrs);
    rope_count(rope, &path, 1);
    held->embed = NULL;
}

static void range_delete(struct ot_rope *rope, uint64_t index, uint32_t units)
{
    struct rope_path path;

    while (units > 0) {
        rope_seek(rope, index, true, &path);
        uint32_t here = path.leaf->units - path.offset;
        uint32_t take = here < units ? here : units;
        rope_count(rope, &path, -(int64_t)take);
        /* An empty document is an empty leaf. */
        if (take == path.leaf->units && rope->height > 0) {
            leaf_discount(rope, path.leaf);
            rope_remove_leaf(rope, &path);
        } else {
            leaf_delete(rope, path.leaf, path.offset, take);
            rope_settle(rope, &path);
        }
        units -= take;
    }
}

static void range_format(struct ot_rope *rope, uint64_t index, uint32_t units,
                         struct rope_format *format)
{
    struct rope_path path;

    while (units > 0) {
        rope_seek(rope, index, true, &path);
        uint32_t here = path.leaf->units - path.offset;
        uint32_t take = here < units ? here : units;
        if (take < path.leaf->units && leaf_used(path.leaf) + ROPE_RUN_ROOM > path.leaf->capacity) {
            leaf_divide(rope, &path, leaf_middle(path.leaf));
            continue;
        }
        leaf_format(rope, path.leaf, path.offset, take, format);
        rope_settle(rope, &path);
        index += take;
        units -= take;
    }
}

static void comp_apply(struct ot_rope *rope, uint64_t index, const struct ot_comp *comp,
                       struct rope_held *held)
{
    switch (comp->kind) {
    case OT_RETAIN:
        range_format(rope, index, comp->length, &held->format);
        break;
    case OT_DELETE:
        range_delete(rope, index, comp->length);
        break;
    case OT_INSERT:
        text_insert(rope, index, comp, held->attrs);
        break;
    case OT_EMBED:
        embed_insert(rope, index, held);
        break;
    }
}

/* Snapshots stay as they are: copies what they share and the op is about to change. */
static int op_own(struct ot_rope *rope, const struct ot_op *op)
{
    uint64_t index = 0;
    int r = 0;

    for (uint32_t i = 0; i < op->count && !r; i++) {
        const struct ot_comp *comp = &op->comps[i];
        uint64_t end = index + (comp->kind < OT_INSERT ? comp->length : 0);
        if (rope_comp_edits(comp))
            r = rope_own(rope, index, end, comp->kind == OT_DELETE);
        index = end;
    }
    return r;
}

static int op_apply(struct ot_rope *rope, const struct ot_op *op)
{
    struct rope_plan plan = {0};
    uint64_t index = 0;
    int r = ot_rope_check(rope, op, false);

    if (r)
        return r;
    rope_finger_forget(rope);
    arena_init(&plan.scratch, SIZE_MAX);
    r = rope->snapshot_count ? op_own(rope, op) : 0;
    r = r ? r : rope_plan_make(rope, op, &plan);
    struct rope_held *held = plan.held;
    for (uint32_t i = 0; i < op->count && !r; i++) {
        const struct ot_comp *comp = &op->comps[i];
        if (rope_comp_edits(comp)) {
            comp_apply(rope, index, comp, held);
            held += comp->kind != OT_DELETE;
        }
        index += comp->kind != OT_DELETE ? comp->length : 0;
    }
    rope_plan_release(rope, &plan);
    rope_finger_get(rope);
    return r;
}

/*
 * Typing: one small insert or delete within one leaf, which most ops are. It needs no memory, so it
 * needs no plan, and at most one walk from the root. False: nothing is done yet, whatever the
 * reason.
 */
static bool typing_insert(struct ot_rope *rope, uint64_t index, const struct ot_comp *comp)
{
    struct rope_path own, *path = rope_finger_seek(rope, index, false, &own);
    struct rope_leaf *leaf = path->leaf;
    const struct ot_attrs *attrs = NULL;

    if (leaf_used(leaf) + comp->content.size + ROPE_RUN_ROOM > leaf->capacity ||
        leaf_cuts(leaf, path->offset))
        return false;
    if (comp->attrs.size && !(attrs = ot_attrs_intern(rope->table, comp->attrs)))
        return false;
    leaf_insert_text(rope, leaf, path->offset, comp->content, comp->length, attrs);
    ot_attrs_release(rope->table, attrs);
    rope_count(rope, path, comp->length);
    return true;
}

static bool typing_delete(struct ot_rope *rope, uint64_t index, const struct ot_comp *comp)
{
    struct rope_path own, *path = rope_finger_seek(rope, index, true, &own);
    struct rope_leaf *leaf = path->leaf;

    if (leaf->units - path->offset < comp->length || leaf->units == comp->length ||
        leaf_cuts(leaf, path->offset) || leaf_cuts(leaf, path->offset + comp->length))
        return false;
    leaf_delete(rope, leaf, path->offset, comp->length);
    rope_count(rope, path, -(int64_t)comp->length);
    rope_settle(rope, path);
    return true;
}

static bool typing_apply(struct ot_rope *rope, const struct ot_op *op)
{
    const struct ot_comp *comp = op->comps;
    uint64_t index = 0;

    if (op->count == 2 && comp->kind == OT_RETAIN && comp->attrs.size == 0)
        index = comp++->length;
    else if (op->count != 1)
        return false;
    if (index > rope->units)
        return false;
    if (comp->kind == OT_INSERT && comp->length <= OT_UNITS_MAX - rope->units)
        return typing_insert(rope, index, comp);
    return comp->kind == OT_DELETE && typing_delete(rope, index, comp);
}

int ot_rope_apply(struct ot_rope *rope, const struct ot_op *op)
{
    /* Typing changes nodes in place, so it must be that nobody shares them. */
    if ((!rope->snapshot_count && typing_apply(rope, op)) || op->count == 0)
        return 0;
    return op_apply(rope, op);
}
