/*
 * Documents: opens, entries, acks, gaps, and which worker serves them: who hears what, in which
 * order.
 */
#include "gw_case_test.h"

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

/* It beats, and its heartbeats arrive; what is sent to it does not. */
START_TEST(test_silent_owner)
{
    struct bytes heads = BYTES_INIT;
    uint64_t boot, other;

    fake_start(&f, 1 << 1 | 1 << 2, NULL);
    fake_welcome(&f, &a, GW_PROTO);
    fake_up(&a, open_frame(1));
    fake_expect_item(&f, WIRE_TO_WORKER_OPEN, &boot);
    gw_core_worker_silent(f.core, boot, true);
    ck_assert(gw_core_heads(f.core, boot, bytes_slice(&heads)));
    fake_run(&f, 900);
    struct wire_to_worker item = fake_expect_item(&f, WIRE_TO_WORKER_OPEN, &other);
    ck_assert_uint_eq(other, 3 - boot);
    ck_assert(item.open.owner_unreachable);
    gw_core_worker_gone(f.core, other);
    gw_core_worker_silent(f.core, boot, false);
    ck_assert(gw_core_heads(f.core, boot, bytes_slice(&heads)));
    fake_run(&f, 900);
    item = fake_expect_item(&f, WIRE_TO_WORKER_OPEN, &other);
    ck_assert_uint_eq(other, boot);
    ck_assert(!item.open.owner_unreachable);
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

/* An Open was on its way when its worker said MOVED, and is answered after all: nobody here goes by
 * that number any more, so the worker is not to keep it. */
START_TEST(test_opened_after_moved)
{
    struct wire_to_gateway moved = {.type = WIRE_TO_GATEWAY_MOVED,
                                    .moved = {.doc = DOC, .view = 1}};
    uint64_t boot;

    fake_start(&f, 1 << 1, NULL);
    fake_welcome(&f, &a, GW_PROTO);
    fake_up(&a, open_frame(0));
    uint64_t att = fake_expect_item(&f, WIRE_TO_WORKER_OPEN, &boot).open.attachment;
    fake_down(&f, boot, &moved);
    opened(boot, att, WIRE_OPENED_SNAPSHOT, 3, 0, slice_str("text"));
    fake_expect_none(&f, &a);
    ck_assert_uint_eq(fake_expect_item(&f, WIRE_TO_WORKER_DETACH, NULL).detach_attachment, att);
    fake_run(&f, 300);
    struct wire_to_worker again = fake_expect_item(&f, WIRE_TO_WORKER_OPEN, NULL);
    ck_assert_uint_ne(again.open.attachment, att);
    opened(boot, again.open.attachment, WIRE_OPENED_SNAPSHOT, 3, 0, slice_str("text"));
    fake_expect(&f, &a, WIRE_DOWN_OPENED);
    fake_expect_no_item(&f);
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

int main(void)
{
    const TTest *const started[] = {
        test_open_entry_ack,        test_encoded_once, test_crossed_ack,    test_gap,
        test_replaced_and_detached, test_accepted,     test_create_is_kept, test_presence};
    const TTest *const others[] = {test_worker_lost, test_unreachable_owner,  test_silent_owner,
                                   test_moved,       test_opened_after_moved, test_no_view};

    return case_run("gateway doc", started, CASE_COUNT(started), others, CASE_COUNT(others));
}
