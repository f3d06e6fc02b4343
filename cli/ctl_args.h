/* A verb's command line, and its --help. Options and operand in any order. */
#ifndef WEFT_CTL_ARGS_H
#define WEFT_CTL_ARGS_H

#include <stdint.h>

#include "ctl_verb.h"

enum ctl_args_outcome {
    CTL_ARGS_READ = 0,
    CTL_ARGS_HELP,  /* asked for --help */
    CTL_ARGS_WRONG, /* said so to ctl->err */
};

/* argv[0] is the verb's name. Fills ctl->args. */
enum ctl_args_outcome ctl_args_read(const struct ctl_verb *verb, int argc, char *const *argv,
                                    struct ctl *ctl);
void ctl_args_help(const struct ctl_verb *verb, FILE *out);

/* The first operand is there and can be a document's id? Else says so. */
bool ctl_args_doc(struct ctl *ctl);
/*
 * A whole number from `min` to `max`; *ret is untouched where `text` is NULL. `name` is the option
 * or operand that is meant. False: it is another one; said so.
 */
bool ctl_args_number(struct ctl *ctl, const char *name, const char *text, uint64_t min,
                     uint64_t max, uint64_t *ret);
/* The same for a revision. */
bool ctl_args_rev(struct ctl *ctl, const char *name, const char *text, uint64_t *ret);

#endif
