/* Random valid messages, for the tests here and in the folders that carry them. */
#ifndef WEFT_WIRE_RANDOM_H
#define WEFT_WIRE_RANDOM_H

#include "rng.h"
#include "wire_link.h"

struct slice wire_random_slice(struct rng *r, struct arena *mem, size_t size_max);
uint64_t wire_random_u64(struct rng *r); /* every magnitude alike; never 0 */

void wire_random_entry(struct rng *r, struct arena *mem, struct wire_entry *ret);
void wire_random_permission(struct rng *r, struct arena *mem, struct wire_permission *ret);
void wire_random_snapshot(struct rng *r, struct arena *mem, struct wire_snapshot *ret);
void wire_random_client_frame(struct rng *r, struct arena *mem, struct wire_client_frame *ret);
void wire_random_server_frame(struct rng *r, struct arena *mem, struct wire_server_frame *ret);
void wire_random_client_entry(struct rng *r, struct arena *mem, struct wire_client_entry *ret);
void wire_random_ops(struct rng *r, struct arena *mem, struct wire_ops *ret);
void wire_random_to_worker(struct rng *r, struct arena *mem, struct wire_to_worker *ret);
void wire_random_to_gateway(struct rng *r, struct arena *mem, struct wire_to_gateway *ret);

#endif
