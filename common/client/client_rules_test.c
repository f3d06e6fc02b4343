/* The rules one by one: creation, the op in flight, edits, errors. */
#include <errno.h>

#include "client_rules_help_test.h"
#include "ot_codec.h"
#include "wire_error.h"

/* --- creation --- */

START_TEST(one_of_two_creators_wins)
{
    struct world_client *a = world_client_add(&rules.world, true),
                        *b = world_client_add(&rules.world, true);

    ck_assert_int_eq(world_type(a, 0, "x"), -EAGAIN); /* no text yet */
    ck_assert_int_eq(client_doc_create(a->doc, WIRE_DOC_RICH, &rules_newline), 0);
    ck_assert_int_eq(client_doc_create(b->doc, WIRE_DOC_RICH, &rules_newline), 0);
    ck_assert_int_eq(world_type(a, 0, "from a"), 0);
    ck_assert_int_eq(world_type(b, 0, "from b"), 0);
    ck_assert(!client_doc_saved(a->doc));
    world_connect(a);
    world_connect(b);
    world_settle(&rules.world);
    rules_expect_text(client_doc_rope(a->doc), "from a\n");
    rules_expect_text(client_doc_rope(b->doc), "from a\n");
    ck_assert_uint_eq(a->replaced, 0);
    ck_assert_uint_eq(a->acked, 1);
    ck_assert(client_doc_saved(a->doc) && client_doc_saved(b->doc));
    /* All of the loser's is the draft, its own content too; its session goes on. */
    rules_expect_draft(b, rules_insert(0, "from b\n"), false);
    ck_assert_int_eq(world_type(b, 0, "b: "), 0);
    world_settle(&rules.world);
    rules_expect_text(client_doc_rope(a->doc), "b: from a\n");
}
END_TEST

/* The answer to a create is lost; when it asks again the document is there, and others typed. */
START_TEST(a_creator_asks_again)
{
    struct world_client *a = world_client_add(&rules.world, true);

    ck_assert_int_eq(client_doc_create(a->doc, WIRE_DOC_RICH, &rules_newline), 0);
    ck_assert_int_eq(world_type(a, 0, "a"), 0);
    world_connect(a);
    ck_assert(world_deliver_up(a));
    world_disconnect(a, false);
    struct world_client *b = rules_live();
    ck_assert_int_eq(world_type(b, 0, "b"), 0);
    world_settle(&rules.world);
    world_reload(a);
    world_connect(a);
    world_settle(&rules.world);
    ck_assert_uint_eq(a->replaced, 0);
    rules_expect_text(client_doc_rope(a->doc), "ba\n");
    rules_expect_text(client_doc_rope(b->doc), "ba\n");
}
END_TEST

/* A creation of long ago goes on under a new session. */
START_TEST(a_creation_outlives_its_session)
{
    struct world_client *a = world_client_add(&rules.world, true);

    ck_assert_int_eq(client_doc_create(a->doc, WIRE_DOC_RICH, &rules_newline), 0);
    ck_assert_int_eq(world_type(a, 0, "a"), 0);
    rules.world.now_ms += DOC_SESSION_KEEP_MS + 1000;
    world_connect(a);
    world_settle(&rules.world);
    ck_assert_int_eq(client_doc_state(a->doc), CLIENT_STOPPED);
    ck_assert_uint_eq(client_doc_error(a->doc), WIRE_E_SESSION_EXPIRED);
    ck_assert_int_eq(world_type(a, 0, "x"), -EAGAIN);
    a->session = world_session(&rules.world);
    ck_assert_int_eq(client_doc_renew(a->doc, &a->session), 0);
    world_settle(&rules.world);
    ck_assert(client_doc_saved(a->doc));
    rules_expect_text(doc_rope(rules.world.doc), "a\n");
}
END_TEST

/* --- the op in flight --- */

START_TEST(accepted_never_applies)
{
    struct world_client *c = rules_live();
    struct wire_server_frame accepted = {.type = WIRE_DOWN_ACCEPTED,
                                         .accepted = {.doc = rules.world.id, .seq = 1, .rev = 2}};

    ck_assert_int_eq(world_type(c, 0, "x"), 0);
    ck_assert_int_eq(world_give(c, &accepted), 0); /* before the entry */
    ck_assert(client_doc_in_flight(c->doc));
    world_settle(&rules.world);
    ck_assert_uint_eq(c->acked, 1);
    ck_assert_int_eq(world_give(c, &accepted), 0); /* and behind it */
    rules_expect_text(client_doc_rope(c->doc), "x\n");
    ck_assert(client_doc_saved(c->doc));
}
END_TEST

START_TEST(what_is_typed_in_flight_is_one_op)
{
    struct world_client *c = rules_live();

    ck_assert_int_eq(world_type(c, 0, "a"), 0);
    ck_assert_int_eq(world_type(c, 1, "b"), 0);
    ck_assert_int_eq(world_type(c, 2, "c"), 0);
    struct wire_client_frame first = rules_sent(c);
    ck_assert(first.type == WIRE_UP_SUBMIT && first.submit.seq == 1);
    ck_assert(slice_equal(first.submit.body, rules_insert(0, "a")));
    world_take(c, &first);
    world_commit(&rules.world);
    ck_assert(world_deliver_down(c));
    struct wire_client_frame second = rules_sent(c);
    ck_assert_uint_eq(second.submit.seq, 2);
    ck_assert(slice_equal(second.submit.body, rules_insert(1, "bc")));
    struct chain_position head = doc_position(rules.world.doc);
    ck_assert(chain_position_equal(&second.submit.base, &head));
}
END_TEST

/* Lost on the way up, then others type: it goes out again as it was, with its old base. */
START_TEST(a_resend_is_the_same_bytes)
{
    struct world_client *c = rules_live(), *other = rules_live();

    ck_assert_int_eq(world_type(c, 0, "x"), 0);
    struct wire_client_frame first = rules_sent(c), again;
    world_disconnect(c, false);
    ck_assert_int_eq(world_type(other, 0, "before "), 0);
    world_settle(&rules.world);
    world_connect(c);
    ck_assert(world_deliver_up(c));
    while (world_deliver_down(c))
        ;
    again = rules_sent(c);
    ck_assert(again.type == WIRE_UP_SUBMIT && again.submit.seq == 1);
    ck_assert(slice_equal(again.submit.body, first.submit.body));
    ck_assert(chain_position_equal(&again.submit.base, &first.submit.base));
    rules_expect_text(client_doc_rope(c->doc), "before x\n");
    world_take(c, &again);
    world_settle(&rules.world);
    rules_expect_text(doc_rope(rules.world.doc), "before x\n");
    ck_assert_uint_eq(c->acked, 1);
}
END_TEST

/* The gateway resends by itself when it has moved the document: an unasked Opened resends nothing.
 */
START_TEST(an_unasked_opened_resends_nothing)
{
    struct world_client *c = rules_live(), *other = rules_live();

    ck_assert_int_eq(world_type(c, 0, "x"), 0);
    struct wire_client_frame frame = rules_sent(c);
    c->lagging = true;
    ck_assert_int_eq(world_type(other, 0, "y"), 0);
    while (world_deliver_up(other))
        ;
    world_commit(&rules.world);
    world_open_unasked(c);
    while (world_deliver_down(c))
        ;
    ck_assert_uint_eq(rules_sent(c).type, 0);
    rules_expect_text(client_doc_rope(c->doc), "yx\n");
    world_take(c, &frame);
    world_settle(&rules.world);
    rules_expect_text(doc_rope(rules.world.doc), "yx\n");
}
END_TEST

/* --- edits --- */

START_TEST(readers_only_read)
{
    struct world_client *c = rules_live();
    struct world_client *reader = world_client_add(&rules.world, false);

    world_connect(reader);
    world_settle(&rules.world);
    ck_assert_int_eq(world_type(reader, 0, "x"), -EAGAIN);
    ck_assert_int_eq(world_type(c, 0, "x"), 0);
    world_settle(&rules.world);
    rules_expect_text(client_doc_rope(reader->doc), "x\n");
    ck_assert_uint_eq(reader->changed, 1);
}
END_TEST

START_TEST(edits_that_do_not_fit)
{
    struct world_client *c = rules_live();

    ck_assert_int_eq(world_type(c, 2, "x"), OT_TOO_LONG);
    ck_assert_int_eq(world_type(c, 1, "x"), OT_BREAKS_NEWLINE);
    ck_assert(client_doc_saved(c->doc));
}
END_TEST

/* What is unsent stays below what one op may carry, and goes out when there is an ack. */
START_TEST(unsent_text_is_bounded)
{
    struct world_client *c = rules_live();
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
    world_settle(&rules.world);
    ck_assert(client_doc_saved(c->doc));
    ck_assert_int_eq(world_type(c, 0, (const char *)page.data), 0);
    world_settle(&rules.world);
    ck_assert_uint_eq(ot_rope_units(doc_rope(rules.world.doc)), (uint64_t)(typed + 1) * 10000 + 1);
    bytes_fini(&page);
}
END_TEST

/* --- errors by scope --- */

static int give_detail(struct world_client *c, uint32_t code, uint64_t detail)
{
    return rules_give(c, code, detail, 0);
}

START_TEST(errors_of_an_op)
{
    struct world_client *c = rules_live();

    ck_assert_int_eq(world_type(c, 0, "x"), 0);
    ck_assert_int_eq(world_type(c, 1, "y"), 0);
    bytes_reset(&c->up.bytes);
    ck_assert_int_eq(rules_error(c, WIRE_E_PRESENCE_TOO_LARGE, 0), 0);
    ck_assert_int_eq(rules_error(c, WIRE_E_BAD_OP, 7), 0);
    ck_assert_int_eq(rules_error(c, WIRE_E_TOO_FAST, 0), 0);
    ck_assert_int_eq(client_doc_state(c->doc), CLIENT_LIVE);
    ck_assert_int_eq(rules_error(c, WIRE_E_BAD_OP, 1), 0);
    ck_assert_int_eq(client_doc_state(c->doc), CLIENT_STOPPED);
    ck_assert_uint_eq(client_doc_error(c->doc), WIRE_E_BAD_OP);
    ck_assert_uint_eq(rules_sent(c).type, 0);
    c->session = world_session(&rules.world);
    ck_assert_int_eq(client_doc_renew(c->doc, &c->session), 0);
    world_pull(c);
    struct wire_client_frame close = rules_sent(c); /* it is open there still */
    ck_assert_uint_eq(close.type, WIRE_UP_CLOSE);
    world_take(c, &close);
    world_settle(&rules.world);
    ck_assert_int_eq(client_doc_state(c->doc), CLIENT_LIVE);
    rules_expect_draft(c, rules_insert(0, "xy"), true);
}
END_TEST

START_TEST(a_passing_error_waits)
{
    struct world_client *c = rules_live();

    ck_assert_int_eq(world_type(c, 0, "x"), 0);
    struct wire_client_frame submit = rules_sent(c);
    ck_assert_int_eq(rules_error(c, WIRE_E_RETRY_LATER, 0), 0);
    ck_assert_int_eq(client_doc_state(c->doc), CLIENT_OPENING);
    ck_assert_uint_eq(rules_sent(c).type, 0);
    c->attached = false;
    world_take(c, &submit); /* crossed the end: not-open, to be ignored */
    ck_assert(world_deliver_down(c));
    ck_assert_uint_eq(rules_sent(c).type, 0);
    client_doc_retry(c->doc);
    world_pull(c);
    struct wire_client_frame open = rules_sent(c);
    ck_assert_uint_eq(open.type, WIRE_UP_OPEN);
    ck_assert_int_eq(rules_error(c, WIRE_E_NOT_OPEN, 1), 0); /* the same, later still */
    ck_assert_uint_eq(rules_sent(c).type, 0);
    world_take(c, &open);
    world_settle(&rules.world);
    ck_assert(client_doc_saved(c->doc));
    rules_expect_text(doc_rope(rules.world.doc), "x\n");
}
END_TEST

/* The saved state was older than the last Open that went out with this session. */
START_TEST(a_later_attempt_is_known)
{
    struct world_client *c = rules_live();

    world_disconnect(c, false);
    world_connect(c);
    struct wire_client_frame open = rules_sent(c);
    ck_assert_uint_eq(open.open.attempt, 2);
    ck_assert_int_eq(give_detail(c, WIRE_E_SESSION_REPLACED, 9), 0);
    ck_assert_int_eq(client_doc_state(c->doc), CLIENT_OPENING);
    open = rules_sent(c);
    ck_assert_uint_eq(open.open.attempt, 10);
    /* Not later than ours: it was taken over. */
    ck_assert_int_eq(give_detail(c, WIRE_E_SESSION_REPLACED, 10), 0);
    ck_assert_int_eq(client_doc_state(c->doc), CLIENT_STOPPED);
    c->session = world_session(&rules.world);
    ck_assert_int_eq(client_doc_renew(c->doc, &c->session), 0);
    world_pull(c);
    open = rules_sent(c);
    ck_assert_uint_eq(open.open.attempt, 1);
    world_take(c, &open);
    world_settle(&rules.world);
    /* Nor when it was not our Open that was answered. */
    ck_assert_int_eq(give_detail(c, WIRE_E_SESSION_REPLACED, 9), 0);
    ck_assert_int_eq(client_doc_state(c->doc), CLIENT_STOPPED);
}
END_TEST

START_TEST(errors_of_the_document)
{
    struct world_client *c = rules_live();

    ck_assert_int_eq(world_type(c, 0, "x"), 0);
    bytes_reset(&c->up.bytes);
    ck_assert_int_eq(rules_error(c, WIRE_E_SESSION_REPLACED, 0), 0);
    ck_assert_int_eq(client_doc_state(c->doc), CLIENT_STOPPED);
    c->attached = false;
    c->session = world_session(&rules.world);
    ck_assert_int_eq(client_doc_renew(c->doc, &c->session), 0);
    world_pull(c);
    struct wire_client_frame open = rules_sent(c); /* no Close: the error was the end */
    ck_assert(open.type == WIRE_UP_OPEN && !open.open.has_position);
    world_take(c, &open);
    world_settle(&rules.world);
    rules_expect_draft(c, rules_insert(0, "x"), true);
    /* A stop while the connection is gone, and one with nothing pending: the text stays. */
    ck_assert_int_eq(rules_error(c, WIRE_E_DENIED, 0), 0);
    c->attached = false;
    world_disconnect(c, false);
    c->session = world_session(&rules.world);
    ck_assert_int_eq(client_doc_renew(c->doc, &c->session), 0);
    world_connect(c);
    open = rules_sent(c);
    ck_assert(open.type == WIRE_UP_OPEN && open.open.has_position);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, one_of_two_creators_wins);
    tcase_add_test(tc, a_creator_asks_again);
    tcase_add_test(tc, a_creation_outlives_its_session);
    tcase_add_test(tc, accepted_never_applies);
    tcase_add_test(tc, what_is_typed_in_flight_is_one_op);
    tcase_add_test(tc, a_resend_is_the_same_bytes);
    tcase_add_test(tc, an_unasked_opened_resends_nothing);
    tcase_add_test(tc, readers_only_read);
    tcase_add_test(tc, edits_that_do_not_fit);
    tcase_add_test(tc, unsent_text_is_bounded);
    tcase_add_test(tc, errors_of_an_op);
    tcase_add_test(tc, a_passing_error_waits);
    tcase_add_test(tc, a_later_attempt_is_known);
    tcase_add_test(tc, errors_of_the_document);
}

int main(void)
{
    return rules_main("client rules", add);
}
