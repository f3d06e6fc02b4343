/* Bytes of the links: frames, batches, and which message a session takes. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "link_batch.h"
#include "link_session.h"
#include "rng.h"
#include "support_seed.h"

/* ---- frames --------------------------------------------------------------------------------- */

static struct bytes frame_make(struct link_head *head, const char *address, const char *body)
{
    struct bytes out = BYTES_INIT;
    size_t prefix = link_frame_prefix_size(strlen(address));

    head->address = slice_str(address);
    head->body = slice_str(body);
    ck_assert_ptr_nonnull(bytes_reserve(&out, prefix));
    out.size = prefix;
    link_frame_write(head, out.data);
    bytes_append_str(&out, body);
    return out;
}

static struct link_head plain_head(void)
{
    return (struct link_head){.type = LINK_BATCH,
                              .heard_kind = LINK_HEARD,
                              .from = 0x1112131415161718,
                              .to = 0x2122232425262728,
                              .epoch = 3,
                              .seq = 4,
                              .heard = 5,
                              .count = 6};
}

START_TEST(frame_round_trip)
{
    struct link_head head = plain_head(), back;
    struct bytes m = frame_make(&head, "ipc:///x", "body");

    ck_assert(link_frame_read(bytes_slice(&m), &back));
    ck_assert(back.type == head.type && back.heard_kind == head.heard_kind);
    ck_assert(back.from == head.from && back.to == head.to && back.epoch == 3 && back.seq == 4);
    ck_assert(back.heard == 5 && back.count == 6);
    ck_assert(slice_equal(back.address, slice_str("ipc:///x")));
    ck_assert(slice_equal(back.body, slice_str("body")));
    /* The offset table of link_frame.h. */
    ck_assert_int_eq(memcmp(m.data, "WLK\1\1\1\0\10\x11\x12", 10), 0);
    ck_assert_uint_eq(m.data[16], 0x21);
    ck_assert_uint_eq(m.data[31], 3);
    ck_assert_uint_eq(m.data[39], 4);
    ck_assert_uint_eq(m.data[47], 5);
    ck_assert_uint_eq(m.data[51], 6);
    ck_assert_uint_eq(m.data[55], 4);
    bytes_fini(&m);
}
END_TEST

/* Each prefix of a message in memory of exactly that size, so that the sanitizer guards the end. */
START_TEST(frame_cut_anywhere_is_refused)
{
    struct link_head head = plain_head(), back;
    struct bytes m = frame_make(&head, "ipc:///x", "body");

    for (size_t cut = 0; cut < m.size; cut++) {
        uint8_t *part = malloc(cut ? cut : 1);
        memcpy(part, m.data, cut);
        ck_assert(!link_frame_read(slice_of(part, cut), &back));
        free(part);
    }
    bytes_append_u8(&m, 0);
    ck_assert(!link_frame_read(bytes_slice(&m), &back));
    bytes_fini(&m);
}
END_TEST

START_TEST(frame_rules_are_checked)
{
    static const struct {
        size_t offset;
        uint8_t value;
    } bad[] = {{0, 'X'}, {3, 2},  {4, 0},  {4, 3},  {5, 0},     {5, 3},    {6, 1},  {7, 0},
               {31, 0},  {39, 0}, {47, 0}, {55, 5}, {52, 0xff}, {56, ' '}, {57, 0}, {58, 0x7f}};
    struct link_head head = plain_head(), back;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct bytes m = frame_make(&head, "ipc:///x", "body");
        m.data[bad[i].offset] = bad[i].value;
        ck_assert_msg(!link_frame_read(bytes_slice(&m), &back), "rule %zu", i);
        bytes_fini(&m);
    }
    struct bytes m = frame_make(&head, "ipc:///x", "body");
    memset(m.data + 8, 0, 8);
    ck_assert(!link_frame_read(bytes_slice(&m), &back));
    bytes_fini(&m);
    head.type = LINK_HEARTBEAT;
    head.count = 2;
    m = frame_make(&head, "ipc:///x", "body");
    ck_assert_msg(!link_frame_read(bytes_slice(&m), &back), "a heartbeat with items");
    bytes_fini(&m);
    head.count = 1;
    m = frame_make(&head, "ipc:///x", "body");
    ck_assert_msg(link_frame_read(bytes_slice(&m), &back), "one of who hears nothing");
    bytes_fini(&m);
}
END_TEST

/* ---- batches -------------------------------------------------------------------------------- */

static struct slice item_fill(uint8_t *memory, size_t size, unsigned tag)
{
    for (size_t i = 0; i < size; i++)
        memory[i] = (uint8_t)(i * 7 + i / 251 + tag);
    return slice_of(memory, size);
}

/* Pushes items of these sizes, moves all batches over, and compares. */
static void batches_carry(size_t body_max, const size_t *sizes, size_t count)
{
    struct link_out out;
    struct link_in in;
    static uint8_t memory[1 << 17];
    size_t taken = 0;

    link_out_init(&out, 5, body_max, 64 << 20);
    link_in_init(&in, 1 << 20);
    for (size_t i = 0; i < count; i++)
        ck_assert(link_out_push(&out, item_fill(memory, sizes[i], (unsigned)i)));
    while (link_out_due_us(&out) != INT64_MAX) {
        struct link_batch *batch = link_out_take(&out, 0);
        ck_assert_uint_le(batch->bytes.size - 5, body_max);
        ck_assert_int_eq(link_in_batch(&in, slice_of(batch->bytes.data + 5, batch->bytes.size - 5),
                                       batch->count),
                         0);
        for (size_t i = 0; i < in.item_count; i++, taken++)
            ck_assert(slice_equal(in.items[i], item_fill(memory, sizes[taken], (unsigned)taken)));
        link_batch_free(batch);
    }
    ck_assert_uint_eq(taken, count);
    ck_assert_uint_eq(out.queued, 0);
    link_out_fini(&out);
    link_in_fini(&in);
}

START_TEST(items_survive_every_cut)
{
    for (size_t body_max = LINK_BODY_MIN; body_max < 150; body_max++)
        for (size_t size = 0; size < 200; size++)
            batches_carry(body_max, (size_t[]){3, size, 0, size / 2, 1}, 5);
}
END_TEST

START_TEST(items_survive_random_sizes)
{
    struct rng rng;
    size_t sizes[50];

    rng_init(&rng, support_seed());
    for (int round = 0; round < 60; round++) {
        for (size_t i = 0; i < 50; i++)
            sizes[i] = rng_below(&rng, 1u << rng_between(&rng, 1, 17));
        batches_carry(rng_between(&rng, LINK_BODY_MIN, 70000), sizes, 50);
    }
}
END_TEST

START_TEST(queue_is_bounded)
{
    struct link_out out;
    uint8_t memory[1000] = {0};
    int pushed = 0;

    link_out_init(&out, 1, 100, 5000);
    while (link_out_push(&out, slice_of(memory, 50)))
        pushed++;
    ck_assert_int_eq(pushed, 5000 / 52);
    ck_assert_uint_le(out.queued, 5000);
    link_out_fini(&out);
    ck_assert(link_out_push(&out, slice_of(memory, 1000)));
    ck_assert(!link_out_push(&out, slice_of(memory, (size_t)5 << 30)));
    link_out_fini(&out);
}
END_TEST

START_TEST(batches_leave_when_they_should)
{
    struct link_out out;
    uint8_t memory[100] = {0};

    link_out_init(&out, 1, 100, 5000);
    ck_assert_int_eq(link_out_due_us(&out), INT64_MAX);
    ck_assert(link_out_push(&out, slice_of(memory, 10)));
    ck_assert_msg(link_out_due_us(&out) <= 1, "a quiet link waits for nobody");
    link_batch_free(link_out_take(&out, 7000));
    ck_assert(link_out_push(&out, slice_of(memory, 10)));
    ck_assert_int_eq(link_out_due_us(&out), 7000 + LINK_BATCH_DELAY_US);
    ck_assert(link_out_push(&out, slice_of(memory, 95)));
    ck_assert_msg(link_out_due_us(&out) <= 7000, "a batch with another behind it is full");
    link_batch_free(link_out_take(&out, 7100));
    ck_assert_int_eq(link_out_due_us(&out), 7100 + LINK_BATCH_DELAY_US);
    link_out_fini(&out);
}
END_TEST

/* Reads body in memory of exactly its size. */
static int body_read(struct link_in *in, const char *body, size_t size, uint32_t count)
{
    uint8_t *exact = malloc(size ? size : 1);
    memcpy(exact, body, size);
    int r = link_in_batch(in, slice_of(exact, size), count);
    free(exact);
    return r;
}

#define BODY(in, text, count) body_read(in, text, sizeof(text) - 1, count)
#define HEAD(size, kind) (char)((size) << 2 | (kind))

START_TEST(bad_records_are_refused)
{
    static const char first[] = {HEAD(2, 1), 6, 'a', 'b'}, middle[] = {HEAD(2, 2), 'c', 'd'},
                      last[] = {HEAD(2, 3), 'e', 'f', HEAD(1, 0), 'g'};
    static const struct {
        char bytes[8];
        size_t size;
        uint32_t count;
    } bad[] = {
        {{HEAD(2, 0), 'a'}, 2, 1},                     /* cut */
        {{HEAD(1, 0), 'a'}, 2, 2},                     /* count */
        {{HEAD(2, 1), 6, 'a', 'b', HEAD(0, 0)}, 5, 1}, /* FIRST is alone */
        {{HEAD(0, 0), HEAD(2, 1), 6, 'a', 'b'}, 5, 1}, /* FIRST stands first */
        {{HEAD(2, 1), 2, 'a', 'b'}, 4, 0},             /* nothing left for the rest */
        {{HEAD(2, 1), (char)0x81, (char)0x80, 0x40, 'a', 'b'}, 6, 0}, /* above the bound */
        {{HEAD(0, 1), 6}, 2, 0},                                      /* an empty piece */
        {{HEAD(2, 2), 'c', 'd'}, 3, 0},                               /* a piece of nothing */
        {{HEAD(2, 3), 'c', 'd'}, 3, 1},
        {{(char)0x80, 0}, 2, 0}, /* a varint in another form */
    };
    struct link_in in;

    link_in_init(&in, 1 << 20);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_msg(body_read(&in, bad[i].bytes, bad[i].size, bad[i].count) == -EPROTO,
                      "case %zu", i);
        link_in_reset(&in);
    }
    ck_assert_int_eq(body_read(&in, first, sizeof first, 0), 0);
    ck_assert_int_eq(body_read(&in, middle, sizeof middle, 0), 0);
    ck_assert_int_eq(link_in_batch(&in, slice_of(last, sizeof last), 2), 0);
    ck_assert(slice_equal(in.items[0], slice_str("abcdef")));
    ck_assert(slice_equal(in.items[1], slice_str("g")));
    ck_assert_int_eq(body_read(&in, first, sizeof first, 0), 0);
    ck_assert_int_eq(body_read(&in, first, sizeof first, 0), -EPROTO);
    link_in_reset(&in);
    ck_assert_int_eq(body_read(&in, first, sizeof first, 0), 0);
    ck_assert_int_eq(BODY(&in, "\x04x", 1), -EPROTO); /* WHOLE within a large item */
    link_in_reset(&in);
    ck_assert_int_eq(body_read(&in, first, sizeof first, 0), 0);
    ck_assert_int_eq(BODY(&in, "\x13wxyz", 1), 0); /* LAST with the rest */
    ck_assert_int_eq(body_read(&in, first, sizeof first, 0), 0);
    ck_assert_int_eq(BODY(&in, "\x17uwxyz", 1), -EPROTO); /* LAST with more */
    link_in_reset(&in);
    ck_assert_int_eq(body_read(&in, first, sizeof first, 0), 0);
    ck_assert_int_eq(BODY(&in, "\x0fxyz", 1), -EPROTO); /* LAST with less */
    link_in_fini(&in);
}
END_TEST

/* ---- sessions ------------------------------------------------------------------------------- */

static struct link_head msg(enum link_type type, uint64_t epoch, uint64_t seq,
                            enum link_heard_kind kind, uint64_t heard)
{
    return (struct link_head){
        .type = type, .epoch = epoch, .seq = seq, .heard_kind = kind, .heard = heard};
}

static enum link_verdict judge(struct link_session *s, struct link_head head)
{
    return link_session_receive(s, &head);
}

START_TEST(session_takes_in_order_only)
{
    struct link_session s;

    link_session_init(&s, 5);
    ck_assert_int_eq(judge(&s, msg(LINK_HEARTBEAT, 2, 0, LINK_HEARD_NOTHING, 0)), LINK_TAKE);
    ck_assert(!s.agreed);
    ck_assert_int_eq(judge(&s, msg(LINK_BATCH, 2, 1, LINK_HEARD, 5)), LINK_TAKE);
    ck_assert(s.agreed);
    ck_assert_int_eq(judge(&s, msg(LINK_BATCH, 2, 1, LINK_HEARD, 5)), LINK_STALE);
    ck_assert_int_eq(judge(&s, msg(LINK_BATCH, 2, 2, LINK_HEARD, 5)), LINK_TAKE);
    ck_assert_int_eq(judge(&s, msg(LINK_HEARTBEAT, 2, 2, LINK_HEARD, 5)), LINK_TAKE);
    ck_assert_int_eq(judge(&s, msg(LINK_HEARTBEAT, 2, 1, LINK_HEARD, 5)), LINK_STALE);
    ck_assert_int_eq(judge(&s, msg(LINK_BATCH, 1, 3, LINK_HEARD, 5)), LINK_STALE);
    ck_assert_int_eq(judge(&s, msg(LINK_BATCH, 2, 3, LINK_HEARD, 4)), LINK_STALE);
    ck_assert_int_eq(judge(&s, msg(LINK_BATCH, 2, 3, LINK_HEARD, 6)), LINK_STALE);
    ck_assert_int_eq(judge(&s, msg(LINK_HEARTBEAT, 2, 3, LINK_HEARD, 5)), LINK_GAP);
    ck_assert_int_eq(judge(&s, msg(LINK_BATCH, 2, 4, LINK_HEARD, 5)), LINK_GAP);
    link_session_reset(&s, 6);
    ck_assert_int_eq(judge(&s, msg(LINK_BATCH, 2, 3, LINK_HEARD, 5)), LINK_STALE);
    struct link_head out;
    link_session_stamp(&s, LINK_HEARTBEAT, &out);
    ck_assert(out.epoch == 6 && out.seq == 0 && out.heard_kind == LINK_REFUSED && out.heard == 2);
    link_session_stamp(&s, LINK_BATCH, &out);
    ck_assert(out.seq == 1);
}
END_TEST

START_TEST(session_refuses_an_epoch_whose_start_is_lost)
{
    struct link_session s;
    struct link_head out;

    link_session_init(&s, 1);
    ck_assert_int_eq(judge(&s, msg(LINK_BATCH, 7, 2, LINK_HEARD_NOTHING, 0)), LINK_GAP);
    link_session_reset(&s, 2);
    link_session_stamp(&s, LINK_HEARTBEAT, &out);
    ck_assert(out.heard_kind == LINK_REFUSED && out.heard == 7);
    ck_assert_int_eq(judge(&s, msg(LINK_BATCH, 7, 1, LINK_HEARD_NOTHING, 0)), LINK_STALE);
    ck_assert_int_eq(judge(&s, msg(LINK_BATCH, 8, 1, LINK_HEARD, 2)), LINK_TAKE);
}
END_TEST

START_TEST(session_follows_the_peers_reset)
{
    struct link_session s;

    link_session_init(&s, 1);
    ck_assert_int_eq(judge(&s, msg(LINK_BATCH, 3, 1, LINK_HEARD, 1)), LINK_TAKE);
    struct link_head news = msg(LINK_BATCH, 4, 1, LINK_REFUSED, 1);
    ck_assert_int_eq(judge(&s, news), LINK_PEER_RESET);
    link_session_reset(&s, 2);
    ck_assert_int_eq(judge(&s, news), LINK_TAKE);
    /* The same refusal again is old news. */
    ck_assert_int_eq(judge(&s, msg(LINK_BATCH, 4, 2, LINK_REFUSED, 1)), LINK_TAKE);
    ck_assert_int_eq(judge(&s, msg(LINK_BATCH, 5, 1, LINK_HEARD_NOTHING, 0)), LINK_PEER_RESET);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("link frame");
    TCase *tc = tcase_create("all");
    SRunner *runner = srunner_create(suite);

    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, frame_round_trip);
    tcase_add_test(tc, frame_cut_anywhere_is_refused);
    tcase_add_test(tc, frame_rules_are_checked);
    tcase_add_test(tc, items_survive_every_cut);
    tcase_add_test(tc, items_survive_random_sizes);
    tcase_add_test(tc, queue_is_bounded);
    tcase_add_test(tc, batches_leave_when_they_should);
    tcase_add_test(tc, bad_records_are_refused);
    tcase_add_test(tc, session_takes_in_order_only);
    tcase_add_test(tc, session_refuses_an_epoch_whose_start_is_lost);
    tcase_add_test(tc, session_follows_the_peers_reset);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
