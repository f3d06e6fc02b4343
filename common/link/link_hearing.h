/*
 * Whether a peer hears us: the circuit breaker of one link. The call is a heartbeat, the answer any
 * word of the peer that it hears us; nothing at all, or only that nothing of ours arrives, is none.
 *
 *     CLOSED     it answers
 *     OPEN       for LINK_SILENT_US it did not. What comes now is not counted: it may have waited
 *                in the network while nothing of ours got through
 *     HALF_OPEN  after a jittered pause: the next answer closes it, another LINK_SILENT_US without
 *                one opens it again
 *
 * Heartbeats go on in all three, since they are the probes and tell the peer that we are here. What
 * is held back is work, and that is for who routes it. Plain data; time comes from the caller.
 */
#ifndef WEFT_LINK_HEARING_H
#define WEFT_LINK_HEARING_H

#include "cluster_breaker.h"

#define LINK_HEARTBEAT_US 250000
#define LINK_SILENT_US 1000000
/* The pause before a probe: as short as the ways' before they dial again. */
#define LINK_PAUSE_MS_MIN 100
#define LINK_PAUSE_MS_MAX 500

struct link_hearing {
    struct cluster_breaker breaker;
    int64_t received_us; /* anything */
    int64_t heard_us;    /* that it hears us */
    int64_t probed_us;   /* HALF_OPEN: since when */
};

/* A new peer has the same time to answer as one that we have heard just now. */
void link_hearing_init(struct link_hearing *h, int64_t now_us);
/* At each heartbeat. For asleep_us of the time since the last one we did not run, and what did not
   come then says nothing about the peer. True: the breaker opened, and was closed before. */
bool link_hearing_tick(struct link_hearing *h, int64_t now_us, int64_t asleep_us, struct rng *rng);
/* The peer says that it hears us. True: the breaker closed. */
bool link_hearing_answer(struct link_hearing *h, int64_t now_us);
/* Nothing at all came for LINK_SILENT_US. */
bool link_hearing_nothing_comes(const struct link_hearing *h, int64_t now_us);

#endif
