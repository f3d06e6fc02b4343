/*
 * Links between gateways and workers. Items of one direction arrive in order or, after a reset, not
 * at all; both ends hear of a reset, each at its own time, and nothing of the new epoch reaches an
 * end before that (docs/link.md).
 */
#include "sim_world.h"
#include "wire_link.h"

enum { UP_ITEM, DOWN_ITEM, DOWN_HEADS };

#define SILENCE_MS 1000 /* heartbeats have this deadline (docs/link.md) */

static struct sim_link *find(struct sim_world *world, uint64_t gateway_boot, uint64_t worker_boot)
{
    for (unsigned i = 0; i < SIM_LINKS_MAX; i++) {
        struct sim_link *link = &world->links[i];
        if (link->used && link->gateway_boot == gateway_boot && link->worker_boot == worker_boot)
            return link;
    }
    return NULL;
}

/* Nobody is left who could hear that it is reset. */
static bool is_forgotten(const struct sim_link *link)
{
    return link->gateway->boot != link->gateway_boot && link->worker->boot != link->worker_boot;
}

void sim_link_open(struct sim_process *gateway, const struct cluster_member *worker)
{
    SIM_ALLOC_OUTSIDE;
    struct sim_world *world = gateway->world;

    struct sim_link *known = find(world, gateway->boot, worker->boot_id);
    if (known) {
        known->closed = false;
        return;
    }
    struct sim_process *to = NULL;
    for (unsigned i = 0; i < world->process_count; i++)
        if (strcmp(world->processes[i].id, worker->id) == 0)
            to = &world->processes[i];
    MUST(to);
    for (unsigned i = 0; i < SIM_LINKS_MAX; i++) {
        struct sim_link *link = &world->links[i];
        if (link->used && !is_forgotten(link))
            continue;
        *link = (struct sim_link){.gateway = gateway,
                                  .worker = to,
                                  .gateway_boot = gateway->boot,
                                  .worker_boot = worker->boot_id,
                                  .generation = link->generation + 1,
                                  .used = true};
        if (to->boot != worker->boot_id)
            sim_link_reset(link); /* dead already: the gateway will hear of it */
        return;
    }
    MUST(!"more links than the simulator has");
}

/* Who attaches and who leaves; ops and entries show at the stores. */
static void up_trace(const struct sim_link *link, struct slice bytes)
{
    struct wire_to_worker item;
    struct arena mem;

    arena_init(&mem, 1u << 20);
    if (link->worker->world->trace && wire_to_worker_decode(&mem, bytes, &item) == 0) {
        if (item.type == WIRE_TO_WORKER_OPEN)
            sim_trace(link->worker->world, "%s asks %s to open %.*s for %llx", link->gateway->id,
                      link->worker->id, (int)item.open.open.doc.size,
                      (const char *)item.open.open.doc.data,
                      (unsigned long long)item.open.attachment);
        if (item.type == WIRE_TO_WORKER_DETACH)
            sim_trace(link->worker->world, "%s detaches %llx from %s", link->gateway->id,
                      (unsigned long long)item.detach_attachment, link->worker->id);
    }
    arena_fini(&mem);
}

static void down_trace(const struct sim_link *link, struct slice bytes)
{
    struct wire_to_gateway item;
    struct arena mem;

    arena_init(&mem, 1u << 20);
    if (link->worker->world->trace && wire_to_gateway_decode(&mem, bytes, &item) == 0) {
        if (item.type == WIRE_TO_GATEWAY_OPENED)
            sim_trace(link->worker->world, "%s has opened %llx at %s, outcome %d",
                      link->gateway->id, (unsigned long long)item.opened.attachment,
                      link->worker->id, item.opened.opened.outcome);
        if (item.type == WIRE_TO_GATEWAY_REFUSED)
            sim_trace(link->worker->world, "%s refuses %llx of %s, seq %llu: error %u",
                      link->worker->id, (unsigned long long)item.refused.attachment,
                      link->gateway->id, (unsigned long long)item.refused.seq, item.refused.code);
        if (item.type == WIRE_TO_GATEWAY_DETACHED || item.type == WIRE_TO_GATEWAY_REPLACED)
            sim_trace(link->worker->world, "%s has let go of %llx of %s", link->worker->id,
                      (unsigned long long)(item.type == WIRE_TO_GATEWAY_DETACHED
                                               ? item.detached_attachment
                                               : item.replaced_attachment),
                      link->gateway->id);
        if (item.type == WIRE_TO_GATEWAY_MOVED)
            sim_trace(link->worker->world, "%s tells %s that %.*s is with %.*s", link->worker->id,
                      link->gateway->id, (int)item.moved.doc.size,
                      (const char *)item.moved.doc.data, (int)item.moved.owner.size,
                      (const char *)item.moved.owner.data);
    }
    arena_fini(&mem);
}

static void deliver(struct sim_world *world, struct sim_event *event)
{
    struct sim_link *link = event->a;
    uintptr_t kind = (uintptr_t)event->b;
    struct slice item = refbuf_slice(event->bytes);
    struct sim_process *to = kind == UP_ITEM ? link->worker : link->gateway;
    bool fine = true;

    if (event->number != link->generation || !link->used)
        return;
    if (kind == UP_ITEM ? sim_process_stopped(link->worker, link->worker_boot, event)
                        : sim_process_stopped(link->gateway, link->gateway_boot, event))
        return;
    if (kind == UP_ITEM)
        up_trace(link, item);
    else if (kind == DOWN_ITEM)
        down_trace(link, item);
    sim_core_begin(to);
    if (kind == UP_ITEM && link->worker->boot == link->worker_boot)
        fine = wk_core_item(link->worker->worker, link->gateway_boot, item);
    else if (kind != UP_ITEM && link->gateway->boot == link->gateway_boot)
        fine = kind == DOWN_ITEM ? gw_core_item(link->gateway->gateway, link->worker_boot, item)
                                 : gw_core_heads(link->gateway->gateway, link->worker_boot, item);
    bool memory_out = sim_core_end(to);
    if (!fine && memory_out)
        sim_link_reset(link); /* it cannot tell the one from the other */
    else if (!fine)
        sim_violate(world, SIM_FORM, "an item between %s and %s was taken for malformed",
                    link->gateway->id, link->worker->id);
}

static void queue(struct sim_link *link, uintptr_t kind, struct slice item)
{
    struct sim_world *world = link->gateway->world;
    uint64_t *last = kind == UP_ITEM ? &link->last_up_ms : &link->last_down_ms;
    uint64_t stalled_ms = kind == UP_ITEM ? link->stalled_up_ms : link->stalled_down_ms;
    uint64_t time = world->now_ms + sim_delay_ms(world);

    if (time < stalled_ms)
        time = stalled_ms;
    if (kind == UP_ITEM ? link->broken_up : link->broken_down)
        return;
    if (time < *last)
        time = *last;
    *last = time;
    struct refbuf *bytes = refbuf_copy(item);
    MUST(bytes);
    struct sim_event *event = sim_event_add(world, time, deliver, link, (void *)kind);
    event->number = link->generation;
    event->bytes = bytes;
}

bool sim_link_up(struct sim_process *gateway, uint64_t worker_boot, struct slice item)
{
    SIM_ALLOC_OUTSIDE;
    struct sim_link *link = find(gateway->world, gateway->boot, worker_boot);

    if (!link || link->closed)
        return false;
    queue(link, UP_ITEM, item);
    return true;
}

void sim_link_down(struct sim_process *worker, uint64_t gateway_boot, struct slice item)
{
    SIM_ALLOC_OUTSIDE;
    struct sim_link *link = find(worker->world, gateway_boot, worker->boot);

    if (link)
        queue(link, DOWN_ITEM, item);
}

static void gateway_hears(struct sim_world *world, struct sim_event *event)
{
    struct sim_link *link = event->a;

    if (event->number != link->generation || !link->used ||
        link->gateway->boot != link->gateway_boot ||
        sim_process_stopped(link->gateway, link->gateway_boot, event))
        return;
    bool dead = link->worker->boot != link->worker_boot;
    uint64_t worker_boot = link->worker_boot;
    link->broken_up = false;
    if (dead)
        link->used = false;
    if (!link->closed)
        gw_core_worker_gone(link->gateway->gateway, worker_boot);
}

static void worker_hears(struct sim_world *world, struct sim_event *event)
{
    struct sim_link *link = event->a;

    if (event->number != link->generation || !link->used ||
        link->worker->boot != link->worker_boot ||
        sim_process_stopped(link->worker, link->worker_boot, event))
        return;
    bool dead = link->gateway->boot != link->gateway_boot;
    uint64_t gateway_boot = link->gateway_boot;
    link->broken_down = false;
    if (dead || link->closed)
        link->used = false;
    wk_core_gateway_gone(link->worker->worker, gateway_boot);
}

/* Each end hears of it, or notices the silence, at its own time. */
static uint64_t reset_heard_ms(struct sim_world *world)
{
    return world->now_ms + sim_delay_ms(world) + rng_below(&world->rng, 500);
}

void sim_link_reset(struct sim_link *link)
{
    struct sim_world *world = link->gateway->world;
    uint64_t gateway_ms = reset_heard_ms(world), worker_ms = reset_heard_ms(world);

    sim_trace(world, "link %s - %s is reset", link->gateway->id, link->worker->id);
    world->totals.resets++;
    link->generation++;
    link->broken_up = link->broken_down = true;
    link->last_up_ms = worker_ms;
    link->last_down_ms = gateway_ms;
    sim_event_add(world, gateway_ms, gateway_hears, link, NULL)->number = link->generation;
    sim_event_add(world, worker_ms, worker_hears, link, NULL)->number = link->generation;
}

/* Nothing is sent from here on; the worker hears of it as of a reset, and first of all when it is
 * opened again. */
void sim_link_close(struct sim_process *gateway, uint64_t worker_boot)
{
    SIM_ALLOC_OUTSIDE;
    struct sim_link *link = find(gateway->world, gateway->boot, worker_boot);

    if (!link)
        return;
    link->generation++;
    if (link->worker->boot != link->worker_boot) {
        link->used = false;
        return;
    }
    link->closed = true;
    link->broken_up = false;
    link->broken_down = true;
    link->last_up_ms = reset_heard_ms(link->gateway->world);
    sim_event_add(link->gateway->world, link->last_up_ms, worker_hears, link, NULL)->number =
        link->generation;
}

static bool stalled(const struct sim_world *world, const struct sim_link *link)
{
    return world->now_ms < link->stalled_up_ms || world->now_ms < link->stalled_down_ms;
}

/* The gateway hears that the worker is silent, or that it is not any more. */
static void silence_heard(struct sim_world *world, struct sim_event *event)
{
    struct sim_link *link = event->a;
    bool silent = event->b;

    if (event->number != link->gateway_boot || !link->used ||
        link->gateway->boot != link->gateway_boot || silent != stalled(world, link) ||
        sim_process_stopped(link->gateway, link->gateway_boot, event))
        return;
    world->totals.silences += silent;
    gw_core_worker_silent(link->gateway->gateway, link->worker_boot, silent);
}

/*
 * Still stalled after the deadline of the heartbeats. A peer counts as heard only while it says
 * that it hears us, so half a link is none: the gateway asks others until it is whole again, and
 * what was under way is lost.
 */
static void stall_noticed(struct sim_world *world, struct sim_event *event)
{
    struct sim_link *link = event->a;

    if (event->number != link->generation || !link->used)
        return;
    sim_link_reset(link);
    uint64_t end_ms =
        link->stalled_up_ms > link->stalled_down_ms ? link->stalled_up_ms : link->stalled_down_ms;
    uint64_t boot = link->gateway_boot;
    sim_event_add(world, world->now_ms, silence_heard, link, link)->number = boot;
    sim_event_add(world, end_ms, silence_heard, link, NULL)->number = boot;
}

void sim_link_stall(struct sim_link *link, uint64_t directions, uint64_t for_ms)
{
    struct sim_world *world = link->gateway->world;
    uint64_t until_ms = world->now_ms + for_ms;

    if (directions & 1)
        link->stalled_up_ms = until_ms;
    if (directions & 2)
        link->stalled_down_ms = until_ms;
    sim_trace(world, "link %s - %s: %s hears nothing for %llu ms", link->gateway->id,
              link->worker->id,
              directions == 3   ? "each"
              : directions == 1 ? link->worker->id
                                : link->gateway->id,
              (unsigned long long)for_ms);
    world->totals.stalls++;
    if (for_ms > SILENCE_MS)
        sim_event_add(world, world->now_ms + SILENCE_MS, stall_noticed, link, NULL)->number =
            link->generation;
}

void sim_link_process_gone(struct sim_process *process)
{
    for (unsigned i = 0; i < SIM_LINKS_MAX; i++) {
        struct sim_link *link = &process->world->links[i];
        if (link->used && (link->gateway == process || link->worker == process))
            sim_link_reset(link);
    }
}

void sim_link_heartbeat(struct sim_world *world)
{
    for (unsigned i = 0; i < SIM_LINKS_MAX; i++) {
        struct sim_link *link = &world->links[i];
        if (!link->used || link->worker->boot != link->worker_boot || link->worker->paused ||
            link->gateway->boot != link->gateway_boot)
            continue;
        struct bytes heads = BYTES_INIT;
        wk_core_heads(link->worker->worker, link->gateway_boot, &heads);
        MUST(!heads.failed);
        queue(link, DOWN_HEADS, bytes_slice(&heads));
        bytes_fini(&heads);
    }
}
