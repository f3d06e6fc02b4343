/*
 * The client protocol (proto/client.proto) as plain structs, for both subprotocols: common/json
 * reads and writes the same structs as text.
 *
 * Decoding checks form and field sizes only (a hash has 16 bytes or none, a session 16 or none; an
 * enum value that this build does not know becomes 0); what a value means is the receiver's matter.
 * An Entry is held to more: both hashes, first_rev >= 1, and as many revisions in its records as in
 * its range. Slices point into the input, arrays are in `mem`.
 */
#ifndef WEFT_WIRE_CLIENT_H
#define WEFT_WIRE_CLIENT_H

#include "wire_error.h"
#include "wire_record.h"

struct wire_hello {
    uint32_t version;
    uint64_t features;
    struct slice token;
};

struct wire_welcome {
    uint32_t version;
    uint64_t features, server_time_ms;
    uint32_t heartbeat_ms;
    uint64_t op_bytes_max, frame_bytes_max, document_bytes_max, chunk_bytes_max;
    uint64_t presence_bytes_max, presence_per_s_max, documents_max;
    uint64_t frames_per_s_max, op_components_max, doc_id_bytes_max, title_bytes_max;
};

struct wire_open {
    struct slice doc;
    bool has_session;
    struct wire_session session;
    uint64_t attempt;  /* of opening with this session; 0: not counted */
    bool has_position; /* a hash was given; a position.rev without one is bad-position */
    struct chain_position position;
    enum wire_doc_kind create_kind; /* WIRE_DOC_NONE: no create, or one of an unknown kind */
    bool has_create;                /* with WIRE_DOC_NONE: bad-create. Encoding: either will do */
    struct slice create_content;
};

enum wire_opened_outcome {
    WIRE_OPENED_NONE = 0,
    WIRE_OPENED_UP_TO_DATE,
    WIRE_OPENED_OPS,
    WIRE_OPENED_SNAPSHOT,
    WIRE_OPENED_RESYNC,
};

struct wire_opened {
    struct slice doc;
    enum wire_opened_outcome outcome;
    struct chain_position position;
    uint64_t last_seq;
    enum wire_doc_kind doc_kind;
    uint64_t payload_bytes;
    struct slice payload;
};

struct wire_chunk {
    struct slice doc;
    uint64_t offset;
    struct slice data;
};

struct wire_client_record {
    bool has_author;
    uint8_t author[WIRE_AUTHOR_SIZE];
    uint64_t seq;
    enum wire_kind kind;
    struct slice body;
    uint64_t count; /* revisions; always >= 1 after decoding */
};

/* Payloads of Opened. */
struct wire_ops {
    struct wire_client_record *records;
    size_t count;
};

struct wire_content {
    struct slice content, title;
};

struct wire_client_entry {
    struct slice doc;
    uint64_t first_rev, last_rev;
    uint8_t hash_before[CHAIN_HASH_SIZE], hash_after[CHAIN_HASH_SIZE];
    uint64_t time_ms;
    struct wire_client_record *records;
    size_t count;
};

struct wire_submit {
    struct slice doc;
    uint64_t seq;
    struct chain_position base;
    enum wire_kind kind;
    struct slice body;
};

struct wire_accepted {
    struct slice doc;
    uint64_t seq, rev;
};

struct wire_presence {
    struct slice doc;
    bool has_author;
    uint8_t author[WIRE_AUTHOR_SIZE];
    uint64_t rev;
    struct slice data;
    bool gone;
};

struct wire_client_error {
    uint32_t code;
    enum wire_scope scope;
    bool permanent;
    uint32_t retry_after_ms;
    struct slice name, doc, message;
    uint64_t seq, detail;
};

#define WIRE_ADDRESSES_MAX 32

struct wire_drain {
    uint32_t deadline_ms;
    struct slice *addresses;
    size_t count;
};

enum wire_up_type {
    WIRE_UP_HELLO = 1,
    WIRE_UP_OPEN,
    WIRE_UP_SUBMIT,
    WIRE_UP_CLOSE,
    WIRE_UP_PRESENCE,
    WIRE_UP_PING,
};

struct wire_client_frame {
    enum wire_up_type type; /* 0: a frame that this build does not know; ignore it */
    union {
        struct wire_hello hello;
        struct wire_open open;
        struct wire_submit submit;
        struct slice close_doc;
        struct wire_presence presence;
        uint64_t ping_nonce;
    };
};

enum wire_down_type {
    WIRE_DOWN_WELCOME = 1,
    WIRE_DOWN_OPENED,
    WIRE_DOWN_CHUNK,
    WIRE_DOWN_ENTRY,
    WIRE_DOWN_ACCEPTED,
    WIRE_DOWN_ERROR,
    WIRE_DOWN_PRESENCE,
    WIRE_DOWN_DRAIN,
    WIRE_DOWN_PONG,
    WIRE_DOWN_CLOSED,
};

struct wire_server_frame {
    enum wire_down_type type; /* 0: unknown to this build; ignore it */
    union {
        struct wire_welcome welcome;
        struct wire_opened opened;
        struct wire_chunk chunk;
        struct wire_client_entry entry;
        struct wire_accepted accepted;
        struct wire_client_error error;
        struct wire_presence presence;
        struct wire_drain drain;
        struct {
            uint64_t nonce, server_time_ms;
        } pong;
        struct slice closed_doc;
    };
};

/* The document that a frame is about; empty: it is about the connection. Lent as the frame is. */
struct slice wire_server_frame_doc(const struct wire_server_frame *frame);

/* Each appends one frame, its length first. */
void wire_client_frame_encode(const struct wire_client_frame *frame, struct bytes *out);
void wire_server_frame_encode(const struct wire_server_frame *frame, struct bytes *out);
/* The same for an Entry that is encoded already (as the link carries it). */
void wire_server_entry_frame(struct slice encoded_entry, struct bytes *out);

/*
 * Takes one frame off the front of *in. 0, WIRE_BAD (also: its length is more than *in holds),
 * -ENOMEM; then *in is untouched. *in must not be empty.
 */
MUST_CHECK int wire_client_frame_take(struct arena *mem, struct slice *in,
                                      struct wire_client_frame *ret);
MUST_CHECK int wire_server_frame_take(struct arena *mem, struct slice *in,
                                      struct wire_server_frame *ret);

/* Bare messages, without length: what other messages carry as bytes. */
void wire_client_entry_encode(const struct wire_client_entry *entry, struct bytes *out);
MUST_CHECK int wire_client_entry_decode(struct arena *mem, struct slice in,
                                        struct wire_client_entry *ret);
void wire_ops_encode(const struct wire_ops *ops, struct bytes *out);
MUST_CHECK int wire_ops_decode(struct arena *mem, struct slice in, struct wire_ops *ret);
void wire_content_encode(const struct wire_content *content, struct bytes *out);
MUST_CHECK int wire_content_decode(struct arena *mem, struct slice in, struct wire_content *ret);

/* Fills an Error frame from the table; the message is built in `text`, which must outlive it. */
void wire_error_frame(uint32_t code, uint64_t detail, struct slice doc, uint64_t seq,
                      struct bytes *text, struct wire_server_frame *ret);

#endif
