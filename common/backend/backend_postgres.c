/*
 * The calls that PostgreSQL answers.
 *
 * A lock is the core's from the completion of LOCK to that of COMMIT or UNLOCK. The awkward case is
 * a core that goes away with locks held, or while one is on its way: the backend knows every lock
 * and gives it back.
 */
#include <errno.h>
#include <stdlib.h>

#include "backend_internal.h"

/* Compressed history of one HISTORY; what fits is given. Bounds what one reader far behind makes us
   hold. */
#define HISTORY_BYTES_MAX (64u << 20)

/* Slices of segments in the order they came; NULL when memory is out. */
static struct slice *segments_lend(const struct pg_segment *segments, size_t count)
{
    struct slice *slices = malloc((count + 1) * sizeof *slices);

    for (size_t i = 0; slices && i < count; i++)
        slices[i] = segments[i].bytes;
    return slices;
}

/* Lends what is in this memory, then frees it. */
static void complete_with(struct backend_request *request, void *lent)
{
    if (lent)
        backend_complete(request, STORAGE_OK, true, "");
    else
        backend_complete(request, STORAGE_UNKNOWN, true, "out of memory");
    free(lent);
}

static void load_done(void *arg, const struct pg_answer *answer, const struct pg_load_reply *reply)
{
    struct backend_request *request = arg;
    struct storage_call *call = request->call;

    if (!reply || !call) {
        backend_complete_postgres(request, answer);
        return;
    }
    struct slice *segments = segments_lend(reply->segments, reply->segment_count);
    call->has_head = reply->head.exists;
    call->head = reply->head.at;
    call->loaded_snapshot = reply->has_snapshot ? reply->snapshot : slice_of(NULL, 0);
    call->segments = segments;
    call->segment_count = reply->segment_count;
    complete_with(request, segments);
}

static void history_done(void *arg, const struct pg_answer *answer,
                         const struct pg_history_reply *reply)
{
    struct backend_request *request = arg;
    struct storage_call *call = request->call;

    if (!reply || !call) {
        backend_complete_postgres(request, answer);
        return;
    }
    struct slice *segments = segments_lend(reply->segments, reply->count);
    call->has_head = reply->count > 0;
    call->head = reply->before;
    call->segments = segments;
    call->segment_count = reply->count;
    complete_with(request, segments);
}

static void docs_done(void *arg, const struct pg_answer *answer, const struct pg_docs_reply *reply)
{
    struct backend_request *request = arg;
    struct storage_call *call = request->call;

    if (!reply || !call) {
        backend_complete_postgres(request, answer);
        return;
    }
    size_t room = reply->count + 1;
    struct slice *ids = malloc(room * (sizeof *ids + sizeof *call->heads));
    call->docs = ids;
    call->heads = ids ? (struct chain_position *)(ids + room) : NULL;
    call->doc_count = ids ? reply->count : 0;
    for (size_t i = 0; i < call->doc_count; i++) {
        ids[i] = reply->docs[i].id;
        call->heads[i] = reply->docs[i].head;
    }
    complete_with(request, ids);
}

/* ---- locks ---- */

static void lock_done(void *arg, const struct pg_answer *answer, const struct pg_lock_reply *reply)
{
    struct backend_request *request = arg;
    struct storage_call *call = request->call;
    struct storage_lock *lock = request->lock;

    if (!reply) {
        backend_complete_postgres(request, answer);
        return;
    }
    lock->pg = reply->lock;
    request->lock = NULL;
    list_push_back(&request->backend->locks, &lock->link);
    if (call) {
        call->lock = lock;
        call->has_head = reply->head.exists;
        call->head = reply->head.at;
    } else {
        backend_lock_release(lock); /* nobody waits for it any more */
    }
    backend_complete(request, STORAGE_OK, true, "");
}

static int lock_send(struct backend_request *request)
{
    request->lock = calloc(1, sizeof *request->lock);
    if (!request->lock)
        return -ENOMEM;
    list_init(&request->lock->link);
    return pg_lock(request->backend->postgres, request->call->doc, lock_done, request);
}

static void released(void *arg, const struct pg_answer *answer)
{
    /* Where the rollback was lost the connection was lost, and the lock with it. */
    free(arg);
    (void)answer;
}

void backend_lock_release(struct storage_lock *lock)
{
    list_remove(&lock->link);
    pg_unlock(lock->pg, released, lock);
}

/* The core's part in the lock is over. */
static struct pg_lock *lock_take(struct backend_request *request)
{
    struct storage_lock *lock = request->call->lock;

    MUST(lock);
    list_remove(&lock->link);
    request->lock = lock;
    request->call->lock = NULL;
    return lock->pg;
}

static void commit_done(void *arg, const struct pg_answer *answer,
                        const struct pg_commit_reply *reply)
{
    struct backend_request *request = arg;
    struct storage_call *call = request->call;

    if (!reply || !call) {
        backend_complete_postgres(request, answer);
        return;
    }
    if (reply->status == PG_LOST) {
        call->has_head = reply->head.exists;
        call->head = reply->head.at;
    }
    backend_complete(request, reply->status == PG_LOST ? STORAGE_REFUSED : STORAGE_OK, true, "");
}

static void commit_send(struct backend_request *request)
{
    struct storage_call *call = request->call;
    struct pg_commit commit = {
        .lane = cluster_lane_of(call->doc),
        .expect = call->expect,
        .to = call->position,
        .entry_first_rev = call->first_rev,
        .segment = call->segment,
        .snapshot = call->snapshot.size ? call->snapshot : slice_of(NULL, 0),
        .kind = call->doc_kind,
        .title = call->title,
    };

    MUST(call->segment_first_rev == call->expect.rev + 1);
    pg_commit(lock_take(request), &commit, commit_done, request);
}

static void unlock_done(void *arg, const struct pg_answer *answer)
{
    backend_complete_postgres(arg, answer);
}

int backend_postgres_send(struct backend_request *request)
{
    struct backend *backend = request->backend;
    struct storage_call *call = request->call;

    switch (request->kind) {
    case STORAGE_LOAD:
        return pg_load(backend->postgres, call->doc, UINT64_MAX, load_done, request);
    case STORAGE_HISTORY:
        return pg_history(backend->postgres, call->doc, call->from_rev, call->to_rev,
                          HISTORY_BYTES_MAX, history_done, request);
    case STORAGE_LOCK:
        return lock_send(request);
    case STORAGE_COMMIT:
        commit_send(request);
        return 0;
    case STORAGE_UNLOCK:
        pg_unlock(lock_take(request), unlock_done, request);
        return 0;
    case STORAGE_DOCS:
        return pg_docs(backend->postgres, slice_of(NULL, 0), call->after,
                       call->count_max < UINT32_MAX ? (unsigned)call->count_max : UINT32_MAX,
                       docs_done, request);
    default:
        break;
    }
    MUST(!"not a call of PostgreSQL");
    return 0;
}
