/*
 * The ring: entries from some position on to where the document stands. It serves transforms of
 * late submits, catch-up of openers, and the re-append of a lost tail. What is archived may be
 * dropped from its front; what is asked for again comes back from PostgreSQL (wk_history.c).
 */
#include <errno.h>
#include <stdlib.h>

#include "wk_doc.h"

static int records_keep(struct wk_entry *e, uint64_t first_rev)
{
    struct wire_entry entry;
    struct arena mem;

    arena_init(&mem, SIZE_MAX);
    int r = wire_entry_decode(&mem, bytes_slice(&e->payload), &entry);
    if (!r && entry.first_rev != first_rev)
        r = WIRE_BAD;
    if (!r && !(e->records = malloc(entry.count * sizeof *e->records)))
        r = -ENOMEM;
    if (!r) {
        memcpy(e->records, entry.records, entry.count * sizeof *e->records);
        e->count = entry.count;
        e->time_ms = entry.time_ms;
    }
    arena_fini(&mem);
    return r;
}

static struct wk_entry *entry_alloc(struct bytes *payload, const struct chain_position *before)
{
    struct wk_entry *e = payload->failed ? NULL : calloc(1, sizeof *e);

    if (!e) {
        bytes_fini(payload);
        return NULL;
    }
    list_init(&e->link);
    list_init(&e->submits);
    e->payload = bytes_steal(payload);
    e->before = *before;
    return e;
}

int wk_entry_read(struct bytes *payload, const struct chain_position *before,
                  const struct chain_position *after, struct wk_entry **ret)
{
    struct wk_entry *e = entry_alloc(payload, before);
    int r = e ? records_keep(e, before->rev + 1) : -ENOMEM;

    if (r && r != WIRE_NEWER) {
        if (e)
            wk_entry_free(e);
        return r;
    }
    e->after = *after;
    *ret = e;
    return 0;
}

struct wk_entry *wk_entry_new(struct bytes *payload, const struct chain_position *before)
{
    struct wk_entry *e = entry_alloc(payload, before);

    if (e && records_keep(e, before->rev + 1)) {
        wk_entry_free(e);
        return NULL;
    }
    if (e)
        e->after = chain_position_after(before, e->count, bytes_slice(&e->payload));
    return e;
}

static void submits_free(struct wk_entry *e)
{
    struct wk_submit *s;

    while ((s = list_first(&e->submits, struct wk_submit, link)))
        wk_submit_free(s);
}

void wk_entry_free(struct wk_entry *e)
{
    list_remove(&e->link);
    submits_free(e);
    free(e->records);
    bytes_fini(&e->payload);
    free(e);
}

void wk_entries_free(struct list *entries)
{
    struct wk_entry *e;

    while ((e = list_first(entries, struct wk_entry, link)))
        wk_entry_free(e);
}

/* --- the ring --- */

/*
 * A position is found without a walk over all entries: entry n knows entry n - lowbit(n), the
 * greatest power of two that divides n before it. From the end, one goes by these as far as does
 * not pass the place that is looked for, else one entry back: O(log² n) steps, and mostly a few,
 * since most positions are near the end. An entry that left the ring's front is never followed: the
 * numbers tell. The back is taken off and pushed anew without a change of what stands before it.
 */
static uint64_t jump_span(uint64_t number)
{
    return number & (~number + 1);
}

/* Is the entry that e knows still in the ring? */
static bool jump_holds(const struct wk_entry *first, const struct wk_entry *e)
{
    return e->number - jump_span(e->number) >= first->number;
}

/* e follows the one before it in the list. */
static void ring_number(struct wk_doc *d, struct wk_entry *e)
{
    struct wk_entry *first = wk_ring_first(d);

    e->jump = NULL;
    if (e == first) {
        e->number = 1;
        return;
    }
    struct wk_entry *to = list_entry(e->link.prev, struct wk_entry, link);
    e->number = to->number + 1;
    if (!jump_holds(first, e))
        return;
    uint64_t goal = e->number - jump_span(e->number);
    while (to->number > goal)
        to = to->jump; /* strips the ones at the end of n - 1: ends at the goal */
    e->jump = to;
}

struct wk_entry *wk_ring_step(struct wk_doc *d, const struct wk_entry *e, uint64_t rev)
{
    const struct wk_entry *first = wk_ring_first(d);

    if (jump_holds(first, e) && e->jump->before.rev >= rev)
        return e->jump;
    return list_entry(e->link.prev, struct wk_entry, link);
}

/* The last entry that begins at rev or before it; NULL: all begin behind it. */
static struct wk_entry *ring_find(struct wk_doc *d, uint64_t rev)
{
    struct wk_entry *first = wk_ring_first(d), *e = wk_ring_last(d);

    if (!e || first->before.rev > rev)
        return NULL;
    while (e->before.rev > rev)
        e = wk_ring_step(d, e, rev);
    return e;
}

static size_t entry_bytes(const struct wk_entry *e)
{
    size_t bytes = sizeof *e + e->payload.capacity + e->count * sizeof *e->records;

    list_for_each (node, &e->submits) {
        const struct wk_submit *s = list_entry(node, struct wk_submit, link);
        bytes += sizeof *s + s->body.capacity;
    }
    return bytes;
}

static void ring_charge(struct wk_doc *d, struct wk_entry *e)
{
    e->bytes = entry_bytes(e);
    d->ring_bytes += e->bytes;
    if (e->archived)
        return;
    d->tail_bytes += e->bytes;
    d->core->tail_bytes += e->bytes;
    d->core->tail_revs += e->count;
}

static void ring_discharge(struct wk_doc *d, struct wk_entry *e)
{
    d->ring_bytes -= e->bytes;
    if (e->archived)
        return;
    d->tail_bytes -= e->bytes;
    d->core->tail_bytes -= e->bytes;
    d->core->tail_revs -= e->count;
}

void wk_ring_push(struct wk_doc *d, struct wk_entry *e)
{
    list_push_back(&d->ring, &e->link);
    ring_number(d, e);
    ring_charge(d, e);
}

static void ring_remove(struct wk_doc *d, struct wk_entry *e)
{
    ring_discharge(d, e);
    list_remove(&e->link);
    if (d->appending == e)
        d->appending = NULL;
}

void wk_ring_take(struct wk_doc *d, struct wk_entry *e)
{
    ring_remove(d, e);
    wk_runs_forget(d);
}

void wk_ring_prepend(struct wk_doc *d, struct list *entries)
{
    list_for_each (node, entries) {
        struct wk_entry *e = list_entry(node, struct wk_entry, link);
        e->confirmed = e->archived = true;
        ring_charge(d, e);
    }
    list_splice_back(entries, &d->ring);
    list_splice_back(&d->ring, entries);
    list_for_each (node, &d->ring)
        ring_number(d, list_entry(node, struct wk_entry, link));
}

struct wk_entry *wk_ring_first(struct wk_doc *d)
{
    return list_first(&d->ring, struct wk_entry, link);
}

struct wk_entry *wk_ring_last(const struct wk_doc *d)
{
    return list_empty(&d->ring) ? NULL : list_entry(d->ring.prev, struct wk_entry, link);
}

struct wk_entry *wk_ring_from(struct wk_doc *d, const struct chain_position *before)
{
    struct wk_entry *e = ring_find(d, before->rev);

    return e && chain_position_equal(&e->before, before) ? e : NULL;
}

void wk_entry_settled(struct wk_doc *d, struct wk_entry *e)
{
    ring_discharge(d, e);
    submits_free(e);
    ring_charge(d, e);
}

void wk_entry_archived(struct wk_doc *d, struct wk_entry *e)
{
    ring_discharge(d, e);
    submits_free(e);
    e->archived = true;
    ring_charge(d, e);
}

void wk_ring_trim(struct wk_doc *d, size_t bytes_max)
{
    struct wk_entry *e;

    while (d->ring_bytes > bytes_max && (e = wk_ring_first(d)) && e->archived) {
        ring_remove(d, e);
        wk_entry_free(e);
        d->ring_is_all = false;
        wk_runs_drop(d);
    }
}

enum wk_where wk_position_find(struct wk_doc *d, const struct chain_position *p,
                               struct list **ret_first)
{
    struct chain_position head = doc_position(d->doc);

    *ret_first = &d->ring;
    if (chain_position_equal(p, &head))
        return WK_AT_HEAD;
    if (p->rev >= head.rev)
        return WK_NOT_THERE;
    struct wk_entry *e = ring_find(d, p->rev);
    if (e) {
        *ret_first = &e->link;
        return chain_position_equal(&e->before, p) ? WK_ON_CHAIN : WK_NOT_THERE;
    }
    return d->ring_is_all ? WK_NOT_THERE : WK_BEFORE_RING;
}
