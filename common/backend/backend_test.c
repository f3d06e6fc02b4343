/*
 * Against a real Redis and a real PostgreSQL: every kind of call, every result, and what happens
 * when a server dies, stalls, lacks memory, or is not fit.
 */
#include "backend_help_test.h"

#include <stdio.h>
#include <stdlib.h>

#include "cluster_tracker.h"

#define DOC "doc/a"

static void setup(void)
{
    help_open(REDIS_LEVEL_FSYNC, false);
}

static void setup_both(void)
{
    help_open(REDIS_LEVEL_FSYNC, true);
}

static void teardown(void)
{
    support_server_resume(help.redis); /* wherever the test has ended */
    support_server_resume(help.postgres);
    help.on_reconnected = NULL;
    if (help.loop)
        help_close();
}

static bool same(const struct chain_position *a, const struct chain_position *b)
{
    return chain_position_equal(a, b);
}

static bool text_is(struct slice s, const char *text)
{
    return slice_equal(s, slice_str(text));
}

static enum storage_result read_from(struct asked *asked, uint64_t from_rev, uint64_t count_max)
{
    *asked = help_call(STORAGE_READ, DOC);
    asked->call.from_rev = from_rev;
    asked->call.count_max = count_max;
    return help_ask(asked);
}

/* The value of a series on the metrics page. */
static uint64_t metric(const char *series)
{
    struct bytes page = BYTES_INIT;

    backend_metrics_append(help.backend, &page);
    bytes_append_u8(&page, 0);
    ck_assert(!page.failed);
    char line[200];
    snprintf(line, sizeof line, "\n%s ", series);
    const char *at = strstr((const char *)page.data, line);
    ck_assert_msg(at != NULL, "there is no series %s", series);
    uint64_t value = strtoull(at + strlen(line), NULL, 10);
    bytes_fini(&page);
    return value;
}

/* ---- Redis ---- */

START_TEST(an_append_wants_the_head_it_expects)
{
    struct chain_position zero = chain_position_start(slice_str(DOC));
    struct asked append = help_call(STORAGE_APPEND, DOC);
    append.call.expect = zero;
    append.call.position = chain_position_after(&zero, 2, slice_str("xy"));
    append.call.first_rev = 1;
    append.call.payload = slice_str("xy");
    ck_assert_int_eq(help_ask(&append), STORAGE_MISSING);
    help_drop(&append);
    (void)help_adopt(DOC);
    ck_assert_int_eq(help_ask(&append), STORAGE_OK);
    help_drop(&append);
    ck_assert_int_eq(help_ask(&append), STORAGE_REFUSED);
    ck_assert(append.call.has_head && same(&append.call.head, &append.call.position));
    help_drop(&append);

    struct asked adopt = help_call(STORAGE_ADOPT, DOC);
    adopt.call.position = zero; /* too late: the head that is there stays */
    ck_assert_int_eq(help_ask(&adopt), STORAGE_OK);
    ck_assert(adopt.call.has_head && same(&adopt.call.head, &append.call.position));
    help_drop(&adopt);
    ck_assert_uint_eq(metric("weft_storage_calls_total{kind=\"append\",result=\"missing\"}"), 1);
    ck_assert_uint_eq(metric("weft_storage_calls_total{kind=\"append\",result=\"refused\"}"), 1);
    ck_assert_uint_eq(metric("weft_storage_calls_total{kind=\"append\",result=\"ok\"}"), 1);
    ck_assert_uint_eq(metric("weft_storage_call_seconds_count{kind=\"append\"}"), 3);
}
END_TEST

START_TEST(a_read_begins_where_it_is_asked)
{
    struct asked read;
    ck_assert_int_eq(read_from(&read, 1, 100), STORAGE_OK);
    ck_assert(!read.call.has_head && read.call.entry_count == 0);
    help_drop(&read);

    struct chain_position at[4] = {help_adopt(DOC)};
    static const char *const payloads[] = {"", "one", "", "three"};
    for (int i = 1; i <= 3; i++)
        at[i] = help_append(DOC, &at[i - 1], payloads[i]);
    ck_assert_int_eq(read_from(&read, 2, 100), STORAGE_OK);
    ck_assert(read.call.has_head && same(&read.call.head, &at[3]));
    ck_assert_uint_eq(read.call.entry_count, 2);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_uint_eq(read.call.entries[i].first_rev, i + 2);
        ck_assert(same(&read.call.entries[i].position, &at[i + 2]));
        ck_assert(text_is(read.call.entries[i].payload, payloads[i + 2]));
    }
    help_drop(&read);
    ck_assert_int_eq(read_from(&read, 1, 1), STORAGE_OK);
    ck_assert_uint_eq(read.call.entry_count, 1);
    help_drop(&read);
    ck_assert_int_eq(read_from(&read, 9, 100), STORAGE_OK);
    ck_assert(read.call.entry_count == 0 && same(&read.call.head, &at[3]));
    help_drop(&read);
}
END_TEST

#define LONG_PAYLOAD 300000
#define LONG_ENTRIES 24

static char *long_payload(int i)
{
    static char payload[LONG_PAYLOAD + 1];

    memset(payload, 'a' + i, LONG_PAYLOAD);
    return payload;
}

static struct chain_position long_stream(void)
{
    struct chain_position at = help_adopt(DOC);

    for (int i = 0; i < LONG_ENTRIES; i++)
        at = help_append(DOC, &at, long_payload(i));
    return at;
}

START_TEST(a_long_stream_is_read_in_pages)
{
    struct chain_position end = long_stream();
    struct asked read;
    ck_assert_int_eq(read_from(&read, 1, 1000), STORAGE_OK);
    ck_assert_uint_ge(metric("weft_storage_read_pages_total"), 6);
    ck_assert_uint_eq(read.call.entry_count, LONG_ENTRIES);
    ck_assert(same(&read.call.head, &end));
    for (int i = 0; i < LONG_ENTRIES; i++) {
        ck_assert_uint_eq(read.call.entries[i].first_rev, (uint64_t)i + 1);
        ck_assert(text_is(read.call.entries[i].payload, long_payload(i)));
    }
    help_drop(&read);
    ck_assert_int_eq(read_from(&read, 1, 10), STORAGE_OK); /* ends within a page */
    ck_assert_uint_eq(read.call.entry_count, 10);
    help_drop(&read);
}
END_TEST

/* Stands between two pages of a READ while `change` is made. */
static enum storage_result read_while(struct asked *read, const char *change)
{
    uint64_t pages = metric("weft_storage_read_pages_total");

    *read = help_call(STORAGE_READ, DOC);
    read->call.from_rev = 1;
    read->call.count_max = 1000;
    help_send(read);
    AWAIT(metric("weft_storage_read_pages_total") > pages);
    ck_assert_uint_eq(read->answers, 0);
    (void)support_redis_cli(help.redis, "%s", change);
    AWAIT(read->answers);
    return read->call.result;
}

START_TEST(a_stream_that_changes_between_pages_is_read_again)
{
    char key[64], change[128];
    struct asked read;
    struct chain_position end = long_stream();
    snprintf(key, sizeof key, "weft:{%u}:log:doc%%2Fa", cluster_lane_of(slice_str(DOC)));
    ck_assert_str_eq(support_redis_cli(help.redis, "exists '%s'", key), "1");
    /* Behind what was read: no change to what the pages say. */
    snprintf(change, sizeof change, "xtrim '%s' MINID 2-0", key);
    ck_assert_int_eq(read_while(&read, change), STORAGE_OK);
    ck_assert_uint_eq(read.call.entry_count, LONG_ENTRIES);
    ck_assert(same(&read.call.head, &end));
    help_drop(&read);
    /* Beyond it: a hole. */
    snprintf(change, sizeof change, "xtrim '%s' MINID 24-0", key);
    ck_assert_int_eq(read_while(&read, change), STORAGE_UNKNOWN);
    ck_assert_uint_eq(read.call.entry_count, 0);
    help_drop(&read);
}
END_TEST

START_TEST(a_stream_that_vanishes_between_pages_is_read_again)
{
    char change[128];
    struct asked read;
    (void)long_stream();
    snprintf(change, sizeof change, "unlink 'weft:{%u}:log:doc%%2Fa'",
             cluster_lane_of(slice_str(DOC)));
    ck_assert_int_eq(read_while(&read, change), STORAGE_UNKNOWN);
    help_drop(&read);
}
END_TEST

static enum storage_result trim_to(uint64_t first_rev, const struct chain_position *to,
                                   uint64_t *ret_left)
{
    struct asked trim = help_call(STORAGE_TRIM, DOC);

    trim.call.first_rev = first_rev;
    trim.call.position = *to;
    enum storage_result result = help_ask(&trim);
    *ret_left = trim.call.entries_left;
    help_drop(&trim);
    return result;
}

START_TEST(a_trim_wants_a_position_on_the_chain)
{
    uint64_t left;
    struct chain_position at[4] = {help_adopt(DOC)};
    for (int i = 1; i <= 3; i++)
        at[i] = help_append(DOC, &at[i - 1], "x");
    struct chain_position wrong = at[2];
    wrong.hash[3] ^= 1;
    ck_assert_int_eq(trim_to(2, &wrong, &left), STORAGE_REFUSED);
    ck_assert_uint_eq(left, 3);
    ck_assert_int_eq(trim_to(2, &at[2], &left), STORAGE_OK);
    ck_assert_uint_eq(left, 1);
    ck_assert_int_eq(trim_to(3, &at[3], &left), STORAGE_OK);
    ck_assert_uint_eq(left, 0);
    ck_assert_int_eq(trim_to(3, &at[3], &left), STORAGE_OK); /* again: it is so already */
}
END_TEST

static enum storage_result rebase_to(const struct chain_position *expect,
                                     const struct chain_position *to, struct asked *ret)
{
    *ret = help_call(STORAGE_REBASE, DOC);
    ret->call.expect = *expect;
    ret->call.position = *to;
    enum storage_result result = help_ask(ret);
    help_drop(ret);
    return result;
}

START_TEST(a_rebase_wants_the_head_it_expects)
{
    struct asked asked;
    struct chain_position zero = chain_position_start(slice_str(DOC));
    ck_assert_int_eq(rebase_to(&zero, &zero, &asked), STORAGE_REFUSED);
    ck_assert(!asked.call.has_head);
    (void)help_adopt(DOC);
    struct chain_position one = help_append(DOC, &zero, "x");
    ck_assert_int_eq(rebase_to(&zero, &one, &asked), STORAGE_REFUSED);
    ck_assert(asked.call.has_head && same(&asked.call.head, &one));
    ck_assert_int_eq(rebase_to(&one, &zero, &asked), STORAGE_OK);
    ck_assert_int_eq(read_from(&asked, 1, 10), STORAGE_OK);
    ck_assert(same(&asked.call.head, &zero) && asked.call.entry_count == 0);
    help_drop(&asked);
}
END_TEST

static size_t claim(uint64_t lease_ms)
{
    struct asked asked = help_call(STORAGE_CLAIM, "");

    asked.call.lane = cluster_lane_of(slice_str(DOC));
    asked.call.lease_ms = lease_ms;
    ck_assert_int_eq(help_ask(&asked), STORAGE_OK);
    size_t count = asked.call.doc_count;
    ck_assert(count == 0 || text_is(asked.call.docs[0], DOC));
    help_drop(&asked);
    return count;
}

START_TEST(a_claim_falls_due_and_comes_back)
{
    struct chain_position zero = help_adopt(DOC);
    ck_assert_uint_eq(claim(1000), 0);
    (void)help_append(DOC, &zero, "x");
    AWAIT(claim(300) == 1);
    AWAIT(claim(600000) == 1); /* the lease of 300 ms has run out */
    ck_assert_uint_eq(claim(600000), 0);
}
END_TEST

/* A whole round over the lane. */
static uint64_t remark(unsigned lane)
{
    struct asked asked = help_call(STORAGE_REMARK, "");
    uint64_t count = 0;

    asked.call.lane = lane;
    asked.call.count_max = 3; /* so that a round takes several calls */
    do {
        ck_assert_int_eq(help_ask(&asked), STORAGE_OK);
        count += asked.call.count;
        help_drop(&asked);
    } while (asked.call.cursor);
    return count;
}

START_TEST(the_sweep_repairs_marks)
{
    unsigned lane = cluster_lane_of(slice_str(DOC));
    struct chain_position zero = help_adopt(DOC);
    for (int i = 0; i < 40; i++) {
        char other[16];
        snprintf(other, sizeof other, "other%d", i);
        (void)help_adopt(other);
    }
    ck_assert_uint_eq(remark(lane), 0);
    (void)support_redis_cli(help.redis, "zadd 'weft:{%u}:dirty' 1 '%s'", lane, DOC);
    ck_assert_uint_eq(remark(lane), 1); /* marked, but the stream is empty */
    (void)help_append(DOC, &zero, "x");
    (void)support_redis_cli(help.redis, "del 'weft:{%u}:dirty'", lane);
    ck_assert_uint_eq(remark((lane + 1) % CLUSTER_LANE_COUNT), 0);
    ck_assert_uint_eq(remark(lane), 1);
    ck_assert_uint_eq(remark(lane), 0);
}
END_TEST

/* ---- membership ---- */

static struct asked beat_of(const char *id, uint64_t boot, enum cluster_state state)
{
    struct asked asked = {.call = {.kind = STORAGE_BEAT, .list = STORAGE_WORKERS}};

    if (id)
        ck_assert_int_eq(cluster_member_make(slice_str(id), slice_str("ipc:///x"), boot, state,
                                             &asked.call.self),
                         0);
    return asked;
}

/* A member that is never silent: its stamp is far ahead. */
static void member_put(const char *id, const char *words)
{
    (void)support_redis_cli(help.redis, "hset weft:members 'm:%s' '99999999999999 %s'", id, words);
}

START_TEST(a_beat_gives_the_view)
{
    member_put("w2", "leaving 00000000000000ff tcp://10.0.0.1:7000");
    struct asked beat = beat_of("w1", 0xfedcba9876543210, CLUSTER_LIVE);
    ck_assert_int_eq(help_ask(&beat), STORAGE_OK);
    const struct cluster_view *view = beat.call.view;
    ck_assert(view->sealed && view->count == 2 && beat.call.time_ms > UINT64_C(1600000000000));
    const struct cluster_member *w1 = cluster_view_find(view, "w1");
    const struct cluster_member *w2 = cluster_view_find(view, "w2");
    ck_assert(w1->boot_id == 0xfedcba9876543210 && w1->state == CLUSTER_LIVE);
    ck_assert(w2->boot_id == 0xff && w2->state == CLUSTER_LEAVING);
    ck_assert_str_eq(w2->address, "tcp://10.0.0.1:7000");
    ck_assert_str_eq(support_redis_cli(help.redis, "hget weft:members m:w1") + 14,
                     "live fedcba9876543210 ipc:///x");
    uint64_t number = view->number;
    help_drop(&beat);

    struct asked look = beat_of(NULL, 0, CLUSTER_LIVE); /* only looks */
    ck_assert_int_eq(help_ask(&look), STORAGE_OK);
    ck_assert(look.call.view->count == 2 && look.call.view->number == number);
    help_drop(&look);

    beat.call.gone = true;
    ck_assert_int_eq(help_ask(&beat), STORAGE_OK);
    ck_assert(beat.call.view->count == 1 && beat.call.view->number == number + 1);
    help_drop(&beat);

    /* The list is lost: its number still only rises. */
    (void)support_redis_cli(help.redis, "del weft:members");
    ck_assert_int_eq(help_ask(&look), STORAGE_OK);
    ck_assert(look.call.view->count == 0 && look.call.view->number == number + 2);
    help_drop(&look);
    look.call.list = STORAGE_GATEWAYS; /* a list, and numbers, of their own */
    ck_assert_int_eq(help_ask(&look), STORAGE_OK);
    ck_assert_uint_eq(look.call.view->number, 0);
    help_drop(&look);
}
END_TEST

START_TEST(an_unreadable_member_is_an_alarm)
{
    static const char *const bad[] = {
        "live 00000000000000FF ipc:///x", "live 0ff ipc:///x", "live 00000000000000fg ipc:///x",
        "dead 00000000000000ff ipc:///x", "live 000000000000000ff ipc:///x"};
    struct asked look = beat_of(NULL, 0, CLUSTER_LIVE);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        member_put("w2", bad[i]);
        ck_assert_msg(help_ask(&look) == STORAGE_BROKEN, "%s", bad[i]);
        ck_assert_ptr_null(look.call.view);
        help_drop(&look);
    }
    member_put("w2", "live 00000000000000ff ipc:///x");
    ck_assert_int_eq(help_ask(&look), STORAGE_OK);
    help_drop(&look);
}
END_TEST

static struct asked first_beat;

static void beat_at_once(void)
{
    first_beat = beat_of("w1", 1, CLUSTER_LIVE);
    help_send(&first_beat);
}

START_TEST(a_reconnected_process_drops_nobody)
{
    (void)support_redis_cli(help.redis, "hset weft:members m:old '1 live 00000000000000ff a:1'");
    help.on_reconnected = beat_at_once;
    (void)support_redis_cli(help.redis, "client kill type normal skipme yes");
    AWAIT(first_beat.answers);
    ck_assert_uint_eq(help.reconnects, 2);
    ck_assert_int_eq(first_beat.call.result, STORAGE_OK);
    ck_assert_ptr_nonnull(cluster_view_find(first_beat.call.view, "old"));
    help_drop(&first_beat);
    /* The grace ends, and the silent one is dropped. */
    bool there = true;
    int64_t begun = ev_loop_now_ms(help.loop);
    while (there) {
        struct asked look = beat_of(NULL, 0, CLUSTER_LIVE);
        ck_assert_int_eq(help_ask(&look), STORAGE_OK);
        there = cluster_view_find(look.call.view, "old") != NULL;
        help_drop(&look);
        ck_assert_int_lt(ev_loop_now_ms(help.loop), begun + HELP_WAIT_MS);
        ev_loop_step(help.loop, 20);
    }
}
END_TEST

/* Deadlines that a test can wait for. */
static void reopen_short(bool with_postgres)
{
    struct backend_config config;

    help_close();
    help_config(&config, REDIS_LEVEL_FSYNC, with_postgres);
    config.redis.command_ms = config.postgres.command_ms = 1500;
    help_open_as(&config);
    AWAIT(backend_ready(help.backend));
}

/* ---- Redis dies, stalls, is full, is not fit ---- */

START_TEST(a_dead_redis_opens_the_breaker)
{
    struct chain_position zero = help_adopt(DOC);
    support_server_kill(help.redis);
    AWAIT(backend_state(help.backend, BACKEND_REDIS) == BACKEND_DOWN);
    ck_assert(!backend_ready(help.backend));
    struct asked read;
    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(read_from(&read, 1, 10), STORAGE_DOWN);
        help_drop(&read);
    }
    ck_assert_uint_ge(help.opened, 1);
    ck_assert_uint_ge(metric("weft_storage_breaker_refused_total{server=\"redis\"}"), 1);
    ck_assert_uint_eq(metric("weft_storage_calls_total{kind=\"read\",result=\"down\"}"), 10);
    ck_assert_uint_eq(help.failures, 10);
    support_server_again(help.redis);
    AWAIT(read_from(&read, 1, 10) == STORAGE_OK);
    ck_assert(same(&read.call.head, &zero));
    help_drop(&read);
    ck_assert_uint_ge(help.closed_again, 1);
    ck_assert_uint_eq(help.reconnects, 2);
    ck_assert(backend_ready(help.backend));
}
END_TEST

START_TEST(a_stalled_redis_leaves_it_unknown)
{
    reopen_short(false);
    struct chain_position zero = help_adopt(DOC);
    struct asked append = help_call(STORAGE_APPEND, DOC), read;
    append.call.expect = zero;
    append.call.position = chain_position_after(&zero, 1, slice_str("x"));
    append.call.first_rev = 1;
    append.call.payload = slice_str("x");
    support_server_pause(help.redis);
    ck_assert_int_eq(help_ask(&append), STORAGE_UNKNOWN);
    help_drop(&append);
    ck_assert_uint_eq(help.failures, 1);
    support_server_resume(help.redis);
    AWAIT(read_from(&read, 1, 10) == STORAGE_OK); /* it did happen: this is why one reads again */
    ck_assert(same(&read.call.head, &append.call.position));
    help_drop(&read);
}
END_TEST

START_TEST(no_memory_there_does_not_open_the_breaker)
{
    struct chain_position zero = help_adopt(DOC), one = help_append(DOC, &zero, "x");
    struct asked append = help_call(STORAGE_APPEND, DOC);
    uint64_t left;
    append.call.expect = one;
    append.call.position = chain_position_after(&one, 1, slice_str("y"));
    append.call.first_rev = 2;
    append.call.payload = slice_str("y");
    (void)support_redis_cli(help.redis, "config set maxmemory 1");
    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(help_ask(&append), STORAGE_DOWN);
        help_drop(&append);
    }
    ck_assert_uint_eq(help.opened, 0);
    ck_assert_int_eq(trim_to(1, &one, &left), STORAGE_OK); /* what makes room goes on */
    (void)support_redis_cli(help.redis, "config set maxmemory 0");
    ck_assert_int_eq(help_ask(&append), STORAGE_OK);
    help_drop(&append);
}
END_TEST

START_TEST(an_answer_that_makes_no_sense_is_broken)
{
    struct asked read;
    (void)support_redis_cli(help.redis, "set 'weft:{%u}:head:doc%%2Fa' nonsense",
                            cluster_lane_of(slice_str(DOC)));
    ck_assert_int_eq(read_from(&read, 1, 10), STORAGE_BROKEN);
    help_drop(&read);
}
END_TEST

START_TEST(a_redis_that_does_not_give_the_level_is_refused)
{
    struct backend_config config;
    (void)support_redis_cli(help.redis, "config set appendfsync everysec");
    help_config(&config, REDIS_LEVEL_FSYNC, false);
    help_open_as(&config);
    AWAIT(backend_state(help.backend, BACKEND_REDIS) == BACKEND_REFUSED);
    ck_assert_ptr_nonnull(strstr(help.reason, "appendfsync"));
    ck_assert_str_eq(backend_state_name(backend_state(help.backend, BACKEND_REDIS)), "refused");
    struct asked read;
    ck_assert_int_eq(read_from(&read, 1, 10), STORAGE_DOWN);
    help_drop(&read);
    (void)support_redis_cli(help.redis, "config set appendfsync always");
    AWAIT(backend_ready(help.backend));
}
END_TEST

static struct support_server *replica_start(void)
{
    char port[8], own[8], of[32];

    help.redis = support_server_stop(help.redis);
    snprintf(port, sizeof port, "%d", support_port());
    snprintf(own, sizeof own, "%d", support_port());
    snprintf(of, sizeof of, "127.0.0.1 %s", port);
    const char *options[] = {"--port", port, "--bind", "127.0.0.1", "--repl-diskless-sync-delay",
                             "0",      NULL};
    const char *replica_options[] = {"--port", own, "--bind", "127.0.0.1", "--replicaof", of, NULL};
    help.redis = support_redis_start(options);
    return support_redis_start(replica_options);
}

START_TEST(at_replica_only_what_is_confirmed_is_ok)
{
    struct backend_config config;
    struct asked read;
    help_close();
    struct support_server *replica = replica_start();
    help_config(&config, REDIS_LEVEL_REPLICA, false);
    config.redis.replicas = 1;
    config.redis.command_ms = 1500;
    help_open_as(&config);
    AWAIT(backend_ready(help.backend));
    struct asked adopt = help_call(STORAGE_ADOPT, DOC);
    adopt.call.position = chain_position_start(slice_str(DOC));
    AWAIT(help_ask(&adopt) == STORAGE_OK); /* a new replica may confirm nothing for a while */
    ck_assert_int_eq(read_from(&read, 1, 10), STORAGE_OK);
    help_drop(&read);
    support_server_pause(replica);
    ck_assert_int_eq(read_from(&read, 1, 10), STORAGE_UNKNOWN); /* it could still be lost */
    ck_assert(!read.call.has_head);
    help_drop(&read);
    support_server_resume(replica);
    AWAIT(read_from(&read, 1, 10) == STORAGE_OK);
    help_drop(&read);
    help_close();
    (void)support_server_stop(replica);
}
END_TEST

/* ---- PostgreSQL ---- */

static struct storage_lock *lock_doc(struct asked *ret)
{
    *ret = help_call(STORAGE_LOCK, DOC);
    ck_assert_int_eq(help_ask(ret), STORAGE_OK);
    ck_assert_ptr_nonnull(ret->call.lock);
    help_drop(ret);
    return ret->call.lock;
}

static void commit_fill(struct storage_call *call, const struct chain_position *at,
                        const char *segment, const char *snapshot)
{
    call->expect = *at;
    call->position = chain_position_after(at, 10, slice_str(segment));
    call->first_rev = at->rev + 8;
    call->segment_first_rev = at->rev + 1;
    call->segment = slice_str(segment);
    call->snapshot = slice_str(snapshot);
    call->doc_kind = 1;
    call->title = slice_str("title");
}

static struct asked commit_of(const struct chain_position *at, const char *segment,
                              const char *snapshot)
{
    struct asked lock, commit = help_call(STORAGE_COMMIT, DOC);

    commit_fill(&commit.call, at, segment, snapshot);
    commit.call.lock = lock_doc(&lock);
    return commit;
}

static struct chain_position committed(const struct chain_position *at, const char *segment,
                                       const char *snapshot)
{
    struct asked commit = commit_of(at, segment, snapshot);

    ck_assert_int_eq(help_ask(&commit), STORAGE_OK);
    ck_assert_ptr_null(commit.call.lock);
    help_drop(&commit);
    return commit.call.position;
}

static enum storage_result unlock(struct storage_lock *lock)
{
    struct asked end = help_call(STORAGE_UNLOCK, DOC);

    end.call.lock = lock;
    enum storage_result result = help_ask(&end);
    ck_assert_ptr_null(end.call.lock);
    help_drop(&end);
    return result;
}

static struct asked load(void)
{
    struct asked asked = help_call(STORAGE_LOAD, DOC);

    AWAIT(help_ask(&asked) == STORAGE_OK || (help_drop(&asked), false));
    return asked;
}

START_TEST(what_is_committed_is_loaded)
{
    struct asked none = load();
    ck_assert(!none.call.has_head && none.call.segment_count == 0);
    ck_assert_uint_eq(none.call.loaded_snapshot.size, 0);
    help_drop(&none);

    struct chain_position zero = chain_position_start(slice_str(DOC));
    struct chain_position a = committed(&zero, "first", "");
    struct chain_position b = committed(&a, "second", "snapshot");
    struct chain_position c = committed(&b, "third", "");
    struct chain_position d = committed(&c, "fourth", "");
    struct asked all = load();
    ck_assert(all.call.has_head && same(&all.call.head, &d));
    ck_assert(text_is(all.call.loaded_snapshot, "snapshot"));
    ck_assert_uint_eq(all.call.segment_count, 2);
    ck_assert(text_is(all.call.segments[0], "third") && text_is(all.call.segments[1], "fourth"));
    help_drop(&all);

    struct asked lock;
    struct storage_lock *held = lock_doc(&lock);
    ck_assert(lock.call.has_head && same(&lock.call.head, &d));
    ck_assert_int_eq(unlock(held), STORAGE_OK);
}
END_TEST

START_TEST(history_tells_where_it_begins)
{
    struct chain_position ends[4] = {chain_position_start(slice_str(DOC))};
    static const char *const texts[] = {"0", "1", "2"};
    for (int i = 0; i < 3; i++)
        ends[i + 1] = committed(&ends[i], texts[i], "");
    static const struct {
        uint64_t from, to;
        size_t first, count;
    } cases[] = {{1, 30, 0, 3}, {10, 11, 0, 2}, {11, 20, 1, 1}, {25, 99, 2, 1}, {31, 99, 0, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct asked asked = help_call(STORAGE_HISTORY, DOC);
        asked.call.from_rev = cases[i].from;
        asked.call.to_rev = cases[i].to;
        ck_assert_int_eq(help_ask(&asked), STORAGE_OK);
        ck_assert_uint_eq(asked.call.segment_count, cases[i].count);
        ck_assert_int_eq(asked.call.has_head, cases[i].count > 0);
        if (cases[i].count)
            ck_assert(same(&asked.call.head, &ends[cases[i].first]));
        for (size_t k = 0; k < cases[i].count; k++)
            ck_assert(text_is(asked.call.segments[k], texts[cases[i].first + k]));
        help_drop(&asked);
    }
}
END_TEST

START_TEST(a_commit_on_another_head_is_refused)
{
    struct chain_position zero = chain_position_start(slice_str(DOC));
    struct chain_position a = committed(&zero, "first", "");
    struct asked commit = commit_of(&zero, "again", "");
    ck_assert_int_eq(help_ask(&commit), STORAGE_REFUSED);
    ck_assert(commit.call.has_head && same(&commit.call.head, &a));
    ck_assert_ptr_null(commit.call.lock);
    help_drop(&commit);
    struct asked lock; /* the lock is free again */
    ck_assert_int_eq(unlock(lock_doc(&lock)), STORAGE_OK);
}
END_TEST

START_TEST(documents_are_listed)
{
    struct chain_position zero = chain_position_start(slice_str(DOC));
    (void)committed(&zero, "first", "");
    struct asked docs = {.call = {.kind = STORAGE_DOCS, .count_max = 10}};
    ck_assert_int_eq(help_ask(&docs), STORAGE_OK);
    ck_assert(docs.call.doc_count == 1 && text_is(docs.call.docs[0], DOC));
    help_drop(&docs);
    docs.call.after = slice_str(DOC);
    ck_assert_int_eq(help_ask(&docs), STORAGE_OK);
    ck_assert_uint_eq(docs.call.doc_count, 0);
    help_drop(&docs);
}
END_TEST

static void sessions_end(void)
{
    AWAIT(metric("weft_postgres_connections") == 3);
    uint64_t losses = metric("weft_postgres_losses_total");
    (void)support_pg_sql(help.postgres,
                         "select count(pg_terminate_backend(pid)) from pg_stat_activity"
                         " where application_name = 'weft'");
    AWAIT(metric("weft_postgres_losses_total") == losses + 3);
}

START_TEST(a_lost_lock_commits_nothing)
{
    struct chain_position zero = chain_position_start(slice_str(DOC));
    struct asked commit = commit_of(&zero, "first", ""), lock;
    sessions_end();
    ck_assert_int_eq(help_ask(&commit), STORAGE_DOWN);
    help_drop(&commit);
    struct asked after = load();
    ck_assert(!after.call.has_head);
    help_drop(&after);
    AWAIT(backend_ready(help.backend));
    struct storage_lock *held = lock_doc(&lock);
    sessions_end();
    ck_assert_int_eq(unlock(held), STORAGE_DOWN);
}
END_TEST

START_TEST(a_dead_postgres_opens_only_its_own_breaker)
{
    struct asked lock, asked;
    struct storage_lock *held = lock_doc(&lock);
    support_server_kill(help.postgres);
    AWAIT(backend_state(help.backend, BACKEND_POSTGRES) == BACKEND_DOWN);
    for (int i = 0; i < 10; i++) {
        asked = help_call(STORAGE_LOAD, DOC);
        ck_assert_int_eq(help_ask(&asked), STORAGE_DOWN);
        help_drop(&asked);
    }
    ck_assert_uint_ge(help.opened, 1);
    ck_assert_int_eq(unlock(held), STORAGE_DOWN); /* an end is always asked for */
    (void)help_adopt(DOC);                        /* Redis is not touched by it */
    support_server_again(help.postgres);
    asked = load();
    help_drop(&asked);
    ck_assert_uint_ge(help.closed_again, 1);
}
END_TEST

START_TEST(a_stalled_postgres_leaves_it_unknown)
{
    reopen_short(true);
    struct asked asked = help_call(STORAGE_LOAD, DOC);
    support_server_pause(help.postgres);
    ck_assert_int_eq(help_ask(&asked), STORAGE_UNKNOWN);
    help_drop(&asked);
    support_server_resume(help.postgres);
    asked = load();
    help_drop(&asked);
}
END_TEST

static void set_standby(const char *name)
{
    (void)support_pg_sql(help.postgres, "alter system set synchronous_standby_names = '%s'", name);
    (void)support_pg_sql(help.postgres, "select pg_reload_conf()");
    AWAIT(strcmp(support_pg_sql(help.postgres, "show synchronous_standby_names"), name) == 0);
}

START_TEST(a_commit_whose_answer_is_late_is_unknown)
{
    reopen_short(true);
    struct chain_position zero = chain_position_start(slice_str(DOC));
    struct asked commit = commit_of(&zero, "first", "");
    set_standby("nobody"); /* COMMIT waits for a standby that never comes */
    ck_assert_int_eq(help_ask(&commit), STORAGE_UNKNOWN);
    ck_assert_ptr_null(commit.call.lock);
    help_drop(&commit);
    set_standby("");
    struct asked asked;
    AWAIT((asked = load(), help_drop(&asked), asked.call.has_head)); /* it did happen */
}
END_TEST

/* ---- without PostgreSQL, without memory of the core ---- */

START_TEST(without_postgres_its_calls_are_down)
{
    struct asked asked = help_call(STORAGE_LOAD, DOC);
    ck_assert_int_eq(backend_state(help.backend, BACKEND_POSTGRES), BACKEND_ABSENT);
    ck_assert_int_eq(help_ask(&asked), STORAGE_DOWN);
    help_drop(&asked);
    asked = help_call(STORAGE_LOCK, DOC);
    ck_assert_int_eq(help_ask(&asked), STORAGE_DOWN);
    ck_assert_ptr_null(asked.call.lock);
    help_drop(&asked);
    ck_assert_uint_eq(help.opened, 0);
}
END_TEST

START_TEST(closing_abandons_calls_and_gives_locks_back)
{
    struct asked lock;
    (void)help_adopt(DOC);
    (void)lock_doc(&lock);
    /* The calls' memory goes before the backend: a core that was freed. */
    struct asked *calls = calloc(6, sizeof *calls);
    ck_assert_ptr_nonnull(calls);
    calls[0] = help_call(STORAGE_READ, DOC);
    calls[1] = help_call(STORAGE_LOAD, DOC);
    calls[2] = help_call(STORAGE_LOCK, DOC); /* waits for the first */
    calls[3] = help_call(STORAGE_LOCK, "another");
    calls[4] = help_call(STORAGE_REMARK, "");
    calls[5] = beat_of("w1", 1, CLUSTER_LIVE);
    for (int i = 0; i < 6; i++)
        help_send(&calls[i]);
    free(calls);
    help_close();
    ck_assert_str_eq(support_pg_sql(help.postgres,
                                    "select count(*) from pg_stat_activity where application_name"
                                    " = 'weft' and state like 'idle in transaction%%'"),
                     "0");
    struct backend_config config;
    help_config(&config, REDIS_LEVEL_FSYNC, true);
    help_open_as(&config);
    AWAIT(backend_ready(help.backend));
    ck_assert_int_eq(unlock(lock_doc(&lock)), STORAGE_OK);
}
END_TEST

static bool closed_within;

static void on_closed_within(void *arg)
{
    closed_within = true;
}

static void close_within(struct asked *asked)
{
    backend_close(help.backend, on_closed_within, NULL);
    help.backend = NULL;
}

/* closer: a call that is sent, or one that is refused; the others are under way then. */
static void close_by(enum storage_kind closer)
{
    struct asked first = help_call(closer, DOC), others[3];

    closed_within = false;
    first.then = close_within;
    help_send(&first);
    for (int i = 0; i < 3; i++) {
        others[i] = help_call(closer, DOC);
        help_send(&others[i]);
    }
    AWAIT(closed_within);
    ck_assert_uint_eq(first.answers, 1);
    ck_assert_uint_eq(others[0].answers + others[1].answers + others[2].answers, 0);
}

START_TEST(a_completion_may_close)
{
    close_by(STORAGE_READ);
    help_open(REDIS_LEVEL_FSYNC, false);
    close_by(STORAGE_LOAD);
}
END_TEST

static void add_redis(TCase *redis)
{
    tcase_add_checked_fixture(redis, setup, teardown);
    tcase_add_test(redis, an_append_wants_the_head_it_expects);
    tcase_add_test(redis, a_read_begins_where_it_is_asked);
    tcase_add_test(redis, a_long_stream_is_read_in_pages);
    tcase_add_test(redis, a_stream_that_changes_between_pages_is_read_again);
    tcase_add_test(redis, a_stream_that_vanishes_between_pages_is_read_again);
    tcase_add_test(redis, a_trim_wants_a_position_on_the_chain);
    tcase_add_test(redis, a_rebase_wants_the_head_it_expects);
    tcase_add_test(redis, a_claim_falls_due_and_comes_back);
    tcase_add_test(redis, the_sweep_repairs_marks);
    tcase_add_test(redis, a_beat_gives_the_view);
    tcase_add_test(redis, an_unreadable_member_is_an_alarm);
    tcase_add_test(redis, a_reconnected_process_drops_nobody);
    tcase_add_test(redis, a_stalled_redis_leaves_it_unknown);
    tcase_add_test(redis, no_memory_there_does_not_open_the_breaker);
    tcase_add_test(redis, an_answer_that_makes_no_sense_is_broken);
    tcase_add_test(redis, without_postgres_its_calls_are_down);
    tcase_add_test(redis, a_completion_may_close);
}

static void add_postgres(TCase *postgres)
{
    tcase_add_checked_fixture(postgres, setup_both, teardown);
    tcase_add_test(postgres, what_is_committed_is_loaded);
    tcase_add_test(postgres, history_tells_where_it_begins);
    tcase_add_test(postgres, a_commit_on_another_head_is_refused);
    tcase_add_test(postgres, documents_are_listed);
    tcase_add_test(postgres, a_lost_lock_commits_nothing);
    tcase_add_test(postgres, a_stalled_postgres_leaves_it_unknown);
    tcase_add_test(postgres, a_commit_whose_answer_is_late_is_unknown);
    tcase_add_test(postgres, closing_abandons_calls_and_gives_locks_back);
}

int main(void)
{
    Suite *suite = suite_create("backend");
    TCase *redis = tcase_create("redis"), *postgres = tcase_create("postgres");
    TCase *bare = tcase_create("bare"), *death = tcase_create("death");
    TCase *cases[] = {redis, postgres, bare, death};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tcase_set_timeout(cases[i], 120);
        suite_add_tcase(suite, cases[i]);
        if (cases[i] != death)
            tcase_add_unchecked_fixture(cases[i], help_servers_start, help_servers_stop);
    }
    add_redis(redis);
    add_postgres(postgres);
    tcase_add_checked_fixture(bare, NULL, teardown);
    tcase_add_test(bare, a_redis_that_does_not_give_the_level_is_refused);
    /* These kill servers, so the servers are their own. */
    tcase_add_checked_fixture(death, help_servers_start, help_servers_stop);
    tcase_add_checked_fixture(death, setup_both, teardown);
    tcase_add_test(death, at_replica_only_what_is_confirmed_is_ok);
    tcase_add_test(death, a_dead_redis_opens_the_breaker);
    tcase_add_test(death, a_dead_postgres_opens_only_its_own_breaker);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
