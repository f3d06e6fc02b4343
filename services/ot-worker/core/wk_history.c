/*
 * Revisions that are archived and not held any more: read from PostgreSQL and put before the ring,
 * for one opener or submit that is far behind. They stay until the ring is too long.
 */
#include <errno.h>

#include "archive_segment.h"
#include "wk_doc.h"

static uint64_t ring_start(struct wk_doc *d)
{
    struct wk_entry *first = wk_ring_first(d);

    return first ? first->before.rev : doc_position(d->doc).rev;
}

bool wk_history_reaches(struct wk_doc *d, uint64_t from_rev)
{
    bool reaches = ring_start(d) - from_rev < WK_HISTORY_REVS_MAX;

    d->core->counters.limit_history_reach += !reaches;
    return reaches;
}

void wk_history_begin(struct wk_doc *d, uint64_t from_rev)
{
    wk_call_begin(d, WK_HISTORY, STORAGE_HISTORY);
    d->call.from_rev = from_rev;
    d->call.to_rev = ring_start(d);
    wk_call_send(d);
}

static int segment_collect(struct slice segment, struct chain_position *at, struct list *found)
{
    struct archive_reader reader;
    struct slice payload;
    int r = archive_reader_init(&reader, segment);

    while (!r && !(r = archive_reader_next(&reader, &payload)) && payload.data) {
        struct bytes copy = BYTES_INIT;
        bytes_append_slice(&copy, payload);
        struct wk_entry *e = wk_entry_new(&copy, at);
        if (!e) {
            r = -ENOMEM;
            break;
        }
        *at = e->after;
        list_push_back(found, &e->link);
    }
    archive_reader_fini(&reader);
    return r;
}

/* The storage says where the chain stood before the first segment; from there it is computed, and
 * it must meet the ring, or nothing of it is believed. */
static bool history_collect(struct wk_doc *d, struct list *found)
{
    struct chain_position at =
        d->call.has_head ? d->call.head : chain_position_start(bytes_slice(&d->id));
    struct wk_entry *first = wk_ring_first(d);
    struct chain_position joint = first ? first->before : doc_position(d->doc);

    for (size_t i = 0; i < d->call.segment_count && at.rev < joint.rev; i++)
        if (segment_collect(d->call.segments[i], &at, found))
            return false;
    while (!list_empty(found)) {
        struct wk_entry *last = list_entry(found->prev, struct wk_entry, link);
        if (last->after.rev <= joint.rev)
            return chain_position_equal(&last->after, &joint);
        wk_entry_free(last);
    }
    return true;
}

/* PostgreSQL is away, or has moved on: who needs it comes later, all others go on. */
static void waiting_refuse(struct wk_doc *d)
{
    list_for_each_safe (node, &d->opens) {
        struct wk_open *o = list_entry(node, struct wk_open, link);
        if (o->waits)
            wk_open_refuse(o, WIRE_E_RETRY_LATER, 0);
    }
    list_for_each_safe (node, &d->pending) {
        struct wk_submit *s = list_entry(node, struct wk_submit, link);
        if (!s->waits)
            continue;
        wk_refuse(d->core, s->gateway_boot, s->attachment, s->seq, WIRE_E_RETRY_LATER, 0);
        wk_submit_take(d, s);
        wk_submit_free(s);
    }
}

void wk_history_done(struct wk_doc *d)
{
    struct list found;

    list_init(&found);
    d->state = WK_LIVE;
    if (d->call.result == STORAGE_OK && history_collect(d, &found)) {
        /* Nothing: it was erased. What stands before the ring is then nowhere. */
        d->ring_is_all |= list_empty(&found);
        wk_ring_prepend(d, &found);
        list_for_each (node, &d->opens)
            list_entry(node, struct wk_open, link)->waits = false;
        list_for_each (node, &d->pending)
            list_entry(node, struct wk_submit, link)->waits = false;
    } else {
        wk_entries_free(&found);
        waiting_refuse(d);
    }
    wk_doc_next(d);
}
