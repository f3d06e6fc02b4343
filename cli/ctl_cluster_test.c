/* `weftctl docs`, `lag`, `shards`, `workers`, `gateways` on real servers; `status` and `top` of
   processes that are not there; reading metrics. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "ctl_metric.h"
#include "ctl_world_test.h"
#include "obs_log.h"

static void holds(const char *part)
{
    ck_assert_msg(strstr(world_out, part), "no '%s' in\n%s%s", part, world_out, world_err);
}

static void answers(int expected, int status)
{
    ck_assert_msg(status == expected, "%d: %s%s", status, world_out, world_err);
}

/* ---- documents ---- */

START_TEST(docs_tells_what_each_store_has)
{
    struct world_doc *fresh = world_doc_new("fresh", "x");

    world_title(world_usual, "T\"");
    world_archive(world_usual, false, true);
    world_append(world_usual, "z", 2);
    answers(CTL_YES, (int)world_ctl("docs", "--json", NULL));
    holds("{\"doc\":\"fresh\",\"digits\":\"");
    holds("\",\"rev\":1,\"archived\":0}\n");
    holds("\",\"rev\":11,\"archived\":9,\"kind\":\"text\",\"updated\":\"20");
    holds("Z\",\"title\":\"T\\\"\"}\n");
    char tag[OBS_DOC_TAG_SIZE + 1];
    obs_doc_tag(slice_str("d"), tag);
    answers(CTL_YES, (int)world_ctl("docs", "--prefix", "d", NULL));
    holds(tag);
    ck_assert_ptr_null(strstr(world_out, "fresh"));
    answers(CTL_YES, (int)world_ctl("docs", "--json", "--limit", "1", NULL));
    ck_assert_ptr_null(strstr(strchr(world_out, '\n') + 1, "{"));
    answers(CTL_USAGE, (int)world_ctl("docs", "--limit", "0", NULL));
    world_doc_free(fresh);
}
END_TEST

START_TEST(lag_tells_what_waits)
{
    struct world_doc *fresh = world_doc_new("fresh", "x");

    answers(CTL_YES, (int)world_ctl("lag", "--json", NULL));
    holds("{\"documents\":2,\"waiting\":2,\"revisions\":4,\"bytes\":");
    /* "d" waits since before "fresh" was made. */
    holds("\"worst\":[{\"doc\":\"d\",\"rev\":8,\"archived\":5,\"bytes\":");
    answers(CTL_YES, (int)world_ctl("lag", "--limit", "1", NULL));
    holds("2 documents, 2 not wholly archived: 4 revisions, ");
    ck_assert_ptr_null(strstr(world_out, "  fresh\n"));
    world_archive(fresh, false, true);
    world_archive(world_usual, false, false); /* committed and not trimmed: archived all the same */
    answers(CTL_YES, (int)world_ctl("lag", NULL));
    ck_assert_str_eq(world_out,
                     "2 documents, 0 not wholly archived: 0 revisions, 0 bytes, the oldest for "
                     "0.0 s\n");
    world_doc_free(fresh);
}
END_TEST

/* ---- members ---- */

START_TEST(nobody_is_there)
{
    DENIES(world_out, "view ", "workers");
    DENIES(world_out, "view ", "gateways");
    DENIES(world_out, "-                 1024 shards  1.000 of all\n", "shards");
}
END_TEST

static void member_set(const char *list, const char *id, const char *state)
{
    char command[256];

    snprintf(command, sizeof command,
             "hset %s m:%s '99999999999999 %s 00000000000000ff ipc:///run/%s'", list, id, state,
             id);
    support_redis_cli(world_redis, command);
}

START_TEST(members_are_listed_with_what_they_own)
{
    member_set("weft:members", "worker-1", "live");
    member_set("weft:members", "worker-2", "live");
    member_set("weft:members", "worker-3", "joining");
    member_set("weft:gateways", "gateway-1", "live");
    answers(CTL_YES, (int)world_ctl("workers", "--json", NULL));
    holds("{\"id\":\"worker-1\",\"address\":\"ipc:///run/worker-1\",\"state\":\"live\",\"view\":");
    holds("\"id\":\"worker-3\"");
    holds(",\"shards\":0}\n");
    answers(CTL_YES, (int)world_ctl("gateways", NULL));
    holds("gateway-1        live ");
    answers(CTL_YES, (int)world_ctl("shards", "--json", NULL));
    holds("{\"worker\":\"worker-3\",\"shards\":0,\"share\":0.000}\n");
    answers(CTL_YES, (int)world_ctl("shards", "d", "--json", NULL));
    unsigned shard, lane;
    char owner[16], next[16];
    ck_assert_int_eq(
        sscanf(world_out,
               "{\"shard\":%u,\"lane\":%u,\"owner\":\"worker-%1s\",\"runner_up\":\"worker-%1s\"}",
               &shard, &lane, owner, next),
        4);
    ck_assert_uint_eq(lane, shard % 64);
    ck_assert_str_ne(owner, next);
    answers(CTL_YES, (int)world_ctl("shards", "--all", "--json", NULL));
    unsigned lines = 0;
    for (const char *at = world_out; *at; at++)
        lines += *at == '\n';
    ck_assert_uint_eq(lines, 1024);
    answers(CTL_USAGE, (int)world_ctl("shards", "d", "--all", NULL));
}
END_TEST

/* ---- processes that are not there ---- */

START_TEST(status_of_nobody)
{
    answers(CTL_UNREACHABLE, (int)world_ctl("status", "--admin", "worker-1=127.0.0.1:1", NULL));
    holds("worker-1       no answer  -          -          -          \n");
    holds("redis          answers    in ");
    holds("postgres       answers    in ");
    holds("not as it should be:\n  worker-1: Connection refused\n");
    answers(CTL_UNREACHABLE,
            (int)world_ctl("status", "--json", "--admin", "worker-1=127.0.0.1:1", NULL));
    holds("{\"processes\":[{\"name\":\"worker-1\",\"role\":\"worker\",\"state\":\"no answer\"");
    holds("\"problems\":[\"worker-1: Connection refused\"]}\n");
    answers(CTL_UNREACHABLE, (int)world_ctl("top", "--count", "1", "--interval", "1", "--admin",
                                            "worker-1=127.0.0.1:1", NULL));
    ck_assert_ptr_nonnull(strstr(world_err, "no process answers on its admin port"));
}
END_TEST

START_TEST(admin_ports_that_cannot_be)
{
    answers(CTL_USAGE, (int)world_ctl("status", NULL));
    ck_assert_ptr_nonnull(strstr(world_err, "where are the services' admin ports?"));
    answers(CTL_USAGE, (int)world_ctl("status", "--admin", "worker-1=nonsense", NULL));
    ck_assert_ptr_nonnull(
        strstr(world_err, "admin port of 'worker-1': 'nonsense' is not HOST:PORT in numbers"));
    answers(CTL_USAGE, (int)world_ctl("top", "--interval", "0", NULL));
}
END_TEST

/* ---- metrics ---- */

#define PAGE(a, b, c)                                                                              \
    "# HELP x_seconds X.\n# TYPE x_seconds histogram\n"                                            \
    "x_seconds_bucket{kind=\"a\",le=\"0.001\"} " #a "\n"                                           \
    "x_seconds_bucket{kind=\"a\",le=\"0.01\"} " #b "\n"                                            \
    "x_seconds_bucket{kind=\"a\",le=\"+Inf\"} " #c "\n"                                            \
    "y_total 7\ny_total{kind=\"a\"} 8.5\n"

START_TEST(metrics_are_read)
{
    struct slice before = slice_str(PAGE(10, 20, 20)), now = slice_str(PAGE(10, 119, 120));
    struct slice none = slice_of(NULL, 0);
    double value;

    ck_assert(ctl_metric(now, "y_total", &value) && value == 7);
    ck_assert(ctl_metric(now, "y_total{kind=\"a\"}", &value) && value == 8.5);
    ck_assert(!ctl_metric(now, "y", &value));
    ck_assert(ctl_metric_quantile(before, now, "x_seconds", "kind=\"a\"", 0.5, &value));
    ck_assert_double_eq(value, 0.01);
    ck_assert(ctl_metric_quantile(before, now, "x_seconds", "kind=\"a\"", 0.995, &value));
    ck_assert(isinf(value));
    ck_assert(ctl_metric_quantile(none, before, "x_seconds", "kind=\"a\"", 0.5, &value));
    ck_assert_double_eq(value, 0.001);
    ck_assert(!ctl_metric_quantile(now, now, "x_seconds", "kind=\"a\"", 0.5, &value));
    ck_assert(!ctl_metric_quantile(none, now, "x_seconds", "kind=\"b\"", 0.5, &value));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("weftctl cluster");
    TCase *c = tcase_create("cluster");

    tcase_add_unchecked_fixture(c, world_start, world_stop);
    tcase_add_checked_fixture(c, world_usual_setup, world_usual_teardown);
    tcase_add_test(c, docs_tells_what_each_store_has);
    tcase_add_test(c, lag_tells_what_waits);
    tcase_add_test(c, nobody_is_there);
    tcase_add_test(c, members_are_listed_with_what_they_own);
    tcase_add_test(c, status_of_nobody);
    tcase_add_test(c, admin_ports_that_cannot_be);
    tcase_add_test(c, metrics_are_read);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
