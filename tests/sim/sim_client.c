/*
 * Clients: real common/client cores, a random typist on each, and connections that keep order until
 * they break. A client that was disconnected may come back from its saved state, as a page that was
 * reloaded.
 */
#include <errno.h>
#include <stdlib.h>

#include "sim_world.h"
#include "wire_error.h"

struct sim_conn {
    struct sim_conn *next; /* all that ever were, until the world ends */
    struct sim_client *client;
    struct sim_process *gateway;
    uint64_t gateway_boot;
    struct gw_conn *gw; /* NULL: gone at the gateway, or not there yet */
    bool client_gone, gateway_closing, gateway_gone;
    uint64_t last_up_ms, last_down_ms;
};

#define OVER UINT64_MAX
#define OFFLINE_MS_MAX 90000
#define PING_MS 10000 /* so nobody is cut off for silence, which would hide that he is stuck */

static uint64_t in_order(struct sim_world *world, uint64_t *last_ms)
{
    uint64_t time = world->now_ms + sim_delay_ms(world);

    if (time < *last_ms)
        time = *last_ms;
    *last_ms = time;
    return time;
}

static bool gateway_alive(const struct sim_conn *conn)
{
    return conn->gateway->boot == conn->gateway_boot;
}

/* --- the client's side --- */

static void client_acked(void *ctx, uint64_t seq, uint64_t rev);
static void client_replaced(void *ctx, struct slice draft);

static struct wire_session session_new(const struct sim_client *client)
{
    struct sim_world *world = client->world;
    struct wire_session session;

    uint64_t now_ms = world->now_ms + world->leap_ms + (uint64_t)client->clock_ms;

    store_be64(session.id, now_ms << 16 | (rng_u64(&world->rng) & 0xffff));
    store_be64(session.id + 8, rng_u64(&world->rng));
    return session;
}

static struct slice doc_name(struct sim_client *client, unsigned i)
{
    return slice_str(client->world->doc_ids[i]);
}

static struct client_doc *client_doc_make(struct sim_client *client, unsigned i)
{
    struct client_events events = {
        .ctx = &client->contexts[i], .acked = client_acked, .replaced = client_replaced};

    struct client_doc *doc =
        client_doc_new(doc_name(client, i), &client->docs[i].session, client->attrs, events);
    MUST(doc);
    return doc;
}

/* A new session that creates the document, if nobody has. */
static void doc_begin(struct sim_client *client, unsigned i)
{
    struct arena mem;
    struct ot_builder builder;
    struct ot_op content;

    client->docs[i].lived = false;
    client->docs[i].session = session_new(client);
    client->docs[i].doc = client_doc_make(client, i);
    arena_init(&mem, 1u << 16);
    ot_builder_init(&builder, &mem);
    ot_builder_insert(&builder, slice_str("\n"), 1, (struct slice){0});
    MUST(ot_builder_finish(&builder, &content) == 0);
    MUST(client_doc_create(client->docs[i].doc, WIRE_DOC_RICH, &content) == 0);
    arena_fini(&mem);
    client_doc_open(client->docs[i].doc);
}

void sim_client_init(struct sim_client *client)
{
    struct sim_world *world = client->world;

    if (world->rates[SIM_LEAP]) /* clocks differ, and servers forget */
        client->clock_ms = (int64_t)rng_below(&world->rng, DOC_CLOCK_SKEW_MS);
    client->attrs = ot_attrs_table_new(1u << 20);
    MUST(client->attrs);
    for (unsigned i = 0; i < world->doc_count; i++) {
        client->contexts[i] = (struct sim_doc_context){.client = client, .doc = i};
        doc_begin(client, i);
    }
}

void sim_client_fini(struct sim_client *client)
{
    for (unsigned i = 0; i < client->world->doc_count; i++)
        client_doc_free(client->docs[i].doc);
    ot_attrs_table_free(client->attrs);
    if (client->conn)
        client->conn->client_gone = true;
}

static void client_acked(void *ctx, uint64_t seq, uint64_t rev)
{
    struct sim_doc_context *context = ctx;
    struct sim_world *world = context->client->world;

    if (world->ack_count == world->ack_capacity) {
        world->ack_capacity = world->ack_capacity ? 2 * world->ack_capacity : 64;
        world->acks = realloc(world->acks, world->ack_capacity * sizeof *world->acks);
        MUST(world->acks);
    }
    world->acks[world->ack_count++] =
        (struct sim_ack){.doc = context->doc,
                         .session = context->client->docs[context->doc].session,
                         .seq = seq,
                         .rev = rev};
    world->totals.acks++;
}

static void client_replaced(void *ctx, struct slice draft)
{
    struct sim_doc_context *context = ctx;
    struct sim_client *client = context->client;
    struct sim_world *world = client->world;

    sim_trace(world, "client-%u %s: text replaced, draft of %zu bytes", client->index,
              world->doc_ids[context->doc], draft.size);
    if (!client->docs[context->doc].lived)
        return; /* the first text, or another creator's */
    world->totals.resyncs++;
    if (!world->store.lossy && !client->docs[context->doc].renewed &&
        !client->docs[context->doc].twin)
        sim_violate(world, SIM_CHAIN, "client-%u had to resync %s though nothing was lost",
                    client->index, world->doc_ids[context->doc]);
}

static void frame_send(struct sim_conn *conn, const struct wire_client_frame *frame);

/* A connection breaks at the worst moment: the submit is on its way, its answer is not. */
static void submit_cut(struct sim_client *client)
{
    struct sim_world *world = client->world;

    if (sim_fault_met(world, SIM_CUT_SUBMIT, client->index))
        sim_client_disconnect(client);
}

static void client_pull(struct sim_client *client)
{
    struct arena mem;

    arena_init(&mem, 8u << 20);
    for (unsigned i = 0; i < client->world->doc_count && client->conn && client->welcomed; i++) {
        struct wire_client_frame frame;
        while (client->conn && client_doc_pull(client->docs[i].doc, &mem, &frame)) {
            frame_send(client->conn, &frame);
            if (frame.type == WIRE_UP_SUBMIT)
                submit_cut(client);
            arena_reset(&mem);
        }
    }
    arena_fini(&mem);
}

static void entry_check(struct sim_world *world, const struct wire_client_entry *entry)
{
    struct sim_doc *doc = sim_store_doc(&world->store, entry->doc);
    const struct sim_entry *known = sim_ledger_find(doc, entry->last_rev);
    struct chain_position after = {.rev = entry->last_rev};

    memcpy(after.hash, entry->hash_after, CHAIN_HASH_SIZE);
    sim_ledger_seen(doc, &after);
    if (!known && !world->store.lossy)
        sim_violate(world, SIM_DURABLE, "revision %llu of %.*s was shown before it was durable",
                    (unsigned long long)entry->last_rev, (int)entry->doc.size,
                    (const char *)entry->doc.data);
    else if (known && !world->store.lossy &&
             memcmp(known->position.hash, entry->hash_after, CHAIN_HASH_SIZE) != 0)
        sim_violate(world, SIM_HISTORY, "revision %llu of %.*s was shown with another content",
                    (unsigned long long)entry->last_rev, (int)entry->doc.size,
                    (const char *)entry->doc.data);
}

/* After STOPPED. A document that was lost as a whole is created anew: its text is a draft. */
static void doc_renew(struct sim_client *client, unsigned i)
{
    client->world->totals.renewals++;
    if (client_doc_error(client->docs[i].doc) == WIRE_E_NO_SUCH_DOCUMENT) {
        client_doc_free(client->docs[i].doc);
        doc_begin(client, i);
        return;
    }
    client->docs[i].session = session_new(client);
    client->docs[i].twin = false;
    MUST(client_doc_renew(client->docs[i].doc, &client->docs[i].session) == 0);
}

/* No answer is under way for months: not across a leap. */
static void clock_set(struct sim_client *client, uint64_t server_ms)
{
    int64_t off_ms = (int64_t)(server_ms - client->world->now_ms - client->world->leap_ms);

    if (llabs(off_ms) < (int64_t)(DOC_SESSION_KEEP_MS / 2))
        client->clock_ms = off_ms;
}

static void error_heard(struct sim_client *client, unsigned i,
                        const struct wire_client_error *error)
{
    struct sim_world *world = client->world;

    sim_trace(world, "client-%u %s hears error %u, seq %llu, detail %llu", client->index,
              world->doc_ids[i], error->code, (unsigned long long)error->seq,
              (unsigned long long)error->detail);
    if (error->code == WIRE_E_CLOCK_SKEW) /* the detail is the server's time */
        clock_set(client, error->detail);
    if (error->permanent)
        return;
    client->docs[i].retry_ms = world->now_ms + error->retry_after_ms;
}

static void client_frame(struct sim_client *client, const struct wire_server_frame *frame)
{
    struct sim_world *world = client->world;
    struct slice id = wire_server_frame_doc(frame);

    if (frame->type == WIRE_DOWN_WELCOME)
        client->welcomed = true;
    if (frame->type == WIRE_DOWN_ENTRY)
        entry_check(world, &frame->entry);
    if (frame->type == WIRE_DOWN_OPENED)
        sim_ledger_seen(sim_store_doc(&world->store, id), &frame->opened.position);
    for (unsigned i = 0; i < world->doc_count; i++) {
        if (!slice_equal(id, doc_name(client, i)))
            continue;
        if (frame->type == WIRE_DOWN_ERROR)
            error_heard(client, i, &frame->error);
        if (frame->type == WIRE_DOWN_PRESENCE)
            sim_client_presence_check(client, i, &frame->presence);
        int r = client_doc_frame(client->docs[i].doc, frame);
        client->docs[i].lived |= client_doc_state(client->docs[i].doc) == CLIENT_LIVE;
        if (client_doc_state(client->docs[i].doc) == CLIENT_LIVE)
            client->docs[i].renewed = false;
        if (r && !client->docs[i].twin && (!world->store.lossy || frame->type == WIRE_DOWN_ENTRY))
            sim_violate(world, frame->type == WIRE_DOWN_ENTRY ? SIM_STREAM : SIM_CLIENT,
                        "client-%u diverged on %s (outcome %d)", client->index, world->doc_ids[i],
                        r);
        if (client_doc_state(client->docs[i].doc) != CLIENT_STOPPED)
            continue;
        /* A worker that looks before another has put the document back: then it is lost. */
        if (client_doc_error(client->docs[i].doc) == WIRE_E_NO_SUCH_DOCUMENT)
            world->store.lossy |= sim_store_doc_owed(&world->store, doc_name(client, i));
        bool may = sim_client_may_stop(client, i);
        world->totals.expired += client_doc_error(client->docs[i].doc) == WIRE_E_SESSION_EXPIRED;
        client->docs[i].renewed |= may;
        if (!world->store.lossy && !may)
            sim_violate(world, SIM_CLIENT, "client-%u was stopped on %s by error %u", client->index,
                        world->doc_ids[i], client_doc_error(client->docs[i].doc));
        doc_renew(client, i);
    }
}

static void deliver_down(struct sim_world *world, struct sim_event *event)
{
    struct sim_conn *conn = event->a;
    struct slice in = refbuf_slice(event->bytes);
    struct arena mem;

    if (event->number == OVER || conn->client_gone)
        return;
    arena_init(&mem, 64u << 20);
    while (in.size && !conn->client_gone && !sim_violated(world)) {
        struct wire_server_frame frame;
        if (wire_server_frame_take(&mem, &in, &frame)) {
            sim_violate(world, SIM_FORM, "a gateway sent a malformed frame");
            break;
        }
        client_frame(conn->client, &frame);
    }
    arena_fini(&mem);
    if (!conn->client_gone)
        client_pull(conn->client);
}

void sim_client_replace(struct sim_client *client, unsigned i, const struct wire_session *session,
                        struct slice saved)
{
    client_doc_free(client->docs[i].doc);
    client->docs[i].session = *session;
    client->docs[i].doc = client_doc_make(client, i);
    MUST(client_doc_restore(client->docs[i].doc, saved) == 0);
}

/* Comes back from what it had saved, as after a reload of the page. */
static void doc_reload(struct sim_client *client, unsigned i)
{
    struct bytes saved = BYTES_INIT;

    MUST(client_doc_save(client->docs[i].doc, &saved) == 0);
    sim_client_replace(client, i, &client->docs[i].session, bytes_slice(&saved));
    bytes_fini(&saved);
    client->world->totals.reloads++;
}

static void client_gone(struct sim_conn *conn)
{
    struct sim_client *client = conn->client;
    struct sim_world *world = client->world;

    conn->client_gone = true;
    client->conn = NULL;
    client->welcomed = false;
    client->reconnect_ms = world->now_ms + rng_between(&world->rng, 5, 1500);
    if (sim_fault_met(world, SIM_OFFLINE, client->index)) {
        client->reconnect_ms +=
            sim_fault_between(world, 0, 9) ? sim_fault_between(world, 1, 20000) : OFFLINE_MS_MAX;
        world->totals.offline++;
    }
    for (unsigned i = 0; i < world->doc_count; i++) {
        client_doc_disconnected(client->docs[i].doc);
        if (sim_fault_met(world, SIM_RELOAD, client->index))
            doc_reload(client, i);
    }
}

static void client_hears_close(struct sim_world *world, struct sim_event *event)
{
    struct sim_conn *conn = event->a;

    if (event->number != OVER && !conn->client_gone)
        client_gone(conn);
}

/* --- the gateway's side --- */

static void deliver_up(struct sim_world *world, struct sim_event *event)
{
    struct sim_conn *conn = event->a;
    struct slice in;
    struct arena mem;

    if (sim_process_stopped(conn->gateway, conn->gateway_boot, event))
        return;
    if (event->number == OVER || !gateway_alive(conn) || !conn->gw || conn->gateway_closing)
        return;
    in = refbuf_slice(event->bytes);
    arena_init(&mem, 64u << 20);
    while (in.size && conn->gw && !conn->gateway_closing) {
        struct wire_client_frame frame;
        if (wire_client_frame_take(&mem, &in, &frame)) {
            sim_violate(world, SIM_FORM, "a client sent a malformed frame");
            break;
        }
        sim_core_begin(conn->gateway);
        gw_conn_frame(conn->gw, &frame);
        (void)sim_core_end(conn->gateway);
    }
    arena_fini(&mem);
}

static void frame_send(struct sim_conn *conn, const struct wire_client_frame *frame)
{
    struct sim_world *world = conn->client->world;
    struct bytes out = BYTES_INIT;

    wire_client_frame_encode(frame, &out);
    struct refbuf *bytes = refbuf_copy(bytes_slice(&out));
    MUST(!out.failed && bytes);
    bytes_fini(&out);
    sim_event_add(world, in_order(world, &conn->last_up_ms), deliver_up, conn, NULL)->bytes = bytes;
}

static void connect_arrives(struct sim_world *world, struct sim_event *event)
{
    struct sim_conn *conn = event->a;

    if (event->number == OVER || sim_process_stopped(conn->gateway, conn->gateway_boot, event))
        return;
    if (gateway_alive(conn) && !conn->gateway_gone) {
        sim_core_begin(conn->gateway);
        conn->gw = gw_conn_new(conn->gateway->gateway, GW_PROTO, conn);
        (void)sim_core_end(conn->gateway);
    }
    if (!conn->gw)
        sim_event_add(world, in_order(world, &conn->last_down_ms), client_hears_close, conn, NULL);
}

static void gateway_hears_close(struct sim_world *world, struct sim_event *event)
{
    struct sim_conn *conn = event->a;

    if (event->number == OVER || conn->gateway_gone ||
        sim_process_stopped(conn->gateway, conn->gateway_boot, event))
        return;
    conn->gateway_gone = true;
    if (gateway_alive(conn) && conn->gw)
        gw_conn_gone(conn->gw);
    conn->gw = NULL;
}

struct refbuf *sim_conn_encode(void *ctx, enum gw_variant variant,
                               const struct wire_server_frame *frame, struct slice encoded)
{
    SIM_ALLOC_OUTSIDE;
    struct bytes out = BYTES_INIT;

    if (frame->type == WIRE_DOWN_ENTRY && encoded.size)
        wire_server_entry_frame(encoded, &out);
    else
        wire_server_frame_encode(frame, &out);
    MUST(!out.failed);
    struct refbuf *bytes = refbuf_copy(bytes_slice(&out));
    bytes_fini(&out);
    return bytes;
}

static void drained(struct sim_world *world, struct sim_event *event)
{
    struct sim_conn *conn = event->a;

    if (sim_process_stopped(conn->gateway, conn->gateway_boot, event))
        return;
    if (event->number != OVER && gateway_alive(conn) && conn->gw && !conn->gateway_closing)
        gw_conn_drained(conn->gw);
}

enum gw_send sim_conn_send(void *ctx, void *shell_conn, struct refbuf *frame)
{
    SIM_ALLOC_OUTSIDE;
    struct sim_process *process = ctx;
    struct sim_world *world = process->world;
    struct sim_conn *conn = shell_conn;

    sim_event_add(world, in_order(world, &conn->last_down_ms), deliver_down, conn, NULL)->bytes =
        refbuf_ref(frame);
    if (!sim_fault_met(world, SIM_SLOW_READER, conn->client->index))
        return GW_SENT;
    sim_event_add(world, world->now_ms + sim_fault_between(world, 0, 799), drained, conn, NULL);
    return GW_SEND_HIGH;
}

void sim_conn_close(void *ctx, void *shell_conn, uint32_t code)
{
    SIM_ALLOC_OUTSIDE;
    struct sim_process *process = ctx;
    struct sim_world *world = process->world;
    struct sim_conn *conn = shell_conn;

    sim_trace(world, "%s closes client-%u, code %u", process->id, conn->client->index, code);
    conn->gateway_closing = true;
    sim_event_add(world, in_order(world, &conn->last_down_ms), client_hears_close, conn, NULL);
    sim_event_add(world, world->now_ms, gateway_hears_close, conn, NULL);
}

void sim_client_disconnect(struct sim_client *client)
{
    struct sim_conn *conn = client->conn;

    sim_trace(client->world, "client-%u loses its connection", client->index);
    client->world->totals.disconnects++;
    client_gone(conn);
    sim_event_add(client->world, client->world->now_ms + rng_below(&client->world->rng, 3000),
                  gateway_hears_close, conn, NULL);
}

void sim_client_gateway_gone(struct sim_process *gateway)
{
    struct sim_world *world = gateway->world;

    for (struct sim_conn *conn = world->conns; conn; conn = conn->next) {
        if (conn->gateway != gateway || conn->gateway_boot != gateway->boot || conn->gateway_gone)
            continue;
        conn->gateway_gone = true;
        if (conn->gw)
            gw_conn_gone(conn->gw);
        conn->gw = NULL;
        sim_event_add(world, in_order(world, &conn->last_down_ms), client_hears_close, conn, NULL);
    }
}

void sim_conns_fini(struct sim_world *world)
{
    while (world->conns) {
        struct sim_conn *next = world->conns->next;
        free(world->conns);
        world->conns = next;
    }
}

static void client_connect(struct sim_client *client)
{
    struct sim_world *world = client->world;
    struct sim_process *gateway = NULL;

    for (unsigned i = 0, at = (unsigned)rng_below(&world->rng, world->process_count);
         i < world->process_count && !gateway; i++, at = (at + 1) % world->process_count)
        if (world->processes[at].role == SIM_GATEWAY && world->processes[at].boot)
            gateway = &world->processes[at];
    if (!gateway)
        return;
    struct sim_conn *conn = calloc(1, sizeof *conn);
    MUST(conn);
    *conn = (struct sim_conn){
        .next = world->conns, .client = client, .gateway = gateway, .gateway_boot = gateway->boot};
    world->conns = conn;
    client->conn = conn;
    sim_event_add(world, in_order(world, &conn->last_up_ms), connect_arrives, conn, NULL);
    frame_send(conn, &(struct wire_client_frame){.type = WIRE_UP_HELLO, .hello = {.version = 1}});
}

static void cursor_move(struct sim_client *client, unsigned i)
{
    struct wire_client_frame frame = {.type = WIRE_UP_PRESENCE};

    if (client->conn && client->welcomed && sim_client_presence(client, i, &frame.presence))
        frame_send(client->conn, &frame);
}

void sim_client_step(struct sim_client *client)
{
    struct sim_world *world = client->world;

    if (!client->conn && world->now_ms >= client->reconnect_ms)
        client_connect(client);
    if (!world->healing && world->edits_left && world->now_ms >= client->edit_ms) {
        unsigned i = (unsigned)rng_below(&world->rng, world->doc_count);
        if (client->docs[i].lived && client_doc_has_text(client->docs[i].doc))
            sim_client_edit(client, i);
        client->edit_ms = world->now_ms + rng_between(&world->rng, 1, 300);
        cursor_move(client, i);
    }
    for (unsigned i = 0; i < world->doc_count; i++) {
        if (!client->docs[i].retry_ms || world->now_ms < client->docs[i].retry_ms)
            continue;
        client->docs[i].retry_ms = 0;
        client_doc_retry(client->docs[i].doc);
    }
    if (!client->conn)
        return;
    if (client->welcomed && world->now_ms >= client->ping_ms) {
        frame_send(client->conn, &(struct wire_client_frame){.type = WIRE_UP_PING});
        client->ping_ms = world->now_ms + PING_MS;
    }
    client_pull(client);
}

bool sim_client_connected(const struct sim_client *client)
{
    return client->conn && client->welcomed;
}

uint64_t sim_client_units(const struct sim_world *world, struct slice doc)
{
    for (unsigned i = 0; i < world->doc_count; i++)
        if (slice_equal(doc, slice_str(world->doc_ids[i])))
            return ot_rope_units(client_doc_rope(world->clients[0].docs[i].doc));
    return 0;
}
