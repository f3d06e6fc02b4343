/*
 * A document as lines of formatted text, as Quill's Delta means it: a newline carries the format of
 * the line that it ends, everything else that of itself. For get --format html and markdown.
 */
#ifndef WEFT_CTL_LINES_H
#define WEFT_CTL_LINES_H

#include "ot_op.h"

struct ctl_span {
    struct slice text;  /* without newlines; of an embed: its value, an object */
    struct slice attrs; /* ot_attrs.h */
    bool embed;
};

struct ctl_line {
    const struct ctl_span *spans;
    size_t count;
    struct slice attrs; /* of its newline; empty where the text ends without one */
};

struct ctl_lines {
    struct ctl_line *lines;
    size_t count;
};

/* `op` is a whole document. Lives in mem and borrows from op. */
struct ctl_lines ctl_lines_of(struct arena *mem, const struct ot_op *op);

/* The value of an attribute as canonical JSON; data NULL: it is not there. */
struct slice ctl_attr(struct slice attrs, const char *key);
/* Is it there and anything but false, null and ""? */
bool ctl_attr_on(struct slice attrs, const char *key);
/* A string's content; data NULL: it is no string. */
struct slice ctl_attr_text(struct arena *mem, struct slice attrs, const char *key);
/* A number from 1 to max, also as a string; else 0. */
unsigned ctl_attr_number(struct slice attrs, const char *key, unsigned max);
/* An embed of one member: its name ("image") and, if that is a string, its content. */
bool ctl_embed_read(struct arena *mem, struct slice value, struct slice *ret_name,
                    struct slice *ret_text);

/* An address that may become a link or an image in a page: nothing that runs (javascript:). */
bool ctl_url_is_safe(struct slice url);

void ctl_html_write(const struct ot_op *document, struct bytes *out);
/* CommonMark, with ~~ for what is struck out. Colours, fonts and alignment have no form there. */
void ctl_markdown_write(const struct ot_op *document, struct bytes *out);

#endif
