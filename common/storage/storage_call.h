/*
 * What worker, archiver and tools ask of Redis and PostgreSQL, as data. A core fills in a call and
 * hands it over; it is completed exactly once, later, never from within the handing over. Two sides
 * implement it: common/backend (the real servers) and the simulator; so the cores can be simulated
 * and every rule about storage stands in the cores.
 *
 * Results are lent until the completion returns. Durability is the implementer's matter: an
 * APPEND is OK only when confirmed at the configured level, a READ only when nothing in it can
 * be lost again (I4).
 *
 *   kind     where       in                          OK gives
 *   READ     Redis       doc, from_rev, count_max    has_head, head, entries that begin at or after
 *                                                    from_rev, as of one moment
 *   APPEND   Redis       doc, expect, position,      -
 *                        first_rev, payload          REFUSED: head; MISSING: there is no head
 *   ADOPT    Redis       doc, position               head (set to position if there was none)
 *   REBASE   Redis       doc, expect, position       -
 *                                                    REFUSED: has_head, head
 *   TRIM     Redis       doc, first_rev, position    entries_left
 *                        (of the last entry to go)   REFUSED: not on the chain
 *   CLAIM    Redis       lane, lease_ms, count_max   docs
 *   REMARK   Redis       lane, cursor, count_max     cursor (0: all seen), count of marks repaired
 *                        or doc: only its own
 *   BEAT     Redis       list, self, gone            view, time_ms
 *                        (self.id empty: only looks)
 *   LOAD     PostgreSQL  doc                         has_head, head; snapshot and the segments
 *                                                    behind it
 *   HISTORY  PostgreSQL  doc, from_rev, to_rev       segments that cover these revisions; has_head,
 *                                                    head: the position before the first of them
 *   LOCK     PostgreSQL  doc                         has_head, head; the document's lock is held
 *   COMMIT   PostgreSQL  in a lock: expect, segment, - ; the lock is gone
 *                        snapshot, position,         REFUSED: has_head, head; the lock is gone
 *                        first_rev, doc_kind, title  (whatever the result: the lock is gone)
 *   UNLOCK   PostgreSQL  in a lock                   - ; the lock is gone, whatever the result
 *   DOCS     PostgreSQL  after (id), count_max       docs, in the order of their ids as bytes,
 * heads
 */
#ifndef WEFT_STORAGE_CALL_H
#define WEFT_STORAGE_CALL_H

#include "cluster_view.h"
#include "crypto_chain.h"

enum storage_kind {
    STORAGE_READ = 1,
    STORAGE_APPEND,
    STORAGE_ADOPT,
    STORAGE_REBASE,
    STORAGE_TRIM,
    STORAGE_CLAIM,
    STORAGE_REMARK,
    STORAGE_BEAT,
    STORAGE_LOAD,
    STORAGE_HISTORY,
    STORAGE_LOCK,
    STORAGE_COMMIT,
    STORAGE_UNLOCK,
    STORAGE_DOCS,
};

enum storage_result {
    STORAGE_PENDING = 0,
    STORAGE_OK,
    STORAGE_REFUSED, /* the condition did not hold: nothing was changed */
    STORAGE_MISSING, /* APPEND: no head */
    STORAGE_UNKNOWN, /* the answer was lost: it may have happened, or may still happen */
    STORAGE_DOWN,    /* certainly not done: breaker open, not connected, out of memory there */
    STORAGE_BROKEN,  /* the store answers nonsense: an alarm */
    STORAGE_DAMAGED, /* READ: what stands there can be no stream (storage_stream.h) */
};

enum storage_list { STORAGE_WORKERS = 0, STORAGE_GATEWAYS };

struct storage_entry {
    uint64_t first_rev;
    struct chain_position position; /* after it, as stored; the reader verifies it */
    struct slice payload;
};

struct storage_lock; /* the implementer's; from LOCK to COMMIT or UNLOCK */

struct storage_call {
    enum storage_kind kind;
    enum storage_result result;
    void *owner;               /* the core's */
    struct storage_call *next; /* the implementer's, until the completion */

    /* in; slices must live until the completion */
    struct slice doc;
    uint64_t from_rev, to_rev, first_rev;
    uint64_t count_max;
    struct chain_position expect, position;
    struct slice payload; /* APPEND */
    uint32_t lane;
    uint64_t lease_ms;
    uint64_t cursor;
    enum storage_list list;
    struct cluster_member self; /* BEAT; state in it; gone: leave the list */
    bool gone;
    struct storage_lock *lock;
    struct slice segment, snapshot; /* COMMIT: archive bytes; snapshot may be empty */
    uint64_t segment_first_rev;     /* COMMIT: first revision in the segment */
    uint32_t doc_kind;
    struct slice title;
    struct slice after;

    /* out, lent until the completion returns */
    bool has_head;
    struct chain_position head;
    struct storage_entry *entries;
    size_t entry_count;
    uint64_t entries_left;
    struct slice *docs;
    size_t doc_count;
    struct chain_position *heads; /* DOCS: of each of docs */
    struct cluster_view *view;    /* BEAT: sealed; the core may steal it */
    uint64_t time_ms;             /* BEAT: Redis' TIME */
    struct slice loaded_snapshot;
    struct slice *segments; /* LOAD, HISTORY: in order */
    size_t segment_count;
    uint64_t count;
};

/* How a core hands a call over. */
struct storage_io {
    void *ctx;
    void (*call)(void *ctx, struct storage_call *call);
};

/* A call in progress is cancelled by nothing; its owner waits. Names for logs and counters. */
const char *storage_kind_name(enum storage_kind kind);
const char *storage_result_name(enum storage_result result);

#endif
