/*
 * A non-blocking stream socket.
 *
 * Reading lends bytes from one buffer per loop, so an idle connection holds none. Writing queues
 * references or copies and sends them at the end of the turn with one system call for all of them.
 *
 *     ev_stream_connect            ev_stream_open
 *           |                            |
 *      CONNECTING ---- connected ----> OPEN --- close_after_flush ---> FLUSHING
 *           |                            |                                |  queue empty:
 *           |                            |                                |  shutdown(WR)
 *         error                    error, close                        LINGERING
 *           |                            |                                |  end of file, close_ms
 *           +------------> CLOSED <------+--------------------------------+
 *                             |
 *                     on_closed at the end of the turn, then the memory goes
 *
 * FLUSHING and LINGERING read and discard, so that the kernel does not answer late bytes with a
 * reset that would destroy what we sent last (a close frame with its code).
 */
#ifndef WEFT_EV_STREAM_H
#define WEFT_EV_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "ev_address.h"
#include "refbuf.h"

struct ev_loop;
struct ev_stream;

/* Outcomes of the send functions. */
enum {
    EV_SEND_HIGH = 1, /* queued; the queue is above out_high: on_drained will come */
    EV_SEND_FULL = 2, /* not queued: out_max, or the loop's account, would be passed */
    EV_SEND_GONE = 3, /* not queued: the stream is closing or closed */
};

/* What all streams of a sort have in common; lives as long as any of them. */
struct ev_stream_kind {
    /* Lends bytes until it returns; it must take all. May send, pause, close. */
    void (*on_read)(struct ev_stream *s, void *arg, struct slice in);
    /* A connect succeeded. May be NULL. */
    void (*on_connected)(struct ev_stream *s, void *arg);
    /* The peer sends no more; sending is still possible. NULL: closes after flush. */
    void (*on_eof)(struct ev_stream *s, void *arg);
    /* After EV_SEND_HIGH: the queue has fallen to half of out_high. See ev_stream_drain_all(), too.
       May be NULL. */
    void (*on_drained)(struct ev_stream *s, void *arg);
    /*
     * The last call, always at the end of a turn; the stream's memory goes when it returns.
     * reason: 0 closed by us or after the peer's end; negative errno: -ECONNRESET, -EPIPE, a failed
     * connect, -ENOMEM, -ETIMEDOUT (the peer did not take the rest within close_ms).
     */
    void (*on_closed)(struct ev_stream *s, void *arg, int reason);
    uint32_t read_max; /* bytes per turn and stream; 0: the loop's read_size */
    uint32_t out_high; /* queued bytes from which sends return EV_SEND_HIGH; 0: half of out_max */
    uint32_t out_max;  /* queued bytes; 0: 1 MiB. Stops one peer that does not read */
};

/* Makes a stream of a connected socket. Takes fd on success only. NULL when memory is out. */
struct ev_stream *ev_stream_open(struct ev_loop *loop, int fd, const struct ev_stream_kind *kind,
                                 void *arg);
/*
 * Connects; later on_connected or on_closed. `from` (may be NULL) is the local address to bind, so
 * that a load generator can use more ports than one address has. Negative errno when it fails at
 * once. Sends before on_connected are queued.
 */
int ev_stream_connect(struct ev_loop *loop, const struct ev_address *to,
                      const struct ev_address *from, const struct ev_stream_kind *kind, void *arg,
                      struct ev_stream **ret) __attribute__((warn_unused_result));

/*
 * Send functions: 0, an EV_SEND_ outcome or -ENOMEM (nothing was queued).
 * Each frame goes in whole or not at all.
 */
/* Takes its own reference. */
int ev_stream_send_ref(struct ev_stream *s, struct refbuf *b) __attribute__((warn_unused_result));
/* Copies; small copies behind one another share memory. */
int ev_stream_send_copy(struct ev_stream *s, struct slice bytes)
    __attribute__((warn_unused_result));
/* Takes the memory of b, which is empty afterwards; on any outcome but 0 and HIGH b is as before.
 */
int ev_stream_send_bytes(struct ev_stream *s, struct bytes *b) __attribute__((warn_unused_result));

/*
 * on_drained comes once when the kernel has taken all that is queued, not at half of out_high; soon
 * if nothing is.
 */
void ev_stream_drain_all(struct ev_stream *s);
/* What is queued here and not yet taken by the kernel: its bytes, and what keeping them takes. All
 * bounds of queues are about this sum: of very small frames the bytes are the least. */
size_t ev_stream_queued(const struct ev_stream *s);
/* While paused nothing is read: the peer feels it. (A dead peer is then noticed only by sends.) */
void ev_stream_pause(struct ev_stream *s);
void ev_stream_resume(struct ev_stream *s);

/* Drops the queue and closes. Returns at once; on_closed comes once, later. Again: nothing. */
void ev_stream_close(struct ev_stream *s);
/* Sends what is queued, then says goodbye properly; on_closed after at most close_ms. */
void ev_stream_close_after_flush(struct ev_stream *s);
/* False from the first close call or error on. */
bool ev_stream_is_open(const struct ev_stream *s);

void *ev_stream_arg(const struct ev_stream *s);
void ev_stream_set_arg(struct ev_stream *s, void *arg);
/* When bytes last came, in ev_loop_now_ms() time: for idle checks without a timer per stream. */
int64_t ev_stream_read_ms(const struct ev_stream *s);
struct ev_loop *ev_stream_loop(const struct ev_stream *s);
/* Bytes of memory of a stream with nothing queued: for capacity figures. */
size_t ev_stream_size(void);

#endif
