/* `weftctl get` and `append` through a gateway, also one that loses connections and refuses. */
#include <check.h>
#include <stdlib.h>
#include <unistd.h>

#include "ctl_gateway_test.h"
#include "ctl_world_test.h"
#include "wire_error.h"

static struct gateway gateway;

static void start(struct gateway_plan plan)
{
    gateway_start(&gateway, &plan);
    setenv("WEFT_URL", gateway.url, 1);
}

static void teardown(void)
{
    gateway_stop(&gateway);
    free(world_out);
    free(world_err);
    world_out = world_err = NULL;
}

/* Exit status, and what is written to stdout. */
#define SAYS(status, text, ...)                                                                    \
    do {                                                                                           \
        int status_ = (int)world_ctl(__VA_ARGS__, NULL);                                           \
        ck_assert_msg(status_ == (status), "%d: %s", status_, world_err);                          \
        ck_assert_str_eq(world_out, text);                                                         \
    } while (0)

/* Exit status, and words on stderr. */
#define FAILS(status, words, ...)                                                                  \
    do {                                                                                           \
        int status_ = (int)world_ctl(__VA_ARGS__, NULL);                                           \
        ck_assert_msg(status_ == (status), "%d: %s", status_, world_err);                          \
        ck_assert_msg(strstr(world_err, words), "%s", world_err);                                  \
        ck_assert_str_eq(world_out, "");                                                           \
    } while (0)

#define INSERT(text) "[{\"insert\":\"" text "\"}]"

START_TEST(get_shows_what_a_client_sees)
{
    start((struct gateway_plan){.exists = true});
    SAYS(CTL_YES, "\n", "get", "doc");
    SAYS(CTL_YES, "2\n", "append", "doc", "--op", INSERT("a\\u0000b"));
    ck_assert_int_eq(world_ctl("get", "doc", "--format", "delta", NULL), CTL_YES);
    ck_assert_str_eq(world_out, INSERT("a\\u0000b\\n") "\n");
    ck_assert_int_eq(world_ctl("get", "doc", "--live", "--json", NULL), CTL_YES);
    ck_assert_ptr_nonnull(strstr(world_out, "\",\"kind\":\"rich\",\"text\":\"a\\u0000b\\n\"}\n"));
    ck_assert_ptr_nonnull(strstr(world_out, "{\"doc\":\"doc\",\"rev\":2,\"hash\":\""));
}
END_TEST

START_TEST(a_document_that_is_not_there)
{
    start((struct gateway_plan){0});
    FAILS(CTL_NO, "document 'doc': no-such-document: there is no document", "get", "doc");
    FAILS(CTL_NO, "no-such-document", "append", "doc", "--op", INSERT("x"));
    SAYS(CTL_YES, "1\n", "append", "doc", "--create");
    SAYS(CTL_YES, "1\n", "append", "doc", "--create"); /* there is one now */
    SAYS(CTL_YES, "{\"doc\":\"doc\",\"rev\":2,\"ops\":1}\n", "append", "doc", "--create", "--json",
         "--op", INSERT("x"));
    SAYS(CTL_YES, "x\n", "get", "doc");
}
END_TEST

START_TEST(a_text_goes_to_the_end)
{
    char path[] = "/tmp/weft-test-text-XXXXXX";
    int fd = mkstemp(path);
    ck_assert_int_eq(write(fd, "one\xe2\x82\xac", 6), 6);
    close(fd);
    start((struct gateway_plan){0});
    SAYS(CTL_YES, "2\n", "append", "doc", "--create", "--kind", "text", "--text", path);
    SAYS(CTL_YES, "3\n", "append", "doc", "--text", path);
    SAYS(CTL_YES, "one\xe2\x82\xacone\xe2\x82\xac", "get", "doc");
    gateway_stop(&gateway);
    start((struct gateway_plan){.exists = true});
    SAYS(CTL_YES, "2\n", "append", "doc", "--text", path);
    SAYS(CTL_YES, "3\n", "append", "doc", "--text", path);
    SAYS(CTL_YES, "one\xe2\x82\xacone\xe2\x82\xac\n", "get", "doc");
    unlink(path);
}
END_TEST

/* In several ops, cut between characters. */
START_TEST(a_long_text_goes_in_pieces)
{
    char path[] = "/tmp/weft-test-text-XXXXXX";
    FILE *file = fdopen(mkstemp(path), "w");
    for (int i = 0; i < 50000; i++)
        fputs("\xe2\x82\xac", file);
    fclose(file);
    start((struct gateway_plan){.exists = true});
    SAYS(CTL_YES, "{\"doc\":\"doc\",\"rev\":4,\"ops\":3}\n", "append", "doc", "--json", "--text",
         path);
    ck_assert_int_eq(world_ctl("get", "doc", NULL), CTL_YES);
    ck_assert_uint_eq(strlen(world_out), 3 * 50000 + 1);
    unlink(path);
}
END_TEST

/* Whether the Submit was heard or not: it is in exactly once, and its revision is told. */
START_TEST(a_lost_connection_loses_and_doubles_nothing)
{
    start((struct gateway_plan){.exists = true, .drop_before = 2});
    SAYS(CTL_YES, "2\n", "append", "doc", "--op", INSERT("a"));
    SAYS(CTL_YES, "a\n", "get", "doc");
    gateway_stop(&gateway);
    start((struct gateway_plan){.exists = true, .drop_after = 1});
    SAYS(CTL_YES, "2\n", "append", "doc", "--op", INSERT("a"));
    SAYS(CTL_YES, "a\n", "get", "doc");
}
END_TEST

START_TEST(what_is_refused_for_a_time_is_asked_again)
{
    start((struct gateway_plan){.exists = true, .refuse_opens = 2, .refusal = WIRE_E_RETRY_LATER});
    SAYS(CTL_YES, "\n", "get", "doc");
}
END_TEST

START_TEST(a_quarantine_is_an_answer)
{
    start((struct gateway_plan){.exists = true, .refuse_opens = 9, .refusal = WIRE_E_QUARANTINED});
    FAILS(CTL_NO, "quarantined: the document cannot be opened until an operator has looked at it",
          "get", "doc");
}
END_TEST

START_TEST(an_op_that_does_not_fit_is_refused)
{
    start((struct gateway_plan){.exists = true});
    FAILS(CTL_NO, "the op does not fit: too-long", "append", "doc", "--op", "[{\"delete\":2}]");
    FAILS(CTL_NO, "the op does not fit: breaks-newline", "append", "doc", "--op",
          "[{\"delete\":1}]");
    SAYS(CTL_YES, "\n", "get", "doc");
}
END_TEST

START_TEST(a_gateway_that_is_not_there_is_named)
{
    setenv("WEFT_URL", "ws://127.0.0.1:1/", 1);
    FAILS(CTL_UNREACHABLE,
          "weftctl: gateway at ws://127.0.0.1:1/: while connecting: Connection refused (--url or "
          "WEFT_URL says where it is)",
          "append", "doc", "--op", INSERT("x"));
}
END_TEST

START_TEST(a_wrong_command_line_is_told)
{
    setenv("WEFT_URL", "http://x/", 1);
    FAILS(CTL_USAGE, "--url 'http://x/'", "get", "doc");
    FAILS(CTL_USAGE, "--live and --rev exclude each other", "get", "doc", "--live", "--rev", "1");
    FAILS(CTL_USAGE, "--live and --stored exclude each other", "get", "doc", "--live", "--stored");
    FAILS(CTL_USAGE, "what is to be appended?", "append", "doc");
    FAILS(CTL_USAGE, "--op: not JSON", "append", "doc", "--op", "x");
    FAILS(CTL_USAGE, "--op changes nothing", "append", "doc", "--op", "[]");
    FAILS(CTL_USAGE, "--op: half of a surrogate pair", "append", "doc", "--op", INSERT("\\ud83d"));
    FAILS(CTL_USAGE, "--op and --text exclude each other", "append", "doc", "--op", "[]", "--text",
          "x");
    FAILS(CTL_USAGE, "/nowhere: No such file", "append", "doc", "--text", "/nowhere");
    FAILS(CTL_USAGE, "the text is not UTF-8", "append", "doc", "--text", "/proc/self/exe");
    FAILS(CTL_USAGE, "--kind is rich or text", "append", "doc", "--create", "--kind", "pdf");
    FAILS(CTL_USAGE, "--kind is for --create", "append", "doc", "--op", "[]", "--kind", "text");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("weftctl live");
    TCase *c = tcase_create("live");

    tcase_add_checked_fixture(c, NULL, teardown);
    tcase_add_test(c, get_shows_what_a_client_sees);
    tcase_add_test(c, a_document_that_is_not_there);
    tcase_add_test(c, a_text_goes_to_the_end);
    tcase_add_test(c, a_long_text_goes_in_pieces);
    tcase_add_test(c, a_lost_connection_loses_and_doubles_nothing);
    tcase_add_test(c, what_is_refused_for_a_time_is_asked_again);
    tcase_add_test(c, a_quarantine_is_an_answer);
    tcase_add_test(c, an_op_that_does_not_fit_is_refused);
    tcase_add_test(c, a_gateway_that_is_not_there_is_named);
    tcase_add_test(c, a_wrong_command_line_is_told);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
