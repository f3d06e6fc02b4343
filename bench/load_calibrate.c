#include "load_calibrate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ev_loop.h"
#include "obs_hist.h"

#define EVENTS 256
#define FRAME_BYTES_MAX 65536

/* One end of a connection: after each `in_bytes` that came it sends `out_bytes`. */
struct end {
    int fd;
    size_t come;
    int64_t sent_us;  /* the client's: when it asked */
    struct end *next; /* the server's: accepted before */
};

struct side {
    int epoll;
    size_t in_bytes, out_bytes;
    struct obs_hist *times; /* of the client's; NULL for the server */
    uint64_t trips;
    struct end *accepted; /* owned; they go with the server's process */
};

static uint8_t frame[FRAME_BYTES_MAX];

static bool frame_send(struct side *side, struct end *end)
{
    end->sent_us = side->times ? ev_clock_us() : 0;
    /* The other side always reads: a frame fits the buffer of its socket. */
    return send(end->fd, frame, side->out_bytes, MSG_NOSIGNAL) == (ssize_t)side->out_bytes;
}

/* False: the connection is over. */
static bool ready(struct side *side, struct end *end)
{
    uint8_t room[FRAME_BYTES_MAX];
    ssize_t n = recv(end->fd, room, sizeof room, 0);

    if (n <= 0)
        return n < 0 && (errno == EAGAIN || errno == EINTR);
    end->come += (size_t)n;
    if (end->come < side->in_bytes)
        return true;
    end->come -= side->in_bytes;
    if (side->times)
        obs_hist_add(side->times, (uint64_t)(ev_clock_us() - end->sent_us));
    side->trips++;
    return frame_send(side, end);
}

static bool watch(int epoll, struct end *end)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = end};

    return epoll_ctl(epoll, EPOLL_CTL_ADD, end->fd, &event) == 0;
}

/* ---- the server, in the child --------------------------------------------------------------- */

static struct end *end_new(int fd)
{
    struct end *end = calloc(1, sizeof *end);
    int one = 1;

    if (end && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0) {
        end->fd = fd;
        return end;
    }
    free(end);
    return NULL;
}

static void accept_one(struct side *side, int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct end *end = fd < 0 ? NULL : end_new(fd);

    if (end && watch(side->epoll, end)) {
        end->next = side->accepted;
        side->accepted = end;
        return;
    }
    free(end);
    if (fd >= 0)
        close(fd);
}

/* Until it is killed. */
static _Noreturn void serve(int listener, const struct load_options *o)
{
    struct side side = {.epoll = epoll_create1(EPOLL_CLOEXEC),
                        .in_bytes = (size_t)o->up_bytes,
                        .out_bytes = (size_t)o->down_bytes};
    struct end accepting = {.fd = listener};
    struct epoll_event events[EVENTS];

    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || side.epoll < 0 || !watch(side.epoll, &accepting))
        _exit(1);
    for (;;) {
        int n = epoll_wait(side.epoll, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            struct end *end = events[i].data.ptr;
            if (end == &accepting)
                accept_one(&side, listener);
            else if (!ready(&side, end))
                close(end->fd);
        }
    }
}

/* ---- the clients ---------------------------------------------------------------------------- */

static struct end *clients_connect(struct side *side, const struct sockaddr_in *to, size_t count)
{
    struct end *ends = calloc(count, sizeof *ends);
    int one = 1;

    for (size_t i = 0; ends && i < count; i++) {
        ends[i].fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (ends[i].fd < 0 || connect(ends[i].fd, (const struct sockaddr *)to, sizeof *to) < 0 ||
            setsockopt(ends[i].fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) < 0 ||
            !watch(side->epoll, &ends[i]) || !frame_send(side, &ends[i])) {
            free(ends);
            return NULL;
        }
    }
    return ends;
}

static bool ask_until(struct side *side, int64_t end_us)
{
    struct epoll_event events[EVENTS];

    while (ev_clock_us() < end_us) {
        int n = epoll_wait(side->epoll, events, EVENTS, 100);
        for (int i = 0; i < n; i++) {
            if (!ready(side, events[i].data.ptr))
                return false;
        }
    }
    return true;
}

struct floor {
    double seconds;
    uint64_t trips, server_us, client_us;
    struct obs_hist times;
};

static uint64_t usage_us(int who)
{
    struct rusage u;

    getrusage(who, &u);
    return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 +
           (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

/* The child's CPU time, to the microsecond, while it lives. */
static uint64_t child_us(pid_t child)
{
    struct timespec t = {0};
    clockid_t clock;

    if (clock_getcpuclockid(child, &clock) == 0)
        (void)clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static bool measure(struct side *side, pid_t child, int64_t seconds, struct floor *ret)
{
    struct floor before;

    /* What connecting cost is not counted. */
    if (!ask_until(side, ev_clock_us() + 200000))
        return false;
    before.trips = side->trips;
    before.server_us = child_us(child);
    before.client_us = usage_us(RUSAGE_SELF);
    ret->times = (struct obs_hist){0};
    int64_t start_us = ev_clock_us();
    if (!ask_until(side, start_us + seconds * 1000000))
        return false;
    ret->seconds = (double)(ev_clock_us() - start_us) / 1e6;
    ret->trips = side->trips - before.trips;
    ret->server_us = child_us(child) - before.server_us;
    ret->client_us = usage_us(RUSAGE_SELF) - before.client_us;
    return ret->trips > 0;
}

static void print(const struct load_options *o, const struct floor *f)
{
    double trips = (double)f->trips;

    if (!o->json)
        printf("an echo of %lld bytes up and %lld down over %lld connections: %.0f round trips/s, "
               "%.1f us of server CPU each\n",
               (long long)o->up_bytes, (long long)o->down_bytes, (long long)o->connections,
               trips / f->seconds, (double)f->server_us / trips);
    printf("{\"mode\":\"calibrate\",\"connections\":%lld,\"up_bytes\":%lld,\"down_bytes\":%lld,"
           "\"seconds\":%.3f,\"trips\":%llu,\"trips_s\":%.1f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,"
           "\"server_cpu_us_per_trip\":%.3f,\"client_cpu_us_per_trip\":%.3f}\n",
           (long long)o->connections, (long long)o->up_bytes, (long long)o->down_bytes, f->seconds,
           (unsigned long long)f->trips, trips / f->seconds,
           (double)obs_hist_quantile(&f->times, 0.5) / 1000,
           (double)obs_hist_quantile(&f->times, 0.99) / 1000, (double)f->server_us / trips,
           (double)f->client_us / trips);
}

/* ---- both ----------------------------------------------------------------------------------- */

static int listener_new(struct sockaddr_in *ret_at)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(fd, 4096) == 0 &&
        getsockname(fd, (struct sockaddr *)&at, &size) == 0) {
        *ret_at = at;
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool clients_run(const struct load_options *o, const struct sockaddr_in *at, pid_t child,
                        struct floor *floor)
{
    struct side side = {.epoll = epoll_create1(EPOLL_CLOEXEC),
                        .in_bytes = (size_t)o->down_bytes,
                        .out_bytes = (size_t)o->up_bytes,
                        .times = &floor->times};
    struct end *ends = side.epoll < 0 ? NULL : clients_connect(&side, at, (size_t)o->connections);
    bool good = ends && measure(&side, child, o->seconds, floor);

    for (size_t i = 0; ends && i < (size_t)o->connections; i++)
        close(ends[i].fd);
    free(ends);
    if (side.epoll >= 0)
        close(side.epoll);
    return good;
}

int load_calibrate(const struct load_options *o, struct bytes *error)
{
    struct sockaddr_in at;
    struct floor floor = {0};
    int listener = listener_new(&at);
    pid_t child = listener < 0 ? -1 : fork();

    if (child == 0)
        serve(listener, o);
    bool good = child > 0 && clients_run(o, &at, child, &floor);
    if (!good)
        bytes_printf(error, "the echo server cannot be measured: %s", strerror(errno));
    if (child > 0) {
        kill(child, SIGKILL);
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    if (listener >= 0)
        close(listener);
    if (good)
        print(o, &floor);
    return good ? 0 : 1;
}
