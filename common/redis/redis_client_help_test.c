#include "redis_client_help_test.h"

#include <stdio.h>
#include <stdlib.h>

struct help help;

static void on_state(void *arg, enum redis_state state, const char *reason)
{
    snprintf(help.last_reason, sizeof help.last_reason, "%s", reason);
}

static const struct redis_client_events events = {.on_state = on_state};

void client_on_closed(void *arg)
{
    help.closed = true;
}

static void take(struct client_call *call, const struct redis_answer *answer)
{
    ck_assert_uint_eq(call->answers, 0);
    call->answers++;
    call->outcome = answer->outcome;
    snprintf(call->error, sizeof call->error, "%s", answer->error);
}

void client_on_append(void *arg, const struct redis_answer *answer,
                      const struct redis_append_reply *reply)
{
    struct client_call *call = arg;
    take(call, answer);
    if (reply)
        call->status = reply->status;
    if (call->closes && (*call->closes)++ == 0)
        redis_client_close(help.client, client_on_closed, NULL);
}

void client_on_read(void *arg, const struct redis_answer *answer,
                    const struct redis_read_reply *reply)
{
    struct client_call *call = arg;

    take(call, answer);
    call->damaged = reply && reply->damaged;
}

void client_on_adopt(void *arg, const struct redis_answer *answer,
                     const struct redis_adopt_reply *reply)
{
    take(arg, answer);
}

void client_on_claim(void *arg, const struct redis_answer *answer,
                     const struct redis_claim_reply *reply)
{
    take(arg, answer);
}

void client_on_trim(void *arg, const struct redis_answer *answer,
                    const struct redis_trim_reply *reply)
{
    take(arg, answer);
}

struct redis_config client_config(enum redis_level level)
{
    struct redis_config config = {.level = level, .command_ms = 600, .retry_ms_max = 100};
    ck_assert(ev_address_parse(support_server_address(help.server), &config.address));
    return config;
}

void client_open(const struct redis_config *config)
{
    help.closed = false;
    help.last_reason[0] = 0;
    help.client = redis_client_new(help.loop, config, &events, NULL);
    ck_assert_ptr_nonnull(help.client);
}

void client_open_ready(enum redis_level level)
{
    struct redis_config config = client_config(level);
    client_open(&config);
    AWAIT(redis_client_state(help.client) == REDIS_STATE_READY);
}

void client_close(void)
{
    if (!help.closed)
        redis_client_close(help.client, client_on_closed, NULL);
    AWAIT(help.closed);
}

void client_append(struct client_call *call, const struct chain_position *at)
{
    struct chain_position after = chain_position_after(at, 1, slice_str("x"));
    ck_assert_int_eq(
        redis_append(help.client, help.doc, at, &after, slice_str("x"), client_on_append, call), 0);
    ck_assert_uint_eq(call->answers, 0); /* never inside the call */
}

enum redis_outcome client_append_outcome(const struct chain_position *at)
{
    struct client_call call = {0};
    client_append(&call, at);
    AWAIT(call.answers);
    snprintf(help.last_reason, sizeof help.last_reason, "%s", call.error);
    return call.outcome;
}

struct chain_position client_adopted(void)
{
    struct chain_position zero = chain_position_start(help.doc.id);
    struct client_call call;
    int64_t end = ev_loop_now_ms(help.loop) + HELP_WAIT_MS;
    do { /* a replica that has just connected may confirm nothing for a while */
        call = (struct client_call){0};
        ck_assert_int_eq(redis_adopt(help.client, help.doc, &zero, client_on_adopt, &call), 0);
        AWAIT(call.answers);
    } while (call.outcome == REDIS_OUTCOME_UNKNOWN && ev_loop_now_ms(help.loop) < end);
    ck_assert_int_eq(call.outcome, REDIS_OUTCOME_OK);
    return zero;
}

static void setup(void)
{
    help.doc = (struct redis_doc){.lane = 3, .id = slice_str("doc")};
    help.server = support_redis_start(NULL);
    help.loop = ev_loop_new(NULL);
}

static void teardown(void)
{
    help.loop = ev_loop_free(help.loop);
    help.replica = support_server_stop(help.replica);
    help.server = support_server_stop(help.server);
}

int client_main(const char *name, void (*add)(TCase *tc))
{
    Suite *suite = suite_create(name);
    TCase *tc = tcase_create("client");

    tcase_set_timeout(tc, 90);
    tcase_add_checked_fixture(tc, setup, teardown);
    add(tc);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
