/*
 * Input that ends at a page which may not be touched: a parser that reads one byte too far crashes
 * in every build. Header only, for unit tests of parsers.
 */
#ifndef WEFT_GUARD_PAGE_H
#define WEFT_GUARD_PAGE_H

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "must.h"

struct guard_page {
    uint8_t *map; /* owned */
    size_t size;  /* usable bytes before the guard */
};

#define GUARD_PAGE_SIZE 4096

static inline void guard_page_init(struct guard_page *g, size_t size)
{
    g->size = (size + GUARD_PAGE_SIZE - 1) / GUARD_PAGE_SIZE * GUARD_PAGE_SIZE;
    g->map = mmap(NULL, g->size + GUARD_PAGE_SIZE, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MUST(g->map != MAP_FAILED);
    MUST(mprotect(g->map + g->size, GUARD_PAGE_SIZE, PROT_NONE) == 0);
}

static inline void guard_page_fini(struct guard_page *g)
{
    munmap(g->map, g->size + GUARD_PAGE_SIZE);
}

/* A writable copy that ends at the guard; good until the next call. */
static inline uint8_t *guard_page_put(struct guard_page *g, const void *data, size_t size)
{
    MUST(size <= g->size);
    uint8_t *at = g->map + g->size - size;
    if (size)
        memcpy(at, data, size);
    return at;
}

#endif
