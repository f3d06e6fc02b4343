/*
 * The calls of Redis' function library (weft.lua), typed. docs/storage.md describes keys and
 * functions; redis_client.h the outcomes and when they come.
 *
 * Each call copies what it is given before it returns: 0, or -ENOMEM and then `done` never comes.
 * `reply` is NULL unless the outcome is OK; it and all it points to are lent until `done` returns.
 * `done` may make new calls and may close the client.
 */
#ifndef WEFT_REDIS_CALLS_H
#define WEFT_REDIS_CALLS_H

#include "bytes.h"
#include "crypto_chain.h"
#include "redis_client.h"

struct redis_answer {
    enum redis_outcome outcome;
    const char *error; /* words for the log, lent; "" when OK */
};

/* A document: the lane of its shard and its id, unescaped. */
struct redis_doc {
    unsigned lane;
    struct slice id;
};

enum redis_append_status {
    REDIS_APPENDED,
    REDIS_REFUSED, /* the head is another one: `head` */
    REDIS_MISSING, /* there is no head: adopt first */
};

struct redis_append_reply {
    enum redis_append_status status;
    struct chain_position head; /* what the head is now; meaningless when missing */
};

typedef void redis_append_done(void *arg, const struct redis_answer *answer,
                               const struct redis_append_reply *reply);

/* I2: if the head is `expect`, adds the entry whose first revision is expect->rev + 1 and which
   leads to `after`, and marks the document dirty. */
MUST_CHECK int redis_append(struct redis_client *client, struct redis_doc doc,
                            const struct chain_position *expect, const struct chain_position *after,
                            struct slice payload, redis_append_done *done, void *arg);
/* I7: if the head is `expect`, sets it to `to` (PostgreSQL's) and empties stream and mark. */
MUST_CHECK int redis_rebase(struct redis_client *client, struct redis_doc doc,
                            const struct chain_position *expect, const struct chain_position *to,
                            redis_append_done *done, void *arg);

struct redis_entry {
    uint64_t first_rev;
    struct chain_position after; /* as the writer stored it: verify the chain */
    struct slice payload;
};

struct redis_read_reply {
    bool damaged; /* head or an entry is not what we write, or entries overlap: nothing is given */
    bool has_head;
    struct chain_position head;
    size_t count;
    const struct redis_entry *entries; /* rising; whether they join is for the chain to tell */
};

typedef void redis_read_done(void *arg, const struct redis_answer *answer,
                             const struct redis_read_reply *reply);

/*
 * Head and entries that begin at or after from_rev, in one atomic step: at most `count`, and no
 * more than `bytes` of payload (but one entry at least, if there is one). All is read when the last
 * entry's `after` is the head, or when there is none.
 */
MUST_CHECK int redis_read(struct redis_client *client, struct redis_doc doc, uint64_t from_rev,
                          unsigned count, size_t bytes, redis_read_done *done, void *arg);

struct redis_adopt_reply {
    bool set; /* by this call */
    struct chain_position head;
};

typedef void redis_adopt_done(void *arg, const struct redis_answer *answer,
                              const struct redis_adopt_reply *reply);

/* I7: sets the head if there is none. Hold PostgreSQL's lock of the document meanwhile. */
MUST_CHECK int redis_adopt(struct redis_client *client, struct redis_doc doc,
                           const struct chain_position *at, redis_adopt_done *done, void *arg);

struct redis_claim_reply {
    size_t count;
    const struct slice *ids;
};

typedef void redis_claim_done(void *arg, const struct redis_answer *answer,
                              const struct redis_claim_reply *reply);

/* Dirty documents of a lane that are due, at most `limit` (and 1,000). Each is due again after
   lease_ms unless trimmed to empty. */
MUST_CHECK int redis_claim(struct redis_client *client, unsigned lane, int64_t lease_ms,
                           unsigned limit, redis_claim_done *done, void *arg);

enum redis_trim_status {
    REDIS_TRIMMED, /* `removed` entries are gone, `left` remain */
    REDIS_EMPTY,   /* there was nothing to trim and the position is the head: unmarked */
    REDIS_NOTHING, /* the position is not in the stream: nothing was done */
};

struct redis_trim_reply {
    enum redis_trim_status status;
    uint64_t removed, left;
};

typedef void redis_trim_done(void *arg, const struct redis_answer *answer,
                             const struct redis_trim_reply *reply);

/* I7: removes everything up to and including the entry that begins at first_rev and leads to `to`,
   which must be committed in PostgreSQL. */
MUST_CHECK int redis_trim(struct redis_client *client, struct redis_doc doc, uint64_t first_rev,
                          const struct chain_position *to, redis_trim_done *done, void *arg);

enum redis_remark_status {
    REDIS_MARKED,
    REDIS_UNMARKED,
    REDIS_MARK_RIGHT,
};

typedef void redis_remark_done(void *arg, const struct redis_answer *answer,
                               const enum redis_remark_status *reply);

/* The sweep: makes "dirty" equal "stream not empty" again. */
MUST_CHECK int redis_remark(struct redis_client *client, struct redis_doc doc,
                            redis_remark_done *done, void *arg);

struct redis_look_reply {
    uint64_t entries; /* in the stream */
    bool marked;      /* dirty */
};

typedef void redis_look_done(void *arg, const struct redis_answer *answer,
                             const struct redis_look_reply *reply);

/* Changes nothing: stream and mark as of one moment. */
MUST_CHECK int redis_look(struct redis_client *client, struct redis_doc doc, redis_look_done *done,
                          void *arg);

struct redis_scan_reply {
    uint64_t cursor; /* for the next call; 0: the round is complete */
    size_t count;
    const struct redis_doc *docs; /* some may come twice in a round */
};

typedef void redis_scan_done(void *arg, const struct redis_answer *answer,
                             const struct redis_scan_reply *reply);

#define REDIS_ALL_LANES UINT32_MAX

/*
 * Documents of a lane, or of all, that have a head; begin with cursor 0. About `effort` keys of any
 * kind are looked at, so an answer may be empty before the end, and a round over one lane costs the
 * server as much as one over all.
 */
MUST_CHECK int redis_scan(struct redis_client *client, uint32_t lane, uint64_t cursor,
                          unsigned effort, redis_scan_done *done, void *arg);

struct redis_marks_reply {
    uint64_t cursor; /* as above */
    size_t count;
    const struct slice *ids; /* as they are in the set; some may come twice in a round */
};

typedef void redis_marks_done(void *arg, const struct redis_answer *answer,
                              const struct redis_marks_reply *reply);

/* Documents of a lane that are marked dirty, whether they have a head or not. */
MUST_CHECK int redis_marks(struct redis_client *client, uint32_t lane, uint64_t cursor,
                           unsigned effort, redis_marks_done *done, void *arg);

enum redis_member_list {
    REDIS_LIST_WORKERS,  /* weft:members */
    REDIS_LIST_GATEWAYS, /* weft:gateways */
};

struct redis_member {
    struct slice id, address, boot, state;
    uint64_t silent_ms; /* since its last beat, by Redis' clock */
};

struct redis_beat {
    enum redis_member_list list;
    const char *id; /* NULL: only looks, and joins nothing (address, boot and state are not read) */
    const char *address,
        *boot;           /* as id: no spaces or control characters, not empty; else -EINVAL */
    const char *state;   /* joining, live, leaving, or gone: leaves the list */
    int64_t timeout_ms;  /* members silent for longer are dropped; 0: none */
    uint64_t view_known; /* the greatest number seen: the list's only rises, even if it was lost */
};

struct redis_beat_reply {
    uint64_t view;
    uint64_t now_ms; /* Redis' clock, Unix time */
    size_t count;
    const struct redis_member *members; /* in the order of ids; with oneself unless gone */
};

typedef void redis_beat_done(void *arg, const struct redis_answer *answer,
                             const struct redis_beat_reply *reply);

/* Membership: stamps oneself, drops the silent, returns the view. */
MUST_CHECK int redis_beat(struct redis_client *client, const struct redis_beat *beat,
                          redis_beat_done *done, void *arg);

#endif
