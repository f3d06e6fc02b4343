/*
 * Opening: the attachment is registered and its answer queued in one step, on the queue that
 * carries the later entries, so nothing can fall between the two.
 */
#include <errno.h>
#include <stdlib.h>

#include "wk_doc.h"

void wk_open_free(struct wk_open *o)
{
    struct wk_doc *d = o->doc;

    list_remove(&o->link);
    d->pending_bytes -= o->create_content.size;
    bytes_fini(&o->create_content);
    free(o);
}

/* The attachment that it asks for; NULL: gone meanwhile. */
static struct wk_attachment *attachment_of(struct wk_doc *d, const struct wk_open *o)
{
    struct wk_attachment *a = wk_attachment_find(d->core, o->gateway_boot, o->attachment);

    return a && a->doc == d ? a : NULL;
}

void wk_open_refuse(struct wk_open *o, uint32_t code, uint64_t detail)
{
    struct wk_attachment *a = attachment_of(o->doc, o);

    if (a) {
        wk_refuse(o->doc->core, o->gateway_boot, o->attachment, 0, code, detail);
        wk_attachment_end(a);
    }
    wk_open_free(o);
}

void wk_opens_refuse(struct wk_doc *d, uint32_t code)
{
    struct wk_open *o;

    while ((o = list_first(&d->opens, struct wk_open, link)))
        wk_open_refuse(o, code, 0);
}

void wk_opens_refuse_missing(struct wk_doc *d)
{
    list_for_each_safe (node, &d->opens) {
        struct wk_open *o = list_entry(node, struct wk_open, link);
        if (!o->has_create && o->asked)
            wk_open_refuse(o, WIRE_E_NO_SUCH_DOCUMENT, 0);
    }
}

void wk_create_refuse(struct wk_doc *d, const struct wk_submit *s)
{
    list_for_each_safe (node, &d->opens) {
        struct wk_open *o = list_entry(node, struct wk_open, link);
        if (o->has_create && o->gateway_boot == s->gateway_boot && o->attachment == s->attachment)
            wk_open_refuse(o, WIRE_E_BAD_CREATE, 0);
    }
}

static void refuse(struct wk_doc *d, struct wk_open *o, struct wk_attachment *a, uint32_t code,
                   uint64_t detail)
{
    wk_refuse(d->core, o->gateway_boot, o->attachment, 0, code, detail);
    wk_attachment_end(a);
}

/*
 * The same session at two connections: the newer holds it (I5), and which is newer the client alone
 * knows, who counts its attempts. The order in which they arrive tells nothing: a gateway opens
 * again for a connection that it does not know to be dead. Equal numbers come from clients that do
 * not count, or from two copies of one saved state; there the later arrival wins.
 */
static bool session_shared(const struct wk_attachment *a, const struct wk_attachment *other)
{
    return other != a && a->has_session && other->has_session && other->joined &&
           memcmp(&other->session, &a->session, sizeof a->session) == 0;
}

static struct wk_attachment *newer_holder(struct wk_doc *d, const struct wk_attachment *a)
{
    list_for_each (node, &d->attachments) {
        struct wk_attachment *other = list_entry(node, struct wk_attachment, in_doc);
        if (session_shared(a, other) && other->attempt > a->attempt)
            return other;
    }
    return NULL;
}

static void session_take_over(struct wk_doc *d, struct wk_attachment *a)
{
    list_for_each_safe (node, &d->attachments) {
        struct wk_attachment *other = list_entry(node, struct wk_attachment, in_doc);
        if (!session_shared(a, other))
            continue;
        struct wire_to_gateway item = {.type = WIRE_TO_GATEWAY_REPLACED,
                                       .replaced_attachment = other->number};
        wk_item_send(d->core, other->gateway->boot, &item);
        wk_attachment_end(other);
    }
}

static void opened_send(struct wk_doc *d, struct wk_attachment *a, enum wire_opened_outcome outcome,
                        uint64_t last_seq, struct slice payload)
{
    struct wire_to_gateway item = {.type = WIRE_TO_GATEWAY_OPENED,
                                   .opened = {.attachment = a->number,
                                              .opened = {.outcome = outcome,
                                                         .position = doc_position(d->doc),
                                                         .last_seq = last_seq,
                                                         .doc_kind = doc_kind(d->doc),
                                                         .payload_bytes = payload.size,
                                                         .payload = payload}}};
    session_take_over(d, a);
    a->joined = true;
    if (wk_item_send(d->core, a->gateway->boot, &item))
        return;
    wk_refuse(d->core, a->gateway->boot, a->number, 0, WIRE_E_RETRY_LATER, 0);
    wk_attachment_end(a);
}

static int content_encode(struct wk_doc *d, struct bytes *out)
{
    struct bytes content = BYTES_INIT;

    ot_rope_encode(doc_rope(d->doc), &content);
    struct wire_content wire = {.content = bytes_slice(&content), .title = doc_title(d->doc)};
    wire_content_encode(&wire, out);
    int r = content.failed || out->failed ? -ENOMEM : 0;
    bytes_fini(&content);
    return r;
}

static void snapshot_send(struct wk_doc *d, struct wk_open *o, struct wk_attachment *a,
                          enum wire_opened_outcome outcome, uint64_t last_seq)
{
    struct bytes payload = BYTES_INIT;

    if (content_encode(d, &payload))
        refuse(d, o, a, WIRE_E_RETRY_LATER, 0);
    else
        opened_send(d, a, outcome, last_seq, bytes_slice(&payload));
    bytes_fini(&payload);
}

static void ops_send(struct wk_doc *d, struct wk_open *o, struct wk_attachment *a,
                     struct list *first, size_t skip, uint64_t last_seq)
{
    struct bytes payload = BYTES_INIT;

    if (wk_ops_encode(d, first, skip, o->has_session ? &o->session : NULL, &payload))
        refuse(d, o, a, WIRE_E_RETRY_LATER, 0);
    else
        opened_send(d, a, WIRE_OPENED_OPS, last_seq, bytes_slice(&payload));
    bytes_fini(&payload);
}

/* A record that the worker itself adds: CREATE, or the CLOSE before a resync. */
static bool record_queue(struct wk_doc *d, struct wk_open *o, enum wire_kind kind)
{
    struct wk_submit *s = calloc(1, sizeof *s);

    if (!s)
        return false;
    *s = (struct wk_submit){.gateway_boot = o->gateway_boot,
                            .attachment = o->attachment,
                            .session = o->session,
                            .kind = kind,
                            .role = o->role,
                            .doc_kind = o->create_kind};
    if (kind == WIRE_KIND_CREATE)
        bytes_append_slice(&s->body, bytes_slice(&o->create_content));
    crypto_digest8(bytes_slice(&s->body), s->digest);
    list_init(&s->link);
    if (s->body.failed) {
        wk_submit_free(s);
        return false;
    }
    wk_submit_push(d, s, true);
    return true;
}

/* What it was to be closed for is not so any more: the append lost, and another put it back. */
static void close_withdraw(struct wk_doc *d, struct wk_open *o)
{
    if (!o->closing)
        return;
    o->closing = false;
    list_for_each_safe (node, &d->pending) {
        struct wk_submit *s = list_entry(node, struct wk_submit, link);
        if (s->kind != WIRE_KIND_CLOSE || s->gateway_boot != o->gateway_boot ||
            s->attachment != o->attachment)
            continue;
        wk_submit_take(d, s);
        wk_submit_free(s);
    }
}

static bool denied(const struct wk_doc *d, const struct wk_open *o)
{
    return doc_role(d->doc, (struct slice){0}) < WIRE_ROLE_READ || o->role < WIRE_ROLE_READ;
}

bool wk_close_wanted(struct wk_doc *d, const struct wk_submit *s)
{
    list_for_each (node, &d->opens) {
        struct wk_open *o = list_entry(node, struct wk_open, link);
        struct list *first;
        if (!o->closing || s->gateway_boot != o->gateway_boot || s->attachment != o->attachment)
            continue;
        if (!o->has_position || denied(d, o))
            return true;
        enum wk_where where = wk_position_find(d, &o->position, &first);
        o->closing = where == WK_NOT_THERE ||
                     (where == WK_BEFORE_RING && !wk_history_reaches(d, o->position.rev + 1));
        return o->closing;
    }
    /* Whoever opened has left. Untold he opens again, and is judged by what is there then. */
    return s->told;
}

enum closing { CLOSED, CLOSING, NO_MEMORY };

/* Before a permanent answer the session ends in the log (I5): a copy of an op of it, still on its
 * way, must not be admitted afterwards. */
static enum closing session_close(struct wk_doc *d, struct wk_open *o, enum doc_admission session)
{
    if (!o->has_session || session != DOC_ADMIT)
        return CLOSED;
    if (!o->closing)
        o->closing = record_queue(d, o, WIRE_KIND_CLOSE);
    return o->closing ? CLOSING : NO_MEMORY;
}

/* Its position is not in the history: everything is told anew (I3). */
static bool resync(struct wk_doc *d, struct wk_open *o, struct wk_attachment *a,
                   enum doc_admission session, uint64_t last_seq)
{
    if (!o->confirmed) {
        wk_check_begin(d);
        return false;
    }
    switch (session_close(d, o, session)) {
    case CLOSING:
        return false;
    case NO_MEMORY:
        refuse(d, o, a, WIRE_E_RETRY_LATER, 0);
        return true;
    case CLOSED:
        break;
    }
    d->core->counters.resyncs++;
    wk_event_tell(d, WK_EVENT_RESYNC, doc_position(d->doc).rev);
    snapshot_send(d, o, a, WIRE_OPENED_RESYNC, last_seq);
    return true;
}

static bool deny(struct wk_doc *d, struct wk_open *o, struct wk_attachment *a,
                 enum doc_admission session)
{
    enum closing closing = session_close(d, o, session);

    if (closing == CLOSING)
        return false;
    refuse(d, o, a, closing == CLOSED ? WIRE_E_DENIED : WIRE_E_RETRY_LATER, 0);
    return true;
}

/* What lies before the ring is read from PostgreSQL, within bounds. False: farther than that. */
static bool history_ask(struct wk_doc *d, struct wk_open *o, uint64_t from_rev)
{
    if (!wk_history_reaches(d, from_rev))
        return false;
    o->waits = true;
    wk_history_begin(d, from_rev);
    return true;
}

/* The creator comes without a position: it stands at revision 1. True: answered. */
static bool creator_answer(struct wk_doc *d, struct wk_open *o, struct wk_attachment *a,
                           uint64_t last_seq)
{
    struct chain_position start = chain_position_start(bytes_slice(&d->id));
    struct list *first;

    if (doc_position(d->doc).rev == 1) {
        opened_send(d, a, WIRE_OPENED_UP_TO_DATE, last_seq, (struct slice){0});
        return true;
    }
    switch (wk_position_find(d, &start, &first)) {
    case WK_ON_CHAIN:
        ops_send(d, o, a, first, 1, last_seq);
        return true;
    case WK_BEFORE_RING:
        if (history_ask(d, o, 1))
            return false;
        break;
    default:
        break;
    }
    snapshot_send(d, o, a, WIRE_OPENED_SNAPSHOT, last_seq);
    return true;
}

static bool position_answer(struct wk_doc *d, struct wk_open *o, struct wk_attachment *a,
                            enum doc_admission session, uint64_t last_seq)
{
    struct list *first;

    switch (wk_position_find(d, &o->position, &first)) {
    case WK_AT_HEAD:
        close_withdraw(d, o);
        opened_send(d, a, WIRE_OPENED_UP_TO_DATE, last_seq, (struct slice){0});
        return true;
    case WK_ON_CHAIN:
        close_withdraw(d, o);
        ops_send(d, o, a, first, 0, last_seq);
        return true;
    case WK_BEFORE_RING:
        if (history_ask(d, o, o->position.rev + 1))
            return false;
        break;
    case WK_NOT_THERE:
        break;
    }
    return resync(d, o, a, session, last_seq);
}

/* There is no document yet: the first creator's content becomes revision 1. */
static bool create_answer(struct wk_doc *d, struct wk_open *o, struct wk_attachment *a)
{
    /* Somebody else may have created it since we looked (I3). */
    if (!o->has_create && !o->confirmed) {
        wk_check_begin(d);
        return false;
    }
    uint32_t code = !o->has_create              ? WIRE_E_NO_SUCH_DOCUMENT
                    : o->role < WIRE_ROLE_WRITE ? WIRE_E_DENIED
                    : !list_empty(&d->pending)  ? 0 /* somebody's creation is on its way */
                    : record_queue(d, o, WIRE_KIND_CREATE) ? 0
                                                           : WIRE_E_RETRY_LATER;

    if (code)
        refuse(d, o, a, code, 0);
    return code != 0;
}

/* Why a session of this kind is not served, or 0. */
static uint32_t session_code(const struct wk_open *o, enum doc_admission session)
{
    switch (session) {
    case DOC_SESSION_CLOSED:
        return o->closing ? 0 : WIRE_E_SESSION_CLOSED; /* by us, for the answer that follows */
    case DOC_SESSION_EXPIRED:
        return WIRE_E_SESSION_EXPIRED;
    case DOC_CLOCK_SKEW:
        return WIRE_E_CLOCK_SKEW;
    default:
        return 0;
    }
}

bool wk_open_answer(struct wk_doc *d, struct wk_open *o)
{
    struct wk_attachment *a = attachment_of(d, o);
    enum doc_admission session = DOC_ADMIT;
    uint64_t last_seq = 0;

    if (!a)
        return true;
    if (doc_kind(d->doc) == WIRE_DOC_NONE)
        return create_answer(d, o, a);
    if (o->has_session)
        session = doc_session_open(d->doc, &o->session, wk_time_ms(d->core), &last_seq);
    uint32_t code = session_code(o, session);
    /* What is not known here another worker may know. */
    if ((session == DOC_SESSION_EXPIRED || session == DOC_CLOCK_SKEW) && !o->confirmed) {
        wk_check_begin(d);
        return false;
    }
    if (code) {
        wk_session_count(d->core, &o->session, code);
        refuse(d, o, a, code, last_seq);
        return true;
    }
    struct wk_attachment *newer = newer_holder(d, a);
    if (newer) {
        refuse(d, o, a, WIRE_E_SESSION_REPLACED, newer->attempt);
        return true;
    }
    if (denied(d, o))
        return deny(d, o, a, session);
    if (o->has_position)
        return position_answer(d, o, a, session, last_seq);
    if (o->has_create && o->has_session &&
        memcmp(doc_creator(d->doc), &o->session, sizeof o->session) == 0)
        return creator_answer(d, o, a, last_seq);
    snapshot_send(d, o, a, WIRE_OPENED_SNAPSHOT, last_seq);
    return true;
}
