/*
 * The client's promises: every call ends exactly once, with the outcome that is true, whatever the
 * server does meanwhile; a server that does not give the level is refused.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "ev_loop.h"
#include "redis_calls.h"
#include "redis_check.h"
#include "redis_keys.h"
#include "support_server.h"

#define WAIT_MS 15000

static struct support_server *server, *replica;
static struct ev_loop *loop;
static struct redis_client *client;
static bool closed;

static char last_reason[200];

static void on_state(void *arg, enum redis_state state, const char *reason)
{
    snprintf(last_reason, sizeof last_reason, "%s", reason);
}

static const struct redis_client_events events = {.on_state = on_state};

/* One per call, so that a second answer, or none, shows. */
struct call {
    unsigned answers;
    enum redis_outcome outcome;
    char error[120];
    enum redis_append_status status;
    unsigned *closes; /* > 0: the answer closes the client */
};

static void on_closed(void *arg)
{
    closed = true;
}

static void take(struct call *call, const struct redis_answer *answer)
{
    ck_assert_uint_eq(call->answers, 0);
    call->answers++;
    call->outcome = answer->outcome;
    snprintf(call->error, sizeof call->error, "%s", answer->error);
}

static void on_append(void *arg, const struct redis_answer *answer,
                      const struct redis_append_reply *reply)
{
    struct call *call = arg;
    take(call, answer);
    if (reply)
        call->status = reply->status;
    if (call->closes && (*call->closes)++ == 0)
        redis_client_close(client, on_closed, NULL);
}

static void on_read(void *arg, const struct redis_answer *answer,
                    const struct redis_read_reply *reply)
{
    take(arg, answer);
}

static void on_adopt(void *arg, const struct redis_answer *answer,
                     const struct redis_adopt_reply *reply)
{
    take(arg, answer);
}

static void on_claim(void *arg, const struct redis_answer *answer,
                     const struct redis_claim_reply *reply)
{
    take(arg, answer);
}

static void on_trim(void *arg, const struct redis_answer *answer,
                    const struct redis_trim_reply *reply)
{
    take(arg, answer);
}

/* Waits for a condition, turning the loop. */
#define AWAIT(condition)                                                                           \
    do {                                                                                           \
        int64_t end_ = ev_loop_now_ms(loop) + WAIT_MS;                                             \
        while (!(condition)) {                                                                     \
            ck_assert_msg(ev_loop_now_ms(loop) < end_, "waited in vain for " #condition ": %s",    \
                          last_reason);                                                            \
            ev_loop_step(loop, 20);                                                                \
        }                                                                                          \
    } while (0)

static struct redis_doc doc;

static struct redis_config config_of(enum redis_level level)
{
    struct redis_config config = {.level = level, .command_ms = 600, .retry_ms_max = 100};
    ck_assert(ev_address_parse(support_server_address(server), &config.address));
    return config;
}

static void open_client(const struct redis_config *config)
{
    closed = false;
    last_reason[0] = 0;
    client = redis_client_new(loop, config, &events, NULL);
    ck_assert_ptr_nonnull(client);
}

static void open_ready(enum redis_level level)
{
    struct redis_config config = config_of(level);
    open_client(&config);
    AWAIT(redis_client_state(client) == REDIS_STATE_READY);
}

static void close_client(void)
{
    if (!closed)
        redis_client_close(client, on_closed, NULL);
    AWAIT(closed);
}

static void call_append(struct call *call, const struct chain_position *at)
{
    struct chain_position after = chain_position_after(at, 1, slice_str("x"));
    ck_assert_int_eq(redis_append(client, doc, at, &after, slice_str("x"), on_append, call), 0);
    ck_assert_uint_eq(call->answers, 0); /* never inside the call */
}

static enum redis_outcome append_outcome(const struct chain_position *at)
{
    struct call call = {0};
    call_append(&call, at);
    AWAIT(call.answers);
    snprintf(last_reason, sizeof last_reason, "%s", call.error);
    return call.outcome;
}

static struct chain_position adopted(void)
{
    struct chain_position zero = chain_position_start(doc.id);
    struct call call;
    int64_t end = ev_loop_now_ms(loop) + WAIT_MS;
    do { /* a replica that has just connected may confirm nothing for a while */
        call = (struct call){0};
        ck_assert_int_eq(redis_adopt(client, doc, &zero, on_adopt, &call), 0);
        AWAIT(call.answers);
    } while (call.outcome == REDIS_OUTCOME_UNKNOWN && ev_loop_now_ms(loop) < end);
    ck_assert_int_eq(call.outcome, REDIS_OUTCOME_OK);
    return zero;
}

static void setup(void)
{
    doc = (struct redis_doc){.lane = 3, .id = slice_str("doc")};
    server = support_redis_start(NULL);
    loop = ev_loop_new(NULL);
}

static void teardown(void)
{
    loop = ev_loop_free(loop);
    replica = support_server_stop(replica);
    server = support_server_stop(server);
}

/* ---- without a server ---- */

START_TEST(keys_round_trip)
{
    static const char id[] = "A-z_0.9~/:{}*?[]\\ %\0\xff\xc3\xa4";
    struct bytes key = BYTES_INIT, back = BYTES_INIT;
    unsigned lane = 0;
    redis_key_doc(&key, 63, "head", slice_of(id, sizeof id - 1));
    bytes_append_u8(&key, 0);
    ck_assert_str_eq((char *)key.data, "weft:{63}:head:A-z_0.9~%2F%3A%7B%7D%2A%3F%5B%5D%5C%20%25"
                                       "%00%FF%C3%A4");
    ck_assert(redis_key_parse_head(slice_of(key.data, key.size - 1), &lane, &back));
    ck_assert_uint_eq(lane, 63);
    ck_assert(slice_equal(bytes_slice(&back), slice_of(id, sizeof id - 1)));
    static const char *const bad[] = {"weft:{}:head:a",    "weft:{1}:log:a",    "weft:{1}:head:%4",
                                      "weft:{1}:head:%41", "weft:{1}:head:%zz", "weft:{1}:head:a b",
                                      "weft:{1:head:a",    "weft:{1}:head:%2f", ""};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!redis_key_parse_head(slice_str(bad[i]), &lane, &back), "%s", bad[i]);
    bytes_fini(&key);
    bytes_fini(&back);
}
END_TEST

START_TEST(levels_are_judged)
{
    static const char info[] = "# Replication\r\nrole:master\r\nconnected_slaves:2\r\n"
                               "master_replid:0123456789012345678901234567890123456789\r\n"
                               "master_replid2:0000000000000000000000000000000000000000\r\n"
                               "loading:0\r\naof_rewrite_in_progress:0\r\n"
                               "aof_rewrite_scheduled:0\r\nnonsense\r\n:\r\n";
    struct redis_facts facts = {0};
    const char *reason;
    redis_facts_info(&facts, slice_str(info));
    ck_assert(facts.primary && !facts.promoted && !facts.rewriting && facts.replicas == 2);
    ck_assert_int_eq(redis_facts_judge(&facts, REDIS_LEVEL_MEMORY, 0, &reason),
                     REDIS_VERDICT_UNFIT); /* eviction is not ruled out */
    redis_facts_config(&facts, slice_str("maxmemory-policy"), slice_str("noeviction"));
    ck_assert_int_eq(redis_facts_judge(&facts, REDIS_LEVEL_MEMORY, 0, &reason), REDIS_VERDICT_FIT);
    ck_assert_int_eq(redis_facts_judge(&facts, REDIS_LEVEL_FSYNC, 0, &reason), REDIS_VERDICT_UNFIT);
    redis_facts_config(&facts, slice_str("appendonly"), slice_str("yes"));
    ck_assert_int_eq(redis_facts_judge(&facts, REDIS_LEVEL_FSYNC, 0, &reason), REDIS_VERDICT_UNFIT);
    redis_facts_config(&facts, slice_str("appendfsync"), slice_str("always"));
    ck_assert_int_eq(redis_facts_judge(&facts, REDIS_LEVEL_FSYNC, 0, &reason), REDIS_VERDICT_FIT);
    ck_assert_int_eq(redis_facts_judge(&facts, REDIS_LEVEL_REPLICA, 2, &reason), REDIS_VERDICT_FIT);
    ck_assert_int_eq(redis_facts_judge(&facts, REDIS_LEVEL_REPLICA, 3, &reason),
                     REDIS_VERDICT_UNFIT);

    /* An ordinary rewrite does not matter, the one after a change of role does. */
    redis_facts_info(&facts, slice_str("aof_rewrite_in_progress:1\r\n"));
    ck_assert_int_eq(redis_facts_judge(&facts, REDIS_LEVEL_FSYNC, 0, &reason), REDIS_VERDICT_FIT);
    redis_facts_info(&facts, slice_str("master_replid2:a123456789012345678901234567890123456789"));
    ck_assert_int_eq(redis_facts_judge(&facts, REDIS_LEVEL_FSYNC, 0, &reason), REDIS_VERDICT_LATER);
    ck_assert_int_eq(redis_facts_judge(&facts, REDIS_LEVEL_MEMORY, 0, &reason), REDIS_VERDICT_FIT);
    facts.rewriting = false;
    ck_assert_int_eq(redis_facts_judge(&facts, REDIS_LEVEL_FSYNC, 0, &reason), REDIS_VERDICT_FIT);
    redis_facts_info(&facts, slice_str("role:slave"));
    ck_assert_int_eq(redis_facts_judge(&facts, REDIS_LEVEL_FSYNC, 0, &reason), REDIS_VERDICT_LATER);
    facts.loading = true;
    ck_assert_int_eq(redis_facts_judge(&facts, REDIS_LEVEL_FSYNC, 0, &reason), REDIS_VERDICT_LATER);
}
END_TEST

/* ---- a server that dies, stalls, comes back ---- */

START_TEST(a_dead_server_is_down_and_comes_back)
{
    open_ready(REDIS_LEVEL_FSYNC);
    struct chain_position zero = adopted();
    ck_assert_int_eq(append_outcome(&zero), REDIS_OUTCOME_OK);
    support_server_kill(server);
    AWAIT(redis_client_state(client) == REDIS_STATE_DOWN);
    ck_assert_int_eq(append_outcome(&zero), REDIS_OUTCOME_DOWN);
    support_server_again(server);
    AWAIT(redis_client_state(client) == REDIS_STATE_READY);
    ck_assert_str_eq(redis_client_reason(client), "");
    struct call call = {0};
    call_append(&call, &zero);
    AWAIT(call.answers);
    ck_assert_int_eq(call.outcome, REDIS_OUTCOME_OK);
    ck_assert_int_eq(call.status, REDIS_REFUSED); /* what was confirmed is still there */
    close_client();
}
END_TEST

START_TEST(what_was_sent_is_unknown_when_the_server_dies)
{
    open_ready(REDIS_LEVEL_FSYNC);
    struct chain_position zero = adopted();
    struct call calls[20] = {0};
    support_server_pause(server);
    for (int i = 0; i < 20; i++)
        call_append(&calls[i], &zero);
    ev_loop_step(loop, 20);
    support_server_kill(server);
    AWAIT(redis_client_state(client) == REDIS_STATE_DOWN);
    ev_loop_step(loop, 20);
    for (int i = 0; i < 20; i++) {
        ck_assert_uint_eq(calls[i].answers, 1);
        ck_assert_int_eq(calls[i].outcome, REDIS_OUTCOME_UNKNOWN);
    }
    ck_assert_uint_eq(redis_client_stats(client)->unknown, 20);
    close_client();
}
END_TEST

START_TEST(a_stalled_server_meets_the_deadline)
{
    open_ready(REDIS_LEVEL_FSYNC);
    struct chain_position zero = adopted();
    support_server_pause(server);
    int64_t begun = ev_loop_now_ms(loop);
    ck_assert_int_eq(append_outcome(&zero), REDIS_OUTCOME_UNKNOWN);
    int64_t took = ev_loop_now_ms(loop) - begun;
    ck_assert_msg(took >= 600 && took < 3000, "%d ms", (int)took);
    ck_assert_int_eq(redis_client_state(client), REDIS_STATE_DOWN);
    support_server_resume(server);
    AWAIT(redis_client_state(client) == REDIS_STATE_READY);
    struct call call = {0};
    call_append(&call, &zero); /* the one that was unknown had happened: this is why one re-reads */
    AWAIT(call.answers);
    ck_assert_int_eq(call.outcome, REDIS_OUTCOME_OK);
    ck_assert_int_eq(call.status, REDIS_REFUSED);
    close_client();
}
END_TEST

START_TEST(no_server_yet)
{
    support_server_kill(server);
    struct redis_config config = config_of(REDIS_LEVEL_FSYNC);
    open_client(&config);
    struct chain_position zero = chain_position_start(doc.id);
    ck_assert_int_eq(append_outcome(&zero), REDIS_OUTCOME_DOWN);
    AWAIT(redis_client_stats(client)->connects >= 4); /* two connections, tried again */
    ck_assert_str_eq(redis_client_reason(client), "Connection refused");
    support_server_again(server);
    AWAIT(redis_client_state(client) == REDIS_STATE_READY);
    close_client();
}
END_TEST

START_TEST(close_answers_everything_first)
{
    open_ready(REDIS_LEVEL_FSYNC);
    struct chain_position zero = adopted();
    struct call calls[10] = {0}, late = {0};
    support_server_pause(server);
    for (int i = 0; i < 10; i++)
        call_append(&calls[i], &zero);
    redis_client_close(client, on_closed, NULL);
    call_append(&late, &zero);
    ck_assert(!closed);
    AWAIT(closed);
    for (int i = 0; i < 10; i++)
        ck_assert(calls[i].answers == 1 && calls[i].outcome == REDIS_OUTCOME_UNKNOWN);
    ck_assert(late.answers == 1 && late.outcome == REDIS_OUTCOME_DOWN);
}
END_TEST

START_TEST(an_answer_may_close_the_client)
{
    open_ready(REDIS_LEVEL_FSYNC);
    struct chain_position zero = adopted();
    struct call calls[10] = {0};
    unsigned closes = 0;
    for (int i = 0; i < 10; i++) {
        calls[i].closes = &closes;
        call_append(&calls[i], &zero); /* answered by one read of the socket */
    }
    AWAIT(closed);
    ck_assert_uint_eq(closes, 10);
    ck_assert_int_eq(calls[0].outcome, REDIS_OUTCOME_OK);
    for (int i = 0; i < 10; i++)
        ck_assert_uint_eq(calls[i].answers, 1);
}
END_TEST

START_TEST(close_while_connecting)
{
    support_server_pause(server);
    struct redis_config config = config_of(REDIS_LEVEL_FSYNC);
    open_client(&config);
    AWAIT(redis_client_stats(client)->connects >= 1);
    close_client();
    open_client(&config);
    close_client(); /* before the first attempt */
}
END_TEST

START_TEST(unanswered_calls_are_bounded)
{
    struct redis_config config = config_of(REDIS_LEVEL_FSYNC);
    config.pending_max = 5;
    config.pending_bytes_max = 5000;
    open_client(&config);
    AWAIT(redis_client_state(client) == REDIS_STATE_READY);
    struct chain_position zero = adopted(), one = {.rev = 1};
    struct call calls[6] = {0}, big = {0};
    support_server_pause(server);
    for (int i = 0; i < 6; i++)
        call_append(&calls[i], &zero);
    AWAIT(calls[5].answers);
    ck_assert_int_eq(calls[5].outcome, REDIS_OUTCOME_DOWN);
    ck_assert_uint_eq(calls[4].answers, 0);
    support_server_resume(server);
    AWAIT(calls[4].answers);
    ck_assert_int_eq(calls[4].outcome, REDIS_OUTCOME_OK);
    static char payload[6000];
    ck_assert_int_eq(
        redis_append(client, doc, &zero, &one, slice_of(payload, sizeof payload), on_append, &big),
        0);
    AWAIT(big.answers);
    ck_assert_int_eq(big.outcome, REDIS_OUTCOME_DOWN);
    close_client();
}
END_TEST

/* ---- a server that refuses ---- */

START_TEST(a_level_that_is_not_given_is_refused)
{
    support_redis_cli(server, "config set appendfsync everysec");
    struct redis_config config = config_of(REDIS_LEVEL_FSYNC);
    open_client(&config);
    AWAIT(redis_client_state(client) == REDIS_STATE_REFUSED);
    ck_assert_ptr_nonnull(strstr(last_reason, "appendfsync always"));
    struct chain_position zero = chain_position_start(doc.id);
    ck_assert_int_eq(append_outcome(&zero), REDIS_OUTCOME_DOWN);
    support_redis_cli(server, "config set appendfsync always");
    AWAIT(redis_client_state(client) == REDIS_STATE_READY);
    /* A level that is taken away later is noticed too. */
    support_redis_cli(server, "config set appendonly no");
    AWAIT(redis_client_state(client) == REDIS_STATE_REFUSED);
    close_client();

    config.level = REDIS_LEVEL_MEMORY;
    open_client(&config);
    AWAIT(redis_client_state(client) == REDIS_STATE_READY);
    close_client();

    support_redis_cli(server, "config set maxmemory-policy allkeys-lru");
    open_client(&config);
    AWAIT(redis_client_state(client) == REDIS_STATE_REFUSED);
    ck_assert_ptr_nonnull(strstr(last_reason, "noeviction"));
    close_client();

    support_redis_cli(server, "config set maxmemory-policy noeviction appendonly yes");
    config.level = REDIS_LEVEL_REPLICA;
    open_client(&config);
    AWAIT(redis_client_state(client) == REDIS_STATE_REFUSED);
    ck_assert_ptr_nonnull(strstr(last_reason, "fewer replicas"));
    close_client();
}
END_TEST

START_TEST(a_password_is_asked_for)
{
    support_redis_cli(server, "config set requirepass secret");
    struct redis_config config = config_of(REDIS_LEVEL_FSYNC);
    open_client(&config);
    AWAIT(redis_client_state(client) == REDIS_STATE_REFUSED);
    ck_assert_ptr_nonnull(strstr(last_reason, "NOAUTH"));
    close_client();
    config.password = "wrong";
    open_client(&config);
    AWAIT(redis_client_state(client) == REDIS_STATE_REFUSED);
    ck_assert_ptr_nonnull(strstr(last_reason, "WRONGPASS"));
    close_client();
    config.password = "secret";
    open_client(&config);
    AWAIT(redis_client_state(client) == REDIS_STATE_READY);
    close_client();
}
END_TEST

START_TEST(a_full_server_is_down_for_appends_alone)
{
    open_ready(REDIS_LEVEL_FSYNC);
    struct chain_position zero = adopted(), one = chain_position_after(&zero, 1, slice_str("x"));
    struct call read = {0}, trim = {0}, claim = {0};
    ck_assert_int_eq(append_outcome(&zero), REDIS_OUTCOME_OK);
    support_redis_cli(server, "config set maxmemory 1");
    ck_assert_int_eq(append_outcome(&one), REDIS_OUTCOME_DOWN);
    ck_assert_ptr_nonnull(strstr(last_reason, "OOM"));
    ck_assert_int_eq(redis_read(client, doc, 1, 10, 1000, on_read, &read), 0);
    ck_assert_int_eq(redis_trim(client, doc, 1, &one, on_trim, &trim), 0);
    ck_assert_int_eq(redis_claim(client, 3, 1000, 10, on_claim, &claim), 0);
    AWAIT(read.answers && trim.answers && claim.answers);
    ck_assert_int_eq(read.outcome, REDIS_OUTCOME_OK);
    ck_assert_int_eq(trim.outcome, REDIS_OUTCOME_OK);
    ck_assert_int_eq(claim.outcome, REDIS_OUTCOME_OK);
    support_redis_cli(server, "config set maxmemory 0");
    ck_assert_int_eq(append_outcome(&one), REDIS_OUTCOME_OK);
    close_client();
}
END_TEST

START_TEST(nonsense_in_the_keys_is_an_error)
{
    open_ready(REDIS_LEVEL_FSYNC);
    struct chain_position zero = adopted();
    struct call read = {0};
    support_redis_cli(server, "set 'weft:{3}:log:doc' text");
    ck_assert_int_eq(append_outcome(&zero), REDIS_OUTCOME_ERROR);
    ck_assert_ptr_nonnull(strstr(last_reason, "WRONGTYPE"));
    support_redis_cli(server, "del 'weft:{3}:log:doc'");
    support_redis_cli(server, "set 'weft:{3}:head:doc' short");
    ck_assert_int_eq(redis_read(client, doc, 1, 10, 1000, on_read, &read), 0);
    AWAIT(read.answers);
    ck_assert_int_eq(read.outcome, REDIS_OUTCOME_ERROR);
    ck_assert_ptr_nonnull(strstr(read.error, "shape"));
    ck_assert_int_eq(append_outcome(&zero), REDIS_OUTCOME_ERROR); /* refused by 5 bytes */
    ck_assert_int_eq(redis_client_state(client), REDIS_STATE_READY);
    close_client();
}
END_TEST

/* ---- the library ---- */

START_TEST(a_missing_library_is_loaded_and_the_call_repeated)
{
    open_ready(REDIS_LEVEL_FSYNC);
    uint64_t loads = redis_client_stats(client)->library_loads;
    ck_assert_uint_ge(loads, 1); /* a fresh server had none */
    struct chain_position zero = adopted();
    support_redis_cli(server, "function flush");
    struct call calls[5] = {0};
    for (int i = 0; i < 5; i++)
        call_append(&calls[i], &zero);
    for (int i = 0; i < 5; i++) {
        AWAIT(calls[i].answers);
        ck_assert_msg(calls[i].outcome == REDIS_OUTCOME_OK, "%s", calls[i].error);
        ck_assert_int_eq(calls[i].status, i ? REDIS_REFUSED : REDIS_APPENDED);
    }
    ck_assert_uint_eq(redis_client_stats(client)->library_loads, loads + 1);
    close_client();
    /* Found fit: not loaded again. */
    open_ready(REDIS_LEVEL_FSYNC);
    ck_assert_uint_eq(redis_client_stats(client)->library_loads, 0);
    close_client();
}
END_TEST

START_TEST(another_library_of_this_name_is_replaced)
{
    support_redis_cli(server, "function load \"$(printf '#!lua name=weft2\\n"
                              "redis.register_function(\"weft2_append\", "
                              "function(k, a) return 1 end)')\"");
    open_ready(REDIS_LEVEL_FSYNC);
    struct chain_position zero = adopted();
    ck_assert_int_eq(append_outcome(&zero), REDIS_OUTCOME_OK);
    close_client();
}
END_TEST

/* ---- replicas ---- */

static void start_replica(void)
{
    char port[8], own[8], of[32];
    server = support_server_stop(server);
    snprintf(port, sizeof port, "%d", support_port());
    const char *options[] = {"--port", port, "--bind", "127.0.0.1", "--repl-diskless-sync-delay",
                             "0",      NULL};
    server = support_redis_start(options);
    snprintf(own, sizeof own, "%d", support_port());
    snprintf(of, sizeof of, "127.0.0.1 %s", port);
    const char *replica_options[] = {"--port", own, "--bind", "127.0.0.1", "--replicaof", of, NULL};
    replica = support_redis_start(replica_options);
    int64_t end = ev_loop_now_ms(loop) + WAIT_MS;
    while (!strstr(support_redis_cli(replica, "info replication"), "master_link_status:up")) {
        ck_assert(ev_loop_now_ms(loop) < end);
        ev_loop_step(loop, 20);
    }
}

START_TEST(appends_wait_for_replicas)
{
    start_replica();
    open_ready(REDIS_LEVEL_REPLICA);
    struct chain_position zero = adopted();
    struct call calls[50] = {0}, claim = {0}, read = {0};
    uint64_t waits = redis_client_stats(client)->waits;
    for (int i = 0; i < 50; i++) {
        doc.id = slice_of("0123456789012345678901234567890123456789012345678901234567890", 5 + i);
        call_append(&calls[i], &zero);
    }
    for (int i = 0; i < 50; i++) {
        AWAIT(calls[i].answers);
        ck_assert_int_eq(calls[i].outcome, REDIS_OUTCOME_OK);
    }
    doc.id = slice_str("doc");
    ck_assert_uint_le(redis_client_stats(client)->waits, waits + 10); /* per batch, not per call */
    struct chain_position at = zero;
    ck_assert_int_eq(append_outcome(&at), REDIS_OUTCOME_OK);
    at = chain_position_after(&at, 1, slice_str("x"));
    ck_assert_str_eq(support_redis_cli(replica, "xlen 'weft:{3}:log:doc'"), "1");

    support_server_pause(replica);
    ck_assert_int_eq(append_outcome(&at), REDIS_OUTCOME_UNKNOWN);
    ck_assert_uint_ge(redis_client_stats(client)->waits_short, 1);
    ck_assert_int_eq(redis_read(client, doc, 1, 10, 1000, on_read, &read), 0);
    ck_assert_int_eq(redis_claim(client, 3, 1000, 10, on_claim, &claim), 0);
    AWAIT(claim.answers && read.answers);
    ck_assert_int_eq(claim.outcome, REDIS_OUTCOME_OK);     /* needs no confirming */
    ck_assert_int_eq(read.outcome, REDIS_OUTCOME_UNKNOWN); /* would show what may yet be lost */
    ck_assert_int_eq(redis_client_state(client), REDIS_STATE_READY);

    support_server_resume(replica);
    struct call again = {0}, slow = {0};
    ck_assert_int_eq(redis_read(client, doc, 1, 10, 1000, on_read, &again), 0);
    AWAIT(again.answers);
    ck_assert_int_eq(again.outcome, REDIS_OUTCOME_OK);
    at = chain_position_after(&at, 1, slice_str("x"));

    /* Confirmed late, but within the deadline. */
    support_server_pause(replica);
    uint64_t shorts = redis_client_stats(client)->waits_short;
    call_append(&slow, &at);
    AWAIT(redis_client_stats(client)->waits_short > shorts);
    support_server_resume(replica);
    AWAIT(slow.answers);
    ck_assert_int_eq(slow.outcome, REDIS_OUTCOME_OK);
    close_client();
}
END_TEST

START_TEST(a_missing_library_at_level_replica)
{
    start_replica();
    open_ready(REDIS_LEVEL_REPLICA);
    struct chain_position zero = adopted();
    struct call calls[5] = {0};
    support_redis_cli(server, "function flush");
    for (int i = 0; i < 5; i++)
        call_append(&calls[i], &zero);
    for (int i = 0; i < 5; i++) {
        AWAIT(calls[i].answers);
        ck_assert_msg(calls[i].outcome == REDIS_OUTCOME_OK, "%s", calls[i].error);
    }
    close_client();
}
END_TEST

START_TEST(a_demoted_server_is_left)
{
    start_replica();
    open_ready(REDIS_LEVEL_FSYNC);
    struct chain_position zero = adopted();
    ck_assert_int_eq(append_outcome(&zero), REDIS_OUTCOME_OK);
    support_redis_cli(server, "replicaof 127.0.0.1 1");
    ck_assert_int_eq(append_outcome(&zero), REDIS_OUTCOME_DOWN);
    ck_assert_int_eq(redis_client_state(client), REDIS_STATE_DOWN);
    support_redis_cli(server, "replicaof no one");
    AWAIT(redis_client_state(client) == REDIS_STATE_READY);
    /* Down and up again between two calls: the periodic check sees the new replication id. */
    uint64_t losses = redis_client_stats(client)->losses;
    support_redis_cli(server, "replicaof 127.0.0.1 1");
    support_redis_cli(server, "replicaof no one");
    AWAIT(redis_client_stats(client)->losses == losses + 2);
    AWAIT(redis_client_state(client) == REDIS_STATE_READY);
    close_client();
}
END_TEST

START_TEST(a_demoted_server_confirms_nothing)
{
    start_replica();
    open_ready(REDIS_LEVEL_REPLICA);
    struct chain_position zero = adopted();
    struct call call = {0}, read = {0};
    uint64_t waits = redis_client_stats(client)->waits;
    support_server_pause(replica);
    call_append(&call, &zero);
    AWAIT(redis_client_stats(client)->waits > waits); /* blocked in its WAIT */
    support_redis_cli(server, "replicaof 127.0.0.1 1");
    AWAIT(call.answers);
    ck_assert_int_eq(call.outcome, REDIS_OUTCOME_UNKNOWN);
    ck_assert_int_eq(redis_read(client, doc, 1, 10, 1000, on_read, &read), 0);
    AWAIT(read.answers);
    ck_assert_int_ne(read.outcome, REDIS_OUTCOME_OK);
    close_client();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redis_client");
    TCase *pure = tcase_create("pure");
    tcase_add_test(pure, keys_round_trip);
    tcase_add_test(pure, levels_are_judged);
    suite_add_tcase(suite, pure);
    TCase *tcase = tcase_create("client");
    tcase_set_timeout(tcase, 90);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_dead_server_is_down_and_comes_back);
    tcase_add_test(tcase, what_was_sent_is_unknown_when_the_server_dies);
    tcase_add_test(tcase, a_stalled_server_meets_the_deadline);
    tcase_add_test(tcase, no_server_yet);
    tcase_add_test(tcase, close_answers_everything_first);
    tcase_add_test(tcase, an_answer_may_close_the_client);
    tcase_add_test(tcase, close_while_connecting);
    tcase_add_test(tcase, unanswered_calls_are_bounded);
    tcase_add_test(tcase, a_level_that_is_not_given_is_refused);
    tcase_add_test(tcase, a_password_is_asked_for);
    tcase_add_test(tcase, a_full_server_is_down_for_appends_alone);
    tcase_add_test(tcase, nonsense_in_the_keys_is_an_error);
    tcase_add_test(tcase, a_missing_library_is_loaded_and_the_call_repeated);
    tcase_add_test(tcase, another_library_of_this_name_is_replaced);
    tcase_add_test(tcase, appends_wait_for_replicas);
    tcase_add_test(tcase, a_missing_library_at_level_replica);
    tcase_add_test(tcase, a_demoted_server_is_left);
    tcase_add_test(tcase, a_demoted_server_confirms_nothing);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
