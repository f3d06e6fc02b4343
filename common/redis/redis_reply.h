/* Taking answers apart. Each returns false if the answer has another shape: then it is an ERROR. */
#ifndef WEFT_REDIS_REPLY_H
#define WEFT_REDIS_REPLY_H

#include <hiredis/hiredis.h>

#include "crypto_chain.h"

/* Element `index` of an array, or NULL. */
const redisReply *reply_at(const redisReply *reply, size_t index);
size_t reply_count(const redisReply *reply);
bool reply_string(const redisReply *reply, struct slice *ret);
bool reply_is(const redisReply *reply, const char *text);
bool reply_u64(const redisReply *reply, uint64_t *ret);      /* an integer >= 0 */
bool reply_text_u64(const redisReply *reply, uint64_t *ret); /* decimal digits */
bool reply_position(const redisReply *reply, struct chain_position *ret);

#endif
