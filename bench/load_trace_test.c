#include "load_trace.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "ot_rope.h"

static struct trace trace;
static struct bytes error;

static bool parse(const char *json)
{
    struct bytes text = BYTES_INIT;

    trace_fini(&trace);
    bytes_reset(&error);
    bytes_append_str(&text, json);
    return trace_parse(&text, &trace, &error);
}

static void teardown(void)
{
    trace_fini(&trace);
    bytes_fini(&error);
}

static const char *const small =
    "{\"kind\": [1, {\"a\": null}, \"\\u0041\"], \"startContent\": \"ab\",\n"
    " \"txns\": [{\"time\": \"2021-01-23T08:34:09.000Z\", \"patches\": [[2, 0, \"\\\"\\u00e9\\n\"],"
    " [0, 1, \"\"]]}, {\"patches\": []}, {\"patches\":[[3,1,\"\xe2\x82\xac\"]], \"agent\": "
    "-1.5e3}],"
    " \"endContent\": \"b\\\"\xc3\xa9\xe2\x82\xac\"} ";

START_TEST(a_small_one)
{
    ck_assert(parse(small));
    ck_assert_uint_eq(trace.txns, 3);
    ck_assert_uint_eq(trace.count, 3);
    ck_assert(slice_equal(trace.start, slice_str("ab")));
    ck_assert(slice_equal(trace.end, slice_str("b\"\xc3\xa9\xe2\x82\xac")));
    ck_assert(slice_equal(trace.patches[0].inserted, slice_str("\"\xc3\xa9\n")));
    ck_assert_uint_eq(trace.patches[0].inserted_units, 3);
    ck_assert_uint_eq(trace.patches[0].position, 2);
    ck_assert_uint_eq(trace.patches[1].deleted, 1);
    ck_assert_uint_eq(trace.patches[2].position, 3);
}
END_TEST

/* Whatever it is cut to, it is refused and nothing is read behind it. */
START_TEST(every_cut)
{
    for (size_t size = 0; size < strlen(small) - 1; size++) {
        struct bytes text = BYTES_INIT;
        bytes_append(&text, small, size);
        bytes_reset(&error);
        ck_assert_msg(!trace_parse(&text, &trace, &error), "%zu", size);
        ck_assert_uint_gt(error.size, 0);
    }
}
END_TEST

START_TEST(what_is_refused)
{
    static const struct {
        const char *json, *why;
    } bad[] = {
        {"[]", "an object expected"},
        {"{}", "no patches"},
        {"{\"txns\": []}", "no patches"},
        {"{\"txns\": [{\"patches\": [[1, 2]]}]}", "',' expected"},
        {"{\"txns\": [{\"patches\": [[-1, 2, \"\"]]}]}", "a whole number expected"},
        {"{\"txns\": [{\"patches\": [[3000000000, 2, \"\"]]}]}", "too large"},
        {"{\"txns\": [{\"patches\": [[1, 2, \"\\x\"]]}]}", "escape"},
        {"{\"txns\": [{\"patches\": [[1, 2, \"\\u12g4\"]]}]}", "escape"},
        {"{\"txns\": [{\"patches\": [[1, 2, \"\\ud83d\\ude00\"]]}]}", "above U+FFFF"},
        {"{\"txns\": [{\"patches\": [[1, 2, \"\xf0\x9f\x98\x80\"]]}]}", "above U+FFFF"},
        {"{\"txns\": [{\"patches\": [[1, 2, \"\xff\"]]}]}", "above U+FFFF"},
        {"{\"txns\": [{\"patches\": [[1, 2, \"\xc3\"]]}]}", "not UTF-8"},
        {"{\"txns\": [{\"patches\": [[1, 2, \"\"]]}]} x", "behind the end"},
        {"{\"x\": [[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]}", "too deep"},
        {"{\"x\": !}", "a value expected"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_msg(!parse(bad[i].json), "%s", bad[i].json);
        bytes_append_u8(&error, 0);
        ck_assert_msg(strstr((char *)error.data, bad[i].why), "%s: %s", bad[i].json, error.data);
    }
}
END_TEST

static void file_write(const char *path, bool packed, size_t size)
{
    if (packed) {
        gzFile file = gzopen(path, "wb");
        ck_assert_int_eq(gzwrite(file, small, (unsigned)strlen(small)), (int)strlen(small));
        gzclose(file);
        if (size)
            ck_assert_int_eq(truncate(path, (off_t)size), 0);
    } else {
        FILE *file = fopen(path, "wb");
        fputs(small, file);
        fclose(file);
    }
}

START_TEST(files_packed_and_not)
{
    char path[] = "/tmp/weft-load-trace-XXXXXX";
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    close(fd);
    for (int packed = 0; packed < 2; packed++) {
        file_write(path, packed, 0);
        bytes_reset(&error);
        ck_assert(trace_read(path, &trace, &error));
        ck_assert_uint_eq(trace.count, 3);
        trace_fini(&trace);
    }
    file_write(path, true, 60);
    ck_assert(!trace_read(path, &trace, &error));
    /* Whose file it is, the caller says. */
    ck_assert(slice_equal(bytes_slice(&error), slice_str("unexpected end of file")));
    unlink(path);
    bytes_reset(&error);
    ck_assert(!trace_read(path, &trace, &error));
    ck_assert(slice_equal(bytes_slice(&error), slice_str("No such file or directory")));
}
END_TEST

/* The ops of a session lead from its start to its end. */
static void replay(void)
{
    struct ot_attrs_table *table = ot_attrs_table_new(1 << 16);
    struct ot_rope *rope = ot_rope_new(table);
    struct bytes text = BYTES_INIT;
    struct trace_patch start = {.inserted = trace.start, .inserted_units = 2};
    struct arena mem;
    struct ot_op op;

    arena_init(&mem, 1 << 20);
    if (trace.start.size) {
        ck_assert_int_eq(trace_op(&start, &mem, &op), 0);
        ck_assert_int_eq(ot_rope_apply(rope, &op), 0);
    }
    for (size_t i = 0; i < trace.count; i++) {
        arena_reset(&mem);
        ck_assert_int_eq(trace_op(&trace.patches[i], &mem, &op), 0);
        ck_assert_int_eq(ot_rope_apply(rope, &op), 0);
    }
    ot_rope_text(rope, &text);
    ck_assert(slice_equal(bytes_slice(&text), trace.end));
    bytes_fini(&text);
    arena_fini(&mem);
    ot_rope_free(rope);
    ot_attrs_table_free(table);
}

START_TEST(ops_lead_to_the_end)
{
    ck_assert(parse("{\"startContent\": \"ab\", \"txns\": [{\"patches\": [[2, 0, \"cde\"], [1, 2, "
                    "\"X\"], [0, 1, \"\"]]}], \"endContent\": \"Xde\"}"));
    replay();
}
END_TEST

START_TEST(recorded_sessions)
{
    static const struct {
        const char *name;
        size_t txns, patches, end_size;
    } sessions[] = {
        {"automerge-paper.json.gz", 259778, 259778, 104852},
        {"sveltecomponent.json.gz", 18335, 19749, 18451},
    };
    const char *directory = getenv("WEFT_TRACES");
    char path[4096];

    if (!directory) {
        printf("skipped: WEFT_TRACES is not set\n");
        return;
    }
    snprintf(path, sizeof path, "%s/%s", directory, sessions[_i].name);
    bool read = trace_read(path, &trace, &error);
    bytes_append_u8(&error, 0);
    ck_assert_msg(read, "%s: %s", path, error.data);
    ck_assert_uint_eq(trace.txns, sessions[_i].txns);
    ck_assert_uint_eq(trace.count, sessions[_i].patches);
    ck_assert_uint_eq(trace.end.size, sessions[_i].end_size);
    replay();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("load_trace");
    TCase *tc = tcase_create("load_trace");

    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, NULL, teardown);
    tcase_add_test(tc, a_small_one);
    tcase_add_test(tc, every_cut);
    tcase_add_test(tc, what_is_refused);
    tcase_add_test(tc, files_packed_and_not);
    tcase_add_test(tc, ops_lead_to_the_end);
    tcase_add_loop_test(tc, recorded_sessions, 0, 2);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
