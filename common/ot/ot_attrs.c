/*
 * Attribute lists in their binary form. Lists are short (a few pairs), so everything is a merge of
 * two sorted lists that copies whole pairs and never decodes a value.
 */
#include "ot_attrs.h"

#include <errno.h>

#include "attrs_pairs.h"
#include "ot_op.h"
#include "ot_utf.h"

static bool part_take(struct slice *in, struct slice *ret)
{
    uint64_t size;

    if (!varint_take(in, &size) || size > in->size)
        return false;
    *ret = slice_of(in->data, (size_t)size);
    in->data += size;
    in->size -= (size_t)size;
    return true;
}

bool ot_attrs_next(struct slice *cursor, struct slice *ret_key, struct slice *ret_value)
{
    if (cursor->size == 0)
        return false;
    MUST(part_take(cursor, ret_key) && part_take(cursor, ret_value));
    return true;
}

void ot_attrs_append(struct bytes *out, struct slice key, struct slice value)
{
    bytes_append_varint(out, key.size);
    bytes_append_slice(out, key);
    bytes_append_varint(out, value.size);
    bytes_append_slice(out, value);
}

int ot_attrs_key_compare(struct slice a, struct slice b)
{
    return ot_utf_compare(a, b);
}

static bool is_null(struct slice value)
{
    return value.size == 4 && memcmp(value.data, "null", 4) == 0;
}

static int bad_at(const uint8_t *start, const uint8_t *at, size_t *ret_wrong)
{
    *ret_wrong = (size_t)(at - start);
    return OT_BAD_ATTRS;
}

int ot_attrs_check_where(struct slice list, bool nulls, size_t *ret_wrong)
{
    const uint8_t *start = list.data;
    struct slice last = {0}, key, value;
    bool first = true;
    size_t wrong;

    while (list.size) {
        const uint8_t *at = list.data;
        if (!part_take(&list, &key) || !part_take(&list, &value))
            return bad_at(start, list.data, ret_wrong);
        if ((wrong = ot_utf_valid(key)) < key.size)
            return bad_at(start, key.data + wrong, ret_wrong);
        if (!ot_json_canonical_where(value, false, &wrong))
            return bad_at(start, value.data + wrong, ret_wrong);
        if (!nulls && is_null(value))
            return bad_at(start, value.data, ret_wrong);
        if (!first && ot_utf_compare(last, key) >= 0)
            return bad_at(start, at, ret_wrong);
        last = key;
        first = false;
    }
    return 0;
}

int ot_attrs_check(struct slice list, bool nulls)
{
    size_t wrong;

    return ot_attrs_check_where(list, nulls, &wrong);
}

/* Walks a list; `pair` is key and value with their sizes, to copy. */
struct pairs {
    struct slice rest;
    struct slice pair, key, value;
    bool valid;
};

static void pairs_next(struct pairs *p)
{
    const uint8_t *start = p->rest.data;

    p->valid = ot_attrs_next(&p->rest, &p->key, &p->value);
    if (p->valid)
        p->pair = slice_of(start, (size_t)(p->rest.data - start));
}

static struct pairs pairs_of(struct slice list)
{
    struct pairs p = {.rest = list};

    pairs_next(&p);
    return p;
}

/* < 0: a's key comes first; > 0: b's; 0: both have it. An ended list comes last. */
static int pairs_order(const struct pairs *a, const struct pairs *b)
{
    if (!a->valid || !b->valid)
        return a->valid ? -1 : 1;
    return ot_utf_compare(a->key, b->key);
}

/* Appends to memory that is known to suffice. */
struct output {
    uint8_t *start, *at;
};

static bool output_begin(struct output *o, struct arena *mem, size_t size_max)
{
    o->start = o->at = arena_alloc(mem, size_max);
    return o->start;
}

static void output_put(struct output *o, struct slice s)
{
    memcpy(o->at, s.data, s.size);
    o->at += s.size;
}

static void output_put_null(struct output *o, struct slice key)
{
    o->at += varint_put(o->at, key.size);
    output_put(o, key);
    output_put(o, slice_of("\4null", 5));
}

static struct slice output_end(const struct output *o)
{
    return slice_of(o->start, (size_t)(o->at - o->start));
}

int attrs_compose(struct arena *mem, struct slice base, struct slice over, bool keep_nulls,
                  struct slice *ret)
{
    struct pairs a = pairs_of(base), b = pairs_of(over);
    struct output out;

    if (over.size == 0 || (base.size == 0 && keep_nulls)) {
        *ret = over.size == 0 ? base : over;
        return 0;
    }
    if (!output_begin(&out, mem, base.size + over.size))
        return -ENOMEM;
    while (a.valid || b.valid) {
        int order = pairs_order(&a, &b);
        if (order < 0)
            output_put(&out, a.pair);
        else if (keep_nulls || !is_null(b.value))
            output_put(&out, b.pair);
        if (order <= 0)
            pairs_next(&a);
        if (order >= 0)
            pairs_next(&b);
    }
    *ret = output_end(&out);
    return 0;
}

int attrs_without(struct arena *mem, struct slice list, struct slice taken, struct slice *ret)
{
    struct pairs a = pairs_of(list), b = pairs_of(taken);
    struct output out;

    if (list.size == 0 || taken.size == 0) {
        *ret = list;
        return 0;
    }
    if (!output_begin(&out, mem, list.size))
        return -ENOMEM;
    while (a.valid) {
        int order = pairs_order(&a, &b);
        if (order < 0)
            output_put(&out, a.pair);
        if (order <= 0)
            pairs_next(&a);
        if (order >= 0)
            pairs_next(&b);
    }
    *ret = output_end(&out);
    return 0;
}

int attrs_invert(struct arena *mem, struct slice change, struct slice base, struct slice *ret)
{
    struct pairs a = pairs_of(change), b = pairs_of(base);
    struct output out;

    /* A pair that becomes null at most doubles: the shortest has 3 bytes (no key, 1 byte of value).
     */
    if (!output_begin(&out, mem, 2 * change.size + base.size))
        return -ENOMEM;
    while (a.valid) {
        int order = pairs_order(&a, &b);
        if (order < 0 && !is_null(a.value))
            output_put_null(&out, a.key);
        else if (order == 0 && !slice_equal(a.value, b.value))
            output_put(&out, b.pair);
        if (order <= 0)
            pairs_next(&a);
        if (order >= 0)
            pairs_next(&b);
    }
    *ret = output_end(&out);
    return 0;
}
