/*
 * The comparison at the end, on clients that were given their text by hand: what is wrong must be
 * found, of each kind.
 */
#include "load_check.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "load_editor.h"
#include "load_modes.h"
#include "ot_codec.h"

static struct load_options options = {.mode = LOAD_RATE,
                                      .url = (char *)"ws://127.0.0.1:1/",
                                      .dir = (char *)"/nowhere",
                                      .docs = 1,
                                      .editors = 2,
                                      .connections = 2,
                                      .rate = 1000,
                                      .seed = 1,
                                      .tokens = true};
static struct load_chaos chaos;
static struct load_world *w;
static struct load_editor *a, *b, *reader;
static struct load_tally tally;

static void world_make(const struct load_mode *mode)
{
    struct bytes why = BYTES_INIT;

    unsetenv("WEFT_REDIS");
    memset(&chaos, 0, sizeof chaos);
    memset(&tally, 0, sizeof tally);
    w = load_world_new(&options, mode, &chaos, &why);
    ck_assert_ptr_nonnull(w);
    a = w->docs[0].editors;
    b = a + 1;
    reader = load_reader(w->docs);
}

static void teardown(void)
{
    w = load_world_free(w);
}

/* As a server would: the document at revision rev, in the answer to Open. */
static void give_content(struct load_editor *e, struct slice content, uint64_t rev)
{
    struct wire_content whole = {.content = content};
    struct bytes payload = BYTES_INIT;
    struct wire_client_frame open;

    if (client_doc_state(e->client) == CLIENT_CLOSED)
        client_doc_open(e->client);
    ck_assert(client_doc_pull(e->client, &w->mem, &open));
    ck_assert_int_eq(open.type, WIRE_UP_OPEN);
    wire_content_encode(&whole, &payload);
    struct wire_server_frame opened = {.type = WIRE_DOWN_OPENED,
                                       .opened = {.doc = bytes_slice(&w->docs[0].id),
                                                  .outcome = WIRE_OPENED_SNAPSHOT,
                                                  .position = {.rev = rev},
                                                  .doc_kind = WIRE_DOC_RICH,
                                                  .payload_bytes = payload.size,
                                                  .payload = bytes_slice(&payload)}};
    load_editor_frame(e, &opened);
    ck_assert_int_eq(client_doc_state(e->client), CLIENT_LIVE);
    bytes_fini(&payload);
}

static void give(struct load_editor *e, const char *text, const char *bold, uint64_t rev)
{
    struct bytes content = BYTES_INIT, attrs = BYTES_INIT;
    struct ot_builder builder;
    struct ot_op op;

    ot_attrs_append(&attrs, slice_str("bold"), slice_str("true"));
    ot_builder_init(&builder, &w->mem);
    ot_builder_insert(&builder, slice_str(text), (uint32_t)strlen(text), (struct slice){0});
    if (bold)
        ot_builder_insert(&builder, slice_str(bold), (uint32_t)strlen(bold), bytes_slice(&attrs));
    ot_builder_insert(&builder, slice_str("\n"), 1, (struct slice){0});
    ck_assert_int_eq(ot_builder_finish(&builder, &op), 0);
    ot_encode(&op, &content);
    give_content(e, bytes_slice(&content), rev);
    bytes_fini(&content);
    bytes_fini(&attrs);
}

static void expect(uint64_t lost, uint64_t doubled, uint64_t diverged)
{
    load_check(w, &tally);
    ck_assert_uint_eq(tally.lost, lost);
    ck_assert_uint_eq(tally.doubled, doubled);
    ck_assert_uint_eq(tally.diverged, diverged);
}

/* ---- texts and revisions -------------------------------------------------------------------- */

START_TEST(all_is_well)
{
    world_make(&load_closed);
    give(a, "x", "yz", 5);
    give(b, "x", "yz", 5);
    give(reader, "x", "yz", 5);
    w->docs[0].acked = 4;
    expect(0, 0, 0);
}
END_TEST

START_TEST(an_editor_holds_another_text)
{
    world_make(&load_closed);
    give(a, "xyz", NULL, 5);
    give(b, "xy", NULL, 5);
    give(reader, "xyz", NULL, 5);
    w->docs[0].acked = 4;
    expect(0, 0, 1);
}
END_TEST

START_TEST(attributes_count)
{
    world_make(&load_closed);
    give(a, "xy", "z", 5);
    give(b, "xyz", NULL, 5);
    give(reader, "xy", "z", 5);
    w->docs[0].acked = 4;
    expect(0, 0, 1);
}
END_TEST

START_TEST(the_server_gives_nothing)
{
    world_make(&load_closed);
    give(a, "x", NULL, 5);
    give(b, "x", NULL, 5);
    w->docs[0].acked = 4;
    expect(0, 0, 1);
}
END_TEST

/* The texts are equal, but the history is not as long as what was acknowledged. */
START_TEST(revisions_tell)
{
    static const struct {
        uint64_t acked;
        bool session_ended;
        uint64_t lost, doubled;
    } cases[] = {
        {4, false, 0, 0}, {6, false, 2, 0}, {6, true, 2, 0}, {3, false, 0, 1}, {3, true, 0, 0}};

    world_make(&load_closed);
    give(a, "x", NULL, 5);
    give(b, "x", NULL, 5);
    give(reader, "x", NULL, 5);
    w->docs[0].acked = cases[_i].acked;
    w->docs[0].session_ended = cases[_i].session_ended;
    expect(cases[_i].lost, cases[_i].doubled, 0);
}
END_TEST

START_TEST(what_was_never_acknowledged)
{
    struct ot_builder builder;
    struct ot_op op;

    world_make(&load_closed);
    give(a, "x", NULL, 5);
    give(b, "x", NULL, 5);
    give(reader, "x", NULL, 5);
    w->docs[0].acked = 4;
    ot_builder_init(&builder, &w->mem);
    ot_builder_insert(&builder, slice_str("!"), 1, (struct slice){0});
    ck_assert_int_eq(ot_builder_finish(&builder, &op), 0);
    ck_assert(load_editor_type(b, &op, 0));
    expect(1, 0, 1);
}
END_TEST

/* ---- tokens --------------------------------------------------------------------------------- */

static int commands[2];

/* Some tokens of each editor; those of a were acknowledged, those of b not. */
static void tokens_type(void)
{
    ck_assert_int_eq(pipe(commands), 0);
    ck_assert_int_eq(dup2(commands[0], STDIN_FILENO), STDIN_FILENO);
    world_make(&load_chaos);
    give(a, "start", NULL, 1);
    give(b, "start", NULL, 1);
    load_chaos.begin(w);
    w->typing = true;
    while (a->edits < 5 || b->edits < 5)
        ev_loop_step(w->loop, 10);
    w->typing = false;
    load_chaos.acked(a, 0, a->edits, 0);
}

/* The reader is given both texts: b's after a's, in which something may be changed. */
static void tokens_compare(const char *from, const char *to, const char *more)
{
    struct bytes text = BYTES_INIT;
    char *whole;

    ot_rope_text(client_doc_rope(a->client), &text);
    text.size--; /* its newline */
    ot_rope_text(client_doc_rope(b->client), &text);
    text.size--;
    bytes_append_str(&text, more);
    bytes_append_u8(&text, 0);
    whole = (char *)text.data;
    if (from) {
        char *at = strstr(whole, from);
        ck_assert_ptr_nonnull(at);
        memcpy(at, to, strlen(to));
    }
    give(reader, whole, NULL, 1);
    load_chaos.check(w, &tally);
    load_chaos.end(w);
    bytes_fini(&text);
    close(commands[0]);
    close(commands[1]);
}

static void tokens_expect(uint64_t lost, uint64_t doubled, uint64_t diverged)
{
    ck_assert_uint_eq(tally.lost, lost);
    ck_assert_uint_eq(tally.doubled, doubled);
    ck_assert_uint_eq(tally.diverged, diverged);
    ck_assert_uint_eq(chaos.acked, a->edits);
}

START_TEST(all_tokens_are_there)
{
    tokens_type();
    tokens_compare(NULL, NULL, "");
    tokens_expect(0, 0, 0);
}
END_TEST

START_TEST(an_acknowledged_token_is_missing)
{
    tokens_type();
    tokens_compare("{0.3}", "     ", "");
    tokens_expect(1, 0, 0);
}
END_TEST

/* It may be there or not. */
START_TEST(another_token_is_missing)
{
    tokens_type();
    tokens_compare("{1.3}", "     ", "");
    tokens_expect(0, 0, 0);
}
END_TEST

START_TEST(a_token_is_there_twice)
{
    tokens_type();
    tokens_compare(NULL, NULL, _i ? "{1.3}" : "{0.3}{0.3}");
    tokens_expect(0, 1, 0);
}
END_TEST

START_TEST(a_token_that_nobody_typed)
{
    static const char *const more[] = {"{0.zzz}", "{2.0}", "{9.0}", "{0.1"};

    tokens_type();
    tokens_compare(NULL, NULL, more[_i]);
    tokens_expect(0, 0, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("load_check");
    TCase *tc = tcase_create("load_check");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, NULL, teardown);
    tcase_add_test(tc, all_is_well);
    tcase_add_test(tc, an_editor_holds_another_text);
    tcase_add_test(tc, attributes_count);
    tcase_add_test(tc, the_server_gives_nothing);
    tcase_add_loop_test(tc, revisions_tell, 0, 5);
    tcase_add_test(tc, what_was_never_acknowledged);
    tcase_add_test(tc, all_tokens_are_there);
    tcase_add_test(tc, an_acknowledged_token_is_missing);
    tcase_add_test(tc, another_token_is_missing);
    tcase_add_loop_test(tc, a_token_is_there_twice, 0, 2);
    tcase_add_loop_test(tc, a_token_that_nobody_typed, 0, 4);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
