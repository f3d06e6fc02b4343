#include "ctl_check.h"

#include <stdarg.h>

#define REV(n) ((unsigned long long)(n))

static const char *const mark_names[] = {
    [CTL_MARK_SNAPSHOT] = "PostgreSQL's snapshot",
    [CTL_MARK_HEAD] = "PostgreSQL's head",
    [CTL_MARK_LIVE] = "the gateway's live state",
};

__attribute__((format(printf, 2, 3))) static void problem(struct ctl_check *c, const char *format,
                                                          ...)
{
    char line[600];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    for (char *at = line; *at; at++)
        *at = *at == '\n' ? ' ' : *at; /* a server's words may have lines */
    bytes_append_str(&c->problems, line);
    bytes_append_u8(&c->problems, '\n');
    MUST(!c->problems.failed);
    c->problem_count++;
}

/* ---- what is compared at a revision ---- */

static void snapshot_compare(struct ctl_check *c, const struct doc *doc)
{
    const struct doc *snapshot = c->snapshot.doc;

    if (!ot_rope_equal(doc_rope(snapshot), doc_rope(doc)))
        problem(c, "PostgreSQL's snapshot of revision %llu: another text than the history makes",
                REV(doc_position(doc).rev));
    else if (!doc_equal(snapshot, doc))
        problem(c,
                "PostgreSQL's snapshot of revision %llu: the text is right, but title, permissions "
                "or results of sessions are others than the history makes",
                REV(doc_position(doc).rev));
}

static void mark_compare(struct ctl_check *c, enum ctl_mark_kind kind, const struct ctl_replay *r)
{
    const struct ctl_mark *mark = &c->marks[kind];
    struct chain_position at = doc_position(r->doc);
    char here[CTL_HASH_TEXT], there[CTL_HASH_TEXT];

    if (at.rev != mark->at.rev)
        problem(c, "%s is at revision %llu, which lies inside the entry of revisions %llu to %llu",
                mark_names[kind], REV(mark->at.rev), REV(doc_entry_first_rev(r->doc)), REV(at.rev));
    else if (!chain_position_equal(&at, &mark->at))
        problem(c, "%s is at revision %llu with hash %s, the history has %s there",
                mark_names[kind], REV(at.rev), ctl_hash_text(&mark->at, there),
                ctl_hash_text(&at, here));
    else if (kind == CTL_MARK_SNAPSHOT)
        snapshot_compare(c, r->doc);
    else if (kind == CTL_MARK_HEAD && c->head_entry_first_rev != doc_entry_first_rev(r->doc))
        problem(c, "%s says that its last entry begins at revision %llu, it begins at %llu",
                mark_names[kind], REV(c->head_entry_first_rev), REV(doc_entry_first_rev(r->doc)));
    else if (kind == CTL_MARK_LIVE && !ot_rope_equal(client_doc_rope(c->live), doc_rope(r->doc)))
        problem(c, "%s at revision %llu is another text than the history makes", mark_names[kind],
                REV(at.rev));
}

static void marks_meet(struct ctl_check *c, const struct ctl_replay *r)
{
    for (int i = 0; i < CTL_MARKS; i++) {
        struct ctl_mark *mark = &c->marks[i];
        if (!mark->wanted || mark->met || doc_position(r->doc).rev < mark->at.rev)
            continue;
        mark->met = true;
        mark_compare(c, (enum ctl_mark_kind)i, r);
    }
}

static void on_entry(void *arg, struct ctl_replay *r)
{
    marks_meet(arg, r);
}

/* ---- the snapshots, each when the history comes to it ---- */

static void snapshot_take(void *arg, const struct pg_snapshot_reply *reply)
{
    struct ctl_check *c = arg;
    const struct pg_load_reply load = {
        .has_snapshot = true, .snapshot_at = reply->at, .snapshot = reply->bytes};

    c->snapshots_end = !reply->exists;
    if (c->snapshots_end)
        return;
    c->snapshot_rev = reply->at.rev;
    ctl_replay_fini(&c->snapshot);
    ctl_replay_init(&c->snapshot, c->snapshot.servers, c->snapshot.id, c->table);
    if (ctl_replay_snapshot(&c->snapshot, &load))
        c->marks[CTL_MARK_SNAPSHOT] = (struct ctl_mark){.wanted = true, .at = reply->at};
    else
        problem(c, "%s", c->snapshot.fault);
}

/* A snapshot is committed with the segment that ends there: the history stops at each. */
static void snapshot_place(struct ctl_check *c, const struct ctl_replay *r)
{
    struct ctl_mark *mark = &c->marks[CTL_MARK_SNAPSHOT];

    if (!mark->wanted || mark->met || mark->at.rev >= doc_position(r->doc).rev) {
        marks_meet(c, r);
        return;
    }
    mark->met = true;
    problem(c, "PostgreSQL's snapshot of revision %llu: no segment ends there", REV(mark->at.rev));
}

static void on_page(void *arg, struct ctl_replay *r)
{
    struct ctl_check *c = arg;
    const struct ctl_mark *mark = &c->marks[CTL_MARK_SNAPSHOT];

    while (!c->snapshots_end && !(mark->wanted && !mark->met)) {
        enum ctl_exit status =
            ctl_ask_snapshot(r->servers, r->id, c->snapshot_rev, snapshot_take, c);
        if (status == CTL_UNREACHABLE) {
            r->end = CTL_REPLAY_UNREACHABLE;
            return;
        }
        if (status == CTL_NO) {
            problem(c, "%s", ctl_servers_refusal(r->servers));
            c->snapshots_end = true;
        }
        snapshot_place(c, r);
    }
    r->page_end = mark->wanted && !mark->met ? mark->at.rev : UINT64_MAX;
}

/* ---- the end of the history ---- */

static void head_compare(struct ctl_check *c, const struct ctl_replay *r)
{
    struct chain_position at = doc_position(r->doc);
    char here[CTL_HASH_TEXT], there[CTL_HASH_TEXT];

    if (!r->has_head && at.rev)
        problem(c,
                "Redis has no head: it lost the document; PostgreSQL's, at revision %llu, is taken "
                "when somebody opens it",
                REV(at.rev));
    else if (r->has_head && r->head.rev < at.rev)
        problem(c, "Redis' head is at revision %llu, behind PostgreSQL at revision %llu",
                REV(r->head.rev), REV(at.rev));
    else if (r->has_head && !chain_position_equal(&r->head, &at))
        problem(c, "Redis' head is at revision %llu with hash %s, the history has %s there",
                REV(r->head.rev), ctl_hash_text(&r->head, there), ctl_hash_text(&at, here));
}

static void history_ended(struct ctl_check *c, const struct ctl_replay *r)
{
    for (int i = 0; i < CTL_MARKS; i++) {
        if (c->marks[i].wanted && !c->marks[i].met)
            problem(c, "%s is at revision %llu, but the history ends at revision %llu",
                    mark_names[i], REV(c->marks[i].at.rev), REV(doc_position(r->doc).rev));
    }
    head_compare(c, r);
    if (c->refusal[0] && doc_position(r->doc).rev)
        problem(c, "the gateway does not show it: %s", c->refusal);
}

static void look_take(void *arg, const struct redis_look_reply *reply)
{
    struct ctl_check *c = arg;

    if (reply->entries && !reply->marked)
        problem(c,
                "Redis' stream has %llu entries and no dirty mark: no archiver looks at it before "
                "the sweep",
                REV(reply->entries));
    else if (!reply->entries && reply->marked)
        problem(c, "Redis has a dirty mark, but the stream is empty");
}

/* Whatever the history is like: dirty equals "stream not empty" at any moment (I7). */
static enum ctl_exit mark_check(struct ctl_check *c, const struct ctl_replay *r)
{
    enum ctl_exit status = ctl_ask_look(r->servers, r->id, look_take, c);

    if (status == CTL_NO)
        problem(c, "%s", ctl_servers_refusal(r->servers));
    return status == CTL_UNREACHABLE ? status : CTL_YES;
}

static void head_take(void *arg, const struct pg_head *reply)
{
    struct ctl_check *c = arg;

    c->marks[CTL_MARK_HEAD] = (struct ctl_mark){.wanted = reply->exists, .at = reply->at};
    c->head_entry_first_rev = reply->entry_first_rev;
}

static enum ctl_exit replay(struct ctl_check *c, struct ctl_replay *r)
{
    enum ctl_exit status = ctl_ask_head(r->servers, r->id, head_take, c);

    if (status == CTL_UNREACHABLE)
        return status;
    if (status == CTL_NO)
        problem(c, "%s", ctl_servers_refusal(r->servers));
    marks_meet(c, r); /* live state may stand at revision 0 */
    switch (ctl_replay_run(r)) {
    case CTL_REPLAY_UNREACHABLE:
        return CTL_UNREACHABLE;
    case CTL_REPLAY_HEAD:
        history_ended(c, r);
        break;
    default:
        problem(c, "%s", r->fault);
        break;
    }
    if (mark_check(c, r) == CTL_UNREACHABLE)
        return CTL_UNREACHABLE;
    c->at = doc_position(r->doc);
    c->exists = c->problem_count || r->has_head || c->at.rev;
    return c->problem_count || !c->exists ? CTL_NO : CTL_YES;
}

/*
 * Before the stores are read: what the gateway shows is durable (I4), so it must be found there.
 * The client is taken off the connection, because it would follow what comes in meanwhile.
 */
static enum ctl_exit live_take(struct ctl_check *c, struct ctl_live *live, struct slice id,
                               struct ot_attrs_table *table)
{
    const struct client_events none = {0};

    c->live = client_doc_new(id, NULL, table, none);
    MUST(c->live);
    ctl_live_open(live, id, c->live);
    enum ctl_exit status = ctl_live_wait(live, ctl_live_is_live);
    (void)ctl_live_leave(live);
    if (status == CTL_YES)
        c->marks[CTL_MARK_LIVE] =
            (struct ctl_mark){.wanted = true, .at = client_doc_position(c->live)};
    else if (status == CTL_NO)
        snprintf(c->refusal, sizeof c->refusal, "%s", ctl_live_refusal(live));
    return status;
}

enum ctl_exit ctl_check_document(struct ctl_check *c, struct ctl_servers *servers,
                                 struct ctl_live *live, struct slice id)
{
    struct ot_attrs_table *table = ot_attrs_table_new(CTL_ATTRS_BYTES_MAX);
    struct ctl_replay r;

    MUST(table);
    *c = (struct ctl_check){.table = table};
    ctl_replay_init(&c->snapshot, servers, id, table);
    ctl_replay_init(&r, servers, id, table);
    r.whole = true;
    r.on_entry = on_entry;
    r.on_page = on_page;
    r.arg = c;
    enum ctl_exit status = live ? live_take(c, live, id, table) : CTL_YES;
    if (status != CTL_UNREACHABLE)
        status = replay(c, &r);
    c->live = client_doc_free(c->live);
    ctl_replay_fini(&r);
    ctl_replay_fini(&c->snapshot);
    ot_attrs_table_free(table);
    return status;
}

void ctl_check_fini(struct ctl_check *c)
{
    bytes_fini(&c->problems);
}
