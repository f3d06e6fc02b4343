/*
 * The binary form of an op (offset table: docs/algebra.md, "Binary form"). It is final: PostgreSQL
 * keeps it for ever. One op has exactly one encoding, so equal ops are equal bytes, and a digest of
 * the bytes names the op.
 */
#ifndef WEFT_OT_CODEC_H
#define WEFT_OT_CODEC_H

#include "ot_op.h"

struct ot_limits {
    size_t size_max;    /* bytes of the binary form */
    uint32_t count_max; /* components */
};

/* What a peer may submit: design limit of an op, 256 KiB. */
extern const struct ot_limits ot_limits_submit;
/* What our own composition and snapshots may make: the document limit. */
extern const struct ot_limits ot_limits_stored;

/*
 * Checks everything that can be checked without the document. On success *ret borrows `in` and its
 * components live in `mem`. Outcomes: OT_BAD_*, OT_TOO_LARGE.
 */
MUST_CHECK int ot_decode(struct arena *mem, struct slice in, const struct ot_limits *limits,
                         struct ot_op *ret);
/* Appends; the caller tests out->failed. */
void ot_encode(const struct ot_op *op, struct bytes *out);

#endif
