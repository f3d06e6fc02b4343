/* The worker's page of metrics. */
#define SHELL_COUNTED struct wk_counters
#include "shell_metrics.h"

#include "worker.h"

static void append_link(struct bytes *out, const struct worker_links *links)
{
    const struct link_stats *s = &link_node_core(links->node)->stats;
#define X(name, help) {#name, help, offsetof(struct link_stats, name)},
    static const struct shell_counter rows[] = {
        X(batches_out, "batches sent to gateways") X(items_out, "items sent to gateways") X(
            bytes_out, "bytes sent to gateways") X(batches_in, "batches received from gateways")
            X(items_in, "items received from gateways") X(bytes_in, "bytes received from gateways")
                X(resets_gap, "links reset because a batch was lost")
                    X(resets_peer, "links reset by the gateway")
                        X(resets_full, "links reset because a gateway did not read")
                            X(resets_bad, "links reset because of a batch that cannot be read")
                                X(resets_asked, "links reset because of silence or a bad item")
                                    X(stale, "batches of an epoch that is over")
                                        X(refused, "messages that are not of this protocol")
                                            X(wrong_target, "messages meant for another process")};
#undef X

    shell_counters_append(out, "weft_link_", rows, sizeof rows / sizeof *rows, s);
    shell_gauge_append(out, "weft_link_", "unanswered", "contacts for which there was no room",
                       links->unanswered);
    shell_gauge_append(out, "weft_link_", "dropped_items", "items for gateways that were gone",
                       links->dropped);
    shell_gauge_append(out, "weft_link_", "peers", "gateways linked", s->peers);
    shell_gauge_append(out, "weft_link_", "queued_bytes", "bytes waiting for gateways", s->queued);
}

void worker_metrics(void *arg, struct bytes *out)
{
    static const struct shell_counter rows[] = {WK_COUNTERS(SHELL_COUNTER_ROW)};
    struct worker *w = arg;

    if (w->drive.phase == SHELL_CLOSING)
        return;
    struct wk_gauges g = wk_core_gauges(w->core);
    shell_counters_append(out, "weft_worker_", rows, sizeof rows / sizeof *rows,
                          wk_core_counters(w->core));
    shell_gauge_append(out, "weft_worker_", "documents", "documents in memory", g.documents);
    shell_gauge_append(out, "weft_worker_", "live_documents", "documents that are served", g.live);
    shell_gauge_append(out, "weft_worker_", "attachments", "clients attached", g.attachments);
    shell_gauge_append(out, "weft_worker_", "pending_ops", "ops that wait", g.pending_ops);
    shell_gauge_append(out, "weft_worker_", "documents_bytes", "memory of documents", g.bytes);
    shell_gauge_append(out, "weft_worker_", "quarantined", "documents in quarantine",
                       g.quarantined);
    shell_gauge_append(out, "weft_worker_", "view", "number of the view followed", g.view);
    append_link(out, &w->links);
    backend_metrics_append(w->drive.backend, out);
}
