/* Messages out (json_client.h). */
#include <errno.h>

#include "codec_text.h"
#include "json_client.h"
#include "json_names.h"
#include "json_writer.h"
#include "ot_json.h"

static void put_position(struct json_writer *w, const char *key, const struct chain_position *p)
{
    json_put_key(w, key);
    json_open(w, '{');
    json_put_u64(w, "rev", p->rev);
    json_put_hex(w, "hash", p->hash, CHAIN_HASH_SIZE);
    json_close(w, '}');
}

static void put_permission(struct json_writer *w, struct slice body)
{
    struct wire_permission p;
    int rc = wire_permission_decode(w->mem, body, &p);

    if (rc) {
        w->rc = w->rc ? w->rc : rc > 0 ? JSON_BAD : rc;
        return;
    }
    json_put_key(w, "permission");
    json_open(w, '{');
    json_put_text(w, "subject", p.subject);
    json_put_str(w, "role", json_role_names[p.role]);
    json_close(w, '}');
}

/* The body under the name that its kind gives it. */
static void put_body(struct json_writer *w, enum wire_kind kind, struct slice body)
{
    switch (kind) {
    case WIRE_KIND_CREATE:
    case WIRE_KIND_EDIT:
        json_put_op(w, "op", body);
        break;
    case WIRE_KIND_TITLE:
        json_put_text(w, "title", body);
        break;
    case WIRE_KIND_PERMISSION:
        put_permission(w, body);
        break;
    case WIRE_KIND_CLOSE:
    case WIRE_KIND_NONE:
        break;
    }
}

static void put_record(struct json_writer *w, const struct wire_client_record *r)
{
    json_open(w, '{');
    if (r->has_author) {
        json_put_hex(w, "author", r->author, WIRE_AUTHOR_SIZE);
        json_put_u64(w, "seq", r->seq);
    }
    if (r->count > 1)
        json_put_u64(w, "count", r->count);
    json_put_str(w, "kind", json_kind_names[r->kind]);
    put_body(w, r->kind, r->body);
    json_close(w, '}');
}

static void put_records(struct json_writer *w, const struct wire_client_record *records,
                        size_t count)
{
    json_put_key(w, "records");
    json_open(w, '[');
    for (size_t i = 0; i < count; i++) {
        if (i)
            bytes_append_u8(w->out, ',');
        put_record(w, &records[i]);
    }
    json_close(w, ']');
}

/* --- server --- */

static void put_welcome(struct json_writer *w, const struct wire_welcome *m)
{
    json_put_u64(w, "version", m->version);
    json_put_u64(w, "features", m->features);
    json_put_u64(w, "server_time", m->server_time_ms);
    json_put_u64(w, "heartbeat_ms", m->heartbeat_ms);
    json_put_u64(w, "op_bytes_max", m->op_bytes_max);
    json_put_u64(w, "frame_bytes_max", m->frame_bytes_max);
    json_put_u64(w, "document_bytes_max", m->document_bytes_max);
    json_put_u64(w, "chunk_bytes_max", m->chunk_bytes_max);
    json_put_u64(w, "presence_bytes_max", m->presence_bytes_max);
    json_put_u64(w, "presence_per_s_max", m->presence_per_s_max);
    json_put_u64(w, "documents_max", m->documents_max);
    json_put_u64(w, "frames_per_s_max", m->frames_per_s_max);
    json_put_u64(w, "op_components_max", m->op_components_max);
    json_put_u64(w, "doc_id_bytes_max", m->doc_id_bytes_max);
    json_put_u64(w, "title_bytes_max", m->title_bytes_max);
}

static void put_payload(struct json_writer *w, const struct wire_opened *m)
{
    struct wire_content content;
    struct wire_ops ops;
    int rc;

    if (m->outcome == WIRE_OPENED_OPS) {
        rc = wire_ops_decode(w->mem, m->payload, &ops);
        if (!rc)
            put_records(w, ops.records, ops.count);
    } else {
        rc = wire_content_decode(w->mem, m->payload, &content);
        if (!rc) {
            json_put_op(w, "content", content.content);
            json_put_text(w, "title", content.title);
        }
    }
    if (rc)
        w->rc = w->rc ? w->rc : rc > 0 ? JSON_BAD : rc;
}

static void put_opened(struct json_writer *w, const struct wire_opened *m)
{
    json_put_text(w, "doc", m->doc);
    json_put_str(w, "outcome", json_outcome_names[m->outcome]);
    put_position(w, "position", &m->position);
    json_put_u64(w, "last_seq", m->last_seq);
    json_put_str(w, "kind", json_doc_kind_names[m->doc_kind]);
    if (m->payload.size)
        put_payload(w, m);
    else if (m->payload_bytes)
        json_put_u64(w, "payload_bytes", m->payload_bytes);
}

static void put_entry(struct json_writer *w, const struct wire_client_entry *m)
{
    json_put_text(w, "doc", m->doc);
    json_put_u64(w, "first_rev", m->first_rev);
    json_put_u64(w, "last_rev", m->last_rev);
    json_put_hex(w, "hash_before", m->hash_before, CHAIN_HASH_SIZE);
    json_put_hex(w, "hash_after", m->hash_after, CHAIN_HASH_SIZE);
    json_put_u64(w, "time", m->time_ms);
    put_records(w, m->records, m->count);
}

static void put_error(struct json_writer *w, const struct wire_client_error *m)
{
    json_put_u64(w, "code", m->code);
    json_put_text(w, "name", m->name);
    json_put_str(w, "scope", json_scope_names[m->scope]);
    json_put_bool(w, "permanent", m->permanent);
    if (!m->permanent)
        json_put_u64(w, "retry_after_ms", m->retry_after_ms);
    if (m->doc.size)
        json_put_text(w, "doc", m->doc);
    if (m->seq)
        json_put_u64(w, "seq", m->seq);
    json_put_text(w, "message", m->message);
    if (m->detail)
        json_put_u64(w, "detail", m->detail);
}

static void put_presence(struct json_writer *w, const struct wire_presence *m)
{
    json_put_text(w, "doc", m->doc);
    if (m->has_author)
        json_put_hex(w, "author", m->author, WIRE_AUTHOR_SIZE);
    json_put_u64(w, "rev", m->rev);
    if (ot_json_canonical(m->data, false)) {
        json_put_key(w, "data");
        bytes_append_slice(w->out, m->data);
    } else if (m->data.size) {
        json_put_key(w, "data_base64");
        bytes_append_u8(w->out, '"');
        base64url_append(w->out, m->data);
        bytes_append_u8(w->out, '"');
    }
    if (m->gone)
        json_put_bool(w, "gone", true);
}

static void put_drain(struct json_writer *w, const struct wire_drain *m)
{
    json_put_u64(w, "deadline_ms", m->deadline_ms);
    json_put_key(w, "addresses");
    json_open(w, '[');
    for (size_t i = 0; i < m->count; i++)
        json_put_item(w, i, m->addresses[i]);
    json_close(w, ']');
}

static void put_server_frame(struct json_writer *w, const struct wire_server_frame *frame)
{
    switch (frame->type) {
    case WIRE_DOWN_WELCOME:
        put_welcome(w, &frame->welcome);
        break;
    case WIRE_DOWN_OPENED:
        put_opened(w, &frame->opened);
        break;
    case WIRE_DOWN_CHUNK:
        json_put_text(w, "doc", frame->chunk.doc);
        json_put_u64(w, "offset", frame->chunk.offset);
        json_put_text(w, "data", frame->chunk.data);
        break;
    case WIRE_DOWN_ENTRY:
        put_entry(w, &frame->entry);
        break;
    case WIRE_DOWN_ACCEPTED:
        json_put_text(w, "doc", frame->accepted.doc);
        json_put_u64(w, "seq", frame->accepted.seq);
        json_put_u64(w, "rev", frame->accepted.rev);
        break;
    case WIRE_DOWN_ERROR:
        put_error(w, &frame->error);
        break;
    case WIRE_DOWN_PRESENCE:
        put_presence(w, &frame->presence);
        break;
    case WIRE_DOWN_DRAIN:
        put_drain(w, &frame->drain);
        break;
    case WIRE_DOWN_PONG:
        json_put_u64(w, "nonce", frame->pong.nonce);
        json_put_u64(w, "server_time", frame->pong.server_time_ms);
        break;
    case WIRE_DOWN_CLOSED:
        json_put_text(w, "doc", frame->closed_doc);
        break;
    }
}

int json_server_frame_write(struct arena *mem, const struct wire_server_frame *frame,
                            struct bytes *out)
{
    struct json_writer w = {.mem = mem, .out = out};

    if (frame->type < WIRE_DOWN_WELCOME || frame->type > WIRE_DOWN_CLOSED)
        return JSON_BAD;
    json_open(&w, '{');
    json_put_str(&w, "type", json_down_names[frame->type]);
    put_server_frame(&w, frame);
    json_close(&w, '}');
    return w.rc;
}

int json_payload_write(struct arena *mem, const struct wire_opened *opened, struct bytes *out)
{
    struct json_writer w = {.mem = mem, .out = out};

    json_open(&w, '{');
    put_payload(&w, opened);
    json_close(&w, '}');
    return w.rc;
}

/* --- client --- */

static void put_open(struct json_writer *w, const struct wire_open *m)
{
    json_put_text(w, "doc", m->doc);
    if (m->has_session)
        json_put_hex(w, "session", m->session.id, WIRE_SESSION_SIZE);
    if (m->attempt)
        json_put_u64(w, "attempt", m->attempt);
    if (m->has_position)
        put_position(w, "position", &m->position);
    if (m->create_kind == WIRE_DOC_NONE)
        return;
    json_put_key(w, "create");
    json_open(w, '{');
    json_put_str(w, "kind", json_doc_kind_names[m->create_kind]);
    json_put_op(w, "content", m->create_content);
    json_close(w, '}');
}

static void put_client_frame(struct json_writer *w, const struct wire_client_frame *frame)
{
    switch (frame->type) {
    case WIRE_UP_HELLO:
        json_put_u64(w, "version", frame->hello.version);
        json_put_u64(w, "features", frame->hello.features);
        json_put_text(w, "token", frame->hello.token);
        break;
    case WIRE_UP_OPEN:
        put_open(w, &frame->open);
        break;
    case WIRE_UP_SUBMIT:
        json_put_text(w, "doc", frame->submit.doc);
        json_put_u64(w, "seq", frame->submit.seq);
        put_position(w, "base", &frame->submit.base);
        put_body(w, frame->submit.kind, frame->submit.body);
        break;
    case WIRE_UP_CLOSE:
        json_put_text(w, "doc", frame->close_doc);
        break;
    case WIRE_UP_PRESENCE:
        put_presence(w, &frame->presence);
        break;
    case WIRE_UP_PING:
        json_put_u64(w, "nonce", frame->ping_nonce);
        break;
    }
}

int json_client_frame_write(struct arena *mem, const struct wire_client_frame *frame,
                            struct bytes *out)
{
    struct json_writer w = {.mem = mem, .out = out};

    if (frame->type < WIRE_UP_HELLO || frame->type > WIRE_UP_PING)
        return JSON_BAD;
    json_open(&w, '{');
    json_put_str(&w, "type", json_up_names[frame->type]);
    put_client_frame(&w, frame);
    json_close(&w, '}');
    return w.rc;
}
