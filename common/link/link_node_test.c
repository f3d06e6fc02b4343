/*
 * Nodes over real sockets, both ends on one loop: what arrives, what is refused, and closing.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "link_end_test.h"
#include "link_frame.h"
#include "rng.h"

/* ---- items ---------------------------------------------------------------------------------- */

START_TEST(items_arrive_in_order_and_once)
{
    enum { COUNT = 5000 };
    struct end a, b;

    end_start(&a, "a", 101);
    end_start(&b, "b", 102);
    end_dial(&a, b.address, 102);
    while (a.sent < COUNT) {
        ck_assert_int_eq(end_send(&a, 8 + a.sent % 300), 0);
        if (b.peer)
            ck_assert_int_eq(end_send(&b, 8), 0);
        if (a.sent % 37 == 0)
            ev_loop_step(loop, 0);
    }
    WAIT(b.received == COUNT && a.received == b.sent && b.sent > 0);
    ck_assert_uint_eq(b.contacts, 1);
    ck_assert_uint_eq(end_stats(&a)->items_out, COUNT);
    ck_assert(link_peer_is_agreed(a.peer) && link_peer_is_agreed(b.peer));
    ck_assert_uint_eq(end_resets(&a) + end_resets(&b), 0);
    end_close(&a);
    end_close(&b);
}
END_TEST

START_TEST(large_items_travel_in_pieces)
{
    struct end a, b;

    end_start(&a, "a", 101);
    end_start(&b, "b", 102);
    end_dial(&a, b.address, 102);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(end_send(&a, 100), 0);
        ck_assert_int_eq(end_send(&a, 5000000), 0);
    }
    WAIT(b.received == 6);
    ck_assert_uint_gt(end_stats(&b)->batches_in, 3 * 5000000 / LINK_BODY_DEFAULT);
    ck_assert_uint_eq(end_resets(&a) + end_resets(&b), 0);
    end_close(&a);
    end_close(&b);
}
END_TEST

/* Reading pauses behind every message. */
START_TEST(a_full_inbox_only_slows_down)
{
    struct end a, b;

    end_start(&a, "a", 101);
    end_init(&b, "b", 102);
    b.config.inbox_max = 1;
    b.config.turn_max = 1;
    end_open(&b);
    end_dial(&a, b.address, 102);
    for (int i = 0; i < 200; i++)
        ck_assert_int_eq(end_send(&a, 20000), 0);
    WAIT(b.received == 200);
    ck_assert_uint_eq(end_resets(&a) + end_resets(&b), 0);
    end_close(&a);
    end_close(&b);
}
END_TEST

/* Nobody listens there yet: the queue fills, and the link begins anew each time. */
START_TEST(a_full_queue_resets_and_the_link_goes_on_later)
{
    struct end a, b;
    char address[128];

    end_init(&a, "a", 101);
    a.config.link.limits.queue_max = 300000;
    end_open(&a);
    end_init(&b, "b", 102);
    strcpy(address, b.address);
    end_dial(&a, address, 102);
    for (uint64_t round = 1; round <= 5; round++) {
        while (end_send(&a, 1000) == 0)
            ck_assert_uint_le(link_peer_queued(a.peer), 300000);
        WAIT(a.resets[LINK_RESET_FULL] == round);
        ck_assert_uint_eq(link_peer_queued(a.peer), 0);
    }
    end_open(&b);
    b.gap_allowed = true;
    WAIT(link_peer_is_agreed(a.peer));
    uint64_t lost = a.sent;
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(end_send(&a, 1000), 0);
    WAIT(b.expected == lost + 101);
    ck_assert_uint_eq(b.received, 100);
    end_close(&a);
    end_close(&b);
}
END_TEST

START_TEST(tcp_when_asked_for)
{
    struct end a, b;

    end_init(&a, "a", 101);
    strcpy(a.address, "tcp://127.0.0.1:0");
    a.config.allow_plain_tcp = true;
    end_open(&a);
    ck_assert_str_ne(a.address, "tcp://127.0.0.1:0");
    end_init(&b, "b", 102);
    strcpy(b.address, "tcp://127.0.0.1:0");
    b.config.allow_plain_tcp = true;
    end_open(&b);
    end_dial(&a, b.address, 102);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(end_send(&a, 500), 0);
    WAIT(b.received == 1000 && b.peer && link_peer_is_agreed(b.peer));
    ck_assert_str_eq(link_peer_address(b.peer), a.address);
    end_close(&a);
    end_close(&b);
}
END_TEST

/* ---- strangers ------------------------------------------------------------------------------ */

static int stranger_dial(const char *address)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strcpy(sa.sun_path, address + strlen("ipc://"));
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&sa, sizeof sa), 0);
    return fd;
}

static void stranger_write(int fd, const void *data, size_t size)
{
    ck_assert_int_eq(send(fd, data, size, MSG_NOSIGNAL), size);
}

static void stranger_send(int fd, const void *data, size_t size)
{
    uint8_t length[4];

    store_be32(length, (uint32_t)size);
    stranger_write(fd, length, sizeof length);
    stranger_write(fd, data, size);
}

/* Waits until the other side has hung up. */
static void stranger_read_end(int fd)
{
    char answer[64];

    while (read(fd, answer, sizeof answer) > 0)
        ;
    close(fd);
}

START_TEST(garbage_is_refused_and_counted)
{
    static uint8_t garbage[70000];
    struct end a, b;
    struct rng rng;
    uint64_t count = 0;

    rng_init(&rng, 7);
    for (size_t i = 0; i < sizeof garbage; i++)
        garbage[i] = (uint8_t)rng_u64(&rng);
    end_start(&a, "a", 101);
    end_start(&b, "b", 102);
    end_dial(&a, b.address, 102);
    int stranger = stranger_dial(b.address);
    for (size_t size = 0; size <= LINK_BODY_DEFAULT; size = size * 2 + 1) {
        stranger_send(stranger, garbage, size);
        ck_assert_int_eq(end_send(&a, 100), 0);
        count++;
        WAIT(end_stats(&b)->refused == count);
    }
    WAIT(b.received == count);
    ck_assert_uint_eq(b.contacts, 1);
    ck_assert_uint_eq(end_resets(&a) + end_resets(&b), 0);
    close(stranger);
    end_close(&a);
    end_close(&b);
}
END_TEST

/* A message above the bound ends the connection that it comes on; what follows is not lost to
   others. */
START_TEST(a_message_above_the_bound_is_not_received)
{
    static uint8_t large[LINK_BODY_DEFAULT + LINK_HEAD_SIZE + LINK_ADDRESS_SIZE_MAX + 1];
    struct end a, b;

    end_start(&a, "a", 101);
    end_start(&b, "b", 102);
    end_dial(&a, b.address, 102);
    int stranger = stranger_dial(b.address);
    stranger_send(stranger, large, sizeof large - 1);
    WAIT(end_stats(&b)->refused == 1);
    store_be32(large, sizeof large);
    stranger_write(stranger, large, 4);
    stranger_read_end(stranger);
    int another = stranger_dial(b.address);
    stranger_send(another, large, 5);
    WAIT(end_stats(&b)->refused == 2);
    ck_assert_int_eq(end_send(&a, 100), 0);
    WAIT(b.received == 1);
    close(another);
    end_close(&a);
    end_close(&b);
}
END_TEST

START_TEST(bytes_of_another_protocol_are_hung_up_on)
{
    struct end a;

    end_start(&a, "a", 101);
    int stranger = stranger_dial(a.address);
    stranger_write(stranger, "GET / HTTP/1.1\r\n\r\n", 18);
    stranger_read_end(stranger);
    ck_assert_uint_eq(a.contacts + end_stats(&a)->refused, 0);
    end_close(&a);
}
END_TEST

/* Bytes come in any pieces; those of a message that never ends are nobody's. */
START_TEST(messages_in_pieces_and_many_at_once)
{
    enum { COUNT = 20, SIZE = 100 };
    uint8_t bytes[COUNT * (4 + SIZE)] = {0};
    struct end a;

    end_start(&a, "a", 101);
    for (int i = 0; i < COUNT; i++)
        store_be32(bytes + i * (4 + SIZE), SIZE);
    int stranger = stranger_dial(a.address);
    stranger_write(stranger, bytes, sizeof bytes);
    WAIT(end_stats(&a)->refused == COUNT);
    for (size_t at = 0; at < sizeof bytes; at++) {
        stranger_write(stranger, bytes + at, 1);
        ev_loop_step(loop, 0);
    }
    WAIT(end_stats(&a)->refused == 2 * COUNT);
    stranger_write(stranger, bytes, 4 + SIZE - 1);
    close(stranger);
    stranger = stranger_dial(a.address);
    stranger_send(stranger, bytes, SIZE);
    WAIT(end_stats(&a)->refused == 2 * COUNT + 1);
    close(stranger);
    end_close(&a);
}
END_TEST

START_TEST(more_connections_than_there_may_be_are_closed_and_counted)
{
    enum { MAX = 3 };
    int strangers[MAX];
    struct end a, b;

    end_start(&a, "a", 101);
    end_init(&b, "b", 102);
    b.config.connections_max = MAX;
    end_open(&b);
    for (int i = 0; i < MAX; i++) {
        strangers[i] = stranger_dial(b.address);
        stranger_send(strangers[i], "x", 1);
    }
    WAIT(end_stats(&b)->refused == MAX);
    stranger_read_end(stranger_dial(b.address));
    stranger_send(strangers[0], "x", 1);
    WAIT(end_stats(&b)->limit_connections == 1);
    end_dial(&a, b.address, 102);
    close(strangers[0]);
    WAIT(link_peer_is_agreed(a.peer));
    ck_assert_int_eq(end_send(&a, 100), 0);
    WAIT(b.received == 1);
    close(strangers[1]);
    close(strangers[2]);
    end_close(&a);
    end_close(&b);
}
END_TEST

/* Accepting fails, for want of descriptors; then there are some again. */
START_TEST(an_inbox_accepts_again_after_it_could_not)
{
    struct rlimit before, none;
    struct end a;

    end_start(&a, "a", 101);
    int stranger = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    strcpy(sa.sun_path, a.address + strlen("ipc://"));
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = STDERR_FILENO + 1;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    ck_assert_int_eq(connect(stranger, (struct sockaddr *)&sa, sizeof sa), 0);
    stranger_send(stranger, "x", 1);
    ck_assert_uint_eq(end_stats(&a)->refused, 0);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    WAIT(end_stats(&a)->refused == 1);
    close(stranger);
    end_close(&a);
}
END_TEST

/* A well-formed message whose sender claims to live where we would not dial. */
START_TEST(a_strangers_address_is_judged_like_ours)
{
    static const char *const bad[] = {"inproc://x", "tcp://127.0.0.1:1", "ipc://x", "ws://h:1"};
    struct end a;
    uint64_t i;

    end_start(&a, "a", 101);
    int stranger = stranger_dial(a.address);
    for (i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint8_t message[LINK_HEAD_SIZE + LINK_ADDRESS_SIZE_MAX];
        struct link_head head = {.type = LINK_HEARTBEAT,
                                 .from = 500 + i,
                                 .to = 101,
                                 .epoch = 1,
                                 .address = slice_str(bad[i])};
        link_frame_write(&head, message);
        stranger_send(stranger, message, LINK_HEAD_SIZE + head.address.size);
    }
    WAIT(a.contacts == i);
    ck_assert_uint_eq(a.contacts_refused, i);
    ck_assert_uint_eq(end_stats(&a)->peers, 0);
    close(stranger);
    end_close(&a);
}
END_TEST

/* ---- closing -------------------------------------------------------------------------------- */

enum { PAIRS = 10 };

static void pairs_start(struct end *a, struct end *b)
{
    char name[16];

    for (uint64_t i = 0; i < PAIRS; i++) {
        snprintf(name, sizeof name, "a%lu", (unsigned long)i);
        end_start(&a[i], name, 100 + i);
        snprintf(name, sizeof name, "b%lu", (unsigned long)i);
        end_start(&b[i], name, 200 + i);
        a[i].gap_allowed = b[i].gap_allowed = true;
        end_dial(&a[i], b[i].address, 200 + i);
    }
}

static void pairs_close(struct end *a, struct end *b)
{
    for (int i = 0; i < PAIRS; i++) {
        end_close(&a[i]);
        end_close(&b[i]);
    }
}

/* Each pair is closed at another moment; some after resets. */
START_TEST(close_with_sends_in_flight)
{
    struct end a[PAIRS], b[PAIRS];
    struct rng rng;

    rng_init(&rng, 11);
    for (int round = 0; round < 10; round++) {
        pairs_start(a, b);
        for (uint64_t step = 0; step < 2 * PAIRS; step++) {
            for (uint64_t i = step / 2; i < PAIRS; i++) {
                ck_assert_int_eq(end_send(&a[i], 8 + rng_below(&rng, 200000)), 0);
                if (b[i].peer)
                    ck_assert_int_eq(end_send(&b[i], 8 + rng_below(&rng, 2000)), 0);
                if (i % 5 == 0)
                    link_peer_reset(a[i].peer);
            }
            ev_loop_step(loop, 0);
            end_close_begin(step % 2 ? &a[step / 2] : &b[step / 2]);
        }
        pairs_close(a, b);
    }
}
END_TEST

START_TEST(close_within_a_callback)
{
    struct end a[PAIRS], b[PAIRS];

    pairs_start(a, b);
    for (int i = 0; i < PAIRS; i++) {
        b[i].close_on_item = true;
        for (int k = 0; k < 50; k++)
            ck_assert_int_eq(end_send(&a[i], 30000), 0);
    }
    for (int i = 0; i < PAIRS; i++)
        WAIT(b[i].closed);
    pairs_close(a, b);
}
END_TEST

/* The sockets of resets are closed behind our back; more of them than the reaper may owe wait. */
START_TEST(resets_without_end)
{
    struct end a, b;

    end_start(&a, "a", 101);
    end_start(&b, "b", 102);
    a.gap_allowed = b.gap_allowed = true;
    end_dial(&a, b.address, 102);
    for (int i = 0; i < 3000; i++) {
        link_peer_reset(a.peer);
        ev_loop_step(loop, 0);
    }
    WAIT(link_peer_is_agreed(a.peer) && b.peer && link_peer_is_agreed(b.peer));
    ck_assert_int_eq(end_send(&a, 100), 0);
    WAIT(b.received == 1);
    end_close(&a);
    end_close(&b);
}
END_TEST

/* CK_RUN_CASE chooses one. */
static void add_case(Suite *suite, const char *name, const TTest *const *tests, size_t count)
{
    TCase *tcase = tcase_create(name);

    tcase_add_checked_fixture(tcase, end_setup, end_teardown);
    tcase_set_timeout(tcase, 60);
    for (size_t i = 0; i < count; i++)
        tcase_add_test(tcase, tests[i]);
    suite_add_tcase(suite, tcase);
}

int main(void)
{
    const TTest *const items[] = {
        items_arrive_in_order_and_once, large_items_travel_in_pieces, a_full_inbox_only_slows_down,
        a_full_queue_resets_and_the_link_goes_on_later, tcp_when_asked_for};
    const TTest *const strangers[] = {garbage_is_refused_and_counted,
                                      a_message_above_the_bound_is_not_received,
                                      bytes_of_another_protocol_are_hung_up_on,
                                      messages_in_pieces_and_many_at_once,
                                      more_connections_than_there_may_be_are_closed_and_counted,
                                      an_inbox_accepts_again_after_it_could_not,
                                      a_strangers_address_is_judged_like_ours};
    const TTest *const closing[] = {close_with_sends_in_flight, close_within_a_callback,
                                    resets_without_end};
    Suite *suite = suite_create("link_node");
    SRunner *runner = srunner_create(suite);

    add_case(suite, "items", items, sizeof items / sizeof *items);
    add_case(suite, "strangers", strangers, sizeof strangers / sizeof *strangers);
    add_case(suite, "closing", closing, sizeof closing / sizeof *closing);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
