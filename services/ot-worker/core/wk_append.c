/*
 * Group commit and the ack gate. While an append is under way submits gather; when it is durable
 * its entry is shown to everybody, and what gathered becomes the next entry. So batching adapts to
 * load by itself: one op alone goes at once, a crowd shares one append.
 */
#include <errno.h>

#include "mutant.h"
#include "wk_doc.h"

/* Of one entry: bounds what a single append, frame and fan-out must carry. */
#define ENTRY_COUNT_MAX 512
#define ENTRY_BYTES_MAX (512u << 10)
/* Appends lost in a row with nothing new to read: two workers cannot both be right for ever. */
#define REFUSALS_MAX 3

void wk_broadcast(struct wk_doc *d, const struct wk_entry *e)
{
    struct wire_client_record records[ENTRY_COUNT_MAX];
    struct wire_client_entry entry = {.doc = bytes_slice(&d->id),
                                      .first_rev = e->before.rev + 1,
                                      .last_rev = e->after.rev,
                                      .records = records};
    struct bytes encoded = BYTES_INIT;
    uint64_t last_boot = 0;

    memcpy(entry.hash_before, e->before.hash, CHAIN_HASH_SIZE);
    memcpy(entry.hash_after, e->after.hash, CHAIN_HASH_SIZE);
    entry.time_ms = doc_time_ms(d->doc);
    for (size_t i = 0; i < e->count && i < ENTRY_COUNT_MAX; i++) {
        const struct wire_record *from = &e->records[i];
        records[i] = (struct wire_client_record){.has_author = true,
                                                 .seq = from->seq,
                                                 .kind = from->kind,
                                                 .body = from->body,
                                                 .count = 1};
        crypto_author_id(bytes_slice(&d->id), from->session.id, records[i].author);
        entry.count++;
    }
    wire_client_entry_encode(&entry, &encoded);
    struct wire_to_gateway item = {.type = WIRE_TO_GATEWAY_ENTRY,
                                   .entry = {.doc = bytes_slice(&d->id),
                                             .before = e->before,
                                             .after = e->after,
                                             .entry = bytes_slice(&encoded)}};
    /* Attachments are kept by gateway, so each gateway is met once. */
    list_for_each (node, &d->attachments) {
        struct wk_attachment *a = list_entry(node, struct wk_attachment, in_doc);
        if (a->gateway->boot == last_boot || encoded.failed)
            continue;
        last_boot = a->gateway->boot;
        wk_item_send(d->core, last_boot, &item);
    }
    if (encoded.failed)
        wk_attachments_detach(d); /* no memory for it: they open again */
    bytes_fini(&encoded);
    d->shown = e->after;
    d->has_shown = true;
}

static void submit_take(struct wk_doc *d, struct wk_submit *s)
{
    list_remove(&s->link);
    d->pending_bytes -= s->body.size;
}

/* True: an append or another call is under way now. */
static bool entry_form(struct wk_doc *d)
{
    struct wk_core *core = d->core;
    enum wk_admit admit = WK_ADMIT_IN;
    uint64_t from_rev = 0;

    doc_draft_begin(d->doc);
    while (!list_empty(&d->pending) && doc_draft_count(d->doc) < ENTRY_COUNT_MAX &&
           doc_draft_bytes(d->doc) < ENTRY_BYTES_MAX) {
        struct wk_submit *s = list_first(&d->pending, struct wk_submit, link);
        admit = wk_submit_admit(d, s);
        if (admit == WK_ADMIT_ANSWERED) {
            submit_take(d, s);
            wk_submit_free(s);
        } else if (admit == WK_ADMIT_IN) {
            submit_take(d, s);
            list_push_back(&d->flight, &s->link);
        } else {
            from_rev = s->base.rev + 1;
            break; /* first what we have, then what this one needs */
        }
    }
    if (doc_draft_count(d->doc) == 0) {
        if (admit == WK_ADMIT_HISTORY)
            wk_history_begin(d, from_rev);
        else if (admit == WK_ADMIT_CHECK)
            wk_check_begin(d);
        else if (admit == WK_ADMIT_NOMEM)
            wk_load_retry(d);
        return d->state != WK_LIVE;
    }
    struct chain_position before = doc_position(d->doc);
    bytes_reset(&d->payload);
    if (doc_draft_finish(d->doc, wk_time_ms(core), &d->payload)) {
        wk_flight_return(d);
        wk_load_retry(d);
        return true;
    }
    wk_call_begin(d, WK_APPENDING, STORAGE_APPEND);
    d->call.expect = before;
    d->call.position = doc_position(d->doc);
    d->call.first_rev = before.rev + 1;
    d->call.payload = bytes_slice(&d->payload);
    if (MUTANT(ACK_BEFORE_APPEND)) {
        struct wk_entry *early = wk_entry_new(bytes_slice(&d->payload), &before);
        if (early) {
            wk_broadcast(d, early);
            wk_entry_free(early);
        }
    }
    wk_call_send(d);
    return true;
}

static void appended(struct wk_doc *d)
{
    struct wk_core *core = d->core;
    struct wk_entry *e = wk_entry_new(bytes_slice(&d->payload), &d->call.expect);

    d->refusals = 0;
    if (!e) {
        /* Durable, but we cannot show it: read it back when there is memory. */
        wk_flight_return(d);
        wk_load_retry(d);
        return;
    }
    core->counters.entries++;
    list_for_each_safe (node, &d->flight) {
        struct wk_submit *s = list_entry(node, struct wk_submit, link);
        if (s->code)
            wk_refuse(core, s->gateway_boot, s->attachment, s->seq, s->code, s->detail);
        else if (s->kind == WIRE_KIND_CREATE)
            wk_event_tell(d, WK_EVENT_CREATED, 0);
        else
            core->counters.ops++;
        list_remove(&s->link);
        bytes_fini(&s->stored);
        list_push_back(&e->submits, &s->link);
    }
    wk_ring_push(d, e);
    if (!MUTANT(ACK_BEFORE_APPEND))
        wk_broadcast(d, e);
    if (core->config.confirmed_by_replica)
        e->archived = true; /* cannot be lost: kept for history only */
    wk_ring_trim(d);
    bytes_reset(&d->payload);
    d->state = WK_LIVE;
    wk_doc_next(d);
}

void wk_append_done(struct wk_doc *d)
{
    struct wk_core *core = d->core;
    enum storage_result result = d->call.result;

    if (result == STORAGE_OK) {
        appended(d);
        return;
    }
    wk_flight_return(d);
    switch (result) {
    case STORAGE_REFUSED:
    case STORAGE_MISSING:
        core->counters.appends_refused++;
        wk_event_tell(d, WK_EVENT_APPEND_REFUSED, d->call.expect.rev);
        if (++d->refusals > REFUSALS_MAX && result == STORAGE_REFUSED &&
            chain_position_equal(&d->call.head, &d->call.expect)) {
            wk_quarantine(d, 0);
            return;
        }
        wk_load_begin(d);
        return;
    case STORAGE_UNKNOWN:
        core->counters.appends_unknown++;
        wk_event_tell(d, WK_EVENT_APPEND_UNKNOWN, d->call.expect.rev);
        wk_load_begin(d);
        return;
    default:
        wk_load_retry(d);
    }
}

void wk_doc_next(struct wk_doc *d)
{
    struct wk_core *core = d->core;

    MUST(d->state == WK_LIVE && !d->busy);
    wk_doc_charge(d);
    if (wk_handoff(d))
        return;
    list_for_each_safe (node, &d->opens) {
        struct wk_open *o = list_entry(node, struct wk_open, link);
        if (wk_open_answer(d, o))
            wk_open_free(o);
        if (d->state != WK_LIVE)
            return;
    }
    if (core->stale)
        return; /* without a beat nothing is admitted; it stays pending */
    if (!list_empty(&d->pending) && entry_form(d))
        return;
    if (doc_kind(d->doc) == WIRE_DOC_NONE && list_empty(&d->pending))
        wk_opens_refuse(d, WIRE_E_NO_SUCH_DOCUMENT);
    if (wk_now_ms(core) >= d->check_ms)
        wk_check_begin(d);
}
