/*
 * Redis and PostgreSQL as the simulator has them: the functions of common/redis/weft.lua and the
 * transactions of common/pg as plain data, one atomic step per call. Random calls are made of
 * this and of the real servers with equal answers (backend_model_test.c), so the model cannot
 * drift.
 *
 * Everything that was ever durable is kept in a ledger beside the stores: the oracle's memory.
 */
#ifndef WEFT_SIM_STORE_H
#define WEFT_SIM_STORE_H

#include "list.h"
#include "storage_call.h"

#define SIM_MEMBERS_MAX 16

struct sim_entry {
    uint64_t first_rev;
    struct chain_position position;
    struct bytes payload; /* owned */
};

struct sim_entries {
    struct sim_entry *items; /* owned */
    size_t count, capacity;
};

struct sim_segment {
    uint64_t first_rev, last_rev;
    struct chain_position before;
    struct bytes bytes;
};

struct sim_doc {
    struct list link; /* in sim_store.docs */
    struct bytes id;
    uint32_t lane;
    /* Redis */
    bool has_head;
    struct chain_position head;
    struct sim_entries log;
    bool dirty;
    uint64_t due_ms;
    /* PostgreSQL */
    bool stored;
    struct chain_position stored_head;
    struct sim_segment *segments;
    size_t segment_count;
    uint64_t snapshot_rev;
    struct bytes snapshot;
    uint64_t handed_rev; /* a worker that held the tail up to here has let go of it */
    void *lock_holder;   /* of the document's lock; NULL: free */
    /* the ledger: every entry that was appended, in order of the chain as it stands */
    struct sim_entries ledger;
};

struct sim_member {
    struct cluster_member member;
    uint64_t stamp_ms;
};

struct sim_store {
    struct list docs;
    uint64_t now_ms; /* Redis' clock; the simulator sets it */
    struct sim_member members[2][SIM_MEMBERS_MAX];
    size_t member_count[2];
    uint64_t view[2];
    /* what the last step lends */
    struct storage_entry *lent_entries;
    struct slice *lent_slices;
    struct cluster_view lent_view;
    struct bytes *violation; /* borrowed: the first broken promise is written here */
    uint64_t appended, refused, reappended;
    bool lossy; /* a restart may lose the unarchived tail (durability memory) */
};

void sim_store_init(struct sim_store *store, struct bytes *violation);
void sim_store_fini(struct sim_store *store);
struct sim_doc *sim_store_doc(struct sim_store *store, struct slice id);

/*
 * Carries out one call. False: it has to wait (LOCK while another holds it); try again later.
 * What it lends is good until the next step. `process` names the holder of locks.
 */
bool sim_store_step(struct sim_store *store, struct storage_call *call, void *process);
/* A worker handed the document over. */
void sim_store_handed_over(struct sim_store *store, struct slice id);
/* The connection that holds the document's lock is gone, if it is this process's. */
void sim_store_lock_lost(struct sim_store *store, struct slice id, const void *process);
/* A process died: its locks are free. */
void sim_store_process_gone(struct sim_store *store, void *process);
/*
 * Redis restarts without the last `count` unarchived entries of each stream. Unless the run is
 * lossy, not what may be held by nobody: where a document was handed over its former owner has
 * dropped the tail, and the next one may not have read it.
 */
void sim_store_lose_tail(struct sim_store *store, size_t count);

#endif
