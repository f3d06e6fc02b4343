/*
 * How large things may get in a run. Most have room for all that can come; those with rude clients
 * are so tight that they, and others, meet the bounds: yet the clients' own documents fit, or
 * nothing would settle.
 */
#include "sim_odd.h"
#include "sim_world.h"

#define DOC_ROOM (256u << 10) /* one of the clients' documents without its tail, in a worker */

static void tight_draw(struct sim_world *world, struct rng *rng, struct sim_bounds *ret)
{
    uint32_t viewers = world->client_count * world->doc_count;

    ret->frames_per_s_max = 300;
    ret->op_bytes_max = SIM_ODD_OP_BYTES_MAX;
    ret->documents_max = world->doc_count;
    ret->connections_max = world->client_count + (uint32_t)rng_between(rng, 1, 4);
    ret->gateway_attachments_max = viewers + rng_below(rng, 4);
    ret->unacked_bytes_max = rng_between(rng, 80, 200) << 10;
    ret->payload_bytes_max = rng_between(rng, 1, 2) << 20;
    ret->worker_attachments_max = viewers + rng_below(rng, 8);
    ret->pending_bytes_max = rng_between(rng, 80, 200) << 10;
    ret->documents_bytes_max = world->doc_count * (DOC_ROOM + world->tail_bytes_max);
}

void sim_bounds_draw(struct sim_world *world)
{
    struct rng rng;

    world->bounds = (struct sim_bounds){.frames_per_s_max = 1000,
                                        .connections_max = 100,
                                        .unacked_bytes_max = 16u << 20,
                                        .documents_bytes_max = 64u << 20,
                                        .pending_bytes_max = 4u << 20};
    rng_init(&rng, ~world->seed);
    if (world->rates[SIM_RUDE])
        tight_draw(world, &rng, &world->bounds);
}
