#include "shell_drive.h"

#include "ev_timer.h"

static void close_all(struct shell_drive *d)
{
    if (d->phase == SHELL_CLOSING)
        return;
    d->phase = SHELL_CLOSING;
    ev_task_cancel(&d->settle);
    if (d->tick)
        d->tick = ev_timer_free(d->tick);
    if (d->drain_end)
        d->drain_end = ev_timer_free(d->drain_end);
    d->core->close(d->arg);
    if (d->backend)
        backend_close(d->backend, shell_drive_release, d);
    d->backend = NULL;
}

/* ---- time ---- */

static void on_tick(void *arg)
{
    struct shell_drive *d = arg;

    d->core->tick(d->arg);
    shell_drive_settle(d);
}

static void settle(void *arg)
{
    struct shell_drive *d = arg;

    if (d->phase == SHELL_DRAINING && d->core->drained(d->arg)) {
        close_all(d);
        return;
    }
    uint64_t now = (uint64_t)ev_loop_now_ms(d->shell->loop), due = d->core->due_ms(d->arg);
    /* What is due now needs no timer, and no turn of its own. */
    if (due <= now) {
        d->core->tick(d->arg);
        due = d->core->due_ms(d->arg);
    }
    if (due == UINT64_MAX)
        ev_timer_stop(d->tick);
    else
        ev_timer_start(d->tick, due > now ? (int64_t)(due - now) : 0);
}

void shell_drive_settle(struct shell_drive *d)
{
    if (d->phase != SHELL_CLOSING)
        ev_loop_later(d->shell->loop, &d->settle);
}

/* ---- storage ---- */

static void on_done(void *arg, struct storage_call *call)
{
    struct shell_drive *d = arg;

    d->core->storage_done(d->arg, call);
    shell_drive_settle(d);
}

static void on_reconnected(void *arg)
{
    struct shell_drive *d = arg;

    if (!d->core->reconnected)
        return;
    d->core->reconnected(d->arg);
    shell_drive_settle(d);
}

static void on_state(void *arg, enum backend_server server, enum backend_state state,
                     const char *reason)
{
    struct shell_drive *d = arg;

    shell_storage_state(&d->storage, server, state, reason);
}

static void on_breaker(void *arg, enum backend_server server, enum cluster_breaker_state state)
{
    struct shell_drive *d = arg;

    shell_storage_breaker(&d->storage, server, state);
}

static void on_failure(void *arg, const struct storage_call *call, const char *reason)
{
    struct shell_drive *d = arg;

    shell_storage_failure(&d->storage, call, reason);
}

static const struct backend_events backend_events = {.done = on_done,
                                                     .reconnected = on_reconnected,
                                                     .on_state = on_state,
                                                     .on_breaker = on_breaker,
                                                     .on_failure = on_failure};

/* ---- life ---- */

static void on_drain_end(void *arg)
{
    struct shell_drive *d = arg;

    obs_log_event(&d->shell->log, OBS_WARN, "drain-cut", OBS_NO_FIELDS,
                  "not everything was finished in time; others take it over");
    close_all(d);
}

bool shell_drive_start(struct shell_drive *d, struct shell *shell,
                       const struct shell_drive_core *core, void *arg,
                       const struct backend_config *config, uint64_t drain_ms)
{
    *d = (struct shell_drive){.shell = shell,
                              .core = core,
                              .arg = arg,
                              .drain_ms = drain_ms,
                              .storage = {.shell = shell}};
    ev_task_init(&d->settle, settle, d);
    d->tick = ev_timer_new(shell->loop, on_tick, d);
    d->drain_end = ev_timer_new(shell->loop, on_drain_end, d);
    d->backend = backend_new(shell->loop, config, &backend_events, d);
    if (d->backend)
        shell_drive_hold(d);
    if (d->tick && d->drain_end && d->backend)
        return true;
    obs_log_event(&shell->log, OBS_ERROR, "start-failed", OBS_NO_FIELDS, "memory is out");
    return false;
}

void shell_drive_stop(struct shell_drive *d)
{
    d->phase = SHELL_DRAINING;
    ev_timer_start(d->drain_end, (int64_t)d->drain_ms);
    d->core->drain(d->arg);
    shell_drive_settle(d);
}

void shell_drive_hold(struct shell_drive *d)
{
    d->held++;
}

void shell_drive_release(void *drive)
{
    struct shell_drive *d = drive;

    if (--d->held == 0)
        shell_stop(d->shell);
}

bool shell_drive_end(struct shell_drive *d)
{
    if (!d->core)
        return false; /* not even tried */
    close_all(d);
    /* Asked to stop again, it may have left the loop before all was closed. */
    while (d->held)
        shell_run(d->shell);
    return !d->storage.refused;
}
