/*
 * The archiver's core: claims dirty documents lane by lane, folds whole entries, verifies the
 * chain, commits segment and snapshot under the document's lock, trims behind the proof (I7). Any
 * number may run; two on one document are harmless, since the commit is conditional on the old
 * head.
 */
#ifndef WEFT_AR_CORE_H
#define WEFT_AR_CORE_H

#include "ar_io.h"
#include "obs_stats.h"

struct ar_config {
    uint64_t lease_ms; /* of a claim */
    uint32_t jobs_max; /* claimed documents worked on at once; one more is for what sweeps find */
    uint64_t entries_max;    /* folded in one commit */
    uint64_t snapshot_revs;  /* a snapshot is due every so many revisions, */
    uint64_t snapshot_bytes; /* or bytes of entries */
    uint64_t poll_ms;        /* between looks at a lane without work */
    uint64_t sweep_ms;      /* the slow repair of marks: one lane each; and of heads, a page each */
    size_t cache_bytes_max; /* documents kept folded between claims */
};

#define AR_LIMITS_HELP "Times that a limit was reached."
#define AR_COUNTERS(X)                                                                             \
    X(COUNTER, claims, "weft_archiver_claims_total", "", "Documents claimed.")                     \
    X(COUNTER, failed, "weft_archiver_failed_total", "",                                           \
      "Claims that failed because a server did not do its part: the document comes again.")        \
    X(COUNTER, commits, "weft_archiver_commits_total", "", "Segments committed.")                  \
    X(COUNTER, snapshots, "weft_archiver_snapshots_total", "", "Snapshots written.")               \
    X(COUNTER, revisions, "weft_archiver_revisions_total", "", "Revisions archived.")              \
    X(COUNTER, bytes, "weft_archiver_bytes_total", "", "Segment bytes written.")                   \
    X(SIZES, commit_revisions, "weft_archiver_commit_revisions", "", "Revisions in a segment.")    \
    X(COUNTER, lost, "weft_archiver_lost_total", "", "Commits that another archiver had done.")    \
    X(COUNTER, unknown, "weft_archiver_unknown_total", "", "Commits whose answer was lost.")       \
    X(COUNTER, trims, "weft_archiver_trims_total", "", "Streams trimmed.")                         \
    X(COUNTER, rebases, "weft_archiver_rebases_total", "", "Heads set back to PostgreSQL.")        \
    X(COUNTER, damaged, "weft_archiver_damaged_total", "", "Documents whose chain does not hold.") \
    X(COUNTER, limit_jobs, "weft_archiver_limits_total", "limit=\"jobs\"", AR_LIMITS_HELP)         \
    X(COUNTER, limit_entries, "weft_archiver_limits_total", "limit=\"entries\"", AR_LIMITS_HELP)   \
    X(COUNTER, limit_segment, "weft_archiver_limits_total", "limit=\"segment-bytes\"",             \
      AR_LIMITS_HELP)                                                                              \
    X(COUNTER, limit_cache, "weft_archiver_limits_total", "limit=\"cache-max\"", AR_LIMITS_HELP)   \
    X(COUNTER, remarked, "weft_archiver_remarked_total", "", "Dirty marks repaired.")

OBS_STATS_STRUCT(ar_counters, AR_COUNTERS)

/* What is so now. */
#define AR_GAUGES(X)                                                                               \
    X(GAUGE, jobs, "weft_archiver_jobs", "", "Documents worked on now.")                           \
    X(GAUGE, jobs_max, "weft_archiver_jobs_limit", "", "Documents worked on at once, at most.")    \
    X(AGE, lag_us, "weft_archiver_lag_seconds", "",                                                \
      "Age of the oldest entry that is being archived, or since when nothing succeeds; 0 at "      \
      "rest.")                                                                                     \
    X(GAUGE, lag_revs, "weft_archiver_lag_revisions", "",                                          \
      "How far PostgreSQL is behind Redis, summed over the documents worked on now.")              \
    X(GAUGE, cache_bytes, "weft_account_bytes", "account=\"cache\"", OBS_ACCOUNT_HELP)             \
    X(GAUGE, cache_bytes_max, "weft_account_limit_bytes", "account=\"cache\"",                     \
      OBS_ACCOUNT_LIMIT_HELP)

OBS_STATS_STRUCT(ar_gauges, AR_GAUGES)

struct ar_core;
struct ar_core *ar_core_new(const struct ar_config *config, const struct ar_io *io);
/* Storage calls in flight are abandoned: the shell must not complete them any more. */
struct ar_core *ar_core_free(struct ar_core *core);
/* The first claim waits for the connection, some seconds: before there is one it fails, and would
 * be told as a trouble. */
void ar_core_start(struct ar_core *core);
/* There is a new connection to Redis: time to claim. */
void ar_core_storage_reconnected(struct ar_core *core);
/* SIGTERM: no new claims; what is under way ends. */
void ar_core_drain(struct ar_core *core);
bool ar_core_drained(const struct ar_core *core);
void ar_core_storage_done(struct ar_core *core, struct storage_call *call);
void ar_core_tick(struct ar_core *core);
uint64_t ar_core_due_ms(const struct ar_core *core);
const struct ar_counters *ar_core_counters(const struct ar_core *core);
struct ar_gauges ar_core_gauges(const struct ar_core *core);

#endif
