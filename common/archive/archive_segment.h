/*
 * What PostgreSQL keeps: segments (runs of whole entries, exactly as they were appended) and
 * snapshots, both compressed with zstd. Door to zstd.
 *
 * Decompressed segment (docs/storage.md):
 *
 *   offset size
 *        0    1  version, 1
 *        1    -  entries, each: varint size, payload bytes (record.Entry)
 *
 * A decompressed snapshot is one record.Snapshot.
 *
 * The payload bytes are what the chain was hashed over, so nothing here may re-encode them. What is
 * decompressed is bounded before it is allocated: a damaged or hostile row cannot grow the process.
 */
#ifndef WEFT_ARCHIVE_SEGMENT_H
#define WEFT_ARCHIVE_SEGMENT_H

#include "bytes.h"

enum archive_outcome {
    ARCHIVE_DAMAGED = 1, /* not what was written */
    ARCHIVE_NEWER,       /* written by a newer build */
    ARCHIVE_TOO_LARGE,   /* decompressed beyond the bound */
};

/* Decompressed bound of one segment or snapshot: twice the document limit, for its overhead. */
#define ARCHIVE_BYTES_MAX (64u << 20)

struct archive_writer {
    struct bytes raw; /* owned */
};

void archive_writer_init(struct archive_writer *w);
void archive_writer_fini(struct archive_writer *w);
void archive_writer_add(struct archive_writer *w, struct slice payload);
/* Appends the compressed segment to *out. 0, ARCHIVE_TOO_LARGE or -ENOMEM. The writer is emptied.
 */
MUST_CHECK int archive_writer_finish(struct archive_writer *w, struct bytes *out);

struct archive_reader {
    struct bytes raw; /* owned */
    struct slice rest;
};

/* 0, an outcome or -ENOMEM. Fini in any case. */
MUST_CHECK int archive_reader_init(struct archive_reader *r, struct slice segment);
void archive_reader_fini(struct archive_reader *r);
/* Lends the next payload until fini. 0, ARCHIVE_DAMAGED; *ret.data NULL at the end. */
MUST_CHECK int archive_reader_next(struct archive_reader *r, struct slice *ret);

/* Plain compression of one message. Each appends. */
MUST_CHECK int archive_compress(struct slice in, struct bytes *out);
MUST_CHECK int archive_decompress(struct slice in, struct bytes *out);

#endif
