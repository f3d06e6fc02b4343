#include "ar_fake_test.h"

#include <stdlib.h>

#include "crypto_chain.h"
#include "ot_codec.h"

static uint64_t now_ms(void *ctx)
{
    return ((struct fake *)ctx)->now_ms;
}

static uint64_t wall_ms(void *ctx)
{
    return ((struct fake *)ctx)->wall_ms;
}

static uint64_t no_random(void *ctx)
{
    (void)ctx;
    return 0;
}

static void call_take(void *ctx, struct storage_call *call)
{
    struct storage_call **end = &((struct fake *)ctx)->calls;

    while (*end)
        end = &(*end)->next;
    call->next = NULL;
    *end = call;
}

static void on_event(void *ctx, enum ar_event event, struct slice doc, uint64_t detail)
{
    (void)doc;
    (void)detail;
    ((struct fake *)ctx)->events[event]++;
}

struct ar_config fake_config(void)
{
    return (struct ar_config){.lease_ms = 30000,
                              .jobs_max = 8,
                              .entries_max = 100,
                              .snapshot_revs = 1000,
                              .snapshot_bytes = 64 << 20,
                              .poll_ms = 500,
                              .sweep_ms = 60000,
                              .cache_bytes_max = 64 << 20};
}

void fake_init(struct fake *f, const struct ar_config *config)
{
    struct ar_config usual = fake_config();
    struct ar_io io = {.ctx = f,
                       .now_ms = now_ms,
                       .wall_ms = wall_ms,
                       .random = no_random,
                       .storage = {.ctx = f, .call = call_take},
                       .event = on_event};

    *f = (struct fake){.now_ms = 1000, .wall_ms = FAKE_EPOCH_MS};
    store_init(&f->store);
    f->core = ar_core_new(config ? config : &usual, &io);
    ck_assert_ptr_nonnull(f->core);
    ar_core_start(f->core);
    ar_core_storage_reconnected(f->core);
}

void fake_fini(struct fake *f)
{
    ck_assert_ptr_null(f->calls);
    ck_assert_int_eq(ar_core_gauges(f->core).jobs, 0);
    for (size_t i = 0; i < f->store.count; i++)
        ck_assert(!f->store.docs[i].locked);
    f->core = ar_core_free(f->core);
    store_fini(&f->store);
}

static struct wire_record record_of(struct fake *f, enum wire_kind kind, struct slice op)
{
    bool create = kind == WIRE_KIND_CREATE;
    struct wire_record record = {.kind = kind,
                                 .doc_kind = create ? WIRE_DOC_TEXT : WIRE_DOC_NONE,
                                 .seq = create ? 0 : 1,
                                 .body = op};

    for (unsigned i = 0; i < 6; i++)
        record.session.id[i] = (uint8_t)(FAKE_EPOCH_MS >> (40 - 8 * i));
    record.session.id[15] = (uint8_t)++f->seqs;
    record.session.id[14] = (uint8_t)(f->seqs >> 8);
    crypto_digest8(op, record.digest);
    return record;
}

/* One entry with so many records of the same text. */
static void text_append(struct fake *f, struct slice doc, enum wire_kind kind, size_t size,
                        size_t count)
{
    struct wire_record records[2];
    struct arena mem;
    struct ot_builder builder;
    struct ot_op op;
    struct bytes out = BYTES_INIT;

    arena_init(&mem, SIZE_MAX);
    uint8_t *text = arena_alloc(&mem, size + 1);
    ck_assert_ptr_nonnull(text);
    /* Noise, so that it does not compress. */
    for (size_t i = 0; i < size; i++)
        text[i] = (uint8_t)(' ' + (hash_stable((uint8_t *)&i, sizeof i) + f->seqs) % 90);
    ot_builder_init(&builder, &mem);
    if (size)
        ot_builder_insert(&builder, slice_of(text, size), (uint32_t)size, (struct slice){0});
    ck_assert_int_eq(ot_builder_finish(&builder, &op), 0);
    ot_encode(&op, &out);
    ck_assert_uint_le(count, 2);
    for (size_t i = 0; i < count; i++)
        records[i] = record_of(f, kind, bytes_slice(&out));
    store_other(&f->store, doc, records, count, f->wall_ms);
    bytes_fini(&out);
    arena_fini(&mem);
}

void fake_create(struct fake *f, struct slice doc)
{
    text_append(f, doc, WIRE_KIND_CREATE, 5, 1);
}

void fake_edit(struct fake *f, struct slice doc, size_t size)
{
    text_append(f, doc, WIRE_KIND_EDIT, size, 1);
}

void fake_edit_twice(struct fake *f, struct slice doc, size_t size)
{
    text_append(f, doc, WIRE_KIND_EDIT, size, 2);
}

static void call_carry_out(struct fake *f, struct storage_call *call)
{
    if (f->before && call->kind == f->before_kind) {
        void (*before)(struct fake *) = f->before;
        f->before = NULL;
        before(f);
    }
    bool wrong = call->kind == f->wrong_kind;
    if (!wrong || f->wrong_done) {
        store_step(&f->store, call);
    } else if (call->kind == STORAGE_COMMIT || call->kind == STORAGE_UNLOCK) {
        store_doc(&f->store, call->doc)->locked = false; /* whatever the result */
    }
    if (wrong) {
        call->result = f->wrong_result;
        f->wrong_kind = 0;
    }
}

void fake_run(struct fake *f)
{
    uint64_t claims = f->store.calls[STORAGE_CLAIM];

    f->now_ms += fake_config().poll_ms;
    ar_core_tick(f->core);
    while (f->calls) {
        struct storage_call *call = f->calls;
        f->calls = call->next;
        call_carry_out(f, call);
        ar_core_storage_done(f->core, call);
        ck_assert_uint_lt(f->store.calls[STORAGE_CLAIM] - claims, 10 * CLUSTER_LANE_COUNT);
    }
}

void fake_skip_ms(struct fake *f, uint64_t ms)
{
    f->now_ms += ms;
    f->wall_ms += ms;
}

void fake_dirty(struct fake *f, struct slice doc)
{
    store_doc(&f->store, doc)->dirty = true;
}

void fake_expect_archived(struct fake *f, struct slice doc)
{
    struct store_doc *d = store_doc(&f->store, doc);

    ck_assert(d->stored && chain_position_equal(&d->stored_head, &d->head));
    ck_assert_uint_eq(d->log_count, 0);
    doc_free(store_judge(&f->store, doc));
}
