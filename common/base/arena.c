#include "arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BLOCK_SIZE 4096

/* Nothing at its own address is free: no allocation, not even of 0 bytes, is at NULL. */
void arena_init(struct arena *a, size_t size_max)
{
    *a = (struct arena){.at = (unsigned char *)a, .end = (unsigned char *)a, .size_max = size_max};
}

static void blocks_free(struct arena_block *block)
{
    while (block) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
}

void arena_fini(struct arena *a)
{
    blocks_free(a->first);
    arena_init(a, a->size_max);
}

void arena_shorten(struct arena *a)
{
    blocks_free(a->first->next);
    a->first->next = NULL;
    a->current = a->first;
    a->end = a->first->data + a->first->capacity;
}

void arena_release(struct arena *a, size_t kept_max)
{
    arena_reset(a);
    if (a->first && a->first->capacity > kept_max)
        arena_fini(a);
}

static struct arena_block *block_new(size_t size)
{
    size_t capacity = size > ARENA_BLOCK_SIZE ? size : ARENA_BLOCK_SIZE;
    struct arena_block *block = malloc(sizeof *block + capacity);

    if (block) {
        block->next = NULL;
        block->capacity = capacity;
    }
    return block;
}

void *arena_alloc_block(struct arena *a, size_t size)
{
    struct arena_block *block = block_new(size);

    if (!block)
        return NULL;
    if (a->current)
        a->current->next = block;
    else
        a->first = block;
    a->current = block;
    a->at = block->data + size;
    a->end = block->data + block->capacity;
    a->used += size;
    return block->data;
}

void *arena_copy(struct arena *a, const void *data, size_t size)
{
    void *at = arena_alloc(a, size);

    if (at && size)
        memcpy(at, data, size);
    return at;
}
