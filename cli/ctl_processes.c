/* weftctl workers, weftctl gateways: the members as Redis lists them, with what each owns. */
#include "ctl_health.h"
#include "ctl_members.h"
#include "ctl_metric.h"
#include "ctl_print.h"
#include "ev_loop.h"
#include "json_delta.h"

struct processes {
    struct ctl *ctl;
    enum redis_member_list list;
    struct ctl_admin admin; /* empty: nobody knows the admin ports */
    struct ctl_members members;
};

static unsigned shards_of(const struct cluster_view *view, size_t member)
{
    unsigned count = 0;

    for (unsigned shard = 0; shard < CLUSTER_SHARD_COUNT; shard++)
        count += view->owner[shard] == member;
    return count;
}

/* Of the role's metrics, on the admin port of the process with this id; -1: not known. */
static double figure(const struct processes *p, const char *id, const char *series)
{
    const struct ctl_process *process = ctl_admin_process(&p->admin, id);
    double value;

    return process && ctl_metric(bytes_slice(&process->metrics), series, &value) ? value : -1;
}

static void figure_print(FILE *out, double value)
{
    if (value < 0)
        fprintf(out, " %11s", "-");
    else
        fprintf(out, " %11.0f", value);
}

static void figure_write(struct bytes *out, const char *name, double value)
{
    if (value >= 0)
        bytes_printf(out, ",\"%s\":%.0f", name, value);
}

static const struct {
    const char *head, *name, *worker, *gateway;
} columns[] = {
    {"documents", "documents", "weft_worker_live_documents", "weft_gateway_documents"},
    {"clients", "clients", "weft_worker_attachments", "weft_gateway_open_connections"},
    {"waiting", "waiting_ops", "weft_worker_pending_ops", "weft_gateway_unacked_ops"},
    {"memory B", "memory_bytes", "process_resident_memory_bytes", "process_resident_memory_bytes"},
};
#define COLUMNS (sizeof columns / sizeof columns[0])

static const char *series_of(const struct processes *p, size_t column)
{
    return p->list == REDIS_LIST_WORKERS ? columns[column].worker : columns[column].gateway;
}

static void print(const struct processes *p)
{
    const struct cluster_view *view = &p->members.view;
    bool workers = p->list == REDIS_LIST_WORKERS;
    FILE *out = p->ctl->out;

    fprintf(out, "view %llu\n%-16s %-8s %9s%s", (unsigned long long)view->number, "id", "state",
            "beat ms", workers ? "  shards" : "");
    for (size_t c = 0; c < COLUMNS; c++)
        fprintf(out, " %11s", columns[c].head);
    fputs("  address\n", out);
    for (size_t i = 0; i < view->count; i++) {
        const struct cluster_member *m = &view->members[i];
        fprintf(out, "%-16s %-8s %9llu", m->id, cluster_state_name(m->state),
                (unsigned long long)p->members.silent_ms[i]);
        if (workers)
            fprintf(out, "  %6u", shards_of(view, i));
        for (size_t c = 0; c < COLUMNS; c++)
            figure_print(out, figure(p, m->id, series_of(p, c)));
        fprintf(out, "  %s\n", m->address);
    }
}

static void print_json(const struct processes *p)
{
    const struct cluster_view *view = &p->members.view;
    struct bytes out = BYTES_INIT;

    for (size_t i = 0; i < view->count; i++) {
        const struct cluster_member *m = &view->members[i];
        bytes_append_str(&out, "{\"id\":");
        json_string_write(slice_str(m->id), &out);
        bytes_append_str(&out, ",\"address\":");
        json_string_write(slice_str(m->address), &out);
        bytes_printf(&out, ",\"state\":\"%s\",\"view\":%llu,\"silent_ms\":%llu",
                     cluster_state_name(m->state), (unsigned long long)view->number,
                     (unsigned long long)p->members.silent_ms[i]);
        if (p->list == REDIS_LIST_WORKERS)
            bytes_printf(&out, ",\"shards\":%u", shards_of(view, i));
        for (size_t c = 0; c < COLUMNS; c++)
            figure_write(&out, columns[c].name, figure(p, m->id, series_of(p, c)));
        bytes_append_str(&out, "}\n");
    }
    ctl_write(p->ctl, &out);
}

static enum ctl_exit list(struct ctl *ctl, struct ctl_servers *servers, void *arg)
{
    struct processes *p = arg;
    enum ctl_exit status = ctl_members_read(ctl, servers, p->list, &p->members);

    if (status != CTL_YES)
        return status;
    if (p->admin.count)
        ctl_admin_ask(&p->admin, ctl_servers_loop(servers));
    if (ctl->args.json)
        print_json(p);
    else
        print(p);
    status = p->members.view.count ? CTL_YES : CTL_NO;
    ctl_members_fini(&p->members);
    return status;
}

static enum ctl_exit run(struct ctl *ctl, enum redis_member_list of)
{
    struct processes p = {.ctl = ctl, .list = of};
    struct ctl_where where;

    if (!ctl_where_find(ctl, &where))
        return CTL_USAGE;
    enum ctl_exit status = where.admin[0] ? ctl_admin_find(ctl, &where, &p.admin) : CTL_YES;
    if (status == CTL_YES)
        status = ctl_servers_with(ctl, list, &p);
    ctl_admin_fini(&p.admin);
    return status;
}

static enum ctl_exit run_workers(struct ctl *ctl)
{
    return run(ctl, REDIS_LIST_WORKERS);
}

static enum ctl_exit run_gateways(struct ctl *ctl)
{
    return run(ctl, REDIS_LIST_GATEWAYS);
}

static const struct ctl_option options[] = {
    {"json", NULL, offsetof(struct ctl_args, json), "One object a line, for programs."},
    CTL_WHERE_OPTIONS,
};

const struct ctl_verb ctl_verb_workers = {
    .name = "workers",
    .summary = "lists the workers, and how many shards each owns",
    .more =
        "By the list in Redis that all follow: id, state, ms since the last beat (twice a second;\n"
        "after 1.5 s of silence a member is dropped), shards owned. Where the admin ports are\n"
        "known also documents, clients attached, ops that wait for their entry, memory. Exit\n"
        "status 1 if there is none.\n"
        "\n"
        "  weftctl workers\n",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run_workers,
};

const struct ctl_verb ctl_verb_gateways = {
    .name = "gateways",
    .summary = "lists the gateways",
    .more = "As workers does: clients are connections, waiting ops those without an ack.\n"
            "\n"
            "  weftctl gateways --json\n",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run_gateways,
};
