#include "ev_out.h"

#include <stdlib.h>

/* Small copies share one allocation of this size, header included. */
#define COPY_SEGMENT_SIZE 512

enum segment_kind {
    SEGMENT_COPY,  /* the bytes follow the struct */
    SEGMENT_REF,   /* owner is a struct refbuf */
    SEGMENT_OWNED, /* owner is heap memory */
};

struct ev_segment {
    struct ev_segment *next;
    const uint8_t *data; /* what is still to be sent */
    uint32_t size;
    uint32_t room; /* SEGMENT_COPY: free bytes behind data + size */
    void *owner;
    enum segment_kind kind;
};

static struct ev_segment *segment_free(struct ev_segment *segment)
{
    struct ev_segment *next = segment->next;

    if (segment->kind == SEGMENT_REF)
        refbuf_unref(segment->owner);
    else if (segment->kind == SEGMENT_OWNED)
        free(segment->owner);
    free(segment);
    return next;
}

static struct ev_segment *segment_push(struct ev_out *out, enum segment_kind kind, size_t capacity)
{
    struct ev_segment *segment = malloc(sizeof *segment + capacity);

    if (!segment)
        return NULL;
    *segment = (struct ev_segment){.kind = kind};
    if (out->last)
        out->last->next = segment;
    else
        out->first = segment;
    out->last = segment;
    out->count++;
    return segment;
}

bool ev_out_ref(struct ev_out *out, struct refbuf *b)
{
    struct ev_segment *segment = segment_push(out, SEGMENT_REF, 0);

    if (!segment)
        return false;
    segment->owner = refbuf_ref(b);
    segment->data = b->data;
    segment->size = (uint32_t)b->size;
    out->size += segment->size;
    return true;
}

bool ev_out_copy(struct ev_out *out, struct slice bytes)
{
    struct ev_segment *segment = out->last;

    if (!segment || segment->kind != SEGMENT_COPY || segment->room < bytes.size) {
        size_t capacity = COPY_SEGMENT_SIZE - sizeof *segment;
        if (capacity < bytes.size)
            capacity = bytes.size;
        segment = segment_push(out, SEGMENT_COPY, capacity);
        if (!segment)
            return false;
        segment->data = (uint8_t *)(segment + 1);
        segment->room = (uint32_t)capacity;
    }
    memcpy((uint8_t *)segment->data + segment->size, bytes.data, bytes.size);
    segment->size += (uint32_t)bytes.size;
    segment->room -= (uint32_t)bytes.size;
    out->size += (uint32_t)bytes.size;
    return true;
}

bool ev_out_own(struct ev_out *out, struct bytes *b)
{
    struct ev_segment *segment = segment_push(out, SEGMENT_OWNED, 0);

    if (!segment)
        return false;
    segment->size = (uint32_t)b->size;
    segment->owner = bytes_steal(b).data;
    segment->data = segment->owner;
    out->size += segment->size;
    return true;
}

size_t ev_out_front(const struct ev_out *out, struct iovec *iov, size_t count_max, size_t size_max,
                    size_t *ret_size)
{
    size_t count = 0, size = 0;

    for (struct ev_segment *g = out->first; g && count < count_max && size < size_max;
         g = g->next) {
        iov[count++] = (struct iovec){.iov_base = (void *)g->data, .iov_len = g->size};
        size += g->size;
    }
    *ret_size = size;
    return count;
}

void ev_out_consume(struct ev_out *out, size_t size)
{
    out->size -= (uint32_t)size;
    while (size > 0) {
        struct ev_segment *first = out->first;
        if (size < first->size) {
            first->data += size;
            first->size -= (uint32_t)size;
            return;
        }
        size -= first->size;
        out->first = segment_free(first);
        out->count--;
    }
    if (!out->first)
        out->last = NULL;
}

void ev_out_drop(struct ev_out *out)
{
    while (out->first)
        out->first = segment_free(out->first);
    *out = (struct ev_out){0};
}
