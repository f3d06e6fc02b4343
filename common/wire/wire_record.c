/*
 * record.proto. These bytes are hashed and kept for ever, so reading is strict: unknown fields of
 * a known version are bad, since what skipped them would compute another state (proto/README.md).
 */
#include "wire_record.h"

#include <errno.h>

#include "wire_get.h"
#include "wire_put.h"

#define RECORD_VERSION 1

/* --- entry --- */

static void record_put(struct bytes *out, const struct wire_record *r)
{
    struct wire_put_mark mark = wire_put_begin(out, 4, r->body.size + 36);
    wire_put_fixed(out, 1, r->session.id, WIRE_SESSION_SIZE);
    wire_put_uint(out, 2, r->seq);
    wire_put_fixed(out, 3, r->digest, WIRE_DIGEST_SIZE);
    wire_put_uint(out, 4, r->kind);
    wire_put_slice(out, 5, r->body);
    wire_put_uint(out, 6, r->doc_kind);
    wire_put_end(out, mark);
}

void wire_entry_encode(const struct wire_entry *entry, struct bytes *out)
{
    wire_put_uint(out, 1, RECORD_VERSION);
    wire_put_uint(out, 2, entry->first_rev);
    wire_put_uint(out, 3, entry->time_ms);
    for (size_t i = 0; i < entry->count; i++)
        record_put(out, &entry->records[i]);
}

bool wire_record_valid(const struct wire_record *r)
{
    bool numbered =
        r->kind == WIRE_KIND_EDIT || r->kind == WIRE_KIND_TITLE || r->kind == WIRE_KIND_PERMISSION;
    return r->kind > WIRE_KIND_NONE && r->kind <= WIRE_KIND_CLOSE && numbered == (r->seq != 0) &&
           (r->kind == WIRE_KIND_CREATE) == (r->doc_kind != WIRE_DOC_NONE);
}

static bool record_get(struct slice in, struct wire_record *ret)
{
    struct wire_get g = wire_get_init(in);
    bool has_session = false, has_digest = false;

    *ret = (struct wire_record){0};
    while (wire_get_next(&g)) {
        switch (g.number) {
        case 1:
            has_session = wire_get_fixed(&g, ret->session.id, WIRE_SESSION_SIZE);
            break;
        case 2:
            ret->seq = wire_get_u64(&g);
            break;
        case 3:
            has_digest = wire_get_fixed(&g, ret->digest, WIRE_DIGEST_SIZE);
            break;
        case 4:
            ret->kind = wire_get_enum(&g, WIRE_KIND_CLOSE);
            break;
        case 5:
            ret->body = wire_get_slice(&g);
            break;
        case 6:
            ret->doc_kind = wire_get_enum(&g, WIRE_DOC_TEXT);
            break;
        default:
            return false;
        }
    }
    return !g.bad && has_session && has_digest && wire_record_valid(ret);
}

static int version_outcome(uint64_t version)
{
    if (version == RECORD_VERSION)
        return 0;
    return version > RECORD_VERSION ? WIRE_NEWER : WIRE_BAD;
}

int wire_entry_decode(struct arena *mem, struct slice in, struct wire_entry *ret)
{
    struct wire_get g = wire_get_init(in);
    struct wire_entry entry = {0};
    int outcome = WIRE_BAD; /* until a version has been seen; it comes first */

    while (wire_get_next(&g)) {
        if (g.number == 1)
            outcome = version_outcome(wire_get_u64(&g));
        else if (outcome)
            break; /* nothing behind a foreign version is read */
        else if (g.number == 2)
            entry.first_rev = wire_get_u64(&g);
        else if (g.number == 3)
            entry.time_ms = wire_get_u64(&g);
        else if (g.number != 4)
            return WIRE_BAD;
        else if (!entry.records &&
                 !(entry.records = wire_get_array(&g, mem, sizeof *entry.records)))
            return g.bad ? WIRE_BAD : -ENOMEM;
        else if (!record_get(wire_get_slice(&g), &entry.records[entry.count++]))
            return WIRE_BAD;
    }
    if (outcome)
        return outcome;
    if (g.bad || entry.first_rev == 0 || entry.count == 0 ||
        entry.count - 1 > UINT64_MAX - entry.first_rev)
        return WIRE_BAD;
    *ret = entry;
    return 0;
}

/* --- permission --- */

void wire_permission_encode(const struct wire_permission *permission, struct bytes *out)
{
    wire_put_slice(out, 1, permission->subject);
    wire_put_uint(out, 2, permission->role);
}

static bool permission_get(struct slice in, struct wire_permission *ret)
{
    struct wire_get g = wire_get_init(in);
    struct wire_permission p = {0};
    uint64_t role = 0;

    while (wire_get_next(&g)) {
        if (g.number == 1)
            p.subject = wire_get_slice(&g);
        else if (g.number == 2)
            role = wire_get_u64(&g);
        else
            return false;
    }
    if (g.bad || role > WIRE_ROLE_OWN)
        return false; /* an unknown role must not be read as none */
    p.role = (enum wire_role)role;
    *ret = p;
    return true;
}

int wire_permission_decode(struct arena *mem, struct slice in, struct wire_permission *ret)
{
    (void)mem; /* nothing is copied */
    return permission_get(in, ret) ? 0 : WIRE_BAD;
}

/* --- snapshot --- */

static void session_put(struct bytes *out, const struct wire_session_result *s)
{
    struct wire_put_mark mark = wire_put_begin(out, 10, 40);
    wire_put_fixed(out, 1, s->session.id, WIRE_SESSION_SIZE);
    wire_put_uint(out, 2, s->seq);
    wire_put_uint(out, 3, s->rev);
    wire_put_fixed(out, 4, s->digest, WIRE_DIGEST_SIZE);
    wire_put_uint(out, 5, s->time_ms);
    wire_put_uint(out, 6, s->closed);
    wire_put_end(out, mark);
}

void wire_snapshot_encode(const struct wire_snapshot *s, struct bytes *out)
{
    wire_put_uint(out, 1, RECORD_VERSION);
    wire_put_uint(out, 2, s->position.rev);
    wire_put_fixed(out, 3, s->position.hash, CHAIN_HASH_SIZE);
    wire_put_uint(out, 4, s->entry_first_rev);
    wire_put_uint(out, 5, s->time_ms);
    wire_put_uint(out, 6, s->doc_kind);
    wire_put_slice(out, 7, s->content);
    wire_put_slice(out, 8, s->title);
    for (size_t i = 0; i < s->permission_count; i++) {
        struct wire_put_mark mark = wire_put_begin(out, 9, s->permissions[i].subject.size + 4);
        wire_permission_encode(&s->permissions[i], out);
        wire_put_end(out, mark);
    }
    for (size_t i = 0; i < s->session_count; i++)
        session_put(out, &s->sessions[i]);
    wire_put_uint(out, 11, s->evicted_created_ms);
    wire_put_fixed(out, 12, s->creator.id, WIRE_SESSION_SIZE);
}

static bool session_get(struct slice in, struct wire_session_result *ret)
{
    struct wire_get g = wire_get_init(in);
    bool has_session = false, has_digest = false;

    *ret = (struct wire_session_result){0};
    while (wire_get_next(&g)) {
        switch (g.number) {
        case 1:
            has_session = wire_get_fixed(&g, ret->session.id, WIRE_SESSION_SIZE);
            break;
        case 2:
            ret->seq = wire_get_u64(&g);
            break;
        case 3:
            ret->rev = wire_get_u64(&g);
            break;
        case 4:
            has_digest = wire_get_fixed(&g, ret->digest, WIRE_DIGEST_SIZE);
            break;
        case 5:
            ret->time_ms = wire_get_u64(&g);
            break;
        case 6:
            ret->closed = wire_get_bool(&g);
            break;
        default:
            return false;
        }
    }
    return !g.bad && has_session && has_digest;
}

/* One field of a snapshot behind its version. */
static int snapshot_field(struct wire_get *g, struct arena *mem, struct wire_snapshot *s)
{
    switch (g->number) {
    case 2:
        s->position.rev = wire_get_u64(g);
        return 0;
    case 3:
        return wire_get_fixed(g, s->position.hash, CHAIN_HASH_SIZE) ? 0 : WIRE_BAD;
    case 4:
        s->entry_first_rev = wire_get_u64(g);
        return 0;
    case 5:
        s->time_ms = wire_get_u64(g);
        return 0;
    case 6:
        s->doc_kind = wire_get_enum(g, WIRE_DOC_TEXT);
        return 0;
    case 7:
        s->content = wire_get_slice(g);
        return 0;
    case 8:
        s->title = wire_get_slice(g);
        return 0;
    case 9:
        if (!s->permissions && !(s->permissions = wire_get_array(g, mem, sizeof *s->permissions)))
            return g->bad ? WIRE_BAD : -ENOMEM;
        return permission_get(wire_get_slice(g), &s->permissions[s->permission_count++]) ? 0
                                                                                         : WIRE_BAD;
    case 10:
        if (!s->sessions && !(s->sessions = wire_get_array(g, mem, sizeof *s->sessions)))
            return g->bad ? WIRE_BAD : -ENOMEM;
        return session_get(wire_get_slice(g), &s->sessions[s->session_count++]) ? 0 : WIRE_BAD;
    case 11:
        s->evicted_created_ms = wire_get_u64(g);
        return 0;
    case 12:
        return wire_get_fixed(g, s->creator.id, WIRE_SESSION_SIZE) ? 0 : WIRE_BAD;
    default:
        return WIRE_BAD;
    }
}

/* Revision 0 has neither kind nor entry; every other has both. */
static bool snapshot_fits(const struct wire_snapshot *s)
{
    if (s->position.rev == 0)
        return s->doc_kind == WIRE_DOC_NONE && s->entry_first_rev == 0;
    return s->doc_kind != WIRE_DOC_NONE && s->entry_first_rev != 0 &&
           s->entry_first_rev <= s->position.rev;
}

int wire_snapshot_decode(struct arena *mem, struct slice in, struct wire_snapshot *ret)
{
    struct wire_get g = wire_get_init(in);
    struct wire_snapshot snapshot = {0};
    int outcome = WIRE_BAD;
    bool has_hash = false, has_creator = false;

    while (wire_get_next(&g)) {
        if (g.number == 1) {
            outcome = version_outcome(wire_get_u64(&g));
            continue;
        }
        if (outcome)
            return outcome; /* the version comes first, and must be known */
        if ((outcome = snapshot_field(&g, mem, &snapshot)))
            return outcome;
        has_hash |= g.number == 3;
        has_creator |= g.number == 12;
    }
    if (outcome)
        return outcome; /* a version and nothing else, or not even that */
    if (g.bad || !has_hash || !has_creator || !snapshot_fits(&snapshot))
        return WIRE_BAD;
    *ret = snapshot;
    return 0;
}

/* --- document ids --- */

/* One character of UTF-8 (RFC 3629) at the front; 0: malformed. */
static size_t utf8_take(struct slice in, uint32_t *ret)
{
    uint8_t lead = in.data[0];
    size_t size = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0;
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};

    if (size == 0 || lead > 0xf4 || size > in.size)
        return 0;
    uint32_t c = size == 1 ? lead : lead & (0x7f >> size);
    for (size_t i = 1; i < size; i++) {
        if ((in.data[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (in.data[i] & 0x3f);
    }
    if (c < least[size] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *ret = c;
    return size;
}

bool wire_doc_id_valid(struct slice doc)
{
    if (doc.size == 0 || doc.size > WIRE_DOC_SIZE_MAX)
        return false;
    while (doc.size) {
        uint32_t c = 0;
        size_t size = utf8_take(doc, &c);
        if (size == 0 || c < 0x20 || (c >= 0x7f && c <= 0x9f))
            return false;
        doc.data += size;
        doc.size -= size;
    }
    return true;
}
