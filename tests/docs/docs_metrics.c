/* docs/metrics.md: what is on each service's page. */
#include "archiver_metrics.h"
#include "docs_page.h"
#include "gw_metrics.h"
#include "obs_metrics.h"
#include "worker_metrics.h"

static const char intro[] = DOCS_GENERATED
    "# Metrics\n\n"
    "Each process shows its numbers at `/metrics` of its admin port, in Prometheus' text form.\n"
    "[deploy/prometheus](../deploy/prometheus) has alert rules, "
    "[deploy/grafana](../deploy/grafana) a\n"
    "dashboard; `/dashboard` of the admin port is one that needs neither. Counters begin at 0 with "
    "the\n"
    "process. Times are in seconds, sizes in bytes. No document, client or session is named "
    "here.\n\n"
    "Where the time of an ack goes, and what measures it:\n\n"
    "```\n"
    "            gateway                          worker                               gateway\n"
    "  op ──► in ──► link ┄┄► queue ──► transform ──► append ┄┄► link ──► fan-out ──► ack\n"
    "         │               │         │             │                   │\n"
    "         weft_gateway_   weft_worker_stage_seconds                   weft_gateway_\n"
    "         stage_seconds   {stage=\"queue\" \"transform\" \"append\"}       stage_seconds\n"
    "         {stage=\"in\"}                                              {stage=\"fan-out\"}\n"
    "  └─────────────────────── weft_gateway_ack_seconds ───────────────────────────┘\n"
    "```\n\n"
    "What the stages leave over is the two links, and the processes' turns\n"
    "(`weft_loop_turn_seconds`). An append that is slow is Redis' and its disk's time:\n"
    "`weft_storage_call_seconds{kind=\"append\"}`. A queue that is long while appends are quick is "
    "a\n"
    "worker without CPU, or a document that waits for the archiver "
    "(`weft_worker_slowed_total`).\n\n"
    "```\n"
    "histogram_quantile(0.99, sum by (le) (rate(weft_gateway_ack_seconds_bucket[1m])))  the ack's "
    "p99\n"
    "sum(rate(weft_worker_ops_total[1m]))                                               edits a "
    "second\n"
    "max(weft_archiver_lag_seconds)                                                     the "
    "archiver's lag\n"
    "weft_account_bytes / weft_account_limit_bytes                                      how full\n"
    "```\n";

static const struct {
    const char *title;
    obs_table_fn *const *tables;
} services[] = {{"Gateway", gw_metrics_tables},
                {"Worker", worker_metrics_tables},
                {"Archiver", archiver_metrics_tables}};
#define SERVICES (sizeof services / sizeof *services)

static bool has(size_t service, obs_table_fn *table)
{
    for (obs_table_fn *const *at = services[service].tables; *at; at++)
        if (*at == table)
            return true;
    return false;
}

static size_t holders(obs_table_fn *table)
{
    size_t count = 0;

    for (size_t i = 0; i < SERVICES; i++)
        count += has(i, table);
    return count;
}

static const char head[] = "\n| name | kind | labels | what |\n| --- | --- | --- | --- |\n";

/* What only this service has. */
static void own_append(struct bytes *out, size_t service)
{
    bytes_printf(out, "\n## %s\n%s", services[service].title, head);
    for (obs_table_fn *const *at = services[service].tables; *at; at++)
        if (holders(*at) == 1)
            obs_metrics_document(out, (*at)());
}

static void shared_append(struct bytes *out, obs_table_fn *table)
{
    const char *between = "\n### ";

    for (size_t i = 0; i < SERVICES; i++) {
        if (!has(i, table))
            continue;
        bytes_printf(out, "%s%s", between, services[i].title);
        between = ", ";
    }
    bytes_printf(out, "\n%s", head);
    obs_metrics_document(out, table());
}

void docs_metrics(struct bytes *out)
{
    bytes_append_str(out, intro);
    for (size_t i = 0; i < SERVICES; i++)
        own_append(out, i);
    bytes_append_str(out, "\n## In more than one service\n");
    for (size_t i = 0; i < SERVICES; i++) {
        for (obs_table_fn *const *at = services[i].tables; *at; at++) {
            bool told = (i > 0 && has(0, *at)) || (i > 1 && has(1, *at));
            if (holders(*at) > 1 && !told)
                shared_append(out, *at);
        }
    }
}
