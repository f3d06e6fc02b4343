/*
 * The worker's core: shards and view, documents, admission, group commit, the ack gate. The only
 * way in is the functions below, one event each; the only way out is struct wk_io. One thread.
 */
#ifndef WEFT_WK_CORE_H
#define WEFT_WK_CORE_H

#include "obs_stats.h"
#include "wire_link.h"
#include "wk_io.h"

struct wk_config {
    const char *id;             /* member id */
    const char *address;        /* of its link inbox */
    uint64_t boot_id;           /* != 0 */
    size_t documents_bytes_max; /* memory for documents and their tails; past it idle ones are
                                   evicted, tails of those handed over let go, then cold ones
                                   not loaded: retry-later */
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

/*
 * What the shell shows. An op's stages here, each counted once for an op that was appended:
 *
 *     came ── queue ──► taken into an entry ── transform ──► append sent ── append ──► durable
 *
 * The clock is read twice for an entry; all else goes by the loop's time.
 */
#define WK_STAGE_HELP "What ops spent in each stage; the worker's part of the gateways' ack times."
#define WK_PUT_OFF_HELP "Ops and opens told to come later, by what was full or missing."
#define WK_LIMITS_HELP                                                                             \
    "Times that a limit was reached which puts nobody off (weft_worker_put_off_total)."
#define WK_COUNTERS(X)                                                                             \
    X(COUNTER, opens, "weft_worker_opens_total", "", "Attachments asked for.")                     \
    X(COUNTER, submits, "weft_worker_submits_total", "", "Ops received.")                          \
    X(COUNTER, ops, "weft_worker_ops_total", "", "Ops committed.")                                 \
    X(COUNTER, entries, "weft_worker_entries_total", "", "Entries committed.")                     \
    X(COUNTER, transformed, "weft_worker_transformed_total", "",                                   \
      "Committed ops that were transformed over an op of another session.")                        \
    X(TIMES, queue_us, "weft_worker_stage_seconds", "stage=\"queue\"", WK_STAGE_HELP)              \
    X(TIMES, transform_us, "weft_worker_stage_seconds", "stage=\"transform\"", WK_STAGE_HELP)      \
    X(TIMES, append_us, "weft_worker_stage_seconds", "stage=\"append\"", WK_STAGE_HELP)            \
    X(SIZES, entry_ops, "weft_worker_entry_ops", "", "Records in an entry: group commit.")         \
    X(SIZES, entry_bytes, "weft_worker_entry_bytes", "", "Bytes of an entry as appended.")         \
    X(SIZES, commit_documents, "weft_worker_commit_documents", "",                                 \
      "Documents whose entries left together.")                                                    \
    X(COUNTER, refused, "weft_worker_refused_total", "", "Ops and opens refused.")                 \
    X(COUNTER, repeats, "weft_worker_repeats_total", "",                                           \
      "Repeats answered from the session results.")                                                \
    X(COUNTER, appends_refused, "weft_worker_appends_refused_total", "",                           \
      "Appends that lost against another head.")                                                   \
    X(COUNTER, appends_unknown, "weft_worker_appends_unknown_total", "",                           \
      "Appends whose outcome was lost.")                                                           \
    X(COUNTER, reappended, "weft_worker_reappended_total", "",                                     \
      "Entries of a lost tail appended again.")                                                    \
    X(COUNTER, loads, "weft_worker_loads_total", "", "Documents loaded.")                          \
    X(COUNTER, evictions, "weft_worker_evictions_total", "", "Documents evicted.")                 \
    X(COUNTER, resyncs, "weft_worker_resyncs_total", "",                                           \
      "Clients whose position was not in the history.")                                            \
    X(COUNTER, quarantines, "weft_worker_quarantines_total", "", "Documents quarantined.")         \
    X(COUNTER, handoffs, "weft_worker_handoffs_total", "",                                         \
      "Documents handed to another worker as planned.")                                            \
    X(COUNTER, tails_let_go, "weft_worker_tails_let_go_total", "",                                 \
      "Tails of documents handed over that memory was too short to keep until archived.")          \
    X(COUNTER, views, "weft_worker_view_changes_total", "", "Changes of the view.")                \
    X(COUNTER, slowed, "weft_worker_slowed_total", "",                                             \
      "Times that a document waited for the archiver.")                                            \
    X(COUNTER, limit_op_components, "weft_worker_limits_total", "limit=\"op-components\"",         \
      WK_LIMITS_HELP)                                                                              \
    X(COUNTER, limit_entry_ops, "weft_worker_limits_total", "limit=\"entry-ops\"", WK_LIMITS_HELP) \
    X(COUNTER, limit_entry_bytes, "weft_worker_limits_total", "limit=\"entry-bytes\"",             \
      WK_LIMITS_HELP)                                                                              \
    X(COUNTER, limit_history_reach, "weft_worker_limits_total", "limit=\"history-reach\"",         \
      WK_LIMITS_HELP)                                                                              \
    X(COUNTER, limit_session_results, "weft_worker_limits_total", "limit=\"session-results\"",     \
      WK_LIMITS_HELP)                                                                              \
    X(COUNTER, limit_session_age, "weft_worker_limits_total", "limit=\"session-age\"",             \
      WK_LIMITS_HELP)                                                                              \
    X(COUNTER, limit_clock_skew, "weft_worker_limits_total", "limit=\"clock-skew\"",               \
      WK_LIMITS_HELP)                                                                              \
    X(COUNTER, limit_subject, "weft_worker_limits_total", "limit=\"subject-max\"", WK_LIMITS_HELP) \
    X(COUNTER, limit_permissions, "weft_worker_limits_total", "limit=\"permissions-max\"",         \
      WK_LIMITS_HELP)                                                                              \
    X(COUNTER, stale, "weft_worker_put_off_total", "reason=\"no-beat\"", WK_PUT_OFF_HELP)          \
    X(COUNTER, pending_full, "weft_worker_put_off_total", "reason=\"pending-full\"",               \
      WK_PUT_OFF_HELP)                                                                             \
    X(COUNTER, tail_full, "weft_worker_put_off_total", "reason=\"tail-full\"", WK_PUT_OFF_HELP)    \
    X(COUNTER, attachments_full, "weft_worker_put_off_total", "reason=\"attachments-full\"",       \
      WK_PUT_OFF_HELP)                                                                             \
    X(COUNTER, documents_full, "weft_worker_put_off_total", "reason=\"documents-full\"",           \
      WK_PUT_OFF_HELP)

OBS_STATS_STRUCT(wk_counters, WK_COUNTERS)

/* What is so now. */
#define WK_GAUGES(X)                                                                               \
    X(GAUGE, documents, "weft_worker_documents", "", "Documents in memory.")                       \
    X(GAUGE, live, "weft_worker_live_documents", "", "Documents that are served.")                 \
    X(GAUGE, handed, "weft_worker_handed_documents", "",                                           \
      "Documents handed over whose tails are kept until they are archived.")                       \
    X(GAUGE, attachments, "weft_worker_attachments", "", "Clients attached.")                      \
    X(GAUGE, pending_ops, "weft_worker_pending_ops", "", "Ops that wait for their entry.")         \
    X(GAUGE, tail_revs, "weft_worker_unarchived_revisions", "",                                    \
      "Revisions of the documents in memory that are not known to be in PostgreSQL yet.")          \
    X(GAUGE, tail_bytes, "weft_worker_unarchived_bytes", "", "Memory that these take.")            \
    X(GAUGE, quarantined, "weft_worker_quarantined", "", "Documents in quarantine.")               \
    X(GAUGE, view, "weft_worker_view", "", "Number of the view that is followed.")

struct wk_gauges {
    WK_GAUGES(OBS_STATS_FIELD)
    int64_t bytes, bytes_max; /* account of the documents, and what it may reach */
};
const struct obs_table *wk_gauges_table(void);

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

const struct cluster_view *wk_core_view(const struct wk_core *core);
const struct wk_counters *wk_core_counters(const struct wk_core *core);
struct wk_gauges wk_core_gauges(const struct wk_core *core);
/* An operator ends a quarantine: the document is loaded anew. False: not quarantined here. */
bool wk_core_release(struct wk_core *core, struct slice doc);

#endif
