/* `weftctl verify` on what is stored, right and damaged: each kind of damage is made by hand. */
#include <check.h>
#include <stdlib.h>

#include "cluster_shard.h"
#include "ctl_world_test.h"

/* These words are in the only line. */
#define VERIFY_FINDS(words)                                                                        \
    do {                                                                                           \
        DENIES(world_out, words, "verify", "d");                                                   \
        ck_assert_msg(strchr(world_out, '\n') == world_out + strlen(world_out) - 1, "%s",          \
                      world_out);                                                                  \
    } while (0)

static void redis_do(const char *command)
{
    const char *said = support_redis_cli(world_redis, "%s", command);
    ck_assert_msg(!strstr(said, "ERR"), "%s", said);
}

START_TEST(verify_is_content)
{
    ck_assert_int_eq(world_ctl("verify", "d", NULL), CTL_YES);
    ck_assert_str_eq(world_out, "d: right, at revision 8\n");
    ck_assert_int_eq(world_ctl("verify", "d", "--json", NULL), CTL_YES);
    ck_assert_str_eq(world_out, "{\"doc\":\"d\",\"ok\":true,\"rev\":8,\"problems\":[]}\n");
    DENIES(world_err, "there is no document 'nobody'", "verify", "nobody");
}
END_TEST

START_TEST(verify_finds_a_damaged_segment)
{
    world_sql("update weft.segments set bytes = 'nonsense' where first_rev = 5");
    VERIFY_FINDS("d: PostgreSQL's segment of revisions 5 to 5: it is damaged: not what was "
                 "compressed");
}
END_TEST

START_TEST(verify_finds_a_segment_of_another_document)
{
    struct world_doc *other = world_doc_new("other", "x");
    world_append(other, "y", 3);
    world_archive(other, false, true);
    world_sql(
        "update weft.segments set bytes = (select bytes from weft.segments where doc = 'other') "
        "where doc = 'd' and first_rev = 1");
    DENIES(world_out, "d: PostgreSQL's segment of revisions 1 to 4: its bytes lead to hash ",
           "verify", "d");
    ck_assert_ptr_nonnull(
        strstr(world_out, "d: PostgreSQL's snapshot is at revision 4 with hash "));
    world_doc_free(other);
}
END_TEST

START_TEST(verify_finds_a_changed_row)
{
    world_sql("update weft.segments set last_rev = 6 where first_rev = 5");
    VERIFY_FINDS("d: PostgreSQL's segment of revisions 5 to 6: its entries end at revision 5");
}
END_TEST

START_TEST(verify_finds_a_missing_segment)
{
    world_archive(world_usual, false, true);
    world_sql("delete from weft.segments where first_rev = 5");
    VERIFY_FINDS("d: PostgreSQL's segments (is one missing?) behind revision 4: PostgreSQL's rows "
                 "have an unexpected shape");
    world_sql("delete from weft.snapshots"); /* where the history stops to look at one */
    VERIFY_FINDS("d: PostgreSQL has no segment of revisions 5 to 5");
    world_sql("delete from weft.segments where first_rev = 1");
    VERIFY_FINDS("d: PostgreSQL's segments (is one missing?) behind revision 0: PostgreSQL's rows "
                 "have an unexpected shape");
}
END_TEST

START_TEST(verify_finds_a_lost_end)
{
    world_sql("delete from weft.segments where first_rev = 5");
    VERIFY_FINDS("d: revisions from 5 are lost: PostgreSQL ends before them, Redis' head is at "
                 "revision 8");
}
END_TEST

START_TEST(verify_finds_a_damaged_snapshot)
{
    world_sql("update weft.snapshots set bytes = 'nonsense'");
    VERIFY_FINDS("d: PostgreSQL's snapshot of revision 4: it is damaged");
}
END_TEST

START_TEST(verify_finds_a_wrong_snapshot)
{
    world_snapshot_replace(world_usual, 4, "abbx", NULL);
    VERIFY_FINDS("d: PostgreSQL's snapshot of revision 4: another text than the history makes");
    world_snapshot_replace(world_usual, 4, "abbb", "a title");
    VERIFY_FINDS("d: PostgreSQL's snapshot of revision 4: the text is right, but title, ");
    world_snapshot_replace(world_usual, 4, "abbb", NULL);
    ck_assert_int_eq(world_ctl("verify", "d", NULL), CTL_YES);
}
END_TEST

/* All that PostgreSQL keeps are compared, not only the one that a load would take. */
START_TEST(verify_finds_a_wrong_snapshot_among_several)
{
    struct bytes older = bytes_steal(&world_usual->snapshot);

    world_archive(world_usual, true, true);
    world_append(world_usual, "f", 2);
    world_archive(world_usual, true, true);
    ck_assert_int_eq(world_ctl("verify", "d", NULL), CTL_YES);
    bytes_fini(&world_usual->snapshot);
    world_usual->snapshot = older;
    world_snapshot_replace(world_usual, 4, "abbx", NULL);
    VERIFY_FINDS("d: PostgreSQL's snapshot of revision 4: another text than the history makes");
    world_sql("update weft.snapshots set bytes = 'nonsense' where rev = 8");
    DENIES(world_out, "d: PostgreSQL's snapshot of revision 4: another text", "verify", "d");
    ck_assert_ptr_nonnull(
        strstr(world_out, "d: PostgreSQL's snapshot of revision 8: it is damaged"));
    ck_assert_ptr_null(strstr(world_out, "revision 10"));
}
END_TEST

START_TEST(verify_finds_a_snapshot_inside_a_segment)
{
    struct world_doc *other = world_doc_new("other", "x");

    world_append(other, "y", 1);
    world_archive(other, true, false);
    world_append(other, "z", 1);
    world_archive(other, true, false);
    world_append(other, "z", 1);
    world_sql("create table weft.kept as select * from weft.snapshots where doc = 'other'");
    world_unarchive(other);
    world_archive(other, false, false); /* all in one */
    world_sql("insert into weft.snapshots select * from weft.kept; drop table weft.kept");
    DENIES(world_out, "other: PostgreSQL's snapshot of revision 3: no segment ends there\n",
           "verify", "other");
    world_doc_free(other);
}
END_TEST

START_TEST(verify_finds_a_snapshot_inside_an_entry)
{
    world_sql("update weft.snapshots set rev = 3");
    VERIFY_FINDS("d: PostgreSQL's snapshot of revision 3: its row says another position");
}
END_TEST

START_TEST(verify_finds_a_wrong_head_in_postgresql)
{
    world_sql("update weft.documents set head_hash = repeat('x', 16)::bytea");
    VERIFY_FINDS("d: PostgreSQL's head is at revision 5 with hash 787878787878, the history has ");
    world_sql("update weft.documents set head_rev = 3, entry_first_rev = 1");
    VERIFY_FINDS("d: PostgreSQL's head is at revision 3, which lies inside the entry of revisions "
                 "2 to 4");
    world_sql("update weft.documents set head_rev = 90");
    VERIFY_FINDS("d: PostgreSQL's head is at revision 90, but the history ends at revision 8");
}
END_TEST

START_TEST(verify_finds_another_beginning_of_the_last_entry)
{
    world_sql("update weft.documents set entry_first_rev = 2");
    VERIFY_FINDS("d: PostgreSQL's head says that its last entry begins at revision 2, it begins at "
                 "5");
}
END_TEST

static const char *key_of(const char *kind)
{
    static char key[64];
    const char *found = support_redis_cli(world_redis, "keys 'weft:*:%s:d'", kind);

    snprintf(key, sizeof key, "%s", found);
    ck_assert_msg(strncmp(key, "weft:", 5) == 0, "%s", key);
    return key;
}

/* Writes the stream again, with each entry's payload p and position h as the script leaves them. */
static void stream_rewrite(const char *script)
{
    char command[800];

    snprintf(command, sizeof command,
             "eval \"local all = redis.call('XRANGE', KEYS[1], '-', '+') "
             "redis.call('DEL', KEYS[1]) for i, e in ipairs(all) do "
             "local p, h = e[2][2], e[2][4] %s "
             "if p then redis.call('XADD', KEYS[1], e[1], 'p', p, 'h', h) end end return #all\" "
             "1 '%s'",
             script, key_of("log"));
    redis_do(command);
}

START_TEST(verify_finds_a_changed_byte_in_the_stream)
{
    stream_rewrite("if i == 2 then p = string.gsub(p, 'e', 'f') end");
    VERIFY_FINDS("d: Redis' stream: entry of revisions 8 to 8: its hash does not follow from the "
                 "history before it and its bytes");
}
END_TEST

START_TEST(verify_finds_a_changed_hash_in_the_stream)
{
    stream_rewrite("if i == 1 then h = string.sub(h, 1, 23) .. 'x' end");
    VERIFY_FINDS("d: Redis' stream: entry of revisions 6 to 7: its hash does not follow");
}
END_TEST

START_TEST(verify_finds_a_hole_in_the_stream)
{
    stream_rewrite("if i == 1 then p = nil end");
    VERIFY_FINDS("d: revisions from 6 are lost: PostgreSQL ends before them, Redis' head is at "
                 "revision 8");
}
END_TEST

START_TEST(verify_finds_nonsense_in_the_stream)
{
    stream_rewrite("if i == 1 then h = 'x' end");
    VERIFY_FINDS(
        "d: Redis' stream behind revision 0: Redis: the head or an entry is not what Weft writes");
}
END_TEST

/* Archived, but not trimmed yet: such entries are still read by who tails the stream. */
START_TEST(verify_finds_damage_in_what_is_archived)
{
    world_archive(world_usual, false, false);
    ck_assert_int_eq(world_ctl("verify", "d", NULL), CTL_YES);
    stream_rewrite("if i == 1 then p = string.gsub(p, 'd', 'f') end");
    VERIFY_FINDS(
        "d: Redis' stream: entry of revisions 6 to 7 (archived): its hash does not follow");
}
END_TEST

START_TEST(verify_finds_wrong_dirty_marks)
{
    char command[200], dirty[64];
    const char *found = support_redis_cli(world_redis, "keys 'weft:*:dirty'");

    ck_assert_int_eq(sscanf(found, "%63s", dirty), 1);
    snprintf(command, sizeof command, "zrem '%s' d", dirty);
    redis_do(command);
    VERIFY_FINDS("d: Redis' stream has 2 entries and no dirty mark");
    world_archive(world_usual, false, true);
    ck_assert_int_eq(world_ctl("verify", "d", NULL), CTL_YES);
    snprintf(command, sizeof command, "zadd '%s' 1 d", dirty);
    redis_do(command);
    VERIFY_FINDS("d: Redis has a dirty mark, but the stream is empty");
}
END_TEST

/* The sweep does not meet it either: it goes from head to head. */
START_TEST(verify_finds_marks_of_no_document)
{
    unsigned lane = cluster_lane_of(slice_str("nobody"));
    char command[64];
    snprintf(command, sizeof command, "zadd 'weft:{%u}:dirty' 1 nobody", lane);
    redis_do(command);
    DENIES(world_out, "nobody: Redis has a dirty mark, but the stream is empty\n", "verify",
           "--all");
    DENIES(world_out, "\n2 documents, 1 wrong, ", "verify", "--all");
    snprintf(command, sizeof command, "zrem 'weft:{%u}:dirty' nobody", lane);
    redis_do(command);
    ck_assert_int_eq(world_ctl("verify", "--all", NULL), CTL_YES);
}
END_TEST

START_TEST(verify_finds_a_lost_redis)
{
    world_archive(world_usual, false, true);
    support_redis_cli(world_redis, "flushall");
    VERIFY_FINDS(
        "d: Redis has no head: it lost the document; PostgreSQL's, at revision 8, is taken");
    ck_assert_int_eq(world_ctl("get", "d", NULL), CTL_YES);
}
END_TEST

static void head_set(const char *bytes)
{
    char command[200];

    snprintf(command, sizeof command, "eval \"redis.call('SET', KEYS[1], '%s')\" 1 '%s'", bytes,
             key_of("head"));
    redis_do(command);
}

START_TEST(verify_finds_another_head_in_redis)
{
    world_archive(world_usual, false, true);
    head_set("\\\\0\\\\0\\\\0\\\\0\\\\0\\\\0\\\\0\\\\8xxxxxxxxxxxxxxxx");
    VERIFY_FINDS("d: Redis' head is at revision 8 with hash 787878787878, the history has ");
    head_set("\\\\0\\\\0\\\\0\\\\0\\\\0\\\\0\\\\0\\\\4xxxxxxxxxxxxxxxx");
    VERIFY_FINDS("d: Redis' head is at revision 4, behind PostgreSQL at revision 8");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("weftctl verify");
    TCase *c = tcase_create("stored");

    tcase_add_unchecked_fixture(c, world_start, world_stop);
    tcase_add_checked_fixture(c, world_usual_setup, world_usual_teardown);
    tcase_add_test(c, verify_is_content);
    tcase_add_test(c, verify_finds_a_damaged_segment);
    tcase_add_test(c, verify_finds_a_segment_of_another_document);
    tcase_add_test(c, verify_finds_a_changed_row);
    tcase_add_test(c, verify_finds_a_missing_segment);
    tcase_add_test(c, verify_finds_a_lost_end);
    tcase_add_test(c, verify_finds_a_damaged_snapshot);
    tcase_add_test(c, verify_finds_a_wrong_snapshot);
    tcase_add_test(c, verify_finds_a_wrong_snapshot_among_several);
    tcase_add_test(c, verify_finds_a_snapshot_inside_a_segment);
    tcase_add_test(c, verify_finds_a_snapshot_inside_an_entry);
    tcase_add_test(c, verify_finds_a_wrong_head_in_postgresql);
    tcase_add_test(c, verify_finds_another_beginning_of_the_last_entry);
    tcase_add_test(c, verify_finds_a_changed_byte_in_the_stream);
    tcase_add_test(c, verify_finds_a_changed_hash_in_the_stream);
    tcase_add_test(c, verify_finds_a_hole_in_the_stream);
    tcase_add_test(c, verify_finds_nonsense_in_the_stream);
    tcase_add_test(c, verify_finds_damage_in_what_is_archived);
    tcase_add_test(c, verify_finds_wrong_dirty_marks);
    tcase_add_test(c, verify_finds_marks_of_no_document);
    tcase_add_test(c, verify_finds_a_lost_redis);
    tcase_add_test(c, verify_finds_another_head_in_redis);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
