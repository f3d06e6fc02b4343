/*
 * Life and death of a connection; conn.h has the states. Whatever ends it goes through conn_fail()
 * or conn_close(), and memory goes in on_closed(), which the stream calls last.
 */
#include "conn.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conn_private.h"
#include "crypto_random.h"
#include "ev_timer.h"
#include "http1_head.h"

/* Of one frame: a record takes at least two bytes of it. */
#define DECODE_BYTES_MAX (64u << 20)
/* A gateway cannot make us ping more often than this. */
#define BEAT_MS_MIN 20

static const uint8_t moves[] = {
    [CONN_CONNECTING] = 1 << CONN_UPGRADING | 1 << CONN_ENDING,
    [CONN_UPGRADING] = 1 << CONN_GREETING | 1 << CONN_ENDING,
    [CONN_GREETING] = 1 << CONN_OPEN | 1 << CONN_ENDING,
    [CONN_OPEN] = 1 << CONN_ENDING,
    [CONN_ENDING] = 0,
};

static const char *const doing[] = {
    [CONN_CONNECTING] = "connecting",
    [CONN_UPGRADING] = "waiting for the answer to the upgrade",
    [CONN_GREETING] = "waiting for the Welcome",
    [CONN_OPEN] = "open",
    [CONN_ENDING] = "ending",
};

void conn_state_set(struct conn *c, enum conn_state state)
{
    MUST(moves[c->state] & 1 << state);
    c->state = state;
}

/* ---- the set -------------------------------------------------------------------------------- */

struct conn_set *conn_set_new(struct ev_loop *loop)
{
    struct conn_set *set = calloc(1, sizeof *set);
    uint64_t seed;

    if (!set)
        return NULL;
    set->loop = loop;
    arena_init(&set->mem, DECODE_BYTES_MAX);
    crypto_random(&seed, sizeof seed);
    rng_init(&set->keys, seed);
    return set;
}

struct conn_set *conn_set_free(struct conn_set *set)
{
    if (!set)
        return NULL;
    MUST(set->live == 0);
    arena_fini(&set->mem);
    bytes_fini(&set->control);
    free(set);
    return NULL;
}

const struct conn_counts *conn_set_counts(const struct conn_set *set)
{
    return &set->counts;
}

/* ---- the end -------------------------------------------------------------------------------- */

static void end_begin(struct conn *c)
{
    conn_state_set(c, CONN_ENDING);
    ev_task_cancel(&c->flush);
    ev_timer_stop(c->timer);
}

void conn_fail(struct conn *c, int error, uint16_t code, const char *format, ...)
{
    va_list args;

    if (c->state == CONN_ENDING)
        return;
    c->end.error = error;
    va_start(args, format);
    vsnprintf(c->text, sizeof c->text, format, args);
    va_end(args);
    end_begin(c);
    if (code == WS_CLOSE_NONE) {
        ev_stream_close(c->stream);
        return;
    }
    conn_close_frame_send(c, code, "");
    ev_stream_close_after_flush(c->stream);
}

void conn_close(struct conn *c, enum ws_close_code code, const char *reason)
{
    if (c->state == CONN_ENDING)
        return;
    strcpy(c->text, "closed by us");
    if (c->state < CONN_GREETING) {
        end_begin(c);
        ev_stream_close(c->stream);
        return;
    }
    conn_flush(c);
    if (c->state == CONN_ENDING)
        return;
    end_begin(c);
    conn_close_frame_send(c, code, reason);
    ev_stream_close_after_flush(c->stream);
}

void conn_abort(struct conn *c)
{
    if (c->state == CONN_ENDING)
        return;
    strcpy(c->text, "dropped by us");
    end_begin(c);
    ev_stream_close(c->stream);
}

static void conn_free(struct conn *c)
{
    c->set->live--;
    ev_task_cancel(&c->flush);
    ev_timer_free(c->timer);
    ws_collector_fini(&c->collector);
    ws_decoder_fini(&c->decoder);
    bytes_fini(&c->head);
    bytes_fini(&c->out);
    free(c);
}

static void on_closed(struct ev_stream *s, void *arg, int reason)
{
    struct conn *c = arg;

    /* Not ENDING yet: the socket failed by itself. */
    conn_fail(c, reason, WS_CLOSE_NONE, "while %s: %s", doing[c->state], strerror(-reason));
    c->end.text = c->text;
    c->events->closed(c->arg, &c->end);
    conn_free(c);
}

/* ---- events --------------------------------------------------------------------------------- */

static void on_connected(struct ev_stream *s, void *arg)
{
    conn_state_set(arg, CONN_UPGRADING);
}

static void on_read(struct ev_stream *s, void *arg, struct slice in)
{
    struct conn *c = arg;

    c->heard = true;
    if (c->state == CONN_UPGRADING)
        conn_answer_read(c, in);
    else
        conn_read(c, in);
}

static void on_eof(struct ev_stream *s, void *arg)
{
    struct conn *c = arg;

    conn_fail(c, -ECONNRESET, WS_CLOSE_NONE, "while %s: the gateway went away without a word",
              doing[c->state]);
}

static const struct ev_stream_kind stream_kind = {
    .on_read = on_read,
    .on_connected = on_connected,
    .on_eof = on_eof,
    .on_closed = on_closed,
    .out_max = CONN_OUT_BYTES_MAX,
};

/*
 * Also pings when only the other side has been silent: a gateway with nothing to say to us would
 * otherwise look dead.
 */
static void beat(struct conn *c)
{
    int64_t silence_ms = ev_loop_now_ms(c->set->loop) - ev_stream_read_ms(c->stream);

    if (silence_ms >= c->silent_ms) {
        conn_fail(c, -ETIMEDOUT, WS_CLOSE_NONE, "nothing was heard from the gateway for %lld ms",
                  (long long)silence_ms);
        return;
    }
    if (!c->sent || !c->heard)
        conn_frame_queue(c, &(struct wire_client_frame){.type = WIRE_UP_PING});
    c->sent = c->heard = false;
    ev_timer_start(c->timer, c->beat_ms);
}

static void on_timer(void *arg)
{
    struct conn *c = arg;

    if (c->state == CONN_OPEN)
        beat(c);
    else
        conn_fail(c, -ETIMEDOUT, WS_CLOSE_NONE, "took too long: %s", doing[c->state]);
}

static uint64_t wall_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void conn_welcome(struct conn *c, const struct wire_welcome *welcome)
{
    struct wire_welcome known = *welcome;

    /* A session that is created at the time 0 would be taken for an expired one. */
    if (!known.server_time_ms)
        known.server_time_ms = wall_ms();
    conn_state_set(c, CONN_OPEN);
    c->end.welcomed = true;
    ev_timer_stop(c->timer);
    if (welcome->heartbeat_ms) {
        c->beat_ms =
            welcome->heartbeat_ms / 2 > BEAT_MS_MIN ? welcome->heartbeat_ms / 2 : BEAT_MS_MIN;
        c->silent_ms = 4 * c->beat_ms;
        ev_timer_start(c->timer, c->beat_ms);
    }
    c->events->welcomed(c->arg, &known);
}

/* ---- birth ---------------------------------------------------------------------------------- */

static struct conn *conn_new(struct conn_set *set, const struct conn_events *events, void *arg)
{
    struct conn *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    set->live++;
    c->set = set;
    c->events = events;
    c->arg = arg;
    c->end.close_code = WS_CLOSE_NONE;
    bytes_init(&c->head, HTTP1_HEAD_SIZE_MAX);
    ws_decoder_init(&c->decoder, WS_CLIENT, CONN_MESSAGE_BYTES_MAX);
    ws_collector_init(&c->collector);
    ev_task_init(&c->flush, conn_flush, c);
    c->timer = ev_timer_new(set->loop, on_timer, c);
    if (!c->timer) {
        conn_free(c);
        return NULL;
    }
    return c;
}

int conn_open(struct conn_set *set, const struct conn_config *config,
              const struct conn_events *events, void *arg, struct conn **ret)
{
    struct conn *c = conn_new(set, events, arg);

    if (!c)
        return -ENOMEM;
    c->token = config->token;
    int r = ev_stream_connect(set->loop, &config->to, config->from, &stream_kind, c, &c->stream);
    if (r < 0) {
        conn_free(c);
        return r;
    }
    *ret = c;
    ev_timer_start(c->timer, config->welcome_ms ? config->welcome_ms : CONN_WELCOME_MS);
    conn_request_send(c, config->url);
    return 0;
}

bool conn_is_open(const struct conn *c)
{
    return c->state == CONN_OPEN;
}

bool conn_send(struct conn *c, const struct wire_client_frame *frame)
{
    MUST(c->state == CONN_OPEN || c->state == CONN_ENDING);
    if (c->state == CONN_OPEN)
        conn_frame_queue(c, frame);
    return c->state == CONN_OPEN;
}
