/* The world of client_world_test.h but for its server: clients, connections, typing. */
#include "client_world_test.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

/* --- making and ending --- */

void world_init(struct world *w, uint64_t seed)
{
    *w = (struct world){.seed = seed, .id = slice_str("doc"), .now_ms = WORLD_NOW_MS};
    rng_init(&w->rng, seed);
    w->table = ot_attrs_table_new(1u << 20);
    w->doc = doc_new(w->id, w->table);
    ck_assert(w->table && w->doc);
}

static void client_free(struct world_client *c)
{
    client_doc_free(c->doc);
    bytes_fini(&c->up.bytes);
    bytes_fini(&c->down.bytes);
    bytes_fini(&c->draft);
    free(c);
}

void world_fini(struct world *w)
{
    for (size_t i = 0; i < w->client_count; i++)
        client_free(w->clients[i]);
    for (size_t i = 0; i < w->revision_count; i++)
        free((void *)w->revisions[i].record.body.data);
    for (size_t i = 0; i < w->pending_count; i++)
        free((void *)w->pending[i].submit.body.data);
    free(w->revisions);
    doc_free(w->doc);
    ot_attrs_table_free(w->table);
}

struct wire_session world_session(struct world *w)
{
    struct wire_session session;

    store_be64(session.id, w->now_ms << 16 | (rng_u64(&w->rng) & 0xffff));
    store_be64(session.id + 8, rng_u64(&w->rng));
    return session;
}

/* --- the events of a client --- */

static void on_acked(void *ctx, uint64_t seq, uint64_t rev)
{
    struct world_client *c = ctx;
    const struct wire_record *record = &c->world->revisions[rev - 1].record;

    /* Each op once, in order, at the revision where it stands. */
    MUST(seq == c->acked + 1);
    MUST(rev <= c->world->revision_count && record->seq == seq);
    MUST(memcmp(&record->session, &c->session, sizeof c->session) == 0);
    c->acked = seq;
}

static void on_replaced(void *ctx, struct slice draft)
{
    struct world_client *c = ctx;

    c->replaced++;
    bytes_reset(&c->draft);
    bytes_append_slice(&c->draft, draft);
}

static void on_changed(void *ctx, const struct ot_op *op)
{
    struct world_client *c = ctx;

    (void)op;
    c->changed++;
}

static struct client_doc *client_make(struct world_client *c, bool has_session)
{
    struct client_events events = {
        .ctx = c, .acked = on_acked, .replaced = on_replaced, .changed = on_changed};
    struct client_doc *doc =
        client_doc_new(c->world->id, has_session ? &c->session : NULL, c->world->table, events);
    MUST(doc);
    return doc;
}

struct world_client *world_client_add(struct world *w, bool has_session)
{
    struct world_client *c = calloc(1, sizeof *c);

    MUST(c && w->client_count < WORLD_CLIENTS_MAX);
    c->world = w;
    c->session = world_session(w);
    c->doc = client_make(c, has_session);
    w->clients[w->client_count++] = c;
    return c;
}

void world_reload(struct world_client *c)
{
    struct bytes saved = BYTES_INIT;

    MUST(client_doc_save(c->doc, &saved) == 0);
    client_doc_free(c->doc);
    c->doc = client_make(c, true);
    MUST(client_doc_restore(c->doc, bytes_slice(&saved)) == 0);
    bytes_fini(&saved);
}

/* --- moving frames --- */

void world_pull(struct world_client *c)
{
    struct wire_client_frame frame;
    struct arena mem;

    if (!c->connected)
        return;
    arena_init(&mem, 1u << 20);
    while (client_doc_pull(c->doc, &mem, &frame)) {
        wire_client_frame_encode(&frame, &c->up.bytes);
        arena_reset(&mem);
    }
    MUST(!c->up.bytes.failed);
    arena_fini(&mem);
}

void world_connect(struct world_client *c)
{
    MUST(!c->connected);
    c->connected = true;
    if (client_doc_state(c->doc) == CLIENT_CLOSED)
        client_doc_open(c->doc);
    world_pull(c);
}

void world_disconnect(struct world_client *c, bool late)
{
    struct wire_session session = c->attached_session;
    struct slice in = bytes_slice(&c->up.bytes);
    bool attached = c->attached;
    struct wire_client_frame frame;
    struct arena mem;

    c->connected = c->attached = c->lagging = false;
    arena_init(&mem, 1u << 20);
    while (late && in.size) {
        MUST(wire_client_frame_take(&mem, &in, &frame) == 0);
        if (attached && frame.type == WIRE_UP_SUBMIT)
            world_submit_late(c->world, &session, &frame.submit);
        attached &= frame.type != WIRE_UP_CLOSE;
    }
    arena_fini(&mem);
    bytes_reset(&c->up.bytes);
    bytes_reset(&c->down.bytes);
    client_doc_disconnected(c->doc);
}

int world_give(struct world_client *c, const struct wire_server_frame *frame)
{
    int r = client_doc_frame(c->doc, frame);

    c->diverged += r == CLIENT_DIVERGED;
    MUST(r == 0 || r == CLIENT_DIVERGED);
    return r;
}

bool world_deliver_up(struct world_client *c)
{
    struct slice in = bytes_slice(&c->up.bytes);
    struct wire_client_frame frame;
    struct arena mem;

    if (!c->connected || in.size == 0)
        return false;
    arena_init(&mem, 1u << 20);
    MUST(wire_client_frame_take(&mem, &in, &frame) == 0);
    world_take(c, &frame);
    bytes_consume(&c->up.bytes, c->up.bytes.size - in.size);
    arena_fini(&mem);
    return true;
}

bool world_deliver_down(struct world_client *c)
{
    struct slice in = bytes_slice(&c->down.bytes);
    struct wire_server_frame frame;
    struct arena mem;

    if (!c->connected || in.size == 0)
        return false;
    arena_init(&mem, SIZE_MAX);
    MUST(wire_server_frame_take(&mem, &in, &frame) == 0);
    (void)world_give(c, &frame);
    bytes_consume(&c->down.bytes, c->down.bytes.size - in.size);
    arena_fini(&mem);
    world_pull(c);
    return true;
}

void world_settle(struct world *w)
{
    bool moved = true;

    while (moved) {
        moved = w->pending_count > 0;
        world_commit(w);
        for (size_t i = 0; i < w->client_count; i++) {
            struct world_client *c = w->clients[i];
            if (!c->connected)
                continue;
            if (c->lagging)
                world_open_unasked(c);
            world_pull(c);
            while (world_deliver_up(c) || world_deliver_down(c))
                moved = true;
        }
    }
}

/* --- typing --- */

int world_type(struct world_client *c, uint64_t at, const char *text)
{
    struct ot_builder builder;
    struct ot_op op;
    struct arena mem;

    arena_init(&mem, SIZE_MAX);
    ot_builder_init(&builder, &mem);
    ot_builder_retain(&builder, at, (struct slice){0});
    ot_builder_insert(&builder, slice_str(text), (uint32_t)strlen(text), (struct slice){0});
    MUST(ot_builder_finish(&builder, &op) == 0);
    int r = client_doc_edit(c->doc, &op);
    arena_fini(&mem);
    world_pull(c);
    return r;
}

static void random_insert(struct rng *rng, struct ot_builder *builder)
{
    static const char *const texts[] = {"a", "b", "word ", "\n", "\xc3\xa9", "\xf0\x9f\x98\x81"};
    static const uint32_t units[] = {1, 1, 5, 1, 1, 2};
    size_t i = rng_below(rng, sizeof texts / sizeof texts[0]);

    ot_builder_insert(builder, slice_str(texts[i]), units[i], (struct slice){0});
}

static uint64_t random_span(struct rng *rng, struct ot_builder *builder, uint64_t left)
{
    uint64_t size = rng_between(rng, 1, left < 6 ? left : 6);
    struct bytes attrs = BYTES_INIT;

    if (rng_percent(rng, 40)) {
        ot_attrs_append(&attrs, slice_str(rng_percent(rng, 50) ? "b" : "i"),
                        slice_str(rng_percent(rng, 60) ? "true" : "null"));
        uint8_t *copy = arena_copy(builder->mem, attrs.data, attrs.size);
        ot_builder_retain(builder, size, slice_of(copy, attrs.size));
    } else {
        ot_builder_delete(builder, size);
    }
    bytes_fini(&attrs);
    return size;
}

/* A few inserts, deletes and formats from left to right; the final newline stays. */
void world_type_random(struct world_client *c)
{
    struct rng *rng = &c->world->rng;
    uint64_t units = ot_rope_units(client_doc_rope(c->doc));
    struct ot_builder builder;
    struct ot_op op;
    struct arena mem;

    if (!client_doc_has_text(c->doc) || units == 0)
        return;
    arena_init(&mem, 1u << 20);
    ot_builder_init(&builder, &mem);
    uint64_t at = 0;
    for (uint64_t i = rng_between(rng, 1, 3); i > 0; i--) {
        uint64_t skip = rng_below(rng, units - at);
        ot_builder_retain(&builder, skip, (struct slice){0});
        at += skip;
        if (units - 1 - at > 0 && rng_percent(rng, units > 60 ? 65 : 45))
            at += random_span(rng, &builder, units - 1 - at);
        else
            random_insert(rng, &builder);
    }
    MUST(ot_builder_finish(&builder, &op) == 0);
    int r = client_doc_edit(c->doc, &op);
    MUST(r == 0 || r == OT_CUTS_PAIR || r == -EAGAIN);
    arena_fini(&mem);
}
