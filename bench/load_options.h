/* What weft-load was told: a mode, for `trace` a file, and the options of that mode. */
#ifndef WEFT_LOAD_OPTIONS_H
#define WEFT_LOAD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "bytes.h"

enum load_mode_kind { LOAD_TRACE, LOAD_CLOSED, LOAD_RATE, LOAD_CALIBRATE, LOAD_MODES };

struct load_options {
    enum load_mode_kind mode;
    const char *file; /* trace; borrowed from argv */
    char *url, *dir;
    int64_t docs, editors, connections, seconds, warmup_s, settle_s;
    int64_t rate;    /* ops per second, all editors together */
    int64_t compose; /* patches of a recorded session that go in one op */
    int64_t up_bytes, down_bytes;
    int64_t seed; /* 0: by chance */
    bool tokens, json, quiet;
};

extern const char *const load_mode_names[LOAD_MODES];

/*
 * 0; or a CONF_SHOW or CONF_REFUSED (conf_option.h) with `text` to print; -ENOMEM. End it with
 * load_options_fini if 0. connections becomes their number if it was 0.
 */
MUST_CHECK int load_options_read(int argc, char *const *argv, char *const *envp,
                                 struct load_options *ret, struct bytes *text);
void load_options_fini(struct load_options *options);

#endif
