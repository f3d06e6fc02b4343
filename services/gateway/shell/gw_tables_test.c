/* The tables of options and of numbers are sound. */
#include "gw_config.h"
#include "gw_metrics.h"
#include "support_tables.h"

int main(void)
{
    return support_tables_run("gateway tables", &gw_spec, gw_metrics_tables);
}
