/*
 * Brings the schema up: the numbered files in migrations/, each applied once, all of a run in one
 * transaction under an advisory lock, so processes that start together do it once. A released
 * migration is never changed; what it did wrong the next one mends. During a rolling upgrade old
 * processes go on beside the new schema, so a migration only adds; what it replaces goes in a later
 * release.
 *
 * Blocks (seconds): call it before the loop runs.
 */
#ifndef WEFT_PG_MIGRATE_H
#define WEFT_PG_MIGRATE_H

#include <stddef.h>

#include "must.h"

/*
 * 0, and *ret_applied says how many were new (0: the schema was there, or is of a newer build).
 * -ENOTCONN: the server cannot be reached or is not ready; try again. -EPROTO: it refuses the
 * statements. -ENOMEM. error gets the words.
 */
MUST_CHECK int pg_migrate(const char *conninfo, unsigned *ret_applied, char *error,
                          size_t error_size);

/* The newest migration of this build. */
unsigned pg_schema_version(void);

#endif
