/*
 * Timers. libevent counts its waits in milliseconds (epoll_wait), so the microsecond alarm is a
 * timerfd. Memory of a freed timer goes at the end of the turn: its callback may be on the stack.
 */
#include "ev_timer.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "ev_internal.h"

struct ev_timer {
    struct event event;
    struct ev_loop *loop; /* borrowed */
    void (*fire)(void *arg);
    void *arg;
    struct ev_task release;
    bool every;
};

static void timer_fired(evutil_socket_t fd, short what, void *arg)
{
    struct ev_timer *timer = arg;

    ev_turn_begin(timer->loop);
    timer->fire(timer->arg);
}

static void timer_release(void *arg)
{
    struct ev_timer *timer = arg;

    ev_live_remove(timer->loop);
    free(timer);
}

struct ev_timer *ev_timer_new(struct ev_loop *loop, void (*fire)(void *arg), void *arg)
{
    struct ev_timer *timer = calloc(1, sizeof *timer);

    if (!timer)
        return NULL;
    timer->loop = loop;
    timer->fire = fire;
    timer->arg = arg;
    ev_task_init(&timer->release, timer_release, timer);
    event_assign(&timer->event, loop->base, -1, 0, timer_fired, timer);
    ev_live_add(loop);
    return timer;
}

struct ev_timer *ev_timer_free(struct ev_timer *timer)
{
    if (!timer)
        return NULL;
    event_del(&timer->event);
    ev_loop_release(timer->loop, &timer->release);
    return NULL;
}

static void timer_start(struct ev_timer *timer, int64_t ms, bool every)
{
    struct timeval delay = ev_timeval(ms > 0 ? ms * 1000 : 0);

    event_del(&timer->event);
    if (timer->every != every) {
        event_assign(&timer->event, timer->loop->base, -1, every ? EV_PERSIST : 0, timer_fired,
                     timer);
        timer->every = every;
    }
    /* Fails only when the heap of timers cannot grow: at start-up, where that ends the process. */
    MUST(event_add(&timer->event, &delay) == 0);
}

void ev_timer_start(struct ev_timer *timer, int64_t delay_ms)
{
    timer_start(timer, delay_ms, false);
}

void ev_timer_start_every(struct ev_timer *timer, int64_t period_ms)
{
    MUST(period_ms > 0);
    timer_start(timer, period_ms, true);
}

void ev_timer_stop(struct ev_timer *timer)
{
    event_del(&timer->event);
}

bool ev_timer_running(const struct ev_timer *timer)
{
    return event_pending(&timer->event, EV_TIMEOUT, NULL) != 0;
}

struct ev_alarm {
    struct event event;
    struct ev_loop *loop; /* borrowed */
    void (*fire)(void *arg);
    void *arg;
    struct ev_task release;
    int fd; /* owned: timerfd */
};

static void alarm_fired(evutil_socket_t fd, short what, void *arg)
{
    struct ev_alarm *alarm = arg;
    uint64_t count;

    ev_turn_begin(alarm->loop);
    /* Stopped or moved since epoll reported it: nothing to read. */
    if (read(fd, &count, sizeof count) == sizeof count)
        alarm->fire(alarm->arg);
}

static void alarm_release(void *arg)
{
    struct ev_alarm *alarm = arg;

    ev_live_remove(alarm->loop);
    free(alarm);
}

struct ev_alarm *ev_alarm_new(struct ev_loop *loop, void (*fire)(void *arg), void *arg)
{
    struct ev_alarm *alarm = calloc(1, sizeof *alarm);

    if (!alarm)
        return NULL;
    alarm->loop = loop;
    alarm->fire = fire;
    alarm->arg = arg;
    ev_task_init(&alarm->release, alarm_release, alarm);
    alarm->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (alarm->fd < 0)
        goto fail;
    event_assign(&alarm->event, loop->base, alarm->fd, EV_READ | EV_PERSIST, alarm_fired, alarm);
    if (event_add(&alarm->event, NULL) < 0)
        goto fail_fd;
    ev_live_add(loop);
    return alarm;

fail_fd:
    close(alarm->fd);
fail:
    free(alarm);
    return NULL;
}

struct ev_alarm *ev_alarm_free(struct ev_alarm *alarm)
{
    if (!alarm)
        return NULL;
    event_del(&alarm->event);
    close(alarm->fd);
    ev_loop_release(alarm->loop, &alarm->release);
    return NULL;
}

static void alarm_set(struct ev_alarm *alarm, int64_t us)
{
    struct itimerspec when = {
        .it_value = {.tv_sec = us / 1000000, .tv_nsec = (us % 1000000) * 1000}};

    MUST(timerfd_settime(alarm->fd, 0, &when, NULL) == 0);
}

void ev_alarm_start(struct ev_alarm *alarm, int64_t delay_us)
{
    /* Zero would disarm it. */
    alarm_set(alarm, delay_us > 0 ? delay_us : 1);
}

void ev_alarm_stop(struct ev_alarm *alarm)
{
    alarm_set(alarm, 0);
}
