#include "conn_url.h"

#include <arpa/inet.h>
#include <check.h>
#include <stdlib.h>
#include <string.h>

START_TEST(urls_that_are_good)
{
    static const struct {
        const char *text, *host, *port, *target, *authority;
    } good[] = {
        {"ws://127.0.0.1:8080/", "127.0.0.1", "8080", "/", "127.0.0.1:8080"},
        {"ws://localhost:1", "localhost", "1", "/", "localhost:1"},
        {"ws://weft.example", "weft.example", "80", "/", "weft.example:80"},
        {"ws://[::1]:65535/a/b?c=%20", "::1", "65535", "/a/b?c=%20", "[::1]:65535"},
        {"ws://a/x", "a", "80", "/x", "a:80"},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char authority[CONN_AUTHORITY_MAX + 1];
        struct conn_url u;
        ck_assert_ptr_null(conn_url_parse(good[i].text, &u));
        ck_assert_str_eq(u.host, good[i].host);
        ck_assert_str_eq(u.port, good[i].port);
        ck_assert_str_eq(u.target, good[i].target);
        conn_url_authority(&u, authority);
        ck_assert_str_eq(authority, good[i].authority);
    }
}
END_TEST

START_TEST(urls_that_are_not)
{
    static const char *const bad[] = {
        "",
        "127.0.0.1:80",
        "wss://a/",
        "http://a/",
        "ws://",
        "ws:///x",
        "ws://:80/",
        "ws://a:0/",
        "ws://a:/",
        "ws://a:65536/",
        "ws://a:1x/",
        "ws://a b/",
        "ws://[::1/",
        "ws://[]:1/",
        "ws://user@a/",
        "ws://a/x y",
        "ws://a/#x",
        "ws://a/\r\nX: y",
        "ws://a:99999999999999999999/",
    };
    struct conn_url u;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(conn_url_parse(bad[i], &u) != NULL, "%s", bad[i]);

    char text[CONN_TARGET_MAX + 64] = "ws://";
    memset(text + 5, 'a', CONN_HOST_MAX + 1);
    ck_assert_ptr_nonnull(conn_url_parse(text, &u));
    text[5 + CONN_HOST_MAX] = 0;
    ck_assert_ptr_null(conn_url_parse(text, &u));
    memset(text, 0, sizeof text);
    strcpy(text, "ws://a/");
    memset(text + 7, 'a', CONN_TARGET_MAX);
    ck_assert_ptr_nonnull(conn_url_parse(text, &u));
    text[7 + CONN_TARGET_MAX - 1] = 0;
    ck_assert_ptr_null(conn_url_parse(text, &u));
}
END_TEST

START_TEST(addresses_are_looked_up)
{
    struct ev_address at;
    struct conn_url u;

    ck_assert_ptr_null(conn_url_parse("ws://localhost:4711/", &u));
    ck_assert_ptr_null(conn_url_resolve(&u, &at));
    ck_assert(ev_address_is_local(&at));
    ck_assert_uint_eq(ntohs(at.in.sin_port), 4711);
    ck_assert_ptr_null(conn_url_parse("ws://[::1]:4711/", &u));
    ck_assert_ptr_null(conn_url_resolve(&u, &at));
    ck_assert_int_eq(at.sa.sa_family, AF_INET6);
    /* Letters that are no address: nothing is asked over the network. */
    ck_assert_ptr_null(conn_url_parse("ws://[abcd]/", &u));
    ck_assert_ptr_nonnull(conn_url_resolve(&u, &at));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("conn_url");
    TCase *tc = tcase_create("conn_url");

    tcase_add_test(tc, urls_that_are_good);
    tcase_add_test(tc, urls_that_are_not);
    tcase_add_test(tc, addresses_are_looked_up);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
