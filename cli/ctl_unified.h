/*
 * The difference of two texts by lines, in the form of `diff -u`. Pure.
 *
 * Myers' shortest edit script (An O(ND) Difference Algorithm and Its Variations, 1986) on what lies
 * between the common lines at both ends; where more than CTL_UNIFIED_EDITS_MAX lines differ there,
 * all of it is shown as replaced, because the algorithm's memory grows with their square.
 */
#ifndef WEFT_CTL_UNIFIED_H
#define WEFT_CTL_UNIFIED_H

#include "bytes.h"

#define CTL_UNIFIED_EDITS_MAX 2000
#define CTL_UNIFIED_CONTEXT 3

/* Appends nothing where they are equal. */
void ctl_unified_write(struct slice a, const char *a_name, struct slice b, const char *b_name,
                       struct bytes *out);

#endif
