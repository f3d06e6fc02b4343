/* A document as CommonMark (ctl_lines.h). */
#include <string.h>

#include "ctl_lines.h"

enum block { PLAIN, LIST, ORDERED, QUOTE, CODE };

struct markdown {
    struct bytes *out;
    struct arena *mem;
    enum block block; /* of the line before */
    bool begun;
    unsigned number; /* of the last ordered item */
};

/* Are these first `size` bytes digits, all of them? */
static bool digits(struct slice text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
    }
    return true;
}

/* Whatever could be markup gets a backslash; a line's first character is looked at harder. */
static void escape(struct markdown *m, struct slice text, bool begins)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        bool at_begin = begins && i == 0;
        if (c && (strchr("\\`*_[]<>~&", c) || (at_begin && strchr("#+-=|", c))))
            bytes_append_u8(m->out, '\\');
        /* "1." and "1)" at the start make a list. */
        if (begins && i && (c == '.' || c == ')') && digits(text, i))
            bytes_append_u8(m->out, '\\');
        bytes_append_u8(m->out, c);
    }
}

static void repeat(struct bytes *out, char c, size_t count)
{
    while (count--)
        bytes_append_u8(out, (uint8_t)c);
}

/* The longest run of backticks, so that the fence around is longer. */
static size_t backticks_in(struct slice text)
{
    size_t longest = 0, run = 0;

    for (size_t i = 0; i < text.size; i++) {
        run = text.data[i] == '`' ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    return longest;
}

static void code_write(struct markdown *m, struct slice text)
{
    size_t fence = backticks_in(text) + 1;
    const char *pad = fence > 1 ? " " : "";

    repeat(m->out, '`', fence);
    bytes_append_str(m->out, pad);
    bytes_append_slice(m->out, text);
    bytes_append_str(m->out, pad);
    repeat(m->out, '`', fence);
}

static void url_write(struct markdown *m, struct slice url)
{
    bytes_append_str(m->out, "](<");
    for (size_t i = 0; i < url.size; i++) {
        if (strchr("<>\\", url.data[i]))
            bytes_append_u8(m->out, '\\');
        bytes_append_u8(m->out, url.data[i]);
    }
    bytes_append_str(m->out, ">)");
}

static void embed_write(struct markdown *m, struct slice value)
{
    struct slice name, text;

    if (ctl_embed_read(m->mem, value, &name, &text) && text.data &&
        slice_equal(name, slice_str("image")) && ctl_url_is_safe(text)) {
        bytes_append_str(m->out, "![");
        url_write(m, text);
    } else {
        code_write(m, value);
    }
}

/* Emphasis must not begin or end with a blank: blanks at the ends go outside. */
static void span_write(struct markdown *m, const struct ctl_span *span, bool begins)
{
    static const struct {
        const char *key, *mark;
    } marks[] = {{"bold", "**"}, {"italic", "*"}, {"strike", "~~"}};
    struct slice link = ctl_attr_text(m->mem, span->attrs, "link"), text = span->text;
    size_t before = 0, after = 0;

    if (span->embed) {
        embed_write(m, span->text);
        return;
    }
    while (before < text.size && text.data[before] == ' ')
        before++;
    while (after < text.size - before && text.data[text.size - 1 - after] == ' ')
        after++;
    struct slice core = slice_of(text.data + before, text.size - before - after);
    repeat(m->out, ' ', before);
    bool linked = link.data && ctl_url_is_safe(link) && core.size;
    bytes_append_str(m->out, linked ? "[" : "");
    for (size_t i = 0; core.size && i < 3; i++)
        bytes_append_str(m->out, ctl_attr_on(span->attrs, marks[i].key) ? marks[i].mark : "");
    if (ctl_attr_on(span->attrs, "code") && core.size)
        code_write(m, core);
    else
        escape(m, core, begins && !before);
    for (size_t i = 3; core.size && i-- > 0;)
        bytes_append_str(m->out, ctl_attr_on(span->attrs, marks[i].key) ? marks[i].mark : "");
    if (linked)
        url_write(m, link);
    repeat(m->out, ' ', after);
}

static enum block block_of(struct markdown *m, struct slice attrs)
{
    struct slice list = ctl_attr_text(m->mem, attrs, "list");

    if (list.data)
        return slice_equal(list, slice_str("ordered")) ? ORDERED : LIST;
    if (ctl_attr_on(attrs, "blockquote"))
        return QUOTE;
    return ctl_attr_on(attrs, "code-block") ? CODE : PLAIN;
}

/* Lines of one list, quote or code follow one another; everything else is a paragraph. */
static void between(struct markdown *m, enum block block)
{
    if (m->block == CODE && block != CODE)
        bytes_append_str(m->out, "```\n");
    if (m->begun && (block == PLAIN || block != m->block))
        bytes_append_u8(m->out, '\n');
    if (block == CODE && m->block != CODE)
        bytes_append_str(m->out, "```\n");
    m->number = block == ORDERED && m->block == ORDERED ? m->number + 1 : 1;
    m->block = block;
    m->begun = true;
}

static void line_write(struct markdown *m, const struct ctl_line *line)
{
    enum block block = block_of(m, line->attrs);
    unsigned header = ctl_attr_number(line->attrs, "header", 6);

    if (!line->count && block == PLAIN)
        return;
    between(m, block);
    if (block == LIST)
        bytes_append_str(m->out, "- ");
    else if (block == ORDERED)
        bytes_printf(m->out, "%u. ", m->number);
    else if (block == QUOTE)
        bytes_append_str(m->out, "> ");
    else if (header) {
        repeat(m->out, '#', header);
        bytes_append_u8(m->out, ' ');
    }
    for (size_t i = 0; i < line->count; i++) {
        if (block == CODE)
            bytes_append_slice(m->out, line->spans[i].text);
        else
            span_write(m, &line->spans[i], i == 0);
    }
    bytes_append_str(m->out, block == QUOTE ? "  \n" : "\n");
}

void ctl_markdown_write(const struct ot_op *document, struct bytes *out)
{
    struct arena mem;

    arena_init(&mem, SIZE_MAX);
    struct markdown m = {.out = out, .mem = &mem};
    struct ctl_lines lines = ctl_lines_of(&mem, document);
    for (size_t i = 0; i < lines.count; i++)
        line_write(&m, &lines.lines[i]);
    if (m.block == CODE)
        bytes_append_str(out, "```\n");
    arena_fini(&mem);
}
