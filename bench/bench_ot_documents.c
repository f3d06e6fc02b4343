/* Documents of 100 KB to 10 MB: loaded from their op in binary form, edited anywhere, in memory. */
#include <stdio.h>

#include "bench_ot.h"

#define EDITS 20000
#define DOCUMENT_BYTES_MAX 10000000

struct documents {
    struct ot_attrs_table *table;
    struct slice bytes; /* the document as an op */
    struct ot_rope *rope;
    struct arena mem;
    struct rng rng;
};

static void load_work(void *arg)
{
    struct documents *d = arg;
    struct ot_op op;

    ot_rope_free(d->rope);
    d->rope = bench_rope_new(d->table);
    MUST(ot_decode(&d->mem, d->bytes, &ot_limits_stored, &op) == 0);
    MUST(ot_rope_apply(d->rope, &op) == 0);
    arena_reset(&d->mem);
}

/* Inserts and deletes of one character in turn, so that the document keeps its length. */
static void edit_work(void *arg)
{
    struct documents *d = arg;

    for (int i = 0; i < EDITS; i++) {
        struct ot_builder b;
        struct ot_op op;
        ot_builder_init(&b, &d->mem);
        ot_builder_retain(&b, rng_below(&d->rng, ot_rope_units(d->rope)), (struct slice){0});
        if (i % 2)
            ot_builder_insert(&b, slice_str("x"), 1, (struct slice){0});
        else
            ot_builder_delete(&b, 1);
        MUST(ot_builder_finish(&b, &op) == 0);
        MUST(ot_rope_apply(d->rope, &op) == 0);
        arena_reset(&d->mem);
    }
}

/* What an Open is answered with. */
static void encode_work(void *arg)
{
    struct documents *d = arg;
    struct bytes out = BYTES_INIT;

    ot_rope_encode(d->rope, &out);
    MUST(slice_equal(bytes_slice(&out), d->bytes));
    bytes_fini(&out);
}

/* Each other run in bold. */
static void rich_text(struct arena *mem, uint64_t units, uint64_t run, struct ot_op *ret)
{
    static const uint8_t bold[] = {1, 'b', 4, 't', 'r', 'u', 'e'};
    struct ot_op text;
    struct ot_builder b;

    bench_text(mem, units, &text);
    ot_builder_init(&b, mem);
    for (uint64_t at = 0; at < units; at += run) {
        uint64_t size = units - at < run ? units - at : run;
        ot_builder_insert(&b, slice_of(text.comps[0].content.data + at, size), (uint32_t)size,
                          slice_of(bold, at / run % 2 ? sizeof bold : 0));
    }
    MUST(ot_builder_finish(&b, ret) == 0);
}

static void document(struct documents *d, const char *kind, const struct ot_op *op, uint64_t size)
{
    struct bytes out = BYTES_INIT;
    char name[64];

    ot_encode(op, &out);
    MUST(!out.failed);
    d->bytes = bytes_slice(&out);
    snprintf(name, sizeof name, "%s document load", kind);
    bench_figure(name, size, bench_best_ns(load_work, d, 1) / 1e6, "ms");
    snprintf(name, sizeof name, "%s document memory", kind);
    bench_figure(name, size, (double)ot_rope_memory(d->rope) / (double)ot_rope_bytes(d->rope),
                 "of the text");
    snprintf(name, sizeof name, "%s document encode", kind);
    bench_figure(name, size, bench_best_ns(encode_work, d, 1) / 1e6, "ms");
    snprintf(name, sizeof name, "%s document edit", kind);
    bench_figure(name, size, bench_best_ns(edit_work, d, EDITS), "ns");
    d->rope = ot_rope_free(d->rope);
    bytes_fini(&out);
}

void bench_documents(void)
{
    struct documents d = {.table = bench_attrs_new()};

    arena_init(&d.mem, SIZE_MAX);
    rng_init(&d.rng, 2);
    for (uint64_t size = DOCUMENT_BYTES_MAX / 100; size <= DOCUMENT_BYTES_MAX; size *= 10) {
        struct arena kept;
        struct ot_op op;
        arena_init(&kept, SIZE_MAX);
        bench_text(&kept, size, &op);
        document(&d, "plain", &op, size);
        rich_text(&kept, size, 80, &op);
        document(&d, "rich", &op, size);
        rich_text(&kept, size, 8, &op);
        document(&d, "dense", &op, size);
        arena_fini(&kept);
    }
    arena_fini(&d.mem);
    ot_attrs_table_free(d.table);
}
