/* Whole digests, for what is not the chain (the WebSocket handshake wants SHA-1). */
#ifndef WEFT_CRYPTO_HASH_H
#define WEFT_CRYPTO_HASH_H

#include "bytes.h"

#define CRYPTO_SHA1_SIZE 20
#define CRYPTO_SHA256_SIZE 32

/* The digest of the two parts joined; either may be empty. */
void crypto_sha1(struct slice a, struct slice b, uint8_t ret[CRYPTO_SHA1_SIZE]);
void crypto_sha256(struct slice a, struct slice b, uint8_t ret[CRYPTO_SHA256_SIZE]);

#endif
