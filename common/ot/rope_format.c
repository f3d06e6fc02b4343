#include <errno.h>
#include <stdlib.h>

#include "attrs_pairs.h"
#include "hash.h"
#include "rope_private.h"

struct rope_format_pair {
    UT_hash_handle hh;
    const struct ot_attrs *before, *after; /* a reference of each */
};

static struct rope_format_pair *pair_find(const struct rope_format *format,
                                          const struct ot_attrs *before)
{
    struct rope_format_pair *pair;

    HASH_FIND(hh, format->pairs, &before, sizeof before, pair);
    return pair;
}

int rope_format_add(struct ot_rope *rope, struct rope_format *format, const struct ot_attrs *before,
                    struct arena *scratch)
{
    struct rope_format_pair *pair;
    struct slice list;

    /* Runs come in turn: mostly it is the same question again. */
    if ((format->last && format->last->before == before) || pair_find(format, before))
        return 0;
    arena_reset(scratch);
    int r = attrs_compose(scratch, ot_attrs_list(before), format->change, false, &list);
    if (r || !(pair = calloc(1, sizeof *pair)))
        return -ENOMEM;
    pair->before = before;
    pair->after = ot_attrs_intern(rope->table, list);
    if (pair->after || list.size == 0)
        HASH_ADD(hh, format->pairs, before, sizeof before, pair);
    if (!pair->hh.tbl) {
        ot_attrs_release(rope->table, pair->after);
        free(pair);
        return -ENOMEM;
    }
    ot_attrs_ref(before);
    format->last = pair;
    return 0;
}

const struct ot_attrs *rope_format_of(struct rope_format *format, const struct ot_attrs *before)
{
    if (!format->last || format->last->before != before)
        format->last = pair_find(format, before);
    MUST(format->last); /* learnt from all runs of the range before the first change */
    return format->last->after;
}

void rope_format_fini(struct ot_rope *rope, struct rope_format *format)
{
    struct rope_format_pair *pair, *next;

    HASH_ITER(hh, format->pairs, pair, next)
    {
        HASH_DEL(format->pairs, pair);
        ot_attrs_release(rope->table, pair->before);
        ot_attrs_release(rope->table, pair->after);
        free(pair);
    }
    format->last = NULL;
}
