/* One gateway core against a fake shell: what clients and workers hear, in which order. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "gw_fake.h"

static struct fake f;
static struct fake_conn a, b, c, d;

#define DOC slice_str("doc-1")

static struct chain_position pos(uint64_t rev)
{
    struct chain_position p = {.rev = rev};

    memset(p.hash, (int)rev + 1, sizeof p.hash);
    return p;
}

static struct wire_session session(uint8_t n)
{
    struct wire_session s;

    memset(s.id, n, sizeof s.id);
    return s;
}

static struct wire_client_frame open_frame(uint8_t session_number)
{
    struct wire_client_frame frame = {.type = WIRE_UP_OPEN, .open = {.doc = DOC}};

    frame.open.has_session = session_number != 0;
    frame.open.session = session(session_number);
    frame.open.attempt = 100u + session_number;
    return frame;
}

static struct wire_client_frame submit_frame(uint64_t seq, uint64_t base_rev, const char *body)
{
    struct wire_client_frame frame = {.type = WIRE_UP_SUBMIT};

    frame.submit = (struct wire_submit){.doc = DOC,
                                        .seq = seq,
                                        .base = pos(base_rev),
                                        .kind = WIRE_KIND_EDIT,
                                        .body = slice_str(body)};
    return frame;
}

static void opened(uint64_t boot, uint64_t attachment, enum wire_opened_outcome outcome,
                   uint64_t rev, uint64_t last_seq, struct slice payload)
{
    struct wire_to_gateway item = {.type = WIRE_TO_GATEWAY_OPENED};

    item.opened.attachment = attachment;
    item.opened.opened = (struct wire_opened){.outcome = outcome,
                                              .position = pos(rev),
                                              .last_seq = last_seq,
                                              .doc_kind = WIRE_DOC_RICH,
                                              .payload_bytes = payload.size,
                                              .payload = payload};
    fake_down(&f, boot, &item);
}

static void author_of(uint8_t session_number, uint8_t ret[WIRE_AUTHOR_SIZE])
{
    struct wire_session s = session(session_number);

    crypto_author_id(DOC, s.id, ret);
}

/* One revision, by this session (0: somebody else). */
static void entry(uint64_t boot, uint64_t rev, uint8_t session_number, uint64_t seq)
{
    struct wire_client_record record = {
        .has_author = true, .seq = seq, .kind = WIRE_KIND_EDIT, .body = slice_str("x"), .count = 1};
    struct wire_client_entry e = {
        .doc = DOC, .first_rev = rev, .last_rev = rev, .records = &record, .count = 1};
    struct chain_position before = pos(rev - 1), after = pos(rev);
    struct bytes out = BYTES_INIT;
    struct wire_to_gateway item = {.type = WIRE_TO_GATEWAY_ENTRY};

    author_of(session_number, record.author);
    memcpy(e.hash_before, before.hash, CHAIN_HASH_SIZE);
    memcpy(e.hash_after, after.hash, CHAIN_HASH_SIZE);
    wire_client_entry_encode(&e, &out);
    item.entry = (struct wire_link_entry){
        .doc = DOC, .before = before, .after = after, .entry = bytes_slice(&out)};
    fake_down(&f, boot, &item);
    bytes_fini(&out);
}

static void refused(uint64_t boot, uint64_t attachment, uint64_t seq, uint32_t code)
{
    struct wire_to_gateway item = {.type = WIRE_TO_GATEWAY_REFUSED};

    item.refused.attachment = attachment;
    item.refused.seq = seq;
    item.refused.code = code;
    item.refused.detail = 7;
    fake_down(&f, boot, &item);
}

static void head(uint64_t boot, uint64_t rev)
{
    struct wire_head h = {.doc = DOC, .position = pos(rev)};
    struct bytes out = BYTES_INIT;

    wire_heads_encode(&h, 1, &out);
    ck_assert(gw_core_heads(f.core, boot, bytes_slice(&out)));
    bytes_fini(&out);
}

/* Opens DOC on conn and joins it at rev; returns the attachment. */
static uint64_t join(struct fake_conn *conn, enum gw_variant variant, uint8_t session_number,
                     uint64_t rev)
{
    uint64_t boot;

    fake_welcome(&f, conn, variant);
    fake_up(conn, open_frame(session_number));
    struct wire_to_worker item = fake_expect_item(&f, WIRE_TO_WORKER_OPEN, &boot);
    opened(boot, item.open.attachment, WIRE_OPENED_SNAPSHOT, rev, 0, slice_str("text"));
    struct wire_server_frame frame = fake_expect(&f, conn, WIRE_DOWN_OPENED);
    ck_assert_int_eq(frame.opened.outcome, WIRE_OPENED_SNAPSHOT);
    return item.open.attachment;
}

static void all_gone(void)
{
    fake_gone(&a);
    fake_gone(&b);
    fake_gone(&c);
    fake_gone(&d);
    fake_stop(&f);
}

static void setup(void)
{
    a = b = c = d = (struct fake_conn){0};
    fake_start(&f, 1 << 1, NULL);
}

/* --- connections --- */

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

/* --- documents --- */

START_TEST(test_open_entry_ack)
{
    uint64_t boot;

    uint64_t att = join(&a, GW_PROTO, 1, 3);
    join(&b, GW_PROTO, 2, 3);
    fake_up(&a, submit_frame(1, 3, "hello"));
    struct wire_to_worker item = fake_expect_item(&f, WIRE_TO_WORKER_SUBMIT, &boot);
    uint8_t digest[WIRE_DIGEST_SIZE];
    crypto_digest8(slice_str("hello"), digest);
    ck_assert_uint_eq(item.submit.attachment, att);
    ck_assert_uint_eq(item.submit.seq, 1);
    ck_assert_uint_eq(item.submit.base.rev, 3);
    ck_assert_mem_eq(item.submit.digest, digest, sizeof digest);
    ck_assert(slice_equal(item.submit.body, slice_str("hello")));
    ck_assert_uint_eq(gw_core_gauges(f.core).unacked_bytes, 5);

    fake_up(&a, submit_frame(2, 3, "more"));
    fake_expect_error(&f, &a, WIRE_E_IN_FLIGHT);
    entry(boot, 4, 2, 1); /* the other's seq 1 is no ack of ours */
    ck_assert_uint_eq(gw_core_gauges(f.core).unacked_bytes, 5);
    const struct gw_counters *n = gw_core_counters(f.core);
    gw_core_turn_end(f.core);
    ck_assert(n->in_us.count == 1 && n->in_us.sum == 0);
    ck_assert(n->ack_us.count == 0 && n->seen_us.count == 0 && n->fan_out_us.count == 1);
    f.now_ms += 7;
    entry(boot, 5, 1, 1);
    ck_assert_uint_eq(gw_core_gauges(f.core).unacked_bytes, 0);
    ck_assert(n->ack_us.count == 1 && n->ack_us.sum == 7000);   /* a's */
    ck_assert(n->seen_us.count == 1 && n->seen_us.sum == 7000); /* b's */
    for (uint64_t rev = 4; rev <= 5; rev++) {
        ck_assert_uint_eq(fake_expect(&f, &a, WIRE_DOWN_ENTRY).entry.last_rev, rev);
        ck_assert_uint_eq(fake_expect(&f, &b, WIRE_DOWN_ENTRY).entry.last_rev, rev);
    }
    entry(boot, 5, 1, 1); /* again: known */
    fake_expect_none(&f, &a);

    fake_up(&a, (struct wire_client_frame){.type = WIRE_UP_CLOSE, .close_doc = DOC});
    fake_expect(&f, &a, WIRE_DOWN_CLOSED);
    item = fake_expect_item(&f, WIRE_TO_WORKER_DETACH, NULL);
    ck_assert_uint_eq(item.detach_attachment, att);
    entry(boot, 6, 2, 2);
    fake_expect_none(&f, &a);
    fake_expect(&f, &b, WIRE_DOWN_ENTRY);
    all_gone();
}
END_TEST

START_TEST(test_encoded_once)
{
    join(&a, GW_PROTO, 1, 3);
    join(&b, GW_PROTO, 2, 3);
    join(&c, GW_PROTO, 0, 3);
    join(&d, GW_JSON, 0, 3);
    uint64_t before = gw_core_counters(f.core)->encodes;
    entry(1, 4, 1, 1);
    ck_assert_uint_eq(gw_core_counters(f.core)->encodes, before + 2);
    ck_assert_ptr_eq(a.frames[a.count - 1], b.frames[b.count - 1]);
    ck_assert_ptr_eq(a.frames[a.count - 1], c.frames[c.count - 1]);
    ck_assert_ptr_ne(a.frames[a.count - 1], d.frames[d.count - 1]);
    ck_assert_uint_eq(a.frames[a.count - 1]->refs, 3);
    all_gone();
}
END_TEST

/* A repeat that crossed its own ack does not stand in the way of the next op. */
START_TEST(test_crossed_ack)
{
    join(&a, GW_PROTO, 1, 3);
    entry(1, 4, 1, 1); /* submitted through another gateway */
    fake_expect(&f, &a, WIRE_DOWN_ENTRY);
    fake_up(&a, submit_frame(1, 3, "hello"));
    ck_assert_uint_eq(fake_expect_item(&f, WIRE_TO_WORKER_SUBMIT, NULL).submit.seq, 1);
    fake_up(&a, submit_frame(2, 4, "more"));
    ck_assert_uint_eq(fake_expect_item(&f, WIRE_TO_WORKER_SUBMIT, NULL).submit.seq, 2);
    fake_expect_none(&f, &a);
    /* This one it has not been given. */
    fake_up(&a, submit_frame(3, 4, "third"));
    fake_expect_error(&f, &a, WIRE_E_IN_FLIGHT);
    all_gone();
}
END_TEST

START_TEST(test_gap)
{
    uint64_t att_a = join(&a, GW_PROTO, 1, 3), att_b = join(&b, GW_PROTO, 2, 3);

    entry(1, 5, 1, 1); /* 4 is missing */
    fake_expect_none(&f, &a);
    ck_assert_uint_eq(gw_core_counters(f.core)->gaps, 1);
    fake_run(&f, 150);
    struct wire_to_worker item = fake_expect_item(&f, WIRE_TO_WORKER_OPEN, NULL);
    ck_assert_uint_eq(item.open.open.position.rev, 3);
    ck_assert(item.open.open.has_position);
    fake_expect_item(&f, WIRE_TO_WORKER_OPEN, NULL);
    entry(1, 6, 1, 1); /* not before it is opened */
    opened(1, att_a, WIRE_OPENED_OPS, 6, 0, slice_str("ops"));
    opened(1, att_b, WIRE_OPENED_OPS, 6, 0, slice_str("ops"));
    ck_assert_int_eq(fake_expect(&f, &a, WIRE_DOWN_OPENED).opened.outcome, WIRE_OPENED_OPS);
    entry(1, 7, 1, 1);
    ck_assert_uint_eq(fake_expect(&f, &a, WIRE_DOWN_ENTRY).entry.last_rev, 7);

    /* A heartbeat that names another head, twice in a row. */
    head(1, 8);
    head(1, 7);
    head(1, 8);
    entry(1, 8, 1, 2);
    head(1, 8);
    ck_assert_uint_eq(gw_core_counters(f.core)->gaps, 1);
    head(1, 9);
    head(1, 9);
    ck_assert_uint_eq(gw_core_counters(f.core)->gaps, 2);
    all_gone();
}
END_TEST

START_TEST(test_worker_lost)
{
    uint64_t boot, att;

    fake_start(&f, 1 << 1 | 1 << 2, NULL);
    fake_welcome(&f, &a, GW_PROTO);
    fake_up(&a, open_frame(1));
    struct wire_to_worker item = fake_expect_item(&f, WIRE_TO_WORKER_OPEN, &boot);
    opened(boot, item.open.attachment, WIRE_OPENED_SNAPSHOT, 3, 0, slice_str("text"));
    fake_expect(&f, &a, WIRE_DOWN_OPENED);
    att = item.open.attachment;
    fake_up(&a, submit_frame(1, 3, "op"));
    fake_expect_item(&f, WIRE_TO_WORKER_SUBMIT, NULL);

    fake_view(&f, boot == 1 ? 1 << 2 : 1 << 1); /* the owner is gone */
    f.link_down[boot] = true;
    gw_core_worker_gone(f.core, boot);
    fake_run(&f, 1200);
    uint64_t other;
    item = fake_expect_item(&f, WIRE_TO_WORKER_OPEN, &other);
    ck_assert_uint_eq(other, 3 - boot);
    ck_assert_uint_eq(item.open.open.position.rev, 3);
    ck_assert_uint_ne(item.open.attachment, att);
    opened(boot, att, WIRE_OPENED_OPS, 9, 0, slice_str("late")); /* from the dead: nobody's */
    opened(other, item.open.attachment, WIRE_OPENED_UP_TO_DATE, 3, 0, (struct slice){0});
    fake_expect_none(&f, &a);
    item = fake_expect_item(&f, WIRE_TO_WORKER_SUBMIT, NULL);
    ck_assert(slice_equal(item.submit.body, slice_str("op")));
    ck_assert_uint_eq(gw_core_counters(f.core)->resubmits, 1);

    /* Lost again, the link alone; the op is in the history when it is asked. */
    gw_core_worker_gone(f.core, other);
    fake_run(&f, 100);
    item = fake_expect_item(&f, WIRE_TO_WORKER_OPEN, NULL);
    opened(other, item.open.attachment, WIRE_OPENED_OPS, 4, 1, slice_str("own"));
    fake_expect(&f, &a, WIRE_DOWN_OPENED);
    ck_assert_uint_eq(gw_core_gauges(f.core).unacked_bytes, 0);
    fake_expect_no_item(&f);
    all_gone();
}
END_TEST

START_TEST(test_unreachable_owner)
{
    uint64_t boot, other;

    fake_start(&f, 1 << 1 | 1 << 2, NULL);
    fake_welcome(&f, &a, GW_PROTO);
    fake_up(&a, open_frame(1));
    fake_expect_item(&f, WIRE_TO_WORKER_OPEN, &boot);
    f.link_down[boot] = true; /* the view still says it */
    gw_core_worker_gone(f.core, boot);
    fake_run(&f, 900);
    fake_expect_no_item(&f);
    fake_run(&f, 1500);
    struct wire_to_worker item = fake_expect_item(&f, WIRE_TO_WORKER_OPEN, &other);
    ck_assert_uint_eq(other, 3 - boot);
    ck_assert(item.open.owner_unreachable);
    all_gone();
}
END_TEST

START_TEST(test_moved)
{
    struct wire_to_gateway moved = {.type = WIRE_TO_GATEWAY_MOVED};
    uint64_t boot;

    fake_start(&f, 1 << 1 | 1 << 2, NULL);
    fake_welcome(&f, &a, GW_PROTO);
    fake_up(&a, open_frame(1));
    struct wire_to_worker item = fake_expect_item(&f, WIRE_TO_WORKER_OPEN, &boot);
    opened(boot, item.open.attachment, WIRE_OPENED_SNAPSHOT, 3, 0, slice_str("text"));
    fake_expect(&f, &a, WIRE_DOWN_OPENED);
    uint64_t other = 3 - boot;
    moved.moved.doc = DOC;
    moved.moved.owner = slice_str(other == 1 ? "w1" : "w2");
    moved.moved.view = 9;
    fake_beats(&f);
    fake_down(&f, other, &moved); /* it does not serve us: nothing */
    fake_expect_no_item(&f);
    ck_assert_ptr_nonnull(f.beat_view); /* but the view is read */
    fake_down(&f, boot, &moved);
    uint64_t now;
    item = fake_expect_item(&f, WIRE_TO_WORKER_OPEN, &now);
    ck_assert_uint_eq(now, other);
    ck_assert_uint_eq(item.open.open.position.rev, 3);
    fake_up(&a, submit_frame(1, 3, "op")); /* retained */
    fake_expect_no_item(&f);
    opened(other, item.open.attachment, WIRE_OPENED_UP_TO_DATE, 3, 0, (struct slice){0});
    fake_expect_item(&f, WIRE_TO_WORKER_SUBMIT, &now);
    ck_assert_uint_eq(now, other);
    entry(other, 4, 1, 1);
    fake_expect(&f, &a, WIRE_DOWN_ENTRY);
    ck_assert_uint_eq(gw_core_gauges(f.core).unacked_bytes, 0);
    /* To and fro is followed once; then they wait. */
    moved.moved.owner = slice_str(boot == 1 ? "w1" : "w2");
    fake_down(&f, other, &moved);
    fake_expect_item(&f, WIRE_TO_WORKER_OPEN, &now);
    ck_assert_uint_eq(now, boot);
    for (int i = 0; i < 4; i++) {
        moved.moved.owner = slice_str(now == 1 ? "w2" : "w1");
        fake_down(&f, now, &moved);
        if (!fake_item(&f, &now, &item))
            break;
        ck_assert_int_lt(i, 2);
    }
    all_gone();
}
END_TEST

/* --- slow readers --- */

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

/* --- errors --- */

START_TEST(test_open_errors)
{
    struct wire_client_frame open = open_frame(1);
    uint8_t bad[] = {'x', 1};

    fake_welcome(&f, &a, GW_PROTO);
    open.open.doc = slice_of(bad, 2);
    fake_up(&a, open);
    fake_expect_error(&f, &a, WIRE_E_BAD_DOC_ID);
    open = open_frame(1);
    open.open.position.rev = 3;
    fake_up(&a, open);
    fake_expect_error(&f, &a, WIRE_E_BAD_POSITION);
    open = open_frame(1);
    open.open.has_position = true;
    fake_up(&a, open);
    fake_expect_error(&f, &a, WIRE_E_BAD_POSITION);
    open = open_frame(1);
    open.open.has_create = true;
    fake_up(&a, open);
    fake_expect_error(&f, &a, WIRE_E_BAD_CREATE);
    fake_up(&a, (struct wire_client_frame){.type = WIRE_UP_CLOSE, .close_doc = DOC});
    fake_expect_error(&f, &a, WIRE_E_NOT_OPEN);
    fake_up(&a, submit_frame(1, 3, "x"));
    fake_expect_error(&f, &a, WIRE_E_NOT_OPEN);
    fake_up(&a, (struct wire_client_frame){.type = WIRE_UP_PRESENCE, .presence = {.doc = DOC}});
    fake_expect_error(&f, &a, WIRE_E_NOT_OPEN);
    fake_expect_no_item(&f);

    fake_up(&a, open_frame(1));
    uint64_t att = fake_expect_item(&f, WIRE_TO_WORKER_OPEN, NULL).open.attachment;
    refused(1, att, 0, WIRE_E_NO_SUCH_DOCUMENT);
    fake_expect_error(&f, &a, WIRE_E_NO_SUCH_DOCUMENT);
    fake_expect(&f, &a, WIRE_DOWN_CLOSED);
    fake_up(&a, open_frame(1));
    fake_expect_item(&f, WIRE_TO_WORKER_DETACH, NULL);
    fake_expect_item(&f, WIRE_TO_WORKER_OPEN, NULL);
    fake_up(&a, open_frame(1));
    fake_expect_error(&f, &a, WIRE_E_ALREADY_OPEN);
    fake_expect(&f, &a, WIRE_DOWN_CLOSED);

    char name[16];
    for (unsigned i = 0; i <= WIRE_DOCUMENTS_MAX; i++) {
        snprintf(name, sizeof name, "n%u", i);
        open = open_frame(0);
        open.open.doc = slice_str(name);
        fake_up(&a, open);
    }
    fake_expect_error(&f, &a, WIRE_E_TOO_MANY_DOCUMENTS);
    all_gone();
}
END_TEST

START_TEST(test_submit_errors)
{
    static char large[WIRE_OP_BYTES_MAX + 2];
    struct wire_client_frame submit;
    uint64_t att;

    join(&b, GW_PROTO, 0, 3);
    fake_up(&b, submit_frame(1, 3, "x"));
    fake_expect_error(&f, &b, WIRE_E_READ_ONLY);
    fake_up(&b, (struct wire_client_frame){.type = WIRE_UP_PRESENCE, .presence = {.doc = DOC}});
    fake_expect_error(&f, &b, WIRE_E_READ_ONLY);

    att = join(&a, GW_PROTO, 1, 3);
    memset(large, 'x', sizeof large - 1);
    fake_up(&a, submit_frame(0, 3, "x"));
    fake_expect_error(&f, &a, WIRE_E_BAD_SEQ);
    fake_up(&a, submit_frame(1, 0, "x"));
    fake_expect_error(&f, &a, WIRE_E_BAD_BASE);
    submit = submit_frame(1, 3, "x");
    submit.submit.kind = WIRE_KIND_CREATE;
    fake_up(&a, submit);
    fake_expect_error(&f, &a, WIRE_E_BAD_KIND);
    fake_up(&a, submit_frame(1, 3, large));
    fake_expect_error(&f, &a, WIRE_E_OP_TOO_LARGE);
    submit = submit_frame(1, 3, large);
    submit.submit.kind = WIRE_KIND_TITLE;
    fake_up(&a, submit);
    fake_expect_error(&f, &a, WIRE_E_BAD_TITLE);
    fake_expect_no_item(&f);

    fake_up(&a, submit_frame(1, 3, "x"));
    fake_expect_item(&f, WIRE_TO_WORKER_SUBMIT, NULL);
    fake_up(&a, submit_frame(1, 3, "x")); /* the same again goes again */
    fake_expect_item(&f, WIRE_TO_WORKER_SUBMIT, NULL);
    fake_up(&a, submit_frame(1, 3, "y"));
    fake_expect_error(&f, &a, WIRE_E_SEQ_REUSED);
    refused(1, att, 1, WIRE_E_BAD_OP);
    fake_expect_error(&f, &a, WIRE_E_BAD_OP);
    ck_assert_uint_eq(gw_core_gauges(f.core).unacked_bytes, 0);
    fake_up(&a, submit_frame(1, 3, "z"));
    fake_expect_item(&f, WIRE_TO_WORKER_SUBMIT, NULL);
    refused(1, att, 1, WIRE_E_SESSION_CLOSED); /* of scope doc */
    fake_expect_error(&f, &a, WIRE_E_SESSION_CLOSED);
    fake_expect(&f, &a, WIRE_DOWN_CLOSED);
    ck_assert_uint_eq(gw_core_gauges(f.core).attachments, 1);
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
    all_gone();
}
END_TEST

START_TEST(test_retry_later)
{
    struct wire_to_worker item;

    fake_welcome(&f, &a, GW_PROTO);
    fake_up(&a, open_frame(1));
    item = fake_expect_item(&f, WIRE_TO_WORKER_OPEN, NULL);
    refused(1, item.open.attachment, 0, WIRE_E_RETRY_LATER);
    fake_run(&f, 200);
    item = fake_expect_item(&f, WIRE_TO_WORKER_OPEN, NULL);
    opened(1, item.open.attachment, WIRE_OPENED_SNAPSHOT, 3, 0, slice_str("text"));
    fake_expect(&f, &a, WIRE_DOWN_OPENED);

    fake_up(&a, submit_frame(1, 3, "x"));
    fake_expect_item(&f, WIRE_TO_WORKER_SUBMIT, NULL);
    uint64_t start = f.now_ms;
    unsigned tries = 0;
    while (!a.closed && f.now_ms - start < 40000 && gw_core_gauges(f.core).attachments) {
        refused(1, item.open.attachment, 1, WIRE_E_RETRY_LATER);
        struct wire_to_worker again;
        while (gw_core_gauges(f.core).attachments && !fake_item(&f, NULL, &again)) {
            fake_up(&a, (struct wire_client_frame){.type = WIRE_UP_PING});
            fake_run(&f, 10);
        }
        tries++;
    }
    ck_assert_uint_gt(f.now_ms - start, 29000);
    ck_assert_uint_lt(f.now_ms - start, 34000);
    ck_assert_uint_gt(tries, 14);
    ck_assert_uint_lt(tries, 40);
    struct wire_server_frame frame;
    while (fake_next(&f, &a, &frame) && frame.type == WIRE_DOWN_PONG)
        ;
    ck_assert_int_eq(frame.type, WIRE_DOWN_ERROR);
    ck_assert_uint_eq(frame.error.code, WIRE_E_RETRY_LATER);
    fake_expect(&f, &a, WIRE_DOWN_CLOSED);
    all_gone();
}
END_TEST

START_TEST(test_no_view)
{
    fake_start(&f, 0, NULL);
    ck_assert(!gw_core_ready(f.core));
    fake_welcome(&f, &a, GW_PROTO);
    fake_up(&a, open_frame(1));
    fake_expect_no_item(&f);
    fake_run(&f, 2000);
    fake_view(&f, 1 << 1);
    fake_run(&f, 600);
    ck_assert(gw_core_ready(f.core));
    fake_expect_item(&f, WIRE_TO_WORKER_OPEN, NULL);
    all_gone();
}
END_TEST

START_TEST(test_replaced_and_detached)
{
    struct wire_to_gateway item = {.type = WIRE_TO_GATEWAY_DETACHED};
    uint64_t att = join(&a, GW_PROTO, 1, 3);

    item.detached_attachment = att;
    fake_down(&f, 1, &item);
    fake_run(&f, 100);
    struct wire_to_worker again = fake_expect_item(&f, WIRE_TO_WORKER_OPEN, NULL);
    ck_assert_uint_eq(again.open.open.attempt, 101); /* the client's, not one more */
    att = again.open.attachment;
    opened(1, att, WIRE_OPENED_UP_TO_DATE, 3, 0, (struct slice){0});
    item = (struct wire_to_gateway){.type = WIRE_TO_GATEWAY_REPLACED, .replaced_attachment = att};
    fake_down(&f, 1, &item);
    fake_expect_error(&f, &a, WIRE_E_SESSION_REPLACED);
    fake_expect(&f, &a, WIRE_DOWN_CLOSED);
    fake_expect_no_item(&f);
    fake_down(&f, 1, &item); /* again: nobody's */
    fake_expect_none(&f, &a);
    all_gone();
}
END_TEST

START_TEST(test_accepted)
{
    struct wire_to_gateway item = {.type = WIRE_TO_GATEWAY_ACCEPTED};
    uint64_t att = join(&a, GW_PROTO, 1, 3);

    fake_up(&a, submit_frame(1, 3, "x"));
    item.accepted.attachment = att;
    item.accepted.seq = 1;
    item.accepted.rev = 2;
    fake_down(&f, 1, &item);
    struct wire_server_frame frame = fake_expect(&f, &a, WIRE_DOWN_ACCEPTED);
    ck_assert_uint_eq(frame.accepted.rev, 2);
    ck_assert_uint_eq(gw_core_gauges(f.core).unacked_bytes, 0);
    all_gone();
}
END_TEST

START_TEST(test_create_is_kept)
{
    struct wire_client_frame open = open_frame(1);
    struct wire_to_worker item;

    fake_welcome(&f, &a, GW_PROTO);
    open.open.has_create = true;
    open.open.create_kind = WIRE_DOC_RICH;
    open.open.create_content = slice_str("content");
    fake_up(&a, open);
    for (int i = 0; i < 2; i++) {
        item = fake_expect_item(&f, WIRE_TO_WORKER_OPEN, NULL);
        ck_assert_int_eq(item.open.open.create_kind, WIRE_DOC_RICH);
        ck_assert(slice_equal(item.open.open.create_content, slice_str("content")));
        ck_assert_int_eq(item.open.role, WIRE_ROLE_OWN);
        if (i == 0)
            refused(1, item.open.attachment, 0, WIRE_E_RETRY_LATER);
        fake_run(&f, 200);
    }
    ck_assert_uint_eq(gw_core_gauges(f.core).unacked_bytes, 7);
    opened(1, item.open.attachment, WIRE_OPENED_UP_TO_DATE, 1, 0, (struct slice){0});
    fake_expect(&f, &a, WIRE_DOWN_OPENED);
    ck_assert_uint_eq(gw_core_gauges(f.core).unacked_bytes, 0);
    all_gone();
}
END_TEST

START_TEST(test_presence)
{
    static char large[WIRE_PRESENCE_BYTES_MAX + 2];
    struct wire_client_frame up = {.type = WIRE_UP_PRESENCE};
    struct wire_to_gateway down = {.type = WIRE_TO_GATEWAY_PRESENCE};

    uint64_t att = join(&a, GW_PROTO, 1, 3);
    join(&b, GW_PROTO, 2, 3);
    memset(large, 'x', sizeof large - 1);
    up.presence = (struct wire_presence){.doc = DOC, .rev = 3, .data = slice_str(large)};
    fake_up(&a, up);
    fake_expect_error(&f, &a, WIRE_E_PRESENCE_TOO_LARGE);
    up.presence.data = slice_str("cursor");
    for (unsigned i = 0; i < WIRE_PRESENCE_PER_S_MAX + 5; i++)
        fake_up(&a, up);
    for (unsigned i = 0; i < WIRE_PRESENCE_PER_S_MAX; i++) {
        struct wire_to_worker item = fake_expect_item(&f, WIRE_TO_WORKER_PRESENCE, NULL);
        ck_assert_uint_eq(item.presence.attachment, att);
    }
    fake_expect_no_item(&f);
    ck_assert_uint_eq(gw_core_counters(f.core)->presence_dropped, 5);

    down.presence = up.presence;
    down.presence.has_author = true;
    author_of(1, down.presence.author);
    fake_down(&f, 1, &down);
    fake_expect_none(&f, &a);
    ck_assert_uint_eq(fake_expect(&f, &b, WIRE_DOWN_PRESENCE).presence.rev, 3);

    fake_gone(&a);
    struct wire_to_worker item = fake_expect_item(&f, WIRE_TO_WORKER_PRESENCE, NULL);
    ck_assert(item.presence.presence.gone);
    fake_expect_item(&f, WIRE_TO_WORKER_DETACH, NULL);
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
    ck_assert_uint_eq(a.close_code, WIRE_E_OVERLOADED);
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

/* --- any order --- */

static struct fake_conn crowd[12];

static struct wire_client_frame random_frame(struct rng *r)
{
    static const char *const docs[] = {"doc-1", "doc-2", "doc-3", "", "\x01"};
    struct slice doc =
        slice_str(docs[rng_below(r, 100) < 3 ? 3 + rng_below(r, 2) : rng_below(r, 3)]);
    struct wire_client_frame frame = {.type = 1 + rng_below(r, 6)};

    switch (frame.type) {
    case WIRE_UP_HELLO:
        frame.type = rng_percent(r, 2) ? WIRE_UP_HELLO : WIRE_UP_PING;
        break;
    case WIRE_UP_OPEN:
        frame = open_frame((uint8_t)rng_below(r, 4));
        frame.open.doc = doc;
        frame.open.has_create = rng_percent(r, 20);
        frame.open.create_kind = rng_below(r, 3);
        frame.open.create_content = slice_str("c");
        break;
    case WIRE_UP_SUBMIT:
        frame = submit_frame(rng_below(r, 4), rng_between(r, 0, 9), "body");
        frame.submit.doc = doc;
        break;
    case WIRE_UP_CLOSE:
        frame.close_doc = doc;
        break;
    case WIRE_UP_PRESENCE:
        frame.presence = (struct wire_presence){.doc = doc, .rev = 1};
        break;
    default:
        break;
    }
    return frame;
}

static uint64_t any_rev; /* of all documents */

/* A worker that says anything about the attachments it has heard of. */
static void random_item(struct rng *r, const uint64_t *numbers, size_t count)
{
    static uint8_t large[2 * WIRE_CHUNK_BYTES_MAX];
    uint64_t boot = rng_between(r, 1, FAKE_WORKERS);
    uint64_t number = count ? numbers[rng_below(r, count)] : 1;
    struct wire_to_gateway item = {.type = WIRE_TO_GATEWAY_OPENED + rng_below(r, 8)};
    const char *docs[] = {"doc-1", "doc-2", "doc-3"};

    switch (item.type) {
    case WIRE_TO_GATEWAY_OPENED:
        opened(boot, number, 1 + rng_below(r, 4), rng_between(r, 1, 6), rng_below(r, 3),
               slice_of(large, rng_percent(r, 10) ? sizeof large : rng_below(r, 10)));
        return;
    case WIRE_TO_GATEWAY_ENTRY:
        any_rev += rng_percent(r, 90);
        entry(boot, any_rev, (uint8_t)rng_below(r, 4), rng_below(r, 4));
        return;
    case WIRE_TO_GATEWAY_ACCEPTED:
        item.accepted.attachment = number;
        item.accepted.seq = rng_below(r, 4);
        break;
    case WIRE_TO_GATEWAY_REFUSED:
        refused(boot, number, rng_below(r, 3),
                rng_percent(r, 50) ? WIRE_E_RETRY_LATER : (uint32_t)rng_below(r, 130));
        return;
    case WIRE_TO_GATEWAY_REPLACED:
        item.replaced_attachment = number;
        break;
    case WIRE_TO_GATEWAY_MOVED:
        item.moved.doc = slice_str(docs[rng_below(r, 3)]);
        item.moved.owner = slice_str(rng_percent(r, 50) ? "w1" : "w3");
        item.moved.view = rng_below(r, 10);
        break;
    case WIRE_TO_GATEWAY_PRESENCE:
        item.presence = (struct wire_presence){.doc = DOC, .rev = 2};
        break;
    default:
        item.detached_attachment = number;
        break;
    }
    fake_down(&f, boot, &item);
}

static void random_step(struct rng *r, uint64_t *numbers, size_t *count)
{
    struct fake_conn *conn = &crowd[rng_below(r, 12)];
    struct wire_to_worker item;
    uint64_t boot;

    conn->answer = rng_percent(r, 10) ? GW_SEND_HIGH : GW_SENT;
    if (rng_percent(r, 1))
        conn->answer = GW_SEND_FULL;
    if (!conn->gw)
        fake_welcome(&f, conn, rng_percent(r, 50) ? GW_PROTO : GW_JSON);
    else if (conn->closed || rng_percent(r, 1) || conn->count > FAKE_FRAMES_MAX / 2)
        fake_gone(conn);
    else if (rng_percent(r, 40))
        fake_up(conn, random_frame(r));
    else if (rng_percent(r, 20))
        gw_conn_drained(conn->gw);
    random_item(r, numbers, *count);
    while (fake_item(&f, &boot, &item)) {
        if (item.type != WIRE_TO_WORKER_OPEN)
            continue;
        numbers[(*count)++ % 64] = item.open.attachment;
        if (rng_percent(r, 80))
            opened(boot, item.open.attachment,
                   item.open.open.has_position ? WIRE_OPENED_OPS : WIRE_OPENED_SNAPSHOT, any_rev, 0,
                   slice_str("text"));
    }
    *count = *count > 64 ? 64 : *count;
    if (rng_percent(r, 30))
        fake_run(&f, 10 * rng_below(r, 30));
    if (rng_percent(r, 2))
        fake_view(&f, (unsigned)rng_below(r, 8) << 1);
    if (rng_percent(r, 3))
        f.link_down[rng_between(r, 1, FAKE_WORKERS)] = rng_percent(r, 30);
    if (rng_percent(r, 2))
        gw_core_worker_gone(f.core, rng_between(r, 1, FAKE_WORKERS));
    for (size_t i = 0; i < f.item_count; i++)
        refbuf_unref(f.items[i].bytes);
    f.item_count = f.item_seen = 0;
    arena_reset(&f.mem);
}

START_TEST(test_any_order)
{
    const char *given = getenv("WEFT_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    uint64_t numbers[64] = {0};
    size_t count = 0;
    struct rng r;

    printf("seed %llu (WEFT_SEED)\n", (unsigned long long)seed);
    rng_init(&r, seed);
    memset(crowd, 0, sizeof crowd);
    any_rev = 5;
    for (int i = 0; i < 30000; i++)
        random_step(&r, numbers, &count);
    const struct gw_counters *n = gw_core_counters(f.core);
    ck_assert_uint_gt(n->lagging, 0);
    ck_assert_uint_gt(n->submits, 0);
    ck_assert_uint_gt(n->moved, 0);
    ck_assert_uint_gt(n->gaps, 0);
    for (int i = 0; i < 12; i++)
        fake_gone(&crowd[i]);
    all_gone();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway core");
    TCase *tc = tcase_create("core");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, NULL);
    TTest const *tests[] = {test_hello,
                            test_silence,
                            test_open_entry_ack,
                            test_encoded_once,
                            test_crossed_ack,
                            test_gap,
                            test_lagging,
                            test_chunks,
                            test_catch_up_is_paced,
                            test_open_errors,
                            test_submit_errors,
                            test_retry_later,
                            test_replaced_and_detached,
                            test_accepted,
                            test_create_is_kept,
                            test_presence,
                            test_drain,
                            test_no_memory,
                            test_malformed_items,
                            test_any_order};
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
        tcase_add_test(tc, tests[i]);
    suite_add_tcase(suite, tc);
    TCase *own = tcase_create("own start");
    TTest const *others[] = {
        test_unauthenticated, test_connection_limits, test_worker_lost, test_unreachable_owner,
        test_moved,           test_unacked_bound,     test_no_view};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        tcase_add_test(own, others[i]);
    suite_add_tcase(suite, own);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
