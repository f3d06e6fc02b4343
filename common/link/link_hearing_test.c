/*
 * The breaker of one link, tick by tick: when it opens, that it closes by an answer to a probe and
 * by nothing else, and that our own sleep is no silence of the peer.
 */
#include <check.h>

#include "link_hearing.h"

#define TICKS(us) ((us) / LINK_HEARTBEAT_US)

static struct link_hearing h;
static struct rng rng;
static int64_t now_us;

static void setup(void)
{
    rng_init(&rng, 7);
    now_us = 5000000;
    link_hearing_init(&h, now_us);
}

static bool tick(void)
{
    now_us += LINK_HEARTBEAT_US;
    return link_hearing_tick(&h, now_us, 0, &rng);
}

/* How many ticks until the breaker is in a state. */
static int ticks_until(enum cluster_breaker_state state)
{
    int ticks = 0;

    while (h.breaker.state != state) {
        tick();
        ck_assert_int_le(++ticks, 100);
    }
    return ticks;
}

START_TEST(who_answers_stays_closed)
{
    for (int i = 0; i < 100; i++) {
        ck_assert(!tick());
        if (i % TICKS(LINK_SILENT_US) == 0)
            ck_assert(!link_hearing_answer(&h, now_us));
        ck_assert_int_eq(h.breaker.state, CLUSTER_CLOSED);
    }
}
END_TEST

START_TEST(silence_opens_and_is_told_once)
{
    unsigned told = 0;

    for (int i = 0; i < TICKS(LINK_SILENT_US); i++)
        ck_assert(!tick());
    ck_assert_int_eq(h.breaker.state, CLUSTER_CLOSED);
    for (int i = 0; i < 100; i++)
        told += tick();
    ck_assert_uint_eq(told, 1);
    ck_assert_uint_gt(h.breaker.opened, 5); /* each probe that fails */
}
END_TEST

START_TEST(what_comes_before_a_probe_does_not_close)
{
    ticks_until(CLUSTER_OPEN);
    ck_assert(!link_hearing_answer(&h, now_us));
    ck_assert_int_eq(h.breaker.state, CLUSTER_OPEN);
    ticks_until(CLUSTER_HALF_OPEN);
    ck_assert(link_hearing_answer(&h, now_us));
    ck_assert_int_eq(h.breaker.state, CLUSTER_CLOSED);
    ck_assert(!link_hearing_answer(&h, now_us)); /* told once */
    for (int i = 0; i < TICKS(LINK_SILENT_US); i++)
        ck_assert(!tick());
}
END_TEST

START_TEST(a_probe_without_an_answer_opens_again)
{
    ticks_until(CLUSTER_HALF_OPEN);
    ck_assert_int_eq(ticks_until(CLUSTER_OPEN), TICKS(LINK_SILENT_US) + 1);
    ck_assert(!link_hearing_answer(&h, now_us));
    /* However long it was silent, a probe is never further off than this. */
    for (int i = 0; i < 20; i++) {
        ck_assert_int_le(ticks_until(CLUSTER_HALF_OPEN), TICKS(LINK_PAUSE_MS_MAX * 1000));
        ticks_until(CLUSTER_OPEN);
    }
}
END_TEST

/* Ten seconds in which we did not run, in each state: nothing of it is the peer's. */
START_TEST(our_own_sleep_is_no_silence)
{
    const int64_t asleep_us = 10000000;

    tick();
    link_hearing_answer(&h, now_us);
    now_us += asleep_us + LINK_HEARTBEAT_US;
    ck_assert(!link_hearing_tick(&h, now_us, asleep_us, &rng));
    ck_assert_int_eq(h.breaker.state, CLUSTER_CLOSED);
    ck_assert(!link_hearing_nothing_comes(&h, now_us));
    ticks_until(CLUSTER_HALF_OPEN);
    now_us += asleep_us + LINK_HEARTBEAT_US;
    ck_assert(!link_hearing_tick(&h, now_us, asleep_us, &rng));
    ck_assert_int_eq(h.breaker.state, CLUSTER_HALF_OPEN);
    ck_assert(link_hearing_answer(&h, now_us));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("link hearing");
    TCase *tcase = tcase_create("breaker");
    SRunner *runner;

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, who_answers_stays_closed);
    tcase_add_test(tcase, silence_opens_and_is_told_once);
    tcase_add_test(tcase, what_comes_before_a_probe_does_not_close);
    tcase_add_test(tcase, a_probe_without_an_answer_opens_again);
    tcase_add_test(tcase, our_own_sleep_is_no_silence);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
