#include "archiver_metrics.h"

#include "archiver.h"
#include "obs_metrics.h"

void archiver_metrics(void *arg, struct bytes *out)
{
    struct archiver *a = arg;

    if (!a->migrated || a->drive.phase == SHELL_CLOSING)
        return;
    struct ar_gauges gauges = ar_core_gauges(a->core);

    obs_metrics_append(out, ar_counters_table(), ar_core_counters(a->core));
    obs_metrics_append(out, ar_gauges_table(), &gauges);
    backend_metrics_append(a->drive.backend, out);
}
