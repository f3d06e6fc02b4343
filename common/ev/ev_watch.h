/*
 * Readiness of a file descriptor that another library owns (hiredis, libpq). Level-triggered: the
 * callback comes again as long as the condition holds.
 *
 * Free the watch before the descriptor is closed. It may be freed from its own callback.
 */
#ifndef WEFT_EV_WATCH_H
#define WEFT_EV_WATCH_H

struct ev_loop;
struct ev_watch;

enum {
    EV_WATCH_READ = 1,
    EV_WATCH_WRITE = 2,
};

/* Watches nothing until ev_watch_set(). NULL when memory is out. */
struct ev_watch *ev_watch_new(struct ev_loop *loop, int fd, void (*ready)(void *arg, int events),
                              void *arg);
struct ev_watch *ev_watch_free(struct ev_watch *watch);
/* events: the EV_WATCH_ bits to wait for from now on; 0 pauses. -ENOMEM is the way to fail (a kind
   of descriptor that cannot be watched, a plain file, just never becomes ready). */
int ev_watch_set(struct ev_watch *watch, int events) __attribute__((warn_unused_result));

#endif
