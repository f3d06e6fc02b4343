#include "cluster_backoff.h"

#include "must.h"

void cluster_backoff_init(struct cluster_backoff *b, uint64_t base_ms, uint64_t max_ms)
{
    MUST(base_ms > 0 && base_ms <= max_ms && max_ms <= UINT64_MAX / 2);
    *b = (struct cluster_backoff){.base_ms = base_ms, .max_ms = max_ms, .next_ms = base_ms};
}

void cluster_backoff_reset(struct cluster_backoff *b)
{
    b->next_ms = b->base_ms;
}

uint64_t cluster_backoff_next(struct cluster_backoff *b, struct rng *rng)
{
    uint64_t delay = b->next_ms;
    b->next_ms = delay > b->max_ms / 2 ? b->max_ms : delay * 2;
    return rng_between(rng, delay - delay / 2, delay);
}
