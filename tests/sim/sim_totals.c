#include "sim_totals.h"

#include <stdio.h>

void sim_totals_add(struct sim_totals *sum, const struct sim_totals *one)
{
#define X(name, floor) sum->name += one->name;
    SIM_TOTALS(X)
#undef X
}

void sim_totals_print(const struct sim_totals *totals, bool json)
{
#define X(name, floor)                                                                             \
    printf(json ? ",\"" #name "\":%llu" : "  " #name " %llu", (unsigned long long)totals->name);
    SIM_TOTALS(X)
#undef X
}

bool sim_totals_enough(const struct sim_totals *totals, uint64_t seeds)
{
    bool enough = true;

    if (seeds < SIM_FLOOR_SEEDS)
        return true;
#define X(name, floor)                                                                             \
    if ((uint64_t)(floor) > 0 && totals->name * 1000 < (uint64_t)(floor)*seeds) {                  \
        fprintf(stderr, "weft-sim: only %llu " #name " in %llu seeds, at least %llu expected\n",   \
                (unsigned long long)totals->name, (unsigned long long)seeds,                       \
                (unsigned long long)((floor)*seeds / 1000));                                       \
        enough = false;                                                                            \
    }
    SIM_TOTALS(X)
#undef X
    return enough;
}
