#include "support_process.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "must.h"
#include "support_time.h"

#define ARGS_MAX 64
#define LOG_MAX (1 << 20)
#define POLL_MS 5

struct support_process {
    pid_t pid;  /* 0: ended and waited for */
    int status; /* once it has */
    char log_path[160];
    char log[LOG_MAX];
};

/* --- directories --- */

const char *support_dir_make(void)
{
    static char dir[64];

    snprintf(dir, sizeof dir, "/tmp/weft-test-dir-XXXXXX");
    MUST(mkdtemp(dir));
    return dir;
}

void support_dir_remove(const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *entry;

    MUST(d);
    while ((entry = readdir(d)))
        (void)unlinkat(dirfd(d), entry->d_name, 0);
    closedir(d);
    MUST(rmdir(dir) == 0);
}

const char *support_file_wait(const char *path, int wait_ms)
{
    static char line[256];
    int64_t end = support_now_ms() + wait_ms;
    FILE *file;

    while (!(file = fopen(path, "r"))) {
        if (support_now_ms() > end) {
            fprintf(stderr, "%s does not come\n", path);
            abort();
        }
        support_pause_ms(POLL_MS);
    }
    if (!fgets(line, sizeof line, file))
        line[0] = 0;
    fclose(file);
    line[strcspn(line, "\n")] = 0;
    return line;
}

/* --- processes --- */

static void child_run(const char *program, const char *log_path, const char *const *args,
                      pid_t parent)
{
    char *argv[ARGS_MAX] = {(char *)program};
    int null = open("/dev/null", O_RDONLY);
    int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND, 0600);

    for (int i = 0; args[i]; i++)
        argv[i + 1] = (char *)args[i];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || null < 0 || log < 0 || dup2(null, 0) < 0 || dup2(log, 1) < 0 ||
        dup2(log, 2) < 0)
        _exit(127);
    execv(program, argv);
    _exit(127);
}

struct support_process *support_process_start(const char *program, const char *dir,
                                              const char *name, const char *const *args)
{
    struct support_process *p = calloc(1, sizeof *p);
    pid_t parent = getpid();
    int count = 0;

    MUST(p);
    while (args[count])
        count++;
    MUST(count < ARGS_MAX - 1);
    snprintf(p->log_path, sizeof p->log_path, "%s/%s.log", dir, name);
    (void)remove(p->log_path);
    p->pid = fork();
    MUST(p->pid >= 0);
    if (p->pid == 0)
        child_run(program, p->log_path, args, parent);
    return p;
}

void support_process_signal(struct support_process *p, int number)
{
    if (p->pid)
        kill(p->pid, number);
}

bool support_process_lives(struct support_process *p)
{
    int status;

    if (!p->pid || waitpid(p->pid, &status, WNOHANG) != p->pid)
        return p->pid != 0;
    p->pid = 0;
    p->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return false;
}

int support_process_wait(struct support_process *p, int wait_ms)
{
    int64_t end = support_now_ms() + wait_ms;

    while (support_process_lives(p)) {
        if (support_now_ms() > end) {
            fprintf(stderr, "a process does not end; it said\n%s\n", support_process_log(p));
            abort();
        }
        support_pause_ms(POLL_MS);
    }
    return p->status;
}

const char *support_process_log(struct support_process *p)
{
    FILE *file = fopen(p->log_path, "r");
    size_t size = file ? fread(p->log, 1, LOG_MAX - 1, file) : 0;

    if (file)
        fclose(file);
    p->log[size] = 0;
    return p->log;
}

struct support_process *support_process_stop(struct support_process *p)
{
    int status;

    if (!p)
        return NULL;
    if (p->pid) {
        kill(p->pid, SIGKILL);
        waitpid(p->pid, &status, 0);
    }
    free(p);
    return NULL;
}
