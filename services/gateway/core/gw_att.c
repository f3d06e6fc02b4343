/*
 * An attachment: one client's use of one document. Freed, it is CLOSED; there is no such state.
 *
 *   Open frame
 *       │
 *       ▼    there is a way: Open sent            Opened
 *   WAITING ───────────────────────────► OPENING ──────────────► JOINED
 *    ▲   ▲                                │ ▲ │ │                │    │ queue high, and an entry
 *    │   └────── refused: later ──────────┘ │ │ │                │    ▼ that cannot be sent
 *    │                                      │ │ └─ queue high ───┼─► LAGGING
 *    │              drained, entries missed │ │                  │    │ drained, nothing missed
 *    │                  (also of STREAMING) │ │ large payload    │    └──► JOINED
 *    │                                      │ └► STREAMING ──────┼─ last chunk, nothing missed ──►
 * JOINED │ │ worker lost, moved, detached, gap (JOINED, OPENING)      │
 *    └───────────────────────────────────────────────────────────┘
 *
 * - WAITING has a time in the wheel; OPENING too, but only to give up.
 * - A refusal *retry later*, of an Open or of a Submit, is not told to the client at once: the
 * gateway tries again by itself, after 100 ms to 2 s, jittered, doubling. Only after
 * RETRY_GIVE_UP_MS the client hears RETRY_LATER, which ends the attachment; it keeps its op and
 * opens again.
 * - LAGGING is conflation: entries are not queued for a slow reader. When it has read, Open is sent
 *   again from the position that it was given last, and the worker composes what lies between (one
 *   Opened OPS, cut at own ops, so it carries the own ack too). What the client has had is
 *   `position`, in every state.
 * - An Opened that a re-open brings is shown to the client unless it says *up to date*.
 * - A Submit is retained until acked: by its entry, Accepted, Refused, or an Opened with its seq.
 * It is sent again (byte-identical; ops are named, I5) to each worker that newly serves the
 * document.
 */
#include "gw_internal.h"

/* --- the state --- */

static const uint8_t moves[] = {
    [ATT_WAITING] = 1 << ATT_WAITING | 1 << ATT_OPENING,
    [ATT_OPENING] = 1 << ATT_WAITING | 1 << ATT_JOINED | 1 << ATT_LAGGING | 1 << ATT_STREAMING,
    [ATT_JOINED] = 1 << ATT_WAITING | 1 << ATT_LAGGING,
    [ATT_LAGGING] = 1 << ATT_JOINED | 1 << ATT_OPENING | 1 << ATT_WAITING,
    [ATT_STREAMING] = 1 << ATT_JOINED | 1 << ATT_OPENING | 1 << ATT_WAITING,
};

static bool waits_for_reader(unsigned state)
{
    return state == ATT_LAGGING || state == ATT_STREAMING;
}

/* What was tried again has come about. */
static void trouble_ends(struct gw_att *att)
{
    wheel_remove(att->conn->core, att);
    att->since_ms = 0;
    att->tries = 0;
}

static void att_set(struct gw_att *att, enum att_state state)
{
    MUST(moves[att->state] & 1 << state);
    /* The worker has answered: how long the reader takes is nobody's trouble. */
    if (att->state == ATT_OPENING && waits_for_reader(state))
        trouble_ends(att);
    if (waits_for_reader(state) != waits_for_reader(att->state)) {
        list_remove(&att->conn_link);
        if (waits_for_reader(state))
            list_push_front(&att->conn->atts, &att->conn_link);
        else
            list_push_back(&att->conn->atts, &att->conn_link);
    }
    if (att->catching && state != ATT_OPENING) {
        att->catching = false;
        att->conn->catching--;
    }
    if (state == ATT_LAGGING)
        att->conn->core->counters.lagging++;
    att->state = (uint8_t)state;
}

/* --- trying again --- */

static uint64_t retry_delay_ms(struct gw_core *core, struct gw_att *att)
{
    uint64_t delay = att->tries < 5 ? RETRY_BASE_MS << att->tries : RETRY_MAX_MS;

    att->tries += att->tries < UINT8_MAX;
    if (delay > RETRY_MAX_MS)
        delay = RETRY_MAX_MS;
    return delay / 2 + core->io.random(core->io.ctx) % (delay / 2 + 1);
}

static void trouble_begins(struct gw_core *core, struct gw_att *att)
{
    if (!att->since_ms)
        att->since_ms = core_now(core);
}

void att_wait(struct gw_att *att, bool soon)
{
    struct gw_core *core = att->conn->core;

    att_set(att, ATT_WAITING);
    trouble_begins(core, att);
    wheel_add(core, att, soon ? core->io.random(core->io.ctx) % 50 : retry_delay_ms(core, att));
}

void att_due(struct gw_core *core, struct gw_att *att)
{
    if (att->since_ms && core_now(core) - att->since_ms >= RETRY_GIVE_UP_MS) {
        att_fail(att, WIRE_E_RETRY_LATER, 0, att->unacked ? att->unacked->seq : 0);
        return;
    }
    if (att->state == ATT_WAITING)
        att_open(att);
    else if (att->state == ATT_OPENING)
        wheel_add(core, att, RETRY_MAX_MS);
    else
        att_submit_forward(att);
}

/* --- numbers --- */

static bool slots_grow(struct gw_core *core)
{
    uint32_t capacity = core->slot_capacity ? 2 * core->slot_capacity : 64;
    struct gw_slot *slots = realloc(core->slots, capacity * sizeof *slots);

    if (!slots)
        return false;
    core->slots = slots;
    core->slot_capacity = capacity;
    return true;
}

/* Slot 0 is never used, so that 0 ends the free list and is no number. */
static uint32_t slot_take(struct gw_core *core)
{
    uint32_t index = core->slot_free;

    if (index) {
        core->slot_free = core->slots[index].next_free;
        return index;
    }
    index = core->slot_count ? core->slot_count : 1;
    if (index >= core->slot_capacity && !slots_grow(core))
        return 0;
    core->slots[index] = (struct gw_slot){0};
    core->slot_count = index + 1;
    return index;
}

static void att_number(struct gw_core *core, struct gw_att *att, uint32_t index)
{
    att->number = (uint64_t)++core->slots[index].generation << 32 | index;
}

struct gw_att *att_find(struct gw_core *core, uint64_t number)
{
    uint32_t index = (uint32_t)number;
    struct gw_att *att = index < core->slot_count && index ? core->slots[index].att : NULL;

    return att && att->number == number ? att : NULL;
}

/* --- life --- */

struct gw_att *att_new(struct gw_conn *conn, struct gw_doc *doc)
{
    struct gw_core *core = conn->core;
    uint32_t index = slot_take(core);
    struct gw_att *att = index ? calloc(1, sizeof *att) : NULL;

    if (!att) {
        if (index) {
            core->slots[index].next_free = core->slot_free;
            core->slot_free = index;
        }
        return NULL;
    }
    core->slots[index].att = att;
    att->conn = conn;
    att->doc = doc;
    att_number(core, att, index);
    list_init(&att->wheel_link);
    list_push_back(&conn->atts, &att->conn_link);
    list_push_back(&doc->atts, &att->doc_link);
    conn->att_count++;
    core->att_count++;
    return att;
}

/* One item to the worker that serves the document; without a way there nobody serves it. */
static bool att_item(struct gw_att *att, const struct wire_to_worker *item)
{
    struct gw_core *core = att->conn->core;
    struct gw_doc *doc = att->doc;

    bytes_reset(&core->scratch);
    wire_to_worker_encode(item, &core->scratch);
    if (!core->scratch.failed &&
        core->io.link_send(core->io.ctx, doc->worker->member.boot_id, bytes_slice(&core->scratch)))
        return true;
    if (!core->scratch.failed && !doc->worker->lost_ms)
        doc->worker->lost_ms = core_now(core);
    gw_doc_unroute(core, doc, false);
    return false;
}

void att_submit_release(struct gw_att *att)
{
    if (!att->unacked)
        return;
    att->conn->core->unacked_bytes -= att->unacked->size;
    att->conn->core->unacked_ops--;
    free(att->unacked);
    att->unacked = NULL;
    if (att->state != ATT_WAITING && att->state != ATT_OPENING)
        trouble_ends(att);
}

void att_submit_acked(struct gw_att *att, uint64_t viewers)
{
    struct gw_core *core = att->conn->core;
    uint64_t took_us = core_now_us(core) - att->unacked->came_us;

    obs_hist_add(&core->counters.ack_us, took_us);
    obs_hist_add_many(&core->counters.seen_us, took_us, viewers);
    att_submit_release(att);
}

static void extra_release(struct gw_att *att)
{
    struct gw_core *core = att->conn->core;

    if (!att->extra)
        return;
    *(att->state == ATT_STREAMING ? &core->payload_bytes : &core->unacked_bytes) -=
        att->extra->bytes.size;
    bytes_fini(&att->extra->bytes);
    free(att->extra);
    att->extra = NULL;
}

static void att_detach(struct gw_att *att)
{
    struct wire_to_worker item = {.type = WIRE_TO_WORKER_PRESENCE};

    if (att->present && att->attached && att->doc->worker) {
        item.presence.attachment = att->number;
        item.presence.presence = (struct wire_presence){.doc = gw_doc_id(att->doc), .gone = true};
        (void)att_item(att, &item);
    }
    if (!att->doc->worker || (!att->attached && att->state != ATT_OPENING))
        return;
    item = (struct wire_to_worker){.type = WIRE_TO_WORKER_DETACH};
    item.detach_attachment = att->number;
    (void)att_item(att, &item);
}

void att_free(struct gw_att *att)
{
    struct gw_core *core = att->conn->core;
    struct gw_doc *doc = att->doc;
    uint32_t index = (uint32_t)att->number;

    att_detach(att);
    att_submit_release(att);
    extra_release(att);
    wheel_remove(core, att);
    if (att->catching)
        att->conn->catching--;
    list_remove(&att->doc_link);
    list_remove(&att->conn_link);
    att->conn->att_count--;
    core->att_count--;
    core->slots[index].att = NULL;
    core->slots[index].next_free = core->slot_free;
    core->slot_free = index;
    free(att);
    if (list_empty(&doc->atts))
        gw_doc_free(core, doc);
}

void att_fail(struct gw_att *att, uint32_t code, uint64_t detail, uint64_t seq)
{
    struct wire_server_frame closed = {.type = WIRE_DOWN_CLOSED, .closed_doc = gw_doc_id(att->doc)};

    conn_send_error(att->conn, code, detail, gw_doc_id(att->doc), seq);
    conn_send_frame(att->conn, &closed);
    att_free(att);
}

/* --- asking the worker --- */

void att_submit_forward(struct gw_att *att)
{
    struct gw_core *core = att->conn->core;
    struct att_submit *s = att->unacked;

    if (!s || s->sent || !att->attached || att->state == ATT_WAITING || att->state == ATT_OPENING)
        return;
    struct wire_to_worker item = {.type = WIRE_TO_WORKER_SUBMIT};
    item.submit.attachment = att->number;
    item.submit.seq = s->seq;
    item.submit.base = s->base;
    item.submit.kind = s->kind;
    item.submit.body = slice_of(s->body, s->size);
    memcpy(item.submit.digest, s->digest, sizeof s->digest);
    s->sent = true;
    if (!att_item(att, &item))
        return;
    core->counters.resubmits += s->forwarded;
    if (s->forwarded)
        return;
    s->forwarded = true;
    core->counters.submits++;
    uint64_t waited_us = core_now_us(core) - s->came_us;
    if (waited_us)
        obs_hist_add(&core->counters.in_us, waited_us);
    else
        core->turn_forwards++;
}

void att_open(struct gw_att *att)
{
    struct gw_core *core = att->conn->core;
    struct gw_doc *doc = att->doc;

    if (!gw_doc_route(core, doc)) {
        att_wait(att, false);
        return;
    }
    /* Another number for each try that begins anew: an answer to an older one finds nobody. */
    if (!att->attached)
        att_number(core, att, (uint32_t)att->number);
    struct wire_to_worker item = {.type = WIRE_TO_WORKER_OPEN};
    struct wire_link_open *open = &item.open;
    *open = (struct wire_link_open){.attachment = att->number,
                                    .open = {.doc = gw_doc_id(doc),
                                             .has_session = att->has_session,
                                             .attempt = att->attempt,
                                             .has_position = att->position.rev > 0,
                                             .position = att->position,
                                             .create_kind = att->create_kind,
                                             .has_create = att->create_kind != WIRE_DOC_NONE},
                                    .view = core->tracker.view.number,
                                    .owner_unreachable = doc->runner_up,
                                    .role = att->conn->role};
    memcpy(open->open.session.id, att->session, WIRE_SESSION_SIZE);
    if (att->create_kind && att->extra)
        open->open.create_content = bytes_slice(&att->extra->bytes);
    att_set(att, ATT_OPENING);
    trouble_begins(core, att);
    wheel_add(core, att, RETRY_MAX_MS);
    (void)att_item(att, &item);
}

void att_lag(struct gw_att *att)
{
    att_set(att, ATT_LAGGING);
}

void att_gap(struct gw_att *att)
{
    if (att->state == ATT_JOINED)
        att_wait(att, false);
}

void att_submit_later(struct gw_att *att)
{
    struct gw_core *core = att->conn->core;

    att->unacked->sent = false;
    if (att->state == ATT_WAITING || att->state == ATT_OPENING)
        return; /* goes when it is joined */
    trouble_begins(core, att);
    wheel_add(core, att, retry_delay_ms(core, att));
}

void att_detached(struct gw_att *att)
{
    att->attached = false;
    if (att->unacked)
        att->unacked->sent = false;
    if (att->state == ATT_JOINED || att->state == ATT_OPENING)
        att_wait(att, att->state == ATT_JOINED);
}

/* --- the answer --- */

static void att_join(struct gw_att *att)
{
    att_set(att, ATT_JOINED);
    trouble_ends(att);
}

/* What the reader was waited for is done: is it where the stream is? */
static void att_resume(struct gw_att *att)
{
    struct gw_doc *doc = att->doc;

    if (att->attached && doc->has_position &&
        chain_position_equal(&doc->position, &att->position)) {
        att_join(att);
        att_submit_forward(att);
        return;
    }
    att->catching = true;
    att->conn->catching++;
    att_open(att);
}

/* Text is cut between characters, so that each piece is text. */
static size_t chunk_size(const struct gw_conn *conn, const struct att_bytes *p)
{
    size_t size = p->bytes.size - p->offset;

    if (size <= WIRE_CHUNK_BYTES_MAX)
        return size;
    size = WIRE_CHUNK_BYTES_MAX;
    for (unsigned i = 0; conn->variant == GW_JSON && i < 3; i++)
        size -= (p->bytes.data[p->offset + size] & 0xc0) == 0x80;
    return size;
}

static void stream_continue(struct gw_att *att)
{
    struct att_bytes *p = att->extra;
    struct gw_conn *conn = att->conn;

    while (p->offset < p->bytes.size && !conn->high) {
        size_t size = chunk_size(conn, p);
        struct wire_server_frame frame = {.type = WIRE_DOWN_CHUNK};
        frame.chunk = (struct wire_chunk){.doc = gw_doc_id(att->doc),
                                          .offset = p->offset,
                                          .data = slice_of(p->bytes.data + p->offset, size)};
        if (!conn_send_frame(conn, &frame))
            return;
        p->offset += size;
    }
    if (p->offset < p->bytes.size)
        return;
    extra_release(att);
    att_resume(att);
}

/* The payload as this variant's Chunks carry it. JSON may take a multiple of the binary form: it is
 * not made any larger than there is room for. */
static bool payload_form(const struct gw_att *att, const struct wire_opened *opened,
                         struct bytes *ret)
{
    struct gw_core *core = att->conn->core;
    const struct gw_io *io = &core->io;
    bool good = true;

    if (core->payload_bytes >= core->config.payload_bytes_max)
        return core->counters.limit_payload++, false;
    bytes_init(ret, core->config.payload_bytes_max - core->payload_bytes);
    if (att->conn->variant == GW_PROTO || !io->payload)
        bytes_append_slice(ret, opened->payload);
    else
        good = io->payload(io->ctx, att->conn->variant, opened, ret);
    core->counters.limit_payload += ret->full;
    return good && !ret->failed;
}

/* Too much for one frame: the head now, the rest as the reader takes it. False: no room here. */
static bool stream_begin(struct gw_att *att, struct wire_server_frame *frame)
{
    struct gw_core *core = att->conn->core;
    struct bytes form = BYTES_INIT;
    struct att_bytes *p = NULL;

    if (payload_form(att, &frame->opened, &form))
        p = malloc(sizeof *p);
    if (!p) {
        bytes_fini(&form);
        return false;
    }
    *p = (struct att_bytes){.bytes = bytes_steal(&form)};
    core->payload_bytes += p->bytes.size;
    att->extra = p;
    att_set(att, ATT_STREAMING);
    frame->opened.payload = (struct slice){0};
    frame->opened.payload_bytes = p->bytes.size;
    conn_send_frame(att->conn, frame);
    return true;
}

/* Gives the client what it has asked for. False: it will be asked for again. */
static bool opened_show(struct gw_att *att, const struct wire_opened *opened)
{
    struct wire_server_frame frame = {.type = WIRE_DOWN_OPENED, .opened = *opened};

    frame.opened.doc = gw_doc_id(att->doc);
    frame.opened.payload_bytes = opened->payload.size;
    if (att->conn->high && opened->payload.size) {
        att_lag(att);
        return false;
    }
    if (opened->payload.size > WIRE_CHUNK_BYTES_MAX) {
        if (!stream_begin(att, &frame)) {
            att_wait(att, false);
            return false;
        }
    } else {
        conn_send_frame(att->conn, &frame);
    }
    att->shown = true;
    att->position = opened->position;
    return true;
}

/* What an Opened says about the retained Submit. */
static void opened_acks(struct gw_att *att, const struct wire_opened *opened, bool shown)
{
    if (shown && opened->last_seq > att->seen_seq)
        att->seen_seq = opened->last_seq;
    if (!att->unacked)
        return;
    bool accepted = att->unacked->seq <= opened->last_seq;
    if (shown && accepted)
        att_submit_acked(att, 0);
    else if (shown && opened->outcome == WIRE_OPENED_RESYNC)
        att_submit_release(att);
    else if (accepted)
        att->unacked->sent = false; /* the client has not seen it: the repeat is answered */
}

void att_opened(struct gw_att *att, const struct wire_opened *opened)
{
    struct gw_doc *doc = att->doc;

    if (att->state != ATT_OPENING)
        return;
    if (doc->has_position && !chain_position_equal(&doc->position, &opened->position))
        gw_doc_gap(att->conn->core, doc);
    doc->position = opened->position;
    doc->has_position = true;
    att->attached = true;
    wheel_remove(att->conn->core, att);
    if (att->create_kind) {
        extra_release(att);
        att->create_kind = WIRE_DOC_NONE;
    }
    bool quiet = att->shown && opened->outcome == WIRE_OPENED_UP_TO_DATE;
    if (!quiet && !opened_show(att, opened)) {
        att_submit_forward(att);
        return;
    }
    if (att->state == ATT_OPENING)
        att_join(att);
    opened_acks(att, opened, !quiet);
    att_submit_forward(att);
    if (att->state == ATT_STREAMING)
        stream_continue(att);
    conn_catch_up(att->conn);
}

void conn_catch_up(struct gw_conn *conn)
{
    list_for_each_safe (node, &conn->atts) {
        struct gw_att *att = list_entry(node, struct gw_att, conn_link);
        if (!waits_for_reader(att->state) || conn->high || !conn_live(conn))
            break;
        if (att->state == ATT_STREAMING)
            stream_continue(att);
        else if (conn->catching < CATCH_UP_MAX)
            att_resume(att);
        else
            break;
    }
}
