/* Requests about the algebra (json_ot.h). */
#include "json_ot.h"

#include <errno.h>

#include "codec_text.h"
#include "json_delta.h"
#include "json_door.h"
#include "ot_codec.h"
#include "ot_rope.h"

/* What one request may make the table of attributes hold: as much as an op of the services' own. */
#define ATTRS_BYTES_MAX ((size_t)128 << 20)

struct request {
    struct arena *mem;
    json_t *json;
    struct json_error error; /* says more than the outcome; empty: nothing more */
    struct ot_fault fault;   /* so does this, of bytes to decode */
    int rc;                  /* latched; ot_outcome, negative errno, or NOT_JSON */
};

/* Beside the outcomes of the algebra. */
enum { NOT_JSON = 1000 };

static void fail(struct request *q, int rc)
{
    q->rc = q->rc ? q->rc : rc;
}

/* The request itself is wrong: a sentence about one of its members. */
static void refuse(struct request *q, const char *member, const char *what)
{
    (void)json_bad(&q->error, "'%s' %s", member, what);
    fail(q, NOT_JSON);
}

/* false where it is missing. */
static bool member_flag(struct request *q, const char *name)
{
    json_t *flag = json_object_get(q->json, name);

    if (flag && !json_is_boolean(flag))
        refuse(q, name, "is neither true nor false");
    return json_is_true(flag);
}

static struct ot_op member_op(struct request *q, const char *name)
{
    struct ot_op op = OT_IDENTITY;
    json_t *delta = json_object_get(q->json, name);

    if (q->rc)
        return op;
    if (!delta) {
        refuse(q, name, "is missing");
        return op;
    }
    int rc = json_delta_from(q->mem, delta, &op, &q->error);
    if (rc)
        fail(q, rc < 0 ? rc : NOT_JSON);
    return op;
}

static void result_write(struct request *q, const struct ot_op *op, struct bytes *out)
{
    if (q->rc)
        return;
    bytes_append_str(out, "{\"result\":");
    json_delta_write(op, out);
    bytes_append_str(out, "}");
}

/* apply and invert need the document itself. */
static int on_document(struct request *q, bool invert, struct ot_rope *rope, struct ot_op *ret)
{
    struct ot_op content = member_op(q, "doc"), a = member_op(q, "a");
    bool rich = member_flag(q, "rich");
    int rc = q->rc;

    if (!rc && content.units_in)
        rc = OT_NOT_DOCUMENT;
    rc = rc ? rc : ot_rope_apply(rope, &content);
    rc = rc ? rc : ot_rope_check(rope, &a, rich);
    if (rc)
        return rc;
    if (invert)
        return ot_rope_invert(rope, &a, q->mem, ret);
    rc = ot_rope_apply(rope, &a);
    return rc ? rc : ot_rope_to_op(rope, q->mem, ret);
}

static void answer_on_document(struct request *q, bool invert, struct bytes *out)
{
    struct ot_attrs_table *table = ot_attrs_table_new(ATTRS_BYTES_MAX);
    struct ot_rope *rope = table ? ot_rope_new(table) : NULL;
    struct ot_op op = OT_IDENTITY;

    fail(q, rope ? on_document(q, invert, rope, &op) : -ENOMEM);
    ot_rope_free(rope);
    ot_attrs_table_free(table);
    result_write(q, &op, out);
}

static void answer_apply(struct request *q, struct bytes *out)
{
    answer_on_document(q, false, out);
}

static void answer_invert(struct request *q, struct bytes *out)
{
    answer_on_document(q, true, out);
}

static void answer_compose(struct request *q, struct bytes *out)
{
    struct ot_op a = member_op(q, "a"), b = member_op(q, "b"), op = OT_IDENTITY;

    if (!q->rc)
        fail(q, ot_compose(q->mem, &a, &b, &op));
    result_write(q, &op, out);
}

static void answer_transform(struct request *q, struct bytes *out)
{
    struct ot_op a = member_op(q, "a"), b = member_op(q, "b"), op = OT_IDENTITY;
    bool first = member_flag(q, "first");

    if (!q->rc)
        fail(q, ot_transform(q->mem, &a, &b, first, &op));
    result_write(q, &op, out);
}

static void answer_cursor(struct request *q, struct bytes *out)
{
    struct ot_op a = member_op(q, "a");
    bool sticks_left = member_flag(q, "sticks_left");
    uint64_t index = 0;

    if (!q->rc && !json_whole(json_object_get(q->json, "index"), OT_UNITS_MAX, &index))
        refuse(q, "index", "is not a whole number from 0 to 2147483648");
    if (!q->rc)
        bytes_printf(out, "{\"index\":%llu}",
                     (unsigned long long)ot_cursor_transform(&a, index, sticks_left));
}

static void answer_encode(struct request *q, struct bytes *out)
{
    struct ot_op a = member_op(q, "a");
    struct bytes form = BYTES_INIT;

    if (q->rc)
        return;
    ot_encode(&a, &form);
    fail(q, form.failed ? -ENOMEM : 0);
    bytes_append_str(out, "{\"hex\":\"");
    hex_append(out, bytes_slice(&form));
    bytes_append_str(out, "\"}");
    bytes_fini(&form);
}

static void answer_decode(struct request *q, struct bytes *out)
{
    json_t *hex = json_object_get(q->json, "hex");
    struct ot_op op = OT_IDENTITY;

    if (!json_is_string(hex)) {
        refuse(q, "hex", "is missing");
        return;
    }
    struct slice text = json_text(hex);
    uint8_t *form = arena_alloc(q->mem, text.size / 2);
    if (!form)
        fail(q, -ENOMEM);
    else if (!hex_decode(text, form))
        refuse(q, "hex", "is not hexadecimal");
    else
        fail(q, ot_decode_explain(q->mem, slice_of(form, text.size / 2), &ot_limits_stored, &op,
                                  &q->fault));
    result_write(q, &op, out);
}

static const struct {
    const char *name;
    void (*answer)(struct request *q, struct bytes *out);
} functions[] = {
    {"apply", answer_apply},   {"compose", answer_compose}, {"transform", answer_transform},
    {"invert", answer_invert}, {"cursor", answer_cursor},   {"encode", answer_encode},
    {"decode", answer_decode},
};

static void answer(struct request *q, struct bytes *out)
{
    json_t *fn = json_object_get(q->json, "fn");

    if (!json_is_object(q->json)) {
        (void)json_bad(&q->error, "a request is a JSON object");
        fail(q, NOT_JSON);
        return;
    }
    for (size_t i = 0; json_is_string(fn) && i < sizeof functions / sizeof functions[0]; i++) {
        if (slice_equal(json_text(fn), slice_str(functions[i].name))) {
            functions[i].answer(q, out);
            return;
        }
    }
    refuse(q, "fn", "is none of apply, compose, transform, invert, cursor, encode, decode");
}

int json_ot_answer(struct arena *mem, struct slice request, struct bytes *out)
{
    struct request q = {.mem = mem};
    struct bytes why;
    size_t start = out->size;
    int rc = json_door_parse(mem, request, &q.json, &q.error);

    if (rc)
        fail(&q, rc < 0 ? rc : NOT_JSON);
    else
        answer(&q, out);
    if (q.rc < 0 || out->failed)
        return -ENOMEM;
    if (q.rc == 0)
        return 0;
    out->size = start;
    bool bad = q.rc == NOT_JSON;
    if (bad && q.error.outcome)
        q.rc = q.error.outcome; /* says more */
    bytes_append_str(out, "{\"error\":{\"code\":");
    json_string_write(slice_str(q.rc == NOT_JSON ? "bad-json" : ot_outcome_name(q.rc)), out);
    bytes_append_str(out, ",\"message\":");
    bytes_init(&why, 0);
    if (q.fault.outcome)
        ot_fault_print(&q.fault, &why);
    else
        bytes_append_str(&why, bad ? q.error.text : ot_outcome_text(q.rc));
    json_string_write(bytes_slice(&why), out);
    bytes_append_str(out, "}}");
    bool failed = why.failed || out->failed;
    bytes_fini(&why);
    return failed ? -ENOMEM : 0;
}
