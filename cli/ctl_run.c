/* The verbs, and which of them a command line means. */
#include <string.h>

#include "ctl_args.h"
#include "ctl_pages.h"

const struct ctl_verb *const ctl_verbs[] = {
    &ctl_verb_status,
    &ctl_verb_top,
    &ctl_verb_workers,
    &ctl_verb_gateways,
    &ctl_verb_shards,
    &ctl_verb_lag,
    &ctl_verb_docs,
    &ctl_verb_find,
    &ctl_verb_get,
    &ctl_verb_history,
    &ctl_verb_diff,
    &ctl_verb_replay,
    &ctl_verb_tail,
    &ctl_verb_create,
    &ctl_verb_append,
    &ctl_verb_verify,
    &ctl_verb_release,
    &ctl_verb_ot,
    NULL,
};

static void show_verbs(FILE *to)
{
    fputs("weftctl: looks at documents and servers, verifies, edits\n\n"
          "usage: weftctl VERB [OPTION]...\n\n",
          to);
    for (size_t i = 0; ctl_verbs[i]; i++)
        fprintf(to, "  %-8s %s\n", ctl_verbs[i]->name, ctl_verbs[i]->summary);
    fputs(
        "\nweftctl VERB --help tells more; weftctl --man and weftctl --completion write the "
        "manual\n"
        "page and what bash reads to complete command lines. Exit status: 0 done, 1 the answer is\n"
        "no, 2 the command line is wrong, 3 a server cannot be reached.\n",
        to);
}

static const struct ctl_verb *find(const char *name)
{
    for (size_t i = 0; ctl_verbs[i]; i++) {
        if (strcmp(ctl_verbs[i]->name, name) == 0)
            return ctl_verbs[i];
    }
    return NULL;
}

/* True: it was one of these, and is done. */
static bool about_weftctl(const char *what, FILE *out)
{
    if (strcmp(what, "--help") == 0 || strcmp(what, "-h") == 0)
        show_verbs(out);
    else if (strcmp(what, "--man") == 0)
        ctl_man_write(out);
    else if (strcmp(what, "--completion") == 0)
        ctl_completion_write(out);
    else
        return false;
    return true;
}

enum ctl_exit ctl_run(int argc, char *const *argv, FILE *in, FILE *out, FILE *err)
{
    struct ctl ctl = {.in = in, .out = out, .err = err};
    const struct ctl_verb *verb = argc > 1 ? find(argv[1]) : NULL;

    if (argc > 1 && about_weftctl(argv[1], out))
        return CTL_YES;
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
