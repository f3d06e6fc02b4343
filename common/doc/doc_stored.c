#include "doc_stored.h"

#include "archive_segment.h"

static int outcome_of_archive(int outcome)
{
    if (outcome == ARCHIVE_NEWER)
        return DOC_NEWER;
    return outcome > 0 ? DOC_BAD_ENTRY : outcome;
}

static int snapshot_apply(struct doc *doc, struct slice snapshot)
{
    struct bytes raw;

    bytes_init(&raw, 0);
    int r = outcome_of_archive(archive_decompress(snapshot, &raw));
    if (!r)
        r = doc_snapshot_load(doc, bytes_slice(&raw));
    bytes_fini(&raw);
    return r;
}

static int segment_apply(struct doc *doc, struct slice segment, struct doc_stored_size *size)
{
    struct archive_reader reader;
    struct slice payload;
    int r = outcome_of_archive(archive_reader_init(&reader, segment));

    while (!r && !(r = outcome_of_archive(archive_reader_next(&reader, &payload))) &&
           payload.data) {
        uint64_t before = doc_position(doc).rev;
        r = doc_entry_apply(doc, payload, NULL);
        size->revs += doc_position(doc).rev - before;
        size->bytes += payload.size;
    }
    archive_reader_fini(&reader);
    return r;
}

int doc_stored_load(struct doc *doc, struct slice snapshot, const struct slice *segments,
                    size_t segment_count, struct doc_stored_size *ret_size)
{
    struct doc_stored_size size = {0};
    int r = snapshot.size ? snapshot_apply(doc, snapshot) : 0;

    for (size_t i = 0; !r && i < segment_count; i++)
        r = segment_apply(doc, segments[i], &size);
    if (!r && ret_size)
        *ret_size = size;
    return r;
}
