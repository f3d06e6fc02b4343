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

void wk_load_begin(struct wk_doc *d)
{
    d->doc = doc_free(d->doc);
    wk_asked(d);
    wk_call_begin(d, WK_READING, STORAGE_READ);
    d->call.from_rev = 1;
    d->call.count_max = READ_COUNT_MAX;
    wk_call_send(d);
}

void wk_retry(struct wk_doc *d)
{
    unsigned shift = d->attempts < ATTEMPTS_MAX ? d->attempts : ATTEMPTS_MAX;
    uint64_t delay = RETRY_MS << shift;

    d->attempts++;
    d->state = WK_WAITING;
    /* Half of it jittered, so that all documents do not come back at once. */
    d->retry_ms = wk_now_ms(d->core) + delay / 2 + d->core->io.random(d->core->io.ctx) % delay;
    wk_doc_at(d, d->retry_ms);
    wk_doc_charge(d);
    /* Who waits for long is told to come back; submits wait, the gateways keep them too. */
    if (d->attempts > ATTEMPTS_MAX)
        wk_opens_refuse(d, WIRE_E_RETRY_LATER);
}

void wk_load_retry(struct wk_doc *d)
{
    d->doc = doc_free(d->doc);
    wk_retry(d);
}

/* What may have landed or not is asked for again after the release; nothing of it is final. */
static void unconfirmed_refuse(struct wk_doc *d, uint32_t code)
{
    struct wk_entry *last;

    while ((last = wk_ring_last(d)) && !last->confirmed) {
        list_for_each_safe (node, &last->submits) {
            struct wk_submit *s = list_entry(node, struct wk_submit, link);
            list_remove(&s->link);
            s->code = 0;
            wk_submit_push(d, s, true);
        }
        wk_ring_take(d, last);
        wk_entry_free(last);
    }
    wk_pending_refuse(d, code);
}

void wk_quarantine(struct wk_doc *d, uint64_t why)
{
    d->doc = doc_free(d->doc);
    d->state = WK_QUARANTINED;
    d->core->quarantined++;
    d->core->counters.quarantines++;
    wk_event_tell(d, WK_EVENT_QUARANTINED, why);
    wk_opens_refuse(d, WIRE_E_QUARANTINED);
    unconfirmed_refuse(d, WIRE_E_QUARANTINED);
    wk_doc_charge(d);
}

static void lock_begin(struct wk_doc *d, bool rebase)
{
    d->rebase = rebase;
    wk_entries_free(&d->read_ring);
    wk_call_begin(d, WK_LOCKING, STORAGE_LOCK);
    wk_call_send(d);
}

static void unlock_begin(struct wk_doc *d)
{
    wk_call_begin(d, WK_UNLOCKING, STORAGE_UNLOCK);
    wk_call_send(d);
}

/* --- READING, STORED --- */

/* Written by a newer release, as in a rolling upgrade: nothing is damaged. Who asks is told to come
 * back, until a process that can read it owns the document. */
static void newer_retry(struct wk_doc *d)
{
    wk_event_tell(d, WK_EVENT_NEWER, 0);
    wk_load_retry(d);
}

/* The entries are lent: keep them until PostgreSQL has answered. What cannot be decoded is damaged
 * and will be so however often it is read: WIRE_BAD. */
static int read_keep(struct wk_doc *d)
{
    for (size_t i = 0; i < d->call.entry_count; i++) {
        struct storage_entry *from = &d->call.entries[i];
        /* Where the chain stands before is verified when they are applied. */
        struct chain_position before = {.rev = from->first_rev - 1};
        struct bytes payload = BYTES_INIT;
        bytes_append_slice(&payload, from->payload);
        struct wk_entry *e;
        int r = wk_entry_read(&payload, &before, &from->position, &e);
        if (r)
            return r;
        e->confirmed = true;
        list_push_back(&d->read_ring, &e->link);
    }
    return 0;
}

static void read_done(struct wk_doc *d)
{
    wk_entries_free(&d->read_ring);
    if (d->call.result == STORAGE_DAMAGED) {
        wk_quarantine(d, 1);
        return;
    }
    if (d->call.result != STORAGE_OK) {
        wk_load_retry(d);
        return;
    }
    if (!d->call.has_head) {
        lock_begin(d, false);
        return;
    }
    d->read_head = d->call.head;
    int r = read_keep(d);
    if (r) {
        wk_entries_free(&d->read_ring);
        if (r == -ENOMEM)
            wk_load_retry(d);
        else
            wk_quarantine(d, 1);
        return;
    }
    wk_call_begin(d, WK_STORED, STORAGE_LOAD);
    wk_call_send(d);
}

enum tail { TAIL_FITS, TAIL_BESIDE, TAIL_GAP, TAIL_DAMAGED, TAIL_NEWER, TAIL_NOMEM };

/* It spans PostgreSQL's head, if it has as many revisions as its position says. */
static enum tail tail_spans(const struct wk_entry *e)
{
    if (e->count == 0)
        return TAIL_NEWER;
    return e->before.rev + e->count == e->after.rev ? TAIL_BESIDE : TAIL_DAMAGED;
}

/*
 * Applies what Redis has behind PostgreSQL's head.
 *
 * A stream begins at a position that PostgreSQL has (revision 0, a trim, an adoption or a rebase).
 * So a stream that left PostgreSQL's chain before its head has an entry that spans the head's
 * revision, or ends there with another hash. With neither, a first entry behind the head that does
 * not fit is damaged: to let PostgreSQL win would drop what was acked.
 */
static enum tail tail_apply(struct wk_doc *d)
{
    struct chain_position stored = doc_position(d->doc);
    bool beside = false;

    list_for_each_safe (node, &d->read_ring) {
        struct wk_entry *e = list_entry(node, struct wk_entry, link);
        struct chain_position at = doc_position(d->doc);
        if (e->after.rev <= stored.rev) {
            beside = e->after.rev == stored.rev && !chain_position_equal(&e->after, &stored);
            wk_entry_free(e); /* archived, not trimmed yet; or beside */
            continue;
        }
        if (e->before.rev > at.rev)
            return TAIL_GAP;
        if (e->before.rev < at.rev)
            return at.rev == stored.rev ? tail_spans(e) : TAIL_DAMAGED;
        int r = doc_entry_apply(d->doc, bytes_slice(&e->payload), &e->after);
        if (r == -ENOMEM)
            return TAIL_NOMEM;
        if (r == DOC_NEWER)
            return TAIL_NEWER; /* its hash holds: no bit of it was turned */
        if (r == DOC_BAD_CHAIN && beside && chain_position_equal(&at, &stored))
            return TAIL_BESIDE;
        if (r)
            return TAIL_DAMAGED;
        e->before = at;
    }
    return TAIL_FITS;
}

/*
 * Is there something of it to be admitted again? Whoever was told nothing yet is owed an answer. Of
 * what was told, an op comes back unless it is in the history by another way (a gap: what is
 * between comes back before it), and a refusal stays one: its session is closed here too.
 */
static bool superseded_wanted(struct wk_doc *d, const struct wk_entry *e, struct wk_submit *s)
{
    uint64_t now = wk_time_ms(d->core), detail;

    s->code = 0; /* asked anew */
    if (s->kind == WIRE_KIND_CLOSE)
        return doc_session_open(d->doc, &s->session, now, &detail) == DOC_ADMIT;
    if (s->seq == 0)
        return false; /* a creation: the document is there */
    if (!e->confirmed)
        return true;
    enum doc_admission admission = doc_admit(d->doc, &s->session, s->seq, s->digest, now, &detail);
    return admission == DOC_ADMIT || admission == DOC_SEQ_GAP;
}

/* Ops of an entry that is not in the history (any more) are pending again. */
static size_t superseded_return(struct wk_doc *d, struct wk_entry *e)
{
    size_t count = 0;

    while (!list_empty(&e->submits)) {
        struct wk_submit *s = list_entry(e->submits.prev, struct wk_submit, link);
        list_remove(&s->link);
        if (superseded_wanted(d, e, s)) {
            wk_submit_push(d, s, true);
            count++;
        } else {
            wk_submit_free(s);
        }
    }
    return count;
}

/* What was read is the history; what we held besides is superseded, unless PostgreSQL has it. */
static void ring_replace(struct wk_doc *d)
{
    struct list old;
    struct wk_entry *e;
    size_t count = 0;

    list_init(&old);
    while ((e = wk_ring_first(d))) {
        wk_ring_take(d, e);
        list_push_back(&old, &e->link);
    }
    d->ring_is_all = false;
    while ((e = list_first(&d->read_ring, struct wk_entry, link))) {
        list_remove(&e->link);
        wk_ring_push(d, e);
    }
    /* From the last to the first, each to the front of pending. */
    while (!list_empty(&old)) {
        e = list_entry(old.prev, struct wk_entry, link);
        struct wk_entry *same = wk_ring_from(d, &e->before);
        if (same && chain_position_equal(&same->after, &e->after)) {
            list_splice_back(&same->submits, &e->submits);
            same->confirmed = e->confirmed;
        } else {
            count += superseded_return(d, e);
        }
        wk_entry_free(e);
    }
    if (count)
        wk_event_tell(d, WK_EVENT_TAIL_SUPERSEDED, count);
}

/* The document stands at the head that was read: brings it to the end of what we hold. */
static int tail_replay(struct wk_doc *d, struct wk_entry *lost)
{
    int r = 0;

    for (struct list *node = &lost->link; node != &d->ring && !r; node = node->next) {
        struct wk_entry *e = list_entry(node, struct wk_entry, link);
        r = doc_entry_apply(d->doc, bytes_slice(&e->payload), &e->after);
    }
    return r;
}

/* What a cold document takes is known only now. Nobody in it, it is evicted once it is archived. */
static void room_check(struct wk_doc *d)
{
    wk_doc_charge(d);
    if (!wk_documents_full(d->core, 0))
        return;
    d->core->counters.documents_full++;
    wk_opens_refuse(d, WIRE_E_RETRY_LATER);
}

static void loaded(struct wk_doc *d)
{
    struct wk_entry *lost = wk_ring_from(d, &d->read_head);

    d->core->counters.loads++;
    d->tail_until_ms = wk_now_ms(d->core) + WK_TAIL_MS;
    wk_event_tell(d, WK_EVENT_LOADED, d->read_head.rev);
    if (!lost) {
        ring_replace(d);
        room_check(d);
        wk_settled(d);
        return;
    }
    wk_entries_free(&d->read_ring);
    if (tail_replay(d, lost))
        wk_load_retry(d);
    else
        wk_append_send(d, lost);
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
    if (r == DOC_NEWER) {
        newer_retry(d);
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
    /* A head is never behind the stream: to set it back would drop what stands there. */
    if (tail == TAIL_FITS && at.rev > d->stored_head.rev && at.rev >= d->read_head.rev &&
        !chain_position_equal(&at, &d->read_head))
        tail = TAIL_DAMAGED;
    if (tail == TAIL_FITS && chain_position_equal(&at, &d->read_head)) {
        loaded(d);
    } else if (tail == TAIL_NEWER) {
        newer_retry(d);
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
    wk_opens_refuse_missing(d);
    wk_attachments_detach(d);
    wk_pending_refuse(d, WIRE_E_RETRY_LATER);
    if (list_empty(&d->opens))
        wk_doc_drop(d);
    else
        wk_load_begin(d); /* somebody came meanwhile */
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
    default:
        MUST(!"no load is under way");
    }
}
