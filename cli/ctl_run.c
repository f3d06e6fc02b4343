/* The verbs, and which of them a command line means. */
#include <string.h>

#include "ctl_args.h"

static const struct ctl_verb *const verbs[] = {
    &ctl_verb_get, &ctl_verb_verify, &ctl_verb_append, &ctl_verb_find, &ctl_verb_ot,
};

#define VERB_COUNT (sizeof verbs / sizeof verbs[0])

static void show_verbs(FILE *to)
{
    fputs("weftctl: looks at documents, verifies them, appends to them\n\n"
          "usage: weftctl VERB [OPTION]...\n\n",
          to);
    for (size_t i = 0; i < VERB_COUNT; i++)
        fprintf(to, "  %-8s %s\n", verbs[i]->name, verbs[i]->summary);
    fputs(
        "\nweftctl VERB --help tells more. Exit status: 0 done, 1 the answer is no, 2 the command\n"
        "line is wrong, 3 a server cannot be reached.\n",
        to);
}

static const struct ctl_verb *find(const char *name)
{
    for (size_t i = 0; i < VERB_COUNT; i++) {
        if (strcmp(verbs[i]->name, name) == 0)
            return verbs[i];
    }
    return NULL;
}

enum ctl_exit ctl_run(int argc, char *const *argv, FILE *in, FILE *out, FILE *err)
{
    struct ctl ctl = {.in = in, .out = out, .err = err};
    const struct ctl_verb *verb = argc > 1 ? find(argv[1]) : NULL;

    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        show_verbs(out);
        return CTL_YES;
    }
    if (!verb) {
        if (argc > 1)
            fprintf(err, "weftctl: there is no verb '%.40s' (weftctl --help lists them)\n",
                    argv[1]);
        else
            show_verbs(err);
        return CTL_USAGE;
    }
    switch (ctl_args_read(verb, argc - 1, argv + 1, &ctl)) {
    case CTL_ARGS_HELP:
        ctl_args_help(verb, out);
        return CTL_YES;
    case CTL_ARGS_WRONG:
        return CTL_USAGE;
    case CTL_ARGS_READ:
        break;
    }
    return verb->run(&ctl);
}
