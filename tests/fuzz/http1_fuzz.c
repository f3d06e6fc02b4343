/*
 * The request head parser on arbitrary bytes: no beginning of an input is judged otherwise than the
 * whole (bad stays bad, good stays good, and both are seen at the first byte that decides), and all
 * slices lie inside.
 */
#include <stdlib.h>

#include "http1_head.h"

static void check_inside(struct slice s, const uint8_t *data, size_t size)
{
    MUST(s.size == 0 || (s.data >= data && s.data + s.size <= data + size));
}

static int parse(const uint8_t *data, size_t size)
{
    struct http1_request q;
    int status = 0;
    uint8_t *copy = malloc(size + !size); /* its own block: reading past it is seen */
    MUST(copy);
    memcpy(copy, data, size);
    int r = http1_request_parse(slice_of(copy, size), &q, &status);
    if (r == HTTP1_OK) {
        struct bytes path = BYTES_INIT;
        MUST(q.size <= size && q.size <= HTTP1_HEAD_SIZE_MAX);
        check_inside(q.method, copy, q.size);
        check_inside(q.target, copy, q.size);
        check_inside(q.host, copy, q.size);
        for (size_t i = 0; i < q.fields.count; i++) {
            check_inside(q.fields.at[i].name, copy, q.size);
            check_inside(q.fields.at[i].value, copy, q.size);
        }
        if (http1_target_path(q.target, &path))
            MUST(path.size > 0 && path.data[0] == '/');
        bytes_fini(&path);
    }
    MUST((r == HTTP1_BAD) == (status >= 400));
    free(copy);
    return r == HTTP1_BAD ? status : r == HTTP1_OK ? 200 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int verdict = 0;
    for (size_t part = 0; part <= size; part++) {
        int r = parse(data, part);
        MUST(verdict == 0 || r == verdict);
        verdict = r;
    }
    return 0;
}
