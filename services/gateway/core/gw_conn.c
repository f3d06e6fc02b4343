/*
 * A connection, from the first byte that its shell gives us to its end.
 *
 *   gw_conn_new          Hello                   drain: Drain sent
 *   ───────────► NEW ───────────► WELCOMED ─────────────────────────► LEAVING
 *                 │ hello_ms          │ silent, too fast, slow, error     │ DRAIN_GRACE_MS
 *                 └──────────────► CONDEMNED ◄────────────────────────────┘
 *                                     │ core_settle(): Error, io->close, attachments freed
 *                                     ▼
 *                                   CLOSED ── gw_conn_gone ──► freed (from any state)
 *
 * Each state has a list, and each list is in the order in which its members fall due: NEW by age,
 * WELCOMED by last sign of life, LEAVING by the end of the grace. So a million connections need no
 * timer: the front of three lists is looked at.
 *
 * LEAVING behaves as WELCOMED in all else: what is in flight is still answered.
 */
#include "gw_internal.h"

static struct list *state_list(struct gw_core *core, enum conn_state state)
{
    switch (state) {
    case CONN_NEW:
        return &core->fresh;
    case CONN_WELCOMED:
        return &core->welcomed;
    case CONN_LEAVING:
        return &core->leaving;
    case CONN_CONDEMNED:
        return &core->condemned;
    case CONN_CLOSED:
        break;
    }
    return &core->closed;
}

static void conn_set(struct gw_conn *conn, enum conn_state state)
{
    MUST(state > conn->state);
    list_remove(&conn->link);
    list_push_back(state_list(conn->core, state), &conn->link);
    conn->state = (uint8_t)state;
}

bool conn_live(const struct gw_conn *conn)
{
    return conn->state < CONN_CONDEMNED;
}

/* --- sending --- */

void conn_condemn(struct gw_conn *conn, uint32_t code, uint64_t detail)
{
    if (!conn_live(conn))
        return;
    conn->close_code = code;
    conn->close_detail = detail;
    conn_set(conn, CONN_CONDEMNED);
}

bool conn_send(struct gw_conn *conn, struct refbuf *frame)
{
    struct gw_core *core = conn->core;

    if (!conn_live(conn))
        return false;
    switch (core->io.send(core->io.ctx, conn->shell, frame)) {
    case GW_SEND_FULL:
        conn_condemn(conn, WIRE_E_SLOW_READER, core->config.out_bytes_max);
        return false;
    case GW_SEND_HIGH:
        conn->high = true;
        break;
    case GW_SENT:
        break;
    }
    core->counters.frames_out++;
    return true;
}

bool conn_send_frame(struct gw_conn *conn, const struct wire_server_frame *frame)
{
    struct gw_core *core = conn->core;

    if (!conn_live(conn))
        return false;
    struct refbuf *bytes = core->io.encode(core->io.ctx, conn->variant, frame, (struct slice){0});
    core->counters.encodes++;
    if (!bytes) {
        conn_condemn(conn, WIRE_E_NO_MEMORY, 0);
        return false;
    }
    bool sent = conn_send(conn, bytes);
    refbuf_unref(bytes);
    return sent;
}

/* A document id that is too long to be one is not echoed. */
static void error_frame(struct gw_core *core, uint32_t code, uint64_t detail, struct slice doc,
                        uint64_t seq, struct bytes *text, struct wire_server_frame *ret)
{
    if (doc.size > WIRE_DOC_SIZE_MAX)
        doc = (struct slice){0};
    wire_error_frame(code, detail, doc, seq, text, ret);
    if (code < WIRE_ERROR_CODES)
        core->counters.errors_by_code[code]++;
}

static void tell_shell(struct gw_conn *conn, uint32_t code, struct slice doc, uint64_t seq)
{
    struct gw_core *core = conn->core;
    struct gw_att *att = att_of(conn, doc);
    struct gw_told told = {.code = code,
                           .shard = cluster_shard_of(doc),
                           .view = core->tracker.view.number,
                           .seq = seq,
                           .doc = doc,
                           .author = att && att->has_session ? att->author : NULL};

    if (core->io.told)
        core->io.told(core->io.ctx, conn->shell, &told);
}

void conn_send_error(struct gw_conn *conn, uint32_t code, uint64_t detail, struct slice doc,
                     uint64_t seq)
{
    struct bytes text = BYTES_INIT;
    struct wire_server_frame frame;

    error_frame(conn->core, code, detail, doc, seq, &text, &frame);
    conn_send_frame(conn, &frame);
    bytes_fini(&text);
    tell_shell(conn, code, doc, seq);
}

/* --- the end --- */

static void conn_detach_all(struct gw_conn *conn)
{
    struct gw_att *att;

    while ((att = list_first(&conn->atts, struct gw_att, conn_link)))
        att_free(att);
}

/* The last words are sent past conn_send(): there is nothing left to condemn. */
static void conn_last_words(struct gw_conn *conn, const char *why)
{
    struct gw_core *core = conn->core;
    struct bytes text = BYTES_INIT;
    struct wire_server_frame frame;

    error_frame(core, conn->close_code, conn->close_detail, (struct slice){0}, 0, &text, &frame);
    if (why) {
        bytes_append_str(&text, ": ");
        bytes_append_str(&text, why);
        frame.error.message = bytes_slice(&text);
    }
    struct refbuf *bytes = core->io.encode(core->io.ctx, conn->variant, &frame, (struct slice){0});
    if (bytes)
        (void)core->io.send(core->io.ctx, conn->shell, bytes);
    refbuf_unref(bytes);
    bytes_fini(&text);
}

void conn_finish(struct gw_conn *conn, const char *why)
{
    struct gw_core *core = conn->core;

    MUST(conn->state == CONN_CONDEMNED);
    if (conn->close_code)
        conn_last_words(conn, why);
    conn_set(conn, CONN_CLOSED);
    conn_detach_all(conn);
    core->io.close(core->io.ctx, conn->shell, conn->close_code);
}

struct gw_conn *gw_conn_new(struct gw_core *core, enum gw_variant variant, void *shell)
{
    if (core->conn_count >= core->config.connections_max)
        return NULL;
    struct gw_conn *conn = calloc(1, sizeof *conn);
    if (!conn)
        return NULL;
    conn->core = core;
    conn->shell = shell;
    conn->variant = (uint8_t)variant;
    conn->last_ms = core_now(core);
    list_init(&conn->atts);
    list_init(&conn->link);
    list_push_back(&core->fresh, &conn->link);
    core->conn_count++;
    core->counters.connections++;
    return conn;
}

void gw_conn_gone(struct gw_conn *conn)
{
    struct gw_core *core = conn->core;

    if (conn_live(conn))
        conn_set(conn, CONN_CONDEMNED); /* nobody hears us: no frames for it any more */
    conn_detach_all(conn);
    list_remove(&conn->link);
    core->conn_count--;
    core->counters.closed++;
    free(conn);
    core_settle(core);
}

void gw_conn_bad(struct gw_conn *conn, uint32_t code, uint64_t detail, const char *why)
{
    if (!conn_live(conn))
        return;
    conn_condemn(conn, code, detail);
    conn_finish(conn, why);
    core_settle(conn->core);
}

void gw_conn_drained(struct gw_conn *conn)
{
    conn->high = false;
    conn_catch_up(conn);
    core_settle(conn->core);
}

/* --- signs of life --- */

static void conn_heard(struct gw_conn *conn, uint64_t now_ms)
{
    if (conn->state != CONN_WELCOMED)
        return;
    conn->last_ms = now_ms;
    if (conn->link.next == &conn->core->welcomed)
        return;
    list_remove(&conn->link);
    list_push_back(&conn->core->welcomed, &conn->link);
}

void gw_conn_alive(struct gw_conn *conn)
{
    conn_heard(conn, core_now(conn->core));
}

/* --- frames --- */

static void conn_hello(struct gw_conn *conn, const struct wire_hello *hello)
{
    struct gw_core *core = conn->core;
    struct wire_server_frame frame = {.type = WIRE_DOWN_WELCOME};
    enum wire_role role;

    if (conn->state != CONN_NEW) {
        conn_condemn(conn, WIRE_E_HELLO_TWICE, 0);
        return;
    }
    if (hello->version != 1) {
        conn_condemn(conn, WIRE_E_BAD_VERSION, 1);
        return;
    }
    if (!core->auth->check(hello->token, &role)) {
        conn_condemn(conn, WIRE_E_UNAUTHENTICATED, 0);
        return;
    }
    conn->role = (uint8_t)role;
    conn_set(conn, CONN_WELCOMED);
    frame.welcome = (struct wire_welcome){.version = 1,
                                          .server_time_ms = core_server_time(core),
                                          .heartbeat_ms = core->config.heartbeat_ms,
                                          .op_bytes_max = core->config.op_bytes_max,
                                          .frame_bytes_max = core->config.frame_bytes_max,
                                          .document_bytes_max = WIRE_DOCUMENT_BYTES_MAX,
                                          .chunk_bytes_max = WIRE_CHUNK_BYTES_MAX,
                                          .presence_bytes_max = core->config.presence_bytes_max,
                                          .presence_per_s_max = core->config.presence_per_s_max,
                                          .documents_max = core->config.documents_max,
                                          .frames_per_s_max = core->config.frames_per_s_max,
                                          .op_components_max = WIRE_OP_COMPONENTS_MAX,
                                          .doc_id_bytes_max = WIRE_DOC_SIZE_MAX,
                                          .title_bytes_max = WIRE_TITLE_BYTES_MAX};
    conn_send_frame(conn, &frame);
}

static void conn_ping(struct gw_conn *conn, uint64_t nonce)
{
    struct wire_server_frame frame = {.type = WIRE_DOWN_PONG};

    frame.pong.nonce = nonce;
    frame.pong.server_time_ms = core_server_time(conn->core);
    conn_send_frame(conn, &frame);
}

/* A flood costs its sender the connection, not its neighbours their time. */
static bool conn_rate(struct gw_conn *conn, uint64_t now_ms)
{
    if (now_ms - conn->window_ms >= 1000) {
        conn->window_ms = now_ms;
        conn->frames = conn->presences = 0;
    }
    return ++conn->frames <= conn->core->config.frames_per_s_max;
}

static void conn_frame(struct gw_conn *conn, const struct wire_client_frame *frame)
{
    switch (frame->type) {
    case WIRE_UP_HELLO:
        conn_hello(conn, &frame->hello);
        break;
    case WIRE_UP_OPEN:
        conn_open(conn, &frame->open);
        break;
    case WIRE_UP_SUBMIT:
        conn_submit(conn, &frame->submit);
        break;
    case WIRE_UP_CLOSE:
        conn_close_doc(conn, frame->close_doc);
        break;
    case WIRE_UP_PRESENCE:
        conn_presence(conn, &frame->presence);
        break;
    case WIRE_UP_PING:
        conn_ping(conn, frame->ping_nonce);
        break;
    default: /* of a later release */
        break;
    }
}

void gw_conn_frame(struct gw_conn *conn, const struct wire_client_frame *frame)
{
    struct gw_core *core = conn->core;
    uint64_t now_ms = core_now(core);

    if (!conn_live(conn))
        return;
    core->counters.frames_in++;
    conn_heard(conn, now_ms);
    if (!conn_rate(conn, now_ms))
        conn_condemn(conn, WIRE_E_TOO_FAST, core->config.frames_per_s_max);
    else if (conn->state == CONN_NEW && frame->type != WIRE_UP_HELLO)
        conn_condemn(conn, WIRE_E_HELLO_EXPECTED, 0);
    else
        conn_frame(conn, frame);
    core_settle(core);
}

/* --- time --- */

/* Told to go somewhere else; closed after the grace. */
static void conn_leave(struct gw_conn *conn, uint64_t now_ms)
{
    const struct gw_config *config = &conn->core->config;
    struct slice addresses[WIRE_ADDRESSES_MAX];
    struct wire_server_frame frame = {.type = WIRE_DOWN_DRAIN};

    frame.drain.deadline_ms = DRAIN_GRACE_MS;
    frame.drain.addresses = addresses;
    for (size_t i = 0; i < config->address_count && i < WIRE_ADDRESSES_MAX; i++)
        addresses[frame.drain.count++] = slice_str(config->addresses[i]);
    conn_send_frame(conn, &frame);
    if (!conn_live(conn))
        return;
    conn_set(conn, CONN_LEAVING);
    conn->last_ms = now_ms + DRAIN_GRACE_MS;
}

/*
 * Spread evenly over drain_ms, in the order of the list: that of their last sign of life, which
 * nobody controls. A random moment each, without a number per connection.
 */
static void drain_tick(struct gw_core *core, uint64_t now_ms)
{
    uint64_t window = core->config.drain_ms, elapsed = now_ms - core->drain_start_ms;
    uint64_t until = elapsed >= window ? UINT64_MAX : core->drain_total * elapsed / window;
    struct gw_conn *conn;

    while ((conn = list_first(&core->fresh, struct gw_conn, link)))
        conn_condemn(conn, WIRE_E_DRAINING, 0);
    while (core->drain_told < until && (conn = list_first(&core->welcomed, struct gw_conn, link))) {
        core->drain_told++;
        conn_leave(conn, now_ms);
    }
}

void conns_tick(struct gw_core *core, uint64_t now_ms)
{
    uint64_t silence = 2ull * core->config.heartbeat_ms;
    struct gw_conn *conn;

    while ((conn = list_first(&core->fresh, struct gw_conn, link)) &&
           now_ms - conn->last_ms >= core->config.hello_ms) {
        core->counters.limit_hello++;
        conn_condemn(conn, WIRE_E_SILENT, core->config.hello_ms);
    }
    while ((conn = list_first(&core->welcomed, struct gw_conn, link)) &&
           now_ms - conn->last_ms >= silence) {
        core->counters.limit_heartbeat++;
        conn_condemn(conn, WIRE_E_SILENT, silence);
    }
    while ((conn = list_first(&core->leaving, struct gw_conn, link)) && now_ms >= conn->last_ms)
        conn_condemn(conn, WIRE_E_DRAINING, 0);
    if (core->draining)
        drain_tick(core, now_ms);
}

static uint64_t front_due(const struct list *list, uint64_t after_ms)
{
    const struct gw_conn *conn = list_first(list, struct gw_conn, link);

    return conn ? conn->last_ms + after_ms : UINT64_MAX;
}

uint64_t conns_due_ms(const struct gw_core *core)
{
    uint64_t due = front_due(&core->fresh, core->config.hello_ms);
    uint64_t silent = front_due(&core->welcomed, 2ull * core->config.heartbeat_ms);
    uint64_t left = front_due(&core->leaving, 0);

    due = silent < due ? silent : due;
    return left < due ? left : due;
}
