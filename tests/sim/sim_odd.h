/*
 * Bodies that no client core makes: ops that do not fit or are none, titles and permissions beyond
 * their bounds, first contents that are no document; and some that are fine, but rare. Ghosts and
 * rude clients send them.
 */
#ifndef WEFT_SIM_ODD_H
#define WEFT_SIM_ODD_H

#include "bytes.h"
#include "rng.h"
#include "wire_record.h"

#define SIM_ODD_OP_BYTES_MAX (100u << 10) /* what gateways take in a run with odd bodies */
#define SIM_ODD_BIG 70000                 /* more than one chunk of a document that is opened */

/* Appends one body for a record of this kind; WIRE_KIND_CREATE: the content of an Open. `units`:
 * about as long as the document is. */
void sim_odd_body(struct rng *rng, enum wire_kind kind, uint64_t units, struct bytes *out);

#endif
