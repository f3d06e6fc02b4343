/*
 * What gateways send. Here is also where what they make us hold is bounded (I8): attachments, what
 * waits at one document, and documents as a whole. Whoever meets a bound is told to come later;
 * the gateway keeps what it sent.
 */
#include <stdlib.h>

#include "wk_doc.h"

/* --- submits --- */

static size_t submit_bytes(const struct wk_submit *s)
{
    return sizeof *s + s->body.size;
}

void wk_submit_push(struct wk_doc *d, struct wk_submit *s, bool front)
{
    if (front)
        list_push_front(&d->pending, &s->link);
    else
        list_push_back(&d->pending, &s->link);
    d->pending_bytes += submit_bytes(s);
    d->core->pending_count++;
}

void wk_submit_take(struct wk_doc *d, struct wk_submit *s)
{
    list_remove(&s->link);
    d->pending_bytes -= submit_bytes(s);
    d->core->pending_count--;
}

void wk_submit_free(struct wk_submit *s)
{
    list_remove(&s->link);
    bytes_fini(&s->body);
    bytes_fini(&s->stored);
    free(s);
}

size_t wk_pending_refuse(struct wk_doc *d, uint32_t code)
{
    size_t count = 0;

    list_for_each_safe (node, &d->pending) {
        struct wk_submit *s = list_entry(node, struct wk_submit, link);
        if (s->kind == WIRE_KIND_CLOSE || s->told)
            continue;
        if (s->seq)
            wk_refuse(d->core, s->gateway_boot, s->attachment, s->seq, code, 0);
        wk_submit_take(d, s);
        wk_submit_free(s);
        count++;
    }
    return count;
}

static struct wk_submit *submit_new(const struct wk_attachment *a, uint64_t gateway_boot,
                                    const struct wire_link_submit *submit)
{
    struct wk_submit *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    *s = (struct wk_submit){.gateway_boot = gateway_boot,
                            .attachment = submit->attachment,
                            .came_us = wk_now_us(a->doc->core),
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

/* Why it is not even looked at now, or 0. */
static uint32_t submit_refusal(struct wk_core *core, const struct wk_attachment *a,
                               const struct wire_link_submit *submit)
{
    struct wk_doc *d = a->doc;
    size_t bytes = d->pending_bytes + sizeof(struct wk_submit) + submit->body.size;

    if (!a->has_session)
        return WIRE_E_READ_ONLY;
    if (d->state == WK_QUARANTINED)
        return WIRE_E_QUARANTINED;
    if (wk_stale(core)) {
        core->counters.stale++;
        return WIRE_E_RETRY_LATER;
    }
    if (bytes > core->config.pending_bytes_max) {
        core->counters.pending_full++;
        return WIRE_E_RETRY_LATER;
    }
    if (wk_documents_full(core, sizeof(struct wk_submit) + submit->body.size)) {
        core->counters.documents_full++;
        return WIRE_E_RETRY_LATER;
    }
    return 0;
}

static bool submit_item(struct wk_core *core, uint64_t gateway_boot,
                        const struct wire_link_submit *submit)
{
    struct wk_attachment *a = wk_attachment_find(core, gateway_boot, submit->attachment);

    core->counters.submits++;
    if (!a) {
        wk_detached_send(core, gateway_boot, submit->attachment);
        return true;
    }
    if (submit->seq == 0 || submit->kind < WIRE_KIND_EDIT || submit->kind > WIRE_KIND_PERMISSION)
        return false; /* gateways check this */
    struct wk_doc *d = a->doc;
    uint32_t code = submit_refusal(core, a, submit);
    struct wk_submit *s = code ? NULL : submit_new(a, gateway_boot, submit);
    if (!s) {
        wk_refuse(core, gateway_boot, submit->attachment, submit->seq,
                  code ? code : WIRE_E_RETRY_LATER, 0);
        return true;
    }
    wk_submit_push(d, s, false);
    wk_doc_use(d);
    wk_doc_charge(d);
    if (d->state == WK_LIVE)
        wk_doc_next(d);
    return true;
}

/* --- opens --- */

static struct wk_open *open_new(uint64_t gateway_boot, const struct wire_link_open *open)
{
    struct wk_open *o = calloc(1, sizeof *o);

    if (!o)
        return NULL;
    *o = (struct wk_open){.gateway_boot = gateway_boot,
                          .attachment = open->attachment,
                          .has_session = open->open.has_session,
                          .session = open->open.session,
                          .has_position = open->open.has_position,
                          .position = open->open.position,
                          .has_create = open->open.create_kind != WIRE_DOC_NONE,
                          .create_kind = open->open.create_kind,
                          .role = open->role};
    list_init(&o->link);
    bytes_append_slice(&o->create_content, open->open.create_content);
    if (o->create_content.failed) {
        free(o);
        return NULL;
    }
    return o;
}

/* Is there room for one more? */
static bool open_fits(struct wk_core *core, const struct wire_link_open *open)
{
    uint64_t max = core->config.attachments_max ? core->config.attachments_max : WK_ATTACHMENTS_MAX;
    struct wk_doc *d = wk_doc_find(core, open->open.doc);

    if (core->attachment_count >= max) {
        core->counters.attachments_full++;
        return false;
    }
    if ((!d && core->bytes >= core->config.documents_bytes_max) ||
        wk_documents_full(core, open->open.create_content.size)) {
        core->counters.documents_full++;
        return false;
    }
    if ((d ? d->pending_bytes : 0) + open->open.create_content.size >
        core->config.pending_bytes_max) {
        core->counters.pending_full++;
        return false;
    }
    return true;
}

static struct wk_doc *open_queue(struct wk_core *core, uint64_t gateway_boot,
                                 const struct wire_link_open *open)
{
    struct wk_doc *d = open_fits(core, open) ? wk_doc_get(core, open->open.doc) : NULL;
    struct wk_open *o = d ? open_new(gateway_boot, open) : NULL;

    if (!o || !wk_attachment_new(core, d, gateway_boot, open)) {
        if (o)
            bytes_fini(&o->create_content);
        free(o);
        return NULL;
    }
    o->doc = d;
    list_push_back(&d->opens, &o->link);
    d->pending_bytes += o->create_content.size;
    return d;
}

/* With the open that still waits for its answer, if one does. */
static void attachment_forget(struct wk_attachment *a)
{
    list_for_each_safe (node, &a->doc->opens) {
        struct wk_open *o = list_entry(node, struct wk_open, link);
        if (o->gateway_boot == a->gateway->boot && o->attachment == a->number)
            wk_open_free(o);
    }
    wk_attachment_end(a);
}

static void open_item(struct wk_core *core, uint64_t gateway_boot,
                      const struct wire_link_open *open)
{
    uint16_t shard = cluster_shard_of(open->open.doc);
    struct wk_attachment *old = wk_attachment_find(core, gateway_boot, open->attachment);

    core->counters.opens++;
    if (old)
        attachment_forget(old);
    wk_view_heard(core, open->view);
    if (!wk_stale(core) && !wk_member_serves(core, shard, open->owner_unreachable)) {
        wk_moved_send(core, gateway_boot, open->open.doc, shard);
        return;
    }
    core->counters.stale += wk_stale(core);
    struct wk_doc *d = wk_stale(core) ? NULL : open_queue(core, gateway_boot, open);
    if (!d) {
        wk_refuse(core, gateway_boot, open->attachment, 0, WIRE_E_RETRY_LATER, 0);
        return;
    }
    wk_doc_use(d);
    wk_doc_charge(d);
    d->runner_up = !wk_member_serves(core, shard, false);
    if (d->state == WK_LIVE)
        wk_doc_next(d);
    else if (d->state == WK_QUARANTINED)
        wk_opens_refuse(d, WIRE_E_QUARANTINED);
}

/* --- the rest --- */

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

static void detach_item(struct wk_core *core, uint64_t gateway_boot, uint64_t attachment)
{
    struct wk_attachment *a = wk_attachment_find(core, gateway_boot, attachment);

    if (a)
        attachment_forget(a);
}

static bool item_in(struct wk_core *core, uint64_t gateway_boot, const struct wire_to_worker *in)
{
    switch (in->type) {
    case WIRE_TO_WORKER_OPEN:
        if (!wire_doc_id_valid(in->open.open.doc))
            return false;
        open_item(core, gateway_boot, &in->open);
        return true;
    case WIRE_TO_WORKER_SUBMIT:
        return submit_item(core, gateway_boot, &in->submit);
    case WIRE_TO_WORKER_DETACH:
        detach_item(core, gateway_boot, in->detach_attachment);
        return true;
    case WIRE_TO_WORKER_PRESENCE:
        presence_item(core, gateway_boot, in->presence.attachment, &in->presence.presence);
        return true;
    }
    return true;
}

bool wk_core_item(struct wk_core *core, uint64_t gateway_boot, struct slice item)
{
    struct wire_to_worker in;
    struct arena mem;

    arena_init(&mem, SIZE_MAX);
    bool fine = wire_to_worker_decode(&mem, item, &in) == 0 && item_in(core, gateway_boot, &in);
    arena_fini(&mem);
    wk_docs_evict(core);
    return fine;
}
