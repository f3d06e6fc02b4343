/*
 * The door to OpenSSL's digests. One struct per thread holds the fetched algorithms and one context
 * that every call reuses; a pthread key releases it when the thread ends (so leak checkers stay
 * quiet). It is a cache, not state: results never depend on it.
 */
#include "crypto_hash.h"

#include <errno.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>

#include "crypto_chain.h"

struct digester {
    EVP_MD_CTX *context; /* owned */
    EVP_MD *sha256;      /* owned */
    EVP_MD *sha1;        /* owned */
};

static pthread_key_t digester_key;
static pthread_once_t digester_key_once = PTHREAD_ONCE_INIT;
static bool digester_key_made;
static __thread struct digester *digester_mine;

static void digester_free(void *data)
{
    struct digester *d = data;
    if (!d)
        return;
    EVP_MD_CTX_free(d->context);
    EVP_MD_free(d->sha256);
    EVP_MD_free(d->sha1);
    free(d);
}

static void digester_free_mine(void)
{
    /* A thread that ends runs the key's destructor; the main thread returns from main instead. */
    digester_free(digester_mine);
    digester_mine = NULL;
    if (digester_key_made)
        (void)pthread_setspecific(digester_key, NULL);
}

static void digester_make_key(void)
{
    digester_key_made = pthread_key_create(&digester_key, digester_free) == 0;
    (void)atexit(digester_free_mine);
}

static struct digester *digester_new(void)
{
    struct digester *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->context = EVP_MD_CTX_new();
    d->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    d->sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
    if (!d->context || !d->sha256 || !d->sha1) {
        digester_free(d);
        return NULL;
    }
    return d;
}

static struct digester *digester_try(void)
{
    if (digester_mine)
        return digester_mine;
    /* OpenSSL first: its exit handler must stand before ours, so that it runs after it. */
    struct digester *d = digester_new();
    if (!d)
        return NULL;
    (void)pthread_once(&digester_key_once, digester_make_key);
    if (!digester_key_made || pthread_setspecific(digester_key, d) != 0) {
        digester_free(d);
        return NULL;
    }
    return digester_mine = d;
}

static struct digester *digester_get(void)
{
    struct digester *d = digester_try();
    MUST(d); /* crypto_init() has reported what a configuration can break */
    return d;
}

int crypto_init(void)
{
    return digester_try() ? 0 : -ENOTSUP;
}

static void digest(struct digester *d, const EVP_MD *md, struct slice a, struct slice b,
                   uint8_t *ret)
{
    MUST(EVP_DigestInit_ex2(d->context, md, NULL) == 1);
    if (a.size)
        MUST(EVP_DigestUpdate(d->context, a.data, a.size) == 1);
    if (b.size)
        MUST(EVP_DigestUpdate(d->context, b.data, b.size) == 1);
    MUST(EVP_DigestFinal_ex(d->context, ret, NULL) == 1);
}

void crypto_sha1(struct slice a, struct slice b, uint8_t ret[CRYPTO_SHA1_SIZE])
{
    struct digester *d = digester_get();
    digest(d, d->sha1, a, b, ret);
}

void crypto_sha256(struct slice a, struct slice b, uint8_t ret[CRYPTO_SHA256_SIZE])
{
    struct digester *d = digester_get();
    digest(d, d->sha256, a, b, ret);
}
