/* The tables of options and of numbers are sound. */
#include <check.h>

#include "worker_config.h"
#include "worker_metrics.h"

START_TEST(test_options)
{
    size_t row = 0;
    const char *wrong = conf_spec_check(&worker_spec, &row);

    ck_assert_msg(!wrong, "option %zu: %s", row, wrong);
}
END_TEST

START_TEST(test_stats)
{
    const char *name = NULL, *wrong = obs_tables_check(worker_metrics_tables, &name);

    ck_assert_msg(!wrong, "%s: %s", name, wrong);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("worker tables");
    TCase *t = tcase_create("all");

    tcase_add_test(t, test_options);
    tcase_add_test(t, test_stats);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
