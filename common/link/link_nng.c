/*
 * The life of a node's sockets: errors, TLS, opening, the reaper. See link_nng.h, and
 * link_internal.h for how nng is used.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "ev_wake.h"
#include "link.h"
#include "link_internal.h"

/* ---- errors --------------------------------------------------------------------------------- */

int link_nng_errno(int error)
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

/* ---- TLS ------------------------------------------------------------------------------------ */

/* NULL and the error's sentence, or the configuration of one side. */
nng_tls_config *link_nng_tls(const struct link_tls *tls, nng_tls_mode mode, int *ret_error,
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
                     : link_address_why(ret_why, link_nng_errno(e), "TLS of the links: %s: %s",
                                        what, nng_strerror(e));
    return NULL;
}

/* ---- the reaper ----------------------------------------------------------------------------- */

/* Takes what is to be freed next. False: the inbox, nothing comes after it. */
static bool reaper_next(struct link_nng *n, struct link_way **ret_way,
                        struct link_connection **ret_connection)
{
    struct link_way *way;
    struct link_connection *connection = NULL;
    bool more;

    pthread_mutex_lock(&n->mutex);
    while (list_empty(&n->closing) && list_empty(&n->ended) && !n->closed)
        pthread_cond_wait(&n->work, &n->mutex);
    way = link_way_take(&n->closing);
    more = way || !n->closed;
    if (!way && more)
        connection = link_connection_take(&n->ended);
    pthread_mutex_unlock(&n->mutex);
    *ret_way = way;
    *ret_connection = connection;
    return more;
}

static void reap(struct link_nng *n, struct link_way *way, struct link_connection *connection)
{
    if (connection)
        link_connection_free(connection);
    if (way)
        link_way_free(way);
    pthread_mutex_lock(&n->mutex);
    n->closing_count -= way != NULL;
    n->connection_count -= connection != NULL;
    pthread_mutex_unlock(&n->mutex);
}

static void *reaper_run(void *arg)
{
    struct link_nng *n = arg;
    struct link_connection *connection;
    struct link_way *way;

    while (reaper_next(n, &way, &connection))
        reap(n, way, connection);
    link_inbox_reap(n);
    pthread_mutex_lock(&n->mutex);
    n->gone = true;
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

/* ---- life ----------------------------------------------------------------------------------- */

const char *link_nng_address(const struct link_nng *n)
{
    return n->address;
}

static struct link_nng *parts_free(struct link_nng *n)
{
    nng_stream_listener_free(n->listener);
    nng_aio_free(n->accept);
    if (n->tls_client)
        nng_tls_config_free(n->tls_client);
    pthread_cond_destroy(&n->work);
    pthread_mutex_destroy(&n->mutex);
    free(n->address);
    free(n);
    return NULL;
}

static void parts_init(struct link_nng *n, const struct link_nng_config *config)
{
    struct list *lists[] = {&n->received, &n->reading, &n->paused,
                            &n->ended,    &n->sent,    &n->closing};

    n->wake = config->wake;
    n->message_max = config->message_max;
    n->inbox_max = config->inbox_max;
    n->connections_max = config->connections_max;
    pthread_mutex_init(&n->mutex, NULL);
    pthread_cond_init(&n->work, NULL);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        list_init(lists[i]);
}

int link_nng_new(const struct link_nng_config *config, struct link_nng **ret, const char **ret_why)
{
    struct link_nng *n = calloc(1, sizeof *n);
    int r = 0;

    if (!n)
        return link_address_why(ret_why, -ENOMEM, "opening the inbox: out of memory");
    parts_init(n, config);
    if (config->tls)
        n->tls_client = link_nng_tls(config->tls, NNG_TLS_MODE_CLIENT, &r, ret_why);
    if (r == 0)
        r = link_inbox_open(n, config, ret_why);
    if (r == 0 && (r = reaper_start(n)) < 0)
        link_address_why(ret_why, r, "starting the links' thread: %s", strerror(-r));
    if (r < 0) {
        parts_free(n);
        return r;
    }
    link_inbox_start(n);
    *ret = n;
    return 0;
}

void link_nng_close(struct link_nng *n)
{
    MUST(n->ways == 0);
    pthread_mutex_lock(&n->mutex);
    n->closed = true;
    pthread_cond_signal(&n->work);
    pthread_mutex_unlock(&n->mutex);
}

bool link_nng_is_closed(struct link_nng *n)
{
    pthread_mutex_lock(&n->mutex);
    bool gone = n->gone;
    pthread_mutex_unlock(&n->mutex);
    return gone;
}

struct link_nng *link_nng_free(struct link_nng *n)
{
    if (!n)
        return NULL;
    pthread_join(n->reaper, NULL);
    return parts_free(n);
}
