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

struct arena_block {
    struct arena_block *next;
    size_t capacity;
    _Alignas(16) unsigned char data[];
};

struct arena {
    struct arena_block *first;   /* owned */
    struct arena_block *current; /* within first's chain */
    unsigned char *at, *end;     /* what is free of current */
    size_t used;                 /* handed out since reset */
    size_t size_max;
};

void arena_init(struct arena *a, size_t size_max);
void arena_fini(struct arena *a);
/* Frees all but the first block: part of arena_reset(). */
void arena_shorten(struct arena *a);
/* From a new block: part of arena_alloc(). */
void *arena_alloc_block(struct arena *a, size_t size);

/* Forgets everything that was handed out; frees all but the first block. */
static inline void arena_reset(struct arena *a)
{
    if (a->current != a->first)
        arena_shorten(a);
    if (a->first)
        a->at = a->first->data;
    a->used = 0;
}

/* The same, and keeps nothing that is larger: for what is decoded next is small again. */
void arena_release(struct arena *a, size_t kept_max);

/* 16-byte aligned; NULL when memory is out or the bound is reached. Not zeroed. */
static inline void *arena_alloc(struct arena *a, size_t size)
{
    if (size > a->size_max || a->used > a->size_max - size)
        return NULL;
    size = (size + 15) & ~(size_t)15;
    if ((size_t)(a->end - a->at) < size)
        return arena_alloc_block(a, size);
    void *at = a->at;
    a->at += size;
    a->used += size;
    return at;
}

/* Was this the last allocation, so that it can be trimmed? */
static inline bool arena_is_last(const struct arena *a, const void *at, size_t size)
{
    return (const unsigned char *)at + ((size + 15) & ~(size_t)15) == a->at;
}

/* Gives back the end of what arena_alloc handed out last: `kept` of its `size` bytes stay. */
static inline void arena_trim(struct arena *a, size_t size, size_t kept)
{
    size = ((size + 15) & ~(size_t)15) - ((kept + 15) & ~(size_t)15);
    a->at -= size;
    a->used -= size;
}

void *arena_copy(struct arena *a, const void *data, size_t size);

#endif
