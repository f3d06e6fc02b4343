#include "ctl_live.h"

#include <stdlib.h>

#include "conn.h"
#include "crypto_random.h"

/* Longer than a gateway or a worker takes to be replaced. */
#define PATIENCE_MS 15000
#define CONNECT_PATIENCE_MS 5000
#define RECONNECT_MS 200
#define STEP_MS 20

struct ctl_live {
    struct ctl *ctl;      /* borrowed */
    struct ev_loop *loop; /* borrowed */
    const struct ctl_where *where;
    struct conn_url url;
    struct ev_address to;
    struct conn_set *set; /* owned */
    struct conn *conn;    /* NULL: none, until connect_ms */
    int64_t connect_ms;
    bool welcomed; /* once */
    uint64_t time_ms;
    struct client_doc *doc; /* owned; NULL: none */
    struct slice id;        /* borrowed */
    enum wire_doc_kind kind;
    int64_t retry_ms; /* when to ask again what was refused for a time; 0: nothing was */
    bool refused;     /* for longer than is worth waiting */
    struct arena mem;
    void (*watch)(void *arg, const struct wire_server_frame *frame); /* NULL: nobody does */
    void *watch_arg;
    char refusal[300];
    char ended[300]; /* why the last connection did */
};

/* ---- frames ---- */

static void error_note(struct ctl_live *live, const struct wire_client_error *error)
{
    snprintf(live->refusal, sizeof live->refusal, "%.*s: %.*s", (int)error->name.size,
             (const char *)error->name.data, (int)error->message.size,
             (const char *)error->message.data);
    if (error->permanent)
        return;
    live->refused = error->code == WIRE_E_QUARANTINED;
    live->retry_ms = ev_loop_now_ms(live->loop) + error->retry_after_ms + 1;
}

static void pull(struct ctl_live *live)
{
    struct wire_client_frame frame;

    if (!live->doc || !live->conn || !conn_is_open(live->conn))
        return;
    arena_reset(&live->mem);
    while (client_doc_pull(live->doc, &live->mem, &frame) && conn_send(live->conn, &frame))
        ;
}

static void on_welcomed(void *arg, const struct wire_welcome *welcome)
{
    struct ctl_live *live = arg;

    live->welcomed = true;
    live->time_ms = welcome->server_time_ms;
    pull(live);
}

static void on_frame(void *arg, const struct wire_server_frame *frame)
{
    struct ctl_live *live = arg;

    if (!live->doc || !slice_equal(wire_server_frame_doc(frame), live->id))
        return;
    if (frame->type == WIRE_DOWN_OPENED && frame->opened.doc_kind)
        live->kind = frame->opened.doc_kind;
    if (frame->type == WIRE_DOWN_ERROR)
        error_note(live, &frame->error);
    if (live->watch)
        live->watch(live->watch_arg, frame);
    /* The client opens the document again by itself; should that not help either, this is why. */
    if (client_doc_frame(live->doc, frame))
        snprintf(live->refusal, sizeof live->refusal, "what it sends does not fit together");
    pull(live);
}

static void on_closed(void *arg, const struct conn_end *end)
{
    struct ctl_live *live = arg;

    snprintf(live->ended, sizeof live->ended, "%s", end->text);
    live->conn = NULL;
    live->connect_ms = ev_loop_now_ms(live->loop) +
                       (end->retry_after_ms > RECONNECT_MS ? end->retry_after_ms : RECONNECT_MS);
    if (live->doc)
        client_doc_disconnected(live->doc);
}

static const struct conn_events events = {
    .welcomed = on_welcomed, .frame = on_frame, .closed = on_closed};

/* ---- the connection ---- */

static void connect_now(struct ctl_live *live)
{
    const struct conn_config config = {
        .to = live->to, .url = &live->url, .welcome_ms = CONNECT_PATIENCE_MS};
    int r = conn_open(live->set, &config, &events, live, &live->conn);

    if (r == 0)
        return;
    snprintf(live->ended, sizeof live->ended, "%s", strerror(-r));
    live->conn = NULL;
    live->connect_ms = ev_loop_now_ms(live->loop) + RECONNECT_MS;
}

static void turn(struct ctl_live *live)
{
    int64_t now_ms = ev_loop_now_ms(live->loop);

    if (!live->conn && now_ms >= live->connect_ms)
        connect_now(live);
    if (live->doc && live->retry_ms && now_ms >= live->retry_ms) {
        live->retry_ms = 0;
        client_doc_retry(live->doc);
    }
    pull(live);
    ev_loop_step(live->loop, STEP_MS);
}

static enum ctl_exit unreachable(struct ctl_live *live)
{
    const char *why = live->ended[0] ? live->ended : "it does not answer";

    if (live->conn && conn_is_open(live->conn))
        why = live->refusal[0] ? live->refusal
                               : "it is there, but the document does not come: weftctl status may "
                                 "tell why";
    fprintf(live->ctl->err, "weftctl: gateway at %s: %s (--url or WEFT_URL says where it is)\n",
            live->where->url, why);
    return CTL_UNREACHABLE;
}

static bool url_take(struct ctl *ctl, const struct ctl_where *where, struct conn_url *ret)
{
    if (!where->url[0]) {
        fprintf(ctl->err,
                "weftctl: where is the gateway? --url, WEFT_URL or --dir of a scripts/up\n");
        return false;
    }
    const char *wrong = conn_url_parse(where->url, ret);
    if (wrong)
        fprintf(ctl->err, "weftctl: --url '%.200s': %s\n", where->url, wrong);
    return !wrong;
}

enum ctl_exit ctl_live_connect(struct ctl *ctl, const struct ctl_where *where, struct ev_loop *loop,
                               struct ctl_live **ret)
{
    struct conn_url url;
    struct ev_address to;

    if (!url_take(ctl, where, &url))
        return CTL_USAGE;
    const char *wrong = conn_url_resolve(&url, &to);
    if (wrong) {
        fprintf(ctl->err, "weftctl: gateway at %s: %s\n", where->url, wrong);
        return CTL_UNREACHABLE;
    }
    struct ctl_live *live = calloc(1, sizeof *live);
    MUST(live);
    *live = (struct ctl_live){.ctl = ctl, .loop = loop, .where = where, .url = url, .to = to};
    arena_init(&live->mem, WIRE_FRAME_BYTES_MAX);
    live->set = conn_set_new(loop);
    MUST(live->set);
    int64_t end_ms = ev_loop_now_ms(loop) + CONNECT_PATIENCE_MS;
    while (!live->welcomed && ev_loop_now_ms(loop) < end_ms)
        turn(live);
    if (live->welcomed) {
        *ret = live;
        return CTL_YES;
    }
    enum ctl_exit status = unreachable(live);
    ctl_live_close(live);
    return status;
}

struct ctl_live *ctl_live_close(struct ctl_live *live)
{
    if (!live)
        return NULL;
    client_doc_free(live->doc);
    live->doc = NULL;
    if (live->conn)
        conn_close(live->conn, WS_CLOSE_NORMAL, "");
    while (live->conn)
        ev_loop_step(live->loop, STEP_MS);
    conn_set_free(live->set);
    arena_fini(&live->mem);
    free(live);
    return NULL;
}

uint64_t ctl_live_time_ms(const struct ctl_live *live)
{
    return live->time_ms;
}

/* ---- the document ---- */

void ctl_live_open(struct ctl_live *live, struct slice id, struct client_doc *doc)
{
    MUST(!live->doc);
    live->doc = doc;
    live->id = id;
    live->kind = WIRE_DOC_NONE;
    live->retry_ms = 0;
    live->refused = false;
    live->refusal[0] = 0;
    client_doc_open(doc);
}

bool ctl_live_is_live(const struct client_doc *doc)
{
    return client_doc_state(doc) == CLIENT_LIVE;
}

enum ctl_exit ctl_live_wait(struct ctl_live *live, bool (*done)(const struct client_doc *doc))
{
    int64_t end_ms = ev_loop_now_ms(live->loop) + PATIENCE_MS;

    for (;;) {
        if (done(live->doc))
            return CTL_YES;
        if (live->refused || client_doc_state(live->doc) == CLIENT_STOPPED)
            return CTL_NO;
        if (ev_loop_now_ms(live->loop) >= end_ms)
            return unreachable(live);
        turn(live);
    }
}

void ctl_live_watch(struct ctl_live *live,
                    void (*watch)(void *arg, const struct wire_server_frame *frame), void *arg)
{
    live->watch = watch;
    live->watch_arg = arg;
}

bool ctl_live_follow(struct ctl_live *live)
{
    if (live->refused || client_doc_state(live->doc) == CLIENT_STOPPED)
        return false;
    turn(live);
    return true;
}

const char *ctl_live_refusal(const struct ctl_live *live)
{
    return live->refusal;
}

enum wire_doc_kind ctl_live_kind(const struct ctl_live *live)
{
    return live->kind;
}

struct client_doc *ctl_live_leave(struct ctl_live *live)
{
    const struct wire_client_frame frame = {.type = WIRE_UP_CLOSE, .close_doc = live->id};
    struct client_doc *doc = live->doc;

    if (live->conn && conn_is_open(live->conn))
        (void)conn_send(live->conn, &frame);
    live->doc = NULL;
    return doc;
}
