/*
 * Bump allocator for the decoding of one message: allocate freely, release all at once. It never
 * hands out more than `size_max` bytes in sum, which is what bounds a hostile message (protobuf-c
 * allocates up to 65 times the wire size).
 *
 * Blocks are kept by reset, so a loop that decodes with one arena stops allocating.
 */
#ifndef WEFT_ARENA_H
#define WEFT_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct arena_block;

struct arena {
    struct arena_block *first;   /* owned */
    struct arena_block *current; /* within first's chain */
    size_t used;                 /* handed out since reset */
    size_t size_max;
};

void arena_init(struct arena *a, size_t size_max);
void arena_fini(struct arena *a);
/* Forgets everything that was handed out; frees all but the first block. */
void arena_reset(struct arena *a);
/* 16-byte aligned; NULL when memory is out or the bound is reached. Not zeroed. */
void *arena_alloc(struct arena *a, size_t size);
void *arena_copy(struct arena *a, const void *data, size_t size);

#endif
