/*
 * Streams: see ev_stream.h for the states.
 *
 * One libevent event per stream, reassigned when the interest changes; with the changelist that is
 * one epoll_ctl per real change. In the normal case interest never changes: reading stays on, and
 * writing is tried at the end of each turn and waits for the kernel only after a short write.
 *
 * The awkward case: callbacks may close the stream that calls them. Each of them is therefore the
 * last thing its caller does, or is followed by a look at the state; memory stays until
 * ev_streams_bury().
 */
#include "ev_stream.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ev_internal.h"
#include "ev_out.h"

#define STREAM_MAGIC 0x5354524du
#define OUT_MAX_DEFAULT (1024 * 1024)
#define IOV_COUNT 128
/* What one stream may write per turn, so that a fast reader of much does not starve the rest. */
#define FLUSH_BYTES_MAX (512 * 1024)
enum stream_state {
    STREAM_CONNECTING,
    STREAM_OPEN,
    STREAM_FLUSHING,
    STREAM_LINGERING,
    STREAM_CLOSED,
};

struct ev_stream {
    struct event event;
    uint32_t magic;
    int fd; /* owned; -1 once closed */
    struct ev_loop *loop;
    const struct ev_stream_kind *kind;
    void *arg;
    struct list dirty; /* in loop->dirty: something to write or to find out at the turn's end */
    struct list link;  /* FLUSHING, LINGERING: in loop->closing; CLOSED: in loop->dead */
    struct ev_out out;
    int64_t read_ms;
    int64_t deadline_ms; /* while in loop->closing */
    int reason;
    uint8_t state;    /* enum stream_state */
    uint8_t interest; /* EV_READ | EV_WRITE as libevent knows it */
    bool blocked;     /* the kernel's buffer is full, or connecting: wait for EV_WRITE */
    bool above_high;  /* on_drained is owed */
    bool drain_all;   /* and not before the queue is empty */
    bool paused;
    bool ended; /* end of file was read */
};

/* The budget for a million idle connections counts on this. */
_Static_assert(sizeof(struct ev_stream) <= 280, "a stream got fat");

static void stream_ready(evutil_socket_t fd, short what, void *arg);

/* ---- queue ---------------------------------------------------------------------------------- */

static void queue_drop(struct ev_stream *s)
{
    s->loop->stats.out_bytes -= ev_out_held(&s->out);
    ev_out_drop(&s->out);
}

static void dirty_mark(struct ev_stream *s)
{
    if (!s->blocked && list_empty(&s->dirty))
        list_push_back(&s->loop->dirty, &s->dirty);
}

static uint32_t out_max(const struct ev_stream *s)
{
    return s->kind->out_max ? s->kind->out_max : OUT_MAX_DEFAULT;
}

static uint32_t out_high(const struct ev_stream *s)
{
    return s->kind->out_high ? s->kind->out_high : out_max(s) / 2;
}

static int send_check(struct ev_stream *s, size_t size)
{
    struct ev_loop *loop = s->loop;

    MUST(s->magic == STREAM_MAGIC);
    if (s->state != STREAM_OPEN && s->state != STREAM_CONNECTING)
        return EV_SEND_GONE;
    bool queue_full = size + EV_SEGMENT_COST > out_max(s) - ev_out_held(&s->out);
    bool all_full = size + EV_SEGMENT_COST > loop->out_bytes_max - loop->stats.out_bytes;
    loop->stats.sends_full += queue_full;
    loop->stats.sends_full_all += all_full && !queue_full;
    return queue_full || all_full ? EV_SEND_FULL : 0;
}

/* `held` before it. */
static int send_done(struct ev_stream *s, size_t held)
{
    s->loop->stats.out_bytes += ev_out_held(&s->out) - held;
    dirty_mark(s);
    if (ev_out_held(&s->out) < out_high(s))
        return 0;
    s->above_high = true;
    return EV_SEND_HIGH;
}

int ev_stream_send_ref(struct ev_stream *s, struct refbuf *b)
{
    int r = send_check(s, b->size);
    size_t held = ev_out_held(&s->out);

    if (r || b->size == 0)
        return r;
    return ev_out_ref(&s->out, b) ? send_done(s, held) : -ENOMEM;
}

int ev_stream_send_copy(struct ev_stream *s, struct slice bytes)
{
    int r = send_check(s, bytes.size);
    size_t held = ev_out_held(&s->out);

    if (r || bytes.size == 0)
        return r;
    return ev_out_copy(&s->out, bytes) ? send_done(s, held) : -ENOMEM;
}

int ev_stream_send_bytes(struct ev_stream *s, struct bytes *b)
{
    int r = send_check(s, b->size);
    size_t held = ev_out_held(&s->out);

    if (r || b->size == 0)
        return r;
    return ev_out_own(&s->out, b) ? send_done(s, held) : -ENOMEM;
}

void ev_stream_drain_all(struct ev_stream *s)
{
    MUST(s->magic == STREAM_MAGIC);
    if (s->state != STREAM_OPEN)
        return;
    s->above_high = s->drain_all = true;
    dirty_mark(s);
}

size_t ev_stream_queued(const struct ev_stream *s)
{
    return ev_out_held(&s->out);
}

/* ---- state ---------------------------------------------------------------------------------- */

/* The only way into STREAM_CLOSED. */
static void stream_die(struct ev_stream *s, int reason)
{
    if (s->state == STREAM_CLOSED)
        return;
    s->state = STREAM_CLOSED;
    s->reason = reason;
    event_del(&s->event);
    close(s->fd);
    s->fd = -1;
    queue_drop(s);
    list_remove(&s->dirty);
    list_remove(&s->link);
    list_push_back(&s->loop->dead, &s->link);
}

static void interest_update(struct ev_stream *s)
{
    uint8_t wanted = 0;

    if (s->state == STREAM_CLOSED)
        return;
    /* A closing stream reads and discards, paused or not. */
    if (s->state != STREAM_CONNECTING && !s->ended && !(s->state == STREAM_OPEN && s->paused))
        wanted |= EV_READ;
    if (s->blocked)
        wanted |= EV_WRITE;
    if (wanted == s->interest)
        return;
    if (s->interest)
        event_del(&s->event);
    s->interest = wanted;
    if (!wanted)
        return;
    event_assign(&s->event, s->loop->base, s->fd, (short)(wanted | EV_PERSIST), stream_ready, s);
    if (event_add(&s->event, NULL) < 0)
        stream_die(s, -ENOMEM);
}

static void close_timer_arm(struct ev_loop *loop)
{
    struct ev_stream *s = list_first(&loop->closing, struct ev_stream, link);

    if (!s || loop->close_timer_set)
        return;
    int64_t wait_ms = s->deadline_ms - ev_loop_now_ms(loop);
    struct timeval wait = ev_timeval(wait_ms > 0 ? wait_ms * 1000 : 0);
    MUST(event_add(&loop->close_timer, &wait) == 0);
    loop->close_timer_set = true;
}

void ev_streams_expire(evutil_socket_t fd, short what, void *arg)
{
    struct ev_loop *loop = arg;
    struct ev_stream *s;

    ev_turn_begin(loop);
    loop->close_timer_set = false;
    while ((s = list_first(&loop->closing, struct ev_stream, link)) &&
           s->deadline_ms <= ev_loop_now_ms(loop)) {
        /* A lingering stream has sent everything: the peer just keeps its own side open. */
        stream_die(s, s->state == STREAM_FLUSHING ? -ETIMEDOUT : 0);
    }
    close_timer_arm(loop);
}

void ev_stream_close(struct ev_stream *s)
{
    MUST(s->magic == STREAM_MAGIC);
    stream_die(s, 0);
}

void ev_stream_close_after_flush(struct ev_stream *s)
{
    MUST(s->magic == STREAM_MAGIC);
    if (s->state == STREAM_CONNECTING)
        stream_die(s, 0);
    if (s->state != STREAM_OPEN)
        return;
    s->state = STREAM_FLUSHING;
    s->deadline_ms = ev_loop_now_ms(s->loop) + s->loop->close_ms;
    list_push_back(&s->loop->closing, &s->link);
    close_timer_arm(s->loop);
    interest_update(s);
    if (s->state == STREAM_FLUSHING)
        dirty_mark(s);
}

bool ev_stream_is_open(const struct ev_stream *s)
{
    return s->state == STREAM_OPEN || s->state == STREAM_CONNECTING;
}

/* ---- writing -------------------------------------------------------------------------------- */

/* One system call. False: nothing more can be written now. */
static bool write_once(struct ev_stream *s, size_t *budget)
{
    struct iovec iov[IOV_COUNT];
    struct msghdr message = {.msg_iov = iov};
    size_t total;

    message.msg_iovlen = ev_out_front(&s->out, iov, IOV_COUNT, *budget, &total);
    ssize_t n = sendmsg(s->fd, &message, MSG_NOSIGNAL);
    s->loop->stats.writes++;
    if (n < 0) {
        if (errno == EINTR)
            return true;
        if (errno != EAGAIN) {
            stream_die(s, -errno);
            return false;
        }
        n = 0;
    }
    s->loop->stats.bytes_out += (uint64_t)n;
    s->loop->stats.out_bytes -= ev_out_held(&s->out);
    ev_out_consume(&s->out, (size_t)n);
    s->loop->stats.out_bytes += ev_out_held(&s->out);
    *budget -= (size_t)n < *budget ? (size_t)n : *budget;
    if ((size_t)n < total) {
        s->loop->stats.writes_blocked++;
        s->blocked = true;
        return false;
    }
    return true;
}

static void flushed(struct ev_stream *s)
{
    if (s->ended) {
        stream_die(s, 0);
    } else if (shutdown(s->fd, SHUT_WR) < 0) {
        stream_die(s, -errno);
    } else {
        s->state = STREAM_LINGERING;
    }
}

static void stream_flush(struct ev_stream *s)
{
    size_t budget = FLUSH_BYTES_MAX;

    while (s->out.first && budget > 0 && write_once(s, &budget))
        ;
    if (s->state == STREAM_CLOSED)
        return;
    interest_update(s);
    if (s->state == STREAM_CLOSED)
        return;
    if (s->out.first)
        dirty_mark(s);
    else if (s->state == STREAM_FLUSHING)
        flushed(s);
    if (s->above_high && ev_out_held(&s->out) <= (s->drain_all ? 0 : out_high(s) / 2)) {
        s->above_high = s->drain_all = false;
        if (s->state == STREAM_OPEN && s->kind->on_drained)
            s->kind->on_drained(s, s->arg);
    }
}

void ev_streams_flush(struct ev_loop *loop)
{
    struct list now;

    list_init(&now);
    list_splice_back(&now, &loop->dirty);
    while (!list_empty(&now)) {
        struct ev_stream *s = list_entry(now.next, struct ev_stream, dirty);
        list_remove(&s->dirty);
        if (s->state != STREAM_CONNECTING)
            stream_flush(s);
    }
}

/* ---- reading -------------------------------------------------------------------------------- */

static void read_end(struct ev_stream *s)
{
    s->ended = true;
    if (s->state == STREAM_LINGERING) {
        stream_die(s, 0);
        return;
    }
    interest_update(s);
    if (s->state != STREAM_OPEN)
        return;
    if (s->kind->on_eof)
        s->kind->on_eof(s, s->arg);
    else
        ev_stream_close_after_flush(s);
}

/* One read per wake: what is left makes the socket readable again, and others get their turn. */
static void stream_read(struct ev_stream *s)
{
    struct ev_loop *loop = s->loop;
    size_t size = loop->read_size;

    if (s->kind->read_max && s->kind->read_max < size)
        size = s->kind->read_max;
    ssize_t n = recv(s->fd, loop->read_buffer, size, 0);
    loop->stats.reads++;
    if (n > 0) {
        loop->stats.bytes_in += (uint64_t)n;
        s->read_ms = ev_loop_now_ms(loop);
        if (s->state == STREAM_OPEN)
            s->kind->on_read(s, s->arg, slice_of(loop->read_buffer, (size_t)n));
    } else if (n == 0) {
        read_end(s);
    } else if (errno != EAGAIN && errno != EINTR) {
        stream_die(s, -errno);
    }
}

static void connect_done(struct ev_stream *s)
{
    int error = 0;
    socklen_t size = sizeof error;

    if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
        error = errno;
    if (error) {
        stream_die(s, -error);
        return;
    }
    s->state = STREAM_OPEN;
    s->read_ms = ev_loop_now_ms(s->loop);
    dirty_mark(s);
    if (s->kind->on_connected)
        s->kind->on_connected(s, s->arg);
}

static void stream_ready(evutil_socket_t fd, short what, void *arg)
{
    struct ev_stream *s = arg;

    MUST(s->magic == STREAM_MAGIC);
    ev_turn_begin(s->loop);
    if (what & EV_WRITE) {
        s->blocked = false;
        if (s->state == STREAM_CONNECTING) {
            connect_done(s);
            /* The flush at the turn's end sets the interest. */
            return;
        }
        dirty_mark(s);
    }
    if ((what & EV_READ) && s->state != STREAM_CLOSED)
        stream_read(s);
}

void ev_stream_pause(struct ev_stream *s)
{
    s->paused = true;
    interest_update(s);
}

void ev_stream_resume(struct ev_stream *s)
{
    s->paused = false;
    interest_update(s);
}

/* ---- birth and burial ----------------------------------------------------------------------- */

static struct ev_stream *stream_new(struct ev_loop *loop, int fd, const struct ev_stream_kind *kind,
                                    void *arg, enum stream_state state)
{
    struct ev_stream *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->magic = STREAM_MAGIC;
    s->fd = fd;
    s->loop = loop;
    s->kind = kind;
    s->arg = arg;
    s->state = state;
    s->blocked = state == STREAM_CONNECTING;
    s->read_ms = ev_loop_now_ms(loop);
    list_init(&s->dirty);
    list_init(&s->link);
    s->interest = s->blocked ? EV_WRITE : EV_READ;
    event_assign(&s->event, loop->base, fd, (short)(s->interest | EV_PERSIST), stream_ready, s);
    if (event_add(&s->event, NULL) < 0) {
        free(s);
        return NULL;
    }
    loop->stats.streams++;
    ev_live_add(loop);
    return s;
}

struct ev_stream *ev_stream_open(struct ev_loop *loop, int fd, const struct ev_stream_kind *kind,
                                 void *arg)
{
    return stream_new(loop, fd, kind, arg, STREAM_OPEN);
}

static int connect_socket(const struct ev_address *to, const struct ev_address *from, int *ret)
{
    int fd = socket(to->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int one = 1, r = 0;

    if (fd < 0)
        return -errno;
    if (to->sa.sa_family != AF_UNIX)
        r = setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    /* The port is chosen at connect: else 28,000 connections would be all of one address. */
    if (r == 0 && from && from->sa.sa_family == AF_INET)
        r = setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    if (r == 0 && from)
        r = bind(fd, &from->sa, from->size);
    if (r == 0)
        r = connect(fd, &to->sa, to->size);
    if (r < 0 && errno != EINPROGRESS) {
        r = -errno;
        close(fd);
        return r;
    }
    *ret = fd;
    return 0;
}

int ev_stream_connect(struct ev_loop *loop, const struct ev_address *to,
                      const struct ev_address *from, const struct ev_stream_kind *kind, void *arg,
                      struct ev_stream **ret)
{
    int fd = -1;
    int r = connect_socket(to, from, &fd);

    if (r < 0)
        return r;
    struct ev_stream *s = stream_new(loop, fd, kind, arg, STREAM_CONNECTING);
    if (!s) {
        close(fd);
        return -ENOMEM;
    }
    *ret = s;
    return 0;
}

void ev_streams_bury(struct ev_loop *loop)
{
    struct list now;

    list_init(&now);
    list_splice_back(&now, &loop->dead);
    while (!list_empty(&now)) {
        struct ev_stream *s = list_entry(now.next, struct ev_stream, link);
        list_remove(&s->link);
        MUST(s->state == STREAM_CLOSED && !s->out.first && list_empty(&s->dirty));
        s->kind->on_closed(s, s->arg, s->reason);
        s->magic = 0;
        loop->stats.streams--;
        ev_live_remove(loop);
        free(s);
    }
}

void *ev_stream_arg(const struct ev_stream *s)
{
    return s->arg;
}

void ev_stream_set_arg(struct ev_stream *s, void *arg)
{
    s->arg = arg;
}

int64_t ev_stream_read_ms(const struct ev_stream *s)
{
    return s->read_ms;
}

struct ev_loop *ev_stream_loop(const struct ev_stream *s)
{
    return s->loop;
}

size_t ev_stream_size(void)
{
    return sizeof(struct ev_stream);
}
