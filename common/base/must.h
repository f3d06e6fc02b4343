/*
 * MUST: a broken promise of our own code stops the process, in release builds too: going on would
 * turn a bug into lost text. Whatever a peer, the disk or an operator can cause is an error path
 * and never a MUST.
 */
#ifndef WEFT_MUST_H
#define WEFT_MUST_H

_Noreturn void must_fail(const char *file, int line, const char *what);

#define MUST(cond)                                                                                 \
    do {                                                                                           \
        if (__builtin_expect(!(cond), 0))                                                          \
            must_fail(__FILE__, __LINE__, #cond);                                                  \
    } while (0)

/* Whole-structure checks: on in tests, simulation and fuzzing. */
#ifdef WEFT_MUST_SLOW
#define MUST_SLOW(cond) MUST(cond)
#else
#define MUST_SLOW(cond)                                                                            \
    do {                                                                                           \
    } while (0)
#endif

#define MUST_CHECK __attribute__((warn_unused_result))

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#endif
