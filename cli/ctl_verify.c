/* weftctl verify: one document, or all; one line for each thing that is not as it must be. */
#include "ctl_args.h"
#include "ctl_check.h"
#include "ctl_docs.h"
#include "ctl_metric.h"
#include "ctl_print.h"
#include "ctl_progress.h"
#include "ev_loop.h"
#include "json_delta.h"

struct verify {
    struct ctl *ctl;
    struct ctl_servers *servers;
    struct ctl_live *live; /* NULL: no gateway is known */
    struct ev_loop *loop;
    uint64_t documents, wrong, revisions;
    struct ctl_progress progress;
};

/* ---- what is said ---- */

static void progress(struct verify *v)
{
    char what[80];

    snprintf(what, sizeof what, "documents, %llu revisions, %llu wrong",
             (unsigned long long)v->revisions, (unsigned long long)v->wrong);
    ctl_progress_show(&v->progress, v->documents, 0, what);
}

static void say_lines(struct verify *v, struct slice id, const struct ctl_check *c)
{
    struct slice rest = bytes_slice(&c->problems), line;

    while (ctl_line_take(&rest, &line))
        fprintf(v->ctl->out, "%.*s: %.*s\n", (int)id.size, (const char *)id.data, (int)line.size,
                (const char *)line.data);
}

static void say_object(struct verify *v, struct slice id, const struct ctl_check *c)
{
    struct slice rest = bytes_slice(&c->problems), line;
    struct bytes out = BYTES_INIT;

    bytes_append_str(&out, "{\"doc\":");
    json_string_write(id, &out);
    bytes_printf(&out, ",\"ok\":%s,\"rev\":%llu,\"problems\":[",
                 c->problem_count ? "false" : "true", (unsigned long long)c->at.rev);
    for (bool first = true; ctl_line_take(&rest, &line); first = false) {
        bytes_append_str(&out, first ? "" : ",");
        json_string_write(line, &out);
    }
    bytes_append_str(&out, "]}\n");
    ctl_write(v->ctl, &out);
}

static void say_sum(struct verify *v)
{
    const char *form = v->ctl->args.json
                           ? "{\"documents\":%llu,\"wrong\":%llu,\"revisions\":%llu}\n"
                           : "%llu documents, %llu wrong, %llu revisions\n";

    fprintf(v->ctl->out, form, (unsigned long long)v->documents, (unsigned long long)v->wrong,
            (unsigned long long)v->revisions);
}

/* ---- the verb ---- */

static enum ctl_exit document(struct verify *v, struct slice id, struct ctl_check *c)
{
    enum ctl_exit status = ctl_check_document(c, v->servers, v->live, id);

    if (status == CTL_UNREACHABLE)
        return status;
    v->documents++;
    v->revisions += c->at.rev;
    v->wrong += c->problem_count > 0;
    if (c->problem_count)
        ctl_progress_end(&v->progress);
    if (v->ctl->args.json)
        say_object(v, id, c);
    else
        say_lines(v, id, c);
    return status;
}

static enum ctl_exit each(void *arg, struct slice id)
{
    struct verify *v = arg;
    struct ctl_check c;
    enum ctl_exit status = document(v, id, &c);

    ctl_check_fini(&c);
    progress(v);
    return status == CTL_UNREACHABLE ? status : CTL_YES; /* the others are looked at too */
}

static enum ctl_exit verify_all(struct verify *v)
{
    const struct ctl_docs_visitor visitor = {.each = each, .strays = true, .arg = v};
    enum ctl_exit status = ctl_docs_visit(v->ctl, v->servers, &visitor);

    ctl_progress_end(&v->progress);
    if (status != CTL_YES)
        return status;
    say_sum(v);
    return v->wrong ? CTL_NO : CTL_YES;
}

static enum ctl_exit verify_one(struct verify *v)
{
    struct ctl_check c;
    enum ctl_exit status = document(v, slice_str(v->ctl->args.doc), &c);

    if (status == CTL_NO && !c.exists)
        fprintf(v->ctl->err, "weftctl: there is no document '%s'\n", v->ctl->args.doc);
    if (status == CTL_YES && !v->ctl->args.json)
        fprintf(v->ctl->out, "%s: right, at revision %llu\n", v->ctl->args.doc,
                (unsigned long long)c.at.rev);
    ctl_check_fini(&c);
    return status;
}

static bool args_check(struct ctl *ctl)
{
    if (!ctl->args.all)
        return ctl_args_doc(ctl);
    if (ctl->args.doc)
        fprintf(ctl->err, "weftctl: --all and a document exclude each other\n");
    return !ctl->args.doc;
}

static enum ctl_exit run(struct ctl *ctl)
{
    struct ctl_where where;
    struct verify v = {.ctl = ctl};

    if (!args_check(ctl) || !ctl_where_find(ctl, &where))
        return CTL_USAGE;
    v.loop = ev_loop_new(NULL);
    MUST(v.loop);
    ctl_progress_init(&v.progress, ctl);
    enum ctl_exit status = ctl_servers_open(ctl, &where, v.loop, &v.servers);
    if (status == CTL_YES && where.url[0])
        status = ctl_live_connect(ctl, &where, v.loop, &v.live);
    if (status == CTL_YES)
        status = ctl->args.all ? verify_all(&v) : verify_one(&v);
    ctl_live_close(v.live);
    ctl_servers_close(v.servers);
    ev_loop_free(v.loop);
    return status;
}

static const struct ctl_option options[] = {
    {"all", NULL, offsetof(struct ctl_args, all), "All documents instead of one."},
    {"json", NULL, offsetof(struct ctl_args, json), "One object a line, for programs."},
    CTL_WHERE_OPTIONS,
};

const struct ctl_verb ctl_verb_verify = {
    .name = "verify",
    .operand = "DOC",
    .summary = "recomputes a document from its first revision and compares",
    .more =
        "The history is read from revision 1, over all segments in PostgreSQL and the stream in\n"
        "Redis; chain and text are computed and compared with every snapshot, the heads in both\n"
        "stores, the dirty mark and, where a gateway is known, live state. One line for each thing "
        "that\n"
        "differs; exit status 1 if there is any. Documents may be edited meanwhile.\n"
        "\n"
        "  weftctl verify 5f0c\n"
        "  weftctl verify --all --json | grep -F '\"ok\":false'\n",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run,
};
