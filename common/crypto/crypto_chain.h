/*
 * The chain (I3) and the other digests that the log and its names are made of. Pure functions: the
 * same bytes in, the same bytes out. This header names no OpenSSL type, so cores and the layers
 * below them may include it.
 *
 * Position, 24 bytes, as it is kept in Redis' head value and in messages:
 *
 *   offset size
 *        0    8  revision, big-endian: the last revision of an entry; 0 before the first
 *        8   16  hash of the chain there
 *
 * Each thread keeps one prefetched digest context (made at its first call, released when it ends):
 * fetching the algorithm for every call would cost more than the hash. crypto_init() tells at
 * start whether this works at all; afterwards a failure means that a new thread found no memory
 * for its first context, and stops the process as any failed allocation at start does.
 */
#ifndef WEFT_CRYPTO_CHAIN_H
#define WEFT_CRYPTO_CHAIN_H

#include "bytes.h"

#define CHAIN_HASH_SIZE 16
#define CHAIN_POSITION_SIZE 24
#define CRYPTO_DIGEST8_SIZE 8
#define CRYPTO_SESSION_ID_SIZE 16
#define CRYPTO_AUTHOR_ID_SIZE 8

struct chain_position {
    uint64_t rev;
    uint8_t hash[CHAIN_HASH_SIZE];
};

/* 0, or -ENOTSUP if OpenSSL gives no SHA-256 or SHA-1 (a broken or restricted configuration). */
MUST_CHECK int crypto_init(void);

/* The hash before revision 1: first 16 bytes of SHA-256(document id). */
void chain_hash_start(struct slice doc_id, uint8_t ret[CHAIN_HASH_SIZE]);
/* First 16 bytes of SHA-256(before ‖ payload). `ret` may be `before`. */
void chain_hash(const uint8_t before[CHAIN_HASH_SIZE], struct slice payload,
                uint8_t ret[CHAIN_HASH_SIZE]);

/* Revision 0 of the document. */
struct chain_position chain_position_start(struct slice doc_id);
/* Where the chain stands after an entry of `count` revisions appended at `before`. */
struct chain_position chain_position_after(const struct chain_position *before, uint64_t count,
                                           struct slice payload);

static inline bool chain_position_equal(const struct chain_position *a,
                                        const struct chain_position *b)
{
    return a->rev == b->rev && memcmp(a->hash, b->hash, CHAIN_HASH_SIZE) == 0;
}

static inline void chain_position_put(uint8_t out[CHAIN_POSITION_SIZE],
                                      const struct chain_position *p)
{
    store_be64(out, p->rev);
    memcpy(out + 8, p->hash, CHAIN_HASH_SIZE);
}

static inline struct chain_position chain_position_get(const uint8_t in[CHAIN_POSITION_SIZE])
{
    struct chain_position p = {.rev = load_be64(in)};
    memcpy(p.hash, in + 8, CHAIN_HASH_SIZE);
    return p;
}

/* False, and *ret untouched, unless `in` is exactly CHAIN_POSITION_SIZE bytes. */
MUST_CHECK bool chain_position_decode(struct slice in, struct chain_position *ret);

/* First 8 bytes of SHA-256(op): what tells a repeat from a reused seq (I5). */
void crypto_digest8(struct slice op, uint8_t ret[CRYPTO_DIGEST8_SIZE]);
/* First 8 bytes of SHA-256(document id ‖ session id): what others see of a secret session (I5). */
void crypto_author_id(struct slice doc_id, const uint8_t session_id[CRYPTO_SESSION_ID_SIZE],
                      uint8_t ret[CRYPTO_AUTHOR_ID_SIZE]);

#endif
