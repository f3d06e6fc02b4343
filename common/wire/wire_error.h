/*
 * The one table of errors that a client can see: docs/errors.md, both subprotocols, counters and
 * tests are made from it. A number is never reused (25 was bad-session).
 *
 * X(CONSTANT, number, "word", scope, permanent, retry_ms, form, shown, "sentence", "n", "client")
 *   scope     what the error ends: the op, the client's use of the document, or the connection
 *   retry_ms  for what is not permanent, the least time to wait; clients add jitter
 *   form      the subprotocols that can have it
 *   shown     the unit test that shows it, for what nobody can provoke from outside; NULL:
 *             tests/errors does, on each of its subprotocols
 *   sentence  what was wrong; %llu stands for the detail
 *   n         what the detail is: the name of a limit (docs/limits.md), or words; "" without one
 *   client    what the client should do
 */
#ifndef WEFT_WIRE_ERROR_H
#define WEFT_WIRE_ERROR_H

#include <stdbool.h>
#include <stdint.h>

#include "bytes.h"
#include "wire_limits.h"

enum wire_scope { WIRE_SCOPE_OP = 1, WIRE_SCOPE_DOC, WIRE_SCOPE_CONN };
/* Bits. */
enum wire_form { WIRE_FORM_PROTO = 1, WIRE_FORM_JSON = 2, WIRE_FORM_BOTH = 3 };

/* What clients do, where more than one error asks the same. */
#define WIRE_DO_MEND "Mend the client: the same bytes get the same answer."
#define WIRE_DO_DRAFT                                                                              \
    "Keep the text as a draft, take a new session and open again; the same op is not sent again."
#define WIRE_DO_SPLIT "Send it as several ops, each within the limit, the first with the same seq."
#define WIRE_DO_RECONNECT "Connect again after the wait, open with the positions, resend."

#define WIRE_ERRORS(X)                                                                             \
    /* connection: what was sent is not the protocol */                                            \
    X(BAD_FRAME, 1, "bad-frame", CONN, true, 0, BOTH, NULL,                                        \
      "the frame is not a well-formed message", "", WIRE_DO_MEND)                                  \
    X(BAD_JSON, 2, "bad-json", CONN, true, 0, JSON, NULL,                                          \
      "the message is not a JSON object of the protocol", "", WIRE_DO_MEND)                        \
    X(UNKNOWN_TYPE, 3, "unknown-type", CONN, true, 0, JSON, NULL,                                  \
      "the message is of no type that is known here", "", WIRE_DO_MEND)                            \
    X(FRAME_TOO_LARGE, 4, "frame-too-large", CONN, true, 0, BOTH, NULL,                            \
      "a frame is at most %llu bytes", "frame-max",                                                \
      "Send smaller frames: what does not fit one op is several.")                                 \
    X(BAD_VERSION, 5, "bad-version", CONN, true, 0, BOTH, NULL,                                    \
      "this server speaks protocol version %llu", "the version",                                   \
      "Get another build of the client.")                                                          \
    X(HELLO_EXPECTED, 6, "hello-expected", CONN, true, 0, BOTH, NULL,                              \
      "the first frame must be a Hello", "", WIRE_DO_MEND)                                         \
    X(HELLO_TWICE, 7, "hello-twice", CONN, true, 0, BOTH, NULL, "a connection says Hello once",    \
      "", WIRE_DO_MEND)                                                                            \
    X(UNAUTHENTICATED, 8, "unauthenticated", CONN, true, 0, BOTH, "test_unauthenticated",          \
      "the token is not accepted", "", "Get a new token, then connect again.")                     \
    X(TOO_FAST, 9, "too-fast", CONN, false, 1000, BOTH, NULL,                                      \
      "more than %llu frames in one second", "frames-per-second",                                  \
      "Connect again after the wait, and send less: one op in flight per document.")               \
    X(SLOW_READER, 10, "slow-reader", CONN, false, 1000, BOTH, NULL,                               \
      "more than %llu bytes wait for this connection to read them", "out-max", WIRE_DO_RECONNECT)  \
    X(SILENT, 11, "silent", CONN, false, 0, BOTH, NULL, "nothing was heard for %llu ms",           \
      "twice Welcome's heartbeat_ms, or hello",                                                    \
      "Connect again; send something, Ping for instance, once in heartbeat_ms.")                   \
    X(DRAINING, 12, "draining", CONN, false, 0, BOTH, NULL,                                        \
      "this gateway is shutting down, connect again", "",                                          \
      "Connect again, to an address that Drain named if it did.")                                  \
    X(OVERLOADED, 13, "overloaded", CONN, false, 2000, BOTH, NULL,                                 \
      "messages that have come in part, of all connections together, take at most %llu bytes",     \
      "input-max", WIRE_DO_RECONNECT)                                                              \
    X(NO_MEMORY, 14, "no-memory", CONN, false, 2000, BOTH, "test_no_memory",                       \
      "the server has no memory for this now", "", WIRE_DO_RECONNECT)                              \
    /* document */                                                                                 \
    X(BAD_DOC_ID, 20, "bad-doc-id", DOC, true, 0, BOTH, NULL,                                      \
      "doc must be 1 to %llu bytes of UTF-8 without control characters", "doc-id-max",             \
      "Use another id.")                                                                           \
    X(NO_SUCH_DOCUMENT, 21, "no-such-document", DOC, true, 0, BOTH, NULL,                          \
      "there is no document with this id, and create was not asked", "",                           \
      "Open with create, or tell the person that the document does not exist.")                    \
    X(NOT_OPEN, 22, "not-open", DOC, true, 0, BOTH, NULL,                                          \
      "the document is not open on this connection", "",                                           \
      "Open it; what is unacked is then resent.")                                                  \
    X(ALREADY_OPEN, 23, "already-open", DOC, true, 0, BOTH, NULL,                                  \
      "the document is open on this connection", "", "Open it again, once: it is closed now.")     \
    X(TOO_MANY_DOCUMENTS, 24, "too-many-documents", DOC, true, 0, BOTH, NULL,                      \
      "a connection opens at most %llu documents", "documents-per-connection",                     \
      "Close a document first, or use a second connection.")                                       \
    X(SESSION_REPLACED, 26, "session-replaced", DOC, true, 0, BOTH, NULL,                          \
      "another connection has opened the document with this session", "",                          \
      "Stop: the other one goes on. In answer to an Open, open with an attempt above `detail`.")   \
    X(SESSION_EXPIRED, 27, "session-expired", DOC, true, 0, BOTH, NULL,                            \
      "what this session has submitted is no longer known: take a new session", "",                \
      "Keep unacked text as a draft that may be in already; take a new session and open again.")   \
    X(SESSION_CLOSED, 28, "session-closed", DOC, true, 0, BOTH, NULL,                              \
      "the session has ended: take a new session", "", WIRE_DO_DRAFT)                              \
    X(CLOCK_SKEW, 29, "clock-skew", DOC, true, 0, BOTH, NULL,                                      \
      "the session's creation time is ahead of the server's, which is %llu",                       \
      "the server's time in ms since 1970",                                                        \
      "Correct the clock by `detail`, take a new session and open again.")                         \
    X(DENIED, 30, "denied", DOC, true, 0, BOTH, NULL,                                              \
      "the permissions of the document do not allow this", "",                                     \
      "Tell the person; keep the text as a draft, open to read.")                                  \
    X(QUARANTINED, 31, "quarantined", DOC, false, 30000, BOTH, "a_damaged_log_is_quarantined",     \
      "the document cannot be opened until an operator has looked at it", "",                      \
      "Keep the text and open again after the wait.")                                              \
    X(BAD_POSITION, 32, "bad-position", DOC, true, 0, BOTH, NULL,                                  \
      "a position is a revision and a hash of %llu bytes, or neither", "bytes of a hash",          \
      WIRE_DO_MEND)                                                                                \
    X(BAD_CREATE, 33, "bad-create", DOC, true, 0, BOTH, NULL,                                      \
      "create must name a kind and hold an op of inserts; kind rich ends in a newline", "",        \
      "Keep the text as a draft and mend the content.")                                            \
    X(RETRY_LATER, 34, "retry-later", DOC, false, 500, BOTH, NULL,                                 \
      "the document cannot be served right now; nothing is lost", "",                              \
      "Open again after the wait and resend what is unacked, byte by byte the same.")              \
    /* op */                                                                                       \
    X(BAD_OP, 50, "bad-op", OP, true, 0, PROTO, NULL,                                              \
      "the op is not well-formed or not in normal form", "", WIRE_DO_DRAFT)                        \
    X(OP_TOO_LARGE, 51, "op-too-large", OP, true, 0, BOTH, NULL, "an op is at most %llu bytes",    \
      "op-max", WIRE_DO_SPLIT)                                                                     \
    X(OP_TOO_LONG, 52, "op-too-long", OP, true, 0, BOTH, NULL,                                     \
      "the op covers more than the %llu units of the document at its base",                        \
      "UTF-16 units of the document", WIRE_DO_DRAFT)                                               \
    X(CUTS_PAIR, 53, "cuts-pair", OP, true, 0, BOTH, NULL, "the op would split a surrogate pair",  \
      "", WIRE_DO_DRAFT " Widen editors' ops to whole characters.")                                \
    X(BREAKS_NEWLINE, 54, "breaks-newline", OP, true, 0, BOTH, NULL,                               \
      "the final newline is not deleted and nothing is inserted after it", "", WIRE_DO_DRAFT)      \
    X(DOCUMENT_TOO_LARGE, 55, "document-too-large", OP, true, 0, BOTH, NULL,                       \
      "a document is at most %llu bytes of text", "document-max",                                  \
      WIRE_DO_DRAFT " Tell the person that the document is full.")                                 \
    X(BAD_SEQ, 56, "bad-seq", OP, true, 0, BOTH, NULL, "seq counts from 1", "", WIRE_DO_MEND)      \
    X(SEQ_GAP, 57, "seq-gap", OP, true, 0, BOTH, NULL, "the next seq of this session is %llu",     \
      "the expected seq", WIRE_DO_DRAFT)                                                           \
    X(SEQ_OLD, 58, "seq-old", OP, true, 0, BOTH,                                                   \
      "an_older_seq_that_the_log_does_not_tell_any_more_is_old",                                   \
      "seq is older than the last accepted, which is %llu", "the last accepted seq",               \
      "The op is in the history: go by its Entry or Opened.")                                      \
    X(SEQ_REUSED, 59, "seq-reused", OP, true, 0, BOTH, NULL, "this seq was used for another op",   \
      "", WIRE_DO_DRAFT)                                                                           \
    X(IN_FLIGHT, 60, "in-flight", OP, true, 0, BOTH, NULL,                                         \
      "one op of a session is in flight at a time; seq %llu is not answered yet",                  \
      "the seq in flight", "Wait for the ack, compose what is typed meanwhile.")                   \
    X(BAD_BASE, 61, "bad-base", OP, true, 0, BOTH, NULL,                                           \
      "base is not a position of this document's history, whose head is revision %llu",            \
      "the head's revision", WIRE_DO_DRAFT)                                                        \
    X(BAD_KIND, 62, "bad-kind", OP, true, 0, PROTO, NULL,                                          \
      "kind must be edit, title or permission", "", WIRE_DO_MEND)                                  \
    X(BAD_TITLE, 63, "bad-title", OP, true, 0, BOTH, NULL,                                         \
      "a title is UTF-8 of at most %llu bytes", "title-max", "Shorten the title.")                 \
    X(BAD_PERMISSION, 64, "bad-permission", OP, true, 0, BOTH, NULL,                               \
      "the permission is not well-formed", "", WIRE_DO_DRAFT)                                      \
    X(READ_ONLY, 65, "read-only", OP, true, 0, BOTH, NULL,                                         \
      "the document was opened without a session", "", "Open it with a session to write.")         \
    X(PRESENCE_TOO_LARGE, 66, "presence-too-large", OP, true, 0, BOTH, NULL,                       \
      "presence is at most %llu bytes", "presence-max", "Send less; the op is not concerned.")     \
    X(TOO_MANY_COMPONENTS, 67, "too-many-components", OP, true, 0, BOTH, NULL,                     \
      "an op has at most %llu components", "op-components", WIRE_DO_SPLIT)                         \
    X(OP_GROWS, 68, "op-grows", OP, true, 0, BOTH, NULL,                                           \
      "transformed over what came since its base, the op takes more than %llu bytes",              \
      "entry-bytes", WIRE_DO_DRAFT)

enum wire_error {
    WIRE_OK = 0,
#define X(constant, number, ...) WIRE_E_##constant = number,
    WIRE_ERRORS(X)
#undef X
};

/* Above every number; arrays by code have this size. */
#define WIRE_ERROR_CODES 128

struct wire_error_info {
    enum wire_error code;
    enum wire_scope scope;
    enum wire_form form;
    bool permanent;
    uint32_t retry_ms;
    const char *word;
    const char *sentence;
    const char *detail; /* what the number in the sentence is, "": it has none */
    const char *client; /* what the client should do */
    const char *shown;  /* unit test, or NULL */
};

/* NULL for a number that is not in the table. */
const struct wire_error_info *wire_error_info(uint32_t code);
/* The sentence with the detail in its place. */
void wire_error_text(uint32_t code, uint64_t detail, struct bytes *out);

#endif
