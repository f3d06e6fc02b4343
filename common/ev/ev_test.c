#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ev_http.h"
#include "ev_listen.h"
#include "ev_loop.h"
#include "ev_signal.h"
#include "ev_stream.h"
#include "ev_timer.h"
#include "ev_wake.h"
#include "ev_watch.h"
#include "rng.h"

#define DEADLINE_US (20 * 1000000)

/* Turns the loop until cond holds; fails the test after the deadline. */
#define WAIT(loop, cond)                                                                           \
    do {                                                                                           \
        int64_t until_us = ev_clock_us() + DEADLINE_US;                                            \
        while (!(cond)) {                                                                          \
            ck_assert_msg(ev_clock_us() < until_us, "waited too long for " #cond);                 \
            ev_loop_step(loop, 100);                                                               \
        }                                                                                          \
    } while (0)

static struct ev_loop *loop;

static void setup(void)
{
    loop = ev_loop_new(NULL);
    ck_assert_ptr_nonnull(loop);
}

static void teardown(void)
{
    /* MUSTs that nothing is alive. */
    loop = ev_loop_free(loop);
}

/* ---- timers, tasks, wakes ------------------------------------------------------------------- */

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

/* ---- streams -------------------------------------------------------------------------------- */

/* One end of a connection under test. */
struct end {
    struct ev_stream *stream;
    struct bytes in;
    size_t in_size;
    bool keep, connected, eof;
    int closed, drained, reason;
    bool close_on_read, close_on_eof;
};

static void end_read(struct ev_stream *s, void *arg, struct slice in)
{
    struct end *e = arg;

    e->in_size += in.size;
    if (e->keep)
        bytes_append_slice(&e->in, in);
    if (e->close_on_read)
        ev_stream_close(s);
}

static void end_connected(struct ev_stream *s, void *arg)
{
    ((struct end *)arg)->connected = true;
}

static void end_eof(struct ev_stream *s, void *arg)
{
    struct end *e = arg;

    e->eof = true;
    if (e->close_on_eof)
        ev_stream_close_after_flush(s);
}

static void end_drained(struct ev_stream *s, void *arg)
{
    ((struct end *)arg)->drained++;
}

static void end_closed(struct ev_stream *s, void *arg, int reason)
{
    struct end *e = arg;

    e->closed++;
    e->reason = reason;
    e->stream = NULL;
}

static const struct ev_stream_kind end_kind = {
    .on_read = end_read,
    .on_connected = end_connected,
    .on_eof = end_eof,
    .on_drained = end_drained,
    .on_closed = end_closed,
    .out_high = 64 * 1024,
    .out_max = 8 * 1024 * 1024,
};
static const struct ev_stream_kind plain_kind = {.on_read = end_read, .on_closed = end_closed};

static struct ev_listen *listener;
static struct ev_address listen_address;
static struct end *accepting;

static void end_accept(void *arg, int fd, const struct ev_address *peer)
{
    if (!accepting) {
        close(fd);
        return;
    }
    accepting->stream = ev_stream_open(loop, fd, &end_kind, accepting);
    accepting = NULL;
}

static void listen_start(const struct ev_listen_config *config)
{
    struct ev_address address;

    ck_assert(ev_address_parse("127.0.0.1:0", &address));
    ck_assert_int_eq(ev_listen_new(loop, &address, config, end_accept, NULL, &listener), 0);
    ev_listen_address(listener, &listen_address);
}

static void pair_connect(struct end *client, struct end *server)
{
    accepting = server;
    ck_assert_int_eq(
        ev_stream_connect(loop, &listen_address, NULL, &end_kind, client, &client->stream), 0);
    WAIT(loop, client->connected && server->stream);
}

static void pair_close(struct end *a, struct end *b)
{
    if (a->stream)
        ev_stream_close(a->stream);
    if (b->stream)
        ev_stream_close(b->stream);
    WAIT(loop, a->closed && b->closed);
    ck_assert_int_eq(a->closed + b->closed, 2);
    bytes_fini(&a->in);
    bytes_fini(&b->in);
    listener = ev_listen_free(listener);
}

static int send_text(struct end *e, const char *text)
{
    return ev_stream_send_copy(e->stream, slice_str(text));
}

START_TEST(frames_of_a_turn_leave_in_one_write)
{
    struct end a = {.keep = true}, b = {.keep = true};
    struct bytes owned = BYTES_INIT, expected = BYTES_INIT;

    listen_start(NULL);
    pair_connect(&a, &b);
    uint64_t writes = ev_loop_stats(loop)->writes;
    struct refbuf *shared = refbuf_copy(slice_str("-shared-"));
    for (int i = 0; i < 40; i++) {
        ck_assert_int_eq(send_text(&a, "copied"), 0);
        ck_assert_int_eq(ev_stream_send_ref(a.stream, shared), 0);
        bytes_printf(&owned, "owned %d", i);
        bytes_printf(&expected, "copied-shared-owned %d", i);
        ck_assert_int_eq(ev_stream_send_bytes(a.stream, &owned), 0);
        ck_assert_ptr_null(owned.data);
    }
    ck_assert_uint_eq(shared->refs, 41);
    ck_assert_uint_eq(ev_stream_queued(a.stream), expected.size);
    ck_assert_uint_eq(ev_loop_stats(loop)->out_bytes, expected.size);
    WAIT(loop, b.in.size == expected.size);
    ck_assert(slice_equal(bytes_slice(&b.in), bytes_slice(&expected)));
    ck_assert_uint_eq(ev_loop_stats(loop)->writes, writes + 1);
    ck_assert_uint_eq(shared->refs, 1);
    refbuf_unref(shared);
    bytes_fini(&expected);
    pair_close(&a, &b);
}
END_TEST

START_TEST(sends_before_the_connection_are_queued)
{
    struct end a = {0}, b = {.keep = true};

    listen_start(NULL);
    accepting = &b;
    ck_assert_int_eq(ev_stream_connect(loop, &listen_address, NULL, &end_kind, &a, &a.stream), 0);
    ck_assert_int_eq(send_text(&a, "early"), 0);
    WAIT(loop, b.in.size == 5);
    pair_close(&a, &b);
}
END_TEST

START_TEST(a_full_queue_says_so)
{
    struct end a = {0}, b = {0};
    struct slice piece = slice_of(calloc(1, 60 * 1024), 60 * 1024);
    int r;

    listen_start(NULL);
    pair_connect(&a, &b);
    ev_stream_pause(b.stream);
    ck_assert_int_eq(ev_stream_send_copy(a.stream, piece), 0);
    ck_assert_int_eq(ev_stream_send_copy(a.stream, piece), EV_SEND_HIGH);
    size_t sent = 2 * piece.size;
    while ((r = ev_stream_send_copy(a.stream, piece)) == EV_SEND_HIGH)
        sent += piece.size;
    ck_assert_int_eq(r, EV_SEND_FULL);
    ck_assert_uint_eq(ev_stream_queued(a.stream), sent);
    ck_assert_uint_le(sent, end_kind.out_max);
    ck_assert_uint_eq(ev_loop_stats(loop)->sends_full, 1);
    WAIT(loop, ev_loop_stats(loop)->writes_blocked);
    ck_assert_int_eq(a.drained, 0);
    ev_stream_resume(b.stream);
    WAIT(loop, b.in_size == sent);
    ck_assert_int_eq(a.drained, 1);
    ck_assert_uint_eq(ev_loop_stats(loop)->out_bytes, 0);
    free((void *)piece.data);
    pair_close(&a, &b);
}
END_TEST

START_TEST(drain_all_waits_for_the_last_byte)
{
    struct end a = {0}, b = {0};
    struct slice piece = slice_of(calloc(1, 60 * 1024), 60 * 1024);

    listen_start(NULL);
    pair_connect(&a, &b);
    ev_stream_drain_all(a.stream); /* nothing is queued */
    WAIT(loop, a.drained == 1);
    ev_stream_pause(b.stream);
    size_t sent = 0;
    while (ev_stream_send_copy(a.stream, piece) != EV_SEND_FULL)
        sent += piece.size;
    ev_stream_drain_all(a.stream);
    WAIT(loop, ev_loop_stats(loop)->writes_blocked);
    ck_assert_int_eq(a.drained, 1);
    ev_stream_resume(b.stream);
    while (ev_stream_queued(a.stream)) {
        ck_assert_int_eq(a.drained, 1);
        ev_loop_step(loop, 100);
    }
    ck_assert_int_eq(a.drained, 2);
    WAIT(loop, b.in_size == sent);
    free((void *)piece.data);
    pair_close(&a, &b);
}
END_TEST

START_TEST(the_loops_account_bounds_all_streams)
{
    struct ev_loop_config config = {.out_bytes_max = 1000};
    struct end a = {0}, b = {0};
    static const uint8_t piece[600];

    ev_loop_free(loop);
    loop = ev_loop_new(&config);
    listen_start(NULL);
    pair_connect(&a, &b);
    ck_assert_int_eq(ev_stream_send_copy(a.stream, slice_of(piece, 600)), 0);
    ck_assert_int_eq(ev_stream_send_copy(b.stream, slice_of(piece, 600)), EV_SEND_FULL);
    ck_assert_int_eq(ev_stream_send_copy(b.stream, slice_of(piece, 400)), 0);
    ev_stream_close(a.stream);
    ck_assert_uint_eq(ev_loop_stats(loop)->out_bytes, 400);
    ck_assert_int_eq(ev_stream_send_copy(a.stream, slice_of(piece, 1)), EV_SEND_GONE);
    pair_close(&a, &b);
}
END_TEST

START_TEST(close_after_flush_delivers_everything)
{
    struct end a = {0}, b = {.close_on_eof = true};
    struct bytes big = BYTES_INIT;
    size_t size = 7 * 1024 * 1024;

    listen_start(NULL);
    pair_connect(&a, &b);
    ck_assert_ptr_nonnull(bytes_reserve(&big, size));
    big.size = size;
    memset(big.data, 'x', size);
    ck_assert_int_eq(ev_stream_send_bytes(a.stream, &big), EV_SEND_HIGH);
    /* What the peer sends meanwhile is discarded, and does not turn our end into a reset. */
    ck_assert_int_eq(send_text(&b, "late"), 0);
    ev_stream_close_after_flush(a.stream);
    ck_assert(!ev_stream_is_open(a.stream));
    ck_assert_int_eq(send_text(&a, "x"), EV_SEND_GONE);
    WAIT(loop, a.closed && b.closed);
    ck_assert(b.eof);
    ck_assert_uint_eq(b.in_size, size);
    ck_assert_int_eq(a.reason, 0);
    ck_assert_int_eq(b.reason, 0);
    ck_assert_uint_eq(a.in_size, 0);
    pair_close(&a, &b);
}
END_TEST

START_TEST(close_after_flush_has_a_deadline)
{
    struct ev_loop_config config = {.close_ms = 50};
    struct end a = {0}, b = {0}, c = {0}, d = {0};
    struct bytes big = BYTES_INIT;

    ev_loop_free(loop);
    loop = ev_loop_new(&config);
    listen_start(NULL);
    pair_connect(&a, &b);
    pair_connect(&c, &d);
    ev_stream_pause(b.stream);
    ck_assert_ptr_nonnull(bytes_reserve(&big, end_kind.out_max));
    memset(big.data, 0, big.size = end_kind.out_max);
    ck_assert_int_eq(ev_stream_send_bytes(a.stream, &big), EV_SEND_HIGH);
    ev_stream_close_after_flush(a.stream);
    ev_stream_close_after_flush(c.stream);
    WAIT(loop, a.closed && c.closed);
    ck_assert_int_eq(a.reason, -ETIMEDOUT);
    /* c's peer saw the end and kept its side: no fault of ours. */
    ck_assert(d.eof);
    ck_assert_int_eq(c.reason, 0);
    ev_stream_close(d.stream);
    WAIT(loop, d.closed);
    pair_close(&a, &b);
}
END_TEST

START_TEST(half_close_lets_the_other_half_speak)
{
    struct end a = {.keep = true}, b = {.keep = true};
    int fd;

    listen_start(NULL);
    accepting = &b;
    fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(fd, &listen_address.sa, listen_address.size), 0);
    ck_assert_int_eq(write(fd, "ask", 3), 3);
    shutdown(fd, SHUT_WR);
    WAIT(loop, b.eof);
    ck_assert_uint_eq(b.in.size, 3);
    ck_assert(ev_stream_is_open(b.stream));
    ck_assert_int_eq(send_text(&b, "answer"), 0);
    ev_stream_close_after_flush(b.stream);
    WAIT(loop, b.closed);
    char text[16];
    ck_assert_int_eq(read(fd, text, sizeof text), 6);
    ck_assert_int_eq(read(fd, text, sizeof text), 0);
    close(fd);
    a.closed = 1;
    pair_close(&a, &b);
}
END_TEST

START_TEST(errors_are_announced_once)
{
    struct end a = {0}, b = {0}, c = {0};
    struct linger hard = {.l_onoff = 1};
    struct ev_address nobody;

    listen_start(NULL);
    accepting = &b;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(fd, &listen_address.sa, listen_address.size), 0);
    WAIT(loop, b.stream);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(fd);
    WAIT(loop, b.closed);
    ck_assert_int_eq(b.reason, -ECONNRESET);

    fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert(ev_address_parse("127.0.0.1:0", &nobody));
    ck_assert_int_eq(bind(fd, &nobody.sa, nobody.size), 0);
    ck_assert_int_eq(getsockname(fd, &nobody.sa, &nobody.size), 0);
    int r = ev_stream_connect(loop, &nobody, NULL, &end_kind, &c, &c.stream);
    if (r == 0) {
        WAIT(loop, c.closed);
        r = c.reason;
    }
    ck_assert_int_eq(r, -ECONNREFUSED);
    close(fd);
    a.closed = 1;
    pair_close(&a, &b);
}
END_TEST

START_TEST(a_callback_may_close_its_stream)
{
    struct end a = {0}, b = {.close_on_read = true};

    listen_start(NULL);
    pair_connect(&a, &b);
    ck_assert_int_eq(send_text(&a, "die"), 0);
    WAIT(loop, b.closed && a.eof);
    ck_assert_int_eq(b.closed, 1);
    ck_assert_int_eq(b.reason, 0);
    pair_close(&a, &b);
}
END_TEST

START_TEST(without_on_eof_the_end_is_mutual)
{
    struct end a = {0}, b = {0};
    int fds[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    a.stream = ev_stream_open(loop, fds[0], &plain_kind, &a);
    b.stream = ev_stream_open(loop, fds[1], &plain_kind, &b);
    ck_assert_int_eq(send_text(&a, "bye"), 0);
    ev_stream_close_after_flush(a.stream);
    WAIT(loop, a.closed && b.closed);
    ck_assert_uint_eq(b.in_size, 3);
    ck_assert_int_eq(a.reason | b.reason, 0);
}
END_TEST

/* Random traffic both ways with random pauses; each side must read exactly what the other wrote. */
START_TEST(random_traffic_arrives_unchanged)
{
    uint64_t seed = (uint64_t)ev_clock_us();
    struct rng rng;
    struct end a = {.keep = true}, b = {.keep = true};
    struct end *ends[2] = {&a, &b};
    struct bytes sent[2] = {BYTES_INIT, BYTES_INIT};
    uint8_t piece[3000];

    printf("random_traffic: seed %llu\n", (unsigned long long)seed);
    rng_init(&rng, seed);
    listen_start(NULL);
    pair_connect(&a, &b);
    for (int i = 0; i < 3000; i++) {
        int side = (int)rng_below(&rng, 2);
        struct slice s = slice_of(piece, rng_below(&rng, sizeof piece));
        for (size_t k = 0; k < s.size; k++)
            piece[k] = (uint8_t)rng_u64(&rng);
        int r;
        if (rng_percent(&rng, 50)) {
            struct refbuf *ref = refbuf_copy(s);
            r = ev_stream_send_ref(ends[side]->stream, ref);
            refbuf_unref(ref);
        } else {
            r = ev_stream_send_copy(ends[side]->stream, s);
        }
        ck_assert_int_ge(r, 0);
        if (r != EV_SEND_FULL)
            bytes_append_slice(&sent[side], s);
        if (rng_percent(&rng, 10))
            ev_stream_pause(ends[rng_below(&rng, 2)]->stream);
        if (rng_percent(&rng, 10))
            ev_stream_resume(ends[rng_below(&rng, 2)]->stream);
        if (rng_percent(&rng, 30))
            ev_loop_step(loop, 0);
    }
    ev_stream_resume(a.stream);
    ev_stream_resume(b.stream);
    WAIT(loop, a.in.size == sent[1].size && b.in.size == sent[0].size);
    ck_assert(slice_equal(bytes_slice(&a.in), bytes_slice(&sent[1])));
    ck_assert(slice_equal(bytes_slice(&b.in), bytes_slice(&sent[0])));
    bytes_fini(&sent[0]);
    bytes_fini(&sent[1]);
    pair_close(&a, &b);
}
END_TEST

/* ---- listening ------------------------------------------------------------------------------ */

static void count_accept(void *arg, int fd, const struct ev_address *peer)
{
    ck_assert(ev_address_is_local(peer));
    ++*(int *)arg;
    close(fd);
}

START_TEST(bind_errors_are_errno_and_reuse_port_shares)
{
    struct ev_listen_config share = {.reuse_port = true};
    struct ev_listen *a, *b = NULL;
    struct ev_address address;
    int count_a = 0, count_b = 0;

    ck_assert(ev_address_parse("127.0.0.1:0", &address));
    ck_assert_int_eq(ev_listen_new(loop, &address, &share, count_accept, &count_a, &a), 0);
    ev_listen_address(a, &address);
    ck_assert_int_eq(ev_listen_new(loop, &address, NULL, count_accept, NULL, &b), -EADDRINUSE);
    ck_assert_ptr_null(b);
    ck_assert_int_eq(ev_listen_new(loop, &address, &share, count_accept, &count_b, &b), 0);
    for (int i = 0; i < 100; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        ck_assert_int_eq(connect(fd, &address.sa, address.size), 0);
        close(fd);
    }
    WAIT(loop, count_a + count_b == 100);
    ck_assert_int_gt(count_a, 0);
    ck_assert_int_gt(count_b, 0);
    ev_listen_free(a);
    ev_listen_free(b);
}
END_TEST

START_TEST(unix_sockets_replace_only_the_dead)
{
    char text[] = "unix:/tmp/ev_test_XXXXXX";
    struct ev_listen *a, *b;
    struct ev_address address;
    int count = 0;

    close(mkstemp(text + 5));
    ck_assert(ev_address_parse(text, &address));
    /* Somebody's file is not ours to remove. */
    ck_assert_int_eq(ev_listen_new(loop, &address, NULL, count_accept, &count, &a), -EADDRINUSE);
    unlink(text + 5);
    int stale = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(stale, &address.sa, address.size), 0);
    close(stale);
    ck_assert_int_eq(ev_listen_new(loop, &address, NULL, count_accept, &count, &a), 0);
    ck_assert_int_eq(ev_listen_new(loop, &address, NULL, count_accept, &count, &b), -EADDRINUSE);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(fd, &address.sa, address.size), 0);
    /* The probe of the second listener was accepted as well. */
    WAIT(loop, count == 2);
    close(fd);
    ev_listen_free(a);
    ck_assert_int_eq(access(text + 5, F_OK), -1);
}
END_TEST

START_TEST(without_descriptors_clients_see_an_end_and_the_loop_rests)
{
    struct rlimit old, low;
    int fds[3], count = 0;
    char byte;
    struct ev_address address;
    struct ev_listen *listen;

    ck_assert(ev_address_parse("127.0.0.1:0", &address));
    ck_assert_int_eq(ev_listen_new(loop, &address, NULL, count_accept, &count, &listen), 0);
    ev_listen_address(listen, &address);
    for (int i = 0; i < 3; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM, 0);
        ck_assert_int_eq(connect(fds[i], &address.sa, address.size), 0);
    }
    getrlimit(RLIMIT_NOFILE, &old);
    low = (struct rlimit){.rlim_cur = (rlim_t)fds[2] + 1, .rlim_max = old.rlim_max};
    setrlimit(RLIMIT_NOFILE, &low);
    WAIT(loop, ev_loop_stats(loop)->accepts_refused == 1);
    ck_assert_int_eq(read(fds[0], &byte, 1), 0);
    uint64_t turns = ev_loop_stats(loop)->turns;
    ev_loop_step(loop, EV_LISTEN_PAUSE_MS / 4);
    ck_assert_uint_le(ev_loop_stats(loop)->turns, turns + 1);
    setrlimit(RLIMIT_NOFILE, &old);
    WAIT(loop, count == 2);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    ev_listen_free(listen);
}
END_TEST

START_TEST(a_paused_listener_accepts_nothing)
{
    struct ev_address address;
    struct ev_listen *listen;
    int count = 0;

    ck_assert(ev_address_parse("127.0.0.1:0", &address));
    ck_assert_int_eq(ev_listen_new(loop, &address, NULL, count_accept, &count, &listen), 0);
    ev_listen_address(listen, &address);
    ev_listen_pause(listen);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(fd, &address.sa, address.size), 0);
    ev_loop_step(loop, 20);
    ck_assert_int_eq(count, 0);
    ev_listen_resume(listen);
    WAIT(loop, count == 1);
    close(fd);
    ev_listen_free(listen);
}
END_TEST

/* ---- admin http ----------------------------------------------------------------------------- */

static void http_handle(void *arg, const char *path, struct ev_http_reply *reply)
{
    if (strcmp(path, "/healthz") == 0) {
        bytes_append_str(&reply->body, "alive\n");
    } else if (strcmp(path, "/big") == 0) {
        for (int i = 0; i < 100000; i++)
            bytes_append_str(&reply->body, "0123456789");
        reply->content_type = "text/big";
    } else if (strcmp(path, "/failed") == 0) {
        bytes_append_str(&reply->body, "half");
        reply->body.failed = true;
    } else {
        reply->status = 404;
    }
}

static void http_ask(struct ev_address *address, const char *request, struct end *e)
{
    *e = (struct end){.keep = true, .close_on_eof = true};
    ck_assert_int_eq(ev_stream_connect(loop, address, NULL, &end_kind, e, &e->stream), 0);
    ck_assert_int_eq(send_text(e, request), 0);
    WAIT(loop, e->closed);
    bytes_append_u8(&e->in, 0);
}

#define ASK(request, wanted)                                                                       \
    do {                                                                                           \
        http_ask(&address, request, &e);                                                           \
        ck_assert_msg(strstr((char *)e.in.data, wanted), "%.200s", (char *)e.in.data);             \
    } while (0)

START_TEST(admin_port_answers)
{
    struct ev_address address, public;
    struct ev_http *http;
    struct end e;

    ck_assert(ev_address_parse("127.0.0.1:0", &address));
    ck_assert(ev_address_parse("0.0.0.0:0", &public));
    ck_assert_int_eq(ev_http_new(loop, &public, false, http_handle, NULL, &http), -EACCES);
    ck_assert_int_eq(ev_http_new(loop, &address, false, http_handle, NULL, &http), 0);
    ev_http_address(http, &address);
    ASK("GET /healthz HTTP/1.0\r\n\r\n", "200 OK");
    ck_assert_ptr_nonnull(strstr((char *)e.in.data, "\r\n\r\nalive\n"));
    bytes_fini(&e.in);
    ASK("GET /healthz?verbose=1 HTTP/1.0\r\n\r\n", "alive");
    bytes_fini(&e.in);
    ASK("HEAD /healthz HTTP/1.0\r\n\r\n", "200 OK");
    ck_assert_ptr_null(strstr((char *)e.in.data, "alive"));
    bytes_fini(&e.in);
    ASK("GET /big HTTP/1.0\r\n\r\n", "text/big");
    ck_assert_uint_gt(e.in.size, 1000000);
    bytes_fini(&e.in);
    ASK("GET /nothing HTTP/1.0\r\n\r\n", "404");
    bytes_fini(&e.in);
    ASK("GET /failed HTTP/1.0\r\n\r\n", "503");
    bytes_fini(&e.in);
    ASK("POST /healthz HTTP/1.0\r\nContent-Length: 0\r\n\r\n", "501");
    bytes_fini(&e.in);
    ASK("nonsense\r\n\r\n", "400");
    bytes_fini(&e.in);
    /* Freed with a client connected that has asked nothing. */
    e = (struct end){0};
    ck_assert_int_eq(ev_stream_connect(loop, &address, NULL, &end_kind, &e, &e.stream), 0);
    WAIT(loop, e.connected);
    ev_loop_step(loop, 5);
    ev_http_free(http);
    ev_loop_step(loop, 0);
    ev_stream_close(e.stream);
    WAIT(loop, e.closed);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ev");
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
    tcase_add_test(tc, frames_of_a_turn_leave_in_one_write);
    tcase_add_test(tc, sends_before_the_connection_are_queued);
    tcase_add_test(tc, a_full_queue_says_so);
    tcase_add_test(tc, drain_all_waits_for_the_last_byte);
    tcase_add_test(tc, the_loops_account_bounds_all_streams);
    tcase_add_test(tc, close_after_flush_delivers_everything);
    tcase_add_test(tc, close_after_flush_has_a_deadline);
    tcase_add_test(tc, half_close_lets_the_other_half_speak);
    tcase_add_test(tc, errors_are_announced_once);
    tcase_add_test(tc, a_callback_may_close_its_stream);
    tcase_add_test(tc, without_on_eof_the_end_is_mutual);
    tcase_add_test(tc, random_traffic_arrives_unchanged);
    tcase_add_test(tc, bind_errors_are_errno_and_reuse_port_shares);
    tcase_add_test(tc, unix_sockets_replace_only_the_dead);
    tcase_add_test(tc, without_descriptors_clients_see_an_end_and_the_loop_rests);
    tcase_add_test(tc, a_paused_listener_accepts_nothing);
    tcase_add_test(tc, admin_port_answers);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
