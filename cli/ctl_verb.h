/*
 * What the verbs of weftctl share: one table of verbs (ctl_run.c), and for each a table of options.
 *
 * Verbs write answers to `out` and say to `err`, in one sentence, what is wrong and what to do
 * about it. They return how the program ends.
 */
#ifndef WEFT_CTL_VERB_H
#define WEFT_CTL_VERB_H

#include <stdbool.h>
#include <stdio.h>

enum ctl_exit {
    CTL_YES = 0,         /* done, or the answer is yes */
    CTL_NO = 1,          /* the answer is no: no such document, a mismatch, a refusal */
    CTL_USAGE = 2,       /* the command line is wrong */
    CTL_UNREACHABLE = 3, /* Redis, PostgreSQL or the gateway cannot be asked */
};

/* What a command line said; strings are borrowed from it and from the environment. */
struct ctl_args {
    const char *doc; /* the operand */
    const char *url, *redis, *postgres, *durability, *replicas, *dir;
    const char *rev, *format, *op, *text, *kind;
    bool json, stored, live, all, create;
};

struct ctl {
    struct ctl_args args;
    FILE *in, *out, *err;
};

struct ctl_option {
    const char *name;
    const char *noun; /* of its value; NULL: a flag, the field is a bool */
    size_t offset;    /* in struct ctl_args: const char *, or bool */
    const char *help;
};

struct ctl_verb {
    const char *name;
    const char *operand; /* NULL: takes none */
    const char *summary; /* one line */
    const char *more;    /* how it answers, with examples; ends with a newline */
    const struct ctl_option *options;
    size_t option_count;
    enum ctl_exit (*run)(struct ctl *ctl);
};

extern const struct ctl_verb ctl_verb_append, ctl_verb_find, ctl_verb_get, ctl_verb_ot,
    ctl_verb_verify;

/* The program: argv and the environment in, exit status out. */
enum ctl_exit ctl_run(int argc, char *const *argv, FILE *in, FILE *out, FILE *err);

#endif
