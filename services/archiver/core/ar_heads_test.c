/*
 * The sweep that compares heads, against a Redis and a PostgreSQL of two heads each; the test
 * answers call by call.
 */
#include <check.h>
#include <stdlib.h>

#include "ar_core.h"
#include "cluster_shard.h"

#define DOCS 3
#define SWEEP_MS 1000

static const char *const names[DOCS] = {"a", "b", "c"};

static struct {
    struct ar_core *core;
    uint64_t now_ms;
    bool has_head[DOCS];
    struct chain_position redis[DOCS], stored[DOCS];
    enum storage_result of[STORAGE_DOCS + 1]; /* what a call of this kind comes to; 0: OK */
    enum storage_result read[DOCS];           /* what each READ of this document comes to; 0: OK */
    struct storage_call *waiting[8];
    size_t waiting_count;
    unsigned asked[STORAGE_DOCS + 1];
    bool loaded[DOCS]; /* a job was begun */
} world;

static uint64_t io_now_ms(void *ctx)
{
    return world.now_ms;
}

static uint64_t io_random(void *ctx)
{
    return 0;
}

static void io_call(void *ctx, struct storage_call *call)
{
    ck_assert_uint_lt(world.waiting_count, 8);
    world.waiting[world.waiting_count++] = call;
}

static void io_event(void *ctx, enum ar_event event, struct slice doc, uint64_t detail)
{
}

static unsigned number_of(struct slice id)
{
    ck_assert_uint_eq(id.size, 1);
    return (unsigned)(id.data[0] - 'a');
}

static void docs_answer(struct storage_call *call)
{
    static struct slice ids[DOCS];

    for (unsigned i = 0; i < DOCS; i++) {
        if (call->after.size && i <= number_of(call->after))
            continue;
        ids[call->doc_count] = slice_str(names[i]);
        if (call->doc_count == 0)
            call->heads = &world.stored[i];
        call->doc_count++;
    }
    call->docs = ids;
}

static void answer(struct storage_call *call)
{
    call->result = world.of[call->kind] ? world.of[call->kind] : STORAGE_OK;
    world.asked[call->kind]++;
    if (call->kind == STORAGE_DOCS && call->result == STORAGE_OK) {
        docs_answer(call);
    } else if (call->kind == STORAGE_READ) {
        if (world.read[number_of(call->doc)])
            call->result = world.read[number_of(call->doc)];
        call->has_head = world.has_head[number_of(call->doc)];
        call->head = world.redis[number_of(call->doc)];
    } else if (call->kind == STORAGE_LOAD) {
        world.loaded[number_of(call->doc)] = true;
        call->result = STORAGE_DOWN; /* the job's own business */
    }
    ar_core_storage_done(world.core, call);
}

/* Until nothing is under way but calls of this kind, which stay (0: none do). */
static void settle_but(enum storage_kind kept)
{
    size_t i = 0;

    while (i < world.waiting_count) {
        struct storage_call *call = world.waiting[i];
        if (call->kind == kept) {
            i++;
            continue;
        }
        world.waiting_count--;
        memmove(&world.waiting[i], &world.waiting[i + 1],
                (world.waiting_count - i) * sizeof *world.waiting);
        answer(call);
    }
}

static void settle(void)
{
    settle_but(0);
}

/* One page, or what is left of it. */
static void turn(void)
{
    world.now_ms += SWEEP_MS;
    ar_core_tick(world.core);
    settle();
}

static struct chain_position position(uint64_t rev, uint8_t hash)
{
    return (struct chain_position){.rev = rev, .hash = {hash}};
}

static void setup(void)
{
    const struct ar_config config = {.lease_ms = 3000,
                                     .jobs_max = 1,
                                     .entries_max = 5,
                                     .snapshot_revs = 20,
                                     .snapshot_bytes = 1024,
                                     .poll_ms = 1u << 30,
                                     .sweep_ms = SWEEP_MS,
                                     .cache_bytes_max = 4096};
    const struct ar_io io = {.now_ms = io_now_ms,
                             .wall_ms = io_now_ms,
                             .random = io_random,
                             .storage = {.call = io_call},
                             .event = io_event};

    memset(&world, 0, sizeof world);
    for (unsigned i = 0; i < DOCS; i++) {
        world.has_head[i] = true;
        world.redis[i] = world.stored[i] = position(7, 1);
    }
    world.core = ar_core_new(&config, &io);
    ck_assert_ptr_nonnull(world.core);
    ar_core_start(world.core);
    ar_core_storage_reconnected(world.core);
    ar_core_tick(world.core);
    settle(); /* a whole round of claims */
}

static void teardown(void)
{
    world.core = ar_core_free(world.core);
}

START_TEST(equal_heads_and_newer_ones_are_left_alone)
{
    world.redis[1] = position(9, 2);
    world.has_head[2] = false;
    turn();
    ck_assert_uint_eq(world.asked[STORAGE_READ], DOCS);
    ck_assert_uint_eq(world.asked[STORAGE_LOAD], 0);
}
END_TEST

START_TEST(a_head_behind_or_beside_is_worked_on)
{
    world.redis[0] = position(5, 1);
    turn();
    ck_assert(world.loaded[0] && !world.loaded[1] && !world.loaded[2]);
    world.redis[0] = world.stored[0];
    world.redis[2] = position(7, 2);
    for (unsigned i = 0; i < 3; i++)
        turn(); /* the first finds the end, and begins anew */
    ck_assert(world.loaded[2] && !world.loaded[1]);
}
END_TEST

START_TEST(the_sweep_begins_anew_at_the_end)
{
    for (unsigned i = 1; i <= 10; i++)
        turn();
    ck_assert_uint_eq(world.asked[STORAGE_DOCS], 10);
    ck_assert_uint_eq(world.asked[STORAGE_READ], 5 * DOCS);
}
END_TEST

START_TEST(what_a_server_does_not_answer_comes_again)
{
    world.of[STORAGE_DOCS] = STORAGE_DOWN;
    turn();
    ck_assert_uint_eq(world.asked[STORAGE_READ], 0);
    world.of[STORAGE_DOCS] = 0;
    world.of[STORAGE_READ] = STORAGE_UNKNOWN;
    turn();
    ck_assert_uint_eq(world.asked[STORAGE_READ], 1);
    world.of[STORAGE_READ] = 0;
    world.redis[0] = position(5, 1);
    turn();
    ck_assert(world.loaded[0]);
}
END_TEST

/* No place for a job, nor the one beyond those for claims: the page waits there, and goes on at the
 * same document. */
START_TEST(a_page_waits_for_a_place)
{
    world.redis[0] = world.redis[1] = world.redis[2] = position(5, 1);
    world.now_ms += SWEEP_MS;
    ar_core_tick(world.core);
    settle_but(STORAGE_LOAD);
    ck_assert_uint_eq(world.asked[STORAGE_READ], 3);
    settle();
    ck_assert(world.loaded[0] && world.loaded[1] && !world.loaded[2]);
    turn();
    ck_assert(world.loaded[2]);
}
END_TEST

/* Whatever Redis says of one document, those behind it are compared. */
START_TEST(what_is_never_answered_holds_up_nobody)
{
    static const enum storage_result results[] = {STORAGE_UNKNOWN, STORAGE_BROKEN};

    world.redis[1] = world.redis[2] = position(5, 1);
    for (size_t r = 0; r < 2; r++) {
        world.read[0] = results[r];
        world.loaded[1] = world.loaded[2] = false;
        for (unsigned i = 0; i < 4; i++)
            turn();
        ck_assert(world.loaded[1] && world.loaded[2]);
        ck_assert(!world.loaded[0]);
    }
}
END_TEST

START_TEST(what_is_damaged_is_worked_on)
{
    world.read[0] = STORAGE_DAMAGED;
    turn();
    ck_assert(world.loaded[0] && !world.loaded[1]);
    ck_assert_uint_eq(world.asked[STORAGE_READ], DOCS);
}
END_TEST

START_TEST(who_leaves_compares_no_more)
{
    world.now_ms += SWEEP_MS;
    ar_core_tick(world.core);
    ar_core_drain(world.core);
    ck_assert(!ar_core_drained(world.core));
    settle();
    ck_assert_uint_eq(world.asked[STORAGE_READ], 0);
    ck_assert(ar_core_drained(world.core));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("archiver heads");
    TCase *tcase = tcase_create("heads");

    MUST(crypto_init() == 0);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, equal_heads_and_newer_ones_are_left_alone);
    tcase_add_test(tcase, a_head_behind_or_beside_is_worked_on);
    tcase_add_test(tcase, the_sweep_begins_anew_at_the_end);
    tcase_add_test(tcase, what_a_server_does_not_answer_comes_again);
    tcase_add_test(tcase, a_page_waits_for_a_place);
    tcase_add_test(tcase, what_is_never_answered_holds_up_nobody);
    tcase_add_test(tcase, what_is_damaged_is_worked_on);
    tcase_add_test(tcase, who_leaves_compares_no_more);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
