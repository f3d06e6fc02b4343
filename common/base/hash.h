/*
 * Hash tables are uthash with a seeded XXH3, so that keys chosen by a peer cannot be made to
 * collide. Include this file, never <uthash.h> itself: it sets the seed and makes a failed
 * allocation an ordinary outcome (HASH_NONFATAL_OOM: test `item->hh.tbl` after HASH_ADD).
 *
 * hash_seed is process-wide but not state: it is set once before the first table exists (fixed in
 * the simulator, random in the services) and never changes what a program computes, only the order
 * of buckets. Iterate tables only where order does not matter.
 */
#ifndef WEFT_HASH_H
#define WEFT_HASH_H

#include <stddef.h>
#include <stdint.h>

extern uint64_t hash_seed;

unsigned hash_table_key(const void *key, size_t size);

#define HASH_NONFATAL_OOM 1
#define HASH_FUNCTION(keyptr, keylen, hashv) ((hashv) = hash_table_key(keyptr, keylen))
#include <uthash.h>

/*
 * Clang's analyzer does not know that an item without neighbours is the only one, and so takes the
 * table for freed with items left. It is told that afterwards some item is the first, or none.
 */
#ifdef __clang_analyzer__
void *hash_analyzed_rest(const void *first, const void *handle);
#undef HASH_DELETE_HH
#define HASH_DELETE_HH(hh, first, handle) ((first) = hash_analyzed_rest(first, handle))
#endif

/* XXH64 with seed 0: part of the protocol (shard of a document), the same everywhere for ever. */
uint64_t hash_stable(const void *data, size_t size);

#endif
