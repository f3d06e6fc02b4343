/*
 * Requests about the algebra (`weftctl ot`): whatever the line, the answer is one JSON object on
 * one line, the same each time, or the bound on memory was met; and a result is in normal form:
 * read and written again it is the same bytes.
 */
#include <errno.h>

#include "json_delta.h"
#include "json_ot.h"

#define MEMORY_MAX ((size_t)64 << 20)

/* False: the bound was met. */
static bool answer(struct slice request, struct bytes *out)
{
    struct arena mem;

    arena_init(&mem, MEMORY_MAX);
    int r = json_ot_answer(&mem, request, out);
    MUST(r == 0 || r == -ENOMEM);
    arena_fini(&mem);
    return r == 0;
}

static bool begins_with(struct slice text, const char *prefix)
{
    size_t size = strlen(prefix);

    return text.size >= size && memcmp(text.data, prefix, size) == 0;
}

static void check_result(struct slice delta)
{
    struct arena mem;
    struct ot_op op;
    struct bytes again = BYTES_INIT;

    arena_init(&mem, MEMORY_MAX);
    int r = json_delta_read(&mem, delta, &op, NULL);
    MUST(r <= 0);
    if (r == 0) {
        json_delta_write(&op, &again);
        MUST(slice_equal(bytes_slice(&again), delta));
    }
    bytes_fini(&again);
    arena_fini(&mem);
}

static void check(struct slice text)
{
    struct arena mem;
    struct bytes canonical = BYTES_INIT;
    struct json_error error;

    MUST(text.size > 2 && !memchr(text.data, '\n', text.size));
    MUST(begins_with(text, "{\"result\":[") || begins_with(text, "{\"index\":") ||
         begins_with(text, "{\"hex\":\"") || begins_with(text, "{\"error\":{\"code\":\""));
    arena_init(&mem, 8 * MEMORY_MAX);
    MUST(json_canonical_write(&mem, text, &canonical, &error) <= 0);
    if (begins_with(text, "{\"result\":"))
        check_result(slice_of(text.data + 10, text.size - 11));
    bytes_fini(&canonical);
    arena_fini(&mem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes first = BYTES_INIT, second = BYTES_INIT;

    if (answer(slice_of(data, size), &first)) {
        check(bytes_slice(&first));
        MUST(answer(slice_of(data, size), &second));
        MUST(slice_equal(bytes_slice(&first), bytes_slice(&second)));
    }
    bytes_fini(&first);
    bytes_fini(&second);
    return 0;
}
