/*
 * A connection that comes again: when it ends it is opened anew after a back-off with jitter, or
 * after what the gateway asked for; when the gateway drains it moves at a random moment before the
 * deadline. Its editors hear of the end and send again by name.
 */
#ifndef WEFT_LOAD_LINK_H
#define WEFT_LOAD_LINK_H

#include "load_world.h"

MUST_CHECK int load_link_init(struct load_link *l, struct load_world *w);
void load_link_fini(struct load_link *l);
void load_link_start(struct load_link *l);
/* Closes it for good; IDLE once that is done. */
void load_link_stop(struct load_link *l);
bool load_link_send(struct load_link *l, const struct wire_client_frame *frame);

#endif
