/* Requests, both subprotocols, cut input, the end. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "gw_world_test.h"
#include "ws_encoder.h"

static struct support_client a, b;

/* --- requests --- */

#define UPGRADE                                                                                    \
    "Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"                                     \
    "Sec-WebSocket-Version: 13\r\n"
#define KEY "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
#define PROTO "Sec-WebSocket-Protocol: weft.v1.proto\r\n"

START_TEST(test_pages)
{
    world_asks("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "200", "This is a Weft gateway");
    world_asks("GET /?a=b HTTP/1.1\r\nHost: x\r\n\r\n", "200", "weft.v1.json");
    world_asks("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", "200", "Content-Length: ");
    world_asks("GET /docs HTTP/1.1\r\nHost: x\r\n\r\n", "404", "connect to /");
    world_asks("DELETE / HTTP/1.1\r\nHost: x\r\n\r\n", "405", "Allow: GET, HEAD");
    world_asks("GET / HTTP/1.1\r\n\r\n", "400", "not well-formed");
    world_asks("\r\n\r\n", "400", "not well-formed");
    world_asks("GET / HTTP/2.0\r\nHost: x\r\n\r\n", "505", "HTTP/1.1");
    world_asks("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", "413", "body");
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
    world_asks((char *)head.data, "431", "8192");
    ck_assert_uint_eq(server.stats.limit_request_head, 1);
    memset(head.data + 5, 'y', head.size - 6);
    world_asks((char *)head.data, "414", "8192");
    bytes_reset(&head);
    bytes_append_str(&head, "GET / HTTP/1.1\r\nHost: x\r\n");
    for (int i = 0; i < 64; i++)
        bytes_append_str(&head, "X: y\r\n");
    bytes_append(&head, "\r\n", 3);
    world_asks((char *)head.data, "431", "64");
    ck_assert_uint_eq(server.stats.limit_request_fields, 1);
    bytes_fini(&head);
}
END_TEST

START_TEST(test_upgrades_refused)
{
    world_asks("GET / HTTP/1.1\r\n" UPGRADE KEY "\r\n", "400", "offer a subprotocol");
    world_asks("GET /x HTTP/1.1\r\n" UPGRADE KEY PROTO "\r\n", "404", "connect to /");
    world_asks("GET / HTTP/1.1\r\n" UPGRADE KEY "Sec-WebSocket-Protocol: mqtt\r\n\r\n", "400",
               "weft.v1.proto, weft.v1.json");
    world_asks("GET / HTTP/1.1\r\n" UPGRADE PROTO "\r\n", "400", "Sec-WebSocket-Key");
    world_asks("GET / HTTP/1.0\r\n" UPGRADE KEY PROTO "\r\n", "400", "HTTP/1.1");
    world_asks("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Version: 8\r\n" KEY PROTO "\r\n",
               "426", "Sec-WebSocket-Version: 13");
    ck_assert_uint_eq(gw_core_counters(core)->connections, 0);
}
END_TEST

START_TEST(test_protocol_choice)
{
    support_client_connect(&a, &address, world_pump);
    support_client_send_str(&a, "GET / HTTP/1.1\r\n" UPGRADE KEY
                                "Sec-WebSocket-Protocol: x, weft.v1.json, weft.v1.proto\r\n\r\n");
    const char *answer = support_client_read_text(&a, "\r\n\r\n");
    ck_assert(strstr(answer, "HTTP/1.1 101 "));
    ck_assert(strstr(answer, "Sec-WebSocket-Protocol: weft.v1.json\r\n"));
    support_client_close(&a);
}
END_TEST

START_TEST(test_request_late)
{
    world_stop();
    world_start(100, 200, 1 << 20);
    support_client_connect(&a, &address, world_pump);
    support_client_send_str(&a, "GET / HTT");
    ck_assert_str_eq(support_client_read_text(&a, NULL), "");
    ck_assert_uint_eq(server.stats.late, 1);
    support_client_close(&a);
}
END_TEST

START_TEST(test_connections_max)
{
    struct support_client first, second;

    world_stop();
    world_start(2, 5000, 1 << 20);
    world_welcome(&first, WS_PROTOCOL_PROTO);
    support_client_connect(&second, &address,
                           world_pump); /* says nothing, and counts all the same */
    world_asks("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "503", "Retry-After: 2\r\n");
    world_asks("", "503", "all the connections");
    support_client_close(&second);
    while (server.stats.sockets > 1)
        world_pump(0);
    world_welcome(&second, WS_PROTOCOL_JSON);
    ck_assert_uint_eq(server.stats.unavailable, 2);
    ck_assert_uint_eq(server.stats.limit_connections, 2);
    support_client_close(&first);
    support_client_close(&second);
}
END_TEST

/* Who is told that there are too many, and does not go, counts as well: up to a bound. */
START_TEST(test_refusals_bound)
{
    enum { REFUSALS = 256 };
    static struct support_client all[1 + REFUSALS + 1];

    world_stop();
    world_start(1, 5000, 1 << 20);
    for (int i = 0; i < 1 + REFUSALS + 1; i++)
        support_client_connect(&all[i], &address, world_pump);
    while (server.stats.dropped == 0)
        world_pump(0);
    ck_assert_uint_eq(server.stats.limit_connections, REFUSALS + 1);
    ck_assert_uint_eq(server.stats.dropped, 1);
    ck_assert_int_eq(server.stats.sockets, 1 + REFUSALS);
    for (int i = 0; i < 1 + REFUSALS + 1; i++)
        support_client_close(&all[i]);
}
END_TEST

/* --- both subprotocols --- */

START_TEST(test_hello_both)
{
    world_welcome(&a, WS_PROTOCOL_PROTO);
    world_welcome(&b, WS_PROTOCOL_JSON);
    world_ping(&a, 77);
    world_ping(&b, 1ull << 53);
    support_client_ws(&a, WS_PING, true, slice_str("abc"));
    struct slice data;
    ck_assert_int_eq(support_client_next(&a, &data), SUPPORT_PONG);
    ck_assert(slice_equal(data, slice_str("abc")));
    support_client_close(&a);
    support_client_close(&b);
}
END_TEST

START_TEST(test_close_handshake)
{
    struct slice rest;

    world_welcome(&a, WS_PROTOCOL_PROTO);
    support_client_ws(&a, WS_CLOSE, true, slice_of("\x03\xe8", 2));
    ck_assert_int_eq(support_client_next(&a, &rest), SUPPORT_CLOSE);
    ck_assert_uint_eq(a.close_code, 1000);
    ck_assert_uint_eq(gw_core_gauges(core).connections, 0);
    ck_assert_int_eq(support_client_next(&a, &rest), SUPPORT_END);
    support_client_close(&a);
}
END_TEST

/* --- cut input --- */

/* A request, a Hello in two fragments around a ping, and two frames in one message. */
static void whole_input(struct bytes *out, enum ws_protocol protocol)
{
    static const uint8_t key[4] = {9, 8, 7, 6};
    struct wire_client_frame hello = {.type = WIRE_UP_HELLO, .hello = {.version = 1}};
    struct wire_client_frame pings[] = {{.type = WIRE_UP_PING, .ping_nonce = 1},
                                        {.type = WIRE_UP_PING, .ping_nonce = 2}};
    static const char hello_json[] = "{\"type\":\"hello\",\"version\":1,\"token\":\"\u00e4\"}";
    static const char ping_json[] = "{\"type\":\"ping\",\"nonce\":2}";
    struct bytes message = BYTES_INIT;
    enum ws_opcode opcode = protocol == WS_PROTOCOL_JSON ? WS_TEXT : WS_BINARY;

    bytes_append_str(out, "GET / HTTP/1.1\r\n" UPGRADE KEY);
    bytes_append_str(out, protocol == WS_PROTOCOL_JSON
                              ? "Sec-WebSocket-Protocol: weft.v1.json\r\n\r\n"
                              : PROTO "\r\n");
    if (protocol == WS_PROTOCOL_JSON)
        bytes_append_str(&message, hello_json);
    else
        wire_client_frame_encode(&hello, &message);
    size_t half = message.size - (protocol == WS_PROTOCOL_JSON ? 3 : 1), start = out->size;
    ws_encode_append(out, opcode, slice_of(message.data, half), key);
    out->data[start] &= 0x7f;
    ws_encode_append(out, WS_PING, slice_str("?"), key);
    ws_encode_append(out, WS_CONTINUATION, slice_of(message.data + half, message.size - half), key);
    bytes_reset(&message);
    if (protocol == WS_PROTOCOL_JSON)
        bytes_append_str(&message, ping_json);
    else
        for (int i = 0; i < 2; i++)
            wire_client_frame_encode(&pings[i], &message);
    ws_encode_append(out, opcode, bytes_slice(&message), key);
    bytes_fini(&message);
}

static void expect_whole_output(struct support_client *c, enum ws_protocol protocol)
{
    bool pong = false, welcomed = false, last = false;
    struct slice data;

    const char *head = support_client_read_text(c, "\r\n\r\n");
    bytes_consume(&c->in, (size_t)(strstr(head, "\r\n\r\n") + 4 - head));
    c->protocol = protocol;
    while (!pong || !welcomed || !last) {
        struct wire_server_frame frame;
        enum support_got got = support_client_next(c, &data);
        if (got == SUPPORT_PONG) {
            ck_assert(slice_equal(data, slice_str("?")));
            pong = true;
        } else if (protocol == WS_PROTOCOL_JSON) {
            ck_assert_int_eq(got, SUPPORT_DATA);
            welcomed |= memmem(data.data, data.size, "\"welcome\"", 9) != NULL;
            last |= memmem(data.data, data.size, "\"nonce\":2", 9) != NULL;
        } else {
            ck_assert_int_eq(got, SUPPORT_DATA);
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
        support_client_connect(&a, &address, world_pump);
        support_client_send(&a, slice_of(input.data, at));
        for (int i = 0; at && i < 3; i++) /* so that it comes in two reads */
            world_pump(0);
        support_client_send(&a, slice_of(input.data + at, input.size - at));
        expect_whole_output(&a, _i);
        ck_assert_int_eq(server.stats.held_bytes, 0);
        support_client_close(&a);
    }
    bytes_fini(&input);
}
END_TEST

START_TEST(test_byte_by_byte)
{
    struct bytes input = BYTES_INIT;

    whole_input(&input, _i);
    support_client_connect(&a, &address, world_pump);
    for (size_t at = 0; at < input.size; at++) {
        support_client_send(&a, slice_of(input.data + at, 1));
        world_pump(0);
    }
    expect_whole_output(&a, _i);
    support_client_close(&a);
    bytes_fini(&input);
}
END_TEST

/* --- the end --- */

START_TEST(test_drain)
{
    struct support_client waiting;

    world_welcome(&a, WS_PROTOCOL_PROTO);
    world_welcome(&b, WS_PROTOCOL_JSON);
    support_client_connect(&waiting, &address, world_pump);
    while (server.stats.sockets < 3)
        world_pump(0);
    gw_server_stop(&server);
    gw_core_drain(core);
    ck_assert(strstr(support_client_read_text(&waiting, NULL), "503"));
    support_client_expect(&a, WIRE_DOWN_DRAIN);
    support_client_expect_json(&b, "{\"type\":\"drain\",");
    support_client_expect_error(&a, WIRE_E_DRAINING, 1012);
    support_client_close(&a);
    support_client_close(&waiting);
    support_client_expect_error(&b, WIRE_E_DRAINING, 1012);
    support_client_close(&b);
    while (!gw_core_drained(core)) {
        world_pump(0);
        world_storage_down();
    }
    ck_assert(gw_core_drained(core));
}
END_TEST

/* Who was in the kernel's queue is told, too: with and without a request, of either kind. */
START_TEST(test_stop_answers_the_queue)
{
    static const char *const requests[] = {
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Protocol: weft.v1.proto\r\n\r\n",
        "GET / HT",
        "",
    };
    enum { COUNT = sizeof requests / sizeof *requests };
    struct support_client waiting[COUNT];

    for (size_t i = 0; i < COUNT; i++) {
        support_client_connect(&waiting[i], &address, world_pump);
        support_client_send_str(&waiting[i], requests[i]);
    }
    ck_assert_int_eq(server.stats.sockets, 0);
    gw_server_stop(&server);
    for (size_t i = 0; i < COUNT; i++) {
        const char *answer = support_client_read_text(&waiting[i], NULL);
        ck_assert_ptr_nonnull(strstr(answer, "HTTP/1.1 503 "));
        ck_assert_ptr_nonnull(strstr(answer, "Retry-After: 2\r\n"));
        ck_assert_ptr_nonnull(strstr(answer, "shutting down"));
    }
    ck_assert_uint_eq(server.stats.unavailable, COUNT);
    /* One of them never goes away by itself: that has an end. */
    for (size_t i = 1; i < COUNT; i++)
        support_client_close(&waiting[i]);
    while (!gw_server_empty(&server))
        world_pump(0);
    support_client_close(&waiting[0]);
}
END_TEST

START_TEST(test_abort)
{
    world_welcome(&a, WS_PROTOCOL_PROTO);
    support_client_connect(&b, &address, world_pump);
    while (server.stats.sockets < 2)
        world_pump(0);
    gw_server_abort(&server);
    ck_assert_str_eq(support_client_read_text(&b, NULL), "");
    ck_assert_str_eq(support_client_read_text(&a, NULL), "");
    support_client_close(&a);
    support_client_close(&b);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("gateway sockets");
    TCase *t = tcase_create("all");

    tcase_add_checked_fixture(t, world_setup, world_stop);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, test_pages);
    tcase_add_test(t, test_large_heads);
    tcase_add_test(t, test_upgrades_refused);
    tcase_add_test(t, test_protocol_choice);
    tcase_add_test(t, test_request_late);
    tcase_add_test(t, test_connections_max);
    tcase_add_test(t, test_refusals_bound);
    tcase_add_test(t, test_hello_both);
    tcase_add_test(t, test_close_handshake);
    tcase_add_loop_test(t, test_every_split, WS_PROTOCOL_PROTO, WS_PROTOCOL_JSON + 1);
    tcase_add_loop_test(t, test_byte_by_byte, WS_PROTOCOL_PROTO, WS_PROTOCOL_JSON + 1);
    tcase_add_test(t, test_drain);
    tcase_add_test(t, test_stop_answers_the_queue);
    tcase_add_test(t, test_abort);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
