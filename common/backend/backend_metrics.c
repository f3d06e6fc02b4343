/* The counters of backend and clients, and their families. */
#include "backend_internal.h"
#include "obs_metrics.h"

#define CALLS_HELP "Storage calls by kind and result."
#define TOOK_HELP "Storage calls, from the call to its result."

#define RESULT_ROW(kind, kind_name, result, result_name)                                           \
    {OBS_COUNTER, offsetof(struct backend_stats, calls[kind][result]), "weft_storage_calls_total", \
     "kind=\"" kind_name "\",result=\"" result_name "\"", CALLS_HELP},
#define CALLS_ROWS(kind, name)                                                                     \
    RESULT_ROW(kind, name, STORAGE_OK, "ok")                                                       \
    RESULT_ROW(kind, name, STORAGE_REFUSED, "refused")                                             \
    RESULT_ROW(kind, name, STORAGE_MISSING, "missing")                                             \
    RESULT_ROW(kind, name, STORAGE_UNKNOWN, "unknown")                                             \
    RESULT_ROW(kind, name, STORAGE_DOWN, "down")                                                   \
    RESULT_ROW(kind, name, STORAGE_BROKEN, "broken")                                               \
    RESULT_ROW(kind, name, STORAGE_DAMAGED, "damaged")
#define TOOK_ROW(kind, name)                                                                       \
    {OBS_TIMES, offsetof(struct backend_stats, took_us[kind]), "weft_storage_call_seconds",        \
     "kind=\"" name "\"", TOOK_HELP},

#define REDIS_KINDS(X)                                                                             \
    X(STORAGE_READ, "read")                                                                        \
    X(STORAGE_APPEND, "append")                                                                    \
    X(STORAGE_ADOPT, "adopt")                                                                      \
    X(STORAGE_REBASE, "rebase")                                                                    \
    X(STORAGE_TRIM, "trim")                                                                        \
    X(STORAGE_CLAIM, "claim")                                                                      \
    X(STORAGE_REMARK, "remark")                                                                    \
    X(STORAGE_BEAT, "beat")
#define POSTGRES_KINDS(X)                                                                          \
    X(STORAGE_LOAD, "load")                                                                        \
    X(STORAGE_HISTORY, "history")                                                                  \
    X(STORAGE_LOCK, "lock")                                                                        \
    X(STORAGE_COMMIT, "commit")                                                                    \
    X(STORAGE_UNLOCK, "unlock")                                                                    \
    X(STORAGE_DOCS, "docs")

static const struct obs_row call_rows[] = {
    REDIS_KINDS(CALLS_ROWS) POSTGRES_KINDS(CALLS_ROWS) REDIS_KINDS(TOOK_ROW) POSTGRES_KINDS(
        TOOK_ROW){OBS_COUNTER, offsetof(struct backend_stats, pages),
                  "weft_storage_read_pages_total", "", "Pages of reads that took more than one."},
};

const struct obs_table *backend_calls_table(void)
{
    static const struct obs_table table = {call_rows, sizeof call_rows / sizeof *call_rows,
                                           sizeof(struct backend_stats)};

    return &table;
}

#define CLIENT_ROWS(type, name)                                                                    \
    {OBS_COUNTER, offsetof(type, calls), "weft_" name "_calls_total", "", "Calls to the client."}, \
        {OBS_COUNTER, offsetof(type, connects), "weft_" name "_connects_total", "",                \
         "Attempts to connect."},                                                                  \
        {OBS_COUNTER, offsetof(type, losses), "weft_" name "_losses_total", "",                    \
         "Checked connections that were lost."},

static const struct obs_row redis_rows[] = {
    CLIENT_ROWS(struct redis_client_stats,
                "redis"){OBS_COUNTER, offsetof(struct redis_client_stats, waits),
                         "weft_redis_waits_total", "", "WAITs sent for replicas to confirm."},
    {OBS_COUNTER, offsetof(struct redis_client_stats, waits_short), "weft_redis_waits_short_total",
     "", "WAITs that too few replicas confirmed."},
    {OBS_COUNTER, offsetof(struct redis_client_stats, library_loads),
     "weft_redis_library_loads_total", "", "Loads of the function library."},
};

const struct obs_table *backend_redis_table(void)
{
    static const struct obs_table table = {redis_rows, sizeof redis_rows / sizeof *redis_rows,
                                           sizeof(struct redis_client_stats)};

    return &table;
}

static const struct obs_row postgres_rows[] = {
    CLIENT_ROWS(struct pg_client_stats, "postgres"){
        OBS_COUNTER, offsetof(struct pg_client_stats, locks_expired),
        "weft_postgres_locks_expired_total", "", "Locks that were held for too long."},
};

const struct obs_table *backend_postgres_table(void)
{
    static const struct obs_table table = {postgres_rows,
                                           sizeof postgres_rows / sizeof *postgres_rows,
                                           sizeof(struct pg_client_stats)};

    return &table;
}

/* What is true now, by server. */
struct gauges {
    int64_t connections; /* of PostgreSQL */
    int64_t ready[BACKEND_SERVERS], breaker[BACKEND_SERVERS];
    uint64_t opened[BACKEND_SERVERS], held_back[BACKEND_SERVERS];
};

#define SERVER_ROWS(kind, field, name, help)                                                       \
    {kind, offsetof(struct gauges, field[BACKEND_REDIS]), name, "server=\"redis\"", help},         \
    {                                                                                              \
        kind, offsetof(struct gauges, field[BACKEND_POSTGRES]), name, "server=\"postgres\"", help  \
    }

static const struct obs_row gauge_rows[] = {
    {OBS_GAUGE, offsetof(struct gauges, connections), "weft_postgres_connections", "",
     "Connections that stand."},
    SERVER_ROWS(OBS_GAUGE, ready, "weft_storage_ready",
                "1 while the server is connected and fit, or not used here."),
    SERVER_ROWS(OBS_GAUGE, breaker, "weft_storage_breaker_state",
                "Circuit breaker: 0 closed, 1 open, 2 half-open."),
    SERVER_ROWS(OBS_COUNTER, opened, "weft_storage_breaker_opened_total",
                "Times that the circuit breaker opened."),
    SERVER_ROWS(OBS_COUNTER, held_back, "weft_storage_breaker_refused_total",
                "Calls that the circuit breaker held back."),
};

const struct obs_table *backend_servers_table(void)
{
    static const struct obs_table table = {gauge_rows, sizeof gauge_rows / sizeof *gauge_rows,
                                           sizeof(struct gauges)};

    return &table;
}

static struct gauges gauges_of(const struct backend *backend)
{
    struct gauges gauges = {0};

    if (backend->postgres)
        gauges.connections = pg_client_stats(backend->postgres)->standing;
    for (int i = 0; i < BACKEND_SERVERS; i++) {
        const struct cluster_breaker *breaker = &backend->breakers[i];
        enum backend_state state = backend_state(backend, (enum backend_server)i);
        gauges.ready[i] = state == BACKEND_READY || state == BACKEND_ABSENT;
        gauges.breaker[i] = breaker->state;
        gauges.opened[i] = breaker->opened;
        gauges.held_back[i] = breaker->refused;
    }
    return gauges;
}

void backend_metrics_append(const struct backend *backend, struct bytes *out)
{
    struct gauges gauges = gauges_of(backend);

    obs_metrics_append(out, backend_calls_table(), &backend->stats);
    obs_metrics_append(out, backend_servers_table(), &gauges);
    obs_metrics_append(out, backend_redis_table(), redis_client_stats(backend->redis));
    if (backend->postgres)
        obs_metrics_append(out, backend_postgres_table(), pg_client_stats(backend->postgres));
}
