/*
 * Listener, sockets and encoding with the real core on a real loop, in one process: the client is a
 * raw socket, and the loop takes a step whenever the client waits. Storage and links lead nowhere.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "ev_listen.h"
#include "ev_loop.h"
#include "gw_client_test.h"
#include "gw_encode.h"
#include "gw_socket.h"
#include "rng.h"
#include "ws_encoder.h"

static struct ev_loop *loop;
static struct obs_log events;
static struct gw_encoder encoder;
static struct gw_server server;
static struct gw_core *core;
static struct storage_call *calls[8];
static size_t call_count;
static struct ev_address address;
static struct test_client a, b;

/* --- the server --- */

static void pump(int fd)
{
    (void)fd;
    ev_loop_step(loop, 1);
    gw_core_tick(core);
}

static uint64_t io_now_ms(void *ctx)
{
    (void)ctx;
    return (uint64_t)ev_loop_now_ms(loop);
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

static struct refbuf *io_payload(void *ctx, enum gw_variant variant,
                                 const struct wire_opened *opened)
{
    (void)ctx;
    return gw_encode_payload(&encoder, variant, opened);
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

static const struct gw_io io = {.now_ms = io_now_ms,
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

static void start(uint32_t connections_max, uint32_t request_ms, size_t input_bytes_max)
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

static void setup(void)
{
    start(10000, 5000, 64 << 20);
}

/* Every test ends here: nothing is left. */
static void teardown(void)
{
    int64_t end = test_now_ms() + TEST_WAIT_MS;

    while (!gw_server_empty(&server)) {
        pump(0);
        ck_assert_msg(test_now_ms() < end, "sockets do not go away");
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

static void open_client(struct test_client *c, enum gw_variant variant)
{
    test_client_connect(c, &address, pump);
    test_client_upgrade(c, variant);
}

static void welcome(struct test_client *c, enum gw_variant variant)
{
    open_client(c, variant);
    test_client_hello(c);
}

static void ping(struct test_client *c, uint64_t nonce)
{
    struct wire_client_frame frame = {.type = WIRE_UP_PING, .ping_nonce = nonce};
    char part[64];

    test_client_up(c, &frame);
    snprintf(part, sizeof part, "{\"type\":\"pong\",\"nonce\":%lu,", (unsigned long)nonce);
    if (c->variant == GW_JSON)
        test_client_expect_json(c, part);
    else
        ck_assert_uint_eq(test_client_expect(c, WIRE_DOWN_PONG).pong.nonce, nonce);
}

/* --- requests --- */

/* What was asked is answered with this status and these words, and the connection ends. */
static void asks(const char *request, const char *status, const char *words)
{
    test_client_connect(&a, &address, pump);
    test_client_send_str(&a, request);
    const char *answer = test_client_read_text(&a, NULL);
    ck_assert_msg(strncmp(answer, "HTTP/1.1 ", 9) == 0 && strncmp(answer + 9, status, 3) == 0,
                  "%s\nwas answered\n%s", request, answer);
    ck_assert_msg(strstr(answer, words), "%s\nwas answered\n%s", request, answer);
    ck_assert(strstr(answer, "Connection: close\r\n"));
    test_client_close(&a);
}

#define UPGRADE                                                                                    \
    "Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"                                     \
    "Sec-WebSocket-Version: 13\r\n"
#define KEY "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
#define PROTO "Sec-WebSocket-Protocol: weft.v1.proto\r\n"

START_TEST(test_pages)
{
    asks("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "200", "This is a Weft gateway");
    asks("GET /?a=b HTTP/1.1\r\nHost: x\r\n\r\n", "200", "weft.v1.json");
    asks("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", "200", "Content-Length: ");
    asks("GET /docs HTTP/1.1\r\nHost: x\r\n\r\n", "404", "connect to /");
    asks("DELETE / HTTP/1.1\r\nHost: x\r\n\r\n", "405", "Allow: GET, HEAD");
    asks("GET / HTTP/1.1\r\n\r\n", "400", "not well-formed");
    asks("\r\n\r\n", "400", "not well-formed");
    asks("GET / HTTP/2.0\r\nHost: x\r\n\r\n", "505", "HTTP/1.1");
    asks("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", "413", "body");
    ck_assert_uint_eq(server.stats.pages, 3);
    ck_assert_uint_eq(server.stats.refused, 6);
}
END_TEST

START_TEST(test_large_heads)
{
    struct bytes head = BYTES_INIT;

    bytes_append_str(&head, "GET / HTTP/1.1\r\nHost: x\r\nX: ");
    for (int i = 0; i < 9000; i++)
        bytes_append_u8(&head, 'x');
    bytes_append_u8(&head, 0);
    asks((char *)head.data, "431", "8192");
    memset(head.data + 5, 'y', head.size - 6);
    asks((char *)head.data, "414", "8192");
    bytes_fini(&head);
}
END_TEST

START_TEST(test_upgrades_refused)
{
    asks("GET / HTTP/1.1\r\n" UPGRADE KEY "\r\n", "400", "offer a subprotocol");
    asks("GET /x HTTP/1.1\r\n" UPGRADE KEY PROTO "\r\n", "404", "connect to /");
    asks("GET / HTTP/1.1\r\n" UPGRADE KEY "Sec-WebSocket-Protocol: mqtt\r\n\r\n", "400",
         "weft.v1.proto, weft.v1.json");
    asks("GET / HTTP/1.1\r\n" UPGRADE PROTO "\r\n", "400", "Sec-WebSocket-Key");
    asks("GET / HTTP/1.0\r\n" UPGRADE KEY PROTO "\r\n", "400", "HTTP/1.1");
    asks("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Version: 8\r\n" KEY PROTO "\r\n",
         "426", "Sec-WebSocket-Version: 13");
    ck_assert_uint_eq(gw_core_counters(core)->connections, 0);
}
END_TEST

START_TEST(test_protocol_choice)
{
    test_client_connect(&a, &address, pump);
    test_client_send_str(&a, "GET / HTTP/1.1\r\n" UPGRADE KEY
                             "Sec-WebSocket-Protocol: x, weft.v1.json, weft.v1.proto\r\n\r\n");
    const char *answer = test_client_read_text(&a, "\r\n\r\n");
    ck_assert(strstr(answer, "HTTP/1.1 101 "));
    ck_assert(strstr(answer, "Sec-WebSocket-Protocol: weft.v1.json\r\n"));
    test_client_close(&a);
}
END_TEST

START_TEST(test_request_late)
{
    teardown();
    start(100, 200, 1 << 20);
    test_client_connect(&a, &address, pump);
    test_client_send_str(&a, "GET / HTT");
    ck_assert_str_eq(test_client_read_text(&a, NULL), "");
    ck_assert_uint_eq(server.stats.late, 1);
    test_client_close(&a);
}
END_TEST

START_TEST(test_connections_max)
{
    struct test_client first, second;

    teardown();
    start(2, 5000, 1 << 20);
    welcome(&first, GW_PROTO);
    test_client_connect(&second, &address, pump); /* says nothing, and counts all the same */
    asks("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "503", "Retry-After: 2\r\n");
    asks("", "503", "all the connections");
    test_client_close(&second);
    while (server.stats.sockets > 1)
        pump(0);
    welcome(&second, GW_JSON);
    ck_assert_uint_eq(server.stats.unavailable, 2);
    test_client_close(&first);
    test_client_close(&second);
}
END_TEST

/* --- both subprotocols --- */

START_TEST(test_hello_both)
{
    welcome(&a, GW_PROTO);
    welcome(&b, GW_JSON);
    ping(&a, 77);
    ping(&b, 1ull << 53);
    test_client_ws(&a, WS_PING, true, slice_str("abc"));
    struct slice data;
    ck_assert_int_eq(test_client_next(&a, &data), TEST_PONG);
    ck_assert(slice_equal(data, slice_str("abc")));
    test_client_close(&a);
    test_client_close(&b);
}
END_TEST

START_TEST(test_close_handshake)
{
    struct slice rest;

    welcome(&a, GW_PROTO);
    test_client_ws(&a, WS_CLOSE, true, slice_of("\x03\xe8", 2));
    ck_assert_int_eq(test_client_next(&a, &rest), TEST_CLOSE);
    ck_assert_uint_eq(a.close_code, 1000);
    ck_assert_uint_eq(gw_core_gauges(core).connections, 0);
    ck_assert_int_eq(test_client_next(&a, &rest), TEST_END);
    test_client_close(&a);
}
END_TEST

/* --- cut input --- */

/* A request, a Hello in two fragments around a ping, and two frames in one message. */
static void whole_input(struct bytes *out, enum gw_variant variant)
{
    static const uint8_t key[4] = {9, 8, 7, 6};
    struct wire_client_frame hello = {.type = WIRE_UP_HELLO, .hello = {.version = 1}};
    struct wire_client_frame pings[] = {{.type = WIRE_UP_PING, .ping_nonce = 1},
                                        {.type = WIRE_UP_PING, .ping_nonce = 2}};
    static const char hello_json[] = "{\"type\":\"hello\",\"version\":1,\"token\":\"\u00e4\"}";
    static const char ping_json[] = "{\"type\":\"ping\",\"nonce\":2}";
    struct bytes message = BYTES_INIT;
    enum ws_opcode opcode = variant == GW_JSON ? WS_TEXT : WS_BINARY;

    bytes_append_str(out, "GET / HTTP/1.1\r\n" UPGRADE KEY);
    bytes_append_str(out, variant == GW_JSON ? "Sec-WebSocket-Protocol: weft.v1.json\r\n\r\n"
                                             : PROTO "\r\n");
    if (variant == GW_JSON)
        bytes_append_str(&message, hello_json);
    else
        wire_client_frame_encode(&hello, &message);
    size_t half = message.size - (variant == GW_JSON ? 3 : 1), start = out->size;
    ws_encode_append(out, opcode, slice_of(message.data, half), key);
    out->data[start] &= 0x7f;
    ws_encode_append(out, WS_PING, slice_str("?"), key);
    ws_encode_append(out, WS_CONTINUATION, slice_of(message.data + half, message.size - half), key);
    bytes_reset(&message);
    if (variant == GW_JSON)
        bytes_append_str(&message, ping_json);
    else
        for (int i = 0; i < 2; i++)
            wire_client_frame_encode(&pings[i], &message);
    ws_encode_append(out, opcode, bytes_slice(&message), key);
    bytes_fini(&message);
}

static void expect_whole_output(struct test_client *c, enum gw_variant variant)
{
    bool pong = false, welcomed = false, last = false;
    struct slice data;

    const char *head = test_client_read_text(c, "\r\n\r\n");
    bytes_consume(&c->in, (size_t)(strstr(head, "\r\n\r\n") + 4 - head));
    c->variant = variant;
    while (!pong || !welcomed || !last) {
        struct wire_server_frame frame;
        enum test_got got = test_client_next(c, &data);
        if (got == TEST_PONG) {
            ck_assert(slice_equal(data, slice_str("?")));
            pong = true;
        } else if (variant == GW_JSON) {
            ck_assert_int_eq(got, TEST_DATA);
            welcomed |= memmem(data.data, data.size, "\"welcome\"", 9) != NULL;
            last |= memmem(data.data, data.size, "\"nonce\":2", 9) != NULL;
        } else {
            ck_assert_int_eq(got, TEST_DATA);
            ck_assert_int_eq(wire_server_frame_take(&c->mem, &data, &frame), 0);
            welcomed |= frame.type == WIRE_DOWN_WELCOME;
            last |= frame.type == WIRE_DOWN_PONG && frame.pong.nonce == 2;
        }
    }
}

START_TEST(test_every_split)
{
    struct bytes input = BYTES_INIT;

    whole_input(&input, _i);
    for (size_t at = 0; at <= input.size; at++) {
        test_client_connect(&a, &address, pump);
        test_client_send(&a, slice_of(input.data, at));
        for (int i = 0; at && i < 3; i++) /* so that it comes in two reads */
            pump(0);
        test_client_send(&a, slice_of(input.data + at, input.size - at));
        expect_whole_output(&a, _i);
        ck_assert_int_eq(server.stats.held_bytes, 0);
        test_client_close(&a);
    }
    bytes_fini(&input);
}
END_TEST

START_TEST(test_byte_by_byte)
{
    struct bytes input = BYTES_INIT;

    whole_input(&input, _i);
    test_client_connect(&a, &address, pump);
    for (size_t at = 0; at < input.size; at++) {
        test_client_send(&a, slice_of(input.data + at, 1));
        pump(0);
    }
    expect_whole_output(&a, _i);
    test_client_close(&a);
    bytes_fini(&input);
}
END_TEST

/* --- garbage --- */

static void raw(const char *bytes, size_t size, uint32_t code, uint16_t close_code)
{
    welcome(&a, GW_PROTO);
    test_client_send(&a, slice_of(bytes, size));
    test_client_expect_error(&a, code, close_code);
    test_client_close(&a);
    ping(&b, 5);
}

static void message(enum gw_variant variant, enum ws_opcode opcode, struct slice bytes,
                    uint32_t code, uint16_t close_code)
{
    welcome(&a, variant);
    test_client_ws(&a, opcode, true, bytes);
    test_client_expect_error(&a, code, close_code);
    test_client_close(&a);
    ping(&b, 6);
}

START_TEST(test_bad_ws)
{
    welcome(&b, GW_PROTO);
    raw("\x82\x01x", 3, WIRE_E_BAD_FRAME, 1002);            /* not masked */
    raw("\xc2\x80mask", 6, WIRE_E_BAD_FRAME, 1002);         /* RSV1 */
    raw("\x83\x80mask", 6, WIRE_E_BAD_FRAME, 1002);         /* unknown opcode */
    raw("\x09\x80mask", 6, WIRE_E_BAD_FRAME, 1002);         /* ping in fragments */
    raw("\x80\x80mask", 6, WIRE_E_BAD_FRAME, 1002);         /* nothing to continue */
    raw("\x89\xfe\x00\x7emask", 8, WIRE_E_BAD_FRAME, 1002); /* ping of 126 bytes */
    raw("\x82\xfe\x00\x01mask", 8, WIRE_E_BAD_FRAME, 1002); /* length not minimal */
    raw("\x88\x81maskx", 7, WIRE_E_BAD_FRAME, 1002);        /* close of one byte */
    raw("\x82\xff\0\0\0\0\0\x10\0\x01mask", 14, WIRE_E_FRAME_TOO_LARGE, 1009);
    raw("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xffmask", 14, WIRE_E_FRAME_TOO_LARGE, 1009);
    raw("\x81\x81\0\0\0\0x", 7, WIRE_E_BAD_FRAME, 1003); /* text on the binary protocol */
    ck_assert_uint_eq(server.stats.ws_bad, 10);
    message(GW_JSON, WS_BINARY, slice_str("{}"), WIRE_E_BAD_FRAME, 1003);
    message(GW_JSON, WS_TEXT, slice_str("{\"type\":\"\xff\"}"), WIRE_E_BAD_FRAME, 1007);
    test_client_close(&b);
}
END_TEST

START_TEST(test_bad_frames)
{
    welcome(&b, GW_JSON);
    message(GW_PROTO, WS_BINARY, slice_str(""), WIRE_E_BAD_FRAME, 1007);
    message(GW_PROTO, WS_BINARY, slice_str("\x05"), WIRE_E_BAD_FRAME, 1007);
    message(GW_PROTO, WS_BINARY, slice_str("\x03\x32\x01\xff"), WIRE_E_BAD_FRAME, 1007);
    message(GW_PROTO, WS_BINARY, slice_of("\x02\x0a\x00", 3), WIRE_E_HELLO_TWICE, 1008);
    message(GW_JSON, WS_TEXT, slice_str(""), WIRE_E_BAD_JSON, 1007);
    message(GW_JSON, WS_TEXT, slice_str("[1,"), WIRE_E_BAD_JSON, 1007);
    message(GW_JSON, WS_TEXT, slice_str("{\"type\":\"hullo\"}"), WIRE_E_BAD_JSON, 1007);
    message(GW_JSON, WS_TEXT, slice_str("{\"type\":\"hello\"}"), WIRE_E_HELLO_TWICE, 1008);
    test_client_close(&b);
}
END_TEST

/* A person is told what is wrong. */
START_TEST(test_bad_json_words)
{
    struct slice rest;

    welcome(&a, GW_JSON);
    test_client_ws(&a, WS_TEXT, true, slice_str("{\"type\":\"ping\",\"nounce\":1}"));
    test_client_expect_json(&a, "\"message\":\"the message is not a JSON object of the protocol: "
                                "the message has a member that is not known\"");
    ck_assert_int_eq(test_client_next(&a, &rest), TEST_CLOSE);
    test_client_close(&a);
}
END_TEST

START_TEST(test_json_bomb)
{
    struct bytes bomb = BYTES_INIT;

    /* 80 times its text, decoded; then depth. */
    welcome(&b, GW_PROTO);
    bytes_append_str(&bomb, "{\"type\":\"presence\",\"doc\":\"d\",\"data\":[");
    while (bomb.size < WIRE_FRAME_BYTES_MAX - 8)
        bytes_append_str(&bomb, "{},");
    bytes_append_str(&bomb, "1]}");
    message(GW_JSON, WS_TEXT, bytes_slice(&bomb), WIRE_E_BAD_JSON, 1007);
    memset(bomb.data, '[', bomb.size);
    message(GW_JSON, WS_TEXT, bytes_slice(&bomb), WIRE_E_BAD_JSON, 1007);
    bytes_fini(&bomb);
    test_client_close(&b);
}
END_TEST

START_TEST(test_random_garbage)
{
    uint64_t seed = (uint64_t)test_now_ms();
    struct rng rng;
    uint8_t noise[200];

    printf("seed %lu\n", (unsigned long)seed);
    rng_init(&rng, seed);
    welcome(&b, GW_PROTO);
    for (int round = 0; round < 300; round++) {
        open_client(&a, round % 2 ? GW_JSON : GW_PROTO);
        if (round % 3)
            test_client_hello(&a);
        for (int i = 0; i < 3; i++) {
            size_t size = rng_below(&rng, sizeof noise);
            for (size_t k = 0; k < size; k++)
                noise[k] = (uint8_t)rng_u64(&rng);
            if (round % 5)
                test_client_ws(&a, a.variant == GW_JSON ? WS_TEXT : WS_BINARY, true,
                               slice_of(noise, size));
            else
                test_client_send(&a, slice_of(noise, size));
            pump(0);
        }
        test_client_close(&a);
        ping(&b, (uint64_t)round);
    }
    test_client_close(&b);
}
END_TEST

/* --- bounds --- */

/* Messages begun and never ended: the account of all sockets stops them, not this process's end. */
START_TEST(test_input_account)
{
    struct bytes part = BYTES_INIT;
    struct test_client c[3];

    teardown();
    start(100, 5000, 1 << 20);
    for (int i = 0; i < 500 << 10; i++)
        bytes_append_u8(&part, 'x');
    for (int i = 0; i < 3; i++) {
        welcome(&c[i], GW_PROTO);
        test_client_ws(&c[i], WS_BINARY, false, bytes_slice(&part));
    }
    test_client_expect_error(&c[2], WIRE_E_OVERLOADED, 1013);
    ck_assert_uint_ge(server.stats.input_full, 1);
    for (int i = 0; i < 3; i++)
        test_client_close(&c[i]);
    bytes_fini(&part);
}
END_TEST

/* Asks without end and never reads: closed, with at most the bound held for it. */
START_TEST(test_slow_reader)
{
    struct wire_client_frame frame = {.type = WIRE_UP_PING, .ping_nonce = UINT64_MAX};
    struct bytes pings = BYTES_INIT, packet = BYTES_INIT;
    static const uint8_t key[4] = {1, 2, 3, 4};

    for (int i = 0; i < 1000; i++)
        wire_client_frame_encode(&frame, &pings);
    ws_encode_append(&packet, WS_BINARY, bytes_slice(&pings), key);
    welcome(&b, GW_PROTO);
    welcome(&a, GW_PROTO);
    int64_t end = test_now_ms() + TEST_WAIT_MS;
    size_t most = 0;
    while (gw_core_counters(core)->errors_by_code[WIRE_E_SLOW_READER] == 0) {
        test_client_send(&a, bytes_slice(&packet));
        pump(0);
        most = ev_loop_stats(loop)->out_bytes > most ? ev_loop_stats(loop)->out_bytes : most;
        ck_assert_msg(test_now_ms() < end, "a reader that does not read is kept");
    }
    ck_assert_uint_le(most, (256 << 10) + 4096);
    ping(&b, 1);
    /* It reads after all: what was queued, why it ends, the close frame. */
    struct slice data;
    enum test_got got;
    struct wire_server_frame last = {0};
    while ((got = test_client_next(&a, &data)) == TEST_DATA)
        ck_assert_int_eq(wire_server_frame_take(&a.mem, &data, &last), 0);
    ck_assert_int_eq(got, TEST_CLOSE);
    ck_assert_int_eq(last.type, WIRE_DOWN_ERROR);
    ck_assert_uint_eq(last.error.code, WIRE_E_SLOW_READER);
    ck_assert_uint_eq(a.close_code, 1013);
    bytes_fini(&pings);
    bytes_fini(&packet);
    test_client_close(&a);
    test_client_close(&b);
}
END_TEST

START_TEST(test_ping_flood)
{
    static const uint8_t key[4] = {1, 2, 3, 4};
    struct bytes flood = BYTES_INIT;
    struct slice data;

    for (int i = 0; i < 1000; i++)
        ws_encode_append(&flood, WS_PING, slice_str(i == 999 ? "last" : "some"), key);
    welcome(&a, GW_PROTO);
    test_client_send(&a, bytes_slice(&flood));
    unsigned pongs = 0;
    do {
        ck_assert_int_eq(test_client_next(&a, &data), TEST_PONG);
        pongs++;
    } while (!slice_equal(data, slice_str("last")));
    ck_assert_uint_eq(server.stats.pings, 1000);
    ck_assert_uint_lt(pongs, 100);
    ping(&a, 1);
    test_client_close(&a);
    bytes_fini(&flood);
}
END_TEST

/* --- the end --- */

static void storage_gone(void)
{
    for (size_t i = 0; i < call_count; i++) {
        calls[i]->result = STORAGE_DOWN;
        gw_core_storage_done(core, calls[i]);
    }
    call_count = 0;
}

START_TEST(test_drain)
{
    struct test_client waiting;

    welcome(&a, GW_PROTO);
    welcome(&b, GW_JSON);
    test_client_connect(&waiting, &address, pump);
    while (server.stats.sockets < 3)
        pump(0);
    gw_server_stop(&server);
    gw_core_drain(core);
    ck_assert(strstr(test_client_read_text(&waiting, NULL), "503"));
    test_client_expect(&a, WIRE_DOWN_DRAIN);
    test_client_expect_json(&b, "{\"type\":\"drain\",");
    test_client_expect_error(&a, WIRE_E_DRAINING, 1012);
    test_client_close(&a);
    test_client_close(&waiting);
    test_client_expect_error(&b, WIRE_E_DRAINING, 1012);
    test_client_close(&b);
    while (!gw_core_drained(core)) {
        pump(0);
        storage_gone();
    }
    ck_assert(gw_core_drained(core));
}
END_TEST

START_TEST(test_abort)
{
    welcome(&a, GW_PROTO);
    test_client_connect(&b, &address, pump);
    while (server.stats.sockets < 2)
        pump(0);
    gw_server_abort(&server);
    ck_assert_str_eq(test_client_read_text(&b, NULL), "");
    ck_assert_str_eq(test_client_read_text(&a, NULL), "");
    test_client_close(&a);
    test_client_close(&b);
}
END_TEST

/* --- encoding --- */

START_TEST(test_encode_entry)
{
    struct wire_client_record record = {
        .has_author = true, .seq = 3, .kind = WIRE_KIND_TITLE, .body = slice_str("T"), .count = 1};
    struct wire_server_frame frame = {.type = WIRE_DOWN_ENTRY};
    struct bytes encoded = BYTES_INIT;

    frame.entry = (struct wire_client_entry){
        .doc = slice_str("d"), .first_rev = 4, .last_rev = 4, .records = &record, .count = 1};
    wire_client_entry_encode(&frame.entry, &encoded);
    for (unsigned v = 0; v < GW_VARIANT_COUNT; v++) {
        struct wire_server_frame empty = {.type = WIRE_DOWN_ENTRY};
        struct refbuf *whole = gw_encode_frame(&encoder, v, &frame, (struct slice){0});
        struct refbuf *shared = gw_encode_frame(&encoder, v, &empty, bytes_slice(&encoded));
        ck_assert(whole && shared && slice_equal(refbuf_slice(whole), refbuf_slice(shared)));
        ck_assert_uint_eq(whole->data[0], v == GW_JSON ? 0x81 : 0x82);
        refbuf_unref(whole);
        refbuf_unref(shared);
    }
    encoded.data[0] ^= 1;
    ck_assert(!gw_encode_frame(&encoder, GW_JSON, &frame, bytes_slice(&encoded)));
    ck_assert_uint_eq(encoder.failed, 1);
    bytes_fini(&encoded);
}
END_TEST

START_TEST(test_encode_payload)
{
    struct wire_content content = {.content = slice_str("broken"), .title = slice_str("T")};
    struct bytes payload = BYTES_INIT;

    wire_content_encode(&content, &payload);
    struct wire_opened opened = {.outcome = WIRE_OPENED_SNAPSHOT, .payload = bytes_slice(&payload)};
    ck_assert(!gw_encode_payload(&encoder, GW_JSON, &opened));
    struct refbuf *same = gw_encode_payload(&encoder, GW_PROTO, &opened);
    ck_assert(slice_equal(refbuf_slice(same), opened.payload));
    refbuf_unref(same);
    bytes_reset(&payload);
    content.content = (struct slice){0};
    wire_content_encode(&content, &payload);
    opened.payload = bytes_slice(&payload);
    struct refbuf *text = gw_encode_payload(&encoder, GW_JSON, &opened);
    if (text)
        ck_assert(slice_equal(refbuf_slice(text), slice_str("{\"content\":[],\"title\":\"T\"}")));
    refbuf_unref(text);
    bytes_fini(&payload);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("gateway sockets");
    TCase *t = tcase_create("all");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, test_pages);
    tcase_add_test(t, test_large_heads);
    tcase_add_test(t, test_upgrades_refused);
    tcase_add_test(t, test_protocol_choice);
    tcase_add_test(t, test_request_late);
    tcase_add_test(t, test_connections_max);
    tcase_add_test(t, test_hello_both);
    tcase_add_test(t, test_close_handshake);
    tcase_add_loop_test(t, test_every_split, 0, GW_VARIANT_COUNT);
    tcase_add_loop_test(t, test_byte_by_byte, 0, GW_VARIANT_COUNT);
    tcase_add_test(t, test_bad_ws);
    tcase_add_test(t, test_bad_frames);
    tcase_add_test(t, test_bad_json_words);
    tcase_add_test(t, test_json_bomb);
    tcase_add_test(t, test_random_garbage);
    tcase_add_test(t, test_input_account);
    tcase_add_test(t, test_slow_reader);
    tcase_add_test(t, test_ping_flood);
    tcase_add_test(t, test_drain);
    tcase_add_test(t, test_abort);
    tcase_add_test(t, test_encode_entry);
    tcase_add_test(t, test_encode_payload);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
