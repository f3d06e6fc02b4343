/* What does not follow what is archived: damage is kept, another history gives way. */
#include <signal.h>
#include <stdio.h>

#include "archive_segment.h"
#include "archiver_help_test.h"

/* Changes letters inside the first entry of its stream: it can still be decoded. */
static void entry_change(const struct writer *w, const char *from, const char *to)
{
    static const char script[] = "local entries = redis.call(\"XRANGE\", KEYS[1], \"-\", \"+\")\n"
                                 "local p = entries[1][2]\n"
                                 "local at, last = p[2]:find(ARGV[1], 1, true)\n"
                                 "p[2] = p[2]:sub(1, at - 1) .. ARGV[2] .. p[2]:sub(last + 1)\n"
                                 "redis.call(\"DEL\", KEYS[1])\n"
                                 "for _, e in ipairs(entries) do\n"
                                 "    redis.call(\"XADD\", KEYS[1], e[1], unpack(e[2]))\n"
                                 "end\n"
                                 "return \"changed\"";
    unsigned lane = cluster_lane_of(slice_str(w->name));
    const char *said =
        support_redis_cli(help.redis, "eval '%s' 1 'weft:{%u}:log:doc%%2F%zu' '%s' '%s'", script,
                          lane, (size_t)(w - writers), from, to);

    ck_assert_msg(strncmp(said, "changed", 7) == 0, "%s", said);
}

static size_t stream_entries(const struct writer *w)
{
    struct asked read = help_call(STORAGE_READ, w->name);

    ck_assert_int_eq(help_ask(&read), STORAGE_OK);
    size_t count = read.call.entry_count;
    help_drop(&read);
    return count;
}

/* PostgreSQL has nothing of it yet: to let it win would drop all that was acked. */
static size_t log_count(const char *words)
{
    const char *at = support_process_log(archiver.process);
    size_t count = 0;

    while ((at = strstr(at, words))) {
        at += strlen(words);
        count++;
    }
    return count;
}

START_TEST(a_damaged_beginning_is_kept)
{
    writers_create();
    writers_write(2);
    entry_change(&writers[0], "its end", "itr end");
    archiver_start("a1");
    AWAIT(archiver_log_has("error doc-damaged"));
    for (size_t i = 1; i < DOCS; i++)
        AWAIT(writer_is_stored(&writers[i]) && writer_is_trimmed(&writers[i]));
    ck_assert_uint_eq(stream_entries(&writers[0]), 3);
    entry_change(&writers[0], "itr end", "its end");
    writers_await_archived(); /* its mark has stayed */
    ck_assert(archiver_says("/metrics", "\nweft_archiver_rebases_total 0\n"));
    ck_assert_int_eq(archiver_stop(SIGTERM), 0);
}
END_TEST

/* The first entry behind what is archived. */
START_TEST(a_damaged_tail_is_kept)
{
    writers_create();
    archiver_start("a1");
    AWAIT(archiver_is_ready());
    writers_await_archived();
    ck_assert_int_eq(archiver_stop(SIGTERM), 0);
    writers_write(2);
    entry_change(&writers[0], "some words", "some wards");
    archiver_start("a1");
    AWAIT(archiver_log_has("error doc-damaged"));
    for (size_t i = 1; i < DOCS; i++)
        AWAIT(writer_is_stored(&writers[i]) && writer_is_trimmed(&writers[i]));
    ck_assert_uint_eq(stream_entries(&writers[0]), 2);
    entry_change(&writers[0], "some wards", "some words");
    writers_await_archived();
    ck_assert(archiver_says("/metrics", "\nweft_archiver_rebases_total 0\n"));
    ck_assert_int_eq(archiver_stop(SIGTERM), 0);
}
END_TEST

/* As in a rolling upgrade. Others are not kept waiting, nor what stands before it. */
START_TEST(what_a_newer_release_appended_is_left_to_it)
{
    struct writer *w = &writers[0];

    writers_create();
    writers_write(2);
    writer_write_newer(w);
    archiver_start("a1");
    AWAIT(archiver_log_has("warn doc-newer"));
    for (size_t i = 0; i < DOCS; i++)
        AWAIT(writer_is_stored(&writers[i]));
    for (size_t i = 1; i < DOCS; i++)
        AWAIT(writer_is_trimmed(&writers[i]));
    AWAIT(stream_entries(w) == 1);
    /* Again and again, with what it holds and with what it has loaded. */
    AWAIT(log_count("doc-newer") >= 3);
    ck_assert_uint_eq(stream_entries(w), 1);
    ck_assert(archiver_says("/metrics", "\nweft_archiver_damaged_total 0\n"));
    ck_assert(archiver_says("/metrics", "\nweft_archiver_rebases_total 0\n"));
    ck_assert_int_eq(archiver_stop(SIGTERM), 0);
}
END_TEST

/* Its archiver was already there; this one must not say that the document is damaged. */
START_TEST(what_a_newer_release_archived_is_left_to_it)
{
    static const char sql[] = "update weft.segments set bytes = '\\x%s' where doc = 'doc/0'";
    static const uint8_t newer[] = {2, 'n', 'e', 'w'};
    struct bytes segment = BYTES_INIT;
    char hex[200] = "";

    writers_create();
    archiver_start("a1");
    AWAIT(archiver_is_ready());
    writers_await_archived();
    ck_assert_int_eq(archiver_stop(SIGTERM), 0);
    ck_assert_int_eq(archive_compress(slice_of(newer, sizeof newer), &segment), 0);
    for (size_t i = 0; i < segment.size; i++)
        snprintf(hex + 2 * i, sizeof hex - 2 * i, "%02x", segment.data[i]);
    bytes_fini(&segment);
    (void)support_pg_sql(help.postgres, sql, hex);
    writers_write(1);
    archiver_start("a1");
    AWAIT(archiver_log_has("warn doc-newer"));
    for (size_t i = 1; i < DOCS; i++)
        AWAIT(writer_is_stored(&writers[i]) && writer_is_trimmed(&writers[i]));
    ck_assert_uint_eq(stream_entries(&writers[0]), 1);
    ck_assert(archiver_says("/metrics", "\nweft_archiver_damaged_total 0\n"));
    ck_assert_int_eq(archiver_stop(SIGTERM), 0);
}
END_TEST

static void head_copy(const char *from, const char *to)
{
    unsigned lane = cluster_lane_of(slice_str("doc/0"));
    const char *said = support_redis_cli(help.redis, "copy 'weft:{%u}:%s' 'weft:{%u}:%s' replace",
                                         lane, from, lane, to);

    ck_assert_msg(strncmp(said, "1", 1) == 0, "%s", said);
}

/* A head behind what stands in the stream: to set it back would drop that. */
START_TEST(a_stream_behind_a_damaged_head_is_kept)
{
    writers_create();
    archiver_start("a1");
    AWAIT(archiver_is_ready());
    writers_await_archived();
    ck_assert_int_eq(archiver_stop(SIGTERM), 0);
    head_copy("head:doc%2F0", "old");
    writers_write(2);
    head_copy("head:doc%2F0", "right");
    head_copy("old", "head:doc%2F0");
    archiver_start("a1");
    AWAIT(archiver_log_has("error doc-damaged"));
    head_copy("right", "head:doc%2F0");
    writers_await_archived();
    ck_assert(archiver_says("/metrics", "\nweft_archiver_rebases_total 0\n"));
    ck_assert_int_eq(archiver_stop(SIGTERM), 0);
}
END_TEST

/* All are archived, and Redis has lost the first one. */
static void archived_and_lost(void)
{
    unsigned lane = cluster_lane_of(slice_str("doc/0"));

    writers_create();
    writers_write(1);
    archiver_start("a1");
    AWAIT(archiver_is_ready());
    writers_await_archived();
    ck_assert_int_eq(archiver_stop(SIGTERM), 0);
    (void)support_redis_cli(help.redis, "del 'weft:{%u}:head:doc%%2F0' 'weft:{%u}:log:doc%%2F0'",
                            lane, lane);
}

static void await_rebased(void)
{
    const char *const args[] = {"--id", "a1", "--sweep=100ms", NULL};

    archiver_spawn("a1", args);
    AWAIT(archiver_log_has("warn doc-rebased"));
    writers_await_archived();
    ck_assert(!archiver_log_has("doc-damaged"));
    ck_assert_int_eq(archiver_stop(SIGTERM), 0);
}

/* Somebody created it anew: PostgreSQL wins. */
START_TEST(another_history_beside_what_is_archived_is_set_back)
{
    archived_and_lost();
    struct writer other = writer_beside(&writers[0]);
    (void)help_adopt(other.name);
    writer_write(&other, WIRE_KIND_CREATE, "another\n");
    for (unsigned i = 0; i < 3; i++) /* one ends where PostgreSQL stands, two go on */
        writer_write(&other, WIRE_KIND_EDIT, "other words ");
    doc_free(other.doc);
    await_rebased();
}
END_TEST

/* The same, and none of its entries ends or begins where PostgreSQL stands. */
START_TEST(another_history_that_spans_what_is_archived_is_set_back)
{
    archived_and_lost();
    struct writer other = writer_beside(&writers[0]);
    (void)help_adopt(other.name);
    writer_write(&other, WIRE_KIND_CREATE, "another\n");
    writer_write_together(&other, "other words ", 2);
    doc_free(other.doc);
    await_rebased();
}
END_TEST

/* Redis stands where it stood before; nothing is marked, so nobody claims it. */
START_TEST(a_head_behind_what_is_archived_is_set_forward)
{
    archived_and_lost();
    (void)help_adopt(writers[0].name);
    await_rebased();
}
END_TEST

void archiver_damage_add(Suite *suite)
{
    TCase *tc = archiver_case(suite, "damage", false);

    tcase_add_test(tc, a_damaged_beginning_is_kept);
    tcase_add_test(tc, a_damaged_tail_is_kept);
    tcase_add_test(tc, what_a_newer_release_appended_is_left_to_it);
    tcase_add_test(tc, what_a_newer_release_archived_is_left_to_it);
    tcase_add_test(tc, a_stream_behind_a_damaged_head_is_kept);
    tcase_add_test(tc, another_history_beside_what_is_archived_is_set_back);
    tcase_add_test(tc, another_history_that_spans_what_is_archived_is_set_back);
    tcase_add_test(tc, a_head_behind_what_is_archived_is_set_forward);
}
