/*
 * The calls about one document: what goes into each FCALL, and what its answer must look like. An
 * answer of another shape is an ERROR, never a crash: the server is not ours alone.
 */
#include "redis_calls.h"

#include <errno.h>
#include <stdlib.h>

#include "redis_encode.h"
#include "redis_reply.h"

/* ---- append, rebase ---- */

static bool decode_append(const redisReply *reply, struct redis_append_reply *ret)
{
    const redisReply *status = reply_at(reply, 0);
    if (reply_is(status, "ok")) {
        ret->status = REDIS_APPENDED;
        return true;
    }
    if (reply_is(status, "missing")) {
        ret->status = REDIS_MISSING;
        return true;
    }
    ret->status = REDIS_REFUSED;
    return reply_is(status, "refused") && reply_position(reply_at(reply, 1), &ret->head);
}

static int append_finish(struct redis_request *request, const struct redis_answer *answer,
                         redisReply *reply)
{
    redis_append_done *done = (redis_append_done *)request->done;
    struct redis_append_reply r = {.status = REDIS_MISSING};
    if (reply && !decode_append(reply, &r))
        return -EPROTO;
    done(request->arg, answer, reply ? &r : NULL);
    return 0;
}

int redis_append(struct redis_client *client, struct redis_doc doc,
                 const struct chain_position *expect, const struct chain_position *after,
                 struct slice payload, redis_append_done *done, void *arg)
{
    struct bytes b = BYTES_INIT;
    MUST(after->rev > expect->rev);
    encode_begin(&b, "append", 3, 5);
    encode_doc_keys(&b, doc);
    encode_position(&b, expect);
    encode_position(&b, after);
    encode_u64(&b, expect->rev + 1);
    encode_slice(&b, doc.id);
    encode_slice(&b, payload);
    return encode_submit(client, doc.lane, REDIS_ROUTE_CONFIRM, &b, append_finish, (any_done *)done,
                         arg);
}

int redis_rebase(struct redis_client *client, struct redis_doc doc,
                 const struct chain_position *expect, const struct chain_position *to,
                 redis_append_done *done, void *arg)
{
    struct bytes b = BYTES_INIT;
    encode_begin(&b, "rebase", 3, 3);
    encode_doc_keys(&b, doc);
    encode_position(&b, expect);
    encode_position(&b, to);
    encode_slice(&b, doc.id);
    return encode_submit(client, doc.lane, REDIS_ROUTE_CONFIRM, &b, append_finish, (any_done *)done,
                         arg);
}

/* ---- read ---- */

static bool decode_entry(const redisReply *reply, struct redis_entry *ret)
{
    return reply_text_u64(reply_at(reply, 0), &ret->first_rev) &&
           reply_position(reply_at(reply, 1), &ret->after) &&
           reply_string(reply_at(reply, 2), &ret->payload) && ret->first_rev > 0 &&
           ret->after.rev >= ret->first_rev;
}

static bool decode_entries(const redisReply *list, struct redis_entry *entries)
{
    uint64_t above = 0;
    for (size_t i = 0; i < reply_count(list); i++) {
        if (!decode_entry(list->element[i], &entries[i]) || entries[i].first_rev <= above)
            return false;
        above = entries[i].after.rev;
    }
    return true;
}

/* What the function makes is right or the answer is not its; what it has found may be damaged. */
static bool decode_read(const redisReply *reply, struct redis_read_reply *ret,
                        struct redis_entry *entries)
{
    const redisReply *head = reply_at(reply, 0), *list = reply_at(reply, 1);
    if (!head || (head->type != REDIS_REPLY_NIL && head->type != REDIS_REPLY_STRING) || !list ||
        list->type != REDIS_REPLY_ARRAY)
        return false;
    ret->has_head = head->type != REDIS_REPLY_NIL;
    if ((ret->has_head && !reply_position(head, &ret->head)) || !decode_entries(list, entries)) {
        *ret = (struct redis_read_reply){.damaged = true};
        return true;
    }
    ret->count = reply_count(list);
    ret->entries = entries;
    return true;
}

static int read_finish(struct redis_request *request, const struct redis_answer *answer,
                       redisReply *reply)
{
    redis_read_done *done = (redis_read_done *)request->done;
    struct redis_read_reply r = {0};
    struct redis_entry *entries = NULL;
    int result = -ENOMEM;
    if (reply)
        entries = calloc(reply_count(reply_at(reply, 1)) + 1, sizeof *entries);
    if (!reply || entries)
        result = !reply || decode_read(reply, &r, entries) ? 0 : -EPROTO;
    if (result == 0)
        done(request->arg, answer, reply ? &r : NULL);
    free(entries);
    return result;
}

int redis_read(struct redis_client *client, struct redis_doc doc, uint64_t from_rev, unsigned count,
               size_t bytes, redis_read_done *done, void *arg)
{
    struct bytes b = BYTES_INIT;
    encode_begin(&b, "read", 2, 3);
    encode_key(&b, "head", doc);
    encode_key(&b, "log", doc);
    encode_u64(&b, from_rev);
    encode_u64(&b, count);
    encode_u64(&b, bytes);
    return encode_submit(client, doc.lane, REDIS_ROUTE_READ, &b, read_finish, (any_done *)done,
                         arg);
}

/* ---- adopt ---- */

static int adopt_finish(struct redis_request *request, const struct redis_answer *answer,
                        redisReply *reply)
{
    redis_adopt_done *done = (redis_adopt_done *)request->done;
    struct redis_adopt_reply r = {0};
    uint64_t set = 0;
    if (reply &&
        (!reply_position(reply_at(reply, 0), &r.head) || !reply_u64(reply_at(reply, 1), &set)))
        return -EPROTO;
    r.set = set != 0;
    done(request->arg, answer, reply ? &r : NULL);
    return 0;
}

int redis_adopt(struct redis_client *client, struct redis_doc doc, const struct chain_position *at,
                redis_adopt_done *done, void *arg)
{
    struct bytes b = BYTES_INIT;
    encode_begin(&b, "adopt", 1, 1);
    encode_key(&b, "head", doc);
    encode_position(&b, at);
    return encode_submit(client, doc.lane, REDIS_ROUTE_CONFIRM, &b, adopt_finish, (any_done *)done,
                         arg);
}

/* ---- trim, remark, look ---- */

static bool decode_trim(const redisReply *reply, struct redis_trim_reply *ret)
{
    const redisReply *status = reply_at(reply, 0);
    if (reply_is(status, "trimmed"))
        ret->status = REDIS_TRIMMED;
    else if (reply_is(status, "empty"))
        ret->status = REDIS_EMPTY;
    else if (reply_is(status, "nothing"))
        ret->status = REDIS_NOTHING;
    else
        return false;
    return reply_u64(reply_at(reply, 1), &ret->removed) &&
           reply_u64(reply_at(reply, 2), &ret->left);
}

static int trim_finish(struct redis_request *request, const struct redis_answer *answer,
                       redisReply *reply)
{
    redis_trim_done *done = (redis_trim_done *)request->done;
    struct redis_trim_reply r;
    if (reply && !decode_trim(reply, &r))
        return -EPROTO;
    done(request->arg, answer, reply ? &r : NULL);
    return 0;
}

int redis_trim(struct redis_client *client, struct redis_doc doc, uint64_t first_rev,
               const struct chain_position *to, redis_trim_done *done, void *arg)
{
    struct bytes b = BYTES_INIT;
    encode_begin(&b, "trim", 3, 3);
    encode_doc_keys(&b, doc);
    encode_slice(&b, doc.id);
    encode_u64(&b, first_rev);
    encode_position(&b, to);
    return encode_submit(client, doc.lane, REDIS_ROUTE_PLAIN, &b, trim_finish, (any_done *)done,
                         arg);
}

static bool decode_remark(const redisReply *reply, enum redis_remark_status *ret)
{
    static const char *const names[] = {
        [REDIS_MARKED] = "marked", [REDIS_UNMARKED] = "unmarked", [REDIS_MARK_RIGHT] = "right"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (reply_is(reply_at(reply, 0), names[i])) {
            *ret = (enum redis_remark_status)i;
            return true;
        }
    return false;
}

static int remark_finish(struct redis_request *request, const struct redis_answer *answer,
                         redisReply *reply)
{
    redis_remark_done *done = (redis_remark_done *)request->done;
    enum redis_remark_status r;
    if (reply && !decode_remark(reply, &r))
        return -EPROTO;
    done(request->arg, answer, reply ? &r : NULL);
    return 0;
}

int redis_remark(struct redis_client *client, struct redis_doc doc, redis_remark_done *done,
                 void *arg)
{
    struct bytes b = BYTES_INIT;
    encode_begin(&b, "remark", 2, 1);
    encode_key(&b, "log", doc);
    encode_key(&b, NULL, doc);
    encode_slice(&b, doc.id);
    return encode_submit(client, doc.lane, REDIS_ROUTE_PLAIN, &b, remark_finish, (any_done *)done,
                         arg);
}

static int look_finish(struct redis_request *request, const struct redis_answer *answer,
                       redisReply *reply)
{
    redis_look_done *done = (redis_look_done *)request->done;
    struct redis_look_reply r = {0};
    uint64_t marked = 0;
    if (reply &&
        (!reply_u64(reply_at(reply, 0), &r.entries) || !reply_u64(reply_at(reply, 1), &marked)))
        return -EPROTO;
    r.marked = marked != 0;
    done(request->arg, answer, reply ? &r : NULL);
    return 0;
}

int redis_look(struct redis_client *client, struct redis_doc doc, redis_look_done *done, void *arg)
{
    struct bytes b = BYTES_INIT;
    encode_begin(&b, "look", 2, 1);
    encode_key(&b, "log", doc);
    encode_key(&b, NULL, doc);
    encode_slice(&b, doc.id);
    return encode_submit(client, doc.lane, REDIS_ROUTE_READ, &b, look_finish, (any_done *)done,
                         arg);
}
