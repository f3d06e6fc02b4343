/*
 * For tests only: a document by stupidity, as an array with one cell per UTF-16 unit, and random
 * ops on it. It shares no code with what it judges: no rope, no attribute lists, no UTF-8 helpers.
 *
 * Keys, attribute values and embeds come from small fixed tables, so a cell holds indices.
 */
#ifndef WEFT_OT_NAIVE_H
#define WEFT_OT_NAIVE_H

#include "ot_op.h"
#include "rng.h"

#define NAIVE_KEYS 5

struct naive_cell {
    uint16_t unit;
    uint8_t embed;             /* index + 1; 0: a unit of text */
    uint8_t attrs[NAIVE_KEYS]; /* index of the value + 1; 0: not set */
};

struct naive {
    struct naive_cell *cells; /* owned */
    size_t count;
};

void naive_fini(struct naive *doc);
void naive_copy(struct naive *ret, const struct naive *doc);
bool naive_equal(const struct naive *a, const struct naive *b);
/* 0, OT_TOO_LONG or OT_CUTS_PAIR; then doc is unchanged. */
int naive_apply(struct naive *doc, const struct ot_op *op);
/* Is there a surrogate pair around this unit boundary? */
bool naive_cuts(const struct naive *doc, size_t index);

struct naive_mix {
    unsigned comps_max;  /* components of one op */
    unsigned length_max; /* units of one */
    bool attrs, embeds;
};

/* A random op that is valid on doc, in normal form, living in mem. */
void naive_random_op(struct rng *rng, struct arena *mem, const struct naive *doc,
                     const struct naive_mix *mix, struct ot_op *ret);
/* A random document as an op: inserts and embeds of about `units`. */
void naive_random_document(struct rng *rng, struct arena *mem, unsigned units,
                           const struct naive_mix *mix, struct ot_op *ret);
/* For messages: the op in a readable form, in static memory. */
const char *naive_describe(const struct ot_op *op);

#endif
