/*
 * One connection, one statement at a time.
 *
 * The awkward case: a callback may close the client, and with it this very connection, while its
 * results are being read. libpq is never on the stack then (its results are complete objects of
 * their own), so the connection is finished at once and the reading loop looks at conn->pg again.
 *
 * While connecting, libpq may close its socket and open another, so the watch is made anew after
 * every step of it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "pg_internal.h"
#include "pg_migrate.h"

#define RETRY_MS_MIN 50

static void on_ready(void *arg, int events);

void pg_conn_init(struct pg_conn *conn, struct pg_client *client)
{
    *conn = (struct pg_conn){.client = client};
}

static int64_t now_ms(const struct pg_conn *conn)
{
    return ev_loop_now_ms(conn->client->loop);
}

static int64_t backoff_ms(struct pg_conn *conn)
{
    int64_t max = conn->client->config.retry_ms_max;
    int64_t ms = conn->attempts < 16 ? (int64_t)RETRY_MS_MIN << conn->attempts : max;
    if (ms > max)
        ms = max;
    conn->attempts++;
    return ms - (int64_t)rng_below(&conn->client->rng, (uint64_t)(ms / 2 + 1));
}

/* libpq's words, the first line. */
static const char *words_of(struct pg_conn *conn, const char *words)
{
    snprintf(conn->error, sizeof conn->error, "%s", words);
    conn->error[strcspn(conn->error, "\n")] = 0;
    return conn->error;
}

void pg_conn_lose(struct pg_conn *conn, const char *reason)
{
    struct pg_client *client = conn->client;
    struct pg_request *request = conn->request;
    if (conn->state == PG_CONN_WAITING)
        return;
    if (conn->state >= PG_CONN_IDLE)
        client->stats.losses++;
    if (conn->watch)
        conn->watch = ev_watch_free(conn->watch);
    PQclear(conn->result);
    conn->result = NULL;
    PQfinish(conn->pg);
    conn->pg = NULL;
    conn->asked = false;
    conn->request = NULL;
    if (conn->lock)
        conn->lock->conn = NULL;
    conn->lock = NULL;
    conn->unfit = false;
    conn->state = PG_CONN_WAITING;
    conn->retry_ms = now_ms(conn) + backoff_ms(conn);
    if (request)
        pg_request_fall(client, request, pg_lock_outcome_lost(request),
                        "connection to PostgreSQL lost");
    pg_client_changed(client, reason);
}

static bool watch(struct pg_conn *conn, int events)
{
    if (!conn->watch)
        conn->watch = ev_watch_new(conn->client->loop, PQsocket(conn->pg), on_ready, conn);
    if (conn->watch && ev_watch_set(conn->watch, events) == 0)
        return true;
    pg_conn_lose(conn, "out of memory");
    return false;
}

/* ---- statements ---- */

static bool flush(struct pg_conn *conn)
{
    int left = PQflush(conn->pg);
    if (left < 0) {
        pg_conn_lose(conn, words_of(conn, PQerrorMessage(conn->pg)));
        return false;
    }
    return watch(conn, EV_WATCH_READ | (left ? EV_WATCH_WRITE : 0));
}

static bool asked(struct pg_conn *conn, int sent)
{
    if (!sent) {
        pg_conn_lose(conn, words_of(conn, PQerrorMessage(conn->pg)));
        return false;
    }
    conn->asked = true;
    return flush(conn);
}

bool pg_conn_ask_text(struct pg_conn *conn, const char *sql)
{
    return asked(conn, PQsendQuery(conn->pg, sql));
}

bool pg_conn_ask(struct pg_conn *conn, enum pg_statement statement, const struct pg_params *params)
{
    const char *values[PG_PARAMS_MAX];
    int sizes[PG_PARAMS_MAX], formats[PG_PARAMS_MAX];
    MUST(params->count == pg_statements[statement].params);
    for (unsigned i = 0; i < params->count; i++) {
        bool number = params->at[i].is_number;
        values[i] = (const char *)(number ? params->at[i].number : params->at[i].bytes.data);
        sizes[i] = (int)(number ? params->at[i].size : params->at[i].bytes.size);
        formats[i] = 1;
    }
    return asked(conn, PQsendQueryPrepared(conn->pg, pg_statements[statement].name,
                                           (int)params->count, values, sizes, formats, 1));
}

/* ---- the check ---- */

/*
 * What each session needs, then whether the server is fit, then one step for each statement.
 * synchronous_commit on: a commit answered is a commit on disk (I7).
 */
static void check_session(struct pg_conn *conn)
{
    const struct pg_config *config = &conn->client->config;
    char sql[400];
    snprintf(sql, sizeof sql,
             "set synchronous_commit = on; set statement_timeout = %lld; set lock_timeout = %lld;"
             " set idle_in_transaction_session_timeout = %lld;"
             " set default_transaction_isolation = 'read committed'",
             (long long)config->command_ms, (long long)config->command_ms / 2,
             (long long)config->lock_ms + config->command_ms);
    (void)pg_conn_ask_text(conn, sql);
}

static void check_later(struct pg_conn *conn, bool unfit, const char *reason)
{
    conn->unfit = unfit;
    conn->check = 0;
    conn->retry_ms = now_ms(conn) + backoff_ms(conn);
    pg_client_changed(conn->client, reason);
}

static void check_facts(struct pg_conn *conn, PGresult *result)
{
    if (PQgetvalue(result, 0, 0)[0] == 't')
        check_later(conn, false, "PostgreSQL is a standby");
    else if (conn->client->config.standby_required && !PQgetvalue(result, 0, 1)[0])
        check_later(conn, true,
                    "PostgreSQL waits for no standby: set synchronous_standby_names, or do not "
                    "configure failover");
    else if (strtoul(PQgetvalue(result, 0, 2), NULL, 10) < pg_schema_version())
        check_later(conn, false, "the schema is older than this build: an archiver brings it up");
    else {
        conn->unfit = false;
        conn->check++;
    }
}

static void check_ask(struct pg_conn *conn)
{
    if (conn->check == 0) {
        check_session(conn);
    } else if (conn->check == 1) {
        (void)pg_conn_ask_text(conn, "select pg_is_in_recovery(),"
                                     " current_setting('synchronous_standby_names'),"
                                     " (select coalesce(max(number), 0) from weft.migrations)");
    } else {
        const struct pg_statement_row *row = &pg_statements[conn->check - 2];
        (void)asked(conn, PQsendPrepare(conn->pg, row->name, row->sql, 0, NULL));
    }
}

static void check_result(struct pg_conn *conn, PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (state && (strcmp(state, "42P01") == 0 || strcmp(state, "3F000") == 0)) {
        check_later(conn, false, "there is no schema yet: an archiver brings it up");
        return;
    }
    if (state) {
        check_later(conn, pg_outcome_of(result) == PG_OUTCOME_ERROR,
                    words_of(conn, PQresultErrorMessage(result)));
        return;
    }
    unsigned step = conn->check;
    if (step == 1)
        check_facts(conn, result);
    else
        conn->check++;
    if (conn->check <= step)
        return; /* later */
    if (conn->check == 2 + PG_STATEMENT_COUNT) {
        conn->state = PG_CONN_IDLE;
        conn->attempts = 0;
        pg_client_changed(conn->client, NULL);
        pg_client_pump_soon(conn->client);
        return;
    }
    check_ask(conn);
}

static void check_start(struct pg_conn *conn)
{
    conn->state = PG_CONN_CHECKING;
    conn->deadline_ms = now_ms(conn) + conn->client->config.command_ms;
    conn->check = 0;
    check_ask(conn);
}

/* ---- connecting ---- */

static void connect_step(struct pg_conn *conn)
{
    if (conn->watch)
        conn->watch = ev_watch_free(conn->watch);
    switch (PQconnectPoll(conn->pg)) {
    case PGRES_POLLING_READING:
        (void)watch(conn, EV_WATCH_READ);
        break;
    case PGRES_POLLING_WRITING:
        (void)watch(conn, EV_WATCH_WRITE);
        break;
    case PGRES_POLLING_OK:
        if (PQsetnonblocking(conn->pg, 1) == 0)
            check_start(conn);
        else
            pg_conn_lose(conn, "out of memory");
        break;
    default:
        pg_conn_lose(conn, words_of(conn, PQerrorMessage(conn->pg)));
        break;
    }
}

static void on_notice(void *arg, const PGresult *result)
{
    struct pg_conn *conn = arg;
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    if (severity && strcmp(severity, "WARNING") == 0)
        conn->warned = true;
}

static void connect_now(struct pg_conn *conn)
{
    const char *const names[] = {"dbname", "fallback_application_name", NULL};
    const char *const values[] = {conn->client->conninfo, "weft", NULL};
    conn->client->stats.connects++;
    conn->pg = PQconnectStartParams(names, values, 1);
    conn->state = PG_CONN_CONNECTING;
    conn->deadline_ms = now_ms(conn) + conn->client->config.command_ms;
    if (!conn->pg || PQstatus(conn->pg) == CONNECTION_BAD) {
        pg_conn_lose(conn, conn->pg ? words_of(conn, PQerrorMessage(conn->pg)) : "out of memory");
        return;
    }
    (void)PQsetNoticeReceiver(conn->pg, on_notice, conn);
    (void)watch(conn, EV_WATCH_WRITE); /* as if PQconnectPoll had said so: libpq's rule */
}

/* ---- requests ---- */

void pg_conn_start(struct pg_conn *conn, struct pg_request *request)
{
    MUST(conn->state == PG_CONN_IDLE || conn->state == PG_CONN_HELD);
    conn->state = PG_CONN_BUSY;
    conn->request = request;
    if (request->kind == PG_KIND_READ)
        (void)pg_conn_ask(conn, request->statement, &request->params);
    else
        pg_lock_step(conn, NULL);
}

static void be_free(struct pg_conn *conn)
{
    PGTransactionStatusType in = PQtransactionStatus(conn->pg);
    if (conn->lock) {
        conn->state = PG_CONN_HELD;
        conn->deadline_ms = now_ms(conn) + conn->client->config.lock_ms;
    } else if (in == PQTRANS_INTRANS || in == PQTRANS_INERROR) {
        conn->state = PG_CONN_ROLLING;
        conn->deadline_ms = now_ms(conn) + conn->client->config.command_ms;
        (void)pg_conn_ask_text(conn, "rollback");
    } else {
        conn->state = PG_CONN_IDLE;
        pg_client_pump_soon(conn->client);
    }
}

void pg_conn_end(struct pg_conn *conn, enum pg_outcome outcome, const char *error, PGresult *result)
{
    struct pg_request *request = conn->request;
    conn->request = NULL;
    be_free(conn);
    pg_request_end(conn->client, request, outcome, error, result);
}

static void request_result(struct pg_conn *conn, PGresult *result)
{
    if (conn->request->kind != PG_KIND_READ)
        pg_lock_step(conn, result);
    else if (PQresultStatus(result) == PGRES_TUPLES_OK)
        pg_conn_end(conn, PG_OUTCOME_OK, "", result);
    else
        pg_conn_end(conn, pg_outcome_of(result),
                    PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY), result);
}

/* The statement is over; the result is the caller's to clear. */
static void statement_done(struct pg_conn *conn, PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    bool standby = state && strcmp(state, "25006") == 0; /* read-only: it has changed its role */
    conn->asked = false;
    switch (conn->state) {
    case PG_CONN_CHECKING:
        check_result(conn, result);
        break;
    case PG_CONN_ROLLING:
        if (state)
            pg_conn_lose(conn, words_of(conn, PQresultErrorMessage(result)));
        else
            be_free(conn);
        break;
    default:
        MUST(conn->state == PG_CONN_BUSY);
        request_result(conn, result);
        break;
    }
    if (standby && conn->pg)
        pg_conn_lose(conn, "PostgreSQL has become a standby");
}

/* Keeps the first error, else the last result: a text may hold several statements. */
static void keep_result(struct pg_conn *conn, PGresult *result)
{
    if (conn->result && PQresultErrorField(conn->result, PG_DIAG_SQLSTATE)) {
        PQclear(result);
        return;
    }
    PQclear(conn->result);
    conn->result = result;
}

static void read_results(struct pg_conn *conn)
{
    while (conn->pg && conn->asked && !PQisBusy(conn->pg)) {
        PGresult *result = PQgetResult(conn->pg);
        if (result) {
            keep_result(conn, result);
            continue;
        }
        result = conn->result;
        conn->result = NULL;
        if (!result || PQstatus(conn->pg) == CONNECTION_BAD) {
            pg_conn_lose(conn, words_of(conn, PQerrorMessage(conn->pg)));
            PQclear(result);
            return;
        }
        statement_done(conn, result);
        PQclear(result);
    }
}

static void on_ready(void *arg, int events)
{
    struct pg_conn *conn = arg;
    if (conn->state == PG_CONN_CONNECTING) {
        connect_step(conn);
        return;
    }
    if ((events & EV_WATCH_WRITE) && !flush(conn))
        return;
    if (!(events & EV_WATCH_READ))
        return;
    if (!PQconsumeInput(conn->pg)) {
        pg_conn_lose(conn, words_of(conn, PQerrorMessage(conn->pg)));
        return;
    }
    /* "PQflush should be called again after reading": the server may have waited for us to read. */
    if (conn->asked && !flush(conn))
        return;
    read_results(conn);
    if (conn->pg && PQstatus(conn->pg) == CONNECTION_BAD)
        pg_conn_lose(conn, words_of(conn, PQerrorMessage(conn->pg)));
}

void pg_conn_tick(struct pg_conn *conn, int64_t now)
{
    switch (conn->state) {
    case PG_CONN_WAITING:
        if (conn->retry_ms <= now)
            connect_now(conn);
        break;
    case PG_CONN_CONNECTING:
        if (conn->deadline_ms <= now)
            pg_conn_lose(conn, "connecting to PostgreSQL took too long");
        break;
    case PG_CONN_CHECKING:
        if (conn->asked && conn->deadline_ms <= now)
            pg_conn_lose(conn, "PostgreSQL did not answer in time");
        else if (!conn->asked && conn->retry_ms <= now)
            check_start(conn);
        break;
    case PG_CONN_BUSY:
        if (conn->request->deadline_ms <= now)
            pg_conn_lose(conn, "PostgreSQL did not answer in time");
        break;
    case PG_CONN_HELD:
        if (conn->deadline_ms <= now) {
            conn->client->stats.locks_expired++;
            pg_conn_lose(conn, "a lock was held for too long");
        }
        break;
    case PG_CONN_ROLLING:
        if (conn->deadline_ms <= now)
            pg_conn_lose(conn, "PostgreSQL did not answer in time");
        break;
    case PG_CONN_IDLE:
        break;
    }
}
