/*
 * People who type, for loads without a recorded session: the next keystroke of one of them as an op
 * on the document as that one sees it. Pure, and the same for the same seed.
 *
 * A writer does one thing for a while, then the next:
 *
 *     writing    words of a made-up language, commas, full stops, paragraphs: one character an op
 *     deleting   backspaces from the cursor; now and then a selection, which keeps the document
 *                about as large as it was
 *     formatting bold, italic, a link or a heading on some characters near the cursor, or off again
 *
 * and between two of these the cursor often goes elsewhere: mostly near by, sometimes anywhere. Of
 * all ops about 5 in 100 are formats and 15 deletions.
 *
 * The text has no characters of two units, since a writer does not look at the text and must not
 * cut one; it has some of two and three bytes.
 */
#ifndef WEFT_LOAD_TYPING_H
#define WEFT_LOAD_TYPING_H

#include "ot_op.h"
#include "rng.h"

/* No document gets shorter by deletions (in units). */
#define TYPING_UNITS_MIN 10240u
/* About where it stops growing. */
#define TYPING_UNITS_GOOD 12288u

enum typing_activity { TYPING_WRITE, TYPING_DELETE, TYPING_FORMAT };

struct typing {
    struct rng rng;
    uint64_t cursor;
    enum typing_activity activity;
    unsigned left; /* ops of this activity still to come */
    unsigned word; /* characters until the word ends */
};

void typing_init(struct typing *t, uint64_t seed);
/* Somebody else has changed the text. */
void typing_foreign(struct typing *t, const struct ot_op *op);
/*
 * The next op on a document of `units`, a rich one: its last unit is the newline that stays. It
 * lives in mem and fits such a document whatever its text. 0 or -ENOMEM.
 */
MUST_CHECK int typing_next(struct typing *t, uint64_t units, struct arena *mem, struct ot_op *ret);

/* A document to begin with: at least `units` of paragraphs, some of it formatted; in mem. */
MUST_CHECK int typing_content(struct rng *rng, uint64_t units, struct arena *mem,
                              struct ot_op *ret);

#endif
