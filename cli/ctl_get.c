/*
 * weftctl get: a document as it is, or as it was.
 */
#include "ctl_args.h"
#include "ctl_live.h"
#include "ctl_past.h"
#include "ctl_print.h"
#include "ev_loop.h"

/* ---- stored ---- */

static enum ctl_exit no(struct ctl *ctl, const char *what)
{
    fprintf(ctl->err, "weftctl: document '%s': %s\n", ctl->args.doc, what);
    return CTL_NO;
}

static enum ctl_exit show(void *arg, const struct doc *doc)
{
    struct ctl *ctl = arg;
    const struct ctl_shown shown = {.id = doc_id(doc),
                                    .rope = doc_rope(doc),
                                    .at = doc_position(doc),
                                    .kind = ctl_kind_name(doc_kind(doc)),
                                    .title = doc_title(doc).data ? doc_title(doc) : slice_str("")};

    return ctl_print_document(ctl, &shown) ? CTL_YES : CTL_UNREACHABLE;
}

static enum ctl_exit get_stored(struct ctl *ctl, struct ctl_servers *servers, uint64_t rev)
{
    const struct ctl_past_visitor visitor = {.end = show, .arg = ctl};

    return ctl_past_walk(ctl, servers, rev, rev, &visitor);
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
                                        .kind = ctl_kind_name(ctl_live_kind(live))};
        status = ctl_print_document(ctl, &shown) ? CTL_YES : CTL_UNREACHABLE;
    }
    client_doc_free(ctl_live_leave(live));
    ot_attrs_table_free(table);
    return status;
}

/* ---- the verb ---- */

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
    uint64_t rev = CTL_PAST_HEAD;

    if (!args_check(ctl) || !ctl_args_rev(ctl, "--rev", ctl->args.rev, &rev) ||
        !ctl_where_find(ctl, &where))
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
    {"format", "FORMAT", offsetof(struct ctl_args, format),
     "text (default), delta, html or markdown."},
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
        "of it, html and markdown what these can say. Live is what a client sees, and the default "
        "where a gateway is known; stored is\n"
        "what Redis and PostgreSQL hold, its chain verified. A revision inside an entry (several\n"
        "revisions that took effect together) is refused; the message names its ends.\n"
        "\n"
        "  weftctl get 5f0c --format delta\n"
        "  weftctl get 5f0c --format markdown >chapter.md\n"
        "  weftctl get 5f0c --rev 120\n"
        "  weftctl get 5f0c --stored | diff - <(weftctl get 5f0c --live)\n",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run,
};
