/* The ops of a history: copied into chunks of 64, so that each costs little more than its bytes. */
#include <errno.h>
#include <stdlib.h>

#include "history_private.h"

/* --- tables --- */

void *history_table_get(const struct history_table *table, uint64_t index)
{
    uint64_t at = index - table->base; /* before base: very large */

    return at < table->count ? table->at[at] : NULL;
}

int history_table_reach(struct history_table *table, uint64_t index)
{
    size_t count = (size_t)(index - table->base) + 1;
    if (count > table->capacity) {
        size_t capacity = 2 * count;
        void **at = realloc(table->at, capacity * sizeof *at);
        if (!at)
            return -ENOMEM;
        table->at = at;
        table->capacity = capacity;
    }
    for (; table->count < count; table->count++)
        table->at[table->count] = NULL;
    return 0;
}

void history_table_shift(struct history_table *table, uint64_t base)
{
    if (base <= table->base)
        return;
    uint64_t gone = base - table->base;
    if (gone >= table->count) {
        table->count = 0;
        table->base = base;
    } else if (gone >= table->count / 2) { /* so that dropping one by one costs O(1) each */
        table->count -= gone;
        memmove(table->at, table->at + gone, table->count * sizeof *table->at);
        table->base = base;
    }
}

void history_table_fini(struct history_table *table)
{
    free(table->at);
    *table = (struct history_table){0};
}

/* --- the ops --- */

static size_t chunk_bytes(const struct history_chunk *chunk)
{
    return sizeof *chunk + chunk->data.capacity;
}

static void chunk_free(struct ot_history *h, struct history_chunk *chunk)
{
    h->chunk_bytes -= chunk_bytes(chunk);
    bytes_fini(&chunk->data);
    free(chunk);
}

static struct history_chunk *chunk_get(struct ot_history *h, uint64_t index)
{
    if (history_table_reach(&h->chunks, index))
        return NULL;
    void **place = &h->chunks.at[index - h->chunks.base];
    if (!*place) {
        struct history_chunk *chunk = calloc(1, sizeof *chunk);
        if (!chunk)
            return NULL;
        h->chunk_bytes += chunk_bytes(chunk);
        *place = chunk;
    }
    return *place;
}

/* A chunk that is full keeps no room. */
static void chunk_close(struct history_chunk *chunk)
{
    uint8_t *data = realloc(chunk->data.data, chunk->data.size);

    if (!data)
        return;
    chunk->data.data = data;
    chunk->data.capacity = chunk->data.size;
}

int ot_history_push(struct ot_history *h, struct slice op)
{
    struct history_chunk *chunk = chunk_get(h, h->end / HISTORY_CHUNK);
    unsigned at = h->end % HISTORY_CHUNK;

    MUST(op.size > 0);
    if (!chunk || op.size > UINT32_MAX - chunk->data.size)
        return -ENOMEM;
    h->chunk_bytes -= chunk_bytes(chunk);
    bytes_append_slice(&chunk->data, op);
    bool failed = chunk->data.failed;
    chunk->data.failed = false;
    if (!failed) {
        chunk->ends[at] = (uint32_t)chunk->data.size;
        h->end++;
        if (at == HISTORY_CHUNK - 1)
            chunk_close(chunk);
    }
    h->chunk_bytes += chunk_bytes(chunk);
    if (failed)
        return -ENOMEM;
    history_answers_forget(h);
    return 0;
}

struct slice history_op(const struct ot_history *h, uint64_t number)
{
    const struct history_chunk *chunk = history_table_get(&h->chunks, number / HISTORY_CHUNK);
    unsigned at = number % HISTORY_CHUNK;

    MUST(number >= h->first && number < h->end);
    uint32_t start = at ? chunk->ends[at - 1] : 0;
    return slice_of(chunk->data.data + start, chunk->ends[at] - start);
}

static void chunks_free(struct ot_history *h, uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to; i++) {
        struct history_chunk *chunk = history_table_get(&h->chunks, i);
        if (!chunk)
            continue;
        chunk_free(h, chunk);
        h->chunks.at[i - h->chunks.base] = NULL;
    }
}

void ot_history_drop(struct ot_history *h, uint64_t first)
{
    if (first <= h->first || first > h->end)
        return;
    /* Of a chunk that is dropped in part the bytes stay: 64 ops at most. */
    chunks_free(h, h->chunks.base, first / HISTORY_CHUNK);
    h->first = first;
    history_table_shift(&h->chunks, first / HISTORY_CHUNK);
    history_runs_cut(h);
    history_answers_forget(h);
}

void ot_history_truncate(struct ot_history *h, uint64_t end)
{
    if (end >= h->end)
        return;
    if (end <= h->first) {
        ot_history_reset(h, h->first);
        return;
    }
    chunks_free(h, (end + HISTORY_CHUNK - 1) / HISTORY_CHUNK, h->end / HISTORY_CHUNK + 1);
    if (end % HISTORY_CHUNK) {
        struct history_chunk *chunk = history_table_get(&h->chunks, end / HISTORY_CHUNK);
        chunk->data.size = chunk->ends[end % HISTORY_CHUNK - 1];
    }
    h->end = end;
    history_runs_cut(h);
    history_answers_forget(h);
}

void ot_history_reset(struct ot_history *h, uint64_t first)
{
    chunks_free(h, h->chunks.base, h->chunks.base + h->chunks.count);
    h->chunks.count = 0;
    h->chunks.base = first / HISTORY_CHUNK;
    h->first = h->end = first;
    history_runs_cut(h);
    for (unsigned level = 0; level < HISTORY_LEVELS; level++) {
        h->levels[level].count = 0;
        h->levels[level].base = first / history_span(level);
    }
    history_answers_forget(h);
}
