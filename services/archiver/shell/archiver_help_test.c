#include "archiver_help_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "doc_stored.h"
#include "ot_codec.h"

#define NOW_MS 1700000000000u

static const char *program; /* its path */
static const char *dir;     /* of the admin files and logs */
static struct ot_attrs_table *attrs;
struct archiver_process archiver;

/* ---- processes ---- */

void archiver_spawn(const char *name, const char *const *args)
{
    const char *argv[32];
    char redis[128];
    size_t count = 0;

    snprintf(archiver.admin_file, sizeof archiver.admin_file, "%s/%s.admin", dir, name);
    snprintf(redis, sizeof redis, "--redis=%s", support_server_address(help.redis));
    const char *common[] = {redis,
                            "--postgres",
                            help.conninfo,
                            "--admin-file",
                            archiver.admin_file,
                            "--poll=20ms",
                            "--lease=1s",
                            "--log-level=debug",
                            "--snapshot-revisions=20",
                            "--log-per-second=0"};
    for (size_t i = 0; i < sizeof common / sizeof *common; i++)
        argv[count++] = common[i];
    for (; *args; args++)
        argv[count++] = *args;
    argv[count] = NULL;
    support_process_stop(archiver.process);
    archiver.process = support_process_start(program, dir, name, argv);
}

void archiver_start(const char *name)
{
    const char *const args[] = {"--id", name, NULL};

    archiver_spawn(name, args);
}

int archiver_ended(void)
{
    AWAIT(!support_process_lives(archiver.process));
    return support_process_wait(archiver.process, 0);
}

int archiver_stop(int number)
{
    ck_assert(support_process_lives(archiver.process));
    support_process_signal(archiver.process, number);
    return archiver_ended();
}

bool archiver_log_has(const char *words)
{
    return strstr(support_process_log(archiver.process), words) != NULL;
}

/* Asks the admin port; the answer with its head, or nothing if nobody is there. */
static void admin_get(const char *path, struct bytes *ret)
{
    FILE *file = fopen(archiver.admin_file, "r");
    char line[128] = "", part[4096];
    struct ev_address address;
    ssize_t size;

    bytes_reset(ret);
    if (file && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        ck_assert(ev_address_parse(line, &address));
        int fd = socket(address.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(fd, &address.sa, address.size) == 0) {
            dprintf(fd, "GET %s HTTP/1.0\r\n\r\n", path);
            while ((size = read(fd, part, sizeof part)) > 0)
                bytes_append(ret, part, (size_t)size);
        }
        close(fd);
    }
    if (file)
        fclose(file);
    bytes_append_u8(ret, 0);
}

bool archiver_says(const char *path, const char *words)
{
    struct bytes answer = BYTES_INIT;

    admin_get(path, &answer);
    bool says = strstr((char *)answer.data, words) != NULL;
    bytes_fini(&answer);
    return says;
}

bool archiver_is_ready(void)
{
    return archiver_says("/readyz", " 200 ");
}

/* ---- documents ---- */

struct writer writers[DOCS];

/* The op that makes a document of one line, or writes before its end. */
static struct bytes op_bytes(const char *text)
{
    struct arena mem;
    struct ot_builder b;
    struct ot_op op;
    struct bytes out = BYTES_INIT;

    arena_init(&mem, 1u << 16);
    ot_builder_init(&b, &mem);
    ot_builder_insert(&b, slice_str(text), (uint32_t)strlen(text), (struct slice){0});
    ck_assert_int_eq(ot_builder_finish(&b, &op), 0);
    ot_encode(&op, &out);
    arena_fini(&mem);
    return out;
}

static void append(struct writer *w, const struct chain_position *expect, struct slice payload)
{
    struct asked asked = help_call(STORAGE_APPEND, w->name);

    asked.call.expect = *expect;
    asked.call.first_rev = expect->rev + 1;
    asked.call.position = chain_position_after(expect, 1, payload);
    asked.call.payload = payload;
    ck_assert_int_eq(help_ask(&asked), STORAGE_OK);
    help_drop(&asked);
}

static void entry_write(struct writer *w, enum wire_kind kind, const char *text, unsigned records)
{
    struct bytes body = op_bytes(text), payload = BYTES_INIT;
    struct wire_record record = {.session = w->session,
                                 .kind = kind,
                                 .doc_kind = kind == WIRE_KIND_CREATE ? WIRE_DOC_RICH : 0,
                                 .body = bytes_slice(&body)};
    struct chain_position expect = doc_position(w->doc);

    crypto_digest8(record.body, record.digest);
    doc_draft_begin(w->doc);
    for (unsigned i = 0; i < records; i++) {
        record.seq = kind == WIRE_KIND_CREATE ? 0 : ++w->seq;
        ck_assert_int_eq(doc_draft_add(w->doc, &record), 0);
    }
    ck_assert_int_eq(doc_draft_finish(w->doc, NOW_MS, &payload), 0);
    append(w, &expect, bytes_slice(&payload));
    bytes_fini(&payload);
    bytes_fini(&body);
}

void writer_write(struct writer *w, enum wire_kind kind, const char *text)
{
    entry_write(w, kind, text, 1);
}

void writer_write_together(struct writer *w, const char *text, unsigned records)
{
    entry_write(w, WIRE_KIND_EDIT, text, records);
}

void writer_write_newer(struct writer *w)
{
    struct chain_position at = doc_position(w->doc);

    append(w, &at, slice_str("\x08\x02 of a form that is not invented yet"));
}

void writers_write(unsigned entries)
{
    for (unsigned i = 0; i < entries; i++)
        for (size_t k = 0; k < DOCS; k++)
            writer_write(&writers[k], WIRE_KIND_EDIT, "some words ");
}

void writers_create(void)
{
    for (size_t i = 0; i < DOCS; i++) {
        struct writer *w = &writers[i];
        *w = (struct writer){.session.id = {1, 2, 3, (uint8_t)i}};
        store_be64(w->session.id, (uint64_t)NOW_MS << 16 | i);
        snprintf(w->name, sizeof w->name, "doc/%zu", i);
        w->doc = doc_new(slice_str(w->name), attrs);
        ck_assert_ptr_nonnull(w->doc);
        (void)help_adopt(w->name);
        writer_write(w, WIRE_KIND_CREATE, "its end\n");
    }
}

/* Whether PostgreSQL leads to the document as it was written. Damage fails the test at once. */
bool writer_is_stored(const struct writer *w)
{
    struct asked load = help_call(STORAGE_LOAD, w->name);

    if (help_ask(&load) != STORAGE_OK)
        return false; /* PostgreSQL comes back */
    struct doc *doc = doc_new(slice_str(w->name), attrs);
    ck_assert_ptr_nonnull(doc);
    ck_assert_int_eq(doc_stored_load(doc, load.call.loaded_snapshot, load.call.segments,
                                     load.call.segment_count, NULL),
                     0);
    struct chain_position at = doc_position(doc);
    ck_assert(load.call.has_head ? chain_position_equal(&at, &load.call.head) : at.rev == 0);
    bool stored = doc_equal(doc, w->doc);
    doc_free(doc);
    help_drop(&load);
    return stored;
}

/* Whether its stream is empty and its head where it was written. */
bool writer_is_trimmed(const struct writer *w)
{
    struct asked read = help_call(STORAGE_READ, w->name);

    if (help_ask(&read) != STORAGE_OK)
        return false;
    struct chain_position at = doc_position(w->doc);
    ck_assert(read.call.has_head && chain_position_equal(&read.call.head, &at));
    bool trimmed = read.call.entry_count == 0;
    help_drop(&read);
    return trimmed;
}

void writers_await_archived(void)
{
    for (size_t i = 0; i < DOCS; i++) {
        AWAIT(writer_is_stored(&writers[i]));
        AWAIT(writer_is_trimmed(&writers[i]));
    }
    AWAIT(*support_redis_cli(help.redis, "keys 'weft:*:dirty'") == 0);
}

unsigned long sql_number(const char *statement)
{
    return strtoul(support_pg_sql(help.postgres, "%s", statement), NULL, 10);
}

struct writer writer_beside(const struct writer *w)
{
    struct writer other = *w;

    other.seq = 0;
    other.doc = doc_new(slice_str(w->name), attrs);
    ck_assert_ptr_nonnull(other.doc);
    return other;
}

/* ---- fixtures ---- */

static void setup(void)
{
    struct backend_config config;

    dir = support_dir_make();
    archiver = (struct archiver_process){0};
    (void)support_redis_cli(help.redis, "flushall");
    (void)support_redis_cli(help.redis, "config set appendfsync always");
    (void)support_pg_sql(help.postgres, "drop schema if exists weft cascade");
    help_config(&config, REDIS_LEVEL_FSYNC, true);
    help_open_as(&config);
    AWAIT(backend_state(help.backend, BACKEND_REDIS) == BACKEND_READY);
    attrs = ot_attrs_table_new(1u << 20);
    ck_assert_ptr_nonnull(attrs);
}

static void teardown(void)
{
    archiver.process = support_process_stop(archiver.process);
    for (size_t i = 0; i < DOCS; i++)
        writers[i].doc = doc_free(writers[i].doc);
    ot_attrs_table_free(attrs);
    help_close();
    support_dir_remove(dir);
}

TCase *archiver_case(Suite *suite, const char *name, bool own_servers)
{
    TCase *tc = tcase_create(name);

    if (own_servers)
        tcase_add_checked_fixture(tc, help_servers_start_bare, help_servers_stop);
    else
        tcase_add_unchecked_fixture(tc, help_servers_start_bare, help_servers_stop);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 120);
    suite_add_tcase(suite, tc);
    return tc;
}

int archiver_main(int argc, char **argv, void (*add)(Suite *suite))
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s WEFT-ARCHIVER\n", argv[0]);
        return 2;
    }
    program = argv[1];
    return help_main("archiver", add);
}
