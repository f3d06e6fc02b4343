/*
 * One Redis: its connections and who takes what.
 *
 * At level `replica` calls gather until the end of the turn (or until a waiter is free), go out as
 * one batch with one WAIT behind it, and their answers are held until that WAIT is satisfied. Too
 * few replicas: the WAIT is sent again, until the calls' deadline. WAIT speaks of everything that
 * its connection has done before it; as the first command of a connection it would prove nothing,
 * which cannot be here: checks and the batch go before it.
 */
#include "redis_internal.h"

#include <stdio.h>

#define WAIT_SLICE_MS 200 /* one WAIT asks for so long; then the deadlines are looked at */
#define NOT_FOUND "ERR Function not found"
#define BATCH_MAX                                                                                  \
    1024 /* calls behind one WAIT: bounds what one lost confirmation makes unknown                 \
          */

static void send_wait(struct redis_conn *conn);

static struct redis_request *first(struct list *l)
{
    return list_first(l, struct redis_request, link);
}

static void fall_all(struct redis_client *client, struct list *l, enum redis_outcome outcome,
                     const char *error)
{
    while (!list_empty(l))
        redis_request_fall(client, first(l), outcome, error);
}

/* Gathered calls to a free waiter, the waiters taking turns. */
static void pump(void *arg)
{
    struct redis_server *server = arg;
    for (unsigned i = 0; i < server->conn_count && !list_empty(&server->gathered); i++) {
        unsigned at = (server->waiter_next + i) % server->conn_count;
        struct redis_conn *conn = &server->conns[at];
        if (conn->role != REDIS_CONN_WAITER || conn->state != REDIS_CONN_READY || conn->wait_out)
            continue;
        for (unsigned n = 0; n < BATCH_MAX && !list_empty(&server->gathered); n++) {
            struct redis_request *request = first(&server->gathered);
            list_remove(&request->link);
            redis_conn_send(conn, request);
        }
        send_wait(conn);
        server->waiter_next = at + 1;
    }
}

static void pump_soon(struct redis_server *server)
{
    if (!list_empty(&server->gathered))
        ev_loop_later(server->client->loop, &server->pump);
}

static void confirm_all(struct redis_conn *conn)
{
    struct list held;
    list_init(&held);
    list_splice_back(&held, &conn->held);
    while (!list_empty(&held)) {
        struct redis_request *request = first(&held);
        redisReply *reply = request->held;
        request->held = NULL;
        list_remove(&request->link);
        redis_request_end(conn->server->client, request, REDIS_OUTCOME_OK, "", reply);
    }
}

static void expire_held(struct redis_conn *conn)
{
    struct redis_client *client = conn->server->client;
    int64_t now = ev_loop_now_ms(client->loop);
    list_for_each_safe (node, &conn->held) {
        struct redis_request *request = list_entry(node, struct redis_request, link);
        if (request->deadline_ms <= now)
            redis_request_fall(client, request, REDIS_OUTCOME_UNKNOWN,
                               "not confirmed by enough replicas in time");
    }
}

static int wait_answered(struct redis_request *wait, const struct redis_answer *answer,
                         redisReply *reply)
{
    struct redis_conn *conn = wait->arg;
    struct redis_client *client = conn->server->client;
    if (answer->outcome == REDIS_OUTCOME_UNKNOWN)
        return 0; /* the connection is lost; its calls have fallen with it */
    conn->wait_out = false;
    if (!reply || reply->type != REDIS_REPLY_INTEGER) {
        /* "UNBLOCKED", or WAIT on a replica: the server has changed its role. */
        redis_server_lose(conn->server, "WAIT was refused: Redis has changed its role");
        return 0;
    }
    if (reply->integer >= (long long)client->config.replicas) {
        confirm_all(conn);
    } else {
        client->stats.waits_short++;
        expire_held(conn);
    }
    if (conn->state == REDIS_CONN_READY && !list_empty(&conn->held))
        send_wait(conn);
    else
        pump_soon(conn->server);
    return 0;
}

static void send_wait(struct redis_conn *conn)
{
    struct redis_client *client = conn->server->client;
    char replicas[16], ms[16];
    snprintf(replicas, sizeof replicas, "%u", client->config.replicas);
    snprintf(ms, sizeof ms, "%d", WAIT_SLICE_MS);
    struct slice words[] = {slice_str("WAIT"), slice_str(replicas), slice_str(ms)};
    int64_t deadline = ev_loop_now_ms(client->loop) + WAIT_SLICE_MS + client->config.command_ms;
    conn->wait_out = true;
    client->stats.waits++;
    (void)redis_conn_ask(conn, wait_answered, deadline, 3, words);
}

static void add_conn(struct redis_server *server, enum redis_conn_role role)
{
    redis_conn_init(&server->conns[server->conn_count++], server, role);
}

void redis_server_init(struct redis_server *server, struct redis_client *client)
{
    server->client = client;
    list_init(&server->gathered);
    ev_task_init(&server->pump, pump, server);
    add_conn(server, REDIS_CONN_PLAIN);
    if (client->config.level == REDIS_LEVEL_REPLICA) {
        add_conn(server, REDIS_CONN_WAITER);
        add_conn(server, REDIS_CONN_WAITER);
    } else {
        add_conn(server, REDIS_CONN_READ);
    }
}

static bool any_ready(const struct redis_server *server, enum redis_conn_role role)
{
    for (unsigned i = 0; i < server->conn_count; i++)
        if (server->conns[i].role == role && server->conns[i].state == REDIS_CONN_READY)
            return true;
    return false;
}

void redis_server_take(struct redis_server *server, struct redis_request *request,
                       enum redis_route route)
{
    struct redis_client *client = server->client;
    if (client->config.level == REDIS_LEVEL_REPLICA && route != REDIS_ROUTE_PLAIN) {
        if (!any_ready(server, REDIS_CONN_WAITER)) {
            redis_request_fall(client, request, REDIS_OUTCOME_DOWN, "Redis is not connected");
            return;
        }
        list_push_back(&server->gathered, &request->link);
        pump_soon(server);
        return;
    }
    struct redis_conn *conn = &server->conns[route == REDIS_ROUTE_READ ? 1 : 0];
    if (conn->state == REDIS_CONN_READY)
        redis_conn_send(conn, request);
    else
        redis_request_fall(client, request, REDIS_OUTCOME_DOWN, "Redis is not connected");
}

static void answered_error(struct redis_conn *conn, struct redis_request *request,
                           redisReply *reply)
{
    struct redis_client *client = conn->server->client;
    if (strncmp(reply->str, NOT_FOUND, strlen(NOT_FOUND)) == 0 && !request->repeated) {
        freeReplyObject(reply);
        request->repeated = true;
        redis_conn_load_library(conn);
        redis_conn_send(conn, request); /* behind the library, on the same connection */
        return;
    }
    bool role = redis_error_is_role(reply->str);
    redis_request_end(client, request,
                      redis_error_is_passing(reply->str) ? REDIS_OUTCOME_DOWN : REDIS_OUTCOME_ERROR,
                      reply->str, reply);
    if (role)
        redis_server_lose(conn->server, "Redis has become a replica");
}

void redis_server_answered(struct redis_conn *conn, struct redis_request *request,
                           redisReply *reply)
{
    if (reply->type == REDIS_REPLY_ERROR) {
        answered_error(conn, request, reply);
    } else if (conn->role == REDIS_CONN_WAITER) {
        request->held = reply;
        list_push_back(&conn->held, &request->link);
        if (!conn->wait_out)
            send_wait(conn); /* it was repeated, behind its batch's WAIT */
    } else {
        redis_request_end(conn->server->client, request, REDIS_OUTCOME_OK, "", reply);
    }
}

void redis_server_tick(struct redis_server *server, int64_t now)
{
    struct redis_client *client = server->client;
    for (unsigned i = 0; i < server->conn_count; i++)
        redis_conn_tick(&server->conns[i], now);
    while (!list_empty(&server->gathered) && first(&server->gathered)->deadline_ms <= now)
        redis_request_fall(client, first(&server->gathered), REDIS_OUTCOME_DOWN,
                           "no connection was free to confirm it");
    if (!any_ready(server, REDIS_CONN_WAITER))
        fall_all(client, &server->gathered, REDIS_OUTCOME_DOWN, "Redis is not connected");
    pump_soon(server);
}

void redis_server_lose(struct redis_server *server, const char *reason)
{
    for (unsigned i = 0; i < server->conn_count; i++)
        redis_conn_lose(&server->conns[i], reason);
    fall_all(server->client, &server->gathered, REDIS_OUTCOME_DOWN, "Redis is not connected");
}

bool redis_server_gone(const struct redis_server *server)
{
    for (unsigned i = 0; i < server->conn_count; i++)
        if (server->conns[i].state != REDIS_CONN_WAITING)
            return false;
    return true;
}
