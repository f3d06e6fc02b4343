/* Streams: queues, high water, closing in every way, random traffic. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ev_help_test.h"
#include "ev_out.h"
#include "rng.h"

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
    /* Charged, too, is what 120 segments take beside their bytes: nothing of it is free. */
    ck_assert_uint_eq(ev_stream_queued(a.stream), expected.size + 120 * EV_SEGMENT_COST);
    ck_assert_uint_eq(ev_loop_stats(loop)->out_bytes, ev_stream_queued(a.stream));
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
    ck_assert_uint_gt(ev_stream_queued(a.stream), sent);
    ck_assert_uint_le(ev_stream_queued(a.stream), end_kind.out_max);
    ck_assert_uint_eq(ev_loop_stats(loop)->sends_full, 1);
    ck_assert_uint_eq(ev_loop_stats(loop)->sends_full_all, 0);
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
    struct ev_loop_config config = {.out_bytes_max = 1000 + 2 * EV_SEGMENT_COST};
    struct end a = {0}, b = {0};
    static const uint8_t piece[600];

    ev_loop_free(loop);
    loop = ev_loop_new(&config);
    listen_start(NULL);
    pair_connect(&a, &b);
    ck_assert_int_eq(ev_stream_send_copy(a.stream, slice_of(piece, 600)), 0);
    ck_assert_int_eq(ev_stream_send_copy(b.stream, slice_of(piece, 401)), EV_SEND_FULL);
    ck_assert_int_eq(ev_stream_send_copy(b.stream, slice_of(piece, 400)), 0);
    ev_stream_close(a.stream);
    ck_assert_uint_eq(ev_loop_stats(loop)->out_bytes, 400 + EV_SEGMENT_COST);
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
    memset(big.data, 0, big.size = end_kind.out_max - EV_SEGMENT_COST);
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

int main(void)
{
    Suite *suite = suite_create("ev stream");
    TCase *tc = tcase_create("all");
    SRunner *runner = srunner_create(suite);

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
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
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
