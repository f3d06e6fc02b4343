/*
 * See link_nng.h. What was found out about nng 1.5.2 and is obeyed here:
 *
 * - With more than one receive in flight on a PULL socket messages overtake each other: there is
 *   one, started again only when its message stands in our queue.
 * - nng_aio_free() waits for the callback, so it deadlocks within it; nng_close() waits for the
 *   threads that work on the socket. Both are the reaper's.
 * - A send is complete when the transport has taken the message: it may be lost all the same.
 * - Nothing bounds what is received unless RECVMAXSZ is set, also on a socket that only sends.
 * - Closing is unsafe between two steps of a transfer. The step that has just ended then starts
 *   the next one on an aio that is stopped already, nobody is told, and nng's own reaper waits for
 *   ever: from then on no socket of the process can be closed. (nni_aio_begin() in ipc_recv() and
 *   ipc_send(); one close in ten under load.) A transfer that waits for the other side is
 *   cancelled properly. So whatever is to be closed first rests: long enough for what is under way
 *   to end or to stand still. A way rests for WAY_REST_US with nothing new to send. The inbox stops
 *   receiving and rests for INBOX_REST_US: a connection that nobody receives from reads one message
 *   and no more, and every live peer sends that within a heartbeat. The steps of a send are fewer
 *   still, see LINK_BODY_DEFAULT.
 */
#include "link_nng.h"

#include <errno.h>
#include <nng/nng.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>
#include <nng/supplemental/tls/tls.h>
#include <nng/transport/ipc/ipc.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "ev_loop.h"
#include "ev_wake.h"
#include "link.h"

/* A message in the inbox costs this much beside its bytes: stops a flood of empty ones. */
#define MESSAGE_OVERHEAD 256
/* Of sockets being closed. Stops a peer that makes us reset faster than we can close. */
#define CLOSING_MAX 256
#define WAY_REST_US 200000
#define INBOX_REST_US (LINK_HEARTBEAT_US + 100000)
/* A PULL socket sends nothing but what its protocol needs before the first message. */
#define WAY_RECEIVE_MAX 64
#define RECONNECT_MS_MIN 20
#define RECONNECT_MS_MAX 500

/*
 *   RECEIVING --- queue full ---> PAUSED        CLOSED: nng will call back once more at most,
 *       ^                           |           with an error
 *       +------- queue taken -------+
 *       +---- link_nng_close() -----+---> CLOSED
 */
enum inbox_state {
    INBOX_RECEIVING,
    INBOX_PAUSED,
    INBOX_CLOSED,
};

/*
 *   IDLE -- link_way_send() --> SENDING -- callback --> SENT, in nng->sent
 *    ^                                                   |
 *    +------------------ link_nng_sent() ----------------+
 *   any of them -- link_way_close() --> CLOSING, in nng->closing, then the reaper's
 */
enum way_state {
    WAY_IDLE,
    WAY_SENDING,
    WAY_SENT,
    WAY_CLOSING,
};

struct link_way {
    struct list link;
    struct link_nng *nng; /* borrowed */
    void *owner;
    nng_socket socket; /* owned */
    nng_aio *aio;      /* owned */
    int64_t rested_us; /* CLOSING: when it may be closed */
    enum way_state state;
};

/* A message, and how nng calls it. */
struct received {
    struct link_message message;
    nng_msg *msg; /* owned */
};

struct link_nng {
    struct ev_wake *wake; /* borrowed */
    char *address;        /* nng's */
    nng_socket inbox;
    nng_aio *aio;               /* of the one receive */
    nng_aio *rest;              /* the reaper's */
    nng_tls_config *tls_client; /* NULL: none */
    size_t inbox_max;
    size_t ways; /* not closed yet; the loop's own */
    pthread_t reaper;

    pthread_mutex_t mutex; /* guards all below and the ways' states */
    pthread_cond_t work;   /* of the reaper */
    enum inbox_state state;
    struct list received; /* of struct received */
    size_t received_bytes;
    struct list sent;    /* ways */
    struct list closing; /* ways */
    size_t closing_count;
    bool closed; /* the reaper has ended */
};

/* ---- errors --------------------------------------------------------------------------------- */

static int errno_of(int error)
{
    switch (error) {
    case NNG_ENOMEM:
        return -ENOMEM;
    case NNG_ENOFILES:
        return -EMFILE;
    case NNG_EADDRINUSE:
        return -EADDRINUSE;
    case NNG_EPERM:
        return -EACCES;
    case NNG_EADDRINVAL:
    case NNG_EINVAL:
    case NNG_ECRYPTO:
    case NNG_ENOENT:
        return -EINVAL;
    case NNG_ENOTSUP:
        return -ENOTSUP;
    default:
        return error & NNG_ESYSERR ? -(error & ~NNG_ESYSERR) : -EIO;
    }
}

static int why_address(const char **ret_why, const char *address, int error)
{
    if (error == NNG_EADDRINUSE)
        return link_address_why(ret_why, -EADDRINUSE, "'%s': another process has its inbox there",
                                address);
    return link_address_why(ret_why, errno_of(error), "opening the inbox '%s': %s", address,
                            nng_strerror(error));
}

/* ---- TLS ------------------------------------------------------------------------------------ */

/* NULL and the error's sentence, or the configuration of one side. */
static nng_tls_config *tls_config_new(const struct link_tls *tls, nng_tls_mode mode, int *ret_error,
                                      const char **ret_why)
{
    nng_tls_config *config = NULL;
    const char *what = "TLS";
    int e = nng_tls_config_alloc(&config, mode);

    if (e == 0) {
        what = tls->ca_file;
        e = nng_tls_config_ca_file(config, tls->ca_file);
    }
    if (e == 0) {
        what = tls->cert_key_file;
        e = nng_tls_config_cert_key_file(config, tls->cert_key_file, NULL);
    }
    if (e == 0 && mode == NNG_TLS_MODE_CLIENT) {
        what = tls->server_name;
        e = nng_tls_config_server_name(config, tls->server_name);
    }
    /* Both sides: who has no certificate of the suite's is no peer. */
    if (e == 0)
        e = nng_tls_config_auth_mode(config, NNG_TLS_AUTH_MODE_REQUIRED);
    if (e == 0)
        return config;
    if (config)
        nng_tls_config_free(config);
    *ret_error = e == NNG_ENOTSUP
                     ? link_address_why(ret_why, -ENOTSUP,
                                        "this machine's libnng is built without TLS: use ipc://, "
                                        "or a libnng with TLS")
                     : link_address_why(ret_why, errno_of(e), "TLS of the links: %s: %s", what,
                                        nng_strerror(e));
    return NULL;
}

static int inbox_tls(struct link_nng *n, nng_listener listener, const struct link_tls *tls,
                     const char **ret_why)
{
    int error = 0;
    nng_tls_config *config = tls_config_new(tls, NNG_TLS_MODE_SERVER, &error, ret_why);

    if (!config)
        return error;
    /* The listener keeps a reference of its own. */
    int e = nng_listener_set_ptr(listener, NNG_OPT_TLS_CONFIG, config);
    nng_tls_config_free(config);
    if (e)
        return link_address_why(ret_why, errno_of(e), "TLS of the links: %s", nng_strerror(e));
    return 0;
}

/* ---- the inbox ------------------------------------------------------------------------------ */

static bool inbox_full(const struct link_nng *n)
{
    return n->received_bytes >= n->inbox_max;
}

static size_t received_charge(const struct received *r)
{
    return r->message.data.size + MESSAGE_OVERHEAD;
}

/* Takes msg. Without memory it is dropped: its sender's session finds the gap. */
static struct received *received_new(nng_msg *msg)
{
    struct received *r = malloc(sizeof *r);

    if (!r) {
        nng_msg_free(msg);
        return NULL;
    }
    r->message.data = slice_of(nng_msg_body(msg), nng_msg_len(msg));
    r->msg = msg;
    list_init(&r->message.link);
    return r;
}

struct link_message *link_message_free(struct link_message *message)
{
    if (!message)
        return NULL;
    struct received *r = container_of(message, struct received, message);
    nng_msg_free(r->msg);
    free(r);
    return NULL;
}

/* On a thread of nng's. */
static void inbox_received(void *arg)
{
    struct link_nng *n = arg;
    int e = nng_aio_result(n->aio);

    /* Receiving fails only because the socket is closed; a process that went on with a dead inbox
       would look alive to its peers. */
    MUST(e == 0 || e == NNG_ECLOSED || e == NNG_ECANCELED);
    if (e)
        return;
    struct received *r = received_new(nng_aio_get_msg(n->aio));

    pthread_mutex_lock(&n->mutex);
    if (r) {
        list_push_back(&n->received, &r->message.link);
        n->received_bytes += received_charge(r);
    }
    if (n->state == INBOX_RECEIVING && inbox_full(n))
        n->state = INBOX_PAUSED;
    bool again = n->state == INBOX_RECEIVING;
    pthread_mutex_unlock(&n->mutex);

    ev_wake_send(n->wake);
    if (again)
        nng_recv_aio(n->inbox, n->aio);
}

bool link_nng_receive(struct link_nng *n, struct list *out, int max)
{
    bool resume = false;

    pthread_mutex_lock(&n->mutex);
    for (int i = 0; i < max && !list_empty(&n->received); i++) {
        struct received *r = list_entry(n->received.next, struct received, message.link);
        list_remove(&r->message.link);
        list_push_back(out, &r->message.link);
        n->received_bytes -= received_charge(r);
    }
    if (n->state == INBOX_PAUSED && !inbox_full(n)) {
        n->state = INBOX_RECEIVING;
        resume = true;
    }
    bool more = !list_empty(&n->received);
    pthread_mutex_unlock(&n->mutex);

    if (resume)
        nng_recv_aio(n->inbox, n->aio);
    return more;
}

/* A listener that was not started goes with the socket. */
static int inbox_listen(struct link_nng *n, const struct link_nng_config *config,
                        const char **ret_why)
{
    nng_listener listener;
    int e = nng_socket_set_size(n->inbox, NNG_OPT_RECVMAXSZ, config->message_max);

    if (e == 0)
        e = nng_listener_create(&listener, n->inbox, config->address);
    if (e == 0 && config->scheme == LINK_SCHEME_TLS) {
        int r = inbox_tls(n, listener, config->tls, ret_why);
        if (r < 0)
            return r;
    }
    /* The directory keeps others out; this is for a directory that is opened later. */
    if (e == 0 && config->scheme == LINK_SCHEME_IPC)
        e = nng_listener_set_int(listener, NNG_OPT_IPC_PERMISSIONS, 0600);
    /* A socket file that a killed process left is found out and replaced by nng. */
    if (e == 0)
        e = nng_listener_start(listener, 0);
    if (e == 0)
        e = nng_listener_get_string(listener, NNG_OPT_URL, &n->address);
    return e ? why_address(ret_why, config->address, e) : 0;
}

/* ---- the reaper ----------------------------------------------------------------------------- */

static void way_reap(struct link_way *way)
{
    if (nng_socket_id(way->socket) > 0)
        nng_close(way->socket);
    nng_aio_free(way->aio);
    free(way);
}

static void rested(void *arg)
{
}

/* By nng's clock and through the queue of its tasks: on a machine that gives nng's threads no time
   the rest is longer. */
static void rest(struct link_nng *n, int64_t us)
{
    if (us <= 0)
        return;
    nng_sleep_aio((nng_duration)(us / 1000 + 1), n->rest);
    nng_aio_wait(n->rest);
}

static void inbox_reap(struct link_nng *n)
{
    nng_aio_stop(n->aio);
    rest(n, INBOX_REST_US);
    nng_close(n->inbox);
    while (!list_empty(&n->received)) {
        struct link_message *m = list_entry(n->received.next, struct link_message, link);
        list_remove(&m->link);
        link_message_free(m);
    }
}

/* Takes the way that is to be closed next; NULL: the inbox, nothing comes after it. */
static struct link_way *reaper_next(struct link_nng *n)
{
    struct link_way *way = NULL;

    pthread_mutex_lock(&n->mutex);
    while (list_empty(&n->closing) && n->state != INBOX_CLOSED)
        pthread_cond_wait(&n->work, &n->mutex);
    if (!list_empty(&n->closing)) {
        way = list_entry(n->closing.next, struct link_way, link);
        list_remove(&way->link);
    }
    pthread_mutex_unlock(&n->mutex);
    return way;
}

static void *reaper_run(void *arg)
{
    struct link_nng *n = arg;
    struct link_way *way;

    while ((way = reaper_next(n))) {
        rest(n, way->rested_us - ev_clock_us());
        way_reap(way);
        pthread_mutex_lock(&n->mutex);
        n->closing_count--;
        pthread_mutex_unlock(&n->mutex);
    }
    inbox_reap(n);
    pthread_mutex_lock(&n->mutex);
    n->closed = true;
    pthread_mutex_unlock(&n->mutex);
    ev_wake_send(n->wake);
    return NULL;
}

/* Signals are for the threads that expect them. */
static int reaper_start(struct link_nng *n)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int e = pthread_create(&n->reaper, NULL, reaper_run, n);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -e;
}

/* ---- ways ----------------------------------------------------------------------------------- */

/* On a thread of nng's, or in link_way_send(). */
static void way_idle_again(struct link_way *way)
{
    struct link_nng *n = way->nng;

    pthread_mutex_lock(&n->mutex);
    bool wanted = way->state == WAY_SENDING;
    if (wanted) {
        way->state = WAY_SENT;
        list_push_back(&n->sent, &way->link);
    }
    pthread_mutex_unlock(&n->mutex);
    if (wanted)
        ev_wake_send(n->wake);
}

/* On a thread of nng's. A send fails only because the way is closed. */
static void way_sent(void *arg)
{
    struct link_way *way = arg;

    if (nng_aio_result(way->aio) != 0) {
        nng_msg_free(nng_aio_get_msg(way->aio));
        nng_aio_set_msg(way->aio, NULL);
    }
    way_idle_again(way);
}

static int way_dial(struct link_way *way, const char *address, enum link_scheme scheme)
{
    nng_dialer dialer;
    int e = nng_push0_open(&way->socket);

    if (e == 0)
        e = nng_aio_alloc(&way->aio, way_sent, way);
    if (e == 0)
        e = nng_socket_set_size(way->socket, NNG_OPT_RECVMAXSZ, WAY_RECEIVE_MAX);
    if (e == 0)
        e = nng_socket_set_ms(way->socket, NNG_OPT_RECONNMINT, RECONNECT_MS_MIN);
    if (e == 0)
        e = nng_socket_set_ms(way->socket, NNG_OPT_RECONNMAXT, RECONNECT_MS_MAX);
    if (e == 0)
        e = nng_dialer_create(&dialer, way->socket, address);
    if (e == 0 && scheme == LINK_SCHEME_TLS)
        e = nng_dialer_set_ptr(dialer, NNG_OPT_TLS_CONFIG, way->nng->tls_client);
    if (e == 0)
        e = nng_dialer_start(dialer, NNG_FLAG_NONBLOCK);
    return e;
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
    list_init(&way->link);
    way->nng = n;
    way->owner = owner;
    n->ways++;
    if (way_dial(way, address, scheme) != 0) {
        link_way_close(way);
        return NULL;
    }
    return way;
}

void link_way_send(struct link_way *way, struct slice message)
{
    struct link_nng *n = way->nng;
    nng_msg *msg;

    pthread_mutex_lock(&n->mutex);
    MUST(way->state == WAY_IDLE);
    way->state = WAY_SENDING;
    pthread_mutex_unlock(&n->mutex);
    if (nng_msg_alloc(&msg, message.size) != 0) {
        /* Lost, as anything handed over may be: the receiver finds the gap. */
        way_idle_again(way);
        return;
    }
    memcpy(nng_msg_body(msg), message.data, message.size);
    nng_aio_set_msg(way->aio, msg);
    nng_send_aio(way->socket, way->aio);
}

void link_way_close(struct link_way *way)
{
    struct link_nng *n = way->nng;

    n->ways--;
    way->rested_us = ev_clock_us() + WAY_REST_US;
    pthread_mutex_lock(&n->mutex);
    way->state = WAY_CLOSING;
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
        way->state = WAY_IDLE;
        owner = way->owner;
    }
    pthread_mutex_unlock(&n->mutex);
    return owner;
}

/* ---- life ----------------------------------------------------------------------------------- */

const char *link_nng_address(const struct link_nng *n)
{
    return n->address;
}

static struct link_nng *parts_free(struct link_nng *n)
{
    nng_aio_free(n->aio);
    nng_aio_free(n->rest);
    if (n->address)
        nng_strfree(n->address);
    if (n->tls_client)
        nng_tls_config_free(n->tls_client);
    pthread_cond_destroy(&n->work);
    pthread_mutex_destroy(&n->mutex);
    free(n);
    return NULL;
}

/* Everything but the socket itself. */
static int parts_make(struct link_nng *n, const struct link_nng_config *config,
                      const char **ret_why)
{
    int error = 0;

    n->wake = config->wake;
    n->inbox_max = config->inbox_max;
    pthread_mutex_init(&n->mutex, NULL);
    pthread_cond_init(&n->work, NULL);
    list_init(&n->received);
    list_init(&n->sent);
    list_init(&n->closing);
    if (config->tls)
        n->tls_client = tls_config_new(config->tls, NNG_TLS_MODE_CLIENT, &error, ret_why);
    if (error < 0)
        return error;
    if (nng_aio_alloc(&n->aio, inbox_received, n) != 0 ||
        nng_aio_alloc(&n->rest, rested, NULL) != 0)
        return link_address_why(ret_why, -ENOMEM, "opening the inbox: out of memory");
    return 0;
}

int link_nng_new(const struct link_nng_config *config, struct link_nng **ret, const char **ret_why)
{
    struct link_nng *n = calloc(1, sizeof *n);
    int e;

    if (!n)
        return link_address_why(ret_why, -ENOMEM, "opening the inbox: out of memory");
    int r = parts_make(n, config, ret_why);
    if (r < 0)
        goto fail;
    if ((e = nng_pull0_open(&n->inbox)) != 0) {
        r = why_address(ret_why, config->address, e);
        goto fail;
    }
    if ((r = inbox_listen(n, config, ret_why)) < 0)
        goto fail_socket;
    if ((r = reaper_start(n)) < 0) {
        link_address_why(ret_why, r, "starting the links' thread: %s", strerror(-r));
        goto fail_socket;
    }
    nng_recv_aio(n->inbox, n->aio);
    *ret = n;
    return 0;

fail_socket:
    /* Nothing has been received: this waits for nobody. */
    nng_close(n->inbox);
fail:
    parts_free(n);
    return r;
}

void link_nng_close(struct link_nng *n)
{
    MUST(n->ways == 0);
    pthread_mutex_lock(&n->mutex);
    n->state = INBOX_CLOSED;
    pthread_cond_signal(&n->work);
    pthread_mutex_unlock(&n->mutex);
}

bool link_nng_is_closed(struct link_nng *n)
{
    pthread_mutex_lock(&n->mutex);
    bool closed = n->closed;
    pthread_mutex_unlock(&n->mutex);
    return closed;
}

struct link_nng *link_nng_free(struct link_nng *n)
{
    if (!n)
        return NULL;
    pthread_join(n->reaper, NULL);
    return parts_free(n);
}
