/* The manual page, from the table of verbs (ctl_pages.h). */
#include <string.h>

#include "ctl_pages.h"
#include "ctl_verb.h"

/* Text as roff takes it literally: a backslash is \e, a hyphen \-, a dot at a line's start \&. */
static void text_write(FILE *out, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        bool begins = i == 0 || text[i - 1] == '\n';
        if (begins && (text[i] == '.' || text[i] == '\''))
            fputs("\\&", out);
        if (text[i] == '\\')
            fputs("\\e", out);
        else if (text[i] == '-')
            fputs("\\-", out);
        else
            fputc(text[i], out);
    }
}

static void str_write(FILE *out, const char *text)
{
    text_write(out, text, strlen(text));
}

/* Paragraphs; lines that begin with two spaces are examples and stay as they are. */
static void more_write(FILE *out, const char *more)
{
    bool example = false, blank = true;

    while (*more) {
        size_t size = strcspn(more, "\n");
        bool is_example = strncmp(more, "  ", 2) == 0;
        if (is_example != example && size)
            fputs(is_example ? ".PP\n.EX\n" : ".EE\n", out);
        if (size) {
            if (!is_example && blank)
                fputs(".PP\n", out);
            example = is_example;
            text_write(out, more, size);
            fputc('\n', out);
        }
        blank = size == 0;
        more += size + (more[size] == '\n');
    }
    if (example)
        fputs(".EE\n", out);
}

static void option_write(FILE *out, const struct ctl_option *o)
{
    fputs(".TP\n", out);
    if (o->letter)
        fprintf(out, "\\fB\\-%c\\fR, ", o->letter);
    fputs("\\fB\\-\\-", out);
    str_write(out, o->name);
    fputs("\\fR", out);
    if (o->noun)
        fprintf(out, " \\fI%s\\fR", o->noun);
    fputc('\n', out);
    str_write(out, o->help);
    fputc('\n', out);
}

static void verb_write(FILE *out, const struct ctl_verb *verb)
{
    fprintf(out, ".SS weftctl %s%s%s%s\n", verb->name, verb->operand ? " " : "",
            verb->operand ? verb->operand : "", verb->option_count ? " [OPTION]..." : "");
    str_write(out, verb->summary);
    fputs(".\n", out);
    more_write(out, verb->more);
    for (size_t i = 0; i < verb->option_count; i++)
        option_write(out, &verb->options[i]);
}

void ctl_man_write(FILE *out)
{
    fputs(".\\\" Made by `weftctl --man` from the table of verbs in cli/: do not edit.\n"
          ".TH WEFTCTL 1 \"\" Weft \"User Commands\"\n"
          ".SH NAME\n"
          "weftctl \\- looks at Weft's documents and servers, verifies, edits\n"
          ".SH SYNOPSIS\n"
          ".B weftctl\n"
          ".I VERB\n"
          "[\\fIOPTION\\fR]...\n"
          ".SH DESCRIPTION\n"
          "What is stored is read from Redis and PostgreSQL themselves, its chain of hashes "
          "verified\n"
          "on the way; what is live comes from a gateway, as a client sees it, or from the "
          "services'\n"
          "admin ports. Servers are found by options, else by the environment, else by the "
          "directory\n"
          "of an instance that \\fBscripts/up\\fR started.\n"
          ".PP\n"
          "With \\fB\\-\\-json\\fR a verb writes one JSON object a line. Progress is shown on long "
          "work,\n"
          "and to a terminal only.\n"
          ".SH VERBS\n",
          out);
    for (size_t i = 0; ctl_verbs[i]; i++)
        verb_write(out, ctl_verbs[i]);
    fputs(
        ".SH ENVIRONMENT\n"
        ".TP\n.B WEFT_URL\nA gateway, as for \\fB\\-\\-url\\fR.\n"
        ".TP\n.BR WEFT_REDIS \", \" WEFT_REDIS_PASSWORD \", \" WEFT_POSTGRES\nThe stores.\n"
        ".TP\n.BR WEFT_DURABILITY \", \" WEFT_REPLICAS\nWhat Redis must give.\n"
        ".TP\n.B WEFT_ADMIN\nThe services' admin ports, as for \\fB\\-\\-admin\\fR.\n"
        ".SH EXIT STATUS\n"
        ".TP\n.B 0\nDone, or the answer is yes.\n"
        ".TP\n.B 1\nThe answer is no: no such document, a mismatch, a refusal, something that is\n"
        "not as it should be.\n"
        ".TP\n.B 2\nThe command line is wrong.\n"
        ".TP\n.B 3\nA server cannot be reached.\n",
        out);
}
