/*
 * The shared vectors (tests/vectors/README.md): each case is a request of json_ot.h, its answer,
 * and the binary form of its ops. Every implementation reads the same files.
 */
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec_text.h"
#include "json_delta.h"
#include "json_door.h"
#include "json_ot.h"
#include "ot_codec.h"

struct vectors {
    struct arena mem;
    const char *file, *name;
    size_t cases, forms;
};

static struct slice canonical(struct vectors *v, json_t *value)
{
    struct bytes out = BYTES_INIT;

    ck_assert_int_eq(json_value_write(&v->mem, value, &out, NULL), 0);
    struct slice copy = slice_of(arena_copy(&v->mem, out.data, out.size), out.size);
    bytes_fini(&out);
    return copy;
}

static void check_answer(struct vectors *v, json_t *request)
{
    struct bytes out = BYTES_INIT;
    struct json_error error = {0};
    json_t *answer, *member;
    struct slice want = canonical(v, json_object_get(request, "answer"));

    ck_assert_int_eq(json_ot_answer(&v->mem, canonical(v, request), &out), 0);
    ck_assert_msg(json_door_parse(&v->mem, bytes_slice(&out), &answer, &error) == 0, "%s: %s: %s",
                  v->file, v->name, error.text);
    /* Messages are for people: vectors hold the code alone. */
    if ((member = json_object_get(answer, "error")))
        json_object_del(member, "message");
    struct slice got = canonical(v, answer);
    ck_assert_msg(slice_equal(got, want), "%s: %s: %.*s, not %.*s", v->file, v->name, (int)got.size,
                  got.data, (int)want.size, want.data);
    bytes_fini(&out);
    v->cases++;
}

/* {"a": "01…", "result": "01…"}: the binary forms of these members, both ways. */
static void check_forms(struct vectors *v, json_t *request)
{
    const char *member;
    json_t *hex;

    json_object_foreach(json_object_get(request, "hex_of"), member, hex)
    {
        json_t *delta = json_object_get(request, member);
        struct bytes form = BYTES_INIT, text = BYTES_INIT;
        struct ot_op op, back;
        uint8_t raw[4096];

        if (!delta)
            delta = json_object_get(json_object_get(request, "answer"), member);
        ck_assert_int_eq(json_delta_from(&v->mem, delta, &op, NULL), 0);
        ot_encode(&op, &form);
        hex_append(&text, bytes_slice(&form));
        ck_assert_msg(slice_equal(bytes_slice(&text), json_text(hex)), "%s: %s: %s is %.*s",
                      v->file, v->name, member, (int)text.size, text.data);
        ck_assert(text.size / 2 <= sizeof raw && hex_decode(json_text(hex), raw));
        ck_assert_int_eq(ot_decode(&v->mem, slice_of(raw, text.size / 2), &ot_limits_submit, &back),
                         0);
        ck_assert(ot_op_equal(&op, &back));
        bytes_fini(&form);
        bytes_fini(&text);
        v->forms++;
    }
}

static void check_file(struct vectors *v, const char *path)
{
    struct bytes text = BYTES_INIT;
    struct json_error error = {0};
    FILE *file = fopen(path, "rb");
    uint8_t *at;
    size_t size, i;
    json_t *list, *request;

    ck_assert_msg(file != NULL, "%s", path);
    while ((at = bytes_reserve(&text, 65536)) && (size = fread(at, 1, 65536, file)) > 0)
        text.size += size;
    fclose(file);
    arena_reset(&v->mem);
    ck_assert_msg(json_door_parse(&v->mem, bytes_slice(&text), &list, &error) == 0, "%s: %s", path,
                  error.text);
    list = json_object_get(list, "cases");
    ck_assert_uint_gt(json_array_size(list), 0);
    json_array_foreach(list, i, request)
    {
        v->name = json_string_value(json_object_get(request, "name"));
        check_answer(v, request);
        check_forms(v, request);
    }
    bytes_fini(&text);
}

START_TEST(test_vectors)
{
    const char *folder = getenv("WEFT_VECTORS");
    struct vectors v = {.file = NULL};
    DIR *dir = folder ? opendir(folder) : NULL;
    int files = 0;

    ck_assert_msg(dir != NULL, "WEFT_VECTORS must name tests/vectors");
    arena_init(&v.mem, (size_t)1 << 30);
    for (struct dirent *entry; (entry = readdir(dir));) {
        char path[512];
        const char *dot = strrchr(entry->d_name, '.');
        if (!dot || strcmp(dot, ".json") != 0)
            continue;
        v.file = entry->d_name;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        check_file(&v, path);
        files++;
    }
    closedir(dir);
    printf("%d files, %zu cases, %zu binary forms\n", files, v.cases, v.forms);
    ck_assert_int_ge(files, 7);
    arena_fini(&v.mem);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("vectors");
    TCase *tcase = tcase_create("vectors");
    SRunner *runner = srunner_create(suite);

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, test_vectors);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
