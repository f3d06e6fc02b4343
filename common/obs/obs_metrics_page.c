/* Prints a page with every kind of metric: what `promtool check metrics` gets to see as a test. */
#include <stdio.h>

#include "obs_example.h"
#include "obs_metrics.h"

OBS_STATS_TABLE(example_stats, EXAMPLE_STATS)

int main(void)
{
    static struct example_stats s;
    struct bytes page = BYTES_INIT;
    s.conns = 12;
    for (uint64_t v = 1; v < UINT64_C(1) << 30; v *= 3) {
        obs_hist_add(&s.seen_us, v);
        obs_hist_add(&s.frame_bytes, v);
    }
    obs_metrics_append(&page, example_stats_table(), &s);
    bool good = !page.failed && fwrite(page.data, 1, page.size, stdout) == page.size;
    bytes_fini(&page);
    return good ? 0 : 1;
}
