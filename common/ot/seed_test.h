/*
 * Random tests: what the environment says of seeds and cases, and assertions that name the seed.
 */
#ifndef WEFT_SEED_TEST_H
#define WEFT_SEED_TEST_H

#include <check.h>
#include <stdint.h>
#include <stdlib.h>

static inline uint64_t env_number(const char *name, uint64_t otherwise)
{
    const char *value = getenv(name);

    return value ? strtoull(value, NULL, 10) : otherwise;
}

/* `s` has a seed. Check's own assertions write to a pipe each time they hold. */
#define EXPECT(s, cond)                                                                            \
    do {                                                                                           \
        if (!(cond))                                                                               \
            ck_abort_msg("seed %lu: %s", (s)->seed, #cond);                                        \
    } while (0)

#endif
