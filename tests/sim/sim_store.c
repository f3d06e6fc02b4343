#include "sim_store.h"

#include <stdlib.h>

#include "cluster_tracker.h"
#include "storage_stream.h"

#define DUE_MS 2000

void sim_store_init(struct sim_store *store, struct sim_violation *violation)
{
    *store = (struct sim_store){.violation = violation};
    list_init(&store->docs);
}

void sim_store_fini(struct sim_store *store)
{
    list_for_each_safe (node, &store->docs) {
        struct sim_doc *doc = list_entry(node, struct sim_doc, link);
        sim_entries_fini(&doc->redis.log);
        sim_entries_fini(&doc->backup.log);
        sim_entries_fini(&doc->replica.log);
        sim_ledger_fini(doc);
        for (size_t i = 0; i < doc->segment_count; i++)
            bytes_fini(&doc->segments[i].bytes);
        free(doc->segments);
        bytes_fini(&doc->snapshot);
        bytes_fini(&doc->id);
        free(doc);
    }
    free(store->lent_entries);
    free(store->lent_slices);
    free(store->lent_heads);
    for (int i = 0; i < 2; i++)
        cluster_view_fini(&store->views[i]);
}

struct sim_doc *sim_store_doc(struct sim_store *store, struct slice id)
{
    list_for_each (node, &store->docs) {
        struct sim_doc *doc = list_entry(node, struct sim_doc, link);
        if (slice_equal(bytes_slice(&doc->id), id))
            return doc;
    }
    struct sim_doc *doc = calloc(1, sizeof *doc);
    MUST(doc);
    bytes_append_slice(&doc->id, id);
    doc->lane = cluster_lane_of(id);
    list_push_back(&store->docs, &doc->link);
    return doc;
}

static void step_read(struct sim_store *store, struct sim_doc *doc, struct storage_call *call)
{
    free(store->lent_entries);
    store->lent_entries = calloc(doc->redis.log.count + 1, sizeof *store->lent_entries);
    MUST(store->lent_entries);
    call->has_head = doc->redis.has_head;
    call->head = doc->redis.head;
    call->entries = store->lent_entries;
    for (size_t i = 0; i < doc->redis.log.count && call->entry_count < call->count_max; i++) {
        struct sim_entry *entry = &doc->redis.log.items[i];
        if (entry->first_rev >= call->from_rev)
            call->entries[call->entry_count++] =
                (struct storage_entry){.first_rev = entry->first_rev,
                                       .position = entry->position,
                                       .payload = bytes_slice(&entry->payload)};
    }
    call->result = STORAGE_OK;
    storage_stream_judge(call);
}

static void step_append(struct sim_store *store, struct sim_doc *doc, struct storage_call *call,
                        unsigned who)
{
    call->has_head = doc->redis.has_head;
    call->head = doc->redis.head;
    if (!doc->redis.has_head) {
        call->result = STORAGE_MISSING;
        return;
    }
    if (!chain_position_equal(&doc->redis.head, &call->expect)) {
        call->result = STORAGE_REFUSED;
        return;
    }
    sim_entries_push(&doc->redis.log, call->first_rev, &call->position, call->payload);
    sim_ledger_append(store, doc, call, who);
    doc->redis.has_head = true;
    doc->redis.head = call->position;
    if (!doc->redis.dirty) {
        doc->redis.dirty = true;
        doc->redis.due_ms = store->now_ms + DUE_MS;
    }
    call->result = STORAGE_OK;
}

static void step_adopt(struct sim_store *store, struct sim_doc *doc, struct storage_call *call)
{
    if (!doc->redis.has_head) {
        doc->redis.has_head = true;
        doc->redis.head = doc->redis.base = call->position;
        store->adopted++;
        sim_ledger_rebase(store, doc);
    }
    call->has_head = true;
    call->head = doc->redis.head;
    call->result = STORAGE_OK;
}

/* PostgreSQL wins only over what it has, or what nobody was told of. */
static void rebase_check(struct sim_store *store, struct sim_doc *doc)
{
    for (size_t i = 0; i < doc->redis.log.count && doc->damaged_rev; i++) {
        const struct sim_entry *known = sim_ledger_find(doc, doc->redis.log.items[i].position.rev);
        if (known && known->seen && !sim_ledger_archived(doc, &known->position))
            sim_store_violate(store, SIM_CHAIN, "a rebase drops what stands behind damage", doc,
                              known->position.rev);
    }
}

static void step_rebase(struct sim_store *store, struct sim_doc *doc, struct storage_call *call)
{
    call->has_head = doc->redis.has_head;
    call->head = doc->redis.head;
    if (!doc->redis.has_head || !chain_position_equal(&doc->redis.head, &call->expect)) {
        call->result = STORAGE_REFUSED;
        return;
    }
    rebase_check(store, doc);
    doc->redis.head = doc->redis.base = call->position;
    store->rebased++;
    sim_ledger_rebase(store, doc);
    sim_entries_drop_front(&doc->redis.log, doc->redis.log.count);
    doc->redis.dirty = false;
    call->result = STORAGE_OK;
}

/* Whatever goes has to be archived, not only the last of it. */
static void trim_check(struct sim_store *store, struct sim_doc *doc, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct sim_entry *entry = &doc->redis.log.items[i];
        const struct chain_position *position =
            entry->first_rev == doc->damaged_rev ? &doc->damaged_position : &entry->position;
        if (!sim_ledger_archived(doc, position))
            sim_store_violate(store, SIM_TRIM, "trimmed what is not archived", doc, position->rev);
    }
}

static void step_trim(struct sim_store *store, struct sim_doc *doc, struct storage_call *call)
{
    size_t at = 0;

    call->result = STORAGE_REFUSED;
    call->entries_left = doc->redis.log.count;
    if (doc->redis.log.count == 0 && doc->redis.has_head &&
        chain_position_equal(&doc->redis.head, &call->position)) {
        doc->redis.dirty = false;
        call->result = STORAGE_OK;
        return;
    }
    while (at < doc->redis.log.count && doc->redis.log.items[at].first_rev != call->first_rev)
        at++;
    if (at == doc->redis.log.count ||
        !chain_position_equal(&doc->redis.log.items[at].position, &call->position))
        return;
    trim_check(store, doc, at + 1);
    doc->redis.base = doc->redis.log.items[at].position;
    sim_entries_drop_front(&doc->redis.log, at + 1);
    /* The mark still carries the end of the claim: what came meanwhile is due earlier. */
    if (doc->redis.log.count == 0)
        doc->redis.dirty = false;
    else if (doc->redis.due_ms > store->now_ms + DUE_MS)
        doc->redis.due_ms = store->now_ms + DUE_MS;
    call->entries_left = doc->redis.log.count;
    call->result = STORAGE_OK;
}

static size_t docs_count(struct sim_store *store)
{
    size_t count = 0;

    list_for_each (node, &store->docs)
        count++;
    return count;
}

static void step_claim(struct sim_store *store, struct storage_call *call)
{
    free(store->lent_slices);
    store->lent_slices = calloc(docs_count(store) + 1, sizeof *store->lent_slices);
    MUST(store->lent_slices);
    call->docs = store->lent_slices;
    list_for_each (node, &store->docs) {
        struct sim_doc *doc = list_entry(node, struct sim_doc, link);
        if (doc->lane != call->lane || !doc->redis.dirty || doc->redis.due_ms > store->now_ms ||
            call->doc_count == call->count_max)
            continue;
        doc->redis.due_ms = store->now_ms + call->lease_ms;
        call->docs[call->doc_count++] = bytes_slice(&doc->id);
    }
    call->result = STORAGE_OK;
}

static void step_remark(struct sim_store *store, struct storage_call *call)
{
    list_for_each (node, &store->docs) {
        struct sim_doc *doc = list_entry(node, struct sim_doc, link);
        bool meant = call->doc.size ? slice_equal(bytes_slice(&doc->id), call->doc)
                                    : doc->lane == call->lane;
        if (meant && doc->redis.dirty != (doc->redis.log.count > 0)) {
            doc->redis.dirty = !doc->redis.dirty;
            doc->redis.due_ms = store->now_ms;
            call->count++;
        }
    }
    call->cursor = 0;
    call->result = STORAGE_OK;
}

static bool members_expire(struct sim_store *store, enum storage_list list,
                           const struct storage_call *call)
{
    struct sim_member *members = store->members[list];
    size_t kept = 0;

    for (size_t i = 0; i < store->member_count[list]; i++) {
        bool self = strcmp(members[i].member.id, call->self.id) == 0;
        bool silent = store->now_ms > members[i].stamp_ms + CLUSTER_SILENCE_MS;
        if (self ? !call->gone : !silent)
            members[kept++] = members[i];
    }
    bool changed = kept != store->member_count[list];
    store->member_count[list] = kept;
    return changed;
}

static bool member_stamp(struct sim_store *store, enum storage_list list,
                         const struct cluster_member *self)
{
    struct sim_member *members = store->members[list];
    size_t i = 0;

    while (i < store->member_count[list] && strcmp(members[i].member.id, self->id) != 0)
        i++;
    MUST(i < SIM_MEMBERS_MAX);
    bool changed = i == store->member_count[list] || members[i].member.boot_id != self->boot_id ||
                   members[i].member.state != self->state;
    if (i == store->member_count[list])
        store->member_count[list]++;
    members[i] = (struct sim_member){.member = *self, .stamp_ms = store->now_ms};
    return changed;
}

/* Sealing a view is dear (it ranks every shard), and most beats change nothing. */
static void view_build(struct sim_store *store, enum storage_list list, bool changed)
{
    struct cluster_view *view = &store->views[list];
    uint64_t number = view->number + changed;

    cluster_view_fini(view);
    cluster_view_init(view, number);
    for (size_t i = 0; i < store->member_count[list]; i++)
        MUST(cluster_view_add(view, &store->members[list][i].member) == 0);
    MUST(cluster_view_seal(view) == 0);
}

static void step_beat(struct sim_store *store, struct storage_call *call)
{
    bool changed = members_expire(store, call->list, call);

    if (call->self.id[0] && !call->gone)
        changed |= member_stamp(store, call->list, &call->self);
    if (changed || !store->views[call->list].sealed)
        view_build(store, call->list, changed);
    call->view = &store->views[call->list];
    call->time_ms = store->now_ms;
    call->result = STORAGE_OK;
}

static void lend_segments(struct sim_store *store, struct sim_doc *doc, struct storage_call *call,
                          uint64_t from_rev, uint64_t to_rev)
{
    free(store->lent_slices);
    store->lent_slices = calloc(doc->segment_count + 1, sizeof *store->lent_slices);
    MUST(store->lent_slices);
    call->segments = store->lent_slices;
    for (size_t i = 0; i < doc->segment_count; i++)
        if (doc->segments[i].last_rev >= from_rev && doc->segments[i].first_rev <= to_rev) {
            if (call->kind == STORAGE_HISTORY && call->segment_count == 0) {
                call->has_head = true;
                call->head = doc->segments[i].before;
            }
            call->segments[call->segment_count++] = bytes_slice(&doc->segments[i].bytes);
        }
    call->result = STORAGE_OK;
}

static void step_load(struct sim_store *store, struct sim_doc *doc, struct storage_call *call)
{
    call->has_head = doc->stored;
    call->head = doc->stored_head;
    call->loaded_snapshot = bytes_slice(&doc->snapshot);
    lend_segments(store, doc, call, doc->snapshot_rev + 1, UINT64_MAX);
}

/* PostgreSQL gives them in the order of their ids; here one at a time is enough. */
static struct sim_doc *stored_after(struct sim_store *store, struct slice after)
{
    struct sim_doc *next = NULL;

    list_for_each (node, &store->docs) {
        struct sim_doc *doc = list_entry(node, struct sim_doc, link);
        if (doc->stored && slice_compare(bytes_slice(&doc->id), after) > 0 &&
            (!next || slice_compare(bytes_slice(&doc->id), bytes_slice(&next->id)) < 0))
            next = doc;
    }
    return next;
}

static void step_docs(struct sim_store *store, struct storage_call *call)
{
    struct slice after = call->after;
    struct sim_doc *doc;

    free(store->lent_slices);
    free(store->lent_heads);
    store->lent_slices = calloc(docs_count(store) + 1, sizeof *store->lent_slices);
    store->lent_heads = calloc(docs_count(store) + 1, sizeof *store->lent_heads);
    MUST(store->lent_slices && store->lent_heads);
    call->docs = store->lent_slices;
    call->heads = store->lent_heads;
    while (call->doc_count < call->count_max && (doc = stored_after(store, after))) {
        after = bytes_slice(&doc->id);
        call->docs[call->doc_count] = after;
        call->heads[call->doc_count++] = doc->stored_head;
    }
    call->result = STORAGE_OK;
}

static uint64_t token_of(const struct storage_lock *lock)
{
    return (uint64_t)(uintptr_t)lock; /* a name, never a pointer */
}

static void lock_free(struct sim_doc *doc)
{
    doc->lock_token = 0;
}

/* False: the connection that held it is gone, and nothing that needs the lock can be done. */
static bool lock_end(struct sim_doc *doc, struct storage_call *call)
{
    bool held = call->lock && token_of(call->lock) == doc->lock_token;

    if (held)
        lock_free(doc);
    call->lock = NULL;
    call->result = held ? STORAGE_OK : STORAGE_DOWN;
    return held;
}

static bool step_lock(struct sim_store *store, struct sim_doc *doc, struct storage_call *call,
                      unsigned who)
{
    if (doc->lock_token)
        return false;
    doc->lock_token = ++store->last_token;
    doc->lock_holder = who;
    call->lock = (struct storage_lock *)(uintptr_t)doc->lock_token;
    call->has_head = doc->stored;
    call->head = doc->stored_head;
    call->result = STORAGE_OK;
    return true;
}

static void step_commit(struct sim_store *store, struct sim_doc *doc, struct storage_call *call)
{
    struct chain_position start = chain_position_start(bytes_slice(&doc->id));
    struct chain_position head = doc->stored ? doc->stored_head : start;

    if (!lock_end(doc, call))
        return;
    call->has_head = doc->stored;
    call->head = head;
    if (!chain_position_equal(&head, &call->expect)) {
        call->result = STORAGE_REFUSED;
        return;
    }
    doc->segments = realloc(doc->segments, (doc->segment_count + 1) * sizeof *doc->segments);
    MUST(doc->segments);
    struct sim_segment *segment = &doc->segments[doc->segment_count++];
    *segment = (struct sim_segment){.first_rev = call->segment_first_rev,
                                    .last_rev = call->position.rev,
                                    .before = call->expect};
    bytes_append_slice(&segment->bytes, call->segment);
    if (call->snapshot.size) {
        bytes_reset(&doc->snapshot);
        bytes_append_slice(&doc->snapshot, call->snapshot);
        doc->snapshot_rev = call->position.rev;
    }
    doc->stored = true;
    doc->stored_head = call->position;
    sim_ledger_archive(store, doc, call);
    call->result = STORAGE_OK;
}

static bool step(struct sim_store *store, struct sim_doc *doc, struct storage_call *call,
                 unsigned who)
{
    switch (call->kind) {
    case STORAGE_READ:
        step_read(store, doc, call);
        return true;
    case STORAGE_APPEND:
        step_append(store, doc, call, who);
        return true;
    case STORAGE_ADOPT:
        step_adopt(store, doc, call);
        return true;
    case STORAGE_REBASE:
        step_rebase(store, doc, call);
        return true;
    case STORAGE_TRIM:
        step_trim(store, doc, call);
        return true;
    case STORAGE_CLAIM:
        step_claim(store, call);
        return true;
    case STORAGE_REMARK:
        step_remark(store, call);
        return true;
    case STORAGE_BEAT:
        step_beat(store, call);
        return true;
    case STORAGE_LOAD:
        step_load(store, doc, call);
        return true;
    case STORAGE_HISTORY:
        lend_segments(store, doc, call, call->from_rev, call->to_rev);
        return true;
    case STORAGE_LOCK:
        return step_lock(store, doc, call, who);
    case STORAGE_COMMIT:
        step_commit(store, doc, call);
        return true;
    case STORAGE_UNLOCK:
        (void)lock_end(doc, call);
        return true;
    case STORAGE_DOCS:
        step_docs(store, call);
        return true;
    }
    MUST(!"no such call");
    return true;
}

bool sim_store_step(struct sim_store *store, struct storage_call *call, unsigned who)
{
    struct sim_doc *doc = call->doc.size ? sim_store_doc(store, call->doc) : NULL;
    bool done = step(store, doc, call, who);

    store->writes += (call->kind >= STORAGE_APPEND && call->kind <= STORAGE_TRIM) ||
                     call->kind == STORAGE_REMARK;

    if (doc && doc->redis.log.count && !doc->redis.dirty)
        sim_store_violate(store, SIM_TRIM, "a stream that is not empty has no mark", doc,
                          doc->redis.head.rev);
    return done;
}

void sim_store_lock_lost(struct sim_store *store, struct slice id, const struct storage_lock *lock)
{
    struct sim_doc *doc = sim_store_doc(store, id);

    if (lock && token_of(lock) == doc->lock_token)
        lock_free(doc);
}

size_t sim_store_locks_lost(struct sim_store *store)
{
    size_t held = 0;

    list_for_each (node, &store->docs) {
        struct sim_doc *doc = list_entry(node, struct sim_doc, link);
        held += doc->lock_token != 0;
        lock_free(doc);
    }
    return held;
}

void sim_store_process_gone(struct sim_store *store, unsigned who)
{
    list_for_each (node, &store->docs) {
        struct sim_doc *doc = list_entry(node, struct sim_doc, link);
        if (doc->lock_token && doc->lock_holder == who)
            lock_free(doc);
        sim_ledger_forget(doc, who);
        doc->handed_by &= ~(1u << who);
    }
}
