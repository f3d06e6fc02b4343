/*
 * Building commands: an FCALL of the library with its keys and arguments, in the order of the
 * function's comment in weft.lua. Failure latches in the bytes.
 */
#ifndef WEFT_REDIS_ENCODE_H
#define WEFT_REDIS_ENCODE_H

#include "redis_calls.h"
#include "redis_internal.h"

/* name: without the library's prefix. */
void encode_begin(struct bytes *b, const char *name, unsigned keys, unsigned args);
void encode_slice(struct bytes *b, struct slice s);
void encode_str(struct bytes *b, const char *s);
void encode_u64(struct bytes *b, uint64_t v);
void encode_position(struct bytes *b, const struct chain_position *p);
/* kind "head" or "log"; NULL: the lane's dirty set. */
void encode_key(struct bytes *b, const char *kind, struct redis_doc doc);
/* head, log, dirty. */
void encode_doc_keys(struct bytes *b, struct redis_doc doc);

/* The caller's callback without its type; its finish function knows it. */
typedef void any_done(void);

/* Submits and frees the command. */
int encode_submit(struct redis_client *client, unsigned lane, enum redis_route route,
                  struct bytes *command, redis_finish *finish, any_done *done, void *arg);

#endif
