/* The tables of options and of numbers are sound. */
#include "archiver_config.h"
#include "archiver_metrics.h"
#include "support_tables.h"

int main(void)
{
    return support_tables_run("archiver tables", &archiver_spec, archiver_metrics_tables);
}
