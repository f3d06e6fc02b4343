#include "cluster_tracker.h"

static void view_init_sealed(struct cluster_view *v)
{
    cluster_view_init(v, 0);
    MUST(cluster_view_seal(v) == 0);
}

void cluster_view_tracker_init(struct cluster_view_tracker *t, const char *self)
{
    *t = (struct cluster_view_tracker){0};
    if (self) {
        size_t size = strlen(self);
        MUST(size > 0 && size <= CLUSTER_ID_SIZE_MAX);
        memcpy(t->self, self, size);
    }
    view_init_sealed(&t->view);
    view_init_sealed(&t->previous);
}

void cluster_view_tracker_fini(struct cluster_view_tracker *t)
{
    cluster_view_fini(&t->view);
    cluster_view_fini(&t->previous);
    cluster_view_fini(&t->suspect);
}

static void forget_suspect(struct cluster_view_tracker *t)
{
    cluster_view_fini(&t->suspect);
    t->has_suspect = false;
}

void cluster_view_tracker_reconnected(struct cluster_view_tracker *t, uint64_t now_ms)
{
    t->grace = true;
    t->grace_until_ms = now_ms + CLUSTER_RECONNECT_GRACE_MS;
    forget_suspect(t);
}

static bool lost_too_many(const struct cluster_view *from, const struct cluster_view *to)
{
    size_t lost = cluster_view_count_missing_ids(from, to);
    return lost > 1 && lost * 2 > from->count;
}

static bool is_suspect(const struct cluster_view *held, const struct cluster_view *answer)
{
    return answer->count == 0 || answer->number < held->number || lost_too_many(held, answer);
}

/*
 * Does a suspect answer say again what the one before it said? A first answer without A and B and a
 * second without A, B and C agree: losing C alone would be believed at once.
 */
static bool confirms(const struct cluster_view *first, const struct cluster_view *second)
{
    if (second->count == 0)
        return first->count == 0;
    return second->number >= first->number && !lost_too_many(first, second);
}

static int keep(struct cluster_view_tracker *t, struct cluster_view *answer, bool suspect)
{
    t->held_back++;
    forget_suspect(t);
    if (suspect) {
        t->suspect = cluster_view_steal(answer);
        t->has_suspect = true;
    } else {
        cluster_view_fini(answer);
    }
    return CLUSTER_VIEW_KEPT;
}

static int take(struct cluster_view_tracker *t, struct cluster_view *answer)
{
    forget_suspect(t);
    if (cluster_view_equal(&t->view, answer)) {
        cluster_view_fini(answer);
        return 0;
    }
    cluster_view_fini(&t->previous);
    t->previous = t->view;
    t->view = cluster_view_steal(answer);
    return CLUSTER_VIEW_CHANGED;
}

int cluster_view_tracker_answer(struct cluster_view_tracker *t, struct cluster_view *answer,
                                uint64_t now_ms)
{
    if (!answer || (t->self[0] && !cluster_view_find(answer, t->self))) {
        if (answer)
            cluster_view_fini(answer);
        t->unreadable++;
        return CLUSTER_VIEW_KEPT;
    }
    t->beaten = true;
    t->beaten_at_ms = now_ms;
    if (t->grace && now_ms >= t->grace_until_ms)
        t->grace = false;

    bool suspect = is_suspect(&t->view, answer);
    if (t->grace && cluster_view_count_missing_ids(&t->view, answer) > 0)
        return keep(t, answer, suspect);
    if (suspect && !(t->has_suspect && confirms(&t->suspect, answer)))
        return keep(t, answer, true);
    return take(t, answer);
}

bool cluster_view_tracker_stale(const struct cluster_view_tracker *t, uint64_t now_ms)
{
    return !t->beaten || now_ms - t->beaten_at_ms >= CLUSTER_STALE_MS;
}
