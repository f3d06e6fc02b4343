#include "gw_metrics.h"

#include "gw_limits.h"
#include "gw_process.h"
#include "obs_metrics.h"

static struct gw_accounts accounts_of(struct gw_process *p, const struct gw_gauges *gauges)
{
    const struct ev_loop_stats *loop = ev_loop_stats(p->shell.loop);
    const struct link_core *links = link_node_core(p->links.node);
    const struct gw_server *server = &p->server;

    return (struct gw_accounts){.unacked = gauges->unacked_bytes,
                                .unacked_max = gauges->unacked_bytes_max,
                                .catch_up = gauges->payload_bytes,
                                .catch_up_max = gauges->payload_bytes_max,
                                .input = server->stats.held_bytes,
                                .input_max = (int64_t)server->config.input_bytes_max,
                                .answers = server->stats.answer_bytes,
                                .answers_max = GW_ANSWER_BYTES_MAX,
                                .sockets = (int64_t)loop->out_bytes,
                                .sockets_max = (int64_t)loop->out_bytes_max,
                                .links = links->stats.queued,
                                .links_max = (int64_t)links->config.limits.queue_all_max};
}

void gw_metrics(void *arg, struct bytes *out)
{
    struct gw_process *p = arg;

    if (p->phase == GW_ENDING)
        return;
    struct gw_gauges gauges = gw_core_gauges(p->core);
    struct gw_accounts accounts = accounts_of(p, &gauges);
    p->server.stats.encode_failures = p->encoder.failed;
    obs_metrics_append(out, gw_counters_table(), gw_core_counters(p->core));
    obs_metrics_append(out, gw_gauges_table(), &gauges);
    obs_metrics_append(out, gw_stats_table(), &p->server.stats);
    obs_metrics_append(out, gw_accounts_table(), &accounts);
    obs_metrics_append(out, link_stats_table(), &link_node_core(p->links.node)->stats);
    backend_metrics_append(p->beat.backend, out);
}
