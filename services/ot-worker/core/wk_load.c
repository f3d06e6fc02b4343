/*
 * Loading, and every way back to one history.
 *
 * Redis is read before PostgreSQL. PostgreSQL's head can then only be at or behind a point of the
 * chain that Redis had, or ahead of what was read; so between the two no gap can open that is not a
 * loss. What was read twice is skipped.
 *
 *   no head in Redis            adopt: under PostgreSQL's lock set the head to PostgreSQL's, or to
 *                               revision 0 if somebody creates the document
 *   PostgreSQL ahead or beside  rebase: under the lock set Redis' head, as read, to PostgreSQL's
 *   head is an ancestor of      a lost tail: the entries that we hold are appended again, byte for
 *   what we hold                byte, one at a time; the first refusal means load again
 *   we hold what is not there   superseded: its ops go through admission again
 */
#include <errno.h>
#include <stdlib.h>

#include "wk_doc.h"

#define READ_COUNT_MAX 1000000
#define ATTEMPTS_MAX 5
#define RETRY_MS 50
#define RETRY_MS_MAX 2000
/* After a load or a refusal the stream is looked at this often, for this long. */
#define TAIL_CHECK_MS 250
#define TAIL_MS 3000

void wk_load_begin(struct wk_doc *d)
{
    d->doc = doc_free(d->doc);
    wk_call_begin(d, WK_READING, STORAGE_READ);
    d->call.from_rev = 1;
    d->call.count_max = READ_COUNT_MAX;
    wk_call_send(d);
}

void wk_load_retry(struct wk_doc *d)
{
    unsigned shift = d->attempts < 5 ? d->attempts : 5;
    uint64_t delay = RETRY_MS << shift;

    d->attempts++;
    d->doc = doc_free(d->doc);
    d->state = WK_WAITING;
    /* Half of it jittered, so that all documents do not come back at once. */
    d->retry_ms = wk_now_ms(d->core) + delay / 2 + d->core->io.random(d->core->io.ctx) % delay;
    /* Who waits for long is told to come back; submits are kept by the gateways too. */
    if (d->attempts > ATTEMPTS_MAX)
        wk_opens_refuse(d, WIRE_E_RETRY_LATER);
}

void wk_quarantine(struct wk_doc *d, uint64_t why)
{
    d->state = WK_QUARANTINED;
    d->core->quarantined++;
    d->core->counters.quarantines++;
    wk_event_tell(d, WK_EVENT_QUARANTINED, why);
    wk_opens_refuse(d, WIRE_E_QUARANTINED);
    while (!list_empty(&d->pending)) {
        struct wk_submit *s = list_first(&d->pending, struct wk_submit, link);
        wk_refuse(d->core, s->gateway_boot, s->attachment, s->seq, WIRE_E_QUARANTINED, 0);
        d->pending_bytes -= s->body.size;
        wk_submit_free(s);
    }
}

static void list_prepend(struct list *to, struct list *from)
{
    list_splice_back(from, to);
    list_splice_back(to, from);
}

void wk_flight_return(struct wk_doc *d)
{
    list_for_each (node, &d->flight) {
        struct wk_submit *s = list_entry(node, struct wk_submit, link);
        d->pending_bytes += s->body.size;
        s->code = 0; /* whether it is refused is asked anew: it may be in the log by now */
    }
    list_prepend(&d->pending, &d->flight);
    bytes_fini(&d->payload);
}

static void read_ring_clear(struct wk_doc *d)
{
    while (!list_empty(&d->read_ring))
        wk_entry_free(list_first(&d->read_ring, struct wk_entry, link));
}

static void lock_begin(struct wk_doc *d, bool rebase)
{
    d->rebase = rebase;
    read_ring_clear(d);
    wk_call_begin(d, WK_LOCKING, STORAGE_LOCK);
    wk_call_send(d);
}

static void unlock_begin(struct wk_doc *d)
{
    wk_call_begin(d, WK_UNLOCKING, STORAGE_UNLOCK);
    wk_call_send(d);
}

/* --- READING, STORED --- */

/* The entries are lent: keep them until PostgreSQL has answered. */
static int read_keep(struct wk_doc *d)
{
    for (size_t i = 0; i < d->call.entry_count; i++) {
        struct storage_entry *from = &d->call.entries[i];
        /* Where the chain stands before is verified when they are applied. */
        struct chain_position before = {.rev = from->first_rev - 1};
        struct wk_entry *e = wk_entry_new(from->payload, &before);
        if (!e)
            return -ENOMEM;
        e->after = from->position;
        list_push_back(&d->read_ring, &e->link);
    }
    return 0;
}

static void read_done(struct wk_doc *d)
{
    read_ring_clear(d);
    if (d->call.result != STORAGE_OK) {
        wk_load_retry(d);
        return;
    }
    if (!d->call.has_head) {
        lock_begin(d, false);
        return;
    }
    d->read_head = d->call.head;
    if (read_keep(d)) {
        wk_load_retry(d);
        return;
    }
    wk_call_begin(d, WK_STORED, STORAGE_LOAD);
    wk_call_send(d);
}

enum tail { TAIL_FITS, TAIL_BESIDE, TAIL_GAP, TAIL_DAMAGED, TAIL_NOMEM };

/* Applies what Redis has behind PostgreSQL's head. */
static enum tail tail_apply(struct wk_doc *d)
{
    struct chain_position stored = doc_position(d->doc);

    list_for_each_safe (node, &d->read_ring) {
        struct wk_entry *e = list_entry(node, struct wk_entry, link);
        struct chain_position at = doc_position(d->doc);
        if (e->after.rev < stored.rev || chain_position_equal(&e->after, &stored)) {
            wk_entry_free(e); /* archived, not trimmed yet */
            continue;
        }
        if (e->after.rev == stored.rev)
            return TAIL_BESIDE;
        if (e->records && e->before.rev != at.rev)
            return e->before.rev > at.rev ? TAIL_GAP : TAIL_BESIDE;
        int r = doc_entry_apply(d->doc, bytes_slice(&e->payload), &e->after);
        if (r == -ENOMEM)
            return TAIL_NOMEM;
        if (r == DOC_BAD_CHAIN && chain_position_equal(&at, &stored))
            return TAIL_BESIDE;
        if (r)
            return TAIL_DAMAGED;
        e->before = at;
    }
    return TAIL_FITS;
}

/* The entry of the ring that ends at this position, or NULL. */
static struct wk_entry *ring_entry_at(struct wk_doc *d, const struct chain_position *at)
{
    struct list *first;
    enum wk_where where = wk_position_find(d, at, &first);

    if ((where != WK_AT_HEAD && where != WK_ON_CHAIN) || first->prev == &d->ring)
        return NULL;
    return list_entry(first->prev, struct wk_entry, link);
}

/* Is there something of it to be admitted again? A refusal that was told stays one: its session is
 * closed in this history too. */
static bool superseded_wanted(struct wk_doc *d, struct wk_submit *s)
{
    uint64_t now = wk_time_ms(d->core), detail;

    if (s->code) {
        s->kind = WIRE_KIND_CLOSE;
        s->code = 0;
    }
    if (s->kind == WIRE_KIND_CLOSE)
        return doc_session_open(d->doc, &s->session, now, &detail) == DOC_ADMIT;
    if (s->seq == 0)
        return false;
    enum doc_admission admission = doc_admit(d->doc, &s->session, s->seq, s->digest, now, &detail);
    return admission == DOC_ADMIT || admission == DOC_SEQ_GAP;
}

/* Ops of an entry that is not in the history (any more) are pending again, unless they are in it
 * by another way. */
static size_t superseded_return(struct wk_doc *d, struct wk_entry *e, struct list *again)
{
    size_t count = 0;

    list_for_each_safe (node, &e->submits) {
        struct wk_submit *s = list_entry(node, struct wk_submit, link);
        if (!superseded_wanted(d, s))
            continue;
        list_remove(&s->link);
        list_push_back(again, &s->link);
        d->pending_bytes += s->body.size;
        count++;
    }
    return count;
}

/* What was read is the history; what we held besides is superseded. */
static void ring_replace(struct wk_doc *d)
{
    struct list old, again;
    size_t count = 0;

    list_init(&old);
    list_init(&again);
    list_splice_back(&old, &d->ring);
    d->ring_bytes = 0;
    while (!list_empty(&d->read_ring)) {
        struct wk_entry *e = list_first(&d->read_ring, struct wk_entry, link);
        list_remove(&e->link);
        wk_ring_push(d, e);
    }
    while (!list_empty(&old)) {
        struct wk_entry *e = list_first(&old, struct wk_entry, link);
        struct wk_entry *same = ring_entry_at(d, &e->after);
        if (same)
            list_splice_back(&same->submits, &e->submits);
        else
            count += superseded_return(d, e, &again);
        wk_entry_free(e);
    }
    list_prepend(&d->pending, &again);
    if (count)
        wk_event_tell(d, WK_EVENT_TAIL_SUPERSEDED, count);
}

static struct wk_entry *lost_tail_find(struct wk_doc *d)
{
    struct chain_position head = doc_position(d->doc);

    list_for_each (node, &d->ring) {
        struct wk_entry *e = list_entry(node, struct wk_entry, link);
        if (chain_position_equal(&e->before, &head))
            return e;
    }
    return NULL;
}

static void reappend_next(struct wk_doc *d)
{
    struct wk_entry *e = d->reappending;

    wk_call_begin(d, WK_REAPPENDING, STORAGE_APPEND);
    d->call.expect = e->before;
    d->call.position = e->after;
    d->call.first_rev = e->before.rev + 1;
    d->call.payload = bytes_slice(&e->payload);
    wk_call_send(d);
}

static void reappend_done(struct wk_doc *d)
{
    struct wk_entry *e = d->reappending;

    if (d->call.result != STORAGE_OK) {
        d->reappending = NULL;
        if (d->call.result == STORAGE_REFUSED || d->call.result == STORAGE_MISSING)
            wk_load_begin(d);
        else
            wk_load_retry(d);
        return;
    }
    int r = doc_entry_apply(d->doc, bytes_slice(&e->payload), &e->after);
    if (r) {
        d->reappending = NULL;
        wk_load_retry(d);
        return;
    }
    d->core->counters.reappended++;
    if (e->link.next != &d->ring) {
        d->reappending = list_entry(e->link.next, struct wk_entry, link);
        reappend_next(d);
        return;
    }
    d->reappending = NULL;
    wk_event_tell(d, WK_EVENT_TAIL_REAPPENDED, 1);
    d->state = WK_LIVE;
    wk_doc_next(d);
}

/* The chain after `shown` goes out; if it is not there, everybody opens again. */
static void shown_catch_up(struct wk_doc *d)
{
    struct list *first;

    if (!d->has_shown || list_empty(&d->attachments)) {
        d->shown = doc_position(d->doc);
        d->has_shown = true;
        return;
    }
    enum wk_where where = wk_position_find(d, &d->shown, &first);
    if (where == WK_ON_CHAIN)
        for (; first != &d->ring; first = first->next)
            wk_broadcast(d, list_entry(first, struct wk_entry, link));
    else if (where != WK_AT_HEAD)
        wk_attachments_detach(d);
    d->shown = doc_position(d->doc);
}

static void loaded(struct wk_doc *d)
{
    struct wk_entry *lost = lost_tail_find(d);
    uint64_t now = wk_now_ms(d->core);

    d->attempts = 0;
    d->core->counters.loads++;
    d->tail_until_ms = now + TAIL_MS;
    d->check_ms = now + TAIL_CHECK_MS;
    wk_event_tell(d, WK_EVENT_LOADED, doc_position(d->doc).rev);
    if (lost) {
        read_ring_clear(d);
        d->reappending = lost;
        reappend_next(d);
        return;
    }
    ring_replace(d);
    d->state = WK_LIVE;
    shown_catch_up(d);
    wk_doc_next(d);
}

static void stored_done(struct wk_doc *d)
{
    struct storage_call *call = &d->call;

    if (call->result != STORAGE_OK) {
        wk_load_retry(d);
        return;
    }
    d->doc = doc_new(bytes_slice(&d->id), d->core->attrs);
    int r = d->doc ? doc_stored_load(d->doc, call->loaded_snapshot, call->segments,
                                     call->segment_count, NULL)
                   : -ENOMEM;
    if (r == -ENOMEM) {
        wk_load_retry(d);
        return;
    }
    struct chain_position at = doc_position(d->doc);
    if (r || (call->has_head ? !chain_position_equal(&at, &call->head) : at.rev != 0)) {
        wk_quarantine(d, 1);
        return;
    }
    d->stored_head = at;
    enum tail tail = tail_apply(d);
    at = doc_position(d->doc);
    if (tail == TAIL_FITS && chain_position_equal(&at, &d->read_head)) {
        loaded(d);
    } else if (tail == TAIL_BESIDE || (tail == TAIL_FITS && at.rev >= d->read_head.rev)) {
        lock_begin(d, true);
    } else if (tail == TAIL_DAMAGED || (tail != TAIL_NOMEM && d->attempts >= ATTEMPTS_MAX)) {
        wk_quarantine(d, 1);
    } else {
        wk_load_retry(d);
    }
}

/* --- LOCKING to UNLOCKING --- */

static void lock_done(struct wk_doc *d)
{
    struct storage_call *call = &d->call;
    struct chain_position start = chain_position_start(bytes_slice(&d->id));

    if (call->result != STORAGE_OK) {
        call->lock = NULL;
        wk_load_retry(d);
        return;
    }
    struct chain_position head = call->has_head ? call->head : start;
    if (d->rebase) {
        if (!chain_position_equal(&head, &d->stored_head)) {
            unlock_begin(d); /* an archiver was faster: read everything again */
            return;
        }
        wk_call_begin(d, WK_REBASING, STORAGE_REBASE);
        d->call.expect = d->read_head;
        d->call.position = head;
    } else {
        d->creating = call->has_head;
        list_for_each (node, &d->opens) {
            d->creating |= list_entry(node, struct wk_open, link)->has_create;
        }
        if (!d->creating && list_empty(&d->ring)) {
            unlock_begin(d);
            return;
        }
        d->creating = true;
        wk_call_begin(d, WK_ADOPTING, STORAGE_ADOPT);
        d->call.position = head;
    }
    wk_call_send(d);
}

static void rebase_done(struct wk_doc *d)
{
    if (d->call.result == STORAGE_OK)
        wk_event_tell(d, WK_EVENT_REBASED, d->stored_head.rev);
    unlock_begin(d);
}

static void unlock_done(struct wk_doc *d)
{
    d->call.lock = NULL;
    if (d->rebase || d->creating) {
        d->rebase = d->creating = false;
        if (d->attempts++ < ATTEMPTS_MAX)
            wk_load_begin(d);
        else
            wk_load_retry(d);
        return;
    }
    /* Neither store knows it, and nobody creates it. */
    wk_opens_refuse(d, WIRE_E_NO_SUCH_DOCUMENT);
    wk_attachments_detach(d);
    while (!list_empty(&d->pending))
        wk_submit_free(list_first(&d->pending, struct wk_submit, link));
    d->pending_bytes = 0;
    if (list_empty(&d->opens))
        wk_doc_drop(d);
    else
        wk_load_begin(d); /* an opener came meanwhile */
}

void wk_load_done(struct wk_doc *d)
{
    switch (d->state) {
    case WK_READING:
        read_done(d);
        return;
    case WK_STORED:
        stored_done(d);
        return;
    case WK_LOCKING:
        lock_done(d);
        return;
    case WK_ADOPTING:
        unlock_begin(d);
        return;
    case WK_REBASING:
        rebase_done(d);
        return;
    case WK_UNLOCKING:
        unlock_done(d);
        return;
    case WK_REAPPENDING:
        reappend_done(d);
        return;
    default:
        MUST(!"no load is under way");
    }
}

/* --- is the head still ours? --- */

void wk_check_begin(struct wk_doc *d)
{
    struct wk_entry *oldest = NULL;

    list_for_each (node, &d->ring) {
        oldest = list_entry(node, struct wk_entry, link);
        if (!oldest->archived)
            break;
    }
    wk_call_begin(d, WK_CHECKING, STORAGE_READ);
    d->call.from_rev = oldest ? oldest->before.rev + 1 : doc_position(d->doc).rev + 1;
    d->call.count_max = 1;
    wk_call_send(d);
}

/* What is no longer in the stream is archived (I7). */
static void archived_mark(struct wk_doc *d)
{
    uint64_t first = d->call.entry_count ? d->call.entries[0].first_rev : UINT64_MAX;

    list_for_each (node, &d->ring) {
        struct wk_entry *e = list_entry(node, struct wk_entry, link);
        if (e->before.rev + 1 >= first)
            break;
        e->archived = true;
        while (!list_empty(&e->submits))
            wk_submit_free(list_first(&e->submits, struct wk_submit, link));
    }
    wk_ring_trim(d);
}

void wk_check_done(struct wk_doc *d)
{
    struct chain_position at = doc_position(d->doc);
    uint64_t now = wk_now_ms(d->core);

    d->state = WK_LIVE;
    d->check_ms = now + (now < d->tail_until_ms ? TAIL_CHECK_MS : d->core->config.revalidate_ms);
    if (d->call.result != STORAGE_OK) {
        wk_doc_next(d);
        return;
    }
    if (!d->call.has_head || !chain_position_equal(&d->call.head, &at)) {
        wk_load_begin(d);
        return;
    }
    archived_mark(d);
    list_for_each (node, &d->pending) {
        list_entry(node, struct wk_submit, link)->confirmed = true;
    }
    list_for_each (node, &d->opens) {
        list_entry(node, struct wk_open, link)->confirmed = true;
    }
    wk_doc_next(d);
}
