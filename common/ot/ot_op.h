/*
 * An op is a change of a document: a list of components from left to right over its UTF-16 units.
 *
 * Lifetime: an op is a value that borrows. Its components live in the arena that the making
 * function was given, and their content and attributes point into that arena, into the bytes that
 * were decoded, or into the ops it was made from; so it lives as long as all of these. What must be
 * kept is kept in its binary form (ot_codec.h): decoding copies nothing.
 *
 * Normal form (all functions here take and return it; docs/algebra.md, "Normal form"): no
 * component of length 0; neighbours of one kind with equal attributes are merged (embeds never
 * merge); no trailing plain retain; the order of inserts and deletes within a gap is part of the op
 * and is never rearranged.
 */
#ifndef WEFT_OT_OP_H
#define WEFT_OT_OP_H

#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "bytes.h"

enum ot_kind {
    OT_RETAIN = 0, /* keep `length` units; attributes (null removes a key) change them */
    OT_DELETE = 1,
    OT_INSERT = 2, /* `content` is UTF-8, `length` its UTF-16 units */
    OT_EMBED = 3,  /* `content` is the value as canonical JSON (an object), length 1 */
};

/* Most units before or after an op: no sum of two lengths overflows 32 bits. */
#define OT_UNITS_MAX ((uint64_t)1 << 31)

struct ot_comp {
    enum ot_kind kind;
    uint32_t length;      /* UTF-16 units, > 0 */
    struct slice content; /* OT_INSERT, OT_EMBED; else empty */
    struct slice attrs;   /* canonical attribute list (ot_attrs.h); empty: none */
};

struct ot_op {
    const struct ot_comp *comps;
    uint32_t count;     /* 0: the identity */
    uint64_t units_in;  /* units of the document that retains and deletes cover */
    uint64_t units_out; /* units that retains and inserts cover afterwards */
};

#define OT_IDENTITY ((struct ot_op){0})

/*
 * Outcomes, positive, of everything here that can refuse; 0 is success, -ENOMEM memory (arena bound
 * included). ot_outcome_name() gives the error code of the protocol, ot_outcome_text() a sentence.
 */
enum ot_outcome {
    OT_BAD_FORM = 1,   /* not the binary form: cut short, unknown kind, length 0, wrong version */
    OT_BAD_NORMAL,     /* well-formed but not in normal form */
    OT_BAD_UTF8,       /* text is not UTF-8 (RFC 3629), or holds a surrogate */
    OT_BAD_ATTRS,      /* attribute list not sorted, key twice, value not canonical JSON, null on an
                          insert */
    OT_BAD_EMBED,      /* embed value is not a canonical JSON object */
    OT_TOO_LARGE,      /* more bytes, components or units than the limits or OT_UNITS_MAX allow */
    OT_TOO_LONG,       /* covers more units than the document has */
    OT_CUTS_PAIR,      /* would split a surrogate pair */
    OT_BREAKS_NEWLINE, /* deletes the final newline or inserts behind it (documents of kind rich) */
    OT_NOT_DOCUMENT,   /* a document must consist of inserts and embeds only */
};

const char *ot_outcome_name(int outcome);
const char *ot_outcome_text(int outcome);

/* Growing an op component by component, merging as the normal form asks. */
struct ot_builder {
    struct arena *mem; /* borrowed */
    struct ot_comp *comps;
    uint32_t count, capacity;
    uint64_t units_in, units_out;
    int outcome;    /* latched: -ENOMEM or OT_TOO_LARGE; later calls do nothing */
    size_t growing; /* room of the last insert's content, if the builder owns it; else 0 */
};

void ot_builder_init(struct ot_builder *b, struct arena *mem);
/* With room for so many components at once: what is too much goes back with finish. */
void ot_builder_init_room(struct ot_builder *b, struct arena *mem, uint32_t capacity);
void ot_builder_retain(struct ot_builder *b, uint64_t length, struct slice attrs);
void ot_builder_delete(struct ot_builder *b, uint64_t length);
/* Borrows text; merging with the insert before it copies into the arena. `length`: its units. */
void ot_builder_insert(struct ot_builder *b, struct slice text, uint32_t length,
                       struct slice attrs);
void ot_builder_embed(struct ot_builder *b, struct slice value, struct slice attrs);
/* 0, -ENOMEM or OT_TOO_LARGE. Drops a trailing plain retain. */
MUST_CHECK int ot_builder_finish(struct ot_builder *b, struct ot_op *ret);

/* The laws: docs/algebra.md. All results live in `mem` and borrow from their arguments. */

/* a, then b. Outcomes: OT_CUTS_PAIR (b cuts a pair that a inserts), OT_TOO_LARGE. */
MUST_CHECK int ot_compose(struct arena *mem, const struct ot_op *a, const struct ot_op *b,
                          struct ot_op *ret);
/* Rewrites b to apply after a. `a_first`: a comes first in server order. Outcome: OT_TOO_LARGE. */
MUST_CHECK int ot_transform(struct arena *mem, const struct ot_op *a, const struct ot_op *b,
                            bool a_first, struct ot_op *ret);
/* Where a cursor at `index` (units) goes over a; `sticks_left`: text inserted at it goes behind. */
uint64_t ot_cursor_transform(const struct ot_op *a, uint64_t index, bool sticks_left);

bool ot_op_equal(const struct ot_op *a, const struct ot_op *b);

#endif
