/*
 * Items into batches and back. Pure.
 *
 * A batch's body is a row of records; an item larger than a batch is cut into pieces that travel in
 * consecutive batches. A record is
 *
 *     varint(size << 2 | kind)   size: bytes of this record's data
 *     varint(total)              kind FIRST only: bytes of the whole item
 *     data
 *
 *     kind 0 WHOLE   an item
 *          1 FIRST   its first piece; the batch holds nothing else
 *          2 MIDDLE  a further piece; the batch holds nothing else
 *          3 LAST    its last piece; the first record of its batch, WHOLE records may follow
 *
 * When a batch leaves: at once if nothing is being sent and the last one left LINK_BATCH_DELAY_US
 * ago or longer (a quiet link waits for nobody); a full one as soon as the one before is handed
 * over; else when both have come to pass. So what costs 75 to 180 us per message is paid at most
 * 2,000 times a second by small items, however many there are.
 */
#ifndef WEFT_LINK_BATCH_H
#define WEFT_LINK_BATCH_H

#include <stdbool.h>

#include "bytes.h"

#define LINK_BATCH_DELAY_US 500
/* A piece of an item and its record's head must fit. */
#define LINK_BODY_MIN 16

struct link_batch {
    struct link_batch *next;
    struct bytes bytes; /* `prefix` bytes to be filled in, then the body */
    uint32_t count;     /* items that end in it */
};

struct link_out {
    struct link_batch *first, *last; /* owned; the last may still grow */
    size_t prefix;                   /* bytes kept free in front of each body */
    size_t body_max;
    size_t queued;     /* bytes of bodies */
    size_t queued_max; /* stops a peer that does not read from filling memory */
    int64_t left_us;   /* when the last batch left */
};

void link_out_init(struct link_out *o, size_t prefix, size_t body_max, size_t queued_max);
/* Drops what is queued. */
void link_out_fini(struct link_out *o);
/*
 * Copies the item to the end of the queue. False when the queue's bound is reached or memory is
 * out: pieces may have been queued already, so the link must be reset.
 */
bool link_out_push(struct link_out *o, struct slice item) __attribute__((warn_unused_result));
/* When the first batch may leave, provided that nothing is being sent; INT64_MAX: nothing to do. */
int64_t link_out_due_us(const struct link_out *o);
/* Takes the first batch out; give it back with link_batch_free(). There must be one. */
struct link_batch *link_out_take(struct link_out *o, int64_t now_us);
struct link_batch *link_batch_free(struct link_batch *batch);

struct link_in {
    struct bytes partial; /* of a large item; its size_max bounds what a sender can make us hold */
    uint64_t total;       /* bytes of the large item under way; 0: none */
    bool complete;        /* partial has just been lent as an item */
    struct slice *items;  /* owned */
    size_t item_count, item_capacity;
};

void link_in_init(struct link_in *in, size_t item_max);
void link_in_fini(struct link_in *in);
/* Forgets a large item under way. */
void link_in_reset(struct link_in *in);
/*
 * Reads a batch's body and leaves in->items, in->item_count: lent until the next call, and as long
 * as the body. -EPROTO: not a row of records as above, not `count` items, or an item above the
 * bound; -ENOMEM.
 */
int link_in_batch(struct link_in *in, struct slice body, uint32_t count)
    __attribute__((warn_unused_result));

#endif
