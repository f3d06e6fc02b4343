/*
 * What a run is made of: documents, their editors, and the connections that these share.
 *
 *                 docs[d] ── editors[d * (editors + 1) + e] ── one common/client each
 *                                     │
 *                 links[(d * editors + e) % connections] ── one common/conn each, and again
 *
 * Each document has one editor more than typists: a reader, which opens it when all is over, and
 * shows what the server has. The readers have the last links, as many as it takes that none opens
 * more documents than a gateway allows.
 *
 * Everything lives on one loop and one thread, from load_world_new() to load_world_free().
 */
#ifndef WEFT_LOAD_WORLD_H
#define WEFT_LOAD_WORLD_H

#include "hash.h"

#include "client_doc.h"
#include "cluster_backoff.h"
#include "conn.h"
#include "load_options.h"
#include "load_tally.h"
#include "load_typing.h"
#include "rng.h"

/* How many of an editor's ops a slow peer may be behind and still find when they were typed. */
#define LOAD_RECENT 16

struct load_world;
struct load_link;
struct load_doc;

struct load_editor {
    struct load_world *world;
    struct load_doc *doc;
    struct load_link *link;
    struct client_doc *client; /* owned */
    UT_hash_handle in_link;    /* by doc_index */
    UT_hash_handle in_doc;     /* by author */
    struct list waiting;       /* in world->waiting until retry_ms */
    int64_t retry_ms;
    uint32_t doc_index;
    bool reader;
    bool live_once; /* has had the text */
    uint64_t author;
    struct wire_session session;
    struct typing typing;
    void *mode_data; /* owned by the mode */

    /*
     * Edits are counted from 0. Those up to edits_sent are in ops that were sent, from flight_first
     * on in the one that waits for its acknowledgement; the rest is in the client's buffer.
     */
    uint64_t edits, edits_sent, flight_first;
    int64_t buffer_us;   /* when the first edit of the buffer was typed */
    int64_t launched_us; /* when the op in flight was sent first */
    uint64_t flight_seq;
    uint64_t flight_transforms; /* of the client when it was sent */
    struct {
        uint64_t seq;
        int64_t us; /* when the first edit of this op was typed */
    } recent[LOAD_RECENT];
};

struct load_doc {
    struct load_world *world;
    uint32_t index;
    struct bytes id;             /* owned */
    struct load_editor *editors; /* borrowed: world's */
    struct load_editor *authors; /* hash of those that have a session */
    uint64_t acked;              /* ops */
    bool session_ended;          /* one was given up, which takes revisions of its own */
    void *mode_data;             /* owned by the mode */
};

/*
 *   IDLE ──start──► CONNECTING ──Welcome──► OPEN
 *     ▲                 ▲  │                  │
 *     │          delay  │  │ closed           │ closed
 *     │                 │  ▼                  ▼
 *     └─────stop────── PAUSING ◄──────────────┘
 */
enum load_link_state { LINK_IDLE, LINK_CONNECTING, LINK_OPEN, LINK_PAUSING };

struct load_link {
    struct load_world *world;
    struct conn *conn;           /* NULL while IDLE and PAUSING */
    struct ev_timer *timer;      /* owned; PAUSING: the next attempt; OPEN: a drain's moment */
    struct load_editor *editors; /* hash by doc_index */
    struct cluster_backoff backoff;
    enum load_link_state state;
    bool stopping;
};

/*
 * How far a run is. The deadline is one of OPENING, SETTLING and READING.
 *
 *   OPENING ─► WARMING ─► MEASURING ─► SETTLING ─► READING ─► DONE
 *   all open   so long    so long, or   all saved   the readers
 *              typed      as the mode   and equal   have it
 */
enum load_phase {
    LOAD_OPENING,
    LOAD_WARMING,
    LOAD_MEASURING,
    LOAD_SETTLING,
    LOAD_READING,
    LOAD_DONE,
};

/* What a mode does. Everything may be NULL. */
struct load_mode {
    /* Every document's kind and first content, in mem; NULL: typed text, rich. */
    int (*content)(struct load_world *w, struct arena *mem, struct ot_op *ret);
    enum wire_doc_kind kind;
    /* Everybody has the text: typing begins. */
    void (*begin)(struct load_world *w);
    /* No connection is left: ends what `begin` has started. */
    void (*end)(struct load_world *w);
    /* An editor that is open has heard something, or typing begins: may it type now? */
    void (*turn)(struct load_editor *e);
    /* Somebody else has changed the text. */
    void (*changed)(struct load_editor *e, const struct ot_op *op);
    /* Edits from `first` to before `end` were acknowledged as one op that was sent at launched_us.
     */
    void (*acked)(struct load_editor *e, uint64_t first, uint64_t end, int64_t launched_us);
    /* The text was replaced; edits from `first` to before `end` will never be acknowledged. */
    void (*dropped)(struct load_editor *e, uint64_t first, uint64_t end);
    /* All is over: what the mode has to compare; adds to what is wrong. */
    void (*check)(struct load_world *w, struct load_tally *tally);
    /* Its own progress, appended to the line. */
    void (*progress)(struct load_world *w, struct bytes *out);
};

struct load_world {
    const struct load_options *options;
    const struct load_mode *mode;
    void *mode_data;
    struct ev_loop *loop; /* owned, as is all that follows */
    struct conn_set *conns;
    struct conn_url url;
    struct ev_address address;
    struct ot_attrs_table *attrs;
    struct arena mem; /* for one op or frame */
    struct rng rng;
    struct load_doc *docs;
    struct load_editor *editors;
    struct load_link *links; /* the typists', then the readers' */
    size_t doc_count, doc_editors, editor_count, typist_links, link_count;
    struct list waiting;

    enum load_phase phase;
    void *run;               /* load_run.c's */
    bool typing;             /* editors may type */
    size_t live_count;       /* editors that have had the text */
    int64_t clock_ahead_ms;  /* the server's clock against ours */
    bool welcomed;           /* some connection has been */
    struct load_tally tally; /* of the measurement, while it runs */
    struct bytes failure;    /* why the run cannot go on; empty: it can */
};

/* Appends to `why` and returns NULL if it cannot be made. Mode and options outlive it. */
struct load_world *load_world_new(const struct load_options *options, const struct load_mode *mode,
                                  void *mode_data, struct bytes *why);
/* All connections are closed by then. */
struct load_world *load_world_free(struct load_world *w);
/* The run ends with these words. */
void load_world_fail(struct load_world *w, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static inline struct load_editor *load_reader(struct load_doc *d)
{
    return &d->editors[d->world->doc_editors];
}

#endif
