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

#define CTL_OPERANDS_MAX 3

/* What a command line said; strings are borrowed from it and from the environment. */
struct ctl_args {
    const char *doc; /* the first operand */
    const char *operands[CTL_OPERANDS_MAX];
    const char *url, *redis, *postgres, *durability, *replicas, *admin, *dir;
    const char *rev, *format, *op, *text, *kind;
    const char *from, *to, *step, *into, *at, *lines, *limit, *prefix, *interval, *count, *doc_of;
    bool json, stored, live, all, create, ops, follow;
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
    char letter; /* also `-x`; 0: none */
};

struct ctl_verb {
    const char *name;
    const char *operand; /* words, one for each that is taken, [WORD]: may be absent; NULL: none */
    const char *summary; /* one line */
    /* How it answers, with examples: lines that begin with two spaces. Ends with a newline. */
    const char *more;
    const struct ctl_option *options;
    size_t option_count;
    enum ctl_exit (*run)(struct ctl *ctl);
};

extern const struct ctl_verb ctl_verb_append, ctl_verb_create, ctl_verb_diff, ctl_verb_docs,
    ctl_verb_find, ctl_verb_gateways, ctl_verb_get, ctl_verb_history, ctl_verb_lag, ctl_verb_ot,
    ctl_verb_release, ctl_verb_replay, ctl_verb_shards, ctl_verb_status, ctl_verb_tail,
    ctl_verb_top, ctl_verb_verify, ctl_verb_workers;
/* All verbs, in the order in which they are shown; ends with NULL. */
extern const struct ctl_verb *const ctl_verbs[];

/* The program: argv and the environment in, exit status out. */
enum ctl_exit ctl_run(int argc, char *const *argv, FILE *in, FILE *out, FILE *err);

#endif
