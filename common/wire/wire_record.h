/*
 * Stored messages (proto/record.proto) as plain structs. Decoding checks every bound once, and that
 * a record has the fields of its kind; what comes out is safe to use. Slices of a decoded message
 * point into the input, arrays are in `mem`: both must outlive it.
 *
 * Outcomes: 0; WIRE_BAD (malformed, or a bound is passed); WIRE_NEWER (a version this build does
 * not know); -ENOMEM.
 */
#ifndef WEFT_WIRE_RECORD_H
#define WEFT_WIRE_RECORD_H

#include "arena.h"
#include "bytes.h"
#include "crypto_chain.h"
#include "wire_limits.h"

enum wire_outcome { WIRE_BAD = 1, WIRE_NEWER };

#define WIRE_SESSION_SIZE 16
#define WIRE_DIGEST_SIZE 8
#define WIRE_AUTHOR_SIZE 8

enum wire_kind {
    WIRE_KIND_NONE = 0,
    WIRE_KIND_CREATE,
    WIRE_KIND_EDIT,
    WIRE_KIND_TITLE,
    WIRE_KIND_PERMISSION,
    WIRE_KIND_CLOSE,
};

enum wire_doc_kind { WIRE_DOC_NONE = 0, WIRE_DOC_RICH, WIRE_DOC_TEXT };

enum wire_role { WIRE_ROLE_NONE = 0, WIRE_ROLE_READ, WIRE_ROLE_WRITE, WIRE_ROLE_OWN };

struct wire_session {
    uint8_t id[WIRE_SESSION_SIZE];
};

static inline uint64_t wire_session_created_ms(const struct wire_session *s)
{
    return load_be64(s->id) >> 16;
}

struct wire_record {
    struct wire_session session;
    uint64_t seq;
    uint8_t digest[WIRE_DIGEST_SIZE];
    enum wire_kind kind;
    enum wire_doc_kind doc_kind; /* create only */
    struct slice body;
};

struct wire_entry {
    uint64_t first_rev;
    uint64_t time_ms;
    struct wire_record *records;
    size_t count; /* > 0 */
};

struct wire_permission {
    struct slice subject;
    enum wire_role role;
};

struct wire_session_result {
    struct wire_session session;
    uint64_t seq, rev; /* of the last op; 0: none yet */
    uint8_t digest[WIRE_DIGEST_SIZE];
    uint64_t time_ms; /* of the last record, a close too */
    bool closed;
};

struct wire_snapshot {
    struct chain_position position;
    uint64_t entry_first_rev;
    uint64_t time_ms;
    enum wire_doc_kind doc_kind;
    struct slice content, title;
    struct wire_permission *permissions;
    size_t permission_count;
    struct wire_session_result *sessions; /* least recent first */
    size_t session_count;
    uint64_t evicted_created_ms;
    struct wire_session creator;
};

/* Has the record the fields of its kind, and no others? What is decoded has. */
bool wire_record_valid(const struct wire_record *record);

/* Encoders append; the caller tests out->failed. Equal structs give equal bytes. */
void wire_entry_encode(const struct wire_entry *entry, struct bytes *out);
MUST_CHECK int wire_entry_decode(struct arena *mem, struct slice in, struct wire_entry *ret);
void wire_permission_encode(const struct wire_permission *permission, struct bytes *out);
MUST_CHECK int wire_permission_decode(struct arena *mem, struct slice in,
                                      struct wire_permission *ret);
void wire_snapshot_encode(const struct wire_snapshot *snapshot, struct bytes *out);
MUST_CHECK int wire_snapshot_decode(struct arena *mem, struct slice in, struct wire_snapshot *ret);

/* 1 to WIRE_DOC_SIZE_MAX bytes of UTF-8 without control characters (U+0000-1F, 7F-9F)? */
bool wire_doc_id_valid(struct slice doc);

#endif
