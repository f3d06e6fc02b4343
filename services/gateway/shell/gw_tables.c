#include "backend.h"
#include "gw_core.h"
#include "gw_metrics.h"
#include "gw_stats.h"
#include "link_core.h"
#include "shell_metrics.h"

OBS_STATS_TABLE(gw_accounts, GW_ACCOUNTS)

/* The gateway asks Redis alone. */
obs_table_fn *const gw_metrics_tables[] = {
    gw_counters_table,
    gw_gauges_table,
    gw_stats_table,
    gw_accounts_table,
    link_stats_table,
    backend_calls_table,
    backend_servers_table,
    backend_redis_table,
    shell_process_stats_table,
    NULL,
};
