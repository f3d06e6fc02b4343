/* The rules one by one, each with the frames that it is about. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "client_world_test.h"
#include "ot_codec.h"
#include "wire_error.h"

static struct world w;
static struct arena mem;

static void setup(void)
{
    ck_assert_int_eq(crypto_init(), 0);
    world_init(&w, 1);
    arena_init(&mem, 1u << 20);
}

static void teardown(void)
{
    arena_fini(&mem);
    world_fini(&w);
}

static const struct ot_comp newline = {
    .kind = OT_INSERT, .length = 1, .content = {(void *)"\n", 1}};
static const struct ot_op newline_op = {.comps = &newline, .count = 1, .units_out = 1};

/* A client of a document that exists, live and alone. */
static struct world_client *live(void)
{
    if (w.revision_count == 0)
        world_create(&w);
    struct world_client *c = world_client_add(&w, true);
    world_connect(c);
    world_settle(&w);
    ck_assert_int_eq(client_doc_state(c->doc), CLIENT_LIVE);
    return c;
}

static void expect_text(const struct ot_rope *rope, const char *text)
{
    struct bytes out = BYTES_INIT;
    ot_rope_text(rope, &out);
    bytes_append_u8(&out, 0);
    ck_assert_str_eq((const char *)out.data, text);
    bytes_fini(&out);
}

/* The one frame that is on its way up; it is taken off. */
static struct wire_client_frame sent(struct world_client *c)
{
    struct wire_client_frame frame = {0};
    struct slice in = bytes_slice(&c->up.bytes);

    if (in.size == 0)
        return frame;
    struct slice copy = slice_of(arena_copy(&mem, in.data, in.size), in.size);
    ck_assert_int_eq(wire_client_frame_take(&mem, &copy, &frame), 0);
    ck_assert_uint_eq(copy.size, 0);
    bytes_reset(&c->up.bytes);
    return frame;
}

static int give(struct world_client *c, uint32_t code, uint64_t detail, uint64_t seq)
{
    struct wire_server_frame frame;
    struct bytes text = BYTES_INIT;

    wire_error_frame(code, detail, w.id, seq, &text, &frame);
    int r = world_give(c, &frame);
    bytes_fini(&text);
    world_pull(c);
    return r;
}

static int give_error(struct world_client *c, uint32_t code, uint64_t seq)
{
    return give(c, code, 0, seq);
}

static int give_detail(struct world_client *c, uint32_t code, uint64_t detail)
{
    return give(c, code, detail, 0);
}

static struct wire_server_frame entry_frame(struct chain_position before,
                                            struct wire_client_record *record)
{
    struct wire_server_frame frame = {.type = WIRE_DOWN_ENTRY,
                                      .entry = {.doc = w.id,
                                                .first_rev = before.rev + 1,
                                                .last_rev = before.rev + 1,
                                                .records = record,
                                                .count = 1}};
    memcpy(frame.entry.hash_before, before.hash, CHAIN_HASH_SIZE);
    frame.entry.hash_after[0] = 99;
    return frame;
}

static struct slice op_bytes(uint64_t at, const char *text)
{
    struct ot_builder builder;
    struct ot_op op;
    struct bytes out = BYTES_INIT;

    ot_builder_init(&builder, &mem);
    ot_builder_retain(&builder, at, (struct slice){0});
    ot_builder_insert(&builder, slice_str(text), (uint32_t)strlen(text), (struct slice){0});
    ck_assert_int_eq(ot_builder_finish(&builder, &op), 0);
    ot_encode(&op, &out);
    struct slice kept = slice_of(arena_copy(&mem, out.data, out.size), out.size);
    bytes_fini(&out);
    return kept;
}

static void expect_draft(struct world_client *c, struct slice draft, bool may_be_in)
{
    ck_assert(slice_equal(bytes_slice(&c->draft), draft));
    ck_assert_int_eq(client_doc_draft_may_be_in(c->doc), may_be_in);
}

/* --- creation --- */

START_TEST(one_of_two_creators_wins)
{
    struct world_client *a = world_client_add(&w, true), *b = world_client_add(&w, true);

    ck_assert_int_eq(world_type(a, 0, "x"), -EAGAIN); /* no text yet */
    ck_assert_int_eq(client_doc_create(a->doc, WIRE_DOC_RICH, &newline_op), 0);
    ck_assert_int_eq(client_doc_create(b->doc, WIRE_DOC_RICH, &newline_op), 0);
    ck_assert_int_eq(world_type(a, 0, "from a"), 0);
    ck_assert_int_eq(world_type(b, 0, "from b"), 0);
    ck_assert(!client_doc_saved(a->doc));
    world_connect(a);
    world_connect(b);
    world_settle(&w);
    expect_text(client_doc_rope(a->doc), "from a\n");
    expect_text(client_doc_rope(b->doc), "from a\n");
    ck_assert_uint_eq(a->replaced, 0);
    ck_assert_uint_eq(a->acked, 1);
    ck_assert(client_doc_saved(a->doc) && client_doc_saved(b->doc));
    /* All of the loser's is the draft, its own content too; its session goes on. */
    expect_draft(b, op_bytes(0, "from b\n"), false);
    ck_assert_int_eq(world_type(b, 0, "b: "), 0);
    world_settle(&w);
    expect_text(client_doc_rope(a->doc), "b: from a\n");
}
END_TEST

/* The answer to a create is lost; when it asks again the document is there, and others typed. */
START_TEST(a_creator_asks_again)
{
    struct world_client *a = world_client_add(&w, true);

    ck_assert_int_eq(client_doc_create(a->doc, WIRE_DOC_RICH, &newline_op), 0);
    ck_assert_int_eq(world_type(a, 0, "a"), 0);
    world_connect(a);
    ck_assert(world_deliver_up(a));
    world_disconnect(a, false);
    struct world_client *b = live();
    ck_assert_int_eq(world_type(b, 0, "b"), 0);
    world_settle(&w);
    world_reload(a);
    world_connect(a);
    world_settle(&w);
    ck_assert_uint_eq(a->replaced, 0);
    expect_text(client_doc_rope(a->doc), "ba\n");
    expect_text(client_doc_rope(b->doc), "ba\n");
}
END_TEST

/* A creation of long ago goes on under a new session. */
START_TEST(a_creation_outlives_its_session)
{
    struct world_client *a = world_client_add(&w, true);

    ck_assert_int_eq(client_doc_create(a->doc, WIRE_DOC_RICH, &newline_op), 0);
    ck_assert_int_eq(world_type(a, 0, "a"), 0);
    w.now_ms += DOC_SESSION_KEEP_MS + 1000;
    world_connect(a);
    world_settle(&w);
    ck_assert_int_eq(client_doc_state(a->doc), CLIENT_STOPPED);
    ck_assert_uint_eq(client_doc_error(a->doc), WIRE_E_SESSION_EXPIRED);
    ck_assert_int_eq(world_type(a, 0, "x"), -EAGAIN);
    a->session = world_session(&w);
    ck_assert_int_eq(client_doc_renew(a->doc, &a->session), 0);
    world_settle(&w);
    ck_assert(client_doc_saved(a->doc));
    expect_text(doc_rope(w.doc), "a\n");
}
END_TEST

/* --- the op in flight --- */

START_TEST(accepted_never_applies)
{
    struct world_client *c = live();
    struct wire_server_frame accepted = {.type = WIRE_DOWN_ACCEPTED,
                                         .accepted = {.doc = w.id, .seq = 1, .rev = 2}};

    ck_assert_int_eq(world_type(c, 0, "x"), 0);
    ck_assert_int_eq(world_give(c, &accepted), 0); /* before the entry */
    ck_assert(client_doc_in_flight(c->doc));
    world_settle(&w);
    ck_assert_uint_eq(c->acked, 1);
    ck_assert_int_eq(world_give(c, &accepted), 0); /* and behind it */
    expect_text(client_doc_rope(c->doc), "x\n");
    ck_assert(client_doc_saved(c->doc));
}
END_TEST

START_TEST(what_is_typed_in_flight_is_one_op)
{
    struct world_client *c = live();

    ck_assert_int_eq(world_type(c, 0, "a"), 0);
    ck_assert_int_eq(world_type(c, 1, "b"), 0);
    ck_assert_int_eq(world_type(c, 2, "c"), 0);
    struct wire_client_frame first = sent(c);
    ck_assert(first.type == WIRE_UP_SUBMIT && first.submit.seq == 1);
    ck_assert(slice_equal(first.submit.body, op_bytes(0, "a")));
    world_take(c, &first);
    world_commit(&w);
    ck_assert(world_deliver_down(c));
    struct wire_client_frame second = sent(c);
    ck_assert_uint_eq(second.submit.seq, 2);
    ck_assert(slice_equal(second.submit.body, op_bytes(1, "bc")));
    struct chain_position head = doc_position(w.doc);
    ck_assert(chain_position_equal(&second.submit.base, &head));
}
END_TEST

/* Lost on the way up, then others type: it goes out again as it was, with its old base. */
START_TEST(a_resend_is_the_same_bytes)
{
    struct world_client *c = live(), *other = live();

    ck_assert_int_eq(world_type(c, 0, "x"), 0);
    struct wire_client_frame first = sent(c), again;
    world_disconnect(c, false);
    ck_assert_int_eq(world_type(other, 0, "before "), 0);
    world_settle(&w);
    world_connect(c);
    ck_assert(world_deliver_up(c));
    while (world_deliver_down(c))
        ;
    again = sent(c);
    ck_assert(again.type == WIRE_UP_SUBMIT && again.submit.seq == 1);
    ck_assert(slice_equal(again.submit.body, first.submit.body));
    ck_assert(chain_position_equal(&again.submit.base, &first.submit.base));
    expect_text(client_doc_rope(c->doc), "before x\n");
    world_take(c, &again);
    world_settle(&w);
    expect_text(doc_rope(w.doc), "before x\n");
    ck_assert_uint_eq(c->acked, 1);
}
END_TEST

/* The gateway resends by itself when it has moved the document: an unasked Opened resends nothing.
 */
START_TEST(an_unasked_opened_resends_nothing)
{
    struct world_client *c = live(), *other = live();

    ck_assert_int_eq(world_type(c, 0, "x"), 0);
    struct wire_client_frame frame = sent(c);
    c->lagging = true;
    ck_assert_int_eq(world_type(other, 0, "y"), 0);
    while (world_deliver_up(other))
        ;
    world_commit(&w);
    world_open_unasked(c);
    while (world_deliver_down(c))
        ;
    ck_assert_uint_eq(sent(c).type, 0);
    expect_text(client_doc_rope(c->doc), "yx\n");
    world_take(c, &frame);
    world_settle(&w);
    expect_text(doc_rope(w.doc), "yx\n");
}
END_TEST

/* --- entries that do not follow --- */

START_TEST(an_entry_seen_before_is_dropped)
{
    struct world_client *c = live(), *other = live();
    struct chain_position before = doc_position(w.doc);
    struct wire_client_record record = {
        .has_author = true, .seq = 1, .kind = WIRE_KIND_EDIT, .count = 1};

    ck_assert_int_eq(world_type(other, 0, "y"), 0);
    world_settle(&w);
    record.body = op_bytes(0, "y");
    struct wire_server_frame again = entry_frame(before, &record);
    ck_assert_int_eq(world_give(c, &again), 0);
    expect_text(client_doc_rope(c->doc), "y\n");
    ck_assert_int_eq(client_doc_state(c->doc), CLIENT_LIVE);
}
END_TEST

/* A gap: Close, then nothing counts until Closed, then Open with the position. */
START_TEST(a_gap_is_closed_first)
{
    struct world_client *c = live(), *other = live();
    struct chain_position at = client_doc_position(c->doc), ahead = {.rev = at.rev + 5};
    struct wire_client_record record = {.kind = WIRE_KIND_EDIT, .count = 1};
    struct wire_server_frame crossing = {.type = WIRE_DOWN_OPENED,
                                         .opened = {.outcome = WIRE_OPENED_UP_TO_DATE}};
    struct wire_server_frame closed = {.type = WIRE_DOWN_CLOSED};

    ck_assert_int_eq(world_type(c, 0, "x"), 0);
    struct wire_client_frame first = sent(c);
    record.body = op_bytes(0, "z");
    struct wire_server_frame gap = entry_frame(ahead, &record);
    ck_assert_int_eq(world_give(c, &gap), CLIENT_DIVERGED);
    world_pull(c);
    ck_assert_uint_eq(sent(c).type, WIRE_UP_CLOSE);
    ck_assert_int_eq(world_give(c, &gap), 0);
    ck_assert_int_eq(world_give(c, &crossing), 0);
    ck_assert_int_eq(give_error(c, WIRE_E_RETRY_LATER, 0), 0);
    ck_assert_uint_eq(sent(c).type, 0);
    ck_assert_int_eq(world_give(c, &closed), 0);
    c->attached = false;
    world_pull(c);
    struct wire_client_frame open = sent(c);
    ck_assert(open.type == WIRE_UP_OPEN && open.open.has_position);
    ck_assert(chain_position_equal(&open.open.position, &at));
    ck_assert_int_eq(world_give(c, &closed), 0); /* a second one changes nothing */
    ck_assert_int_eq(world_type(other, 0, "y"), 0);
    while (world_deliver_up(other))
        ;
    world_commit(&w);
    world_take(c, &open);
    while (world_deliver_down(c))
        ;
    struct wire_client_frame again = sent(c);
    ck_assert(slice_equal(again.submit.body, first.submit.body));
    world_take(c, &again);
    world_settle(&w);
    expect_text(client_doc_rope(c->doc), "yx\n");
    ck_assert_uint_eq(c->replaced, 1); /* the first text */
}
END_TEST

/* The same revision, another hash: the history is another one. */
START_TEST(a_foreign_hash_leads_to_a_resync)
{
    struct world_client *c = live();
    struct chain_position other = client_doc_position(c->doc);
    struct wire_client_record record = {
        .kind = WIRE_KIND_EDIT, .count = 1, .body = op_bytes(0, "z")};

    ck_assert_int_eq(world_type(c, 0, "x"), 0);
    other.hash[3] ^= 1;
    struct wire_server_frame foreign = entry_frame(other, &record);
    ck_assert_int_eq(world_give(c, &foreign), CLIENT_DIVERGED);
    expect_text(client_doc_rope(c->doc), "x\n"); /* not applied */
    bytes_reset(&c->up.bytes);                   /* and the server has lost our op */
    world_settle(&w);
    expect_text(client_doc_rope(c->doc), "x\n");
    ck_assert(client_doc_saved(c->doc));
}
END_TEST

START_TEST(an_own_op_that_came_out_differently)
{
    struct world_client *c = live();
    struct chain_position at = client_doc_position(c->doc);
    struct wire_client_record record = {.has_author = true,
                                        .seq = 1,
                                        .kind = WIRE_KIND_EDIT,
                                        .count = 1,
                                        .body = op_bytes(0, "other")};

    ck_assert_int_eq(world_type(c, 0, "x"), 0);
    client_doc_author(c->doc, record.author);
    struct wire_server_frame own = entry_frame(at, &record);
    ck_assert_int_eq(world_give(c, &own), CLIENT_DIVERGED);
    ck_assert_uint_eq(c->acked, 0);
    bytes_reset(&c->up.bytes);
    world_pull(c);
    world_settle(&w);
    /* Its op is a draft that may be in; only a new session is safe. */
    ck_assert_int_eq(client_doc_state(c->doc), CLIENT_STOPPED);
    expect_draft(c, op_bytes(0, "x"), true);
    c->session = world_session(&w);
    ck_assert_int_eq(client_doc_renew(c->doc, &c->session), 0);
    world_settle(&w);
    ck_assert_int_eq(client_doc_state(c->doc), CLIENT_LIVE);
    ck_assert_uint_eq(client_doc_seq(c->doc), 0);
}
END_TEST

/* The same bytes under another seq are not the answer to this op: an ack is by name (I5). */
START_TEST(an_own_record_of_another_seq)
{
    struct world_client *c = live();
    struct chain_position at = client_doc_position(c->doc);
    struct wire_client_record record = {
        .has_author = true, .seq = 2, .kind = WIRE_KIND_EDIT, .count = 1};

    ck_assert_int_eq(world_type(c, 0, "x"), 0);
    ck_assert_uint_eq(sent(c).submit.seq, 1);
    client_doc_author(c->doc, record.author);
    record.body = op_bytes(0, "x");
    struct wire_server_frame own = entry_frame(at, &record);
    ck_assert_int_eq(world_give(c, &own), CLIENT_DIVERGED);
    ck_assert_uint_eq(c->acked, 0);
}
END_TEST

/* A foreign op that does not fit leaves what is pending whole: it becomes the draft. */
START_TEST(an_op_that_does_not_fit)
{
    struct world_client *c = live();
    struct wire_client_record record = {
        .kind = WIRE_KIND_EDIT, .count = 1, .body = op_bytes(1000, "z")};

    ck_assert_int_eq(world_type(c, 0, "a"), 0);
    ck_assert_int_eq(world_type(c, 1, "b"), 0);
    struct wire_server_frame entry = entry_frame(client_doc_position(c->doc), &record);
    ck_assert_int_eq(world_give(c, &entry), CLIENT_DIVERGED);
    bytes_reset(&c->up.bytes);
    world_pull(c);
    world_settle(&w);
    expect_draft(c, op_bytes(0, "ab"), true);
}
END_TEST

/* --- snapshots --- */

START_TEST(a_resync_keeps_the_text_as_a_draft)
{
    struct world_client *c = live();

    ck_assert_int_eq(world_type(c, 0, "x"), 0);
    ck_assert_int_eq(world_type(c, 1, "y"), 0);
    world_disconnect(c, false);
    w.revisions[0].hash[0] ^= 1; /* the history is not the one that it knew */
    world_connect(c);
    while (world_deliver_up(c) || world_deliver_down(c))
        ;
    ck_assert_int_eq(client_doc_state(c->doc), CLIENT_STOPPED);
    ck_assert_uint_eq(client_doc_error(c->doc), WIRE_E_SESSION_CLOSED);
    expect_draft(c, op_bytes(0, "xy"), true);
    expect_text(client_doc_rope(c->doc), "\n");
    w.revisions[0].hash[0] ^= 1;
    c->session = world_session(&w);
    ck_assert_int_eq(client_doc_renew(c->doc, &c->session), 0);
    world_settle(&w);
    ck_assert_int_eq(client_doc_state(c->doc), CLIENT_LIVE);
    ck_assert_int_eq(world_type(c, 0, "z"), 0);
    world_settle(&w);
    expect_text(doc_rope(w.doc), "z\n");
}
END_TEST

/* What was never sent needs no new session. */
START_TEST(a_snapshot_with_unsent_text)
{
    struct world_client *c = live();

    world_disconnect(c, false);
    ck_assert_int_eq(world_type(c, 0, "offline"), 0);
    w.snapshot_percent = 100;
    world_connect(c);
    world_settle(&w);
    ck_assert_int_eq(client_doc_state(c->doc), CLIENT_LIVE);
    expect_draft(c, op_bytes(0, "offline"), false);
    expect_text(client_doc_rope(c->doc), "\n");
    world_disconnect(c, false);
    world_connect(c);
    world_settle(&w);
    expect_draft(c, (struct slice){0}, false); /* nothing pending, nothing lost */
}
END_TEST

START_TEST(chunks_that_do_not_fit)
{
    static const struct {
        uint64_t offset;
        size_t size;
    } bad[] = {{0, 1}, {3, 1}, {2, 9}};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct world_client *c = live();
        struct wire_server_frame opened = {.type = WIRE_DOWN_OPENED,
                                           .opened = {.outcome = WIRE_OPENED_SNAPSHOT,
                                                      .position = {.rev = 7},
                                                      .payload_bytes = 10,
                                                      .payload = slice_str("ab")}};
        struct wire_server_frame chunk = {
            .type = WIRE_DOWN_CHUNK,
            .chunk = {.offset = bad[i].offset, .data = slice_of("0123456789", bad[i].size)}};
        ck_assert_int_eq(world_give(c, &opened), 0);
        ck_assert_int_eq(world_give(c, &chunk), CLIENT_DIVERGED);
        world_settle(&w);
        ck_assert_int_eq(client_doc_state(c->doc), CLIENT_LIVE);
        opened.opened.payload_bytes = UINT64_MAX;
        ck_assert_int_eq(world_give(c, &opened), CLIENT_DIVERGED);
        world_settle(&w);
        ck_assert_int_eq(client_doc_state(c->doc), CLIENT_LIVE);
    }
}
END_TEST

/* OPS that lead elsewhere than the answer says are not applied. */
START_TEST(ops_that_do_not_reach)
{
    struct world_client *c = live();
    struct wire_client_record record = {
        .kind = WIRE_KIND_EDIT, .count = 3, .body = op_bytes(0, "z")};
    struct wire_ops ops = {.records = &record, .count = 1};
    struct bytes payload = BYTES_INIT;

    wire_ops_encode(&ops, &payload);
    struct wire_server_frame opened = {.type = WIRE_DOWN_OPENED,
                                       .opened = {.outcome = WIRE_OPENED_OPS,
                                                  .position = client_doc_position(c->doc),
                                                  .payload_bytes = payload.size,
                                                  .payload = bytes_slice(&payload)}};
    opened.opened.position.rev += 2;
    ck_assert_int_eq(world_give(c, &opened), CLIENT_DIVERGED);
    expect_text(client_doc_rope(c->doc), "\n");
    ck_assert_int_eq(world_type(c, 0, "kept"), 0);
    world_settle(&w);
    expect_text(doc_rope(w.doc), "kept\n");
    bytes_fini(&payload);
}
END_TEST

/* --- errors by scope --- */

START_TEST(errors_of_an_op)
{
    struct world_client *c = live();

    ck_assert_int_eq(world_type(c, 0, "x"), 0);
    ck_assert_int_eq(world_type(c, 1, "y"), 0);
    bytes_reset(&c->up.bytes);
    ck_assert_int_eq(give_error(c, WIRE_E_PRESENCE_TOO_LARGE, 0), 0);
    ck_assert_int_eq(give_error(c, WIRE_E_BAD_OP, 7), 0);
    ck_assert_int_eq(give_error(c, WIRE_E_TOO_FAST, 0), 0);
    ck_assert_int_eq(client_doc_state(c->doc), CLIENT_LIVE);
    ck_assert_int_eq(give_error(c, WIRE_E_BAD_OP, 1), 0);
    ck_assert_int_eq(client_doc_state(c->doc), CLIENT_STOPPED);
    ck_assert_uint_eq(client_doc_error(c->doc), WIRE_E_BAD_OP);
    ck_assert_uint_eq(sent(c).type, 0);
    c->session = world_session(&w);
    ck_assert_int_eq(client_doc_renew(c->doc, &c->session), 0);
    world_pull(c);
    struct wire_client_frame close = sent(c); /* it is open there still */
    ck_assert_uint_eq(close.type, WIRE_UP_CLOSE);
    world_take(c, &close);
    world_settle(&w);
    ck_assert_int_eq(client_doc_state(c->doc), CLIENT_LIVE);
    expect_draft(c, op_bytes(0, "xy"), true);
}
END_TEST

START_TEST(a_passing_error_waits)
{
    struct world_client *c = live();

    ck_assert_int_eq(world_type(c, 0, "x"), 0);
    struct wire_client_frame submit = sent(c);
    ck_assert_int_eq(give_error(c, WIRE_E_RETRY_LATER, 0), 0);
    ck_assert_int_eq(client_doc_state(c->doc), CLIENT_OPENING);
    ck_assert_uint_eq(sent(c).type, 0);
    c->attached = false;
    world_take(c, &submit); /* crossed the end: not-open, to be ignored */
    ck_assert(world_deliver_down(c));
    ck_assert_uint_eq(sent(c).type, 0);
    client_doc_retry(c->doc);
    world_pull(c);
    struct wire_client_frame open = sent(c);
    ck_assert_uint_eq(open.type, WIRE_UP_OPEN);
    ck_assert_int_eq(give_error(c, WIRE_E_NOT_OPEN, 1), 0); /* the same, later still */
    ck_assert_uint_eq(sent(c).type, 0);
    world_take(c, &open);
    world_settle(&w);
    ck_assert(client_doc_saved(c->doc));
    expect_text(doc_rope(w.doc), "x\n");
}
END_TEST

/* The saved state was older than the last Open that went out with this session. */
START_TEST(a_later_attempt_is_known)
{
    struct world_client *c = live();

    world_disconnect(c, false);
    world_connect(c);
    struct wire_client_frame open = sent(c);
    ck_assert_uint_eq(open.open.attempt, 2);
    ck_assert_int_eq(give_detail(c, WIRE_E_SESSION_REPLACED, 9), 0);
    ck_assert_int_eq(client_doc_state(c->doc), CLIENT_OPENING);
    open = sent(c);
    ck_assert_uint_eq(open.open.attempt, 10);
    /* Not later than ours: it was taken over. */
    ck_assert_int_eq(give_detail(c, WIRE_E_SESSION_REPLACED, 10), 0);
    ck_assert_int_eq(client_doc_state(c->doc), CLIENT_STOPPED);
    c->session = world_session(&w);
    ck_assert_int_eq(client_doc_renew(c->doc, &c->session), 0);
    world_pull(c);
    open = sent(c);
    ck_assert_uint_eq(open.open.attempt, 1);
    world_take(c, &open);
    world_settle(&w);
    /* Nor when it was not our Open that was answered. */
    ck_assert_int_eq(give_detail(c, WIRE_E_SESSION_REPLACED, 9), 0);
    ck_assert_int_eq(client_doc_state(c->doc), CLIENT_STOPPED);
}
END_TEST

START_TEST(errors_of_the_document)
{
    struct world_client *c = live();

    ck_assert_int_eq(world_type(c, 0, "x"), 0);
    bytes_reset(&c->up.bytes);
    ck_assert_int_eq(give_error(c, WIRE_E_SESSION_REPLACED, 0), 0);
    ck_assert_int_eq(client_doc_state(c->doc), CLIENT_STOPPED);
    c->attached = false;
    c->session = world_session(&w);
    ck_assert_int_eq(client_doc_renew(c->doc, &c->session), 0);
    world_pull(c);
    struct wire_client_frame open = sent(c); /* no Close: the error was the end */
    ck_assert(open.type == WIRE_UP_OPEN && !open.open.has_position);
    world_take(c, &open);
    world_settle(&w);
    expect_draft(c, op_bytes(0, "x"), true);
    /* A stop while the connection is gone, and one with nothing pending: the text stays. */
    ck_assert_int_eq(give_error(c, WIRE_E_DENIED, 0), 0);
    c->attached = false;
    world_disconnect(c, false);
    c->session = world_session(&w);
    ck_assert_int_eq(client_doc_renew(c->doc, &c->session), 0);
    world_connect(c);
    open = sent(c);
    ck_assert(open.type == WIRE_UP_OPEN && open.open.has_position);
}
END_TEST

/* --- the rest --- */

START_TEST(readers_only_read)
{
    struct world_client *c = live();
    struct world_client *reader = world_client_add(&w, false);

    world_connect(reader);
    world_settle(&w);
    ck_assert_int_eq(world_type(reader, 0, "x"), -EAGAIN);
    ck_assert_int_eq(world_type(c, 0, "x"), 0);
    world_settle(&w);
    expect_text(client_doc_rope(reader->doc), "x\n");
    ck_assert_uint_eq(reader->changed, 1);
}
END_TEST

START_TEST(edits_that_do_not_fit)
{
    struct world_client *c = live();

    ck_assert_int_eq(world_type(c, 2, "x"), OT_TOO_LONG);
    ck_assert_int_eq(world_type(c, 1, "x"), OT_BREAKS_NEWLINE);
    ck_assert(client_doc_saved(c->doc));
}
END_TEST

/* What is unsent stays below what one op may carry, and goes out when there is an ack. */
START_TEST(unsent_text_is_bounded)
{
    struct world_client *c = live();
    struct bytes page = BYTES_INIT;
    int r = 0, typed = 0;

    for (int i = 0; i < 10000; i++)
        bytes_append_u8(&page, 'p');
    bytes_append_u8(&page, 0);
    world_disconnect(c, false);
    while (!(r = world_type(c, 0, (const char *)page.data)))
        typed++;
    ck_assert_int_eq(r, OT_TOO_LARGE);
    ck_assert(typed > 10 && typed < 26);
    world_connect(c);
    world_settle(&w);
    ck_assert(client_doc_saved(c->doc));
    ck_assert_int_eq(world_type(c, 0, (const char *)page.data), 0);
    world_settle(&w);
    ck_assert_uint_eq(ot_rope_units(doc_rope(w.doc)), (uint64_t)(typed + 1) * 10000 + 1);
    bytes_fini(&page);
}
END_TEST

START_TEST(what_was_saved_comes_back)
{
    struct world_client *c = live(), *other = live();
    struct bytes saved = BYTES_INIT, again = BYTES_INIT;

    ck_assert_int_eq(world_type(c, 0, "a"), 0);
    ck_assert_int_eq(world_type(c, 1, "b"), 0);
    world_disconnect(c, false);
    ck_assert_int_eq(world_type(other, 0, "other "), 0);
    world_settle(&w);
    ck_assert_int_eq(client_doc_save(c->doc, &saved), 0);
    world_reload(c);
    ck_assert_int_eq(client_doc_save(c->doc, &again), 0);
    ck_assert(slice_equal(bytes_slice(&saved), bytes_slice(&again)));
    world_connect(c);
    world_settle(&w);
    expect_text(client_doc_rope(c->doc), "other ab\n");
    ck_assert_uint_eq(c->acked, 2);
    bytes_fini(&saved);
    bytes_fini(&again);
}
END_TEST

/* Typed and taken back before it was sent: nothing is pending, and that can be saved too. */
START_TEST(what_was_taken_back_is_saved)
{
    struct world_client *c = live();
    struct ot_builder builder;
    struct ot_op undo;

    ot_builder_init(&builder, &mem);
    ot_builder_delete(&builder, 1);
    ck_assert_int_eq(ot_builder_finish(&builder, &undo), 0);
    world_disconnect(c, false);
    ck_assert_int_eq(world_type(c, 0, "a"), 0);
    ck_assert(!client_doc_saved(c->doc));
    ck_assert_int_eq(client_doc_edit(c->doc, &undo), 0);
    ck_assert(client_doc_saved(c->doc));
    world_reload(c);
    world_connect(c);
    world_settle(&w);
    expect_text(client_doc_rope(c->doc), "\n");
}
END_TEST

/* Local storage is as good as the machine that it is on. */
START_TEST(damaged_savings_are_refused_or_harmless)
{
    struct world_client *c = live();
    struct bytes saved = BYTES_INIT;
    struct client_events no_events = {0};
    int refused = 0, restored = 0;

    ck_assert_int_eq(world_type(c, 0, "a"), 0);
    ck_assert_int_eq(world_type(c, 1, "b"), 0);
    ck_assert_int_eq(client_doc_save(c->doc, &saved), 0);
    for (size_t i = 0; i < saved.size; i++) {
        for (unsigned flip = 1; flip < 512; flip = flip * 2 + 1) {
            struct client_doc *doc = client_doc_new(w.id, &c->session, w.table, no_events);
            struct slice in = slice_of(saved.data, flip == 511 ? i : saved.size);
            saved.data[i] ^= (uint8_t)(flip == 511 ? 0 : flip);
            int r = client_doc_restore(doc, in);
            ck_assert(r == 0 || r == -EINVAL);
            refused += r != 0;
            restored += r == 0;
            saved.data[i] ^= (uint8_t)(flip == 511 ? 0 : flip);
            client_doc_free(doc);
        }
    }
    ck_assert(refused > 100 && restored > 100);
    bytes_fini(&saved);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("client rules");
    TCase *tc = tcase_create("rules");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, one_of_two_creators_wins);
    tcase_add_test(tc, a_creator_asks_again);
    tcase_add_test(tc, a_creation_outlives_its_session);
    tcase_add_test(tc, accepted_never_applies);
    tcase_add_test(tc, what_is_typed_in_flight_is_one_op);
    tcase_add_test(tc, a_resend_is_the_same_bytes);
    tcase_add_test(tc, an_unasked_opened_resends_nothing);
    tcase_add_test(tc, an_entry_seen_before_is_dropped);
    tcase_add_test(tc, a_gap_is_closed_first);
    tcase_add_test(tc, a_foreign_hash_leads_to_a_resync);
    tcase_add_test(tc, an_own_op_that_came_out_differently);
    tcase_add_test(tc, an_own_record_of_another_seq);
    tcase_add_test(tc, an_op_that_does_not_fit);
    tcase_add_test(tc, a_resync_keeps_the_text_as_a_draft);
    tcase_add_test(tc, a_snapshot_with_unsent_text);
    tcase_add_test(tc, chunks_that_do_not_fit);
    tcase_add_test(tc, ops_that_do_not_reach);
    tcase_add_test(tc, errors_of_an_op);
    tcase_add_test(tc, a_passing_error_waits);
    tcase_add_test(tc, a_later_attempt_is_known);
    tcase_add_test(tc, errors_of_the_document);
    tcase_add_test(tc, readers_only_read);
    tcase_add_test(tc, edits_that_do_not_fit);
    tcase_add_test(tc, unsent_text_is_bounded);
    tcase_add_test(tc, what_was_saved_comes_back);
    tcase_add_test(tc, what_was_taken_back_is_saved);
    tcase_add_test(tc, damaged_savings_are_refused_or_harmless);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
