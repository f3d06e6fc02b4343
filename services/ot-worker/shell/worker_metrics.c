#include "worker_metrics.h"

#include "obs_metrics.h"
#include "worker.h"

void worker_metrics(void *arg, struct bytes *out)
{
    struct worker *w = arg;

    if (w->drive.phase == SHELL_CLOSING)
        return;
    const struct link_core *links = link_node_core(w->links.node);
    struct wk_gauges gauges = wk_core_gauges(w->core);
    struct worker_stats stats = {.unanswered = w->links.unanswered,
                                 .dropped = w->links.dropped,
                                 .documents = gauges.bytes,
                                 .documents_max = gauges.bytes_max,
                                 .links = links->stats.queued,
                                 .links_max = (int64_t)links->config.limits.queue_all_max};

    obs_metrics_append(out, wk_counters_table(), wk_core_counters(w->core));
    obs_metrics_append(out, wk_gauges_table(), &gauges);
    obs_metrics_append(out, worker_stats_table(), &stats);
    obs_metrics_append(out, link_stats_table(), &links->stats);
    backend_metrics_append(w->drive.backend, out);
}
