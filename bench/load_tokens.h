/*
 * Tokens: text that tells which edit it came from, so that the text at the end can be held against
 * what was acknowledged. Pure.
 *
 *     {k3.1a}    the 46th edit of editor 723; both numbers in base 36, counted from 0
 *
 * Nothing else in a document may contain a brace, and nothing is ever inserted within a token: a
 * writer puts its next one only where it knows a boundary, which it keeps as places that move along
 * with the text.
 */
#ifndef WEFT_LOAD_TOKENS_H
#define WEFT_LOAD_TOKENS_H

#include "ot_op.h"
#include "rng.h"

#define TOKENS_PLACES 4
#define TOKEN_SIZE_MAX 32

struct tokens_places {
    uint64_t at[TOKENS_PLACES];
};

/* Anywhere in a text of `units` that has no tokens yet and ends in a newline. */
void tokens_places_init(struct tokens_places *p, struct rng *rng, uint64_t units);
/* In a text that may have some: its beginning and its end are boundaries. */
void tokens_places_reset(struct tokens_places *p, uint64_t units);
void tokens_places_foreign(struct tokens_places *p, const struct ot_op *op);
/* The edit that inserts the token of edit `number` of `editor` at one of the places. 0, -ENOMEM. */
MUST_CHECK int tokens_insert(struct tokens_places *p, struct rng *rng, uint32_t editor,
                             uint64_t number, struct arena *mem, struct ot_op *ret);

/* Calls found() for each token from left to right. False: a brace that belongs to none. */
MUST_CHECK bool tokens_scan(struct slice text,
                            void (*found)(void *ctx, uint64_t editor, uint64_t number), void *ctx);

#endif
