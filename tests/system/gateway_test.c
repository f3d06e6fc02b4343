/*
 * weft-gateway as a process, with a real Redis: what clients on raw sockets, an operator and a
 * signal get. The last tests have a worker and PostgreSQL too. Each test's gateway must end with
 * status 0, which in the sanitizer build also says that nothing is left.
 *
 *     gateway_test GATEWAY WORKER
 */
#include <check.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "rng.h"
#include "support_client.h"
#include "support_migrate.h"
#include "support_process.h"
#include "support_server.h"

static const char *gateway_program, *worker_program;
static struct support_server *redis;
static char dir[64];
static struct support_process *gateway;
static struct ev_address listen_at, admin_at;
static struct support_client a, b;

static void pump(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    poll(&p, 1, 10);
}

/* --- the process --- */

static struct support_process *gateway_start(const char *listen, const char *const *more)
{
    char link[128], admin_file[128];
    const char *args[40] = {"--id",         "g1",           "--listen",
                            listen,         "--redis",      support_server_address(redis),
                            "--link",       link,           "--admin",
                            "127.0.0.1:0",  "--admin-file", admin_file,
                            "--durability", "fsync"};
    size_t count = 14;

    snprintf(link, sizeof link, "ipc://%s/g1.link", dir);
    snprintf(admin_file, sizeof admin_file, "%s/g1.admin", dir);
    while (more && *more)
        args[count++] = *more++;
    return support_process_start(gateway_program, dir, "gateway", args);
}

/* The value behind `key` in what the gateway has said, once it has. */
static void said(const char *key, char *ret, size_t size)
{
    int64_t end = support_now_ms() + SUPPORT_WAIT_MS;
    const char *at;

    while (!(at = strstr(support_process_log(gateway), key))) {
        ck_assert_msg(support_process_lives(gateway) && support_now_ms() < end,
                      "no %s; it said\n%s", key, support_process_log(gateway));
        pump(-1);
    }
    at += strlen(key);
    snprintf(ret, size, "%.*s", (int)strcspn(at, " \n"), at);
}

static void start(const char *const *more)
{
    char text[128];

    gateway = gateway_start("127.0.0.1:0", more);
    said(" address=", text, sizeof text);
    ck_assert(ev_address_parse(text, &admin_at));
    said(" listen=", text, sizeof text);
    ck_assert(ev_address_parse(text, &listen_at));
}

static void setup(void)
{
    redis = support_redis_start(NULL);
    snprintf(dir, sizeof dir, "%s", support_dir_make());
    start(NULL);
}

static void stopped_well(void)
{
    support_process_signal(gateway, SIGTERM);
    int status = support_process_wait(gateway, SUPPORT_WAIT_MS);
    ck_assert_msg(status == 0, "status %d; it said\n%s", status, support_process_log(gateway));
    gateway = support_process_stop(gateway);
}

static void teardown(void)
{
    if (gateway)
        stopped_well();
    support_dir_remove(dir);
    redis = support_server_stop(redis);
}

/* --- helpers --- */

static void welcome(struct support_client *c, enum ws_protocol protocol)
{
    support_client_connect(c, &listen_at, pump);
    support_client_upgrade(c, protocol);
    support_client_hello(c);
}

static void ping(struct support_client *c)
{
    struct wire_client_frame frame = {.type = WIRE_UP_PING, .ping_nonce = 41};

    support_client_up(c, &frame);
    if (c->protocol == WS_PROTOCOL_JSON)
        support_client_expect_json(c, "{\"type\":\"pong\",\"nonce\":41,");
    else
        support_client_expect(c, WIRE_DOWN_PONG);
}

/* An answer of the admin port; lent until the next call. */
static const char *admin(const char *path)
{
    static char text[256 << 10];
    struct support_client c;

    support_client_connect(&c, &admin_at, pump);
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path);
    support_client_send_str(&c, text);
    snprintf(text, sizeof text, "%s", support_client_read_text(&c, NULL));
    support_client_close(&c);
    return text;
}

static long metric(const char *name)
{
    char line[128];

    snprintf(line, sizeof line, "\n%s ", name);
    const char *at = strstr(admin("/metrics"), line);
    ck_assert_msg(at, "no metric %s", name);
    return atol(at + strlen(line));
}

/* Until the admin port's answer to `path` holds `part`. */
static void admin_says(const char *path, const char *part)
{
    int64_t end = support_now_ms() + SUPPORT_WAIT_MS;

    while (!strstr(admin(path), part)) {
        ck_assert_msg(support_now_ms() < end, "%s does not say %s but\n%s", path, part,
                      admin(path));
        pump(-1);
    }
}

/* --- start and stop --- */

static void refused(const char *listen, const char *const *more, int status, const char *words)
{
    struct support_process *p = gateway_start(listen, more);

    ck_assert_int_eq(support_process_wait(p, SUPPORT_WAIT_MS), status);
    ck_assert_msg(strstr(support_process_log(p), words), "it does not say \"%s\" but\n%s", words,
                  support_process_log(p));
    support_process_stop(p);
}

START_TEST(test_start_refused)
{
    char taken[EV_ADDRESS_TEXT_MAX], link[128];

    refused("0.0.0.0:0", NULL, 1, "--insecure-public");
    refused("localhost:80", NULL, 1, "--listen is not ADDRESS:PORT");
    refused("127.0.0.1:0", (const char *[]){"--id", "a b", NULL}, 1, "--id may have");
    refused("127.0.0.1:0", (const char *[]){"--connections-max", "0", NULL}, 2, "connections-max");
    refused("127.0.0.1:0", (const char *[]){"--redis", "nowhere", NULL}, 1, "redis");
    refused("127.0.0.1:0", (const char *[]){"--link", "ipc:///tmp/x.link", NULL}, 1, "/tmp");
    ev_address_format(&admin_at, taken); /* held, and not for sharing */
    snprintf(link, sizeof link, "ipc://%s/other.link", dir);
    refused(taken, (const char *[]){"--link", link, NULL}, 1, "cannot listen there");
    refused("127.0.0.1:0", (const char *[]){"--help", NULL}, 0, "--frames-per-second");
}
END_TEST

START_TEST(test_public)
{
    stopped_well();
    start((const char *[]){"--listen", "0.0.0.0:0", "--insecure-public", NULL});
}
END_TEST

START_TEST(test_admin)
{
    ck_assert(strstr(admin("/healthz"), "200 OK"));
    admin_says("/readyz", "no worker in the view yet");
    ck_assert(strstr(admin("/readyz"), " 503 "));
    welcome(&a, WS_PROTOCOL_PROTO);
    ck_assert_int_eq(metric("weft_gateway_open_connections"), 1);
    ck_assert_int_eq(metric("weft_gateway_frames_in_total"), 1);
    support_client_close(&a);
    admin_says("/metrics", "\nweft_gateway_open_connections 0\n");
}
END_TEST

/* Each family is described once, and no series comes twice. */
START_TEST(test_metrics_page)
{
    char *page = strdup(admin("/metrics")), *save = NULL;
    static char *lines[4000];
    size_t count = 0;

    for (char *line = strtok_r(strstr(page, "\r\n\r\n"), "\r\n", &save); line;
         line = strtok_r(NULL, "\r\n", &save)) {
        ck_assert_uint_lt(count, 4000);
        if (line[0] != '#')
            *strrchr(line, ' ') = 0;
        else if (strncmp(line, "# TYPE ", 7) != 0)
            continue;
        for (size_t i = 0; i < count; i++)
            ck_assert_msg(strcmp(lines[i], line) != 0, "twice: %s", line);
        lines[count++] = line;
    }
    ck_assert_uint_gt(count, 100);
    free(page);
}
END_TEST

START_TEST(test_member)
{
    int64_t end = support_now_ms() + SUPPORT_WAIT_MS;

    while (!strstr(support_redis_cli(redis, "--raw hgetall weft:gateways"), "m:g1"))
        ck_assert_msg(support_now_ms() < end, "the gateway is no member");
    ck_assert(strstr(support_redis_cli(redis, "--raw hget weft:gateways m:g1"), " live "));
    stopped_well();
    ck_assert(!strstr(support_redis_cli(redis, "--raw hgetall weft:gateways"), "m:g1"));
}
END_TEST

START_TEST(test_drain)
{
    stopped_well();
    start((const char *[]){"--drain", "300ms", "--drain-to", "ws://127.0.0.1:1/,ws://127.0.0.1:2/",
                           NULL});
    welcome(&a, WS_PROTOCOL_PROTO);
    welcome(&b, WS_PROTOCOL_JSON);
    support_process_signal(gateway, SIGTERM);
    struct wire_server_frame drain = support_client_expect(&a, WIRE_DOWN_DRAIN);
    ck_assert_uint_eq(drain.drain.count, 2);
    ck_assert(slice_equal(drain.drain.addresses[1], slice_str("ws://127.0.0.1:2/")));
    ck_assert(strstr(admin("/readyz"), "stopping"));
    support_client_expect_json(&b, "\"addresses\":[\"ws://127.0.0.1:1/\",\"ws://127.0.0.1:2/\"]");
    ping(&a);
    support_client_close(&a);
    support_client_expect_error(&b, WIRE_E_DRAINING, 1012);
    support_client_close(&b);
    ck_assert_int_eq(support_process_wait(gateway, SUPPORT_WAIT_MS), 0);
    gateway = support_process_stop(gateway);
}
END_TEST

/* Who does not go is not waited for beyond the window and its grace. */
START_TEST(test_drain_cut)
{
    stopped_well();
    start((const char *[]){"--drain", "100ms", NULL});
    welcome(&a, WS_PROTOCOL_PROTO);
    support_process_signal(gateway, SIGTERM);
    int64_t begin = support_now_ms();
    ck_assert_int_eq(support_process_wait(gateway, SUPPORT_WAIT_MS), 0);
    ck_assert_int_ge(support_now_ms() - begin, 2000);
    gateway = support_process_stop(gateway);
    support_client_close(&a);
}
END_TEST

/* Asked twice it does not wait for anybody. */
START_TEST(test_stop_twice)
{
    stopped_well();
    start((const char *[]){"--drain", "1h", NULL});
    welcome(&a, WS_PROTOCOL_PROTO);
    support_process_signal(gateway, SIGTERM);
    admin_says("/readyz", "stopping");
    support_process_signal(gateway, SIGINT);
    ck_assert_int_eq(support_process_wait(gateway, SUPPORT_WAIT_MS), 0);
    gateway = support_process_stop(gateway);
    support_client_close(&a);
}
END_TEST

/* --- clients --- */

START_TEST(test_both_protocols)
{
    welcome(&a, WS_PROTOCOL_PROTO);
    welcome(&b, WS_PROTOCOL_JSON);
    ping(&a);
    ping(&b);
    support_client_ws(&b, WS_TEXT, true, slice_str("{\"type\":\"open\",\"doc\":\"\"}"));
    support_client_expect_json(&b, "\"name\":\"bad-doc-id\"");
    support_client_ws(&b, WS_TEXT, true, slice_str("{\"type\":\"close\",\"doc\":\"d\"}"));
    support_client_expect_json(&b, "\"name\":\"not-open\"");
    support_client_ws(&b, WS_TEXT, true, slice_str("{\"type\":\"ping\"} x"));
    support_client_expect_error(&b, WIRE_E_BAD_JSON, 1007);
    ping(&a);
    support_client_close(&a);
    support_client_close(&b);
}
END_TEST

/* One of the ways in which clients come and go. */
static void come_and_go(struct rng *rng, struct support_client *c, unsigned i)
{
    uint8_t noise[64];

    support_client_connect(c, &listen_at, pump);
    if (i % 7 == 0)
        return;
    support_client_upgrade(c, i % 2 ? WS_PROTOCOL_PROTO : WS_PROTOCOL_JSON);
    if (i % 5 == 0)
        return;
    support_client_hello(c);
    if (i % 3)
        return;
    for (size_t k = 0; k < sizeof noise; k++)
        noise[k] = (uint8_t)rng_u64(rng);
    support_client_send(c, slice_of(noise, rng_below(rng, sizeof noise)));
}

/* Many at once, of which half stay until the end: nothing is left then (teardown). */
START_TEST(test_thousand)
{
    static struct support_client clients[1000];
    uint64_t seed = (uint64_t)support_now_ms();
    struct rng rng;

    printf("seed %lu\n", (unsigned long)seed);
    rng_init(&rng, seed);
    welcome(&a, WS_PROTOCOL_PROTO);
    for (unsigned i = 0; i < 1000; i++) {
        come_and_go(&rng, &clients[i], i);
        if (i >= 500)
            support_client_close(&clients[i - 500]);
    }
    ping(&a);
    support_process_signal(gateway, SIGTERM);
    admin_says("/readyz", "stopping");
    support_process_signal(gateway, SIGTERM);
    int status = support_process_wait(gateway, SUPPORT_WAIT_MS);
    ck_assert_msg(status == 0, "status %d; it said\n%s", status, support_process_log(gateway));
    gateway = support_process_stop(gateway);
    for (unsigned i = 500; i < 1000; i++)
        support_client_close(&clients[i]);
    support_client_close(&a);
}
END_TEST

/* Without Redis the gateway is not ready, and holds its clients all the same. */
START_TEST(test_redis_gone)
{
    welcome(&a, WS_PROTOCOL_PROTO);
    support_server_kill(redis);
    admin_says("/readyz", "redis is down");
    ping(&a);
    support_server_again(redis);
    admin_says("/readyz", "no worker in the view yet");
    ping(&a);
    support_client_close(&a);
}
END_TEST

/* --- with a worker --- */

static struct support_server *pg;
static struct support_process *worker;
static uint64_t rev;  /* what client b holds of document d */
static char hash[33]; /* likewise */

static void conninfo_make(char *ret, size_t size)
{
    snprintf(ret, size, "host=%s user=postgres dbname=postgres", support_server_address(pg));
}

static void worker_start(void)
{
    char link[128], conninfo[160];
    const char *args[] = {"--id",       "w1",     "--redis", support_server_address(redis),
                          "--link",     link,     "--admin", "127.0.0.1:0",
                          "--postgres", conninfo, NULL};

    snprintf(link, sizeof link, "ipc://%s/w1.link", dir);
    conninfo_make(conninfo, sizeof conninfo);
    worker = support_process_start(worker_program, dir, "worker", args);
}

/* b creates document d, as JSON; a opens it to read. */
static void document_open(void)
{
    struct wire_client_frame open = {.type = WIRE_UP_OPEN, .open = {.doc = slice_str("d")}};
    struct slice opened;
    char text[300];

    welcome(&a, WS_PROTOCOL_PROTO);
    welcome(&b, WS_PROTOCOL_JSON);
    snprintf(text, sizeof text,
             "{\"type\":\"open\",\"doc\":\"d\",\"session\":\"%012lx00112233445566778899\","
             "\"create\":{\"kind\":\"text\",\"content\":[]}}",
             (unsigned long)time(NULL) * 1000);
    support_client_ws(&b, WS_TEXT, true, slice_str(text));
    ck_assert_int_eq(support_client_next(&b, &opened), SUPPORT_DATA);
    snprintf(text, sizeof text, "%.*s", (int)opened.size, (const char *)opened.data);
    const char *at = strstr(text, "\"outcome\":\"up-to-date\",\"position\":{\"rev\":1,\"hash\":\"");
    ck_assert_msg(at, "not created: %s", text);
    snprintf(hash, sizeof hash, "%s", strstr(at, "\"hash\":\"") + 8);
    rev = 1;
    support_client_up(&a, &open);
    ck_assert_int_eq(support_client_expect(&a, WIRE_DOWN_OPENED).opened.outcome,
                     WIRE_OPENED_SNAPSHOT);
}

static void worker_setup(void)
{
    char conninfo[160];

    setup();
    stopped_well();
    start((const char *[]){"--out-max", "64KiB", NULL});
    pg = support_pg_start();
    conninfo_make(conninfo, sizeof conninfo);
    support_migrate_well(conninfo);
    worker_start();
    admin_says("/readyz", "200 OK");
    document_open();
}

static void worker_teardown(void)
{
    support_client_close(&a);
    support_client_close(&b);
    worker = support_process_stop(worker);
    pg = support_server_stop(pg);
    teardown();
}

/* b types `size` characters, its op number rev, and waits for the ack. */
static void type(size_t size)
{
    struct bytes text = BYTES_INIT;
    struct slice entry;

    bytes_printf(&text,
                 "{\"type\":\"submit\",\"doc\":\"d\",\"seq\":%lu,\"base\":{\"rev\":%lu,"
                 "\"hash\":\"%s\"},\"op\":[{\"insert\":\"",
                 (unsigned long)rev, (unsigned long)rev, hash);
    for (size_t i = 0; i < size; i++)
        bytes_append_u8(&text, 'x');
    bytes_append_str(&text, "\"}]}");
    support_client_ws(&b, WS_TEXT, true, bytes_slice(&text));
    bytes_fini(&text);
    ck_assert_int_eq(support_client_next(&b, &entry), SUPPORT_DATA);
    const char *after = memmem(entry.data, entry.size, "\"hash_after\":\"", 14);
    ck_assert_msg(after, "no entry: %.*s", (int)entry.size, (const char *)entry.data);
    memcpy(hash, after + 14, 32);
    rev++;
}

START_TEST(test_edit_reaches_all)
{
    for (int i = 0; i < 3; i++) {
        type(1);
        ck_assert_uint_eq(support_client_expect(&a, WIRE_DOWN_ENTRY).entry.last_rev, rev);
    }
}
END_TEST

/* Another run of the worker takes over; the clients notice nothing but a wait. */
START_TEST(test_worker_killed)
{
    type(1);
    support_process_signal(worker, SIGKILL);
    ck_assert_int_eq(support_process_wait(worker, SUPPORT_WAIT_MS), 128 + SIGKILL);
    support_process_stop(worker);
    worker_start();
    type(1);
    for (uint64_t seen = 2; seen <= rev; seen++)
        ck_assert_uint_eq(support_client_expect(&a, WIRE_DOWN_ENTRY).entry.last_rev, seen);
    ck_assert_int_ge(metric("weft_gateway_worker_lost_total"), 1);
}
END_TEST

/* What a reader that reads late gets: entries up to a point, then the rest in one piece. */
START_TEST(test_slow_reader)
{
    struct slice message;
    struct wire_server_frame frame;
    uint64_t seen = 1;
    unsigned frames = 0;

    for (int i = 0; i < 60; i++)
        type(16 << 10);
    ck_assert_int_ge(metric("weft_gateway_lagging_total"), 1);
    while (seen < rev) {
        ck_assert_int_eq(support_client_next(&a, &message), SUPPORT_DATA);
        ck_assert_int_eq(wire_server_frame_take(&a.mem, &message, &frame), 0);
        if (frame.type == WIRE_DOWN_CHUNK)
            continue;
        frames++;
        if (frame.type == WIRE_DOWN_ENTRY) {
            ck_assert_uint_eq(frame.entry.first_rev, seen + 1);
            seen = frame.entry.last_rev;
        } else {
            ck_assert_int_eq(frame.type, WIRE_DOWN_OPENED);
            ck_assert_int_eq(frame.opened.outcome, WIRE_OPENED_OPS);
            seen = frame.opened.position.rev;
        }
    }
    ck_assert_uint_lt(frames, 60);
    ck_assert_int_eq(metric("weft_gateway_client_errors_total{error=\"slow-reader\"}"), 0);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *s = suite_create("gateway process");
    TCase *t = tcase_create("all");

    if (argc != 3)
        return 2;
    gateway_program = argv[1];
    worker_program = argv[2];
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, test_start_refused);
    tcase_add_test(t, test_public);
    tcase_add_test(t, test_admin);
    tcase_add_test(t, test_metrics_page);
    tcase_add_test(t, test_member);
    tcase_add_test(t, test_drain);
    tcase_add_test(t, test_drain_cut);
    tcase_add_test(t, test_stop_twice);
    tcase_add_test(t, test_both_protocols);
    tcase_add_test(t, test_thousand);
    tcase_add_test(t, test_redis_gone);
    suite_add_tcase(s, t);
    t = tcase_create("with a worker");
    tcase_add_checked_fixture(t, worker_setup, worker_teardown);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, test_edit_reaches_all);
    tcase_add_test(t, test_worker_killed);
    tcase_add_test(t, test_slow_reader);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
