#include "redis_functions_help_test.h"

#include <stdio.h>
#include <stdlib.h>

#define LANE 7

const char help_doc_id[] = "a:b{c}*%";
struct help help;
struct got got;

static void take(const struct redis_answer *answer, const void *reply)
{
    got.calls++;
    got.outcome = answer->outcome;
    got.replied = reply != NULL;
    snprintf(got.error, sizeof got.error, "%s", answer->error);
    ck_assert_int_eq(reply != NULL, answer->outcome == REDIS_OUTCOME_OK);
}

void help_wait(int r)
{
    unsigned before = got.calls;
    int64_t end = ev_loop_now_ms(help.loop) + HELP_WAIT_MS;
    ck_assert_int_eq(r, 0);
    while (got.calls == before) {
        ck_assert_msg(ev_loop_now_ms(help.loop) < end, "no answer");
        ev_loop_step(help.loop, 50);
    }
    ck_assert_msg(got.outcome == REDIS_OUTCOME_OK, "%s", got.error);
}

void help_on_append(void *arg, const struct redis_answer *answer,
                    const struct redis_append_reply *reply)
{
    take(answer, reply);
    if (reply)
        got.append = *reply;
}

void help_on_adopt(void *arg, const struct redis_answer *answer,
                   const struct redis_adopt_reply *reply)
{
    take(answer, reply);
    if (reply)
        got.adopt = *reply;
}

void help_on_read(void *arg, const struct redis_answer *answer,
                  const struct redis_read_reply *reply)
{
    take(answer, reply);
    if (!reply)
        return;
    got.read = *reply;
    for (size_t i = 0; i < reply->count && i < 100; i++) {
        got.entries[i] = reply->entries[i];
        snprintf(got.payloads[i], sizeof got.payloads[i], "%.*s",
                 (int)reply->entries[i].payload.size, (const char *)reply->entries[i].payload.data);
    }
}

static void take_ids(size_t count, const struct slice *ids)
{
    got.id_count = count;
    for (size_t i = 0; i < count && i < 100; i++)
        snprintf(got.ids[i], sizeof got.ids[i], "%.*s", (int)ids[i].size,
                 (const char *)ids[i].data);
}

void help_on_claim(void *arg, const struct redis_answer *answer,
                   const struct redis_claim_reply *reply)
{
    take(answer, reply);
    if (reply)
        take_ids(reply->count, reply->ids);
}

void help_on_trim(void *arg, const struct redis_answer *answer,
                  const struct redis_trim_reply *reply)
{
    take(answer, reply);
    if (reply)
        got.trim = *reply;
}

void help_on_remark(void *arg, const struct redis_answer *answer,
                    const enum redis_remark_status *reply)
{
    take(answer, reply);
    if (reply)
        got.remark = *reply;
}

void help_on_scan(void *arg, const struct redis_answer *answer,
                  const struct redis_scan_reply *reply)
{
    take(answer, reply);
    if (!reply)
        return;
    got.cursor = reply->cursor;
    for (size_t i = 0; i < reply->count && got.id_count < 100; i++) {
        got.lanes[got.id_count] = reply->docs[i].lane;
        snprintf(got.ids[got.id_count++], sizeof *got.ids, "%.*s", (int)reply->docs[i].id.size,
                 (const char *)reply->docs[i].id.data);
    }
}

void help_on_marks(void *arg, const struct redis_answer *answer,
                   const struct redis_marks_reply *reply)
{
    take(answer, reply);
    if (!reply)
        return;
    got.cursor = reply->cursor;
    for (size_t i = 0; i < reply->count && got.id_count < 100; i++)
        snprintf(got.ids[got.id_count++], sizeof *got.ids, "%.*s", (int)reply->ids[i].size,
                 (const char *)reply->ids[i].data);
}

void help_on_beat(void *arg, const struct redis_answer *answer,
                  const struct redis_beat_reply *reply)
{
    take(answer, reply);
    if (!reply)
        return;
    got.beat = *reply;
    for (size_t i = 0; i < reply->count && i < 10; i++) {
        const struct redis_member *m = &reply->members[i];
        snprintf(got.members[i], sizeof got.members[i], "%.*s %.*s %.*s %.*s", (int)m->id.size,
                 (const char *)m->id.data, (int)m->address.size, (const char *)m->address.data,
                 (int)m->boot.size, (const char *)m->boot.data, (int)m->state.size,
                 (const char *)m->state.data);
    }
}

/* ---- a document whose chain the tests extend ---- */

#define DOC_KEY "weft:{7}:%s:a%%3Ab%%7Bc%%7D%%2A%%25"

struct chain_position help_next(const struct chain_position *at, unsigned count, const char *text)
{
    return chain_position_after(at, count, slice_str(text));
}

struct chain_position help_append(const struct chain_position *at, unsigned count, const char *text)
{
    struct chain_position after = help_next(at, count, text);
    help_wait(
        redis_append(help.client, help.doc, at, &after, slice_str(text), help_on_append, NULL));
    return after;
}

struct chain_position help_adopted(void)
{
    struct chain_position zero = chain_position_start(help.doc.id);
    help_wait(redis_adopt(help.client, help.doc, &zero, help_on_adopt, NULL));
    ck_assert(got.adopt.set);
    return zero;
}

void help_read_all(uint64_t from)
{
    help_wait(redis_read(help.client, help.doc, from, 100, 1 << 20, help_on_read, NULL));
}

const char *help_cli(const char *command, const char *kind, const char *rest)
{
    char key[64];
    snprintf(key, sizeof key, DOC_KEY, kind);
    return support_redis_cli(help.server, "%s '%s' %s", command, key, rest);
}

const char *help_dirty_score(void)
{
    return support_redis_cli(help.server, "zscore 'weft:{7}:dirty' '%s'", help_doc_id);
}

void help_set_dirty_score(const char *score)
{
    support_redis_cli(help.server, "zadd 'weft:{7}:dirty' %s '%s'", score, help_doc_id);
}

void help_on_look(void *arg, const struct redis_answer *answer,
                  const struct redis_look_reply *reply)
{
    take(answer, reply);
    if (reply)
        got.look = *reply;
}

static void start_server(void)
{
    help.server = support_redis_start(NULL);
}

static void stop_server(void)
{
    help.server = support_server_stop(help.server);
}

static void setup(void)
{
    struct redis_config config = {.level = REDIS_LEVEL_FSYNC};
    memset(&got, 0, sizeof got);
    help.doc = (struct redis_doc){.lane = LANE, .id = slice_str(help_doc_id)};
    support_redis_cli(help.server, "flushall");
    ck_assert(ev_address_parse(support_server_address(help.server), &config.address));
    help.loop = ev_loop_new(NULL);
    help.client = redis_client_new(help.loop, &config, NULL, NULL);
    int64_t end = ev_loop_now_ms(help.loop) + HELP_WAIT_MS;
    while (redis_client_state(help.client) != REDIS_STATE_READY) {
        ck_assert(ev_loop_now_ms(help.loop) < end);
        ev_loop_step(help.loop, 50);
    }
}

static void on_closed(void *arg)
{
    *(bool *)arg = true;
}

static void teardown(void)
{
    bool closed = false;
    redis_client_close(help.client, on_closed, &closed);
    while (!closed)
        ev_loop_step(help.loop, 50);
    help.loop = ev_loop_free(help.loop); /* MUSTs that nothing is left */
}

int help_main(const char *name, void (*add)(TCase *tc))
{
    Suite *suite = suite_create(name);
    TCase *tc = tcase_create("functions");

    tcase_set_timeout(tc, 60);
    tcase_add_unchecked_fixture(tc, start_server, stop_server);
    tcase_add_checked_fixture(tc, setup, teardown);
    add(tc);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
