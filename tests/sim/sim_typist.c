/*
 * What somebody does at a client: edits, a cursor that moves, a second tab.
 */
#include <errno.h>

#include "sim_world.h"
#include "wire_error.h"

static void random_insert(struct sim_world *world, struct ot_builder *builder)
{
    static const char *const texts[] = {"a",  "b", "word ", "\n", "\xc3\xa9", "\xf0\x9f\x98\x81",
                                        "xyz"};
    static const uint32_t units[] = {1, 1, 5, 1, 1, 2, 3};
    size_t i = rng_below(&world->rng, sizeof texts / sizeof texts[0]);

    ot_builder_insert(builder, slice_str(texts[i]), units[i], (struct slice){0});
}

void sim_client_edit(struct sim_client *client, unsigned i)
{
    struct sim_world *world = client->world;
    struct client_doc *doc = client->docs[i].doc;
    uint64_t units = ot_rope_units(client_doc_rope(doc));
    uint64_t editable = units ? units - 1 : 0; /* the final newline stays */
    uint64_t at = rng_below(&world->rng, editable + 1);
    uint64_t left = editable - at;
    unsigned kind = (unsigned)rng_below(&world->rng, 10);
    struct bytes attrs = BYTES_INIT;
    struct arena mem;
    struct ot_builder builder;
    struct ot_op op;

    arena_init(&mem, 1u << 16);
    ot_builder_init(&builder, &mem);
    ot_builder_retain(&builder, at, (struct slice){0});
    if (kind >= 6 && left > 0) {
        uint64_t size = rng_between(&world->rng, 1, left < 5 ? left : 5);
        if (kind == 9) {
            ot_attrs_append(&attrs, slice_str("bold"),
                            slice_str(rng_percent(&world->rng, 50) ? "true" : "null"));
            ot_builder_retain(&builder, size, bytes_slice(&attrs));
        } else {
            ot_builder_delete(&builder, size);
            if (kind == 8)
                random_insert(world, &builder);
        }
    } else {
        random_insert(world, &builder);
    }
    MUST(ot_builder_finish(&builder, &op) == 0);
    int r = client_doc_edit(doc, &op);
    if (r == 0) {
        world->totals.edits++;
        world->edits_left--;
    } else if (r != OT_CUTS_PAIR && r != -EAGAIN) {
        sim_violate(world, SIM_CLIENT, "client-%u: its own edit does not fit (outcome %d)",
                    client->index, r);
    }
    arena_fini(&mem);
    bytes_fini(&attrs);
}

/* Where its cursor is, as others are to see it. */
bool sim_client_presence(struct sim_client *client, unsigned i, struct wire_presence *ret)
{
    struct sim_world *world = client->world;
    const struct client_doc *doc = client->docs[i].doc;

    if (client_doc_state(doc) != CLIENT_LIVE || !rng_percent(&world->rng, 20))
        return false;
    *ret = (struct wire_presence){.doc = slice_str(world->doc_ids[i]),
                                  .rev = client_doc_position(doc).rev,
                                  .data = slice_str("here"),
                                  .gone = rng_percent(&world->rng, 20)};
    return true;
}

void sim_client_presence_check(const struct sim_client *client, unsigned i,
                               const struct wire_presence *presence)
{
    struct sim_world *world = client->world;
    uint8_t own[WIRE_AUTHOR_SIZE];

    world->totals.presences++;
    client_doc_author(client->docs[i].doc, own);
    if (!presence->has_author || presence->data.size > SIM_PRESENCE_BYTES_MAX)
        sim_violate(world, SIM_CLIENT, "client-%u is told of a presence that is nobody's",
                    client->index);
    else if (memcmp(own, presence->author, sizeof own) == 0 && !client->docs[i].twin)
        sim_violate(world, SIM_CLIENT, "client-%u is told of its own presence", client->index);
}

/* Its page is closed, and what another tab has saved is opened in its place: the same session. */
void sim_client_twin(struct sim_client *client, const struct sim_client *other)
{
    struct sim_world *world = client->world;

    for (unsigned i = 0; i < world->doc_count; i++) {
        struct bytes saved = BYTES_INIT;
        MUST(client_doc_save(other->docs[i].doc, &saved) == 0);
        sim_client_replace(client, i, &other->docs[i].session, bytes_slice(&saved));
        bytes_fini(&saved);
        client->docs[i].twin = world->clients[other->index].docs[i].twin = true;
        client->docs[i].lived = other->docs[i].lived;
    }
    world->totals.twins++;
    sim_trace(world, "client-%u is another tab of client-%u now", client->index, other->index);
}

/* Is it so that a client is told this, though nothing was lost? */
bool sim_client_may_stop(const struct sim_client *client, unsigned i)
{
    const struct sim_world *world = client->world;

    switch (client_doc_error(client->docs[i].doc)) {
    case WIRE_E_CLOCK_SKEW:
        return world->store.skew_ms || world->leap_ms;
    case WIRE_E_SESSION_EXPIRED:
        return world->leap_ms;
    case WIRE_E_SESSION_REPLACED:
    case WIRE_E_SESSION_CLOSED:
    case WIRE_E_SEQ_REUSED:
    case WIRE_E_SEQ_OLD:
    case WIRE_E_SEQ_GAP:
        return client->docs[i].twin;
    default:
        return false;
    }
}
