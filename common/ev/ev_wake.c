/*
 * Crosses threads: `pending` keeps a burst of wakes at one write(2). The receiver clears it before
 * it calls back, so a sender that comes after the clearing writes again.
 */
#include "ev_wake.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "ev_internal.h"

struct ev_wake {
    struct event event;
    struct ev_loop *loop; /* borrowed */
    void (*woken)(void *arg);
    void *arg;
    struct ev_task release;
    int fd; /* owned: eventfd */
    atomic_bool pending;
};

static void wake_ready(evutil_socket_t fd, short what, void *arg)
{
    struct ev_wake *wake = arg;
    uint64_t count;

    ev_turn_begin(wake->loop);
    if (read(fd, &count, sizeof count) != sizeof count)
        return;
    atomic_exchange_explicit(&wake->pending, false, memory_order_acq_rel);
    wake->woken(wake->arg);
}

static void wake_release(void *arg)
{
    struct ev_wake *wake = arg;

    ev_live_remove(wake->loop);
    free(wake);
}

struct ev_wake *ev_wake_new(struct ev_loop *loop, void (*woken)(void *arg), void *arg)
{
    struct ev_wake *wake = calloc(1, sizeof *wake);

    if (!wake)
        return NULL;
    wake->loop = loop;
    wake->woken = woken;
    wake->arg = arg;
    ev_task_init(&wake->release, wake_release, wake);
    wake->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (wake->fd < 0)
        goto fail;
    event_assign(&wake->event, loop->base, wake->fd, EV_READ | EV_PERSIST, wake_ready, wake);
    if (event_add(&wake->event, NULL) < 0)
        goto fail_fd;
    ev_live_add(loop);
    return wake;

fail_fd:
    close(wake->fd);
fail:
    free(wake);
    return NULL;
}

struct ev_wake *ev_wake_free(struct ev_wake *wake)
{
    if (!wake)
        return NULL;
    event_del(&wake->event);
    close(wake->fd);
    ev_loop_release(wake->loop, &wake->release);
    return NULL;
}

void ev_wake_send(struct ev_wake *wake)
{
    uint64_t one = 1;

    if (atomic_exchange_explicit(&wake->pending, true, memory_order_acq_rel))
        return;
    /* Can fail only if the counter is about to overflow, and then the loop is being woken. */
    while (write(wake->fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
}
