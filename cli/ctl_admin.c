#include "ctl_admin.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ev_loop.h"
#include "ev_stream.h"

#define ANSWER_BYTES_MAX ((size_t)8 << 20)

/* ---- which ones ---- */

static struct ctl_process *process_add(struct ctl_admin *admin, const char *name, size_t size)
{
    struct ctl_process *p = &admin->processes[admin->count++];

    *p = (struct ctl_process){0};
    snprintf(p->name, sizeof p->name, "%.*s", (int)size, name);
    return p;
}

static bool address_is_none(struct ctl *ctl, const char *name, const char *text)
{
    fprintf(ctl->err, "weftctl: admin port of '%.64s': '%.80s' is not HOST:PORT in numbers\n", name,
            text);
    return false;
}

/* A file that is not there any more is one of a process that has ended. */
static bool file_take(struct ctl *ctl, struct ctl_admin *admin, const char *dir, const char *name)
{
    char path[1400], line[EV_ADDRESS_TEXT_MAX + 16] = "";

    snprintf(path, sizeof path, "%.1200s/%.64s", dir, name);
    FILE *file = fopen(path, "re");
    if (!file)
        return true;
    bool read = fgets(line, sizeof line, file) != NULL;
    fclose(file);
    if (!read)
        return true;
    line[strcspn(line, "\n")] = 0;
    return ev_address_parse(line, &process_add(admin, name, strlen(name))->at) ||
           address_is_none(ctl, name, line);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct ctl_process *)a)->name, ((const struct ctl_process *)b)->name);
}

static bool dir_read(struct ctl *ctl, DIR *dir, const char *path, struct ctl_admin *admin)
{
    struct dirent *entry;
    bool good = true;

    while (good && admin->count < CTL_ADMIN_MAX && (entry = readdir(dir))) {
        if (entry->d_name[0] != '.')
            good = file_take(ctl, admin, path, entry->d_name);
    }
    return good;
}

static bool list_read(struct ctl *ctl, const char *list, struct ctl_admin *admin)
{
    while (*list && admin->count < CTL_ADMIN_MAX) {
        char text[EV_ADDRESS_TEXT_MAX] = "";
        size_t size = strcspn(list, ","), name = strcspn(list, "=,");
        const char *address = name < size ? list + name + 1 : list;
        struct ctl_process *p = process_add(admin, list, name);
        snprintf(text, sizeof text, "%.*s", (int)(list + size - address), address);
        if (!ev_address_parse(text, &p->at))
            return address_is_none(ctl, p->name, text);
        list += size + (list[size] == ',');
    }
    return true;
}

enum ctl_exit ctl_admin_find(struct ctl *ctl, const struct ctl_where *where, struct ctl_admin *ret)
{
    *ret = (struct ctl_admin){0};
    if (!where->admin[0]) {
        fprintf(ctl->err, "weftctl: where are the services' admin ports? --admin, WEFT_ADMIN or "
                          "--dir of a scripts/up\n");
        return CTL_USAGE;
    }
    ret->processes = calloc(CTL_ADMIN_MAX, sizeof *ret->processes);
    MUST(ret->processes);
    DIR *dir = opendir(where->admin);
    bool good = dir ? dir_read(ctl, dir, where->admin, ret) : list_read(ctl, where->admin, ret);
    if (dir)
        closedir(dir);
    qsort(ret->processes, ret->count, sizeof *ret->processes, by_name);
    if (good)
        return CTL_YES;
    ctl_admin_fini(ret);
    return CTL_USAGE;
}

void ctl_admin_fini(struct ctl_admin *admin)
{
    for (size_t i = 0; i < admin->count; i++)
        bytes_fini(&admin->processes[i].metrics);
    free(admin->processes);
    *admin = (struct ctl_admin){0};
}

const struct ctl_process *ctl_admin_process(const struct ctl_admin *admin, const char *name)
{
    for (size_t i = 0; i < admin->count; i++) {
        if (strcmp(admin->processes[i].name, name) == 0)
            return &admin->processes[i];
    }
    return NULL;
}

/* ---- one question ---- */

struct request {
    struct ev_stream *stream; /* NULL: it has ended */
    size_t *open;             /* of all requests */
    struct bytes answer;      /* owned: head and body */
    int reason;               /* why the connection ended */
    bool late;                /* it was ended, because it took too long */
};

static void on_read(struct ev_stream *stream, void *arg, struct slice in)
{
    struct request *r = arg;

    bytes_append_slice(&r->answer, in);
    if (r->answer.failed)
        ev_stream_close(stream);
}

static void on_closed(struct ev_stream *stream, void *arg, int reason)
{
    struct request *r = arg;

    r->stream = NULL;
    r->reason = reason;
    --*r->open;
}

static const struct ev_stream_kind kind = {.on_read = on_read, .on_closed = on_closed};

/* POST with a body, GET with NULL. */
static void request_start(struct request *r, struct ev_loop *loop, const struct ev_address *to,
                          const char *path, const struct slice *body, size_t *open)
{
    struct bytes text = BYTES_INIT;

    *r = (struct request){.open = open};
    bytes_init(&r->answer, ANSWER_BYTES_MAX);
    r->reason = ev_stream_connect(loop, to, NULL, &kind, r, &r->stream);
    if (r->reason)
        return;
    ++*open;
    bytes_printf(&text, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n",
                 body ? "POST" : "GET", path);
    if (body)
        bytes_printf(&text, "Content-Length: %zu\r\n", body->size);
    bytes_append_str(&text, "\r\n");
    if (body)
        bytes_append_slice(&text, *body);
    MUST(!text.failed);
    if (ev_stream_send_copy(r->stream, bytes_slice(&text)) != 0)
        ev_stream_close(r->stream);
    bytes_fini(&text);
}

/* Until all have ended; who does not answer costs all of them together its patience. */
static void requests_await(struct request *requests, size_t count, struct ev_loop *loop,
                           const size_t *open)
{
    int64_t end_ms = ev_loop_now_ms(loop) + CTL_ADMIN_PATIENCE_MS;

    while (*open && ev_loop_now_ms(loop) < end_ms)
        ev_loop_step(loop, end_ms - ev_loop_now_ms(loop));
    for (size_t i = 0; i < count; i++) {
        if (!requests[i].stream)
            continue;
        requests[i].late = true;
        ev_stream_close(requests[i].stream);
    }
    while (*open)
        ev_loop_step(loop, 100);
}

/* The status, 0: there is no whole head; *ret_body is lent. */
static int answer_read(const struct request *r, struct slice *ret_body)
{
    const uint8_t *end =
        r->answer.size ? memmem(r->answer.data, r->answer.size, "\r\n\r\n", 4) : NULL;

    *ret_body = slice_of(NULL, 0);
    if (!end || r->answer.size < 13 || memcmp(r->answer.data, "HTTP/1.", 7) != 0)
        return 0;
    size_t head = (size_t)(end - r->answer.data) + 4;
    *ret_body = slice_of(r->answer.data + head, r->answer.size - head);
    return (r->answer.data[9] - '0') * 100 + (r->answer.data[10] - '0') * 10 +
           (r->answer.data[11] - '0');
}

/* ---- all of them ---- */

static void words_take(struct ctl_process *p, struct slice words)
{
    while (words.size && words.data[words.size - 1] == '\n')
        words.size--;
    snprintf(p->why, sizeof p->why, "%.*s", (int)words.size, (const char *)words.data);
}

/* Why there was no answer. */
static void silence_take(struct ctl_process *p, const struct request *r, bool late)
{
    snprintf(p->why, sizeof p->why, "%s",
             late        ? "does not answer: is it paused, or its machine overloaded?"
             : r->reason ? strerror(-r->reason)
                         : "answers something else than a Weft service does");
}

static void answers_take(struct ctl_process *p, const struct request *ready,
                         const struct request *page)
{
    struct slice words, metrics;
    int status = answer_read(ready, &words);

    bytes_fini(&p->metrics);
    p->answered = answer_read(page, &metrics) == 200 && status != 0;
    p->ready = status == 200;
    p->why[0] = 0;
    if (p->answered) {
        bytes_append_slice(&p->metrics, metrics);
        MUST(!p->metrics.failed);
    } else {
        silence_take(p, ready, ready->late || page->late);
    }
    if (status == 503)
        words_take(p, words);
}

void ctl_admin_ask(struct ctl_admin *admin, struct ev_loop *loop)
{
    struct request *requests = calloc(2 * admin->count + 1, sizeof *requests);
    size_t open = 0;

    MUST(requests);
    for (size_t i = 0; i < admin->count; i++) {
        request_start(&requests[2 * i], loop, &admin->processes[i].at, "/readyz", NULL, &open);
        request_start(&requests[2 * i + 1], loop, &admin->processes[i].at, "/metrics", NULL, &open);
    }
    requests_await(requests, 2 * admin->count, loop, &open);
    for (size_t i = 0; i < admin->count; i++)
        answers_take(&admin->processes[i], &requests[2 * i], &requests[2 * i + 1]);
    for (size_t i = 0; i < 2 * admin->count; i++)
        bytes_fini(&requests[i].answer);
    free(requests);
}

void ctl_admin_command(struct ctl_admin *admin, struct ev_loop *loop, const char *path,
                       struct slice body)
{
    struct request *requests = calloc(admin->count + 1, sizeof *requests);
    size_t open = 0;

    MUST(requests);
    for (size_t i = 0; i < admin->count; i++)
        request_start(&requests[i], loop, &admin->processes[i].at, path, &body, &open);
    requests_await(requests, admin->count, loop, &open);
    for (size_t i = 0; i < admin->count; i++) {
        struct ctl_process *p = &admin->processes[i];
        struct slice words;
        p->status = answer_read(&requests[i], &words);
        if (p->status)
            words_take(p, words);
        else
            silence_take(p, &requests[i], requests[i].late);
        bytes_fini(&requests[i].answer);
    }
    free(requests);
}
