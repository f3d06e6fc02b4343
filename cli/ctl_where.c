#include "ctl_where.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_SIZE 512

/* False: it is too long to be one. */
static bool take(struct ctl *ctl, const char *name, const char *flag, const char *variable,
                 char *field, size_t size)
{
    const char *value = flag ? flag : getenv(variable);

    if (!value)
        return true;
    if (strlen(value) >= size) {
        fprintf(ctl->err, "weftctl: --%s has more than %zu bytes\n", name, size - 1);
        return false;
    }
    strcpy(field, value);
    return true;
}

/* A line NAME=VALUE as scripts/stack.sh writes it; the values wanted here need no quotes. */
static void setting_take(const char *line, const char *name, char *value, size_t size)
{
    size_t length = strlen(name);

    if (strncmp(line, name, length) != 0 || line[length] != '=')
        return;
    snprintf(value, size, "%.*s", (int)strcspn(line + length + 1, "\n"), line + length + 1);
}

/* False: no instance was ever started there. */
static bool instance_read(const char *dir, struct ctl_where *ret)
{
    char path[PATH_SIZE + 16], line[PATH_SIZE], runtime[128] = "", port[16] = "", level[16] = "",
                                                password[256] = "";

    snprintf(path, sizeof path, "%s/settings", dir);
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    while (fgets(line, sizeof line, file)) {
        setting_take(line, "RUNTIME", runtime, sizeof runtime);
        setting_take(line, "PORT", port, sizeof port);
        setting_take(line, "DURABILITY", level, sizeof level);
        setting_take(line, "REDIS_PASSWORD", password, sizeof password);
    }
    fclose(file);
    if (!runtime[0] || !port[0])
        return false;
    snprintf(ret->url, sizeof ret->url, "ws://127.0.0.1:%s/", port);
    snprintf(ret->redis, sizeof ret->redis, "unix:%s/redis.sock", runtime);
    /* bash writes nothing as '' */
    snprintf(ret->redis_password, sizeof ret->redis_password, "%s",
             password[0] == '\'' ? "" : password);
    snprintf(ret->admin, sizeof ret->admin, "%s/admin", dir);
    snprintf(ret->postgres, sizeof ret->postgres, "host=%s/pg user=weft dbname=weft", runtime);
    if (!ret->durability[0])
        strcpy(ret->durability, level);
    return true;
}

/* Of the checkout: the program stands in build/bin. */
static bool instance_of_program(struct ctl_where *ret)
{
    char path[PATH_SIZE];
    ssize_t size = readlink("/proc/self/exe", path, sizeof path - 16);

    if (size < 0)
        return false;
    path[size] = 0;
    for (int up = 0; up < 3; up++) {
        char *slash = strrchr(path, '/');
        if (!slash)
            return false;
        *slash = 0;
    }
    strcat(path, "/.run");
    return instance_read(path, ret);
}

bool ctl_where_find(struct ctl *ctl, struct ctl_where *ret)
{
    const struct ctl_args *args = &ctl->args;
    struct ctl_where w = {0};

    if (!take(ctl, "url", args->url, "WEFT_URL", w.url, sizeof w.url) ||
        !take(ctl, "redis", args->redis, "WEFT_REDIS", w.redis, sizeof w.redis) ||
        !take(ctl, "redis-password", NULL, "WEFT_REDIS_PASSWORD", w.redis_password,
              sizeof w.redis_password) ||
        !take(ctl, "postgres", args->postgres, "WEFT_POSTGRES", w.postgres, sizeof w.postgres) ||
        !take(ctl, "admin", args->admin, "WEFT_ADMIN", w.admin, sizeof w.admin) ||
        !take(ctl, "durability", args->durability, "WEFT_DURABILITY", w.durability,
              sizeof w.durability) ||
        !take(ctl, "replicas", args->replicas, "WEFT_REPLICAS", w.replicas, sizeof w.replicas))
        return false;
    if (!w.url[0] && !w.redis[0] && !w.postgres[0] && !w.admin[0]) {
        if (args->dir && !instance_read(args->dir, &w)) {
            fprintf(ctl->err, "weftctl: nothing was ever started in '%.200s' (scripts/up --dir)\n",
                    args->dir);
            return false;
        }
        if (!args->dir && !instance_read(".run", &w))
            (void)instance_of_program(&w);
    }
    *ret = w;
    return true;
}
