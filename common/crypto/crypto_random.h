/* Random bytes for secrets and ids, from the kernel (getrandom). For jitter and tests: rng.h. */
#ifndef WEFT_CRYPTO_RANDOM_H
#define WEFT_CRYPTO_RANDOM_H

#include <stddef.h>

/* Fills `data`. Stops the process if the kernel has no randomness: nothing may go on without. */
void crypto_random(void *data, size_t size);

#endif
