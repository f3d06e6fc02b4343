#include "shell.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "ev_http.h"
#include "ev_signal.h"
#include "ev_timer.h"
#include "obs_metrics.h"
#include "shell_dashboard.h"
#include "shell_metrics.h"

/* How often records held back by the log's rate limit are told of. */
#define FLUSH_MS 5000

static uint64_t wall_us(void *context)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void log_start(struct shell *s, const struct shell_options *options)
{
    struct obs_log_config config = {.fd = STDERR_FILENO,
                                    .format = (enum obs_log_format)options->log_format,
                                    .level = (enum obs_level)options->log_level,
                                    .per_second = (uint32_t)options->log_per_second,
                                    .now_us = wall_us};

    obs_log_init(&s->log, &config);
}

static bool refuse(struct shell *s, const char *what, const char *subject, int error)
{
    obs_log_event(&s->log, OBS_ERROR, "start-failed", OBS_FIELDS(obs_str("what", subject)),
                  "%s: %s", what, strerror(error));
    return false;
}

/* ---- signals ---- */

static void on_signal(void *arg)
{
    struct shell *s = arg;

    if (s->stopping) {
        obs_log_event(&s->log, OBS_WARN, "stop-now", OBS_NO_FIELDS, "asked twice: ending at once");
        shell_stop(s);
        return;
    }
    s->stopping = true;
    obs_log_event(&s->log, OBS_INFO, "stopping", OBS_FIELDS(obs_str("service", s->service->name)),
                  "asked to; finishing what is under way");
    s->service->on_stop(s->arg);
}

static void on_flush(void *arg)
{
    struct shell *s = arg;

    obs_log_flush(&s->log);
}

static bool signals_start(struct shell *s)
{
    signal(SIGPIPE, SIG_IGN);
    s->terminate = ev_signal_new(s->loop, SIGTERM, on_signal, s);
    s->interrupt = ev_signal_new(s->loop, SIGINT, on_signal, s);
    s->flush = ev_timer_new(s->loop, on_flush, s);
    if (!s->terminate || !s->interrupt || !s->flush)
        return refuse(s, "signals cannot be handled", "signals", errno);
    ev_timer_start_every(s->flush, FLUSH_MS);
    return true;
}

/* ---- admin port ---- */

static void command(struct shell *s, const struct ev_http_request *request,
                    struct ev_http_reply *reply)
{
    reply->status = s->service->command
                        ? s->service->command(s->arg, request->path, request->body, &reply->body)
                        : 404;
    if (reply->status == 404)
        bytes_append_str(&reply->body, "there is no such command\n");
}

static void answer(void *arg, const struct ev_http_request *request, struct ev_http_reply *reply)
{
    struct shell *s = arg;
    const char *path = request->path;

    if (request->post) {
        command(s, request, reply);
    } else if (strcmp(path, "/healthz") == 0) {
        bytes_append_str(&reply->body, "ok\n");
    } else if (strcmp(path, "/readyz") == 0) {
        if (s->stopping)
            bytes_append_str(&reply->body, "stopping");
        bool ready = !s->stopping && s->service->ready(s->arg, &reply->body);
        reply->status = ready ? 200 : 503;
        bytes_append_str(&reply->body, ready ? "ok\n" : "\n");
    } else if (strcmp(path, "/metrics") == 0) {
        reply->content_type = OBS_METRICS_CONTENT_TYPE;
        reply->to_local_pages = true;
        s->service->metrics(s->arg, &reply->body);
        shell_process_metrics(s, &reply->body);
    } else if (!shell_dashboard_answer(s, path, reply)) {
        reply->status = 404;
        bytes_append_str(&reply->body, "here are /healthz, /readyz, /metrics and /dashboard\n");
    }
}

/* Whole or not at all: a reader never sees half an address. */
static bool admin_file_write(struct shell *s, const char *path, const char *text)
{
    char temporary[4200];

    snprintf(temporary, sizeof temporary, "%s.new", path);
    FILE *file = fopen(temporary, "w");
    if (!file)
        return refuse(s, "the file for the admin address cannot be written", path, errno);
    bool good = fprintf(file, "%s\n", text) > 0;
    good = fclose(file) == 0 && good && rename(temporary, path) == 0;
    if (!good)
        return refuse(s, "the file for the admin address cannot be written", path, errno);
    s->admin_file = strdup(path);
    return s->admin_file != NULL;
}

static bool admin_start(struct shell *s, const struct shell_options *options)
{
    struct ev_address address;
    char text[EV_ADDRESS_TEXT_MAX];

    if (!ev_address_parse(options->admin, &address))
        return refuse(s, "--admin is not ADDRESS:PORT in numbers", options->admin, EINVAL);
    int rc = ev_http_new(s->loop, &address, false, answer, s, &s->admin);
    if (rc)
        return refuse(s, rc == -EACCES ? "--admin must be a loopback address" : "--admin", //
                      options->admin, -rc);
    ev_http_address(s->admin, &address);
    ev_address_format(&address, text);
    obs_log_event(&s->log, OBS_INFO, "admin", OBS_FIELDS(obs_str("address", text)),
                  "health, readiness and metrics are here");
    return !options->admin_file || admin_file_write(s, options->admin_file, text);
}

/* ---- life ---- */

static void open_files_raise(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

bool shell_start(struct shell *s, const struct shell_service *service,
                 const struct shell_options *options, void *arg)
{
    uint64_t random[2];

    *s = (struct shell){.service = service, .arg = arg, .start_us = (int64_t)wall_us(NULL)};
    log_start(s, options);
    open_files_raise();
    if (getrandom(random, sizeof random, 0) != sizeof random)
        return refuse(s, "no randomness", "getrandom", errno);
    rng_init(&s->rng, random[0]);
    s->boot_id = random[1] ? random[1] : 1;
    s->loop = ev_loop_new(NULL);
    if (!s->loop)
        return refuse(s, "no event loop", "loop", errno);
    return signals_start(s) && admin_start(s, options);
}

void shell_run(struct shell *s)
{
    ev_loop_run(s->loop);
}

void shell_stop(struct shell *s)
{
    ev_loop_stop(s->loop);
}

void shell_end(struct shell *s)
{
    obs_log_flush(&s->log);
    if (s->admin)
        s->admin = ev_http_free(s->admin);
    if (s->admin_file)
        (void)unlink(s->admin_file);
    free(s->admin_file);
    s->admin_file = NULL;
    if (s->terminate)
        s->terminate = ev_signal_free(s->terminate);
    if (s->interrupt)
        s->interrupt = ev_signal_free(s->interrupt);
    if (s->flush)
        s->flush = ev_timer_free(s->flush);
    if (s->loop)
        s->loop = ev_loop_free(s->loop);
}
