#include "worker_config.h"

static const struct conf_option options[] = {
    SHELL_OPTIONS(struct worker_config, shell),
    SHELL_POSTGRES_OPTIONS(struct worker_config, postgres),
    SHELL_LINK_OPTIONS(struct worker_config, link),
    CONF_BYTES(struct worker_config, documents_bytes_max, "documents-max", "1GiB", 1 << 20,
               (int64_t)1 << 40, "Memory for documents; past it idle ones are evicted."),
    CONF_BYTES(struct worker_config, tail_bytes_max, "tail-max", "16MiB", 1 << 16, (int64_t)1 << 32,
               "Per document: entries kept until they are archived; past it the document slows."),
    CONF_BYTES(struct worker_config, pending_bytes_max, "pending-max", "8MiB", 1 << 19,
               (int64_t)1 << 32, "Per document: ops that wait; past it clients must try later."),
    CONF_MS(struct worker_config, idle_ms, "idle", "60s", 100, 86400000,
            "A document without readers is dropped from memory after this."),
    CONF_MS(struct worker_config, revalidate_ms, "revalidate", "3s", 100, 600000,
            "How often the heads of live documents are compared with Redis."),
    CONF_MS(struct worker_config, commit_ms, "commit", "3ms", 0, 1000,
            "Entries of all documents are appended together; a busy worker waits up to this long "
            "between two times."),
    CONF_MS(struct worker_config, drain_ms, "drain", "10s", 0, 600000,
            "Time for handing documents over when asked to stop."),
};

static const char *const others[] = {"gateway", "archiver", NULL};

const struct conf_spec worker_spec = {
    .program = "weft-ot-worker",
    .version = WEFT_VERSION,
    .summary = "Orders the edits of its share of the documents.",
    .section = "worker",
    .other_sections = others,
    .options = options,
    .count = sizeof options / sizeof *options,
};
