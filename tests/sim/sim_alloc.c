/*
 * Memory that runs out in a process: of the allocations that one event makes in a core, the n-th
 * fails (the program is linked with --wrap). What the core calls outside, that is the simulator,
 * has memory.
 * And how many allocations there are that nobody has freed.
 */
#include "sim_alloc.h"

#include <stddef.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *at);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void __wrap_free(void *at);

static struct {
    unsigned left; /* this one fails; 0: none */
    bool all;      /* and those after it */
    unsigned failed;
    size_t live;
} alloc;

static bool fails(void)
{
    if (alloc.left == 0 || --alloc.left)
        return false;
    alloc.failed++;
    alloc.left = alloc.all;
    return true;
}

static void *counted(void *at)
{
    alloc.live += at != NULL;
    return at;
}

void *__wrap_malloc(size_t size)
{
    return counted(fails() ? NULL : __real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return counted(fails() ? NULL : __real_calloc(count, size));
}

void *__wrap_realloc(void *old, size_t size)
{
    void *at = fails() ? NULL : __real_realloc(old, size);

    return old ? at : counted(at);
}

void __wrap_free(void *at)
{
    alloc.live -= at != NULL;
    __real_free(at);
}

size_t sim_alloc_live(void)
{
    return alloc.live;
}

void sim_alloc_begin(unsigned nth, bool all)
{
    alloc.left = nth;
    alloc.all = all;
    alloc.failed = 0;
}

bool sim_alloc_end(void)
{
    bool failed = alloc.failed > 0;

    alloc.left = alloc.failed = 0;
    return failed;
}

unsigned sim_alloc_hold(void)
{
    unsigned left = alloc.left;

    alloc.left = 0;
    return left;
}

void sim_alloc_go_on(const unsigned *held)
{
    alloc.left = *held;
}
