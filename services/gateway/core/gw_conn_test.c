/* Connections: hello, limits, silence, drain, want of memory, items that are malformed. */
#include "gw_case_test.h"

START_TEST(test_hello)
{
    fake_connect(&f, &a, GW_PROTO);
    fake_up(&a, (struct wire_client_frame){.type = WIRE_UP_PING});
    fake_expect_error(&f, &a, WIRE_E_HELLO_EXPECTED);
    fake_connect(&f, &b, GW_PROTO);
    fake_up(&b, (struct wire_client_frame){.type = WIRE_UP_HELLO, .hello = {.version = 2}});
    fake_expect_error(&f, &b, WIRE_E_BAD_VERSION);
    fake_welcome(&f, &c, GW_JSON);
    fake_up(&c, (struct wire_client_frame){.type = WIRE_UP_PING, .ping_nonce = 9});
    struct wire_server_frame pong = fake_expect(&f, &c, WIRE_DOWN_PONG);
    ck_assert_uint_eq(pong.pong.nonce, 9);
    ck_assert_uint_eq(pong.pong.server_time_ms, 1700000000000 + f.now_ms);
    fake_up(&c, (struct wire_client_frame){.type = WIRE_UP_HELLO, .hello = {.version = 1}});
    fake_expect_error(&f, &c, WIRE_E_HELLO_TWICE);
    fake_up(&c, (struct wire_client_frame){.type = WIRE_UP_PING}); /* too late: ignored */
    fake_expect_none(&f, &c);
    fake_connect(&f, &d, GW_PROTO);
    gw_conn_bad(d.gw, WIRE_E_BAD_FRAME, 0, "field 3");
    struct wire_server_frame bad = fake_expect(&f, &d, WIRE_DOWN_ERROR);
    ck_assert(slice_equal(bad.error.message,
                          slice_str("the frame is not a well-formed message: field 3")));
    ck_assert_uint_eq(d.close_code, WIRE_E_BAD_FRAME);
    gw_conn_bad(d.gw, WIRE_E_BAD_FRAME, 0, NULL); /* too late: ignored */
    fake_expect_none(&f, &d);
    all_gone();
}
END_TEST

START_TEST(test_silence)
{
    fake_connect(&f, &a, GW_PROTO);
    fake_welcome(&f, &b, GW_PROTO);
    fake_welcome(&f, &c, GW_PROTO);
    fake_run(&f, 4900);
    ck_assert(!a.closed);
    fake_run(&f, 200);
    fake_expect_error(&f, &a, WIRE_E_SILENT);
    fake_run(&f, 20000);
    gw_conn_alive(b.gw);
    fake_run(&f, 5000);
    fake_expect_error(&f, &c, WIRE_E_SILENT);
    ck_assert(!b.closed);
    fake_run(&f, 26000);
    fake_expect_error(&f, &b, WIRE_E_SILENT);
    ck_assert_uint_eq(gw_core_counters(f.core)->limit_hello, 1);
    ck_assert_uint_eq(gw_core_counters(f.core)->limit_heartbeat, 2);
    all_gone();
}
END_TEST

static bool nobody(struct slice token, enum wire_role *ret)
{
    return false;
}

static void small_limits(struct gw_config *config)
{
    static const struct gw_auth auth = {.name = "nobody", .check = nobody};

    config->connections_max = 2;
    config->frames_per_s_max = 3;
    config->unacked_bytes_max = 10;
    config->auth = &auth;
}

static void few_frames(struct gw_config *config)
{
    config->connections_max = 2;
    config->frames_per_s_max = 3;
    config->unacked_bytes_max = 10;
}

START_TEST(test_unauthenticated)
{
    fake_start(&f, 1 << 1, small_limits);
    fake_connect(&f, &a, GW_PROTO);
    fake_up(&a, (struct wire_client_frame){.type = WIRE_UP_HELLO, .hello = {.version = 1}});
    fake_expect_error(&f, &a, WIRE_E_UNAUTHENTICATED);
    all_gone();
}
END_TEST

START_TEST(test_connection_limits)
{
    struct wire_client_frame ping = {.type = WIRE_UP_PING};

    fake_start(&f, 1 << 1, few_frames);
    fake_welcome(&f, &a, GW_PROTO);
    fake_welcome(&f, &b, GW_PROTO);
    fake_connect(&f, &c, GW_PROTO);
    ck_assert_ptr_null(c.gw);
    for (int i = 0; i < 2; i++) {
        fake_up(&a, ping);
        fake_expect(&f, &a, WIRE_DOWN_PONG);
    }
    fake_up(&a, ping);
    fake_expect_error(&f, &a, WIRE_E_TOO_FAST);
    fake_run(&f, 1000);
    for (int i = 0; i < 3; i++)
        fake_up(&b, ping);
    ck_assert(!b.closed);
    all_gone();
}
END_TEST

START_TEST(test_unacked_bound)
{
    fake_start(&f, 1 << 1, few_frames);
    join(&a, GW_PROTO, 1, 3);
    fake_up(&a, submit_frame(1, 3, "eleven byte"));
    fake_expect_error(&f, &a, WIRE_E_RETRY_LATER);
    fake_expect(&f, &a, WIRE_DOWN_CLOSED);
    ck_assert_uint_eq(gw_core_counters(f.core)->limit_unacked, 1);
    all_gone();
}
END_TEST

static void one_document(struct gw_config *config)
{
    config->attachments_max = 1;
}

/* Of all connections together. */
START_TEST(test_open_documents_bound)
{
    fake_start(&f, 1 << 1, one_document);
    join(&a, GW_PROTO, 1, 3);
    fake_welcome(&f, &b, GW_PROTO);
    fake_up(&b, open_frame(2));
    fake_expect_error(&f, &b, WIRE_E_RETRY_LATER);
    ck_assert_uint_eq(gw_core_counters(f.core)->limit_open_documents, 1);
    ck_assert_uint_eq(gw_core_gauges(f.core).attachments, 1);
    all_gone();
}
END_TEST

START_TEST(test_drain)
{
    struct fake_conn *all[] = {&a, &b, &c, &d};

    for (int i = 0; i < 4; i++)
        fake_welcome(&f, all[i], GW_PROTO);
    ck_assert(gw_core_ready(f.core));
    gw_core_drain(f.core);
    ck_assert(!gw_core_ready(f.core));
    fake_run(&f, 600);
    unsigned told = 0;
    for (int i = 0; i < 4; i++)
        told += all[i]->count > all[i]->seen;
    ck_assert_uint_gt(told, 0);
    ck_assert_uint_lt(told, 4);
    fake_run(&f, 3000);
    for (int i = 0; i < 4; i++) {
        fake_expect(&f, all[i], WIRE_DOWN_DRAIN);
        fake_expect_error(&f, all[i], WIRE_E_DRAINING);
        ck_assert(!gw_core_drained(f.core));
        fake_gone(all[i]);
    }
    fake_run(&f, 100);
    ck_assert(gw_core_drained(f.core));
    all_gone();
}
END_TEST

START_TEST(test_no_memory)
{
    join(&a, GW_PROTO, 1, 3);
    f.encode_fails = true;
    entry(1, 4, 0, 1);
    f.encode_fails = false;
    fake_run(&f, 200);
    struct wire_to_worker item = fake_expect_item(&f, WIRE_TO_WORKER_OPEN, NULL);
    ck_assert_uint_eq(item.open.open.position.rev, 3);
    f.encode_fails = true;
    fake_up(&a, (struct wire_client_frame){.type = WIRE_UP_PING});
    ck_assert(a.closed);
    ck_assert_uint_eq(a.close_code, WIRE_E_NO_MEMORY);
    all_gone();
}
END_TEST

START_TEST(test_malformed_items)
{
    join(&a, GW_PROTO, 1, 3);
    ck_assert(!gw_core_item(f.core, 1, slice_str("\xff\xff\xff")));
    ck_assert(!gw_core_heads(f.core, 1, slice_str("\xff\xff\xff")));
    ck_assert(gw_core_item(f.core, 99, (struct slice){0})); /* from nobody, of no kind */
    all_gone();
}
END_TEST

int main(void)
{
    const TTest *const started[] = {test_hello, test_silence, test_drain, test_no_memory,
                                    test_malformed_items};
    const TTest *const others[] = {test_unauthenticated, test_connection_limits, test_unacked_bound,
                                   test_open_documents_bound};

    return case_run("gateway conn", started, CASE_COUNT(started), others, CASE_COUNT(others));
}
