/*
 * Characters one by one, and in words of 8 bytes. Where the processor has wider ones, long texts go
 * through utf_simd.c; both are tested against each other.
 */
#include "ot_utf.h"

#include "utf_private.h"

#define HIGH_BITS 0x8080808080808080ull

static uint64_t load_word(const uint8_t *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof v);
    return v;
}

static bool continues(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

size_t ot_utf_char(const uint8_t *at, const uint8_t *end)
{
    uint8_t lead = at[0];
    size_t room = (size_t)(end - at);

    if (lead < 0x80)
        return 1;
    if (lead < 0xc2)
        return 0; /* a continuation, or an overlong form of two bytes */
    if (lead < 0xe0)
        return room >= 2 && continues(at[1]) ? 2 : 0;
    if (lead < 0xf0) {
        if (room < 3 || !continues(at[1]) || !continues(at[2]))
            return 0;
        if ((lead == 0xe0 && at[1] < 0xa0) || (lead == 0xed && at[1] >= 0xa0))
            return 0; /* overlong, or a surrogate */
        return 3;
    }
    if (lead > 0xf4 || room < 4 || !continues(at[1]) || !continues(at[2]) || !continues(at[3]))
        return 0;
    if ((lead == 0xf0 && at[1] < 0x90) || (lead == 0xf4 && at[1] >= 0x90))
        return 0; /* overlong, or above U+10FFFF */
    return 4;
}

bool utf_units_scalar(struct slice text, uint64_t *ret)
{
    const uint8_t *at = text.data, *end = text.data + text.size;
    uint64_t units = 0;

    while (at < end) {
        if (end - at >= 8 && !(load_word(at) & HIGH_BITS)) {
            at += 8;
            units += 8;
            continue;
        }
        size_t size = ot_utf_char(at, end);
        if (size == 0)
            return false;
        at += size;
        units += size == 4 ? 2 : 1;
    }
    *ret = units;
    return true;
}

bool ot_utf_units_long(struct slice text, uint64_t *ret)
{
    if (text.size == 0) {
        *ret = 0;
        return true;
    }
    return utf_has_simd(text.size) ? utf_units_simd(text, ret) : utf_units_scalar(text, ret);
}

size_t ot_utf_valid(struct slice text)
{
    const uint8_t *at = text.data, *end = text.data + text.size;
    size_t size;

    while (at < end && (size = ot_utf_char(at, end)) > 0)
        at += size;
    return (size_t)(at - text.data);
}

/* Units that begin in these 8 bytes: one per byte that continues nothing, one more per lead of 4.
 * The product sums the bytes. */
static unsigned word_units(uint64_t v)
{
    const uint64_t ones = 0x0101010101010101ull;
    uint64_t continuation = (v >> 7) & (~v >> 6) & ones;
    uint64_t lead4 = (v >> 7) & (v >> 6) & (v >> 5) & (v >> 4) & ones;

    return (unsigned)(((ones - continuation + lead4) * ones) >> 56);
}

bool ot_utf_offset(struct slice text, uint64_t units, size_t *ret_bytes)
{
    const uint8_t *at = text.data, *end = text.data + text.size;

    at += utf_skip_simd(text, &units);
    /* At most 9 units begin in a word: 7 characters and a pair whose lead is the last byte. Units
     * are counted with the lead, so a word may end within a character that is counted already. */
    while (units >= 9 && end - at >= 8) {
        units -= word_units(load_word(at));
        at += 8;
    }
    while (at < end && continues(*at))
        at++;
    while (units > 0) {
        if (at >= end)
            return false;
        uint8_t lead = *at;
        unsigned count = lead >= 0xf0 ? 2 : 1;
        if (count > units)
            return false;
        units -= count;
        at += lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    }
    *ret_bytes = (size_t)(at - text.data);
    return true;
}

int ot_utf_compare(struct slice a, struct slice b)
{
    size_t size = a.size < b.size ? a.size : b.size;

    for (size_t i = 0; i < size; i++) {
        if (a.data[i] != b.data[i])
            return ot_utf_byte_order(a.data[i], b.data[i]);
    }
    return a.size < b.size ? -1 : a.size > b.size;
}
