/*
 * The kernel's floor: a bare echo server in a process of its own, as many sockets as the load has,
 * frames of the same sizes, each client waiting for its answer. No WebSocket, no Weft, no libevent:
 * what is left is what these sockets cost on this machine.
 */
#ifndef WEFT_LOAD_CALIBRATE_H
#define WEFT_LOAD_CALIBRATE_H

#include "load_options.h"

/* Prints the result. Returns the exit status; *error gets a sentence if that is 1. */
int load_calibrate(const struct load_options *options, struct bytes *error);

#endif
