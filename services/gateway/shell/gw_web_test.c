/* The page's directory, read into memory: what is found, what is refused, and the policy. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gw_dir_test.h"
#include "gw_page.h"

#define SCRIPT "/assets/index-1a2b.js"

static void refused(int error, const char *words)
{
    struct gw_web web;
    struct bytes why = BYTES_INIT;

    ck_assert_int_eq(gw_web_load(&web, dir_path, &why), error);
    bytes_append_u8(&why, 0);
    ck_assert_msg(strstr((char *)why.data, words), "%s", why.data);
    ck_assert_uint_eq(web.count, 0);
    ck_assert_ptr_null(web.files);
    bytes_fini(&why);
    dir_drop();
    dir_make();
}

START_TEST(test_load)
{
    struct gw_web web;
    struct bytes why = BYTES_INIT;

    ck_assert_int_eq(gw_web_load(&web, dir_path, &why), 0);
    ck_assert_uint_eq(web.count, 4);
    ck_assert_uint_eq(web.bytes, 26 + 6 + 13 + 6 + 16);
    const struct gw_web_file *script = gw_web_find(&web, slice_str(SCRIPT));
    ck_assert(script && script->immutable);
    ck_assert_str_eq(script->type, "text/javascript; charset=utf-8");
    ck_assert(slice_equal(refbuf_slice(script->plain.bytes), slice_str("let plain = 1")));
    ck_assert(slice_equal(refbuf_slice(script->gzip.bytes), slice_str("packed")));
    ck_assert_uint_eq(strlen(script->plain.etag), GW_WEB_ETAG_SIZE);
    ck_assert_str_ne(script->plain.etag, script->gzip.etag);
    const struct gw_web_file *index = gw_web_find(&web, slice_str("/index.html"));
    ck_assert(index && !index->immutable && !index->gzip.bytes);
    static const char *const none[] = {"",           "/",        "/assets",    "/assets/",
                                       SCRIPT ".gz", "/.hidden", "/index.htm", "/index.htmlx",
                                       "/z"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        ck_assert_msg(!gw_web_find(&web, slice_str(none[i])), "%s", none[i]);
    gw_web_fini(&web);
    ck_assert_ptr_null(gw_web_find(&web, slice_str("/index.html")));
}
END_TEST

START_TEST(test_load_refused)
{
    char path[512], name[300];

    dir_put("a.exe", "x");
    refused(-EINVAL, "/a.exe: no type of content");
    dir_put("a", "x");
    refused(-EINVAL, "/a: no type of content");
    dir_put("lost.js.gz", "x");
    refused(-ENOENT, "/lost.js.gz: packed, and the file itself is not there");
    snprintf(path, sizeof path, "%s/link.js", dir_path);
    ck_assert_int_eq(symlink("/etc/passwd", path), 0);
    refused(-ELOOP, "/link.js");
    snprintf(path, sizeof path, "%s/pipe.js", dir_path);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    refused(-EINVAL, "/pipe.js: neither a file nor a directory");
    snprintf(path, sizeof path, "%s/index.html", dir_path);
    ck_assert_int_eq(unlink(path), 0);
    refused(-ENOENT, "/index.html: is missing");
    dir_put_dir("1");
    dir_put_dir("1/2");
    dir_put_dir("1/2/3");
    dir_put_dir("1/2/3/4");
    dir_put_dir("1/2/3/4/5");
    refused(-ELOOP, "/1/2/3/4/5: directories of a page are at most 4 deep");
    memset(name, 'n', 200);
    name[200] = 0;
    dir_put_dir(name);
    strcat(name, "/");
    memset(name + 201, 'm', 60);
    strcpy(name + 261, ".js");
    dir_put(name, "x");
    refused(-ENAMETOOLONG, "a path of a page is at most 255 bytes");
    for (int i = 0; i < GW_WEB_FILES_MAX; i++) {
        snprintf(name, sizeof name, "assets/%d.js", i);
        dir_put(name, "x");
    }
    refused(-E2BIG, "a page has at most 256 files");
    char *large = calloc(1, GW_WEB_BYTES_MAX);
    dir_put_bytes("assets/large.js", large, GW_WEB_BYTES_MAX);
    free(large);
    refused(-E2BIG, "at most 16 MiB together");
    dir_drop();
    struct gw_web web;
    struct bytes why = BYTES_INIT;
    ck_assert_int_eq(gw_web_load(&web, dir_path, &why), -ENOENT);
    bytes_fini(&why);
    dir_make();
}
END_TEST

START_TEST(test_policy)
{
    struct gw_page page = {0};
    struct bytes why = BYTES_INIT;
    static const char *const good[] = {"ws://10.0.0.7:8080/", "wss://b.example/"};
    static const char *const bad[] = {"ws://x/; script-src *"};

    ck_assert_int_eq(gw_page_load(&page, dir_path, good, 2, &why), 0);
    ck_assert(strstr(page.policy, "connect-src 'self' ws://10.0.0.7:8080/ wss://b.example/"));
    ck_assert(strstr(page.policy, "script-src 'self'; style-src 'self'; "));
    gw_page_fini(&page);
    ck_assert_int_eq(gw_page_load(&page, dir_path, bad, 1, &why), -EINVAL);
    ck_assert_uint_eq(page.web.count, 0);
    bytes_fini(&why);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("gateway web");
    TCase *t = tcase_create("all");

    tcase_add_checked_fixture(t, dir_make, dir_drop);
    tcase_add_test(t, test_load);
    tcase_add_test(t, test_load_refused);
    tcase_add_test(t, test_policy);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
