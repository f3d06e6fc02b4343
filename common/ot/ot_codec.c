/*
 * The binary form (offset tables: docs/algebra.md). The array of components is allocated once: as
 * many as there are bytes where these are few, which gives back what was too much; else as many as
 * a first walk over the frames counts.
 */
#include "ot_codec.h"

#include <errno.h>

#include "ot_attrs.h"
#include "ot_json.h"
#include "ot_utf.h"

#define FEW_BYTES 64 /* at most so many components: 3 KiB */

const struct ot_limits ot_limits_submit = {.size_max = 256 * 1024,
                                           .count_max = OT_SUBMIT_COUNT_MAX};
const struct ot_limits ot_limits_stored = {.size_max = 128 * 1024 * 1024,
                                           .count_max = 8 * 1024 * 1024};

/* The functions below go from `at` to what they return; NULL: refused, and the fault tells why. */
struct decoder {
    const uint8_t *start, *end;
    struct ot_fault *fault;
};

#define COLD __attribute__((cold, noinline))

static COLD const uint8_t *refuse(struct decoder *d, int outcome, const uint8_t *at)
{
    *d->fault = (struct ot_fault){.outcome = outcome, .offset = (size_t)(at - d->start)};
    return NULL;
}

static COLD const uint8_t *refuse_size(struct decoder *d, const uint8_t *at, const char *of,
                                       uint64_t found, uint64_t limit)
{
    *d->fault = (struct ot_fault){.outcome = OT_TOO_LARGE,
                                  .offset = (size_t)(at - d->start),
                                  .of = of,
                                  .found = found,
                                  .limit = limit};
    return NULL;
}

/* NULL without a fault. */
static COLD const uint8_t *varint_long(const uint8_t *at, const uint8_t *end, uint64_t *ret)
{
    struct slice rest = slice_of(at, (size_t)(end - at));

    return varint_take(&rest, ret) ? rest.data : NULL;
}

/* Headers of up to 3 bytes, of lengths below 262,144, are nearly all. */
static inline const uint8_t *varint(const uint8_t *at, const uint8_t *end, uint64_t *ret)
{
    if (at < end && at[0] < 0x80) {
        *ret = at[0];
        return at + 1;
    }
    if (end - at < 3 || at[1] == 0)
        return varint_long(at, end, ret);
    if (at[1] < 0x80) {
        *ret = (at[0] & 0x7fu) | (uint64_t)at[1] << 7;
        return at + 2;
    }
    if (at[2] - 1u >= 0x7f)
        return varint_long(at, end, ret);
    *ret = (at[0] & 0x7fu) | (at[1] & 0x7fu) << 7 | (uint64_t)at[2] << 14;
    return at + 3;
}

/* Kind and OT_CODEC_HAS_ATTRS in the lowest bits. */
static inline const uint8_t *header_read(struct decoder *d, const uint8_t *at, uint64_t *ret)
{
    uint64_t header;
    const uint8_t *behind = varint(at, d->end, &header);

    if (!behind || header >> 3 == 0 || (header & 7) == (OT_DELETE | OT_CODEC_HAS_ATTRS))
        return refuse(d, OT_BAD_FORM, at);
    if (header >> 3 > OT_UNITS_MAX)
        return refuse_size(d, at, "units of one component", header >> 3, OT_UNITS_MAX);
    *ret = header;
    return behind;
}

/* What stands behind the header: attribute list and content, if it has them. */
static inline const uint8_t *parts_read(struct decoder *d, const uint8_t *at, uint64_t header,
                                        struct slice *ret_attrs, struct slice *ret_content)
{
    uint64_t size;

    if (header & OT_CODEC_HAS_ATTRS) {
        const uint8_t *list = varint(at, d->end, &size);
        if (!list || size == 0 || size > (size_t)(d->end - list))
            return refuse(d, OT_BAD_FORM, at);
        *ret_attrs = slice_of(list, (size_t)size);
        at = list + size;
    }
    if ((header & 3) < OT_INSERT)
        return at;
    if (header >> 3 > (size_t)(d->end - at))
        return refuse(d, OT_BAD_FORM, at);
    *ret_content = slice_of(at, (size_t)(header >> 3));
    return at + (header >> 3);
}

/* Of an op with several faults those of the frame come first, wherever they are. */
static bool frames_count(struct decoder *d, const uint8_t *at, uint32_t count_max, uint32_t *ret)
{
    uint32_t count = 0;

    for (; at < d->end; count++) {
        struct slice attrs, content;
        uint64_t header = 0;
        if (count == count_max) {
            refuse_size(d, at, "components", (uint64_t)count + 1, count_max);
            return false;
        }
        at = header_read(d, at, &header);
        if (at && (header & 7) > OT_DELETE)
            at = parts_read(d, at, header, &attrs, &content);
        if (!at)
            return false;
    }
    *ret = count;
    return true;
}

/* Of a component that has attributes or content. */
static const uint8_t *parts_decode(struct decoder *d, const uint8_t *at, uint64_t header,
                                   struct ot_comp *comp)
{
    uint64_t units;
    size_t wrong = 0;

    at = parts_read(d, at, header, &comp->attrs, &comp->content);
    if (!at)
        return NULL;
    if (comp->attrs.size && ot_attrs_check_where(comp->attrs, comp->kind == OT_RETAIN, &wrong))
        return refuse(d, OT_BAD_ATTRS, comp->attrs.data + wrong);
    if (comp->kind == OT_INSERT) {
        if (!ot_utf_units(comp->content, &units))
            return refuse(d, OT_BAD_UTF8, comp->content.data + ot_utf_valid(comp->content));
        comp->length = (uint32_t)units;
    } else if (comp->kind == OT_EMBED) {
        if (!ot_json_canonical_where(comp->content, true, &wrong))
            return refuse(d, OT_BAD_EMBED, comp->content.data + wrong);
        comp->length = 1;
    }
    return at;
}

static bool comps_merge(const struct ot_comp *a, const struct ot_comp *b)
{
    return a->kind == b->kind && a->kind != OT_EMBED && slice_equal(a->attrs, b->attrs);
}

static inline const uint8_t *comp_decode(struct decoder *d, const uint8_t *at, struct ot_comp *comp,
                                         const struct ot_comp *first)
{
    const uint8_t *start = at;
    uint64_t header = 0;

    at = header_read(d, at, &header);
    if (!at)
        return NULL;
    *comp = (struct ot_comp){.kind = (enum ot_kind)(header & 3), .length = (uint32_t)(header >> 3)};
    if ((header & 7) > OT_DELETE && !(at = parts_decode(d, at, header, comp)))
        return NULL;
    if (comp > first && comps_merge(comp - 1, comp))
        return refuse(d, OT_BAD_NORMAL, start);
    return at;
}

/* What is wrong with the sums, of a component that starts there? */
static bool units_fit(struct decoder *d, const uint8_t *start, uint64_t units_in,
                      uint64_t units_out)
{
    if (units_in > OT_UNITS_MAX)
        refuse_size(d, start, "units before the op", units_in, OT_UNITS_MAX);
    else if (units_out > OT_UNITS_MAX)
        refuse_size(d, start, "units after the op", units_out, OT_UNITS_MAX);
    else
        return true;
    return false;
}

static bool retains_in_vain(const struct ot_comp *last)
{
    return last->kind == OT_RETAIN && last->attrs.size == 0;
}

/* There is room for `room` components; one at least is there. */
static const uint8_t *comps_decode(struct decoder *d, const uint8_t *at, struct ot_comp *comps,
                                   uint32_t room, struct ot_op *op)
{
    struct ot_comp *comp = comps, *end = comps + room;
    uint64_t units_in = 0, units_out = 0; /* no sum of all components' lengths overflows */
    const uint8_t *start = at;

    while (at < d->end && comp < end) {
        start = at;
        at = comp_decode(d, at, comp, comps);
        if (!at)
            break;
        units_in += comp->kind < OT_INSERT ? comp->length : 0;
        units_out += comp->kind != OT_DELETE ? comp->length : 0;
        comp++;
    }
    if (!units_fit(d, start, units_in, units_out) || !at)
        return NULL;
    if (at < d->end)
        return refuse_size(d, at, "components", (uint64_t)room + 1, room);
    if (retains_in_vain(comp - 1))
        return refuse(d, OT_BAD_NORMAL, start);
    *op = (struct ot_op){.comps = comps,
                         .count = (uint32_t)(comp - comps),
                         .units_in = units_in,
                         .units_out = units_out};
    return at;
}

/* The version, and the size as a whole. NULL: refused; else where the components begin. */
static const uint8_t *form_begin(struct decoder *d, const struct ot_limits *limits)
{
    size_t size = (size_t)(d->end - d->start);

    if (size > limits->size_max)
        return refuse_size(d, d->start, "bytes", size, limits->size_max);
    if (size == 0 || d->start[0] != OT_FORM_VERSION)
        return refuse(d, OT_BAD_FORM, d->start);
    return d->start + 1;
}

int ot_decode_explain(struct arena *mem, struct slice in, const struct ot_limits *limits,
                      struct ot_op *ret, struct ot_fault *fault)
{
    struct decoder d = {.start = in.data, .end = in.data + in.size, .fault = fault};

    const uint8_t *first = form_begin(&d, limits), *end;
    if (!first)
        return fault->outcome;
    uint32_t room = (uint32_t)in.size - 1, count;
    if (room == 0) {
        *ret = OT_IDENTITY;
        return 0;
    }
    if (room > FEW_BYTES && !frames_count(&d, first, limits->count_max, &room))
        return fault->outcome;
    room = room < limits->count_max ? room : limits->count_max;
    struct ot_comp *comps = arena_alloc(mem, room * sizeof *comps);
    if (!comps)
        return -ENOMEM;
    end = comps_decode(&d, first, comps, room, ret);
    arena_trim(mem, room * sizeof *comps, end ? ret->count * sizeof *comps : 0);
    if (end)
        return 0;
    (void)frames_count(&d, first, limits->count_max, &count); /* its fault, if it has one */
    return fault->outcome;
}

void ot_walk_begin(struct ot_walk *w, struct slice in, const struct ot_limits *limits)
{
    struct decoder d = {.start = in.data, .end = in.data + in.size, .fault = &w->fault};

    *w = (struct ot_walk){.limits = limits, .start = d.start, .end = d.end};
    w->at = form_begin(&d, limits);
}

bool ot_walk_next(struct ot_walk *w, const struct ot_comp **ret)
{
    struct decoder d = {.start = w->start, .end = w->end, .fault = &w->fault};
    const uint8_t *start = w->at;
    struct ot_comp *comp = &w->comps[1];

    if (!start)
        return false;
    w->at = NULL;
    if (start == d.end) {
        if (w->count && retains_in_vain(comp))
            refuse(&d, OT_BAD_NORMAL, start);
        return false;
    }
    if (w->count == w->limits->count_max) {
        refuse_size(&d, start, "components", (uint64_t)w->count + 1, w->count);
        return false;
    }
    w->comps[0] = *comp;
    const uint8_t *at = comp_decode(&d, start, comp, w->count ? w->comps : comp);
    if (!at)
        return false;
    w->units_in += comp->kind < OT_INSERT ? comp->length : 0;
    w->units_out += comp->kind != OT_DELETE ? comp->length : 0;
    if (!units_fit(&d, start, w->units_in, w->units_out))
        return false;
    w->count++;
    w->at = at;
    *ret = comp;
    return true;
}

void ot_fault_print(const struct ot_fault *fault, struct bytes *out)
{
    bytes_printf(out, "%s at byte %zu: ", ot_outcome_name(fault->outcome), fault->offset);
    if (fault->of)
        bytes_printf(out, "%llu %s, the limit is %llu", (unsigned long long)fault->found, fault->of,
                     (unsigned long long)fault->limit);
    else
        bytes_append_str(out, ot_outcome_text(fault->outcome));
}

void ot_encode(const struct ot_op *op, struct bytes *out)
{
    bytes_append_u8(out, OT_FORM_VERSION);
    for (uint32_t i = 0; i < op->count; i++) {
        const struct ot_comp *comp = &op->comps[i];
        uint64_t length = comp->kind >= OT_INSERT ? comp->content.size : comp->length;
        bytes_append_varint(out, ot_codec_header(comp->kind, length, comp->attrs.size > 0));
        if (comp->attrs.size) {
            bytes_append_varint(out, comp->attrs.size);
            bytes_append_slice(out, comp->attrs);
        }
        bytes_append_slice(out, comp->content);
    }
}
