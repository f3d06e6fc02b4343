/* Where servers are looked for: options, environment, an instance's directory; never a mixture. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl_where.h"

static char dir[] = "/tmp/weft-test-where-XXXXXX";
static struct ctl ctl;
static struct ctl_where where;
static char *said; /* owned */
static size_t said_size;

/* In a directory of its own, with an instance in .run and another one in other. */
static void instance_make(const char *name, const char *port)
{
    char path[100];

    ck_assert_int_eq(mkdir(name, 0700), 0);
    snprintf(path, sizeof path, "%s/settings", name);
    FILE *file = fopen(path, "w");
    fprintf(file,
            "GATEWAYS=2\nPORT=%s\nDURABILITY=memory\nRUNTIME=/r/%s\nREDIS_PORT=0\n"
            "REDIS_PASSWORD=%s\n",
            port, name, strcmp(name, "other") == 0 ? "secret" : "''");
    fclose(file);
}

static void setup(void)
{
    static const char *const variables[] = {"WEFT_URL",      "WEFT_REDIS",
                                            "WEFT_POSTGRES", "WEFT_DURABILITY",
                                            "WEFT_REPLICAS", "WEFT_REDIS_PASSWORD"};

    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        unsetenv(variables[i]);
    strcpy(dir + sizeof dir - 7, "XXXXXX");
    ck_assert(mkdtemp(dir) && chdir(dir) == 0);
    instance_make(".run", "8080");
    instance_make("other", "9090");
    ctl = (struct ctl){.err = open_memstream(&said, &said_size)};
    where = (struct ctl_where){0};
}

static void teardown(void)
{
    char command[100];

    fclose(ctl.err);
    free(said);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    ck_assert_int_eq(system(command), 0);
}

START_TEST(the_instance_here_is_found)
{
    ck_assert(ctl_where_find(&ctl, &where));
    ck_assert_str_eq(where.url, "ws://127.0.0.1:8080/");
    ck_assert_str_eq(where.redis, "unix:/r/.run/redis.sock");
    ck_assert_str_eq(where.postgres, "host=/r/.run/pg user=weft dbname=weft");
    ck_assert_str_eq(where.durability, "memory");
    ck_assert_str_eq(where.redis_password, "");
}
END_TEST

START_TEST(another_directory_is_taken)
{
    ctl.args.dir = "other";
    ctl.args.durability = "fsync";
    ck_assert(ctl_where_find(&ctl, &where));
    ck_assert_str_eq(where.url, "ws://127.0.0.1:9090/");
    ck_assert_str_eq(where.durability, "fsync");
    ck_assert_str_eq(where.redis_password, "secret");
}
END_TEST

START_TEST(a_directory_without_an_instance_is_an_error)
{
    ctl.args.dir = "nowhere";
    ck_assert(!ctl_where_find(&ctl, &where));
    fflush(ctl.err);
    ck_assert_ptr_nonnull(strstr(said, "nothing was ever started in 'nowhere'"));
}
END_TEST

START_TEST(what_is_given_is_not_mixed_with_an_instance)
{
    setenv("WEFT_REDIS", "unix:/x", 1);
    setenv("WEFT_REDIS_PASSWORD", "word", 1);
    ck_assert(ctl_where_find(&ctl, &where));
    ck_assert_str_eq(where.redis, "unix:/x");
    ck_assert_str_eq(where.redis_password, "word");
    ck_assert_str_eq(where.url, "");
    ck_assert_str_eq(where.postgres, "");
    ck_assert_str_eq(where.durability, "");
}
END_TEST

START_TEST(an_option_is_stronger_than_the_environment)
{
    setenv("WEFT_URL", "ws://a/", 1);
    setenv("WEFT_REPLICAS", "2", 1);
    ctl.args.url = "ws://b/";
    ck_assert(ctl_where_find(&ctl, &where));
    ck_assert_str_eq(where.url, "ws://b/");
    ck_assert_str_eq(where.replicas, "2");
}
END_TEST

START_TEST(what_is_too_long_is_refused)
{
    char text[3000];

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    ctl.args.postgres = text;
    ck_assert(!ctl_where_find(&ctl, &where));
    fflush(ctl.err);
    ck_assert_ptr_nonnull(strstr(said, "--postgres has more than 1023 bytes"));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("weftctl where");
    TCase *c = tcase_create("where");

    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, the_instance_here_is_found);
    tcase_add_test(c, another_directory_is_taken);
    tcase_add_test(c, a_directory_without_an_instance_is_an_error);
    tcase_add_test(c, what_is_given_is_not_mixed_with_an_instance);
    tcase_add_test(c, an_option_is_stronger_than_the_environment);
    tcase_add_test(c, what_is_too_long_is_refused);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
