#include "backend.h"
#include "link_core.h"
#include "shell_metrics.h"
#include "wk_core.h"
#include "worker_metrics.h"

OBS_STATS_TABLE(worker_stats, WORKER_STATS)

obs_table_fn *const worker_metrics_tables[] = {
    wk_counters_table,         wk_gauges_table,
    worker_stats_table,        link_stats_table,
    backend_calls_table,       backend_servers_table,
    backend_redis_table,       backend_postgres_table,
    shell_process_stats_table, NULL,
};
