/*
 * What the entries of a stream must be, as of one moment. Whatever the functions of Redis have
 * written (common/redis/weft.lua) is so: a chain that ends in the head. So what is not so is
 * damaged, and will be however often it is read. Hashes are the reader's matter.
 */
#ifndef WEFT_STORAGE_STREAM_H
#define WEFT_STORAGE_STREAM_H

#include "storage_call.h"

/* Entries read in one step, in their order. head NULL: there is none. ends: none stands behind
 * them. */
bool storage_stream_holds(const struct chain_position *head, const struct storage_entry *entries,
                          size_t count, bool ends);

/* For who keeps a stream in memory: the entries of an OK READ, as many as there are or were asked
 * for, are no answer if they do not hold. */
void storage_stream_judge(struct storage_call *read);

#endif
