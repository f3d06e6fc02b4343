/* The core's table of documents and gateways, and the ways in: see wk_core.h. */
#include "wk_core.h"

#include <errno.h>
#include <stdlib.h>

#include "wk_doc.h"

/* Attribute lists interned for all documents together. */
#define ATTRS_BYTES_MAX (256u << 20)
#define TICK_MS 50
#define HEADS_MAX 1000

uint64_t wk_now_ms(const struct wk_core *core)
{
    return core->io.now_ms(core->io.ctx);
}

uint64_t wk_time_ms(const struct wk_core *core)
{
    return core->time_ms + (wk_now_ms(core) - core->time_at_ms);
}

struct wk_core *wk_core_new(const struct wk_config *config, const struct wk_io *io)
{
    struct wk_core *core = calloc(1, sizeof *core);

    if (!core)
        return NULL;
    *core = (struct wk_core){.config = *config, .io = *io, .state = CLUSTER_JOINING};
    list_init(&core->all);
    core->stale = true;
    cluster_view_tracker_init(&core->tracker, config->id);
    core->attrs = ot_attrs_table_new(ATTRS_BYTES_MAX);
    if (!core->attrs) {
        free(core);
        return NULL;
    }
    return core;
}

static void gateway_free(struct wk_core *core, struct wk_gateway *gateway)
{
    HASH_DEL(core->gateways, gateway);
    free(gateway);
}

struct wk_core *wk_core_free(struct wk_core *core)
{
    if (!core)
        return NULL;
    while (!list_empty(&core->all)) {
        struct wk_doc *d = list_first(&core->all, struct wk_doc, all);
        d->busy = false;
        wk_doc_drop(d);
    }
    struct wk_gateway *gateway, *next;
    HASH_ITER(hh, core->gateways, gateway, next)
    {
        gateway_free(core, gateway);
    }
    cluster_view_tracker_fini(&core->tracker);
    ot_attrs_table_free(core->attrs);
    free(core);
    return NULL;
}

void wk_core_start(struct wk_core *core)
{
    core->started = true;
    wk_core_tick(core);
}

void wk_core_drain(struct wk_core *core)
{
    core->draining = true;
    core->beat_due_ms = wk_now_ms(core);
    wk_core_tick(core);
}

bool wk_core_drained(const struct wk_core *core)
{
    return core->draining && core->left;
}

bool wk_core_ready(const struct wk_core *core)
{
    return core->state == CLUSTER_LIVE && !core->stale && !core->draining;
}

void wk_event_tell(struct wk_doc *d, enum wk_event event, uint64_t detail)
{
    d->core->io.event(d->core->io.ctx, event, bytes_slice(&d->id), detail);
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

/* --- documents --- */

struct wk_doc *wk_doc_get(struct wk_core *core, struct slice id)
{
    struct wk_doc *d;

    HASH_FIND(hh, core->docs, id.data, id.size, d);
    if (d)
        return d;
    d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->core = core;
    bytes_append_slice(&d->id, id);
    list_init(&d->ring);
    list_init(&d->pending);
    list_init(&d->flight);
    list_init(&d->opens);
    list_init(&d->attachments);
    list_init(&d->read_ring);
    d->shard = cluster_shard_of(id);
    if (!d->id.failed)
        HASH_ADD_KEYPTR(hh, core->docs, d->id.data, d->id.size, d);
    if (d->id.failed || !d->hh.tbl) {
        bytes_fini(&d->id);
        free(d);
        return NULL;
    }
    list_push_back(&core->all, &d->all);
    d->used_ms = wk_now_ms(core);
    wk_load_begin(d);
    return d;
}

void wk_submit_free(struct wk_submit *s)
{
    list_remove(&s->link);
    bytes_fini(&s->body);
    bytes_fini(&s->stored);
    free(s);
}

void wk_doc_drop(struct wk_doc *d)
{
    struct wk_core *core = d->core;

    MUST(!d->busy);
    if (d->state == WK_QUARANTINED)
        core->quarantined--;
    while (!list_empty(&d->attachments))
        wk_attachment_end(list_first(&d->attachments, struct wk_attachment, in_doc));
    while (!list_empty(&d->opens))
        wk_open_free(list_first(&d->opens, struct wk_open, link));
    while (!list_empty(&d->pending))
        wk_submit_free(list_first(&d->pending, struct wk_submit, link));
    while (!list_empty(&d->flight))
        wk_submit_free(list_first(&d->flight, struct wk_submit, link));
    while (!list_empty(&d->read_ring))
        wk_entry_free(list_first(&d->read_ring, struct wk_entry, link));
    wk_ring_clear(d);
    doc_free(d->doc);
    bytes_fini(&d->payload);
    core->bytes -= d->charged;
    list_remove(&d->all);
    HASH_DEL(core->docs, d);
    bytes_fini(&d->id);
    free(d);
}

/* Nobody needs it and nothing would be lost with it. */
static bool doc_idle(const struct wk_doc *d)
{
    if (d->state != WK_LIVE || !list_empty(&d->attachments) || !list_empty(&d->opens) ||
        !list_empty(&d->pending))
        return false;
    const struct wk_entry *last =
        list_empty(&d->ring) ? NULL : list_entry(d->ring.prev, struct wk_entry, link);
    return !last || last->archived;
}

void wk_doc_charge(struct wk_doc *d)
{
    struct wk_core *core = d->core;
    size_t bytes = sizeof *d + d->ring_bytes + d->pending_bytes + (d->doc ? doc_memory(d->doc) : 0);

    core->bytes += bytes - d->charged;
    d->charged = bytes;
    list_remove(&d->all);
    list_push_back(&core->all, &d->all);
    list_for_each_safe (node, &core->all) {
        struct wk_doc *oldest = list_entry(node, struct wk_doc, all);
        if (core->bytes <= core->config.documents_bytes_max || oldest == d)
            break;
        if (!doc_idle(oldest))
            continue;
        core->counters.evictions++;
        wk_event_tell(oldest, WK_EVENT_EVICTED, doc_position(oldest->doc).rev);
        wk_doc_drop(oldest);
    }
}

/* --- gateways and attachments --- */

void wk_item_send(struct wk_core *core, uint64_t gateway_boot, const struct wire_to_gateway *item)
{
    struct bytes out = BYTES_INIT;

    wire_to_gateway_encode(item, &out);
    /* Without memory the item is missing: the gateway finds the gap by the heads (I4). */
    if (!out.failed)
        core->io.send(core->io.ctx, gateway_boot, bytes_slice(&out));
    bytes_fini(&out);
}

void wk_refuse(struct wk_core *core, uint64_t gateway_boot, uint64_t attachment, uint64_t seq,
               uint32_t code, uint64_t detail)
{
    struct wire_to_gateway item = {
        .type = WIRE_TO_GATEWAY_REFUSED,
        .refused = {.attachment = attachment, .seq = seq, .code = code, .detail = detail}};

    core->counters.refused++;
    wk_item_send(core, gateway_boot, &item);
}

static struct wk_gateway *gateway_find(struct wk_core *core, uint64_t boot)
{
    struct wk_gateway *gateway;

    HASH_FIND(hh, core->gateways, &boot, sizeof boot, gateway);
    return gateway;
}

struct wk_attachment *wk_attachment_find(struct wk_core *core, uint64_t gateway_boot,
                                         uint64_t number)
{
    struct wk_gateway *gateway = gateway_find(core, gateway_boot);
    struct wk_attachment *a = NULL;

    if (gateway)
        HASH_FIND(hh, gateway->attachments, &number, sizeof number, a);
    return a;
}

void wk_attachment_end(struct wk_attachment *a)
{
    HASH_DEL(a->gateway->attachments, a);
    list_remove(&a->in_doc);
    free(a);
}

static void detached_send(struct wk_core *core, uint64_t gateway_boot, uint64_t attachment)
{
    struct wire_to_gateway item = {.type = WIRE_TO_GATEWAY_DETACHED,
                                   .detached_attachment = attachment};

    wk_item_send(core, gateway_boot, &item);
}

void wk_attachments_detach(struct wk_doc *d)
{
    list_for_each_safe (node, &d->attachments) {
        struct wk_attachment *a = list_entry(node, struct wk_attachment, in_doc);
        if (!a->joined)
            continue; /* its open is still waiting for the answer */
        detached_send(d->core, a->gateway->boot, a->number);
        wk_attachment_end(a);
    }
}

static struct wk_gateway *gateway_get(struct wk_core *core, uint64_t boot)
{
    struct wk_gateway *gateway = gateway_find(core, boot);

    if (gateway)
        return gateway;
    gateway = calloc(1, sizeof *gateway);
    if (!gateway)
        return NULL;
    gateway->boot = boot;
    HASH_ADD(hh, core->gateways, boot, sizeof boot, gateway);
    if (gateway->hh.tbl)
        return gateway;
    free(gateway);
    return NULL;
}

/* Beside others of its gateway, so that a broadcast meets each gateway once. */
static void attachment_list(struct wk_doc *d, struct wk_attachment *a)
{
    list_for_each (node, &d->attachments) {
        if (list_entry(node, struct wk_attachment, in_doc)->gateway == a->gateway) {
            list_insert_before(node, &a->in_doc);
            return;
        }
    }
    list_push_back(&d->attachments, &a->in_doc);
}

static struct wk_attachment *attachment_new(struct wk_core *core, struct wk_doc *d,
                                            uint64_t gateway_boot,
                                            const struct wire_link_open *open)
{
    struct wk_gateway *gateway = gateway_get(core, gateway_boot);
    struct wk_attachment *a = gateway ? calloc(1, sizeof *a) : NULL;

    if (!a)
        return NULL;
    a->doc = d;
    a->gateway = gateway;
    a->number = open->attachment;
    a->has_session = open->open.has_session;
    a->session = open->open.session;
    a->attempt = open->open.attempt;
    a->role = open->role;
    crypto_author_id(bytes_slice(&d->id), a->session.id, a->author);
    HASH_ADD(hh, gateway->attachments, number, sizeof a->number, a);
    if (!a->hh.tbl) {
        free(a);
        return NULL;
    }
    attachment_list(d, a);
    return a;
}

/* --- items --- */

static void open_item(struct wk_core *core, uint64_t gateway_boot,
                      const struct wire_link_open *open)
{
    uint16_t shard = cluster_shard_of(open->open.doc);
    struct wk_attachment *old = wk_attachment_find(core, gateway_boot, open->attachment);

    core->counters.opens++;
    if (old)
        wk_attachment_end(old);
    if (core->stale) {
        wk_refuse(core, gateway_boot, open->attachment, 0, WIRE_E_RETRY_LATER, 0);
        return;
    }
    if (core->draining || !wk_member_serves(core, shard, open->owner_unreachable)) {
        wk_moved_send(core, gateway_boot, open->open.doc, shard);
        return;
    }
    struct wk_doc *d = wk_doc_get(core, open->open.doc);
    struct wk_open *o = d ? calloc(1, sizeof *o) : NULL;
    struct wk_attachment *a = o ? attachment_new(core, d, gateway_boot, open) : NULL;
    if (!a) {
        free(o);
        wk_refuse(core, gateway_boot, open->attachment, 0, WIRE_E_RETRY_LATER, 0);
        return;
    }
    *o = (struct wk_open){.gateway_boot = gateway_boot,
                          .attachment = open->attachment,
                          .has_session = open->open.has_session,
                          .session = open->open.session,
                          .has_position = open->open.has_position,
                          .position = open->open.position,
                          .has_create = open->open.create_kind != WIRE_DOC_NONE,
                          .create_kind = open->open.create_kind,
                          .role = open->role};
    bytes_append_slice(&o->create_content, open->open.create_content);
    list_push_back(&d->opens, &o->link);
    d->used_ms = wk_now_ms(core);
    d->runner_up = open->owner_unreachable;
    if (d->state == WK_LIVE)
        wk_doc_next(d);
    else if (d->state == WK_QUARANTINED)
        wk_opens_refuse(d, WIRE_E_QUARANTINED);
}

static struct wk_submit *submit_new(const struct wk_attachment *a, uint64_t gateway_boot,
                                    const struct wire_link_submit *submit)
{
    struct wk_submit *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    *s = (struct wk_submit){.gateway_boot = gateway_boot,
                            .attachment = submit->attachment,
                            .session = a->session,
                            .seq = submit->seq,
                            .base = submit->base,
                            .kind = submit->kind,
                            .role = a->role};
    memcpy(s->digest, submit->digest, WIRE_DIGEST_SIZE);
    list_init(&s->link);
    bytes_append_slice(&s->body, submit->body);
    if (s->body.failed) {
        wk_submit_free(s);
        return NULL;
    }
    return s;
}

static bool submit_item(struct wk_core *core, uint64_t gateway_boot,
                        const struct wire_link_submit *submit)
{
    struct wk_attachment *a = wk_attachment_find(core, gateway_boot, submit->attachment);

    core->counters.submits++;
    if (!a) {
        detached_send(core, gateway_boot, submit->attachment);
        return true;
    }
    if (submit->seq == 0 || submit->kind < WIRE_KIND_EDIT || submit->kind > WIRE_KIND_PERMISSION)
        return false; /* gateways check this */
    struct wk_doc *d = a->doc;
    uint32_t code = !a->has_session              ? WIRE_E_READ_ONLY
                    : d->state == WK_QUARANTINED ? WIRE_E_QUARANTINED
                    : d->pending_bytes + submit->body.size > core->config.pending_bytes_max
                        ? WIRE_E_RETRY_LATER
                        : 0;
    struct wk_submit *s = code ? NULL : submit_new(a, gateway_boot, submit);
    if (!s) {
        wk_refuse(core, gateway_boot, submit->attachment, submit->seq,
                  code ? code : WIRE_E_RETRY_LATER, 0);
        return true;
    }
    d->pending_bytes += s->body.size;
    list_push_back(&d->pending, &s->link);
    d->used_ms = wk_now_ms(core);
    if (d->state == WK_LIVE)
        wk_doc_next(d);
    return true;
}

static void presence_item(struct wk_core *core, uint64_t gateway_boot, uint64_t attachment,
                          const struct wire_presence *presence)
{
    struct wk_attachment *from = wk_attachment_find(core, gateway_boot, attachment);
    struct wire_to_gateway item = {.type = WIRE_TO_GATEWAY_PRESENCE, .presence = *presence};
    uint64_t last_boot = 0;

    if (!from || !from->has_session)
        return;
    item.presence.doc = bytes_slice(&from->doc->id);
    item.presence.has_author = true;
    memcpy(item.presence.author, from->author, WIRE_AUTHOR_SIZE);
    list_for_each (node, &from->doc->attachments) {
        uint64_t boot = list_entry(node, struct wk_attachment, in_doc)->gateway->boot;
        if (boot != last_boot)
            wk_item_send(core, boot, &item);
        last_boot = boot;
    }
}

bool wk_core_item(struct wk_core *core, uint64_t gateway_boot, struct slice item)
{
    struct wire_to_worker in;
    struct arena mem;
    struct wk_attachment *a;
    bool fine = true;

    arena_init(&mem, SIZE_MAX);
    if (wire_to_worker_decode(&mem, item, &in)) {
        arena_fini(&mem);
        return false;
    }
    switch (in.type) {
    case WIRE_TO_WORKER_OPEN:
        fine = wire_doc_id_valid(in.open.open.doc);
        if (fine)
            open_item(core, gateway_boot, &in.open);
        break;
    case WIRE_TO_WORKER_SUBMIT:
        fine = submit_item(core, gateway_boot, &in.submit);
        break;
    case WIRE_TO_WORKER_DETACH:
        a = wk_attachment_find(core, gateway_boot, in.detach_attachment);
        if (a)
            wk_attachment_end(a);
        break;
    case WIRE_TO_WORKER_PRESENCE:
        presence_item(core, gateway_boot, in.presence.attachment, &in.presence.presence);
        break;
    }
    arena_fini(&mem);
    return fine;
}

void wk_core_gateway_gone(struct wk_core *core, uint64_t gateway_boot)
{
    struct wk_gateway *gateway = gateway_find(core, gateway_boot);
    struct wk_attachment *a, *next;

    if (!gateway)
        return;
    HASH_ITER(hh, gateway->attachments, a, next)
    {
        wk_attachment_end(a);
    }
    gateway_free(core, gateway);
}

/* --- storage and time --- */

void wk_core_storage_done(struct wk_core *core, struct storage_call *call)
{
    if (call == &core->beat) {
        wk_beat_done(core);
        return;
    }
    struct wk_doc *d = call->owner;
    d->busy = false;
    switch (d->state) {
    case WK_APPENDING:
        wk_append_done(d);
        return;
    case WK_CHECKING:
        wk_check_done(d);
        return;
    case WK_HISTORY:
        wk_history_done(d);
        return;
    default:
        wk_load_done(d);
    }
}

void wk_core_storage_reconnected(struct wk_core *core)
{
    cluster_view_tracker_reconnected(&core->tracker, wk_now_ms(core));
}

static void doc_tick(struct wk_core *core, struct wk_doc *d, uint64_t now)
{
    if (d->state == WK_WAITING && now >= d->retry_ms) {
        wk_load_begin(d);
        return;
    }
    if (d->state != WK_LIVE)
        return;
    bool idle = doc_idle(d);
    if (idle && (core->draining || now >= d->used_ms + core->config.idle_ms)) {
        core->counters.evictions++;
        wk_event_tell(d, WK_EVENT_EVICTED, doc_position(d->doc).rev);
        wk_doc_drop(d);
        return;
    }
    if (now < d->check_ms && list_empty(&d->opens) && list_empty(&d->pending))
        return;
    wk_doc_next(d);
}

void wk_core_tick(struct wk_core *core)
{
    uint64_t now = wk_now_ms(core);

    if (!core->started)
        return;
    wk_member_tick(core);
    if (now < core->tick_ms)
        return;
    core->tick_ms = now + TICK_MS;
    struct wk_doc *d, *next;
    HASH_ITER(hh, core->docs, d, next)
    {
        doc_tick(core, d, now);
    }
}

uint64_t wk_core_due_ms(const struct wk_core *core)
{
    if (!core->started)
        return UINT64_MAX;
    return !core->beating && !core->left && core->beat_due_ms < core->tick_ms ? core->beat_due_ms
                                                                              : core->tick_ms;
}

void wk_core_heads(struct wk_core *core, uint64_t gateway_boot, struct bytes *out)
{
    struct wk_gateway *gateway = gateway_find(core, gateway_boot);
    struct wire_head heads[HEADS_MAX];
    size_t count = 0;
    struct wk_attachment *a, *next;
    const struct wk_doc *last = NULL;

    if (gateway)
        HASH_ITER(hh, gateway->attachments, a, next)
        {
            if (count == HEADS_MAX)
                break;
            if (!a->joined || a->doc == last || !a->doc->has_shown)
                continue;
            last = a->doc;
            heads[count++] =
                (struct wire_head){.doc = bytes_slice(&last->id), .position = last->shown};
        }
    wire_heads_encode(heads, count, out);
}

const struct wk_counters *wk_core_counters(const struct wk_core *core)
{
    return &core->counters;
}

struct wk_gauges wk_core_gauges(const struct wk_core *core)
{
    struct wk_gauges gauges = {.documents = HASH_COUNT(core->docs),
                               .bytes = core->bytes,
                               .quarantined = core->quarantined,
                               .view = core->tracker.view.number};
    struct wk_gateway *gateway, *next;

    HASH_ITER(hh, core->gateways, gateway, next)
    {
        gauges.attachments += HASH_COUNT(gateway->attachments);
    }
    list_for_each (node, &core->all) {
        gauges.live += list_entry(node, struct wk_doc, all)->doc != NULL;
    }
    return gauges;
}

bool wk_core_release(struct wk_core *core, struct slice doc)
{
    struct wk_doc *d;

    HASH_FIND(hh, core->docs, doc.data, doc.size, d);
    if (!d || d->state != WK_QUARANTINED)
        return false;
    core->quarantined--;
    d->attempts = d->refusals = 0;
    wk_load_begin(d);
    return true;
}
