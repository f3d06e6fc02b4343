/* Timers, tasks, wakes, signals, watches, addresses. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "ev_help_test.h"
#include "ev_signal.h"
#include "ev_timer.h"
#include "ev_wake.h"
#include "ev_watch.h"

static char trace[64];

static void trace_add(void *arg)
{
    strcat(trace, arg);
}

START_TEST(timers_fire_in_order_and_stop)
{
    struct ev_timer *a = ev_timer_new(loop, trace_add, (char *)"a"),
                    *b = ev_timer_new(loop, trace_add, (char *)"b");
    struct ev_timer *c = ev_timer_new(loop, trace_add, (char *)"c");

    trace[0] = 0;
    ev_timer_start(a, 30);
    ev_timer_start(b, 10);
    ev_timer_start(c, 20);
    ev_timer_stop(c);
    ck_assert(ev_timer_running(a) && !ev_timer_running(c));
    WAIT(loop, strlen(trace) == 2);
    ck_assert_str_eq(trace, "ba");
    ev_timer_start_every(c, 5);
    WAIT(loop, strlen(trace) == 5);
    ck_assert_str_eq(trace, "baccc");
    ev_timer_start(c, 5);
    WAIT(loop, strlen(trace) == 6);
    ck_assert(!ev_timer_running(c));
    ev_timer_free(a);
    ev_timer_free(b);
    ev_timer_free(c);
}
END_TEST

struct self_freeing {
    struct ev_timer *timer;
    struct ev_alarm *alarm;
    int fired;
};

static void free_self(void *arg)
{
    struct self_freeing *f = arg;

    f->fired++;
    f->timer = ev_timer_free(f->timer);
    f->alarm = ev_alarm_free(f->alarm);
}

START_TEST(timers_may_free_themselves)
{
    struct self_freeing a = {0}, b = {0};

    a.timer = ev_timer_new(loop, free_self, &a);
    b.alarm = ev_alarm_new(loop, free_self, &b);
    ev_timer_start_every(a.timer, 1);
    ev_alarm_start(b.alarm, 10);
    WAIT(loop, a.fired && b.fired);
    for (int i = 0; i < 5; i++)
        ev_loop_step(loop, 2);
    ck_assert_int_eq(a.fired + b.fired, 2);
}
END_TEST

static void count_up(void *arg)
{
    ++*(int *)arg;
}

START_TEST(alarm_counts_microseconds)
{
    int fired = 0;
    int64_t best = INT64_MAX;
    struct ev_alarm *alarm = ev_alarm_new(loop, count_up, &fired);

    for (int i = 1; i <= 20; i++) {
        int64_t start = ev_clock_us();
        ev_alarm_start(alarm, 300);
        WAIT(loop, fired == i);
        int64_t took = ev_clock_us() - start;
        ck_assert_int_ge(took, 300);
        if (took < best)
            best = took;
    }
    ck_assert_int_lt(best, 900);
    ev_alarm_start(alarm, 1000);
    ev_alarm_stop(alarm);
    ev_loop_step(loop, 5);
    ck_assert_int_eq(fired, 20);
    ev_alarm_free(alarm);
}
END_TEST

static struct ev_task task_a, task_b, task_free;

static void task_a_run(void *arg)
{
    strcat(trace, "a");
    if (strlen(trace) < 6)
        ev_loop_later(loop, &task_a);
}

START_TEST(tasks_run_at_the_turns_end)
{
    trace[0] = 0;
    ev_task_init(&task_a, task_a_run, NULL);
    ev_task_init(&task_b, trace_add, (char *)"b");
    ev_task_init(&task_free, trace_add, (char *)"f");
    ev_loop_release(loop, &task_free);
    ev_loop_later(loop, &task_a);
    ev_loop_later(loop, &task_b);
    ev_loop_later(loop, &task_b);
    ev_loop_step(loop, 0);
    ck_assert_str_eq(trace, "abf");
    ev_loop_step(loop, 1000);
    ck_assert_str_eq(trace, "abfa");
    ev_task_cancel(&task_a);
    ev_loop_step(loop, 0);
    ck_assert_str_eq(trace, "abfa");
}
END_TEST

START_TEST(time_stands_still_within_a_turn)
{
    int64_t a = ev_loop_now_us(loop);
    while (ev_clock_us() < a + 2000)
        ;
    ck_assert_int_eq(ev_loop_now_us(loop), a);
    ck_assert_int_eq(ev_loop_now_ms(loop), a / 1000);
    ev_loop_step(loop, 0);
    ck_assert_int_ge(ev_loop_now_us(loop), a + 2000);
}
END_TEST

#define SENDERS 4
#define SENDS 20000

static struct ev_wake *wake;
static pthread_mutex_t wake_lock = PTHREAD_MUTEX_INITIALIZER;
static int produced, consumed, wakes;

static void *sender_run(void *arg)
{
    for (int i = 0; i < SENDS; i++) {
        pthread_mutex_lock(&wake_lock);
        produced++;
        pthread_mutex_unlock(&wake_lock);
        ev_wake_send(wake);
    }
    return NULL;
}

static void woken(void *arg)
{
    wakes++;
    pthread_mutex_lock(&wake_lock);
    consumed += produced;
    produced = 0;
    pthread_mutex_unlock(&wake_lock);
}

START_TEST(wakes_are_merged_and_none_is_lost)
{
    pthread_t threads[SENDERS];

    consumed = wakes = produced = 0;
    wake = ev_wake_new(loop, woken, NULL);
    for (int i = 0; i < SENDERS; i++)
        pthread_create(&threads[i], NULL, sender_run, NULL);
    WAIT(loop, consumed == SENDERS * SENDS);
    for (int i = 0; i < SENDERS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_le(wakes, SENDERS * SENDS);
    wake = ev_wake_free(wake);
}
END_TEST

START_TEST(signals_become_callbacks)
{
    int caught = 0;
    struct ev_signal *sig = ev_signal_new(loop, SIGUSR1, count_up, &caught);

    raise(SIGUSR1);
    WAIT(loop, caught == 1);
    ev_signal_free(sig);
}
END_TEST

static int watch_events;

static void watch_seen(void *arg, int events)
{
    watch_events = events;
}

START_TEST(watch_reports_what_is_asked)
{
    int fds[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    struct ev_watch *watch = ev_watch_new(loop, fds[0], watch_seen, NULL);

    watch_events = 0;
    ck_assert_int_eq(ev_watch_set(watch, EV_WATCH_WRITE), 0);
    WAIT(loop, watch_events == EV_WATCH_WRITE);
    ck_assert_int_eq(ev_watch_set(watch, EV_WATCH_READ), 0);
    watch_events = 0;
    ev_loop_step(loop, 5);
    ck_assert_int_eq(watch_events, 0);
    ck_assert_int_eq(write(fds[1], "x", 1), 1);
    WAIT(loop, watch_events == EV_WATCH_READ);
    ck_assert_int_eq(ev_watch_set(watch, EV_WATCH_READ | EV_WATCH_WRITE), 0);
    WAIT(loop, watch_events == (EV_WATCH_READ | EV_WATCH_WRITE));
    ck_assert_int_eq(ev_watch_set(watch, 0), 0);
    watch_events = 0;
    ev_loop_step(loop, 5);
    ck_assert_int_eq(watch_events, 0);
    ev_watch_free(watch);
    close(fds[0]);
    close(fds[1]);
}
END_TEST

START_TEST(addresses_are_numbers)
{
    static const char *const good[] = {"127.0.0.1:80", "[::1]:65535", "unix:/tmp/x.sock",
                                       "0.0.0.0:0"};
    static const char *const bad[] = {
        "",           "localhost:80", "127.0.0.1", "127.0.0.1:", "[::1:80",        "1.2.3.4:65536",
        "1.2.3.4:+5", "unix:",        "1.2.3:80x", "::1:80",     "1.2.3.4:1234567"};
    struct ev_address address;
    char text[EV_ADDRESS_TEXT_MAX], path[200] = "unix:/";

    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        ck_assert_msg(ev_address_parse(good[i], &address), "%s", good[i]);
        ev_address_format(&address, text);
        ck_assert_str_eq(text, good[i]);
        ck_assert(ev_address_is_local(&address) == (i != 3));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!ev_address_parse(bad[i], &address), "%s", bad[i]);
    memset(path + 6, 'p', 106);
    ck_assert(ev_address_parse(path, &address));
    path[112] = 'p';
    ck_assert(!ev_address_parse(path, &address));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ev loop");
    TCase *tc = tcase_create("all");
    SRunner *runner = srunner_create(suite);

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, timers_fire_in_order_and_stop);
    tcase_add_test(tc, timers_may_free_themselves);
    tcase_add_test(tc, alarm_counts_microseconds);
    tcase_add_test(tc, tasks_run_at_the_turns_end);
    tcase_add_test(tc, time_stands_still_within_a_turn);
    tcase_add_test(tc, wakes_are_merged_and_none_is_lost);
    tcase_add_test(tc, signals_become_callbacks);
    tcase_add_test(tc, watch_reports_what_is_asked);
    tcase_add_test(tc, addresses_are_numbers);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
