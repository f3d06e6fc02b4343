/*
 * The inbox: a listener, the connections that it has accepted, and the messages that came on them.
 *
 *     accept --> READING --- inbox full ---> PAUSED
 *                 |    ^                       |
 *                 |    +---- inbox taken ------+
 *                 |                            |
 *                 +-- end, garbage, too long, -|--> ENDED, the reaper's
 *                     or quiet for too long    |
 *                                              |
 *     link_nng_close(): the reaper takes all --+
 *
 * Accepting never ends before the inbox does: whatever goes wrong with it, it is tried again after
 * a rest. A process with a dead inbox would look alive to its peers, since its own messages arrive.
 */
#include <errno.h>
#include <nng/transport/ipc/ipc.h>
#include <stdio.h>
#include <stdlib.h>

#include "ev_wake.h"
#include "link.h"
#include "link_internal.h"

/* A message in the inbox costs this much beside its bytes: stops a flood of empty ones. */
#define MESSAGE_OVERHEAD 256
/* Out of descriptors or memory: some may be there again. */
#define ACCEPT_REST_MS 20

enum connection_state {
    CONNECTION_READING,
    CONNECTION_PAUSED,
    CONNECTION_ENDED,
};

struct link_connection {
    struct list link;
    struct link_nng *nng; /* borrowed */
    nng_stream *stream;   /* owned */
    nng_aio *aio;         /* owned */
    enum connection_state state;
    bool quiet;       /* nothing has come since the last look */
    size_t size;      /* bytes in the buffer: less than one message, between two reads */
    uint8_t buffer[]; /* LINK_LENGTH_SIZE + message_max */
};

struct received {
    struct link_message message;
    uint8_t data[];
};

static size_t received_charge(const struct link_message *m)
{
    return m->data.size + MESSAGE_OVERHEAD;
}

struct link_message *link_message_free(struct link_message *message)
{
    if (message)
        free(container_of(message, struct received, message));
    return NULL;
}

static bool inbox_full(const struct link_nng *n)
{
    return n->received_bytes >= n->inbox_max;
}

/* ---- bytes to messages ---------------------------------------------------------------------- */

/* Without memory the message is dropped: its sender's session finds the gap. */
static void message_add(struct list *out, struct slice data)
{
    struct received *r = malloc(sizeof *r + data.size);

    if (!r)
        return;
    memcpy(r->data, data.data, data.size);
    r->message.data = slice_of(r->data, data.size);
    list_init(&r->message.link);
    list_push_back(out, &r->message.link);
}

/* Moves the whole messages out of the buffer. False: too long a one. */
static bool buffer_take(struct link_connection *c, struct list *out)
{
    size_t at = 0;

    while (c->size - at >= LINK_LENGTH_SIZE) {
        size_t size = load_be32(c->buffer + at);
        if (size > c->nng->message_max)
            return false;
        if (c->size - at - LINK_LENGTH_SIZE < size)
            break;
        message_add(out, slice_of(c->buffer + at + LINK_LENGTH_SIZE, size));
        at += LINK_LENGTH_SIZE + size;
    }
    c->size -= at;
    memmove(c->buffer, c->buffer + at, c->size);
    return true;
}

/* ---- connections ---------------------------------------------------------------------------- */

static void connection_read(struct link_connection *c)
{
    nng_iov iov = {.iov_buf = c->buffer + c->size,
                   .iov_len = LINK_LENGTH_SIZE + c->nng->message_max - c->size};

    nng_aio_set_iov(c->aio, 1, &iov);
    nng_stream_recv(c->stream, c->aio);
}

static void connection_move(struct link_connection *c, enum connection_state state)
{
    struct link_nng *n = c->nng;
    struct list *lists[] = {[CONNECTION_READING] = &n->reading,
                            [CONNECTION_PAUSED] = &n->paused,
                            [CONNECTION_ENDED] = &n->ended};

    c->state = state;
    list_remove(&c->link);
    list_push_back(lists[state], &c->link);
    if (state == CONNECTION_ENDED)
        pthread_cond_signal(&n->work);
}

static void messages_put(struct link_nng *n, struct list *messages)
{
    struct link_message *m;

    while ((m = list_first(messages, struct link_message, link))) {
        list_remove(&m->link);
        list_push_back(&n->received, &m->link);
        n->received_bytes += received_charge(m);
    }
}

/* On a thread of nng's. */
static void connection_received(void *arg)
{
    struct link_connection *c = arg;
    struct link_nng *n = c->nng;
    struct list messages;
    bool good = nng_aio_result(c->aio) == 0;

    list_init(&messages);
    if (good) {
        c->size += nng_aio_count(c->aio);
        good = buffer_take(c, &messages);
    }
    bool any = !list_empty(&messages);
    pthread_mutex_lock(&n->mutex);
    c->quiet = false;
    messages_put(n, &messages);
    /* Once the inbox is closed the reaper goes through the lists; what has ended is the reaper's.
     */
    bool ours = !n->closed && c->state == CONNECTION_READING;
    if (ours && !good)
        connection_move(c, CONNECTION_ENDED);
    else if (ours && inbox_full(n))
        connection_move(c, CONNECTION_PAUSED);
    bool again = ours && c->state == CONNECTION_READING;
    pthread_mutex_unlock(&n->mutex);
    if (any)
        ev_wake_send(n->wake);
    if (again)
        connection_read(c);
}

void link_connection_free(struct link_connection *c)
{
    /* In this order: see link_way_free(). */
    nng_stream_close(c->stream);
    nng_aio_stop(c->aio);
    nng_aio_free(c->aio);
    nng_stream_free(c->stream);
    free(c);
}

struct link_connection *link_connection_take(struct list *list)
{
    struct link_connection *c = list_first(list, struct link_connection, link);

    if (c)
        list_remove(&c->link);
    return c;
}

/* Takes the stream. NULL: out of memory. */
static struct link_connection *connection_new(struct link_nng *n, nng_stream *stream)
{
    struct link_connection *c = malloc(sizeof *c + LINK_LENGTH_SIZE + n->message_max);

    if (!c)
        goto fail;
    *c = (struct link_connection){.nng = n, .stream = stream};
    list_init(&c->link);
    if (nng_aio_alloc(&c->aio, connection_received, c) == 0)
        return c;
fail:
    free(c);
    nng_stream_close(stream);
    nng_stream_free(stream);
    return NULL;
}

/* ---- accepting ------------------------------------------------------------------------------ */

static void accept_next(struct link_nng *n, bool rest)
{
    if (rest)
        nng_sleep_aio(ACCEPT_REST_MS, n->accept);
    else
        nng_stream_listener_accept(n->listener, n->accept);
}

/* Counts a connection in, if there may be one more. */
static bool connection_admit(struct link_nng *n)
{
    pthread_mutex_lock(&n->mutex);
    bool fits = !n->closed && n->connection_count < n->connections_max;
    n->connection_count += fits;
    n->connections_refused += !fits && !n->closed;
    pthread_mutex_unlock(&n->mutex);
    return fits;
}

static void connection_start(struct link_nng *n, nng_stream *stream)
{
    struct link_connection *c = NULL;
    bool admitted = connection_admit(n);

    if (admitted)
        c = connection_new(n, stream);
    else {
        nng_stream_close(stream);
        nng_stream_free(stream);
    }
    pthread_mutex_lock(&n->mutex);
    n->connection_count -= admitted && !c;
    if (c)
        connection_move(c, CONNECTION_READING);
    pthread_mutex_unlock(&n->mutex);
    if (c)
        connection_read(c);
}

/* On a thread of nng's: a connection, a failure, or a rest that is over. The reaper stops this
   before it looks at the connections, so the one that is started here is not missed. */
static void accepted(void *arg)
{
    struct link_nng *n = arg;
    bool good = nng_aio_result(n->accept) == 0;

    pthread_mutex_lock(&n->mutex);
    bool closed = n->closed;
    bool rested = n->resting;
    bool rest = n->resting = !rested && !good;
    pthread_mutex_unlock(&n->mutex);
    if (good && !rested)
        connection_start(n, nng_aio_get_output(n->accept, 0));
    if (!closed)
        accept_next(n, rest);
}

/* ---- the loop's side ------------------------------------------------------------------------ */

static struct link_connection *paused_take(struct link_nng *n)
{
    struct link_connection *c;

    pthread_mutex_lock(&n->mutex);
    c = inbox_full(n) ? NULL : list_first(&n->paused, struct link_connection, link);
    if (c)
        connection_move(c, CONNECTION_READING);
    pthread_mutex_unlock(&n->mutex);
    return c;
}

bool link_nng_receive(struct link_nng *n, struct list *out, int max)
{
    struct link_connection *c;
    struct link_message *m;

    pthread_mutex_lock(&n->mutex);
    for (int i = 0; i < max && (m = list_first(&n->received, struct link_message, link)); i++) {
        list_remove(&m->link);
        list_push_back(out, &m->link);
        n->received_bytes -= received_charge(m);
    }
    bool more = !list_empty(&n->received);
    pthread_mutex_unlock(&n->mutex);

    /* Nothing runs on a paused one, and only this thread wakes them. */
    while ((c = paused_take(n)))
        connection_read(c);
    return more;
}

/* A peer sends four heartbeats a second. One that has vanished without a word, as a host does that
   loses its power, holds a connection no longer than two looks. Two, and not so and so long: after
   this process itself did not run, everything looks old for one. */
void link_nng_look(struct link_nng *n)
{
    pthread_mutex_lock(&n->mutex);
    list_for_each_safe (node, &n->reading) {
        struct link_connection *c = list_entry(node, struct link_connection, link);
        if (c->quiet)
            connection_move(c, CONNECTION_ENDED); /* the reaper closes it: not under the mutex */
        c->quiet = true;
    }
    pthread_mutex_unlock(&n->mutex);
}

uint64_t link_nng_refused(struct link_nng *n)
{
    pthread_mutex_lock(&n->mutex);
    uint64_t count = n->connections_refused;
    n->connections_refused = 0;
    pthread_mutex_unlock(&n->mutex);
    return count;
}

/* ---- opening and closing -------------------------------------------------------------------- */

static int why_address(const char **ret_why, const char *address, int error)
{
    if (error == NNG_EADDRINUSE)
        return link_address_why(ret_why, -EADDRINUSE, "'%s': another process has its inbox there",
                                address);
    return link_address_why(ret_why, link_nng_errno(error), "opening the inbox '%s': %s", address,
                            nng_strerror(error));
}

static int inbox_tls(struct link_nng *n, const struct link_tls *tls, const char **ret_why)
{
    int error = 0;
    nng_tls_config *config = link_nng_tls(tls, NNG_TLS_MODE_SERVER, &error, ret_why);

    if (!config)
        return error;
    /* The listener keeps a reference of its own. */
    int e = nng_stream_listener_set_ptr(n->listener, NNG_OPT_TLS_CONFIG, config);
    nng_tls_config_free(config);
    if (e)
        return link_address_why(ret_why, link_nng_errno(e), "TLS of the links: %s",
                                nng_strerror(e));
    return 0;
}

/* Port 0 means that the kernel chooses one: then it stands here instead. */
static char *address_bound(struct link_nng *n, const char *address)
{
    const char *colon = strrchr(address, ':');
    char *bound;
    int port;

    if (!colon || strcmp(colon, ":0") != 0 ||
        nng_stream_listener_get_int(n->listener, NNG_OPT_TCP_BOUND_PORT, &port) != 0)
        return strdup(address);
    return asprintf(&bound, "%.*s:%d", (int)(colon - address), address, port) < 0 ? NULL : bound;
}

int link_inbox_open(struct link_nng *n, const struct link_nng_config *config, const char **ret_why)
{
    int r, e = nng_stream_listener_alloc(&n->listener, config->address);

    if (e == 0 && config->scheme == LINK_SCHEME_TLS && (r = inbox_tls(n, config->tls, ret_why)) < 0)
        return r;
    /* The directory keeps others out; this is for a directory that is opened later. */
    if (e == 0 && config->scheme == LINK_SCHEME_IPC)
        e = nng_stream_listener_set_int(n->listener, NNG_OPT_IPC_PERMISSIONS, 0600);
    /* A socket file that a killed process left is found out and replaced by nng. */
    if (e == 0)
        e = nng_stream_listener_listen(n->listener);
    if (e == 0)
        e = nng_aio_alloc(&n->accept, accepted, n);
    if (e)
        return why_address(ret_why, config->address, e);
    n->address = address_bound(n, config->address);
    if (!n->address)
        return why_address(ret_why, config->address, NNG_ENOMEM);
    return 0;
}

void link_inbox_start(struct link_nng *n)
{
    accept_next(n, false);
}

void link_inbox_reap(struct link_nng *n)
{
    struct list *lists[] = {&n->reading, &n->paused, &n->ended};
    struct link_connection *c;
    struct link_message *m;

    nng_stream_listener_close(n->listener);
    nng_aio_stop(n->accept);
    /* From here on nobody else touches the lists. */
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        while ((c = link_connection_take(lists[i])))
            link_connection_free(c);
    while ((m = list_first(&n->received, struct link_message, link))) {
        list_remove(&m->link);
        link_message_free(m);
    }
}
