/*
 * Byte strings. `struct slice` borrows, `struct bytes` owns and grows.
 *
 * A `bytes` latches failure: once an append could not get memory, or would have passed `size_max`,
 * `failed` stays set, later appends do nothing and the caller tests once at the end (habit 18 of
 * pgbouncer's pktbuf). So builders need no check per field.
 */
#ifndef WEFT_BYTES_H
#define WEFT_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "must.h"

struct slice {
    const uint8_t *data; /* borrowed; may be NULL when size is 0 */
    size_t size;
};

static inline struct slice slice_of(const void *data, size_t size)
{
    return (struct slice){.data = data, .size = size};
}

static inline struct slice slice_str(const char *s)
{
    return (struct slice){.data = (const uint8_t *)s, .size = strlen(s)};
}

static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* The same but for the case of ASCII letters; `lower` has no upper one. For names in HTTP. */
bool slice_equal_fold(struct slice a, const char *lower);

/* Bytewise order, shorter first among equals. */
int slice_compare(struct slice a, struct slice b);

struct bytes {
    uint8_t *data; /* owned */
    size_t size;
    size_t capacity;
    size_t size_max; /* 0: no bound */
    bool failed;
    bool full; /* failed, since it would be more than size_max; else memory was out */
};

#define BYTES_INIT ((struct bytes){0})

void bytes_init(struct bytes *b, size_t size_max);
void bytes_fini(struct bytes *b);
/* Empties and clears the latch; keeps the memory. */
void bytes_reset(struct bytes *b);
/* Makes room for `size` more and returns where they go, or NULL (latched). Does not change size. */
uint8_t *bytes_reserve(struct bytes *b, size_t size);
void bytes_append(struct bytes *b, const void *data, size_t size);
void bytes_append_slice(struct bytes *b, struct slice s);
void bytes_append_str(struct bytes *b, const char *s);
void bytes_append_u8(struct bytes *b, uint8_t v);
void bytes_append_be16(struct bytes *b, uint16_t v);
void bytes_append_be32(struct bytes *b, uint32_t v);
void bytes_append_be64(struct bytes *b, uint64_t v);
/* LEB128, least significant group first, minimal length (as protobuf's varint). */
void bytes_append_varint(struct bytes *b, uint64_t v);
void bytes_printf(struct bytes *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Removes `size` bytes from the front. */
void bytes_consume(struct bytes *b, size_t size);

static inline struct slice bytes_slice(const struct bytes *b)
{
    return (struct slice){.data = b->data, .size = b->size};
}

/* Moves the memory out: the source is empty afterwards. */
static inline struct bytes bytes_steal(struct bytes *b)
{
    struct bytes moved = *b;
    *b = (struct bytes){.size_max = b->size_max};
    return moved;
}

#define VARINT_SIZE_MAX 10

static inline size_t varint_size(uint64_t v)
{
    size_t n = 1;
    while (v >= 0x80) {
        v >>= 7;
        n++;
    }
    return n;
}

/* Writes at most VARINT_SIZE_MAX bytes, returns how many. */
static inline size_t varint_put(uint8_t *out, uint64_t v)
{
    size_t n = 0;
    while (v >= 0x80) {
        out[n++] = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    out[n++] = (uint8_t)v;
    return n;
}

/*
 * Reads a varint at the front of *in and moves *in behind it. False, and *in unchanged, if it is
 * cut short, longer than 64 bits, or not of minimal length (so every value has one encoding).
 */
bool varint_take_long(struct slice *in, uint64_t *ret);
static inline bool varint_take(struct slice *in, uint64_t *ret)
{
    if (in->size == 0 || in->data[0] >= 0x80)
        return varint_take_long(in, ret);
    *ret = in->data[0];
    in->data++;
    in->size--;
    return true;
}

static inline uint32_t load_be32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return __builtin_bswap32(v);
}

static inline void store_be32(uint8_t *p, uint32_t v)
{
    v = __builtin_bswap32(v);
    memcpy(p, &v, 4);
}

static inline uint64_t load_be64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    return __builtin_bswap64(v);
}

static inline void store_be64(uint8_t *p, uint64_t v)
{
    v = __builtin_bswap64(v);
    memcpy(p, &v, 8);
}

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "load_be32 to store_be64 assume a little-endian machine"
#endif

#endif
