/* What is held is bounded, and what fails is put off (I8): memory, tails, time, Redis, PostgreSQL.
 */
#include <stdio.h>
#include <stdlib.h>

#include "ot_attrs.h"
#include "ot_codec.h"
#include "wk_cases_test.h"
#include "wk_doc.h"
#include "wk_fake_test.h"

static struct fake f;

static struct wk_counters counters(void)
{
    return *wk_core_counters(f.core);
}

static void small(struct wk_config *config)
{
    config->pending_bytes_max = 4096;
    config->tail_bytes_max = 8192;
    config->documents_bytes_max = 100000;
    config->attachments_max = 3;
}

static void setup_small(void)
{
    fake_start(&f, small);
}

static void setup(void)
{
    fake_start(&f, NULL);
}

static void teardown(void)
{
    fake_stop(&f);
}

static struct slice text_of(size_t size)
{
    static char text[8192];

    memset(text, 'x', size);
    text[size] = 0;
    return fake_insert(&f, 0, text);
}

START_TEST(what_waits_at_one_document_is_bounded)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1), b = fake_join(&f, 2, FAKE_DOC, 2);
    struct chain_position base = fake_head(&f, FAKE_DOC);

    fake_submit(&f, a, 1, base, WIRE_KIND_EDIT, text_of(10)); /* in flight */
    fake_submit(&f, a, 2, base, WIRE_KIND_EDIT, text_of(2000));
    fake_expect_none(&f);
    fake_submit(&f, b, 1, base, WIRE_KIND_EDIT, text_of(3000));
    fake_expect_refused(&f, b, 1, WIRE_E_RETRY_LATER);
    ck_assert_uint_eq(counters().pending_full, 1);
    fake_settle(&f);
    fake_skip(&f);
    fake_submit(&f, b, 1, base, WIRE_KIND_EDIT, text_of(3000));
    fake_settle(&f);
    fake_expect_entry(&f, 2);
}
END_TEST

START_TEST(ops_without_a_byte_are_bounded_too)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);

    fake_type(&f, a, 1, 0, "x");
    for (uint64_t seq = 2; seq < 100; seq++)
        fake_submit(&f, a, seq, fake_head(&f, FAKE_DOC), WIRE_KIND_TITLE, (struct slice){0});
    ck_assert_uint_gt(counters().pending_full, 50);
    fake_settle(&f);
}
END_TEST

START_TEST(what_creators_send_is_bounded)
{
    struct wire_link_open open = fake_open_of(FAKE_DOC, 1);

    open.open.has_create = true;
    open.open.create_kind = WIRE_DOC_TEXT;
    open.open.create_content = text_of(3000);
    uint64_t a = fake_open(&f, 1, open);
    open.open.session = fake_session(&f, 2);
    uint64_t b = fake_open(&f, 1, open);
    fake_expect_refused(&f, b, 0, WIRE_E_RETRY_LATER);
    ck_assert_uint_eq(counters().pending_full, 1);
    fake_settle(&f);
    fake_expect(&f, 1, WIRE_TO_GATEWAY_ENTRY);
    fake_expect_opened(&f, a, WIRE_OPENED_UP_TO_DATE);
}
END_TEST

START_TEST(a_tail_that_is_too_long_lets_ops_wait_then_puts_them_off)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);
    struct slice op = text_of(3000);
    uint64_t seq = 0;

    while (counters().slowed == 0) {
        fake_submit(&f, a, ++seq, fake_head(&f, FAKE_DOC), WIRE_KIND_EDIT, op);
        fake_settle(&f);
        ck_assert_uint_lt(seq, 10);
    }
    fake_skip(&f);
    struct chain_position head = fake_head(&f, FAKE_DOC);
    uint64_t waiting = seq + 1;
    fake_submit(&f, a, waiting, head, WIRE_KIND_EDIT, op);
    fake_run(&f, 1000);
    fake_expect_none(&f);
    ck_assert_uint_eq(fake_head(&f, FAKE_DOC).rev, head.rev);
    /* Archived: it goes on. */
    store_archive(&f.store, FAKE_DOC, 0, true);
    fake_run(&f, 500);
    fake_expect_entry(&f, 1);
    /* Not archived: who waits is told to come later, and so is who comes. */
    while (counters().slowed == 1) {
        fake_submit(&f, a, ++waiting, fake_head(&f, FAKE_DOC), WIRE_KIND_EDIT, op);
        fake_settle(&f);
    }
    fake_skip(&f);
    fake_submit(&f, a, ++waiting, fake_head(&f, FAKE_DOC), WIRE_KIND_EDIT, op);
    fake_run(&f, 2500);
    fake_expect_refused(&f, a, waiting, WIRE_E_RETRY_LATER);
    fake_submit(&f, a, waiting, fake_head(&f, FAKE_DOC), WIRE_KIND_EDIT, op);
    fake_expect_refused(&f, a, waiting, WIRE_E_RETRY_LATER);
    ck_assert_uint_ge(counters().tail_full, 2);
    store_archive(&f.store, FAKE_DOC, 0, true);
    fake_run(&f, 500);
    fake_submit(&f, a, waiting, fake_head(&f, FAKE_DOC), WIRE_KIND_EDIT, op);
    fake_settle(&f);
    fake_expect_entry(&f, 1);
}
END_TEST

/* It was acked, and nobody will send it again: it waits for the archiver as long as it takes. */
START_TEST(an_acked_op_that_comes_back_is_not_put_off)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);

    fake_type(&f, a, 1, 0, "a");
    fake_settle(&f);
    fake_skip(&f);
    store_lose(&f.store, FAKE_DOC, 1);
    for (uint64_t seq = 1; seq <= 5; seq++)
        fake_other(&f, FAKE_DOC, 7, seq, text_of(3000));
    fake_other(&f, FAKE_DOC, 7, 6, fake_delete(&f, 0, 15000));
    fake_run(&f, 4000);
    fake_expect(&f, 1, WIRE_TO_GATEWAY_DETACHED);
    fake_expect_none(&f);
    ck_assert_uint_eq(counters().tail_full, 0);
    store_archive(&f.store, FAKE_DOC, 0, true);
    fake_run(&f, 5000);
    ck_assert_str_eq(fake_text(&f, FAKE_DOC), "a\n");
}
END_TEST

START_TEST(idle_documents_go_when_memory_is_short_and_no_others)
{
    struct slice ids[20];
    uint64_t a[20];

    f.config.documents_bytes_max = 0;
    for (unsigned i = 0; i < 20; i++) {
        char name[16];
        snprintf(name, sizeof name, "d%u", i);
        ids[i] = slice_of(arena_copy(&f.mem, name, 4), strlen(name));
        a[i] = fake_create(&f, 1, ids[i], i + 1);
        fake_submit(&f, a[i], 1, fake_head(&f, ids[i]), WIRE_KIND_EDIT, text_of(3500));
        fake_settle(&f);
        store_archive(&f.store, ids[i], 0, true);
        if (i > 0)
            fake_detach(&f, a[i]);
        fake_run(&f, 300);
    }
    ck_assert_uint_gt(counters().evictions, 0);
    ck_assert_uint_le(wk_core_gauges(f.core).bytes, 100000);
    ck_assert_uint_gt(wk_core_gauges(f.core).documents, 1);
    uint64_t loads = counters().loads;
    fake_skip(&f);
    fake_submit(&f, a[0], 2, fake_head(&f, ids[0]), WIRE_KIND_EDIT, text_of(10));
    fake_settle(&f);
    fake_expect_entry(&f, 1); /* used ones stay */
    ck_assert_uint_eq(counters().loads, loads);
}
END_TEST

START_TEST(cold_documents_wait_while_memory_is_full_of_used_ones)
{
    uint64_t a[3];
    struct slice ids[3] = {slice_str("d0"), slice_str("d1"), slice_str("d2")};

    for (unsigned i = 0; i < 2; i++) {
        a[i] = fake_create(&f, 1, ids[i], i + 1);
        for (uint64_t seq = 1; seq <= 11; seq++) {
            fake_submit(&f, a[i], seq, fake_head(&f, ids[i]), WIRE_KIND_EDIT, text_of(3500));
            fake_settle(&f);
            store_archive(&f.store, ids[i], 0, true);
            fake_run(&f, 300);
        }
    }
    ck_assert_uint_gt(wk_core_gauges(f.core).bytes, 100000);
    fake_skip(&f);
    a[2] = fake_open(&f, 1, fake_open_of(ids[2], 3));
    fake_expect_refused(&f, a[2], 0, WIRE_E_RETRY_LATER);
    ck_assert_uint_eq(counters().documents_full, 1);
    uint64_t b = fake_join(&f, 2, ids[0], 4); /* warm ones are served */
    fake_detach(&f, a[0]);
    fake_detach(&f, b);
    fake_run(&f, 100);
    a[2] = fake_create(&f, 1, ids[2], 3); /* as soon as one is idle */
}
END_TEST

/* Documents that somebody is in are not cold; still they do not grow without end. */
START_TEST(loaded_documents_grow_by_a_quarter)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1), seq = 0;

    while (counters().documents_full == 0) {
        ck_assert_uint_lt(seq, 100);
        fake_skip(&f);
        fake_submit(&f, a, ++seq, fake_head(&f, FAKE_DOC), WIRE_KIND_EDIT, text_of(3500));
        fake_settle(&f);
        store_archive(&f.store, FAKE_DOC, 0, true);
        fake_run(&f, 300);
        ck_assert_uint_le(wk_core_gauges(f.core).bytes, 125000 + 3 * 3500);
    }
    ck_assert_uint_gt(wk_core_gauges(f.core).bytes, 100000);
    fake_expect_refused(&f, a, seq, WIRE_E_RETRY_LATER);
    fake_expect_none(&f);
    uint64_t b = fake_open(&f, 2, fake_open_of(slice_str("cold"), 2));
    fake_expect_refused(&f, b, 0, WIRE_E_RETRY_LATER);
    fake_detach(&f, a); /* idle it goes, and there is room again */
    fake_run(&f, 100);
    ck_assert_uint_lt(wk_core_gauges(f.core).bytes, 100000);
    fake_create(&f, 2, slice_str("new"), 2);
}
END_TEST

static void long_tails(struct wk_config *config)
{
    small(config);
    config->tail_bytes_max = 1u << 20;
}

/* Nobody leaves, and all is archived: what is kept for who comes back puts off nobody's ops. */
START_TEST(what_is_archived_goes_before_anybody_is_put_off)
{
    fake_stop(&f);
    fake_start(&f, long_tails);
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);

    for (uint64_t seq = 1; seq <= 600; seq++) {
        fake_skip(&f);
        fake_submit(&f, a, seq, fake_head(&f, FAKE_DOC), WIRE_KIND_EDIT, text_of(1));
        fake_settle(&f);
        store_archive(&f.store, FAKE_DOC, 0, true);
        fake_run(&f, 300);
        ck_assert_uint_eq(counters().documents_full, 0);
        ck_assert_uint_eq(counters().ops, seq);
    }
}
END_TEST

START_TEST(history_is_read_so_far_back_and_no_farther)
{
    fake_create(&f, 1, FAKE_DOC, 1);
    struct wk_doc *d = wk_doc_find(f.core, FAKE_DOC);
    uint64_t start = wk_ring_first(d)->before.rev; /* below 0 it wraps, and so does the distance */

    ck_assert(wk_history_reaches(d, start - (WK_HISTORY_REVS_MAX - 1)));
    ck_assert_uint_eq(counters().limit_history_reach, 0);
    ck_assert(!wk_history_reaches(d, start - WK_HISTORY_REVS_MAX));
    ck_assert_uint_eq(counters().limit_history_reach, 1);
}
END_TEST

START_TEST(attachments_are_bounded)
{
    fake_create(&f, 1, FAKE_DOC, 1);
    fake_join(&f, 1, FAKE_DOC, 2);
    uint64_t c = fake_join(&f, 2, FAKE_DOC, 3);
    uint64_t d = fake_open(&f, 2, fake_open_of(FAKE_DOC, 4));
    fake_expect_refused(&f, d, 0, WIRE_E_RETRY_LATER);
    ck_assert_uint_eq(counters().attachments_full, 1);
    fake_detach(&f, c);
    fake_join(&f, 2, FAKE_DOC, 4);
    wk_core_gateway_gone(f.core, 2);
    ck_assert_uint_eq(wk_core_gauges(f.core).attachments, 2);
}
END_TEST

START_TEST(an_entry_is_bounded_in_records)
{
    static uint64_t a[600];

    fake_create(&f, 1, FAKE_DOC, 1000);
    for (unsigned i = 0; i < 600; i++)
        a[i] = fake_open(&f, 1, fake_open_of(FAKE_DOC, i + 1));
    fake_settle(&f);
    fake_skip(&f);
    struct chain_position base = fake_head(&f, FAKE_DOC);
    for (unsigned i = 0; i < 600; i++)
        fake_submit(&f, a[i], 1, base, WIRE_KIND_EDIT, fake_insert(&f, 0, "x"));
    fake_settle(&f);
    ck_assert_uint_eq(fake_expect_entry(&f, 1).count, 1);
    ck_assert_uint_eq(fake_expect_entry(&f, 1).count, 512);
    ck_assert_uint_eq(fake_expect_entry(&f, 1).count, 87);
    ck_assert_uint_eq(counters().limit_entry_ops, 1);
}
END_TEST

START_TEST(an_entry_is_bounded_in_bytes)
{
    size_t size = 200u << 10;
    char *text = arena_alloc(&f.mem, size + 1);
    uint64_t a[4];

    memset(text, 'x', size);
    text[size] = 0;
    fake_create(&f, 1, FAKE_DOC, 1000);
    for (unsigned i = 0; i < 4; i++)
        a[i] = fake_join(&f, 1, FAKE_DOC, i + 1);
    struct chain_position base = fake_head(&f, FAKE_DOC);
    for (unsigned i = 0; i < 4; i++)
        fake_submit(&f, a[i], 1, base, WIRE_KIND_EDIT, fake_insert(&f, 0, text));
    fake_settle(&f);
    ck_assert_uint_eq(fake_expect_entry(&f, 1).count, 1);
    ck_assert_uint_eq(fake_expect_entry(&f, 1).count, 2);
    ck_assert_uint_eq(fake_expect_entry(&f, 1).count, 1);
    ck_assert_uint_ge(counters().limit_entry_bytes, 1);
}
END_TEST

/* A small format grows with every insert that falls into it. */
START_TEST(what_an_op_becomes_is_bounded)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1), b = fake_join(&f, 1, FAKE_DOC, 2);
    size_t size = 60000;
    char *text = arena_alloc(&f.mem, size + 1);
    struct bytes out = BYTES_INIT;
    struct wire_session session = fake_session(&f, 1);

    memset(text, 'x', size);
    text[size] = 0;
    fake_submit(&f, b, 1, fake_head(&f, FAKE_DOC), WIRE_KIND_EDIT, fake_insert(&f, 0, text));
    fake_settle(&f);
    struct chain_position base = fake_head(&f, FAKE_DOC);
    /* A retain with an attribute whose value is long. */
    struct bytes attrs = BYTES_INIT, value = BYTES_INIT;
    bytes_printf(&value, "\"%s\"", text);
    ot_attrs_append(&attrs, slice_str("k"), bytes_slice(&value));
    bytes_fini(&value);
    struct ot_builder builder;
    struct ot_op op;
    ot_builder_init(&builder, &f.mem);
    ot_builder_retain(&builder, 15000, bytes_slice(&attrs));
    ck_assert_int_eq(ot_builder_finish(&builder, &op), 0);
    ot_encode(&op, &out);
    for (uint64_t seq = 2; seq <= 13; seq++) {
        fake_type(&f, b, seq, seq * 1000, "y");
        fake_settle(&f);
    }
    fake_skip(&f);
    fake_submit(&f, a, 1, base, WIRE_KIND_EDIT, bytes_slice(&out));
    fake_settle(&f);
    fake_expect_refused(&f, a, 1, WIRE_E_OP_GROWS);
    ck_assert_uint_eq(counters().limit_entry_bytes, 1);
    ck_assert(fake_closed(&f, FAKE_DOC, &session));
    bytes_fini(&attrs);
    bytes_fini(&out);
}
END_TEST

START_TEST(an_op_is_bounded_in_components)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);
    struct wire_session session = fake_session(&f, 1);
    struct bytes out = BYTES_INIT;
    struct ot_builder builder;
    struct ot_op op;

    ot_builder_init(&builder, &f.mem);
    for (unsigned i = 0; i <= OT_SUBMIT_COUNT_MAX / 2; i++) {
        ot_builder_retain(&builder, 1, (struct slice){0});
        ot_builder_delete(&builder, 1);
    }
    ck_assert_int_eq(ot_builder_finish(&builder, &op), 0);
    ot_encode(&op, &out);
    fake_submit(&f, a, 1, fake_head(&f, FAKE_DOC), WIRE_KIND_EDIT, bytes_slice(&out));
    fake_settle(&f);
    fake_expect_refused(&f, a, 1, WIRE_E_TOO_MANY_COMPONENTS);
    ck_assert_uint_eq(counters().limit_op_components, 1);
    bytes_fini(&out);
    /* Its session goes on, at the same seq: the op is sent as several. */
    fake_type(&f, a, 1, 0, "x");
    fake_settle(&f);
    fake_expect_entry(&f, 1);
    ck_assert(!fake_closed(&f, FAKE_DOC, &session));
}
END_TEST

START_TEST(a_title_that_is_none_does_not_end_the_session)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);
    struct wire_session session = fake_session(&f, 1);

    fake_submit(&f, a, 1, fake_head(&f, FAKE_DOC), WIRE_KIND_TITLE, slice_str("\xff"));
    fake_settle(&f);
    fake_expect_refused(&f, a, 1, WIRE_E_BAD_TITLE);
    fake_submit(&f, a, 1, fake_head(&f, FAKE_DOC), WIRE_KIND_TITLE, slice_str("a title"));
    fake_settle(&f);
    fake_expect_entry(&f, 1);
    ck_assert(!fake_closed(&f, FAKE_DOC, &session));
}
END_TEST

static void permission_submit(uint64_t attachment, uint64_t seq, const char *subject)
{
    struct wire_permission permission = {.role = WIRE_ROLE_READ, .subject = slice_str(subject)};
    struct bytes body = BYTES_INIT;

    wire_permission_encode(&permission, &body);
    fake_submit(&f, attachment, seq, fake_head(&f, FAKE_DOC), WIRE_KIND_PERMISSION,
                bytes_slice(&body));
    fake_settle(&f);
    bytes_fini(&body);
}

START_TEST(permissions_are_bounded)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);
    char subject[WIRE_SUBJECT_BYTES_MAX + 2];

    for (uint64_t seq = 1; seq <= WIRE_PERMISSIONS_MAX; seq++) {
        snprintf(subject, sizeof subject, "p%llu", (unsigned long long)seq);
        permission_submit(a, seq, subject);
        fake_expect_entry(&f, 1);
    }
    permission_submit(a, WIRE_PERMISSIONS_MAX + 1, "one more");
    fake_expect_refused(&f, a, WIRE_PERMISSIONS_MAX + 1, WIRE_E_BAD_PERMISSION);
    ck_assert_uint_eq(counters().limit_permissions, 1);

    fake_skip(&f); /* the end of its session */
    uint64_t b = fake_join(&f, 1, FAKE_DOC, 2);
    memset(subject, 's', WIRE_SUBJECT_BYTES_MAX + 1);
    subject[WIRE_SUBJECT_BYTES_MAX + 1] = 0;
    permission_submit(b, 1, subject);
    fake_expect_refused(&f, b, 1, WIRE_E_BAD_PERMISSION);
    ck_assert_uint_eq(counters().limit_subject, 1);
    ck_assert_uint_eq(counters().limit_permissions, 1);
}
END_TEST

START_TEST(without_a_beat_for_two_seconds_nothing_is_admitted)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);

    f.beats_lost = true;
    fake_run(&f, 1400);
    fake_type(&f, a, 1, 0, "x");
    fake_settle(&f);
    fake_expect_entry(&f, 1);
    ck_assert(wk_core_ready(f.core));
    fake_run(&f, 1100);
    ck_assert(!wk_core_ready(f.core));
    ck_assert_uint_eq(f.events[WK_EVENT_STALE], 1);
    fake_type(&f, a, 2, 0, "y");
    fake_expect_refused(&f, a, 2, WIRE_E_RETRY_LATER);
    uint64_t b = fake_open(&f, 2, fake_open_of(FAKE_DOC, 2));
    fake_expect_refused(&f, b, 0, WIRE_E_RETRY_LATER);
    ck_assert_uint_eq(counters().stale, 2);
    ck_assert_uint_eq(wk_core_gauges(f.core).live, 1);
    ck_assert_uint_eq(wk_core_gauges(f.core).attachments, 1);
    f.beats_lost = false;
    fake_run(&f, 1000);
    fake_type(&f, a, 2, 0, "y");
    fake_settle(&f);
    fake_expect_entry(&f, 1);
    ck_assert_uint_eq(counters().loads, 1); /* nothing was thrown away */
}
END_TEST

/* A process that stood still for long hears its gateways before its own clock. */
START_TEST(a_worker_that_was_paused_admits_nothing_before_it_has_beaten)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);

    f.now_ms += 60000;
    fake_type(&f, a, 1, 0, "x");
    fake_expect_refused(&f, a, 1, WIRE_E_RETRY_LATER);
    fake_run(&f, 100);
    fake_type(&f, a, 1, 0, "x");
    fake_settle(&f);
    fake_expect_entry(&f, 1);
}
END_TEST

START_TEST(what_waited_when_beats_stopped_is_admitted_when_they_come_back)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);

    f.calls_held = true;
    fake_type(&f, a, 1, 0, "x");
    fake_type(&f, a, 2, 0, "y");
    f.beats_lost = true;
    fake_run(&f, 3000);
    fake_land(&f, STORAGE_APPEND);
    fake_expect_entry(&f, 1); /* was under way */
    fake_run(&f, 500);
    while (f.call_count)
        fake_land(&f, STORAGE_READ);
    fake_expect_none(&f);
    f.calls_held = f.beats_lost = false;
    fake_run(&f, 1000);
    fake_expect_entry(&f, 1);
    ck_assert_str_eq(fake_text(&f, FAKE_DOC), "xy\n");
}
END_TEST

START_TEST(postgres_down_puts_off_cold_documents_and_no_live_ones)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);

    fake_create(&f, 1, slice_str("cold"), 2);
    wk_core_gateway_gone(f.core, 2);
    fake_detach(&f, 2);
    store_archive(&f.store, slice_str("cold"), 0, true);
    fake_run(&f, 10000);
    ck_assert_uint_eq(wk_core_gauges(f.core).documents, 1);
    f.postgres_down = true;
    uint64_t b = fake_open(&f, 2, fake_open_of(slice_str("cold"), 3));
    fake_run(&f, 3000);
    fake_type(&f, a, 1, 0, "x");
    fake_settle(&f);
    fake_expect_entry(&f, 1);
    fake_run(&f, 4000);
    fake_expect_refused(&f, b, 0, WIRE_E_RETRY_LATER);
    f.postgres_down = false;
    fake_run(&f, 3000);
    fake_join(&f, 2, slice_str("cold"), 3);
}
END_TEST

START_TEST(a_document_without_attachments_is_evicted_when_archived)
{
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);

    fake_detach(&f, a);
    fake_run(&f, 20000);
    ck_assert_uint_eq(wk_core_gauges(f.core).documents, 1); /* its tail may be lost yet */
    store_archive(&f.store, FAKE_DOC, 0, true);
    fake_run(&f, 20000);
    ck_assert_uint_eq(wk_core_gauges(f.core).documents, 0);
    ck_assert_uint_eq(wk_core_gauges(f.core).bytes, 0);
    ck_assert_uint_eq(counters().evictions, 1);
}
END_TEST

START_TEST(a_malformed_item_resets_the_link)
{
    ck_assert(!wk_core_item(f.core, 1, slice_str("\xff\xff")));
    struct wire_to_worker item = {.type = WIRE_TO_WORKER_SUBMIT};
    struct bytes out = BYTES_INIT;
    uint64_t a = fake_create(&f, 1, FAKE_DOC, 1);
    item.submit = (struct wire_link_submit){.attachment = a, .kind = WIRE_KIND_EDIT};
    wire_to_worker_encode(&item, &out);
    ck_assert(!wk_core_item(f.core, 1, bytes_slice(&out))); /* seq 0 */
    bytes_reset(&out);
    item.submit.seq = 1;
    item.submit.kind = WIRE_KIND_CLOSE;
    wire_to_worker_encode(&item, &out);
    ck_assert(!wk_core_item(f.core, 1, bytes_slice(&out)));
    bytes_fini(&out);
}
END_TEST

TCase *wk_small_cases(void)
{
    TCase *tc = tcase_create("small");
    tcase_add_checked_fixture(tc, setup_small, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, what_waits_at_one_document_is_bounded);
    tcase_add_test(tc, ops_without_a_byte_are_bounded_too);
    tcase_add_test(tc, what_creators_send_is_bounded);
    tcase_add_test(tc, a_tail_that_is_too_long_lets_ops_wait_then_puts_them_off);
    tcase_add_test(tc, an_acked_op_that_comes_back_is_not_put_off);
    tcase_add_test(tc, idle_documents_go_when_memory_is_short_and_no_others);
    tcase_add_test(tc, cold_documents_wait_while_memory_is_full_of_used_ones);
    tcase_add_test(tc, loaded_documents_grow_by_a_quarter);
    tcase_add_test(tc, what_is_archived_goes_before_anybody_is_put_off);
    tcase_add_test(tc, history_is_read_so_far_back_and_no_farther);
    tcase_add_test(tc, attachments_are_bounded);
    return tc;
}

TCase *wk_bounds_cases(void)
{
    TCase *tc = tcase_create("bounds");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, an_entry_is_bounded_in_records);
    tcase_add_test(tc, an_entry_is_bounded_in_bytes);
    tcase_add_test(tc, what_an_op_becomes_is_bounded);
    tcase_add_test(tc, an_op_is_bounded_in_components);
    tcase_add_test(tc, a_title_that_is_none_does_not_end_the_session);
    tcase_add_test(tc, permissions_are_bounded);
    tcase_add_test(tc, without_a_beat_for_two_seconds_nothing_is_admitted);
    tcase_add_test(tc, a_worker_that_was_paused_admits_nothing_before_it_has_beaten);
    tcase_add_test(tc, what_waited_when_beats_stopped_is_admitted_when_they_come_back);
    tcase_add_test(tc, postgres_down_puts_off_cold_documents_and_no_live_ones);
    tcase_add_test(tc, a_document_without_attachments_is_evicted_when_archived);
    tcase_add_test(tc, a_malformed_item_resets_the_link);
    return tc;
}
