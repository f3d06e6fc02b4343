/*
 * The ops of a document one behind the other, and what any stretch of them does as one op.
 *
 * By the composition law (docs/algebra.md) a run of ops may be replaced by their composition
 * wherever something is transformed over it. So runs are composed once and kept:
 *
 *     level 2  |                        1024 ops                           | …
 *     level 1  |     256 ops      |     256      |     256      |    256   | …
 *     level 0  | 64 | 64 | 64 | 64 | 64 | …
 *     ops      ||||||||||||||||||||||||||||||||||||||||||||||||||||||||||||||…
 *
 * A run of level k covers 64 · 4^k ops and stands at a multiple of that; it is composed of the four
 * below it when it is first wanted. A stretch of n ops is at most 63 ops, 3 runs of each level, and
 * the same downwards again: some 6 · log4(n / 64) + 126 parts, nearly all small, whatever n is.
 * Where ops are scattered so that nothing shrinks by composing, runs stay at 1024 ops: longer ones
 * would cost memory and time, and be no quicker to go through.
 *
 * Ops are copied (in binary form, 64 in one block: a keystroke takes some 12 bytes); who holds the
 * history says how far back they go. Runs are a cache: the least recently used go when they hold
 * more than `run_bytes_max`, and are composed again if they are wanted again. Forgetting the whole
 * history loses nothing that the owner could not push again.
 *
 * An answer is kept as well: who asks for the second time for all that came since one op has it
 * composed, for everybody who comes then with the same base, until something is pushed. That is a
 * crowd's case: two hundred editors of one document, of whom many saw the same head last.
 *
 * Ops are numbered from where reset says; op i leads from version i to version i + 1. One thread.
 */
#ifndef WEFT_OT_HISTORY_H
#define WEFT_OT_HISTORY_H

#include "ot_op.h"

struct ot_history;

/* NULL: no memory. */
struct ot_history *ot_history_new(size_t run_bytes_max);
struct ot_history *ot_history_free(struct ot_history *h);
/* Empty; the next op has this number. */
void ot_history_reset(struct ot_history *h, uint64_t first);

/* Copies an op in binary form, which follows the one before it. 0 or -ENOMEM: nothing happened. */
MUST_CHECK int ot_history_push(struct ot_history *h, struct slice op);
/* Forgets those before `first`; those from `end` on. Numbers outside change nothing. */
void ot_history_drop(struct ot_history *h, uint64_t first);
void ot_history_truncate(struct ot_history *h, uint64_t end);

uint64_t ot_history_first(const struct ot_history *h);
uint64_t ot_history_end(const struct ot_history *h); /* the number of the next one */
size_t ot_history_bytes(const struct ot_history *h); /* all memory, to charge */
size_t ot_history_run_bytes(const struct ot_history *h);

/*
 * Ops [from, to), of which there is one at least and all are held, as one op in binary form,
 * appended to out. 0, -ENOMEM, or an outcome of ot_compose.
 */
MUST_CHECK int ot_history_compose(struct ot_history *h, uint64_t from, uint64_t to,
                                  struct bytes *out);

/*
 * The same, cut: *run, own op, run*. `cut` is asked about each number in turn; where it says yes
 * the op comes alone. Slices are lent for the call; what part() returns other than 0 ends the walk.
 */
struct ot_history_walk {
    void *ctx;
    bool (*cut)(void *ctx, uint64_t number);
    int (*part)(void *ctx, uint64_t from, uint64_t to, struct slice op, bool cut);
};
MUST_CHECK int ot_history_walk(struct ot_history *h, uint64_t from, uint64_t to,
                               const struct ot_history_walk *walk);

/*
 * Rewrites op, made on version `from`, to apply behind all ops that are held. It lives in mem,
 * which holds nothing else that is needed; what it borrowed before it goes on borrowing.
 * OT_TOO_LARGE if it grew beyond size_max bytes: looked at whenever intermediate results have taken
 * a few MiB, so that they are bounded; the caller looks at the end.
 */
MUST_CHECK int ot_history_transform(struct ot_history *h, uint64_t from, struct ot_op *op,
                                    struct arena *mem, size_t size_max);

/* MUSTs what must always hold; for tests. */
void ot_history_verify(const struct ot_history *h);

#endif
