#include "shell_dashboard.h"

#include <dirent.h>
#include <stdio.h>

#include "ev_address.h"
#include "shell.h"

#define SERVICES_MAX 64

extern const char shell_dashboard_page[];

/* The address that a process wrote. False: it is gone, or this is something else. */
static bool address_read(const char *directory, const char *name, char *ret_text)
{
    char path[4400], line[EV_ADDRESS_TEXT_MAX + 1] = "";
    struct ev_address address;

    if (snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path)
        return false;
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    bool read = fgets(line, sizeof line, file) != NULL;
    fclose(file);
    line[strcspn(line, "\n")] = 0;
    if (!read || !ev_address_parse(line, &address))
        return false;
    ev_address_format(&address, ret_text);
    return true;
}

/* Names go into JSON as they are, so they are letters, digits, '.', '_', '-' alone. */
static bool name_is_plain(const char *name)
{
    return name[0] != '.' &&
           name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                             "0123456789._-")] == 0;
}

static size_t directory_append(struct bytes *out, const char *directory)
{
    char text[EV_ADDRESS_TEXT_MAX];
    struct dirent *entry;
    size_t count = 0;
    DIR *names = opendir(directory);

    while (names && count < SERVICES_MAX && (entry = readdir(names))) {
        if (!name_is_plain(entry->d_name) || !address_read(directory, entry->d_name, text))
            continue;
        bytes_printf(out, "%s{\"name\":\"%s\",\"address\":\"%s\"}", count ? "," : "", entry->d_name,
                     text);
        count++;
    }
    if (names)
        closedir(names);
    return count;
}

static void services_append(struct shell *s, struct bytes *out)
{
    const char *slash = s->admin_file ? strrchr(s->admin_file, '/') : NULL;
    char directory[4200], text[EV_ADDRESS_TEXT_MAX];
    struct ev_address address;

    bytes_append_u8(out, '[');
    snprintf(directory, sizeof directory, "%.*s", slash ? (int)(slash - s->admin_file) : 1,
             slash ? s->admin_file : ".");
    if (!s->admin_file || directory_append(out, directory) == 0) {
        ev_http_address(s->admin, &address);
        ev_address_format(&address, text);
        bytes_printf(out, "{\"name\":\"%s\",\"address\":\"%s\"}", s->service->name, text);
    }
    bytes_append_str(out, "]\n");
}

void shell_view_append(struct bytes *out, const struct cluster_view *view)
{
    bytes_printf(out, "{\"number\":%llu,\"members\":[", (unsigned long long)view->number);
    for (size_t i = 0; i < view->count; i++)
        bytes_printf(out, "%s{\"id\":\"%s\",\"state\":\"%s\"}", i ? "," : "", view->members[i].id,
                     cluster_state_name(view->members[i].state));
    bytes_append_str(out, "],\"owners\":[");
    for (size_t shard = 0; view->sealed && shard < CLUSTER_SHARD_COUNT; shard++)
        bytes_printf(out, "%s%d", shard ? "," : "",
                     view->owner[shard] == CLUSTER_NOBODY ? -1 : view->owner[shard]);
    bytes_append_str(out, "]}\n");
}

static void view_answer(struct shell *s, struct ev_http_reply *reply)
{
    const struct cluster_view *view = s->service->view ? s->service->view(s->arg) : NULL;

    if (view) {
        shell_view_append(&reply->body, view);
        return;
    }
    reply->status = 404;
    bytes_append_str(&reply->body, "{}\n");
}

bool shell_dashboard_answer(struct shell *s, const char *path, struct ev_http_reply *reply)
{
    if (strcmp(path, "/dashboard") == 0) {
        reply->content_type = "text/html; charset=utf-8";
        bytes_append_str(&reply->body, shell_dashboard_page);
        return true;
    }
    bool services = strcmp(path, "/dashboard/services") == 0;
    if (!services && strcmp(path, "/dashboard/view") != 0)
        return false;
    reply->content_type = "application/json";
    reply->to_local_pages = true;
    if (services)
        services_append(s, &reply->body);
    else
        view_answer(s, reply);
    return true;
}
