/*
 * weftctl top: what each process does, as rates between two looks at its metrics. A process that
 * started again between them, or did not answer, has no rates in that round.
 */
#include <math.h>
#include <unistd.h>

#include "ctl_args.h"
#include "ctl_health.h"
#include "ctl_metric.h"
#include "ev_loop.h"

struct top {
    struct ctl *ctl;
    struct ev_loop *loop;
    struct ctl_admin before, now;
    double seconds; /* between the two */
    bool screen;    /* a terminal: each round is drawn over the one before */
};

/* A column: a rate of a counter, a value, or a quantile of a histogram, in ms. */
enum shape { RATE, VALUE, MS50, MS99, PERCENT, MEBIBYTES };

struct column {
    const char *head, *name;
    enum shape shape;
    const char *family, *labels;
};

#define PROCESS_COLUMNS                                                                            \
    {"cpu %", "cpu_percent", PERCENT, "process_cpu_seconds_total", ""},                            \
    {                                                                                              \
        "MiB", "memory_mib", MEBIBYTES, "process_resident_memory_bytes", ""                        \
    }

static const struct column gateway_columns[] = {
    PROCESS_COLUMNS,
    {"clients", "connections", VALUE, "weft_gateway_open_connections", ""},
    {"ops/s", "ops_per_s", RATE, "weft_gateway_submits_total", ""},
    {"ack p50", "ack_ms_p50", MS50, "weft_gateway_ack_seconds", ""},
    {"ack p99", "ack_ms_p99", MS99, "weft_gateway_ack_seconds", ""},
    {"seen p99", "seen_ms_p99", MS99, "weft_gateway_seen_seconds", ""},
    {"unacked", "unacked_ops", VALUE, "weft_gateway_unacked_ops", ""},
    {0},
};
static const struct column worker_columns[] = {
    PROCESS_COLUMNS,
    {"docs", "documents", VALUE, "weft_worker_live_documents", ""},
    {"ops/s", "ops_per_s", RATE, "weft_worker_ops_total", ""},
    {"append50", "append_ms_p50", MS50, "weft_storage_call_seconds", "kind=\"append\""},
    {"append99", "append_ms_p99", MS99, "weft_storage_call_seconds", "kind=\"append\""},
    {"queue99", "queue_ms_p99", MS99, "weft_worker_stage_seconds", "stage=\"queue\""},
    {"pending", "pending_ops", VALUE, "weft_worker_pending_ops", ""},
    {0},
};
static const struct column archiver_columns[] = {
    PROCESS_COLUMNS,
    {"jobs", "jobs", VALUE, "weft_archiver_jobs", ""},
    {"revs/s", "revisions_per_s", RATE, "weft_archiver_revisions_total", ""},
    {"commit99", "commit_ms_p99", MS99, "weft_storage_call_seconds", "kind=\"commit\""},
    {"lag s", "lag_seconds", VALUE, "weft_archiver_lag_seconds", ""},
    {0},
};

static const struct column *columns_of(enum ctl_role role)
{
    static const struct column *const of[CTL_STRANGER] = {
        [CTL_GATEWAY] = gateway_columns,
        [CTL_WORKER] = worker_columns,
        [CTL_ARCHIVER] = archiver_columns,
    };

    return of[role];
}

/* ---- one cell ---- */

static bool rate_of(const struct top *t, struct slice before, struct slice now, const char *series,
                    double *ret)
{
    double a, b;

    if (!ctl_metric(before, series, &a) || !ctl_metric(now, series, &b) || b < a)
        return false;
    *ret = (b - a) / t->seconds;
    return true;
}

/* False: there is nothing to show. */
static bool cell(const struct top *t, const struct column *c, struct slice before, struct slice now,
                 double *ret)
{
    switch (c->shape) {
    case VALUE:
        return ctl_metric(now, c->family, ret);
    case MEBIBYTES:
        if (!ctl_metric(now, c->family, ret))
            return false;
        *ret /= 1 << 20;
        return true;
    case RATE:
        return rate_of(t, before, now, c->family, ret);
    case PERCENT:
        if (!rate_of(t, before, now, c->family, ret))
            return false;
        *ret *= 100;
        return true;
    case MS50:
    case MS99:
        if (!ctl_metric_quantile(before, now, c->family, c->labels, c->shape == MS50 ? 0.5 : 0.99,
                                 ret))
            return false;
        *ret *= 1000;
        return true;
    }
    return false;
}

static struct slice page_before(const struct top *t, const struct ctl_process *p)
{
    const struct ctl_process *before = ctl_admin_process(&t->before, p->name);

    return before ? bytes_slice(&before->metrics) : slice_of(NULL, 0);
}

/* ---- a round ---- */

static void row_print(const struct top *t, const struct ctl_process *p, const struct column *c)
{
    FILE *out = t->ctl->out;
    double value;

    fprintf(out, "%-14s %-9s", p->name, ctl_health_state(p));
    for (; p->answered && c->head; c++) {
        if (!cell(t, c, page_before(t, p), bytes_slice(&p->metrics), &value))
            fprintf(out, " %9s", "-");
        else if (isinf(value))
            fprintf(out, " %9s", "longer");
        else
            fprintf(out, value < 100 && c->shape != VALUE ? " %9.1f" : " %9.0f", value);
    }
    fputc('\n', out);
}

static void role_print(const struct top *t, enum ctl_role role)
{
    bool headed = false;

    for (size_t i = 0; i < t->now.count; i++) {
        const struct ctl_process *p = &t->now.processes[i];
        if (ctl_role_of(p) != role)
            continue;
        if (!headed) {
            fprintf(t->ctl->out, "%-14s %-9s", ctl_role_name(role), "state");
            for (const struct column *c = columns_of(role); c->head; c++)
                fprintf(t->ctl->out, " %9s", c->head);
            fputc('\n', t->ctl->out);
            headed = true;
        }
        row_print(t, p, columns_of(role));
    }
    if (headed)
        fputc('\n', t->ctl->out);
}

static void print_json(const struct top *t)
{
    const char *between = "";

    fputs("{\"processes\":[", t->ctl->out);
    for (size_t i = 0; i < t->now.count; i++) {
        const struct ctl_process *p = &t->now.processes[i];
        enum ctl_role role = ctl_role_of(p);
        double value;
        if (role == CTL_STRANGER)
            continue;
        fprintf(t->ctl->out, "%s{\"name\":\"%s\",\"role\":\"%s\",\"state\":\"%s\"", between,
                p->name, ctl_role_name(role), ctl_health_state(p));
        for (const struct column *c = columns_of(role); c->head; c++) {
            if (cell(t, c, page_before(t, p), bytes_slice(&p->metrics), &value) && !isinf(value))
                fprintf(t->ctl->out, ",\"%s\":%.3f", c->name, value);
        }
        fputs("}", t->ctl->out);
        between = ",";
    }
    fputs("]}\n", t->ctl->out);
}

static void show(const struct top *t)
{
    if (t->ctl->args.json) {
        print_json(t);
    } else {
        if (t->screen)
            fputs("\033[H\033[2J", t->ctl->out);
        for (int role = 0; role < CTL_STRANGER; role++)
            role_print(t, (enum ctl_role)role);
    }
    fflush(t->ctl->out);
}

/* ---- the verb ---- */

static void wait_until(struct ev_loop *loop, int64_t end_us)
{
    int64_t left_us;

    while ((left_us = end_us - ev_clock_us()) > 0)
        ev_loop_step(loop, left_us / 1000 + 1);
}

/* Processes come and go: which there are is looked up anew in each round. */
static enum ctl_exit look(struct top *t, const struct ctl_where *where)
{
    enum ctl_exit status = ctl_admin_find(t->ctl, where, &t->now);

    if (status == CTL_YES)
        ctl_admin_ask(&t->now, t->loop);
    return status;
}

static bool anybody(const struct ctl_admin *admin)
{
    for (size_t i = 0; i < admin->count; i++) {
        if (admin->processes[i].answered)
            return true;
    }
    return false;
}

static enum ctl_exit rounds(struct top *t, const struct ctl_where *where, uint64_t interval_s,
                            uint64_t count)
{
    enum ctl_exit status = look(t, where);
    int64_t looked_us = ev_clock_us();

    for (uint64_t i = 0; status == CTL_YES && i < count && !ferror(t->ctl->out); i++) {
        ctl_admin_fini(&t->before);
        t->before = t->now;
        wait_until(t->loop, looked_us + (int64_t)interval_s * 1000000);
        status = look(t, where);
        int64_t now_us = ev_clock_us();
        t->seconds = (double)(now_us - looked_us) / 1e6;
        looked_us = now_us;
        if (status == CTL_YES)
            show(t);
    }
    if (status == CTL_YES && !anybody(&t->now)) {
        fprintf(t->ctl->err, "weftctl: no process answers on its admin port\n");
        status = CTL_UNREACHABLE;
    }
    return status;
}

static enum ctl_exit run(struct ctl *ctl)
{
    struct top t = {.ctl = ctl};
    struct ctl_where where;
    uint64_t interval_s = 2, count = UINT64_MAX;

    if (!ctl_args_number(ctl, "--interval", ctl->args.interval, 1, 3600, &interval_s) ||
        !ctl_args_number(ctl, "--count", ctl->args.count, 1, UINT32_MAX, &count) ||
        !ctl_where_find(ctl, &where))
        return CTL_USAGE;
    int fd = fileno(ctl->out);
    t.screen = fd >= 0 && isatty(fd);
    t.loop = ev_loop_new(NULL);
    MUST(t.loop);
    enum ctl_exit status = rounds(&t, &where, interval_s, count);
    ctl_admin_fini(&t.before);
    ctl_admin_fini(&t.now);
    ev_loop_free(t.loop);
    return status;
}

static const struct ctl_option options[] = {
    {"interval", "SECONDS", offsetof(struct ctl_args, interval), "Between two rounds (2).", 'd'},
    {"count", "N", offsetof(struct ctl_args, count), "End after so many rounds.", 'n'},
    {"json", NULL, offsetof(struct ctl_args, json), "An object for each round, for programs."},
    CTL_WHERE_OPTIONS,
};

const struct ctl_verb ctl_verb_top = {
    .name = "top",
    .summary = "shows what each process does, again and again",
    .more =
        "Rates and times are of what happened between two rounds; times are in ms and upper "
        "bounds\n"
        "of their histogram's bucket: an ack lies between half of what is shown and that. append:\n"
        "from a worker's call to Redis' answer; queue: how long ops wait for the append before\n"
        "theirs. A dash: nothing happened.\n"
        "\n"
        "  weftctl top\n"
        "  weftctl top --count 1 --interval 10 --json\n",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run,
};
