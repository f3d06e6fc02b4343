/*
 * Delta JSON <-> ops. A Delta is what Quill calls its changes: an array of components, each of
 *
 *     {"insert": "text", "attributes": {…}}     {"insert": {embed}, "attributes": {…}}
 *     {"retain": 3, "attributes": {…}}          {"delete": 3}
 *
 * or an object {"ops": [ … ]}. Lengths count UTF-16 units on both sides.
 *
 * Reading puts into normal form what editors send and what means nothing: components of length 0,
 * attributes that are empty or null, null-valued attributes on inserts, neighbours that belong
 * together, a retain at the end. The order of inserts and deletes within a gap is kept (ot_op.h).
 * What is refused: lone surrogates, anything but one of the three members per component, attributes
 * on a delete, text that is not UTF-8, a number that is no length, a member twice, an object key
 * that holds U+0000 (the JSON library cannot carry it; U+0000 in text and values is fine).
 *
 * Attribute values and embeds become canonical JSON (RFC 8785): numbers are doubles, written as
 * ECMAScript does, keys in the order of their UTF-16 units.
 */
#ifndef WEFT_JSON_DELTA_H
#define WEFT_JSON_DELTA_H

#include "json_error.h"
#include "ot_op.h"

/* *ret lives in mem and does not borrow text. error may be NULL. */
MUST_CHECK int json_delta_read(struct arena *mem, struct slice text, struct ot_op *ret,
                               struct json_error *error);

/* Appends the array of components, without white space; the caller tests out->failed. */
void json_delta_write(const struct ot_op *op, struct bytes *out);

/* The same of an op's binary form, which is checked on the way and takes no memory. JSON_BAD: it is
 * none; what was appended means nothing then. */
MUST_CHECK int json_delta_write_form(struct slice form, struct bytes *out);

/* Appends any JSON text in canonical form. `mem` holds what is needed meanwhile. */
MUST_CHECK int json_canonical_write(struct arena *mem, struct slice text, struct bytes *out,
                                    struct json_error *error);

/* Appends UTF-8 text as a JSON string, quotes included, as RFC 8785 writes it. */
void json_string_write(struct slice text, struct bytes *out);

#endif
