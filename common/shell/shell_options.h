/*
 * The options that all services share, as rows for a service's own table:
 *
 *     struct worker_config { struct shell_options shell; char *link; ... };
 *
 *     static const struct conf_option rows[] = {
 *         SHELL_OPTIONS(struct worker_config, shell),
 *         CONF_STRING(struct worker_config, link, "link", ...),
 *     };
 */
#ifndef WEFT_SHELL_OPTIONS_H
#define WEFT_SHELL_OPTIONS_H

#include "conf_option.h"

/* What "confirmed" means (I4); the order of redis_client.h's levels. */
enum shell_durability { SHELL_MEMORY, SHELL_FSYNC, SHELL_REPLICA };

struct shell_options {
    char *id;
    char *admin;
    char *admin_file;
    char *redis;
    char *redis_password;
    int durability; /* enum shell_durability */
    int64_t replicas;
    int log_format; /* enum obs_log_format */
    int log_level;  /* enum obs_level */
    int64_t log_per_second;
};

extern const char *const shell_durabilities[], *const shell_log_formats[],
                                                   *const shell_log_levels[];

#define SHELL_OPTIONS(type, field)                                                                 \
    CONF_STRING(type, field.id, "id", NULL, 63,                                                    \
                "Name of this process in the view and in logs: letters, digits, '.', '_', '-'."),  \
        CONF_STRING(type, field.admin, "admin", "127.0.0.1:0", 127,                                \
                    "Where /healthz, /readyz, /metrics and /dashboard listen; loopback only."),    \
        CONF_STRING(type, field.admin_file, "admin-file", NULL, 4095,                              \
                    "File that gets the address of the admin port; the dashboard shows all in "    \
                    "its directory."),                                                             \
        CONF_STRING(type, field.redis, "redis", "127.0.0.1:6379", 127,                             \
                    "Redis: ADDRESS:PORT, numbers only, or unix:PATH."),                           \
        CONF_SECRET(type, field.redis_password, "redis-password", NULL, 255,                       \
                    "Redis' password; better given by environment or file."),                      \
        CONF_ENUM(type, field.durability, "durability", "fsync", shell_durabilities,               \
                  "When an edit is confirmed: Redis has it in memory, on disk, or on replicas."),  \
        CONF_INT(type, field.replicas, "replicas", "1", 1, 16,                                     \
                 "Durability replica: how many must confirm; all that may be promoted."),          \
        CONF_ENUM(type, field.log_format, "log-format", "text", shell_log_formats,                 \
                  "key=value lines, or JSON."),                                                    \
        CONF_ENUM(type, field.log_level, "log-level", "info", shell_log_levels,                    \
                  "Events below it are not written."),                                             \
        CONF_INT(type, field.log_per_second, "log-per-second", "20", 0, 1000000,                   \
                 "Records of one kind in a second; the rest is counted. 0: no limit.")

/*
 * Reads the command line, the environment and the file. 0: go on, config is filled in (conf_fini).
 * Else *ret_status is what the process must exit with; what there was to say has been printed.
 */
MUST_CHECK int shell_configure(const struct conf_spec *spec, int argc, char *const *argv,
                               void *ret_config, int *ret_status);

#endif
