#include "wire_judge.h"

#include "client.pb-c.h"
#include "link.pb-c.h"
#include "record.pb-c.h"
#include "wire_random.h"

/* --- helpers --- */

static ProtobufCBinaryData data_of(struct slice s)
{
    return (ProtobufCBinaryData){.len = s.size, .data = (uint8_t *)s.data};
}

static ProtobufCBinaryData data_at(const void *data, size_t size)
{
    return (ProtobufCBinaryData){.len = size, .data = (uint8_t *)data};
}

static void *zeroed(struct arena *mem, size_t size)
{
    void *at = arena_alloc(mem, size);
    MUST(at);
    memset(at, 0, size);
    return at;
}

static void pack(const ProtobufCMessage *message, struct bytes *out)
{
    uint8_t *at = bytes_reserve(out, protobuf_c_message_get_packed_size(message) + 1);
    MUST(at);
    out->size += protobuf_c_message_pack(message, at);
}

static void pack_framed(const ProtobufCMessage *message, struct bytes *out)
{
    bytes_append_varint(out, protobuf_c_message_get_packed_size(message));
    pack(message, out);
}

static bool accepts(const ProtobufCMessageDescriptor *type, struct slice in)
{
    ProtobufCMessage *message = protobuf_c_message_unpack(type, NULL, in.size, in.data);
    protobuf_c_message_free_unpacked(message, NULL);
    return message != NULL;
}

static void *new_message(struct arena *mem, const ProtobufCMessageDescriptor *type)
{
    void *message = zeroed(mem, type->sizeof_message);
    protobuf_c_message_init(type, message);
    return message;
}

/* --- record.proto --- */

static void entry_judge(const union wire_any *any, struct arena *mem, struct bytes *out)
{
    const struct wire_entry *e = &any->entry;
    Weft__Record__Entry m = WEFT__RECORD__ENTRY__INIT;
    m.version = 1;
    m.first_rev = e->first_rev;
    m.time = e->time_ms;
    m.n_records = e->count;
    m.records = zeroed(mem, e->count * sizeof *m.records);
    for (size_t i = 0; i < e->count; i++) {
        const struct wire_record *r = &e->records[i];
        Weft__Record__Record *to = new_message(mem, &weft__record__record__descriptor);
        to->session = data_at(r->session.id, WIRE_SESSION_SIZE);
        to->seq = r->seq;
        to->digest = data_at(r->digest, WIRE_DIGEST_SIZE);
        to->kind = (Weft__Record__Kind)r->kind;
        to->body = data_of(r->body);
        to->doc_kind = (Weft__Record__DocKind)r->doc_kind;
        m.records[i] = to;
    }
    pack(&m.base, out);
}

static Weft__Record__Permission *permission_of(struct arena *mem, const struct wire_permission *p)
{
    Weft__Record__Permission *m = new_message(mem, &weft__record__permission__descriptor);
    m->subject = data_of(p->subject);
    m->role = (Weft__Record__Role)p->role;
    return m;
}

static void permission_judge(const union wire_any *any, struct arena *mem, struct bytes *out)
{
    pack(&permission_of(mem, &any->permission)->base, out);
}

static void snapshot_judge(const union wire_any *any, struct arena *mem, struct bytes *out)
{
    const struct wire_snapshot *s = &any->snapshot;
    Weft__Record__Snapshot m = WEFT__RECORD__SNAPSHOT__INIT;
    m.version = 1;
    m.rev = s->position.rev;
    m.hash = data_at(s->position.hash, CHAIN_HASH_SIZE);
    m.entry_first_rev = s->entry_first_rev;
    m.time = s->time_ms;
    m.doc_kind = (Weft__Record__DocKind)s->doc_kind;
    m.content = data_of(s->content);
    m.title = data_of(s->title);
    m.n_permissions = s->permission_count;
    m.permissions = zeroed(mem, s->permission_count * sizeof *m.permissions);
    for (size_t i = 0; i < s->permission_count; i++)
        m.permissions[i] = permission_of(mem, &s->permissions[i]);
    m.n_sessions = s->session_count;
    m.sessions = zeroed(mem, s->session_count * sizeof *m.sessions);
    for (size_t i = 0; i < s->session_count; i++) {
        const struct wire_session_result *r = &s->sessions[i];
        Weft__Record__SessionResult *to =
            new_message(mem, &weft__record__session_result__descriptor);
        to->session = data_at(r->session.id, WIRE_SESSION_SIZE);
        to->seq = r->seq;
        to->rev = r->rev;
        to->digest = data_at(r->digest, WIRE_DIGEST_SIZE);
        to->time = r->time_ms;
        to->closed = r->closed;
        m.sessions[i] = to;
    }
    m.evicted_created = s->evicted_created_ms;
    m.creator = data_at(s->creator.id, WIRE_SESSION_SIZE);
    pack(&m.base, out);
}

/* --- client.proto --- */

static Weft__Client__Record **records_of(struct arena *mem,
                                         const struct wire_client_record *records, size_t count)
{
    Weft__Client__Record **made = zeroed(mem, count * sizeof *made);
    for (size_t i = 0; i < count; i++) {
        const struct wire_client_record *r = &records[i];
        Weft__Client__Record *to = new_message(mem, &weft__client__record__descriptor);
        if (r->has_author)
            to->author = data_at(r->author, WIRE_AUTHOR_SIZE);
        to->seq = r->seq;
        to->kind = r->kind;
        to->body = data_of(r->body);
        to->count = r->count == 1 ? 0 : r->count;
        made[i] = to;
    }
    return made;
}

static Weft__Client__Entry *client_entry_of(struct arena *mem, const struct wire_client_entry *e)
{
    Weft__Client__Entry *m = new_message(mem, &weft__client__entry__descriptor);
    m->doc = data_of(e->doc);
    m->first_rev = e->first_rev;
    m->last_rev = e->last_rev;
    m->hash_before = data_at(e->hash_before, CHAIN_HASH_SIZE);
    m->hash_after = data_at(e->hash_after, CHAIN_HASH_SIZE);
    m->time = e->time_ms;
    m->n_records = e->count;
    m->records = records_of(mem, e->records, e->count);
    return m;
}

static void client_entry_judge(const union wire_any *any, struct arena *mem, struct bytes *out)
{
    pack(&client_entry_of(mem, &any->client_entry)->base, out);
}

static void ops_judge(const union wire_any *any, struct arena *mem, struct bytes *out)
{
    Weft__Client__Ops m = WEFT__CLIENT__OPS__INIT;
    m.n_records = any->ops.count;
    m.records = records_of(mem, any->ops.records, any->ops.count);
    pack(&m.base, out);
}

static void content_judge(const union wire_any *any, struct arena *mem, struct bytes *out)
{
    (void)mem;
    Weft__Client__Content m = WEFT__CLIENT__CONTENT__INIT;
    m.content = data_of(any->content.content);
    m.title = data_of(any->content.title);
    pack(&m.base, out);
}

static Weft__Client__Presence *presence_of(struct arena *mem, const struct wire_presence *p)
{
    Weft__Client__Presence *m = new_message(mem, &weft__client__presence__descriptor);
    m->doc = data_of(p->doc);
    if (p->has_author)
        m->author = data_at(p->author, WIRE_AUTHOR_SIZE);
    m->rev = p->rev;
    m->data = data_of(p->data);
    m->gone = p->gone;
    return m;
}

static Weft__Client__Open *open_of(struct arena *mem, const struct wire_open *o)
{
    Weft__Client__Open *m = new_message(mem, &weft__client__open__descriptor);
    m->doc = data_of(o->doc);
    if (o->has_session)
        m->session = data_at(o->session.id, WIRE_SESSION_SIZE);
    m->rev = o->position.rev;
    if (o->has_position)
        m->hash = data_at(o->position.hash, CHAIN_HASH_SIZE);
    if (o->has_create) {
        m->create = new_message(mem, &weft__client__create__descriptor);
        m->create->doc_kind = o->create_kind;
        m->create->content = data_of(o->create_content);
    }
    m->attempt = o->attempt;
    return m;
}

static void client_frame_judge(const union wire_any *any, struct arena *mem, struct bytes *out)
{
    const struct wire_client_frame *f = &any->client_frame;
    Weft__Client__ClientFrame m = WEFT__CLIENT__CLIENT_FRAME__INIT;
    m.frame_case = (Weft__Client__ClientFrame__FrameCase)f->type;
    switch (f->type) {
    case WIRE_UP_HELLO:
        m.hello = new_message(mem, &weft__client__hello__descriptor);
        m.hello->version = f->hello.version;
        m.hello->features = f->hello.features;
        m.hello->token = data_of(f->hello.token);
        break;
    case WIRE_UP_OPEN:
        m.open = open_of(mem, &f->open);
        break;
    case WIRE_UP_SUBMIT:
        m.submit = new_message(mem, &weft__client__submit__descriptor);
        m.submit->doc = data_of(f->submit.doc);
        m.submit->seq = f->submit.seq;
        m.submit->base_rev = f->submit.base.rev;
        m.submit->base_hash = data_at(f->submit.base.hash, CHAIN_HASH_SIZE);
        m.submit->kind = f->submit.kind;
        m.submit->body = data_of(f->submit.body);
        break;
    case WIRE_UP_CLOSE:
        m.close = new_message(mem, &weft__client__close__descriptor);
        m.close->doc = data_of(f->close_doc);
        break;
    case WIRE_UP_PRESENCE:
        m.presence = presence_of(mem, &f->presence);
        break;
    case WIRE_UP_PING:
        m.ping = new_message(mem, &weft__client__ping__descriptor);
        m.ping->nonce = f->ping_nonce;
        break;
    }
    pack_framed(&m.base, out);
}

static Weft__Client__Welcome *welcome_of(struct arena *mem, const struct wire_welcome *w)
{
    Weft__Client__Welcome *m = new_message(mem, &weft__client__welcome__descriptor);
    m->version = w->version;
    m->features = w->features;
    m->server_time = w->server_time_ms;
    m->heartbeat_ms = w->heartbeat_ms;
    m->op_bytes_max = w->op_bytes_max;
    m->frame_bytes_max = w->frame_bytes_max;
    m->document_bytes_max = w->document_bytes_max;
    m->chunk_bytes_max = w->chunk_bytes_max;
    m->presence_bytes_max = w->presence_bytes_max;
    m->presence_per_s_max = w->presence_per_s_max;
    m->documents_max = w->documents_max;
    m->frames_per_s_max = w->frames_per_s_max;
    m->op_components_max = w->op_components_max;
    m->doc_id_bytes_max = w->doc_id_bytes_max;
    m->title_bytes_max = w->title_bytes_max;
    return m;
}

static Weft__Client__Opened *opened_of(struct arena *mem, const struct wire_opened *o)
{
    Weft__Client__Opened *m = new_message(mem, &weft__client__opened__descriptor);
    m->doc = data_of(o->doc);
    m->outcome = (Weft__Client__Opened__Outcome)o->outcome;
    m->rev = o->position.rev;
    m->hash = data_at(o->position.hash, CHAIN_HASH_SIZE);
    m->last_seq = o->last_seq;
    m->doc_kind = o->doc_kind;
    m->payload_bytes = o->payload_bytes;
    m->payload = data_of(o->payload);
    return m;
}

static Weft__Client__Error *error_of(struct arena *mem, const struct wire_client_error *e)
{
    Weft__Client__Error *m = new_message(mem, &weft__client__error__descriptor);
    m->code = e->code;
    m->name = data_of(e->name);
    m->scope = e->scope;
    m->permanent = e->permanent;
    m->retry_after_ms = e->retry_after_ms;
    m->doc = data_of(e->doc);
    m->seq = e->seq;
    m->message = data_of(e->message);
    m->detail = e->detail;
    return m;
}

static Weft__Client__Drain *drain_of(struct arena *mem, const struct wire_drain *d)
{
    Weft__Client__Drain *m = new_message(mem, &weft__client__drain__descriptor);
    m->deadline_ms = d->deadline_ms;
    m->n_addresses = d->count;
    m->addresses = zeroed(mem, d->count * sizeof *m->addresses);
    for (size_t i = 0; i < d->count; i++)
        m->addresses[i] = data_of(d->addresses[i]);
    return m;
}

static void server_frame_judge(const union wire_any *any, struct arena *mem, struct bytes *out)
{
    const struct wire_server_frame *f = &any->server_frame;
    Weft__Client__ServerFrame m = WEFT__CLIENT__SERVER_FRAME__INIT;
    m.frame_case = (Weft__Client__ServerFrame__FrameCase)f->type;
    switch (f->type) {
    case WIRE_DOWN_WELCOME:
        m.welcome = welcome_of(mem, &f->welcome);
        break;
    case WIRE_DOWN_OPENED:
        m.opened = opened_of(mem, &f->opened);
        break;
    case WIRE_DOWN_CHUNK:
        m.chunk = new_message(mem, &weft__client__chunk__descriptor);
        m.chunk->doc = data_of(f->chunk.doc);
        m.chunk->offset = f->chunk.offset;
        m.chunk->data = data_of(f->chunk.data);
        break;
    case WIRE_DOWN_ENTRY:
        m.entry = client_entry_of(mem, &f->entry);
        break;
    case WIRE_DOWN_ACCEPTED:
        m.accepted = new_message(mem, &weft__client__accepted__descriptor);
        m.accepted->doc = data_of(f->accepted.doc);
        m.accepted->seq = f->accepted.seq;
        m.accepted->rev = f->accepted.rev;
        break;
    case WIRE_DOWN_ERROR:
        m.error = error_of(mem, &f->error);
        break;
    case WIRE_DOWN_PRESENCE:
        m.presence = presence_of(mem, &f->presence);
        break;
    case WIRE_DOWN_DRAIN:
        m.drain = drain_of(mem, &f->drain);
        break;
    case WIRE_DOWN_PONG:
        m.pong = new_message(mem, &weft__client__pong__descriptor);
        m.pong->nonce = f->pong.nonce;
        m.pong->server_time = f->pong.server_time_ms;
        break;
    case WIRE_DOWN_CLOSED:
        m.closed = new_message(mem, &weft__client__closed__descriptor);
        m.closed->doc = data_of(f->closed_doc);
        break;
    }
    pack_framed(&m.base, out);
}

/* --- link.proto --- */

static Weft__Link__Open *link_open_of(struct arena *mem, const struct wire_link_open *o)
{
    Weft__Link__Open *m = new_message(mem, &weft__link__open__descriptor);
    m->attachment = o->attachment;
    m->doc = data_of(o->open.doc);
    if (o->open.has_session)
        m->session = data_at(o->open.session.id, WIRE_SESSION_SIZE);
    m->rev = o->open.position.rev;
    if (o->open.has_position)
        m->hash = data_at(o->open.position.hash, CHAIN_HASH_SIZE);
    m->create_kind = o->open.create_kind;
    m->create_content = data_of(o->open.create_content);
    m->view = o->view;
    m->owner_unreachable = o->owner_unreachable;
    m->role = o->role;
    m->attempt = o->open.attempt;
    return m;
}

static Weft__Link__Submit *link_submit_of(struct arena *mem, const struct wire_link_submit *s)
{
    Weft__Link__Submit *m = new_message(mem, &weft__link__submit__descriptor);
    m->attachment = s->attachment;
    m->seq = s->seq;
    m->base_rev = s->base.rev;
    m->base_hash = data_at(s->base.hash, CHAIN_HASH_SIZE);
    m->kind = s->kind;
    m->body = data_of(s->body);
    m->digest = data_at(s->digest, WIRE_DIGEST_SIZE);
    return m;
}

static Weft__Link__Presence *link_presence_of(struct arena *mem, const struct wire_presence *p,
                                              uint64_t attachment)
{
    Weft__Link__Presence *m = new_message(mem, &weft__link__presence__descriptor);
    m->doc = data_of(p->doc);
    if (p->has_author)
        m->author = data_at(p->author, WIRE_AUTHOR_SIZE);
    m->rev = p->rev;
    m->data = data_of(p->data);
    m->gone = p->gone;
    m->attachment = attachment;
    return m;
}

static void to_worker_judge(const union wire_any *any, struct arena *mem, struct bytes *out)
{
    const struct wire_to_worker *item = &any->to_worker;
    Weft__Link__ToWorker m = WEFT__LINK__TO_WORKER__INIT;
    m.item_case = (Weft__Link__ToWorker__ItemCase)item->type;
    switch (item->type) {
    case WIRE_TO_WORKER_OPEN:
        m.open = link_open_of(mem, &item->open);
        break;
    case WIRE_TO_WORKER_SUBMIT:
        m.submit = link_submit_of(mem, &item->submit);
        break;
    case WIRE_TO_WORKER_DETACH:
        m.detach = new_message(mem, &weft__link__detach__descriptor);
        m.detach->attachment = item->detach_attachment;
        break;
    case WIRE_TO_WORKER_PRESENCE:
        m.presence = link_presence_of(mem, &item->presence.presence, item->presence.attachment);
        break;
    }
    pack(&m.base, out);
}

static Weft__Link__Opened *link_opened_of(struct arena *mem, uint64_t attachment,
                                          const struct wire_opened *o)
{
    Weft__Link__Opened *m = new_message(mem, &weft__link__opened__descriptor);
    m->attachment = attachment;
    m->outcome = o->outcome;
    m->rev = o->position.rev;
    m->hash = data_at(o->position.hash, CHAIN_HASH_SIZE);
    m->last_seq = o->last_seq;
    m->doc_kind = o->doc_kind;
    m->payload = data_of(o->payload);
    return m;
}

static Weft__Link__Entry *link_entry_of(struct arena *mem, const struct wire_link_entry *e)
{
    Weft__Link__Entry *m = new_message(mem, &weft__link__entry__descriptor);
    m->doc = data_of(e->doc);
    m->first_rev = e->before.rev + 1;
    m->last_rev = e->after.rev;
    m->hash_before = data_at(e->before.hash, CHAIN_HASH_SIZE);
    m->hash_after = data_at(e->after.hash, CHAIN_HASH_SIZE);
    m->entry = data_of(e->entry);
    return m;
}

static void to_gateway_judge(const union wire_any *any, struct arena *mem, struct bytes *out)
{
    const struct wire_to_gateway *item = &any->to_gateway;
    Weft__Link__ToGateway m = WEFT__LINK__TO_GATEWAY__INIT;
    m.item_case = (Weft__Link__ToGateway__ItemCase)item->type;
    switch (item->type) {
    case WIRE_TO_GATEWAY_OPENED:
        m.opened = link_opened_of(mem, item->opened.attachment, &item->opened.opened);
        break;
    case WIRE_TO_GATEWAY_ENTRY:
        m.entry = link_entry_of(mem, &item->entry);
        break;
    case WIRE_TO_GATEWAY_ACCEPTED:
        m.accepted = new_message(mem, &weft__link__accepted__descriptor);
        m.accepted->attachment = item->accepted.attachment;
        m.accepted->seq = item->accepted.seq;
        m.accepted->rev = item->accepted.rev;
        break;
    case WIRE_TO_GATEWAY_REFUSED:
        m.refused = new_message(mem, &weft__link__refused__descriptor);
        m.refused->attachment = item->refused.attachment;
        m.refused->seq = item->refused.seq;
        m.refused->code = item->refused.code;
        m.refused->detail = item->refused.detail;
        break;
    case WIRE_TO_GATEWAY_REPLACED:
        m.replaced = new_message(mem, &weft__link__replaced__descriptor);
        m.replaced->attachment = item->replaced_attachment;
        break;
    case WIRE_TO_GATEWAY_MOVED:
        m.moved = new_message(mem, &weft__link__moved__descriptor);
        m.moved->doc = data_of(item->moved.doc);
        m.moved->owner = data_of(item->moved.owner);
        m.moved->view = item->moved.view;
        break;
    case WIRE_TO_GATEWAY_PRESENCE:
        m.presence = link_presence_of(mem, &item->presence, 0);
        break;
    case WIRE_TO_GATEWAY_DETACHED:
        m.detached = new_message(mem, &weft__link__detached__descriptor);
        m.detached->attachment = item->detached_attachment;
        break;
    }
    pack(&m.base, out);
}

static void heads_judge(const union wire_any *any, struct arena *mem, struct bytes *out)
{
    Weft__Link__Heads m = WEFT__LINK__HEADS__INIT;
    m.n_heads = any->heads.count;
    m.heads = zeroed(mem, any->heads.count * sizeof *m.heads);
    for (size_t i = 0; i < any->heads.count; i++) {
        const struct wire_head *h = &any->heads.heads[i];
        m.heads[i] = new_message(mem, &weft__link__head__descriptor);
        m.heads[i]->doc = data_of(h->doc);
        m.heads[i]->rev = h->position.rev;
        m.heads[i]->hash = data_at(h->position.hash, CHAIN_HASH_SIZE);
    }
    pack(&m.base, out);
}

/* --- the table --- */

static void random_content(struct rng *r, struct arena *mem, struct wire_content *ret)
{
    ret->content = wire_random_slice(r, mem, 1000);
    ret->title = wire_random_slice(r, mem, 60);
}

static void random_heads(struct rng *r, struct arena *mem, struct wire_heads *ret)
{
    ret->count = rng_below(r, 6);
    ret->heads = zeroed(mem, ret->count * sizeof *ret->heads);
    for (size_t i = 0; i < ret->count; i++) {
        ret->heads[i].doc = wire_random_slice(r, mem, WIRE_DOC_SIZE_MAX);
        ret->heads[i].position.rev = wire_random_u64(r);
        memset(ret->heads[i].position.hash, (int)rng_below(r, 256), CHAIN_HASH_SIZE);
    }
}

static void heads_encode(const struct wire_heads *h, struct bytes *out)
{
    wire_heads_encode(h->heads, h->count, out);
}

static int heads_decode(struct arena *mem, struct slice in, struct wire_heads *ret)
{
    return wire_heads_decode(mem, in, &ret->heads, &ret->count);
}

/* A frame as a subject is exactly one: what is behind it is malformed. */
static int client_frame_decode(struct arena *mem, struct slice in, struct wire_client_frame *ret)
{
    int rc = in.size ? wire_client_frame_take(mem, &in, ret) : WIRE_BAD;
    return rc ? rc : in.size ? WIRE_BAD : 0;
}

static int server_frame_decode(struct arena *mem, struct slice in, struct wire_server_frame *ret)
{
    int rc = in.size ? wire_server_frame_take(mem, &in, ret) : WIRE_BAD;
    return rc ? rc : in.size ? WIRE_BAD : 0;
}

#define SUBJECTS(X)                                                                                \
    X(entry, false, false, wire_random_entry, wire_entry_encode, wire_entry_decode, record__entry) \
    X(permission, false, false, wire_random_permission, wire_permission_encode,                    \
      wire_permission_decode, record__permission)                                                  \
    X(snapshot, false, false, wire_random_snapshot, wire_snapshot_encode, wire_snapshot_decode,    \
      record__snapshot)                                                                            \
    X(client_frame, true, true, wire_random_client_frame, wire_client_frame_encode,                \
      client_frame_decode, client__client_frame)                                                   \
    X(server_frame, true, true, wire_random_server_frame, wire_server_frame_encode,                \
      server_frame_decode, client__server_frame)                                                   \
    X(client_entry, false, false, wire_random_client_entry, wire_client_entry_encode,              \
      wire_client_entry_decode, client__entry)                                                     \
    X(ops, false, false, wire_random_ops, wire_ops_encode, wire_ops_decode, client__ops)           \
    X(content, false, false, random_content, wire_content_encode, wire_content_decode,             \
      client__content)                                                                             \
    X(to_worker, false, true, wire_random_to_worker, wire_to_worker_encode, wire_to_worker_decode, \
      link__to_worker)                                                                             \
    X(to_gateway, false, true, wire_random_to_gateway, wire_to_gateway_encode,                     \
      wire_to_gateway_decode, link__to_gateway)                                                    \
    X(heads, false, false, random_heads, heads_encode, heads_decode, link__heads)

#define X(member, framed, typed, make, put, get, generated)                                        \
    static void member##_subject_random(struct rng *r, struct arena *mem, union wire_any *ret)     \
    {                                                                                              \
        make(r, mem, &ret->member);                                                                \
    }                                                                                              \
    static void member##_subject_encode(const union wire_any *any, struct bytes *out)              \
    {                                                                                              \
        put(&any->member, out);                                                                    \
    }                                                                                              \
    static int member##_subject_decode(struct arena *mem, struct slice in, union wire_any *ret)    \
    {                                                                                              \
        return get(mem, in, &ret->member);                                                         \
    }                                                                                              \
    static bool member##_subject_accepts(struct slice in)                                          \
    {                                                                                              \
        return accepts(&weft__##generated##__descriptor, in);                                      \
    }
SUBJECTS(X)
#undef X

const struct wire_subject wire_subjects[WIRE_SUBJECT_COUNT] = {
#define X(member, is_framed, is_typed, make, put, get, generated)                                  \
    {                                                                                              \
        .name = #member,                                                                           \
        .framed = is_framed,                                                                       \
        .typed = is_typed,                                                                         \
        .random = member##_subject_random,                                                         \
        .encode = member##_subject_encode,                                                         \
        .decode = member##_subject_decode,                                                         \
        .judge_encode = member##_judge,                                                            \
        .judge_accepts = member##_subject_accepts,                                                 \
    },
    SUBJECTS(X)
#undef X
};
