/* What is bounded, and what is damaged. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "doc_help_test.h"
#include "ot_codec.h"
#include "wire_error.h"

static struct ot_attrs_table *table;

static void setup(void)
{
    ck_assert_int_eq(crypto_init(), 0);
    table = ot_attrs_table_new(1u << 20);
}

static void teardown(void)
{
    ot_attrs_table_free(table);
}

static struct doc *created(void)
{
    struct doc *doc = doc_new(slice_str("d"), table);
    struct bytes payload = BYTES_INIT;

    document_create(doc, &payload);
    bytes_fini(&payload);
    return doc;
}

static struct doc *copy_of(const struct doc *doc)
{
    struct doc *copy = doc_new(slice_str("d"), table);
    struct bytes snapshot = BYTES_INIT;

    ck_assert_int_eq(doc_snapshot_save(doc, &snapshot), 0);
    ck_assert_int_eq(doc_snapshot_load(copy, bytes_slice(&snapshot)), 0);
    ck_assert(doc_equal(copy, doc));
    bytes_fini(&snapshot);
    return copy;
}

/* --- sessions --- */

static void title_add(struct doc *doc, const struct wire_session *session, uint64_t seq)
{
    struct wire_record title = record_of(WIRE_KIND_TITLE, session, seq, slice_str("t"));
    MUST(doc_draft_add(doc, &title) == 0);
}

static void expect_session(const struct doc *doc, const struct wire_session *session,
                           enum doc_admission admission)
{
    uint64_t last_seq;
    ck_assert_int_eq(doc_session_open(doc, session, NOW_MS, &last_seq), admission);
}

/* Sessions 0 to MAX - 1 in one entry; each is created 1 ms before the one ahead of it. */
START_TEST(the_oldest_results_give_way)
{
    struct doc *doc = created();
    struct bytes payload = BYTES_INIT;
    struct wire_session fresh[2] = {session_of(NOW_MS + 1, 1), session_of(NOW_MS + 2, 2)};
    struct wire_session first = session_of(NOW_MS, 0), second = session_of(NOW_MS - 1, 1);
    struct wire_session third = session_of(NOW_MS - 2, 2);
    struct wire_session unknown_new = session_of(NOW_MS + 1, 77);
    struct wire_session unknown_old = session_of(NOW_MS, 77);

    doc_draft_begin(doc);
    for (uint64_t i = 0; i < DOC_SESSION_COUNT_MAX; i++) {
        struct wire_session session = session_of(NOW_MS - i, i);
        title_add(doc, &session, 1);
    }
    ck_assert_int_eq(doc_draft_finish(doc, NOW_MS, &payload), 0);
    expect_session(doc, &first, DOC_ADMIT);
    expect_session(doc, &unknown_old, DOC_ADMIT);

    /* One more: the result that was touched longest ago goes, though its session is the newest. */
    doc_draft_begin(doc);
    title_add(doc, &fresh[0], 1);
    title_add(doc, &second, 2); /* touched again: it stays */
    ck_assert_int_eq(doc_draft_finish(doc, NOW_MS, &payload), 0);
    expect_session(doc, &first, DOC_SESSION_EXPIRED);
    expect_session(doc, &second, DOC_ADMIT);
    expect_session(doc, &third, DOC_ADMIT);
    expect_session(doc, &unknown_old, DOC_SESSION_EXPIRED); /* might have been the evicted one */
    expect_session(doc, &unknown_new, DOC_ADMIT);

    /* The next to go is older than the mark, which stays where it was. */
    doc_draft_begin(doc);
    title_add(doc, &fresh[1], 1);
    ck_assert_int_eq(doc_draft_finish(doc, NOW_MS, &payload), 0);
    expect_session(doc, &third, DOC_SESSION_EXPIRED);
    expect_session(doc, &unknown_old, DOC_SESSION_EXPIRED);
    expect_session(doc, &unknown_new, DOC_ADMIT);

    doc_free(copy_of(doc)); /* the mark is in the snapshot */
    bytes_fini(&payload);
    doc_free(doc);
}
END_TEST

/* What the log says is what a reader has: evictions too. */
START_TEST(a_reader_evicts_the_same)
{
    struct doc *maker = created(), *reader = copy_of(maker);
    uint64_t now_ms = NOW_MS;

    for (uint64_t i = 0; i < 40; i++) {
        struct bytes payload = BYTES_INIT;
        struct wire_session session = session_of(now_ms - (i % 3) * 1000, i / 2);
        now_ms += DOC_SESSION_KEEP_MS / 7;
        doc_draft_begin(maker);
        title_add(maker, &session, i % 2 + 1);
        ck_assert_int_eq(doc_draft_finish(maker, now_ms, &payload), 0);
        struct chain_position at = doc_position(maker);
        ck_assert_int_eq(doc_entry_apply(reader, bytes_slice(&payload), &at), 0);
        ck_assert(doc_equal(maker, reader));
        bytes_fini(&payload);
    }
    struct wire_session early = session_of(NOW_MS, 0);
    expect_session(reader, &early, DOC_SESSION_EXPIRED);
    doc_free(maker);
    doc_free(reader);
}
END_TEST

START_TEST(seq_0_is_never_admitted)
{
    struct doc *doc = created();
    struct wire_session session = session_of(NOW_MS, 5);
    uint8_t digest[WIRE_DIGEST_SIZE] = {0};
    uint64_t detail;
    struct wire_record title = record_of(WIRE_KIND_TITLE, &session, 0, slice_str("t"));

    ck_assert_int_eq(doc_admit(doc, &session, 0, digest, NOW_MS, &detail), DOC_SEQ_OLD);
    doc_draft_begin(doc);
    ck_assert_int_eq(doc_draft_add(doc, &title), DOC_BAD_RECORD);
    title.seq = 1;
    title.doc_kind = WIRE_DOC_TEXT;
    ck_assert_int_eq(doc_draft_add(doc, &title), DOC_BAD_RECORD);
    ck_assert_uint_eq(doc_draft_count(doc), 0);
    expect_session(doc, &session, DOC_ADMIT);
    doc_free(doc);
}
END_TEST

/* --- permissions --- */

static int permission_add(struct doc *doc, uint64_t seq, struct slice subject, enum wire_role role)
{
    struct wire_session session = session_of(NOW_MS, 9);
    struct wire_permission permission = {.subject = subject, .role = role};
    struct bytes body = BYTES_INIT;

    wire_permission_encode(&permission, &body);
    struct wire_record record = record_of(WIRE_KIND_PERMISSION, &session, seq, bytes_slice(&body));
    int r = doc_draft_add(doc, &record);
    bytes_fini(&body);
    return r;
}

START_TEST(roles)
{
    struct doc *doc = created();
    struct bytes payload = BYTES_INIT;
    struct slice everybody = {0};
    char long_subject[WIRE_SUBJECT_BYTES_MAX + 1];

    memset(long_subject, 's', sizeof long_subject);
    ck_assert_int_eq(doc_role(doc, everybody), WIRE_ROLE_OWN);
    doc_draft_begin(doc);
    ck_assert_int_eq(permission_add(doc, 1, everybody, WIRE_ROLE_READ), 0);
    ck_assert_int_eq(doc_role(doc, everybody), WIRE_ROLE_READ);
    ck_assert_int_eq(
        permission_add(doc, 2, slice_of(long_subject, WIRE_SUBJECT_BYTES_MAX + 1), WIRE_ROLE_WRITE),
        DOC_BAD_RECORD);
    uint64_t seq = 2;
    for (unsigned i = 0; i < WIRE_PERMISSIONS_MAX - 1; i++) {
        char subject[16];
        snprintf(subject, sizeof subject, "s%u", i);
        ck_assert_int_eq(permission_add(doc, seq++, slice_str(subject), WIRE_ROLE_WRITE), 0);
    }
    ck_assert_int_eq(permission_add(doc, seq, slice_str("one more"), WIRE_ROLE_WRITE),
                     DOC_TOO_LARGE);
    ck_assert_int_eq(permission_add(doc, seq, slice_str("s7"), WIRE_ROLE_NONE), 0);
    ck_assert_int_eq(doc_role(doc, slice_str("s7")), WIRE_ROLE_NONE);
    ck_assert_int_eq(doc_role(doc, slice_str("s8")), WIRE_ROLE_WRITE);
    ck_assert_int_eq(doc_draft_finish(doc, NOW_MS, &payload), 0);
    doc_free(copy_of(doc));
    bytes_fini(&payload);
    doc_free(doc);
}
END_TEST

/* --- text --- */

static struct bytes document_of(size_t size)
{
    struct bytes text = BYTES_INIT, op;
    char *at = (char *)bytes_reserve(&text, size + 1);

    ck_assert_ptr_nonnull(at);
    memset(at, 'x', size - 1);
    at[size - 1] = '\n';
    at[size] = 0;
    op = op_insert(0, at);
    bytes_fini(&text);
    return op;
}

START_TEST(a_full_document_takes_no_more_text)
{
    struct doc *doc = doc_new(slice_str("d"), table);
    struct wire_session session = session_of(NOW_MS, 1);
    struct bytes content = document_of(WIRE_DOCUMENT_BYTES_MAX - 1), payload = BYTES_INIT;
    struct bytes two = op_insert(3, "yz"), one = op_insert(3, "y");
    struct wire_record record = record_of(WIRE_KIND_CREATE, &session, 0, bytes_slice(&content));

    ck_assert_int_eq(entry_of_one(doc, &record, NOW_MS, &payload), 0);
    doc_draft_begin(doc);
    record = record_of(WIRE_KIND_EDIT, &session, 1, bytes_slice(&two));
    ck_assert_int_eq(doc_draft_add(doc, &record), DOC_TOO_LARGE);
    record.body = bytes_slice(&one);
    ck_assert_int_eq(doc_draft_add(doc, &record), 0);
    record.seq = 2;
    ck_assert_int_eq(doc_draft_add(doc, &record), DOC_TOO_LARGE);
    bytes_reset(&payload);
    ck_assert_int_eq(doc_draft_finish(doc, NOW_MS, &payload), 0);
    ck_assert_uint_eq(ot_rope_bytes(doc_rope(doc)), WIRE_DOCUMENT_BYTES_MAX);
    ck_assert(doc_memory(doc) > WIRE_DOCUMENT_BYTES_MAX);
    bytes_fini(&content);
    bytes_fini(&payload);
    bytes_fini(&two);
    bytes_fini(&one);
    doc_free(doc);
}
END_TEST

START_TEST(kind_text_has_no_final_newline)
{
    struct doc *doc = doc_new(slice_str("d"), table);
    struct wire_session session = session_of(NOW_MS, 1);
    struct bytes content = op_insert(0, "x"), behind = op_insert(1, "y"), payload = BYTES_INIT;
    struct wire_record record = record_of(WIRE_KIND_CREATE, &session, 0, bytes_slice(&content));

    record.doc_kind = WIRE_DOC_TEXT;
    ck_assert_int_eq(entry_of_one(doc, &record, NOW_MS, &payload), 0);
    record = record_of(WIRE_KIND_EDIT, &session, 1, bytes_slice(&behind));
    ck_assert_int_eq(entry_of_one(doc, &record, NOW_MS, &payload), 0);
    ck_assert_int_eq(doc_kind(doc), WIRE_DOC_TEXT);
    ck_assert_mem_eq(doc_creator(doc), &session, sizeof session);
    doc_free(copy_of(doc));
    bytes_fini(&content);
    bytes_fini(&behind);
    bytes_fini(&payload);
    doc_free(doc);
}
END_TEST

/* --- the log --- */

START_TEST(time_never_goes_back)
{
    struct doc *maker = created(), *reader = copy_of(maker);
    struct wire_session session = session_of(NOW_MS, 3);
    struct bytes payload = BYTES_INIT;

    doc_draft_begin(maker);
    title_add(maker, &session, 1);
    ck_assert_int_eq(doc_draft_finish(maker, NOW_MS - 5000, &payload), 0);
    ck_assert_uint_eq(doc_time_ms(maker), NOW_MS);
    ck_assert_int_eq(doc_entry_apply(reader, bytes_slice(&payload), NULL), 0);

    struct wire_record title = record_of(WIRE_KIND_TITLE, &session, 2, slice_str("t"));
    struct wire_entry entry = {
        .first_rev = 3, .time_ms = NOW_MS - 1, .records = &title, .count = 1};
    bytes_reset(&payload);
    wire_entry_encode(&entry, &payload);
    ck_assert_int_eq(doc_entry_apply(reader, bytes_slice(&payload), NULL), DOC_BAD_ENTRY);
    bytes_fini(&payload);
    doc_free(maker);
    doc_free(reader);
}
END_TEST

START_TEST(what_does_not_follow_leaves_the_document_alone)
{
    struct doc *doc = created(), *before = copy_of(doc);
    struct wire_session session = session_of(NOW_MS, 3);
    struct wire_record title = record_of(WIRE_KIND_TITLE, &session, 1, slice_str("t"));
    struct wire_entry entry = {.time_ms = NOW_MS, .records = &title, .count = 1};
    struct chain_position wrong = {.rev = 2};

    for (uint64_t first = 1; first <= 4; first++) {
        struct bytes payload = BYTES_INIT;
        entry.first_rev = first;
        wire_entry_encode(&entry, &payload);
        ck_assert_int_eq(doc_entry_apply(doc, bytes_slice(&payload), first == 2 ? &wrong : NULL),
                         DOC_BAD_CHAIN);
        ck_assert_int_eq(doc_entry_apply(doc, slice_of(payload.data, payload.size - 1), NULL),
                         DOC_BAD_ENTRY);
        payload.data[1] = 2; /* the version */
        ck_assert_int_eq(doc_entry_apply(doc, bytes_slice(&payload), NULL), DOC_NEWER);
        /* A bit of the version turned is no newer release: the hash tells. */
        struct chain_position at = doc_position(doc);
        struct chain_position after = chain_position_after(&at, 1, bytes_slice(&payload));
        ck_assert_int_eq(doc_entry_apply(doc, bytes_slice(&payload), &after), DOC_NEWER);
        ck_assert_int_eq(doc_entry_apply(doc, bytes_slice(&payload), &wrong), DOC_BAD_CHAIN);
        ck_assert_int_eq(doc_entry_apply(doc, bytes_slice(&payload), &at), DOC_BAD_CHAIN);
        ck_assert(doc_equal(doc, before));
        bytes_fini(&payload);
    }
    doc_free(doc);
    doc_free(before);
}
END_TEST

/* An entry of every kind of record, on a document that has some of everything. */
static struct doc *full(struct bytes *ret_payload)
{
    struct doc *doc = created();
    struct wire_session session = session_of(NOW_MS, 9), other = session_of(NOW_MS, 10);
    struct bytes insert = op_insert(0, "text \xc3\xa9 \xf0\x9f\x92\xa9"), ignored = BYTES_INIT;

    doc_draft_begin(doc);
    ck_assert_int_eq(permission_add(doc, 1, slice_str("a"), WIRE_ROLE_READ), 0);
    title_add(doc, &other, 1);
    ck_assert_int_eq(doc_draft_finish(doc, NOW_MS, &ignored), 0);
    doc_draft_begin(doc);
    ck_assert_int_eq(permission_add(doc, 2, slice_str("somebody"), WIRE_ROLE_WRITE), 0);
    struct wire_record edit = record_of(WIRE_KIND_EDIT, &session, 3, bytes_slice(&insert));
    ck_assert_int_eq(doc_draft_add(doc, &edit), 0);
    title_add(doc, &session, 4);
    struct wire_record close = record_of(WIRE_KIND_CLOSE, &other, 0, (struct slice){0});
    ck_assert_int_eq(doc_draft_add(doc, &close), 0);
    ck_assert_int_eq(doc_draft_finish(doc, NOW_MS + 1, ret_payload), 0);
    bytes_fini(&insert);
    bytes_fini(&ignored);
    return doc;
}

START_TEST(damaged_entries_are_found)
{
    struct bytes payload = BYTES_INIT, snapshot = BYTES_INIT;
    struct doc *maker = created();
    struct wire_session session = session_of(NOW_MS, 9);
    struct bytes insert = op_insert(0, "text \xc3\xa9");
    int read_anyway = 0;

    ck_assert_int_eq(doc_snapshot_save(maker, &snapshot), 0);
    doc_draft_begin(maker);
    ck_assert_int_eq(permission_add(maker, 1, slice_str("a"), WIRE_ROLE_READ), 0);
    struct wire_record edit = record_of(WIRE_KIND_EDIT, &session, 2, bytes_slice(&insert));
    ck_assert_int_eq(doc_draft_add(maker, &edit), 0);
    title_add(maker, &session, 3);
    ck_assert_int_eq(doc_draft_finish(maker, NOW_MS, &payload), 0);
    struct chain_position at = doc_position(maker);
    for (size_t i = 0; i < payload.size; i++) {
        for (unsigned flip = 1; flip < 256; flip = flip * 2 + 1) {
            payload.data[i] ^= (uint8_t)flip;
            struct doc *reader = doc_new(slice_str("d"), table);
            ck_assert_int_eq(doc_snapshot_load(reader, bytes_slice(&snapshot)), 0);
            ck_assert_int_ne(doc_entry_apply(reader, bytes_slice(&payload), &at), 0);
            doc_free(reader);
            /* Without the hash it is only asked not to crash. */
            reader = doc_new(slice_str("d"), table);
            ck_assert_int_eq(doc_snapshot_load(reader, bytes_slice(&snapshot)), 0);
            read_anyway += doc_entry_apply(reader, bytes_slice(&payload), NULL) == 0;
            doc_free(reader);
            payload.data[i] ^= (uint8_t)flip;
        }
    }
    ck_assert_int_gt(read_anyway, 0); /* the hash was needed */
    bytes_fini(&payload);
    bytes_fini(&snapshot);
    bytes_fini(&insert);
    doc_free(maker);
}
END_TEST

START_TEST(damaged_snapshots_do_not_crash)
{
    struct bytes payload = BYTES_INIT, snapshot = BYTES_INIT;
    struct doc *doc = full(&payload);
    int refused = 0;

    ck_assert_int_eq(doc_snapshot_save(doc, &snapshot), 0);
    for (size_t i = 0; i < snapshot.size; i++) {
        for (unsigned flip = 1; flip < 256; flip = flip * 2 + 1) {
            struct doc *loaded = doc_new(slice_str("d"), table);
            snapshot.data[i] ^= (uint8_t)flip;
            refused += doc_snapshot_load(loaded, bytes_slice(&snapshot)) != 0;
            snapshot.data[i] ^= (uint8_t)flip;
            doc_free(loaded);
        }
        struct doc *loaded = doc_new(slice_str("d"), table);
        refused += doc_snapshot_load(loaded, slice_of(snapshot.data, i)) != 0;
        doc_free(loaded);
    }
    ck_assert_int_gt(refused, 100);
    bytes_fini(&payload);
    bytes_fini(&snapshot);
    doc_free(doc);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("doc limits");
    TCase *tc = tcase_create("limits");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, the_oldest_results_give_way);
    tcase_add_test(tc, a_reader_evicts_the_same);
    tcase_add_test(tc, seq_0_is_never_admitted);
    tcase_add_test(tc, roles);
    tcase_add_test(tc, a_full_document_takes_no_more_text);
    tcase_add_test(tc, kind_text_has_no_final_newline);
    tcase_add_test(tc, time_never_goes_back);
    tcase_add_test(tc, what_does_not_follow_leaves_the_document_alone);
    tcase_add_test(tc, damaged_entries_are_found);
    tcase_add_test(tc, damaged_snapshots_do_not_crash);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
