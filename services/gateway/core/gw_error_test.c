/* What clients are told when they cannot have what they ask, or not yet. */
#include <stdio.h>

#include "gw_case_test.h"

START_TEST(test_open_errors)
{
    struct wire_client_frame open = open_frame(1);
    uint8_t bad[] = {'x', 1}, large[WIRE_DOC_SIZE_MAX + 1];

    fake_welcome(&f, &a, GW_PROTO);
    open.open.doc = slice_of(bad, 2);
    fake_up(&a, open);
    fake_expect_error(&f, &a, WIRE_E_BAD_DOC_ID);
    ck_assert_uint_eq(gw_core_counters(f.core)->limit_doc_id, 0);
    memset(large, 'x', sizeof large);
    open.open.doc = slice_of(large, sizeof large);
    fake_up(&a, open);
    fake_expect_error(&f, &a, WIRE_E_BAD_DOC_ID);
    ck_assert_uint_eq(gw_core_counters(f.core)->limit_doc_id, 1);
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
    ck_assert_uint_eq(gw_core_counters(f.core)->limit_op, 1);
    ck_assert_uint_eq(gw_core_counters(f.core)->limit_title, 0);
    submit = submit_frame(1, 3, large);
    submit.submit.kind = WIRE_KIND_TITLE;
    fake_up(&a, submit);
    fake_expect_error(&f, &a, WIRE_E_BAD_TITLE);
    ck_assert_uint_eq(gw_core_counters(f.core)->limit_op, 1);
    ck_assert_uint_eq(gw_core_counters(f.core)->limit_title, 1);
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

int main(void)
{
    const TTest *const started[] = {test_open_errors, test_submit_errors, test_retry_later};

    return case_run("gateway errors", started, CASE_COUNT(started), NULL, 0);
}
