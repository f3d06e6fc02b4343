/*
 * weft-archiver as a process, over a real Redis and a real PostgreSQL: what was appended ends in
 * PostgreSQL, whole and in order, whoever is killed meanwhile; and it ends as it promises.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend_help_test.h"
#include "doc_stored.h"
#include "ot_codec.h"

#define NOW_MS 1700000000000u
#define DOCS 6

static const char *program; /* its path */
static char dir[64];        /* of the admin files and logs */
static struct ot_attrs_table *attrs;

/* ---- processes ---- */

struct process {
    pid_t pid;
    char admin_file[96], log_file[96];
};

static struct process archiver;

/* Starts the program with these arguments besides those that every one gets. */
static void spawn(const char *name, const char *const *args)
{
    const char *argv[32] = {program};
    char redis[128];
    size_t count = 1;

    snprintf(archiver.admin_file, sizeof archiver.admin_file, "%s/%s.admin", dir, name);
    snprintf(archiver.log_file, sizeof archiver.log_file, "%s/%s.log", dir, name);
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
    archiver.pid = fork();
    ck_assert_int_ge(archiver.pid, 0);
    if (archiver.pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that failed leaves none */
        int log = open(archiver.log_file, O_WRONLY | O_CREAT | O_APPEND, 0600);
        if (log < 0 || dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0)
            _exit(99);
        execv(program, (char *const *)argv);
        _exit(99);
    }
}

static void start(const char *name)
{
    const char *const args[] = {"--id", name, NULL};

    spawn(name, args);
}

/* Waits for its end; 128 + signal if it was killed. */
static int ended(void)
{
    int status = 0;

    AWAIT(waitpid(archiver.pid, &status, WNOHANG) == archiver.pid);
    archiver.pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int stop(int number)
{
    ck_assert_int_eq(kill(archiver.pid, number), 0);
    return ended();
}

static bool file_read(const char *path, struct bytes *ret)
{
    FILE *file = fopen(path, "r");
    char part[4096];
    size_t size;

    if (!file)
        return false;
    while ((size = fread(part, 1, sizeof part, file)) > 0)
        bytes_append(ret, part, size);
    fclose(file);
    bytes_append_u8(ret, 0);
    return !ret->failed;
}

static bool log_has(const char *words)
{
    struct bytes text = BYTES_INIT;
    bool has = file_read(archiver.log_file, &text) && strstr((char *)text.data, words);

    bytes_fini(&text);
    return has;
}

/* Asks the admin port; the answer with its head, or nothing if nobody is there. */
static void admin_get(const char *path, struct bytes *ret)
{
    struct bytes text = BYTES_INIT;
    struct ev_address address;
    char part[4096];
    ssize_t size;

    bytes_reset(ret);
    bool there = file_read(archiver.admin_file, &text);
    if (there) {
        text.data[strcspn((char *)text.data, "\n")] = 0;
        ck_assert(ev_address_parse((char *)text.data, &address));
        int fd = socket(address.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(fd, &address.sa, address.size) == 0) {
            dprintf(fd, "GET %s HTTP/1.0\r\n\r\n", path);
            while ((size = read(fd, part, sizeof part)) > 0)
                bytes_append(ret, part, (size_t)size);
        }
        close(fd);
    }
    bytes_append_u8(ret, 0);
    bytes_fini(&text);
}

static bool admin_says(const char *path, const char *words)
{
    struct bytes answer = BYTES_INIT;

    admin_get(path, &answer);
    bool says = strstr((char *)answer.data, words) != NULL;
    bytes_fini(&answer);
    return says;
}

static bool is_ready(void)
{
    return admin_says("/readyz", " 200 ");
}

/* ---- documents ---- */

static struct writer {
    char name[16];
    struct doc *doc; /* owned: what the log must lead to */
    struct wire_session session;
    uint64_t seq;
} writers[DOCS];

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

/* One entry of one record, appended as a worker does. */
static void write_record(struct writer *w, enum wire_kind kind, const char *text)
{
    struct bytes body = op_bytes(text), payload = BYTES_INIT;
    struct wire_record record = {.session = w->session,
                                 .seq = kind == WIRE_KIND_CREATE ? 0 : ++w->seq,
                                 .kind = kind,
                                 .doc_kind = kind == WIRE_KIND_CREATE ? WIRE_DOC_RICH : 0,
                                 .body = bytes_slice(&body)};
    struct asked append = help_call(STORAGE_APPEND, w->name);

    crypto_digest8(record.body, record.digest);
    append.call.expect = doc_position(w->doc);
    append.call.first_rev = append.call.expect.rev + 1;
    doc_draft_begin(w->doc);
    ck_assert_int_eq(doc_draft_add(w->doc, &record), 0);
    ck_assert_int_eq(doc_draft_finish(w->doc, NOW_MS, &payload), 0);
    append.call.position = doc_position(w->doc);
    append.call.payload = bytes_slice(&payload);
    ck_assert_int_eq(help_ask(&append), STORAGE_OK);
    help_drop(&append);
    bytes_fini(&payload);
    bytes_fini(&body);
}

static void write_all(unsigned entries)
{
    for (unsigned i = 0; i < entries; i++)
        for (size_t k = 0; k < DOCS; k++)
            write_record(&writers[k], WIRE_KIND_EDIT, "some words ");
}

static void writers_create(void)
{
    for (size_t i = 0; i < DOCS; i++) {
        struct writer *w = &writers[i];
        *w = (struct writer){.session.id = {1, 2, 3, (uint8_t)i}};
        store_be64(w->session.id, (uint64_t)NOW_MS << 16 | i);
        snprintf(w->name, sizeof w->name, "doc/%zu", i);
        w->doc = doc_new(slice_str(w->name), attrs);
        ck_assert_ptr_nonnull(w->doc);
        (void)help_adopt(w->name);
        write_record(w, WIRE_KIND_CREATE, "its end\n");
    }
}

/* Whether PostgreSQL leads to the document as it was written. Damage fails the test at once. */
static bool is_stored(const struct writer *w)
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
static bool is_trimmed(const struct writer *w)
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

static void await_archived(void)
{
    for (size_t i = 0; i < DOCS; i++) {
        AWAIT(is_stored(&writers[i]));
        AWAIT(is_trimmed(&writers[i]));
    }
    AWAIT(*support_redis_cli(help.redis, "keys 'weft:*:dirty'") == 0);
}

/* Changes letters inside the first entry of its stream: it can still be decoded. */
static void entry_change(const struct writer *w, const char *from, const char *to)
{
    static const char script[] = "local entries = redis.call(\"XRANGE\", KEYS[1], \"-\", \"+\")\n"
                                 "local p = entries[1][2]\n"
                                 "local at, last = p[2]:find(ARGV[1], 1, true)\n"
                                 "p[2] = p[2]:sub(1, at - 1) .. ARGV[2] .. p[2]:sub(last + 1)\n"
                                 "redis.call(\"DEL\", KEYS[1])\n"
                                 "for _, e in ipairs(entries) do\n"
                                 "    redis.call(\"XADD\", KEYS[1], e[1], unpack(e[2]))\n"
                                 "end\n"
                                 "return \"changed\"";
    unsigned lane = cluster_lane_of(slice_str(w->name));
    const char *said =
        support_redis_cli(help.redis, "eval '%s' 1 'weft:{%u}:log:doc%%2F%zu' '%s' '%s'", script,
                          lane, (size_t)(w - writers), from, to);

    ck_assert_msg(strncmp(said, "changed", 7) == 0, "%s", said);
}

static size_t stream_entries(const struct writer *w)
{
    struct asked read = help_call(STORAGE_READ, w->name);

    ck_assert_int_eq(help_ask(&read), STORAGE_OK);
    size_t count = read.call.entry_count;
    help_drop(&read);
    return count;
}

static unsigned long sql_number(const char *statement)
{
    return strtoul(support_pg_sql(help.postgres, "%s", statement), NULL, 10);
}

/* ---- fixtures ---- */

static void setup(void)
{
    struct backend_config config;

    snprintf(dir, sizeof dir, "/tmp/weft-archiver-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    archiver = (struct process){0};
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
    char command[96];

    if (archiver.pid)
        (void)stop(SIGKILL);
    for (size_t i = 0; i < DOCS; i++)
        writers[i].doc = doc_free(writers[i].doc);
    ot_attrs_table_free(attrs);
    help_close();
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    ck_assert_int_eq(system(command), 0);
}

/* ---- what it does ---- */

START_TEST(all_that_is_appended_is_archived)
{
    writers_create();
    write_all(30);
    start("a1");
    AWAIT(is_ready());
    await_archived();
    ck_assert_uint_ge(sql_number("select count(*) from weft.snapshots"), DOCS);
    write_all(5); /* onto documents that it holds */
    await_archived();
    ck_assert(admin_says("/metrics", "\nweft_archiver_revisions_total 216\n"));
    ck_assert(admin_says("/metrics", "\nweft_archiver_damaged_total 0\n"));
    ck_assert(admin_says("/metrics", "weft_storage_calls_total{kind=\"commit\",result=\"ok\"} "));
    ck_assert(admin_says("/metrics", "\nweft_storage_breaker_state{server=\"postgres\"} 0\n"));
    ck_assert(admin_says("/metrics", "\nweft_redis_calls_total "));
    ck_assert(admin_says("/metrics", "\nweft_postgres_calls_total "));
    ck_assert(admin_says("/healthz", " 200 "));
    ck_assert_int_eq(stop(SIGTERM), 0);
    ck_assert(access(archiver.admin_file, F_OK) != 0);
    /* Ids give access to documents: no log has one. */
    ck_assert(!log_has("doc/") && !log_has("some words"));
    ck_assert(log_has("segment-committed doc="));
}
END_TEST

/* Nobody's: the sweep, which goes from head to head, does not meet them. */
START_TEST(marks_without_a_head_are_taken_away)
{
    static const char *const strays[] = {"never-was", "known", "filled"};
    struct chain_position zero;

    (void)help_adopt("known");
    zero = help_adopt("filled");
    (void)help_append("filled", &zero, "x");
    for (size_t i = 0; i < 3; i++) {
        unsigned lane = cluster_lane_of(slice_str(strays[i]));
        (void)support_redis_cli(help.redis, "zadd 'weft:{%u}:dirty' 1 '%s'", lane, strays[i]);
        (void)support_redis_cli(help.redis, "del 'weft:{%u}:head:%s'", lane, strays[i]);
    }
    start("a1");
    AWAIT(is_ready());
    AWAIT(admin_says("/metrics", "\nweft_archiver_remarked_total 2\n"));
    /* A stream that lost its head keeps its mark. */
    unsigned lane = cluster_lane_of(slice_str("filled"));
    ck_assert_ptr_nonnull(
        strstr(support_redis_cli(help.redis, "zrange 'weft:{%u}:dirty' 0 -1", lane), "filled"));
    for (size_t i = 0; i < 2; i++) {
        lane = cluster_lane_of(slice_str(strays[i]));
        const char *left = support_redis_cli(help.redis, "zrange 'weft:{%u}:dirty' 0 -1", lane);
        ck_assert_ptr_null(strstr(left, strays[i]));
    }
    ck_assert_int_eq(stop(SIGTERM), 0);
}
END_TEST

/* PostgreSQL has nothing of it yet: to let it win would drop all that was acked. */
START_TEST(a_damaged_beginning_is_kept)
{
    writers_create();
    write_all(2);
    entry_change(&writers[0], "its end", "itr end");
    start("a1");
    AWAIT(log_has("error doc-damaged"));
    for (size_t i = 1; i < DOCS; i++)
        AWAIT(is_stored(&writers[i]) && is_trimmed(&writers[i]));
    ck_assert_uint_eq(stream_entries(&writers[0]), 3);
    entry_change(&writers[0], "itr end", "its end");
    await_archived(); /* its mark has stayed */
    ck_assert(admin_says("/metrics", "\nweft_archiver_rebases_total 0\n"));
    ck_assert_int_eq(stop(SIGTERM), 0);
}
END_TEST

/* The first entry behind what is archived. */
START_TEST(a_damaged_tail_is_kept)
{
    writers_create();
    start("a1");
    AWAIT(is_ready());
    await_archived();
    ck_assert_int_eq(stop(SIGTERM), 0);
    write_all(2);
    entry_change(&writers[0], "some words", "some wards");
    start("a1");
    AWAIT(log_has("error doc-damaged"));
    for (size_t i = 1; i < DOCS; i++)
        AWAIT(is_stored(&writers[i]) && is_trimmed(&writers[i]));
    ck_assert_uint_eq(stream_entries(&writers[0]), 2);
    entry_change(&writers[0], "some wards", "some words");
    await_archived();
    ck_assert(admin_says("/metrics", "\nweft_archiver_rebases_total 0\n"));
    ck_assert_int_eq(stop(SIGTERM), 0);
}
END_TEST

/* Redis has lost all, and somebody created it anew: PostgreSQL wins. */
START_TEST(another_history_beside_what_is_archived_is_set_back)
{
    struct writer *w = &writers[0], other;
    unsigned lane = cluster_lane_of(slice_str("doc/0"));

    writers_create();
    write_all(1);
    start("a1");
    AWAIT(is_ready());
    await_archived();
    ck_assert_int_eq(stop(SIGTERM), 0);
    (void)support_redis_cli(help.redis, "del 'weft:{%u}:head:doc%%2F0' 'weft:{%u}:log:doc%%2F0'",
                            lane, lane);
    other = *w;
    other.seq = 0;
    other.doc = doc_new(slice_str(w->name), attrs);
    ck_assert_ptr_nonnull(other.doc);
    (void)help_adopt(other.name);
    write_record(&other, WIRE_KIND_CREATE, "another\n");
    for (unsigned i = 0; i < 3; i++) /* one ends where PostgreSQL stands, two go on */
        write_record(&other, WIRE_KIND_EDIT, "other words ");
    doc_free(other.doc);
    start("a1");
    AWAIT(log_has("warn doc-rebased"));
    await_archived();
    ck_assert(!log_has("doc-damaged"));
    ck_assert_int_eq(stop(SIGTERM), 0);
}
END_TEST

START_TEST(a_killed_one_is_continued)
{
    writers_create();
    for (unsigned round = 0; round < 4; round++) {
        unsigned long before = round ? sql_number("select count(*) from weft.segments") : 0;
        write_all(25);
        start("a1");
        /* Its first commit of the round: the other documents are on their way. */
        AWAIT(sql_number("select count(*) from weft.segments") > before);
        ck_assert_int_eq(stop(SIGKILL), 128 + SIGKILL);
    }
    start("a1");
    AWAIT(is_ready());
    await_archived();
    ck_assert_int_eq(stop(SIGTERM), 0);
}
END_TEST

START_TEST(two_at_once_are_harmless)
{
    writers_create();
    start("a1");
    AWAIT(is_ready());
    struct process first = archiver;
    start("a2");
    AWAIT(is_ready());
    for (unsigned round = 0; round < 10; round++) {
        write_all(5);
        AWAIT(is_stored(&writers[round % DOCS]));
    }
    await_archived();
    ck_assert_int_eq(stop(SIGTERM), 0);
    archiver = first;
    ck_assert_int_eq(stop(SIGTERM), 0);
}
END_TEST

START_TEST(postgres_and_redis_restart)
{
    writers_create();
    start("a1");
    AWAIT(is_ready());
    write_all(10);
    AWAIT(sql_number("select count(*) from weft.segments") > 0);
    support_server_kill(help.postgres);
    write_all(10);
    AWAIT(admin_says("/readyz", "postgres is down"));
    support_server_again(help.postgres);
    await_archived();
    support_server_kill(help.redis);
    AWAIT(admin_says("/readyz", "redis is down"));
    AWAIT(backend_state(help.backend, BACKEND_REDIS) == BACKEND_DOWN);
    support_server_again(help.redis);
    AWAIT(backend_ready(help.backend));
    write_all(10);
    await_archived();
    ck_assert(is_ready());
    ck_assert_int_eq(stop(SIGTERM), 0);
    ck_assert(log_has("warn storage-down server=postgres"));
    ck_assert(log_has("warn storage-down server=redis"));
}
END_TEST

/* ---- how it begins and ends ---- */

START_TEST(it_waits_for_postgres_and_brings_the_schema_up)
{
    support_server_kill(help.postgres);
    start("a1");
    AWAIT(log_has("migrate-waiting"));
    ck_assert(admin_says("/readyz", " 503 "));
    ck_assert(admin_says("/healthz", " 200 "));
    support_server_again(help.postgres);
    AWAIT(is_ready());
    ck_assert(log_has("migrated version="));
    ck_assert_uint_ge(sql_number("select count(*) from weft.migrations"), 1);
    ck_assert_int_eq(stop(SIGINT), 0);
}
END_TEST

START_TEST(asked_to_stop_while_it_waits_it_stops)
{
    support_server_kill(help.postgres);
    start("a1");
    AWAIT(log_has("migrate-waiting"));
    ck_assert_int_eq(stop(SIGTERM), 0);
    support_server_again(help.postgres);
}
END_TEST

START_TEST(a_drain_is_bounded)
{
    const char *const args[] = {"--id=a1", "--drain=200ms", NULL};

    writers_create();
    spawn("a1", args);
    AWAIT(is_ready());
    await_archived();
    support_server_pause(help.postgres);
    write_all(1);
    AWAIT(!admin_says("/metrics", "\nweft_archiver_jobs 0\n"));
    ck_assert_int_eq(stop(SIGTERM), 0);
    ck_assert(log_has("drain-cut"));
    support_server_resume(help.postgres);
}
END_TEST

START_TEST(a_redis_that_does_not_give_the_level_is_refused)
{
    const char *const fsync[] = {"--id=a1", NULL};
    const char *const replica[] = {"--id=a1", "--durability=replica", NULL};
    const char *const memory[] = {"--id=a1", "--durability=memory", NULL};

    (void)support_redis_cli(help.redis, "config set appendfsync everysec");
    spawn("a1", fsync);
    ck_assert_int_eq(ended(), 1);
    ck_assert(log_has("error storage-unfit server=redis"));
    ck_assert(log_has("appendfsync"));
    spawn("a2", replica);
    ck_assert_int_eq(ended(), 1);
    spawn("a3", memory);
    AWAIT(is_ready());
    ck_assert_int_eq(stop(SIGTERM), 0);
}
END_TEST

START_TEST(what_cannot_be_is_refused_in_words)
{
    static const struct {
        const char *args[4];
        int status;
        const char *words;
    } cases[] = {
        {{"--nonsense"}, 2, "nonsense"},
        {{"--id=a1", "--durability=often"}, 2, "durability"},
        {{NULL}, 1, "--id"},
        {{"--id=a1", "--redis=nowhere"}, 1, "redis"},
        {{"--id=a1", "--postgres=host=name"}, 1, "hostaddr"},
        {{"--id=a1", "--admin=0.0.0.0:0"}, 1, "loopback"},
        {{"--help"}, 0, "--snapshot-revisions"},
        {{"--id=a1", "--print-config"}, 0, "snapshot-revisions = 20"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[16];
        snprintf(name, sizeof name, "c%zu", i);
        spawn(name, cases[i].args);
        int status = ended();
        ck_assert_msg(status == cases[i].status, "case %zu: %d", i, status);
        ck_assert_msg(log_has(cases[i].words), "case %zu", i);
    }
}
END_TEST

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: archiver_test WEFT-ARCHIVER\n");
        return 2;
    }
    program = argv[1];
    Suite *suite = suite_create("archiver");
    TCase *life = tcase_create("life"), *death = tcase_create("death");
    tcase_add_unchecked_fixture(life, help_servers_start_bare, help_servers_stop);
    tcase_add_checked_fixture(life, setup, teardown);
    tcase_set_timeout(life, 120);
    tcase_add_test(life, all_that_is_appended_is_archived);
    tcase_add_test(life, marks_without_a_head_are_taken_away);
    tcase_add_test(life, a_damaged_beginning_is_kept);
    tcase_add_test(life, a_damaged_tail_is_kept);
    tcase_add_test(life, another_history_beside_what_is_archived_is_set_back);
    tcase_add_test(life, a_killed_one_is_continued);
    tcase_add_test(life, two_at_once_are_harmless);
    tcase_add_test(life, a_drain_is_bounded);
    tcase_add_test(life, a_redis_that_does_not_give_the_level_is_refused);
    tcase_add_test(life, what_cannot_be_is_refused_in_words);
    suite_add_tcase(suite, life);
    /* These kill servers, so the servers are their own. */
    tcase_add_checked_fixture(death, help_servers_start_bare, help_servers_stop);
    tcase_add_checked_fixture(death, setup, teardown);
    tcase_set_timeout(death, 120);
    tcase_add_test(death, postgres_and_redis_restart);
    tcase_add_test(death, it_waits_for_postgres_and_brings_the_schema_up);
    tcase_add_test(death, asked_to_stop_while_it_waits_it_stops);
    suite_add_tcase(suite, death);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
