/*
 * The simulator's store (tests/sim/sim_store.c) against the real servers: random calls are made of
 * both, and results and what they give must be equal. So what the simulator proves about the cores
 * holds for the servers as well.
 *
 * Time is Redis' own: the model is told it, and what is due or silent is made so in both.
 */
#include <stdio.h>
#include <stdlib.h>

#include "backend_help_test.h"
#include "cluster_tracker.h"
#include "rng.h"
#include "sim_store.h"
#include "support_seed.h"

#define DOCS 4
#define CALLS 600
#define BEATS 60
/* The marks of all documents are compared once in so many calls: that starts redis-cli. */
#define MARKS_EVERY 25

static const char *const names[DOCS] = {"a", "b/ä", "c:{1}", "d"};

static struct rng rng;
static struct sim_store model;
static struct sim_violation violation;
static struct storage_lock *locks[DOCS], *model_locks[DOCS]; /* of the same document */
static unsigned counts[STORAGE_DOCS + 1][STORAGE_DAMAGED + 1];
static size_t claims[2]; /* by round */
static int64_t opened_ms;

static struct sim_doc *model_doc(unsigned i)
{
    return sim_store_doc(&model, slice_str(names[i]));
}

/* ---- comparing ---- */

static bool positions_equal(const struct storage_call *a, const struct storage_call *b)
{
    return a->has_head == b->has_head && (!a->has_head || chain_position_equal(&a->head, &b->head));
}

static bool entries_equal(const struct storage_call *a, const struct storage_call *b)
{
    bool equal = a->entry_count == b->entry_count;

    for (size_t i = 0; equal && i < a->entry_count; i++)
        equal = a->entries[i].first_rev == b->entries[i].first_rev &&
                chain_position_equal(&a->entries[i].position, &b->entries[i].position) &&
                slice_equal(a->entries[i].payload, b->entries[i].payload);
    return equal;
}

static bool segments_equal(const struct storage_call *a, const struct storage_call *b)
{
    bool equal = a->segment_count == b->segment_count;

    for (size_t i = 0; equal && i < a->segment_count; i++)
        equal = slice_equal(a->segments[i], b->segments[i]);
    return equal;
}

/* What storage_call.h promises for this kind and result. */
static bool outputs_equal(const struct storage_call *a, const struct storage_call *b)
{
    switch (a->kind) {
    case STORAGE_READ:
        return positions_equal(a, b) && entries_equal(a, b);
    case STORAGE_APPEND:
    case STORAGE_REBASE:
    case STORAGE_COMMIT:
        return a->result != STORAGE_REFUSED || positions_equal(a, b);
    case STORAGE_ADOPT:
    case STORAGE_LOCK:
        return positions_equal(a, b);
    case STORAGE_TRIM:
        return a->entries_left == b->entries_left;
    case STORAGE_LOAD:
        return positions_equal(a, b) && segments_equal(a, b) &&
               slice_equal(a->loaded_snapshot, b->loaded_snapshot);
    case STORAGE_HISTORY:
        return positions_equal(a, b) && segments_equal(a, b);
    default:
        return true;
    }
}

/* Makes the call of both. *asked holds the real answer. */
static void make(struct asked *asked, struct storage_lock **model_lock)
{
    struct storage_call expected = asked->call;

    expected.lock = *model_lock;
    ck_assert(sim_store_step(&model, &expected, 0));
    *model_lock = expected.lock;
    enum storage_result result = help_ask(asked);
    counts[asked->call.kind][result]++;
    ck_assert_msg(result == expected.result, "%s %.*s: %s, but the model says %s",
                  storage_kind_name(expected.kind), (int)expected.doc.size,
                  (const char *)expected.doc.data, storage_result_name(result),
                  storage_result_name(expected.result));
    ck_assert_msg(outputs_equal(&expected, &asked->call), "%s %.*s: outputs differ",
                  storage_kind_name(expected.kind), (int)expected.doc.size,
                  (const char *)expected.doc.data);
}

/* ---- random calls ---- */

static struct slice random_payload(void)
{
    static char payload[64];
    size_t size = rng_below(&rng, sizeof payload);

    for (size_t i = 0; i < size; i++)
        payload[i] = (char)rng_u64(&rng);
    return slice_of(payload, size);
}

/* Usually `at`; sometimes another revision, or another hash there. Never another hash at revision
   0, which has but one. */
static struct chain_position nearly(const struct chain_position *at)
{
    struct chain_position p = *at;

    switch (rng_below(&rng, 6)) {
    case 0:
        p.rev += 1 + rng_below(&rng, 3);
        break;
    case 1:
        if (p.rev)
            p.hash[rng_below(&rng, CHAIN_HASH_SIZE)] ^= 0x40;
        break;
    default:
        break;
    }
    return p;
}

static struct chain_position stored_head(const struct sim_doc *doc)
{
    return doc->stored ? doc->stored_head : chain_position_start(bytes_slice(&doc->id));
}

static void fill_append(struct storage_call *call, const struct sim_doc *doc)
{
    call->payload = random_payload();
    call->expect = nearly(&doc->redis.head);
    call->first_rev = call->expect.rev + 1;
    call->position = chain_position_after(&call->expect, 1 + rng_below(&rng, 3), call->payload);
}

static void fill_trim(struct storage_call *call, const struct sim_doc *doc)
{
    call->first_rev = 1 + rng_below(&rng, doc->redis.head.rev + 2);
    call->position = doc->redis.head;
    if (doc->redis.log.count) {
        const struct sim_entry *entry =
            &doc->redis.log.items[rng_below(&rng, doc->redis.log.count)];
        call->first_rev = entry->first_rev;
        call->position = entry->position;
    }
    call->position = nearly(&call->position);
}

static void fill_commit(struct storage_call *call, const struct sim_doc *doc)
{
    static char snapshot[32];
    struct chain_position head = stored_head(doc);

    call->expect = nearly(&head);
    call->segment = random_payload();
    call->position = chain_position_after(&call->expect, 1 + rng_below(&rng, 9), call->segment);
    call->segment_first_rev = call->expect.rev + 1;
    call->first_rev =
        call->segment_first_rev + rng_below(&rng, call->position.rev - call->expect.rev);
    call->doc_kind = 1;
    if (rng_percent(&rng, 30)) {
        snprintf(snapshot, sizeof snapshot, "snapshot %u", (unsigned)rng_below(&rng, 1000000));
        call->snapshot = slice_str(snapshot);
    }
}

static void fill(struct storage_call *call, const struct sim_doc *doc)
{
    switch (call->kind) {
    case STORAGE_READ:
        call->from_rev = rng_below(&rng, doc->redis.head.rev + 3);
        call->count_max = rng_below(&rng, 20);
        break;
    case STORAGE_APPEND:
        fill_append(call, doc);
        break;
    case STORAGE_ADOPT:
        call->position = stored_head(doc);
        break;
    case STORAGE_REBASE:
        call->expect = nearly(&doc->redis.head);
        call->position = stored_head(doc);
        break;
    case STORAGE_TRIM:
        fill_trim(call, doc);
        break;
    case STORAGE_HISTORY:
        call->from_rev = rng_below(&rng, doc->stored_head.rev + 3);
        call->to_rev = call->from_rev + rng_below(&rng, 30);
        break;
    case STORAGE_COMMIT:
        fill_commit(call, doc);
        break;
    default:
        break;
    }
}

static void call_one(unsigned i, enum storage_kind kind)
{
    struct asked asked = help_call(kind, names[i]);

    fill(&asked.call, model_doc(i));
    /* Both have the lock, each its own. */
    asked.call.lock = locks[i];
    make(&asked, &model_locks[i]);
    if (kind == STORAGE_LOCK || kind == STORAGE_COMMIT || kind == STORAGE_UNLOCK) {
        locks[i] = asked.call.lock;
        ck_assert_int_eq(locks[i] != NULL, model_locks[i] != NULL);
    }
    help_drop(&asked);
}

/* ---- damage ---- */

/* Of the head, or beside the n-th entry; in Redis. */
static void position_write(unsigned i, size_t nth, const struct chain_position *at)
{
    static const char script[] =
        "local h = ARGV[2]:gsub(\"..\", function(x) return string.char(tonumber(x, 16)) end)\n"
        "local all, n = redis.call(\"XRANGE\", KEYS[2], \"-\", \"+\"), tonumber(ARGV[1])\n"
        "if n == 0 then return redis.call(\"SET\", KEYS[1], h) end\n"
        "all[n][2][4] = h\n"
        "redis.call(\"DEL\", KEYS[2])\n"
        "for _, e in ipairs(all) do redis.call(\"XADD\", KEYS[2], e[1], unpack(e[2])) end\n"
        "return \"OK\"";
    uint8_t bytes[CHAIN_POSITION_SIZE];
    char hex[2 * CHAIN_POSITION_SIZE + 1];
    unsigned lane = model_doc(i)->lane;

    chain_position_put(bytes, at);
    for (size_t k = 0; k < sizeof bytes; k++)
        snprintf(hex + 2 * k, 3, "%02x", bytes[k]);
    const char *said =
        support_redis_cli(help.redis, "eval '%s' 2 'weft:{%u}:head:%s' 'weft:{%u}:log:%s' %zu %s",
                          script, lane, names[i], lane, names[i], nth, hex);
    ck_assert_msg(strncmp(said, "OK", 2) == 0, "%s", said);
}

/* A bit of a revision turns, in both, and is mended when both have been read. */
static void damage_compare(void)
{
    unsigned i = rng_percent(&rng, 50) ? 0 : 3; /* their keys are as their names */
    struct sim_redis_doc *redis = &model_doc(i)->redis;
    size_t nth = rng_below(&rng, redis->log.count + 1);
    struct chain_position *at = nth ? &redis->log.items[nth - 1].position : &redis->head;
    uint64_t bit = 1ull << rng_below(&rng, rng_percent(&rng, 80) ? 4 : 64);

    if (!redis->has_head)
        return;
    at->rev ^= bit;
    position_write(i, nth, at);
    for (unsigned n = 0; n < 3; n++)
        call_one(i, STORAGE_READ);
    at->rev ^= bit;
    position_write(i, nth, at);
}

/* ---- marks ---- */

static bool is_marked(unsigned i)
{
    return *support_redis_cli(help.redis, "zscore 'weft:{%u}:dirty' '%s'", model_doc(i)->lane,
                              names[i]) != 0;
}

static void marks_compare(void)
{
    for (unsigned i = 0; i < DOCS; i++)
        ck_assert_msg(is_marked(i) == model_doc(i)->redis.dirty, "the mark of %s differs",
                      names[i]);
}

/* Damages the mark of a document, in both; the sweep finds it. */
static void mark_flip(unsigned i)
{
    struct sim_doc *doc = model_doc(i);

    if (!doc->redis.has_head)
        return; /* the sweep goes by heads */
    if (doc->redis.dirty)
        (void)support_redis_cli(help.redis, "zrem 'weft:{%u}:dirty' '%s'", doc->lane, names[i]);
    else
        (void)support_redis_cli(help.redis, "zadd 'weft:{%u}:dirty' 1 '%s'", doc->lane, names[i]);
    doc->redis.dirty = !doc->redis.dirty;
}

static void sweep(void)
{
    uint64_t count = 0, expected_count = 0;

    for (unsigned lane = 0; lane < CLUSTER_LANE_COUNT; lane++) {
        struct asked asked = help_call(STORAGE_REMARK, "");
        struct storage_call expected;
        asked.call.lane = lane;
        expected = asked.call;
        ck_assert(sim_store_step(&model, &expected, 0));
        expected_count += expected.count;
        do { /* a real round may take several calls */
            ck_assert_int_eq(help_ask(&asked), STORAGE_OK);
            count += asked.call.count;
            help_drop(&asked);
        } while (asked.call.cursor);
    }
    ck_assert_uint_eq(count, expected_count);
    ck_assert_uint_gt(count, 0);
    marks_compare();
}

/* ---- claims ---- */

/* Due a day ago, or in a day: what is due does not depend on how fast the test is. */
static void mark_date(unsigned i, int64_t now_ms)
{
    struct sim_doc *doc = model_doc(i);
    const int64_t day_ms = 86400000;
    int64_t due = rng_percent(&rng, 50) ? now_ms - day_ms : now_ms + day_ms;

    if (!doc->redis.dirty)
        return;
    doc->redis.due_ms = (uint64_t)due;
    (void)support_redis_cli(help.redis, "zadd 'weft:{%u}:dirty' %lld '%s'", doc->lane,
                            (long long)due, names[i]);
}

static bool claimed(const struct storage_call *call, struct slice id)
{
    for (size_t i = 0; i < call->doc_count; i++)
        if (slice_equal(call->docs[i], id))
            return true;
    return false;
}

static struct asked look(void)
{
    return (struct asked){.call = {.kind = STORAGE_BEAT, .list = STORAGE_GATEWAYS}};
}

static int64_t redis_now_ms(void)
{
    struct asked asked = look();

    ck_assert_int_eq(help_ask(&asked), STORAGE_OK);
    int64_t now = (int64_t)asked.call.time_ms;
    help_drop(&asked);
    return now;
}

/* One lane, twice: what was claimed is not due again. */
static void claim_compare(unsigned i)
{
    struct asked asked = help_call(STORAGE_CLAIM, "");
    int64_t now = redis_now_ms();

    for (unsigned k = 0; k < DOCS; k++)
        mark_date(k, now);
    model.now_ms = (uint64_t)now;
    asked.call.lane = model_doc(i)->lane;
    asked.call.lease_ms = 3600000;
    asked.call.count_max = 100;
    for (unsigned round = 0; round < 2; round++) {
        struct storage_call expected = asked.call;
        expected.doc_count = 0;
        ck_assert(sim_store_step(&model, &expected, 0));
        ck_assert_int_eq(help_ask(&asked), STORAGE_OK);
        ck_assert_uint_eq(asked.call.doc_count, expected.doc_count);
        for (size_t k = 0; k < expected.doc_count; k++)
            ck_assert(claimed(&asked.call, expected.docs[k]));
        claims[round] += expected.doc_count;
        help_drop(&asked);
    }
}

/* What PostgreSQL has, page by page. */
static void docs_compare(void)
{
    struct asked asked = {.call = {.kind = STORAGE_DOCS, .count_max = 2}};
    size_t count;

    do {
        struct storage_call expected = asked.call;
        ck_assert(sim_store_step(&model, &expected, 0));
        ck_assert_int_eq(help_ask(&asked), STORAGE_OK);
        count = asked.call.doc_count;
        ck_assert_uint_eq(count, expected.doc_count);
        for (size_t k = 0; k < count; k++) {
            ck_assert(slice_equal(asked.call.docs[k], expected.docs[k]));
            ck_assert(chain_position_equal(&asked.call.heads[k], &expected.heads[k]));
        }
        struct slice last = count ? expected.docs[count - 1] : (struct slice){0};
        help_drop(&asked);
        asked = (struct asked){.call = {.kind = STORAGE_DOCS, .after = last, .count_max = 2}};
    } while (count);
}

/* ---- beats ---- */

#define MEMBERS 3

/* Stamped a day ahead, or silent for long: nor does who is silent depend on speed. */
static void members_date(void)
{
    const int64_t now_ms = redis_now_ms(), day_ms = 86400000;

    for (size_t i = 0; i < model.member_count[STORAGE_WORKERS]; i++) {
        struct sim_member *m = &model.members[STORAGE_WORKERS][i];
        m->stamp_ms = (uint64_t)(rng_percent(&rng, 25) ? now_ms - day_ms : now_ms + day_ms);
        (void)support_redis_cli(help.redis, "hset weft:members 'm:%s' '%llu %s %016llx %s'",
                                m->member.id, (unsigned long long)m->stamp_ms,
                                cluster_state_name(m->member.state),
                                (unsigned long long)m->member.boot_id, m->member.address);
    }
}

static bool views_equal(const struct cluster_view *a, const struct cluster_view *b)
{
    bool equal = a->number == b->number && a->count == b->count;

    for (size_t i = 0; equal && i < a->count; i++) {
        const struct cluster_member *m = &a->members[i], *n = cluster_view_find(b, m->id);
        equal = n && n->boot_id == m->boot_id && n->state == m->state &&
                strcmp(n->address, m->address) == 0;
    }
    return equal;
}

/* For a while after Redis was reached a process drops nobody. */
static bool silence_counts(void)
{
    return ev_loop_now_ms(help.loop) >= opened_ms + CLUSTER_SILENCE_MS;
}

static void beat_compare(void)
{
    struct asked asked = {.call = {.kind = STORAGE_BEAT, .list = STORAGE_WORKERS}};
    char id[] = {'w', (char)('0' + rng_below(&rng, MEMBERS)), 0};

    members_date();
    if (rng_percent(&rng, 80))
        ck_assert_int_eq(cluster_member_make(slice_str(id), slice_str("ipc:///x"),
                                             1 + rng_below(&rng, 2),
                                             rng_percent(&rng, 50) ? CLUSTER_LIVE : CLUSTER_LEAVING,
                                             &asked.call.self),
                         0);
    asked.call.gone = asked.call.self.id[0] && rng_percent(&rng, 20);
    struct storage_call expected = asked.call;
    ck_assert_int_eq(help_ask(&asked), STORAGE_OK);
    model.now_ms = asked.call.time_ms;
    ck_assert(sim_store_step(&model, &expected, 0));
    ck_assert_msg(views_equal(expected.view, asked.call.view),
                  "views differ: %llu with %zu, but the model says %llu with %zu",
                  (unsigned long long)asked.call.view->number, asked.call.view->count,
                  (unsigned long long)expected.view->number, expected.view->count);
    help_drop(&asked);
}

/* ---- the test ---- */

static void step(void)
{
    static const enum storage_kind kinds[] = {
        STORAGE_READ,    STORAGE_READ, STORAGE_APPEND, STORAGE_APPEND, STORAGE_APPEND,
        STORAGE_APPEND,  STORAGE_TRIM, STORAGE_ADOPT,  STORAGE_REBASE, STORAGE_LOAD,
        STORAGE_HISTORY, STORAGE_LOCK, STORAGE_LOCK};
    unsigned i = (unsigned)rng_below(&rng, DOCS);
    enum storage_kind kind = kinds[rng_below(&rng, sizeof kinds / sizeof *kinds)];

    if (locks[i] && kind == STORAGE_LOCK)
        kind = rng_percent(&rng, 80) ? STORAGE_COMMIT : STORAGE_UNLOCK;
    /* At most as many locks as the client has connections, but one: a further one would wait. */
    unsigned held = 0;
    for (unsigned k = 0; k < DOCS; k++)
        held += locks[k] != NULL;
    if (kind == STORAGE_LOCK && held == 2)
        kind = STORAGE_LOAD;
    call_one(i, kind);
}

static void setup(void)
{
    struct backend_config config;

    rng_init(&rng, support_seed());
    sim_store_init(&model, &violation);
    model.lossy = true; /* rebases lose entries here that nobody has archived */
    help_config(&config, REDIS_LEVEL_FSYNC, true);
    config.postgres.lock_ms = 100000;
    help_open_as(&config);
    AWAIT(backend_ready(help.backend));
    opened_ms = ev_loop_now_ms(help.loop);
}

static void teardown(void)
{
    help_close();
    sim_store_fini(&model);
    bytes_fini(&violation.text);
}

START_TEST(the_model_and_the_servers_agree)
{
    for (unsigned i = 1; i <= CALLS; i++) {
        step();
        if (i % MARKS_EVERY == 0) {
            marks_compare();
            claim_compare((unsigned)rng_below(&rng, DOCS));
            docs_compare();
            damage_compare();
            if (silence_counts())
                beat_compare();
        }
    }
    for (unsigned i = 0; i < DOCS; i++) {
        if (locks[i])
            call_one(i, STORAGE_UNLOCK);
        call_one(i, STORAGE_ADOPT);
        if (i % 2)
            mark_flip(i);
    }
    sweep();
    AWAIT(silence_counts());
    for (unsigned i = 0; i < BEATS; i++)
        beat_compare();
    ck_assert_uint_gt(claims[0], 0);
    ck_assert_uint_eq(claims[1], 0);
    /* What never happened was not compared. */
    static const struct {
        enum storage_kind kind;
        enum storage_result result;
    } seen[] = {{STORAGE_READ, STORAGE_OK},        {STORAGE_READ, STORAGE_DAMAGED},
                {STORAGE_APPEND, STORAGE_OK},      {STORAGE_APPEND, STORAGE_REFUSED},
                {STORAGE_ADOPT, STORAGE_OK},       {STORAGE_REBASE, STORAGE_OK},
                {STORAGE_REBASE, STORAGE_REFUSED}, {STORAGE_TRIM, STORAGE_OK},
                {STORAGE_TRIM, STORAGE_REFUSED},   {STORAGE_LOAD, STORAGE_OK},
                {STORAGE_HISTORY, STORAGE_OK},     {STORAGE_LOCK, STORAGE_OK},
                {STORAGE_COMMIT, STORAGE_OK},      {STORAGE_COMMIT, STORAGE_REFUSED}};
    for (size_t i = 0; i < sizeof seen / sizeof *seen; i++)
        ck_assert_msg(counts[seen[i].kind][seen[i].result] > 0, "no %s was %s",
                      storage_kind_name(seen[i].kind), storage_result_name(seen[i].result));
}
END_TEST

static void add(Suite *suite)
{
    TCase *all = help_case(suite, "all", false);
    tcase_add_checked_fixture(all, setup, teardown);
    tcase_add_test(all, the_model_and_the_servers_agree);
    tcase_set_timeout(all, 200);
}

int main(void)
{
    return help_main("backend model", add);
}
