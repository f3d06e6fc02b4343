#include "load_proc.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A directory as scripts/up leaves one. */
static char dir[] = "/tmp/weft-load-proc-XXXXXX";

static void file_write(const char *name, const char *text)
{
    char path[256];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

static void directory_make(const char *name)
{
    char path[256];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    ck_assert(mkdir(path, 0700) == 0 || errno == EEXIST);
}

static void setup(void)
{
    strcpy(dir + strlen(dir) - 6, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    directory_make("pids");
    directory_make("redis");
}

static void teardown(void)
{
    static const char *const names[] = {
        "pids/gateway-1", "pids/gateway-2", "pids/redis", "settings", "pids", "redis", ""};
    char path[256];

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        ck_assert(remove(path) == 0 || errno == ENOENT);
    }
}

static unsigned long long own_start(void)
{
    unsigned long long start;
    char text[1024] = "";
    FILE *file = fopen("/proc/self/stat", "r");

    ck_assert_ptr_nonnull(fgets(text, sizeof text, file));
    fclose(file);
    ck_assert_int_eq(sscanf(strrchr(text, ')'),
                            ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d "
                            "%*d %*d %*d %llu",
                            &start),
                     1);
    return start;
}

static uint64_t own_cpu_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

START_TEST(cpu_time_of_recorded_processes)
{
    struct load_usage before, after, between;
    char text[64];

    load_usage_read(dir, &before);
    ck_assert(!before.known);
    snprintf(text, sizeof text, "%d %llu\n", getpid(), own_start());
    file_write("pids/gateway-1", text);
    /* The number has gone to another process. */
    snprintf(text, sizeof text, "%d %llu\n", getpid(), own_start() + 1);
    file_write("pids/gateway-2", text);
    file_write("pids/redis", "nonsense");
    load_usage_read(dir, &before);
    ck_assert(before.known);
    uint64_t start_us = own_cpu_us();
    while (own_cpu_us() - start_us < 200000)
        ;
    load_usage_read(dir, &after);
    uint64_t spent_us = own_cpu_us() - start_us;
    between = load_usage_between(&before, &after);
    ck_assert(between.known);
    /* The kernel counts in ticks of 10 ms. */
    ck_assert_uint_ge(between.cpu_us[TIER_GATEWAY], 150000);
    ck_assert_uint_le(between.cpu_us[TIER_GATEWAY], spent_us + 50000);
    ck_assert_uint_eq(between.cpu_us[TIER_REDIS], 0);
}
END_TEST

START_TEST(settings)
{
    struct bytes value = BYTES_INIT;

    ck_assert(!load_setting(dir, "DURABILITY", &value));
    file_write("settings", "GATEWAYS=2\nXDURABILITY=no\nDURABILITY=fsync\nBIN=$'a\\nb'\n");
    ck_assert(load_setting(dir, "DURABILITY", &value));
    ck_assert(slice_equal(bytes_slice(&value), slice_str("fsync")));
    ck_assert(!load_setting(dir, "DURABILIT", &value));
    ck_assert(!load_setting(dir, "BIN", &value));
    bytes_fini(&value);
    ck_assert_str_eq(load_fs_name("/nowhere"), "unknown");
    ck_assert_str_ne(load_fs_name(dir), "");
    ck_assert_int_eq(load_archiver_lag_ms(dir), -1);
}
END_TEST

START_TEST(metrics)
{
    static const char page[] = "# TYPE a gauge\na_more 7\na{x=\"1\"} 3\na 12.5\nb 1e3";
    double value = 0;

    ck_assert(load_metric_find(slice_str(page), "a", &value));
    ck_assert_double_eq(value, 12.5);
    ck_assert(load_metric_find(slice_str(page), "b", &value));
    ck_assert_double_eq(value, 1000);
    ck_assert(!load_metric_find(slice_str(page), "more", &value));
    ck_assert(!load_metric_find(slice_str(""), "a", &value));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("load_proc");
    TCase *tc = tcase_create("load_proc");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, cpu_time_of_recorded_processes);
    tcase_add_test(tc, settings);
    tcase_add_test(tc, metrics);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
