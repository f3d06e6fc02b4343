/* Listening, and the admin port that stands on it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ev_help_test.h"
#include "ev_http.h"

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

#define QUEUED 5

struct storm {
    struct ev_address address;
    int fds[2 * QUEUED + 2];
    int connected, accepted;
};

static void storm_connect(struct storm *storm)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    ck_assert_int_lt(storm->connected, 2 * QUEUED + 2);
    (void)connect(fd, &storm->address.sa, storm->address.size);
    storm->fds[storm->connected++] = fd;
}

/* For each that is accepted another one comes. */
static void storm_accept(void *arg, int fd, const struct ev_address *peer)
{
    struct storm *storm = arg;

    (void)peer;
    storm->accepted++;
    close(fd);
    storm_connect(storm);
}

START_TEST(finishing_hands_out_what_waits_and_ends)
{
    struct ev_listen_config config = {.backlog = QUEUED - 1};
    struct storm storm = {0};
    struct ev_listen *listen;

    ck_assert_ptr_null(ev_listen_finish(NULL));
    ck_assert(ev_address_parse("127.0.0.1:0", &storm.address));
    ck_assert_int_eq(ev_listen_new(loop, &storm.address, &config, storm_accept, &storm, &listen),
                     0);
    ev_listen_address(listen, &storm.address);
    for (int i = 0; i < QUEUED; i++)
        storm_connect(&storm);
    ck_assert_ptr_null(ev_listen_finish(listen));
    ck_assert_int_eq(storm.accepted, QUEUED);
    for (int i = 0; i < storm.connected; i++)
        close(storm.fds[i]);
}
END_TEST

static void http_handle(void *arg, const struct ev_http_request *request,
                        struct ev_http_reply *reply)
{
    const char *path = request->path;

    if (request->post) {
        bytes_append_str(&reply->body, "said: ");
        bytes_append_slice(&reply->body, request->body);
    } else if (strcmp(path, "/healthz") == 0) {
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
    ASK("POST /healthz HTTP/1.0\r\nContent-Length: 0\r\n\r\n", "said: ");
    bytes_fini(&e.in);
    ASK("POST /do HTTP/1.0\r\nContent-Length: 4\r\n\r\na b\n", "\r\n\r\nsaid: a b\n");
    bytes_fini(&e.in);
    ASK("POST /do HTTP/1.0\r\nContent-Length: 1025\r\n\r\n", "413");
    bytes_fini(&e.in);
    /* A page of a browser, were it our own. */
    ASK("POST /do HTTP/1.0\r\nOrigin: http://127.0.0.1\r\nContent-Length: 0\r\n\r\n", "403");
    ck_assert_ptr_null(strstr((char *)e.in.data, "said"));
    bytes_fini(&e.in);
    ASK("PUT /do HTTP/1.0\r\nContent-Length: 0\r\n\r\n", "501");
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
    Suite *suite = suite_create("ev listen");
    TCase *tc = tcase_create("all");
    SRunner *runner = srunner_create(suite);

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, bind_errors_are_errno_and_reuse_port_shares);
    tcase_add_test(tc, unix_sockets_replace_only_the_dead);
    tcase_add_test(tc, without_descriptors_clients_see_an_end_and_the_loop_rests);
    tcase_add_test(tc, a_paused_listener_accepts_nothing);
    tcase_add_test(tc, finishing_hands_out_what_waits_and_ends);
    tcase_add_test(tc, admin_port_answers);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
