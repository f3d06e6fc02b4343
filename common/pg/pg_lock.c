/*
 * Locks and what ends them (I7). The stages of a request are the statements that were answered:
 *
 *   LOCK    0 begin   1 the advisory lock   2 the head   -> the caller holds the lock
 *   COMMIT  0 the statement   1 commit                   -> committed
 *                             2 the head, then rollback  -> lost
 *   UNLOCK  0 rollback
 *
 * Only stage 1 of COMMIT is a time when a lost connection leaves the outcome open. The server's
 * statement_timeout is off within the transaction: it would end a commit's wait for its standbys
 * and let it stand as done.
 */
#include <errno.h>
#include <stdlib.h>

#include "hash.h"
#include "pg_internal.h"

#define STAGE_COMMITTING 1
#define STAGE_LOST 2

typedef void any_done(void);

enum pg_outcome pg_lock_outcome_lost(const struct pg_request *request)
{
    switch (request->kind) {
    case PG_KIND_COMMIT:
        return request->stage == STAGE_COMMITTING ? PG_OUTCOME_UNKNOWN : PG_OUTCOME_DOWN;
    case PG_KIND_UNLOCK:
        return PG_OUTCOME_DOWN;
    default:
        return PG_OUTCOME_UNKNOWN;
    }
}

static void fail(struct pg_conn *conn, PGresult *result)
{
    conn->lock = NULL;
    pg_conn_end(conn, pg_outcome_of(result), PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY),
                result);
}

static void ask_head(struct pg_conn *conn, const struct pg_lock *lock)
{
    struct pg_params params = {0};
    pg_params_bytes(&params, slice_of(lock->doc, lock->size));
    (void)pg_conn_ask(conn, PG_STATEMENT_HEAD, &params);
}

static void lock_step(struct pg_conn *conn, PGresult *result)
{
    struct pg_request *request = conn->request;
    struct pg_lock *lock = request->lock;
    struct pg_params params = {0};
    switch (request->stage++) {
    case 0:
        (void)pg_conn_ask_text(conn, "begin; set local statement_timeout = 0");
        break;
    case 1:
        pg_params_i64(&params, hash_stable(lock->doc, lock->size) >> 1);
        (void)pg_conn_ask(conn, PG_STATEMENT_LOCK, &params);
        break;
    case 2:
        ask_head(conn, lock);
        break;
    default:
        conn->lock = lock;
        lock->conn = conn;
        pg_conn_end(conn, PG_OUTCOME_OK, "", result);
        break;
    }
}

static void commit_statement_done(struct pg_conn *conn, PGresult *result)
{
    struct pg_request *request = conn->request;
    if (PQntuples(result) == 1 && PQgetlength(result, 0, 0) == 8 &&
        load_be64((const uint8_t *)PQgetvalue(result, 0, 0)) == 1) {
        request->stage = STAGE_COMMITTING;
        conn->warned = false;
        (void)pg_conn_ask_text(conn, "commit");
        return;
    }
    request->stage = STAGE_LOST;
    request->lost = true;
    ask_head(conn, request->lock);
}

static void commit_done(struct pg_conn *conn, PGresult *result)
{
    bool done = strcmp(PQcmdStatus(result), "COMMIT") == 0;
    conn->lock = NULL;
    /* A warning is how the server says that its wait for a standby was cut short. */
    if (done && !conn->warned)
        pg_conn_end(conn, PG_OUTCOME_OK, "", result);
    else
        pg_conn_end(conn, PG_OUTCOME_UNKNOWN, "PostgreSQL's answer to commit leaves it open",
                    result);
}

static void commit_step(struct pg_conn *conn, PGresult *result)
{
    if (conn->request->stage == STAGE_COMMITTING) {
        commit_done(conn, result);
    } else if (conn->request->stage == STAGE_LOST) {
        conn->lock = NULL;
        pg_conn_end(conn, PG_OUTCOME_OK, "", result);
    } else {
        commit_statement_done(conn, result);
    }
}

void pg_lock_step(struct pg_conn *conn, PGresult *result)
{
    struct pg_request *request = conn->request;
    bool failed = result && PQresultErrorField(result, PG_DIAG_SQLSTATE);
    bool committing = request->kind == PG_KIND_COMMIT && request->stage == STAGE_COMMITTING;
    if (failed && !committing) {
        fail(conn, result);
    } else if (request->kind == PG_KIND_LOCK) {
        lock_step(conn, result);
    } else if (request->kind == PG_KIND_COMMIT) {
        commit_step(conn, result);
    } else if (request->stage++ == 0) {
        (void)pg_conn_ask_text(conn, "rollback");
    } else {
        conn->lock = NULL;
        pg_conn_end(conn, PG_OUTCOME_OK, "", result);
    }
}

/* ---- calls ---- */

static int lock_finish(struct pg_request *request, const struct pg_answer *answer, PGresult *result)
{
    pg_lock_done *done = (pg_lock_done *)request->done;
    struct pg_lock_reply r = {0};
    if (!result) {
        done(request->arg, answer, NULL);
        return 0;
    }
    if (PQntuples(result) && !pg_row_head(result, 0, 0, &r.head)) {
        pg_conn_lose(request->lock->conn, "the head's row has an unexpected shape");
        return -EPROTO;
    }
    r.lock = request->lock;
    request->lock = NULL;
    done(request->arg, answer, &r);
    return 0;
}

int pg_lock(struct pg_client *client, struct slice doc, pg_lock_done *done, void *arg)
{
    struct pg_request *request =
        pg_request_new(PG_KIND_LOCK, NULL, lock_finish, (any_done *)done, arg);
    struct pg_lock *lock = request ? malloc(sizeof *lock + doc.size) : NULL;
    if (lock) {
        *lock = (struct pg_lock){.client = client, .size = doc.size};
        if (doc.size)
            memcpy(lock->doc, doc.data, doc.size);
        request->lock = lock;
        lock->end = pg_request_new(PG_KIND_UNLOCK, NULL, NULL, NULL, NULL);
    }
    if (!lock || !lock->end) {
        pg_request_free(request);
        return -ENOMEM;
    }
    client->locks++;
    pg_submit(client, request);
    return 0;
}

/* Takes the lock. NULL: its connection was lost, and the request has fallen. */
static struct pg_request *end_begin(struct pg_lock *lock, enum pg_kind kind, pg_finish *finish,
                                    any_done *done, void *arg)
{
    struct pg_conn *conn = lock->conn;
    struct pg_request *request = lock->end;
    lock->end = NULL;
    request->lock = lock;
    request->kind = kind;
    request->finish = finish;
    request->done = done;
    request->arg = arg;
    pg_accept(lock->client, request);
    if (!conn) {
        pg_request_fall(lock->client, request, PG_OUTCOME_DOWN,
                        "the lock's connection to PostgreSQL was lost");
        return NULL;
    }
    MUST(conn->state == PG_CONN_HELD && conn->lock == lock);
    return request;
}

static int commit_finish(struct pg_request *request, const struct pg_answer *answer,
                         PGresult *result)
{
    pg_commit_done *done = (pg_commit_done *)request->done;
    struct pg_commit_reply r = {.status = request->lost ? PG_LOST : PG_COMMITTED};
    if (result && request->lost && PQntuples(result) && !pg_row_head(result, 0, 0, &r.head))
        return -EPROTO;
    done(request->arg, answer, result ? &r : NULL);
    return 0;
}

void pg_commit(struct pg_lock *lock, const struct pg_commit *commit, pg_commit_done *done,
               void *arg)
{
    struct pg_params p = {0};
    MUST(commit->to.rev > commit->expect.rev && commit->entry_first_rev > commit->expect.rev &&
         commit->entry_first_rev <= commit->to.rev);
    struct pg_conn *conn = lock->conn;
    struct pg_request *request =
        end_begin(lock, PG_KIND_COMMIT, commit_finish, (any_done *)done, arg);
    if (!request)
        return;
    pg_params_bytes(&p, slice_of(lock->doc, lock->size));
    pg_params_i32(&p, commit->lane);
    pg_params_i64(&p, commit->expect.rev);
    pg_params_bytes(&p, slice_of(commit->expect.hash, CHAIN_HASH_SIZE));
    pg_params_i64(&p, commit->to.rev);
    pg_params_bytes(&p, slice_of(commit->to.hash, CHAIN_HASH_SIZE));
    pg_params_i64(&p, commit->entry_first_rev);
    pg_params_i32(&p, commit->kind);
    pg_params_bytes(&p, commit->title);
    pg_params_bytes(&p, commit->segment);
    if (commit->snapshot.data)
        pg_params_bytes(&p, commit->snapshot);
    else
        pg_params_null(&p);
    conn->state = PG_CONN_BUSY;
    conn->request = request;
    (void)pg_conn_ask(conn, PG_STATEMENT_COMMIT, &p); /* libpq copies */
}

static int unlock_finish(struct pg_request *request, const struct pg_answer *answer,
                         PGresult *result)
{
    pg_unlock_done *done = (pg_unlock_done *)request->done;
    (void)result;
    done(request->arg, answer);
    return 0;
}

void pg_unlock(struct pg_lock *lock, pg_unlock_done *done, void *arg)
{
    struct pg_request *request =
        end_begin(lock, PG_KIND_UNLOCK, unlock_finish, (any_done *)done, arg);
    if (request)
        pg_conn_start(lock->conn, request);
}
