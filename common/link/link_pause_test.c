/*
 * A link to a process that does not run for a while: what its backlog holds meanwhile, and that its
 * inbox hears afterwards. The other process is a real one, started before nng has threads here.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "link_end_test.h"

enum { OURS = 101, THEIRS = 102 };

static pid_t child;
static char child_address[128];

/* An end that answers whoever calls it, until it is killed. */
static void child_run(void)
{
    struct end b;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    loop = ev_loop_new(NULL);
    end_start(&b, "b", THEIRS);
    b.gap_allowed = true;
    for (;;)
        ev_loop_step(loop, 100);
}

static void setup(void)
{
    strcpy(directory, "/tmp/weft-link-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(child_address, sizeof child_address, "ipc://%s/b", directory);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        child_run();
    loop = ev_loop_new(NULL);
    ck_assert_ptr_nonnull(loop);
}

static void teardown(void)
{
    ck_assert_int_eq(kill(child, SIGKILL), 0);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    loop = ev_loop_free(loop);
    ck_assert_int_eq(unlink(child_address + strlen("ipc://")), 0);
    ck_assert_int_eq(rmdir(directory), 0);
}

static void child_pause(void)
{
    int status;

    ck_assert_int_eq(kill(child, SIGSTOP), 0);
    ck_assert_int_eq(waitpid(child, &status, WUNTRACED), child);
    ck_assert(WIFSTOPPED(status));
}

static void child_resume(void)
{
    ck_assert_int_eq(kill(child, SIGCONT), 0);
}

/* The connection waits in the backlog. */
static int connect_raw(void)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strcpy(sa.sun_path, child_address + strlen("ipc://"));
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&sa, sizeof sa), 0);
    return fd;
}

/* Whoever hung up before it was accepted takes nobody else's way in. */
START_TEST(connections_that_ended_in_the_backlog_harm_nobody)
{
    struct end a;
    uint64_t boot_id = 200;

    end_start(&a, "first", boot_id);
    end_dial(&a, child_address, THEIRS);
    WAIT(link_peer_is_agreed(a.peer));
    end_close(&a);
    for (int count = 1; count <= 3; count++) {
        child_pause();
        for (int i = 0; i < count; i++)
            close(connect_raw());
        child_resume();
        end_start(&a, "again", ++boot_id);
        end_dial(&a, child_address, THEIRS);
        WAIT(link_peer_is_agreed(a.peer));
        end_close(&a);
    }
}
END_TEST

/* As a gateway does that gives up a silent worker and finds it again. */
START_TEST(a_way_closed_and_opened_while_the_peer_is_paused)
{
    struct end a, c;

    end_start(&a, "a", OURS);
    end_dial(&a, child_address, THEIRS);
    WAIT(link_peer_is_agreed(a.peer));
    child_pause();
    WAIT(a.silent == 1);
    a.peer = link_peer_close(a.peer);
    end_dial(&a, child_address, THEIRS);
    end_start(&c, "c", OURS + 100);
    end_dial(&c, child_address, THEIRS);
    end_close(&c);
    child_resume();
    WAIT(link_peer_is_agreed(a.peer));
    end_close(&a);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("link_pause");
    TCase *tcase = tcase_create("pause");
    SRunner *runner;

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 90);
    tcase_add_test(tcase, connections_that_ended_in_the_backlog_harm_nobody);
    tcase_add_test(tcase, a_way_closed_and_opened_while_the_peer_is_paused);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
