/*
 * weftctl status: what of Weft runs, what it says of itself, and what is not as it should be.
 *
 * It must answer when things are at their worst: everything is asked at once, with a patience of
 * 1.5 s, and what does not answer is itself the answer.
 */
#include <string.h>

#include "ctl_health.h"
#include "ctl_metric.h"
#include "ctl_print.h"
#include "ctl_problems.h"
#include "ev_loop.h"
#include "json_delta.h"

struct status {
    struct ctl *ctl;
    struct ctl_where where;
    struct ctl_admin admin;
    struct ctl_probe redis, postgres;
    struct bytes problems; /* lines */
    size_t problem_count, answered;
};

/* ---- for people ---- */

static void figures_print(FILE *out, const struct ctl_process *p)
{
    const char *between = "";
    double value;

    for (const struct ctl_figure *f = ctl_figures_of(ctl_role_of(p)); f->name; f++) {
        char number[32];
        if (!ctl_metric(bytes_slice(&p->metrics), f->series, &value))
            continue;
        snprintf(number, sizeof number, f->seconds ? "%.1f s" : "%.0f", value);
        fputs(between, out);
        const char *at = strstr(f->words, "%s");
        fprintf(out, "%.*s%s%s", (int)(at - f->words), f->words, number, at + 2);
        between = ", ";
    }
}

static void store_print(FILE *out, const char *name, const struct ctl_probe *probe)
{
    if (!probe->asked)
        fprintf(out, "%-14s -          its address is not known here\n", name);
    else if (probe->answered)
        fprintf(out, "%-14s answers    in %.1f ms\n", name, probe->ms);
    else
        fprintf(out, "%-14s no answer  %s\n", name, probe->why);
}

static void print(const struct status *s)
{
    FILE *out = s->ctl->out;

    fprintf(out, "%-14s %-10s %-10s %-10s %-10s %s\n", "name", "state", "redis", "postgres",
            "links", "figures");
    for (size_t i = 0; i < s->admin.count; i++) {
        const struct ctl_process *p = &s->admin.processes[i];
        fprintf(out, "%-14s %-10s %-10s %-10s %-10s ", p->name, ctl_health_state(p),
                ctl_health_breaker(p, "redis"), ctl_health_breaker(p, "postgres"),
                ctl_health_links(p));
        figures_print(out, p);
        fputc('\n', out);
    }
    store_print(out, "redis", &s->redis);
    store_print(out, "postgres", &s->postgres);
    if (!s->problem_count) {
        fputs("\neverything is as it should be\n", out);
        return;
    }
    fputs("\nnot as it should be:\n", out);
    struct slice rest = bytes_slice(&s->problems), line;
    while (ctl_line_take(&rest, &line))
        fprintf(out, "  %.*s\n", (int)line.size, (const char *)line.data);
}

/* ---- for programs ---- */

static void process_write(const struct ctl_process *p, struct bytes *out)
{
    double value;

    bytes_append_str(out, "{\"name\":");
    json_string_write(slice_str(p->name), out);
    bytes_printf(
        out,
        ",\"role\":\"%s\",\"state\":\"%s\",\"redis\":\"%s\",\"postgres\":\"%s\",\"link\":\"%s\"",
        ctl_role_name(ctl_role_of(p)), ctl_health_state(p), ctl_health_breaker(p, "redis"),
        ctl_health_breaker(p, "postgres"), ctl_health_links(p));
    for (const struct ctl_figure *f = ctl_figures_of(ctl_role_of(p)); f->name; f++) {
        if (ctl_metric(bytes_slice(&p->metrics), f->series, &value))
            bytes_printf(out, ",\"%s\":%g", f->name, value);
    }
    bytes_append_str(out, "}");
}

static void store_write(const struct ctl_probe *probe, const char *name, struct bytes *out)
{
    bytes_printf(out, ",\"%s\":", name);
    if (!probe->asked)
        bytes_append_str(out, "null");
    else
        bytes_printf(out, "{\"answers\":%s,\"milliseconds\":%.1f}",
                     probe->answered ? "true" : "false", probe->ms);
}

static void print_json(const struct status *s)
{
    struct bytes out = BYTES_INIT;
    struct slice rest = bytes_slice(&s->problems), line;

    bytes_append_str(&out, "{\"processes\":[");
    for (size_t i = 0; i < s->admin.count; i++) {
        bytes_append_str(&out, i ? "," : "");
        process_write(&s->admin.processes[i], &out);
    }
    bytes_append_str(&out, "]");
    store_write(&s->redis, "redis", &out);
    store_write(&s->postgres, "postgres", &out);
    bytes_append_str(&out, ",\"problems\":[");
    for (bool first = true; ctl_line_take(&rest, &line); first = false) {
        bytes_append_str(&out, first ? "" : ",");
        json_string_write(line, &out);
    }
    bytes_append_str(&out, "]}\n");
    ctl_write(s->ctl, &out);
}

/* ---- the verb ---- */

static enum ctl_exit answer(struct status *s)
{
    s->problem_count = ctl_problems_find(&s->admin, &s->redis, &s->postgres, &s->problems);
    for (size_t i = 0; i < s->admin.count; i++)
        s->answered += s->admin.processes[i].answered;
    if (s->ctl->args.json)
        print_json(s);
    else
        print(s);
    if (!s->answered)
        return CTL_UNREACHABLE;
    return s->problem_count ? CTL_NO : CTL_YES;
}

static enum ctl_exit run(struct ctl *ctl)
{
    struct status s = {.ctl = ctl};

    if (!ctl_where_find(ctl, &s.where))
        return CTL_USAGE;
    enum ctl_exit status = ctl_admin_find(ctl, &s.where, &s.admin);
    if (status != CTL_YES)
        return status;
    struct ev_loop *loop = ev_loop_new(NULL);
    MUST(loop);
    ctl_admin_ask(&s.admin, loop);
    ctl_probe_stores(&s.where, loop, &s.redis, &s.postgres);
    status = answer(&s);
    ev_loop_free(loop);
    bytes_fini(&s.problems);
    ctl_admin_fini(&s.admin);
    return status;
}

static const struct ctl_option options[] = {
    {"json", NULL, offsetof(struct ctl_args, json), "An object, for programs."},
    CTL_WHERE_OPTIONS,
};

const struct ctl_verb ctl_verb_status = {
    .name = "status",
    .operand = NULL,
    .summary = "tells what runs, and what is not as it should be",
    .more =
        "Each process by its admin port: whether it is ready, the circuit breakers before Redis\n"
        "and PostgreSQL (closed: calls go through; open: they are held back; half-open: one is\n"
        "tried; away: no connection; -: it does not use it), the worst of those of its links to\n"
        "other processes (open or half-open: one does not answer its heartbeats, and others do\n"
        "its work), and its main figures. Then whether the stores answer weftctl itself.\n"
        "Exit status 1 if anything is wrong, 3 if no process answers.\n"
        "\n"
        "  weftctl status\n"
        "  weftctl status --json || page-somebody\n",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run,
};
