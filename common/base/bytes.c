#include "bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

bool slice_equal_fold(struct slice a, const char *lower)
{
    if (a.size != strlen(lower))
        return false;
    for (size_t i = 0; i < a.size; i++) {
        uint8_t c = a.data[i];
        if (c >= 'A' && c <= 'Z')
            c |= 0x20;
        if (c != (uint8_t)lower[i])
            return false;
    }
    return true;
}

int slice_compare(struct slice a, struct slice b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size ? memcmp(a.data, b.data, size) : 0;

    if (order)
        return order;
    return a.size < b.size ? -1 : a.size > b.size;
}

void bytes_init(struct bytes *b, size_t size_max)
{
    *b = (struct bytes){.size_max = size_max};
}

void bytes_fini(struct bytes *b)
{
    free(b->data);
    *b = (struct bytes){.size_max = b->size_max};
}

void bytes_reset(struct bytes *b)
{
    b->size = 0;
    b->failed = b->full = false;
}

uint8_t *bytes_reserve(struct bytes *b, size_t size)
{
    if (b->failed)
        return NULL;
    if (size > SIZE_MAX / 4 ||
        (b->size_max && (size > b->size_max || b->size > b->size_max - size))) {
        b->failed = b->full = true;
        return NULL;
    }
    if (b->size + size > b->capacity) {
        size_t capacity = b->capacity ? b->capacity : 64;
        while (capacity < b->size + size)
            capacity *= 2;
        uint8_t *data = realloc(b->data, capacity);
        if (!data) {
            b->failed = true;
            return NULL;
        }
        b->data = data;
        b->capacity = capacity;
    }
    return b->data + b->size;
}

void bytes_append(struct bytes *b, const void *data, size_t size)
{
    if (size == 0)
        return;
    uint8_t *at = bytes_reserve(b, size);
    if (!at)
        return;
    memcpy(at, data, size);
    b->size += size;
}

void bytes_append_slice(struct bytes *b, struct slice s)
{
    bytes_append(b, s.data, s.size);
}

void bytes_append_str(struct bytes *b, const char *s)
{
    bytes_append(b, s, strlen(s));
}

void bytes_append_u8(struct bytes *b, uint8_t v)
{
    bytes_append(b, &v, 1);
}

void bytes_append_be16(struct bytes *b, uint16_t v)
{
    v = __builtin_bswap16(v);
    bytes_append(b, &v, sizeof v);
}

void bytes_append_be32(struct bytes *b, uint32_t v)
{
    v = __builtin_bswap32(v);
    bytes_append(b, &v, sizeof v);
}

void bytes_append_be64(struct bytes *b, uint64_t v)
{
    v = __builtin_bswap64(v);
    bytes_append(b, &v, sizeof v);
}

void bytes_append_varint(struct bytes *b, uint64_t v)
{
    uint8_t *at = bytes_reserve(b, VARINT_SIZE_MAX);
    if (at)
        b->size += varint_put(at, v);
}

void bytes_printf(struct bytes *b, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    uint8_t *at = size < 0 ? NULL : bytes_reserve(b, (size_t)size + 1);
    if (!at)
        return;
    va_start(args, format);
    vsnprintf((char *)at, (size_t)size + 1, format, args);
    va_end(args);
    b->size += (size_t)size;
}

void bytes_consume(struct bytes *b, size_t size)
{
    MUST(size <= b->size);
    if (size && size < b->size)
        memmove(b->data, b->data + size, b->size - size);
    b->size -= size;
}

bool varint_take_long(struct slice *in, uint64_t *ret)
{
    const uint8_t *at = in->data, *end = at + in->size;
    uint64_t v = 0;

    for (unsigned shift = 0; at < end; shift += 7) {
        uint8_t byte = *at++;
        if (shift == 63 && byte > 1)
            return false; /* beyond 64 bits */
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte & 0x80)
            continue;
        if (shift > 0 && byte == 0)
            return false; /* not minimal */
        *in = slice_of(at, (size_t)(end - at));
        *ret = v;
        return true;
    }
    return false;
}
