/*
 * The one place that sees the JSON library. Internal to this folder.
 *
 * The library is told to allocate from an arena, the caller's, for the time of one call: so a
 * hostile text is bounded by that arena (an array of empty arrays takes 50 times its text), a value
 * needs no release, and its strings live as long as whatever else was decoded there. The library's
 * allocator is process-wide, so which arena is meant is thread-local and set only during a call.
 */
#ifndef WEFT_JSON_DOOR_H
#define WEFT_JSON_DOOR_H

#include <jansson.h>

#include "arena.h"
#include "bytes.h"
#include "json_error.h"

/* One JSON value, strict: no trailing text, no duplicate member, UTF-8, numbers as doubles. */
MUST_CHECK int json_door_parse(struct arena *mem, struct slice text, json_t **ret,
                               struct json_error *error);

/* Sets the sentence, if one is wanted. */
void json_error_set(struct json_error *error, int outcome, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same, with what the function returns then as its value. */
#define json_bad(error, ...) json_bad_as(error, 0, __VA_ARGS__)
#define json_bad_as(error, outcome, ...) (json_error_set(error, outcome, __VA_ARGS__), JSON_BAD)

static inline struct slice json_text(const json_t *string)
{
    return slice_of(json_string_value(string), json_string_length(string));
}

/* A whole number from 0 to max? */
bool json_whole(const json_t *value, uint64_t max, uint64_t *ret);

struct json_member {
    struct slice key;
    json_t *value;
};

/* The members of an object sorted by key as RFC 8785 sorts. 0 or -ENOMEM. */
MUST_CHECK int json_members_sorted(struct arena *mem, json_t *object, struct json_member **ret,
                                   size_t *ret_count);
/* Appends value in canonical form. Deeper than OT_JSON_DEPTH_MAX: JSON_BAD. */
MUST_CHECK int json_value_write(struct arena *mem, json_t *value, struct bytes *out,
                                struct json_error *error);

struct ot_op;
MUST_CHECK int json_delta_from(struct arena *mem, json_t *delta, struct ot_op *ret,
                               struct json_error *error);

#endif
