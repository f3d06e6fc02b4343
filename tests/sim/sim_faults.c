/*
 * What goes wrong, and how often: drawn from the seed, so that some runs see much of one kind and
 * others a little of each.
 *
 * Most runs may lose nothing that anybody was told of: there Redis loses only what PostgreSQL or a
 * living worker still holds. In the rest (durability `memory`, deaths of Redis and workers
 * together) text may be lost, but clients must be told and everything must agree in the end.
 */
#include "sim_world.h"

#define LOSSY_PERCENT 15

static unsigned upto(struct sim_world *world, unsigned most)
{
    return (unsigned)rng_below(&world->rng, most + 1);
}

/* 0 in most runs, so that what it disturbs also has quiet runs. */
static unsigned at_times(struct sim_world *world, unsigned percent, unsigned most)
{
    return rng_percent(&world->rng, percent) ? 1 + upto(world, most - 1) : 0;
}

void sim_faults_draw(struct sim_world *world)
{
    world->faults = (struct sim_faults){
        .slow_percent = 1 + upto(world, 9),
        .storage_lost = upto(world, 4),
        .storage_down = upto(world, 2),
        .postgres_slow_ms = at_times(world, 30, 1500),
        .postgres_restart = at_times(world, 30, 30),
        .link_reset = upto(world, 8),
        .disconnect = upto(world, 12),
        .cut_submit = at_times(world, 60, 12),
        .offline = at_times(world, 40, 50),
        .crash = upto(world, 6),
        .drain = at_times(world, 40, 5),
        .pause = at_times(world, 40, 8),
        .slow_reader = upto(world, 3),
        .reload = upto(world, 60),
        .lose_tail = at_times(world, 40, 30),
        .restore = at_times(world, 40, 30),
        .ghost = at_times(world, 40, 100),
    };
    world->store.lossy = rng_percent(&world->rng, LOSSY_PERCENT);
    if (world->store.lossy && !world->faults.lose_tail)
        world->faults.lose_tail = 20;
}

static void process_faults(struct sim_world *world, struct sim_process *process)
{
    const struct sim_faults *faults = &world->faults;

    if (!process->boot)
        return;
    /* One disaster at a time, unless the run may lose. */
    if (process->role == SIM_WORKER && !world->store.lossy && sim_store_owes(&world->store))
        return;
    if (sim_chance(world, faults->crash, SIM_STEP_MS))
        sim_process_crash(process);
    else if (sim_chance(world, faults->drain, SIM_STEP_MS))
        sim_process_drain(process);
    else if (sim_chance(world, faults->pause, SIM_STEP_MS))
        sim_process_pause(process, rng_between(&world->rng, 100, 4000));
}

static void redis_faults(struct sim_world *world)
{
    const struct sim_faults *faults = &world->faults;

    if (sim_chance(world, faults->lose_tail, SIM_STEP_MS)) {
        size_t count = rng_between(&world->rng, 1, 3);
        size_t lost = sim_store_lose_tail(&world->store, count);
        sim_trace(world, "redis restarts without the last %zu entries of each stream: %zu lost",
                  count, lost);
        world->totals.lost_tails += lost > 0;
    }
    if (sim_chance(world, faults->restore, SIM_STEP_MS)) {
        size_t lost = sim_store_restore(&world->store);
        sim_trace(world, "redis restarts as it was at the last backup: %zu revisions lost", lost);
        world->totals.restores += lost > 0;
    }
    if (sim_chance(world, 2 * faults->restore, SIM_STEP_MS))
        sim_store_backup(&world->store);
}

void sim_faults_step(struct sim_world *world)
{
    const struct sim_faults *faults = &world->faults;

    for (unsigned i = 0; i < SIM_LINKS_MAX; i++)
        if (world->links[i].used && sim_chance(world, faults->link_reset, SIM_STEP_MS))
            sim_link_reset(&world->links[i]);
    for (unsigned i = 0; i < world->client_count; i++)
        if (world->clients[i].conn && sim_chance(world, faults->disconnect, SIM_STEP_MS))
            sim_client_disconnect(&world->clients[i]);
    for (unsigned i = 0; i < world->process_count; i++)
        process_faults(world, &world->processes[i]);
    redis_faults(world);
    if (sim_chance(world, faults->postgres_restart, SIM_STEP_MS)) {
        size_t held = sim_store_locks_lost(&world->store);
        sim_trace(world, "postgres restarts, %zu locks were held", held);
        world->totals.lost_locks += held;
    }
    if (sim_chance(world, faults->ghost, SIM_STEP_MS))
        sim_ghost_step(world);
}
