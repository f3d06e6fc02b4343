/*
 * Snapshots: a persistent tree. Each node counts the parents (and ropes) that hold it. A snapshot
 * is one more reference of the root. Before an op is applied while there are snapshots, whatever it
 * may change is made the document's own (rope_own): from the root down, a node that somebody else
 * holds too is copied, and the copy takes its place. Since that leaves the content alone, it may
 * fail; after it the op is applied as ever, in place.
 *
 * Why not epochs: they keep everything that was replaced since the oldest reader began, and a
 * reader may be a slow connection. Here a snapshot keeps only what differs from the document, and
 * without snapshots an edit pays for one comparison.
 *
 * All memory, also what snapshots alone hold, is in the document's account (ot_rope_memory), so
 * they end before it. The counts are not atomic: a document and its readers live in one thread.
 */
#include <errno.h>
#include <stdlib.h>

#include "rope_private.h"

const struct ot_rope *ot_rope_snapshot(struct ot_rope *rope)
{
    struct ot_rope *snapshot = malloc(sizeof *snapshot);

    MUST(!rope->origin);
    if (!snapshot)
        return NULL;
    *snapshot = *rope;
    snapshot->origin = rope;
    snapshot->finger = NULL;
    snapshot->snapshot_count = 0;
    ++*(rope->height ? &((struct rope_inner *)rope->root)->refs
                     : &((struct rope_leaf *)rope->root)->refs);
    rope->snapshot_count++;
    rope->memory += sizeof *snapshot;
    return snapshot;
}

const struct ot_rope *ot_rope_snapshot_release(const struct ot_rope *snapshot)
{
    struct ot_rope *own = (struct ot_rope *)snapshot; /* made above */

    if (!own)
        return NULL;
    MUST(own->origin && own->origin->snapshot_count > 0);
    rope_unref(own->origin, own->root, own->height);
    own->origin->snapshot_count--;
    own->origin->memory -= sizeof *own;
    free(own);
    return NULL;
}

static void leaf_unref(struct ot_rope *rope, struct rope_leaf *leaf)
{
    size_t start = 0;

    if (--leaf->refs > 0)
        return;
    for (unsigned at = 0; at < leaf->run_count; at++) {
        if (leaf->runs[at].embed)
            embed_unref(rope, leaf_embed_at(leaf, start));
        ot_attrs_release(rope->table, leaf->runs[at].attrs);
        start += leaf->runs[at].size;
    }
    rope->memory -= sizeof *leaf + leaf->capacity;
    free(leaf);
}

void rope_unref(struct ot_rope *rope, void *node, int level)
{
    struct rope_inner *inner = node;

    if (level == 0) {
        leaf_unref(rope, node);
        return;
    }
    if (--inner->refs > 0)
        return;
    for (unsigned i = 0; i < inner->count; i++)
        rope_unref(rope, inner->children[i], level - 1);
    rope->memory -= sizeof *inner;
    free(inner);
}

/* The copy holds what the node holds. */
static void *leaf_copy(struct ot_rope *rope, struct rope_leaf *leaf)
{
    struct rope_leaf *copy = malloc(sizeof *leaf + leaf->capacity);
    size_t start = 0;

    if (!copy)
        return NULL;
    memcpy(copy, leaf, sizeof *leaf + leaf_used(leaf));
    copy->refs = 1;
    for (unsigned at = 0; at < leaf->run_count; at++) {
        if (leaf->runs[at].embed)
            leaf_embed_at(leaf, start)->refs++;
        ot_attrs_ref(leaf->runs[at].attrs);
        start += leaf->runs[at].size;
    }
    rope->memory += sizeof *leaf + leaf->capacity;
    leaf->refs--;
    return copy;
}

static void *inner_copy(struct ot_rope *rope, struct rope_inner *inner, int level)
{
    struct rope_inner *copy = malloc(sizeof *inner);

    if (!copy)
        return NULL;
    *copy = *inner;
    copy->refs = 1;
    for (unsigned i = 0; i < inner->count; i++) {
        if (level > 1)
            ((struct rope_inner *)inner->children[i])->refs++;
        else
            ((struct rope_leaf *)inner->children[i])->refs++;
    }
    rope->memory += sizeof *inner;
    inner->refs--;
    return copy;
}

int rope_own_child(struct ot_rope *rope, void **child, int level)
{
    struct rope_inner *inner = *child;
    struct rope_leaf *leaf = *child;
    void *copy = leaf;

    if (level > 0 && inner->refs > 1)
        copy = inner_copy(rope, inner, level);
    else if (level == 0 && leaf->refs > 1)
        copy = leaf_copy(rope, leaf);
    if (!copy)
        return -ENOMEM;
    *child = copy;
    return 0;
}

/* Of the units from `from` to `to`; `start` stand before the node. */
static int own_below(struct ot_rope *rope, void **node, int level, uint64_t start, uint64_t from,
                     uint64_t to, bool goes)
{
    int r = rope_own_child(rope, node, level);

    if (r || level == 0)
        return r;
    struct rope_inner *inner = *node;
    for (unsigned i = 0; i < inner->count && start <= to && !r; i++) {
        uint64_t end = start + inner->units[i];
        /* A place at the border of two leaves may be meant as of either. */
        bool within = start > from && end < to;
        if (end >= from && !(goes && within && level == 1))
            r = own_below(rope, &inner->children[i], level - 1, start, from, to, goes);
        start = end;
    }
    return r;
}

int rope_own(struct ot_rope *rope, uint64_t from, uint64_t to, bool goes)
{
    return own_below(rope, &rope->root, rope->height, 0, from, to, goes);
}
