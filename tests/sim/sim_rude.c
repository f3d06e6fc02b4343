/*
 * Rude clients: connections at gateways whose frames no client core would send. They speak before
 * they greet, greet twice, open what is open and close what is not, submit what is too large, too
 * early or of no kind, flood, fall silent, read slowly or not at all, and leave when they like; and
 * now and then they do something that is right. Whatever they do costs them their connection at
 * most: that nobody else notices is what all the other oracles see.
 *
 * What one does depends on the roll that made it act, and on nothing else.
 */
#include <stdlib.h>

#include "sim_odd.h"
#include "sim_world.h"
#include "wire_error.h"
#include "wire_limits.h"

#define FRAMES_MAX 6
#define FLOOD 400 /* more than a second's frames (sim_bounds.c) */

/* Documents of their own, which all open and create; the others are the clients'. */
static const char *const own_docs[SIM_RUDE_DOCS] = {"rude-0", "rude-1"};

static bool rude_alive(const struct sim_rude *rude)
{
    return rude->gw && rude->gateway->boot == rude->gateway_boot;
}

/* --- who they say they are --- */

static bool token_check(struct slice token, enum wire_role *ret_role)
{
    *ret_role = slice_equal(token, slice_str("reader")) ? WIRE_ROLE_READ : WIRE_ROLE_OWN;
    return !slice_equal(token, slice_str("nobody"));
}

const struct gw_auth sim_rude_auth = {.name = "rude", .check = token_check};

/* --- frames --- */

static struct slice doc_name(const struct sim_world *world, struct rng *rng)
{
    static const char longest[WIRE_DOC_SIZE_MAX + 2] = {[0 ... WIRE_DOC_SIZE_MAX] = 'd'};

    if (rng_percent(rng, 4))
        return slice_of(longest, WIRE_DOC_SIZE_MAX + rng_below(rng, 2));
    if (rng_percent(rng, 3))
        return slice_str("\x01");
    if (rng_percent(rng, 50))
        return slice_str(own_docs[rng_below(rng, SIM_RUDE_DOCS)]);
    return slice_str(world->doc_ids[rng_below(rng, world->doc_count)]);
}

static struct chain_position position(struct sim_world *world, struct slice doc, struct rng *rng)
{
    struct chain_position at = {0};

    if (wire_doc_id_valid(doc) && rng_percent(rng, 80))
        at = sim_store_doc(&world->store, doc)->redis.head;
    if (rng_percent(rng, 10))
        at.rev = rng_below(rng, 3);
    if (rng_percent(rng, 10))
        at.hash[0] ^= 1;
    return at;
}

static struct wire_session session(const struct sim_rude *rude, struct rng *rng)
{
    struct wire_session session = {{0}};
    const struct sim_world *world = rude->world;

    store_be64(session.id, (world->now_ms + world->leap_ms) << 16);
    store_be64(session.id + 8, rng_below(rng, 4));
    return session;
}

static bool is_own(struct slice doc)
{
    return doc.size > 4 && memcmp(doc.data, "rude", 4) == 0;
}

static void open_fill(struct sim_rude *rude, struct rng *rng, struct bytes *body,
                      struct wire_open *ret)
{
    struct slice doc = doc_name(rude->world, rng);

    *ret = (struct wire_open){.doc = doc,
                              .has_session = rng_percent(rng, 85),
                              .session = session(rude, rng),
                              .attempt = rng_below(rng, 3),
                              .has_position = rng_percent(rng, 20)};
    if (ret->has_position || rng_percent(rng, 3))
        ret->position = position(rude->world, doc, rng);
    ret->has_create = rng_percent(rng, is_own(doc) ? 80 : 5);
    if (!ret->has_create)
        return;
    /* A document of the clients is of their kind. */
    ret->create_kind =
        is_own(doc) && rng_percent(rng, 50) ? (enum wire_doc_kind)rng_below(rng, 3) : WIRE_DOC_RICH;
    sim_odd_body(rng, WIRE_KIND_CREATE, 0, body);
    ret->create_content = bytes_slice(body);
}

static void submit_fill(struct sim_rude *rude, struct rng *rng, struct bytes *body,
                        struct wire_submit *ret)
{
    static const enum wire_kind kinds[] = {WIRE_KIND_EDIT,       WIRE_KIND_EDIT,  WIRE_KIND_EDIT,
                                           WIRE_KIND_EDIT,       WIRE_KIND_TITLE, WIRE_KIND_TITLE,
                                           WIRE_KIND_PERMISSION, WIRE_KIND_CREATE};
    struct slice doc = doc_name(rude->world, rng);

    *ret = (struct wire_submit){.doc = doc,
                                .seq = rude->seq + rng_below(rng, 2),
                                .base = position(rude->world, doc, rng),
                                .kind = kinds[rng_below(rng, sizeof kinds / sizeof *kinds)]};
    if (rng_percent(rng, 3))
        ret->seq = 0;
    rude->seq = ret->seq;
    sim_odd_body(rng, ret->kind, sim_client_units(rude->world, doc), body);
    ret->body = bytes_slice(body);
}

static void presence_fill(struct sim_rude *rude, struct rng *rng, struct wire_presence *ret)
{
    static const uint8_t data[2 * SIM_PRESENCE_BYTES_MAX];

    *ret = (struct wire_presence){.doc = doc_name(rude->world, rng),
                                  .data = slice_of(data, rng_below(rng, sizeof data)),
                                  .gone = rng_percent(rng, 30)};
}

static void hello_fill(struct rng *rng, struct wire_hello *ret)
{
    static const char *const tokens[] = {"", "", "", "", "reader", "nobody"};

    *ret = (struct wire_hello){
        .version = rng_percent(rng, 95) ? 1 : 2,
        .token = slice_str(tokens[rng_below(rng, sizeof tokens / sizeof *tokens)])};
}

static void frame_fill(struct sim_rude *rude, struct rng *rng, struct bytes *body,
                       struct wire_client_frame *ret)
{
    static const enum wire_up_type types[] = {WIRE_UP_OPEN,     WIRE_UP_OPEN,   WIRE_UP_OPEN,
                                              WIRE_UP_OPEN,     WIRE_UP_SUBMIT, WIRE_UP_SUBMIT,
                                              WIRE_UP_SUBMIT,   WIRE_UP_SUBMIT, WIRE_UP_SUBMIT,
                                              WIRE_UP_PRESENCE, WIRE_UP_CLOSE,  WIRE_UP_PING};

    *ret = (struct wire_client_frame){.type = types[rng_below(rng, sizeof types / sizeof *types)]};
    if (!rude->greeted || rng_percent(rng, 2))
        ret->type = rng_percent(rng, 95) ? WIRE_UP_HELLO : (enum wire_up_type)0;
    rude->greeted = true;
    if (ret->type == WIRE_UP_HELLO)
        hello_fill(rng, &ret->hello);
    else if (ret->type == WIRE_UP_OPEN)
        open_fill(rude, rng, body, &ret->open);
    else if (ret->type == WIRE_UP_SUBMIT)
        submit_fill(rude, rng, body, &ret->submit);
    else if (ret->type == WIRE_UP_PRESENCE)
        presence_fill(rude, rng, &ret->presence);
    else if (ret->type == WIRE_UP_CLOSE)
        ret->close_doc = doc_name(rude->world, rng);
}

/* --- what one does --- */

static void frame_give(struct sim_rude *rude, const struct wire_client_frame *frame)
{
    if (!rude_alive(rude) || rude->closing)
        return;
    sim_core_begin(rude->gateway);
    gw_conn_frame(rude->gw, frame);
    (void)sim_core_end(rude->gateway);
}

/* One frame, at times at once again: the same, or another under its number. */
static void speak(struct sim_rude *rude, struct rng *rng)
{
    struct bytes body = BYTES_INIT;
    struct wire_client_frame frame;

    frame_fill(rude, rng, &body, &frame);
    frame_give(rude, &frame);
    if (frame.type == WIRE_UP_SUBMIT && rng_percent(rng, 20)) {
        if (rng_percent(rng, 50) && frame.submit.body.size)
            frame.submit.body.size--;
        frame_give(rude, &frame);
    }
    bytes_fini(&body);
}

static void flood(struct sim_rude *rude)
{
    for (unsigned i = 0; i < FLOOD; i++)
        frame_give(rude, &(struct wire_client_frame){.type = WIRE_UP_PING});
}

static void hears_close(struct sim_world *world, struct sim_event *event)
{
    struct sim_rude *rude = event->a;

    (void)world;
    if (event->number == UINT64_MAX || event->number != rude->gateway_boot ||
        sim_process_stopped(rude->gateway, rude->gateway_boot, event) || !rude_alive(rude))
        return;
    gw_conn_gone(rude->gw);
    rude->gw = NULL;
}

static void leave(struct sim_rude *rude)
{
    sim_event_add(rude->world, rude->world->now_ms, hears_close, rude, NULL)->number =
        rude->gateway_boot;
}

static void come(struct sim_rude *rude, struct rng *rng)
{
    struct sim_world *world = rude->world;
    struct sim_process *gateway = &world->processes[rng_below(rng, world->process_count)];

    if (gateway->role != SIM_GATEWAY || !gateway->boot || gateway->paused)
        return;
    *rude = (struct sim_rude){
        .world = world, .gateway = gateway, .gateway_boot = gateway->boot, .seq = 1};
    rude->reads_percent = rng_percent(rng, 50) ? 100 : (unsigned)rng_below(rng, 100);
    sim_core_begin(gateway);
    rude->gw = gw_conn_new(gateway->gateway, rng_percent(rng, 50) ? GW_JSON : GW_PROTO, rude);
    (void)sim_core_end(gateway);
    world->totals.rude += rude->gw != NULL;
}

static void act(struct sim_rude *rude, struct rng *rng)
{
    if (rude->high && rng_percent(rng, 50)) {
        rude->high = false;
        gw_conn_drained(rude->gw);
    }
    for (uint64_t i = rng_between(rng, 1, FRAMES_MAX); i > 0; i--)
        speak(rude, rng);
    if (!rude_alive(rude) || rude->closing)
        return;
    switch (rng_below(rng, 24)) {
    case 0:
        flood(rude);
        break;
    case 1:
        gw_conn_bad(rude->gw, WIRE_E_BAD_FRAME, 0, rng_percent(rng, 50) ? "no frame" : NULL);
        break;
    case 2:
        gw_conn_alive(rude->gw);
        break;
    case 3:
        leave(rude);
        break;
    default: /* stays, and is silent for a while */
        break;
    }
}

void sim_rude_step(struct sim_world *world)
{
    struct rng rng;
    struct sim_rude *rude;

    rng_init(&rng, world->fault_random);
    rude = &world->rudes[rng_below(&rng, SIM_RUDES_MAX)];
    rude->world = world;
    if (!rude_alive(rude))
        come(rude, &rng);
    if (rude_alive(rude) && !rude->gateway->paused)
        act(rude, &rng);
}

/* --- what the gateway does --- */

struct sim_rude *sim_rude_of(struct sim_world *world, void *shell)
{
    uintptr_t at = (uintptr_t)shell, first = (uintptr_t)world->rudes;

    return at >= first && at < first + sizeof world->rudes ? shell : NULL;
}

enum gw_send sim_rude_send(struct sim_rude *rude)
{
    uint64_t turn = rude->sent++ * 37 % 100; /* evenly through the hundred */

    if (turn < rude->reads_percent)
        return GW_SENT;
    rude->high = turn % 8;
    return rude->high ? GW_SEND_HIGH : GW_SEND_FULL;
}

void sim_rude_close(struct sim_rude *rude)
{
    rude->closing = true;
    leave(rude);
}

void sim_rude_gateway_gone(struct sim_process *gateway)
{
    struct sim_world *world = gateway->world;

    for (unsigned i = 0; i < SIM_RUDES_MAX; i++) {
        struct sim_rude *rude = &world->rudes[i];
        if (rude->gateway != gateway || !rude_alive(rude))
            continue;
        gw_conn_gone(rude->gw);
        rude->gw = NULL;
    }
}

void sim_rude_end(struct sim_world *world)
{
    for (unsigned i = 0; i < SIM_RUDES_MAX; i++)
        if (world->rudes[i].gw)
            leave(&world->rudes[i]);
}
