/* Events in order of time (and of their making, where times are equal), and one run of a seed. */
#include "sim_world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define HEAL_MS_MAX 240000   /* simulated time in which everything must have settled */
#define FAULTS_MS_MAX 600000 /* where nobody can edit, the faults end too */
#define TICKS_MAX 10000      /* at one moment: a core that spins is a bug */

static bool before(const struct sim_event *a, const struct sim_event *b)
{
    return a->time_ms != b->time_ms ? a->time_ms < b->time_ms : a->order < b->order;
}

struct sim_event *sim_event_add(struct sim_world *world, uint64_t time_ms,
                                void (*run)(struct sim_world *, struct sim_event *), void *a,
                                void *b)
{
    if (world->heap_count == world->heap_capacity) {
        world->heap_capacity = world->heap_capacity ? 2 * world->heap_capacity : 256;
        world->heap = realloc(world->heap, world->heap_capacity * sizeof *world->heap);
        MUST(world->heap);
    }
    struct sim_event event = {
        .time_ms = time_ms, .order = world->order++, .run = run, .a = a, .b = b};
    size_t i = world->heap_count++;
    while (i > 0 && before(&event, &world->heap[(i - 1) / 2])) {
        world->heap[i] = world->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    world->heap[i] = event;
    return &world->heap[i];
}

static struct sim_event event_take(struct sim_world *world)
{
    struct sim_event top = world->heap[0], last = world->heap[--world->heap_count];
    size_t i = 0, child;

    while ((child = 2 * i + 1) < world->heap_count) {
        if (child + 1 < world->heap_count && before(&world->heap[child + 1], &world->heap[child]))
            child++;
        if (!before(&world->heap[child], &last))
            break;
        world->heap[i] = world->heap[child];
        i = child;
    }
    world->heap[i] = last;
    return top;
}

uint64_t sim_delay_ms(struct sim_world *world)
{
    if (sim_fault_met(world, SIM_SLOW, 0))
        return sim_fault_between(world, 20, 600);
    return rng_below(&world->rng, 6);
}

void sim_violate(struct sim_world *world, enum sim_oracle oracle, const char *format, ...)
{
    char text[512];
    va_list args;

    if (sim_violated(world))
        return;
    world->violation.oracle = oracle;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    bytes_append_str(&world->violation.text, text);
    sim_trace(world, "broken: %s: %s", sim_oracle_name(oracle), text);
}

void sim_trace(struct sim_world *world, const char *format, ...)
{
    va_list args;

    if (!world->trace)
        return;
    printf("%8llu ", (unsigned long long)(world->now_ms - world->start_ms));
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

static void processes_draw(struct sim_world *world)
{
    unsigned counts[] = {[SIM_GATEWAY] = (unsigned)rng_between(&world->rng, 1, 3),
                         [SIM_WORKER] = (unsigned)rng_between(&world->rng, 1, 3),
                         [SIM_ARCHIVER] = (unsigned)rng_between(&world->rng, 1, 2)};
    static const char *const names[] = {"gateway", "worker", "archiver"};

    for (unsigned role = 0; role < 3; role++)
        for (unsigned i = 0; i < counts[role]; i++) {
            struct sim_process *process = &world->processes[world->process_count++];
            *process = (struct sim_process){.world = world, .role = role, .index = i};
            snprintf(process->id, sizeof process->id, "%s-%u", names[role], i);
            snprintf(process->address, sizeof process->address, "sim://%s-%u", names[role], i);
        }
}

static unsigned at_most(unsigned drawn, unsigned limit)
{
    return limit && limit < drawn ? limit : drawn;
}

void sim_world_init(struct sim_world *world, uint64_t seed, const struct sim_limits *limits,
                    bool trace)
{
    *world = (struct sim_world){.seed = seed, .limits = *limits, .trace = trace, .next_boot = 1};
    rng_init(&world->rng, seed);
    sim_store_init(&world->store, &world->violation);
    world->now_ms = world->start_ms = 1700000000000;
    world->store.now_ms = world->now_ms;
    sim_faults_draw(world);
    processes_draw(world);
    world->tail_bytes_max =
        rng_percent(&world->rng, 10) ? 8192 : 1u << rng_between(&world->rng, 16, 20);
    world->cache_bytes_max = rng_percent(&world->rng, 20) ? 4096 : 1u << 20;
    world->commit_ms = rng_percent(&world->rng, 50) ? rng_between(&world->rng, 1, 20) : 0;
    world->doc_count =
        at_most((unsigned)rng_between(&world->rng, 1, SIM_DOCS_MAX), limits->docs_max);
    for (unsigned i = 0; i < world->doc_count; i++)
        snprintf(world->doc_ids[i], sizeof world->doc_ids[i], "doc-%u", i);
    world->client_count =
        at_most((unsigned)rng_between(&world->rng, 2, SIM_CLIENTS_MAX), limits->clients_max);
    world->edits_left = at_most((unsigned)rng_between(&world->rng, 50, 400), limits->edits_max);
    sim_bounds_draw(world);
    for (unsigned i = 0; i < world->process_count; i++)
        sim_process_start(&world->processes[i]);
    for (unsigned i = 0; i < world->client_count; i++) {
        world->clients[i] = (struct sim_client){.world = world, .index = i};
        sim_client_init(&world->clients[i]);
    }
}

static void process_step(struct sim_process *process)
{
    if (process->boot && process->leaving && !process->paused && sim_process_left(process))
        sim_process_crash(process);
    else if (!process->boot && process->world->now_ms >= process->restart_ms &&
             !sim_heal_holds(process->world, process))
        sim_process_start(process);
}

static void step(struct sim_world *world, struct sim_event *event)
{
    sim_oracle_step(world);
    world->step++;
    if (!world->healing)
        sim_faults_step(world);
    if (world->store.replica && world->now_ms >= world->replica_behind_ms)
        sim_store_replicate(&world->store);
    sim_damage_step(world);
    sim_store_owed_check(&world->store);
    for (unsigned i = 0; i < world->process_count; i++)
        process_step(&world->processes[i]);
    for (unsigned i = 0; i < world->client_count; i++)
        sim_client_step(&world->clients[i]);
    if (world->step % (240 / SIM_STEP_MS) == 0)
        sim_link_heartbeat(world);
    sim_event_add(world, world->now_ms + SIM_STEP_MS, step, NULL, NULL);
}

static void time_set(struct sim_world *world, uint64_t now_ms)
{
    if (now_ms > world->now_ms)
        world->now_ms = now_ms;
    world->store.now_ms = world->now_ms + world->leap_ms + (uint64_t)world->store.skew_ms;
    world->store.run_ms = world->now_ms;
}

/* Ticks what is due; true if something was. */
static bool processes_tick(struct sim_world *world, uint64_t limit_ms, uint64_t *ret_next_ms)
{
    uint64_t next = UINT64_MAX;
    struct sim_process *first = NULL;

    for (unsigned i = 0; i < world->process_count; i++) {
        struct sim_process *process = &world->processes[i];
        uint64_t due = process->boot && !process->paused ? sim_process_due_ms(process) : UINT64_MAX;
        if (due < next) {
            next = due;
            first = process;
        }
    }
    *ret_next_ms = next;
    if (!first || next > limit_ms)
        return false;
    time_set(world, next);
    sim_process_tick(first);
    return true;
}

static void run_until_quiet(struct sim_world *world)
{
    uint64_t start = world->now_ms, heal_ms = 0, last_ms = 0, next;
    struct bytes why = BYTES_INIT;
    unsigned ticks = 0;

    while (!sim_violated(world)) {
        world->totals.events++;
        ticks = world->now_ms == last_ms ? ticks + 1 : 0;
        last_ms = world->now_ms;
        if (ticks > TICKS_MAX)
            sim_violate(world, SIM_SETTLE, "a core spins: %u events at one moment", TICKS_MAX);
        if (processes_tick(world, world->heap[0].time_ms, &next))
            continue;
        struct sim_event event = event_take(world);
        time_set(world, event.time_ms);
        event.run(world, &event);
        refbuf_unref(event.bytes);
        if (!world->healing && (world->edits_left == 0 || world->now_ms - start > FAULTS_MS_MAX)) {
            heal_ms = world->now_ms;
            sim_heal_begin(world);
        }
        if (event.run != step || !world->healing)
            continue;
        if (sim_heal_settled(world, &why))
            break;
        if (world->now_ms - heal_ms > HEAL_MS_MAX)
            sim_violate(world, SIM_SETTLE, "stuck: %u ms after the last fault %.*s", HEAL_MS_MAX,
                        (int)why.size, (const char *)why.data);
    }
    bytes_fini(&why);
    world->totals.simulated_ms += world->now_ms - start;
}

void sim_world_run(struct sim_world *world)
{
    sim_event_add(world, world->now_ms, step, NULL, NULL);
    run_until_quiet(world);
    if (!sim_violated(world))
        sim_oracle_final(world);
    world->trace = false; /* what follows is the end of the world, not of the story */
}

void sim_world_fini(struct sim_world *world)
{
    for (unsigned i = 0; i < world->client_count; i++)
        sim_client_fini(&world->clients[i]);
    world->totals.rebases = world->store.rebased;
    world->totals.adopted = world->store.adopted;
    world->totals.lossy = world->store.lossy;
    for (unsigned i = 0; i < world->process_count; i++) {
        sim_process_resume(&world->processes[i], true);
        if (world->processes[i].boot)
            sim_process_crash(&world->processes[i]);
    }
    while (world->heap_count) {
        struct sim_event event = event_take(world);
        event.number = UINT64_MAX; /* over: release what it holds, do nothing */
        if (event.run != step)
            event.run(world, &event);
        refbuf_unref(event.bytes);
    }
    sim_conns_fini(world);
    free(world->heap);
    free(world->acks);
    free(world->hits);
    free(world->ghosts);
    sim_store_fini(&world->store);
    bytes_fini(&world->violation.text);
}
