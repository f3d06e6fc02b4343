/*
 * A service's process: loop, log, signals and the admin port. One per process, one thread.
 *
 *     shell_start   ->   shell_run: turns until shell_stop   ->   shell_end
 *
 * SIGTERM and SIGINT ask the service to stop (on_stop, once; a second signal asks for the end at
 * once: shell_stop). SIGPIPE is ignored. The admin port answers
 *
 *     /healthz   200 while the loop turns: whoever restarts on its failure asks this
 *     /readyz    200, or 503 with what is missing: whoever routes traffic asks this
 *     /metrics   Prometheus' text form
 *     /dashboard a page for people (shell_dashboard.h)
 *
 * and takes by POST what the service's `command` knows. Who may reach a loopback port of the
 * machine may command; pages of browsers may not (ev_http.h).
 */
#ifndef WEFT_SHELL_H
#define WEFT_SHELL_H

#include "ev_loop.h"
#include "obs_log.h"
#include "rng.h"
#include "shell_options.h"

struct cluster_view;
struct ev_http;
struct ev_signal;
struct ev_timer;

struct shell_service {
    const char *name; /* "gateway", "worker", "archiver": in logs */
    /* A signal asked for the end: drain, then shell_stop(). */
    void (*on_stop)(void *arg);
    /* False: not ready, and words have been appended. */
    bool (*ready)(void *arg, struct bytes *words);
    void (*metrics)(void *arg, struct bytes *out);
    /* The view that is followed; NULL: none now. May itself be NULL. */
    const struct cluster_view *(*view)(void *arg);
    /* Of POST path. Appends what became of it, in words, and returns the HTTP status; 404: there is
     * no such command. May itself be NULL. */
    int (*command)(void *arg, const char *path, struct slice body, struct bytes *words);
};

struct shell {
    const struct shell_service *service; /* borrowed: static */
    void *arg;
    struct ev_loop *loop; /* owned */
    struct obs_log log;
    struct rng rng;   /* jitter; seeded from the kernel */
    uint64_t boot_id; /* of this run: random, not 0 */
    int64_t start_us; /* since 1970 */
    /* private */
    struct ev_signal *terminate, *interrupt; /* owned */
    struct ev_timer *flush;                  /* owned */
    struct ev_http *admin;                   /* owned */
    char *admin_file;                        /* owned; removed at the end */
    bool stopping;
};

/*
 * False: the process cannot start, and a line on stderr says why. Raises the limit of open files to
 * what is allowed. `options` is borrowed during the call; id and redis must have been checked by
 * the service.
 */
MUST_CHECK bool shell_start(struct shell *s, const struct shell_service *service,
                            const struct shell_options *options, void *arg);
/* Until shell_stop(). */
void shell_run(struct shell *s);
void shell_stop(struct shell *s);
/* Everything made on the loop must be closed. For a shell that did not start, too. */
void shell_end(struct shell *s);

#endif
