/*
 * What must hold when everything has settled: one history per document, whole in PostgreSQL; all
 * replicas equal to its replay; every ack in it exactly once, at the revision that was told.
 */
#include "doc_stored.h"
#include "sim_world.h"

const char *sim_oracle_name(enum sim_oracle oracle)
{
    static const char *const names[] = {
#define X(constant, name, text) name,
        SIM_ORACLES(X)
#undef X
    };

    return names[oracle];
}

/* --- bounds (I8) --- */

/* Beyond its bound a tail may have what was admitted when it was within: one entry, at most of what
 * waited; which is little, unless somebody is rude. */
static size_t entry_slack(const struct sim_world *world)
{
    return world->rates[SIM_RUDE] ? 2 * world->bounds.pending_bytes_max : 64u << 10;
}

static void worker_bounds(struct sim_world *world, const struct sim_process *process)
{
    struct wk_gauges gauges = wk_core_gauges(process->worker);
    size_t documents = world->doc_count + (world->rates[SIM_RUDE] ? SIM_RUDE_DOCS : 0);
    size_t tails_max = documents * (world->tail_bytes_max + entry_slack(world));

    if ((size_t)gauges.tail_bytes > tails_max)
        sim_violate(world, SIM_BOUNDS, "%s keeps %lld bytes of tails, at most %zu are allowed",
                    process->id, (long long)gauges.tail_bytes, tails_max);
    /* What is loaded may grow by a quarter, and an entry that was admitted below that is finished.
     */
    if ((size_t)gauges.bytes > (size_t)gauges.bytes_max * 5 / 4 + entry_slack(world))
        sim_violate(world, SIM_BOUNDS, "%s holds %lld bytes, at most %lld are allowed", process->id,
                    (long long)gauges.bytes, (long long)gauges.bytes_max);
}

static void gateway_bounds(struct sim_world *world, const struct sim_process *process)
{
    struct gw_gauges gauges = gw_core_gauges(process->gateway);

    if (gauges.unacked_bytes > gauges.unacked_bytes_max ||
        gauges.payload_bytes > gauges.payload_bytes_max)
        sim_violate(world, SIM_BOUNDS, "%s holds more than its accounts allow", process->id);
    if (gauges.unacked_ops > gauges.attachments)
        sim_violate(world, SIM_BOUNDS, "%s keeps more than one submit for a client", process->id);
}

static void archiver_bounds(struct sim_world *world, const struct sim_process *process)
{
    struct ar_gauges gauges = ar_core_gauges(process->archiver);

    if (gauges.jobs > gauges.jobs_max || gauges.cache_bytes > gauges.cache_bytes_max)
        sim_violate(world, SIM_BOUNDS, "%s has more jobs or documents than it may", process->id);
}

static bool is_ready(const struct sim_process *process)
{
    return process->role == SIM_GATEWAY  ? gw_core_ready(process->gateway)
           : process->role == SIM_WORKER ? wk_core_ready(process->worker)
                                         : true;
}

void sim_oracle_step(struct sim_world *world)
{
    for (unsigned i = 0; i < world->process_count; i++) {
        const struct sim_process *process = &world->processes[i];
        if (!process->boot)
            continue;
        if (process->role == SIM_GATEWAY)
            gateway_bounds(world, process);
        else if (process->role == SIM_WORKER)
            worker_bounds(world, process);
        else
            archiver_bounds(world, process);
        if (process->leaving && process->role != SIM_ARCHIVER && is_ready(process))
            sim_violate(world, SIM_CLIENT, "%s leaves and calls itself ready", process->id);
    }
}

/* --- the end --- */

static bool unsettled(struct bytes *why, const char *who, unsigned index, const char *what)
{
    bytes_reset(why);
    bytes_printf(why, "%s-%u %s", who, index, what);
    return false;
}

static bool client_quiet(const struct sim_world *world, unsigned k, unsigned i,
                         const struct chain_position *head, struct bytes *why)
{
    const struct client_doc *doc = world->clients[k].docs[i].doc;
    struct chain_position at = client_doc_position(doc);

    if (client_doc_state(doc) != CLIENT_LIVE)
        return unsettled(why, "client", k, "is not live");
    if (!client_doc_saved(doc))
        return unsettled(why, "client", k, "has something unsaved");
    if (!chain_position_equal(&at, head))
        return unsettled(why, "client", k, "is behind");
    return true;
}

bool sim_oracle_alive(struct sim_world *world, struct bytes *why)
{
    for (unsigned i = 0; i < world->process_count; i++) {
        const struct sim_process *process = &world->processes[i];
        if (!process->boot && !sim_heal_holds(world, process))
            return unsettled(why, process->id, i, "is dead");
    }
    return true;
}

static struct sim_doc *doc_nth(struct sim_world *world, unsigned i)
{
    return sim_store_doc(&world->store, slice_str(world->doc_ids[i]));
}

bool sim_oracle_served(struct sim_world *world, struct bytes *why)
{
    for (unsigned i = 0; i < world->process_count; i++)
        if (world->processes[i].boot && !is_ready(&world->processes[i]) &&
            !world->processes[i].leaving)
            return unsettled(why, world->processes[i].id, i, "is not ready");
    for (unsigned k = 0; k < world->client_count; k++)
        if (!sim_client_connected(&world->clients[k]))
            return unsettled(why, "client", k, "is not connected");
    for (unsigned i = 0; i < world->doc_count; i++) {
        struct sim_doc *doc = doc_nth(world, i);
        if (!doc->redis.has_head)
            return unsettled(why, "doc", i, "has no head");
        for (unsigned k = 0; k < world->client_count; k++)
            if (!client_quiet(world, k, i, &doc->redis.head, why))
                return false;
    }
    return true;
}

/* Without a head in Redis all is archived too: the next who opens it adopts. */
bool sim_oracle_archived(struct sim_world *world, struct bytes *why)
{
    for (unsigned i = 0; i < world->doc_count; i++) {
        const struct sim_doc *doc = doc_nth(world, i);
        if (doc->redis.log.count || doc->redis.dirty)
            return unsettled(why, "doc", i, "is not archived");
        if (doc->stored && doc->redis.has_head &&
            !chain_position_equal(&doc->stored_head, &doc->redis.head))
            return unsettled(why, "doc", i, "has another head in PostgreSQL");
    }
    return true;
}

static struct doc *ledger_replay(struct sim_world *world, struct sim_doc *stored,
                                 struct ot_attrs_table *attrs)
{
    struct doc *doc = doc_new(bytes_slice(&stored->id), attrs);

    MUST(doc);
    for (size_t i = 0; i < stored->ledger.count; i++) {
        struct sim_entry *entry = &stored->ledger.items[i];
        if (entry->position.rev > stored->redis.head.rev)
            break; /* only where tails may be lost */
        int r = doc_entry_apply(doc, bytes_slice(&entry->payload), &entry->position);
        if (r) {
            sim_violate(world, SIM_CHAIN,
                        "the history does not replay at revision %llu (outcome %d)",
                        (unsigned long long)entry->first_rev, r);
            break;
        }
    }
    return doc;
}

static void stored_check(struct sim_world *world, struct sim_doc *stored, const struct doc *replay,
                         struct ot_attrs_table *attrs)
{
    struct doc *doc = doc_new(bytes_slice(&stored->id), attrs);
    struct slice segments[512];
    size_t count = 0;

    MUST(doc);
    for (size_t i = 0; i < stored->segment_count; i++)
        if (stored->segments[i].last_rev > stored->snapshot_rev && count < 512)
            segments[count++] = bytes_slice(&stored->segments[i].bytes);
    int r = doc_stored_load(doc, bytes_slice(&stored->snapshot), segments, count, NULL);
    if (r || !doc_equal(doc, replay))
        sim_violate(world, SIM_LOG, "what PostgreSQL holds is not the replay of the history (%d)",
                    r);
    doc_free(doc);
}

/* That none is in twice the ledger has watched. */
static void acks_check(struct sim_world *world)
{
    for (size_t i = 0; i < world->ack_count && !world->store.lossy; i++) {
        struct sim_ack *ack = &world->acks[i];
        struct sim_doc *stored = sim_store_doc(&world->store, slice_str(world->doc_ids[ack->doc]));
        uint64_t rev = sim_ledger_op(stored, &ack->session, ack->seq);
        if (rev == 0)
            sim_violate(world, SIM_ONCE, "op %llu of a session was acked and is not in %s",
                        (unsigned long long)ack->seq, world->doc_ids[ack->doc]);
        else if (rev != ack->rev)
            sim_violate(world, SIM_ONCE, "op %llu of %s was told revision %llu and has %llu",
                        (unsigned long long)ack->seq, world->doc_ids[ack->doc],
                        (unsigned long long)ack->rev, (unsigned long long)rev);
    }
}

void sim_oracle_final(struct sim_world *world)
{
    struct ot_attrs_table *attrs = ot_attrs_table_new(16u << 20);

    MUST(attrs);
    for (unsigned i = 0; i < world->doc_count; i++) {
        struct sim_doc *stored = sim_store_doc(&world->store, slice_str(world->doc_ids[i]));
        struct doc *replay = ledger_replay(world, stored, attrs);
        for (unsigned k = 0; k < world->client_count; k++)
            if (!ot_rope_equal(client_doc_rope(world->clients[k].docs[i].doc), doc_rope(replay)))
                sim_violate(world, SIM_CONVERGE, "client-%u and the history of %s differ", k,
                            world->doc_ids[i]);
        stored_check(world, stored, replay, attrs);
        doc_free(replay);
    }
    acks_check(world);
    ot_attrs_table_free(attrs);
}
