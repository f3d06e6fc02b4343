/*
 * Group commit and the ack gate. While an append is under way submits gather; when it is durable
 * its entry is shown to everybody, and what gathered becomes the next entry. So batching adapts to
 * load by itself: one op alone goes at once, a crowd shares one append.
 */
#include <errno.h>

#include "wk_doc.h"

/* Commits come apart by so much of what they hold: 12 ops are 3 ms. */
#define COMMIT_OPS_PER_MS 4

/* --- shown --- */

static void changed(struct wk_doc *d, const struct chain_position *at)
{
    d->shown = *at;
    d->has_shown = true;
    d->shown_ms = wk_now_ms(d->core);
    list_remove(&d->changed);
    list_push_back(&d->core->changed, &d->changed);
}

static void entry_encode(struct wk_doc *d, const struct wk_entry *e, struct bytes *out)
{
    struct wire_client_record records[WK_ENTRY_COUNT_MAX];
    struct wire_client_entry entry = {.doc = bytes_slice(&d->id),
                                      .first_rev = e->before.rev + 1,
                                      .last_rev = e->after.rev,
                                      .time_ms = e->time_ms,
                                      .records = records,
                                      .count = e->count};

    memcpy(entry.hash_before, e->before.hash, CHAIN_HASH_SIZE);
    memcpy(entry.hash_after, e->after.hash, CHAIN_HASH_SIZE);
    for (size_t i = 0; i < e->count; i++) {
        const struct wire_record *from = &e->records[i];
        records[i] = (struct wire_client_record){.has_author = true,
                                                 .seq = from->seq,
                                                 .kind = from->kind,
                                                 .body = from->body,
                                                 .count = 1};
        crypto_author_id(bytes_slice(&d->id), from->session.id, records[i].author);
    }
    wire_client_entry_encode(&entry, out);
}

void wk_broadcast(struct wk_doc *d, const struct wk_entry *e)
{
    struct bytes encoded = BYTES_INIT;
    uint64_t last_boot = 0;

    changed(d, &e->after);
    /* An entry of a build that puts more into one: everybody opens again, and gets it as a run. */
    if (e->count <= WK_ENTRY_COUNT_MAX)
        entry_encode(d, e, &encoded);
    if (e->count > WK_ENTRY_COUNT_MAX || encoded.failed) {
        wk_attachments_detach(d);
        bytes_fini(&encoded);
        return;
    }
    struct wire_to_gateway item = {.type = WIRE_TO_GATEWAY_ENTRY,
                                   .entry = {.doc = bytes_slice(&d->id),
                                             .before = e->before,
                                             .after = e->after,
                                             .entry = bytes_slice(&encoded)}};
    /* Attachments are kept by gateway, so each gateway is met once. */
    list_for_each (node, &d->attachments) {
        struct wk_attachment *a = list_entry(node, struct wk_attachment, in_doc);
        if (a->gateway->boot == last_boot)
            continue;
        last_boot = a->gateway->boot;
        wk_item_send(d->core, last_boot, &item);
    }
    bytes_fini(&encoded);
}

/* --- an entry is made --- */

void wk_forming_return(struct wk_doc *d)
{
    while (!list_empty(&d->forming)) {
        struct wk_submit *s = list_entry(d->forming.prev, struct wk_submit, link);
        list_remove(&s->link);
        s->code = 0; /* whether it is refused is asked anew */
        wk_submit_push(d, s, true);
    }
}

/* What is pending must wait for the next entry because this one is full. */
static void full_count(struct wk_doc *d)
{
    if (list_empty(&d->pending))
        return;
    d->core->counters.limit_entry_ops += doc_draft_count(d->doc) >= WK_ENTRY_COUNT_MAX;
    d->core->counters.limit_entry_bytes += doc_draft_bytes(d->doc) >= WK_ENTRY_BYTES_MAX;
}

/* Takes from pending what is admitted. WK_ADMIT_IN: all of it was looked at, or it is full. */
static enum wk_admit pending_admit(struct wk_doc *d, uint64_t *ret_from_rev)
{
    enum wk_admit admit = WK_ADMIT_IN;
    struct wk_submit *s;

    while ((s = list_first(&d->pending, struct wk_submit, link)) &&
           doc_draft_count(d->doc) < WK_ENTRY_COUNT_MAX &&
           doc_draft_bytes(d->doc) < WK_ENTRY_BYTES_MAX) {
        admit = wk_submit_admit(d, s, ret_from_rev);
        if (admit == WK_ADMIT_ANSWERED) {
            wk_submit_take(d, s);
            wk_submit_free(s);
        } else if (admit == WK_ADMIT_IN) {
            wk_submit_take(d, s);
            list_push_back(&d->forming, &s->link);
        } else {
            s->waits = admit == WK_ADMIT_HISTORY;
            return admit;
        }
    }
    full_count(d);
    return WK_ADMIT_IN;
}

/* The draft becomes the last entry of the ring. NULL: no memory; it is as if it had not been. */
static struct wk_entry *draft_take(struct wk_doc *d)
{
    struct chain_position before = doc_position(d->doc);
    struct bytes payload = BYTES_INIT;
    struct wk_entry *e = NULL;

    if (doc_draft_finish(d->doc, wk_time_ms(d->core), &payload) == 0)
        e = wk_entry_new(&payload, &before);
    bytes_fini(&payload);
    if (!e)
        return NULL;
    list_for_each (node, &d->forming)
        bytes_fini(&list_entry(node, struct wk_submit, link)->stored);
    obs_hist_add(&d->core->counters.entry_ops, e->count);
    obs_hist_add(&d->core->counters.entry_bytes, e->payload.size);
    list_splice_back(&e->submits, &d->forming);
    wk_ring_push(d, e);
    return e;
}

static uint64_t clock_us(const struct wk_core *core)
{
    return core->io.clock_us(core->io.ctx);
}

static void formed_measure(struct wk_doc *d, const struct wk_entry *e, uint64_t took_us)
{
    struct wk_counters *counters = &d->core->counters;
    uint64_t now_us = wk_now_us(d->core), ops = 0;

    list_for_each (node, &e->submits) {
        const struct wk_submit *s = list_entry(node, struct wk_submit, link);
        if (!s->seq)
            continue; /* the worker's own: nobody waits for it */
        obs_hist_add(&counters->queue_us, now_us - s->came_us);
        ops++;
    }
    obs_hist_add_many(&counters->transform_us, took_us, ops);
}

/* True: an append or another call is under way now, or has to wait. */
static bool entry_form(struct wk_doc *d)
{
    uint64_t from_rev = 0, began_us = clock_us(d->core);

    doc_draft_begin(d->doc);
    enum wk_admit admit = pending_admit(d, &from_rev);
    if (doc_draft_count(d->doc) == 0) {
        if (admit == WK_ADMIT_HISTORY)
            wk_history_begin(d, from_rev);
        else if (admit == WK_ADMIT_CHECK)
            wk_check_begin(d);
        else if (admit == WK_ADMIT_NOMEM)
            wk_load_retry(d);
        return d->state != WK_LIVE;
    }
    /* First what we have; then what the next one needs. */
    struct wk_entry *e = draft_take(d);
    if (!e) {
        wk_forming_return(d);
        wk_load_retry(d);
        return true;
    }
    wk_append_send(d, e);
    formed_measure(d, e, clock_us(d->core) - began_us);
    return true;
}

void wk_append_send(struct wk_doc *d, struct wk_entry *e)
{
    d->appending = e;
    if (!e->sent_us)
        e->sent_us = wk_now_us(d->core);
    wk_call_begin(d, WK_APPENDING, STORAGE_APPEND);
    d->call.expect = e->before;
    d->call.position = e->after;
    d->call.first_rev = e->before.rev + 1;
    d->call.payload = bytes_slice(&e->payload);
    wk_call_send(d);
}

/* --- and becomes durable --- */

static void submit_confirm(struct wk_doc *d, struct wk_submit *s)
{
    s->told = true;
    if (s->code) {
        wk_refuse(d->core, s->gateway_boot, s->attachment, s->seq, s->code, s->detail);
        /* Told: whatever becomes of this entry, the session stays closed. */
        s->kind = WIRE_KIND_CLOSE;
        s->code = 0;
    } else if (s->kind == WIRE_KIND_CREATE) {
        wk_event_tell(d, WK_EVENT_CREATED, 0);
    } else if (s->kind != WIRE_KIND_CLOSE) {
        d->core->counters.ops++;
    }
}

void wk_entry_confirm(struct wk_doc *d, struct wk_entry *e)
{
    struct wk_counters *counters = &d->core->counters;
    uint64_t ops = counters->ops;

    if (e->confirmed)
        return;
    e->confirmed = true;
    counters->entries++;
    list_for_each (node, &e->submits)
        submit_confirm(d, list_entry(node, struct wk_submit, link));
    if (e->sent_us)
        obs_hist_add_many(&counters->append_us, wk_now_us(d->core) - e->sent_us,
                          counters->ops - ops);
    if (d->core->config.confirmed_by_replica)
        wk_entry_settled(d, e);
}

static void appended(struct wk_doc *d)
{
    struct wk_entry *e = d->appending;
    bool again = e->confirmed;

    d->refused = false;
    d->refusals = 0;
    d->core->counters.reappended += again;
    if (again)
        wk_event_tell(d, WK_EVENT_TAIL_REAPPENDED, e->after.rev);
    wk_entry_confirm(d, e);
    if (e->link.next != &d->ring) {
        wk_append_send(d, list_entry(e->link.next, struct wk_entry, link));
        return;
    }
    d->appending = NULL;
    if (again || d->attempts || !chain_position_equal(&d->shown, &e->before)) {
        wk_settled(d);
        return;
    }
    wk_broadcast(d, e);
    wk_ring_trim(d, d->core->config.tail_bytes_max);
    d->state = WK_LIVE;
    wk_doc_next(d);
}

void wk_append_done(struct wk_doc *d)
{
    struct wk_core *core = d->core;
    uint64_t expected = d->appending->before.rev;

    switch (d->call.result) {
    case STORAGE_OK:
        appended(d);
        return;
    case STORAGE_REFUSED:
    case STORAGE_MISSING:
        core->counters.appends_refused++;
        wk_event_tell(d, WK_EVENT_APPEND_REFUSED, expected);
        d->refused = true;
        wk_follow_begin(d);
        return;
    case STORAGE_UNKNOWN:
        core->counters.appends_unknown++;
        wk_event_tell(d, WK_EVENT_APPEND_UNKNOWN, expected);
        wk_follow_begin(d);
        return;
    default:
        wk_retry(d); /* certainly not done: the same bytes again, when the store is there */
    }
}

/* --- what is next --- */

/* False: a call is under way, or has to be waited for. */
static bool opens_answer(struct wk_doc *d)
{
    list_for_each_safe (node, &d->opens) {
        struct wk_open *o = list_entry(node, struct wk_open, link);
        if (wk_open_answer(d, o))
            wk_open_free(o);
        if (d->state != WK_LIVE)
            return false;
    }
    return true;
}

/* Is the tail within its bound? Past it the document slows: ops wait for the archiver. */
static bool tail_fits(struct wk_doc *d)
{
    uint64_t now = wk_now_ms(d->core);

    if (d->tail_bytes <= d->core->config.tail_bytes_max) {
        d->slow_ms = 0;
        return true;
    }
    if (!d->slow_ms) {
        d->core->counters.slowed++;
        d->slow_ms = now;
        d->check_ms = now; /* it may be archived already */
    }
    if (now - d->slow_ms >= WK_SLOW_MS) {
        d->core->counters.tail_full += wk_pending_refuse(d, WIRE_E_RETRY_LATER);
    }
    return false;
}

/* What waits here waits for a beat or for the archiver: both are looked for at every tick. */
static void live_schedule(struct wk_doc *d)
{
    bool waits = !list_empty(&d->pending) || !list_empty(&d->opens);
    if (wk_doc_idle(d))
        wk_runs_forget(d);
    uint64_t idle_ms = d->used_ms + d->core->config.idle_ms;

    if (waits)
        wk_doc_at(d, wk_now_ms(d->core) + WK_TICK_MS);
    else
        wk_doc_at(d, wk_doc_idle(d) && idle_ms < d->check_ms ? idle_ms : d->check_ms);
}

/*
 * True: an append or another call is under way now, or has to wait. Commits of all documents come
 * together, and the more a commit held the longer the next one waits: what a busy worker has to
 * wake for, itself, Redis and its gateways, is then counted by commits and not by ops, and a
 * document's ops find more of each other in an entry. Few people wait for nothing.
 */
static bool entry_try(struct wk_doc *d)
{
    struct wk_core *core = d->core;

    if (list_empty(&d->pending))
        return false;
    if (core->config.commit_ms == 0 || core->committing)
        return entry_form(d);
    if (list_empty(&d->ready))
        list_push_back(&core->ready, &d->ready);
    return false;
}

void wk_commit_tick(struct wk_core *core, uint64_t now)
{
    struct list due;
    uint64_t pending = core->pending_count, documents = 0;

    if (list_empty(&core->ready) || now < core->commit_at_ms)
        return;
    list_init(&due);
    list_splice_back(&due, &core->ready);
    core->committing = true;
    while (!list_empty(&due)) {
        struct wk_doc *d = list_first(&due, struct wk_doc, ready);
        list_remove(&d->ready);
        if (d->state == WK_LIVE)
            wk_doc_next(d);
        documents++;
    }
    core->committing = false;
    obs_hist_add(&core->counters.commit_documents, documents);
    uint64_t apart_ms = (pending - core->pending_count) / COMMIT_OPS_PER_MS;
    core->commit_at_ms =
        now + (apart_ms < core->config.commit_ms ? apart_ms : core->config.commit_ms);
}

void wk_doc_next(struct wk_doc *d)
{
    MUST(d->state == WK_LIVE && !d->busy);
    wk_doc_charge(d);
    if (wk_handoff(d))
        return;
    /* Without a beat nothing is admitted; it stays pending. */
    bool admits = tail_fits(d) && !wk_stale(d->core);
    /* Opens that need a call each must not keep submits from ever having their turn. */
    if (d->turn && admits && !list_empty(&d->pending)) {
        d->turn = false;
        if (entry_try(d))
            return;
    }
    do {
        if (!opens_answer(d)) {
            d->turn = true;
            return;
        }
        if (admits && entry_try(d))
            return;
        /* A CREATE that was no document leaves the next creator its turn. */
    } while (admits && doc_kind(d->doc) == WIRE_DOC_NONE && list_empty(&d->pending) &&
             !list_empty(&d->opens));
    d->turn = false;
    if (wk_now_ms(d->core) >= d->check_ms)
        wk_check_begin(d);
    else
        live_schedule(d);
}
