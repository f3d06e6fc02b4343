/* weftctl append: an edit as any client would make it, exactly once (ctl_edit.h). */
#include <string.h>

#include "ctl_args.h"
#include "ctl_edit.h"
#include "ctl_print.h"
#include "json_delta.h"

#define JSON_MEMORY_MAX ((size_t)64 << 20)

static void print(const struct ctl_edit *e)
{
    struct ctl *ctl = e->ctl;
    struct bytes out = BYTES_INIT;

    if (ctl->args.json) {
        bytes_append_str(&out, "{\"doc\":");
        json_string_write(e->id, &out);
        bytes_printf(&out, ",\"rev\":%llu,\"ops\":%llu}\n", (unsigned long long)e->rev,
                     (unsigned long long)e->ops);
    } else {
        bytes_printf(&out, "%llu\n", (unsigned long long)e->rev);
    }
    ctl_write(ctl, &out);
}

/* op NULL: the text. */
static enum ctl_exit append(struct ctl *ctl, const struct ot_op *op, struct slice text)
{
    struct ctl_edit e;
    enum wire_doc_kind kind = ctl->args.create ? ctl_edit_kind(ctl->args.kind) : WIRE_DOC_NONE;
    const struct ot_op nothing = ctl_edit_nothing(kind);

    enum ctl_exit status = ctl_edit_begin(&e, ctl);
    if (status == CTL_YES)
        status = ctl_edit_open(&e, slice_str(ctl->args.doc), kind, &nothing);
    if (status == CTL_YES)
        status = op ? ctl_edit_op(&e, op) : ctl_edit_text(&e, text);
    if (status == CTL_YES)
        print(&e);
    ctl_edit_end(&e);
    return status;
}

/* ---- the command line ---- */

static bool usage(const struct ctl *ctl, const char *what)
{
    fprintf(ctl->err, "weftctl append: %s (weftctl append --help tells)\n", what);
    return false;
}

static bool args_check(struct ctl *ctl)
{
    const struct ctl_args *args = &ctl->args;

    if (!ctl_args_doc(ctl))
        return false;
    if (args->op && args->text)
        return usage(ctl, "--op and --text exclude each other");
    if (!args->op && !args->text && !args->create)
        return usage(ctl, "what is to be appended? --op JSON or --text FILE");
    if (ctl_edit_kind(args->kind) == WIRE_DOC_NONE)
        return usage(ctl, "--kind is rich or text");
    if (args->kind && !args->create)
        return usage(ctl, "--kind is for --create");
    return true;
}

static bool op_read(struct ctl *ctl, struct arena *mem, struct ot_op *ret)
{
    struct json_error error = {0};
    int r = json_delta_read(mem, slice_str(ctl->args.op), ret, &error);

    if (r < 0)
        return usage(ctl, "--op takes too much memory");
    if (r) {
        fprintf(ctl->err, "weftctl append: --op: %s\n", error.text);
        return false;
    }
    return ret->count > 0 || usage(ctl, "--op changes nothing");
}

static enum ctl_exit run(struct ctl *ctl)
{
    struct bytes text = BYTES_INIT;
    struct arena mem;
    struct ot_op op;
    enum ctl_exit status = CTL_USAGE;

    if (!args_check(ctl))
        return status;
    arena_init(&mem, JSON_MEMORY_MAX);
    if ((!ctl->args.op || op_read(ctl, &mem, &op)) &&
        (!ctl->args.text || ctl_edit_text_read(ctl, ctl->args.text, &text)))
        status = append(ctl, ctl->args.op ? &op : NULL, bytes_slice(&text));
    arena_fini(&mem);
    bytes_fini(&text);
    return status;
}

static const struct ctl_option options[] = {
    {"op", "JSON", offsetof(struct ctl_args, op), "An op on the text as it is, as a Delta."},
    {"text", "FILE", offsetof(struct ctl_args, text), "A text to put at the end; - is stdin."},
    {"create", NULL, offsetof(struct ctl_args, create), "Create the document if there is none."},
    {"kind", "KIND", offsetof(struct ctl_args, kind), "Of a created one: rich (default) or text."},
    {"json", NULL, offsetof(struct ctl_args, json), "An object instead of a number."},
    {"url", "URL", offsetof(struct ctl_args, url), "Gateway, ws://HOST:PORT/; else WEFT_URL."},
    {"dir", "DIR", offsetof(struct ctl_args, dir),
     "Instance of scripts/up to use where no url is given (.run)."},
};

const struct ctl_verb ctl_verb_append = {
    .name = "append",
    .operand = "DOC",
    .summary = "edits a document, as a client of the gateway",
    .more =
        "The op is applied exactly once, also if connections are lost on the way, and is durable\n"
        "when its revision is printed. --text goes to the end, in rich documents before the final\n"
        "newline, in ops of at most 64 KiB.\n"
        "\n"
        "  weftctl append 5f0c --create --kind text --text chapter.txt\n"
        "  weftctl append 5f0c --op '[{\"insert\":\"Title\",\"attributes\":{\"bold\":true}}]'\n"
        "  echo one more line | weftctl append 5f0c --text -\n",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run,
};
