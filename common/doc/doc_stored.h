/*
 * A document from what PostgreSQL holds: the newest snapshot and the segments behind it, as the
 * worker, the archiver and the tools all load it.
 */
#ifndef WEFT_DOC_STORED_H
#define WEFT_DOC_STORED_H

#include "doc.h"

struct doc_stored_size {
    uint64_t revs;  /* behind the snapshot */
    uint64_t bytes; /* of their entries */
};

/*
 * Fills a new document; `snapshot` may be empty. 0, DOC_BAD_ENTRY (damaged), DOC_BAD_CHAIN,
 * DOC_NEWER, -ENOMEM: then the document MUST be thrown away. ret_size may be NULL.
 */
MUST_CHECK int doc_stored_load(struct doc *doc, struct slice snapshot, const struct slice *segments,
                               size_t segment_count, struct doc_stored_size *ret_size);

#endif
