/*
 * Inside common/ot: the history's structure.
 *
 *     ot_history.c     what is asked of it: stretches, cuts, transforms, answers
 *     history_log.c    the ops
 *     history_runs.c   the runs: found, composed, forgotten
 *     history_fold.c   many ops as one, in bounded memory
 */
#ifndef WEFT_OT_HISTORY_PRIVATE_H
#define WEFT_OT_HISTORY_PRIVATE_H

#include "list.h"
#include "ot_history.h"

#define HISTORY_CHUNK 64
#define HISTORY_FANOUT 4
#define HISTORY_LEVELS 10 /* the highest spans 64 · 4^9 ops, 16 million */
#define HISTORY_ANSWERS 4
/* From this level (4096 ops) and size on a run is composed only of parts that shrank before. */
#define HISTORY_LEVEL_DOUBT 3
#define HISTORY_BYTES_DOUBT (16u << 10)

/* Ops [64 k, 64 k + 64), as far as they are held. */
struct history_chunk {
    uint32_t ends[HISTORY_CHUNK]; /* in data; 0 for those before the first that is held */
    struct bytes data;            /* owned */
};

struct history_run {
    struct list used; /* in ot_history.used: least recently first */
    uint64_t index;
    uint32_t size, level;
    uint32_t pins; /* lent: it stays */
    bool shrank;   /* it is smaller than what it was composed of */
    uint8_t op[];
};

/* Pointers by index, from `base` on. */
struct history_table {
    void **at; /* owned; the array, not what it points to */
    size_t count, capacity;
    uint64_t base;
};

/* All from `from` on as one op. */
struct history_answer {
    uint64_t from;
    uint64_t asked_at; /* 0: nobody asks */
    struct bytes op;   /* owned; empty: not composed */
};

struct ot_history {
    uint64_t first, end;
    struct history_table chunks;
    struct history_table levels[HISTORY_LEVELS];
    struct list used;
    size_t chunk_bytes, run_bytes, run_bytes_max;
    struct history_answer answers[HISTORY_ANSWERS];
    uint64_t asked; /* counts up, for asked_at */
};

static inline uint64_t history_span(unsigned level)
{
    return (uint64_t)HISTORY_CHUNK << (2 * level);
}

/* --- history_log.c --- */

void *history_table_get(const struct history_table *table, uint64_t index);
/* Room for index, which is not before base. 0 or -ENOMEM. */
MUST_CHECK int history_table_reach(struct history_table *table, uint64_t index);
/* Forgets the places before `base`, which are empty. */
void history_table_shift(struct history_table *table, uint64_t base);
void history_table_fini(struct history_table *table);
/* Of one that is held. */
struct slice history_op(const struct ot_history *h, uint64_t number);

/* --- history_fold.c --- */

/* Appends the composition of parts in order, at least one. 0, -ENOMEM or an outcome. */
MUST_CHECK int history_fold(const struct slice *parts, size_t count, struct bytes *out);

/* --- history_runs.c --- */

/* What a stretch is made of; runs among them are pinned until parts are released. */
struct history_parts {
    struct slice *ops;         /* owned */
    struct history_run **runs; /* owned; NULL where it is a single op */
    size_t count, capacity;
};

/* 0, -ENOMEM or an outcome; to be released in any case. */
MUST_CHECK int history_parts_get(struct ot_history *h, uint64_t from, uint64_t to,
                                 struct history_parts *ret);
void history_parts_release(struct ot_history *h, struct history_parts *parts);

void history_run_free(struct ot_history *h, struct history_run *run);
/* All runs that reach outside [first, end). */
void history_runs_cut(struct ot_history *h);
void history_answers_forget(struct ot_history *h);
/* Answers, then least recently used runs go until the bound is kept. */
void history_runs_evict(struct ot_history *h);

#endif
