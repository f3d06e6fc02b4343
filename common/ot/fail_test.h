/*
 * Memory that fails where a test wants it: allocations are counted down. For one file of a program
 * that is linked with --wrap for malloc, calloc and realloc.
 */
#ifndef WEFT_FAIL_TEST_H
#define WEFT_FAIL_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static uint64_t allocations_left = UINT64_MAX;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *at, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *at, size_t size);

static bool allocation_fails(void)
{
    if (allocations_left == 0)
        return true;
    if (allocations_left != UINT64_MAX)
        allocations_left--;
    return false;
}

void *__wrap_malloc(size_t size)
{
    return allocation_fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return allocation_fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *at, size_t size)
{
    return allocation_fails() ? NULL : __real_realloc(at, size);
}

#endif
