/* Allocations that fail (sim_alloc.c). */
#ifndef WEFT_SIM_ALLOC_H
#define WEFT_SIM_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

/* From here on the n-th fails, and with `all` whatever comes after it. */
void sim_alloc_begin(unsigned nth, bool all);
/* No more. True: one has failed. */
bool sim_alloc_end(void);

/* How many allocations were not freed yet. */
size_t sim_alloc_live(void);

unsigned sim_alloc_hold(void);
void sim_alloc_go_on(const unsigned *held);
/* In a function that a core calls: until it returns no allocation fails. */
#define SIM_ALLOC_OUTSIDE                                                                          \
    const unsigned outside __attribute__((cleanup(sim_alloc_go_on), unused)) = sim_alloc_hold()

#endif
