#include "backend_help_test.h"

#include <stdio.h>
#include <stdlib.h>

#include "list.h"
#include "support_migrate.h"

struct help help;

static void reason_keep(const char *reason)
{
    snprintf(help.reason, sizeof help.reason, "%s", reason);
}

/* Nothing is allocated for nothing: a failed call needs no help_drop(). */
static void *keep(struct asked *asked, const void *data, size_t size)
{
    return size ? arena_copy(&asked->mem, data, size) : NULL;
}

static void slices_keep(struct asked *asked, struct slice *slices, size_t count)
{
    for (size_t i = 0; i < count; i++)
        slices[i].data = keep(asked, slices[i].data, slices[i].size);
}

static void results_keep(struct asked *asked)
{
    struct storage_call *call = &asked->call;

    call->entries = keep(asked, call->entries, call->entry_count * sizeof *call->entries);
    for (size_t i = 0; i < call->entry_count; i++)
        slices_keep(asked, &call->entries[i].payload, 1);
    call->docs = keep(asked, call->docs, call->doc_count * sizeof *call->docs);
    slices_keep(asked, call->docs, call->doc_count);
    if (call->heads)
        call->heads = keep(asked, call->heads, call->doc_count * sizeof *call->heads);
    call->segments = keep(asked, call->segments, call->segment_count * sizeof *call->segments);
    slices_keep(asked, call->segments, call->segment_count);
    slices_keep(asked, &call->loaded_snapshot, 1);
    if (call->view) {
        asked->view = cluster_view_steal(call->view);
        call->view = &asked->view;
    }
}

static void on_done(void *arg, struct storage_call *call)
{
    struct asked *asked = container_of(call, struct asked, call);

    ck_assert_ptr_eq(arg, &help);
    ck_assert_int_ne(call->result, STORAGE_PENDING);
    ck_assert_uint_eq(asked->answers, 0);
    asked->answers++;
    results_keep(asked);
    if (asked->then)
        asked->then(asked);
}

static void on_reconnected(void *arg)
{
    help.reconnects++;
    if (help.on_reconnected)
        help.on_reconnected();
}

static void on_state(void *arg, enum backend_server server, enum backend_state state,
                     const char *reason)
{
    reason_keep(reason);
}

static void on_breaker(void *arg, enum backend_server server, enum cluster_breaker_state state)
{
    help.opened += state == CLUSTER_OPEN;
    help.closed_again += state == CLUSTER_CLOSED;
}

static void on_failure(void *arg, const struct storage_call *call, const char *reason)
{
    help.failures++;
    reason_keep(reason);
}

static const struct backend_events events = {
    .done = on_done,
    .reconnected = on_reconnected,
    .on_state = on_state,
    .on_breaker = on_breaker,
    .on_failure = on_failure,
};

void help_servers_start_bare(void)
{
    help.redis = support_redis_start(NULL);
    help.postgres = support_pg_start();
    snprintf(help.conninfo, sizeof help.conninfo, "host=%s user=postgres dbname=postgres",
             support_server_address(help.postgres));
}

void help_servers_start(void)
{
    help_servers_start_bare();
    support_migrate_well(help.conninfo);
}

void help_servers_stop(void)
{
    help.redis = support_server_stop(help.redis);
    help.postgres = support_server_stop(help.postgres);
}

void help_config(struct backend_config *ret, enum redis_level level, bool with_postgres)
{
    *ret = (struct backend_config){
        .redis = {.level = level, .command_ms = 10000, .retry_ms_max = 100},
        .postgres = {.conninfo = with_postgres ? help.conninfo : NULL,
                     .connections = 3,
                     .command_ms = 10000,
                     .retry_ms_max = 100},
        .breaker_failures_max = 3,
        .breaker_open_ms = 500,
        .breaker_open_ms_max = 1000,
    };
    ck_assert(ev_address_parse(support_server_address(help.redis), &ret->redis.address));
}

void help_open_as(const struct backend_config *config)
{
    help.reason[0] = 0;
    help.reconnects = help.failures = help.opened = help.closed_again = 0;
    if (!help.loop)
        help.loop = ev_loop_new(NULL);
    help.backend = backend_new(help.loop, config, &events, &help);
    ck_assert_ptr_nonnull(help.backend);
}

void help_open(enum redis_level level, bool with_postgres)
{
    struct backend_config config;

    (void)support_redis_cli(help.redis, "flushall");
    if (with_postgres)
        (void)support_pg_sql(help.postgres, "truncate weft.documents cascade");
    help_config(&config, level, with_postgres);
    help_open_as(&config);
    AWAIT(backend_ready(help.backend));
}

static void on_closed(void *arg)
{
    bool *closed = arg;

    *closed = true;
}

void help_close(void)
{
    bool closed = false;

    if (help.backend) {
        backend_close(help.backend, on_closed, &closed);
        help.backend = NULL;
        AWAIT(closed);
    }
    help.loop = ev_loop_free(help.loop);
}

struct asked help_call(enum storage_kind kind, const char *doc)
{
    return (struct asked){.call = {.kind = kind, .doc = slice_str(doc), .count_max = 100}};
}

void help_send(struct asked *asked)
{
    struct storage_io io = backend_storage(help.backend);

    asked->answers = 0;
    asked->call.result = STORAGE_PENDING;
    arena_init(&asked->mem, 1u << 30);
    io.call(io.ctx, &asked->call);
    ck_assert_uint_eq(asked->answers, 0); /* never from within the call */
}

enum storage_result help_ask(struct asked *asked)
{
    help_send(asked);
    AWAIT(asked->answers);
    return asked->call.result;
}

void help_drop(struct asked *asked)
{
    arena_fini(&asked->mem);
    cluster_view_fini(&asked->view);
}

struct chain_position help_adopt(const char *doc)
{
    struct asked adopt = help_call(STORAGE_ADOPT, doc);

    adopt.call.position = chain_position_start(adopt.call.doc);
    ck_assert_int_eq(help_ask(&adopt), STORAGE_OK);
    help_drop(&adopt);
    return adopt.call.position;
}

struct chain_position help_append(const char *doc, const struct chain_position *at,
                                  const char *payload)
{
    struct asked append = help_call(STORAGE_APPEND, doc);

    append.call.expect = *at;
    append.call.position = chain_position_after(at, 1, slice_str(payload));
    append.call.first_rev = at->rev + 1;
    append.call.payload = slice_str(payload);
    ck_assert_int_eq(help_ask(&append), STORAGE_OK);
    help_drop(&append);
    return append.call.position;
}

void help_teardown(void)
{
    support_server_resume(help.redis); /* wherever the test has ended */
    support_server_resume(help.postgres);
    help.on_reconnected = NULL;
    if (help.loop)
        help_close();
}

void help_reopen_short(bool with_postgres)
{
    struct backend_config config;

    help_close();
    help_config(&config, REDIS_LEVEL_FSYNC, with_postgres);
    config.redis.command_ms = config.postgres.command_ms = 1500;
    help_open_as(&config);
    AWAIT(backend_ready(help.backend));
}

enum storage_result help_read(struct asked *asked, uint64_t from_rev, uint64_t count_max)
{
    *asked = help_call(STORAGE_READ, DOC);
    asked->call.from_rev = from_rev;
    asked->call.count_max = count_max;
    return help_ask(asked);
}

uint64_t help_metric(const char *series)
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

bool help_text_is(struct slice s, const char *text)
{
    return slice_equal(s, slice_str(text));
}

enum storage_result help_trim(uint64_t first_rev, const struct chain_position *to,
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

TCase *help_case(Suite *suite, const char *name, bool own_servers)
{
    TCase *tcase = tcase_create(name);

    if (own_servers)
        tcase_add_checked_fixture(tcase, help_servers_start, help_servers_stop);
    else
        tcase_add_unchecked_fixture(tcase, help_servers_start, help_servers_stop);
    tcase_set_timeout(tcase, 120);
    suite_add_tcase(suite, tcase);
    return tcase;
}

int help_main(const char *name, void (*add)(Suite *suite))
{
    Suite *suite = suite_create(name);
    SRunner *runner = srunner_create(suite);

    add(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
