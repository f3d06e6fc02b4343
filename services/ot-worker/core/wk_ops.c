/*
 * Many revisions as one: a run of other people's ops may be replaced by their composition, wherever
 * it is applied or transformed over, without changing where anybody's edit lands (docs/algebra.md,
 * the composition law). Runs for a connection are cut at its own session's ops.
 *
 * The runs are those of an ot_history: op i makes revision i + 1, and what is no edit changes
 * nothing. A document has one from the first late op or catch-up on, as far back as that reached;
 * it follows the ring when it is asked next, and is forgotten whenever the ring's end is replaced.
 */
#include <errno.h>
#include <stdlib.h>

#include "wk_doc.h"

/* Fewer revisions, and an op of fewer components, are gone through one by one. */
#define RUN_REVS_MIN 16
#define RUN_COMPS_MIN 32
/* For a short catch-up a document that had no runs keeps none. */
#define KEEP_REVS_MIN 64
/* Runs may hold this share of what the ring may. */
#define RUN_BYTES_SHARE 4

/* --- the runs --- */

void wk_runs_forget(struct wk_doc *d)
{
    d->runs = ot_history_free(d->runs);
}

void wk_runs_drop(struct wk_doc *d)
{
    struct wk_entry *first = wk_ring_first(d);

    if (!first)
        wk_runs_forget(d);
    else if (d->runs)
        ot_history_drop(d->runs, first->before.rev);
}

static int entry_push(struct ot_history *runs, const struct wk_entry *e)
{
    static const uint8_t identity[] = {1};
    int r = 0;

    for (size_t i = 0; i < e->count && !r; i++) {
        bool edit = e->records[i].kind == WIRE_KIND_EDIT;
        r = ot_history_push(runs, edit ? e->records[i].body : slice_of(identity, sizeof identity));
    }
    return r;
}

/* The entry at which the runs end; NULL if they end in none. */
static struct list *runs_end(struct wk_doc *d)
{
    uint64_t end = ot_history_end(d->runs);
    struct list *node = &d->ring;

    while (node->prev != &d->ring &&
           list_entry(node->prev, struct wk_entry, link)->before.rev >= end)
        node = node->prev;
    uint64_t rev = node == &d->ring ? doc_position(d->doc).rev
                                    : list_entry(node, struct wk_entry, link)->before.rev;
    return rev == end ? node : NULL;
}

/* Brings the runs to the end of the ring; they reach back to `first` at least. 0 or -ENOMEM. */
static int runs_follow(struct wk_doc *d, struct list *first)
{
    uint64_t from = list_entry(first, struct wk_entry, link)->before.rev;
    struct list *node = NULL;
    int r = 0;

    if (d->runs && from >= ot_history_first(d->runs))
        node = runs_end(d);
    if (!node) {
        wk_runs_forget(d);
        d->runs = ot_history_new(d->core->config.tail_bytes_max / RUN_BYTES_SHARE);
        if (!d->runs)
            return -ENOMEM;
        ot_history_reset(d->runs, from);
        node = first;
    }
    for (; node != &d->ring && !r; node = node->next)
        r = entry_push(d->runs, list_entry(node, struct wk_entry, link));
    if (r)
        wk_runs_forget(d);
    return r;
}

/* --- catch-up --- */

struct ops_builder {
    struct wk_doc *d;
    const struct wire_session *session;
    /* of the number that was asked about last */
    struct list *node;
    size_t index;
    const struct wire_record *record;

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

/* Numbers come in turn: the cursor moves one record on. */
static bool record_cuts(void *ctx, uint64_t number)
{
    struct ops_builder *b = ctx;
    struct wk_entry *e = list_entry(b->node, struct wk_entry, link);

    if (b->index == e->count) {
        b->node = b->node->next;
        b->index = 0;
        e = list_entry(b->node, struct wk_entry, link);
    }
    MUST(number == e->before.rev + b->index);
    b->record = &e->records[b->index++];
    bool own = b->session && memcmp(&b->record->session, b->session, sizeof *b->session) == 0;
    return own || b->record->kind != WIRE_KIND_EDIT;
}

static int record_part(void *ctx, uint64_t from, uint64_t to, struct slice op, bool cut)
{
    struct ops_builder *b = ctx;
    struct wire_client_record record = {.kind = WIRE_KIND_EDIT, .count = to - from};
    struct bytes body = BYTES_INIT;

    if (cut) {
        record = (struct wire_client_record){.has_author = true,
                                             .seq = b->record->seq,
                                             .kind = b->record->kind,
                                             .body = b->record->body,
                                             .count = 1};
        crypto_author_id(bytes_slice(&b->d->id), b->record->session.id, record.author);
        return record_put(b, &record, NULL);
    }
    bytes_append_slice(&body, op);
    int r = body.failed ? -ENOMEM : record_put(b, &record, &body);
    bytes_fini(&body);
    return r;
}

static int ops_collect(struct ops_builder *b, struct list *first, size_t skip)
{
    struct ot_history_walk walk = {.ctx = b, .cut = record_cuts, .part = record_part};
    bool had = b->d->runs;
    int r = runs_follow(b->d, first);

    if (r)
        return r;
    uint64_t from = list_entry(first, struct wk_entry, link)->before.rev + skip;
    uint64_t to = ot_history_end(b->d->runs);
    b->node = first;
    for (b->index = skip; b->index > list_entry(b->node, struct wk_entry, link)->count;) {
        b->index -= list_entry(b->node, struct wk_entry, link)->count;
        b->node = b->node->next;
    }
    r = ot_history_walk(b->d->runs, from, to, &walk);
    if (!had && to - from < KEEP_REVS_MIN)
        wk_runs_forget(b->d);
    return r ? -ENOMEM : 0;
}

int wk_ops_encode(struct wk_doc *d, struct list *first, size_t skip,
                  const struct wire_session *session, struct bytes *out)
{
    struct ops_builder b = {.d = d, .session = session};
    int r = first == &d->ring ? 0 : ops_collect(&b, first, skip);

    if (!r) {
        struct wire_ops ops = {.records = b.records, .count = b.count};
        wire_ops_encode(&ops, out);
        r = out->failed ? -ENOMEM : 0;
    }
    for (size_t i = 0; i < b.count; i++)
        bytes_fini(&b.bodies[i]);
    free(b.bodies);
    free(b.records);
    return r;
}

/* --- transform over the ring --- */

static int op_over(struct arena *mem, struct slice body, struct ot_op *op)
{
    struct ot_op theirs, after;
    int r = ot_decode(mem, body, &ot_limits_stored, &theirs);

    if (!r)
        r = ot_transform(mem, &theirs, op, true, &after);
    if (!r)
        *op = after;
    return r;
}

static int each_over(struct wk_doc *d, struct list *first, struct ot_op *op, struct arena *mem)
{
    int r = 0;

    for (struct list *node = first; node != &d->ring && !r; node = node->next) {
        struct wk_entry *e = list_entry(node, struct wk_entry, link);
        for (size_t i = 0; i < e->count && !r; i++)
            if (e->records[i].kind == WIRE_KIND_EDIT)
                r = op_over(mem, e->records[i].body, op);
    }
    return r;
}

static bool edits_among(const struct wk_doc *d, const struct list *first)
{
    for (const struct list *node = first; node != &d->ring; node = node->next) {
        const struct wk_entry *e = list_entry(node, struct wk_entry, link);
        for (size_t i = 0; i < e->count; i++)
            if (e->records[i].kind == WIRE_KIND_EDIT)
                return true;
    }
    return false;
}

int wk_ops_transform(struct wk_doc *d, struct list *first, struct ot_op *op, struct arena *mem,
                     bool *ret_met)
{
    if (!edits_among(d, first))
        return 0;
    uint64_t from = list_entry(first, struct wk_entry, link)->before.rev;

    *ret_met = true;
    if (doc_position(d->doc).rev - from < RUN_REVS_MIN && op->count < RUN_COMPS_MIN)
        return each_over(d, first, op, mem);
    int r = runs_follow(d, first);
    return r ? r : ot_history_transform(d->runs, from, op, mem, WK_ENTRY_BYTES_MAX);
}
