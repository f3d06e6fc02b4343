#include "ev_signal.h"

#include <stdlib.h>

#include "ev_internal.h"

struct ev_signal {
    struct event event;
    struct ev_loop *loop; /* borrowed */
    void (*caught)(void *arg);
    void *arg;
    struct ev_task release;
};

static void signal_caught(evutil_socket_t number, short what, void *arg)
{
    struct ev_signal *sig = arg;

    ev_turn_begin(sig->loop);
    sig->caught(sig->arg);
}

static void signal_release(void *arg)
{
    struct ev_signal *sig = arg;

    ev_live_remove(sig->loop);
    free(sig);
}

struct ev_signal *ev_signal_new(struct ev_loop *loop, int number, void (*caught)(void *arg),
                                void *arg)
{
    struct ev_signal *sig = calloc(1, sizeof *sig);

    if (!sig)
        return NULL;
    sig->loop = loop;
    sig->caught = caught;
    sig->arg = arg;
    ev_task_init(&sig->release, signal_release, sig);
    event_assign(&sig->event, loop->base, number, EV_SIGNAL | EV_PERSIST, signal_caught, sig);
    if (event_add(&sig->event, NULL) < 0) {
        free(sig);
        return NULL;
    }
    ev_live_add(loop);
    return sig;
}

struct ev_signal *ev_signal_free(struct ev_signal *sig)
{
    if (!sig)
        return NULL;
    event_del(&sig->event);
    ev_loop_release(sig->loop, &sig->release);
    return NULL;
}
