#include "load_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ev_timer.h"
#include "load_editor.h"

#define BACKOFF_MS_MIN 50
#define BACKOFF_MS_MAX 2000

/* Our documents' ids end in their number (load_world.c). */
static struct load_editor *editor_of(struct load_link *l, struct slice doc)
{
    struct load_editor *e;
    uint32_t index = 0, power = 1;

    for (size_t at = doc.size; at > 0 && doc.data[at - 1] != '-'; at--) {
        index += power * (doc.data[at - 1] - (uint32_t)'0');
        power *= 10;
    }
    HASH_FIND(in_link, l->editors, &index, sizeof index, e);
    return e && slice_equal(doc, bytes_slice(&e->doc->id)) ? e : NULL;
}

/* The gateway wants to go: everybody leaves at a moment of its own. */
static void drain(struct load_link *l, uint32_t deadline_ms)
{
    ev_timer_start(l->timer, (int64_t)rng_below(&l->world->rng, deadline_ms / 2 + 1));
}

static void on_frame(void *arg, const struct wire_server_frame *frame)
{
    struct load_link *l = arg;
    struct slice doc = wire_server_frame_doc(frame);

    if (doc.size) {
        struct load_editor *e = editor_of(l, doc);
        if (e)
            load_editor_frame(e, frame);
        else
            l->world->tally.errors++;
    } else if (frame->type == WIRE_DOWN_DRAIN) {
        drain(l, frame->drain.deadline_ms);
    } else if (frame->type == WIRE_DOWN_ERROR && frame->error.permanent) {
        load_world_fail(l->world, "the gateway refuses: %.*s", (int)frame->error.message.size,
                        (const char *)frame->error.message.data);
    }
}

static void clock_compare(struct load_world *w, uint64_t server_ms)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    w->clock_ahead_ms = (int64_t)server_ms - now.tv_sec * 1000 - now.tv_nsec / 1000000;
}

static void on_welcomed(void *arg, const struct wire_welcome *welcome)
{
    struct load_link *l = arg;

    l->state = LINK_OPEN;
    l->world->welcomed = true;
    clock_compare(l->world, welcome->server_time_ms);
    cluster_backoff_reset(&l->backoff);
    for (struct load_editor *e = l->editors, *next; e; e = next) {
        next = e->in_link.next;
        load_editor_pump(e);
    }
}

static void pause_for(struct load_link *l, uint32_t least_ms)
{
    uint64_t wait_ms = cluster_backoff_next(&l->backoff, &l->world->rng);

    if (wait_ms < least_ms)
        wait_ms = least_ms + rng_below(&l->world->rng, least_ms / 2 + 1);
    l->state = LINK_PAUSING;
    ev_timer_start(l->timer, (int64_t)wait_ms);
}

static void on_closed(void *arg, const struct conn_end *end)
{
    struct load_link *l = arg;
    struct load_world *w = l->world;

    l->conn = NULL;
    ev_timer_stop(l->timer);
    for (struct load_editor *e = l->editors, *next; e; e = next) {
        next = e->in_link.next;
        load_editor_disconnected(e);
    }
    l->state = LINK_IDLE;
    if (l->stopping)
        return;
    /* A wrong address shows at the first attempt; later a gateway may well be away for a while. */
    if (!w->welcomed)
        load_world_fail(w, "%s: %s", w->options->url, end->text);
    w->tally.reconnects++;
    pause_for(l, end->retry_after_ms);
}

static const struct conn_events events = {on_welcomed, on_frame, on_closed};

static void connect_now(struct load_link *l)
{
    struct load_world *w = l->world;
    struct conn_config config = {.to = w->address, .url = &w->url};

    l->state = LINK_CONNECTING;
    int r = conn_open(w->conns, &config, &events, l, &l->conn);
    if (r) {
        if (!w->welcomed)
            load_world_fail(w, "%s: %s", w->options->url, strerror(-r));
        pause_for(l, 0);
    }
}

static void on_timer(void *arg)
{
    struct load_link *l = arg;

    if (l->state == LINK_PAUSING)
        connect_now(l);
    else if (l->state == LINK_OPEN)
        conn_close(l->conn, WS_CLOSE_GOING_AWAY, "drain");
}

int load_link_init(struct load_link *l, struct load_world *w)
{
    *l = (struct load_link){.world = w};
    cluster_backoff_init(&l->backoff, BACKOFF_MS_MIN, BACKOFF_MS_MAX);
    l->timer = ev_timer_new(w->loop, on_timer, l);
    return l->timer ? 0 : -ENOMEM;
}

void load_link_fini(struct load_link *l)
{
    MUST(!l->conn);
    ev_timer_free(l->timer);
    HASH_CLEAR(in_link, l->editors);
}

void load_link_start(struct load_link *l)
{
    MUST(l->state == LINK_IDLE);
    connect_now(l);
}

void load_link_stop(struct load_link *l)
{
    l->stopping = true;
    ev_timer_stop(l->timer);
    if (l->conn)
        conn_close(l->conn, WS_CLOSE_NORMAL, "");
    else
        l->state = LINK_IDLE;
}

bool load_link_send(struct load_link *l, const struct wire_client_frame *frame)
{
    return conn_send(l->conn, frame);
}
