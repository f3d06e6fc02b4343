/*
 * The event loop: one thread owns it and everything made on it. A turn is
 *
 *     wait -> callbacks -> tasks (ev_loop_later) -> streams write -> closed objects announced,
 * freed
 *
 * so whatever the callbacks of one turn queue on a socket leaves in one system call, and nothing is
 * ever freed while a callback of its own is on the stack. Only ev_wake_send() may be called by
 * other threads.
 */
#ifndef WEFT_EV_LOOP_H
#define WEFT_EV_LOOP_H

#include <stddef.h>
#include <stdint.h>

#include "list.h"
#include "obs_hist.h"

struct ev_loop;

struct ev_loop_config {
    size_t read_size;     /* of the one read buffer all streams share; 0: 64 KiB */
    size_t out_bytes_max; /* queued on all streams together; 0: 256 MiB. Stops peers that do not
                             read from filling memory, however many of them there are */
    int64_t close_ms;     /* how long ev_stream_close_after_flush() waits; 0: 5,000 */
};

/* Work for the end of a turn. Embed it in the object it works on. */
struct ev_task {
    struct list link; /* in a list of the loop while queued */
    void (*run)(void *arg);
    void *arg;
};

/* Plain counters, for the metrics table. */
struct ev_loop_stats {
    uint64_t turns;
    struct obs_hist turn_us; /* of turns that had callbacks: from the first one to the end */
    uint64_t reads, bytes_in;
    uint64_t writes, bytes_out;
    uint64_t writes_blocked; /* the kernel took less than was there */
    uint64_t sends_full;     /* refused because the stream's queue was full */
    uint64_t sends_full_all; /* or the account of all streams */
    uint64_t accepted, accepts_refused;
    size_t out_bytes, out_bytes_max; /* now queued on all streams, and allowed */
    size_t streams, live; /* streams; objects of any kind that must be freed before the loop */
};

/* config may be NULL (defaults). NULL when memory or file descriptors are out (errno tells). */
struct ev_loop *ev_loop_new(const struct ev_loop_config *config);
/* All objects of the loop must have been closed or freed (MUST); their memory goes here at the
   latest, and streams not yet announced as closed are announced. Returns NULL. */
struct ev_loop *ev_loop_free(struct ev_loop *loop);

/* Of all streams together; before anything is queued. */
void ev_loop_set_out_max(struct ev_loop *loop, size_t out_bytes_max);

/* Runs turns until ev_loop_stop(). */
void ev_loop_run(struct ev_loop *loop);
/* One turn that waits at most wait_ms for something to happen. */
void ev_loop_step(struct ev_loop *loop, int64_t wait_ms);
void ev_loop_stop(struct ev_loop *loop);

/* Monotonic; the same value during a turn. */
int64_t ev_loop_now_ms(struct ev_loop *loop);
int64_t ev_loop_now_us(struct ev_loop *loop);
/* Monotonic, read from the kernel now: for measuring. */
int64_t ev_clock_us(void);

void ev_task_init(struct ev_task *task, void (*run)(void *arg), void *arg);
/*
 * Runs the task once at the end of this turn, before the streams write; a task queued by a task
 * runs in the next turn, which then does not wait. Queued already: nothing happens.
 */
void ev_loop_later(struct ev_loop *loop, struct ev_task *task);
/* The same, but as the turn's last step: for releasing memory that callbacks may still be using. */
void ev_loop_release(struct ev_loop *loop, struct ev_task *task);
void ev_task_cancel(struct ev_task *task);

struct ev_loop_stats *ev_loop_stats(struct ev_loop *loop);

#endif
