/*
 * Immutable bytes shared by reference: an entry is encoded once and queued on many sockets.
 * Not atomic: a refbuf lives and dies on one loop.
 */
#ifndef WEFT_REFBUF_H
#define WEFT_REFBUF_H

#include "bytes.h"

struct refbuf {
    size_t size;
    unsigned refs;
    uint8_t data[];
};

/* One reference for the caller, contents unset; NULL when memory is out. */
struct refbuf *refbuf_new(size_t size);
struct refbuf *refbuf_copy(struct slice s);
struct refbuf *refbuf_ref(struct refbuf *b);
/* Returns NULL. NULL is fine. */
struct refbuf *refbuf_unref(struct refbuf *b);

static inline struct slice refbuf_slice(const struct refbuf *b)
{
    return slice_of(b->data, b->size);
}

#endif
