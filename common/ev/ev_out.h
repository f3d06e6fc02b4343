/*
 * A stream's output queue: references to shared bytes, copies and owned bytes in the order they
 * were sent. Private to this folder. Knows nothing of sockets and limits. Empty, it owns nothing.
 */
#ifndef WEFT_EV_OUT_H
#define WEFT_EV_OUT_H

#include <sys/uio.h>

#include "bytes.h"
#include "refbuf.h"

struct ev_segment;

struct ev_out {
    struct ev_segment *first, *last; /* owned */
    uint32_t size;                   /* bytes queued */
    uint32_t count;                  /* segments */
};

/* What a segment takes beside its bytes, the head of a shared buffer included. A pong of 16 bytes
 * holds seven times as much: who never reads them is charged for all of it. */
#define EV_SEGMENT_COST 96

/* Memory that it holds; of bytes that others share, too, as if they were its own. */
static inline size_t ev_out_held(const struct ev_out *out)
{
    return out->size + (size_t)out->count * EV_SEGMENT_COST;
}

/* False when memory is out: nothing was queued. Sizes are not 0 and fit the 32 bits. */
bool ev_out_ref(struct ev_out *out, struct refbuf *b); /* takes its own reference */
bool ev_out_copy(struct ev_out *out, struct slice bytes);
bool ev_out_own(struct ev_out *out, struct bytes *b); /* takes b's memory on success */

/* Describes the front of the queue, whole segments until size_max is reached or passed. Returns
   how many; *ret_size is their sum. */
size_t ev_out_front(const struct ev_out *out, struct iovec *iov, size_t count_max, size_t size_max,
                    size_t *ret_size);
void ev_out_consume(struct ev_out *out, size_t size);
void ev_out_drop(struct ev_out *out);

#endif
