#include "refbuf.h"

#include <stdlib.h>

struct refbuf *refbuf_new(size_t size)
{
    struct refbuf *b = malloc(sizeof *b + size);

    if (b) {
        b->size = size;
        b->refs = 1;
    }
    return b;
}

struct refbuf *refbuf_copy(struct slice s)
{
    struct refbuf *b = refbuf_new(s.size);

    if (b && s.size)
        memcpy(b->data, s.data, s.size);
    return b;
}

struct refbuf *refbuf_ref(struct refbuf *b)
{
    MUST(b->refs > 0);
    b->refs++;
    return b;
}

struct refbuf *refbuf_unref(struct refbuf *b)
{
    if (!b)
        return NULL;
    MUST(b->refs > 0);
    if (--b->refs == 0)
        free(b);
    return NULL;
}
