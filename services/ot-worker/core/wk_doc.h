/*
 * One document at its worker. Private to the core.
 *
 * At most one storage call is under way per document: an append, a load, a look at the head. What
 * arrives meanwhile waits: submits form the next entry (group commit), opens are answered when
 * nothing is in flight, so that nobody is ever shown text that is not durable.
 *
 *                 ┌──────────────────── unlocked ─────────────────────┐
 *                 ▼                                                   │
 *   (new) ─► READING ─► STORED ─┬─► LIVE ◄──────────► APPENDING    UNLOCKING
 *                 ▲     │       │   ▲ │ ◄──────────► CHECKING         ▲
 *      no head ───┼─────┼──┐    │   │ │ ◄──────────► HISTORY          │
 *                 │     │  ▼    │   │ └─────► (gone: idle, moved)     │
 *                 │     │ LOCKING ──┼─► ADOPTING ─────────────────────┤
 *                 │     └─► (PG ahead: locking too) ─► REBASING ──────┘
 *                 │             └─► REAPPENDING ─► LIVE
 *                 └── WAITING (back-off) ◄── whatever failed
 *   any ─► QUARANTINED ─► (weftctl) READING
 *
 * A document whose append did not win is thrown away and read again (wk_load.c); its submits go
 * back to the front of `pending` and through the whole admission again.
 */
#ifndef WEFT_WK_DOC_H
#define WEFT_WK_DOC_H

#include "cluster_tracker.h"
#include "doc_stored.h"
#include "hash.h"
#include "list.h"
#include "ot_codec.h"
#include "wk_core.h"

enum wk_state {
    WK_READING,
    WK_STORED,
    WK_LOCKING,
    WK_ADOPTING,
    WK_REBASING,
    WK_UNLOCKING,
    WK_LIVE,
    WK_APPENDING,
    WK_REAPPENDING,
    WK_CHECKING,
    WK_HISTORY,
    WK_WAITING,
    WK_QUARANTINED,
};

struct wk_gateway {
    UT_hash_handle hh; /* by boot, in wk_core.gateways */
    uint64_t boot;
    struct wk_attachment *attachments; /* hash table by number */
};

struct wk_attachment {
    UT_hash_handle hh;  /* by number, in its gateway */
    struct list in_doc; /* in wk_doc.attachments */
    struct wk_doc *doc;
    struct wk_gateway *gateway;
    uint64_t number;
    bool has_session, joined; /* joined: its Opened was sent */
    struct wire_session session;
    uint64_t attempt; /* among those of one session the greatest holds it */
    uint8_t author[WIRE_AUTHOR_SIZE];
    enum wire_role role;
};

/* An op that waits for, is in, or was in an entry. Addressed to whoever submitted it. */
struct wk_submit {
    struct list link; /* in wk_doc.pending, .flight, or wk_entry.submits */
    uint64_t gateway_boot, attachment;
    struct wire_session session;
    uint64_t seq; /* 0: CREATE or CLOSE that the worker adds by itself */
    struct chain_position base;
    enum wire_kind kind;
    enum wire_doc_kind doc_kind;
    enum wire_role role;
    uint8_t digest[WIRE_DIGEST_SIZE];
    struct bytes body;   /* owned; as submitted */
    struct bytes stored; /* owned; as it stands in the entry that is being made */
    uint32_t code;       /* != 0: a CLOSE stands in its place; told once that is durable */
    uint64_t detail;
    bool confirmed; /* its base was looked for after a confirmed read */
};

struct wk_open {
    struct list link; /* in wk_doc.opens */
    uint64_t gateway_boot, attachment;
    bool has_session, has_position, has_create, runner_up;
    struct wire_session session;
    struct chain_position position;
    enum wire_doc_kind create_kind;
    struct bytes create_content; /* owned */
    enum wire_role role;
    bool confirmed; /* its position was looked for after a confirmed read */
    bool closing;   /* a CLOSE of its session is on its way; then RESYNC */
};

/* One durable entry, kept for transforms, catch-up and the re-append of a lost tail. */
struct wk_entry {
    struct list link; /* in wk_doc.ring, in order */
    struct chain_position before, after;
    struct bytes payload;        /* owned */
    struct wire_record *records; /* owned; slices into payload */
    size_t count;
    struct list submits; /* what it was made of, until it is archived */
    bool archived;
};

struct wk_doc {
    UT_hash_handle hh; /* by id, in wk_core.docs */
    struct list all;   /* in wk_core.all: least recently used first */
    struct wk_core *core;
    struct bytes id; /* owned */
    uint16_t shard;
    enum wk_state state;
    struct storage_call call;
    bool busy; /* call is under way */

    struct doc *doc; /* owned; NULL unless loaded */
    struct list ring;
    size_t ring_bytes;
    struct list pending, flight;
    size_t pending_bytes;
    struct list opens;
    struct list attachments;
    struct chain_position shown; /* the last position broadcast */
    bool has_shown;

    struct bytes payload; /* of the append under way */
    struct wk_entry *reappending;
    /* between READ and LOAD */
    struct list read_ring;
    struct chain_position read_head, stored_head;
    bool rebase; /* what the lock is for */
    bool creating;
    bool runner_up; /* opened by a gateway that does not reach the owner: kept against the view */

    unsigned attempts, refusals;
    uint64_t retry_ms, check_ms, used_ms, tail_until_ms;
    size_t charged; /* to wk_core.bytes */
};

struct wk_core {
    struct wk_config config;
    struct wk_io io;
    struct wk_counters counters;
    struct ot_attrs_table *attrs;
    struct wk_doc *docs; /* hash table */
    struct list all;
    struct wk_gateway *gateways;
    size_t bytes;
    /* membership: wk_member.c */
    struct cluster_view_tracker tracker;
    struct storage_call beat;
    bool beating;
    uint64_t beat_due_ms, tick_ms;
    enum cluster_state state;
    uint64_t time_ms, time_at_ms; /* Redis' TIME at our clock */
    bool started, draining, left, stale;
    uint64_t quarantined;
};

/* wk_core.c */
uint64_t wk_now_ms(const struct wk_core *core);
uint64_t wk_time_ms(const struct wk_core *core); /* Redis' time as far as we know it */
void wk_event_tell(struct wk_doc *d, enum wk_event event, uint64_t detail);
void wk_call_begin(struct wk_doc *d, enum wk_state state, enum storage_kind kind);
void wk_call_send(struct wk_doc *d);
struct wk_doc *wk_doc_get(struct wk_core *core, struct slice id);
void wk_doc_drop(struct wk_doc *d);
/* Charges what the document holds; evicts others when the core holds too much. */
void wk_doc_charge(struct wk_doc *d);
void wk_item_send(struct wk_core *core, uint64_t gateway_boot, const struct wire_to_gateway *item);
void wk_refuse(struct wk_core *core, uint64_t gateway_boot, uint64_t attachment, uint64_t seq,
               uint32_t code, uint64_t detail);
struct wk_attachment *wk_attachment_find(struct wk_core *core, uint64_t gateway_boot,
                                         uint64_t number);
void wk_attachment_end(struct wk_attachment *a);
/* All attachments are told to open again. */
void wk_attachments_detach(struct wk_doc *d);
void wk_submit_free(struct wk_submit *s);
void wk_open_free(struct wk_open *o);

/* wk_load.c */
void wk_load_begin(struct wk_doc *d);
void wk_load_retry(struct wk_doc *d);
void wk_quarantine(struct wk_doc *d, uint64_t why);
void wk_load_done(struct wk_doc *d); /* READING to UNLOCKING, REAPPENDING */
void wk_check_begin(struct wk_doc *d);
void wk_check_done(struct wk_doc *d);
/* Submits of entries that did not survive, and of the flight, go back to the front. */
void wk_flight_return(struct wk_doc *d);

/* wk_append.c: what is to be done next, now that no call is under way */
void wk_doc_next(struct wk_doc *d);
void wk_append_done(struct wk_doc *d);
void wk_broadcast(struct wk_doc *d, const struct wk_entry *entry);

/* wk_admit.c */
enum wk_admit {
    WK_ADMIT_ANSWERED,
    WK_ADMIT_IN,
    WK_ADMIT_HISTORY, /* its base lies before the ring */
    WK_ADMIT_CHECK,   /* its base is not there: look at the head first */
    WK_ADMIT_LATER,   /* a repeat of what this very entry holds: when that is durable */
    WK_ADMIT_NOMEM,
};
enum wk_admit wk_submit_admit(struct wk_doc *d, struct wk_submit *s);

/* wk_history.c */
struct wk_entry *wk_entry_new(struct slice payload, const struct chain_position *before);
void wk_entry_free(struct wk_entry *e);
void wk_ring_push(struct wk_doc *d, struct wk_entry *e);
void wk_ring_clear(struct wk_doc *d);
/* Drops archived entries from the front beyond the bound. */
void wk_ring_trim(struct wk_doc *d);
enum wk_where { WK_AT_HEAD, WK_ON_CHAIN, WK_BEFORE_RING, WK_NOT_THERE };
/* Where a position stands; ret_first: the first entry behind it. */
enum wk_where wk_position_find(struct wk_doc *d, const struct chain_position *p,
                               struct list **ret_first);
void wk_history_begin(struct wk_doc *d, uint64_t from_rev);
void wk_history_done(struct wk_doc *d);
/* Records behind `first` as wire_ops, composed, cut at this session's own. `skip`: records. */
int wk_ops_encode(struct wk_doc *d, struct list *first, size_t skip,
                  const struct wire_session *session, struct bytes *out);

/* wk_open.c */
/* False: it has to wait (a call was begun, or is about to be). */
bool wk_open_answer(struct wk_doc *d, struct wk_open *o);
void wk_opens_refuse(struct wk_doc *d, uint32_t code);

/* wk_member.c */
void wk_member_tick(struct wk_core *core);
void wk_beat_done(struct wk_core *core);
bool wk_member_serves(struct wk_core *core, uint16_t shard, bool runner_up);
void wk_moved_send(struct wk_core *core, uint64_t gateway_boot, struct slice doc, uint16_t shard);
/* Hands the document to its owner by the view if that is somebody else. True: it is gone. */
bool wk_handoff(struct wk_doc *d);

#endif
