/* The client's state machine: see client_doc.h for the diagram and the rules. */
#include "client_doc.h"

#include <errno.h>
#include <stdlib.h>

#include "client_private.h"

/*
 * Unsent edits are one op, and an op has a limit (WIRE_OP_BYTES_MAX); what others do meanwhile can
 * cut its components into more of them, so this stays well below. Past it the user must wait for an
 * ack, which is better than typing on into an op that will be refused.
 */
#define BUFFER_BYTES_MAX (WIRE_OP_BYTES_MAX / 4 * 3)
#define BUFFER_COMPS_MAX 32768u

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
}

void client_doc_disconnected(struct client_doc *c)
{
    c->link = CLIENT_DETACHED;
    c->collecting = c->submit_due = c->waits = false;
    bytes_fini(&c->payload);
    if (c->state == CLIENT_LIVE)
        c->state = CLIENT_OPENING;
}

void client_doc_retry(struct client_doc *c)
{
    c->waits = false;
    if (c->state == CLIENT_LIVE)
        c->submit_due = c->in_flight;
}

void client_reopen(struct client_doc *c)
{
    c->state = CLIENT_OPENING;
    c->collecting = c->submit_due = c->waits = false;
    if (c->link == CLIENT_ASKED || c->link == CLIENT_ATTACHED)
        c->link = CLIENT_CLOSE_DUE;
}

void client_stop(struct client_doc *c, uint32_t code)
{
    c->state = CLIENT_STOPPED;
    c->error = code;
    c->collecting = c->submit_due = c->waits = false;
}

int client_doc_renew(struct client_doc *c, const struct wire_session *session)
{
    struct bytes pending = BYTES_INIT;

    MUST(c->state == CLIENT_STOPPED);
    if (c->in_flight) {
        /* What is pending becomes the buffer, and that the draft when the snapshot comes. */
        int r = client_pending_compose(c, &pending);
        if (r) {
            bytes_fini(&pending);
            return -ENOMEM;
        }
        client_pending_drop(c);
        c->has_buffer = true;
        c->buffer = pending;
        c->unsure = true;
    }
    /* The text is that of the position only if nothing of ours is in it. */
    c->has_position = c->has_position && !c->has_buffer;
    c->seq = c->attempt = 0;
    c->error = 0;
    session_set(c, session);
    client_reopen(c);
    return 0;
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
    if (!r && (kept.size > BUFFER_BYTES_MAX || both.count > BUFFER_COMPS_MAX))
        r = OT_TOO_LARGE;
    if (!r)
        r = ot_rope_apply(c->rope, op);
    if (!r) {
        bytes_fini(&c->buffer);
        c->has_buffer = both.count > 0; /* not where this edit took the last one back */
        if (c->has_buffer)
            c->buffer = bytes_steal(&kept);
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
                 .attempt = ++c->attempt,
                 .has_position = c->has_position,
                 .position = c->has_position ? c->position : (struct chain_position){0},
                 .create_kind = c->create_kind,
                 .has_create = c->create_kind != WIRE_DOC_NONE,
                 .create_content = bytes_slice(&c->create_content)}};
    if (!c->create_kind)
        ret->open.create_content = (struct slice){0};
    c->link = CLIENT_ASKED;
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
    (void)mem; /* frames borrow from c alone */
    if (c->link == CLIENT_CLOSE_DUE) {
        c->link = CLIENT_CLOSING;
        *ret = (struct wire_client_frame){.type = WIRE_UP_CLOSE, .close_doc = bytes_slice(&c->id)};
        return true;
    }
    if (c->link == CLIENT_DETACHED && c->state == CLIENT_OPENING && !c->waits) {
        open_frame(c, ret);
        return true;
    }
    if (c->state != CLIENT_LIVE || c->collecting || c->waits)
        return false;
    if (!c->in_flight && c->has_buffer)
        c->submit_due = buffer_launch(c);
    if (!c->in_flight || !c->submit_due)
        return false;
    submit_frame(c, ret);
    return true;
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

bool client_doc_draft_may_be_in(const struct client_doc *c)
{
    return c->draft_may_be_in;
}

uint64_t client_doc_transforms(const struct client_doc *c)
{
    return c->transforms;
}

void client_doc_author(const struct client_doc *c, uint8_t ret[WIRE_AUTHOR_SIZE])
{
    memcpy(ret, c->author, WIRE_AUTHOR_SIZE);
}
