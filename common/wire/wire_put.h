/*
 * Writing protobuf fields straight into a `struct bytes`, without an intermediate object: what
 * protobuf-c would need a tree of allocations for. Fields must be put in the order of their
 * numbers, so equal structs give equal bytes. The test reads everything back with protobuf-c.
 *
 * A nested message stands between wire_put_begin() and wire_put_end(). begin leaves room for a
 * length of about the guessed size; end moves the body only where the guess was of another width.
 *
 * Internal to this folder. Failure is latched in `out`, as everywhere with bytes.
 */
#ifndef WEFT_WIRE_PUT_H
#define WEFT_WIRE_PUT_H

#include "bytes.h"

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_SIZED = 2, WIRE_FIXED32 = 5 };

static inline uint8_t *wire_put_room(struct bytes *out, size_t size)
{
    if (!out->failed && !out->size_max && out->capacity - out->size >= size)
        return out->data + out->size;
    return bytes_reserve(out, size);
}

/* 0 is absent. */
static inline void wire_put_uint(struct bytes *out, unsigned field, uint64_t value)
{
    uint8_t *at = value ? wire_put_room(out, 2 * VARINT_SIZE_MAX) : NULL;
    if (!at)
        return;
    size_t size = varint_put(at, field << 3 | WIRE_VARINT);
    out->size += size + varint_put(at + size, value);
}

/* Always written, also when all bytes are 0. size > 0. */
static inline void wire_put_fixed(struct bytes *out, unsigned field, const void *data, size_t size)
{
    uint8_t *at = wire_put_room(out, size + 2 * VARINT_SIZE_MAX);
    if (!at)
        return;
    size_t head = varint_put(at, field << 3 | WIRE_SIZED);
    head += varint_put(at + head, size);
    memcpy(at + head, data, size);
    out->size += head + size;
}

/* Empty is absent. */
static inline void wire_put_slice(struct bytes *out, unsigned field, struct slice s)
{
    if (s.size)
        wire_put_fixed(out, field, s.data, s.size);
}

struct wire_put_mark {
    size_t at;    /* where the length goes */
    size_t width; /* bytes left for it */
};

/* Field 0: only a length, as in front of a frame. */
static inline struct wire_put_mark wire_put_begin(struct bytes *out, unsigned field,
                                                  size_t size_guess)
{
    struct wire_put_mark mark = {.width = varint_size(size_guess)};
    uint8_t *at = wire_put_room(out, 2 * VARINT_SIZE_MAX);
    if (!at)
        return mark;
    if (field)
        out->size += varint_put(at, field << 3 | WIRE_SIZED);
    mark.at = out->size;
    out->size += mark.width;
    return mark;
}

static inline void wire_put_end(struct bytes *out, struct wire_put_mark mark)
{
    if (out->failed)
        return;
    size_t size = out->size - mark.at - mark.width;
    size_t width = varint_size(size);
    if (width != mark.width) {
        if (!wire_put_room(out, VARINT_SIZE_MAX))
            return;
        uint8_t *at = out->data + mark.at;
        memmove(at + width, at + mark.width, size);
    }
    varint_put(out->data + mark.at, size);
    out->size = mark.at + width + size;
}

#endif
