/*
 * What a client must do for one document: hold text, one op in flight, a buffer composed of what
 * was typed since; rebase both over what others do; resend by name. Used by the load generator, the
 * tools and the simulator; the JavaScript SDK does the same.
 *
 * Pure: frames in, frames out, no I/O, no clock. The caller moves frames and calls
 * client_doc_pull() after every event to learn what to send now.
 *
 *            open()            Opened                 edit()/Entry
 *   CLOSED ─────────► OPENING ────────► LIVE ◄──────────────────────┐
 *      ▲                  ▲              │ disconnected()           │
 *      │                  └──────────────┤ (keeps op, buffer, text) │
 *      │ permanent error                 │                          │
 *      └── STOPPED ◄─────────────────────┘ Opened RESYNC, expired ──┴─► the draft is set aside,
 *                                                                       a new session is needed
 *
 * Rules (design section 5, I5): exactly one op in flight; a sent op is never composed with others
 * and is resent byte-identical with its original base; transform(pending, item, false) is computed
 * once per item and used for text and buffer; the own op is found in the entry by author and seq
 * and compared with what it should have become: a difference is `diverged`; each Open carries the
 * number of the attempt, so that whoever holds the session for an earlier one cannot keep it.
 */
#ifndef WEFT_CLIENT_DOC_H
#define WEFT_CLIENT_DOC_H

#include "ot_rope.h"
#include "wire_client.h"

enum client_state {
    CLIENT_CLOSED = 0,
    CLIENT_OPENING, /* editing allowed if there is text (has been live, or created here) */
    CLIENT_LIVE,
    CLIENT_STOPPED, /* permanent error: client_doc_error() tells; text stays readable */
};

struct client_events {
    void *ctx;
    /* Text has changed by others: op applies to the text before. NULL: not wanted. */
    void (*changed)(void *ctx, const struct ot_op *op);
    /* An op of ours is in the history: its seq and revision. */
    void (*acked)(void *ctx, uint64_t seq, uint64_t rev);
    /*
     * Text was replaced by a snapshot; draft: what was unsent or unanswered, as an op on the text
     * before (on nothing, if it begins with content to create); empty: nothing was. Whether some of
     * it may be in the snapshot all the same: client_doc_draft_may_be_in().
     */
    void (*replaced)(void *ctx, struct slice draft);
};

struct client_doc;

/* Borrows table and events.ctx; copies id. */
struct client_doc *client_doc_new(struct slice id, const struct wire_session *session,
                                  struct ot_attrs_table *table, struct client_events events);
struct client_doc *client_doc_free(struct client_doc *c);

/* Asks that Open carries create(kind, content); the text is editable at once. Before open. */
MUST_CHECK int client_doc_create(struct client_doc *c, enum wire_doc_kind kind,
                                 const struct ot_op *content);
/* CLOSED -> OPENING; the next pull gives the Open frame. */
void client_doc_open(struct client_doc *c);
/* The connection is gone: OPENING again; Open and the op in flight go out again. */
void client_doc_disconnected(struct client_doc *c);
/*
 * After STOPPED: go on with a new session. What is still unsent or unanswered comes out of
 * events.replaced as a draft; a creation that was never answered is asked for again, by the new
 * session. 0, or -ENOMEM: then nothing has changed.
 */
MUST_CHECK int client_doc_renew(struct client_doc *c, const struct wire_session *session);
/* The time that a passing error asked for is over: ask again what was refused. */
void client_doc_retry(struct client_doc *c);

/*
 * A local edit on the current text. 0, OT_* if it does not fit, -EAGAIN: read-only now.
 * OT_TOO_LARGE: with it, more would be unsent than one op may carry: let it be acked first.
 */
MUST_CHECK int client_doc_edit(struct client_doc *c, const struct ot_op *op);

/*
 * What is to be sent now? True and one frame, built in `mem` and borrowing from c until its next
 * event; call until false.
 */
bool client_doc_pull(struct client_doc *c, struct arena *mem, struct wire_client_frame *ret);

/*
 * One frame of the server about this document. 0, -ENOMEM, or CLIENT_DIVERGED: a bug somewhere
 * (gap, foreign hash, own op not as computed); the client has gone to OPENING to resync: it closes
 * the document, waits for Closed (or not-open) and opens it again.
 */
enum client_outcome { CLIENT_DIVERGED = 200 };
MUST_CHECK int client_doc_frame(struct client_doc *c, const struct wire_server_frame *frame);

enum client_state client_doc_state(const struct client_doc *c);
const struct ot_rope *client_doc_rope(const struct client_doc *c);
struct chain_position client_doc_position(const struct client_doc *c);
bool client_doc_has_text(const struct client_doc *c);
/* Nothing in flight, nothing in the buffer: "saved". */
bool client_doc_saved(const struct client_doc *c);
bool client_doc_in_flight(const struct client_doc *c);
uint64_t client_doc_seq(const struct client_doc *c);   /* of the op in flight, or the last acked */
uint32_t client_doc_error(const struct client_doc *c); /* last error code, 0: none */
/* How many foreign ops an own op in flight was transformed over. */
uint64_t client_doc_transforms(const struct client_doc *c);
/* Of the last draft: was any of it sent before, so that it may be in the history? */
bool client_doc_draft_may_be_in(const struct client_doc *c);
/* Author id that others see. */
void client_doc_author(const struct client_doc *c, uint8_t ret[WIRE_AUTHOR_SIZE]);

/*
 * The state that survives a reload of the page: everything, as bytes. For simulator and tools.
 *
 *   size   what
 *      1   version, 1
 *      1   bits: 1 text, 2 position, 4 in flight, 8 buffer, 16 create, 32 unsure
 *      1   document kind
 *     16   session
 *     24   position            24   base of the op in flight
 *      -   varint seq, varint attempt; then five byte strings, each behind its varint size:
 *          text as an op, op as sent, op as transformed since, buffer, content to create
 *
 * Restore into a client made with client_doc_new for the same document; it then opens. -EINVAL: not
 * what save wrote; then free the client. A state that is older than the last Open sent is fine too:
 * where the server knows a later attempt it says so, and Open goes out again above that.
 */
MUST_CHECK int client_doc_save(const struct client_doc *c, struct bytes *out);
MUST_CHECK int client_doc_restore(struct client_doc *c, struct slice saved);

#endif
