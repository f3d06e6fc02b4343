/* Writing client.proto. */
#include "wire_client.h"

#include "wire_parts.h"
#include "wire_put.h"

/* --- parts --- */

static size_t record_guess(const struct wire_client_record *r)
{
    return r->body.size + 18;
}

static void record_put(struct bytes *out, unsigned field, const struct wire_client_record *r)
{
    struct wire_put_mark mark = wire_put_begin(out, field, record_guess(r));
    if (r->has_author)
        wire_put_fixed(out, 1, r->author, WIRE_AUTHOR_SIZE);
    wire_put_uint(out, 2, r->seq);
    wire_put_uint(out, 3, r->kind);
    wire_put_slice(out, 4, r->body);
    wire_put_uint(out, 5, r->count > 1 ? r->count : 0);
    wire_put_end(out, mark);
}

static size_t entry_guess(const struct wire_client_entry *entry)
{
    size_t size = entry->doc.size + 66;
    for (size_t i = 0; i < entry->count; i++)
        size += record_guess(&entry->records[i]) + 2;
    return size;
}

void wire_entry_body_put(struct bytes *out, const struct wire_client_entry *entry)
{
    wire_put_slice(out, 1, entry->doc);
    wire_put_uint(out, 2, entry->first_rev);
    wire_put_uint(out, 3, entry->last_rev);
    wire_put_fixed(out, 4, entry->hash_before, CHAIN_HASH_SIZE);
    wire_put_fixed(out, 5, entry->hash_after, CHAIN_HASH_SIZE);
    wire_put_uint(out, 6, entry->time_ms);
    for (size_t i = 0; i < entry->count; i++)
        record_put(out, 7, &entry->records[i]);
}

void wire_presence_body_put(struct bytes *out, const struct wire_presence *p, uint64_t attachment)
{
    wire_put_slice(out, 1, p->doc);
    if (p->has_author)
        wire_put_fixed(out, 2, p->author, WIRE_AUTHOR_SIZE);
    wire_put_uint(out, 3, p->rev);
    wire_put_slice(out, 4, p->data);
    wire_put_uint(out, 5, p->gone);
    wire_put_uint(out, 6, attachment);
}

/* --- up --- */

static void hello_put(struct bytes *out, const struct wire_hello *h)
{
    wire_put_uint(out, 1, h->version);
    wire_put_uint(out, 2, h->features);
    wire_put_slice(out, 3, h->token);
}

static void open_put(struct bytes *out, const struct wire_open *o)
{
    wire_put_slice(out, 1, o->doc);
    if (o->has_session)
        wire_put_fixed(out, 2, o->session.id, WIRE_SESSION_SIZE);
    wire_put_uint(out, 3, o->position.rev);
    if (o->has_position)
        wire_put_fixed(out, 4, o->position.hash, CHAIN_HASH_SIZE);
    if (o->has_create || o->create_kind != WIRE_DOC_NONE) {
        struct wire_put_mark mark = wire_put_begin(out, 5, o->create_content.size + 5);
        wire_put_uint(out, 1, o->create_kind);
        wire_put_slice(out, 2, o->create_content);
        wire_put_end(out, mark);
    }
    wire_put_uint(out, 6, o->attempt);
}

static void submit_put(struct bytes *out, const struct wire_submit *s)
{
    wire_put_slice(out, 1, s->doc);
    wire_put_uint(out, 2, s->seq);
    wire_put_uint(out, 3, s->base.rev);
    wire_put_fixed(out, 4, s->base.hash, CHAIN_HASH_SIZE);
    wire_put_uint(out, 5, s->kind);
    wire_put_slice(out, 6, s->body);
}

static size_t client_frame_guess(const struct wire_client_frame *f)
{
    return f->type == WIRE_UP_SUBMIT ? f->submit.doc.size + f->submit.body.size + 36 : 64;
}

void wire_client_frame_encode(const struct wire_client_frame *frame, struct bytes *out)
{
    size_t guess = client_frame_guess(frame);
    struct wire_put_mark length = wire_put_begin(out, 0, guess + 2);
    struct wire_put_mark mark = wire_put_begin(out, frame->type, guess);

    switch (frame->type) {
    case WIRE_UP_HELLO:
        hello_put(out, &frame->hello);
        break;
    case WIRE_UP_OPEN:
        open_put(out, &frame->open);
        break;
    case WIRE_UP_SUBMIT:
        submit_put(out, &frame->submit);
        break;
    case WIRE_UP_CLOSE:
        wire_put_slice(out, 1, frame->close_doc);
        break;
    case WIRE_UP_PRESENCE:
        wire_presence_body_put(out, &frame->presence, 0);
        break;
    case WIRE_UP_PING:
        wire_put_uint(out, 1, frame->ping_nonce);
        break;
    default:
        MUST(!"a frame to encode has a type");
    }
    wire_put_end(out, mark);
    wire_put_end(out, length);
}

/* --- down --- */

static void welcome_put(struct bytes *out, const struct wire_welcome *w)
{
    wire_put_uint(out, 1, w->version);
    wire_put_uint(out, 2, w->features);
    wire_put_uint(out, 3, w->server_time_ms);
    wire_put_uint(out, 4, w->heartbeat_ms);
    wire_put_uint(out, 5, w->op_bytes_max);
    wire_put_uint(out, 6, w->frame_bytes_max);
    wire_put_uint(out, 7, w->document_bytes_max);
    wire_put_uint(out, 8, w->chunk_bytes_max);
    wire_put_uint(out, 9, w->presence_bytes_max);
    wire_put_uint(out, 10, w->presence_per_s_max);
    wire_put_uint(out, 11, w->documents_max);
    wire_put_uint(out, 12, w->frames_per_s_max);
    wire_put_uint(out, 13, w->op_components_max);
    wire_put_uint(out, 14, w->doc_id_bytes_max);
    wire_put_uint(out, 15, w->title_bytes_max);
}

static void opened_put(struct bytes *out, const struct wire_opened *o)
{
    wire_put_slice(out, 1, o->doc);
    wire_put_uint(out, 2, o->outcome);
    wire_put_uint(out, 3, o->position.rev);
    wire_put_fixed(out, 4, o->position.hash, CHAIN_HASH_SIZE);
    wire_put_uint(out, 5, o->last_seq);
    wire_put_uint(out, 6, o->doc_kind);
    wire_put_uint(out, 7, o->payload_bytes);
    wire_put_slice(out, 8, o->payload);
}

static void error_put(struct bytes *out, const struct wire_client_error *e)
{
    wire_put_uint(out, 1, e->code);
    wire_put_slice(out, 2, e->name);
    wire_put_uint(out, 3, e->scope);
    wire_put_uint(out, 4, e->permanent);
    wire_put_uint(out, 5, e->retry_after_ms);
    wire_put_slice(out, 6, e->doc);
    wire_put_uint(out, 7, e->seq);
    wire_put_slice(out, 8, e->message);
    wire_put_uint(out, 9, e->detail);
}

/* A repeated bytes field keeps its empty elements. */
static void drain_put(struct bytes *out, const struct wire_drain *d)
{
    wire_put_uint(out, 1, d->deadline_ms);
    for (size_t i = 0; i < d->count; i++) {
        struct wire_put_mark mark = wire_put_begin(out, 2, d->addresses[i].size);
        bytes_append_slice(out, d->addresses[i]);
        wire_put_end(out, mark);
    }
}

static void server_body_put(struct bytes *out, const struct wire_server_frame *frame)
{
    switch (frame->type) {
    case WIRE_DOWN_WELCOME:
        welcome_put(out, &frame->welcome);
        break;
    case WIRE_DOWN_OPENED:
        opened_put(out, &frame->opened);
        break;
    case WIRE_DOWN_CHUNK:
        wire_put_slice(out, 1, frame->chunk.doc);
        wire_put_uint(out, 2, frame->chunk.offset);
        wire_put_slice(out, 3, frame->chunk.data);
        break;
    case WIRE_DOWN_ENTRY:
        wire_entry_body_put(out, &frame->entry);
        break;
    case WIRE_DOWN_ACCEPTED:
        wire_put_slice(out, 1, frame->accepted.doc);
        wire_put_uint(out, 2, frame->accepted.seq);
        wire_put_uint(out, 3, frame->accepted.rev);
        break;
    case WIRE_DOWN_ERROR:
        error_put(out, &frame->error);
        break;
    case WIRE_DOWN_PRESENCE:
        wire_presence_body_put(out, &frame->presence, 0);
        break;
    case WIRE_DOWN_DRAIN:
        drain_put(out, &frame->drain);
        break;
    case WIRE_DOWN_PONG:
        wire_put_uint(out, 1, frame->pong.nonce);
        wire_put_uint(out, 2, frame->pong.server_time_ms);
        break;
    case WIRE_DOWN_CLOSED:
        wire_put_slice(out, 1, frame->closed_doc);
        break;
    default:
        MUST(!"a frame to encode has a type");
    }
}

static size_t server_frame_guess(const struct wire_server_frame *f)
{
    switch (f->type) {
    case WIRE_DOWN_OPENED:
        return f->opened.doc.size + f->opened.payload.size + 40;
    case WIRE_DOWN_CHUNK:
        return f->chunk.doc.size + f->chunk.data.size + 12;
    case WIRE_DOWN_ENTRY:
        return entry_guess(&f->entry);
    default:
        return 64;
    }
}

void wire_server_frame_encode(const struct wire_server_frame *frame, struct bytes *out)
{
    size_t guess = server_frame_guess(frame);
    struct wire_put_mark length = wire_put_begin(out, 0, guess + 4);
    struct wire_put_mark mark = wire_put_begin(out, frame->type, guess);

    server_body_put(out, frame);
    wire_put_end(out, mark);
    wire_put_end(out, length);
}

void wire_server_entry_frame(struct slice encoded_entry, struct bytes *out)
{
    struct wire_put_mark length = wire_put_begin(out, 0, encoded_entry.size + 4);
    struct wire_put_mark mark = wire_put_begin(out, WIRE_DOWN_ENTRY, encoded_entry.size);

    bytes_append_slice(out, encoded_entry);
    wire_put_end(out, mark);
    wire_put_end(out, length);
}

/* --- bare messages --- */

void wire_client_entry_encode(const struct wire_client_entry *entry, struct bytes *out)
{
    wire_entry_body_put(out, entry);
}

void wire_ops_encode(const struct wire_ops *ops, struct bytes *out)
{
    for (size_t i = 0; i < ops->count; i++)
        record_put(out, 1, &ops->records[i]);
}

void wire_content_encode(const struct wire_content *content, struct bytes *out)
{
    wire_put_slice(out, 1, content->content);
    wire_put_slice(out, 2, content->title);
}

void wire_error_frame(uint32_t code, uint64_t detail, struct slice doc, uint64_t seq,
                      struct bytes *text, struct wire_server_frame *ret)
{
    const struct wire_error_info *info = wire_error_info(code);

    MUST(info);
    bytes_reset(text);
    wire_error_text(code, detail, text);
    *ret = (struct wire_server_frame){
        .type = WIRE_DOWN_ERROR,
        .error = {.code = code,
                  .scope = info->scope,
                  .permanent = info->permanent,
                  .retry_after_ms = info->retry_ms,
                  .name = slice_str(info->word),
                  .doc = doc,
                  .message = bytes_slice(text),
                  .seq = seq,
                  .detail = detail},
    };
}
