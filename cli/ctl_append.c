/*
 * weftctl append: an edit as any client would make it, exactly once: it is named by a session of
 * its own, and sent again by that name if a connection is lost on the way (I5).
 */
#include <errno.h>
#include <stdlib.h>

#include "codec_text.h"
#include "crypto_random.h"
#include "ctl_args.h"
#include "ctl_live.h"
#include "ctl_replay.h"
#include "ev_loop.h"
#include "json_delta.h"
#include "ot_utf.h"

/* A text is appended in ops of this many bytes: well below the limit of one. */
#define PIECE_BYTES_MAX ((size_t)64 << 10)
#define JSON_MEMORY_MAX ((size_t)64 << 20)

struct append {
    struct ctl *ctl;
    struct ctl_live *live;
    struct client_doc *doc; /* ctl_live's */
    struct slice text;
    const struct ot_op *op; /* NULL: text, or nothing but create */
    uint64_t rev, ops;      /* of the last one that was acked; how many */
};

static void on_acked(void *arg, uint64_t seq, uint64_t rev)
{
    struct append *a = arg;

    a->rev = rev;
    a->ops++;
}

static enum ctl_exit no(const struct append *a, const char *why)
{
    fprintf(a->ctl->err, "weftctl: document '%s': %s\n", a->ctl->args.doc, why);
    return CTL_NO;
}

/* ---- one edit ---- */

static enum ctl_exit edit(struct append *a, const struct ot_op *op)
{
    char why[200];
    int r = client_doc_edit(a->doc, op);

    MUST(r != -ENOMEM);
    if (r) {
        snprintf(why, sizeof why, "the op does not fit: %s: %s",
                 r < 0 ? "read-only" : ot_outcome_name(r),
                 r < 0 ? "the document takes no edits now" : ot_outcome_text(r));
        return no(a, why);
    }
    enum ctl_exit status = ctl_live_wait(a->live, client_doc_saved);
    if (status == CTL_NO && client_doc_draft_may_be_in(a->doc))
        return no(a, "its history was replaced meanwhile (a store was restored?); the op may be in "
                     "or not: look before appending it again");
    if (status == CTL_NO)
        return no(a, ctl_live_refusal(a->live));
    if (status == CTL_UNREACHABLE)
        fprintf(a->ctl->err,
                "weftctl: the op was sent and may be in: look before appending it again\n");
    return status;
}

/* Where a text goes: at the end, in rich documents before the final newline. */
static enum ctl_exit piece_append(struct append *a, struct slice piece)
{
    uint64_t at = ot_rope_units(client_doc_rope(a->doc)), units = 0;
    struct arena mem;
    struct ot_builder builder;
    struct ot_op op;

    MUST(ot_utf_units(piece, &units));
    if (ctl_live_kind(a->live) == WIRE_DOC_RICH && at > 0)
        at--;
    arena_init(&mem, SIZE_MAX);
    ot_builder_init(&builder, &mem);
    ot_builder_retain(&builder, at, slice_of(NULL, 0));
    ot_builder_insert(&builder, piece, (uint32_t)units, slice_of(NULL, 0));
    MUST(ot_builder_finish(&builder, &op) == 0);
    enum ctl_exit status = edit(a, &op);
    arena_fini(&mem);
    return status;
}

/* At most PIECE_BYTES_MAX of whole characters. */
static size_t piece_size(struct slice text)
{
    size_t size = text.size < PIECE_BYTES_MAX ? text.size : PIECE_BYTES_MAX;

    while (size < text.size && (text.data[size] & 0xc0) == 0x80)
        size--;
    return size;
}

static enum ctl_exit text_append(struct append *a)
{
    struct slice rest = a->text;
    enum ctl_exit status = CTL_YES;

    while (rest.size && status == CTL_YES) {
        size_t size = piece_size(rest);
        status = piece_append(a, slice_of(rest.data, size));
        rest.data += size;
        rest.size -= size;
    }
    return status;
}

/* ---- the session ---- */

static struct wire_session session_new(const struct ctl_live *live)
{
    struct wire_session session;

    crypto_random(session.id, sizeof session.id);
    uint64_t random = load_be64(session.id);
    store_be64(session.id, ctl_live_time_ms(live) << 16 | (random & 0xffff));
    return session;
}

static void create_ask(struct client_doc *doc, bool rich)
{
    struct ot_comp newline = {.kind = OT_INSERT, .length = 1, .content = slice_str("\n")};
    const struct ot_op content = {.comps = &newline, .count = rich, .units_out = rich};

    MUST(client_doc_create(doc, rich ? WIRE_DOC_RICH : WIRE_DOC_TEXT, &content) == 0);
}

static bool opened(const struct client_doc *doc)
{
    return client_doc_state(doc) == CLIENT_LIVE && client_doc_saved(doc);
}

static void print(const struct append *a)
{
    struct bytes out = BYTES_INIT;

    if (a->ctl->args.json) {
        bytes_append_str(&out, "{\"doc\":");
        json_string_write(slice_str(a->ctl->args.doc), &out);
        bytes_printf(&out, ",\"rev\":%llu,\"ops\":%llu}\n", (unsigned long long)a->rev,
                     (unsigned long long)a->ops);
    } else {
        bytes_printf(&out, "%llu\n", (unsigned long long)a->rev);
    }
    MUST(!out.failed);
    fwrite(out.data, 1, out.size, a->ctl->out);
    bytes_fini(&out);
}

static enum ctl_exit append(struct append *a, struct ot_attrs_table *table)
{
    const struct wire_session session = session_new(a->live);
    struct slice id = slice_str(a->ctl->args.doc);
    const struct client_events events = {.ctx = a, .acked = on_acked};

    a->doc = client_doc_new(id, &session, table, events);
    MUST(a->doc);
    if (a->ctl->args.create)
        create_ask(a->doc, !a->ctl->args.kind || strcmp(a->ctl->args.kind, "rich") == 0);
    ctl_live_open(a->live, id, a->doc);
    enum ctl_exit status = ctl_live_wait(a->live, opened);
    if (status == CTL_NO)
        status = no(a, ctl_live_refusal(a->live));
    a->rev = client_doc_position(a->doc).rev;
    if (status == CTL_YES)
        status = a->op ? edit(a, a->op) : text_append(a);
    if (status == CTL_YES)
        print(a);
    client_doc_free(ctl_live_leave(a->live));
    return status;
}

static enum ctl_exit connect_and_append(struct append *a, const struct ctl_where *where)
{
    struct ev_loop *loop = ev_loop_new(NULL);
    struct ot_attrs_table *table = ot_attrs_table_new(CTL_ATTRS_BYTES_MAX);

    MUST(loop && table);
    enum ctl_exit status = ctl_live_connect(a->ctl, where, loop, &a->live);
    if (status == CTL_YES)
        status = append(a, table);
    ctl_live_close(a->live);
    ot_attrs_table_free(table);
    ev_loop_free(loop);
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
    if (args->kind && strcmp(args->kind, "rich") != 0 && strcmp(args->kind, "text") != 0)
        return usage(ctl, "--kind is rich or text");
    if (args->kind && !args->create)
        return usage(ctl, "--kind is for --create");
    return true;
}

static bool text_read(struct ctl *ctl, struct bytes *ret)
{
    bool is_stdin = strcmp(ctl->args.text, "-") == 0;
    FILE *file = is_stdin ? ctl->in : fopen(ctl->args.text, "r");
    uint8_t piece[16384];
    size_t size;
    uint64_t units;

    if (!file) {
        fprintf(ctl->err, "weftctl append: %.200s: %s\n", ctl->args.text, strerror(errno));
        return false;
    }
    bytes_init(ret, WIRE_DOCUMENT_BYTES_MAX);
    while (!ret->failed && (size = fread(piece, 1, sizeof piece, file)) > 0)
        bytes_append(ret, piece, size);
    bool broken = ferror(file) != 0;
    if (!is_stdin)
        fclose(file);
    if (broken)
        return usage(ctl, "the file cannot be read");
    if (ret->failed)
        return usage(ctl, "the text has more than 32 MiB, which no document takes");
    return ot_utf_units(bytes_slice(ret), &units) || usage(ctl, "the text is not UTF-8");
}

static bool op_read(struct ctl *ctl, struct arena *mem, struct ot_op *ret)
{
    struct json_error error = {{0}};
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
    struct ctl_where where;
    struct append a = {.ctl = ctl};
    struct bytes text = BYTES_INIT;
    struct arena mem;
    struct ot_op op;
    enum ctl_exit status = CTL_USAGE;

    if (!args_check(ctl) || !ctl_where_find(ctl, &where))
        return status;
    arena_init(&mem, JSON_MEMORY_MAX);
    if ((!ctl->args.op || op_read(ctl, &mem, &op)) && (!ctl->args.text || text_read(ctl, &text))) {
        a.op = ctl->args.op ? &op : NULL;
        a.text = bytes_slice(&text);
        status = connect_and_append(&a, &where);
    }
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
