/* Messages in (json_client.h): one function per message, each of which asks for its members by
 * name. */
#include <errno.h>

#include "codec_text.h"
#include "json_client.h"
#include "json_delta.h"
#include "json_door.h"
#include "json_names.h"
#include "ot_codec.h"

#define NUMBER_MAX ((uint64_t)1 << 53)

/* One object being read. Mistakes latch: the first one is told. */
struct reader {
    struct arena *mem;
    json_t *object;
    size_t taken; /* members asked for and found */
    struct json_error *error;
    int rc;
};

static void bad(struct reader *r, const char *key, const char *what)
{
    if (!r->rc)
        r->rc = json_bad(r->error, "\"%s\" %s", key, what);
}

static json_t *member(struct reader *r, const char *key)
{
    json_t *value = json_object_get(r->object, key);

    r->taken += value != NULL;
    return value;
}

static json_t *needed(struct reader *r, const char *key)
{
    json_t *value = member(r, key);

    if (!value)
        bad(r, key, "is missing");
    return value;
}

static uint64_t get_u64(struct reader *r, const char *key)
{
    json_t *value = member(r, key);
    uint64_t number = 0;

    if (value && !json_whole(value, NUMBER_MAX, &number))
        bad(r, key, "must be a whole number up to 2^53");
    return number;
}

static struct slice get_text(struct reader *r, const char *key)
{
    json_t *value = member(r, key);

    if (value && !json_is_string(value))
        bad(r, key, "must be a string");
    return json_is_string(value) ? json_text(value) : (struct slice){0};
}

static struct slice get_doc(struct reader *r)
{
    if (!json_object_get(r->object, "doc"))
        bad(r, "doc", "is missing");
    return get_text(r, "doc");
}

/* False: not there. */
static bool get_hex(struct reader *r, const char *key, uint8_t *ret, size_t size)
{
    json_t *value = member(r, key);

    if (!value)
        return false;
    if (!json_is_string(value) || json_string_length(value) != 2 * size ||
        !hex_decode(json_text(value), ret)) {
        bad(r, key, "must be hex digits, two for each byte of a session (16) or hash (16)");
        return false;
    }
    return true;
}

/* An object within: its own members are counted by itself. */
static bool sub_open(struct reader *r, const char *key, json_t *value, struct reader *ret)
{
    *ret = (struct reader){.mem = r->mem, .object = value, .error = r->error};
    if (!json_is_object(value)) {
        bad(r, key, "must be an object");
        return false;
    }
    return true;
}

static void reader_end(struct reader *r)
{
    if (r->rc || r->taken == json_object_size(r->object))
        return;
    r->rc = json_bad(r->error, "the message has a member that is not known");
}

static void sub_end(struct reader *r, struct reader *sub)
{
    reader_end(sub);
    if (!r->rc)
        r->rc = sub->rc;
}

static bool get_position(struct reader *r, const char *key, struct chain_position *ret)
{
    json_t *value = member(r, key);
    struct reader sub;

    if (!value || !sub_open(r, key, value, &sub))
        return false;
    ret->rev = get_u64(&sub, "rev");
    if (!get_hex(&sub, "hash", ret->hash, CHAIN_HASH_SIZE) && !sub.rc)
        bad(&sub, "hash", "is missing");
    sub_end(r, &sub);
    return !r->rc;
}

static unsigned get_name(struct reader *r, const char *key, const char *const *names,
                         unsigned count)
{
    struct slice text = get_text(r, key);

    for (unsigned i = 1; i < count; i++)
        if (slice_equal(text, slice_str(names[i])))
            return i;
    bad(r, key, "is none of the names that are known");
    return 0;
}

/* What was appended to `out`, in the arena. */
static struct slice keep(struct reader *r, struct bytes *out)
{
    void *data = out->failed ? NULL : arena_copy(r->mem, out->data, out->size);
    struct slice kept = slice_of(data, data ? out->size : 0);

    if (!data && !r->rc)
        r->rc = -ENOMEM;
    bytes_fini(out);
    return kept;
}

static struct slice op_binary(struct reader *r, json_t *delta)
{
    struct bytes out = BYTES_INIT;
    struct ot_op op;
    int rc = r->rc ? r->rc : json_delta_from(r->mem, delta, &op, r->error);

    if (rc) {
        r->rc = rc;
        return (struct slice){0};
    }
    ot_encode(&op, &out);
    return keep(r, &out);
}

static struct slice permission_binary(struct reader *r, json_t *value)
{
    struct wire_permission p = {0};
    struct bytes out = BYTES_INIT;
    struct reader sub;

    if (!sub_open(r, "permission", value, &sub))
        return (struct slice){0};
    p.subject = get_text(&sub, "subject");
    /* "none" is a role too: it takes all others away. */
    if (!slice_equal(get_text(&sub, "role"), slice_str("none"))) {
        sub.taken--;
        p.role = (enum wire_role)get_name(&sub, "role", json_role_names, 4);
    }
    sub_end(r, &sub);
    if (r->rc)
        return (struct slice){0};
    wire_permission_encode(&p, &out);
    return keep(r, &out);
}

/* --- messages --- */

static void read_hello(struct reader *r, struct wire_client_frame *ret)
{
    ret->hello.version = (uint32_t)get_u64(r, "version");
    ret->hello.features = get_u64(r, "features");
    ret->hello.token = get_text(r, "token");
}

static void read_create(struct reader *r, struct wire_open *open)
{
    json_t *value = member(r, "create");
    struct reader sub;

    if (!value || !sub_open(r, "create", value, &sub))
        return;
    open->has_create = true;
    open->create_kind = (enum wire_doc_kind)get_name(&sub, "kind", json_doc_kind_names, 3);
    open->create_content = op_binary(&sub, needed(&sub, "content"));
    sub_end(r, &sub);
}

static void read_open(struct reader *r, struct wire_client_frame *ret)
{
    struct wire_open *open = &ret->open;

    open->doc = get_doc(r);
    open->has_session = get_hex(r, "session", open->session.id, WIRE_SESSION_SIZE);
    open->attempt = get_u64(r, "attempt");
    open->has_position = get_position(r, "position", &open->position);
    read_create(r, open);
}

static void read_submit(struct reader *r, struct wire_client_frame *ret)
{
    struct wire_submit *submit = &ret->submit;

    submit->doc = get_doc(r);
    submit->seq = get_u64(r, "seq");
    get_position(r, "base", &submit->base);
    json_t *op = member(r, "op"), *title = member(r, "title"), *rule = member(r, "permission");
    if (!!op + !!title + !!rule != 1) {
        bad(r, "op", "is missing, or stands beside title or permission");
    } else if (op) {
        submit->kind = WIRE_KIND_EDIT;
        submit->body = op_binary(r, op);
    } else if (rule) {
        submit->kind = WIRE_KIND_PERMISSION;
        submit->body = permission_binary(r, rule);
    } else if (json_is_string(title)) {
        submit->kind = WIRE_KIND_TITLE;
        submit->body = json_text(title);
    } else {
        bad(r, "title", "must be a string");
    }
}

static void read_presence(struct reader *r, struct wire_client_frame *ret)
{
    struct bytes out = BYTES_INIT;
    json_t *gone;

    ret->presence.doc = get_doc(r);
    ret->presence.rev = get_u64(r, "rev");
    gone = member(r, "gone");
    if (gone && !json_is_boolean(gone))
        bad(r, "gone", "must be true or false");
    ret->presence.gone = json_is_true(gone);
    json_t *data = member(r, "data"), *binary = member(r, "data_base64");
    if (data && binary)
        bad(r, "data", "stands beside data_base64");
    if (binary && (!json_is_string(binary) || !base64url_decode(&out, json_text(binary))))
        bad(r, "data_base64", "must be base64url without padding");
    if (data && !r->rc)
        r->rc = json_value_write(r->mem, data, &out, r->error);
    if (data || binary)
        ret->presence.data = keep(r, &out);
}

static void read_message(struct reader *r, struct wire_client_frame *ret)
{
    ret->type = (enum wire_up_type)get_name(r, "type", json_up_names, 7);
    if (r->rc && json_is_string(json_object_get(r->object, "type")))
        r->rc = JSON_UNKNOWN_TYPE;
    switch (ret->type) {
    case WIRE_UP_HELLO:
        read_hello(r, ret);
        break;
    case WIRE_UP_OPEN:
        read_open(r, ret);
        break;
    case WIRE_UP_SUBMIT:
        read_submit(r, ret);
        break;
    case WIRE_UP_CLOSE:
        ret->close_doc = get_doc(r);
        break;
    case WIRE_UP_PRESENCE:
        read_presence(r, ret);
        break;
    case WIRE_UP_PING:
        ret->ping_nonce = get_u64(r, "nonce");
        break;
    }
}

int json_client_frame_read(struct arena *mem, struct slice text, struct wire_client_frame *ret,
                           struct json_error *error)
{
    struct reader r = {.mem = mem, .error = error};
    struct wire_client_frame frame = {0};
    int rc = json_door_parse(mem, text, &r.object, error);

    if (rc)
        return rc;
    if (!json_is_object(r.object))
        return json_bad(error, "a message is an object");
    read_message(&r, &frame);
    reader_end(&r);
    if (r.rc)
        return r.rc;
    *ret = frame;
    return 0;
}
