/*
 * The test of a service's tables, options and numbers alike: main() of the program that includes
 * this returns support_tables_run().
 */
#ifndef WEFT_SUPPORT_TABLES_H
#define WEFT_SUPPORT_TABLES_H

#include <check.h>
#include <stdlib.h>

#include "conf_option.h"
#include "obs_stats.h"

/* Check's tests take no argument. */
static const struct conf_spec *tables_options;
static obs_table_fn *const *tables_numbers;

START_TEST(options_are_sound)
{
    size_t row = 0;
    const char *wrong = conf_spec_check(tables_options, &row);

    ck_assert_msg(!wrong, "option %zu: %s", row, wrong);
}
END_TEST

START_TEST(numbers_are_sound)
{
    const char *name = NULL, *wrong = obs_tables_check(tables_numbers, &name);

    ck_assert_msg(!wrong, "%s: %s", name, wrong);
}
END_TEST

static int support_tables_run(const char *suite, const struct conf_spec *options,
                              obs_table_fn *const *numbers)
{
    Suite *s = suite_create(suite);
    TCase *t = tcase_create("tables");

    tables_options = options;
    tables_numbers = numbers;
    tcase_add_test(t, options_are_sound);
    tcase_add_test(t, numbers_are_sound);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
