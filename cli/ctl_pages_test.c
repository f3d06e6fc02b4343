/*
 * What is written from the table of verbs: the pages kept in the tree are those that the program
 * writes, each verb has what a page promises, and bash completes.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "ctl_args.h"
#include "ctl_pages.h"

static char docs[4096]; /* docs/man of the tree */

static char *written(void (*write)(FILE *out))
{
    char *text;
    size_t size;
    FILE *file = open_memstream(&text, &size);

    write(file);
    fclose(file);
    return text;
}

static char *file_read(const char *name)
{
    char path[4200], *text;
    size_t size, got;
    uint8_t piece[4096];

    snprintf(path, sizeof path, "%s/%s", docs, name);
    FILE *file = fopen(path, "r"), *into = open_memstream(&text, &size);
    while (file && (got = fread(piece, 1, sizeof piece, file)) > 0)
        fwrite(piece, 1, got, into);
    if (file)
        fclose(file);
    fclose(into);
    return text;
}

static void is_fresh(const char *name, void (*write)(FILE *out), const char *option)
{
    char *now = written(write), *kept = file_read(name);

    ck_assert_msg(strcmp(now, kept) == 0,
                  "docs/man/%s is stale: scripts/docs writes it (weftctl %s)", name, option);
    free(now);
    free(kept);
}

START_TEST(the_manual_page_is_fresh)
{
    is_fresh("weftctl.1", ctl_man_write, "--man");
}
END_TEST

START_TEST(the_completion_is_fresh)
{
    is_fresh("weftctl.bash", ctl_completion_write, "--completion");
}
END_TEST

static bool has_option(const struct ctl_verb *verb, const char *name)
{
    for (size_t i = 0; i < verb->option_count; i++) {
        if (strcmp(verb->options[i].name, name) == 0)
            return true;
    }
    return false;
}

/* `ot` speaks JSON anyway, line by line. */
START_TEST(each_verb_has_examples_and_json)
{
    for (size_t i = 0; ctl_verbs[i]; i++) {
        char example[64];
        snprintf(example, sizeof example, "weftctl %s", ctl_verbs[i]->name);
        ck_assert_msg(strstr(ctl_verbs[i]->more, example), "no example of %s", ctl_verbs[i]->name);
        ck_assert_msg(strcmp(ctl_verbs[i]->name, "ot") == 0 || has_option(ctl_verbs[i], "json"),
                      "%s has no --json", ctl_verbs[i]->name);
    }
}
END_TEST

/* What bash offers for the last of these words. */
static const char *completed(const char *words, int last)
{
    static char line[4096];
    char command[8192];

    snprintf(command, sizeof command,
             "bash -c '. \"%s/weftctl.bash\"; COMP_WORDS=(%s); COMP_CWORD=%d; "
             "_weftctl weftctl \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD-1]}\"; "
             "echo \"${COMPREPLY[*]}\"'",
             docs, words, last);
    FILE *bash = popen(command, "r");
    ck_assert_ptr_nonnull(bash);
    if (!fgets(line, sizeof line, bash))
        line[0] = 0;
    ck_assert_int_eq(pclose(bash), 0);
    line[strcspn(line, "\n")] = 0;
    return line;
}

START_TEST(bash_completes_verbs_options_and_values)
{
    ck_assert_str_eq(completed("weftctl hi", 1), "history");
    ck_assert_str_eq(completed("weftctl history --fr", 2), "--from");
    ck_assert_str_eq(completed("weftctl get d --format m", 4), "markdown");
    ck_assert_str_eq(completed("weftctl create --kind t", 3), "text");
    ck_assert_str_eq(completed("weftctl nothing --", 2), "");
}
END_TEST

int main(int argc, char **argv)
{
    Suite *s = suite_create("weftctl pages");
    TCase *c = tcase_create("pages");

    if (argc != 2)
        return EXIT_FAILURE;
    snprintf(docs, sizeof docs, "%s", argv[1]);
    tcase_add_test(c, the_manual_page_is_fresh);
    tcase_add_test(c, the_completion_is_fresh);
    tcase_add_test(c, each_verb_has_examples_and_json);
    tcase_add_test(c, bash_completes_verbs_options_and_values);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
