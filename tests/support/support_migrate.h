/* Brings the schema up and waits for it, for tests that need no archiver. */
#ifndef WEFT_SUPPORT_MIGRATE_H
#define WEFT_SUPPORT_MIGRATE_H

#include <stdio.h>

#include "must.h"
#include "pg_migrate.h"

struct support_migration {
    struct ev_loop *loop;
    int outcome;
    unsigned applied;
    char error[300];
};

static inline void support_migration_done(void *arg, int outcome, unsigned applied,
                                          const char *error)
{
    struct support_migration *m = arg;

    m->outcome = outcome;
    m->applied = applied;
    snprintf(m->error, sizeof m->error, "%s", error);
    ev_loop_stop(m->loop);
}

/* On a loop of its own, so also in a thread. */
static inline struct support_migration support_migrate(const char *conninfo)
{
    struct support_migration m = {.loop = ev_loop_new(NULL)};
    struct pg_migration *run;

    MUST(m.loop);
    run = pg_migration_new(m.loop, conninfo, support_migration_done, &m);
    MUST(run);
    ev_loop_run(m.loop);
    pg_migration_free(run);
    m.loop = ev_loop_free(m.loop);
    return m;
}

/* The same, where nothing else will do. */
static inline void support_migrate_well(const char *conninfo)
{
    struct support_migration m = support_migrate(conninfo);

    if (m.outcome)
        fprintf(stderr, "%s\n", m.error);
    MUST(m.outcome == 0);
}

#endif
