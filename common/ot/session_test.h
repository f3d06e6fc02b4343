/*
 * A rope, and beside it the same document by stupidity; readers at snapshots of the rope, each with
 * a copy of the document as it was then.
 */
#ifndef WEFT_SESSION_TEST_H
#define WEFT_SESSION_TEST_H

#include "ot_naive.h"
#include "ot_rope.h"
#include "seed_test.h"

#define SESSION_READERS 4

struct reader {
    const struct ot_rope *snapshot; /* NULL: none */
    struct naive then;
};

struct session {
    uint64_t seed;
    struct rng rng;
    struct arena mem;
    struct ot_attrs_table *table;
    struct ot_rope *rope;
    struct naive doc;
    struct naive_mix mix; /* of random ops */
    struct reader readers[SESSION_READERS];
    bool alone; /* edits go to the rope only: the naive document costs its length for each */
};

/* A random document of about `units` and a random mix. */
void session_begin(struct session *s, uint64_t seed, unsigned units);
/* Nothing may be left: no snapshot, no byte, no list. */
void session_end(struct session *s);

void reader_begin(struct session *s, struct reader *r);
void reader_end(struct reader *r);

/* The rope as an op, applied to an empty naive document, must be this one. */
void session_compare(struct session *s, const struct ot_rope *rope, const struct naive *doc);

#endif
