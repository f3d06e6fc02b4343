/*
 * A listening socket. Accepts a bounded number of connections per turn and hands out their
 * descriptors, non-blocking, with TCP_NODELAY (inherited from the listening socket).
 *
 * The awkward case is running out of descriptors: the connection stays in the kernel's queue, the
 * socket stays readable and the loop would spin. So one descriptor is kept in reserve: it is given
 * up to accept and close (the client sees an end instead of a hang), taken again, and the listener
 * pauses for EV_LISTEN_PAUSE_MS.
 */
#ifndef WEFT_EV_LISTEN_H
#define WEFT_EV_LISTEN_H

#include <stdbool.h>

#include "ev_address.h"

#define EV_LISTEN_PAUSE_MS 100

struct ev_loop;
struct ev_listen;

struct ev_listen_config {
    int backlog;           /* 0: 4096 */
    int accept_max;        /* per turn; 0: 64. Keeps a storm of clients from starving others */
    bool reuse_port;       /* several loops listen on one port, the kernel spreads clients */
    int send_buffer_bytes; /* SO_SNDBUF of accepted sockets; 0: the kernel's own choice */
    int notsent_bytes;     /* TCP_NOTSENT_LOWAT of accepted sockets; 0: off. Small values keep a
                              slow reader's backlog here, where it can still be conflated */
};

/*
 * Binds and listens. config may be NULL. on_accept owns the descriptor. A stale unix socket file
 * is replaced. Negative errno if the address cannot be had; *ret is set only on success.
 */
int ev_listen_new(struct ev_loop *loop, const struct ev_address *address,
                  const struct ev_listen_config *config,
                  void (*on_accept)(void *arg, int fd, const struct ev_address *peer), void *arg,
                  struct ev_listen **ret) __attribute__((warn_unused_result));
struct ev_listen *ev_listen_free(struct ev_listen *listen);
/*
 * Hands out first what waits in the kernel's queue, which closing the socket would reset: at most
 * as many as the backlog, so that a storm of clients cannot keep it here. Who comes between the
 * last look and the close is reset all the same; one who connects can see that at any address.
 */
struct ev_listen *ev_listen_finish(struct ev_listen *listen);
/* Where it listens really (port 0 was chosen by the kernel). */
void ev_listen_address(const struct ev_listen *listen, struct ev_address *ret);
/* Stops accepting (the backlog fills) and goes on. */
void ev_listen_pause(struct ev_listen *listen);
void ev_listen_resume(struct ev_listen *listen);

#endif
