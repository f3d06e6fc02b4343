/* The reads: parameters in, rows out, all in binary. */
#include <errno.h>
#include <stdlib.h>

#include "pg_internal.h"

#define DOCS_MAX 10000

typedef void any_done(void);

/* ---- parameters ---- */

void pg_params_bytes(struct pg_params *p, struct slice bytes)
{
    MUST(p->count < PG_PARAMS_MAX);
    p->at[p->count++].bytes = slice_of(bytes.data ? bytes.data : (const uint8_t *)"", bytes.size);
}

/* An array in binary: dimensions, "has nulls", type of the elements, their number, the first one's
   index; then each behind its size. */
void pg_params_list(struct pg_params *p, const struct slice *list, size_t count, struct bytes *room)
{
    enum { BYTEA_OID = 17 };
    const uint32_t head[] = {1, 0, BYTEA_OID, (uint32_t)count, 1};

    MUST(count > 0); /* an array without elements has no dimension */
    bytes_reset(room);
    for (size_t i = 0; i < sizeof head / sizeof *head; i++)
        bytes_append_be32(room, head[i]);
    for (size_t i = 0; i < count; i++) {
        bytes_append_be32(room, (uint32_t)list[i].size);
        bytes_append_slice(room, list[i]);
    }
    pg_params_bytes(p, bytes_slice(room));
}

void pg_params_null(struct pg_params *p)
{
    MUST(p->count < PG_PARAMS_MAX);
    p->at[p->count++].bytes = slice_of(NULL, 0);
}

void pg_params_i32(struct pg_params *p, uint32_t v)
{
    MUST(p->count < PG_PARAMS_MAX && v <= INT32_MAX);
    uint8_t wide[8];
    store_be64(wide, v);
    memcpy(p->at[p->count].number, wide + 4, 4);
    p->at[p->count].is_number = true;
    p->at[p->count++].size = 4;
}

void pg_params_i64(struct pg_params *p, uint64_t v)
{
    MUST(p->count < PG_PARAMS_MAX);
    store_be64(p->at[p->count].number, v > INT64_MAX ? INT64_MAX : v);
    p->at[p->count].is_number = true;
    p->at[p->count++].size = 8;
}

/* ---- rows ---- */

static bool row_bytes(const PGresult *result, int row, int column, struct slice *ret)
{
    if (PQgetisnull(result, row, column))
        return false;
    *ret = slice_of(PQgetvalue(result, row, column), (size_t)PQgetlength(result, row, column));
    return true;
}

/* int4 and int8; what is negative is nothing of ours. */
static bool row_number(const PGresult *result, int row, int column, uint64_t *ret)
{
    struct slice s;
    uint64_t v = 0;
    if (!row_bytes(result, row, column, &s) || (s.size != 4 && s.size != 8))
        return false;
    for (size_t i = 0; i < s.size; i++)
        v = v << 8 | s.data[i];
    *ret = v;
    return s.data[0] < 0x80;
}

static bool row_position(const PGresult *result, int row, int column, struct chain_position *ret)
{
    struct slice hash;
    if (!row_number(result, row, column, &ret->rev) || !row_bytes(result, row, column + 1, &hash) ||
        hash.size != CHAIN_HASH_SIZE)
        return false;
    memcpy(ret->hash, hash.data, CHAIN_HASH_SIZE);
    return true;
}

bool pg_row_head(const PGresult *result, int row, int first_column, struct pg_head *ret)
{
    ret->exists = true;
    return row_number(result, row, first_column, &ret->entry_first_rev) &&
           row_position(result, row, first_column + 1, &ret->at);
}

static bool row_segment(const PGresult *result, int row, int column, struct pg_segment *ret)
{
    return row_number(result, row, column, &ret->first_rev) &&
           row_position(result, row, column + 1, &ret->last) &&
           row_bytes(result, row, column + 3, &ret->bytes);
}

enum pg_outcome pg_outcome_of(const PGresult *result)
{
    /* What passes by itself: connection (08), resources (53), a limit hit (54 does not pass),
       operator's intervention and timeouts (57), locks and conflicts (40, 55P03), a standby. */
    static const char *const passing[] = {"08", "53", "57", "40", "55P03", "25006"};
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    for (size_t i = 0; state && i < sizeof passing / sizeof *passing; i++)
        if (strncmp(state, passing[i], strlen(passing[i])) == 0)
            return PG_OUTCOME_DOWN;
    return PG_OUTCOME_ERROR;
}

static int submit_read(struct pg_client *client, enum pg_statement statement,
                       const struct pg_params *params, pg_finish *finish, any_done *done, void *arg)
{
    struct pg_request *request = pg_request_new(PG_KIND_READ, params, finish, done, arg);
    if (!request)
        return -ENOMEM;
    request->statement = statement;
    pg_submit(client, request);
    return 0;
}

/* ---- head ---- */

static int head_finish(struct pg_request *request, const struct pg_answer *answer, PGresult *result)
{
    pg_head_done *done = (pg_head_done *)request->done;
    struct pg_head r = {0};
    if (result && PQntuples(result) && !pg_row_head(result, 0, 0, &r))
        return -EPROTO;
    done(request->arg, answer, result ? &r : NULL);
    return 0;
}

int pg_head(struct pg_client *client, struct slice doc, pg_head_done *done, void *arg)
{
    struct pg_params p = {0};
    pg_params_bytes(&p, doc);
    return submit_read(client, PG_STATEMENT_HEAD, &p, head_finish, (any_done *)done, arg);
}

/* ---- known ---- */

static int known_finish(struct pg_request *request, const struct pg_answer *answer,
                        PGresult *result)
{
    pg_known_done *done = (pg_known_done *)request->done;
    struct pg_known_reply r = {0};
    if (!result) {
        done(request->arg, answer, NULL);
        return 0;
    }
    struct slice *ids = calloc((size_t)PQntuples(result) + 1, sizeof *ids);
    if (!ids)
        return -ENOMEM;
    bool fits = true;
    for (; fits && r.count < (size_t)PQntuples(result); r.count++)
        fits = row_bytes(result, (int)r.count, 0, &ids[r.count]);
    r.ids = ids;
    if (fits)
        done(request->arg, answer, &r);
    free(ids);
    return fits ? 0 : -EPROTO;
}

int pg_known(struct pg_client *client, const struct slice *ids, size_t count, pg_known_done *done,
             void *arg)
{
    struct pg_params p = {0};
    struct bytes room = BYTES_INIT;
    pg_params_list(&p, ids, count, &room);
    int r = room.failed
                ? -ENOMEM
                : submit_read(client, PG_STATEMENT_KNOWN, &p, known_finish, (any_done *)done, arg);
    bytes_fini(&room);
    return r;
}

/* ---- snapshot ---- */

static int snapshot_finish(struct pg_request *request, const struct pg_answer *answer,
                           PGresult *result)
{
    pg_snapshot_done *done = (pg_snapshot_done *)request->done;
    struct pg_snapshot_reply r = {.exists = result && PQntuples(result) > 0};
    if (r.exists && (!row_position(result, 0, 0, &r.at) || !row_bytes(result, 0, 2, &r.bytes)))
        return -EPROTO;
    done(request->arg, answer, result ? &r : NULL);
    return 0;
}

int pg_snapshot(struct pg_client *client, struct slice doc, uint64_t above_rev,
                pg_snapshot_done *done, void *arg)
{
    struct pg_params p = {0};
    pg_params_bytes(&p, doc);
    pg_params_i64(&p, above_rev);
    return submit_read(client, PG_STATEMENT_SNAPSHOT, &p, snapshot_finish, (any_done *)done, arg);
}

/* ---- load ---- */

enum load_part { LOAD_HEAD, LOAD_SNAPSHOT, LOAD_SEGMENT };

static bool decode_load_row(const PGresult *result, int row, struct pg_load_reply *ret,
                            struct pg_segment *segments)
{
    uint64_t part;
    if (!row_number(result, row, 0, &part))
        return false;
    switch (part) {
    case LOAD_HEAD:
        return pg_row_head(result, row, 1, &ret->head);
    case LOAD_SNAPSHOT:
        ret->has_snapshot = true;
        return row_position(result, row, 2, &ret->snapshot_at) &&
               row_bytes(result, row, 4, &ret->snapshot);
    case LOAD_SEGMENT:
        return row_segment(result, row, 1, &segments[ret->segment_count++]);
    default:
        return false;
    }
}

static bool decode_load(const PGresult *result, struct pg_load_reply *ret,
                        struct pg_segment *segments)
{
    for (int row = 0; row < PQntuples(result); row++)
        if (!decode_load_row(result, row, ret, segments))
            return false;
    ret->segments = segments;
    return true;
}

static int load_finish(struct pg_request *request, const struct pg_answer *answer, PGresult *result)
{
    pg_load_done *done = (pg_load_done *)request->done;
    struct pg_load_reply r = {0};
    if (!result) {
        done(request->arg, answer, NULL);
        return 0;
    }
    struct pg_segment *segments = calloc((size_t)PQntuples(result) + 1, sizeof *segments);
    if (!segments)
        return -ENOMEM;
    bool fits = decode_load(result, &r, segments);
    if (fits)
        done(request->arg, answer, &r);
    free(segments);
    return fits ? 0 : -EPROTO;
}

int pg_load(struct pg_client *client, struct slice doc, uint64_t rev_max, pg_load_done *done,
            void *arg)
{
    struct pg_params p = {0};
    pg_params_bytes(&p, doc);
    pg_params_i64(&p, rev_max);
    return submit_read(client, PG_STATEMENT_LOAD, &p, load_finish, (any_done *)done, arg);
}

/* ---- history ---- */

/* Where the chain stood before the first segment of the rows. */
static bool history_before(const PGresult *result, struct slice doc, uint64_t first_rev,
                           struct chain_position *ret)
{
    struct slice hash;
    if (!row_bytes(result, 0, 4, &hash)) {
        *ret = chain_position_start(doc);
        return first_rev == 1;
    }
    if (hash.size != CHAIN_HASH_SIZE)
        return false;
    ret->rev = first_rev - 1;
    memcpy(ret->hash, hash.data, CHAIN_HASH_SIZE);
    return true;
}

static int history_finish(struct pg_request *request, const struct pg_answer *answer,
                          PGresult *result)
{
    pg_history_done *done = (pg_history_done *)request->done;
    struct pg_history_reply r = {0};
    if (!result) {
        done(request->arg, answer, NULL);
        return 0;
    }
    struct pg_segment *segments = calloc((size_t)PQntuples(result) + 1, sizeof *segments);
    if (!segments)
        return -ENOMEM;
    bool fits = true;
    for (; fits && r.count < (size_t)PQntuples(result); r.count++)
        fits = row_segment(result, (int)r.count, 0, &segments[r.count]);
    r.segments = segments;
    if (fits && r.count)
        fits =
            history_before(result, request->params.at[0].bytes, segments[0].first_rev, &r.before);
    if (fits)
        done(request->arg, answer, &r);
    free(segments);
    return fits ? 0 : -EPROTO;
}

int pg_history(struct pg_client *client, struct slice doc, uint64_t from, uint64_t to,
               size_t bytes_max, pg_history_done *done, void *arg)
{
    struct pg_params p = {0};
    pg_params_bytes(&p, doc);
    pg_params_i64(&p, from);
    pg_params_i64(&p, to);
    pg_params_i64(&p, bytes_max);
    return submit_read(client, PG_STATEMENT_HISTORY, &p, history_finish, (any_done *)done, arg);
}

/* ---- documents ---- */

static bool decode_document(const PGresult *result, int row, struct pg_document *ret)
{
    uint64_t lane, kind;
    if (!row_bytes(result, row, 0, &ret->id) || !row_number(result, row, 1, &lane) ||
        !row_position(result, row, 2, &ret->head) || !row_number(result, row, 4, &kind) ||
        !row_bytes(result, row, 5, &ret->title) || !row_number(result, row, 6, &ret->updated_ms))
        return false;
    ret->lane = (unsigned)lane;
    ret->kind = (unsigned)kind;
    return true;
}

static int docs_finish(struct pg_request *request, const struct pg_answer *answer, PGresult *result)
{
    pg_docs_done *done = (pg_docs_done *)request->done;
    struct pg_docs_reply r = {0};
    if (!result) {
        done(request->arg, answer, NULL);
        return 0;
    }
    struct pg_document *docs = calloc((size_t)PQntuples(result) + 1, sizeof *docs);
    if (!docs)
        return -ENOMEM;
    bool fits = true;
    for (; fits && r.count < (size_t)PQntuples(result); r.count++)
        fits = decode_document(result, (int)r.count, &docs[r.count]);
    r.docs = docs;
    if (fits)
        done(request->arg, answer, &r);
    free(docs);
    return fits ? 0 : -EPROTO;
}

/* The least byte string above all that begin with prefix: its last byte below 0xff is raised. */
static bool above_prefix(struct slice prefix, struct bytes *out)
{
    while (prefix.size && prefix.data[prefix.size - 1] == 0xff)
        prefix.size--;
    if (!prefix.size)
        return false;
    bytes_append_slice(out, prefix);
    if (!out->failed)
        out->data[out->size - 1]++;
    return true;
}

int pg_docs(struct pg_client *client, struct slice prefix, struct slice after, unsigned limit,
            pg_docs_done *done, void *arg)
{
    struct pg_params p = {0};
    struct bytes above = BYTES_INIT;
    pg_params_bytes(&p, after);
    pg_params_bytes(&p, prefix);
    if (above_prefix(prefix, &above))
        pg_params_bytes(&p, bytes_slice(&above));
    else
        pg_params_null(&p);
    pg_params_i64(&p, limit < DOCS_MAX ? limit : DOCS_MAX);
    int r = above.failed
                ? -ENOMEM
                : submit_read(client, PG_STATEMENT_DOCS, &p, docs_finish, (any_done *)done, arg);
    bytes_fini(&above);
    return r;
}
