/*
 * The simulator's store (tests/sim/sim_store.c) against the real servers: random calls are made of
 * both, and results and what they give must be equal. So what the simulator proves about the cores
 * holds for the servers as well.
 *
 * What depends on time (CLAIM, BEAT's dropping) is not compared: backend_test.c looks at it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "backend_help_test.h"
#include "rng.h"
#include "sim_store.h"

#define DOCS 4
#define CALLS 600
/* The marks of all documents are compared once in so many calls: that starts redis-cli. */
#define MARKS_EVERY 25

static const char *const names[DOCS] = {"a", "b/ä", "c:{1}", "d"};

static struct rng rng;
static struct sim_store model;
static struct bytes violation;
static struct storage_lock *locks[DOCS]; /* the backend's, while the model has one too */
static unsigned counts[STORAGE_DOCS + 1][STORAGE_BROKEN + 1];

static struct sim_doc *model_doc(unsigned i)
{
    return sim_store_doc(&model, slice_str(names[i]));
}

/* ---- comparing ---- */

static bool positions_equal(const struct storage_call *a, const struct storage_call *b)
{
    return a->has_head == b->has_head && (!a->has_head || chain_position_equal(&a->head, &b->head));
}

static bool entries_equal(const struct storage_call *a, const struct storage_call *b)
{
    bool equal = a->entry_count == b->entry_count;

    for (size_t i = 0; equal && i < a->entry_count; i++)
        equal = a->entries[i].first_rev == b->entries[i].first_rev &&
                chain_position_equal(&a->entries[i].position, &b->entries[i].position) &&
                slice_equal(a->entries[i].payload, b->entries[i].payload);
    return equal;
}

static bool segments_equal(const struct storage_call *a, const struct storage_call *b)
{
    bool equal = a->segment_count == b->segment_count;

    for (size_t i = 0; equal && i < a->segment_count; i++)
        equal = slice_equal(a->segments[i], b->segments[i]);
    return equal;
}

/* What storage_call.h promises for this kind and result. */
static bool outputs_equal(const struct storage_call *a, const struct storage_call *b)
{
    switch (a->kind) {
    case STORAGE_READ:
        return positions_equal(a, b) && entries_equal(a, b);
    case STORAGE_APPEND:
    case STORAGE_REBASE:
    case STORAGE_COMMIT:
        return a->result != STORAGE_REFUSED || positions_equal(a, b);
    case STORAGE_ADOPT:
    case STORAGE_LOCK:
        return positions_equal(a, b);
    case STORAGE_TRIM:
        return a->entries_left == b->entries_left;
    case STORAGE_LOAD:
        return positions_equal(a, b) && segments_equal(a, b) &&
               slice_equal(a->loaded_snapshot, b->loaded_snapshot);
    case STORAGE_HISTORY:
        return positions_equal(a, b) && segments_equal(a, b);
    default:
        return true;
    }
}

/* Makes the call of both. *asked holds the real answer. */
static void make(struct asked *asked)
{
    struct storage_call expected = asked->call;

    ck_assert(sim_store_step(&model, &expected, &model));
    enum storage_result result = help_ask(asked);
    counts[asked->call.kind][result]++;
    ck_assert_msg(result == expected.result, "%s %.*s: %s, but the model says %s",
                  storage_kind_name(expected.kind), (int)expected.doc.size,
                  (const char *)expected.doc.data, storage_result_name(result),
                  storage_result_name(expected.result));
    ck_assert_msg(outputs_equal(&expected, &asked->call), "%s %.*s: outputs differ",
                  storage_kind_name(expected.kind), (int)expected.doc.size,
                  (const char *)expected.doc.data);
}

/* ---- random calls ---- */

static struct slice random_payload(void)
{
    static char payload[64];
    size_t size = rng_below(&rng, sizeof payload);

    for (size_t i = 0; i < size; i++)
        payload[i] = (char)rng_u64(&rng);
    return slice_of(payload, size);
}

/* Usually `at`; sometimes another revision, or another hash there. Never another hash at revision
   0, which has but one. */
static struct chain_position nearly(const struct chain_position *at)
{
    struct chain_position p = *at;

    switch (rng_below(&rng, 6)) {
    case 0:
        p.rev += 1 + rng_below(&rng, 3);
        break;
    case 1:
        if (p.rev)
            p.hash[rng_below(&rng, CHAIN_HASH_SIZE)] ^= 0x40;
        break;
    default:
        break;
    }
    return p;
}

static struct chain_position stored_head(const struct sim_doc *doc)
{
    return doc->stored ? doc->stored_head : chain_position_start(bytes_slice(&doc->id));
}

static void fill_append(struct storage_call *call, const struct sim_doc *doc)
{
    call->payload = random_payload();
    call->expect = nearly(&doc->head);
    call->first_rev = call->expect.rev + 1;
    call->position = chain_position_after(&call->expect, 1 + rng_below(&rng, 3), call->payload);
}

static void fill_trim(struct storage_call *call, const struct sim_doc *doc)
{
    call->first_rev = 1 + rng_below(&rng, doc->head.rev + 2);
    call->position = doc->head;
    if (doc->log.count) {
        const struct sim_entry *entry = &doc->log.items[rng_below(&rng, doc->log.count)];
        call->first_rev = entry->first_rev;
        call->position = entry->position;
    }
    call->position = nearly(&call->position);
}

static void fill_commit(struct storage_call *call, const struct sim_doc *doc)
{
    static char snapshot[32];
    struct chain_position head = stored_head(doc);

    call->expect = nearly(&head);
    call->segment = random_payload();
    call->position = chain_position_after(&call->expect, 1 + rng_below(&rng, 9), call->segment);
    call->segment_first_rev = call->expect.rev + 1;
    call->first_rev =
        call->segment_first_rev + rng_below(&rng, call->position.rev - call->expect.rev);
    call->doc_kind = 1;
    if (rng_percent(&rng, 30)) {
        snprintf(snapshot, sizeof snapshot, "snapshot %u", (unsigned)rng_below(&rng, 1000000));
        call->snapshot = slice_str(snapshot);
    }
}

static void fill(struct storage_call *call, const struct sim_doc *doc)
{
    switch (call->kind) {
    case STORAGE_READ:
        call->from_rev = rng_below(&rng, doc->head.rev + 3);
        call->count_max = rng_below(&rng, 20);
        break;
    case STORAGE_APPEND:
        fill_append(call, doc);
        break;
    case STORAGE_ADOPT:
        call->position = stored_head(doc);
        break;
    case STORAGE_REBASE:
        call->expect = nearly(&doc->head);
        call->position = stored_head(doc);
        break;
    case STORAGE_TRIM:
        fill_trim(call, doc);
        break;
    case STORAGE_HISTORY:
        call->from_rev = rng_below(&rng, doc->stored_head.rev + 3);
        call->to_rev = call->from_rev + rng_below(&rng, 30);
        break;
    case STORAGE_COMMIT:
        fill_commit(call, doc);
        break;
    default:
        break;
    }
}

static void call_one(unsigned i, enum storage_kind kind)
{
    struct asked asked = help_call(kind, names[i]);

    fill(&asked.call, model_doc(i));
    /* Both have the lock, each its own. */
    asked.call.lock = locks[i];
    make(&asked);
    if (kind == STORAGE_LOCK || kind == STORAGE_COMMIT || kind == STORAGE_UNLOCK) {
        locks[i] = asked.call.lock;
        ck_assert_int_eq(locks[i] != NULL, model_doc(i)->lock_holder != NULL);
    }
    help_drop(&asked);
}

/* ---- marks ---- */

static bool is_marked(unsigned i)
{
    return *support_redis_cli(help.redis, "zscore 'weft:{%u}:dirty' '%s'", model_doc(i)->lane,
                              names[i]) != 0;
}

static void marks_compare(void)
{
    for (unsigned i = 0; i < DOCS; i++)
        ck_assert_msg(is_marked(i) == model_doc(i)->dirty, "the mark of %s differs", names[i]);
}

/* Damages the mark of a document, in both; the sweep finds it. */
static void mark_flip(unsigned i)
{
    struct sim_doc *doc = model_doc(i);

    if (!doc->has_head)
        return; /* the sweep goes by heads */
    if (doc->dirty)
        (void)support_redis_cli(help.redis, "zrem 'weft:{%u}:dirty' '%s'", doc->lane, names[i]);
    else
        (void)support_redis_cli(help.redis, "zadd 'weft:{%u}:dirty' 1 '%s'", doc->lane, names[i]);
    doc->dirty = !doc->dirty;
}

static void sweep(void)
{
    uint64_t count = 0, expected_count = 0;

    for (unsigned lane = 0; lane < CLUSTER_LANE_COUNT; lane++) {
        struct asked asked = help_call(STORAGE_REMARK, "");
        struct storage_call expected;
        asked.call.lane = lane;
        expected = asked.call;
        ck_assert(sim_store_step(&model, &expected, &model));
        expected_count += expected.count;
        do { /* a real round may take several calls */
            ck_assert_int_eq(help_ask(&asked), STORAGE_OK);
            count += asked.call.count;
            help_drop(&asked);
        } while (asked.call.cursor);
    }
    ck_assert_uint_eq(count, expected_count);
    ck_assert_uint_gt(count, 0);
    marks_compare();
}

/* ---- the test ---- */

static void step(void)
{
    static const enum storage_kind kinds[] = {
        STORAGE_READ,    STORAGE_READ, STORAGE_APPEND, STORAGE_APPEND, STORAGE_APPEND,
        STORAGE_APPEND,  STORAGE_TRIM, STORAGE_ADOPT,  STORAGE_REBASE, STORAGE_LOAD,
        STORAGE_HISTORY, STORAGE_LOCK, STORAGE_LOCK};
    unsigned i = (unsigned)rng_below(&rng, DOCS);
    enum storage_kind kind = kinds[rng_below(&rng, sizeof kinds / sizeof *kinds)];

    if (locks[i] && kind == STORAGE_LOCK)
        kind = rng_percent(&rng, 80) ? STORAGE_COMMIT : STORAGE_UNLOCK;
    /* At most as many locks as the client has connections, but one: a further one would wait. */
    unsigned held = 0;
    for (unsigned k = 0; k < DOCS; k++)
        held += locks[k] != NULL;
    if (kind == STORAGE_LOCK && held == 2)
        kind = STORAGE_LOAD;
    call_one(i, kind);
}

static void setup(void)
{
    struct backend_config config;
    const char *seed = getenv("WEFT_SEED");
    uint64_t number = seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL);

    printf("WEFT_SEED=%llu\n", (unsigned long long)number);
    fflush(stdout);
    rng_init(&rng, number);
    bytes_init(&violation, 0);
    sim_store_init(&model, &violation);
    model.lossy = true; /* rebases lose entries here that nobody has archived */
    help_config(&config, REDIS_LEVEL_FSYNC, true);
    config.postgres.lock_ms = 100000;
    help_open_as(&config);
    AWAIT(backend_ready(help.backend));
}

static void teardown(void)
{
    help_close();
    sim_store_fini(&model);
    bytes_fini(&violation);
}

START_TEST(the_model_and_the_servers_agree)
{
    for (unsigned i = 1; i <= CALLS; i++) {
        step();
        if (i % MARKS_EVERY == 0)
            marks_compare();
    }
    for (unsigned i = 0; i < DOCS; i++) {
        if (locks[i])
            call_one(i, STORAGE_UNLOCK);
        call_one(i, STORAGE_ADOPT);
        if (i % 2)
            mark_flip(i);
    }
    sweep();
    /* What never happened was not compared. */
    static const struct {
        enum storage_kind kind;
        enum storage_result result;
    } seen[] = {{STORAGE_READ, STORAGE_OK},        {STORAGE_APPEND, STORAGE_OK},
                {STORAGE_APPEND, STORAGE_REFUSED}, {STORAGE_ADOPT, STORAGE_OK},
                {STORAGE_REBASE, STORAGE_OK},      {STORAGE_REBASE, STORAGE_REFUSED},
                {STORAGE_TRIM, STORAGE_OK},        {STORAGE_TRIM, STORAGE_REFUSED},
                {STORAGE_LOAD, STORAGE_OK},        {STORAGE_HISTORY, STORAGE_OK},
                {STORAGE_LOCK, STORAGE_OK},        {STORAGE_COMMIT, STORAGE_OK},
                {STORAGE_COMMIT, STORAGE_REFUSED}};
    for (size_t i = 0; i < sizeof seen / sizeof *seen; i++)
        ck_assert_msg(counts[seen[i].kind][seen[i].result] > 0, "no %s was %s",
                      storage_kind_name(seen[i].kind), storage_result_name(seen[i].result));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("backend model");
    TCase *all = tcase_create("all");
    tcase_add_unchecked_fixture(all, help_servers_start, help_servers_stop);
    tcase_add_checked_fixture(all, setup, teardown);
    tcase_add_test(all, the_model_and_the_servers_agree);
    tcase_set_timeout(all, 200);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
