/* The gateway's page of metrics. */
#define SHELL_COUNTED struct gw_counters
#include "shell_metrics.h"

#include "gw_process.h"
#include "obs_metrics.h"

static void append_errors(struct bytes *out, const struct gw_counters *counters)
{
    size_t count = sizeof counters->errors_by_code / sizeof counters->errors_by_code[0];

    bytes_append_str(out, "# HELP weft_gateway_client_errors_total Errors told to clients.\n"
                          "# TYPE weft_gateway_client_errors_total counter\n");
    for (uint32_t code = 0; code < count; code++) {
        const struct wire_error_info *info = wire_error_info(code);
        if (info)
            bytes_printf(out, "weft_gateway_client_errors_total{error=\"%s\"} %lu\n", info->word,
                         (unsigned long)counters->errors_by_code[code]);
    }
}

#define LINK_COUNTERS(X)                                                                           \
    X(batches_out, "batches sent to workers")                                                      \
    X(items_out, "items sent to workers")                                                          \
    X(bytes_out, "bytes sent to workers")                                                          \
    X(batches_in, "batches received from workers")                                                 \
    X(items_in, "items received from workers")                                                     \
    X(bytes_in, "bytes received from workers")                                                     \
    X(resets_gap, "links reset because a batch was lost")                                          \
    X(resets_peer, "links reset by the worker")                                                    \
    X(resets_full, "links reset because a worker did not read")                                    \
    X(resets_bad, "links reset because of a batch that cannot be read")                            \
    X(resets_asked, "links reset because of an item that cannot be read")                          \
    X(stale, "batches of an epoch that is over")                                                   \
    X(refused, "messages that are not of this protocol")                                           \
    X(wrong_target, "messages meant for another process")                                          \
    X(contacts, "messages of processes that are no workers of the view")

static void append_links(struct bytes *out, const struct link_stats *stats)
{
#define X(name, help) {#name, help, offsetof(struct link_stats, name)},
    static const struct shell_counter rows[] = {LINK_COUNTERS(X)};
#undef X

    shell_counters_append(out, "weft_link_", rows, sizeof rows / sizeof *rows, stats);
    shell_gauge_append(out, "weft_link_", "peers", "workers linked", stats->peers);
    shell_gauge_append(out, "weft_link_", "queued_bytes", "bytes waiting for workers",
                       stats->queued);
}

static void append_core(struct bytes *out, const struct gw_core *core)
{
    static const struct shell_counter rows[] = {GW_COUNTERS(SHELL_COUNTER_ROW)};
    struct gw_gauges g = gw_core_gauges(core);

    shell_counters_append(out, "weft_gateway_", rows, sizeof rows / sizeof *rows,
                          gw_core_counters(core));
    append_errors(out, gw_core_counters(core));
    shell_gauge_append(out, "weft_gateway_", "open_connections", "WebSockets", g.connections);
    shell_gauge_append(out, "weft_gateway_", "documents", "documents with a viewer here",
                       g.documents);
    shell_gauge_append(out, "weft_gateway_", "attachments", "viewers, summed over documents",
                       g.attachments);
    shell_gauge_append(out, "weft_gateway_", "unacked_bytes", "ops kept until they are acked",
                       g.unacked_bytes);
    shell_gauge_append(out, "weft_gateway_", "view", "number of the view followed", g.view);
}

void gw_metrics(void *arg, struct bytes *out)
{
    static const struct shell_counter encoder_row = {
        "encode_failures", "frames that could not be made", offsetof(struct gw_encoder, failed)};
    struct gw_process *p = arg;

    if (p->phase == GW_ENDING)
        return;
    append_core(out, p->core);
    obs_metrics_append(out, gw_stats_table(), &p->server.stats);
    shell_counters_append(out, "weft_gateway_", &encoder_row, 1, &p->encoder);
    append_links(out, &link_node_core(p->links.node)->stats);
    backend_metrics_append(p->beat.backend, out);
}
