/* A table with everything in it, for the tests. */
#ifndef WEFT_OBS_EXAMPLE_H
#define WEFT_OBS_EXAMPLE_H

#include "obs_stats.h"

#define EXAMPLE_STATS(X)                                                                           \
    X(COUNTER, conns, "weft_example_connections_total", "", "Connections accepted.")               \
    X(COUNTER, closed_slow, "weft_example_closed_total", "reason=\"slow\"", "Closed by us.")       \
    X(COUNTER, closed_bad, "weft_example_closed_total", "reason=\"bad\",tier=\"x\"",               \
      "Closed by us.")                                                                             \
    X(GAUGE, viewers, "weft_example_viewers", "", "Open documents.")                               \
    X(SECONDS, busy_us, "weft_example_busy_seconds_total", "", "Time at work.")                    \
    X(AGE, lag_us, "weft_example_lag_seconds", "", "Behind.")                                      \
    X(TIMES, seen_us, "weft_example_seen_seconds", "", "From edit to screen.")                     \
    X(SIZES, frame_bytes, "weft_example_frame_bytes", "role=\"client\"", "Frames.")                \
    X(SIZES, frame_bytes_out, "weft_example_frame_bytes", "role=\"server\"", "Frames.")

OBS_STATS_STRUCT(example_stats, EXAMPLE_STATS)

#endif
