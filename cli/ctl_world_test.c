#include "ctl_world_test.h"

#include <check.h>
#include <stdarg.h>
#include <stdlib.h>

#include "archive_segment.h"
#include "cluster_shard.h"
#include "codec_text.h"
#include "ev_loop.h"
#include "ot_codec.h"
#include "pg_calls.h"
#include "redis_calls.h"
#include "support_migrate.h"

#define WAIT_MS 30000
#define ARGUMENTS_MAX 24
#define ENTRIES_MAX 100

struct support_server *world_redis, *world_postgres;
char world_redis_address[128], world_conninfo[200];
char *world_out, *world_err;

static struct ev_loop *loop;
static struct redis_client *redis;
static struct pg_client *postgres;
static struct ot_attrs_table *table;
static unsigned closed;
static uint64_t clock_ms = 1700000000000;

#define AWAIT(condition)                                                                           \
    do {                                                                                           \
        int64_t end_ = ev_loop_now_ms(loop) + WAIT_MS;                                             \
        while (!(condition)) {                                                                     \
            ck_assert_msg(ev_loop_now_ms(loop) < end_, "waited in vain for " #condition);          \
            ev_loop_step(loop, 20);                                                                \
        }                                                                                          \
    } while (0)

void world_start(void)
{
    world_redis = support_redis_start(NULL);
    world_postgres = support_pg_start();
    snprintf(world_redis_address, sizeof world_redis_address, "%s",
             support_server_address(world_redis));
    snprintf(world_conninfo, sizeof world_conninfo, "host=%s user=postgres dbname=postgres",
             support_server_address(world_postgres));
    support_migrate_well(world_conninfo);
}

void world_stop(void)
{
    world_redis = support_server_stop(world_redis);
    world_postgres = support_server_stop(world_postgres);
}

void world_setup(void)
{
    const struct redis_config rc = {.level = REDIS_LEVEL_FSYNC};
    const struct pg_config pc = {.conninfo = world_conninfo, .connections = 2};
    struct redis_config with_address = rc;

    support_redis_cli(world_redis, "flushall");
    support_pg_sql(world_postgres, "truncate weft.documents cascade");
    ck_assert(ev_address_parse(world_redis_address, &with_address.address));
    loop = ev_loop_new(NULL);
    table = ot_attrs_table_new(1 << 20);
    redis = redis_client_new(loop, &with_address, NULL, NULL);
    postgres = pg_client_new(loop, &pc, NULL, NULL);
    AWAIT(redis_client_state(redis) == REDIS_STATE_READY &&
          pg_client_stats(postgres)->standing == 2);
}

static void on_closed(void *arg)
{
    closed++;
}

void world_teardown(void)
{
    closed = 0;
    redis_client_close(redis, on_closed, NULL);
    pg_client_close(postgres, on_closed, NULL);
    AWAIT(closed == 2);
    loop = ev_loop_free(loop);
    table = ot_attrs_table_free(table);
    free(world_out);
    free(world_err);
    world_out = world_err = NULL;
}

/* ---- calls ---- */

static struct redis_doc redis_doc_of(const struct world_doc *d)
{
    struct slice id = slice_str(d->id);

    return (struct redis_doc){.lane = cluster_lane_of(id), .id = id};
}

static void on_adopted(void *arg, const struct redis_answer *answer,
                       const struct redis_adopt_reply *reply)
{
    *(bool *)arg = reply && reply->set;
}

static void on_appended(void *arg, const struct redis_answer *answer,
                        const struct redis_append_reply *reply)
{
    *(bool *)arg = reply && reply->status == REDIS_APPENDED;
}

static void on_trimmed(void *arg, const struct redis_answer *answer,
                       const struct redis_trim_reply *reply)
{
    *(bool *)arg = reply && reply->status == REDIS_TRIMMED && reply->left == 0;
}

static void on_locked(void *arg, const struct pg_answer *answer, const struct pg_lock_reply *reply)
{
    *(struct pg_lock **)arg = reply ? reply->lock : NULL;
}

static void on_committed(void *arg, const struct pg_answer *answer,
                         const struct pg_commit_reply *reply)
{
    *(bool *)arg = reply && reply->status == PG_COMMITTED;
}

struct fold {
    struct world_doc *doc;
    struct archive_writer writer;
    bool done;
};

static void on_read(void *arg, const struct redis_answer *answer,
                    const struct redis_read_reply *reply)
{
    struct fold *fold = arg;

    ck_assert(reply && reply->count > 0);
    for (size_t i = 0; i < reply->count; i++) {
        archive_writer_add(&fold->writer, reply->entries[i].payload);
        ck_assert_int_eq(doc_entry_apply(fold->doc->archived, reply->entries[i].payload,
                                         &reply->entries[i].after),
                         0);
    }
    fold->done = true;
}

/* ---- documents ---- */

/* The draft that is open becomes an entry in Redis. */
static void entry_append(struct world_doc *d)
{
    struct chain_position expect = doc_position(d->live);
    struct bytes payload = BYTES_INIT;
    bool appended = false;

    clock_ms += 1000;
    ck_assert_int_eq(doc_draft_finish(d->live, clock_ms, &payload), 0);
    struct chain_position after = doc_position(d->live);
    ck_assert_int_eq(redis_append(redis, redis_doc_of(d), &expect, &after, bytes_slice(&payload),
                                  on_appended, &appended),
                     0);
    AWAIT(appended);
    bytes_fini(&payload);
}

static void record_add(struct world_doc *d, struct wire_record *record)
{
    record->session = d->session;
    if (record->kind != WIRE_KIND_CREATE)
        record->seq = ++d->seq;
    crypto_digest8(record->body, record->digest);
    ck_assert_int_eq(doc_draft_add(d->live, record), 0);
}

/* An op that inserts the text behind `retain` units. */
static void text_add(struct world_doc *d, struct wire_record record, uint64_t retain,
                     const char *text)
{
    struct arena mem;
    struct ot_builder builder;
    struct ot_op op;
    struct bytes body = BYTES_INIT;

    arena_init(&mem, 1 << 20);
    ot_builder_init(&builder, &mem);
    ot_builder_retain(&builder, retain, slice_of(NULL, 0));
    ot_builder_insert(&builder, slice_str(text), (uint32_t)strlen(text), slice_of(NULL, 0));
    ck_assert_int_eq(ot_builder_finish(&builder, &op), 0);
    ot_encode(&op, &body);
    record.body = bytes_slice(&body);
    record_add(d, &record);
    bytes_fini(&body);
    arena_fini(&mem);
}

struct world_doc *world_doc_new(const char *id, const char *text)
{
    struct world_doc *d = calloc(1, sizeof *d);
    struct chain_position start = chain_position_start(slice_str(id));
    bool adopted = false;

    *d = (struct world_doc){
        .id = id, .live = doc_new(slice_str(id), table), .archived = doc_new(slice_str(id), table)};
    store_be64(d->session.id, clock_ms << 16);
    ck_assert_int_eq(redis_adopt(redis, redis_doc_of(d), &start, on_adopted, &adopted), 0);
    AWAIT(adopted);
    doc_draft_begin(d->live);
    text_add(d, (struct wire_record){.kind = WIRE_KIND_CREATE, .doc_kind = WIRE_DOC_TEXT}, 0, text);
    entry_append(d);
    return d;
}

void world_append(struct world_doc *d, const char *text, unsigned count)
{
    doc_draft_begin(d->live);
    for (unsigned i = 0; i < count; i++)
        text_add(d, (struct wire_record){.kind = WIRE_KIND_EDIT}, ot_rope_units(doc_rope(d->live)),
                 text);
    entry_append(d);
}

void world_title(struct world_doc *d, const char *title)
{
    struct wire_record record = {.kind = WIRE_KIND_TITLE, .body = slice_str(title)};

    doc_draft_begin(d->live);
    record_add(d, &record);
    entry_append(d);
}

static void snapshot_make(struct world_doc *d, struct bytes *ret)
{
    struct bytes raw = BYTES_INIT;

    ck_assert_int_eq(doc_snapshot_save(d->archived, &raw), 0);
    ck_assert_int_eq(archive_compress(bytes_slice(&raw), ret), 0);
    bytes_fini(&raw);
}

static void commit(struct world_doc *d, const struct chain_position *expect, struct slice segment,
                   struct slice snapshot)
{
    struct pg_lock *lock = NULL;
    bool committed = false;
    const struct pg_commit c = {.lane = cluster_lane_of(slice_str(d->id)),
                                .expect = *expect,
                                .to = doc_position(d->archived),
                                .entry_first_rev = doc_entry_first_rev(d->archived),
                                .segment = segment,
                                .snapshot = snapshot,
                                .kind = doc_kind(d->archived),
                                .title = doc_title(d->archived)};

    ck_assert_int_eq(pg_lock(postgres, slice_str(d->id), on_locked, (void *)&lock), 0);
    AWAIT(lock);
    pg_commit(lock, &c, on_committed, &committed);
    AWAIT(committed);
}

void world_archive(struct world_doc *d, bool with_snapshot, bool trim)
{
    struct chain_position before = doc_position(d->archived);
    struct fold fold = {.doc = d};
    struct bytes segment = BYTES_INIT, snapshot = BYTES_INIT;
    bool trimmed = false;

    archive_writer_init(&fold.writer);
    ck_assert_int_eq(redis_read(redis, redis_doc_of(d), before.rev + 1, ENTRIES_MAX, SIZE_MAX / 2,
                                on_read, &fold),
                     0);
    AWAIT(fold.done);
    ck_assert_int_eq(archive_writer_finish(&fold.writer, &segment), 0);
    if (with_snapshot)
        snapshot_make(d, &snapshot);
    commit(d, &before, bytes_slice(&segment), bytes_slice(&snapshot));
    bytes_fini(&segment);
    if (with_snapshot) {
        bytes_fini(&d->snapshot);
        d->snapshot = bytes_steal(&snapshot);
    }
    archive_writer_fini(&fold.writer);
    if (!trim)
        return;
    struct chain_position at = doc_position(d->archived);
    ck_assert_int_eq(redis_trim(redis, redis_doc_of(d), doc_entry_first_rev(d->archived), &at,
                                on_trimmed, &trimmed),
                     0);
    AWAIT(trimmed);
}

void world_unarchive(struct world_doc *d)
{
    support_pg_sql(world_postgres, "delete from weft.documents where id = '%s'", d->id);
    doc_free(d->archived);
    d->archived = doc_new(slice_str(d->id), table);
}

/* The op that makes this text from nothing. */
static void content_encode(const char *text, struct bytes *out)
{
    struct ot_comp comp = {
        .kind = OT_INSERT, .length = (uint32_t)strlen(text), .content = slice_str(text)};
    const struct ot_op op = {.comps = &comp, .count = 1, .units_out = comp.length};

    ot_encode(&op, out);
}

void world_snapshot_replace(struct world_doc *d, uint64_t rev, const char *text, const char *title)
{
    struct wire_snapshot s;
    struct arena mem;
    struct bytes raw = BYTES_INIT, content = BYTES_INIT, changed = BYTES_INIT, packed = BYTES_INIT,
                 hex = BYTES_INIT;

    ck_assert_int_eq(archive_decompress(bytes_slice(&d->snapshot), &raw), 0);
    arena_init(&mem, 1 << 20);
    ck_assert_int_eq(wire_snapshot_decode(&mem, bytes_slice(&raw), &s), 0);
    content_encode(text, &content);
    s.content = bytes_slice(&content);
    if (title)
        s.title = slice_str(title);
    wire_snapshot_encode(&s, &changed);
    ck_assert_int_eq(archive_compress(bytes_slice(&changed), &packed), 0);
    hex_append(&hex, bytes_slice(&packed));
    support_pg_sql(world_postgres,
                   "update weft.snapshots set bytes = decode('%.*s', 'hex') where rev = %llu "
                   "and doc = '%s'",
                   (int)hex.size, (const char *)hex.data, (unsigned long long)rev, d->id);
    arena_fini(&mem);
    bytes_fini(&raw);
    bytes_fini(&content);
    bytes_fini(&changed);
    bytes_fini(&packed);
    bytes_fini(&hex);
}

void world_doc_free(struct world_doc *d)
{
    doc_free(d->live);
    doc_free(d->archived);
    bytes_fini(&d->snapshot);
    free(d);
}

struct world_doc *world_usual;

void world_usual_setup(void)
{
    world_setup();
    world_usual = world_doc_new("d", "a");
    world_append(world_usual, "b", 3);
    world_archive(world_usual, true, true);
    world_append(world_usual, "c", 1);
    world_archive(world_usual, false, true);
    world_append(world_usual, "d", 2);
    world_append(world_usual, "e", 1);
}

void world_usual_teardown(void)
{
    world_doc_free(world_usual);
    world_teardown();
}

void world_sql(const char *statement)
{
    const char *said = support_pg_sql(world_postgres, "%s", statement);
    ck_assert_msg(!strstr(said, "ERROR"), "%s", said);
}

/* ---- weftctl ---- */

enum ctl_exit world_ctl(const char *argument, ...)
{
    const char *argv[ARGUMENTS_MAX] = {"weftctl"};
    int argc = 1;
    size_t size;
    va_list list;

    va_start(list, argument);
    for (; argument; argument = va_arg(list, const char *))
        argv[argc++] = argument;
    va_end(list);
    if (world_redis) {
        argv[argc++] = "--redis";
        argv[argc++] = world_redis_address;
        argv[argc++] = "--postgres";
        argv[argc++] = world_conninfo;
    }
    MUST(argc < ARGUMENTS_MAX);
    free(world_out);
    free(world_err);
    FILE *out = open_memstream(&world_out, &size), *err = open_memstream(&world_err, &size);
    enum ctl_exit status = ctl_run(argc, (char *const *)(uintptr_t)argv, NULL, out, err);
    fclose(out);
    fclose(err);
    return status;
}
