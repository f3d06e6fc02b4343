/*
 * A way to one address: a connection that is dialled again and again, and one message at a time.
 *
 *     link_way_open() --> DIALING --- connected ---> UP --- a message ---> SENDING --> UP, in
 *                           ^  |                                              |        nng->sent
 *                           |  +-- failed --> RESTING <------- broken --------+
 *                           +------ time -------+
 *
 * A message that was given while nobody is connected waits, and one whose sending broke off is sent
 * again, whole, on the next connection: the receiver throws away half a message with its
 * connection, and knows a message that comes twice by its number. "Sent" means that the kernel has
 * it, no more.
 *
 * Nobody writes back, so a read that waits beside all this (`watch`) ends when the peer has hung
 * up. It is what notices that on a way that is UP: the poller would otherwise report it without
 * end.
 */
#include <stdlib.h>

#include "ev_wake.h"
#include "link_internal.h"

/* Of ways being freed. Stops a peer that makes us reset faster than we can free them. */
#define CLOSING_MAX 256
#define DIAL_MS 5000
#define REDIAL_MS_MIN 20
#define REDIAL_MS_MAX 500

enum way_state {
    WAY_DIALING,
    WAY_RESTING,
    WAY_UP,
    WAY_SENDING,
};

struct link_way {
    struct list link;     /* in nng->sent, or nng->closing */
    struct link_nng *nng; /* borrowed */
    void *owner;
    nng_stream_dialer *dialer; /* owned */
    nng_stream *stream;        /* owned: the last one; NULL: there was none */
    nng_aio *aio;              /* owned: dials and sends */
    nng_aio *timer;            /* owned: rests */
    uint8_t *buffer;           /* owned: length and message */
    size_t buffer_size;
    size_t size;    /* of both, to be sent; 0: no message */
    size_t done;    /* of these, sent on this connection */
    nng_aio *watch; /* owned */
    uint8_t watched;
    nng_duration rest_ms;
    enum way_state state;
    bool watching;
    bool broken;  /* the watch has ended while something else was under way */
    bool closing; /* the loop has let go of it: nothing starts any more */
};

/* ---- what is started ------------------------------------------------------------------------ */

static void way_dial(struct link_way *way)
{
    nng_aio_set_timeout(way->aio, DIAL_MS);
    nng_stream_dialer_dial(way->dialer, way->aio);
}

/* With jitter: those whose peer has gone shall not come back all at once. On an aio of its own: one
   that has slept counts a timeout as success ever after (nng 1.5.2, a_expire_ok). */
static void way_rest(struct link_way *way)
{
    nng_duration ms = way->rest_ms / 2 + (nng_duration)(nng_random() % (uint32_t)way->rest_ms);

    way->rest_ms = way->rest_ms * 2 < REDIAL_MS_MAX ? way->rest_ms * 2 : REDIAL_MS_MAX;
    nng_sleep_aio(ms, way->timer);
}

static void way_transmit(struct link_way *way)
{
    nng_iov iov = {.iov_buf = way->buffer + way->done, .iov_len = way->size - way->done};

    nng_aio_set_timeout(way->aio, NNG_DURATION_INFINITE);
    nng_aio_set_iov(way->aio, 1, &iov);
    nng_stream_send(way->stream, way->aio);
}

static void way_watch(struct link_way *way)
{
    nng_iov iov = {.iov_buf = &way->watched, .iov_len = 1};

    nng_aio_set_iov(way->watch, 1, &iov);
    nng_stream_recv(way->stream, way->watch);
}

static void way_go(struct link_way *way, enum way_state state)
{
    switch (state) {
    case WAY_DIALING:
        way_dial(way);
        return;
    case WAY_RESTING:
        /* Freed only when its watch has ended, too: nng may be cancelling that. */
        if (way->stream)
            nng_stream_close(way->stream);
        way->done = 0;
        way_rest(way);
        return;
    case WAY_SENDING:
        way_transmit(way);
        return;
    case WAY_UP:
        return;
    }
}

/* ---- what has ended ------------------------------------------------------------------------- */

static void stream_end(nng_stream *stream)
{
    if (!stream)
        return;
    nng_stream_close(stream);
    nng_stream_free(stream);
}

/* Takes the new connection and lets go of the last one. False: not now, the last one's watch has
   not ended yet, or the way is being closed. */
static bool way_connected(struct link_way *way)
{
    struct link_nng *n = way->nng;
    nng_stream *stream = nng_aio_get_output(way->aio, 0);

    if (!stream)
        return false;
    pthread_mutex_lock(&n->mutex);
    bool take = !way->watching && !way->closing;
    nng_stream *last = take ? way->stream : stream;
    if (take) {
        way->stream = stream;
        way->broken = false;
        way->watching = true;
    }
    pthread_mutex_unlock(&n->mutex);
    stream_end(last);
    /* Before the way is up: from then on another thread may end this connection. */
    if (take)
        way_watch(way);
    return take;
}

/* The mutex is held. */
static enum way_state way_sent(struct link_way *way)
{
    way->rest_ms = REDIAL_MS_MIN;
    way->done += nng_aio_count(way->aio);
    if (way->done < way->size)
        return WAY_SENDING;
    way->size = way->done = 0;
    list_push_back(&way->nng->sent, &way->link);
    return way->broken ? WAY_RESTING : WAY_UP;
}

/* What follows on a dial or a send. The mutex is held. */
static enum way_state way_next(struct link_way *way, bool good)
{
    if (!good)
        return WAY_RESTING;
    if (way->state == WAY_SENDING)
        return way_sent(way);
    MUST(way->state == WAY_DIALING);
    if (way->broken)
        return WAY_RESTING;
    return way->size > 0 ? WAY_SENDING : WAY_UP;
}

/* On a thread of nng's: a dial or a send has ended. */
static void way_done(void *arg)
{
    struct link_way *way = arg;
    struct link_nng *n = way->nng;
    enum way_state state = WAY_UP;
    bool good = nng_aio_result(way->aio) == 0;

    /* Only this callback ends a state in which its aio is busy. */
    if (good && way->state == WAY_DIALING)
        good = way_connected(way);
    pthread_mutex_lock(&n->mutex);
    size_t size = way->size;
    bool closing = way->closing;
    if (!closing)
        state = way->state = way_next(way, good);
    bool sent = size > 0 && way->size == 0;
    pthread_mutex_unlock(&n->mutex);
    if (closing)
        return;
    if (sent)
        ev_wake_send(n->wake);
    way_go(way, state);
}

/* From one state to another, unless the way is in neither or is being closed. */
static void way_turn(struct link_way *way, enum way_state from, enum way_state to)
{
    struct link_nng *n = way->nng;

    pthread_mutex_lock(&n->mutex);
    bool go = !way->closing && way->state == from;
    if (go)
        way->state = to;
    pthread_mutex_unlock(&n->mutex);
    if (go)
        way_go(way, to);
}

/* On a thread of nng's. */
static void way_rested(void *arg)
{
    way_turn(arg, WAY_RESTING, WAY_DIALING);
}

/* On a thread of nng's: the peer has hung up, or we have. */
static void way_watched(void *arg)
{
    struct link_way *way = arg;

    pthread_mutex_lock(&way->nng->mutex);
    way->watching = false;
    way->broken = true;
    pthread_mutex_unlock(&way->nng->mutex);
    way_turn(way, WAY_UP, WAY_RESTING);
}

/* ---- the loop's side ------------------------------------------------------------------------ */

static bool way_make(struct link_way *way, const char *address, enum link_scheme scheme)
{
    return nng_aio_alloc(&way->aio, way_done, way) == 0 &&
           nng_aio_alloc(&way->timer, way_rested, way) == 0 &&
           nng_aio_alloc(&way->watch, way_watched, way) == 0 &&
           nng_stream_dialer_alloc(&way->dialer, address) == 0 &&
           (scheme != LINK_SCHEME_TLS ||
            nng_stream_dialer_set_ptr(way->dialer, NNG_OPT_TLS_CONFIG, way->nng->tls_client) == 0);
}

struct link_way *link_way_open(struct link_nng *n, const char *address, enum link_scheme scheme,
                               void *owner)
{
    pthread_mutex_lock(&n->mutex);
    bool crowded = n->closing_count >= CLOSING_MAX;
    pthread_mutex_unlock(&n->mutex);
    struct link_way *way = crowded ? NULL : calloc(1, sizeof *way);
    if (!way)
        return NULL;
    *way = (struct link_way){.nng = n, .owner = owner, .rest_ms = REDIAL_MS_MIN};
    list_init(&way->link);
    if (!way_make(way, address, scheme)) {
        link_way_free(way);
        return NULL;
    }
    n->ways++;
    way_dial(way);
    return way;
}

/* False: out of memory. */
static bool way_load(struct link_way *way, struct slice message)
{
    size_t size = LINK_LENGTH_SIZE + message.size;

    if (size > way->buffer_size) {
        uint8_t *buffer = realloc(way->buffer, size);
        if (!buffer)
            return false;
        way->buffer = buffer;
        way->buffer_size = size;
    }
    store_be32(way->buffer, (uint32_t)message.size);
    memcpy(way->buffer + LINK_LENGTH_SIZE, message.data, message.size);
    return true;
}

void link_way_send(struct link_way *way, struct slice message)
{
    struct link_nng *n = way->nng;

    /* Nothing reads the buffer between two messages. */
    MUST(way->size == 0);
    bool loaded = way_load(way, message);
    pthread_mutex_lock(&n->mutex);
    MUST(list_empty(&way->link));
    if (loaded)
        way->size = LINK_LENGTH_SIZE + message.size;
    else
        list_push_back(&n->sent, &way->link); /* lost: the receiver finds the gap */
    bool go = loaded && way->state == WAY_UP;
    if (go)
        way->state = WAY_SENDING;
    pthread_mutex_unlock(&n->mutex);
    if (go)
        way_transmit(way);
    else if (!loaded)
        ev_wake_send(n->wake);
}

void link_way_close(struct link_way *way)
{
    struct link_nng *n = way->nng;

    n->ways--;
    pthread_mutex_lock(&n->mutex);
    way->closing = true;
    list_remove(&way->link);
    list_push_back(&n->closing, &way->link);
    n->closing_count++;
    pthread_cond_signal(&n->work);
    pthread_mutex_unlock(&n->mutex);
}

void *link_nng_sent(struct link_nng *n)
{
    struct link_way *way;
    void *owner = NULL;

    pthread_mutex_lock(&n->mutex);
    way = list_first(&n->sent, struct link_way, link);
    if (way) {
        list_remove(&way->link);
        owner = way->owner;
    }
    pthread_mutex_unlock(&n->mutex);
    return owner;
}

/* ---- the reaper's --------------------------------------------------------------------------- */

struct link_way *link_way_take(struct list *list)
{
    struct link_way *way = list_first(list, struct link_way, link);

    if (way)
        list_remove(&way->link);
    return way;
}

/*
 * Closed before it is stopped: the streams of TLS end no operation that is merely cancelled. All
 * are stopped before any is freed, since their callbacks start things on each other; and freeing an
 * aio waits for whoever is just cancelling it, so the stream and the dialer, which that looks at,
 * go last.
 */
void link_way_free(struct link_way *way)
{
    nng_aio *aios[] = {way->timer, way->aio, way->watch};

    pthread_mutex_lock(&way->nng->mutex);
    nng_stream *stream = way->stream;
    pthread_mutex_unlock(&way->nng->mutex);
    if (way->dialer)
        nng_stream_dialer_close(way->dialer);
    if (stream)
        nng_stream_close(stream);
    for (size_t i = 0; i < sizeof aios / sizeof *aios; i++)
        nng_aio_stop(aios[i]);
    for (size_t i = 0; i < sizeof aios / sizeof *aios; i++)
        nng_aio_free(aios[i]);
    nng_stream_free(stream);
    nng_stream_dialer_free(way->dialer);
    free(way->buffer);
    free(way);
}
