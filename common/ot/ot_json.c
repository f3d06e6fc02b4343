/*
 * The scanner of canonical JSON. One pass, recursive to OT_JSON_DEPTH_MAX; nothing is allocated.
 * A value is at most as large as an op may be, and every byte is looked at a constant number of
 * times (keys twice: once scanned, once compared with the key before).
 */
#include "ot_json.h"

#include "ot_utf.h"

struct scan {
    const uint8_t *at, *end;
};

static bool scan_value(struct scan *s, unsigned depth);

static bool take(struct scan *s, char c)
{
    if (s->at == s->end || *s->at != (uint8_t)c)
        return false;
    s->at++;
    return true;
}

static bool take_word(struct scan *s, const char *word)
{
    size_t size = strlen(word);

    if ((size_t)(s->end - s->at) < size || memcmp(s->at, word, size) != 0)
        return false;
    s->at += size;
    return true;
}

/*
 * The control characters that RFC 8785 section 3.2.2.2 writes as \u00xx: all but those that have a
 * short form.
 */
static bool hex_escape_canonical(const uint8_t *hex, uint8_t *ret)
{
    bool digit = hex[3] >= '0' && hex[3] <= '9';

    if (hex[0] != '0' || hex[1] != '0' || (hex[2] != '0' && hex[2] != '1') ||
        (!digit && (hex[3] < 'a' || hex[3] > 'f')))
        return false;
    uint8_t c = (uint8_t)((hex[2] - '0') * 16 + (digit ? hex[3] - '0' : hex[3] - 'a' + 10));
    if (c == '\b' || c == '\t' || c == '\n' || c == '\f' || c == '\r')
        return false;
    *ret = c;
    return true;
}

/* Reads the escape behind a backslash; 0 if it is not the canonical one, else its size. */
static size_t escape_read(const uint8_t *at, const uint8_t *end, uint8_t *ret)
{
    static const char names[] = "\"\\btnfr";
    static const char values[] = "\"\\\b\t\n\f\r";

    if (at == end)
        return 0;
    const char *name = *at ? strchr(names, *at) : NULL;
    if (name) {
        *ret = (uint8_t)values[name - names];
        return 1;
    }
    if (*at != 'u' || end - at < 5 || !hex_escape_canonical(at + 1, ret))
        return 0;
    return 5;
}

/* *ret_raw: what stands between the quotes, escapes included. */
static bool scan_string(struct scan *s, struct slice *ret_raw)
{
    if (!take(s, '"'))
        return false;
    const uint8_t *start = s->at;
    while (s->at < s->end) {
        uint8_t c = *s->at, unescaped;
        size_t size;
        if (c == '"') {
            *ret_raw = slice_of(start, (size_t)(s->at - start));
            s->at++;
            return true;
        }
        if (c < 0x20)
            return false;
        if (c == '\\') {
            size = escape_read(s->at + 1, s->end, &unescaped);
            size = size ? size + 1 : 0;
        } else {
            size = ot_utf_char(s->at, s->end);
        }
        if (size == 0)
            return false;
        s->at += size;
    }
    return false;
}

static bool scan_number(struct scan *s)
{
    const uint8_t *start = s->at;

    while (s->at < s->end && *s->at && strchr("+-.0123456789e", *s->at))
        s->at++;
    return ot_json_number_canonical(slice_of(start, (size_t)(s->at - start)));
}

static uint8_t raw_next(struct slice *raw)
{
    uint8_t c = raw->data[0];
    size_t size = 1;

    if (c == '\\')
        size += escape_read(raw->data + 1, raw->data + raw->size, &c);
    raw->data += size;
    raw->size -= size;
    return c;
}

/* Compares what two scanned strings mean, in UTF-16 order. */
static int raw_compare(struct slice a, struct slice b)
{
    while (a.size && b.size) {
        uint8_t x = raw_next(&a), y = raw_next(&b);
        if (x != y)
            return ot_utf_byte_order(x, y);
    }
    return a.size ? 1 : b.size ? -1 : 0;
}

static bool scan_object(struct scan *s, unsigned depth)
{
    struct slice last = {0}, key;
    bool first = true;

    if (!take(s, '{') || depth == 0)
        return false;
    while (!take(s, '}')) {
        if (!first && !take(s, ','))
            return false;
        if (!scan_string(s, &key) || !take(s, ':') || !scan_value(s, depth - 1))
            return false;
        if (!first && raw_compare(last, key) >= 0)
            return false;
        last = key;
        first = false;
    }
    return true;
}

static bool scan_array(struct scan *s, unsigned depth)
{
    bool first = true;

    if (!take(s, '[') || depth == 0)
        return false;
    while (!take(s, ']')) {
        if ((!first && !take(s, ',')) || !scan_value(s, depth - 1))
            return false;
        first = false;
    }
    return true;
}

static bool scan_value(struct scan *s, unsigned depth)
{
    struct slice raw;

    if (s->at == s->end)
        return false;
    switch (*s->at) {
    case '{':
        return scan_object(s, depth);
    case '[':
        return scan_array(s, depth);
    case '"':
        return scan_string(s, &raw);
    case 't':
        return take_word(s, "true");
    case 'f':
        return take_word(s, "false");
    case 'n':
        return take_word(s, "null");
    default:
        return scan_number(s);
    }
}

bool ot_json_canonical_where(struct slice value, bool object_only, size_t *ret_wrong)
{
    struct scan s = {.at = value.data, .end = value.data + value.size};
    bool canonical = value.size > 0 && (!object_only || value.data[0] == '{') &&
                     scan_value(&s, OT_JSON_DEPTH_MAX) && s.at == s.end;

    if (!canonical)
        *ret_wrong = (size_t)(s.at - value.data);
    return canonical;
}

bool ot_json_canonical(struct slice value, bool object_only)
{
    size_t wrong;

    return ot_json_canonical_where(value, object_only, &wrong);
}
