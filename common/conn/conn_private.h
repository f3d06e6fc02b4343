/* What the files of common/conn share. */
#ifndef WEFT_CONN_PRIVATE_H
#define WEFT_CONN_PRIVATE_H

#include "arena.h"
#include "conn.h"
#include "ev_stream.h"
#include "rng.h"
#include "ws_decoder.h"
#include "ws_handshake.h"

#define CONN_TEXT_MAX 200

struct conn_set {
    struct ev_loop *loop; /* borrowed */
    struct arena mem;     /* for one frame in */
    struct bytes control; /* for one control frame out */
    struct rng keys;      /* of masks; seeded by the kernel */
    struct conn_counts counts;
    size_t live; /* connections */
};

enum conn_state {
    CONN_CONNECTING,
    CONN_UPGRADING, /* the request is out */
    CONN_GREETING,  /* the Hello is out */
    CONN_OPEN,
    CONN_ENDING,
};

struct conn {
    struct conn_set *set;             /* borrowed */
    const struct conn_events *events; /* borrowed */
    void *arg;
    struct ev_stream *stream; /* its own; gone with closed() */
    struct ev_timer *timer;   /* owned; the deadline for the Welcome, then the heartbeat */
    struct ev_task flush;     /* queued while `out` holds frames */
    enum conn_state state;

    char accept[WS_ACCEPT_SIZE + 1]; /* what the gateway has to answer */
    struct slice token;              /* borrowed */
    struct bytes head;               /* of its answer, until it is whole */

    struct ws_decoder decoder;
    struct ws_collector collector;
    struct bytes out; /* room for a header, then the frames of this turn; or empty */

    int64_t beat_ms;    /* half of the heartbeat */
    uint32_t silent_ms; /* as long as this and it is dead */
    bool sent, heard;   /* since the timer fired last */

    struct conn_end end;
    char text[CONN_TEXT_MAX];
};

/* conn.c */
void conn_state_set(struct conn *c, enum conn_state state);
/* Ends it, unless it is ending. code: of the close frame; WS_CLOSE_NONE: at once, without one. */
void conn_fail(struct conn *c, int error, uint16_t code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void conn_welcome(struct conn *c, const struct wire_welcome *welcome);

/* conn_upgrade.c */
void conn_request_send(struct conn *c, const struct conn_url *url);
void conn_answer_read(struct conn *c, struct slice in);

/* conn_in.c */
void conn_read(struct conn *c, struct slice in);

/* conn_out.c; these may end the connection */
/* Bytes as they are. */
void conn_raw_send(struct conn *c, struct slice bytes);
void conn_frame_queue(struct conn *c, const struct wire_client_frame *frame);
/* The frames of this turn; a task's run(). */
void conn_flush(void *arg);
void conn_pong_send(struct conn *c, struct slice data);
void conn_close_frame_send(struct conn *c, uint16_t code, const char *reason);

#endif
