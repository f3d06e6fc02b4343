#include "session_test.h"

#include "ot_codec.h"

void session_begin(struct session *s, uint64_t seed, unsigned units)
{
    struct ot_op op;

    *s = (struct session){.seed = seed};
    rng_init(&s->rng, seed);
    arena_init(&s->mem, 256u << 20);
    s->table = ot_attrs_table_new(1u << 20);
    s->rope = ot_rope_new(s->table);
    s->mix = (struct naive_mix){.comps_max = (unsigned)rng_between(&s->rng, 1, 12),
                                .length_max = (unsigned)rng_between(&s->rng, 1, 300),
                                .attrs = rng_percent(&s->rng, 60),
                                .embeds = rng_percent(&s->rng, 60)};
    naive_random_document(&s->rng, &s->mem, units, &s->mix, &op);
    EXPECT(s, ot_rope_apply(s->rope, &op) == 0 && naive_apply(&s->doc, &op) == 0);
}

void reader_begin(struct session *s, struct reader *r)
{
    r->snapshot = ot_rope_snapshot(s->rope);
    EXPECT(s, r->snapshot);
    naive_copy(&r->then, &s->doc);
}

void reader_end(struct reader *r)
{
    if (!r->snapshot)
        return;
    r->snapshot = ot_rope_snapshot_release(r->snapshot);
    naive_fini(&r->then);
    r->then = (struct naive){0};
}

void session_end(struct session *s)
{
    for (unsigned i = 0; i < SESSION_READERS; i++)
        reader_end(&s->readers[i]);
    ot_rope_verify(s->rope); /* to the byte: nothing of a snapshot is left */
    ot_rope_free(s->rope);
    ot_attrs_table_free(s->table); /* that no list is held any more */
    naive_fini(&s->doc);
    arena_fini(&s->mem);
}

void session_compare(struct session *s, const struct ot_rope *rope, const struct naive *doc)
{
    struct bytes made = BYTES_INIT, direct = BYTES_INIT;
    struct naive back = {0};
    struct ot_op op;

    ot_rope_verify(rope);
    EXPECT(s, ot_rope_to_op(rope, &s->mem, &op) == 0);
    EXPECT(s, op.count <= ot_rope_runs(rope));
    ot_encode(&op, &made);
    ot_rope_encode(rope, &direct);
    EXPECT(s, !direct.failed && slice_equal(bytes_slice(&made), bytes_slice(&direct)));
    bytes_fini(&made);
    bytes_fini(&direct);
    EXPECT(s, naive_apply(&back, &op) == 0);
    EXPECT(s, naive_equal(&back, doc));
    naive_fini(&back);
}
