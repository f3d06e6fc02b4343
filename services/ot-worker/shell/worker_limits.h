/*
 * What clients can make a worker hold or do, and where that ends (conf_limit.h has the columns).
 */
#ifndef WEFT_WORKER_LIMITS_H
#define WEFT_WORKER_LIMITS_H

#include "conf_limit.h"
#include "doc.h"
#include "wk_doc.h"

#define WORKER_LIMIT(word) "weft_worker_limits_total{limit=\"" word "\"}"
#define WORKER_PUT_OFF(reason) "weft_worker_put_off_total{reason=\"" reason "\"}"

#define WORKER_LIMITS(O, F)                                                                        \
    O(BYTES, documents_bytes_max, "documents-max", "1GiB", 1 << 20, (int64_t)1 << 40,              \
      "Memory for documents; past it idle ones are evicted.", "all documents",                     \
      "cold documents: retry-later", WORKER_PUT_OFF("documents-full"),                             \
      "those who open more documents than there is memory")                                        \
    O(BYTES, tail_bytes_max, "tail-max", "16MiB", 1 << 16, (int64_t)1 << 32,                       \
      "Per document: entries kept until they are archived; past it the document slows.",           \
      "the document", "its ops wait; after 2 s retry-later", WORKER_PUT_OFF("tail-full"),          \
      "one who writes faster than can be archived")                                                \
    O(BYTES, pending_bytes_max, "pending-max", "8MiB", 1 << 19, (int64_t)1 << 32,                  \
      "Per document: ops that wait; past it clients must try later.", "the document",              \
      "retry-later", WORKER_PUT_OFF("pending-full"),                                               \
      "many who write to one document faster than it can be written")                              \
    F(INT, "attachments", WK_ATTACHMENTS_MAX, "Clients attached to documents.", "all gateways",    \
      "retry-later", WORKER_PUT_OFF("attachments-full"), "gateways that attach without end")       \
    F(INT, "op-components", WIRE_OP_COMPONENTS_MAX,                                                \
      "Components of an op: pieces of text, embeds, spans kept or deleted. "                       \
      "Welcome: op_components_max.",                                                               \
      "the document", "too-many-components", WORKER_LIMIT("op-components"),                        \
      "a small op that takes much memory: each component takes 48 bytes when it is read")          \
    F(INT, "entry-ops", WK_ENTRY_COUNT_MAX, "Ops of one entry.", "the document",                   \
      "the rest forms the next entry", WORKER_LIMIT("entry-ops"),                                  \
      "one append that keeps all "                                                                 \
      "others waiting")                                                                            \
    F(BYTES, "entry-bytes", WK_ENTRY_BYTES_MAX,                                                    \
      "Bytes of one entry, and what an op may become "                                             \
      "when it is transformed.",                                                                   \
      "the document", "the rest forms the next entry; op-grows", WORKER_LIMIT("entry-bytes"),      \
      "a format that grows on every insert it meets")                                              \
    F(INT, "history-reach", WK_HISTORY_REVS_MAX,                                                   \
      "Revisions that a base or a position may be behind.", "the document",                        \
      "an op: bad-base; an open: the whole document", WORKER_LIMIT("history-reach"),               \
      "one who has everything read that was ever written")                                         \
    F(INT, "session-results", DOC_SESSION_COUNT_MAX, "Sessions whose results are remembered.",     \
      "the document", "the oldest is forgotten: session-expired", WORKER_LIMIT("session-results"), \
      "sessions without end")                                                                      \
    F(MS, "session-age", DOC_SESSION_KEEP_MS, "How long a session's results are remembered.",      \
      "the document", "session-expired", WORKER_LIMIT("session-age"), "sessions without end")      \
    F(MS, "clock-skew", DOC_CLOCK_SKEW_MS,                                                         \
      "How far ahead of the server's a session's clock may "                                       \
      "be.",                                                                                       \
      "the session", "clock-skew", WORKER_LIMIT("clock-skew"),                                     \
      "sessions from the future, which would make all others look old")

#endif
