/* Messages and fields that client.proto and link.proto share. Internal to this folder. */
#ifndef WEFT_WIRE_PARTS_H
#define WEFT_WIRE_PARTS_H

#include "wire_client.h"
#include "wire_get.h"
#include "wire_put.h"

/* client.Entry and client.Presence stand in both files with the same fields. */
void wire_entry_body_put(struct bytes *out, const struct wire_client_entry *entry);
int wire_entry_body_get(struct arena *mem, struct slice in, struct wire_client_entry *ret);

/* `attachment`: only link.Presence has it; 0: absent. NULL: not wanted. */
void wire_presence_body_put(struct bytes *out, const struct wire_presence *p, uint64_t attachment);
bool wire_presence_body_get(struct slice in, struct wire_presence *ret, uint64_t *ret_attachment);

#endif
