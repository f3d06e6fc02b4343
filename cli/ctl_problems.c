#include "ctl_problems.h"

#include <string.h>

#include "ctl_health.h"
#include "ctl_metric.h"

/* An archiver is due 2 s after an edit; ten times that is no accident. */
#define LAG_SECONDS_MAX 30

static const struct server {
    const char *label, *name; /* in metrics, for people */
    const char *meaning;
} servers[] = {
    {"redis", "Redis",
     "Until it is back nothing is saved: people type on, acks wait, nothing is lost. Look at its "
     "process, its log, its disk"},
    {"postgres", "PostgreSQL",
     "Open documents are not affected; others do not open, and what is typed stays in Redis until "
     "it is back. Look at its process, its log, its disk"},
};

/* ---- the stores ---- */

static bool is_cut_off(const struct ctl_process *p, const struct server *server)
{
    const char *state = ctl_health_breaker(p, server->label);

    return p->answered && strcmp(state, "closed") != 0 && strcmp(state, "-") != 0;
}

/* "gateway-1 (open), worker-1 (away)"; how many. */
static size_t cut_off_write(const struct ctl_admin *admin, const struct server *server,
                            struct bytes *out)
{
    size_t count = 0;

    for (size_t i = 0; i < admin->count; i++) {
        const struct ctl_process *p = &admin->processes[i];
        if (is_cut_off(p, server))
            bytes_printf(out, "%s%s (%s)", count++ ? ", " : "", p->name,
                         ctl_health_breaker(p, server->label));
    }
    return count;
}

static size_t server_problem(const struct ctl_admin *admin, const struct ctl_probe *probe,
                             const struct server *server, struct bytes *out)
{
    struct bytes names = BYTES_INIT;
    size_t count = cut_off_write(admin, server, &names);

    if (count) {
        bytes_printf(out, "%s cannot be used by ", server->name);
        bytes_append_slice(out, bytes_slice(&names));
    }
    bytes_fini(&names);
    if (probe->asked && !probe->answered)
        bytes_printf(out, "%s not answer weftctl: %s", count ? ", and does" : server->name,
                     probe->why);
    else if (count && probe->asked)
        bytes_printf(out, ", but it answers weftctl in %.1f ms", probe->ms);
    if (!count && (!probe->asked || probe->answered))
        return 0;
    bytes_printf(out, ". %s\n", server->meaning);
    return 1;
}

/* ---- one process ---- */

static size_t process_problems(const struct ctl_process *p, struct bytes *out)
{
    struct slice page = bytes_slice(&p->metrics);
    size_t count = 0;

    if (!p->answered) {
        bytes_printf(out, "%s: %s\n", p->name, p->why);
        return 1;
    }
    if (!p->ready && !is_cut_off(p, &servers[0]) && !is_cut_off(p, &servers[1])) {
        bytes_printf(out, "%s is not ready: %s\n", p->name,
                     p->why[0] ? p->why : "it does not say why");
        count++;
    }
    double silent = ctl_health_links_open(p);
    if (silent > 0) {
        bytes_printf(out,
                     "%s is not heard by %.0f of the %.0f processes that it is linked with (the "
                     "link's breaker is %s): dead, paused, or the network between; their documents "
                     "are served elsewhere\n",
                     p->name, silent, ctl_metric_or_0(page, "weft_link_peers"),
                     ctl_health_links(p));
        count++;
    }
    double quarantined = ctl_metric_or_0(page, "weft_worker_quarantined");
    if (quarantined > 0) {
        bytes_printf(out,
                     "%s has %.0f documents in quarantine (nobody can open them): its log names "
                     "them, weftctl find and verify tell more, weftctl release ends it\n",
                     p->name, quarantined);
        count++;
    }
    double lag = ctl_metric_or_0(page, "weft_archiver_lag_seconds");
    if (lag > LAG_SECONDS_MAX) {
        bytes_printf(out, "%s is %.0f s behind: weftctl lag tells with which documents\n", p->name,
                     lag);
        count++;
    }
    return count;
}

/* Gateways and workers follow one view, or soon do: they look twice a second. */
static size_t view_problem(const struct ctl_admin *admin, struct bytes *out)
{
    double least = 0, greatest = 0, view;

    for (size_t i = 0; i < admin->count; i++) {
        struct slice page = bytes_slice(&admin->processes[i].metrics);
        if (!ctl_metric(page, "weft_gateway_view", &view) &&
            !ctl_metric(page, "weft_worker_view", &view))
            continue;
        least = !least || view < least ? view : least;
        greatest = view > greatest ? view : greatest;
    }
    if (least == greatest)
        return 0;
    bytes_printf(out,
                 "not all follow one view (%.0f to %.0f): who is behind does not reach Redis\n",
                 least, greatest);
    return 1;
}

size_t ctl_problems_find(const struct ctl_admin *admin, const struct ctl_probe *redis,
                         const struct ctl_probe *postgres, struct bytes *out)
{
    size_t count = server_problem(admin, redis, &servers[0], out) +
                   server_problem(admin, postgres, &servers[1], out);

    for (size_t i = 0; i < admin->count; i++)
        count += process_problems(&admin->processes[i], out);
    count += view_problem(admin, out);
    MUST(!out->failed);
    return count;
}
