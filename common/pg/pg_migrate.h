/*
 * Brings the schema up: the numbered files in migrations/, each applied once, all of a run in one
 * transaction under an advisory lock, so processes that start together do it once. A released
 * migration is never changed; what it did wrong the next one mends. During a rolling upgrade old
 * processes go on beside the new schema, so a migration only adds; what it replaces goes in a later
 * release.
 *
 * Statements may take long (the lock of another archiver, a large table), so nothing here blocks
 * the loop, and the run may be given up at any time: without its commit nothing has happened.
 */
#ifndef WEFT_PG_MIGRATE_H
#define WEFT_PG_MIGRATE_H

#include "ev_loop.h"

struct pg_migration;

/*
 * The end of a run. outcome 0, and `applied` says how many were new (0: the schema was there, or is
 * of a newer build). -ENOTCONN: the server cannot be reached or is not ready; try again. -EPROTO:
 * it refuses the statements. -ENOMEM. error: the words, lent. The run may be freed here.
 */
typedef void pg_migration_done(void *arg, int outcome, unsigned applied, const char *error);

/* Begins on the loop's next turn; conninfo is copied. NULL: no memory. */
struct pg_migration *pg_migration_new(struct ev_loop *loop, const char *conninfo,
                                      pg_migration_done *done, void *arg);
/* Also in the middle: then done is not called. Returns NULL. */
struct pg_migration *pg_migration_free(struct pg_migration *migration);

/* The newest migration of this build. */
unsigned pg_schema_version(void);

#endif
