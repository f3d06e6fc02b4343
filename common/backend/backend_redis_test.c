/* What Redis is asked for, but BEAT: each call, and each result that a healthy server gives. */
#include "backend_help_test.h"

#include <stdio.h>

static void setup(void)
{
    help_open(REDIS_LEVEL_FSYNC, false);
}

START_TEST(an_append_wants_the_head_it_expects)
{
    struct chain_position zero = chain_position_start(slice_str(DOC));
    struct asked append = help_call(STORAGE_APPEND, DOC);
    append.call.expect = zero;
    append.call.position = chain_position_after(&zero, 2, slice_str("xy"));
    append.call.first_rev = 1;
    append.call.payload = slice_str("xy");
    ck_assert_int_eq(help_ask(&append), STORAGE_MISSING);
    help_drop(&append);
    (void)help_adopt(DOC);
    ck_assert_int_eq(help_ask(&append), STORAGE_OK);
    help_drop(&append);
    ck_assert_int_eq(help_ask(&append), STORAGE_REFUSED);
    ck_assert(append.call.has_head &&
              chain_position_equal(&append.call.head, &append.call.position));
    help_drop(&append);

    struct asked adopt = help_call(STORAGE_ADOPT, DOC);
    adopt.call.position = zero; /* too late: the head that is there stays */
    ck_assert_int_eq(help_ask(&adopt), STORAGE_OK);
    ck_assert(adopt.call.has_head && chain_position_equal(&adopt.call.head, &append.call.position));
    help_drop(&adopt);
    ck_assert_uint_eq(help_metric("weft_storage_calls_total{kind=\"append\",result=\"missing\"}"),
                      1);
    ck_assert_uint_eq(help_metric("weft_storage_calls_total{kind=\"append\",result=\"refused\"}"),
                      1);
    ck_assert_uint_eq(help_metric("weft_storage_calls_total{kind=\"append\",result=\"ok\"}"), 1);
    ck_assert_uint_eq(help_metric("weft_storage_call_seconds_count{kind=\"append\"}"), 3);
}
END_TEST

START_TEST(a_read_begins_where_it_is_asked)
{
    struct asked read;
    ck_assert_int_eq(help_read(&read, 1, 100), STORAGE_OK);
    ck_assert(!read.call.has_head && read.call.entry_count == 0);
    help_drop(&read);

    struct chain_position at[4] = {help_adopt(DOC)};
    static const char *const payloads[] = {"", "one", "", "three"};
    for (int i = 1; i <= 3; i++)
        at[i] = help_append(DOC, &at[i - 1], payloads[i]);
    ck_assert_int_eq(help_read(&read, 2, 100), STORAGE_OK);
    ck_assert(read.call.has_head && chain_position_equal(&read.call.head, &at[3]));
    ck_assert_uint_eq(read.call.entry_count, 2);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_uint_eq(read.call.entries[i].first_rev, i + 2);
        ck_assert(chain_position_equal(&read.call.entries[i].position, &at[i + 2]));
        ck_assert(help_text_is(read.call.entries[i].payload, payloads[i + 2]));
    }
    help_drop(&read);
    ck_assert_int_eq(help_read(&read, 1, 1), STORAGE_OK);
    ck_assert_uint_eq(read.call.entry_count, 1);
    help_drop(&read);
    ck_assert_int_eq(help_read(&read, 9, 100), STORAGE_OK);
    ck_assert(read.call.entry_count == 0 && chain_position_equal(&read.call.head, &at[3]));
    help_drop(&read);
}
END_TEST

#define LONG_PAYLOAD 300000
#define LONG_ENTRIES 24

static char *long_payload(int i)
{
    static char payload[LONG_PAYLOAD + 1];

    memset(payload, 'a' + i, LONG_PAYLOAD);
    return payload;
}

static struct chain_position long_stream(void)
{
    struct chain_position at = help_adopt(DOC);

    for (int i = 0; i < LONG_ENTRIES; i++)
        at = help_append(DOC, &at, long_payload(i));
    return at;
}

START_TEST(a_long_stream_is_read_in_pages)
{
    struct chain_position end = long_stream();
    struct asked read;
    ck_assert_int_eq(help_read(&read, 1, 1000), STORAGE_OK);
    ck_assert_uint_ge(help_metric("weft_storage_read_pages_total"), 6);
    ck_assert_uint_eq(read.call.entry_count, LONG_ENTRIES);
    ck_assert(chain_position_equal(&read.call.head, &end));
    for (int i = 0; i < LONG_ENTRIES; i++) {
        ck_assert_uint_eq(read.call.entries[i].first_rev, (uint64_t)i + 1);
        ck_assert(help_text_is(read.call.entries[i].payload, long_payload(i)));
    }
    help_drop(&read);
    ck_assert_int_eq(help_read(&read, 1, 10), STORAGE_OK); /* ends within a page */
    ck_assert_uint_eq(read.call.entry_count, 10);
    help_drop(&read);
}
END_TEST

/* Stands between two pages of a READ while `change` is made. */
static enum storage_result read_while(struct asked *read, const char *change)
{
    uint64_t pages = help_metric("weft_storage_read_pages_total");

    *read = help_call(STORAGE_READ, DOC);
    read->call.from_rev = 1;
    read->call.count_max = 1000;
    help_send(read);
    AWAIT(help_metric("weft_storage_read_pages_total") > pages);
    ck_assert_uint_eq(read->answers, 0);
    (void)support_redis_cli(help.redis, "%s", change);
    AWAIT(read->answers);
    return read->call.result;
}

START_TEST(a_stream_that_changes_between_pages_is_read_again)
{
    char key[64], change[128];
    struct asked read;
    struct chain_position end = long_stream();
    snprintf(key, sizeof key, "weft:{%u}:log:doc%%2Fa", cluster_lane_of(slice_str(DOC)));
    ck_assert_str_eq(support_redis_cli(help.redis, "exists '%s'", key), "1");
    /* Behind what was read: no change to what the pages say. */
    snprintf(change, sizeof change, "xtrim '%s' MINID 2-0", key);
    ck_assert_int_eq(read_while(&read, change), STORAGE_OK);
    ck_assert_uint_eq(read.call.entry_count, LONG_ENTRIES);
    ck_assert(chain_position_equal(&read.call.head, &end));
    help_drop(&read);
    /* Beyond it: a hole. */
    snprintf(change, sizeof change, "xtrim '%s' MINID 24-0", key);
    ck_assert_int_eq(read_while(&read, change), STORAGE_UNKNOWN);
    ck_assert_uint_eq(read.call.entry_count, 0);
    help_drop(&read);
}
END_TEST

/* A page that does not join, though nothing has changed: else it would be read again for ever. */
START_TEST(a_hole_between_pages_is_damage)
{
    unsigned lane = cluster_lane_of(slice_str(DOC));
    struct asked read;
    (void)long_stream();
    ck_assert_int_eq(help_read(&read, 1, 1000), STORAGE_OK);
    help_drop(&read);
    ck_assert_int_eq(help_read(&read, 1, 3), STORAGE_OK); /* a page holds three */
    help_drop(&read);
    uint64_t pages = help_metric("weft_storage_read_pages_total");
    (void)support_redis_cli(help.redis, "xdel 'weft:{%u}:log:doc%%2Fa' 4-0", lane);
    ck_assert_int_eq(help_read(&read, 1, 1000), STORAGE_DAMAGED);
    ck_assert_uint_gt(help_metric("weft_storage_read_pages_total"), pages);
    ck_assert(!read.call.has_head && read.call.entry_count == 0);
    help_drop(&read);
    ck_assert_uint_eq(help_metric("weft_storage_calls_total{kind=\"read\",result=\"damaged\"}"), 1);
    ck_assert_uint_eq(help.opened, 0);
}
END_TEST

START_TEST(a_stream_that_vanishes_between_pages_is_read_again)
{
    char change[128];
    struct asked read;
    (void)long_stream();
    snprintf(change, sizeof change, "unlink 'weft:{%u}:log:doc%%2Fa'",
             cluster_lane_of(slice_str(DOC)));
    ck_assert_int_eq(read_while(&read, change), STORAGE_UNKNOWN);
    help_drop(&read);
}
END_TEST

START_TEST(a_trim_wants_a_position_on_the_chain)
{
    uint64_t left;
    struct chain_position at[4] = {help_adopt(DOC)};
    for (int i = 1; i <= 3; i++)
        at[i] = help_append(DOC, &at[i - 1], "x");
    struct chain_position wrong = at[2];
    wrong.hash[3] ^= 1;
    ck_assert_int_eq(help_trim(2, &wrong, &left), STORAGE_REFUSED);
    ck_assert_uint_eq(left, 3);
    ck_assert_int_eq(help_trim(2, &at[2], &left), STORAGE_OK);
    ck_assert_uint_eq(left, 1);
    ck_assert_int_eq(help_trim(3, &at[3], &left), STORAGE_OK);
    ck_assert_uint_eq(left, 0);
    ck_assert_int_eq(help_trim(3, &at[3], &left), STORAGE_OK); /* again: it is so already */
}
END_TEST

static enum storage_result rebase_to(const struct chain_position *expect,
                                     const struct chain_position *to, struct asked *ret)
{
    *ret = help_call(STORAGE_REBASE, DOC);
    ret->call.expect = *expect;
    ret->call.position = *to;
    enum storage_result result = help_ask(ret);
    help_drop(ret);
    return result;
}

START_TEST(a_rebase_wants_the_head_it_expects)
{
    struct asked asked;
    struct chain_position zero = chain_position_start(slice_str(DOC));
    ck_assert_int_eq(rebase_to(&zero, &zero, &asked), STORAGE_REFUSED);
    ck_assert(!asked.call.has_head);
    (void)help_adopt(DOC);
    struct chain_position one = help_append(DOC, &zero, "x");
    ck_assert_int_eq(rebase_to(&zero, &one, &asked), STORAGE_REFUSED);
    ck_assert(asked.call.has_head && chain_position_equal(&asked.call.head, &one));
    ck_assert_int_eq(rebase_to(&one, &zero, &asked), STORAGE_OK);
    ck_assert_int_eq(help_read(&asked, 1, 10), STORAGE_OK);
    ck_assert(chain_position_equal(&asked.call.head, &zero) && asked.call.entry_count == 0);
    help_drop(&asked);
}
END_TEST

static size_t claim(uint64_t lease_ms)
{
    struct asked asked = help_call(STORAGE_CLAIM, "");

    asked.call.lane = cluster_lane_of(slice_str(DOC));
    asked.call.lease_ms = lease_ms;
    ck_assert_int_eq(help_ask(&asked), STORAGE_OK);
    size_t count = asked.call.doc_count;
    ck_assert(count == 0 || help_text_is(asked.call.docs[0], DOC));
    help_drop(&asked);
    return count;
}

START_TEST(a_claim_falls_due_and_comes_back)
{
    struct chain_position zero = help_adopt(DOC);
    ck_assert_uint_eq(claim(1000), 0);
    (void)help_append(DOC, &zero, "x");
    AWAIT(claim(300) == 1);
    AWAIT(claim(600000) == 1); /* the lease of 300 ms has run out */
    ck_assert_uint_eq(claim(600000), 0);
}
END_TEST

/* A whole round over the lane. */
static uint64_t remark(unsigned lane)
{
    struct asked asked = help_call(STORAGE_REMARK, "");
    uint64_t count = 0;

    asked.call.lane = lane;
    asked.call.count_max = 3; /* so that a round takes several calls */
    do {
        ck_assert_int_eq(help_ask(&asked), STORAGE_OK);
        count += asked.call.count;
        help_drop(&asked);
    } while (asked.call.cursor);
    return count;
}

START_TEST(the_sweep_repairs_marks)
{
    unsigned lane = cluster_lane_of(slice_str(DOC));
    struct chain_position zero = help_adopt(DOC);
    for (int i = 0; i < 40; i++) {
        char other[16];
        snprintf(other, sizeof other, "other%d", i);
        (void)help_adopt(other);
    }
    ck_assert_uint_eq(remark(lane), 0);
    (void)support_redis_cli(help.redis, "zadd 'weft:{%u}:dirty' 1 '%s'", lane, DOC);
    ck_assert_uint_eq(remark(lane), 1); /* marked, but the stream is empty */
    (void)help_append(DOC, &zero, "x");
    (void)support_redis_cli(help.redis, "del 'weft:{%u}:dirty'", lane);
    ck_assert_uint_eq(remark((lane + 1) % CLUSTER_LANE_COUNT), 0);
    ck_assert_uint_eq(remark(lane), 1);
    ck_assert_uint_eq(remark(lane), 0);
}
END_TEST

static void add(Suite *suite)
{
    TCase *calls = help_case(suite, "calls", false);
    tcase_add_checked_fixture(calls, setup, help_teardown);
    tcase_add_test(calls, an_append_wants_the_head_it_expects);
    tcase_add_test(calls, a_read_begins_where_it_is_asked);
    tcase_add_test(calls, a_long_stream_is_read_in_pages);
    tcase_add_test(calls, a_stream_that_changes_between_pages_is_read_again);
    tcase_add_test(calls, a_hole_between_pages_is_damage);
    tcase_add_test(calls, a_stream_that_vanishes_between_pages_is_read_again);
    tcase_add_test(calls, a_trim_wants_a_position_on_the_chain);
    tcase_add_test(calls, a_rebase_wants_the_head_it_expects);
    tcase_add_test(calls, a_claim_falls_due_and_comes_back);
    tcase_add_test(calls, the_sweep_repairs_marks);
}

int main(void)
{
    return help_main("backend redis", add);
}
