#include "gw_world_test.h"

#include <check.h>
#include <stdio.h>

#include "ev_listen.h"

struct ev_loop *loop;
struct gw_encoder encoder;
struct gw_server server;
struct gw_core *core;
struct ev_address address;
static struct obs_log events;
static struct storage_call *calls[8];
static size_t call_count;

void world_pump(int fd)
{
    (void)fd;
    ev_loop_step(loop, 1);
    gw_core_tick(core);
}

static uint64_t io_now_us(void *ctx)
{
    (void)ctx;
    return (uint64_t)ev_loop_now_us(loop);
}

static uint64_t io_random(void *ctx)
{
    (void)ctx;
    return 4;
}

static void io_call(void *ctx, struct storage_call *call)
{
    (void)ctx;
    ck_assert_uint_lt(call_count, 8);
    calls[call_count++] = call;
}

static struct refbuf *io_encode(void *ctx, enum gw_variant variant,
                                const struct wire_server_frame *frame, struct slice encoded)
{
    (void)ctx;
    return gw_encode_frame(&encoder, variant, frame, encoded);
}

static bool io_payload(void *ctx, enum gw_variant variant, const struct wire_opened *opened,
                       struct bytes *out)
{
    (void)ctx;
    return gw_encode_payload(&encoder, variant, opened, out);
}

static enum gw_send io_send(void *ctx, void *conn, struct refbuf *frame)
{
    (void)ctx;
    return gw_socket_send(conn, frame);
}

static void io_close(void *ctx, void *conn, uint32_t code)
{
    (void)ctx;
    gw_socket_close(conn, code);
}

static void io_link_open(void *ctx, const struct cluster_member *worker)
{
    (void)ctx;
    (void)worker;
}

static void io_link_close(void *ctx, uint64_t worker_boot)
{
    (void)ctx;
    (void)worker_boot;
}

static bool io_link_send(void *ctx, uint64_t worker_boot, struct slice item)
{
    (void)ctx;
    (void)worker_boot;
    (void)item;
    return true;
}

static const struct gw_io io = {.now_us = io_now_us,
                                .clock_us = io_now_us,
                                .random = io_random,
                                .storage = {.call = io_call},
                                .encode = io_encode,
                                .payload = io_payload,
                                .send = io_send,
                                .close = io_close,
                                .link_open = io_link_open,
                                .link_close = io_link_close,
                                .link_send = io_link_send};

static uint64_t log_now_us(void *context)
{
    (void)context;
    return 0;
}

void world_start(uint32_t connections_max, uint32_t request_ms, size_t input_bytes_max)
{
    struct gw_config config = {.id = "g1",
                               .address = "ipc:///nowhere",
                               .boot_id = 7,
                               .heartbeat_ms = 30000,
                               .hello_ms = 10000,
                               .frames_per_s_max = 1000000,
                               .connections_max = connections_max,
                               .out_bytes_max = 256 << 10,
                               .unacked_bytes_max = 64 << 20,
                               .drain_ms = 100};
    struct gw_server_config sockets = {.connections_max = connections_max,
                                       .request_ms = request_ms,
                                       .out_bytes_max = 256 << 10,
                                       .input_bytes_max = input_bytes_max};
    struct obs_log_config quiet = {.fd = -1, .level = OBS_ERROR, .now_us = log_now_us};

    loop = ev_loop_new(NULL);
    ck_assert(loop);
    obs_log_init(&events, &quiet);
    gw_encoder_init(&encoder);
    call_count = 0;
    ck_assert_int_eq(gw_server_init(&server, &sockets, loop, &events), 0);
    core = gw_core_new(&config, &io);
    ck_assert(core);
    server.core = core;
    ck_assert(ev_address_parse("127.0.0.1:0", &address));
    ck_assert_int_eq(gw_server_listen(&server, &address), 0);
    ev_listen_address(server.listen, &address);
}

void world_setup(void)
{
    world_start(10000, 5000, 64 << 20);
}

void world_stop(void)
{
    int64_t end = support_now_ms() + SUPPORT_WAIT_MS;

    while (!gw_server_empty(&server)) {
        world_pump(0);
        ck_assert_msg(support_now_ms() < end, "sockets do not go away");
    }
    ck_assert_int_eq(server.stats.sockets, 0);
    ck_assert_int_eq(server.stats.held_bytes, 0);
    ck_assert_uint_eq(gw_core_gauges(core).connections, 0);
    ck_assert_uint_eq(ev_loop_stats(loop)->streams, 0);
    ck_assert_uint_eq(ev_loop_stats(loop)->out_bytes, 0);
    core = gw_core_free(core);
    gw_server_fini(&server);
    gw_encoder_fini(&encoder);
    loop = ev_loop_free(loop);
}

void world_open(struct support_client *c, enum ws_protocol protocol)
{
    support_client_connect(c, &address, world_pump);
    support_client_upgrade(c, protocol);
}

void world_welcome(struct support_client *c, enum ws_protocol protocol)
{
    world_open(c, protocol);
    support_client_hello(c);
}

void world_ping(struct support_client *c, uint64_t nonce)
{
    struct wire_client_frame frame = {.type = WIRE_UP_PING, .ping_nonce = nonce};
    char part[64];

    support_client_up(c, &frame);
    snprintf(part, sizeof part, "{\"type\":\"pong\",\"nonce\":%lu,", (unsigned long)nonce);
    if (c->protocol == WS_PROTOCOL_JSON)
        support_client_expect_json(c, part);
    else
        ck_assert_uint_eq(support_client_expect(c, WIRE_DOWN_PONG).pong.nonce, nonce);
}

void world_storage_down(void)
{
    for (size_t i = 0; i < call_count; i++) {
        calls[i]->result = STORAGE_DOWN;
        gw_core_storage_done(core, calls[i]);
    }
    call_count = 0;
}

void world_asks(const char *request, const char *status, const char *words)
{
    struct support_client c;

    support_client_connect(&c, &address, world_pump);
    support_client_send_str(&c, request);
    const char *answer = support_client_read_text(&c, NULL);
    ck_assert_msg(strncmp(answer, "HTTP/1.1 ", 9) == 0 && strncmp(answer + 9, status, 3) == 0,
                  "%s\nwas answered\n%s", request, answer);
    ck_assert_msg(strstr(answer, words), "%s\nwas answered\n%s", request, answer);
    ck_assert(strstr(answer, "Connection: close\r\n"));
    support_client_close(&c);
}
