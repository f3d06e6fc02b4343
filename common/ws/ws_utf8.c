#include "ws_utf8.h"

#include <string.h>

#define HIGH_BITS UINT64_C(0x8080808080808080)

/* A byte that begins a sequence. The second byte's bounds exclude overlongs and surrogates. */
static bool lead(struct ws_utf8 *u, uint8_t c)
{
    u->low = 0x80;
    u->high = 0xbf;
    if (c < 0x80) {
        return true;
    } else if (c >= 0xc2 && c <= 0xdf) {
        u->missing = 1;
    } else if (c >= 0xe0 && c <= 0xef) {
        u->missing = 2;
        if (c == 0xe0)
            u->low = 0xa0;
        else if (c == 0xed)
            u->high = 0x9f;
    } else if (c >= 0xf0 && c <= 0xf4) {
        u->missing = 3;
        if (c == 0xf0)
            u->low = 0x90;
        else if (c == 0xf4)
            u->high = 0x8f;
    } else {
        return false;
    }
    return true;
}

static size_t skip_ascii(const uint8_t *data, size_t size)
{
    size_t i = 0;
    for (; i + 8 <= size; i += 8) {
        uint64_t part;
        memcpy(&part, data + i, sizeof part);
        if (part & HIGH_BITS)
            break;
    }
    while (i < size && data[i] < 0x80)
        i++;
    return i;
}

bool ws_utf8_feed(struct ws_utf8 *u, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (u->missing == 0) {
            i += skip_ascii(data + i, size - i);
            if (i == size)
                return true;
            if (!lead(u, data[i]))
                return false;
        } else {
            if (data[i] < u->low || data[i] > u->high)
                return false;
            u->missing--;
            u->low = 0x80;
            u->high = 0xbf;
        }
    }
    return true;
}
