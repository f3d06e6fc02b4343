/*
 * A document's content: text (UTF-8, counted in UTF-16 units), attribute runs, embeds; balanced, so
 * that applying an op costs O(log n + size of the op).
 */
#ifndef WEFT_OT_ROPE_H
#define WEFT_OT_ROPE_H

#include "ot_attrs.h"
#include "ot_op.h"

struct ot_rope;

/* Borrows table, which must outlive the rope. NULL: no memory. */
struct ot_rope *ot_rope_new(struct ot_attrs_table *table);
/* MUST have no snapshots left. */
struct ot_rope *ot_rope_free(struct ot_rope *rope);

/*
 * The document as it is now, for a reader, in O(1): whatever is applied to rope afterwards, the
 * snapshot stays. All functions that read take it. The two share what has not changed since;
 * each edit copies the leaves that it changes and the nodes above them, once. Both belong to one
 * thread. NULL: no memory.
 */
const struct ot_rope *ot_rope_snapshot(struct ot_rope *rope);
/* Before rope is freed. Returns NULL. */
const struct ot_rope *ot_rope_snapshot_release(const struct ot_rope *snapshot);

uint64_t ot_rope_units(const struct ot_rope *rope); /* UTF-16 units */
size_t ot_rope_bytes(const struct ot_rope *rope);   /* bytes of UTF-8 text and embed values */
/* Bytes of memory held, to charge: what snapshots alone still hold included. Of a snapshot: what
 * the document held when it was made, not to be charged again. */
size_t ot_rope_memory(const struct ot_rope *rope);
uint32_t ot_rope_runs(const struct ot_rope *rope); /* at least the components of ot_rope_to_op */
/*
 * The most that the document as an op can take in binary form, in O(1). A format repeats its
 * attributes for every run that it covers, so this, not the text, is what a limit on documents has
 * to look at: a document whose snapshot passes ot_limits_stored could not be loaded again.
 */
size_t ot_rope_encoded_max(const struct ot_rope *rope);
/* 0, or OT_TOO_LARGE if after op, which must fit, the document might take more than size_max so. */
MUST_CHECK int ot_rope_check_size(const struct ot_rope *rope, const struct ot_op *op,
                                  size_t size_max);

/*
 * Does op fit? 0, OT_TOO_LONG, OT_CUTS_PAIR, or OT_TOO_LARGE (OT_UNITS_MAX); with `final_newline`
 * also OT_BREAKS_NEWLINE (a document of kind rich ends in a newline that no op deletes and behind
 * which none inserts).
 */
MUST_CHECK int ot_rope_check(const struct ot_rope *rope, const struct ot_op *op,
                             bool final_newline);
/*
 * Checks (without the newline rule), then applies. On any refusal, and on -ENOMEM (the bound of the
 * attribute table included), the rope's content is untouched.
 */
MUST_CHECK int ot_rope_apply(struct ot_rope *rope, const struct ot_op *op);
/* The op that undoes `op`; asked before that is applied. Copies into mem. Refuses as check does. */
MUST_CHECK int ot_rope_invert(const struct ot_rope *rope, const struct ot_op *op, struct arena *mem,
                              struct ot_op *ret);

/*
 * Runs from left to right: maximal is not promised, order and content are. An edit of the rope ends
 * its iterators; one of a snapshot goes on until that is released.
 */
struct ot_run {
    struct slice content; /* text, or the embed's value */
    bool embed;
    uint32_t units;
    const struct ot_attrs *attrs;
};
struct rope_leaf;
struct ot_rope_iter {
    const struct ot_rope *rope;
    uint64_t index; /* of the next run; the rest is private */
    const struct rope_leaf *leaf;
    unsigned run;
    size_t bytes;
};
void ot_rope_iter_init(struct ot_rope_iter *iter, const struct ot_rope *rope);
bool ot_rope_iter_next(struct ot_rope_iter *iter, struct ot_run *ret);

/* The whole document as one op of inserts and embeds, copied into mem (normal form). */
MUST_CHECK int ot_rope_to_op(const struct ot_rope *rope, struct arena *mem, struct ot_op *ret);
/* Appends that op in binary form, without making it; the caller tests out->failed. */
void ot_rope_encode(const struct ot_rope *rope, struct bytes *out);
/* Appends the text, embeds as U+FFFC. */
void ot_rope_text(const struct ot_rope *rope, struct bytes *out);
/* Same content, whatever the inner shape. */
bool ot_rope_equal(const struct ot_rope *a, const struct ot_rope *b);
/* Walks the whole structure and MUSTs its invariants; for tests. */
void ot_rope_verify(const struct ot_rope *rope);

#endif
