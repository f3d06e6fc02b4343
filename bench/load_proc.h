/*
 * What an instance of scripts/up in a directory says about itself: CPU time of its processes, its
 * durability, where its services' metrics are. Everything is unknown where nothing was started.
 */
#ifndef WEFT_LOAD_PROC_H
#define WEFT_LOAD_PROC_H

#include <stdbool.h>
#include <stdint.h>

#include "bytes.h"

enum load_tier {
    TIER_GATEWAY,
    TIER_WORKER,
    TIER_ARCHIVER,
    TIER_REDIS,
    TIER_POSTGRES,
    LOAD_TIERS,
};

extern const char *const load_tier_names[LOAD_TIERS];

/* CPU time, user and system, all threads and ended children. */
struct load_usage {
    bool known; /* at least one process was found */
    uint64_t cpu_us[LOAD_TIERS];
};

void load_usage_read(const char *dir, struct load_usage *ret);
struct load_usage load_usage_between(const struct load_usage *before,
                                     const struct load_usage *after);

/* The value behind NAME= in DIR/settings, appended; false if there is none. */
MUST_CHECK bool load_setting(const char *dir, const char *name, struct bytes *out);
/* Name of the file system that DIR/redis is on; "unknown". */
const char *load_fs_name(const char *dir);
/* The largest archiver lag that the archivers of DIR tell; -1: none does. */
int64_t load_archiver_lag_ms(const char *dir);

/* The value of a series without labels in Prometheus' text; false: not there. */
MUST_CHECK bool load_metric_find(struct slice page, const char *name, double *ret);

#endif
