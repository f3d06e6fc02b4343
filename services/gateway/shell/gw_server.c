#include "gw_server.h"

#include <errno.h>

#include "ev_listen.h"
#include "ev_loop.h"
#include "ev_timer.h"
#include "gw_limits.h"
#include "gw_socket.h"

/* What the kernel holds unsent of one socket. More would be out of reach: what waits here can still
 * be conflated. */
#define NOTSENT_BYTES (128 << 10)
#define REQUESTS_LOOK_MS 250

/* The first of a list of sockets by age, if it is that old. */
static struct gw_socket *overdue(struct gw_server *server, struct list *sockets, uint64_t age_ms)
{
    struct gw_socket *s = list_first(sockets, struct gw_socket, link);

    return s && (uint64_t)ev_loop_now_ms(server->loop) - s->since_ms >= age_ms ? s : NULL;
}

static void requests_look(void *arg)
{
    struct gw_server *server = arg;
    struct gw_socket *s;

    while ((s = overdue(server, &server->requests, server->config.request_ms))) {
        server->stats.late += !gw_socket_idle(s);
        gw_socket_abort(s);
    }
    while ((s = overdue(server, &server->answers, server->config.answer_ms))) {
        server->stats.answers_cut++;
        gw_socket_abort(s);
    }
    if (list_empty(&server->requests) && list_empty(&server->answers))
        ev_timer_stop(server->timer);
}

static void on_accept(void *arg, int fd, const struct ev_address *peer)
{
    struct gw_server *server = arg;

    (void)peer;
    gw_socket_accept(server, fd);
    if (!ev_timer_running(server->timer))
        ev_timer_start_every(server->timer, REQUESTS_LOOK_MS);
}

int gw_server_init(struct gw_server *server, const struct gw_server_config *config,
                   struct ev_loop *loop, struct obs_log *log)
{
    *server = (struct gw_server){.config = *config, .loop = loop, .log = log};
    if (!config->answer_ms)
        server->config.answer_ms = GW_ANSWER_MS;
    if (!config->frame_bytes_max)
        server->config.frame_bytes_max = WIRE_FRAME_BYTES_MAX;
    gw_socket_kind(config->out_bytes_max, &server->kind);
    list_init(&server->requests);
    list_init(&server->answers);
    list_init(&server->others);
    gw_input_init(&server->input);
    server->timer = ev_timer_new(loop, requests_look, server);
    return server->timer ? 0 : -ENOMEM;
}

void gw_server_fini(struct gw_server *server)
{
    MUST(gw_server_empty(server) && server->stats.held_bytes == 0 &&
         server->stats.answer_bytes == 0 && server->refused_count == 0);
    ev_listen_free(server->listen);
    ev_timer_free(server->timer);
    gw_input_fini(&server->input);
    gw_page_fini(&server->page);
}

int gw_server_listen(struct gw_server *server, const struct ev_address *address)
{
    struct ev_listen_config config = {
        .backlog = server->config.backlog, .reuse_port = true, .notsent_bytes = NOTSENT_BYTES};

    return ev_listen_new(server->loop, address, &config, on_accept, server, &server->listen);
}

void gw_server_address(const struct gw_server *server, struct ev_address *ret)
{
    ev_listen_address(server->listen, ret);
}

void gw_server_stop(struct gw_server *server)
{
    struct gw_socket *s;

    /* With those whom the kernel has taken in: closing alone would reset them. */
    server->listen = ev_listen_finish(server->listen);
    while ((s = list_first(&server->requests, struct gw_socket, link))) {
        if (gw_socket_idle(s))
            gw_socket_abort(s);
        else
            gw_socket_unavailable(s, "this gateway is shutting down, connect again\n");
    }
}

/* Closed ones stay in the list until the end of the turn. */
void gw_server_abort(struct gw_server *server)
{
    struct gw_socket *s;

    server->listen = ev_listen_free(server->listen);
    while ((s = list_first(&server->requests, struct gw_socket, link)))
        gw_socket_abort(s);
    while ((s = list_first(&server->answers, struct gw_socket, link)))
        gw_socket_abort(s);
    list_for_each_safe (node, &server->others)
        gw_socket_abort(list_entry(node, struct gw_socket, link));
}

bool gw_server_empty(const struct gw_server *server)
{
    return list_empty(&server->requests) && list_empty(&server->answers) &&
           list_empty(&server->others);
}
