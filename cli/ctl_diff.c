/* weftctl diff: what changed between two revisions. */
#include "codec_text.h"
#include "ctl_args.h"
#include "ctl_past.h"
#include "ctl_run_op.h"
#include "ctl_unified.h"
#include "json_delta.h"

struct diff {
    struct ctl *ctl;
    uint64_t from, to;
    const struct ot_rope *before; /* a snapshot at `from`: nothing is copied that stays the same */
    struct ctl_run_op run;
};

static bool wants_delta(const struct ctl *ctl)
{
    return ctl->args.format && strcmp(ctl->args.format, "delta") == 0;
}

static void on_begin(void *arg, struct doc *doc)
{
    struct diff *d = arg;

    d->before = doc_rope_snapshot(doc);
    MUST(d->before);
}

static void on_leave(void *arg)
{
    struct diff *d = arg;

    d->before = ot_rope_snapshot_release(d->before);
}

static bool on_entry(void *arg, const struct doc *doc, const struct wire_entry *entry, size_t bytes)
{
    struct diff *d = arg;

    if (wants_delta(d->ctl))
        ctl_run_op_add(&d->run, entry);
    return true;
}

static void change_write(const struct diff *d, const struct doc *doc, struct bytes *out)
{
    struct bytes before = BYTES_INIT, after = BYTES_INIT;
    char a_name[200], b_name[200];

    if (wants_delta(d->ctl)) {
        ctl_run_op_write(&d->run, out);
        bytes_append_u8(out, '\n');
        return;
    }
    snprintf(a_name, sizeof a_name, "%s\trevision %llu", d->ctl->args.doc,
             (unsigned long long)d->from);
    snprintf(b_name, sizeof b_name, "%s\trevision %llu", d->ctl->args.doc,
             (unsigned long long)d->to);
    ot_rope_text(d->before, &before);
    ot_rope_text(doc_rope(doc), &after);
    MUST(!before.failed && !after.failed);
    ctl_unified_write(bytes_slice(&before), a_name, bytes_slice(&after), b_name, out);
    bytes_fini(&before);
    bytes_fini(&after);
}

static enum ctl_exit on_end(void *arg, const struct doc *doc)
{
    struct diff *d = arg;
    struct bytes change = BYTES_INIT, object = BYTES_INIT, *out = &change;

    change_write(d, doc, &change);
    MUST(!change.failed);
    if (d->ctl->args.json) {
        bytes_append_str(&object, "{\"doc\":");
        json_string_write(doc_id(doc), &object);
        bytes_printf(&object, ",\"from\":%llu,\"to\":%llu,\"%s\":", (unsigned long long)d->from,
                     (unsigned long long)d->to, wants_delta(d->ctl) ? "delta" : "diff");
        if (wants_delta(d->ctl))
            bytes_append(&object, change.data, change.size - 1);
        else
            json_string_write(bytes_slice(&change), &object);
        bytes_append_str(&object, "}\n");
        MUST(!object.failed);
        out = &object;
    }
    if (out->size)
        fwrite(out->data, 1, out->size, d->ctl->out);
    bytes_fini(&change);
    bytes_fini(&object);
    return CTL_YES;
}

static enum ctl_exit diff(struct ctl *ctl, struct ctl_servers *servers, void *arg)
{
    struct diff *d = arg;
    const struct ctl_past_visitor visitor = {
        .begin = on_begin, .entry = on_entry, .end = on_end, .leave = on_leave, .arg = d};

    ctl_run_op_init(&d->run);
    enum ctl_exit status = ctl_past_walk(ctl, servers, d->from, d->to, &visitor);
    ctl_run_op_fini(&d->run);
    return status;
}

static bool args_check(struct diff *d)
{
    struct ctl *ctl = d->ctl;
    const char *format = ctl->args.format;

    if (!ctl_args_doc(ctl))
        return false;
    if (!ctl->args.operands[2])
        fprintf(ctl->err, "weftctl diff: two revisions are wanted (weftctl diff --help tells)\n");
    else if (format && strcmp(format, "text") != 0 && strcmp(format, "delta") != 0)
        fprintf(ctl->err, "weftctl: --format is text or delta, not '%.40s'\n", format);
    else if (!ctl_args_rev(ctl, "the first revision", ctl->args.operands[1], &d->from) ||
             !ctl_args_rev(ctl, "the second revision", ctl->args.operands[2], &d->to))
        return false;
    else if (d->from > d->to)
        fprintf(ctl->err, "weftctl: the first revision is the older one: %llu is above %llu\n",
                (unsigned long long)d->from, (unsigned long long)d->to);
    else
        return true;
    return false;
}

static enum ctl_exit run(struct ctl *ctl)
{
    struct diff d = {.ctl = ctl};

    return args_check(&d) ? ctl_servers_with(ctl, diff, &d) : CTL_USAGE;
}

static const struct ctl_option options[] = {
    {"format", "FORMAT", offsetof(struct ctl_args, format),
     "text (default): the lines that differ, as diff -u; delta: the one op from the first to the "
     "second, formats included."},
    {"json", NULL, offsetof(struct ctl_args, json), "An object, for programs."},
    CTL_WHERE_OPTIONS,
};

const struct ctl_verb ctl_verb_diff = {
    .name = "diff",
    .operand = "DOC REV REV",
    .summary = "shows what changed between two revisions",
    .more = "Where nothing changed nothing is written. What is stored is read.\n"
            "\n"
            "  weftctl diff 5f0c 100 120\n"
            "  weftctl diff 5f0c 100 120 --format delta\n",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run,
};
