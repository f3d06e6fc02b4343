#include "ctl_print.h"

#include "codec_text.h"
#include "json_delta.h"

static bool wants_delta(const struct ctl *ctl)
{
    return ctl->args.format && strcmp(ctl->args.format, "delta") == 0;
}

enum ctl_exit ctl_print_check(struct ctl *ctl)
{
    const char *format = ctl->args.format;

    if (!format || strcmp(format, "text") == 0 || strcmp(format, "delta") == 0)
        return CTL_YES;
    fprintf(ctl->err, "weftctl: --format is delta or text, not '%.40s'\n", format);
    return CTL_USAGE;
}

static void delta_write(const struct ot_rope *rope, struct bytes *out)
{
    struct arena mem;
    struct ot_op op;

    arena_init(&mem, SIZE_MAX);
    MUST(ot_rope_to_op(rope, &mem, &op) == 0);
    json_delta_write(&op, out);
    arena_fini(&mem);
}

static void text_write(const struct ot_rope *rope, struct bytes *out)
{
    struct bytes text = BYTES_INIT;

    ot_rope_text(rope, &text);
    MUST(!text.failed);
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
    bytes_append_str(out, wants_delta(ctl) ? ",\"delta\":" : ",\"text\":");
    if (wants_delta(ctl))
        delta_write(s->rope, out);
    else
        text_write(s->rope, out);
    bytes_append_str(out, "}\n");
}

bool ctl_print_document(struct ctl *ctl, const struct ctl_shown *shown)
{
    struct bytes out = BYTES_INIT;

    if (ctl->args.json) {
        object_write(ctl, shown, &out);
    } else if (wants_delta(ctl)) {
        delta_write(shown->rope, &out);
        bytes_append_u8(&out, '\n');
    } else {
        ot_rope_text(shown->rope, &out);
    }
    MUST(!out.failed);
    bool written = fwrite(out.data, 1, out.size, ctl->out) == out.size && fflush(ctl->out) == 0;
    bytes_fini(&out);
    if (!written)
        fprintf(ctl->err, "weftctl: the document cannot be written to where it was to go\n");
    return written;
}
