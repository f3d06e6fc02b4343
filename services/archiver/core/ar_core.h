/*
 * The archiver's core: claims dirty documents lane by lane, folds whole entries, verifies the
 * chain, commits segment and snapshot under the document's lock, trims behind the proof (I7). Any
 * number may run; two on one document are harmless, since the commit is conditional on the old
 * head.
 */
#ifndef WEFT_AR_CORE_H
#define WEFT_AR_CORE_H

#include "ar_io.h"

struct ar_config {
    uint64_t lease_ms;       /* of a claim */
    uint32_t jobs_max;       /* documents worked on at once */
    uint64_t entries_max;    /* folded in one commit */
    uint64_t snapshot_revs;  /* a snapshot is due every so many revisions, */
    uint64_t snapshot_bytes; /* or bytes of entries */
    uint64_t poll_ms;        /* between looks at a lane without work */
    uint64_t sweep_ms;       /* the slow repair of marks: one lane each */
    size_t cache_bytes_max;  /* documents kept folded between claims */
};

#define AR_COUNTERS(X)                                                                             \
    X(claims, "documents claimed")                                                                 \
    X(commits, "segments committed")                                                               \
    X(snapshots, "snapshots written")                                                              \
    X(revisions, "revisions archived")                                                             \
    X(bytes, "segment bytes written")                                                              \
    X(lost, "commits that another archiver had done")                                              \
    X(unknown, "commits whose answer was lost")                                                    \
    X(trims, "streams trimmed")                                                                    \
    X(rebases, "heads set back to PostgreSQL")                                                     \
    X(damaged, "documents whose chain does not hold")                                              \
    X(remarked, "dirty marks repaired by the sweep")

struct ar_counters {
#define X(name, help) uint64_t name;
    AR_COUNTERS(X)
#undef X
};

struct ar_core;
struct ar_core *ar_core_new(const struct ar_config *config, const struct ar_io *io);
/* Storage calls in flight are abandoned: the shell must not complete them any more. */
struct ar_core *ar_core_free(struct ar_core *core);
void ar_core_start(struct ar_core *core);
/* SIGTERM: no new claims; what is under way ends. */
void ar_core_drain(struct ar_core *core);
bool ar_core_drained(const struct ar_core *core);
void ar_core_storage_done(struct ar_core *core, struct storage_call *call);
void ar_core_tick(struct ar_core *core);
uint64_t ar_core_due_ms(const struct ar_core *core);
const struct ar_counters *ar_core_counters(const struct ar_core *core);
/* Age of the oldest entry of the last commit; 0 when nothing is under way. */
uint64_t ar_core_lag_ms(const struct ar_core *core);
uint32_t ar_core_jobs(const struct ar_core *core);

#endif
