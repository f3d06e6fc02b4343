/* A log with damaged bytes: quarantined and kept. */
#include <stdio.h>

#include "wk_cases_test.h"
#include "wk_fake_test.h"

static struct fake f;

START_TEST(a_damaged_log_is_quarantined)
{
    fake_other_create(&f, FAKE_DOC);
    fake_other(&f, FAKE_DOC, 2, 1, fake_insert(&f, 0, "x"));
    struct store_entry *last = &store_doc(&f.store, FAKE_DOC)->log[1];
    last->payload.data[last->payload.size - 1] ^= 1;
    uint64_t a = fake_open(&f, 1, fake_open_of(FAKE_DOC, 1));
    fake_settle(&f);
    fake_expect_refused(&f, a, 0, WIRE_E_QUARANTINED);
    ck_assert_uint_eq(f.event_detail[WK_EVENT_QUARANTINED], 1);
    ck_assert_uint_eq(wk_core_gauges(f.core).quarantined, 1);
    last->payload.data[last->payload.size - 1] ^= 1; /* mended by hand */
    ck_assert(wk_core_release(f.core, FAKE_DOC));
    fake_settle(&f);
    fake_join(&f, 1, FAKE_DOC, 1);
}
END_TEST

/*
 * A byte of the log's first entry is turned, each in a document of its own that `make` makes: some
 * leave bytes that cannot be decoded, some only another hash. It is quarantined; mended by hand it
 * is all still there.
 */
static void damage_each_byte(void (*make)(struct slice doc), const char *text)
{
    size_t size = 1;

    for (size_t i = 0; i < size; i++) {
        char name[24];
        snprintf(name, sizeof name, "d%zu", i);
        struct slice doc = slice_str(name);
        make(doc);
        struct bytes *payload = &store_doc(&f.store, doc)->log[0].payload;
        size = payload->size;
        payload->data[i] ^= 1;
        uint64_t a = fake_open(&f, 1, fake_open_of(doc, 1));
        fake_settle(&f);
        fake_expect_refused(&f, a, 0, WIRE_E_QUARANTINED);
        payload->data[i] ^= 1;
        ck_assert(wk_core_release(f.core, doc));
        fake_settle(&f);
        fake_join(&f, 1, doc, 1);
        ck_assert_str_eq(fake_text(&f, doc), text);
    }
    ck_assert_uint_gt(size, 20);
    ck_assert_uint_eq(f.store.calls[STORAGE_REBASE], 0);
}

static void beginning_make(struct slice doc)
{
    fake_other_create(&f, doc);
    fake_other(&f, doc, 2, 1, fake_insert(&f, 0, "x"));
}

/* PostgreSQL knows nothing of it yet, and must not win. */
START_TEST(a_damaged_beginning_is_quarantined_and_kept)
{
    damage_each_byte(beginning_make, "x\n");
}
END_TEST

static void tail_make(struct slice doc)
{
    fake_other_create(&f, doc);
    store_archive(&f.store, doc, 0, false);
    fake_other(&f, doc, 2, 1, fake_insert(&f, 0, "x"));
    fake_other(&f, doc, 2, 2, fake_insert(&f, 0, "y"));
}

/* The first entry behind what is archived: PostgreSQL does not win. */
START_TEST(a_damaged_tail_is_quarantined_and_kept)
{
    damage_each_byte(tail_make, "yx\n");
}
END_TEST

/* A document of which the first entry is archived, but not trimmed, and two stand behind it. */
static struct store_doc *untrimmed(struct slice doc)
{
    struct wire_record create = {.session = fake_session(&f, 2),
                                 .kind = WIRE_KIND_CREATE,
                                 .doc_kind = WIRE_DOC_RICH,
                                 .body = fake_insert(&f, 0, "\n")};

    store_other(&f.store, doc, &create, 1, FAKE_EPOCH_MS);
    store_commit(&f.store, doc);
    fake_other(&f, doc, 2, 1, fake_insert(&f, 0, "x"));
    fake_other(&f, doc, 2, 2, fake_insert(&f, 0, "y"));
    return store_doc(&f.store, doc);
}

static void expect_kept(struct slice doc)
{
    uint64_t a = fake_open(&f, 1, fake_open_of(doc, 1));

    fake_settle(&f);
    fake_expect_refused(&f, a, 0, WIRE_E_QUARANTINED);
    ck_assert_uint_eq(f.store.calls[STORAGE_REBASE], 0);
}

static void expect_mended(struct slice doc)
{
    ck_assert(wk_core_release(f.core, doc));
    fake_settle(&f);
    fake_join(&f, 1, doc, 1);
    ck_assert_str_eq(fake_text(&f, doc), "yx\n");
}

/* An entry whose position claims more revisions than it has seems to be of another history. */
START_TEST(a_position_that_only_seems_to_span_what_is_archived_is_damage)
{
    for (unsigned bit = 1; bit < 64; bit++) {
        char name[8];
        snprintf(name, sizeof name, "p%u", bit);
        struct store_entry *first = &untrimmed(slice_str(name))->log[0];
        first->position.rev ^= 1ull << bit;
        expect_kept(slice_str(name));
        first->position.rev ^= 1ull << bit;
        expect_mended(slice_str(name));
    }
}
END_TEST

/* A head that is behind what stands in the stream. */
START_TEST(a_damaged_head_is_quarantined_and_the_stream_kept)
{
    for (uint64_t rev = 0; rev <= 3; rev++) {
        char name[8];
        snprintf(name, sizeof name, "h%u", (unsigned)rev);
        struct chain_position *head = &untrimmed(slice_str(name))->head, right = *head;
        head->rev = rev;
        head->hash[0] ^= 1;
        expect_kept(slice_str(name));
        *head = right;
        expect_mended(slice_str(name));
    }
}
END_TEST

/* The hash does not hold, so no newer release has written that version. */
START_TEST(a_damaged_version_is_no_newer_release)
{
    for (unsigned bit = 0; bit < 8; bit++) {
        char name[8];
        snprintf(name, sizeof name, "v%u", bit);
        uint8_t *version = &untrimmed(slice_str(name))->log[1].payload.data[1];
        *version ^= (uint8_t)(1 << bit);
        expect_kept(slice_str(name));
        *version ^= (uint8_t)(1 << bit);
        expect_mended(slice_str(name));
    }
    ck_assert_uint_eq(f.events[WK_EVENT_NEWER], 0);
}
END_TEST

/* No READ gives such a stream; if one did, that would be no other history. */
START_TEST(an_entry_that_stands_twice_is_damage)
{
    (void)untrimmed(FAKE_DOC);
    uint64_t a = fake_open(&f, 1, fake_open_of(FAKE_DOC, 1));
    struct storage_call *read = fake_carry_out(&f, STORAGE_READ);
    read->entries[2] = read->entries[1];
    fake_answer(&f, read);
    fake_settle(&f);
    fake_expect_refused(&f, a, 0, WIRE_E_QUARANTINED);
    ck_assert_uint_eq(f.store.calls[STORAGE_REBASE], 0);
    expect_mended(FAKE_DOC);
}
END_TEST

/* Another worker's entry, behind what this one has shown. */
START_TEST(damage_behind_a_live_document_is_quarantined)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);

    fake_other(&f, FAKE_DOC, 2, 1, fake_insert(&f, 0, "x"));
    struct store_entry *last = &store_doc(&f.store, FAKE_DOC)->log[1];
    last->position.rev ^= 4;
    fake_type(&f, a, 1, 0, "y");
    fake_settle(&f);
    fake_expect_refused(&f, a, 1, WIRE_E_QUARANTINED);
    ck_assert_uint_eq(f.store.calls[STORAGE_REBASE], 0);
    last->position.rev ^= 4;
    ck_assert(wk_core_release(f.core, FAKE_DOC));
    fake_settle(&f);
    ck_assert_str_eq(fake_text(&f, FAKE_DOC), "x\n");
}
END_TEST

static void setup(void)
{
    fake_start(&f, NULL);
}

static void teardown(void)
{
    fake_stop(&f);
}

TCase *wk_damage_cases(void)
{
    TCase *tc = tcase_create("damage");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_damaged_log_is_quarantined);
    tcase_add_test(tc, a_damaged_beginning_is_quarantined_and_kept);
    tcase_add_test(tc, a_damaged_tail_is_quarantined_and_kept);
    tcase_add_test(tc, a_position_that_only_seems_to_span_what_is_archived_is_damage);
    tcase_add_test(tc, a_damaged_head_is_quarantined_and_the_stream_kept);
    tcase_add_test(tc, a_damaged_version_is_no_newer_release);
    tcase_add_test(tc, an_entry_that_stands_twice_is_damage);
    tcase_add_test(tc, damage_behind_a_live_document_is_quarantined);
    return tc;
}
