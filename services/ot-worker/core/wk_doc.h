/*
 * One document at its worker. Private to the core.
 *
 * At most one storage call is under way per document: an append, a load, a look at the head. What
 * arrives meanwhile waits: submits form the next entry (group commit), opens are answered when
 * nothing is in flight, so that nobody is ever shown text that is not durable.
 *
 *   (new) ─► READING ─► STORED ─┬──────────────────► LIVE ◄────────► APPENDING ◄─┐
 *              ▲ ▲ no head │    │ PG ahead            │ ◄────────► CHECKING    │ lost tail, or
 *              │ └─────────┼────┼──────────┐          │ ◄────────► HISTORY     │ did not land
 *              │           ▼    ▼          │          │              │ │       │
 *              │          LOCKING ─► ADOPTING         │    not won   ▼ ▼       │
 *              │                 └─► REBASING         └───────────► FOLLOWING ─┘
 *              │                        └─► UNLOCKING                 │ another history
 *              └───────────────────────────────┴──────────────────────┘
 *   any call that fails ─► WAITING (back-off) ─► FOLLOWING with the document held, else READING
 *   LIVE ─► gone: idle, handed over    any ─► QUARANTINED ─► (weftctl) READING
 *
 * The ring holds entries in order up to where the document stands. An entry is put there when its
 * append is sent, unconfirmed; it is shown, and its submits answered, when it is confirmed: the
 * append won, or the chain that was read tells so (wk_follow.c). In LIVE all are confirmed. What
 * turns out to be superseded gives its submits back to `pending`, through the whole admission.
 *
 * A document that was handed over stays, without anybody attached, until what it holds is archived
 * (handed_rev): the next owner may read it after Redis has lost its tail, or not at all. It goes
 * through the same states; LIVE means that it stands at the head, not that it is served.
 */
#ifndef WEFT_WK_DOC_H
#define WEFT_WK_DOC_H

#include "cluster_tracker.h"
#include "doc_stored.h"
#include "hash.h"
#include "list.h"
#include "ot_codec.h"
#include "ot_history.h"
#include "wk_core.h"

#define WK_TICK_MS 50
#define WK_WHEEL_SLOTS 128

enum wk_state {
    WK_READING,
    WK_STORED,
    WK_LOCKING,
    WK_ADOPTING,
    WK_REBASING,
    WK_UNLOCKING,
    WK_LIVE,
    WK_APPENDING,
    WK_CHECKING,
    WK_FOLLOWING,
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
    struct list link; /* in wk_doc.pending, .forming, or wk_entry.submits */
    uint64_t gateway_boot, attachment;
    struct wire_session session;
    uint64_t came_us;
    uint64_t seq; /* 0: CREATE or CLOSE that the worker adds by itself */
    struct chain_position base;
    enum wire_kind kind; /* CLOSE: no op (any more), a session that has to end */
    enum wire_doc_kind doc_kind;
    enum wire_role role;
    uint8_t digest[WIRE_DIGEST_SIZE];
    struct bytes body;   /* owned; as submitted */
    struct bytes stored; /* owned; as it stands in the entry that is being made */
    uint32_t code;       /* != 0: a CLOSE stands in its place; told once that is durable */
    uint64_t detail;
    bool told;      /* acked once: nobody else will send it again */
    bool asked;     /* the read under way began after it came */
    bool confirmed; /* what it names was looked for after a confirmed read */
    bool waits;     /* the HISTORY under way is for it */
    bool searched;  /* its old seq was looked for in PostgreSQL */
};

struct wk_open {
    struct list link; /* in wk_doc.opens */
    struct wk_doc *doc;
    uint64_t gateway_boot, attachment;
    bool has_session, has_position, has_create;
    struct wire_session session;
    struct chain_position position;
    enum wire_doc_kind create_kind;
    struct bytes create_content; /* owned; charged to pending_bytes */
    enum wire_role role;
    bool asked, confirmed, waits; /* as above */
    bool closing;                 /* a CLOSE of its session is on its way, for a permanent answer */
};

/* Kept for transforms, catch-up and the re-append of a lost tail. */
struct wk_entry {
    struct list link; /* in wk_doc.ring, in order */
    struct chain_position before, after;
    uint64_t time_ms;
    struct bytes payload;        /* owned */
    struct wire_record *records; /* owned; slices into payload */
    size_t count;                /* 0: of a version that we do not know; only as it was read */
    struct list submits;         /* what it was made of, until it cannot be lost any more */
    size_t bytes;                /* charged for all this */
    uint64_t sent_us;            /* of its first append; 0: none was needed */
    bool confirmed;              /* was durable once */
    bool archived;               /* left the stream */
    uint64_t number;             /* in the ring, where it counts on */
    struct wk_entry
        *jump; /* borrowed: an earlier one, while the ring reaches so far (wk_entry.c) */
};

struct wk_doc {
    UT_hash_handle hh;   /* by id, in wk_core.docs */
    struct list all;     /* in wk_core.all: least recently used first */
    struct list changed; /* in wk_core.changed, while shown_ms is recent */
    struct list due;     /* in a slot of wk_core.wheel */
    struct list ready;   /* in wk_core.ready: its next entry waits for the next commit */
    uint64_t due_ms;
    struct wk_core *core;
    struct bytes id; /* owned */
    uint16_t shard;
    enum wk_state state;
    struct storage_call call;
    bool busy; /* call is under way */

    struct doc *doc; /* owned; NULL unless loaded; stands at the end of the ring */
    struct list ring;
    size_t ring_bytes, tail_bytes; /* of all; of those not archived */
    bool ring_is_all;              /* PostgreSQL has nothing before it (any more) */
    struct list pending, forming;
    struct ot_history *runs; /* owned; NULL: nobody was late yet; of the ring, from somewhere on */
    size_t pending_bytes;
    struct list opens;
    struct list attachments;
    struct chain_position shown; /* the last position broadcast */
    bool has_shown;
    uint64_t shown_ms;

    struct wk_entry *appending; /* in ring; of the append under way, or refused last */
    bool refused;
    unsigned refusals; /* in a row, with nothing new to read */
    /* between READ and LOAD */
    struct list read_ring;
    struct chain_position read_head, stored_head;
    bool rebase; /* what the lock is for */
    bool creating;
    bool runner_up; /* opened by a gateway that does not reach the owner: kept against the view */
    uint64_t handed_rev; /* handed over at this revision; kept until all up to it is archived */
    /* A look found the head farther on, and the stream beginning here. Followed to that head it is
     * known that this was our history, and what it no longer held archived. */
    struct chain_position looked_head;
    uint64_t looked_first_rev; /* 0: no look */
    bool turn;                 /* the last call was for an open: now it is the submits' turn */

    unsigned attempts;
    uint64_t retry_ms, check_ms, used_ms, tail_until_ms;
    uint64_t slow_ms; /* since when the tail is too long; 0: it is not */
    size_t charged;   /* to wk_core.bytes */
};

struct wk_core {
    struct wk_config config;
    struct wk_io io;
    struct wk_counters counters;
    struct ot_attrs_table *attrs;
    struct bytes spare;  /* owned; room for an answer when memory is out */
    struct wk_doc *docs; /* hash table */
    struct list all, changed, ready;
    uint64_t commit_at_ms; /* the next commit, not before */
    bool committing;
    struct list wheel[WK_WHEEL_SLOTS];
    uint64_t wheel_ms; /* slots up to here are done */
    struct wk_gateway *gateways;
    size_t bytes;
    size_t tail_bytes; /* of all documents */
    uint64_t tail_revs;
    uint64_t evict_ms; /* not before */
    uint64_t attachment_count, pending_count;
    /* membership: wk_member.c */
    struct cluster_view_tracker tracker;
    struct storage_call beat;
    bool beating;
    uint64_t beat_due_ms, tick_ms, drain_until_ms;
    enum cluster_state state;
    uint64_t time_ms, time_at_ms; /* Redis' TIME at our clock */
    bool started, draining, left, stale;
    uint64_t quarantined;
};

/* wk_core.c */
uint64_t wk_now_us(const struct wk_core *core);
uint64_t wk_now_ms(const struct wk_core *core);
uint64_t wk_time_ms(const struct wk_core *core); /* Redis' time as far as we know it */
void wk_event_tell(struct wk_doc *d, enum wk_event event, uint64_t detail);

/* wk_table.c: documents */
struct wk_doc *wk_doc_find(struct wk_core *core, struct slice id);
/* New ones begin to load. NULL: no memory. */
struct wk_doc *wk_doc_get(struct wk_core *core, struct slice id);
void wk_doc_drop(struct wk_doc *d);
/* Attachments, opens and what waits end, untold. */
void wk_doc_vacate(struct wk_doc *d);
/* Nobody needs it, no call is under way for it, and nothing would be lost with it. */
bool wk_doc_idle(const struct wk_doc *d);
void wk_doc_evict(struct wk_doc *d);
/* Charges what the document holds. */
void wk_doc_charge(struct wk_doc *d);
/*
 * Cold documents are put off at documents_bytes_max; who is in one that is loaded can go on until
 * all of them have grown by a quarter of it. Deletes too are put off then: until they are archived
 * they take more room than they make.
 */
bool wk_documents_full(const struct wk_core *core, size_t more);
void wk_doc_use(struct wk_doc *d);
/* Drops idle documents, then those handed over, while the core holds too much; at the end of an
 * event, when nobody walks. */
void wk_docs_evict(struct wk_core *core);
void wk_call_begin(struct wk_doc *d, enum wk_state state, enum storage_kind kind);
void wk_call_send(struct wk_doc *d);

/* wk_wheel.c */
void wk_wheel_init(struct wk_core *core);
/* Looks at it then, unless that is to happen earlier anyway. */
void wk_doc_at(struct wk_doc *d, uint64_t ms);
void wk_wheel_tick(struct wk_core *core, uint64_t now);

/* wk_attach.c: gateways and attachments */
/* False: for want of memory it is missing. */
bool wk_item_send(struct wk_core *core, uint64_t gateway_boot, const struct wire_to_gateway *item);
/* A session is told that it is not served: by which limit. Other codes are none. */
void wk_session_count(struct wk_core *core, const struct wire_session *session, uint32_t code);
void wk_refuse(struct wk_core *core, uint64_t gateway_boot, uint64_t attachment, uint64_t seq,
               uint32_t code, uint64_t detail);
struct wk_gateway *wk_gateway_find(struct wk_core *core, uint64_t boot);
void wk_gateway_free(struct wk_core *core, struct wk_gateway *gateway);
struct wk_attachment *wk_attachment_find(struct wk_core *core, uint64_t gateway_boot,
                                         uint64_t number);
struct wk_attachment *wk_attachment_new(struct wk_core *core, struct wk_doc *d,
                                        uint64_t gateway_boot, const struct wire_link_open *open);
void wk_attachment_end(struct wk_attachment *a);
void wk_detached_send(struct wk_core *core, uint64_t gateway_boot, uint64_t attachment);
/* All that have been answered are told to open again. */
void wk_attachments_detach(struct wk_doc *d);

/* wk_items.c: what gateways send */
void wk_submit_push(struct wk_doc *d, struct wk_submit *s, bool front);
void wk_submit_take(struct wk_doc *d, struct wk_submit *s); /* out of pending */
void wk_submit_free(struct wk_submit *s);
/* All that waits is told so; what was answered before, and a CLOSE, stays. How many went. */
size_t wk_pending_refuse(struct wk_doc *d, uint32_t code);

/* wk_entry.c: the ring */
/* One that stands in the stream, up to `after` as is said there; the hashes are not looked at, so
 * one of a version that we do not know is kept too. Takes payload, also on failure. 0, -ENOMEM, or
 * WIRE_BAD. */
MUST_CHECK int wk_entry_read(struct bytes *payload, const struct chain_position *before,
                             const struct chain_position *after, struct wk_entry **ret);
/* One that is known to be right. Takes payload, also on failure. NULL: no memory. */
struct wk_entry *wk_entry_new(struct bytes *payload, const struct chain_position *before);
void wk_entry_free(struct wk_entry *e);
void wk_entries_free(struct list *entries);
void wk_ring_push(struct wk_doc *d, struct wk_entry *e);
/* Takes it out of the ring; not freed. */
void wk_ring_take(struct wk_doc *d, struct wk_entry *e);
/* Puts archived entries, in order, before all others. */
void wk_ring_prepend(struct wk_doc *d, struct list *entries);
struct wk_entry *wk_ring_first(struct wk_doc *d);
struct wk_entry *wk_ring_last(const struct wk_doc *d);
struct wk_entry *wk_ring_from(struct wk_doc *d, const struct chain_position *before);
/* One step of the search for the last entry that begins at rev or before it; e begins behind rev,
 * the ring's first does not. */
struct wk_entry *wk_ring_step(struct wk_doc *d, const struct wk_entry *e, uint64_t rev);
/* It left the stream, or (at `replica`) its submits cannot come back. */
void wk_entry_archived(struct wk_doc *d, struct wk_entry *e);
void wk_entry_settled(struct wk_doc *d, struct wk_entry *e);
/* Drops archived entries from the front while the ring holds more. */
void wk_ring_trim(struct wk_doc *d, size_t bytes_max);
enum wk_where { WK_AT_HEAD, WK_ON_CHAIN, WK_BEFORE_RING, WK_NOT_THERE };
/* Where a position stands; ret_first: the first entry behind it. */
enum wk_where wk_position_find(struct wk_doc *d, const struct chain_position *p,
                               struct list **ret_first);

/* wk_load.c */
void wk_load_begin(struct wk_doc *d);
/* WAITING: whatever was to be done begins anew after a delay. */
void wk_retry(struct wk_doc *d);
/* The same; the document is not to be relied on. */
void wk_load_retry(struct wk_doc *d);
void wk_quarantine(struct wk_doc *d, uint64_t why);
void wk_load_done(struct wk_doc *d); /* READING to UNLOCKING */

/* wk_follow.c: is the head still ours? */
#define WK_TAIL_MS 3000
void wk_check_begin(struct wk_doc *d);
void wk_check_done(struct wk_doc *d);
void wk_follow_begin(struct wk_doc *d);
void wk_follow_done(struct wk_doc *d);
/* Marks who waits when a read begins: what it finds is an answer to them. */
void wk_asked(struct wk_doc *d);
/* All of the ring is confirmed: LIVE, shown, answered. */
void wk_settled(struct wk_doc *d);

/* wk_append.c */
/* A document whose tail is too long lets ops wait this long for the archiver. */
#define WK_SLOW_MS 2000
/* What is to be done next, now that no call is under way. The document may be gone after it. */
void wk_doc_next(struct wk_doc *d);
/* The documents that wait for it form their entries. */
void wk_commit_tick(struct wk_core *core, uint64_t now);
/* Sends the append of this entry of the ring; those behind it follow. */
void wk_append_send(struct wk_doc *d, struct wk_entry *e);
void wk_append_done(struct wk_doc *d);
/* Who submitted it hears what is told when it is durable. */
void wk_entry_confirm(struct wk_doc *d, struct wk_entry *e);
void wk_broadcast(struct wk_doc *d, const struct wk_entry *entry);
/* Submits of an entry that is not made go back to the front. */
void wk_forming_return(struct wk_doc *d);

/* wk_admit.c */
enum wk_admit {
    WK_ADMIT_ANSWERED,
    WK_ADMIT_IN,
    WK_ADMIT_HISTORY, /* from ret_from_rev: its base or its seq lies before the ring */
    WK_ADMIT_CHECK,   /* its base is not there, or its session is old and unknown: look at
                         the head first */
    WK_ADMIT_LATER,   /* when this very entry is durable */
    WK_ADMIT_NOMEM,
};
enum wk_admit wk_submit_admit(struct wk_doc *d, struct wk_submit *s, uint64_t *ret_from_rev);
/* Of one entry: bounds what a single append, frame and fan-out must carry. */
#define WK_ENTRY_COUNT_MAX 512
#define WK_ENTRY_BYTES_MAX (512u << 10)

/* wk_items.c */
/* Attachments when the configuration names no number: protects memory against a gateway that opens
 * without end. About 150 bytes each. */
#define WK_ATTACHMENTS_MAX 1000000

/* wk_history.c */
/* Farther back than this nobody is served from the history: 250,000 entries are about 80 MB. */
#define WK_HISTORY_REVS_MAX 250000
/* Is it near enough to be asked for? */
bool wk_history_reaches(struct wk_doc *d, uint64_t from_rev);
void wk_history_begin(struct wk_doc *d, uint64_t from_rev);
void wk_history_done(struct wk_doc *d);

/* wk_ops.c: composed runs */
/* Records behind `first` as wire_ops, composed, cut at this session's own. `skip`: records. */
int wk_ops_encode(struct wk_doc *d, struct list *first, size_t skip,
                  const struct wire_session *session, struct bytes *out);
/* Rewrites op, in mem, over all edits behind `first`. ret_met: there were some. */
int wk_ops_transform(struct wk_doc *d, struct list *first, struct ot_op *op, struct arena *mem,
                     bool *ret_met);

/* The runs are of no use any more: the end of the ring is another. */
void wk_runs_forget(struct wk_doc *d);
/* The front of the ring has moved. */
void wk_runs_drop(struct wk_doc *d);

/* wk_open.c */
void wk_open_free(struct wk_open *o);
/* False: it has to wait (a call was begun, or is about to be). */
bool wk_open_answer(struct wk_doc *d, struct wk_open *o);
/* Before its CLOSE is admitted: is it still about a position that is not there? */
bool wk_close_wanted(struct wk_doc *d, const struct wk_submit *s);
/* Tells the refusal, ends its attachment, frees it. */
void wk_open_refuse(struct wk_open *o, uint32_t code, uint64_t detail);
/* All; or only those that do not create, and came before Redis was asked. */
void wk_opens_refuse(struct wk_doc *d, uint32_t code);
void wk_opens_refuse_missing(struct wk_doc *d);
/* The content of this CREATE is no document: its opener hears it. */
void wk_create_refuse(struct wk_doc *d, const struct wk_submit *s);

/* wk_member.c */
void wk_member_tick(struct wk_core *core);
void wk_beat_done(struct wk_core *core);
/* Too long without a successful beat: nothing is admitted. */
bool wk_stale(const struct wk_core *core);
/* By our view; by what the gateway knows of a newer one the next beat comes at once. */
bool wk_member_serves(struct wk_core *core, uint16_t shard, bool runner_up);
void wk_view_heard(struct wk_core *core, uint64_t view);
void wk_moved_send(struct wk_core *core, uint64_t gateway_boot, struct slice doc, uint16_t shard);
/* Hands the document to its owner by the view if that is somebody else, and drops it when its tail
 * is archived; or takes it back. True: nothing is to be done with it now, it may be gone. */
bool wk_handoff(struct wk_doc *d);

#endif
