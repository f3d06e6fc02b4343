/*
 * The seed of a random test: what the environment variable WEFT_SEED says (decimal, or hex behind
 * 0x), else the clock. It is printed, so that a failure can be had again.
 */
#ifndef WEFT_SUPPORT_SEED_H
#define WEFT_SUPPORT_SEED_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline uint64_t support_seed(void)
{
    const char *given = getenv("WEFT_SEED");
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    uint64_t seed =
        given ? strtoull(given, NULL, 0) : (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
    printf("WEFT_SEED=%llu\n", (unsigned long long)seed);
    fflush(stdout); /* Check forks */
    return seed;
}

#endif
