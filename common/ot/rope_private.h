/*
 * Inside common/ot: the rope's structure. It is a B+ tree: leaves hold text, inner nodes hold for
 * each child how many UTF-16 units are below it; all leaves are equally deep.
 *
 *     ot_rope.c    whole documents: making, freeing, applying an op
 *     rope_plan.c  getting what an op needs before it changes anything
 *     rope_tree.c  finding a place, adding and removing leaves, memory
 *     rope_leaf.c  what happens within one leaf
 *     rope_share.c  snapshots: what is shared, and copies of what is about to change
 *     rope_format.c  what a format makes of attributes
 *     rope_read.c  reading, the inverse of an op
 *     rope_encode.c  the document in binary form
 *     rope_size.c  how large the binary form is
 *     rope_verify.c  what must always hold
 *
 * A leaf, 72 bytes (a small document) to 1,032:
 *
 *     | header | run 0 | run 1 | … | text of run 0, 1, … (UTF-8) | free |
 *
 * A run is a piece of text under one attribute list, or one embed, whose 8 bytes of "text" are the
 * pointer to its value. So a document of plain text costs its bytes and little more, and one of
 * many short runs 16 bytes for each.
 */
#ifndef WEFT_OT_ROPE_PRIVATE_H
#define WEFT_OT_ROPE_PRIVATE_H

#include "ot_rope.h"

#define ROPE_LEAF_CAPACITY                                                                         \
    1016                    /* bytes of runs and text: with the header what malloc gives anyway */
#define ROPE_LEAF_MERGE 640 /* neighbours that need no more than this together become one */
#define ROPE_LEAF_FILL 880  /* text of a leaf made from a long insert: room for edits to come */
#define ROPE_TEXT_SMALL 256 /* inserts up to this go into one of two halves of a full leaf */
#define ROPE_FANOUT 16
#define ROPE_FANOUT_MERGE 12
/* Half-full nodes of 8 children over half-full leaves: 2^31 units need 8. The rest is distance. */
#define ROPE_HEIGHT_MAX 24

struct rope_embed {
    uint32_t size;
    uint32_t refs; /* of leaves */
    uint8_t value[];
};

struct rope_run {
    const struct ot_attrs *attrs; /* a reference in the table */
    uint16_t size, units;
    bool embed; /* size of a pointer, 1 unit */
};
/* What one change within a leaf may add to it beside its text: the run, and the run it divides. */
#define ROPE_RUN_ROOM (2 * sizeof(struct rope_run))

struct rope_leaf {
    uint32_t refs;     /* the parent's, and those of copies of the parent: rope_share.c */
    uint16_t capacity; /* ROPE_LEAF_CAPACITY; less only in a tree of one leaf */
    uint16_t size;     /* bytes of text */
    uint16_t units;    /* 0 only in an empty document */
    uint16_t run_count;
    struct rope_run runs[]; /* and the text behind them */
};

struct rope_inner {
    uint32_t count;
    uint32_t refs; /* as a leaf's */
    uint32_t units[ROPE_FANOUT];
    void *children[ROPE_FANOUT]; /* owned; inner nodes or leaves */
};

/* A place in a leaf and the way to it, up[0] being the leaf's parent. Any change of the tree's
 * shape makes it invalid. */
struct rope_path {
    struct {
        struct rope_inner *node;
        unsigned index;
    } up[ROPE_HEIGHT_MAX];
    struct rope_leaf *leaf;
    uint32_t offset; /* units into the leaf */
};

/*
 * Where the last key was typed: the next one is mostly in the same leaf, and needs no walk from the
 * root then. Only of documents of more than one leaf.
 */
struct rope_finger {
    struct rope_path path;
    uint64_t start; /* units before the leaf */
    bool valid;     /* the tree's shape is what it was */
};

struct ot_rope {
    struct ot_attrs_table *table; /* borrowed */
    void *root;                   /* owned; a leaf if height is 0 */
    int height;
    struct rope_finger *finger; /* owned; NULL: none */
    uint64_t units;
    size_t bytes, memory;
    size_t attrs_bytes; /* of all runs' lists, each counted for each run */
    uint32_t run_count, leaf_count, inner_count;
    uint32_t snapshot_count; /* live; 0: nothing is shared */
    struct ot_rope *origin;  /* borrowed; of a snapshot: whose it is; else NULL */
    /* Only while an op is applied: nodes to use, so that nothing can fail half-way. */
    void *spare_leaves, *spare_inners; /* owned; the first word is the next */
    uint32_t spare_leaf_count, spare_inner_count;
};

/* --- rope_leaf.c --- */

static inline size_t leaf_used(const struct rope_leaf *leaf)
{
    return leaf->size + leaf->run_count * sizeof(struct rope_run);
}

static inline uint8_t *leaf_text(const struct rope_leaf *leaf)
{
    return (uint8_t *)(leaf->runs + leaf->run_count);
}

/* Where in the leaf a unit is. */
struct rope_spot {
    unsigned run;
    uint32_t units;      /* into the run */
    size_t start, bytes; /* of the text: where the run begins, where the unit does */
};

/* At a border between runs: the end of the left one, or, with `right`, the start of the right one.
 * False if it would cut a surrogate pair. */
MUST_CHECK bool leaf_find(const struct rope_leaf *leaf, uint32_t offset, bool right,
                          struct rope_spot *ret);
struct rope_embed *leaf_embed_at(const struct rope_leaf *leaf, size_t bytes);
/* Of a leaf that goes: its memory is given back. */
void embed_unref(struct ot_rope *rope, struct rope_embed *embed);

/* These need room for what they add; see ROPE_RUN_ROOM. */
void leaf_insert_text(struct ot_rope *rope, struct rope_leaf *leaf, uint32_t offset,
                      struct slice text, uint32_t units, const struct ot_attrs *attrs);
void leaf_insert_embed(struct ot_rope *rope, struct rope_leaf *leaf, uint32_t offset,
                       struct rope_embed *embed, const struct ot_attrs *attrs);
void leaf_delete(struct ot_rope *rope, struct rope_leaf *leaf, uint32_t offset, uint32_t units);
/* Takes all that it holds out of the document's counts; the leaf itself may be a snapshot's. */
void leaf_discount(struct ot_rope *rope, const struct rope_leaf *leaf);

/*
 * What one retain makes of attributes: each list that occurs in its range is composed once, so that
 * the cost of a format does not grow with runs times size of the lists. Filled before the op is
 * applied.
 */
struct rope_format_pair;
struct rope_format {
    struct slice change;            /* borrowed */
    struct rope_format_pair *pairs; /* owned; hash table */
    const struct rope_format_pair *last;
};
/* Learns about runs with `before`. scratch is reset. 0 or -ENOMEM. */
MUST_CHECK int rope_format_add(struct ot_rope *rope, struct rope_format *format,
                               const struct ot_attrs *before, struct arena *scratch);
/* Of a list that was learnt; no reference for the caller. */
const struct ot_attrs *rope_format_of(struct rope_format *format, const struct ot_attrs *before);
void rope_format_fini(struct ot_rope *rope, struct rope_format *format);
void leaf_format(struct ot_rope *rope, struct rope_leaf *leaf, uint32_t offset, uint32_t units,
                 struct rope_format *format);

/* Moves what is behind offset into `right`, which is empty. Needs no room. */
void leaf_split(struct ot_rope *rope, struct rope_leaf *leaf, uint32_t offset,
                struct rope_leaf *right);
/* The offset that leaves about half of what is used on either side. */
uint32_t leaf_middle(const struct rope_leaf *leaf);
/* Appends what `right` holds, which is empty then. */
void leaf_join(struct ot_rope *rope, struct rope_leaf *leaf, struct rope_leaf *right);
/* --- rope_share.c --- */

/*
 * Makes everything the document's own that an edit of its units from `from` to `to`, ends included,
 * may change: nothing of it is a snapshot's then. Not the leaves between the ends if all of it
 * `goes`: these are dropped as they are. The content stays. 0 or -ENOMEM.
 */
MUST_CHECK int rope_own(struct ot_rope *rope, uint64_t from, uint64_t to, bool goes);
/* One child of a node that is the document's own. */
MUST_CHECK int rope_own_child(struct ot_rope *rope, void **child, int level);
/* Gives a reference back, and with the last the node and all below it. */
void rope_unref(struct ot_rope *rope, void *node, int level);

/* --- rope_tree.c --- */

struct rope_leaf *leaf_new(struct ot_rope *rope, size_t capacity);
/* Gets spare nodes. 0 or -ENOMEM. */
MUST_CHECK int rope_reserve(struct ot_rope *rope, uint32_t leaves, uint32_t inners);
void rope_unreserve(struct ot_rope *rope);
struct rope_leaf *leaf_take_spare(struct ot_rope *rope);

/* index <= units. At a border between leaves: the left one, or with `right` the right one. */
void rope_seek(const struct ot_rope *rope, uint64_t index, bool right, struct rope_path *ret);
/* The same by the finger, which stands there then; `own` is used where there is none. */
struct rope_path *rope_finger_walk(struct ot_rope *rope, uint64_t index, bool right,
                                   struct rope_path *own);
static inline struct rope_path *rope_finger_seek(struct ot_rope *rope, uint64_t index, bool right,
                                                 struct rope_path *own)
{
    struct rope_finger *finger = rope->finger;

    if (!finger || !finger->valid)
        return rope_finger_walk(rope, index, right, own);
    uint64_t offset = index - finger->start; /* before the leaf: a very large number */
    if (offset - !right >= finger->path.leaf->units)
        return rope_finger_walk(rope, index, right, own);
    finger->path.offset = (uint32_t)offset;
    return &finger->path;
}
/* Makes one, if there is memory for it: who has none walks. */
void rope_finger_get(struct ot_rope *rope);

static inline void rope_finger_forget(struct ot_rope *rope)
{
    if (rope->finger)
        rope->finger->valid = false;
}

/* Units were added to (or removed from) the path's leaf: counts them all the way up. */
static inline void rope_count(struct ot_rope *rope, struct rope_path *path, int64_t units)
{
    for (int level = 0; level < rope->height; level++)
        path->up[level].node->units[path->up[level].index] += (uint32_t)units;
    rope->units += (uint64_t)units;
}

/* Puts a leaf behind the path's, whose units are counted as the path's leaf's so far. */
void rope_add_leaf(struct ot_rope *rope, struct rope_path *path, struct rope_leaf *leaf);
/* Nothing of the path's leaf is counted any more: takes it out. */
void rope_remove_leaf(struct ot_rope *rope, struct rope_path *path);
/* The path's leaf has become smaller: joins it with a neighbour if both fit in one. */
void rope_settle(struct ot_rope *rope, struct rope_path *path);

/* --- rope_plan.c --- */

/* One per insert, embed or retain with attributes, in order. */
struct rope_held {
    const struct ot_attrs *attrs; /* a reference */
    struct rope_embed *embed;     /* owned until it is in a leaf */
    struct rope_format format;
};

struct rope_plan {
    struct rope_held *held; /* owned */
    uint32_t count;
    struct arena scratch;
    uint64_t leaves;    /* new ones that long inserts fill */
    uint64_t additions; /* bytes that splits make room for */
    uint64_t places;    /* where a full leaf may have to be split */
};

/* Everything but a retain without attributes. */
bool rope_comp_edits(const struct ot_comp *comp);
/* Of an op that fits. 0 or -ENOMEM; *plan, zeroed before, must be released in both cases. */
MUST_CHECK int rope_plan_make(struct ot_rope *rope, const struct ot_op *op, struct rope_plan *plan);
void rope_plan_release(struct ot_rope *rope, struct rope_plan *plan);

/* --- rope_read.c --- */

/* Begins with the unit at index: the first run is cut there. */
void rope_iter_at(struct ot_rope_iter *iter, const struct ot_rope *rope, uint64_t index);

#endif
