/*
 * The ring: entries from some position on to the head, as durable. It serves transforms of late
 * submits, catch-up of openers, and the re-append of a lost tail. What is archived may be dropped
 * from its front; what is asked for again comes back from PostgreSQL (HISTORY).
 */
#include <errno.h>
#include <stdlib.h>

#include "archive_segment.h"
#include "wk_doc.h"

struct wk_entry *wk_entry_new(struct slice payload, const struct chain_position *before)
{
    struct wk_entry *e = calloc(1, sizeof *e);
    struct wire_entry entry = {0};
    struct arena mem;

    if (!e)
        return NULL;
    list_init(&e->link);
    list_init(&e->submits);
    bytes_append_slice(&e->payload, payload);
    arena_init(&mem, SIZE_MAX);
    int r = e->payload.failed ? -ENOMEM : wire_entry_decode(&mem, bytes_slice(&e->payload), &entry);
    if (!r) {
        e->count = entry.count;
        e->records = malloc(entry.count * sizeof *e->records);
        if (e->records)
            memcpy(e->records, entry.records, entry.count * sizeof *e->records);
        else
            r = -ENOMEM;
        e->before = *before;
        e->after = chain_position_after(before, entry.count, payload);
    }
    arena_fini(&mem);
    if (r) {
        wk_entry_free(e);
        return NULL;
    }
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

static size_t entry_bytes(const struct wk_entry *e)
{
    return sizeof *e + e->payload.capacity + e->count * sizeof *e->records;
}

void wk_ring_push(struct wk_doc *d, struct wk_entry *e)
{
    list_push_back(&d->ring, &e->link);
    d->ring_bytes += entry_bytes(e);
}

void wk_ring_clear(struct wk_doc *d)
{
    struct wk_entry *e;

    while ((e = list_first(&d->ring, struct wk_entry, link)))
        wk_entry_free(e);
    d->ring_bytes = 0;
}

void wk_ring_trim(struct wk_doc *d)
{
    struct wk_entry *e;

    while (d->ring_bytes > d->core->config.tail_bytes_max &&
           (e = list_first(&d->ring, struct wk_entry, link)) && e->archived) {
        d->ring_bytes -= entry_bytes(e);
        wk_entry_free(e);
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
    /* From the end: most are a few entries behind. */
    for (struct list *node = d->ring.prev; node != &d->ring; node = node->prev) {
        struct wk_entry *e = list_entry(node, struct wk_entry, link);
        if (e->before.rev > p->rev)
            continue;
        *ret_first = node;
        return chain_position_equal(&e->before, p) ? WK_ON_CHAIN : WK_NOT_THERE;
    }
    return WK_BEFORE_RING;
}

void wk_history_begin(struct wk_doc *d, uint64_t from_rev)
{
    struct wk_entry *first = list_first(&d->ring, struct wk_entry, link);

    wk_call_begin(d, WK_HISTORY, STORAGE_HISTORY);
    d->call.from_rev = from_rev;
    d->call.to_rev = first ? first->before.rev : doc_position(d->doc).rev;
    wk_call_send(d);
}

static int segment_collect(struct slice segment, struct chain_position *at, struct list *found)
{
    struct archive_reader reader;
    struct slice payload;
    int r = archive_reader_init(&reader, segment);

    while (!r && !(r = archive_reader_next(&reader, &payload)) && payload.data) {
        struct wk_entry *e = wk_entry_new(payload, at);
        if (!e) {
            r = -ENOMEM;
            break;
        }
        *at = e->after;
        e->archived = true;
        list_push_back(found, &e->link);
    }
    archive_reader_fini(&reader);
    return r;
}

/* The storage says where the chain stood before the first segment; from there it is computed, and
 * it must meet the ring, or nothing of it is believed. */
static int history_collect(struct wk_doc *d, struct list *found)
{
    struct chain_position at =
        d->call.has_head ? d->call.head : chain_position_start(bytes_slice(&d->id));
    struct wk_entry *first = list_first(&d->ring, struct wk_entry, link);
    uint64_t end = first ? first->before.rev : doc_position(d->doc).rev;
    int r = 0;

    for (size_t i = 0; i < d->call.segment_count && !r && at.rev < end; i++)
        r = segment_collect(d->call.segments[i], &at, found);
    if (r)
        return r;
    while (!list_empty(found)) {
        struct wk_entry *last = list_entry(found->prev, struct wk_entry, link);
        if (last->after.rev <= end)
            break;
        wk_entry_free(last);
    }
    return 0;
}

void wk_history_done(struct wk_doc *d)
{
    struct list found;
    struct wk_entry *e;

    list_init(&found);
    int r = d->call.result == STORAGE_OK ? history_collect(d, &found) : -EIO;
    struct wk_entry *last =
        list_empty(&found) ? NULL : list_entry(found.prev, struct wk_entry, link);
    struct wk_entry *first = list_first(&d->ring, struct wk_entry, link);
    struct chain_position head = doc_position(d->doc);
    const struct chain_position *joint = first ? &first->before : &head;
    if (!r && last && chain_position_equal(&last->after, joint)) {
        list_for_each (node, &found) {
            d->ring_bytes += entry_bytes(list_entry(node, struct wk_entry, link));
        }
        struct list rest;
        list_init(&rest);
        list_splice_back(&rest, &d->ring);
        list_splice_back(&d->ring, &found);
        list_splice_back(&d->ring, &rest);
        d->state = WK_LIVE;
        wk_doc_next(d);
        return;
    }
    while ((e = list_first(&found, struct wk_entry, link)))
        wk_entry_free(e);
    d->state = WK_LIVE;
    /* PostgreSQL is away, or has moved on: ask again later; who waits is told to. */
    wk_opens_refuse(d, WIRE_E_RETRY_LATER);
    while (!list_empty(&d->pending)) {
        struct wk_submit *s = list_first(&d->pending, struct wk_submit, link);
        wk_refuse(d->core, s->gateway_boot, s->attachment, s->seq, WIRE_E_RETRY_LATER, 0);
        d->pending_bytes -= s->body.size;
        wk_submit_free(s);
    }
    wk_doc_next(d);
}

/* --- composed runs --- */

struct run {
    struct bytes *parts; /* owned; encoded ops, one per revision, then halved level by level */
    size_t count, capacity;
};

static int run_add(struct run *run, struct slice body)
{
    if (run->count == run->capacity) {
        size_t capacity = run->capacity ? 2 * run->capacity : 16;
        struct bytes *grown = realloc(run->parts, capacity * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        run->parts = grown;
        run->capacity = capacity;
    }
    run->parts[run->count] = BYTES_INIT;
    bytes_append_slice(&run->parts[run->count], body);
    return run->parts[run->count++].failed ? -ENOMEM : 0;
}

static int pair_compose(struct bytes *left, struct bytes *right)
{
    struct ot_op a, b, both;
    struct arena mem;
    struct bytes out = BYTES_INIT;

    arena_init(&mem, SIZE_MAX);
    int r = ot_decode(&mem, bytes_slice(left), &ot_limits_stored, &a);
    if (!r)
        r = ot_decode(&mem, bytes_slice(right), &ot_limits_stored, &b);
    if (!r)
        r = ot_compose(&mem, &a, &b, &both);
    if (!r)
        ot_encode(&both, &out);
    arena_fini(&mem);
    bytes_fini(left);
    bytes_fini(right);
    *left = out;
    return r || out.failed ? -ENOMEM : 0;
}

/* Neighbours first, then neighbours of these: n log n instead of n * n. */
static int run_compose(struct run *run)
{
    int r = 0;

    while (run->count > 1 && !r) {
        size_t kept = 0;
        for (size_t i = 0; i + 1 < run->count && !r; i += 2) {
            r = pair_compose(&run->parts[i], &run->parts[i + 1]);
            struct bytes part = run->parts[i];
            run->parts[i] = BYTES_INIT;
            run->parts[kept++] = part;
        }
        if (run->count % 2) {
            struct bytes part = run->parts[run->count - 1];
            run->parts[run->count - 1] = BYTES_INIT;
            run->parts[kept++] = part;
        }
        run->count = kept;
    }
    return r;
}

static void run_fini(struct run *run)
{
    for (size_t i = 0; i < run->count; i++)
        bytes_fini(&run->parts[i]);
    free(run->parts);
    *run = (struct run){0};
}

struct ops_builder {
    struct wk_doc *d;
    const struct wire_session *session;
    struct run run;
    struct wire_client_record *records; /* owned */
    struct bytes *bodies;               /* owned; of the runs among them */
    size_t count, capacity;
};

static int record_put(struct ops_builder *b, const struct wire_client_record *record,
                      struct bytes *body)
{
    if (b->count == b->capacity) {
        size_t capacity = b->capacity ? 2 * b->capacity : 16;
        struct wire_client_record *records = realloc(b->records, capacity * sizeof *records);
        if (records)
            b->records = records;
        struct bytes *bodies = realloc(b->bodies, capacity * sizeof *bodies);
        if (bodies)
            b->bodies = bodies;
        if (!records || !bodies)
            return -ENOMEM;
        b->capacity = capacity;
    }
    b->records[b->count] = *record;
    b->bodies[b->count] = body ? bytes_steal(body) : BYTES_INIT;
    if (body)
        b->records[b->count].body = bytes_slice(&b->bodies[b->count]);
    b->count++;
    return 0;
}

static int run_flush(struct ops_builder *b)
{
    uint64_t revs = b->run.count;
    int r = 0;

    if (revs == 0)
        return 0;
    r = run_compose(&b->run);
    if (!r) {
        struct wire_client_record record = {.kind = WIRE_KIND_EDIT, .count = revs};
        r = record_put(b, &record, &b->run.parts[0]);
    }
    run_fini(&b->run);
    return r;
}

static int ops_add(struct ops_builder *b, const struct wire_record *record)
{
    bool own = b->session && memcmp(&record->session, b->session, sizeof *b->session) == 0;

    if (record->kind == WIRE_KIND_EDIT && !own)
        return run_add(&b->run, record->body);
    int r = run_flush(b);
    if (r)
        return r;
    struct wire_client_record single = {.has_author = true,
                                        .seq = record->seq,
                                        .kind = record->kind,
                                        .body = record->body,
                                        .count = 1};
    crypto_author_id(bytes_slice(&b->d->id), record->session.id, single.author);
    return record_put(b, &single, NULL);
}

int wk_ops_encode(struct wk_doc *d, struct list *first, size_t skip,
                  const struct wire_session *session, struct bytes *out)
{
    struct ops_builder b = {.d = d, .session = session};
    int r = 0;

    for (struct list *node = first; node != &d->ring && !r; node = node->next) {
        struct wk_entry *e = list_entry(node, struct wk_entry, link);
        for (size_t i = 0; i < e->count && !r; i++) {
            if (skip)
                skip--;
            else
                r = ops_add(&b, &e->records[i]);
        }
    }
    if (!r)
        r = run_flush(&b);
    if (!r) {
        struct wire_ops ops = {.records = b.records, .count = b.count};
        wire_ops_encode(&ops, out);
        r = out->failed ? -ENOMEM : 0;
    }
    run_fini(&b.run);
    for (size_t i = 0; i < b.count; i++)
        bytes_fini(&b.bodies[i]);
    free(b.bodies);
    free(b.records);
    return r;
}
