/* A recorded session: every patch decoded as an op and applied to the rope. */
#include <stdlib.h>

#include "bench_ot.h"

void bench_session_init(struct bench_session *session, const struct trace *trace)
{
    struct arena mem;

    *session = (struct bench_session){
        .count = trace->count, .text_before = trace->start, .text_after = trace->end};
    session->ends = malloc((trace->count + 1) * sizeof *session->ends);
    MUST(session->ends);
    arena_init(&mem, SIZE_MAX);
    for (size_t i = 0; i < trace->count; i++) {
        struct ot_op op;
        MUST(trace_op(&trace->patches[i], &mem, &op) == 0);
        ot_encode(&op, &session->data);
        session->ends[i] = session->data.size;
        arena_reset(&mem);
    }
    MUST(!session->data.failed);
    arena_fini(&mem);
}

void bench_session_fini(struct bench_session *session)
{
    bytes_fini(&session->data);
    free(session->ends);
}

__attribute__((noinline)) void bench_session_replay(const struct bench_session *session,
                                                    struct ot_rope *rope, size_t from, size_t to)
{
    struct arena mem;

    arena_init(&mem, SIZE_MAX);
    for (size_t i = from; i < to; i++) {
        struct ot_op op;
        MUST(ot_decode(&mem, bench_session_op(session, i), &ot_limits_submit, &op) == 0);
        MUST(ot_rope_apply(rope, &op) == 0);
        arena_reset(&mem);
    }
    arena_fini(&mem);
}

struct replay {
    const struct bench_session *session;
    struct ot_attrs_table *table;
    size_t count;
    size_t memory, bytes;
};

static void replay_work(void *arg)
{
    struct replay *r = arg;
    struct ot_rope *rope = bench_rope_new(r->table);

    bench_session_replay(r->session, rope, 0, r->count);
    r->memory = ot_rope_memory(rope);
    r->bytes = ot_rope_bytes(rope);
    if (r->count == r->session->count) {
        struct bytes text = BYTES_INIT;
        ot_rope_text(rope, &text);
        MUST(slice_equal(bytes_slice(&text), r->session->text_after));
        bytes_fini(&text);
    }
    ot_rope_free(rope);
}

void bench_trace(const struct bench_session *session)
{
    struct replay r = {.session = session, .table = bench_attrs_new()};

    for (size_t share = 100; share >= 1; share /= 10) {
        r.count = session->count / share;
        bench_figure("trace edit", r.count, bench_best_ns(replay_work, &r, r.count), "ns per edit");
        bench_figure("trace rope memory", r.count, (double)r.memory / (double)r.bytes,
                     "of the text");
    }
    ot_attrs_table_free(r.table);
}
