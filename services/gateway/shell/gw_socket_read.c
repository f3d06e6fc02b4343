/*
 * What a client's socket reads. The bytes are lent by the loop and are unmasked where they lie;
 * kept is only what came in part. Every loop here looks at the state after each call into the core,
 * which may have closed the connection.
 */
#include "gw_socket_read.h"

#include <errno.h>

#include "ev_stream.h"
#include "gw_upgrade.h"
#include "ws_encoder.h"

/* --- accounts --- */

/* Room for `more` bytes in the account of all sockets? */
static bool hold_allowed(const struct gw_socket *s, size_t more)
{
    const struct gw_server *server = s->server;

    return (size_t)server->stats.held_bytes + more <= server->config.input_bytes_max;
}

static void hold_update(struct gw_socket *s)
{
    size_t held = s->head.capacity + s->collector.parts.capacity;

    s->server->stats.held_bytes += (int64_t)held - s->held;
    s->held = (uint32_t)held;
}

/* --- frames --- */

/* The input is not the protocol: the core says so, and closes. */
static void input_bad(struct gw_socket *s, uint32_t code, uint64_t detail, const char *why,
                      uint16_t close_code)
{
    s->close_code = close_code;
    gw_conn_bad(s->conn, code, detail, why);
}

static void no_memory(struct gw_socket *s)
{
    input_bad(s, WIRE_E_NO_MEMORY, 0, NULL, 0);
}

static void message_take(struct gw_socket *s, struct slice message)
{
    struct gw_input *input = &s->server->input;
    struct wire_client_frame frame;

    obs_hist_add(&s->server->stats.message_bytes, message.size);
    do {
        if (gw_input_take(input, s->variant, &message, &frame) != GW_INPUT_FRAME) {
            s->server->stats.limit_message += input->full;
            input_bad(s, input->code, 0, input->why, 0);
            break;
        }
        gw_conn_frame(s->conn, &frame);
    } while (message.size && s->state == GW_SOCKET_OPEN);
    gw_input_done(input);
}

static void data_take(struct gw_socket *s, const struct ws_event *event)
{
    struct slice message;

    if (event->text != (s->variant == GW_JSON)) {
        const char *why = s->variant == GW_JSON ? "weft.v1.json is spoken in text messages"
                                                : "weft.v1.proto is spoken in binary messages";
        input_bad(s, WIRE_E_BAD_FRAME, 0, why, WS_CLOSE_UNSUPPORTED);
        return;
    }
    if (!(event->begin && event->end) && !hold_allowed(s, event->data.size)) {
        s->server->stats.input_full++;
        input_bad(s, WIRE_E_OVERLOADED, s->server->config.input_bytes_max, NULL, 0);
        return;
    }
    int rc = ws_collector_add(&s->collector, event, &message);
    if (rc < 0)
        no_memory(s);
    else if (rc > 0)
        message_take(s, message);
    if (rc > 0) { /* what it may have lent is not kept for an idle connection */
        ws_collector_fini(&s->collector);
        ws_collector_init(&s->collector);
    }
}

/* "An endpoint MUST be prepared to … the Pong frame in response to only the most recently processed
 * Ping" (5.5.3): so one pong per read at most, whatever comes. */
struct pong {
    bool owed;
    uint8_t size;
    uint8_t data[WS_CONTROL_SIZE_MAX];
};

static void ping_note(struct gw_socket *s, struct pong *pong, struct slice data)
{
    s->server->stats.pings++;
    pong->owed = true;
    pong->size = (uint8_t)data.size;
    if (data.size)
        memcpy(pong->data, data.data, data.size);
    gw_conn_alive(s->conn);
}

static void pong_send(struct gw_socket *s, const struct pong *pong)
{
    struct refbuf *frame;

    /* Who does not read misses none. */
    if (!pong->owed || s->state != GW_SOCKET_OPEN ||
        ev_stream_queued(s->stream) >= s->server->config.out_bytes_max / 2)
        return;
    frame = ws_encode_shared(WS_PONG, slice_of(pong->data, pong->size));
    if (!frame || ev_stream_send_ref(s->stream, frame) < 0)
        no_memory(s);
    refbuf_unref(frame);
}

static void frame_bad(struct gw_socket *s, const struct ws_event *event)
{
    s->server->stats.ws_bad++;
    if (event->code == WS_CLOSE_TOO_BIG)
        input_bad(s, WIRE_E_FRAME_TOO_LARGE, s->server->config.frame_bytes_max, NULL, event->code);
    else
        input_bad(s, WIRE_E_BAD_FRAME, 0, event->reason, event->code);
}

static void event_take(struct gw_socket *s, int what, const struct ws_event *event,
                       struct pong *pong)
{
    switch (what) {
    case WS_DATA:
        data_take(s, event);
        break;
    case WS_PINGED:
        ping_note(s, pong, event->data);
        break;
    case WS_PONGED:
        gw_conn_alive(s->conn);
        break;
    case WS_CLOSED:
        gw_socket_leave_core(s);
        gw_socket_say_close(s, event->code, "");
        break;
    case WS_BAD:
        frame_bad(s, event);
        break;
    default:
        no_memory(s);
    }
}

static void frames_take(struct gw_socket *s, struct ws_input in)
{
    struct pong pong = {0};
    struct ws_event event;
    int what;

    while (s->state == GW_SOCKET_OPEN &&
           (what = ws_decoder_next(&s->decoder, &in, &event)) != WS_NEED_MORE)
        event_take(s, what, &event, &pong);
    pong_send(s, &pong);
}

/* --- the request --- */

static void count_answer(struct gw_stats *stats, int status)
{
    if (status == 200 || status == 304)
        stats->pages++;
    else
        stats->refused++;
}

/* A head is cut off at its bound in bytes before its fields are counted beyond theirs. */
static void count_head(struct gw_stats *stats, size_t size)
{
    if (size >= HTTP1_HEAD_SIZE_MAX)
        stats->limit_request_head++;
    else
        stats->limit_request_fields++;
}

static void socket_open(struct gw_socket *s, enum gw_variant variant)
{
    struct gw_server *server = s->server;

    ws_decoder_init(&s->decoder, WS_SERVER, server->config.frame_bytes_max);
    s->variant = (uint8_t)variant;
    s->state = GW_SOCKET_OPEN;
    list_remove(&s->link);
    list_push_back(&server->others, &s->link);
    obs_log_event(server->log, OBS_DEBUG, "conn-open",
                  OBS_FIELDS(obs_u64("conn", s->number),
                             obs_str("protocol", variant == GW_JSON ? "json" : "proto")),
                  "waiting for Hello");
    if (variant == GW_JSON)
        server->stats.upgrades_json++;
    else
        server->stats.upgrades_proto++;
}

/* The 101 goes out only if the core takes the connection. */
static bool upgrade(struct gw_socket *s, enum gw_variant variant, const struct bytes *answer)
{
    s->conn = gw_conn_new(s->server->core, variant, s);
    if (!s->conn) {
        gw_socket_unavailable(s, "this gateway holds all the connections that it can\n");
        return false;
    }
    if (answer->failed || ev_stream_send_copy(s->stream, bytes_slice(answer)) < 0) {
        gw_socket_abort(s);
        return false;
    }
    socket_open(s, variant);
    return true;
}

/* Returns how much of `in` was the head of an upgrade; 0: it is no WebSocket now. */
static size_t request_take(struct gw_socket *s, struct slice in)
{
    struct gw_upgrade_result result;
    struct bytes answer = BYTES_INIT;
    size_t size = 0;

    enum gw_upgrade outcome = gw_upgrade_read(&s->server->page, in, &answer, &result);
    if (outcome == GW_UPGRADE_ANSWERED) {
        count_answer(&s->server->stats, result.status);
        if (result.status == 431)
            count_head(&s->server->stats, in.size);
        gw_socket_answer(s, &answer, result.body, result.keep);
    } else if (outcome == GW_UPGRADE_OPEN && upgrade(s, result.variant, &answer)) {
        size = result.head_size;
    }
    bytes_fini(&answer);
    return size;
}

/* A head that came in part is kept, with what came before it. */
static void request_keep(struct gw_socket *s, struct slice in)
{
    if (!hold_allowed(s, in.size)) {
        s->server->stats.input_full++;
        gw_socket_unavailable(s, "this gateway holds all the requests that it can\n");
        return;
    }
    bytes_append_slice(&s->head, in);
    if (s->head.failed)
        gw_socket_abort(s);
}

/* Clients may send frames behind their request without waiting for the answer. */
static void request_read(struct gw_socket *s, struct slice in)
{
    struct bytes head = BYTES_INIT;

    if (s->head.size) {
        request_keep(s, in);
        if (s->state != GW_SOCKET_REQUEST)
            return;
        head = bytes_steal(&s->head);
        in = bytes_slice(&head);
    }
    size_t size = request_take(s, in);
    if (size)
        frames_take(s, (struct ws_input){(uint8_t *)in.data + size, in.size - size});
    if (s->state == GW_SOCKET_REQUEST && head.size)
        s->head = bytes_steal(&head);
    else if (s->state == GW_SOCKET_REQUEST)
        request_keep(s, in);
    bytes_fini(&head);
}

void gw_socket_on_read(struct ev_stream *stream, void *arg, struct slice in)
{
    struct gw_socket *s = arg;

    (void)stream;
    if (s->state == GW_SOCKET_REQUEST)
        request_read(s, in);
    else if (s->state == GW_SOCKET_OPEN)
        frames_take(s, (struct ws_input){(uint8_t *)in.data, in.size});
    hold_update(s);
    if (s->server->stirred)
        s->server->stirred(s->server->stirred_arg);
}
