/*
 * weftctl replay: a document's history again, step by step, to look at or into a fresh document.
 *
 * Into a document: the steps are kept until the history is read, because what is read must not be
 * changed by what is written, and are then submitted like any client's edits.
 */
#include "ctl_args.h"
#include "ctl_edit.h"
#include "ctl_past.h"
#include "ctl_print.h"
#include "ctl_progress.h"
#include "ctl_run_op.h"
#include "ctl_time.h"
#include "json_delta.h"

struct replay {
    struct ctl *ctl;
    uint64_t from, to, step; /* from 0: before the first revision */
    enum wire_doc_kind kind;
    struct ctl_run_op run; /* of the step under way */
    uint64_t run_from;     /* first revision in it; 0: it is empty */
    uint64_t time_ms;      /* of its last entry */
    uint64_t steps;
    struct bytes kept;     /* with --into: steps as ops, each behind its size */
    struct bytes expected; /* with --into: the text at the end, as an op */
};

/* ---- steps ---- */

static void step_print(struct replay *r, uint64_t rev)
{
    struct bytes out = BYTES_INIT;
    char time[CTL_TIME_TEXT] = "-";

    if (r->time_ms)
        ctl_time_text(r->time_ms, time);
    if (r->ctl->args.json)
        bytes_printf(&out, "{\"rev\":%llu,\"time\":\"%s\",\"op\":", (unsigned long long)rev, time);
    else
        bytes_printf(&out, "%8llu  %-24s  ", (unsigned long long)rev, time);
    ctl_run_op_write(&r->run, &out);
    bytes_append_str(&out, r->ctl->args.json ? "}\n" : "\n");
    ctl_write(r->ctl, &out);
}

static void step_end(struct replay *r, uint64_t rev)
{
    if (r->ctl->args.into) {
        bytes_append_varint(&r->kept, r->run.op.size);
        bytes_append_slice(&r->kept, bytes_slice(&r->run.op));
        MUST(!r->kept.failed);
    } else {
        step_print(r, rev);
    }
    r->steps++;
    r->run_from = 0;
    ctl_run_op_reset(&r->run);
}

static void on_begin(void *arg, struct doc *doc)
{
    struct replay *r = arg;
    struct ot_op all;
    struct arena mem;

    if (doc_position(doc).rev == 0)
        return;
    arena_init(&mem, SIZE_MAX);
    MUST(ot_rope_to_op(doc_rope(doc), &mem, &all) == 0);
    ot_encode(&all, &r->run.op);
    MUST(!r->run.op.failed);
    arena_fini(&mem);
    r->time_ms = doc_time_ms(doc);
    step_end(r, doc_position(doc).rev);
}

static bool on_entry(void *arg, const struct doc *doc, const struct wire_entry *entry, size_t bytes)
{
    struct replay *r = arg;
    uint64_t rev = doc_position(doc).rev;

    if (!r->run_from)
        r->run_from = entry->first_rev;
    ctl_run_op_add(&r->run, entry);
    r->time_ms = entry->time_ms;
    if (rev - r->run_from + 1 >= r->step)
        step_end(r, rev);
    return true;
}

static enum ctl_exit on_end(void *arg, const struct doc *doc)
{
    struct replay *r = arg;
    struct ot_op all;
    struct arena mem;

    if (r->run_from)
        step_end(r, doc_position(doc).rev);
    r->kind = doc_kind(doc);
    arena_init(&mem, SIZE_MAX);
    MUST(ot_rope_to_op(doc_rope(doc), &mem, &all) == 0);
    ot_encode(&all, &r->expected);
    MUST(!r->expected.failed);
    arena_fini(&mem);
    return CTL_YES;
}

static enum ctl_exit walk(struct ctl *ctl, struct ctl_servers *servers, void *arg)
{
    struct replay *r = arg;
    const struct ctl_past_visitor visitor = {
        .begin = on_begin, .entry = on_entry, .end = on_end, .arg = r};

    return ctl_past_walk(ctl, servers, r->from, r->to, &visitor);
}

/* ---- into a fresh document ---- */

static struct slice kept_take(struct slice *rest)
{
    uint64_t size;

    MUST(varint_take(rest, &size) && size <= rest->size);
    struct slice op = slice_of(rest->data, (size_t)size);
    *rest = slice_of(rest->data + size, rest->size - (size_t)size);
    return op;
}

static enum ctl_exit step_submit(struct replay *r, struct ctl_edit *e, struct slice encoded,
                                 bool first)
{
    struct ot_op op = OT_IDENTITY;
    struct arena mem;
    enum ctl_exit status = CTL_YES;

    arena_init(&mem, SIZE_MAX);
    if (encoded.size)
        MUST(ot_decode(&mem, encoded, &ctl_run_op_limits, &op) == 0);
    if (first)
        status = ctl_edit_create(e, slice_str(r->ctl->args.into), r->kind, &op);
    else if (op.count)
        status = ctl_edit_op(e, &op);
    arena_fini(&mem);
    return status;
}

static enum ctl_exit compare(const struct replay *r, const struct ctl_edit *e)
{
    struct bytes made = BYTES_INIT;
    struct ot_op all;
    struct arena mem;

    arena_init(&mem, SIZE_MAX);
    MUST(ot_rope_to_op(client_doc_rope(e->doc), &mem, &all) == 0);
    ot_encode(&all, &made);
    MUST(!made.failed);
    bool same = slice_equal(bytes_slice(&made), bytes_slice(&r->expected));
    bytes_fini(&made);
    arena_fini(&mem);
    if (!same)
        fprintf(r->ctl->err,
                "weftctl: document '%s' does not hold what '%s' held: was it edited "
                "meanwhile?\n",
                r->ctl->args.into, r->ctl->args.doc);
    return same ? CTL_YES : CTL_NO;
}

static enum ctl_exit submit_all(struct replay *r, struct ctl_edit *e)
{
    struct slice rest = bytes_slice(&r->kept);
    struct ctl_progress progress;
    enum ctl_exit status = CTL_YES;
    uint64_t done = 0;

    ctl_progress_init(&progress, r->ctl);
    for (; rest.size && status == CTL_YES; done++) {
        status = step_submit(r, e, kept_take(&rest), done == 0);
        ctl_progress_show(&progress, done, r->steps, "steps");
    }
    ctl_progress_end(&progress);
    return status == CTL_YES ? compare(r, e) : status;
}

static enum ctl_exit submit(struct replay *r)
{
    struct ctl_edit e;
    enum ctl_exit status = ctl_edit_begin(&e, r->ctl);

    if (status == CTL_YES)
        status = submit_all(r, &e);
    if (status == CTL_YES)
        fprintf(r->ctl->out,
                r->ctl->args.json ? "{\"steps\":%llu,\"rev\":%llu}\n"
                                  : "%llu steps, at revision %llu\n",
                (unsigned long long)r->steps, (unsigned long long)e.rev);
    ctl_edit_end(&e);
    return status;
}

/* ---- the verb ---- */

static bool args_check(struct replay *r)
{
    struct ctl *ctl = r->ctl;

    if (!ctl_args_doc(ctl) || !ctl_args_rev(ctl, "--from", ctl->args.from, &r->from) ||
        !ctl_args_rev(ctl, "--to", ctl->args.to, &r->to) ||
        !ctl_args_number(ctl, "--step", ctl->args.step, 1, UINT32_MAX, &r->step))
        return false;
    if (r->from > r->to)
        fprintf(ctl->err, "weftctl: --from is above --to\n");
    else if (ctl->args.into && !wire_doc_id_valid(slice_str(ctl->args.into)))
        fprintf(ctl->err, "weftctl: --into cannot be a document's id\n");
    else
        return true;
    return false;
}

static enum ctl_exit run(struct ctl *ctl)
{
    struct replay r = {.ctl = ctl, .to = CTL_PAST_HEAD, .step = 1};

    if (!args_check(&r))
        return CTL_USAGE;
    ctl_run_op_init(&r.run);
    enum ctl_exit status = ctl_servers_with(ctl, walk, &r);
    if (status == CTL_YES && ctl->args.into)
        status = submit(&r);
    ctl_run_op_fini(&r.run);
    bytes_fini(&r.kept);
    bytes_fini(&r.expected);
    return status;
}

static const struct ctl_option options[] = {
    {"from", "REV", offsetof(struct ctl_args, from),
     "Begin with the text at this revision, as one step (before the first)."},
    {"to", "REV", offsetof(struct ctl_args, to), "Up to this revision (the last)."},
    {"step", "N", offsetof(struct ctl_args, step),
     "Revisions to compose into one step, at least: entries are not cut (1)."},
    {"into", "DOC", offsetof(struct ctl_args, into),
     "Submit the steps to this document, which must not exist, through the gateway."},
    {"json", NULL, offsetof(struct ctl_args, json), "One object a line, for programs."},
    CTL_WHERE_OPTIONS,
};

const struct ctl_verb ctl_verb_replay = {
    .name = "replay",
    .operand = "DOC",
    .summary = "makes a document's history again, step by step",
    .more =
        "Each step is a line: the revision that it leads to, the time, the op as a Delta. With\n"
        "--into the text and its formats are made again in a fresh document, and compared at the\n"
        "end; titles and permissions are not. A step of more than 256 KiB is refused there: take\n"
        "smaller ones.\n"
        "\n"
        "  weftctl replay 5f0c --from 100 --to 200\n"
        "  weftctl replay 5f0c --step 50 --into trial-5f0c\n"
        "  weftctl replay 5f0c --json --step 1000000 | tail -n 1\n",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run,
};
