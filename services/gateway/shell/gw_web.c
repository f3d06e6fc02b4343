#include "gw_web.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codec_text.h"
#include "crypto_hash.h"

#define PATH_SIZE_MAX 255

static const char *type_of(const char *path)
{
    static const struct {
        const char *end, *type;
    } rows[] = {
        {".html", "text/html; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".json", "application/json"},
        {".webmanifest", "application/manifest+json"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".ico", "image/x-icon"},
        {".woff2", "font/woff2"},
        {".txt", "text/plain; charset=utf-8"},
    };
    const char *dot = strrchr(path, '.');

    for (size_t i = 0; dot && i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(dot, rows[i].end) == 0)
            return rows[i].type;
    }
    return NULL;
}

/* --- reading --- */

struct reading {
    struct gw_web *web;
    struct bytes *why;
};

static int refuse(struct reading *r, int error, const char *path, const char *words)
{
    bytes_printf(r->why, "%s: %s", path, words);
    return error;
}

static int refuse_errno(struct reading *r, const char *path)
{
    int error = -errno;

    return refuse(r, error, path, strerror(-error));
}

static int read_all(int fd, uint8_t *to, size_t size)
{
    while (size) {
        ssize_t n = read(fd, to, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return -EIO; /* it shrinks while we read */
        to += n;
        size -= (size_t)n;
    }
    return 0;
}

static void etag_of(struct gw_web_form *form)
{
    struct bytes text = BYTES_INIT;
    uint8_t digest[CRYPTO_SHA256_SIZE];

    crypto_sha256(refbuf_slice(form->bytes), (struct slice){0}, digest);
    hex_append(&text, slice_of(digest, 16));
    snprintf(form->etag, sizeof form->etag, "\"%.*s\"", (int)text.size,
             text.data ? (char *)text.data : "");
    bytes_fini(&text);
}

static struct gw_web_file *file_add(struct gw_web *web, const char *path, size_t size)
{
    struct gw_web_file *files = realloc(web->files, (web->count + 1) * sizeof *files);

    if (!files)
        return NULL;
    web->files = files;
    struct gw_web_file *file = &files[web->count];
    *file = (struct gw_web_file){.path = strdup(path), .plain.bytes = refbuf_new(size)};
    web->count++; /* gw_web_fini() takes it from here, whole or half */
    return file->path && file->plain.bytes ? file : NULL;
}

static int file_read(struct reading *r, int fd, const char *path, size_t size)
{
    struct gw_web *web = r->web;

    if (web->count >= GW_WEB_FILES_MAX)
        return refuse(r, -E2BIG, path, "a page has at most 256 files");
    if (size > GW_WEB_BYTES_MAX - web->bytes)
        return refuse(r, -E2BIG, path, "the files of a page are at most 16 MiB together");
    struct gw_web_file *file = file_add(web, path, size);
    if (!file)
        return refuse(r, -ENOMEM, path, "memory is out");
    int rc = read_all(fd, file->plain.bytes->data, size);
    if (rc)
        return refuse(r, rc, path, strerror(-rc));
    web->bytes += size;
    return 0;
}
_Static_assert(GW_WEB_FILES_MAX == 256 && GW_WEB_BYTES_MAX == 16 << 20, "file_read() says so");

static int dir_read(struct reading *r, int fd, const char *path, unsigned depth);

/* Takes fd. */
static int entry_read(struct reading *r, int fd, const char *path, unsigned depth)
{
    struct stat st;
    int rc;

    if (fstat(fd, &st) < 0)
        rc = refuse_errno(r, path);
    else if (S_ISDIR(st.st_mode))
        return dir_read(r, fd, path, depth + 1);
    else if (S_ISREG(st.st_mode))
        rc = file_read(r, fd, path, (size_t)st.st_size);
    else
        rc = refuse(r, -EINVAL, path, "neither a file nor a directory");
    close(fd);
    return rc;
}

/* Takes fd. */
static int dir_read(struct reading *r, int fd, const char *path, unsigned depth)
{
    DIR *dir = fdopendir(fd);
    struct dirent *entry;
    int rc = 0;

    if (!dir) {
        rc = refuse_errno(r, path);
        close(fd);
        return rc;
    }
    if (depth > GW_WEB_DEPTH_MAX)
        rc = refuse(r, -ELOOP, path, "directories of a page are at most 4 deep");
    while (rc == 0 && (errno = 0, entry = readdir(dir))) {
        char name[PATH_SIZE_MAX + 1];
        if (entry->d_name[0] == '.')
            continue;
        if (snprintf(name, sizeof name, "%s/%s", path, entry->d_name) >= (int)sizeof name) {
            rc = refuse(r, -ENAMETOOLONG, path, "a path of a page is at most 255 bytes");
            break;
        }
        /* NONBLOCK: a pipe that lies there must not stop us. */
        int child =
            openat(dirfd(dir), entry->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        rc = child < 0 ? refuse_errno(r, name) : entry_read(r, child, name, depth);
    }
    if (rc == 0 && errno)
        rc = refuse_errno(r, path);
    closedir(dir);
    return rc;
}
_Static_assert(GW_WEB_DEPTH_MAX == 4, "dir_read() says so");

/* --- putting in order --- */

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct gw_web_file *)a)->path, ((const struct gw_web_file *)b)->path);
}

static void file_fini(struct gw_web_file *file)
{
    free(file->path);
    refbuf_unref(file->plain.bytes);
    refbuf_unref(file->gzip.bytes);
}

static bool is_packed(const struct gw_web_file *file)
{
    size_t size = strlen(file->path);

    return size > 3 && strcmp(file->path + size - 3, ".gz") == 0;
}

/* A packed file stands behind its original in the order of paths, with others between perhaps. */
static int pair_up(struct reading *r)
{
    struct gw_web *web = r->web;
    size_t kept = 0;

    for (size_t i = 0; i < web->count; i++) {
        struct gw_web_file *file = &web->files[i];
        if (!is_packed(file)) {
            web->files[kept++] = *file;
            continue;
        }
        struct slice path = slice_of(file->path, strlen(file->path) - 3);
        struct gw_web_file *original = NULL;
        for (size_t k = 0; k < kept && !original; k++) {
            if (slice_equal(slice_str(web->files[k].path), path))
                original = &web->files[k];
        }
        if (!original) {
            refuse(r, -ENOENT, file->path, "packed, and the file itself is not there");
            /* What was moved to the front must not be freed twice. */
            memmove(&web->files[kept], file, (web->count - i) * sizeof *file);
            web->count = kept + web->count - i;
            return -ENOENT;
        }
        original->gzip.bytes = file->plain.bytes;
        free(file->path);
    }
    web->count = kept;
    return 0;
}

static int describe(struct reading *r)
{
    for (size_t i = 0; i < r->web->count; i++) {
        struct gw_web_file *file = &r->web->files[i];
        file->type = type_of(file->path);
        if (!file->type)
            return refuse(r, -EINVAL, file->path, "no type of content is known for this name");
        file->immutable = strncmp(file->path, "/assets/", 8) == 0;
        etag_of(&file->plain);
        if (file->gzip.bytes)
            etag_of(&file->gzip);
    }
    if (!gw_web_find(r->web, slice_str("/index.html")))
        return refuse(r, -ENOENT, "/index.html", "is missing");
    return 0;
}

int gw_web_load(struct gw_web *web, const char *dir, struct bytes *why)
{
    struct reading r = {.web = web, .why = why};
    int rc;

    *web = (struct gw_web){0};
    int fd = open(dir, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
    if (fd < 0)
        return refuse_errno(&r, dir);
    rc = dir_read(&r, fd, "", 0);
    if (rc == 0) {
        if (web->count)
            qsort(web->files, web->count, sizeof *web->files, by_path);
        rc = pair_up(&r);
    }
    if (rc == 0)
        rc = describe(&r);
    if (rc)
        gw_web_fini(web);
    return rc;
}

void gw_web_fini(struct gw_web *web)
{
    for (size_t i = 0; i < web->count; i++)
        file_fini(&web->files[i]);
    free(web->files);
    *web = (struct gw_web){0};
}

const struct gw_web_file *gw_web_find(const struct gw_web *web, struct slice path)
{
    size_t low = 0, high = web->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = slice_compare(slice_str(web->files[middle].path), path);
        if (order == 0)
            return &web->files[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}
