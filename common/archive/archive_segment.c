#include "archive_segment.h"

#include <errno.h>
#include <zstd.h>

#define SEGMENT_VERSION 1
/* Level 3 is zstd's own default: segments are written once, behind the live path. */
#define ZSTD_LEVEL 3

/* With a checksum of the content: segments are held to the chain as well, but a snapshot in which a
 * bit has turned would be taken for the document, and go into the next snapshot. */
static size_t frame_write(uint8_t *at, size_t room, struct slice in)
{
    ZSTD_CCtx *context = ZSTD_createCCtx();
    size_t size = (size_t)-1; /* what ZSTD_isError() takes for an error */

    if (context &&
        !ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, ZSTD_LEVEL)) &&
        !ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)))
        size = ZSTD_compress2(context, at, room, in.data, in.size);
    ZSTD_freeCCtx(context);
    return size;
}

int archive_compress(struct slice in, struct bytes *out)
{
    if (in.size > ARCHIVE_BYTES_MAX)
        return ARCHIVE_TOO_LARGE;
    size_t bound = ZSTD_compressBound(in.size);
    uint8_t *at = bytes_reserve(out, bound);
    if (!at)
        return -ENOMEM;
    size_t size = frame_write(at, bound, in);
    if (ZSTD_isError(size))
        return -ENOMEM; /* with enough room, memory is the only way to fail */
    out->size += size;
    return 0;
}

int archive_decompress(struct slice in, struct bytes *out)
{
    unsigned long long size = ZSTD_getFrameContentSize(in.data, in.size);

    /* We always write the size, so a frame without it is not ours. */
    if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN)
        return ARCHIVE_DAMAGED;
    if (size > ARCHIVE_BYTES_MAX)
        return ARCHIVE_TOO_LARGE;
    uint8_t *at = bytes_reserve(out, size ? (size_t)size : 1);
    if (!at)
        return -ENOMEM;
    size_t got = ZSTD_decompress(at, (size_t)size, in.data, in.size);
    if (ZSTD_isError(got) || got != size)
        return ARCHIVE_DAMAGED;
    out->size += got;
    return 0;
}

void archive_writer_init(struct archive_writer *w)
{
    bytes_init(&w->raw, ARCHIVE_BYTES_MAX);
}

void archive_writer_fini(struct archive_writer *w)
{
    bytes_fini(&w->raw);
}

void archive_writer_add(struct archive_writer *w, struct slice payload)
{
    if (w->raw.size == 0)
        bytes_append_u8(&w->raw, SEGMENT_VERSION);
    bytes_append_varint(&w->raw, payload.size);
    bytes_append_slice(&w->raw, payload);
}

int archive_writer_finish(struct archive_writer *w, struct bytes *out)
{
    int r = w->raw.failed ? -ENOMEM : archive_compress(bytes_slice(&w->raw), out);

    bytes_reset(&w->raw);
    return r;
}

int archive_reader_init(struct archive_reader *r, struct slice segment)
{
    *r = (struct archive_reader){0};
    int outcome = archive_decompress(segment, &r->raw);
    if (outcome)
        return outcome;
    if (r->raw.size == 0)
        return ARCHIVE_DAMAGED;
    if (r->raw.data[0] != SEGMENT_VERSION)
        return ARCHIVE_NEWER;
    r->rest = slice_of(r->raw.data + 1, r->raw.size - 1);
    return 0;
}

void archive_reader_fini(struct archive_reader *r)
{
    bytes_fini(&r->raw);
}

int archive_reader_next(struct archive_reader *r, struct slice *ret)
{
    uint64_t size;

    if (r->rest.size == 0) {
        *ret = (struct slice){0};
        return 0;
    }
    if (!varint_take(&r->rest, &size) || size == 0 || size > r->rest.size)
        return ARCHIVE_DAMAGED;
    *ret = slice_of(r->rest.data, (size_t)size);
    r->rest.data += size;
    r->rest.size -= (size_t)size;
    return 0;
}
