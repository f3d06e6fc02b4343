#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conn.h"
#include "conn_server_test.h"
#include "ws_encoder.h"

#define DEADLINE_US (20 * 1000000)

/* Turns the loop until cond holds; fails the test after the deadline. */
#define WAIT(cond)                                                                                 \
    do {                                                                                           \
        int64_t until_us = ev_clock_us() + DEADLINE_US;                                            \
        while (!(cond)) {                                                                          \
            ck_assert_msg(ev_clock_us() < until_us, "waited too long for " #cond);                 \
            ev_loop_step(loop, 100);                                                               \
        }                                                                                          \
    } while (0)

static struct ev_loop *loop;
static struct server server;
static struct conn_set *set;
static struct conn_url url;
static struct conn_config config;
static uint64_t started_ms; /* Unix time */

/* What the client saw. */
static struct conn *conn;
static bool welcomed, closed;
static struct conn_end end;
static char end_text[256];
static unsigned frames;
static uint64_t last_nonce;
static bool close_at_frame;

static void on_welcomed(void *arg, const struct wire_welcome *welcome)
{
    ck_assert_ptr_eq(arg, &frames);
    ck_assert_uint_eq(welcome->version, server.welcome.version);
    if (server.welcome.server_time_ms)
        ck_assert_uint_eq(welcome->server_time_ms, server.welcome.server_time_ms);
    else
        ck_assert_uint_ge(welcome->server_time_ms, started_ms);
    welcomed = true;
}

static void on_frame(void *arg, const struct wire_server_frame *frame)
{
    ck_assert(!closed);
    frames++;
    if (frame->type == WIRE_DOWN_PONG)
        last_nonce = frame->pong.nonce;
    if (close_at_frame)
        conn_close(conn, WS_CLOSE_NORMAL, "enough");
}

static void on_closed(void *arg, const struct conn_end *e)
{
    ck_assert(!closed);
    closed = true;
    end = *e;
    snprintf(end_text, sizeof end_text, "%s", e->text);
    conn = NULL;
}

static const struct conn_events events = {on_welcomed, on_frame, on_closed};

static void url_make(const char *target)
{
    char address[EV_ADDRESS_TEXT_MAX], text[EV_ADDRESS_TEXT_MAX + 64];
    struct ev_address at;

    ev_listen_address(server.listen, &at);
    ev_address_format(&at, address);
    snprintf(text, sizeof text, "ws://%s%s", address, target);
    ck_assert_ptr_null(conn_url_parse(text, &url));
    config = (struct conn_config){.url = &url};
    ck_assert_ptr_null(conn_url_resolve(&url, &config.to));
}

static void setup(void)
{
    loop = ev_loop_new(&(struct ev_loop_config){.close_ms = 200});
    ck_assert_ptr_nonnull(loop);
    server_start(&server, loop);
    set = conn_set_new(loop);
    ck_assert_ptr_nonnull(set);
    url_make("/");
    started_ms = (uint64_t)time(NULL) * 1000;
    welcomed = closed = close_at_frame = false;
    frames = 0;
    last_nonce = 0;
    end_text[0] = 0;
}

static void teardown(void)
{
    if (conn)
        conn_abort(conn);
    WAIT(!conn);
    server_stop(&server);
    WAIT(!server.stream);
    conn_set_free(set);
    /* MUSTs that nothing is alive. */
    ev_loop_free(loop);
}

static void open_conn(void)
{
    ck_assert_int_eq(conn_open(set, &config, &events, &frames, &conn), 0);
}

static void open_and_greet(void)
{
    open_conn();
    WAIT(welcomed);
}

static struct wire_server_frame pong_of(uint64_t nonce)
{
    return (struct wire_server_frame){.type = WIRE_DOWN_PONG, .pong = {.nonce = nonce}};
}

static void ping(uint64_t nonce)
{
    ck_assert(
        conn_send(conn, &(struct wire_client_frame){.type = WIRE_UP_PING, .ping_nonce = nonce}));
}

/* ---- upgrade -------------------------------------------------------------------------------- */

START_TEST(upgrades_says_hello_and_is_welcomed)
{
    char host[CONN_AUTHORITY_MAX + 8] = "Host: ";

    url_make("/edit?x=1");
    config.token = slice_str("let me in");
    open_conn();
    ck_assert(!conn_is_open(conn));
    WAIT(welcomed);
    ck_assert(conn_is_open(conn));
    ck_assert_uint_eq(server.frame_count, 1);
    ck_assert_int_eq(server.frames[0].type, WIRE_UP_HELLO);
    ck_assert_uint_eq(server.frames[0].hello.version, 1);
    ck_assert(slice_equal(server.frames[0].hello.token, slice_str("let me in")));
    bytes_append_u8(&server.head, 0);
    ck_assert_ptr_eq(strstr((char *)server.head.data, "GET /edit?x=1 HTTP/1.1\r\n"),
                     server.head.data);
    conn_url_authority(&url, host + strlen(host));
    strcat(host, "\r\n");
    ck_assert_ptr_nonnull(strstr((char *)server.head.data, host));
}
END_TEST

START_TEST(the_server_time_is_the_gateways_if_it_knows)
{
    server.welcome.server_time_ms = 12345;
    open_and_greet();
}
END_TEST

START_TEST(a_wrong_answer_ends_it)
{
    static const char *const answers[] = {
        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
        "Sec-WebSocket-Protocol: weft.v1.proto\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
        "\r\n\r\n",
    };
    server.answer = answers[_i];
    open_conn();
    WAIT(closed);
    ck_assert(!welcomed && !end.welcomed);
    ck_assert_int_eq(end.error, -EPROTO);
    ck_assert_uint_eq(end.close_code, WS_CLOSE_NONE);
    ck_assert_ptr_nonnull(strstr(end_text, _i < 2 ? "upgrading" : "not HTTP"));
}
END_TEST

START_TEST(an_endless_head_ends_it)
{
    char *head = malloc(3 * 8192 + 1);

    strcpy(head, "HTTP/1.1 101 Switching Protocols\r\n");
    while (strlen(head) < 2 * 8192)
        strcat(head, "X-Filler: 0123456789012345678901234567890123456789\r\n");
    server.answer = head;
    open_conn();
    WAIT(closed);
    ck_assert_int_eq(end.error, -EPROTO);
    free(head);
}
END_TEST

START_TEST(nobody_listens)
{
    server_stop(&server);
    int r = conn_open(set, &config, &events, &frames, &conn);
    if (r == 0) {
        WAIT(closed);
        r = end.error;
    }
    ck_assert_int_eq(r, -ECONNREFUSED);
    server_start(&server, loop);
}
END_TEST

START_TEST(no_welcome_in_time)
{
    /* Neither an answer to the request, nor one to the Hello. */
    server.mute = _i == 0;
    server.no_welcome = _i == 1;
    config.welcome_ms = 60;
    open_conn();
    WAIT(closed);
    ck_assert_int_eq(end.error, -ETIMEDOUT);
    ck_assert_ptr_nonnull(strstr(end_text, _i == 0 ? "upgrade" : "Welcome"));
}
END_TEST

START_TEST(another_first_frame_is_wrong)
{
    struct wire_server_frame frame = pong_of(1);

    server.no_welcome = true;
    open_conn();
    WAIT(server.frame_count == 1);
    server_send(&server, &frame);
    WAIT(closed && server.closed_in);
    ck_assert_int_eq(end.error, -EPROTO);
    ck_assert_uint_eq(server.close_code, WS_CLOSE_PROTOCOL);
    ck_assert_uint_eq(frames, 0);
}
END_TEST

START_TEST(uses_the_source_address)
{
    struct ev_address from;

    ck_assert(ev_address_parse("127.0.0.9:0", &from));
    config.from = &from;
    open_and_greet();
    ck_assert_uint_eq(ntohl(server.peer.in.sin_addr.s_addr), 0x7f000009);
}
END_TEST

/* ---- frames --------------------------------------------------------------------------------- */

START_TEST(frames_of_a_turn_are_one_message)
{
    struct wire_server_frame a = pong_of(7), b = pong_of(8);

    open_and_greet();
    ping(1);
    ping(2);
    ping(300);
    WAIT(server.frame_count == 4);
    ck_assert_uint_eq(server.message_count, 2);
    ck_assert_uint_eq(server.frames[2].ping_nonce, 2);
    ck_assert_uint_eq(server.frames[3].ping_nonce, 300);
    server_send_both(&server, &a, &b);
    WAIT(frames == 2);
    ck_assert_uint_eq(last_nonce, 8);
    const struct conn_counts *counts = conn_set_counts(set);
    ck_assert_uint_eq(counts->frames_out, 4);
    ck_assert_uint_eq(counts->messages_out, 2);
    ck_assert_uint_eq(counts->frames_in, 3);
    ck_assert_uint_eq(counts->messages_in, 2);
}
END_TEST

START_TEST(a_large_frame_goes_out_whole)
{
    struct bytes body = BYTES_INIT;

    for (unsigned i = 0; i < 200000; i++)
        bytes_append_u8(&body, (uint8_t)(i * 7 + i / 251));
    open_and_greet();
    ck_assert(conn_send(conn, &(struct wire_client_frame){.type = WIRE_UP_SUBMIT,
                                                          .submit = {.doc = slice_str("d"),
                                                                     .seq = 1,
                                                                     .kind = WIRE_KIND_EDIT,
                                                                     .body = bytes_slice(&body)}}));
    ping(1);
    WAIT(server.frame_count == 3);
    ck_assert_int_eq(server.frames[1].type, WIRE_UP_SUBMIT);
    ck_assert(slice_equal(server.frames[1].submit.body, bytes_slice(&body)));
    ck_assert_uint_eq(server.frames[2].ping_nonce, 1);
    bytes_fini(&body);
}
END_TEST

/* All that the gateway sends, in two pieces, for every way to cut it. */
START_TEST(every_split)
{
    size_t cut = 0;

    server.ping_after_answer = true;
    server.pong_after_welcome = 77;
    for (bool whole = false; !whole; cut++) {
        server_reset(&server);
        server.allowed = cut + 1;
        welcomed = closed = false;
        frames = 0;
        open_conn();
        WAIT(server.held.size > 0 || frames == 1);
        whole = server.held.size == 0;
        /* The first piece is read by itself: nothing else is under way. */
        ev_loop_step(loop, 0);
        ev_loop_step(loop, 0);
        ck_assert_uint_eq(frames, whole);
        server_send_rest(&server);
        WAIT(frames == 1);
        ck_assert(welcomed);
        ck_assert_uint_eq(last_nonce, 77);
        WAIT(server.ponged);
        conn_close(conn, WS_CLOSE_NORMAL, "");
        WAIT(closed && !server.stream);
        ck_assert_int_eq(end.error, 0);
    }
    ck_assert_uint_gt(cut, 150);
}
END_TEST

START_TEST(malformed_input_ends_it)
{
    static const struct {
        const char *bytes;
        size_t size;
        uint16_t code;
    } bad[] = {
        {"\x82\x03\x02\x08\xff", 5, WS_CLOSE_BAD_DATA}, /* a field cut short */
        {"\x82\x02\x05\x0a", 4, WS_CLOSE_BAD_DATA},     /* a frame longer than its message */
        {"\x81\x02{}", 4, WS_CLOSE_UNSUPPORTED},        /* text */
        {"\x82\x81\x01\x02\x03\x04\x00", 7, WS_CLOSE_PROTOCOL}, /* masked */
        {"\xc2\x01\x00", 3, WS_CLOSE_PROTOCOL},                 /* compressed */
        {"\x82\x7f\x00\x00\x00\x01\x00\x00\x00\x00", 10, WS_CLOSE_TOO_BIG},
    };
    open_and_greet();
    server_send_raw(&server, slice_of(bad[_i].bytes, bad[_i].size));
    WAIT(closed && server.closed_in);
    ck_assert_int_eq(end.error, -EPROTO);
    ck_assert(end.welcomed);
    ck_assert_uint_eq(server.close_code, bad[_i].code);
    ck_assert_uint_eq(frames, 0);
}
END_TEST

/* ---- keeping alive -------------------------------------------------------------------------- */

START_TEST(answers_a_websocket_ping)
{
    struct bytes out = BYTES_INIT;

    open_and_greet();
    ws_encode_append(&out, WS_PING, slice_str("are you there?"), NULL);
    server_send_raw(&server, bytes_slice(&out));
    WAIT(server.ponged);
    ck_assert(slice_equal(bytes_slice(&server.pong), slice_str("are you there?")));
    bytes_fini(&out);
}
END_TEST

START_TEST(pings_while_idle_and_notices_a_dead_gateway)
{
    server.welcome.heartbeat_ms = 60;
    open_and_greet();
    /* Answers twice, then no more. */
    for (unsigned i = 0; i < 2; i++) {
        struct wire_server_frame pong = pong_of(0);
        size_t before = server.frame_count;
        WAIT(server.frame_count > before);
        ck_assert_int_eq(server.frames[before].type, WIRE_UP_PING);
        server_send(&server, &pong);
    }
    WAIT(closed);
    ck_assert_int_eq(end.error, -ETIMEDOUT);
    ck_assert(end.welcomed);
    ck_assert_ptr_nonnull(strstr(end_text, "nothing was heard"));
}
END_TEST

/* ---- the end -------------------------------------------------------------------------------- */

START_TEST(the_gateway_closes)
{
    struct wire_server_frame error = {
        .type = WIRE_DOWN_ERROR,
        .error = {.code = WIRE_E_SLOW_READER, .scope = WIRE_SCOPE_CONN, .retry_after_ms = 1000}};
    struct bytes out = BYTES_INIT;

    open_and_greet();
    server_send(&server, &error);
    ws_encode_close(&out, WS_CLOSE_TRY_LATER, slice_str("slow-reader"), NULL);
    server_send_raw(&server, bytes_slice(&out));
    WAIT(closed && server.closed_in);
    ck_assert_int_eq(end.error, 0);
    ck_assert_uint_eq(end.close_code, WS_CLOSE_TRY_LATER);
    ck_assert_uint_eq(server.close_code, WS_CLOSE_TRY_LATER);
    ck_assert_uint_eq(end.wire_error, WIRE_E_SLOW_READER);
    ck_assert_uint_eq(end.retry_after_ms, 1000);
    ck_assert_uint_eq(frames, 1);
    ck_assert_ptr_nonnull(strstr(end_text, "slow-reader"));
    bytes_fini(&out);
}
END_TEST

START_TEST(an_error_before_the_welcome_is_told)
{
    struct wire_server_frame error = {
        .type = WIRE_DOWN_ERROR,
        .error = {.code = WIRE_E_UNAUTHENTICATED, .scope = WIRE_SCOPE_CONN, .permanent = true}};
    server.no_welcome = true;
    open_conn();
    WAIT(server.frame_count == 1);
    server_send(&server, &error);
    WAIT(frames == 1);
    ev_stream_close_after_flush(server.stream);
    WAIT(closed);
    ck_assert_uint_eq(end.wire_error, WIRE_E_UNAUTHENTICATED);
    ck_assert(!end.welcomed);
}
END_TEST

START_TEST(we_close_after_what_is_queued)
{
    open_and_greet();
    ping(5);
    conn_close(conn, WS_CLOSE_GOING_AWAY, "done");
    ck_assert(!conn_is_open(conn));
    ck_assert(!conn_send(conn, &(struct wire_client_frame){.type = WIRE_UP_PING}));
    conn_close(conn, WS_CLOSE_NORMAL, "again");
    WAIT(closed && server.closed_in);
    ck_assert_int_eq(end.error, 0);
    ck_assert_uint_eq(server.close_code, WS_CLOSE_GOING_AWAY);
    ck_assert(slice_equal(bytes_slice(&server.close_reason), slice_str("done")));
    ck_assert_uint_eq(server.frame_count, 2);
    ck_assert_uint_eq(server.frames[1].ping_nonce, 5);
}
END_TEST

START_TEST(closing_at_a_frame_drops_the_rest)
{
    struct wire_server_frame a = pong_of(1), b = pong_of(2);

    close_at_frame = true;
    open_and_greet();
    server_send_both(&server, &a, &b);
    WAIT(closed);
    ck_assert_uint_eq(frames, 1);
    ck_assert_uint_eq(last_nonce, 1);
}
END_TEST

START_TEST(closing_early_and_dropping)
{
    open_conn();
    conn_close(conn, WS_CLOSE_NORMAL, "");
    WAIT(closed);
    ck_assert_int_eq(end.error, 0);
    WAIT(!server.stream);
    closed = false;
    open_and_greet();
    conn_abort(conn);
    WAIT(closed && !server.stream);
    ck_assert_int_eq(end.error, 0);
    ck_assert(!server.closed_in);
}
END_TEST

START_TEST(the_gateway_vanishes)
{
    open_and_greet();
    ev_stream_close(server.stream);
    WAIT(closed);
    ck_assert_int_eq(end.error, -ECONNRESET);
    ck_assert(end.welcomed);
    ck_assert_uint_eq(end.close_code, WS_CLOSE_NONE);
}
END_TEST

START_TEST(a_gateway_that_does_not_read)
{
    struct bytes body = BYTES_INIT;
    struct wire_client_frame submit = {.type = WIRE_UP_SUBMIT, .submit = {.kind = WIRE_KIND_EDIT}};

    open_and_greet();
    ev_stream_pause(server.stream);
    for (unsigned i = 0; i < 100000; i++)
        bytes_append_u8(&body, 'x');
    submit.submit.body = bytes_slice(&body);
    unsigned sent = 0;
    while (conn_send(conn, &submit) && ++sent < 1000)
        ev_loop_step(loop, 0);
    ck_assert_uint_lt(sent, 1000);
    ck_assert_uint_ge(sent, CONN_OUT_BYTES_MAX / body.size - 1);
    WAIT(closed);
    ck_assert_int_eq(end.error, -ENOBUFS);
    bytes_fini(&body);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("conn");
    TCase *tc = tcase_create("conn");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, upgrades_says_hello_and_is_welcomed);
    tcase_add_test(tc, the_server_time_is_the_gateways_if_it_knows);
    tcase_add_loop_test(tc, a_wrong_answer_ends_it, 0, 4);
    tcase_add_test(tc, an_endless_head_ends_it);
    tcase_add_test(tc, nobody_listens);
    tcase_add_loop_test(tc, no_welcome_in_time, 0, 2);
    tcase_add_test(tc, another_first_frame_is_wrong);
    tcase_add_test(tc, uses_the_source_address);
    tcase_add_test(tc, frames_of_a_turn_are_one_message);
    tcase_add_test(tc, a_large_frame_goes_out_whole);
    tcase_add_test(tc, every_split);
    tcase_add_loop_test(tc, malformed_input_ends_it, 0, 6);
    tcase_add_test(tc, answers_a_websocket_ping);
    tcase_add_test(tc, pings_while_idle_and_notices_a_dead_gateway);
    tcase_add_test(tc, the_gateway_closes);
    tcase_add_test(tc, an_error_before_the_welcome_is_told);
    tcase_add_test(tc, we_close_after_what_is_queued);
    tcase_add_test(tc, closing_at_a_frame_drops_the_rest);
    tcase_add_test(tc, closing_early_and_dropping);
    tcase_add_test(tc, the_gateway_vanishes);
    tcase_add_test(tc, a_gateway_that_does_not_read);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
