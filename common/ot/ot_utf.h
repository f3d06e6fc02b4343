/*
 * UTF-8 as the algebra needs it: validation (RFC 3629: no overlong forms, no surrogates, nothing
 * above U+10FFFF), counting and addressing in UTF-16 units, and the order of UTF-16.
 */
#ifndef WEFT_OT_UTF_H
#define WEFT_OT_UTF_H

#include "bytes.h"

/* Size of the valid character at `at` (at < end), 0 if there is none. */
size_t ot_utf_char(const uint8_t *at, const uint8_t *end);

/* Counts the UTF-16 units of text; false if it is not UTF-8. Most texts are one key's. */
MUST_CHECK bool ot_utf_units_long(struct slice text, uint64_t *ret);
MUST_CHECK static inline bool ot_utf_units(struct slice text, uint64_t *ret)
{
    if (text.size != 1 || text.data[0] >= 0x80)
        return ot_utf_units_long(text, ret);
    *ret = 1;
    return true;
}

/* Size of the longest part from the start that is UTF-8. */
size_t ot_utf_valid(struct slice text);

/*
 * Where unit `units` of text (which is UTF-8) begins, in bytes. False within a surrogate pair or
 * beyond the end.
 */
MUST_CHECK bool ot_utf_offset(struct slice text, uint64_t units, size_t *ret_bytes);

/* Order of two UTF-8 strings as JavaScript compares them: by UTF-16 units. */
int ot_utf_compare(struct slice a, struct slice b);

/*
 * Order of the first bytes in which two UTF-8 strings differ. Bytes order as code points do, with
 * one exception: U+E000..U+FFFF (leads 0xEE, 0xEF) come behind the surrogates of U+10000..
 * (0xF0..).
 */
static inline int ot_utf_byte_order(uint8_t a, uint8_t b)
{
    if (a >= 0xee && b >= 0xee && (a >= 0xf0) != (b >= 0xf0))
        return a >= 0xf0 ? -1 : 1;
    return a < b ? -1 : a > b;
}

#endif
