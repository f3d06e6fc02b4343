/*
 * The admin port over evhttp. evhttp keeps connections of its own on the loop's base; freeing it
 * ends them.
 */
#include "ev_http.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ev_internal.h"

/* A scraper's request is some hundred bytes; more is somebody trying something. */
#define HEADERS_SIZE_MAX 8192
#define TIMEOUT_S 10
#define REPLY_SIZE_MAX (64u * 1024 * 1024)

struct ev_http {
    struct evhttp *server; /* owned */
    struct ev_loop *loop;  /* borrowed */
    void (*handle)(void *arg, const struct ev_http_request *request, struct ev_http_reply *reply);
    void *arg;
    struct ev_task release;
    int fd; /* owned by server */
};

static void body_cleanup(const void *data, size_t size, void *extra)
{
    free((void *)data);
}

/* Moves the body into the request. False when memory is out. */
static bool body_move(struct evhttp_request *request, struct bytes *body)
{
    struct bytes moved = bytes_steal(body);

    if (moved.size && evbuffer_add_reference(evhttp_request_get_output_buffer(request), moved.data,
                                             moved.size, body_cleanup, NULL) == 0)
        return true;
    free(moved.data);
    return moved.size == 0;
}

/* Is it the origin of a page that a server on loopback gave? Names other than localhost may be
 * anybody's. */
static bool origin_is_local(const char *origin)
{
    static const char *const starts[] = {"http://127.0.0.1", "http://[::1]", "http://localhost"};

    for (size_t i = 0; origin && i < sizeof starts / sizeof *starts; i++) {
        size_t size = strlen(starts[i]);
        if (strncmp(origin, starts[i], size) == 0 && (origin[size] == ':' || origin[size] == 0))
            return true;
    }
    return false;
}

static void origin_allow(struct evhttp_request *request, struct evkeyvalq *headers)
{
    const char *origin = evhttp_find_header(evhttp_request_get_input_headers(request), "Origin");

    if (!origin_is_local(origin))
        return;
    evhttp_add_header(headers, "Access-Control-Allow-Origin", origin);
    evhttp_add_header(headers, "Vary", "Origin");
}

static void reply_send(struct evhttp_request *request, struct ev_http_reply *reply)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    char size[24];

    snprintf(size, sizeof size, "%zu", reply->body.size);
    /* libevent 2.1 would send the body after a HEAD, too. */
    if (reply->body.failed || (evhttp_request_get_command(request) != EVHTTP_REQ_HEAD &&
                               !body_move(request, &reply->body))) {
        evhttp_send_error(request, 503, NULL);
        return;
    }
    evhttp_add_header(headers, "Content-Type", reply->content_type);
    evhttp_add_header(headers, "Content-Length", size);
    evhttp_add_header(headers, "Cache-Control", "no-store");
    if (reply->to_local_pages)
        origin_allow(request, headers);
    evhttp_send_reply(request, reply->status, NULL, NULL);
}

static struct ev_http_request request_read(struct evhttp_request *request)
{
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
    struct evbuffer *in = evhttp_request_get_input_buffer(request);
    size_t size = evbuffer_get_length(in);

    return (struct ev_http_request){
        .path = path ? path : "",
        .post = evhttp_request_get_command(request) == EVHTTP_REQ_POST,
        .body = slice_of(size ? evbuffer_pullup(in, -1) : NULL, size),
    };
}

static bool is_of_a_page(struct evhttp_request *request)
{
    return evhttp_find_header(evhttp_request_get_input_headers(request), "Origin") != NULL;
}

static void request_arrived(struct evhttp_request *request, void *arg)
{
    struct ev_http *http = arg;
    struct ev_http_request asked = request_read(request);
    struct ev_http_reply reply = {.status = 200, .content_type = "text/plain; charset=utf-8"};

    ev_turn_begin(http->loop);
    bytes_init(&reply.body, REPLY_SIZE_MAX);
    if (asked.post && is_of_a_page(request)) {
        reply.status = 403;
        bytes_append_str(&reply.body, "pages of browsers may not change anything here\n");
    } else {
        http->handle(http->arg, &asked, &reply);
    }
    reply_send(request, &reply);
    bytes_fini(&reply.body);
}

static void http_release(void *arg)
{
    struct ev_http *http = arg;

    evhttp_free(http->server);
    ev_live_remove(http->loop);
    free(http);
}

static int server_socket(const struct ev_address *address, int *ret)
{
    int fd = socket(address->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int one = 1;

    if (fd < 0)
        return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
        bind(fd, &address->sa, address->size) < 0 || listen(fd, 64) < 0) {
        int r = -errno;
        close(fd);
        return r;
    }
    *ret = fd;
    return 0;
}

int ev_http_new(struct ev_loop *loop, const struct ev_address *address, bool any_address,
                void (*handle)(void *arg, const struct ev_http_request *request,
                               struct ev_http_reply *reply),
                void *arg, struct ev_http **ret)
{
    int r;

    if (!any_address && !ev_address_is_local(address))
        return -EACCES;
    struct ev_http *http = calloc(1, sizeof *http);
    if (!http)
        return -ENOMEM;
    http->loop = loop;
    http->handle = handle;
    http->arg = arg;
    ev_task_init(&http->release, http_release, http);
    http->server = evhttp_new(loop->base);
    if (!http->server) {
        r = -ENOMEM;
        goto fail;
    }
    evhttp_set_max_headers_size(http->server, HEADERS_SIZE_MAX);
    evhttp_set_max_body_size(http->server, EV_HTTP_BODY_SIZE_MAX);
    evhttp_set_timeout(http->server, TIMEOUT_S);
    evhttp_set_allowed_methods(http->server, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST);
    evhttp_set_gencb(http->server, request_arrived, http);
    r = server_socket(address, &http->fd);
    if (r < 0)
        goto fail;
    if (evhttp_accept_socket(http->server, http->fd) < 0) {
        close(http->fd);
        r = -ENOMEM;
        goto fail;
    }
    ev_live_add(loop);
    *ret = http;
    return 0;

fail:
    if (http->server)
        evhttp_free(http->server);
    free(http);
    return r;
}

struct ev_http *ev_http_free(struct ev_http *http)
{
    if (http)
        ev_loop_release(http->loop, &http->release);
    return NULL;
}

void ev_http_address(const struct ev_http *http, struct ev_address *ret)
{
    *ret = (struct ev_address){.size = sizeof ret->un};
    MUST(getsockname(http->fd, &ret->sa, &ret->size) == 0);
}
