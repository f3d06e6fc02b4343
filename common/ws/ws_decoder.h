/*
 * RFC 6455 frames, bytes in, events out. Does no I/O and keeps no payload: data is unmasked where
 * it lies and events point into the caller's bytes, so an idle connection costs this struct alone.
 *
 *     struct ws_input in = {buffer, size};
 *     while ((r = ws_decoder_next(&decoder, &in, &event)) > 0)
 *         ... look at event, before the next call ...
 *     r == WS_NEED_MORE: all of `in` is consumed, feed more; r < 0: no memory, drop the connection
 *
 * Every byte given is consumed; nothing has to be kept by the caller. A message that lies whole in
 * one frame in one input arrives as one data event with `begin` and `end`, without a copy or an
 * allocation; otherwise in parts (see ws_collector for whole messages).
 *
 * After WS_CLOSED and WS_BAD the decoder swallows whatever follows. On WS_BAD send a close frame
 * with event.code and drop the connection once it is out.
 *
 * The only allocation is for a control frame that is cut by the end of an input (at most 125 bytes,
 * until its rest comes).
 */
#ifndef WEFT_WS_DECODER_H
#define WEFT_WS_DECODER_H

#include "bytes.h"
#include "ws_frame.h"
#include "ws_utf8.h"

/* Who the decoder belongs to: a server's input must be masked, a client's must not. */
enum ws_role { WS_SERVER, WS_CLIENT };

/* Results of ws_decoder_next; -ENOMEM besides. */
enum ws_result {
    WS_NEED_MORE = 0,
    WS_DATA,   /* a message or part of one */
    WS_PINGED, /* answer with a pong of the same data */
    WS_PONGED,
    WS_CLOSED, /* answer with a close frame unless one was sent already */
    WS_BAD,    /* the peer broke the protocol: code says how, reason in words */
};

struct ws_input {
    uint8_t *data; /* borrowed, written to */
    size_t size;
};

struct ws_event {
    bool text;          /* WS_DATA: of the whole message */
    bool begin;         /* WS_DATA: first part */
    bool end;           /* WS_DATA: last part. May be empty; parts in the middle never are */
    struct slice data;  /* payload; of WS_CLOSED the reason. Lent until the next call */
    uint16_t code;      /* WS_CLOSED: peer's, WS_CLOSE_NONE if it gave none; WS_BAD: ours to send */
    const char *reason; /* WS_BAD: static text */
};

struct ws_decoder {
    uint64_t message_size_max;
    uint64_t message_size; /* payload of this message in finished frames and this one's header */
    uint64_t frame_left;   /* payload bytes of the current frame that have not come yet */
    uint8_t *control;      /* owned; the part of a cut control frame that came, or NULL */
    uint8_t header[WS_HEADER_SIZE_MAX];
    uint8_t header_size; /* bytes of a cut header that came */
    uint8_t control_size;
    uint8_t phase; /* of the masking key */
    uint8_t key[4];
    uint8_t opcode; /* of the current frame */
    bool fin;       /* likewise */
    uint8_t state;
    uint8_t role;
    bool masked;
    bool in_message; /* between first and last frame */
    bool text;
    bool begun;          /* a part of this message was handed out */
    struct ws_utf8 utf8; /* complete between messages */
};

/* message_size_max: a longer message is WS_BAD with WS_CLOSE_TOO_BIG, by its header already. */
void ws_decoder_init(struct ws_decoder *d, enum ws_role role, uint64_t message_size_max);
void ws_decoder_fini(struct ws_decoder *d);
/* Moves *in forward. Fills in ret_event for positive results. */
MUST_CHECK int ws_decoder_next(struct ws_decoder *d, struct ws_input *in,
                               struct ws_event *ret_event);

/*
 * Puts the parts of messages together. A message that came in one part is lent as it is; memory is
 * held only while a message is incomplete.
 */
struct ws_collector {
    struct bytes parts;
    bool lent; /* parts was lent by the last call */
};

void ws_collector_init(struct ws_collector *c);
void ws_collector_fini(struct ws_collector *c);
/*
 * Takes a WS_DATA event. 0: incomplete. 1: *ret is the whole message, lent until the next call or
 * the end of the event's data. -ENOMEM.
 */
MUST_CHECK int ws_collector_add(struct ws_collector *c, const struct ws_event *event,
                                struct slice *ret);

#endif
