/*
 * weftctl get: a document as it is, or as it was.
 *
 * An entry is a step that is taken whole: bases, positions and everything a reader ever saw are its
 * ends (I3). So a revision inside an entry is no state that anybody had; asking for it is refused
 * with the two revisions beside it that are.
 */
#include <stdlib.h>

#include "ctl_args.h"
#include "ctl_live.h"
#include "ctl_print.h"
#include "ctl_replay.h"
#include "ev_loop.h"

static const char *kind_name(enum wire_doc_kind kind)
{
    return kind == WIRE_DOC_RICH ? "rich" : kind == WIRE_DOC_TEXT ? "text" : NULL;
}

/* ---- stored ---- */

static void load_take(void *arg, const struct pg_load_reply *reply)
{
    struct ctl_replay *r = arg;

    if (reply->has_snapshot && !ctl_replay_snapshot(r, reply))
        MUST(r->end == CTL_REPLAY_FAULT);
}

static enum ctl_exit no(struct ctl *ctl, const char *what)
{
    fprintf(ctl->err, "weftctl: document '%s': %s\n", ctl->args.doc, what);
    return CTL_NO;
}

static enum ctl_exit revision_not_there(struct ctl *ctl, const struct ctl_replay *r)
{
    struct chain_position at = doc_position(r->doc);
    char what[256];

    if (r->end == CTL_REPLAY_INSIDE)
        snprintf(what, sizeof what,
                 "revision %llu lies inside the entry of revisions %llu to %llu, which took effect "
                 "together: ask for %llu or %llu",
                 (unsigned long long)r->stop_rev, (unsigned long long)doc_entry_first_rev(r->doc),
                 (unsigned long long)at.rev, (unsigned long long)doc_entry_first_rev(r->doc) - 1,
                 (unsigned long long)at.rev);
    else
        snprintf(what, sizeof what, "has no revision %llu yet, its last is %llu",
                 (unsigned long long)r->stop_rev, (unsigned long long)at.rev);
    return no(ctl, what);
}

static enum ctl_exit show(struct ctl *ctl, const struct ctl_replay *r)
{
    const struct ctl_shown shown = {.id = r->id,
                                    .rope = doc_rope(r->doc),
                                    .at = doc_position(r->doc),
                                    .kind = kind_name(doc_kind(r->doc)),
                                    .title =
                                        doc_title(r->doc).data ? doc_title(r->doc) : slice_str("")};

    return ctl_print_document(ctl, &shown) ? CTL_YES : CTL_UNREACHABLE;
}

static enum ctl_exit answer(struct ctl *ctl, const struct ctl_replay *r)
{
    switch (r->end) {
    case CTL_REPLAY_UNREACHABLE:
        return CTL_UNREACHABLE;
    case CTL_REPLAY_FAULT:
        return no(ctl, r->fault);
    case CTL_REPLAY_INSIDE:
        return revision_not_there(ctl, r);
    default:
        break;
    }
    if (doc_position(r->doc).rev == 0)
        return no(ctl, "there is none");
    if (r->stop_rev != UINT64_MAX && r->end != CTL_REPLAY_STOPPED)
        return revision_not_there(ctl, r);
    return show(ctl, r);
}

static enum ctl_exit get_stored(struct ctl *ctl, struct ctl_servers *servers, uint64_t rev)
{
    struct ot_attrs_table *table = ot_attrs_table_new(CTL_ATTRS_BYTES_MAX);
    struct ctl_replay r;

    MUST(table);
    ctl_replay_init(&r, servers, slice_str(ctl->args.doc), table);
    r.stop_rev = rev;
    enum ctl_exit status = ctl_ask_load(servers, r.id, rev, load_take, &r);
    if (status == CTL_NO)
        status = no(ctl, ctl_servers_refusal(servers));
    if (status == CTL_YES) {
        if (r.end == CTL_REPLAY_GOING && doc_position(r.doc).rev == rev)
            r.end = CTL_REPLAY_STOPPED;
        (void)ctl_replay_run(&r);
        status = answer(ctl, &r);
    }
    ctl_replay_fini(&r);
    ot_attrs_table_free(table);
    return status;
}

/* ---- live ---- */

static enum ctl_exit get_live(struct ctl *ctl, struct ctl_live *live)
{
    struct ot_attrs_table *table = ot_attrs_table_new(CTL_ATTRS_BYTES_MAX);
    struct slice id = slice_str(ctl->args.doc);
    const struct client_events none = {0};

    MUST(table);
    struct client_doc *doc = client_doc_new(id, NULL, table, none);
    MUST(doc);
    ctl_live_open(live, id, doc);
    enum ctl_exit status = ctl_live_wait(live, ctl_live_is_live);
    if (status == CTL_NO)
        status = no(ctl, ctl_live_refusal(live));
    if (status == CTL_YES) {
        const struct ctl_shown shown = {.id = id,
                                        .rope = client_doc_rope(doc),
                                        .at = client_doc_position(doc),
                                        .kind = kind_name(ctl_live_kind(live))};
        status = ctl_print_document(ctl, &shown) ? CTL_YES : CTL_UNREACHABLE;
    }
    client_doc_free(ctl_live_leave(live));
    ot_attrs_table_free(table);
    return status;
}

/* ---- the verb ---- */

static bool rev_of(struct ctl *ctl, uint64_t *ret)
{
    const char *text = ctl->args.rev;
    char *end;

    *ret = UINT64_MAX;
    if (!text)
        return true;
    unsigned long long n = strtoull(text, &end, 10);
    if (*end || text[0] < '0' || text[0] > '9' || n == 0 || n == UINT64_MAX) {
        fprintf(ctl->err, "weftctl: --rev is a revision, from 1, not '%.40s'\n", text);
        return false;
    }
    *ret = n;
    return true;
}

static enum ctl_exit run_stored(struct ctl *ctl, const struct ctl_where *where, uint64_t rev,
                                struct ev_loop *loop)
{
    struct ctl_servers *servers = NULL;
    enum ctl_exit status = ctl_servers_open(ctl, where, loop, &servers);

    if (status == CTL_YES)
        status = get_stored(ctl, servers, rev);
    ctl_servers_close(servers);
    return status;
}

static enum ctl_exit run_live(struct ctl *ctl, const struct ctl_where *where, struct ev_loop *loop)
{
    struct ctl_live *live = NULL;
    enum ctl_exit status = ctl_live_connect(ctl, where, loop, &live);

    if (status == CTL_YES)
        status = get_live(ctl, live);
    ctl_live_close(live);
    return status;
}

static bool args_check(struct ctl *ctl)
{
    const struct ctl_args *args = &ctl->args;

    if (!ctl_args_doc(ctl) || ctl_print_check(ctl) != CTL_YES)
        return false;
    if (!args->live || (!args->stored && !args->rev))
        return true;
    fprintf(ctl->err, "weftctl: --live and --%s exclude each other\n",
            args->stored ? "stored" : "rev");
    return false;
}

static enum ctl_exit run(struct ctl *ctl)
{
    struct ctl_where where;
    uint64_t rev;

    if (!args_check(ctl) || !rev_of(ctl, &rev) || !ctl_where_find(ctl, &where))
        return CTL_USAGE;
    struct ev_loop *loop = ev_loop_new(NULL);
    MUST(loop);
    bool live = ctl->args.live || (where.url[0] && !ctl->args.stored && !ctl->args.rev);
    enum ctl_exit status = live ? run_live(ctl, &where, loop) : run_stored(ctl, &where, rev, loop);
    ev_loop_free(loop);
    return status;
}

static const struct ctl_option options[] = {
    {"rev", "N", offsetof(struct ctl_args, rev), "As it was at this revision (stored)."},
    {"format", "FORMAT", offsetof(struct ctl_args, format), "text (default) or delta."},
    {"stored", NULL, offsetof(struct ctl_args, stored), "From Redis and PostgreSQL."},
    {"live", NULL, offsetof(struct ctl_args, live), "Through the gateway."},
    {"json", NULL, offsetof(struct ctl_args, json), "Also revision, hash, kind and title."},
    CTL_WHERE_OPTIONS,
};

const struct ctl_verb ctl_verb_get = {
    .name = "get",
    .operand = "DOC",
    .summary = "prints a document, as it is or as it was",
    .more =
        "The text comes as it is, with nothing added, embeds as U+FFFC; --format delta gives all\n"
        "of it. Live is what a client sees, and the default where a gateway is known; stored is\n"
        "what Redis and PostgreSQL hold, its chain verified. A revision inside an entry (several\n"
        "revisions that took effect together) is refused; the message names its ends.\n"
        "\n"
        "  weftctl get 5f0c --format delta\n"
        "  weftctl get 5f0c --rev 120\n"
        "  weftctl get 5f0c --stored | diff - <(weftctl get 5f0c --live)\n",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run,
};
