/* The worker's page of metrics. Most numbers are declared beside what they count. */
#ifndef WEFT_WORKER_METRICS_H
#define WEFT_WORKER_METRICS_H

#include "bytes.h"
#include "obs_stats.h"

#define WORKER_STATS(X)                                                                            \
    X(COUNTER, unanswered, "weft_worker_contacts_unanswered_total", "",                            \
      "Gateways that called when there was no room for a link.")                                   \
    X(COUNTER, dropped, "weft_worker_items_dropped_total", "",                                     \
      "Items for gateways that were gone: they open their documents again.")                       \
    X(GAUGE, documents, "weft_account_bytes", "account=\"documents\"", OBS_ACCOUNT_HELP)           \
    X(GAUGE, links, "weft_account_bytes", "account=\"links\"", OBS_ACCOUNT_HELP)                   \
    X(GAUGE, documents_max, "weft_account_limit_bytes", "account=\"documents\"",                   \
      OBS_ACCOUNT_LIMIT_HELP)                                                                      \
    X(GAUGE, links_max, "weft_account_limit_bytes", "account=\"links\"", OBS_ACCOUNT_LIMIT_HELP)

OBS_STATS_STRUCT(worker_stats, WORKER_STATS)

/* Of the whole page; NULL at the end. */
extern obs_table_fn *const worker_metrics_tables[];

/* shell_service.metrics */
void worker_metrics(void *arg, struct bytes *out);

#endif
