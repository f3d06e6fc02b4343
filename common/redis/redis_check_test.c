/* What needs no server: keys, and whether a server gives the level that is asked for. */
#include <check.h>
#include <stdlib.h>

#include "redis_check.h"
#include "redis_keys.h"

START_TEST(keys_round_trip)
{
    static const char id[] = "A-z_0.9~/:{}*?[]\\ %\0\xff\xc3\xa4";
    struct bytes key = BYTES_INIT, back = BYTES_INIT;
    unsigned lane = 0;
    redis_key_doc(&key, 63, "head", slice_of(id, sizeof id - 1));
    bytes_append_u8(&key, 0);
    ck_assert_str_eq((char *)key.data, "weft:{63}:head:A-z_0.9~%2F%3A%7B%7D%2A%3F%5B%5D%5C%20%25"
                                       "%00%FF%C3%A4");
    ck_assert(redis_key_parse_head(slice_of(key.data, key.size - 1), &lane, &back));
    ck_assert_uint_eq(lane, 63);
    ck_assert(slice_equal(bytes_slice(&back), slice_of(id, sizeof id - 1)));
    static const char *const bad[] = {"weft:{}:head:a",    "weft:{1}:log:a",    "weft:{1}:head:%4",
                                      "weft:{1}:head:%41", "weft:{1}:head:%zz", "weft:{1}:head:a b",
                                      "weft:{1:head:a",    "weft:{1}:head:%2f", ""};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!redis_key_parse_head(slice_str(bad[i]), &lane, &back), "%s", bad[i]);
    bytes_fini(&key);
    bytes_fini(&back);
}
END_TEST

START_TEST(levels_are_judged)
{
    static const char info[] = "# Replication\r\nrole:master\r\nconnected_slaves:2\r\n"
                               "master_replid:0123456789012345678901234567890123456789\r\n"
                               "master_replid2:0000000000000000000000000000000000000000\r\n"
                               "loading:0\r\naof_rewrite_in_progress:0\r\n"
                               "aof_rewrite_scheduled:0\r\nnonsense\r\n:\r\n";
    struct redis_facts facts = {0};
    const char *reason;
    redis_facts_info(&facts, slice_str(info));
    ck_assert(facts.primary && !facts.promoted && !facts.rewriting && facts.replicas == 2);
    ck_assert_int_eq(redis_facts_judge(&facts, REDIS_LEVEL_MEMORY, 0, &reason),
                     REDIS_VERDICT_UNFIT); /* eviction is not ruled out */
    redis_facts_config(&facts, slice_str("maxmemory-policy"), slice_str("noeviction"));
    ck_assert_int_eq(redis_facts_judge(&facts, REDIS_LEVEL_MEMORY, 0, &reason), REDIS_VERDICT_FIT);
    ck_assert_int_eq(redis_facts_judge(&facts, REDIS_LEVEL_FSYNC, 0, &reason), REDIS_VERDICT_UNFIT);
    redis_facts_config(&facts, slice_str("appendonly"), slice_str("yes"));
    ck_assert_int_eq(redis_facts_judge(&facts, REDIS_LEVEL_FSYNC, 0, &reason), REDIS_VERDICT_UNFIT);
    redis_facts_config(&facts, slice_str("appendfsync"), slice_str("always"));
    ck_assert_int_eq(redis_facts_judge(&facts, REDIS_LEVEL_FSYNC, 0, &reason), REDIS_VERDICT_FIT);
    ck_assert_int_eq(redis_facts_judge(&facts, REDIS_LEVEL_REPLICA, 2, &reason), REDIS_VERDICT_FIT);
    ck_assert_int_eq(redis_facts_judge(&facts, REDIS_LEVEL_REPLICA, 3, &reason),
                     REDIS_VERDICT_UNFIT);

    /* An ordinary rewrite does not matter, the one after a change of role does. */
    redis_facts_info(&facts, slice_str("aof_rewrite_in_progress:1\r\n"));
    ck_assert_int_eq(redis_facts_judge(&facts, REDIS_LEVEL_FSYNC, 0, &reason), REDIS_VERDICT_FIT);
    redis_facts_info(&facts, slice_str("master_replid2:a123456789012345678901234567890123456789"));
    ck_assert_int_eq(redis_facts_judge(&facts, REDIS_LEVEL_FSYNC, 0, &reason), REDIS_VERDICT_LATER);
    ck_assert_int_eq(redis_facts_judge(&facts, REDIS_LEVEL_MEMORY, 0, &reason), REDIS_VERDICT_FIT);
    facts.rewriting = false;
    ck_assert_int_eq(redis_facts_judge(&facts, REDIS_LEVEL_FSYNC, 0, &reason), REDIS_VERDICT_FIT);
    redis_facts_info(&facts, slice_str("role:slave"));
    ck_assert_int_eq(redis_facts_judge(&facts, REDIS_LEVEL_FSYNC, 0, &reason), REDIS_VERDICT_LATER);
    facts.loading = true;
    ck_assert_int_eq(redis_facts_judge(&facts, REDIS_LEVEL_FSYNC, 0, &reason), REDIS_VERDICT_LATER);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redis_check");
    TCase *tc = tcase_create("pure");
    tcase_add_test(tc, keys_round_trip);
    tcase_add_test(tc, levels_are_judged);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
