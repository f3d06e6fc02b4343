/*
 * Time for tests that wait for another process. Nothing here waits for luck: a pause stands between
 * two looks at a condition that nobody announces (a server that answers, a process that ended), and
 * each such loop has a deadline.
 */
#ifndef WEFT_SUPPORT_TIME_H
#define WEFT_SUPPORT_TIME_H

#include <stdint.h>
#include <time.h>

static inline int64_t support_now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static inline void support_pause_ms(int ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000L};

    nanosleep(&t, NULL);
}

#endif
