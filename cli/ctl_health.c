#include "ctl_health.h"

#include <string.h>

#include "ctl_metric.h"

static const struct {
    const char *name, *series; /* series: only this role has it */
} roles[CTL_ROLES] = {
    [CTL_GATEWAY] = {"gateway", "weft_gateway_view"},
    [CTL_WORKER] = {"worker", "weft_worker_view"},
    [CTL_ARCHIVER] = {"archiver", "weft_archiver_jobs"},
    [CTL_STRANGER] = {"unknown", NULL},
};

enum ctl_role ctl_role_of(const struct ctl_process *p)
{
    struct slice page = bytes_slice(&p->metrics);
    double value;

    for (int i = 0; i < CTL_STRANGER; i++) {
        if (p->answered ? ctl_metric(page, roles[i].series, &value)
                        : strncmp(p->name, roles[i].name, strlen(roles[i].name)) == 0)
            return (enum ctl_role)i;
    }
    return CTL_STRANGER;
}

const char *ctl_role_name(enum ctl_role role)
{
    return roles[role].name;
}

const char *ctl_health_state(const struct ctl_process *p)
{
    return !p->answered ? "no answer" : p->ready ? "ready" : "not ready";
}

static double of_server(const struct ctl_process *p, const char *family, const char *server)
{
    char series[128];

    snprintf(series, sizeof series, "%s{server=\"%s\"}", family, server);
    return ctl_metric_or_0(bytes_slice(&p->metrics), series);
}

const char *ctl_health_breaker(const struct ctl_process *p, const char *server)
{
    char calls[64];
    double value;

    snprintf(calls, sizeof calls, "weft_%s_calls_total", server);
    if (!ctl_metric(bytes_slice(&p->metrics), calls, &value))
        return "-";
    switch ((int)of_server(p, "weft_storage_breaker_state", server)) {
    case 0:
        return of_server(p, "weft_storage_ready", server) > 0 ? "closed" : "away";
    case 1:
        return "open";
    default:
        return "half-open";
    }
}

static double links_in(const struct ctl_process *p, const char *state)
{
    char series[128];

    snprintf(series, sizeof series, "weft_link_breakers{state=\"%s\"}", state);
    return ctl_metric_or_0(bytes_slice(&p->metrics), series);
}

const char *ctl_health_links(const struct ctl_process *p)
{
    static const char *const worst_first[] = {"open", "half-open", "closed"};

    for (size_t i = 0; i < sizeof worst_first / sizeof worst_first[0]; i++) {
        if (links_in(p, worst_first[i]) > 0)
            return worst_first[i];
    }
    return "-";
}

double ctl_health_links_open(const struct ctl_process *p)
{
    return links_in(p, "open") + links_in(p, "half-open");
}

/* ---- figures ---- */

#define LINKS                                                                                      \
    {                                                                                              \
        "links", "weft_link_peers", "%s links", false                                              \
    }

static const struct ctl_figure gateway_figures[] = {
    {"view", "weft_gateway_view", "view %s", false},
    {"connections", "weft_gateway_open_connections", "%s connections", false},
    {"documents", "weft_gateway_documents", "%s documents", false},
    {"unacked_ops", "weft_gateway_unacked_ops", "%s ops unacked", false},
    LINKS,
    {0},
};
static const struct ctl_figure worker_figures[] = {
    {"view", "weft_worker_view", "view %s", false},
    {"documents", "weft_worker_live_documents", "%s documents", false},
    {"pending_ops", "weft_worker_pending_ops", "%s ops pending", false},
    {"quarantined", "weft_worker_quarantined", "%s quarantined", false},
    LINKS,
    {0},
};
static const struct ctl_figure archiver_figures[] = {
    {"jobs", "weft_archiver_jobs", "%s documents under way", false},
    {"lag_revisions", "weft_archiver_lag_revisions", "%s revisions behind", false},
    {"lag_seconds", "weft_archiver_lag_seconds", "lag %s", true},
    {0},
};
static const struct ctl_figure no_figures[] = {{0}};

const struct ctl_figure *ctl_figures_of(enum ctl_role role)
{
    static const struct ctl_figure *const of[CTL_ROLES] = {
        [CTL_GATEWAY] = gateway_figures,
        [CTL_WORKER] = worker_figures,
        [CTL_ARCHIVER] = archiver_figures,
        [CTL_STRANGER] = no_figures,
    };

    return of[role];
}
