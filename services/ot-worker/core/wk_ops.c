/*
 * Many revisions as one: a run of other people's ops may be replaced by their composition, wherever
 * it is applied or transformed over, without changing where anybody's edit lands (docs/algebra.md,
 * the composition law). Runs for a connection are cut at its own session's ops.
 */
#include <errno.h>
#include <stdlib.h>

#include "wk_doc.h"

/* Revisions composed at a time when an op is transformed over them. */
#define BLOCK_REVS 256
/* From this many revisions, or components of the op, on it is cheaper to compose first. Measured
 * over 100,000 revisions of one character each: 30 ms, and 160 ms one by one. */
#define COMPOSE_REVS_MIN 64
#define COMPOSE_COMPS_MIN 32
/* Composed in one arena. */
#define GROUP_COUNT_MAX 64
#define GROUP_BYTES_MAX (64u << 10)
/* A crowd's run is kept between these: shorter ones are no work, longer ones rare. */
#define CROWD_REVS_MIN 8
#define CROWD_REVS_MAX 1024
/* Memory of intermediate results; past it the op is written out and read again. */
#define TRANSFORM_BYTES_MAX (4u << 20)

/* --- composed runs --- */

struct run {
    struct bytes *parts; /* owned; encoded ops: of a revision each, then of ever more */
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

/* How many of these parts are composed in one arena: small ones many at a time. */
static size_t group_size(const struct bytes *parts, size_t count)
{
    size_t n = 0, bytes = 0;

    while (n < count && n < GROUP_COUNT_MAX && (n < 2 || bytes + parts[n].size <= GROUP_BYTES_MAX))
        bytes += parts[n++].size;
    return n;
}

/* Neighbours first, then neighbours of these: n log n instead of n * n. */
static int group_compose(const struct bytes *parts, size_t count, struct bytes *out)
{
    struct ot_op ops[GROUP_COUNT_MAX];
    struct arena mem;
    int r = 0;

    arena_init(&mem, SIZE_MAX);
    for (size_t i = 0; i < count && !r; i++)
        r = ot_decode(&mem, bytes_slice(&parts[i]), &ot_limits_stored, &ops[i]);
    while (count > 1 && !r) {
        size_t kept = 0;
        for (size_t i = 0; i + 1 < count && !r; i += 2)
            r = ot_compose(&mem, &ops[i], &ops[i + 1], &ops[kept++]);
        if (count % 2)
            ops[kept++] = ops[count - 1];
        count = kept;
    }
    if (!r)
        ot_encode(&ops[0], out);
    arena_fini(&mem);
    return r || out->failed ? -ENOMEM : 0;
}

static int run_compose(struct run *run)
{
    int r = 0;

    while (run->count > 1 && !r) {
        size_t kept = 0;
        for (size_t i = 0; i < run->count;) {
            size_t n = group_size(run->parts + i, run->count - i);
            struct bytes part = BYTES_INIT;
            if (!r)
                r = group_compose(run->parts + i, n, &part);
            for (size_t k = i; k < i + n; k++)
                bytes_fini(&run->parts[k]);
            run->parts[kept++] = part;
            i += n;
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

/* --- transform over the ring --- */

/* The op as written takes its arena's place. */
static int op_compact(struct arena *mem, struct ot_op *op)
{
    struct bytes out;

    bytes_init(&out, WK_ENTRY_BYTES_MAX);
    ot_encode(op, &out);
    int r = out.failed ? OT_TOO_LARGE : 0;
    arena_reset(mem);
    uint8_t *kept = r ? NULL : arena_copy(mem, out.data, out.size);
    if (!r)
        r = kept ? ot_decode(mem, slice_of(kept, out.size), &ot_limits_stored, op) : -ENOMEM;
    bytes_fini(&out);
    return r;
}

static int op_over(struct arena *mem, struct slice body, struct ot_op *op)
{
    struct ot_op theirs, after;
    int r = ot_decode(mem, body, &ot_limits_stored, &theirs);

    if (!r)
        r = ot_transform(mem, &theirs, op, true, &after);
    if (!r) {
        *op = after;
        r = mem->used > TRANSFORM_BYTES_MAX ? op_compact(mem, op) : 0;
    }
    return r;
}

static int run_over(struct arena *mem, struct run *run, struct ot_op *op)
{
    int r = run->count ? run_compose(run) : 0;

    if (!r && run->count)
        r = op_over(mem, bytes_slice(&run->parts[0]), op);
    /* What it borrows from the run goes with the run. */
    if (!r && run->count)
        r = op_compact(mem, op);
    run_fini(run);
    return r;
}

static int edit_over(struct arena *mem, struct run *run, struct slice body, bool far,
                     struct ot_op *op)
{
    if (!far && run->count == 0 && op->count < COMPOSE_COMPS_MIN)
        return op_over(mem, body, op);
    int r = run_add(run, body);
    if (!r && run->count == BLOCK_REVS)
        r = run_over(mem, run, op);
    return r;
}

static int edits_over(struct wk_doc *d, struct list *first, uint64_t revs, struct ot_op *op,
                      struct arena *mem)
{
    struct run run = {0};
    int r = 0;

    for (struct list *node = first; node != &d->ring && !r; node = node->next) {
        struct wk_entry *e = list_entry(node, struct wk_entry, link);
        for (size_t i = 0; i < e->count && !r; i++)
            if (e->records[i].kind == WIRE_KIND_EDIT)
                r = edit_over(mem, &run, e->records[i].body, revs >= COMPOSE_REVS_MIN, op);
    }
    if (!r)
        r = run_over(mem, &run, op);
    run_fini(&run);
    return r;
}

/* --- a crowd: many ops of one entry with the same base --- */

void wk_crowd_forget(struct wk_doc *d)
{
    bytes_fini(&d->crowd.op);
    d->crowd.first = NULL;
}

/* The run behind `first` as one op. */
static int crowd_compose(struct wk_doc *d)
{
    struct run run = {0};
    int r = 0;

    for (struct list *node = d->crowd.first; node != &d->ring && !r; node = node->next) {
        struct wk_entry *e = list_entry(node, struct wk_entry, link);
        for (size_t i = 0; i < e->count && !r; i++)
            if (e->records[i].kind == WIRE_KIND_EDIT)
                r = run_add(&run, e->records[i].body);
    }
    if (!r)
        r = run_compose(&run);
    if (!r)
        d->crowd.op = bytes_steal(&run.parts[0]);
    run_fini(&run);
    return r;
}

/* Whoever comes second with a base has its run composed, for all that follow in this entry. */
static bool crowd_has(struct wk_doc *d, struct list *first, uint64_t revs)
{
    if (revs < CROWD_REVS_MIN || revs > CROWD_REVS_MAX)
        return false;
    if (d->crowd.first == first)
        return true;
    wk_crowd_forget(d);
    d->crowd.first = first;
    return false;
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
    uint64_t from_rev = list_entry(first, struct wk_entry, link)->before.rev;
    uint64_t revs = doc_position(d->doc).rev - from_rev;

    *ret_met = true;
    if (!crowd_has(d, first, revs))
        return edits_over(d, first, revs, op, mem);
    int r = d->crowd.op.size ? 0 : crowd_compose(d);
    return r ? r : op_over(mem, bytes_slice(&d->crowd.op), op);
}
