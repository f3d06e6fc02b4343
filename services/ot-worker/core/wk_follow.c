/*
 * Is the head still ours? Looked at every few seconds, after each change of the view and, closely,
 * for some seconds after a load or a refused append (CHECKING); and always when an append did not
 * win or nobody knows whether it did (FOLLOWING). What then was read decides, by the chain:
 *
 *   the head is where we stand        all landed: confirm it
 *   the head is behind us, on our     what we hold from there on is appended again, byte for byte,
 *   chain                             one entry at a time: an append that did not land, or a tail
 *                                     that a failover lost
 *   the head is before us, and joins  others appended: apply and show it
 *   anything else                     another history: load it, and what we hold is superseded
 *
 * An append that landed late meets a head that is not its own any more, or its own bytes.
 */
#include <errno.h>

#include "wk_doc.h"

/* After a load or a refusal the stream is looked at this often, for WK_TAIL_MS. */
#define TAIL_CHECK_MS 250
#define READ_COUNT_MAX 1000000
/* Appends refused in a row with nothing new to read: a store that contradicts itself. */
#define REFUSALS_MAX 3

void wk_asked(struct wk_doc *d)
{
    list_for_each (node, &d->opens)
        list_entry(node, struct wk_open, link)->asked = true;
    list_for_each (node, &d->pending)
        list_entry(node, struct wk_submit, link)->asked = true;
}

/* What was asked for was read: who came while the answer was on its way has to ask again. */
static void answered(struct wk_doc *d)
{
    list_for_each (node, &d->opens) {
        struct wk_open *o = list_entry(node, struct wk_open, link);
        o->confirmed |= o->asked;
        o->asked = false;
    }
    list_for_each (node, &d->pending) {
        struct wk_submit *s = list_entry(node, struct wk_submit, link);
        s->confirmed |= s->asked;
        s->asked = false;
    }
}

static bool anybody_asked(const struct wk_doc *d)
{
    list_for_each (node, &d->opens)
        if (list_entry(node, struct wk_open, link)->asked)
            return true;
    list_for_each (node, &d->pending)
        if (list_entry(node, struct wk_submit, link)->asked)
            return true;
    return false;
}

static void check_schedule(struct wk_doc *d)
{
    uint64_t now = wk_now_ms(d->core);
    bool leaves = d->handed_rev && d->core->draining; /* as soon as it is archived */
    bool close = now < d->tail_until_ms || d->slow_ms || leaves;

    d->check_ms = now + (close ? TAIL_CHECK_MS : d->core->config.revalidate_ms);
}

/* The chain after `shown` goes out; if it is not there, everybody opens again. */
static void shown_catch_up(struct wk_doc *d)
{
    struct list *first;
    enum wk_where where = d->has_shown ? wk_position_find(d, &d->shown, &first) : WK_AT_HEAD;

    if (where == WK_ON_CHAIN)
        for (; first != &d->ring; first = first->next)
            wk_broadcast(d, list_entry(first, struct wk_entry, link));
    else if (where != WK_AT_HEAD)
        wk_attachments_detach(d);
    d->shown = doc_position(d->doc);
    d->has_shown = true;
}

void wk_settled(struct wk_doc *d)
{
    list_for_each (node, &d->ring)
        wk_entry_confirm(d, list_entry(node, struct wk_entry, link));
    d->state = WK_LIVE;
    d->appending = NULL;
    d->attempts = 0;
    d->tail_until_ms = wk_now_ms(d->core) + WK_TAIL_MS;
    check_schedule(d);
    answered(d);
    shown_catch_up(d);
    wk_ring_trim(d, d->core->config.tail_bytes_max);
    wk_doc_next(d);
}

/* --- CHECKING --- */

void wk_check_begin(struct wk_doc *d)
{
    struct wk_entry *oldest = NULL;

    list_for_each (node, &d->ring) {
        oldest = list_entry(node, struct wk_entry, link);
        if (!oldest->archived)
            break;
    }
    wk_asked(d);
    wk_call_begin(d, WK_CHECKING, STORAGE_READ);
    d->call.from_rev = oldest ? oldest->before.rev + 1 : doc_position(d->doc).rev + 1;
    d->call.count_max = 1;
    wk_call_send(d);
}

/* The first revision that the look found in the stream. */
static uint64_t look_first_rev(const struct wk_doc *d)
{
    return d->call.entry_count ? d->call.entries[0].first_rev : UINT64_MAX;
}

/* What is no longer in the stream, which begins with `first`, is archived (I7). */
static void archived_mark(struct wk_doc *d, uint64_t first)
{
    list_for_each (node, &d->ring) {
        struct wk_entry *e = list_entry(node, struct wk_entry, link);
        if (e->before.rev + 1 >= first)
            break;
        if (!e->archived)
            wk_entry_archived(d, e);
    }
    wk_ring_trim(d, d->core->config.tail_bytes_max);
}

void wk_check_done(struct wk_doc *d)
{
    struct chain_position at = doc_position(d->doc);

    d->state = WK_LIVE;
    check_schedule(d);
    if (d->call.result != STORAGE_OK) {
        /* Nobody is let down by a look that failed, unless he waits for what it finds. */
        if (anybody_asked(d))
            wk_retry(d);
        else
            wk_doc_next(d);
        return;
    }
    if (!d->call.has_head || !chain_position_equal(&d->call.head, &at)) {
        if (d->call.has_head && d->call.head.rev > at.rev) {
            d->looked_head = d->call.head;
            d->looked_first_rev = look_first_rev(d);
        }
        wk_follow_begin(d);
        return;
    }
    archived_mark(d, look_first_rev(d));
    answered(d);
    wk_doc_next(d);
}

/* --- FOLLOWING --- */

void wk_follow_begin(struct wk_doc *d)
{
    wk_asked(d);
    wk_call_begin(d, WK_FOLLOWING, STORAGE_READ);
    d->call.from_rev = doc_position(d->doc).rev + 1;
    d->call.count_max = READ_COUNT_MAX;
    wk_call_send(d);
}

/* 0, -ENOMEM, or DOC_BAD_CHAIN: it does not join; nothing of it was applied. After anything else
 * the document is to be thrown away. */
static int entry_follow(struct wk_doc *d, const struct storage_entry *from)
{
    struct chain_position before = doc_position(d->doc);
    struct bytes payload = BYTES_INIT;

    if (from->first_rev != before.rev + 1)
        return DOC_BAD_CHAIN;
    bytes_append_slice(&payload, from->payload);
    struct wk_entry *e = wk_entry_new(&payload, &before);
    if (!e)
        return -ENOMEM;
    int r = doc_entry_apply(d->doc, bytes_slice(&e->payload), &from->position);
    if (r) {
        wk_entry_free(e);
        return r;
    }
    e->confirmed = true;
    wk_ring_push(d, e);
    return 0;
}

/* False: it is another history, or there was no memory for it. */
static bool others_follow(struct wk_doc *d)
{
    for (size_t i = 0; i < d->call.entry_count; i++)
        if (entry_follow(d, &d->call.entries[i]))
            return false;
    struct chain_position at = doc_position(d->doc);
    return chain_position_equal(&at, &d->call.head);
}

/* Was the append refused with the very head that it named? True: once too often. */
static bool refused_for_nothing(struct wk_doc *d)
{
    bool again = d->refused && d->appending && d->call.has_head &&
                 chain_position_equal(&d->call.head, &d->appending->before);

    if (d->refused)
        d->refusals = again ? d->refusals + 1 : 0;
    d->refused = false;
    return d->refusals >= REFUSALS_MAX;
}

/* Where others write without a pause no look finds the head where we are. What came behind the head
 * that the look found it tells nothing of. */
static void looked_mark(struct wk_doc *d, uint64_t first)
{
    struct list *next;
    enum wk_where where = first ? wk_position_find(d, &d->looked_head, &next) : WK_NOT_THERE;

    if (where == WK_AT_HEAD || where == WK_ON_CHAIN)
        archived_mark(d, first <= d->looked_head.rev ? first : d->looked_head.rev + 1);
}

void wk_follow_done(struct wk_doc *d)
{
    struct chain_position at = doc_position(d->doc);
    uint64_t looked_first = d->looked_first_rev;

    d->looked_first_rev = 0;
    if (d->call.result == STORAGE_DAMAGED) {
        wk_quarantine(d, 1);
        return;
    }
    if (d->call.result != STORAGE_OK) {
        wk_retry(d);
        return;
    }
    if (refused_for_nothing(d)) {
        wk_quarantine(d, 0);
        return;
    }
    if (!d->call.has_head) {
        wk_load_begin(d);
        return;
    }
    if (chain_position_equal(&d->call.head, &at)) {
        wk_settled(d);
        return;
    }
    struct wk_entry *lost = wk_ring_from(d, &d->call.head);
    struct wk_entry *last = wk_ring_last(d);
    /* What left the stream by the archiver is in PostgreSQL: then that is ahead of Redis. */
    if (lost && !lost->archived) {
        wk_append_send(d, lost);
    } else if (!lost && (!last || last->confirmed) && others_follow(d)) {
        looked_mark(d, looked_first);
        wk_settled(d);
    } else {
        wk_load_begin(d);
    }
}
