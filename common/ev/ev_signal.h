/*
 * A POSIX signal as a callback on the loop. One loop per process only (libevent's signal handling
 * is process-wide), the main one.
 */
#ifndef WEFT_EV_SIGNAL_H
#define WEFT_EV_SIGNAL_H

struct ev_loop;
struct ev_signal;

/* NULL when it cannot be had (errno). */
struct ev_signal *ev_signal_new(struct ev_loop *loop, int number, void (*caught)(void *arg),
                                void *arg);
struct ev_signal *ev_signal_free(struct ev_signal *sig);

#endif
