/* The archiver's page of metrics. The numbers are declared beside what they count. */
#ifndef WEFT_ARCHIVER_METRICS_H
#define WEFT_ARCHIVER_METRICS_H

#include "bytes.h"
#include "obs_stats.h"

/* Of the whole page; NULL at the end. */
extern obs_table_fn *const archiver_metrics_tables[];

/* shell_service.metrics */
void archiver_metrics(void *arg, struct bytes *out);

#endif
