/*
 * Which worker serves which document. A document goes to its owner by the view once, when nobody
 * serves it, and then stays there until that worker says MOVED, is lost, or leaves the view: for
 * planned changes gateways follow MOVED, not the view.
 *
 * An owner that cannot be reached for UNREACHABLE_MS while the view still names it is passed over:
 * its documents go to the runner-up, who is told so. What is heard from a worker clears that. The
 * same at once where its link's breaker is open, and until that is closed: a worker that is heard
 * may still hear nothing itself. Where nobody else can be reached either the owner is asked all the
 * same: what waits in its link is served when it is back.
 */
#include "gw_internal.h"

struct gw_worker *worker_find(struct gw_core *core, uint64_t boot)
{
    struct gw_worker *worker;

    HASH_FIND(hh, core->workers, &boot, sizeof boot, worker);
    return worker;
}

static struct gw_worker *worker_get(struct gw_core *core, const struct cluster_member *member)
{
    struct gw_worker *worker = worker_find(core, member->boot_id);

    if (worker)
        return worker;
    worker = calloc(1, sizeof *worker);
    if (!worker)
        return NULL;
    worker->member = *member;
    worker->in_view = true;
    list_init(&worker->docs);
    HASH_ADD(hh, core->workers, member.boot_id, sizeof worker->member.boot_id, worker);
    if (!worker->hh.tbl) {
        free(worker);
        return NULL;
    }
    return worker;
}

static void worker_free(struct gw_core *core, struct gw_worker *worker)
{
    MUST(list_empty(&worker->docs));
    HASH_DEL(core->workers, worker);
    free(worker);
}

static bool unreachable(struct gw_core *core, const struct gw_worker *worker)
{
    return worker->silent ||
           (worker->lost_ms && core_now(core) - worker->lost_ms >= UNREACHABLE_MS);
}

static void gw_doc_assign(struct gw_core *core, struct gw_doc *doc, struct gw_worker *worker)
{
    MUST(!doc->worker);
    doc->worker = worker;
    list_push_back(&worker->docs, &doc->worker_link);
    core->io.link_open(core->io.ctx, &worker->member);
}

struct gw_worker *gw_doc_route(struct gw_core *core, struct gw_doc *doc)
{
    const struct cluster_view *view = &core->tracker.view;

    if (doc->worker)
        return doc->worker;
    const struct cluster_member *owner = cluster_view_owner(view, doc->shard);
    struct gw_worker *worker = owner ? worker_get(core, owner) : NULL;
    doc->runner_up = false;
    if (worker && unreachable(core, worker)) {
        const struct cluster_member *next = cluster_view_runner_up(view, doc->shard);
        struct gw_worker *other = next ? worker_get(core, next) : NULL;
        if (other && !unreachable(core, other)) {
            worker = other;
            doc->runner_up = true;
        }
    }
    if (worker)
        gw_doc_assign(core, doc, worker);
    return worker;
}

void gw_doc_unroute(struct gw_core *core, struct gw_doc *doc, bool soon)
{
    if (!doc->worker)
        return;
    list_remove(&doc->worker_link);
    doc->worker = NULL;
    doc->has_position = doc->head_differs = false;
    list_for_each (node, &doc->atts) {
        struct gw_att *att = list_entry(node, struct gw_att, doc_link);
        bool was_asked = att->state == ATT_OPENING;
        att->attached = false;
        if (att->unacked)
            att->unacked->sent = false;
        if (att->state == ATT_JOINED || was_asked)
            att_wait(att, soon && !was_asked);
    }
}

void worker_lost(struct gw_core *core, struct gw_worker *worker)
{
    core->counters.worker_lost++;
    if (!worker->lost_ms)
        worker->lost_ms = core_now(core);
    list_for_each_safe (node, &worker->docs)
        gw_doc_unroute(core, list_entry(node, struct gw_doc, worker_link), true);
    if (!worker->in_view)
        worker_free(core, worker);
}

/* A worker says that another serves the document: follow it at once, whatever the view says. */
void gw_doc_moved(struct gw_core *core, struct gw_worker *worker, struct slice id,
                  struct slice owner, uint64_t view)
{
    struct gw_doc *doc = gw_doc_find(core, id);
    char name[CLUSTER_ID_SIZE_MAX + 1] = {0};
    bool known = owner.size > 0 && owner.size < sizeof name;

    if (view > core->tracker.view.number)
        core_beat_now(core);
    if (!doc || doc->worker != worker)
        return;
    core->counters.moved++;
    gw_doc_unroute(core, doc, true);
    if (known)
        memcpy(name, owner.data, owner.size);
    const struct cluster_member *member =
        known ? cluster_view_find(&core->tracker.view, name) : NULL;
    struct gw_worker *next = member ? worker_get(core, member) : NULL;
    if (!next || next == worker || unreachable(core, next))
        return; /* the view, when they try again */
    doc->runner_up = false;
    gw_doc_assign(core, doc, next);
    list_for_each (node, &doc->atts) {
        struct gw_att *att = list_entry(node, struct gw_att, doc_link);
        /* Those that have asked in vain already wait: two workers may send them to and fro. */
        if (att->state == ATT_WAITING && att->tries <= 1 && doc->worker)
            att_open(att);
    }
}

/* Who left the view is lost; who is in it gets its link, so that the first Open finds it warm. */
void routes_view_changed(struct gw_core *core)
{
    const struct cluster_view *view = &core->tracker.view;
    struct gw_worker *worker, *next;

    core->counters.views++;
    HASH_ITER(hh, core->workers, worker, next)
    {
        const struct cluster_member *member = cluster_view_find(view, worker->member.id);
        worker->in_view = member && member->boot_id == worker->member.boot_id;
        if (worker->in_view)
            continue;
        core->io.link_close(core->io.ctx, worker->member.boot_id);
        worker_lost(core, worker);
    }
    for (size_t i = 0; i < view->count; i++)
        if (worker_get(core, &view->members[i]))
            core->io.link_open(core->io.ctx, &view->members[i]);
    wheel_hurry(core);
}

void routes_free(struct gw_core *core)
{
    struct gw_worker *worker, *next;

    HASH_ITER(hh, core->workers, worker, next)
    worker_free(core, worker);
}
