#include "pg_migrate.h"

#include <errno.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const char pg_migration_0001[];

static const struct {
    unsigned number;
    const char *name;
    const char *sql;
} migrations[] = {
    {1, "documents", pg_migration_0001},
};

#define MIGRATION_COUNT (sizeof migrations / sizeof *migrations)
/* Any number that nobody else on this database locks: "weft" in ASCII. */
#define LOCK_SQL "select pg_advisory_xact_lock(x'77656674'::int)"

unsigned pg_schema_version(void)
{
    return migrations[MIGRATION_COUNT - 1].number;
}

static void say(const PGconn *conn, char *error, size_t error_size)
{
    snprintf(error, error_size, "%s", PQerrorMessage(conn));
    error[strcspn(error, "\n")] = 0; /* the first line tells what, the rest where */
}

static int run(PGconn *conn, const char *sql, char *error, size_t error_size)
{
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);
    PQclear(result);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
        return 0;
    say(conn, error, error_size);
    return PQstatus(conn) == CONNECTION_OK ? -EPROTO : -ENOTCONN;
}

/* What the database has: the greatest number, 0 if none. */
static int applied_max(PGconn *conn, unsigned *ret, char *error, size_t error_size)
{
    PGresult *result = PQexec(conn, "select coalesce(max(number), 0) from weft.migrations");
    int r = -EPROTO;
    if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1) {
        *ret = (unsigned)strtoul(PQgetvalue(result, 0, 0), NULL, 10);
        r = 0;
    } else {
        say(conn, error, error_size);
    }
    PQclear(result);
    return r;
}

static int apply(PGconn *conn, size_t i, char *error, size_t error_size)
{
    char note[128];
    snprintf(note, sizeof note, "insert into weft.migrations (number, name) values (%u, '%s')",
             migrations[i].number, migrations[i].name);
    int r = run(conn, migrations[i].sql, error, error_size);
    return r ? r : run(conn, note, error, error_size);
}

static int migrate(PGconn *conn, unsigned *ret_applied, char *error, size_t error_size)
{
    static const char *const before[] = {
        "set client_min_messages = warning",
        "begin",
        LOCK_SQL,
        "create schema if not exists weft",
        "create table if not exists weft.migrations (number int primary key, name text not null, "
        "applied timestamptz not null default now())",
    };
    unsigned done = 0, applied = 0;
    int r = 0;
    for (size_t i = 0; !r && i < sizeof before / sizeof *before; i++)
        r = run(conn, before[i], error, error_size);
    if (!r)
        r = applied_max(conn, &done, error, error_size);
    for (size_t i = 0; !r && i < MIGRATION_COUNT; i++)
        if (migrations[i].number > done) {
            r = apply(conn, i, error, error_size);
            applied++;
        }
    if (!r)
        r = run(conn, "commit", error, error_size);
    if (!r)
        *ret_applied = applied;
    return r;
}

int pg_migrate(const char *conninfo, unsigned *ret_applied, char *error, size_t error_size)
{
    const char *const names[] = {"dbname", "connect_timeout", "application_name", NULL};
    const char *const values[] = {conninfo, "5", "weft-migrate", NULL};
    PGconn *conn = PQconnectdbParams(names, values, 1);
    int r = conn ? -ENOTCONN : -ENOMEM;
    if (conn && PQstatus(conn) == CONNECTION_OK)
        r = migrate(conn, ret_applied, error, error_size);
    else if (conn)
        say(conn, error, error_size);
    PQfinish(conn); /* without its commit a transaction is undone */
    return r;
}
