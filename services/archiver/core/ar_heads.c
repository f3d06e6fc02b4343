/*
 * A slow sweep over the documents of PostgreSQL, which compares each head with the one in Redis.
 * Where Redis is behind or beside, it has lost what is archived, and the job that this begins
 * rebases it (I7).
 *
 * Nobody else may notice: a failover that loses the tail also loses its mark, so the document is
 * not claimed, and workers that loaded it before the commit landed show the old text until somebody
 * writes.
 *
 * A page of heads is read and then compared one by one, one call at a time. PostgreSQL's head was
 * committed before Redis is asked, so a healthy head is not behind it. Where Redis has no head
 * there is nothing to do: the next opener adopts. Of what is damaged the job tells.
 *
 * No document holds up those behind it: what Redis does not answer twice running is passed over
 * (the backend has told of it), and a backlog that takes all places leaves one for what is found
 * here.
 */
#include <stdlib.h>

#include "ar_core_private.h"

/* Bounds a page: what is held of it, and what a turn asks of Redis. */
#define PAGE_DOCS_MAX 1000
#define PAGE_BYTES_MAX (1u << 20)

static void call_send(struct ar_core *core)
{
    core->io.storage.call(core->io.storage.ctx, &core->heads.call);
}

/* What was not compared comes with the next turn. */
static void turn_end(struct ar_core *core)
{
    struct ar_heads *heads = &core->heads;

    heads->call.kind = 0;
    heads->due_ms = core->io.now_ms(core->io.ctx) + core->config.sweep_ms;
    heads->count = heads->at = 0;
    arena_reset(&heads->mem);
}

static void passed(struct ar_heads *heads, struct slice id)
{
    bytes_reset(&heads->after);
    bytes_append_slice(&heads->after, id);
}

static void compare_next(struct ar_core *core)
{
    struct ar_heads *heads = &core->heads;

    if (heads->at == heads->count || core->draining) {
        turn_end(core);
        return;
    }
    const struct ar_head *next = &heads->page[heads->at];
    heads->call = (struct storage_call){.kind = STORAGE_READ,
                                        .owner = &heads->call,
                                        .doc = next->id,
                                        .from_rev = next->position.rev + 1,
                                        .count_max = 1};
    call_send(core);
}

/* As much of it as there is memory for. */
static void page_keep(struct ar_heads *heads)
{
    const struct storage_call *call = &heads->call;

    heads->page = arena_alloc(&heads->mem, (call->doc_count + 1) * sizeof *heads->page);
    for (size_t i = 0; heads->page && i < call->doc_count; i++) {
        struct slice id = call->docs[i];
        uint8_t *copy = arena_copy(&heads->mem, id.data, id.size);
        if (!copy)
            break;
        heads->page[heads->count++] =
            (struct ar_head){.id = slice_of(copy, id.size), .position = call->heads[i]};
    }
}

static void page_done(struct ar_core *core)
{
    struct ar_heads *heads = &core->heads;

    if (heads->call.result == STORAGE_OK) {
        page_keep(heads);
        if (heads->call.doc_count == 0)
            bytes_reset(&heads->after); /* all seen: from the beginning */
    }
    compare_next(core);
}

/* Is it to be worked on? */
static bool wanted(const struct storage_call *call, const struct chain_position *stored)
{
    return call->result == STORAGE_DAMAGED ||
           (call->result == STORAGE_OK && call->has_head && call->head.rev <= stored->rev &&
            !chain_position_equal(&call->head, stored));
}

/* It was not answered: is it to be asked for again, with the next turn? */
static bool asks_again(struct ar_heads *heads)
{
    bool first = !heads->doubted || heads->at > 0;

    if (heads->call.result == STORAGE_DOWN)
        return true;
    heads->doubted = first;
    return first;
}

static void compare_done(struct ar_core *core)
{
    struct ar_heads *heads = &core->heads;
    const struct ar_head *stored = &heads->page[heads->at];
    bool answered = heads->call.result == STORAGE_OK || heads->call.result == STORAGE_DAMAGED;
    bool work = wanted(&heads->call, &stored->position);

    if ((!answered && asks_again(heads)) || (work && core->job_count > core->config.jobs_max)) {
        turn_end(core);
        return;
    }
    passed(heads, stored->id);
    heads->doubted = false;
    if (work)
        (void)ar_core_job_begin(core, cluster_lane_of(stored->id), stored->id);
    heads->at++;
    compare_next(core);
}

void ar_heads_init(struct ar_core *core)
{
    arena_init(&core->heads.mem, PAGE_BYTES_MAX);
}

void ar_heads_fini(struct ar_core *core)
{
    arena_fini(&core->heads.mem);
    bytes_fini(&core->heads.after);
}

void ar_heads_begin(struct ar_core *core)
{
    struct ar_heads *heads = &core->heads;

    heads->call = (struct storage_call){.kind = STORAGE_DOCS,
                                        .owner = &heads->call,
                                        .after = bytes_slice(&heads->after),
                                        .count_max = PAGE_DOCS_MAX};
    call_send(core);
}

void ar_heads_storage_done(struct ar_core *core)
{
    if (core->heads.call.kind == STORAGE_DOCS)
        page_done(core);
    else
        compare_done(core);
}
