/* Asks build/bin/weftctl, which reads the stores by itself: another way to the same text. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "load_check.h"
#include "load_proc.h"

extern char **environ;

/* An environment variable, if it is set neither by the caller nor before: from the instance. */
static void env_default(const char *name, const char *format, const char *value)
{
    char text[4400];

    snprintf(text, sizeof text, format, value);
    (void)setenv(name, text, 0);
}

/* Where the stores are, as scripts/weftctl tells it. False: nobody says. */
static bool stores_known(const struct load_options *options)
{
    struct bytes runtime = BYTES_INIT, level = BYTES_INIT, password = BYTES_INIT;

    if (load_setting(options->dir, "RUNTIME", &runtime)) {
        bytes_append_u8(&runtime, 0);
        if (!runtime.failed) {
            env_default("WEFT_REDIS", "unix:%s/redis.sock", (char *)runtime.data);
            env_default("WEFT_POSTGRES", "host=%s/pg user=weft dbname=weft", (char *)runtime.data);
        }
    }
    bytes_fini(&runtime);
    if (load_setting(options->dir, "DURABILITY", &level)) {
        bytes_append_u8(&level, 0);
        if (!level.failed)
            env_default("WEFT_DURABILITY", "%s", (char *)level.data);
    }
    bytes_fini(&level);
    if (load_setting(options->dir, "REDIS_PASSWORD", &password) && password.size) {
        bytes_append_u8(&password, 0);
        if (!password.failed)
            env_default("WEFT_REDIS_PASSWORD", "%s", (char *)password.data);
    }
    bytes_fini(&password);
    (void)setenv("WEFT_URL", options->url, 1);
    return getenv("WEFT_REDIS") && getenv("WEFT_POSTGRES");
}

/* $WEFT_BIN/weftctl, or what the instance was started with. */
static bool program_path(const struct load_options *options, char ret[4200])
{
    struct bytes bin = BYTES_INIT;
    const char *where = getenv("WEFT_BIN");

    if (where)
        bytes_append_str(&bin, where);
    else if (!load_setting(options->dir, "BIN", &bin))
        return false;
    bytes_append_u8(&bin, 0);
    if (!bin.failed)
        snprintf(ret, 4200, "%s/weftctl", (char *)bin.data);
    bool there = !bin.failed && access(ret, X_OK) == 0;
    bytes_fini(&bin);
    return there;
}

static bool output_read(int fd, struct bytes *out)
{
    ssize_t n;

    do {
        uint8_t *room = bytes_reserve(out, 65536);
        if (!room)
            return false;
        n = read(fd, room, 65536);
        out->size += n > 0 ? (size_t)n : 0;
    } while (n > 0 || (n < 0 && errno == EINTR));
    return n == 0;
}

/* True if it ended with status 0. */
static bool program_run(const char *path, char *const argv[], struct bytes *out)
{
    posix_spawn_file_actions_t actions;
    int pipe_fds[2], status = -1;
    pid_t pid;

    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return false;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipe_fds[1], STDOUT_FILENO);
    int r = posix_spawn(&pid, path, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(pipe_fds[1]);
    bool read = r == 0 && output_read(pipe_fds[0], out);
    close(pipe_fds[0]);
    if (r == 0)
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
    return read && status == 0;
}

enum load_weftctl load_weftctl_compare(const struct load_options *options, struct slice doc,
                                       struct slice delta)
{
    static char get[] = "get", format[] = "--format", name[] = "weftctl", kind[] = "delta",
                stored[] = "--stored";
    char path[4200], id[WIRE_DOC_SIZE_MAX + 1];
    struct bytes out = BYTES_INIT;

    if (!stores_known(options) || !program_path(options, path))
        return LOAD_WEFTCTL_NONE;
    snprintf(id, sizeof id, "%.*s", (int)doc.size, (const char *)doc.data);
    char *argv[] = {name, get, id, stored, format, kind, NULL};
    bool same = program_run(path, argv, &out);
    if (out.size && out.data[out.size - 1] == '\n')
        out.size--;
    same = same && slice_equal(bytes_slice(&out), delta);
    bytes_fini(&out);
    return same ? LOAD_WEFTCTL_SAME : LOAD_WEFTCTL_OTHER;
}
