/* What happened in a run, or in many. */
#ifndef WEFT_SIM_TOTALS_H
#define WEFT_SIM_TOTALS_H

#include <stdbool.h>
#include <stdint.h>

/* name, how much of it a thousand seeds must have (about half of what they had when it was set):
 * beneath it the oracles sleep. */
#define SIM_TOTALS(X)                                                                              \
    X(events, 0)                                                                                   \
    X(edits, 100000)                                                                               \
    X(acks, 50000)                                                                                 \
    X(submits, 0)                                                                                  \
    X(ops, 0)                                                                                      \
    X(entries, 0)                                                                                  \
    X(transformed, 30000)                                                                          \
    X(refused, 2000)                                                                               \
    X(unknown, 1000)                                                                               \
    X(appends_refused, 600)                                                                        \
    X(reappended, 4500)                                                                            \
    X(repeats, 150)                                                                                \
    X(crashes, 4000)                                                                               \
    X(resyncs, 50)                                                                                 \
    X(resets, 7500)                                                                                \
    X(stalls, 0)                                                                                   \
    X(disconnects, 3000)                                                                           \
    X(reloads, 2500)                                                                               \
    X(lost_tails, 350)                                                                             \
    X(rebases, 60)                                                                                 \
    X(commits, 11000)                                                                              \
    X(renewals, 60)                                                                                \
    X(handoffs, 450)                                                                               \
    X(handed_back, 250)                                                                            \
    X(gaps, 0)                                                                                     \
    X(lagging, 4500)                                                                               \
    X(drains, 300)                                                                                 \
    X(pauses, 500)                                                                                 \
    X(restores, 250)                                                                               \
    X(lost_locks, 50)                                                                              \
    X(lossy, 0)                                                                                    \
    X(ghosts, 350)                                                                                 \
    X(histories, 250)                                                                              \
    X(adopted, 1100)                                                                               \
    X(offline, 300)                                                                                \
    X(clock_jumps, 0)                                                                              \
    X(calls_late, 0)                                                                               \
    X(calls_twice, 0)                                                                              \
    X(simulated_ms, 0)

struct sim_totals {
#define X(name, floor) uint64_t name;
    SIM_TOTALS(X)
#undef X
};

void sim_totals_add(struct sim_totals *sum, const struct sim_totals *one);
/* Every number, each after a separator. */
void sim_totals_print(const struct sim_totals *totals, bool json);
/* Says what did not reach its floor. */
bool sim_totals_enough(const struct sim_totals *totals, uint64_t seeds);

#endif
