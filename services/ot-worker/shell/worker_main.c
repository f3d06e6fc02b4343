/* The worker's life: start and end. What happens between is in the other files. */
#include <stdlib.h>

#include "worker.h"
#include "worker_metrics.h"

/* ---- the core, as shell_drive.h calls it ---- */

static void core_tick(void *arg)
{
    wk_core_tick(((struct worker *)arg)->core);
}

static uint64_t core_due_ms(void *arg)
{
    return wk_core_due_ms(((struct worker *)arg)->core);
}

static void core_storage_done(void *arg, struct storage_call *call)
{
    wk_core_storage_done(((struct worker *)arg)->core, call);
}

static void core_reconnected(void *arg)
{
    wk_core_storage_reconnected(((struct worker *)arg)->core);
}

static void core_drain(void *arg)
{
    wk_core_drain(((struct worker *)arg)->core);
}

static bool core_drained(void *arg)
{
    return wk_core_drained(((struct worker *)arg)->core);
}

static void core_close(void *arg)
{
    struct worker *w = arg;

    w->core = wk_core_free(w->core);
    if (w->links.node)
        worker_links_close(w);
}

static const struct shell_drive_core drive_core = {.tick = core_tick,
                                                   .due_ms = core_due_ms,
                                                   .storage_done = core_storage_done,
                                                   .reconnected = core_reconnected,
                                                   .drain = core_drain,
                                                   .drained = core_drained,
                                                   .close = core_close};

/* ---- start ---- */

static uint64_t io_now_us(void *ctx)
{
    struct worker *w = ctx;

    return (uint64_t)ev_loop_now_us(w->shell.loop);
}

static uint64_t io_clock_us(void *ctx)
{
    (void)ctx;
    return (uint64_t)ev_clock_us();
}

static uint64_t io_random(void *ctx)
{
    struct worker *w = ctx;

    return rng_u64(&w->shell.rng);
}

static bool refuse(struct worker *w, const char *words)
{
    obs_log_event(&w->shell.log, OBS_ERROR, "start-failed", OBS_NO_FIELDS, "%s", words);
    return false;
}

static bool core_start(struct worker *w)
{
    struct wk_config config = {
        .id = w->config.shell.id,
        .address = w->config.link.address,
        .boot_id = w->shell.boot_id,
        .documents_bytes_max = w->config.documents_bytes_max,
        .tail_bytes_max = w->config.tail_bytes_max,
        .pending_bytes_max = w->config.pending_bytes_max,
        .idle_ms = w->config.idle_ms,
        .revalidate_ms = w->config.revalidate_ms,
        .commit_ms = w->config.commit_ms,
        .confirmed_by_replica = w->config.shell.durability == SHELL_REPLICA,
    };
    struct wk_io io = {.ctx = w,
                       .now_us = io_now_us,
                       .clock_us = io_clock_us,
                       .random = io_random,
                       .storage = backend_storage(w->drive.backend),
                       .send = worker_links_send,
                       .event = worker_event};

    w->core = wk_core_new(&config, &io);
    if (!w->core)
        return refuse(w, "memory is out");
    wk_core_start(w->core);
    shell_drive_settle(&w->drive);
    return true;
}

static bool member_check(struct worker *w)
{
    struct cluster_member member;

    if (!w->config.shell.id || !w->config.link.address)
        return refuse(w, "--id and --link must be given");
    if (cluster_member_make(slice_str(w->config.shell.id), slice_str(w->config.link.address),
                            w->shell.boot_id, CLUSTER_JOINING, &member))
        return refuse(w, "--id may have letters, digits, '.', '_' and '-'; --link no spaces");
    return true;
}

static bool start(struct worker *w)
{
    struct backend_config config;

    return member_check(w) &&
           shell_storage_config(&w->shell, &w->config.shell, &w->config.postgres, &config) &&
           shell_drive_start(&w->drive, &w->shell, &drive_core, w, &config, w->config.drain_ms) &&
           worker_links_open(w) && core_start(w);
}

/* ---- the process ---- */

static void on_stop(void *arg)
{
    struct worker *w = arg;

    shell_drive_stop(&w->drive);
}

static bool ready(void *arg, struct bytes *words)
{
    struct worker *w = arg;

    if (w->drive.phase != SHELL_RUNNING || !shell_storage_ready(w->drive.backend, words))
        return false;
    if (!wk_core_ready(w->core))
        bytes_append_str(words, "not yet live in the view");
    return wk_core_ready(w->core);
}

static const struct cluster_view *view(void *arg)
{
    struct worker *w = arg;

    return w->core ? wk_core_view(w->core) : NULL;
}

static const struct shell_service service = {.name = "worker",
                                             .on_stop = on_stop,
                                             .ready = ready,
                                             .metrics = worker_metrics,
                                             .view = view,
                                             .command = worker_command};

static bool run(struct worker *w)
{
    bool started = shell_start(&w->shell, &service, &w->config.shell, w) && start(w);

    if (started) {
        obs_log_event(&w->shell.log, OBS_INFO, "started",
                      OBS_FIELDS(obs_str("worker", w->config.shell.id),
                                 obs_boot("boot", w->shell.boot_id),
                                 obs_str("link", link_node_address(w->links.node))),
                      "joining the view");
        shell_run(&w->shell);
    }
    bool good = shell_drive_end(&w->drive);
    shell_end(&w->shell);
    return started && good;
}

int main(int argc, char **argv)
{
    struct worker w = {0};
    int status;

    if (shell_configure(&worker_spec, argc, argv, &w.config, &status))
        return status;
    list_init(&w.links.gateways);
    status = run(&w) ? EXIT_SUCCESS : EXIT_FAILURE;
    conf_fini(&worker_spec, &w.config);
    return status;
}
