/* Shared by the files of this folder only: what a loop is made of. */
#ifndef WEFT_EV_INTERNAL_H
#define WEFT_EV_INTERNAL_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>

#include "ev_loop.h"
#include "must.h"

struct ev_loop {
    struct event_base *base; /* owned */
    uint8_t *read_buffer;    /* owned; lent to one on_read at a time */
    size_t read_size;
    size_t out_bytes_max;
    int64_t close_ms;
    int64_t now_us; /* of this turn; 0: not read yet */
    bool stopped;
    struct event step_timer;  /* bounds the wait of ev_loop_step */
    struct event close_timer; /* of `closing` */
    bool close_timer_set;
    struct list later;   /* ev_task */
    struct list release; /* ev_task */
    struct list dirty;   /* ev_stream with something to write */
    struct list closing; /* ev_stream by deadline: all wait equally long, so oldest first */
    struct list dead;    /* ev_stream to announce and free */
    struct ev_loop_stats stats;
};

/* First thing in every callback that libevent makes. */
static inline void ev_turn_begin(struct ev_loop *loop)
{
    if (loop->now_us == 0)
        loop->now_us = ev_clock_us();
}

static inline struct timeval ev_timeval(int64_t us)
{
    return (struct timeval){.tv_sec = us / 1000000, .tv_usec = us % 1000000};
}

static inline void ev_live_add(struct ev_loop *loop)
{
    loop->stats.live++;
}

static inline void ev_live_remove(struct ev_loop *loop)
{
    MUST(loop->stats.live > 0);
    loop->stats.live--;
}

/* The streams' part of a turn's end, and of a loop's (ev_stream.c). */
void ev_streams_flush(struct ev_loop *loop);
void ev_streams_bury(struct ev_loop *loop);
void ev_streams_expire(evutil_socket_t fd, short what, void *arg);

#endif
