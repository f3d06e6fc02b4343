/* Slow readers: entries that are not queued, documents in pieces, catching up in turn. */
#include <stdio.h>

#include "gw_case_test.h"

START_TEST(test_lagging)
{
    uint64_t att = join(&a, GW_PROTO, 1, 3);

    join(&b, GW_PROTO, 2, 3);
    a.answer = GW_SEND_HIGH;
    entry(1, 4, 2, 1); /* is queued; the queue is high now */
    a.answer = GW_SENT;
    fake_expect(&f, &a, WIRE_DOWN_ENTRY);
    gw_conn_drained(a.gw); /* nothing was missed: goes on */
    fake_expect_no_item(&f);
    a.answer = GW_SEND_HIGH;
    entry(1, 5, 2, 2);
    fake_up(&a, submit_frame(1, 5, "mine"));
    fake_expect_item(&f, WIRE_TO_WORKER_SUBMIT, NULL);
    entry(1, 6, 2, 3);
    entry(1, 7, 1, 1); /* its own, which it does not see now */
    entry(1, 8, 2, 4);
    fake_expect(&f, &a, WIRE_DOWN_ENTRY);
    fake_expect_none(&f, &a);
    ck_assert_uint_eq(gw_core_counters(f.core)->lagging, 1);

    struct wire_to_gateway presence = {.type = WIRE_TO_GATEWAY_PRESENCE};
    presence.presence = (struct wire_presence){.doc = DOC, .has_author = true, .rev = 8};
    fake_down(&f, 1, &presence);
    fake_expect_none(&f, &a);

    a.answer = GW_SENT;
    gw_conn_drained(a.gw);
    struct wire_to_worker item = fake_expect_item(&f, WIRE_TO_WORKER_OPEN, NULL);
    ck_assert_uint_eq(item.open.attachment, att);
    ck_assert_uint_eq(item.open.open.position.rev, 5);
    opened(1, att, WIRE_OPENED_OPS, 8, 1, slice_str("composed"));
    fake_expect(&f, &a, WIRE_DOWN_OPENED);
    ck_assert_uint_eq(gw_core_gauges(f.core).unacked_bytes, 0);
    entry(1, 9, 2, 5);
    fake_expect(&f, &a, WIRE_DOWN_ENTRY);

    a.answer = GW_SEND_FULL;
    entry(1, 10, 2, 6);
    ck_assert(a.closed);
    ck_assert_uint_eq(a.close_code, WIRE_E_SLOW_READER);
    fake_expect_item(&f, WIRE_TO_WORKER_DETACH, NULL);
    ck_assert_uint_eq(gw_core_gauges(f.core).attachments, 1);
    all_gone();
}
END_TEST

START_TEST(test_chunks)
{
    static uint8_t text[3 * WIRE_CHUNK_BYTES_MAX + 5];
    struct wire_server_frame frame;
    struct wire_to_worker item;
    uint64_t offset = 0;

    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(i * 31);
    fake_welcome(&f, &a, GW_PROTO);
    fake_up(&a, open_frame(1));
    item = fake_expect_item(&f, WIRE_TO_WORKER_OPEN, NULL);
    a.answer = GW_SEND_HIGH;
    opened(1, item.open.attachment, WIRE_OPENED_SNAPSHOT, 3, 0, slice_of(text, sizeof text));
    frame = fake_expect(&f, &a, WIRE_DOWN_OPENED);
    ck_assert_uint_eq(frame.opened.payload_bytes, sizeof text);
    ck_assert_uint_eq(frame.opened.payload.size, 0);
    entry(1, 4, 2, 1); /* meanwhile */
    while (offset < sizeof text) {
        fake_expect_none(&f, &a);
        gw_conn_drained(a.gw);
        frame = fake_expect(&f, &a, WIRE_DOWN_CHUNK);
        ck_assert_uint_eq(frame.chunk.offset, offset);
        ck_assert_mem_eq(frame.chunk.data.data, text + offset, frame.chunk.data.size);
        offset += frame.chunk.data.size;
    }
    a.answer = GW_SENT;
    item = fake_expect_item(&f, WIRE_TO_WORKER_OPEN, NULL);
    ck_assert_uint_eq(item.open.open.position.rev, 3);
    gw_conn_drained(a.gw);
    opened(1, item.open.attachment, WIRE_OPENED_OPS, 4, 0, slice_str("ops"));
    fake_expect(&f, &a, WIRE_DOWN_OPENED);

    /* Text is cut between characters; and a client may leave in the middle. */
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(0xe282ac >> (16 - 8 * (i % 3)));
    fake_welcome(&f, &b, GW_JSON);
    fake_up(&b, open_frame(0));
    item = fake_expect_item(&f, WIRE_TO_WORKER_OPEN, NULL);
    opened(1, item.open.attachment, WIRE_OPENED_SNAPSHOT, 4, 0,
           slice_of(text, sizeof text / 3 * 3));
    fake_expect(&f, &b, WIRE_DOWN_OPENED);
    for (offset = 0; offset < sizeof text / 3 * 3; offset += frame.chunk.data.size) {
        frame = fake_expect(&f, &b, WIRE_DOWN_CHUNK);
        ck_assert_uint_eq(frame.chunk.offset, offset);
        ck_assert_uint_eq(frame.chunk.data.size % 3, 0);
    }
    fake_welcome(&f, &c, GW_PROTO);
    fake_up(&c, open_frame(0));
    item = fake_expect_item(&f, WIRE_TO_WORKER_OPEN, NULL);
    c.answer = GW_SEND_HIGH;
    opened(1, item.open.attachment, WIRE_OPENED_SNAPSHOT, 4, 0, slice_of(text, sizeof text));
    all_gone();
}
END_TEST

#define ROOM (WIRE_CHUNK_BYTES_MAX * 3 / 2)

static void little_room(struct gw_config *config)
{
    config->payload_bytes_max = ROOM;
}

/* Who does not read a large document keeps others waiting for theirs, and no memory besides. */
START_TEST(test_payload_bound)
{
    static uint8_t text[WIRE_CHUNK_BYTES_MAX + 1];
    struct wire_to_worker item;

    fake_start(&f, 1 << 1, little_room);
    fake_welcome(&f, &a, GW_PROTO);
    fake_up(&a, open_frame(1));
    item = fake_expect_item(&f, WIRE_TO_WORKER_OPEN, NULL);
    a.answer = GW_SEND_HIGH;
    opened(1, item.open.attachment, WIRE_OPENED_SNAPSHOT, 3, 0, slice_of(text, sizeof text));
    fake_expect(&f, &a, WIRE_DOWN_OPENED);
    ck_assert_int_eq(gw_core_gauges(f.core).payload_bytes, sizeof text);

    fake_welcome(&f, &b, GW_PROTO);
    fake_up(&b, open_frame(2));
    item = fake_expect_item(&f, WIRE_TO_WORKER_OPEN, NULL);
    opened(1, item.open.attachment, WIRE_OPENED_SNAPSHOT, 3, 0, slice_of(text, sizeof text));
    fake_expect_none(&f, &b);
    ck_assert_uint_eq(gw_core_counters(f.core)->limit_payload, 1);
    ck_assert_int_eq(gw_core_gauges(f.core).payload_bytes, sizeof text);

    a.answer = GW_SENT; /* it reads: there is room when it is asked for again */
    gw_conn_drained(a.gw);
    ck_assert_int_eq(gw_core_gauges(f.core).payload_bytes, 0);
    fake_run(&f, 200);
    item = fake_expect_item(&f, WIRE_TO_WORKER_OPEN, NULL);
    opened(1, item.open.attachment, WIRE_OPENED_SNAPSHOT, 3, 0, slice_of(text, sizeof text));
    fake_expect(&f, &b, WIRE_DOWN_OPENED);
    all_gone();
}
END_TEST

static void run_alive(struct fake_conn *conn, unsigned seconds)
{
    for (unsigned i = 0; i < seconds; i++) {
        fake_run(&f, 1000);
        gw_conn_alive(conn->gw);
    }
}

/* A reader may take his time with what the worker has answered: what goes wrong afterwards has just
 * begun, and is tried again. */
static void slow_is_no_trouble(uint64_t attachment)
{
    run_alive(&a, 40);
    fake_up(&a, submit_frame(1, 3, "mine"));
    fake_expect_item(&f, WIRE_TO_WORKER_SUBMIT, NULL);
    refused(1, attachment, 1, WIRE_E_RETRY_LATER);
    fake_run(&f, 500);
    fake_expect_none(&f, &a);
    fake_expect_item(&f, WIRE_TO_WORKER_SUBMIT, NULL);
    all_gone();
}

START_TEST(test_a_slow_snapshot_is_no_trouble)
{
    static uint8_t text[3 * WIRE_CHUNK_BYTES_MAX];

    fake_welcome(&f, &a, GW_PROTO);
    fake_up(&a, open_frame(1));
    uint64_t att = fake_expect_item(&f, WIRE_TO_WORKER_OPEN, NULL).open.attachment;
    a.answer = GW_SEND_HIGH;
    opened(1, att, WIRE_OPENED_SNAPSHOT, 3, 0, slice_of(text, sizeof text));
    fake_expect(&f, &a, WIRE_DOWN_OPENED);
    slow_is_no_trouble(att);
}
END_TEST

START_TEST(test_lagging_again_is_no_trouble)
{
    uint64_t att = join(&a, GW_PROTO, 1, 3);

    a.answer = GW_SEND_HIGH;
    entry(1, 4, 2, 1);
    entry(1, 5, 2, 2); /* is missed */
    fake_expect(&f, &a, WIRE_DOWN_ENTRY);
    a.answer = GW_SENT;
    gw_conn_drained(a.gw);
    fake_expect_item(&f, WIRE_TO_WORKER_OPEN, NULL);
    a.answer = GW_SEND_HIGH;
    fake_up(&a, (struct wire_client_frame){.type = WIRE_UP_PING});
    fake_expect(&f, &a, WIRE_DOWN_PONG);
    opened(1, att, WIRE_OPENED_OPS, 5, 0, slice_str("ops")); /* finds the line full again */
    fake_expect_none(&f, &a);
    slow_is_no_trouble(att);
}
END_TEST

/* A burst of opens on a slow line is answered as it is read. */
START_TEST(test_catch_up_is_paced)
{
    struct wire_client_frame open = open_frame(0);
    uint64_t numbers[100];
    char name[16];

    fake_welcome(&f, &a, GW_PROTO);
    a.answer = GW_SEND_HIGH;
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "doc-%d", i);
        open.open.doc = slice_str(name);
        fake_up(&a, open);
        numbers[i] = fake_expect_item(&f, WIRE_TO_WORKER_OPEN, NULL).open.attachment;
    }
    for (int i = 0; i < 100; i++)
        opened(1, numbers[i], WIRE_OPENED_SNAPSHOT, 3, 0, slice_str("text"));
    fake_expect(&f, &a, WIRE_DOWN_OPENED); /* the first one made it high */
    fake_expect_none(&f, &a);
    a.answer = GW_SENT;
    gw_conn_drained(a.gw);
    for (int i = 1; i < 100; i++) {
        struct wire_to_worker item = fake_expect_item(&f, WIRE_TO_WORKER_OPEN, NULL);
        ck_assert_uint_le(f.item_count - f.item_seen, 16);
        opened(1, item.open.attachment, WIRE_OPENED_SNAPSHOT, 3, 0, slice_str("text"));
        fake_expect(&f, &a, WIRE_DOWN_OPENED);
    }
    fake_expect_no_item(&f);
    all_gone();
}
END_TEST

int main(void)
{
    const TTest *const started[] = {test_lagging, test_chunks, test_a_slow_snapshot_is_no_trouble,
                                    test_lagging_again_is_no_trouble, test_catch_up_is_paced};

    const TTest *const others[] = {test_payload_bound};

    return case_run("gateway slow readers", started, CASE_COUNT(started), others,
                    CASE_COUNT(others));
}
