/* Deliberate bugs (common/base/mutant.h), and which promise each is meant to break. */
#ifndef WEFT_SIM_MUTANTS_H
#define WEFT_SIM_MUTANTS_H

#include <stdio.h>

#include "mutant.h"
#include "sim_violation.h"

/* False: there is none of this name. */
bool sim_mutant_set(const char *name);
void sim_mutants_list(FILE *out);
/* Is it the active one's promise? Another broken promise does not count as a catch. */
bool sim_mutant_breaks(enum sim_oracle oracle);

#endif
