#include "gw_case_test.h"

struct fake f;
struct fake_conn a, b, c, d;

struct chain_position pos(uint64_t rev)
{
    struct chain_position p = {.rev = rev};

    memset(p.hash, (int)rev + 1, sizeof p.hash);
    return p;
}

struct wire_session session(uint8_t n)
{
    struct wire_session s;

    memset(s.id, n, sizeof s.id);
    return s;
}

struct wire_client_frame open_frame(uint8_t session_number)
{
    struct wire_client_frame frame = {.type = WIRE_UP_OPEN, .open = {.doc = DOC}};

    frame.open.has_session = session_number != 0;
    frame.open.session = session(session_number);
    frame.open.attempt = 100u + session_number;
    return frame;
}

struct wire_client_frame submit_frame(uint64_t seq, uint64_t base_rev, const char *body)
{
    struct wire_client_frame frame = {.type = WIRE_UP_SUBMIT};

    frame.submit = (struct wire_submit){.doc = DOC,
                                        .seq = seq,
                                        .base = pos(base_rev),
                                        .kind = WIRE_KIND_EDIT,
                                        .body = slice_str(body)};
    return frame;
}

void opened(uint64_t boot, uint64_t attachment, enum wire_opened_outcome outcome, uint64_t rev,
            uint64_t last_seq, struct slice payload)
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

void author_of(uint8_t session_number, uint8_t ret[WIRE_AUTHOR_SIZE])
{
    struct wire_session s = session(session_number);

    crypto_author_id(DOC, s.id, ret);
}

void entry(uint64_t boot, uint64_t rev, uint8_t session_number, uint64_t seq)
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

void refused(uint64_t boot, uint64_t attachment, uint64_t seq, uint32_t code)
{
    struct wire_to_gateway item = {.type = WIRE_TO_GATEWAY_REFUSED};

    item.refused.attachment = attachment;
    item.refused.seq = seq;
    item.refused.code = code;
    item.refused.detail = 7;
    fake_down(&f, boot, &item);
}

void head(uint64_t boot, uint64_t rev)
{
    struct wire_head h = {.doc = DOC, .position = pos(rev)};
    struct bytes out = BYTES_INIT;

    wire_heads_encode(&h, 1, &out);
    ck_assert(gw_core_heads(f.core, boot, bytes_slice(&out)));
    bytes_fini(&out);
}

uint64_t join(struct fake_conn *conn, enum gw_variant variant, uint8_t session_number, uint64_t rev)
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

void all_gone(void)
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

int case_run(const char *name, const TTest *const *started, size_t started_count,
             const TTest *const *others, size_t other_count)
{
    Suite *suite = suite_create(name);
    TCase *tc = tcase_create("started"), *own = tcase_create("own start");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, NULL);
    for (size_t i = 0; i < started_count; i++)
        tcase_add_test(tc, started[i]);
    suite_add_tcase(suite, tc);
    for (size_t i = 0; i < other_count; i++)
        tcase_add_test(own, others[i]);
    suite_add_tcase(suite, own);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
