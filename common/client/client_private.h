/* What the files of common/client share. */
#ifndef WEFT_CLIENT_PRIVATE_H
#define WEFT_CLIENT_PRIVATE_H

#include "client_doc.h"
#include "ot_codec.h"

/*
 * What the server holds for us on this connection. Whatever comes while it is not ASKED or ATTACHED
 * belongs to a use of the document that has ended, and is dropped: so an Opened that crossed our
 * Close is not taken for the answer to the Open behind it.
 *
 *   DETACHED ──Open──► ASKED ──Opened──► ATTACHED
 *     ▲  ▲               │ │                │ │ reopen()
 *     │  └─error, Closed─┘ └───reopen()──┐  │ │
 *     │  └─error, Closed─────────────────┼──┘ │
 *     │                                  ▼    ▼
 *     └──Closed, not-open── CLOSING ◄─Close─ CLOSE_DUE     (connection lost: DETACHED from all)
 */
enum client_link {
    CLIENT_DETACHED = 0,
    CLIENT_ASKED,
    CLIENT_ATTACHED,
    CLIENT_CLOSE_DUE,
    CLIENT_CLOSING,
};

struct client_doc {
    struct bytes id; /* owned */
    struct wire_session session;
    bool has_session;
    uint64_t attempt; /* of opening with this session, counted from 1 */
    uint8_t author[WIRE_AUTHOR_SIZE];
    struct ot_attrs_table *table; /* borrowed */
    struct client_events events;
    enum client_state state;
    enum client_link link;
    uint32_t error;
    bool waits;      /* a passing error: nothing is asked until client_doc_retry() */
    bool submit_due; /* the op in flight is to be sent (again) */

    struct ot_rope *rope; /* owned */
    bool has_text;
    enum wire_doc_kind kind;
    bool has_position;
    struct chain_position position;

    /* the op in flight: as it was sent, and as it applies to the text of now */
    bool in_flight;
    uint64_t seq; /* of the op in flight, or the last one acked */
    struct bytes sent, flight;
    struct chain_position sent_base;
    /* what was typed since, composed */
    bool has_buffer;
    struct bytes buffer;

    enum wire_doc_kind create_kind; /* NONE: no create, or it has been answered */
    struct bytes create_content;

    /* what is pending was sent under a session that is given up: it may be in the history */
    bool unsure;
    bool draft_may_be_in;

    /* an Opened whose payload comes in chunks */
    bool collecting;
    struct wire_opened opened; /* doc and payload not used */
    struct bytes payload;

    uint64_t transforms;
};

/* client_doc.c: the use that the server knows of ends, and another is asked for. */
void client_reopen(struct client_doc *c);
void client_stop(struct client_doc *c, uint32_t code);
/* client_records.c: own and foreign records into the text. 0, -ENOMEM, CLIENT_DIVERGED. */
int client_records_apply(struct client_doc *c, const struct wire_client_record *records,
                         size_t count, uint64_t rev);
/* All that is unsent or unanswered, content to create first, as one op, appended. */
int client_pending_compose(struct client_doc *c, struct bytes *out);
void client_pending_drop(struct client_doc *c);
/* Replaces the text by an op of inserts. */
int client_text_set(struct client_doc *c, struct slice content);
/* Encodes op into *out, replacing it. */
int client_op_keep(const struct ot_op *op, struct bytes *out);

#endif
