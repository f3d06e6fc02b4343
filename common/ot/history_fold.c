/*
 * Many ops as one: neighbours first, then neighbours of these, so that n ops of one size cost n log
 * n and not n * n. Small ones are composed many at a time in one arena; where they are large what
 * is done so far is written out, so that memory is bounded by the largest two and not by their sum.
 */
#include <errno.h>
#include <stdlib.h>

#include "history_private.h"
#include "ot_codec.h"

#define GROUP_COUNT_MAX 64
#define GROUP_BYTES_MAX (64u << 10)

/* How many of these parts are composed in one arena. */
static size_t group_size(const struct slice *parts, size_t count)
{
    size_t n = 0, bytes = 0;

    while (n < count && n < GROUP_COUNT_MAX && (n < 2 || bytes + parts[n].size <= GROUP_BYTES_MAX))
        bytes += parts[n++].size;
    return n;
}

static int group_fold(struct arena *mem, const struct slice *parts, size_t count, struct bytes *out)
{
    struct ot_op ops[GROUP_COUNT_MAX];
    int r = 0;

    arena_reset(mem);
    for (size_t i = 0; i < count && !r; i++)
        r = ot_decode(mem, parts[i], &ot_limits_stored, &ops[i]);
    while (count > 1 && !r) {
        size_t kept = 0;
        for (size_t i = 0; i + 1 < count && !r; i += 2)
            r = ot_compose(mem, &ops[i], &ops[i + 1], &ops[kept++]);
        if (count % 2)
            ops[kept++] = ops[count - 1];
        count = kept;
    }
    if (!r)
        ot_encode(&ops[0], out);
    return !r && out->failed ? -ENOMEM : r;
}

/* One round over the parts; what it makes of them is in `made`, and in parts. */
static int round_fold(struct arena *mem, struct slice *parts, size_t *count, struct bytes *made)
{
    size_t kept = 0;
    int r = 0;

    for (size_t i = 0; i < *count && !r; kept++) {
        size_t n = group_size(parts + i, *count - i);
        struct bytes whole = BYTES_INIT;
        r = group_fold(mem, parts + i, n, &whole);
        for (size_t k = i; k < i + n; k++)
            bytes_fini(&made[k]);
        made[kept] = whole;
        parts[kept] = bytes_slice(&whole);
        i += n;
    }
    *count = kept;
    return r;
}

int history_fold(const struct slice *parts, size_t count, struct bytes *out)
{
    struct arena mem;
    struct slice *left;
    struct bytes *made;
    size_t all = count;

    arena_init(&mem, SIZE_MAX);
    if (group_size(parts, count) == count) {
        int r = group_fold(&mem, parts, count, out);
        arena_fini(&mem);
        return r;
    }
    left = malloc(count * sizeof *left);
    made = calloc(count, sizeof *made);
    int r = left && made ? 0 : -ENOMEM;
    if (!r)
        memcpy(left, parts, count * sizeof *left);
    while (!r && group_size(left, count) < count)
        r = round_fold(&mem, left, &count, made);
    if (!r)
        r = group_fold(&mem, left, count, out);
    for (size_t i = 0; made && i < all; i++)
        bytes_fini(&made[i]);
    free(made);
    free(left);
    arena_fini(&mem);
    return r;
}
