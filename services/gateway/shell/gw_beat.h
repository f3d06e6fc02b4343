/*
 * Redis for the gateway: the beat and nothing else. So the durability of edits is none of its
 * concern, and it asks only that Redis answers. The core starts when it does: its first beat would
 * only fail before.
 */
#ifndef WEFT_GW_BEAT_H
#define WEFT_GW_BEAT_H

#include "gw_core.h"
#include "shell_storage.h"

struct gw_beat {
    struct shell_storage storage;
    struct backend *backend;    /* owned */
    struct gw_core *core;       /* borrowed: set before the loop turns */
    bool started;               /* the core was */
    void (*stirred)(void *arg); /* the core may have something due earlier now */
    void *stirred_arg;
};

/* False, and it has been logged. */
MUST_CHECK bool gw_beat_start(struct gw_beat *beat, struct shell *shell,
                              const struct shell_options *options);

#endif
