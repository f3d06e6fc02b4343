/* What does not follow from what the client holds: entries, snapshots, runs. */
#include "client_rules_help_test.h"
#include "wire_error.h"

static struct wire_server_frame entry_frame(struct chain_position before,
                                            struct wire_client_record *record)
{
    struct wire_server_frame frame = {.type = WIRE_DOWN_ENTRY,
                                      .entry = {.doc = rules.world.id,
                                                .first_rev = before.rev + 1,
                                                .last_rev = before.rev + 1,
                                                .records = record,
                                                .count = 1}};
    memcpy(frame.entry.hash_before, before.hash, CHAIN_HASH_SIZE);
    frame.entry.hash_after[0] = 99;
    return frame;
}

/* --- entries that do not follow --- */

START_TEST(an_entry_seen_before_is_dropped)
{
    struct world_client *c = rules_live(), *other = rules_live();
    struct chain_position before = doc_position(rules.world.doc);
    struct wire_client_record record = {
        .has_author = true, .seq = 1, .kind = WIRE_KIND_EDIT, .count = 1};

    ck_assert_int_eq(world_type(other, 0, "y"), 0);
    world_settle(&rules.world);
    record.body = rules_insert(0, "y");
    struct wire_server_frame again = entry_frame(before, &record);
    ck_assert_int_eq(world_give(c, &again), 0);
    rules_expect_text(client_doc_rope(c->doc), "y\n");
    ck_assert_int_eq(client_doc_state(c->doc), CLIENT_LIVE);
}
END_TEST

/* A gap: Close, then nothing counts until Closed, then Open with the position. */
START_TEST(a_gap_is_closed_first)
{
    struct world_client *c = rules_live(), *other = rules_live();
    struct chain_position at = client_doc_position(c->doc), ahead = {.rev = at.rev + 5};
    struct wire_client_record record = {.kind = WIRE_KIND_EDIT, .count = 1};
    struct wire_server_frame crossing = {.type = WIRE_DOWN_OPENED,
                                         .opened = {.outcome = WIRE_OPENED_UP_TO_DATE}};
    struct wire_server_frame closed = {.type = WIRE_DOWN_CLOSED};

    ck_assert_int_eq(world_type(c, 0, "x"), 0);
    struct wire_client_frame first = rules_sent(c);
    record.body = rules_insert(0, "z");
    struct wire_server_frame gap = entry_frame(ahead, &record);
    ck_assert_int_eq(world_give(c, &gap), CLIENT_DIVERGED);
    world_pull(c);
    ck_assert_uint_eq(rules_sent(c).type, WIRE_UP_CLOSE);
    ck_assert_int_eq(world_give(c, &gap), 0);
    ck_assert_int_eq(world_give(c, &crossing), 0);
    ck_assert_int_eq(rules_error(c, WIRE_E_RETRY_LATER, 0), 0);
    ck_assert_uint_eq(rules_sent(c).type, 0);
    ck_assert_int_eq(world_give(c, &closed), 0);
    c->attached = false;
    world_pull(c);
    struct wire_client_frame open = rules_sent(c);
    ck_assert(open.type == WIRE_UP_OPEN && open.open.has_position);
    ck_assert(chain_position_equal(&open.open.position, &at));
    ck_assert_int_eq(world_give(c, &closed), 0); /* a second one changes nothing */
    ck_assert_int_eq(world_type(other, 0, "y"), 0);
    while (world_deliver_up(other))
        ;
    world_commit(&rules.world);
    world_take(c, &open);
    while (world_deliver_down(c))
        ;
    struct wire_client_frame again = rules_sent(c);
    ck_assert(slice_equal(again.submit.body, first.submit.body));
    world_take(c, &again);
    world_settle(&rules.world);
    rules_expect_text(client_doc_rope(c->doc), "yx\n");
    ck_assert_uint_eq(c->replaced, 1); /* the first text */
}
END_TEST

/* The same revision, another hash: the history is another one. */
START_TEST(a_foreign_hash_leads_to_a_resync)
{
    struct world_client *c = rules_live();
    struct chain_position other = client_doc_position(c->doc);
    struct wire_client_record record = {
        .kind = WIRE_KIND_EDIT, .count = 1, .body = rules_insert(0, "z")};

    ck_assert_int_eq(world_type(c, 0, "x"), 0);
    other.hash[3] ^= 1;
    struct wire_server_frame foreign = entry_frame(other, &record);
    ck_assert_int_eq(world_give(c, &foreign), CLIENT_DIVERGED);
    rules_expect_text(client_doc_rope(c->doc), "x\n"); /* not applied */
    bytes_reset(&c->up.bytes);                         /* and the server has lost our op */
    world_settle(&rules.world);
    rules_expect_text(client_doc_rope(c->doc), "x\n");
    ck_assert(client_doc_saved(c->doc));
}
END_TEST

START_TEST(an_own_op_that_came_out_differently)
{
    struct world_client *c = rules_live();
    struct chain_position at = client_doc_position(c->doc);
    struct wire_client_record record = {.has_author = true,
                                        .seq = 1,
                                        .kind = WIRE_KIND_EDIT,
                                        .count = 1,
                                        .body = rules_insert(0, "other")};

    ck_assert_int_eq(world_type(c, 0, "x"), 0);
    client_doc_author(c->doc, record.author);
    struct wire_server_frame own = entry_frame(at, &record);
    ck_assert_int_eq(world_give(c, &own), CLIENT_DIVERGED);
    ck_assert_uint_eq(c->acked, 0);
    bytes_reset(&c->up.bytes);
    world_pull(c);
    world_settle(&rules.world);
    /* Its op is a draft that may be in; only a new session is safe. */
    ck_assert_int_eq(client_doc_state(c->doc), CLIENT_STOPPED);
    rules_expect_draft(c, rules_insert(0, "x"), true);
    c->session = world_session(&rules.world);
    ck_assert_int_eq(client_doc_renew(c->doc, &c->session), 0);
    world_settle(&rules.world);
    ck_assert_int_eq(client_doc_state(c->doc), CLIENT_LIVE);
    ck_assert_uint_eq(client_doc_seq(c->doc), 0);
}
END_TEST

/* The same bytes under another seq are not the answer to this op: an ack is by name (I5). */
START_TEST(an_own_record_of_another_seq)
{
    struct world_client *c = rules_live();
    struct chain_position at = client_doc_position(c->doc);
    struct wire_client_record record = {
        .has_author = true, .seq = 2, .kind = WIRE_KIND_EDIT, .count = 1};

    ck_assert_int_eq(world_type(c, 0, "x"), 0);
    ck_assert_uint_eq(rules_sent(c).submit.seq, 1);
    client_doc_author(c->doc, record.author);
    record.body = rules_insert(0, "x");
    struct wire_server_frame own = entry_frame(at, &record);
    ck_assert_int_eq(world_give(c, &own), CLIENT_DIVERGED);
    ck_assert_uint_eq(c->acked, 0);
}
END_TEST

/* A foreign op that does not fit leaves what is pending whole: it becomes the draft. */
START_TEST(an_op_that_does_not_fit)
{
    struct world_client *c = rules_live();
    struct wire_client_record record = {
        .kind = WIRE_KIND_EDIT, .count = 1, .body = rules_insert(1000, "z")};

    ck_assert_int_eq(world_type(c, 0, "a"), 0);
    ck_assert_int_eq(world_type(c, 1, "b"), 0);
    struct wire_server_frame entry = entry_frame(client_doc_position(c->doc), &record);
    ck_assert_int_eq(world_give(c, &entry), CLIENT_DIVERGED);
    bytes_reset(&c->up.bytes);
    world_pull(c);
    world_settle(&rules.world);
    rules_expect_draft(c, rules_insert(0, "ab"), true);
}
END_TEST

/* --- snapshots --- */

START_TEST(a_resync_keeps_the_text_as_a_draft)
{
    struct world_client *c = rules_live();

    ck_assert_int_eq(world_type(c, 0, "x"), 0);
    ck_assert_int_eq(world_type(c, 1, "y"), 0);
    world_disconnect(c, false);
    rules.world.revisions[0].hash[0] ^= 1; /* the history is not the one that it knew */
    world_connect(c);
    while (world_deliver_up(c) || world_deliver_down(c))
        ;
    ck_assert_int_eq(client_doc_state(c->doc), CLIENT_STOPPED);
    ck_assert_uint_eq(client_doc_error(c->doc), WIRE_E_SESSION_CLOSED);
    rules_expect_draft(c, rules_insert(0, "xy"), true);
    rules_expect_text(client_doc_rope(c->doc), "\n");
    rules.world.revisions[0].hash[0] ^= 1;
    c->session = world_session(&rules.world);
    ck_assert_int_eq(client_doc_renew(c->doc, &c->session), 0);
    world_settle(&rules.world);
    ck_assert_int_eq(client_doc_state(c->doc), CLIENT_LIVE);
    ck_assert_int_eq(world_type(c, 0, "z"), 0);
    world_settle(&rules.world);
    rules_expect_text(doc_rope(rules.world.doc), "z\n");
}
END_TEST

/* What was never sent needs no new session. */
START_TEST(a_snapshot_with_unsent_text)
{
    struct world_client *c = rules_live();

    world_disconnect(c, false);
    ck_assert_int_eq(world_type(c, 0, "offline"), 0);
    rules.world.snapshot_percent = 100;
    world_connect(c);
    world_settle(&rules.world);
    ck_assert_int_eq(client_doc_state(c->doc), CLIENT_LIVE);
    rules_expect_draft(c, rules_insert(0, "offline"), false);
    rules_expect_text(client_doc_rope(c->doc), "\n");
    world_disconnect(c, false);
    world_connect(c);
    world_settle(&rules.world);
    rules_expect_draft(c, (struct slice){0}, false); /* nothing pending, nothing lost */
}
END_TEST

START_TEST(chunks_that_do_not_fit)
{
    static const struct {
        uint64_t offset;
        size_t size;
    } bad[] = {{0, 1}, {3, 1}, {2, 9}};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct world_client *c = rules_live();
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
        world_settle(&rules.world);
        ck_assert_int_eq(client_doc_state(c->doc), CLIENT_LIVE);
        opened.opened.payload_bytes = UINT64_MAX;
        ck_assert_int_eq(world_give(c, &opened), CLIENT_DIVERGED);
        world_settle(&rules.world);
        ck_assert_int_eq(client_doc_state(c->doc), CLIENT_LIVE);
    }
}
END_TEST

/* OPS that lead elsewhere than the answer says are not applied. */
START_TEST(ops_that_do_not_reach)
{
    struct world_client *c = rules_live();
    struct wire_client_record record = {
        .kind = WIRE_KIND_EDIT, .count = 3, .body = rules_insert(0, "z")};
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
    rules_expect_text(client_doc_rope(c->doc), "\n");
    ck_assert_int_eq(world_type(c, 0, "kept"), 0);
    world_settle(&rules.world);
    rules_expect_text(doc_rope(rules.world.doc), "kept\n");
    bytes_fini(&payload);
}
END_TEST

static void add(TCase *tc)
{
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
}

int main(void)
{
    return rules_main("client follow", add);
}
