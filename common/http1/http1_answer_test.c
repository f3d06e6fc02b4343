#include <check.h>
#include <stdlib.h>
#include <time.h>

#include "http1_answer.h"

static void expect(struct bytes *got, const char *expected)
{
    ck_assert_msg(slice_equal(bytes_slice(got), slice_str(expected)), "%.*s", (int)got->size,
                  (char *)got->data);
    bytes_fini(got);
}

START_TEST(heads_are_exact)
{
    struct bytes out = BYTES_INIT;
    http1_answer_begin(&out, 304);
    http1_answer_field(&out, "ETag", slice_str("\"x\""));
    http1_answer_field_u64(&out, "Age", UINT64_MAX);
    http1_answer_end(&out);
    expect(&out, "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nAge: 18446744073709551615\r\n\r\n");
    http1_answer_status(&out, 404, true, false);
    expect(&out, "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\n"
                 "Content-Length: 10\r\n\r\nNot Found\n");
    http1_answer_status(&out, 431, false, true);
    expect(&out, "HTTP/1.1 431 Request Header Fields Too Large\r\n"
                 "Content-Type: text/plain; charset=utf-8\r\n"
                 "Content-Length: 32\r\nConnection: close\r\n\r\n");
    ck_assert_str_eq(http1_status_text(299), "Unknown");
}
END_TEST

START_TEST(values_cannot_break_out)
{
    static const char *const bad[] = {"a\r\nSet-Cookie: x", "a\nb", "a\rb", "a\x7f"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct bytes out = BYTES_INIT;
        http1_answer_begin(&out, 301);
        http1_answer_field(&out, "Location", slice_str(bad[i]));
        http1_answer_end(&out);
        ck_assert(out.failed);
        bytes_fini(&out);
    }
}
END_TEST

START_TEST(dates)
{
    char date[HTTP1_DATE_SIZE + 1];
    http1_date(784111777, date);
    ck_assert_str_eq(date, "Sun, 06 Nov 1994 08:49:37 GMT");
    http1_date(0, date);
    ck_assert_str_eq(date, "Thu, 01 Jan 1970 00:00:00 GMT");
    http1_date(1709251199, date);
    ck_assert_str_eq(date, "Thu, 29 Feb 2024 23:59:59 GMT");
    for (uint64_t day = 0; day < 200000; day++) { /* to 2517, against the C library */
        char expected[64];
        time_t when = (time_t)(day * 86400 + day % 86400);
        struct tm tm;
        strftime(expected, sizeof expected, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&when, &tm));
        http1_date((uint64_t)when, date);
        ck_assert_str_eq(date, expected);
    }
    http1_date(UINT64_MAX, date);
    ck_assert_str_eq(date, "Fri, 31 Dec 9999 23:59:59 GMT");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http1 answer");
    TCase *tc = tcase_create("answer");
    tcase_set_timeout(tc, 60); /* a busy machine and sanitizers */
    tcase_add_test(tc, heads_are_exact);
    tcase_add_test(tc, values_cannot_break_out);
    tcase_add_test(tc, dates);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
