#include "codec_text.h"

void hex_append(struct bytes *out, struct slice in)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < in.size; i++) {
        bytes_append_u8(out, (uint8_t)digits[in.data[i] >> 4]);
        bytes_append_u8(out, (uint8_t)digits[in.data[i] & 15]);
    }
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool hex_decode(struct slice in, uint8_t *out)
{
    if (in.size % 2)
        return false;
    for (size_t i = 0; i < in.size; i += 2) {
        int high = hex_digit(in.data[i]), low = hex_digit(in.data[i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i / 2] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static const char base64url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void base64url_append(struct bytes *out, struct slice in)
{
    for (size_t i = 0; i < in.size; i += 3) {
        size_t size = in.size - i < 3 ? in.size - i : 3;
        uint32_t v = (uint32_t)in.data[i] << 16;
        if (size > 1)
            v |= (uint32_t)in.data[i + 1] << 8;
        if (size > 2)
            v |= in.data[i + 2];
        for (size_t k = 0; k <= size; k++)
            bytes_append_u8(out, (uint8_t)base64url[(v >> (18 - 6 * k)) & 63]);
    }
}

static int base64url_digit(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

bool base64url_decode(struct bytes *out, struct slice in)
{
    uint32_t v = 0;
    unsigned bits = 0;

    if (in.size % 4 == 1)
        return false;
    for (size_t i = 0; i < in.size; i++) {
        int digit = base64url_digit(in.data[i]);
        if (digit < 0)
            return false;
        v = v << 6 | (uint32_t)digit;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            bytes_append_u8(out, (uint8_t)(v >> bits));
        }
    }
    return (v & ((1u << bits) - 1)) == 0;
}
