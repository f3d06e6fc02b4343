#include "ev_watch.h"

#include <errno.h>
#include <stdlib.h>

#include "ev_internal.h"

struct ev_watch {
    struct event event;
    struct ev_loop *loop; /* borrowed */
    void (*ready)(void *arg, int events);
    void *arg;
    struct ev_task release;
    int fd; /* borrowed */
    int events;
};

static void watch_ready(evutil_socket_t fd, short what, void *arg)
{
    struct ev_watch *watch = arg;

    ev_turn_begin(watch->loop);
    watch->ready(watch->arg,
                 (what & EV_READ ? EV_WATCH_READ : 0) | (what & EV_WRITE ? EV_WATCH_WRITE : 0));
}

static void watch_release(void *arg)
{
    struct ev_watch *watch = arg;

    ev_live_remove(watch->loop);
    free(watch);
}

struct ev_watch *ev_watch_new(struct ev_loop *loop, int fd, void (*ready)(void *arg, int events),
                              void *arg)
{
    struct ev_watch *watch = calloc(1, sizeof *watch);

    if (!watch)
        return NULL;
    watch->loop = loop;
    watch->fd = fd;
    watch->ready = ready;
    watch->arg = arg;
    ev_task_init(&watch->release, watch_release, watch);
    event_assign(&watch->event, loop->base, fd, EV_READ | EV_PERSIST, watch_ready, watch);
    ev_live_add(loop);
    return watch;
}

struct ev_watch *ev_watch_free(struct ev_watch *watch)
{
    if (!watch)
        return NULL;
    event_del(&watch->event);
    ev_loop_release(watch->loop, &watch->release);
    return NULL;
}

int ev_watch_set(struct ev_watch *watch, int events)
{
    short wanted = EV_PERSIST;

    if (events == watch->events)
        return 0;
    event_del(&watch->event);
    watch->events = 0;
    if (events == 0)
        return 0;
    if (events & EV_WATCH_READ)
        wanted |= EV_READ;
    if (events & EV_WATCH_WRITE)
        wanted |= EV_WRITE;
    event_assign(&watch->event, watch->loop->base, watch->fd, wanted, watch_ready, watch);
    errno = 0;
    if (event_add(&watch->event, NULL) < 0)
        return errno ? -errno : -ENOMEM;
    watch->events = events;
    return 0;
}
