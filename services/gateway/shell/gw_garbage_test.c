/* What is not the protocol, and what is too much of it: it costs its sender only. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "gw_world_test.h"
#include "rng.h"
#include "ws_encoder.h"

static struct support_client a, b;

/* --- garbage --- */

static void raw(const char *bytes, size_t size, uint32_t code, uint16_t close_code)
{
    world_welcome(&a, WS_PROTOCOL_PROTO);
    support_client_send(&a, slice_of(bytes, size));
    support_client_expect_error(&a, code, close_code);
    support_client_close(&a);
    world_ping(&b, 5);
}

static void message(enum ws_protocol protocol, enum ws_opcode opcode, struct slice bytes,
                    uint32_t code, uint16_t close_code)
{
    world_welcome(&a, protocol);
    support_client_ws(&a, opcode, true, bytes);
    support_client_expect_error(&a, code, close_code);
    support_client_close(&a);
    world_ping(&b, 6);
}

START_TEST(test_bad_ws)
{
    world_welcome(&b, WS_PROTOCOL_PROTO);
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
    message(WS_PROTOCOL_JSON, WS_BINARY, slice_str("{}"), WIRE_E_BAD_FRAME, 1003);
    message(WS_PROTOCOL_JSON, WS_TEXT, slice_str("{\"type\":\"\xff\"}"), WIRE_E_BAD_FRAME, 1007);
    support_client_close(&b);
}
END_TEST

START_TEST(test_bad_frames)
{
    world_welcome(&b, WS_PROTOCOL_JSON);
    message(WS_PROTOCOL_PROTO, WS_BINARY, slice_str(""), WIRE_E_BAD_FRAME, 1007);
    message(WS_PROTOCOL_PROTO, WS_BINARY, slice_str("\x05"), WIRE_E_BAD_FRAME, 1007);
    message(WS_PROTOCOL_PROTO, WS_BINARY, slice_str("\x03\x32\x01\xff"), WIRE_E_BAD_FRAME, 1007);
    message(WS_PROTOCOL_PROTO, WS_BINARY, slice_of("\x02\x0a\x00", 3), WIRE_E_HELLO_TWICE, 1008);
    message(WS_PROTOCOL_JSON, WS_TEXT, slice_str(""), WIRE_E_BAD_JSON, 1007);
    message(WS_PROTOCOL_JSON, WS_TEXT, slice_str("[1,"), WIRE_E_BAD_JSON, 1007);
    message(WS_PROTOCOL_JSON, WS_TEXT, slice_str("{\"type\":\"hullo\"}"), WIRE_E_UNKNOWN_TYPE,
            1007);
    message(WS_PROTOCOL_JSON, WS_TEXT, slice_str("{\"type\":\"hello\"}"), WIRE_E_HELLO_TWICE, 1008);
    support_client_close(&b);
}
END_TEST

/* An array of empty objects takes a hundred times its text to read: the message ends, and what
 * reading it has taken is given back. */
START_TEST(test_json_that_takes_much_memory)
{
    struct bytes bomb = BYTES_INIT;

    bytes_append_u8(&bomb, '[');
    for (int i = 0; i < 340000; i++)
        bytes_append(&bomb, "{},", 3);
    bytes_append(&bomb, "{}]", 3);
    world_welcome(&b, WS_PROTOCOL_JSON);
    message(WS_PROTOCOL_JSON, WS_TEXT, bytes_slice(&bomb), WIRE_E_BAD_JSON, 1007);
    message(WS_PROTOCOL_JSON, WS_TEXT, bytes_slice(&bomb), WIRE_E_BAD_JSON, 1007);
    ck_assert_uint_eq(server.stats.limit_message, 2);
    ck_assert_ptr_null(server.input.mem.first ? server.input.mem.first->next : NULL);
    world_ping(&b, 9);
    support_client_close(&b);
    bytes_fini(&bomb);
}
END_TEST

/* A person is told what is wrong. */
START_TEST(test_bad_json_words)
{
    struct slice rest;

    world_welcome(&a, WS_PROTOCOL_JSON);
    support_client_ws(&a, WS_TEXT, true, slice_str("{\"type\":\"ping\",\"nounce\":1}"));
    support_client_expect_json(&a,
                               "\"message\":\"the message is not a JSON object of the protocol: "
                               "the message has a member that is not known\"");
    ck_assert_int_eq(support_client_next(&a, &rest), SUPPORT_CLOSE);
    support_client_close(&a);
}
END_TEST

START_TEST(test_json_bomb)
{
    struct bytes bomb = BYTES_INIT;

    /* 80 times its text, decoded; then depth. */
    world_welcome(&b, WS_PROTOCOL_PROTO);
    bytes_append_str(&bomb, "{\"type\":\"presence\",\"doc\":\"d\",\"data\":[");
    while (bomb.size < WIRE_FRAME_BYTES_MAX - 8)
        bytes_append_str(&bomb, "{},");
    bytes_append_str(&bomb, "1]}");
    message(WS_PROTOCOL_JSON, WS_TEXT, bytes_slice(&bomb), WIRE_E_BAD_JSON, 1007);
    memset(bomb.data, '[', bomb.size);
    message(WS_PROTOCOL_JSON, WS_TEXT, bytes_slice(&bomb), WIRE_E_BAD_JSON, 1007);
    bytes_fini(&bomb);
    support_client_close(&b);
}
END_TEST

START_TEST(test_random_garbage)
{
    uint64_t seed = (uint64_t)support_now_ms();
    struct rng rng;
    uint8_t noise[200];

    printf("seed %lu\n", (unsigned long)seed);
    rng_init(&rng, seed);
    world_welcome(&b, WS_PROTOCOL_PROTO);
    for (int round = 0; round < 300; round++) {
        world_open(&a, round % 2 ? WS_PROTOCOL_JSON : WS_PROTOCOL_PROTO);
        if (round % 3)
            support_client_hello(&a);
        for (int i = 0; i < 3; i++) {
            size_t size = rng_below(&rng, sizeof noise);
            for (size_t k = 0; k < size; k++)
                noise[k] = (uint8_t)rng_u64(&rng);
            if (round % 5)
                support_client_ws(&a, a.protocol == WS_PROTOCOL_JSON ? WS_TEXT : WS_BINARY, true,
                                  slice_of(noise, size));
            else
                support_client_send(&a, slice_of(noise, size));
            world_pump(0);
        }
        support_client_close(&a);
        world_ping(&b, (uint64_t)round);
    }
    support_client_close(&b);
}
END_TEST

/* --- bounds --- */

/* Messages begun and never ended: the account of all sockets stops them, not this process's end. */
START_TEST(test_input_account)
{
    struct bytes part = BYTES_INIT;
    struct support_client c[3];

    world_stop();
    world_start(100, 5000, 1 << 20);
    for (int i = 0; i < 500 << 10; i++)
        bytes_append_u8(&part, 'x');
    for (int i = 0; i < 3; i++) {
        world_welcome(&c[i], WS_PROTOCOL_PROTO);
        support_client_ws(&c[i], WS_BINARY, false, bytes_slice(&part));
    }
    support_client_expect_error(&c[2], WIRE_E_OVERLOADED, 1013);
    ck_assert_uint_ge(server.stats.input_full, 1);
    for (int i = 0; i < 3; i++)
        support_client_close(&c[i]);
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
    world_welcome(&b, WS_PROTOCOL_PROTO);
    world_welcome(&a, WS_PROTOCOL_PROTO);
    int64_t end = support_now_ms() + SUPPORT_WAIT_MS;
    size_t most = 0;
    while (gw_core_counters(core)->errors_by_code[WIRE_E_SLOW_READER] == 0) {
        support_client_send(&a, bytes_slice(&packet));
        world_pump(0);
        most = ev_loop_stats(loop)->out_bytes > most ? ev_loop_stats(loop)->out_bytes : most;
        ck_assert_msg(support_now_ms() < end, "a reader that does not read is kept");
    }
    ck_assert_uint_le(most, (256 << 10) + 4096);
    world_ping(&b, 1);
    /* It reads after all: what was queued, why it ends, the close frame. */
    struct slice data;
    enum support_got got;
    struct wire_server_frame last = {0};
    while ((got = support_client_next(&a, &data)) == SUPPORT_DATA)
        ck_assert_int_eq(wire_server_frame_take(&a.mem, &data, &last), 0);
    ck_assert_int_eq(got, SUPPORT_CLOSE);
    ck_assert_int_eq(last.type, WIRE_DOWN_ERROR);
    ck_assert_uint_eq(last.error.code, WIRE_E_SLOW_READER);
    ck_assert_uint_eq(a.close_code, 1013);
    bytes_fini(&pings);
    bytes_fini(&packet);
    support_client_close(&a);
    support_client_close(&b);
}
END_TEST

START_TEST(test_ping_flood)
{
    static const uint8_t key[4] = {1, 2, 3, 4};
    struct bytes flood = BYTES_INIT;
    struct slice data;

    for (int i = 0; i < 1000; i++)
        ws_encode_append(&flood, WS_PING, slice_str(i == 999 ? "last" : "some"), key);
    world_welcome(&a, WS_PROTOCOL_PROTO);
    support_client_send(&a, bytes_slice(&flood));
    unsigned pongs = 0;
    do {
        ck_assert_int_eq(support_client_next(&a, &data), SUPPORT_PONG);
        pongs++;
    } while (!slice_equal(data, slice_str("last")));
    ck_assert_uint_eq(server.stats.pings, 1000);
    ck_assert_uint_lt(pongs, 100);
    world_ping(&a, 1);
    support_client_close(&a);
    bytes_fini(&flood);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("gateway garbage");
    TCase *t = tcase_create("all");

    tcase_add_checked_fixture(t, world_setup, world_stop);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, test_bad_ws);
    tcase_add_test(t, test_bad_frames);
    tcase_add_test(t, test_json_that_takes_much_memory);
    tcase_add_test(t, test_bad_json_words);
    tcase_add_test(t, test_json_bomb);
    tcase_add_test(t, test_random_garbage);
    tcase_add_test(t, test_input_account);
    tcase_add_test(t, test_slow_reader);
    tcase_add_test(t, test_ping_flood);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
