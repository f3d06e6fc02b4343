#include "obs_hist.h"

#include "must.h"

uint64_t obs_hist_bound(size_t bucket)
{
    MUST(bucket < OBS_HIST_BUCKETS);
    if (bucket <= OBS_HIST_LINEAR)
        return bucket;
    size_t n = bucket - 1 - OBS_HIST_LINEAR;
    return (uint64_t)(OBS_HIST_LINEAR + n % OBS_HIST_LINEAR + 1) << n / OBS_HIST_LINEAR;
}

void obs_hist_merge(struct obs_hist *into, const struct obs_hist *from)
{
    into->count += from->count;
    into->sum += from->sum;
    if (from->max > into->max)
        into->max = from->max;
    for (size_t i = 0; i < OBS_HIST_BUCKETS; i++)
        into->buckets[i] += from->buckets[i];
}

uint64_t obs_hist_quantile(const struct obs_hist *h, double quantile)
{
    if (h->count == 0)
        return 0;
    double exact = quantile * (double)h->count;
    uint64_t rank = exact <= 1 ? 1 : exact >= (double)h->count ? h->count : (uint64_t)exact;
    if ((double)rank < exact && rank < h->count)
        rank++;
    uint64_t seen = 0;
    for (size_t i = 0; i < OBS_HIST_BUCKETS - 1; i++) {
        seen += h->buckets[i];
        if (seen >= rank) {
            uint64_t bound = obs_hist_bound(i);
            return bound < h->max ? bound : h->max;
        }
    }
    return h->max;
}

uint64_t obs_hist_count_upto(const struct obs_hist *h, uint64_t bound)
{
    uint64_t count = 0;
    for (size_t i = 0; i < OBS_HIST_BUCKETS - 1 && obs_hist_bound(i) <= bound; i++)
        count += h->buckets[i];
    return count;
}
