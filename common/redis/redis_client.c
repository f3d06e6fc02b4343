#include "redis_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "redis_internal.h"

#define COMMAND_MS_DEFAULT 2000
#define RETRY_MS_MAX_DEFAULT 1000
#define PENDING_MAX_DEFAULT 65536
#define PENDING_BYTES_MAX_DEFAULT (256u << 20)
#define TICK_MS_MIN 5
#define TICK_MS_MAX 50

struct redis_request *redis_request_new(struct refbuf *command, redis_finish *finish)
{
    struct redis_request *request = command ? calloc(1, sizeof *request) : NULL;
    if (!request) {
        refbuf_unref(command);
        return NULL;
    }
    list_init(&request->link);
    request->command = command;
    request->finish = finish;
    return request;
}

static void request_free(struct redis_request *request, redisReply *reply)
{
    if (reply)
        freeReplyObject(reply);
    if (request->held)
        freeReplyObject(request->held);
    refbuf_unref(request->command);
    free(request);
}

static void count_outcome(struct redis_client_stats *stats, enum redis_outcome outcome)
{
    switch (outcome) {
    case REDIS_OUTCOME_OK:
        stats->ok++;
        break;
    case REDIS_OUTCOME_ERROR:
        stats->errors++;
        break;
    case REDIS_OUTCOME_UNKNOWN:
        stats->unknown++;
        break;
    case REDIS_OUTCOME_DOWN:
        stats->down++;
        break;
    }
}

void redis_request_end(struct redis_client *client, struct redis_request *request,
                       enum redis_outcome outcome, const char *error, redisReply *reply)
{
    MUST(list_empty(&request->link));
    struct redis_answer answer = {.outcome = outcome, .error = error};
    if (!request->own) {
        client->pending--;
        client->pending_bytes -= request->command->size;
    }
    int r = request->finish(request, &answer, outcome == REDIS_OUTCOME_OK ? reply : NULL);
    if (r != 0) {
        bool memory = r == -ENOMEM;
        answer.outcome = memory ? REDIS_OUTCOME_UNKNOWN : REDIS_OUTCOME_ERROR;
        answer.error = memory ? "out of memory" : "Redis' answer has an unexpected shape";
        MUST(request->finish(request, &answer, NULL) == 0);
    }
    if (!request->own)
        count_outcome(&client->stats, answer.outcome);
    request_free(request, reply);
}

void redis_request_fall(struct redis_client *client, struct redis_request *request,
                        enum redis_outcome outcome, const char *error)
{
    list_remove(&request->link);
    request->fallen = outcome;
    request->error = error;
    list_push_back(&client->fallen, &request->link);
    ev_loop_later(client->loop, &client->deliver);
}

struct redis_server *redis_for(struct redis_client *client, unsigned lane)
{
    (void)lane; /* a single Redis serves all lanes */
    return &client->server;
}

int redis_submit(struct redis_client *client, unsigned lane, enum redis_route route,
                 struct bytes *command, redis_finish *finish, void (*done)(void), void *arg)
{
    if (command->failed)
        return -ENOMEM;
    struct redis_request *request = redis_request_new(refbuf_copy(bytes_slice(command)), finish);
    if (!request)
        return -ENOMEM;
    request->done = done;
    request->arg = arg;
    request->deadline_ms = ev_loop_now_ms(client->loop) + client->config.command_ms;
    client->stats.calls++;
    client->pending++;
    client->pending_bytes += command->size;
    if (client->closing)
        redis_request_fall(client, request, REDIS_OUTCOME_DOWN, "client is closing");
    else if (client->pending > client->config.pending_max ||
             client->pending_bytes > client->config.pending_bytes_max)
        redis_request_fall(client, request, REDIS_OUTCOME_DOWN, "too many calls unanswered");
    else
        redis_server_take(redis_for(client, lane), request, route);
    return 0;
}

static void finish_close(struct redis_client *client)
{
    if (client->closing && list_empty(&client->fallen) && redis_server_gone(&client->server))
        ev_loop_release(client->loop, &client->release);
}

static void deliver(void *arg)
{
    struct redis_client *client = arg;
    struct list now;
    list_init(&now);
    list_splice_back(&now, &client->fallen);
    for (;;) {
        struct redis_request *request = list_first(&now, struct redis_request, link);
        if (!request)
            break;
        list_remove(&request->link);
        redis_request_end(client, request, request->fallen, request->error, NULL);
    }
    finish_close(client);
}

static void release(void *arg)
{
    struct redis_client *client = arg;
    void (*closed)(void *) = client->closed;
    void *closed_arg = client->closed_arg;
    MUST(client->pending == 0);
    ev_task_cancel(&client->deliver);
    ev_task_cancel(&client->server.pump);
    ev_timer_free(client->tick);
    free(client->password);
    free(client);
    if (closed)
        closed(closed_arg);
}

static enum redis_state state_of(const struct redis_server *server)
{
    enum redis_state state = REDIS_STATE_READY;
    for (unsigned i = 0; i < server->conn_count; i++) {
        if (server->conns[i].unfit)
            return REDIS_STATE_REFUSED;
        if (server->conns[i].state != REDIS_CONN_READY)
            state = REDIS_STATE_DOWN;
    }
    return state;
}

void redis_client_changed(struct redis_client *client, const char *reason)
{
    if (reason)
        snprintf(client->reason, sizeof client->reason, "%s", reason);
    if (client->closing) {
        finish_close(client);
        return;
    }
    enum redis_state state = state_of(&client->server);
    if (state == client->state)
        return;
    client->state = state;
    if (client->events && client->events->on_state)
        client->events->on_state(client->arg, state,
                                 state == REDIS_STATE_READY ? "" : client->reason);
}

static void tick(void *arg)
{
    struct redis_client *client = arg;
    redis_server_tick(&client->server, ev_loop_now_ms(client->loop));
}

static void config_defaults(struct redis_config *config)
{
    if (!config->command_ms)
        config->command_ms = COMMAND_MS_DEFAULT;
    if (!config->retry_ms_max)
        config->retry_ms_max = RETRY_MS_MAX_DEFAULT;
    if (!config->pending_max)
        config->pending_max = PENDING_MAX_DEFAULT;
    if (!config->pending_bytes_max)
        config->pending_bytes_max = PENDING_BYTES_MAX_DEFAULT;
    if (config->level == REDIS_LEVEL_REPLICA && !config->replicas)
        config->replicas = 1;
}

static int64_t tick_ms(const struct redis_config *config)
{
    int64_t ms = config->command_ms / 20;
    return ms < TICK_MS_MIN ? TICK_MS_MIN : ms > TICK_MS_MAX ? TICK_MS_MAX : ms;
}

struct redis_client *redis_client_new(struct ev_loop *loop, const struct redis_config *config,
                                      const struct redis_client_events *events, void *arg)
{
    struct redis_client *client = calloc(1, sizeof *client);
    if (!client)
        return NULL;
    client->loop = loop;
    client->config = *config;
    config_defaults(&client->config);
    client->events = events;
    client->arg = arg;
    list_init(&client->fallen);
    rng_init(&client->rng, config->seed);
    ev_task_init(&client->deliver, deliver, client);
    ev_task_init(&client->release, release, client);
    client->tick = ev_timer_new(loop, tick, client);
    client->password = config->password ? strdup(config->password) : NULL;
    client->config.password = client->password;
    if (!client->tick || (config->password && !client->password)) {
        ev_timer_free(client->tick);
        free(client->password);
        free(client);
        return NULL;
    }
    redis_server_init(&client->server, client);
    ev_timer_start_every(client->tick, tick_ms(&client->config));
    return client;
}

void redis_client_close(struct redis_client *client, void (*closed)(void *arg), void *arg)
{
    MUST(!client->closing);
    client->closing = true;
    client->state = REDIS_STATE_DOWN;
    client->closed = closed;
    client->closed_arg = arg;
    ev_timer_stop(client->tick);
    redis_server_lose(&client->server, "client is closing");
    ev_loop_later(client->loop, &client->deliver);
}

enum redis_state redis_client_state(const struct redis_client *client)
{
    return client->state;
}

const char *redis_client_reason(const struct redis_client *client)
{
    return client->state == REDIS_STATE_READY ? "" : client->reason;
}

const struct redis_client_stats *redis_client_stats(const struct redis_client *client)
{
    return &client->stats;
}
