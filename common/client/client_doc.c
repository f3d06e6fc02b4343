/* The client's state machine: see client_doc.h for the diagram and the rules. */
#include "client_doc.h"

#include <errno.h>
#include <stdlib.h>

#include "client_private.h"

#define PAYLOAD_BYTES_MAX (64u << 20)

static void session_set(struct client_doc *c, const struct wire_session *session)
{
    c->has_session = session != NULL;
    if (!session)
        return;
    c->session = *session;
    crypto_author_id(bytes_slice(&c->id), session->id, c->author);
}

struct client_doc *client_doc_new(struct slice id, const struct wire_session *session,
                                  struct ot_attrs_table *table, struct client_events events)
{
    struct client_doc *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->table = table;
    c->events = events;
    bytes_append_slice(&c->id, id);
    c->rope = ot_rope_new(table);
    if (!c->rope || c->id.failed)
        return client_doc_free(c);
    session_set(c, session);
    return c;
}

struct client_doc *client_doc_free(struct client_doc *c)
{
    if (!c)
        return NULL;
    client_pending_drop(c);
    ot_rope_free(c->rope);
    bytes_fini(&c->create_content);
    bytes_fini(&c->payload);
    bytes_fini(&c->id);
    free(c);
    return NULL;
}

int client_doc_create(struct client_doc *c, enum wire_doc_kind kind, const struct ot_op *content)
{
    MUST(c->state == CLIENT_CLOSED && !c->has_text);
    int r = client_op_keep(content, &c->create_content);
    if (!r)
        r = client_text_set(c, bytes_slice(&c->create_content));
    if (!r)
        c->create_kind = c->kind = kind;
    return r;
}

void client_doc_open(struct client_doc *c)
{
    MUST(c->state == CLIENT_CLOSED);
    c->state = CLIENT_OPENING;
    c->open_due = true;
}

void client_doc_disconnected(struct client_doc *c)
{
    c->collecting = c->close_due = c->submit_due = c->asked = false;
    if (c->state != CLIENT_OPENING && c->state != CLIENT_LIVE)
        return;
    c->state = CLIENT_OPENING;
    c->open_due = true;
}

void client_doc_retry(struct client_doc *c)
{
    if (c->state == CLIENT_OPENING && !c->asked)
        c->open_due = true;
    else if (c->state == CLIENT_LIVE)
        c->submit_due = c->in_flight;
}

/* Opens again on the connection that we have. */
static void reopen(struct client_doc *c)
{
    c->state = CLIENT_OPENING;
    c->collecting = c->submit_due = c->asked = false;
    c->close_due = c->open_due = true;
}

void client_doc_renew(struct client_doc *c, const struct wire_session *session)
{
    struct bytes pending = BYTES_INIT;

    MUST(c->state == CLIENT_STOPPED);
    /* What is pending becomes the buffer, and that the draft when the snapshot comes. */
    bool kept = client_pending_compose(c, &pending) == 0 && pending.size > 0;
    client_pending_drop(c);
    c->has_buffer = kept;
    c->buffer = pending;
    c->seq = 0;
    c->error = 0;
    c->has_position = false;
    c->create_kind = WIRE_DOC_NONE;
    session_set(c, session);
    reopen(c);
}

int client_doc_edit(struct client_doc *c, const struct ot_op *op)
{
    struct ot_op buffer, both = *op;
    struct arena mem;

    if (!c->has_text || c->state == CLIENT_STOPPED || !c->has_session)
        return -EAGAIN;
    int r = ot_rope_check(c->rope, op, c->kind == WIRE_DOC_RICH);
    if (r || op->count == 0)
        return r;
    arena_init(&mem, SIZE_MAX);
    if (c->has_buffer) {
        r = ot_decode(&mem, bytes_slice(&c->buffer), &ot_limits_stored, &buffer);
        if (!r)
            r = ot_compose(&mem, &buffer, op, &both);
    }
    struct bytes kept = BYTES_INIT;
    if (!r)
        r = client_op_keep(&both, &kept);
    if (!r)
        r = ot_rope_apply(c->rope, op);
    if (!r) {
        bytes_fini(&c->buffer);
        c->buffer = bytes_steal(&kept);
        c->has_buffer = both.count > 0;
    }
    bytes_fini(&kept);
    arena_fini(&mem);
    return r;
}

/* --- what to send --- */

static void open_frame(struct client_doc *c, struct wire_client_frame *ret)
{
    *ret = (struct wire_client_frame){
        .type = WIRE_UP_OPEN,
        .open = {.doc = bytes_slice(&c->id),
                 .has_session = c->has_session,
                 .session = c->session,
                 .has_position = c->has_position,
                 .position = c->has_position ? c->position : (struct chain_position){0},
                 .create_kind = c->create_kind,
                 .has_create = c->create_kind != WIRE_DOC_NONE,
                 .create_content = bytes_slice(&c->create_content)}};
    if (!c->create_kind)
        ret->open.create_content = (struct slice){0};
    c->open_due = false;
    c->asked = true;
}

static void submit_frame(struct client_doc *c, struct wire_client_frame *ret)
{
    *ret = (struct wire_client_frame){.type = WIRE_UP_SUBMIT,
                                      .submit = {.doc = bytes_slice(&c->id),
                                                 .seq = c->seq,
                                                 .base = c->sent_base,
                                                 .kind = WIRE_KIND_EDIT,
                                                 .body = bytes_slice(&c->sent)}};
    c->submit_due = false;
}

/* The buffer takes off. */
static bool buffer_launch(struct client_doc *c)
{
    struct bytes copy = BYTES_INIT;

    bytes_append_slice(&copy, bytes_slice(&c->buffer));
    if (copy.failed) {
        bytes_fini(&copy);
        return false; /* no memory now: the next pull tries again */
    }
    c->sent = copy;
    c->flight = bytes_steal(&c->buffer);
    c->has_buffer = false;
    c->in_flight = true;
    c->sent_base = c->position;
    c->seq++;
    return true;
}

bool client_doc_pull(struct client_doc *c, struct arena *mem, struct wire_client_frame *ret)
{
    if (c->close_due) {
        c->close_due = false;
        *ret = (struct wire_client_frame){.type = WIRE_UP_CLOSE, .close_doc = bytes_slice(&c->id)};
        return true;
    }
    if (c->state == CLIENT_OPENING && c->open_due) {
        open_frame(c, ret);
        return true;
    }
    if (c->state != CLIENT_LIVE || c->collecting)
        return false;
    if (!c->in_flight && c->has_buffer)
        c->submit_due = buffer_launch(c);
    if (!c->in_flight || !c->submit_due)
        return false;
    submit_frame(c, ret);
    return true;
}

/* --- what comes --- */

static int diverged(struct client_doc *c, bool keep_position)
{
    c->has_position = c->has_position && keep_position;
    reopen(c);
    return CLIENT_DIVERGED;
}

static void stop(struct client_doc *c, uint32_t code)
{
    c->state = CLIENT_STOPPED;
    c->error = code;
    c->open_due = c->submit_due = c->collecting = c->asked = false;
}

static int content_take(struct client_doc *c, const struct wire_opened *opened,
                        struct slice payload)
{
    struct wire_content content;
    struct bytes draft = BYTES_INIT;
    struct arena mem;
    bool sent = c->in_flight;

    arena_init(&mem, SIZE_MAX);
    int r = wire_content_decode(&mem, payload, &content);
    if (!r)
        r = client_pending_compose(c, &draft);
    if (!r)
        r = client_text_set(c, content.content);
    arena_fini(&mem);
    if (!r) {
        client_pending_drop(c);
        c->kind = opened->doc_kind;
        c->has_position = true;
        c->position = opened->position;
        c->state = CLIENT_LIVE;
        if (c->events.replaced)
            c->events.replaced(c->events.ctx, bytes_slice(&draft));
        /* The session has ended, or what it sent may be in: only a new one is safe (I5). */
        if (c->has_session && (sent || opened->outcome == WIRE_OPENED_RESYNC))
            stop(c, WIRE_E_SESSION_CLOSED);
    }
    bytes_fini(&draft);
    return r > 0 ? CLIENT_DIVERGED : r;
}

static int ops_take(struct client_doc *c, const struct wire_opened *opened, struct slice payload)
{
    /* Without a position the text is what we created: revision 1. */
    uint64_t rev = c->has_position ? c->position.rev : 1;
    struct wire_ops ops = {0};
    struct arena mem;
    int r = 0;

    arena_init(&mem, SIZE_MAX);
    if (opened->outcome == WIRE_OPENED_OPS)
        r = wire_ops_decode(&mem, payload, &ops);
    if (!r)
        r = client_records_apply(c, ops.records, ops.count, rev);
    arena_fini(&mem);
    if (!r) {
        c->has_position = true;
        c->position = opened->position;
        c->state = CLIENT_LIVE;
    }
    return r > 0 ? CLIENT_DIVERGED : r;
}

static int opened_take(struct client_doc *c, const struct wire_opened *opened, struct slice payload)
{
    bool asked = c->asked;
    int r;

    if (c->state != CLIENT_LIVE && c->state != CLIENT_OPENING)
        return 0;
    c->asked = false;
    if (opened->outcome == WIRE_OPENED_SNAPSHOT || opened->outcome == WIRE_OPENED_RESYNC) {
        r = content_take(c, opened, payload);
    } else {
        bool known = c->has_position || c->create_kind;
        bool moved = opened->outcome == WIRE_OPENED_UP_TO_DATE && c->has_position &&
                     !chain_position_equal(&c->position, &opened->position);
        if (!known || !c->has_text || moved)
            return diverged(c, false);
        r = ops_take(c, opened, payload);
    }
    if (r == CLIENT_DIVERGED)
        return diverged(c, false);
    if (r)
        return r;
    c->create_kind = WIRE_DOC_NONE;
    if (c->state != CLIENT_LIVE)
        return 0;
    if (!c->in_flight && opened->last_seq > c->seq)
        c->seq = opened->last_seq; /* this session was used by a former life */
    if (c->in_flight && opened->last_seq >= c->seq)
        return diverged(c, false); /* accepted, yet neither shown nor in the ops */
    c->submit_due = asked && c->in_flight;
    return 0;
}

static int opened_begin(struct client_doc *c, const struct wire_opened *opened)
{
    if (opened->payload_bytes <= opened->payload.size)
        return opened_take(c, opened, opened->payload);
    if (opened->payload_bytes > PAYLOAD_BYTES_MAX)
        return diverged(c, false);
    c->opened = *opened;
    c->opened.doc = c->opened.payload = (struct slice){0};
    bytes_reset(&c->payload);
    bytes_append_slice(&c->payload, opened->payload);
    c->collecting = true;
    return c->payload.failed ? -ENOMEM : 0;
}

static int chunk_take(struct client_doc *c, const struct wire_chunk *chunk)
{
    if (!c->collecting)
        return 0; /* of an Opened that we have given up */
    if (chunk->offset != c->payload.size ||
        chunk->data.size > c->opened.payload_bytes - c->payload.size)
        return diverged(c, false);
    bytes_append_slice(&c->payload, chunk->data);
    if (c->payload.failed)
        return -ENOMEM;
    if (c->payload.size < c->opened.payload_bytes)
        return 0;
    c->collecting = false;
    struct bytes payload = bytes_steal(&c->payload);
    int r = opened_take(c, &c->opened, bytes_slice(&payload));
    bytes_fini(&payload);
    return r;
}

static int entry_take(struct client_doc *c, const struct wire_client_entry *entry)
{
    if (c->state != CLIENT_LIVE || entry->last_rev <= c->position.rev)
        return 0;
    if (c->collecting || entry->first_rev != c->position.rev + 1 ||
        memcmp(entry->hash_before, c->position.hash, CHAIN_HASH_SIZE) != 0)
        return diverged(c, true);
    int r = client_records_apply(c, entry->records, entry->count, c->position.rev);
    if (r == CLIENT_DIVERGED)
        return diverged(c, false);
    if (r)
        return r;
    c->position.rev = entry->last_rev;
    memcpy(c->position.hash, entry->hash_after, CHAIN_HASH_SIZE);
    return 0;
}

static void error_take(struct client_doc *c, const struct wire_client_error *error)
{
    if (error->scope == WIRE_SCOPE_CONN || c->state == CLIENT_STOPPED || c->state == CLIENT_CLOSED)
        return;
    if (error->scope == WIRE_SCOPE_OP && (!c->in_flight || error->seq != c->seq))
        return; /* presence, or an answer that was overtaken */
    c->error = error->code;
    if (error->permanent) {
        stop(c, error->code);
    } else if (error->scope == WIRE_SCOPE_DOC) {
        c->state = CLIENT_OPENING;
        c->asked = c->collecting = c->submit_due = false;
    }
}

int client_doc_frame(struct client_doc *c, const struct wire_server_frame *frame)
{
    switch (frame->type) {
    case WIRE_DOWN_OPENED:
        return c->close_due || c->open_due ? 0 : opened_begin(c, &frame->opened);
    case WIRE_DOWN_CHUNK:
        return chunk_take(c, &frame->chunk);
    case WIRE_DOWN_ENTRY:
        return entry_take(c, &frame->entry);
    case WIRE_DOWN_ERROR:
        error_take(c, &frame->error);
        return 0;
    default:
        /* Accepted: the op's own record comes, or has come, in the order of the history. */
        return 0;
    }
}

/* --- questions --- */

enum client_state client_doc_state(const struct client_doc *c)
{
    return c->state;
}

const struct ot_rope *client_doc_rope(const struct client_doc *c)
{
    return c->rope;
}

struct chain_position client_doc_position(const struct client_doc *c)
{
    return c->position;
}

bool client_doc_has_text(const struct client_doc *c)
{
    return c->has_text;
}

bool client_doc_saved(const struct client_doc *c)
{
    return !c->in_flight && !c->has_buffer && !c->create_kind;
}

bool client_doc_in_flight(const struct client_doc *c)
{
    return c->in_flight;
}

uint64_t client_doc_seq(const struct client_doc *c)
{
    return c->seq;
}

uint32_t client_doc_error(const struct client_doc *c)
{
    return c->error;
}

uint64_t client_doc_transforms(const struct client_doc *c)
{
    return c->transforms;
}

void client_doc_author(const struct client_doc *c, uint8_t ret[WIRE_AUTHOR_SIZE])
{
    memcpy(ret, c->author, WIRE_AUTHOR_SIZE);
}
