#include "ctl_progress.h"

#include <string.h>
#include <unistd.h>

#include "ev_loop.h"

#define PERIOD_US 200000
#define BAR_WIDTH 30

void ctl_progress_init(struct ctl_progress *p, struct ctl *ctl)
{
    int fd = fileno(ctl->err);

    *p = (struct ctl_progress){
        .ctl = ctl, .terminal = fd >= 0 && isatty(fd), .told_us = ev_clock_us()};
}

void ctl_progress_line(char *line, size_t size, uint64_t done, uint64_t total, const char *what)
{
    char bar[BAR_WIDTH + 1];

    if (!total) {
        snprintf(line, size, "%llu %s", (unsigned long long)done, what);
        return;
    }
    double part = done < total ? (double)done / (double)total : 1;
    size_t full = (size_t)(part * BAR_WIDTH);
    memset(bar, '#', full);
    memset(bar + full, '.', BAR_WIDTH - full);
    bar[BAR_WIDTH] = 0;
    snprintf(line, size, "[%s] %3u %%  %llu of %llu %s", bar, (unsigned)(part * 100),
             (unsigned long long)done, (unsigned long long)total, what);
}

/* Nothing in the first period: what is quick needs no bar. */
void ctl_progress_show(struct ctl_progress *p, uint64_t done, uint64_t total, const char *what)
{
    char line[160];

    if (!p->terminal || ev_clock_us() - p->told_us < PERIOD_US)
        return;
    ctl_progress_line(line, sizeof line, done, total, what);
    fprintf(p->ctl->err, "\r%s\033[K", line);
    fflush(p->ctl->err);
    p->told_us = ev_clock_us();
    p->shown = true;
}

void ctl_progress_end(struct ctl_progress *p)
{
    if (p->shown)
        fputs("\r\033[K", p->ctl->err);
    p->shown = false;
}
