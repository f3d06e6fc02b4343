/* One worker's core against a fake shell: what gateways hear, what storage is asked, in order. */
#include <stdlib.h>

#include "wk_cases_test.h"

int main(void)
{
    Suite *suite = suite_create("worker core");
    suite_add_tcase(suite, wk_commit_cases());
    suite_add_tcase(suite, wk_commits_apart_cases());
    suite_add_tcase(suite, wk_session_cases());
    suite_add_tcase(suite, wk_loss_cases());
    suite_add_tcase(suite, wk_stored_cases());
    suite_add_tcase(suite, wk_bounds_cases());
    suite_add_tcase(suite, wk_small_cases());
    suite_add_tcase(suite, wk_open_cases());
    suite_add_tcase(suite, wk_base_cases());
    suite_add_tcase(suite, wk_create_cases());
    suite_add_tcase(suite, wk_damage_cases());
    suite_add_tcase(suite, wk_member_cases());
    suite_add_tcase(suite, wk_leaving_cases());
    wk_handoff_add(suite);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
