/*
 * The faults by name, and the roll that decides each. A roll depends on the seed, the kind and a
 * key alone (the moment and whom it would meet, or how many of its kind were rolled before), never
 * on what else was rolled: so one fault can be left out of a run, and the others stay where they
 * were. That is what a schedule is shrunk by (sim_shrink.c).
 */
#ifndef WEFT_SIM_FAULTS_H
#define WEFT_SIM_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * constant, name, on in so many of 100 runs, its greatest rate there: of 1,000 messages or calls
 * that it could meet (first group), or in 1,000 seconds of each that it could meet (second group).
 */
#define SIM_FAULTS(X)                                                                              \
    X(SLOW, "slow", 100, 100)                                                                      \
    X(CALL_LOST, "call-lost", 80, 40)                                                              \
    X(CALL_DOWN, "call-down", 65, 20)                                                              \
    X(CALL_LATE, "call-late", 40, 30)                                                              \
    X(CALL_TWICE, "call-twice", 30, 30)                                                            \
    X(POSTGRES_SLOW, "postgres-slow", 30, 200)                                                     \
    X(SLOW_READER, "slow-reader", 75, 30)                                                          \
    X(CUT_SUBMIT, "cut-submit", 60, 120)                                                           \
    X(OFFLINE, "offline", 40, 500)                                                                 \
    X(RELOAD, "reload", 95, 600)                                                                   \
    X(LINK_RESET, "link-reset", 90, 80)                                                            \
    X(LINK_STALL, "link-stall", 30, 60)                                                            \
    X(DISCONNECT, "disconnect", 90, 120)                                                           \
    X(CRASH, "crash", 85, 60)                                                                      \
    X(DRAIN, "drain", 40, 50)                                                                      \
    X(PAUSE, "pause", 40, 80)                                                                      \
    X(REDIS_CUT, "redis-cut", 25, 40)                                                              \
    X(REDIS_AWAY, "redis-away", 20, 60)                                                            \
    X(REDIS_FULL, "redis-full", 15, 60)                                                            \
    X(POSTGRES_AWAY, "postgres-away", 20, 60)                                                      \
    X(POSTGRES_RESTART, "postgres-restart", 30, 300)                                               \
    X(LOSE_TAIL, "lose-tail", 40, 300)                                                             \
    X(LOSE_HANDED, "lose-handed", 40, 500)                                                         \
    X(RESTORE, "restore", 40, 300)                                                                 \
    X(BACKUP, "backup", 100, 300)                                                                  \
    X(CLOCK_JUMP, "clock-jump", 15, 100)                                                           \
    X(GHOST, "ghost", 40, 1000)                                                                    \
    X(REPLICA_BEHIND, "replica-behind", 80, 300)                                                   \
    X(FAILOVER, "failover", 90, 400)                                                               \
    X(LEAP, "leap", 12, 100)                                                                       \
    X(TWIN, "twin", 15, 100)                                                                       \
    X(DAMAGE, "damage", 12, 3000)                                                                  \
    X(LOSE_CHECKED, "lose-checked", 25, 100)                                                       \
    X(NO_MEMORY, "no-memory", 18, 60)                                                              \
    X(RUDE, "rude", 25, 4000)

enum sim_fault {
#define X(constant, name, runs, most) SIM_##constant,
    SIM_FAULTS(X)
#undef X
        SIM_FAULT_COUNT,
};

const char *sim_fault_name(enum sim_fault kind);
/* SIM_FAULT_COUNT: there is none of this name. */
enum sim_fault sim_fault_named(const char *name, size_t size);

/* One fault that happened: a roll that hit. */
struct sim_hit {
    uint64_t key;
    enum sim_fault kind;
};

/* What a run is held to besides its seed; all 0: nothing. */
struct sim_limits {
    const struct sim_hit *only; /* no other faults, if `has_only`; sorted */
    size_t only_count;
    bool has_only;
    unsigned clients_max, docs_max, edits_max; /* 0: as drawn */
};

int sim_hit_compare(const void *a, const void *b);

#endif
