/* Delta JSON <-> ops (json_delta.h). */
#include "json_delta.h"

#include <errno.h>

#include "json_door.h"
#include "ot_attrs.h"
#include "ot_codec.h"
#include "ot_utf.h"

struct reader {
    struct arena *mem;
    struct ot_builder builder;
    struct bytes scratch; /* a list or value while its size is not known */
    struct json_error *error;
    size_t at; /* index of the component, for messages */
};

/* What was written to scratch, in the arena. */
static int scratch_take(struct reader *r, struct slice *ret)
{
    void *data = r->scratch.failed ? NULL : arena_copy(r->mem, r->scratch.data, r->scratch.size);

    if (!data)
        return -ENOMEM;
    *ret = slice_of(data, r->scratch.size);
    return 0;
}

static int value_take(struct reader *r, json_t *value, struct slice *ret)
{
    bytes_reset(&r->scratch);
    struct json_error why;
    int rc = json_value_write(r->mem, value, &r->scratch, &why);
    if (rc == JSON_BAD)
        return json_bad_as(r->error, why.outcome, "component %zu: %s", r->at, why.text);
    return rc ? rc : scratch_take(r, ret);
}

/* `nulls`: null removes a key, so it is kept (retain); else it means nothing. */
static int attrs_take(struct reader *r, json_t *attributes, bool nulls, struct slice *ret)
{
    struct bytes list = BYTES_INIT;
    struct json_member *members;
    struct slice value;
    size_t count;

    *ret = (struct slice){0};
    if (!attributes || json_is_null(attributes))
        return 0;
    if (!json_is_object(attributes))
        return json_bad_as(r->error, OT_BAD_ATTRS, "component %zu: attributes must be an object",
                           r->at);
    int rc = json_members_sorted(r->mem, attributes, &members, &count);
    for (size_t i = 0; !rc && i < count; i++) {
        if (!nulls && json_is_null(members[i].value))
            continue;
        rc = value_take(r, members[i].value, &value);
        if (!rc)
            ot_attrs_append(&list, members[i].key, value);
    }
    if (!rc && list.size) {
        void *data = list.failed ? NULL : arena_copy(r->mem, list.data, list.size);
        *ret = slice_of(data, list.size);
        rc = data ? 0 : -ENOMEM;
    } else if (!rc && list.failed) {
        rc = -ENOMEM;
    }
    bytes_fini(&list);
    return rc;
}

static int insert_read(struct reader *r, json_t *value, struct slice attrs)
{
    struct slice content;
    uint64_t units;

    if (json_is_object(value)) {
        int rc = value_take(r, value, &content);
        if (!rc)
            ot_builder_embed(&r->builder, content, attrs);
        return rc;
    }
    if (!json_is_string(value))
        return json_bad(r->error, "component %zu: insert must be a text or an object", r->at);
    content = json_text(value);
    if (!ot_utf_units(content, &units))
        return json_bad_as(r->error, OT_BAD_UTF8, "component %zu: the text is not UTF-8", r->at);
    if (units > OT_UNITS_MAX)
        return json_bad_as(r->error, OT_TOO_LARGE,
                           "component %zu: a text of %llu units, the limit is %u", r->at,
                           (unsigned long long)units, (unsigned)OT_UNITS_MAX);
    ot_builder_insert(&r->builder, content, (uint32_t)units, attrs);
    return 0;
}

struct component {
    json_t *insert, *retain, *delete, *attributes;
};

static int component_open(struct reader *r, json_t *object, struct component *ret)
{
    struct component c = {.insert = json_object_get(object, "insert"),
                          .retain = json_object_get(object, "retain"),
                          .delete = json_object_get(object, "delete"),
                          .attributes = json_object_get(object, "attributes")};

    if (!json_is_object(object))
        return json_bad(r->error, "component %zu is not an object", r->at);
    if (!!c.insert + !!c.retain + !!c.delete != 1)
        return json_bad(r->error, "component %zu must have one of insert, retain and delete",
                        r->at);
    if (json_object_size(object) != 1u + !!c.attributes)
        return json_bad(r->error, "component %zu has a member that is not known", r->at);
    if (c.delete &&c.attributes)
        return json_bad_as(r->error, OT_BAD_ATTRS, "component %zu: a delete has no attributes",
                           r->at);
    *ret = c;
    return 0;
}

static int length_read(struct reader *r, const json_t *value, uint64_t *ret)
{
    if (json_whole(value, OT_UNITS_MAX, ret))
        return 0;
    bool large = json_is_real(value) && json_real_value(value) > (double)OT_UNITS_MAX;
    return json_bad_as(r->error, large ? OT_TOO_LARGE : 0,
                       "component %zu: a length is a whole number from 0 to %u", r->at,
                       (unsigned)OT_UNITS_MAX);
}

static int component_read(struct reader *r, json_t *object)
{
    struct component c = {0};
    struct slice attrs;
    uint64_t length;
    int rc = component_open(r, object, &c);

    rc = rc ? rc : attrs_take(r, c.attributes, c.retain != NULL, &attrs);
    if (rc)
        return rc;
    if (c.insert)
        return insert_read(r, c.insert, attrs);
    rc = length_read(r, c.retain ? c.retain : c.delete, &length);
    if (rc)
        return rc;
    if (c.retain)
        ot_builder_retain(&r->builder, length, attrs);
    else
        ot_builder_delete(&r->builder, length);
    return 0;
}

int json_delta_from(struct arena *mem, json_t *delta, struct ot_op *ret, struct json_error *error)
{
    struct reader r = {.mem = mem, .error = error};
    json_t *list = json_is_object(delta) ? json_object_get(delta, "ops") : delta;
    int rc = 0;

    if (!json_is_array(list))
        return json_bad(error, "a Delta is an array of components");
    ot_builder_init(&r.builder, mem);
    for (; !rc && r.at < json_array_size(list); r.at++)
        rc = component_read(&r, json_array_get(list, r.at));
    bytes_fini(&r.scratch);
    if (rc)
        return rc;
    rc = ot_builder_finish(&r.builder, ret);
    if (rc > 0)
        return json_bad_as(error, OT_TOO_LARGE, "the Delta covers more units than the limit of %u",
                           (unsigned)OT_UNITS_MAX);
    return rc;
}

int json_delta_read(struct arena *mem, struct slice text, struct ot_op *ret,
                    struct json_error *error)
{
    json_t *delta;
    int rc = json_door_parse(mem, text, &delta, error);

    return rc ? rc : json_delta_from(mem, delta, ret, error);
}

/* --- writing: values are canonical JSON already --- */

static void attrs_write(struct slice attrs, struct bytes *out)
{
    struct slice key, value;
    bool first = true;

    bytes_append_str(out, ",\"attributes\":{");
    while (ot_attrs_next(&attrs, &key, &value)) {
        if (!first)
            bytes_append_u8(out, ',');
        json_string_write(key, out);
        bytes_append_u8(out, ':');
        bytes_append_slice(out, value);
        first = false;
    }
    bytes_append_u8(out, '}');
}

static void component_write(const struct ot_comp *comp, struct bytes *out)
{
    switch (comp->kind) {
    case OT_RETAIN:
        bytes_printf(out, "{\"retain\":%u", comp->length);
        break;
    case OT_DELETE:
        bytes_printf(out, "{\"delete\":%u", comp->length);
        break;
    case OT_INSERT:
        bytes_append_str(out, "{\"insert\":");
        json_string_write(comp->content, out);
        break;
    case OT_EMBED:
        bytes_append_str(out, "{\"insert\":");
        bytes_append_slice(out, comp->content);
        break;
    }
    if (comp->attrs.size)
        attrs_write(comp->attrs, out);
    bytes_append_u8(out, '}');
}

void json_delta_write(const struct ot_op *op, struct bytes *out)
{
    bytes_append_u8(out, '[');
    for (uint32_t i = 0; i < op->count; i++) {
        if (i)
            bytes_append_u8(out, ',');
        component_write(&op->comps[i], out);
    }
    bytes_append_u8(out, ']');
}

int json_delta_write_form(struct slice form, struct bytes *out)
{
    const struct ot_comp *comp;
    struct ot_walk walk;

    ot_walk_begin(&walk, form, &ot_limits_stored);
    bytes_append_u8(out, '[');
    while (!out->failed && ot_walk_next(&walk, &comp)) {
        if (walk.count > 1)
            bytes_append_u8(out, ',');
        component_write(comp, out);
    }
    bytes_append_u8(out, ']');
    return walk.fault.outcome ? JSON_BAD : 0;
}
