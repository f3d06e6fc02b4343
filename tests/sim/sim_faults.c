/*
 * What goes wrong, and how often: drawn from the seed, so that some runs see much of one kind, and
 * others a little of many (swarm testing).
 *
 * Some runs have durability `replica`: there Redis is replaced by its replica, which has all that
 * anybody was told of.
 *
 * Most others may lose nothing that anybody was told of: there Redis loses only what PostgreSQL or
 * a living worker still holds. In the rest (durability `memory`, deaths of Redis and workers
 * together) text may be lost, but clients must be told and everything must agree in the end.
 */
#include <stdlib.h>

#include "sim_world.h"

#define LOSSY_PERCENT 15
#define REPLICA_PERCENT 15
#define LEAPS_MAX 3

/* What Redis loses by itself; at `replica` it is replaced by its replica instead. */
static const enum sim_fault losses[] = {SIM_LOSE_TAIL, SIM_LOSE_HANDED, SIM_RESTORE, SIM_BACKUP,
                                        SIM_LOSE_CHECKED};

static const struct {
    const char *name;
    unsigned runs, most;
} faults[] = {
#define X(constant, name, runs, most) {name, runs, most},
    SIM_FAULTS(X)
#undef X
};

const char *sim_fault_name(enum sim_fault kind)
{
    return faults[kind].name;
}

enum sim_fault sim_fault_named(const char *name, size_t size)
{
    for (int i = 0; i < SIM_FAULT_COUNT; i++)
        if (strlen(faults[i].name) == size && memcmp(faults[i].name, name, size) == 0)
            return (enum sim_fault)i;
    return SIM_FAULT_COUNT;
}

int sim_hit_compare(const void *a, const void *b)
{
    const struct sim_hit *left = a, *right = b;

    if (left->kind != right->kind)
        return left->kind < right->kind ? -1 : 1;
    return left->key < right->key ? -1 : left->key > right->key;
}

void sim_faults_draw(struct sim_world *world)
{
    struct rng later;

    /* What came later is drawn from numbers of its own: without it a seed is the run that it was.
     */
    rng_init(&later, world->seed);
    for (int i = 0; i < SIM_FAULT_COUNT; i++) {
        struct rng *rng = i < SIM_RUDE ? &world->rng : &later;
        if (rng_percent(rng, faults[i].runs))
            world->rates[i] = (unsigned)rng_between(rng, 1, faults[i].most);
    }
    world->store.replica = rng_percent(&world->rng, REPLICA_PERCENT);
    world->store.lossy = !world->store.replica && rng_percent(&world->rng, LOSSY_PERCENT);
    if (world->store.replica || world->store.lossy)
        world->rates[SIM_DAMAGE] = 0;
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++)
        if (world->store.replica || world->rates[SIM_DAMAGE])
            world->rates[losses[i]] = 0;
    if (world->store.lossy && !world->rates[SIM_LOSE_TAIL])
        world->rates[SIM_LOSE_TAIL] = 200;
}

/* A number of 64 bits that depends on these alone (the finisher of splitmix64, twice). */
static uint64_t mix(uint64_t seed, uint64_t kind, uint64_t key)
{
    uint64_t z = seed * 0x9e3779b97f4a7c15 + kind;

    for (int i = 0; i < 2; i++) {
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
        z = (z ^ z >> 27) * 0x94d049bb133111eb;
        z = (z ^ z >> 31) + key * 0xd6e8feb86659fd93;
    }
    return z ^ z >> 32;
}

static void hit_note(struct sim_world *world, const struct sim_hit *hit)
{
    if (world->hit_count == world->hit_capacity) {
        world->hit_capacity = world->hit_capacity ? 2 * world->hit_capacity : 64;
        world->hits = realloc(world->hits, world->hit_capacity * sizeof *world->hits);
        MUST(world->hits);
    }
    world->hits[world->hit_count++] = *hit;
}

static bool roll(struct sim_world *world, enum sim_fault kind, uint64_t key, unsigned chance,
                 unsigned of)
{
    const struct sim_limits *limits = &world->limits;
    struct sim_hit hit = {.kind = kind, .key = key};

    if (world->healing || !world->rates[kind])
        return false;
    world->fault_random = mix(world->seed, kind, key);
    if (world->fault_random % of >= chance)
        return false;
    if (limits->has_only &&
        !bsearch(&hit, limits->only, limits->only_count, sizeof hit, sim_hit_compare))
        return false;
    world->fault_random /= of;
    hit_note(world, &hit);
    sim_trace(world, "fault %s:%llu", sim_fault_name(kind), (unsigned long long)key);
    return true;
}

bool sim_fault_met(struct sim_world *world, enum sim_fault kind, unsigned whose)
{
    uint64_t nth = world->rolled[kind][whose]++;

    return roll(world, kind, nth * SIM_COUNTED_MAX + whose, world->rates[kind], 1000);
}

/* Of a second's chance, the part of one step. */
static bool strikes(struct sim_world *world, enum sim_fault kind, unsigned whom)
{
    return roll(world, kind, world->step * 64 + whom, world->rates[kind] * SIM_STEP_MS, 1000000);
}

uint64_t sim_fault_between(const struct sim_world *world, uint64_t low, uint64_t high)
{
    return low + world->fault_random % (high - low + 1);
}

/* Mostly short, at times so long that everything is given up meanwhile. */
static uint64_t outage_ms(struct sim_world *world)
{
    uint64_t most = sim_fault_between(world, 0, 9) == 0 ? 30000 : 4000;

    return 100 + world->fault_random / 16 % most;
}

/* --- what strikes whom --- */

static void process_faults(struct sim_world *world, struct sim_process *process)
{
    unsigned whom = sim_process_number(process);

    if (!process->boot)
        return;
    if (strikes(world, SIM_REDIS_CUT, whom))
        process->redis_back_ms = world->now_ms + outage_ms(world);
    /* One disaster at a time, unless the run may lose. */
    if (process->role == SIM_WORKER && !world->store.lossy && sim_store_owes(&world->store))
        return;
    if (strikes(world, SIM_CRASH, whom))
        sim_process_crash(process);
    else if (strikes(world, SIM_DRAIN, whom))
        sim_process_drain(process);
    else if (strikes(world, SIM_PAUSE, whom))
        sim_process_pause(process, outage_ms(world));
}

static void tail_lose(struct sim_world *world, size_t count)
{
    size_t lost = sim_store_lose_tail(&world->store, count);

    sim_trace(world, "redis restarts without the last %zu entries of each stream: %zu lost", count,
              lost);
    world->totals.lost_tails += lost > 0;
}

static void handed_lose(struct sim_world *world, struct sim_event *event)
{
    if (event->number != UINT64_MAX && !world->healing)
        tail_lose(world, event->number);
}

void sim_faults_handoff(struct sim_world *world)
{
    if (!sim_fault_met(world, SIM_LOSE_HANDED, 0))
        return;
    uint64_t count = sim_fault_between(world, 1, 3);
    uint64_t delay_ms = sim_fault_between(world, 0, 999);
    sim_event_add(world, world->now_ms + delay_ms, handed_lose, NULL, NULL)->number = count;
}

/* In a run that may lose, workers go too: nobody holds what the archiver has found. At times it is
 * the last that happens, so nobody writes any more. */
static void checked_lose(struct sim_world *world, struct sim_event *event)
{
    if (event->number == UINT64_MAX || world->healing)
        return;
    tail_lose(world, event->number);
    for (unsigned i = 0; i < world->process_count && world->store.lossy; i++)
        if (world->processes[i].role == SIM_WORKER && world->processes[i].boot)
            sim_process_crash(&world->processes[i]);
    if (event->a)
        world->edits_left = 0;
}

uint64_t sim_faults_commit(struct sim_world *world)
{
    if (!sim_fault_met(world, SIM_LOSE_CHECKED, 0))
        return 0;
    bool last = world->store.lossy && sim_fault_between(world, 0, 9) < 4;
    sim_event_add(world, world->now_ms, checked_lose, last ? world : NULL, NULL)->number =
        sim_fault_between(world, 1, 3);
    return sim_fault_between(world, 0, 6000);
}

static void replica_faults(struct sim_world *world)
{
    if (strikes(world, SIM_FAILOVER, 0)) {
        size_t lost = sim_store_failover(&world->store);
        sim_trace(world, "redis' replica takes its place: %zu revisions lost", lost);
        world->totals.failovers += lost > 0;
    }
    if (strikes(world, SIM_REPLICA_BEHIND, 0))
        world->replica_behind_ms = world->now_ms + sim_fault_between(world, 20, 2000);
}

/* Nothing happens for as long as results of sessions are kept, give or take what clocks differ. */
static void leap(struct sim_world *world)
{
    if (world->totals.leaps == LEAPS_MAX || !strikes(world, SIM_LEAP, 0))
        return;
    world->leap_ms += DOC_SESSION_KEEP_MS - DOC_CLOCK_SKEW_MS +
                      sim_fault_between(world, 0, 2 * DOC_CLOCK_SKEW_MS);
    world->totals.leaps++;
    sim_trace(world, "much later: %llu days since the beginning",
              (unsigned long long)(world->leap_ms / 86400000));
}

static void redis_faults(struct sim_world *world)
{
    if (strikes(world, SIM_REDIS_AWAY, 0))
        world->redis_back_ms = world->now_ms + outage_ms(world);
    if (strikes(world, SIM_REDIS_FULL, 0))
        world->redis_room_ms = world->now_ms + outage_ms(world);
    if (world->store.replica)
        replica_faults(world);
    if (strikes(world, SIM_LOSE_TAIL, 0))
        tail_lose(world, sim_fault_between(world, 1, 3));
    if (strikes(world, SIM_RESTORE, 0)) {
        size_t lost = sim_store_restore(&world->store);
        sim_trace(world, "redis restarts as it was at the last backup: %zu revisions lost", lost);
        world->totals.restores += lost > 0;
    }
    if (world->rates[SIM_RESTORE] && strikes(world, SIM_BACKUP, 0))
        sim_store_backup(&world->store);
    if (strikes(world, SIM_CLOCK_JUMP, 0)) {
        world->store.skew_ms = (int64_t)sim_fault_between(world, 0, 240000) - 120000;
        sim_trace(world, "redis' clock is %lld ms off now", (long long)world->store.skew_ms);
        world->totals.clock_jumps++;
    }
}

static void postgres_faults(struct sim_world *world)
{
    if (strikes(world, SIM_POSTGRES_AWAY, 0))
        world->postgres_back_ms = world->now_ms + outage_ms(world);
    if (strikes(world, SIM_POSTGRES_RESTART, 0)) {
        size_t held = sim_store_locks_lost(&world->store);
        sim_trace(world, "postgres restarts, %zu locks were held", held);
        world->totals.lost_locks += held;
    }
}

static void link_faults(struct sim_world *world, unsigned i)
{
    struct sim_link *link = &world->links[i];

    if (!link->used)
        return;
    if (strikes(world, SIM_LINK_RESET, i))
        sim_link_reset(link);
    if (strikes(world, SIM_LINK_STALL, i))
        sim_link_stall(link, sim_fault_between(world, 1, 3), outage_ms(world));
}

/* A client becomes another tab of the next one. */
static void twins(struct sim_world *world)
{
    for (unsigned i = 0; i < world->client_count; i++) {
        struct sim_client *client = &world->clients[i];
        if (!strikes(world, SIM_TWIN, i))
            continue;
        if (client->conn)
            sim_client_disconnect(client);
        sim_client_twin(client, &world->clients[(i + 1) % world->client_count]);
    }
}

void sim_faults_step(struct sim_world *world)
{
    for (unsigned i = 0; i < SIM_LINKS_MAX; i++)
        link_faults(world, i);
    for (unsigned i = 0; i < world->client_count; i++)
        if (world->clients[i].conn && strikes(world, SIM_DISCONNECT, i))
            sim_client_disconnect(&world->clients[i]);
    twins(world);
    if (strikes(world, SIM_DAMAGE, 0))
        sim_damage_strike(world);
    for (unsigned i = 0; i < world->process_count; i++)
        process_faults(world, &world->processes[i]);
    redis_faults(world);
    postgres_faults(world);
    leap(world);
    if (strikes(world, SIM_RUDE, 0))
        sim_rude_step(world);
    if (strikes(world, SIM_RUDE, 1))
        sim_stray_step(world);
    if (strikes(world, SIM_GHOST, 0))
        sim_ghost_step(world);
}

/* Most events allocate a few times, and most of these matter; some allocate often. */
#define ALLOCATIONS_MAX 16
#define ALLOCATIONS_MANY 400

void sim_core_begin(struct sim_process *process)
{
    struct sim_world *world = process->world;

    if (!sim_fault_met(world, SIM_NO_MEMORY, sim_process_number(process)))
        return;
    uint64_t kind = sim_fault_between(world, 0, 7);
    uint64_t most = kind == 0 ? ALLOCATIONS_MANY : kind < 4 ? 4 : ALLOCATIONS_MAX;
    sim_alloc_begin((unsigned)(1 + world->fault_random / 8 % most), kind % 2);
}

bool sim_core_end(struct sim_process *process)
{
    bool failed = sim_alloc_end();

    if (process->role == SIM_GATEWAY && process->boot && process->gateway)
        gw_core_turn_end(process->gateway);
    process->world->totals.memory_out += failed;
    return failed;
}

void sim_faults_end(struct sim_world *world)
{
    world->redis_back_ms = world->redis_room_ms = world->postgres_back_ms = 0;
    world->replica_behind_ms = 0;
    sim_rude_end(world);
    sim_strays_end(world);
    for (unsigned i = 0; i < world->process_count; i++)
        world->processes[i].redis_back_ms = 0;
}
