/*
 * The algebra (docs/algebra.md) for people and for other languages: one JSON object asks, one
 * answers. `weftctl ot` is a loop around this; the shared vectors in tests/vectors are such
 * requests.
 *
 *     {"fn": "apply",     "doc": […], "a": […], "rich": false}      a on doc
 *     {"fn": "compose",   "a": […], "b": […]}                       a, then b
 *     {"fn": "transform", "a": […], "b": […], "first": true}        b rewritten to apply after a
 *     {"fn": "invert",    "doc": […], "a": […]}                     what undoes a, made on doc
 *     {"fn": "cursor",    "a": […], "index": 3, "sticks_left": false}
 *     {"fn": "encode",    "a": […]}                                 the binary form
 *     {"fn": "decode",    "hex": "01…"}
 *
 * Ops and documents are Delta JSON. Answers: {"result":[…]}; cursor {"index":3}; encode
 * {"hex":"01…"}; or {"error":{"code":"…","message":"…"}} with the names of ot_outcome_name(), or
 * "bad-json" for what is no request and no Delta at all. `rich` (false if it is not there) asks for
 * the rule of the final newline. Members that are not known are ignored.
 */
#ifndef WEFT_JSON_OT_H
#define WEFT_JSON_OT_H

#include "arena.h"
#include "bytes.h"

/* Appends the answer, without a newline. 0 or -ENOMEM; whatever is wrong with the request is an
 * answer. */
MUST_CHECK int json_ot_answer(struct arena *mem, struct slice request, struct bytes *out);

#endif
