/* What happened in a run, or in many. */
#ifndef WEFT_SIM_TOTALS_H
#define WEFT_SIM_TOTALS_H

#include <stdbool.h>
#include <stdint.h>

/* name, how much of it a thousand seeds must have (about half of what they had when it was set):
 * beneath it the oracles sleep. */
#define SIM_TOTALS(X)                                                                              \
    X(events, 0)                                                                                   \
    X(edits, 110000)                                                                               \
    X(acks, 55000)                                                                                 \
    X(submits, 0)                                                                                  \
    X(ops, 0)                                                                                      \
    X(entries, 0)                                                                                  \
    X(transformed, 30000)                                                                          \
    X(refused, 3000)                                                                               \
    X(unknown, 1200)                                                                               \
    X(appends_refused, 550)                                                                        \
    X(reappended, 5000)                                                                            \
    X(repeats, 200)                                                                                \
    X(crashes, 3700)                                                                               \
    X(resyncs, 60)                                                                                 \
    X(resets, 7000)                                                                                \
    X(stalls, 170)                                                                                 \
    X(disconnects, 2800)                                                                           \
    X(reloads, 2000)                                                                               \
    X(lost_tails, 350)                                                                             \
    X(rebases, 60)                                                                                 \
    X(commits, 11000)                                                                              \
    X(renewals, 80)                                                                                \
    X(handoffs, 350)                                                                               \
    X(handed_back, 150)                                                                            \
    X(gaps, 0)                                                                                     \
    X(lagging, 3500)                                                                               \
    X(drains, 250)                                                                                 \
    X(pauses, 400)                                                                                 \
    X(restores, 230)                                                                               \
    X(lost_locks, 20)                                                                              \
    X(lossy, 0)                                                                                    \
    X(ghosts, 350)                                                                                 \
    X(histories, 300)                                                                              \
    X(adopted, 1200)                                                                               \
    X(offline, 290)                                                                                \
    X(clock_jumps, 35)                                                                             \
    X(calls_late, 350)                                                                             \
    X(calls_twice, 280)                                                                            \
    X(failovers, 15)                                                                               \
    X(leaps, 20)                                                                                   \
    X(twins, 180)                                                                                  \
    X(expired, 3)                                                                                  \
    X(presences, 42000)                                                                            \
    X(titles, 260)                                                                                 \
    X(denied, 150)                                                                                 \
    X(damages, 130)                                                                                \
    X(quarantines, 12)                                                                             \
    X(damage_seen, 130)                                                                            \
    X(heals_apart, 100)                                                                            \
    X(viewers, 100)                                                                                \
    X(silences, 100)                                                                               \
    X(told, 5000)                                                                                  \
    X(rude, 700)                                                                                   \
    X(memory_out, 150)                                                                             \
    X(simulated_ms, 0)

struct sim_totals {
#define X(name, floor) uint64_t name;
    SIM_TOTALS(X)
#undef X
};

void sim_totals_add(struct sim_totals *sum, const struct sim_totals *one);
/* Every number, each after a separator. */
void sim_totals_print(const struct sim_totals *totals, bool json);
/* Runs differ too much for fewer to tell anything. */
#define SIM_FLOOR_SEEDS 300

/* Says what did not reach its floor. */
bool sim_totals_enough(const struct sim_totals *totals, uint64_t seeds);

#endif
