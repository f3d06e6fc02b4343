/* What is not as it should be, in sentences: what it is, what it means for people, where to look.
 */
#ifndef WEFT_CTL_PROBLEMS_H
#define WEFT_CTL_PROBLEMS_H

#include "ctl_admin.h"
#include "ctl_probe.h"

/* Appends a line for each; how many. One cause that many processes tell of is one line. */
size_t ctl_problems_find(const struct ctl_admin *admin, const struct ctl_probe *redis,
                         const struct ctl_probe *postgres, struct bytes *out);

#endif
