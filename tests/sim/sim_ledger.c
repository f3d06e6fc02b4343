/*
 * The oracle's memory: every entry that was ever durable, the ops in it, and how far PostgreSQL has
 * come. Broken promises show here at the very step that breaks them.
 *
 * An entry whose append was never answered may vanish with Redis' memory and another may take its
 * place, as long as nobody was told. Once its worker was, or a client, or PostgreSQL holds it, it
 * is history (I1).
 */
#include <stdlib.h>

#include "archive_segment.h"
#include "hash.h"
#include "must.h"
#include "sim_store.h"

struct sim_op_name {
    struct wire_session session;
    uint64_t seq;
};

struct sim_op {
    UT_hash_handle hh;
    struct sim_op_name name;
    uint64_t rev;
    uint8_t digest[WIRE_DIGEST_SIZE];
};

void sim_entries_push(struct sim_entries *list, uint64_t first_rev,
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

void sim_entries_drop_front(struct sim_entries *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        bytes_fini(&list->items[i].payload);
    if (count == 0)
        return; /* an empty list has no items to point into */
    memmove(list->items, list->items + count, (list->count - count) * sizeof *list->items);
    list->count -= count;
}

void sim_entries_copy(struct sim_entries *to, const struct sim_entries *from)
{
    sim_entries_drop_front(to, to->count);
    for (size_t i = 0; i < from->count; i++)
        sim_entries_push(to, from->items[i].first_rev, &from->items[i].position,
                         bytes_slice(&from->items[i].payload));
}

void sim_entries_fini(struct sim_entries *list)
{
    sim_entries_drop_front(list, list->count);
    free(list->items);
    *list = (struct sim_entries){0};
}

void sim_store_violate(struct sim_store *store, enum sim_oracle oracle, const char *what,
                       const struct sim_doc *doc, uint64_t rev)
{
    if (store->violation->text.size)
        return;
    store->violation->oracle = oracle;
    bytes_printf(&store->violation->text, "%s (document %.*s, revision %llu)", what,
                 (int)doc->id.size, (const char *)doc->id.data, (unsigned long long)rev);
}

/* --- ops --- */

static struct sim_op *op_find(const struct sim_doc *doc, const struct wire_session *session,
                              uint64_t seq)
{
    struct sim_op_name name = {.session = *session, .seq = seq};
    struct sim_op *op;

    HASH_FIND(hh, doc->ops, &name, sizeof name, op);
    return op;
}

uint64_t sim_ledger_op(const struct sim_doc *doc, const struct wire_session *session, uint64_t seq)
{
    const struct sim_op *op = op_find(doc, session, seq);

    return op && op->rev <= doc->redis.head.rev ? op->rev : 0;
}

bool sim_ledger_closed(const struct sim_doc *doc, const struct wire_session *session)
{
    return op_find(doc, session, 0) != NULL;
}

const uint8_t *sim_ledger_digest(const struct sim_doc *doc, const struct wire_session *session,
                                 uint64_t seq)
{
    const struct sim_op *op = op_find(doc, session, seq);

    return op ? op->digest : NULL;
}

static void op_add(struct sim_store *store, struct sim_doc *doc, const struct wire_record *record,
                   uint64_t rev)
{
    struct sim_op *op = op_find(doc, &record->session, record->seq);

    if (op) {
        if (record->seq)
            sim_store_violate(store, SIM_ONCE, "an op stands in the history twice", doc, rev);
        return;
    }
    if (record->seq && op_find(doc, &record->session, 0))
        sim_store_violate(store, SIM_ONCE, "an op of a session that was closed", doc, rev);
    if (record->seq > 1 && !op_find(doc, &record->session, record->seq - 1))
        sim_store_violate(store, SIM_ONCE, "an op whose predecessor is missing", doc, rev);
    op = calloc(1, sizeof *op);
    MUST(op);
    op->name.session = record->session;
    op->name.seq = record->seq;
    op->rev = rev;
    memcpy(op->digest, record->digest, sizeof op->digest);
    HASH_ADD(hh, doc->ops, name, sizeof op->name, op);
    MUST(op->hh.tbl);
}

static void ops_of_entry(struct sim_store *store, struct sim_doc *doc, struct slice payload,
                         bool add)
{
    struct wire_entry entry;
    struct arena mem;

    arena_init(&mem, 64u << 20);
    if (wire_entry_decode(&mem, payload, &entry)) {
        sim_store_violate(store, SIM_FORM, "an entry does not decode", doc, 0);
        entry.count = 0;
    }
    for (size_t k = 0; k < entry.count; k++) {
        const struct wire_record *record = &entry.records[k];
        /* The end of a session counts as its op 0. */
        bool named = record->seq || record->kind == WIRE_KIND_CLOSE;
        struct sim_op *op = named ? op_find(doc, &record->session, record->seq) : NULL;
        if (named && add)
            op_add(store, doc, record, entry.first_rev + k);
        else if (op && op->rev == entry.first_rev + k) {
            HASH_DEL(doc->ops, op);
            free(op);
        }
    }
    arena_fini(&mem);
}

/* --- entries --- */

static void ledger_cut(struct sim_store *store, struct sim_doc *doc, size_t count)
{
    while (doc->ledger.count > count) {
        struct sim_entry *last = &doc->ledger.items[--doc->ledger.count];
        ops_of_entry(store, doc, bytes_slice(&last->payload), false);
        bytes_fini(&last->payload);
    }
}

/*
 * May this revision get another content? Where nobody was told of the first one, nor will be. And
 * where Redis has lost it and who appends now never knew it: who did know was too slow to put it
 * back, which durability `fsync` does not exclude. From there on the run is one that loses.
 */
static bool may_replace(struct sim_store *store, const struct sim_entry *known, unsigned who)
{
    bool promised = known->seen || known->promised_to;

    if (promised && known->lost && !(known->told_to & 1u << who))
        store->lossy = true;
    return !known->seen || store->lossy;
}

/* Not, where a commit has brought back what was written over (revived) and Redis does not know. */
static bool ledger_leads_to(struct sim_doc *doc, const struct chain_position *position)
{
    const struct sim_entry *known = sim_ledger_find(doc, position->rev);

    return position->rev == 0 || (known && chain_position_equal(&known->position, position));
}

void sim_ledger_append(struct sim_store *store, struct sim_doc *doc,
                       const struct storage_call *call, unsigned who)
{
    struct sim_entries *ledger = &doc->ledger;

    if (!doc->redis.has_head || !chain_position_equal(&doc->redis.head, &call->expect) ||
        call->first_rev != call->expect.rev + 1)
        sim_store_violate(store, SIM_APPEND, "an entry was appended that does not follow the head",
                          doc, call->first_rev);
    if (store->lossy && !ledger_leads_to(doc, &call->expect))
        sim_ledger_follow(store, doc);
    for (size_t i = 0; i < ledger->count; i++) {
        struct sim_entry *known = &ledger->items[i];
        if (known->position.rev < call->first_rev)
            continue;
        if (known->first_rev == call->first_rev &&
            chain_position_equal(&known->position, &call->position)) {
            if (known->lost)
                doc->repaid_ms = store->now_ms;
            known->lost = false;
            return;
        }
        if (!may_replace(store, known, who)) {
            sim_store_violate(store, SIM_HISTORY, "a revision has a second content", doc,
                              call->first_rev);
            return;
        }
        ledger_cut(store, doc, i);
        break;
    }
    uint64_t last = ledger->count ? ledger->items[ledger->count - 1].position.rev : 0;
    if (call->first_rev != last + 1)
        sim_store_violate(store, SIM_APPEND, "an entry was appended behind a gap", doc,
                          call->first_rev);
    sim_entries_push(ledger, call->first_rev, &call->position, call->payload);
    ops_of_entry(store, doc, call->payload, true);
}

bool sim_ledger_has(struct sim_doc *doc, const struct sim_entries *log)
{
    for (size_t i = 0; i < log->count; i++) {
        const struct sim_entry *known = sim_ledger_find(doc, log->items[i].position.rev);
        if (!known || !chain_position_equal(&known->position, &log->items[i].position))
            return false;
    }
    return true;
}

void sim_ledger_follow(struct sim_store *store, struct sim_doc *doc)
{
    const struct sim_entries *log = &doc->redis.log;

    if (log->count == 0 || sim_ledger_has(doc, log))
        return;
    size_t kept = 0;
    while (kept < doc->ledger.count &&
           doc->ledger.items[kept].position.rev < log->items[0].first_rev)
        kept++;
    ledger_cut(store, doc, kept);
    for (size_t i = 0; i < log->count; i++) {
        struct slice payload = bytes_slice(&log->items[i].payload);
        sim_entries_push(&doc->ledger, log->items[i].first_rev, &log->items[i].position, payload);
        ops_of_entry(store, doc, payload, true);
    }
}

void sim_ledger_lost(struct sim_store *store, struct sim_doc *doc)
{
    for (size_t i = 0; i < doc->ledger.count; i++) {
        struct sim_entry *entry = &doc->ledger.items[i];
        bool lost = !doc->redis.has_head || entry->position.rev > doc->redis.head.rev;
        if (lost && !entry->lost)
            entry->lost_ms = store->run_ms;
        entry->lost = lost;
    }
}

void sim_ledger_forget(struct sim_doc *doc, unsigned who)
{
    for (size_t i = 0; i < doc->ledger.count; i++) {
        doc->ledger.items[i].told_to &= ~(1u << who);
        doc->ledger.items[i].promised_to &= ~(1u << who);
    }
}

struct sim_entry *sim_ledger_find(struct sim_doc *doc, uint64_t rev)
{
    size_t low = 0, high = doc->ledger.count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (doc->ledger.items[middle].position.rev < rev)
            low = middle + 1;
        else
            high = middle;
    }
    struct sim_entry *entry = low < doc->ledger.count ? &doc->ledger.items[low] : NULL;
    return entry && entry->position.rev == rev ? entry : NULL;
}

void sim_store_told(struct sim_store *store, const struct storage_call *call, unsigned who)
{
    struct sim_doc *doc = call->doc.size ? sim_store_doc(store, call->doc) : NULL;

    if (call->kind != STORAGE_APPEND || call->result != STORAGE_OK)
        return;
    sim_ledger_seen(doc, &call->position);
    struct sim_entry *entry = sim_ledger_find(doc, call->position.rev);
    if (entry)
        entry->told_to |= 1u << who;
}

void sim_store_promised(struct sim_store *store, const struct storage_call *call, unsigned who)
{
    struct sim_entry *entry = sim_ledger_find(sim_store_doc(store, call->doc), call->position.rev);

    if (entry && chain_position_equal(&entry->position, &call->position))
        entry->promised_to |= 1u << who;
}

void sim_ledger_seen(struct sim_doc *doc, const struct chain_position *position)
{
    struct sim_entry *entry = sim_ledger_find(doc, position->rev);

    if (!entry || !chain_position_equal(&entry->position, position))
        return;
    size_t i = (size_t)(entry - doc->ledger.items) + 1;
    while (i > 0 && !doc->ledger.items[i - 1].seen)
        doc->ledger.items[--i].seen = true;
}

void sim_store_loaded(struct sim_store *store, struct slice id, uint64_t rev, unsigned who)
{
    struct sim_doc *doc = sim_store_doc(store, id);

    for (size_t i = 0; i < doc->ledger.count && doc->ledger.items[i].position.rev <= rev; i++)
        doc->ledger.items[i].told_to |= 1u << who;
}

/* --- archive --- */

/* The entries of a segment become the end of the ledger. False: they do not lead to its end. */
static bool segment_replay(struct sim_store *store, struct sim_doc *doc, struct slice segment,
                           struct chain_position at, const struct chain_position *end)
{
    struct archive_reader reader;
    struct wire_entry entry;
    struct slice payload;
    struct arena mem;
    bool good = archive_reader_init(&reader, segment) == 0;

    arena_init(&mem, 64u << 20);
    while (good && archive_reader_next(&reader, &payload) == 0 && payload.data &&
           wire_entry_decode(&mem, payload, &entry) == 0) {
        at = chain_position_after(&at, entry.count, payload);
        sim_entries_push(&doc->ledger, entry.first_rev, &at, payload);
        ops_of_entry(store, doc, payload, true);
    }
    arena_fini(&mem);
    archive_reader_fini(&reader);
    return chain_position_equal(&at, end);
}

/*
 * Where the run is lossy, a commit under way may bring back what Redis has lost and somebody has
 * written over: PostgreSQL wins (I7), and its entries are the history again.
 */
static bool revived(struct sim_store *store, struct sim_doc *doc, const struct storage_call *call)
{
    const struct sim_entry *base = sim_ledger_find(doc, call->expect.rev);

    if (!store->lossy ||
        (call->expect.rev > 0 && (!base || !chain_position_equal(&base->position, &call->expect))))
        return false;
    ledger_cut(store, doc, base ? (size_t)(base - doc->ledger.items) + 1 : 0);
    return segment_replay(store, doc, call->segment, call->expect, &call->position);
}

void sim_ledger_rebase(struct sim_store *store, struct sim_doc *doc)
{
    for (size_t i = 0; i < doc->segment_count && store->lossy; i++) {
        const struct sim_segment *segment = &doc->segments[i];
        const struct chain_position *end =
            i + 1 < doc->segment_count ? &segment[1].before : &doc->stored_head;
        if (ledger_leads_to(doc, end))
            continue;
        const struct sim_entry *base = sim_ledger_find(doc, segment->before.rev);
        ledger_cut(store, doc, base ? (size_t)(base - doc->ledger.items) + 1 : 0);
        if (!segment_replay(store, doc, bytes_slice(&segment->bytes), segment->before, end))
            sim_store_violate(store, SIM_LOG, "a segment does not replay", doc, end->rev);
    }
}

void sim_ledger_archive(struct sim_store *store, struct sim_doc *doc,
                        const struct storage_call *call)
{
    const struct sim_entry *end = sim_ledger_find(doc, call->position.rev);
    bool known = end && chain_position_equal(&end->position, &call->position);

    if (!known && !revived(store, doc, call)) {
        sim_store_violate(store, SIM_LOG, "archived what was never appended", doc,
                          call->position.rev);
        return;
    }
    sim_ledger_seen(doc, &call->position);
    doc->archived =
        realloc(doc->archived, (doc->archived_count + doc->ledger.count) * sizeof *doc->archived);
    MUST(doc->archived);
    for (size_t i = 0; i < doc->ledger.count; i++) {
        uint64_t rev = doc->ledger.items[i].position.rev;
        if (rev > call->expect.rev && rev <= call->position.rev)
            doc->archived[doc->archived_count++] = doc->ledger.items[i].position;
    }
}

bool sim_ledger_archived(const struct sim_doc *doc, const struct chain_position *position)
{
    for (size_t i = 0; i < doc->archived_count; i++)
        if (chain_position_equal(&doc->archived[i], position))
            return true;
    return false;
}

void sim_ledger_fini(struct sim_doc *doc)
{
    struct sim_op *op, *next;

    HASH_ITER(hh, doc->ops, op, next)
    {
        HASH_DEL(doc->ops, op);
        free(op);
    }
    sim_entries_fini(&doc->ledger);
    free(doc->archived);
}
