/*
 * Jittered exponential back-off: the n-th delay is uniform in [d/2, d] with d = base * 2^n, at most
 * max. Half of the delay is kept so that a storm of clients thins out and nobody retries at once.
 */
#ifndef WEFT_CLUSTER_BACKOFF_H
#define WEFT_CLUSTER_BACKOFF_H

#include <stdint.h>

#include "rng.h"

struct cluster_backoff {
    uint64_t base_ms; /* > 0 */
    uint64_t max_ms;  /* >= base_ms */
    uint64_t next_ms; /* d of the next delay */
};

void cluster_backoff_init(struct cluster_backoff *b, uint64_t base_ms, uint64_t max_ms);
/* After a success. */
void cluster_backoff_reset(struct cluster_backoff *b);
/* How long to wait before the next attempt. */
uint64_t cluster_backoff_next(struct cluster_backoff *b, struct rng *rng);

#endif
