#include "ev_help_test.h"

#include <unistd.h>

struct ev_loop *loop;

void setup(void)
{
    loop = ev_loop_new(NULL);
    ck_assert_ptr_nonnull(loop);
}

void teardown(void)
{
    /* MUSTs that nothing is alive. */
    loop = ev_loop_free(loop);
}

static void end_read(struct ev_stream *s, void *arg, struct slice in)
{
    struct end *e = arg;

    e->in_size += in.size;
    if (e->keep)
        bytes_append_slice(&e->in, in);
    if (e->close_on_read)
        ev_stream_close(s);
}

static void end_connected(struct ev_stream *s, void *arg)
{
    ((struct end *)arg)->connected = true;
}

static void end_eof(struct ev_stream *s, void *arg)
{
    struct end *e = arg;

    e->eof = true;
    if (e->close_on_eof)
        ev_stream_close_after_flush(s);
}

static void end_drained(struct ev_stream *s, void *arg)
{
    ((struct end *)arg)->drained++;
}

static void end_closed(struct ev_stream *s, void *arg, int reason)
{
    struct end *e = arg;

    e->closed++;
    e->reason = reason;
    e->stream = NULL;
}

const struct ev_stream_kind end_kind = {
    .on_read = end_read,
    .on_connected = end_connected,
    .on_eof = end_eof,
    .on_drained = end_drained,
    .on_closed = end_closed,
    .out_high = 64 * 1024,
    .out_max = 8 * 1024 * 1024,
};
const struct ev_stream_kind plain_kind = {.on_read = end_read, .on_closed = end_closed};

struct ev_listen *listener;
struct ev_address listen_address;
struct end *accepting;

static void end_accept(void *arg, int fd, const struct ev_address *peer)
{
    if (!accepting) {
        close(fd);
        return;
    }
    accepting->stream = ev_stream_open(loop, fd, &end_kind, accepting);
    accepting = NULL;
}

void listen_start(const struct ev_listen_config *config)
{
    struct ev_address address;

    ck_assert(ev_address_parse("127.0.0.1:0", &address));
    ck_assert_int_eq(ev_listen_new(loop, &address, config, end_accept, NULL, &listener), 0);
    ev_listen_address(listener, &listen_address);
}

void pair_connect(struct end *client, struct end *server)
{
    accepting = server;
    ck_assert_int_eq(
        ev_stream_connect(loop, &listen_address, NULL, &end_kind, client, &client->stream), 0);
    WAIT(loop, client->connected && server->stream);
}

void pair_close(struct end *a, struct end *b)
{
    if (a->stream)
        ev_stream_close(a->stream);
    if (b->stream)
        ev_stream_close(b->stream);
    WAIT(loop, a->closed && b->closed);
    ck_assert_int_eq(a->closed + b->closed, 2);
    bytes_fini(&a->in);
    bytes_fini(&b->in);
    listener = ev_listen_free(listener);
}

int send_text(struct end *e, const char *text)
{
    return ev_stream_send_copy(e->stream, slice_str(text));
}
