/*
 * How a service comes to Redis and PostgreSQL (backend.h) by its options, and what of it is told in
 * the log. A server that stands but does not give the durability asked for ends the process at its
 * start; one that becomes so later is waited for, since what was confirmed stays true.
 */
#ifndef WEFT_SHELL_STORAGE_H
#define WEFT_SHELL_STORAGE_H

#include "backend.h"
#include "shell.h"

#define SHELL_POSTGRES_OPTIONS(type, field)                                                        \
    CONF_SECRET(                                                                                   \
        type, field.conninfo, "postgres", NULL, 1023,                                              \
        "PostgreSQL as libpq reads it; each host by number or as a directory of sockets."),        \
        CONF_BOOL(type, field.standby_required, "standby-required", "false",                       \
                  "Refuse a PostgreSQL that waits for no standby: for where it fails over.")

struct shell_postgres {
    char *conninfo; /* NULL: as libpq's environment says */
    bool standby_required;
};

/*
 * False, and it has been logged, if an option cannot be read. postgres NULL: this service has none.
 * The result borrows from the options.
 */
MUST_CHECK bool shell_storage_config(struct shell *s, const struct shell_options *options,
                                     const struct shell_postgres *postgres,
                                     struct backend_config *ret);

struct shell_storage {
    struct shell *shell;             /* borrowed */
    bool was_ready[BACKEND_SERVERS]; /* once at least */
    bool refused;                    /* unfit at the start: the process ends with status 1 */
};

/* To be called from the events of the same names. */
void shell_storage_state(struct shell_storage *st, enum backend_server server,
                         enum backend_state state, const char *reason);
void shell_storage_breaker(struct shell_storage *st, enum backend_server server,
                           enum cluster_breaker_state state);
void shell_storage_failure(struct shell_storage *st, const struct storage_call *call,
                           const char *reason);
/* For /readyz: true, or appends which server is missing. */
bool shell_storage_ready(const struct backend *backend, struct bytes *words);

#endif
