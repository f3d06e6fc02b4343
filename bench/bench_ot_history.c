/*
 * An op that comes late: based so many revisions back, rewritten to apply now. Cold, when no run is
 * composed; cached, by another base each time, so that no answer is (where one base has it composed
 * for it: again).
 */
#include <stdio.h>

#include "bench_ot.h"
#include "ot_history.h"

#define RUN_BYTES_MAX (8u << 20)
#define BACK_MAX 100000
#define MARGIN 2048 /* older revisions to take other bases from */
#define REPEATS 200

struct late {
    const char *kind;
    struct ot_history *history;
    const struct bench_session *ops;
    size_t skip, count; /* those behind the first so many */
    uint64_t units;     /* before the first */
    uint64_t back;
    struct arena mem;
    struct rng rng;
    uint64_t shift;
};

/* The last `count` of them. */
static void push(struct late *l, size_t count)
{
    ot_history_reset(l->history, 0);
    for (size_t i = l->skip + l->count - count; i < l->skip + l->count; i++)
        MUST(ot_history_push(l->history, bench_session_op(l->ops, i)) == 0);
}

static void one_late(struct late *l, uint64_t back)
{
    uint64_t end = ot_history_end(l->history);
    struct ot_builder b;
    struct ot_op op;

    ot_builder_init(&b, &l->mem);
    ot_builder_retain(&b, rng_below(&l->rng, l->units), (struct slice){0});
    ot_builder_insert(&b, slice_str("late"), 4, (struct slice){0});
    MUST(ot_builder_finish(&b, &op) == 0);
    MUST(ot_history_transform(l->history, end - back, &op, &l->mem, 1 << 20) == 0);
    arena_reset(&l->mem);
}

static double cold_ms(struct late *l)
{
    double best = 1e9;

    for (int round = 0; round < 3; round++) {
        push(l, l->count);
        uint64_t begin = bench_now_ns();
        one_late(l, l->back);
        double took = (double)(bench_now_ns() - begin) / 1e6;
        best = took < best ? took : best;
    }
    return best;
}

static void cached_work(void *arg)
{
    struct late *l = arg;

    for (int i = 0; i < REPEATS; i++)
        one_late(l, l->back + ++l->shift % (MARGIN / 2));
}

static void again_work(void *arg)
{
    struct late *l = arg;

    for (int i = 0; i < REPEATS; i++)
        one_late(l, l->back);
}

/* With all runs, which each op based at the first revision asks for. */
static double memory_mb(struct late *l)
{
    push(l, l->back);
    for (int i = 0; i < REPEATS; i++)
        one_late(l, l->back - l->back * (uint64_t)i / REPEATS);
    return (double)ot_history_bytes(l->history) / 1e6;
}

static void figure(struct late *l, const char *what, double value, const char *unit)
{
    char name[64];

    snprintf(name, sizeof name, "%s", what);
    if (strstr(what, "%s"))
        snprintf(name, sizeof name, what, l->kind);
    bench_figure(name, l->back, value, unit);
}

static void late_figures(struct late *l)
{
    arena_init(&l->mem, SIZE_MAX);
    rng_init(&l->rng, 3);
    l->history = ot_history_new(RUN_BYTES_MAX);
    MUST(l->history);
    for (l->back = BACK_MAX / 100; l->back <= BACK_MAX; l->back *= 10) {
        figure(l, "late op, %s, cold", cold_ms(l), "ms");
        cached_work(l);
        figure(l, "late op, %s, cached", bench_best_ns(cached_work, l, REPEATS) / 1e6, "ms");
        figure(l, "late op, %s, again", bench_best_ns(again_work, l, REPEATS) / 1e6, "ms");
    }
    for (l->back = BACK_MAX / 100; l->back <= BACK_MAX; l->back *= 10)
        figure(l, "history memory, %s", memory_mb(l), "MB");
    l->history = ot_history_free(l->history);
    arena_fini(&l->mem);
}

static void op_append(struct bench_session *ops, const struct ot_op *op)
{
    ot_encode(op, &ops->data);
    ops->ends[ops->count++] = ops->data.size;
}

/* The last revisions of a recorded session. */
static void session_figures(const struct bench_session *session)
{
    struct late l = {.kind = "session", .ops = session, .count = BACK_MAX + MARGIN};
    struct ot_attrs_table *table = bench_attrs_new();
    struct ot_rope *rope = bench_rope_new(table);

    l.skip = session->count - l.count;
    bench_session_replay(session, rope, 0, l.skip);
    l.units = ot_rope_units(rope);
    ot_rope_free(rope);
    ot_attrs_table_free(table);
    late_figures(&l);
}

/* Inserts and deletes of one character, each anywhere in a document of 100,000. */
static void scattered_figures(void)
{
    static size_t ends[BACK_MAX + MARGIN];
    struct bench_session ops = {.ends = ends};
    struct late l = {.kind = "scattered", .units = 100000, .ops = &ops, .count = BACK_MAX + MARGIN};
    struct arena mem;
    struct rng rng;

    arena_init(&mem, SIZE_MAX);
    rng_init(&rng, 4);
    for (int i = 0; i < BACK_MAX + MARGIN; i++) {
        struct ot_builder b;
        struct ot_op op;
        ot_builder_init(&b, &mem);
        ot_builder_retain(&b, rng_below(&rng, l.units - 1), (struct slice){0});
        if (i % 2)
            ot_builder_delete(&b, 1);
        else
            ot_builder_insert(&b, slice_str("x"), 1, (struct slice){0});
        MUST(ot_builder_finish(&b, &op) == 0);
        op_append(&ops, &op);
        arena_reset(&mem);
    }
    late_figures(&l);
    bytes_fini(&ops.data);
    arena_fini(&mem);
}

void bench_history(const struct bench_session *session)
{
    if (session && session->count > BACK_MAX + MARGIN)
        session_figures(session);
    scattered_figures();
}
