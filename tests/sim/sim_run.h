/* One seed, and many on all cores. */
#ifndef WEFT_SIM_RUN_H
#define WEFT_SIM_RUN_H

#include "sim_world.h"

#define SIM_FAILURES_MAX 16

struct sim_failure {
    uint64_t seed;
    enum sim_oracle oracle;
    int died; /* a MUST, a sanitizer: the signal, or -1 */
    char text[256];
};

struct sim_result {
    struct sim_totals totals;
    uint64_t seeds, failed; /* it stops after SIM_FAILURES_MAX that failed */
    struct sim_failure failures[SIM_FAILURES_MAX];
    double seconds;
    long memory_kb; /* the most that one of the processes took */
};

/* True: it kept all promises. `totals` are added to. */
bool sim_seed_run(uint64_t seed, const struct sim_limits *limits, bool trace,
                  struct sim_totals *totals, struct sim_failure *failure);
/* With progress on a terminal. */
void sim_seeds_run(uint64_t from, uint64_t seeds, unsigned jobs, struct sim_result *result);

#endif
