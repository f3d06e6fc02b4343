#include "ctl_lines.h"

#include <string.h>
#include <strings.h>

#include "json_delta.h"
#include "ot_attrs.h"

static size_t newlines_in(const struct ot_op *op)
{
    size_t count = 0;

    for (uint32_t i = 0; i < op->count; i++) {
        const struct slice text = op->comps[i].content;
        for (size_t at = 0; op->comps[i].kind == OT_INSERT && at < text.size; at++)
            count += text.data[at] == '\n';
    }
    return count;
}

struct splitter {
    struct ctl_lines lines;
    struct ctl_span *spans;
    size_t used, begin; /* spans; the first of the line under way */
};

static void line_end(struct splitter *s, struct slice attrs)
{
    s->lines.lines[s->lines.count++] = (struct ctl_line){
        .spans = s->spans + s->begin, .count = s->used - s->begin, .attrs = attrs};
    s->begin = s->used;
}

static void text_split(struct splitter *s, const struct ot_comp *comp)
{
    struct slice rest = comp->content;

    while (rest.size) {
        const uint8_t *newline = memchr(rest.data, '\n', rest.size);
        size_t size = newline ? (size_t)(newline - rest.data) : rest.size;
        if (size)
            s->spans[s->used++] =
                (struct ctl_span){.text = slice_of(rest.data, size), .attrs = comp->attrs};
        if (newline)
            line_end(s, comp->attrs);
        size += newline != NULL;
        rest = slice_of(rest.data + size, rest.size - size);
    }
}

struct ctl_lines ctl_lines_of(struct arena *mem, const struct ot_op *op)
{
    size_t newlines = newlines_in(op);
    struct splitter s = {
        .lines.lines = arena_alloc(mem, (newlines + 1) * sizeof *s.lines.lines),
        .spans = arena_alloc(mem, (newlines + op->count + 1) * sizeof *s.spans),
    };

    MUST(s.lines.lines && s.spans);
    for (uint32_t i = 0; i < op->count; i++) {
        if (op->comps[i].kind == OT_EMBED)
            s.spans[s.used++] = (struct ctl_span){
                .text = op->comps[i].content, .attrs = op->comps[i].attrs, .embed = true};
        else
            text_split(&s, &op->comps[i]);
    }
    if (s.used > s.begin)
        line_end(&s, slice_of(NULL, 0));
    return s.lines;
}

/* ---- attributes ---- */

struct slice ctl_attr(struct slice attrs, const char *key)
{
    struct slice name, value;

    while (ot_attrs_next(&attrs, &name, &value)) {
        if (slice_equal(name, slice_str(key)))
            return value;
    }
    return slice_of(NULL, 0);
}

bool ctl_attr_on(struct slice attrs, const char *key)
{
    struct slice value = ctl_attr(attrs, key);

    return value.data && !slice_equal(value, slice_str("false")) &&
           !slice_equal(value, slice_str("null")) && !slice_equal(value, slice_str("\"\""));
}

/* A JSON string is read as what it is: the text of an insert. */
static struct slice string_read(struct arena *mem, struct slice value)
{
    struct bytes delta = BYTES_INIT;
    struct ot_op op;
    struct slice ret = slice_of(NULL, 0);

    if (!value.size || value.data[0] != '"')
        return ret;
    bytes_append_str(&delta, "[{\"insert\":");
    bytes_append_slice(&delta, value);
    bytes_append_str(&delta, "}]");
    MUST(!delta.failed);
    if (json_delta_read(mem, bytes_slice(&delta), &op, NULL) == 0)
        ret = op.count ? op.comps[0].content : slice_str("");
    bytes_fini(&delta);
    return ret;
}

struct slice ctl_attr_text(struct arena *mem, struct slice attrs, const char *key)
{
    return string_read(mem, ctl_attr(attrs, key));
}

unsigned ctl_attr_number(struct slice attrs, const char *key, unsigned max)
{
    struct slice value = ctl_attr(attrs, key);
    unsigned n = 0;

    if (value.size > 2 && value.data[0] == '"')
        value = slice_of(value.data + 1, value.size - 2);
    if (!value.size || value.size > 4)
        return 0;
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return 0;
        n = n * 10 + (unsigned)(value.data[i] - '0');
    }
    return n <= max ? n : 0;
}

/* Canonical: {"name":value}, the name without escapes or it is none that anybody knows. */
bool ctl_embed_read(struct arena *mem, struct slice value, struct slice *ret_name,
                    struct slice *ret_text)
{
    if (value.size < 5 || value.data[1] != '"')
        return false;
    const uint8_t *end = memchr(value.data + 2, '"', value.size - 2);
    size_t at = end ? (size_t)(end - value.data) : value.size;
    if (at + 2 >= value.size || value.data[at + 1] != ':')
        return false;
    *ret_name = slice_of(value.data + 2, at - 2);
    *ret_text = string_read(mem, slice_of(value.data + at + 2, value.size - at - 3));
    return true;
}

bool ctl_url_is_safe(struct slice url)
{
    static const char *const schemes[] = {
        "http://", "https://", "mailto:", "tel:", "data:image/", "/", "#"};

    for (size_t i = 0; i < url.size; i++) {
        if (url.data[i] <= ' ')
            return false;
    }
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        size_t size = strlen(schemes[i]);
        if (url.size >= size && strncasecmp((const char *)url.data, schemes[i], size) == 0)
            return true;
    }
    return false;
}
