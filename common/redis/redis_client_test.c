/*
 * The client's promises: every call ends exactly once, with the outcome that is true, whatever the
 * server does meanwhile; a server that does not give the level is refused.
 */
#include "redis_client_help_test.h"

/* ---- a server that dies, stalls, comes back ---- */

START_TEST(a_dead_server_is_down_and_comes_back)
{
    client_open_ready(REDIS_LEVEL_FSYNC);
    struct chain_position zero = client_adopted();
    ck_assert_int_eq(client_append_outcome(&zero), REDIS_OUTCOME_OK);
    support_server_kill(help.server);
    AWAIT(redis_client_state(help.client) == REDIS_STATE_DOWN);
    ck_assert_int_eq(client_append_outcome(&zero), REDIS_OUTCOME_DOWN);
    support_server_again(help.server);
    AWAIT(redis_client_state(help.client) == REDIS_STATE_READY);
    ck_assert_str_eq(redis_client_reason(help.client), "");
    struct client_call call = {0};
    client_append(&call, &zero);
    AWAIT(call.answers);
    ck_assert_int_eq(call.outcome, REDIS_OUTCOME_OK);
    ck_assert_int_eq(call.status, REDIS_REFUSED); /* what was confirmed is still there */
    client_close();
}
END_TEST

START_TEST(what_was_sent_is_unknown_when_the_server_dies)
{
    client_open_ready(REDIS_LEVEL_FSYNC);
    struct chain_position zero = client_adopted();
    struct client_call calls[20] = {0};
    support_server_pause(help.server);
    for (int i = 0; i < 20; i++)
        client_append(&calls[i], &zero);
    ev_loop_step(help.loop, 20);
    support_server_kill(help.server);
    AWAIT(redis_client_state(help.client) == REDIS_STATE_DOWN);
    ev_loop_step(help.loop, 20);
    for (int i = 0; i < 20; i++) {
        ck_assert_uint_eq(calls[i].answers, 1);
        ck_assert_int_eq(calls[i].outcome, REDIS_OUTCOME_UNKNOWN);
    }
    ck_assert_uint_eq(redis_client_stats(help.client)->unknown, 20);
    client_close();
}
END_TEST

START_TEST(a_stalled_server_meets_the_deadline)
{
    client_open_ready(REDIS_LEVEL_FSYNC);
    struct chain_position zero = client_adopted();
    support_server_pause(help.server);
    int64_t begun = ev_loop_now_ms(help.loop);
    ck_assert_int_eq(client_append_outcome(&zero), REDIS_OUTCOME_UNKNOWN);
    int64_t took = ev_loop_now_ms(help.loop) - begun;
    ck_assert_msg(took >= 600 && took < 3000, "%d ms", (int)took);
    ck_assert_int_eq(redis_client_state(help.client), REDIS_STATE_DOWN);
    support_server_resume(help.server);
    AWAIT(redis_client_state(help.client) == REDIS_STATE_READY);
    struct client_call call = {0};
    client_append(&call,
                  &zero); /* the one that was unknown had happened: this is why one re-reads */
    AWAIT(call.answers);
    ck_assert_int_eq(call.outcome, REDIS_OUTCOME_OK);
    ck_assert_int_eq(call.status, REDIS_REFUSED);
    client_close();
}
END_TEST

START_TEST(no_server_yet)
{
    support_server_kill(help.server);
    struct redis_config config = client_config(REDIS_LEVEL_FSYNC);
    client_open(&config);
    struct chain_position zero = chain_position_start(help.doc.id);
    ck_assert_int_eq(client_append_outcome(&zero), REDIS_OUTCOME_DOWN);
    AWAIT(redis_client_stats(help.client)->connects >= 4); /* two connections, tried again */
    ck_assert_str_eq(redis_client_reason(help.client), "Connection refused");
    support_server_again(help.server);
    AWAIT(redis_client_state(help.client) == REDIS_STATE_READY);
    client_close();
}
END_TEST

START_TEST(close_answers_everything_first)
{
    client_open_ready(REDIS_LEVEL_FSYNC);
    struct chain_position zero = client_adopted();
    struct client_call calls[10] = {0}, late = {0};
    support_server_pause(help.server);
    for (int i = 0; i < 10; i++)
        client_append(&calls[i], &zero);
    redis_client_close(help.client, client_on_closed, NULL);
    client_append(&late, &zero);
    ck_assert(!help.closed);
    AWAIT(help.closed);
    for (int i = 0; i < 10; i++)
        ck_assert(calls[i].answers == 1 && calls[i].outcome == REDIS_OUTCOME_UNKNOWN);
    ck_assert(late.answers == 1 && late.outcome == REDIS_OUTCOME_DOWN);
}
END_TEST

START_TEST(an_answer_may_close_the_client)
{
    client_open_ready(REDIS_LEVEL_FSYNC);
    struct chain_position zero = client_adopted();
    struct client_call calls[10] = {0};
    unsigned closes = 0;
    for (int i = 0; i < 10; i++) {
        calls[i].closes = &closes;
        client_append(&calls[i], &zero); /* answered by one read of the socket */
    }
    AWAIT(help.closed);
    ck_assert_uint_eq(closes, 10);
    ck_assert_int_eq(calls[0].outcome, REDIS_OUTCOME_OK);
    for (int i = 0; i < 10; i++)
        ck_assert_uint_eq(calls[i].answers, 1);
}
END_TEST

START_TEST(close_while_connecting)
{
    support_server_pause(help.server);
    struct redis_config config = client_config(REDIS_LEVEL_FSYNC);
    client_open(&config);
    AWAIT(redis_client_stats(help.client)->connects >= 1);
    client_close();
    client_open(&config);
    client_close(); /* before the first attempt */
}
END_TEST

START_TEST(unanswered_calls_are_bounded)
{
    struct redis_config config = client_config(REDIS_LEVEL_FSYNC);
    config.pending_max = 5;
    config.pending_bytes_max = 5000;
    client_open(&config);
    AWAIT(redis_client_state(help.client) == REDIS_STATE_READY);
    struct chain_position zero = client_adopted(), one = {.rev = 1};
    struct client_call calls[6] = {0}, big = {0};
    support_server_pause(help.server);
    for (int i = 0; i < 6; i++)
        client_append(&calls[i], &zero);
    AWAIT(calls[5].answers);
    ck_assert_int_eq(calls[5].outcome, REDIS_OUTCOME_DOWN);
    ck_assert_uint_eq(calls[4].answers, 0);
    support_server_resume(help.server);
    AWAIT(calls[4].answers);
    ck_assert_int_eq(calls[4].outcome, REDIS_OUTCOME_OK);
    static char payload[6000];
    ck_assert_int_eq(redis_append(help.client, help.doc, &zero, &one,
                                  slice_of(payload, sizeof payload), client_on_append, &big),
                     0);
    AWAIT(big.answers);
    ck_assert_int_eq(big.outcome, REDIS_OUTCOME_DOWN);
    client_close();
}
END_TEST

/* ---- a server that refuses ---- */

START_TEST(a_level_that_is_not_given_is_refused)
{
    support_redis_cli(help.server, "config set appendfsync everysec");
    struct redis_config config = client_config(REDIS_LEVEL_FSYNC);
    client_open(&config);
    AWAIT(redis_client_state(help.client) == REDIS_STATE_REFUSED);
    ck_assert_ptr_nonnull(strstr(help.last_reason, "appendfsync always"));
    struct chain_position zero = chain_position_start(help.doc.id);
    ck_assert_int_eq(client_append_outcome(&zero), REDIS_OUTCOME_DOWN);
    support_redis_cli(help.server, "config set appendfsync always");
    AWAIT(redis_client_state(help.client) == REDIS_STATE_READY);
    /* A level that is taken away later is noticed too. */
    support_redis_cli(help.server, "config set appendonly no");
    AWAIT(redis_client_state(help.client) == REDIS_STATE_REFUSED);
    client_close();

    config.level = REDIS_LEVEL_MEMORY;
    client_open(&config);
    AWAIT(redis_client_state(help.client) == REDIS_STATE_READY);
    client_close();

    support_redis_cli(help.server, "config set maxmemory-policy allkeys-lru");
    client_open(&config);
    AWAIT(redis_client_state(help.client) == REDIS_STATE_REFUSED);
    ck_assert_ptr_nonnull(strstr(help.last_reason, "noeviction"));
    client_close();

    support_redis_cli(help.server, "config set maxmemory-policy noeviction appendonly yes");
    config.level = REDIS_LEVEL_REPLICA;
    client_open(&config);
    AWAIT(redis_client_state(help.client) == REDIS_STATE_REFUSED);
    ck_assert_ptr_nonnull(strstr(help.last_reason, "fewer replicas"));
    client_close();
}
END_TEST

START_TEST(a_password_is_asked_for)
{
    support_redis_cli(help.server, "config set requirepass secret");
    struct redis_config config = client_config(REDIS_LEVEL_FSYNC);
    client_open(&config);
    AWAIT(redis_client_state(help.client) == REDIS_STATE_REFUSED);
    ck_assert_ptr_nonnull(strstr(help.last_reason, "NOAUTH"));
    client_close();
    config.password = "wrong";
    client_open(&config);
    AWAIT(redis_client_state(help.client) == REDIS_STATE_REFUSED);
    ck_assert_ptr_nonnull(strstr(help.last_reason, "WRONGPASS"));
    client_close();
    config.password = "secret";
    client_open(&config);
    AWAIT(redis_client_state(help.client) == REDIS_STATE_READY);
    client_close();
}
END_TEST

START_TEST(a_full_server_is_down_for_appends_alone)
{
    client_open_ready(REDIS_LEVEL_FSYNC);
    struct chain_position zero = client_adopted(),
                          one = chain_position_after(&zero, 1, slice_str("x"));
    struct client_call read = {0}, trim = {0}, claim = {0};
    ck_assert_int_eq(client_append_outcome(&zero), REDIS_OUTCOME_OK);
    support_redis_cli(help.server, "config set maxmemory 1");
    ck_assert_int_eq(client_append_outcome(&one), REDIS_OUTCOME_DOWN);
    ck_assert_ptr_nonnull(strstr(help.last_reason, "OOM"));
    ck_assert_int_eq(redis_read(help.client, help.doc, 1, 10, 1000, client_on_read, &read), 0);
    ck_assert_int_eq(redis_trim(help.client, help.doc, 1, &one, client_on_trim, &trim), 0);
    ck_assert_int_eq(redis_claim(help.client, 3, 1000, 10, client_on_claim, &claim), 0);
    AWAIT(read.answers && trim.answers && claim.answers);
    ck_assert_int_eq(read.outcome, REDIS_OUTCOME_OK);
    ck_assert_int_eq(trim.outcome, REDIS_OUTCOME_OK);
    ck_assert_int_eq(claim.outcome, REDIS_OUTCOME_OK);
    support_redis_cli(help.server, "config set maxmemory 0");
    ck_assert_int_eq(client_append_outcome(&one), REDIS_OUTCOME_OK);
    client_close();
}
END_TEST

START_TEST(nonsense_in_the_keys_is_damage_or_an_error)
{
    client_open_ready(REDIS_LEVEL_FSYNC);
    struct chain_position zero = client_adopted();
    struct client_call read = {0};
    support_redis_cli(help.server, "set 'weft:{3}:log:doc' text");
    ck_assert_int_eq(client_append_outcome(&zero), REDIS_OUTCOME_ERROR);
    ck_assert_ptr_nonnull(strstr(help.last_reason, "WRONGTYPE"));
    support_redis_cli(help.server, "del 'weft:{3}:log:doc'");
    support_redis_cli(help.server, "set 'weft:{3}:head:doc' short");
    ck_assert_int_eq(redis_read(help.client, help.doc, 1, 10, 1000, client_on_read, &read), 0);
    AWAIT(read.answers);
    ck_assert_int_eq(read.outcome, REDIS_OUTCOME_OK);
    ck_assert(read.damaged);
    ck_assert_int_eq(client_append_outcome(&zero), REDIS_OUTCOME_ERROR); /* refused by 5 bytes */
    ck_assert_int_eq(redis_client_state(help.client), REDIS_STATE_READY);
    client_close();
}
END_TEST

/* ---- the library ---- */

START_TEST(a_missing_library_is_loaded_and_the_call_repeated)
{
    client_open_ready(REDIS_LEVEL_FSYNC);
    uint64_t loads = redis_client_stats(help.client)->library_loads;
    ck_assert_uint_ge(loads, 1); /* a fresh server had none */
    struct chain_position zero = client_adopted();
    support_redis_cli(help.server, "function flush");
    struct client_call calls[5] = {0};
    for (int i = 0; i < 5; i++)
        client_append(&calls[i], &zero);
    for (int i = 0; i < 5; i++) {
        AWAIT(calls[i].answers);
        ck_assert_msg(calls[i].outcome == REDIS_OUTCOME_OK, "%s", calls[i].error);
        ck_assert_int_eq(calls[i].status, i ? REDIS_REFUSED : REDIS_APPENDED);
    }
    ck_assert_uint_eq(redis_client_stats(help.client)->library_loads, loads + 1);
    client_close();
    /* Found fit: not loaded again. */
    client_open_ready(REDIS_LEVEL_FSYNC);
    ck_assert_uint_eq(redis_client_stats(help.client)->library_loads, 0);
    client_close();
}
END_TEST

START_TEST(another_library_of_this_name_is_replaced)
{
    support_redis_cli(help.server, "function load \"$(printf '#!lua name=weft2\\n"
                                   "redis.register_function(\"weft2_append\", "
                                   "function(k, a) return 1 end)')\"");
    client_open_ready(REDIS_LEVEL_FSYNC);
    struct chain_position zero = client_adopted();
    ck_assert_int_eq(client_append_outcome(&zero), REDIS_OUTCOME_OK);
    client_close();
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, a_dead_server_is_down_and_comes_back);
    tcase_add_test(tc, what_was_sent_is_unknown_when_the_server_dies);
    tcase_add_test(tc, a_stalled_server_meets_the_deadline);
    tcase_add_test(tc, no_server_yet);
    tcase_add_test(tc, close_answers_everything_first);
    tcase_add_test(tc, an_answer_may_close_the_client);
    tcase_add_test(tc, close_while_connecting);
    tcase_add_test(tc, unanswered_calls_are_bounded);
    tcase_add_test(tc, a_level_that_is_not_given_is_refused);
    tcase_add_test(tc, a_password_is_asked_for);
    tcase_add_test(tc, a_full_server_is_down_for_appends_alone);
    tcase_add_test(tc, nonsense_in_the_keys_is_damage_or_an_error);
    tcase_add_test(tc, a_missing_library_is_loaded_and_the_call_repeated);
    tcase_add_test(tc, another_library_of_this_name_is_replaced);
}

int main(void)
{
    return client_main("redis_client", add);
}
