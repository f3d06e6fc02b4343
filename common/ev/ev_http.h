/*
 * The admin port: a tiny HTTP server for /healthz, /readyz and /metrics on the loop itself. It
 * serves operators and scrapers, not users: GET and HEAD only, small heads, one handler.
 */
#ifndef WEFT_EV_HTTP_H
#define WEFT_EV_HTTP_H

#include <stdbool.h>

#include "bytes.h"
#include "ev_address.h"

struct ev_loop;
struct ev_http;

struct ev_http_reply {
    int status;               /* 200 unless the handler says otherwise */
    const char *content_type; /* borrowed: static; "text/plain; charset=utf-8" unless set */
    bool to_local_pages;      /* a page of another port of this machine may read it */
    struct bytes body;        /* the handler appends; failed latch: answered with 503 */
};

/*
 * Binds (port 0: see ev_http_address). Refuses an address that is not loopback with -EACCES unless
 * `any_address`: metrics and readiness are not for the public. handle: path without the query.
 * Negative errno; *ret only on success.
 */
int ev_http_new(struct ev_loop *loop, const struct ev_address *address, bool any_address,
                void (*handle)(void *arg, const char *path, struct ev_http_reply *reply), void *arg,
                struct ev_http **ret) __attribute__((warn_unused_result));
struct ev_http *ev_http_free(struct ev_http *http);
void ev_http_address(const struct ev_http *http, struct ev_address *ret);

#endif
