/* Reading a document: runs, text, the document as an op, the inverse of an op, comparison. */
#include <errno.h>

#include "attrs_pairs.h"
#include "ot_utf.h"
#include "rope_private.h"

void rope_iter_at(struct ot_rope_iter *iter, const struct ot_rope *rope, uint64_t index)
{
    *iter = (struct ot_rope_iter){.rope = rope, .index = index};
}

void ot_rope_iter_init(struct ot_rope_iter *iter, const struct ot_rope *rope)
{
    rope_iter_at(iter, rope, 0);
}

/* The leaf that the next run is in, and where: found anew at each leaf, which is 1 in 1,000 bytes.
 */
static const struct rope_leaf *iter_leaf(struct ot_rope_iter *iter, uint32_t *ret_skip)
{
    const struct rope_leaf *leaf = iter->leaf;
    struct rope_path path;
    struct rope_spot spot;

    *ret_skip = 0;
    if (leaf && iter->run < leaf->run_count)
        return leaf;
    rope_seek(iter->rope, iter->index, true, &path);
    MUST(leaf_find(path.leaf, path.offset, true, &spot));
    iter->leaf = path.leaf;
    iter->run = spot.run;
    iter->bytes = spot.start;
    *ret_skip = spot.units;
    return path.leaf;
}

bool ot_rope_iter_next(struct ot_rope_iter *iter, struct ot_run *ret)
{
    uint32_t skip;
    size_t skip_bytes = 0;

    if (iter->index >= iter->rope->units)
        return false;
    const struct rope_leaf *leaf = iter_leaf(iter, &skip);
    const struct rope_run *run = &leaf->runs[iter->run];
    struct slice content = slice_of(leaf_text(leaf) + iter->bytes, run->size);
    if (run->embed) {
        const struct rope_embed *embed = leaf_embed_at(leaf, iter->bytes);
        content = slice_of(embed->value, embed->size);
    } else if (skip > 0) {
        MUST(ot_utf_offset(content, skip, &skip_bytes));
        content = slice_of(content.data + skip_bytes, content.size - skip_bytes);
    }
    iter->bytes += run->size;
    iter->run++;
    iter->index += run->units - skip;
    *ret = (struct ot_run){
        .content = content, .embed = run->embed, .units = run->units - skip, .attrs = run->attrs};
    return true;
}

/* Copies runs into an op, one list once for a stretch of runs that alternate between a few. */
struct copier {
    struct arena *mem;
    struct ot_builder builder;
    struct {
        const struct ot_attrs *attrs;
        struct slice copy;
    } known[4];
    unsigned turn;
};

static int attrs_copy(struct copier *c, const struct ot_attrs *attrs, struct slice *ret)
{
    struct slice list = ot_attrs_list(attrs);

    *ret = (struct slice){0};
    for (unsigned i = 0; attrs && i < sizeof c->known / sizeof c->known[0]; i++) {
        if (c->known[i].attrs == attrs) {
            *ret = c->known[i].copy;
            return 0;
        }
    }
    void *data = list.size ? arena_copy(c->mem, list.data, list.size) : NULL;
    if (!data)
        return list.size ? -ENOMEM : 0;
    *ret = slice_of(data, list.size);
    c->known[c->turn].attrs = attrs;
    c->known[c->turn].copy = *ret;
    c->turn = (c->turn + 1) % (sizeof c->known / sizeof c->known[0]);
    return 0;
}

static int run_put(struct copier *c, const struct ot_run *run)
{
    struct slice attrs;
    void *content = arena_copy(c->mem, run->content.data, run->content.size);
    int r = content ? attrs_copy(c, run->attrs, &attrs) : -ENOMEM;

    if (r)
        return r;
    if (run->embed)
        ot_builder_embed(&c->builder, slice_of(content, run->content.size), attrs);
    else
        ot_builder_insert(&c->builder, slice_of(content, run->content.size), run->units, attrs);
    return 0;
}

/* Gathers neighbours of one list first: the builder would copy again at each of them. */
static int range_put(struct copier *c, struct ot_rope_iter *iter, uint64_t units)
{
    struct bytes text = BYTES_INIT;
    struct ot_run run, next;
    int r = 0;
    bool more = units > 0 && ot_rope_iter_next(iter, &run);

    while (more && !r) {
        uint64_t have = run.units;
        bytes_reset(&text);
        bytes_append_slice(&text, run.content);
        while ((more = have < units && ot_rope_iter_next(iter, &next)) && !run.embed &&
               !next.embed && next.attrs == run.attrs) {
            bytes_append_slice(&text, next.content);
            have += next.units;
        }
        run.content = bytes_slice(&text);
        run.units = (uint32_t)(have < units ? have : units);
        if (have > units)
            MUST(ot_utf_offset(run.content, units, &run.content.size));
        units -= run.units;
        r = text.failed ? -ENOMEM : run_put(c, &run);
        run = next;
    }
    bytes_fini(&text);
    return r;
}

int ot_rope_to_op(const struct ot_rope *rope, struct arena *mem, struct ot_op *ret)
{
    struct copier c = {.mem = mem};
    struct ot_rope_iter iter;

    ot_builder_init(&c.builder, mem);
    ot_rope_iter_init(&iter, rope);
    int r = range_put(&c, &iter, rope->units);
    return r ? r : ot_builder_finish(&c.builder, ret);
}

static int format_invert(struct copier *c, struct ot_rope_iter *iter, const struct ot_comp *comp)
{
    uint64_t left = comp->length;
    struct ot_run run;
    int r = 0;

    while (!r && left > 0 && ot_rope_iter_next(iter, &run)) {
        uint64_t take = run.units < left ? run.units : left;
        struct slice back;
        r = attrs_invert(c->mem, comp->attrs, ot_attrs_list(run.attrs), &back);
        if (!r)
            ot_builder_retain(&c->builder, take, back);
        left -= take;
    }
    return r;
}

int ot_rope_invert(const struct ot_rope *rope, const struct ot_op *op, struct arena *mem,
                   struct ot_op *ret)
{
    struct copier c = {.mem = mem};
    struct ot_rope_iter iter;
    uint64_t index = 0;
    int r = ot_rope_check(rope, op, false);

    ot_builder_init(&c.builder, mem);
    for (uint32_t i = 0; i < op->count && !r; i++) {
        const struct ot_comp *comp = &op->comps[i];
        rope_iter_at(&iter, rope, index);
        if (comp->kind >= OT_INSERT)
            ot_builder_delete(&c.builder, comp->length);
        else if (comp->kind == OT_DELETE)
            r = range_put(&c, &iter, comp->length);
        else if (comp->attrs.size)
            r = format_invert(&c, &iter, comp);
        else
            ot_builder_retain(&c.builder, comp->length, (struct slice){0});
        index += comp->kind < OT_INSERT ? comp->length : 0;
    }
    return r ? r : ot_builder_finish(&c.builder, ret);
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

static bool attrs_equal(const struct ot_attrs *a, const struct ot_attrs *b)
{
    return a == b || slice_equal(ot_attrs_list(a), ot_attrs_list(b)); /* two tables */
}

/* Compares what both runs begin with and takes it off them. */
static bool runs_equal(struct ot_run *a, struct ot_run *b)
{
    size_t size = a->content.size < b->content.size ? a->content.size : b->content.size;

    if (a->embed != b->embed || (a->embed && a->content.size != b->content.size) ||
        !attrs_equal(a->attrs, b->attrs) || memcmp(a->content.data, b->content.data, size) != 0)
        return false;
    a->content = slice_of(a->content.data + size, a->content.size - size);
    b->content = slice_of(b->content.data + size, b->content.size - size);
    return true;
}

bool ot_rope_equal(const struct ot_rope *a, const struct ot_rope *b)
{
    struct ot_rope_iter at_a, at_b;
    struct ot_run run_a = {0}, run_b = {0};

    if (a->units != b->units || a->bytes != b->bytes)
        return false;
    ot_rope_iter_init(&at_a, a);
    ot_rope_iter_init(&at_b, b);
    for (;;) {
        bool more_a = run_a.content.size || ot_rope_iter_next(&at_a, &run_a);
        bool more_b = run_b.content.size || ot_rope_iter_next(&at_b, &run_b);
        if (!more_a || !more_b)
            return more_a == more_b;
        if (!runs_equal(&run_a, &run_b))
            return false;
    }
}
