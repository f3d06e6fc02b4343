/* Heads, streams and dirty marks: looked at, listed and repaired, against a real Redis. */
#include <stdio.h>

#include "redis_functions_help_test.h"

static bool looks(uint64_t entries, bool marked)
{
    help_wait(redis_look(help.client, help.doc, help_on_look, NULL));
    return got.look.entries == entries && got.look.marked == marked;
}

START_TEST(look_tells_stream_and_mark_and_changes_nothing)
{
    ck_assert(looks(0, false));
    struct chain_position zero = help_adopted();
    ck_assert(looks(0, false));
    help_set_dirty_score("1");
    ck_assert(looks(0, true));
    struct chain_position one = help_append(&zero, 1, "x");
    help_append(&one, 1, "y");
    ck_assert(looks(2, true));
    support_redis_cli(help.server, "del 'weft:{7}:dirty'");
    ck_assert(looks(2, false));
    ck_assert(looks(2, false));
}
END_TEST

START_TEST(remark_repairs_both_ways)
{
    help_wait(redis_remark(help.client, help.doc, help_on_remark, NULL));
    ck_assert_int_eq(got.remark, REDIS_MARK_RIGHT);
    struct chain_position zero = help_adopted();
    help_set_dirty_score("1");
    help_wait(redis_remark(help.client, help.doc, help_on_remark, NULL));
    ck_assert_int_eq(got.remark, REDIS_UNMARKED);
    ck_assert_str_eq(help_dirty_score(), "");
    help_append(&zero, 1, "x");
    help_wait(redis_remark(help.client, help.doc, help_on_remark, NULL));
    ck_assert_int_eq(got.remark, REDIS_MARK_RIGHT);
    support_redis_cli(help.server, "del 'weft:{7}:dirty'");
    help_wait(redis_remark(help.client, help.doc, help_on_remark, NULL));
    ck_assert_int_eq(got.remark, REDIS_MARKED);
    ck_assert_str_ne(help_dirty_score(), "");
}
END_TEST

START_TEST(scan_finds_all_heads)
{
    struct chain_position p = chain_position_start(help.doc.id);
    for (unsigned i = 0; i < 50; i++) {
        char id[16];
        snprintf(id, sizeof id, "d/%02u", i);
        struct redis_doc d = {.lane = i % 64, .id = slice_str(id)};
        help_wait(redis_adopt(help.client, d, &p, help_on_adopt, NULL));
    }
    support_redis_cli(help.server, "set 'weft:{x}:head:foreign' 1");
    support_redis_cli(help.server, "set 'weft:{1}:head:%%zz' 1");
    bool seen[50] = {false};
    do {
        help_wait(redis_scan(help.client, REDIS_ALL_LANES, got.cursor, 10, help_on_scan, NULL));
    } while (got.cursor);
    for (size_t i = 0; i < got.id_count; i++) {
        unsigned n;
        ck_assert_msg(sscanf(got.ids[i], "d/%u", &n) == 1, "%s", got.ids[i]);
        ck_assert_uint_eq(got.lanes[i], n % 64);
        seen[n] = true;
    }
    for (unsigned i = 0; i < 50; i++)
        ck_assert(seen[i]);
    got.id_count = 0;
    do {
        help_wait(redis_scan(help.client, 17, got.cursor, 10, help_on_scan, NULL));
    } while (got.cursor);
    ck_assert_uint_ge(got.id_count, 1);
    for (size_t i = 0; i < got.id_count; i++)
        ck_assert_str_eq(got.ids[i], "d/17");
}
END_TEST

START_TEST(marks_are_listed_with_or_without_a_head)
{
    bool seen[90] = {false};

    for (unsigned i = 0; i < 90;
         i++) /* more than a set that is listed in one go, if it were small */
        support_redis_cli(help.server, "zadd 'weft:{17}:dirty' 1 m/%02u", i);
    support_redis_cli(help.server, "zadd 'weft:{18}:dirty' 1 other");
    do {
        help_wait(redis_marks(help.client, 17, got.cursor, 10, help_on_marks, NULL));
    } while (got.cursor);
    ck_assert_uint_eq(got.id_count, 90);
    for (size_t i = 0; i < got.id_count; i++) {
        unsigned n;
        ck_assert_msg(sscanf(got.ids[i], "m/%u", &n) == 1 && n < 90, "%s", got.ids[i]);
        seen[n] = true;
    }
    for (unsigned i = 0; i < 90; i++)
        ck_assert(seen[i]);
    got.id_count = 0;
    help_wait(redis_marks(help.client, 19, 0, 10, help_on_marks, NULL));
    ck_assert_uint_eq(got.id_count, 0);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, look_tells_stream_and_mark_and_changes_nothing);
    tcase_add_test(tc, remark_repairs_both_ways);
    tcase_add_test(tc, scan_finds_all_heads);
    tcase_add_test(tc, marks_are_listed_with_or_without_a_head);
}

int main(void)
{
    return help_main("redis_marks", add);
}
