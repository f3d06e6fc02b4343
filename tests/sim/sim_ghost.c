/*
 * A ghost: items at a worker that look as if a gateway had sent them, but no gateway is behind
 * them. Sessions that submit what no client core would: bases that are none, gaps, old and reused
 * numbers, ops that do not fit; and late copies of a submit at another worker than the first. What
 * the worker answers goes nowhere; the oracles see what becomes of the history.
 */
#include "ot_codec.h"
#include "sim_world.h"
#include "wire_link.h"

#define SEQ_MAX 4

struct ghost {
    struct sim_process *worker;
    uint64_t boot; /* as a gateway's */
    unsigned doc;
    struct wire_session session;
};

static void item_send(struct ghost *ghost, const struct wire_to_worker *item)
{
    struct sim_world *world = ghost->worker->world;
    struct bytes out = BYTES_INIT;

    wire_to_worker_encode(item, &out);
    MUST(!out.failed);
    if (!wk_core_item(ghost->worker->worker, ghost->boot, bytes_slice(&out)))
        sim_violate(world, SIM_FORM, "%s took an item for malformed", ghost->worker->id);
    bytes_fini(&out);
}

static void open_send(struct ghost *ghost)
{
    struct sim_world *world = ghost->worker->world;
    struct wire_to_worker item = {.type = WIRE_TO_WORKER_OPEN};

    item.open = (struct wire_link_open){.attachment = 1,
                                        .open = {.doc = slice_str(world->doc_ids[ghost->doc]),
                                                 .has_session = true,
                                                 .session = ghost->session},
                                        .role = WIRE_ROLE_OWN};
    item_send(ghost, &item);
}

/* One of few positions: so a repeat of a seq is at times the same op, at times another. */
static struct bytes body(struct sim_world *world)
{
    struct bytes out = BYTES_INIT;
    struct ot_builder builder;
    struct ot_op op;
    struct arena mem;

    arena_init(&mem, 1u << 16);
    ot_builder_init(&builder, &mem);
    ot_builder_retain(&builder, rng_percent(&world->rng, 10) ? 100000 : 0, (struct slice){0});
    ot_builder_insert(&builder, slice_str("ghost"), 5, (struct slice){0});
    MUST(ot_builder_finish(&builder, &op) == 0);
    ot_encode(&op, &out);
    arena_fini(&mem);
    MUST(!out.failed);
    if (rng_percent(&world->rng, 10))
        out.size -= 1;
    return out;
}

static struct chain_position base(struct sim_world *world, const struct sim_doc *doc)
{
    const struct sim_entries *ledger = &doc->ledger;
    struct chain_position at = doc->redis.head;

    if (ledger->count && rng_percent(&world->rng, 50))
        at = ledger->items[rng_below(&world->rng, ledger->count)].position;
    if (rng_percent(&world->rng, 10))
        at.rev += rng_below(&world->rng, 3);
    if (rng_percent(&world->rng, 10))
        at.hash[0] ^= 1;
    return at;
}

static void submit_send(struct ghost *ghost)
{
    struct sim_world *world = ghost->worker->world;
    struct sim_doc *doc = sim_store_doc(&world->store, slice_str(world->doc_ids[ghost->doc]));
    struct wire_to_worker item = {.type = WIRE_TO_WORKER_SUBMIT};
    struct bytes op = body(world);

    item.submit = (struct wire_link_submit){.attachment = 1,
                                            .seq = rng_between(&world->rng, 1, SEQ_MAX),
                                            .base = base(world, doc),
                                            .kind = WIRE_KIND_EDIT,
                                            .body = bytes_slice(&op)};
    crypto_digest8(item.submit.body, item.submit.digest);
    item_send(ghost, &item);
    bytes_fini(&op);
}

/* A few sessions, which come again at other workers. */
static struct wire_session session(struct sim_world *world)
{
    struct wire_session session;
    uint64_t made_ms = world->now_ms - world->now_ms % 500;

    store_be64(session.id, made_ms << 16);
    store_be64(session.id + 8, rng_below(&world->rng, 3));
    return session;
}

void sim_ghost_step(struct sim_world *world)
{
    struct sim_process *worker = &world->processes[rng_below(&world->rng, world->process_count)];
    struct ghost ghost = {.worker = worker,
                          .boot = UINT64_MAX - rng_below(&world->rng, 3),
                          .doc = (unsigned)rng_below(&world->rng, world->doc_count),
                          .session = session(world)};

    if (worker->role != SIM_WORKER || !worker->boot || worker->paused)
        return;
    world->totals.ghosts++;
    open_send(&ghost);
    for (uint64_t i = rng_between(&world->rng, 1, 6); i > 0; i--)
        submit_send(&ghost);
    if (rng_percent(&world->rng, 30))
        wk_core_gateway_gone(worker->worker, ghost.boot);
}
