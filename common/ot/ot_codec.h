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

#define OT_SUBMIT_COUNT_MAX 65536

#define OT_FORM_VERSION 0x01
#define OT_CODEC_HAS_ATTRS 4u

/* What a component begins with; of inserts and embeds `length` counts bytes. */
static inline uint64_t ot_codec_header(enum ot_kind kind, uint64_t length, bool has_attrs)
{
    return length << 3 | (has_attrs ? OT_CODEC_HAS_ATTRS : 0) | (uint64_t)kind;
}

/* What a peer may submit: design limit of an op, 256 KiB. */
extern const struct ot_limits ot_limits_submit;
/* What our own composition and snapshots may make: the document limit. */
extern const struct ot_limits ot_limits_stored;

/* Why bytes are no op. */
struct ot_fault {
    int outcome;
    size_t offset;         /* of the byte where it shows */
    const char *of;        /* OT_TOO_LARGE: of what there is too much; else NULL */
    uint64_t found, limit; /* OT_TOO_LARGE: how much, and what is allowed */
};
/*
 * Checks everything that can be checked without the document. On success *ret borrows `in` and its
 * components live in `mem`. Outcomes: OT_BAD_*, OT_TOO_LARGE; then *ret_fault tells.
 */
MUST_CHECK int ot_decode_explain(struct arena *mem, struct slice in, const struct ot_limits *limits,
                                 struct ot_op *ret, struct ot_fault *ret_fault);
MUST_CHECK static inline int ot_decode(struct arena *mem, struct slice in,
                                       const struct ot_limits *limits, struct ot_op *ret)
{
    struct ot_fault fault;

    return ot_decode_explain(mem, in, limits, ret, &fault);
}
/*
 * The same checks one component after the other, without memory: for who only passes them on. An op
 * of millions of components takes 40 bytes for each where it is decoded. Faults come as they are
 * met, when what was before them has been handed out already.
 */
struct ot_walk {
    struct ot_fault fault; /* outcome 0: none so far */
    const struct ot_limits *limits;
    const uint8_t *start, *at, *end;
    uint32_t count;
    uint64_t units_in, units_out;
    struct ot_comp comps[2]; /* the one before and the last */
};

/* Borrows in and limits. */
void ot_walk_begin(struct ot_walk *walk, struct slice in, const struct ot_limits *limits);
/* False at the end, and at a fault. *ret borrows `in`, and walk until the next call. */
MUST_CHECK bool ot_walk_next(struct ot_walk *walk, const struct ot_comp **ret);

/* "bad-utf8 at byte 17: …", for people; without what the bytes say. */
void ot_fault_print(const struct ot_fault *fault, struct bytes *out);

/* Appends; the caller tests out->failed. */
void ot_encode(const struct ot_op *op, struct bytes *out);

#endif
