#include "ar_core.h"
#include "archiver_metrics.h"
#include "backend.h"
#include "shell_metrics.h"

obs_table_fn *const archiver_metrics_tables[] = {
    ar_counters_table,   ar_gauges_table,        backend_calls_table,       backend_servers_table,
    backend_redis_table, backend_postgres_table, shell_process_stats_table, NULL,
};
