/* The gateway's page of metrics. Most numbers are declared beside what they count. */
#ifndef WEFT_GW_METRICS_H
#define WEFT_GW_METRICS_H

#include "bytes.h"
#include "obs_stats.h"

#define GW_ACCOUNTS(X)                                                                             \
    X(GAUGE, unacked, "weft_account_bytes", "account=\"unacked\"", OBS_ACCOUNT_HELP)               \
    X(GAUGE, catch_up, "weft_account_bytes", "account=\"catch-up\"", OBS_ACCOUNT_HELP)             \
    X(GAUGE, input, "weft_account_bytes", "account=\"input\"", OBS_ACCOUNT_HELP)                   \
    X(GAUGE, answers, "weft_account_bytes", "account=\"answers\"", OBS_ACCOUNT_HELP)               \
    X(GAUGE, sockets, "weft_account_bytes", "account=\"sockets\"", OBS_ACCOUNT_HELP)               \
    X(GAUGE, links, "weft_account_bytes", "account=\"links\"", OBS_ACCOUNT_HELP)                   \
    X(GAUGE, unacked_max, "weft_account_limit_bytes", "account=\"unacked\"",                       \
      OBS_ACCOUNT_LIMIT_HELP)                                                                      \
    X(GAUGE, catch_up_max, "weft_account_limit_bytes", "account=\"catch-up\"",                     \
      OBS_ACCOUNT_LIMIT_HELP)                                                                      \
    X(GAUGE, input_max, "weft_account_limit_bytes", "account=\"input\"", OBS_ACCOUNT_LIMIT_HELP)   \
    X(GAUGE, answers_max, "weft_account_limit_bytes", "account=\"answers\"",                       \
      OBS_ACCOUNT_LIMIT_HELP)                                                                      \
    X(GAUGE, sockets_max, "weft_account_limit_bytes", "account=\"sockets\"",                       \
      OBS_ACCOUNT_LIMIT_HELP)                                                                      \
    X(GAUGE, links_max, "weft_account_limit_bytes", "account=\"links\"", OBS_ACCOUNT_LIMIT_HELP)

OBS_STATS_STRUCT(gw_accounts, GW_ACCOUNTS)

/* Of the whole page; NULL at the end. */
extern obs_table_fn *const gw_metrics_tables[];

/* shell_service.metrics */
void gw_metrics(void *arg, struct bytes *out);

#endif
