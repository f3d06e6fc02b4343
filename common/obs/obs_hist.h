/*
 * Log-linear histogram: exact up to 32, then 32 buckets for each power of two, so a bucket is never
 * wider than 1/32 of its values (3.1 %). Up to 2^40 (in microseconds: 12 days); what is above falls
 * into the last bucket, `max` stays exact.
 *
 * A bucket holds what is above the bucket below and at most its own bound, so that bounds of the
 * form 2^k are exact, as Prometheus' `le` wants it.
 *
 *    bucket        values
 *    0             0
 *    1 .. 32       1 .. 32, one each
 *    33 + 32e + s  ((32 + s) * 2^e, (33 + s) * 2^e]
 *
 * Plain data without pointers: zero-initialise, copy, add up. 9 KB each. One thread at a time.
 */
#ifndef WEFT_OBS_HIST_H
#define WEFT_OBS_HIST_H

#include <stddef.h>
#include <stdint.h>

#define OBS_HIST_LINEAR 32
#define OBS_HIST_LINEAR_BITS 5
#define OBS_HIST_BITS_MAX 40
#define OBS_HIST_BUCKETS                                                                           \
    (1 + OBS_HIST_LINEAR + (OBS_HIST_BITS_MAX - OBS_HIST_LINEAR_BITS) * OBS_HIST_LINEAR)

struct obs_hist {
    uint64_t count;
    uint64_t sum;
    uint64_t max;
    uint64_t buckets[OBS_HIST_BUCKETS];
};

static inline size_t obs_hist_index(uint64_t value)
{
    if (value <= OBS_HIST_LINEAR)
        return (size_t)value;
    uint64_t below = value - 1;
    unsigned bits = 63 - (unsigned)__builtin_clzll(below);
    if (bits >= OBS_HIST_BITS_MAX)
        return OBS_HIST_BUCKETS - 1;
    unsigned shift = bits - OBS_HIST_LINEAR_BITS;
    return 1 + OBS_HIST_LINEAR + shift * OBS_HIST_LINEAR +
           (size_t)((below >> shift) - OBS_HIST_LINEAR);
}

/* OBS_HIST_OFF: nothing is counted. Only scripts/bench compiles so, to tell what counting costs. */
static inline void obs_hist_add_many(struct obs_hist *h, uint64_t value, uint64_t count)
{
#ifndef OBS_HIST_OFF
    h->count += count;
    h->sum += value * count;
    if (count && value > h->max)
        h->max = value;
    h->buckets[obs_hist_index(value)] += count;
#endif
}

static inline void obs_hist_add(struct obs_hist *h, uint64_t value)
{
    obs_hist_add_many(h, value, 1);
}

/* The greatest value that falls into the bucket (the last: the greatest that does not overflow). */
uint64_t obs_hist_bound(size_t bucket);
void obs_hist_merge(struct obs_hist *into, const struct obs_hist *from);
/*
 * The value that at least `quantile` (0 to 1) of all values do not exceed, at most 3.2 % too high
 * and never above max. 0 if there are none.
 */
uint64_t obs_hist_quantile(const struct obs_hist *h, double quantile);
/* How many values are at most `bound`; exact for bounds that end a bucket, such as 2^k. */
uint64_t obs_hist_count_upto(const struct obs_hist *h, uint64_t bound);

#endif
