/*
 * The worker's core: shards and view, documents, admission, group commit, the ack gate. The only
 * way in is the functions below, one event each; the only way out is struct wk_io. One thread.
 */
#ifndef WEFT_WK_CORE_H
#define WEFT_WK_CORE_H

#include "wire_link.h"
#include "wk_io.h"

struct wk_config {
    const char *id;             /* member id */
    const char *address;        /* of its link inbox */
    uint64_t boot_id;           /* != 0 */
    size_t documents_bytes_max; /* memory for documents and their tails; past it idle ones are
                                   evicted, then cold ones not loaded: retry-later */
    size_t tail_bytes_max;      /* per document: entries kept until archived; past it its ops wait,
                                   then: retry-later */
    size_t pending_bytes_max;   /* waiting submits of one document; past it: retry-later */
    uint64_t attachments_max;   /* past it: retry-later; 0: a million */
    uint64_t idle_ms;           /* without subscriber: evicted after */
    uint64_t revalidate_ms;     /* heads of live documents are compared this often */
    uint64_t commit_ms;         /* appends of all documents leave together; busy ones come up to
                                   this apart; 0: each document's as soon as it can */
    bool confirmed_by_replica;  /* durability `replica`: a confirmed entry cannot be lost */
};

/* Counters: plain numbers that the shell shows. */
#define WK_COUNTERS(X)                                                                             \
    X(opens, "attachments asked for")                                                              \
    X(submits, "ops received")                                                                     \
    X(ops, "ops committed")                                                                        \
    X(entries, "entries committed")                                                                \
    X(transformed, "committed ops that were transformed over an op of another session")            \
    X(refused, "ops and opens refused")                                                            \
    X(repeats, "repeats answered from the session results")                                        \
    X(appends_refused, "appends that lost against another head")                                   \
    X(appends_unknown, "appends whose outcome was lost")                                           \
    X(reappended, "entries of a lost tail appended again")                                         \
    X(loads, "documents loaded")                                                                   \
    X(evictions, "documents evicted")                                                              \
    X(resyncs, "clients whose position was not in the history")                                    \
    X(quarantines, "documents quarantined")                                                        \
    X(handoffs, "documents handed to another worker as planned")                                   \
    X(stale, "ops and opens put off because no beat succeeded")                                    \
    X(pending_full, "ops and opens put off because too many wait at one document")                 \
    X(slowed, "times that a document waited for the archiver")                                     \
    X(tail_full, "ops put off because that took too long")                                         \
    X(attachments_full, "opens put off because of the bound on attachments")                       \
    X(documents_full, "opens of cold documents put off because memory was full")

struct wk_counters {
#define X(name, help) uint64_t name;
    WK_COUNTERS(X)
#undef X
};

struct wk_core;

/* Borrows io's ctx; copies the rest. NULL: no memory. */
struct wk_core *wk_core_new(const struct wk_config *config, const struct wk_io *io);
/* Storage calls in flight are abandoned: the shell must not complete them any more. */
struct wk_core *wk_core_free(struct wk_core *core);

/* Begins to beat. */
void wk_core_start(struct wk_core *core);
/* SIGTERM: hand everything over, then leave. wk_core_drained() tells when it is done. */
void wk_core_drain(struct wk_core *core);
bool wk_core_drained(const struct wk_core *core);
/* Live in a view, beats fresh. */
bool wk_core_ready(const struct wk_core *core);

/* One ToWorker item of a gateway. Malformed items reset the link: false. */
bool wk_core_item(struct wk_core *core, uint64_t gateway_boot, struct slice item);
/* The link to this gateway was reset, or it is silent or gone: its attachments end. */
void wk_core_gateway_gone(struct wk_core *core, uint64_t gateway_boot);
void wk_core_storage_done(struct wk_core *core, struct storage_call *call);
/* The connection that BEAT runs over is new. */
void wk_core_storage_reconnected(struct wk_core *core);
/* Time has come to wk_core_due_ms(), or anyway. */
void wk_core_tick(struct wk_core *core);
uint64_t wk_core_due_ms(const struct wk_core *core);
/* Heads of the documents that this gateway subscribes to and that changed lately, for a heartbeat.
 */
void wk_core_heads(struct wk_core *core, uint64_t gateway_boot, struct bytes *out);

const struct wk_counters *wk_core_counters(const struct wk_core *core);
struct wk_gauges {
    uint64_t documents, live, attachments, pending_ops, bytes, quarantined, view;
};
struct wk_gauges wk_core_gauges(const struct wk_core *core);
/* Ends a quarantine (weftctl). False: not quarantined here. */
bool wk_core_release(struct wk_core *core, struct slice doc);

#endif
