/* The parts of wk_core_test: one file per subject. Each test starts and stops its own worker. */
#ifndef WEFT_WK_CASES_TEST_H
#define WEFT_WK_CASES_TEST_H

#include <check.h>

TCase *wk_commit_cases(void);  /* group commit, the ack gate */
TCase *wk_session_cases(void); /* names, repeats, ends of sessions */

#endif
