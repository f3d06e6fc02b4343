/*
 * What Redis loses: the tail of its streams, all since a backup, or what its replica does not have.
 * And what may be lost without breaking a promise.
 */
#include "sim_store.h"

/* An answer may be under way for so long. */
#define REPAID_MS 5000
/* A worker looks every half second, but Redis may be away for half a minute, for it or for all. */
#define PUT_BACK_MS 60000

/* The newest entry that somebody was told of and neither store has; NULL: none. */
static const struct sim_entry *owed(const struct sim_doc *doc)
{
    uint64_t kept = doc->redis.has_head ? doc->redis.head.rev : 0;

    if (doc->stored && doc->stored_head.rev > kept)
        kept = doc->stored_head.rev;
    for (size_t i = doc->ledger.count; i > 0 && doc->ledger.items[i - 1].position.rev > kept; i--)
        if (doc->ledger.items[i - 1].seen)
            return &doc->ledger.items[i - 1];
    return NULL;
}

bool sim_store_doc_owed(struct sim_store *store, struct slice id)
{
    const struct sim_doc *doc = sim_store_doc(store, id);

    return owed(doc) || store->now_ms < doc->repaid_ms + REPAID_MS;
}

void sim_store_owed_check(struct sim_store *store)
{
    list_for_each (node, &store->docs) {
        struct sim_doc *doc = list_entry(node, struct sim_doc, link);
        const struct sim_entry *entry = store->lossy ? NULL : owed(doc);
        if (entry && entry->lost && store->run_ms > entry->lost_ms + PUT_BACK_MS)
            sim_store_violate(store, SIM_TAIL, "nobody puts back what Redis has lost", doc,
                              entry->position.rev);
    }
}

static void let_go(struct sim_store *store, struct sim_doc *doc)
{
    store->lossy |= owed(doc) != NULL;
    doc->unheld_rev = doc->redis.head.rev;
}

bool sim_store_owes(const struct sim_store *store)
{
    list_for_each (node, &store->docs) {
        if (owed(list_entry(node, struct sim_doc, link)))
            return true;
    }
    return false;
}

void sim_store_unheld(struct sim_store *store, struct slice id)
{
    list_for_each (node, &store->docs) {
        struct sim_doc *doc = list_entry(node, struct sim_doc, link);
        if (id.size == 0 || slice_equal(bytes_slice(&doc->id), id))
            let_go(store, doc);
    }
}

size_t sim_store_lose_tail(struct sim_store *store, size_t count)
{
    size_t lost = 0;

    list_for_each (node, &store->docs) {
        struct sim_doc *doc = list_entry(node, struct sim_doc, link);
        struct sim_entries *log = &doc->redis.log;
        for (size_t i = 0; i < count && log->count; i++) {
            struct sim_entry *entry = &log->items[log->count - 1];
            if (!store->lossy && entry->position.rev <= doc->unheld_rev)
                break;
            log->count--;
            doc->redis.head = log->count ? log->items[log->count - 1].position : doc->redis.base;
            bytes_fini(&entry->payload);
            lost++;
        }
        sim_ledger_lost(store, doc);
    }
    return lost;
}

static void redis_copy(struct sim_redis_doc *to, const struct sim_redis_doc *from)
{
    struct sim_entries log = to->log;

    sim_entries_copy(&log, &from->log);
    *to = *from;
    to->log = log;
}

void sim_store_backup(struct sim_store *store)
{
    list_for_each (node, &store->docs) {
        struct sim_doc *doc = list_entry(node, struct sim_doc, link);
        redis_copy(&doc->backup, &doc->redis);
    }
}

size_t sim_store_restore(struct sim_store *store)
{
    size_t lost = 0;

    list_for_each (node, &store->docs) {
        struct sim_doc *doc = list_entry(node, struct sim_doc, link);
        uint64_t kept = doc->backup.has_head ? doc->backup.head.rev : 0;
        uint64_t head = doc->redis.head.rev;
        if (doc->stored && doc->stored_head.rev > kept)
            kept = doc->stored_head.rev;
        if (!store->lossy && (kept < doc->unheld_rev || !sim_ledger_has(doc, &doc->backup.log)))
            continue;
        lost += head > doc->backup.head.rev ? head - doc->backup.head.rev : 0;
        redis_copy(&doc->redis, &doc->backup);
        sim_ledger_follow(store, doc);
        sim_ledger_lost(store, doc);
    }
    return lost;
}

/* --- durability `replica` --- */

void sim_store_replicate(struct sim_store *store)
{
    if (store->replicated == store->writes)
        return;
    list_for_each (node, &store->docs) {
        struct sim_doc *doc = list_entry(node, struct sim_doc, link);
        redis_copy(&doc->replica, &doc->redis);
    }
    store->replicated = store->writes;
}

/* Of what was told nothing may be missing, in PostgreSQL or on the replica. */
static void told_check(struct sim_store *store, struct sim_doc *doc)
{
    const struct sim_entry *entry = owed(doc);

    if (entry)
        sim_store_violate(store, SIM_DURABLE, "a failover loses what somebody was told of", doc,
                          entry->position.rev);
}

size_t sim_store_failover(struct sim_store *store)
{
    size_t lost = 0;

    list_for_each (node, &store->docs) {
        struct sim_doc *doc = list_entry(node, struct sim_doc, link);
        uint64_t head = doc->redis.head.rev;
        redis_copy(&doc->redis, &doc->replica);
        lost += head > doc->redis.head.rev ? head - doc->redis.head.rev : 0;
        sim_ledger_lost(store, doc);
        told_check(store, doc);
    }
    store->replicated = ++store->writes;
    store->failovers++;
    return lost;
}
