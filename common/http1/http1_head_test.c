/*
 * Each head is parsed cut at every place, the input ending at a guard page: every proper beginning
 * of a good head says MORE, and a bad one is bad from some place on, never good in between.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "guard_page.h"
#include "http1_head.h"
#include "rng.h"

#define HOST "Host: weft.example\r\n"

static struct guard_page guard;
static struct http1_request request;
static struct http1_response response;

static void setup(void)
{
    guard_page_init(&guard, 2 * HTTP1_HEAD_SIZE_MAX);
}

static void teardown(void)
{
    guard_page_fini(&guard);
}

static int parse(struct slice in, int *ret_status)
{
    uint8_t *at = guard_page_put(&guard, in.data, in.size);
    return http1_request_parse(slice_of(at, in.size), &request, ret_status);
}

static void check_good(struct slice in)
{
    int status;
    for (size_t size = 0; size < in.size; size++)
        ck_assert_msg(parse(slice_of(in.data, size), &status) == HTTP1_MORE, "%zu bytes of %.*s",
                      size, (int)in.size, in.data);
    ck_assert_msg(parse(in, &status) == HTTP1_OK, "%.*s", (int)in.size, in.data);
    ck_assert_uint_eq(request.size, in.size);
}

/* Bad from `known` bytes on (0: not checked). */
static void check_bad(struct slice in, int status, size_t known)
{
    int got;
    bool was_bad = false;
    for (size_t size = 0; size <= in.size; size++) {
        got = 0;
        int r = parse(slice_of(in.data, size), &got);
        ck_assert_msg(r == (was_bad ? HTTP1_BAD : r) && r != HTTP1_OK, "%zu bytes of %.*s", size,
                      (int)in.size, in.data);
        if (r == HTTP1_BAD && !was_bad && known)
            ck_assert_uint_eq(size, known);
        was_bad = r == HTTP1_BAD;
        ck_assert_msg(got == (was_bad ? status : 0), "%d for %zu bytes of %.*s", got, size,
                      (int)in.size, in.data);
    }
    ck_assert_msg(was_bad, "%.*s", (int)in.size, in.data);
}

static bool is(struct slice s, const char *text)
{
    return slice_equal(s, slice_str(text));
}

START_TEST(a_browsers_request)
{
    check_good(slice_str("GET /ws?x=1&y=%20 HTTP/1.1\r\n"
                         "Host: weft.example:8080\r\n"
                         "User-Agent: Mozilla/5.0 (\xc3\xa4; x)\r\n"
                         "Connection: keep-alive, Upgrade\r\n"
                         "Upgrade:websocket\r\n"
                         "X-Empty:\r\n"
                         "X-Blank: \t \r\n"
                         "X-Around: \t a\t b \t\r\n"
                         "\r\n"));
    ck_assert(is(request.method, "GET") && is(request.target, "/ws?x=1&y=%20"));
    ck_assert(request.http11 && request.keep_alive && is(request.host, "weft.example:8080"));
    ck_assert_uint_eq(request.fields.count, 7);
    ck_assert(is(http1_fields_find(&request.fields, "upgrade")->value, "websocket"));
    ck_assert(is(http1_fields_find(&request.fields, "x-empty")->value, ""));
    ck_assert(is(http1_fields_find(&request.fields, "x-blank")->value, ""));
    ck_assert(is(http1_fields_find(&request.fields, "x-around")->value, "a\t b"));
    ck_assert_ptr_null(http1_fields_find(&request.fields, "x-aroun"));
    ck_assert(http1_fields_list_has(&request.fields, "connection", "upgrade"));
    ck_assert(!http1_fields_list_has(&request.fields, "connection", "keep"));
}
END_TEST

START_TEST(what_follows_the_head_is_left)
{
    int status;
    const char *text = "HEAD / HTTP/1.1\r\n" HOST "\r\nGET /next";
    ck_assert_int_eq(parse(slice_str(text), &status), HTTP1_OK);
    ck_assert_uint_eq(request.size, strlen(text) - 9);
}
END_TEST

START_TEST(connections_stay_or_close)
{
    static const struct {
        const char *head;
        bool keep_alive;
    } cases[] = {
        {"GET / HTTP/1.1\r\n" HOST "\r\n", true},
        {"GET / HTTP/1.9\r\n" HOST "\r\n", true},
        {"GET / HTTP/1.1\r\n" HOST "Connection: Close\r\n\r\n", false},
        {"GET / HTTP/1.1\r\n" HOST "Connection: x\r\nConnection: a ,close\r\n\r\n", false},
        {"GET / HTTP/1.0\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true},
        {"GET / HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_good(slice_str(cases[i].head));
        ck_assert_msg(request.keep_alive == cases[i].keep_alive, "%s", cases[i].head);
    }
}
END_TEST

START_TEST(bad_requests)
{
    static const struct {
        const char *head;
        int status;
        size_t known;
    } cases[] = {
        /* request line */
        {"\r\nGET / HTTP/1.1\r\n", 400, 1},
        {" GET / HTTP/1.1\r\n", 400, 1},
        {"GET  / HTTP/1.1\r\n", 400, 5},
        {"GET\t/ HTTP/1.1\r\n", 400, 4},
        {"G(T / HTTP/1.1\r\n", 400, 2},
        {"\x16\x03\x01\x02", 400, 1}, /* TLS */
        {"PRI * HTTP/2.0\r\n\r\n", 400, 5},
        {"GET http://x/ HTTP/1.1\r\n", 400, 5},
        {"CONNECT x:80 HTTP/1.1\r\n", 400, 9},
        {"GET /\r\n", 400, 6},
        {"GET /a#b HTTP/1.1\r\n", 400, 7},
        {"GET /\xc3\xa4 HTTP/1.1\r\n", 400, 6},
        {"GET / http/1.1\r\n", 400, 7},
        {"GET /  HTTP/1.1\r\n", 400, 7},
        {"GET / HTTP/2.0\r\n", 505, 12},
        {"GET / HTTP/0.9\r\n", 505, 12},
        {"GET / HTTP/1.x\r\n", 400, 14},
        {"GET / HTTP/1.10\r\n", 400, 15},
        {"GET / HTTP/1.1 \r\n", 400, 15},
        {"GET / HTTP/1.1\n" HOST "\n", 400, 15},
        {"GET / HTTP/1.1\rHost", 400, 16},
        {"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKL / HTTP/1.1\r\n", 501, 33},
        {"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG(\r\n", 501, 33},
        /* fields */
        {"GET / HTTP/1.1\r\n Host: x\r\n\r\n", 400, 17},
        {"GET / HTTP/1.1\r\n" HOST " folded\r\n\r\n", 400, 37},
        {"GET / HTTP/1.1\r\n" HOST "X: a\r\n\tfolded\r\n\r\n", 400, 43},
        {"GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400, 21},
        {"GET / HTTP/1.1\r\n: x\r\n\r\n", 400, 17},
        {"GET / HTTP/1.1\r\nHost\r\n\r\n", 400, 21},
        {"GET / HTTP/1.1\r\nHost: x\n\r\n", 400, 24},
        {"GET / HTTP/1.1\r\nHost: x\rX: y\r\n\r\n", 400, 25},
        {"GET / HTTP/1.1\r\nX: a\x01z\r\n\r\n", 400, 21},
        {"GET / HTTP/1.1\r\nX: a\x7fz\r\n\r\n", 400, 21},
        {"GET / HTTP/1.1\r\n" HOST "\rX", 400, 38},
        /* host */
        {"GET / HTTP/1.1\r\n\r\n", 400, 18},
        {"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400, 0},
        {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, 0},
        {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, 0},
        {"GET / HTTP/1.1\r\n" HOST HOST "\r\n", 400, 0},
        {"GET / HTTP/1.0\r\n" HOST HOST "\r\n", 400, 0},
        /* body */
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\n", 413, 0},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n\r\n", 413, 0},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: +5\r\n\r\n", 400, 0},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n", 400, 0},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: 0\r\nContent-Length: 0\r\n\r\n", 400, 0},
        {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", 501, 0},
        {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: x\r\nContent-Length: 0\r\n\r\n", 400, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_bad(slice_str(cases[i].head), cases[i].status, cases[i].known);
    check_bad(slice_of("GET / HTTP/1.1\r\nX: a\0z\r\n\r\n", 26), 400, 21);
    check_bad(slice_of("GET / HTTP/1.1\r\nX\0: az\r\n\r\n", 26), 400, 18);
}
END_TEST

/* A head of exactly the bound passes, one byte more does not; so for the number of fields. */
START_TEST(bounds)
{
    for (int extra = 0; extra < 2; extra++) {
        struct bytes head = BYTES_INIT;
        int status = 0;
        bytes_append_str(&head, "GET / HTTP/1.1\r\n" HOST "X: ");
        while (head.size < HTTP1_HEAD_SIZE_MAX - 4 + (size_t)extra)
            bytes_append_u8(&head, 'x');
        bytes_append_str(&head, "\r\n\r\n");
        ck_assert_int_eq(parse(bytes_slice(&head), &status), extra ? HTTP1_BAD : HTTP1_OK);
        ck_assert_int_eq(status, extra ? 431 : 0);
        ck_assert_int_eq(parse(slice_of(head.data, HTTP1_HEAD_SIZE_MAX - 1), &status), HTTP1_MORE);
        bytes_fini(&head);

        bytes_append_str(&head, "GET /");
        while (head.size < HTTP1_HEAD_SIZE_MAX - 1 + (size_t)extra)
            bytes_append_u8(&head, 'x');
        status = 0;
        ck_assert_int_eq(parse(bytes_slice(&head), &status), extra ? HTTP1_BAD : HTTP1_MORE);
        ck_assert_int_eq(status, extra ? 414 : 0);
        bytes_fini(&head);

        bytes_append_str(&head, "GET / HTTP/1.1\r\n" HOST);
        for (int i = 0; i < HTTP1_FIELDS_MAX - 1 + extra; i++)
            bytes_append_str(&head, "X: y\r\n");
        bytes_append_str(&head, "\r\n");
        status = 0;
        ck_assert_int_eq(parse(bytes_slice(&head), &status), extra ? HTTP1_BAD : HTTP1_OK);
        ck_assert_int_eq(status, extra ? 431 : 0);
        bytes_fini(&head);
    }
}
END_TEST

/* Good heads with some bytes overwritten: any answer but a crash or a slice outside. */
START_TEST(damaged_heads)
{
    const char *text = "GET /a HTTP/1.1\r\n" HOST "Connection: close\r\nContent-Length: 0\r\n\r\n";
    size_t size = strlen(text), good = 0;
    for (uint64_t seed = 1; seed <= 20000; seed++) {
        struct rng rng;
        char copy[200];
        int status;
        rng_init(&rng, seed);
        memcpy(copy, text, size);
        for (uint64_t n = rng_below(&rng, 3); n > 0; n--)
            copy[rng_below(&rng, size)] = (char)rng_u64(&rng);
        if (parse(slice_of(copy, size), &status) != HTTP1_OK)
            continue;
        good++;
        ck_assert(request.size <= size && request.fields.count <= 3);
        for (size_t i = 0; i < request.fields.count; i++) {
            struct slice value = request.fields.at[i].value;
            ck_assert(value.data >= guard.map && value.data + value.size <= guard.map + guard.size);
        }
    }
    ck_assert(good > 6000 && good < 20000);
}
END_TEST

START_TEST(responses)
{
    struct slice in = slice_str("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n");
    for (size_t size = 0; size <= in.size; size++) {
        uint8_t *at = guard_page_put(&guard, in.data, size);
        ck_assert_int_eq(http1_response_parse(slice_of(at, size), &response),
                         size < in.size ? HTTP1_MORE : HTTP1_OK);
    }
    ck_assert(response.status == 101 && is(response.reason, "Switching Protocols"));
    ck_assert(response.size == in.size && response.fields.count == 1);
    static const char *const bad[] = {"HTTP/1.1 99 x\r\n\r\n", "HTTP/2 200\r\n\r\n",
                                      "HTTP/1.1 200\r\n\r\n", "SSH-2.0-x\r\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_int_eq(http1_response_parse(slice_str(bad[i]), &response), HTTP1_BAD);
    static uint8_t endless[HTTP1_HEAD_SIZE_MAX];
    memset(endless, 'x', sizeof endless);
    memcpy(endless, "HTTP/1.1 200 OK\r\n", 17);
    ck_assert_int_eq(http1_response_parse(slice_of(endless, sizeof endless), &response), HTTP1_BAD);
}
END_TEST

START_TEST(paths)
{
    static const struct {
        const char *target, *path;
    } cases[] = {
        {"/", "/"},
        {"/?q=/../", "/"},
        {"/a/b.js", "/a/b.js"},
        {"/a%20b/%C3%A4/", "/a b/\xc3\xa4/"},
        {"/.well-known/x", "/.well-known/x"},
        {"/a..b/..c", "/a..b/..c"},
        {"/%2e", NULL},
        {"/a/../b", NULL},
        {"/a/%2E%2e/b", NULL},
        {"/a/..", NULL},
        {"/...", NULL},
        {"//", NULL},
        {"/a//b", NULL},
        {"/a%2f..%2fb", NULL},
        {"/a%2", NULL},
        {"/a%", NULL},
        {"/a%gg", NULL},
        {"/a%00", NULL},
        {"/a%0d%0a", NULL},
        {"/a\\b", NULL},
        {"a", NULL},
        {"", NULL},
        {"?/", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes out = BYTES_INIT;
        size_t size = strlen(cases[i].target);
        uint8_t *at = guard_page_put(&guard, cases[i].target, size);
        bool good = http1_target_path(slice_of(at, size), &out);
        ck_assert_msg(good == (cases[i].path != NULL), "%s", cases[i].target);
        ck_assert(!good || is(bytes_slice(&out), cases[i].path));
        bytes_fini(&out);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http1 head");
    TCase *tc = tcase_create("head");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_browsers_request);
    tcase_add_test(tc, what_follows_the_head_is_left);
    tcase_add_test(tc, connections_stay_or_close);
    tcase_add_test(tc, bad_requests);
    tcase_add_test(tc, bounds);
    tcase_add_test(tc, damaged_heads);
    tcase_add_test(tc, responses);
    tcase_add_test(tc, paths);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
