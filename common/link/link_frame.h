/*
 * The bytes of one message between two processes. Pure.
 *
 *     Offset  Size  Field
 *          0     3  magic         "WLK"
 *          3     1  version       1
 *          4     1  type          1 batch, 2 heartbeat
 *          5     1  heard kind    what `heard` means: 0 nothing yet, 1 heard, 2 refused
 *          6     2  address size  1 to 200
 *          8     8  from          sender's boot id, not 0
 *         16     8  to            boot id of the process it is meant for, not 0
 *         24     8  epoch         sender's link epoch, not 0
 *         32     8  seq           batch: its number in the epoch, from 1;
 *                                 heartbeat: the last batch's, or 0
 *         40     8  heard         the receiver's epoch that the sender accepts,
 *                                 or up to which it refuses
 *         48     4  item count    batch: items that end in it;
 *                                 heartbeat: 1 if nothing comes from the receiver, else 0
 *         52     4  body size     the message ends exactly behind the body
 *         56     a  address       sender's own inbox, printable ASCII, no terminator
 *       56+a     b  body          batch: records (link_batch.h);
 *                                 heartbeat: the upper layer's payload
 *
 * Integers are big-endian.
 */
#ifndef WEFT_LINK_FRAME_H
#define WEFT_LINK_FRAME_H

#include <stdbool.h>

#include "bytes.h"

#define LINK_HEAD_SIZE 56
#define LINK_ADDRESS_SIZE_MAX 200

enum link_type {
    LINK_BATCH = 1,
    LINK_HEARTBEAT = 2,
};

enum link_heard_kind {
    LINK_HEARD_NOTHING = 0,
    LINK_HEARD = 1,
    LINK_REFUSED = 2,
};

struct link_head {
    enum link_type type;
    enum link_heard_kind heard_kind;
    uint64_t from, to, epoch, seq, heard;
    uint32_t count;
    struct slice address; /* borrowed from the message */
    struct slice body;    /* borrowed from the message */
};

/* An address that the frame can carry. */
bool link_address_is_plain(struct slice address);
/* Room in front of the body that link_frame_write() fills. */
static inline size_t link_frame_prefix_size(size_t address_size)
{
    return LINK_HEAD_SIZE + address_size;
}

/* Writes head and address to `out`, in front of head->body.size bytes of body. */
void link_frame_write(const struct link_head *head, uint8_t *out);
/* False if any rule above is broken: the sender is not one of us. */
bool link_frame_read(struct slice message, struct link_head *ret);

#endif
