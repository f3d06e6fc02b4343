/* The loop of `weftctl ot`, by itself for the tests. */
#ifndef WEFT_CTL_OT_H
#define WEFT_CTL_OT_H

#include <stdbool.h>
#include <stdio.h>

#include "must.h"

struct ctl_ot_bounds {
    size_t line_bytes_max;   /* of a request */
    size_t memory_bytes_max; /* that may be used to answer one */
};

/* One answer for each line of `in`, also the last without a newline. False: `out` is gone. */
MUST_CHECK bool ctl_ot_answer_lines(FILE *in, FILE *out, const struct ctl_ot_bounds *bounds);

#endif
