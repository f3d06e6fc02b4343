#include "storage_stream.h"

#include <check.h>

/* Revisions 3, 4 to 6 and 7. */
static struct storage_entry entries[3];
static struct chain_position head;

static void setup(void)
{
    const uint64_t first[] = {3, 4, 7}, last[] = {3, 6, 7};

    for (size_t i = 0; i < 3; i++)
        entries[i] = (struct storage_entry){
            .first_rev = first[i], .position = {.rev = last[i], .hash = {(uint8_t)last[i]}}};
    head = entries[2].position;
}

START_TEST(a_stream_ends_in_its_head)
{
    ck_assert(storage_stream_holds(&head, entries, 3, true));
    ck_assert(storage_stream_holds(&head, entries, 3, false));
    ck_assert(storage_stream_holds(&head, entries, 2, false));
    ck_assert(storage_stream_holds(&head, entries, 0, true));
    ck_assert(storage_stream_holds(NULL, entries, 3, true));
    ck_assert(!storage_stream_holds(&head, entries, 2, true));
}
END_TEST

START_TEST(nothing_stands_beyond_the_head_or_beside_it)
{
    for (uint64_t rev = 0; rev < 7; rev++) {
        head.rev = rev;
        ck_assert(!storage_stream_holds(&head, entries, 3, false));
    }
    head = entries[2].position;
    head.hash[1] ^= 1;
    ck_assert(!storage_stream_holds(&head, entries, 3, false));
    ck_assert(storage_stream_holds(&head, entries, 2, false));
}
END_TEST

START_TEST(entries_join)
{
    entries[1].first_rev = 5;
    ck_assert(!storage_stream_holds(&head, entries, 3, true));
    entries[1].first_rev = 3;
    ck_assert(!storage_stream_holds(&head, entries, 3, true));
}
END_TEST

/* Each bit of a revision that stands beside an entry. */
START_TEST(a_position_that_was_turned_is_seen)
{
    for (size_t i = 0; i < 3; i++)
        for (unsigned bit = 0; bit < 64; bit++) {
            entries[i].position.rev ^= 1ull << bit;
            ck_assert(!storage_stream_holds(&head, entries, 3, true));
            entries[i].position.rev ^= 1ull << bit;
        }
    entries[0].first_rev = 0;
    ck_assert(!storage_stream_holds(&head, entries, 1, false));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("storage stream");
    TCase *tcase = tcase_create("stream");

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, a_stream_ends_in_its_head);
    tcase_add_test(tcase, nothing_stands_beyond_the_head_or_beside_it);
    tcase_add_test(tcase, entries_join);
    tcase_add_test(tcase, a_position_that_was_turned_is_seen);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
