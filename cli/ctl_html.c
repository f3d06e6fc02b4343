/*
 * A document as a fragment of HTML. Everything that is a user's is escaped; addresses and styles
 * that could run or load something else than they say are left out.
 */
#include <string.h>

#include "ctl_lines.h"

struct html {
    struct bytes *out;
    struct arena *mem;
    const char *block; /* the list, quote or code that is open; NULL: none */
};

static void escape(struct bytes *out, struct slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        switch (text.data[i]) {
        case '&':
            bytes_append_str(out, "&amp;");
            break;
        case '<':
            bytes_append_str(out, "&lt;");
            break;
        case '>':
            bytes_append_str(out, "&gt;");
            break;
        case '"':
            bytes_append_str(out, "&quot;");
            break;
        case 0:
            bytes_append_str(out, "\xef\xbf\xbd"); /* no HTML may hold U+0000 */
            break;
        default:
            bytes_append_u8(out, text.data[i]);
        }
    }
}

/* ---- within a line ---- */

static const struct {
    const char *key, *tag;
} inline_tags[] = {
    {"bold", "strong"}, {"italic", "em"}, {"underline", "u"}, {"strike", "s"}, {"code", "code"}};

static bool style_is_safe(struct slice value)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789#(),.% -";

    for (size_t i = 0; i < value.size; i++) {
        if (!value.data[i] || !strchr(allowed, value.data[i]))
            return false;
    }
    return value.size > 0;
}

static void style_write(struct html *h, const char *property, struct slice attrs, const char *key)
{
    struct slice value = ctl_attr_text(h->mem, attrs, key);

    if (value.data && style_is_safe(value))
        bytes_printf(h->out, "%s:%.*s;", property, (int)value.size, (const char *)value.data);
}

static bool styled(struct html *h, struct slice attrs)
{
    size_t before = h->out->size;

    bytes_append_str(h->out, "<span style=\"");
    size_t empty = h->out->size;
    style_write(h, "color", attrs, "color");
    style_write(h, "background-color", attrs, "background");
    if (h->out->size == empty) {
        h->out->size = before;
        return false;
    }
    bytes_append_str(h->out, "\">");
    return true;
}

static const char *script_tag(struct html *h, struct slice attrs)
{
    struct slice value = ctl_attr_text(h->mem, attrs, "script");

    return slice_equal(value, slice_str("sub"))     ? "sub"
           : slice_equal(value, slice_str("super")) ? "sup"
                                                    : NULL;
}

static void embed_write(struct html *h, struct slice value)
{
    struct slice name, text;

    if (ctl_embed_read(h->mem, value, &name, &text) && text.data &&
        slice_equal(name, slice_str("image")) && ctl_url_is_safe(text)) {
        bytes_append_str(h->out, "<img src=\"");
        escape(h->out, text);
        bytes_append_str(h->out, "\" alt=\"\">");
        return;
    }
    bytes_append_str(h->out, "<code class=\"embed\">");
    escape(h->out, value);
    bytes_append_str(h->out, "</code>");
}

static void span_write(struct html *h, const struct ctl_span *span)
{
    struct slice link = ctl_attr_text(h->mem, span->attrs, "link");
    bool linked = link.data && ctl_url_is_safe(link);
    const char *script = script_tag(h, span->attrs);

    if (linked) {
        bytes_append_str(h->out, "<a href=\"");
        escape(h->out, link);
        bytes_append_str(h->out, "\">");
    }
    bool has_style = styled(h, span->attrs);
    for (size_t i = 0; i < sizeof inline_tags / sizeof *inline_tags; i++) {
        if (ctl_attr_on(span->attrs, inline_tags[i].key))
            bytes_printf(h->out, "<%s>", inline_tags[i].tag);
    }
    if (script)
        bytes_printf(h->out, "<%s>", script);
    if (span->embed)
        embed_write(h, span->text);
    else
        escape(h->out, span->text);
    if (script)
        bytes_printf(h->out, "</%s>", script);
    for (size_t i = sizeof inline_tags / sizeof *inline_tags; i-- > 0;) {
        if (ctl_attr_on(span->attrs, inline_tags[i].key))
            bytes_printf(h->out, "</%s>", inline_tags[i].tag);
    }
    bytes_append_str(h->out, has_style ? "</span>" : "");
    bytes_append_str(h->out, linked ? "</a>" : "");
}

static void spans_write(struct html *h, const struct ctl_line *line)
{
    for (size_t i = 0; i < line->count; i++)
        span_write(h, &line->spans[i]);
}

/* ---- lines ---- */

/* What lines of one kind share; NULL: they stand for themselves. */
static const char *block_of(struct html *h, struct slice attrs)
{
    struct slice list = ctl_attr_text(h->mem, attrs, "list");

    if (list.data)
        return slice_equal(list, slice_str("ordered")) ? "ol" : "ul";
    if (ctl_attr_on(attrs, "blockquote"))
        return "blockquote";
    return ctl_attr_on(attrs, "code-block") ? "pre" : NULL;
}

static void block_change(struct html *h, const char *block)
{
    if (block == h->block || (block && h->block && strcmp(block, h->block) == 0))
        return;
    if (h->block)
        bytes_printf(h->out, "</%s>\n", h->block);
    if (block)
        bytes_printf(h->out, "<%s>%s", block, strcmp(block, "pre") == 0 ? "" : "\n");
    h->block = block;
}

static void line_write(struct html *h, const struct ctl_line *line)
{
    const char *block = block_of(h, line->attrs);
    unsigned header = ctl_attr_number(line->attrs, "header", 6);
    char tag[4] = "p";

    block_change(h, block);
    if (block && strcmp(block, "pre") == 0) {
        spans_write(h, line);
        bytes_append_u8(h->out, '\n');
        return;
    }
    if (block && strcmp(block, "blockquote") != 0)
        strcpy(tag, "li");
    else if (header)
        tag[0] = 'h', tag[1] = (char)('0' + header);
    bytes_printf(h->out, "<%s", tag);
    struct slice align = ctl_attr_text(h->mem, line->attrs, "align");
    if (align.data && style_is_safe(align))
        bytes_printf(h->out, " style=\"text-align:%.*s\"", (int)align.size,
                     (const char *)align.data);
    bytes_append_str(h->out, ">");
    spans_write(h, line);
    bytes_printf(h->out, "%s</%s>\n", line->count ? "" : "<br>", tag);
}

void ctl_html_write(const struct ot_op *document, struct bytes *out)
{
    struct arena mem;

    arena_init(&mem, SIZE_MAX);
    struct html h = {.out = out, .mem = &mem};
    struct ctl_lines lines = ctl_lines_of(&mem, document);
    for (size_t i = 0; i < lines.count; i++)
        line_write(&h, &lines.lines[i]);
    block_change(&h, NULL);
    arena_fini(&mem);
}
