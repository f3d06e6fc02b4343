/*
 * The rope is a skip list of nodes (Pugh 1990), each up to ROPE_NODE_SIZE bytes of UTF-8 under one
 * attribute list, or one embed; every link says how many UTF-16 units it skips.
 *
 * Why a skip list: an edit touches one path and one node, there is no rebalancing, a node never
 * moves, and its height is drawn once when it is made; a balanced tree does the same work with
 * more cases. A node has one attribute list, so formatting splits nodes and equality of runs is
 * equality of pointers; plain text has full nodes.
 *
 *     heads[3] ------------------------------> C ----------> end     links[i].units: from the
 *     heads[1] ----------> B ----------------> C ----------> end     start of this node to the
 *     heads[0] --> A ----> B --> … ----------> C --> … ----> end     start of the next one
 *
 * Atomicity: ot_rope_apply first checks the op, then gets everything that memory is needed for
 * (nodes into `spare`, attribute lists into the table, held until the end), and only then changes
 * anything; so a change cannot fail half-way.
 */
#include "ot_rope.h"

#include <errno.h>
#include <stdlib.h>

#include "attrs_pairs.h"
#include "ot_utf.h"

/* With the header a plain node of height 1 takes about 320 bytes. */
#define ROPE_NODE_SIZE 248
#define ROPE_HEIGHT_MAX 20

struct node;

struct link {
    struct node *next;
    uint64_t units; /* from here to the start of next, or to the end */
};

struct node {
    const struct ot_attrs *attrs; /* a reference in the table */
    uint8_t *embed;               /* owned; NULL: text */
    uint32_t embed_size;
    uint16_t size;  /* bytes of text */
    uint16_t units; /* of text; an embed has 1 */
    uint8_t height;
    uint8_t text[ROPE_NODE_SIZE];
    struct link links[];
};

struct ot_rope {
    struct ot_attrs_table *table; /* borrowed */
    uint64_t units;
    size_t bytes, memory;
    uint64_t rng;
    int height;         /* of the tallest node there ever was, at least 1 */
    struct node *spare; /* through links[0] */
    size_t spare_count;
    struct link heads[ROPE_HEIGHT_MAX];
};

/* A place between units: on each level the last link at or before it, and how far behind its start.
 */
struct place {
    struct link *at[ROPE_HEIGHT_MAX];
    uint64_t before[ROPE_HEIGHT_MAX];
    struct node *node; /* the node whose end or inside this is; NULL: the start of the document */
    uint32_t offset;   /* units into node */
    uint64_t index;    /* units from the start of the document */
};

struct ot_rope *ot_rope_new(struct ot_attrs_table *table)
{
    struct ot_rope *rope = calloc(1, sizeof *rope);

    if (rope) {
        rope->table = table;
        rope->rng = 0x9e3779b97f4a7c15u;
        rope->height = 1;
        rope->memory = sizeof *rope;
    }
    return rope;
}

static size_t node_memory(int height)
{
    return sizeof(struct node) + (size_t)height * sizeof(struct link);
}

static void node_free(struct ot_rope *rope, struct node *node)
{
    rope->memory -= node_memory(node->height) + (node->embed ? node->embed_size : 0);
    ot_attrs_release(rope->table, node->attrs);
    free(node->embed);
    free(node);
}

static void spare_free(struct ot_rope *rope)
{
    while (rope->spare) {
        struct node *next = rope->spare->links[0].next;
        node_free(rope, rope->spare);
        rope->spare = next;
    }
    rope->spare_count = 0;
}

struct ot_rope *ot_rope_free(struct ot_rope *rope)
{
    if (!rope)
        return NULL;
    for (struct node *node = rope->heads[0].next, *next; node; node = next) {
        next = node->links[0].next;
        node_free(rope, node);
    }
    spare_free(rope);
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

/* Height h with probability 4^-h * 3: pointers stay few (xorshift64, Marsaglia 2003). */
static int height_draw(struct ot_rope *rope)
{
    uint64_t r = rope->rng;

    r ^= r << 13;
    r ^= r >> 7;
    r ^= r << 17;
    rope->rng = r;
    int height = 1 + __builtin_ctzll(r | 1ull << 2 * (ROPE_HEIGHT_MAX - 1)) / 2;
    return height;
}

static int spare_fill(struct ot_rope *rope, size_t count)
{
    while (rope->spare_count < count) {
        int height = height_draw(rope);
        struct node *node = malloc(node_memory(height));
        if (!node)
            return -ENOMEM;
        node->attrs = NULL;
        node->embed = NULL;
        node->height = (uint8_t)height;
        node->links[0].next = rope->spare;
        rope->spare = node;
        rope->spare_count++;
        rope->memory += node_memory(height);
    }
    return 0;
}

static struct node *spare_take(struct ot_rope *rope)
{
    struct node *node = rope->spare;

    MUST(node); /* counted before the change began */
    rope->spare = node->links[0].next;
    rope->spare_count--;
    node->size = node->units = 0;
    node->embed_size = 0;
    return node;
}

static uint32_t node_units(const struct node *node)
{
    return node->embed ? 1 : node->units;
}

/* The first place at `index`: at a border it is the end of the left node. */
static void place_find(struct ot_rope *rope, uint64_t index, struct place *p)
{
    struct link *links = rope->heads;
    struct node *node = NULL;
    uint64_t left = index;

    for (int i = rope->height - 1; i >= 0; i--) {
        while (links[i].next && left > links[i].units) {
            left -= links[i].units;
            node = links[i].next;
            links = node->links;
        }
        p->at[i] = &links[i];
        p->before[i] = left;
    }
    p->node = node;
    p->offset = (uint32_t)left;
    p->index = index;
}

/* `place` lies within a node that may end there: goes to the start of the next one. */
static struct node *place_next(const struct place *p)
{
    return p->at[0]->next;
}

/* Links of all levels above a place stretch or shrink by what happens at it. */
static void links_grow(struct ot_rope *rope, const struct place *p, int64_t units)
{
    for (int i = 0; i < rope->height; i++)
        p->at[i]->units += (uint64_t)units;
    rope->units += (uint64_t)units;
}

/* Puts node in behind the place, which is a border; it brings its own units along. */
static void node_link(struct ot_rope *rope, struct place *p, struct node *node)
{
    uint32_t units = node_units(node);

    while (rope->height < node->height) {
        rope->heads[rope->height] = (struct link){.next = NULL, .units = rope->units};
        p->at[rope->height] = &rope->heads[rope->height];
        p->before[rope->height] = p->index;
        rope->height++;
    }
    for (int i = 0; i < rope->height; i++) {
        struct link *at = p->at[i];
        if (i >= node->height) {
            at->units += units;
            continue;
        }
        node->links[i] = (struct link){.next = at->next, .units = at->units - p->before[i] + units};
        *at = (struct link){.next = node, .units = p->before[i]};
        p->at[i] = &node->links[i];
        p->before[i] = units;
    }
    rope->units += units;
    for (int i = node->height; i < rope->height; i++)
        p->before[i] += units;
    p->node = node;
    p->offset = units;
    p->index += units;
}

/* Takes the node that begins at the place out; the place stays. */
static void node_unlink(struct ot_rope *rope, struct place *p, struct node *node)
{
    uint32_t units = node_units(node);

    for (int i = 0; i < rope->height; i++) {
        struct link *at = p->at[i];
        if (i < node->height) {
            MUST(at->next == node);
            *at = (struct link){.next = node->links[i].next,
                                .units = at->units + node->links[i].units - units};
        } else {
            at->units -= units;
        }
    }
    rope->units -= units;
    rope->bytes -= node->embed ? node->embed_size : node->size;
    node_free(rope, node);
}

static size_t node_offset(const struct node *node, uint32_t units)
{
    size_t bytes;

    if (node->size == node->units)
        return units; /* ASCII */
    MUST(ot_utf_offset(slice_of(node->text, node->size), units, &bytes));
    return bytes;
}

/* Makes the place a border by splitting the node that it lies within. */
static void place_split(struct ot_rope *rope, struct place *p)
{
    struct node *left = p->node;

    if (!left || p->offset == node_units(left))
        return;
    struct node *right = spare_take(rope);
    size_t bytes = node_offset(left, p->offset);
    right->attrs = ot_attrs_ref(left->attrs);
    right->size = (uint16_t)(left->size - bytes);
    right->units = (uint16_t)(left->units - p->offset);
    memcpy(right->text, left->text + bytes, right->size);
    left->size = (uint16_t)bytes;
    left->units = (uint16_t)p->offset;
    links_grow(rope, p, -(int64_t)right->units);
    struct place at = *p;
    int height = rope->height;
    node_link(rope, &at, right);
    for (int i = height; i < rope->height; i++) { /* levels that did not exist before */
        p->at[i] = &rope->heads[i];
        p->before[i] = p->index;
    }
}

/* --- text in --- */

static void text_put(struct ot_rope *rope, struct place *p, const uint8_t *text, size_t size,
                     uint32_t units)
{
    struct node *node = p->node;
    size_t at = node_offset(node, p->offset);

    memmove(node->text + at + size, node->text + at, node->size - at);
    memcpy(node->text + at, text, size);
    node->size = (uint16_t)(node->size + size);
    node->units = (uint16_t)(node->units + units);
    rope->bytes += size;
    links_grow(rope, p, units);
    for (int i = 0; i < rope->height; i++)
        p->before[i] += units;
    p->offset += units;
    p->index += units;
}

/* The longest whole characters of text that fit in `room`. */
static size_t text_fit(struct slice text, size_t room)
{
    if (text.size <= room)
        return text.size;
    while (room > 0 && (text.data[room] & 0xc0) == 0x80)
        room--;
    return room;
}

static bool node_takes(const struct node *node, const struct ot_attrs *attrs, size_t size)
{
    return node && !node->embed && node->attrs == attrs && node->size + size <= ROPE_NODE_SIZE;
}

/* Steps over the border to the next node, so that what follows can be put at its start. */
static void place_step(struct ot_rope *rope, struct place *p)
{
    struct node *next = place_next(p);

    for (int i = 0; i < next->height; i++) {
        p->at[i] = &next->links[i];
        p->before[i] = 0;
    }
    p->node = next;
    p->offset = 0;
}

static void text_insert(struct ot_rope *rope, struct place *p, struct slice text, uint32_t units,
                        const struct ot_attrs *attrs)
{
    if (node_takes(p->node, attrs, text.size)) {
        text_put(rope, p, text.data, text.size, units);
        return;
    }
    place_split(rope, p);
    if (node_takes(place_next(p), attrs, text.size)) {
        place_step(rope, p);
        text_put(rope, p, text.data, text.size, units);
        return;
    }
    while (text.size) {
        /* Half-full nodes leave room for the typing that usually follows. */
        size_t size = text_fit(text, text.size > ROPE_NODE_SIZE ? ROPE_NODE_SIZE - 48 : text.size);
        struct node *node = spare_take(rope);
        uint64_t part;
        MUST(ot_utf_units(slice_of(text.data, size), &part));
        memcpy(node->text, text.data, size);
        node->size = (uint16_t)size;
        node->units = (uint16_t)part;
        node->attrs = ot_attrs_ref(attrs);
        rope->bytes += size;
        node_link(rope, p, node);
        text.data += size;
        text.size -= size;
    }
}

static void embed_insert(struct ot_rope *rope, struct place *p, uint8_t *value, uint32_t size,
                         const struct ot_attrs *attrs)
{
    place_split(rope, p);
    struct node *node = spare_take(rope);
    node->embed = value;
    node->embed_size = size;
    node->attrs = ot_attrs_ref(attrs);
    rope->bytes += size;
    rope->memory += size;
    node_link(rope, p, node);
}

/* --- text out --- */

/* Removes units of the node right of the place, not beyond its end; returns how many. */
static uint32_t part_delete(struct ot_rope *rope, struct place *p, uint64_t units)
{
    struct node *node = p->node;
    uint32_t here = node ? node_units(node) - p->offset : 0;

    if (here == 0) {
        node = place_next(p);
        here = node_units(node);
        if (units >= here) {
            node_unlink(rope, p, node);
            return here;
        }
        place_step(rope, p);
    }
    if (units < here)
        here = (uint32_t)units;
    size_t from = node_offset(node, p->offset), to = node_offset(node, p->offset + here);
    memmove(node->text + from, node->text + to, node->size - to);
    node->size = (uint16_t)(node->size - (to - from));
    node->units = (uint16_t)(node->units - here);
    rope->bytes -= to - from;
    links_grow(rope, p, -(int64_t)here);
    return here;
}

/* Joins the node at the place with the next one where both fit in one: keeps the list short. */
static void place_join(struct ot_rope *rope, struct place *p)
{
    struct node *left = p->node, *right = place_next(p);

    if (!left || !right || p->offset != node_units(left) || right->embed ||
        !node_takes(left, right->attrs, right->size) ||
        left->size + right->size > ROPE_NODE_SIZE / 2)
        return;
    uint16_t size = right->size, units = right->units;
    memcpy(left->text + left->size, right->text, size);
    left->size = (uint16_t)(left->size + size);
    left->units = (uint16_t)(left->units + units);
    rope->bytes += size; /* node_unlink takes it off again */
    node_unlink(rope, p, right);
    links_grow(rope, p, units);
}

static void range_delete(struct ot_rope *rope, uint64_t index, uint64_t units)
{
    struct place p;

    place_find(rope, index, &p);
    while (units)
        units -= part_delete(rope, &p, units);
    place_join(rope, &p);
}

/* --- attributes --- */

static int attrs_merge(struct ot_rope *rope, struct arena *mem, const struct node *node,
                       struct slice change, const struct ot_attrs **ret)
{
    struct slice list;
    int r = attrs_compose(mem, ot_attrs_list(node->attrs), change, false, &list);

    if (r)
        return r;
    *ret = ot_attrs_intern(rope->table, list);
    return *ret || list.size == 0 ? 0 : -ENOMEM;
}

static void range_format(struct ot_rope *rope, struct arena *mem, uint64_t index, uint64_t units,
                         struct slice change)
{
    struct place p;

    place_find(rope, index, &p);
    place_split(rope, &p);
    uint64_t end = index + units;
    place_find(rope, end, &p);
    place_split(rope, &p);
    place_find(rope, index, &p);
    struct node *node = place_next(&p);
    while (units) {
        const struct ot_attrs *attrs;
        MUST(attrs_merge(rope, mem, node, change, &attrs) == 0); /* held: cannot fail */
        ot_attrs_release(rope->table, node->attrs);
        node->attrs = attrs;
        units -= node_units(node);
        node = node->links[0].next;
    }
    place_find(rope, end, &p);
    place_join(rope, &p);
    place_find(rope, index, &p);
    place_join(rope, &p);
}

/* --- an op --- */

static bool border_cuts(const struct ot_rope *rope, uint64_t index)
{
    struct place p;
    size_t bytes;

    /* Bytes equal units only where all is ASCII: the common case needs no look. */
    if (index == 0 || index >= rope->units || rope->bytes == rope->units)
        return false;
    place_find((struct ot_rope *)rope, index, &p);
    if (!p.node || p.node->embed || p.node->size == p.node->units)
        return false;
    return !ot_utf_offset(slice_of(p.node->text, p.node->size), p.offset, &bytes);
}

int ot_rope_check(const struct ot_rope *rope, const struct ot_op *op, bool final_newline)
{
    uint64_t index = 0;

    if (op->units_in > rope->units)
        return OT_TOO_LONG;
    for (uint32_t i = 0; i < op->count; i++) {
        const struct ot_comp *comp = &op->comps[i];
        if (comp->kind == OT_RETAIN || comp->kind == OT_DELETE)
            index += comp->length;
        if (final_newline && ((comp->kind == OT_DELETE && index == rope->units) ||
                              (comp->kind >= OT_INSERT && index == rope->units)))
            return OT_BREAKS_NEWLINE;
        /* Every border between components, and the end of the last, must be one of characters. */
        if (border_cuts(rope, index))
            return OT_CUTS_PAIR;
    }
    return 0;
}

/* What an op holds while it is applied, so that nothing can fail then. */
struct held {
    struct bytes attrs;  /* const struct ot_attrs *, each a reference */
    struct bytes embeds; /* uint8_t *, each owned until it is in a node */
    size_t nodes;
};

static int hold(struct held *held, const struct ot_attrs *attrs)
{
    if (attrs)
        bytes_append(&held->attrs, &attrs, sizeof attrs);
    return held->attrs.failed ? -ENOMEM : 0;
}

static int hold_list(struct ot_rope *rope, struct held *held, struct slice list)
{
    const struct ot_attrs *attrs = ot_attrs_intern(rope->table, list);

    if (!attrs && list.size)
        return -ENOMEM;
    int r = hold(held, attrs);
    if (r)
        ot_attrs_release(rope->table, attrs);
    return r;
}

static int hold_format(struct ot_rope *rope, struct arena *mem, struct held *held, uint64_t index,
                       const struct ot_comp *comp)
{
    struct place p;
    uint64_t left = comp->length;

    place_find(rope, index, &p);
    uint64_t here = p.node ? node_units(p.node) - p.offset : 0;
    const struct node *node = here ? p.node : place_next(&p);
    if (!here)
        here = node_units(node);
    for (;;) {
        const struct ot_attrs *attrs;
        int r = attrs_merge(rope, mem, node, comp->attrs, &attrs);
        if (!r && (r = hold(held, attrs)))
            ot_attrs_release(rope->table, attrs);
        if (r)
            return r;
        if (left <= here)
            return 0;
        left -= here;
        node = node->links[0].next;
        here = node_units(node);
    }
}

static int hold_embed(struct held *held, struct slice value)
{
    uint8_t *copy = malloc(value.size);

    if (!copy)
        return -ENOMEM;
    memcpy(copy, value.data, value.size);
    bytes_append(&held->embeds, &copy, sizeof copy);
    if (held->embeds.failed)
        free(copy);
    return held->embeds.failed ? -ENOMEM : 0;
}

static int op_hold(struct ot_rope *rope, const struct ot_op *op, struct arena *mem,
                   struct held *held)
{
    uint64_t index = 0;
    int r = 0;

    for (uint32_t i = 0; i < op->count && !r; i++) {
        const struct ot_comp *comp = &op->comps[i];
        held->nodes += 2;
        if (comp->kind >= OT_INSERT) {
            held->nodes += comp->content.size / (ROPE_NODE_SIZE - 52) + 1;
            r = hold_list(rope, held, comp->attrs);
            if (!r && comp->kind == OT_EMBED)
                r = hold_embed(held, comp->content);
        } else {
            /* Formats read the text as it is before the op: positions do not shift yet. */
            if (comp->kind == OT_RETAIN && comp->attrs.size)
                r = hold_format(rope, mem, held, index, comp);
            index += comp->length;
        }
    }
    return r ? r : spare_fill(rope, held->nodes);
}

static void held_release(struct ot_rope *rope, struct held *held, size_t embeds_used)
{
    for (size_t at = 0; at < held->attrs.size; at += sizeof(void *)) {
        const struct ot_attrs *attrs;
        memcpy(&attrs, held->attrs.data + at, sizeof attrs);
        ot_attrs_release(rope->table, attrs);
    }
    for (size_t at = embeds_used * sizeof(void *); at < held->embeds.size; at += sizeof(void *)) {
        uint8_t *value;
        memcpy(&value, held->embeds.data + at, sizeof value);
        free(value);
    }
    bytes_fini(&held->attrs);
    bytes_fini(&held->embeds);
    /* A few stay for the next keystroke. */
    while (rope->spare_count > 4) {
        struct node *node = rope->spare;
        rope->spare = node->links[0].next;
        rope->spare_count--;
        node_free(rope, node);
    }
}

static void insert_apply(struct ot_rope *rope, uint64_t index, const struct ot_comp *comp,
                         struct held *held, size_t *embeds_used)
{
    const struct ot_attrs *attrs = ot_attrs_intern(rope->table, comp->attrs);
    struct place p;

    MUST(attrs || comp->attrs.size == 0);
    place_find(rope, index, &p);
    if (comp->kind == OT_INSERT) {
        text_insert(rope, &p, comp->content, comp->length, attrs);
    } else {
        uint8_t *value;
        memcpy(&value, held->embeds.data + *embeds_used * sizeof value, sizeof value);
        (*embeds_used)++;
        embed_insert(rope, &p, value, (uint32_t)comp->content.size, attrs);
    }
    ot_attrs_release(rope->table, attrs);
}

static void op_apply(struct ot_rope *rope, const struct ot_op *op, struct arena *mem,
                     struct held *held, size_t *embeds_used)
{
    uint64_t index = 0;

    for (uint32_t i = 0; i < op->count; i++) {
        const struct ot_comp *comp = &op->comps[i];
        switch (comp->kind) {
        case OT_RETAIN:
            if (comp->attrs.size)
                range_format(rope, mem, index, comp->length, comp->attrs);
            index += comp->length;
            break;
        case OT_DELETE:
            range_delete(rope, index, comp->length);
            break;
        case OT_INSERT:
        case OT_EMBED:
            insert_apply(rope, index, comp, held, embeds_used);
            index += comp->length;
            break;
        }
    }
}

int ot_rope_apply(struct ot_rope *rope, const struct ot_op *op)
{
    struct held held = {0};
    size_t embeds_used = 0;
    struct arena mem;
    int r = ot_rope_check(rope, op, false);

    if (r)
        return r;
    arena_init(&mem, SIZE_MAX);
    r = op_hold(rope, op, &mem, &held);
    if (!r)
        op_apply(rope, op, &mem, &held, &embeds_used);
    held_release(rope, &held, embeds_used);
    arena_fini(&mem);
    return r;
}

/* --- reading --- */

void ot_rope_iter_init(struct ot_rope_iter *iter, const struct ot_rope *rope)
{
    *iter = (struct ot_rope_iter){.rope = rope, .state = {rope->heads[0].next}};
}

static struct ot_run run_of(const struct node *node)
{
    return (struct ot_run){
        .content = node->embed ? slice_of(node->embed, node->embed_size)
                               : slice_of(node->text, node->size),
        .embed = node->embed != NULL,
        .units = node_units(node),
        .attrs = node->attrs,
    };
}

bool ot_rope_iter_next(struct ot_rope_iter *iter, struct ot_run *ret)
{
    struct node *node = iter->state[0];

    if (!node)
        return false;
    *ret = run_of(node);
    iter->index += ret->units;
    iter->state[0] = node->links[0].next;
    return true;
}

/* Puts a piece of the document into an op, copied. */
static int run_put(struct ot_builder *b, struct arena *mem, const struct ot_run *run)
{
    struct slice list = ot_attrs_list(run->attrs);
    uint8_t *content = arena_copy(mem, run->content.data, run->content.size);
    uint8_t *attrs = arena_copy(mem, list.data, list.size);

    if ((!content && run->content.size) || (!attrs && list.size))
        return -ENOMEM;
    if (run->embed)
        ot_builder_embed(b, slice_of(content, run->content.size), slice_of(attrs, list.size));
    else
        ot_builder_insert(b, slice_of(content, run->content.size), run->units,
                          slice_of(attrs, list.size));
    return 0;
}

/* Gathers neighbours of one list first: the builder would copy again at each of them. */
int ot_rope_to_op(const struct ot_rope *rope, struct arena *mem, struct ot_op *ret)
{
    struct ot_rope_iter iter;
    struct ot_builder b;
    struct ot_run run, next;
    struct bytes text = BYTES_INIT;
    int r = 0;

    ot_builder_init(&b, mem);
    ot_rope_iter_init(&iter, rope);
    bool more = ot_rope_iter_next(&iter, &run);
    while (more && !r) {
        bytes_reset(&text);
        bytes_append_slice(&text, run.content);
        while ((more = ot_rope_iter_next(&iter, &next)) && !run.embed && !next.embed &&
               next.attrs == run.attrs) {
            bytes_append_slice(&text, next.content);
            run.units += next.units;
        }
        run.content = bytes_slice(&text);
        r = text.failed ? -ENOMEM : run_put(&b, mem, &run);
        run = next;
    }
    bytes_fini(&text);
    return r ? r : ot_builder_finish(&b, ret);
}

/* The piece [index, index + units) of the document, for the inverse of a delete or a format. */
static int range_invert(const struct ot_rope *rope, uint64_t index, const struct ot_comp *comp,
                        struct arena *mem, struct ot_builder *b)
{
    struct place p;
    uint64_t left = comp->length;
    int r = 0;

    place_find((struct ot_rope *)rope, index, &p);
    bool border = !p.node || p.offset == node_units(p.node);
    uint32_t offset = border ? 0 : p.offset;
    const struct node *node = border ? place_next(&p) : p.node;
    for (; left && !r; node = node->links[0].next, offset = 0) {
        struct ot_run run = run_of(node);
        uint32_t take = run.units - offset < left ? run.units - offset : (uint32_t)left;
        if (comp->kind == OT_DELETE) {
            if (!run.embed) {
                size_t from = node_offset(node, offset), to = node_offset(node, offset + take);
                run.content = slice_of(node->text + from, to - from);
                run.units = take;
            }
            r = run_put(b, mem, &run);
        } else {
            struct slice back;
            r = attrs_invert(mem, comp->attrs, ot_attrs_list(node->attrs), &back);
            if (!r)
                ot_builder_retain(b, take, back);
        }
        left -= take;
    }
    return r;
}

int ot_rope_invert(const struct ot_rope *rope, const struct ot_op *op, struct arena *mem,
                   struct ot_op *ret)
{
    struct ot_builder b;
    uint64_t index = 0;
    int r = 0;

    ot_builder_init(&b, mem);
    for (uint32_t i = 0; i < op->count && !r; i++) {
        const struct ot_comp *comp = &op->comps[i];
        if (comp->kind >= OT_INSERT) {
            ot_builder_delete(&b, comp->length);
            continue;
        }
        if (comp->kind == OT_RETAIN && !comp->attrs.size)
            ot_builder_retain(&b, comp->length, (struct slice){0});
        else
            r = range_invert(rope, index, comp, mem, &b);
        index += comp->length;
    }
    return r ? r : ot_builder_finish(&b, ret);
}

void ot_rope_text(const struct ot_rope *rope, struct bytes *out)
{
    struct ot_rope_iter iter;
    struct ot_run run;

    ot_rope_iter_init(&iter, rope);
    while (ot_rope_iter_next(&iter, &run)) {
        if (run.embed)
            bytes_append_str(out, "\xef\xbf\xbc");
        else
            bytes_append_slice(out, run.content);
    }
}

bool ot_rope_equal(const struct ot_rope *a, const struct ot_rope *b)
{
    struct ot_rope_iter ia, ib;
    struct ot_run ra = {0}, rb = {0};

    if (a->units != b->units || a->bytes != b->bytes)
        return false;
    ot_rope_iter_init(&ia, a);
    ot_rope_iter_init(&ib, b);
    for (;;) {
        if (ra.content.size == 0 && !ot_rope_iter_next(&ia, &ra))
            return rb.content.size == 0 && !ot_rope_iter_next(&ib, &rb);
        if (rb.content.size == 0 && !ot_rope_iter_next(&ib, &rb))
            return false;
        size_t size = ra.content.size < rb.content.size ? ra.content.size : rb.content.size;
        if (ra.embed != rb.embed || (ra.embed && ra.content.size != rb.content.size) ||
            !slice_equal(ot_attrs_list(ra.attrs), ot_attrs_list(rb.attrs)) ||
            memcmp(ra.content.data, rb.content.data, size) != 0)
            return false;
        ra.content = slice_of(ra.content.data + size, ra.content.size - size);
        rb.content = slice_of(rb.content.data + size, rb.content.size - size);
    }
}

void ot_rope_verify(const struct ot_rope *rope)
{
    uint64_t units = 0;
    size_t bytes = 0, memory = sizeof *rope;

    for (const struct node *node = rope->heads[0].next; node; node = node->links[0].next) {
        uint64_t counted = 0;
        MUST(node->embed ||
             (node->size && ot_utf_units(slice_of(node->text, node->size), &counted)));
        MUST(node->embed || counted == node->units);
        units += node_units(node);
        bytes += node->embed ? node->embed_size : node->size;
        memory += node_memory(node->height) + (node->embed ? node->embed_size : 0);
    }
    for (const struct node *node = rope->spare; node; node = node->links[0].next)
        memory += node_memory(node->height);
    MUST(units == rope->units && bytes == rope->bytes && memory == rope->memory);
    for (int i = 0; i < rope->height; i++) {
        const struct link *link = &rope->heads[i];
        const struct node *node = rope->heads[0].next;
        uint64_t sum = 0;
        for (;; link = &link->next->links[i]) {
            uint64_t start = sum;
            sum += link->units;
            for (; node && start < sum; node = node->links[0].next) {
                if (node == link->next)
                    break;
                start += node_units(node);
            }
            if (!link->next)
                break;
        }
        MUST(sum == rope->units);
    }
}
