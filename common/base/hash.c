#include "hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "must.h"

uint64_t hash_seed;

unsigned hash_table_key(const void *key, size_t size)
{
    return (unsigned)XXH3_64bits_withSeed(key, size, hash_seed);
}

uint64_t hash_stable(const void *data, size_t size)
{
    MUST(data || !size);
    return XXH64(data, size, 0);
}
