#include "shell_storage.h"

#include <assert.h>

/* ---- options ---- */

static_assert((int)SHELL_MEMORY == (int)REDIS_LEVEL_MEMORY &&
                  (int)SHELL_FSYNC == (int)REDIS_LEVEL_FSYNC &&
                  (int)SHELL_REPLICA == (int)REDIS_LEVEL_REPLICA,
              "the option's choices are the client's levels");

static bool refuse(struct shell *s, const char *option, const char *words)
{
    obs_log_event(&s->log, OBS_ERROR, "option-bad", OBS_FIELDS(obs_str("option", option)), "%s",
                  words);
    return false;
}

bool shell_storage_config(struct shell *s, const struct shell_options *options,
                          const struct shell_postgres *postgres, struct backend_config *ret)
{
    struct backend_config config = {
        .redis = {.password = options->redis_password,
                  .level = (enum redis_level)options->durability,
                  .replicas = (unsigned)options->replicas},
        .seed = rng_u64(&s->rng),
    };
    char error[200];

    if (!ev_address_parse(options->redis, &config.redis.address))
        return refuse(s, "redis",
                      "not ADDRESS:PORT in numbers, nor unix:PATH with at most 107 bytes");
    if (postgres) {
        config.postgres.conninfo = postgres->conninfo ? postgres->conninfo : "";
        config.postgres.standby_required = postgres->standby_required;
        if (pg_conninfo_check(config.postgres.conninfo, error, sizeof error))
            return refuse(s, "postgres", error);
    }
    *ret = config;
    return true;
}

/* ---- log ---- */

void shell_storage_state(struct shell_storage *st, enum backend_server server,
                         enum backend_state state, const char *reason)
{
    struct obs_log *log = &st->shell->log;
    struct obs_field name = obs_str("server", backend_server_name(server));

    if (state == BACKEND_READY) {
        st->was_ready[server] = true;
        obs_log_event(log, OBS_INFO, "storage-ready", &name, 1, "connected and checked");
    } else if (state == BACKEND_REFUSED && !st->was_ready[server]) {
        obs_log_event(log, OBS_ERROR, "storage-unfit", &name, 1, "%s; not starting", reason);
        st->refused = true;
        shell_stop(st->shell);
    } else if (state == BACKEND_REFUSED) {
        obs_log_event(log, OBS_ERROR, "storage-unfit", &name, 1, "%s; looking again", reason);
    } else if (*reason) {
        obs_log_event(log, OBS_WARN, "storage-down", &name, 1, "%s; connecting", reason);
    }
}

void shell_storage_breaker(struct shell_storage *st, enum backend_server server,
                           enum cluster_breaker_state state)
{
    static const char *const words[] = {[CLUSTER_CLOSED] = "calls go through again",
                                        [CLUSTER_OPEN] = "no calls until a probe succeeds",
                                        [CLUSTER_HALF_OPEN] = "one call as a probe"};

    obs_log_event(&st->shell->log, state == CLUSTER_OPEN ? OBS_WARN : OBS_INFO, "breaker",
                  OBS_FIELDS(obs_str("server", backend_server_name(server)),
                             obs_str("state", cluster_breaker_state_name(state))),
                  "%s", words[state]);
}

void shell_storage_failure(struct shell_storage *st, const struct storage_call *call,
                           const char *reason)
{
    struct obs_field fields[3] = {obs_str("call", storage_kind_name(call->kind)),
                                  obs_str("result", storage_result_name(call->result))};
    size_t count = 2;

    if (call->doc.size)
        fields[count++] = obs_doc("doc", call->doc);
    obs_log_event(&st->shell->log, call->result >= STORAGE_BROKEN ? OBS_ERROR : OBS_WARN,
                  "storage-failed", fields, count, "%s; who asked decides, mostly to try again",
                  reason);
}

bool shell_storage_ready(const struct backend *backend, struct bytes *words)
{
    if (backend_ready(backend))
        return true;
    for (int i = 0; i < BACKEND_SERVERS; i++) {
        enum backend_state state = backend_state(backend, (enum backend_server)i);
        if (state == BACKEND_DOWN || state == BACKEND_REFUSED)
            bytes_printf(words, "%s is %s; ", backend_server_name((enum backend_server)i),
                         backend_state_name(state));
    }
    bytes_append_str(words, "storage is not ready");
    return false;
}
