#include "load_options.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "conf_option.h"

static struct load_options options;
static struct bytes text;
static char *environment[] = {NULL, NULL};

/* Words are separated by blanks. */
static int read_words(const char *words)
{
    char *argv[32], *rest = NULL, *copy = strdup(words);
    int argc = 0;

    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        argv[argc++] = word;
    argv[argc] = NULL;
    bytes_reset(&text);
    int r = load_options_read(argc, argv, environment, &options, &text);
    bytes_append_u8(&text, 0);
    free(copy);
    return r;
}

static bool says(const char *what)
{
    return strstr((char *)text.data, what);
}

static void teardown(void)
{
    bytes_fini(&text);
}

START_TEST(each_mode_has_its_own)
{
    ck_assert_int_eq(read_words("weft-load closed --docs 3 --editors 5 --seconds 7"), 0);
    ck_assert_int_eq(options.mode, LOAD_CLOSED);
    ck_assert_int_eq(options.docs, 3);
    ck_assert_int_eq(options.connections, 15);
    ck_assert_str_eq(options.url, "ws://127.0.0.1:8080/");
    load_options_fini(&options);
    ck_assert_int_eq(read_words("weft-load rate --tokens --url ws://h:1/ --rate 9 --connections 4"),
                     0);
    ck_assert(options.tokens && options.rate == 9 && options.connections == 4);
    ck_assert_str_eq(options.url, "ws://h:1/");
    load_options_fini(&options);
    ck_assert_int_eq(read_words("weft-load calibrate --up 7 --down 8"), 0);
    ck_assert(options.up_bytes == 7 && options.down_bytes == 8 && options.connections == 200);
    load_options_fini(&options);
    ck_assert_int_eq(read_words("weft-load closed --rate 9"), CONF_REFUSED);
    ck_assert(says("unknown option --rate"));
    ck_assert_int_eq(read_words("weft-load trace x --docs 9"), CONF_REFUSED);
}
END_TEST

START_TEST(a_trace_has_a_file)
{
    static const char *const good[] = {"weft-load trace a.gz --compose 3",
                                       "weft-load trace --compose 3 a.gz"};
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(read_words(good[i]), 0);
        ck_assert_int_eq(options.compose, 3);
        ck_assert_int_eq(options.docs, 1);
        ck_assert_int_eq(options.connections, 2);
        load_options_fini(&options);
    }
    ck_assert_int_eq(read_words("weft-load trace"), CONF_REFUSED);
    ck_assert(says("no FILE"));
    ck_assert_int_eq(read_words("weft-load trace a b"), CONF_REFUSED);
    ck_assert(says("unexpected argument b"));
    ck_assert_int_eq(read_words("weft-load trace a --compose 3 b"), CONF_REFUSED);
}
END_TEST

START_TEST(help_and_mistakes)
{
    ck_assert_int_eq(read_words("weft-load --help"), CONF_SHOW);
    ck_assert(says("calibrate"));
    ck_assert_int_eq(read_words("weft-load rate --help"), CONF_SHOW);
    ck_assert(says("--tokens"));
    ck_assert_int_eq(read_words("weft-load"), CONF_REFUSED);
    ck_assert_int_eq(read_words("weft-load burn"), CONF_REFUSED);
    ck_assert(says("no mode is called burn"));
    ck_assert_int_eq(read_words("weft-load closed x"), CONF_REFUSED);
    ck_assert_int_eq(read_words("weft-load closed --docs 0"), CONF_REFUSED);
    ck_assert(says("docs = 0"));
    ck_assert_int_eq(read_words("weft-load closed --url http://h/"), CONF_REFUSED);
    ck_assert(says("--url http://h/: "));
}
END_TEST

START_TEST(connections_have_bounds)
{
    ck_assert_int_eq(read_words("weft-load closed --editors 5 --connections 4"), CONF_REFUSED);
    ck_assert(says("at least one for each of the 5 editors"));
    ck_assert_int_eq(read_words("weft-load closed --docs 100000 --editors 10000"), CONF_REFUSED);
    ck_assert(says("a process may open"));
    environment[0] = (char *)"WEFT_URL=ws://elsewhere:9/";
    ck_assert_int_eq(read_words("weft-load closed"), 0);
    ck_assert_str_eq(options.url, "ws://elsewhere:9/");
    load_options_fini(&options);
    environment[0] = NULL;
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("load_options");
    TCase *tc = tcase_create("load_options");

    tcase_add_checked_fixture(tc, NULL, teardown);
    tcase_add_test(tc, each_mode_has_its_own);
    tcase_add_test(tc, a_trace_has_a_file);
    tcase_add_test(tc, help_and_mistakes);
    tcase_add_test(tc, connections_have_bounds);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
