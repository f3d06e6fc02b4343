#include "archiver_config.h"

#include "archiver_limits.h"

static const struct conf_option options[] = {
    SHELL_OPTIONS(struct archiver_config, shell),
    SHELL_POSTGRES_OPTIONS(struct archiver_config, postgres),
    CONF_MS(struct archiver_config, lease_ms, "lease", "30s", 1000, 3600000,
            "How long a claim keeps other archivers away from a document."),
    CONF_INT(struct archiver_config, snapshot_revs, "snapshot-revisions", "1000", 1, 1000000000,
             "A snapshot is due after this many revisions, or:"),
    CONF_BYTES(struct archiver_config, snapshot_bytes, "snapshot-bytes", "256KiB", 1024,
               (int64_t)1 << 40, "after this many bytes of entries."),
    CONF_MS(struct archiver_config, poll_ms, "poll", "500ms", 10, 600000,
            "Between two looks at a lane without work."),
    CONF_MS(struct archiver_config, sweep_ms, "sweep", "60s", 100, 86400000,
            "Between two steps of the slow repair of marks and heads."),
    CONF_MS(struct archiver_config, migrate_ms, "migrate-wait", "60s", 0, 3600000,
            "How long to wait for PostgreSQL at the start, which must have its schema brought up."),
    CONF_MS(struct archiver_config, drain_ms, "drain", "10s", 0, 600000,
            "Time for what is under way when asked to stop."),
#define OPTION(kind, field, name, fallback, min, max, help, ...)                                   \
    CONF_##kind(struct archiver_config, field, name, fallback, min, max, help),
    ARCHIVER_LIMITS(OPTION, CONF_NO_OPTION)
#undef OPTION
};

static const char *const others[] = {"gateway", "worker", NULL};

const struct conf_spec archiver_spec = {
    .program = "weft-archiver",
    .version = WEFT_VERSION,
    .summary = "Folds the streams of Redis into PostgreSQL and trims behind the proof.",
    .section = "archiver",
    .other_sections = others,
    .options = options,
    .count = sizeof options / sizeof *options,
};
