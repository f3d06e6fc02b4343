/* Reading a metrics page in Prometheus' text form. Pure. */
#ifndef WEFT_CTL_METRIC_H
#define WEFT_CTL_METRIC_H

#include <stdbool.h>

#include "bytes.h"

/* The next line of a text, without its newline. False: there is none. */
bool ctl_line_take(struct slice *text, struct slice *ret);

/* A series as it is written: name{label="value"}. False: the page does not have it. */
bool ctl_metric(struct slice page, const char *series, double *ret);
/* 0 where the page does not have it. */
double ctl_metric_or_0(struct slice page, const char *series);
/*
 * The value that a share `q` (0 to 1) of what a histogram gained between two pages does not exceed,
 * as the upper bound of its bucket; `before` may be empty. False: it gained nothing. `labels` is
 * the inside of the braces without `le`, "" for none. What is above the last bound is INFINITY.
 */
bool ctl_metric_quantile(struct slice before, struct slice after, const char *family,
                         const char *labels, double q, double *ret);

#endif
