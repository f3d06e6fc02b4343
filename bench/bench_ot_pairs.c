/* Two ops: transform and compose, small and large; and the whole way of a keystroke. */
#include "bench_ot.h"

#define REPEATS 10000
#define DOCUMENT_UNITS 100000

struct pairs {
    struct arena mem;
    struct ot_op a, b;
    struct slice bytes; /* of b */
    struct ot_rope *rope;
};

static void insert_at(struct arena *mem, uint64_t index, const char *text, struct ot_op *ret)
{
    struct ot_builder b;

    ot_builder_init(&b, mem);
    ot_builder_retain(&b, index, (struct slice){0});
    ot_builder_insert(&b, slice_str(text), (uint32_t)strlen(text), (struct slice){0});
    MUST(ot_builder_finish(&b, ret) == 0);
}

static struct slice encoded(struct arena *mem, const struct ot_op *op)
{
    struct bytes out = BYTES_INIT;

    ot_encode(op, &out);
    uint8_t *kept = arena_copy(mem, out.data, out.size);
    struct slice ret = slice_of(kept, out.size);
    MUST(kept && !out.failed);
    bytes_fini(&out);
    return ret;
}

static void transform_work(void *arg)
{
    struct pairs *p = arg;
    struct ot_op after;

    for (int i = 0; i < REPEATS; i++) {
        MUST(ot_transform(&p->mem, &p->a, &p->b, i & 1, &after) == 0);
        arena_reset(&p->mem);
    }
}

/* One insert each at first; then a place and an insert; then all kinds. */
static void small_pairs(struct arena *kept)
{
    static const char figure[] = "transform of two ops, components each";
    struct pairs p = {0};
    struct rng rng;

    arena_init(&p.mem, SIZE_MAX);
    rng_init(&rng, 5);
    insert_at(kept, 0, "x", &p.a);
    insert_at(kept, 0, "y", &p.b);
    bench_figure(figure, 1, bench_best_ns(transform_work, &p, REPEATS), "ns");
    insert_at(kept, 4000, "x", &p.a);
    insert_at(kept, 6000, "y", &p.b);
    bench_figure(figure, 2, bench_best_ns(transform_work, &p, REPEATS), "ns");
    for (uint32_t count = 10; count <= 100; count *= 10) {
        bench_random_op(&rng, kept, 10ull * count, count, &p.a);
        bench_random_op(&rng, kept, 10ull * count, count, &p.b);
        bench_figure(figure, count, bench_best_ns(transform_work, &p, REPEATS), "ns");
    }
    arena_fini(&p.mem);
}

/* As the worker does: check the bytes, transform over what came between, check, apply. */
static void keystroke_work(void *arg)
{
    struct pairs *p = arg;
    struct ot_op op, after;

    for (int i = 0; i < REPEATS; i++) {
        MUST(ot_decode(&p->mem, p->bytes, &ot_limits_submit, &op) == 0);
        MUST(ot_transform(&p->mem, &p->a, &op, true, &after) == 0);
        MUST(ot_rope_check(p->rope, &after, true) == 0);
        MUST(ot_rope_apply(p->rope, &after) == 0);
        arena_reset(&p->mem);
    }
}

static void keystroke(struct arena *kept, struct ot_attrs_table *table)
{
    for (uint64_t units = DOCUMENT_UNITS / 100; units <= DOCUMENT_UNITS; units *= 10) {
        struct pairs p = {.rope = bench_rope_new(table)};
        struct ot_op text, key;
        arena_init(&p.mem, SIZE_MAX);
        bench_text(kept, units, &text);
        MUST(ot_rope_apply(p.rope, &text) == 0);
        insert_at(kept, units / 3, "x", &p.a);
        insert_at(kept, units / 2, "y", &key);
        p.bytes = encoded(kept, &key);
        bench_figure("keystroke: decode, transform, check, apply", units,
                     bench_best_ns(keystroke_work, &p, REPEATS), "ns");
        ot_rope_free(p.rope);
        arena_fini(&p.mem);
    }
}

static void compose_work(void *arg)
{
    struct pairs *p = arg;
    struct ot_op after;

    MUST(ot_compose(&p->mem, &p->a, &p->b, &after) == 0);
    arena_reset(&p->mem);
}

static void transform_large_work(void *arg)
{
    struct pairs *p = arg;
    struct ot_op after;

    MUST(ot_transform(&p->mem, &p->a, &p->b, true, &after) == 0);
    arena_reset(&p->mem);
}

static void decode_work(void *arg)
{
    struct pairs *p = arg;
    struct ot_op op;

    MUST(ot_decode(&p->mem, p->bytes, &ot_limits_stored, &op) == 0);
    arena_reset(&p->mem);
}

static void large_pairs(struct arena *kept)
{
    struct rng rng;

    rng_init(&rng, 1);
    for (uint32_t count = 100; count <= 1000000; count *= 10) {
        struct pairs p = {0};
        uint64_t units = 10ull * count;
        arena_init(&p.mem, SIZE_MAX);
        /* One block for all rounds: reset keeps the first. */
        MUST(arena_alloc(&p.mem, 16ull * count * sizeof(struct ot_comp)));
        arena_reset(&p.mem);
        bench_random_op(&rng, kept, units, count, &p.a);
        bench_random_op(&rng, kept, p.a.units_out, count, &p.b);
        double both = p.a.count + p.b.count;
        bench_figure("compose", count, 1e3 * both / bench_best_ns(compose_work, &p, 1),
                     "M components/s");
        bench_random_op(&rng, kept, units, count, &p.b);
        both = p.a.count + p.b.count;
        bench_figure("transform", count, 1e3 * both / bench_best_ns(transform_large_work, &p, 1),
                     "M components/s");
        p.bytes = encoded(kept, &p.b);
        bench_figure("decode", count, 1e3 * p.b.count / bench_best_ns(decode_work, &p, 1),
                     "M components/s");
        arena_fini(&p.mem);
    }
}

void bench_pairs(void)
{
    struct ot_attrs_table *table = bench_attrs_new();
    struct arena kept;

    arena_init(&kept, SIZE_MAX);
    small_pairs(&kept);
    keystroke(&kept, table);
    large_pairs(&kept);
    arena_fini(&kept);
    ot_attrs_table_free(table);
}
