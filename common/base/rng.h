/*
 * Seeded pseudo-random numbers (xoshiro256**, Blackman and Vigna 2018; seeded by splitmix64) for
 * tests, simulation and jitter. Never for secrets: session ids come from crypto.
 */
#ifndef WEFT_RNG_H
#define WEFT_RNG_H

#include <stdbool.h>
#include <stdint.h>

struct rng {
    uint64_t s[4];
};

void rng_init(struct rng *r, uint64_t seed);
uint64_t rng_u64(struct rng *r);
/* Uniform in [0, bound); bound > 0. */
uint64_t rng_below(struct rng *r, uint64_t bound);
/* Uniform in [low, high], both included. */
uint64_t rng_between(struct rng *r, uint64_t low, uint64_t high);
/* True in `percent` of 100 calls. */
bool rng_percent(struct rng *r, unsigned percent);
/* Uniform in [0, 1). */
double rng_unit(struct rng *r);

#endif
