#include "load_proc.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

const char *const load_tier_names[LOAD_TIERS] = {"gateway", "worker", "archiver", "redis",
                                                 "postgres"};

#define FILE_BYTES_MAX (1u << 20)

/* Small files whole; false if it cannot be read. */
static bool file_read(const char *path, struct bytes *out)
{
    FILE *file = fopen(path, "re");
    uint8_t *room;

    if (!file)
        return false;
    bytes_init(out, FILE_BYTES_MAX);
    while ((room = bytes_reserve(out, 4096))) {
        size_t n = fread(room, 1, 4096, file);
        out->size += n;
        if (n == 0)
            break;
    }
    bool good = room && !ferror(file);
    fclose(file);
    bytes_append_u8(out, 0);
    out->size -= !out->failed;
    return good && !out->failed;
}

/* ---- processes ------------------------------------------------------------------------------ */

struct process {
    long parent;
    unsigned long long start;
    uint64_t cpu_us;
};

/* /proc/PID/stat; the command's name stands in parentheses and may hold anything. */
static bool process_read(long pid, struct process *ret)
{
    struct bytes text = BYTES_INIT;
    unsigned long long utime, stime;
    long long cutime, cstime;
    char path[64];

    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    bool good = file_read(path, &text);
    const char *fields = good ? strrchr((char *)text.data, ')') : NULL;
    good = fields && sscanf(fields,
                            ") %*c %ld %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %lld %lld "
                            "%*d %*d %*d %*d %llu",
                            &ret->parent, &utime, &stime, &cutime, &cstime, &ret->start) == 6;
    if (good)
        ret->cpu_us = (utime + stime + (uint64_t)cutime + (uint64_t)cstime) * 1000000 /
                      (uint64_t)sysconf(_SC_CLK_TCK);
    bytes_fini(&text);
    return good;
}

/* PostgreSQL serves each connection by a child. */
static uint64_t children_cpu_us(long parent)
{
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    struct process p;
    uint64_t sum = 0;

    while (proc && (entry = readdir(proc))) {
        long pid = strtol(entry->d_name, NULL, 10);
        if (pid > 0 && process_read(pid, &p) && p.parent == parent)
            sum += p.cpu_us;
    }
    if (proc)
        closedir(proc);
    return sum;
}

/* Names are "gateway-1", "redis-replica" and so on (scripts/stack.sh). */
static int tier_of(const char *name)
{
    for (int tier = 0; tier < LOAD_TIERS; tier++) {
        size_t size = strlen(load_tier_names[tier]);
        if (strncmp(name, load_tier_names[tier], size) == 0 && (!name[size] || name[size] == '-'))
            return tier;
    }
    return -1;
}

/* DIR/pids/NAME: "PID START". A number that another process has by now is not ours. */
static void usage_add(const char *dir, const char *name, struct load_usage *usage)
{
    struct bytes text = BYTES_INIT;
    unsigned long long start;
    struct process p;
    char path[4200];
    int tier = tier_of(name);
    long pid;

    snprintf(path, sizeof path, "%s/pids/%.64s", dir, name);
    if (tier >= 0 && file_read(path, &text) &&
        sscanf((char *)text.data, "%ld %llu", &pid, &start) == 2 && process_read(pid, &p) &&
        p.start == start) {
        usage->known = true;
        usage->cpu_us[tier] += p.cpu_us;
        if (tier == TIER_POSTGRES)
            usage->cpu_us[tier] += children_cpu_us(pid);
    }
    bytes_fini(&text);
}

void load_usage_read(const char *dir, struct load_usage *ret)
{
    struct dirent *entry;
    char path[4200];

    *ret = (struct load_usage){0};
    snprintf(path, sizeof path, "%s/pids", dir);
    DIR *pids = opendir(path);
    while (pids && (entry = readdir(pids)))
        usage_add(dir, entry->d_name, ret);
    if (pids)
        closedir(pids);
}

struct load_usage load_usage_between(const struct load_usage *before,
                                     const struct load_usage *after)
{
    struct load_usage between = {.known = before->known && after->known};

    /* A process that was started again counts from its start. */
    for (int i = 0; i < LOAD_TIERS; i++)
        between.cpu_us[i] = after->cpu_us[i] >= before->cpu_us[i]
                                ? after->cpu_us[i] - before->cpu_us[i]
                                : after->cpu_us[i];
    return between;
}

/* ---- the instance --------------------------------------------------------------------------- */

bool load_setting(const char *dir, const char *name, struct bytes *out)
{
    struct bytes text = BYTES_INIT;
    size_t size = strlen(name);
    char path[4200], *rest = NULL;
    bool found = false;

    snprintf(path, sizeof path, "%s/settings", dir);
    if (file_read(path, &text)) {
        for (char *line = strtok_r((char *)text.data, "\n", &rest); line && !found;
             line = strtok_r(NULL, "\n", &rest)) {
            /* The shell quotes what needs it; such a value is not for us. */
            if (strncmp(line, name, size) != 0 || line[size] != '=' || strpbrk(line, "\\'\"$"))
                continue;
            bytes_append_str(out, line + size + 1);
            found = true;
        }
    }
    bytes_fini(&text);
    return found;
}

const char *load_fs_name(const char *dir)
{
    static const struct {
        unsigned long magic;
        const char *name;
    } known[] = {
        {0xef53, "ext4"},      {0x58465342, "xfs"},     {0x9123683e, "btrfs"},
        {0x01021994, "tmpfs"}, {0x794c7630, "overlay"}, {0x2fc12fc1, "zfs"},
        {0x6969, "nfs"},       {0x65735546, "fuse"},    {0x01021997, "9p"},
        {0x858458f6, "ramfs"},
    };
    struct statfs fs;
    char path[4200];

    snprintf(path, sizeof path, "%s/redis", dir);
    if (statfs(path, &fs) < 0)
        return "unknown";
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if ((unsigned long)fs.f_type == known[i].magic)
            return known[i].name;
    }
    return "unknown";
}
