/* A process with the smallest service there is: asked over its admin port, ended by signals. */
#include <arpa/inet.h>
#include <check.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ev_address.h"
#include "ev_timer.h"
#include "shell.h"
#include "shell_metrics.h"

struct test_config {
    struct shell_options shell;
    bool never_ready;
    bool never_ends;
};

static const struct conf_option options[] = {
    SHELL_OPTIONS(struct test_config, shell),
    CONF_BOOL(struct test_config, never_ready, "never-ready", "false", "Answers 503."),
    CONF_BOOL(struct test_config, never_ends, "never-ends", "false", "A stop that takes for ever."),
};
static const struct conf_spec spec = {.program = "weft-test",
                                      .version = "1",
                                      .summary = "A test.",
                                      .section = "test",
                                      .options = options,
                                      .count = sizeof options / sizeof *options};

struct service {
    struct shell shell;
    struct test_config config;
};

static void on_stop(void *arg)
{
    struct service *s = arg;
    if (!s->config.never_ends)
        shell_stop(&s->shell);
}

static bool ready(void *arg, struct bytes *words)
{
    struct service *s = arg;
    if (s->config.never_ready)
        bytes_append_str(words, "redis is down");
    return !s->config.never_ready;
}

static void metrics(void *arg, struct bytes *out)
{
    bytes_append_str(out, "# HELP weft_test_view The view.\n# TYPE weft_test_view gauge\n"
                          "weft_test_view 3\n");
}

static int command(void *arg, const char *path, struct slice body, struct bytes *words)
{
    if (strcmp(path, "/echo") != 0)
        return 404;
    bytes_append_slice(words, body);
    return 409;
}

static const struct shell_service service = {
    .name = "test", .on_stop = on_stop, .ready = ready, .metrics = metrics, .command = command};

static int run(int argc, char **argv)
{
    struct service s = {0};
    int status;
    if (shell_configure(&spec, argc, argv, &s.config, &status))
        return status;
    bool started = shell_start(&s.shell, &service, &s.config.shell, &s);
    if (started)
        shell_run(&s.shell);
    shell_end(&s.shell);
    conf_fini(&spec, &s.config);
    return started ? 0 : 1;
}

/* ---- the other side ---- */

static char dir[64], file[96], output[96], said[4096];
static pid_t child;
static int watch; /* of dir */

static void start(const char *extra)
{
    static char name[] = "weft-test", id[] = "--id=t1", admin_file[] = "--admin-file", more[64];
    char *argv[] = {name, id, admin_file, file, extra ? more : NULL, NULL};
    snprintf(more, sizeof more, "%s", extra ? extra : "");
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        if (!freopen(output, "w", stderr) || !freopen(output, "a", stdout))
            _exit(99);
        exit(run(extra ? 5 : 4, argv));
    }
}

static int await_end(void)
{
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status), "ended by signal %d", WTERMSIG(status));
    FILE *f = fopen(output, "r");
    said[fread(said, 1, sizeof said - 1, f)] = 0;
    fclose(f);
    return WEXITSTATUS(status);
}

/* The admin file appears whole, by a rename, so waiting for it is waiting for the port. */
static void read_address(char text[static EV_ADDRESS_TEXT_MAX])
{
    struct pollfd wait = {.fd = watch, .events = POLLIN};
    FILE *f;
    while (!(f = fopen(file, "r")))
        ck_assert_msg(poll(&wait, 1, 10000) == 1, "no admin file");
    ck_assert_int_eq(fscanf(f, "%127s", text), 1);
    fclose(f);
}

static const char *ask(const char *request)
{
    static char reply[65536];
    char text[EV_ADDRESS_TEXT_MAX];
    ssize_t size = (ssize_t)strlen(request);
    struct ev_address address;
    read_address(text);
    ck_assert(ev_address_parse(text, &address));
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(fd, &address.sa, address.size), 0);
    ck_assert_int_eq(write(fd, request, (size_t)size), size);
    size_t got = 0;
    for (ssize_t n; (n = read(fd, reply + got, sizeof reply - 1 - got)) > 0;)
        got += (size_t)n;
    reply[got] = 0;
    close(fd);
    return reply;
}

static const char *get(const char *path)
{
    char request[200];
    snprintf(request, sizeof request, "GET %s HTTP/1.0\r\n\r\n", path);
    return ask(request);
}

static void setup(void)
{
    strcpy(dir, "/tmp/weft-shell-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    watch = inotify_init();
    ck_assert_int_ge(inotify_add_watch(watch, dir, IN_MOVED_TO), 0);
    snprintf(file, sizeof file, "%s/admin", dir);
    snprintf(output, sizeof output, "%s/output", dir);
}

static void teardown(void)
{
    close(watch);
    unlink(output);
    ck_assert_msg(rmdir(dir) == 0, "something is left in %s", dir);
}

START_TEST(it_answers_and_ends)
{
    start(NULL);
    ck_assert_ptr_nonnull(strstr(get("/healthz"), "200 OK"));
    ck_assert_ptr_nonnull(strstr(get("/readyz"), "200 OK"));
    const char *page = get("/metrics");
    ck_assert_ptr_nonnull(strstr(page, "# TYPE process_cpu_seconds_total counter\n"));
    ck_assert_ptr_nonnull(strstr(page, "weft_loop_turn_seconds_bucket{le=\"0.000064\"} "));
    ck_assert_ptr_nonnull(strstr(page, "weft_test_view 3\n"));
    ck_assert_ptr_nonnull(strstr(page, "\nprocess_resident_memory_bytes "));
    ck_assert_ptr_nonnull(strstr(get("/secret"), "404 Not Found"));
    ck_assert_ptr_nonnull(strstr(get("/dashboard"), "<title>Weft</title>"));
    /* The file of its own address is the only one there. */
    ck_assert_ptr_nonnull(strstr(get("/dashboard/services"),
                                 "\r\n\r\n[{\"name\":\"admin\",\"address\":\"127.0.0.1:"));
    ck_assert_ptr_nonnull(strstr(get("/dashboard/view"), "404 Not Found")); /* it follows none */
    ck_assert_ptr_nonnull(strstr(get("/echo"), "404 Not Found"));
    const char *reply = ask("POST /echo HTTP/1.0\r\nContent-Length: 2\r\n\r\nid");
    ck_assert_ptr_nonnull(strstr(reply, " 409 "));
    ck_assert_ptr_nonnull(strstr(reply, "\r\n\r\nid"));
    reply = ask("POST /stop HTTP/1.0\r\nContent-Length: 0\r\n\r\n");
    ck_assert_ptr_nonnull(strstr(reply, "404 Not Found"));
    ck_assert_ptr_nonnull(strstr(reply, "there is no such command"));
    kill(child, SIGTERM);
    ck_assert_int_eq(await_end(), 0);
    ck_assert_ptr_nonnull(strstr(said, " info stopping service=test "));
}
END_TEST

START_TEST(not_ready_says_why)
{
    start("--never-ready");
    ck_assert_ptr_nonnull(strstr(get("/readyz"), "503 "));
    ck_assert_ptr_nonnull(strstr(get("/readyz"), "redis is down\n"));
    kill(child, SIGINT);
    ck_assert_int_eq(await_end(), 0);
}
END_TEST

START_TEST(a_second_signal_ends_at_once)
{
    start("--never-ends");
    ck_assert_ptr_nonnull(strstr(get("/readyz"), "200 OK"));
    kill(child, SIGTERM);
    while (!strstr(get("/readyz"), "stopping\n"))
        ;
    kill(child, SIGTERM);
    ck_assert_int_eq(await_end(), 0);
    ck_assert_ptr_nonnull(strstr(said, "warn stop-now"));
}
END_TEST

START_TEST(what_cannot_start_says_so)
{
    static const struct {
        const char *option;
        int status;
        const char *words;
    } cases[] = {
        {"--admin=0.0.0.0:0", 1, "--admin must be a loopback address"},
        {"--admin=localhost:0", 1, "--admin is not ADDRESS:PORT in numbers"},
        {"--admin-file=/nowhere/admin", 1, "cannot be written: No such file"},
        {"--durability=hope", 2, "durability"},
        {"--colour=red", 2, "colour"},
        {"operand", 2, "unexpected argument operand"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        start(cases[i].option);
        ck_assert_int_eq(await_end(), cases[i].status);
        ck_assert_msg(strstr(said, cases[i].words), "%s", said);
    }
    start("--help");
    ck_assert_int_eq(await_end(), 0);
    ck_assert_ptr_nonnull(strstr(said, "--durability"));
}
END_TEST

START_TEST(the_table_is_sound)
{
    size_t row;
    const char *wrong = conf_spec_check(&spec, &row);
    ck_assert_msg(!wrong, "%s: %s", options[wrong ? row : 0].name, wrong);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("shell");
    TCase *c = tcase_create("process");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, it_answers_and_ends);
    tcase_add_test(c, not_ready_says_why);
    tcase_add_test(c, a_second_signal_ends_at_once);
    tcase_add_test(c, what_cannot_start_says_so);
    tcase_add_test(c, the_table_is_sound);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
