/*
 * The binary form (offset tables: docs/algebra.md). Decoding goes over the bytes twice: once to
 * count the components and check the frame, so that the array is allocated once and in its right
 * size, once to check what they hold.
 */
#include "ot_codec.h"

#include <errno.h>

#include "ot_attrs.h"
#include "ot_json.h"
#include "ot_utf.h"

#define OT_FORM_VERSION 0x01

const struct ot_limits ot_limits_submit = {.size_max = 256 * 1024, .count_max = 64 * 1024};
const struct ot_limits ot_limits_stored = {.size_max = 128 * 1024 * 1024,
                                           .count_max = 8 * 1024 * 1024};

/* One component as framed: `length` counts what the header says. */
struct frame {
    enum ot_kind kind;
    uint64_t length;
    struct slice attrs, content;
};

static bool slice_take(struct slice *in, uint64_t size, struct slice *ret)
{
    if (size > in->size)
        return false;
    *ret = slice_of(in->data, (size_t)size);
    in->data += size;
    in->size -= (size_t)size;
    return true;
}

static int frame_take(struct slice *in, struct frame *ret)
{
    struct frame f = {0};
    uint64_t header, attrs_size;

    if (!varint_take(in, &header))
        return OT_BAD_FORM;
    f.kind = (enum ot_kind)(header & 3);
    f.length = header >> 3;
    if (f.length == 0)
        return OT_BAD_FORM;
    if (f.length > OT_UNITS_MAX)
        return OT_TOO_LARGE;
    if (header & 4) {
        if (f.kind == OT_DELETE || !varint_take(in, &attrs_size) || attrs_size == 0 ||
            !slice_take(in, attrs_size, &f.attrs))
            return OT_BAD_FORM;
    }
    if (f.kind >= OT_INSERT && !slice_take(in, f.length, &f.content))
        return OT_BAD_FORM;
    *ret = f;
    return 0;
}

static int frames_count(struct slice in, uint32_t count_max, uint32_t *ret)
{
    uint32_t count = 0;
    struct frame f;

    while (in.size) {
        if (count == count_max)
            return OT_TOO_LARGE;
        int r = frame_take(&in, &f);
        if (r)
            return r;
        count++;
    }
    *ret = count;
    return 0;
}

/* Checks what the frame holds and counts its units. */
static int comp_check(const struct frame *f, struct ot_comp *ret)
{
    uint64_t units = f->length;
    int r = f->attrs.size ? ot_attrs_check(f->attrs, f->kind == OT_RETAIN) : 0;

    if (r)
        return r;
    if (f->kind == OT_INSERT && !ot_utf_units(f->content, &units))
        return OT_BAD_UTF8;
    if (f->kind == OT_EMBED) {
        if (!ot_json_canonical(f->content, true))
            return OT_BAD_EMBED;
        units = 1;
    }
    *ret = (struct ot_comp){
        .kind = f->kind, .length = (uint32_t)units, .content = f->content, .attrs = f->attrs};
    return 0;
}

static bool comps_merge(const struct ot_comp *a, const struct ot_comp *b)
{
    return a->kind == b->kind && a->kind != OT_EMBED && slice_equal(a->attrs, b->attrs);
}

static int comps_decode(struct slice in, struct ot_comp *comps, struct ot_op *op)
{
    struct frame f;

    for (uint32_t i = 0; i < op->count; i++) {
        int r = frame_take(&in, &f);
        if (!r)
            r = comp_check(&f, &comps[i]);
        if (r)
            return r;
        if (i && comps_merge(&comps[i - 1], &comps[i]))
            return OT_BAD_NORMAL;
        op->units_in += f.kind < OT_INSERT ? comps[i].length : 0;
        op->units_out += f.kind != OT_DELETE ? comps[i].length : 0;
        if (op->units_in > OT_UNITS_MAX || op->units_out > OT_UNITS_MAX)
            return OT_TOO_LARGE;
    }
    const struct ot_comp *last = &comps[op->count - 1];
    if (last->kind == OT_RETAIN && last->attrs.size == 0)
        return OT_BAD_NORMAL;
    return 0;
}

int ot_decode(struct arena *mem, struct slice in, const struct ot_limits *limits, struct ot_op *ret)
{
    struct ot_op op = {0};

    if (in.size > limits->size_max)
        return OT_TOO_LARGE;
    if (in.size == 0 || in.data[0] != OT_FORM_VERSION)
        return OT_BAD_FORM;
    in.data++;
    in.size--;
    int r = frames_count(in, limits->count_max, &op.count);
    if (r)
        return r;
    if (op.count > 0) {
        struct ot_comp *comps = arena_alloc(mem, op.count * sizeof *comps);
        if (!comps)
            return -ENOMEM;
        r = comps_decode(in, comps, &op);
        if (r)
            return r;
        op.comps = comps;
    }
    *ret = op;
    return 0;
}

void ot_encode(const struct ot_op *op, struct bytes *out)
{
    bytes_append_u8(out, OT_FORM_VERSION);
    for (uint32_t i = 0; i < op->count; i++) {
        const struct ot_comp *comp = &op->comps[i];
        uint64_t length = comp->kind >= OT_INSERT ? comp->content.size : comp->length;
        bytes_append_varint(out, length << 3 | (uint64_t)(comp->attrs.size > 0) << 2 |
                                     (uint64_t)comp->kind);
        if (comp->attrs.size) {
            bytes_append_varint(out, comp->attrs.size);
            bytes_append_slice(out, comp->attrs);
        }
        bytes_append_slice(out, comp->content);
    }
}
