/*
 * Timers of a loop, in two grains. `ev_timer` counts milliseconds and costs no system call;
 * `ev_alarm` counts microseconds (the loop's wait cannot) and costs one per start.
 *
 * Free may be called from the timer's own callback; after stop or free it does not fire.
 */
#ifndef WEFT_EV_TIMER_H
#define WEFT_EV_TIMER_H

#include <stdbool.h>
#include <stdint.h>

struct ev_loop;
struct ev_timer;
struct ev_alarm;

/* NULL when memory is out. Not started. */
struct ev_timer *ev_timer_new(struct ev_loop *loop, void (*fire)(void *arg), void *arg);
struct ev_timer *ev_timer_free(struct ev_timer *timer);
/* Starting a running timer moves it. */
void ev_timer_start(struct ev_timer *timer, int64_t delay_ms);
/* Again and again, first after one period. A loop that was busy for several periods fires once. */
void ev_timer_start_every(struct ev_timer *timer, int64_t period_ms);
void ev_timer_stop(struct ev_timer *timer);
bool ev_timer_running(const struct ev_timer *timer);

/* NULL when memory or file descriptors are out. */
struct ev_alarm *ev_alarm_new(struct ev_loop *loop, void (*fire)(void *arg), void *arg);
struct ev_alarm *ev_alarm_free(struct ev_alarm *alarm);
void ev_alarm_start(struct ev_alarm *alarm, int64_t delay_us);
void ev_alarm_stop(struct ev_alarm *alarm);

#endif
