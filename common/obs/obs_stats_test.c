#include <check.h>
#include <stdlib.h>

#include "obs_example.h"
#include "obs_metrics.h"
#include "rng.h"

OBS_STATS_TABLE(example_stats, EXAMPLE_STATS)

START_TEST(buckets_tile_the_numbers)
{
    uint64_t low = 0;
    for (size_t i = 0; i < OBS_HIST_BUCKETS; i++) {
        uint64_t high = obs_hist_bound(i);
        ck_assert_uint_eq(obs_hist_index(low), i);
        ck_assert_uint_eq(obs_hist_index(high), i);
        ck_assert_uint_eq(obs_hist_index(low + (high - low) / 2), i);
        ck_assert(high - low <= low / 32); /* 3.1 % */
        low = high + 1;
    }
    ck_assert_uint_eq(low - 1, UINT64_C(1) << 40);
    ck_assert_uint_eq(obs_hist_index(low), OBS_HIST_BUCKETS - 1);
    ck_assert_uint_eq(obs_hist_index(UINT64_MAX), OBS_HIST_BUCKETS - 1);
}
END_TEST

static int compare_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Against sorting all values, for several shapes. */
START_TEST(quantiles_are_close)
{
    static const double quantiles[] = {0, 0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 1};
    enum { COUNT = 10007 };
    static uint64_t values[COUNT];
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct obs_hist h = {0};
        struct rng rng;
        rng_init(&rng, seed);
        unsigned bits = (unsigned)rng_between(&rng, 1, 38);
        for (size_t i = 0; i < COUNT; i++) {
            values[i] = rng_below(&rng, UINT64_C(1) << bits) >> rng_below(&rng, bits);
            obs_hist_add(&h, values[i]);
        }
        qsort(values, COUNT, sizeof *values, compare_u64);
        for (size_t i = 0; i < sizeof quantiles / sizeof *quantiles; i++) {
            double exact = quantiles[i] * COUNT;
            size_t rank = (size_t)exact;
            rank += (double)rank < exact;
            uint64_t value = values[rank ? rank - 1 : 0];
            uint64_t got = obs_hist_quantile(&h, quantiles[i]);
            ck_assert_msg(got >= value && got - value <= value / 31, "seed %d, %g: %ld not %ld",
                          (int)seed, quantiles[i], (long)got, (long)value);
        }
        ck_assert_uint_eq(obs_hist_quantile(&h, 1), values[COUNT - 1]);
        ck_assert_uint_eq(h.max, values[COUNT - 1]);
    }
    struct obs_hist none = {0};
    ck_assert_uint_eq(obs_hist_quantile(&none, 0.5), 0);
    obs_hist_add(&none, UINT64_C(1) << 50);
    ck_assert_uint_eq(obs_hist_quantile(&none, 0.5), UINT64_C(1) << 50);
}
END_TEST

START_TEST(powers_of_two_are_exact_bounds)
{
    struct obs_hist h = {0};
    for (uint64_t v = 0; v <= 100000; v++)
        obs_hist_add(&h, v);
    for (unsigned bits = 0; bits <= 16; bits++)
        ck_assert_uint_eq(obs_hist_count_upto(&h, UINT64_C(1) << bits), (1u << bits) + 1);
}
END_TEST

START_TEST(structs_add_up)
{
    static struct example_stats a, b;
    a.conns = 3;
    b.conns = 4;
    a.viewers = -1;
    b.viewers = -2;
    b.closed_bad = 9;
    obs_hist_add(&a.seen_us, 5);
    obs_hist_add_many(&b.seen_us, 70, 2);
    obs_stats_merge(example_stats_table(), &a, &b);
    ck_assert(a.conns == 7 && a.viewers == -3 && a.closed_bad == 9 && a.closed_slow == 0);
    ck_assert(a.seen_us.count == 3 && a.seen_us.sum == 145 && a.seen_us.max == 70);
    ck_assert_uint_eq(obs_hist_quantile(&a.seen_us, 0.3), 5);
    ck_assert_uint_eq(example_stats_table()->struct_size, sizeof a);
}
END_TEST

static void has(const struct bytes *page, const char *text)
{
    ck_assert_msg(memmem(page->data, page->size, text, strlen(text)), "no %s in\n%.*s", text,
                  (int)page->size, (char *)page->data);
}

START_TEST(the_page_is_exact)
{
    static struct example_stats s;
    struct bytes page = BYTES_INIT;
    s.conns = UINT64_MAX;
    s.viewers = -5;
    s.busy_us = 1500000;
    s.lag_us = 20000;
    obs_hist_add(&s.seen_us, 64);
    obs_hist_add(&s.seen_us, 65);
    obs_hist_add(&s.seen_us, 99999971);
    obs_hist_add(&s.frame_bytes, 0);
    obs_hist_add(&s.frame_bytes, 1);
    obs_hist_add(&s.frame_bytes, 17);
    obs_metrics_append(&page, example_stats_table(), &s);
    has(&page, "# HELP weft_example_connections_total Connections accepted.\n"
               "# TYPE weft_example_connections_total counter\n"
               "weft_example_connections_total 18446744073709551615\n"
               "# HELP weft_example_closed_total Closed by us.\n"
               "# TYPE weft_example_closed_total counter\n"
               "weft_example_closed_total{reason=\"slow\"} 0\n"
               "weft_example_closed_total{reason=\"bad\",tier=\"x\"} 0\n"
               "# HELP weft_example_viewers Open documents.\n"
               "# TYPE weft_example_viewers gauge\n"
               "weft_example_viewers -5\n"
               "# HELP weft_example_busy_seconds_total Time at work.\n"
               "# TYPE weft_example_busy_seconds_total counter\n"
               "weft_example_busy_seconds_total 1.5\n"
               "# HELP weft_example_lag_seconds Behind.\n"
               "# TYPE weft_example_lag_seconds gauge\n"
               "weft_example_lag_seconds 0.02\n"
               "# HELP weft_example_seen_seconds From edit to screen.\n"
               "# TYPE weft_example_seen_seconds histogram\n"
               "weft_example_seen_seconds_bucket{le=\"0.000064\"} 1\n"
               "weft_example_seen_seconds_bucket{le=\"0.000128\"} 2\n");
    has(&page, "weft_example_seen_seconds_bucket{le=\"33.554432\"} 2\n"
               "weft_example_seen_seconds_bucket{le=\"+Inf\"} 3\n"
               "weft_example_seen_seconds_sum 100.0001\n"
               "weft_example_seen_seconds_count 3\n");
    has(&page, "# TYPE weft_example_frame_bytes histogram\n"
               "weft_example_frame_bytes_bucket{role=\"client\",le=\"1\"} 2\n"
               "weft_example_frame_bytes_bucket{role=\"client\",le=\"4\"} 2\n"
               "weft_example_frame_bytes_bucket{role=\"client\",le=\"16\"} 2\n"
               "weft_example_frame_bytes_bucket{role=\"client\",le=\"64\"} 3\n");
    has(&page, "weft_example_frame_bytes_bucket{role=\"client\",le=\"+Inf\"} 3\n"
               "weft_example_frame_bytes_sum{role=\"client\"} 18\n"
               "weft_example_frame_bytes_count{role=\"client\"} 3\n"
               "weft_example_frame_bytes_bucket{role=\"server\",le=\"1\"} 0\n");
    bytes_fini(&page);
}
END_TEST

START_TEST(good_tables_pass)
{
    size_t row = 0;
    ck_assert_ptr_null(obs_table_check(example_stats_table(), &row));
}
END_TEST

START_TEST(bad_rows_are_found)
{
    static const struct obs_row bad[] = {
        {OBS_COUNTER, 0, "weft_things", "", "x"},
        {OBS_GAUGE, 0, "weft_things_total", "", "x"},
        {OBS_GAUGE, 0, "things", "", "x"},
        {OBS_GAUGE, 0, "weft_Things", "", "x"},
        {OBS_GAUGE, 0, "weft_thi-ngs", "", "x"},
        {OBS_GAUGE, 0, "weft_lag_ms", "", "x"},
        {OBS_GAUGE, 0, "weft_s", "", "x"},
        {OBS_GAUGE, 0, "weft_lag_milliseconds_now", "", "x"},
        {OBS_GAUGE, 0, "weft_gauge_x", "", "x"},
        {OBS_GAUGE, 0, "weft_thing_count", "", "x"},
        {OBS_TIMES, 0, "weft_lag", "", "x"},
        {OBS_AGE, 0, "weft_lag", "", "x"},
        {OBS_SECONDS, 0, "weft_cpu_total", "", "x"},
        {OBS_SECONDS, 0, "weft_cpu_seconds", "", "x"},
        {OBS_GAUGE, 0, "weft_things", "", ""},
        {OBS_GAUGE, 0, "weft_things", "", "a\nb"},
        {OBS_GAUGE, 0, "weft_things", "a", "x"},
        {OBS_GAUGE, 0, "weft_things", "a=b", "x"},
        {OBS_GAUGE, 0, "weft_things", "a=\"b", "x"},
        {OBS_GAUGE, 0, "weft_things", "a=\"b\",", "x"},
        {OBS_GAUGE, 0, "weft_things", "a=\"b\" c=\"d\"", "x"},
        {OBS_GAUGE, 0, "weft_things", "A=\"b\"", "x"},
        {OBS_GAUGE, 0, "weft_things", "le=\"b\"", "x"},
        {OBS_GAUGE, 0, "weft_first", "", "x"},        /* twice */
        {OBS_GAUGE, 0, "weft_first", "a=\"b\"", "x"}, /* apart */
        {OBS_GAUGE, 0, "weft_second", "a=\"b\"", "y"},
        {OBS_SIZES, 0, "weft_second", "a=\"b\"", "x"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const struct obs_row rows[] = {
            {OBS_GAUGE, 0, "weft_first", "", "x"}, {OBS_GAUGE, 0, "weft_second", "", "x"}, bad[i]};
        const struct obs_table table = {rows, 3, 8};
        size_t row = 99;
        ck_assert_msg(obs_table_check(&table, &row) && row == 2, "%s %s", bad[i].name,
                      bad[i].labels);
    }
}
END_TEST

static const struct obs_table *bad_table(void)
{
    static const struct obs_row row = {OBS_GAUGE, 0, "things", "", "x"};
    static const struct obs_table table = {&row, 1, 8};

    return &table;
}

START_TEST(tables_of_a_page_are_checked_together)
{
    obs_table_fn *const good[] = {example_stats_table, NULL};
    obs_table_fn *const twice[] = {example_stats_table, example_stats_table, NULL};
    obs_table_fn *const bad[] = {example_stats_table, bad_table, NULL};
    const char *name = NULL;

    ck_assert_ptr_null(obs_tables_check(good, &name));
    ck_assert_str_eq(obs_tables_check(twice, &name), "the family is in two tables");
    ck_assert_str_eq(name, example_stats_table()->rows[0].name);
    ck_assert_str_eq(obs_tables_check(bad, &name), "name is not weft_snake_case");
    ck_assert_str_eq(name, "things");
}
END_TEST

START_TEST(tables_are_documented_by_family)
{
    struct bytes text = BYTES_INIT;

    obs_metrics_document(&text, example_stats_table());
    has(&text, "| `weft_example_connections_total` | counter |  | Connections accepted. |\n"
               "| `weft_example_closed_total` | counter | `reason=\"slow\"` "
               "`reason=\"bad\",tier=\"x\"` | Closed by us. |\n"
               "| `weft_example_viewers` | gauge |  | Open documents. |\n");
    bytes_fini(&text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("obs stats");
    TCase *tc = tcase_create("stats");
    tcase_set_timeout(tc, 60); /* a busy machine and sanitizers */
    tcase_add_test(tc, buckets_tile_the_numbers);
    tcase_add_test(tc, quantiles_are_close);
    tcase_add_test(tc, powers_of_two_are_exact_bounds);
    tcase_add_test(tc, structs_add_up);
    tcase_add_test(tc, the_page_is_exact);
    tcase_add_test(tc, good_tables_pass);
    tcase_add_test(tc, bad_rows_are_found);
    tcase_add_test(tc, tables_of_a_page_are_checked_together);
    tcase_add_test(tc, tables_are_documented_by_family);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
