#include "shell_metrics.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "shell.h"

/* Help texts of cores are phrases; metrics are sentences. */
static void append_head(struct bytes *out, const char *prefix, const char *name, const char *suffix,
                        const char *help, const char *type)
{
    char first = help[0] >= 'a' && help[0] <= 'z' ? (char)(help[0] - 'a' + 'A') : help[0];

    bytes_printf(out, "# HELP %s%s%s %c%s.\n# TYPE %s%s%s %s\n", prefix, name, suffix, first,
                 help + 1, prefix, name, suffix, type);
}

void shell_counters_append(struct bytes *out, const char *prefix, const struct shell_counter *rows,
                           size_t count, const void *counters)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t value;
        memcpy(&value, (const char *)counters + rows[i].offset, sizeof value);
        append_head(out, prefix, rows[i].name, "_total", rows[i].help, "counter");
        bytes_printf(out, "%s%s_total %" PRIu64 "\n", prefix, rows[i].name, value);
    }
}

void shell_gauge_append(struct bytes *out, const char *prefix, const char *name, const char *help,
                        uint64_t value)
{
    append_head(out, prefix, name, "", help, "gauge");
    bytes_printf(out, "%s%s %" PRIu64 "\n", prefix, name, value);
}

static uint64_t resident_bytes(void)
{
    unsigned long long size, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (file) {
        if (fscanf(file, "%llu %llu", &size, &resident) != 2)
            resident = 0;
        fclose(file);
    }
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t open_files(void)
{
    uint64_t count = 0;
    DIR *dir = opendir("/proc/self/fd");

    if (!dir)
        return 0;
    while (readdir(dir))
        count++;
    closedir(dir);
    return count < 3 ? 0 : count - 3; /* ".", ".." and the directory itself */
}

static void append_seconds(struct bytes *out, const char *name, const char *help, uint64_t us)
{
    append_head(out, "", name, "", help, "counter");
    bytes_printf(out, "%s %" PRIu64 ".%06u\n", name, us / 1000000, (unsigned)(us % 1000000));
}

void shell_process_metrics(struct shell *s, struct bytes *out)
{
    struct ev_loop_stats *loop = ev_loop_stats(s->loop);
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    append_seconds(out, "process_cpu_seconds_total", "user and system CPU time",
                   (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
                       (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec));
    shell_gauge_append(out, "process_", "resident_memory_bytes", "resident memory",
                       resident_bytes());
    shell_gauge_append(out, "process_", "open_fds", "open file descriptors", open_files());
    append_head(out, "weft_loop_", "turns_total", "", "turns of the event loop", "counter");
    bytes_printf(out, "weft_loop_turns_total %" PRIu64 "\n", loop->turns);
    append_seconds(out, "weft_loop_busy_seconds_total", "time spent in turns", loop->busy_us);
    shell_gauge_append(out, "weft_loop_", "out_bytes", "bytes queued on all sockets",
                       loop->out_bytes);
}
