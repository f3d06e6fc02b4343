/* What is counted while a run is measured. Plain data: zero-initialise. */
#ifndef WEFT_LOAD_TALLY_H
#define WEFT_LOAD_TALLY_H

#include "obs_hist.h"

struct load_tally {
    uint64_t ops;         /* acknowledged */
    uint64_t patches;     /* edits in these */
    uint64_t transformed; /* ops that others' ops went before while they were under way */
    uint64_t entries, entry_ops;
    uint64_t errors;                  /* permanent ones, and texts that had to be taken again */
    uint64_t retries;                 /* errors that asked to wait */
    uint64_t reconnects;              /* connections that ended and came again */
    uint64_t held;                    /* edits not made: the client could not take them */
    uint64_t lost, doubled, diverged; /* by the comparison at the end */
    uint64_t weftctl_asked;           /* documents that weftctl was asked for */
    struct obs_hist ack_us;           /* from the first edit of an op to its acknowledgement */
    struct obs_hist seen_us;          /* the same to its arrival at each other editor */
};

#endif
