/*
 * Redis and PostgreSQL as the simulator has them: the functions of common/redis/weft.lua and the
 * transactions of common/pg as plain data, one atomic step per call. Random calls are made of
 * this and of the real servers with equal answers (backend_model_test.c), so the model cannot
 * drift.
 *
 * Everything that was ever durable is kept in a ledger beside the stores (sim_ledger.c): the
 * oracle's memory.
 */
#ifndef WEFT_SIM_STORE_H
#define WEFT_SIM_STORE_H

#include "list.h"
#include "sim_violation.h"
#include "storage_call.h"
#include "wire_record.h"

#define SIM_MEMBERS_MAX 16

struct sim_entry {
    uint64_t first_rev;
    struct chain_position position;
    struct bytes payload; /* owned */
    /* ledger: */
    bool seen;            /* somebody was told of it, so it may never change */
    bool lost;            /* Redis has lost it, and nobody has put it back yet */
    uint64_t lost_ms;     /* since when */
    uint32_t told_to;     /* bits: the living processes that know it */
    uint32_t promised_to; /* and those that will: the answer is under way */
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

struct sim_op; /* sim_ledger.c */

/* What Redis holds of a document. */
struct sim_redis_doc {
    bool has_head;
    struct chain_position head;
    struct chain_position base; /* where the log begins: the head, if it is empty */
    struct sim_entries log;
    bool dirty;
    uint64_t due_ms;
};

/* A bit that has turned in PostgreSQL (sim_damage.c). */
struct sim_stored_damage {
    bool is, of_snapshot;
    size_t segment;        /* if it is not of the snapshot, */
    uint64_t snapshot_rev; /* which was this one */
    size_t bit;
};

struct sim_doc {
    struct list link; /* in sim_store.docs */
    struct bytes id;
    uint32_t lane;
    struct sim_redis_doc redis;
    struct sim_redis_doc backup; /* as it was when the last backup was made */
    struct sim_redis_doc replica;
    uint64_t damaged_rev; /* the entry that begins there has a turned bit (sim_damage.c); 0: none */
    size_t damaged_bit;
    struct chain_position damaged_position; /* as it was */
    struct sim_stored_damage stored_damage;
    uint64_t mend_ms, mended_ms;
    /* PostgreSQL */
    bool stored;
    struct chain_position stored_head;
    struct sim_segment *segments;
    size_t segment_count;
    uint64_t snapshot_rev;
    struct bytes snapshot;
    uint64_t lock_token; /* of the document's lock; 0: free */
    unsigned lock_holder;
    uint64_t repaid_ms;  /* when a worker last put back what Redis had lost */
    uint64_t unheld_rev; /* up to here the tail may be in nobody's memory */
    uint32_t handed_by;  /* bits: the processes that handed it over and have not loaded it since */
    /* the ledger: every entry that was appended, in order of the chain as it stands */
    struct sim_entries ledger;
    struct sim_op *ops;              /* hash table: where each op of the ledger stands */
    struct chain_position *archived; /* owned: the ends of archived entries */
    size_t archived_count;
};

struct sim_member {
    struct cluster_member member;
    uint64_t stamp_ms;
};

struct sim_store {
    struct list docs;
    uint64_t now_ms; /* Redis' clock; the simulator sets it */
    int64_t skew_ms; /* how far it is off */
    uint64_t run_ms; /* the oracles' clock, which is never off */
    struct sim_member members[2][SIM_MEMBERS_MAX];
    size_t member_count[2];
    struct cluster_view views[2];
    uint64_t last_token;
    /* what the last step lends */
    struct storage_entry *lent_entries;
    struct slice *lent_slices;
    struct chain_position *lent_heads;
    struct sim_violation *violation; /* borrowed: the first broken promise is written here */
    uint64_t rebased, adopted;
    bool replica;    /* durability `replica`: told is only what the replica has too */
    uint64_t writes; /* to Redis; how many of them the replica has */
    uint64_t replicated;
    unsigned failovers;
    bool lossy; /* what Redis loses may be in nobody's memory (durability memory) */
};

void sim_store_init(struct sim_store *store, struct sim_violation *violation);
void sim_store_fini(struct sim_store *store);
struct sim_doc *sim_store_doc(struct sim_store *store, struct slice id);

/*
 * Carries out one call. False: it has to wait (LOCK while another holds it); try again later.
 * What it lends is good until the next step. `who`: the number of the process that asks.
 */
bool sim_store_step(struct sim_store *store, struct storage_call *call, unsigned who);

/* The answer to this call has reached the process: an append it was told of is history. */
void sim_store_told(struct sim_store *store, const struct storage_call *call, unsigned who);
/* That answer is under way and will not be lost. */
void sim_store_promised(struct sim_store *store, const struct storage_call *call, unsigned who);
/* A worker has loaded the document up to here. */
void sim_store_loaded(struct sim_store *store, struct slice id, uint64_t rev, unsigned who);
/* The connection that holds this lock is gone. */
void sim_store_lock_lost(struct sim_store *store, struct slice id, const struct storage_lock *lock);
/* PostgreSQL restarts: no connection holds a lock any more. Returns how many were held. */
size_t sim_store_locks_lost(struct sim_store *store);
/* A process died: its locks are free, and what it knew is forgotten. */
void sim_store_process_gone(struct sim_store *store, unsigned who);

/* sim_loss.c */

/*
 * A worker let go of the document, or of all (empty id): nobody may hold its tail. If Redis has
 * lost of it what a worker was to put back, the run is lossy from here.
 */
void sim_store_unheld(struct sim_store *store, struct slice id);
/* Has Redis lost something that a worker is still to put back? */
bool sim_store_owes(const struct sim_store *store);
/* Has nobody put it back in all the time that this may take? */
void sim_store_owed_check(struct sim_store *store);
/* Of this document, now or a moment ago: who looks then may be told what is not so for long. */
bool sim_store_doc_owed(struct sim_store *store, struct slice id);
/*
 * Redis restarts without the last `count` unarchived entries of each stream; or as it was when the
 * last backup was made, which may be behind PostgreSQL. Unless the run is lossy, what nobody may
 * hold stays. Returns how many entries were lost.
 */
size_t sim_store_lose_tail(struct sim_store *store, size_t count);
void sim_store_backup(struct sim_store *store);
size_t sim_store_restore(struct sim_store *store);

/* The replica has all that Redis has. */
void sim_store_replicate(struct sim_store *store);
/* It takes Redis' place. Returns how many revisions were lost: nobody was told of them. */
size_t sim_store_failover(struct sim_store *store);

/* sim_ledger.c */
void sim_entries_push(struct sim_entries *list, uint64_t first_rev,
                      const struct chain_position *position, struct slice payload);
void sim_entries_drop_front(struct sim_entries *list, size_t count);
void sim_entries_copy(struct sim_entries *to, const struct sim_entries *from);
void sim_entries_fini(struct sim_entries *list);
void sim_store_violate(struct sim_store *store, enum sim_oracle oracle, const char *what,
                       const struct sim_doc *doc, uint64_t rev);
void sim_ledger_append(struct sim_store *store, struct sim_doc *doc,
                       const struct storage_call *call, unsigned who);
/* Somebody was shown the history up to here. */
void sim_ledger_seen(struct sim_doc *doc, const struct chain_position *position);
/* Are all these entries in the ledger, as they are? */
bool sim_ledger_has(struct sim_doc *doc, const struct sim_entries *log);
/* PostgreSQL won, by a rebase or an adoption: what it holds is the history again. */
void sim_ledger_rebase(struct sim_store *store, struct sim_doc *doc);
/* Redis came back with entries that others had taken the place of: they are the history again. */
void sim_ledger_follow(struct sim_store *store, struct sim_doc *doc);
/* Redis' head has gone back. */
void sim_ledger_lost(struct sim_store *store, struct sim_doc *doc);
void sim_ledger_forget(struct sim_doc *doc, unsigned who);
/* The entry that ends at this revision, or NULL. */
struct sim_entry *sim_ledger_find(struct sim_doc *doc, uint64_t rev);
/* PostgreSQL has committed this segment. */
void sim_ledger_archive(struct sim_store *store, struct sim_doc *doc,
                        const struct storage_call *call);
bool sim_ledger_archived(const struct sim_doc *doc, const struct chain_position *position);
/* The op's revision; 0: it is not in the history. */
uint64_t sim_ledger_op(const struct sim_doc *doc, const struct wire_session *session, uint64_t seq);
/* Of the op as it stands in the history; NULL: it does not. */
const uint8_t *sim_ledger_digest(const struct sim_doc *doc, const struct wire_session *session,
                                 uint64_t seq);
/* Does the history say that this session is over? */
bool sim_ledger_closed(const struct sim_doc *doc, const struct wire_session *session);
void sim_ledger_fini(struct sim_doc *doc);

#endif
