/*
 * Birth, sending and the end (gw_socket.h has the states); what comes in is gw_socket_read.c.
 */
#include "gw_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "ev_loop.h"
#include "ev_stream.h"
#include "gw_limits.h"
#include "gw_socket_read.h"
#include "gw_upgrade.h"
#include "ws_encoder.h"

/* Part of the budget for a million idle connections. */
_Static_assert(sizeof(struct gw_socket) <= 264, "a socket got fat");

/* --- the end --- */

static void answer_charge(struct gw_socket *s, size_t bytes)
{
    s->server->stats.answer_bytes += (int64_t)bytes - s->answer;
    s->answer = (uint32_t)bytes;
}

static void move(struct gw_socket *s, enum gw_socket_state state, struct list *to)
{
    s->state = (uint8_t)state;
    s->since_ms = (uint64_t)ev_loop_now_ms(s->server->loop);
    list_remove(&s->link);
    list_push_back(to, &s->link);
}

void gw_socket_set_closing(struct gw_socket *s)
{
    MUST(s->state != GW_SOCKET_CLOSING);
    answer_charge(s, 0);
    if (s->state != GW_SOCKET_OPEN)
        move(s, GW_SOCKET_CLOSING, &s->server->others);
    s->state = GW_SOCKET_CLOSING;
}

static void buffers_drop(struct gw_socket *s)
{
    answer_charge(s, 0);
    bytes_fini(&s->head);
    ws_decoder_fini(&s->decoder);
    ws_collector_fini(&s->collector);
    ws_collector_init(&s->collector);
    s->server->stats.held_bytes -= s->held;
    s->held = 0;
}

void gw_socket_leave_core(struct gw_socket *s)
{
    struct gw_conn *conn = s->conn;

    s->conn = NULL;
    if (conn)
        gw_conn_gone(conn);
}

static void on_closed(struct ev_stream *stream, void *arg, int reason)
{
    struct gw_socket *s = arg;
    struct gw_server *server = s->server;

    (void)stream;
    (void)reason;
    obs_log_event(server->log, OBS_DEBUG, "conn-closed", OBS_FIELDS(obs_u64("conn", s->number)),
                  "its documents are closed");
    gw_socket_leave_core(s);
    buffers_drop(s);
    list_remove(&s->link);
    server->stats.sockets--;
    server->refused_count -= s->refused;
    free(s);
    if (server->stirred)
        server->stirred(server->stirred_arg);
}

static void on_eof(struct ev_stream *stream, void *arg)
{
    struct gw_socket *s = arg;

    gw_socket_leave_core(s);
    if (s->state != GW_SOCKET_CLOSING)
        gw_socket_set_closing(s);
    ev_stream_close_after_flush(stream);
}

void gw_socket_abort(struct gw_socket *s)
{
    gw_socket_leave_core(s);
    if (s->state != GW_SOCKET_CLOSING)
        gw_socket_set_closing(s);
    ev_stream_close(s->stream);
}

/* The registered meaning that comes closest; the Error frame before it says it exactly. */
static uint16_t close_code_of(uint32_t code)
{
    switch (code) {
    case 0:
        return WS_CLOSE_NORMAL;
    case WIRE_E_BAD_FRAME:
    case WIRE_E_BAD_JSON:
    case WIRE_E_UNKNOWN_TYPE:
        return WS_CLOSE_BAD_DATA;
    case WIRE_E_FRAME_TOO_LARGE:
        return WS_CLOSE_TOO_BIG;
    case WIRE_E_UNAUTHENTICATED:
        return GW_CLOSE_UNAUTHORIZED;
    case WIRE_E_SILENT:
        return GW_CLOSE_TIMEOUT;
    case WIRE_E_SLOW_READER:
    case WIRE_E_OVERLOADED:
    case WIRE_E_NO_MEMORY:
        return WS_CLOSE_TRY_LATER;
    case WIRE_E_DRAINING:
        return WS_CLOSE_RESTART;
    default:
        return WS_CLOSE_POLICY;
    }
}

void gw_socket_say_last(struct gw_socket *s, struct bytes *words)
{
    bool said = !words->failed && ev_stream_send_copy(s->stream, bytes_slice(words)) >= 0;

    gw_socket_set_closing(s);
    if (said)
        ev_stream_close_after_flush(s->stream);
    else
        ev_stream_close(s->stream);
    bytes_fini(words);
}

void gw_socket_say_close(struct gw_socket *s, uint16_t code, const char *reason)
{
    struct bytes frame = BYTES_INIT;

    ws_encode_close(&frame, code, slice_str(reason), NULL);
    gw_socket_say_last(s, &frame);
}

void gw_socket_close(struct gw_socket *s, uint32_t code)
{
    const struct wire_error_info *info = wire_error_info(code);
    uint16_t close_code = s->close_code ? s->close_code : close_code_of(code);

    if (s->state != GW_SOCKET_OPEN)
        return;
    if (info && code != WIRE_E_DRAINING)
        obs_log_event(s->server->log, OBS_INFO, "conn-error",
                      OBS_FIELDS(obs_u64("conn", s->number), obs_str("error", info->word),
                                 obs_u64("close", close_code)),
                      "closing");
    gw_socket_say_close(s, close_code, info ? info->word : "");
}

void gw_socket_told(struct gw_socket *s, const struct gw_told *told)
{
    const struct wire_error_info *info = wire_error_info(told->code);
    struct obs_field fields[7] = {obs_u64("conn", s->number), obs_str("error", info->word),
                                  obs_doc("doc", told->doc), obs_u64("shard", told->shard),
                                  obs_u64("view", told->view)};
    size_t count = 5;

    if (told->author)
        fields[count++] = obs_author("author", told->author);
    if (told->seq)
        fields[count++] = obs_u64("seq", told->seq);
    obs_log_event(s->server->log, OBS_INFO, "client-error", fields, count, "told; %s",
                  info->scope == WIRE_SCOPE_DOC ? "the document is closed on this connection"
                                                : "the op is refused, all else goes on");
}

/* --- sending --- */

/*
 * The core stops giving entries to a socket from out_high on, so what stands above it are answers;
 * out_bytes_max bounds them. Below out_high any frame fits: one entry of large ops may be larger
 * than the bound as text, and a reader who keeps up must not lose the connection over it.
 *
 * Who was told FULL gets an Error and the end; these find the room that nobody else may use.
 */
enum gw_send gw_socket_send(struct gw_socket *s, struct refbuf *frame)
{
    uint32_t max = s->server->config.out_bytes_max;
    size_t queued = ev_stream_queued(s->stream);

    if (!s->full && queued >= max / 2 && queued + frame->size > max) {
        s->full = true;
        return GW_SEND_FULL;
    }
    switch (ev_stream_send_ref(s->stream, frame)) {
    case 0:
    case EV_SEND_GONE: /* gw_conn_gone() is on its way */
        return queued + frame->size >= max / 2 ? GW_SEND_HIGH : GW_SENT;
    case EV_SEND_HIGH:
        return GW_SEND_HIGH;
    default:
        s->full = true;
        return GW_SEND_FULL;
    }
}

/* --- answers --- */

void gw_socket_unavailable(struct gw_socket *s, const char *why)
{
    struct bytes answer = BYTES_INIT;

    gw_upgrade_unavailable(&answer, why);
    s->server->stats.unavailable++;
    gw_socket_say_last(s, &answer);
}

/* Where GW_ANSWER_BYTES_MAX is reached, whoever has had this long makes room. */
#define ANSWER_MS_MIN 5000

static bool answer_room(struct gw_server *server, size_t size)
{
    uint64_t now_ms = (uint64_t)ev_loop_now_ms(server->loop);
    struct gw_socket *oldest;

    server->stats.limit_answers += (size_t)server->stats.answer_bytes + size > GW_ANSWER_BYTES_MAX;
    while ((size_t)server->stats.answer_bytes + size > GW_ANSWER_BYTES_MAX) {
        oldest = list_first(&server->answers, struct gw_socket, link);
        if (!oldest || now_ms - oldest->since_ms < ANSWER_MS_MIN)
            return false;
        server->stats.answers_cut++;
        gw_socket_abort(oldest);
    }
    return true;
}

void gw_socket_answer(struct gw_socket *s, const struct bytes *head, struct refbuf *body, bool keep)
{
    struct gw_server *server = s->server;
    size_t size = body ? body->size : 0;

    if (!answer_room(server, size)) {
        gw_socket_unavailable(s, "this gateway is giving out all the files that it can\n");
        return;
    }
    if (head->failed || ev_stream_send_copy(s->stream, bytes_slice(head)) < 0 ||
        (body && ev_stream_send_ref(s->stream, body) > EV_SEND_HIGH)) {
        gw_socket_abort(s);
        return;
    }
    s->served = true;
    s->last = !keep;
    move(s, GW_SOCKET_ANSWERING, &server->answers);
    answer_charge(s, size);
    ev_stream_pause(s->stream);
    ev_stream_drain_all(s->stream);
}

bool gw_socket_idle(const struct gw_socket *s)
{
    return s->served && s->head.size == 0;
}

static void answered(struct gw_socket *s)
{
    if (s->last || !s->server->listen) {
        gw_socket_set_closing(s);
        ev_stream_close_after_flush(s->stream);
        return;
    }
    answer_charge(s, 0);
    move(s, GW_SOCKET_REQUEST, &s->server->requests);
    ev_stream_resume(s->stream);
}

static void on_drained(struct ev_stream *stream, void *arg)
{
    struct gw_socket *s = arg;

    (void)stream;
    if (s->state == GW_SOCKET_ANSWERING)
        answered(s);
    if (!s->conn)
        return;
    gw_conn_drained(s->conn);
    if (s->server->stirred)
        s->server->stirred(s->server->stirred_arg);
}

/* --- birth --- */

static struct gw_socket *socket_new(struct gw_server *server, int fd)
{
    struct gw_socket *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->server = server;
    s->stream = ev_stream_open(server->loop, fd, &server->kind, s);
    if (!s->stream) {
        free(s);
        return NULL;
    }
    s->number = ++server->last_number;
    s->since_ms = (uint64_t)ev_loop_now_ms(server->loop);
    ws_collector_init(&s->collector);
    list_init(&s->link);
    list_push_back(&server->requests, &s->link);
    server->stats.sockets++;
    return s;
}

void gw_socket_accept(struct gw_server *server, int fd)
{
    uint64_t sockets = (uint64_t)server->stats.sockets - server->refused_count;
    bool over = sockets >= server->config.connections_max;
    struct gw_socket *s = NULL;

    server->stats.limit_connections += over;
    if (!over || server->refused_count < GW_REFUSED_MAX)
        s = socket_new(server, fd);
    if (!s) {
        close(fd);
        server->stats.dropped++;
        return;
    }
    if (!over)
        return;
    s->refused = true;
    server->refused_count++;
    gw_socket_unavailable(s, "this gateway holds all the connections that it can\n");
}

void gw_socket_kind(uint32_t out_bytes_max, struct ev_stream_kind *ret)
{
    *ret = (struct ev_stream_kind){.on_read = gw_socket_on_read,
                                   .on_eof = on_eof,
                                   .on_drained = on_drained,
                                   .on_closed = on_closed,
                                   .out_high = out_bytes_max / 2,
                                   .out_max = UINT32_MAX};
}
