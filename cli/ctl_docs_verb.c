/* weftctl docs: the documents that are stored. */
#include "ctl_args.h"
#include "ctl_backlog.h"
#include "ctl_docs.h"
#include "ctl_print.h"
#include "ctl_progress.h"
#include "ctl_time.h"
#include "json_delta.h"
#include "obs_log.h"

struct docs {
    struct ctl *ctl;
    struct ctl_servers *servers;
    struct ctl_progress progress;
    uint64_t limit, shown;
};

static void line_write(struct slice id, const struct ctl_backlog *b, const char *tag,
                       struct bytes *out)
{
    char time[CTL_TIME_TEXT];

    bytes_printf(out, "%s  %10llu  %10llu  %-4s  %-24s  ", tag, (unsigned long long)b->head,
                 (unsigned long long)b->archived, b->kind ? ctl_kind_name(b->kind) : "-",
                 b->updated_ms ? ctl_time_text(b->updated_ms, time) : "-");
    bytes_append_slice(out, id);
    if (b->title.size) {
        bytes_append_str(out, "  ");
        json_string_write(bytes_slice(&b->title), out);
    }
}

static void object_write(struct slice id, const struct ctl_backlog *b, const char *tag,
                         struct bytes *out)
{
    char time[CTL_TIME_TEXT];

    bytes_append_str(out, "{\"doc\":");
    json_string_write(id, out);
    bytes_printf(out, ",\"digits\":\"%s\",\"rev\":%llu,\"archived\":%llu", tag,
                 (unsigned long long)b->head, (unsigned long long)b->archived);
    if (b->archived) {
        bytes_printf(out, ",\"kind\":\"%s\",\"updated\":\"%s\",\"title\":", ctl_kind_name(b->kind),
                     ctl_time_text(b->updated_ms, time));
        json_string_write(bytes_slice(&b->title), out);
    }
    bytes_append_str(out, "}");
}

static enum ctl_exit each(void *arg, struct slice id)
{
    struct docs *d = arg;
    char tag[OBS_DOC_TAG_SIZE + 1];
    struct bytes out = BYTES_INIT;
    struct ctl_backlog b;

    enum ctl_exit status = ctl_backlog_read(d->ctl, d->servers, id, &b);
    if (status == CTL_YES) {
        obs_doc_tag(id, tag);
        ctl_progress_end(&d->progress);
        if (d->ctl->args.json)
            object_write(id, &b, tag, &out);
        else
            line_write(id, &b, tag, &out);
        bytes_append_u8(&out, '\n');
        ctl_write(d->ctl, &out);
        /* Enough is not an error, but it ends the visit. */
        status = ++d->shown == d->limit ? CTL_NO : CTL_YES;
    }
    ctl_backlog_fini(&b);
    return status;
}

static bool wants(void *arg, struct slice id)
{
    const struct docs *d = arg;
    const char *prefix = d->ctl->args.prefix;

    ctl_progress_show((struct ctl_progress *)&d->progress, d->shown, 0, "documents");
    return !prefix || (id.size >= strlen(prefix) && memcmp(id.data, prefix, strlen(prefix)) == 0);
}

static enum ctl_exit docs(struct ctl *ctl, struct ctl_servers *servers, void *arg)
{
    struct docs d = {.ctl = ctl, .servers = servers, .limit = UINT64_MAX};
    const struct ctl_docs_visitor visitor = {.wants = wants, .each = each, .arg = &d};

    if (!ctl_args_number(ctl, "--limit", ctl->args.limit, 1, UINT32_MAX, &d.limit))
        return CTL_USAGE;
    ctl_progress_init(&d.progress, ctl);
    if (!ctl->args.json)
        fprintf(ctl->out, "%-12s  %10s  %10s  %-4s  %-24s  %s\n", "digits", "revision", "archived",
                "kind", "archived at", "id, title");
    enum ctl_exit status = ctl_docs_visit(ctl, servers, &visitor);
    ctl_progress_end(&d.progress);
    return status == CTL_NO ? CTL_YES : status;
}

static enum ctl_exit run(struct ctl *ctl)
{
    return ctl_servers_with(ctl, docs, NULL);
}

static const struct ctl_option options[] = {
    {"prefix", "TEXT", offsetof(struct ctl_args, prefix), "Only ids that begin so."},
    {"limit", "N", offsetof(struct ctl_args, limit), "At most so many (all)."},
    {"json", NULL, offsetof(struct ctl_args, json), "One object a line, for programs."},
    CTL_WHERE_OPTIONS,
};

const struct ctl_verb ctl_verb_docs = {
    .name = "docs",
    .summary = "lists the documents that are stored",
    .more =
        "One line each: the 12 digits that logs name it by, its revision, up to which one\n"
        "PostgreSQL has it, kind, when that was, id and title. First those that only Redis knows\n"
        "yet, whose kind and title are in no list.\n"
        "\n"
        "  weftctl docs --limit 20\n"
        "  weftctl docs --json --prefix notes-\n",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run,
};
