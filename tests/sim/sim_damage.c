/*
 * A bit of a stored entry turns, in Redis: of its payload or of the position that stands beside it;
 * or one of a segment or a snapshot in PostgreSQL. It is mended after a while, as by hand from a
 * replica. Until then whoever reads it may say that the document is damaged, and nothing behind it
 * may be lost; then all goes on.
 *
 * Not in runs where Redis loses something too: what is to be mended has to be there.
 */
#include "sim_world.h"

#define DAMAGE_MS_MAX 15000

static void turn(struct sim_entry *entry, size_t bit)
{
    size_t of_payload = 8 * entry->payload.size;

    if (bit < of_payload)
        entry->payload.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    else if (bit < of_payload + 64)
        entry->position.rev ^= 1ull << (bit - of_payload);
    else
        entry->position.hash[(bit - of_payload - 64) / 8] ^= (uint8_t)(1 << bit % 8);
}

/* The entry that is damaged; NULL: none, or it has been trimmed meanwhile. */
static struct sim_entry *damaged(struct sim_doc *doc)
{
    for (size_t i = 0; i < doc->redis.log.count && doc->damaged_rev; i++)
        if (doc->redis.log.items[i].first_rev == doc->damaged_rev)
            return &doc->redis.log.items[i];
    return NULL;
}

bool sim_damage_hides(const struct sim_world *world, const struct sim_doc *doc)
{
    return doc->damaged_rev || doc->stored_damage.is ||
           world->now_ms < doc->mended_ms + DAMAGE_MS_MAX;
}

/* What is damaged in PostgreSQL; NULL: a newer snapshot has taken its place. */
static struct bytes *damaged_stored(struct sim_doc *doc)
{
    const struct sim_stored_damage *damage = &doc->stored_damage;

    if (!damage->of_snapshot)
        return &doc->segments[damage->segment].bytes;
    return doc->snapshot_rev == damage->snapshot_rev ? &doc->snapshot : NULL;
}

static void stored_turn(struct bytes *bytes, size_t bit)
{
    bytes->data[bit / 8 % bytes->size] ^= (uint8_t)(1 << bit % 8);
}

static void stored_mend(struct sim_world *world, struct sim_doc *doc)
{
    struct bytes *bytes = damaged_stored(doc);

    if (bytes)
        stored_turn(bytes, doc->stored_damage.bit);
    sim_trace(world, "what PostgreSQL has of %.*s is mended", (int)doc->id.size,
              (const char *)doc->id.data);
    doc->stored_damage.is = false;
    doc->mended_ms = world->now_ms;
}

static void stored_strike(struct sim_world *world, struct sim_doc *doc)
{
    uint64_t random = world->fault_random / 4;

    if (doc->stored_damage.is || doc->segment_count == 0)
        return;
    doc->stored_damage = (struct sim_stored_damage){.is = true,
                                                    .of_snapshot = doc->snapshot.size && random % 2,
                                                    .segment = random / 2 % doc->segment_count,
                                                    .snapshot_rev = doc->snapshot_rev,
                                                    .bit = random / 256};
    doc->mend_ms = world->now_ms + random / 16 % DAMAGE_MS_MAX;
    stored_turn(damaged_stored(doc), doc->stored_damage.bit);
    world->totals.damages++;
    sim_trace(world, "a bit of a %s of %.*s turns",
              doc->stored_damage.of_snapshot ? "snapshot" : "segment", (int)doc->id.size,
              (const char *)doc->id.data);
}

static void mend(struct sim_world *world, struct sim_doc *doc)
{
    struct sim_entry *entry = damaged(doc);

    if (entry)
        turn(entry, doc->damaged_bit);
    sim_trace(world, "%.*s is mended", (int)doc->id.size, (const char *)doc->id.data);
    doc->damaged_rev = 0;
    doc->mended_ms = world->now_ms;
}

/* Whoever has put a mended document into quarantine is told to look again. */
static void release(struct sim_world *world, const struct sim_doc *doc)
{
    for (unsigned i = 0; i < world->process_count; i++) {
        const struct sim_process *process = &world->processes[i];
        if (process->role == SIM_WORKER && process->boot && !process->paused)
            (void)wk_core_release(process->worker, bytes_slice(&doc->id));
    }
}

void sim_damage_strike(struct sim_world *world)
{
    struct sim_doc *doc =
        sim_store_doc(&world->store,
                      slice_str(world->doc_ids[sim_fault_between(world, 0, world->doc_count - 1)]));
    struct sim_entries *log = &doc->redis.log;

    if (world->fault_random >> 40 & 1)
        stored_strike(world, doc);
    if (doc->stored_damage.is || doc->damaged_rev || log->count == 0)
        return;
    struct sim_entry *entry = &log->items[world->fault_random / 4 % log->count];
    size_t bits = 8 * (entry->payload.size + CHAIN_HASH_SIZE) + 64;
    doc->damaged_bit = world->fault_random / 256 % bits;
    doc->damaged_rev = entry->first_rev;
    doc->damaged_position = entry->position;
    doc->mend_ms = world->now_ms + world->fault_random / 16 % DAMAGE_MS_MAX;
    turn(entry, doc->damaged_bit);
    world->totals.damages++;
    sim_trace(world, "bit %zu of entry %llu of %.*s turns", doc->damaged_bit,
              (unsigned long long)entry->first_rev, (int)doc->id.size, (const char *)doc->id.data);
}

void sim_damage_step(struct sim_world *world)
{
    if (!world->rates[SIM_DAMAGE])
        return;
    for (unsigned i = 0; i < world->doc_count; i++) {
        struct sim_doc *doc = sim_store_doc(&world->store, slice_str(world->doc_ids[i]));
        if (doc->damaged_rev && (world->healing || world->now_ms >= doc->mend_ms))
            mend(world, doc);
        if (doc->stored_damage.is && (world->healing || world->now_ms >= doc->mend_ms))
            stored_mend(world, doc);
        if (!doc->damaged_rev && !doc->stored_damage.is && doc->mended_ms)
            release(world, doc);
    }
}
