#include "pg_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "pg_internal.h"

#define CONNECTIONS_DEFAULT 4
#define COMMAND_MS_DEFAULT 5000
#define LOCK_MS_DEFAULT 10000
#define RETRY_MS_MAX_DEFAULT 1000
#define PENDING_MAX_DEFAULT 4096
#define TICK_MS 20

/* ---- requests ---- */

struct pg_request *pg_request_new(enum pg_kind kind, const struct pg_params *params,
                                  pg_finish *finish, void (*done)(void), void *arg)
{
    struct pg_request *request = calloc(1, sizeof *request);
    size_t size = 1;
    for (unsigned i = 0; params && i < params->count; i++)
        size += params->at[i].bytes.size;
    uint8_t *room = request ? malloc(size) : NULL;
    if (!room) {
        free(request);
        return NULL;
    }
    list_init(&request->link);
    request->kind = kind;
    request->finish = finish;
    request->done = done;
    request->arg = arg;
    request->room = room;
    if (params)
        request->params = *params;
    for (unsigned i = 0; i < request->params.count; i++) {
        struct slice *bytes = &request->params.at[i].bytes;
        if (!bytes->data)
            continue;
        memcpy(room, bytes->data, bytes->size);
        bytes->data = room;
        room += bytes->size;
    }
    return request;
}

void pg_request_free(struct pg_request *request)
{
    if (!request)
        return;
    if (request->lock) {
        pg_request_free(request->lock->end);
        free(request->lock);
    }
    free(request->room);
    free(request);
}

static void count_outcome(struct pg_client_stats *stats, enum pg_outcome outcome)
{
    switch (outcome) {
    case PG_OUTCOME_OK:
        stats->ok++;
        break;
    case PG_OUTCOME_ERROR:
        stats->errors++;
        break;
    case PG_OUTCOME_UNKNOWN:
        stats->unknown++;
        break;
    case PG_OUTCOME_DOWN:
        stats->down++;
        break;
    }
}

static struct pg_answer answer_of(enum pg_outcome outcome, const char *error,
                                  const PGresult *result)
{
    struct pg_answer answer = {.outcome = outcome, .error = error ? error : ""};
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    if (state)
        snprintf(answer.sqlstate, sizeof answer.sqlstate, "%s", state);
    return answer;
}

void pg_request_end(struct pg_client *client, struct pg_request *request, enum pg_outcome outcome,
                    const char *error, PGresult *result)
{
    MUST(list_empty(&request->link));
    struct pg_answer answer = answer_of(outcome, error, result);
    client->pending--;
    int r = request->finish(request, &answer, outcome == PG_OUTCOME_OK ? result : NULL);
    if (r != 0) {
        /* Nobody may take an unread lock or commit for done. */
        answer.outcome = r == -ENOMEM ? PG_OUTCOME_UNKNOWN : PG_OUTCOME_ERROR;
        answer.error =
            r == -ENOMEM ? "out of memory" : "PostgreSQL's rows have an unexpected shape";
        MUST(request->finish(request, &answer, NULL) == 0);
    }
    count_outcome(&client->stats, answer.outcome);
    if (request->lock)
        pg_client_lock_gone(client);
    pg_request_free(request);
}

void pg_request_fall(struct pg_client *client, struct pg_request *request, enum pg_outcome outcome,
                     const char *error)
{
    list_remove(&request->link);
    request->fallen = outcome;
    request->error = error;
    list_push_back(&client->fallen, &request->link);
    ev_loop_later(client->loop, &client->deliver);
}

void pg_accept(struct pg_client *client, struct pg_request *request)
{
    request->deadline_ms = ev_loop_now_ms(client->loop) + client->config.command_ms;
    client->stats.calls++;
    client->pending++;
}

static unsigned standing(const struct pg_client *client)
{
    unsigned count = 0;
    for (unsigned i = 0; i < client->config.connections; i++)
        count += client->conns[i].state >= PG_CONN_IDLE;
    return count;
}

void pg_submit(struct pg_client *client, struct pg_request *request)
{
    pg_accept(client, request);
    if (client->closing)
        pg_request_fall(client, request, PG_OUTCOME_DOWN, "client is closing");
    else if (client->pending > client->config.pending_max)
        pg_request_fall(client, request, PG_OUTCOME_DOWN, "too many calls unanswered");
    else if (!client->stats.standing)
        pg_request_fall(client, request, PG_OUTCOME_DOWN, "PostgreSQL is not connected");
    else {
        list_push_back(request->kind == PG_KIND_LOCK ? &client->lock_queue : &client->queue,
                       &request->link);
        pg_client_pump_soon(client);
    }
}

/* ---- the queue ---- */

static struct pg_request *first(struct list *l)
{
    return list_first(l, struct pg_request, link);
}

static unsigned locking_conns(const struct pg_client *client)
{
    unsigned count = 0;
    for (unsigned i = 0; i < client->config.connections; i++) {
        const struct pg_conn *conn = &client->conns[i];
        count += conn->lock || (conn->request && conn->request->kind == PG_KIND_LOCK);
    }
    return count;
}

/* Reads first: they are short. Locks may take all connections but one. */
static struct pg_request *next_request(struct pg_client *client)
{
    struct pg_request *request = first(&client->queue);
    unsigned connections = client->config.connections;
    if (!request && locking_conns(client) < (connections > 1 ? connections - 1 : 1))
        request = first(&client->lock_queue);
    if (request)
        list_remove(&request->link);
    return request;
}

static void pump(void *arg)
{
    struct pg_client *client = arg;
    for (unsigned i = 0; i < client->config.connections; i++) {
        struct pg_conn *conn = &client->conns[i];
        if (conn->state != PG_CONN_IDLE)
            continue;
        struct pg_request *request = next_request(client);
        if (!request)
            return;
        pg_conn_start(conn, request);
    }
}

void pg_client_pump_soon(struct pg_client *client)
{
    ev_loop_later(client->loop, &client->pump);
}

void pg_client_lock_gone(struct pg_client *client)
{
    MUST(client->locks > 0);
    client->locks--;
    pg_client_pump_soon(client);
}

static void fall_all(struct pg_client *client, struct list *l, const char *error)
{
    while (!list_empty(l))
        pg_request_fall(client, first(l), PG_OUTCOME_DOWN, error);
}

static void expire(struct pg_client *client, struct list *l, int64_t now)
{
    while (!list_empty(l) && first(l)->deadline_ms <= now)
        pg_request_fall(client, first(l), PG_OUTCOME_DOWN, "no connection was free in time");
}

static void tick(void *arg)
{
    struct pg_client *client = arg;
    int64_t now = ev_loop_now_ms(client->loop);
    for (unsigned i = 0; i < client->config.connections; i++)
        pg_conn_tick(&client->conns[i], now);
    expire(client, &client->queue, now);
    expire(client, &client->lock_queue, now);
    if (!client->stats.standing) {
        fall_all(client, &client->queue, "PostgreSQL is not connected");
        fall_all(client, &client->lock_queue, "PostgreSQL is not connected");
    }
    pg_client_pump_soon(client);
}

/* ---- states, closing ---- */

static void finish_close(struct pg_client *client)
{
    if (client->closing && list_empty(&client->fallen) && client->pending == 0 &&
        client->locks == 0)
        ev_loop_release(client->loop, &client->release);
}

static void deliver(void *arg)
{
    struct pg_client *client = arg;
    struct list now;
    list_init(&now);
    list_splice_back(&now, &client->fallen);
    while (!list_empty(&now)) {
        struct pg_request *request = first(&now);
        list_remove(&request->link);
        pg_request_end(client, request, request->fallen, request->error, NULL);
    }
    finish_close(client);
}

static void client_free(struct pg_client *client)
{
    if (client->tick)
        ev_timer_free(client->tick);
    free(client->conninfo);
    free(client);
}

static void release(void *arg)
{
    struct pg_client *client = arg;
    void (*closed)(void *) = client->closed;
    void *closed_arg = client->closed_arg;
    ev_task_cancel(&client->deliver);
    ev_task_cancel(&client->pump);
    client_free(client);
    if (closed)
        closed(closed_arg);
}

static enum pg_state state_of(const struct pg_client *client)
{
    if (client->stats.standing)
        return PG_STATE_READY;
    for (unsigned i = 0; i < client->config.connections; i++)
        if (client->conns[i].unfit)
            return PG_STATE_REFUSED;
    return PG_STATE_DOWN;
}

void pg_client_changed(struct pg_client *client, const char *reason)
{
    if (reason)
        snprintf(client->reason, sizeof client->reason, "%s", reason);
    client->stats.standing = standing(client);
    if (client->closing)
        return;
    enum pg_state state = state_of(client);
    if (state == client->state)
        return;
    client->state = state;
    if (client->events && client->events->on_state)
        client->events->on_state(client->arg, state, state == PG_STATE_READY ? "" : client->reason);
}

static void config_defaults(struct pg_config *config)
{
    if (!config->connections)
        config->connections = CONNECTIONS_DEFAULT;
    if (config->connections > PG_CONNECTIONS_MAX)
        config->connections = PG_CONNECTIONS_MAX;
    if (!config->command_ms)
        config->command_ms = COMMAND_MS_DEFAULT;
    if (!config->lock_ms)
        config->lock_ms = LOCK_MS_DEFAULT;
    if (!config->retry_ms_max)
        config->retry_ms_max = RETRY_MS_MAX_DEFAULT;
    if (!config->pending_max)
        config->pending_max = PENDING_MAX_DEFAULT;
}

struct pg_client *pg_client_new(struct ev_loop *loop, const struct pg_config *config,
                                const struct pg_client_events *events, void *arg)
{
    struct pg_client *client = calloc(1, sizeof *client);
    if (!client)
        return NULL;
    client->loop = loop;
    client->config = *config;
    config_defaults(&client->config);
    client->events = events;
    client->arg = arg;
    list_init(&client->queue);
    list_init(&client->lock_queue);
    list_init(&client->fallen);
    rng_init(&client->rng, config->seed);
    ev_task_init(&client->deliver, deliver, client);
    ev_task_init(&client->pump, pump, client);
    ev_task_init(&client->release, release, client);
    for (unsigned i = 0; i < client->config.connections; i++)
        pg_conn_init(&client->conns[i], client);
    client->conninfo = strdup(config->conninfo);
    client->config.conninfo = client->conninfo;
    client->tick = ev_timer_new(loop, tick, client);
    if (!client->conninfo || !client->tick) {
        client_free(client);
        return NULL;
    }
    ev_timer_start_every(client->tick, TICK_MS);
    return client;
}

void pg_client_close(struct pg_client *client, void (*closed)(void *arg), void *arg)
{
    MUST(!client->closing);
    client->closing = true;
    client->state = PG_STATE_DOWN;
    client->closed = closed;
    client->closed_arg = arg;
    ev_timer_stop(client->tick);
    for (unsigned i = 0; i < client->config.connections; i++)
        pg_conn_lose(&client->conns[i], "client is closing");
    fall_all(client, &client->queue, "client is closing");
    fall_all(client, &client->lock_queue, "client is closing");
    ev_loop_later(client->loop, &client->deliver);
}

enum pg_state pg_client_state(const struct pg_client *client)
{
    return client->state;
}

const char *pg_client_reason(const struct pg_client *client)
{
    return client->state == PG_STATE_READY ? "" : client->reason;
}

const struct pg_client_stats *pg_client_stats(const struct pg_client *client)
{
    return &client->stats;
}

/* ---- conninfo ---- */

static const char *option_of(const PQconninfoOption *options, const char *name)
{
    for (; options->keyword; options++)
        if (strcmp(options->keyword, name) == 0)
            return options->val && options->val[0] ? options->val : NULL;
    return NULL;
}

static bool is_numeric(const char *host)
{
    uint8_t address[16];
    return host[0] == '/' || host[0] == '@' || inet_pton(AF_INET, host, address) == 1 ||
           inet_pton(AF_INET6, host, address) == 1;
}

static bool all_numeric(const char *hosts)
{
    char host[256];
    while (*hosts) {
        size_t size = strcspn(hosts, ",");
        if (size >= sizeof host)
            return false;
        memcpy(host, hosts, size);
        host[size] = 0;
        if (host[0] && !is_numeric(host))
            return false;
        hosts += size + (hosts[size] == ',');
    }
    return true;
}

int pg_conninfo_check(const char *conninfo, char *error, size_t error_size)
{
    char *words = NULL;
    PQconninfoOption *options = PQconninfoParse(conninfo, &words);
    if (!options) {
        snprintf(error, error_size, "%s", words ? words : "out of memory");
        error[strcspn(error, "\n")] = 0;
        PQfreemem(words);
        return -EINVAL;
    }
    const char *host = option_of(options, "host");
    bool fits = option_of(options, "hostaddr") || !host || all_numeric(host);
    if (!fits)
        snprintf(error, error_size, "host %s is a name: give its hostaddr", host);
    PQconninfoFree(options);
    return fits ? 0 : -EINVAL;
}
