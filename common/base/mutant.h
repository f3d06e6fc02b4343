/*
 * Deliberate bugs for the simulator to find (tests/sim): proof that its oracles can fail. They
 * exist only in the sources as the simulator compiles them, with WEFT_MUTANTS defined; everywhere
 * else MUTANT() is the constant false and costs nothing.
 */
#ifndef WEFT_MUTANT_H
#define WEFT_MUTANT_H

#define MUTANTS(X)                                                                                 \
    X(NONE, "none")                                                                                \
    X(BARE_XADD, "bare-xadd: the append compares nothing")                                         \
    X(ACK_BEFORE_APPEND, "ack-before-append: entries are broadcast before they are durable")       \
    X(NO_DEDUPE, "no-dedupe: a repeat is admitted as a new op")                                    \
    X(TRIM_BEFORE_COMMIT, "trim-before-commit: the archiver trims first")                          \
    X(NO_GAP_CHECK, "no-gap-check: after resubscribing the gateway does not compare positions")

enum mutant {
#define X(name, text) MUTANT_##name,
    MUTANTS(X)
#undef X
        MUTANT_COUNT,
};

#ifdef WEFT_MUTANTS
extern enum mutant mutant_active;
#define MUTANT(name) (mutant_active == MUTANT_##name)
#else
#define MUTANT(name) 0
#endif

#endif
