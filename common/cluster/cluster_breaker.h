/*
 * Circuit breaker in front of a dependency: after some failures in a row nothing is sent for a
 * while, then one probe decides.
 *
 *             failures in a row                 wait is over, a call asks
 *   CLOSED ----------------------> OPEN --------------------------------> HALF_OPEN
 *     ^                             ^                                      |    |
 *     |                             +---------- the probe failed ----------+    |
 *     +------------------------------ the probe succeeded ----------------------+
 *
 * Ask cluster_breaker_allow before each call and report how it ended, a deadline that passed being
 * a failure. Results of calls from before the breaker opened may come late; while OPEN they mean
 * nothing. A probe whose result never comes is given up after probe_ms and another is let through.
 *
 * Plain data, no allocation. Time in milliseconds of a clock that does not go back.
 */
#ifndef WEFT_CLUSTER_BREAKER_H
#define WEFT_CLUSTER_BREAKER_H

#include "cluster_backoff.h"

enum cluster_breaker_state { CLUSTER_CLOSED, CLUSTER_OPEN, CLUSTER_HALF_OPEN };

struct cluster_breaker {
    enum cluster_breaker_state state;
    unsigned failures_max; /* in a row, opens the breaker */
    uint64_t probe_ms;
    unsigned failures;              /* in a row, while CLOSED */
    struct cluster_backoff backoff; /* grows from one opening to the next until a success */
    uint64_t until_ms;              /* OPEN: when a probe is due; HALF_OPEN: when it is given up */
    /* counters */
    uint64_t opened;
    uint64_t refused;
};

/* failures_max > 0; the breaker stays open for open_ms to open_ms_max, jittered. */
void cluster_breaker_init(struct cluster_breaker *b, unsigned failures_max, uint64_t open_ms,
                          uint64_t open_ms_max, uint64_t probe_ms);
/* May a call be made now? True in HALF_OPEN for one call at a time: the probe. */
bool cluster_breaker_allow(struct cluster_breaker *b, uint64_t now_ms);
void cluster_breaker_success(struct cluster_breaker *b);
void cluster_breaker_failure(struct cluster_breaker *b, uint64_t now_ms, struct rng *rng);
/* 0: a call may be made now. Else milliseconds until one may: the "retry later" of an answer. */
uint64_t cluster_breaker_wait(const struct cluster_breaker *b, uint64_t now_ms);
/* "closed", "open", "half-open". */
const char *cluster_breaker_state_name(enum cluster_breaker_state state);

#endif
