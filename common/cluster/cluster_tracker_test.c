#include <check.h>
#include <stdlib.h>

#include "cluster_tracker.h"

static struct cluster_view_tracker tracker;

static void setup(void)
{
    cluster_view_tracker_init(&tracker, NULL);
}

static void teardown(void)
{
    cluster_view_tracker_fini(&tracker);
}

/* An answer with the live members of these letters; an upper-case letter is a second boot. */
static int answer(uint64_t number, const char *letters, uint64_t now_ms)
{
    struct cluster_view v;
    cluster_view_init(&v, number);
    for (; *letters; letters++) {
        char id = (char)(*letters | 0x20);
        struct cluster_member m;
        ck_assert_int_eq(
            cluster_member_make(slice_of(&id, 1), slice_str("x"), id != *letters, CLUSTER_LIVE, &m),
            0);
        ck_assert_int_eq(cluster_view_add(&v, &m), 0);
    }
    ck_assert_int_eq(cluster_view_seal(&v), 0);
    int outcome = cluster_view_tracker_answer(&tracker, &v, now_ms);
    ck_assert_ptr_null(v.members);
    return outcome;
}

static void assert_held(uint64_t number, const char *letters)
{
    ck_assert_uint_eq(tracker.view.number, number);
    ck_assert_uint_eq(tracker.view.count, strlen(letters));
    for (size_t i = 0; i < tracker.view.count; i++)
        ck_assert_int_eq(tracker.view.members[i].id[0], letters[i]);
}

START_TEST(ordinary_changes_are_taken_at_once)
{
    ck_assert_int_eq(answer(1, "abc", 0), CLUSTER_VIEW_CHANGED);
    ck_assert_int_eq(answer(1, "abc", 500), 0);
    ck_assert_int_eq(answer(2, "abcd", 1000), CLUSTER_VIEW_CHANGED);
    ck_assert_uint_eq(tracker.previous.number, 1);
    ck_assert_int_eq(answer(3, "abd", 1500), CLUSTER_VIEW_CHANGED);
    assert_held(3, "abd");
    ck_assert_int_eq(answer(4, "aBd", 2000), CLUSTER_VIEW_CHANGED); /* a restart is no loss */
    ck_assert_int_eq(answer(5, "ABD", 2500), CLUSTER_VIEW_CHANGED);
    ck_assert_uint_eq(tracker.held_back, 0);
}
END_TEST

START_TEST(one_of_two_may_die_at_once)
{
    ck_assert_int_eq(answer(1, "ab", 0), CLUSTER_VIEW_CHANGED);
    ck_assert_int_eq(answer(2, "a", 500), CLUSTER_VIEW_CHANGED);
    ck_assert_int_eq(answer(3, "b", 1000), CLUSTER_VIEW_CHANGED); /* all, but not more than one */
}
END_TEST

START_TEST(half_may_die_at_once)
{
    ck_assert_int_eq(answer(1, "abcd", 0), CLUSTER_VIEW_CHANGED);
    ck_assert_int_eq(answer(2, "ab", 500), CLUSTER_VIEW_CHANGED);
}
END_TEST

START_TEST(more_than_half_is_believed_when_seen_twice)
{
    ck_assert_int_eq(answer(1, "abcde", 0), CLUSTER_VIEW_CHANGED);
    ck_assert_int_eq(answer(2, "ab", 500), CLUSTER_VIEW_KEPT);
    assert_held(1, "abcde");
    ck_assert_int_eq(answer(3, "abc", 1000), CLUSTER_VIEW_CHANGED); /* one came back: ordinary */
    ck_assert_int_eq(answer(4, "a", 1500), CLUSTER_VIEW_KEPT);
    assert_held(3, "abc");
    ck_assert_int_eq(answer(4, "a", 2000), CLUSTER_VIEW_CHANGED);
    assert_held(4, "a");
}
END_TEST

/* A good answer in between starts the count again. */
START_TEST(twice_means_in_a_row)
{
    ck_assert_int_eq(answer(1, "abc", 0), CLUSTER_VIEW_CHANGED);
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(answer(1, "a", 500), CLUSTER_VIEW_KEPT);
        ck_assert_int_eq(answer(1, "abc", 1000), 0);
    }
    ck_assert_int_eq(answer(2, "a", 1500), CLUSTER_VIEW_KEPT);
    ck_assert_int_eq(cluster_view_tracker_answer(&tracker, NULL, 2000), CLUSTER_VIEW_KEPT);
    ck_assert_int_eq(answer(2, "a", 2500), CLUSTER_VIEW_CHANGED); /* unreadable says nothing */
}
END_TEST

/* The second answer must tell of the same disaster, not of another. */
START_TEST(two_different_disasters_do_not_confirm)
{
    ck_assert_int_eq(answer(1, "abcdefg", 0), CLUSTER_VIEW_CHANGED);
    ck_assert_int_eq(answer(2, "abc", 500), CLUSTER_VIEW_KEPT);
    ck_assert_int_eq(answer(3, "efg", 1000), CLUSTER_VIEW_KEPT);
    ck_assert_int_eq(answer(4, "abc", 1500), CLUSTER_VIEW_KEPT);
    assert_held(1, "abcdefg");
    ck_assert_int_eq(answer(5, "ab", 2000), CLUSTER_VIEW_CHANGED); /* the same and c more */
}
END_TEST

START_TEST(empty_and_older_are_believed_when_seen_twice)
{
    ck_assert_int_eq(answer(7, "a", 0), CLUSTER_VIEW_CHANGED);
    ck_assert_int_eq(answer(8, "", 500), CLUSTER_VIEW_KEPT);
    assert_held(7, "a");
    ck_assert_int_eq(answer(8, "", 1000), CLUSTER_VIEW_CHANGED);
    ck_assert_int_eq(answer(9, "ab", 1500), CLUSTER_VIEW_CHANGED);
    ck_assert_int_eq(answer(3, "ab", 2000), CLUSTER_VIEW_KEPT);
    ck_assert_int_eq(answer(2, "ab", 2500), CLUSTER_VIEW_KEPT); /* older still */
    ck_assert_int_eq(answer(3, "", 3000), CLUSTER_VIEW_KEPT);
    ck_assert_int_eq(answer(3, "ab", 3500), CLUSTER_VIEW_CHANGED);
    assert_held(3, "ab");
}
END_TEST

START_TEST(nobody_is_dead_right_after_a_reconnect)
{
    ck_assert_int_eq(answer(1, "abc", 0), CLUSTER_VIEW_CHANGED);
    cluster_view_tracker_reconnected(&tracker, 5000);
    ck_assert_int_eq(answer(2, "ab", 5000), CLUSTER_VIEW_KEPT);
    ck_assert_int_eq(answer(3, "a", 5500), CLUSTER_VIEW_KEPT);
    ck_assert_int_eq(answer(4, "abcd", 6000), CLUSTER_VIEW_CHANGED); /* nobody missing */
    ck_assert_int_eq(answer(5, "abc", 6499), CLUSTER_VIEW_KEPT);
    assert_held(4, "abcd");
    ck_assert_int_eq(answer(5, "abc", 6500), CLUSTER_VIEW_CHANGED);
}
END_TEST

START_TEST(a_suspect_counts_while_in_grace)
{
    ck_assert_int_eq(answer(1, "abc", 0), CLUSTER_VIEW_CHANGED);
    cluster_view_tracker_reconnected(&tracker, 5000);
    ck_assert_int_eq(answer(2, "a", 6400), CLUSTER_VIEW_KEPT);
    ck_assert_int_eq(answer(2, "a", 6900), CLUSTER_VIEW_CHANGED);
    ck_assert_int_eq(answer(3, "abc", 7000), CLUSTER_VIEW_CHANGED);
    ck_assert_int_eq(answer(4, "a", 7500), CLUSTER_VIEW_KEPT);
    cluster_view_tracker_reconnected(&tracker, 7600); /* another connection, another opinion */
    ck_assert_int_eq(answer(4, "a", 9100), CLUSTER_VIEW_KEPT);
    ck_assert_int_eq(answer(4, "a", 9600), CLUSTER_VIEW_CHANGED);
}
END_TEST

START_TEST(staleness_counts_from_the_last_success)
{
    ck_assert(cluster_view_tracker_stale(&tracker, 0));
    ck_assert_int_eq(answer(1, "abc", 1000), CLUSTER_VIEW_CHANGED);
    ck_assert(!cluster_view_tracker_stale(&tracker, 1000));
    ck_assert(!cluster_view_tracker_stale(&tracker, 2999));
    ck_assert(cluster_view_tracker_stale(&tracker, 3000));
    ck_assert_int_eq(answer(1, "abc", 3500), 0);
    ck_assert_int_eq(answer(2, "a", 5000), CLUSTER_VIEW_KEPT); /* a success, though held back */
    ck_assert_int_eq(cluster_view_tracker_answer(&tracker, NULL, 6000), CLUSTER_VIEW_KEPT);
    ck_assert(!cluster_view_tracker_stale(&tracker, 6999));
    ck_assert(cluster_view_tracker_stale(&tracker, 7000));
    ck_assert_uint_eq(tracker.unreadable, 1);
}
END_TEST

START_TEST(an_answer_without_oneself_is_unreadable)
{
    cluster_view_tracker_fini(&tracker);
    cluster_view_tracker_init(&tracker, "a");
    ck_assert_int_eq(answer(1, "b", 0), CLUSTER_VIEW_KEPT);
    ck_assert_int_eq(answer(1, "b", 500), CLUSTER_VIEW_KEPT);
    ck_assert(cluster_view_tracker_stale(&tracker, 500));
    ck_assert_int_eq(answer(1, "ab", 1000), CLUSTER_VIEW_CHANGED);
    ck_assert_int_eq(answer(2, "", 1500), CLUSTER_VIEW_KEPT);
    ck_assert_int_eq(answer(2, "", 2000), CLUSTER_VIEW_KEPT);
    ck_assert_uint_eq(tracker.unreadable, 4);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cluster tracker");
    TCase *tc = tcase_create("tracker");
    tcase_set_timeout(tc, 60); /* a busy machine and sanitizers */
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, ordinary_changes_are_taken_at_once);
    tcase_add_test(tc, one_of_two_may_die_at_once);
    tcase_add_test(tc, half_may_die_at_once);
    tcase_add_test(tc, more_than_half_is_believed_when_seen_twice);
    tcase_add_test(tc, twice_means_in_a_row);
    tcase_add_test(tc, two_different_disasters_do_not_confirm);
    tcase_add_test(tc, empty_and_older_are_believed_when_seen_twice);
    tcase_add_test(tc, nobody_is_dead_right_after_a_reconnect);
    tcase_add_test(tc, a_suspect_counts_while_in_grace);
    tcase_add_test(tc, staleness_counts_from_the_last_success);
    tcase_add_test(tc, an_answer_without_oneself_is_unreadable);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
