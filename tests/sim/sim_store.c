#include "sim_store.h"

#include <stdlib.h>

#include "cluster_tracker.h"
#include "mutant.h"

#define DUE_MS 2000

static void entries_push(struct sim_entries *list, uint64_t first_rev,
                         const struct chain_position *position, struct slice payload)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? 2 * list->capacity : 16;
        list->items = realloc(list->items, list->capacity * sizeof *list->items);
        MUST(list->items);
    }
    struct sim_entry *entry = &list->items[list->count++];
    *entry = (struct sim_entry){.first_rev = first_rev, .position = *position};
    bytes_append_slice(&entry->payload, payload);
}

static void entries_drop_front(struct sim_entries *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        bytes_fini(&list->items[i].payload);
    if (count == 0)
        return; /* an empty list has no items to point into */
    memmove(list->items, list->items + count, (list->count - count) * sizeof *list->items);
    list->count -= count;
}

static void entries_fini(struct sim_entries *list)
{
    entries_drop_front(list, list->count);
    free(list->items);
}

void sim_store_init(struct sim_store *store, struct bytes *violation)
{
    *store = (struct sim_store){.violation = violation};
    list_init(&store->docs);
}

void sim_store_fini(struct sim_store *store)
{
    list_for_each_safe (node, &store->docs) {
        struct sim_doc *doc = list_entry(node, struct sim_doc, link);
        entries_fini(&doc->log);
        entries_fini(&doc->ledger);
        for (size_t i = 0; i < doc->segment_count; i++)
            bytes_fini(&doc->segments[i].bytes);
        free(doc->segments);
        bytes_fini(&doc->snapshot);
        bytes_fini(&doc->id);
        free(doc);
    }
    free(store->lent_entries);
    free(store->lent_slices);
    cluster_view_fini(&store->lent_view);
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

static void violate(struct sim_store *store, const char *what, const struct sim_doc *doc,
                    uint64_t rev)
{
    if (store->violation->size == 0)
        bytes_printf(store->violation, "%s (document %.*s, revision %llu)", what, (int)doc->id.size,
                     (const char *)doc->id.data, (unsigned long long)rev);
}

/* I1: what was once durable at a revision stays so, unless this run is allowed to lose tails. */
static void ledger_append(struct sim_store *store, struct sim_doc *doc, uint64_t first_rev,
                          const struct chain_position *position, struct slice payload)
{
    struct sim_entries *ledger = &doc->ledger;

    for (size_t i = 0; i < ledger->count; i++) {
        struct sim_entry *known = &ledger->items[i];
        if (known->position.rev < first_rev)
            continue;
        if (known->first_rev == first_rev && chain_position_equal(&known->position, position)) {
            store->reappended++;
            return;
        }
        if (!store->lossy) {
            violate(store, "I1: a revision has a second content", doc, first_rev);
            return;
        }
        while (ledger->count > i)
            bytes_fini(&ledger->items[--ledger->count].payload);
    }
    uint64_t last = ledger->count ? ledger->items[ledger->count - 1].position.rev : 0;
    if (first_rev != last + 1)
        violate(store, "I2: an entry was appended behind a gap", doc, first_rev);
    entries_push(ledger, first_rev, position, payload);
}

static void step_read(struct sim_store *store, struct sim_doc *doc, struct storage_call *call)
{
    free(store->lent_entries);
    store->lent_entries = calloc(doc->log.count + 1, sizeof *store->lent_entries);
    MUST(store->lent_entries);
    call->has_head = doc->has_head;
    call->head = doc->head;
    call->entries = store->lent_entries;
    for (size_t i = 0; i < doc->log.count && call->entry_count < call->count_max; i++) {
        struct sim_entry *entry = &doc->log.items[i];
        if (entry->first_rev >= call->from_rev)
            call->entries[call->entry_count++] =
                (struct storage_entry){.first_rev = entry->first_rev,
                                       .position = entry->position,
                                       .payload = bytes_slice(&entry->payload)};
    }
    call->result = STORAGE_OK;
}

static void step_append(struct sim_store *store, struct sim_doc *doc, struct storage_call *call)
{
    call->has_head = doc->has_head;
    call->head = doc->head;
    if (!doc->has_head && !MUTANT(BARE_XADD)) {
        call->result = STORAGE_MISSING;
        return;
    }
    if (!chain_position_equal(&doc->head, &call->expect) && !MUTANT(BARE_XADD)) {
        call->result = STORAGE_REFUSED;
        store->refused++;
        return;
    }
    if (MUTANT(BARE_XADD) && doc->log.count &&
        doc->log.items[doc->log.count - 1].first_rev >= call->first_rev) {
        call->result = STORAGE_REFUSED; /* all that XADD itself refuses */
        return;
    }
    entries_push(&doc->log, call->first_rev, &call->position, call->payload);
    ledger_append(store, doc, call->first_rev, &call->position, call->payload);
    doc->has_head = true;
    doc->head = call->position;
    if (!doc->dirty) {
        doc->dirty = true;
        doc->due_ms = store->now_ms + DUE_MS;
    }
    store->appended++;
    call->result = STORAGE_OK;
}

static void step_adopt(struct sim_doc *doc, struct storage_call *call)
{
    if (!doc->has_head) {
        doc->has_head = true;
        doc->head = call->position;
    }
    call->has_head = true;
    call->head = doc->head;
    call->result = STORAGE_OK;
}

static void step_rebase(struct sim_doc *doc, struct storage_call *call)
{
    call->has_head = doc->has_head;
    call->head = doc->head;
    if (!doc->has_head || !chain_position_equal(&doc->head, &call->expect)) {
        call->result = STORAGE_REFUSED;
        return;
    }
    doc->head = call->position;
    entries_drop_front(&doc->log, doc->log.count);
    doc->dirty = false;
    call->result = STORAGE_OK;
}

static void step_trim(struct sim_store *store, struct sim_doc *doc, struct storage_call *call)
{
    size_t at = 0;

    call->result = STORAGE_REFUSED;
    call->entries_left = doc->log.count;
    if (doc->log.count == 0 && doc->has_head && chain_position_equal(&doc->head, &call->position)) {
        doc->dirty = false;
        call->result = STORAGE_OK;
        return;
    }
    while (at < doc->log.count && doc->log.items[at].first_rev != call->first_rev)
        at++;
    if (at == doc->log.count ||
        !chain_position_equal(&doc->log.items[at].position, &call->position))
        return;
    if (!doc->stored || doc->stored_head.rev < call->position.rev)
        violate(store, "I7: trimmed what is not archived", doc, call->position.rev);
    entries_drop_front(&doc->log, at + 1);
    if (doc->log.count == 0)
        doc->dirty = false;
    call->entries_left = doc->log.count;
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
        if (doc->lane != call->lane || !doc->dirty || doc->due_ms > store->now_ms ||
            call->doc_count == call->count_max)
            continue;
        doc->due_ms = store->now_ms + call->lease_ms;
        call->docs[call->doc_count++] = bytes_slice(&doc->id);
    }
    call->result = STORAGE_OK;
}

static void step_remark(struct sim_store *store, struct storage_call *call)
{
    list_for_each (node, &store->docs) {
        struct sim_doc *doc = list_entry(node, struct sim_doc, link);
        if (doc->lane == call->lane && doc->dirty != (doc->log.count > 0)) {
            doc->dirty = !doc->dirty;
            doc->due_ms = store->now_ms;
            call->count++;
        }
    }
    call->cursor = 0;
    call->result = STORAGE_OK;
}

static bool members_expire(struct sim_store *store, enum storage_list list, const char *gone)
{
    struct sim_member *members = store->members[list];
    size_t kept = 0;

    for (size_t i = 0; i < store->member_count[list]; i++)
        if (store->now_ms - members[i].stamp_ms <= CLUSTER_SILENCE_MS &&
            !(gone && strcmp(members[i].member.id, gone) == 0))
            members[kept++] = members[i];
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

static void step_beat(struct sim_store *store, struct storage_call *call)
{
    bool changed = members_expire(store, call->list, call->gone ? call->self.id : NULL);

    if (call->self.id[0] && !call->gone)
        changed |= member_stamp(store, call->list, &call->self);
    store->view[call->list] += changed;
    cluster_view_fini(&store->lent_view);
    cluster_view_init(&store->lent_view, store->view[call->list]);
    for (size_t i = 0; i < store->member_count[call->list]; i++)
        MUST(cluster_view_add(&store->lent_view, &store->members[call->list][i].member) == 0);
    MUST(cluster_view_seal(&store->lent_view) == 0);
    call->view = &store->lent_view;
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

static bool step_lock(struct sim_doc *doc, struct storage_call *call, void *process)
{
    if (doc->lock_holder)
        return false;
    doc->lock_holder = process;
    call->lock = (struct storage_lock *)doc;
    call->has_head = doc->stored;
    call->head = doc->stored_head;
    call->result = STORAGE_OK;
    return true;
}

static void step_commit(struct sim_store *store, struct sim_doc *doc, struct storage_call *call)
{
    struct chain_position start = chain_position_start(bytes_slice(&doc->id));
    struct chain_position head = doc->stored ? doc->stored_head : start;

    doc->lock_holder = NULL;
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
    bool known = false;
    for (size_t i = 0; i < doc->ledger.count; i++)
        known |= chain_position_equal(&doc->ledger.items[i].position, &call->position);
    if (!known)
        violate(store, "I6: archived what was never appended", doc, call->position.rev);
    call->result = STORAGE_OK;
}

bool sim_store_step(struct sim_store *store, struct storage_call *call, void *process)
{
    struct sim_doc *doc = call->doc.size ? sim_store_doc(store, call->doc) : NULL;

    switch (call->kind) {
    case STORAGE_READ:
        step_read(store, doc, call);
        return true;
    case STORAGE_APPEND:
        step_append(store, doc, call);
        return true;
    case STORAGE_ADOPT:
        step_adopt(doc, call);
        return true;
    case STORAGE_REBASE:
        step_rebase(doc, call);
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
        return step_lock(doc, call, process);
    case STORAGE_COMMIT:
        step_commit(store, doc, call);
        return true;
    case STORAGE_UNLOCK:
        doc->lock_holder = NULL;
        call->result = STORAGE_OK;
        return true;
    case STORAGE_DOCS:
        break;
    }
    MUST(!"the cores do not ask this");
    return true;
}

void sim_store_lock_lost(struct sim_store *store, struct slice id, const void *process)
{
    struct sim_doc *doc = sim_store_doc(store, id);

    if (doc->lock_holder == process)
        doc->lock_holder = NULL;
}

void sim_store_process_gone(struct sim_store *store, void *process)
{
    list_for_each (node, &store->docs) {
        struct sim_doc *doc = list_entry(node, struct sim_doc, link);
        if (doc->lock_holder == process)
            doc->lock_holder = NULL;
    }
}

void sim_store_handed_over(struct sim_store *store, struct slice id)
{
    struct sim_doc *doc = sim_store_doc(store, id);

    doc->handed_rev = doc->head.rev;
}

void sim_store_lose_tail(struct sim_store *store, size_t count)
{
    list_for_each (node, &store->docs) {
        struct sim_doc *doc = list_entry(node, struct sim_doc, link);
        for (size_t i = 0; i < count && doc->log.count; i++) {
            struct sim_entry *entry = &doc->log.items[doc->log.count - 1];
            if (!store->lossy && entry->position.rev <= doc->handed_rev)
                break;
            doc->log.count--;
            struct slice id = bytes_slice(&doc->id);
            doc->head = doc->log.count ? doc->log.items[doc->log.count - 1].position
                        : doc->stored  ? doc->stored_head
                                       : chain_position_start(id);
            bytes_fini(&entry->payload);
        }
    }
}
