/*
 * The one table of errors that a client can see: docs, both subprotocols, counters and tests are
 * made from it. A number is never reused.
 *
 * X(CONSTANT, number, "word", scope, permanent, retry_ms, "sentence")
 *   scope: what the error ends - the op, the client's use of the document, or the connection.
 *   retry_ms: for what is not permanent, the least time to wait; clients add jitter.
 *   In the sentence %llu stands for the detail (a limit, an expected number).
 */
#ifndef WEFT_WIRE_ERROR_H
#define WEFT_WIRE_ERROR_H

#include <stdbool.h>
#include <stdint.h>

#include "bytes.h"

enum wire_scope { WIRE_SCOPE_OP = 1, WIRE_SCOPE_DOC, WIRE_SCOPE_CONN };

#define WIRE_ERRORS(X)                                                                             \
    /* connection: what was sent is not the protocol */                                            \
    X(BAD_FRAME, 1, "bad-frame", CONN, true, 0, "the frame is not a well-formed message")          \
    X(BAD_JSON, 2, "bad-json", CONN, true, 0, "the message is not a JSON object of the protocol")  \
    X(UNKNOWN_TYPE, 3, "unknown-type", CONN, true, 0, "the frame holds no message known here")     \
    X(FRAME_TOO_LARGE, 4, "frame-too-large", CONN, true, 0, "a frame is at most %llu bytes")       \
    X(BAD_VERSION, 5, "bad-version", CONN, true, 0, "this server speaks protocol version %llu")    \
    X(HELLO_EXPECTED, 6, "hello-expected", CONN, true, 0, "the first frame must be a Hello")       \
    X(HELLO_TWICE, 7, "hello-twice", CONN, true, 0, "a connection says Hello once")                \
    X(UNAUTHENTICATED, 8, "unauthenticated", CONN, true, 0, "the token is not accepted")           \
    X(TOO_FAST, 9, "too-fast", CONN, false, 1000, "more than %llu frames in one second")           \
    X(SLOW_READER, 10, "slow-reader", CONN, false, 1000,                                           \
      "more than %llu bytes wait for this connection to read them")                                \
    X(SILENT, 11, "silent", CONN, false, 0, "nothing was heard for %llu ms")                       \
    X(DRAINING, 12, "draining", CONN, false, 0, "this gateway is shutting down, connect again")    \
    X(OVERLOADED, 13, "overloaded", CONN, false, 2000,                                             \
      "the server holds all it can, at most %llu connections")                                     \
    /* document */                                                                                 \
    X(BAD_DOC_ID, 20, "bad-doc-id", DOC, true, 0,                                                  \
      "doc must be 1 to %llu bytes of UTF-8 without control characters")                           \
    X(NO_SUCH_DOCUMENT, 21, "no-such-document", DOC, true, 0,                                      \
      "there is no document with this id, and create was not asked")                               \
    X(NOT_OPEN, 22, "not-open", DOC, true, 0, "the document is not open on this connection")       \
    X(ALREADY_OPEN, 23, "already-open", DOC, true, 0, "the document is open on this connection")   \
    X(TOO_MANY_DOCUMENTS, 24, "too-many-documents", DOC, true, 0,                                  \
      "a connection opens at most %llu documents")                                                 \
    X(BAD_SESSION, 25, "bad-session", DOC, true, 0,                                                \
      "session must be %llu bytes, or empty to read only")                                         \
    X(SESSION_REPLACED, 26, "session-replaced", DOC, true, 0,                                      \
      "another connection has opened the document with this session")                              \
    X(SESSION_EXPIRED, 27, "session-expired", DOC, true, 0,                                        \
      "what this session has submitted is no longer known: take a new session")                    \
    X(SESSION_CLOSED, 28, "session-closed", DOC, true, 0,                                          \
      "the session has ended: take a new session")                                                 \
    X(CLOCK_SKEW, 29, "clock-skew", DOC, true, 0,                                                  \
      "the session's creation time is ahead of the server's, which is %llu")                       \
    X(DENIED, 30, "denied", DOC, true, 0, "the permissions of the document do not allow this")     \
    X(QUARANTINED, 31, "quarantined", DOC, false, 30000,                                           \
      "the document is read-only until an operator has looked at it")                              \
    X(BAD_POSITION, 32, "bad-position", DOC, true, 0,                                              \
      "a position is a revision and a hash of %llu bytes, or neither")                             \
    X(BAD_CREATE, 33, "bad-create", DOC, true, 0,                                                  \
      "create must name a kind and hold an op of inserts; kind rich ends in a newline")            \
    X(RETRY_LATER, 34, "retry-later", DOC, false, 500,                                             \
      "the document cannot be served right now; nothing is lost")                                  \
    /* op */                                                                                       \
    X(BAD_OP, 50, "bad-op", OP, true, 0, "the op is not well-formed or not in normal form")        \
    X(OP_TOO_LARGE, 51, "op-too-large", OP, true, 0, "an op is at most %llu bytes")                \
    X(OP_TOO_LONG, 52, "op-too-long", OP, true, 0,                                                 \
      "the op covers more than the %llu units of the document at its base")                        \
    X(CUTS_PAIR, 53, "cuts-pair", OP, true, 0, "the op would split a surrogate pair")              \
    X(BREAKS_NEWLINE, 54, "breaks-newline", OP, true, 0,                                           \
      "the final newline is not deleted and nothing is inserted after it")                         \
    X(DOCUMENT_TOO_LARGE, 55, "document-too-large", OP, true, 0,                                   \
      "a document is at most %llu bytes of text")                                                  \
    X(BAD_SEQ, 56, "bad-seq", OP, true, 0, "seq counts from 1")                                    \
    X(SEQ_GAP, 57, "seq-gap", OP, true, 0, "the next seq of this session is %llu")                 \
    X(SEQ_OLD, 58, "seq-old", OP, true, 0, "seq is older than the last accepted, which is %llu")   \
    X(SEQ_REUSED, 59, "seq-reused", OP, true, 0, "this seq was used for another op")               \
    X(IN_FLIGHT, 60, "in-flight", OP, true, 0,                                                     \
      "one op of a session is in flight at a time; seq %llu is not answered yet")                  \
    X(BAD_BASE, 61, "bad-base", OP, true, 0,                                                       \
      "base is not a position of this document's history, whose head is revision %llu")            \
    X(BAD_KIND, 62, "bad-kind", OP, true, 0, "kind must be edit, title or permission")             \
    X(BAD_TITLE, 63, "bad-title", OP, true, 0, "a title is UTF-8 of at most %llu bytes")           \
    X(BAD_PERMISSION, 64, "bad-permission", OP, true, 0, "the permission is not well-formed")      \
    X(READ_ONLY, 65, "read-only", OP, true, 0, "the document was opened without a session")        \
    X(PRESENCE_TOO_LARGE, 66, "presence-too-large", OP, true, 0, "presence is at most %llu bytes")

enum wire_error {
    WIRE_OK = 0,
#define X(constant, number, word, scope, permanent, retry_ms, sentence) WIRE_E_##constant = number,
    WIRE_ERRORS(X)
#undef X
};

struct wire_error_info {
    enum wire_error code;
    const char *word;
    enum wire_scope scope;
    bool permanent;
    uint32_t retry_ms;
    const char *sentence;
};

/* NULL for a number that is not in the table. */
const struct wire_error_info *wire_error_info(uint32_t code);
/* The sentence with the detail in its place. */
void wire_error_text(uint32_t code, uint64_t detail, struct bytes *out);

/* Limits that a peer meets (design: Limits); the defaults. */
#define WIRE_OP_BYTES_MAX (256u << 10)
#define WIRE_FRAME_BYTES_MAX (1u << 20)
#define WIRE_DOCUMENT_BYTES_MAX (32u << 20)
#define WIRE_CHUNK_BYTES_MAX (64u << 10)
#define WIRE_PRESENCE_BYTES_MAX 1024u
#define WIRE_PRESENCE_PER_S_MAX 20u
#define WIRE_DOCUMENTS_MAX 1000u
#define WIRE_TITLE_BYTES_MAX 1024u
#define WIRE_SUBJECT_BYTES_MAX 128u
#define WIRE_PERMISSIONS_MAX 1000u

#endif
