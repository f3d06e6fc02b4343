#include <check.h>
#include <stdlib.h>

#include "cluster_breaker.h"
#include "must.h"

START_TEST(delays_double_within_their_jitter)
{
    struct cluster_backoff b;
    struct rng rng;
    rng_init(&rng, 1);
    cluster_backoff_init(&b, 100, 1000);
    static const uint64_t ceilings[] = {100, 200, 400, 800, 1000, 1000};
    uint64_t low = UINT64_MAX, high = 0;
    for (int round = 0; round < 1000; round++) {
        cluster_backoff_reset(&b);
        for (size_t i = 0; i < sizeof ceilings / sizeof *ceilings; i++) {
            uint64_t delay = cluster_backoff_next(&b, &rng);
            ck_assert(delay >= ceilings[i] / 2 && delay <= ceilings[i]);
            if (i == 0) {
                low = delay < low ? delay : low;
                high = delay > high ? delay : high;
            }
        }
    }
    ck_assert(low == 50 && high == 100);
}
END_TEST

START_TEST(the_breaker_goes_round)
{
    struct cluster_breaker b;
    struct rng rng;
    rng_init(&rng, 2);
    cluster_breaker_init(&b, 3, 1000, 8000, 500);

    cluster_breaker_failure(&b, 0, &rng);
    cluster_breaker_failure(&b, 0, &rng);
    cluster_breaker_success(&b); /* not in a row */
    cluster_breaker_failure(&b, 0, &rng);
    cluster_breaker_failure(&b, 0, &rng);
    ck_assert(b.state == CLUSTER_CLOSED && cluster_breaker_allow(&b, 0));
    cluster_breaker_failure(&b, 0, &rng);
    ck_assert(b.state == CLUSTER_OPEN && b.opened == 1);

    uint64_t wait = cluster_breaker_wait(&b, 0);
    ck_assert(wait >= 500 && wait <= 1000);
    ck_assert(!cluster_breaker_allow(&b, wait - 1));
    ck_assert_uint_eq(b.refused, 1);
    cluster_breaker_success(&b); /* late results mean nothing */
    cluster_breaker_failure(&b, 1, &rng);
    ck_assert(b.state == CLUSTER_OPEN && cluster_breaker_wait(&b, 0) == wait);

    ck_assert(cluster_breaker_allow(&b, wait));
    ck_assert(b.state == CLUSTER_HALF_OPEN);
    ck_assert(!cluster_breaker_allow(&b, wait + 499));
    ck_assert(cluster_breaker_allow(&b, wait + 500)); /* the probe got lost */
    ck_assert(!cluster_breaker_allow(&b, wait + 501));
    cluster_breaker_failure(&b, 2000, &rng);
    ck_assert(b.state == CLUSTER_OPEN && b.opened == 2);
    ck_assert(b.until_ms >= 3000 && b.until_ms <= 4000); /* the wait grows */

    ck_assert(cluster_breaker_allow(&b, 4000));
    cluster_breaker_success(&b);
    ck_assert(b.state == CLUSTER_CLOSED && b.failures == 0);
    ck_assert_uint_eq(cluster_breaker_wait(&b, 4000), 0);
    for (int i = 0; i < 3; i++)
        cluster_breaker_failure(&b, 5000, &rng);
    ck_assert(b.until_ms >= 5500 && b.until_ms <= 6000); /* and starts again after a success */
    ck_assert_str_eq(cluster_breaker_state_name(b.state), "open");
}
END_TEST

/* Random events never leave the table of moves (which would be a MUST) nor lock up. */
START_TEST(the_breaker_always_recovers)
{
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct cluster_breaker b;
        struct rng rng;
        rng_init(&rng, seed);
        cluster_breaker_init(&b, 1 + (unsigned)rng_below(&rng, 5), 10, 100, 20);
        uint64_t now = 0;
        for (int i = 0; i < 1000; i++) {
            now += rng_below(&rng, 40);
            switch (rng_below(&rng, 3)) {
            case 0:
                (void)cluster_breaker_allow(&b, now);
                break;
            case 1:
                cluster_breaker_success(&b);
                break;
            default:
                cluster_breaker_failure(&b, now, &rng);
            }
        }
        now += cluster_breaker_wait(&b, now);
        ck_assert_msg(cluster_breaker_allow(&b, now), "seed %lu", (unsigned long)seed);
        cluster_breaker_success(&b);
        ck_assert_msg(b.state == CLUSTER_CLOSED, "seed %lu", (unsigned long)seed);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cluster breaker");
    TCase *tc = tcase_create("breaker");
    tcase_set_timeout(tc, 60); /* a busy machine and sanitizers */
    tcase_add_test(tc, delays_double_within_their_jitter);
    tcase_add_test(tc, the_breaker_goes_round);
    tcase_add_test(tc, the_breaker_always_recovers);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
