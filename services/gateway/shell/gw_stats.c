#include "gw_stats.h"

OBS_STATS_TABLE(gw_stats, GW_STATS)
