#include "redis_reply.h"

const redisReply *reply_at(const redisReply *reply, size_t index)
{
    return index < reply_count(reply) ? reply->element[index] : NULL;
}

size_t reply_count(const redisReply *reply)
{
    return reply && reply->type == REDIS_REPLY_ARRAY ? reply->elements : 0;
}

bool reply_string(const redisReply *reply, struct slice *ret)
{
    if (!reply || reply->type != REDIS_REPLY_STRING)
        return false;
    *ret = slice_of(reply->str, reply->len);
    return true;
}

bool reply_is(const redisReply *reply, const char *text)
{
    struct slice s;
    return reply_string(reply, &s) && slice_equal(s, slice_str(text));
}

bool reply_u64(const redisReply *reply, uint64_t *ret)
{
    if (!reply || reply->type != REDIS_REPLY_INTEGER || reply->integer < 0)
        return false;
    *ret = (uint64_t)reply->integer;
    return true;
}

bool reply_text_u64(const redisReply *reply, uint64_t *ret)
{
    struct slice s;
    uint64_t value = 0;
    if (!reply_string(reply, &s) || s.size == 0)
        return false;
    for (size_t i = 0; i < s.size; i++) {
        if (s.data[i] < '0' || s.data[i] > '9')
            return false;
        unsigned digit = s.data[i] - '0';
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *ret = value;
    return true;
}

bool reply_position(const redisReply *reply, struct chain_position *ret)
{
    struct slice s;
    return reply_string(reply, &s) && chain_position_decode(s, ret);
}
