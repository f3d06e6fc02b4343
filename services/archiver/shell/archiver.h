/*
 * The archiver's shell: moves bytes between the core (ar_core.h) and Redis, PostgreSQL, the admin
 * port and the log. One loop, one thread.
 *
 *     archiver_main.c     migrations, start and end
 *     archiver_config.c   the table of options
 *     archiver_events.c   what the core wants an operator to know
 *     archiver_metrics.h  the admin port's numbers
 */
#ifndef WEFT_ARCHIVER_H
#define WEFT_ARCHIVER_H

#include "ar_core.h"
#include "archiver_config.h"
#include "pg_migrate.h"
#include "shell_drive.h"

struct archiver {
    struct archiver_config config;
    struct backend_config storage; /* borrows from config */
    struct shell shell;
    struct shell_drive drive;
    struct ar_core *core;           /* owned */
    struct pg_migration *migration; /* owned; the attempt under way */
    struct ev_timer *migrate;       /* owned; the next attempt */
    int64_t migrate_end_ms;         /* of ev_clock */
    bool migrated;                  /* then drive and core are there */
};

/* archiver_events.c: ar_io.event */
void archiver_event(void *ctx, enum ar_event event, struct slice doc, uint64_t detail);

#endif
