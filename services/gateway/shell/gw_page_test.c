/* The page: files answered, connections kept, slow readers. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "gw_dir_test.h"
#include "gw_world_test.h"
#include "rng.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n"
#define SCRIPT "/assets/index-1a2b.js"
#define LARGE_SIZE (8u << 20)

static struct support_client a, b;

/* --- answers --- */

static void page_start(uint32_t answer_ms)
{
    struct bytes why = BYTES_INIT;

    dir_make();
    world_start(10000, 5000, 64 << 20);
    server.config.answer_ms = answer_ms;
    ck_assert_int_eq(gw_page_load(&server.page, dir_path, NULL, 0, &why), 0);
}

static void page_setup(void)
{
    page_start(60000);
}

static void page_stop(void)
{
    world_stop();
    dir_drop();
}

/* Asks on a connection that is kept, and reads up to `until`, which is taken off. */
static const char *ask(struct support_client *c, const char *request, const char *until)
{
    static char answer[8192];

    support_client_send_str(c, request);
    const char *text = support_client_read_text(c, until), *end = strstr(text, until);
    ck_assert_msg(end, "%s\nwas answered\n%s", request, text);
    size_t size = (size_t)(end - text) + strlen(until);
    ck_assert_uint_lt(size, sizeof answer);
    memcpy(answer, text, size);
    answer[size] = 0;
    bytes_consume(&c->in, size);
    ck_assert_msg(c->in.size == 0, "more came behind %s", answer);
    bytes_reset(&c->in);
    return answer;
}

static void has(const char *answer, const char *part)
{
    ck_assert_msg(strstr(answer, part), "no %s in\n%s", part, answer);
}

static void has_not(const char *answer, const char *part)
{
    ck_assert_msg(!strstr(answer, part), "%s in\n%s", part, answer);
}

START_TEST(test_files)
{
    support_client_connect(&a, &address, world_pump);
    const char *answer = ask(&a, GET("/") "\r\n", "<p>the page");
    has(answer, "HTTP/1.1 200 OK\r\n");
    has(answer, "Content-Type: text/html; charset=utf-8\r\n");
    has(answer, "Content-Length: 26\r\n");
    has(answer, "Cache-Control: no-cache\r\n");
    has(answer, "Content-Security-Policy: default-src 'none'; script-src 'self'; ");
    has(answer, "X-Content-Type-Options: nosniff\r\n");
    has(answer, "Referrer-Policy: no-referrer\r\n");
    has_not(answer, "Connection:");
    has_not(answer, "Vary:");
    ask(&a, GET("/d/quarterly-report") "\r\n", "<p>the page");
    ask(&a, GET("/d/a%2Fb?x=y") "\r\n", "<p>the page");
    answer = ask(&a, GET(SCRIPT) "\r\n", "let plain = 1");
    has(answer, "Content-Type: text/javascript; charset=utf-8\r\n");
    has(answer, "Cache-Control: public, max-age=31536000, immutable\r\n");
    has(answer, "Vary: Accept-Encoding\r\n");
    has_not(answer, "Content-Encoding");
    answer = ask(&a, GET(SCRIPT) "Accept-Encoding: br, gzip\r\n\r\n", "packed");
    has(answer, "Content-Encoding: gzip\r\n");
    has(answer, "Content-Length: 6\r\n");
    ask(&a, GET(SCRIPT) "Accept-Encoding: gzip;q=0\r\n\r\n", "let plain = 1");
    ck_assert_uint_eq(server.stats.pages, 6);
    ck_assert_uint_eq(server.last_number, 1);
    support_client_close(&a);
}
END_TEST

START_TEST(test_head)
{
    support_client_connect(&a, &address, world_pump);
    has(ask(&a, "HEAD " SCRIPT " HTTP/1.1\r\nHost: x\r\n\r\n", "\r\n\r\n"),
        "Content-Length: 13\r\n");
    ask(&a, GET(SCRIPT) "\r\n", "let plain = 1");
    support_client_close(&a);
}
END_TEST

START_TEST(test_not_modified)
{
    char etag[64], request[512];
    static const char *const forms[] = {"%s", "W/%s", "\"other\", %s", "*"};

    support_client_connect(&a, &address, world_pump);
    const char *at = strstr(ask(&a, GET(SCRIPT) "\r\n", "let plain = 1"), "ETag: ");
    ck_assert(at && sscanf(at, "ETag: %63s", etag) == 1);
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        char field[128];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(field, sizeof field, forms[i], etag);
#pragma GCC diagnostic pop
        snprintf(request, sizeof request, GET(SCRIPT) "If-None-Match: %s\r\n\r\n", field);
        const char *answer = ask(&a, request, "\r\n\r\n");
        has(answer, "HTTP/1.1 304 Not Modified\r\n");
        has(answer, etag);
        has_not(answer, "Content-Length");
    }
    /* Of the other form, and of another file. */
    snprintf(request, sizeof request,
             GET(SCRIPT) "Accept-Encoding: gzip\r\nIf-None-Match: %s\r\n\r\n", etag);
    has(ask(&a, request, "packed"), " 200 ");
    snprintf(request, sizeof request, GET("/") "If-None-Match: %s\r\n\r\n", etag);
    has(ask(&a, request, "<p>the page"), " 200 ");
    support_client_close(&a);
}
END_TEST

START_TEST(test_ends)
{
    world_asks(GET("/") "Connection: close\r\n\r\n", "200", "<p>the page");
    world_asks("GET / HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n", "200", "<p>the page");
    world_asks(GET("/nothing") "\r\n", "404", "there is nothing here");
    world_asks(GET("/assets/../index.html") "\r\n", "404", "there is nothing here");
    world_asks(GET("/%2e%2e/etc/passwd") "\r\n", "404", "there is nothing here");
    world_asks(GET("/d/") "\r\n", "404", "there is nothing here");
    world_asks(GET("/.hidden") "\r\n", "404", "there is nothing here");
    world_asks("POST / HTTP/1.1\r\nHost: x\r\n\r\n", "405", "Allow: GET, HEAD");
    /* Two requests at once: the second is not answered. */
    world_asks(GET("/") "\r\n" GET(SCRIPT) "\r\n", "200", "<p>the page");
    ck_assert_int_eq(server.stats.held_bytes, 0);
}
END_TEST

/* The endpoint of WebSockets has the same address, also on a connection that had a file. */
START_TEST(test_upgrade_beside)
{
    world_welcome(&b, WS_PROTOCOL_PROTO);
    support_client_connect(&a, &address, world_pump);
    ask(&a, GET("/") "\r\n", "<p>the page");
    support_client_upgrade(&a, WS_PROTOCOL_JSON);
    support_client_hello(&a);
    world_ping(&a, 3);
    world_ping(&b, 4);
    support_client_close(&a);
    support_client_close(&b);
}
END_TEST

/* Between files a request may come in any pieces, and garbage gets its words. */
START_TEST(test_pieces)
{
    static const char request[] = GET(SCRIPT) "\r\n";

    support_client_connect(&a, &address, world_pump);
    for (size_t at = 1; at < sizeof request - 1; at++) {
        support_client_send(&a, slice_of(request, at));
        for (int i = 0; i < 3; i++)
            world_pump(0);
        ask(&a, request + at, "let plain = 1");
        ck_assert_int_eq(server.stats.held_bytes, 0);
    }
    support_client_send_str(&a, "\x01\x02\r\n\r\n");
    has(support_client_read_text(&a, NULL), "HTTP/1.1 400 ");
    support_client_close(&a);
}
END_TEST

START_TEST(test_garbage)
{
    uint64_t seed = (uint64_t)support_now_ms();
    static const char *const words[] = {"GET",
                                        " ",
                                        "/",
                                        "HTTP/1.1",
                                        "\r\n",
                                        "Host: x",
                                        "\r\n\r\n",
                                        "%",
                                        "..",
                                        "/d/",
                                        "Accept-Encoding: gzip",
                                        "\xff",
                                        ":",
                                        "If-None-Match: ",
                                        "\"",
                                        "*",
                                        ",",
                                        "HEAD",
                                        SCRIPT};
    struct rng rng;

    printf("seed %lu\n", (unsigned long)seed);
    rng_init(&rng, seed);
    support_client_connect(&b, &address, world_pump);
    for (int round = 0; round < 500; round++) {
        support_client_connect(&a, &address, world_pump);
        if (round % 2)
            ask(&a, GET("/") "\r\n", "<p>the page");
        for (size_t i = rng_below(&rng, 12); i; i--)
            support_client_send_str(&a, words[rng_below(&rng, sizeof words / sizeof *words)]);
        world_pump(0);
        support_client_close(&a);
        if (round % 50 == 0)
            ask(&b, GET("/") "\r\n", "<p>the page");
    }
    support_client_close(&b);
}
END_TEST

/* --- bounds --- */

static void put_large(void)
{
    struct bytes why = BYTES_INIT;
    char *large = calloc(1, LARGE_SIZE);

    dir_put_bytes("assets/large.js", large, LARGE_SIZE);
    free(large);
    gw_page_fini(&server.page);
    ck_assert_int_eq(gw_page_load(&server.page, dir_path, NULL, 0, &why), 0);
}

START_TEST(test_idle_is_closed)
{
    page_stop();
    dir_make();
    world_start(100, 200, 1 << 20);
    struct bytes why = BYTES_INIT;
    ck_assert_int_eq(gw_page_load(&server.page, dir_path, NULL, 0, &why), 0);
    support_client_connect(&a, &address, world_pump);
    ask(&a, GET("/") "\r\n", "<p>the page");
    ck_assert_str_eq(support_client_read_text(&a, NULL), "");
    ck_assert_uint_eq(server.stats.late, 0);
    support_client_close(&a);
}
END_TEST

/* A file that is larger than what the kernel takes at once arrives whole, and the next one, too. */
START_TEST(test_large_file)
{
    put_large();
    support_client_connect(&a, &address, world_pump);
    for (int i = 0; i < 2; i++) {
        size_t size = 0;
        ask(&a, "HEAD /assets/large.js HTTP/1.1\r\nHost: x\r\n\r\n", "\r\n\r\n");
        support_client_send_str(&a, GET("/assets/large.js") "\r\n");
        support_client_read_text(&a, "\r\n\r\n");
        const char *head = (char *)a.in.data;
        bytes_consume(&a.in, (size_t)(strstr(head, "\r\n\r\n") + 4 - head));
        while (size + a.in.size < LARGE_SIZE) {
            size += a.in.size;
            bytes_reset(&a.in);
            support_client_read_text(&a, "");
        }
        ck_assert_uint_eq(size + a.in.size, LARGE_SIZE);
        bytes_reset(&a.in);
        while (server.stats.answer_bytes)
            world_pump(0);
    }
    support_client_close(&a);
}
END_TEST

START_TEST(test_slow_taker)
{
    page_stop();
    page_start(300);
    put_large();
    support_client_connect(&a, &address, world_pump);
    support_client_send_str(&a, GET("/assets/large.js") "\r\n");
    int64_t end = support_now_ms() + SUPPORT_WAIT_MS;
    while (server.stats.answers_cut == 0) {
        world_pump(0);
        ck_assert_msg(support_now_ms() < end, "one who does not read is kept");
    }
    ck_assert_int_eq(server.stats.answer_bytes, 0);
    support_client_close(&a);
}
END_TEST

/* Those who do not read fill the room for files: others are told so, editors feel nothing. */
START_TEST(test_answers_full)
{
    struct support_client slow[4];

    put_large();
    world_welcome(&b, WS_PROTOCOL_PROTO);
    for (int i = 0; i < 4; i++) {
        support_client_connect(&slow[i], &address, world_pump);
        support_client_send_str(&slow[i], GET("/assets/large.js") "\r\n");
        while (server.stats.answer_bytes != (i + 1) * (int64_t)LARGE_SIZE)
            world_pump(0);
    }
    world_asks(GET("/") "\r\n", "503", "all the files that it can");
    ck_assert_uint_eq(server.stats.limit_answers, 1);
    world_ping(&b, 9);
    /* The oldest gives way when it has had its time. */
    list_entry(server.answers.next, struct gw_socket, link)->since_ms -= 5000;
    world_asks(GET("/") "Connection: close\r\n\r\n", "200", "<p>the page");
    ck_assert_uint_eq(server.stats.answers_cut, 1);
    for (int i = 0; i < 4; i++)
        support_client_close(&slow[i]);
    support_client_close(&b);
}
END_TEST

START_TEST(test_stop)
{
    struct support_client half;

    put_large();
    support_client_connect(&a, &address, world_pump); /* idle: closed without a word */
    ask(&a, GET("/") "\r\n", "<p>the page");
    support_client_connect(&half, &address, world_pump);
    support_client_send_str(&half, "GET ");
    support_client_connect(&b, &address, world_pump); /* gets its file, then the end */
    support_client_send_str(&b, GET("/assets/large.js") "\r\n");
    while (server.stats.answer_bytes == 0 || server.stats.held_bytes == 0)
        world_pump(0);
    gw_server_stop(&server);
    ck_assert_str_eq(support_client_read_text(&a, NULL), "");
    has(support_client_read_text(&half, NULL), "503");
    support_client_read_text(&b, NULL);
    ck_assert_uint_gt(b.in.size, LARGE_SIZE);
    support_client_close(&a);
    support_client_close(&b);
    support_client_close(&half);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("gateway page");
    TCase *answers = tcase_create("answers");

    tcase_add_checked_fixture(answers, page_setup, page_stop);
    tcase_set_timeout(answers, 120);
    tcase_add_test(answers, test_files);
    tcase_add_test(answers, test_head);
    tcase_add_test(answers, test_not_modified);
    tcase_add_test(answers, test_ends);
    tcase_add_test(answers, test_upgrade_beside);
    tcase_add_test(answers, test_pieces);
    tcase_add_test(answers, test_garbage);
    tcase_add_test(answers, test_idle_is_closed);
    tcase_add_test(answers, test_large_file);
    tcase_add_test(answers, test_slow_taker);
    tcase_add_test(answers, test_answers_full);
    tcase_add_test(answers, test_stop);
    suite_add_tcase(s, answers);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
