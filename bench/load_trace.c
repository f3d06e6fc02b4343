/* One pass over the text; strings are unescaped where they lie, since that makes them shorter. */
#include "load_trace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "ot_utf.h"

#define DEPTH_MAX 16

struct scan {
    uint8_t *start, *at, *end;
    const char *wrong; /* latched */
    struct trace *trace;
    size_t capacity; /* of patches */
};

static bool fail(struct scan *s, const char *what)
{
    if (!s->wrong)
        s->wrong = what;
    return false;
}

static void skip_space(struct scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\r' || *s->at == '\t'))
        s->at++;
}

/* Takes the character if it comes next. */
static bool have(struct scan *s, char c)
{
    skip_space(s);
    if (s->at == s->end || *s->at != (uint8_t)c)
        return false;
    s->at++;
    return true;
}

static bool want(struct scan *s, char c, const char *what)
{
    return have(s, c) || fail(s, what);
}

/* ---- values --------------------------------------------------------------------------------- */

static bool hex4(struct scan *s, unsigned *ret)
{
    unsigned value = 0;

    for (int i = 0; i < 4; i++) {
        int c = s->at < s->end ? *s->at++ : 0;
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return fail(s, "an escape that is not \\uXXXX");
        value = value << 4 | (unsigned)digit;
    }
    *ret = value;
    return true;
}

/* A character of one unit; surrogates are not. */
static bool put_unit(struct scan *s, unsigned c, uint8_t **out)
{
    if (c >= 0xd800 && c <= 0xdfff)
        return fail(s, "a character above U+FFFF, where positions are ambiguous");
    if (c >= 0x800) {
        *(*out)++ = (uint8_t)(0xe0 | c >> 12);
        *(*out)++ = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    } else if (c >= 0x80) {
        *(*out)++ = (uint8_t)(0xc0 | c >> 6);
    } else {
        *(*out)++ = (uint8_t)c;
        return true;
    }
    *(*out)++ = (uint8_t)(0x80 | (c & 0x3f));
    return true;
}

static bool unescape(struct scan *s, uint8_t **out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    unsigned c;

    if (s->at < s->end && *s->at == 'u') {
        s->at++;
        return hex4(s, &c) && put_unit(s, c, out);
    }
    const char *found = s->at < s->end && *s->at ? strchr(from, *s->at) : NULL;
    if (!found)
        return fail(s, "an unknown escape");
    s->at++;
    *(*out)++ = (uint8_t)to[found - from];
    return true;
}

static bool string(struct scan *s, struct slice *ret, uint32_t *ret_units)
{
    if (!want(s, '"', "a string expected"))
        return false;
    uint8_t *begin = s->at, *out = begin;
    while (s->at < s->end && *s->at != '"') {
        uint8_t c = *s->at++;
        if (c == '\\') {
            if (!unescape(s, &out))
                return false;
        } else if (c >= 0xf0) {
            return fail(s, "a character above U+FFFF, where positions are ambiguous");
        } else {
            *out++ = c;
        }
    }
    if (s->at == s->end)
        return fail(s, "a string that does not end");
    s->at++;
    *ret = slice_of(begin, (size_t)(out - begin));
    uint64_t units;
    if (!ot_utf_units(*ret, &units))
        return fail(s, "a string that is not UTF-8");
    *ret_units = (uint32_t)units;
    return true;
}

static bool whole(struct scan *s, uint32_t *ret)
{
    uint64_t value = 0;

    skip_space(s);
    if (s->at == s->end || *s->at < '0' || *s->at > '9')
        return fail(s, "a whole number expected");
    while (s->at < s->end && *s->at >= '0' && *s->at <= '9') {
        value = value * 10 + (unsigned)(*s->at++ - '0');
        if (value > INT32_MAX)
            return fail(s, "a number that is too large");
    }
    *ret = (uint32_t)value;
    return true;
}

/* A value of no interest. */
static bool skip_value(struct scan *s, unsigned depth)
{
    struct slice text;
    uint32_t units;

    skip_space(s);
    if (depth == DEPTH_MAX)
        return fail(s, "values nested too deep");
    if (s->at < s->end && *s->at == '"')
        return string(s, &text, &units);
    char close = have(s, '[') ? ']' : have(s, '{') ? '}' : 0;
    if (!close) {
        const uint8_t *begin = s->at;
        while (s->at < s->end && *s->at && strchr("+-.0123456789eEtrufalsn", *s->at))
            s->at++;
        return s->at > begin || fail(s, "a value expected");
    }
    if (have(s, close))
        return true;
    do {
        if (close == '}' && (!string(s, &text, &units) || !want(s, ':', "':' expected")))
            return false;
        if (!skip_value(s, depth + 1))
            return false;
    } while (have(s, ','));
    return want(s, close, "an array or object that does not end");
}

/* ---- the session ---------------------------------------------------------------------------- */

static bool patch(struct scan *s)
{
    struct trace *t = s->trace;
    struct trace_patch p;

    if (!want(s, '[', "a patch expected") || !whole(s, &p.position) ||
        !want(s, ',', "',' expected") || !whole(s, &p.deleted) || !want(s, ',', "',' expected") ||
        !string(s, &p.inserted, &p.inserted_units) || !want(s, ']', "a patch of three expected"))
        return false;
    if (t->count == s->capacity) {
        size_t capacity = s->capacity ? 2 * s->capacity : 1024;
        struct trace_patch *grown = realloc(t->patches, capacity * sizeof *grown);
        if (!grown)
            return fail(s, "no memory for so many patches");
        t->patches = grown;
        s->capacity = capacity;
    }
    t->patches[t->count++] = p;
    return true;
}

static bool list(struct scan *s, bool (*item)(struct scan *s))
{
    if (!want(s, '[', "an array expected"))
        return false;
    if (have(s, ']'))
        return true;
    do {
        if (!item(s))
            return false;
    } while (have(s, ','));
    return want(s, ']', "an array that does not end");
}

/* An object; member() takes the value of a key that it knows and says so, or fails. */
static bool object(struct scan *s,
                   bool (*member)(struct scan *s, struct slice key, bool *ret_taken))
{
    struct slice key;
    uint32_t units;

    if (!want(s, '{', "an object expected"))
        return false;
    if (have(s, '}'))
        return true;
    do {
        bool taken = false;
        if (!string(s, &key, &units) || !want(s, ':', "':' expected") || !member(s, key, &taken) ||
            (!taken && !skip_value(s, 0)))
            return false;
    } while (have(s, ','));
    return want(s, '}', "an object that does not end");
}

static bool txn_member(struct scan *s, struct slice key, bool *ret_taken)
{
    *ret_taken = slice_equal(key, slice_str("patches"));
    return !*ret_taken || list(s, patch);
}

static bool txn(struct scan *s)
{
    s->trace->txns++;
    return object(s, txn_member);
}

static bool session_member(struct scan *s, struct slice key, bool *ret_taken)
{
    uint32_t units;

    *ret_taken = true;
    if (slice_equal(key, slice_str("startContent")))
        return string(s, &s->trace->start, &units);
    if (slice_equal(key, slice_str("endContent")))
        return string(s, &s->trace->end, &units);
    if (slice_equal(key, slice_str("txns")))
        return list(s, txn);
    *ret_taken = false;
    return true;
}

bool trace_parse(struct bytes *text, struct trace *ret, struct bytes *error)
{
    struct trace trace = {.text = bytes_steal(text)};
    struct scan s = {.start = trace.text.data,
                     .at = trace.text.data,
                     .end = trace.text.data + trace.text.size,
                     .trace = &trace};

    if (object(&s, session_member)) {
        skip_space(&s);
        if (s.at != s.end)
            fail(&s, "text behind the end");
        else if (trace.count == 0)
            fail(&s, "no patches");
    }
    if (s.wrong) {
        bytes_printf(error, "byte %zu: %s", (size_t)(s.at - s.start), s.wrong);
        trace_fini(&trace);
        return false;
    }
    *ret = trace;
    return true;
}

/* ---- the file ------------------------------------------------------------------------------- */

static bool file_read(gzFile file, const char *path, struct bytes *text, struct bytes *error)
{
    int n, code;

    bytes_init(text, TRACE_BYTES_MAX);
    do {
        uint8_t *room = bytes_reserve(text, 1u << 20);
        if (!room) {
            bytes_printf(error, "more than %u bytes, or no memory for them", TRACE_BYTES_MAX);
            return false;
        }
        n = gzread(file, room, 1u << 20);
        text->size += n > 0 ? (size_t)n : 0;
    } while (n > 0);
    /* Also where the file ends within the compressed data. */
    const char *words = gzerror(file, &code);
    if (n < 0 || code == Z_BUF_ERROR) {
        size_t named = strlen(path); /* zlib's words begin with the path, as ours do */
        if (strncmp(words, path, named) == 0 && strncmp(words + named, ": ", 2) == 0)
            words += named + 2;
        bytes_append_str(error, code == Z_ERRNO ? strerror(errno) : words);
        return false;
    }
    return true;
}

bool trace_read(const char *path, struct trace *ret, struct bytes *error)
{
    struct bytes text = BYTES_INIT;
    gzFile file = gzopen(path, "rb");

    if (!file) {
        bytes_append_str(error, strerror(errno ? errno : ENOMEM));
        return false;
    }
    bool good = file_read(file, path, &text, error);
    gzclose_r(file);
    if (good)
        return trace_parse(&text, ret, error);
    bytes_fini(&text);
    return false;
}

void trace_fini(struct trace *trace)
{
    bytes_fini(&trace->text);
    free(trace->patches);
    *trace = (struct trace){0};
}

int trace_op(const struct trace_patch *patch, struct arena *mem, struct ot_op *ret)
{
    struct ot_builder b;

    ot_builder_init(&b, mem);
    if (patch->position)
        ot_builder_retain(&b, patch->position, (struct slice){0});
    if (patch->inserted_units)
        ot_builder_insert(&b, patch->inserted, patch->inserted_units, (struct slice){0});
    if (patch->deleted)
        ot_builder_delete(&b, patch->deleted);
    return ot_builder_finish(&b, ret);
}
