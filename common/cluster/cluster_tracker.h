/*
 * Which view a process goes by, given the answers that its `beat` gets. One answer is one opinion
 * of one Redis, and a Redis that was restarted, failed over or restored gives wrong ones for a
 * moment; so a loss is believed only under these rules:
 *
 *   - an answer that is unreadable, or that lacks the process which was just stamped, changes
 *     nothing and is no successful beat;
 *   - an answer that is empty, whose number went back, or that lost more than half of the members
 *     and more than one at once, is *suspect*: the old view stays until a second answer in a row
 *     says so too (is suspect against the view held, but not against the first suspect);
 *   - for 1.5 s after a reconnect no answer that lost a member is taken;
 *   - without a successful beat for 2 s the view is stale: a worker stops admitting, but keeps
 *     documents and tails.
 *
 * Safety never rests on this (the append decides, I2); it decides who serves, and how soon.
 *
 * Time is in milliseconds of any clock that does not go back. One thread.
 */
#ifndef WEFT_CLUSTER_TRACKER_H
#define WEFT_CLUSTER_TRACKER_H

#include "cluster_view.h"

#define CLUSTER_BEAT_MS 500     /* between two beats */
#define CLUSTER_SILENCE_MS 1500 /* after it Redis drops a member */
#define CLUSTER_RECONNECT_GRACE_MS 1500
#define CLUSTER_STALE_MS 2000

struct cluster_view_tracker {
    char self[CLUSTER_ID_SIZE_MAX + 1]; /* "": the process is not a member (a gateway) */
    struct cluster_view view;           /* sealed; number 0 and empty before the first answer */
    struct cluster_view previous;       /* what `view` was before it last changed */
    struct cluster_view suspect;        /* the last suspect answer */
    bool has_suspect;
    bool beaten; /* at least one beat succeeded */
    uint64_t beaten_at_ms;
    bool grace;
    uint64_t grace_until_ms;
    /* counters */
    uint64_t unreadable;
    uint64_t held_back; /* readable answers that did not become the view */
};

enum cluster_tracker_outcome {
    CLUSTER_VIEW_CHANGED = 1, /* `view` is new, `previous` holds the old one: compare them */
    CLUSTER_VIEW_KEPT,        /* the answer differs but was not believed, or was unreadable */
};

/* self: the id under which this process beats in the list it tracks, NULL if it does not. */
void cluster_view_tracker_init(struct cluster_view_tracker *t, const char *self);
void cluster_view_tracker_fini(struct cluster_view_tracker *t);

/* The connection over which beats go is new. Call it before the first beat on it. */
void cluster_view_tracker_reconnected(struct cluster_view_tracker *t, uint64_t now_ms);
/*
 * A beat was answered. `answer` is sealed and is taken in any case (left empty); NULL if it could
 * not be read. Returns 0 (nothing changed) or an outcome.
 */
MUST_CHECK int cluster_view_tracker_answer(struct cluster_view_tracker *t,
                                           struct cluster_view *answer, uint64_t now_ms);
/* No successful beat for CLUSTER_STALE_MS, or none ever. */
bool cluster_view_tracker_stale(const struct cluster_view_tracker *t, uint64_t now_ms);

#endif
