/* The worker's life: start, calls of storage, the core's time, stop. */
#include <stdio.h>
#include <stdlib.h>

#include "ev_timer.h"
#include "worker.h"

/* ---- the core's time ---- */

static void on_tick(void *arg)
{
    struct worker *w = arg;

    wk_core_tick(w->core);
    worker_settle(w);
}

void worker_settle(struct worker *w)
{
    if (w->phase != WORKER_CLOSING)
        ev_loop_later(w->shell.loop, &w->settle);
}

static void close_all(struct worker *w);

static void settle(void *arg)
{
    struct worker *w = arg;
    uint64_t now = (uint64_t)ev_loop_now_ms(w->shell.loop), due = wk_core_due_ms(w->core);

    if (w->phase == WORKER_DRAINING && wk_core_drained(w->core)) {
        close_all(w);
        return;
    }
    if (due == UINT64_MAX)
        ev_timer_stop(w->tick);
    else
        ev_timer_start(w->tick, due > now ? (int64_t)(due - now) : 0);
}

static uint64_t io_now_ms(void *ctx)
{
    struct worker *w = ctx;

    return (uint64_t)ev_loop_now_ms(w->shell.loop);
}

static uint64_t io_random(void *ctx)
{
    struct worker *w = ctx;

    return rng_u64(&w->shell.rng);
}

/* ---- storage ---- */

static void on_done(void *arg, struct storage_call *call)
{
    struct worker *w = arg;

    wk_core_storage_done(w->core, call);
    worker_settle(w);
}

static void on_reconnected(void *arg)
{
    struct worker *w = arg;

    if (w->core)
        wk_core_storage_reconnected(w->core);
}

static void on_state(void *arg, enum backend_server server, enum backend_state state,
                     const char *reason)
{
    struct worker *w = arg;

    shell_storage_state(&w->storage, server, state, reason);
}

static void on_breaker(void *arg, enum backend_server server, enum cluster_breaker_state state)
{
    struct worker *w = arg;

    shell_storage_breaker(&w->storage, server, state);
}

static void on_failure(void *arg, const struct storage_call *call, const char *reason)
{
    struct worker *w = arg;

    shell_storage_failure(&w->storage, call, reason);
}

static const struct backend_events backend_events = {.done = on_done,
                                                     .reconnected = on_reconnected,
                                                     .on_state = on_state,
                                                     .on_breaker = on_breaker,
                                                     .on_failure = on_failure};

/* ---- start ---- */

static bool refuse(struct worker *w, const char *words)
{
    obs_log_event(&w->shell.log, OBS_ERROR, "start-failed", OBS_NO_FIELDS, "%s", words);
    return false;
}

static bool core_start(struct worker *w)
{
    struct wk_config config = {
        .id = w->config.shell.id,
        .address = w->config.link,
        .boot_id = w->shell.boot_id,
        .documents_bytes_max = w->config.documents_bytes_max,
        .tail_bytes_max = w->config.tail_bytes_max,
        .pending_bytes_max = w->config.pending_bytes_max,
        .idle_ms = w->config.idle_ms,
        .revalidate_ms = w->config.revalidate_ms,
        .confirmed_by_replica = w->config.shell.durability == SHELL_REPLICA,
    };
    struct wk_io io = {.ctx = w,
                       .now_ms = io_now_ms,
                       .random = io_random,
                       .storage = backend_storage(w->backend),
                       .send = worker_links_send,
                       .event = worker_event};

    w->core = wk_core_new(&config, &io);
    if (!w->core)
        return refuse(w, "memory is out");
    wk_core_start(w->core);
    worker_settle(w);
    return true;
}

static bool member_check(struct worker *w)
{
    struct cluster_member member;

    if (!w->config.shell.id || !w->config.link)
        return refuse(w, "--id and --link must be given");
    if (cluster_member_make(slice_str(w->config.shell.id), slice_str(w->config.link),
                            w->shell.boot_id, CLUSTER_JOINING, &member))
        return refuse(w, "--id may have letters, digits, '.', '_' and '-'; --link no spaces");
    return true;
}

static bool start(struct worker *w)
{
    struct backend_config config;

    if (!member_check(w) ||
        !shell_storage_config(&w->shell, &w->config.shell, &w->config.postgres, &config))
        return false;
    w->tick = ev_timer_new(w->shell.loop, on_tick, w);
    w->backend = backend_new(w->shell.loop, &config, &backend_events, w);
    if (!w->tick || !w->backend)
        return refuse(w, "memory is out");
    w->open++;
    return worker_links_open(w) && core_start(w);
}

/* ---- stop ---- */

static void on_closed(void *arg)
{
    struct worker *w = arg;

    if (--w->open == 0)
        shell_stop(&w->shell);
}

/* The core first: what it waits for is abandoned. */
static void close_all(struct worker *w)
{
    if (w->phase == WORKER_CLOSING)
        return;
    w->phase = WORKER_CLOSING;
    w->core = wk_core_free(w->core);
    ev_task_cancel(&w->settle);
    if (w->tick)
        w->tick = ev_timer_free(w->tick);
    if (w->drain_end)
        w->drain_end = ev_timer_free(w->drain_end);
    if (w->links.node)
        worker_links_close(w, on_closed);
    if (w->backend)
        backend_close(w->backend, on_closed, w);
}

static void on_drain_end(void *arg)
{
    struct worker *w = arg;

    obs_log_event(&w->shell.log, OBS_WARN, "drain-cut", OBS_NO_FIELDS,
                  "not everything was handed over in time; the next owners load it");
    close_all(w);
}

static void on_stop(void *arg)
{
    struct worker *w = arg;

    w->phase = WORKER_DRAINING;
    w->drain_end = ev_timer_new(w->shell.loop, on_drain_end, w);
    if (!w->drain_end) {
        close_all(w);
        return;
    }
    ev_timer_start(w->drain_end, (int64_t)w->config.drain_ms);
    wk_core_drain(w->core);
    worker_settle(w);
}

static bool ready(void *arg, struct bytes *words)
{
    struct worker *w = arg;

    if (w->phase != WORKER_RUNNING || !shell_storage_ready(w->backend, words))
        return false;
    if (!wk_core_ready(w->core))
        bytes_append_str(words, "not yet live in the view");
    return wk_core_ready(w->core);
}

static const struct shell_service service = {
    .name = "worker", .on_stop = on_stop, .ready = ready, .metrics = worker_metrics};

static int run(struct worker *w)
{
    bool started = shell_start(&w->shell, &service, &w->config.shell, w);

    w->storage.shell = &w->shell;
    list_init(&w->links.gateways);
    ev_task_init(&w->settle, settle, w);
    if (started && start(w)) {
        obs_log_event(&w->shell.log, OBS_INFO, "started",
                      OBS_FIELDS(obs_str("worker", w->config.shell.id),
                                 obs_u64("boot", w->shell.boot_id),
                                 obs_str("link", link_node_address(w->links.node))),
                      "joining the view");
        shell_run(&w->shell);
    } else {
        started = false;
    }
    /* Stopped without a drain, or never started: what is open still has to close. */
    close_all(w);
    if (w->open)
        shell_run(&w->shell);
    shell_end(&w->shell);
    return started && !w->storage.refused ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    struct worker w = {0};
    int status;

    if (shell_configure(&worker_spec, argc, argv, &w.config, &status))
        return status;
    status = run(&w);
    conf_fini(&worker_spec, &w.config);
    return status;
}
