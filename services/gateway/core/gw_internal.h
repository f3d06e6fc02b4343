/*
 * What the files of the gateway's core share. Who owns what:
 *
 *   core -> connections (lists by state) -> attachments <- documents <- workers
 *
 * A connection owns its attachments; a document lives as long as it has one; a worker as long as it
 * is in the view or serves a document. An attachment is one connection's use of one document.
 *
 * Rule against re-entrancy: nothing here ends a connection on the spot. conn_condemn() marks it and
 * core_settle(), the last step of every entry point, does the rest; so no loop over attachments or
 * documents sees its list change under it because a send failed.
 */
#ifndef WEFT_GW_INTERNAL_H
#define WEFT_GW_INTERNAL_H

#include <assert.h>
#include <stdlib.h>

#include "cluster_tracker.h"
#include "gw_core.h"
#include "hash.h"
#include "list.h"

#define WHEEL_SLOTS 128
#define WHEEL_SLOT_MS 32 /* 128 of them: 4 s, more than the longest delay */
#define OPENS_PER_TICK_MAX 4096
#define CATCH_UP_MAX 16 /* re-opens of one connection under way at a time */
#define RETRY_BASE_MS 100
#define RETRY_MAX_MS 2000
#define RETRY_GIVE_UP_MS 30000
#define UNREACHABLE_MS 1000
#define DRAIN_GRACE_MS 2000 /* from the Drain frame to the end of the connection */
#define PAYLOAD_BYTES_MAX_DEFAULT (256ull << 20)
#define ATTACHMENTS_MAX_DEFAULT 1000000

struct gw_worker {
    struct cluster_member member;
    struct list docs; /* that it serves */
    uint64_t lost_ms; /* since when nothing is heard; 0: reachable as far as known */
    bool silent;      /* the link has found it so, which takes a while by itself */
    bool in_view;
    UT_hash_handle hh; /* by member.boot_id */
};

struct gw_doc {
    UT_hash_handle hh;              /* by id */
    struct list atts;               /* gw_att.doc_link */
    struct list worker_link;        /* in worker->docs while worker */
    struct gw_worker *worker;       /* whose stream is followed; NULL: nobody's yet */
    struct chain_position position; /* last seen on that stream, if has_position */
    uint16_t shard;
    bool has_position;
    bool runner_up;    /* worker is not the owner by view: the owner does not answer */
    bool head_differs; /* the last heartbeat named another head */
    uint8_t id_size;
    uint8_t id[];
};

/* gw_att.c has the diagram. */
enum att_state { ATT_WAITING, ATT_OPENING, ATT_JOINED, ATT_LAGGING, ATT_STREAMING };

/* One op not acked yet. Kept as fields: its attachment number changes with the worker. */
struct att_submit {
    uint64_t came_us;
    uint64_t seq;
    struct chain_position base;
    uint8_t digest[WIRE_DIGEST_SIZE];
    enum wire_kind kind;
    bool forwarded; /* ever */
    bool sent;      /* to the worker that serves the document now */
    size_t size;
    uint8_t body[];
};

/* Content of a create until it is answered, or a payload being given in chunks. */
struct att_bytes {
    struct bytes bytes;
    size_t offset;
};

struct gw_att {
    struct list doc_link, conn_link;
    struct list wheel_link; /* queued: att_due() will come */
    struct gw_conn *conn;
    struct gw_doc *doc;
    uint64_t number;   /* slot and generation; another one for each worker */
    uint64_t since_ms; /* of the trouble: first try since it was joined or since a submit waits */
    uint64_t attempt;  /* the client's; repeated when we open again */
    uint64_t seen_seq; /* the last of its own ops that the client has been given */
    struct att_submit *unacked; /* owned; charged to core->unacked_bytes, its size */
    struct att_bytes *extra;    /* owned; create content (not shown yet), or payload (STREAMING) */
    struct chain_position position; /* what the client has been given; rev 0: nothing */
    uint8_t session[WIRE_SESSION_SIZE];
    uint8_t author[WIRE_AUTHOR_SIZE];
    uint8_t state;       /* enum att_state; att_set() alone assigns it */
    uint8_t create_kind; /* WIRE_DOC_NONE: none */
    uint8_t tries;       /* since it last worked */
    bool has_session : 1;
    bool shown : 1;    /* the client has had an Opened */
    bool attached : 1; /* the document's worker has answered and sends us its entries */
    bool present : 1;  /* has said presence that is not over */
    bool catching : 1; /* counted in conn->catching */
};

/* gw_conn.c has the diagram. */
enum conn_state { CONN_NEW, CONN_WELCOMED, CONN_LEAVING, CONN_CONDEMNED, CONN_CLOSED };

struct gw_conn {
    struct gw_core *core;
    void *shell;
    struct list link;   /* in the core's list of its state */
    struct list atts;   /* LAGGING ones first */
    uint64_t last_ms;   /* of the last sign of life; LEAVING: when it is closed */
    uint64_t window_ms; /* start of the second that frames are counted in */
    uint32_t frames, presences, att_count;
    uint32_t close_code;
    uint64_t close_detail;
    uint8_t state, variant, role;
    uint8_t catching;
    bool high; /* its queue is above the mark */
};

static_assert(sizeof(struct gw_conn) <= 200, "a million idle connections");
static_assert(sizeof(struct gw_att) <= 200, "a million idle attachments");

struct gw_slot {
    struct gw_att *att;
    uint32_t generation; /* of the number in use or used last */
    uint32_t next_free;
};

struct gw_core {
    struct gw_config config; /* strings borrowed from below */
    char *strings;           /* owned: copies of id and address */
    struct gw_io io;
    const struct gw_auth *auth;
    struct cluster_view_tracker tracker;
    struct storage_call beat_view, beat_self;
    uint64_t beat_due_ms;
    uint64_t beat_self_ok_ms; /* last time that we were stamped */
    bool started, draining, drained;
    bool beat_view_busy, beat_self_busy, left;
    uint64_t drain_start_ms, drain_total, drain_told;
    uint64_t drain_due_ms; /* each is told in its turn: steps of 50 ms are fine enough */
    uint64_t server_time_ms, server_time_at_ms; /* Redis' TIME at the last beat; 0: none yet */

    struct gw_worker *workers;
    struct gw_doc *docs;
    struct gw_slot *slots;
    uint32_t slot_count, slot_capacity, slot_free;
    uint64_t att_count, conn_count;
    uint64_t unacked_bytes, payload_bytes, unacked_ops;
    uint64_t turn_forwards; /* of ops that came in this turn */

    struct list fresh, welcomed, leaving, condemned, closed; /* connections by state */
    struct list wheel[WHEEL_SLOTS];
    struct list due;   /* taken off the wheel, not done yet */
    uint64_t wheel_at; /* last slot done */
    uint64_t wheel_count;

    struct arena mem;     /* one event's decoding */
    struct bytes scratch; /* one item being encoded */
    struct gw_counters counters;
};

static inline uint64_t core_now_us(struct gw_core *core)
{
    return core->io.now_us(core->io.ctx);
}

static inline uint64_t core_now(struct gw_core *core)
{
    return core_now_us(core) / 1000;
}

/* gw_core.c */
void core_settle(struct gw_core *core);
/* A view is known to be newer than ours: do not wait for the next beat. */
void core_beat_now(struct gw_core *core);
uint64_t core_server_time(struct gw_core *core);

/* gw_conn.c */
/* Ends the connection at the end of this event; `code` 0: without an Error. */
void conn_condemn(struct gw_conn *conn, uint32_t code, uint64_t detail);
/* Of a condemned one; why (may be NULL) follows the Error's sentence. */
void conn_finish(struct gw_conn *conn, const char *why);
bool conn_live(const struct gw_conn *conn);
/* False: the connection is condemned. */
bool conn_send(struct gw_conn *conn, struct refbuf *frame);
bool conn_send_frame(struct gw_conn *conn, const struct wire_server_frame *frame);
void conn_send_error(struct gw_conn *conn, uint32_t code, uint64_t detail, struct slice doc,
                     uint64_t seq);
/* Time has come: hello, silence, drain. */
void conns_tick(struct gw_core *core, uint64_t now_ms);
uint64_t conns_due_ms(const struct gw_core *core);

/* gw_frame.c: what clients ask. */
void conn_open(struct gw_conn *conn, const struct wire_open *open);
void conn_submit(struct gw_conn *conn, const struct wire_submit *submit);
void conn_close_doc(struct gw_conn *conn, struct slice doc);
void conn_presence(struct gw_conn *conn, const struct wire_presence *presence);

/* gw_att.c */
/* NULL: no memory. Not queued and not sent yet. */
struct gw_att *att_new(struct gw_conn *conn, struct gw_doc *doc);
struct gw_att *att_find(struct gw_core *core, uint64_t number);
struct gw_att *att_of(struct gw_conn *conn, struct slice doc);
/* Detaches at the worker and frees; the document goes with its last attachment. */
void att_free(struct gw_att *att);
/* Error to the client, Closed, and att_free. */
void att_fail(struct gw_att *att, uint32_t code, uint64_t detail, uint64_t seq);
/* What is retained can go to the worker, if it knows us. */
void att_submit_forward(struct gw_att *att);
void att_submit_release(struct gw_att *att);
/* The client has been given its ack; viewers: others who were given the op with it. */
void att_submit_acked(struct gw_att *att, uint64_t viewers);
/* The worker asked to wait: what is retained goes again, after a delay. */
void att_submit_later(struct gw_att *att);
/* Asks the worker, now if it can be, with what the client holds. */
void att_open(struct gw_att *att);
/* Not served any more: wait, then open. `soon`: this is no failure, only spread the load. */
void att_wait(struct gw_att *att, bool soon);
void att_lag(struct gw_att *att);
/* The stream is not to be relied on any more; JOINED ones open again. */
void att_gap(struct gw_att *att);
/* The worker does not know this attachment. */
void att_detached(struct gw_att *att);
void att_opened(struct gw_att *att, const struct wire_opened *opened);
/* The connection's queue has room: goes on with what had to stop. */
void conn_catch_up(struct gw_conn *conn);
/* Its time in the wheel has come. */
void att_due(struct gw_core *core, struct gw_att *att);

/* gw_wheel.c */
void wheel_add(struct gw_core *core, struct gw_att *att, uint64_t delay_ms);
void wheel_remove(struct gw_core *core, struct gw_att *att);
void wheel_tick(struct gw_core *core, uint64_t now_ms);
uint64_t wheel_due_ms(const struct gw_core *core);
/* Everybody who waits for anything tries again now. */
void wheel_hurry(struct gw_core *core);

/* gw_doc.c */
struct gw_doc *gw_doc_get(struct gw_core *core, struct slice id); /* NULL: no memory */
struct gw_doc *gw_doc_find(struct gw_core *core, struct slice id);
struct gw_doc *gw_doc_free(struct gw_core *core, struct gw_doc *doc); /* without attachments */
void gw_doc_gap(struct gw_core *core, struct gw_doc *doc);
int gw_doc_entry(struct gw_core *core, struct gw_worker *worker,
                 const struct wire_link_entry *entry);
void gw_doc_presence(struct gw_core *core, struct gw_worker *worker,
                     const struct wire_presence *presence);
void gw_doc_head(struct gw_core *core, struct gw_worker *worker, const struct wire_head *head);

static inline struct slice gw_doc_id(const struct gw_doc *doc)
{
    return slice_of(doc->id, doc->id_size);
}

/* gw_route.c */
struct gw_worker *worker_find(struct gw_core *core, uint64_t boot);
/* Who serves the document: as it is, else by view. NULL: nobody known. */
struct gw_worker *gw_doc_route(struct gw_core *core, struct gw_doc *doc);
/* Its worker does not serve it any more; every attachment waits, and tries again. */
void gw_doc_unroute(struct gw_core *core, struct gw_doc *doc, bool soon);
void gw_doc_moved(struct gw_core *core, struct gw_worker *worker, struct slice doc,
                  struct slice owner, uint64_t view);
void worker_lost(struct gw_core *core, struct gw_worker *worker);
void routes_view_changed(struct gw_core *core);
void routes_free(struct gw_core *core);

#endif
