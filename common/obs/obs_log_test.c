#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "obs_log.h"

static struct obs_log log_;
static uint64_t now_us;
static int fd;

static uint64_t now(void *context)
{
    return *(uint64_t *)context;
}

static void start(enum obs_log_format format, uint32_t per_second)
{
    now_us = UINT64_C(1748779200123456); /* 2025-06-01 12:00 */
    fd = memfd_create("log", 0);
    ck_assert_int_ge(fd, 0);
    obs_log_init(&log_, &(struct obs_log_config){.fd = fd,
                                                 .format = format,
                                                 .level = OBS_INFO,
                                                 .per_second = per_second,
                                                 .now_us = now,
                                                 .context = &now_us});
}

/* What was written so far, and empties it. */
static const char *written(void)
{
    static char text[200000];
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    ck_assert_int_ge(n, 0);
    text[n] = 0;
    ck_assert_int_eq(ftruncate(fd, 0), 0);
    lseek(fd, 0, SEEK_SET);
    return text;
}

static void stop(void)
{
    close(fd);
}

START_TEST(records_as_text)
{
    start(OBS_LOG_TEXT, 0);
    obs_log_event(&log_, OBS_WARN, "frame-bad",
                  OBS_FIELDS(obs_u64("conn", 12), obs_i64("delta", -3), obs_str("peer", "[::1]:80"),
                             obs_str("empty", ""), obs_doc("doc", slice_str("secret-id"))),
                  "closing with %d", 1002);
    char tag[OBS_DOC_TAG_SIZE + 1], expected[256];
    obs_doc_tag(slice_str("secret-id"), tag);
    snprintf(expected, sizeof expected,
             "2025-06-01T12:00:00.123456Z warn frame-bad conn=12 delta=-3 peer=[::1]:80 empty=\"\" "
             "doc=%s msg=\"closing with 1002\"\n",
             tag);
    ck_assert_str_eq(written(), expected);
    obs_log_event(&log_, OBS_INFO, "found", OBS_FIELDS(obs_boot("boot", 0xab12)), "%s", "");
    ck_assert_str_eq(written(), "2025-06-01T12:00:00.123456Z info found boot=000000000000ab12\n");
    obs_log_event(&log_, OBS_INFO, "plain", OBS_NO_FIELDS, "%s", "");
    ck_assert_str_eq(written(), "2025-06-01T12:00:00.123456Z info plain\n");
    obs_log_event(&log_, OBS_DEBUG, "quiet", OBS_NO_FIELDS, "below the level");
    ck_assert_str_eq(written(), "");
    stop();
}
END_TEST

START_TEST(records_as_json)
{
    start(OBS_LOG_JSON, 0);
    obs_log_event(&log_, OBS_ERROR, "disk-full",
                  OBS_FIELDS(obs_u64("conn", UINT64_MAX), obs_str("path", "/a b")), "retrying");
    ck_assert_str_eq(written(),
                     "{\"time\":\"2025-06-01T12:00:00.123456Z\",\"level\":\"error\",\"event\":"
                     "\"disk-full\",\"conn\":18446744073709551615,\"path\":\"/a b\","
                     "\"msg\":\"retrying\"}\n");
    stop();
}
END_TEST

/* XXH64("", 0) is ef46db3751d8e999: operators and tools compute the same tag. */
START_TEST(tags_never_change)
{
    char tag[OBS_DOC_TAG_SIZE + 1];
    obs_doc_tag(slice_str(""), tag);
    ck_assert_str_eq(tag, "ef46db3751d8");
}
END_TEST

START_TEST(peers_cannot_forge)
{
    struct slice evil = slice_of("a\"b\\c\nd\0e\x1b\xc3\xa4\x7f", 13);
    start(OBS_LOG_TEXT, 0);
    obs_log_event(&log_, OBS_INFO, "x", OBS_FIELDS(obs_slice("v", evil), obs_str("k", "a=b c")),
                  "two\nlines");
    const char *text = strstr(written(), "v=");
    ck_assert_str_eq(text, "v=\"a\\\"b\\\\c\\x0ad\\x00e\\x1b\\xc3\\xa4\\x7f\" k=\"a=b c\" "
                           "msg=\"two\\x0alines\"\n");
    stop();
    start(OBS_LOG_JSON, 0);
    obs_log_event(&log_, OBS_INFO, "x", OBS_FIELDS(obs_slice("v", evil)), "two\nlines");
    text = strstr(written(), "\"v\"");
    ck_assert_str_eq(text, "\"v\":\"a\\\"b\\\\c\\u000ad\\u0000e\\u001b\\u00c3\\u00a4\\u007f\","
                           "\"msg\":\"two\\u000alines\"}\n");
    stop();
}
END_TEST

/* Records are bounded, and cut ones are still whole lines with closed quotes. */
START_TEST(long_records_are_cut)
{
    static char text[3 * OBS_LOG_SIZE_MAX];
    for (int json = 0; json < 2; json++) {
        for (size_t size = 0; size < sizeof text; size += 1 + (size > 2100) * 50) {
            start(json ? OBS_LOG_JSON : OBS_LOG_TEXT, 0);
            memset(text, json ? 'x' : '"', size);
            text[size] = 0;
            obs_log_event(&log_, OBS_INFO, "x", OBS_FIELDS(obs_str("v", text)), "%s", text);
            const char *out = written();
            size_t length = strlen(out);
            const char *end = json ? "\"}\n" : "\"\n";
            ck_assert(length <= OBS_LOG_SIZE_MAX && strchr(out, '\n') == out + length - 1);
            ck_assert_msg(strcmp(out + length - strlen(end), end) == 0, "%s", out);
            if (size > OBS_LOG_SIZE_MAX)
                ck_assert(strstr(out, "...\"") && length > OBS_LOG_SIZE_MAX - 16);
            stop();
        }
    }
}
END_TEST

START_TEST(floods_are_counted)
{
    start(OBS_LOG_TEXT, 3);
    for (int i = 0; i < 10; i++)
        obs_log_event(&log_, OBS_WARN, "flood", OBS_FIELDS(obs_u64("n", i)), "%s", "");
    obs_log_event(&log_, OBS_WARN, "other-code", OBS_NO_FIELDS, "%s", "");
    const char *text = written();
    ck_assert(strstr(text, "n=2\n") && !strstr(text, "n=3") && strstr(text, "other-code"));
    ck_assert_uint_eq(log_.suppressed, 7);
    obs_log_flush(&log_); /* the second is not over */
    ck_assert_str_eq(written(), "");

    now_us += 1000000;
    obs_log_event(&log_, OBS_WARN, "flood", OBS_FIELDS(obs_u64("n", 10)), "%s", "");
    ck_assert(strstr(written(), "flood suppressed=7 n=10\n"));
    for (int i = 0; i < 4; i++)
        obs_log_event(&log_, OBS_WARN, "flood", OBS_NO_FIELDS, "%s", "");
    ck_assert(!strstr(written(), "suppressed"));
    now_us += 1000000;
    obs_log_flush(&log_);
    ck_assert(strstr(written(), "warn flood suppressed=2\n"));
    obs_log_flush(&log_);
    ck_assert_str_eq(written(), "");
    stop();
}
END_TEST

/* More codes than accounts: the rest shares one and is limited together. */
START_TEST(accounts_are_bounded)
{
    static char codes[2 * OBS_LOG_CODES_MAX][8];
    start(OBS_LOG_TEXT, 5);
    unsigned lines = 0;
    for (int i = 0; i < 2 * OBS_LOG_CODES_MAX; i++) {
        snprintf(codes[i], sizeof codes[i], "c%d", i);
        obs_log_event(&log_, OBS_WARN, codes[i], OBS_NO_FIELDS, "%s", "");
    }
    for (const char *at = written(); (at = strchr(at, '\n')); at++)
        lines++;
    ck_assert_uint_eq(lines, OBS_LOG_CODES_MAX + 5);
    ck_assert_uint_eq(log_.suppressed, OBS_LOG_CODES_MAX - 5);
    now_us += 1000000;
    obs_log_flush(&log_);
    ck_assert(strstr(written(), "other suppressed=123\n"));
    stop();
}
END_TEST

START_TEST(a_full_pipe_loses_records_not_time)
{
    int ends[2];
    start(OBS_LOG_TEXT, 0);
    ck_assert_int_eq(pipe2(ends, O_NONBLOCK), 0);
    log_.config.fd = ends[1];
    for (int i = 0; i < 10000; i++)
        obs_log_event(&log_, OBS_INFO, "x", OBS_NO_FIELDS, "%050d", i);
    ck_assert(log_.lost > 1000 && log_.lost < 10000);
    close(ends[0]);
    close(ends[1]);
    stop();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("obs log");
    TCase *tc = tcase_create("log");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, records_as_text);
    tcase_add_test(tc, records_as_json);
    tcase_add_test(tc, tags_never_change);
    tcase_add_test(tc, peers_cannot_forge);
    tcase_add_test(tc, long_records_are_cut);
    tcase_add_test(tc, floods_are_counted);
    tcase_add_test(tc, accounts_are_bounded);
    tcase_add_test(tc, a_full_pipe_loses_records_not_time);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
