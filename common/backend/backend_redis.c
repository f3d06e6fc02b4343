/*
 * The calls that Redis answers, but READ (backend_read.c).
 *
 * The awkward case is BEAT after Redis was out of reach: everybody was silent then, so for a while
 * this process's beats drop nobody, or the first to come back would drop all others.
 */
#include <errno.h>
#include <stdio.h>

#include "backend_internal.h"

#define BOOT_TEXT_SIZE 16

static struct redis_doc doc_of(const struct storage_call *call)
{
    return (struct redis_doc){.lane = cluster_lane_of(call->doc), .id = call->doc};
}

/* ---- append, rebase, adopt, trim ---- */

static void append_done(void *arg, const struct redis_answer *answer,
                        const struct redis_append_reply *reply)
{
    struct backend_request *request = arg;
    struct storage_call *call = request->call;
    enum storage_result result = STORAGE_OK;

    if (!reply) {
        backend_complete_redis(request, answer);
        return;
    }
    if (reply->status == REDIS_MISSING)
        result = request->kind == STORAGE_APPEND ? STORAGE_MISSING : STORAGE_REFUSED;
    else if (reply->status == REDIS_REFUSED)
        result = STORAGE_REFUSED;
    if (call) {
        call->has_head = reply->status == REDIS_REFUSED;
        if (call->has_head)
            call->head = reply->head;
    }
    backend_complete(request, result, true, "");
}

static int append_send(struct backend_request *request)
{
    struct storage_call *call = request->call;

    MUST(call->first_rev == call->expect.rev + 1);
    return redis_append(request->backend->redis, doc_of(call), &call->expect, &call->position,
                        call->payload, append_done, request);
}

static int rebase_send(struct backend_request *request)
{
    struct storage_call *call = request->call;

    return redis_rebase(request->backend->redis, doc_of(call), &call->expect, &call->position,
                        append_done, request);
}

static void adopt_done(void *arg, const struct redis_answer *answer,
                       const struct redis_adopt_reply *reply)
{
    struct backend_request *request = arg;

    if (!reply) {
        backend_complete_redis(request, answer);
        return;
    }
    if (request->call) {
        request->call->has_head = true;
        request->call->head = reply->head;
    }
    backend_complete(request, STORAGE_OK, true, "");
}

static int adopt_send(struct backend_request *request)
{
    struct storage_call *call = request->call;

    return redis_adopt(request->backend->redis, doc_of(call), &call->position, adopt_done, request);
}

static void trim_done(void *arg, const struct redis_answer *answer,
                      const struct redis_trim_reply *reply)
{
    struct backend_request *request = arg;

    if (!reply) {
        backend_complete_redis(request, answer);
        return;
    }
    if (request->call)
        request->call->entries_left = reply->left;
    backend_complete(request, reply->status == REDIS_NOTHING ? STORAGE_REFUSED : STORAGE_OK, true,
                     "");
}

static int trim_send(struct backend_request *request)
{
    struct storage_call *call = request->call;

    return redis_trim(request->backend->redis, doc_of(call), call->first_rev, &call->position,
                      trim_done, request);
}

/* ---- claim ---- */

static void claim_done(void *arg, const struct redis_answer *answer,
                       const struct redis_claim_reply *reply)
{
    struct backend_request *request = arg;

    if (!reply) {
        backend_complete_redis(request, answer);
        return;
    }
    if (request->call) {
        request->call->docs = (struct slice *)reply->ids; /* the core only reads */
        request->call->doc_count = reply->count;
    }
    backend_complete(request, STORAGE_OK, true, "");
}

static unsigned count_of(const struct storage_call *call)
{
    return call->count_max < UINT32_MAX ? (unsigned)call->count_max : UINT32_MAX;
}

static int claim_send(struct backend_request *request)
{
    struct storage_call *call = request->call;

    return redis_claim(request->backend->redis, call->lane, (int64_t)call->lease_ms, count_of(call),
                       claim_done, request);
}

/* ---- remark: of one document; or a scan, and one call for each that it finds ---- */

static void parts_settle(struct backend_request *request, bool alive, const char *error)
{
    if (--request->parts_out == 0)
        backend_complete(request, request->parts_result, alive, error);
}

static void remark_done(void *arg, const struct redis_answer *answer,
                        const enum redis_remark_status *reply)
{
    struct backend_request *request = arg;

    if (reply && request->call)
        request->call->count += *reply != REDIS_MARK_RIGHT;
    else if (!reply)
        request->parts_result = STORAGE_UNKNOWN; /* some were done: the round is repeated */
    parts_settle(request, reply != NULL, answer->error);
}

static void scan_done(void *arg, const struct redis_answer *answer,
                      const struct redis_scan_reply *reply)
{
    struct backend_request *request = arg;

    if (!reply || !request->call) {
        backend_complete_redis(request, answer);
        return;
    }
    request->call->cursor = reply->cursor;
    request->call->count = 0;
    request->parts_result = STORAGE_OK;
    request->parts_out = 1; /* this answer itself */
    for (size_t i = 0; i < reply->count; i++) {
        request->parts_out++;
        if (redis_remark(request->backend->redis, reply->docs[i], remark_done, request)) {
            request->parts_out--;
            request->parts_result = STORAGE_DOWN;
            break;
        }
    }
    parts_settle(request, true, "out of memory");
}

static int remark_send(struct backend_request *request)
{
    struct storage_call *call = request->call;

    if (call->doc.size) {
        call->count = 0;
        request->parts_result = STORAGE_OK;
        request->parts_out = 1;
        return redis_remark(request->backend->redis, doc_of(call), remark_done, request);
    }
    return redis_scan(request->backend->redis, call->lane, call->cursor, count_of(call), scan_done,
                      request);
}

/* ---- beat ---- */

/* Exactly 16 lower-case digits, so that a run has one name. */
static bool boot_parse(struct slice text, uint64_t *ret)
{
    uint64_t boot = 0;

    if (text.size != BOOT_TEXT_SIZE)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (c >= '0' && c <= '9')
            boot = boot << 4 | (uint64_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            boot = boot << 4 | (uint64_t)(c - 'a' + 10);
        else
            return false;
    }
    *ret = boot;
    return true;
}

static bool member_parse(const struct redis_member *from, struct cluster_member *ret)
{
    enum cluster_state state;
    uint64_t boot;

    return boot_parse(from->boot, &boot) && cluster_state_parse(from->state, &state) &&
           cluster_member_make(from->id, from->address, boot, state, ret) == 0;
}

/* 0, -EPROTO or -ENOMEM. The view is to be finished in any case. */
static int view_build(const struct redis_beat_reply *reply, struct cluster_view *ret)
{
    struct cluster_member member;

    cluster_view_init(ret, reply->view);
    for (size_t i = 0; i < reply->count; i++) {
        if (!member_parse(&reply->members[i], &member))
            return -EPROTO;
        int r = cluster_view_add(ret, &member);
        if (r)
            return r == -ENOMEM ? r : -EPROTO;
    }
    return cluster_view_seal(ret) ? -EPROTO : 0;
}

static void beat_done(void *arg, const struct redis_answer *answer,
                      const struct redis_beat_reply *reply)
{
    struct backend_request *request = arg;
    struct backend *backend = request->backend;
    struct storage_call *call = request->call;
    struct cluster_view view;

    if (!reply || !call) {
        backend_complete_redis(request, answer);
        return;
    }
    int r = view_build(reply, &view);
    if (r == 0) {
        if (reply->view > backend->view_known[call->list])
            backend->view_known[call->list] = reply->view;
        call->view = &view;
        call->time_ms = reply->now_ms;
        backend_complete(request, STORAGE_OK, true, "");
    } else if (r == -ENOMEM) {
        backend_complete(request, STORAGE_UNKNOWN, true, "out of memory");
    } else {
        backend_complete(request, STORAGE_BROKEN, true, "a member in Redis' list is unreadable");
    }
    cluster_view_fini(&view);
}

static int beat_send(struct backend_request *request)
{
    struct backend *backend = request->backend;
    struct storage_call *call = request->call;
    char boot[BOOT_TEXT_SIZE + 1];
    bool grace = ev_loop_now_ms(backend->loop) < backend->grace_until_ms;

    snprintf(boot, sizeof boot, "%016llx", (unsigned long long)call->self.boot_id);
    struct redis_beat beat = {
        .list = call->list == STORAGE_WORKERS ? REDIS_LIST_WORKERS : REDIS_LIST_GATEWAYS,
        .id = call->self.id[0] ? call->self.id : NULL,
        .address = call->self.address,
        .boot = boot,
        .state = call->gone ? "gone" : cluster_state_name(call->self.state),
        .timeout_ms = grace ? 0 : CLUSTER_SILENCE_MS,
        .view_known = backend->view_known[call->list],
    };
    int r = redis_beat(backend->redis, &beat, beat_done, request);
    MUST(r != -EINVAL); /* cluster_member_make has looked at every word */
    return r;
}

int backend_redis_send(struct backend_request *request)
{
    switch (request->kind) {
    case STORAGE_APPEND:
        return append_send(request);
    case STORAGE_ADOPT:
        return adopt_send(request);
    case STORAGE_REBASE:
        return rebase_send(request);
    case STORAGE_TRIM:
        return trim_send(request);
    case STORAGE_CLAIM:
        return claim_send(request);
    case STORAGE_REMARK:
        return remark_send(request);
    case STORAGE_BEAT:
        return beat_send(request);
    default:
        break;
    }
    MUST(!"not a call of Redis");
    return 0;
}
