/* The runs of a history: composed when they are wanted, kept as long as there is room. */
#include <errno.h>
#include <stdlib.h>

#include "history_private.h"

static size_t run_bytes(const struct history_run *run)
{
    return sizeof *run + run->size;
}

void history_run_free(struct ot_history *h, struct history_run *run)
{
    struct history_table *table = &h->levels[run->level];

    MUST(run->pins == 0);
    table->at[run->index - table->base] = NULL;
    list_remove(&run->used);
    h->run_bytes -= run_bytes(run);
    free(run);
}

static uint64_t run_start(const struct history_run *run)
{
    return run->index * history_span(run->level);
}

void history_runs_cut(struct ot_history *h)
{
    list_for_each_safe (node, &h->used) {
        struct history_run *run = list_entry(node, struct history_run, used);
        if (run_start(run) < h->first || run_start(run) + history_span(run->level) > h->end)
            history_run_free(h, run);
    }
    for (unsigned level = 0; level < HISTORY_LEVELS; level++)
        history_table_shift(&h->levels[level], h->first / history_span(level));
}

void history_runs_evict(struct ot_history *h)
{
    if (h->run_bytes > h->run_bytes_max)
        history_answers_forget(h);
    list_for_each_safe (node, &h->used) {
        struct history_run *run = list_entry(node, struct history_run, used);
        if (h->run_bytes <= h->run_bytes_max)
            return;
        if (run->pins == 0)
            history_run_free(h, run);
    }
}

static int run_new(struct ot_history *h, unsigned level, uint64_t index, struct slice op,
                   struct history_run **ret)
{
    struct history_table *table = &h->levels[level];
    struct history_run *run = malloc(sizeof *run + op.size);

    if (!run || op.size > UINT32_MAX || history_table_reach(table, index)) {
        free(run);
        return -ENOMEM;
    }
    *run = (struct history_run){.index = index, .level = level, .size = (uint32_t)op.size};
    memcpy(run->op, op.data, op.size);
    list_init(&run->used);
    list_push_back(&h->used, &run->used);
    table->at[index - table->base] = run;
    h->run_bytes += run_bytes(run);
    *ret = run;
    return 0;
}

/* --- what a stretch is made of --- */

static int part_add(struct history_parts *parts, struct slice op, struct history_run *run)
{
    if (parts->count == parts->capacity) {
        size_t capacity = parts->capacity ? 2 * parts->capacity : 64;
        struct slice *ops = realloc(parts->ops, capacity * sizeof *ops);
        if (ops)
            parts->ops = ops;
        struct history_run **runs = realloc(parts->runs, capacity * sizeof(void *));
        if (runs)
            parts->runs = runs;
        if (!ops || !runs)
            return -ENOMEM;
        parts->capacity = capacity;
    }
    parts->ops[parts->count] = op;
    parts->runs[parts->count++] = run;
    if (run)
        run->pins++;
    return 0;
}

static int run_add(struct history_parts *parts, struct history_run *run)
{
    return part_add(parts, slice_of(run->op, run->size), run);
}

static size_t parts_bytes(const struct history_parts *parts)
{
    size_t bytes = 0;

    for (size_t i = 0; i < parts->count; i++)
        bytes += parts->ops[i].size;
    return bytes;
}

/*
 * Is a run of these parts smaller than they are? People type in few places, and what they type and
 * delete again goes: mostly it is. Where a script edits everywhere nothing shrinks, and composing
 * ever longer runs of it costs more than it ever saves.
 */
static bool parts_shrink(unsigned level, const struct history_parts *parts)
{
    if (level < HISTORY_LEVEL_DOUBT || parts_bytes(parts) <= HISTORY_BYTES_DOUBT)
        return true;
    for (size_t i = 0; i < parts->count; i++)
        if (parts->runs[i]->shrank)
            return true;
    return false;
}

static int run_compose(struct ot_history *h, unsigned level, uint64_t index,
                       const struct history_parts *parts, struct history_run **ret)
{
    struct bytes whole = BYTES_INIT;
    int r = history_fold(parts->ops, parts->count, &whole);

    if (!r)
        r = run_new(h, level, index, bytes_slice(&whole), ret);
    if (!r)
        (*ret)->shrank = whole.size < parts_bytes(parts) / 4 * 3;
    bytes_fini(&whole);
    return r;
}

static int run_collect(struct ot_history *h, unsigned level, uint64_t index,
                       struct history_parts *ret);

static int below_collect(struct ot_history *h, unsigned level, uint64_t index,
                         struct history_parts *ret)
{
    uint64_t start = index * HISTORY_CHUNK;
    int r = 0;

    for (unsigned i = 0; level == 0 && i < HISTORY_CHUNK && !r; i++)
        r = part_add(ret, history_op(h, start + i), NULL);
    for (unsigned i = 0; level > 0 && i < HISTORY_FANOUT && !r; i++)
        r = run_collect(h, level - 1, index * HISTORY_FANOUT + i, ret);
    return r;
}

/* Adds a run that is whole in the history, composed if it is not there; or what it would be made
 * of, if that does as well. */
static int run_collect(struct ot_history *h, unsigned level, uint64_t index,
                       struct history_parts *ret)
{
    struct history_run *run = history_table_get(&h->levels[level], index);
    struct history_parts parts = {0};

    if (run) {
        list_remove(&run->used);
        list_push_back(&h->used, &run->used);
        return run_add(ret, run);
    }
    int r = below_collect(h, level, index, &parts);
    if (!r && parts_shrink(level, &parts)) {
        r = run_compose(h, level, index, &parts, &run);
        if (!r)
            r = run_add(ret, run);
    } else {
        for (size_t i = 0; i < parts.count && !r; i++)
            r = part_add(ret, parts.ops[i], parts.runs[i]);
    }
    history_parts_release(h, &parts);
    return r;
}

/* The longest run that begins at `from` and ends by `to`: its level, or -1. */
static int level_fitting(uint64_t from, uint64_t to)
{
    int level = HISTORY_LEVELS - 1;

    while (level >= 0 &&
           (from % history_span((unsigned)level) || to - from < history_span((unsigned)level)))
        level--;
    return level;
}

int history_parts_get(struct ot_history *h, uint64_t from, uint64_t to, struct history_parts *ret)
{
    int r = 0;

    while (from < to && !r) {
        int level = level_fitting(from, to);
        if (level < 0) {
            r = part_add(ret, history_op(h, from++), NULL);
            continue;
        }
        r = run_collect(h, (unsigned)level, from / history_span((unsigned)level), ret);
        from += history_span((unsigned)level);
    }
    return r;
}

void history_parts_release(struct ot_history *h, struct history_parts *parts)
{
    for (size_t i = 0; i < parts->count; i++)
        if (parts->runs[i])
            parts->runs[i]->pins--;
    free(parts->ops);
    free(parts->runs);
    *parts = (struct history_parts){0};
    history_runs_evict(h);
}
