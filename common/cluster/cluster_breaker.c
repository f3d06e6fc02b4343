#include "cluster_breaker.h"

#include "must.h"

#define STATE_COUNT 3

static const bool permitted[STATE_COUNT][STATE_COUNT] = {
    [CLUSTER_CLOSED] = {[CLUSTER_OPEN] = true},
    [CLUSTER_OPEN] = {[CLUSTER_HALF_OPEN] = true},
    [CLUSTER_HALF_OPEN] = {[CLUSTER_OPEN] = true, [CLUSTER_CLOSED] = true},
};

static void move(struct cluster_breaker *b, enum cluster_breaker_state to)
{
    MUST(permitted[b->state][to]);
    b->state = to;
    b->failures = 0;
}

void cluster_breaker_init(struct cluster_breaker *b, unsigned failures_max, uint64_t open_ms,
                          uint64_t open_ms_max, uint64_t probe_ms)
{
    MUST(failures_max > 0 && probe_ms > 0);
    *b = (struct cluster_breaker){
        .state = CLUSTER_CLOSED, .failures_max = failures_max, .probe_ms = probe_ms};
    cluster_backoff_init(&b->backoff, open_ms, open_ms_max);
}

uint64_t cluster_breaker_wait(const struct cluster_breaker *b, uint64_t now_ms)
{
    if (b->state == CLUSTER_CLOSED || now_ms >= b->until_ms)
        return 0;
    return b->until_ms - now_ms;
}

bool cluster_breaker_allow(struct cluster_breaker *b, uint64_t now_ms)
{
    if (b->state == CLUSTER_CLOSED)
        return true;
    if (cluster_breaker_wait(b, now_ms) > 0) {
        b->refused++;
        return false;
    }
    if (b->state == CLUSTER_OPEN)
        move(b, CLUSTER_HALF_OPEN);
    b->until_ms = now_ms + b->probe_ms;
    return true;
}

void cluster_breaker_success(struct cluster_breaker *b)
{
    if (b->state == CLUSTER_OPEN)
        return;
    if (b->state == CLUSTER_HALF_OPEN)
        move(b, CLUSTER_CLOSED);
    b->failures = 0;
    cluster_backoff_reset(&b->backoff);
}

void cluster_breaker_failure(struct cluster_breaker *b, uint64_t now_ms, struct rng *rng)
{
    if (b->state == CLUSTER_OPEN)
        return;
    if (b->state == CLUSTER_CLOSED && ++b->failures < b->failures_max)
        return;
    move(b, CLUSTER_OPEN);
    b->opened++;
    b->until_ms = now_ms + cluster_backoff_next(&b->backoff, rng);
}

const char *cluster_breaker_state_name(enum cluster_breaker_state state)
{
    static const char *const names[STATE_COUNT] = {"closed", "open", "half-open"};
    MUST((unsigned)state < STATE_COUNT);
    return names[state];
}
