/*
 * Random sessions: several clients type into one document while frames move one by one in random
 * order, connections end at random moments, submits arrive late or twice, slow readers get composed
 * runs, workers change under a gateway. Everybody must end with the same text, each op acked once.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "client_world_test.h"
#include "support_seed.h"

#define STEPS 6000
#define SEEDS 8

static uint64_t first_seed;

static void resend_as_gateway(struct world_client *c)
{
    struct bytes again = BYTES_INIT;
    struct slice in = bytes_slice(&c->up.bytes);
    struct wire_client_frame frame;
    struct arena mem;

    /* A gateway that resends what it holds to another worker: the same Submit a second time. */
    arena_init(&mem, 1u << 20);
    if (in.size && wire_client_frame_take(&mem, &in, &frame) == 0 && frame.type == WIRE_UP_SUBMIT) {
        wire_client_frame_encode(&frame, &again);
        bytes_append_slice(&again, bytes_slice(&c->up.bytes));
        bytes_fini(&c->up.bytes);
        c->up.bytes = bytes_steal(&again);
    }
    bytes_fini(&again);
    arena_fini(&mem);
}

static void step(struct world *w)
{
    struct world_client *c = w->clients[rng_below(&w->rng, w->client_count)];
    unsigned dice = (unsigned)rng_below(&w->rng, 1000);

    if (!c->connected) {
        if (dice < 300)
            world_connect(c);
        else if (dice < 500)
            world_type_random(c);
    } else if (dice < 330) {
        (void)world_deliver_down(c);
    } else if (dice < 660) {
        (void)world_deliver_up(c);
    } else if (dice < 800) {
        world_type_random(c);
        world_pull(c);
    } else if (dice < 940) {
        world_commit(w);
    } else if (dice < 955) {
        resend_as_gateway(c);
    } else if (dice < 970) {
        c->lagging = c->attached && !c->lagging;
        if (c->attached && !c->lagging)
            world_open_unasked(c);
    } else if (dice < 978) {
        if (!c->lagging)
            world_open_unasked(c);
    } else if (dice < 990) {
        world_disconnect(c, rng_percent(&w->rng, 50));
        if (rng_percent(&w->rng, 30))
            world_reload(c);
    }
}

static void expect_one_text(struct world *w)
{
    struct chain_position head = doc_position(w->doc);

    for (size_t i = 0; i < w->client_count; i++) {
        struct world_client *c = w->clients[i];
        struct chain_position at = client_doc_position(c->doc);
        ck_assert_msg(client_doc_state(c->doc) == CLIENT_LIVE, "client %zu is not live", i);
        ck_assert_msg(client_doc_saved(c->doc), "client %zu has not saved", i);
        ck_assert_msg(chain_position_equal(&at, &head), "client %zu stands elsewhere", i);
        ck_assert_msg(ot_rope_equal(client_doc_rope(c->doc), doc_rope(w->doc)),
                      "client %zu has another text", i);
        ck_assert_uint_eq(c->acked, client_doc_seq(c->doc));
        ck_assert_uint_eq(c->diverged, 0);
    }
}

static void run(struct world *w)
{
    for (int i = 0; i < STEPS; i++)
        step(w);
    for (size_t i = 0; i < w->client_count; i++)
        if (!w->clients[i]->connected)
            world_connect(w->clients[i]);
    world_settle(w);
    expect_one_text(w);
}

START_TEST(everybody_ends_with_the_same_text)
{
    struct world w;

    printf("WEFT_SEED=%llu\n", (unsigned long long)(first_seed + (uint64_t)_i));
    fflush(stdout);
    world_init(&w, first_seed + (uint64_t)_i);
    w.run_percent = (unsigned)rng_below(&w.rng, 101);
    if (_i % 2)
        world_create(&w);
    uint64_t count = rng_between(&w.rng, 2, 5);
    for (uint64_t i = 0; i < count; i++)
        (void)world_client_add(&w, true);
    if (!(_i % 2)) {
        /* The first one creates; it is alone until that is known. */
        struct ot_comp newline = {.kind = OT_INSERT, .length = 1, .content = slice_str("\n")};
        struct ot_op content = {.comps = &newline, .count = 1, .units_out = 1};
        ck_assert_int_eq(client_doc_create(w.clients[0]->doc, WIRE_DOC_RICH, &content), 0);
        world_type_random(w.clients[0]);
        world_connect(w.clients[0]);
        world_disconnect(w.clients[0], false);
        world_connect(w.clients[0]);
        world_settle(&w);
        ck_assert_uint_eq(w.clients[0]->replaced, 0);
    }
    run(&w);
    /* It was not for nothing. */
    ck_assert(w.entries > 100 && w.ops_answers > 10 && w.chunks > 10 && w.unasked > 10);
    ck_assert(w.repeats + w.resends > 0);
    ck_assert(w.run_percent < 40 || w.runs > 10); /* with fewer it is left to chance */
    ck_assert(w.revision_count > w.entries);      /* some entries had several ops */
    world_fini(&w);
}
END_TEST

int main(void)
{
    if (crypto_init())
        return EXIT_FAILURE;
    first_seed = support_seed();
    Suite *suite = suite_create("client random");
    TCase *tc = tcase_create("random");
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, everybody_ends_with_the_same_text, 0, SEEDS);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
