/* The metrics page: a table and its numbers in Prometheus' text format 0.0.4. */
#ifndef WEFT_OBS_METRICS_H
#define WEFT_OBS_METRICS_H

#include "bytes.h"
#include "obs_stats.h"

#define OBS_METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/*
 * Appends all families of the table. Histograms show powers of two as bounds, exactly: TIMES from
 * 64 us to 33.6 s, SIZES powers of four from 1 to 2^28. Failure latches in out.
 */
void obs_metrics_append(struct bytes *out, const struct obs_table *table, const void *stats);
/* A line for each family: "| `name` | kind | `label="value"` ... | help |". */
void obs_metrics_document(struct bytes *out, const struct obs_table *table);

#endif
