/*
 * The function library against a real Redis, through the typed calls: every answer of every
 * function, and what stands in Redis afterwards.
 */
#include <check.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ev_loop.h"
#include "redis_calls.h"
#include "redis_keys.h"
#include "support_server.h"

#define WAIT_MS 10000
#define LANE 7

static struct support_server *server; /* shared by all tests, emptied before each */
static struct ev_loop *loop;
static struct redis_client *client;

/* What the last call was answered: copies, since replies are lent. */
static struct got {
    unsigned calls;
    enum redis_outcome outcome;
    char error[200];
    bool replied;
    struct redis_append_reply append;
    struct redis_adopt_reply adopt;
    struct redis_trim_reply trim;
    enum redis_remark_status remark;
    struct redis_look_reply look;
    struct redis_read_reply read; /* entries: see below */
    struct redis_entry entries[100];
    char payloads[100][32];
    size_t id_count;
    char ids[100][64];
    struct redis_beat_reply beat;
    char members[10][128]; /* "id address boot state" */
    uint64_t cursor;
    unsigned lanes[100];
} got;

static void take(const struct redis_answer *answer, const void *reply)
{
    got.calls++;
    got.outcome = answer->outcome;
    got.replied = reply != NULL;
    snprintf(got.error, sizeof got.error, "%s", answer->error);
    ck_assert_int_eq(reply != NULL, answer->outcome == REDIS_OUTCOME_OK);
}

static void wait_call(int r)
{
    unsigned before = got.calls;
    int64_t end = ev_loop_now_ms(loop) + WAIT_MS;
    ck_assert_int_eq(r, 0);
    while (got.calls == before) {
        ck_assert_msg(ev_loop_now_ms(loop) < end, "no answer");
        ev_loop_step(loop, 50);
    }
    ck_assert_msg(got.outcome == REDIS_OUTCOME_OK, "%s", got.error);
}

static void on_append(void *arg, const struct redis_answer *answer,
                      const struct redis_append_reply *reply)
{
    take(answer, reply);
    if (reply)
        got.append = *reply;
}

static void on_adopt(void *arg, const struct redis_answer *answer,
                     const struct redis_adopt_reply *reply)
{
    take(answer, reply);
    if (reply)
        got.adopt = *reply;
}

static void on_read(void *arg, const struct redis_answer *answer,
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

static void on_claim(void *arg, const struct redis_answer *answer,
                     const struct redis_claim_reply *reply)
{
    take(answer, reply);
    if (reply)
        take_ids(reply->count, reply->ids);
}

static void on_trim(void *arg, const struct redis_answer *answer,
                    const struct redis_trim_reply *reply)
{
    take(answer, reply);
    if (reply)
        got.trim = *reply;
}

static void on_remark(void *arg, const struct redis_answer *answer,
                      const enum redis_remark_status *reply)
{
    take(answer, reply);
    if (reply)
        got.remark = *reply;
}

static void on_scan(void *arg, const struct redis_answer *answer,
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

static void on_marks(void *arg, const struct redis_answer *answer,
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

static void on_beat(void *arg, const struct redis_answer *answer,
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

static const char doc_id[] = "a:b{c}*%";
#define DOC_KEY "weft:{7}:%s:a%%3Ab%%7Bc%%7D%%2A%%25"
static struct redis_doc doc;

static struct chain_position next(const struct chain_position *at, unsigned count, const char *text)
{
    return chain_position_after(at, count, slice_str(text));
}

static struct chain_position append(const struct chain_position *at, unsigned count,
                                    const char *text)
{
    struct chain_position after = next(at, count, text);
    wait_call(redis_append(client, doc, at, &after, slice_str(text), on_append, NULL));
    return after;
}

static struct chain_position adopted(void)
{
    struct chain_position zero = chain_position_start(doc.id);
    wait_call(redis_adopt(client, doc, &zero, on_adopt, NULL));
    ck_assert(got.adopt.set);
    return zero;
}

static void read_all(uint64_t from)
{
    wait_call(redis_read(client, doc, from, 100, 1 << 20, on_read, NULL));
}

static const char *cli(const char *command, const char *kind, const char *rest)
{
    char key[64];
    snprintf(key, sizeof key, DOC_KEY, kind);
    return support_redis_cli(server, "%s '%s' %s", command, key, rest);
}

static const char *dirty_score(void)
{
    return support_redis_cli(server, "zscore 'weft:{7}:dirty' '%s'", doc_id);
}

static void set_dirty_score(const char *score)
{
    support_redis_cli(server, "zadd 'weft:{7}:dirty' %s '%s'", score, doc_id);
}

static void start_server(void)
{
    server = support_redis_start(NULL);
}

static void stop_server(void)
{
    server = support_server_stop(server);
}

static void setup(void)
{
    struct redis_config config = {.level = REDIS_LEVEL_FSYNC};
    memset(&got, 0, sizeof got);
    doc = (struct redis_doc){.lane = LANE, .id = slice_str(doc_id)};
    support_redis_cli(server, "flushall");
    ck_assert(ev_address_parse(support_server_address(server), &config.address));
    loop = ev_loop_new(NULL);
    client = redis_client_new(loop, &config, NULL, NULL);
    int64_t end = ev_loop_now_ms(loop) + WAIT_MS;
    while (redis_client_state(client) != REDIS_STATE_READY) {
        ck_assert(ev_loop_now_ms(loop) < end);
        ev_loop_step(loop, 50);
    }
}

static void on_closed(void *arg)
{
    *(bool *)arg = true;
}

static void teardown(void)
{
    bool closed = false;
    redis_client_close(client, on_closed, &closed);
    while (!closed)
        ev_loop_step(loop, 50);
    loop = ev_loop_free(loop); /* MUSTs that nothing is left */
}

START_TEST(append_wants_the_head_it_expects)
{
    struct chain_position zero = chain_position_start(doc.id);
    append(&zero, 1, "too early");
    ck_assert_int_eq(got.append.status, REDIS_MISSING);
    ck_assert_str_eq(cli("exists", "log", ""), "0");
    ck_assert_str_eq(dirty_score(), "");

    adopted();
    struct chain_position one = append(&zero, 3, "first");
    ck_assert_int_eq(got.append.status, REDIS_APPENDED);
    struct chain_position two = append(&one, 1, "second");
    ck_assert_int_eq(got.append.status, REDIS_APPENDED);

    append(&one, 1, "late"); /* another worker that has not seen the second */
    ck_assert_int_eq(got.append.status, REDIS_REFUSED);
    ck_assert(chain_position_equal(&got.append.head, &two));

    struct chain_position gap = two;
    gap.rev += 5; /* a bare XADD would write on top of this hole */
    append(&gap, 1, "gap");
    ck_assert_int_eq(got.append.status, REDIS_REFUSED);

    struct chain_position beside = two;
    beside.hash[15] ^= 1; /* the same revision in another history */
    append(&beside, 1, "beside");
    ck_assert_int_eq(got.append.status, REDIS_REFUSED);
    ck_assert(chain_position_equal(&got.append.head, &two));

    read_all(1);
    ck_assert(got.read.has_head && chain_position_equal(&got.read.head, &two));
    ck_assert_uint_eq(got.read.count, 2);
    ck_assert_str_eq(got.payloads[0], "first");
    ck_assert_uint_eq(got.entries[0].first_rev, 1);
    ck_assert(chain_position_equal(&got.entries[0].after, &one));
    ck_assert_str_eq(got.payloads[1], "second");
    ck_assert_uint_eq(got.entries[1].first_rev, 4);
    ck_assert(chain_position_equal(&got.entries[1].after, &two));
}
END_TEST

START_TEST(append_marks_once)
{
    struct chain_position zero = adopted();
    struct chain_position one = append(&zero, 1, "x");
    double due = atof(dirty_score()), now;
    const char *time = support_redis_cli(server, "time"); /* seconds, then microseconds */
    now = atof(time) * 1000 + atof(strchr(time, '\n')) / 1000;
    ck_assert_msg(due <= now + 2000 && due > now - 8000, "due %f, now %f", due, now);
    set_dirty_score("17");
    append(&one, 1, "y");
    ck_assert_str_eq(dirty_score(), "17"); /* NX: the first append decides when it is due */
}
END_TEST

START_TEST(payloads_may_hold_any_byte)
{
    struct chain_position zero = adopted();
    static const char binary[] = "a\0b\r\n$5\r\nc\xff";
    struct slice payload = slice_of(binary, sizeof binary);
    struct chain_position one = chain_position_after(&zero, 1, payload);
    wait_call(redis_append(client, doc, &zero, &one, payload, on_append, NULL));
    ck_assert_int_eq(got.append.status, REDIS_APPENDED);
    read_all(1);
    ck_assert_uint_eq(got.entries[0].first_rev, 1);
    ck_assert_uint_eq(got.read.entries == NULL, 0);
    ck_assert_str_eq(cli("xlen", "log", ""), "1");
}
END_TEST

START_TEST(revisions_beyond_doubles_are_exact)
{
    struct chain_position at = chain_position_start(doc.id);
    at.rev = (1ull << 53) + 1;
    wait_call(redis_adopt(client, doc, &at, on_adopt, NULL));
    struct chain_position after = append(&at, 1, "x");
    ck_assert_int_eq(got.append.status, REDIS_APPENDED);
    read_all(after.rev);
    ck_assert_uint_eq(got.read.count, 1);
    ck_assert_uint_eq(got.entries[0].first_rev, (1ull << 53) + 2);
    wait_call(redis_trim(client, doc, after.rev, &after, on_trim, NULL));
    ck_assert_int_eq(got.trim.status, REDIS_TRIMMED);
}
END_TEST

START_TEST(read_answers_in_parts)
{
    read_all(1);
    ck_assert(!got.read.has_head && got.read.count == 0);
    struct chain_position at = adopted();
    read_all(1);
    ck_assert(got.read.has_head && got.read.count == 0 && got.read.head.rev == 0);
    for (int i = 0; i < 80; i++) {
        char text[16];
        snprintf(text, sizeof text, "entry %04d", i);
        at = append(&at, 2, text); /* revisions 2i+1, 2i+2 */
    }
    read_all(1);
    ck_assert_uint_eq(got.read.count, 80);
    for (int i = 0; i < 80; i++)
        ck_assert_uint_eq(got.entries[i].first_rev, 2 * i + 1);
    read_all(2); /* within the first entry: it begins earlier */
    ck_assert_uint_eq(got.read.count, 79);
    ck_assert_uint_eq(got.entries[0].first_rev, 3);
    read_all(at.rev + 1);
    ck_assert(got.read.count == 0 && chain_position_equal(&got.read.head, &at));
    wait_call(redis_read(client, doc, 1, 40, 1 << 20, on_read, NULL));
    ck_assert_uint_eq(got.read.count, 40);
    wait_call(redis_read(client, doc, 1, 100, 50, on_read, NULL)); /* 10 bytes each */
    ck_assert_uint_eq(got.read.count, 5);
    wait_call(redis_read(client, doc, 1, 100, 3, on_read, NULL));
    ck_assert_uint_eq(got.read.count, 1);
    ck_assert(chain_position_equal(&got.read.head, &at));
}
END_TEST

START_TEST(claims_expire)
{
    struct chain_position zero = adopted();
    append(&zero, 1, "x");
    wait_call(redis_claim(client, LANE, 60000, 10, on_claim, NULL));
    ck_assert_uint_eq(got.id_count, 0); /* due in 2 s */
    set_dirty_score("1");
    support_redis_cli(server, "zadd 'weft:{7}:dirty' 2 second 3 third");
    wait_call(redis_claim(client, LANE, 60000, 2, on_claim, NULL));
    ck_assert_uint_eq(got.id_count, 2);
    ck_assert_str_eq(got.ids[0], doc_id); /* the longest due first, unescaped */
    ck_assert_str_eq(got.ids[1], "second");
    wait_call(redis_claim(client, LANE, 1, 10, on_claim, NULL));
    ck_assert_uint_eq(got.id_count, 1);
    ck_assert_str_eq(got.ids[0], "third");
    int64_t end = ev_loop_now_ms(loop) + WAIT_MS;
    do { /* its lease of 1 ms ends */
        wait_call(redis_claim(client, LANE, 60000, 10, on_claim, NULL));
    } while (got.id_count == 0 && ev_loop_now_ms(loop) < end);
    ck_assert_uint_eq(got.id_count, 1);
    ck_assert_str_eq(got.ids[0], "third");
    wait_call(redis_claim(client, LANE + 1, 60000, 10, on_claim, NULL));
    ck_assert_uint_eq(got.id_count, 0);
}
END_TEST

START_TEST(trim_wants_its_position_on_the_chain)
{
    struct chain_position zero = adopted();
    struct chain_position one = append(&zero, 2, "first");
    struct chain_position two = append(&one, 2, "second");
    struct chain_position three = append(&two, 2, "third");
    struct chain_position beside = two;
    beside.hash[0] ^= 1;

    wait_call(redis_trim(client, doc, 3, &beside, on_trim, NULL)); /* other hash */
    ck_assert_int_eq(got.trim.status, REDIS_NOTHING);
    ck_assert_uint_eq(got.trim.left, 3);
    wait_call(redis_trim(client, doc, 4, &two, on_trim, NULL)); /* inside an entry */
    ck_assert_int_eq(got.trim.status, REDIS_NOTHING);
    wait_call(redis_trim(client, doc, 1, &two, on_trim, NULL)); /* another entry's position */
    ck_assert_int_eq(got.trim.status, REDIS_NOTHING);
    wait_call(redis_trim(client, doc, 7, &three, on_trim, NULL)); /* not there */
    ck_assert_int_eq(got.trim.status, REDIS_NOTHING);
    ck_assert_str_eq(cli("xlen", "log", ""), "3");

    set_dirty_score("99999999999999"); /* as under a claim */
    wait_call(redis_trim(client, doc, 3, &two, on_trim, NULL));
    ck_assert_int_eq(got.trim.status, REDIS_TRIMMED);
    ck_assert_uint_eq(got.trim.removed, 2);
    ck_assert_uint_eq(got.trim.left, 1);
    ck_assert_double_lt(atof(dirty_score()), 99999999999999.); /* due again soon */
    read_all(1);
    ck_assert_uint_eq(got.read.count, 1);
    ck_assert_uint_eq(got.entries[0].first_rev, 5);

    wait_call(redis_trim(client, doc, 3, &two, on_trim, NULL)); /* a second archiver, late */
    ck_assert_int_eq(got.trim.status, REDIS_NOTHING);
    ck_assert_uint_eq(got.trim.left, 1);
    ck_assert_str_ne(dirty_score(), "");

    wait_call(redis_trim(client, doc, 5, &three, on_trim, NULL));
    ck_assert_int_eq(got.trim.status, REDIS_TRIMMED);
    ck_assert_uint_eq(got.trim.left, 0);
    ck_assert_str_eq(dirty_score(), "");

    set_dirty_score("5");                                       /* a wrong mark */
    wait_call(redis_trim(client, doc, 3, &two, on_trim, NULL)); /* empty, not the head */
    ck_assert_int_eq(got.trim.status, REDIS_NOTHING);
    ck_assert_str_eq(dirty_score(), "5");
    wait_call(redis_trim(client, doc, 5, &three, on_trim, NULL)); /* empty, the head */
    ck_assert_int_eq(got.trim.status, REDIS_EMPTY);
    ck_assert_str_eq(dirty_score(), "");

    append(&three, 1, "goes on");
    ck_assert_int_eq(got.append.status, REDIS_APPENDED);
}
END_TEST

START_TEST(adopt_sets_only_what_is_missing)
{
    struct chain_position zero = adopted();
    struct chain_position other = zero;
    other.rev = 9;
    wait_call(redis_adopt(client, doc, &other, on_adopt, NULL));
    ck_assert(!got.adopt.set && chain_position_equal(&got.adopt.head, &zero));
    ck_assert_str_eq(cli("strlen", "head", ""), "24");
    ck_assert_str_eq(cli("ttl", "head", ""), "-1");
}
END_TEST

START_TEST(rebase_wants_the_head_it_read)
{
    struct chain_position zero = chain_position_start(doc.id), far = zero;
    far.rev = 5;
    wait_call(redis_rebase(client, doc, &zero, &far, on_append, NULL));
    ck_assert_int_eq(got.append.status, REDIS_MISSING);
    adopted();
    struct chain_position one = append(&zero, 20, "lost");
    wait_call(redis_rebase(client, doc, &zero, &far, on_append, NULL));
    ck_assert_int_eq(got.append.status, REDIS_REFUSED);
    ck_assert(chain_position_equal(&got.append.head, &one));
    ck_assert_str_eq(cli("xlen", "log", ""), "1");
    wait_call(redis_rebase(client, doc, &one, &far, on_append, NULL));
    ck_assert_int_eq(got.append.status, REDIS_APPENDED);
    ck_assert_str_eq(cli("exists", "log", ""), "0");
    ck_assert_str_eq(dirty_score(), "");
    /* Below the old top: possible because the stream went as a whole. */
    struct chain_position six = append(&far, 1, "again");
    ck_assert_int_eq(got.append.status, REDIS_APPENDED);
    read_all(1);
    ck_assert(got.read.count == 1 && chain_position_equal(&got.read.head, &six));
}
END_TEST

static void on_look(void *arg, const struct redis_answer *answer,
                    const struct redis_look_reply *reply)
{
    take(answer, reply);
    if (reply)
        got.look = *reply;
}

static bool looks(uint64_t entries, bool marked)
{
    wait_call(redis_look(client, doc, on_look, NULL));
    return got.look.entries == entries && got.look.marked == marked;
}

START_TEST(look_tells_stream_and_mark_and_changes_nothing)
{
    ck_assert(looks(0, false));
    struct chain_position zero = adopted();
    ck_assert(looks(0, false));
    set_dirty_score("1");
    ck_assert(looks(0, true));
    struct chain_position one = append(&zero, 1, "x");
    append(&one, 1, "y");
    ck_assert(looks(2, true));
    support_redis_cli(server, "del 'weft:{7}:dirty'");
    ck_assert(looks(2, false));
    ck_assert(looks(2, false));
}
END_TEST

START_TEST(remark_repairs_both_ways)
{
    wait_call(redis_remark(client, doc, on_remark, NULL));
    ck_assert_int_eq(got.remark, REDIS_MARK_RIGHT);
    struct chain_position zero = adopted();
    set_dirty_score("1");
    wait_call(redis_remark(client, doc, on_remark, NULL));
    ck_assert_int_eq(got.remark, REDIS_UNMARKED);
    ck_assert_str_eq(dirty_score(), "");
    append(&zero, 1, "x");
    wait_call(redis_remark(client, doc, on_remark, NULL));
    ck_assert_int_eq(got.remark, REDIS_MARK_RIGHT);
    support_redis_cli(server, "del 'weft:{7}:dirty'");
    wait_call(redis_remark(client, doc, on_remark, NULL));
    ck_assert_int_eq(got.remark, REDIS_MARKED);
    ck_assert_str_ne(dirty_score(), "");
}
END_TEST

START_TEST(scan_finds_all_heads)
{
    struct chain_position p = chain_position_start(doc.id);
    for (unsigned i = 0; i < 50; i++) {
        char id[16];
        snprintf(id, sizeof id, "d/%02u", i);
        struct redis_doc d = {.lane = i % 64, .id = slice_str(id)};
        wait_call(redis_adopt(client, d, &p, on_adopt, NULL));
    }
    support_redis_cli(server, "set 'weft:{x}:head:foreign' 1");
    support_redis_cli(server, "set 'weft:{1}:head:%%zz' 1");
    bool seen[50] = {false};
    do {
        wait_call(redis_scan(client, REDIS_ALL_LANES, got.cursor, 10, on_scan, NULL));
    } while (got.cursor);
    for (size_t i = 0; i < got.id_count; i++) {
        unsigned n;
        ck_assert_msg(sscanf(got.ids[i], "d/%u", &n) == 1, "%s", got.ids[i]);
        ck_assert_uint_eq(got.lanes[i], n % 64);
        seen[n] = true;
    }
    for (unsigned i = 0; i < 50; i++)
        ck_assert(seen[i]);
    got.id_count = 0;
    do {
        wait_call(redis_scan(client, 17, got.cursor, 10, on_scan, NULL));
    } while (got.cursor);
    ck_assert_uint_ge(got.id_count, 1);
    for (size_t i = 0; i < got.id_count; i++)
        ck_assert_str_eq(got.ids[i], "d/17");
}
END_TEST

START_TEST(marks_are_listed_with_or_without_a_head)
{
    bool seen[90] = {false};

    for (unsigned i = 0; i < 90;
         i++) /* more than a set that is listed in one go, if it were small */
        support_redis_cli(server, "zadd 'weft:{17}:dirty' 1 m/%02u", i);
    support_redis_cli(server, "zadd 'weft:{18}:dirty' 1 other");
    do {
        wait_call(redis_marks(client, 17, got.cursor, 10, on_marks, NULL));
    } while (got.cursor);
    ck_assert_uint_eq(got.id_count, 90);
    for (size_t i = 0; i < got.id_count; i++) {
        unsigned n;
        ck_assert_msg(sscanf(got.ids[i], "m/%u", &n) == 1 && n < 90, "%s", got.ids[i]);
        seen[n] = true;
    }
    for (unsigned i = 0; i < 90; i++)
        ck_assert(seen[i]);
    got.id_count = 0;
    wait_call(redis_marks(client, 19, 0, 10, on_marks, NULL));
    ck_assert_uint_eq(got.id_count, 0);
}
END_TEST

/* ---- membership ---- */

static void beat(const char *id, const char *boot, const char *state, int64_t timeout_ms,
                 uint64_t known)
{
    struct redis_beat b = {.id = id,
                           .address = "127.0.0.1:1",
                           .boot = boot,
                           .state = state,
                           .timeout_ms = timeout_ms,
                           .view_known = known};
    wait_call(redis_beat(client, &b, on_beat, NULL));
}

START_TEST(the_view_counts_changes)
{
    beat("w2", "b1", "joining", 60000, 0);
    ck_assert_uint_eq(got.beat.view, 1);
    ck_assert_uint_eq(got.beat.count, 1);
    ck_assert_str_eq(got.members[0], "w2 127.0.0.1:1 b1 joining");
    ck_assert_uint_gt(got.beat.now_ms, 1600000000000ull);
    beat("w2", "b1", "joining", 60000, 1);
    ck_assert_uint_eq(got.beat.view, 1); /* nothing changed */
    beat("w2", "b1", "live", 60000, 1);
    ck_assert_uint_eq(got.beat.view, 2);
    beat("w1", "b2", "live", 60000, 2);
    ck_assert_uint_eq(got.beat.view, 3);
    ck_assert_str_eq(got.members[0], "w1 127.0.0.1:1 b2 live"); /* in order */
    ck_assert_str_eq(got.members[1], "w2 127.0.0.1:1 b1 live");
    beat("w1", "b3", "live", 60000, 3); /* restarted */
    ck_assert_uint_eq(got.beat.view, 4);
    beat("w2", "b1", "gone", 60000, 4);
    ck_assert_uint_eq(got.beat.view, 5);
    ck_assert_uint_eq(got.beat.count, 1);
    beat("w2", "b1", "gone", 60000, 5);
    ck_assert_uint_eq(got.beat.view, 5);

    struct redis_beat gateway = {.list = REDIS_LIST_GATEWAYS,
                                 .id = "g1",
                                 .address = "a",
                                 .boot = "b",
                                 .state = "live",
                                 .timeout_ms = 1500};
    wait_call(redis_beat(client, &gateway, on_beat, NULL)); /* a list of its own */
    ck_assert_uint_eq(got.beat.view, 1);
    ck_assert_uint_eq(got.beat.count, 1);
}
END_TEST

START_TEST(the_silent_are_dropped)
{
    beat("w1", "b1", "live", 60000, 0);
    beat("w2", "b1", "live", 60000, 0);
    ck_assert_uint_eq(got.beat.view, 2);
    int64_t end = ev_loop_now_ms(loop) + WAIT_MS;
    do {
        beat("w2", "b1", "live", 30, 0);
    } while (got.beat.count == 2 && ev_loop_now_ms(loop) < end);
    ck_assert_uint_eq(got.beat.count, 1);
    ck_assert_uint_eq(got.beat.view, 3);
    ck_assert_str_eq(got.members[0], "w2 127.0.0.1:1 b1 live");

    support_redis_cli(server, "hset weft:members m:w3 '1000 live b1 a'"); /* long silent */
    beat("w2", "b1", "live", 0, 0);                                       /* declares nobody dead */
    ck_assert_uint_eq(got.beat.count, 2);
    support_redis_cli(server, "hset weft:members m:w3 nonsense");
    beat("w2", "b1", "live", 0, 0);
    ck_assert_uint_eq(got.beat.count, 1);
}
END_TEST

START_TEST(a_lost_list_keeps_counting)
{
    beat("w1", "b1", "live", 60000, 0);
    support_redis_cli(server, "flushall");
    beat("w1", "b1", "live", 60000, 41);
    ck_assert_uint_eq(got.beat.view, 42);
    beat("w2", "b1", "live", 60000, 0);
    ck_assert_uint_eq(got.beat.view, 43);
    beat("w2", "b1", "live", 60000, 50); /* unchanged, but the caller has seen 50 */
    ck_assert_uint_eq(got.beat.view, 51);
}
END_TEST

START_TEST(beats_take_words_only)
{
    struct redis_beat b = {.id = "a b", .address = "x", .boot = "x", .state = "live"};
    ck_assert_int_eq(redis_beat(client, &b, on_beat, NULL), -EINVAL);
    b.id = "";
    ck_assert_int_eq(redis_beat(client, &b, on_beat, NULL), -EINVAL);
    beat("w1", "b1", "live", 60000, 0);
    struct redis_beat look = {.list = REDIS_LIST_WORKERS};
    wait_call(redis_beat(client, &look, on_beat, NULL));
    ck_assert_uint_eq(got.beat.view, 1);
    ck_assert_uint_eq(got.beat.count, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redis_functions");
    TCase *tcase = tcase_create("functions");
    tcase_set_timeout(tcase, 60);
    tcase_add_unchecked_fixture(tcase, start_server, stop_server);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, append_wants_the_head_it_expects);
    tcase_add_test(tcase, append_marks_once);
    tcase_add_test(tcase, payloads_may_hold_any_byte);
    tcase_add_test(tcase, revisions_beyond_doubles_are_exact);
    tcase_add_test(tcase, read_answers_in_parts);
    tcase_add_test(tcase, claims_expire);
    tcase_add_test(tcase, trim_wants_its_position_on_the_chain);
    tcase_add_test(tcase, adopt_sets_only_what_is_missing);
    tcase_add_test(tcase, rebase_wants_the_head_it_read);
    tcase_add_test(tcase, look_tells_stream_and_mark_and_changes_nothing);
    tcase_add_test(tcase, remark_repairs_both_ways);
    tcase_add_test(tcase, scan_finds_all_heads);
    tcase_add_test(tcase, marks_are_listed_with_or_without_a_head);
    tcase_add_test(tcase, the_view_counts_changes);
    tcase_add_test(tcase, the_silent_are_dropped);
    tcase_add_test(tcase, a_lost_list_keeps_counting);
    tcase_add_test(tcase, beats_take_words_only);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
