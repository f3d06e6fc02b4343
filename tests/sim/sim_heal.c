/*
 * The end of a run: no more edits and faults, and everything has to settle. Mostly all are there at
 * once. In some runs, so that each part is seen to do by itself what the other would do in its
 * place:
 *
 *   workers first    they load everything anew while no archiver is there, and serve it
 *   archivers first  they archive everything, and bring Redis' head to PostgreSQL's, while nobody
 *                    opens a document
 *
 * Where the run may lose, Redis comes back as it was at an old backup there, mostly behind
 * PostgreSQL.
 */
#include "sim_world.h"

#define OTHERS_PERCENT 15 /* of each order */

/* A worker waits with what is beyond its bound of a tail until it is archived. */
#define TAIL_BYTES_MIN (128u << 10)

static enum sim_heal drawn(const struct sim_world *world)
{
    struct rng rng; /* of its own: runs are as they were before this was drawn */

    rng_init(&rng, ~world->seed);
    uint64_t percent = rng_below(&rng, 100);
    /* Whoever is to put back what Redis has lost must not die now. */
    if (!world->store.lossy && sim_store_owes(&world->store))
        return SIM_HEAL_TOGETHER;
    /* Nor is a worker's memory tight, as it is where somebody is rude. */
    if (percent < OTHERS_PERCENT && world->tail_bytes_max >= TAIL_BYTES_MIN &&
        !world->rates[SIM_RUDE])
        return SIM_HEAL_WORKERS_FIRST;
    return percent >= 100 - OTHERS_PERCENT ? SIM_HEAL_ARCHIVERS_FIRST : SIM_HEAL_TOGETHER;
}

bool sim_heal_holds(const struct sim_world *world, const struct sim_process *process)
{
    return (world->heal == SIM_HEAL_WORKERS_FIRST && process->role == SIM_ARCHIVER) ||
           (world->heal == SIM_HEAL_ARCHIVERS_FIRST && process->role == SIM_WORKER);
}

void sim_heal_begin(struct sim_world *world)
{
    static const char *const orders[] = {"together", "workers first", "archivers first"};

    world->healing = true;
    sim_faults_end(world);
    world->heal = drawn(world);
    sim_trace(world, "no more edits and faults; everything must settle now, %s",
              orders[world->heal]);
    if (world->heal == SIM_HEAL_TOGETHER)
        return;
    world->totals.heals_apart++;
    if (world->store.lossy)
        world->totals.restores += sim_store_restore(&world->store) > 0;
    for (unsigned i = 0; i < world->process_count; i++)
        if (world->processes[i].role != SIM_GATEWAY && world->processes[i].boot)
            sim_process_crash(&world->processes[i]);
}

bool sim_heal_settled(struct sim_world *world, struct bytes *why)
{
    if (!sim_oracle_alive(world, why))
        return false;
    if (world->heal != SIM_HEAL_ARCHIVERS_FIRST && !sim_oracle_served(world, why))
        return false;
    if (world->heal != SIM_HEAL_WORKERS_FIRST && !sim_oracle_archived(world, why))
        return false;
    if (world->heal == SIM_HEAL_TOGETHER)
        return true;
    sim_trace(world, "the others come back");
    world->heal = SIM_HEAL_TOGETHER;
    return false;
}
