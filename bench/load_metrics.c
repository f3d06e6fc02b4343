/* The services' metrics pages, for which a blocking request of a few milliseconds will do. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "ev_address.h"
#include "load_proc.h"

#define PAGE_BYTES_MAX (4u << 20)
#define WAIT_S 2

bool load_metric_find(struct slice page, const char *name, double *ret)
{
    size_t size = strlen(name);
    const char *at = (const char *)page.data, *end = at + page.size;

    while (at < end) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        size_t line = (size_t)((line_end ? line_end : end) - at);
        if (line > size && strncmp(at, name, size) == 0 && at[size] == ' ') {
            char number[64];
            snprintf(number, sizeof number, "%.*s", (int)(line - size - 1), at + size + 1);
            *ret = strtod(number, NULL);
            return true;
        }
        at += line + 1;
    }
    return false;
}

static bool page_read(int fd, struct bytes *page)
{
    ssize_t n;

    bytes_init(page, PAGE_BYTES_MAX);
    do {
        uint8_t *room = bytes_reserve(page, 16384);
        if (!room)
            return false;
        n = recv(fd, room, 16384, 0);
        page->size += n > 0 ? (size_t)n : 0;
    } while (n > 0);
    return n == 0;
}

/* The whole answer, head and all. False: there was none in time. */
static bool get(const struct ev_address *to, const char *path, struct bytes *page)
{
    struct timeval wait = {.tv_sec = WAIT_S};
    char request[128];
    int fd = socket(to->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return false;
    int size = snprintf(request, sizeof request,
                        "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);
    bool good = setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) == 0 &&
                setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) == 0 &&
                connect(fd, &to->sa, to->size) == 0 &&
                send(fd, request, (size_t)size, MSG_NOSIGNAL) == size && page_read(fd, page);
    close(fd);
    return good;
}

/* DIR/admin/NAME holds the address that the kernel chose. */
static bool admin_address(const char *dir, const char *name, struct ev_address *ret)
{
    char path[4200], line[EV_ADDRESS_TEXT_MAX] = "";

    snprintf(path, sizeof path, "%s/admin/%.64s", dir, name);
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    bool read = fgets(line, sizeof line, file) != NULL;
    fclose(file);
    line[strcspn(line, "\n")] = 0;
    return read && ev_address_parse(line, ret);
}

static int64_t lag_ms(const char *dir, const char *name)
{
    struct bytes page = BYTES_INIT;
    struct ev_address at;
    double value;
    int64_t lag = -1;

    if (admin_address(dir, name, &at) && get(&at, "/metrics", &page) &&
        load_metric_find(bytes_slice(&page), "weft_archiver_lag_seconds", &value))
        lag = (int64_t)(value * 1000);
    bytes_fini(&page);
    return lag;
}

int64_t load_archiver_lag_ms(const char *dir)
{
    struct dirent *entry;
    int64_t largest = -1;
    char path[4200];

    snprintf(path, sizeof path, "%s/admin", dir);
    DIR *names = opendir(path);
    while (names && (entry = readdir(names))) {
        int64_t lag = strncmp(entry->d_name, "archiver-", 9) == 0 ? lag_ms(dir, entry->d_name) : -1;
        if (lag > largest)
            largest = lag;
    }
    if (names)
        closedir(names);
    return largest;
}
