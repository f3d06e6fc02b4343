/* Against a real PostgreSQL: what is stored comes back, and what must be refused is. */
#include <stdio.h>

#include "pg_help_test.h"

START_TEST(what_is_committed_comes_back)
{
    struct call none = load(DOC, UINT64_MAX);
    ck_assert(!none.head.exists && !none.has_snapshot && none.count == 0);
    none = head_of(DOC);
    ck_assert(!none.head.exists && none.outcome == PG_OUTCOME_OK);

    struct chain_position zero = chain_position_start(DOC);
    struct chain_position a = committed(DOC, &zero, 3, "first", NULL);
    struct chain_position b = committed(DOC, &a, 2, "second", "snap at 5");
    struct chain_position c = committed(DOC, &b, 1, "third", NULL);
    struct chain_position d = committed(DOC, &c, 4, "fourth", "");

    struct call head = head_of(DOC);
    ck_assert(head.head.exists && same(&head.head.at, &d) && head.head.entry_first_rev == 10);

    struct call all = load(DOC, UINT64_MAX);
    ck_assert(same(&all.head.at, &d));
    ck_assert(all.has_snapshot && same(&all.snapshot_at, &d) && !all.snapshot[0]);
    ck_assert_uint_eq(all.count, 0);

    struct call at6 = load(DOC, 6);
    ck_assert(at6.has_snapshot && same(&at6.snapshot_at, &b));
    ck_assert_str_eq(at6.snapshot, "snap at 5");
    ck_assert_uint_eq(at6.count, 1);
    ck_assert_str_eq(at6.texts[0], "third");
    ck_assert_uint_eq(at6.segments[0].first_rev, 6);
    ck_assert(same(&at6.segments[0].last, &c));
    ck_assert(same(&at6.head.at, &d));

    struct call at4 = load(DOC, 4);
    ck_assert(!at4.has_snapshot);
    ck_assert_uint_eq(at4.count, 2);
    ck_assert_str_eq(at4.texts[1], "second");
}
END_TEST

START_TEST(history_covers_what_is_asked)
{
    struct chain_position at = chain_position_start(DOC);
    static const char *const texts[] = {"00000", "11111", "22222", "33333"};
    struct chain_position ends[5] = {at};
    for (int i = 0; i < 4; i++) /* 1-10, 11-20, 21-30, 31-40 */
        ends[i + 1] = at = committed(DOC, &at, 10, texts[i], NULL);
    static const struct {
        uint64_t from, to, bytes;
        size_t count;
        int first;
    } cases[] = {
        {1, 40, 100, 4, 0},         {10, 11, 100, 2, 0}, {11, 20, 100, 1, 1}, {15, 15, 100, 1, 1},
        {20, 21, 100, 2, 1},        {40, 99, 100, 1, 3}, {41, 99, 100, 0, 0}, {1, 40, 10, 2, 0},
        {11, UINT64_MAX, 14, 2, 1}, {1, 40, 0, 1, 0},    {0, 5, 100, 1, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct call call = history(cases[i].from, cases[i].to, cases[i].bytes);
        ck_assert_msg(call.count == cases[i].count, "case %zu: %zu", i, call.count);
        ck_assert(!call.count || same(&call.before, &ends[cases[i].first]));
        for (size_t k = 0; k < call.count; k++) {
            ck_assert_str_eq(call.texts[k], texts[cases[i].first + k]);
            ck_assert_uint_eq(call.segments[k].first_rev, 10 * (cases[i].first + k) + 1);
        }
    }
}
END_TEST

START_TEST(a_commit_wants_the_head_it_expects)
{
    struct chain_position zero = chain_position_start(DOC);
    struct pg_commit c = commit_of(&zero, 3, "x", "s");
    c.expect.rev = 5; /* of a document that is not there */
    c.to.rev = 8;
    c.entry_first_rev = 6;
    struct call call = commit(DOC, &c);
    ck_assert(call.outcome == PG_OUTCOME_OK && call.status == PG_LOST && !call.head.exists);

    struct chain_position one = committed(DOC, &zero, 3, "first", NULL);
    c = commit_of(&zero, 3, "x", "s"); /* a second beginning */
    call = commit(DOC, &c);
    ck_assert(call.status == PG_LOST && call.head.exists && same(&call.head.at, &one));
    c = commit_of(&one, 3, "x", "s");
    c.expect.hash[7] ^= 1; /* another history */
    call = commit(DOC, &c);
    ck_assert(call.status == PG_LOST && same(&call.head.at, &one));
    c = commit_of(&one, 3, "x", "s");
    c.expect.rev = 2; /* behind */
    call = commit(DOC, &c);
    ck_assert(call.status == PG_LOST && same(&call.head.at, &one));
    ck_assert_str_eq(sql("select count(*) from weft.segments"), "1");
    ck_assert_str_eq(sql("select count(*) from weft.snapshots"), "0");
    (void)committed(DOC, &one, 1, "goes on", NULL);
}
END_TEST

START_TEST(large_rows)
{
    struct pg_config config = config_of();
    config.command_ms = 20000;
    close_client();
    open_ready(&config);
    struct chain_position zero = chain_position_start(DOC);
    struct pg_commit c = commit_of(&zero, 1, "x", NULL);
    size_t size = 20u << 20;
    char *big = malloc(size);
    for (size_t i = 0; i < size; i++)
        big[i] = (char)(i * 2654435761u >> 13 | 1); /* no NUL: compared as text */
    c.segment = slice_of(big, size);
    struct call call = commit(DOC, &c);
    ck_assert_msg(call.outcome == PG_OUTCOME_OK, "%s", call.error);
    call = load(DOC, UINT64_MAX);
    ck_assert_uint_eq(call.count, 1);
    ck_assert_uint_eq(call.segments[0].bytes.size, size);
    ck_assert_mem_eq(call.texts[0], big, 3);
    free(big);
}
END_TEST

static void on_known(void *arg, const struct pg_answer *answer, const struct pg_known_reply *reply)
{
    struct call *call = arg;
    ck_assert_msg(reply, "%s", answer->error);
    for (call->count = 0; call->count < reply->count; call->count++)
        snprintf(call->texts[call->count], sizeof call->texts[0], "%.*s",
                 (int)reply->ids[call->count].size, (const char *)reply->ids[call->count].data);
    call->answers++;
}

START_TEST(many_are_asked_for_at_once)
{
    const struct slice asked[] = {slice_str("b"), slice_str("nobody"), DOC, slice_str("a,\"{}"),
                                  slice_of("", 0)};
    struct chain_position b = chain_position_start(asked[0]), d = chain_position_start(DOC),
                          a = chain_position_start(asked[3]);
    struct call call = {0}, none = {0};
    (void)committed(asked[0], &b, 1, "x", NULL);
    (void)committed(DOC, &d, 1, "x", NULL);
    (void)committed(asked[3], &a, 1, "x", NULL);
    ck_assert_int_eq(pg_known(help.client, asked, 5, on_known, &call), 0);
    AWAIT(call.answers);
    ck_assert_uint_eq(call.count, 3);
    ck_assert_str_eq(call.texts[0], "a,\"{}");
    ck_assert_str_eq(call.texts[1], "b");
    ck_assert_str_eq(call.texts[2], "doc");
    ck_assert_int_eq(pg_known(help.client, &asked[1], 1, on_known, &none), 0);
    AWAIT(none.answers);
    ck_assert_uint_eq(none.count, 0);
}
END_TEST

static void on_snapshot(void *arg, const struct pg_answer *answer,
                        const struct pg_snapshot_reply *reply)
{
    struct call *call = arg;
    ck_assert_msg(reply, "%s", answer->error);
    call->has_snapshot = reply->exists;
    call->snapshot_at = reply->at;
    snprintf(call->snapshot, sizeof call->snapshot, "%.*s", (int)reply->bytes.size,
             (const char *)reply->bytes.data);
    call->answers++;
}

START_TEST(snapshots_come_one_after_the_other)
{
    struct chain_position zero = chain_position_start(DOC);
    struct chain_position a = committed(DOC, &zero, 3, "1", "at 3");
    struct chain_position b = committed(DOC, &a, 2, "2", NULL);
    struct chain_position c = committed(DOC, &b, 1, "3", "at 6");
    static const struct {
        uint64_t above;
        const char *found;
    } cases[] = {{0, "at 3"}, {2, "at 3"}, {3, "at 6"}, {5, "at 6"}, {6, ""}, {UINT64_MAX, ""}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct call call = {0};
        ck_assert_int_eq(pg_snapshot(help.client, DOC, cases[i].above, on_snapshot, &call), 0);
        AWAIT(call.answers);
        ck_assert_str_eq(call.snapshot, cases[i].found);
        ck_assert_int_eq(call.has_snapshot, cases[i].found[0] != 0);
        ck_assert(!call.has_snapshot || same(&call.snapshot_at, cases[i].above < 3 ? &a : &c));
    }
}
END_TEST

START_TEST(documents_are_listed)
{
    static const char *const ids[] = {"b", "a/2", "a/1", "a0", "\xff\xff", "\xff"};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        struct slice id = slice_str(ids[i]);
        struct chain_position zero = chain_position_start(id);
        (void)committed(id, &zero, i + 1, "x", NULL);
    }
    static const struct {
        const char *prefix, *after;
        unsigned limit;
        const char *found;
    } cases[] = {
        {"", "", 20, "a/1 a/2 a0 b \xff \xff\xff "},
        {"a/", "", 20, "a/1 a/2 "},
        {"a/", "a/1", 20, "a/2 "},
        {"", "a0", 2, "b \xff "},
        {"\xff", "", 20, "\xff \xff\xff "},
        {"c", "", 20, ""},
        {"a/", "b", 20, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct call call = {0};
        char found[100] = "";
        ck_assert_int_eq(pg_docs(help.client, slice_str(cases[i].prefix), slice_str(cases[i].after),
                                 cases[i].limit, on_docs, &call),
                         0);
        AWAIT(call.answers);
        for (size_t k = 0; k < call.count; k++) {
            strcat(found, call.texts[k]);
            strcat(found, " ");
        }
        ck_assert_str_eq(found, cases[i].found);
        if (i == 0) {
            ck_assert_uint_eq(call.docs[0].lane, 63);
            ck_assert_uint_eq(call.docs[0].head.rev, 3);
            ck_assert_uint_eq(call.docs[0].kind, 1);
            ck_assert_uint_eq(call.docs[0].title.size, 7);
            ck_assert_uint_gt(call.docs[0].updated_ms, 1600000000000ull);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pg calls");
    TCase *tcase = tcase_create("calls");
    tcase_set_timeout(tcase, 90);
    tcase_add_unchecked_fixture(tcase, start_server, stop_server);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, what_is_committed_comes_back);
    tcase_add_test(tcase, history_covers_what_is_asked);
    tcase_add_test(tcase, a_commit_wants_the_head_it_expects);
    tcase_add_test(tcase, large_rows);
    tcase_add_test(tcase, many_are_asked_for_at_once);
    tcase_add_test(tcase, snapshots_come_one_after_the_other);
    tcase_add_test(tcase, documents_are_listed);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
