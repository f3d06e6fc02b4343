/*
 * Against a real PostgreSQL: what is stored comes back, what must be refused is, locks exclude, and
 * every call ends exactly once with the outcome that is true.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "ev_loop.h"
#include "pg_calls.h"
#include "pg_migrate.h"
#include "support_server.h"

#define WAIT_MS 20000

static struct support_server *server;
static struct ev_loop *loop;
static struct pg_client *client;
static bool closed;
static char conninfo[200], last_reason[200];

static void on_state(void *arg, enum pg_state state, const char *reason)
{
    snprintf(last_reason, sizeof last_reason, "%s", reason);
}

static const struct pg_client_events events = {.on_state = on_state};

static void on_closed(void *arg)
{
    closed = true;
}

#define AWAIT(condition)                                                                           \
    do {                                                                                           \
        int64_t end_ = ev_loop_now_ms(loop) + WAIT_MS;                                             \
        while (!(condition)) {                                                                     \
            ck_assert_msg(ev_loop_now_ms(loop) < end_, "waited in vain for " #condition ": %s",    \
                          last_reason);                                                            \
            ev_loop_step(loop, 20);                                                                \
        }                                                                                          \
    } while (0)

/* One per call: what it was answered, copied. */
struct call {
    unsigned answers;
    enum pg_outcome outcome;
    char error[200], sqlstate[6];
    struct pg_head head;
    struct pg_lock *lock;
    enum pg_commit_status status;
    bool has_snapshot;
    struct chain_position snapshot_at;
    char snapshot[64];
    size_t count;
    struct chain_position before;
    struct pg_segment segments[20]; /* bytes: see texts */
    char texts[20][64];
    struct pg_document docs[20];
    bool closes;
};

static void take(struct call *call, const struct pg_answer *answer, bool replied)
{
    ck_assert_uint_eq(call->answers, 0);
    call->answers++;
    call->outcome = answer->outcome;
    snprintf(call->error, sizeof call->error, "%s", answer->error);
    snprintf(call->sqlstate, sizeof call->sqlstate, "%s", answer->sqlstate);
    ck_assert_int_eq(replied, answer->outcome == PG_OUTCOME_OK);
    if (call->closes)
        pg_client_close(client, on_closed, NULL);
}

static void text_of(char *out, struct slice s)
{
    snprintf(out, 64, "%.*s", (int)s.size, (const char *)s.data);
}

static void on_head(void *arg, const struct pg_answer *answer, const struct pg_head *reply)
{
    struct call *call = arg;
    if (reply)
        call->head = *reply;
    take(call, answer, reply);
}

static void take_segments(struct call *call, size_t count, const struct pg_segment *segments)
{
    call->count = count;
    for (size_t i = 0; i < count && i < 20; i++) {
        call->segments[i] = segments[i];
        text_of(call->texts[i], segments[i].bytes);
    }
}

static void on_load(void *arg, const struct pg_answer *answer, const struct pg_load_reply *reply)
{
    struct call *call = arg;
    if (reply) {
        call->head = reply->head;
        call->has_snapshot = reply->has_snapshot;
        call->snapshot_at = reply->snapshot_at;
        text_of(call->snapshot, reply->snapshot);
        take_segments(call, reply->segment_count, reply->segments);
    }
    take(call, answer, reply);
}

static void on_history(void *arg, const struct pg_answer *answer,
                       const struct pg_history_reply *reply)
{
    struct call *call = arg;
    if (reply) {
        take_segments(call, reply->count, reply->segments);
        call->before = reply->before;
    }
    take(call, answer, reply);
}

static void on_docs(void *arg, const struct pg_answer *answer, const struct pg_docs_reply *reply)
{
    struct call *call = arg;
    call->count = reply ? reply->count : 0;
    for (size_t i = 0; i < call->count && i < 20; i++) {
        call->docs[i] = reply->docs[i];
        text_of(call->texts[i], reply->docs[i].id);
    }
    take(call, answer, reply);
}

static void on_lock(void *arg, const struct pg_answer *answer, const struct pg_lock_reply *reply)
{
    struct call *call = arg;
    if (reply) {
        call->lock = reply->lock;
        call->head = reply->head;
    }
    take(call, answer, reply);
}

static void on_commit(void *arg, const struct pg_answer *answer,
                      const struct pg_commit_reply *reply)
{
    struct call *call = arg;
    if (reply) {
        call->status = reply->status;
        call->head = reply->head;
    }
    take(call, answer, reply);
}

static void on_unlock(void *arg, const struct pg_answer *answer)
{
    take(arg, answer, answer->outcome == PG_OUTCOME_OK);
}

/* ---- the client ---- */

static struct pg_config config_of(void)
{
    return (struct pg_config){.conninfo = conninfo,
                              .connections = 3,
                              .command_ms = 2000,
                              .lock_ms = 20000,
                              .retry_ms_max = 100};
}

static void open_client(const struct pg_config *config)
{
    closed = false;
    client = pg_client_new(loop, config, &events, NULL);
    ck_assert_ptr_nonnull(client);
}

static void open_ready(const struct pg_config *config)
{
    open_client(config);
    AWAIT(pg_client_stats(client)->standing == config->connections);
    ck_assert_int_eq(pg_client_state(client), PG_STATE_READY);
}

static void close_client(void)
{
    pg_client_close(client, on_closed, NULL);
    AWAIT(closed);
}

static void start_server(void)
{
    server = support_pg_start();
    snprintf(conninfo, sizeof conninfo, "host=%s user=postgres dbname=postgres",
             support_server_address(server));
}

static void stop_server(void)
{
    server = support_server_stop(server);
}

/* Fails the test on an error: returns what the statement printed. */
static const char *sql(const char *statement)
{
    const char *out = support_pg_sql(server, "%s", statement);
    ck_assert_msg(!strstr(out, "ERROR"), "%s", out);
    return out;
}

static void setup_loop(void)
{
    loop = ev_loop_new(NULL);
}

static void teardown_loop(void)
{
    loop = ev_loop_free(loop);
}

static void setup(void)
{
    unsigned applied;
    char error[200];
    struct pg_config config = config_of();
    ck_assert_msg(pg_migrate(conninfo, &applied, error, sizeof error) == 0, "%s", error);
    sql("truncate weft.documents cascade");
    setup_loop();
    open_ready(&config);
}

static void teardown(void)
{
    support_server_resume(server); /* wherever the test has ended */
    if (!closed)
        close_client();
    teardown_loop();
}

/* ---- a document ---- */

static const char id_bytes[] = "doc\0\xff'\"\\";
#define DOC slice_of(id_bytes, sizeof id_bytes - 1)

static struct pg_lock *lock_of(struct slice doc)
{
    struct call call = {0};
    ck_assert_int_eq(pg_lock(client, doc, on_lock, &call), 0);
    ck_assert_uint_eq(call.answers, 0);
    AWAIT(call.answers);
    ck_assert_msg(call.outcome == PG_OUTCOME_OK, "%s", call.error);
    return call.lock;
}

static struct pg_commit commit_of(const struct chain_position *at, unsigned count,
                                  const char *segment, const char *snapshot)
{
    return (struct pg_commit){.lane = 63,
                              .expect = *at,
                              .to = chain_position_after(at, count, slice_str(segment)),
                              .entry_first_rev = at->rev + count, /* the last one alone */
                              .segment = slice_str(segment),
                              .snapshot = snapshot ? slice_str(snapshot) : slice_of(NULL, 0),
                              .kind = 1,
                              .title = slice_of("a\0title", 7)};
}

static struct call commit(struct slice doc, const struct pg_commit *c)
{
    struct call call = {0};
    pg_commit(lock_of(doc), c, on_commit, &call);
    AWAIT(call.answers);
    return call;
}

static struct chain_position committed(struct slice doc, const struct chain_position *at,
                                       unsigned count, const char *segment, const char *snapshot)
{
    struct pg_commit c = commit_of(at, count, segment, snapshot);
    struct call call = commit(doc, &c);
    ck_assert_msg(call.outcome == PG_OUTCOME_OK, "%s", call.error);
    ck_assert_int_eq(call.status, PG_COMMITTED);
    return c.to;
}

static struct call head_of(struct slice doc)
{
    struct call call = {0};
    ck_assert_int_eq(pg_head(client, doc, on_head, &call), 0);
    AWAIT(call.answers);
    return call;
}

static struct call load(struct slice doc, uint64_t rev_max)
{
    struct call call = {0};
    ck_assert_int_eq(pg_load(client, doc, rev_max, on_load, &call), 0);
    AWAIT(call.answers);
    ck_assert_msg(call.outcome == PG_OUTCOME_OK, "%s", call.error);
    return call;
}

static struct call history(uint64_t from, uint64_t to, size_t bytes)
{
    struct call call = {0};
    ck_assert_int_eq(pg_history(client, DOC, from, to, bytes, on_history, &call), 0);
    AWAIT(call.answers);
    ck_assert_msg(call.outcome == PG_OUTCOME_OK, "%s", call.error);
    return call;
}

static bool same(const struct chain_position *a, const struct chain_position *b)
{
    return chain_position_equal(a, b);
}

/* ---- migrations ---- */

struct migration {
    char conninfo[200], error[200];
    unsigned applied;
    int r;
};

static void *migrate_in_thread(void *arg)
{
    struct migration *m = arg;
    m->r = pg_migrate(m->conninfo, &m->applied, m->error, sizeof m->error);
    return NULL;
}

START_TEST(migrations_are_applied_once)
{
    struct migration m[3] = {0};
    pthread_t threads[3];
    unsigned sum = 0;
    sql("create database once");
    for (int i = 0; i < 3; i++) {
        snprintf(m[i].conninfo, sizeof m[i].conninfo, "host=%s user=postgres dbname=once",
                 support_server_address(server));
        ck_assert_int_eq(pthread_create(&threads[i], NULL, migrate_in_thread, &m[i]), 0);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
        ck_assert_msg(m[i].r == 0, "%s", m[i].error);
        sum += m[i].applied;
    }
    ck_assert_uint_eq(sum, pg_schema_version());
    migrate_in_thread(&m[0]);
    ck_assert(m[0].r == 0 && m[0].applied == 0);
    snprintf(m[0].conninfo, sizeof m[0].conninfo, "host=/nowhere");
    migrate_in_thread(&m[0]);
    ck_assert_int_eq(m[0].r, -ENOTCONN);
    ck_assert_ptr_nonnull(strstr(m[0].error, "/nowhere"));
}
END_TEST

START_TEST(a_client_waits_for_the_schema)
{
    struct migration m = {0};
    struct pg_config config = config_of();
    sql("create database late");
    snprintf(m.conninfo, sizeof m.conninfo, "host=%s user=postgres dbname=late",
             support_server_address(server));
    config.conninfo = m.conninfo;
    open_client(&config);
    AWAIT(strstr(pg_client_reason(client), "there is no schema yet"));
    AWAIT(pg_client_stats(client)->connects == 3);
    struct call call = head_of(DOC);
    ck_assert_int_eq(call.outcome, PG_OUTCOME_DOWN);
    migrate_in_thread(&m);
    ck_assert_msg(m.r == 0, "%s", m.error);
    AWAIT(pg_client_state(client) == PG_STATE_READY);
    ck_assert_str_eq(pg_client_reason(client), "");
    ck_assert_uint_eq(pg_client_stats(client)->connects, 3); /* they waited, connected */
    close_client();
}
END_TEST

START_TEST(host_names_are_refused)
{
    static const char *const good[] = {"host=/run/x dbname=weft",
                                       "host=127.0.0.1,::1",
                                       "dbname=x",
                                       "host=db.example hostaddr=10.0.0.1",
                                       "postgresql://u:p@[::1]:5432/weft",
                                       ""};
    static const char *const bad[] = {"host=localhost", "host=127.0.0.1,db.example", "nonsense",
                                      "postgresql://u@db.example/weft", "host='"};
    char error[200];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        ck_assert_msg(pg_conninfo_check(good[i], error, sizeof error) == 0, "%s", error);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_int_eq(pg_conninfo_check(bad[i], error, sizeof error), -EINVAL);
}
END_TEST

/* ---- documents ---- */

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
        ck_assert_int_eq(pg_docs(client, slice_str(cases[i].prefix), slice_str(cases[i].after),
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

/* ---- locks ---- */

START_TEST(a_lock_excludes)
{
    struct chain_position zero = chain_position_start(DOC);
    struct pg_lock *held = lock_of(DOC);
    struct call second = {0}, done = {0};
    ck_assert_int_eq(pg_lock(client, DOC, on_lock, &second), 0);
    struct call head = head_of(DOC); /* readers are not excluded */
    ck_assert_int_eq(head.outcome, PG_OUTCOME_OK);
    ck_assert_uint_eq(second.answers, 0);
    struct pg_commit c = commit_of(&zero, 3, "x", NULL);
    pg_commit(held, &c, on_commit, &done);
    AWAIT(second.answers && done.answers);
    ck_assert_int_eq(second.outcome, PG_OUTCOME_OK);
    ck_assert(second.head.exists && same(&second.head.at, &c.to)); /* read behind the commit */
    struct call unlocked = {0};
    pg_unlock(second.lock, on_unlock, &unlocked);
    AWAIT(unlocked.answers);
    ck_assert_int_eq(unlocked.outcome, PG_OUTCOME_OK);
}
END_TEST

START_TEST(a_lock_that_is_not_free_is_down)
{
    struct pg_lock *held = lock_of(DOC);
    struct call second = {0}, end = {0};
    ck_assert_int_eq(pg_lock(client, DOC, on_lock, &second), 0);
    AWAIT(second.answers);
    ck_assert_int_eq(second.outcome, PG_OUTCOME_DOWN);
    ck_assert_str_eq(second.sqlstate, "55P03");
    pg_unlock(held, on_unlock, &end);
    AWAIT(end.answers);
    held = lock_of(DOC); /* the connections are usable again */
    end = (struct call){0};
    pg_unlock(held, on_unlock, &end);
    AWAIT(end.answers);
    ck_assert_uint_eq(pg_client_stats(client)->losses, 0);
}
END_TEST

START_TEST(locks_leave_a_connection_for_reads)
{
    struct call calls[5] = {0}, ends[5] = {0};
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(pg_lock(client, slice_of("01234", i + 1), on_lock, &calls[i]), 0);
    AWAIT(calls[0].answers && calls[1].answers);
    struct call head = head_of(DOC);
    ck_assert_int_eq(head.outcome, PG_OUTCOME_OK);
    ck_assert_uint_eq(calls[2].answers, 0);
    for (int i = 0; i < 5; i++) {
        AWAIT(calls[i].answers);
        ck_assert_int_eq(calls[i].outcome, PG_OUTCOME_OK);
        pg_unlock(calls[i].lock, on_unlock, &ends[i]);
    }
    for (int i = 0; i < 5; i++)
        AWAIT(ends[i].answers);
}
END_TEST

START_TEST(a_lock_is_not_held_for_ever)
{
    struct pg_config config = config_of();
    config.lock_ms = 200;
    close_client();
    open_ready(&config);
    struct chain_position zero = chain_position_start(DOC);
    struct pg_lock *held = lock_of(DOC);
    AWAIT(pg_client_stats(client)->locks_expired == 1);
    struct pg_commit c = commit_of(&zero, 3, "x", NULL);
    struct call late = {0}, end = {0};
    struct pg_lock *other = lock_of(DOC);
    pg_commit(held, &c, on_commit, &late);
    AWAIT(late.answers);
    ck_assert_int_eq(late.outcome, PG_OUTCOME_DOWN);
    pg_unlock(other, on_unlock, &end);
    AWAIT(end.answers);
    ck_assert(!head_of(DOC).head.exists);
}
END_TEST

/* ---- failures ---- */

START_TEST(a_dead_server_is_down_and_comes_back)
{
    struct chain_position zero = chain_position_start(DOC);
    struct chain_position one = committed(DOC, &zero, 3, "x", NULL);
    struct pg_lock *held = lock_of(DOC);
    support_server_kill(server);
    AWAIT(pg_client_state(client) == PG_STATE_DOWN);
    ck_assert_int_eq(head_of(DOC).outcome, PG_OUTCOME_DOWN);
    struct pg_commit c = commit_of(&one, 3, "y", NULL);
    struct call late = {0};
    pg_commit(held, &c, on_commit, &late);
    AWAIT(late.answers);
    ck_assert_int_eq(late.outcome, PG_OUTCOME_DOWN);
    support_server_again(server);
    AWAIT(pg_client_state(client) == PG_STATE_READY);
    struct call head = head_of(DOC);
    ck_assert(same(&head.head.at, &one));
}
END_TEST

START_TEST(a_stalled_server_meets_the_deadline)
{
    struct chain_position zero = chain_position_start(DOC);
    struct pg_lock *held = lock_of(DOC);
    struct pg_commit c = commit_of(&zero, 3, "y", NULL);
    struct call commit_call = {0}, read_call = {0}, unread[3] = {0};
    support_server_pause(server);
    ck_assert_int_eq(pg_head(client, DOC, on_head, &read_call), 0);
    pg_commit(held, &c, on_commit, &commit_call);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(pg_head(client, DOC, on_head, &unread[i]), 0);
    AWAIT(read_call.answers && commit_call.answers && unread[2].answers);
    ck_assert_int_eq(read_call.outcome, PG_OUTCOME_UNKNOWN);
    ck_assert_int_eq(commit_call.outcome, PG_OUTCOME_DOWN); /* COMMIT itself was never sent */
    ck_assert_int_eq(unread[2].outcome, PG_OUTCOME_DOWN);
    support_server_resume(server);
    AWAIT(pg_client_state(client) == PG_STATE_READY);
    struct call head = head_of(DOC);
    ck_assert(head.outcome == PG_OUTCOME_OK && !head.head.exists);
}
END_TEST

static void await_setting(const char *value)
{
    int64_t end = ev_loop_now_ms(loop) + WAIT_MS;
    while (strcmp(sql("show synchronous_standby_names"), value) != 0) {
        ck_assert(ev_loop_now_ms(loop) < end);
        ev_loop_step(loop, 20);
    }
}

static void set_standby(const char *name)
{
    char statement[100];
    snprintf(statement, sizeof statement, "alter system set synchronous_standby_names = '%s'",
             name);
    sql(statement);
    sql("select pg_reload_conf()");
    await_setting(name);
}

START_TEST(a_commit_whose_answer_is_late_is_unknown)
{
    struct chain_position zero = chain_position_start(DOC);
    struct pg_commit c = commit_of(&zero, 3, "y", NULL);
    struct pg_lock *held = lock_of(DOC);
    set_standby("nobody"); /* COMMIT waits for a standby that never comes */
    struct call call = {0};
    pg_commit(held, &c, on_commit, &call);
    AWAIT(call.answers);
    ck_assert_int_eq(call.outcome, PG_OUTCOME_UNKNOWN);
    /* No timeout of the server has made it visible without its standby. */
    ck_assert(!head_of(DOC).head.exists);
    set_standby("");
    struct call head;
    AWAIT((head = head_of(DOC)).outcome == PG_OUTCOME_OK && head.head.exists);
    ck_assert(same(&head.head.at, &c.to)); /* it did happen: this is why one re-reads */
}
END_TEST

START_TEST(a_commit_let_go_without_its_standby_is_unknown)
{
    struct chain_position zero = chain_position_start(DOC);
    struct pg_commit c = commit_of(&zero, 3, "y", NULL);
    struct pg_lock *held = lock_of(DOC);
    set_standby("nobody");
    struct call call = {0};
    pg_commit(held, &c, on_commit, &call);
    AWAIT(call.answers || strcmp(sql("select count(pg_cancel_backend(pid)) from pg_stat_activity"
                                     " where wait_event = 'SyncRep'"),
                                 "1") == 0);
    AWAIT(call.answers);
    ck_assert_int_eq(call.outcome, PG_OUTCOME_UNKNOWN); /* a success, with a warning */
    ck_assert_ptr_nonnull(strstr(call.error, "open"));
    set_standby("");
}
END_TEST

START_TEST(a_commit_that_fails_at_its_end_is_unknown)
{
    struct chain_position zero = chain_position_start(DOC);
    struct pg_commit c = commit_of(&zero, 1, "y", NULL);
    sql("create function weft.late() returns trigger language plpgsql as"
        " 'begin raise exception ''too late''; end'");
    sql("create constraint trigger late after insert on weft.segments deferrable"
        " initially deferred for each row execute function weft.late()");
    struct call call = commit(DOC, &c);
    sql("drop function weft.late cascade");
    ck_assert_int_eq(call.outcome, PG_OUTCOME_UNKNOWN);
    ck_assert(!head_of(DOC).head.exists);
}
END_TEST

/* Else the server would end a commit's wait for its standbys, and let the commit stand. */
START_TEST(no_timeout_of_the_server_holds_in_a_lock)
{
    struct chain_position zero = chain_position_start(DOC);
    struct pg_commit c = commit_of(&zero, 1, "y", NULL);
    sql("create function weft.timeout() returns trigger language plpgsql as"
        " 'begin raise exception ''timeout is %'', current_setting(''statement_timeout''); end'");
    sql("create trigger timeout before insert on weft.segments"
        " for each row execute function weft.timeout()");
    struct call call = commit(DOC, &c);
    sql("drop function weft.timeout cascade");
    ck_assert_str_eq(call.error, "timeout is 0");
}
END_TEST

START_TEST(a_standby_may_be_required)
{
    struct pg_config config = config_of();
    config.standby_required = true;
    close_client();
    open_client(&config);
    AWAIT(pg_client_state(client) == PG_STATE_REFUSED);
    ck_assert_ptr_nonnull(strstr(last_reason, "synchronous_standby_names"));
    set_standby("somebody");
    AWAIT(pg_client_state(client) == PG_STATE_READY);
    set_standby("");
}
END_TEST

START_TEST(an_ended_session_is_replaced)
{
    struct pg_lock *held = lock_of(DOC);
    struct call end = {0};
    sql("select count(pg_terminate_backend(pid)) from pg_stat_activity"
        " where application_name = 'weft'");
    AWAIT(pg_client_stats(client)->losses == 3);
    AWAIT(pg_client_state(client) == PG_STATE_READY);
    pg_unlock(held, on_unlock, &end);
    AWAIT(end.answers);
    ck_assert_int_eq(end.outcome, PG_OUTCOME_DOWN);
    ck_assert_int_eq(head_of(DOC).outcome, PG_OUTCOME_OK);
}
END_TEST

START_TEST(a_refused_statement_is_an_error)
{
    struct chain_position zero = chain_position_start(DOC);
    sql("alter table weft.segments add constraint no check (false)");
    struct pg_commit c = commit_of(&zero, 3, "y", NULL);
    struct call call = commit(DOC, &c);
    sql("alter table weft.segments drop constraint no");
    ck_assert_int_eq(call.outcome, PG_OUTCOME_ERROR);
    ck_assert_str_eq(call.sqlstate, "23514");
    ck_assert(!head_of(DOC).head.exists); /* undone as a whole */
    (void)committed(DOC, &zero, 3, "y", NULL);
    ck_assert_uint_eq(pg_client_stats(client)->losses, 0);
}
END_TEST

START_TEST(close_answers_everything_first)
{
    struct pg_lock *held = lock_of(DOC);
    struct call calls[6] = {0}, late = {0}, end = {0};
    support_server_pause(server);
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(pg_head(client, DOC, on_head, &calls[i]), 0);
    ev_loop_step(loop, 20);
    pg_client_close(client, on_closed, NULL);
    ck_assert_int_eq(pg_head(client, DOC, on_head, &late), 0);
    AWAIT(late.answers);
    for (int i = 0; i < 6; i++)
        ck_assert(calls[i].answers == 1 && calls[i].outcome != PG_OUTCOME_OK);
    ck_assert_int_eq(late.outcome, PG_OUTCOME_DOWN);
    ev_loop_step(loop, 20);
    ck_assert(!closed); /* the lock is still ours to end */
    pg_unlock(held, on_unlock, &end);
    AWAIT(closed);
    ck_assert_int_eq(end.outcome, PG_OUTCOME_DOWN);
    support_server_resume(server);
}
END_TEST

START_TEST(an_answer_may_close_the_client)
{
    struct call calls[8] = {0};
    calls[0].closes = true;
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(pg_head(client, DOC, on_head, &calls[i]), 0);
    AWAIT(closed);
    for (int i = 0; i < 8; i++)
        ck_assert_uint_eq(calls[i].answers, 1);
}
END_TEST

START_TEST(unanswered_calls_are_bounded)
{
    struct pg_config config = config_of();
    struct call calls[6] = {0};
    config.pending_max = 5;
    close_client();
    open_ready(&config);
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(pg_head(client, DOC, on_head, &calls[i]), 0);
    for (int i = 0; i < 6; i++) {
        AWAIT(calls[i].answers);
        ck_assert_int_eq(calls[i].outcome, i < 5 ? PG_OUTCOME_OK : PG_OUTCOME_DOWN);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pg");
    TCase *schema = tcase_create("schema");
    tcase_set_timeout(schema, 90);
    tcase_add_unchecked_fixture(schema, start_server, stop_server);
    tcase_add_checked_fixture(schema, setup_loop, teardown_loop);
    tcase_add_test(schema, migrations_are_applied_once);
    tcase_add_test(schema, a_client_waits_for_the_schema);
    tcase_add_test(schema, host_names_are_refused);
    suite_add_tcase(suite, schema);
    TCase *tcase = tcase_create("calls");
    tcase_set_timeout(tcase, 90);
    tcase_add_unchecked_fixture(tcase, start_server, stop_server);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, what_is_committed_comes_back);
    tcase_add_test(tcase, history_covers_what_is_asked);
    tcase_add_test(tcase, a_commit_wants_the_head_it_expects);
    tcase_add_test(tcase, large_rows);
    tcase_add_test(tcase, documents_are_listed);
    tcase_add_test(tcase, a_lock_excludes);
    tcase_add_test(tcase, a_lock_that_is_not_free_is_down);
    tcase_add_test(tcase, locks_leave_a_connection_for_reads);
    tcase_add_test(tcase, a_lock_is_not_held_for_ever);
    tcase_add_test(tcase, a_stalled_server_meets_the_deadline);
    tcase_add_test(tcase, a_commit_whose_answer_is_late_is_unknown);
    tcase_add_test(tcase, a_commit_let_go_without_its_standby_is_unknown);
    tcase_add_test(tcase, a_commit_that_fails_at_its_end_is_unknown);
    tcase_add_test(tcase, no_timeout_of_the_server_holds_in_a_lock);
    tcase_add_test(tcase, a_standby_may_be_required);
    tcase_add_test(tcase, an_ended_session_is_replaced);
    tcase_add_test(tcase, a_refused_statement_is_an_error);
    tcase_add_test(tcase, close_answers_everything_first);
    tcase_add_test(tcase, an_answer_may_close_the_client);
    tcase_add_test(tcase, unanswered_calls_are_bounded);
    suite_add_tcase(suite, tcase);
    TCase *death =
        tcase_create("death"); /* its server is its own: the fixture forks before it dies */
    tcase_set_timeout(death, 90);
    tcase_add_checked_fixture(death, start_server, stop_server);
    tcase_add_checked_fixture(death, setup, teardown);
    tcase_add_test(death, a_dead_server_is_down_and_comes_back);
    suite_add_tcase(suite, death);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
