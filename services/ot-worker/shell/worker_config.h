/* The worker's options. */
#ifndef WEFT_WORKER_CONFIG_H
#define WEFT_WORKER_CONFIG_H

#include "shell_link.h"
#include "shell_storage.h"

struct worker_config {
    struct shell_options shell;
    struct shell_postgres postgres;
    struct shell_link link;
    uint64_t documents_bytes_max;
    uint64_t tail_bytes_max;
    uint64_t pending_bytes_max;
    uint64_t idle_ms;
    uint64_t revalidate_ms, commit_ms;
    uint64_t drain_ms;
};

extern const struct conf_spec worker_spec;

#endif
