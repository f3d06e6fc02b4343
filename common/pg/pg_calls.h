/*
 * What Weft asks of PostgreSQL. docs/storage.md describes the tables; pg_client.h the outcomes and
 * when they come.
 *
 * Each call copies what it is given before it returns: 0, or -ENOMEM and then `done` never comes.
 * `reply` is NULL unless the outcome is OK; it and all it points to are lent until `done` returns.
 * `done` may make new calls and may close the client.
 */
#ifndef WEFT_PG_CALLS_H
#define WEFT_PG_CALLS_H

#include "bytes.h"
#include "crypto_chain.h"
#include "pg_client.h"

struct pg_answer {
    enum pg_outcome outcome;
    const char *error; /* words for the log, lent; "" when OK */
    char sqlstate[6];  /* "" if the server did not say */
};

struct pg_head {
    bool exists; /* false: PostgreSQL does not know the document, the rest is 0 */
    struct chain_position at;
    uint64_t entry_first_rev; /* of the entry that ends there */
};

typedef void pg_head_done(void *arg, const struct pg_answer *answer, const struct pg_head *reply);

MUST_CHECK int pg_head(struct pg_client *client, struct slice doc, pg_head_done *done, void *arg);

struct pg_known_reply {
    size_t count;
    const struct slice *ids; /* in the order of ids, as bytes */
};

typedef void pg_known_done(void *arg, const struct pg_answer *answer,
                           const struct pg_known_reply *reply);

/* Which of these documents PostgreSQL knows: one question about many. */
MUST_CHECK int pg_known(struct pg_client *client, const struct slice *ids, size_t count,
                        pg_known_done *done, void *arg);

struct pg_snapshot_reply {
    bool exists;
    struct chain_position at;
    struct slice bytes;
};

typedef void pg_snapshot_done(void *arg, const struct pg_answer *answer,
                              const struct pg_snapshot_reply *reply);

/* The oldest snapshot above this revision. All are kept: so one after the other is looked at. */
MUST_CHECK int pg_snapshot(struct pg_client *client, struct slice doc, uint64_t above_rev,
                           pg_snapshot_done *done, void *arg);

struct pg_segment {
    uint64_t first_rev;
    struct chain_position last;
    struct slice bytes;
};

struct pg_load_reply {
    struct pg_head head;
    bool has_snapshot;
    struct chain_position snapshot_at;
    struct slice snapshot;
    size_t segment_count;
    const struct pg_segment *segments; /* all behind the snapshot, in order */
};

typedef void pg_load_done(void *arg, const struct pg_answer *answer,
                          const struct pg_load_reply *reply);

/* The newest snapshot at or below rev_max and the segments behind it that begin at or below it, all
   of one moment. UINT64_MAX: the document as it stands. */
MUST_CHECK int pg_load(struct pg_client *client, struct slice doc, uint64_t rev_max,
                       pg_load_done *done, void *arg);

struct pg_history_reply {
    size_t count;
    const struct pg_segment *segments; /* in order */
    struct chain_position before;      /* the first segment, if there is one */
};

typedef void pg_history_done(void *arg, const struct pg_answer *answer,
                             const struct pg_history_reply *reply);

/* The segments that cover revisions from .. to, but no more than fit into bytes_max (one at least,
   if there is one): go on behind the last one's revision. */
MUST_CHECK int pg_history(struct pg_client *client, struct slice doc, uint64_t from, uint64_t to,
                          size_t bytes_max, pg_history_done *done, void *arg);

struct pg_document {
    struct slice id;
    unsigned lane;
    struct chain_position head;
    unsigned kind;
    struct slice title;
    uint64_t updated_ms; /* Unix time of the last commit */
};

struct pg_docs_reply {
    size_t count;
    const struct pg_document *docs; /* in the order of ids, as bytes */
};

typedef void pg_docs_done(void *arg, const struct pg_answer *answer,
                          const struct pg_docs_reply *reply);

/* Documents whose id begins with `prefix` (may be empty) and is above `after` (empty: from the
   start), at most `limit` and 10,000. */
MUST_CHECK int pg_docs(struct pg_client *client, struct slice prefix, struct slice after,
                       unsigned limit, pg_docs_done *done, void *arg);

/*
 * A document's lock, within a transaction of its own (I7): taken by whoever adopts a head or
 * commits a segment, and held while Redis is asked. It ends with exactly one pg_commit or
 * pg_unlock; both take it and cannot fail for want of memory. If its connection is lost meanwhile
 * they are answered DOWN: nothing was committed.
 */
struct pg_lock;

struct pg_lock_reply {
    struct pg_lock *lock; /* the caller's now */
    struct pg_head head;  /* read under the lock */
};

typedef void pg_lock_done(void *arg, const struct pg_answer *answer,
                          const struct pg_lock_reply *reply);

/* Waits for the lock until the deadline: then DOWN. */
MUST_CHECK int pg_lock(struct pg_client *client, struct slice doc, pg_lock_done *done, void *arg);

struct pg_commit {
    unsigned lane;
    struct chain_position expect; /* the head this rests on; revision 0: a new document */
    struct chain_position to;     /* the new head: end of the segment (and of the snapshot) */
    uint64_t entry_first_rev;     /* of the segment's last entry */
    struct slice segment;         /* revisions expect.rev + 1 to to.rev */
    struct slice snapshot;        /* data NULL: none this time */
    unsigned kind;
    struct slice title;
};

enum pg_commit_status {
    PG_COMMITTED,
    PG_LOST, /* the head is not `expect`: nothing was changed */
};

struct pg_commit_reply {
    enum pg_commit_status status;
    struct pg_head head; /* lost: what it is */
};

typedef void pg_commit_done(void *arg, const struct pg_answer *answer,
                            const struct pg_commit_reply *reply);

/* One transaction: segment, snapshot, head. Takes the lock. */
void pg_commit(struct pg_lock *lock, const struct pg_commit *commit, pg_commit_done *done,
               void *arg);

typedef void pg_unlock_done(void *arg, const struct pg_answer *answer);

/* Ends the transaction without a change. Takes the lock. */
void pg_unlock(struct pg_lock *lock, pg_unlock_done *done, void *arg);

#endif
