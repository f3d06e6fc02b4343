/*
 * A process's end of all its links, without the sockets. Pure: time is passed in, messages come and
 * go through a table, so the same code runs over nng (link.h), in the simulator and in the tests.
 *
 * A peer is another process, named by its boot id (a random number it draws at start), reached at
 * its inbox's address. One address has one process at a time. A peer is both halves of a link: what
 * we send there and what we take from there. See link_session.h for epochs and resets, and
 * docs/link.md for the whole.
 *
 * Callbacks come from link_core_receive(), link_core_flush() and link_core_tick() only, never from
 * within link_peer_send() or _close(); they may call anything here but link_core_fini(). A closed
 * peer's memory goes in the next link_core_flush().
 */
#ifndef WEFT_LINK_CORE_H
#define WEFT_LINK_CORE_H

#include <stdbool.h>

#include "bytes.h"
#include "hash.h"
#include "link_hearing.h"
#include "link_limits.h"
#include "list.h"
#include "obs_stats.h"

#define LINK_RENEW_TICKS 60 /* a silent peer is dialled anew every 15 s */
/* One read and one write of a unix socket, whose buffer takes a few of them. */
#define LINK_BODY_DEFAULT (32u * 1024)

struct link_core;
struct link_peer;

enum link_reset {
    LINK_RESET_NONE,
    LINK_RESET_GAP,      /* a batch of the peer's was lost */
    LINK_RESET_PEER,     /* the peer has reset its side */
    LINK_RESET_FULL,     /* our queue was full, or memory out */
    LINK_RESET_BAD,      /* the peer sent a batch that cannot be read */
    LINK_RESET_ASKED,    /* link_peer_reset() */
    LINK_RESET_REPLACED, /* a peer with the same address and another boot id was opened: this one is
                            dead, close it */
};

/* What an upper layer learns. All but on_contact and on_items may be NULL. */
struct link_callbacks {
    /*
     * A message for us, or for who was here before us, from a process that no peer is open for. If
     * the callback opens one, the message is delivered if it was for us; else it is dropped, and
     * the next one asks again. Whoever was meant instead of us learns from our heartbeats that we
     * are another. Anybody who can reach the inbox can make this call, four times a second and
     * more.
     */
    void (*on_contact)(void *arg, uint64_t boot_id, const char *address);
    /* Items of one batch in order; count may be 0. Lent until the return. */
    void (*on_items)(void *arg, struct link_peer *peer, const struct slice *items, size_t count);
    /*
     * Everything sent or received so far may be lost in part: drop state that came over this link
     * and send anew what the peer must know. What is sent from here on travels in a new epoch, and
     * items that come from here on were sent after the peer, too, was told of a reset.
     */
    void (*on_reset)(void *arg, struct link_peer *peer, enum link_reset reason);
    /* The link's breaker (link_hearing.h) has opened, and has closed again. The link itself goes on
       as it is; half a link is none. */
    void (*on_silent)(void *arg, struct link_peer *peer);
    void (*on_heard)(void *arg, struct link_peer *peer);
    /* May append a payload to a heartbeat that is about to leave (at most body_max bytes: more is
       not sent at all), and reads one that came, which may be empty. */
    void (*on_heartbeat_write)(void *arg, struct link_peer *peer, struct bytes *out);
    void (*on_heartbeat_read)(void *arg, struct link_peer *peer, struct slice payload);
};

/* What carries the messages. */
struct link_io {
    /* Starts a way to an address; NULL if it cannot now (asked again at the next tick). */
    void *(*open)(void *ctx, struct link_peer *peer, const char *address);
    /* Forgets it; what it carries may get lost or arrive late. No link_core_sent() follows. */
    void (*close)(void *ctx, void *way);
    /* One message at a time: link_core_sent() says when the next may come. Copies. */
    void (*send)(void *ctx, void *way, struct slice message);
    /* link_core_flush() is wanted at the end of this turn. */
    void (*want_flush)(void *ctx);
};

struct link_limits {
    size_t body_max;      /* of a batch; 0: LINK_BODY_DEFAULT */
    size_t item_max;      /* to be put together from pieces; 0: LINK_ITEM_DEFAULT */
    size_t queue_max;     /* bytes waiting for one peer; 0: LINK_QUEUE_DEFAULT. Past it the link is
                             reset: a peer that does not read must not fill our memory */
    size_t queue_all_max; /* waiting for all peers; 0: LINK_QUEUE_ALL_DEFAULT */
    size_t peers_max;     /* 0: LINK_PEERS_DEFAULT. Bounds what strangers can make us open */
};

struct link_config {
    uint64_t boot_id;    /* random, new at each start, not 0; different for each core */
    const char *address; /* of our inbox, as others dial it; copied */
    struct link_limits limits;
    struct link_callbacks callbacks;
    void *arg; /* of the callbacks */
};

#define LINK_RESETS "Links reset: what is sent or received on them may be lost in part."
#define LINK_BREAKERS                                                                              \
    "Links by their circuit breaker: closed, or the process did not say for a second that it "     \
    "hears us (open, half-open), and others do its work."
#define LINK_LIMITS_HELP "Times that a limit of links was reached."
#define LINK_STATS(X)                                                                              \
    X(COUNTER, batches_out, "weft_link_batches_total", "direction=\"out\"", "Batches of items.")   \
    X(COUNTER, batches_in, "weft_link_batches_total", "direction=\"in\"", "Batches of items.")     \
    X(COUNTER, items_out, "weft_link_items_total", "direction=\"out\"", "Items in batches.")       \
    X(COUNTER, items_in, "weft_link_items_total", "direction=\"in\"", "Items in batches.")         \
    X(COUNTER, bytes_out, "weft_link_bytes_total", "direction=\"out\"", "Bytes of messages.")      \
    X(COUNTER, bytes_in, "weft_link_bytes_total", "direction=\"in\"", "Bytes of messages.")        \
    X(COUNTER, heartbeats_out, "weft_link_heartbeats_total", "direction=\"out\"", "Heartbeats.")   \
    X(COUNTER, heartbeats_in, "weft_link_heartbeats_total", "direction=\"in\"", "Heartbeats.")     \
    X(SIZES, batch_items, "weft_link_batch_items", "", "Items in a batch that was sent.")          \
    X(SIZES, batch_bytes, "weft_link_batch_bytes", "", "Size of a batch that was sent.")           \
    X(COUNTER, resets_gap, "weft_link_resets_total", "reason=\"gap\"", LINK_RESETS)                \
    X(COUNTER, resets_peer, "weft_link_resets_total", "reason=\"peer\"", LINK_RESETS)              \
    X(COUNTER, resets_full, "weft_link_resets_total", "reason=\"full\"", LINK_RESETS)              \
    X(COUNTER, resets_bad, "weft_link_resets_total", "reason=\"bad\"", LINK_RESETS)                \
    X(COUNTER, resets_asked, "weft_link_resets_total", "reason=\"asked\"", LINK_RESETS)            \
    X(COUNTER, resets_replaced, "weft_link_resets_total", "reason=\"replaced\"", LINK_RESETS)      \
    X(COUNTER, stale, "weft_link_stale_total", "",                                                 \
      "Batches of an epoch that is over, or that came twice: dropped.")                            \
    X(COUNTER, refused, "weft_link_refused_total", "",                                             \
      "Messages that are not of this protocol: dropped.")                                          \
    X(COUNTER, wrong_target, "weft_link_wrong_target_total", "",                                   \
      "Messages meant for another process: dropped.")                                              \
    X(COUNTER, contacts, "weft_link_contacts_total", "",                                           \
      "Messages of processes that there was no link with.")                                        \
    X(COUNTER, limit_item, "weft_link_limits_total", "limit=\"link-item\"", LINK_LIMITS_HELP)      \
    X(COUNTER, limit_queue, "weft_link_limits_total", "limit=\"link-queue\"", LINK_LIMITS_HELP)    \
    X(COUNTER, limit_all, "weft_link_limits_total", "limit=\"links\"", LINK_LIMITS_HELP)           \
    X(COUNTER, limit_peers, "weft_link_limits_total", "limit=\"link-peers\"", LINK_LIMITS_HELP)    \
    X(COUNTER, limit_connections, "weft_link_limits_total", "limit=\"link-connections\"",          \
      LINK_LIMITS_HELP)                                                                            \
    X(GAUGE, peers, "weft_link_peers", "", "Processes linked with.")                               \
    X(GAUGE, breakers_closed, "weft_link_breakers", "state=\"closed\"", LINK_BREAKERS)             \
    X(GAUGE, breakers_open, "weft_link_breakers", "state=\"open\"", LINK_BREAKERS)                 \
    X(GAUGE, breakers_half, "weft_link_breakers", "state=\"half-open\"", LINK_BREAKERS)            \
    X(COUNTER, breaker_opened, "weft_link_breaker_opened_total", "",                               \
      "Times that a link's circuit breaker opened, having been closed.")                           \
    X(GAUGE, queued, "weft_link_queued_bytes", "", "Bytes that wait for all peers together.")

OBS_STATS_STRUCT(link_stats, LINK_STATS)

struct link_core {
    struct link_config config;
    size_t address_size;
    const struct link_io *io;
    void *io_ctx;
    struct link_peer *peers; /* hash by boot id; owned */
    struct list dirty;       /* peers with something to send or to tell */
    struct list closed;      /* peers to be freed */
    uint64_t epoch_last;
    int64_t tick_us; /* of the last tick; 0: none yet */
    struct bytes heartbeat;
    struct rng rng; /* jitter */
    struct link_stats stats;
};

/* -EINVAL: no boot id or an address that cannot be sent; -ENOMEM. */
int link_core_init(struct link_core *c, const struct link_config *config, const struct link_io *io,
                   void *io_ctx) __attribute__((warn_unused_result));
/* Closes what is open. */
void link_core_fini(struct link_core *c);
/* link_peer_close() of every peer. */
void link_core_close_peers(struct link_core *c);

/* A message came in. */
void link_core_receive(struct link_core *c, struct slice message, int64_t now_us);
/* The message given to io->send() for this peer was handed over. Flush follows. */
void link_core_sent(struct link_core *c, struct link_peer *peer);
/* Sends what is due and tells what is to be told. Returns when to call again at the latest;
   INT64_MAX: not before something happens. */
int64_t link_core_flush(struct link_core *c, int64_t now_us);
/* To be called every LINK_HEARTBEAT_US: heartbeats, silence, ways that could not be opened. */
void link_core_tick(struct link_core *c, int64_t now_us);

/*
 * 0; -EEXIST: this boot id is open already; -EINVAL: no boot id, our own, or an impossible address;
 * -ENOSPC: peers_max; -ENOMEM. arg is the upper layer's own.
 */
int link_peer_open(struct link_core *c, const char *address, uint64_t boot_id, int64_t now_us,
                   void *arg, struct link_peer **ret) __attribute__((warn_unused_result));
/* Forgets the peer at once, without a word to it. Returns NULL; NULL is fine. */
struct link_peer *link_peer_close(struct link_peer *peer);

/* Outcomes of link_peer_send(). */
enum {
    LINK_SEND_RESET = 1, /* dropped: the queue is full, on_reset comes at the end of the turn */
    LINK_SEND_DEAD = 2,  /* dropped: the peer was replaced */
};
/*
 * Copies the item into the batch under way; it leaves at the end of the turn or soon after. Items
 * arrive in order and once, or not at all and on_reset tells. Items may be empty.
 */
int link_peer_send(struct link_peer *peer, const void *item, size_t size)
    __attribute__((warn_unused_result));
/* Throws away both halves' state and starts anew; on_reset(ASKED) at the end of the turn. */
void link_peer_reset(struct link_peer *peer);

struct link_peer *link_peer_find(struct link_core *c, uint64_t boot_id);
uint64_t link_peer_boot_id(const struct link_peer *peer);
const char *link_peer_address(const struct link_peer *peer);
void *link_peer_arg(const struct link_peer *peer);
void link_peer_set_arg(struct link_peer *peer, void *arg);
size_t link_peer_queued(const struct link_peer *peer);
/* Its breaker is not closed. */
bool link_peer_is_silent(const struct link_peer *peer);
/* Both sides hear each other in the present epochs. */
bool link_peer_is_agreed(const struct link_peer *peer);
const char *link_reset_name(enum link_reset reason);

#endif
