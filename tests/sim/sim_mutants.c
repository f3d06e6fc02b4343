#include "sim_mutants.h"

#include <string.h>

enum mutant mutant_active;

/*
 * What each deliberate bug is meant to break. Another broken promise does not count as a catch:
 * most bugs sooner or later stop a client or two, which would prove little about the oracles.
 */
static const unsigned oracles[MUTANT_COUNT] = {
    [MUTANT_BARE_XADD] = 1u << SIM_HISTORY | 1u << SIM_APPEND,
    [MUTANT_ACK_BEFORE_APPEND] = 1u << SIM_DURABLE,
    [MUTANT_NO_DEDUPE] = 1u << SIM_ONCE,
    [MUTANT_TRIM_BEFORE_COMMIT] = 1u << SIM_TRIM,
    [MUTANT_NO_GAP_CHECK] = 1u << SIM_STREAM,
};

static const char *const texts[] = {
#define X(constant, text) text,
    MUTANTS(X)
#undef X
};

bool sim_mutant_set(const char *name)
{
    for (int i = 0; i < MUTANT_COUNT; i++) {
        size_t size = strcspn(texts[i], ":");
        if (strlen(name) == size && strncmp(texts[i], name, size) == 0) {
            mutant_active = (enum mutant)i;
            return true;
        }
    }
    return false;
}

void sim_mutants_list(FILE *out)
{
    for (int i = 1; i < MUTANT_COUNT; i++)
        fprintf(out, "    %s\n", texts[i]);
}

bool sim_mutant_breaks(enum sim_oracle oracle)
{
    return oracles[mutant_active] & 1u << oracle;
}
