/*
 * The loop around libevent's. libevent has no hook after its dispatch, so each turn is one
 * EVLOOP_ONCE and the end of the turn is ours.
 *
 * libevent runs without its lock (nothing but the eventfd of ev_wake crosses threads) and with the
 * epoll changelist, which folds a del and an add of the same turn into one system call or none.
 * The changelist forbids watching a duplicate of a watched descriptor; nobody here uses dup().
 */
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <time.h>

#include "ev_internal.h"

#define READ_SIZE_DEFAULT (64 * 1024)
#define OUT_BYTES_DEFAULT (256u * 1024 * 1024)
#define CLOSE_MS_DEFAULT 5000

int64_t ev_clock_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void step_expired(evutil_socket_t fd, short what, void *arg)
{
    /* Its only work is to end the wait. */
}

static struct event_base *base_new(void)
{
    struct event_config *config = event_config_new();
    struct event_base *base = NULL;

    if (config && event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK |
                                                    EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST) == 0)
        base = event_base_new_with_config(config);
    if (config)
        event_config_free(config);
    return base;
}

struct ev_loop *ev_loop_new(const struct ev_loop_config *config)
{
    static const struct ev_loop_config defaults;
    struct ev_loop *loop = calloc(1, sizeof *loop);

    if (!loop)
        return NULL;
    if (!config)
        config = &defaults;
    loop->read_size = config->read_size ? config->read_size : READ_SIZE_DEFAULT;
    loop->out_bytes_max = config->out_bytes_max ? config->out_bytes_max : OUT_BYTES_DEFAULT;
    loop->stats.out_bytes_max = loop->out_bytes_max;
    loop->close_ms = config->close_ms ? config->close_ms : CLOSE_MS_DEFAULT;
    list_init(&loop->later);
    list_init(&loop->release);
    list_init(&loop->dirty);
    list_init(&loop->closing);
    list_init(&loop->dead);
    loop->read_buffer = malloc(loop->read_size);
    loop->base = base_new();
    if (!loop->read_buffer || !loop->base) {
        if (loop->base)
            event_base_free(loop->base);
        free(loop->read_buffer);
        free(loop);
        return NULL;
    }
    event_assign(&loop->step_timer, loop->base, -1, 0, step_expired, loop);
    event_assign(&loop->close_timer, loop->base, -1, 0, ev_streams_expire, loop);
    return loop;
}

void ev_loop_set_out_max(struct ev_loop *loop, size_t out_bytes_max)
{
    MUST(loop->stats.out_bytes == 0);
    loop->out_bytes_max = loop->stats.out_bytes_max = out_bytes_max;
}

void ev_task_init(struct ev_task *task, void (*run)(void *arg), void *arg)
{
    list_init(&task->link);
    task->run = run;
    task->arg = arg;
}

void ev_task_cancel(struct ev_task *task)
{
    list_remove(&task->link);
}

void ev_loop_later(struct ev_loop *loop, struct ev_task *task)
{
    if (list_empty(&task->link))
        list_push_back(&loop->later, &task->link);
}

void ev_loop_release(struct ev_loop *loop, struct ev_task *task)
{
    if (list_empty(&task->link))
        list_push_back(&loop->release, &task->link);
}

/* Runs what is queued now; what the tasks queue waits for the next turn. */
static void tasks_run(struct list *tasks)
{
    struct list now;

    list_init(&now);
    list_splice_back(&now, tasks);
    while (!list_empty(&now)) {
        struct ev_task *task = list_entry(now.next, struct ev_task, link);
        list_remove(&task->link);
        task->run(task->arg);
    }
}

static bool has_work(const struct ev_loop *loop)
{
    return !list_empty(&loop->later) || !list_empty(&loop->release) || !list_empty(&loop->dirty) ||
           !list_empty(&loop->dead);
}

static void turn_end(struct ev_loop *loop)
{
    int64_t begun_us = loop->now_us;

    tasks_run(&loop->later);
    ev_streams_flush(loop);
    ev_streams_bury(loop);
    tasks_run(&loop->release);
    loop->stats.turns++;
    if (begun_us)
        obs_hist_add(&loop->stats.turn_us, (uint64_t)(ev_clock_us() - begun_us));
    loop->now_us = 0;
}

static void turn(struct ev_loop *loop, bool wait)
{
    int flags = EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY;

    if (!wait || has_work(loop))
        flags |= EVLOOP_NONBLOCK;
    /* The time read before the wait is not the time after it. */
    loop->now_us = 0;
    MUST(event_base_loop(loop->base, flags) >= 0);
    turn_end(loop);
}

void ev_loop_run(struct ev_loop *loop)
{
    loop->stopped = false;
    while (!loop->stopped)
        turn(loop, true);
}

void ev_loop_step(struct ev_loop *loop, int64_t wait_ms)
{
    struct timeval wait = ev_timeval(wait_ms * 1000);

    if (wait_ms > 0)
        MUST(event_add(&loop->step_timer, &wait) == 0);
    turn(loop, wait_ms > 0);
    event_del(&loop->step_timer);
}

void ev_loop_stop(struct ev_loop *loop)
{
    loop->stopped = true;
}

struct ev_loop *ev_loop_free(struct ev_loop *loop)
{
    if (!loop)
        return NULL;
    /* Announcing an end may queue more; each round works on what the one before left. */
    while (has_work(loop))
        turn_end(loop);
    event_del(&loop->step_timer);
    event_del(&loop->close_timer);
    MUST(loop->stats.live == 0);
    event_base_free(loop->base);
    free(loop->read_buffer);
    free(loop);
    return NULL;
}

int64_t ev_loop_now_us(struct ev_loop *loop)
{
    ev_turn_begin(loop);
    return loop->now_us;
}

int64_t ev_loop_now_ms(struct ev_loop *loop)
{
    return ev_loop_now_us(loop) / 1000;
}

struct ev_loop_stats *ev_loop_stats(struct ev_loop *loop)
{
    return &loop->stats;
}
