/* The pure parts of weftctl: times, diffs, HTML, Markdown, the bar. */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl_lines.h"
#include "ctl_progress.h"
#include "ctl_time.h"
#include "ctl_unified.h"
#include "json_delta.h"

static struct bytes out;

static void teardown(void)
{
    bytes_fini(&out);
}

static const char *text(void)
{
    bytes_append_u8(&out, 0);
    ck_assert(!out.failed);
    return (const char *)out.data;
}

/* ---- times ---- */

static uint64_t parsed(const char *time)
{
    uint64_t ms = 0;

    ck_assert_msg(ctl_time_parse(time, 1700000000000, &ms), "%s", time);
    return ms;
}

START_TEST(times_are_read_as_they_are_written)
{
    char shown[CTL_TIME_TEXT];

    ck_assert_str_eq(ctl_time_text(1700000000123, shown), "2023-11-14T22:13:20.123Z");
    ck_assert_uint_eq(parsed("2023-11-14T22:13:20.123Z"), 1700000000123);
    ck_assert_uint_eq(parsed("2023-11-14 22:13:20"), 1700000000000);
    ck_assert_uint_eq(parsed("2023-11-14T22:13"), 1699999980000);
    ck_assert_uint_eq(parsed("2023-11-14"), 1699920000000);
    ck_assert_uint_eq(parsed("90s"), 1700000000000 - 90000);
    ck_assert_uint_eq(parsed("2h"), 1700000000000 - 7200000);
    ctl_time_text(UINT64_MAX, shown);
    ck_assert_int_eq(strncmp(shown, "9999-", 5), 0);
}
END_TEST

START_TEST(what_is_no_time_is_refused)
{
    static const char *const bad[] = {"",           "yesterday",    "10",
                                      "m",          "-5m",          "2023-11-14T22",
                                      "2023-13-01", "99999999999d", "2023-11-14T22:13:20+01:00"};
    uint64_t ms;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!ctl_time_parse(bad[i], 1700000000000, &ms), "%s", bad[i]);
}
END_TEST

/* ---- diffs ---- */

static const char *unified(const char *a, const char *b)
{
    bytes_fini(&out);
    ctl_unified_write(slice_str(a), "a", slice_str(b), "b", &out);
    return text();
}

START_TEST(a_diff_is_what_diff_writes)
{
    ck_assert_str_eq(unified("x\ny\n", "x\ny\n"), "");
    ck_assert_str_eq(unified("one\ntwo\nthree\n", "one\n2\nthree\n"),
                     "--- a\n+++ b\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n");
    ck_assert_str_eq(unified("", "x\n"), "--- a\n+++ b\n@@ -0,0 +1 @@\n+x\n");
    ck_assert_str_eq(unified("x", "y"), "--- a\n+++ b\n@@ -1 +1 @@\n"
                                        "-x\n\\ No newline at end of file\n"
                                        "+y\n\\ No newline at end of file\n");
    ck_assert_str_eq(unified("1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n", "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n"),
                     "--- a\n+++ b\n@@ -1,3 +1,4 @@\n+0\n 1\n 2\n 3\n"
                     "@@ -7,4 +8,3 @@\n 7\n 8\n 9\n-10\n");
}
END_TEST

/* The first line of what is left, with its newline. */
static struct slice line_take(const char **rest)
{
    size_t size = strcspn(*rest, "\n");
    struct slice line = slice_of(*rest, size + ((*rest)[size] == '\n'));

    *rest += line.size;
    return line;
}

/* What patch(1) does with a diff of whole lines. */
static void patch(const char *a, const char *diff, struct bytes *ret)
{
    unsigned line = 1; /* of a, the next */

    line_take(&diff);
    line_take(&diff);
    while (*diff) {
        struct slice at = line_take(&diff);
        unsigned from, count = 1;
        if (at.data[0] == '@') {
            ck_assert_int_ge(sscanf((const char *)at.data, "@@ -%u,%u", &from, &count), 1);
            for (; line < from + (count == 0); line++)
                bytes_append_slice(ret, line_take(&a));
            continue;
        }
        if (at.data[0] != '-')
            bytes_append(ret, at.data + 1, at.size - 1);
        if (at.data[0] != '+') {
            line_take(&a);
            line++;
        }
    }
    bytes_append_str(ret, a);
}

START_TEST(a_diff_makes_the_one_of_the_other)
{
    unsigned seed = 7;

    for (int round = 0; round < 2000; round++) {
        char a[64] = "", b[64] = "";
        for (int i = 0, n = rand_r(&seed) % 12; i < n; i++)
            strcat(a, (const char *const[]){"a\n", "b\n", "c\n"}[rand_r(&seed) % 3]);
        for (int i = 0, n = rand_r(&seed) % 12; i < n; i++)
            strcat(b, (const char *const[]){"a\n", "b\n", "c\n"}[rand_r(&seed) % 3]);
        const char *diff = unified(a, b);
        struct bytes made = BYTES_INIT;
        patch(a, diff, &made);
        ck_assert_msg(slice_equal(bytes_slice(&made), slice_str(b)), "a\n%sb\n%s%s", a, b, diff);
        bytes_fini(&made);
    }
}
END_TEST

/* More than is looked for: all of it is replaced, and quickly. */
START_TEST(texts_that_have_nothing_in_common)
{
    struct bytes a = BYTES_INIT, b = BYTES_INIT;

    for (int i = 0; i < 5000; i++) {
        bytes_printf(&a, "a%d\n", i);
        bytes_printf(&b, "b%d\n", i);
    }
    ctl_unified_write(bytes_slice(&a), "a", bytes_slice(&b), "b", &out);
    ck_assert_ptr_nonnull(strstr(text(), "@@ -1,5000 +1,5000 @@\n-a0\n"));
    bytes_fini(&a);
    bytes_fini(&b);
}
END_TEST

/* ---- HTML and Markdown ---- */

static const char *as(void (*write)(const struct ot_op *document, struct bytes *to),
                      const char *delta)
{
    struct json_error error;
    struct arena mem;
    struct ot_op op;

    bytes_fini(&out);
    arena_init(&mem, SIZE_MAX);
    ck_assert_msg(json_delta_read(&mem, slice_str(delta), &op, &error) == 0, "%s", error.text);
    write(&op, &out);
    arena_fini(&mem);
    return text();
}

#define RICH                                                                                       \
    "[{\"insert\":\"Title\"},{\"insert\":\"\\n\",\"attributes\":{\"header\":2}},"                  \
    "{\"insert\":\"plain \"},{\"insert\":\"bold\",\"attributes\":{\"bold\":true}},"                \
    "{\"insert\":\" and \"},{\"insert\":\"there\",\"attributes\":{\"italic\":true,"                \
    "\"link\":\"https://x.example/?a=1&b\"}},{\"insert\":\"\\none\"},"                             \
    "{\"insert\":\"\\n\",\"attributes\":{\"list\":\"ordered\"}},{\"insert\":\"two\"},"             \
    "{\"insert\":\"\\n\",\"attributes\":{\"list\":\"ordered\"}},{\"insert\":\"int x;\"},"          \
    "{\"insert\":\"\\n\",\"attributes\":{\"code-block\":true}},{\"insert\":\"said\"},"             \
    "{\"insert\":\"\\n\",\"attributes\":{\"blockquote\":true}},"                                   \
    "{\"insert\":{\"image\":\"https://x.example/i.png\"}},{\"insert\":\"\\n\"}]"

START_TEST(html_has_what_the_delta_says)
{
    ck_assert_str_eq(as(ctl_html_write, RICH),
                     "<h2>Title</h2>\n"
                     "<p>plain <strong>bold</strong> and <a href=\"https://x.example/?a=1&amp;b\">"
                     "<em>there</em></a></p>\n"
                     "<ol>\n<li>one</li>\n<li>two</li>\n</ol>\n"
                     "<pre>int x;\n</pre>\n"
                     "<blockquote>\n<p>said</p>\n</blockquote>\n"
                     "<p><img src=\"https://x.example/i.png\" alt=\"\"></p>\n");
    ck_assert_str_eq(as(ctl_html_write, "[{\"insert\":\"\\n\"}]"), "<p><br></p>\n");
    ck_assert_str_eq(as(ctl_html_write, "[{\"insert\":\"x\",\"attributes\":{\"color\":\"#f00\"}}]"),
                     "<p><span style=\"color:#f00;\">x</span></p>\n");
}
END_TEST

/* What a user wrote must not become part of the page that shows it. */
START_TEST(html_lets_nothing_through)
{
    ck_assert_str_eq(as(ctl_html_write, "[{\"insert\":\"<script>&\\\"\\u0000\"}]"),
                     "<p>&lt;script&gt;&amp;&quot;\xef\xbf\xbd</p>\n");
    ck_assert_str_eq(as(ctl_html_write,
                        "[{\"insert\":\"x\",\"attributes\":{\"link\":\"javascript:alert(1)\"}},"
                        "{\"insert\":\"y\",\"attributes\":{\"link\":\"\\tjavascript:alert(1)\"}},"
                        "{\"insert\":\"z\",\"attributes\":{\"color\":\"red;x:url(y)\"}}]"),
                     "<p>xyz</p>\n");
    ck_assert_str_eq(as(ctl_html_write, "[{\"insert\":{\"image\":\"javascript:1\"}}]"),
                     "<p><code class=\"embed\">{&quot;image&quot;:&quot;javascript:1&quot;}"
                     "</code></p>\n");
}
END_TEST

START_TEST(markdown_has_what_it_can)
{
    ck_assert_str_eq(as(ctl_markdown_write, RICH),
                     "## Title\n\n"
                     "plain **bold** and [*there*](<https://x.example/?a=1&b>)\n\n"
                     "1. one\n2. two\n\n"
                     "```\nint x;\n```\n\n"
                     "> said  \n\n"
                     "![](<https://x.example/i.png>)\n");
    ck_assert_str_eq(as(ctl_markdown_write,
                        "[{\"insert\":\"a\"},{\"insert\":\" b \",\"attributes\":"
                        "{\"bold\":true}},{\"insert\":\"c\\n\"}]"),
                     "a **b** c\n");
}
END_TEST

START_TEST(markdown_means_text_where_it_is_text)
{
    ck_assert_str_eq(as(ctl_markdown_write, "[{\"insert\":\"# no *title*\\n1. no list\\n"
                                            "- nor this\\n\"}]"),
                     "\\# no \\*title\\*\n\n1\\. no list\n\n\\- nor this\n");
    ck_assert_str_eq(as(ctl_markdown_write, "[{\"insert\":\"a`b\",\"attributes\":{\"code\":true}},"
                                            "{\"insert\":\"\\n\"}]"),
                     "`` a`b ``\n");
}
END_TEST

/* ---- the bar ---- */

START_TEST(a_bar_tells_how_far_it_is)
{
    char line[160];

    ctl_progress_line(line, sizeof line, 300, 1200, "revisions");
    ck_assert_str_eq(line, "[#######.......................]  25 %  300 of 1200 revisions");
    ctl_progress_line(line, sizeof line, 7, 0, "documents");
    ck_assert_str_eq(line, "7 documents");
    ctl_progress_line(line, sizeof line, 9, 3, "steps"); /* more came meanwhile */
    ck_assert_str_eq(line, "[##############################] 100 %  9 of 3 steps");
}
END_TEST

/* Not a terminal: nothing, however long it takes. */
START_TEST(no_bar_goes_into_a_file)
{
    FILE *file = tmpfile();
    struct ctl ctl = {.err = file};
    struct ctl_progress p;

    ctl_progress_init(&p, &ctl);
    p.told_us = 0;
    ctl_progress_show(&p, 1, 2, "steps");
    ctl_progress_end(&p);
    ck_assert_int_eq(ftell(file), 0);
    fclose(file);
}
END_TEST

START_TEST(a_bar_goes_to_a_terminal)
{
    static const char expected[] =
        "\r[###############...............]  50 %  1 of 2 steps\033[K\r\033[K";
    char seen[256];
    size_t size = 0;
    int master = posix_openpt(O_RDWR | O_NOCTTY);

    ck_assert(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    FILE *terminal = fopen(ptsname(master), "w");
    ck_assert_ptr_nonnull(terminal);
    struct ctl ctl = {.err = terminal};
    struct ctl_progress p;
    ctl_progress_init(&p, &ctl);
    ctl_progress_show(&p, 1, 2, "steps"); /* too soon */
    p.told_us = 0;
    ctl_progress_show(&p, 1, 2, "steps");
    ctl_progress_end(&p);
    fflush(terminal);
    /* A terminal hands on what it has: perhaps not all at once. */
    while (size < sizeof expected - 1) {
        ssize_t got = read(master, seen + size, sizeof seen - 1 - size);
        ck_assert_int_gt(got, 0);
        size += (size_t)got;
    }
    seen[size] = 0;
    ck_assert_str_eq(seen, expected);
    fclose(terminal);
    close(master);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("weftctl text");
    TCase *c = tcase_create("text");

    tcase_add_checked_fixture(c, NULL, teardown);
    tcase_add_test(c, times_are_read_as_they_are_written);
    tcase_add_test(c, what_is_no_time_is_refused);
    tcase_add_test(c, a_diff_is_what_diff_writes);
    tcase_add_test(c, a_diff_makes_the_one_of_the_other);
    tcase_add_test(c, texts_that_have_nothing_in_common);
    tcase_add_test(c, html_has_what_the_delta_says);
    tcase_add_test(c, html_lets_nothing_through);
    tcase_add_test(c, markdown_has_what_it_can);
    tcase_add_test(c, markdown_means_text_where_it_is_text);
    tcase_add_test(c, a_bar_tells_how_far_it_is);
    tcase_add_test(c, no_bar_goes_into_a_file);
    tcase_add_test(c, a_bar_goes_to_a_terminal);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
