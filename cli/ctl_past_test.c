/* `weftctl history`, `diff`, `replay` and `tail` on what is stored, in real servers. */
#include <check.h>
#include <stdlib.h>

#include "ctl_world_test.h"

#define SAYS(text, ...)                                                                            \
    do {                                                                                           \
        int status_ = (int)world_ctl(__VA_ARGS__, NULL);                                           \
        ck_assert_msg(status_ == CTL_YES, "%d: %s", status_, world_err);                           \
        ck_assert_str_eq(world_out, text);                                                         \
    } while (0)

static unsigned lines_of(const char *text)
{
    unsigned lines = 0;

    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

static void holds(const char *part)
{
    ck_assert_msg(strstr(world_out, part), "no '%s' in\n%s", part, world_out);
}

static void usage(const char *words, const char *verb, const char *a, const char *b, const char *c)
{
    int status = (int)world_ctl(verb, "d", a, b, c, NULL);

    ck_assert_int_eq(status, CTL_USAGE);
    ck_assert_msg(strstr(world_err, words), "%s", world_err);
}

/* ---- history ---- */

START_TEST(history_tells_each_revision)
{
    ck_assert_int_eq(world_ctl("history", "d", NULL), CTL_YES);
    ck_assert_uint_eq(lines_of(world_out), 8);
    ck_assert_int_eq(strncmp(world_out, "       1  2023-11-14T22:13:2", 28), 0);
    holds("  create  +1 -0  ");
    holds("\n       8  ");
    ck_assert_int_eq(world_ctl("history", "d", "--from", "5", "--to", "7", "--json", NULL),
                     CTL_YES);
    ck_assert_uint_eq(lines_of(world_out), 3);
    ck_assert_int_eq(strncmp(world_out, "{\"rev\":5,\"count\":1,\"time\":\"2023-", 32), 0);
    holds("\",\"kind\":\"edit\",\"inserted\":1,\"deleted\":0,\"bytes\":");
    ck_assert_int_eq(world_ctl("history", "d", "--from", "8", "--ops", NULL), CTL_YES);
    holds("  [{\"retain\":7},{\"insert\":\"e\"}]\n");
}
END_TEST

/* Entries are a second apart, in each test anew from 22:13:20 on. */
START_TEST(history_tells_what_was_the_last_at_a_time)
{
    SAYS("4  2023-11-14T22:13:22.000Z\n", "history", "d", "--at", "2023-11-14T22:13:22.999Z");
    SAYS("{\"rev\":4,\"time\":\"2023-11-14T22:13:22.000Z\"}\n", "history", "d", "--json", "--at",
         "2023-11-14T22:13:22");
    SAYS("8  2023-11-14T22:13:25.000Z\n", "history", "d", "--at", "1m");
    DENIES(world_err, "document 'd': was not there at 2023-11-14T22:13:00.000Z", "history", "d",
           "--at", "2023-11-14T22:13");
    usage("--at is a time in UTC", "history", "--at", "noon", NULL);
}
END_TEST

/* It lists changes, not states: they may be inside an entry. */
START_TEST(history_begins_and_ends_anywhere)
{
    ck_assert_int_eq(world_ctl("history", "d", "--from", "3", "--to", "6", "--json", NULL),
                     CTL_YES);
    ck_assert_uint_eq(lines_of(world_out), 4);
    ck_assert_int_eq(strncmp(world_out, "{\"rev\":3,", 9), 0);
    holds("\n{\"rev\":6,");
    DENIES(world_err, "has no revision 9 yet, its last is 8", "history", "d", "--to", "9");
    DENIES(world_err, "has no revision 9 yet", "history", "d", "--from", "10");
    DENIES(world_err, "document 'nobody': there is none", "history", "nobody");
    usage("--from is a revision, from 1, not 'x'", "history", "--from", "x", NULL);
}
END_TEST

/* ---- diff ---- */

START_TEST(diff_shows_what_changed)
{
    SAYS("--- d\trevision 1\n+++ d\trevision 5\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n"
         "+abbbc\n\\ No newline at end of file\n",
         "diff", "d", "1", "5");
    SAYS("", "diff", "d", "5", "5");
    SAYS("[{\"retain\":4},{\"insert\":\"cdde\"}]\n", "diff", "d", "4", "8", "--format", "delta");
    SAYS("{\"doc\":\"d\",\"from\":7,\"to\":8,\"delta\":[{\"retain\":7},{\"insert\":\"e\"}]}\n",
         "diff", "d", "7", "8", "--format", "delta", "--json");
    ck_assert_int_eq(world_ctl("diff", "d", "1", "4", "--json", NULL), CTL_YES);
    holds("{\"doc\":\"d\",\"from\":1,\"to\":4,\"diff\":\"--- d\\trevision 1\\n");
}
END_TEST

START_TEST(diff_refuses_what_is_no_pair)
{
    DENIES(world_err, "revision 3 lies inside", "diff", "d", "3", "5");
    DENIES(world_err, "revision 6 lies inside", "diff", "d", "1", "6");
    DENIES(world_err, "has no revision 9", "diff", "d", "1", "9");
    usage("two revisions are wanted", "diff", "1", NULL, NULL);
    usage("5 is above 4", "diff", "5", "4", NULL);
    usage("the first revision is a revision, from 1, not 'x'", "diff", "x", "4", NULL);
    usage("--format is text or delta", "diff", "1", "4", "--format=html");
    usage("unexpected argument", "diff", "1", "4", "5");
}
END_TEST

/* ---- replay ---- */

START_TEST(replay_makes_it_step_by_step)
{
    SAYS("       1  2023-11-14T22:13:21.000Z  [{\"insert\":\"a\"}]\n"
         "       4  2023-11-14T22:13:22.000Z  [{\"retain\":1},{\"insert\":\"bbb\"}]\n"
         "       5  2023-11-14T22:13:23.000Z  [{\"retain\":4},{\"insert\":\"c\"}]\n"
         "       7  2023-11-14T22:13:24.000Z  [{\"retain\":5},{\"insert\":\"dd\"}]\n"
         "       8  2023-11-14T22:13:25.000Z  [{\"retain\":7},{\"insert\":\"e\"}]\n",
         "replay", "d");
    /* The text at --from, then steps of two revisions at least. */
    SAYS("{\"rev\":4,\"time\":\"2023-11-14T22:13:22.000Z\",\"op\":[{\"insert\":\"abbb\"}]}\n"
         "{\"rev\":7,\"time\":\"2023-11-14T22:13:24.000Z\",\"op\":[{\"retain\":4},"
         "{\"insert\":\"cdd\"}]}\n"
         "{\"rev\":8,\"time\":\"2023-11-14T22:13:25.000Z\",\"op\":[{\"retain\":7},"
         "{\"insert\":\"e\"}]}\n",
         "replay", "d", "--from", "4", "--step", "2", "--json");
    SAYS("       1  2023-11-14T22:13:21.000Z  [{\"insert\":\"a\"}]\n", "replay", "d", "--to", "1");
}
END_TEST

START_TEST(replay_refuses_what_cannot_be)
{
    DENIES(world_err, "revision 3 lies inside", "replay", "d", "--from", "3");
    usage("--from is above --to", "replay", "--from", "5", "--to=4");
    usage("--step is a number from 1 to", "replay", "--step", "0", NULL);
    usage("where is the gateway?", "replay", "--into", "fresh", NULL);
}
END_TEST

/* ---- tail ---- */

START_TEST(tail_shows_the_last)
{
    ck_assert_int_eq(world_ctl("tail", "d", "-n", "2", NULL), CTL_YES);
    ck_assert_uint_eq(lines_of(world_out), 2); /* 7 is within an entry, and shown alone */
    ck_assert_int_eq(strncmp(world_out, "       7  ", 10), 0);
    holds("\n       8  ");
    holds("  [{\"retain\":7},{\"insert\":\"e\"}]\n");
    ck_assert_int_eq(world_ctl("tail", "d", NULL), CTL_YES);
    ck_assert_uint_eq(lines_of(world_out), 8);
    DENIES(world_err, "document 'nobody': there is none", "tail", "nobody");
    usage("--lines is a number from 0 to", "tail", "-n", "x", NULL);
    usage("where is the gateway?", "tail", "-f", NULL, NULL);
}
END_TEST

/* Nothing but what PostgreSQL has. */
START_TEST(tail_of_a_document_that_redis_has_trimmed)
{
    world_archive(world_usual, false, true);
    ck_assert_int_eq(world_ctl("tail", "d", "-n", "1", "--json", NULL), CTL_YES);
    ck_assert_int_eq(strncmp(world_out, "{\"rev\":8,", 9), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("weftctl past");
    TCase *c = tcase_create("past");

    tcase_add_unchecked_fixture(c, world_start, world_stop);
    tcase_add_checked_fixture(c, world_usual_setup, world_usual_teardown);
    tcase_add_test(c, history_tells_each_revision);
    tcase_add_test(c, history_tells_what_was_the_last_at_a_time);
    tcase_add_test(c, history_begins_and_ends_anywhere);
    tcase_add_test(c, diff_shows_what_changed);
    tcase_add_test(c, diff_refuses_what_is_no_pair);
    tcase_add_test(c, replay_makes_it_step_by_step);
    tcase_add_test(c, replay_refuses_what_cannot_be);
    tcase_add_test(c, tail_shows_the_last);
    tcase_add_test(c, tail_of_a_document_that_redis_has_trimmed);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
