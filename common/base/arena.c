#include "arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BLOCK_SIZE 4096

struct arena_block {
    struct arena_block *next;
    size_t capacity;
    size_t used;
    _Alignas(16) unsigned char data[];
};

void arena_init(struct arena *a, size_t size_max)
{
    *a = (struct arena){.size_max = size_max};
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
    *a = (struct arena){.size_max = a->size_max};
}

void arena_reset(struct arena *a)
{
    if (a->first) {
        blocks_free(a->first->next);
        a->first->next = NULL;
        a->first->used = 0;
    }
    a->current = a->first;
    a->used = 0;
}

static struct arena_block *block_new(size_t size)
{
    size_t capacity = size > ARENA_BLOCK_SIZE ? size : ARENA_BLOCK_SIZE;
    struct arena_block *block = malloc(sizeof *block + capacity);

    if (block)
        *block = (struct arena_block){.capacity = capacity};
    return block;
}

void *arena_alloc(struct arena *a, size_t size)
{
    if (size > a->size_max || a->used > a->size_max - size)
        return NULL;
    size = (size + 15) & ~(size_t)15;
    struct arena_block *block = a->current;
    if (!block || block->capacity - block->used < size) {
        block = block_new(size);
        if (!block)
            return NULL;
        if (a->current)
            a->current->next = block;
        else
            a->first = block;
        a->current = block;
    }
    void *at = block->data + block->used;
    block->used += size;
    a->used += size;
    return at;
}

void *arena_copy(struct arena *a, const void *data, size_t size)
{
    void *at = arena_alloc(a, size);

    if (at && size)
        memcpy(at, data, size);
    return at;
}
