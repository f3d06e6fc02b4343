/* `weftctl get`, `find` and `verify --all` on what is stored; servers that are not there. */
#include <check.h>
#include <stdlib.h>

#include "ctl_gateway_test.h"
#include "ctl_replay.h"
#include "ctl_world_test.h"
#include "ev_loop.h"
#include "obs_log.h"

static void prints(const char *rev, const char *expected)
{
    int status =
        (int)(rev ? world_ctl("get", "d", "--rev", rev, NULL) : world_ctl("get", "d", NULL));

    ck_assert_msg(status == CTL_YES, "%s", world_err);
    ck_assert_str_eq(world_out, expected);
}

/* ---- get ---- */

START_TEST(get_prints_the_head)
{
    prints(NULL, "abbbcdde");
}
END_TEST

START_TEST(get_prints_what_was)
{
    prints("1", "a");       /* before the snapshot */
    prints("4", "abbb");    /* the snapshot itself */
    prints("5", "abbbc");   /* behind it, in a segment */
    prints("7", "abbbcdd"); /* in the stream */
    prints("8", "abbbcdde");
}
END_TEST

START_TEST(get_refuses_a_revision_inside_an_entry)
{
    DENIES(world_err,
           "revision 3 lies inside the entry of revisions 2 to 4, which took effect together: ask "
           "for 1 or 4",
           "get", "d", "--rev", "3");
    ck_assert_str_eq(world_out, "");
    DENIES(world_err, "revisions 6 to 7", "get", "d", "--rev", "6");
}
END_TEST

START_TEST(get_refuses_what_is_not_there)
{
    DENIES(world_err, "has no revision 9 yet, its last is 8", "get", "d", "--rev", "9");
    DENIES(world_err, "document 'nobody': there is none", "get", "nobody");
}
END_TEST

START_TEST(get_writes_delta_and_json)
{
    world_title(world_usual, "T\"");
    ck_assert_int_eq(world_ctl("get", "d", "--format", "delta", NULL), CTL_YES);
    ck_assert_str_eq(world_out, "[{\"insert\":\"abbbcdde\"}]\n");
    ck_assert_int_eq(world_ctl("get", "d", "--json", NULL), CTL_YES);
    ck_assert_int_eq(strncmp(world_out, "{\"doc\":\"d\",\"rev\":9,\"hash\":\"", 26), 0);
    ck_assert_ptr_nonnull(
        strstr(world_out, "\",\"kind\":\"text\",\"title\":\"T\\\"\",\"text\":\"abbbcdde\"}\n"));
    ck_assert_int_eq(world_ctl("get", "d", "--json", "--rev", "1", "--format", "delta", NULL),
                     CTL_YES);
    ck_assert_ptr_nonnull(strstr(world_out, "\"title\":\"\",\"delta\":[{\"insert\":\"a\"}]}\n"));
}
END_TEST

START_TEST(get_prints_nothing_of_a_damaged_document)
{
    world_sql("update weft.snapshots set bytes = 'nonsense'");
    DENIES(world_err, "PostgreSQL's snapshot of revision 4: it is damaged", "get", "d");
    ck_assert_str_eq(world_out, "");
    prints("1", "a");
}
END_TEST

/* ---- all ---- */

START_TEST(verify_all_looks_at_both_stores)
{
    struct world_doc *fresh = world_doc_new("fresh", "x"), *old = world_doc_new("old", "y");

    world_append(old, "z", 2);
    world_archive(old, true, true);
    ck_assert_int_eq(world_ctl("verify", "--all", NULL), CTL_YES);
    ck_assert_str_eq(world_out, "3 documents, 0 wrong, 12 revisions\n");
    world_sql("update weft.segments set bytes = 'nonsense' where doc = 'old'");
    DENIES(world_out, "old: PostgreSQL's segment of revisions 1 to 3: it is damaged", "verify",
           "--all");
    ck_assert_ptr_nonnull(strstr(world_out, "3 documents, 1 wrong, 9 revisions\n"));
    DENIES(world_out, "{\"doc\":\"fresh\",\"ok\":true,\"rev\":1,\"problems\":[]}\n", "verify",
           "--all", "--json");
    ck_assert_ptr_nonnull(
        strstr(world_out, "{\"doc\":\"old\",\"ok\":false,\"rev\":0,\"problems\":[\"PostgreSQL's "));
    ck_assert_ptr_nonnull(strstr(world_out, "{\"documents\":3,\"wrong\":1,\"revisions\":9}\n"));
    world_doc_free(fresh);
    world_doc_free(old);
}
END_TEST

START_TEST(find_tells_the_id_behind_a_tag)
{
    struct world_doc *fresh = world_doc_new("fresh \xe2\x82\xac", "x");
    char tag[OBS_DOC_TAG_SIZE + 1];

    obs_doc_tag(slice_str("d"), tag);
    ck_assert_int_eq(world_ctl("find", tag, NULL), CTL_YES);
    ck_assert_str_eq(world_out, "d\n");
    obs_doc_tag(slice_str(fresh->id), tag);
    ck_assert_int_eq(world_ctl("find", tag, NULL), CTL_YES);
    ck_assert_str_eq(world_out, "fresh \xe2\x82\xac\n");
    DENIES(world_err, "no document that is stored has the digits 0123456789ab", "find",
           "0123456789ab");
    ck_assert_int_eq(world_ctl("find", "0123456789AB", NULL), CTL_USAGE);
    world_doc_free(fresh);
}
END_TEST

/* ---- live state ---- */

START_TEST(verify_compares_with_the_gateway)
{
    struct gateway gateway;
    struct world_doc *other = world_doc_new("doc", "x");

    gateway_start(&gateway, &(struct gateway_plan){.exists = true});
    DENIES(world_out, "doc: the gateway's live state is at revision 1 with hash ", "verify", "doc",
           "--url", gateway.url);
    ck_assert_int_eq(world_ctl("verify", "doc", NULL), CTL_YES);
    gateway_stop(&gateway);
    gateway_start(&gateway, &(struct gateway_plan){.exists = false});
    DENIES(world_out, "doc: the gateway does not show it: no-such-document: ", "verify", "doc",
           "--url", gateway.url);
    gateway_stop(&gateway);
    world_doc_free(other);
}
END_TEST

START_TEST(get_stored_passes_the_gateway_by)
{
    int status = (int)world_ctl("get", "d", "--stored", "--url", "ws://127.0.0.1:1/", NULL);

    ck_assert_msg(status == CTL_YES, "%s", world_err);
    ck_assert_str_eq(world_out, "abbbcdde");
}
END_TEST

/* ---- an archiver at work ---- */

/* What the replay read from PostgreSQL is not all any more when it comes to Redis. */
static void archive_now(void *arg, struct ctl_replay *replay)
{
    if (doc_position(replay->doc).rev == 5)
        world_archive(world_usual, false, true);
}

START_TEST(a_replay_follows_what_is_archived_meanwhile)
{
    struct ctl ctl = {.err = stderr};
    struct ctl_where where = {0};
    struct ctl_servers *servers;
    struct ctl_replay r;
    struct ev_loop *loop = ev_loop_new(NULL);
    struct ot_attrs_table *table = ot_attrs_table_new(1 << 20);

    snprintf(where.redis, sizeof where.redis, "%s", world_redis_address);
    snprintf(where.postgres, sizeof where.postgres, "%s", world_conninfo);
    ck_assert_int_eq(ctl_servers_open(&ctl, &where, loop, &servers), CTL_YES);
    for (int whole = 0; whole < 2; whole++) {
        ctl_replay_init(&r, servers, slice_str("d"), table);
        r.whole = whole;
        r.on_entry = whole ? NULL : archive_now;
        ck_assert_msg(ctl_replay_run(&r) == CTL_REPLAY_HEAD, "%s", r.fault);
        ck_assert_uint_eq(doc_position(r.doc).rev, 8);
        ck_assert_uint_eq(r.entries, 5);
        ctl_replay_fini(&r);
    }
    ctl_servers_close(servers);
    ot_attrs_table_free(table);
    ev_loop_free(loop);
}
END_TEST

/* ---- servers that are not there ---- */

START_TEST(what_cannot_be_reached_is_named)
{
    snprintf(world_redis_address, sizeof world_redis_address, "unix:/nowhere/s");
    snprintf(world_conninfo, sizeof world_conninfo, "host=/nowhere");
    ck_assert_int_eq(world_ctl("get", "d", NULL), CTL_UNREACHABLE);
    ck_assert_ptr_nonnull(strstr(world_err, "weftctl: Redis at unix:/nowhere/s: No such file or "
                                            "directory (--redis or WEFT_REDIS says where it is)"));
    ck_assert_ptr_nonnull(strstr(world_err, "weftctl: PostgreSQL: "));
    ck_assert_ptr_nonnull(strstr(world_err, "(--postgres or WEFT_POSTGRES says where it is)"));
}
END_TEST

START_TEST(a_durability_that_is_not_given_is_named)
{
    ck_assert_int_eq(world_ctl("get", "d", "--durability", "replica", NULL), CTL_UNREACHABLE);
    ck_assert_ptr_nonnull(strstr(world_err, "does not give durability 'replica'"));
    ck_assert_int_eq(world_ctl("get", "d", "--durability", "memory", NULL), CTL_YES);
}
END_TEST

static void usage(const char *words, const char *a, const char *b)
{
    int status = (int)world_ctl("get", "d", a, b, NULL);

    ck_assert_int_eq(status, CTL_USAGE);
    ck_assert_msg(strstr(world_err, words), "%s", world_err);
}

START_TEST(a_wrong_command_line_is_told)
{
    usage("--rev is a revision, from 1, not '0'", "--rev", "0");
    usage("--rev is a revision, from 1, not '-1'", "--rev", "-1");
    usage("--rev is a revision, from 1, not '7x'", "--rev", "7x");
    usage("--rev is a revision, from 1, not '18446744073709551616'", "--rev",
          "18446744073709551616");
    usage("--format is text, delta, html or markdown, not 'pdf'", "--format", "pdf");
    usage("--durability is memory, fsync or replica", "--durability", "much");
    usage("--replicas is a number from 1 to 16", "--replicas", "0");
    ck_assert_int_eq(world_ctl("get", NULL), CTL_USAGE);
    ck_assert_int_eq(world_ctl("get", "a\nb", NULL), CTL_USAGE);
    ck_assert_int_eq(world_ctl("verify", "--all", "d", NULL), CTL_USAGE);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("weftctl stored");
    TCase *c = tcase_create("stored");

    tcase_add_unchecked_fixture(c, world_start, world_stop);
    tcase_add_checked_fixture(c, world_usual_setup, world_usual_teardown);
    tcase_add_test(c, get_prints_the_head);
    tcase_add_test(c, get_prints_what_was);
    tcase_add_test(c, get_refuses_a_revision_inside_an_entry);
    tcase_add_test(c, get_refuses_what_is_not_there);
    tcase_add_test(c, get_writes_delta_and_json);
    tcase_add_test(c, get_prints_nothing_of_a_damaged_document);
    tcase_add_test(c, verify_all_looks_at_both_stores);
    tcase_add_test(c, find_tells_the_id_behind_a_tag);
    tcase_add_test(c, verify_compares_with_the_gateway);
    tcase_add_test(c, get_stored_passes_the_gateway_by);
    tcase_add_test(c, a_replay_follows_what_is_archived_meanwhile);
    tcase_add_test(c, what_cannot_be_reached_is_named);
    tcase_add_test(c, a_durability_that_is_not_given_is_named);
    tcase_add_test(c, a_wrong_command_line_is_told);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
