#include "support_server.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "must.h"
#include "support_time.h"

#define READY_MS_MAX 30000
#define POLL_MS 5
#define ARGS_MAX 48
#define CHILDREN_MAX 256
#define OUTPUT_MAX (1 << 20)

struct support_server {
    bool is_redis;
    pid_t pid;    /* 0: not running */
    char dir[64]; /* owned: removed by stop */
    char address[96];
    char bin[96]; /* directory of PostgreSQL's programs */
    uid_t uid;    /* whom it runs as */
    gid_t gid;
    char *args[ARGS_MAX]; /* owned; args[0] is the program */
    unsigned arg_count;
    char output[OUTPUT_MAX];
};

static void add_arg(struct support_server *s, const char *format, ...)
{
    va_list list;
    MUST(s->arg_count < ARGS_MAX - 1);
    va_start(list, format);
    MUST(vasprintf(&s->args[s->arg_count++], format, list) >= 0);
    va_end(list);
}

static struct support_server *server_new(const char *kind)
{
    struct support_server *s = calloc(1, sizeof *s);
    MUST(s);
    snprintf(s->dir, sizeof s->dir, "/tmp/weft-test-%s-XXXXXX", kind);
    MUST(mkdtemp(s->dir));
    s->uid = geteuid();
    s->gid = getegid();
    return s;
}

static void child_run(const struct support_server *s, pid_t parent)
{
    char log[96];
    snprintf(log, sizeof log, "%s/log", s->dir);
    if (s->uid != geteuid() && (setgid(s->gid) != 0 || setuid(s->uid) != 0))
        _exit(127);
    /* After the change of user, which clears it. SIGQUIT: PostgreSQL ends its children too. */
    prctl(PR_SET_PDEATHSIG, s->is_redis ? SIGKILL : SIGQUIT);
    if (getppid() != parent)
        _exit(127);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0 || setpgid(0, 0) != 0)
        _exit(127);
    execvp(s->args[0], s->args);
    _exit(127);
}

static void spawn(struct support_server *s)
{
    pid_t parent = getpid();
    MUST(s->pid == 0);
    s->pid = fork();
    MUST(s->pid >= 0);
    if (s->pid == 0)
        child_run(s, parent);
}

static const char *run(struct support_server *s, const char *command)
{
    FILE *f = popen(command, "r");
    MUST(f);
    size_t size = fread(s->output, 1, OUTPUT_MAX - 1, f);
    pclose(f);
    while (size && s->output[size - 1] == '\n')
        size--;
    s->output[size] = 0;
    return s->output;
}

static const char *redis_socket(const struct support_server *s)
{
    return s->address + strlen("unix:");
}

static bool redis_answers(struct support_server *s)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    char answer[8] = "";
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    MUST(fd >= 0);
    snprintf(to.sun_path, sizeof to.sun_path, "%s", redis_socket(s));
    bool up = connect(fd, (struct sockaddr *)&to, sizeof to) == 0 &&
              write(fd, "PING\r\n", 6) == 6 && read(fd, answer, 5) == 5 &&
              memcmp(answer, "+PONG", 5) == 0;
    close(fd);
    return up;
}

static bool pg_answers(struct support_server *s)
{
    return strcmp(support_pg_sql(s, "select 1"), "1") == 0;
}

static void wait_ready(struct support_server *s)
{
    int64_t end = support_now_ms() + READY_MS_MAX;
    while (!(s->is_redis ? redis_answers(s) : pg_answers(s))) {
        int status;
        if (support_now_ms() > end || waitpid(s->pid, &status, WNOHANG) == s->pid) {
            fprintf(stderr, "the server in %s did not start; its log stands there\n", s->dir);
            abort();
        }
        support_pause_ms(s->is_redis ? POLL_MS : 10 * POLL_MS);
    }
}

struct support_server *support_redis_start(const char *const *options)
{
    static const char *const defaults[] = {
        "--port",       "0",   "--save",        "",       "--daemonize", "no",
        "--appendonly", "yes", "--appendfsync", "always", "--loglevel",  "warning",
    };
    struct support_server *s = server_new("redis");
    s->is_redis = true;
    snprintf(s->address, sizeof s->address, "unix:%s/s", s->dir);
    add_arg(s, "redis-server");
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
        add_arg(s, "%s", defaults[i]);
    add_arg(s, "--dir");
    add_arg(s, "%s", s->dir);
    add_arg(s, "--unixsocket");
    add_arg(s, "%s", redis_socket(s));
    for (; options && *options; options++)
        add_arg(s, "%s", *options);
    spawn(s);
    wait_ready(s);
    return s;
}

/* The newest installed version's programs; WEFT_PG_BIN overrides. */
static void find_pg(struct support_server *s)
{
    const char *given = getenv("WEFT_PG_BIN");
    glob_t found;
    if (given) {
        snprintf(s->bin, sizeof s->bin, "%s", given);
        return;
    }
    if (glob("/usr/lib/postgresql/*/bin", 0, NULL, &found) != 0 || !found.gl_pathc) {
        fprintf(stderr, "no PostgreSQL server is installed\n");
        abort();
    }
    snprintf(s->bin, sizeof s->bin, "%s", found.gl_pathv[found.gl_pathc - 1]);
    globfree(&found);
}

static void init_database(struct support_server *s)
{
    char command[512];
    const char *as = "";
    if (geteuid() == 0)
        as = "setpriv --reuid=postgres --regid=postgres --clear-groups ";
    snprintf(command, sizeof command,
             "cd / && %s%s/initdb -D %s/data -U postgres -A trust --no-sync -E UTF8 --locale=C "
             ">%s/initdb.log 2>&1",
             as, s->bin, s->dir, s->dir);
    if (system(command) != 0) {
        fprintf(stderr, "initdb failed; see %s/initdb.log\n", s->dir);
        abort();
    }
}

struct support_server *support_pg_start(void)
{
    struct support_server *s = server_new("pg");
    find_pg(s);
    snprintf(s->address, sizeof s->address, "%s", s->dir);
    if (geteuid() == 0) {
        const struct passwd *user = getpwnam("postgres"); /* PostgreSQL refuses to run as root */
        MUST(user);
        s->uid = user->pw_uid;
        s->gid = user->pw_gid;
        MUST(chown(s->dir, s->uid, s->gid) == 0);
    }
    init_database(s);
    add_arg(s, "%s/postgres", s->bin);
    add_arg(s, "-D");
    add_arg(s, "%s/data", s->dir);
    static const char *const settings[] = {
        "listen_addresses=",   "fsync=off",         "max_connections=40",
        "shared_buffers=16MB", "max_wal_size=64MB",
    };
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        add_arg(s, "-c");
        add_arg(s, "%s", settings[i]);
    }
    add_arg(s, "-c");
    add_arg(s, "unix_socket_directories=%s", s->dir);
    spawn(s);
    wait_ready(s);
    return s;
}

const char *support_server_address(const struct support_server *server)
{
    return server->address;
}

static pid_t parent_of(pid_t pid)
{
    char path[64], text[512] = "";
    int parent = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "r");
    if (!f)
        return 0; /* gone */
    size_t size = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[size] = 0;
    const char *rest = strrchr(text, ')'); /* the name before it may hold anything */
    return rest && sscanf(rest, ") %*c %d", &parent) == 1 ? parent : 0;
}

/* The server first, so that it makes no further children, then those it has (PostgreSQL's are each
   in a session of their own). */
static void signal_all(struct support_server *s, int signal_number)
{
    pid_t children[CHILDREN_MAX];
    unsigned count = 0;
    MUST(s->pid > 0);
    MUST(kill(s->pid, signal_number == SIGKILL ? SIGSTOP : signal_number) == 0);
    DIR *proc = opendir("/proc");
    MUST(proc);
    for (const struct dirent *entry; (entry = readdir(proc)) && count < CHILDREN_MAX;) {
        pid_t pid = (pid_t)atoi(entry->d_name);
        if (pid > 0 && parent_of(pid) == s->pid)
            children[count++] = pid;
    }
    closedir(proc);
    if (signal_number == SIGKILL)
        MUST(kill(s->pid, SIGKILL) == 0); /* a dead parent has no children */
    for (unsigned i = 0; i < count; i++)
        (void)kill(children[i], signal_number);
}

/* What is held open goes with the process: a postmaster that is started again refuses to while
   children of the old one live. */
static void wait_lock_free(const struct support_server *s)
{
    char command[160];
    int64_t end = support_now_ms() + READY_MS_MAX;
    snprintf(command, sizeof command, "ls -l /proc/[0-9]*/cwd 2>/dev/null | grep -q ' %s/'",
             s->dir);
    while (system(command) == 0 && support_now_ms() < end)
        support_pause_ms(10 * POLL_MS);
}

void support_server_kill(struct support_server *s)
{
    int status;
    if (s->is_redis)
        MUST(kill(s->pid, SIGKILL) == 0);
    else
        signal_all(s, SIGKILL);
    MUST(waitpid(s->pid, &status, 0) == s->pid);
    if (!s->is_redis)
        wait_lock_free(s);
    s->pid = 0;
}

void support_server_again(struct support_server *s)
{
    spawn(s);
    wait_ready(s);
}

void support_server_pause(struct support_server *s)
{
    signal_all(s, SIGSTOP);
}

void support_server_resume(struct support_server *s)
{
    signal_all(s, SIGCONT);
}

struct support_server *support_server_stop(struct support_server *s)
{
    char command[96];
    if (!s)
        return NULL;
    if (s->pid)
        support_server_kill(s);
    snprintf(command, sizeof command, "rm -rf %s", s->dir);
    MUST(system(command) == 0);
    for (unsigned i = 0; i < s->arg_count; i++)
        free(s->args[i]);
    free(s);
    return NULL;
}

int support_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    MUST(fd >= 0 && bind(fd, (struct sockaddr *)&at, size) == 0 &&
         getsockname(fd, (struct sockaddr *)&at, &size) == 0);
    close(fd);
    return ntohs(at.sin_port);
}

const char *support_redis_cli(struct support_server *s, const char *format, ...)
{
    char *arguments, *command;
    va_list list;
    va_start(list, format);
    MUST(vasprintf(&arguments, format, list) >= 0);
    va_end(list);
    MUST(asprintf(&command, "redis-cli -s %s %s 2>&1", redis_socket(s), arguments) >= 0);
    const char *output = run(s, command);
    free(arguments);
    free(command);
    return output;
}

const char *support_pg_sql(struct support_server *s, const char *format, ...)
{
    char *statement, *command;
    va_list list;
    va_start(list, format);
    MUST(vasprintf(&statement, format, list) >= 0);
    va_end(list);
    MUST(!strchr(statement, '"'));
    MUST(asprintf(&command, "%s/psql -h %s -U postgres -XAtqc \"%s\" 2>&1", s->bin, s->dir,
                  statement) >= 0);
    const char *output = run(s, command);
    free(statement);
    free(command);
    return output;
}
