/* The parts of wk_core_test: one file per subject. Each test starts and stops its own worker. */
#ifndef WEFT_WK_CASES_TEST_H
#define WEFT_WK_CASES_TEST_H

#include <check.h>

TCase *wk_commit_cases(void); /* group commit, the ack gate */
TCase *wk_commits_apart_cases(void);
TCase *wk_session_cases(void); /* names, repeats, ends of sessions */
TCase *wk_loss_cases(void);    /* appends that do not win, lost tails, other workers */
TCase *wk_stored_cases(void);  /* what PostgreSQL has against what Redis has */
TCase *wk_bounds_cases(void);  /* what is held, what is put off */
TCase *wk_small_cases(void);   /* the same with small bounds */
TCase *wk_open_cases(void);    /* opens, history */
TCase *wk_base_cases(void);    /* bases far back, ahead, nowhere */
TCase *wk_create_cases(void);  /* creation */
TCase *wk_damage_cases(void);  /* damaged logs */
TCase *wk_member_cases(void);  /* views, moves */
TCase *wk_leaving_cases(void);
void wk_handoff_add(Suite *suite); /* what is kept after a handoff */

#endif
