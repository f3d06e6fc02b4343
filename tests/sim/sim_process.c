/* Gateways, workers and archivers: birth, death, their I/O tables. */
#include <stdio.h>
#include <stdlib.h>

#include "sim_world.h"

static uint64_t io_now_ms(void *ctx)
{
    struct sim_process *process = ctx;

    return process->world->now_ms - 1600000000000; /* monotonic clocks start anywhere */
}

static uint64_t io_now_us(void *ctx)
{
    return io_now_ms(ctx) * 1000;
}

static uint64_t io_wall_ms(void *ctx)
{
    struct sim_process *process = ctx;

    return process->world->store.now_ms; /* as wrong as Redis' */
}

static uint64_t io_random(void *ctx)
{
    struct sim_process *process = ctx;

    return rng_u64(&process->world->rng);
}

static void worker_send(void *ctx, uint64_t gateway_boot, struct slice item)
{
    SIM_ALLOC_OUTSIDE;
    sim_ghost_told(ctx, gateway_boot, item);
    sim_link_down(ctx, gateway_boot, item);
}

/* Who is alone goes on by the view that it had while Redis is away. */
static void handoff_check(struct sim_process *process)
{
    struct sim_world *world = process->world;
    unsigned workers = 0;

    for (unsigned i = 0; i < world->process_count; i++)
        workers += world->processes[i].role == SIM_WORKER;
    if (workers == 1 && !process->leaving)
        sim_violate(world, SIM_OWNER, "%s is the only worker, and hands a document over",
                    process->id);
}

/* What becomes of the tails that workers hold. */
static void worker_tail_event(struct sim_process *process, enum wk_event event, struct slice id,
                              uint64_t detail)
{
    unsigned who = sim_process_number(process);
    struct sim_world *world = process->world;
    struct sim_doc *doc = id.size ? sim_store_doc(&world->store, id) : NULL;

    if (event == WK_EVENT_LOADED) {
        sim_store_loaded(&world->store, id, detail, who);
        doc->handed_by &= ~(1u << who);
    } else if (event == WK_EVENT_HANDOFF) {
        doc->handed_by |= 1u << who;
        handoff_check(process);
        sim_faults_handoff(world);
    } else if (event == WK_EVENT_TAIL_LET_GO) {
        sim_store_unheld(&world->store, id);
    } else if (event == WK_EVENT_TAIL_REAPPENDED) {
        world->totals.handed_back += doc->handed_by >> who & 1;
    }
}

static const char *const worker_events[WK_EVENT_COUNT] = {
    [WK_EVENT_LOADED] = "has loaded",
    [WK_EVENT_EVICTED] = "has evicted",
    [WK_EVENT_CREATED] = "has created",
    [WK_EVENT_APPEND_REFUSED] = "was refused to append to",
    [WK_EVENT_APPEND_UNKNOWN] = "does not know whether it appended to",
    [WK_EVENT_TAIL_REAPPENDED] = "has appended a lost tail again to",
    [WK_EVENT_TAIL_SUPERSEDED] = "admits what was superseded again to",
    [WK_EVENT_REBASED] = "has rebased",
    [WK_EVENT_RESYNC] = "resyncs a client of",
    [WK_EVENT_NEWER] = "is too old for",
    [WK_EVENT_QUARANTINED] = "has quarantined",
    [WK_EVENT_RELEASED] = "has released",
    [WK_EVENT_HANDOFF] = "has handed over",
    [WK_EVENT_TAIL_LET_GO] = "lets go the tail of",
    [WK_EVENT_VIEW] = "goes by view",
    [WK_EVENT_STALE] = "has no beat",
};

static const char *const archiver_events[AR_EVENT_COUNT] = {
    [AR_EVENT_COMMITTED] = "has committed",
    [AR_EVENT_LOST] = "came second to",
    [AR_EVENT_UNKNOWN] = "does not know whether it committed",
    [AR_EVENT_REBASED] = "has rebased",
    [AR_EVENT_DAMAGED] = "finds damage in",
    [AR_EVENT_NEWER] = "is too old for",
    [AR_EVENT_SNAPSHOT] = "has stored a snapshot of",
    [AR_EVENT_TRIMMED] = "has trimmed",
};

static void worker_event(void *ctx, enum wk_event event, struct slice doc, uint64_t detail)
{
    SIM_ALLOC_OUTSIDE;
    struct sim_process *process = ctx;

    sim_trace(process->world, "%s %s %.*s %llu", process->id, worker_events[event], (int)doc.size,
              (const char *)doc.data, (unsigned long long)detail);
    worker_tail_event(process, event, doc, detail);
    process->world->totals.quarantines += event == WK_EVENT_QUARANTINED;
    if (event == WK_EVENT_QUARANTINED &&
        !sim_damage_hides(process->world, sim_store_doc(&process->world->store, doc)))
        sim_violate(process->world, SIM_CHAIN, "%s quarantined %.*s", process->id, (int)doc.size,
                    (const char *)doc.data);
}

static void archiver_event(void *ctx, enum ar_event event, struct slice doc, uint64_t detail)
{
    SIM_ALLOC_OUTSIDE;
    struct sim_process *process = ctx;

    sim_trace(process->world, "%s %s %.*s %llu", process->id, archiver_events[event], (int)doc.size,
              (const char *)doc.data, (unsigned long long)detail);
    process->world->totals.damage_seen += event == AR_EVENT_DAMAGED;
    if (event == AR_EVENT_DAMAGED &&
        !sim_damage_hides(process->world, sim_store_doc(&process->world->store, doc)))
        sim_violate(process->world, SIM_CHAIN, "%s found %.*s damaged at %llu", process->id,
                    (int)doc.size, (const char *)doc.data, (unsigned long long)detail);
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

/* What a shell may leave out, some leave out. */
static bool is_plain(const struct sim_process *process)
{
    return process->index == 1;
}

static bool gateway_payload(void *ctx, enum gw_variant variant, const struct wire_opened *opened,
                            struct bytes *out)
{
    (void)ctx;
    (void)variant;
    bytes_append_slice(out, opened->payload);
    return !out->failed;
}

static enum gw_send gateway_send(void *ctx, void *shell, struct refbuf *frame)
{
    struct sim_process *process = ctx;
    struct sim_rude *rude = sim_rude_of(process->world, shell);

    return rude ? sim_rude_send(rude) : sim_conn_send(ctx, shell, frame);
}

static void gateway_close(void *ctx, void *shell, uint32_t code)
{
    SIM_ALLOC_OUTSIDE;
    struct sim_process *process = ctx;
    struct sim_rude *rude = sim_rude_of(process->world, shell);

    if (rude)
        sim_rude_close(rude);
    else
        sim_conn_close(ctx, shell, code);
}

static void gateway_told(void *ctx, void *shell, const struct gw_told *told)
{
    struct sim_process *process = ctx;

    (void)shell;
    process->world->totals.told += told->code > 0;
}

static const char *const elsewhere[] = {"sim://elsewhere"};

static bool gateway_start(struct sim_process *process)
{
    const struct sim_bounds *bounds = &process->world->bounds;
    struct gw_config config = {.id = process->id,
                               .address = process->address,
                               .boot_id = process->boot,
                               .heartbeat_ms = 15000,
                               .hello_ms = 10000,
                               .frames_per_s_max = bounds->frames_per_s_max,
                               .connections_max = bounds->connections_max,
                               .unacked_bytes_max = bounds->unacked_bytes_max,
                               .payload_bytes_max = bounds->payload_bytes_max,
                               .attachments_max = bounds->gateway_attachments_max,
                               .op_bytes_max = bounds->op_bytes_max,
                               .documents_max = bounds->documents_max,
                               .frame_bytes_max = is_plain(process) ? 0 : 1u << 20,
                               .presence_bytes_max = SIM_PRESENCE_BYTES_MAX,
                               .presence_per_s_max = is_plain(process) ? 0 : 2,
                               .drain_ms = 100,
                               .addresses = elsewhere,
                               .address_count = is_plain(process) ? 0 : 1,
                               .auth = is_plain(process) ? NULL : &sim_rude_auth};
    struct gw_io io = {.ctx = process,
                       .now_us = io_now_us,
                       .clock_us = io_now_us,
                       .random = io_random,
                       .storage = {process, sim_storage_call},
                       .encode = sim_conn_encode,
                       .payload = is_plain(process) ? NULL : gateway_payload,
                       .send = gateway_send,
                       .close = gateway_close,
                       .told = is_plain(process) ? NULL : gateway_told,
                       .link_open = gateway_link_open,
                       .link_close = gateway_link_close,
                       .link_send = gateway_link_send};

    process->gateway = gw_core_new(&config, &io);
    if (process->gateway)
        gw_core_start(process->gateway);
    return process->gateway;
}

static bool worker_start(struct sim_process *process)
{
    struct wk_config config = {.id = process->id,
                               .address = process->address,
                               .boot_id = process->boot,
                               .documents_bytes_max = process->world->bounds.documents_bytes_max,
                               .tail_bytes_max = process->world->tail_bytes_max,
                               .pending_bytes_max = process->world->bounds.pending_bytes_max,
                               .attachments_max = process->world->bounds.worker_attachments_max,
                               .idle_ms = 2000,
                               .revalidate_ms = 500,
                               .commit_ms = process->world->commit_ms,
                               .confirmed_by_replica = process->world->store.replica};
    struct wk_io io = {.ctx = process,
                       .now_us = io_now_us,
                       .clock_us = io_now_us,
                       .random = io_random,
                       .storage = {process, sim_storage_call},
                       .send = worker_send,
                       .event = worker_event};

    process->worker = wk_core_new(&config, &io);
    if (process->worker)
        wk_core_start(process->worker);
    return process->worker;
}

static bool archiver_start(struct sim_process *process)
{
    struct ar_config config = {.lease_ms = 3000,
                               .jobs_max = 4,
                               .entries_max = 5,
                               .snapshot_revs = 20,
                               .snapshot_bytes = 64u << 10,
                               .poll_ms = 200,
                               .sweep_ms = 1000,
                               .cache_bytes_max = process->world->cache_bytes_max};
    struct ar_io io = {.ctx = process,
                       .now_ms = io_now_ms,
                       .wall_ms = io_wall_ms,
                       .random = io_random,
                       .storage = {process, sim_storage_call},
                       .event = archiver_event};

    process->archiver = ar_core_new(&config, &io);
    if (process->archiver) {
        ar_core_start(process->archiver);
        ar_core_storage_reconnected(process->archiver);
    }
    return process->archiver;
}

/* What did not start is freed too. */
static void core_free(struct sim_process *process)
{
    if (process->role == SIM_GATEWAY)
        process->gateway = gw_core_free(process->gateway);
    else if (process->role == SIM_WORKER)
        process->worker = wk_core_free(process->worker);
    else
        process->archiver = ar_core_free(process->archiver);
}

static bool core_start(struct sim_process *process)
{
    return process->role == SIM_GATEWAY  ? gateway_start(process)
           : process->role == SIM_WORKER ? worker_start(process)
                                         : archiver_start(process);
}

/* Where memory is out it ends at once, and is started again. */
void sim_process_start(struct sim_process *process)
{
    struct sim_world *world = process->world;

    process->boot = world->next_boot++;
    sim_trace(world, "%s starts, boot %llu", process->id, (unsigned long long)process->boot);
    sim_core_begin(process);
    bool started = core_start(process);
    (void)sim_core_end(process);
    if (started)
        return;
    process->boot = 0;
    core_free(process);
    process->restart_ms = world->now_ms + rng_between(&world->rng, 50, 4000);
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
        sim_rude_gateway_gone(process);
        process->boot = 0;
    }
    core_free(process);
    if (process->role == SIM_WORKER)
        sim_store_unheld(&world->store, (struct slice){0});
    sim_store_process_gone(&world->store, sim_process_number(process));
    sim_link_process_gone(process);
    sim_process_resume(process, false);
    process->leaving = false;
    process->restart_ms = world->now_ms + rng_between(&world->rng, 50, 4000);
}

void sim_process_tick(struct sim_process *process)
{
    sim_core_begin(process);
    if (process->role == SIM_GATEWAY)
        gw_core_tick(process->gateway);
    else if (process->role == SIM_WORKER)
        wk_core_tick(process->worker);
    else
        ar_core_tick(process->archiver);
    (void)sim_core_end(process);
}

uint64_t sim_process_due_ms(const struct sim_process *process)
{
    uint64_t due = process->role == SIM_GATEWAY  ? gw_core_due_ms(process->gateway)
                   : process->role == SIM_WORKER ? wk_core_due_ms(process->worker)
                                                 : ar_core_due_ms(process->archiver);

    return due > UINT64_MAX - 1600000000000 ? UINT64_MAX : due + 1600000000000;
}

/* --- SIGTERM, SIGSTOP --- */

void sim_process_drain(struct sim_process *process)
{
    if (process->leaving || process->paused)
        return;
    sim_trace(process->world, "%s is told to leave", process->id);
    process->world->totals.drains++;
    process->leaving = true;
    if (process->role == SIM_GATEWAY)
        gw_core_drain(process->gateway);
    else if (process->role == SIM_WORKER)
        wk_core_drain(process->worker);
    else
        ar_core_drain(process->archiver);
}

bool sim_process_left(const struct sim_process *process)
{
    return process->role == SIM_GATEWAY  ? gw_core_drained(process->gateway)
           : process->role == SIM_WORKER ? wk_core_drained(process->worker)
                                         : ar_core_drained(process->archiver);
}

static void resumes(struct sim_world *world, struct sim_event *event)
{
    struct sim_process *process = event->a;

    if (event->number == process->boot)
        sim_process_resume(process, false);
}

/* The others notice by the silence of their links. */
static void silent(struct sim_world *world, struct sim_event *event)
{
    struct sim_process *process = event->a;

    if (event->number == process->boot && process->paused)
        sim_link_process_gone(process);
}

void sim_process_pause(struct sim_process *process, uint64_t for_ms)
{
    struct sim_world *world = process->world;

    if (process->paused)
        return;
    sim_trace(world, "%s stops for %llu ms", process->id, (unsigned long long)for_ms);
    world->totals.pauses++;
    process->paused = true;
    if (process->role == SIM_WORKER)
        sim_store_unheld(&world->store, (struct slice){0});
    sim_event_add(world, world->now_ms + for_ms, resumes, process, NULL)->number = process->boot;
    sim_event_add(world, world->now_ms + 1000, silent, process, NULL)->number = process->boot;
}

void sim_process_resume(struct sim_process *process, bool over)
{
    struct sim_event *backlog = process->backlog;
    size_t count = process->backlog_count;

    process->paused = false;
    process->backlog = NULL;
    process->backlog_count = process->backlog_capacity = 0;
    for (size_t i = 0; i < count; i++) {
        if (over)
            backlog[i].number = UINT64_MAX;
        backlog[i].run(process->world, &backlog[i]);
        refbuf_unref(backlog[i].bytes);
    }
    free(backlog);
}

bool sim_process_stopped(struct sim_process *process, uint64_t boot, struct sim_event *event)
{
    if (!process->paused || process->boot != boot || event->number == UINT64_MAX)
        return false;
    if (process->backlog_count == process->backlog_capacity) {
        process->backlog_capacity = process->backlog_capacity ? 2 * process->backlog_capacity : 16;
        process->backlog =
            realloc(process->backlog, process->backlog_capacity * sizeof *process->backlog);
        MUST(process->backlog);
    }
    process->backlog[process->backlog_count++] = *event;
    event->bytes = NULL;
    return true;
}
