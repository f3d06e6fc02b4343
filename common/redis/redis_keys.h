/*
 * Names of keys. Ids come from clients, so they are escaped before they become part of a name:
 * letters, digits and ".", "_", "~", "-" stand for themselves, every other byte is %XX (upper
 * case). Neither braces (which would move a key to another slot), colons nor globs survive this.
 */
#ifndef WEFT_REDIS_KEYS_H
#define WEFT_REDIS_KEYS_H

#include "bytes.h"

#define REDIS_KEY_GLOB_HEADS "weft:{*}:head:*"

void redis_escape(struct bytes *out, struct slice id);
/* weft:{<lane>}:<kind>:<escaped id>; kind is "head" or "log". */
void redis_key_doc(struct bytes *out, unsigned lane, const char *kind, struct slice id);
/* weft:{<lane>}:dirty */
void redis_key_dirty(struct bytes *out, unsigned lane);
/* The other way round, for a head's key: appends the id to `id`. False if it is not one of ours (a
   foreign key, another escape than redis_escape makes); `id` may then hold a part. */
MUST_CHECK bool redis_key_parse_head(struct slice key, unsigned *ret_lane, struct bytes *id);

#endif
