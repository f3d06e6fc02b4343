/*
 * A ghost: items at a worker that look as if a gateway had sent them, but no gateway is behind
 * them. Sessions that submit what no client core would: bases that are none, gaps, old and reused
 * numbers, ops that do not fit, titles, permissions, readers that write; and late copies of a
 * submit at another worker than the first, or when results of sessions are forgotten. What is
 * refused for good must be closed in the history by then; the oracles see what else becomes of it.
 *
 * Some only read: viewers without a session, who come with a position of the history. No append
 * comes before what they are told, so a worker has to have looked whether it is behind others.
 */
#include <stdlib.h>

#include "ot_codec.h"
#include "sim_world.h"
#include "wire_error.h"
#include "wire_link.h"

#define SEQ_MAX 4

struct ghost {
    struct sim_process *worker;
    uint64_t boot; /* as a gateway's */
    unsigned doc;
    struct wire_session session;
    uint64_t attachment;
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

/* Mostly who may do anything. */
static const enum wire_role roles[] = {WIRE_ROLE_OWN, WIRE_ROLE_OWN,   WIRE_ROLE_OWN,
                                       WIRE_ROLE_OWN, WIRE_ROLE_WRITE, WIRE_ROLE_READ,
                                       WIRE_ROLE_NONE};
#define ROLES (sizeof roles / sizeof *roles)

static struct sim_doc *doc_of(const struct ghost *ghost)
{
    struct sim_world *world = ghost->worker->world;

    return sim_store_doc(&world->store, slice_str(world->doc_ids[ghost->doc]));
}

static void open_send(struct ghost *ghost)
{
    struct sim_world *world = ghost->worker->world;
    struct wire_to_worker item = {.type = WIRE_TO_WORKER_OPEN};

    bool has_position = rng_percent(&world->rng, 30);
    item.open = (struct wire_link_open){.attachment = ghost->attachment,
                                        .open = {.doc = slice_str(world->doc_ids[ghost->doc]),
                                                 .has_session = true,
                                                 .session = ghost->session,
                                                 .has_position = has_position},
                                        .role = roles[rng_below(&world->rng, ROLES)]};
    if (has_position)
        item.open.open.position = base(world, doc_of(ghost));
    item_send(ghost, &item);
}

/* A title, or a permission: for one subject, since for everybody it would stop the clients. */
static void other_kind(struct sim_world *world, struct wire_link_submit *submit, struct bytes *body)
{
    struct wire_permission permission = {
        .subject = slice_str(rng_percent(&world->rng, 80) ? "friend" : "another"),
        .role = roles[rng_below(&world->rng, ROLES)]};

    bytes_reset(body);
    if (rng_percent(&world->rng, 50)) {
        submit->kind = WIRE_KIND_TITLE;
        bytes_append_str(body, rng_percent(&world->rng, 80) ? "A title" : "No title \xff");
    } else {
        submit->kind = WIRE_KIND_PERMISSION;
        wire_permission_encode(&permission, body);
    }
    world->totals.titles++;
}

static void submit_send(struct ghost *ghost)
{
    struct sim_world *world = ghost->worker->world;
    struct wire_to_worker item = {.type = WIRE_TO_WORKER_SUBMIT};
    struct bytes op = body(world);

    item.submit = (struct wire_link_submit){.attachment = ghost->attachment,
                                            .seq = rng_between(&world->rng, 1, SEQ_MAX),
                                            .base = base(world, doc_of(ghost)),
                                            .kind = WIRE_KIND_EDIT};
    if (rng_percent(&world->rng, 20))
        other_kind(world, &item.submit, &op);
    item.submit.body = bytes_slice(&op);
    crypto_digest8(item.submit.body, item.submit.digest);
    struct sim_ghost *known = &world->ghosts[ghost->attachment - 1];
    known->sent[known->sent_count].seq = item.submit.seq;
    memcpy(known->sent[known->sent_count++].digest, item.submit.digest, WIRE_DIGEST_SIZE);
    item_send(ghost, &item);
    bytes_fini(&op);
}

static void presence_send(struct ghost *ghost)
{
    struct wire_to_worker item = {.type = WIRE_TO_WORKER_PRESENCE};

    item.presence.attachment = ghost->attachment;
    item.presence.presence =
        (struct wire_presence){.doc = bytes_slice(&doc_of(ghost)->id), .data = slice_str("ghost")};
    item_send(ghost, &item);
}

/* A few sessions, which come again at other workers; at times an old one. */
static struct wire_session session(struct sim_world *world)
{
    struct wire_session session;
    uint64_t made_ms = world->now_ms + world->leap_ms;

    if (world->ghost_count && rng_percent(&world->rng, 30))
        return world->ghosts[rng_below(&world->rng, world->ghost_count)].session;
    made_ms -= made_ms % 500;
    if (world->rates[SIM_LEAP]) /* as clocks that are ahead */
        made_ms += rng_below(&world->rng, 2) * (DOC_CLOCK_SKEW_MS - 10000);
    store_be64(session.id, made_ms << 16);
    store_be64(session.id + 8, rng_below(&world->rng, 3));
    return session;
}

static void note(struct sim_world *world, const struct ghost *ghost)
{
    const struct sim_entries *ledger = &doc_of(ghost)->ledger;

    if (world->ghost_count == world->ghost_capacity) {
        world->ghost_capacity = world->ghost_capacity ? 2 * world->ghost_capacity : 16;
        world->ghosts = realloc(world->ghosts, world->ghost_capacity * sizeof *world->ghosts);
        MUST(world->ghosts);
    }
    world->ghosts[world->ghost_count++] =
        (struct sim_ghost){.session = ghost->session,
                           .doc = ghost->doc,
                           .before = ledger->count == 0 || !ledger->items[0].seen};
}

/* --- what ghosts are told --- */

/* Was this session told that it is over, or its op that it will never be in? */
static bool is_final(const struct wire_to_gateway *item, uint64_t *ret_attachment)
{
    if (item->type == WIRE_TO_GATEWAY_OPENED) {
        *ret_attachment = item->opened.attachment;
        return item->opened.opened.outcome == WIRE_OPENED_RESYNC;
    }
    if (item->type != WIRE_TO_GATEWAY_REFUSED)
        return false;
    *ret_attachment = item->refused.attachment;
    switch (item->refused.code) {
    case WIRE_E_DENIED:
    case WIRE_E_BAD_BASE:
    case WIRE_E_BAD_OP:
    case WIRE_E_SEQ_GAP:
    case WIRE_E_OP_TOO_LONG:
    case WIRE_E_BAD_PERMISSION:
        return true;
    default:
        return false;
    }
}

/* What is refused for good is closed in the history by then. */
static void final_check(struct sim_process *worker, const struct sim_ghost *ghost,
                        struct sim_doc *doc)
{
    struct sim_world *world = worker->world;

    world->totals.denied++;
    /* Where clocks come in, a session may be over in other ways too. */
    if (world->store.skew_ms || world->leap_ms || ghost->before)
        return;
    /* Nor where all of it is lost at the moment: there is nothing to close it in. */
    if (doc->redis.head.rev == 0 && sim_store_doc_owed(&world->store, bytes_slice(&doc->id)))
        return;
    if (!sim_ledger_closed(doc, &ghost->session))
        sim_violate(world, SIM_ONCE, "%s refuses a session of %s for good that is not closed",
                    worker->id, world->doc_ids[ghost->doc]);
}

/* What is accepted is one of the ops that were sent under this number, not another. */
static void accepted_check(struct sim_process *worker, const struct sim_ghost *ghost,
                           struct sim_doc *doc, uint64_t seq)
{
    const uint8_t *digest = sim_ledger_digest(doc, &ghost->session, seq);

    for (unsigned i = 0; i < ghost->sent_count && digest; i++)
        if (ghost->sent[i].seq == seq &&
            memcmp(ghost->sent[i].digest, digest, WIRE_DIGEST_SIZE) == 0)
            return;
    sim_violate(worker->world, SIM_ONCE, "%s accepts an op of %s that is not in its history",
                worker->id, worker->world->doc_ids[ghost->doc]);
}

/* Redis may have lost it, for a while; else nobody who knows a position is told anew. */
static void viewer_check(struct sim_process *worker, const struct sim_ghost *viewer,
                         struct sim_doc *doc)
{
    const struct sim_entry *known = sim_ledger_find(doc, viewer->at.rev);

    if (known && chain_position_equal(&known->position, &viewer->at) &&
        !sim_store_doc_owed(&worker->world->store, bytes_slice(&doc->id)))
        sim_violate(worker->world, SIM_CHAIN,
                    "%s tells a viewer of %s anew, whose position %llu is in the history",
                    worker->id, worker->world->doc_ids[viewer->doc],
                    (unsigned long long)viewer->at.rev);
}

void sim_ghost_told(struct sim_process *worker, uint64_t gateway_boot, struct slice bytes)
{
    struct sim_world *world = worker->world;
    struct wire_to_gateway item;
    struct arena mem;
    uint64_t attachment = 0;

    if (gateway_boot < SIM_GHOST_BOOT_MIN || world->store.lossy)
        return;
    arena_init(&mem, 64u << 20);
    bool known = wire_to_gateway_decode(&mem, bytes, &item) == 0;
    bool accepted = known && item.type == WIRE_TO_GATEWAY_ACCEPTED;
    bool final = known && is_final(&item, &attachment);
    bool resync = final && item.type == WIRE_TO_GATEWAY_OPENED;
    arena_fini(&mem);
    if (accepted)
        attachment = item.accepted.attachment;
    if (attachment == 0 || attachment > world->ghost_count)
        return;
    const struct sim_ghost *ghost = &world->ghosts[attachment - 1];
    struct sim_doc *doc = sim_store_doc(&world->store, slice_str(world->doc_ids[ghost->doc]));
    if (ghost->viewer) {
        if (resync)
            viewer_check(worker, ghost, doc);
    } else if (accepted)
        accepted_check(worker, ghost, doc, item.accepted.seq);
    else if (final)
        final_check(worker, ghost, doc);
}

static bool is_asked(const struct sim_process *process)
{
    return process->role == SIM_WORKER && process->boot && !process->paused;
}

/* At all workers: who is not the owner may be the runner-up. False: nobody was told of anything. */
static bool viewer_open(struct ghost *ghost, uint64_t random)
{
    struct sim_world *world = ghost->worker->world;
    struct sim_ghost *viewer = &world->ghosts[ghost->attachment - 1];
    const struct sim_entries *ledger = &doc_of(ghost)->ledger;
    size_t seen = 0;

    while (seen < ledger->count && ledger->items[seen].seen)
        seen++;
    if (seen == 0)
        return false;
    viewer->viewer = true;
    /* Mostly near the end, which a worker that is behind does not have. */
    size_t back = random % (random / 64 % 2 ? seen : seen < 4 ? seen : 4);
    viewer->at = ledger->items[seen - 1 - back].position;
    struct wire_to_worker item = {.type = WIRE_TO_WORKER_OPEN};
    item.open = (struct wire_link_open){.attachment = ghost->attachment,
                                        .open = {.doc = slice_str(world->doc_ids[ghost->doc]),
                                                 .has_position = true,
                                                 .position = viewer->at},
                                        .role = WIRE_ROLE_READ,
                                        .owner_unreachable = random / 128 % 2};
    world->totals.viewers++;
    for (unsigned i = 0; i < world->process_count; i++) {
        ghost->worker = &world->processes[i];
        if (is_asked(ghost->worker))
            item_send(ghost, &item);
    }
    return true;
}

void sim_ghost_step(struct sim_world *world)
{
    struct sim_process *worker = &world->processes[rng_below(&world->rng, world->process_count)];
    struct ghost ghost = {.worker = worker,
                          .boot = SIM_GHOST_BOOT_MIN + rng_below(&world->rng, SIM_GHOST_BOOTS),
                          .doc = (unsigned)rng_below(&world->rng, world->doc_count),
                          .session = session(world),
                          .attachment = world->ghost_count + 1};

    if (!is_asked(worker))
        return;
    world->totals.ghosts++;
    note(world, &ghost);
    if (sim_fault_between(world, 0, 2) == 0 && viewer_open(&ghost, world->fault_random / 4))
        return;
    open_send(&ghost);
    for (uint64_t i = rng_between(&world->rng, 1, SIM_GHOST_SUBMITS); i > 0; i--)
        submit_send(&ghost);
    if (rng_percent(&world->rng, 20))
        presence_send(&ghost);
    if (rng_percent(&world->rng, 30))
        wk_core_gateway_gone(worker->worker, ghost.boot);
}
