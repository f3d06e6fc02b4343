/*
 * What is written about weftctl from its table of verbs: the manual page (docs/man/weftctl.1) and
 * the completion for bash (docs/man/weftctl.bash). Both are kept in the tree, and a test compares.
 */
#ifndef WEFT_CTL_PAGES_H
#define WEFT_CTL_PAGES_H

#include <stdio.h>

/* roff, for man(1). */
void ctl_man_write(FILE *out);
/* A function and its `complete -F`. */
void ctl_completion_write(FILE *out);

#endif
