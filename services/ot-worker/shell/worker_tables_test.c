/* The tables of options and of numbers are sound. */
#include "support_tables.h"
#include "worker_config.h"
#include "worker_metrics.h"

int main(void)
{
    return support_tables_run("worker tables", &worker_spec, worker_metrics_tables);
}
