/*
 * The promises that a run can break. Each has a name, which stands in front of what is printed; a
 * deliberate bug counts as caught only by the promises that it is meant to break (--expect).
 */
#ifndef WEFT_SIM_VIOLATION_H
#define WEFT_SIM_VIOLATION_H

#include "bytes.h"

#define SIM_ORACLES(X)                                                                             \
    X(HISTORY, "I1", "a revision never changes, and everybody sees the same")                      \
    X(APPEND, "I2", "entries follow each other without a gap")                                     \
    X(CHAIN, "I3", "the chain verifies, and who lost nothing is never told to resync")             \
    X(DURABLE, "I4", "nobody sees what is not durable")                                            \
    X(ONCE, "I5", "an op stands in the history at most once, an acked one exactly once")           \
    X(LOG, "I6", "what PostgreSQL holds is the replay of the history")                             \
    X(TRIM, "I7", "only what is archived is trimmed")                                              \
    X(TAIL, "tail", "what Redis loses of a tail comes back, also after a handoff")                 \
    X(OWNER, "owner", "a document is handed over only where somebody else may take it")            \
    X(BOUNDS, "I8", "nobody holds more than its bound")                                            \
    X(STREAM, "stream", "a client is given only what follows its position")                        \
    X(CLIENT, "client", "no client is stopped or misled while nothing is lost")                    \
    X(CONVERGE, "converge", "all replicas equal the replay of the history")                        \
    X(SETTLE, "settle", "everything settles once nothing fails any more")                          \
    X(FORM, "form", "what one part sends another can read")                                        \
    X(LIVE, "live", "no object outlives the run")

enum sim_oracle {
#define X(constant, name, text) SIM_##constant,
    SIM_ORACLES(X)
#undef X
        SIM_ORACLE_COUNT,
};

/* The first promise broken in a run; empty text: none. */
struct sim_violation {
    enum sim_oracle oracle;
    struct bytes text;
};

const char *sim_oracle_name(enum sim_oracle oracle);

#endif
