#include "link_hearing.h"

static uint64_t ms_of(int64_t us)
{
    return (uint64_t)us / 1000;
}

static int64_t earlier(int64_t a_us, int64_t b_us)
{
    return a_us < b_us ? a_us : b_us;
}

void link_hearing_init(struct link_hearing *h, int64_t now_us)
{
    *h = (struct link_hearing){.received_us = now_us, .heard_us = now_us};
    /* One failure is a whole LINK_SILENT_US: four heartbeats without an answer. */
    cluster_breaker_init(&h->breaker, 1, LINK_PAUSE_MS_MIN, LINK_PAUSE_MS_MAX,
                         ms_of(LINK_SILENT_US));
}

bool link_hearing_tick(struct link_hearing *h, int64_t now_us, int64_t asleep_us, struct rng *rng)
{
    struct cluster_breaker *b = &h->breaker;

    h->received_us = earlier(h->received_us + asleep_us, now_us);
    h->heard_us = earlier(h->heard_us + asleep_us, now_us);
    h->probed_us = earlier(h->probed_us + asleep_us, now_us);
    switch (b->state) {
    case CLUSTER_CLOSED:
        if (now_us - h->heard_us <= LINK_SILENT_US)
            return false;
        cluster_breaker_failure(b, ms_of(now_us), rng);
        return true;
    case CLUSTER_OPEN:
        if (cluster_breaker_wait(b, ms_of(now_us)) == 0 && cluster_breaker_allow(b, ms_of(now_us)))
            h->probed_us = now_us;
        return false;
    case CLUSTER_HALF_OPEN:
        if (now_us - h->probed_us > LINK_SILENT_US)
            cluster_breaker_failure(b, ms_of(now_us), rng);
        return false;
    }
    return false;
}

bool link_hearing_answer(struct link_hearing *h, int64_t now_us)
{
    bool probe = h->breaker.state == CLUSTER_HALF_OPEN;

    h->heard_us = now_us;
    cluster_breaker_success(&h->breaker);
    return probe;
}

bool link_hearing_nothing_comes(const struct link_hearing *h, int64_t now_us)
{
    return now_us - h->received_us > LINK_SILENT_US;
}
