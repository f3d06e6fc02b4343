/* What a client makes of the frames that come (rules: client_doc.h). */
#include <errno.h>

#include "client_private.h"
#include "wire_error.h"

/* A document of WIRE_DOCUMENT_BYTES_MAX of text, and attributes; more is not collected. */
#define PAYLOAD_BYTES_MAX (2 * WIRE_DOCUMENT_BYTES_MAX)
/* The JSON variant carries no greater number. */
#define ATTEMPT_MAX ((1ull << 53) - 1)

/* `keep_position`: the text is still the one of the position. */
static int diverged(struct client_doc *c, bool keep_position)
{
    c->has_position = c->has_position && keep_position;
    client_reopen(c);
    return CLIENT_DIVERGED;
}

/* Without memory for it the frame is as good as lost: the way on is the same. */
static int failed(struct client_doc *c, int r, bool keep_position)
{
    (void)diverged(c, keep_position);
    return r < 0 ? r : CLIENT_DIVERGED;
}

/* --- Opened --- */

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
        c->create_kind = WIRE_DOC_NONE;
        c->kind = opened->doc_kind;
        c->has_position = true;
        c->position = opened->position;
        c->state = CLIENT_LIVE;
        c->draft_may_be_in = sent || c->unsure;
        c->unsure = false;
        if (c->events.replaced)
            c->events.replaced(c->events.ctx, bytes_slice(&draft));
        /* The session has ended, or what it sent may be in: only a new one is safe (I5). */
        if (c->has_session && (sent || opened->outcome == WIRE_OPENED_RESYNC))
            client_stop(c, WIRE_E_SESSION_CLOSED);
    }
    bytes_fini(&draft);
    return r ? failed(c, r, false) : 0;
}

/* Do these revisions lead from our position to the one that the answer names? */
static bool ops_reach(const struct client_doc *c, uint64_t rev, const struct wire_opened *opened,
                      const struct wire_ops *ops)
{
    for (size_t i = 0; i < ops->count; i++)
        if (__builtin_add_overflow(rev, ops->records[i].count, &rev))
            return false;
    return rev == opened->position.rev && (ops->count > 0 || !c->has_position ||
                                           chain_position_equal(&c->position, &opened->position));
}

/* OPS; and UP_TO_DATE, which is OPS without any. */
static int ops_take(struct client_doc *c, const struct wire_opened *opened, struct slice payload)
{
    /* Without a position the text is what we created: revision 1. */
    uint64_t rev = c->has_position ? c->position.rev : 1;
    struct wire_ops ops = {0};
    struct arena mem;
    int r = 0;

    if (!c->has_text || (!c->has_position && !c->create_kind))
        return diverged(c, false);
    c->create_kind = WIRE_DOC_NONE; /* no other answer says that it is we who created */
    arena_init(&mem, SIZE_MAX);
    if (opened->outcome == WIRE_OPENED_OPS)
        r = wire_ops_decode(&mem, payload, &ops);
    if (r || !ops_reach(c, rev, opened, &ops)) {
        arena_fini(&mem);
        /* An answer to our own question is not asked for twice. */
        return failed(c, r, c->link == CLIENT_ATTACHED);
    }
    r = client_records_apply(c, ops.records, ops.count, rev);
    arena_fini(&mem);
    if (r)
        return failed(c, r, false);
    c->has_position = true;
    c->position = opened->position;
    c->state = CLIENT_LIVE;
    return 0;
}

static int opened_take(struct client_doc *c, const struct wire_opened *opened, struct slice payload)
{
    bool asked = c->link == CLIENT_ASKED;
    bool content = opened->outcome == WIRE_OPENED_SNAPSHOT || opened->outcome == WIRE_OPENED_RESYNC;

    int r = content ? content_take(c, opened, payload) : ops_take(c, opened, payload);
    if (r)
        return r;
    c->link = CLIENT_ATTACHED;
    if (c->state != CLIENT_LIVE)
        return 0;
    if (!c->in_flight && opened->last_seq > c->seq)
        c->seq = opened->last_seq; /* this session was used by a former life */
    if (c->in_flight && opened->last_seq >= c->seq)
        return diverged(c, false); /* accepted, yet neither shown nor in the ops */
    /* An Opened that we have not asked for: the gateway has resent what it holds of ours. */
    if (asked)
        c->submit_due = c->in_flight;
    return 0;
}

static int opened_begin(struct client_doc *c, const struct wire_opened *opened)
{
    if (c->state != CLIENT_LIVE && c->state != CLIENT_OPENING)
        return 0; /* stopped: only a new session goes on, by a new Open */
    c->collecting = false;
    if (opened->payload_bytes <= opened->payload.size)
        return opened_take(c, opened, opened->payload);
    if (opened->payload_bytes > PAYLOAD_BYTES_MAX)
        return diverged(c, false);
    c->opened = *opened;
    c->opened.doc = c->opened.payload = (struct slice){0};
    bytes_reset(&c->payload);
    bytes_append_slice(&c->payload, opened->payload);
    c->collecting = true;
    return c->payload.failed ? failed(c, -ENOMEM, true) : 0;
}

static int chunk_take(struct client_doc *c, const struct wire_chunk *chunk)
{
    if (!c->collecting)
        return 0; /* of an Opened that we have given up */
    if (chunk->offset != c->payload.size ||
        chunk->data.size > c->opened.payload_bytes - c->payload.size)
        return diverged(c, c->link == CLIENT_ATTACHED);
    bytes_append_slice(&c->payload, chunk->data);
    if (c->payload.failed)
        return failed(c, -ENOMEM, true);
    if (c->payload.size < c->opened.payload_bytes)
        return 0;
    c->collecting = false;
    struct bytes payload = bytes_steal(&c->payload);
    int r = opened_take(c, &c->opened, bytes_slice(&payload));
    bytes_fini(&payload);
    return r;
}

/* --- Entry --- */

static int entry_take(struct client_doc *c, const struct wire_client_entry *entry)
{
    if (c->state != CLIENT_LIVE || entry->last_rev <= c->position.rev)
        return 0;
    if (c->collecting || entry->first_rev != c->position.rev + 1 ||
        memcmp(entry->hash_before, c->position.hash, CHAIN_HASH_SIZE) != 0)
        return diverged(c, true);
    int r = client_records_apply(c, entry->records, entry->count, c->position.rev);
    if (r)
        return failed(c, r, false);
    c->position.rev = entry->last_rev;
    memcpy(c->position.hash, entry->hash_after, CHAIN_HASH_SIZE);
    return 0;
}

/* --- Error, Closed --- */

/* The server does not hold the document for us any more. */
static void link_over(struct client_doc *c)
{
    c->link = CLIENT_DETACHED;
    c->collecting = c->submit_due = false;
    if (c->state == CLIENT_LIVE)
        c->state = CLIENT_OPENING;
}

/*
 * The answer to our own Open: the session is held by a later attempt than ours. We are alive and
 * ask now, so ours is the latest in truth: our state is an older one than was last in use. Who
 * holds the session where another has taken it over hears so without a number, and stops.
 */
static bool behind(struct client_doc *c, const struct wire_client_error *error)
{
    if (error->code != WIRE_E_SESSION_REPLACED || c->link != CLIENT_ASKED ||
        error->detail <= c->attempt || error->detail >= ATTEMPT_MAX)
        return false;
    c->attempt = error->detail;
    return true;
}

static void error_take(struct client_doc *c, const struct wire_client_error *error)
{
    bool stopped = c->state == CLIENT_STOPPED;

    if (error->code == WIRE_E_NOT_OPEN) {
        /* To our Close, or to a Submit that crossed the end; either came before a later Open. */
        if (c->link != CLIENT_ASKED)
            link_over(c);
        return;
    }
    if (error->scope == WIRE_SCOPE_CONN || c->link == CLIENT_DETACHED || c->link == CLIENT_CLOSING)
        return;
    if (error->scope == WIRE_SCOPE_OP && (!c->in_flight || error->seq != c->seq || stopped))
        return; /* presence, or an answer that was overtaken */
    bool again = behind(c, error);
    if (error->scope == WIRE_SCOPE_DOC)
        link_over(c);
    if (stopped || again)
        return;
    if (error->permanent)
        client_stop(c, error->code);
    c->error = error->code;
    c->waits = !error->permanent;
}

int client_doc_frame(struct client_doc *c, const struct wire_server_frame *frame)
{
    bool heard = c->link == CLIENT_ASKED || c->link == CLIENT_ATTACHED;

    switch (frame->type) {
    case WIRE_DOWN_OPENED:
        return heard ? opened_begin(c, &frame->opened) : 0;
    case WIRE_DOWN_CHUNK:
        return heard ? chunk_take(c, &frame->chunk) : 0;
    case WIRE_DOWN_ENTRY:
        return heard ? entry_take(c, &frame->entry) : 0;
    case WIRE_DOWN_ERROR:
        error_take(c, &frame->error);
        return 0;
    case WIRE_DOWN_CLOSED:
        if (c->link != CLIENT_ASKED) /* there it is of the use before */
            link_over(c);
        return 0;
    default:
        /* Accepted: the op's own record comes, or has come, in the order of the history. */
        return 0;
    }
}
