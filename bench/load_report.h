/* What people and scripts get to read: a line each second, and the result. */
#ifndef WEFT_LOAD_REPORT_H
#define WEFT_LOAD_REPORT_H

#include "load_run.h"
#include "load_tally.h"

/* One line on standard error about the time since `before` was taken. */
void load_progress_print(struct load_world *w, const struct load_tally *before, double seconds);
/* The result: in words unless --json, then as one JSON object on the last line. */
void load_result_print(const struct load_world *w, const struct load_result *result);
bool load_result_good(const struct load_result *result);

#endif
