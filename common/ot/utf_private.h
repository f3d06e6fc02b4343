/* Inside common/ot: UTF-8 by wide registers (utf_simd.c), and what it is tested against. */
#ifndef WEFT_OT_UTF_PRIVATE_H
#define WEFT_OT_UTF_PRIVATE_H

#include "ot_utf.h"

/* What ot_utf_units() does, without wide registers. */
MUST_CHECK bool utf_units_scalar(struct slice text, uint64_t *ret);

/* Does this processor have them, and does a text of this size pay? */
bool utf_has_simd(size_t size);
MUST_CHECK bool utf_units_simd(struct slice text, uint64_t *ret);
/*
 * Skips a part of text in which less than *units units begin, and takes these off *units; returns
 * its size, 0 without wide registers. It may end within a character whose units are taken off.
 */
size_t utf_skip_simd(struct slice text, uint64_t *units);

#endif
