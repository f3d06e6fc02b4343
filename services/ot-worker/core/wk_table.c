/* The table of documents: found, made, charged, evicted. */
#include <stdlib.h>

#include "wk_doc.h"

#define EVICT_PAUSE_MS 50

struct wk_doc *wk_doc_find(struct wk_core *core, struct slice id)
{
    struct wk_doc *d;

    HASH_FIND(hh, core->docs, id.data, id.size, d);
    return d;
}

static struct wk_doc *doc_alloc(struct wk_core *core, struct slice id)
{
    struct wk_doc *d = calloc(1, sizeof *d);

    if (!d)
        return NULL;
    d->core = core;
    bytes_append_slice(&d->id, id);
    list_init(&d->ring);
    list_init(&d->pending);
    list_init(&d->forming);
    list_init(&d->opens);
    list_init(&d->attachments);
    list_init(&d->read_ring);
    list_init(&d->changed);
    list_init(&d->due);
    list_init(&d->ready);
    d->shard = cluster_shard_of(id);
    if (!d->id.failed)
        HASH_ADD_KEYPTR(hh, core->docs, d->id.data, d->id.size, d);
    if (d->id.failed || !d->hh.tbl) {
        bytes_fini(&d->id);
        free(d);
        return NULL;
    }
    return d;
}

struct wk_doc *wk_doc_get(struct wk_core *core, struct slice id)
{
    struct wk_doc *d = wk_doc_find(core, id);

    if (d)
        return d;
    d = doc_alloc(core, id);
    if (!d)
        return NULL;
    list_push_back(&core->all, &d->all);
    d->used_ms = wk_now_ms(core);
    wk_doc_charge(d);
    wk_load_begin(d);
    return d;
}

void wk_doc_vacate(struct wk_doc *d)
{
    while (!list_empty(&d->attachments))
        wk_attachment_end(list_first(&d->attachments, struct wk_attachment, in_doc));
    while (!list_empty(&d->opens))
        wk_open_free(list_first(&d->opens, struct wk_open, link));
    while (!list_empty(&d->pending)) {
        struct wk_submit *s = list_first(&d->pending, struct wk_submit, link);
        wk_submit_take(d, s);
        wk_submit_free(s);
    }
}

void wk_doc_drop(struct wk_doc *d)
{
    struct wk_core *core = d->core;
    struct wk_entry *e;

    MUST(!d->busy);
    core->quarantined -= d->state == WK_QUARANTINED;
    wk_doc_vacate(d);
    wk_entries_free(&d->read_ring);
    while ((e = wk_ring_first(d))) {
        wk_ring_take(d, e);
        wk_entry_free(e);
    }
    wk_runs_forget(d);
    doc_free(d->doc);
    core->bytes -= d->charged;
    list_remove(&d->all);
    list_remove(&d->changed);
    list_remove(&d->due);
    list_remove(&d->ready);
    HASH_DEL(core->docs, d);
    bytes_fini(&d->id);
    free(d);
}

bool wk_doc_idle(const struct wk_doc *d)
{
    if ((d->state != WK_LIVE && d->state != WK_WAITING) || !list_empty(&d->attachments) ||
        !list_empty(&d->opens) || !list_empty(&d->pending))
        return false;
    const struct wk_entry *last = wk_ring_last(d);
    return !last || last->archived || (last->confirmed && d->core->config.confirmed_by_replica);
}

void wk_doc_evict(struct wk_doc *d)
{
    d->core->counters.evictions++;
    wk_event_tell(d, WK_EVENT_EVICTED, d->doc ? doc_position(d->doc).rev : 0);
    wk_doc_drop(d);
}

void wk_doc_charge(struct wk_doc *d)
{
    size_t bytes = sizeof *d + d->ring_bytes + d->pending_bytes +
                   (d->doc ? doc_memory(d->doc) : 0) + (d->runs ? ot_history_bytes(d->runs) : 0);

    d->core->bytes += bytes - d->charged;
    d->charged = bytes;
}

bool wk_documents_full(const struct wk_core *core, size_t more)
{
    size_t max = core->config.documents_bytes_max;

    return core->bytes + more > max + max / 4;
}

void wk_doc_use(struct wk_doc *d)
{
    d->used_ms = wk_now_ms(d->core);
    list_remove(&d->all);
    list_push_back(&d->core->all, &d->all);
}

/* Those handed over, longest unused first: who is served now comes before a tail that Redis and, if
 * anybody asked for it, the next owner hold too. */
static void tails_let_go(struct wk_core *core)
{
    list_for_each_safe (node, &core->all) {
        struct wk_doc *d = list_entry(node, struct wk_doc, all);
        if (core->bytes <= core->config.documents_bytes_max)
            break;
        if (d->handed_rev == 0 || d->state != WK_LIVE || !list_empty(&d->pending))
            continue;
        core->counters.tails_let_go++;
        wk_event_tell(d, WK_EVENT_TAIL_LET_GO, d->handed_rev);
        wk_doc_drop(d);
    }
}

/* What is archived is kept for who comes back, and can be read from PostgreSQL: whoever writes now,
 * in a document that nobody leaves, comes before that. */
static void archived_let_go(struct wk_core *core)
{
    list_for_each (node, &core->all) {
        struct wk_doc *d = list_entry(node, struct wk_doc, all);
        if (core->bytes <= core->config.documents_bytes_max)
            break;
        if (d->state != WK_LIVE)
            continue;
        wk_ring_trim(d, 0);
        wk_doc_charge(d);
    }
}

void wk_docs_evict(struct wk_core *core)
{
    uint64_t now = wk_now_ms(core);

    if (core->bytes <= core->config.documents_bytes_max || now < core->evict_ms)
        return;
    /* If nothing can go now, not every event is to walk the whole table again. */
    core->evict_ms = now + EVICT_PAUSE_MS;
    list_for_each_safe (node, &core->all) {
        struct wk_doc *oldest = list_entry(node, struct wk_doc, all);
        if (core->bytes <= core->config.documents_bytes_max)
            break;
        if (wk_doc_idle(oldest))
            wk_doc_evict(oldest);
    }
    archived_let_go(core);
    tails_let_go(core);
}

void wk_call_begin(struct wk_doc *d, enum wk_state state, enum storage_kind kind)
{
    struct storage_lock *lock = d->call.lock;

    MUST(!d->busy);
    d->state = state;
    d->call =
        (struct storage_call){.kind = kind, .owner = d, .doc = bytes_slice(&d->id), .lock = lock};
}

void wk_call_send(struct wk_doc *d)
{
    d->busy = true;
    d->core->io.storage.call(d->core->io.storage.ctx, &d->call);
}
