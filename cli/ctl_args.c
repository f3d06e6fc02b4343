/*
 * getopt_long, because an operand may stand before the options (`get DOC --rev 7`); common/conf,
 * which the services use, wants flags first and reads every option from the environment too, which
 * is right for a service's settings and wrong for a verb's (`WEFT_REV`).
 */
#include "ctl_args.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "wire_record.h"

#define OPTIONS_MAX 24
/* What getopt_long returns for the option at index i. */
#define OPTION_BASE 256
#define OPTION_HELP (OPTION_BASE + OPTIONS_MAX)

static bool wrong(const struct ctl_verb *verb, struct ctl *ctl, const char *what, const char *which)
{
    fprintf(ctl->err, "weftctl %s: %s %.80s (weftctl %s --help tells)\n", verb->name, what, which,
            verb->name);
    return false;
}

static void options_for_getopt(const struct ctl_verb *verb, struct option list[OPTIONS_MAX + 2])
{
    size_t n = 0;

    MUST(verb->option_count <= OPTIONS_MAX);
    for (; n < verb->option_count; n++) {
        list[n] =
            (struct option){.name = verb->options[n].name,
                            .has_arg = verb->options[n].noun ? required_argument : no_argument,
                            .val = OPTION_BASE + (int)n};
    }
    list[n++] = (struct option){.name = "help", .has_arg = no_argument, .val = OPTION_HELP};
    list[n] = (struct option){0};
}

static void option_take(const struct ctl_option *option, struct ctl *ctl, const char *value)
{
    void *field = (char *)&ctl->args + option->offset;

    if (option->noun)
        *(const char **)field = value;
    else
        *(bool *)field = true;
}

/* How many operands a verb takes: the words of `operand`. */
static int operands_max(const struct ctl_verb *verb)
{
    int count = verb->operand != NULL;

    for (const char *at = verb->operand; at && (at = strchr(at, ' ')); at++)
        count++;
    MUST(count <= CTL_OPERANDS_MAX);
    return count;
}

static bool operands_take(const struct ctl_verb *verb, int argc, char *const *argv, struct ctl *ctl)
{
    int left = argc - optind;

    if (left > operands_max(verb))
        return wrong(verb, ctl, "unexpected argument", argv[argc - 1]);
    for (int i = 0; i < left; i++)
        ctl->args.operands[i] = argv[optind + i];
    if (left)
        ctl->args.doc = argv[optind];
    return true;
}

/* ":" and the letters, a value's with a colon behind it. */
static void letters_for_getopt(const struct ctl_verb *verb, char letters[2 * OPTIONS_MAX + 3])
{
    *letters++ = ':';
    *letters++ = 'h';
    for (size_t i = 0; i < verb->option_count; i++) {
        if (!verb->options[i].letter)
            continue;
        *letters++ = verb->options[i].letter;
        if (verb->options[i].noun)
            *letters++ = ':';
    }
    *letters = 0;
}

/* The option that getopt_long has found; NULL: none. */
static const struct ctl_option *option_found(const struct ctl_verb *verb, int got)
{
    if (got >= OPTION_BASE)
        return &verb->options[got - OPTION_BASE];
    for (size_t i = 0; i < verb->option_count; i++) {
        if (verb->options[i].letter == got)
            return &verb->options[i];
    }
    return NULL;
}

enum ctl_args_outcome ctl_args_read(const struct ctl_verb *verb, int argc, char *const *argv,
                                    struct ctl *ctl)
{
    struct option list[OPTIONS_MAX + 2];
    char letters[2 * OPTIONS_MAX + 3];
    int got;

    options_for_getopt(verb, list);
    letters_for_getopt(verb, letters);
    opterr = 0;
    optind = 0; /* starts over, for a second command line in one process */
    while ((got = getopt_long(argc, argv, letters, list, NULL)) != -1) {
        if (got == 'h' || got == OPTION_HELP)
            return CTL_ARGS_HELP;
        const struct ctl_option *option = option_found(verb, got);
        if (!option) {
            /* ':' comes for a missing value; else it is not known, ambiguous or takes no value. */
            (void)wrong(verb, ctl, got == ':' ? "no value behind" : "cannot use", argv[optind - 1]);
            return CTL_ARGS_WRONG;
        }
        option_take(option, ctl, optarg);
    }
    return operands_take(verb, argc, argv, ctl) ? CTL_ARGS_READ : CTL_ARGS_WRONG;
}

bool ctl_args_doc(struct ctl *ctl)
{
    if (!ctl->args.doc)
        fprintf(ctl->err, "weftctl: which document? (--help tells)\n");
    else if (!wire_doc_id_valid(slice_str(ctl->args.doc)))
        fprintf(ctl->err,
                "weftctl: a document's id is 1 to %d bytes of UTF-8 without control characters\n",
                WIRE_DOC_SIZE_MAX);
    else
        return true;
    return false;
}

bool ctl_args_number(struct ctl *ctl, const char *name, const char *text, uint64_t min,
                     uint64_t max, uint64_t *ret)
{
    char *end;

    if (!text)
        return true;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (errno || *end || text[0] < '0' || text[0] > '9' || n < min || n > max) {
        fprintf(ctl->err, "weftctl: %s is a number from %llu to %llu, not '%.40s'\n", name,
                (unsigned long long)min, (unsigned long long)max, text);
        return false;
    }
    *ret = n;
    return true;
}

bool ctl_args_rev(struct ctl *ctl, const char *name, const char *text, uint64_t *ret)
{
    char *end;

    if (!text)
        return true;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (errno || *end || text[0] < '0' || text[0] > '9' || n == 0 || n == UINT64_MAX) {
        fprintf(ctl->err, "weftctl: %s is a revision, from 1, not '%.40s'\n", name, text);
        return false;
    }
    *ret = n;
    return true;
}

void ctl_args_help(const struct ctl_verb *verb, FILE *out)
{
    fprintf(out, "weftctl %s: %s\n\nusage: weftctl %s%s%s%s\n\n", verb->name, verb->summary,
            verb->name, verb->operand ? " " : "", verb->operand ? verb->operand : "",
            verb->option_count ? " [OPTION]..." : "");
    for (size_t i = 0; i < verb->option_count; i++) {
        const struct ctl_option *o = &verb->options[i];
        char letter[8] = "";
        if (o->letter)
            snprintf(letter, sizeof letter, "-%c, ", o->letter);
        fprintf(out, "  %s--%s%s%s\n      %s\n", letter, o->name, o->noun ? " " : "",
                o->noun ? o->noun : "", o->help);
    }
    fprintf(out, "%s%s", verb->option_count ? "\n" : "", verb->more);
}
