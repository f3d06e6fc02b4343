/* A failing seed's schedule made short: with the fewest faults, edits, clients that still fail. */
#ifndef WEFT_SIM_SHRINK_H
#define WEFT_SIM_SHRINK_H

#include "sim_run.h"

/* What the options --only, --clients, --docs and --edits say. `text`: NULL: all faults. */
struct sim_schedule {
    struct sim_limits limits;
    struct sim_hit *hits; /* owned: limits.only */
};

/* 0, or -1: `text` names no faults. */
int sim_schedule_read(struct sim_schedule *schedule, const char *text);
void sim_schedule_fini(struct sim_schedule *schedule);
/* The command that replays it. */
void sim_schedule_print(const struct sim_schedule *schedule, uint64_t seed);

/*
 * Starts from a schedule that fails and takes away what is not needed, as long as the same promise
 * is broken: whole kinds of faults, then single ones (delta debugging, Zeller 1999), edits,
 * clients.
 */
void sim_shrink(uint64_t seed, struct sim_schedule *schedule);

#endif
