/*
 * Reading client.proto. Unknown fields and frames are skipped: peers may differ by a release
 * (proto/README.md). A message that stands twice in its place is refused.
 */
#include "wire_client.h"

#include <errno.h>

#include "wire_get.h"
#include "wire_parts.h"

/* --- parts --- */

static bool record_get(struct slice in, struct wire_client_record *ret)
{
    struct wire_get g = wire_get_init(in);

    *ret = (struct wire_client_record){.count = 1};
    while (wire_get_next(&g)) {
        switch (g.number) {
        case 1:
            ret->has_author = wire_get_fixed(&g, ret->author, WIRE_AUTHOR_SIZE);
            break;
        case 2:
            ret->seq = wire_get_u64(&g);
            break;
        case 3:
            ret->kind = wire_get_enum(&g, WIRE_KIND_CLOSE);
            break;
        case 4:
            ret->body = wire_get_slice(&g);
            break;
        case 5:
            ret->count = wire_get_u64(&g);
            ret->count += ret->count == 0;
            break;
        default:
            break;
        }
    }
    return !g.bad;
}

struct records {
    struct wire_client_record *items;
    size_t count;
    uint64_t revisions;
};

/* The current field is one of the repeated records. */
static int records_get(struct wire_get *g, struct arena *mem, struct records *r)
{
    if (!r->items && !(r->items = wire_get_array(g, mem, sizeof *r->items)))
        return g->bad ? WIRE_BAD : -ENOMEM;
    struct wire_client_record *item = &r->items[r->count++];
    if (!record_get(wire_get_slice(g), item) ||
        __builtin_add_overflow(r->revisions, item->count, &r->revisions))
        return WIRE_BAD;
    return 0;
}

int wire_entry_body_get(struct arena *mem, struct slice in, struct wire_client_entry *ret)
{
    struct wire_get g = wire_get_init(in);
    struct wire_client_entry e = {0};
    struct records records = {0};
    bool has_before = false, has_after = false;
    int rc = 0;

    while (!rc && wire_get_next(&g)) {
        switch (g.number) {
        case 1:
            e.doc = wire_get_slice(&g);
            break;
        case 2:
            e.first_rev = wire_get_u64(&g);
            break;
        case 3:
            e.last_rev = wire_get_u64(&g);
            break;
        case 4:
            has_before = wire_get_fixed(&g, e.hash_before, CHAIN_HASH_SIZE);
            break;
        case 5:
            has_after = wire_get_fixed(&g, e.hash_after, CHAIN_HASH_SIZE);
            break;
        case 6:
            e.time_ms = wire_get_u64(&g);
            break;
        case 7:
            rc = records_get(&g, mem, &records);
            break;
        default:
            break;
        }
    }
    if (rc)
        return rc;
    if (g.bad || !has_before || !has_after || e.first_rev == 0 || e.last_rev < e.first_rev ||
        records.revisions == 0 || e.last_rev - e.first_rev != records.revisions - 1)
        return WIRE_BAD;
    e.records = records.items;
    e.count = records.count;
    *ret = e;
    return 0;
}

bool wire_presence_body_get(struct slice in, struct wire_presence *ret, uint64_t *ret_attachment)
{
    struct wire_get g = wire_get_init(in);
    uint64_t attachment = 0;

    *ret = (struct wire_presence){0};
    while (wire_get_next(&g)) {
        switch (g.number) {
        case 1:
            ret->doc = wire_get_slice(&g);
            break;
        case 2:
            ret->has_author = wire_get_fixed(&g, ret->author, WIRE_AUTHOR_SIZE);
            break;
        case 3:
            ret->rev = wire_get_u64(&g);
            break;
        case 4:
            ret->data = wire_get_slice(&g);
            break;
        case 5:
            ret->gone = wire_get_bool(&g);
            break;
        case 6:
            attachment = wire_get_u64(&g);
            break;
        default:
            break;
        }
    }
    if (ret_attachment)
        *ret_attachment = attachment;
    return !g.bad;
}

/* A message that is only a document id: Close and Closed. */
static bool doc_get(struct slice in, struct slice *ret)
{
    struct wire_get g = wire_get_init(in);

    *ret = slice_of(NULL, 0);
    while (wire_get_next(&g))
        if (g.number == 1)
            *ret = wire_get_slice(&g);
    return !g.bad;
}

/* --- up --- */

static bool hello_get(struct slice in, struct wire_hello *ret)
{
    struct wire_get g = wire_get_init(in);

    *ret = (struct wire_hello){0};
    while (wire_get_next(&g)) {
        if (g.number == 1)
            ret->version = wire_get_u32(&g);
        else if (g.number == 2)
            ret->features = wire_get_u64(&g);
        else if (g.number == 3)
            ret->token = wire_get_slice(&g);
    }
    return !g.bad;
}

static bool create_get(struct slice in, struct wire_open *ret)
{
    struct wire_get g = wire_get_init(in);

    if (ret->has_create)
        return false;
    ret->has_create = true;
    while (wire_get_next(&g)) {
        if (g.number == 1)
            ret->create_kind = wire_get_enum(&g, WIRE_DOC_TEXT);
        else if (g.number == 2)
            ret->create_content = wire_get_slice(&g);
    }
    return !g.bad;
}

static bool open_get(struct slice in, struct wire_open *ret)
{
    struct wire_get g = wire_get_init(in);

    *ret = (struct wire_open){0};
    while (wire_get_next(&g)) {
        switch (g.number) {
        case 1:
            ret->doc = wire_get_slice(&g);
            break;
        case 2:
            ret->has_session = wire_get_fixed(&g, ret->session.id, WIRE_SESSION_SIZE);
            break;
        case 3:
            ret->position.rev = wire_get_u64(&g);
            break;
        case 4:
            ret->has_position = wire_get_fixed(&g, ret->position.hash, CHAIN_HASH_SIZE);
            break;
        case 5:
            g.bad |= !create_get(wire_get_slice(&g), ret);
            break;
        case 6:
            ret->attempt = wire_get_u64(&g);
            break;
        default:
            break;
        }
    }
    return !g.bad;
}

static bool submit_get(struct slice in, struct wire_submit *ret)
{
    struct wire_get g = wire_get_init(in);

    *ret = (struct wire_submit){0};
    while (wire_get_next(&g)) {
        switch (g.number) {
        case 1:
            ret->doc = wire_get_slice(&g);
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
        default:
            break;
        }
    }
    return !g.bad;
}

static bool nonce_get(struct slice in, uint64_t *ret)
{
    struct wire_get g = wire_get_init(in);

    *ret = 0;
    while (wire_get_next(&g))
        if (g.number == 1)
            *ret = wire_get_u64(&g);
    return !g.bad;
}

static bool client_body_get(unsigned type, struct slice in, struct wire_client_frame *ret)
{
    switch (type) {
    case WIRE_UP_HELLO:
        return hello_get(in, &ret->hello);
    case WIRE_UP_OPEN:
        return open_get(in, &ret->open);
    case WIRE_UP_SUBMIT:
        return submit_get(in, &ret->submit);
    case WIRE_UP_CLOSE:
        return doc_get(in, &ret->close_doc);
    case WIRE_UP_PRESENCE:
        return wire_presence_body_get(in, &ret->presence, NULL);
    default:
        return nonce_get(in, &ret->ping_nonce);
    }
}

/* Cuts the frame off; *ret_body is what its length covers. */
static bool frame_cut(struct slice *in, struct slice *ret_body)
{
    struct wire_get g = wire_get_init(*in);
    uint64_t size;

    if (!wire_get_varint(&g, &size) || size > (size_t)(g.end - g.at))
        return false;
    *ret_body = slice_of(g.at, (size_t)size);
    *in = slice_of(g.at + size, (size_t)(g.end - g.at) - (size_t)size);
    return true;
}

int wire_client_frame_take(struct arena *mem, struct slice *in, struct wire_client_frame *ret)
{
    struct slice rest = *in, frame, body;
    struct wire_client_frame f = {0};
    unsigned type;

    (void)mem; /* nothing that clients send repeats a field */
    if (!frame_cut(&rest, &frame) || !wire_get_one_of(frame, WIRE_UP_PING, &type, &body) ||
        (type && !client_body_get(type, body, &f)))
        return WIRE_BAD;
    f.type = (enum wire_up_type)type;
    *ret = f;
    *in = rest;
    return 0;
}

/* --- down --- */

static bool welcome_get(struct slice in, struct wire_welcome *ret)
{
    struct wire_get g = wire_get_init(in);
    uint64_t *const wide[] = {
        [2] = &ret->features,           [3] = &ret->server_time_ms,
        [5] = &ret->op_bytes_max,       [6] = &ret->frame_bytes_max,
        [7] = &ret->document_bytes_max, [8] = &ret->chunk_bytes_max,
        [9] = &ret->presence_bytes_max, [10] = &ret->presence_per_s_max,
        [11] = &ret->documents_max,     [12] = &ret->frames_per_s_max,
        [13] = &ret->op_components_max, [14] = &ret->doc_id_bytes_max,
        [15] = &ret->title_bytes_max,
    };

    *ret = (struct wire_welcome){0};
    while (wire_get_next(&g)) {
        if (g.number == 1)
            ret->version = wire_get_u32(&g);
        else if (g.number == 4)
            ret->heartbeat_ms = wire_get_u32(&g);
        else if (g.number < sizeof wide / sizeof wide[0])
            *wide[g.number] = wire_get_u64(&g);
    }
    return !g.bad;
}

static bool opened_get(struct slice in, struct wire_opened *ret)
{
    struct wire_get g = wire_get_init(in);

    *ret = (struct wire_opened){0};
    while (wire_get_next(&g)) {
        switch (g.number) {
        case 1:
            ret->doc = wire_get_slice(&g);
            break;
        case 2:
            ret->outcome = wire_get_enum(&g, WIRE_OPENED_RESYNC);
            break;
        case 3:
            ret->position.rev = wire_get_u64(&g);
            break;
        case 4:
            (void)wire_get_fixed(&g, ret->position.hash, CHAIN_HASH_SIZE);
            break;
        case 5:
            ret->last_seq = wire_get_u64(&g);
            break;
        case 6:
            ret->doc_kind = wire_get_enum(&g, WIRE_DOC_TEXT);
            break;
        case 7:
            ret->payload_bytes = wire_get_u64(&g);
            break;
        case 8:
            ret->payload = wire_get_slice(&g);
            break;
        default:
            break;
        }
    }
    return !g.bad;
}

static bool chunk_get(struct slice in, struct wire_chunk *ret)
{
    struct wire_get g = wire_get_init(in);

    *ret = (struct wire_chunk){0};
    while (wire_get_next(&g)) {
        if (g.number == 1)
            ret->doc = wire_get_slice(&g);
        else if (g.number == 2)
            ret->offset = wire_get_u64(&g);
        else if (g.number == 3)
            ret->data = wire_get_slice(&g);
    }
    return !g.bad;
}

static bool accepted_get(struct slice in, struct wire_accepted *ret)
{
    struct wire_get g = wire_get_init(in);

    *ret = (struct wire_accepted){0};
    while (wire_get_next(&g)) {
        if (g.number == 1)
            ret->doc = wire_get_slice(&g);
        else if (g.number == 2)
            ret->seq = wire_get_u64(&g);
        else if (g.number == 3)
            ret->rev = wire_get_u64(&g);
    }
    return !g.bad;
}

static bool error_get(struct slice in, struct wire_client_error *ret)
{
    struct wire_get g = wire_get_init(in);

    *ret = (struct wire_client_error){0};
    while (wire_get_next(&g)) {
        switch (g.number) {
        case 1:
            ret->code = wire_get_u32(&g);
            break;
        case 2:
            ret->name = wire_get_slice(&g);
            break;
        case 3:
            ret->scope = wire_get_enum(&g, WIRE_SCOPE_CONN);
            break;
        case 4:
            ret->permanent = wire_get_bool(&g);
            break;
        case 5:
            ret->retry_after_ms = wire_get_u32(&g);
            break;
        case 6:
            ret->doc = wire_get_slice(&g);
            break;
        case 7:
            ret->seq = wire_get_u64(&g);
            break;
        case 8:
            ret->message = wire_get_slice(&g);
            break;
        case 9:
            ret->detail = wire_get_u64(&g);
            break;
        default:
            break;
        }
    }
    return !g.bad;
}

static int drain_get(struct arena *mem, struct slice in, struct wire_drain *ret)
{
    struct wire_get g = wire_get_init(in);

    *ret = (struct wire_drain){0};
    while (wire_get_next(&g)) {
        if (g.number == 1) {
            ret->deadline_ms = wire_get_u32(&g);
        } else if (g.number == 2) {
            if (ret->count == WIRE_ADDRESSES_MAX)
                return WIRE_BAD;
            if (!ret->addresses)
                ret->addresses = arena_alloc(mem, WIRE_ADDRESSES_MAX * sizeof *ret->addresses);
            if (!ret->addresses)
                return -ENOMEM;
            ret->addresses[ret->count++] = wire_get_slice(&g);
        }
    }
    return g.bad ? WIRE_BAD : 0;
}

static bool pong_get(struct slice in, struct wire_server_frame *ret)
{
    struct wire_get g = wire_get_init(in);

    while (wire_get_next(&g)) {
        if (g.number == 1)
            ret->pong.nonce = wire_get_u64(&g);
        else if (g.number == 2)
            ret->pong.server_time_ms = wire_get_u64(&g);
    }
    return !g.bad;
}

static int server_body_get(struct arena *mem, unsigned type, struct slice in,
                           struct wire_server_frame *ret)
{
    switch (type) {
    case WIRE_DOWN_WELCOME:
        return welcome_get(in, &ret->welcome) ? 0 : WIRE_BAD;
    case WIRE_DOWN_OPENED:
        return opened_get(in, &ret->opened) ? 0 : WIRE_BAD;
    case WIRE_DOWN_CHUNK:
        return chunk_get(in, &ret->chunk) ? 0 : WIRE_BAD;
    case WIRE_DOWN_ENTRY:
        return wire_entry_body_get(mem, in, &ret->entry);
    case WIRE_DOWN_ACCEPTED:
        return accepted_get(in, &ret->accepted) ? 0 : WIRE_BAD;
    case WIRE_DOWN_ERROR:
        return error_get(in, &ret->error) ? 0 : WIRE_BAD;
    case WIRE_DOWN_PRESENCE:
        return wire_presence_body_get(in, &ret->presence, NULL) ? 0 : WIRE_BAD;
    case WIRE_DOWN_DRAIN:
        return drain_get(mem, in, &ret->drain);
    case WIRE_DOWN_PONG:
        return pong_get(in, ret) ? 0 : WIRE_BAD;
    case WIRE_DOWN_CLOSED:
        return doc_get(in, &ret->closed_doc) ? 0 : WIRE_BAD;
    default:
        return 0;
    }
}

int wire_server_frame_take(struct arena *mem, struct slice *in, struct wire_server_frame *ret)
{
    struct slice rest = *in, frame, body;
    struct wire_server_frame f = {0};
    unsigned type;

    if (!frame_cut(&rest, &frame) || !wire_get_one_of(frame, WIRE_DOWN_CLOSED, &type, &body))
        return WIRE_BAD;
    int rc = server_body_get(mem, type, body, &f);
    if (rc)
        return rc;
    f.type = (enum wire_down_type)type;
    *ret = f;
    *in = rest;
    return 0;
}

/* --- bare messages --- */

int wire_client_entry_decode(struct arena *mem, struct slice in, struct wire_client_entry *ret)
{
    return wire_entry_body_get(mem, in, ret);
}

int wire_ops_decode(struct arena *mem, struct slice in, struct wire_ops *ret)
{
    struct wire_get g = wire_get_init(in);
    struct records records = {0};

    while (wire_get_next(&g)) {
        int rc = g.number == 1 ? records_get(&g, mem, &records) : 0;
        if (rc)
            return rc;
    }
    if (g.bad)
        return WIRE_BAD;
    *ret = (struct wire_ops){.records = records.items, .count = records.count};
    return 0;
}

int wire_content_decode(struct arena *mem, struct slice in, struct wire_content *ret)
{
    struct wire_get g = wire_get_init(in);
    struct wire_content content = {0};

    (void)mem; /* nothing is copied */
    while (wire_get_next(&g)) {
        if (g.number == 1)
            content.content = wire_get_slice(&g);
        else if (g.number == 2)
            content.title = wire_get_slice(&g);
    }
    if (g.bad)
        return WIRE_BAD;
    *ret = content;
    return 0;
}

struct slice wire_server_frame_doc(const struct wire_server_frame *frame)
{
    switch (frame->type) {
    case WIRE_DOWN_OPENED:
        return frame->opened.doc;
    case WIRE_DOWN_CHUNK:
        return frame->chunk.doc;
    case WIRE_DOWN_ENTRY:
        return frame->entry.doc;
    case WIRE_DOWN_ACCEPTED:
        return frame->accepted.doc;
    case WIRE_DOWN_ERROR:
        return frame->error.doc;
    case WIRE_DOWN_PRESENCE:
        return frame->presence.doc;
    case WIRE_DOWN_CLOSED:
        return frame->closed_doc;
    default:
        return (struct slice){0};
    }
}
