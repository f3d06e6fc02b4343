/*
 * A run is a list of statements, each asked when the one before it was answered:
 *
 *   connecting ─► preparing ─► what is applied ─► (a migration ─► a note of it)* ─► commit
 */
#include "pg_migrate.h"

#include <errno.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ev_timer.h"
#include "ev_watch.h"
#include "must.h"

#define CONNECT_MS 5000

extern const char pg_migration_0001[];

static const struct {
    unsigned number;
    const char *name;
    const char *sql;
} migrations[] = {
    {1, "documents", pg_migration_0001},
};

#define MIGRATION_COUNT (sizeof migrations / sizeof *migrations)

/* The lock is any number that nobody else on this database locks: "weft" in ASCII. */
static const char prepare_sql[] =
    "set client_min_messages = warning; begin; "
    "select pg_advisory_xact_lock(x'77656674'::int); create schema if not exists weft; "
    "create table if not exists weft.migrations (number int primary key, name text not null, "
    "applied timestamptz not null default now())";

enum step { CONNECTING, PREPARING, READING, APPLYING, NOTING, COMMITTING };

struct pg_migration {
    struct ev_loop *loop; /* borrowed */
    char *conninfo;       /* owned */
    pg_migration_done *done;
    void *arg;
    struct ev_task begin;
    struct ev_timer *deadline; /* owned; of connecting */
    struct ev_watch *watch;    /* owned; NULL between two steps of connecting */
    PGconn *pg;                /* owned */
    PGresult *result;          /* owned; of the statement under way: its first error, or its last */
    enum step step;
    size_t next; /* index of the migration that is applied or comes next */
    unsigned applied;
};

unsigned pg_schema_version(void)
{
    return migrations[MIGRATION_COUNT - 1].number;
}

/* ---- the end ---- */

static void disconnect(struct pg_migration *m)
{
    if (m->watch)
        m->watch = ev_watch_free(m->watch);
    ev_timer_stop(m->deadline);
    PQclear(m->result);
    m->result = NULL;
    PQfinish(m->pg); /* without its commit a transaction is undone */
    m->pg = NULL;
}

/* m may be gone afterwards. */
static void finish(struct pg_migration *m, int outcome, const char *words)
{
    char error[300];

    snprintf(error, sizeof error, "%s", words);
    error[strcspn(error, "\n")] = 0; /* the first line tells what, the rest where */
    disconnect(m);
    m->done(m->arg, outcome, outcome ? 0 : m->applied, error);
}

static void fail(struct pg_migration *m)
{
    finish(m, PQstatus(m->pg) == CONNECTION_OK ? -EPROTO : -ENOTCONN, PQerrorMessage(m->pg));
}

/* ---- statements ---- */

static void on_ready(void *arg, int events);

/* False: m may be gone. */
static bool watch(struct pg_migration *m, int events)
{
    if (!m->watch)
        m->watch = ev_watch_new(m->loop, PQsocket(m->pg), on_ready, m);
    if (m->watch && ev_watch_set(m->watch, events) == 0)
        return true;
    finish(m, -ENOMEM, "memory is out");
    return false;
}

static bool flush(struct pg_migration *m)
{
    int left = PQflush(m->pg);

    if (left >= 0)
        return watch(m, EV_WATCH_READ | (left ? EV_WATCH_WRITE : 0));
    fail(m);
    return false;
}

static void ask(struct pg_migration *m, enum step step, const char *sql)
{
    m->step = step;
    if (PQsendQuery(m->pg, sql))
        (void)flush(m);
    else
        fail(m);
}

static void apply_next(struct pg_migration *m)
{
    if (m->next < MIGRATION_COUNT)
        ask(m, APPLYING, migrations[m->next].sql);
    else
        ask(m, COMMITTING, "commit");
}

static void note(struct pg_migration *m)
{
    char sql[128];

    snprintf(sql, sizeof sql, "insert into weft.migrations (number, name) values (%u, '%s')",
             migrations[m->next].number, migrations[m->next].name);
    m->next++;
    m->applied++;
    ask(m, NOTING, sql);
}

static void answered(struct pg_migration *m, const PGresult *result)
{
    switch (m->step) {
    case PREPARING:
        ask(m, READING, "select coalesce(max(number), 0) from weft.migrations");
        break;
    case READING:
        while (m->next < MIGRATION_COUNT &&
               migrations[m->next].number <= strtoul(PQgetvalue(result, 0, 0), NULL, 10))
            m->next++;
        apply_next(m);
        break;
    case APPLYING:
        note(m);
        break;
    case NOTING:
        apply_next(m);
        break;
    default:
        MUST(m->step == COMMITTING);
        finish(m, 0, "");
        break;
    }
}

/* A text may hold several statements: its first error counts. */
static void results_read(struct pg_migration *m)
{
    while (!PQisBusy(m->pg)) {
        PGresult *result = PQgetResult(m->pg);
        if (result && m->result && PQresultErrorField(m->result, PG_DIAG_SQLSTATE)) {
            PQclear(result);
        } else if (result) {
            PQclear(m->result);
            m->result = result;
        } else {
            ExecStatusType status = PQresultStatus(m->result);
            result = m->result;
            m->result = NULL;
            if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
                answered(m, result);
            else
                finish(m, PQstatus(m->pg) == CONNECTION_OK ? -EPROTO : -ENOTCONN,
                       PQresultErrorMessage(result));
            PQclear(result);
            return; /* the next statement's answer comes by the watch */
        }
    }
}

static void connect_step(struct pg_migration *m)
{
    /* libpq may close its socket and open another. */
    if (m->watch)
        m->watch = ev_watch_free(m->watch);
    switch (PQconnectPoll(m->pg)) {
    case PGRES_POLLING_READING:
        (void)watch(m, EV_WATCH_READ);
        break;
    case PGRES_POLLING_WRITING:
        (void)watch(m, EV_WATCH_WRITE);
        break;
    case PGRES_POLLING_OK:
        ev_timer_stop(m->deadline);
        if (PQsetnonblocking(m->pg, 1) == 0)
            ask(m, PREPARING, prepare_sql);
        else
            finish(m, -ENOMEM, "memory is out");
        break;
    default:
        finish(m, -ENOTCONN, PQerrorMessage(m->pg));
        break;
    }
}

static void on_ready(void *arg, int events)
{
    struct pg_migration *m = arg;

    if (m->step == CONNECTING)
        connect_step(m);
    else if ((events & EV_WATCH_READ) && !PQconsumeInput(m->pg))
        fail(m);
    else if (flush(m)) /* "should be called again" after reading too */
        results_read(m);
}

/* ---- the beginning ---- */

static void on_deadline(void *arg)
{
    finish(arg, -ENOTCONN, "connecting to PostgreSQL took too long");
}

static void begin(void *arg)
{
    const char *const names[] = {"dbname", "application_name", NULL};
    struct pg_migration *m = arg;
    const char *const values[] = {m->conninfo, "weft-migrate", NULL};

    m->pg = PQconnectStartParams(names, values, 1);
    if (!m->pg) {
        finish(m, -ENOMEM, "memory is out");
    } else if (PQstatus(m->pg) == CONNECTION_BAD) {
        finish(m, -ENOTCONN, PQerrorMessage(m->pg));
    } else {
        ev_timer_start(m->deadline, CONNECT_MS);
        (void)watch(m, EV_WATCH_WRITE); /* as if PQconnectPoll had said so: libpq's rule */
    }
}

struct pg_migration *pg_migration_new(struct ev_loop *loop, const char *conninfo,
                                      pg_migration_done *done, void *arg)
{
    struct pg_migration *m = calloc(1, sizeof *m);

    if (!m)
        return NULL;
    *m = (struct pg_migration){.loop = loop, .done = done, .arg = arg};
    ev_task_init(&m->begin, begin, m);
    m->conninfo = strdup(conninfo);
    m->deadline = ev_timer_new(loop, on_deadline, m);
    if (!m->conninfo || !m->deadline)
        return pg_migration_free(m);
    ev_loop_later(loop, &m->begin);
    return m;
}

struct pg_migration *pg_migration_free(struct pg_migration *m)
{
    if (!m)
        return NULL;
    ev_task_cancel(&m->begin);
    if (m->deadline) {
        disconnect(m);
        ev_timer_free(m->deadline);
    }
    free(m->conninfo);
    free(m);
    return NULL;
}
