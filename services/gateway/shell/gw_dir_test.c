#include "gw_dir_test.h"

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

char dir_path[64];

void dir_put_bytes(const char *name, const char *data, size_t size)
{
    char path[512];

    snprintf(path, sizeof path, "%s/%s", dir_path, name);
    FILE *f = fopen(path, "w");
    ck_assert(f);
    ck_assert_uint_eq(fwrite(data, 1, size, f), size);
    ck_assert_int_eq(fclose(f), 0);
}

void dir_put(const char *name, const char *text)
{
    dir_put_bytes(name, text, strlen(text));
}

void dir_put_dir(const char *name)
{
    char path[512];

    snprintf(path, sizeof path, "%s/%s", dir_path, name);
    ck_assert_int_eq(mkdir(path, 0700), 0);
}

static int drop(const char *path, const struct stat *st, int what, struct FTW *ftw)
{
    (void)st;
    (void)what;
    (void)ftw;
    return remove(path);
}

void dir_make(void)
{
    snprintf(dir_path, sizeof dir_path, "/tmp/weft-page-XXXXXX");
    ck_assert(mkdtemp(dir_path));
    dir_put("index.html", "<!doctype html><p>the page");
    dir_put("icon.svg", "<svg/>");
    dir_put_dir("assets");
    dir_put("assets/index-1a2b.js", "let plain = 1");
    dir_put("assets/index-1a2b.js.gz", "packed");
    dir_put("assets/index-3c4d.css", "p { color: red }");
    dir_put(".hidden", "not served");
}

void dir_drop(void)
{
    ck_assert_int_eq(nftw(dir_path, drop, 8, FTW_DEPTH | FTW_PHYS), 0);
}
