/*
 * UTF-8 checked as it arrives, across fragments: no surrogates, no overlong forms, nothing above
 * U+10FFFF (RFC 3629). A bad byte is found at once, not at the end of its sequence.
 */
#ifndef WEFT_WS_UTF8_H
#define WEFT_WS_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-initialised: between two characters. */
struct ws_utf8 {
    uint8_t missing;   /* continuation bytes that must follow */
    uint8_t low, high; /* bounds of the next one */
};

/* False at a byte that cannot be part of UTF-8 here; u is then of no use any more. */
bool ws_utf8_feed(struct ws_utf8 *u, const uint8_t *data, size_t size);

static inline bool ws_utf8_complete(const struct ws_utf8 *u)
{
    return u->missing == 0;
}

#endif
