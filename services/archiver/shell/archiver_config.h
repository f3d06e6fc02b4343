/* The archiver's options. */
#ifndef WEFT_ARCHIVER_CONFIG_H
#define WEFT_ARCHIVER_CONFIG_H

#include "shell_storage.h"

struct archiver_config {
    struct shell_options shell;
    struct shell_postgres postgres;
    uint64_t lease_ms;
    int64_t jobs_max;
    int64_t entries_max;
    int64_t snapshot_revs;
    uint64_t snapshot_bytes;
    uint64_t poll_ms;
    uint64_t sweep_ms;
    uint64_t cache_bytes_max;
    uint64_t migrate_ms;
    uint64_t drain_ms;
};

extern const struct conf_spec archiver_spec;

#endif
