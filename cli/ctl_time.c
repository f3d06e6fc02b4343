#include "ctl_time.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define YEAR_9999_END_S 253402300799ull

uint64_t ctl_time_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

const char *ctl_time_text(uint64_t ms, char text[CTL_TIME_TEXT])
{
    time_t seconds = (time_t)(ms / 1000 < YEAR_9999_END_S ? ms / 1000 : YEAR_9999_END_S);
    struct tm tm;

    gmtime_r(&seconds, &tm);
    size_t size = strftime(text, CTL_TIME_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text + size, CTL_TIME_TEXT - size, ".%03uZ", (unsigned)(ms % 1000));
    return text;
}

static bool ago_parse(const char *text, uint64_t now_ms, uint64_t *ret_ms)
{
    static const struct {
        char unit;
        uint64_t ms;
    } units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}};
    char *end;

    if (text[0] < '0' || text[0] > '9')
        return false;
    unsigned long long n = strtoull(text, &end, 10);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (end[0] == units[i].unit && !end[1] && n <= now_ms / units[i].ms) {
            *ret_ms = now_ms - n * units[i].ms;
            return true;
        }
    }
    return false;
}

/* ".123", of any length; *text goes behind it. */
static unsigned fraction_take(const char **text)
{
    unsigned ms = 0, scale = 100;

    if (**text != '.')
        return 0;
    for ((*text)++; **text >= '0' && **text <= '9'; (*text)++) {
        ms += (unsigned)(**text - '0') * scale;
        scale /= 10;
    }
    return ms;
}

bool ctl_time_parse(const char *text, uint64_t now_ms, uint64_t *ret_ms)
{
    static const char *const forms[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M",
                                        "%Y-%m-%d %H:%M", "%Y-%m-%d"};

    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct tm tm = {0};
        const char *rest = strptime(text, forms[i], &tm);
        if (!rest)
            continue;
        unsigned ms = i < 2 ? fraction_take(&rest) : 0;
        rest += *rest == 'Z';
        time_t seconds = timegm(&tm);
        if (*rest || seconds < 0)
            continue;
        *ret_ms = (uint64_t)seconds * 1000 + ms;
        return true;
    }
    return ago_parse(text, now_ms, ret_ms);
}
