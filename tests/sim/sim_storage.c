/*
 * Storage calls on their way to the store and back. What may happen to one: it arrives late; it is
 * lost before or after its effect (STORAGE_UNKNOWN: the caller cannot tell which); the store is
 * down, or full (STORAGE_DOWN: certainly no effect); the caller is told UNKNOWN, and it lands later
 * all the same; it is carried out twice; the process dies meanwhile (an append already sent may
 * land).
 */
#include <stdlib.h>

#include "sim_world.h"

struct request {
    struct sim_process *process;
    uint64_t boot;
    struct storage_call *original; /* in the core's memory: only while the process lives */
    struct storage_call copy;
    struct arena mem;
    struct cluster_view view;
    bool lose_answer;
    /* durability `replica`: what has to be on the replica, and since when that is waited for */
    uint64_t writes, wait_ms;
    unsigned failovers;
};

#define WAIT_MS 3000    /* how long an answer waits for the replica */
#define OVER UINT64_MAX /* sim_event.number: the world ends, release only */

static struct slice slice_copy(struct request *request, struct slice s)
{
    uint8_t *data = arena_copy(&request->mem, s.data, s.size);

    MUST(data || s.size == 0);
    return slice_of(data, s.size);
}

static void request_free(struct request *request)
{
    cluster_view_fini(&request->view);
    arena_fini(&request->mem);
    free(request);
}

static bool is_postgres(enum storage_kind kind)
{
    return kind >= STORAGE_LOAD;
}

/* Revisions: of an entry, up to where it was asked for, or as it was told. */
static void answer_trace(struct sim_process *process, const struct storage_call *call)
{
    uint64_t rev = call->position.rev ? call->position.rev : call->head.rev;

    if (call->kind == STORAGE_BEAT || call->kind == STORAGE_CLAIM || call->kind == STORAGE_REMARK)
        return; /* they say nothing about a document */
    sim_trace(process->world, "%s %s %.*s revision %llu: %s", process->id,
              storage_kind_name(call->kind), (int)call->doc.size, (const char *)call->doc.data,
              (unsigned long long)rev, storage_result_name(call->result));
}

static void answer(struct sim_world *world, struct sim_event *event)
{
    struct request *request = event->a;
    struct sim_process *process = request->process;

    if (sim_process_stopped(process, request->boot, event))
        return;
    if (event->number != OVER && process->boot == request->boot) {
        struct storage_call *to = request->original;
        struct storage_call *from = &request->copy;
        /* Inputs stay as the core gave them; outputs come over. */
        to->result = from->result;
        if (is_postgres(to->kind))
            to->lock = from->lock;
        to->has_head = from->has_head;
        to->head = from->head;
        to->entries = from->entries;
        to->entry_count = from->entry_count;
        to->entries_left = from->entries_left;
        to->docs = from->docs;
        to->doc_count = from->doc_count;
        to->heads = from->heads;
        to->view = from->view;
        to->time_ms = from->time_ms;
        to->loaded_snapshot = from->loaded_snapshot;
        to->segments = from->segments;
        to->segment_count = from->segment_count;
        to->count = from->count;
        to->cursor = from->cursor;
        sim_store_told(&world->store, to, sim_process_number(process));
        answer_trace(process, to);
        sim_core_begin(process);
        if (process->role == SIM_GATEWAY)
            gw_core_storage_done(process->gateway, to);
        else if (process->role == SIM_WORKER)
            wk_core_storage_done(process->worker, to);
        else
            ar_core_storage_done(process->archiver, to);
        (void)sim_core_end(process);
    }
    request_free(request);
}

/* What changes something by comparing first: it may be carried out once more, or by somebody who
 * is not asked about it any more. */
static bool is_conditional(enum storage_kind kind)
{
    return kind == STORAGE_APPEND || kind == STORAGE_ADOPT || kind == STORAGE_TRIM;
}

/* What the store lends is good only for this step: keep it until the answer arrives. */
static void results_keep(struct request *request)
{
    struct storage_call *call = &request->copy;
    struct storage_entry *entries =
        arena_copy(&request->mem, call->entries, call->entry_count * sizeof *entries);
    struct slice *docs = arena_copy(&request->mem, call->docs, call->doc_count * sizeof *docs);
    struct slice *segments =
        arena_copy(&request->mem, call->segments, call->segment_count * sizeof *segments);

    for (size_t i = 0; i < call->entry_count; i++)
        entries[i].payload = slice_copy(request, entries[i].payload);
    for (size_t i = 0; i < call->doc_count; i++)
        docs[i] = slice_copy(request, docs[i]);
    for (size_t i = 0; i < call->segment_count; i++)
        segments[i] = slice_copy(request, segments[i]);
    call->entries = entries;
    if (call->kind == STORAGE_DOCS)
        call->heads = arena_copy(&request->mem, call->heads, call->doc_count * sizeof *call->heads);
    call->docs = docs;
    call->segments = segments;
    call->loaded_snapshot = slice_copy(request, call->loaded_snapshot);
    if (call->view) {
        MUST(cluster_view_copy(call->view, &request->view) == 0);
        call->view = &request->view;
    }
}

static void answer_come(struct request *request)
{
    struct sim_world *world = request->process->world;

    sim_event_add(world, world->now_ms + sim_delay_ms(world), answer, request, NULL);
}

static void results_drop(struct request *request, enum storage_result result)
{
    struct storage_call *call = &request->copy;

    call->result = result;
    call->has_head = false;
    call->entry_count = call->doc_count = call->segment_count = 0;
    call->view = NULL;
}

/* WAIT: until the replica has it. The connection breaks at a failover, and patience ends. */
static void wait_done(struct sim_world *world, struct sim_event *event)
{
    struct request *request = event->a;
    const struct sim_store *store = &world->store;

    if (event->number == OVER) {
        request_free(request);
        return;
    }
    bool late =
        request->failovers != store->failovers || world->now_ms > request->wait_ms + WAIT_MS;
    if (!late && store->replicated < request->writes) {
        sim_event_add(world, world->now_ms + 5, wait_done, request, NULL);
        return;
    }
    if (late)
        results_drop(request, STORAGE_UNKNOWN);
    else if (request->copy.kind == STORAGE_APPEND)
        sim_store_promised(&world->store, &request->copy, sim_process_number(request->process));
    answer_come(request);
}

/* What durability `replica` tells only when it cannot be lost any more. */
static bool waits(const struct sim_store *store, const struct storage_call *call)
{
    return store->replica && call->result == STORAGE_OK &&
           (call->kind == STORAGE_APPEND || call->kind == STORAGE_READ);
}

static void execute(struct sim_world *world, struct sim_event *event)
{
    struct request *request = event->a;
    struct storage_call *call = &request->copy;
    bool alive = event->number != OVER && request->process->boot == request->boot;

    if (event->number == OVER || (!alive && !is_conditional(call->kind))) {
        request_free(request);
        return;
    }
    if (call->kind == STORAGE_COMMIT)
        sim_archive_check(&world->store, call);
    if (!sim_store_step(&world->store, call, sim_process_number(request->process))) {
        sim_event_add(world, world->now_ms + 5, execute, request, NULL);
        return;
    }
    if (call->kind == STORAGE_APPEND && (!alive || request->process->paused))
        sim_store_unheld(&world->store, call->doc);
    bool wait = waits(&world->store, call) && !request->lose_answer;
    if (call->kind == STORAGE_APPEND && call->result == STORAGE_OK && alive && !wait &&
        !request->lose_answer)
        sim_store_promised(&world->store, call, sim_process_number(request->process));
    if (!request->original) {
        request_free(request);
        return;
    }
    world->totals.histories += call->kind == STORAGE_HISTORY;
    results_keep(request);
    if (request->lose_answer) {
        /* An answer about a lock that never came: the connection is gone, and with it the lock. */
        if (call->kind == STORAGE_LOCK)
            sim_store_lock_lost(&world->store, call->doc, call->lock);
        call->lock = NULL;
        results_drop(request, STORAGE_UNKNOWN);
    }
    if (wait) {
        request->writes = world->store.writes;
        request->failovers = world->store.failovers;
        request->wait_ms = world->now_ms;
        sim_event_add(world, world->now_ms, wait_done, request, NULL);
        return;
    }
    answer_come(request);
}

static void refuse(struct sim_process *process, struct request *request, enum storage_result result)
{
    struct sim_world *world = process->world;

    if (request->copy.lock && is_postgres(request->copy.kind))
        sim_store_lock_lost(&world->store, request->copy.doc, request->copy.lock);
    request->copy.result = result;
    request->copy.lock = NULL;
    sim_event_add(world, world->now_ms + sim_delay_ms(world), answer, request, NULL);
}

static bool is_away(const struct sim_process *process, enum storage_kind kind)
{
    const struct sim_world *world = process->world;

    if (is_postgres(kind))
        return world->now_ms < world->postgres_back_ms;
    if (world->now_ms < world->redis_back_ms || world->now_ms < process->redis_back_ms)
        return true;
    /* Without memory Redis refuses what adds to it (common/redis/weft.lua). */
    return world->now_ms < world->redis_room_ms &&
           (kind == STORAGE_APPEND || kind == STORAGE_ADOPT);
}

static struct request *request_new(struct sim_process *process, struct storage_call *call)
{
    struct request *request = calloc(1, sizeof *request);

    MUST(request);
    *request = (struct request){
        .process = process, .boot = process->boot, .original = call, .copy = *call};
    arena_init(&request->mem, 256u << 20);
    request->copy.doc = slice_copy(request, call->doc);
    request->copy.payload = slice_copy(request, call->payload);
    request->copy.segment = slice_copy(request, call->segment);
    request->copy.snapshot = slice_copy(request, call->snapshot);
    request->copy.title = slice_copy(request, call->title);
    request->copy.after = slice_copy(request, call->after);
    return request;
}

/* The same call once more, whose answer nobody waits for. */
static void land_again(struct sim_process *process, struct storage_call *call, uint64_t time_ms)
{
    struct request *request = request_new(process, call);

    request->original = NULL;
    request->boot = 0;
    sim_event_add(process->world, time_ms, execute, request, NULL);
}

/* Calls of one kind by one process are counted by themselves. */
static unsigned calls_of(const struct sim_process *process, const struct storage_call *call)
{
    return sim_process_number(process) * 16 + call->kind;
}

/* True: it came to nothing, or nobody will know. */
static bool fails(struct sim_process *process, struct request *request, struct storage_call *call)
{
    struct sim_world *world = process->world;
    unsigned whose = calls_of(process, call);

    if (is_away(process, call->kind) || sim_fault_met(world, SIM_CALL_DOWN, whose)) {
        refuse(process, request, STORAGE_DOWN);
        return true;
    }
    if (is_conditional(call->kind) && sim_fault_met(world, SIM_CALL_LATE, whose)) {
        world->totals.calls_late++;
        land_again(process, call, world->now_ms + sim_fault_between(world, 1, 1500));
        refuse(process, request, STORAGE_UNKNOWN);
        return true;
    }
    if (!sim_fault_met(world, SIM_CALL_LOST, whose))
        return false;
    if (sim_fault_between(world, 0, 1)) {
        refuse(process, request, STORAGE_UNKNOWN);
        return true;
    }
    request->lose_answer = true;
    return false;
}

void sim_storage_call(void *ctx, struct storage_call *call)
{
    SIM_ALLOC_OUTSIDE;
    struct sim_process *process = ctx;
    struct sim_world *world = process->world;
    struct request *request = request_new(process, call);
    unsigned whose = calls_of(process, call);

    world->totals.entries += call->kind == STORAGE_APPEND;
    if (fails(process, request, call))
        return;
    uint64_t delay = sim_delay_ms(world);
    if (call->kind == STORAGE_COMMIT)
        delay += sim_faults_commit(world);
    if (is_postgres(call->kind)) {
        delay += 2;
        if (sim_fault_met(world, SIM_POSTGRES_SLOW, whose))
            delay += sim_fault_between(world, 1, 1500);
    }
    if (is_conditional(call->kind) && sim_fault_met(world, SIM_CALL_TWICE, whose)) {
        world->totals.calls_twice++;
        land_again(process, call, world->now_ms + delay + sim_fault_between(world, 0, 300));
    }
    sim_event_add(world, world->now_ms + delay, execute, request, NULL);
}
