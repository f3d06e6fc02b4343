/* What the files of common/client share. */
#ifndef WEFT_CLIENT_PRIVATE_H
#define WEFT_CLIENT_PRIVATE_H

#include "client_doc.h"
#include "ot_codec.h"

struct client_doc {
    struct bytes id; /* owned */
    struct wire_session session;
    bool has_session;
    uint8_t author[WIRE_AUTHOR_SIZE];
    struct ot_attrs_table *table; /* borrowed */
    struct client_events events;
    enum client_state state;
    uint32_t error;

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

    /* what pull has to say */
    bool close_due, open_due, submit_due;
    bool asked; /* an Open of ours is not answered: its Opened decides about resending */

    /* an Opened whose payload comes in chunks */
    bool collecting;
    struct wire_opened opened; /* doc and payload not used */
    struct bytes payload;

    uint64_t transforms;
};

/* client_records.c: own and foreign records into the text. 0, -ENOMEM, CLIENT_DIVERGED. */
int client_records_apply(struct client_doc *c, const struct wire_client_record *records,
                         size_t count, uint64_t rev);
/* All that is unsent or unanswered as one op, appended. */
int client_pending_compose(struct client_doc *c, struct bytes *out);
void client_pending_drop(struct client_doc *c);
/* Replaces the text by an op of inserts. */
int client_text_set(struct client_doc *c, struct slice content);
/* Encodes op into *out, replacing it. */
int client_op_keep(const struct ot_op *op, struct bytes *out);

#endif
