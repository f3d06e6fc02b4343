/* The archiver's page of metrics. */
#define SHELL_COUNTED struct ar_counters
#include "shell_metrics.h"

#include "archiver.h"

void archiver_metrics(void *arg, struct bytes *out)
{
    static const struct shell_counter rows[] = {AR_COUNTERS(SHELL_COUNTER_ROW)};
    struct archiver *a = arg;

    if (!a->migrated || a->drive.phase == SHELL_CLOSING)
        return;
    shell_counters_append(out, "weft_archiver_", rows, sizeof rows / sizeof *rows,
                          ar_core_counters(a->core));
    shell_gauge_append(out, "weft_archiver_", "jobs", "documents worked on now",
                       ar_core_jobs(a->core));
    shell_gauge_append(out, "weft_archiver_", "lag_milliseconds",
                       "age of the oldest entry of the last commit, 0 without work",
                       ar_core_lag_ms(a->core));
    backend_metrics_append(a->drive.backend, out);
}
