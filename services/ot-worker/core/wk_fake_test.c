/* The fake shell and its stores; what gateways do is in wk_fake_gateway_test.c. */
#include "wk_fake_test.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

/* --- what is judged when it is sent --- */

struct fake_att *fake_att_of(struct fake *f, uint64_t number)
{
    ck_assert_uint_gt(number, 0);
    ck_assert_uint_le(number, f->att_count);
    return &f->atts[number];
}

/* Permanent, about an op, and not made final by the log itself, nor by the bytes alone. */
static bool wants_close(uint32_t code)
{
    switch (code) {
    case WIRE_E_SEQ_OLD:
    case WIRE_E_SEQ_REUSED:
    case WIRE_E_SESSION_CLOSED:
    case WIRE_E_SESSION_EXPIRED:
    case WIRE_E_READ_ONLY:
    case WIRE_E_NO_SUCH_DOCUMENT:
    case WIRE_E_TOO_MANY_COMPONENTS:
    case WIRE_E_BAD_TITLE:
        return false;
    default:
        return wire_error_info(code)->permanent;
    }
}

static void judge_refused(struct fake *f, const struct wire_to_gateway *item)
{
    struct fake_att *att = fake_att_of(f, item->refused.attachment);

    if (item->refused.seq == 0 || !wants_close(item->refused.code))
        return;
    ck_assert_msg(fake_closed(f, att->doc, &att->session), "I5: refused (%u) without a close",
                  item->refused.code);
}

static void judge_opened(struct fake *f, const struct wire_to_gateway *item)
{
    struct fake_att *att = fake_att_of(f, item->opened.attachment);
    const struct chain_position *at = &item->opened.opened.position;

    ck_assert_msg(at->rev > 0 && store_known(&f->store, att->doc, at), "I4: opened at %llu",
                  (unsigned long long)at->rev);
}

static void judge_entry(struct fake *f, const struct wire_to_gateway *item)
{
    const struct wire_link_entry *e = &item->entry;

    ck_assert_msg(store_known(&f->store, e->doc, &e->after), "I4: entry at %llu",
                  (unsigned long long)e->after.rev);
}

/* --- the table --- */

static uint64_t io_now(void *ctx)
{
    return ((struct fake *)ctx)->now_ms * 1000;
}

static uint64_t io_random(void *ctx)
{
    return rng_u64(&((struct fake *)ctx)->rng);
}

static void io_storage(void *ctx, struct storage_call *call)
{
    struct fake *f = ctx;

    if (call->kind == STORAGE_BEAT) {
        ck_assert_ptr_null(f->beat);
        f->beat = call;
        return;
    }
    ck_assert_uint_lt(f->call_count, FAKE_CALLS_MAX);
    f->calls[f->call_count++] = call;
}

static void io_send(void *ctx, uint64_t boot, struct slice bytes)
{
    struct fake *f = ctx;
    struct wire_to_gateway item;

    ck_assert_uint_lt(f->item_count, FAKE_ITEMS_MAX);
    ck_assert_int_eq(wire_to_gateway_decode(&f->mem, bytes, &item), 0);
    if (item.type == WIRE_TO_GATEWAY_REFUSED)
        judge_refused(f, &item);
    else if (item.type == WIRE_TO_GATEWAY_OPENED)
        judge_opened(f, &item);
    else if (item.type == WIRE_TO_GATEWAY_ENTRY)
        judge_entry(f, &item);
    f->items[f->item_count++] = (struct fake_item){boot, refbuf_copy(bytes)};
}

static void io_event(void *ctx, enum wk_event event, struct slice doc, uint64_t detail)
{
    struct fake *f = ctx;

    f->events[event]++;
    f->event_detail[event] = detail;
}

/* --- membership --- */

static void view_make(struct fake *f, struct cluster_view *ret)
{
    cluster_view_init(ret, f->view_number);
    for (unsigned n = 1; n <= FAKE_MEMBERS; n++) {
        struct cluster_member member;
        enum cluster_state state = f->leaving & 1u << n ? CLUSTER_LEAVING : CLUSTER_LIVE;
        char id[8];
        if (!(f->live & 1u << n) || (n == FAKE_SELF && f->self_gone))
            continue;
        if (n == FAKE_SELF && f->self_leaves)
            state = CLUSTER_LEAVING;
        snprintf(id, sizeof id, "w%u", n);
        MUST(cluster_member_make(slice_str(id), slice_str("ipc://w"), n, state, &member) == 0);
        MUST(cluster_view_add(ret, &member) == 0);
    }
    MUST(cluster_view_seal(ret) == 0);
}

void fake_beats(struct fake *f)
{
    struct storage_call *beat = f->beat;
    struct cluster_view view;

    if (!beat)
        return;
    f->beat = NULL;
    if (f->beats_lost) {
        beat->result = STORAGE_DOWN;
        wk_core_storage_done(f->core, beat);
        return;
    }
    bool leaves = beat->self.state == CLUSTER_LEAVING;
    f->view_number += leaves != f->self_leaves || beat->gone != f->self_gone;
    f->self_leaves = leaves;
    f->self_gone = beat->gone;
    view_make(f, &view);
    beat->view = &view;
    beat->time_ms = FAKE_EPOCH_MS + f->now_ms - f->redis_behind_ms;
    beat->result = STORAGE_OK;
    wk_core_storage_done(f->core, beat);
    cluster_view_fini(&view);
}

void fake_view(struct fake *f, unsigned live)
{
    f->live = live;
    f->view_number++;
}

struct slice fake_doc_of(struct fake *f, unsigned owner, unsigned runner_up)
{
    struct cluster_view view;
    char *id = arena_alloc(&f->mem, 16);
    const struct cluster_member *first, *second;

    view_make(f, &view);
    for (unsigned i = 0;; i++) {
        ck_assert_uint_lt(i, 10000);
        snprintf(id, 16, "doc-%u", i);
        first = cluster_view_owner(&view, cluster_shard_of(slice_str(id)));
        second = cluster_view_runner_up(&view, cluster_shard_of(slice_str(id)));
        if (first && first->boot_id == owner &&
            (!runner_up || (second && second->boot_id == runner_up)))
            break;
    }
    cluster_view_fini(&view);
    return slice_str(id);
}

/* --- storage --- */

static struct storage_call *call_take(struct fake *f, enum storage_kind kind)
{
    struct storage_call *call = fake_call(f, kind);

    f->call_count--;
    memmove(f->calls, f->calls + 1, f->call_count * sizeof f->calls[0]);
    return call;
}

struct storage_call *fake_call(struct fake *f, enum storage_kind kind)
{
    ck_assert_msg(f->call_count > 0, "no call waits, expected %s", storage_kind_name(kind));
    ck_assert_msg(f->calls[0]->kind == kind, "%s waits, expected %s",
                  storage_kind_name(f->calls[0]->kind), storage_kind_name(kind));
    return f->calls[0];
}

void fake_no_call(struct fake *f)
{
    ck_assert_msg(f->call_count == 0, "%s waits", storage_kind_name(f->calls[0]->kind));
}

struct storage_call *fake_carry_out(struct fake *f, enum storage_kind kind)
{
    struct storage_call *call = call_take(f, kind);

    store_step(&f->store, call);
    return call;
}

void fake_answer(struct fake *f, struct storage_call *call)
{
    wk_core_storage_done(f->core, call);
}

void fake_land(struct fake *f, enum storage_kind kind)
{
    fake_answer(f, fake_carry_out(f, kind));
}

void fake_fail(struct fake *f, enum storage_kind kind, enum storage_result result)
{
    struct storage_call *call = call_take(f, kind);

    if (call->lock)
        store_doc(&f->store, call->doc)->locked = false;
    call->lock = NULL;
    call->result = result;
    wk_core_storage_done(f->core, call);
}

void fake_land_lost(struct fake *f, enum storage_kind kind)
{
    struct storage_call *call = call_take(f, kind);
    struct storage_call copy = *call;

    store_step(&f->store, &copy);
    call->result = STORAGE_UNKNOWN;
    wk_core_storage_done(f->core, call);
}

static void call_answer(struct fake *f)
{
    enum storage_kind kind = f->calls[0]->kind;

    if (kind >= STORAGE_LOAD ? f->postgres_down : f->redis_down)
        fake_fail(f, kind, STORAGE_DOWN);
    else
        fake_land(f, kind);
}

static bool due_now(const struct fake *f)
{
    return wk_core_due_ms(f->core) <= f->now_ms;
}

void fake_settle(struct fake *f)
{
    for (unsigned i = 0; f->beat || (f->call_count && !f->calls_held) || due_now(f); i++) {
        ck_assert_msg(i < 20000, "calls without end");
        if (due_now(f))
            wk_core_tick(f->core);
        fake_beats(f);
        if (f->call_count && !f->calls_held)
            call_answer(f);
    }
}

void fake_pass(struct fake *f, uint64_t ms)
{
    for (uint64_t i = 0; i < ms; i += 10) {
        f->now_ms += 10;
        if (f->now_ms >= wk_core_due_ms(f->core))
            wk_core_tick(f->core);
    }
}

void fake_run(struct fake *f, uint64_t ms)
{
    for (uint64_t i = 0; i < ms; i += 10) {
        fake_pass(f, 10);
        fake_settle(f);
    }
}

/* --- life --- */

void fake_start(struct fake *f, void (*edit)(struct wk_config *config))
{
    struct wk_io io = {.ctx = f,
                       .now_us = io_now,
                       .clock_us = io_now,
                       .random = io_random,
                       .storage = {f, io_storage},
                       .send = io_send,
                       .event = io_event};

    *f = (struct fake){.now_ms = 5000, .view_number = 1, .live = 1u << FAKE_SELF};
    f->config = (struct wk_config){.id = "w1",
                                   .address = "ipc://w1",
                                   .boot_id = FAKE_SELF,
                                   .documents_bytes_max = 64u << 20,
                                   .tail_bytes_max = 8u << 20,
                                   .pending_bytes_max = 4u << 20,
                                   .idle_ms = 5000,
                                   .revalidate_ms = 4000};
    if (edit)
        edit(&f->config);
    rng_init(&f->rng, 1);
    arena_init(&f->mem, 256u << 20);
    store_init(&f->store);
    f->core = wk_core_new(&f->config, &io);
    ck_assert_ptr_nonnull(f->core);
    wk_core_start(f->core);
    fake_settle(f); /* joining, then live */
    ck_assert(wk_core_ready(f->core));
}

void fake_stop(struct fake *f)
{
    f->calls_held = f->redis_down = f->postgres_down = f->beats_lost = false;
    for (uint64_t boot = 1; boot <= FAKE_GATEWAYS; boot++)
        wk_core_gateway_gone(f->core, boot);
    for (unsigned i = 0; i < 200 && wk_core_gauges(f->core).documents; i++) {
        for (size_t n = 0; n < f->store.count; n++)
            store_archive(&f->store, bytes_slice(&f->store.docs[n].id), 0, false);
        fake_run(f, 200);
    }
    struct wk_gauges gauges = wk_core_gauges(f->core);
    ck_assert_uint_eq(gauges.documents, 0);
    ck_assert_uint_eq(gauges.attachments, 0);
    ck_assert_uint_eq(gauges.pending_ops, 0);
    ck_assert_uint_eq(gauges.bytes, 0);
    ck_assert_uint_eq(gauges.quarantined, 0);
    fake_stop_left(f);
}

void fake_stop_left(struct fake *f)
{
    f->core = wk_core_free(f->core);
    for (size_t i = 0; i < f->item_count; i++)
        refbuf_unref(f->items[i].bytes);
    store_fini(&f->store);
    arena_fini(&f->mem);
}
