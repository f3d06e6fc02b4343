#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "conf_option.h"

struct config {
    char *listen;
    char *password;
    int64_t loops;
    uint64_t frame_bytes_max;
    uint64_t drain_ms;
    int durability;
    bool public;
    bool compress;
    int untouched;
};

static const char *const durabilities[] = {"memory", "fsync", "replica", NULL};
static const char *const others[] = {"worker", NULL};

static const struct conf_option options[] = {
    CONF_STRING(struct config, listen, "listen", "127.0.0.1:80", 20, "Where to listen."),
    CONF_SECRET(struct config, password, "password", NULL, 20, "The password."),
    CONF_INT(struct config, loops, "loops", "1", -2, 64, "Event loops."),
    CONF_BYTES(struct config, frame_bytes_max, "frame-max", "1MiB", 1024, 1 << 24, "A frame."),
    CONF_MS(struct config, drain_ms, "drain", "10s", 0, 600000, "Drain window."),
    CONF_ENUM(struct config, durability, "durability", "fsync", durabilities, "When saved."),
    CONF_BOOL(struct config, public, "insecure-public", "false", "Any address."),
    CONF_BOOL(struct config, compress, "compress", "true", "Deflate."),
};

static const struct conf_spec spec = {.program = "weft-test",
                                      .version = "1.2.3",
                                      .summary = "a test",
                                      .section = "test",
                                      .other_sections = others,
                                      .options = options,
                                      .count = sizeof options / sizeof *options};

static const struct conf_spec *used = &spec;
static struct config config;
static struct bytes text;
static int operand, file_fd;
static char file_path[64];

static void setup(void)
{
    memset(&config, 0xaa, sizeof config);
    text = BYTES_INIT;
    file_fd = memfd_create("conf", 0);
    ck_assert_int_ge(file_fd, 0);
    snprintf(file_path, sizeof file_path, "/proc/self/fd/%d", file_fd);
}

static void teardown(void)
{
    bytes_fini(&text);
    close(file_fd);
}

#define ENVIRONMENT_MAX 8

/* Arguments and variables are separated by spaces; the file, if any, comes by --config. */
static int load(const char *arguments, const char *variables, const char *file)
{
    static char copies[2][4000];
    static char program[] = "weft-test", config_flag[] = "--config";
    char *argv[40] = {program}, *envp[ENVIRONMENT_MAX] = {NULL}, *save;
    int argc = 1, count = 0;
    bytes_reset(&text);
    if (file) {
        ck_assert_int_eq(ftruncate(file_fd, 0), 0);
        ck_assert_int_eq(pwrite(file_fd, file, strlen(file), 0), (ssize_t)strlen(file));
        argv[argc++] = config_flag;
        argv[argc++] = file_path;
    }
    snprintf(copies[0], sizeof copies[0], "%s", arguments);
    for (char *at = strtok_r(copies[0], " ", &save); at; at = strtok_r(NULL, " ", &save))
        argv[argc++] = at;
    snprintf(copies[1], sizeof copies[1], "%s", variables);
    for (char *at = strtok_r(copies[1], " ", &save); at; at = strtok_r(NULL, " ", &save))
        envp[count++] = at;
    ck_assert(argc < 40 && count < ENVIRONMENT_MAX);
    return conf_load(used, argc, argv, envp, &config, &text, &operand);
}

static const char *shown(void)
{
    bytes_append_u8(&text, 0);
    return (const char *)text.data;
}

static void loads(const char *arguments, const char *variables, const char *file)
{
    int r = load(arguments, variables, file);
    ck_assert_msg(r == CONF_LOADED, "%s | %s | %s: %d %s", arguments, variables, file, r, shown());
    ck_assert_uint_eq(text.size, 0);
}

/* One line that has all the words, which are separated by '|'. */
static void refused(const char *arguments, const char *variables, const char *file,
                    const char *words)
{
    char copy[400], *save;
    ck_assert_int_eq(load(arguments, variables, file), CONF_REFUSED);
    ck_assert(text.size > 0 && memchr(text.data, '\n', text.size) == text.data + text.size - 1);
    const char *line = shown();
    ck_assert(strncmp(line, "weft-test: ", 11) == 0);
    snprintf(copy, sizeof copy, "%s", words);
    for (char *at = strtok_r(copy, "|", &save); at; at = strtok_r(NULL, "|", &save))
        ck_assert_msg(strstr(line, at), "no '%s' in: %s", at, line);
}

START_TEST(the_table_is_sound)
{
    size_t row;
    ck_assert_ptr_null(conf_spec_check(&spec, &row));
}
END_TEST

START_TEST(defaults)
{
    loads("", "", NULL);
    ck_assert_str_eq(config.listen, "127.0.0.1:80");
    ck_assert_ptr_null(config.password);
    ck_assert(config.loops == 1 && config.frame_bytes_max == 1 << 20 && config.drain_ms == 10000);
    ck_assert(config.durability == 1 && !config.public && config.compress);
    ck_assert_int_eq(config.untouched, (int)0xaaaaaaaa);
    ck_assert_int_eq(operand, 1);
    conf_fini(&spec, &config);
}
END_TEST

START_TEST(every_source_overrides_the_next)
{
    const char *file = "loops = 4\n[test]\ndrain = 4s\nframe-max = 4KiB\n";
    loads("--loops 2 --loops 6", "WEFT_LOOPS=3 WEFT_DRAIN=3s WEFT_UNKNOWN=x XWEFT_LOOPS=9", file);
    ck_assert(config.loops == 6 && config.drain_ms == 3000 && config.frame_bytes_max == 4096);
    ck_assert(config.durability == 1);
    conf_fini(&spec, &config);
    loads("--frame-max=8KiB", "WEFT_FRAME_MAX=2KiB", file);
    ck_assert(config.loops == 4 && config.frame_bytes_max == 8192);
    conf_fini(&spec, &config);
    char variable[100];
    snprintf(variable, sizeof variable, "WEFT_CONFIG=%s", file_path);
    loads("", variable, NULL);
    ck_assert_int_eq(config.loops, 4);
    conf_fini(&spec, &config);
    /* Strings are owned once, whoever sets them. */
    loads("--listen a --listen b", "WEFT_LISTEN=c", "listen = d\npassword = p;w\n");
    ck_assert_str_eq(config.listen, "b");
    ck_assert_str_eq(config.password, "p;w");
    conf_fini(&spec, &config);
}
END_TEST

START_TEST(booleans)
{
    static const struct {
        const char *arguments, *variables, *file;
        bool public, compress;
    } cases[] = {
        {"--insecure-public --no-compress", "", NULL, true, false},
        {"--insecure-public=no --compress=on", "", NULL, false, true},
        {"--no-insecure-public --compress", "WEFT_INSECURE_PUBLIC=1 WEFT_COMPRESS=0", NULL, false,
         true},
        {"", "WEFT_INSECURE_PUBLIC=yes WEFT_COMPRESS=off", NULL, true, false},
        {"", "", "insecure-public=true\ncompress=false", true, false},
        {"--compress --no-compress", "", NULL, false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        loads(cases[i].arguments, cases[i].variables, cases[i].file);
        ck_assert_msg(config.public == cases[i].public && config.compress == cases[i].compress,
                      "case %zu", i);
        conf_fini(&spec, &config);
    }
}
END_TEST

START_TEST(numbers_and_units)
{
    static const struct {
        const char *arguments;
        uint64_t frame, drain;
        int64_t loops;
    } cases[] = {
        {"--frame-max 2048 --drain 0 --loops -2", 2048, 0, -2},
        {"--frame-max 2048B --drain 0ms --loops 64", 2048, 0, 64},
        {"--frame-max 3K --drain 1500ms --loops 07", 3072, 1500, 7},
        {"--frame-max 16MiB --drain 10m --loops 0", 1 << 24, 600000, 0},
        {"--frame-max 1M --drain 59s --loops 1", 1 << 20, 59000, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        loads(cases[i].arguments, "", NULL);
        ck_assert_uint_eq(config.frame_bytes_max, cases[i].frame);
        ck_assert_uint_eq(config.drain_ms, cases[i].drain);
        ck_assert_int_eq(config.loops, cases[i].loops);
        conf_fini(&spec, &config);
    }
}
END_TEST

START_TEST(bad_values_are_refused)
{
    static const struct {
        const char *arguments, *words;
    } cases[] = {
        {"--loops 65", "loops = 65|(flag)|a whole number from -2 to 64"},
        {"--loops -3", "loops = -3"},
        {"--loops=", "loops = "},
        {"--loops 1x", "1x"},
        {"--loops 1.5", "1.5"},
        {"--loops +1", "+1"},
        {"--loops 99999999999999999999", "9999"},
        {"--loops 9223372036854775808", "922"},
        {"--loops 18446744073709551621", "184"}, /* 5 modulo 2^64 */
        {"--frame-max 1023", "frame-max = 1023|a size from 1KiB to 16MiB (B, KiB, MiB, GiB)"},
        {"--frame-max 17MiB", "17MiB"},
        {"--frame-max 1KB", "1KB"},
        {"--frame-max 1mib", "1mib"},
        {"--frame-max 18014398509481985K", "K"}, /* 1 KiB modulo 2^64 */
        {"--frame-max 99999999999999999999K", "K"},
        {"--drain 5", "drain = 5|a duration from 0 to 10m (ms, s, m, h)"},
        {"--drain 11m", "11m"},
        {"--drain -1s", "-1s"},
        {"--durability disk", "durability = disk|one of memory, fsync, replica"},
        {"--durability=", "durability"},
        {"--compress=maybe", "compress = maybe|true or false"},
        {"--listen 123456789012345678901", "listen|text of at most 20 bytes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refused(cases[i].arguments, "", NULL, cases[i].words);
    refused("", "WEFT_LOOPS=100", NULL, "loops = 100|(environment)|from -2 to 64");
    refused("--loops 3", "WEFT_LOOPS=100", NULL, "loops = 100|(environment)");
    refused("--loops 3", "WEFT_LOOPS=4", "loops = x", "loops = x|line 1");
    refused("--password 123456789012345678901", "", NULL, "password = (secret)");
    refused("--listen a\nb", "", NULL, "a?b");
}
END_TEST

START_TEST(bad_flags_are_refused)
{
    static const struct {
        const char *arguments, *words;
    } cases[] = {
        {"--loop 3", "unknown option --loop|--help"},
        {"--loopss=3", "unknown option --loopss "},
        {"-l", "unknown option -l"},
        {"--no-loops", "unknown option --no-loops"},
        {"--no-compress=true", "unknown option --no-compress"},
        {"--loops", "no value behind --loops"},
        {"--config", "no value behind --config"},
        {"--help=yes", "--help"},
        {"x", "unexpected argument x"},
        {"-- x", "unexpected argument x"},
        {"--compress true", "unexpected argument true"},
        {"--config /nonexistent/weft.ini", "cannot open /nonexistent/weft.ini"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refused(cases[i].arguments, "", NULL, cases[i].words);
}
END_TEST

START_TEST(files)
{
    loads("", "",
          "; a comment\n# another\nloops=7 ; behind\n\n[worker]\nloops = 8\nanything = x\n"
          "[test]\n  drain   =   2s\nlisten = a#b = c");
    ck_assert(config.loops == 7 && config.drain_ms == 2000);
    ck_assert_str_eq(config.listen, "a#b = c");
    conf_fini(&spec, &config);
    loads("", "", "");
    conf_fini(&spec, &config);

    refused("", "", "loops = 1\nloop = 2\n", "/proc/self/fd/|line 2|unknown option loop");
    refused("", "", "loops = 1\n[test]\nloops = 1\n", "line 3|loops a second time");
    refused("", "", "[wroker]\nloops = 1\n", "unknown section wroker");
    refused("", "", "\n\nnonsense\n", "line 3|neither");
    refused("", "", "[test\nloops = 1\n", "line 1|neither");
    refused("", "", "insecure_public = true\n", "unknown option insecure_public");
}
END_TEST

/* Lines up to the bound are read whole, longer ones are refused and never split. */
START_TEST(long_lines)
{
    for (int size = 150; size < 450; size++) {
        char file[600];
        int comment = size - (int)strlen("loops = 9 ;");
        snprintf(file, sizeof file, "loops = 9 ;%0*d\ndrain = 1s\n", comment, 0);
        if (size <= 198) {
            loads("", "", file);
            ck_assert(config.loops == 9 && config.drain_ms == 1000);
            conf_fini(&spec, &config);
        } else {
            refused("", "", file, "line 1|longer than 198");
        }
    }
}
END_TEST

START_TEST(help_and_version)
{
    ck_assert_int_eq(load("--version", "WEFT_LOOPS=bad", NULL), CONF_SHOW);
    ck_assert_str_eq(shown(), "weft-test 1.2.3\n");
    ck_assert_int_eq(load("-h", "", NULL), CONF_SHOW);
    ck_assert_int_eq(load("--loops 3 --help", "", NULL), CONF_SHOW);
    const char *help = shown();
    static const char *const words[] = {"weft-test: a test",
                                        "usage: weft-test [OPTION]...\n",
                                        "--frame-max SIZE\n",
                                        "default 1MiB",
                                        "a duration from 0 to 10m",
                                        "--insecure-public\n",
                                        "--config FILE",
                                        "one of memory, fsync, replica; default fsync"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        ck_assert_msg(strstr(help, words[i]), "no %s in %s", words[i], help);
}
END_TEST

/* What --print-config shows loads to the same, and never shows a secret. */
START_TEST(print_config)
{
    const char *arguments = "--loops -1 --frame-max 3KiB --drain 90s --durability replica "
                            "--insecure-public --listen [::1]:9 --no-compress --password hush";
    char print[400], printed[4000];
    snprintf(print, sizeof print, "%s --print-config", arguments);
    ck_assert_int_eq(load(print, "", NULL), CONF_SHOW);
    snprintf(printed, sizeof printed, "%s", shown());
    ck_assert(strstr(printed, "[test]\n; from flag\nlisten = [::1]:9\n"));
    ck_assert(strstr(printed, "; password = (secret)") && !strstr(printed, "hush"));
    loads("", "", printed);
    ck_assert(config.loops == -1 && config.frame_bytes_max == 3072 && config.drain_ms == 90000);
    ck_assert(config.durability == 2 && config.public && !config.compress);
    ck_assert_str_eq(config.listen, "[::1]:9");
    conf_fini(&spec, &config);
    ck_assert_int_eq(load("--print-config", "WEFT_DRAIN=1h", NULL), CONF_REFUSED);
    ck_assert_int_eq(load("--print-config --compress", "WEFT_DRAIN=61s WEFT_COMPRESS=0",
                          "loops = 5\ndrain = 1s\n"),
                     CONF_SHOW);
    snprintf(printed, sizeof printed, "%s", shown());
    ck_assert(strstr(printed, "; from environment\ndrain = 61s\n"));
    ck_assert(strstr(printed, "; from flag\ncompress = true\n"));
    ck_assert(strstr(printed, "; from file\nloops = 5\n"));
    ck_assert(strstr(printed, "; from default\n; password = (unset)\n"));
}
END_TEST

START_TEST(operands)
{
    struct conf_spec with = spec;
    with.operands = "VERB [DOC]";
    used = &with;
    loads("--loops 5 show --loops x", "", NULL);
    ck_assert(operand == 3 && config.loops == 5);
    conf_fini(&with, &config);
    loads("-- --show", "", NULL);
    ck_assert_int_eq(operand, 2);
    conf_fini(&with, &config);
    loads("-", "", NULL);
    ck_assert_int_eq(operand, 1);
    conf_fini(&with, &config);
    ck_assert_int_eq(load("--help", "", NULL), CONF_SHOW);
    ck_assert(strstr(shown(), "usage: weft-test [OPTION]... VERB [DOC]\n"));
    used = &spec;
}
END_TEST

START_TEST(bad_tables_are_found)
{
    static const struct conf_option bad[] = {
        CONF_INT(struct config, loops, "Loops", "1", 0, 9, "x"),
        CONF_INT(struct config, loops, "a_b", "1", 0, 9, "x"),
        CONF_INT(struct config, loops, "-a", "1", 0, 9, "x"),
        CONF_INT(struct config, loops, "a-", "1", 0, 9, "x"),
        CONF_INT(struct config, loops, "a--b", "1", 0, 9, "x"),
        CONF_INT(struct config, loops, "", "1", 0, 9, "x"),
        CONF_INT(struct config, loops, "no-a", "1", 0, 9, "x"),
        CONF_INT(struct config, loops, "config", "1", 0, 9, "x"),
        CONF_INT(struct config, loops, "first", "1", 0, 9, "x"),
        CONF_INT(struct config, loops, "a", "10", 0, 9, "x"),
        CONF_INT(struct config, loops, "a", NULL, 0, 9, "x"),
        CONF_INT(struct config, loops, "a", "1", 0, 9, ""),
        CONF_MS(struct config, drain_ms, "a", "0", -1, 9, "x"),
        CONF_ENUM(struct config, durability, "a", "disk", durabilities, "x"),
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct conf_option rows[] = {
            CONF_STRING(struct config, listen, "first", "x", 9, "x"),
            bad[i],
        };
        struct conf_spec table = {.options = rows, .count = 2};
        size_t row = 9;
        ck_assert_msg(conf_spec_check(&table, &row) && row == 1, "row %zu", i);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("conf");
    TCase *tc = tcase_create("conf");
    tcase_set_timeout(tc, 60); /* a busy machine and sanitizers */
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, the_table_is_sound);
    tcase_add_test(tc, defaults);
    tcase_add_test(tc, every_source_overrides_the_next);
    tcase_add_test(tc, booleans);
    tcase_add_test(tc, numbers_and_units);
    tcase_add_test(tc, bad_values_are_refused);
    tcase_add_test(tc, bad_flags_are_refused);
    tcase_add_test(tc, files);
    tcase_add_test(tc, long_lines);
    tcase_add_test(tc, help_and_version);
    tcase_add_test(tc, print_config);
    tcase_add_test(tc, operands);
    tcase_add_test(tc, bad_tables_are_found);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
