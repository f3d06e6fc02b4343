/*
 * The admin port: a tiny HTTP server for /healthz, /readyz and /metrics on the loop itself. It
 * serves operators and scrapers, not users: GET, HEAD and POST only, small heads, one handler.
 *
 * POST changes something, so no browser's page may send it, not even one of this port: browsers
 * put an Origin on every POST, and what carries one gets 403 here and never reaches the handler.
 * Without this any page that an operator looks at could command the services of his machine.
 */
#ifndef WEFT_EV_HTTP_H
#define WEFT_EV_HTTP_H

#include <stdbool.h>

#include "bytes.h"
#include "ev_address.h"

struct ev_loop;
struct ev_http;

#define EV_HTTP_BODY_SIZE_MAX 1024

struct ev_http_request {
    const char *path;  /* without the query */
    bool post;         /* else GET or HEAD */
    struct slice body; /* lent; empty unless post */
};

struct ev_http_reply {
    int status;               /* 200 unless the handler says otherwise */
    const char *content_type; /* borrowed: static; "text/plain; charset=utf-8" unless set */
    bool to_local_pages;      /* a page of another port of this machine may read it */
    struct bytes body;        /* the handler appends; failed latch: answered with 503 */
};

/*
 * Binds (port 0: see ev_http_address). Refuses an address that is not loopback with -EACCES unless
 * `any_address`: metrics and readiness are not for the public. Negative errno; *ret only on
 * success.
 */
int ev_http_new(struct ev_loop *loop, const struct ev_address *address, bool any_address,
                void (*handle)(void *arg, const struct ev_http_request *request,
                               struct ev_http_reply *reply),
                void *arg, struct ev_http **ret) __attribute__((warn_unused_result));
struct ev_http *ev_http_free(struct ev_http *http);
void ev_http_address(const struct ev_http *http, struct ev_address *ret);

#endif
