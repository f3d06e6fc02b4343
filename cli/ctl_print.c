#include "ctl_print.h"

#include <string.h>

#include "codec_text.h"
#include "ctl_lines.h"
#include "json_delta.h"

typedef void op_write(const struct ot_op *op, struct bytes *out);

static const struct {
    const char *name;
    op_write *write; /* NULL: the text as it is */
    bool newline;    /* to be added */
} formats[] = {
    {"text", NULL, false},
    {"delta", json_delta_write, true},
    {"html", ctl_html_write, false},
    {"markdown", ctl_markdown_write, false},
};
#define FORMATS (sizeof formats / sizeof formats[0])

/* FORMATS: there is none of this name. */
static size_t format_of(const struct ctl *ctl)
{
    size_t i = 0;

    while (ctl->args.format && i < FORMATS && strcmp(formats[i].name, ctl->args.format) != 0)
        i++;
    return i;
}

enum ctl_exit ctl_print_check(struct ctl *ctl)
{
    if (format_of(ctl) < FORMATS)
        return CTL_YES;
    fprintf(ctl->err, "weftctl: --format is text, delta, html or markdown, not '%.40s'\n",
            ctl->args.format);
    return CTL_USAGE;
}

static void formatted_write(size_t format, const struct ot_rope *rope, struct bytes *out)
{
    struct arena mem;
    struct ot_op op;

    if (!formats[format].write) {
        ot_rope_text(rope, out);
        return;
    }
    arena_init(&mem, SIZE_MAX);
    MUST(ot_rope_to_op(rope, &mem, &op) == 0);
    formats[format].write(&op, out);
    arena_fini(&mem);
    if (formats[format].newline)
        bytes_append_u8(out, '\n');
}

/* As a member's value: a Delta is JSON itself, everything else a string. */
static void value_write(size_t format, const struct ot_rope *rope, struct bytes *out)
{
    struct bytes text = BYTES_INIT;

    formatted_write(format, rope, &text);
    MUST(!text.failed);
    if (formats[format].newline)
        bytes_append(out, text.data, text.size - 1);
    else
        json_string_write(bytes_slice(&text), out);
    bytes_fini(&text);
}

static void object_write(const struct ctl *ctl, const struct ctl_shown *s, struct bytes *out)
{
    bytes_append_str(out, "{\"doc\":");
    json_string_write(s->id, out);
    bytes_printf(out, ",\"rev\":%llu,\"hash\":\"", (unsigned long long)s->at.rev);
    hex_append(out, slice_of(s->at.hash, CHAIN_HASH_SIZE));
    bytes_append_str(out, "\"");
    if (s->kind)
        bytes_printf(out, ",\"kind\":\"%s\"", s->kind);
    if (s->title.data) {
        bytes_append_str(out, ",\"title\":");
        json_string_write(s->title, out);
    }
    bytes_printf(out, ",\"%s\":", formats[format_of(ctl)].name);
    value_write(format_of(ctl), s->rope, out);
    bytes_append_str(out, "}\n");
}

bool ctl_print_document(struct ctl *ctl, const struct ctl_shown *shown)
{
    struct bytes out = BYTES_INIT;

    if (ctl->args.json)
        object_write(ctl, shown, &out);
    else
        formatted_write(format_of(ctl), shown->rope, &out);
    MUST(!out.failed);
    bool written = fwrite(out.data, 1, out.size, ctl->out) == out.size && fflush(ctl->out) == 0;
    bytes_fini(&out);
    if (!written)
        fprintf(ctl->err, "weftctl: the document cannot be written to where it was to go\n");
    return written;
}

void ctl_write(struct ctl *ctl, struct bytes *out)
{
    MUST(!out->failed);
    if (out->size)
        fwrite(out->data, 1, out->size, ctl->out);
    bytes_fini(out);
}

const char *ctl_kind_name(enum wire_doc_kind kind)
{
    return kind == WIRE_DOC_RICH ? "rich" : kind == WIRE_DOC_TEXT ? "text" : NULL;
}
