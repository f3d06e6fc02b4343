/* The calls that are not about one document: claims, scans of heads and marks, membership. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "redis_encode.h"
#include "redis_keys.h"
#include "redis_reply.h"

/* ---- claim ---- */

static bool decode_claim(const redisReply *reply, struct redis_claim_reply *ret, struct slice *ids)
{
    if (reply->type != REDIS_REPLY_ARRAY)
        return false;
    for (size_t i = 0; i < reply->elements; i++)
        if (!reply_string(reply->element[i], &ids[i]))
            return false;
    *ret = (struct redis_claim_reply){.count = reply->elements, .ids = ids};
    return true;
}

static int claim_finish(struct redis_request *request, const struct redis_answer *answer,
                        redisReply *reply)
{
    redis_claim_done *done = (redis_claim_done *)request->done;
    struct redis_claim_reply r;
    if (!reply) {
        done(request->arg, answer, NULL);
        return 0;
    }
    struct slice *ids = calloc(reply_count(reply) + 1, sizeof *ids);
    if (!ids)
        return -ENOMEM; /* the claims expire */
    bool fits = decode_claim(reply, &r, ids);
    if (fits)
        done(request->arg, answer, &r);
    free(ids);
    return fits ? 0 : -EPROTO;
}

int redis_claim(struct redis_client *client, unsigned lane, int64_t lease_ms, unsigned limit,
                redis_claim_done *done, void *arg)
{
    struct bytes b = BYTES_INIT;
    MUST(lease_ms > 0);
    encode_begin(&b, "claim", 1, 2);
    encode_key(&b, NULL, (struct redis_doc){.lane = lane});
    encode_u64(&b, (uint64_t)lease_ms);
    encode_u64(&b, limit);
    return encode_submit(client, lane, REDIS_ROUTE_PLAIN, &b, claim_finish, (any_done *)done, arg);
}

/* ---- scan ---- */

struct scan_room {
    struct redis_doc *docs;
    struct bytes ids; /* all ids; docs[i].id.size is known before the memory stands still */
};

static void scan_keys(const redisReply *keys, struct scan_room *room, struct redis_scan_reply *ret)
{
    size_t count = 0;
    for (size_t i = 0; i < keys->elements; i++) {
        struct slice key;
        size_t before = room->ids.size;
        unsigned lane;
        if (!reply_string(keys->element[i], &key) ||
            !redis_key_parse_head(key, &lane, &room->ids)) {
            room->ids.size = before; /* a key of somebody else: no concern of ours */
            continue;
        }
        room->docs[count++] =
            (struct redis_doc){.lane = lane, .id = {.size = room->ids.size - before}};
    }
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        room->docs[i].id.data = room->ids.data + at;
        at += room->docs[i].id.size;
    }
    ret->count = count;
    ret->docs = room->docs;
}

static int scan_finish(struct redis_request *request, const struct redis_answer *answer,
                       redisReply *reply)
{
    redis_scan_done *done = (redis_scan_done *)request->done;
    struct redis_scan_reply r = {0};
    if (!reply) {
        done(request->arg, answer, NULL);
        return 0;
    }
    const redisReply *keys = reply_at(reply, 1);
    if (!reply_text_u64(reply_at(reply, 0), &r.cursor) || !keys || keys->type != REDIS_REPLY_ARRAY)
        return -EPROTO;
    struct scan_room room = {.docs = calloc(keys->elements + 1, sizeof *room.docs)};
    if (room.docs)
        scan_keys(keys, &room, &r);
    bool fits = room.docs && !room.ids.failed;
    if (fits)
        done(request->arg, answer, &r);
    bytes_fini(&room.ids);
    free(room.docs);
    return fits ? 0 : -ENOMEM;
}

int redis_scan(struct redis_client *client, uint32_t lane, uint64_t cursor, unsigned effort,
               redis_scan_done *done, void *arg)
{
    struct bytes b = BYTES_INIT;
    char glob[32] = REDIS_KEY_GLOB_HEADS;
    if (lane != REDIS_ALL_LANES)
        snprintf(glob, sizeof glob, "weft:{%u}:head:*", lane);
    bytes_append_str(&b, "*6\r\n");
    encode_str(&b, "SCAN");
    encode_u64(&b, cursor);
    encode_str(&b, "MATCH");
    encode_str(&b, glob);
    encode_str(&b, "COUNT");
    encode_u64(&b, effort ? effort : 1);
    return encode_submit(client, lane == REDIS_ALL_LANES ? 0 : lane, REDIS_ROUTE_PLAIN, &b,
                         scan_finish, (any_done *)done, arg);
}

/* ---- marks ---- */

/* Members and their scores in turn. */
static bool decode_marks(const redisReply *members, struct redis_marks_reply *ret,
                         struct slice *ids)
{
    for (size_t i = 0; i + 1 < members->elements; i += 2)
        if (!reply_string(members->element[i], &ids[ret->count++]))
            return false;
    ret->ids = ids;
    return members->elements % 2 == 0;
}

static int marks_finish(struct redis_request *request, const struct redis_answer *answer,
                        redisReply *reply)
{
    redis_marks_done *done = (redis_marks_done *)request->done;
    struct redis_marks_reply r = {0};
    if (!reply) {
        done(request->arg, answer, NULL);
        return 0;
    }
    const redisReply *members = reply_at(reply, 1);
    if (!reply_text_u64(reply_at(reply, 0), &r.cursor) || !members ||
        members->type != REDIS_REPLY_ARRAY)
        return -EPROTO;
    struct slice *ids = calloc(members->elements / 2 + 1, sizeof *ids);
    if (!ids)
        return -ENOMEM;
    bool fits = decode_marks(members, &r, ids);
    if (fits)
        done(request->arg, answer, &r);
    free(ids);
    return fits ? 0 : -EPROTO;
}

int redis_marks(struct redis_client *client, uint32_t lane, uint64_t cursor, unsigned effort,
                redis_marks_done *done, void *arg)
{
    struct bytes b = BYTES_INIT;
    bytes_append_str(&b, "*5\r\n");
    encode_str(&b, "ZSCAN");
    encode_key(&b, NULL, (struct redis_doc){.lane = lane});
    encode_u64(&b, cursor);
    encode_str(&b, "COUNT");
    encode_u64(&b, effort ? effort : 1);
    return encode_submit(client, lane, REDIS_ROUTE_PLAIN, &b, marks_finish, (any_done *)done, arg);
}

/* ---- beat ---- */

static bool decode_member(const redisReply *reply, struct redis_member *ret)
{
    return reply_string(reply_at(reply, 0), &ret->id) &&
           reply_string(reply_at(reply, 1), &ret->address) &&
           reply_string(reply_at(reply, 2), &ret->boot) &&
           reply_string(reply_at(reply, 3), &ret->state) &&
           reply_u64(reply_at(reply, 4), &ret->silent_ms);
}

static bool decode_beat(const redisReply *reply, struct redis_beat_reply *ret,
                        struct redis_member *members)
{
    const redisReply *list = reply_at(reply, 2);
    if (!reply_u64(reply_at(reply, 0), &ret->view) ||
        !reply_u64(reply_at(reply, 1), &ret->now_ms) || !list || list->type != REDIS_REPLY_ARRAY)
        return false;
    for (size_t i = 0; i < list->elements; i++)
        if (!decode_member(list->element[i], &members[i]))
            return false;
    ret->count = list->elements;
    ret->members = members;
    return true;
}

static int beat_finish(struct redis_request *request, const struct redis_answer *answer,
                       redisReply *reply)
{
    redis_beat_done *done = (redis_beat_done *)request->done;
    struct redis_beat_reply r;
    if (!reply) {
        done(request->arg, answer, NULL);
        return 0;
    }
    struct redis_member *members = calloc(reply_count(reply_at(reply, 2)) + 1, sizeof *members);
    if (!members)
        return -ENOMEM;
    bool fits = decode_beat(reply, &r, members);
    if (fits)
        done(request->arg, answer, &r);
    free(members);
    return fits ? 0 : -EPROTO;
}

/* The list keeps them as words between spaces. */
static bool is_word(const char *s)
{
    for (const char *c = s; *c; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f)
            return false;
    return *s != 0;
}

/* Who only looks leaves, and was never in: an id that no member can have. */
static const struct redis_beat onlooker = {.id = "", .address = "-", .boot = "-", .state = "gone"};

int redis_beat(struct redis_client *client, const struct redis_beat *beat, redis_beat_done *done,
               void *arg)
{
    struct bytes b = BYTES_INIT;
    const struct redis_beat *self = beat->id ? beat : &onlooker;
    if (beat->id && (!is_word(beat->id) || !is_word(beat->address) || !is_word(beat->boot) ||
                     !is_word(beat->state)))
        return -EINVAL;
    if (beat->timeout_ms < 0)
        return -EINVAL;
    encode_begin(&b, "beat", 1, 6);
    encode_str(&b, beat->list == REDIS_LIST_WORKERS ? "weft:members" : "weft:gateways");
    encode_str(&b, self->id);
    encode_str(&b, self->address);
    encode_str(&b, self->boot);
    encode_str(&b, self->state);
    encode_u64(&b, (uint64_t)beat->timeout_ms);
    encode_u64(&b, beat->view_known);
    return encode_submit(client, 0, REDIS_ROUTE_PLAIN, &b, beat_finish, (any_done *)done, arg);
}
