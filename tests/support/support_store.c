#include "support_store.h"

#include <check.h>
#include <stdlib.h>

#include "archive_segment.h"
#include "doc_stored.h"
#include "storage_stream.h"

void store_init(struct store *s)
{
    *s = (struct store){.attrs = ot_attrs_table_new(1u << 20)};
    MUST(s->attrs);
}

static void log_drop_front(struct store_doc *d, size_t count)
{
    for (size_t i = 0; i < count; i++)
        bytes_fini(&d->log[i].payload);
    if (count)
        memmove(d->log, d->log + count, (d->log_count - count) * sizeof *d->log);
    d->log_count -= count;
}

void store_fini(struct store *s)
{
    for (size_t i = 0; i < s->count; i++) {
        struct store_doc *d = &s->docs[i];
        log_drop_front(d, d->log_count);
        free(d->log);
        for (size_t n = 0; n < d->segment_count; n++)
            bytes_fini(&d->segments[n].bytes);
        free(d->segments);
        free(d->ledger);
        bytes_fini(&d->snapshot);
        bytes_fini(&d->id);
    }
    free(s->lent_entries);
    free(s->lent_slices);
    ot_attrs_table_free(s->attrs);
}

struct store_doc *store_doc(struct store *s, struct slice id)
{
    for (size_t i = 0; i < s->count; i++)
        if (slice_equal(bytes_slice(&s->docs[i].id), id))
            return &s->docs[i];
    ck_assert_uint_lt(s->count, STORE_DOCS_MAX);
    struct store_doc *d = &s->docs[s->count++];
    *d = (struct store_doc){0};
    bytes_append_slice(&d->id, id);
    return d;
}

static void slices_make(struct store *s, size_t count)
{
    free(s->lent_slices);
    s->lent_slices = calloc(count, sizeof *s->lent_slices);
    MUST(s->lent_slices);
}

/* --- Redis --- */

static void read_step(struct store *s, struct store_doc *d, struct storage_call *call)
{
    free(s->lent_entries);
    s->lent_entries = calloc(d->log_count + 1, sizeof *s->lent_entries);
    MUST(s->lent_entries);
    call->entries = s->lent_entries;
    call->has_head = d->has_head;
    call->head = d->head;
    for (size_t i = 0; i < d->log_count && call->entry_count < call->count_max; i++)
        if (d->log[i].first_rev >= call->from_rev)
            call->entries[call->entry_count++] =
                (struct storage_entry){.first_rev = d->log[i].first_rev,
                                       .position = d->log[i].position,
                                       .payload = bytes_slice(&d->log[i].payload)};
    storage_stream_judge(call);
}

static void log_push(struct store_doc *d, uint64_t first_rev, const struct chain_position *position,
                     struct slice payload)
{
    d->log = realloc(d->log, (d->log_count + 1) * sizeof *d->log);
    d->ledger = realloc(d->ledger, (d->ledger_count + 1) * sizeof *d->ledger);
    MUST(d->log && d->ledger);
    struct store_entry *e = &d->log[d->log_count++];
    *e = (struct store_entry){.first_rev = first_rev, .before = d->head, .position = *position};
    bytes_append_slice(&e->payload, payload);
    d->ledger[d->ledger_count++] = *position;
    d->has_head = d->dirty = true;
    d->head = *position;
}

static void append_step(struct store_doc *d, struct storage_call *call)
{
    call->has_head = d->has_head;
    call->head = d->head;
    if (!d->has_head) {
        call->result = STORAGE_MISSING;
        return;
    }
    if (!chain_position_equal(&d->head, &call->expect)) {
        call->result = STORAGE_REFUSED;
        return;
    }
    log_push(d, call->first_rev, &call->position, call->payload);
}

static void rebase_step(struct store_doc *d, struct storage_call *call)
{
    ck_assert(d->locked);
    call->has_head = d->has_head;
    call->head = d->head;
    if (!d->has_head || !chain_position_equal(&d->head, &call->expect)) {
        call->result = STORAGE_REFUSED;
        return;
    }
    log_drop_front(d, d->log_count);
    d->head = call->position;
}

static void adopt_step(struct store_doc *d, struct storage_call *call)
{
    ck_assert(d->locked);
    if (!d->has_head)
        d->head = call->position;
    call->has_head = d->has_head = true;
    call->head = d->head;
}

static void trim_step(struct store_doc *d, struct storage_call *call)
{
    size_t count = 0;

    while (count < d->log_count && d->log[count].position.rev <= call->position.rev)
        count++;
    if (count && !chain_position_equal(&d->log[count - 1].position, &call->position)) {
        call->result = STORAGE_REFUSED;
        return;
    }
    log_drop_front(d, count);
    call->entries_left = d->log_count;
}

/* A claim does not run out by itself: a test says when a document is dirty again. */
static void claim_step(struct store *s, struct storage_call *call)
{
    slices_make(s, STORE_DOCS_MAX);
    call->docs = s->lent_slices;
    for (size_t i = 0; i < s->count && call->doc_count < call->count_max; i++) {
        struct store_doc *d = &s->docs[i];
        if (!d->dirty || cluster_lane_of(bytes_slice(&d->id)) != call->lane)
            continue;
        d->dirty = false;
        call->docs[call->doc_count++] = bytes_slice(&d->id);
    }
}

/* The documents of PostgreSQL, in the order of their ids. */
static void docs_step(struct store *s, struct storage_call *call)
{
    struct slice after = call->after;

    slices_make(s, STORE_DOCS_MAX);
    call->docs = s->lent_slices;
    call->heads = s->lent_heads;
    while (call->doc_count < call->count_max) {
        const struct store_doc *next = NULL;
        for (size_t i = 0; i < s->count; i++) {
            const struct store_doc *d = &s->docs[i];
            if (d->stored && slice_compare(bytes_slice(&d->id), after) > 0 &&
                (!next || slice_compare(bytes_slice(&d->id), bytes_slice(&next->id)) < 0))
                next = d;
        }
        if (!next)
            return;
        after = bytes_slice(&next->id);
        call->docs[call->doc_count] = after;
        call->heads[call->doc_count++] = next->stored_head;
    }
}

/* Of one document: a mark that stands for nothing goes. Of a lane: what the test put there. */
static void remark_step(struct store *s, struct store_doc *d, struct storage_call *call)
{
    call->count = d ? d->log_count == 0 : s->remarked;
    if (!d)
        s->remarked = 0;
}

/* --- PostgreSQL --- */

static void segments_lend(struct store *s, struct store_doc *d, struct storage_call *call,
                          uint64_t from_rev, uint64_t to_rev)
{
    slices_make(s, d->segment_count + 1);
    call->segments = s->lent_slices;
    for (size_t i = 0; i < d->segment_count; i++) {
        struct store_segment *segment = &d->segments[i];
        if (segment->last_rev < from_rev || segment->first_rev > to_rev)
            continue;
        if (call->kind == STORAGE_HISTORY && call->segment_count == 0) {
            call->has_head = true;
            call->head = segment->before;
        }
        call->segments[call->segment_count++] = bytes_slice(&segment->bytes);
    }
}

static void lock_step(struct store_doc *d, struct storage_call *call)
{
    ck_assert(!d->locked);
    d->locked = true;
    call->lock = (struct storage_lock *)d;
    call->has_head = d->stored;
    call->head = d->stored_head;
}

static struct store_segment *segment_push(struct store_doc *d)
{
    d->segments = realloc(d->segments, (d->segment_count + 1) * sizeof *d->segments);
    MUST(d->segments);
    struct store_segment *segment = &d->segments[d->segment_count++];
    *segment = (struct store_segment){0};
    return segment;
}

static void commit_step(struct store_doc *d, struct storage_call *call)
{
    struct chain_position start = chain_position_start(bytes_slice(&d->id));

    ck_assert(d->locked);
    d->locked = false;
    call->has_head = d->stored;
    call->head = d->stored_head;
    if (!chain_position_equal(&call->expect, d->stored ? &d->stored_head : &start)) {
        call->result = STORAGE_REFUSED;
        return;
    }
    struct store_segment *segment = segment_push(d);
    *segment = (struct store_segment){.first_rev = call->segment_first_rev,
                                      .last_rev = call->position.rev,
                                      .before = call->expect};
    bytes_append_slice(&segment->bytes, call->segment);
    d->stored = true;
    d->stored_head = call->position;
    if (call->snapshot.size == 0)
        return;
    bytes_reset(&d->snapshot);
    bytes_append_slice(&d->snapshot, call->snapshot);
    d->snapshot_rev = call->position.rev;
}

void store_step(struct store *s, struct storage_call *call)
{
    /* What is asked of a lane is of no document. */
    struct store_doc *d = call->doc.size ? store_doc(s, call->doc) : NULL;

    s->calls[call->kind]++;
    call->result = STORAGE_OK;
    switch (call->kind) {
    case STORAGE_READ:
        read_step(s, d, call);
        return;
    case STORAGE_APPEND:
        append_step(d, call);
        return;
    case STORAGE_ADOPT:
        adopt_step(d, call);
        return;
    case STORAGE_REBASE:
        rebase_step(d, call);
        return;
    case STORAGE_LOAD:
        call->has_head = d->stored;
        call->head = d->stored_head;
        call->loaded_snapshot = bytes_slice(&d->snapshot);
        segments_lend(s, d, call, d->snapshot_rev + 1, UINT64_MAX);
        return;
    case STORAGE_HISTORY:
        segments_lend(s, d, call, call->from_rev, call->to_rev);
        return;
    case STORAGE_LOCK:
        lock_step(d, call);
        return;
    case STORAGE_UNLOCK:
        d->locked = false;
        return;
    case STORAGE_TRIM:
        trim_step(d, call);
        return;
    case STORAGE_CLAIM:
        claim_step(s, call);
        return;
    case STORAGE_REMARK:
        remark_step(s, d, call);
        return;
    case STORAGE_COMMIT:
        commit_step(d, call);
        return;
    case STORAGE_DOCS:
        docs_step(s, call);
        return;
    default:
        ck_abort_msg("nobody here asks for %s", storage_kind_name(call->kind));
    }
}

/* --- what others do --- */

static void archive_apply(struct doc *doc, const struct store_doc *d, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (d->log[i].position.rev > doc_position(doc).rev)
            ck_assert_int_eq(
                doc_entry_apply(doc, bytes_slice(&d->log[i].payload), &d->log[i].position), 0);
}

static struct doc *stored_load(struct store *s, struct store_doc *d)
{
    struct storage_call call = {.kind = STORAGE_LOAD};
    struct doc *doc = doc_new(bytes_slice(&d->id), s->attrs);

    MUST(doc);
    segments_lend(s, d, &call, d->snapshot_rev + 1, UINT64_MAX);
    ck_assert_int_eq(
        doc_stored_load(doc, bytes_slice(&d->snapshot), call.segments, call.segment_count, NULL),
        0);
    return doc;
}

struct doc *store_judge(struct store *s, struct slice id)
{
    struct store_doc *d = store_doc(s, id);
    struct doc *doc = stored_load(s, d);

    archive_apply(doc, d, d->log_count);
    struct chain_position at = doc_position(doc);
    ck_assert(!d->has_head || chain_position_equal(&at, &d->head));
    return doc;
}

static void snapshot_take(struct doc *doc, struct store_doc *d)
{
    struct bytes raw = BYTES_INIT;

    ck_assert_int_eq(doc_snapshot_save(doc, &raw), 0);
    bytes_reset(&d->snapshot);
    ck_assert_int_eq(archive_compress(bytes_slice(&raw), &d->snapshot), 0);
    d->snapshot_rev = doc_position(doc).rev;
    bytes_fini(&raw);
}

/* The first entries, as a segment, which is not empty. */
static void commit(struct store *s, struct store_doc *d, size_t count, bool snapshot)
{
    struct archive_writer writer;
    struct doc *doc = stored_load(s, d);

    archive_apply(doc, d, count);
    struct store_segment *segment = segment_push(d);
    *segment = (struct store_segment){.first_rev = d->log[0].first_rev,
                                      .last_rev = d->log[count - 1].position.rev,
                                      .before = d->log[0].before};
    archive_writer_init(&writer);
    for (size_t i = 0; i < count; i++)
        archive_writer_add(&writer, bytes_slice(&d->log[i].payload));
    ck_assert_int_eq(archive_writer_finish(&writer, &segment->bytes), 0);
    archive_writer_fini(&writer);
    d->stored = true;
    d->stored_head = d->log[count - 1].position;
    if (snapshot)
        snapshot_take(doc, d);
    doc_free(doc);
}

void store_archive(struct store *s, struct slice id, size_t keep, bool snapshot)
{
    struct store_doc *d = store_doc(s, id);

    if (d->log_count <= keep)
        return;
    commit(s, d, d->log_count - keep, snapshot);
    log_drop_front(d, d->log_count - keep);
}

void store_commit(struct store *s, struct slice id)
{
    struct store_doc *d = store_doc(s, id);

    commit(s, d, d->log_count, false);
}

void store_lose(struct store *s, struct slice id, size_t count)
{
    struct store_doc *d = store_doc(s, id);

    while (count-- && d->log_count) {
        struct store_entry *last = &d->log[--d->log_count];
        d->head = last->before;
        bytes_fini(&last->payload);
    }
}

void store_forget(struct store *s, struct slice id)
{
    struct store_doc *d = store_doc(s, id);

    log_drop_front(d, d->log_count);
    d->has_head = false;
}

void store_other(struct store *s, struct slice id, const struct wire_record *records, size_t count,
                 uint64_t time_ms)
{
    struct store_doc *d = store_doc(s, id);
    struct doc *doc = store_judge(s, id);
    struct bytes payload = BYTES_INIT;

    if (!d->has_head) {
        d->head = chain_position_start(id);
        d->has_head = true;
    }
    doc_draft_begin(doc);
    for (size_t i = 0; i < count; i++)
        ck_assert_int_eq(doc_draft_add(doc, &records[i]), 0);
    ck_assert_int_eq(doc_draft_finish(doc, time_ms, &payload), 0);
    struct chain_position after = doc_position(doc);
    log_push(d, d->head.rev + 1, &after, bytes_slice(&payload));
    bytes_fini(&payload);
    doc_free(doc);
}

bool store_known(struct store *s, struct slice id, const struct chain_position *position)
{
    struct store_doc *d = store_doc(s, id);

    for (size_t i = d->ledger_count; i > 0; i--)
        if (chain_position_equal(&d->ledger[i - 1], position))
            return true;
    return false;
}
