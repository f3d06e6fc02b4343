/* A run from the first connection to the last comparison; load_world.h has its phases. */
#ifndef WEFT_LOAD_RUN_H
#define WEFT_LOAD_RUN_H

#include "load_proc.h"
#include "load_world.h"

/* What the run came to. */
struct load_result {
    struct load_tally tally;
    uint64_t acked;            /* ops, from the first to the last: what the servers count */
    double seconds;            /* of the measurement */
    struct conn_counts counts; /* in it */
    uint64_t client_cpu_us;
    struct load_usage usage; /* of the servers, in it; not known without --dir */
    int64_t archiver_lag_ms; /* -1: not known */
};

/*
 * Runs everything on w's loop; w's connections are closed when it returns. False: it could not be
 * done, w->failure says why.
 */
MUST_CHECK bool load_run(struct load_world *w, struct load_result *ret);
/* The mode has typed all it wanted: the measurement is over. */
void load_run_over(struct load_world *w);

#endif
