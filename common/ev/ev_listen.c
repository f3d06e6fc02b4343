#include "ev_listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ev_internal.h"
#include "ev_timer.h"

#define BACKLOG_DEFAULT 4096
#define ACCEPT_DEFAULT 64

struct ev_listen {
    struct event event;
    struct ev_loop *loop; /* borrowed */
    void (*on_accept)(void *arg, int fd, const struct ev_address *peer);
    void *arg;
    struct ev_timer *resume; /* owned */
    struct ev_task release;
    int fd;         /* owned; -1: freed */
    int reserve_fd; /* owned; -1: could not be had again yet */
    int accept_max;
    int backlog;
    bool paused;
};

static int reserve_open(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void accept_again(void *arg)
{
    struct ev_listen *listen = arg;

    if (!listen->paused)
        (void)event_add(&listen->event, NULL);
}

static void out_of_descriptors(struct ev_listen *listen)
{
    listen->loop->stats.accepts_refused++;
    if (listen->reserve_fd >= 0) {
        close(listen->reserve_fd);
        int fd = accept4(listen->fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            close(fd);
    }
    listen->reserve_fd = reserve_open();
    event_del(&listen->event);
    ev_timer_start(listen->resume, EV_LISTEN_PAUSE_MS);
}

/* False: nothing more to accept in this turn. */
static bool accept_one(struct ev_listen *listen)
{
    struct ev_address peer = {.size = sizeof peer.un};
    int fd = accept4(listen->fd, &peer.sa, &peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd >= 0) {
        listen->loop->stats.accepted++;
        listen->on_accept(listen->arg, fd, &peer);
        return true;
    }
    switch (errno) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        out_of_descriptors(listen);
        return false;
    case EAGAIN:
        return false;
    default:
        /* accept(2): errors of the new connection (ECONNABORTED, EPROTO, ...) come here too. */
        return true;
    }
}

static void listen_ready(evutil_socket_t fd, short what, void *arg)
{
    struct ev_listen *listen = arg;

    ev_turn_begin(listen->loop);
    for (int i = 0; i < listen->accept_max; i++) {
        if (!accept_one(listen))
            return;
        if (listen->fd < 0 || listen->paused)
            return;
    }
}

static int option_set(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value) < 0 ? -errno : 0;
}

static int options_set(int fd, const struct ev_address *address,
                       const struct ev_listen_config *config)
{
    bool tcp = address->sa.sa_family != AF_UNIX;
    int r = 0;

    if (tcp)
        r = option_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (r == 0 && tcp)
        r = option_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (r == 0 && tcp && config->reuse_port)
        r = option_set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (r == 0 && tcp && config->notsent_bytes)
        r = option_set(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, config->notsent_bytes);
    if (r == 0 && config->send_buffer_bytes)
        r = option_set(fd, SOL_SOCKET, SO_SNDBUF, config->send_buffer_bytes);
    return r;
}

/* Removes the file a dead process left; a socket that answers belongs to somebody. */
static int stale_unix_remove(const struct ev_address *address)
{
    struct stat st;
    int r = 0;

    if (lstat(address->un.sun_path, &st) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(st.st_mode))
        return -EADDRINUSE;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, &address->sa, address->size) == 0)
        r = -EADDRINUSE;
    else if (errno == ECONNREFUSED && unlink(address->un.sun_path) < 0)
        r = -errno;
    close(fd);
    return r;
}

static int socket_open(const struct ev_address *address, const struct ev_listen_config *config,
                       int backlog, int *ret)
{
    int fd, r;

    if (address->sa.sa_family == AF_UNIX) {
        r = stale_unix_remove(address);
        if (r < 0)
            return r;
    }
    fd = socket(address->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    r = options_set(fd, address, config);
    if (r == 0 && bind(fd, &address->sa, address->size) < 0)
        r = -errno;
    if (r == 0 && listen(fd, backlog) < 0)
        r = -errno;
    if (r < 0) {
        close(fd);
        return r;
    }
    *ret = fd;
    return 0;
}

static void listen_release(void *arg)
{
    struct ev_listen *listen = arg;

    ev_live_remove(listen->loop);
    free(listen);
}

int ev_listen_new(struct ev_loop *loop, const struct ev_address *address,
                  const struct ev_listen_config *config,
                  void (*on_accept)(void *arg, int fd, const struct ev_address *peer), void *arg,
                  struct ev_listen **ret)
{
    static const struct ev_listen_config defaults;
    struct ev_listen *listen = calloc(1, sizeof *listen);
    int r = -ENOMEM;

    if (!listen)
        return -ENOMEM;
    if (!config)
        config = &defaults;
    listen->loop = loop;
    listen->on_accept = on_accept;
    listen->arg = arg;
    listen->accept_max = config->accept_max ? config->accept_max : ACCEPT_DEFAULT;
    listen->backlog = config->backlog ? config->backlog : BACKLOG_DEFAULT;
    ev_task_init(&listen->release, listen_release, listen);
    listen->reserve_fd = reserve_open();
    listen->resume = ev_timer_new(loop, accept_again, listen);
    if (!listen->resume)
        goto fail;
    r = socket_open(address, config, listen->backlog, &listen->fd);
    if (r < 0)
        goto fail;
    event_assign(&listen->event, loop->base, listen->fd, EV_READ | EV_PERSIST, listen_ready,
                 listen);
    if (event_add(&listen->event, NULL) < 0) {
        r = -ENOMEM;
        goto fail_fd;
    }
    ev_live_add(loop);
    *ret = listen;
    return 0;

fail_fd:
    close(listen->fd);
fail:
    ev_timer_free(listen->resume);
    if (listen->reserve_fd >= 0)
        close(listen->reserve_fd);
    free(listen);
    return r;
}

struct ev_listen *ev_listen_free(struct ev_listen *listen)
{
    struct ev_address address;

    if (!listen)
        return NULL;
    ev_listen_address(listen, &address);
    event_del(&listen->event);
    close(listen->fd);
    listen->fd = -1;
    if (address.sa.sa_family == AF_UNIX)
        (void)unlink(address.un.sun_path);
    if (listen->reserve_fd >= 0)
        close(listen->reserve_fd);
    listen->resume = ev_timer_free(listen->resume);
    ev_loop_release(listen->loop, &listen->release);
    return NULL;
}

struct ev_listen *ev_listen_finish(struct ev_listen *listen)
{
    /* The kernel's queue holds one more than it was told. */
    for (int i = 0; listen && i <= listen->backlog; i++)
        if (!accept_one(listen))
            break;
    return ev_listen_free(listen);
}

void ev_listen_address(const struct ev_listen *listen, struct ev_address *ret)
{
    *ret = (struct ev_address){.size = sizeof ret->un};
    MUST(getsockname(listen->fd, &ret->sa, &ret->size) == 0);
}

void ev_listen_pause(struct ev_listen *listen)
{
    listen->paused = true;
    event_del(&listen->event);
    ev_timer_stop(listen->resume);
}

void ev_listen_resume(struct ev_listen *listen)
{
    listen->paused = false;
    (void)event_add(&listen->event, NULL);
}
