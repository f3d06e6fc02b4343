#include "gw_fake.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

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

    ck_assert_int_eq(call->kind, STORAGE_BEAT);
    *(call->list == STORAGE_WORKERS ? &f->beat_view : &f->beat_self) = call;
}

/* The JSON form of the tests is the binary one behind a mark. */
static struct refbuf *io_encode(void *ctx, enum gw_variant variant,
                                const struct wire_server_frame *frame, struct slice encoded)
{
    struct fake *f = ctx;
    struct bytes out = BYTES_INIT;

    if (f->encode_fails)
        return NULL;
    if (variant == GW_JSON)
        bytes_append_u8(&out, '{');
    if (frame->type == WIRE_DOWN_ENTRY && encoded.size)
        wire_server_entry_frame(encoded, &out);
    else
        wire_server_frame_encode(frame, &out);
    struct refbuf *bytes = refbuf_copy(bytes_slice(&out));
    bytes_fini(&out);
    return bytes;
}

static enum gw_send io_send(void *ctx, void *conn, struct refbuf *frame)
{
    struct fake_conn *c = conn;

    ck_assert(!c->closed);
    if (c->answer == GW_SEND_FULL)
        return GW_SEND_FULL;
    ck_assert_uint_lt(c->count, FAKE_FRAMES_MAX);
    c->frames[c->count++] = refbuf_ref(frame);
    return c->answer;
}

static void io_close(void *ctx, void *conn, uint32_t code)
{
    struct fake_conn *c = conn;

    ck_assert(!c->closed);
    c->closed = true;
    c->close_code = code;
}

static void io_link_open(void *ctx, const struct cluster_member *worker)
{
    ((struct fake *)ctx)->links_opened++;
}

static void io_link_close(void *ctx, uint64_t boot)
{
    ((struct fake *)ctx)->links_closed++;
}

static bool io_link_send(void *ctx, uint64_t boot, struct slice item)
{
    struct fake *f = ctx;

    if (f->link_down[boot])
        return false;
    ck_assert_uint_lt(f->item_count, FAKE_FRAMES_MAX);
    f->items[f->item_count++] = (struct fake_item){boot, refbuf_copy(item)};
    return true;
}

static void view_make(struct fake *f, struct cluster_view *ret)
{
    cluster_view_init(ret, f->view_number);
    for (unsigned n = 1; n <= FAKE_WORKERS; n++) {
        struct cluster_member member;
        char id[8];
        snprintf(id, sizeof id, "w%u", n);
        if (!(f->live & 1u << n))
            continue;
        MUST(cluster_member_make(slice_str(id), slice_str("ipc://x"), n, CLUSTER_LIVE, &member) ==
             0);
        MUST(cluster_view_add(ret, &member) == 0);
    }
    MUST(cluster_view_seal(ret) == 0);
}

void fake_beats(struct fake *f)
{
    struct storage_call *call = f->beat_view;
    struct cluster_view view;

    f->beat_view = NULL;
    if (call) {
        view_make(f, &view);
        call->view = &view;
        call->result = STORAGE_OK;
        call->time_ms = 1700000000000 + f->now_ms;
        gw_core_storage_done(f->core, call);
        cluster_view_fini(&view);
    }
    call = f->beat_self;
    f->beat_self = NULL;
    if (call) {
        call->result = STORAGE_OK;
        gw_core_storage_done(f->core, call);
    }
}

void fake_view(struct fake *f, unsigned live)
{
    f->live = live;
    f->view_number++;
}

void fake_run(struct fake *f, uint64_t ms)
{
    for (uint64_t i = 0; i < ms; i += 10) {
        f->now_ms += 10;
        if (f->now_ms >= gw_core_due_ms(f->core))
            gw_core_tick(f->core);
        fake_beats(f);
    }
}

void fake_start(struct fake *f, unsigned live, void (*edit)(struct gw_config *config))
{
    struct gw_io io = {.ctx = f,
                       .now_us = io_now,
                       .clock_us = io_now,
                       .random = io_random,
                       .storage = {.ctx = f, .call = io_storage},
                       .encode = io_encode,
                       .send = io_send,
                       .close = io_close,
                       .link_open = io_link_open,
                       .link_close = io_link_close,
                       .link_send = io_link_send};

    *f = (struct fake){.now_ms = 5000, .live = live, .view_number = 1};
    f->config = (struct gw_config){.id = "g1",
                                   .address = "ipc://g1",
                                   .boot_id = 77,
                                   .heartbeat_ms = 15000,
                                   .hello_ms = 5000,
                                   .frames_per_s_max = 100000,
                                   .connections_max = 100,
                                   .unacked_bytes_max = 4 << 20,
                                   .drain_ms = 1000};
    if (edit)
        edit(&f->config);
    rng_init(&f->rng, 1);
    arena_init(&f->mem, 64 << 20);
    f->core = gw_core_new(&f->config, &io);
    ck_assert_ptr_nonnull(f->core);
    gw_core_start(f->core);
    fake_beats(f);
}

void fake_stop(struct fake *f)
{
    struct gw_gauges gauges = gw_core_gauges(f->core);

    ck_assert_uint_eq(gauges.connections, 0);
    ck_assert_uint_eq(gauges.documents, 0);
    ck_assert_uint_eq(gauges.attachments, 0);
    ck_assert_uint_eq(gauges.unacked_bytes, 0);
    f->core = gw_core_free(f->core);
    for (size_t i = 0; i < f->item_count; i++)
        refbuf_unref(f->items[i].bytes);
    arena_fini(&f->mem);
}

void fake_connect(struct fake *f, struct fake_conn *c, enum gw_variant variant)
{
    *c = (struct fake_conn){0};
    c->gw = gw_conn_new(f->core, variant, c);
}

void fake_welcome(struct fake *f, struct fake_conn *c, enum gw_variant variant)
{
    fake_connect(f, c, variant);
    ck_assert_ptr_nonnull(c->gw);
    fake_up(c, (struct wire_client_frame){.type = WIRE_UP_HELLO, .hello = {.version = 1}});
    fake_expect(f, c, WIRE_DOWN_WELCOME);
}

void fake_gone(struct fake_conn *c)
{
    if (c->gw)
        gw_conn_gone(c->gw);
    c->gw = NULL;
    for (size_t i = 0; i < c->count; i++)
        refbuf_unref(c->frames[i]);
    c->count = c->seen = 0;
}

void fake_up(struct fake_conn *c, struct wire_client_frame frame)
{
    gw_conn_frame(c->gw, &frame);
}

bool fake_next(struct fake *f, struct fake_conn *c, struct wire_server_frame *ret)
{
    if (c->seen == c->count)
        return false;
    struct slice in = refbuf_slice(c->frames[c->seen++]);
    if (in.data[0] == '{')
        in = slice_of(in.data + 1, in.size - 1);
    ck_assert_int_eq(wire_server_frame_take(&f->mem, &in, ret), 0);
    ck_assert_uint_eq(in.size, 0);
    return true;
}

struct wire_server_frame fake_expect(struct fake *f, struct fake_conn *c, enum wire_down_type type)
{
    struct wire_server_frame frame;

    ck_assert_msg(fake_next(f, c, &frame), "no frame, expected type %d", type);
    ck_assert_msg(frame.type == type, "frame of type %d, expected %d (error %u)", frame.type, type,
                  frame.type == WIRE_DOWN_ERROR ? frame.error.code : 0);
    return frame;
}

void fake_expect_error(struct fake *f, struct fake_conn *c, uint32_t code)
{
    struct wire_server_frame frame = fake_expect(f, c, WIRE_DOWN_ERROR);

    ck_assert_msg(frame.error.code == code, "error %u, expected %u", frame.error.code, code);
    ck_assert_int_eq(frame.error.scope, wire_error_info(code)->scope);
    if (frame.error.scope == WIRE_SCOPE_CONN) {
        ck_assert(c->closed);
        ck_assert_uint_eq(c->close_code, code);
    }
}

void fake_expect_none(struct fake *f, struct fake_conn *c)
{
    struct wire_server_frame frame;

    ck_assert_msg(!fake_next(f, c, &frame), "a frame of type %d", frame.type);
}

bool fake_item(struct fake *f, uint64_t *ret_boot, struct wire_to_worker *ret)
{
    if (f->item_seen == f->item_count)
        return false;
    struct fake_item *item = &f->items[f->item_seen++];
    ck_assert_int_eq(wire_to_worker_decode(&f->mem, refbuf_slice(item->bytes), ret), 0);
    if (ret_boot)
        *ret_boot = item->boot;
    return true;
}

struct wire_to_worker fake_expect_item(struct fake *f, enum wire_to_worker_type type,
                                       uint64_t *ret_boot)
{
    struct wire_to_worker item;

    ck_assert_msg(fake_item(f, ret_boot, &item), "no item, expected type %d", type);
    ck_assert_int_eq(item.type, type);
    return item;
}

void fake_expect_no_item(struct fake *f)
{
    struct wire_to_worker item;

    ck_assert_msg(!fake_item(f, NULL, &item), "an item of type %d", item.type);
}

void fake_down(struct fake *f, uint64_t boot, const struct wire_to_gateway *item)
{
    struct bytes out = BYTES_INIT;

    wire_to_gateway_encode(item, &out);
    ck_assert(gw_core_item(f->core, boot, bytes_slice(&out)));
    bytes_fini(&out);
}
