/*
 * The comparison at the end. A document is right if all its editors hold, byte for byte, what a
 * reader gets who opens it afresh; if `weftctl get` prints the same (where there is one, with the
 * stores' addresses in the environment or in the instance's directory); and if its history has as
 * many revisions as ops were acknowledged.
 */
#ifndef WEFT_LOAD_CHECK_H
#define WEFT_LOAD_CHECK_H

#include "load_world.h"

/* Adds what is wrong to lost, doubled and diverged, and says so on standard error. */
void load_check(struct load_world *w, struct load_tally *tally);

/* load_weftctl.c: prints the document as Delta JSON through weftctl. */
enum load_weftctl {
    LOAD_WEFTCTL_SAME = 0,
    LOAD_WEFTCTL_OTHER,
    LOAD_WEFTCTL_NONE, /* there is no weftctl to ask */
};
enum load_weftctl load_weftctl_compare(const struct load_options *options, struct slice doc,
                                       struct slice delta);

#endif
