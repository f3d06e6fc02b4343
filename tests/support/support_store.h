/*
 * For the tests of cores: Redis and PostgreSQL as plain data. A call is carried out honestly,
 * in one step, when the test says so; what a test wants to go wrong it does around that.
 */
#ifndef WEFT_SUPPORT_STORE_H
#define WEFT_SUPPORT_STORE_H

#include "doc.h"
#include "storage_call.h"

#define STORE_DOCS_MAX 64

struct store_entry {
    uint64_t first_rev;
    struct chain_position before, position;
    struct bytes payload; /* owned */
};

struct store_segment {
    uint64_t first_rev, last_rev;
    struct chain_position before;
    struct bytes bytes; /* owned */
};

struct store_doc {
    struct bytes id;
    /* Redis */
    bool has_head, dirty; /* dirty: not claimed since the last append */
    struct chain_position head;
    struct store_entry *log; /* owned */
    size_t log_count;
    /* PostgreSQL */
    bool stored, locked;
    struct chain_position stored_head;
    struct store_segment *segments; /* owned */
    size_t segment_count;
    struct bytes snapshot;
    uint64_t snapshot_rev;
    /* every position that an entry ever ended at */
    struct chain_position *ledger; /* owned */
    size_t ledger_count;
};

struct store {
    struct store_doc docs[STORE_DOCS_MAX];
    size_t count;
    struct ot_attrs_table *attrs;
    struct storage_entry *lent_entries;
    struct slice *lent_slices;
    struct chain_position lent_heads[STORE_DOCS_MAX];
    uint64_t remarked;                /* what the next REMARK of a lane finds */
    uint64_t calls[STORAGE_DOCS + 1]; /* how many of each kind were carried out */
};

void store_init(struct store *s);
void store_fini(struct store *s);
struct store_doc *store_doc(struct store *s, struct slice id);

void store_step(struct store *s, struct storage_call *call);
/* What the archiver does with all but the last `keep` entries: one segment, trimmed. */
void store_archive(struct store *s, struct slice id, size_t keep, bool snapshot);
/* As far as an archiver that dies before it trims. */
void store_commit(struct store *s, struct slice id);
/* A failover without the last `count` entries. */
void store_lose(struct store *s, struct slice id, size_t count);
/* All of Redis' data is gone. */
void store_forget(struct store *s, struct slice id);
/* Another worker appends these records as one entry. */
void store_other(struct store *s, struct slice id, const struct wire_record *records, size_t count,
                 uint64_t time_ms);
/* The document as common/doc makes it of what both stores hold; the caller frees. */
struct doc *store_judge(struct store *s, struct slice id);
bool store_known(struct store *s, struct slice id, const struct chain_position *position);

#endif
