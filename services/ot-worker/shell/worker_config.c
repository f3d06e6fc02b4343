#include "worker_config.h"

#include "worker_limits.h"

static const struct conf_option options[] = {
    SHELL_OPTIONS(struct worker_config, shell),
    SHELL_POSTGRES_OPTIONS(struct worker_config, postgres),
    SHELL_LINK_OPTIONS(struct worker_config, link),
    CONF_MS(struct worker_config, idle_ms, "idle", "60s", 100, 86400000,
            "A document without readers is dropped from memory after this."),
    CONF_MS(struct worker_config, revalidate_ms, "revalidate", "3s", 100, 600000,
            "How often the heads of live documents are compared with Redis."),
    CONF_MS(struct worker_config, commit_ms, "commit", "3ms", 0, 1000,
            "Entries of all documents are appended together; a busy worker waits up to this long "
            "between two times."),
    CONF_MS(struct worker_config, drain_ms, "drain", "10s", 0, 600000,
            "Time for handing documents over when asked to stop."),
#define OPTION(kind, field, name, fallback, min, max, help, ...)                                   \
    CONF_##kind(struct worker_config, field, name, fallback, min, max, help),
    WORKER_LIMITS(OPTION, CONF_NO_OPTION)
#undef OPTION
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
