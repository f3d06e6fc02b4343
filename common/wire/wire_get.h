/*
 * Reading protobuf fields one by one, without copying: values are slices of the input. What is
 * malformed latches `bad`, so a decoder is one loop and one test at its end.
 *
 * Stricter than protobuf where no encoder differs: a 32-bit field with more than 32 bits, a known
 * field of another wire type and groups are bad. A field that stands twice: the last counts, as in
 * protobuf (which would merge messages; decoders here refuse a second one instead).
 *
 * Memory: only arrays of repeated messages are allocated (wire_get_array), each element for at
 * least two bytes of input.
 *
 * Internal to this folder.
 */
#ifndef WEFT_WIRE_GET_H
#define WEFT_WIRE_GET_H

#include "arena.h"
#include "bytes.h"
#include "wire_put.h"

/* What one message may make us allocate; a 1 MiB frame of empty records stays below half of it. */
#define WIRE_DECODE_BYTES_MAX (64u << 20)

struct wire_get {
    const uint8_t *at, *end;
    bool bad; /* latched */
    /* The current field: */
    uint8_t type; /* enum wire_type */
    uint32_t number;
    uint64_t value;    /* WIRE_VARINT; else unset */
    struct slice data; /* WIRE_SIZED; else unset */
};

static inline struct wire_get wire_get_init(struct slice in)
{
    return (struct wire_get){.at = in.data, .end = in.size ? in.data + in.size : in.data};
}

/* Unlike varint_take() this accepts padding: encoders exist that leave room for a length. */
static inline bool wire_get_varint(struct wire_get *g, uint64_t *ret)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70 && g->at < g->end; shift += 7) {
        uint8_t byte = *g->at++;
        if (shift == 63 && byte > 1)
            return false;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *ret = value;
            return true;
        }
    }
    return false;
}

static inline bool wire_get_skip(struct wire_get *g, size_t size)
{
    if ((size_t)(g->end - g->at) < size)
        return false;
    g->at += size;
    return true;
}

static inline bool wire_get_value(struct wire_get *g)
{
    uint64_t size;
    const uint8_t *start = g->at;
    switch (g->type) {
    case WIRE_VARINT:
        return wire_get_varint(g, &g->value);
    case WIRE_SIZED:
        /* Padded to more than 5 bytes it is refused, as the tag is, and as protobuf-c does. */
        if (!wire_get_varint(g, &size) || g->at - start > 5 || size > (size_t)(g->end - g->at))
            return false;
        g->data = slice_of(g->at, (size_t)size);
        g->at += size;
        return true;
    case WIRE_FIXED64:
        return wire_get_skip(g, 8);
    case WIRE_FIXED32:
        return wire_get_skip(g, 4);
    default:
        return false;
    }
}

/* Goes to the next field. False at the end or when bad. */
static inline bool wire_get_next(struct wire_get *g)
{
    uint64_t tag;
    if (g->at == g->end || g->bad)
        return false;
    const uint8_t *start = g->at;
    if (!wire_get_varint(g, &tag) || g->at - start > 5 || tag >> 32 || tag >> 3 == 0) {
        g->bad = true;
        return false;
    }
    g->number = (uint32_t)(tag >> 3);
    g->type = tag & 7;
    g->bad = !wire_get_value(g);
    return !g->bad;
}

/* The current field's value as what it must be. */

static inline uint64_t wire_get_u64(struct wire_get *g)
{
    if (g->type != WIRE_VARINT) {
        g->bad = true;
        return 0;
    }
    return g->value;
}

static inline uint32_t wire_get_u32(struct wire_get *g)
{
    uint64_t value = wire_get_u64(g);
    g->bad |= value > UINT32_MAX;
    return (uint32_t)value;
}

static inline bool wire_get_bool(struct wire_get *g)
{
    return wire_get_u64(g) != 0;
}

/* A value that this build does not know becomes 0. */
static inline unsigned wire_get_enum(struct wire_get *g, unsigned last)
{
    uint64_t value = wire_get_u64(g);
    return value > last ? 0 : (unsigned)value;
}

static inline struct slice wire_get_slice(struct wire_get *g)
{
    if (g->type != WIRE_SIZED) {
        g->bad = true;
        return slice_of(NULL, 0);
    }
    return g->data;
}

/* Exactly `size` bytes, or none: false, and ret untouched. */
static inline bool wire_get_fixed(struct wire_get *g, void *ret, size_t size)
{
    struct slice s = wire_get_slice(g);
    if (s.size == 0)
        return false;
    if (s.size != size) {
        g->bad = true;
        return false;
    }
    memcpy(ret, s.data, size);
    return true;
}

/*
 * At the first of a repeated field: an array for it and all that follow with its number. NULL, and
 * bad if they are too many; otherwise memory is out.
 */
static inline void *wire_get_array(struct wire_get *g, struct arena *mem, size_t element_size)
{
    struct wire_get rest = *g;
    size_t count = 1;
    while (wire_get_next(&rest))
        count += rest.number == g->number;
    if (rest.bad || count > WIRE_DECODE_BYTES_MAX / element_size) {
        g->bad = true;
        return NULL;
    }
    return arena_alloc(mem, count * element_size);
}

/*
 * A message that is one oneof with the numbers 1 to `last`: the number that is there, 0 if none.
 * False: malformed, or two.
 */
static inline bool wire_get_one_of(struct slice in, unsigned last, unsigned *ret_number,
                                   struct slice *ret_body)
{
    struct wire_get g = wire_get_init(in);

    *ret_number = 0;
    *ret_body = slice_of(NULL, 0);
    while (wire_get_next(&g)) {
        if (g.number > last)
            continue;
        g.bad |= *ret_number != 0;
        *ret_number = g.number;
        *ret_body = wire_get_slice(&g);
    }
    return !g.bad;
}

#endif
