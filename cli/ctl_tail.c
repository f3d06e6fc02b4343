/*
 * weftctl tail: the last changes of a document, and those that come.
 *
 * Following begins before what is stored is read, and what comes meanwhile is kept: so nothing is
 * missed between the two, and nothing shown twice, because revisions are counted.
 */
#include "ctl_args.h"
#include "ctl_live.h"
#include "ctl_past.h"
#include "ctl_record.h"
#include "ev_loop.h"

#define LINES_DEFAULT 10

struct tail {
    struct ctl *ctl;
    uint64_t lines, shown_rev; /* the last revision that was shown or passed over */
    uint64_t left;             /* changes to show of those that come; UINT64_MAX: all */
    bool stored;               /* what is stored is shown first */
    bool waits;                /* what comes is kept */
    struct bytes kept;         /* entries, each behind its size */
    uint64_t head;             /* in the stores; 0: there is none */
};

/* ---- what comes ---- */

static void record_show(struct tail *t, const struct ctl_record *record)
{
    if (record->rev <= t->shown_rev)
        return;
    t->shown_rev = record->rev;
    if (!t->left)
        return;
    t->left -= t->left != UINT64_MAX;
    ctl_record_print(t->ctl, record, true);
    fflush(t->ctl->out);
}

static void records_show(struct tail *t, const struct wire_client_record *records, size_t count,
                         uint64_t rev, uint64_t time_ms)
{
    for (size_t i = 0; i < count; i++) {
        const struct wire_client_record *from = &records[i];
        rev += from->count;
        struct ctl_record record = {.rev = rev,
                                    .count = from->count,
                                    .time_ms = time_ms,
                                    .has_author = from->has_author,
                                    .kind = from->kind,
                                    .body = from->body};
        memcpy(record.author, from->author, sizeof record.author);
        record_show(t, &record);
    }
}

static void entry_show(struct tail *t, const struct wire_client_entry *entry)
{
    records_show(t, entry->records, entry->count, entry->first_rev - 1, entry->time_ms);
}

static void entry_keep(struct tail *t, const struct wire_client_entry *entry)
{
    struct bytes encoded = BYTES_INIT;

    wire_client_entry_encode(entry, &encoded);
    bytes_append_varint(&t->kept, encoded.size);
    bytes_append_slice(&t->kept, bytes_slice(&encoded));
    MUST(!encoded.failed && !t->kept.failed);
    bytes_fini(&encoded);
}

static void kept_show(struct tail *t)
{
    struct slice rest = bytes_slice(&t->kept);
    struct wire_client_entry entry;
    struct arena mem;
    uint64_t size;

    arena_init(&mem, SIZE_MAX);
    while (rest.size) {
        MUST(varint_take(&rest, &size) && size <= rest.size);
        MUST(wire_client_entry_decode(&mem, slice_of(rest.data, (size_t)size), &entry) == 0);
        entry_show(t, &entry);
        rest = slice_of(rest.data + size, rest.size - (size_t)size);
        arena_reset(&mem);
    }
    arena_fini(&mem);
    bytes_fini(&t->kept);
    t->waits = false;
}

/* The answer to an Open, the first or after a lost connection: what was missed, in one run. */
static void opened_show(struct tail *t, const struct wire_opened *opened)
{
    struct wire_ops ops;
    struct arena mem;

    if (t->waits && !t->stored)
        t->shown_rev = opened->position.rev; /* begins here */
    if (t->waits || opened->position.rev <= t->shown_rev)
        return;
    arena_init(&mem, SIZE_MAX);
    bool whole = opened->outcome == WIRE_OPENED_OPS &&
                 opened->payload.size == opened->payload_bytes &&
                 wire_ops_decode(&mem, opened->payload, &ops) == 0;
    if (whole)
        records_show(t, ops.records, ops.count, t->shown_rev, 0);
    else
        fprintf(t->ctl->err,
                "weftctl: revisions %llu to %llu came at once (weftctl history --from shows "
                "them)\n",
                (unsigned long long)t->shown_rev + 1, (unsigned long long)opened->position.rev);
    t->shown_rev = opened->position.rev;
    arena_fini(&mem);
}

static void on_frame(void *arg, const struct wire_server_frame *frame)
{
    struct tail *t = arg;

    if (frame->type == WIRE_DOWN_OPENED)
        opened_show(t, &frame->opened);
    else if (frame->type == WIRE_DOWN_ENTRY && t->waits)
        entry_keep(t, &frame->entry);
    else if (frame->type == WIRE_DOWN_ENTRY)
        entry_show(t, &frame->entry);
}

/* ---- what is stored ---- */

static void head_take(void *arg, const struct redis_read_reply *reply)
{
    struct tail *t = arg;

    t->head = reply->has_head ? reply->head.rev : 0;
}

static void archived_take(void *arg, const struct pg_head *reply)
{
    struct tail *t = arg;

    t->head = reply->at.rev > t->head ? reply->at.rev : t->head;
}

static bool on_entry(void *arg, const struct doc *doc, const struct wire_entry *entry, size_t bytes)
{
    struct tail *t = arg;

    for (size_t i = 0; i < entry->count; i++) {
        struct ctl_record record = ctl_record_stored(doc_id(doc), entry, i);
        if (record.rev <= t->shown_rev)
            continue;
        t->shown_rev = record.rev;
        ctl_record_print(t->ctl, &record, true);
    }
    return true;
}

static enum ctl_exit stored_show(struct ctl *ctl, struct ctl_servers *servers, void *arg)
{
    struct tail *t = arg;
    struct slice id = slice_str(ctl->args.doc);
    const struct ctl_past_visitor visitor = {.entry = on_entry, .arg = t, .inside_too = true};

    enum ctl_exit status = ctl_ask_read(servers, id, UINT64_MAX, head_take, t);
    if (status == CTL_YES)
        status = ctl_ask_head(servers, id, archived_take, t);
    if (status == CTL_NO) {
        fprintf(ctl->err, "weftctl: %s\n", ctl_servers_refusal(servers));
        return CTL_UNREACHABLE;
    }
    if (status != CTL_YES)
        return status;
    t->shown_rev = t->head > t->lines ? t->head - t->lines : 0;
    return ctl_past_walk(ctl, servers, t->shown_rev, CTL_PAST_HEAD, &visitor);
}

/* ---- the verb ---- */

static enum ctl_exit refused(const struct tail *t, const struct ctl_live *live)
{
    fprintf(t->ctl->err, "weftctl: document '%s': %s\n", t->ctl->args.doc, ctl_live_refusal(live));
    return CTL_NO;
}

static enum ctl_exit follow(struct tail *t, struct ctl_live *live)
{
    enum ctl_exit status = ctl_live_wait(live, ctl_live_is_live);

    if (status == CTL_NO)
        return refused(t, live);
    if (status == CTL_YES && t->stored)
        status = ctl_servers_with(t->ctl, stored_show, t);
    if (status != CTL_YES)
        return status;
    fflush(t->ctl->out);
    kept_show(t);
    while (t->left) {
        if (!ctl_live_follow(live))
            return refused(t, live);
        if (ferror(t->ctl->out))
            return CTL_YES; /* nobody reads any more */
    }
    return CTL_YES;
}

static enum ctl_exit run_live(struct tail *t, const struct ctl_where *where)
{
    struct ev_loop *loop = ev_loop_new(NULL);
    struct ot_attrs_table *table = ot_attrs_table_new(CTL_ATTRS_BYTES_MAX);
    const struct client_events none = {0};
    struct slice id = slice_str(t->ctl->args.doc);
    struct ctl_live *live = NULL;

    MUST(loop && table);
    enum ctl_exit status = ctl_live_connect(t->ctl, where, loop, &live);
    if (status == CTL_YES) {
        struct client_doc *doc = client_doc_new(id, NULL, table, none);
        MUST(doc);
        t->waits = true;
        t->stored = t->lines && where->redis[0];
        ctl_live_watch(live, on_frame, t);
        ctl_live_open(live, id, doc);
        status = follow(t, live);
        client_doc_free(ctl_live_leave(live));
    }
    ctl_live_close(live);
    ot_attrs_table_free(table);
    ev_loop_free(loop);
    bytes_fini(&t->kept);
    return status;
}

static enum ctl_exit run(struct ctl *ctl)
{
    struct tail t = {.ctl = ctl, .lines = LINES_DEFAULT, .left = UINT64_MAX};
    struct ctl_where where;

    if (!ctl_args_doc(ctl) ||
        !ctl_args_number(ctl, "--lines", ctl->args.lines, 0, UINT32_MAX, &t.lines) ||
        !ctl_args_number(ctl, "--count", ctl->args.count, 1, UINT32_MAX, &t.left) ||
        !ctl_where_find(ctl, &where))
        return CTL_USAGE;
    return ctl->args.follow ? run_live(&t, &where) : ctl_servers_with(ctl, stored_show, &t);
}

static const struct ctl_option options[] = {
    {"follow", NULL, offsetof(struct ctl_args, follow), "Go on with what comes, live.", 'f'},
    {"lines", "N", offsetof(struct ctl_args, lines), "Begin with so many of the last (10).", 'n'},
    {"count", "N", offsetof(struct ctl_args, count), "With -f: end after so many that came."},
    {"json", NULL, offsetof(struct ctl_args, json), "One object a line, for programs."},
    CTL_WHERE_OPTIONS,
};

const struct ctl_verb ctl_verb_tail = {
    .name = "tail",
    .operand = "DOC",
    .summary = "shows the last changes of a document, and with -f those that come",
    .more =
        "One line for each change, as history --ops has them. With -f a gateway is listened to,\n"
        "as any client's; a connection that is lost is made again, and what came meanwhile is\n"
        "shown as one run. Where only a gateway is known it begins with what comes.\n"
        "\n"
        "  weftctl tail 5f0c\n"
        "  weftctl tail -f -n 0 5f0c --json\n",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run,
};
