#include "codec_text.h"
#include "http1_head.h"

static bool decode(struct slice raw, struct bytes *out)
{
    for (size_t i = 0; i < raw.size; i++) {
        uint8_t c = raw.data[i];
        if (c == '%') {
            uint8_t digits[2];
            if (raw.size - i < 3)
                return false;
            for (int k = 0; k < 2; k++) {
                uint8_t d = raw.data[i + 1 + k];
                digits[k] = d >= 'A' && d <= 'F' ? d | 0x20 : d;
            }
            if (!hex_decode(slice_of(digits, 2), &c))
                return false;
            i += 2;
        }
        if (c < ' ' || c == 0x7f || c == '\\')
            return false;
        bytes_append_u8(out, c);
    }
    return !out->failed;
}

/* A segment of one or more dots climbs (..), stays (.) or is somebody's trick (...). */
static bool segment_fine(struct slice s, bool last)
{
    if (s.size == 0)
        return last; /* "/" and "/dir/" */
    for (size_t i = 0; i < s.size; i++) {
        if (s.data[i] != '.')
            return true;
    }
    return false;
}

static bool segments_fine(struct slice path)
{
    while (path.size) {
        path = slice_of(path.data + 1, path.size - 1); /* the slash */
        const uint8_t *slash = path.size ? memchr(path.data, '/', path.size) : NULL;
        size_t size = slash ? (size_t)(slash - path.data) : path.size;
        if (!segment_fine(slice_of(path.data, size), !slash))
            return false;
        path = slice_of(path.data + size, path.size - size);
    }
    return true;
}

bool http1_target_path(struct slice target, struct bytes *out)
{
    const uint8_t *query = target.size ? memchr(target.data, '?', target.size) : NULL;
    size_t size = query ? (size_t)(query - target.data) : target.size;
    size_t start = out->size;
    if (size == 0 || target.data[0] != '/')
        return false;
    return decode(slice_of(target.data, size), out) &&
           segments_fine(slice_of(out->data + start, out->size - start));
}
