#include "backend_internal.h"

#include <errno.h>
#include <stdlib.h>

#define FAILURES_MAX_DEFAULT 5
#define OPEN_MS_DEFAULT 100
#define OPEN_MS_MAX_DEFAULT 1000
/* Far behind the clients' deadlines, which end every probe. */
#define PROBE_MS 60000

/* ---- breakers ---- */

static enum backend_server server_of(enum storage_kind kind)
{
    return kind >= STORAGE_LOAD ? BACKEND_POSTGRES : BACKEND_REDIS;
}

static void breaker_tell(struct backend *backend, enum backend_server server,
                         enum cluster_breaker_state before)
{
    enum cluster_breaker_state state = backend->breakers[server].state;

    if (state != before && backend->events->on_breaker && !backend->closing)
        backend->events->on_breaker(backend->arg, server, state);
}

static bool breaker_allow(struct backend *backend, enum backend_server server)
{
    struct cluster_breaker *breaker = &backend->breakers[server];
    enum cluster_breaker_state before = breaker->state;
    bool allowed = cluster_breaker_allow(breaker, (uint64_t)ev_loop_now_ms(backend->loop));

    breaker_tell(backend, server, before);
    return allowed;
}

static void breaker_report(struct backend *backend, enum backend_server server, bool alive)
{
    struct cluster_breaker *breaker = &backend->breakers[server];
    enum cluster_breaker_state before = breaker->state;

    if (alive)
        cluster_breaker_success(breaker);
    else
        cluster_breaker_failure(breaker, (uint64_t)ev_loop_now_ms(backend->loop), &backend->rng);
    breaker_tell(backend, server, before);
}

/* ---- completion ---- */

static void call_end(struct backend *backend, struct storage_call *call, const char *error)
{
    backend->stats.calls[call->kind][call->result]++;
    if (call->result >= STORAGE_UNKNOWN && backend->events->on_failure)
        backend->events->on_failure(backend->arg, call, error);
}

static void request_free(struct backend_request *request)
{
    list_remove(&request->link);
    backend_pages_fini(&request->pages);
    free(request->lock);
    free(request);
}

void backend_complete(struct backend_request *request, enum storage_result result, bool alive,
                      const char *error)
{
    struct backend *backend = request->backend;
    struct storage_call *call = request->call;

    breaker_report(backend, server_of(request->kind), alive);
    if (call) {
        int64_t took_us = ev_loop_now_us(backend->loop) - request->began_us;
        obs_hist_add(&backend->stats.took_us[request->kind], (uint64_t)took_us);
        call->result = result;
        call_end(backend, call, error);
        backend->events->done(backend->arg, call);
    }
    request_free(request);
}

/*
 * What the breaker takes for life: any answer that came. DOWN with the connection standing is one
 * too (no memory there, a lock that was not free in time): to hold back all other calls for that
 * would hold back those that make room.
 */
void backend_complete_redis(struct backend_request *request, const struct redis_answer *answer)
{
    static const enum storage_result results[] = {
        [REDIS_OUTCOME_OK] = STORAGE_OK,
        [REDIS_OUTCOME_ERROR] = STORAGE_BROKEN,
        [REDIS_OUTCOME_UNKNOWN] = STORAGE_UNKNOWN,
        [REDIS_OUTCOME_DOWN] = STORAGE_DOWN,
    };
    bool standing = redis_client_state(request->backend->redis) == REDIS_STATE_READY;
    bool alive = answer->outcome == REDIS_OUTCOME_OK || answer->outcome == REDIS_OUTCOME_ERROR ||
                 (answer->outcome == REDIS_OUTCOME_DOWN && standing);

    backend_complete(request, results[answer->outcome], alive, answer->error);
}

void backend_complete_postgres(struct backend_request *request, const struct pg_answer *answer)
{
    static const enum storage_result results[] = {
        [PG_OUTCOME_OK] = STORAGE_OK,
        [PG_OUTCOME_ERROR] = STORAGE_BROKEN,
        [PG_OUTCOME_UNKNOWN] = STORAGE_UNKNOWN,
        [PG_OUTCOME_DOWN] = STORAGE_DOWN,
    };
    bool standing = pg_client_state(request->backend->postgres) == PG_STATE_READY;
    bool alive = answer->outcome == PG_OUTCOME_OK || answer->outcome == PG_OUTCOME_ERROR ||
                 (answer->outcome == PG_OUTCOME_DOWN && standing);

    backend_complete(request, results[answer->outcome], alive, answer->error);
}

static void deliver(void *arg)
{
    struct backend *backend = arg;
    struct storage_call *call = backend->refused_first;

    backend->refused_first = backend->refused_last = NULL;
    while (call && !backend->closing) {
        struct storage_call *next = call->next;
        call->next = NULL;
        backend->events->done(backend->arg, call);
        call = next;
    }
}

static void refuse(struct backend *backend, struct storage_call *call, const char *error)
{
    /* A lock ends with its COMMIT or UNLOCK, also when that cannot be asked for. */
    if (call->lock && (call->kind == STORAGE_COMMIT || call->kind == STORAGE_UNLOCK))
        backend_lock_release(call->lock);
    call->lock = NULL;
    call->result = STORAGE_DOWN;
    call->next = NULL;
    if (backend->refused_last)
        backend->refused_last->next = call;
    else
        backend->refused_first = call;
    backend->refused_last = call;
    ev_loop_later(backend->loop, &backend->deliver);
    call_end(backend, call, error);
}

/* ---- calls ---- */

static int request_send(struct backend *backend, struct storage_call *call)
{
    struct backend_request *request = calloc(1, sizeof *request);

    if (!request)
        return -ENOMEM;
    *request = (struct backend_request){.backend = backend,
                                        .call = call,
                                        .kind = call->kind,
                                        .began_us = ev_loop_now_us(backend->loop)};
    list_push_back(&backend->under_way, &request->link);
    int r = call->kind == STORAGE_READ               ? backend_read_send(request)
            : server_of(call->kind) == BACKEND_REDIS ? backend_redis_send(request)
                                                     : backend_postgres_send(request);
    if (r)
        request_free(request);
    return r;
}

static void storage_call(void *ctx, struct storage_call *call)
{
    struct backend *backend = ctx;
    enum backend_server server = server_of(call->kind);
    /* Nothing but its end can free a lock, so that is always asked for. */
    bool ends_lock = call->kind == STORAGE_COMMIT || call->kind == STORAGE_UNLOCK;

    if (backend->closing)
        return; /* abandoned like those under way */
    if (server == BACKEND_POSTGRES && !backend->postgres)
        refuse(backend, call, "no PostgreSQL is configured");
    else if (!ends_lock && !breaker_allow(backend, server))
        refuse(backend, call, "the circuit breaker is open");
    else if (request_send(backend, call))
        refuse(backend, call, "out of memory");
}

struct storage_io backend_storage(struct backend *backend)
{
    return (struct storage_io){.ctx = backend, .call = storage_call};
}

/* ---- states ---- */

static void state_tell(struct backend *backend, enum backend_server server,
                       enum backend_state state, const char *reason)
{
    if (backend->events->on_state && !backend->closing)
        backend->events->on_state(backend->arg, server, state, reason);
}

static enum backend_state state_of_redis(enum redis_state state)
{
    return state == REDIS_STATE_READY     ? BACKEND_READY
           : state == REDIS_STATE_REFUSED ? BACKEND_REFUSED
                                          : BACKEND_DOWN;
}

static enum backend_state state_of_postgres(enum pg_state state)
{
    return state == PG_STATE_READY     ? BACKEND_READY
           : state == PG_STATE_REFUSED ? BACKEND_REFUSED
                                       : BACKEND_DOWN;
}

static void on_redis_state(void *arg, enum redis_state state, const char *reason)
{
    state_tell(arg, BACKEND_REDIS, state_of_redis(state), reason);
}

static void on_redis_connected(void *arg)
{
    struct backend *backend = arg;

    backend->grace_until_ms = ev_loop_now_ms(backend->loop) + CLUSTER_RECONNECT_GRACE_MS;
    if (backend->events->reconnected && !backend->closing)
        backend->events->reconnected(backend->arg);
}

static void on_postgres_state(void *arg, enum pg_state state, const char *reason)
{
    state_tell(arg, BACKEND_POSTGRES, state_of_postgres(state), reason);
}

static const struct redis_client_events redis_events = {
    .on_state = on_redis_state,
    .on_connected = on_redis_connected,
};
static const struct pg_client_events postgres_events = {.on_state = on_postgres_state};

enum backend_state backend_state(const struct backend *backend, enum backend_server server)
{
    if (server == BACKEND_REDIS)
        return state_of_redis(redis_client_state(backend->redis));
    return backend->postgres ? state_of_postgres(pg_client_state(backend->postgres))
                             : BACKEND_ABSENT;
}

bool backend_ready(const struct backend *backend)
{
    for (int i = 0; i < BACKEND_SERVERS; i++) {
        enum backend_state state = backend_state(backend, (enum backend_server)i);
        if ((state != BACKEND_READY && state != BACKEND_ABSENT) ||
            backend->breakers[i].state == CLUSTER_OPEN)
            return false;
    }
    return true;
}

const char *backend_server_name(enum backend_server server)
{
    return server == BACKEND_REDIS ? "redis" : "postgres";
}

const char *backend_state_name(enum backend_state state)
{
    static const char *const names[] = {"absent", "down", "ready", "refused"};

    MUST((size_t)state < sizeof names / sizeof names[0]);
    return names[state];
}

/* ---- beginning and end ---- */

static void breakers_init(struct backend *backend, const struct backend_config *config)
{
    unsigned failures =
        config->breaker_failures_max ? config->breaker_failures_max : FAILURES_MAX_DEFAULT;
    uint64_t open_ms = config->breaker_open_ms ? config->breaker_open_ms : OPEN_MS_DEFAULT;
    uint64_t open_ms_max =
        config->breaker_open_ms_max ? config->breaker_open_ms_max : OPEN_MS_MAX_DEFAULT;

    for (int i = 0; i < BACKEND_SERVERS; i++)
        cluster_breaker_init(&backend->breakers[i], failures, open_ms,
                             open_ms_max > open_ms ? open_ms_max : open_ms, PROBE_MS);
}

static void release(void *arg)
{
    struct backend *backend = arg;
    void (*closed)(void *) = backend->closed;
    void *closed_arg = backend->closed_arg;

    MUST(list_empty(&backend->under_way) && list_empty(&backend->locks));
    ev_task_cancel(&backend->deliver);
    free(backend);
    if (closed)
        closed(closed_arg);
}

static void client_closed(void *arg)
{
    struct backend *backend = arg;

    if (--backend->clients_open == 0)
        ev_loop_release(backend->loop, &backend->release);
}

static bool clients_new(struct backend *backend, const struct backend_config *config)
{
    struct redis_config redis = config->redis;
    struct pg_config postgres = config->postgres;

    redis.seed = rng_u64(&backend->rng);
    postgres.seed = rng_u64(&backend->rng);
    backend->redis = redis_client_new(backend->loop, &redis, &redis_events, backend);
    if (!backend->redis)
        return false;
    backend->clients_open++;
    if (!postgres.conninfo)
        return true;
    backend->postgres = pg_client_new(backend->loop, &postgres, &postgres_events, backend);
    backend->clients_open += backend->postgres != NULL;
    return backend->postgres != NULL;
}

struct backend *backend_new(struct ev_loop *loop, const struct backend_config *config,
                            const struct backend_events *events, void *arg)
{
    struct backend *backend = calloc(1, sizeof *backend);

    if (!backend)
        return NULL;
    *backend = (struct backend){.loop = loop, .events = events, .arg = arg};
    rng_init(&backend->rng, config->seed);
    list_init(&backend->under_way);
    list_init(&backend->locks);
    ev_task_init(&backend->deliver, deliver, backend);
    ev_task_init(&backend->release, release, backend);
    breakers_init(backend, config);
    if (clients_new(backend, config))
        return backend;
    if (backend->redis)
        backend_close(backend, NULL, NULL); /* ends on the loop's next turn */
    else
        free(backend);
    return NULL;
}

void backend_close(struct backend *backend, void (*closed)(void *arg), void *arg)
{
    MUST(!backend->closing);
    backend->closing = true;
    backend->closed = closed;
    backend->closed_arg = arg;
    backend->refused_first = backend->refused_last = NULL;
    list_for_each (node, &backend->under_way)
        list_entry(node, struct backend_request, link)->call = NULL;
    list_for_each_safe (node, &backend->locks)
        backend_lock_release(list_entry(node, struct storage_lock, link));
    if (backend->postgres)
        pg_client_close(backend->postgres, client_closed, backend);
    redis_client_close(backend->redis, client_closed, backend);
}
