#include "pg_help_test.h"

#include <stdio.h>

struct help help;

static void on_state(void *arg, enum pg_state state, const char *reason)
{
    snprintf(help.last_reason, sizeof help.last_reason, "%s", reason);
}

static const struct pg_client_events events = {.on_state = on_state};

void on_closed(void *arg)
{
    help.closed = true;
}

static void take(struct call *call, const struct pg_answer *answer, bool replied)
{
    ck_assert_uint_eq(call->answers, 0);
    call->answers++;
    call->outcome = answer->outcome;
    snprintf(call->error, sizeof call->error, "%s", answer->error);
    snprintf(call->sqlstate, sizeof call->sqlstate, "%s", answer->sqlstate);
    ck_assert_int_eq(replied, answer->outcome == PG_OUTCOME_OK);
    if (call->closes)
        pg_client_close(help.client, on_closed, NULL);
}

static void text_of(char *out, struct slice s)
{
    snprintf(out, 64, "%.*s", (int)s.size, (const char *)s.data);
}

void on_head(void *arg, const struct pg_answer *answer, const struct pg_head *reply)
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

void on_load(void *arg, const struct pg_answer *answer, const struct pg_load_reply *reply)
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

void on_history(void *arg, const struct pg_answer *answer, const struct pg_history_reply *reply)
{
    struct call *call = arg;
    if (reply) {
        take_segments(call, reply->count, reply->segments);
        call->before = reply->before;
    }
    take(call, answer, reply);
}

void on_docs(void *arg, const struct pg_answer *answer, const struct pg_docs_reply *reply)
{
    struct call *call = arg;
    call->count = reply ? reply->count : 0;
    for (size_t i = 0; i < call->count && i < 20; i++) {
        call->docs[i] = reply->docs[i];
        text_of(call->texts[i], reply->docs[i].id);
    }
    take(call, answer, reply);
}

void on_lock(void *arg, const struct pg_answer *answer, const struct pg_lock_reply *reply)
{
    struct call *call = arg;
    if (reply) {
        call->lock = reply->lock;
        call->head = reply->head;
    }
    take(call, answer, reply);
}

void on_commit(void *arg, const struct pg_answer *answer, const struct pg_commit_reply *reply)
{
    struct call *call = arg;
    if (reply) {
        call->status = reply->status;
        call->head = reply->head;
    }
    take(call, answer, reply);
}

void on_unlock(void *arg, const struct pg_answer *answer)
{
    take(arg, answer, answer->outcome == PG_OUTCOME_OK);
}

/* ---- the client ---- */

struct pg_config config_of(void)
{
    return (struct pg_config){.conninfo = help.conninfo,
                              .connections = 3,
                              .command_ms = 2000,
                              .lock_ms = 20000,
                              .retry_ms_max = 100};
}

void open_client(const struct pg_config *config)
{
    help.closed = false;
    help.client = pg_client_new(help.loop, config, &events, NULL);
    ck_assert_ptr_nonnull(help.client);
}

void open_ready(const struct pg_config *config)
{
    open_client(config);
    AWAIT(pg_client_stats(help.client)->standing == config->connections);
    ck_assert_int_eq(pg_client_state(help.client), PG_STATE_READY);
}

void close_client(void)
{
    pg_client_close(help.client, on_closed, NULL);
    AWAIT(help.closed);
}

void start_server(void)
{
    help.server = support_pg_start();
    snprintf(help.conninfo, sizeof help.conninfo, "host=%s user=postgres dbname=postgres",
             support_server_address(help.server));
}

void stop_server(void)
{
    help.server = support_server_stop(help.server);
}

const char *sql(const char *statement)
{
    const char *out = support_pg_sql(help.server, "%s", statement);
    ck_assert_msg(!strstr(out, "ERROR"), "%s", out);
    return out;
}

void setup_loop(void)
{
    help.loop = ev_loop_new(NULL);
}

void teardown_loop(void)
{
    help.loop = ev_loop_free(help.loop);
}

void setup(void)
{
    struct pg_config config = config_of();
    support_migrate_well(help.conninfo);
    sql("truncate weft.documents cascade");
    setup_loop();
    open_ready(&config);
}

void teardown(void)
{
    support_server_resume(help.server); /* wherever the test has ended */
    if (!help.closed)
        close_client();
    teardown_loop();
}

/* ---- a document ---- */

struct pg_lock *lock_of(struct slice doc)
{
    struct call call = {0};
    ck_assert_int_eq(pg_lock(help.client, doc, on_lock, &call), 0);
    ck_assert_uint_eq(call.answers, 0);
    AWAIT(call.answers);
    ck_assert_msg(call.outcome == PG_OUTCOME_OK, "%s", call.error);
    return call.lock;
}

struct pg_commit commit_of(const struct chain_position *at, unsigned count, const char *segment,
                           const char *snapshot)
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

struct call commit(struct slice doc, const struct pg_commit *c)
{
    struct call call = {0};
    pg_commit(lock_of(doc), c, on_commit, &call);
    AWAIT(call.answers);
    return call;
}

struct chain_position committed(struct slice doc, const struct chain_position *at, unsigned count,
                                const char *segment, const char *snapshot)
{
    struct pg_commit c = commit_of(at, count, segment, snapshot);
    struct call call = commit(doc, &c);
    ck_assert_msg(call.outcome == PG_OUTCOME_OK, "%s", call.error);
    ck_assert_int_eq(call.status, PG_COMMITTED);
    return c.to;
}

struct call head_of(struct slice doc)
{
    struct call call = {0};
    ck_assert_int_eq(pg_head(help.client, doc, on_head, &call), 0);
    AWAIT(call.answers);
    return call;
}

struct call load(struct slice doc, uint64_t rev_max)
{
    struct call call = {0};
    ck_assert_int_eq(pg_load(help.client, doc, rev_max, on_load, &call), 0);
    AWAIT(call.answers);
    ck_assert_msg(call.outcome == PG_OUTCOME_OK, "%s", call.error);
    return call;
}

struct call history(uint64_t from, uint64_t to, size_t bytes)
{
    struct call call = {0};
    ck_assert_int_eq(pg_history(help.client, DOC, from, to, bytes, on_history, &call), 0);
    AWAIT(call.answers);
    ck_assert_msg(call.outcome == PG_OUTCOME_OK, "%s", call.error);
    return call;
}

bool same(const struct chain_position *a, const struct chain_position *b)
{
    return chain_position_equal(a, b);
}

static void await_setting(const char *value)
{
    int64_t end = ev_loop_now_ms(help.loop) + WAIT_MS;
    while (strcmp(sql("show synchronous_standby_names"), value) != 0) {
        ck_assert(ev_loop_now_ms(help.loop) < end);
        ev_loop_step(help.loop, 20);
    }
}

void set_standby(const char *name)
{
    char statement[100];
    snprintf(statement, sizeof statement, "alter system set synchronous_standby_names = '%s'",
             name);
    sql(statement);
    sql("select pg_reload_conf()");
    await_setting(name);
}
