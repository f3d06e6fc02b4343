/* The client over a server with a replica: nothing counts that the replica has not confirmed. */
#include <stdio.h>

#include "redis_client_help_test.h"

static void start_replica(void)
{
    char port[8], own[8], of[32];
    help.server = support_server_stop(help.server);
    snprintf(port, sizeof port, "%d", support_port());
    const char *options[] = {"--port", port, "--bind", "127.0.0.1", "--repl-diskless-sync-delay",
                             "0",      NULL};
    help.server = support_redis_start(options);
    snprintf(own, sizeof own, "%d", support_port());
    snprintf(of, sizeof of, "127.0.0.1 %s", port);
    const char *replica_options[] = {"--port", own, "--bind", "127.0.0.1", "--replicaof", of, NULL};
    help.replica = support_redis_start(replica_options);
    int64_t end = ev_loop_now_ms(help.loop) + HELP_WAIT_MS;
    while (!strstr(support_redis_cli(help.replica, "info replication"), "master_link_status:up")) {
        ck_assert(ev_loop_now_ms(help.loop) < end);
        ev_loop_step(help.loop, 20);
    }
}

START_TEST(appends_wait_for_replicas)
{
    start_replica();
    client_open_ready(REDIS_LEVEL_REPLICA);
    struct chain_position zero = client_adopted();
    struct client_call calls[50] = {0}, claim = {0}, read = {0};
    uint64_t waits = redis_client_stats(help.client)->waits;
    for (int i = 0; i < 50; i++) {
        help.doc.id =
            slice_of("0123456789012345678901234567890123456789012345678901234567890", 5 + i);
        client_append(&calls[i], &zero);
    }
    for (int i = 0; i < 50; i++) {
        AWAIT(calls[i].answers);
        ck_assert_int_eq(calls[i].outcome, REDIS_OUTCOME_OK);
    }
    help.doc.id = slice_str("doc");
    ck_assert_uint_le(redis_client_stats(help.client)->waits,
                      waits + 10); /* per batch, not per call */
    struct chain_position at = zero;
    ck_assert_int_eq(client_append_outcome(&at), REDIS_OUTCOME_OK);
    at = chain_position_after(&at, 1, slice_str("x"));
    ck_assert_str_eq(support_redis_cli(help.replica, "xlen 'weft:{3}:log:doc'"), "1");

    support_server_pause(help.replica);
    ck_assert_int_eq(client_append_outcome(&at), REDIS_OUTCOME_UNKNOWN);
    ck_assert_uint_ge(redis_client_stats(help.client)->waits_short, 1);
    ck_assert_int_eq(redis_read(help.client, help.doc, 1, 10, 1000, client_on_read, &read), 0);
    ck_assert_int_eq(redis_claim(help.client, 3, 1000, 10, client_on_claim, &claim), 0);
    AWAIT(claim.answers && read.answers);
    ck_assert_int_eq(claim.outcome, REDIS_OUTCOME_OK);     /* needs no confirming */
    ck_assert_int_eq(read.outcome, REDIS_OUTCOME_UNKNOWN); /* would show what may yet be lost */
    ck_assert_int_eq(redis_client_state(help.client), REDIS_STATE_READY);

    support_server_resume(help.replica);
    struct client_call again = {0}, slow = {0};
    ck_assert_int_eq(redis_read(help.client, help.doc, 1, 10, 1000, client_on_read, &again), 0);
    AWAIT(again.answers);
    ck_assert_int_eq(again.outcome, REDIS_OUTCOME_OK);
    at = chain_position_after(&at, 1, slice_str("x"));

    /* Confirmed late, but within the deadline. */
    support_server_pause(help.replica);
    uint64_t shorts = redis_client_stats(help.client)->waits_short;
    client_append(&slow, &at);
    AWAIT(redis_client_stats(help.client)->waits_short > shorts);
    support_server_resume(help.replica);
    AWAIT(slow.answers);
    ck_assert_int_eq(slow.outcome, REDIS_OUTCOME_OK);
    client_close();
}
END_TEST

START_TEST(a_missing_library_at_level_replica)
{
    start_replica();
    client_open_ready(REDIS_LEVEL_REPLICA);
    struct chain_position zero = client_adopted();
    struct client_call calls[5] = {0};
    support_redis_cli(help.server, "function flush");
    for (int i = 0; i < 5; i++)
        client_append(&calls[i], &zero);
    for (int i = 0; i < 5; i++) {
        AWAIT(calls[i].answers);
        ck_assert_msg(calls[i].outcome == REDIS_OUTCOME_OK, "%s", calls[i].error);
    }
    client_close();
}
END_TEST

START_TEST(a_demoted_server_is_left)
{
    start_replica();
    client_open_ready(REDIS_LEVEL_FSYNC);
    struct chain_position zero = client_adopted();
    ck_assert_int_eq(client_append_outcome(&zero), REDIS_OUTCOME_OK);
    support_redis_cli(help.server, "replicaof 127.0.0.1 1");
    ck_assert_int_eq(client_append_outcome(&zero), REDIS_OUTCOME_DOWN);
    ck_assert_int_eq(redis_client_state(help.client), REDIS_STATE_DOWN);
    support_redis_cli(help.server, "replicaof no one");
    AWAIT(redis_client_state(help.client) == REDIS_STATE_READY);
    /* Down and up again between two calls: the periodic check sees the new replication id. */
    uint64_t losses = redis_client_stats(help.client)->losses;
    support_redis_cli(help.server, "replicaof 127.0.0.1 1");
    support_redis_cli(help.server, "replicaof no one");
    AWAIT(redis_client_stats(help.client)->losses == losses + 2);
    AWAIT(redis_client_state(help.client) == REDIS_STATE_READY);
    client_close();
}
END_TEST

START_TEST(a_demoted_server_confirms_nothing)
{
    start_replica();
    client_open_ready(REDIS_LEVEL_REPLICA);
    struct chain_position zero = client_adopted();
    struct client_call call = {0}, read = {0};
    uint64_t waits = redis_client_stats(help.client)->waits;
    support_server_pause(help.replica);
    client_append(&call, &zero);
    AWAIT(redis_client_stats(help.client)->waits > waits); /* blocked in its WAIT */
    support_redis_cli(help.server, "replicaof 127.0.0.1 1");
    AWAIT(call.answers);
    ck_assert_int_eq(call.outcome, REDIS_OUTCOME_UNKNOWN);
    ck_assert_int_eq(redis_read(help.client, help.doc, 1, 10, 1000, client_on_read, &read), 0);
    AWAIT(read.answers);
    ck_assert_int_ne(read.outcome, REDIS_OUTCOME_OK);
    client_close();
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, appends_wait_for_replicas);
    tcase_add_test(tc, a_missing_library_at_level_replica);
    tcase_add_test(tc, a_demoted_server_is_left);
    tcase_add_test(tc, a_demoted_server_confirms_nothing);
}

int main(void)
{
    return client_main("redis_replica", add);
}
