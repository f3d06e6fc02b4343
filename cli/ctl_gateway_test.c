#include "ctl_gateway_test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client_world_test.h"
#include "conn_server_test.h"
#include "ev_loop.h"
#include "wire_error.h"
#include "ws_encoder.h"

struct state {
    struct gateway_plan plan;
    struct world world;
    struct world_client *client;
    struct server server;
    size_t handled; /* frames of the connection */
};

static void connection_new(struct state *s)
{
    server_reset(&s->server);
    s->handled = 0;
    s->client->connected = true;
    s->client->attached = false;
    bytes_reset(&s->client->down.bytes);
}

static void flush(struct state *s)
{
    struct bytes *down = &s->client->down.bytes, message = BYTES_INIT;

    if (!down->size || !s->server.stream || s->server.closed_in)
        return;
    ws_encode_append(&message, WS_BINARY, bytes_slice(down), NULL);
    server_send_raw(&s->server, bytes_slice(&message));
    bytes_reset(down);
    bytes_fini(&message);
}

static void refuse(struct state *s)
{
    struct wire_server_frame frame;
    struct bytes text = BYTES_INIT;

    s->plan.refuse_opens--;
    wire_error_frame(s->plan.refusal, 0, s->world.id, 0, &text, &frame);
    world_send(s->client, &frame);
    bytes_fini(&text);
}

/* False: the connection is lost. */
static bool take(struct state *s, const struct wire_client_frame *frame)
{
    bool submit = frame->type == WIRE_UP_SUBMIT;

    if (frame->type == WIRE_UP_HELLO || frame->type == WIRE_UP_PING)
        return true;
    if (submit && s->plan.drop_before) {
        s->plan.drop_before--;
        return false;
    }
    if (frame->type == WIRE_UP_OPEN && s->plan.refuse_opens) {
        refuse(s);
        return true;
    }
    world_take(s->client, frame);
    world_commit(&s->world);
    if (submit && s->plan.drop_after) {
        s->plan.drop_after--;
        return false;
    }
    return true;
}

static void turn(struct state *s)
{
    if (!s->server.stream && s->server.upgraded)
        connection_new(s);
    /* One at a time: who comes next waits until this one is gone from here too. */
    if (s->server.stream)
        ev_listen_pause(s->server.listen);
    else
        ev_listen_resume(s->server.listen);
    while (s->server.stream && s->handled < s->server.frame_count) {
        if (!take(s, &s->server.frames[s->handled++])) {
            bytes_reset(&s->client->down.bytes);
            ev_stream_close(s->server.stream);
            s->handled = s->server.frame_count;
            return;
        }
    }
    flush(s);
}

static _Noreturn void serve(const struct gateway_plan *plan, int port_fd)
{
    struct state *s = calloc(1, sizeof *s);
    struct ev_loop *loop = ev_loop_new(NULL);
    char address[EV_ADDRESS_TEXT_MAX];
    struct ev_address at;

    MUST(s && loop);
    s->plan = *plan;
    world_init(&s->world, 1);
    if (plan->exists)
        world_create(&s->world);
    s->client = world_client_add(&s->world, false);
    server_start(&s->server, loop);
    s->server.welcome.server_time_ms = WORLD_NOW_MS;
    connection_new(s);
    ev_listen_address(s->server.listen, &at);
    ev_address_format(&at, address);
    MUST(write(port_fd, address, sizeof address) == sizeof address);
    for (;;) {
        ev_loop_step(loop, 1000);
        turn(s);
    }
}

void gateway_start(struct gateway *g, const struct gateway_plan *plan)
{
    char address[EV_ADDRESS_TEXT_MAX];
    pid_t parent = getpid();
    int ends[2];

    MUST(pipe(ends) == 0);
    g->pid = fork();
    MUST(g->pid >= 0);
    if (g->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
        serve(plan, ends[1]);
    }
    MUST(read(ends[0], address, sizeof address) == sizeof address);
    close(ends[0]);
    close(ends[1]);
    snprintf(g->url, sizeof g->url, "ws://%.50s/", address);
}

void gateway_stop(struct gateway *g)
{
    if (!g->pid)
        return;
    MUST(kill(g->pid, SIGKILL) == 0 && waitpid(g->pid, NULL, 0) == g->pid);
    g->pid = 0;
}
