/* Writing: RFC 8785. Strings and numbers as ECMAScript's JSON.stringify writes them. */
#include <errno.h>
#include <stdlib.h>

#include "json_delta.h"
#include "json_door.h"
#include "ot_json.h"
#include "ot_op.h"
#include "ot_utf.h"

/* What stands behind the backslash; 0: the character needs none; 'u': \u00xx. */
static char escape_of(uint8_t c)
{
    switch (c) {
    case '"':
    case '\\':
        return (char)c;
    case '\b':
        return 'b';
    case '\t':
        return 't';
    case '\n':
        return 'n';
    case '\f':
        return 'f';
    case '\r':
        return 'r';
    default:
        return c < 0x20 ? 'u' : 0;
    }
}

void json_string_write(struct slice text, struct bytes *out)
{
    size_t from = 0;

    bytes_append_u8(out, '"');
    for (size_t i = 0; i < text.size; i++) {
        char escape = escape_of(text.data[i]);
        if (!escape)
            continue;
        bytes_append(out, text.data + from, i - from);
        from = i + 1;
        bytes_append_u8(out, '\\');
        if (escape == 'u')
            bytes_printf(out, "u%04x", text.data[i]);
        else
            bytes_append_u8(out, (uint8_t)escape);
    }
    if (text.size > from)
        bytes_append(out, text.data + from, text.size - from);
    bytes_append_u8(out, '"');
}

static int member_compare(const void *a, const void *b)
{
    const struct json_member *x = a, *y = b;

    return ot_utf_compare(x->key, y->key);
}

int json_members_sorted(struct arena *mem, json_t *object, struct json_member **ret,
                        size_t *ret_count)
{
    size_t count = json_object_size(object), i = 0;
    struct json_member *members = arena_alloc(mem, count * sizeof *members);

    if (!members)
        return -ENOMEM;
    for (void *it = json_object_iter(object); it; it = json_object_iter_next(object, it)) {
        MUST(i < count);
        members[i++] = (struct json_member){
            .key = slice_of(json_object_iter_key(it), json_object_iter_key_len(it)),
            .value = json_object_iter_value(it)};
    }
    if (count > 1)
        qsort(members, count, sizeof *members, member_compare);
    *ret = members;
    *ret_count = count;
    return 0;
}

struct writer {
    struct arena *mem;
    struct bytes *out;
    struct json_error *error;
};

static int value_write(struct writer *w, json_t *value, unsigned depth);

static int object_write(struct writer *w, json_t *object, unsigned depth)
{
    struct json_member *members;
    size_t count;
    int rc = json_members_sorted(w->mem, object, &members, &count);

    bytes_append_u8(w->out, '{');
    for (size_t i = 0; !rc && i < count; i++) {
        if (i)
            bytes_append_u8(w->out, ',');
        json_string_write(members[i].key, w->out);
        bytes_append_u8(w->out, ':');
        rc = value_write(w, members[i].value, depth - 1);
    }
    bytes_append_u8(w->out, '}');
    return rc;
}

static int array_write(struct writer *w, json_t *array, unsigned depth)
{
    size_t count = json_array_size(array);
    int rc = 0;

    bytes_append_u8(w->out, '[');
    for (size_t i = 0; !rc && i < count; i++) {
        if (i)
            bytes_append_u8(w->out, ',');
        rc = value_write(w, json_array_get(array, i), depth - 1);
    }
    bytes_append_u8(w->out, ']');
    return rc;
}

static int value_write(struct writer *w, json_t *value, unsigned depth)
{
    char number[OT_JSON_NUMBER_SIZE_MAX];

    if ((json_is_object(value) || json_is_array(value)) && depth == 0)
        return json_bad_as(w->error, OT_TOO_LARGE,
                           "a value nests deeper than the limit of %d levels", OT_JSON_DEPTH_MAX);
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return object_write(w, value, depth);
    case JSON_ARRAY:
        return array_write(w, value, depth);
    case JSON_STRING:
        json_string_write(json_text(value), w->out);
        return 0;
    case JSON_REAL:
        bytes_append(w->out, number, ot_json_number_write(json_real_value(value), number));
        return 0;
    case JSON_TRUE:
    case JSON_FALSE:
        bytes_append_str(w->out, json_is_true(value) ? "true" : "false");
        return 0;
    case JSON_NULL:
        bytes_append_str(w->out, "null");
        return 0;
    case JSON_INTEGER: /* parsed as doubles */
        break;
    }
    MUST(!"a value of a kind that the parser does not make");
    return JSON_BAD;
}

int json_value_write(struct arena *mem, json_t *value, struct bytes *out, struct json_error *error)
{
    struct writer w = {.mem = mem, .out = out, .error = error};

    return value_write(&w, value, OT_JSON_DEPTH_MAX);
}

int json_canonical_write(struct arena *mem, struct slice text, struct bytes *out,
                         struct json_error *error)
{
    json_t *value;
    int rc = json_door_parse(mem, text, &value, error);

    return rc ? rc : json_value_write(mem, value, out, error);
}
