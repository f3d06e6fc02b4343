#include "wire_random.h"

uint64_t wire_random_u64(struct rng *r)
{
    uint64_t value = rng_u64(r) >> rng_below(r, 64);
    return value ? value : 1;
}

static uint64_t u64_or_0(struct rng *r)
{
    return rng_percent(r, 20) ? 0 : wire_random_u64(r);
}

static uint32_t u32_or_0(struct rng *r)
{
    return (uint32_t)u64_or_0(r);
}

static void fill(struct rng *r, void *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)data)[i] = (uint8_t)rng_u64(r);
}

struct slice wire_random_slice(struct rng *r, struct arena *mem, size_t size_max)
{
    size_t size = rng_percent(r, 20) ? 0 : rng_below(r, size_max + 1);
    uint8_t *data = arena_alloc(mem, size);
    MUST(data);
    fill(r, data, size);
    return slice_of(data, size);
}

static struct chain_position random_position(struct rng *r)
{
    struct chain_position p = {.rev = u64_or_0(r)};
    fill(r, p.hash, sizeof p.hash);
    return p;
}

static void *array(struct arena *mem, size_t count, size_t size)
{
    void *items = arena_alloc(mem, count * size);
    MUST(items);
    memset(items, 0, count * size);
    return items;
}

void wire_random_entry(struct rng *r, struct arena *mem, struct wire_entry *ret)
{
    *ret = (struct wire_entry){.first_rev = wire_random_u64(r) >> 1, .time_ms = u64_or_0(r)};
    ret->first_rev += ret->first_rev == 0;
    ret->count = rng_between(r, 1, 6);
    ret->records = array(mem, ret->count, sizeof *ret->records);
    for (size_t i = 0; i < ret->count; i++) {
        struct wire_record *record = &ret->records[i];
        fill(r, record->session.id, WIRE_SESSION_SIZE);
        fill(r, record->digest, WIRE_DIGEST_SIZE);
        record->kind = (enum wire_kind)rng_between(r, WIRE_KIND_CREATE, WIRE_KIND_CLOSE);
        if (record->kind == WIRE_KIND_CREATE)
            record->doc_kind = (enum wire_doc_kind)rng_between(r, WIRE_DOC_RICH, WIRE_DOC_TEXT);
        if (record->kind != WIRE_KIND_CREATE && record->kind != WIRE_KIND_CLOSE)
            record->seq = wire_random_u64(r);
        record->body = wire_random_slice(r, mem, rng_percent(r, 5) ? 40000 : 100);
    }
}

void wire_random_permission(struct rng *r, struct arena *mem, struct wire_permission *ret)
{
    ret->subject = wire_random_slice(r, mem, 40);
    ret->role = (enum wire_role)rng_below(r, WIRE_ROLE_OWN + 1);
}

static void random_result(struct rng *r, struct wire_session_result *ret)
{
    fill(r, ret->session.id, WIRE_SESSION_SIZE);
    fill(r, ret->digest, WIRE_DIGEST_SIZE);
    ret->seq = u64_or_0(r);
    ret->rev = u64_or_0(r);
    ret->time_ms = u64_or_0(r);
    ret->closed = rng_percent(r, 20);
}

void wire_random_snapshot(struct rng *r, struct arena *mem, struct wire_snapshot *ret)
{
    *ret = (struct wire_snapshot){.position = random_position(r), .time_ms = u64_or_0(r)};
    if (ret->position.rev) {
        ret->entry_first_rev = rng_between(r, 1, ret->position.rev);
        ret->doc_kind = (enum wire_doc_kind)rng_between(r, WIRE_DOC_RICH, WIRE_DOC_TEXT);
    }
    ret->content = wire_random_slice(r, mem, 1000);
    ret->title = wire_random_slice(r, mem, 50);
    ret->permission_count = rng_below(r, 5);
    ret->permissions = array(mem, ret->permission_count, sizeof *ret->permissions);
    for (size_t i = 0; i < ret->permission_count; i++)
        wire_random_permission(r, mem, &ret->permissions[i]);
    ret->session_count = rng_below(r, 5);
    ret->sessions = array(mem, ret->session_count, sizeof *ret->sessions);
    for (size_t i = 0; i < ret->session_count; i++)
        random_result(r, &ret->sessions[i]);
    ret->evicted_created_ms = u64_or_0(r);
    fill(r, ret->creator.id, WIRE_SESSION_SIZE);
}

static struct wire_client_record *random_records(struct rng *r, struct arena *mem, size_t count,
                                                 uint64_t *ret_revisions)
{
    struct wire_client_record *records = array(mem, count, sizeof *records);
    *ret_revisions = 0;
    for (size_t i = 0; i < count; i++) {
        struct wire_client_record *record = &records[i];
        record->has_author = rng_percent(r, 70);
        if (record->has_author)
            fill(r, record->author, WIRE_AUTHOR_SIZE);
        record->seq = u64_or_0(r);
        record->kind = (enum wire_kind)rng_below(r, WIRE_KIND_CLOSE + 1);
        record->body = wire_random_slice(r, mem, rng_percent(r, 5) ? 20000 : 60);
        record->count = rng_percent(r, 70) ? 1 : rng_between(r, 1, 1u << 20);
        *ret_revisions += record->count;
    }
    return records;
}

void wire_random_client_entry(struct rng *r, struct arena *mem, struct wire_client_entry *ret)
{
    uint64_t revisions;
    *ret = (struct wire_client_entry){
        .doc = wire_random_slice(r, mem, WIRE_DOC_SIZE_MAX),
        .time_ms = u64_or_0(r),
        .count = rng_between(r, 1, 5),
    };
    fill(r, ret->hash_before, CHAIN_HASH_SIZE);
    fill(r, ret->hash_after, CHAIN_HASH_SIZE);
    ret->records = random_records(r, mem, ret->count, &revisions);
    ret->first_rev = (wire_random_u64(r) >> 1) + 1;
    ret->last_rev = ret->first_rev + revisions - 1;
}

void wire_random_ops(struct rng *r, struct arena *mem, struct wire_ops *ret)
{
    uint64_t revisions;
    ret->count = rng_below(r, 5);
    ret->records = random_records(r, mem, ret->count, &revisions);
}

static void random_presence(struct rng *r, struct arena *mem, struct wire_presence *ret)
{
    ret->doc = wire_random_slice(r, mem, WIRE_DOC_SIZE_MAX);
    ret->has_author = rng_percent(r, 50);
    if (ret->has_author)
        fill(r, ret->author, WIRE_AUTHOR_SIZE);
    ret->rev = u64_or_0(r);
    ret->data = wire_random_slice(r, mem, 200);
    ret->gone = rng_percent(r, 50);
}

static void random_open(struct rng *r, struct arena *mem, struct wire_open *ret)
{
    ret->doc = wire_random_slice(r, mem, WIRE_DOC_SIZE_MAX);
    ret->has_session = rng_percent(r, 80);
    if (ret->has_session)
        fill(r, ret->session.id, WIRE_SESSION_SIZE);
    ret->attempt = u64_or_0(r);
    ret->has_position = rng_percent(r, 60);
    if (ret->has_position)
        ret->position = random_position(r);
    ret->has_create = rng_percent(r, 40);
    if (ret->has_create) {
        ret->create_kind = (enum wire_doc_kind)rng_between(r, WIRE_DOC_RICH, WIRE_DOC_TEXT);
        ret->create_content = wire_random_slice(r, mem, 300);
    }
}

void wire_random_client_frame(struct rng *r, struct arena *mem, struct wire_client_frame *ret)
{
    *ret = (struct wire_client_frame){
        .type = (enum wire_up_type)rng_between(r, WIRE_UP_HELLO, WIRE_UP_PING),
    };
    switch (ret->type) {
    case WIRE_UP_HELLO:
        ret->hello = (struct wire_hello){
            .version = u32_or_0(r),
            .features = u64_or_0(r),
            .token = wire_random_slice(r, mem, 500),
        };
        break;
    case WIRE_UP_OPEN:
        random_open(r, mem, &ret->open);
        break;
    case WIRE_UP_SUBMIT:
        ret->submit = (struct wire_submit){
            .doc = wire_random_slice(r, mem, WIRE_DOC_SIZE_MAX),
            .seq = u64_or_0(r),
            .base = random_position(r),
            .kind = (enum wire_kind)rng_below(r, WIRE_KIND_CLOSE + 1),
            .body = wire_random_slice(r, mem, rng_percent(r, 10) ? 40000 : 100),
        };
        break;
    case WIRE_UP_CLOSE:
        ret->close_doc = wire_random_slice(r, mem, WIRE_DOC_SIZE_MAX);
        break;
    case WIRE_UP_PRESENCE:
        random_presence(r, mem, &ret->presence);
        break;
    default:
        ret->ping_nonce = u64_or_0(r);
    }
}

static void random_opened(struct rng *r, struct arena *mem, struct wire_opened *ret)
{
    ret->outcome = (enum wire_opened_outcome)rng_below(r, WIRE_OPENED_RESYNC + 1);
    ret->position = random_position(r);
    ret->last_seq = u64_or_0(r);
    ret->doc_kind = (enum wire_doc_kind)rng_below(r, WIRE_DOC_TEXT + 1);
    ret->payload = wire_random_slice(r, mem, rng_percent(r, 20) ? 70000 : 300);
    ret->payload_bytes = ret->payload.size;
}

static void random_error(struct rng *r, struct arena *mem, struct wire_client_error *ret)
{
    *ret = (struct wire_client_error){
        .code = u32_or_0(r),
        .scope = (enum wire_scope)rng_below(r, WIRE_SCOPE_CONN + 1),
        .permanent = rng_percent(r, 50),
        .retry_after_ms = u32_or_0(r),
        .name = wire_random_slice(r, mem, 30),
        .doc = wire_random_slice(r, mem, WIRE_DOC_SIZE_MAX),
        .message = wire_random_slice(r, mem, 200),
        .seq = u64_or_0(r),
        .detail = u64_or_0(r),
    };
}

static void random_drain(struct rng *r, struct arena *mem, struct wire_drain *ret)
{
    ret->deadline_ms = u32_or_0(r);
    ret->count = rng_below(r, 6);
    ret->addresses = array(mem, ret->count, sizeof *ret->addresses);
    for (size_t i = 0; i < ret->count; i++)
        ret->addresses[i] = wire_random_slice(r, mem, 30);
}

static void random_welcome(struct rng *r, struct wire_welcome *ret)
{
    *ret = (struct wire_welcome){
        .version = u32_or_0(r),
        .features = u64_or_0(r),
        .server_time_ms = u64_or_0(r),
        .heartbeat_ms = u32_or_0(r),
        .op_bytes_max = u64_or_0(r),
        .frame_bytes_max = u64_or_0(r),
        .document_bytes_max = u64_or_0(r),
        .chunk_bytes_max = u64_or_0(r),
        .presence_bytes_max = u64_or_0(r),
        .presence_per_s_max = u64_or_0(r),
        .documents_max = u64_or_0(r),
        .frames_per_s_max = u64_or_0(r),
        .op_components_max = u64_or_0(r),
        .doc_id_bytes_max = u64_or_0(r),
        .title_bytes_max = u64_or_0(r),
    };
}

void wire_random_server_frame(struct rng *r, struct arena *mem, struct wire_server_frame *ret)
{
    *ret = (struct wire_server_frame){
        .type = (enum wire_down_type)rng_between(r, WIRE_DOWN_WELCOME, WIRE_DOWN_CLOSED),
    };
    switch (ret->type) {
    case WIRE_DOWN_WELCOME:
        random_welcome(r, &ret->welcome);
        break;
    case WIRE_DOWN_OPENED:
        ret->opened.doc = wire_random_slice(r, mem, WIRE_DOC_SIZE_MAX);
        random_opened(r, mem, &ret->opened);
        break;
    case WIRE_DOWN_CHUNK:
        ret->chunk = (struct wire_chunk){
            .doc = wire_random_slice(r, mem, WIRE_DOC_SIZE_MAX),
            .offset = u64_or_0(r),
            .data = wire_random_slice(r, mem, 1000),
        };
        break;
    case WIRE_DOWN_ENTRY:
        wire_random_client_entry(r, mem, &ret->entry);
        break;
    case WIRE_DOWN_ACCEPTED:
        ret->accepted = (struct wire_accepted){
            .doc = wire_random_slice(r, mem, WIRE_DOC_SIZE_MAX),
            .seq = u64_or_0(r),
            .rev = u64_or_0(r),
        };
        break;
    case WIRE_DOWN_ERROR:
        random_error(r, mem, &ret->error);
        break;
    case WIRE_DOWN_PRESENCE:
        random_presence(r, mem, &ret->presence);
        break;
    case WIRE_DOWN_DRAIN:
        random_drain(r, mem, &ret->drain);
        break;
    case WIRE_DOWN_PONG:
        ret->pong.nonce = u64_or_0(r);
        ret->pong.server_time_ms = u64_or_0(r);
        break;
    default:
        ret->closed_doc = wire_random_slice(r, mem, WIRE_DOC_SIZE_MAX);
    }
}

void wire_random_to_worker(struct rng *r, struct arena *mem, struct wire_to_worker *ret)
{
    *ret = (struct wire_to_worker){
        .type =
            (enum wire_to_worker_type)rng_between(r, WIRE_TO_WORKER_OPEN, WIRE_TO_WORKER_PRESENCE),
    };
    switch (ret->type) {
    case WIRE_TO_WORKER_OPEN:
        ret->open = (struct wire_link_open){
            .attachment = u64_or_0(r),
            .view = u64_or_0(r),
            .owner_unreachable = rng_percent(r, 20),
            .role = (enum wire_role)rng_below(r, WIRE_ROLE_OWN + 1),
        };
        random_open(r, mem, &ret->open.open);
        break;
    case WIRE_TO_WORKER_SUBMIT:
        ret->submit = (struct wire_link_submit){
            .attachment = u64_or_0(r),
            .seq = u64_or_0(r),
            .base = random_position(r),
            .kind = (enum wire_kind)rng_below(r, WIRE_KIND_CLOSE + 1),
            .body = wire_random_slice(r, mem, rng_percent(r, 10) ? 40000 : 100),
        };
        fill(r, ret->submit.digest, WIRE_DIGEST_SIZE);
        break;
    case WIRE_TO_WORKER_DETACH:
        ret->detach_attachment = u64_or_0(r);
        break;
    default:
        ret->presence.attachment = u64_or_0(r);
        random_presence(r, mem, &ret->presence.presence);
    }
}

static void random_link_entry(struct rng *r, struct arena *mem, struct wire_link_entry *ret)
{
    ret->doc = wire_random_slice(r, mem, WIRE_DOC_SIZE_MAX);
    ret->before = random_position(r);
    ret->before.rev >>= 1;
    ret->after = random_position(r);
    ret->after.rev = ret->before.rev + rng_between(r, 1, 100);
    ret->entry = wire_random_slice(r, mem, 500);
}

void wire_random_to_gateway(struct rng *r, struct arena *mem, struct wire_to_gateway *ret)
{
    *ret = (struct wire_to_gateway){
        .type = (enum wire_to_gateway_type)rng_between(r, WIRE_TO_GATEWAY_OPENED,
                                                       WIRE_TO_GATEWAY_DETACHED),
    };
    switch (ret->type) {
    case WIRE_TO_GATEWAY_OPENED:
        ret->opened.attachment = u64_or_0(r);
        random_opened(r, mem, &ret->opened.opened);
        break;
    case WIRE_TO_GATEWAY_ENTRY:
        random_link_entry(r, mem, &ret->entry);
        break;
    case WIRE_TO_GATEWAY_ACCEPTED:
        ret->accepted.attachment = u64_or_0(r);
        ret->accepted.seq = u64_or_0(r);
        ret->accepted.rev = u64_or_0(r);
        break;
    case WIRE_TO_GATEWAY_REFUSED:
        ret->refused.attachment = u64_or_0(r);
        ret->refused.seq = u64_or_0(r);
        ret->refused.code = u32_or_0(r);
        ret->refused.detail = u64_or_0(r);
        break;
    case WIRE_TO_GATEWAY_REPLACED:
        ret->replaced_attachment = u64_or_0(r);
        break;
    case WIRE_TO_GATEWAY_MOVED:
        ret->moved.doc = wire_random_slice(r, mem, WIRE_DOC_SIZE_MAX);
        ret->moved.owner = wire_random_slice(r, mem, 40);
        ret->moved.view = u64_or_0(r);
        break;
    case WIRE_TO_GATEWAY_PRESENCE:
        random_presence(r, mem, &ret->presence);
        break;
    default:
        ret->detached_attachment = u64_or_0(r);
    }
}
