/* One document makes entries, another reads them: both must be the same at every step. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "doc.h"
#include "doc_help_test.h"
#include "ot_codec.h"
#include "ot_naive.h"

static const struct naive_mix mix = {
    .comps_max = 4, .length_max = 12, .attrs = true, .embeds = true};

struct pair {
    struct ot_attrs_table *table;
    struct doc *maker, *reader;
};

static struct pair pair_new(void)
{
    struct pair p = {.table = ot_attrs_table_new(1u << 20)};
    struct bytes payload = BYTES_INIT;

    p.maker = doc_new(slice_str("a document"), p.table);
    p.reader = doc_new(slice_str("a document"), p.table);
    document_create(p.maker, &payload);
    struct chain_position at = doc_position(p.maker);
    ck_assert_int_eq(doc_entry_apply(p.reader, bytes_slice(&payload), &at), 0);
    bytes_fini(&payload);
    return p;
}

static void pair_free(struct pair *p)
{
    doc_free(p->maker);
    doc_free(p->reader);
    ot_attrs_table_free(p->table);
}

/* A reader that was saved and loaded goes on as the one that was not. */
static void reader_reload(struct pair *p)
{
    struct bytes snapshot = BYTES_INIT, again = BYTES_INIT;
    struct doc *loaded = doc_new(slice_str("a document"), p->table);

    ck_assert_int_eq(doc_snapshot_save(p->reader, &snapshot), 0);
    ck_assert_int_eq(doc_snapshot_load(loaded, bytes_slice(&snapshot)), 0);
    ck_assert_int_eq(doc_snapshot_save(loaded, &again), 0);
    ck_assert(slice_equal(bytes_slice(&snapshot), bytes_slice(&again)));
    ck_assert(doc_equal(loaded, p->reader));
    doc_free(p->reader);
    p->reader = loaded;
    bytes_fini(&snapshot);
    bytes_fini(&again);
}

static void random_record(struct rng *rng, struct doc *doc, struct naive *naive,
                          struct wire_session *session, uint64_t *seq)
{
    struct bytes body = BYTES_INIT;
    struct arena mem;
    enum wire_kind kind = WIRE_KIND_EDIT;

    arena_init(&mem, 1u << 20);
    unsigned dice = (unsigned)rng_below(rng, 20);
    if (dice == 2 && *seq > 3) {
        struct wire_record close = record_of(WIRE_KIND_CLOSE, session, 0, (struct slice){0});
        ck_assert_int_eq(doc_draft_add(doc, &close), 0);
        *session = session_of(NOW_MS, rng_u64(rng));
        *seq = 0;
        arena_fini(&mem);
        return;
    }
    if (dice == 0) {
        kind = WIRE_KIND_TITLE;
        bytes_printf(&body, "title %u", (unsigned)rng_below(rng, 100));
    } else if (dice == 1) {
        static const char *const subjects[] = {"", "somebody", "else"};
        struct wire_permission permission = {.subject = slice_str(subjects[rng_below(rng, 3)]),
                                             .role = (enum wire_role)rng_below(rng, 4)};
        kind = WIRE_KIND_PERMISSION;
        wire_permission_encode(&permission, &body);
    } else {
        struct ot_op op;
        naive_random_op(rng, &mem, naive, &mix, &op);
        ot_encode(&op, &body);
    }
    struct wire_record record = record_of(kind, session, *seq + 1, bytes_slice(&body));
    int r = doc_draft_add(doc, &record);
    ck_assert(r == 0 || r == OT_BREAKS_NEWLINE);
    if (r == 0) {
        struct ot_op op;
        ++*seq;
        if (kind == WIRE_KIND_EDIT) {
            ck_assert_int_eq(ot_decode(&mem, bytes_slice(&body), &ot_limits_stored, &op), 0);
            ck_assert_int_eq(naive_apply(naive, &op), 0);
        }
    }
    bytes_fini(&body);
    arena_fini(&mem);
}

START_TEST(reader_equals_maker)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct pair p = pair_new();
        struct naive naive = {0};
        struct wire_session sessions[4];
        uint64_t seqs[4] = {0}, now_ms = NOW_MS;
        struct rng rng;

        rng_init(&rng, seed);
        naive.cells = calloc(1, sizeof *naive.cells);
        naive.cells[0].unit = '\n';
        naive.count = 1;
        for (int i = 0; i < 4; i++)
            sessions[i] = session_of(NOW_MS, (uint64_t)i + 2);
        for (int step = 0; step < 60; step++) {
            struct bytes payload = BYTES_INIT;
            doc_draft_begin(p.maker);
            for (uint64_t i = rng_between(&rng, 1, 5); i > 0; i--) {
                size_t who = rng_below(&rng, 4);
                random_record(&rng, p.maker, &naive, &sessions[who], &seqs[who]);
            }
            if (doc_draft_count(p.maker) == 0) {
                bytes_fini(&payload);
                continue;
            }
            now_ms += rng_below(&rng, 1000);
            ck_assert_int_eq(doc_draft_finish(p.maker, now_ms, &payload), 0);
            struct chain_position at = doc_position(p.maker);
            ck_assert_int_eq(doc_entry_apply(p.reader, bytes_slice(&payload), &at), 0);
            ck_assert_msg(doc_equal(p.maker, p.reader), "seed %llu", (unsigned long long)seed);
            /* The same entry again does not follow any more. */
            ck_assert_int_eq(doc_entry_apply(p.reader, bytes_slice(&payload), NULL), DOC_BAD_CHAIN);
            if (rng_percent(&rng, 10))
                reader_reload(&p);
            bytes_fini(&payload);
        }
        free(naive.cells);
        pair_free(&p);
    }
}
END_TEST

START_TEST(admission_follows_the_rules)
{
    struct pair p = pair_new();
    struct wire_session known = session_of(NOW_MS, 7), fresh = session_of(NOW_MS + 5, 8);
    struct wire_session old = session_of(NOW_MS - DOC_SESSION_KEEP_MS - 1, 9);
    struct wire_session ahead = session_of(NOW_MS + DOC_CLOCK_SKEW_MS + 1000, 10);
    struct bytes payload = BYTES_INIT, body = op_insert(0, "x");
    struct wire_record record;
    uint8_t digest[WIRE_DIGEST_SIZE], other[WIRE_DIGEST_SIZE] = {1};
    uint64_t detail;

    crypto_digest8(bytes_slice(&body), digest);
    for (uint64_t seq = 1; seq <= 3; seq++) {
        record = record_of(WIRE_KIND_EDIT, &known, seq, bytes_slice(&body));
        ck_assert_int_eq(entry_of_one(p.maker, &record, NOW_MS, &payload), 0);
    }
    const struct {
        struct wire_session *session;
        uint64_t seq;
        uint8_t *digest;
        enum doc_admission admission;
        uint64_t detail;
    } cases[] = {
        {&known, 4, digest, DOC_ADMIT, 3},           {&known, 3, digest, DOC_REPEAT, 4},
        {&known, 3, other, DOC_SEQ_REUSED, 3},       {&known, 2, digest, DOC_SEQ_OLD, 3},
        {&known, 5, digest, DOC_SEQ_GAP, 4},         {&fresh, 1, digest, DOC_ADMIT, 0},
        {&fresh, 2, digest, DOC_SEQ_GAP, 1},         {&old, 1, digest, DOC_SESSION_EXPIRED, 0},
        {&ahead, 1, digest, DOC_CLOCK_SKEW, NOW_MS},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ck_assert_msg(doc_admit(p.maker, cases[i].session, cases[i].seq, cases[i].digest, NOW_MS,
                                &detail) == cases[i].admission,
                      "case %zu", i);
        ck_assert_msg(detail == cases[i].detail, "case %zu: %llu", i, (unsigned long long)detail);
    }
    record = record_of(WIRE_KIND_CLOSE, &known, 0, (struct slice){0});
    ck_assert_int_eq(entry_of_one(p.maker, &record, NOW_MS, &payload), 0);
    ck_assert_int_eq(doc_admit(p.maker, &known, 4, digest, NOW_MS, &detail), DOC_SESSION_CLOSED);
    ck_assert_int_eq(doc_admit(p.maker, &known, 3, digest, NOW_MS, &detail), DOC_REPEAT);
    ck_assert_uint_eq(detail, doc_position(p.maker).rev - 1); /* the op's, not the close's */
    ck_assert_int_eq(doc_session_open(p.maker, &known, NOW_MS, &detail), DOC_SESSION_CLOSED);
    bytes_fini(&body);
    bytes_fini(&payload);
    pair_free(&p);
}
END_TEST

START_TEST(evicted_sessions_stay_out)
{
    struct pair p = pair_new();
    struct wire_session first = session_of(NOW_MS, 7), older = session_of(NOW_MS - 1, 8);
    struct wire_session late = session_of(NOW_MS + 1000 + DOC_SESSION_KEEP_MS, 9);
    struct bytes payload = BYTES_INIT, body = op_insert(0, "x");
    uint8_t digest[WIRE_DIGEST_SIZE] = {0};
    uint64_t detail;

    struct wire_record record = record_of(WIRE_KIND_EDIT, &first, 1, bytes_slice(&body));
    ck_assert_int_eq(entry_of_one(p.maker, &record, NOW_MS, &payload), 0);
    ck_assert_int_eq(doc_session_open(p.maker, &first, NOW_MS, &detail), DOC_ADMIT);
    ck_assert_uint_eq(detail, 1);
    record = record_of(WIRE_KIND_EDIT, &late, 1, bytes_slice(&body));
    ck_assert_int_eq(entry_of_one(p.maker, &record, NOW_MS + DOC_SESSION_KEEP_MS + 1000, &payload),
                     0);
    ck_assert_int_eq(doc_admit(p.maker, &first, 2, digest, NOW_MS, &detail), DOC_SESSION_EXPIRED);
    ck_assert_int_eq(doc_admit(p.maker, &older, 1, digest, NOW_MS, &detail), DOC_SESSION_EXPIRED);
    bytes_fini(&body);
    bytes_fini(&payload);
    pair_free(&p);
}
END_TEST

START_TEST(rules_of_records)
{
    struct ot_attrs_table *table = ot_attrs_table_new(1u << 20);
    struct doc *doc = doc_new(slice_str("d"), table);
    struct wire_session session = session_of(NOW_MS, 1);
    struct bytes newline = op_insert(0, "\n"), text = op_insert(0, "x"), behind = op_insert(1, "x");
    struct wire_record edit = record_of(WIRE_KIND_EDIT, &session, 1, bytes_slice(&text));
    struct wire_record create = record_of(WIRE_KIND_CREATE, &session, 0, bytes_slice(&text));

    doc_draft_begin(doc);
    ck_assert_int_eq(doc_draft_add(doc, &edit), DOC_NOT_CREATED);
    ck_assert_int_eq(doc_draft_add(doc, &create), DOC_BAD_RECORD); /* no final newline */
    create.body = bytes_slice(&behind);
    ck_assert_int_eq(doc_draft_add(doc, &create), OT_NOT_DOCUMENT);
    create.body = bytes_slice(&newline);
    ck_assert_int_eq(doc_draft_add(doc, &create), 0);
    ck_assert_int_eq(doc_draft_add(doc, &create), DOC_EXISTS);
    edit.body = bytes_slice(&behind);
    ck_assert_int_eq(doc_draft_add(doc, &edit), OT_BREAKS_NEWLINE);
    edit.body = bytes_slice(&text);
    ck_assert_int_eq(doc_draft_add(doc, &edit), 0);
    struct wire_record title = record_of(WIRE_KIND_TITLE, &session, 2, slice_str("\xff"));
    ck_assert_int_eq(doc_draft_add(doc, &title), DOC_BAD_RECORD);
    ck_assert_uint_eq(doc_draft_count(doc), 2);
    bytes_fini(&newline);
    bytes_fini(&text);
    bytes_fini(&behind);
    doc_free(doc);
    ot_attrs_table_free(table);
}
END_TEST

int main(void)
{
    if (crypto_init())
        return EXIT_FAILURE;
    Suite *suite = suite_create("doc");
    TCase *tc = tcase_create("doc");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, reader_equals_maker);
    tcase_add_test(tc, admission_follows_the_rules);
    tcase_add_test(tc, evicted_sessions_stay_out);
    tcase_add_test(tc, rules_of_records);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
