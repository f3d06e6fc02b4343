/* Gateways, workers and archivers: birth, death, their I/O tables. */
#include <stdio.h>

#include "sim_world.h"

static uint64_t io_now_ms(void *ctx)
{
    struct sim_process *process = ctx;

    return process->world->now_ms - 1600000000000; /* monotonic clocks start anywhere */
}

static uint64_t io_wall_ms(void *ctx)
{
    struct sim_process *process = ctx;

    return process->world->now_ms;
}

static uint64_t io_random(void *ctx)
{
    struct sim_process *process = ctx;

    return rng_u64(&process->world->rng);
}

static void worker_send(void *ctx, uint64_t gateway_boot, struct slice item)
{
    sim_link_down(ctx, gateway_boot, item);
}

static void worker_event(void *ctx, enum wk_event event, struct slice doc, uint64_t detail)
{
    struct sim_process *process = ctx;

    sim_trace(process->world, "%s event %d %.*s %llu", process->id, event, (int)doc.size,
              (const char *)doc.data, (unsigned long long)detail);
    if (event == WK_EVENT_HANDOFF)
        sim_store_handed_over(&process->world->store, doc);
    if (event == WK_EVENT_QUARANTINED)
        sim_violate(process->world, "%s quarantined %.*s", process->id, (int)doc.size,
                    (const char *)doc.data);
}

static void archiver_event(void *ctx, enum ar_event event, struct slice doc, uint64_t detail)
{
    struct sim_process *process = ctx;

    sim_trace(process->world, "%s event %d %.*s %llu", process->id, event, (int)doc.size,
              (const char *)doc.data, (unsigned long long)detail);
    if (event == AR_EVENT_DAMAGED)
        sim_violate(process->world, "I3: %s found %.*s damaged at %llu", process->id, (int)doc.size,
                    (const char *)doc.data, (unsigned long long)detail);
}

static void gateway_link_open(void *ctx, const struct cluster_member *worker)
{
    sim_link_open(ctx, worker);
}

static void gateway_link_close(void *ctx, uint64_t worker_boot)
{
    sim_link_close(ctx, worker_boot);
}

static bool gateway_link_send(void *ctx, uint64_t worker_boot, struct slice item)
{
    return sim_link_up(ctx, worker_boot, item);
}

static void gateway_start(struct sim_process *process)
{
    struct gw_config config = {.id = process->id,
                               .address = process->address,
                               .boot_id = process->boot,
                               .heartbeat_ms = 15000,
                               .hello_ms = 10000,
                               .frames_per_s_max = 1000,
                               .connections_max = 100,
                               .unacked_bytes_max = 16u << 20,
                               .drain_ms = 100};
    struct gw_io io = {.ctx = process,
                       .now_ms = io_now_ms,
                       .random = io_random,
                       .storage = {process, sim_storage_call},
                       .encode = sim_conn_encode,
                       .send = sim_conn_send,
                       .close = sim_conn_close,
                       .link_open = gateway_link_open,
                       .link_close = gateway_link_close,
                       .link_send = gateway_link_send};

    process->gateway = gw_core_new(&config, &io);
    MUST(process->gateway);
    gw_core_start(process->gateway);
}

static void worker_start(struct sim_process *process)
{
    struct wk_config config = {.id = process->id,
                               .address = process->address,
                               .boot_id = process->boot,
                               .documents_bytes_max = 64u << 20,
                               .tail_bytes_max = 4u << 20,
                               .pending_bytes_max = 4u << 20,
                               .idle_ms = 2000,
                               .revalidate_ms = 500};
    struct wk_io io = {.ctx = process,
                       .now_ms = io_now_ms,
                       .random = io_random,
                       .storage = {process, sim_storage_call},
                       .send = worker_send,
                       .event = worker_event};

    process->worker = wk_core_new(&config, &io);
    MUST(process->worker);
    wk_core_start(process->worker);
}

static void archiver_start(struct sim_process *process)
{
    struct ar_config config = {.lease_ms = 3000,
                               .jobs_max = 4,
                               .entries_max = 5,
                               .snapshot_revs = 20,
                               .snapshot_bytes = 64u << 10,
                               .poll_ms = 200,
                               .sweep_ms = 1000,
                               .cache_bytes_max = 1u << 20};
    struct ar_io io = {.ctx = process,
                       .now_ms = io_now_ms,
                       .wall_ms = io_wall_ms,
                       .random = io_random,
                       .storage = {process, sim_storage_call},
                       .event = archiver_event};

    process->archiver = ar_core_new(&config, &io);
    MUST(process->archiver);
    ar_core_start(process->archiver);
}

void sim_process_start(struct sim_process *process)
{
    process->boot = process->world->next_boot++;
    sim_trace(process->world, "%s starts, boot %llu", process->id,
              (unsigned long long)process->boot);
    if (process->role == SIM_GATEWAY)
        gateway_start(process);
    else if (process->role == SIM_WORKER)
        worker_start(process);
    else
        archiver_start(process);
}

void sim_process_counters_add(struct sim_process *process)
{
    struct sim_totals *totals = &process->world->totals;

    if (process->role == SIM_WORKER) {
        const struct wk_counters *c = wk_core_counters(process->worker);
        totals->submits += c->submits;
        totals->ops += c->ops;
        totals->transformed += c->transformed;
        totals->refused += c->refused;
        totals->repeats += c->repeats;
        totals->unknown += c->appends_unknown;
        totals->appends_refused += c->appends_refused;
        totals->reappended += c->reappended;
        totals->handoffs += c->handoffs;
    } else if (process->role == SIM_GATEWAY) {
        const struct gw_counters *c = gw_core_counters(process->gateway);
        totals->gaps += c->gaps;
        totals->lagging += c->lagging;
    } else {
        const struct ar_counters *c = ar_core_counters(process->archiver);
        totals->commits += c->commits;
        totals->rebases += c->rebases;
    }
}

void sim_process_crash(struct sim_process *process)
{
    struct sim_world *world = process->world;

    sim_trace(world, "%s dies", process->id);
    sim_process_counters_add(process);
    world->totals.crashes++;
    uint64_t boot = process->boot;
    process->boot = 0;
    if (process->role == SIM_GATEWAY) {
        process->boot = boot; /* its connections go first */
        sim_client_gateway_gone(process);
        process->boot = 0;
        process->gateway = gw_core_free(process->gateway);
    } else if (process->role == SIM_WORKER) {
        process->worker = wk_core_free(process->worker);
    } else {
        process->archiver = ar_core_free(process->archiver);
    }
    sim_store_process_gone(&world->store, process);
    sim_link_process_gone(process);
    process->restart_ms = world->now_ms + rng_between(&world->rng, 50, 4000);
}

void sim_process_tick(struct sim_process *process)
{
    if (process->role == SIM_GATEWAY)
        gw_core_tick(process->gateway);
    else if (process->role == SIM_WORKER)
        wk_core_tick(process->worker);
    else
        ar_core_tick(process->archiver);
}

uint64_t sim_process_due_ms(const struct sim_process *process)
{
    uint64_t due = process->role == SIM_GATEWAY  ? gw_core_due_ms(process->gateway)
                   : process->role == SIM_WORKER ? wk_core_due_ms(process->worker)
                                                 : ar_core_due_ms(process->archiver);

    return due > UINT64_MAX - 1600000000000 ? UINT64_MAX : due + 1600000000000;
}
