#include "redis_keys.h"

static const char hex_upper[] = "0123456789ABCDEF";

static bool is_plain(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '~' || c == '-';
}

void redis_escape(struct bytes *out, struct slice id)
{
    for (size_t i = 0; i < id.size; i++) {
        uint8_t c = id.data[i];
        if (is_plain(c)) {
            bytes_append_u8(out, c);
            continue;
        }
        uint8_t escaped[3] = {'%', (uint8_t)hex_upper[c >> 4], (uint8_t)hex_upper[c & 15]};
        bytes_append(out, escaped, sizeof escaped);
    }
}

void redis_key_doc(struct bytes *out, unsigned lane, const char *kind, struct slice id)
{
    bytes_printf(out, "weft:{%u}:%s:", lane, kind);
    redis_escape(out, id);
}

void redis_key_dirty(struct bytes *out, unsigned lane)
{
    bytes_printf(out, "weft:{%u}:dirty", lane);
}

static bool take_text(struct slice *in, const char *text)
{
    size_t size = strlen(text);
    if (in->size < size || memcmp(in->data, text, size) != 0)
        return false;
    in->data += size;
    in->size -= size;
    return true;
}

static bool take_lane(struct slice *in, unsigned *ret)
{
    unsigned lane = 0, digits = 0;
    while (in->size && in->data[0] >= '0' && in->data[0] <= '9' && digits < 6) {
        lane = lane * 10 + (in->data[0] - '0');
        in->data++;
        in->size--;
        digits++;
    }
    *ret = lane;
    return digits > 0;
}

static int hex_value(uint8_t c)
{
    const char *at = c ? strchr(hex_upper, c) : NULL;
    return at ? (int)(at - hex_upper) : -1;
}

static bool unescape(struct slice in, struct bytes *out)
{
    for (size_t i = 0; i < in.size; i++) {
        uint8_t c = in.data[i];
        if (is_plain(c)) {
            bytes_append_u8(out, c);
            continue;
        }
        if (c != '%' || in.size - i < 3)
            return false;
        int high = hex_value(in.data[i + 1]), low = hex_value(in.data[i + 2]);
        if (high < 0 || low < 0 || is_plain((uint8_t)(high << 4 | low)))
            return false; /* one id, one name */
        bytes_append_u8(out, (uint8_t)(high << 4 | low));
        i += 2;
    }
    return true;
}

bool redis_key_parse_head(struct slice key, unsigned *ret_lane, struct bytes *id)
{
    unsigned lane;
    if (!take_text(&key, "weft:{") || !take_lane(&key, &lane) || !take_text(&key, "}:head:") ||
        !unescape(key, id))
        return false;
    *ret_lane = lane;
    return true;
}
