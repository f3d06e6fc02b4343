/*
 * The function library against a real Redis, through the typed calls: every answer of every
 * function of a document, and what stands in Redis afterwards.
 */
#include <stdio.h>
#include <stdlib.h>

#include "redis_functions_help_test.h"

START_TEST(append_wants_the_head_it_expects)
{
    struct chain_position zero = chain_position_start(help.doc.id);
    help_append(&zero, 1, "too early");
    ck_assert_int_eq(got.append.status, REDIS_MISSING);
    ck_assert_str_eq(help_cli("exists", "log", ""), "0");
    ck_assert_str_eq(help_dirty_score(), "");

    help_adopted();
    struct chain_position one = help_append(&zero, 3, "first");
    ck_assert_int_eq(got.append.status, REDIS_APPENDED);
    struct chain_position two = help_append(&one, 1, "second");
    ck_assert_int_eq(got.append.status, REDIS_APPENDED);

    help_append(&one, 1, "late"); /* another worker that has not seen the second */
    ck_assert_int_eq(got.append.status, REDIS_REFUSED);
    ck_assert(chain_position_equal(&got.append.head, &two));

    struct chain_position gap = two;
    gap.rev += 5; /* a bare XADD would write on top of this hole */
    help_append(&gap, 1, "gap");
    ck_assert_int_eq(got.append.status, REDIS_REFUSED);

    struct chain_position beside = two;
    beside.hash[15] ^= 1; /* the same revision in another history */
    help_append(&beside, 1, "beside");
    ck_assert_int_eq(got.append.status, REDIS_REFUSED);
    ck_assert(chain_position_equal(&got.append.head, &two));

    help_read_all(1);
    ck_assert(got.read.has_head && chain_position_equal(&got.read.head, &two));
    ck_assert_uint_eq(got.read.count, 2);
    ck_assert_str_eq(got.payloads[0], "first");
    ck_assert_uint_eq(got.entries[0].first_rev, 1);
    ck_assert(chain_position_equal(&got.entries[0].after, &one));
    ck_assert_str_eq(got.payloads[1], "second");
    ck_assert_uint_eq(got.entries[1].first_rev, 4);
    ck_assert(chain_position_equal(&got.entries[1].after, &two));
}
END_TEST

START_TEST(append_marks_once)
{
    struct chain_position zero = help_adopted();
    struct chain_position one = help_append(&zero, 1, "x");
    double due = atof(help_dirty_score()), now;
    const char *time = support_redis_cli(help.server, "time"); /* seconds, then microseconds */
    now = atof(time) * 1000 + atof(strchr(time, '\n')) / 1000;
    ck_assert_msg(due <= now + 2000 && due > now - 8000, "due %f, now %f", due, now);
    help_set_dirty_score("17");
    help_append(&one, 1, "y");
    ck_assert_str_eq(help_dirty_score(), "17"); /* NX: the first append decides when it is due */
}
END_TEST

START_TEST(payloads_may_hold_any_byte)
{
    struct chain_position zero = help_adopted();
    static const char binary[] = "a\0b\r\n$5\r\nc\xff";
    struct slice payload = slice_of(binary, sizeof binary);
    struct chain_position one = chain_position_after(&zero, 1, payload);
    help_wait(redis_append(help.client, help.doc, &zero, &one, payload, help_on_append, NULL));
    ck_assert_int_eq(got.append.status, REDIS_APPENDED);
    help_read_all(1);
    ck_assert_uint_eq(got.entries[0].first_rev, 1);
    ck_assert_uint_eq(got.read.entries == NULL, 0);
    ck_assert_str_eq(help_cli("xlen", "log", ""), "1");
}
END_TEST

START_TEST(revisions_beyond_doubles_are_exact)
{
    struct chain_position at = chain_position_start(help.doc.id);
    at.rev = (1ull << 53) + 1;
    help_wait(redis_adopt(help.client, help.doc, &at, help_on_adopt, NULL));
    struct chain_position after = help_append(&at, 1, "x");
    ck_assert_int_eq(got.append.status, REDIS_APPENDED);
    help_read_all(after.rev);
    ck_assert_uint_eq(got.read.count, 1);
    ck_assert_uint_eq(got.entries[0].first_rev, (1ull << 53) + 2);
    help_wait(redis_trim(help.client, help.doc, after.rev, &after, help_on_trim, NULL));
    ck_assert_int_eq(got.trim.status, REDIS_TRIMMED);
}
END_TEST

START_TEST(read_answers_in_parts)
{
    help_read_all(1);
    ck_assert(!got.read.has_head && got.read.count == 0);
    struct chain_position at = help_adopted();
    help_read_all(1);
    ck_assert(got.read.has_head && got.read.count == 0 && got.read.head.rev == 0);
    for (int i = 0; i < 80; i++) {
        char text[16];
        snprintf(text, sizeof text, "entry %04d", i);
        at = help_append(&at, 2, text); /* revisions 2i+1, 2i+2 */
    }
    help_read_all(1);
    ck_assert_uint_eq(got.read.count, 80);
    for (int i = 0; i < 80; i++)
        ck_assert_uint_eq(got.entries[i].first_rev, 2 * i + 1);
    help_read_all(2); /* within the first entry: it begins earlier */
    ck_assert_uint_eq(got.read.count, 79);
    ck_assert_uint_eq(got.entries[0].first_rev, 3);
    help_read_all(at.rev + 1);
    ck_assert(got.read.count == 0 && chain_position_equal(&got.read.head, &at));
    help_wait(redis_read(help.client, help.doc, 1, 40, 1 << 20, help_on_read, NULL));
    ck_assert_uint_eq(got.read.count, 40);
    help_wait(
        redis_read(help.client, help.doc, 1, 100, 50, help_on_read, NULL)); /* 10 bytes each */
    ck_assert_uint_eq(got.read.count, 5);
    help_wait(redis_read(help.client, help.doc, 1, 100, 3, help_on_read, NULL));
    ck_assert_uint_eq(got.read.count, 1);
    ck_assert(chain_position_equal(&got.read.head, &at));
}
END_TEST

START_TEST(claims_expire)
{
    struct chain_position zero = help_adopted();
    help_append(&zero, 1, "x");
    help_wait(redis_claim(help.client, help.doc.lane, 60000, 10, help_on_claim, NULL));
    ck_assert_uint_eq(got.id_count, 0); /* due in 2 s */
    help_set_dirty_score("1");
    support_redis_cli(help.server, "zadd 'weft:{7}:dirty' 2 second 3 third");
    help_wait(redis_claim(help.client, help.doc.lane, 60000, 2, help_on_claim, NULL));
    ck_assert_uint_eq(got.id_count, 2);
    ck_assert_str_eq(got.ids[0], help_doc_id); /* the longest due first, unescaped */
    ck_assert_str_eq(got.ids[1], "second");
    help_wait(redis_claim(help.client, help.doc.lane, 1, 10, help_on_claim, NULL));
    ck_assert_uint_eq(got.id_count, 1);
    ck_assert_str_eq(got.ids[0], "third");
    int64_t end = ev_loop_now_ms(help.loop) + HELP_WAIT_MS;
    do { /* its lease of 1 ms ends */
        help_wait(redis_claim(help.client, help.doc.lane, 60000, 10, help_on_claim, NULL));
    } while (got.id_count == 0 && ev_loop_now_ms(help.loop) < end);
    ck_assert_uint_eq(got.id_count, 1);
    ck_assert_str_eq(got.ids[0], "third");
    help_wait(redis_claim(help.client, help.doc.lane + 1, 60000, 10, help_on_claim, NULL));
    ck_assert_uint_eq(got.id_count, 0);
}
END_TEST

START_TEST(trim_wants_its_position_on_the_chain)
{
    struct chain_position zero = help_adopted();
    struct chain_position one = help_append(&zero, 2, "first");
    struct chain_position two = help_append(&one, 2, "second");
    struct chain_position three = help_append(&two, 2, "third");
    struct chain_position beside = two;
    beside.hash[0] ^= 1;

    help_wait(redis_trim(help.client, help.doc, 3, &beside, help_on_trim, NULL)); /* other hash */
    ck_assert_int_eq(got.trim.status, REDIS_NOTHING);
    ck_assert_uint_eq(got.trim.left, 3);
    help_wait(redis_trim(help.client, help.doc, 4, &two, help_on_trim, NULL)); /* inside an entry */
    ck_assert_int_eq(got.trim.status, REDIS_NOTHING);
    help_wait(redis_trim(help.client, help.doc, 1, &two, help_on_trim,
                         NULL)); /* another entry's position */
    ck_assert_int_eq(got.trim.status, REDIS_NOTHING);
    help_wait(redis_trim(help.client, help.doc, 7, &three, help_on_trim, NULL)); /* not there */
    ck_assert_int_eq(got.trim.status, REDIS_NOTHING);
    ck_assert_str_eq(help_cli("xlen", "log", ""), "3");

    help_set_dirty_score("99999999999999"); /* as under a claim */
    help_wait(redis_trim(help.client, help.doc, 3, &two, help_on_trim, NULL));
    ck_assert_int_eq(got.trim.status, REDIS_TRIMMED);
    ck_assert_uint_eq(got.trim.removed, 2);
    ck_assert_uint_eq(got.trim.left, 1);
    ck_assert_double_lt(atof(help_dirty_score()), 99999999999999.); /* due again soon */
    help_read_all(1);
    ck_assert_uint_eq(got.read.count, 1);
    ck_assert_uint_eq(got.entries[0].first_rev, 5);

    help_wait(redis_trim(help.client, help.doc, 3, &two, help_on_trim,
                         NULL)); /* a second archiver, late */
    ck_assert_int_eq(got.trim.status, REDIS_NOTHING);
    ck_assert_uint_eq(got.trim.left, 1);
    ck_assert_str_ne(help_dirty_score(), "");

    help_wait(redis_trim(help.client, help.doc, 5, &three, help_on_trim, NULL));
    ck_assert_int_eq(got.trim.status, REDIS_TRIMMED);
    ck_assert_uint_eq(got.trim.left, 0);
    ck_assert_str_eq(help_dirty_score(), "");

    help_set_dirty_score("5"); /* a wrong mark */
    help_wait(
        redis_trim(help.client, help.doc, 3, &two, help_on_trim, NULL)); /* empty, not the head */
    ck_assert_int_eq(got.trim.status, REDIS_NOTHING);
    ck_assert_str_eq(help_dirty_score(), "5");
    help_wait(
        redis_trim(help.client, help.doc, 5, &three, help_on_trim, NULL)); /* empty, the head */
    ck_assert_int_eq(got.trim.status, REDIS_EMPTY);
    ck_assert_str_eq(help_dirty_score(), "");

    help_append(&three, 1, "goes on");
    ck_assert_int_eq(got.append.status, REDIS_APPENDED);
}
END_TEST

START_TEST(adopt_sets_only_what_is_missing)
{
    struct chain_position zero = help_adopted();
    struct chain_position other = zero;
    other.rev = 9;
    help_wait(redis_adopt(help.client, help.doc, &other, help_on_adopt, NULL));
    ck_assert(!got.adopt.set && chain_position_equal(&got.adopt.head, &zero));
    ck_assert_str_eq(help_cli("strlen", "head", ""), "24");
    ck_assert_str_eq(help_cli("ttl", "head", ""), "-1");
}
END_TEST

START_TEST(rebase_wants_the_head_it_read)
{
    struct chain_position zero = chain_position_start(help.doc.id), far = zero;
    far.rev = 5;
    help_wait(redis_rebase(help.client, help.doc, &zero, &far, help_on_append, NULL));
    ck_assert_int_eq(got.append.status, REDIS_MISSING);
    help_adopted();
    struct chain_position one = help_append(&zero, 20, "lost");
    help_wait(redis_rebase(help.client, help.doc, &zero, &far, help_on_append, NULL));
    ck_assert_int_eq(got.append.status, REDIS_REFUSED);
    ck_assert(chain_position_equal(&got.append.head, &one));
    ck_assert_str_eq(help_cli("xlen", "log", ""), "1");
    help_wait(redis_rebase(help.client, help.doc, &one, &far, help_on_append, NULL));
    ck_assert_int_eq(got.append.status, REDIS_APPENDED);
    ck_assert_str_eq(help_cli("exists", "log", ""), "0");
    ck_assert_str_eq(help_dirty_score(), "");
    /* Below the old top: possible because the stream went as a whole. */
    struct chain_position six = help_append(&far, 1, "again");
    ck_assert_int_eq(got.append.status, REDIS_APPENDED);
    help_read_all(1);
    ck_assert(got.read.count == 1 && chain_position_equal(&got.read.head, &six));
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, append_wants_the_head_it_expects);
    tcase_add_test(tc, append_marks_once);
    tcase_add_test(tc, payloads_may_hold_any_byte);
    tcase_add_test(tc, revisions_beyond_doubles_are_exact);
    tcase_add_test(tc, read_answers_in_parts);
    tcase_add_test(tc, claims_expire);
    tcase_add_test(tc, trim_wants_its_position_on_the_chain);
    tcase_add_test(tc, adopt_sets_only_what_is_missing);
    tcase_add_test(tc, rebase_wants_the_head_it_read);
}

int main(void)
{
    return help_main("redis_functions", add);
}
