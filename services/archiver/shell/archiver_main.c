/*
 * The archiver's life: brings the schema up, then drives the core until it is asked to stop.
 *
 * PostgreSQL is waited for, with the admin port answering; where it cannot be reached for
 * migrate_ms the process gives up, and whoever started it starts it again.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "archiver.h"
#include "archiver_metrics.h"
#include "ev_timer.h"

#define MIGRATE_RETRY_MS 500

/* ---- the core, as shell_drive.h calls it ---- */

static void core_tick(void *arg)
{
    ar_core_tick(((struct archiver *)arg)->core);
}

static uint64_t core_due_ms(void *arg)
{
    return ar_core_due_ms(((struct archiver *)arg)->core);
}

static void core_storage_done(void *arg, struct storage_call *call)
{
    ar_core_storage_done(((struct archiver *)arg)->core, call);
}

static void core_reconnected(void *arg)
{
    ar_core_storage_reconnected(((struct archiver *)arg)->core);
}

static void core_drain(void *arg)
{
    ar_core_drain(((struct archiver *)arg)->core);
}

static bool core_drained(void *arg)
{
    return ar_core_drained(((struct archiver *)arg)->core);
}

static void core_close(void *arg)
{
    struct archiver *a = arg;

    a->core = ar_core_free(a->core);
}

static const struct shell_drive_core drive_core = {.tick = core_tick,
                                                   .due_ms = core_due_ms,
                                                   .storage_done = core_storage_done,
                                                   .reconnected = core_reconnected,
                                                   .drain = core_drain,
                                                   .drained = core_drained,
                                                   .close = core_close};

/* ---- start ---- */

static uint64_t io_now_ms(void *ctx)
{
    struct archiver *a = ctx;

    return (uint64_t)ev_loop_now_ms(a->shell.loop);
}

static uint64_t io_wall_ms(void *ctx)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static uint64_t io_random(void *ctx)
{
    struct archiver *a = ctx;

    return rng_u64(&a->shell.rng);
}

static bool refuse(struct archiver *a, const char *words)
{
    obs_log_event(&a->shell.log, OBS_ERROR, "start-failed", OBS_NO_FIELDS, "%s", words);
    return false;
}

static bool core_start(struct archiver *a)
{
    struct ar_config config = {
        .lease_ms = a->config.lease_ms,
        .jobs_max = (uint32_t)a->config.jobs_max,
        .entries_max = (uint64_t)a->config.entries_max,
        .snapshot_revs = (uint64_t)a->config.snapshot_revs,
        .snapshot_bytes = a->config.snapshot_bytes,
        .poll_ms = a->config.poll_ms,
        .sweep_ms = a->config.sweep_ms,
        .cache_bytes_max = a->config.cache_bytes_max,
    };
    struct ar_io io = {.ctx = a,
                       .now_ms = io_now_ms,
                       .wall_ms = io_wall_ms,
                       .random = io_random,
                       .storage = backend_storage(a->drive.backend),
                       .event = archiver_event};

    a->core = ar_core_new(&config, &io);
    if (!a->core)
        return refuse(a, "memory is out");
    ar_core_start(a->core);
    shell_drive_settle(&a->drive);
    return true;
}

static bool drive_start(struct archiver *a)
{
    return shell_drive_start(&a->drive, &a->shell, &drive_core, a, &a->storage,
                             a->config.drain_ms) &&
           core_start(a);
}

static void migrated(void *arg, int outcome, unsigned applied, const char *error)
{
    struct archiver *a = arg;

    a->migration = pg_migration_free(a->migration);
    if (outcome == -ENOTCONN && ev_clock_us() / 1000 < a->migrate_end_ms) {
        obs_log_event(&a->shell.log, OBS_WARN, "migrate-waiting", OBS_NO_FIELDS,
                      "%s; trying again in %d ms", error, MIGRATE_RETRY_MS);
        ev_timer_start(a->migrate, MIGRATE_RETRY_MS);
        return;
    }
    if (outcome) {
        (void)refuse(a, error);
        shell_stop(&a->shell);
        return;
    }
    obs_log_event(&a->shell.log, OBS_INFO, "migrated",
                  OBS_FIELDS(obs_u64("version", pg_schema_version()), obs_u64("applied", applied)),
                  "the schema is there; claiming");
    a->migrated = drive_start(a);
    if (!a->migrated)
        shell_stop(&a->shell);
}

static void migrate(void *arg)
{
    struct archiver *a = arg;

    a->migration = pg_migration_new(a->shell.loop, a->storage.postgres.conninfo, migrated, a);
    if (!a->migration) {
        (void)refuse(a, "memory is out");
        shell_stop(&a->shell);
    }
}

/* All options are looked at before anything is waited for: no server makes a bad one good. */
static bool start(struct archiver *a)
{
    if (!a->config.shell.id)
        return refuse(a, "--id must be given");
    if (!shell_storage_config(&a->shell, &a->config.shell, &a->config.postgres, &a->storage))
        return false;
    /* Each document being committed holds a lock, and so a connection; one is kept for reads. */
    a->storage.postgres.connections =
        (unsigned)(a->config.jobs_max < PG_CONNECTIONS_MAX ? a->config.jobs_max + 1
                                                           : PG_CONNECTIONS_MAX);
    a->migrate = ev_timer_new(a->shell.loop, migrate, a);
    if (!a->migrate)
        return refuse(a, "memory is out");
    a->migrate_end_ms = ev_clock_us() / 1000 + (int64_t)a->config.migrate_ms;
    ev_timer_start(a->migrate, 0);
    return true;
}

/* ---- the process ---- */

static void on_stop(void *arg)
{
    struct archiver *a = arg;

    if (a->migrated)
        shell_drive_stop(&a->drive);
    else
        shell_stop(&a->shell);
}

static bool ready(void *arg, struct bytes *words)
{
    struct archiver *a = arg;

    if (!a->migrated) {
        bytes_append_str(words, "PostgreSQL's schema is not there yet");
        return false;
    }
    return a->drive.phase == SHELL_RUNNING && shell_storage_ready(a->drive.backend, words);
}

static const struct shell_service service = {
    .name = "archiver", .on_stop = on_stop, .ready = ready, .metrics = archiver_metrics};

static bool run(struct archiver *a)
{
    bool good = shell_start(&a->shell, &service, &a->config.shell, a) && start(a);

    if (good) {
        obs_log_event(&a->shell.log, OBS_INFO, "started",
                      OBS_FIELDS(obs_str("archiver", a->config.shell.id)), "looking at the schema");
        shell_run(&a->shell);
        /* Asked to stop before there was a schema is no failure; not getting one is. */
        good = a->migrated ? shell_drive_end(&a->drive) : a->shell.stopping;
    }
    a->migration = pg_migration_free(a->migration);
    if (a->migrate)
        a->migrate = ev_timer_free(a->migrate);
    shell_end(&a->shell);
    return good;
}

int main(int argc, char **argv)
{
    struct archiver a = {0};
    int status;

    if (shell_configure(&archiver_spec, argc, argv, &a.config, &status))
        return status;
    status = run(&a) ? EXIT_SUCCESS : EXIT_FAILURE;
    conf_fini(&archiver_spec, &a.config);
    return status;
}
