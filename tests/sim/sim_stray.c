/*
 * Strays: items at a worker that no gateway would send, or not in this order: about attachments
 * that are not there, opened twice, without a session; bodies as odd as they come; and what is
 * malformed, after which the link is reset. Nobody waits for their answers.
 */
#include "sim_odd.h"
#include "sim_world.h"
#include "wire_link.h"

#define ATTACHMENT_MIN ((uint64_t)1 << 40) /* ghosts count from 1 */
#define ATTACHMENTS 4
#define ITEMS_MAX 6

struct stray {
    struct sim_process *worker;
    struct slice doc;
    struct rng rng;
};

static uint64_t attachment(struct stray *stray)
{
    return ATTACHMENT_MIN + rng_below(&stray->rng, ATTACHMENTS);
}

static struct chain_position head(const struct stray *stray)
{
    return sim_store_doc(&stray->worker->world->store, stray->doc)->redis.head;
}

static void open_fill(struct stray *stray, struct bytes *body, struct wire_link_open *ret)
{
    struct rng *rng = &stray->rng;
    const struct sim_world *world = stray->worker->world;

    *ret = (struct wire_link_open){.attachment = attachment(stray),
                                   .open = {.doc = stray->doc,
                                            .has_session = rng_percent(rng, 60),
                                            .has_position = rng_percent(rng, 30)},
                                   .owner_unreachable = rng_percent(rng, 10),
                                   .role = (enum wire_role)rng_below(rng, 4)};
    store_be64(ret->open.session.id, (world->now_ms + world->leap_ms) << 16);
    store_be64(ret->open.session.id + 8, rng_below(rng, 3));
    if (ret->open.has_position) {
        ret->open.position = head(stray);
        ret->open.position.rev += !ret->open.position.rev;
        ret->open.position.hash[0] ^= rng_percent(rng, 30);
    }
    if (!rng_percent(rng, 30))
        return;
    ret->open.create_kind = WIRE_DOC_RICH;
    sim_odd_body(rng, WIRE_KIND_CREATE, 0, body);
    ret->open.create_content = bytes_slice(body);
}

static void submit_fill(struct stray *stray, struct bytes *body, struct wire_link_submit *ret)
{
    static const enum wire_kind kinds[] = {WIRE_KIND_EDIT, WIRE_KIND_EDIT, WIRE_KIND_TITLE,
                                           WIRE_KIND_PERMISSION};
    struct rng *rng = &stray->rng;

    *ret = (struct wire_link_submit){.attachment = attachment(stray),
                                     .seq = rng_between(rng, 1, 3),
                                     .base = head(stray),
                                     .kind = kinds[rng_below(rng, 4)]};
    sim_odd_body(rng, ret->kind, sim_client_units(stray->worker->world, stray->doc), body);
    ret->body = bytes_slice(body);
    crypto_digest8(ret->body, ret->digest);
}

static void item_fill(struct stray *stray, struct bytes *body, struct wire_to_worker *ret)
{
    switch (rng_below(&stray->rng, 8)) {
    case 0:
        ret->type = WIRE_TO_WORKER_DETACH;
        ret->detach_attachment = attachment(stray);
        break;
    case 1:
        ret->type = WIRE_TO_WORKER_PRESENCE;
        ret->presence.attachment = attachment(stray);
        ret->presence.presence.doc = stray->doc;
        break;
    case 2:
    case 3:
    case 4:
        ret->type = WIRE_TO_WORKER_OPEN;
        open_fill(stray, body, &ret->open);
        break;
    default:
        ret->type = WIRE_TO_WORKER_SUBMIT;
        submit_fill(stray, body, &ret->submit);
    }
}

/* What the worker has to take for malformed, whoever is attached. */
static void item_spoil(struct stray *stray, struct wire_to_worker *item)
{
    if (item->type == WIRE_TO_WORKER_OPEN)
        item->open.open.doc = slice_str("\x01");
    else
        *item = (struct wire_to_worker){.type = WIRE_TO_WORKER_OPEN}; /* no document at all */
    (void)stray;
}

/* True: it was taken for malformed. */
static bool item_send(struct stray *stray, const struct wire_to_worker *item)
{
    struct bytes out = BYTES_INIT;

    wire_to_worker_encode(item, &out);
    MUST(!out.failed);
    sim_core_begin(stray->worker);
    bool fine = wk_core_item(stray->worker->worker, SIM_STRAY_BOOT, bytes_slice(&out));
    bool memory_out = sim_core_end(stray->worker);
    bytes_fini(&out);
    return !fine && !memory_out;
}

static bool speak(struct stray *stray)
{
    struct wire_to_worker item = {.type = (enum wire_to_worker_type)0};
    struct bytes body = BYTES_INIT;
    bool spoilt = rng_percent(&stray->rng, 3);

    item_fill(stray, &body, &item);
    if (spoilt)
        item_spoil(stray, &item);
    if (rng_percent(&stray->rng, 3) && item.type == WIRE_TO_WORKER_SUBMIT) {
        item.submit.seq = 0; /* malformed only where this is attached */
        (void)item_send(stray, &item);
    } else if (item_send(stray, &item) != spoilt && !sim_violated(stray->worker->world)) {
        sim_violate(stray->worker->world, SIM_FORM, "%s takes the wrong items for malformed",
                    stray->worker->id);
    }
    bytes_fini(&body);
    return !spoilt;
}

void sim_stray_step(struct sim_world *world)
{
    struct stray stray;

    rng_init(&stray.rng, world->fault_random);
    stray.worker = &world->processes[rng_below(&stray.rng, world->process_count)];
    stray.doc = slice_str(world->doc_ids[rng_below(&stray.rng, world->doc_count)]);
    if (stray.worker->role != SIM_WORKER || !stray.worker->boot || stray.worker->paused)
        return;
    for (uint64_t i = rng_between(&stray.rng, 1, ITEMS_MAX); i > 0; i--)
        if (!speak(&stray)) {
            wk_core_gateway_gone(stray.worker->worker, SIM_STRAY_BOOT);
            return;
        }
}

static void leave(struct sim_world *world, struct sim_event *event)
{
    struct sim_process *worker = event->a;

    (void)world;
    if (event->number == UINT64_MAX || event->number != worker->boot ||
        sim_process_stopped(worker, worker->boot, event))
        return;
    for (uint64_t i = 0; i <= SIM_GHOST_BOOTS; i++)
        wk_core_gateway_gone(worker->worker, SIM_GHOST_BOOT_MIN + i);
}

void sim_strays_end(struct sim_world *world)
{
    for (unsigned i = 0; i < world->process_count; i++)
        if (world->processes[i].role == SIM_WORKER && world->processes[i].boot)
            sim_event_add(world, world->now_ms, leave, &world->processes[i], NULL)->number =
                world->processes[i].boot;
}
