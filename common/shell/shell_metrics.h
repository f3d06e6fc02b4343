/*
 * Metrics of cores, whose counters are rows X(name, "help"), and of the process. Services with
 * histograms use obs_stats.h for the rest.
 *
 *     static const struct shell_counter rows[] = {WK_COUNTERS(SHELL_COUNTER_ROW)};
 *
 * with SHELL_COUNTED defined as the struct that the rows are the fields of.
 */
#ifndef WEFT_SHELL_METRICS_H
#define WEFT_SHELL_METRICS_H

#include "bytes.h"

struct shell;

struct shell_counter {
    const char *name; /* snake_case */
    const char *help;
    size_t offset; /* of a uint64_t */
};

#define SHELL_COUNTER_ROW(name, help) {#name, help, offsetof(SHELL_COUNTED, name)},

/* Families PREFIX_NAME_total. */
void shell_counters_append(struct bytes *out, const char *prefix, const struct shell_counter *rows,
                           size_t count, const void *counters);
/* One gauge PREFIX_NAME. */
void shell_gauge_append(struct bytes *out, const char *prefix, const char *name, const char *help,
                        uint64_t value);
/* CPU, memory, descriptors, and the loop's turns: process_* and weft_loop_*. */
void shell_process_metrics(struct shell *s, struct bytes *out);

#endif
