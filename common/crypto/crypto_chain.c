#include "crypto_chain.h"

#include <assert.h>

#include "crypto_hash.h"

static_assert(CHAIN_POSITION_SIZE == sizeof(uint64_t) + CHAIN_HASH_SIZE, "position layout");

static void sha256_head(struct slice a, struct slice b, uint8_t *ret, size_t size)
{
    uint8_t whole[CRYPTO_SHA256_SIZE];
    crypto_sha256(a, b, whole);
    memcpy(ret, whole, size);
}

void chain_hash_start(struct slice doc_id, uint8_t ret[CHAIN_HASH_SIZE])
{
    sha256_head(doc_id, slice_of(NULL, 0), ret, CHAIN_HASH_SIZE);
}

void chain_hash(const uint8_t before[CHAIN_HASH_SIZE], struct slice payload,
                uint8_t ret[CHAIN_HASH_SIZE])
{
    sha256_head(slice_of(before, CHAIN_HASH_SIZE), payload, ret, CHAIN_HASH_SIZE);
}

struct chain_position chain_position_start(struct slice doc_id)
{
    struct chain_position p = {.rev = 0};
    chain_hash_start(doc_id, p.hash);
    return p;
}

struct chain_position chain_position_after(const struct chain_position *before, uint64_t count,
                                           struct slice payload)
{
    struct chain_position p = {.rev = before->rev + count};
    chain_hash(before->hash, payload, p.hash);
    return p;
}

bool chain_position_decode(struct slice in, struct chain_position *ret)
{
    if (in.size != CHAIN_POSITION_SIZE)
        return false;
    *ret = chain_position_get(in.data);
    return true;
}

void crypto_digest8(struct slice op, uint8_t ret[CRYPTO_DIGEST8_SIZE])
{
    sha256_head(op, slice_of(NULL, 0), ret, CRYPTO_DIGEST8_SIZE);
}

void crypto_author_id(struct slice doc_id, const uint8_t session_id[CRYPTO_SESSION_ID_SIZE],
                      uint8_t ret[CRYPTO_AUTHOR_ID_SIZE])
{
    sha256_head(doc_id, slice_of(session_id, CRYPTO_SESSION_ID_SIZE), ret, CRYPTO_AUTHOR_ID_SIZE);
}
