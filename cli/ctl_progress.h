/* How far long work is: a bar on stderr, at most five times a second, to a terminal only. */
#ifndef WEFT_CTL_PROGRESS_H
#define WEFT_CTL_PROGRESS_H

#include <stdint.h>

#include "ctl_verb.h"

struct ctl_progress {
    struct ctl *ctl; /* borrowed */
    bool terminal;   /* else nothing is shown */
    bool shown;
    int64_t told_us;
};

void ctl_progress_init(struct ctl_progress *p, struct ctl *ctl);
/* total 0: not known, and there is no bar but a count. */
void ctl_progress_show(struct ctl_progress *p, uint64_t done, uint64_t total, const char *what);
/* Wipes it: before anything else is written, and at the end. */
void ctl_progress_end(struct ctl_progress *p);
/* The line itself, without the return to its start: for the test. */
void ctl_progress_line(char *line, size_t size, uint64_t done, uint64_t total, const char *what);

#endif
