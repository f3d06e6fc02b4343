/*
 * The simulated world: the three real cores and real client cores in one process, one event at a
 * time, all order, loss, delay and death drawn from one seed. Time is simulated milliseconds.
 *
 *   sim_world.c    events and the run           sim_process.c  gateways, workers, archivers
 *   sim_storage.c  storage calls with faults    sim_link.c     links between gateways and workers
 *   sim_client.c   clients and connections      sim_faults.c   what goes wrong
 *   sim_typist.c   what is done at a client     sim_loss.c     what Redis loses
 *   sim_store.c    Redis and PostgreSQL         sim_ghost.c    submits that no client would make
 *   sim_rude.c     clients that keep no rule    sim_odd.c      what they and ghosts send
 *   sim_bounds.c   how large things may get     sim_alloc.c    allocations that fail
 *   sim_damage.c   bits that turn               sim_stray.c    items that no gateway would send
 *   sim_ledger.c   the oracle's memory          sim_oracle.c   what must hold in the end
 *   sim_heal.c     how everything settles       sim_archive.c  what PostgreSQL is given
 *   sim_run.c      seeds on all cores           sim_shrink.c   a short schedule of a failing seed
 *   sim_totals.c   what happened, and how much must
 *
 * A process that dies takes its core with it; events of its former life are recognised by their
 * boot id and dropped. Nothing here is random except through sim_world.rng.
 */
#ifndef WEFT_SIM_WORLD_H
#define WEFT_SIM_WORLD_H

#include "ar_core.h"
#include "client_doc.h"
#include "doc.h"
#include "gw_core.h"
#include "rng.h"
#include "sim_alloc.h"
#include "sim_faults.h"
#include "sim_store.h"
#include "sim_totals.h"
#include "wk_core.h"

#define SIM_PROCESSES_MAX 16
#define SIM_CLIENTS_MAX 8
#define SIM_DOCS_MAX 3
#define SIM_LINKS_MAX 64
#define SIM_COUNTED_MAX (16 * SIM_PROCESSES_MAX)
#define SIM_PRESENCE_BYTES_MAX 16
#define SIM_GHOST_SUBMITS 6
#define SIM_RUDES_MAX 4
#define SIM_RUDE_DOCS 2
/* As if of gateways: three of ghosts, then one of strays. */
#define SIM_GHOST_BOOTS 3
#define SIM_STRAY_BOOT UINT64_MAX
#define SIM_GHOST_BOOT_MIN (SIM_STRAY_BOOT - SIM_GHOST_BOOTS)
#define SIM_STEP_MS 20 /* clients and faults get their chance this often */

/* Who has to settle everything by himself before the others come back. */
enum sim_heal { SIM_HEAL_TOGETHER, SIM_HEAL_WORKERS_FIRST, SIM_HEAL_ARCHIVERS_FIRST };

enum sim_role { SIM_GATEWAY, SIM_WORKER, SIM_ARCHIVER };

struct sim_world;

struct sim_event {
    uint64_t time_ms, order;
    void (*run)(struct sim_world *world, struct sim_event *event);
    void *a, *b;
    uint64_t number;      /* UINT64_MAX: the world is over, release what it holds, do nothing */
    struct refbuf *bytes; /* owned */
};

struct sim_process {
    struct sim_world *world;
    enum sim_role role;
    unsigned index;
    char id[16], address[32];
    uint64_t boot; /* 0: dead */
    union {
        struct gw_core *gateway;
        struct wk_core *worker;
        struct ar_core *archiver;
    };
    uint64_t restart_ms;       /* dead: when it comes back */
    bool leaving;              /* SIGTERM: dies by itself when it has handed everything over */
    bool paused;               /* SIGSTOP: what happens to it waits in the backlog, in order */
    uint64_t redis_back_ms;    /* until then it does not reach Redis */
    struct sim_event *backlog; /* owned */
    size_t backlog_count, backlog_capacity;
};

/* One direction of a link: order is kept, a reset drops what is under way. */
struct sim_link {
    struct sim_process *gateway, *worker;
    uint64_t gateway_boot, worker_boot;
    unsigned generation;
    bool broken_up,
        broken_down; /* the sender has not heard of the reset yet: what it says is lost */
    bool closed;     /* by the gateway; the worker has not heard of it yet */
    uint64_t last_up_ms, last_down_ms;
    uint64_t stalled_up_ms, stalled_down_ms; /* until then nothing arrives in this direction */
    bool used;
};

struct sim_conn; /* sim_client.c */

struct sim_doc_context {
    struct sim_client *client;
    unsigned doc;
};

struct sim_client {
    struct sim_world *world;
    unsigned index;
    struct ot_attrs_table *attrs;
    struct {
        struct client_doc *doc;
        struct wire_session session;
        bool lived;        /* has been LIVE once */
        bool renewed;      /* its session ended as it may; not LIVE again yet */
        bool twin;         /* its session is, or was, in another tab too */
        uint64_t retry_ms; /* 0, or when what a passing error has stopped goes on */
    } docs[SIM_DOCS_MAX];
    struct sim_doc_context contexts[SIM_DOCS_MAX];
    struct sim_conn *conn;
    bool welcomed;
    int64_t clock_ms; /* how far its clock is corrected */
    uint64_t reconnect_ms, edit_ms, ping_ms;
};

struct sim_ghost {
    struct wire_session session;
    unsigned doc;
    struct {
        uint64_t seq;
        uint8_t digest[WIRE_DIGEST_SIZE];
    } sent[SIM_GHOST_SUBMITS];
    unsigned sent_count;
    bool before; /* anybody knew of a document: none of its ops could follow anything */
    bool viewer; /* has no session: it only reads on from a position that somebody was told of */
    struct chain_position at;
};

/* A connection that keeps no rule (sim_rude.c). */
struct sim_rude {
    struct sim_world *world;
    struct sim_process *gateway;
    uint64_t gateway_boot;
    struct gw_conn *gw; /* NULL: there is none */
    uint64_t seq, sent;
    unsigned reads_percent; /* of what it is sent it takes so much at once */
    bool greeted, high, closing;
};

/* 0: the default of the process that it is of. */
struct sim_bounds {
    uint32_t frames_per_s_max, connections_max, op_bytes_max, documents_max;
    uint64_t unacked_bytes_max, payload_bytes_max, gateway_attachments_max;
    uint64_t documents_bytes_max, pending_bytes_max, worker_attachments_max;
};

/* An ack that a client was given: the oracle looks for it in the history. */
struct sim_ack {
    unsigned doc;
    struct wire_session session;
    uint64_t seq, rev;
};

struct sim_world {
    uint64_t seed;
    struct rng rng;
    bool trace;
    uint64_t start_ms, now_ms, order, next_boot;
    struct sim_event *heap; /* owned */
    size_t heap_count, heap_capacity;
    struct sim_store store;
    struct sim_limits limits;
    unsigned rates[SIM_FAULT_COUNT]; /* of 1,000, or in 1,000 seconds; 0: never in this run */
    uint32_t rolled[SIM_FAULT_COUNT][SIM_COUNTED_MAX]; /* of the first group */
    uint64_t fault_random; /* how the fault that has just hit turns out */
    struct sim_hit *hits;  /* owned; in order */
    size_t hit_count, hit_capacity;
    uint64_t step;
    uint64_t redis_back_ms, redis_room_ms, postgres_back_ms; /* of those that are away, or full */
    uint64_t replica_behind_ms;                              /* it gets nothing until then */
    uint64_t leap_ms;                                        /* wall clocks are so much further */
    bool healing;                                            /* no more faults and edits */
    enum sim_heal heal;
    struct sim_process processes[SIM_PROCESSES_MAX];
    unsigned process_count;
    struct sim_link links[SIM_LINKS_MAX];
    struct sim_client clients[SIM_CLIENTS_MAX];
    struct sim_conn *conns; /* owned; all that ever were */
    unsigned client_count, doc_count;
    uint64_t commit_ms; /* of workers: 0, or commits apart */
    struct sim_bounds bounds;
    size_t tail_bytes_max;  /* of workers: small ones read history from PostgreSQL */
    size_t cache_bytes_max; /* of archivers */
    char doc_ids[SIM_DOCS_MAX][16];
    unsigned edits_left;
    struct sim_ack *acks; /* owned */
    size_t ack_count, ack_capacity;
    struct sim_ghost *ghosts; /* owned; by the number of their attachment, from 1 */
    size_t ghost_count, ghost_capacity;
    struct sim_rude rudes[SIM_RUDES_MAX];
    struct sim_violation violation;
    struct sim_totals totals;
};

static inline unsigned sim_process_number(const struct sim_process *process)
{
    return (unsigned)(process - process->world->processes);
}

/* sim_world.c */
void sim_world_init(struct sim_world *world, uint64_t seed, const struct sim_limits *limits,
                    bool trace);
void sim_world_run(struct sim_world *world);
void sim_world_fini(struct sim_world *world);
struct sim_event *sim_event_add(struct sim_world *world, uint64_t time_ms,
                                void (*run)(struct sim_world *, struct sim_event *), void *a,
                                void *b);
/* A delay of a message: mostly short, at times long. */
uint64_t sim_delay_ms(struct sim_world *world);
void sim_violate(struct sim_world *world, enum sim_oracle oracle, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static inline bool sim_violated(const struct sim_world *world)
{
    return world->violation.text.size > 0;
}
void sim_trace(struct sim_world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* sim_storage.c: ctx is a sim_process */
void sim_storage_call(void *ctx, struct storage_call *call);

/* sim_link.c */
void sim_link_open(struct sim_process *gateway, const struct cluster_member *worker);
void sim_link_close(struct sim_process *gateway, uint64_t worker_boot);
bool sim_link_up(struct sim_process *gateway, uint64_t worker_boot, struct slice item);
void sim_link_down(struct sim_process *worker, uint64_t gateway_boot, struct slice item);
void sim_link_reset(struct sim_link *link);
/* Nothing arrives for a while: bit 0 up, bit 1 down. Who hears nothing for long resets the link. */
void sim_link_stall(struct sim_link *link, uint64_t directions, uint64_t for_ms);
/* A process died: the other ends notice. */
void sim_link_process_gone(struct sim_process *process);
void sim_link_heartbeat(struct sim_world *world);

/* sim_faults.c */
void sim_faults_draw(struct sim_world *world);
void sim_faults_step(struct sim_world *world);
/* A document was handed over: whoever is to keep its tail is put to the test. */
void sim_faults_handoff(struct sim_world *world);
/* An archiver commits what it has found in a stream: it may be gone from there. How much later the
 * commit comes. */
uint64_t sim_faults_commit(struct sim_world *world);
/* Does this message or call meet it? `whose` numbers those that are counted apart. */
bool sim_fault_met(struct sim_world *world, enum sim_fault kind, unsigned whose);
/* How the fault that has just hit turns out. */
uint64_t sim_fault_between(const struct sim_world *world, uint64_t low, uint64_t high);
/* What is away comes back. */
void sim_faults_end(struct sim_world *world);

/* An event comes to a core: maybe one of the allocations that it makes fails. */
void sim_core_begin(struct sim_process *process);
/* It is over. True: one has failed. */
bool sim_core_end(struct sim_process *process);

/* sim_damage.c */
void sim_damage_strike(struct sim_world *world);
void sim_damage_step(struct sim_world *world);
/* Whoever has read it may say that it is damaged. */
bool sim_damage_hides(const struct sim_world *world, const struct sim_doc *doc);

/* sim_ghost.c */
void sim_ghost_step(struct sim_world *world);
/* A worker answers: if it was a ghost that asked, what it is told has to hold. */
void sim_ghost_told(struct sim_process *worker, uint64_t gateway_boot, struct slice bytes);

/* sim_rude.c */
extern const struct gw_auth sim_rude_auth;
void sim_rude_step(struct sim_world *world);
/* The rude client that a gateway means by this connection; NULL: it is not one. */
struct sim_rude *sim_rude_of(struct sim_world *world, void *shell);
enum gw_send sim_rude_send(struct sim_rude *rude);
void sim_rude_close(struct sim_rude *rude);
void sim_rude_gateway_gone(struct sim_process *gateway);
/* They all leave. */
void sim_rude_end(struct sim_world *world);

/* sim_stray.c */
void sim_stray_step(struct sim_world *world);
/* What ghosts and strays have opened is closed. */
void sim_strays_end(struct sim_world *world);

/* sim_bounds.c */
void sim_bounds_draw(struct sim_world *world);

/* sim_process.c */
/* SIGTERM, and SIGSTOP with SIGCONT after a while. */
void sim_process_drain(struct sim_process *process);
void sim_process_pause(struct sim_process *process, uint64_t for_ms);
/* Goes on with what waited; at the end of the world too. */
void sim_process_resume(struct sim_process *process, bool over);
bool sim_process_left(const struct sim_process *process);
/*
 * True: the process it happens to is stopped; the event waits. `boot`: of the life that it is
 * about.
 */
bool sim_process_stopped(struct sim_process *process, uint64_t boot, struct sim_event *event);
void sim_process_start(struct sim_process *process);
void sim_process_crash(struct sim_process *process);
void sim_process_tick(struct sim_process *process);
uint64_t sim_process_due_ms(const struct sim_process *process);
void sim_process_counters_add(struct sim_process *process);

/* sim_client.c */
void sim_client_init(struct sim_client *client);
void sim_client_fini(struct sim_client *client);
/* Reconnects and edits when it is time. */
void sim_client_step(struct sim_client *client);
void sim_client_disconnect(struct sim_client *client);
/* The gateway of these connections died. */
void sim_client_gateway_gone(struct sim_process *gateway);
void sim_conns_fini(struct sim_world *world);
/* How long one of its clients has this document; 0: none of theirs. */
uint64_t sim_client_units(const struct sim_world *world, struct slice doc);
bool sim_client_connected(const struct sim_client *client);
/* What was saved takes the place of what it has; it has to be disconnected. */
void sim_client_replace(struct sim_client *client, unsigned i, const struct wire_session *session,
                        struct slice saved);
struct refbuf *sim_conn_encode(void *ctx, enum gw_variant variant,
                               const struct wire_server_frame *frame, struct slice encoded);
enum gw_send sim_conn_send(void *ctx, void *conn, struct refbuf *frame);
void sim_conn_close(void *ctx, void *conn, uint32_t code);

/* sim_typist.c */
void sim_client_edit(struct sim_client *client, unsigned i);
/* False: it says nothing now. */
bool sim_client_presence(struct sim_client *client, unsigned i, struct wire_presence *ret);
void sim_client_presence_check(const struct sim_client *client, unsigned i,
                               const struct wire_presence *presence);
void sim_client_twin(struct sim_client *client, const struct sim_client *other);
bool sim_client_may_stop(const struct sim_client *client, unsigned i);

/* sim_archive.c: of a commit that is about to be carried out. */
void sim_archive_check(struct sim_store *store, const struct storage_call *commit);

/* sim_heal.c */
void sim_heal_begin(struct sim_world *world);
/* It does not come back yet. */
bool sim_heal_holds(const struct sim_world *world, const struct sim_process *process);
/* Has everything settled? If not, why says what has not. */
bool sim_heal_settled(struct sim_world *world, struct bytes *why);

/* sim_oracle.c */
/* What must hold at every moment. */
void sim_oracle_step(struct sim_world *world);
/* Has this settled? If not, why says what has not. Are all alive that are not held back; have all
 * clients everything; has PostgreSQL? */
bool sim_oracle_alive(struct sim_world *world, struct bytes *why);
bool sim_oracle_served(struct sim_world *world, struct bytes *why);
bool sim_oracle_archived(struct sim_world *world, struct bytes *why);
void sim_oracle_final(struct sim_world *world);

#endif
