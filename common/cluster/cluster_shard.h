/*
 * Where a document belongs. Both numbers are part of what is stored and spoken (Redis keys carry
 * the lane), so they never change.
 */
#ifndef WEFT_CLUSTER_SHARD_H
#define WEFT_CLUSTER_SHARD_H

#include <stdint.h>

#include "bytes.h"
#include "hash.h"

#define CLUSTER_SHARD_COUNT 1024
#define CLUSTER_LANE_COUNT 64

/* XXH64(document id, seed 0) mod 1024. */
static inline uint16_t cluster_shard_of(struct slice doc)
{
    return (uint16_t)(hash_stable(doc.data, doc.size) % CLUSTER_SHARD_COUNT);
}

/* The lane is the group of shards that lives together in Redis. */
static inline uint8_t cluster_lane_of_shard(uint16_t shard)
{
    return (uint8_t)(shard % CLUSTER_LANE_COUNT);
}

static inline uint8_t cluster_lane_of(struct slice doc)
{
    return cluster_lane_of_shard(cluster_shard_of(doc));
}

#endif
