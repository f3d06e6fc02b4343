/* link.proto, read and written. Unknown fields and items are skipped, as in client.proto. */
#include "wire_link.h"

#include <errno.h>

#include "wire_get.h"
#include "wire_parts.h"
#include "wire_put.h"

/* Most messages here begin with one and need no more: Detach, Replaced, Detached. */
static bool attachment_get(struct slice in, uint64_t *ret)
{
    struct wire_get g = wire_get_init(in);

    *ret = 0;
    while (wire_get_next(&g))
        if (g.number == 1)
            *ret = wire_get_u64(&g);
    return !g.bad;
}

/* --- to the worker --- */

static void open_put(struct bytes *out, const struct wire_link_open *o)
{
    wire_put_uint(out, 1, o->attachment);
    wire_put_slice(out, 2, o->open.doc);
    if (o->open.has_session)
        wire_put_fixed(out, 3, o->open.session.id, WIRE_SESSION_SIZE);
    wire_put_uint(out, 4, o->open.position.rev);
    if (o->open.has_position)
        wire_put_fixed(out, 5, o->open.position.hash, CHAIN_HASH_SIZE);
    wire_put_uint(out, 6, o->open.create_kind);
    wire_put_slice(out, 7, o->open.create_content);
    wire_put_uint(out, 8, o->view);
    wire_put_uint(out, 9, o->owner_unreachable);
    wire_put_uint(out, 10, o->role);
    wire_put_uint(out, 11, o->open.attempt);
}

static bool open_get(struct slice in, struct wire_link_open *ret)
{
    struct wire_get g = wire_get_init(in);
    struct wire_open *open = &ret->open;

    *ret = (struct wire_link_open){0};
    while (wire_get_next(&g)) {
        switch (g.number) {
        case 1:
            ret->attachment = wire_get_u64(&g);
            break;
        case 2:
            open->doc = wire_get_slice(&g);
            break;
        case 3:
            open->has_session = wire_get_fixed(&g, open->session.id, WIRE_SESSION_SIZE);
            break;
        case 4:
            open->position.rev = wire_get_u64(&g);
            break;
        case 5:
            open->has_position = wire_get_fixed(&g, open->position.hash, CHAIN_HASH_SIZE);
            break;
        case 6:
            open->create_kind = wire_get_enum(&g, WIRE_DOC_TEXT);
            open->has_create = open->create_kind != WIRE_DOC_NONE;
            break;
        case 7:
            open->create_content = wire_get_slice(&g);
            break;
        case 8:
            ret->view = wire_get_u64(&g);
            break;
        case 9:
            ret->owner_unreachable = wire_get_bool(&g);
            break;
        case 10:
            ret->role = wire_get_enum(&g, WIRE_ROLE_OWN);
            break;
        case 11:
            open->attempt = wire_get_u64(&g);
            break;
        default:
            break;
        }
    }
    return !g.bad;
}

static void submit_put(struct bytes *out, const struct wire_link_submit *s)
{
    wire_put_uint(out, 1, s->attachment);
    wire_put_uint(out, 2, s->seq);
    wire_put_uint(out, 3, s->base.rev);
    wire_put_fixed(out, 4, s->base.hash, CHAIN_HASH_SIZE);
    wire_put_uint(out, 5, s->kind);
    wire_put_slice(out, 6, s->body);
    wire_put_fixed(out, 7, s->digest, WIRE_DIGEST_SIZE);
}

static bool submit_get(struct slice in, struct wire_link_submit *ret)
{
    struct wire_get g = wire_get_init(in);
    bool has_digest = false;

    *ret = (struct wire_link_submit){0};
    while (wire_get_next(&g)) {
        switch (g.number) {
        case 1:
            ret->attachment = wire_get_u64(&g);
            break;
        case 2:
            ret->seq = wire_get_u64(&g);
            break;
        case 3:
            ret->base.rev = wire_get_u64(&g);
            break;
        case 4:
            (void)wire_get_fixed(&g, ret->base.hash, CHAIN_HASH_SIZE);
            break;
        case 5:
            ret->kind = wire_get_enum(&g, WIRE_KIND_CLOSE);
            break;
        case 6:
            ret->body = wire_get_slice(&g);
            break;
        case 7:
            has_digest = wire_get_fixed(&g, ret->digest, WIRE_DIGEST_SIZE);
            break;
        default:
            break;
        }
    }
    return !g.bad && has_digest;
}

void wire_to_worker_encode(const struct wire_to_worker *item, struct bytes *out)
{
    size_t guess = item->type == WIRE_TO_WORKER_SUBMIT ? item->submit.body.size + 48 : 64;
    struct wire_put_mark mark = wire_put_begin(out, item->type, guess);

    switch (item->type) {
    case WIRE_TO_WORKER_OPEN:
        open_put(out, &item->open);
        break;
    case WIRE_TO_WORKER_SUBMIT:
        submit_put(out, &item->submit);
        break;
    case WIRE_TO_WORKER_DETACH:
        wire_put_uint(out, 1, item->detach_attachment);
        break;
    case WIRE_TO_WORKER_PRESENCE:
        wire_presence_body_put(out, &item->presence.presence, item->presence.attachment);
        break;
    default:
        MUST(!"an item to encode has a type");
    }
    wire_put_end(out, mark);
}

static bool to_worker_body_get(unsigned type, struct slice in, struct wire_to_worker *ret)
{
    switch (type) {
    case WIRE_TO_WORKER_OPEN:
        return open_get(in, &ret->open);
    case WIRE_TO_WORKER_SUBMIT:
        return submit_get(in, &ret->submit);
    case WIRE_TO_WORKER_DETACH:
        return attachment_get(in, &ret->detach_attachment);
    case WIRE_TO_WORKER_PRESENCE:
        return wire_presence_body_get(in, &ret->presence.presence, &ret->presence.attachment);
    default:
        return true;
    }
}

int wire_to_worker_decode(struct arena *mem, struct slice in, struct wire_to_worker *ret)
{
    struct wire_to_worker item = {0};
    struct slice body;
    unsigned type;

    (void)mem; /* nothing is copied */
    if (!wire_get_one_of(in, WIRE_TO_WORKER_PRESENCE, &type, &body) ||
        !to_worker_body_get(type, body, &item))
        return WIRE_BAD;
    item.type = (enum wire_to_worker_type)type;
    *ret = item;
    return 0;
}

/* --- to the gateway --- */

static void opened_put(struct bytes *out, uint64_t attachment, const struct wire_opened *o)
{
    wire_put_uint(out, 1, attachment);
    wire_put_uint(out, 2, o->outcome);
    wire_put_uint(out, 3, o->position.rev);
    wire_put_fixed(out, 4, o->position.hash, CHAIN_HASH_SIZE);
    wire_put_uint(out, 5, o->last_seq);
    wire_put_uint(out, 6, o->doc_kind);
    wire_put_slice(out, 7, o->payload);
}

static bool opened_get(struct slice in, struct wire_to_gateway *item)
{
    struct wire_get g = wire_get_init(in);
    struct wire_opened *o = &item->opened.opened;

    while (wire_get_next(&g)) {
        switch (g.number) {
        case 1:
            item->opened.attachment = wire_get_u64(&g);
            break;
        case 2:
            o->outcome = wire_get_enum(&g, WIRE_OPENED_RESYNC);
            break;
        case 3:
            o->position.rev = wire_get_u64(&g);
            break;
        case 4:
            (void)wire_get_fixed(&g, o->position.hash, CHAIN_HASH_SIZE);
            break;
        case 5:
            o->last_seq = wire_get_u64(&g);
            break;
        case 6:
            o->doc_kind = wire_get_enum(&g, WIRE_DOC_TEXT);
            break;
        case 7:
            o->payload = wire_get_slice(&g);
            o->payload_bytes = o->payload.size;
            break;
        default:
            break;
        }
    }
    return !g.bad;
}

static void link_entry_put(struct bytes *out, const struct wire_link_entry *e)
{
    wire_put_slice(out, 1, e->doc);
    wire_put_uint(out, 2, e->before.rev + 1);
    wire_put_uint(out, 3, e->after.rev);
    wire_put_fixed(out, 4, e->before.hash, CHAIN_HASH_SIZE);
    wire_put_fixed(out, 5, e->after.hash, CHAIN_HASH_SIZE);
    wire_put_slice(out, 6, e->entry);
}

static bool link_entry_get(struct slice in, struct wire_link_entry *ret)
{
    struct wire_get g = wire_get_init(in);
    uint64_t first_rev = 0;
    bool has_before = false, has_after = false;

    while (wire_get_next(&g)) {
        switch (g.number) {
        case 1:
            ret->doc = wire_get_slice(&g);
            break;
        case 2:
            first_rev = wire_get_u64(&g);
            break;
        case 3:
            ret->after.rev = wire_get_u64(&g);
            break;
        case 4:
            has_before = wire_get_fixed(&g, ret->before.hash, CHAIN_HASH_SIZE);
            break;
        case 5:
            has_after = wire_get_fixed(&g, ret->after.hash, CHAIN_HASH_SIZE);
            break;
        case 6:
            ret->entry = wire_get_slice(&g);
            break;
        default:
            break;
        }
    }
    if (g.bad || !has_before || !has_after || first_rev == 0 || ret->after.rev < first_rev)
        return false;
    ret->before.rev = first_rev - 1;
    return true;
}

/* Accepted and Refused: attachment, seq, and up to two numbers. */
static bool numbers_get(struct slice in, uint64_t *const fields[], size_t count)
{
    struct wire_get g = wire_get_init(in);

    while (wire_get_next(&g))
        if (g.number <= count)
            *fields[g.number - 1] = wire_get_u64(&g);
    return !g.bad;
}

static bool accepted_get(struct slice in, struct wire_to_gateway *ret)
{
    uint64_t *const fields[] = {&ret->accepted.attachment, &ret->accepted.seq, &ret->accepted.rev};
    return numbers_get(in, fields, 3);
}

static bool refused_get(struct slice in, struct wire_to_gateway *ret)
{
    uint64_t code = 0;
    uint64_t *const fields[] = {&ret->refused.attachment, &ret->refused.seq, &code,
                                &ret->refused.detail};
    bool good = numbers_get(in, fields, 4) && code <= UINT32_MAX;
    ret->refused.code = (uint32_t)code;
    return good;
}

static bool moved_get(struct slice in, struct wire_to_gateway *ret)
{
    struct wire_get g = wire_get_init(in);

    while (wire_get_next(&g)) {
        if (g.number == 1)
            ret->moved.doc = wire_get_slice(&g);
        else if (g.number == 2)
            ret->moved.owner = wire_get_slice(&g);
        else if (g.number == 3)
            ret->moved.view = wire_get_u64(&g);
    }
    return !g.bad;
}

static size_t to_gateway_guess(const struct wire_to_gateway *item)
{
    switch (item->type) {
    case WIRE_TO_GATEWAY_OPENED:
        return item->opened.opened.payload.size + 40;
    case WIRE_TO_GATEWAY_ENTRY:
        return item->entry.doc.size + item->entry.entry.size + 52;
    default:
        return 64;
    }
}

static void to_gateway_body_put(struct bytes *out, const struct wire_to_gateway *item)
{
    switch (item->type) {
    case WIRE_TO_GATEWAY_OPENED:
        opened_put(out, item->opened.attachment, &item->opened.opened);
        break;
    case WIRE_TO_GATEWAY_ENTRY:
        link_entry_put(out, &item->entry);
        break;
    case WIRE_TO_GATEWAY_ACCEPTED:
        wire_put_uint(out, 1, item->accepted.attachment);
        wire_put_uint(out, 2, item->accepted.seq);
        wire_put_uint(out, 3, item->accepted.rev);
        break;
    case WIRE_TO_GATEWAY_REFUSED:
        wire_put_uint(out, 1, item->refused.attachment);
        wire_put_uint(out, 2, item->refused.seq);
        wire_put_uint(out, 3, item->refused.code);
        wire_put_uint(out, 4, item->refused.detail);
        break;
    case WIRE_TO_GATEWAY_REPLACED:
        wire_put_uint(out, 1, item->replaced_attachment);
        break;
    case WIRE_TO_GATEWAY_MOVED:
        wire_put_slice(out, 1, item->moved.doc);
        wire_put_slice(out, 2, item->moved.owner);
        wire_put_uint(out, 3, item->moved.view);
        break;
    case WIRE_TO_GATEWAY_PRESENCE:
        wire_presence_body_put(out, &item->presence, 0);
        break;
    case WIRE_TO_GATEWAY_DETACHED:
        wire_put_uint(out, 1, item->detached_attachment);
        break;
    default:
        MUST(!"an item to encode has a type");
    }
}

void wire_to_gateway_encode(const struct wire_to_gateway *item, struct bytes *out)
{
    struct wire_put_mark mark = wire_put_begin(out, item->type, to_gateway_guess(item));

    to_gateway_body_put(out, item);
    wire_put_end(out, mark);
}

static bool to_gateway_body_get(unsigned type, struct slice in, struct wire_to_gateway *ret)
{
    switch (type) {
    case WIRE_TO_GATEWAY_OPENED:
        return opened_get(in, ret);
    case WIRE_TO_GATEWAY_ENTRY:
        return link_entry_get(in, &ret->entry);
    case WIRE_TO_GATEWAY_ACCEPTED:
        return accepted_get(in, ret);
    case WIRE_TO_GATEWAY_REFUSED:
        return refused_get(in, ret);
    case WIRE_TO_GATEWAY_REPLACED:
        return attachment_get(in, &ret->replaced_attachment);
    case WIRE_TO_GATEWAY_MOVED:
        return moved_get(in, ret);
    case WIRE_TO_GATEWAY_PRESENCE:
        return wire_presence_body_get(in, &ret->presence, NULL);
    case WIRE_TO_GATEWAY_DETACHED:
        return attachment_get(in, &ret->detached_attachment);
    default:
        return true;
    }
}

int wire_to_gateway_decode(struct arena *mem, struct slice in, struct wire_to_gateway *ret)
{
    struct wire_to_gateway item = {0};
    struct slice body;
    unsigned type;

    (void)mem; /* nothing is copied */
    if (!wire_get_one_of(in, WIRE_TO_GATEWAY_DETACHED, &type, &body) ||
        !to_gateway_body_get(type, body, &item))
        return WIRE_BAD;
    item.type = (enum wire_to_gateway_type)type;
    *ret = item;
    return 0;
}

/* --- heads --- */

void wire_heads_encode(const struct wire_head *heads, size_t count, struct bytes *out)
{
    for (size_t i = 0; i < count; i++) {
        struct wire_put_mark mark = wire_put_begin(out, 1, heads[i].doc.size + 30);
        wire_put_slice(out, 1, heads[i].doc);
        wire_put_uint(out, 2, heads[i].position.rev);
        wire_put_fixed(out, 3, heads[i].position.hash, CHAIN_HASH_SIZE);
        wire_put_end(out, mark);
    }
}

static bool head_get(struct slice in, struct wire_head *ret)
{
    struct wire_get g = wire_get_init(in);
    bool has_hash = false;

    *ret = (struct wire_head){0};
    while (wire_get_next(&g)) {
        if (g.number == 1)
            ret->doc = wire_get_slice(&g);
        else if (g.number == 2)
            ret->position.rev = wire_get_u64(&g);
        else if (g.number == 3)
            has_hash = wire_get_fixed(&g, ret->position.hash, CHAIN_HASH_SIZE);
    }
    return !g.bad && has_hash;
}

int wire_heads_decode(struct arena *mem, struct slice in, struct wire_head **ret, size_t *ret_count)
{
    struct wire_get g = wire_get_init(in);
    struct wire_head *heads = NULL;
    size_t count = 0;

    while (wire_get_next(&g)) {
        if (g.number != 1)
            continue;
        if (!heads && !(heads = wire_get_array(&g, mem, sizeof *heads)))
            return g.bad ? WIRE_BAD : -ENOMEM;
        if (!head_get(wire_get_slice(&g), &heads[count++]))
            return WIRE_BAD;
    }
    if (g.bad)
        return WIRE_BAD;
    *ret = heads;
    *ret_count = count;
    return 0;
}
