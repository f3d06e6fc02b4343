/*
 * RFC 8785 (JSON Canonicalization Scheme): is it canonical, and how a number is written. The
 * scanner is our own: the algebra compares values as bytes, so it must decide the form exactly and
 * alike everywhere, and it links no library.
 */
#ifndef WEFT_OT_JSON_H
#define WEFT_OT_JSON_H

#include "bytes.h"

/* Arrays and objects may nest this deep: a reader that recurses must not lose its stack. */
#define OT_JSON_DEPTH_MAX 64
/* Longest number: sign, 17 digits, point, "e-324"; with room. */
#define OT_JSON_NUMBER_SIZE_MAX 32

/* Is value one canonical JSON value (an object, if `object_only`) and nothing else? */
bool ot_json_canonical(struct slice value, bool object_only);
/* Where it is not: the byte at which the scanner stopped, the size if the value is cut short. */
bool ot_json_canonical_where(struct slice value, bool object_only, size_t *ret_wrong);

/*
 * Writes v, which is finite, as ECMAScript's Number::toString does; returns the size. Not
 * terminated.
 */
size_t ot_json_number_write(double v, char out[OT_JSON_NUMBER_SIZE_MAX]);
/* Is text exactly what ot_json_number_write() makes of some finite double? */
bool ot_json_number_canonical(struct slice text);

#endif
