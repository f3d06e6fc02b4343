/* `weftctl ot` and lines that mean it ill: each gets one answer, and the next one is heard. */
#include <check.h>
#include <stdlib.h>

#include "bytes.h"
#include "ctl_ot.h"
#include "ctl_verb.h"

static const struct ctl_ot_bounds usual = {(size_t)16 << 20, (size_t)64 << 20};
static char *answers; /* owned */
static size_t answers_size;

static void answer(struct slice lines, const struct ctl_ot_bounds *bounds)
{
    FILE *in = fmemopen((void *)(uintptr_t)lines.data, lines.size, "r");

    free(answers);
    FILE *out = open_memstream(&answers, &answers_size);
    ck_assert_ptr_nonnull(in);
    ck_assert_ptr_nonnull(out);
    ck_assert(ctl_ot_answer_lines(in, out, bounds));
    fclose(in);
    fclose(out);
}

static void teardown(void)
{
    free(answers);
    answers = NULL;
}

static const char good[] = "{\"fn\":\"compose\",\"a\":[{\"insert\":\"a\"}],\"b\":[]}";
static const char good_answer[] = "{\"result\":[{\"insert\":\"a\"}]}\n";

/* The line is refused with this code, and the good one behind it is answered. */
static void refused(struct slice line, const char *code, const struct ctl_ot_bounds *bounds)
{
    struct bytes lines = BYTES_INIT;
    char begin[64];

    bytes_append_slice(&lines, line);
    bytes_append_u8(&lines, '\n');
    bytes_append_str(&lines, good);
    answer(bytes_slice(&lines), bounds);
    bytes_fini(&lines);
    snprintf(begin, sizeof begin, "{\"error\":{\"code\":\"%s\",\"message\":\"", code);
    ck_assert_msg(strncmp(answers, begin, strlen(begin)) == 0, "%.200s", answers);
    const char *second = strchr(answers, '\n') + 1;
    ck_assert_str_eq(second, good_answer);
}

START_TEST(the_functions_of_the_algebra)
{
    answer(slice_str("{\"fn\":\"apply\",\"doc\":[{\"insert\":\"ac\"}],\"a\":[{\"retain\":1},"
                     "{\"insert\":\"b\"}]}\n"
                     "{\"fn\":\"transform\",\"a\":[{\"insert\":\"x\"}],\"b\":[{\"insert\":\"y\"}],"
                     "\"first\":true}\r\n"
                     "{\"fn\":\"invert\",\"doc\":[{\"insert\":\"q\"}],\"a\":[{\"delete\":1}]}"),
           &usual);
    ck_assert_str_eq(answers, "{\"result\":[{\"insert\":\"abc\"}]}\n"
                              "{\"result\":[{\"retain\":1},{\"insert\":\"y\"}]}\n"
                              "{\"result\":[{\"insert\":\"q\"}]}\n");
}
END_TEST

static const struct {
    const char *line, *code;
} hostile[] = {
    {"", "bad-json"},
    {"nonsense", "bad-json"},
    {"[]", "bad-json"},
    {"{\"fn\":\"apply\"", "bad-json"},
    {"{\"fn\":\"apply\"} {}", "bad-json"},
    {"{\"fn\":\"format-disk\"}", "bad-json"},
    {"{\"fn\":7}", "bad-json"},
    {"{\"a\":[]}", "bad-json"},
    {"{\"fn\":\"compose\",\"a\":[]}", "bad-json"},
    {"{\"fn\":\"compose\",\"a\":[],\"a\":[],\"b\":[]}", "bad-json"},
    {"{\"fn\":\"compose\",\"a\":[{\"insert\":\"\\ud83d\"}],\"b\":[]}", "bad-utf8"},
    {"{\"fn\":\"compose\",\"a\":[{\"insert\":\"\\udca9\\ud83d\"}],\"b\":[]}", "bad-utf8"},
    {"{\"fn\":\"compose\",\"a\":[{\"insert\":\"\xed\xa0\xbd\"}],\"b\":[]}", "bad-utf8"},
    {"{\"fn\":\"compose\",\"a\":[{\"insert\":\"\xc3\"}],\"b\":[]}", "bad-utf8"},
    {"{\"fn\":\"compose\",\"a\":[{\"retain\":1e300}],\"b\":[]}", "too-large"},
    {"{\"fn\":\"compose\",\"a\":[{\"retain\":-1}],\"b\":[]}", "bad-json"},
    {"{\"fn\":\"compose\",\"a\":[{\"insert\":NaN}],\"b\":[]}", "bad-json"},
    {"{\"fn\":\"compose\",\"a\":[{\"retain\":1e999}],\"b\":[]}", "too-large"},
    {"{\"fn\":\"compose\",\"a\":[{\"delete\":0.5}],\"b\":[]}", "bad-json"},
    {"{\"fn\":\"apply\",\"doc\":[{\"delete\":1}],\"a\":[]}", "not-document"},
    {"{\"fn\":\"apply\",\"doc\":[{\"insert\":\"\xf0\x9f\x92\xa9\"}],\"a\":[{\"delete\":1}]}",
     "cuts-pair"},
    {"{\"fn\":\"apply\",\"doc\":[],\"a\":[{\"delete\":1}]}", "too-long"},
};

START_TEST(a_hostile_line_is_refused_and_the_next_is_heard)
{
    refused(slice_str(hostile[_i].line), hostile[_i].code, &usual);
}
END_TEST

/* Half a word about a request would be a wrong answer. */
START_TEST(what_is_wrong_with_a_request_is_said)
{
    answer(slice_str("[]\n7\n{\"fn\":\"transform\",\"a\":[],\"b\":[],\"first\":1}\n"
                     "{\"fn\":\"apply\",\"doc\":[],\"a\":[],\"rich\":\"yes\"}\n"
                     "{\"fn\":\"cursor\",\"a\":[],\"index\":1,\"sticks_left\":null}\n"),
           &usual);
#define SAYS(words) "{\"error\":{\"code\":\"bad-json\",\"message\":\"" words "\"}}\n"
    ck_assert_str_eq(answers, SAYS("a request is a JSON object") SAYS("a request is a JSON object")
                                  SAYS("'first' is neither true nor false")
                                      SAYS("'rich' is neither true nor false")
                                          SAYS("'sticks_left' is neither true nor false"));
}
END_TEST

START_TEST(a_nul_is_refused)
{
    static const char line[] = "{\"fn\":\"compose\",\0\"a\":[],\"b\":[]}";
    refused(slice_of(line, sizeof line - 1), "bad-json", &usual);
}
END_TEST

START_TEST(an_escaped_nul_is_text)
{
    answer(slice_str("{\"fn\":\"compose\",\"a\":[{\"insert\":\"\\u0000\"}],\"b\":[]}"), &usual);
    ck_assert_str_eq(answers, "{\"result\":[{\"insert\":\"\\u0000\"}]}\n");
}
END_TEST

static void nested(struct bytes *line, const char *before, const char *after)
{
    bytes_append_str(line, before);
    for (int i = 0; i < 100000; i++)
        bytes_append_u8(line, '[');
    for (int i = 0; i < 100000; i++)
        bytes_append_u8(line, ']');
    bytes_append_str(line, after);
}

START_TEST(deep_nesting_is_refused)
{
    struct bytes line = BYTES_INIT;

    nested(&line, "", "");
    refused(bytes_slice(&line), "too-large", &usual);
    bytes_reset(&line);
    nested(&line, "{\"fn\":\"compose\",\"b\":[],\"a\":[{\"insert\":{\"x\":", "}}]}");
    refused(bytes_slice(&line), "too-large", &usual);
    bytes_fini(&line);
}
END_TEST

START_TEST(ten_megabytes_are_answered)
{
    struct bytes line = BYTES_INIT;
    const size_t size = 10 << 20;

    bytes_append_str(&line, "{\"fn\":\"compose\",\"b\":[],\"a\":[{\"insert\":\"");
    for (size_t i = 0; i < size; i++)
        bytes_append_u8(&line, 'x');
    bytes_append_str(&line, "\"}]}\n");
    answer(bytes_slice(&line), &(struct ctl_ot_bounds){(size_t)16 << 20, (size_t)256 << 20});
    bytes_fini(&line);
    ck_assert_uint_gt(answers_size, size);
    ck_assert_int_eq(strncmp(answers, "{\"result\":[{\"insert\":\"xxx", 24), 0);
}
END_TEST

START_TEST(a_line_beyond_the_bound_is_passed_over)
{
    struct bytes line = BYTES_INIT;

    for (int i = 0; i < 10 << 20; i++)
        bytes_append_u8(&line, '{');
    refused(bytes_slice(&line), "too-large",
            &(struct ctl_ot_bounds){(size_t)1 << 20, (size_t)64 << 20});
    ck_assert_ptr_nonnull(strstr(answers, "longer than 1048576 bytes"));
    bytes_fini(&line);
}
END_TEST

START_TEST(what_would_take_too_much_memory_is_refused)
{
    struct bytes line = BYTES_INIT;

    bytes_append_str(&line, "{\"fn\":[[]");
    for (int i = 0; i < 100000; i++)
        bytes_append_str(&line, ",[]");
    bytes_append_str(&line, "]}");
    refused(bytes_slice(&line), "too-large",
            &(struct ctl_ot_bounds){(size_t)1 << 20, (size_t)1 << 20});
    bytes_fini(&line);
}
END_TEST

START_TEST(a_reader_that_is_gone_ends_it)
{
    FILE *in = fmemopen((void *)(uintptr_t)good, sizeof good - 1, "r");
    FILE *full = fopen("/dev/full", "w");

    ck_assert(in && full);
    ck_assert(!ctl_ot_answer_lines(in, full, &usual));
    fclose(in);
    fclose(full);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("weftctl ot");
    TCase *c = tcase_create("lines");

    tcase_add_checked_fixture(c, NULL, teardown);
    tcase_add_test(c, the_functions_of_the_algebra);
    tcase_add_loop_test(c, a_hostile_line_is_refused_and_the_next_is_heard, 0,
                        sizeof hostile / sizeof hostile[0]);
    tcase_add_test(c, what_is_wrong_with_a_request_is_said);
    tcase_add_test(c, a_nul_is_refused);
    tcase_add_test(c, an_escaped_nul_is_text);
    tcase_add_test(c, deep_nesting_is_refused);
    tcase_add_test(c, ten_megabytes_are_answered);
    tcase_add_test(c, a_line_beyond_the_bound_is_passed_over);
    tcase_add_test(c, what_would_take_too_much_memory_is_refused);
    tcase_add_test(c, a_reader_that_is_gone_ends_it);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
