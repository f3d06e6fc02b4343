/* weftctl lag: how far the archive is behind, and with which documents. */
#include <stdlib.h>

#include "ctl_args.h"
#include "ctl_backlog.h"
#include "ctl_docs.h"
#include "ctl_members.h"
#include "ctl_print.h"
#include "ctl_progress.h"
#include "json_delta.h"

#define WORST_DEFAULT 10
#define WORST_MAX 1000

struct waiting {
    struct bytes id; /* owned */
    struct ctl_backlog backlog;
};

struct lag {
    struct ctl *ctl;
    struct ctl_servers *servers;
    struct ctl_progress progress;
    uint64_t now_ms; /* Redis' clock */
    uint64_t documents, waiting, revisions, bytes, since_ms;
    struct waiting *worst; /* owned; the longest waiting first */
    uint64_t worst_count, worst_max;
};

static double age_s(const struct lag *l, uint64_t since_ms)
{
    return since_ms && since_ms < l->now_ms ? (double)(l->now_ms - since_ms) / 1000 : 0;
}

static void waiting_fini(struct waiting *w)
{
    bytes_fini(&w->id);
    ctl_backlog_fini(&w->backlog);
}

/* Takes the backlog; whoever waits least falls off the end. */
static void worst_add(struct lag *l, struct slice id, struct ctl_backlog *backlog)
{
    size_t at = l->worst_count;
    struct waiting w = {.backlog = *backlog};

    while (at > 0 && l->worst[at - 1].backlog.since_ms > backlog->since_ms)
        at--;
    *backlog = (struct ctl_backlog){0};
    if (at == l->worst_max) {
        waiting_fini(&w);
        return;
    }
    bytes_append_slice(&w.id, id);
    MUST(!w.id.failed);
    if (l->worst_count == l->worst_max)
        waiting_fini(&l->worst[--l->worst_count]);
    for (size_t i = l->worst_count; i > at; i--)
        l->worst[i] = l->worst[i - 1];
    l->worst[at] = w;
    l->worst_count++;
}

static enum ctl_exit each(void *arg, struct slice id)
{
    struct lag *l = arg;
    struct ctl_backlog b;
    enum ctl_exit status = ctl_backlog_read(l->ctl, l->servers, id, &b);

    l->documents++;
    ctl_progress_show(&l->progress, l->documents, 0, "documents");
    if (status == CTL_YES && b.waiting) {
        l->waiting++;
        l->revisions += b.waiting;
        l->bytes += b.bytes;
        if (b.since_ms && (!l->since_ms || b.since_ms < l->since_ms))
            l->since_ms = b.since_ms;
        worst_add(l, id, &b);
    }
    ctl_backlog_fini(&b);
    return status;
}

/* ---- what is said ---- */

static void print(const struct lag *l)
{
    FILE *out = l->ctl->out;

    fprintf(out,
            "%llu documents, %llu not wholly archived: %llu revisions, %llu bytes, the oldest for "
            "%.1f s\n",
            (unsigned long long)l->documents, (unsigned long long)l->waiting,
            (unsigned long long)l->revisions, (unsigned long long)l->bytes, age_s(l, l->since_ms));
    if (l->worst_count)
        fprintf(out, "\n%10s  %10s  %10s  %10s  %s\n", "waits s", "revision", "archived", "bytes",
                "document");
    for (size_t i = 0; i < l->worst_count; i++) {
        const struct waiting *w = &l->worst[i];
        fprintf(out, "%10.1f  %10llu  %10llu  %10llu  %.*s\n", age_s(l, w->backlog.since_ms),
                (unsigned long long)w->backlog.head, (unsigned long long)w->backlog.archived,
                (unsigned long long)w->backlog.bytes, (int)w->id.size, (const char *)w->id.data);
    }
}

static void print_json(const struct lag *l)
{
    struct bytes out = BYTES_INIT;

    bytes_printf(&out,
                 "{\"documents\":%llu,\"waiting\":%llu,\"revisions\":%llu,\"bytes\":%llu,"
                 "\"seconds\":%.3f,\"worst\":[",
                 (unsigned long long)l->documents, (unsigned long long)l->waiting,
                 (unsigned long long)l->revisions, (unsigned long long)l->bytes,
                 age_s(l, l->since_ms));
    for (size_t i = 0; i < l->worst_count; i++) {
        const struct waiting *w = &l->worst[i];
        bytes_append_str(&out, i ? ",{\"doc\":" : "{\"doc\":");
        json_string_write(bytes_slice(&w->id), &out);
        bytes_printf(&out, ",\"rev\":%llu,\"archived\":%llu,\"bytes\":%llu,\"seconds\":%.3f}",
                     (unsigned long long)w->backlog.head, (unsigned long long)w->backlog.archived,
                     (unsigned long long)w->backlog.bytes, age_s(l, w->backlog.since_ms));
    }
    bytes_append_str(&out, "]}\n");
    ctl_write(l->ctl, &out);
}

/* ---- the verb ---- */

static enum ctl_exit clock_read(struct lag *l)
{
    struct ctl_members members;
    enum ctl_exit status = ctl_members_read(l->ctl, l->servers, REDIS_LIST_WORKERS, &members);

    if (status == CTL_YES) {
        l->now_ms = members.now_ms;
        ctl_members_fini(&members);
    }
    return status;
}

static enum ctl_exit lag(struct ctl *ctl, struct ctl_servers *servers, void *arg)
{
    struct lag *l = arg;
    const struct ctl_docs_visitor visitor = {.each = each, .arg = l};

    l->servers = servers;
    ctl_progress_init(&l->progress, ctl);
    enum ctl_exit status = ctl_docs_visit(ctl, servers, &visitor);
    ctl_progress_end(&l->progress);
    if (status == CTL_YES)
        status = clock_read(l);
    if (status == CTL_YES && ctl->args.json)
        print_json(l);
    else if (status == CTL_YES)
        print(l);
    return status;
}

static enum ctl_exit run(struct ctl *ctl)
{
    struct lag l = {.ctl = ctl, .worst_max = WORST_DEFAULT};

    if (!ctl_args_number(ctl, "--limit", ctl->args.limit, 1, WORST_MAX, &l.worst_max))
        return CTL_USAGE;
    l.worst = calloc(l.worst_max, sizeof *l.worst);
    MUST(l.worst);
    enum ctl_exit status = ctl_servers_with(ctl, lag, &l);
    for (size_t i = 0; i < l.worst_count; i++)
        waiting_fini(&l.worst[i]);
    free(l.worst);
    return status;
}

static const struct ctl_option options[] = {
    {"limit", "N", offsetof(struct ctl_args, limit), "Show so many of those that wait (10)."},
    {"json", NULL, offsetof(struct ctl_args, json), "An object, for programs."},
    CTL_WHERE_OPTIONS,
};

const struct ctl_verb ctl_verb_lag = {
    .name = "lag",
    .summary = "tells how far the archive in PostgreSQL is behind, and with which documents",
    .more =
        "All documents are looked at. An edit is due for archiving 2 s after it was made, so some\n"
        "seconds are no trouble. Bytes are counted for at most 1,000 entries of a document.\n"
        "\n"
        "  weftctl lag\n"
        "  weftctl lag --json | sed 's/.*\"seconds\":\\([0-9.]*\\),\"worst.*/\\1/'\n",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run,
};
