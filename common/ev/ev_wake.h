/*
 * The one thing other threads may touch: makes the loop call back. Wakes that come before the
 * callback ran are one; a wake sent during the callback brings another call, so a consumer that
 * empties its inbox in the callback misses nothing.
 *
 * Free only when no other thread can send any more.
 */
#ifndef WEFT_EV_WAKE_H
#define WEFT_EV_WAKE_H

struct ev_loop;
struct ev_wake;

/* NULL when memory or file descriptors are out. */
struct ev_wake *ev_wake_new(struct ev_loop *loop, void (*woken)(void *arg), void *arg);
struct ev_wake *ev_wake_free(struct ev_wake *wake);
/* From any thread. Never blocks, never fails; what the sender wrote before is seen by `woken`. */
void ev_wake_send(struct ev_wake *wake);

#endif
