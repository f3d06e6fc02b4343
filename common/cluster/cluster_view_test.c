#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "cluster_view.h"

static void add(struct cluster_view *v, const char *id, uint64_t boot_id, enum cluster_state state)
{
    struct cluster_member m;
    ck_assert_int_eq(
        cluster_member_make(slice_str(id), slice_str("ipc:///run/x"), boot_id, state, &m), 0);
    ck_assert_int_eq(cluster_view_add(v, &m), 0);
}

/* A sealed view of live members named by single letters. */
static struct cluster_view view_of(uint64_t number, const char *letters)
{
    struct cluster_view v;
    cluster_view_init(&v, number);
    for (; *letters; letters++)
        add(&v, (char[]){*letters, 0}, 1, CLUSTER_LIVE);
    ck_assert_int_eq(cluster_view_seal(&v), 0);
    return v;
}

static bool is(const struct cluster_member *m, const char *id)
{
    return m && strcmp(m->id, id) == 0;
}

/* Reference values of XXH64 with seed 0, as published with xxHash. */
START_TEST(shards_never_change)
{
    ck_assert_uint_eq(cluster_shard_of(slice_str("")), 0xef46db3751d8e999 % 1024);
    ck_assert_uint_eq(cluster_shard_of(slice_str("a")), 0xd24ec4f1a98c6e5b % 1024);
    ck_assert_uint_eq(cluster_shard_of(slice_str("abc")), 0x44bc2cf5ad770999 % 1024);
    ck_assert_uint_eq(cluster_lane_of(slice_str("a")), 0xd24ec4f1a98c6e5b % 64);
}
END_TEST

START_TEST(members_are_checked)
{
    struct cluster_member m;
    struct slice id = slice_str("w-1.a_B"), address = slice_str("tls+tcp://10.0.0.1:9000");
    char longest[128];
    memset(longest, 'a', sizeof longest);
    ck_assert_int_eq(cluster_member_make(id, address, 7, CLUSTER_LEAVING, &m), 0);
    ck_assert_str_eq(m.id, "w-1.a_B");
    ck_assert_str_eq(m.address, "tls+tcp://10.0.0.1:9000");
    ck_assert(m.boot_id == 7 && m.state == CLUSTER_LEAVING);
    ck_assert_int_eq(cluster_member_make(slice_of(longest, 63), slice_of(longest, 127), 7, 0, &m),
                     0);
    ck_assert_uint_eq(strlen(m.id), 63);
    ck_assert_uint_eq(strlen(m.address), 127);

    const struct slice bad_ids[] = {slice_str(""), slice_of(longest, 64), slice_of("a\0b", 3),
                                    slice_str("a b"), slice_str("a:b")};
    for (size_t i = 0; i < sizeof bad_ids / sizeof *bad_ids; i++)
        ck_assert_int_eq(cluster_member_make(bad_ids[i], address, 7, 0, &m), CLUSTER_BAD_MEMBER);
    const struct slice bad_addresses[] = {slice_str(""), slice_of(longest, 128), slice_str("a b"),
                                          slice_str("a\n"), slice_str("a\x7f")};
    for (size_t i = 0; i < sizeof bad_addresses / sizeof *bad_addresses; i++)
        ck_assert_int_eq(cluster_member_make(id, bad_addresses[i], 7, 0, &m), CLUSTER_BAD_MEMBER);
    ck_assert_int_eq(cluster_member_make(id, address, 7, 3, &m), CLUSTER_BAD_MEMBER);

    enum cluster_state state;
    for (int i = 0; i < 3; i++) {
        ck_assert(cluster_state_parse(slice_str(cluster_state_name(i)), &state));
        ck_assert_int_eq(state, i);
    }
    ck_assert(!cluster_state_parse(slice_str("dead"), &state));
}
END_TEST

START_TEST(duplicates_and_crowds_are_refused)
{
    struct cluster_view v;
    cluster_view_init(&v, 1);
    add(&v, "b", 1, CLUSTER_LIVE);
    add(&v, "a", 1, CLUSTER_LIVE);
    add(&v, "b", 2, CLUSTER_JOINING);
    ck_assert_int_eq(cluster_view_seal(&v), CLUSTER_DUPLICATE);
    cluster_view_fini(&v);

    cluster_view_init(&v, 1);
    char id[16];
    for (int i = 0; i < CLUSTER_MEMBERS_MAX; i++) {
        snprintf(id, sizeof id, "m%d", i);
        add(&v, id, 1, CLUSTER_JOINING);
    }
    ck_assert_int_eq(cluster_view_add(&v, &v.members[0]), CLUSTER_FULL);
    ck_assert_int_eq(cluster_view_seal(&v), 0);
    ck_assert(is(cluster_view_find(&v, "m777"), "m777"));
    ck_assert_ptr_null(cluster_view_find(&v, "m1024"));
    ck_assert_ptr_null(cluster_view_owner(&v, 0));
    cluster_view_fini(&v);
}
END_TEST

START_TEST(only_live_members_own)
{
    struct cluster_view v;
    cluster_view_init(&v, 1);
    add(&v, "a", 1, CLUSTER_JOINING);
    add(&v, "b", 1, CLUSTER_LIVE);
    add(&v, "c", 1, CLUSTER_LEAVING);
    ck_assert_int_eq(cluster_view_seal(&v), 0);
    int with_a = 0;
    for (uint16_t shard = 0; shard < CLUSTER_SHARD_COUNT; shard++) {
        ck_assert(is(cluster_view_owner(&v, shard), "b"));
        ck_assert_ptr_null(cluster_view_runner_up(&v, shard));
        ck_assert_ptr_null(cluster_view_next_owner(&v, shard, "b"));
        ck_assert(is(cluster_view_next_owner(&v, shard, "c"), "b"));
        ck_assert_ptr_null(cluster_view_owner_with(&v, shard, "z"));
        with_a += is(cluster_view_owner_with(&v, shard, "a"), "a");
    }
    ck_assert(with_a > 412 && with_a < 612);
    cluster_view_fini(&v);

    v = view_of(2, "");
    ck_assert_ptr_null(cluster_view_owner(&v, 5));
    ck_assert_ptr_null(cluster_view_owner_with(&v, 5, "a"));
    cluster_view_fini(&v);
}
END_TEST

/* Taking one away moves its shards to their runner-ups and no other shard. */
START_TEST(a_leaver_moves_only_its_shards)
{
    struct cluster_view all = view_of(1, "edcba"), without = view_of(2, "abde");
    int owned[5] = {0};
    for (uint16_t shard = 0; shard < CLUSTER_SHARD_COUNT; shard++) {
        const struct cluster_member *owner = cluster_view_owner(&all, shard);
        const struct cluster_member *after = cluster_view_owner(&without, shard);
        owned[owner->id[0] - 'a']++;
        ck_assert(owner != cluster_view_runner_up(&all, shard));
        if (is(owner, "c"))
            ck_assert(is(after, cluster_view_runner_up(&all, shard)->id));
        else
            ck_assert(is(after, owner->id));
        ck_assert(is(after, cluster_view_next_owner(&all, shard, "c")->id));
        ck_assert(is(cluster_view_owner_with(&all, shard, "c"), owner->id));
    }
    for (int i = 0; i < 5; i++) /* 205 each; four standard deviations are 51 */
        ck_assert_msg(owned[i] > 154 && owned[i] < 256, "%c owns %d shards", 'a' + i, owned[i]);
    cluster_view_fini(&all);
    cluster_view_fini(&without);
}
END_TEST

/* What a joining member preloads is exactly what it owns once it is live. */
START_TEST(a_joiner_knows_its_shards)
{
    struct cluster_view before, after = view_of(2, "abc");
    cluster_view_init(&before, 1);
    add(&before, "a", 1, CLUSTER_LIVE);
    add(&before, "b", 1, CLUSTER_LIVE);
    add(&before, "c", 1, CLUSTER_JOINING);
    ck_assert_int_eq(cluster_view_seal(&before), 0);
    for (uint16_t shard = 0; shard < CLUSTER_SHARD_COUNT; shard++)
        ck_assert(is(cluster_view_owner_with(&before, shard, "c"),
                     cluster_view_owner(&after, shard)->id));
    cluster_view_fini(&before);
    cluster_view_fini(&after);
}
END_TEST

/* Pins the weight's definition: every process of every version must agree on it. */
START_TEST(weights_never_change)
{
    struct cluster_view v = view_of(1, "abc");
    for (uint16_t shard = 0; shard < CLUSTER_SHARD_COUNT; shard++) {
        char best = 0;
        uint64_t best_weight = 0;
        for (char c = 'a'; c <= 'c'; c++) {
            uint8_t key[3] = {(uint8_t)c, (uint8_t)(shard / 256), (uint8_t)(shard % 256)};
            if (hash_stable(key, 3) > best_weight) {
                best_weight = hash_stable(key, 3);
                best = c;
            }
        }
        ck_assert_int_eq(cluster_view_owner(&v, shard)->id[0], best);
    }
    cluster_view_fini(&v);
}
END_TEST

START_TEST(views_are_compared)
{
    struct cluster_view old = view_of(1, "abc"), new;
    cluster_view_init(&new, 2);
    add(&new, "b", 9, CLUSTER_LIVE); /* restarted */
    add(&new, "c", 1, CLUSTER_LEAVING);
    add(&new, "d", 1, CLUSTER_JOINING);
    ck_assert_int_eq(cluster_view_seal(&new), 0);
    size_t cursor = 0;
    ck_assert(is(cluster_view_next_missing(&old, &new, &cursor), "a"));
    ck_assert(is(cluster_view_next_missing(&old, &new, &cursor), "b"));
    ck_assert_ptr_null(cluster_view_next_missing(&old, &new, &cursor));
    cursor = 0;
    const struct cluster_member *added = cluster_view_next_missing(&new, &old, &cursor);
    ck_assert(is(added, "b") && added->boot_id == 9);
    ck_assert(is(cluster_view_next_missing(&new, &old, &cursor), "d"));
    ck_assert_ptr_null(cluster_view_next_missing(&new, &old, &cursor));
    ck_assert_uint_eq(cluster_view_count_missing_ids(&old, &new), 1);

    struct cluster_view copy;
    ck_assert_int_eq(cluster_view_copy(&new, &copy), 0);
    ck_assert(cluster_view_equal(&new, &copy) && !cluster_view_equal(&old, &new));
    copy.members[1].state = CLUSTER_LIVE;
    ck_assert(!cluster_view_equal(&new, &copy));
    cluster_view_fini(&copy);
    cluster_view_fini(&old);
    cluster_view_fini(&new);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cluster view");
    TCase *tc = tcase_create("view");
    tcase_set_timeout(tc, 60); /* a busy machine and sanitizers */
    tcase_add_test(tc, shards_never_change);
    tcase_add_test(tc, members_are_checked);
    tcase_add_test(tc, duplicates_and_crowds_are_refused);
    tcase_add_test(tc, only_live_members_own);
    tcase_add_test(tc, a_leaver_moves_only_its_shards);
    tcase_add_test(tc, a_joiner_knows_its_shards);
    tcase_add_test(tc, weights_never_change);
    tcase_add_test(tc, views_are_compared);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
