#include "gw_beat.h"

static void on_done(void *arg, struct storage_call *call)
{
    struct gw_beat *beat = arg;

    gw_core_storage_done(beat->core, call);
    if (beat->stirred)
        beat->stirred(beat->stirred_arg);
}

static void on_reconnected(void *arg)
{
    struct gw_beat *beat = arg;

    gw_core_storage_reconnected(beat->core);
}

static void on_state(void *arg, enum backend_server server, enum backend_state state,
                     const char *reason)
{
    struct gw_beat *beat = arg;

    shell_storage_state(&beat->storage, server, state, reason);
    if (state != BACKEND_READY || beat->started)
        return;
    beat->started = true;
    gw_core_start(beat->core);
    if (beat->stirred)
        beat->stirred(beat->stirred_arg);
}

static void on_breaker(void *arg, enum backend_server server, enum cluster_breaker_state state)
{
    struct gw_beat *beat = arg;

    shell_storage_breaker(&beat->storage, server, state);
}

static void on_failure(void *arg, const struct storage_call *call, const char *reason)
{
    struct gw_beat *beat = arg;

    shell_storage_failure(&beat->storage, call, reason);
}

static const struct backend_events events = {.done = on_done,
                                             .reconnected = on_reconnected,
                                             .on_state = on_state,
                                             .on_breaker = on_breaker,
                                             .on_failure = on_failure};

bool gw_beat_start(struct gw_beat *beat, struct shell *shell, const struct shell_options *options)
{
    struct backend_config config;

    beat->storage.shell = shell;
    if (!shell_storage_config(shell, options, NULL, &config))
        return false;
    config.redis.level = REDIS_LEVEL_MEMORY;
    beat->backend = backend_new(shell->loop, &config, &events, beat);
    if (!beat->backend)
        obs_log_event(&shell->log, OBS_ERROR, "start-failed", OBS_NO_FIELDS, "memory is out");
    return beat->backend != NULL;
}
