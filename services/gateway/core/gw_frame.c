/*
 * What clients ask about documents, and what is refused here because it costs only the sender:
 * what does not fit the limits or the order of things never reaches a worker. What a worker alone
 * can know (the op itself, sessions, bases, permissions) is not looked at.
 *
 * An error of scope *document* leaves the document closed on this connection, whatever it was
 * before: Error, then Closed. An error of scope *op* changes nothing but that op.
 */
#include "gw_internal.h"

static void refuse_doc(struct gw_conn *conn, struct slice doc, uint32_t code, uint64_t detail)
{
    conn_send_error(conn, code, detail, doc, 0);
}

static void refuse_op(struct gw_conn *conn, const struct wire_submit *s, uint32_t code,
                      uint64_t detail)
{
    conn_send_error(conn, code, detail, s->doc, s->seq);
}

/*
 * A connection's attachment to a document is found on the shorter of two lists: the documents of
 * the connection, and the viewers of the document. Both are long only where a thousand connections
 * each open the same thousand documents.
 */
struct gw_att *att_of(struct gw_conn *conn, struct slice id)
{
    struct gw_doc *doc = gw_doc_find(conn->core, id);

    if (!doc)
        return NULL;
    struct list *a = doc->atts.next, *b = conn->atts.next;
    for (; a != &doc->atts && b != &conn->atts; a = a->next, b = b->next) {
        struct gw_att *viewer = list_entry(a, struct gw_att, doc_link);
        struct gw_att *opened = list_entry(b, struct gw_att, conn_link);
        if (viewer->conn == conn)
            return viewer;
        if (opened->doc == doc)
            return opened;
    }
    return NULL;
}

/* --- Open --- */

static uint32_t open_check(struct gw_conn *conn, const struct wire_open *open, uint64_t *ret_detail)
{
    *ret_detail = 0;
    if (!wire_doc_id_valid(open->doc)) {
        conn->core->counters.limit_doc_id += open->doc.size > WIRE_DOC_SIZE_MAX;
        *ret_detail = WIRE_DOC_SIZE_MAX;
        return WIRE_E_BAD_DOC_ID;
    }
    if (conn->att_count >= conn->core->config.documents_max) {
        *ret_detail = conn->core->config.documents_max;
        return WIRE_E_TOO_MANY_DOCUMENTS;
    }
    /* Nobody passes the bound of one connection; very many who each keep to it could. */
    if (conn->core->att_count >= conn->core->config.attachments_max) {
        conn->core->counters.limit_open_documents++;
        return WIRE_E_RETRY_LATER;
    }
    if (open->has_position != (open->position.rev > 0)) {
        *ret_detail = CHAIN_HASH_SIZE;
        return WIRE_E_BAD_POSITION;
    }
    if (open->has_create && open->create_kind == WIRE_DOC_NONE)
        return WIRE_E_BAD_CREATE;
    if (open->create_content.size >
        conn->core->config.unacked_bytes_max - conn->core->unacked_bytes) {
        conn->core->counters.limit_unacked++;
        return WIRE_E_RETRY_LATER;
    }
    return WIRE_OK;
}

/* The content of a create is kept until it is answered, and charged as an unacked op is. */
static bool create_keep(struct gw_att *att, const struct wire_open *open)
{
    struct att_bytes *content = calloc(1, sizeof *content);

    if (content)
        bytes_append_slice(&content->bytes, open->create_content);
    if (!content || content->bytes.failed) {
        free(content);
        return false;
    }
    att->extra = content;
    att->create_kind = (uint8_t)open->create_kind;
    att->conn->core->unacked_bytes += content->bytes.size;
    return true;
}

static bool att_fill(struct gw_att *att, const struct wire_open *open)
{
    att->has_session = open->has_session;
    if (open->has_session) {
        memcpy(att->session, open->session.id, WIRE_SESSION_SIZE);
        crypto_author_id(gw_doc_id(att->doc), att->session, att->author);
    }
    att->attempt = open->attempt;
    att->position = open->has_position ? open->position : (struct chain_position){0};
    return !open->has_create || create_keep(att, open);
}

void conn_open(struct gw_conn *conn, const struct wire_open *open)
{
    struct gw_core *core = conn->core;
    struct gw_att *att = att_of(conn, open->doc);
    uint64_t detail;

    if (att) {
        att_fail(att, WIRE_E_ALREADY_OPEN, 0, 0);
        return;
    }
    uint32_t code = open_check(conn, open, &detail);
    if (code) {
        refuse_doc(conn, open->doc, code, detail);
        return;
    }
    struct gw_doc *doc = gw_doc_get(core, open->doc);
    att = doc ? att_new(conn, doc) : NULL;
    if (!att) {
        if (doc && list_empty(&doc->atts))
            gw_doc_free(core, doc);
        refuse_doc(conn, open->doc, WIRE_E_RETRY_LATER, 0);
        return;
    }
    core->counters.opens += !open->has_position;
    core->counters.reopens += open->has_position;
    if (!att_fill(att, open)) {
        att_fail(att, WIRE_E_RETRY_LATER, 0, 0);
        return;
    }
    att_open(att);
}

void conn_close_doc(struct gw_conn *conn, struct slice doc)
{
    struct gw_att *att = att_of(conn, doc);
    struct wire_server_frame closed = {.type = WIRE_DOWN_CLOSED, .closed_doc = doc};

    if (!att) {
        refuse_doc(conn, doc, WIRE_E_NOT_OPEN, 0);
        return;
    }
    att_free(att);
    conn_send_frame(conn, &closed);
}

/* --- Submit --- */

/* Its body is larger than one of its kind may be. */
static uint32_t too_large(struct gw_core *core, const struct wire_submit *s)
{
    bool title = s->kind == WIRE_KIND_TITLE;

    core->counters.limit_title += title;
    core->counters.limit_op += !title;
    return title ? WIRE_E_BAD_TITLE : WIRE_E_OP_TOO_LARGE;
}

static uint32_t submit_check(const struct gw_att *att, const struct wire_submit *s,
                             uint64_t *ret_detail)
{
    *ret_detail = 0;
    if (!att->has_session)
        return WIRE_E_READ_ONLY;
    if (s->seq == 0)
        return WIRE_E_BAD_SEQ;
    if (att->unacked) {
        *ret_detail = att->unacked->seq;
        return WIRE_E_IN_FLIGHT;
    }
    if (s->kind != WIRE_KIND_EDIT && s->kind != WIRE_KIND_TITLE && s->kind != WIRE_KIND_PERMISSION)
        return WIRE_E_BAD_KIND;
    *ret_detail =
        s->kind == WIRE_KIND_TITLE ? WIRE_TITLE_BYTES_MAX : att->conn->core->config.op_bytes_max;
    if (s->body.size > *ret_detail)
        return too_large(att->conn->core, s);
    *ret_detail = att->doc->position.rev;
    return s->base.rev == 0 ? WIRE_E_BAD_BASE : WIRE_OK;
}

/* A repeat of what is in flight: the worker answers it, or has it waiting. */
static void submit_again(struct gw_att *att, const struct wire_submit *s)
{
    uint8_t digest[WIRE_DIGEST_SIZE];

    crypto_digest8(s->body, digest);
    if (memcmp(digest, att->unacked->digest, sizeof digest) != 0) {
        refuse_op(att->conn, s, WIRE_E_SEQ_REUSED, 0);
        return;
    }
    att->unacked->sent = false;
    att_submit_forward(att);
}

static bool submit_keep(struct gw_att *att, const struct wire_submit *s)
{
    struct gw_core *core = att->conn->core;
    struct att_submit *kept = NULL;

    if (s->body.size <= core->config.unacked_bytes_max - core->unacked_bytes)
        kept = malloc(sizeof *kept + s->body.size);
    else
        core->counters.limit_unacked++;
    if (!kept)
        return false;
    *kept = (struct att_submit){.came_us = core_now_us(core),
                                .seq = s->seq,
                                .base = s->base,
                                .kind = s->kind,
                                .size = s->body.size};
    if (s->body.size)
        memcpy(kept->body, s->body.data, s->body.size);
    crypto_digest8(s->body, kept->digest);
    att->unacked = kept;
    core->unacked_bytes += kept->size;
    core->unacked_ops++;
    return true;
}

void conn_submit(struct gw_conn *conn, const struct wire_submit *s)
{
    struct gw_att *att = att_of(conn, s->doc);
    uint64_t detail;

    if (!att) {
        conn_send_error(conn, WIRE_E_NOT_OPEN, 0, s->doc, s->seq);
        return;
    }
    if (att->unacked && att->unacked->seq == s->seq) {
        submit_again(att, s);
        return;
    }
    /* A repeat that crossed its own ack is still being asked about; the client is further. */
    if (att->unacked && att->unacked->seq <= att->seen_seq)
        att_submit_release(att);
    uint32_t code = submit_check(att, s, &detail);
    if (code)
        refuse_op(conn, s, code, detail);
    else if (!submit_keep(att, s))
        att_fail(att, WIRE_E_RETRY_LATER, 0, s->seq);
    else
        att_submit_forward(att);
}

/* --- Presence --- */

static uint32_t presence_check(const struct gw_att *att, const struct wire_presence *p,
                               uint64_t *ret_detail)
{
    *ret_detail = att->conn->core->config.presence_bytes_max;
    if (!att->has_session)
        return WIRE_E_READ_ONLY;
    return p->data.size > *ret_detail ? WIRE_E_PRESENCE_TOO_LARGE : WIRE_OK;
}

static void presence_forward(struct gw_att *att, const struct wire_presence *p)
{
    struct gw_core *core = att->conn->core;
    struct wire_to_worker item = {.type = WIRE_TO_WORKER_PRESENCE};

    item.presence.attachment = att->number;
    item.presence.presence = *p;
    item.presence.presence.has_author = true;
    memcpy(item.presence.presence.author, att->author, WIRE_AUTHOR_SIZE);
    bytes_reset(&core->scratch);
    wire_to_worker_encode(&item, &core->scratch);
    if (!core->scratch.failed && core->io.link_send(core->io.ctx, att->doc->worker->member.boot_id,
                                                    bytes_slice(&core->scratch)))
        att->present = !p->gone;
    else
        core->counters.presence_dropped++;
}

void conn_presence(struct gw_conn *conn, const struct wire_presence *p)
{
    struct gw_att *att = att_of(conn, p->doc);
    uint64_t detail;

    if (!att) {
        refuse_doc(conn, p->doc, WIRE_E_NOT_OPEN, 0);
        return;
    }
    uint32_t code = presence_check(att, p, &detail);
    if (code) {
        conn_send_error(conn, code, detail, p->doc, 0);
        return;
    }
    /* Too many, or nowhere to send it: the next one is as good. */
    bool many = ++conn->presences > conn->core->config.presence_per_s_max;
    if (many || !att->attached) {
        conn->core->counters.limit_presence += many;
        conn->core->counters.presence_dropped++;
        return;
    }
    presence_forward(att, p);
}
