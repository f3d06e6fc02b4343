/* Stretches, cuts, transforms and answers: what a history is asked for. */
#include "ot_history.h"

#include <errno.h>
#include <stdlib.h>

#include "history_private.h"
#include "ot_codec.h"

/* From so many components of the op on it is cheaper to compose first: each part of the stretch
 * would copy all of them. */
#define COMPOSE_COMPS_MIN 32
/* Memory of intermediate results; past it the op is written out and read again. */
#define TRANSFORM_BYTES_MAX (4u << 20)

struct ot_history *ot_history_new(size_t run_bytes_max)
{
    struct ot_history *h = calloc(1, sizeof *h);

    if (!h)
        return NULL;
    h->run_bytes_max = run_bytes_max;
    list_init(&h->used);
    return h;
}

struct ot_history *ot_history_free(struct ot_history *h)
{
    if (!h)
        return NULL;
    ot_history_reset(h, 0);
    history_table_fini(&h->chunks);
    for (unsigned level = 0; level < HISTORY_LEVELS; level++)
        history_table_fini(&h->levels[level]);
    MUST(h->run_bytes == 0 && h->chunk_bytes == 0 && list_empty(&h->used));
    free(h);
    return NULL;
}

uint64_t ot_history_first(const struct ot_history *h)
{
    return h->first;
}

uint64_t ot_history_end(const struct ot_history *h)
{
    return h->end;
}

size_t ot_history_run_bytes(const struct ot_history *h)
{
    return h->run_bytes;
}

size_t ot_history_bytes(const struct ot_history *h)
{
    size_t places = h->chunks.capacity;

    for (unsigned level = 0; level < HISTORY_LEVELS; level++)
        places += h->levels[level].capacity;
    return sizeof *h + h->chunk_bytes + h->run_bytes + places * sizeof(void *);
}

/* --- stretches --- */

int ot_history_compose(struct ot_history *h, uint64_t from, uint64_t to, struct bytes *out)
{
    struct history_parts parts = {0};

    MUST(h->first <= from && from < to && to <= h->end);
    int r = history_parts_get(h, from, to, &parts);
    if (!r && parts.count == 1)
        bytes_append_slice(out, parts.ops[0]);
    else if (!r)
        r = history_fold(parts.ops, parts.count, out);
    history_parts_release(h, &parts);
    return !r && out->failed ? -ENOMEM : r;
}

static int run_part(struct ot_history *h, uint64_t from, uint64_t to,
                    const struct ot_history_walk *walk)
{
    struct bytes op = BYTES_INIT;
    int r = 0;

    if (from == to)
        return 0;
    r = ot_history_compose(h, from, to, &op);
    if (!r)
        r = walk->part(walk->ctx, from, to, bytes_slice(&op), false);
    bytes_fini(&op);
    return r;
}

int ot_history_walk(struct ot_history *h, uint64_t from, uint64_t to,
                    const struct ot_history_walk *walk)
{
    uint64_t start = from;
    int r = 0;

    MUST(h->first <= from && from <= to && to <= h->end);
    for (uint64_t at = from; at < to && !r; at++) {
        if (!walk->cut(walk->ctx, at))
            continue;
        r = run_part(h, start, at, walk);
        if (!r)
            r = walk->part(walk->ctx, at, at + 1, history_op(h, at), true);
        start = at + 1;
    }
    return r ? r : run_part(h, start, to, walk);
}

/* --- answers --- */

void history_answers_forget(struct ot_history *h)
{
    for (unsigned i = 0; i < HISTORY_ANSWERS; i++) {
        struct history_answer *answer = &h->answers[i];
        h->run_bytes -= answer->op.capacity;
        bytes_fini(&answer->op);
        answer->asked_at = 0;
    }
}

/* The one for `from`; else the one that nobody asked for longest, which is for `from` then. */
static struct history_answer *answer_get(struct ot_history *h, uint64_t from, bool *ret_again)
{
    struct history_answer *found = &h->answers[0];

    for (unsigned i = 0; i < HISTORY_ANSWERS; i++) {
        struct history_answer *answer = &h->answers[i];
        if (answer->asked_at && answer->from == from) {
            *ret_again = true;
            answer->asked_at = ++h->asked;
            return answer;
        }
        if (answer->asked_at < found->asked_at)
            found = answer;
    }
    h->run_bytes -= found->op.capacity;
    bytes_fini(&found->op);
    found->from = from;
    found->asked_at = ++h->asked;
    *ret_again = false;
    return found;
}

static int answer_compose(struct ot_history *h, struct history_answer *answer)
{
    struct bytes op = BYTES_INIT;
    int r = answer->op.size ? 0 : ot_history_compose(h, answer->from, h->end, &op);

    if (!r && op.size) {
        answer->op = bytes_steal(&op);
        h->run_bytes += answer->op.capacity;
    }
    bytes_fini(&op);
    return r;
}

/* --- transform --- */

/* The op as written takes its arena's place. */
static int op_compact(struct arena *mem, struct ot_op *op, size_t size_max)
{
    struct bytes out;

    bytes_init(&out, size_max);
    ot_encode(op, &out);
    int r = out.full ? OT_TOO_LARGE : out.failed ? -ENOMEM : 0;
    arena_reset(mem);
    uint8_t *kept = r ? NULL : arena_copy(mem, out.data, out.size);
    if (!r)
        r = kept ? ot_decode(mem, slice_of(kept, out.size), &ot_limits_stored, op) : -ENOMEM;
    bytes_fini(&out);
    return r;
}

/* The result borrows nothing from theirs, so that lives in `scratch`, which is reset. */
static int op_over(struct slice theirs, struct arena *scratch, struct ot_op *op, struct arena *mem,
                   size_t size_max)
{
    struct ot_op other, after;

    arena_reset(scratch);
    int r = ot_decode(scratch, theirs, &ot_limits_stored, &other);
    if (!r)
        r = ot_transform(mem, &other, op, true, &after);
    if (r)
        return r;
    *op = after;
    return mem->used > TRANSFORM_BYTES_MAX ? op_compact(mem, op, size_max) : 0;
}

static int op_over_parts(struct ot_history *h, uint64_t from, struct arena *scratch,
                         struct ot_op *op, struct arena *mem, size_t size_max)
{
    struct history_parts parts = {0};
    int r = history_parts_get(h, from, h->end, &parts);

    for (size_t i = 0; i < parts.count && !r; i++)
        r = op_over(parts.ops[i], scratch, op, mem, size_max);
    history_parts_release(h, &parts);
    return r;
}

int ot_history_transform(struct ot_history *h, uint64_t from, struct ot_op *op, struct arena *mem,
                         size_t size_max)
{
    struct arena scratch;
    bool again;
    int r;

    MUST(h->first <= from && from <= h->end);
    if (from == h->end)
        return 0;
    arena_init(&scratch, SIZE_MAX);
    struct history_answer *answer = answer_get(h, from, &again);
    if (again || op->count >= COMPOSE_COMPS_MIN) {
        r = answer_compose(h, answer);
        if (!r)
            r = op_over(bytes_slice(&answer->op), &scratch, op, mem, size_max);
    } else {
        r = op_over_parts(h, from, &scratch, op, mem, size_max);
    }
    arena_fini(&scratch);
    history_runs_evict(h);
    return r;
}

/* --- what must hold --- */

void ot_history_verify(const struct ot_history *h)
{
    size_t runs = 0, chunks = 0;

    MUST(h->first <= h->end);
    for (struct list *node = h->used.next; node != &h->used; node = node->next) {
        const struct history_run *run = list_entry(node, struct history_run, used);
        uint64_t start = run->index * history_span(run->level);
        MUST(history_table_get(&h->levels[run->level], run->index) == run);
        MUST(start >= h->first && start + history_span(run->level) <= h->end);
        MUST(run->pins == 0);
        runs += sizeof *run + run->size;
    }
    for (unsigned i = 0; i < HISTORY_ANSWERS; i++)
        runs += h->answers[i].op.capacity;
    for (size_t i = 0; i < h->chunks.count; i++) {
        const struct history_chunk *chunk = h->chunks.at[i];
        chunks += chunk ? sizeof *chunk + chunk->data.capacity : 0;
    }
    MUST(runs == h->run_bytes && runs <= h->run_bytes_max && chunks == h->chunk_bytes);
    for (uint64_t at = h->first; at < h->end; at++)
        MUST(history_op(h, at).size > 0);
}
