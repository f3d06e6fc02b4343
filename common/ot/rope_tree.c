/*
 * The tree over the leaves. Nodes split in halves when they are full; neighbours below one parent
 * that together need little become one after something was removed. Nodes that splits need come
 * from the spare ones, which were counted before the change began.
 */
#include <errno.h>
#include <stdlib.h>

#include "rope_private.h"

#define LEAF_SIZE (sizeof(struct rope_leaf) + ROPE_LEAF_CAPACITY)
#define INNER_SIZE sizeof(struct rope_inner)

struct spare {
    struct spare *next;
};

struct rope_leaf *leaf_new(struct ot_rope *rope, size_t capacity)
{
    struct rope_leaf *leaf = malloc(sizeof *leaf + capacity);

    if (!leaf)
        return NULL;
    *leaf = (struct rope_leaf){.refs = 1, .capacity = (uint16_t)capacity};
    rope->leaf_count++;
    rope->memory += sizeof *leaf + capacity;
    return leaf;
}

static int spare_add(void **list, uint32_t *count, size_t size)
{
    struct spare *spare = malloc(size);

    if (!spare)
        return -ENOMEM;
    spare->next = *list;
    *list = spare;
    (*count)++;
    return 0;
}

static void *spare_take(void **list, uint32_t *count, size_t size)
{
    struct spare *spare = *list;

    /* The count is an upper bound by argument, not by construction (nodes_reserve). Should it ever
     * be short, asking for more memory is better than stopping. */
    MUST_SLOW(spare);
    if (!spare) {
        spare = malloc(size);
        MUST(spare);
        return spare;
    }
    *list = spare->next;
    (*count)--;
    return spare;
}

int rope_reserve(struct ot_rope *rope, uint32_t leaves, uint32_t inners)
{
    int r = 0;

    while (!r && rope->spare_leaf_count < leaves)
        r = spare_add(&rope->spare_leaves, &rope->spare_leaf_count, LEAF_SIZE);
    while (!r && rope->spare_inner_count < inners)
        r = spare_add(&rope->spare_inners, &rope->spare_inner_count, INNER_SIZE);
    return r;
}

void rope_unreserve(struct ot_rope *rope)
{
    while (rope->spare_leaf_count)
        free(spare_take(&rope->spare_leaves, &rope->spare_leaf_count, LEAF_SIZE));
    while (rope->spare_inner_count)
        free(spare_take(&rope->spare_inners, &rope->spare_inner_count, INNER_SIZE));
}

struct rope_leaf *leaf_take_spare(struct ot_rope *rope)
{
    struct rope_leaf *leaf = spare_take(&rope->spare_leaves, &rope->spare_leaf_count, LEAF_SIZE);

    *leaf = (struct rope_leaf){.refs = 1, .capacity = ROPE_LEAF_CAPACITY};
    rope->leaf_count++;
    rope->memory += sizeof *leaf + leaf->capacity;
    return leaf;
}

static struct rope_inner *inner_take_spare(struct ot_rope *rope)
{
    struct rope_inner *inner =
        spare_take(&rope->spare_inners, &rope->spare_inner_count, INNER_SIZE);

    inner->count = 0;
    inner->refs = 1;
    rope->inner_count++;
    rope->memory += sizeof *inner;
    return inner;
}

static void inner_free(struct ot_rope *rope, struct rope_inner *inner)
{
    MUST_SLOW(inner->refs == 1);
    rope->inner_count--;
    rope->memory -= sizeof *inner;
    free(inner);
}

void rope_seek(const struct ot_rope *rope, uint64_t index, bool right, struct rope_path *ret)
{
    uint32_t left = (uint32_t)index;
    void *node = rope->root;

    for (int level = rope->height - 1; level >= 0; level--) {
        struct rope_inner *inner = node;
        unsigned at = 0, last = inner->count - 1;
        while (at < last && left + right > inner->units[at])
            left -= inner->units[at++];
        ret->up[level].node = inner;
        ret->up[level].index = at;
        node = inner->children[at];
    }
    ret->leaf = node;
    ret->offset = left;
}

void rope_finger_get(struct ot_rope *rope)
{
    if (rope->finger || rope->height == 0)
        return;
    rope->finger = malloc(sizeof *rope->finger);
    if (!rope->finger)
        return;
    rope->finger->valid = false;
    rope->memory += sizeof *rope->finger;
}

struct rope_path *rope_finger_walk(struct ot_rope *rope, uint64_t index, bool right,
                                   struct rope_path *own)
{
    struct rope_finger *finger = rope->finger;
    struct rope_path *path = finger ? &finger->path : own;

    rope_seek(rope, index, right, path);
    if (finger) {
        finger->start = index - path->offset;
        finger->valid = true;
    }
    return path;
}

static void inner_insert(struct rope_inner *inner, unsigned at, void *child, uint32_t units)
{
    unsigned behind = inner->count - at;

    memmove(&inner->units[at + 1], &inner->units[at], behind * sizeof inner->units[0]);
    memmove(&inner->children[at + 1], &inner->children[at], behind * sizeof inner->children[0]);
    inner->units[at] = units;
    inner->children[at] = child;
    inner->count++;
}

static void inner_remove(struct rope_inner *inner, unsigned at)
{
    unsigned behind = inner->count - at - 1;

    memmove(&inner->units[at], &inner->units[at + 1], behind * sizeof inner->units[0]);
    memmove(&inner->children[at], &inner->children[at + 1], behind * sizeof inner->children[0]);
    inner->count--;
}

/* Moves the children from `at` on to the end of `to`; returns their units. */
static uint32_t inner_move(struct rope_inner *from, unsigned at, struct rope_inner *to)
{
    uint32_t units = 0;

    for (unsigned i = at; i < from->count; i++) {
        units += from->units[i];
        inner_insert(to, to->count, from->children[i], from->units[i]);
    }
    from->count = at;
    return units;
}

static uint32_t inner_units(const struct rope_inner *inner)
{
    uint32_t units = 0;

    for (unsigned i = 0; i < inner->count; i++)
        units += inner->units[i];
    return units;
}

static void root_grow(struct ot_rope *rope, struct rope_path *path)
{
    struct rope_inner *root = inner_take_spare(rope);

    MUST(rope->height < ROPE_HEIGHT_MAX);
    inner_insert(root, 0, rope->root, (uint32_t)rope->units);
    path->up[rope->height].node = root;
    path->up[rope->height].index = 0;
    rope->root = root;
    rope->height++;
}

/* Puts child behind the path's node of this level, from which `units` move to it. */
static void child_add(struct ot_rope *rope, struct rope_path *path, int level, void *child,
                      uint32_t units)
{
    if (level == rope->height)
        root_grow(rope, path);
    struct rope_inner *inner = path->up[level].node, *right;
    unsigned at = path->up[level].index;
    inner->units[at] -= units;
    if (inner->count < ROPE_FANOUT) {
        inner_insert(inner, at + 1, child, units);
        return;
    }
    right = inner_take_spare(rope);
    inner_move(inner, ROPE_FANOUT / 2, right);
    if (at < ROPE_FANOUT / 2)
        inner_insert(inner, at + 1, child, units);
    else
        inner_insert(right, at + 1 - ROPE_FANOUT / 2, child, units);
    child_add(rope, path, level + 1, right, inner_units(right));
}

void rope_add_leaf(struct ot_rope *rope, struct rope_path *path, struct rope_leaf *leaf)
{
    child_add(rope, path, 0, leaf, leaf->units);
}

static void finger_free(struct ot_rope *rope)
{
    if (rope->finger)
        rope->memory -= sizeof *rope->finger;
    free(rope->finger);
    rope->finger = NULL;
}

static void root_shrink(struct ot_rope *rope)
{
    while (rope->height > 0) {
        struct rope_inner *root = rope->root;
        if (root->count > 1)
            return;
        rope->root = root->children[0];
        rope->height--;
        inner_free(rope, root);
    }
    finger_free(rope); /* a small document costs no more than it needs */
}

static void leaf_free(struct ot_rope *rope, struct rope_leaf *leaf)
{
    rope->leaf_count--;
    rope_unref(rope, leaf, 0);
}

/* Do two leaves below one parent need little together? */
static inline bool leaves_fit(const struct rope_inner *parent, unsigned at)
{
    return leaf_used(parent->children[at]) + leaf_used(parent->children[at + 1]) <= ROPE_LEAF_MERGE;
}

/* A join changes both. That it can be left away is why it may ask for memory. */
static bool children_own(struct ot_rope *rope, struct rope_inner *parent, unsigned at, int level)
{
    return !rope->snapshot_count || (rope_own_child(rope, &parent->children[at], level) == 0 &&
                                     rope_own_child(rope, &parent->children[at + 1], level) == 0);
}

/* Joins two children of a parent if they fit in one. */
static bool children_join(struct ot_rope *rope, struct rope_inner *parent, unsigned at, int level)
{
    if (at + 1 >= parent->count)
        return false;
    if (level == 0) {
        if (!leaves_fit(parent, at) || !children_own(rope, parent, at, level))
            return false;
        struct rope_leaf *left = parent->children[at], *right = parent->children[at + 1];
        leaf_join(rope, left, right);
        leaf_free(rope, right);
    } else {
        struct rope_inner *left = parent->children[at], *right = parent->children[at + 1];
        if (left->count + right->count > ROPE_FANOUT_MERGE ||
            !children_own(rope, parent, at, level))
            return false;
        left = parent->children[at];
        right = parent->children[at + 1];
        inner_move(right, 0, left);
        inner_free(rope, right);
    }
    parent->units[at] += parent->units[at + 1];
    inner_remove(parent, at + 1);
    return true;
}

/* The path's node of `level - 1` (0: the leaf) has become smaller. */
static void settle(struct ot_rope *rope, struct rope_path *path, int level)
{
    for (; level < rope->height; level++) {
        struct rope_inner *parent = path->up[level].node;
        unsigned at = path->up[level].index;
        bool joined = children_join(rope, parent, at, level);
        if (at > 0)
            joined = children_join(rope, parent, at - 1, level) || joined;
        if (!joined)
            break;
        rope_finger_forget(rope);
    }
    root_shrink(rope);
}

void rope_settle(struct ot_rope *rope, struct rope_path *path)
{
    if (rope->height == 0)
        return;
    const struct rope_inner *parent = path->up[0].node;
    unsigned at = path->up[0].index;
    if ((at > 0 && leaves_fit(parent, at - 1)) ||
        (at + 1 < parent->count && leaves_fit(parent, at)))
        settle(rope, path, 0);
}

void rope_remove_leaf(struct ot_rope *rope, struct rope_path *path)
{
    int level = 0;

    leaf_free(rope, path->leaf);
    for (;; level++) {
        struct rope_inner *inner = path->up[level].node;
        inner_remove(inner, path->up[level].index);
        if (inner->count > 0)
            break;
        inner_free(rope, inner);
    }
    /* What stood on either side of the gap are neighbours now. */
    if (path->up[level].index > 0)
        (void)children_join(rope, path->up[level].node, path->up[level].index - 1, level);
    settle(rope, path, level + 1);
}
