/*
 * weft-bench-ot: what the algebra costs. Each figure is one line of JSON on stdout,
 *
 *     {"figure": "compose", "size": 10000, "value": 31.5, "unit": "ns per component"}
 *
 * `size` being what it grows with; scripts/bench gathers them, counts instructions and compares
 * with what must be reached. Times are CPU time, of which there is one thread, and the best of
 * several rounds: other work on the machine adds little to them.
 */
#ifndef WEFT_BENCH_OT_H
#define WEFT_BENCH_OT_H

#include "load_trace.h"
#include "ot_codec.h"
#include "ot_rope.h"
#include "rng.h"

void bench_figure(const char *name, uint64_t size, double value, const char *unit);

uint64_t bench_now_ns(void); /* CPU time of the process */
/* Nanoseconds of one of `count` operations that work(arg) does, at best. */
double bench_best_ns(void (*work)(void *), void *arg, uint64_t count);

/* Memory that a bench cannot get ends it. */
struct ot_attrs_table *bench_attrs_new(void);
struct ot_rope *bench_rope_new(struct ot_attrs_table *table);
/* A plain text of `units` ASCII characters and lines, as an op. */
void bench_text(struct arena *mem, uint64_t units, struct ot_op *ret);
/* A random op over a document of `units`: `count` components of all kinds but embeds. */
void bench_random_op(struct rng *rng, struct arena *mem, uint64_t units, uint32_t count,
                     struct ot_op *ret);

/* A recorded session as ops in binary form, one for each patch. */
struct bench_session {
    struct bytes data; /* owned */
    size_t *ends;      /* owned */
    size_t count;
    struct slice text_before, text_after; /* borrowed from the trace */
};
void bench_session_init(struct bench_session *session, const struct trace *trace);
void bench_session_fini(struct bench_session *session);
static inline struct slice bench_session_op(const struct bench_session *session, size_t i)
{
    size_t start = i ? session->ends[i - 1] : 0;

    return slice_of(session->data.data + start, session->ends[i] - start);
}
/* Decodes and applies ops [from, to): what callgrind counts. */
void bench_session_replay(const struct bench_session *session, struct ot_rope *rope, size_t from,
                          size_t to);

void bench_trace(const struct bench_session *session);
void bench_pairs(void);
void bench_documents(void);
/* session: NULL if there is none */
void bench_history(const struct bench_session *session);

#endif
