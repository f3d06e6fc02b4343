/* Command lines: what is understood, and that what is not is said in one line. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "ctl_args.h"

static const struct ctl_option options[] = {
    {"rev", "N", offsetof(struct ctl_args, doc), "A value."},
    {"json", NULL, offsetof(struct ctl_args, json), "A flag."},
};
static const struct ctl_verb verb = {.name = "try",
                                     .operand = "DOC",
                                     .summary = "tries",
                                     .more = "  weftctl try x\n",
                                     .options = options,
                                     .option_count = 2};
static const struct ctl_verb bare = {.name = "bare", .summary = "takes nothing", .more = ""};

static struct ctl ctl;
static char *said; /* owned */
static size_t said_size;

static void setup(void)
{
    ctl = (struct ctl){.err = open_memstream(&said, &said_size)};
}

static void teardown(void)
{
    fclose(ctl.err);
    free(said);
}

static int read_line(const struct ctl_verb *of, const char *a, const char *b, const char *c,
                     const char *d)
{
    const char *argv[] = {of->name, a, b, c, d, NULL};
    int argc = 1;

    while (argv[argc])
        argc++;
    int got = (int)ctl_args_read(of, argc, (char *const *)(uintptr_t)argv, &ctl);
    fflush(ctl.err);
    return got;
}

START_TEST(options_and_operand_in_any_order)
{
    ck_assert_int_eq(read_line(&verb, "d", "--json", NULL, NULL), CTL_ARGS_READ);
    ck_assert_str_eq(ctl.args.doc, "d");
    ck_assert(ctl.args.json);
    ck_assert_int_eq(read_line(&verb, "--json", "--", "--json", NULL), CTL_ARGS_READ);
    ck_assert_str_eq(ctl.args.doc, "--json");
    ck_assert_int_eq(read_line(&verb, "--rev=7", NULL, NULL, NULL), CTL_ARGS_READ);
    ck_assert_str_eq(ctl.args.doc, "7");
}
END_TEST

START_TEST(help_wins)
{
    ck_assert_int_eq(read_line(&verb, "d", "--help", NULL, NULL), CTL_ARGS_HELP);
    ck_assert_int_eq(read_line(&verb, "-h", NULL, NULL, NULL), CTL_ARGS_HELP);
}
END_TEST

static void wrong(const char *what)
{
    ck_assert_ptr_nonnull(strstr(said, what));
    ck_assert_ptr_eq(strchr(said, '\n'), said + strlen(said) - 1);
}

START_TEST(an_unknown_option_is_named)
{
    ck_assert_int_eq(read_line(&verb, "d", "--tests", NULL, NULL), CTL_ARGS_WRONG);
    wrong("weftctl try: cannot use --tests");
}
END_TEST

START_TEST(a_missing_value_is_named)
{
    ck_assert_int_eq(read_line(&verb, "d", "--rev", NULL, NULL), CTL_ARGS_WRONG);
    wrong("no value behind --rev");
}
END_TEST

START_TEST(a_value_too_many_is_named)
{
    ck_assert_int_eq(read_line(&verb, "--json=yes", NULL, NULL, NULL), CTL_ARGS_WRONG);
    wrong("cannot use --json=yes");
}
END_TEST

START_TEST(an_operand_too_many_is_named)
{
    ck_assert_int_eq(read_line(&verb, "d", "e", NULL, NULL), CTL_ARGS_WRONG);
    wrong("unexpected argument e");
    ck_assert_int_eq(read_line(&bare, "f", NULL, NULL, NULL), CTL_ARGS_WRONG);
    ck_assert_ptr_nonnull(strstr(said, "unexpected argument f"));
}
END_TEST

static enum ctl_exit program(const char *a, const char *b, FILE *out)
{
    const char *argv[] = {"weftctl", a, b, NULL};
    enum ctl_exit status = ctl_run(b   ? 3
                                   : a ? 2
                                       : 1,
                                   (char *const *)(uintptr_t)argv, NULL, out, ctl.err);

    fflush(ctl.err);
    return status;
}

START_TEST(the_program_finds_its_verbs)
{
    char *shown = NULL;
    size_t size;
    FILE *out = open_memstream(&shown, &size);

    ck_assert_int_eq(program("--help", NULL, out), CTL_YES);
    ck_assert_int_eq(program("ot", "--help", out), CTL_YES);
    fclose(out);
    ck_assert_ptr_nonnull(strstr(shown, "weftctl VERB --help"));
    ck_assert_ptr_nonnull(strstr(shown, "usage: weftctl ot"));
    free(shown);
    ck_assert_int_eq(program("dance", NULL, NULL), CTL_USAGE);
    wrong("there is no verb 'dance'");
    ck_assert_int_eq(program(NULL, NULL, NULL), CTL_USAGE);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("weftctl command line");
    TCase *c = tcase_create("args");

    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, options_and_operand_in_any_order);
    tcase_add_test(c, help_wins);
    tcase_add_test(c, an_unknown_option_is_named);
    tcase_add_test(c, a_missing_value_is_named);
    tcase_add_test(c, a_value_too_many_is_named);
    tcase_add_test(c, an_operand_too_many_is_named);
    tcase_add_test(c, the_program_finds_its_verbs);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
