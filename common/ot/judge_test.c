/*
 * The fuzzer's judge on random ops, whole and damaged: what the fuzz target does, in every test
 * run. WEFT_SEED=<seed> WEFT_CASES=1 replays a case, WEFT_SWEEP=n runs n times as many.
 */
#include <check.h>
#include <stdio.h>

#include "ot_codec.h"
#include "ot_judge.h"
#include "ot_naive.h"
#include "seed_test.h"

#define CASES 3000
#define SEED_DEFAULT 77001

static void op_put(struct bytes *out, const struct ot_op *op)
{
    size_t at = out->size;

    bytes_append_be16(out, 0);
    ot_encode(op, out);
    MUST(!out->failed);
    size_t size = out->size - at - 2;
    out->data[at] = (uint8_t)(size >> 8);
    out->data[at + 1] = (uint8_t)size;
}

static void random_input(uint64_t seed, struct arena *mem, struct bytes *out)
{
    struct naive doc = {0};
    struct rng rng;
    struct ot_op op, a;

    rng_init(&rng, seed);
    struct naive_mix mix = {.comps_max = (unsigned)rng_between(&rng, 1, 12),
                            .length_max = (unsigned)rng_between(&rng, 1, 60),
                            .attrs = rng_percent(&rng, 70),
                            .embeds = rng_percent(&rng, 50)};
    /* Mostly small; some of many leaves. */
    unsigned units = (unsigned)rng_below(&rng, rng_percent(&rng, 90) ? 60 : 4000);
    naive_random_document(&rng, mem, units, &mix, &op);
    MUST(naive_apply(&doc, &op) == 0);
    op_put(out, &op);
    naive_random_op(&rng, mem, &doc, &mix, &a);
    op_put(out, &a);
    naive_random_op(&rng, mem, &doc, &mix, &op);
    op_put(out, &op);
    MUST(naive_apply(&doc, &a) == 0);
    naive_random_op(&rng, mem, &doc, &mix, &op);
    op_put(out, &op);
    naive_fini(&doc);
}

START_TEST(test_random)
{
    uint64_t seed = env_number("WEFT_SEED", SEED_DEFAULT);
    uint64_t cases = env_number("WEFT_CASES", CASES * env_number("WEFT_SWEEP", 1));
    uint64_t damaged[5] = {0};
    struct bytes input = BYTES_INIT;
    struct arena mem;

    printf("judge: %lu cases from seed %lu\n", cases, seed);
    arena_init(&mem, 1 << 26);
    for (uint64_t i = 0; i < cases; i++) {
        struct rng rng;
        arena_reset(&mem);
        bytes_reset(&input);
        random_input(seed + i, &mem, &input);
        int reached = ot_judge(bytes_slice(&input));
        if (reached != 4)
            ck_abort_msg("seed %lu: got to %d", seed + i, reached);
        rng_init(&rng, seed + i);
        for (unsigned n = (unsigned)rng_between(&rng, 1, 3); n > 0; n--)
            input.data[rng_below(&rng, input.size)] ^= (uint8_t)(1u << rng_below(&rng, 8));
        damaged[ot_judge(bytes_slice(&input))]++;
    }
    printf("judge: damaged ones got to 0: %lu, 1: %lu, 2: %lu, 3: %lu, 4: %lu\n", damaged[0],
           damaged[1], damaged[2], damaged[3], damaged[4]);
    /* The test is worth something only if damage leads everywhere. */
    for (int i = 0; cases >= CASES && i <= 4; i++)
        ck_assert_uint_gt(damaged[i], 10);
    bytes_fini(&input);
    arena_fini(&mem);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("judge");
    TCase *tcase = tcase_create("judge");
    SRunner *runner = srunner_create(suite);

    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, test_random);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
