#include "shell_metrics.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "obs_metrics.h"
#include "shell.h"

OBS_STATS_TABLE(shell_process_stats, SHELL_PROCESS_STATS)

static int64_t resident_bytes(void)
{
    long long size, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (file) {
        if (fscanf(file, "%lld %lld", &size, &resident) != 2)
            resident = 0;
        fclose(file);
    }
    return resident * sysconf(_SC_PAGESIZE);
}

static int64_t open_files(void)
{
    int64_t count = 0;
    DIR *dir = opendir("/proc/self/fd");

    if (!dir)
        return 0;
    while (readdir(dir))
        count++;
    closedir(dir);
    return count < 3 ? 0 : count - 3; /* ".", ".." and the directory itself */
}

static int64_t open_files_max(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur > INT64_MAX)
        return INT64_MAX;
    return (int64_t)limit.rlim_cur;
}

static uint64_t cpu_us(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
           (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

void shell_process_metrics(struct shell *s, struct bytes *out)
{
    const struct ev_loop_stats *loop = ev_loop_stats(s->loop);
    struct shell_process_stats stats = {.cpu_us = cpu_us(),
                                        .resident = resident_bytes(),
                                        .files = open_files(),
                                        .files_max = open_files_max(),
                                        .start_us = s->start_us,
                                        .turn_us = loop->turn_us,
                                        .reads = loop->reads,
                                        .writes = loop->writes,
                                        .bytes_in = loop->bytes_in,
                                        .bytes_out = loop->bytes_out,
                                        .writes_blocked = loop->writes_blocked,
                                        .sends_full = loop->sends_full,
                                        .sends_full_all = loop->sends_full_all,
                                        .accepted = loop->accepted,
                                        .refused = loop->accepts_refused};

    obs_metrics_append(out, shell_process_stats_table(), &stats);
}
